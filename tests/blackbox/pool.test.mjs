/* SPDX-License-Identifier: MIT
 *
 * How connections to the node are made, kept, used again and given up.
 */

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';

import * as http from './lib/http.mjs';
import { behaviour, signal } from './lib/stage.mjs';
import { elapsed } from './lib/time.mjs';

const answerOk = (request, wire) => wire.write(http.json({ ok: true }));

behaviour('pool/node-on-ipv6', async (stage) => {
  const node = await stage.node(answerOk, { host: '::1' });
  const gateway = await stage.gateway({ node });

  assert.equal((await gateway.ask('GET', '/v1/x')).status, 200);
  assert.equal(node.requests[0].head.get('Host'), `[::1]:${node.port}`);
});

for (const host of ['127.0.0.1', '::1']) {
  behaviour(`pool/node-named-localhost-that-only-listens-on-${host}`, async (stage) => {
    const node = await stage.node(answerOk, { host });
    const gateway = await stage.gateway({ node: { url: `http://localhost:${node.port}` } });

    for (let i = 0; i < 3; i++)
      assert.equal((await gateway.ask('GET', '/v1/x')).status, 200);
    assert.equal(node.requests[0].head.get('Host'), `localhost:${node.port}`);
  });
}

behaviour('pool/connection-is-used-again', async (stage) => {
  const node = await stage.node(answerOk);
  const gateway = await stage.gateway({ node });

  for (const method of ['GET', 'POST', 'DELETE', 'POST'])
    await gateway.ask(method, '/v1/x', { body: method === 'POST' ? '{}' : undefined });
  assert.deepEqual(node.requests.map((request) => [request.connection, request.nth]), [[1, 1], [1, 2], [1, 3], [1, 4]]);
});

behaviour('pool/connection-idle-for-over-4-s-is-not-used-again', async (stage) => {
  const node = await stage.node(answerOk);
  const gateway = await stage.gateway({ node });

  await gateway.ask('GET', '/v1/1');
  await elapsed(4050);
  await gateway.ask('GET', '/v1/2');
  assert.deepEqual(node.requests.map((request) => request.connection), [1, 2]);
});

behaviour('pool/connection-that-the-node-closed-is-not-used-again', async (stage) => {
  const node = await stage.node(async (request, wire) => {
    await wire.write(http.json(request.connection));
    await wire.end();
  });
  const gateway = await stage.gateway({ node });

  for (let i = 1; i <= 5; i++)
    assert.equal((await gateway.ask('POST', '/v1/x', { body: '{}' })).json(), i);
  assert.equal(node.requests.length, 5);
});

behaviour('pool/what-comes-after-an-answer-belongs-to-no-request', async (stage) => {
  const stray = http.json('stray');
  const node = await stage.node(async (request, wire) => {
    if (request.target === '/v1/together') {
      wire.write(http.json(request.target), stray);
    } else {
      await wire.write(http.json(request.target));
      if (request.target === '/v1/later') {
        await answered;
        await wire.write(stray);
        sent.resolve();
      }
    }
  });
  const answered = signal();
  const sent = signal();
  const gateway = await stage.gateway({ node });

  for (const target of ['/v1/together', '/v1/1', '/v1/later'])
    assert.equal((await gateway.ask('POST', target, { body: '{}' })).json(), target);
  answered.resolve();
  await sent;
  for (const target of ['/v1/2', '/v1/3'])
    assert.equal((await gateway.ask('POST', target, { body: '{}' })).json(), target);
});

behaviour('pool/connection-of-a-torn-answer-is-not-used-again', async (stage) => {
  const half = 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf';
  const node = await stage.node((request, wire) =>
    (request.target === '/v1/half' ? wire.write(half) : answerOk(request, wire)));
  const gateway = await stage.gateway({ node });
  const client = await stage.client(gateway);

  client.write(http.request('GET', '/v1/half'));
  await http.readAnswerHead(client);
  await client.take(4);
  client.destroy();
  await node.wires[0].closed;
  assert.deepEqual((await gateway.ask('GET', '/v1/x')).json(), { ok: true });
  assert.deepEqual(node.requests.map((request) => request.connection), [1, 2]);
});

/* -- One silent retry ---------------------------------------------------------------------- */

for (const [how, die] of [['fin', (wire) => wire.end()], ['reset', (wire) => wire.reset()]]) {
  behaviour(`pool/retry/kept-connection-that-dies-by-${how}-is-replaced-once`, async (stage) => {
    const node = await stage.node((request, wire) =>
      (request.target === '/v1/2' && request.connection === 1 ? die(wire) : wire.write(http.json(request.connection))));
    const gateway = await stage.gateway({ node });
    const body = randomBytes(300000).toString('hex');

    await gateway.ask('GET', '/v1/1');
    assert.equal((await gateway.ask('POST', '/v1/2', { body })).json(), 2);
    assert.deepEqual(node.requests.map((request) => request.target), ['/v1/1', '/v1/2', '/v1/2']);
    assert.equal(String(node.requests[2].body), body, 'the second time whole, too');
  });

  behaviour(`pool/retry/when-the-second-dies-by-${how}-too-it-is-502`, async (stage) => {
    const node = await stage.node((request, wire) =>
      (request.target === '/v1/2' ? die(wire) : answerOk(request, wire)));
    const gateway = await stage.gateway({ node });

    await gateway.ask('GET', '/v1/1');
    const answer = await gateway.ask('POST', '/v1/2', { body: '{}' });
    assert.equal(answer.status, 502);
    assert.deepEqual(node.requests.map((request) => request.target), ['/v1/1', '/v1/2', '/v1/2']);
  });
}

behaviour('pool/retry/however-often-it-was-needed-before', async (stage) => {
  const node = await stage.node((request, wire) => (request.nth === 1 ? answerOk(request, wire) : wire.end()));
  const gateway = await stage.gateway({ node });

  for (let i = 0; i < 30; i++)
    assert.equal((await gateway.ask('POST', '/v1/x', { body: '{}' })).status, 200, `request ${i + 1}`);
  assert.equal(node.wires.length, 30);
});

behaviour('pool/retry/goes-to-a-new-connection-not-to-another-old-one', async (stage) => {
  const all = signal();
  const node = await stage.node(async (request, wire) => {
    if (request.target === '/v1/2' && request.nth > 1) {
      await wire.end();
      return;
    }
    if (node.requests.length === 4)
      all.resolve();
    if (request.target === '/v1/1')
      await all;
    wire.write(http.json(request.connection));
  });
  const gateway = await stage.gateway({ node });

  await Promise.all([1, 2, 3, 4].map(() => gateway.ask('GET', '/v1/1')));
  assert.equal((await gateway.ask('POST', '/v1/2', { body: '{}' })).json(), 5);
  assert.equal(node.requests.length, 6);
});

behaviour('pool/retry/not-on-a-new-connection', async (stage) => {
  const node = await stage.node((request, wire) => wire.end());
  const gateway = await stage.gateway({ node });

  assert.equal((await gateway.ask('POST', '/v1/x', { body: '{}' })).status, 502);
  assert.equal(node.requests.length, 1);
});

behaviour('pool/retry/not-after-the-first-byte-of-an-answer', async (stage) => {
  const node = await stage.node(async (request, wire) => {
    if (request.nth === 1) {
      wire.write(http.json(1));
    } else {
      await wire.write('HTTP/1.1 200 OK\r\n');
      await wire.end();
    }
  });
  const gateway = await stage.gateway({ node });

  await gateway.ask('GET', '/v1/1');
  assert.equal((await gateway.ask('POST', '/v1/2', { body: '{}' })).status, 502);
  assert.equal(node.requests.length, 2);
});
