/* SPDX-License-Identifier: MIT
 *
 * What clients see when a node fails: an error they understand, and never an answer that looks whole and is not. The
 * node dies at every single byte of recorded answers.
 */

import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';

import * as http from './lib/http.mjs';
import { adviceOf } from './lib/routed.mjs';
import { parseData } from './lib/sse.mjs';
import { behaviour, signal } from './lib/stage.mjs';
import { deadPort } from './lib/upstream.mjs';

const MB = 1024 ** 2;

/* The envelope of a request that failed before its client had got anything. */
function assertFailed(answer, node, code, retry) {
  assert.equal(answer.status, 502);
  assert.equal(answer.torn, false);
  assert.equal(answer.head.get('Content-Type'), 'application/json');
  assert.deepEqual(adviceOf(answer.head), { retry, after: null });
  const { message, ...error } = answer.json().error;
  assert.deepEqual(error, { type: 'vampire_upstream_error', code });
  assert.ok(message.includes(node.url), message);
  assert.deepEqual(Object.keys(answer.json()), ['error']);
}

/* Nobody answered. */
const assertUnavailable = (answer, node) => assertFailed(answer, node, 'upstream_unavailable', 'false');

/* Somebody began to, and broke off before it counted as an answer. */
const assertBrokenOff = (answer, node) => assertFailed(answer, node, 'upstream_stream_interrupted', null);

/* -- No answer ----------------------------------------------------------------------------- */

behaviour('failure/no-answer/connection-refused', async (stage) => {
  const node = { url: `http://127.0.0.1:${await deadPort()}` };
  const gateway = await stage.gateway({ node });

  for (const [method, body] of [['GET'], ['POST', '{"stream":true}'], ['DELETE']])
    assertUnavailable(await gateway.ask(method, '/v1/x', { body }), node);
  assert.equal((await gateway.ask('HEAD', '/v1/x')).status, 502);
});

behaviour('failure/no-answer/name-that-does-not-exist', async (stage) => {
  const node = { url: 'http://does-not-exist.invalid:1234' };

  assertUnavailable(await (await stage.gateway({ node })).ask('POST', '/v1/x', { body: '{}' }), node);
});

const deaths = {
  'before-the-request-is-read': async (wire) => wire.reset(),
  'after-the-request-by-fin': async (wire) => {
    await http.readRequest(wire);
    await wire.end();
  },
  'after-the-request-by-reset': async (wire) => {
    await http.readRequest(wire);
    await wire.reset();
  },
  'after-an-interim-answer': async (wire) => {
    await http.readRequest(wire);
    await wire.write('HTTP/1.1 100 Continue\r\n\r\n');
    await wire.end();
  },
  'with-an-answer-that-is-not-http': async (wire) => {
    await http.readRequest(wire);
    await wire.write('SSH-2.0-OpenSSH_9.2\r\n');
    await wire.end();
  },
  'after-switching-protocols': async (wire) => {
    await http.readRequest(wire);
    await wire.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n', http.json('as if this were the answer'));
    await wire.end();
  },
  'with-a-head-of-a-megabyte': async (wire) => {
    await http.readRequest(wire);
    await wire.write(`HTTP/1.1 200 OK\r\n${`X-A: ${'x'.repeat(1000)}\r\n`.repeat(1000)}\r\n`);
    await wire.closed;
  },
};

for (const [name, die] of Object.entries(deaths)) {
  behaviour(`failure/no-answer/dies-${name}`, async (stage) => {
    const node = await stage.rawNode(die);
    const gateway = await stage.gateway({ node });
    const client = await stage.client(gateway);

    for (let i = 0; i < 2; i++) {
      client.write(http.request('POST', '/v1/x', { body: '{}' }));
      assertUnavailable(await http.readAnswer(client), node);
    }
    assert.equal(node.wires.length, 2, 'no more than asked for');
    assert.equal((await gateway.status()).active_requests, 0);
  });
}

behaviour('failure/no-answer/no-connection-within-5-s', async (stage) => {
  const node = await stage.deafNode();
  const gateway = await stage.gateway({ node });
  const before = performance.now();

  assertUnavailable(await gateway.ask('POST', '/v1/x', { body: '{}' }), node);
  const seconds = (performance.now() - before) / 1000;
  assert.ok(seconds >= 4.9 && seconds < 7, `${seconds} s`);
});

behaviour('failure/no-answer/client-that-leaves-while-connecting-ends-it', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.deafNode() });
  const client = await stage.client(gateway);

  await client.write(http.request('GET', '/v1/x'));
  assert.equal((await gateway.status()).active_requests, 1);
  const before = gateway.descriptors;
  client.destroy();
  await gateway.waitFor(/GET \/v1\/x .*client gone/);
  assert.equal((await gateway.status()).active_requests, 0);
  assert.equal(gateway.descriptors, before - 2, 'the socket to the node is gone, too');
});

behaviour('failure/no-answer/node-that-comes-back-answers', async (stage) => {
  let dead = true;
  const node = await stage.node((request, wire) => (dead ? wire.reset() : wire.write(http.json({ ok: true }))));
  const gateway = await stage.gateway({ node });

  assertUnavailable(await gateway.ask('GET', '/v1/x'), node);
  assert.equal((await gateway.status()).nodes_online, 0);
  dead = false;
  assert.equal((await gateway.ask('GET', '/v1/x')).status, 200);
  assert.equal((await gateway.status()).nodes_online, 1);
});

/* -- The cut at every byte ----------------------------------------------------------------- */

/* A chat as LM Studio streams it, with characters of two, three and four bytes, a comment, an event of another name
 * and one that is long. */
function recordedStream(end) {
  const delta = (content) => JSON.stringify({
    id: 'chatcmpl-1', object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content }, finish_reason: null }],
  });
  const events = [
    `data: ${delta('Grüße')}`, `: keep-alive${end}data: ${delta('日本 🧛')}`,
    `event: progress${end}id: 7${end}data: {"p":0.5}`, `data: ${delta('long '.repeat(60))}`,
    `data: line one${end}data: line two`, 'data: [DONE]',
  ];

  return events.map((event) => Buffer.from(event + end + end));
}

/* The same answer as bytes of the wire. Chunks do not follow the events, as they do not with LM Studio. */
const framings = {
  'one-chunk-an-event': (events) => [http.STREAM_HEAD, ...events.map(http.chunk), http.LAST_CHUNK],
  'chunks-across-events': (events) => {
    const all = Buffer.concat(events);
    const chunks = [];

    for (let at = 0; at < all.length; at += 150)
      chunks.push(http.chunk(all.subarray(at, at + 150)));
    return [http.STREAM_HEAD, ...chunks, http.LAST_CHUNK];
  },
};

/* What of a chunked body is there in the first bytes of it. */
function payloadOf(bytes) {
  const parts = [];

  for (let at = 0; at < bytes.length;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0)
      break;
    const size = parseInt(bytes.subarray(at, lineEnd).toString('latin1'), 16);
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    at = lineEnd + 2 + size + 2;
  }
  return Buffer.concat(parts);
}

/* Lets a node send every prefix of @bytes and die each time, over a few connections at once. Before so much of it has
 * come that @counts(cut) as an answer, another node could still be asked, and the client gets an error in its place;
 * afterwards check(answer, cut) is called with what the client got. */
async function cutEverywhere(stage, bytes, by, counts, check) {
  const head = bytes.indexOf('\r\n\r\n') + 4;
  const node = await stage.node(async (request, wire) => {
    await wire.write(bytes.subarray(0, Number(request.target.slice('/v1/'.length))));
    await wire[by]();
  });
  const gateway = await stage.gateway({ node, args: ['--log-level', 'warning'] });
  let next = 0;
  const client = async () => {
    let wire = await gateway.connect();

    while (next <= bytes.length) {
      const cut = next++;

      wire.write(http.request('POST', `/v1/${cut}`, { body: '{"stream":true}' }));
      const answer = await http.readAnswer(wire, { torn: true });
      try {
        /* A reset may overtake what was sent before it; a FIN may not. */
        const mayHaveLost = by === 'reset' && cut >= head && answer.status === 502;

        if (cut < head || (mayHaveLost && answer.json().error.code === 'upstream_unavailable'))
          assertUnavailable(answer, node);
        else if (!counts(cut) || mayHaveLost)
          assertBrokenOff(answer, node);
        else
          check(answer, cut);
      } catch (error) {
        error.message = `cut at byte ${cut} of ${bytes.length}: ${error.message}\n${answer.text()}`;
        throw error;
      }
      if (answer.torn || wire.over) {
        await wire.destroy();
        wire = await gateway.connect();
      }
    }
    await wire.destroy();
  };

  await Promise.all(Array.from({ length: 6 }, client));
  assert.equal(node.requests.length, bytes.length + 1);
  assert.equal((await gateway.status()).active_requests, 0);
}

for (const [endName, end] of [['lf', '\n'], ['crlf', '\r\n']]) {
  for (const [framingName, frame] of Object.entries(framings)) {
    for (const [byName, by] of [['fin', 'end'], ['reset', 'reset']]) {
      behaviour(`failure/cut/stream/${endName}/${framingName}/by-${byName}`, async (stage) => {
        const events = recordedStream(end);
        const bytes = Buffer.concat(frame(events).map((part) => Buffer.from(part)));
        const head = bytes.indexOf('\r\n\r\n') + 4;
        const recorded = parseData(Buffer.concat(events));
        const wholeOf = (cut) => parseData(payloadOf(bytes.subarray(head, cut)), { whole: false });

        await cutEverywhere(stage, bytes, by, (cut) => wholeOf(cut).length > 0, (answer, cut) => {
          assert.equal(answer.status, 200);
          assert.equal(answer.torn, false, 'a stream is ended, not torn');
          const got = parseData(answer.body);
          const whole = wholeOf(cut);

          if (got.length === recorded.length && got.at(-1) === '[DONE]' && got.at(-2) === recorded.at(-2)) {
            assert.deepEqual(got, recorded);
            assert.deepEqual(whole, recorded, 'whole only if it came whole');
            return;
          }
          assert.equal(got.pop(), '[DONE]');
          const { message, ...error } = JSON.parse(got.pop()).error;
          assert.deepEqual(error, { type: 'vampire_upstream_error', code: 'upstream_stream_interrupted' });
          assert.ok(message.length > 0);
          assert.deepEqual(got, recorded.slice(0, got.length), 'what came before the error is as it was recorded');
          assert.notEqual(got.at(-1), '[DONE]');
          assert.ok(got.length > 0, 'what has no event is no answer');
          if (by === 'end')
            assert.deepEqual(got, whole, 'all events that came whole');
        });
      }, { timeout: 60_000 });
    }
  }
}

const JSON_BODY = JSON.stringify({ choices: [{ message: { content: 'Grüße, 日本 🧛'.repeat(5) } }] });
const JSON_HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';

/* Answers that nothing can be put at the end of, each with how many bytes of its body make it count as one. A short
 * document has to be whole. */
const plainAnswers = {
  'length': [`${JSON_HEAD}Content-Length: ${Buffer.byteLength(JSON_BODY)}\r\n\r\n${JSON_BODY}`, Infinity],
  'chunked': [`${JSON_HEAD}Transfer-Encoding: chunked\r\n\r\n${http.chunk(JSON_BODY)}${http.LAST_CHUNK}`, Infinity],
  'no-document/length': ['HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 26\r\n\r\n' +
    'abcdefghijklmnopqrstuvwxyz', 0],
  'no-document/chunked': ['HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\nTransfer-Encoding: chunked\r\n\r\n' +
    `${http.chunk('abcdefghijkl')}${http.chunk('mnopqrstuvwxyz')}${http.LAST_CHUNK}`, 0],
  'compressed-document': [`${JSON_HEAD}Content-Encoding: gzip\r\nContent-Length: 15\r\n\r\nnot really gzip`, 0],
  'stream-with-a-length': [`HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 29\r\n\r\n` +
    'data: {"x":1}\n\ndata: [DONE]\n\n', 'data: {"x":1}\n\n'.length],
  'compressed-stream': [`HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n` +
    `Transfer-Encoding: chunked\r\n\r\n${http.chunk('data: not really gzip\n\n')}${http.LAST_CHUNK}`, 0],
};

for (const [name, [text, needed]] of Object.entries(plainAnswers)) {
  for (const [byName, by] of [['fin', 'end'], ['reset', 'reset']]) {
    behaviour(`failure/cut/${name}/by-${byName}-tears-the-connection`, async (stage) => {
      const bytes = Buffer.from(text);
      const head = bytes.indexOf('\r\n\r\n') + 4;
      const isChunked = bytes.includes('chunked');
      const whole = isChunked ? payloadOf(bytes.subarray(head)) : bytes.subarray(head);
      /* The very last line feed of a chunked body tells nothing that was not known before. */
      const end = isChunked ? bytes.length - 1 : bytes.length;
      const counts = (cut) => cut >= end || cut - head >= needed;

      await cutEverywhere(stage, bytes, by, counts, (answer, cut) => {
        assert.equal(answer.status, 200);
        assert.deepEqual(answer.body, whole.subarray(0, answer.body.length));
        if (cut < end)
          assert.ok(answer.torn, 'whole only if it came whole');
        else if (by === 'end')
          assert.deepEqual(answer.body, whole);
        if (!answer.torn)
          assert.equal(answer.body.length, whole.length);
      });
    }, { timeout: 60_000 });
  }
}

behaviour('failure/cut/body-that-ends-with-the-connection/reset-is-no-good-end', async (stage) => {
  const node = await stage.rawNode(async (wire) => {
    await http.readRequest(wire);
    await wire.write('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\nhalf of');
    await relayed;
    await wire.reset();
  });
  const relayed = signal();
  const gateway = await stage.gateway({ node });
  const client = await stage.client(gateway);

  client.write(http.request('GET', '/v1/x'));
  assert.equal((await http.readAnswerHead(client)).status, 200);
  assert.equal(String(await http.readChunk(client)), 'half of');
  relayed.resolve();
  await assert.rejects(http.readChunk(client), { name: 'Torn' });
});

for (const [name, head] of [['chunked', 'Transfer-Encoding: chunked'], ['until-the-end', 'Connection: close']]) {
  behaviour(`failure/cut/http-1.0-client/${name}-body-is-reset`, async (stage) => {
    const node = await stage.rawNode(async (wire) => {
      const body = name === 'chunked' ? http.chunk('half of') : 'half of';

      await http.readRequest(wire);
      await wire.write(`HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n${head}\r\n\r\n`, body);
      await relayed;
      await wire.reset();
    });
    const relayed = signal();
    const gateway = await stage.gateway({ node });
    const client = await stage.client(gateway);

    client.write(http.request('GET', '/v1/x', { version: '1.0' }));
    await http.readAnswerHead(client);
    await client.take('half of'.length);
    relayed.resolve();
    assert.equal((await client.closed).how, 'reset', 'only that tells it that something is missing');
  });
}

behaviour('failure/cut/stream-that-ends-with-the-connection/half-an-event-is-an-error', async (stage) => {
  const node = await stage.rawNode(async (wire, n) => {
    await http.readRequest(wire);
    await wire.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n');
    if (n === 1)
      await wire.write('data: hal');
    await wire.end();
  });
  const gateway = await stage.gateway({ node });
  const [one, error, done] = parseData((await gateway.ask('GET', '/v1/x')).body);

  assert.deepEqual([one, JSON.parse(error).error.code, done], ['1', 'upstream_stream_interrupted', '[DONE]']);
  assert.deepEqual(parseData((await gateway.ask('GET', '/v1/x')).body), ['1'], 'and without it there is none');
});

for (const [name, before] of [['first', ''], ['second', 'data: 1\n\n']]) {
  behaviour(`failure/cut/an-event-too-long-to-hold-is-torn/the-${name}`, async (stage) => {
    const sent = before + `data: ${'x'.repeat(12 * MB)}`;
    const node = await stage.rawNode(async (wire) => {
      await http.readRequest(wire);
      await wire.write(http.STREAM_HEAD, http.chunk(sent));
      await wire.end();
    });
    const gateway = await stage.gateway({ node });
    const client = await stage.client(gateway);

    client.write(http.request('GET', '/v1/x'));
    const answer = await http.readAnswer(client, { torn: true });
    assert.equal(answer.status, 200);
    assert.ok(answer.torn);
    assert.ok(answer.body.length > 8 * MB, `${answer.body.length} bytes`);
    assert.ok(Buffer.from(sent).subarray(0, answer.body.length).equals(answer.body), 'and nothing else');
  });
}

behaviour('failure/cut/a-document-too-long-to-hold-is-torn', async (stage) => {
  const whole = JSON.stringify({ text: 'x'.repeat(MB) });
  const part = whole.slice(0, MB / 2);
  const node = await stage.node(async (request, wire) => {
    await wire.write(`${JSON_HEAD}Content-Length: ${whole.length}\r\n\r\n${part}`);
    await wire.end();
  });
  const gateway = await stage.gateway({ node });
  const client = await stage.client(gateway);

  client.write(http.request('POST', '/v1/x', { body: '{}' }));
  const answer = await http.readAnswer(client, { torn: true });
  assert.deepEqual([answer.status, answer.torn, answer.head.length], [200, true, whole.length]);
  assert.equal(answer.text(), part.slice(0, answer.body.length));
});

for (const [name, said] of [['nothing', ''], ['comments-only', ': one\n\n: two\n\n'], ['half-an-event', 'data: 1\n']]) {
  behaviour(`failure/cut/stream-that-ends-before-its-first-event/${name}`, async (stage) => {
    const node = await stage.node((request, wire) =>
      wire.write(http.STREAM_HEAD, said === '' ? '' : http.chunk(said), http.LAST_CHUNK));
    const gateway = await stage.gateway({ node });

    assertBrokenOff(await gateway.ask('POST', '/v1/chat/completions', { body: '{"stream":true}' }), node);
    assert.equal((await gateway.status()).active_requests, 0);
  });
}

behaviour('failure/broken-framing/bad-chunk-in-a-stream-is-an-error-event', async (stage) => {
  for (const bad of ['xyz\r\n', '-1\r\n', '10000000000000000000\r\nx', '3\r\nabcdef']) {
    const node = await stage.rawNode(async (wire) => {
      await http.readRequest(wire);
      await wire.write(http.STREAM_HEAD, http.chunk('data: 1\n\n'), bad);
      await wire.closed;
    });
    const gateway = await stage.gateway({ node });
    const [one, error, done] = parseData((await gateway.ask('GET', '/v1/x')).body);

    assert.deepEqual([one, JSON.parse(error).error.code, done], ['1', 'upstream_stream_interrupted', '[DONE]'], bad);
  }
});

behaviour('failure/broken-framing/two-lengths-are-no-answer', async (stage) => {
  const node = await stage.rawNode(async (wire) => {
    await http.readRequest(wire);
    await wire.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 2\r\n\r\nbody');
    await wire.end();
  });
  const gateway = await stage.gateway({ node });
  const client = await stage.client(gateway);

  client.write(http.request('GET', '/v1/x'));
  const answer = await http.readAnswer(client, { torn: true });
  assert.ok(answer.status === 502 || answer.torn, answer.text());
});

behaviour('failure/broken-framing/bad-fields-never-reach-a-client', async (stage) => {
  const bad = ['X(Bad): 1', 'X\tTab: 1', '"quoted": 1', 'X-Space : 1', 'X-Cr: a\rb', 'X-Nul: a\0b', 'X-Fold: a\r\n b'];
  const node = await stage.node((request, wire) => {
    const line = bad[Number(request.target.slice('/v1/'.length))];

    wire.write(`HTTP/1.1 200 OK\r\n${line}\r\nContent-Length: 4\r\n\r\nbody`);
  });
  const gateway = await stage.gateway({ node });

  for (const i of bad.keys()) {
    const answer = await gateway.ask('GET', `/v1/${i}`);

    if (answer.status !== 502)
      assert.ok(answer.head.fields.every(([name, value]) => name === 'Content-Length' || value === 'a b'), bad[i]);
  }
});

behaviour('failure/broken-framing/more-fields-than-are-passed-on-are-no-answer', async (stage) => {
  const fields = Array.from({ length: 300 }, (_, i) => [`X-${i}`, 'x']);
  const node = await stage.node((request, wire) =>
    wire.write(http.answer(200, [...fields, ['Content-Type', 'text/plain']], 'body')));
  const gateway = await stage.gateway({ node });
  const answer = await gateway.ask('GET', '/v1/x');

  if (answer.status !== 502)
    assert.equal(answer.head.get('Content-Type'), 'text/plain', 'all or nothing');
});
