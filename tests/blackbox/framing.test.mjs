/* SPDX-License-Identifier: MIT
 *
 * Well-formed requests get through whatever they look like and however they are cut into packets, and a connection
 * is used for as many as it may be.
 */

import assert from 'node:assert/strict';

import * as http from './lib/http.mjs';
import { behaviour } from './lib/stage.mjs';

const HOST = 'Host: localhost\r\n';
const POST = `POST /v1/x HTTP/1.1\r\n${HOST}`;

/* Tells what it got, so that a test sees where a request began and ended. */
const echo = (request, wire) =>
  wire.write(http.json({ method: request.method, target: request.target, body: request.body.toString('latin1') }));

behaviour('framing/expect-100-continue', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(echo) });
  const client = await stage.client(gateway);

  client.write(`${POST}Expect: 100-continue\r\nContent-Length: 4\r\n\r\n`);
  assert.equal(String(await client.takeThrough('\r\n\r\n')), 'HTTP/1.1 100 Continue\r\n\r\n');
  client.write('body');
  const answer = await http.readAnswer(client);
  assert.equal(answer.json().body, 'body');
  assert.deepEqual(answer.head.interim, []);
});

behaviour('framing/pipelined-requests-are-answered-in-order', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(echo) });
  const client = await stage.client(gateway);
  const targets = ['/v1/1', '/health', '/v1/2', '/v1/3', '/nowhere', '/v1/4'];

  client.write(...targets.map((target) => http.request('POST', target, { body: `of ${target}` })));
  for (const target of targets) {
    const answer = await http.readAnswer(client);

    if (target.startsWith('/v1/'))
      assert.deepEqual(answer.json(), { method: 'POST', target, body: `of ${target}` });
    else
      assert.equal(answer.status, target === '/health' ? 405 : 404);
  }
});

behaviour('framing/pipelined-requests-of-more-than-a-buffer', async (stage) => {
  const node = await stage.node(echo);
  const gateway = await stage.gateway({ node });
  const client = await stage.client(gateway);
  const n = 500;

  for (let i = 0; i < n; i++)
    client.write(http.request('POST', `/v1/${i}`, { body: 'x'.repeat(i) }));
  for (let i = 0; i < n; i++) {
    const { target, body } = (await http.readAnswer(client)).json();

    assert.deepEqual([target, body.length], [`/v1/${i}`, i]);
  }
  assert.equal(node.requests.length, n);
});

const CUT_BODY = '{"model":"m","messages":[]}';
const whole = {
  length: http.request('POST', '/v1/x', { body: CUT_BODY, fields: [['A', 'b']] }),
  chunked: Buffer.concat([
    http.request('POST', '/v1/x', { body: '', fields: [['Transfer-Encoding', 'chunked']] }),
    http.chunk(CUT_BODY.slice(0, 3)), http.chunk(CUT_BODY.slice(3)), Buffer.from('0;ext=1\r\nTrailer: x\r\n\r\n'),
  ]),
};

for (const [name, bytes] of Object.entries(whole)) {
  behaviour(`guard/cut/${name}-in-single-bytes`, async (stage) => {
    const gateway = await stage.gateway({ node: await stage.node(echo) });
    const client = await stage.client(gateway);

    for (const byte of bytes)
      await client.write(Buffer.from([byte]));
    assert.equal((await http.readAnswer(client)).json().body, CUT_BODY);
  });

  behaviour(`guard/cut/${name}-in-two-at-every-offset`, async (stage) => {
    const node = await stage.node(echo);
    const gateway = await stage.gateway({ node });
    const client = await stage.client(gateway);

    for (let offset = 1; offset < bytes.length; offset++) {
      await client.write(bytes.subarray(0, offset));
      await gateway.status(); // by now the first part has been read
      client.write(bytes.subarray(offset));
      assert.deepEqual((await http.readAnswer(client)).json(), { method: 'POST', target: '/v1/x', body: CUT_BODY });
    }
    assert.equal(node.requests.length, bytes.length - 1);
  });
}

behaviour('framing/coding-in-any-case', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(echo) });
  const body = Buffer.concat([http.chunk('abc'), Buffer.from('0\r\n\r\n')]);
  const answer = await gateway.ask('POST', '/v1/x', { body, fields: [['TRANSFER-ENCODING', 'Chunked']] });

  assert.equal(answer.json().body, 'abc');
});

behaviour('framing/head-of-nearly-64-kib-and-many-fields', async (stage) => {
  const node = await stage.node(echo);
  const gateway = await stage.gateway({ node });
  const target = `/v1/${'t'.repeat(20000)}`;
  const fields = Array.from({ length: 190 }, (_, i) => [`X-${i}`, 'v'.repeat(200)]);

  assert.equal((await gateway.ask('POST', target, { fields, body: 'abc' })).json().target, target);
  assert.deepEqual(node.requests[0].head.fields.filter(([name]) => name.startsWith('X-')), fields);
});

behaviour('framing/half-an-upload-reaches-nobody', async (stage) => {
  const node = await stage.node(echo);
  const gateway = await stage.gateway({ node });

  await gateway.status();
  const before = gateway.descriptors;
  for (const framing of ['Content-Length: 1000000', 'Transfer-Encoding: chunked']) {
    for (const leave of ['end', 'destroy', 'reset']) {
      const client = await stage.client(gateway);

      await client.write(`${POST}${framing}\r\n\r\n1000\r\n`, 'x'.repeat(1000));
      await gateway.status();
      assert.equal(gateway.descriptors, before + 1);
      await client[leave]();
      await gateway.status();
      assert.equal(gateway.descriptors, before);
    }
  }
  assert.equal(node.wires.length, 0);
});

behaviour('framing/absolute-form', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(echo) });
  const host = `localhost:${gateway.port}`;

  assert.equal((await gateway.ask('GET', `http://${host}/v1/x?y`, { host })).json().target, '/v1/x?y');
});

behaviour('framing/empty-lines-before-a-request-are-overlooked', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(echo) });
  const client = await stage.client(gateway);

  client.write('\r\n\r\n', http.request('GET', '/v1/1'), '\r\n', http.request('GET', '/v1/2'));
  assert.equal((await http.readAnswer(client)).json().target, '/v1/1');
  assert.equal((await http.readAnswer(client)).json().target, '/v1/2');
});

behaviour('framing/connection-is-kept-for-many-requests', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(echo) });
  const client = await stage.client(gateway);

  for (const target of ['/v1/1', '/health', '/v1/2', '/vampire/v1/status', '/v1/3', '/nowhere', '/v1/4']) {
    client.write(http.request('GET', target));
    assert.equal((await http.readAnswer(client)).head.get('Connection'), undefined, target);
  }
});

behaviour('framing/connection-close-is-obeyed', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(echo) });

  for (const target of ['/v1/x', '/health']) {
    const client = await stage.client(gateway);

    client.write(http.request('GET', target, { fields: [['Connection', 'close']] }));
    const answer = await http.readAnswer(client);
    assert.equal(answer.status, 200);
    assert.equal(answer.head.get('Connection'), 'close', target);
    assert.equal((await client.closed).how, 'fin', target);
  }
});

behaviour('framing/http-1.0-closes-after-the-answer', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(echo) });

  for (const host of [null, 'localhost']) {
    const client = await stage.client(gateway);

    client.write(http.request('GET', '/v1/x', { version: '1.0', host }));
    assert.equal((await http.readAnswer(client)).json().target, '/v1/x');
    assert.equal((await client.closed).how, 'fin');
  }
});

behaviour('framing/http-1.0-keep-alive-is-kept', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(echo) });
  const client = await stage.client(gateway);

  for (const target of ['/v1/1', '/v1/2']) {
    client.write(http.request('GET', target, { version: '1.0', fields: [['Connection', 'keep-alive']] }));
    const answer = await http.readAnswer(client);
    assert.equal(answer.json().target, target);
    assert.equal(answer.head.get('Connection'), 'keep-alive');
  }
});

behaviour('framing/http-1.0-gets-a-stream-without-chunks', async (stage) => {
  const node = await stage.node((request, wire) =>
    wire.write(http.STREAM_HEAD, http.chunk('data: 1\n\n'), http.chunk('data: [DONE]\n\n'), http.LAST_CHUNK));
  const gateway = await stage.gateway({ node });
  const client = await stage.client(gateway);

  client.write(http.request('GET', '/v1/x', { version: '1.0', fields: [['Connection', 'keep-alive']] }));
  const answer = await http.readAnswer(client);
  assert.equal(answer.head.get('Transfer-Encoding'), undefined);
  assert.equal(answer.head.get('Connection'), 'close');
  assert.equal(answer.text(), 'data: 1\n\ndata: [DONE]\n\n');
});


behaviour('framing/many-clients-at-once', async (stage) => {
  const node = await stage.node((request, wire) => {
    const parts = request.body.length % 3 === 0
      ? [http.STREAM_HEAD, http.chunk(`data: ${request.target}\n\n`), http.chunk('data: [DONE]\n\n'), http.LAST_CHUNK]
      : [http.answer(200, [['X-Target', request.target]], request.body)];

    wire.write(...parts);
  });
  const gateway = await stage.gateway({ node });
  let seed = 1;
  const random = (n) => {
    seed = (seed * 48271) % 2147483647;
    return seed % n;
  };
  const client = async (_, number) => {
    let wire = await gateway.connect();

    for (let i = 0; i < 40; i++) {
      const target = `/v1/${number}/${i}`;
      const body = Buffer.alloc(random(4) === 0 ? random(300000) : random(2000), target);
      const bytes = http.request('POST', target, { body });
      const cut = random(bytes.length);

      wire.write(bytes.subarray(0, cut));
      await gateway.ask('GET', '/health');
      wire.write(bytes.subarray(cut));
      if (random(8) === 0) {
        await wire.destroy();
        wire = await gateway.connect();
        continue;
      }
      const answer = await http.readAnswer(wire);
      if (body.length % 3 === 0)
        assert.equal(answer.text(), `data: ${target}\n\ndata: [DONE]\n\n`);
      else
        assert.ok(answer.head.get('X-Target') === target && answer.body.equals(body), target);
    }
    await wire.destroy();
  };

  await Promise.all(Array.from({ length: 32 }, client));
  assert.equal((await gateway.status()).active_requests, 0);
});
