/* SPDX-License-Identifier: MIT
 *
 * A node that fails before its answer has begun costs a client nothing: another one gets the very same request. One
 * that fails later is never asked twice, nor is anybody else. And nodes that keep failing are left alone.
 */

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';

import { DONE, IN_ORDER, activeAt, delta, getNode, join, stream, streamSoFar } from './lib/fleet.mjs';
import { AT_DOOR, askAsGuest, createKey, share } from './lib/guests.mjs';
import * as http from './lib/http.mjs';
import { chat, completion, serves } from './lib/nodes.mjs';
import { parseData } from './lib/sse.mjs';
import { behaviour, signal } from './lib/stage.mjs';
import { elapsed } from './lib/time.mjs';
import { Upstream } from './lib/upstream.mjs';

const sha256 = (data) => createHash('sha256').update(data).digest('hex');
const MB = 1024 ** 2;

/* A bit longer than a look at the nodes is taken for fresh. */
const FRESH_MS = 1050;

/* As a client writes it that wants to know whether anybody writes it anew. */
const bodyFor = (model, { isStream = false, more = '' } = {}) => Buffer.from(
  `{ "stream":${isStream},\t"model" : ${JSON.stringify(model)},"temperature":0.10, "seed":12345678901234567890,\n` +
  `"messages":[{"content":"h\\u00e9llo \\ud83e\\udd87 é 🦇","role":"user"}]${more}, "x":[1e-7,-0, 1E400] }\n`);

const ask = (gateway, body, { target = '/v1/chat/completions', fields = [], ...options } = {}) =>
  gateway.ask('POST', target, { body, fields: [IN_ORDER, ...fields], ...options });

const ANSWER = completion('from the second');
const STREAM = stream(delta('from the second'), DONE);

const answers = (request, wire) => wire.write(JSON.parse(request.body).stream ? STREAM : ANSWER);

const payload = (bytes) => {
  const text = String(bytes);

  return text.slice(text.indexOf('\r\n\r\n') + 4);
};

/* What the second node says, as a client is to see it. */
const assertSecondsAnswer = (answer, isStream, name) => {
  assert.equal(answer.status, 200, `${name}: ${answer.text()}`);
  if (isStream)
    assert.equal(answer.text(), delta('from the second') + DONE, name);
  else
    assert.equal(answer.text(), payload(ANSWER), name);
  for (const field of ['x-should-retry', 'Retry-After'])
    assert.equal(answer.head.get(field), undefined, `${name}: ${field}`);
};

/* -- Before the first byte ----------------------------------------------------------------- */

const refusal = (status, document) => async (request, wire) => {
  await wire.write(http.json(document ?? { error: { message: 'Not now.' } }, status));
};

const reset = (...bytes) => async (request, wire) => {
  if (bytes.length > 0)
    await wire.write(...bytes);
  await wire.reset();
};

const says = (...events) => async (request, wire) => wire.write(stream(...events));

const ERROR_EVENT = 'event: error\ndata: {"error":{"message":"Out of memory."}}\n\n';

/* What fails, by which kinds of requests, and how. */
const FAULTS = {
  'reset-before-the-head': reset(),
  'end-before-the-head': async (request, wire) => wire.end(),
  'reset-in-the-head': reset('HTTP/1.1 200 OK\r\nContent-Type: appli'),
  'reset-after-the-head': reset('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n'),
  'end-in-a-short-document': async (request, wire) => {
    await wire.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"choices":[');
    await wire.end();
  },
  'no-http': reset('SSH-2.0-OpenSSH_9.2\r\n'),
  'status-500': refusal(500),
  'status-502': refusal(502),
  'status-503': refusal(503),
  'status-504-without-a-body': async (request, wire) => wire.write(http.answer(504)),
  'status-429': refusal(429),
  'status-401': refusal(401),
  'status-403': refusal(403),
  'no-models-loaded/400-object': refusal(400, { error: { message: 'No models loaded. Please load a model.' } }),
  'no-models-loaded/400-string': refusal(400, { error: 'No models loaded. Load a model in the developer page.' }),
  'no-models-loaded/404-object': refusal(404, { error: { message: 'No models loaded.', code: 'model_not_found' } }),
  'no-models-loaded/404-string': refusal(404, { error: 'No models loaded' }),
  'no-models-loaded/200': refusal(200, { error: 'No models loaded.' }),
  'model-not-found-404': refusal(404, { error: { message: 'Model not found', type: 'invalid_request_error' } }),
  'failed-to-load-400': refusal(400, { error: 'Failed to load model "m". Error: insufficient system resources.' }),
  '200-with-an-error/string': refusal(200, { error: 'Unexpected endpoint or method. (POST /v1/chat/completions)' }),
  '200-with-an-error/object': refusal(200, { error: { message: 'The model has crashed without any information.' } }),
};

const STREAM_FAULTS = {
  'error-event': says(ERROR_EVENT),
  'error-event-without-a-document': says('event: error\ndata: it is over\n\n'),
  'data-with-an-error/object': says('data: {"error":{"message":"Out of memory.","code":500}}\n\n', DONE),
  'data-with-an-error/string': says('data: {"error":"Out of memory."}\n\n', DONE),
  'comments-then-an-error': says(': ping\n\n', ':\n\n', ': ping\n\n', ERROR_EVENT),
  'error-event-byte-by-byte': says(...ERROR_EVENT),
  'comments-then-reset': async (request, wire) => {
    await wire.write(streamSoFar(': ping\n\n'));
    await wire.reset();
  },
  'half-an-event-then-reset': async (request, wire) => {
    await wire.write(streamSoFar('data: {"choices":[{"delta":{"content":"never'));
    await wire.reset();
  },
  'a-stream-that-ends-empty': says(),
  'a-stream-of-comments-alone': says(': ping\n\n', ': ping\n\n'),
  'an-empty-stream-that-ends-with-the-connection': async (request, wire) => {
    await wire.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n');
    await wire.end();
  },
};

async function assertFailsOver(stage, fail, kinds) {
  const gateway = await stage.gateway();

  for (const isStream of kinds) {
    const name = isStream ? 'stream' : 'document';
    const first = await join(stage, gateway, `first-${name}`, [name], fail);
    const second = await join(stage, gateway, `second-${name}`, [name], answers);
    const third = await join(stage, gateway, `third-${name}`, [name], answers);
    const body = bodyFor(name, { isStream });
    const answer = await ask(gateway, body);

    assertSecondsAnswer(answer, isStream, name);
    assert.equal(answer.head.get('X-Vampire-Node'), second.id);
    assert.equal(answer.head.get('X-Vampire-Model'), name);
    assert.deepEqual([first, second, third].map((node) => node.prompts.length), [1, 1, 0]);
    assert.deepEqual(first.prompts[0].body, body);
    assert.deepEqual(second.prompts[0].body, body);
    assert.deepEqual(second.prompts[0].head.fields.filter(([field]) => field !== 'Host'),
                     first.prompts[0].head.fields.filter(([field]) => field !== 'Host'));
    assert.deepEqual(await activeAt(gateway, first, second, third), [0, 0, 0]);
  }
}

for (const [name, fail] of Object.entries(FAULTS))
  behaviour(`failover/before-first-byte/${name}`, (stage) => assertFailsOver(stage, fail, [false, true]));

for (const [name, fail] of Object.entries(STREAM_FAULTS))
  behaviour(`failover/before-first-byte/${name}`, (stage) => assertFailsOver(stage, fail, [true]));

behaviour('failover/before-first-byte/connection-refused', async (stage) => {
  const gateway = await stage.gateway();

  for (const isStream of [false, true]) {
    const name = isStream ? 'stream' : 'document';
    const first = await join(stage, gateway, `first-${name}`, [name]);
    const second = await join(stage, gateway, `second-${name}`, [name], answers);

    await first.close();
    const body = bodyFor(name, { isStream });
    const answer = await ask(gateway, body);
    assertSecondsAnswer(answer, isStream, name);
    assert.equal(answer.head.get('X-Vampire-Node'), second.id);
    assert.deepEqual(second.prompts.map((prompt) => String(prompt.body)), [String(body)]);
    assert.deepEqual(await activeAt(gateway, first, second), [0, 0]);
    const { request_count: requests, error_count: errors, status } = await getNode(gateway, first.id);
    assert.deepEqual([requests, errors, status], [1, 1, 'offline']);
  }
});

/* Nobody has looked at it since it was off, and nobody would for a while. */
behaviour('failover/before-first-byte/to-one-that-has-come-back', async (stage) => {
  const gateway = await stage.gateway();
  let fails = false;
  const away = await join(stage, gateway, 'away', ['m'], answers);
  const other = await join(stage, gateway, 'other', ['m'], (request, wire) =>
    (fails ? refusal(500)(request, wire) : answers(request, wire)));

  await away.close();
  assert.equal((await ask(gateway, bodyFor('m'))).head.get('X-Vampire-Node'), 'other');
  fails = true;
  await elapsed(FRESH_MS);
  const lost = await ask(gateway, bodyFor('m'));
  assert.equal(lost.status, 503);
  assert.match(lost.json().error.message, /\baway is off\b.*\bother answered with status 500\./);

  await stage.node(serves(['m'], answers), { port: away.port });
  await elapsed(FRESH_MS);
  const answer = await ask(gateway, bodyFor('m'));
  assertSecondsAnswer(answer, false);
  assert.equal(answer.head.get('X-Vampire-Node'), 'away');
  assert.deepEqual([other.prompts.length, await activeAt(gateway, away, other)], [3, [0, 0]]);
});

/* A node that answered a cold request with an error may not have failed to load at all. */
behaviour('failover/before-first-byte/to-one-that-failed-when-it-was-cold', async (stage) => {
  const gateway = await stage.gateway();
  const nodes = {};

  for (const id of ['first', 'second']) {
    nodes[id] = await stage.simulator({ args: ['--fast', '--model=m'] });
    await gateway.call('POST', '/nodes', { id, base_url: nodes[id].url });
  }
  const [body, fault] = [bodyFor('m'), { status: 500, fault_path: '/v1/chat/*' }];
  const nodeOf = async () => (await ask(gateway, body)).head.get('X-Vampire-Node');

  await nodes.first.configure(fault);
  assert.equal(await nodeOf(), 'second');
  await nodes.first.configure({ status: 0 });
  assert.equal(await nodeOf(), 'second', 'the other one first, for a while');
  await elapsed(2 * FRESH_MS);
  await nodes.second.configure(fault);
  assert.equal(await nodeOf(), 'first', 'but rather that one than nobody');
});

behaviour('failover/before-first-byte/every-endpoint-of-prompts', async (stage) => {
  const gateway = await stage.gateway();
  const failing = await join(stage, gateway, 'failing', ['m', 'text-embedding-x'], refusal(429));
  const well = await join(stage, gateway, 'well', ['m', 'text-embedding-x']);

  for (const [target, model] of [['/v1/chat/completions', 'm'], ['/v1/completions', 'm'], ['/v1/responses', 'm'],
                                 ['/v1/embeddings', 'text-embedding-x'], ['/v1/messages?beta=true', 'm']]) {
    assert.equal((await ask(gateway, bodyFor(model), { target })).status, 200, target);
    assert.equal(failing.prompts.at(-1).target, target);
    assert.equal(well.prompts.at(-1).target, target);
  }
  assert.deepEqual([failing.prompts.length, well.prompts.length], [5, 5]);
});

behaviour('failover/before-first-byte/several-in-a-row', async (stage) => {
  const gateway = await stage.gateway();
  const faults = [refusal(503), reset(), says(ERROR_EVENT), refusal(400, { error: 'No models loaded.' }), says()];
  const failing = [];

  for (const [i, fail] of faults.entries())
    failing.push(await join(stage, gateway, `failing-${i}`, ['m'], fail));
  const well = await join(stage, gateway, 'well', ['m'], answers);
  const body = bodyFor('m', { isStream: true });
  const answer = await ask(gateway, body);
  assertSecondsAnswer(answer, true);
  for (const node of [...failing, well])
    assert.deepEqual(node.prompts.map((prompt) => String(prompt.body)), [String(body)], node.id);

  const { stages, result } = await gateway.call('GET', `/traces/${answer.head.get('X-Vampire-Request-ID')}`);
  assert.deepEqual(stages.map(({ node, status, http_status: code }) => [node, status, code]), [
    ['failing-0', 'failed', 503], ['failing-1', 'failed', null], ['failing-2', 'failed', 200],
    ['failing-3', 'failed', 400], ['failing-4', 'failed', 200], ['well', 'completed', 200],
  ]);
  assert.deepEqual([result.status, result.outcome], [200, 'done']);
});

behaviour('failover/same-request/only-the-models-name-differs', async (stage) => {
  const gateway = await stage.gateway();
  const first = await join(stage, gateway, 'first', ['big "model"'], refusal(500));
  const second = await join(stage, gateway, 'second', ['bär/😀'], answers);

  await gateway.call('POST', '/routes', {
    id: 'r', virtual_model: 'team', strategy: 'fallback_chain',
    targets: [{ node: 'first', model: 'big "model"' }, { node: 'second', model: 'bär/😀' }],
  });
  for (const isStream of [false, true]) {
    const options = { isStream, more: ', "model ":"team","sub":{"model":"team"}' };
    const answer = await gateway.ask('POST', '/v1/chat/completions', { body: bodyFor('team', options) });

    assertSecondsAnswer(answer, isStream);
    assert.equal(answer.head.get('X-Vampire-Route'), 'r');
    assert.equal(String(first.prompts.at(-1).body), String(bodyFor('big "model"', options)));
    assert.equal(String(second.prompts.at(-1).body), String(bodyFor('bär/😀', options)));
  }
});

behaviour('failover/same-request/what-is-for-the-gateway-reaches-nobody', async (stage) => {
  const gateway = await stage.gateway();
  const first = await join(stage, gateway, 'first', ['m'], refusal(503));
  const second = await join(stage, gateway, 'second', ['m'], answers);
  const more = ', "vampire": {"routing":{"strategy":"fallback_chain"}, "trace":false}';

  assertSecondsAnswer(await gateway.ask('POST', '/v1/chat/completions', { body: bodyFor('m', { more }) }), false);
  for (const node of [first, second])
    assert.equal(String(node.prompts[0].body), String(bodyFor('m')));
});

/* The first one says no while the request still comes. */
behaviour('failover/same-request/5-mb-that-the-first-one-did-not-read', async (stage) => {
  const gateway = await stage.gateway();
  const first = await stage.rawNode(async (wire) => {
    const head = await http.readHead(wire);

    if (head.startLine.startsWith('GET /v1/models '))
      await wire.write(http.json({ object: 'list', data: [{ id: 'm', object: 'model' }] }));
    else
      await wire.write(http.answer(head.startLine.startsWith('GET') ? 404 : 503));
    await wire.end();
  });

  await gateway.call('POST', '/nodes', { id: 'first', base_url: first.url });
  const second = await join(stage, gateway, 'second', ['m'], answers);
  const body = bodyFor('m', { more: `,"image":"${randomBytes(5 * MB / 2).toString('hex')}"` });
  assertSecondsAnswer(await ask(gateway, body), false);
  assert.equal(sha256(second.prompts[0].body), sha256(body));
});

/* -- What is nobody else's business -------------------------------------------------------- */

behaviour('failover/own-fault/is-passed-on-and-nobody-else-is-asked', async (stage) => {
  const gateway = await stage.gateway();
  let refuse;
  const first = await join(stage, gateway, 'first', ['m'], (request, wire) => refuse(request, wire));
  const second = await join(stage, gateway, 'second', ['m'], answers);

  for (const [status, document] of [
    [400, { error: { message: "'messages' is required", type: 'invalid_request_error', param: 'messages' } }],
    [400, { error: 'Trying to keep the first 9000 tokens when context the overflows.' }],
    [404, { error: { message: 'There is no response with that id.' } }],
    [413, { error: 'Too large.' }], [422, { detail: [{ msg: 'field required' }] }], [409, { error: 'busy' }],
  ]) {
    refuse = refusal(status, document);
    for (const isStream of [false, true]) {
      const answer = await ask(gateway, bodyFor('m', { isStream }));

      assert.deepEqual([answer.status, answer.text()], [status, JSON.stringify(document)]);
      assert.equal(answer.head.get('X-Vampire-Node'), 'first');
    }
  }
  assert.deepEqual([first.prompts.length, second.prompts.length], [12, 0]);
  const { breaker, error_count: errors } = await getNode(gateway, 'first');
  assert.deepEqual([breaker.failures, errors], [0, 0]);
});

for (const [name, more] of [['routing-fallback', { routing: { fallback: false } }],
                            ['fallback-allowed', { fallback: { allowed: false } }]]) {
  behaviour(`failover/not-wanted/${name}-false-is-one-attempt`, async (stage) => {
    const gateway = await stage.gateway();
    const first = await join(stage, gateway, 'first', ['m'], refusal(500, { error: 'mine alone' }));
    const second = await join(stage, gateway, 'second', ['m'], answers);
    const body = bodyFor('m', { more: `,"vampire":${JSON.stringify(more)}` });
    const answer = await ask(gateway, body);

    assert.deepEqual([answer.status, answer.json()], [500, { error: 'mine alone' }]);
    assert.deepEqual([first.prompts.length, second.prompts.length], [1, 0]);
    assert.equal(answer.head.get('X-Vampire-Node'), 'first');
  });
}

behaviour('failover/deadline/no-attempt-that-its-client-would-not-see', async (stage) => {
  const gateway = await stage.gateway();
  const first = await join(stage, gateway, 'first', ['m'], async (request, wire) => {
    await elapsed(150);
    await wire.reset();
  });
  const second = await join(stage, gateway, 'second', ['m'], answers);
  const within = (seconds) => ask(gateway, bodyFor('m'), { fields: [['x-stainless-read-timeout', seconds]] });

  const late = await within('0.1');
  assert.deepEqual([late.status, late.json().error.code], [502, 'upstream_unavailable']);
  assert.deepEqual([first.prompts.length, second.prompts.length], [1, 0]);
  assertSecondsAnswer(await within('600'), false);
  assert.deepEqual([first.prompts.length, second.prompts.length], [2, 1]);
});

/* -- After it ------------------------------------------------------------------------------ */

const INTERRUPTIONS = {
  'reset': (wire) => wire.reset(),
  'end': (wire) => wire.end(),
  'half-an-event-then-reset': async (wire) => {
    await wire.write(http.chunk('data: {"choices":[{"delta":{"content":"hal'));
    await wire.reset();
  },
  'bad-chunk': async (wire) => {
    await wire.write('no size\r\n');
    await wire.end();
  },
};

for (const [name, breakOff] of Object.entries(INTERRUPTIONS)) {
  behaviour(`failover/after-first-event/${name}-is-an-error-event`, async (stage) => {
    const gateway = await stage.gateway();
    const seen = signal();
    const first = await join(stage, gateway, 'first', ['m'], async (request, wire) => {
      await wire.write(streamSoFar(delta('said once')));
      await seen;
      await breakOff(wire);
    });
    const others = [await join(stage, gateway, 'second', ['m'], answers),
                    await join(stage, gateway, 'third', ['m'], answers)];
    const client = await stage.client(gateway);

    client.write(http.request('POST', '/v1/chat/completions', {
      body: bodyFor('m', { isStream: true }), fields: [IN_ORDER],
    }));
    const head = await http.readAnswerHead(client);
    assert.deepEqual([head.status, head.get('X-Vampire-Node')], [200, 'first']);
    const pieces = [await http.readChunk(client)];
    assert.equal(String(pieces[0]), delta('said once'));
    seen.resolve();
    for await (const piece of http.bodyPieces(client, head))
      pieces.push(piece);

    const [said, error, done, ...rest] = parseData(Buffer.concat(pieces));
    assert.equal(`data: ${said}\n\n`, delta('said once'));
    assert.equal(JSON.parse(error).error.code, 'upstream_stream_interrupted');
    assert.deepEqual([done, rest], ['[DONE]', []]);
    assert.deepEqual([first, ...others].map((node) => node.prompts.length), [1, 0, 0], 'nobody is asked again');
    assert.deepEqual(await activeAt(gateway, first, ...others), [0, 0, 0]);
    assert.equal((await getNode(gateway, 'first')).error_count, 1);
    client.write(http.request('GET', '/health'));
    assert.equal((await http.readAnswer(client)).status, 200, 'the connection goes on');
  });
}

behaviour('failover/after-first-event/an-error-of-the-node-is-passed-on', async (stage) => {
  const gateway = await stage.gateway();
  const first = await join(stage, gateway, 'first', ['m'], says(delta('said'), ERROR_EVENT, DONE));
  const second = await join(stage, gateway, 'second', ['m'], answers);
  const answer = await ask(gateway, bodyFor('m', { isStream: true }));

  assert.equal(answer.text(), delta('said') + ERROR_EVENT + DONE);
  assert.deepEqual([first.prompts.length, second.prompts.length], [1, 0]);
});

/* -- All were tried ------------------------------------------------------------------------ */

behaviour('failover/all-tried/one-error-names-each-node-and-its-reason', async (stage) => {
  const gateway = await stage.gateway();
  const nodes = [
    await join(stage, gateway, 'attic', ['m'], refusal(500)),
    await join(stage, gateway, 'cellar', ['m'], reset()),
    await join(stage, gateway, 'kitchen', ['m'], refusal(200, { error: 'The model has crashed.' })),
    await join(stage, gateway, 'shed', ['m'], refusal(400, { error: { message: 'No models loaded.' } })),
  ];
  const off = await join(stage, gateway, 'tower', ['m']);

  await off.close();
  const answer = await ask(gateway, bodyFor('m'));
  assert.deepEqual([answer.status, answer.head.get('x-should-retry'), answer.head.get('Retry-After')],
                   [502, 'false', undefined]);
  assert.equal(answer.head.get('Content-Type'), 'application/json');
  const { message, ...error } = answer.json().error;
  assert.deepEqual(error, { type: 'vampire_upstream_error', code: 'all_attempts_failed' });
  assert.deepEqual(Object.keys(answer.json()), ['error']);
  for (const reason of [/attic answered with status 500/, /cellar ended the connection without an answer/,
                        /kitchen said "The model has crashed\."/, /shed said "No models loaded\."/,
                        /tower cannot be reached \(connection refused\)/])
    assert.match(message, reason);
  assert.match(message, /^5 nodes were asked/);
  assert.deepEqual(nodes.map((node) => node.prompts.length), [1, 1, 1, 1], 'each of them once');
  assert.deepEqual(await activeAt(gateway, ...nodes, off), [0, 0, 0, 0, 0]);
});

behaviour('failover/all-tried/a-stream-gets-the-same-error-with-its-status', async (stage) => {
  const gateway = await stage.gateway();
  const nodes = [await join(stage, gateway, 'a', ['m'], says(ERROR_EVENT)),
                 await join(stage, gateway, 'b', ['m'], says())];
  const answer = await ask(gateway, bodyFor('m', { isStream: true }));

  assert.deepEqual([answer.status, answer.json().error.code], [502, 'all_attempts_failed']);
  assert.equal(answer.head.get('x-should-retry'), 'false');
  assert.match(answer.json().error.message, /a said "Out of memory\."; b broke off/);
  assert.deepEqual(nodes.map((node) => node.prompts.length), [1, 1]);
});

behaviour('failover/all-tried/when-all-are-busy-it-helps-to-wait', async (stage) => {
  const gateway = await stage.gateway();
  const nodes = [await join(stage, gateway, 'a', ['m'], refusal(429)),
                 await join(stage, gateway, 'b', ['m'], refusal(503))];

  for (const isStream of [false, true]) {
    const answer = await ask(gateway, bodyFor('m', { isStream }));

    assert.deepEqual([answer.status, answer.json().error.code], [503, 'no_capacity']);
    assert.match(answer.head.get('Retry-After'), /^[1-9]\d*$/);
    assert.match(answer.json().error.message, /a answered with status 429; b answered with status 503/);
  }
  assert.deepEqual(nodes.map((node) => node.prompts.length), [2, 2]);
});

behaviour('failover/all-tried/one-that-is-not-busy-is-no-reason-to-wait', async (stage) => {
  const gateway = await stage.gateway();

  await join(stage, gateway, 'a', ['m'], refusal(429));
  await join(stage, gateway, 'b', ['m'], refusal(500));
  const answer = await ask(gateway, bodyFor('m'));
  assert.deepEqual([answer.status, answer.json().error.code], [502, 'all_attempts_failed']);
  assert.equal(answer.head.get('x-should-retry'), 'false');
});

behaviour('failover/all-tried/eight-at-most', async (stage) => {
  const gateway = await stage.gateway();
  const nodes = [];

  for (let i = 0; i < 10; i++)
    nodes.push(await join(stage, gateway, `n${i}`, ['m'], refusal(500)));
  const answer = await ask(gateway, bodyFor('m'));
  assert.deepEqual([answer.status, answer.head.get('x-should-retry')], [502, 'false']);
  assert.deepEqual(nodes.map((node) => node.prompts.length), [1, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
});

behaviour('failover/all-tried/guests-are-not-told-of-nodes', async (stage) => {
  const gateway = await stage.gateway({ env: AT_DOOR });

  await share(gateway, 'family');
  const { key } = await createKey(gateway);
  const first = await join(stage, gateway, 'hidden-a', ['m', 'n', 'o'], refusal(500, { error: 'x' }));
  const second = await join(stage, gateway, 'hidden-b', ['m', 'o'], reset());
  const dying = await join(stage, gateway, 'hidden-c', ['p'], async (request, wire) => {
    await wire.write(streamSoFar(delta('x')));
    await wire.reset();
  });
  const off = await join(stage, gateway, 'hidden-d', ['q']);
  const well = await join(stage, gateway, 'hidden-e', ['o'], answers);
  const guest = async (model, options) => {
    const answer = await askAsGuest(gateway, 'POST', '/v1/chat/completions', {
      key, body: bodyFor(model, options), fields: [IN_ORDER, ['X-Vampire-Trace', 'true']],
    });
    const seen = [...answer.head.lines, answer.text()].join('\n');

    for (const secret of ['hidden', '127.0.0.1', ...[first, second, dying, off, well].map(({ port }) => String(port))])
      assert.ok(!seen.includes(secret), `${model} tells of ${secret}: ${seen}`);
    return answer;
  };

  await off.close();
  const all = await guest('m');
  assert.deepEqual([all.status, all.json().error.code, all.head.get('x-should-retry')],
                   [502, 'all_attempts_failed', 'false']);
  assert.equal((await guest('n')).status, 500);
  assert.equal((await guest('o')).status, 200);
  assert.equal(JSON.parse(parseData((await guest('p', { isStream: true })).body).at(-2)).error.code,
               'upstream_stream_interrupted');
  assert.equal((await guest('q')).status, 502);
  assert.equal((await guest('q')).status, 503, 'now it is known to be off');
});

/* -- Leaving ------------------------------------------------------------------------------- */

behaviour('failover/leaving/the-second-node-sees-it-at-once', async (stage) => {
  const gateway = await stage.gateway();
  const asked = signal();
  const first = await join(stage, gateway, 'first', ['m'], refusal(500));
  const second = await join(stage, gateway, 'second', ['m'], async (request, wire) => {
    asked.resolve(wire);
    await wire.closed;
  });
  const third = await join(stage, gateway, 'third', ['m'], answers);
  const client = await stage.client(gateway);

  client.write(http.request('POST', '/v1/chat/completions', {
    body: bodyFor('m', { isStream: true }), fields: [IN_ORDER],
  }));
  const wire = await asked;
  assert.deepEqual(await activeAt(gateway, first, second, third), [0, 1, 0]);
  const left = performance.now();
  client.destroy();
  const { at } = await wire.closed;
  assert.ok(at - left < 500, `${at - left} ms`);
  assert.deepEqual(await activeAt(gateway, first, second, third), [0, 0, 0]);
  assert.equal((await gateway.status()).active_requests, 0);
  assert.deepEqual([first, second, third].map((node) => node.prompts.length), [1, 1, 0]);
  const { breaker, error_count: errors } = await getNode(gateway, 'second');
  assert.deepEqual([breaker.failures, errors], [0, 0], 'it is not its fault');
});

/* -- Breakers ------------------------------------------------------------------------------ */

const breakerOf = async (gateway, { id }) => {
  const { breaker: { state, failures } } = await getNode(gateway, id);

  return [state, failures];
};

for (const [name, fail] of Object.entries({
  'status-500': FAULTS['status-500'], 'status-502': FAULTS['status-502'], 'reset': FAULTS['reset-before-the-head'],
  'reset-in-the-head': FAULTS['reset-in-the-head'], 'error-event': STREAM_FAULTS['error-event'],
  'crash-as-200': FAULTS['200-with-an-error/object'], 'empty-stream': STREAM_FAULTS['a-stream-that-ends-empty'],
  'reset-after-an-event': async (request, wire) => {
    await wire.write(streamSoFar(delta('x')));
    await wire.reset();
  },
})) {
  behaviour(`failover/breaker/counts-each-failure-once/${name}`, async (stage) => {
    const gateway = await stage.gateway();
    const failing = await join(stage, gateway, 'failing', ['m'], fail);
    const well = await join(stage, gateway, 'well', ['m'], answers);
    const request = () => ask(gateway, bodyFor('m', { isStream: true }));

    for (const [state, failures] of [['closed', 1], ['closed', 2], ['open', 3]]) {
      await request();
      assert.deepEqual(await breakerOf(gateway, failing), [state, failures]);
    }
    const before = well.prompts.length;
    for (let i = 0; i < 5; i++)
      assertSecondsAnswer(await request(), true);
    assert.deepEqual([failing.prompts.length, well.prompts.length], [3, before + 5], 'it is left alone');
    const { request_count: requests, error_count: errors, status } = await getNode(gateway, 'failing');
    assert.deepEqual([requests, errors, status], [3, 3, 'degraded']);
  });
}

behaviour('failover/breaker/a-success-begins-the-count-anew', async (stage) => {
  const gateway = await stage.gateway();
  let broken = true;
  const node = await join(stage, gateway, 'first', ['m'], (request, wire) =>
    (broken ? FAULTS['status-500'] : answers)(request, wire));

  await join(stage, gateway, 'second', ['m'], answers);
  for (const [isBroken, failures] of [[true, 1], [true, 2], [false, 0], [true, 1], [true, 2]]) {
    broken = isBroken;
    await ask(gateway, bodyFor('m'));
    assert.deepEqual(await breakerOf(gateway, node), ['closed', failures]);
  }
});

const OVERFLOW = 'The number of tokens to keep from the initial prompt is greater than the context length.';

for (const [name, fail] of Object.entries({
  'event': says(`event: error\ndata: {"error":{"message":"${OVERFLOW}"}}\n\n`),
  '200': refusal(200, { error: OVERFLOW }),
  '400': refusal(400, { error: OVERFLOW }),
  '429': refusal(429),
})) {
  behaviour(`failover/breaker/what-is-not-the-nodes-fault-does-not-count/${name}`, async (stage) => {
    const gateway = await stage.gateway();
    const node = await join(stage, gateway, 'first', ['m'], fail);

    await join(stage, gateway, 'second', ['m'], answers);
    for (let i = 0; i < 5; i++)
      await ask(gateway, bodyFor('m', { isStream: true }));
    assert.deepEqual(await breakerOf(gateway, node), ['closed', 0]);
    assert.equal(node.prompts.length, 5, 'it is still asked');
  });
}

behaviour('failover/breaker/better-an-open-one-than-none', async (stage) => {
  const gateway = await stage.gateway();
  let broken = true;
  const node = await join(stage, gateway, 'first', ['m', 'only'], (request, wire) =>
    (broken ? FAULTS['status-500'] : answers)(request, wire));
  const second = await join(stage, gateway, 'second', ['m'], answers);

  for (let i = 0; i < 3; i++)
    await ask(gateway, bodyFor('m'));
  assert.deepEqual(await breakerOf(gateway, node), ['open', 3]);
  broken = false;
  assertSecondsAnswer(await ask(gateway, bodyFor('only')), false);
  assert.deepEqual(await breakerOf(gateway, node), ['closed', 0]);
  assertSecondsAnswer(await ask(gateway, bodyFor('m')), false);
  assert.deepEqual([node.prompts.length, second.prompts.length], [5, 3]);
});

/* An open breaker lets the first one try after five seconds. */
behaviour('failover/breaker/half-opens-with-one-real-request', async (stage) => {
  const gateway = await stage.gateway();
  let meets = { recovers: FAULTS['status-500'], fails: FAULTS['status-500'], waits: FAULTS['status-500'] };
  const nodes = {};
  const wells = {};

  for (const name of Object.keys(meets)) {
    nodes[name] = await join(stage, gateway, name, [name], (request, wire) => meets[name](request, wire));
    wells[name] = await join(stage, gateway, `well-${name}`, [name], answers);
    for (let i = 0; i < 3; i++)
      assertSecondsAnswer(await ask(gateway, bodyFor(name)), false);
    assert.deepEqual(await breakerOf(gateway, nodes[name]), ['open', 3]);
  }
  const { breaker: { retry_in_seconds: seconds } } = await getNode(gateway, 'waits');
  assert.ok(seconds > 4 && seconds <= 5, `${seconds} s`);
  await elapsed(seconds * 1000 + 50);

  /* One that takes its time: while it is there, nobody else goes. */
  const asked = { recovers: signal(), waits: signal() };
  const go = { recovers: signal(), waits: signal() };
  meets = {
    recovers: async (request, wire) => {
      asked.recovers.resolve();
      await go.recovers;
      await answers(request, wire);
    },
    fails: FAULTS['status-500'],
    waits: async (request, wire) => {
      asked.waits.resolve(wire);
      await go.waits;
    },
  };
  const trying = ask(gateway, bodyFor('recovers'));
  await asked.recovers;
  assert.deepEqual((await breakerOf(gateway, nodes.recovers))[0], 'half_open');
  for (let i = 0; i < 4; i++)
    assert.equal((await ask(gateway, bodyFor('recovers'))).head.get('X-Vampire-Node'), 'well-recovers');
  assert.equal(nodes.recovers.prompts.length, 4, 'three failures and the one that tries');
  go.recovers.resolve();
  assert.equal((await trying).head.get('X-Vampire-Node'), 'recovers');
  assert.deepEqual(await breakerOf(gateway, nodes.recovers), ['closed', 0]);
  meets.recovers = answers;
  assert.equal((await ask(gateway, bodyFor('recovers'))).head.get('X-Vampire-Node'), 'recovers');

  /* One that fails again is left alone for longer, and its client does not notice. */
  assertSecondsAnswer(await ask(gateway, bodyFor('fails')), false);
  assert.equal(nodes.fails.prompts.length, 4);
  const { breaker } = await getNode(gateway, 'fails');
  assert.equal(breaker.state, 'open');
  assert.ok(breaker.retry_in_seconds > 8, `${breaker.retry_in_seconds} s`);
  assertSecondsAnswer(await ask(gateway, bodyFor('fails')), false);
  assert.equal(nodes.fails.prompts.length, 4);

  /* One whose client leaves has shown nothing: the next may try. */
  const client = await stage.client(gateway);
  client.write(http.request('POST', '/v1/chat/completions', { body: bodyFor('waits'), fields: [IN_ORDER] }));
  const wire = await asked.waits;
  client.destroy();
  await wire.closed;
  go.waits.resolve();
  meets.waits = answers;
  assert.equal((await ask(gateway, bodyFor('waits'))).head.get('X-Vampire-Node'), 'waits');
  assert.deepEqual(await breakerOf(gateway, nodes.waits), ['closed', 0]);
});

/* -- How long it takes --------------------------------------------------------------------- */

behaviour('failover/time/a-node-that-refuses-costs-under-50-ms-at-p99', async (stage) => {
  const gateway = await stage.gateway();
  const list = async (wire) => {
    await http.readRequest(wire);
    await wire.write(http.json({ object: 'list', data: [{ id: 'm', object: 'model' }] }));
    await wire.end();
  };
  let flaky = await Upstream.listen(list);
  const { port } = flaky;

  await gateway.call('POST', '/nodes', { id: 'flaky', base_url: flaky.url });
  await flaky.close();
  const well = await join(stage, gateway, 'well', ['m'], answers);
  const times = [];
  const client = await stage.client(gateway);
  for (let i = 0; i < 100; i++) {
    flaky = await Upstream.listen(list, { port });
    const { node } = await gateway.call('POST', '/nodes/flaky/refresh');
    assert.equal(node.status, 'online', node.last_error);
    await flaky.close();

    const before = performance.now();
    client.write(http.request('POST', '/v1/chat/completions', { body: bodyFor('m'), fields: [IN_ORDER] }));
    assertSecondsAnswer(await http.readAnswer(client), false);
    times.push(performance.now() - before);
  }
  assert.equal((await getNode(gateway, 'flaky')).error_count, 100, 'each of them went there first');
  assert.equal(well.prompts.length, 100);
  times.sort((a, b) => a - b);
  const [median, p99] = [times[49], times[98]];
  stage.note(`fail-over from a node that refuses: p50 ${median.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms`);
  if (!gateway.isSanitized)
    assert.ok(p99 < 50, `${p99} ms`);
});

/* -- LM Studio itself ---------------------------------------------------------------------- */

for (const [name, knobs, target] of [
  ['status-503', { status: 503 }], ['cut-in-the-head', { cut_at_byte: 10, cut_by: 'rst' }],
  ['error-event-first', { error_event_after_tokens: 0 }], ['no-models-loaded', { jit: false, load_fail: true }],
  ['load-fails', { load_fail: true }],
]) {
  behaviour(`failover/lm-studio/${name}`, async (stage) => {
    const gateway = await stage.gateway();
    const isCold = knobs.load_fail === true;
    const args = ['--fast', '--deterministic', `--model=qwen/qwen3-4b${isCold ? '' : ':loaded'}`];
    const [first, second] = [await stage.simulator({ args }), await stage.simulator({ args })];

    await gateway.call('POST', '/nodes', { id: 'first', base_url: first.url });
    await gateway.call('POST', '/nodes', { id: 'second', base_url: second.url });
    await first.configure({ ...knobs, fault_path: '/v1/chat/*' });
    for (const isStream of [true, false]) {
      const body = JSON.stringify({
        model: 'qwen/qwen3-4b', stream: isStream, temperature: 0, messages: [{ role: 'user', content: 'count to 5' }],
      });
      const answer = await ask(gateway, body, { target });

      assert.equal(answer.status, 200, answer.text());
      assert.equal(answer.head.get('X-Vampire-Node'), 'second');
      assert.ok(!answer.text().includes('error'), answer.text());
      const said = isStream
        ? parseData(answer.body).slice(0, -1).map((data) => JSON.parse(data).choices[0]?.delta.content ?? '').join('')
        : answer.json().choices[0].message.content;
      assert.match(said, /1, 2, 3, 4, 5/);
      const prompts = (await second.stats()).recent_requests.filter((request) => request.target.includes('/chat/'));
      assert.deepEqual(prompts.map((prompt) => prompt.body_sha256).at(-1), sha256(body));
    }
    assert.deepEqual(await activeAt(gateway, { id: 'first' }, { id: 'second' }), [0, 0]);
  });
}
