/* SPDX-License-Identifier: MIT
 *
 * The nodes that the gateway knows: who they are, what their owner says of them, what it finds out by itself, how it
 * tells that they come and go, and that all of it is there again after a restart.
 */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import path from 'node:path';

import * as http from './lib/http.mjs';
import { card, chat, completion, serves } from './lib/nodes.mjs';
import { VIRTUAL, adviceOf } from './lib/routed.mjs';
import { behaviour, signal } from './lib/stage.mjs';
import { deadPort } from './lib/upstream.mjs';

const register = (gateway, document) => gateway.call('POST', '/nodes', document);
const getNode = (gateway, id) => gateway.call('GET', `/nodes/${encodeURIComponent(id)}`);
const change = (gateway, id, document) => gateway.call('PATCH', `/nodes/${encodeURIComponent(id)}`, document);

/* All nodes but the default one, which answers nowhere in these tests. */
const others = async (gateway) => (await gateway.call('GET', '/nodes')).data.filter((node) => !node.is_default);

const listed = async (gateway) => (await gateway.ask('GET', '/v1/models')).json().data.map(({ id }) => id);

/* -- One URL is one node ------------------------------------------------------------------- */

behaviour('nodes/identity/all-spellings-of-one-address-are-one-node', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway();
  const isPrivate = /^(10|192\.168|172\.(1[6-9]|2\d|3[01]))\./;
  const own = Object.values(networkInterfaces()).flat().find(({ address }) => isPrivate.test(address));
  const hosts = ['127.0.0.1', 'localhost', 'LocalHost', '[::1]', '[0:0:0:0:0:0:0:1]', '[::ffff:127.0.0.1]',
                 'x.localhost', hostname(), hostname().toUpperCase(), `${hostname()}.local`,
                 ...own ? [own.address] : []];
  const urls = [...hosts.map((host) => `http://${host}:${node.port}`), `HTTP://localhost:${node.port}/`,
                `http://127.0.0.1:${node.port}//`, `http://127.0.0.1:${node.port}/v1`];

  for (const url of urls)
    assert.equal((await register(gateway, { id: 'one', base_url: url })).id, 'one', url);
  for (const url of urls)
    assert.equal((await register(gateway, { base_url: url })).id, 'one', url);
  const { id, base_url: url, status } = (await others(gateway))[0];
  assert.deepEqual([id, url, status], ['one', node.url, 'online']);
  assert.equal((await others(gateway)).length, 1);
});

behaviour('nodes/identity/discovery-finds-the-node-that-is-known', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway();

  await register(gateway, { id: 'mine', base_url: node.url, name: 'My own' });
  const urls = [`http://localhost:${node.port}`, `${node.url}/`, `http://[::1]:${node.port}/v1/`];
  const { object, nodes } = await gateway.call('POST', '/discover', { methods: [], base_urls: urls });
  assert.equal(object, 'vampire.discovery_result');
  assert.deepEqual(nodes.map(({ id, name, approval }) => [id, name, approval]), [['mine', 'My own', 'approved']]);
  const local = await gateway.call('POST', '/discover', { methods: ['local'], ports: [node.port] });
  assert.deepEqual(local.nodes.map(({ id }) => id), ['mine']);
  assert.equal((await others(gateway)).length, 1);
});

behaviour('nodes/identity/what-is-another-server-is-another-node', async (stage) => {
  const node = await stage.node(serves(['m']), { host: '0.0.0.0' });
  const gateway = await stage.gateway();
  const urls = ['127.0.0.1', '127.0.0.2', '127.0.0.3'].map((host) => `http://${host}:${node.port}`);
  const ids = new Set();

  for (const url of [...urls, `${urls[0]}/behind`, `${urls[0]}/Behind`])
    ids.add((await register(gateway, { base_url: url })).id);
  assert.equal(ids.size, 5);
  assert.ok(ids.has(`node-127-0-0-2-${node.port}`), [...ids].join(' '));
});

behaviour('nodes/identity/the-gateway-itself-is-none', async (stage) => {
  const gateway = await stage.gateway();
  const urls = ['127.0.0.1', 'localhost', '[::1]'].map((host) => `http://${host}:${gateway.port}`);

  assert.deepEqual((await gateway.call('POST', '/discover', { methods: [], base_urls: urls })).nodes, []);
  const { nodes } = await gateway.call('POST', '/discover', { methods: ['local'], ports: [gateway.port] });
  assert.deepEqual(nodes, []);
  assert.deepEqual(await others(gateway), []);
});

behaviour('nodes/identity/registering-the-default-node-gives-it-its-name', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway({ node });

  await register(gateway, { id: 'studio', base_url: `http://localhost:${node.port}` });
  const { data } = await gateway.call('GET', '/nodes');
  assert.deepEqual(data.map(({ id, is_default: isDefault }) => [id, isDefault]), [['studio', true]]);
});

behaviour('nodes/identity/an-address-that-another-node-has-is-refused', async (stage) => {
  const [first, second] = [await stage.node(serves(['m'])), await stage.node(serves(['m']))];
  const gateway = await stage.gateway();

  await register(gateway, { id: 'a', base_url: first.url });
  await register(gateway, { id: 'b', base_url: second.url });
  for (const [method, target, document] of [
    ['POST', '/nodes', { id: 'b', base_url: `http://localhost:${first.port}` }],
    ['PATCH', '/nodes/b', { base_url: `http://localhost:${first.port}` }],
  ]) {
    const { detail, error } = await gateway.call(method, target, document, { status: 409 });

    assert.equal(error.code, 'conflict');
    assert.match(error.message, /\ba\b/);
    assert.equal(detail, error.message);
  }
  assert.equal((await getNode(gateway, 'b')).base_url, second.url);
});

/* -- Register, get, change, remove --------------------------------------------------------- */

const SEED_MEMBERS = ['id', 'name', 'host', 'base_url', 'provider', 'api_format', 'agent_base_url', 'status', 'trusted',
                      'capabilities', 'tags', 'models', 'request_count', 'error_count', 'active_requests',
                      'queue_depth', 'latency_ms', 'tokens_per_second', 'last_checked_at', 'last_error',
                      'lmstudio_base_url'];

behaviour('nodes/register/shape', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway();
  const answer = await register(gateway, {
    id: 'gpu rig', base_url: `${node.url}/v1/`, name: 'GPU rig', host: 'rig', trusted: true,
    tags: ['fast', 'fast', 'big'], agent_base_url: 'http://127.0.0.1:9', unknown_to_us: 1,
  });

  assert.deepEqual([answer.id, answer.status, answer.trusted], ['gpu rig', 'registered', true]);
  const document = await getNode(gateway, 'gpu rig');
  assert.deepEqual(answer.node, document);
  assert.deepEqual(Object.keys(document).slice(0, SEED_MEMBERS.length), SEED_MEMBERS);
  assert.match(document.last_checked_at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
  assert.ok(document.latency_ms > 0);
  const { name, host, base_url: url, lmstudio_base_url: older, provider, api_format: format, status, tags } = document;
  assert.deepEqual([name, host, url, older, provider, format, status, tags],
                   ['GPU rig', 'rig', node.url, node.url, 'openai-compatible', 'openai-compatible', 'online',
                    ['fast', 'big']]);
  assert.deepEqual([document.approval, document.token.state, document.breaker.state, document.is_default],
                   ['approved', 'not_needed', 'closed', false]);
  assert.deepEqual(document.models.map(({ id, object, owned_by: owner }) => [id, object, owner]),
                   [['m', 'model', 'somebody']]);
  assert.deepEqual([document.request_count, document.error_count], [0, 0], 'probes are no requests');
});

behaviour('nodes/register/also-what-is-off', async (stage) => {
  const gateway = await stage.gateway();
  const url = `http://127.0.0.1:${await deadPort()}`;
  const { status, node } = await register(gateway, { lmstudio_base_url: url });

  assert.deepEqual([status, node.status, node.base_url], ['registered', 'offline', url]);
  assert.match(node.last_error, /cannot be reached \(connection refused\)/);
  assert.deepEqual(node.models, []);
});

behaviour('nodes/register/again-replaces-what-was-said-and-keeps-trust-counts-and-drain', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway();

  await register(gateway, { id: 'a', base_url: node.url, name: 'Old', tags: ['old'], trusted: true });
  await chat(gateway, 'm');
  await change(gateway, 'a', { status: 'draining' });
  const { node: again } = await register(gateway, { id: 'a', base_url: node.url, tags: ['new'] });
  assert.deepEqual([again.name, again.tags, again.trusted, again.request_count, again.status],
                   [null, ['new'], true, 1, 'draining']);
});

behaviour('nodes/change/only-what-is-given', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway();
  const before = { name: 'A', tags: ['x'], trusted: true, host: 'h' };
  const pick = ({ name, tags, trusted, host }) => ({ name, tags, trusted, host });

  await register(gateway, { id: 'a', base_url: node.url, ...before });
  assert.deepEqual(pick(await change(gateway, 'a', {})), before);
  assert.deepEqual(pick(await change(gateway, 'a', { tags: ['y'] })), { ...before, tags: ['y'] });
  assert.deepEqual(pick(await change(gateway, 'a', { name: null, trusted: false })),
                   { name: null, tags: ['y'], trusted: false, host: 'h' });
  const { queue_depth: depth, tokens_per_second: rate } =
    await change(gateway, 'a', { queue_depth: 3, tokens_per_second: 12.5 });
  assert.deepEqual([depth, rate], [3, 12.5]);
});

behaviour('nodes/change/faults-name-the-field-and-change-nothing', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway();

  await register(gateway, { id: 'a', base_url: node.url, name: 'A' });
  const before = await getNode(gateway, 'a');
  for (const [field, value] of [['status', 'asleep'], ['name', 5], ['trusted', 'yes'], ['tags', 'x'], ['tags', [1]],
                                ['tags', ['']], ['provider', 'hal'], ['capabilities', { chat: 1 }], ['queue_depth', -1],
                                ['tokens_per_second', 'fast'], ['base_url', 7], ['name', 'x'.repeat(1000)]]) {
    const { detail, error } = await gateway.call('PATCH', '/nodes/a', { name: 'B', [field]: value }, { status: 422 });

    assert.equal(error.code, 'invalid_field');
    assert.ok(error.message.includes(field), `${field}: ${error.message}`);
    assert.ok(detail[0].loc.includes(field), JSON.stringify(detail));
  }
  const answer = await gateway.call('POST', '/nodes', { base_url: node.url, lmstudio_base_url: 'http://127.0.0.1:1' },
                                    { status: 422 });
  assert.match(JSON.stringify(answer.detail), /base_url and lmstudio_base_url must match/);
  assert.deepEqual(await getNode(gateway, 'a'), before);
});

behaviour('nodes/change/another-address-is-asked-at-once', async (stage) => {
  const [first, second] = [await stage.node(serves(['one'])), await stage.node(serves(['two']))];
  const gateway = await stage.gateway();

  await register(gateway, { id: 'a', base_url: first.url });
  const { models, status } = await change(gateway, 'a', { base_url: second.url });
  assert.deepEqual([models.map(({ id }) => id), status], [['two'], 'online']);
  assert.equal((await chat(gateway, 'one')).status, 404);
  assert.equal((await chat(gateway, 'two')).status, 200);
});

behaviour('nodes/remove/is-gone-for-good', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway();
  const follower = await stage.follower(gateway);

  for (const [method, end] of [['DELETE', ''], ['POST', '/forget']]) {
    await register(gateway, { id: 'a', base_url: node.url });
    assert.deepEqual(await gateway.call(method, `/nodes/a${end}`), { id: 'a', status: 'removed' });
    await follower.next('node', ({ id, change: what }) => id === 'a' && what === 'removed');
    const { detail, error } = await gateway.call('GET', '/nodes/a', undefined, { status: 404 });
    assert.deepEqual([detail, error.code], ['node not found', 'node_not_found']);
    assert.deepEqual(await others(gateway), []);
  }
  for (const [method, target] of [['DELETE', ''], ['PATCH', ''], ['POST', '/approve'], ['POST', '/block'],
                                  ['POST', '/refresh'], ['POST', '/test'], ['DELETE', '/token']])
    await gateway.call(method, `/nodes/a${target}`, method === 'PATCH' ? {} : undefined, { status: 404 });
});

behaviour('nodes/list/filters', async (stage) => {
  const gateway = await stage.gateway();

  for (const id of ['a', 'b', 'c'])
    await register(gateway, { id, base_url: (await stage.node(serves([id]))).url });
  await gateway.call('POST', '/nodes/b/block');
  await change(gateway, 'c', { status: 'maintenance' });
  const ids = async (query) => (await gateway.call('GET', `/nodes?${query}`)).data.map(({ id }) => id);
  assert.deepEqual(await ids('approval=blocked'), ['b']);
  assert.deepEqual(await ids('status=maintenance'), ['c']);
  assert.deepEqual(await ids('approval=approved&status=online'), ['a']);
  const { error } = await gateway.call('GET', '/nodes?approval=maybe', undefined, { status: 422 });
  assert.match(error.message, /approval must be one of pending, approved, blocked/);
});

/* -- What the owner says stays ------------------------------------------------------------- */

for (const status of ['draining', 'disabled', 'maintenance']) {
  behaviour(`nodes/owner/${status}-stays-until-the-owner-ends-it`, async (stage) => {
    const [parked, other] = [await stage.node(serves(['m', 'only'])), await stage.node(serves(['m']))];
    const gateway = await stage.gateway();

    await register(gateway, { id: 'parked', base_url: parked.url });
    await register(gateway, { id: 'other', base_url: other.url });
    assert.equal((await change(gateway, 'parked', { status })).status, status);
    await gateway.ask('GET', '/v1/models');
    await gateway.call('GET', '/models');
    await gateway.call('POST', '/discover', { methods: ['static'], base_urls: [parked.url] });
    await gateway.call('POST', '/nodes/parked/refresh');
    await change(gateway, 'parked', { name: 'Parked' });
    await register(gateway, { base_url: parked.url });
    assert.equal((await getNode(gateway, 'parked')).status, status);
    for (let i = 0; i < 4; i++)
      assert.equal((await chat(gateway, 'm')).status, 200);
    assert.ok((await chat(gateway, 'only')).status >= 400);
    assert.ok(parked.requests.every(({ method }) => method === 'GET'), 'no prompt');
    assert.equal((await change(gateway, 'parked', { status: 'online' })).status, 'online');
    assert.equal((await chat(gateway, 'only')).status, 200);
  });
}

behaviour('nodes/owner/a-drained-node-ends-what-it-has-begun', async (stage) => {
  const asked = signal();
  const drained = signal();
  const node = await stage.node(serves(['m'], async (request, wire) => {
    await wire.write(http.STREAM_HEAD, http.chunk('data: 1\n\n'));
    asked.resolve();
    await drained;
    await wire.write(http.chunk('data: [DONE]\n\n'), http.LAST_CHUNK);
  }));
  const gateway = await stage.gateway();

  await register(gateway, { id: 'a', base_url: node.url });
  const answer = chat(gateway, 'm', { stream: true });
  await asked;
  const { active_requests: active, status } = await change(gateway, 'a', { status: 'draining' });
  assert.deepEqual([active, status], [1, 'draining']);
  assert.ok((await listed(gateway)).includes('m'), 'its models are still there');
  drained.resolve();
  assert.equal((await answer).text(), 'data: 1\n\ndata: [DONE]\n\n');
  assert.equal((await chat(gateway, 'm')).status, 503);
});

behaviour('nodes/owner/capabilities-survive-probes', async (stage) => {
  const node = await stage.node(serves(['m', 'text-embedding-x']));
  const gateway = await stage.gateway();
  const { node: found } = await register(gateway, { id: 'a', base_url: node.url });

  assert.deepEqual([found.capabilities.embeddings, found.capability_sources.embeddings], [true, 'detected']);
  await change(gateway, 'a', { capabilities: { vision: true, embeddings: false } });
  await gateway.call('POST', '/nodes/a/refresh');
  await gateway.ask('GET', '/v1/models');
  const { capabilities, capability_sources: sources } = await getNode(gateway, 'a');
  assert.deepEqual([capabilities.vision, capabilities.embeddings, capabilities.chat], [true, false, true]);
  assert.deepEqual([sources.vision, sources.embeddings, sources.chat], ['owner', 'owner', 'detected']);
});

behaviour('nodes/owner/provider-survives-probes', async (stage) => {
  const node = await stage.node(serves([card('m', { owned_by: 'vllm' })]));
  const gateway = await stage.gateway();
  const provider = async () => {
    const { provider: taken, provider_hint: hint } = (await gateway.call('POST', '/nodes/a/refresh')).node;
    return [taken, hint];
  };

  await register(gateway, { id: 'a', base_url: node.url, provider: 'localai' });
  assert.deepEqual(await provider(), ['localai', 'localai']);
  await change(gateway, 'a', { provider: 'auto' });
  assert.deepEqual(await provider(), ['vllm', 'auto']);
});

behaviour('nodes/owner/a-change-during-a-probe-is-not-lost', async (stage) => {
  const asked = signal();
  const changed = signal();
  let slow = false;
  const node = await stage.node(async (request, wire) => {
    if (slow) {
      asked.resolve();
      await changed;
    }
    return serves(['m'])(request, wire);
  });
  const gateway = await stage.gateway();

  await register(gateway, { id: 'a', base_url: node.url });
  slow = true;
  const refreshed = gateway.call('POST', '/nodes/a/refresh');
  await asked;
  await change(gateway, 'a', { status: 'draining', name: 'Meanwhile', trusted: true });
  changed.resolve();
  const { node: after } = await refreshed;
  assert.deepEqual([after.status, after.name, after.trusted, after.health], ['draining', 'Meanwhile', true, 'online']);
});

/* -- What it finds out by itself ----------------------------------------------------------- */

/* A server that answers these targets, and 404 to the rest. */
const answers = (documents, fields = []) => (request, wire) => {
  const document = documents[request.target];

  return wire.write(document === undefined
    ? http.answer(404, fields, 'not here')
    : http.answer(200, [['Content-Type', 'application/json'], ...fields], JSON.stringify(document)));
};

const openai = (...models) => ({ '/v1/models': { object: 'list', data: models } });
const lmstudioUnknown = { error: 'Unexpected endpoint or method. (GET /x)' };

const servers = {
  'LM Studio 0.4': ['lmstudio', answers({
    '/api/v1/models': { models: [{ type: 'llm', key: 'm', loaded_instances: [] }] },
  })],
  'LM Studio 0.3.6': ['lmstudio', answers({
    '/api/v1/models': lmstudioUnknown,
    '/api/v0/models': { object: 'list', data: [{ id: 'm', object: 'model', type: 'llm', state: 'not-loaded' }] },
  })],
  'an older LM Studio': ['lmstudio', answers({
    '/api/v1/models': lmstudioUnknown, '/api/v0/models': lmstudioUnknown,
    ...openai(card('m', { owned_by: 'organization_owner' })),
  })],
  'Ollama': ['ollama', answers({
    ...openai(card('m', { owned_by: 'library' })), '/api/tags': { models: [{ name: 'm', model: 'm', size: 5 }] },
  })],
  'Ollama without an OpenAI list': ['ollama', answers({ '/api/tags': { models: [{ name: 'm', model: 'm' }] } })],
  'llama.cpp': ['llamacpp', answers(openai(card('m', { owned_by: 'llamacpp', meta: { n_ctx_train: 8192 } })))],
  'llama.cpp by its Server field': ['llamacpp', answers(openai(card('m')), [['Server', 'llama.cpp']])],
  'vLLM': ['vllm', answers(openai(card('m', { owned_by: 'vllm', max_model_len: 4096 })))],
  'LocalAI': ['localai', answers(openai(card('m')), [['X-Powered-By', 'LocalAI']])],
  'KoboldCpp': ['koboldcpp', answers(openai(card('m', { owned_by: 'koboldcpp' })))],
  'text-generation-webui': ['text-generation-webui', answers(openai(card('m')), [['Server', 'oobabooga']])],
  'GPT4All': ['gpt4all', answers(openai(card('m', { owned_by: 'humanity' })))],
  'Jan': ['jan', answers(openai(card('m', { owned_by: 'jan' })))],
  'another Vampire': ['vampire', answers(openai(card('vampire:auto', { owned_by: 'vampire' }), card('m')))],
  'something else': ['openai-compatible', answers(openai(card('m')))],
};

behaviour('nodes/provider/is-detected', async (stage) => {
  const gateway = await stage.gateway();

  for (const [name, [provider, respond]] of Object.entries(servers)) {
    const node = await stage.node(respond);
    const { node: found } = await register(gateway, { base_url: node.url });

    assert.deepEqual([found.provider, found.status, found.models.map(({ id }) => id)], [provider, 'online', ['m']],
                     name);
    assert.equal(found.api_format, provider === 'ollama' ? 'ollama' : 'openai-compatible', name);
  }
});

behaviour('nodes/provider/a-web-server-is-no-node', async (stage) => {
  const page = (request, wire) => wire.write(http.answer(200, [['Content-Type', 'text/html']], '<html>Hello</html>'));
  const node = await stage.node(page);
  const gateway = await stage.gateway();
  const { nodes } = await gateway.call('POST', '/discover', { methods: ['local'], ports: [node.port] });

  assert.deepEqual(nodes, []);
  assert.deepEqual(await others(gateway), []);
  const { node: registered } = await register(gateway, { base_url: node.url });
  assert.match(registered.last_error, /list of models/);
});

behaviour('nodes/models/of-ollama-have-their-details', async (stage) => {
  const node = await stage.node((request, wire) => {
    if (request.target === '/api/show')
      return wire.write(http.json(JSON.parse(request.body).model === 'see:4b' ? {
        capabilities: ['completion', 'vision', 'tools'], details: { family: 'gemma3' },
        model_info: { 'general.architecture': 'gemma3', 'gemma3.context_length': 131072 },
      } : {
        capabilities: ['embedding'], details: { family: 'bert' },
        model_info: { 'general.architecture': 'bert', 'bert.context_length': 512 },
      }));
    return answers({
      '/api/tags': { models: [
        { name: 'see:4b', model: 'see:4b', size: 3338801804, details: { family: 'gemma3', format: 'gguf',
          parameter_size: '4.3B', quantization_level: 'Q4_K_M' } },
        { name: 'plain-name', model: 'plain-name', size: 1000 },
      ] },
      '/api/ps': { models: [{ name: 'see:4b', model: 'see:4b', context_length: 4096 }] },
    })(request, wire);
  });
  const gateway = await stage.gateway();

  await register(gateway, { id: 'o', base_url: node.url });
  const [see, embed] = (await gateway.call('GET', '/models')).data;
  assert.deepEqual([see.model, see.provider, see.kind, see.loaded, see.context_window, see.max_context_length],
                   ['see:4b', 'ollama', 'vlm', true, 4096, 131072]);
  assert.deepEqual([see.size_bytes, see.parameters, see.quantization, see.format, see.architecture],
                   [3338801804, '4.3B', 'Q4_K_M', 'gguf', 'gemma3']);
  assert.deepEqual([see.capabilities.vision, see.capabilities.tools, see.sources.vision], [true, true, 'declared']);
  assert.deepEqual([embed.kind, embed.loaded, embed.max_context_length, embed.capabilities.chat],
                   ['embedding', false, 512, false]);
});

behaviour('nodes/models/facts-of-lm-studio', async (stage) => {
  const simulator = await stage.simulator();
  const gateway = await stage.gateway();

  await register(gateway, { id: 'studio', base_url: simulator.url });
  const { data } = await gateway.call('GET', '/models');
  const find = (id) => data.find(({ model }) => model === id);
  const [qwen, gemma, gpt, embed] = ['qwen/qwen3-4b', 'google/gemma-3-12b', 'openai/gpt-oss-20b',
                                     'text-embedding-nomic-embed-text-v1.5'].map(find);
  assert.equal(data.length, 6);
  assert.deepEqual([qwen.node, qwen.provider, qwen.kind, qwen.loaded], ['studio', 'lmstudio', 'llm', true]);
  assert.equal(qwen.instances.length, 1);
  assert.ok(qwen.instances[0].context_length > 0 && qwen.instances[0].parallel > 0);
  assert.equal(qwen.context_window, qwen.instances[0].context_length);
  assert.ok(qwen.max_context_length >= qwen.context_window && qwen.size_bytes > 0);
  assert.match(`${qwen.format} ${qwen.quantization} ${qwen.architecture}`, /^gguf \S+ \S+$/);
  assert.deepEqual([gemma.kind, gemma.loaded, gemma.capabilities.vision, gemma.context_window],
                   ['vlm', false, true, null]);
  assert.ok(gpt.capabilities.reasoning && gpt.capabilities.reasoning_options.includes('low'));
  assert.deepEqual([embed.kind, embed.capabilities.chat, embed.capabilities.embeddings], ['embedding', false, true]);
  for (const fact of ['kind', 'loaded', 'context', 'vision', 'tools'])
    assert.equal(qwen.sources[fact], 'declared', fact);
});

behaviour('nodes/models/a-bad-entry-is-skipped-and-counted', async (stage) => {
  const bad = [null, 7, 'm', [], {}, { id: 5 }, { id: '' }, { id: ' x' }, { id: 'a\nb' }, { id: 'x'.repeat(10_000) },
               card('vampire:auto')];
  const good = [card('good'), card('odd', { created: 'yesterday', owned_by: null }),
                card('also', { object: 'no model' })];
  const node = await stage.node(answers({ '/v1/models': { object: 'list', data: [card('good'), ...bad, ...good] } }));
  const gateway = await stage.gateway();
  const { node: found } = await register(gateway, { id: 'a', base_url: node.url });

  assert.deepEqual(found.models.map(({ id }) => id), ['good', 'odd', 'also']);
  assert.deepEqual([found.status, found.models_count, found.models_skipped], ['online', 3, bad.length + 1]);
  assert.deepEqual(await listed(gateway), [...VIRTUAL, 'good', 'odd', 'also']);
});

/* -- Health -------------------------------------------------------------------------------- */

/* Several looks of a second each are waited for. */
behaviour('nodes/health/comes-and-goes-by-itself', async (stage) => {
  let alive = true;
  const node = await stage.node((request, wire) => (alive ? serves(['m'])(request, wire) : wire.reset()));
  const gateway = await stage.gateway({ env: { VAMPIRE_HEALTH_SECONDS: '1' } });
  const follower = await stage.follower(gateway);
  const becomes = (status) => follower.next('node', (data) => data.id === 'a' && data.status === status);

  await register(gateway, { id: 'a', base_url: node.url });
  await becomes('online');
  assert.ok((await listed(gateway)).includes('m'));
  alive = false;
  const { data } = await becomes('offline');
  assert.match(data.last_error, /took the question but gave no answer/);
  const answer = await chat(gateway, 'm');
  assert.deepEqual([answer.status, answer.json().error.code], [503, 'no_route_target'], 'it was not asked');
  assert.match(answer.json().error.message, /: a is off\.$/);
  assert.deepEqual(adviceOf(answer.head), { retry: null, after: '10' }, 'it may come back');
  assert.equal((await gateway.ask('GET', '/v1/models')).status, 502, 'its models went with it');
  await gateway.waitFor(/ warning .*took the question but gave no answer/);
  alive = true;
  await becomes('online');
  assert.equal((await chat(gateway, 'm')).status, 200);
});

behaviour('nodes/health/nobody-is-asked-when-it-is-off', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway({ node });

  await gateway.status();
  await gateway.call('GET', '/nodes');
  assert.equal(node.wires.length, 0);
});

behaviour('nodes/health/learns-from-traffic', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway();

  await register(gateway, { id: 'a', base_url: node.url });
  const follower = await stage.follower(gateway);
  await node.close();
  assert.equal((await chat(gateway, 'm')).status, 502);
  const { data } = await follower.next('node', ({ id }) => id === 'a');
  assert.deepEqual([data.status, data.error_count, data.request_count], ['offline', 1, 1]);
});

behaviour('nodes/health/refresh-and-test-say-how-it-is', async (stage) => {
  let alive = true;
  const node = await stage.node((request, wire) => (alive ? serves(['m'])(request, wire) : wire.reset()));
  const gateway = await stage.gateway();

  await register(gateway, { id: 'a', base_url: node.url });
  const well = await gateway.call('POST', '/nodes/a/test');
  assert.equal(well.ok, true);
  assert.match(well.message, /^a answers within \d+ ms, with 1 model\.$/);
  alive = false;
  const { status, node: after } = await gateway.call('POST', '/nodes/a/refresh');
  assert.deepEqual([status, after.status], ['refreshed', 'offline']);
  const ill = await gateway.call('POST', '/nodes/a/test');
  assert.deepEqual([ill.ok, ill.latency_ms], [false, null]);
  assert.equal(ill.message, after.last_error);
});

behaviour('nodes/breaker/opens-after-failures-and-closes-after-a-success', async (stage) => {
  let broken = true;
  const node = await stage.node(serves(['m'], (request, wire) =>
    wire.write(broken ? http.json({ error: 'out of memory' }, 500) : completion('ok'))));
  const gateway = await stage.gateway();

  await register(gateway, { id: 'a', base_url: node.url });
  const follower = await stage.follower(gateway);
  for (let i = 0; i < 3; i++)
    assert.equal((await chat(gateway, 'm')).status, 500);
  const { data } = await follower.next('node', ({ breaker }) => breaker.state === 'open');
  assert.deepEqual([data.id, data.breaker.failures, data.status, data.error_count], ['a', 3, 'degraded', 3]);
  assert.ok(data.breaker.retry_in_seconds > 0);
  const { nodes } = await gateway.call('GET', '/metrics');
  assert.equal(nodes.find(({ node: id }) => id === 'a').breaker, 'open');
  const { node: probed } = await gateway.call('POST', '/nodes/a/refresh');
  assert.deepEqual([probed.status, probed.breaker.state], ['degraded', 'open'], 'a list proves nothing');
  broken = false;
  assert.equal((await chat(gateway, 'm')).status, 200, 'there is nowhere better to go');
  const { status, breaker, last_error: error } = await getNode(gateway, 'a');
  assert.deepEqual([status, breaker.state, breaker.failures, error], ['online', 'closed', 0, null]);
});

behaviour('nodes/breaker/requests-go-elsewhere-while-it-is-open', async (stage) => {
  const failing = await stage.node(serves(['m', 'n'], (request, wire) => wire.write(http.json({ error: 'x' }, 500))));
  const well = await stage.node(serves(['m']));
  const gateway = await stage.gateway();

  await register(gateway, { id: 'failing', base_url: failing.url });
  await register(gateway, { id: 'well', base_url: well.url });
  for (let i = 0; i < 3; i++)
    await chat(gateway, 'n');
  const before = failing.requests.length;
  for (let i = 0; i < 6; i++)
    assert.equal((await chat(gateway, 'm')).status, 200);
  assert.equal(failing.requests.length, before);
});

/* -- Restarts ------------------------------------------------------------------------------ */

/* What has to be there again. */
const lasting = ({ id, name, host, base_url: url, approval, status, trusted, tags, provider_hint: hint, capabilities,
                   agent_base_url: agent, capability_sources: sources, queue_depth: depth, found }) => ({
  id, name, host, url, approval, trusted, tags, hint, agent, depth, foundBy: found.by, firstSeen: found.first_seen,
  parked: /^(draining|disabled|maintenance)$/.test(status) ? status : null,
  said: Object.entries(sources).filter(([, source]) => source === 'owner').map(([name]) => [name, capabilities[name]]),
});

async function fillRegistry(stage, gateway) {
  for (const id of ['zebra', 'ant', 'mole'])
    await register(gateway, { id, base_url: (await stage.node(serves([id]))).url });
  await gateway.call('POST', '/discover', { methods: [], base_urls: [(await stage.node(serves(['found']))).url] });
  await change(gateway, 'zebra', {
    name: 'Zebra', host: 'stripes', trusted: true, tags: ['b', 'a'], provider: 'vllm', status: 'draining',
    queue_depth: 2, agent_base_url: 'http://127.0.0.1:9', capabilities: { vision: true, chat: false },
  });
  await gateway.call('POST', '/nodes/mole/block');
}

for (const [how, end] of [
  ['after-a-stop', (gateway) => gateway.stop()],
  ['after-kill-9', async (gateway) => {
    gateway.expectedEnd = { code: null, signal: 'SIGKILL' };
    await gateway.kill();
  }],
]) {
  behaviour(`nodes/restart/all-is-there-again-${how}`, async (stage) => {
    const gateway = await stage.gateway();

    await fillRegistry(stage, gateway);
    const before = (await others(gateway)).map(lasting);
    assert.deepEqual(before.map(({ id, approval }) => [id, approval]),
                     [['zebra', 'approved'], ['ant', 'approved'], ['mole', 'blocked'], [before[3].id, 'pending']]);
    await end(gateway);
    const again = await stage.gateway({ home: gateway.home });
    assert.deepEqual((await others(again)).map(lasting), before);
    assert.ok((await listed(again)).includes('ant'));
  });
}

behaviour('nodes/restart/what-was-forgotten-stays-forgotten', async (stage) => {
  const gateway = await stage.gateway();

  await fillRegistry(stage, gateway);
  await gateway.call('DELETE', '/nodes/zebra');
  gateway.expectedEnd = { code: null, signal: 'SIGKILL' };
  await gateway.kill();
  const again = await stage.gateway({ home: gateway.home });
  assert.deepEqual((await others(again)).map(({ id }) => id).slice(0, 2), ['ant', 'mole']);
});

const database = (gateway) => path.join(gateway.home.path, 'data', 'vampire', 'vampire.db');

for (const [how, damage] of [
  ['no-database-at-all', () => Buffer.from('This is not a database, whatever its name says.\n'.repeat(100))],
  ['cut-short', (whole) => whole.subarray(0, whole.length - 4096)],
  ['overwritten-in-the-middle', (whole) => Buffer.from(whole).fill(0xa5, 100)],
]) {
  behaviour(`nodes/restart/a-damaged-database-is-set-aside-and-said/${how}`, async (stage) => {
    const node = await stage.node(serves(['m']));
    const gateway = await stage.gateway();

    await register(gateway, { id: 'a', base_url: node.url });
    await gateway.stop();
    const damaged = damage(readFileSync(database(gateway)));
    writeFileSync(database(gateway), damaged);

    const again = await stage.gateway({ home: gateway.home });
    const { store } = await again.status();
    assert.match(path.basename(store.set_aside), /^vampire\.db\.damaged-\d{8}T\d{6}Z$/);
    assert.equal(store.trouble, null);
    assert.deepEqual(readFileSync(store.set_aside), damaged, 'nothing of it is lost');
    const [line] = await again.waitFor(/ warning .* is damaged; .*\n/);
    assert.ok(line.includes(store.set_aside), line);
    assert.deepEqual(await others(again), []);
    await register(again, { id: 'b', base_url: node.url });
    await again.stop();

    const third = await stage.gateway({ home: gateway.home });
    assert.deepEqual((await others(third)).map(({ id }) => id), ['b'], 'the fresh one lasts');
    assert.equal((await third.status()).store.set_aside, null);
    assert.ok(readdirSync(path.dirname(database(gateway))).includes(path.basename(store.set_aside)));
  });
}

behaviour('nodes/list/without-models', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(serves(['m', 'n'])) });

  await gateway.ask('GET', '/v1/models');
  const { data: [whole] } = await gateway.call('GET', '/nodes');
  const { data: [brief] } = await gateway.call('GET', '/nodes?models=false');
  assert.deepEqual([whole.models.length, brief.models, brief.models_count], [2, undefined, 2]);
  const { models, ...rest } = whole;
  assert.deepEqual(Object.keys(brief), Object.keys(rest));
  assert.match((await gateway.call('GET', '/nodes?models=no', undefined, { status: 422 })).error.message,
               /models must be one of true, false/);
});
