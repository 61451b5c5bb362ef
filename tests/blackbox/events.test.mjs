/* SPDX-License-Identifier: MIT
 *
 * The gateway's event stream: what it tells, that a reader that comes back misses nothing and sees nothing twice, and
 * that readers which do not read harm nobody.
 */

import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';

import * as http from './lib/http.mjs';
import { chat, completion, serves } from './lib/nodes.mjs';
import { behaviour, signal } from './lib/stage.mjs';

const EVENTS = '/vampire/v1/events';
const READERS = 64;

const registerAt = (gateway, id, node) => gateway.call('POST', '/nodes', { id, base_url: node.url });
const putRoute = (gateway, id) => gateway.call('POST', '/routes', { id, virtual_model: 'v' });

/* The instance and the number of an event. */
function readId({ id }) {
  const [, instance, number] = id.match(/^(\S+)-(\d+)$/) ?? [];

  assert.notEqual(number, undefined, `an id: ${id}`);
  return [instance, Number(number)];
}

/* No number is left out or comes twice. */
function assertInARow(events) {
  const [instance, first] = readId(events[0]);

  assert.deepEqual(events.map(readId), events.map((_, i) => [instance, first + i]));
}

/* Takes events until one of that name whose data @matches: all of them. */
async function takeUntil(follower, name, matches) {
  const events = [];

  do {
    events.push(await follower.take());
    assert.notEqual(events.at(-1), null, 'the stream goes on');
  } while (events.at(-1).event !== name || !matches(events.at(-1).data));
  return events;
}

/* -- What is told -------------------------------------------------------------------------- */

behaviour('events/head', async (stage) => {
  const gateway = await stage.gateway();
  const wire = await stage.client(gateway);

  wire.write(http.request('GET', EVENTS));
  const head = await http.readAnswerHead(wire);
  assert.deepEqual([head.status, head.get('Content-Type'), head.get('Cache-Control'), head.get('X-Accel-Buffering')],
                   [200, 'text/event-stream', 'no-store', 'no']);
});

behaviour('events/node', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway();
  const follower = await stage.follower(gateway);

  await registerAt(gateway, 'a', node);
  assert.equal((await follower.next('node', ({ id }) => id === 'a')).data.change, 'added');
  await follower.next('node', ({ id, status, models_count: n }) => id === 'a' && status === 'online' && n === 1);
  await gateway.call('PATCH', '/nodes/a', { name: 'B', status: 'disabled' });
  const { data: { change, ...told } } = await follower.next('node', ({ name }) => name === 'B');
  const { models, ...shown } = await gateway.call('GET', '/nodes/a');
  assert.deepEqual([change, told, models.length], ['changed', shown, 1], 'it is what GET shows, but for the models');
  await gateway.call('DELETE', '/nodes/a');
  await follower.next('node', ({ id, change: what }) => id === 'a' && what === 'removed');
});

behaviour('events/approval', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway();
  const follower = await stage.follower(gateway);
  const { nodes: [{ id }] } = await gateway.call('POST', '/discover', { methods: [], base_urls: [node.url] });

  for (const [verb, approval] of [[null, 'pending'], ['approve', 'approved'], ['block', 'blocked'],
                                  ['approve', 'approved']]) {
    if (verb !== null)
      await gateway.call('POST', `/nodes/${id}/${verb}`);
    const { data } = await follower.next('approval', (told) => told.id === id);
    assert.deepEqual([data.approval, data.change], [approval, 'approval']);
  }
});

behaviour('events/share', async (stage) => {
  const gateway = await stage.gateway({ env: { VAMPIRE_SHARE_ADDRESS: '127.0.6.2' } });
  const follower = await stage.follower(gateway);

  for (const given of [{ mode: 'family', enabled: true, duration: '8h' }, { mode: 'off', enabled: false }]) {
    const status = await gateway.call('POST', '/share', given);
    const { data } = await follower.next('share');

    assert.deepEqual(data, status);
    assert.equal(data.open, given.enabled);
  }
});

behaviour('events/key', async (stage) => {
  const gateway = await stage.gateway();
  const follower = await stage.follower(gateway);
  const { key, ...made } = await gateway.call('POST', '/keys', { name: 'Laptop' });

  assert.deepEqual((await follower.next('key')).data, { ...made, state: 'created' });
  await gateway.call('DELETE', `/keys/${made.id}`);
  assert.deepEqual((await follower.next('key')).data, { id: made.id, state: 'removed' });
  assert.ok(!follower.text.includes(key));
});

behaviour('events/route', async (stage) => {
  const gateway = await stage.gateway();
  const follower = await stage.follower(gateway);

  await putRoute(gateway, 'r');
  await putRoute(gateway, 'r');
  await gateway.call('DELETE', '/routes/r');
  for (const state of ['stored', 'stored', 'removed'])
    assert.deepEqual((await follower.next('route')).data, { id: 'r', state });
});

behaviour('events/discovery', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway();
  const follower = await stage.follower(gateway);
  const { job } = await gateway.call('POST', '/discover', { methods: [], base_urls: [node.url] });
  const { data: { progress, ...first } } = await follower.next('discovery');

  assert.deepEqual([first.id, first.state, progress], [job.id, 'running', { done: 0, total: 1 }]);
  assert.deepEqual((await follower.next('discovery', ({ state }) => state === 'done')).data, job);
});

behaviour('events/metric', async (stage) => {
  const asked = signal();
  const answering = signal();
  const node = await stage.node(serves(['m'], async (request, wire) => {
    asked.resolve();
    await answering;
    await wire.write(completion('ok'));
  }));
  const gateway = await stage.gateway();

  await registerAt(gateway, 'a', node);
  const answer = chat(gateway, 'm');
  await asked;
  const follower = await stage.follower(gateway);
  assert.deepEqual((await follower.next('metric')).data,
                   { active_requests: 1, queue_depth: 0, tokens_per_second: 0, nodes_online: 1, nodes_offline: 0,
                     nodes_pending: 0, shared_connections: 0 });
  answering.resolve();
  await answer;
  assert.equal((await follower.next('metric')).data.active_requests, 0, 'they come by themselves');
});

behaviour('events/metric/speed-while-a-stream-runs', async (stage) => {
  const slow = await stage.simulator({
    args: ['--fast', '--model=m', '--tokens-per-second=50', '--answer-tokens=300'],
  });
  const gateway = await stage.gateway();

  await registerAt(gateway, 'a', slow);
  const follower = await stage.follower(gateway);
  const client = await stage.client(gateway);
  client.write(http.request('POST', '/v1/chat/completions', {
    body: JSON.stringify({ model: 'm', stream: true, max_tokens: 400, messages: [{ role: 'user', content: 'go on' }] }),
  }));
  await http.readAnswerHead(client);
  await follower.next('metric', ({ tokens_per_second: rate }) => rate > 10 && rate < 200);
  await client.destroy();
  await follower.next('metric', ({ tokens_per_second: rate }) => rate === 0);
});

behaviour('events/request', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway();

  await registerAt(gateway, 'a', node);
  const follower = await stage.follower(gateway);
  const ids = [];
  const next = async () => {
    const { data: { duration_ms: duration, id, ...data } } = await follower.next('request');

    ids.push(id);
    assert.ok(Number.isInteger(duration) && duration >= 0 && duration < 10_000);
    return data;
  };
  const { head } = await chat(gateway, 'm');
  const request = { model: 'm', node: 'a', client_key: null };
  assert.deepEqual(await next(), { state: 'started', ...request, outcome: null, active_requests: 1 });
  assert.deepEqual(await next(), { state: 'ended', ...request, outcome: 'done', active_requests: 0 });
  assert.deepEqual(ids.splice(0), Array(2).fill(head.get('X-Vampire-Request-ID')), 'the id that its client knows');
  await node.close();
  const failed = await chat(gateway, 'm');
  await next();
  assert.equal((await next()).outcome, 'upstream failed');
  assert.deepEqual(ids, Array(2).fill(failed.head.get('X-Vampire-Request-ID')));
});

behaviour('events/request/what-a-client-calls-a-model-is-plain-and-short', async (stage) => {
  const gateway = await stage.gateway();
  const follower = await stage.follower(gateway);

  for (const [model, shown] of [['a\nevent: reset\n\n', 'a\ufffdevent: reset\ufffd\ufffd'], ['a\u202eb', 'a\ufffdb'],
                                ['x'.repeat(200_000), `${'x'.repeat(256)}…`]]) {
    await chat(gateway, model, { body: Buffer.from(JSON.stringify({ model })) });
    const [{ event, data }] = await takeUntil(follower, 'request', ({ state }) => state === 'ended')
      .then((events) => events.slice(-1));
    assert.deepEqual([event, data.model], ['request', shown]);
  }
  assert.ok(follower.text.length < 20_000);
  assert.doesNotMatch(follower.text, /^event: reset/m);
});

behaviour('events/hold-no-prompt-no-answer-and-no-token', async (stage) => {
  const secret = (what) => `CANARY-${what}`;
  const node = await stage.node(serves(['m'], async (request, wire) => {
    if (String(request.body).includes('"stream":true')) {
      await wire.write(http.STREAM_HEAD, http.chunk(`data: ${secret('event')}\n\ndata: ${secret('half')}`));
      await wire.reset();
    } else {
      wire.write(http.answer(500, [['X-A', secret('field')]], secret('answer')));
    }
  }));
  const gateway = await stage.gateway();
  const fields = [['Authorization', `Bearer ${secret('credential')}`], ['Cookie', secret('cookie')],
                  ['X-F', secret('header')]];

  await registerAt(gateway, 'a', node);
  const follower = await stage.follower(gateway);
  await gateway.call('PUT', '/nodes/a/token', { token: secret('token') });
  const { key } = await gateway.call('POST', '/keys', { name: 'k' });
  for (const stream of [false, true])
    await chat(gateway, 'm', { content: secret('prompt'), stream, fields, target: `/v1/responses?${secret('query')}` });
  await gateway.ask('POST', '/v1/embeddings', { body: `{"model":"m","input":"${secret('input')}"`, fields });
  await gateway.ask('POST', '/v1/chat/completions', { body: secret('garbage'), fields });
  await putRoute(gateway, 'end');
  await follower.next('route');
  assert.ok(follower.text.includes('event: request'), 'they were told of');
  assert.doesNotMatch(follower.text, /CANARY/);
  assert.ok(!follower.text.includes(key));
});

/* -- Coming back --------------------------------------------------------------------------- */

behaviour('events/resume/after-any-event', async (stage) => {
  const gateway = await stage.gateway();
  const follower = await stage.follower(gateway);

  for (let i = 0; i < 20; i++)
    await putRoute(gateway, `r${i}`);
  const all = await takeUntil(follower, 'route', ({ id }) => id === 'r19');
  assertInARow(all);
  for (const [i, { id }] of all.entries()) {
    for (const options of [{ after: id }, { target: `${EVENTS}?last_event_id=${id}` }]) {
      if (i === all.length - 1)
        continue;
      const again = await stage.follower(gateway, options);
      const events = await takeUntil(again, 'route', (data) => data.id === 'r19');

      assert.deepEqual(events, all.slice(i + 1), `after ${id}`);
      await again.close();
    }
  }
  const last = await stage.follower(gateway, { after: all.at(-1).id });
  await putRoute(gateway, 'next');
  assertInARow([all.at(-1), ...await takeUntil(last, 'route', ({ id }) => id === 'next')]);
});

behaviour('events/resume/across-cut-connections', async (stage) => {
  const gateway = await stage.gateway();
  const ROUTES = 300;
  const all = [];
  let follower = await stage.follower(gateway);
  let n = 1;

  const writing = (async () => {
    for (let i = 0; i < ROUTES; i++)
      await putRoute(gateway, `r${i}`);
  })();
  while (all.at(-1)?.data.id !== `r${ROUTES - 1}`) {
    /* Cut after one event, after two, … while the next ones are on their way. */
    if (all.length >= n * (n + 1) / 2) {
      n++;
      await follower.close();
      follower = await stage.follower(gateway, { after: all.at(-1).id });
    }
    all.push(await follower.take());
  }
  await writing;
  assert.ok(n > 15, `${n} connections`);
  assertInARow(all);
  assert.deepEqual(all.filter(({ event }) => event === 'route').map(({ data }) => data.id),
                   Array.from({ length: ROUTES }, (_, i) => `r${i}`));
});

behaviour('events/resume/a-fresh-reader-gets-no-old-events', async (stage) => {
  const gateway = await stage.gateway();

  await putRoute(gateway, 'old');
  const follower = await stage.follower(gateway);
  await putRoute(gateway, 'new');
  assert.equal((await follower.next('route')).data.id, 'new');
});

behaviour('events/resume/what-is-unknown-begins-with-a-reset', async (stage) => {
  const home = stage.home();
  const former = await stage.gateway({ home });
  const old = await stage.follower(former);
  const { id: ofAnotherRun } = await old.take();

  await old.close();
  await former.stop();
  const gateway = await stage.gateway({ home });
  const first = await stage.follower(gateway);
  await putRoute(gateway, 'r');
  const [instance, number] = readId(await first.next('route'));
  const ids = [ofAnotherRun, 'nonsense', '0', '-1', `${instance}-`, `${instance}-${number + 1000}`, `${instance}--1`,
               `${instance}-1x`, `${instance}`, `${instance}-99999999999999999999999`, `x${instance}-1`,
               'x'.repeat(5000)];

  for (const [i, after] of ids.entries()) {
    const follower = await stage.follower(gateway, { after });
    const reset = await follower.take();

    assert.deepEqual([reset.event, reset.data], ['reset', { reason: 'unknown' }], after.slice(0, 50));
    await putRoute(gateway, `r${i}`);
    const events = await takeUntil(follower, 'route', ({ id }) => id === `r${i}`);
    assertInARow([reset, ...events]);
    assert.ok(events.every(({ event }) => event !== 'reset'));
    await follower.close();
  }
});

/* A change that is told in an event of some 10 KB. */
const bigChange = (i) => ({
  name: `${i}`, tags: Array.from({ length: 32 }, (_, n) => `${String.fromCodePoint(0x1f600 + n).repeat(60)}${i % 10}`),
});

/* Changes a node that is asked for nothing, often, on one connection. */
async function changer(stage, gateway) {
  const wire = await stage.client(gateway);

  await registerAt(gateway, 'a', await stage.node(serves(['m'])));
  await gateway.call('PATCH', '/nodes/a', { status: 'disabled' });
  return async (i) => {
    wire.write(http.request('PATCH', '/vampire/v1/nodes/a', { body: Buffer.from(JSON.stringify(bigChange(i))) }));
    assert.equal((await http.readAnswer(wire)).status, 200);
  };
}

behaviour('events/resume/what-is-too-long-ago-begins-with-a-reset', async (stage) => {
  const gateway = await stage.gateway();
  const change = await changer(stage, gateway);
  const follower = await stage.follower(gateway);

  for (let i = 0; i < 100; i++)
    await change(i);
  const all = await takeUntil(follower, 'node', ({ name }) => name === '99');
  assertInARow(all);
  const late = await stage.follower(gateway, { after: all[0].id });
  const reset = await late.take();
  assert.deepEqual([reset.event, reset.data], ['reset', { reason: 'too_old' }]);
  await change(100);
  assertInARow([reset, ...await takeUntil(late, 'node', ({ name }) => name === '100')]);
  const recent = await stage.follower(gateway, { after: all.at(-20).id });
  assert.equal((await recent.take()).id, all.at(-19).id, 'what is kept comes again');
});

/* -- Readers that harm --------------------------------------------------------------------- */

behaviour('events/slow/a-reader-that-does-not-read-is-let-go', async (stage) => {
  const SLOW = 4;
  const gateway = await stage.gateway();
  const change = await changer(stage, gateway);
  const well = await stage.follower(gateway);
  const slow = [];
  const letGo = () => gateway.stderr.split('takes them too slowly').length - 1;

  for (let i = 0; i < SLOW; i++) {
    slow.push(await stage.follower(gateway));
    slow[i].pause();
  }
  const before = gateway.residentBytes;
  let n = 0;
  for (; letGo() < SLOW; n++) {
    assert.ok(n < 3000, 'they are let go');
    await change(n);
  }
  if (!gateway.isSanitized)
    assert.ok(gateway.peakBytes - before < 16 * 1024 ** 2, `${(gateway.peakBytes - before) / 1024 ** 2} MB more`);

  const all = await takeUntil(well, 'node', ({ name }) => name === `${n - 1}`);
  assertInARow(all);
  assert.equal(all.filter(({ event }) => event === 'node').length, n, 'who reads gets all');

  /* Whom it let go gets what was on its way, to the end of an event, and goes on from there. */
  slow[0].resume();
  const read = [];
  for (let event = await slow[0].take(); event !== null; event = await slow[0].take())
    read.push(event);
  assertInARow(read);
  assert.ok(read.length < all.length);
  const again = await stage.follower(gateway, { after: read.at(-1).id });
  const { event, data } = await again.take();
  assert.deepEqual([event, data], ['reset', { reason: 'too_old' }]);
});

behaviour('events/many/64-follow-and-no-more', async (stage) => {
  const gateway = await stage.gateway();
  const followers = [];

  for (let i = 0; i < READERS; i++)
    followers.push(await stage.follower(gateway));
  const { status, head, ...answer } = await gateway.ask('GET', EVENTS);
  assert.deepEqual([status, answer.json().error.code], [409, 'busy']);
  assert.match(head.get('Content-Type'), /^application\/json\b/);
  await putRoute(gateway, 'r');
  for (const follower of followers)
    assert.equal((await follower.next('route')).data.id, 'r');
  followers[0].close();
  await gateway.waitFor(/GET \/vampire\/v1\/events .* client gone/);
  await putRoute(gateway, 'next');
  await stage.follower(gateway);
  assert.equal((await gateway.ask('GET', EVENTS)).status, 409);
});

behaviour('events/gone/readers-that-leave-cost-nothing', async (stage) => {
  const gateway = await stage.gateway();
  const ROUNDS = 100;
  const wire = await stage.client(gateway);

  for (let i = 0; i < ROUNDS; i++) {
    const follower = await stage.follower(gateway);

    follower.close();
    await putRoute(gateway, `r${i}`);
  }
  await gateway.waitFor(new RegExp(`(?:GET ${EVENTS} [^]*?client gone[^]*?){${ROUNDS}}`));
  wire.write(http.request('GET', '/vampire/v1/status'));
  await http.readAnswer(wire);
  assert.ok(gateway.descriptors < 40, `${gateway.descriptors} descriptors`);
});

/* -- The end ------------------------------------------------------------------------------- */

behaviour('events/end/with-the-gateway-at-once', async (stage) => {
  const gateway = await stage.gateway();
  const followers = [];

  for (let i = 0; i < 5; i++)
    followers.push(await stage.follower(gateway));
  const begun = performance.now();
  gateway.signal('SIGTERM');
  for (const follower of followers) {
    while (await follower.take() !== null)
      ;
  }
  assert.deepEqual(await gateway.ended, { code: 0, signal: null });
  assert.ok(performance.now() - begun < 3000, `${performance.now() - begun} ms`);
});
