/* SPDX-License-Identifier: MIT
 *
 * Calls that find all nodes of their model busy: they wait in the gateway, in turns between clients, for as long as
 * their clients do; and how a node is emptied without breaking anything off.
 */

import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';

import { AT_DOOR, DOOR, bearer, createKey, revoke, share, stopSharing, visit } from './lib/guests.mjs';
import * as http from './lib/http.mjs';
import { behaviour } from './lib/stage.mjs';
import { CHAT, chatOf, errorOf, gatewayOf, hold, say, studio } from './lib/studios.mjs';
import { elapsed } from './lib/time.mjs';
import { untilIdle, untilMetrics, untilQueued } from './lib/waiting.mjs';

const many = (n, ask) => Promise.all(Array.from({ length: n }, (_, i) => ask(i)));

/* A node that answers so many requests at a time, and holds them; and that again, without holding them. */
const busyStudio = (stage, parallel, ...args) =>
  studio(stage, ['m:loaded'], `--parallel=${parallel}`, '--stall-after-tokens=1', ...args);
const goOn = (node) => node.configure({ stall_after_tokens: -1 });

/* A gateway whose only node answers one request at a time, and has it. */
async function fullGateway(stage, { args = [], ...options } = {}) {
  const node = await busyStudio(stage, 1, ...args);
  const gateway = await gatewayOf(stage, { a: node }, options);

  return { node, gateway, held: await hold(stage, gateway, 'm') };
}

/* A call on a connection of its own, whose answer is read later. */
async function begin(stage, gateway, { model = 'm', fields = [], stream = false } = {}) {
  const wire = await stage.client(gateway);

  wire.write(http.request('POST', CHAT, { body: chatOf(model, { stream }), fields }));
  return wire;
}

const rest = async (wire) => {
  const pieces = [];

  for await (const piece of http.bodyPieces(wire, wire.head))
    pieces.push(piece);
  return Buffer.concat(pieces).toString();
};

const assertWhole = async (wire) => assert.match(await rest(wire), /data: \[DONE\]\n\n$/);

const change = (gateway, id, document) => gateway.call('PATCH', `/nodes/${id}`, document);
const prometheus = async (gateway) => (await gateway.ask('GET', '/metrics')).text();
const statuses = (answers) => answers.map(({ status }) => status);

/* -- Waiting ------------------------------------------------------------------------------- */

behaviour('queue/full/waits-here-where-it-can-be-seen', async (stage) => {
  const node = await busyStudio(stage, 2);
  const gateway = await gatewayOf(stage, { a: node });
  const held = [await hold(stage, gateway, 'm'), await hold(stage, gateway, 'm')];
  const answers = many(3, (i) => say(gateway, 'm', { stream: i === 0 }));

  const { cluster, models, nodes } = await untilMetrics(gateway, (metrics) => metrics.cluster.queue_depth === 3);
  assert.equal(cluster.active_requests, 2);
  assert.deepEqual(models.map(({ model, queued, active_requests: active }) => [model, queued, active]), [['m', 3, 2]]);
  assert.deepEqual(nodes.map(({ slots, active_requests: active, queue_depth: depth }) => [slots, active, depth]),
                   [[2, 2, 0]]);
  const text = await prometheus(gateway);
  assert.match(text, /^vampire_queue_length\{model="m"\} 3$/m);
  assert.match(text, /^vampire_queue_wait_seconds\{model="m"\} (?!0$)\d/m);
  const { active_generations: active, queued_generations: queued } = await node.stats();
  assert.deepEqual([active, queued], [2, 0], 'none of them waits unseen at the node');

  await goOn(node);
  assert.deepEqual(statuses(await answers), [200, 200, 200]);
  await Promise.all(held.map(assertWhole));
  await untilIdle(gateway);
  assert.doesNotMatch(await prometheus(gateway), /^vampire_queue_length\{/m);
  const { data } = await gateway.call('GET', '/requests');
  assert.deepEqual(data.map(({ queued_ms: waited }) => waited > 0).sort(), [false, false, true, true, true]);
});

behaviour('queue/full/a-free-place-elsewhere-is-taken', async (stage) => {
  const nodes = { a: await busyStudio(stage, 1), b: await busyStudio(stage, 2) };
  const gateway = await gatewayOf(stage, nodes);
  const held = [];

  for (let i = 0; i < 3; i++)
    held.push(await hold(stage, gateway, 'm'));
  assert.deepEqual(held.map(({ head }) => head.get('X-Vampire-Node')).sort(), ['a', 'b', 'b']);
  const answer = say(gateway, 'm');
  await untilQueued(gateway, 1);
  await goOn(nodes.a);
  assert.equal((await answer).head.get('X-Vampire-Node'), 'a', 'where the first place is free');
  await goOn(nodes.b);
  await Promise.all(held.map(assertWhole));
  await untilIdle(gateway);
});

behaviour('queue/full/a-node-that-joins-takes-them', async (stage) => {
  const { gateway, node, held } = await fullGateway(stage);
  const answers = many(3, () => say(gateway, 'm'));
  const other = await studio(stage, ['m:loaded']);

  await untilQueued(gateway, 3);
  await gateway.call('POST', '/nodes', { id: 'other', base_url: other.url });
  assert.deepEqual((await answers).map(({ head }) => head.get('X-Vampire-Node')), Array(3).fill('other'));
  await goOn(node);
  await assertWhole(held);
});

behaviour('queue/full/calls-that-can-go-are-not-held-up-by-others', async (stage) => {
  const { gateway, node, held } = await fullGateway(stage);
  const waiting = many(2, () => say(gateway, 'm'));
  const other = await studio(stage, ['n:loaded']);

  await untilQueued(gateway, 2);
  await gateway.call('POST', '/nodes', { id: 'other', base_url: other.url });
  assert.equal((await say(gateway, 'n')).status, 200);
  await goOn(node);
  assert.deepEqual(statuses(await waiting), [200, 200]);
  await assertWhole(held);
});

behaviour('queue/turns/one-client-with-many-calls-does-not-hold-up-another', async (stage) => {
  const { gateway, node, held } = await fullGateway(stage, { env: AT_DOOR });

  await share(gateway, 'family');
  const keys = [await createKey(gateway, 'many'), await createKey(gateway, 'one')];
  const follower = await stage.follower(gateway);
  const call = async ({ key }, text) => {
    const wire = await visit(gateway);

    stage.defer(() => wire.destroy());
    wire.write(http.request('POST', CHAT, { host: `${DOOR}:${gateway.port}`, fields: bearer(key),
                                            body: chatOf('m', { content: `Say "${text}".` }) }));
    return wire;
  };
  const wires = [];
  for (let i = 0; i < 6; i++) {
    wires.push(await call(keys[0], `many ${i}`));
    await untilQueued(gateway, i + 1);
  }
  wires.push(await call(keys[1], 'one'));
  await untilQueued(gateway, 7);

  await goOn(node);
  const started = [];
  while (started.length < 7)
    started.push((await follower.next('request', ({ state }) => state === 'started')).data);
  const order = started.map(({ client_key: key }) => keys.findIndex(({ id }) => id === key));
  assert.ok(order.indexOf(1) <= 1, `the turns were ${order}`);
  assert.deepEqual(order.toSorted(), [0, 0, 0, 0, 0, 0, 1]);
  const ids = [];
  for (const [i, wire] of wires.entries()) {
    const answer = await http.readAnswer(wire);

    assert.equal(answer.json().choices[0].message.content, i < 6 ? `many ${i}` : 'one');
    ids.push(answer.head.get('X-Vampire-Request-ID'));
  }
  assert.deepEqual(started.filter(({ client_key: key }) => key === keys[0].id).map(({ id }) => id), ids.slice(0, 6),
                   'a client gets its answers in the order in which it has asked');
  await assertWhole(held);
  await untilIdle(gateway);
});

behaviour('queue/leaving/frees-the-place', async (stage) => {
  const { gateway, node, held } = await fullGateway(stage, { args: [], settings: 'queue_limit = 2' });
  const leavers = [await begin(stage, gateway), await begin(stage, gateway, { stream: true })];

  await untilQueued(gateway, 2);
  const full = await say(gateway, 'm');
  assert.deepEqual(errorOf(full), [503, 'queue_full']);
  assert.equal(full.head.get('Retry-After'), '5');
  assert.notEqual(full.head.get('x-should-retry'), 'false');
  leavers[0].reset();
  await untilQueued(gateway, 1);
  leavers[1].destroy();
  await untilQueued(gateway, 0);
  const answers = many(2, () => say(gateway, 'm'));
  await untilQueued(gateway, 2);
  await goOn(node);
  assert.deepEqual(statuses(await answers), [200, 200]);
  await assertWhole(held);
  const { finished_generations: finished, aborted_generations: aborted } = await node.stats();
  assert.deepEqual([finished, aborted], [3, 0], 'the node never learned of those who left');
  await untilIdle(gateway);
});

behaviour('queue/leaving/an-answer-that-is-broken-off-lets-the-next-one-go', async (stage) => {
  const { gateway, node, held } = await fullGateway(stage);
  const answer = say(gateway, 'm', { max_tokens: 1 });

  await untilQueued(gateway, 1);
  held.reset();
  await node.waitForCount('aborted_generations', 1);
  await untilQueued(gateway, 0);
  await goOn(node);
  assert.equal((await answer).status, 200);
  await untilIdle(gateway);
});

behaviour('queue/limit/none-waits-when-none-may', async (stage) => {
  const { gateway, node, held } = await fullGateway(stage, { settings: 'queue_limit = 0' });
  const answers = await many(3, (i) => say(gateway, 'm', { stream: i > 0 }));

  assert.deepEqual(answers.map(errorOf), Array(3).fill([503, 'queue_full']));
  await goOn(node);
  await assertWhole(held);
  assert.equal((await say(gateway, 'm')).status, 200);
});

behaviour('queue/cancelled-by-the-owner', async (stage) => {
  const { gateway, node, held } = await fullGateway(stage);
  const answer = say(gateway, 'm');

  await untilQueued(gateway, 1);
  const { data } = await gateway.call('GET', '/requests');
  const { id } = data.find(({ state }) => state === 'queued') ?? data.find(({ node: at }) => at === null);
  await gateway.call('DELETE', `/requests/${id}`);
  assert.equal((await answer).status, 403);
  await untilQueued(gateway, 0);
  await goOn(node);
  await assertWhole(held);
});

/* -- For as long as a client does ---------------------------------------------------------- */

const patient = (seconds) => ({ fields: { 'x-stainless-read-timeout': String(seconds) } });

behaviour('queue/deadline/one-that-cannot-be-met-is-told-at-once', async (stage) => {
  const node = await studio(stage, ['m:loaded'], '--parallel=1', '--ttft-ms=400');
  const gateway = await gatewayOf(stage, { a: node });

  assert.equal((await say(gateway, 'm')).status, 200);
  await node.configure({ ttft_ms: 600000 });
  const first = say(gateway, 'm');
  await node.waitForCount('active_generations', 1);
  const others = many(2, () => say(gateway, 'm', patient(600)));
  await untilQueued(gateway, 2);
  const before = performance.now();
  const hasty = await say(gateway, 'm', patient(0.5));
  assert.ok(performance.now() - before < 400, 'before its time is over');
  assert.deepEqual(errorOf(hasty), [503, 'deadline_cannot_be_met']);
  assert.equal(hasty.head.get('x-should-retry'), 'false');
  assert.equal(hasty.head.get('Retry-After'), '10');
  await node.configure({ ttft_ms: 0 });
  assert.deepEqual(statuses([await first, ...await others]), [200, 200, 200]);
  assert.equal((await say(gateway, 'm', patient(0.5))).status, 200, 'nobody is in its way now');
  await untilIdle(gateway);
});

behaviour('queue/deadline/one-that-passes-while-it-waits-is-told-before-its-client-gives-up', async (stage) => {
  const { gateway, node, held } = await fullGateway(stage);
  const other = say(gateway, 'm');

  await untilQueued(gateway, 1);
  await elapsed(400);
  const before = performance.now();
  const answer = await say(gateway, 'm', { stream: true, ...patient(1.1) });
  const took = performance.now() - before;
  assert.deepEqual(errorOf(answer), [503, 'no_capacity']);
  assert.ok(answer.head.get('Retry-After') > 0);
  assert.ok(took > 700 && took < 1100, `${took} ms`);
  await untilQueued(gateway, 1);
  await goOn(node);
  assert.equal((await other).status, 200);
  await assertWhole(held);
});

behaviour('queue/deadline/of-the-gateway', async (stage) => {
  const { gateway, node, held } = await fullGateway(stage, { settings: 'queue_seconds = 1' });
  const before = performance.now();
  const answers = await many(2, (i) => say(gateway, 'm', i === 0 ? {} : patient(60)));

  assert.ok(performance.now() - before > 900);
  assert.deepEqual(answers.map(errorOf), Array(2).fill([503, 'no_capacity']));
  assert.ok(answers[0].head.get('Retry-After') > 0);
  await untilQueued(gateway, 0);
  await goOn(node);
  await assertWhole(held);
});

/* -- Starving ------------------------------------------------------------------------------ */

behaviour('queue/starving/a-model-in-constant-use-does-not-keep-others-out', async (stage) => {
  const node = await studio(stage, ['a', 'b'], '--tokens-per-second=200', '--load-ms=10');
  const gateway = await gatewayOf(stage, { only: node }, { settings: 'queue_patience_seconds = 1' });
  let over = false;
  let answered = 0;
  /* Each as long as it likes, so that they never end all at the same time. */
  const keepAsking = async (i) => {
    while (!over) {
      const answer = await say(gateway, 'a', { stream: true, content: `count to ${5 + 2 * i}` });

      assert.equal(answer.status, 200);
      assert.match(answer.text(), /data: \[DONE\]\n\n$/);
      answered++;
    }
  };

  assert.equal((await say(gateway, 'a')).status, 200);
  /* More than it answers at a time, so that it always has some. */
  const clients = many(20, keepAsking);
  clients.catch(() => {});
  await node.waitForCount('active_generations', 4);
  const before = performance.now();
  const answers = await many(2, () => say(gateway, 'b'));
  const took = performance.now() - before;
  assert.deepEqual(statuses(answers), [200, 200]);
  assert.ok(took > 900, 'what is in memory goes first for a while');
  const until = answered + 3;
  while (answered < until)
    await say(gateway, 'a');
  over = true;
  await clients;
  const { loads, duplicate_loads: duplicates, killed_generations: killed } = await node.stats();
  assert.deepEqual([loads, duplicates, killed], [3, 0, 0], 'a, b, and a again');
  assert.ok(answered > 10, `it is a stream of calls: ${answered}`);
  stage.note(`the other model had its turn after ${took.toFixed(0)} ms`);
  await untilIdle(gateway);
});

/* -- What ends waiting --------------------------------------------------------------------- */

async function guestThatWaits(stage) {
  const { gateway, node, held } = await fullGateway(stage, { env: AT_DOOR });

  await share(gateway, 'family');
  const key = await createKey(gateway);
  const waiting = [];
  for (const stream of [false, true]) {
    const wire = await visit(gateway);

    stage.defer(() => wire.destroy());
    wire.write(http.request('POST', CHAT, { host: `${DOOR}:${gateway.port}`, fields: bearer(key.key),
                                            body: chatOf('m', { stream }) }));
    waiting.push(wire);
  }
  const own = say(gateway, 'm');
  await untilQueued(gateway, 3);
  return { gateway, node, held, key, waiting, own };
}

for (const [name, end] of Object.entries({
  'the-end-of-a-key': (gateway, key) => revoke(gateway, key),
  'the-end-of-sharing': (gateway) => stopSharing(gateway),
})) {
  behaviour(`queue/ended-by/${name}`, async (stage) => {
    const { gateway, node, held, key, waiting, own } = await guestThatWaits(stage);

    await end(gateway, key);
    for (const wire of waiting)
      assert.deepEqual(errorOf(await http.readAnswer(wire)), [403, 'access_ended']);
    await untilQueued(gateway, 1);
    await goOn(node);
    assert.equal((await own).status, 200, 'the owner goes on waiting');
    await assertWhole(held);
    assert.equal((await node.stats()).finished_generations, 2);
    await untilIdle(gateway);
  });
}

behaviour('queue/ended-by/the-end-of-the-only-nodes-approval', async (stage) => {
  const { gateway, held } = await fullGateway(stage);
  const answers = many(3, (i) => say(gateway, 'm', { stream: i === 0 }));

  await untilQueued(gateway, 3);
  await gateway.call('POST', '/nodes/a/block');
  for (const answer of await answers)
    assert.ok([404, 503].includes(answer.status), answer.text());
  assert.match(await rest(held), /access_ended/);
  await untilIdle(gateway);
});

/* It takes the 10 s that running answers get to end. */
behaviour('queue/ended-by/the-end-of-the-gateway', async (stage) => {
  const { gateway, held } = await fullGateway(stage);
  const lucky = await fullGateway(stage);
  const waiting = [await begin(stage, gateway), await begin(stage, gateway, { stream: true })];
  const answered = await begin(stage, lucky.gateway);

  await untilQueued(gateway, 2);
  await untilQueued(lucky.gateway, 1);
  gateway.signal('SIGTERM');
  lucky.gateway.signal('SIGTERM');
  await lucky.gateway.waitFor(/running answers have 10 seconds to end/);
  await goOn(lucky.node);
  await assertWhole(lucky.held);
  assert.equal((await http.readAnswer(answered)).status, 200, 'whose turn comes in time is answered');
  assert.deepEqual(await lucky.gateway.ended, { code: 0, signal: null });
  assert.deepEqual(errorOf(await http.readAnswer(waiting[0])), [503, 'shutting_down']);
  const stream = await http.readAnswer(waiting[1]);
  assert.match(stream.text(), /^(: waiting\n\n)+data: \{.*"shutting_down".*\}\n\ndata: \[DONE\]\n\n$/,
               'a stream was told meanwhile that it waits');
  assert.match(await rest(held), /shutting_down/);
  assert.deepEqual(await gateway.ended, { code: 0, signal: null });
});

/* -- Out of service ------------------------------------------------------------------------ */

behaviour('queue/drain/running-answers-end-and-then-it-says-so', async (stage) => {
  const [node, other] = [await busyStudio(stage, 2), await studio(stage, ['m:loaded'])];
  const gateway = await gatewayOf(stage, { a: node });
  const held = [await hold(stage, gateway, 'm'), await hold(stage, gateway, 'm')];
  const waiting = say(gateway, 'm');

  await untilQueued(gateway, 1);
  await gateway.call('POST', '/nodes', { id: 'b', base_url: other.url });
  assert.equal((await waiting).head.get('X-Vampire-Node'), 'b');
  const follower = await stage.follower(gateway);
  const { status, drained, active_requests: active } = await change(gateway, 'a', { status: 'draining' });
  assert.deepEqual([status, drained, active], ['draining', false, 2]);
  const answers = await many(4, () => say(gateway, 'm'));
  assert.deepEqual(answers.map(({ head }) => head.get('X-Vampire-Node')), Array(4).fill('b'));
  await goOn(node);
  await Promise.all(held.map(assertWhole));
  const { data } = await follower.next('node', ({ id, drained: isDrained }) => id === 'a' && isDrained);
  assert.deepEqual([data.status, data.active_requests, data.change], ['draining', 0, 'changed']);
  assert.equal((await node.stats()).finished_generations, 2);
  const back = await change(gateway, 'a', { status: 'online' });
  assert.deepEqual([back.status, back.drained], ['online', false]);
});

behaviour('queue/drain/an-idle-node-is-drained-at-once', async (stage) => {
  const gateway = await gatewayOf(stage, { a: await studio(stage, ['m:loaded']) });
  const follower = await stage.follower(gateway);

  assert.equal((await change(gateway, 'a', { status: 'draining' })).drained, true);
  assert.equal((await follower.next('node')).data.drained, true);
});

for (const status of ['draining', 'disabled', 'maintenance', 'quarantine']) {
  behaviour(`queue/service/${status}-takes-nothing-new-and-breaks-nothing-off`, async (stage) => {
    const { gateway, node, held } = await fullGateway(stage);
    const waiting = many(2, (i) => say(gateway, 'm', { stream: i === 0 }));

    await untilQueued(gateway, 2);
    await change(gateway, 'a', { status });
    for (const answer of await waiting)
      assert.deepEqual([answer.status, answer.status === 503 ? answer.json().error.code : ''],
                       answer.status === 404 ? [404, ''] : [503, 'no_route_target'], 'nobody waits for what is closed');
    const late = await say(gateway, 'm');
    assert.ok([404, 503].includes(late.status), late.text());
    await goOn(node);
    await assertWhole(held);
    assert.equal((await node.stats()).finished_generations, 1);
    await change(gateway, 'a', { status: 'online' });
    assert.equal((await say(gateway, 'm')).status, 200);
    await untilIdle(gateway);
  });
}
