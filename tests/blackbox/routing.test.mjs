/* SPDX-License-Identifier: MIT
 *
 * Which model on which node a request gets: virtual models, routes, strategies, constraints, and what clients may ask
 * of the gateway itself. It is shown by what nodes get and by what answers say about the way they came.
 */

import assert from 'node:assert/strict';

import {
  CHAT, EMBEDDINGS, asked, chatOf, embed, errorOf, gatewayOf, hold, say, studio, studios,
  wayOf,
} from './lib/studios.mjs';
import { Gateway } from './lib/gateway.mjs';
import * as http from './lib/http.mjs';
import { serves } from './lib/nodes.mjs';
import { faultsOf } from './lib/schema.mjs';
import { behaviour } from './lib/stage.mjs';
import { Wire } from './lib/wire.mjs';

const GB = 1e9;
const EMBEDDER = { key: 'text-embedding-x', type: 'embedding', loaded: true };
const VIRTUAL = ['auto', 'fast', 'balanced', 'best', 'large-context', 'code', 'vision', 'reason', 'embeddings',
                 'private'].map((name) => `vampire:${name}`);
const STRATEGIES = [
  'round_robin', 'weighted_round_robin', 'least_busy', 'least_latency', 'highest_tokens_per_second', 'best_available',
  'model_affinity', 'context_window', 'trusted_only', 'power_saver', 'fallback_chain', 'quality_score', 'cost_score',
  'privacy_policy', 'residency', 'prefix_affinity',
];

const PIXEL = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA' +
  'AABJRU5ErkJggg==';
const IMAGE = [{ role: 'user', content: [{ type: 'text', text: 'what is it?' },
                                         { type: 'image_url', image_url: { url: PIXEL } }] }];
const TOOLS = [{ type: 'function', function: { name: 'weather', parameters: { type: 'object' } } }];

const llm = (key, parameters, more = {}) => ({
  key, loaded: true, params_string: `${parameters}B`, size_bytes: parameters * GB * 0.6, max_context_length: 131072,
  trained_for_tool_use: false, ...more,
});

/* The way of a request for a model by its name. */
const way = (name, node, model = 'm') => ({ route: `default:${name}`, strategy: 'residency', node, model });

const putRoute = (gateway, route, options) => gateway.call('POST', '/routes', route, options);
const change = (gateway, id, document) => gateway.call('PATCH', `/nodes/${id}`, document);
const by = (strategy) => ({ fields: { 'X-Vampire-Strategy': strategy } });

/* Three nodes with the same model. */
const three = (stage) => studios(stage, { a: ['m:loaded'], b: ['m:loaded'], c: ['m:loaded'] });

/* The nodes that so many requests in a row went to. */
async function nodesOf(n, ask) {
  const nodes = [];

  for (let i = 0; i < n; i++) {
    const answer = await ask(i);

    assert.equal(answer.status, 200, answer.text());
    nodes.push(wayOf(answer).node);
  }
  return nodes;
}

const times = (list, one) => list.filter((other) => other === one).length;
const count = (list) => Object.fromEntries([...new Set(list)].sort().map((one) => [one, times(list, one)]));

/* What a scripted node got to see as the bodies of prompts. */
const bodies = (node) => node.requests.filter(({ method }) => method === 'POST').map(({ body }) => String(body));

/* -- Virtual models ------------------------------------------------------------------------ */

/* The computers of a household, each with another kind of model. */
const household = async (stage) => ({
  desk: await studio(stage, [llm('acme/tiny-1b', 1), EMBEDDER], '--context-length=4096'),
  rack: await studio(stage, [llm('acme/mid-12b', 12, { trained_for_tool_use: true })], '--context-length=8192'),
  tower: await studio(stage, [llm('acme/huge-70b', 70, { loaded: false, max_context_length: 65536,
                                                        reasoning: ['off', 'on'] })], '--context-length=65536'),
  sofa: await studio(stage, [llm('acme/eye-7b', 7, { type: 'vlm' }), llm('acme/coder-30b', 30)],
                     '--context-length=16384'),
});

/* What each is written down to stand for. */
const meant = {
  'vampire:fast': ['desk acme/tiny-1b', 'the smallest while nothing was seen'],
  'vampire:balanced': ['rack acme/mid-12b', 'in memory and of middle size'],
  'vampire:best': ['tower acme/huge-70b', 'the most parameters, loaded or not'],
  'vampire:large-context': ['tower acme/huge-70b', 'the longest context'],
  'vampire:code': ['sofa acme/coder-30b', 'made for code'],
  'vampire:vision': ['sofa acme/eye-7b', 'sees images'],
  'vampire:reason': ['tower acme/huge-70b', 'reasons'],
};

for (const [model, [expected, why]] of Object.entries(meant)) {
  behaviour(`routing/virtual/${model.slice('vampire:'.length)}`, async (stage) => {
    const gateway = await gatewayOf(stage, await household(stage));

    for (let i = 0; i < 5; i++) {
      const answer = await say(gateway, model);
      const { route, node, model: taken } = wayOf(answer);

      assert.equal(answer.status, 200, answer.text());
      assert.equal(`${node} ${taken}`, expected, why);
      assert.deepEqual([route, answer.json().model], [`default:${model}`, taken]);
    }
  });
}

behaviour('routing/virtual/auto/what-is-loaded-and-no-embedder', async (stage) => {
  const nodes = await household(stage);
  const gateway = await gatewayOf(stage, nodes);
  const seen = new Set();

  for (let i = 0; i < 9; i++) {
    const answer = await say(gateway, 'vampire:auto');

    assert.equal(answer.json().choices[0].message.content, 'hello');
    seen.add(answer.json().model);
  }
  assert.deepEqual([...seen].sort(), ['acme/eye-7b', 'acme/mid-12b', 'acme/tiny-1b'], 'in turns');
  assert.equal((await nodes.tower.stats()).loads, 0);
});

behaviour('routing/virtual/fast/what-was-seen-to-be-fast', async (stage) => {
  const nodes = await household(stage);
  const gateway = await gatewayOf(stage, nodes);

  for (const [node, speed] of [['desk', 100], ['rack', 2000], ['sofa', 150]]) {
    await nodes[node].configure({ tokens_per_second: speed, answer_tokens: 20 });
    const model = { desk: 'acme/tiny-1b', rack: 'acme/mid-12b', sofa: 'acme/eye-7b' }[node];
    await say(gateway, model, { stream: true });
  }
  assert.deepEqual(wayOf(await say(gateway, 'vampire:fast')), {
    route: 'default:vampire:fast', strategy: 'highest_tokens_per_second', node: 'rack', model: 'acme/mid-12b',
  });
});

behaviour('routing/virtual/never-an-embedder-for-a-chat', async (stage) => {
  const nodes = await studios(stage, { a: [EMBEDDER], b: [llm('acme/cold', 3, { loaded: false })] });
  const gateway = await gatewayOf(stage, nodes);

  for (const model of VIRTUAL.filter((id) => !['vampire:embeddings', 'vampire:vision', 'vampire:reason'].includes(id)))
    assert.equal(wayOf(await say(gateway, model)).model, 'acme/cold', model);
  for (const model of ['vampire:vision', 'vampire:reason'])
    assert.deepEqual(errorOf(await say(gateway, model)), [503, 'no_route_target'], model);
  assert.deepEqual(errorOf(await say(gateway, 'vampire:embeddings')), [404, 'model_not_found']);
  assert.deepEqual(await asked(nodes), [0, 7]);
});

behaviour('routing/virtual/embeddings', async (stage) => {
  const nodes = await household(stage);
  const gateway = await gatewayOf(stage, nodes);

  for (const model of ['vampire:embeddings', 'vampire:auto', 'vampire:private']) {
    const answer = await embed(gateway, model);

    assert.deepEqual([answer.status, wayOf(answer).model], [200, EMBEDDER.key], model);
    assert.ok(answer.json().data[0].embedding.length > 0);
  }
  for (const model of ['vampire:fast', 'vampire:code', 'vampire:vision', 'vampire:best']) {
    const answer = await embed(gateway, model);

    assert.deepEqual(errorOf(answer), [404, 'model_not_found'], model);
    assert.match(answer.json().error.message, /vampire:embeddings/);
  }
  assert.deepEqual(await asked(nodes, EMBEDDINGS), [3, 0, 0, 0]);
});

behaviour('routing/virtual/images-need-a-model-that-sees', async (stage) => {
  const nodes = await household(stage);
  const gateway = await gatewayOf(stage, nodes);

  for (const model of ['vampire:auto', 'vampire:best', 'vampire:fast', 'vampire:code', 'vampire:private'])
    assert.equal(wayOf(await say(gateway, model, { messages: IMAGE })).model, 'acme/eye-7b', model);
  const told = [{ role: 'user', content: 'what is {"type":"image_url"} for?' }];
  assert.equal(wayOf(await say(gateway, 'vampire:best', { messages: told })).model, 'acme/huge-70b', 'a quotation');

  await change(gateway, 'sofa', { status: 'disabled' });
  const answer = await say(gateway, 'vampire:auto', { messages: IMAGE });
  assert.deepEqual(errorOf(answer), [503, 'no_route_target']);
  assert.match(answer.json().error.message, /desk has no model that can do what is asked for/);
  assert.match(answer.json().error.message, /sofa is disabled/);
});

behaviour('routing/virtual/tools-prefer-a-model-that-uses-them', async (stage) => {
  const gateway = await gatewayOf(stage, await household(stage));

  for (const model of ['vampire:auto', 'vampire:best', 'vampire:fast'])
    assert.equal(wayOf(await say(gateway, model, { tools: TOOLS })).model, 'acme/mid-12b', model);
  assert.equal(wayOf(await say(gateway, 'vampire:best', { tools: [] })).model, 'acme/huge-70b', 'none is no tool');
  await change(gateway, 'rack', { status: 'disabled' });
  assert.equal((await say(gateway, 'vampire:auto', { tools: TOOLS })).status, 200, 'a wish only');
  const needed = await say(gateway, 'vampire:auto', { vampire: { requirements: { tool_calling: true } } });
  assert.deepEqual(errorOf(needed), [503, 'no_route_target'], 'what the client demands is no wish');
});

behaviour('routing/virtual/private/never-through-another-gateway', async (stage) => {
  const far = await studio(stage, ['far/model:loaded']);
  const other = await gatewayOf(stage, { far });
  const own = await studio(stage, ['own/model']);
  const gateway = await gatewayOf(stage, { other, own }, { more: { other: { trusted: true } } });

  assert.equal((await say(gateway, 'far/model')).status, 200, 'it is there for others');
  for (const more of [{}, {}, {}, by('round_robin'), by('round_robin'), by('model_affinity')])
    assert.equal(wayOf(await say(gateway, 'vampire:private', more)).node, 'own', 'by whichever strategy');
  for (const vampire of [{ constraints: { local_only: true } }, { privacy: { external_services: false } },
                         { privacy: { classification: 'confidential' } }])
    assert.equal(wayOf(await say(gateway, 'vampire:auto', { vampire })).node, 'own', JSON.stringify(vampire));
  assert.equal(wayOf(await say(gateway, 'vampire:auto', by('privacy_policy'))).node, 'own');

  await change(gateway, 'own', { status: 'disabled' });
  const answer = await say(gateway, 'vampire:private');
  assert.deepEqual(errorOf(answer), [503, 'no_route_target']);
  assert.match(answer.json().error.message, /other is not in a private network/);
  assert.equal(wayOf(await say(gateway, 'vampire:auto')).node, 'other');
  assert.deepEqual(await asked({ far }), [2]);
});

behaviour('routing/virtual/private/trusted-nodes-first', async (stage) => {
  const nodes = await studios(stage, { a: ['m:loaded'], b: ['n'], c: ['o:loaded'] });
  const gateway = await gatewayOf(stage, nodes, { more: { b: { trusted: true } } });

  assert.deepEqual(count(await nodesOf(3, () => say(gateway, 'vampire:private'))), { b: 3 });
  await change(gateway, 'b', { trusted: false });
  assert.ok(!(await nodesOf(2, () => say(gateway, 'vampire:private'))).includes(undefined));
});

behaviour('routing/virtual/unknown', async (stage) => {
  const nodes = { a: await studio(stage, ['m:loaded']) };
  const gateway = await gatewayOf(stage, nodes);

  for (const model of ['vampire:x', 'vampire:', 'vampire:AUTO', 'vampire:auto ', 'vampire:auto@a']) {
    const answer = await say(gateway, model);

    assert.deepEqual(errorOf(answer), [404, 'model_not_found'], model);
    assert.equal(answer.json().error.type, 'invalid_request_error');
    assert.match(answer.json().error.message, /GET \/v1\/models/);
  }
  assert.deepEqual(await asked(nodes), [0]);
});

behaviour('routing/virtual/listed', async (stage) => {
  const nodes = await household(stage);
  const gateway = await gatewayOf(stage, nodes);
  const available = async () => (await gateway.call('GET', '/virtual_models')).data
    .filter(({ available: is }) => is).map(({ id }) => id);
  const listed = async () => (await gateway.ask('GET', '/v1/models')).json().data.map(({ id }) => id)
    .filter((id) => id.startsWith('vampire:'));

  assert.deepEqual(await available(), VIRTUAL);
  assert.deepEqual((await listed()).sort(), [...VIRTUAL].sort());
  await change(gateway, 'sofa', { status: 'disabled' });
  await change(gateway, 'desk', { status: 'disabled' });
  const rest = VIRTUAL.filter((id) => !['vampire:vision', 'vampire:embeddings'].includes(id));
  assert.deepEqual(await available(), rest, 'those that somebody can answer for');
  assert.deepEqual((await listed()).sort(), [...rest].sort());

  const { strategies, data } = await gateway.call('GET', '/virtual_models');
  assert.deepEqual(strategies.map(({ id }) => id), STRATEGIES);
  for (const { about } of [...strategies, ...data])
    assert.match(about, /^[A-Z].*\.$/);
});

/* -- Names --------------------------------------------------------------------------------- */

behaviour('routing/name/of-a-copy-and-of-a-node', async (stage) => {
  const nodes = await studios(stage, { a: ['m:loaded'], b: ['m:loaded'], c: ['n:loaded'] });
  const wire = await Wire.connect(nodes.b.port);

  wire.write(http.request('POST', '/api/v1/models/load', { body: '{"model":"m"}' }));
  assert.equal((await http.readAnswer(wire)).json().instance_id, 'm:2');
  await wire.destroy();
  const gateway = await gatewayOf(stage, nodes);
  for (let i = 0; i < 3; i++) {
    assert.deepEqual(wayOf(await say(gateway, 'm:2')), way('m:2', 'b'), 'a copy by its id');
    assert.deepEqual(wayOf(await say(gateway, 'm@a')), way('m@a', 'a'));
    assert.deepEqual(wayOf(await say(gateway, 'm@a', by('round_robin'))),
                     { ...way('m@a', 'a'), strategy: 'round_robin' });
  }
  await change(gateway, 'b', { status: 'disabled' });
  assert.ok((await say(gateway, 'm:2')).status >= 400, 'no other one is meant');
  assert.ok((await say(gateway, 'm@b')).status >= 400);
  assert.deepEqual(await asked(nodes), [6, 3, 0]);
});

/* -- Opting in ----------------------------------------------------------------------------- */

/* Only a request that has opted in is told about a strategy that there is none of; others are left alone. */
behaviour('routing/opt-in/what-makes-a-plain-request-a-routed-one', async (stage) => {
  const gateway = await gatewayOf(stage, { a: await studio(stage, ['m:loaded']) });
  const nonsense = { 'X-Vampire-Strategy': 'nonsense' };
  const tries = [
    [{}, {}, false],
    [{ 'X-Vampire-Mode': 'route' }, {}, true],
    [{ 'X-Vampire-Mode': 'fallback' }, {}, true],
    [{ 'x-vampire-mode': 'route' }, {}, true],
    [{ 'X-Vampire-Mode': 'turbo' }, {}, false],
    [{ 'X-Vampire-Route': 'none' }, {}, true],
    [{ 'X-Vampire-Route': '' }, {}, true],
    [{}, { mode: 'route' }, true],
    [{}, { mode: 'fallback' }, true],
    [{}, { mode: 'turbo' }, false],
    [{ 'X-Vampire-Mode': 'turbo' }, { mode: 'route' }, false],
    [{ 'X-Vampire-Mode': 'route' }, { mode: 'turbo' }, true],
    [{}, { route: 'none' }, false],
    [{}, { session: 's', trace: true }, false],
    [{ 'X-Vampire-Session': 's' }, {}, false],
  ];

  for (const [fields, vampire, isRouted] of tries) {
    const answer = await say(gateway, 'm', { fields: { ...nonsense, ...fields }, vampire });
    const what = JSON.stringify([fields, vampire]);

    assert.equal(answer.status, isRouted ? 400 : 200, what);
    if (isRouted)
      assert.equal(answer.json().error.code, 'unsupported_strategy', what);
  }
  for (const vampire of [null, [], 'route', 5, true, [{ mode: 'route' }]])
    assert.equal((await say(gateway, 'm', { fields: nonsense, vampire })).status, 200, JSON.stringify(vampire));
  assert.deepEqual(errorOf(await say(gateway, 'vampire:auto', { fields: nonsense })), [400, 'unsupported_strategy']);
});

behaviour('routing/opt-in/modes-that-are-not-there', async (stage) => {
  const nodes = { a: await studio(stage, ['m:loaded']) };
  const gateway = await gatewayOf(stage, nodes);

  for (const mode of ['race', 'parallel', 'fusion', 'debate', 'pipeline', 'converge']) {
    for (const [where, answer] of [['X-Vampire-Mode', await say(gateway, 'm', { fields: { 'X-Vampire-Mode': mode } })],
                                   ['vampire.mode', await say(gateway, 'vampire:auto', { vampire: { mode } })]]) {
      const { error } = answer.json();

      assert.deepEqual([answer.status, error.code], [422, 'invalid_field'], mode);
      assert.ok(error.message.startsWith(where) && error.message.includes(mode), error.message);
      assert.match(error.message, /route and fallback/);
    }
  }
  assert.deepEqual(await asked(nodes), [0]);
});

behaviour('routing/opt-in/a-route-by-its-id', async (stage) => {
  const gateway = await gatewayOf(stage, await studios(stage, { a: ['m:loaded'], b: ['n:loaded'] }));

  await putRoute(gateway, { id: 'r', virtual_model: 'house', targets: [{ node: 'b', model: 'n' }],
                            strategy: 'least_busy' });
  const routed = { route: 'r', strategy: 'least_busy', node: 'b', model: 'n' };
  const plain = { route: 'default:m', strategy: 'residency', node: 'a', model: 'm' };

  assert.deepEqual(wayOf(await say(gateway, 'm', { fields: { 'X-Vampire-Route': 'r' } })), routed);
  assert.deepEqual(wayOf(await say(gateway, 'm', { vampire: { mode: 'route', route: 'r' } })), routed);
  assert.deepEqual(wayOf(await say(gateway, 'vampire:auto', { vampire: { route: 'r' } })), routed);
  assert.deepEqual(wayOf(await say(gateway, 'm', { vampire: { route: 'r' } })), plain, 'the body alone is not enough');
  assert.deepEqual(wayOf(await say(gateway, 'm', { fields: { 'X-Vampire-Route': 'none' } })), plain, 'an unknown id');
  assert.deepEqual(wayOf(await say(gateway, 'house')), routed);
  assert.deepEqual(wayOf(await say(gateway, 'm', {
    fields: { 'X-Vampire-Route': 'r', 'X-Vampire-Strategy': 'round_robin' },
  })), { ...routed, strategy: 'round_robin' }, 'the request wins');
  assert.deepEqual(wayOf(await say(gateway, 'house', {
    fields: { 'X-Vampire-Strategy': 'cost_score' }, vampire: { routing: { strategy: 'round_robin' } },
  })), { ...routed, strategy: 'cost_score' }, 'the field wins over the body');
});

/* -- The key that is for the gateway ------------------------------------------------------- */

behaviour('routing/vampire-key/never-reaches-a-node', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await gatewayOf(stage, { a: node });
  const messages = '"messages":[{"role":"user","content":"the \\"vampire\\": {key}"}]';
  const forms = [
    [`{"model":"m","vampire":{"trace":true},${messages}}`, `{"model":"m",${messages}}`],
    [`{"vampire":{"session":"s"},"model":"m",${messages}}`, `{"model":"m",${messages}}`],
    [`{"model":"m",${messages},"vampire":{}}`, `{"model":"m",${messages}}`],
    [`{"model":"m",${messages},"vampire":null}`, `{"model":"m",${messages}}`],
    [`{"model":"m",${messages},"vampire":[{"vampire":"}"}]}`, `{"model":"m",${messages}}`],
    [`{"model":"m","\\u0076ampire":{"mode":"route"},${messages}}`, `{"model":"m",${messages}}`],
    [`{"model":"m","v\\u0061mp\\u0069re":5,${messages}}`, `{"model":"m",${messages}}`],
    [`{"model":"m","metadata":{"vampire":{"mode":"route"}},${messages}}`,
      `{"model":"m","metadata":{"vampire":{"mode":"route"}},${messages}}`],
  ];

  for (const [body, expected] of forms) {
    const answer = await gateway.ask('POST', CHAT, { body });

    assert.equal(answer.status, 200, body);
    assert.equal(bodies(node).at(-1), expected, 'and nothing else is changed');
  }
  const spaced = `{\n  "model" : "vampire:auto" ,\n  "vampire" : { "mode" : "route" } ,\n  ${messages}\n}\n`;
  await gateway.ask('POST', CHAT, { body: spaced });
  assert.ok(!('vampire' in JSON.parse(bodies(node).at(-1))));
  assert.equal(JSON.parse(bodies(node).at(-1)).model, 'm');
});

behaviour('routing/vampire-key/not-when-it-comes-twice', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await gatewayOf(stage, { a: node });

  for (const body of ['{"vampire":{"session":"s"},"model":"m","vampire":{"trace":true},"messages":[]}',
                      '{"vampire":{},"model":"m","\\u0076ampire":{"trace":true},"messages":[]}',
                      '{"vampire":null,"vampire":null,"vampire":5}']) {
    const answer = await gateway.ask('POST', CHAT, { body });

    assert.deepEqual(errorOf(answer), [422, 'invalid_field'], body);
    assert.match(answer.json().error.message, /^vampire must not be there twice/);
  }
  assert.deepEqual(bodies(node), []);
});

/* -- What answers say ---------------------------------------------------------------------- */

behaviour('routing/headers/what-was-really-done', async (stage) => {
  const nodes = await studios(stage, { a: ['m:loaded'], b: ['n:loaded'] });
  const gateway = await gatewayOf(stage, nodes);

  await putRoute(gateway, { id: 'second', virtual_model: 'other', targets: [{ node: 'b', model: 'n' }],
                            strategy: 'fallback_chain' });
  await putRoute(gateway, { id: 'first', virtual_model: 'house', targets: [{ node: 'a', model: 'm' }],
                            strategy: 'least_busy', fallback: 'other' });
  assert.deepEqual(wayOf(await say(gateway, 'house')),
                   { route: 'first', strategy: 'least_busy', node: 'a', model: 'm' });
  await change(gateway, 'a', { status: 'maintenance' });
  assert.deepEqual(wayOf(await say(gateway, 'house')),
                   { route: 'second', strategy: 'fallback_chain', node: 'b', model: 'n' }, 'that of the fallback');
  await change(gateway, 'a', { status: 'online' });
  await nodes.a.configure({ status: 503 });
  const both = { 'X-Vampire-Strategy': 'fallback_chain' };
  await gateway.call('PATCH', '/routes/first', { targets: [{ node: 'a', model: 'm' }, { node: 'b', model: 'n' }] });
  assert.deepEqual(wayOf(await say(gateway, 'house', { fields: both })),
                   { route: 'first', strategy: 'fallback_chain', node: 'b', model: 'n' }, 'not the one that failed');
  assert.deepEqual(wayOf(await say(gateway, 'm@b')).node, undefined);
  const lowest = await say(gateway, 'n', { fields: { 'X-Vampire-Strategy': 'least_loaded' } });
  assert.equal(wayOf(lowest).strategy, 'least_busy', 'by its own name');
});

behaviour('routing/request-id/on-every-answer-and-unique', async (stage) => {
  const silent = await stage.node(serves(['m'], (request, wire) => wire.destroy()));
  const gateway = await gatewayOf(stage, { a: await studio(stage, ['n:loaded', EMBEDDER.key]), b: silent });
  const long = await say(gateway, 'n', { stream: true });
  const answers = [
    long, await say(gateway, 'n'), await say(gateway, 'vampire:auto'), await embed(gateway, EMBEDDER.key),
    await say(gateway, 'none'), await say(gateway, 'vampire:none'), await say(gateway, 'm'),
    await say(gateway, 'vampire:auto', by('nonsense')), await say(gateway, 'n', { vampire: { session: 5 } }),
    await say(gateway, 'n', { vampire: { constraints: { trusted_only: true } } }),
    await gateway.ask('POST', '/v1/completions', { body: '{"model":"n","prompt":"x"}' }),
    await gateway.ask('POST', '/v1/responses', { body: '{"model":"n","input":"x"}' }),
    await gateway.ask('POST', CHAT, { body: 'not JSON' }), await gateway.ask('DELETE', '/v1/what'),
  ];
  const ids = answers.map(({ head }) => head.get('X-Vampire-Request-ID'));

  for (const [i, id] of ids.entries())
    assert.match(id ?? '', /^req_[0-9a-z]{20,}$/, `answer ${i}: ${answers[i].status}`);
  assert.equal(new Set(ids).size, ids.length);
  assert.deepEqual(answers.slice(4, 10).map(({ status }) => status), [404, 404, 502, 400, 422, 503]);
  assert.equal((await gateway.call('GET', `/traces/${ids[0]}`)).id, ids[0], 'what it is good for');
  const own = await say(gateway, 'n', { fields: { 'X-Vampire-Request-ID': 'req_mine' } });
  assert.notEqual(own.head.get('X-Vampire-Request-ID'), 'req_mine');
});

behaviour('routing/server-timing/only-when-traced', async (stage) => {
  const gateway = await gatewayOf(stage, { a: await studio(stage, ['m:loaded']) });
  const timing = async (more) => (await say(gateway, 'm', more)).head.get('Server-Timing');
  const metric = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+;dur=\d+(?:\.\d+)?$/;

  for (const more of [{}, { fields: { 'X-Vampire-Trace': 'false' } }, { vampire: { trace: false } }, { stream: true }])
    assert.equal(await timing(more), undefined, JSON.stringify(more));
  for (const more of [{ fields: { 'X-Vampire-Trace': 'true' } }, { vampire: { trace: 'stream' }, stream: true },
                      { vampire: { trace: true } }, { fields: { 'X-Vampire-Trace': 'true' }, model: 'none' }]) {
    const metrics = (await timing(more)).split(', ');

    for (const each of metrics)
      assert.match(each, metric);
    const durations = Object.fromEntries(metrics.map((each) => each.split(';dur=')));
    assert.ok(Number(durations.total) >= Number(durations.first), metrics.join());
  }
});

/* -- Strategies ---------------------------------------------------------------------------- */

behaviour('routing/strategy/unsupported', async (stage) => {
  const gateway = await gatewayOf(stage, { a: await studio(stage, ['m:loaded']) });

  for (const answer of [await say(gateway, 'vampire:auto', by('nonsense')),
                        await say(gateway, 'vampire:auto', { vampire: { routing: { strategy: 'nonsense' } } }),
                        await gateway.ask('POST', '/vampire/v1/routes', {
                          body: '{"id":"r","virtual_model":"v","strategy":"nonsense"}',
                        }),
                        await gateway.ask('POST', '/vampire/v1/routes/preview', {
                          body: '{"model":"m","strategy":"nonsense"}',
                        })]) {
    const { error } = answer.json();

    assert.deepEqual([answer.status, error.type, error.code], [400, 'vampire_routing_error', 'unsupported_strategy']);
    for (const name of STRATEGIES)
      assert.ok(error.message.includes(name), `${name} in ${error.message}`);
  }
});

behaviour('routing/strategy/each-is-taken-and-named', async (stage) => {
  const gateway = await gatewayOf(stage, await three(stage), { more: { a: { trusted: true } } });

  for (const strategy of STRATEGIES) {
    const answer = await say(gateway, 'm', by(strategy));

    assert.deepEqual([answer.status, wayOf(answer).strategy], [200, strategy]);
  }
});

behaviour('routing/strategy/round_robin', async (stage) => {
  const nodes = await three(stage);
  const gateway = await gatewayOf(stage, nodes);
  const turns = await nodesOf(9, () => say(gateway, 'm', by('round_robin')));

  assert.deepEqual(turns.slice(0, 3), turns.slice(3, 6));
  assert.deepEqual(count(turns), { a: 3, b: 3, c: 3 });
  assert.deepEqual(await asked(nodes), [3, 3, 3]);
});

behaviour('routing/strategy/weighted_round_robin', async (stage) => {
  const gateway = await gatewayOf(stage, await three(stage));
  const wire = await stage.client(gateway);
  const turns = [];
  const weights = { a: 1, b: 2, c: 5 };

  await putRoute(gateway, {
    id: 'r', virtual_model: 'house', strategy: 'weighted_round_robin',
    targets: Object.entries(weights).map(([node, weight]) => ({ node, model: 'm', weight })),
  });
  for (let i = 0; i < 200; i++) {
    wire.write(http.request('POST', CHAT, { body: chatOf('house') }));
    turns.push(wayOf(await http.readAnswer(wire)).node);
  }
  for (const [node, weight] of Object.entries(weights)) {
    const share = times(turns, node);
    const most = Math.max(...Array.from({ length: 177 }, (_, i) => times(turns.slice(i, i + 24), node)));

    assert.ok(Math.abs(share - 200 * weight / 8) <= 4, `${node} ${share}`);
    assert.ok(most <= 24 * weight / 8 + 3, `${node} ${most} of 24 in a row`);
  }
});

behaviour('routing/strategy/least_busy', async (stage) => {
  const nodes = await three(stage);
  const gateway = await gatewayOf(stage, nodes);

  for (const node of [nodes.a, nodes.b])
    await node.configure({ stall_after_tokens: 1 });
  for (const name of ['m@a', 'm@b', 'm@b'])
    await hold(stage, gateway, name);
  assert.deepEqual(count(await nodesOf(4, () => say(gateway, 'm', by('least_busy')))), { c: 4 });
  await nodes.c.configure({ stall_after_tokens: 1 });
  for (let i = 0; i < 2; i++)
    await hold(stage, gateway, 'm@c');
  const next = await hold(stage, gateway, 'm', by('least_busy'));
  assert.equal(next.head.get('X-Vampire-Node'), 'a');
});

behaviour('routing/strategy/least_latency', async (stage) => {
  const nodes = await three(stage);
  const gateway = await gatewayOf(stage, nodes);

  for (const [node, ms] of [['a', 60], ['b', 1], ['c', 120]]) {
    await nodes[node].configure({ ttft_ms: ms });
    assert.equal((await say(gateway, `m@${node}`)).status, 200);
  }
  assert.deepEqual(count(await nodesOf(4, () => say(gateway, 'm', by('least_latency')))), { b: 4 });
  await change(gateway, 'b', { status: 'disabled' });
  assert.deepEqual(count(await nodesOf(2, () => say(gateway, 'm', by('lowest_latency')))), { a: 2 });
});

behaviour('routing/strategy/highest_tokens_per_second', async (stage) => {
  const nodes = await three(stage);
  const gateway = await gatewayOf(stage, nodes);

  for (const [node, speed] of [['a', 60], ['b', 200], ['c', 2000]]) {
    await nodes[node].configure({ tokens_per_second: speed, answer_tokens: 12 });
    assert.equal((await say(gateway, `m@${node}`, { stream: true })).status, 200);
  }
  assert.deepEqual(count(await nodesOf(3, () => say(gateway, 'm', by('highest_tokens_per_second')))), { c: 3 });
  await change(gateway, 'c', { status: 'disabled' });
  assert.deepEqual(await nodesOf(1, () => say(gateway, 'm', by('highest_tokens_per_second'))), ['b']);
});

behaviour('routing/strategy/best_available/by-the-clients-and-the-routes-weights', async (stage) => {
  const nodes = await three(stage);
  const gateway = await gatewayOf(stage, nodes, { more: {
    a: { tags: ['quality:0.2'] }, b: { tags: ['quality:0.9'] }, c: { tags: ['quality:0.5'] },
  } });
  const weighed = async (weights) => nodesOf(2, () => say(gateway, 'm', {
    vampire: { mode: 'route', routing: { strategy: 'best_available', weights } },
  }));

  for (const [node, ms] of [['a', 1], ['b', 80], ['c', 40]]) {
    await nodes[node].configure({ ttft_ms: ms });
    await say(gateway, `m@${node}`);
  }
  assert.deepEqual(await weighed({ quality_score: 1 }), ['b', 'b']);
  assert.deepEqual(await weighed({ latency: 1 }), ['a', 'a']);
  assert.deepEqual(await weighed({ latency: 0.1, quality_score: 0.9 }), ['b', 'b']);
  await putRoute(gateway, {
    id: 'r', virtual_model: 'house', strategy: 'best_available', weights: { latency: 1 },
    targets: ['b', 'a', 'c'].map((node) => ({ node, model: 'm' })),
  });
  assert.deepEqual(await nodesOf(2, () => say(gateway, 'house')), ['a', 'a']);
  await gateway.call('PATCH', '/routes/r', { weights: { quality_score: 1 } });
  assert.deepEqual(await nodesOf(2, () => say(gateway, 'house')), ['b', 'b']);
});

behaviour('routing/strategy/model_affinity', async (stage) => {
  const nodes = await studios(stage, { a: ['m:loaded'], b: ['m:loaded'], c: ['m'] });
  const gateway = await gatewayOf(stage, nodes);

  assert.deepEqual(count(await nodesOf(6, () => say(gateway, 'm', by('model_affinity')))), { a: 3, b: 3 });
  for (const id of ['a', 'b'])
    await change(gateway, id, { status: 'disabled' });
  assert.deepEqual(await nodesOf(1, () => say(gateway, 'm', by('model_affinity'))), ['c']);
});

behaviour('routing/strategy/context_window', async (stage) => {
  const nodes = {};

  for (const [id, context] of [['big', 65536], ['small', 4096], ['middle', 16384]])
    nodes[id] = await studio(stage, [llm('m', 7)], `--context-length=${context}`);
  const gateway = await gatewayOf(stage, nodes);
  const ask = (more) => nodesOf(2, () => say(gateway, 'm', { ...by('context_window'), ...more }));

  assert.deepEqual(await ask({}), ['small', 'small'], 'larger ones stay free');
  assert.deepEqual(await ask({ content: 'word '.repeat(8000) }), ['middle', 'middle'], 'a long prompt');
  assert.deepEqual(await ask({ vampire: { constraints: { min_context_window: 20000 } } }), ['big', 'big']);
  assert.deepEqual(wayOf(await say(gateway, 'm', { content: 'word '.repeat(20000) })).node, 'big', 'by any strategy');
});

behaviour('routing/strategy/trusted_only', async (stage) => {
  const nodes = await three(stage);
  const gateway = await gatewayOf(stage, nodes, { more: { a: { trusted: true }, c: { trusted: true } } });

  assert.deepEqual(count(await nodesOf(6, () => say(gateway, 'm', by('trusted_only')))), { a: 3, c: 3 });
  for (const id of ['a', 'c'])
    await change(gateway, id, { trusted: false });
  const answer = await say(gateway, 'm', by('trusted_only'));
  assert.deepEqual(errorOf(answer), [503, 'no_route_target']);
  assert.match(answer.json().error.message, /a is not trusted, b is not trusted, c is not trusted/);
  assert.deepEqual(await asked(nodes), [3, 0, 3]);
});

/* What owners say by tags, and which node is then the first and the second. */
const byTags = {
  power_saver: [{ a: ['power:300'], b: ['power:15'], c: ['power:60'] }, 'b', 'c'],
  cost_score: [{ a: ['cost:0.5'], b: ['cost:2'], c: ['cost:0'] }, 'c', 'a'],
  quality_score: [{ a: ['quality:0.3'], b: ['quality:0.95'], c: ['quality:0.9'] }, 'b', 'c'],
};

for (const [strategy, [tags, first, second]] of Object.entries(byTags)) {
  behaviour(`routing/strategy/${strategy}`, async (stage) => {
    const more = Object.fromEntries(Object.entries(tags).map(([id, list]) => [id, { tags: ['other', ...list] }]));
    const gateway = await gatewayOf(stage, await three(stage), { more });

    assert.deepEqual(count(await nodesOf(3, () => say(gateway, 'm', by(strategy)))), { [first]: 3 });
    await change(gateway, first, { status: 'disabled' });
    assert.deepEqual(count(await nodesOf(2, () => say(gateway, 'm', by(strategy)))), { [second]: 2 });
  });
}

behaviour('routing/strategy/fallback_chain', async (stage) => {
  const nodes = await three(stage);
  const gateway = await gatewayOf(stage, nodes);

  await putRoute(gateway, { id: 'r', virtual_model: 'house', strategy: 'fallback_chain',
                            targets: ['c', 'a', 'b'].map((node) => ({ node, model: 'm' })) });
  assert.deepEqual(await nodesOf(3, () => say(gateway, 'house')), ['c', 'c', 'c']);
  await nodes.c.configure({ status: 500 });
  assert.deepEqual(await nodesOf(1, () => say(gateway, 'house')), ['a']);
  await nodes.a.configure({ status: 503 });
  assert.deepEqual(await nodesOf(1, () => say(gateway, 'house')), ['b']);
  await nodes.c.configure({ status: 0 });
  await nodes.a.configure({ status: 0 });
  await change(gateway, 'a', { status: 'draining' });
  assert.ok(['b', 'c'].includes((await nodesOf(1, () => say(gateway, 'house')))[0]));
});

behaviour('routing/strategy/privacy_policy', async (stage) => {
  const nodes = await three(stage);
  const gateway = await gatewayOf(stage, nodes, { more: { b: { trusted: true } } });

  assert.deepEqual(count(await nodesOf(3, () => say(gateway, 'm', by('privacy_policy')))), { b: 3 });
  await change(gateway, 'b', { status: 'disabled' });
  assert.deepEqual(count(await nodesOf(4, () => say(gateway, 'm', by('privacy_policy')))), { a: 2, c: 2 });
});

behaviour('routing/strategy/residency/loaded-and-free-then-who-can-begin-soonest', async (stage) => {
  const big = (loaded) => llm('m', 200, { loaded, size_bytes: 500 * GB });
  const nodes = {
    cold: await studio(stage, [big(false)]), busy: await studio(stage, [big(true)], '--parallel=1'),
    free: await studio(stage, [big(true)], '--parallel=1'),
  };
  const gateway = await gatewayOf(stage, nodes);
  const order = async () => (await gateway.call('POST', '/routes/preview', { model: 'm' })).attempts
    .map(({ node, readiness }) => `${node} ${readiness}`);

  for (const node of ['busy', 'free']) {
    await say(gateway, `m@${node}`);
    await nodes[node].configure({ stall_after_tokens: 1 });
  }
  await hold(stage, gateway, 'm@busy');
  assert.deepEqual(await order(), ['free now', 'busy full', 'cold cold']);
  const next = await hold(stage, gateway, 'm');
  assert.equal(next.head.get('X-Vampire-Node'), 'free');
  assert.deepEqual((await order()).at(-1), 'cold cold', 'such a load takes longer than the answers do');
  assert.equal((await nodes.cold.stats()).loads, 0);
  assert.equal(wayOf(await say(gateway, 'm@cold')).node, 'cold');
});

behaviour('routing/strategy/residency/one-that-loads-fast-before-one-that-is-long-busy', async (stage) => {
  const nodes = {
    slow: await studio(stage, [llm('m', 1, { loaded: false })]),
    busy: await studio(stage, [llm('m', 1)], '--parallel=1'),
  };
  const gateway = await gatewayOf(stage, nodes);

  await nodes.busy.configure({ stall_after_tokens: 1 });
  await hold(stage, gateway, 'm@busy');
  assert.equal(wayOf(await say(gateway, 'm')).node, 'slow');
  assert.equal((await nodes.slow.stats()).loads, 1);
});

/* -- Constraints --------------------------------------------------------------------------- */

const fits = {
  min_context_window: [{ min_context_window: 16000 }, /a has too little context, b has too little context/,
                       { min_context_window: 200000 }],
  max_latency_ms: [{ max_latency_ms: 120 }, /a is too slow, b is too slow/, { max_latency_ms: 0.0001 }],
  max_queue_depth: [{ max_queue_depth: 3 }, /a has too many requests waiting, b has too many requests waiting/,
                    { max_queue_depth: 0 }],
  trusted_only: [{ trusted_only: true }, /a is not trusted, b has too many requests waiting/,
                 { trusted_only: true, max_queue_depth: 0 }],
  required_capabilities: [{ required_capabilities: ['vision', 'streaming', 'chat'] },
                          /a has no model that can do what is asked for, b has no model that can do what is asked for/,
                          { required_capabilities: ['reasoning'] }],
};

for (const [name, [fitting, reasons, nobody]] of Object.entries(fits)) {
  behaviour(`routing/constraints/${name}`, async (stage) => {
    const nodes = {
      a: await studio(stage, [llm('m', 7, { type: 'llm' })], '--context-length=4096'),
      b: await studio(stage, [llm('m', 7, { type: 'vlm' })], '--context-length=32768'),
    };
    const gateway = await gatewayOf(stage, nodes, { more: { b: { trusted: true } } });

    await change(gateway, 'a', { queue_depth: 7 });
    await change(gateway, 'b', { queue_depth: 2 });
    await nodes.a.configure({ ttft_ms: 250 });
    for (const id of ['a', 'b'])
      await say(gateway, `m@${id}`);
    const before = await asked(nodes);
    for (const model of ['m', 'vampire:auto'])
      assert.deepEqual(await nodesOf(2, () => say(gateway, model, { vampire: { constraints: fitting } })), ['b', 'b']);
    assert.deepEqual(await nodesOf(1, () => say(gateway, 'm', { vampire: { requirements: fitting } })), ['b']);

    const answer = await say(gateway, 'm', { vampire: { constraints: nobody } });
    assert.deepEqual(errorOf(answer), [503, 'no_route_target']);
    assert.match(answer.json().error.message, reasons);
    assert.match(answer.json().error.message, /^No node can answer for m now: /);

    await putRoute(gateway, { id: 'r', virtual_model: 'house', constraints: fitting,
                              targets: [{ node: 'a', model: 'm' }, { node: 'b', model: 'm' }] });
    assert.deepEqual(await nodesOf(3, () => say(gateway, 'house')), ['b', 'b', 'b'], 'those of a route');
    const { vampire } = await gateway.call('PATCH', '/routes/r', { constraints: null });
    assert.equal(vampire, undefined);
    assert.deepEqual(count(await nodesOf(4, () => say(gateway, 'house'))), { a: 2, b: 2 });
    const [a, b] = await asked(nodes);
    assert.deepEqual([a - before[0], b - before[1]], [2, 10]);
  });
}

behaviour('routing/constraints/wrong-ones-are-named', async (stage) => {
  const nodes = { a: await studio(stage, ['m:loaded']) };
  const gateway = await gatewayOf(stage, nodes);
  const wrong = [
    ['constraints', 5], ['constraints.min_context_window', '16k'], ['constraints.min_context_window', -1],
    ['constraints.max_latency_ms', true], ['constraints.max_queue_depth', 1.5], ['constraints.trusted_only', 'yes'],
    ['constraints.local_only', 1], ['constraints.required_capabilities', 'vision'],
    ['constraints.required_capabilities', ['telepathy']], ['requirements.tool_calling', 'x'], ['requirements', []],
    ['routing.strategy', 5], ['routing.weights', []], ['routing.weights.latency', -1], ['routing.fallback', 'no'],
    ['session', {}], ['route', 7], ['mode', 1], ['trace', 'loud'], ['response.include_metadata', 'yes'],
    ['privacy.classification', 'secret'], ['fallback.continue', 1], ['max_latency_seconds', '30'],
  ];

  for (const [path, value] of wrong) {
    const vampire = path.split('.').reduceRight((inner, name) => ({ [name]: inner }), value);
    const answer = await say(gateway, 'm', { vampire });
    const { error } = answer.json();

    assert.ok([400, 422].includes(answer.status), `${path}: ${answer.status}`);
    assert.ok(error.message.startsWith(`vampire.${path}`), error.message);
    assert.deepEqual(answer.head.get('X-Vampire-Node'), undefined);
  }
  for (const vampire of [{ constraints: { unheard_of: 1 } }, { constraints: null, routing: null, session: null },
                         { constraints: { min_context_window: null } }, { limits: { maximum_models: 3 } }])
    assert.equal((await say(gateway, 'm', { vampire })).status, 200, JSON.stringify(vampire));
  assert.deepEqual(await asked(nodes), [4]);
});

/* -- Routes -------------------------------------------------------------------------------- */

behaviour('routing/routes/in-force-at-once-and-after-a-restart', async (stage) => {
  const nodes = await studios(stage, { a: ['m:loaded'], b: ['n:loaded'] });
  const first = await gatewayOf(stage, nodes);
  const route = { id: 'r', virtual_model: 'house', strategy: 'weighted_round_robin', fallback: 'm',
                  targets: [{ node: 'a', model: 'm', weight: 2.5 }], constraints: { min_context_window: 1000 } };

  assert.deepEqual(errorOf(await say(first, 'house')), [404, 'model_not_found']);
  await putRoute(first, route);
  assert.equal(wayOf(await say(first, 'house')).node, 'a');
  await first.call('PATCH', '/routes/r', { targets: [{ node: 'b', model: 'n', weight: 3 }] });
  assert.equal(wayOf(await say(first, 'house')).node, 'b');
  await first.call('PATCH', '/routes/r', { virtual_model: 'home' });
  assert.deepEqual(errorOf(await say(first, 'house')), [404, 'model_not_found']);
  assert.equal(wayOf(await say(first, 'home')).node, 'b');
  const stored = await first.call('GET', '/routes/r');
  assert.deepEqual(stored, { ...route, virtual_model: 'home', targets: [{ node: 'b', model: 'n', weight: 3 }] });
  await first.stop();

  const gateway = await stage.gateway({ node: nodes.a, home: first.home });
  assert.deepEqual(await gateway.call('GET', '/routes/r'), stored);
  assert.deepEqual(wayOf(await say(gateway, 'home')),
                   { route: 'r', strategy: 'weighted_round_robin', node: 'b', model: 'n' });
  await gateway.call('DELETE', '/routes/r');
  assert.deepEqual(errorOf(await say(gateway, 'home')), [404, 'model_not_found']);
  await gateway.call('GET', '/routes/r', undefined, { status: 404 });
});

behaviour('routing/routes/fallbacks-over-several-routes', async (stage) => {
  const nodes = await three(stage);
  const gateway = await gatewayOf(stage, nodes);
  const targets = (node) => [{ node, model: 'm' }];

  await putRoute(gateway, { id: 'r1', virtual_model: 'one', targets: targets('a'), fallback: 'two' });
  await putRoute(gateway, { id: 'r2', virtual_model: 'two', targets: targets('b'), fallback: 'three' });
  await putRoute(gateway, { id: 'r3', virtual_model: 'three', targets: [], fallback: 'm' });
  assert.equal(wayOf(await say(gateway, 'one')).route, 'r1');
  assert.equal(wayOf(await say(gateway, 'three')).route, 'default:m');
  await change(gateway, 'a', { status: 'disabled' });
  assert.deepEqual(wayOf(await say(gateway, 'one')), { route: 'r2', strategy: 'round_robin', node: 'b', model: 'm' });
  await change(gateway, 'b', { status: 'disabled' });
  assert.deepEqual(wayOf(await say(gateway, 'one')), way('m', 'c'));

  const { fallback } = await gateway.call('PATCH', '/routes/r2', { fallback: null });
  assert.equal(fallback, null);
  const answer = await say(gateway, 'one');
  assert.deepEqual(errorOf(answer), [503, 'no_route_target']);
  assert.match(answer.json().error.message, /one/);
  assert.equal(answer.head.get('X-Vampire-Route'), 'r1', 'the one that was asked for');
});

behaviour('routing/routes/fallback-of-a-private-one-is-as-private', async (stage) => {
  const nodes = await studios(stage, { a: ['m:loaded'], b: ['n:loaded'] });
  const gateway = await gatewayOf(stage, nodes, { more: { a: { trusted: true } } });

  await putRoute(gateway, { id: 'open', virtual_model: 'open', targets: [{ node: 'b', model: 'n' }] });
  await putRoute(gateway, { id: 'safe', virtual_model: 'safe', targets: [{ node: 'a', model: 'm' }], fallback: 'open',
                            constraints: { trusted_only: true } });
  assert.equal(wayOf(await say(gateway, 'safe')).node, 'a');
  await change(gateway, 'a', { status: 'disabled' });
  assert.deepEqual(errorOf(await say(gateway, 'safe')), [503, 'no_route_target']);
  assert.equal(wayOf(await say(gateway, 'open')).node, 'b');
  assert.deepEqual(await asked(nodes), [1, 1]);
});

behaviour('routing/routes/no-circles', async (stage) => {
  const gateway = await gatewayOf(stage, { a: await studio(stage, ['m:loaded']) });
  const route = (id, fallback) => ({ id: `r-${id}`, virtual_model: id, fallback });
  const refused = async (method, target, document) =>
    (await gateway.call(method, target, document, { status: 409 })).error;

  await putRoute(gateway, route('one', 'two'));
  await putRoute(gateway, route('two', 'three'));
  const { code, message } = await refused('POST', '/routes', route('three', 'one'));
  assert.equal(code, 'conflict');
  assert.match(message, /three, one, two, three/);
  await gateway.call('GET', '/routes/r-three', undefined, { status: 404 });
  assert.match((await refused('POST', '/routes', route('self', 'self'))).message, /self, self/);
  await putRoute(gateway, route('three', 'm'));
  assert.match((await refused('PATCH', '/routes/r-three', { fallback: 'one' })).message, /three, one, two, three/);
  assert.equal((await gateway.call('GET', '/routes/r-three')).fallback, 'm', 'as it was');
  await gateway.call('PATCH', '/routes/r-two', { fallback: null });
  await gateway.call('PATCH', '/routes/r-three', { fallback: 'one' });
  assert.deepEqual(errorOf(await say(gateway, 'three')), [503, 'no_route_target']);
});

behaviour('routing/routes/a-target-whose-node-is-gone', async (stage) => {
  const nodes = await studios(stage, { a: ['m:loaded'], b: ['m:loaded'] });
  const gateway = await gatewayOf(stage, nodes);

  await putRoute(gateway, { id: 'r', virtual_model: 'house', strategy: 'fallback_chain',
                            targets: [{ node: 'b', model: 'm' }, { node: 'a', model: 'm' }] });
  assert.equal(wayOf(await say(gateway, 'house')).node, 'b');
  await gateway.call('DELETE', '/nodes/b');
  assert.equal(wayOf(await say(gateway, 'house')).node, 'a');
  await gateway.call('PATCH', '/routes/r', { targets: [{ node: 'b', model: 'm' }, { node: 'a', model: 'none' }] });
  const answer = await say(gateway, 'house');
  assert.deepEqual(errorOf(answer), [503, 'no_route_target']);
  assert.match(answer.json().error.message, /b is no node, a does not have it/);
  await gateway.call('POST', '/nodes', { id: 'b', base_url: nodes.b.url });
  assert.equal(wayOf(await say(gateway, 'house')).node, 'b', 'it is back');
});

behaviour('routing/routes/wrong-ones-are-named', async (stage) => {
  const gateway = await gatewayOf(stage, { a: await studio(stage, ['m:loaded']) });
  const wrong = [
    [{ constraints: { min_context_window: 'x' } }, 'constraints.min_context_window'],
    [{ constraints: { required_capabilities: ['telepathy'] } }, 'constraints.required_capabilities'],
    [{ constraints: 5 }, 'constraints'], [{ weights: { latency: 'x' } }, 'weights.latency'],
    [{ weights: { latency: 0, quality_score: 0 } }, 'weights'], [{ targets: [{ node: 'a' }] }, 'targets'],
    [{ targets: [{ node: 'a', model: 'm', weight: -1 }] }, 'targets'],
    [{ targets: [{ node: 'a', model: 'm', weight: 'x' }] }, 'targets'], [{ fallback: 5 }, 'fallback'],
    [{ virtual_model: '' }, 'virtual_model'],
  ];

  await putRoute(gateway, { id: 'r', virtual_model: 'house' });
  const before = await gateway.call('GET', '/routes');
  for (const [document, member] of wrong) {
    for (const [method, target, body] of [['POST', '/routes', { id: 'r2', virtual_model: 'v', ...document }],
                                          ['PATCH', '/routes/r', document]]) {
      const answer = await gateway.ask(method, `/vampire/v1${target}`, { body: Buffer.from(JSON.stringify(body)) });

      assert.ok([400, 422].includes(answer.status), `${method} ${member}: ${answer.status}`);
      assert.ok(answer.text().includes(member), answer.text());
    }
  }
  assert.deepEqual(await gateway.call('GET', '/routes'), before, 'nothing of it was done');
});

/* -- To see -------------------------------------------------------------------------------- */

behaviour('routing/preview/says-what-then-happens-and-changes-nothing', async (stage) => {
  const nodes = await household(stage);
  const gateway = await gatewayOf(stage, nodes);

  await putRoute(gateway, { id: 'r', virtual_model: 'house', targets: [
    { node: 'desk', model: 'acme/tiny-1b' }, { node: 'rack', model: 'acme/mid-12b' },
    { node: 'sofa', model: 'acme/eye-7b' },
  ] });
  const requests = async () => Promise.all(Object.values(nodes).map(async (node) => (await node.stats()).requests));
  for (const [model, strategy] of [['house'], ['house'], ['house', 'least_busy'], ['vampire:auto'], ['vampire:auto'],
                                   ['vampire:best'], ['acme/eye-7b'], ['house', 'weighted_round_robin'], ['house']]) {
    const before = await requests();
    const ask = () => gateway.call('POST', '/routes/preview', { model, strategy: strategy ?? null });
    const plan = await ask();

    for (let i = 0; i < 3; i++)
      assert.deepEqual((await ask()).attempts, plan.attempts, 'nobody’s turn has come');
    assert.deepEqual(await requests(), before, 'nobody was asked');
    const taken = wayOf(await say(gateway, model, strategy ? by(strategy) : {}));
    assert.deepEqual(taken, { route: plan.route, strategy: plan.strategy, node: plan.attempts[0].node,
                            model: plan.attempts[0].model }, model);
  }
});

behaviour('routing/preview/says-why-not-the-others', async (stage) => {
  const gateway = await gatewayOf(stage, await household(stage));
  const reasons = ({ candidates }) => Object.fromEntries(candidates.map(({ node, rejected }) => [node, rejected]));

  await change(gateway, 'rack', { status: 'draining' });
  const plan = await gateway.call('POST', '/routes/preview', { model: 'vampire:vision' });
  assert.deepEqual(reasons(plan),
                   { desk: 'capability_missing', rack: 'draining', tower: 'capability_missing', sofa: null });
  assert.deepEqual(plan.rejected, { capability_missing: 2, draining: 1 });
  assert.equal(plan.problem, null);
  const long = await gateway.call('POST', '/routes/preview', {
    model: 'vampire:auto', constraints: { min_context_window: 1e6 },
  });
  assert.deepEqual(long.attempts, []);
  assert.match(long.problem, /desk has too little context/);
  const texts = await gateway.call('POST', '/routes/preview', { model: 'vampire:auto', endpoint: 'embeddings' });
  assert.deepEqual(texts.attempts.map(({ node, model }) => [node, model]), [['desk', EMBEDDER.key]]);
  for (const [document, status] of [[{ model: 'm', route: 'none' }, 404], [{}, 422], [{ model: 5 }, 422],
                                    [{ model: 'm', endpoint: 'nonsense' }, 422],
                                    [{ model: 'm', constraints: { trusted_only: 1 } }, 422]])
    await gateway.call('POST', '/routes/preview', document, { status });
});

behaviour('routing/explain/a-route', async (stage) => {
  const gateway = await gatewayOf(stage, await three(stage));

  await putRoute(gateway, { id: 'r', virtual_model: 'house', strategy: 'fallback_chain', targets: [
    { node: 'c', model: 'm' }, { node: 'b', model: 'none' }, { node: 'nobody', model: 'm' }, { node: 'a', model: 'm' },
  ] });
  await change(gateway, 'c', { status: 'maintenance' });
  const told = await gateway.call('GET', '/routes/r/explain');
  assert.deepEqual([told.object, told.id, told.route, told.strategy, told.model],
                   ['vampire.route_explanation', 'r', 'r', 'fallback_chain', 'house']);
  assert.deepEqual(told.attempts.map(({ node, model, readiness }) => [node, model, readiness]), [['a', 'm', 'now']]);
  assert.deepEqual(told.rejected, { draining: 1, model_missing: 2 });
  assert.equal(wayOf(await say(gateway, 'house')).node, 'a');
  await gateway.call('GET', '/routes/none/explain', undefined, { status: 404 });
});

behaviour('routing/openapi/describes-them', async (stage) => {
  const gateway = await gatewayOf(stage, await household(stage));
  const { paths } = await gateway.call('GET', '/openapi.json');
  const schemaOf = (method, path) =>
    paths[`/vampire/v1${path}`][method].responses['200'].content['application/json'].schema;

  await putRoute(gateway, { id: 'r', virtual_model: 'house', fallback: 'vampire:auto', weights: { latency: 1 },
                            targets: [{ node: 'desk', model: 'acme/tiny-1b', weight: 2 }] });
  for (const [method, path, target, document] of [
    ['get', '/routes', '/routes'], ['get', '/routes/{id}', '/routes/r'], ['get', '/virtual_models', '/virtual_models'],
    ['get', '/routes/{id}/explain', '/routes/r/explain'], ['patch', '/routes/{id}', '/routes/r', { fallback: null }],
    ['post', '/routes/preview', '/routes/preview', { model: 'vampire:auto' }],
    ['post', '/routes/preview', '/routes/preview', { model: 'none' }],
    ['delete', '/routes/{id}', '/routes/r'],
  ]) {
    const answer = await gateway.call(method.toUpperCase(), target, document);

    assert.deepEqual(faultsOf(answer, schemaOf(method, path)), [], path);
  }
});

/* -- Settings ------------------------------------------------------------------------------ */

behaviour('routing/settings/default-strategy-is-read-again', async (stage) => {
  const node = await studio(stage, ['m:loaded']);
  const gateway = await gatewayOf(stage, { a: node }, { settings: 'default_strategy=least_busy' });
  const strategies = async () => Promise.all(['m', 'vampire:auto', 'vampire:best', 'house']
    .map(async (model) => wayOf(await say(gateway, model)).strategy));

  await putRoute(gateway, { id: 'r', virtual_model: 'house', targets: [{ node: 'a', model: 'm' }],
                            strategy: 'cost_score' });
  assert.deepEqual(await strategies(), ['least_busy', 'least_busy', 'quality_score', 'cost_score']);
  Gateway.writeSettings(gateway.home, 'default_strategy=model_affinity');
  gateway.signal('SIGHUP');
  await gateway.waitFor(/reloaded/);
  assert.deepEqual(await strategies(), ['model_affinity', 'model_affinity', 'quality_score', 'cost_score']);
  assert.equal((await gateway.call('GET', '/virtual_models')).data[0].strategy, 'model_affinity');
});
