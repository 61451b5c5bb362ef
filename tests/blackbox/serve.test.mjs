/* SPDX-License-Identifier: MIT
 *
 * `vampire serve` as a program: how it starts, what it says when it cannot, how signals stop and change it.
 */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { performance } from 'node:perf_hooks';

import { Gateway } from './lib/gateway.mjs';
import * as http from './lib/http.mjs';
import { parseData } from './lib/sse.mjs';
import { behaviour, signal } from './lib/stage.mjs';
import { Wire } from './lib/wire.mjs';

const SENTENCE = /^vampire: [A-Z"][^\n]*[.?]\n$/;

const answerOk = (request, wire) => wire.write(http.json({ ok: true }));

/* -- Starting ------------------------------------------------------------------------------ */

behaviour('serve/start/says-one-line-on-stdout', async (stage) => {
  const gateway = await stage.gateway();

  assert.equal((await gateway.ask('GET', '/health')).status, 200);
  assert.equal(gateway.stdout, `Vampire listening on http://127.0.0.1:${gateway.port}/v1\n`);
});

behaviour('serve/start/port-0-takes-a-free-port', async (stage) => {
  const first = await stage.gateway();
  const second = await stage.gateway();

  assert.ok(first.port > 0 && second.port > 0);
  assert.notEqual(first.port, second.port);
});

behaviour('serve/start/both-loopback-addresses-answer', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(answerOk) });

  for (const host of ['127.0.0.1', '::1']) {
    const wire = await Wire.connect(gateway.port, host);

    wire.write(http.request('GET', '/v1/echo'));
    assert.deepEqual((await http.readAnswer(wire)).json(), { ok: true }, host);
    await wire.destroy();
  }
  assert.deepEqual((await gateway.status()).listeners, [`127.0.0.1:${gateway.port}`, `[::1]:${gateway.port}`]);
});

behaviour('serve/start/host-localhost-is-both-loopback-addresses', async (stage) => {
  const gateway = await stage.gateway({ args: ['--host', 'localhost'] });

  await (await Wire.connect(gateway.port, '127.0.0.1')).destroy();
  await (await Wire.connect(gateway.port, '::1')).destroy();
});

behaviour('serve/start/busy-port-is-exit-1-with-one-sentence', async (stage) => {
  const gateway = await stage.gateway();
  const second = stage.run(['serve', '--port', String(gateway.port)]);

  assert.deepEqual(await second.ended, { code: 1, signal: null });
  assert.match(second.stderr, SENTENCE);
  assert.match(second.stderr, new RegExp(`\\b${gateway.port}\\b.*--port`));
  assert.equal(second.stdout, '');
});

behaviour('serve/start/port-busy-on-the-other-loopback-address-is-exit-1', async (stage) => {
  const other = net.createServer().listen(0, '::1');
  await once(other, 'listening');
  stage.defer(() => new Promise((resolve) => other.close(resolve)));
  const gateway = stage.run(['serve', '--port', String(other.address().port)]);

  assert.deepEqual(await gateway.ended, { code: 1, signal: null });
  assert.match(gateway.stderr, SENTENCE);
  assert.match(gateway.stderr, new RegExp(`\\b${other.address().port}\\b.*--port`));
});

const badInput = {
  'unknown-flag': { args: ['--prot', '9000'], says: /--prot\b.*--port/ },
  'bad-port': { args: ['--port', '70000'], says: /--port.*70000|70000.*--port/ },
  'bad-url': { args: ['--default-base-url', 'ftp://localhost:1234'], says: /--default-base-url.*http:\/\// },
  'bad-url-in-the-environment': {
    env: { VAMPIRE_DEFAULT_BASE_URL: 'localhost:1234' }, says: /VAMPIRE_DEFAULT_BASE_URL.*http:\/\//,
  },
  'bad-url-under-its-former-name': {
    env: { VAMPIRE_LMSTUDIO_BASE_URL: 'http://' }, says: /VAMPIRE_LMSTUDIO_BASE_URL/,
  },
  'unknown-key-in-the-file': { settings: 'prot=9000', says: /\bprot\b.*\bport\b/ },
  'other-computers-without-a-token': { args: ['--host', '0.0.0.0', '--port', '0'], says: /VAMPIRE_AUTH_TOKEN/ },
};

for (const [name, { args = [], env, settings, says }] of Object.entries(badInput)) {
  behaviour(`serve/start/${name}-is-exit-2`, async (stage) => {
    const home = stage.home();
    if (settings !== undefined)
      Gateway.writeSettings(home, settings);
    const gateway = stage.run(['serve', ...args], { env, home });

    assert.deepEqual(await gateway.ended, { code: 2, signal: null }, gateway.stderr);
    assert.match(gateway.stderr, SENTENCE);
    assert.match(gateway.stderr, says);
    assert.equal(gateway.stdout, '');
  });
}

behaviour('serve/start/unreadable-config-is-exit-1', async (stage) => {
  const gateway = stage.run(['serve', '--config', '/nonexistent/vampire.conf']);

  assert.deepEqual(await gateway.ended, { code: 1, signal: null });
  assert.match(gateway.stderr, SENTENCE);
  assert.match(gateway.stderr, /\/nonexistent\/vampire\.conf/);
});

behaviour('serve/start/flag-over-environment-over-file', async (stage) => {
  const nodes = [];
  for (const name of ['flag', 'environment', 'file'])
    nodes.push(await stage.node((request, wire) => wire.write(http.json(name))));
  const [flag, environment, file] = nodes;
  const settings = `default_base_url=${file.url}`;
  const env = { VAMPIRE_DEFAULT_BASE_URL: environment.url };
  const answerOf = async (options) => (await (await stage.gateway(options)).ask('GET', '/v1/echo')).json();

  assert.equal(await answerOf({ node: flag, env, settings }), 'flag');
  assert.equal(await answerOf({ node: null, env, settings }), 'environment');
  assert.equal(await answerOf({ node: null, settings }), 'file');
});

/* -- Stopping ------------------------------------------------------------------------------ */

for (const name of ['SIGTERM', 'SIGINT']) {
  behaviour(`serve/stop/${name}-when-idle-ends-at-once`, async (stage) => {
    const gateway = await stage.gateway();
    const idle = await stage.client(gateway);
    const kept = await stage.client(gateway);

    kept.write(http.request('GET', '/health'));
    assert.equal((await http.readAnswer(kept)).status, 200);
    const before = performance.now();
    gateway.signal(name);
    assert.deepEqual(await gateway.ended, { code: 0, signal: null });
    assert.ok(performance.now() - before < 5000, 'without waiting for idle connections');
    assert.equal((await idle.closed).how, 'fin');
    assert.equal((await kept.closed).how, 'fin');
  });
}

behaviour('serve/stop/a-stream-that-ends-in-time-is-whole', async (stage) => {
  const stopping = signal();
  const node = await stage.node(async (request, wire) => {
    wire.write(http.STREAM_HEAD, http.chunk('data: 1\n\n'));
    await stopping;
    wire.write(http.chunk('data: 2\n\n'), http.chunk('data: [DONE]\n\n'), http.LAST_CHUNK);
  });
  const gateway = await stage.gateway({ node });
  const client = await stage.client(gateway);

  client.write(http.request('POST', '/v1/chat/completions', { body: '{}' }));
  await http.readAnswerHead(client);
  assert.equal(String(await http.readChunk(client)), 'data: 1\n\n');
  gateway.signal('SIGTERM');
  await gateway.waitFor(/Stopping/);
  await assert.rejects(gateway.connect(), { code: 'ECONNREFUSED' }, 'nobody else is let in');
  stopping.resolve();

  let rest = '';
  for (let piece; (piece = await http.readChunk(client)) !== null;)
    rest += piece;
  assert.equal(rest, 'data: 2\n\ndata: [DONE]\n\n');
  assert.equal((await client.closed).how, 'fin');
  assert.deepEqual(await gateway.ended, { code: 0, signal: null });
});

behaviour('serve/stop/what-does-not-end-is-ended-properly-after-10-s', async (stage) => {
  const [asked, begun] = [signal(), signal()];
  const node = await stage.node((request, wire) => {
    if (request.target === '/v1/stream')
      wire.write(http.STREAM_HEAD, http.chunk('data: 1\n\ndata: half an ev'));
    else if (request.target === '/v1/length')
      wire.write('HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 100\r\n\r\nhalf');
    else if (request.target === '/v1/document')
      wire.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"half":')
        .then(begun.resolve);
    else
      asked.resolve();
  });
  const gateway = await stage.gateway({ node });
  const [stream, length, document, silent] = await Promise.all([1, 2, 3, 4].map(() => stage.client(gateway)));

  stream.write(http.request('POST', '/v1/stream', { body: '{"stream":true}' }));
  await http.readAnswerHead(stream);
  assert.equal(String(await http.readChunk(stream)), 'data: 1\n\n');
  length.write(http.request('POST', '/v1/length', { body: '{}' }));
  assert.equal((await http.readAnswerHead(length)).length, 100);
  document.write(http.request('POST', '/v1/document', { body: '{}' }));
  await begun;
  silent.write(http.request('POST', '/v1/silent', { body: '{}' }));
  await asked;

  const before = performance.now();
  gateway.signal('SIGTERM');

  let rest = '';
  for (let piece; (piece = await http.readChunk(stream)) !== null;)
    rest += piece;
  const [error, done, ...more] = parseData(Buffer.from(rest));
  assert.equal(JSON.parse(error).error.code, 'shutting_down');
  assert.equal(done, '[DONE]');
  assert.deepEqual(more, []);
  assert.ok(performance.now() - before > 9000, 'not before its time was over');

  assert.equal(String(await length.takeAll()), 'half', 'torn, not made to look whole');
  for (const wire of [document, silent]) {
    const answer = await http.readAnswer(wire);

    assert.equal(answer.status, 503);
    assert.equal(answer.json().error.code, 'shutting_down');
  }

  assert.deepEqual(await gateway.ended, { code: 0, signal: null });
  assert.ok(performance.now() - before < 15000, 'not long after its time was over');
});

behaviour('serve/stop/a-half-sent-request-is-told-so-at-once', async (stage) => {
  const node = await stage.node(() => assert.fail('half a request reached the node'));
  const gateway = await stage.gateway({ node });
  const client = await stage.client(gateway);

  // The 100 says that its head was taken.
  client.write(http.request('POST', '/v1/x', { fields: [['Content-Length', '1000'], ['Expect', '100-continue']] }));
  await client.takeThrough('\r\n\r\n');
  client.write('{"half":');
  const before = performance.now();
  gateway.signal('SIGTERM');
  const answer = await http.readAnswer(client);
  assert.equal(answer.status, 503);
  assert.equal(answer.json().error.code, 'shutting_down');
  await client.destroy();
  assert.deepEqual(await gateway.ended, { code: 0, signal: null });
  assert.ok(performance.now() - before < 5000);
});

behaviour('serve/stop/a-second-signal-ends-at-once', async (stage) => {
  const node = await stage.node((request, wire) => wire.write(http.STREAM_HEAD, http.chunk('data: 1\n\n')));
  const gateway = await stage.gateway({ node });
  const client = await stage.client(gateway);

  client.write(http.request('POST', '/v1/chat/completions', { body: '{}' }));
  await http.readAnswerHead(client);
  await http.readChunk(client);
  gateway.signal('SIGTERM');
  await gateway.waitFor(/Stopping/);
  const before = performance.now();
  gateway.signal('SIGTERM');
  gateway.expectedEnd = await gateway.ended;
  assert.ok(performance.now() - before < 5000);
  assert.equal(gateway.end.signal, null, 'it ends itself');
});

/* -- Reloading ----------------------------------------------------------------------------- */

behaviour('serve/reload/default-base-url-and-token-change-on-SIGHUP', async (stage) => {
  const first = await stage.node((request, wire) => wire.write(http.json('first')));
  const second = await stage.node((request, wire) => wire.write(http.json('second')));
  const gateway = await stage.gateway({ node: null, settings: `default_base_url=${first.url}\nauth_token=alpha` });
  const client = await stage.client(gateway);
  const ask = async (token) => {
    client.write(http.request('GET', '/v1/echo', { fields: [['Authorization', `Bearer ${token}`]] }));
    const answer = await http.readAnswer(client);
    return answer.status === 200 ? answer.json() : answer.status;
  };

  assert.equal(await ask('alpha'), 'first');
  assert.equal(await ask('beta'), 401);
  Gateway.writeSettings(gateway.home, `default_base_url=${second.url}\nauth_token=beta`);
  gateway.signal('SIGHUP');
  await gateway.waitFor(/reloaded/);
  assert.equal(await ask('alpha'), 401);
  assert.equal(await ask('beta'), 'second');
});

behaviour('serve/reload/bad-settings-leave-the-old-ones-in-force', async (stage) => {
  const node = await stage.node(answerOk);
  const gateway = await stage.gateway({ node: null, settings: `default_base_url=${node.url}` });

  Gateway.writeSettings(gateway.home, 'default_base_url=nonsense');
  gateway.signal('SIGHUP');
  await gateway.waitFor(/The old settings stay in force\. .*default_base_url/);
  assert.deepEqual((await gateway.ask('GET', '/v1/echo')).json(), { ok: true });
});

behaviour('serve/reload/a-running-answer-goes-on', async (stage) => {
  const reloaded = signal();
  const node = await stage.node(async (request, wire) => {
    wire.write(http.STREAM_HEAD, http.chunk('data: 1\n\n'));
    await reloaded;
    wire.write(http.chunk('data: [DONE]\n\n'), http.LAST_CHUNK);
  });
  const other = await stage.node(answerOk);
  const gateway = await stage.gateway({ node: null, settings: `default_base_url=${node.url}` });
  const client = await stage.client(gateway);

  client.write(http.request('POST', '/v1/chat/completions', { body: '{}' }));
  await http.readAnswerHead(client);
  await http.readChunk(client);
  Gateway.writeSettings(gateway.home, `default_base_url=${other.url}`);
  gateway.signal('SIGHUP');
  await gateway.waitFor(/reloaded/);
  assert.deepEqual((await gateway.ask('GET', '/v1/echo')).json(), { ok: true });
  reloaded.resolve();
  assert.equal(String(await http.readChunk(client)), 'data: [DONE]\n\n');
  assert.equal(await http.readChunk(client), null);
});
