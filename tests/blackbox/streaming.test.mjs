/* SPDX-License-Identifier: MIT
 *
 * Streams pass as they come, at the pace of the slower side, and a client that leaves ends what it started.
 */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { performance } from 'node:perf_hooks';

import * as http from './lib/http.mjs';
import { parseData } from './lib/sse.mjs';
import { behaviour, signal } from './lib/stage.mjs';

const MB = 1024 ** 2;
const CHAT = http.request('POST', '/v1/chat/completions', { body: '{"stream":true}' });

/* -- As they come -------------------------------------------------------------------------- */

const LINE_ENDS = { lf: '\n', crlf: '\r\n', cr: '\r' };

/* The Kth event of a stream, and what its reader sees of it. */
const eventText = (k, end) => `data: {"k":${k},"text":"ünïcödé ${'·'.repeat(k)}"}${end}${end}`;
const eventData = (k) => parseData(Buffer.from(eventText(k, '\n')))[0];

/* Ways to write one event: each gives the pieces, and the next piece goes out only when the node is told. */
const writings = {
  'as-one-chunk': (event) => [http.chunk(event)],
  'in-two-chunks': (event) => [Buffer.concat([http.chunk(event.subarray(0, 30)), http.chunk(event.subarray(30))])],
  'with-the-chunk-size-apart': (event) => [http.chunk(event).subarray(0, 2), http.chunk(event).subarray(2)],
  'cut-in-the-middle': (event) => [http.chunk(event.subarray(0, 30)), http.chunk(event.subarray(30))],
  'cut-in-a-character': (event) => [http.chunk(event.subarray(0, event.indexOf('ü') + 1)),
                                    http.chunk(event.subarray(event.indexOf('ü') + 1))],
  'cut-before-its-last-byte': (event) => [http.chunk(event.subarray(0, -1)), http.chunk(event.subarray(-1))],
};

for (const [endName, end] of Object.entries(LINE_ENDS)) {
  for (const [name, pieces] of Object.entries(writings)) {
    behaviour(`streaming/event-by-event/${endName}/${name}`, async (stage) => {
      const n = 20;
      const turns = Array.from({ length: n + 1 }, signal);
      const node = await stage.node(async (request, wire) => {
        wire.write(http.STREAM_HEAD);
        for (let k = 0; k < n; k++) {
          await turns[k];
          for (const piece of pieces(Buffer.from(eventText(k, end))))
            await wire.write(piece);
        }
        await turns[n];
        wire.write(http.chunk(`data: [DONE]${end}${end}`), http.LAST_CHUNK);
      });
      const gateway = await stage.gateway({ node });
      const client = await stage.client(gateway);
      let body = Buffer.alloc(0);

      client.write(CHAT);
      turns[0].resolve(); /* until then the node may still fail, and another one be asked */
      await http.readAnswerHead(client);
      for (let k = 0; k <= n; k++) {
        turns[k].resolve();
        while (parseData(body, { whole: false }).length < k + 1) {
          const piece = await http.readChunk(client);
          assert.notEqual(piece, null);
          body = Buffer.concat([body, piece]);
        }
      }
      assert.equal(await http.readChunk(client), null);
      assert.deepEqual(parseData(body), [...Array.from({ length: n }, (_, k) => eventData(k)), '[DONE]']);
    });
  }
}

behaviour('streaming/bytes-are-those-of-the-node', async (stage) => {
  const stream = Buffer.from('\ufeff: a comment\n\nevent: x\r\nid: 1\r\ndata: a\r\ndata: b\r\n\r\n' +
                             'retry: 5\r\rdata\n\ndata:no space\n\n\n\ndata: [DONE]\n\n: after it\n\ndata: half');
  const node = await stage.node((request, wire) => {
    wire.write(http.STREAM_HEAD);
    for (const byte of stream)
      wire.write(http.chunk(Buffer.from([byte])));
    wire.write(http.LAST_CHUNK);
  });
  const gateway = await stage.gateway({ node });

  assert.deepEqual((await gateway.ask('POST', '/v1/x', { body: '{}' })).body, stream);
});

behaviour('streaming/head-comes-with-the-first-event', async (stage) => {
  const node = await stage.node((request, wire) => wire.write(http.STREAM_HEAD, http.chunk('data: 1\n\n')));
  const gateway = await stage.gateway({ node });
  const client = await stage.client(gateway);

  client.write(CHAT);
  assert.equal((await http.readAnswerHead(client)).get('Content-Type'), 'text/event-stream; charset=utf-8');
  assert.equal(String(await http.readChunk(client)), 'data: 1\n\n');
});

behaviour('streaming/other-bodies-pass-as-they-come-too', async (stage) => {
  const turns = Array.from({ length: 10 }, signal);
  const node = await stage.node(async (request, wire) => {
    wire.write('HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (const turn of turns) {
      await turn;
      wire.write(http.chunk('{"half":'));
    }
    wire.write(http.LAST_CHUNK);
  });
  const gateway = await stage.gateway({ node });
  const client = await stage.client(gateway);

  client.write(CHAT);
  await http.readAnswerHead(client);
  for (const turn of turns) {
    turn.resolve();
    assert.equal(String(await http.readChunk(client)), '{"half":');
  }
  assert.equal(await http.readChunk(client), null);
});

behaviour('streaming/event-of-many-megabytes', async (stage) => {
  const event = `data: ${'x'.repeat(20 * MB)}\n\n`;
  const node = await stage.node((request, wire) =>
    wire.write(http.STREAM_HEAD, http.chunk(event), http.chunk('data: [DONE]\n\n'), http.LAST_CHUNK));
  const gateway = await stage.gateway({ node });
  const answer = await gateway.ask('POST', '/v1/x', { body: '{}' });

  assert.deepEqual(parseData(answer.body).map((data) => data.length), [20 * MB, '[DONE]'.length]);
});

/* -- The slower side ----------------------------------------------------------------------- */

behaviour('streaming/slow-client-slows-the-node-down', async (stage) => {
  const event = `data: ${'x'.repeat(64 * 1024 - 8)}\n\n`;
  const total = 200 * MB;
  const expected = createHash('sha256');
  let accepted = 0;
  const node = await stage.node(async (request, wire) => {
    await wire.write(http.STREAM_HEAD);
    for (; accepted < total; accepted += event.length) {
      await wire.write(http.chunk(event));
      expected.update(event);
    }
    wire.write(http.LAST_CHUNK);
  });
  const gateway = await stage.gateway({ node });
  await gateway.status();
  const before = gateway.residentBytes;
  const client = await stage.client(gateway, { paused: true });

  client.write(CHAT);
  /* Everything stands still once the gateway has worked off many requests without taking another byte from the node. */
  for (let quiet = 0, last = -1; quiet < 200; quiet = accepted === last ? quiet + 1 : 0) {
    last = accepted;
    await gateway.status();
  }
  assert.ok(accepted < total / 2, `${accepted / MB} MB were taken from the node`);
  const atRest = gateway.peakBytes;

  client.resume();
  await http.readAnswerHead(client);
  const received = createHash('sha256');
  let length = 0;
  for (let piece; (piece = await http.readChunk(client)) !== null;) {
    received.update(piece);
    length += piece.length;
  }
  assert.equal(length, total);
  assert.equal(received.digest('hex'), expected.digest('hex'));
  if (!gateway.isSanitized) {
    assert.ok(atRest - before < 8 * MB, `${(atRest - before) / MB} MB while the client was slow`);
    assert.ok(gateway.peakBytes - before < 8 * MB, `${(gateway.peakBytes - before) / MB} MB in all`);
  }
}, { timeout: 60_000 });

behaviour('streaming/slow-client-delays-no-other', async (stage) => {
  const node = await stage.node(async (request, wire) => {
    if (request.target === '/v1/small') {
      wire.write(http.json({ ok: true }));
      return;
    }
    await wire.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n');
    for (let i = 0; i < 100; i++)
      await wire.write(Buffer.alloc(1000000));
  });
  const gateway = await stage.gateway({ node });
  const slow = await stage.client(gateway, { paused: true });

  slow.write(http.request('GET', '/v1/large'));
  for (let i = 0; i < 100; i++)
    assert.equal((await gateway.ask('GET', '/v1/small')).status, 200);
  slow.resume();
  assert.equal((await http.readAnswer(slow)).body.length, 100000000);
});

behaviour('streaming/slow-node-and-upload-go-on-together', async (stage) => {
  const node = await stage.rawNode(async (wire) => {
    await http.readHead(wire);
    await wire.write(http.answer(400, [['Connection', 'close']], 'not like this'));
    await wire.takeAll();
  });
  const gateway = await stage.gateway({ node });
  const answer = await gateway.ask('POST', '/v1/x', { body: Buffer.alloc(20 * MB) });

  assert.equal(answer.status, 400, 'a node may answer before it has read all');
  assert.equal(answer.text(), 'not like this');
});

/* -- Leaving ------------------------------------------------------------------------------- */

/* When clients leave: what the node has done by then. */
const BEFORE_ANSWER = ['while-silent', 'after-the-head', 'inside-the-first-event'];
const moments = {
  'while-silent': (wire, ready) => ready.resolve(),
  'after-the-head': (wire, ready) => wire.write(http.STREAM_HEAD).then(ready.resolve),
  'while-streaming': (wire, ready) => wire.write(http.STREAM_HEAD, http.chunk('data: 1\n\n')).then(ready.resolve),
  'inside-the-first-event': (wire, ready) => wire.write(http.STREAM_HEAD, http.chunk('data: 1')).then(ready.resolve),
  'inside-an-event': (wire, ready) =>
    wire.write(http.STREAM_HEAD, http.chunk('data: 1\n\ndata: 2')).then(ready.resolve),
  'in-a-body-with-a-length': (wire, ready) =>
    wire.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegin').then(ready.resolve),
};

for (const [name, act] of Object.entries(moments)) {
  for (const leave of ['end', 'destroy', 'reset']) {
    behaviour(`streaming/leaving/${name}/by-${leave}-cancels-within-100-ms`, async (stage) => {
      const ready = signal();
      const node = await stage.rawNode(async (wire) => {
        await http.readRequest(wire);
        act(wire, ready);
        await wire.closed;
      });
      const gateway = await stage.gateway({ node });
      const client = await stage.client(gateway);

      client.write(CHAT);
      await ready;
      if (!BEFORE_ANSWER.includes(name))
        await http.readAnswerHead(client);
      assert.equal((await gateway.status()).active_requests, 1);

      const left = performance.now();
      client[leave]();
      const { at } = await node.wires[0].closed;
      assert.ok(at - left < (gateway.isSanitized ? 1000 : 100), `${at - left} ms`);
      assert.equal((await gateway.status()).active_requests, 0);
      assert.equal(node.wires.length, 1);
    });
  }
}

behaviour('streaming/leaving/with-the-next-request-already-sent', async (stage) => {
  const asked = signal();
  const node = await stage.rawNode(async (wire) => {
    await http.readRequest(wire);
    asked.resolve();
    await wire.closed;
  });
  const gateway = await stage.gateway({ node });
  const client = await stage.client(gateway);

  client.write(CHAT, CHAT);
  await asked;
  client.destroy();
  await node.wires[0].closed;
  assert.equal((await gateway.status()).active_requests, 0);
  assert.equal(node.wires.length, 1, 'the next one is never begun');
});

behaviour('streaming/leaving/with-more-sent-than-is-read-ahead', async (stage) => {
  const asked = signal();
  const node = await stage.rawNode(async (wire) => {
    await http.readRequest(wire);
    asked.resolve();
    await wire.closed;
  });
  const gateway = await stage.gateway({ node });
  const client = await stage.client(gateway);

  client.write(CHAT);
  await asked;
  await client.write('x'.repeat(100_000));
  await gateway.status();
  const left = performance.now();
  client.destroy();
  const { at } = await node.wires[0].closed;
  assert.ok(at - left < (gateway.isSanitized ? 1000 : 100), `${at - left} ms`);
  assert.equal((await gateway.status()).active_requests, 0);
}, { timeout: 5_000 });

behaviour('streaming/leaving/while-slow', async (stage) => {
  const enough = signal();
  const node = await stage.rawNode(async (wire) => {
    await http.readRequest(wire);
    await wire.write(http.STREAM_HEAD);
    while (!wire.over) {
      await wire.write(http.chunk(`data: ${'x'.repeat(65536)}\n\n`)).catch(() => {});
      if (wire.sent > MB)
        enough.resolve();
    }
  });
  const gateway = await stage.gateway({ node });
  const client = await stage.client(gateway, { paused: true });

  client.write(CHAT);
  await enough;
  client.destroy();
  await node.wires[0].closed;
  assert.equal((await gateway.status()).active_requests, 0);
});

behaviour('streaming/leaving/1000-times-leaves-nothing-behind', async (stage) => {
  let arrived = 0;
  let all = signal();
  const batch = 100;
  const node = await stage.rawNode(async (wire, n) => {
    await http.readRequest(wire);
    if (n % 3 === 1)
      wire.write(http.STREAM_HEAD, http.chunk('data: 1\n\ndata: ha'));
    if (++arrived % batch === 0)
      all.resolve();
    await wire.closed;
  });
  const gateway = await stage.gateway({ node });
  const large = http.request('POST', '/v1/x', { body: 'x'.repeat(10000) });
  const abandon = async () => {
    const before = node.wires.length;
    const clients = await Promise.all(Array.from({ length: batch }, () => gateway.connect()));

    clients.forEach((client, i) => client.write(i % 2 ? CHAT : large));
    await all;
    all = signal();
    assert.equal((await gateway.status()).active_requests, batch);
    clients.forEach((client, i) => client[['end', 'destroy', 'reset'][i % 3]]());
    await Promise.all(node.wires.slice(before).map((wire) => wire.closed));
    assert.equal((await gateway.status()).active_requests, 0);
  };

  /* As many requests as are remembered on purpose come first. */
  for (let i = 0; i < 1000 / batch; i++)
    await abandon();
  const descriptors = gateway.descriptors;
  const resident = gateway.residentBytes;
  for (let i = 0; i < 1000 / batch; i++)
    await abandon();
  assert.equal(gateway.descriptors, descriptors);
  if (!gateway.isSanitized)
    assert.ok(gateway.residentBytes - resident < MB, `${(gateway.residentBytes - resident) / 1024} KB`);
});
