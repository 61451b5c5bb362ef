/* SPDX-License-Identifier: MIT
 *
 * Many nodes as one service: the list of all their models, which node a request goes to, and that nothing of it is
 * changed on the way but the model's name.
 */

import assert from 'node:assert/strict';
import test from 'node:test';

import * as http from './lib/http.mjs';
import { card, chat, serves } from './lib/nodes.mjs';
import { VIRTUAL } from './lib/routed.mjs';
import { behaviour, signal } from './lib/stage.mjs';
import { elapsed } from './lib/time.mjs';
import { Wire } from './lib/wire.mjs';

const OpenAI = (await import('openai').catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND')
    throw error;
  return {};
})).default;

const withClient = (name, body) =>
  (OpenAI ? behaviour(name, body) : test(name, { skip: 'run npm ci in tests/blackbox first' }, () => {}));

/* For so long a look at the nodes is taken for fresh. */
const FRESH_MS = 1000;

const EMBEDDER = 'text-embedding-nomic-embed-text-v1.5';

const register = (gateway, document) => gateway.call('POST', '/nodes', document);
const park = (gateway, id, status) => gateway.call('PATCH', `/nodes/${id}`, { status });
const route = (gateway, document) => gateway.call('POST', '/routes', document);

const list = async (gateway, query = '') => (await gateway.ask('GET', `/v1/models${query}`)).json();
const listed = async (gateway) => (await list(gateway)).data.map(({ id }) => id);
const retrieve = (gateway, id, query = '') => gateway.ask('GET', `/v1/models/${id}${query}`);

/* A gateway whose nodes are the @nodes by their names, and no other. */
async function gatewayOf(stage, nodes, options) {
  const [[firstId, first], ...rest] = Object.entries(nodes);
  const gateway = await stage.gateway({ node: first, ...options });

  await register(gateway, { id: firstId, base_url: first.url });
  for (const [id, { url }] of rest)
    await register(gateway, { id, base_url: url });
  return gateway;
}

/* A simulated LM Studio that has these models. */
const studio = (stage, ...models) =>
  stage.simulator({ args: ['--fast', ...models.map((model) => `--model=${model}`)] });

const errorOf = (answer) => [answer.status, answer.json().error.code];

/* The prompts that a scripted node got. */
const prompts = (node) => node.requests.filter(({ method }) => method === 'POST');

/* How many prompts a simulated one got. */
const asked = async (simulator, path = '/v1/chat/completions') =>
  (await simulator.stats()).requests_by_path[`POST ${path}`] ?? 0;

/* -- The list ------------------------------------------------------------------------------ */

behaviour('catalogue/list/virtual-ones-first-and-each-once', async (stage) => {
  const gateway = await gatewayOf(stage, {
    one: await stage.node(serves(['zebra', card('shared', { owned_by: 'first' })])),
    two: await stage.node(serves([card('shared', { owned_by: 'second' }), 'ant', 'twice', 'twice'])),
  });

  for (const [id, name] of [['r1', 'vampire:night'], ['r2', 'house'], ['r3', 'Attic'], ['r4', 'house']])
    await route(gateway, { id, virtual_model: name });
  const { object, data, ...more } = await list(gateway);
  assert.deepEqual([object, more], ['list', {}]);
  assert.deepEqual(data.map(({ id, owned_by: owner }) => [id, owner]), [
    ...['Attic', 'house', ...VIRTUAL, 'vampire:night'].sort().map((name) => [name, 'vampire']),
    ['zebra', 'somebody'], ['shared', 'first'], ['ant', 'somebody'], ['twice', 'somebody'],
  ]);
  for (const entry of data) {
    assert.deepEqual(Object.keys(entry), ['id', 'object', 'created', 'owned_by']);
    assert.equal(entry.object, 'model');
    assert.ok(Number.isInteger(entry.created) && entry.created > 0, JSON.stringify(entry));
  }
  assert.deepEqual((await list(gateway)).data, data, 'and the same again');
});

behaviour('catalogue/list/a-virtual-one-hides-a-nodes-of-its-name', async (stage) => {
  const models = ['m'];
  const node = await stage.node(serves(models));
  const gateway = await gatewayOf(stage, { a: node });

  await route(gateway, { id: 'r', virtual_model: 'house', targets: [{ node: 'a', model: 'm' }] });
  models.push('house', 'vampire:auto', 'vampire:evil');
  await gateway.call('POST', '/nodes/a/refresh');
  assert.deepEqual(await listed(gateway), ['house', ...VIRTUAL, 'm']);
  await chat(gateway, 'house');
  assert.equal(JSON.parse(prompts(node)[0].body).model, 'm');
  const { error } = await gateway.call('POST', '/routes', { id: 'r2', virtual_model: 'm' }, { status: 409 });
  assert.equal(error.code, 'conflict');
});

behaviour('catalogue/list/of-the-nodes-that-may-be-asked-only', async (stage) => {
  const nodes = {};
  let off = false;

  for (const id of ['online', 'draining', 'disabled', 'maintenance', 'quarantine', 'blocked'])
    nodes[id] = await stage.node(serves([`of-${id}`]));
  nodes.offline = await stage.node((request, wire) => (off ? wire.destroy() : serves(['of-offline'])(request, wire)));
  const gateway = await gatewayOf(stage, nodes);
  const found = await stage.node(serves(['of-pending']));
  await gateway.call('POST', '/discover', { methods: [], base_urls: [found.url] });
  const all = [...VIRTUAL, ...Object.keys(nodes).map((id) => `of-${id}`)];
  assert.deepEqual(await listed(gateway), all, 'all but the one that waits for approval');

  for (const id of ['draining', 'disabled', 'maintenance', 'quarantine'])
    await park(gateway, id, id);
  await gateway.call('POST', '/nodes/blocked/block');
  off = true;
  await gateway.call('POST', '/nodes/offline/refresh');
  assert.deepEqual(await listed(gateway), [...VIRTUAL, 'of-online', 'of-draining']);
  for (const id of ['disabled', 'maintenance', 'quarantine', 'blocked', 'offline', 'pending']) {
    for (const name of [`of-${id}`, `of-${id}@${id}`])
      assert.deepEqual(errorOf(await retrieve(gateway, name)), [404, 'model_not_found']);
    assert.ok([404, 503].includes((await chat(gateway, `of-${id}`)).status), id);
  }
  assert.equal((await chat(gateway, 'of-draining')).status, 503, 'it is there, and takes nothing new');

  off = false;
  await gateway.call('POST', '/nodes/offline/refresh');
  await gateway.call('POST', '/nodes/blocked/approve');
  for (const id of ['draining', 'disabled', 'maintenance', 'quarantine'])
    await park(gateway, id, 'online');
  assert.deepEqual(await listed(gateway), all);
});

behaviour('catalogue/list/of-simulated-lm-studios', async (stage) => {
  const gateway = await gatewayOf(stage, {
    built: await stage.simulator(), mine: await studio(stage, 'acme/one', 'qwen/qwen3-4b'),
    old: await stage.simulator({ args: ['--fast', '--version=0.3.0', '--model=old/model'] }),
  });
  const ids = await listed(gateway);

  for (const id of ['qwen/qwen3-4b', 'google/gemma-3-12b', EMBEDDER, 'acme/one', 'old/model'])
    assert.equal(ids.filter((other) => other === id).length, 1, id);
  assert.equal(ids.length, new Set(ids).size);
  assert.equal(ids[0], 'vampire:auto');
});

behaviour('catalogue/list/detail-only-when-asked-for', async (stage) => {
  const gateway = await gatewayOf(stage, {
    built: await stage.simulator(), mine: await studio(stage, 'qwen/qwen3-4b', 'acme/one'),
  });
  const { data } = await list(gateway, '?vampire_detail=true');
  const find = (id) => data.find((entry) => entry.id === id);

  assert.deepEqual(find('vampire:auto').vampire, { type: 'virtual' });
  const { type, nodes } = find('qwen/qwen3-4b').vampire;
  assert.deepEqual([type, nodes.map(({ node }) => node)], ['physical', ['built', 'mine']]);
  const [first, second] = nodes;
  assert.deepEqual([first.status, first.active_requests], ['online', 0]);
  assert.ok(first.latency_ms > 0);
  assert.deepEqual([first.loaded, second.loaded], [true, false]);
  assert.ok(first.context_window > 0 && first.quantization, JSON.stringify(first));
  assert.deepEqual(find('acme/one').vampire.nodes.map(({ node }) => node), ['mine']);

  const one = (await retrieve(gateway, 'acme/one', '?vampire_detail=true')).json();
  assert.deepEqual(one, find('acme/one'));
  for (const query of ['', '?vampire_detail=false', '?vampire_detail', '?x=vampire_detail=true',
                       '?vampire_detail=trueish'])
    assert.ok((await list(gateway, query)).data.every((entry) => !('vampire' in entry)), query);
  assert.ok((await list(gateway, '?a=b&vampire_detail=true&c')).data.every((entry) => 'vampire' in entry));
});

behaviour('catalogue/list/head', async (stage) => {
  const gateway = await gatewayOf(stage, { a: await stage.node(serves(['m'])) });

  for (const target of ['/v1/models', '/v1/models/', '/v1/models/m', '/v1/models/none',
                        '/v1/models?vampire_detail=true']) {
    const get = await gateway.ask('GET', target);
    const head = await gateway.ask('HEAD', target);

    assert.equal(head.status, get.status, target);
    assert.equal(head.head.length, get.body.length, target);
    assert.equal(head.head.get('Content-Type'), 'application/json');
  }
});

behaviour('catalogue/list/nobody-there', async (stage) => {
  const gateway = await stage.gateway();

  for (const answer of [await gateway.ask('GET', '/v1/models'), await retrieve(gateway, 'm'),
                        await chat(gateway, 'm')]) {
    assert.deepEqual(errorOf(answer), [502, 'upstream_unavailable']);
    assert.match(answer.json().error.message, /127\.0\.0\.1:1\b.*connection refused/);
  }
  await register(gateway, { base_url: (await stage.node(serves(['m']))).url });
  assert.deepEqual(await listed(gateway), [...VIRTUAL, 'm']);
  assert.equal((await chat(gateway, 'm')).status, 200);
});

behaviour('catalogue/list/other-methods-go-to-a-node', async (stage) => {
  const node = await stage.node((request, wire) => (request.method === 'GET' ? serves(['m'])(request, wire)
                                                                             : wire.write(http.answer(418))));
  const gateway = await gatewayOf(stage, { a: node });

  assert.equal((await gateway.ask('DELETE', '/v1/models/m')).status, 418);
});

/* -- One model ----------------------------------------------------------------------------- */

behaviour('catalogue/one/ids-of-all-kinds', async (stage) => {
  const ids = ['plain', 'org/model', 'a/b/c', 'with space', 'grün/größer', 'q4@k_m', 'ends@', '100%', 'a?b', 'a#b',
               'a+b', 'gpt-oss:20b', '..', 'a/../b', "it's", '🦇', 'models'];
  const gateway = await gatewayOf(stage, { a: await stage.node(serves(ids)) });

  for (const id of [...ids, 'vampire:auto']) {
    const answer = await retrieve(gateway, encodeURIComponent(id));

    assert.equal(answer.status, 200, id);
    assert.deepEqual(Object.keys(answer.json()), ['id', 'object', 'created', 'owned_by']);
    assert.equal(answer.json().id, id);
    assert.equal((await chat(gateway, id)).status, 200, id);
  }
  for (const path of ['org/model', 'a/b/c', 'a%2fb%2Fc', 'a/../b', 'vampire:auto', 'vampire%3Aauto', 'plain?x=y'])
    assert.equal((await retrieve(gateway, path)).status, 200, path);
  for (const path of ['none', 'org', 'org/', 'PLAIN', 'plain/', '/plain', 'plain%00', '%zz', '%', '%ff', 'vampire:none',
                      'plain%20', '@', '@a', 'plain@', 'plain@b', 'none@a'])
    assert.deepEqual(errorOf(await retrieve(gateway, path)), [404, 'model_not_found'], path);
});

behaviour('catalogue/one/model-at-node', async (stage) => {
  const first = await stage.node(serves(['m', 'only-first', 'x@q4']));
  const second = await stage.node(serves(['m']));
  const gateway = await gatewayOf(stage, { 'first': first, 'se cond': second });

  for (let i = 0; i < 3; i++)
    assert.equal((await chat(gateway, 'm@se cond')).status, 200);
  assert.deepEqual(prompts(second).map(({ body }) => JSON.parse(body).model), ['m', 'm', 'm']);
  assert.equal(prompts(first).length, 0);
  assert.equal((await chat(gateway, 'x@q4@first')).status, 200);
  assert.equal((await chat(gateway, 'x@q4')).status, 200, 'an id of its own');
  assert.deepEqual(prompts(first).map(({ body }) => JSON.parse(body).model), ['x@q4', 'x@q4']);

  const { id, owned_by: owner } = (await retrieve(gateway, 'm%40se%20cond')).json();
  assert.deepEqual([id, owner], ['m@se cond', 'se cond']);
  for (const name of ['only-first@se cond', 'm@third', 'm@', '@first', 'none@first'])
    assert.deepEqual(errorOf(await chat(gateway, name)), [404, 'model_not_found'], name);
  await park(gateway, 'first', 'disabled');
  assert.deepEqual(errorOf(await chat(gateway, 'm@first')), [503, 'no_route_target'], 'no other could be meant');
  assert.equal((await chat(gateway, 'm')).status, 200);
});

/* -- As an ordinary client sees it --------------------------------------------------------- */

withClient('catalogue/openai/lists-and-uses-all-of-them', async (stage) => {
  const gateway = await gatewayOf(stage, {
    a: await studio(stage, 'acme/one', 'acme/both'), b: await studio(stage, 'acme/both', 'other/two', EMBEDDER),
  });
  const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'none', maxRetries: 0 });
  const models = [];

  for await (const model of openai.models.list())
    models.push(model);
  assert.deepEqual(models.map(({ id }) => id).sort(),
                   ['acme/both', 'acme/one', 'other/two', EMBEDDER, ...VIRTUAL, 'vampire:embeddings'].sort());
  for (const { id } of models) {
    assert.equal((await openai.models.retrieve(id)).id, id);
    if (id === EMBEDDER || id === 'vampire:embeddings') {
      const { data } = await openai.embeddings.create({ model: id, input: 'hello' });
      assert.equal(data[0].embedding.length, 768);
      continue;
    }
    const { choices, model } = await openai.chat.completions.create({
      model: id, messages: [{ role: 'user', content: 'Say "hello".' }],
    });
    assert.equal(choices[0].message.content, 'hello');
    assert.ok(id.startsWith('vampire:') || model === id, model);
  }
});

withClient('catalogue/openai/unknown-model', async (stage) => {
  const gateway = await gatewayOf(stage, { a: await studio(stage, 'acme/one') });
  const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'none', maxRetries: 0 });

  for (const ask of [
    () => openai.chat.completions.create({ model: 'acme/none', messages: [{ role: 'user', content: 'x' }] }),
    () => openai.embeddings.create({ model: 'acme/none', input: 'x' }), () => openai.models.retrieve('acme/none'),
    () => openai.chat.completions.create({ model: 'vampire:none', messages: [{ role: 'user', content: 'x' }] }),
  ]) {
    await assert.rejects(ask, (error) => {
      assert.ok(error instanceof OpenAI.NotFoundError);
      assert.deepEqual([error.status, error.code, error.type], [404, 'model_not_found', 'invalid_request_error']);
      assert.match(error.message, /GET \/v1\/models/);
      return true;
    });
  }
});

behaviour('catalogue/unknown/its-name-is-shown-as-plain-text', async (stage) => {
  const gateway = await gatewayOf(stage, { a: await stage.node(serves(['m'])) });
  const { message } = (await chat(gateway, `<b>\u202e\u0007\n${'x'.repeat(5000)}`)).json().error;

  assert.ok(message.length < 400, message);
  assert.doesNotMatch(message, /[\u202e\u0007\n]/);
});

/* -- Who gets it --------------------------------------------------------------------------- */

behaviour('catalogue/choice/a-node-that-has-it', async (stage) => {
  const [a, b] = [await studio(stage, 'acme/one'), await studio(stage, 'other/two')];
  const gateway = await gatewayOf(stage, { a, b });

  for (const model of ['other/two', 'acme/one', 'other/two', 'other/two']) {
    const answer = await chat(gateway, model);

    assert.deepEqual([answer.status, answer.json().model], [200, model]);
  }
  assert.deepEqual([await asked(a), await asked(b)], [1, 3]);
});

behaviour('catalogue/choice/turns-among-equals', async (stage) => {
  const nodes = {
    a: await studio(stage, 'm:loaded'), b: await studio(stage, 'm:loaded'), c: await studio(stage, 'm:loaded', 'n'),
  };
  const gateway = await gatewayOf(stage, nodes);

  for (let i = 0; i < 9; i++)
    assert.equal((await chat(gateway, 'm')).status, 200);
  for (const node of Object.values(nodes))
    assert.equal(await asked(node), 3);
});

behaviour('catalogue/choice/the-least-busy-one', async (stage) => {
  const [a, b] = [await studio(stage, 'm:loaded'), await studio(stage, 'm:loaded')];
  const gateway = await gatewayOf(stage, { a, b });
  const body = JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content: 'count to 9' }] });
  const begin = async () => {
    const wire = await stage.client(gateway);

    wire.write(http.request('POST', '/v1/chat/completions', { body }));
    assert.equal((await http.readAnswerHead(wire)).status, 200);
    await http.readChunk(wire);
  };
  const running = async () => [(await a.stats()).stalled_generations, (await b.stats()).stalled_generations];

  for (const node of [a, b])
    await node.configure({ stall_after_tokens: 1 });
  for (let i = 0; i < 4; i++)
    await begin();
  for (const node of [a, b])
    await node.waitForCount('stalled_generations', 2);

  const follower = await stage.follower(gateway);
  await a.configure({ stall_after_tokens: -1 });
  for (let i = 0; i < 2; i++)
    await follower.next('request', ({ state, node }) => state === 'ended' && node === 'a');
  await a.configure({ stall_after_tokens: 1 });
  await begin();
  await begin();
  await a.waitForCount('stalled_generations', 2);
  assert.deepEqual(await running(), [2, 2], 'both new ones went to the one that was idle');
  assert.deepEqual([await asked(a), await asked(b)], [4, 2]);
  for (const node of [a, b])
    await node.configure({ stall_after_tokens: -1 });
});

behaviour('catalogue/choice/a-client-that-leaves-makes-its-node-idle-again', async (stage) => {
  const begun = signal();
  const busy = await stage.node(serves(['m'], async (request, wire) => {
    await wire.write(http.STREAM_HEAD, http.chunk('data: 1\n\n'));
    begun.resolve();
  }));
  const other = await stage.node(serves(['n']));
  const gateway = await gatewayOf(stage, { busy, other });
  const follower = await stage.follower(gateway);
  const client = await stage.client(gateway);

  client.write(http.request('POST', '/v1/chat/completions', { body: '{"model":"m","stream":true}' }));
  await begun;
  assert.equal((await gateway.call('GET', '/nodes/busy')).active_requests, 1);
  await client.destroy();
  await follower.next('request', ({ state }) => state === 'ended');
  assert.equal((await gateway.call('GET', '/nodes/busy')).active_requests, 0);
});

behaviour('catalogue/choice/what-names-no-model-goes-to-the-default-node', async (stage) => {
  const [first, second] = [await stage.node(serves(['m'])), await stage.node(serves(['n']))];
  const gateway = await gatewayOf(stage, { first, second });
  const bodies = ['{}', '{"model":5}', '{"model":null}', '[]', 'not JSON', '', '{"model":"n","model":"n"}',
                  '{"model":"n"'];

  for (const body of bodies)
    assert.equal((await gateway.ask('POST', '/v1/chat/completions', { body })).status, 200, body);
  assert.deepEqual(prompts(first).map(({ body }) => String(body)), bodies);
  assert.equal(prompts(second).length, 0);
});

/* -- What is new --------------------------------------------------------------------------- */

behaviour('catalogue/new/a-model-that-was-just-downloaded', async (stage) => {
  const simulator = await studio(stage, 'acme/old');
  const gateway = await gatewayOf(stage, { a: simulator }, { env: { VAMPIRE_HEALTH_SECONDS: '3600' } });
  const wire = await Wire.connect(simulator.port);

  assert.equal((await chat(gateway, 'acme/new')).status, 404);
  wire.write(http.request('POST', '/api/v1/models/download', { body: '{"model":"acme/new"}' }));
  assert.equal((await http.readAnswer(wire)).json().status, 'downloading');
  await wire.destroy();
  await elapsed(FRESH_MS + 100);
  const answer = await chat(gateway, 'acme/new');
  assert.deepEqual([answer.status, answer.json().model], [200, 'acme/new']);
  assert.ok((await listed(gateway)).includes('acme/new'));
});

behaviour('catalogue/new/unknown-names-do-not-make-it-ask-all-the-time', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await gatewayOf(stage, { a: node });
  const before = node.requests.length;

  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => chat(gateway, `none-${i}`)));
  assert.ok(answers.every(({ status }) => status === 404));
  assert.ok(node.requests.length - before <= 8, `${node.requests.length - before} requests to the node`);
});

/* -- vampire:auto -------------------------------------------------------------------------- */

behaviour('catalogue/auto/fits-what-is-asked', async (stage) => {
  const simulator = await stage.simulator();
  const gateway = await gatewayOf(stage, { a: simulator });

  for (let i = 0; i < 4; i++) {
    const { model } = (await chat(gateway, 'vampire:auto')).json();
    assert.equal(model, 'qwen/qwen3-4b', 'the one that is loaded, and no embedder');
  }
  const embeddings = await gateway.ask('POST', '/v1/embeddings', { body: '{"model":"vampire:auto","input":"x"}' });
  assert.deepEqual([embeddings.status, embeddings.json().model], [200, EMBEDDER]);
  const messages = [{ role: 'user', content: 'x' }];
  for (const [target, body] of [['/v1/completions', { prompt: 'x' }], ['/v1/responses', { input: 'x' }],
                                ['/v1/messages', { messages, max_tokens: 9 }]]) {
    const answer = await gateway.ask('POST', target, { body: JSON.stringify({ model: 'vampire:auto', ...body }) });
    assert.deepEqual([answer.status, answer.json().model], [200, 'qwen/qwen3-4b'], target);
  }
});

behaviour('catalogue/auto/never-an-embedder-for-chat-nor-the-other-way-round', async (stage) => {
  const embedder = await stage.node(serves(['text-embedding-x', 'nomic-embed-text', 'bge-m3']));
  const gateway = await gatewayOf(stage, { embedder });
  const embed = () => gateway.ask('POST', '/v1/embeddings', { body: '{"model":"vampire:auto","input":"x"}' });

  assert.deepEqual(errorOf(await chat(gateway, 'vampire:auto')), [503, 'no_route_target']);
  assert.equal((await embed()).status, 200);
  const chatter = await stage.node(serves(['m']));
  await register(gateway, { id: 'chatter', base_url: chatter.url });
  for (let i = 0; i < 4; i++) {
    assert.equal((await chat(gateway, 'vampire:auto')).status, 200);
    assert.equal((await embed()).status, 200);
  }
  assert.ok(prompts(chatter).every(({ target }) => target === '/v1/chat/completions'));
  assert.ok(prompts(embedder).every(({ target }) => target === '/v1/embeddings'));
  await park(gateway, 'embedder', 'disabled');
  assert.deepEqual(errorOf(await embed()), [503, 'no_route_target']);
});

behaviour('catalogue/auto/what-is-loaded-before-what-would-have-to-be', async (stage) => {
  const [cold, warm] = [await studio(stage, 'm'), await studio(stage, 'n:loaded')];
  const gateway = await gatewayOf(stage, { cold, warm });

  for (let i = 0; i < 4; i++)
    assert.equal((await chat(gateway, 'vampire:auto')).json().model, 'n');
  assert.equal((await cold.stats()).loads, 0);
});

/* -- Bytes --------------------------------------------------------------------------------- */

const ODD = '{ "messages" :[{"content":"\\u00fc \\ud83e\\udd87 ü 🦇 \\/ \\" model","role":"user"}],\r\n\t' +
  '"top_p":1e-400,"n":1.10,"big":123456789012345678901234567890,"minus":-0.0, "z":null,"a":[ ],"b":{ },"a":1 ,MODEL ' +
  '"tail":"\\u0000" } \n';

/* A model's name in a body: as it is written there, and what it says. */
const SPELLINGS = [['"model":"house",', '"model":"m/ü\\"x",'], ['"model" : "ho\\u0075se" ,', '"model" : "m/ü\\"x" ,'],
                   ['"mo\\u0064el":"house",', '"mo\\u0064el":"m/ü\\"x",']];

behaviour('catalogue/bytes/nothing-but-the-models-name-is-changed', async (stage) => {
  const node = await stage.node(serves(['m/ü"x']));
  const gateway = await gatewayOf(stage, { a: node });

  await route(gateway, { id: 'r', virtual_model: 'house', targets: [{ node: 'a', model: 'm/ü"x' }] });
  for (const [written, rewritten] of SPELLINGS) {
    const body = Buffer.from(ODD.replace('MODEL', () => written));

    assert.equal((await gateway.ask('POST', '/v1/chat/completions?a=1&a=2', { body })).status, 200, written);
    const { target, head, body: arrived } = prompts(node).at(-1);
    const expected = ODD.replace('MODEL', () => rewritten);
    assert.equal(String(arrived), expected);
    assert.equal(head.get('Content-Length'), String(Buffer.byteLength(expected)));
    assert.equal(target, '/v1/chat/completions?a=1&a=2');
  }
  for (const model of ['m/ü\\"x', 'm\\/\\u00fc\\"x']) {
    const body = ODD.replace('MODEL', () => `"model":"${model}",`);

    await gateway.ask('POST', '/v1/chat/completions', { body: Buffer.from(body) });
    assert.equal(String(prompts(node).at(-1).body), body, 'not even its spelling when it stays the same');
  }
});

behaviour('catalogue/bytes/what-is-for-the-gateway-does-not-go-up', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await gatewayOf(stage, { a: node });
  const options = '{"mode":"route","x":[1,{"vampire":2}],"s":"},\\"vampire\\":"}';

  await route(gateway, { id: 'r', virtual_model: 'house', targets: [{ node: 'a', model: 'm' }] });
  for (const [body, expected] of [
    [`{"vampire":${options},"model":"m"}`, '{"model":"m"}'],
    [`{"model":"m","vampire":${options}}`, '{"model":"m"}'],
    [`{"model":"m" , "vampire" : ${options} , "z":1.0}`, '{"model":"m" , "z":1.0}'],
    [`{"vampire":${options},"model":"house"}`, '{"model":"m"}'],
    [`{"model":"house","a":1,"vampire":${options}}`, '{"model":"m","a":1}'],
    [`{"v\\u0061mpire":null,"model":"m"}`, '{"model":"m"}'],
    ['{"vampire":"text","model":"house","vampires":1,"Vampire":2}', '{"model":"m","vampires":1,"Vampire":2}'],
    [`{"model":"m","messages":[{"vampire":1}]}`, '{"model":"m","messages":[{"vampire":1}]}'],
    [`{"vampire":${options}}`, '{}'],
  ]) {
    await gateway.ask('POST', '/v1/chat/completions', { body: Buffer.from(body) });
    const arrived = String(prompts(node).at(-1).body);
    assert.deepEqual(JSON.parse(arrived), JSON.parse(expected), body);
    assert.equal(arrived.replace(/\s/g, ''), expected.replace(/\s/g, ''), body);
  }
});

behaviour('catalogue/bytes/large-and-chunked-bodies-too', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await gatewayOf(stage, { a: node });
  const image = 'iVBORw0K'.repeat(256 * 1024);
  const body = (model) => Buffer.from(`{"messages":[{"content":"${image}"}],"model":"${model}"}`);

  await route(gateway, { id: 'r', virtual_model: 'house', targets: [{ node: 'a', model: 'm' }] });
  const whole = body('house');
  const pieces = [whole.subarray(0, 70_000), whole.subarray(70_000)].map(http.chunk);
  const chunked = Buffer.concat([...pieces, Buffer.from(http.LAST_CHUNK)]);
  for (const options of [{ body: whole }, { body: chunked, fields: [['Transfer-Encoding', 'chunked']] }]) {
    assert.equal((await gateway.ask('POST', '/v1/chat/completions', options)).status, 200);
    assert.ok(prompts(node).at(-1).body.equals(body('m')));
  }
});

/* -- Routes -------------------------------------------------------------------------------- */

behaviour('catalogue/routes/are-models', async (stage) => {
  const nodes = { a: await stage.node(serves(['m'])), b: await stage.node(serves(['n', 'm'])) };
  const gateway = await gatewayOf(stage, nodes);

  await route(gateway, {
    id: 'r', virtual_model: 'house', targets: [{ node: 'a', model: 'm' }, { node: 'b', model: 'n' }],
  });
  assert.ok((await listed(gateway)).includes('house'));
  assert.deepEqual((await retrieve(gateway, 'house')).json().owned_by, 'vampire');
  for (let i = 0; i < 4; i++)
    assert.equal((await chat(gateway, 'house')).status, 200);
  const models = (node) => prompts(node).map(({ body }) => JSON.parse(body).model);
  assert.deepEqual([models(nodes.a), models(nodes.b)], [['m', 'm'], ['n', 'n']], 'its targets take turns');

  await gateway.call('DELETE', '/routes/r');
  assert.deepEqual(await listed(gateway), [...VIRTUAL, 'm', 'n']);
  assert.deepEqual(errorOf(await chat(gateway, 'house')), [404, 'model_not_found']);
});

behaviour('catalogue/routes/fall-back', async (stage) => {
  const [main, spare] = [await stage.node(serves(['m'])), await stage.node(serves(['n']))];
  const gateway = await gatewayOf(stage, { main, spare });
  const served = async (model) => {
    const before = [prompts(main).length, prompts(spare).length];
    const { status } = await chat(gateway, model);
    return [status, prompts(main).length - before[0], prompts(spare).length - before[1]];
  };

  for (const [name, fallback, ...targets] of [
    ['best', 'second', { node: 'main', model: 'm' }], ['second', null, { node: 'spare', model: 'n' }],
    ['first', 'best'], ['empty', 'vampire:auto'],
    ['lost', null, { node: 'main', model: 'none' }, { node: 'x', model: 'm' }],
  ])
    await route(gateway, { id: `route-${name}`, virtual_model: name, fallback, targets });
  for (const model of ['best', 'first'])
    assert.deepEqual(await served(model), [200, 1, 0], model);
  await park(gateway, 'main', 'draining');
  for (const model of ['best', 'first'])
    assert.deepEqual(await served(model), [200, 0, 1], model);
  assert.equal(JSON.parse(prompts(spare).at(-1).body).model, 'n');
  assert.deepEqual(await served('empty'), [200, 0, 1]);
  await park(gateway, 'spare', 'draining');
  for (const model of ['best', 'second', 'first', 'empty', 'lost', 'vampire:auto'])
    assert.deepEqual(errorOf(await chat(gateway, model)), [503, 'no_route_target'], model);
  await park(gateway, 'main', 'online');
  assert.deepEqual(await served('first'), [200, 1, 0]);
  assert.deepEqual(errorOf(await chat(gateway, 'second')), [503, 'no_route_target'], 'nobody stands in for it');
});

behaviour('catalogue/routes/that-would-stand-in-for-one-another-are-refused', async (stage) => {
  const gateway = await gatewayOf(stage, { a: await stage.node(serves(['m'])) });
  const targets = [{ node: 'a', model: 'm' }];
  const refused = async (method, target, document) => {
    const { error } = await gateway.call(method, target, document, { status: 409 });

    assert.equal(error.code, 'conflict');
  };

  await route(gateway, { id: 'one', virtual_model: 'first', fallback: 'second', targets });
  await route(gateway, { id: 'two', virtual_model: 'second', fallback: 'third', targets });
  await refused('POST', '/routes', { id: 'three', virtual_model: 'third', fallback: 'first', targets });
  await refused('POST', '/routes', { id: 'own', virtual_model: 'own', fallback: 'own', targets });
  await refused('PATCH', '/routes/two', { fallback: 'first' });
  assert.deepEqual((await gateway.call('GET', '/routes')).data.map(({ id, fallback }) => [id, fallback]),
                   [['one', 'second'], ['two', 'third']], 'nothing has changed');
  assert.equal((await chat(gateway, 'first')).status, 200);
});

behaviour('catalogue/routes/never-to-a-node-without-approval', async (stage) => {
  const found = await stage.node(serves(['m']));
  const gateway = await gatewayOf(stage, { a: await stage.node(serves(['n'])) });
  const { nodes: [{ id }] } = await gateway.call('POST', '/discover', { methods: [], base_urls: [found.url] });

  await route(gateway, { id: 'r', virtual_model: 'house', targets: [{ node: id, model: 'm' }] });
  assert.deepEqual(errorOf(await chat(gateway, 'house')), [503, 'no_route_target']);
  assert.equal(prompts(found).length, 0);
  await gateway.call('POST', `/nodes/${id}/approve`);
  assert.equal((await chat(gateway, 'house')).status, 200);
});
