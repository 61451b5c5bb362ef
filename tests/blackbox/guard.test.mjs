/* SPDX-License-Identifier: MIT
 *
 * The guard: what is not well-formed HTTP within the limits is refused, and no node ever hears of it.
 */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { performance } from 'node:perf_hooks';

import * as http from './lib/http.mjs';
import { behaviour } from './lib/stage.mjs';
import { Wire } from './lib/wire.mjs';

const HOST = 'Host: localhost\r\n';
const POST = `POST /v1/x HTTP/1.1\r\n${HOST}`;

/* Tells what it got, so that a test sees where a request began and ended. */
const echo = (request, wire) =>
  wire.write(http.json({ method: request.method, target: request.target, body: request.body.toString('latin1') }));

/* -- Malformed heads ----------------------------------------------------------------------- */

const refused = {
  'no-method': [400, ` /v1/x HTTP/1.1\r\n${HOST}\r\n`],
  'no-target': [400, `GET HTTP/1.1\r\n${HOST}\r\n`],
  'no-version': [400, `GET /v1/x\r\n${HOST}\r\n`],
  'two-spaces': [400, `GET  /v1/x HTTP/1.1\r\n${HOST}\r\n`],
  'space-in-the-target': [400, `GET /v1/x y HTTP/1.1\r\n${HOST}\r\n`],
  'tab-in-the-request-line': [400, `GET\t/v1/x HTTP/1.1\r\n${HOST}\r\n`],
  'bad-method': [400, `G(T /v1/x HTTP/1.1\r\n${HOST}\r\n`],
  'relative-target': [400, `GET v1/x HTTP/1.1\r\n${HOST}\r\n`],
  'fragment-in-the-target': [400, `GET /v1/x#y HTTP/1.1\r\n${HOST}\r\n`],
  'control-byte-in-the-target': [400, `GET /v1/\x01 HTTP/1.1\r\n${HOST}\r\n`],
  'star-target-of-a-get': [400, `GET * HTTP/1.1\r\n${HOST}\r\n`],
  'authority-target': [400, `CONNECT example.com:443 HTTP/1.1\r\n${HOST}\r\n`],
  'absolute-target-of-another-host': [400, `GET http://evil.example/v1/x HTTP/1.1\r\n${HOST}\r\n`],
  'version-2': [505, `GET /v1/x HTTP/2.0\r\n${HOST}\r\n`],
  'http-2-preface': [505, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  'version-in-small-letters': [400, `GET /v1/x http/1.1\r\n${HOST}\r\n`],
  'tls-hello': [400, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
  'bare-lf': [400, 'GET /v1/x HTTP/1.1\nHost: localhost\n\n'],
  'bare-cr': [400, `GET /v1/x HTTP/1.1\r\n${HOST}A: b\rC: d\r\n\r\n`],
  'nul-in-a-field': [400, `GET /v1/x HTTP/1.1\r\n${HOST}A: b\0c\r\n\r\n`],
  'control-byte-in-a-field': [400, `GET /v1/x HTTP/1.1\r\n${HOST}A: b\x7fc\r\n\r\n`],
  'no-colon': [400, `GET /v1/x HTTP/1.1\r\n${HOST}A b\r\n\r\n`],
  'no-name': [400, `GET /v1/x HTTP/1.1\r\n${HOST}: b\r\n\r\n`],
  'space-before-the-colon': [400, `GET /v1/x HTTP/1.1\r\n${HOST}A : b\r\n\r\n`],
  'bad-name': [400, `GET /v1/x HTTP/1.1\r\n${HOST}A(b): c\r\n\r\n`],
  'folded-field': [400, `GET /v1/x HTTP/1.1\r\n${HOST}A: b\r\n c\r\n\r\n`],
  'space-before-the-first-field': [400, `GET /v1/x HTTP/1.1\r\n ${HOST}\r\n`],
  'no-host': [400, 'GET /v1/x HTTP/1.1\r\n\r\n'],
  'two-hosts': [400, `GET /v1/x HTTP/1.1\r\n${HOST}${HOST}\r\n`],
  'bad-host': [400, 'GET /v1/x HTTP/1.1\r\nHost: local host\r\n\r\n'],
  'empty-host': [400, 'GET /v1/x HTTP/1.1\r\nHost:\r\n\r\n'],
  'host-with-a-bad-port': [400, 'GET /v1/x HTTP/1.1\r\nHost: localhost:http\r\n\r\n'],
  'host-with-half-an-address': [400, 'GET /v1/x HTTP/1.1\r\nHost: [::1\r\n\r\n'],
  'list-of-hosts': [400, 'GET /v1/x HTTP/1.1\r\nHost: localhost, evil.com\r\n\r\n'],
  'host-with-user': [400, 'GET /v1/x HTTP/1.1\r\nHost: me@localhost\r\n\r\n'],
  'length-not-a-number': [400, `${POST}Content-Length: 3x\r\n\r\nabc`],
  'length-with-a-sign': [400, `${POST}Content-Length: +3\r\n\r\nabc`],
  'negative-length': [400, `${POST}Content-Length: -3\r\n\r\nabc`],
  'length-in-hexadecimal': [400, `${POST}Content-Length: 0x3\r\n\r\nabc`],
  'empty-length': [400, `${POST}Content-Length:\r\n\r\nabc`],
  'length-past-64-bits': [400, `${POST}Content-Length: 18446744073709551619\r\n\r\nabc`],
  'two-lengths-that-differ': [400, `${POST}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`],
  'two-lengths-that-are-equal': [400, `${POST}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`],
  'list-of-lengths-that-differ': [400, `${POST}Content-Length: 3, 4\r\n\r\nabcd`],
  'length-and-coding': [400, `${POST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  'coding-and-length': [400, `${POST}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n`],
  'two-codings': [501, `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  'unknown-coding': [501, `${POST}Transfer-Encoding: gzip\r\n\r\n`],
  'coding-after-chunked': [501, `${POST}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n`],
  'coding-before-chunked': [501, `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  'disguised-coding': [501, `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
  'coding-in-http-1.0': [501, `POST /v1/x HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
  'unknown-expectation': [417, `${POST}Expect: 200-ok\r\nContent-Length: 3\r\n\r\nabc`],
  'head-past-64-kib': [431, `GET /v1/x HTTP/1.1\r\n${HOST}A: ${'a'.repeat(65536)}\r\n\r\n`],
  'target-past-64-kib': [431, `GET /v1/${'a'.repeat(65536)} HTTP/1.1\r\n${HOST}\r\n`],
  'endless-head': [431, `GET /v1/x HTTP/1.1\r\n${HOST}${'A: b\r\n'.repeat(15000)}`],
  'too-many-fields': [431, `GET /v1/x HTTP/1.1\r\n${HOST}${'A: b\r\n'.repeat(250)}\r\n`],
  'chunk-size-not-a-number': [400, `${POST}Transfer-Encoding: chunked\r\n\r\nx\r\nabc\r\n0\r\n\r\n`],
  'chunk-size-with-a-sign': [400, `${POST}Transfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n`],
  'chunk-size-with-0x': [400, `${POST}Transfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n`],
  'chunk-size-past-64-bits': [400, `${POST}Transfer-Encoding: chunked\r\n\r\n10000000000000003\r\nabc\r\n0\r\n\r\n`],
  'chunk-size-with-bare-lf': [400, `${POST}Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n`],
  'chunk-longer-than-it-says': [400, `${POST}Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n`],
  'chunk-without-its-end': [400, `${POST}Transfer-Encoding: chunked\r\n\r\n3\r\nabc0\r\n\r\n`],
  'control-byte-in-a-trailer': [400, `${POST}Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\0c\r\n\r\n`],
  'bare-lf-in-a-trailer': [400, `${POST}Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\n\r\n`],
  'endless-trailers': [400, `${POST}Transfer-Encoding: chunked\r\n\r\n0\r\n${'A: b\r\n'.repeat(15000)}`],
  'chunk-extension-without-end': [400, `${POST}Transfer-Encoding: chunked\r\n\r\n3;${'a'.repeat(5000)}`],
};

for (const [name, [status, head]] of Object.entries(refused)) {
  behaviour(`guard/refused/${name}`, async (stage) => {
    const node = await stage.node(echo);
    const gateway = await stage.gateway({ node });
    const client = await stage.client(gateway);

    client.write(Buffer.from(head, 'latin1'));
    const answer = await http.readAnswer(client);
    assert.equal(answer.status, status);
    assert.equal(answer.head.get('Connection'), 'close');
    assert.equal(answer.json().error.type, 'vampire_request_error');
    assert.equal((await client.takeAll()).length, 0);
    assert.equal(client.over, 'fin', 'a client that still sends can read why');

    await gateway.ask('GET', '/v1/after');
    assert.deepEqual(node.requests.map((request) => request.target), ['/v1/after'], 'the node heard nothing of it');
  });
}

behaviour('guard/refused/what-follows-a-malformed-request-is-not-read', async (stage) => {
  const node = await stage.node(echo);
  const gateway = await stage.gateway({ node });
  const client = await stage.client(gateway);

  client.write(`GET /v1/x HTTP/1.1\r\n\r\n`, http.request('GET', '/v1/smuggled'));
  assert.equal((await http.readAnswer(client)).status, 400);
  assert.equal((await client.takeAll()).length, 0);
  assert.deepEqual(node.requests, []);
});

/* -- Too large ----------------------------------------------------------------------------- */

/* Sends @piece again and again until the other side has had enough, and says what was answered meanwhile. */
async function floodUntilAnswered(client, piece) {
  const answered = http.readAnswer(client);
  let stop = false;

  answered.catch(() => {}).then(() => {
    stop = true;
  });
  while (!stop) {
    await client.write(piece).catch(() => {
      stop = true;
    });
  }
  return answered;
}

behaviour('guard/too-large/content-length-is-413-readable-while-sending', async (stage) => {
  const node = await stage.node(echo);
  const gateway = await stage.gateway({ node, args: ['--max-body-mb', '1'] });
  const client = await stage.client(gateway);

  client.write(`${POST}Content-Length: ${1024 ** 3}\r\n\r\n`);
  const answer = await floodUntilAnswered(client, Buffer.alloc(64 * 1024));
  assert.equal(answer.status, 413);
  assert.equal(answer.head.get('Connection'), 'close');
  assert.equal(answer.json().error.code, 'body_too_large');
  assert.equal(node.wires.length, 0);
});

behaviour('guard/too-large/chunked-body-that-grows-past-the-limit-is-413', async (stage) => {
  const node = await stage.node(echo);
  const gateway = await stage.gateway({ node, args: ['--max-body-mb', '1'] });
  const client = await stage.client(gateway);

  client.write(`${POST}Transfer-Encoding: chunked\r\n\r\n`);
  const answer = await floodUntilAnswered(client, http.chunk(Buffer.alloc(16 * 1024)));
  assert.equal(answer.status, 413);
  assert.ok(client.sent > 1024 ** 2, 'not before the limit');
  assert.equal(answer.json().error.code, 'body_too_large');
  assert.equal(node.wires.length, 0);
});

behaviour('guard/too-large/the-limit-itself-is-allowed', async (stage) => {
  const node = await stage.node((request, wire) => wire.write(http.json(request.body.length)));
  const gateway = await stage.gateway({ node, args: ['--max-body-mb', '1'] });
  const body = Buffer.alloc(1024 ** 2, 'a');
  const fields = [['Transfer-Encoding', 'chunked']];
  const chunks = Buffer.concat([http.chunk(body), Buffer.from(http.LAST_CHUNK)]);

  assert.equal((await gateway.ask('POST', '/v1/x', { body })).json(), body.length);
  assert.equal((await gateway.ask('POST', '/v1/x', { body: chunks, fields })).json(), body.length);
});

behaviour('guard/too-large/expectation-is-answered-with-413-and-no-100', async (stage) => {
  const gateway = await stage.gateway({ args: ['--max-body-mb', '1'] });
  const client = await stage.client(gateway);

  client.write(`${POST}Expect: 100-continue\r\nContent-Length: ${2 * 1024 ** 2}\r\n\r\n`);
  const answer = await http.readAnswer(client);
  assert.equal(answer.status, 413);
  assert.deepEqual(answer.head.interim, []);
});

/* -- Too many, too slow --------------------------------------------------------------------- */

behaviour('guard/half-a-head-and-gone-leaves-nothing', async (stage) => {
  const gateway = await stage.gateway();

  await gateway.status();
  const before = gateway.descriptors;
  for (const leave of ['end', 'destroy', 'reset']) {
    const client = await stage.client(gateway);

    await client.write('GET /v1/models HTTP/1.1\r\nHost: loc');
    await gateway.status();
    assert.equal(gateway.descriptors, before + 1);
    await client[leave]();
    await gateway.status();
    assert.equal(gateway.descriptors, before, leave);
  }
});

behaviour('guard/512-connections-of-one-address-and-no-more', async (stage) => {
  const gateway = await stage.gateway();
  const clients = await Promise.all(Array.from({ length: 512 }, () => stage.client(gateway)));
  const late = await stage.client(gateway);

  const answer = await http.readAnswer(late);
  assert.equal(answer.status, 503);
  assert.equal(answer.json().error.code, 'too_many_connections');
  assert.equal(answer.head.get('Retry-After'), '1');
  assert.equal((await late.takeAll()).length, 0);

  const other = await Wire.connect(gateway.port, '::1');
  other.write(http.request('GET', '/health'));
  assert.equal((await http.readAnswer(other)).status, 200, 'another address is not concerned');

  await clients[0].end();
  other.write(http.request('GET', '/health'));
  assert.equal((await http.readAnswer(other)).status, 200);
  await other.destroy();
  assert.equal((await gateway.ask('GET', '/health')).status, 200, 'a place that became free is given away');
});

behaviour('guard/4096-connections-in-all-and-no-more', async (stage) => {
  const gateway = await stage.gateway();

  for (let address = 1; address <= 8; address++)
    await Promise.all(Array.from({ length: 512 }, () => stage.client(gateway, { from: `127.0.0.${address}` })));
  const late = await stage.client(gateway, { from: '127.0.0.9' });
  const answer = await http.readAnswer(late);

  assert.equal(answer.status, 503);
  assert.equal(answer.json().error.code, 'too_many_connections');
  assert.equal((await late.takeAll()).length, 0);
}, { timeout: 30_000 });

behaviour('guard/new-clients-wait-while-no-descriptor-is-left', async (stage) => {
  const gateway = await stage.gateway();
  const highest = Math.max(...readdirSync(`/proc/${gateway.pid}/fd`).map(Number));
  execFileSync('prlimit', ['--pid', String(gateway.pid), `--nofile=${highest + 4}`]);

  // More than there are numbers free below the limit; the kernel takes them all.
  const clients = await Promise.all(Array.from({ length: highest + 4 }, () => stage.client(gateway)));
  const late = await stage.client(gateway);
  late.write(http.request('GET', '/health'));
  await gateway.waitFor(/No file descriptor is left/);
  await Promise.all(clients.map((client) => client.destroy()));
  assert.equal((await http.readAnswer(late)).status, 200);
});

behaviour('guard/new-clients-are-let-in-again-with-no-other-to-leave', async (stage) => {
  const gateway = await stage.gateway();
  const allow = (descriptors) => execFileSync('prlimit', ['--pid', String(gateway.pid), `--nofile=${descriptors}:`]);

  allow(3);
  const client = await stage.client(gateway);
  client.write(http.request('GET', '/health'));
  await gateway.waitFor(/No file descriptor is left/);
  allow(1024);
  assert.equal((await http.readAnswer(client)).status, 200);
});

behaviour('guard/deadline/half-a-head-gets-408-after-10-s', async (stage) => {
  const gateway = await stage.gateway();
  const silent = await stage.client(gateway);
  const client = await stage.client(gateway);
  const before = performance.now();

  client.write('GET /v1/models HTTP/1.1\r\nHost: localhost\r\n');
  const answer = await http.readAnswer(client);
  const seconds = (performance.now() - before) / 1000;
  assert.equal(answer.status, 408);
  assert.equal(answer.json().error.code, 'request_timeout');
  assert.equal((await client.takeAll()).length, 0);
  assert.ok(seconds >= 9.9 && seconds < 13, `${seconds} s`);

  assert.equal((await silent.takeAll()).length, 0, 'one that never spoke is closed without a word');
  assert.equal(silent.over, 'fin');
});
