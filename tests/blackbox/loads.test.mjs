/* SPDX-License-Identifier: MIT
 *
 * Models come into memory once, however many ask for them, and nobody's answer is thrown out for it. The nodes are
 * simulated LM Studios, which load a model anew for each request that comes too early, and unload what is answering.
 */

import assert from 'node:assert/strict';

import * as http from './lib/http.mjs';
import { completion, serves } from './lib/nodes.mjs';
import { parseData } from './lib/sse.mjs';
import { behaviour } from './lib/stage.mjs';
import { CHAT, asked, chatOf, errorOf, gatewayOf, hold, say, studio } from './lib/studios.mjs';
import { elapsed } from './lib/time.mjs';
import { tell, untilIdle, untilMetrics, untilQueued } from './lib/waiting.mjs';

/* A load that goes on until it is told to end, and that. */
const SLOW_LOAD = '--load-ms=600000';
const endLoads = (node) => node.configure({ load_ms: 0 });

/* So long a model is believed to be in memory since it has answered. */
const PROOF_MS = 2000;

const LOAD = '/models/load';
const UNLOAD = '/models/unload';

const many = (n, ask) => Promise.all(Array.from({ length: n }, (_, i) => ask(i)));

/* How many loads a node has begun, how many of them were one too many, and how many answers they have ended. */
const harm = async (node) => {
  const { loads, duplicate_loads: duplicates, killed_generations: killed } = await node.stats();

  return { loads, duplicates, killed };
};

const HARMLESS = { loads: 1, duplicates: 0, killed: 0 };

const nodeOf = ({ head }) => head.get('X-Vampire-Node');

function assertAnswered(answers) {
  for (const answer of answers) {
    assert.equal(answer.status, 200, answer.text());
    const isStream = /event-stream/.test(answer.head.get('Content-Type'));
    const text = isStream
      ? parseData(answer.body).filter((data) => data !== '[DONE]')
        .map((data) => JSON.parse(data).choices[0].delta.content ?? '').join('')
      : answer.json().choices[0].message.content;
    assert.equal(text, 'hello');
  }
}

/* Lets the node go on with an answer that was held, which must be whole. */
async function release(node, wire) {
  await node.configure({ stall_after_tokens: -1 });
  const pieces = [];
  for await (const piece of http.bodyPieces(wire, wire.head))
    pieces.push(piece);
  assert.match(Buffer.concat(pieces).toString(), /data: \[DONE\]\n\n$/);
}

/* -- Once, however many ask ---------------------------------------------------------------- */

behaviour('loads/once/for-all-who-ask-at-a-time', async (stage) => {
  const node = await studio(stage, ['m'], SLOW_LOAD);
  const gateway = await gatewayOf(stage, { a: node });
  const follower = await stage.follower(gateway);
  const answers = many(12, (i) => say(gateway, 'm', { stream: i % 2 === 0 }));

  const { cluster, models } = await untilMetrics(gateway, (metrics) => metrics.cluster.queue_depth === 11);
  assert.deepEqual([cluster.active_requests, cluster.loads_in_flight], [1, 1]);
  assert.deepEqual(models.map(({ model, queued }) => [model, queued]), [['m', 11]]);
  const { data: begun } = await follower.next('load');
  assert.deepEqual([begun.node, begun.model, begun.state, begun.reason], ['a', 'm', 'started', null]);
  await endLoads(node);
  assertAnswered(await answers);
  assert.deepEqual(await harm(node), HARMLESS);
  const { data: done } = await follower.next('load', ({ state }) => state !== 'progress');
  assert.deepEqual([done.node, done.model, done.state, done.progress, done.reason], ['a', 'm', 'loaded', 1, null]);
  assert.ok(done.duration_ms > 0);

  assert.equal((await untilIdle(gateway)).cluster.loads, 1);
  const { data: requests } = await gateway.call('GET', '/requests');
  const stages = await Promise.all(requests.map(async ({ id }) => (await gateway.call('GET', `/traces/${id}`)).stages));
  assert.deepEqual(stages.map((all) => all.length), Array(12).fill(1));
  assert.equal(stages.filter(([only]) => only.load).length, 1, 'one of them has brought it about');
});

behaviour('loads/once/also-when-it-is-of-another-surface', async (stage) => {
  const node = await studio(stage, ['m'], SLOW_LOAD);
  const gateway = await gatewayOf(stage, { a: node });
  const messages = [{ role: 'user', content: 'x' }];
  const answers = Promise.all([
    [CHAT, { messages }], ['/v1/completions', { prompt: 'x' }], ['/v1/responses', { input: 'x' }],
    ['/v1/messages', { messages, max_tokens: 9 }], [CHAT, { messages, stream: true }],
  ].map(([target, body]) => gateway.ask('POST', target, { body: JSON.stringify({ model: 'm', ...body }) })));

  await untilQueued(gateway, 4);
  await endLoads(node);
  assert.deepEqual((await answers).map(({ status }) => status), Array(5).fill(200));
  assert.deepEqual(await harm(node), HARMLESS);
});

behaviour('loads/once/on-an-older-server', async (stage) => {
  const node = await studio(stage, ['m'], SLOW_LOAD, '--version=0.3.30');
  const gateway = await gatewayOf(stage, { a: node });
  const answers = many(6, () => say(gateway, 'm'));

  await untilQueued(gateway, 5);
  await endLoads(node);
  assertAnswered(await answers);
  assert.deepEqual(await harm(node), HARMLESS);
});

behaviour('loads/once/one-that-leaves-does-not-make-it-two', async (stage) => {
  const node = await studio(stage, ['m'], SLOW_LOAD);
  const gateway = await gatewayOf(stage, { a: node });
  const leaver = await stage.client(gateway);

  leaver.write(http.request('POST', CHAT, { body: chatOf('m') }));
  await node.waitForCount('loading', 1);
  const answers = many(3, () => say(gateway, 'm'));
  await untilQueued(gateway, 3);
  leaver.reset();
  await node.waitForCount('aborted_generations', 1);
  assert.equal((await untilMetrics(gateway, ({ cluster }) => cluster.active_requests === 0)).cluster.queue_depth, 3,
               'the node goes on loading, and so they go on waiting');
  await endLoads(node);
  assertAnswered(await answers);
  assert.deepEqual(await harm(node), HARMLESS);
  await untilIdle(gateway);
});

behaviour('loads/once/on-the-only-node-that-seemed-to-be-off', async (stage) => {
  const node = await studio(stage, ['m'], SLOW_LOAD);
  const gateway = await gatewayOf(stage, { a: node });

  await node.configure({ fault_path: '/api/v1/models', cut_at_byte: 0 });
  assert.equal((await gateway.call('POST', '/nodes/a/refresh')).node.health, 'offline');
  await node.configure({ cut_at_byte: -1 });
  const answers = many(5, (i) => say(gateway, 'm', { stream: i % 2 === 0 }));
  await untilQueued(gateway, 4);
  await endLoads(node);
  assertAnswered(await answers);
  assert.deepEqual(await harm(node), HARMLESS);
  await untilIdle(gateway);
});

behaviour('loads/once/when-it-was-unloaded-behind-the-gateways-back', async (stage) => {
  const byHand = await studio(stage, ['m:loaded'], '--load-ms=20');
  const byTime = await studio(stage, ['n'], '--load-ms=20', '--jit-ttl-s=0.05');
  const gateway = await gatewayOf(stage, { a: byHand, b: byTime });

  for (const model of ['m', 'n'])
    assertAnswered([await say(gateway, model)]);
  await tell(byHand, 'POST', '/api/v1/models/unload', { instance_id: 'm' });
  await byTime.waitForCount('ttl_unloads', 1);
  await byTime.configure({ jit_ttl_s: 3600 });
  const before = await byTime.stats();
  await elapsed(PROOF_MS + 50);
  assertAnswered(await many(10, (i) => say(gateway, i % 2 === 0 ? 'm' : 'n')));
  assert.deepEqual(await harm(byHand), HARMLESS);
  assert.deepEqual([before.loads, await harm(byTime)], [1, { ...HARMLESS, loads: 2 }]);
});

/* -- Without harm -------------------------------------------------------------------------- */

behaviour('loads/room/waits-until-the-other-model-has-answered', async (stage) => {
  const node = await studio(stage, ['a', 'b'], '--stall-after-tokens=1');
  const gateway = await gatewayOf(stage, { only: node });
  const first = await hold(stage, gateway, 'a');
  const second = await hold(stage, gateway, 'a');
  const answers = many(3, () => say(gateway, 'b'));

  const { models } = await untilMetrics(gateway, ({ cluster }) => cluster.queue_depth === 3);
  assert.deepEqual(models.map(({ model, queued, active_requests: active }) => [model, queued, active]),
                   [['a', 0, 2], ['b', 3, 0]]);
  assert.deepEqual(await harm(node), HARMLESS);
  await release(node, first);
  await release(node, second);
  assertAnswered(await answers);
  assert.deepEqual(await harm(node), { ...HARMLESS, loads: 2 });
  assert.equal((await node.stats()).evictions, 1);
});

behaviour('loads/room/goes-where-there-is-some', async (stage) => {
  const one = await studio(stage, ['a', 'b'], '--stall-after-tokens=1');
  const two = await studio(stage, ['a', 'b']);
  const gateway = await gatewayOf(stage, { one, two });
  const held = await hold(stage, gateway, 'a');

  assert.equal(held.head.get('X-Vampire-Node'), 'one');
  const answers = await many(3, () => say(gateway, 'b'));
  assertAnswered(answers);
  assert.deepEqual(answers.map(nodeOf), Array(3).fill('two'));
  assert.deepEqual([await harm(one), await harm(two)], [HARMLESS, HARMLESS]);
  await release(one, held);
});

behaviour('loads/room/what-is-being-loaded-is-not-thrown-out-either', async (stage) => {
  const node = await studio(stage, ['a', 'b'], SLOW_LOAD);
  const gateway = await gatewayOf(stage, { only: node });
  const first = say(gateway, 'a');

  await node.waitForCount('loading', 1);
  const others = many(4, (i) => say(gateway, i % 2 === 0 ? 'a' : 'b'));
  await untilQueued(gateway, 4);
  await endLoads(node);
  assertAnswered([await first, ...await others]);
  assert.deepEqual(await harm(node), { ...HARMLESS, loads: 2 });
});

/* -- Loads that fail ----------------------------------------------------------------------- */

for (const [name, fail] of Object.entries({
  'all-move-to-another-node': async (node) => node.configure({ load_fail: true, load_ms: 0 }),
  'all-move-when-its-node-dies': async (node) => {
    node.expectedEnd = { code: null, signal: 'SIGKILL' };
    await node.kill();
  },
})) {
  behaviour(`loads/failed/${name}`, async (stage) => {
    const one = await studio(stage, ['m'], SLOW_LOAD);
    const two = await studio(stage, ['m']);
    const gateway = await gatewayOf(stage, { one, two });
    const follower = await stage.follower(gateway);
    const first = say(gateway, 'm');

    await one.waitForCount('loading', 1);
    const others = many(5, (i) => say(gateway, 'm', { stream: i % 2 === 0 }));
    await untilMetrics(gateway, ({ cluster }) => cluster.active_requests + cluster.queue_depth === 6
                                                 || cluster.requests_total === 5);
    await fail(one);
    const answers = [await first, ...await others];
    assertAnswered(answers);
    assert.deepEqual(answers.map(nodeOf), Array(6).fill('two'));
    assert.deepEqual(await harm(two), HARMLESS);
    await untilMetrics(gateway, ({ cluster }) => cluster.active_requests === 0 && cluster.queue_depth === 0);
    if (one.end !== undefined) /* that it is gone for good is known later */
      return;
    const { data } = await follower.next('load', ({ node, state }) => node === 'one' && state === 'failed');
    assert.ok(data.reason.length > 0);
    await untilIdle(gateway);
  });
}

behaviour('loads/failed/the-only-nodes-words-are-passed-on', async (stage) => {
  const node = await studio(stage, ['m'], '--load-fail');
  const gateway = await gatewayOf(stage, { a: node });
  const first = await say(gateway, 'm');

  assert.equal(first.status, 500);
  assert.match(first.text(), /Failed to load model/);
  const [status, code] = errorOf(await say(gateway, 'm'));
  assert.deepEqual([status, code], [503, 'no_route_target'], 'it is not tried at once again');
  assert.equal((await node.stats()).loads, 1);
  await untilIdle(gateway);
});

/* -- Nodes that have to be told ------------------------------------------------------------ */

const MODEL_LOADS = 'POST /api/v1/models/load';

behaviour('loads/told/where-requests-load-nothing', async (stage) => {
  const node = await studio(stage, ['m'], '--no-jit', SLOW_LOAD);
  const gateway = await gatewayOf(stage, { a: node });
  const answers = many(5, (i) => say(gateway, 'm', { stream: i % 2 === 0 }));

  await node.waitForCount('loading', 1);
  await untilQueued(gateway, 5);
  await endLoads(node);
  assertAnswered(await answers);
  assert.deepEqual(await harm(node), HARMLESS);
  assert.equal((await node.stats()).requests_by_path[MODEL_LOADS], 1);
});

behaviour('loads/told/also-when-another-model-is-loaded', async (stage) => {
  const node = await studio(stage, ['other:loaded', 'm'], '--no-jit', SLOW_LOAD);
  const gateway = await gatewayOf(stage, { a: node });
  const answers = many(3, () => say(gateway, 'm'));

  await node.waitForCount('loading', 1);
  await untilQueued(gateway, 3);
  await endLoads(node);
  assertAnswered(await answers);
  assert.deepEqual(await harm(node), HARMLESS);
});

behaviour('loads/told/one-that-cannot-load-it-either-is-left', async (stage) => {
  const one = await studio(stage, ['m'], '--no-jit', '--load-fail');
  const two = await studio(stage, ['m']);
  const gateway = await gatewayOf(stage, { one, two });
  const answers = await many(4, () => say(gateway, 'm'));

  assertAnswered(answers);
  assert.deepEqual(answers.map(nodeOf), Array(4).fill('two'));
  assert.deepEqual(await harm(two), HARMLESS);
  await untilIdle(gateway);
});

/* -- By the owner -------------------------------------------------------------------------- */

behaviour('loads/owner/load-and-unload', async (stage) => {
  const node = await studio(stage, ['m'], SLOW_LOAD);
  const gateway = await gatewayOf(stage, { a: node });
  const follower = await stage.follower(gateway);
  const answer = gateway.call('POST', LOAD, { model: 'm' });

  assert.equal((await follower.next('load')).data.state, 'started');
  const { data: early } = await follower.next('load');
  const { data: later } = await follower.next('load');
  assert.deepEqual([early.state, later.state], ['progress', 'progress']);
  assert.ok(early.progress > 0 && early.progress < later.progress && later.progress < 1);
  assert.equal((await untilMetrics(gateway, () => true)).cluster.loads_in_flight, 1);
  await endLoads(node);
  const { load_time_seconds: seconds, ...loaded } = await answer;
  assert.deepEqual(loaded, { object: 'vampire.load', node: 'a', model: 'm', instance_id: 'm', status: 'loaded' });
  assert.ok(seconds > 0.9 && seconds < 10);
  assert.equal((await follower.next('load', ({ state }) => state !== 'progress')).data.state, 'loaded');

  const again = { ...loaded, load_time_seconds: null };
  assert.deepEqual(await gateway.call('POST', LOAD, { model: 'm', node: 'a' }), again);
  assert.deepEqual(await gateway.call('POST', LOAD, { model: 'm', wait: false }), again);
  assertAnswered([await say(gateway, 'm')]);
  assert.deepEqual(await harm(node), HARMLESS);

  const unloaded = { ...again, instance_id: null, status: 'unloaded' };
  assert.deepEqual(await gateway.call('POST', UNLOAD, { model: 'm' }), unloaded);
  assert.equal((await follower.next('load')).data.state, 'unloaded');
  assert.equal((await node.stats()).loaded_instances, 0);
  assert.deepEqual(await gateway.call('POST', UNLOAD, { model: 'm', node: 'a' }), unloaded, 'and once more');
  assert.equal((await node.stats()).unloads, 1);
});

behaviour('loads/owner/load-without-waiting', async (stage) => {
  const node = await studio(stage, ['m'], SLOW_LOAD);
  const gateway = await gatewayOf(stage, { a: node });
  const follower = await stage.follower(gateway);
  const body = { model: 'm', wait: false };
  const { status, ...rest } = await gateway.call('POST', LOAD, body, { status: 202 });

  assert.deepEqual([status, rest], ['loading', { object: 'vampire.load', node: 'a', model: 'm', instance_id: null,
                                                 load_time_seconds: null }]);
  await node.waitForCount('loading', 1);
  await gateway.call('POST', LOAD, body, { status: 202 });
  const waiting = gateway.call('POST', LOAD, { model: 'm' });
  const answers = many(3, () => say(gateway, 'm'));
  await untilQueued(gateway, 3);
  await endLoads(node);
  assert.equal((await waiting).status, 'loaded');
  assertAnswered(await answers);
  assert.equal((await follower.next('load', ({ state }) => state !== 'progress')).data.state, 'started');
  assert.equal((await follower.next('load', ({ state }) => state !== 'progress')).data.state, 'loaded');
  assert.deepEqual(await harm(node), HARMLESS);
});

behaviour('loads/owner/attaches-to-what-a-request-has-begun', async (stage) => {
  const node = await studio(stage, ['m'], SLOW_LOAD);
  const gateway = await gatewayOf(stage, { a: node });
  const answer = say(gateway, 'm');

  await node.waitForCount('loading', 1);
  const load = gateway.call('POST', LOAD, { model: 'm' });
  await untilMetrics(gateway, ({ cluster }) => cluster.loads_in_flight === 1);
  await endLoads(node);
  assert.equal((await load).status, 'loaded');
  assertAnswered([await answer]);
  assert.deepEqual(await harm(node), HARMLESS);
});

behaviour('loads/owner/context-length', async (stage) => {
  const node = await studio(stage, [{ key: 'm', max_context_length: 32768 }]);
  const gateway = await gatewayOf(stage, { a: node });

  await gateway.call('POST', LOAD, { model: 'm', context_length: 16000 });
  const { models } = await tell(node, 'GET', '/api/v1/models');
  assert.equal(models[0].loaded_instances[0].config.context_length, 16000);
});

behaviour('loads/owner/load-waits-for-the-answers-of-other-models', async (stage) => {
  const node = await studio(stage, ['a', 'b'], '--stall-after-tokens=1');
  const gateway = await gatewayOf(stage, { only: node });
  const follower = await stage.follower(gateway);
  const held = await hold(stage, gateway, 'a');

  await gateway.call('POST', LOAD, { model: 'b', wait: false }, { status: 202 });
  const load = gateway.call('POST', LOAD, { model: 'b' });
  assert.deepEqual(await harm(node), HARMLESS);
  await release(node, held);
  assert.equal((await load).status, 'loaded');
  assert.equal((await follower.next('load', ({ model }) => model === 'b')).data.state, 'started');
  assert.deepEqual(await harm(node), { ...HARMLESS, loads: 2 });
});

behaviour('loads/owner/unload/not-while-it-answers-unless-forced', async (stage) => {
  const node = await studio(stage, ['m:loaded'], '--stall-after-tokens=1');
  const gateway = await gatewayOf(stage, { a: node });
  const held = await hold(stage, gateway, 'm');

  const { error } = await gateway.call('POST', UNLOAD, { model: 'm' }, { status: 409 });
  assert.equal(error.code, 'model_in_use');
  assert.equal((await node.stats()).loaded_instances, 1);
  assert.equal((await gateway.call('POST', UNLOAD, { model: 'm', force: true })).status, 'unloaded');
  assert.deepEqual(await harm(node), { loads: 0, duplicates: 0, killed: 1 });
  const rest = [];
  for await (const piece of http.bodyPieces(held, held.head))
    rest.push(piece);
  assert.match(Buffer.concat(rest).toString(), /error/, 'its client is told');
  await untilIdle(gateway);
});

behaviour('loads/owner/unload/one-copy', async (stage) => {
  const node = await studio(stage, ['m']);

  for (let i = 0; i < 3; i++)
    await tell(node, 'POST', '/api/v1/models/load', { model: 'm' });
  const gateway = await gatewayOf(stage, { a: node });
  const copies = async () =>
    (await tell(node, 'GET', '/api/v1/models')).models[0].loaded_instances.map(({ id }) => id);

  assert.deepEqual(await copies(), ['m', 'm:2', 'm:3']);
  const { status, model, node: where, instance_id: id } = await gateway.call('POST', UNLOAD, { instance_id: 'm:2' });
  assert.deepEqual([status, model, where, id], ['unloaded', 'm', 'a', 'm:2']);
  assert.deepEqual(await copies(), ['m', 'm:3']);
  const { error } = await gateway.call('POST', UNLOAD, { model: 'm', instance_id: 'm:9' }, { status: 502 });
  assert.deepEqual([error.code, /m:9/.test(error.message)], ['load_failed', true]);
  assert.equal((await gateway.call('POST', UNLOAD, { instance_id: 'm:9' }, { status: 404 })).error.code,
               'model_not_found');
  await gateway.call('POST', UNLOAD, { model: 'm' });
  assert.deepEqual(await copies(), []);
});

behaviour('loads/owner/errors', async (stage) => {
  const failing = await studio(stage, ['m', 'on-failing'], '--load-fail');
  const gateway = await gatewayOf(stage, {
    failing, older: await studio(stage, ['m', 'on-older', 'of-older:loaded'], '--version=0.3.30'),
    other: await stage.node(serves(['of-other'], (request, wire) => wire.write(completion('ok')))),
    parked: await studio(stage, ['of-parked']),
    off: await studio(stage, ['of-off']),
  });
  const errors = {};
  const fails = async (name, target, body, status, code) => {
    const { error } = await gateway.call('POST', target, body, { status });

    assert.equal(error.code, code, name);
    errors[name] = error.message;
  };

  await gateway.call('PATCH', '/nodes/parked', { status: 'maintenance' });
  for (const target of [LOAD, UNLOAD]) {
    await fails('nothing', target, {}, 422, 'invalid_field');
    await fails('unknown', target, { model: 'x' }, 404, 'model_not_found');
    await fails('not-there', target, { model: 'of-other', node: 'failing' }, 404, 'model_not_found');
    await fails('no-node', target, { model: 'm', node: 'x' }, 404, 'node_not_found');
    await fails('which', target, { model: 'm' }, 400, 'invalid_request');
    assert.match(errors.which, /failing/);
    assert.match(errors.which, /older/);
    await fails('of-other', target, { model: 'of-other' }, 502, 'load_failed');
    assert.match(errors['of-other'], /LM Studio can/);
  }
  await fails('failing', LOAD, { model: 'on-failing' }, 502, 'load_failed');
  assert.match(errors.failing, /Failed to load model/, 'in the words of the node');
  assert.equal((await failing.stats()).loads, 1);
  await fails('older', LOAD, { model: 'on-older' }, 502, 'load_failed');
  assert.match(errors.older, /older than LM Studio 0\.4\.0/);
  await fails('older-unload', UNLOAD, { model: 'of-older' }, 502, 'load_failed');
  assert.match(errors['older-unload'], /older than LM Studio 0\.4\.0/);
  for (const model of ['on-older', 'of-older'])
    assertAnswered([await say(gateway, model)]);
  await untilIdle(gateway);
});

behaviour('loads/owner/errors/nodes-that-cannot-be-asked', async (stage) => {
  const nodes = { off: await studio(stage, ['m']), parked: await studio(stage, ['m']) };
  const gateway = await gatewayOf(stage, nodes);

  nodes.off.expectedEnd = { code: null, signal: 'SIGKILL' };
  await nodes.off.kill();
  await gateway.call('PATCH', '/nodes/parked', { status: 'disabled' });
  const { error } = await gateway.call('POST', LOAD, { model: 'm', node: 'off' }, { status: 502 });
  assert.equal(error.code, 'load_failed');
  assert.match(error.message, new RegExp(nodes.off.url));
  for (const target of [LOAD, UNLOAD]) {
    for (const [node, why] of [['off', /offline/], ['parked', /disabled/]]) {
      const { error: conflict } = await gateway.call('POST', target, { model: 'm', node }, { status: 409 });
      assert.deepEqual([conflict.code, why.test(conflict.message)], ['conflict', true], conflict.message);
    }
  }
  assert.deepEqual(await asked({ parked: nodes.parked }, '/api/v1/models/load'), [0]);
});

behaviour('loads/owner/a-refused-order-keeps-no-request-away', async (stage) => {
  const node = await studio(stage, ['m'], '--version=0.3.30');
  const gateway = await gatewayOf(stage, { a: node });

  await gateway.call('POST', LOAD, { model: 'm' }, { status: 502 });
  assertAnswered([await say(gateway, 'm')]);
});

/* -- On the command line ------------------------------------------------------------------- */

behaviour('loads/command/load-and-unload', async (stage) => {
  const one = await studio(stage, ['m', 'only'], '--load-ms=50');
  const two = await studio(stage, ['m'], '--load-fail');
  const gateway = await gatewayOf(stage, { one, two });
  const run = async (...words) => {
    const program = stage.run(['models', ...words, '--gateway', gateway.url]);
    const { code } = await program.ended;

    return { code, said: program.stderr, shown: program.stdout === '' ? null : JSON.parse(program.stdout) };
  };
  const load = { object: 'vampire.load', node: 'one', model: 'only' };

  const { shown: { load_time_seconds: seconds, ...loaded }, ...more } = await run('load', 'only');
  assert.deepEqual([loaded, more], [{ ...load, status: 'loaded' }, { code: 0, said: '' }]);
  assert.ok(seconds > 0.04 && seconds < 10);
  assert.equal((await one.stats()).loaded_instances, 1);
  const { code, shown } = await run('load', 'only');
  assert.deepEqual([code, shown], [0, { ...load, instance_id: 'only', status: 'loaded', load_time_seconds: null }]);
  const ambiguous = await run('load', 'm');
  assert.deepEqual([ambiguous.code, /one, two/.test(ambiguous.said)], [1, true], ambiguous.said);
  const failed = await run('load', 'm', '--node', 'two');
  assert.deepEqual([failed.code, /Failed to load model/.test(failed.said)], [1, true], failed.said);
  const unloaded = await run('unload', 'only');
  assert.deepEqual([unloaded.code, unloaded.shown.status], [0, 'unloaded']);
  assert.equal((await one.stats()).loaded_instances, 0);
  const chosen = await run('load', 'm', '--node', 'one', '--context-length', '2048');
  assert.deepEqual([chosen.code, chosen.shown.node, chosen.shown.model], [0, 'one', 'm']);
  const { models } = await tell(one, 'GET', '/api/v1/models');
  assert.deepEqual(models.map((model) => model.loaded_instances.map(({ config }) => config.context_length)),
                   [[2048], []]);
  assert.deepEqual(await harm(one), { loads: 2, duplicates: 0, killed: 0 });
});

/* -- While a stream waits ------------------------------------------------------------------ */

const comments = (text) => text.split('\n').filter((line) => line.startsWith(':'));

behaviour('loads/comments/tell-a-stream-how-far-it-is', async (stage) => {
  const well = await studio(stage, ['m'], SLOW_LOAD);
  const quiet = await studio(stage, ['m'], SLOW_LOAD);
  const failing = await studio(stage, ['m'], SLOW_LOAD);
  const gateway = await gatewayOf(stage, { well });
  const silent = await gatewayOf(stage, { quiet }, { args: ['--loading-comments', 'no'] });
  const unlucky = await gatewayOf(stage, { failing });
  const open = async (from) => {
    const wire = await stage.client(from);

    wire.write(http.request('POST', CHAT, { body: chatOf('m', { stream: true }) }));
    return wire;
  };
  const leader = await open(gateway);
  await well.waitForCount('loading', 1);
  const [waiting, wordless, doomed] = [await open(gateway), await open(silent), await open(unlucky)];
  const document = say(gateway, 'm');

  /* The head comes with the first comment. */
  for (const wire of [leader, waiting, doomed]) {
    wire.head = await http.readAnswerHead(wire);
    assert.equal(wire.head.status, 200);
    assert.match(wire.head.get('Content-Type'), /^text\/event-stream/);
    wire.first = String(await http.readChunk(wire));
    assert.match(wire.first, /^: loading \d{1,2}%\n\n$/);
  }
  assert.deepEqual([wordless.received, (await harm(quiet)).loads], [0, 1]);
  await Promise.all([well, quiet].map(endLoads));
  await failing.configure({ load_fail: true, load_ms: 0 });

  for (const wire of [leader, waiting]) {
    const pieces = [Buffer.from(wire.first)];
    for await (const piece of http.bodyPieces(wire, wire.head))
      pieces.push(piece);
    const body = Buffer.concat(pieces);
    assert.ok(comments(String(body)).every((line) => /^: loading \d{1,2}%$/.test(line)), comments(String(body)));
    assertAnswered([{ status: 200, head: wire.head, body, text: () => String(body) }]);
  }
  const plain = await document;
  assertAnswered([plain]);
  assert.doesNotMatch(plain.text(), /loading/);
  const without = await http.readAnswer(wordless);
  assertAnswered([without]);
  assert.deepEqual(comments(without.text()), []);
  const rest = [];
  for await (const piece of http.bodyPieces(doomed, doomed.head))
    rest.push(piece);
  const [said] = parseData(Buffer.concat(rest));
  assert.match(JSON.parse(said).error.message, /Failed to load model/, 'an error that comes late comes as an event');
  assert.deepEqual([await harm(well), await harm(quiet)], [HARMLESS, HARMLESS]);
});
