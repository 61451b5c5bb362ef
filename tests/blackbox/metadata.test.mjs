/* SPDX-License-Identifier: MIT
 *
 * What clients that ask for it are told besides the answer: the object `vampire`, Server-Timing, and the events of a
 * traced stream. Whoever does not ask sees nothing of it, and nothing else changes for those who do.
 */

import assert from 'node:assert/strict';
import test from 'node:test';
import { gzipSync } from 'node:zlib';

import { DONE, delta, stream } from './lib/fleet.mjs';
import { AT_DOOR, askAsGuest, createKey, share } from './lib/guests.mjs';
import * as http from './lib/http.mjs';
import { serves } from './lib/nodes.mjs';
import { parseData, parseEvents } from './lib/sse.mjs';
import { behaviour } from './lib/stage.mjs';
import { CHAT, EMBEDDINGS, chatOf, gatewayOf, studio } from './lib/studios.mjs';

const OpenAI = (await import('openai').catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND')
    throw error;
  return {};
})).default;

const MODEL = 'm';

/* The ways to ask for it, each as members of the body and fields of the request. */
const ASKING = {
  'include_metadata': { body: { vampire: { response: { include_metadata: true } } }, fields: [] },
  'trace-in-the-body': { body: { vampire: { trace: true } }, fields: [] },
  'trace-in-the-head': { body: {}, fields: [['X-Vampire-Trace', 'true']] },
};

const QUIETLY = ASKING.include_metadata;

const ask = (gateway, { body: more, fields } = { body: {}, fields: [] }, { target = CHAT, ...members } = {}) =>
  gateway.ask('POST', target, { body: Buffer.from(chatOf(MODEL, { ...members, ...more })), fields });

/* A gateway with one node that answers prompts with these bytes, whatever they are. */
async function answering(stage, ...bytes) {
  const node = await stage.node(serves([MODEL], (request, wire) => wire.write(...bytes)));

  return gatewayOf(stage, { scripted: node });
}

const document = (body, more = []) => http.answer(200, [['Content-Type', 'application/json'], ...more], body, 'OK');

/* -- What is said -------------------------------------------------------------------------- */

const isMs = (value) => typeof value === 'number' && value >= 0 && value < 60_000;

/* The object, with what is always there: @answer is what it came with, @more what else is expected. */
function assertMetadata(metadata, answer, { node = 'scripted', model = MODEL, ...more } = {}) {
  const { latency_ms: latency, time_to_first_token_ms: first, queued_ms: queued, loading_ms: loading,
          tokens_per_second: rate, ...rest } = metadata;
  const id = answer.head.get('X-Vampire-Request-ID');

  assert.deepEqual(rest, {
    trace_id: id, request_id: id, mode: 'route', route: answer.head.get('X-Vampire-Route'),
    ...node === null ? {} : { selected_node: node }, selected_model: model,
    routing_strategy: answer.head.get('X-Vampire-Strategy'), fallback_used: false, fallbacks: 0, ...more,
  });
  assert.ok([latency, first, queued, loading].every(isMs), JSON.stringify(metadata));
  assert.ok(first > 0 && first <= latency, `${first} of ${latency} ms`);
  assert.ok(rate === undefined || rate > 0);
}

/* The values of Server-Timing, by their names. */
function readTiming(head) {
  const parts = head.get('Server-Timing').split(', ').map((part) => part.match(/^([a-z]+);dur=(\d+\.\d+)$/).slice(1));

  return Object.fromEntries(parts.map(([name, value]) => [name, Number(value)]));
}

/* -- Documents ----------------------------------------------------------------------------- */

for (const [name, asking] of Object.entries(ASKING)) {
  behaviour(`metadata/documents/${name}`, async (stage) => {
    const gateway = await gatewayOf(stage, { studio: await studio(stage, ['m:loaded'], '--deterministic') });
    const plain = await ask(gateway);
    const answer = await ask(gateway, asking);
    const { vampire, ...rest } = answer.json();

    assertMetadata(vampire, answer, { node: 'studio' });
    assert.deepEqual(rest, plain.json());
    assert.equal(plain.json().vampire, undefined);
    assert.equal(answer.head.length, answer.body.length);
    for (const wanted of ['X-Vampire-Trace', 'Server-Timing'])
      assert.equal(plain.head.get(wanted), undefined);
    assert.equal(answer.head.get('Server-Timing') !== undefined, name !== 'include_metadata');
    const { data: [trace] } = await gateway.call('GET', '/requests?limit=1');
    assert.equal(trace.id, vampire.trace_id);
    assert.equal((await gateway.call('GET', `/traces/${vampire.trace_id}`)).id, vampire.trace_id);
  });
}

/* Documents as a node may write them, and the same with the place at which the object goes in. */
const PLACES = {
  'numbers-and-order': ['{"z":1e22,"a":-0,"n":12345678901234567890,"a":1.10', ',', '}'],
  'escapes': ['{"s":"h\\u00e9\\/\\ud83e\\udd87 é 🦇"', ',', '}'],
  'white-space': ['{\n  "a": [ ],\n  "b": { }', ',', '\n}\r\n\t '],
  'empty-object': ['{', '', '}'],
  'empty-object-with-spaces': ['{', '', ' \n}'],
  'nested': ['{"a":{"vampire":{"b":"}"}}', ',', '}'],
  'text-that-looks-like-an-end': ['{"a":"{\\"vampire\\":1}"', ',', '}'],
};

for (const [name, [before, comma, after]] of Object.entries(PLACES)) {
  behaviour(`metadata/documents/unchanged/${name}`, async (stage) => {
    const gateway = await answering(stage, document(before + after, [['X-Mine', 'kept']]));
    const plain = await ask(gateway);
    const answer = await ask(gateway, QUIETLY);
    const { vampire } = answer.json();
    const said = answer.text();
    const at = said.lastIndexOf('"vampire":{"trace_id"');

    assert.equal(plain.text(), before + after);
    assertMetadata(vampire, answer);
    assert.equal(said.slice(0, at), before + comma);
    assert.equal(said.slice(said.indexOf('}', at) + 1), after);
    assert.equal(answer.head.length, answer.body.length);
    assert.equal(answer.head.get('X-Mine'), 'kept');
  });
}

const LARGE = JSON.stringify({ object: 'list', data: [{ embedding: Array(40_000).fill(0.12345678) }] });
const ANSWER = JSON.stringify({ object: 'chat.completion', choices: [] });

/* Answers that stay as they are. */
const KEPT = {
  'array': document('[{"a":1},{"b":2}]'),
  'string': document('"}"'),
  'no-json': document('all is well}'),
  'half-an-object': document('{"a":{"b":1}'),
  'two-objects': document('{"a":1}\n{"b":2}'),
  'text': http.answer(200, [['Content-Type', 'text/plain']], '{"a":1}'),
  'empty': document(''),
  'large': document(LARGE),
  'status-400': http.json({ error: { message: 'No such thing.' } }, 400),
  'status-404': http.json({ error: { message: 'No such thing.' } }, 404),
  'status-422': http.json({ error: { message: 'No such thing.' } }, 422),
  'compressed': document(gzipSync(ANSWER), [['Content-Encoding', 'gzip']]),
  'no-content': http.answer(204),
};

for (const [name, bytes] of Object.entries(KEPT)) {
  behaviour(`metadata/documents/kept/${name}`, async (stage) => {
    const gateway = await answering(stage, bytes);

    for (const asking of [undefined, ...Object.values(ASKING)]) {
      const answer = await ask(gateway, asking);
      const body = bytes.subarray(bytes.indexOf('\r\n\r\n') + 4);

      assert.equal(answer.status, Number(String(bytes).split(' ')[1]));
      assert.deepEqual(answer.body, body);
      assert.equal(answer.head.length ?? 0, body.length);
    }
  });
}

behaviour('metadata/documents/in-pieces', async (stage) => {
  const node = await stage.node(serves([MODEL], (request, wire) => {
    wire.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
               ...Array.from(ANSWER, (byte) => http.chunk(byte)), http.LAST_CHUNK);
  }));
  const gateway = await gatewayOf(stage, { scripted: node });
  const answer = await ask(gateway, QUIETLY);
  const { vampire, ...rest } = answer.json();

  assertMetadata(vampire, answer);
  assert.deepEqual(rest, JSON.parse(ANSWER));
  assert.equal(answer.head.length, answer.body.length);
});

behaviour('metadata/documents/embeddings', async (stage) => {
  const model = 'text-embedding-e';
  const gateway = await gatewayOf(stage, { studio: await studio(stage, [`${model}:loaded`], '--deterministic') });
  const body = (more) => JSON.stringify({ model, input: 'hello', ...more });
  const plain = await gateway.ask('POST', EMBEDDINGS, { body: body() });
  const answer = await gateway.ask('POST', EMBEDDINGS, { body: body(QUIETLY.body) });
  const { vampire, ...rest } = answer.json();

  assertMetadata(vampire, answer, { node: 'studio', model });
  assert.deepEqual(rest, plain.json());
});

behaviour('metadata/documents/a-gateway-behind-a-gateway', async (stage) => {
  const inner = await answering(stage, document(ANSWER));
  const outer = await gatewayOf(stage, { inner });

  for (const asking of Object.values(ASKING)) {
    const answer = await ask(outer, asking);

    assert.equal(answer.text().match(/"vampire":/g).length, 1, answer.text());
    assertMetadata(answer.json().vampire, answer, { node: 'inner' });
  }
});

/* -- What it tells ----------------------------------------------------------------------------- */

behaviour('metadata/what-really-happened/another-node-and-a-route', async (stage) => {
  const broken = await stage.node(serves([MODEL], (request, wire) => wire.write(http.answer(503))));
  const good = await stage.node(serves(['other'], (request, wire) => wire.write(document(ANSWER))));
  const gateway = await gatewayOf(stage, { broken, good });

  await gateway.call('POST', '/routes', {
    id: 'r', virtual_model: 'vampire:mine', strategy: 'fallback_chain',
    targets: [{ node: 'broken', model: MODEL }, { node: 'good', model: 'other' }],
  });
  const answer = await gateway.ask('POST', CHAT, { body: chatOf('vampire:mine', QUIETLY.body) });
  assertMetadata(answer.json().vampire, answer, { node: 'good', model: 'other', fallback_used: true, fallbacks: 1 });
  assert.equal(answer.json().vampire.route, 'r');
  assert.equal(answer.json().vampire.routing_strategy, 'fallback_chain');
});

behaviour('metadata/what-really-happened/times', async (stage) => {
  const cold = await studio(stage, ['m'], '--load-ms=60', '--ttft-ms=40');
  const gateway = await gatewayOf(stage, { cold });
  const answer = await ask(gateway, ASKING['trace-in-the-head'], { stream: true, content: 'count to 9' });
  const metadata = JSON.parse(parseData(answer.body).at(-2)).vampire;

  assertMetadata(metadata, answer, { node: 'cold' });
  assert.ok(metadata.time_to_first_token_ms >= 100, 'the load and the prompt');
  assert.ok(metadata.loading_ms >= 60 && metadata.loading_ms <= metadata.time_to_first_token_ms);
  assert.ok(metadata.tokens_per_second > 0);

  const timing = readTiming((await ask(gateway, ASKING['trace-in-the-head'])).head);
  assert.deepEqual(Object.keys(timing), ['plan', 'queue', 'load', 'first', 'total']);
  assert.ok(timing.first >= 40 && timing.total >= timing.first, JSON.stringify(timing));
  assert.equal(timing.load, 0);
});

behaviour('metadata/server-timing/also-with-errors', async (stage) => {
  const gateway = await gatewayOf(stage, { studio: await studio(stage, ['m:loaded']) });
  const { fields } = ASKING['trace-in-the-head'];
  const answer = await gateway.ask('POST', CHAT, { body: chatOf('nobody-has-it'), fields });

  assert.equal(answer.status, 404);
  assert.ok(readTiming(answer.head).total >= 0);
});

/* -- Streams ------------------------------------------------------------------------------- */

const EVENTS = [delta('He'), delta('llo 🦇'), ': a comment\n\n', delta(' again', { x: 1e22 }), DONE];

/* The same stream, written in the ways in which nodes write and networks cut. */
const byByte = (text) => Array.from(Buffer.from(text), (byte) => http.chunk(Buffer.of(byte)));

const PIECES = {
  'at-once': (text) => [http.chunk(text)],
  'event-by-event': (text) => text.split(/(?<=\n\n)/).map(http.chunk),
  'byte-by-byte': byByte,
  'in-odd-pieces': (text) => text.match(/[^]{1,37}/g).map(http.chunk),
  'crlf': (text) => [http.chunk(text.replaceAll('\n', '\r\n'))],
  'crlf-byte-by-byte': (text) => byByte(text.replaceAll('\n', '\r\n')),
  'cr': (text) => [http.chunk(text.replaceAll('\n', '\r'))],
  'no-space-after-the-colon': (text) => [http.chunk(text.replaceAll('data: ', 'data:'))],
};

for (const [name, cut] of Object.entries(PIECES)) {
  behaviour(`metadata/streams/${name}`, async (stage) => {
    const pieces = cut(EVENTS.join(''));
    const node = await stage.node(serves([MODEL], async (request, wire) => {
      await wire.write(http.STREAM_HEAD);
      for (const piece of pieces)
        await wire.write(piece);
      wire.write(http.LAST_CHUNK);
    }));
    const gateway = await gatewayOf(stage, { scripted: node });
    const plain = await ask(gateway, undefined, { stream: true });
    const said = parseData(plain.body);

    assert.equal(said.at(-1), '[DONE]');
    for (const asking of Object.values(ASKING)) {
      const answer = await ask(gateway, asking, { stream: true });
      const data = parseData(answer.body);
      const [last] = data.splice(-2, 1);

      assert.deepEqual(data, said);
      const { choices, vampire, ...rest } = JSON.parse(last);
      assert.deepEqual(choices, []);
      assert.deepEqual(rest, { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'm' });
      assertMetadata(vampire, answer);
      /* All other bytes are the node's. */
      const end = plain.text().search(/data: ?\[DONE\]/);
      assert.ok(answer.text().startsWith(plain.text().slice(0, end)));
      assert.ok(answer.text().endsWith(plain.text().slice(end)));
    }

    const traced = await ask(gateway, { body: {}, fields: [['X-Vampire-Trace', 'stream']] }, { stream: true });
    const events = parseEvents(traced.body);
    assert.deepEqual(events.map(({ event }) => event),
                     ['vampire.routing', 'vampire.model_start', 'completion.chunk', 'completion.chunk',
                      'completion.chunk', 'vampire.metrics', 'message']);
    assert.deepEqual(events.filter(({ event }) => !/^vampire/.test(event)).map(({ data }) => data), said);
  });
}

behaviour('metadata/streams/nothing-without-asking', async (stage) => {
  const gateway = await answering(stage, stream(...EVENTS));
  const body = { vampire: { response: { include_metadata: false }, trace: false } };
  const { text, head } = await ask(gateway, { body, fields: [['X-Vampire-Trace', 'false']] }, { stream: true });

  assert.equal(text(), EVENTS.join(''));
  assert.equal(head.get('Server-Timing'), undefined);
});

behaviour('metadata/streams/with-a-usage', async (stage) => {
  const gateway = await gatewayOf(stage, { studio: await studio(stage, ['m:loaded'], '--deterministic') });
  const more = { stream: true, stream_options: { include_usage: true } };
  const said = parseData((await ask(gateway, undefined, more)).body);
  const data = parseData((await ask(gateway, QUIETLY, more)).body);
  const [last] = data.splice(-2, 1);

  assert.deepEqual(data, said);
  assert.ok(JSON.parse(said.at(-2)).usage.total_tokens > 0);
  assert.equal(JSON.parse(last).usage, undefined, 'and counted once');
});

behaviour('metadata/streams/completions', async (stage) => {
  const gateway = await gatewayOf(stage, { studio: await studio(stage, ['m:loaded'], '--deterministic') });
  const body = (more) => JSON.stringify({ model: MODEL, prompt: 'Hello', stream: true, ...more });
  const said = parseData((await gateway.ask('POST', '/v1/completions', { body: body() })).body);
  const data = parseData((await gateway.ask('POST', '/v1/completions', { body: body(QUIETLY.body) })).body);
  const last = JSON.parse(data.splice(-2, 1)[0]);
  const { id, object, created, model } = JSON.parse(said[0]);

  assert.deepEqual(data, said);
  assert.equal(object, 'text_completion');
  assert.deepEqual([last.id, last.object, last.created, last.model], [id, object, created, model]);
  assert.deepEqual([last.choices, last.vampire.selected_node], [[], 'studio']);
});

behaviour('metadata/streams/traced', async (stage) => {
  const gateway = await gatewayOf(stage, { studio: await studio(stage, ['m:loaded'], '--deterministic') });
  const answer = await ask(gateway, { body: {}, fields: [['X-Vampire-Trace', 'stream']] }, { stream: true });
  const events = parseEvents(answer.body);
  const [routing, start] = events.map(({ data }) => (data === '[DONE]' ? data : JSON.parse(data)));

  assert.match(answer.text(), /\n\ndata: \[DONE\]\n\n$/, 'as every client knows it');
  assert.deepEqual([routing.selected_node, routing.strategy], ['studio', 'residency']);
  assert.deepEqual([start.node, start.model], ['studio', MODEL]);
  assertMetadata(JSON.parse(events.at(-2).data), answer, { node: 'studio' });
  assert.deepEqual([...new Set(events.map(({ event }) => event))],
                   ['vampire.routing', 'vampire.model_start', 'completion.chunk', 'vampire.metrics', 'message']);
  assert.ok(readTiming(answer.head).total >= 0);

  const whole = await ask(gateway, { body: {}, fields: [['X-Vampire-Trace', 'stream']] });
  assertMetadata(whole.json().vampire, whole, { node: 'studio' });
  const inBody = await ask(gateway, { body: { vampire: { trace: 'stream' } }, fields: [] }, { stream: true });
  assert.equal(parseEvents(inBody.body)[0].event, 'vampire.routing');
});

behaviour('metadata/streams/that-break-off-or-are-compressed', async (stage) => {
  const zipped = gzipSync(EVENTS.join(''));
  const broken = await stage.node(serves(['broken'], async (request, wire) => {
    await wire.write(http.STREAM_HEAD, http.chunk(delta('He')));
    await wire.reset();
  }));
  const packed = await stage.node(serves(['packed'], (request, wire) => wire.write(http.answer(
    200, [['Content-Type', 'text/event-stream'], ['Content-Encoding', 'gzip']], zipped))));
  const gateway = await gatewayOf(stage, { broken, packed });
  const say = (model) => gateway.ask('POST', CHAT, { body: chatOf(model, { stream: true, ...QUIETLY.body }) });

  assert.deepEqual((await say('packed')).body, zipped);
  const data = parseData((await say('broken')).body);
  assert.deepEqual([data.length, data.at(-1)], [3, '[DONE]']);
  assert.equal(JSON.parse(data[1]).error.code, 'upstream_stream_interrupted');
});

/* -- Guests and clients -------------------------------------------------------------------- */

behaviour('metadata/guests-get-no-names-of-nodes', async (stage) => {
  const node = await stage.node(serves([MODEL], (request, wire) =>
    wire.write(JSON.parse(request.body).stream ? stream(...EVENTS) : document(ANSWER))));
  const gateway = await gatewayOf(stage, { secretly: node }, { env: AT_DOOR });

  await share(gateway, 'family');
  const { key } = await createKey(gateway);
  for (const isStream of [false, true]) {
    for (const fields of [[], [['X-Vampire-Trace', 'true']], [['X-Vampire-Trace', 'stream']]]) {
      const body = Buffer.from(chatOf(MODEL, { stream: isStream, ...QUIETLY.body }));
      const answer = await askAsGuest(gateway, 'POST', CHAT, { key, fields, body });

      assert.match(answer.text(), /"trace_id":"req_/);
      assert.doesNotMatch(answer.head.lines.join('\n') + answer.text(), /secretly|127\.0\.0\.1|selected_node/);
      if (!isStream)
        assertMetadata(answer.json().vampire, answer, { node: null });
    }
  }
});

const withClient = (name, body) =>
  (OpenAI ? behaviour(name, body) : test(name, { skip: 'run npm ci in tests/blackbox first' }, () => {}));

withClient('metadata/openai-client', async (stage) => {
  const gateway = await gatewayOf(stage, { studio: await studio(stage, ['m:loaded'], '--deterministic') });
  const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: 'none', maxRetries: 0 });
  const request = { model: MODEL, messages: [{ role: 'user', content: 'Say "hello there".' }], ...QUIETLY.body };
  const options = { headers: { 'X-Vampire-Trace': 'stream' } };
  const whole = await openai.chat.completions.create(request);

  assert.equal(whole.choices[0].message.content, 'hello there');
  assert.equal(whole.vampire.selected_node, 'studio');

  for (const more of [undefined, options]) {
    const streamed = [];
    for await (const chunk of await openai.chat.completions.create({ ...request, stream: true }, more))
      streamed.push(chunk);
    const chunks = streamed.filter(({ choices }) => choices !== undefined);
    assert.equal(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join(''), 'hello there');
    assert.equal((streamed.at(-1).vampire ?? streamed.at(-1)).selected_node, 'studio');
  }

  const final = await openai.chat.completions.stream({ ...request, stream_options: { include_usage: true } })
    .finalChatCompletion();
  assert.equal(final.choices[0].message.content, 'hello there');
  assert.deepEqual([final.id.slice(0, 9), final.model], ['chatcmpl-', MODEL]);
  assert.ok(final.usage.total_tokens > 0);
});
