/* SPDX-License-Identifier: MIT
 *
 * What the gateway tells of itself: its status, its errors, and its log, which never holds what people ask.
 */

import assert from 'node:assert/strict';

import * as http from './lib/http.mjs';
import { chat, serves } from './lib/nodes.mjs';
import { otherFields } from './lib/routed.mjs';
import { behaviour, signal } from './lib/stage.mjs';
import { deadPort } from './lib/upstream.mjs';

const answerOk = (request, wire) => wire.write(http.json({ ok: true }));

/* -- Status -------------------------------------------------------------------------------- */

behaviour('report/status/shape', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(answerOk) });
  const answer = await gateway.ask('GET', '/vampire/v1/status');
  const { version, instance, uptime_seconds: uptime, keyring, ...rest } = answer.json();

  assert.equal(answer.status, 200);
  assert.match(answer.head.get('Content-Type'), /^application\/json\b/);
  assert.match(version, /^\d+\.\d+\.\d+$/);
  assert.match(instance, /^[0-9a-f-]{36}$/);
  assert.ok(Number.isInteger(uptime) && uptime >= 0 && uptime < 60);
  assert.match(keyring.state, /^(unknown|file)$/); /* it is asked while the gateway serves already */
  assert.deepEqual(rest, {
    object: 'vampire.status', nodes_total: 1, nodes_online: 0, nodes_offline: 0, nodes_pending: 0, paused: false, demo: false,
    listeners: [`127.0.0.1:${gateway.port}`, `[::1]:${gateway.port}`], active_requests: 0,
    share: { mode: 'off', enabled: false, open: false, ends_at: null }, share_trouble: null, dns_sd: 'off',
    store: { trouble: null, set_aside: null },
  });
});

behaviour('report/status/version-is-that-of-the-program', async (stage) => {
  const program = stage.run(['--version']);
  const gateway = await stage.gateway();

  assert.deepEqual(await program.ended, { code: 0, signal: null });
  assert.equal(program.stdout, `vampire ${(await gateway.status()).version}\n`);
});

behaviour('report/status/instance-is-of-one-run', async (stage) => {
  const first = await stage.gateway();
  const second = await stage.gateway();
  const { instance } = await first.status();

  assert.equal((await first.status()).instance, instance);
  assert.notEqual((await second.status()).instance, instance);
});

behaviour('report/status/follows-what-happens', async (stage) => {
  const asked = signal();
  const answering = signal();
  const node = await stage.node(async (request, wire) => {
    asked.resolve();
    await answering;
    wire.write(http.json({ ok: true }));
  });
  const gateway = await stage.gateway({ node });
  const answer = gateway.ask('GET', '/v1/x');

  await asked;
  assert.equal((await gateway.status()).active_requests, 1);
  answering.resolve();
  await answer;
  const { active_requests: active, nodes_online: online } = await gateway.status();
  assert.deepEqual([active, online], [0, 1]);
});

behaviour('report/health', async (stage) => {
  const gateway = await stage.gateway();
  const answer = await gateway.ask('GET', '/health');

  assert.equal(answer.status, 200);
  assert.equal(answer.json().status, 'ok');
  const head = await gateway.ask('HEAD', '/health');
  assert.equal(head.status, 200);
  assert.equal(head.head.length, answer.body.length);
});

behaviour('report/errors/unknown-path-has-detail-and-error', async (stage) => {
  const node = await stage.node(answerOk);
  const gateway = await stage.gateway({ node });

  for (const [method, target] of [['GET', '/nowhere'], ['POST', '/vampire/v1/nothing'], ['GET', '/v2/models'],
                                  ['GET', '/v1x'], ['DELETE', '/%2e%2e/v1/models'], ['GET', '/vampire/v1/status/']]) {
    const answer = await gateway.ask(method, target, { body: method === 'POST' ? '{}' : undefined });
    const { detail, error } = answer.json();

    assert.equal(answer.status, 404, target);
    assert.equal(error.code, 'not_found');
    assert.equal(detail, error.message);
  }
  assert.equal(node.wires.length, 0);
});

behaviour('report/errors/known-path-with-another-method-is-405', async (stage) => {
  const gateway = await stage.gateway();

  for (const target of ['/vampire/v1/status', '/health', '/']) {
    const answer = await gateway.ask('POST', target, { body: '{}' });

    assert.equal(answer.status, 405);
    assert.match(answer.head.get('Allow'), /\bGET\b/);
    assert.equal(answer.json().error.code, 'method_not_allowed');
  }
});

/* -- Access log ---------------------------------------------------------------------------- */

const ACCESS = / info +(\S+) (\S+) (\d+|-) (\d+)B (-|\d+\.\d+ms) (\d+\.\d+ms) (\S+) ([a-z ]+)$/m;

/* The next access line of the log for @path, as an array of its fields. */
const accessLine = async (gateway, path) => {
  const lines = await gateway.waitFor(new RegExp(`^.* ${path.replace(/[.*+?^$\\|()[\]{}]/g, '\\$&')} .*\n`, 'm'));

  return lines[0].trimEnd().match(ACCESS)?.slice(1);
};

behaviour('report/access-log/line-of-a-relayed-request', async (stage) => {
  const node = await stage.node((request, wire) => wire.write(http.answer(201, [], 'twelve bytes')));
  const gateway = await stage.gateway({ node });

  await gateway.ask('POST', '/v1/chat/completions?key=hidden', { body: '{}' });
  const [method, path, status, bytes, first, total, id, outcome] = await accessLine(gateway, '/v1/chat/completions');
  assert.deepEqual([method, path, status, bytes, id, outcome],
                   ['POST', '/v1/chat/completions', '201', '12', `node-127-0-0-1-${node.port}`, 'done']);
  assert.ok(parseFloat(first) >= 0 && parseFloat(first) <= parseFloat(total), `${first} ${total}`);
});

behaviour('report/access-log/every-request-has-a-line', async (stage) => {
  const gateway = await stage.gateway({ env: { VAMPIRE_AUTH_TOKEN: 'secret' } });
  const requests = [['GET', '/health', {}, '200'], ['GET', '/nowhere', {}, '404'], ['GET', '/v1/models', {}, '401'],
                    ['GET', '/vampire/v1/status', { host: 'evil.com' }, '403'], ['OPTIONS', '/v1/x', {}, '204']];

  for (const [method, target, options] of requests)
    await gateway.ask(method, target, options);
  for (const [method, target, , status] of requests) {
    const line = await accessLine(gateway, target);

    assert.deepEqual(line?.slice(0, 3), [method, target, status]);
  }
});

behaviour('report/access-log/how-it-ended', async (stage) => {
  const asked = signal();
  const node = await stage.node(async (request, wire) => {
    if (request.target === '/v1/gone') {
      asked.resolve();
      return;
    }
    if (request.target === '/v1/broken')
      await wire.write(http.STREAM_HEAD, http.chunk('data: 1\n\n'));
    await wire.reset();
  });
  const gateway = await stage.gateway({ node });
  const client = await stage.client(gateway);
  const ends = async (path) => {
    const line = await accessLine(gateway, path);
    return [line[2], line[7]];
  };

  await gateway.ask('GET', '/v1/dead');
  assert.deepEqual(await ends('/v1/dead'), ['502', 'upstream failed']);
  await gateway.ask('GET', '/v1/broken');
  assert.deepEqual(await ends('/v1/broken'), ['200', 'upstream failed']);
  client.write(http.request('GET', '/v1/gone'));
  await asked;
  client.destroy();
  assert.deepEqual(await ends('/v1/gone'), ['-', 'client gone']);
});

behaviour('report/access-log/refused-is-what-no-node-was-asked-for', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway({ node });
  const refused = async (path, model, status, code) => {
    const answer = await chat(gateway, model, { target: path });
    const line = await accessLine(gateway, path);

    assert.deepEqual([answer.status, answer.json().error.code], [status, code]);
    assert.deepEqual([line[2], line[7]], [String(status), 'refused']);
    assert.deepEqual(otherFields(answer.head, { route: `default:${model}`, node: null }).map(([name]) => name).sort(),
                     ['Content-Length', 'Content-Type', status === 503 ? 'Retry-After' : 'x-should-retry']);
  };

  await gateway.call('POST', '/nodes', { id: 'a', base_url: node.url });
  await refused('/v1/chat/completions', 'none', 404, 'model_not_found');
  await gateway.call('PATCH', '/nodes/a', { status: 'draining' });
  await refused('/v1/completions', 'm', 503, 'no_route_target');
  assert.equal(node.requests.filter(({ method }) => method === 'POST').length, 0);
});

behaviour('report/access-log/no-client-forges-a-line', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(answerOk) });

  await gateway.ask('GET', '/v1/\x80\xff"\\%0a\xe2\x80\xae');
  const [method, path] = await accessLine(gateway, '/v1/%80%FF"\\%0a%E2%80%AE');
  assert.deepEqual([method, path], ['GET', '/v1/%80%FF"\\%0a%E2%80%AE']);
  assert.match(gateway.stderr, /^[\x20-\x7e\n]*$/);
});

behaviour('report/access-log/silent-above-info', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(answerOk), args: ['--log-level', 'warning'] });

  await gateway.ask('GET', '/v1/echo');
  await gateway.stop();
  assert.equal(gateway.stderr, '');
});

behaviour('report/log/json-lines-parse', async (stage) => {
  const node = { url: `http://127.0.0.1:${await deadPort()}` };
  const gateway = await stage.gateway({ node, args: ['--log-format', 'json', '--log-level', 'debug'] });

  await gateway.ask('POST', '/v1/a"b\\c?secret', { body: '{}' });
  await gateway.ask('GET', '/health');
  await gateway.stop();
  const lines = gateway.stderr.trimEnd().split('\n').map((line) => JSON.parse(line));
  for (const line of lines) {
    assert.match(line.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d$/);
    assert.match(line.level, /^(debug|info|warning)$/);
    assert.equal(typeof line.message, 'string');
  }
  const line = lines.find(({ message }) => message === 'request');
  const { time, first_byte_ms: first, total_ms: total, bytes, ...access } = line;
  assert.ok(time && bytes > 0 && first >= 0 && total >= first);
  assert.deepEqual(access, {
    level: 'info', domain: 'vampire', message: 'request', method: 'POST', path: '/v1/a"b\\c', status: 502,
    node: `node-127-0-0-1-${node.url.split(':')[2]}`, outcome: 'upstream failed',
  });
  assert.ok(lines.some((line) => line.level === 'warning'), 'that nobody answers');
});

behaviour('report/log/no-prompt-answer-or-token-at-debug', async (stage) => {
  const secret = (what) => `S3CR3T-${what}`;
  const node = await stage.node(async (request, wire) => {
    const field = [['X-Answer', secret('answer-field')]];

    if (request.target.startsWith('/v1/stream')) {
      await wire.write(http.STREAM_HEAD, http.chunk(`data: ${secret('event')}\n\ndata: ${secret('half')}`));
      await wire.reset();
    } else if (request.target.startsWith('/v1/dead')) {
      await wire.write(`HTTP/1.1 200 ${secret('reason')}\r\nX: ${secret('half-a-head')}`);
      await wire.reset();
    } else if (request.target.startsWith('/v1/garbage')) {
      await wire.write(`${secret('garbage')}\r\n\r\n`);
      await wire.reset();
    } else {
      wire.write(http.answer(500, field, secret('answer')));
    }
  });
  const gateway = await stage.gateway({
    node, args: ['--log-level', 'debug'], settings: `auth_token=${secret('token')}`,
  });
  const fields = [['Authorization', `Bearer ${secret('token')}`], ['Cookie', secret('cookie')],
                  ['X-F', secret('field')]];
  const messages = [{ content: secret('prompt') }];
  const body = JSON.stringify({ model: secret('model'), user: secret('user'), messages });
  const chunked = [...fields, ['Transfer-Encoding', 'chunked']];

  for (const target of ['/v1/x', '/v1/stream', '/v1/dead', '/v1/garbage', '/vampire/v1/status', '/nowhere'])
    await gateway.ask('POST', `${target}?${secret('query')}`, { fields, body });
  for (const wrong of [[['Authorization', secret('wrong')]], [['x-api-key', secret('wrong-key')]]])
    await gateway.ask('POST', '/v1/x', { fields: wrong, body });
  await gateway.ask('GET', '/v1/x', { host: secret('host') });
  await gateway.ask('GET', '/v1/x', { fields: [['Origin', `https://${secret('origin')}`]] });
  await gateway.ask('POST', '/v1/x', { fields: [['Bad Field', secret('bad')]], body });
  await gateway.ask('POST', '/v1/x', { fields: chunked, body: `zz${secret('chunk')}` });
  gateway.signal('SIGHUP');
  await gateway.waitFor(/reloaded/);
  await gateway.stop();
  assert.ok(gateway.stderr.includes('/v1/stream'), 'the log is there');
  assert.doesNotMatch(gateway.stderr, /S3CR3T/i);
});
