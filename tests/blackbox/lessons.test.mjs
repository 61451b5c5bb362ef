/* SPDX-License-Identifier: MIT
 *
 * Twenty bugs that others have shipped, each as the behaviour that shows it is not here.
 */

import assert from 'node:assert/strict';

import { DONE, IN_ORDER, activeAt, delta, getNode, join, stream, streamSoFar } from './lib/fleet.mjs';
import * as http from './lib/http.mjs';
import { chat, completion, modelList, serves } from './lib/nodes.mjs';
import { parseData, parseEvents } from './lib/sse.mjs';
import { behaviour, signal } from './lib/stage.mjs';

const MODEL = 'qwen/qwen3-4b';

const by = (strategy, ...more) => ({ fields: [['X-Vampire-Strategy', strategy], ...more] });
const times = (n) => Array.from({ length: n }, (_, i) => i);
const nodeOf = (answer) => answer.head.get('X-Vampire-Node');
const errorOf = (answer) => [answer.status, answer.json().error.code];

const refuses = (request, wire) => wire.write(http.json({ error: { message: 'Out of memory.' } }, 500));

/* Says something and dies. */
const diesTalking = async (request, wire) => {
  await wire.write(streamSoFar(delta('said once')));
  await wire.reset();
};

/* A request that is under way: its connection, once it was written. */
async function begin(stage, gateway, model, { stream: isStream = true, fields = [] } = {}) {
  const client = await stage.client(gateway);

  client.write(http.request('POST', '/v1/chat/completions', {
    body: JSON.stringify({ model, stream: isStream, messages: [{ role: 'user', content: 'count to 9' }] }), fields,
  }));
  return client;
}

/* A simulated LM Studio as a node. */
async function joinStudio(stage, gateway, id, ...args) {
  const simulator = await stage.simulator({ args: ['--fast', ...args] });

  await gateway.call('POST', '/nodes', { id, base_url: simulator.url });
  return Object.assign(simulator, { id });
}

const counters = async (simulator, ...names) => {
  const stats = await simulator.stats();

  return names.map((name) => (stats.counters ?? stats)[name]);
};

/* A node that fails fast is never busy. */
behaviour('lessons/01-5xx-counts-as-failure', async (stage) => {
  const gateway = await stage.gateway();

  for (const strategy of ['least_busy', 'residency', 'least_latency', 'best_available']) {
    const broken = await join(stage, gateway, `broken-${strategy}`, [strategy], refuses);
    const well = await join(stage, gateway, `well-${strategy}`, [strategy]);

    for (const i of times(20))
      assert.equal((await chat(gateway, strategy, by(strategy))).status, 200, `${strategy} ${i}`);
    assert.ok(broken.prompts.length <= 3, `${strategy}: ${broken.prompts.length} requests to the broken one`);
    assert.equal(well.prompts.length, 20);
    const { error_count: errors, request_count: requests } = await getNode(gateway, broken.id);
    assert.deepEqual([errors, requests], [broken.prompts.length, broken.prompts.length]);
  }
});

behaviour('lessons/02-one-failure-is-counted-once', async (stage) => {
  const gateway = await stage.gateway();

  for (const [name, fail] of Object.entries({ refuses, diesTalking })) {
    const node = await join(stage, gateway, name, [name], fail);
    const seen = [];

    await join(stage, gateway, `well-${name}`, [name]);
    for (const _ of times(3)) {
      await chat(gateway, name, { stream: true, fields: [IN_ORDER] });
      const { breaker, error_count: errors } = await getNode(gateway, name);
      seen.push([breaker.state, breaker.failures, errors]);
    }
    assert.deepEqual(seen, [['closed', 1, 1], ['closed', 2, 2], ['open', 3, 3]], name);
    assert.equal(node.prompts.length, 3);
  }
});

behaviour('lessons/03-in-flight-counts-do-not-leak-when-clients-leave', async (stage) => {
  const gateway = await stage.gateway();
  const all = signal();
  const wires = [];
  const node = await join(stage, gateway, 'a', ['silent', 'talks'], async (request, wire) => {
    if (JSON.parse(request.body).model === 'talks')
      await wire.write(streamSoFar(delta('x')));
    if (wires.push(wire) === 20)
      all.resolve();
    await wire.closed;
  });
  const clients = [];

  for (const _ of times(10))
    clients.push(await begin(stage, gateway, 'silent'), await begin(stage, gateway, 'talks'));
  await all;
  assert.deepEqual(await activeAt(gateway, node), [20]);
  assert.equal((await gateway.status()).active_requests, 20);
  for (const client of clients)
    client.destroy();
  for (const wire of wires)
    await wire.closed;
  assert.deepEqual(await activeAt(gateway, node), [0]);
  assert.equal((await gateway.status()).active_requests, 0);
  const { requests, errors } = (await gateway.call('GET', '/metrics')).nodes.find(({ node: id }) => id === 'a');
  assert.ok(!errors, `${requests} requests, ${errors} errors: nobody failed`);
});

behaviour('lessons/04-a-truncated-stream-is-no-success', async (stage) => {
  const gateway = await stage.gateway();

  await join(stage, gateway, 'a', ['m'], async (request, wire) => {
    await wire.write(streamSoFar(delta('one'), delta('two')));
    await wire.end();
  });
  const answer = await chat(gateway, 'm', { stream: true });
  const id = answer.head.get('X-Vampire-Request-ID');
  const data = parseData(answer.body);
  assert.equal(JSON.parse(data.at(-2)).error.code, 'upstream_stream_interrupted');
  const { result, stages } = await gateway.call('GET', `/traces/${id}`);
  assert.deepEqual([result.outcome, stages[0].status], ['upstream failed', 'failed']);
  assert.match(stages[0].reason, /broke off in the middle of its answer/);
  assert.equal((await getNode(gateway, 'a')).error_count, 1);
  await gateway.waitFor(/ \/v1\/chat\/completions .*upstream failed/);
});

/* What LM Studio says to everything that it does not know. */
behaviour('lessons/05-200-with-an-error-body-is-not-healthy', async (stage) => {
  const gateway = await stage.gateway();
  const says = (request, wire) =>
    wire.write(http.json({ error: `Unexpected endpoint or method. (${request.method} ${request.target})` }));
  const nothing = await stage.node(says);
  const { node } = await gateway.call('POST', '/nodes', { id: 'nothing', base_url: nothing.url });

  assert.notEqual(node.status, 'online', JSON.stringify(node));
  assert.deepEqual(node.models, []);
  const first = await join(stage, gateway, 'first', ['m'], says);
  const second = await join(stage, gateway, 'second', ['m']);
  const answer = await chat(gateway, 'm', { fields: [IN_ORDER] });
  assert.deepEqual([answer.status, nodeOf(answer)], [200, 'second']);
  assert.deepEqual([first.prompts.length, second.prompts.length], [1, 1]);
});

behaviour('lessons/06-equal-scores-do-not-give-one-node-all', async (stage) => {
  const gateway = await stage.gateway();
  const strategies = ['round_robin', 'weighted_round_robin', 'least_busy', 'residency', 'model_affinity',
                      'context_window', 'power_saver', 'quality_score', 'cost_score', 'privacy_policy'];
  const nodes = [];

  for (const id of ['a', 'b', 'c'])
    nodes.push(await join(stage, gateway, id, strategies));
  for (const strategy of strategies) {
    const before = nodes.map((node) => node.prompts.length);

    for (const _ of times(9))
      assert.equal((await chat(gateway, strategy, by(strategy))).status, 200);
    const shares = nodes.map((node, i) => node.prompts.length - before[i]);
    assert.ok(Math.min(...shares) >= 1 && Math.max(...shares) <= 6, `${strategy}: ${shares}`);
    if (strategy.endsWith('round_robin'))
      assert.deepEqual(shares, [3, 3, 3], strategy);
  }
});

for (const [how, die] of [['dies', (node) => node.close()],
                          ['fails', (node) => {
                            node.fails = true;
                          }],
                          ['is-forgotten', (node, gateway) => gateway.call('DELETE', `/nodes/${node.id}`)]]) {
  behaviour(`lessons/07-a-session-leaves-a-dead-node/that-${how}`, async (stage) => {
    const gateway = await stage.gateway();
    const nodes = {};
    const next = (session) => chat(gateway, 'm', by('prefix_affinity', ['X-Vampire-Session', session]));

    for (const id of ['a', 'b', 'c']) {
      nodes[id] = await join(stage, gateway, id, ['m'], (request, wire) =>
        (nodes[id].fails ? refuses(request, wire) : wire.write(completion(id))));
    }
    const home = nodeOf(await next('s'));
    for (const _ of times(4))
      assert.equal(nodeOf(await next('s')), home, 'it stays while all is well');
    await die(nodes[home], gateway);
    const answer = await next('s');
    assert.equal(answer.status, 200, answer.text());
    const refuge = nodeOf(answer);
    assert.notEqual(refuge, home);
    const before = nodes[home].prompts.length;
    for (const _ of times(4))
      assert.equal(nodeOf(await next('s')), refuge, 'and there it stays');
    assert.equal(nodes[home].prompts.length, before);
  });
}

behaviour('lessons/08-no-silent-fallback-to-another-model', async (stage) => {
  const gateway = await stage.gateway();
  const wanted = await join(stage, gateway, 'wanted', ['a', 'fails'], refuses);
  const other = await join(stage, gateway, 'other', ['b']);

  assert.equal((await chat(gateway, 'fails')).status, 500);
  assert.deepEqual(errorOf(await chat(gateway, 'a-typo')), [404, 'model_not_found']);
  await wanted.close();
  for (const _ of times(2)) {
    const answer = await chat(gateway, 'a');

    assert.ok(answer.status >= 500, answer.text());
    assert.match(answer.head.get('Content-Type'), /json/);
  }
  assert.equal(other.prompts.length, 0, 'the other one has another model');

  await gateway.call('POST', '/routes', {
    id: 'r', virtual_model: 'team', targets: [{ node: 'wanted', model: 'a' }], fallback: 'b',
  });
  const answer = await chat(gateway, 'team');
  assert.deepEqual([answer.status, nodeOf(answer), answer.head.get('X-Vampire-Model')], [200, 'other', 'b'],
                   'only when the owner says so, and then it is said');
});

behaviour('lessons/09-an-error-in-a-stream-is-followed-by-its-terminator', async (stage) => {
  const gateway = await stage.gateway();

  await join(stage, gateway, 'a', ['m'], diesTalking);
  const answer = await chat(gateway, 'm', { stream: true }); /* its last chunk is there, or this throws */
  const [said, error, done, ...rest] = parseData(answer.body);
  assert.equal(JSON.parse(said).choices[0].delta.content, 'said once');
  assert.deepEqual(Object.keys(JSON.parse(error)), ['error']);
  assert.deepEqual([done, rest], ['[DONE]', []]);
  assert.ok(answer.text().endsWith(DONE));
});

behaviour('lessons/10-no-retry-after-the-first-byte', async (stage) => {
  const gateway = await stage.gateway();
  const nodes = [];

  for (const id of ['a', 'b', 'c'])
    nodes.push(await join(stage, gateway, id, ['m'], diesTalking));
  const answer = await chat(gateway, 'm', { stream: true });
  assert.equal(answer.text().split('said once').length - 1, 1, 'once');
  assert.equal(nodes.reduce((sum, node) => sum + node.prompts.length, 0), 1);
});

behaviour('lessons/11-requests-do-not-go-round-in-circles', async (stage) => {
  const node = await stage.node(serves(['theirs']));
  const [first, second] = [await stage.gateway({ node: null }), await stage.gateway({ node })];

  await first.call('POST', '/nodes', { id: 'other', base_url: second.url });
  await second.call('POST', '/nodes', { id: 'other', base_url: first.url });
  await first.call('POST', '/nodes/other/refresh');
  assert.equal((await chat(first, 'theirs')).status, 200, 'one behind another serves');
  await node.close();
  for (const gateway of [first, second, first, second])
    assert.ok((await chat(gateway, 'theirs')).status >= 400);
  for (const gateway of [first, second])
    assert.equal((await gateway.status()).active_requests, 0);

  /* Nor does one find itself. */
  const { nodes } = await first.call('POST', '/discover', { methods: ['local'], ports: [first.port, second.port] });
  assert.deepEqual(nodes.map(({ id }) => id), ['other']);
});

behaviour('lessons/12-nodes-of-one-name-are-two-nodes', async (stage) => {
  const gateway = await stage.gateway();
  const servers = [await stage.node(serves(['m', 'first'])), await stage.node(serves(['m', 'second']))];
  const ids = [];

  for (const { url } of servers) {
    const { nodes: [found] } = await gateway.call('POST', '/discover', { methods: [], base_urls: [url] });

    await gateway.call('POST', `/nodes/${found.id}/approve`);
    await gateway.call('PATCH', `/nodes/${found.id}`, { name: 'Studio', host: 'studio.local' });
    ids.push(found.id);
  }
  assert.notEqual(ids[0], ids[1]);
  for (const [i, model] of ['first', 'second'].entries()) {
    assert.equal(nodeOf(await chat(gateway, model)), ids[i], 'each has its own models');
    assert.equal(nodeOf(await chat(gateway, `m@${ids[i]}`)), ids[i]);
  }
  const seen = new Set();
  for (const _ of times(4))
    seen.add(nodeOf(await chat(gateway, 'm')));
  assert.deepEqual([...seen].sort(), [...ids].sort(), 'both of them serve');
});

behaviour('lessons/13-counts-begin-anew-after-a-restart', async (stage) => {
  const gateway = await stage.gateway();
  const asked = signal();
  const begun = (request, wire) => {
    if (JSON.parse(request.body).stream !== true)
      return wire.write(completion('ok'));
    if (nodes[0].prompts.length === 4)
      asked.resolve();
    return wire.closed;
  };
  const nodes = [];

  nodes.push(await join(stage, gateway, 'a', ['m', 'held'], begun), await join(stage, gateway, 'b', ['m'], begun));
  for (const _ of times(4))
    await begin(stage, gateway, 'held');
  await asked;
  assert.deepEqual(await activeAt(gateway, ...nodes), [4, 0]);
  gateway.expectedEnd = { code: null, signal: 'SIGKILL' };
  await gateway.kill();

  const again = await stage.gateway({ home: gateway.home });
  assert.deepEqual(await activeAt(again, ...nodes), [0, 0]);
  for (const node of nodes)
    await again.call('POST', `/nodes/${node.id}/refresh`);
  for (const _ of times(4))
    assert.equal((await chat(again, 'm', by('least_busy'))).status, 200);
  assert.deepEqual(nodes.map((node) => node.prompts.length), [4 + 2, 2], 'as if nothing had been');
});

behaviour('lessons/14-no-storm-of-questions-to-a-node-that-sleeps', async (stage) => {
  let isAwake = true;
  const sleeper = await stage.rawNode(async (wire) => {
    if (!isAwake) {
      await wire.reset();
      return;
    }
    const request = await http.readRequest(wire);
    await wire.write(request.target === '/v1/models' ? modelList(['m']) : http.answer(404));
    await wire.end();
  });
  const gateway = await stage.gateway();

  await gateway.call('POST', '/nodes', { id: 'sleeper', base_url: sleeper.url });
  isAwake = false;
  assert.equal((await gateway.call('POST', '/nodes/sleeper/refresh')).node.status, 'offline');
  const before = sleeper.wires.length;
  const asked = times(40).flatMap((i) => [
    chat(gateway, 'm'), chat(gateway, `none-${i}`), chat(gateway, 'vampire:auto'), gateway.ask('GET', '/v1/models'),
    gateway.call('GET', '/nodes'), gateway.call('GET', '/metrics'),
  ]);
  for (const answer of (await Promise.all(asked)).filter(({ head }) => head !== undefined))
    assert.ok(answer.status >= 400, String(answer.status));
  const connects = sleeper.wires.length - before;
  assert.ok(connects <= 8, `${connects} connections for ${asked.length} questions`);
});

behaviour('lessons/15-an-explicit-load-makes-no-second-copy', async (stage) => {
  const gateway = await stage.gateway();
  const studio = await joinStudio(stage, gateway, 'a', `--model=${MODEL}:loaded`, '--model=google/gemma-3-12b',
                                  '--load-ms=100000');
  const load = (model) => gateway.call('POST', '/models/load', { model });

  const { status, instance_id: instance } = await load(MODEL);
  assert.deepEqual([status, instance], ['loaded', MODEL]);
  for (const answer of await Promise.all(times(5).map(() => load(MODEL))))
    assert.deepEqual([answer.status, answer.instance_id], ['loaded', MODEL]);
  assert.deepEqual(await counters(studio, 'loads', 'duplicate_loads', 'loaded_instances'), [0, 0, 1]);

  /* Owner and clients at once, for one that is not loaded. */
  const cold = 'google/gemma-3-12b';
  const loads = times(3).map(() => load(cold));
  await studio.waitForCount('loading', 1);
  const chats = times(3).map(() => chat(gateway, cold));
  await gateway.status();
  await studio.configure({ load_ms: 0 });
  for (const answer of await Promise.all(loads))
    assert.deepEqual([answer.status, answer.instance_id], ['loaded', cold]);
  for (const answer of await Promise.all(chats))
    assert.equal(answer.status, 200, answer.text());
  assert.deepEqual(await counters(studio, 'loads', 'duplicate_loads'), [1, 0]);
  const { data } = (await gateway.ask('GET', '/v1/models')).json();
  assert.ok(data.every(({ id }) => !/:\d+$/.test(id)), JSON.stringify(data));
});

behaviour('lessons/16-a-response-is-built-on-where-it-was-made', async (stage) => {
  const gateway = await stage.gateway();
  const studios = {};
  const turn = (previous, more = {}) => gateway.ask('POST', '/v1/responses', {
    body: JSON.stringify({ model: MODEL, input: 'count to 3', previous_response_id: previous, ...more }),
  });
  const idOf = (answer) => {
    if (!/event-stream/.test(answer.head.get('Content-Type')))
      return answer.json().id;
    return JSON.parse(parseEvents(answer.body).find(({ event }) => event === 'response.created').data).response.id;
  };
  const talks = times(4).map(() => ({}));

  for (const id of ['a', 'b'])
    studios[id] = await joinStudio(stage, gateway, id, `--model=${MODEL}:loaded`);
  for (const round of times(6)) {
    for (const talk of talks) {
      const answer = await turn(talk.last, { stream: round % 2 === 1 });

      assert.equal(answer.status, 200, answer.text());
      talk.node ??= nodeOf(answer);
      assert.equal(nodeOf(answer), talk.node, `turn ${round + 1}`);
      talk.last = idOf(answer);
      assert.match(talk.last, /^resp_/);
    }
  }
  assert.deepEqual(new Set(talks.map(({ node }) => node)), new Set(['a', 'b']), 'new ones take turns');

  const gone = talks[0];
  const other = studios[gone.node === 'a' ? 'b' : 'a'];
  const [before] = await counters(other, 'requests');
  await studios[gone.node].stop();
  for (const _ of times(2)) {
    const answer = await turn(gone.last);

    assert.ok(answer.status === 502 || answer.status === 503, answer.text());
    assert.ok(answer.json().error.message.length > 0);
  }
  assert.deepEqual(await counters(other, 'requests'), [before], 'the other one does not know it');
  const kept = talks.find(({ node }) => node !== gone.node);
  assert.equal((await turn(kept.last)).status, 200);
  await gateway.call('DELETE', `/nodes/${gone.node}`);
  assert.ok((await turn(gone.last)).status >= 400, 'forgotten, it is not made up anew');
});

/* The first comment comes after five seconds. */
behaviour('lessons/17-keep-alive-comments-are-in-event-streams-only', async (stage) => {
  const gateway = await stage.gateway();
  const studio = await joinStudio(stage, gateway, 'a', `--model=${MODEL}`, '--load-ms=100000');
  const clients = { stream: await begin(stage, gateway, MODEL) };

  await studio.waitForCount('loading', 1);
  clients.document = await begin(stage, gateway, MODEL, { stream: false });
  const head = await http.readAnswerHead(clients.stream);
  const comment = await http.readChunk(clients.stream);
  assert.match(head.get('Content-Type'), /^text\/event-stream/);
  assert.match(String(comment), /^: (loading|waiting)[^\n]*\n\n$/);
  assert.equal(clients.document.received, 0, 'a document is not begun with blanks');
  await studio.configure({ load_ms: 0 });

  const document = await http.readAnswer(clients.document);
  assert.equal(document.status, 200);
  assert.match(document.head.get('Content-Type'), /^application\/json/);
  assert.equal(document.text()[0], '{');
  assert.match(document.json().choices[0].message.content, /1, 2, 3/);
  assert.ok(!/^\s*:/m.test(document.text()));
  const pieces = [comment];
  for await (const piece of http.bodyPieces(clients.stream, head))
    pieces.push(piece);
  assert.equal(parseData(Buffer.concat(pieces)).at(-1), '[DONE]');
});

behaviour('lessons/18-every-stream-has-its-end', async (stage) => {
  const gateway = await stage.gateway();
  const held = [];
  const hold = async (request, wire) => {
    await wire.write(streamSoFar(delta('x')));
    held.push(wire);
    await wire.closed;
  };

  await joinStudio(stage, gateway, 'studio', `--model=${MODEL}:loaded`);
  await join(stage, gateway, 'dies', ['dies'], diesTalking);
  await join(stage, gateway, 'held', ['held'], hold);
  await join(stage, gateway, 'whole', ['whole'], (request, wire) => wire.write(stream(delta('x'), DONE)));
  const finish = async (client, act) => {
    const head = await http.readAnswerHead(client);
    const pieces = [await http.readChunk(client)];

    await act(head);
    for await (const piece of http.bodyPieces(client, head))
      pieces.push(piece);
    return Buffer.concat(pieces);
  };
  const whole = async (model) => (await chat(gateway, model, { stream: true })).body;
  const bodies = {
    whole: await whole('whole'),
    studio: await whole(MODEL),
    dies: await whole('dies'),
    cancelled: await finish(await begin(stage, gateway, 'held'), (head) =>
      gateway.call('DELETE', `/requests/${head.get('X-Vampire-Request-ID')}`)),
    blocked: await finish(await begin(stage, gateway, 'held'), () => gateway.call('POST', '/nodes/held/block')),
  };
  for (const [name, body] of Object.entries(bodies)) {
    const data = parseData(body);

    assert.ok(String(body).endsWith(DONE), `${name}: ${body}`);
    assert.equal(data.filter((one) => one === '[DONE]').length, 1, name);
    assert.equal(data.some((one) => one.includes('"error"')), !['whole', 'studio'].includes(name), `${name}: ${body}`);
  }
  assert.equal(held.length, 2);
});

behaviour('lessons/19-the-owner-is-told-which-node-has-no-token', async (stage) => {
  const gateway = await stage.gateway();
  const guarded = await stage.node((request, wire) =>
    (request.head.get('Authorization') === 'Bearer of-the-node' ? serves(['m'])(request, wire)
                                                                : wire.write(http.answer(401))));
  const open = await stage.node(serves(['m']));
  const tokens = async () => (await gateway.call('GET', '/doctor')).checks.find(({ id }) => id === 'tokens').message;
  const states = async () => (await gateway.call('GET', '/nodes')).data.filter((node) => !node.is_default)
    .map(({ id, token }) => [id, token.state]);

  await gateway.call('POST', '/nodes', { id: 'open', base_url: open.url });
  assert.deepEqual(await states(), [['open', 'not_needed']]);
  assert.match(await tokens(), /^No node asks for one/);
  await gateway.call('POST', '/nodes', { id: 'guarded', base_url: guarded.url });
  assert.deepEqual(await states(), [['open', 'not_needed'], ['guarded', 'needed']]);
  assert.match(await tokens(), /asks for a token, and Vampire has none/);
  await gateway.call('PUT', '/nodes/guarded/token', { token: 'of-the-node' });
  assert.deepEqual(await states(), [['open', 'not_needed'], ['guarded', 'set']]);
  assert.match(await tokens(), /^Each node that asks for a token has one/);
});

behaviour('lessons/20-http-proxy-is-not-used', async (stage) => {
  const proxy = await stage.node((request, wire) => wire.write(http.answer(500)));
  const names = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'];
  const gateway = await stage.gateway({ env: Object.fromEntries(names.map((name) => [name, proxy.url])) });
  const failing = await join(stage, gateway, 'a', ['m'], refuses);
  const well = await join(stage, gateway, 'b', ['m']);
  const studio = await joinStudio(stage, gateway, 'c', '--model=acme/cold');

  assert.equal((await chat(gateway, 'm', { fields: [IN_ORDER] })).status, 200);
  assert.equal((await gateway.call('POST', '/models/load', { model: 'acme/cold' })).status, 'loaded');
  assert.equal((await chat(gateway, 'acme/cold')).status, 200);
  await gateway.call('POST', '/nodes/a/refresh');
  assert.deepEqual([failing.prompts.length, well.prompts.length], [1, 1]);
  assert.deepEqual(await counters(studio, 'loads'), [1]);
  assert.equal(proxy.wires.length, 0, 'prompts, lists and loads go straight to their nodes');
});
