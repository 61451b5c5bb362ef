/* SPDX-License-Identifier: MIT
 *
 * The control API itself: every endpoint with its shape, its codes and its errors, what it says to bad input, and that
 * its description of itself is true.
 */

import assert from 'node:assert/strict';

import * as http from './lib/http.mjs';
import { chat, serves } from './lib/nodes.mjs';
import { changed, faultsOf, wrongMembers } from './lib/schema.mjs';
import { behaviour } from './lib/stage.mjs';

const ROOT = '/vampire/v1';

/* Asks on one connection, request after request, as a client library does. */
async function session(stage, gateway) {
  const wire = await stage.client(gateway);

  return (method, target, body, fields) => {
    const text = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);

    wire.write(http.request(method, target, { body: text && Buffer.from(text), fields }));
    return http.readAnswer(wire, { method });
  };
}

const registerAt = (gateway, id, node) => gateway.call('POST', '/nodes', { id, base_url: node.url });

/* -- What is there ------------------------------------------------------------------------- */

/* A body for each operation that takes one. @url: of a node */
const bodies = (url, id) => ({
  'POST /vampire/v1/nodes': { id, base_url: url },
  'PATCH /vampire/v1/nodes/{id}': { name: 'Changed', tags: ['a'] },
  'PUT /vampire/v1/nodes/{id}/token': { token: 'a-token' },
  'POST /vampire/v1/nodes/{id}/approve': { expect: {} },
  'POST /vampire/v1/discover': { methods: [], base_urls: [url] },
  'POST /vampire/v1/routes': { id, virtual_model: `vampire:${id}`, targets: [{ node: 'n', model: 'm' }] },
  'PATCH /vampire/v1/routes/{id}': { virtual_model: `vampire:${id}`, strategy: 'least_busy' },
  'POST /vampire/v1/routes/preview': { model: 'm' },
  'POST /vampire/v1/share': { mode: 'local', enabled: true },
  'POST /vampire/v1/pause': { paused: false },
  'PATCH /vampire/v1/settings': { queue_limit: 5 },
  'POST /vampire/v1/keys': { name: id, duration: '8h' },
  'POST /vampire/v1/models/load': { model: 'm', node: 'loader' },
  'POST /vampire/v1/models/unload': { model: 'm', node: 'loader' },
});

/* The operations that the gateway describes, as { method, path, name, operation }. */
async function describedBy(gateway) {
  const { paths } = await gateway.call('GET', '/openapi.json');

  return Object.entries(paths).flatMap(([path, item]) => Object.entries(item).map(([word, operation]) => {
    const method = word.toUpperCase();

    return { method, path, name: `${method} ${path}`, operation };
  }));
}

const schemaIn = ({ content }) => content['application/json'].schema;

/* A server at any number of addresses. */
async function manyNodes(stage) {
  const node = await stage.node(serves(['m']), { host: '0.0.0.0' });
  let n = 0;

  return () => `http://127.0.6.${++n}:${node.port}`;
}

/* Makes something for an operation's {id}; its id. */
async function make(gateway, path, url, n) {
  const id = `made ${n}`;

  if (path.startsWith(`${ROOT}/nodes/`))
    return (await gateway.call('POST', '/nodes', { id, base_url: url() })).id;
  if (path.startsWith(`${ROOT}/routes/`))
    return (await gateway.call('POST', '/routes', { id, virtual_model: `vampire:${n}` })).id;
  if (path.startsWith(`${ROOT}/keys/`))
    return (await gateway.call('POST', '/keys', { name: id })).id;
  if (path.startsWith(`${ROOT}/discover/jobs/`))
    return (await gateway.call('POST', '/discover', { methods: [] })).job.id;
  if (path.startsWith(`${ROOT}/requests/`) || path.startsWith(`${ROOT}/traces/`))
    return (await chat(gateway, 'm')).head.get('X-Vampire-Request-ID');
  assert.ok(!path.includes('{'), `something for ${path}`);
  return null;
}

behaviour('control/openapi/is-well-formed', async (stage) => {
  const gateway = await stage.gateway();
  const document = await gateway.call('GET', '/openapi.json');
  const operations = await describedBy(gateway);
  const { version } = await gateway.status();

  assert.match(document.openapi, /^3\.1\.\d+$/);
  assert.deepEqual([document.info.title, document.info.version], ['Vampire', version]);
  assert.ok(operations.length >= 30);
  assert.equal(new Set(operations.map(({ operation }) => operation.operationId)).size, operations.length);
  for (const { path, name, operation } of operations) {
    const inPath = (path.match(/\{\w+\}/g) ?? []).map((word) => word.slice(1, -1));

    assert.match(operation.operationId, /^[a-z][A-Za-z]+$/);
    assert.match(operation.summary, /^[A-Z].*\.$/, name);
    assert.deepEqual((operation.parameters ?? []).map((one) => [one.name, one.in, one.required]),
                     inPath.map((word) => [word, 'path', true]), name);
    assert.deepEqual(Object.keys(operation.responses), ['200', '4XX', '5XX'], name);
  }
  const names = JSON.stringify(document).match(/"\$ref":"[^"]*"/g).map((text) => JSON.parse(`{${text}}`).$ref);
  for (const name of new Set(names)) {
    const found = name.slice(2).split('/').reduce((object, key) => object?.[key], document);
    assert.equal(typeof found, 'object', name);
  }
});

behaviour('control/openapi/every-operation-does-what-is-described', async (stage) => {
  const url = await manyNodes(stage);
  const gateway = await stage.gateway({ node: { url: url() } });
  const ask = await session(stage, gateway);
  let n = 0;

  await registerAt(gateway, 'loader', await stage.simulator({ args: ['--fast', '--model=m'] }));
  for (const { method, path, name, operation } of await describedBy(gateway)) {
    const id = await make(gateway, path, url, ++n);
    const target = path.replace('{id}', encodeURIComponent(id));
    const body = bodies(url(), `new ${n}`)[name];

    assert.equal(body !== undefined, operation.requestBody !== undefined, name);
    if (path === `${ROOT}/events`)
      continue; /* it does not end: control/events/… below, and events.test.mjs */
    const answer = await ask(method, target, body);
    assert.equal(answer.status, 200, `${name}: ${answer.text()}`);
    if (path === '/' || path === '/metrics') {
      assert.match(answer.head.get('Content-Type'), /^text\/plain\b/);
      continue;
    }
    assert.match(answer.head.get('Content-Type'), /^application\/json\b/, name);
    assert.equal(answer.head.get('Cache-Control'), 'no-store', name);
    const document = answer.json();
    if (path !== `${ROOT}/openapi.json`)
      assert.deepEqual(faultsOf(document, schemaIn(operation.responses['200'])), [], name);
  }
});

behaviour('control/openapi/errors-are-as-described', async (stage) => {
  const gateway = await stage.gateway();
  const document = await gateway.call('GET', '/openapi.json');
  const schema = document.components.schemas.Error;
  const ask = await session(stage, gateway);

  for (const { method, path, name, operation } of await describedBy(gateway)) {
    const answers = [];

    if (path.includes('{id}'))
      answers.push(await ask(method, path.replace('{id}', 'nobody'), bodies('http://127.0.0.1:1', 'x')[name]));
    if (operation.requestBody !== undefined)
      answers.push(await ask(method, path.replace('{id}', 'nobody'), '['));
    answers.push(await ask('PUT', path.replace('/{id}', '')));
    for (const answer of answers) {
      assert.ok(answer.status >= 400 && answer.status < 500, name);
      assert.match(answer.head.get('Content-Type'), /^application\/json\b/);
      const { detail, error, ...rest } = answer.json();
      assert.deepEqual([faultsOf({ detail, error }, schema), rest], [[], {}], answer.text());
      assert.deepEqual(Object.keys(error), ['message', 'type', 'code']);
      assert.match(error.message, /^[A-Z\w].*\.$/, 'a sentence');
      assert.match(error.type, /^vampire_\w+_error$/);
    }
  }
});

/* Whether an address can be read as one of a template, too: "preview" may be the id of a route. */
const isLike = (template, path) => new RegExp(`^${template.replace(/\{\w+\}/g, '[^/]+')}$`).test(path);

behaviour('control/methods/others-are-405-with-those-that-there-are', async (stage) => {
  const gateway = await stage.gateway();
  const ask = await session(stage, gateway);
  const described = new Map();

  for (const { method, path } of await describedBy(gateway))
    described.set(path, [...described.get(path) ?? [], method]);
  for (const path of described.keys()) {
    const methods = [...described].flatMap(([template, some]) => (isLike(template, path) ? some : []));
    const allowed = methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));

    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND', 'BREW']) {
      if (allowed.includes(method))
        continue;
      const answer = await ask(method, path.replace('{id}', 'x'), method === 'HEAD' ? undefined : '{}');

      assert.equal(answer.status, 405, `${method} ${path}`);
      assert.deepEqual(answer.head.get('Allow').split(', ').sort(), [...allowed].sort(), `${method} ${path}`);
      if (method !== 'HEAD')
        assert.equal(answer.json().error.code, 'method_not_allowed');
    }
  }
});

behaviour('control/methods/head-is-get-without-the-body', async (stage) => {
  const gateway = await stage.gateway();
  const ask = await session(stage, gateway);

  for (const { method, path } of await describedBy(gateway)) {
    if (method !== 'GET')
      continue;
    const target = path.replace('{id}', 'x');
    const head = await ask('HEAD', target);

    if (path === `${ROOT}/events`) {
      assert.deepEqual([head.status, head.head.get('Content-Type')], [200, 'text/event-stream']);
      continue;
    }
    const { status, head: whole } = await ask('GET', target);
    assert.deepEqual([head.status, head.head.get('Content-Type')], [status, whole.get('Content-Type')], target);
  }
});

behaviour('control/token/every-endpoint-asks-for-it', async (stage) => {
  const gateway = await stage.gateway({ settings: 'auth_token=owner' });
  const ask = await session(stage, gateway);
  const mine = [['Authorization', 'Bearer owner']];
  const { paths } = (await ask('GET', `${ROOT}/openapi.json`, undefined, mine)).json();

  for (const [path, item] of Object.entries(paths)) {
    for (const method of Object.keys(item)) {
      const answer = await ask(method.toUpperCase(), path.replace('{id}', 'x'));
      const { error } = path === '/' ? {} : answer.json();

      assert.equal(answer.status, path.startsWith(ROOT) || path === '/metrics' ? 401 : 200, `${method} ${path}`);
      if (answer.status === 401) {
        assert.equal(error.code, 'missing_or_invalid_token');
        assert.equal(answer.head.get('WWW-Authenticate'), 'Bearer');
      }
    }
  }
});

/* -- Shapes -------------------------------------------------------------------------------- */

behaviour('control/shape/metrics', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway();

  await registerAt(gateway, 'a', node);
  await chat(gateway, 'm');
  await gateway.call('PATCH', '/nodes/a', { queue_depth: 3, tokens_per_second: 12.5 });
  const { object, cluster: { tokens_per_second: rate, ...cluster }, models: [model], nodes } =
    await gateway.call('GET', '/metrics');
  assert.equal(object, 'vampire.metrics');
  assert.deepEqual(cluster, { nodes_online: 1, nodes_offline: 0, active_requests: 0, queue_depth: 3, requests_total: 1,
                              errors_total: 0, retries: 0, loads: 0, loads_in_flight: 0 });
  assert.equal(typeof rate, 'number');
  const { model: id, nodes: count, requests_1h: lately, requests_total: total, errors_total: errors, error_rate: share,
          active_requests: active, queued } = model;
  assert.deepEqual({ id, count, lately, total, errors, share, active, queued },
                   { id: 'm', count: 1, lately: 1, total: 1, errors: 0, share: 0, active: 0, queued: 0 });
  assert.ok(model.avg_latency_ms > 0);
  const { avg_latency_ms: latency, slots, ...metrics } = nodes.find(({ node: name }) => name === 'a');
  assert.ok(latency > 0);
  assert.ok(slots === null || slots > 0);
  assert.deepEqual(metrics, { node: 'a', health: 'online', requests_total: 1, errors_total: 0, status: 'online',
                              active_requests: 0, queue_depth: 3, breaker: 'closed', tokens_per_second: 12.5 });
});

behaviour('control/metrics/prometheus', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway();

  await registerAt(gateway, 'a', node);
  await chat(gateway, 'm');
  const answer = await gateway.ask('GET', '/metrics');
  assert.equal(answer.status, 200);
  assert.equal(answer.head.get('Content-Type'), 'text/plain; version=0.0.4; charset=utf-8');
  for (const line of ['vampire_requests_total{model="m",node="a",status="200",outcome="done"} 1',
                      'vampire_node_up{node="a"} 1', 'vampire_requests_in_flight{node="a"} 0',
                      'vampire_node_breaker_state{node="a",state="closed"} 1', 'vampire_loads_in_flight 0'])
    assert.ok(answer.text().split('\n').includes(line), `${line} in ${answer.text()}`);
});

/* -- Requests ------------------------------------------------------------------------------ */

behaviour('control/requests/are-listed-and-explained', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway();

  await registerAt(gateway, 'a', node);
  const id = (await chat(gateway, 'm', { content: 'a secret' })).head.get('X-Vampire-Request-ID');
  const missing = (await chat(gateway, 'none')).head.get('X-Vampire-Request-ID');
  const { data } = await gateway.call('GET', '/requests');
  assert.deepEqual(data.map((request) => [request.id, request.model, request.node, request.status, request.outcome]),
                   [[missing, 'none', null, 404, 'refused'], [id, 'm', 'a', 200, 'done']]);
  for (const [query, ids] of [['limit=1', [missing]], ['model=m', [id]], ['node=a', [id]], ['state=running', []],
                              ['state=ended&node=b', []], ['client_key=x', []]])
    assert.deepEqual((await gateway.call('GET', `/requests?${query}`)).data.map((request) => request.id), ids, query);
  for (const query of ['limit=0', 'limit=few', 'state=new'])
    await gateway.call('GET', `/requests?${query}`, undefined, { status: 422 });

  const trace = await gateway.call('GET', `/traces/${id}`);
  assert.deepEqual(trace.stages.map((stage_) => [stage_.node, stage_.model, stage_.status]), [['a', 'm', 'completed']]);
  assert.deepEqual([trace.routing.candidate_nodes, trace.routing.selected_nodes], [['a'], ['a']]);
  assert.equal(trace.routing.plan.attempts[0].node, 'a');
  assert.ok(!JSON.stringify(trace).includes('secret'), 'no prompt');
  assert.deepEqual(await gateway.call('DELETE', `/requests/${id}`), { id, status: 'ended' });
});

behaviour('control/requests/the-owner-ends-one', async (stage) => {
  const node = await stage.node(serves(['m'], (request, wire) =>
    wire.write(http.STREAM_HEAD, http.chunk('data: 1\n\n'))));
  const gateway = await stage.gateway();

  await registerAt(gateway, 'a', node);
  const client = await stage.client(gateway);
  client.write(http.request('POST', '/v1/chat/completions', { body: JSON.stringify({ model: 'm', stream: true }) }));
  const head = await http.readAnswerHead(client);
  assert.equal(String(await http.readChunk(client)), 'data: 1\n\n');

  const { data: [{ id, state, outcome }, ...others] } = await gateway.call('GET', '/requests?state=running');
  assert.deepEqual([id, state, outcome, others], [head.get('X-Vampire-Request-ID'), 'running', null, []]);
  assert.deepEqual(await gateway.call('DELETE', `/requests/${id}`), { id, status: 'cancelled' });
  for await (const piece of http.bodyPieces(client, head))
    assert.ok(piece.length > 0, 'the stream ends');
  assert.equal((await gateway.call('GET', `/requests/${id}`)).outcome, 'cancelled');
});

/* -- More shapes --------------------------------------------------------------------------- */

behaviour('control/shape/models', async (stage) => {
  const node = await stage.node(serves(['m', 'other']));
  const gateway = await stage.gateway();

  await registerAt(gateway, 'a', node);
  const { object, data } = await gateway.call('GET', '/models');
  assert.equal(object, 'list');
  assert.deepEqual(data.map((one) => [one.node, one.model, one.provider, one.api_format, one.owned_by]),
                   ['m', 'other'].map((id) => ['a', id, 'openai-compatible', 'openai-compatible', 'somebody']));
  assert.deepEqual([data[0].context_window, data[0].tokens_per_second, data[0].capabilities.chat], [null, null, true]);
});

behaviour('control/shape/share', async (stage) => {
  const gateway = await stage.gateway({ env: { VAMPIRE_SHARE_ADDRESS: '127.0.6.1' } });
  const off = { object: 'vampire.share', mode: 'off', enabled: false, duration: null, model: null, open: false,
                ends_at: null, listeners: [], trouble: null, keys: 0, clients: 0, last_mode: 'personal' };

  assert.deepEqual(await gateway.call('GET', '/share'), off);
  assert.deepEqual(await gateway.call('POST', '/share', { mode: 'local', enabled: true }),
                   { ...off, mode: 'local', enabled: true });
  const given = { mode: 'family', enabled: true, duration: '8h', model: 'm' };
  const { ends_at: end, ...shared } = await gateway.call('POST', '/share', given);
  assert.deepEqual(shared, { object: 'vampire.share', ...given, open: true, listeners: [`127.0.6.1:${gateway.port}`],
                             trouble: null, keys: 0, clients: 0, last_mode: 'family' });
  const left = new Date(end) - Date.now();
  assert.ok(left > 8 * 3600_000 - 60_000 && left <= 8 * 3600_000, end);
  assert.deepEqual(await gateway.call('GET', '/share'), { ...shared, ends_at: end });
  assert.deepEqual(await gateway.call('POST', '/share', { mode: 'off', enabled: false }),
                   { ...off, last_mode: 'family' });
});

behaviour('control/shape/routes', async (stage) => {
  const gateway = await stage.gateway();
  const given = { id: 'my route', virtual_model: 'vampire:mine', targets: [{ node: 'a', model: 'x:1' }],
                  strategy: 'least_busy', fallback: 'vampire:auto', constraints: { any: [1, { thing: null }] } };
  const bare = { id: 'bare', virtual_model: 'v', targets: [], strategy: 'round_robin', fallback: null,
                 constraints: {} };

  assert.deepEqual(await gateway.call('POST', '/routes', given), given);
  assert.deepEqual(await gateway.call('POST', '/routes', { id: 'bare', virtual_model: 'v', more: 1 }), bare);
  assert.deepEqual(await gateway.call('GET', '/routes'), { object: 'list', data: [given, bare] });
  const other = { ...bare, id: 'my route', virtual_model: 'vampire:other' };
  assert.deepEqual(await gateway.call('POST', '/routes', { id: 'my route', virtual_model: 'vampire:other' }), other);
  assert.deepEqual(await gateway.call('GET', '/routes/my%20route'), other);
  assert.deepEqual((await gateway.call('GET', '/routes')).data, [other, bare], 'it stays in its place');
  assert.deepEqual(await gateway.call('DELETE', '/routes/my%20route'), { id: 'my route', status: 'removed' });
  assert.deepEqual(await gateway.call('GET', '/routes'), { object: 'list', data: [bare] });
  for (const strategy of ['round_robin', 'least_busy', 'least_latency', 'model_affinity', 'trusted_only'])
    assert.equal((await gateway.call('POST', '/routes', { id: 's', virtual_model: 'v', strategy })).strategy, strategy);
});

behaviour('control/shape/numbers-of-any-size-stay-numbers', async (stage) => {
  const home = stage.home();
  const first = await stage.gateway({ home });
  const constraints = { large: 1e22, larger: -1e300, small: 1e-30, whole: 2 ** 53 - 1, fraction: 0.1 };
  const route = { id: 'r', virtual_model: 'v', constraints };

  assert.deepEqual((await first.call('POST', '/routes', route)).constraints, constraints);
  await registerAt(first, 'a', await stage.node(serves(['m'])));
  assert.equal((await first.call('PATCH', '/nodes/a', { tokens_per_second: 1e-30 })).tokens_per_second, 1e-30);
  await first.stop();
  const second = await stage.gateway({ home });
  assert.deepEqual((await second.call('GET', '/routes/r')).constraints, constraints);
});

behaviour('control/shape/keys', async (stage) => {
  const gateway = await stage.gateway();
  const { key, ...made } = await gateway.call('POST', '/keys', { name: 'Laptop', duration: '2d' });
  const { id, hint, created_at: created, expires_at: expires, ...rest } = made;

  assert.match(key, /^\S{20,}$/);
  assert.ok(hint.length < key.length / 2 && id !== key);
  assert.deepEqual(rest, { name: 'Laptop', last_used_at: null, requests: 0 });
  assert.equal(Math.round((new Date(expires) - new Date(created)) / 1000), 2 * 86400);
  assert.deepEqual(await gateway.call('GET', '/keys'), { object: 'list', data: [made] });
  const { key: another, expires_at: never } = await gateway.call('POST', '/keys', { name: 'Laptop' });
  assert.notEqual(another, key);
  assert.equal(never, null);
  assert.equal((await gateway.call('GET', '/share')).keys, 2);
  assert.deepEqual(await gateway.call('DELETE', `/keys/${id}`), { id, status: 'revoked' });
  await gateway.call('DELETE', `/keys/${id}`, undefined, { status: 404 });
  assert.equal((await gateway.call('GET', '/keys')).data.length, 1);
});

/* -- What older clients find in detail ----------------------------------------------------- */

const DETAILS = {
  'node-not-found': ['GET', '/nodes/x', undefined, 404, 'node not found', 'node_not_found'],
  'node-to-change': ['PATCH', '/nodes/x', {}, 404, 'node not found', 'node_not_found'],
  'node-to-remove': ['DELETE', '/nodes/x', undefined, 404, 'node not found', 'node_not_found'],
  'route-not-found': ['GET', '/routes/x', undefined, 404, 'route not found', 'route_not_found'],
  'route-to-remove': ['DELETE', '/routes/x', undefined, 404, 'route not found', 'route_not_found'],
  'key-not-found': ['DELETE', '/keys/x', undefined, 404, 'key not found', 'key_not_found'],
  'job-not-found': ['GET', '/discover/jobs/x', undefined, 404, 'job not found', 'job_not_found'],
  'job-to-cancel': ['DELETE', '/discover/jobs/x', undefined, 404, 'job not found', 'job_not_found'],
  'base-url-of-a-node': ['POST', '/nodes', { id: 'x', base_url: 'http://8.8.8.8:1234' }, 400,
                         'disallowed base_url target', 'invalid_request'],
  'base-url-to-change': ['PATCH', '/nodes/a', { base_url: 'ftp://127.0.0.1' }, 400, 'disallowed base_url target',
                         'invalid_request'],
  'discovery-target': ['POST', '/discover', { base_urls: ['http://8.8.8.8:1234'] }, 400,
                       "disallowed discovery target 'http://8.8.8.8:1234'", 'invalid_request'],
  'strategy': ['POST', '/routes', { id: 'x', virtual_model: 'v', strategy: 'luck' }, 400,
               'unsupported routing strategy', 'unsupported_strategy'],
  'virtual-model-of-a-node': ['POST', '/routes', { id: 'x', virtual_model: 'm' }, 409,
                              "virtual_model 'm' collides with a physical model id", 'conflict'],
};

for (const [name, [method, target, body, status, wanted, code]] of Object.entries(DETAILS)) {
  behaviour(`control/detail/${name}`, async (stage) => {
    const gateway = await stage.gateway();

    await registerAt(gateway, 'a', await stage.node(serves(['m'])));
    const { detail, error } = await gateway.call(method, target, body, { status });
    assert.deepEqual([detail, error.code], [wanted, code]);
    assert.match(error.message, /^[A-Z\w].{10,}\.$/, 'a sentence for people');
  });
}

behaviour('control/detail/invalid-subnet', async (stage) => {
  const gateway = await stage.gateway();
  const { detail } = await gateway.call('POST', '/discover', { methods: ['lan_scan'], subnets: ['10.0.0.0/99'] },
                                        { status: 400 });

  assert.match(detail, /^invalid subnet '10\.0\.0\.0\/99': ./);
});

behaviour('control/detail/of-a-body-lists-every-fault', async (stage) => {
  const gateway = await stage.gateway();
  const { detail, error } = await gateway.call('POST', '/share', { mode: 'loud', duration: 5 }, { status: 422 });

  assert.equal(error.code, 'invalid_field');
  assert.deepEqual(detail.map(({ loc, input }) => [loc, input]),
                   [[['body', 'mode'], 'loud'], [['body', 'enabled'], undefined], [['body', 'duration'], 5]]);
  for (const { type, msg } of detail) {
    assert.match(type, /^[a-z_]+$/);
    assert.match(msg, /^\w+ (must be|is missing).*\.$/);
  }
});

/* -- Bad input ----------------------------------------------------------------------------- */

/* All that the owner has said, as one text. */
async function stateOf(ask) {
  const states = [];

  for (const path of ['/nodes', '/routes', '/keys', '/share', '/discover/jobs'])
    states.push((await ask('GET', ROOT + path)).text());
  return states.join('\n');
}

/* A gateway with one of everything: what comes must change nothing of it. */
async function furnished(stage) {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway();
  const ask = await session(stage, gateway);

  await registerAt(gateway, 'a', node);
  await gateway.call('POST', '/routes', { id: 'a', virtual_model: 'vampire:a' });
  await gateway.call('POST', '/keys', { name: 'k' });
  await gateway.call('POST', '/discover', { methods: [], base_urls: [node.url] });
  return { gateway, node, ask, before: await stateOf(ask) };
}

/* The endpoints with a body, a text in each, and whether there may be none at all. */
const WITH_BODY = {
  'POST /nodes': ['name'],
  'PATCH /nodes/{id}': ['name', 'may be empty'],
  'PUT /nodes/{id}/token': ['token'],
  'POST /nodes/{id}/approve': ['expect', 'may be empty'],
  'POST /discover': ['base_urls', 'may be empty'],
  'POST /routes': ['virtual_model'],
  'PATCH /routes/{id}': ['virtual_model', 'may be empty'],
  'POST /routes/preview': ['model'],
  'POST /share': ['model'],
  'POST /pause': ['paused'],
  'PATCH /settings': ['host', 'may be empty'],
  'POST /keys': ['name'],
  'POST /models/load': ['model'],
  'POST /models/unload': ['model'],
};

const targetOf = (name) => `${ROOT}${name.split(' ')[1].replace('{id}', 'a')}`;

behaviour('control/bad-input/all-endpoints-with-a-body-are-looked-at', async (stage) => {
  const gateway = await stage.gateway();
  const operations = await describedBy(gateway);
  const names = operations.filter(({ operation }) => operation.requestBody !== undefined).map(({ name }) => name);

  assert.deepEqual(names.map((name) => name.replace(ROOT, '')).sort(), Object.keys(WITH_BODY).sort());
});

/* Bytes that are no JSON, or no text, around what would be right. PLACE is where a text may be. */
const NOT_JSON = {
  'half': (json) => json.slice(0, -1),
  'half-a-text': (json) => json.slice(0, json.indexOf('PLACE') + 2),
  'form': () => 'name=x&mode=off',
  'two-documents': (json) => `${json} ${json}`,
  'text-after-it': (json) => `${json}x`,
  'trailing-comma': (json) => json.replace(/\}$/, ',}'),
  'comment': (json) => json.replace(/^\{/, '{/* x */'),
  'single-quotes': (json) => json.replaceAll('"', "'"),
  'NaN': (json) => json.replace('"PLACE"', 'NaN'),
  'bad-utf-8': (json) => Buffer.from(json.replace('PLACE', '\xff\xfe'), 'latin1'),
  'half-a-character': (json) => Buffer.from(json.replace('PLACE', '\xc3'), 'latin1'),
  'overlong-utf-8': (json) => Buffer.from(json.replace('PLACE', '\xc0\xaf'), 'latin1'),
  'surrogate-as-utf-8': (json) => Buffer.from(json.replace('PLACE', '\xed\xa0\x80'), 'latin1'),
  'utf-16': (json) => Buffer.from(json, 'utf16le'),
  'nul-in-a-text': (json) => json.replace('PLACE', 'a\0b'),
  'nul-after-it': (json) => `${json}\0`,
  'nul-alone': () => '\0',
  'line-feed-in-a-text': (json) => json.replace('PLACE', 'a\nb'),
  'half-a-surrogate-pair': (json) => json.replace('PLACE', '\\ud800'),
  'escaped-nul': (json) => json.replace('PLACE', '\\u0000'),
  'bad-escape': (json) => json.replace('PLACE', '\\x41'),
  'nothing-but-spaces': () => '  \n ',
  'deep-nesting': (json) => json.replace('"PLACE"', `${'['.repeat(5000)}${']'.repeat(5000)}`),
  'deep-objects': (json) => json.replace('"PLACE"', `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`),
  'deep-and-never-closed': () => '['.repeat(500_000),
};

const NOT_AN_OBJECT = ['[]', '[{}]', '"x"', '5', '-0.0', 'null', 'true', '[[[]]]'];

for (const [name, [place, mayBeEmpty]] of Object.entries(WITH_BODY)) {
  const [method] = name.split(' ');

  behaviour(`control/bad-input/${name.replaceAll(/[ /{}]+/g, '-')}/no-json`, async (stage) => {
    const { node, ask, before } = await furnished(stage);
    const valid = bodies(node.url, 'new')[`${method} ${ROOT}${name.split(' ')[1]}`];
    const json = JSON.stringify({ ...valid, [place]: Array.isArray(valid[place]) ? ['PLACE'] : 'PLACE' });
    const requests = Object.entries(NOT_JSON).map(([what, make]) => [what, make(json)]);

    for (const [what, body] of [...requests, ...NOT_AN_OBJECT.map((text) => [text, text])]) {
      const answer = await ask(method, targetOf(name), body);
      const { detail, error } = answer.json();

      assert.ok(answer.status === 400 || answer.status === 422, `${what}: ${answer.status} ${answer.text()}`);
      assert.match(error.code, /^(malformed_json|invalid_field)$/, what);
      assert.match(error.message, /\.$/, what);
      assert.ok(detail.length > 0);
    }
    const empty = await ask(method, targetOf(name), '');
    assert.equal(empty.status, mayBeEmpty ? 200 : 422, `empty: ${empty.text()}`);
    if (!mayBeEmpty)
      assert.equal(await stateOf(ask), before);
  });

  /* Its members are the settings: settings.test.mjs */
  if (name === 'PATCH /settings')
    continue;

  behaviour(`control/bad-input/${name.replaceAll(/[ /{}]+/g, '-')}/each-member`, async (stage) => {
    const { gateway, node, ask, before } = await furnished(stage);
    const described = await describedBy(gateway);
    const { operation, name: full } = described.find((one) => one.name === name.replace(' ', ` ${ROOT}`));
    const valid = bodies(node.url, 'new')[full];
    let n = 0;

    for (const [path, value, item] of wrongMembers(schemaIn(operation.requestBody))) {
      const body = changed(valid, path, value, item);
      const answer = await ask(method, targetOf(name), body);
      const what = `${path.join('.')} = ${JSON.stringify(value)?.slice(0, 60)}: ${answer.text().slice(0, 300)}`;

      assert.equal(answer.status, 422, what);
      const { detail, error } = answer.json();
      assert.equal(error.code, 'invalid_field', what);
      assert.deepEqual(detail.map(({ loc }) => loc), [['body', ...path]], what);
      assert.ok(error.message.includes(path.findLast((part) => typeof part === 'string')), what);
      assert.ok(answer.body.length < 2000, what);
      n++;
    }
    assert.ok(n > (Object.keys(valid).length > 1 ? 10 : 4), `${n} ways`);
    assert.equal(await stateOf(ask), before, 'nothing has changed');
  });
}

behaviour('control/bad-input/what-the-members-say-together', async (stage) => {
  const { node, ask, before } = await furnished(stage);
  const huge = '9'.repeat(400);
  const table = [
    ['POST', '/nodes', {}, 'base_url'],
    ['POST', '/nodes', { id: 'x' }, 'base_url'],
    ['POST', '/nodes', { id: 'a/b', base_url: node.url }, 'id'],
    ['POST', '/nodes', { id: '..', base_url: node.url }, 'id'],
    ['POST', '/nodes', { id: ' x', base_url: node.url }, 'id'],
    ['POST', '/nodes', { base_url: node.url, lmstudio_base_url: 'http://127.0.0.1:1' }, 'base_url'],
    ['POST', '/nodes', { base_url: node.url, agent_base_url: 'not a URL' }, 'agent_base_url'],
    ['POST', '/nodes', { base_url: node.url, tags: ['ok', ''] }, 'tags'],
    ['POST', '/nodes', { base_url: node.url, tags: ['x'.repeat(65)] }, 'tags'],
    ['PATCH', '/nodes/a', { agent_base_url: 'javascript:alert(1)' }, 'agent_base_url'],
    ['PATCH', '/nodes/a', { tags: [''] }, 'tags'],
    ['PATCH', '/nodes/a', `{"queue_depth": ${huge}}`, 'queue_depth'],
    ['PATCH', '/nodes/a', '{"queue_depth": 1e999}', 'queue_depth'],
    ['PATCH', '/nodes/a', `{"tokens_per_second": ${huge}}`, 'tokens_per_second'],
    ['PUT', '/nodes/a/token', { token: '' }, 'token'],
    ['PUT', '/nodes/a/token', { token: 'two words' }, 'token'],
    ['PUT', '/nodes/a/token', { token: 'tök' }, 'token'],
    ['PUT', '/nodes/a/token', { token: 'x'.repeat(8193) }, 'token'],
    ['POST', '/discover', { methods: ['local', 'telepathy'] }, 'methods'],
    ['POST', '/discover', { ports: [0] }, 'ports'],
    ['POST', '/discover', { ports: [-1] }, 'ports'],
    ['POST', '/discover', { ports: [65536] }, 'ports'],
    ['POST', '/discover', '{"ports": [18446744073709551617]}', 'ports'],
    ['POST', '/discover', { timeout_ms: 0 }, 'timeout_ms'],
    ['POST', '/discover', { timeout_ms: 1e9 }, 'timeout_ms'],
    ['POST', '/routes', { id: 'a/b', virtual_model: 'v' }, 'id'],
    ['POST', '/routes', { id: '.', virtual_model: 'v' }, 'id'],
    ['POST', '/routes', { id: 'x', virtual_model: 'v', targets: [{ node: 'a', model: 'm' }, { node: 'a' }] }, 'model'],
    ['POST', '/routes', { id: 'x', virtual_model: 'v', targets: ['a:m'] }, 'targets'],
    ['POST', '/share', { mode: 'off', enabled: true }, '"off"'],
    ['POST', '/share', { mode: 'local', enabled: true, duration: '8h' }, 'duration'],
    ['POST', '/share', { mode: 'family', enabled: false, duration: '8h' }, 'duration'],
    ['POST', '/share', { mode: 'off', enabled: false, model: 'm' }, 'model'],
    ...['', '8', 'h', '8 h', '-1h', '0s', '1h1h', '1s1h', 'P', 'PT', 'P1H', '99999999999999999999d', '400d', '1e3s']
      .flatMap((duration) => [['POST', '/share', { mode: 'family', enabled: true, duration }, 'duration'],
                              ['POST', '/keys', { name: 'x', duration }, 'duration']]),
    ['POST', '/keys', { name: '   ' }, 'name'],
  ];

  for (const [method, target, body, named] of table) {
    const answer = await ask(method, ROOT + target, body);
    const { error } = answer.json();
    const what = `${method} ${target} ${JSON.stringify(body).slice(0, 80)}: ${answer.text().slice(0, 300)}`;

    assert.equal(answer.status, 422, what);
    assert.ok(error.message.toLowerCase().includes(named), what);
  }
  assert.equal(await stateOf(ask), before);
});

behaviour('control/bad-input/base-urls', async (stage) => {
  const { ask, before } = await furnished(stage);
  const urls = ['http://[::1', 'http://127.0.0.1:abc', 'http://127.0.0.1:0', 'http://127.0.0.1:65536', 'http://',
                'http:///x', '127.0.0.1:1234', 'ftp://127.0.0.1', 'file:///etc/passwd', 'javascript:1',
                'http://user:secret@127.0.0.1:1234', 'http://127.1:1234', 'http://2130706433', 'http://0x7f.1',
                'http://0177.0.0.1:1234', 'http://8.8.8.8', 'http://[2001:4860:4860::8888]', 'http://0.0.0.0:1234',
                'http://224.0.0.1', 'http://255.255.255.255', 'http://127.0.0.1:1234/x?y=1', 'http://127.0.0.1/#x',
                'http://a b', 'http://a%20b', 'http://[fe80::1%25eth0]:1', 'http://-', 'http://a..b'];

  for (const url of urls) {
    for (const [method, target, body] of [['POST', '/nodes', { id: 'x', base_url: url }],
                                          ['POST', '/nodes', { id: 'x', lmstudio_base_url: url }],
                                          ['PATCH', '/nodes/a', { base_url: url }],
                                          ['POST', '/discover', { methods: [], base_urls: [url] }]]) {
      const answer = await ask(method, ROOT + target, body);
      const { detail } = answer.json();

      assert.equal(answer.status, 400, `${method} ${target} ${url}: ${answer.text()}`);
      /* What stands before an @ may be a password. */
      if (url.includes('@') && target === '/discover')
        assert.match(detail, /^Base URL number 1 must not hold a user name/);
      else
        assert.match(detail, /^disallowed (base_url|discovery) target/, url);
      assert.doesNotMatch(answer.text(), /secret/);
    }
  }
  assert.equal(await stateOf(ask), before);
});

behaviour('control/bad-input/queries', async (stage) => {
  const { ask } = await furnished(stage);

  for (const query of ['approval=', 'approval=PENDING', 'approval=%ff', 'approval=a%00b', 'status=asleep',
                       'status=%zz']) {
    const answer = await ask('GET', `${ROOT}/nodes?${query}`);

    assert.ok([400, 422].includes(answer.status), `${query}: ${answer.status} ${answer.text().slice(0, 100)}`);
  }
  for (const query of ['', 'unknown=1', '&&&', '=', 'a=b=c', `x=${'y'.repeat(5000)}`]) {
    const answer = await ask('GET', `${ROOT}/nodes?${query}`);

    assert.equal(answer.status, 200, query);
  }
});

behaviour('control/bad-input/too-large-a-body', async (stage) => {
  const { gateway, ask, before } = await furnished(stage);
  const large = JSON.stringify({ name: 'x'.repeat(1024 ** 2) });
  const { status } = await gateway.ask('PATCH', `${ROOT}/nodes/a`, { body: large });

  assert.equal(status, 413);
  const chunked = await gateway.ask('POST', `${ROOT}/keys`, {
    fields: [['Transfer-Encoding', 'chunked']], body: Buffer.concat([http.chunk('{}'), Buffer.from(http.LAST_CHUNK)]),
  });
  assert.equal(chunked.status, 413);
  assert.equal(await stateOf(ask), before);
});

behaviour('control/bad-input/a-token-is-never-repeated', async (stage) => {
  const { ask } = await furnished(stage);

  for (const token of ['S3CRET two words', 'S3CRET\u202e', `S3CRET${'x'.repeat(9000)}`, ['S3CRET'], { S3CRET: 1 }]) {
    const answer = await ask('PUT', `${ROOT}/nodes/a/token`, { token });

    assert.equal(answer.status, 422);
    assert.doesNotMatch(answer.text(), /S3CRET/);
  }
});

/* -- Ids ----------------------------------------------------------------------------------- */

/* As they are in addresses and what they stand for. */
const IDS = { 'a%20b': 'a b', 'a%25b': 'a%b', 'a%3Fb%23c': 'a?b#c', 'a%2Bb+c': 'a+b+c', '%E6%97%A5%E6%9C%AC': '日本',
              'a%26b%3Dc%3B': 'a&b=c;', 'A:b@c.d_e-f~': 'A:b@c.d_e-f~', '%22%3Cb%3E%22': '"<b>"', '%5Cx': '\\x',
              '...': '...', '%F0%9F%A7%9B': '🧛', [encodeURIComponent('é'.repeat(128))]: 'é'.repeat(128) };

behaviour('control/ids/are-percent-encoded-in-addresses', async (stage) => {
  const url = await manyNodes(stage);
  const gateway = await stage.gateway();
  const ask = await session(stage, gateway);

  for (const [encoded, id] of Object.entries(IDS)) {
    assert.equal((await ask('POST', `${ROOT}/nodes`, { id, base_url: url() })).json().id, id);
    assert.equal((await ask('POST', `${ROOT}/routes`, { id, virtual_model: 'v' })).json().id, id);
    for (const collection of ['nodes', 'routes'])
      assert.equal((await ask('GET', `${ROOT}/${collection}/${encoded}`)).json().id, id, encoded);
    assert.equal((await ask('PATCH', `${ROOT}/nodes/${encoded}`, { name: 'N' })).json().id, id);
    assert.equal((await ask('POST', `${ROOT}/nodes/${encoded}/block`)).json().node.id, id);
  }
  assert.equal((await gateway.call('GET', '/nodes?approval=blocked')).data.length, Object.keys(IDS).length);
  for (const encoded of Object.keys(IDS)) {
    assert.equal((await ask('DELETE', `${ROOT}/nodes/${encoded}`)).status, 200);
    assert.equal((await ask('DELETE', `${ROOT}/routes/${encoded}`)).status, 200);
  }
  assert.deepEqual((await gateway.call('GET', '/routes')).data, []);
});

behaviour('control/ids/what-is-none-finds-nothing', async (stage) => {
  const { gateway, ask, before } = await furnished(stage);
  const operations = (await describedBy(gateway)).filter(({ path }) => path.includes('{id}'));
  const ids = ['%2F', 'a%2Fb', '%2e%2e', '..', '.', 'a%00', '%00', '%ff', 'a%C0%AF', '%zz', '%', 'a%2', 'a%0d%0aX:%20y',
               'x'.repeat(10_000), '%E2%80%AE', 'a/', '', 'A', '%20a', 'a%20'];

  for (const { method, path, name } of operations) {
    for (const id of ids) {
      const answer = await ask(method, path.replace('{id}', id), bodies('http://127.0.0.1:1', 'x')[name]);
      const what = `${method} ${path} ${id.slice(0, 20)}: ${answer.status} ${answer.text().slice(0, 200)}`;

      /* Without one it is another address, which may have other methods. */
      assert.ok((id === '' ? [404, 405] : [400, 404]).includes(answer.status), what);
      assert.match(answer.json().error.code, /_not_found$|^not_found$|^malformed_request$|^method_not_allowed$/, what);
    }
  }
  assert.equal(await stateOf(ask), before);
});
