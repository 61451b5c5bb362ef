/* SPDX-License-Identifier: MIT
 *
 * Sharing with other computers: nobody is there to be connected to before the owner says so, nobody gets an answer
 * without a key, and stop means stop.
 */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';

import { getNode, join } from './lib/fleet.mjs';
import {
  AT_DOOR, DOOR, askAsGuest, bearer, createKey, isOpen, revoke, share, stopSharing, visit,
} from './lib/guests.mjs';
import * as http from './lib/http.mjs';
import { chat, serves } from './lib/nodes.mjs';
import { VIRTUAL, otherFields } from './lib/routed.mjs';
import { parseData } from './lib/sse.mjs';
import { behaviour, signal } from './lib/stage.mjs';
import { elapsed } from './lib/time.mjs';

const OTHER_DOOR = '127.0.0.3';
const DATE = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;

const prompt = (model, more = {}) => JSON.stringify({ model, messages: [{ role: 'user', content: 'hello' }], ...more });

/* A node with a model that begins a stream and goes on with it when told: serving.proceed.resolve(). */
async function streamingNode(stage) {
  const serving = { proceed: signal() };

  serving.node = await stage.node(serves(['m', 'n'], async (request, wire) => {
    await wire.write(http.STREAM_HEAD, http.chunk('data: 1\n\n'), http.chunk('data: half of'));
    await serving.proceed;
    wire.write(http.chunk(' 2\n\n'), http.chunk('data: [DONE]\n\n'), http.LAST_CHUNK);
  }));
  return serving;
}

/* A shared gateway with a node and a guest's key. */
async function sharedGateway(stage, { node, mode = 'family', more, env, ...options } = {}) {
  const gateway = await stage.gateway({
    node: node ?? await stage.node(serves(['m', 'n'])), env: { ...AT_DOOR, ...env }, ...options,
  });

  await share(gateway, mode, more);
  const key = await createKey(gateway);
  return { gateway, key };
}

/* A guest's stream that has begun. */
async function beginStream(stage, gateway, key, { address, model = 'm' } = {}) {
  const wire = await visit(gateway, address);

  stage.defer(() => wire.destroy());
  wire.write(http.request('POST', '/v1/chat/completions', { fields: bearer(key.key), body: prompt(model) }));
  const head = await http.readAnswerHead(wire);
  assert.equal(head.status, 200);
  assert.equal(String(await http.readChunk(wire)), 'data: 1\n\n');
  return wire;
}

/* A stream that was ended: what is left of it is whole events, the last two say why and that it is over. */
async function assertEndedStream(wire) {
  const rest = [];
  let piece;

  while ((piece = await http.readChunk(wire)) !== null)
    rest.push(piece);
  const [error, done, ...more] = parseData(Buffer.concat(rest));
  assert.equal(JSON.parse(error).error.code, 'access_ended');
  assert.deepEqual([done, more], ['[DONE]', []]);
  assert.equal((await wire.takeAll()).length, 0);
  assert.equal(wire.over, 'fin', 'and the connection is closed');
}

const refused = async (gateway, method, target, options) => {
  const { status, head, json } = await askAsGuest(gateway, method, target, options);

  return { status, challenge: head.get('WWW-Authenticate'), ...method === 'HEAD' ? {} : { code: json().error.code } };
};

/* -- Open and closed ----------------------------------------------------------------------- */

behaviour('share/modes/off-and-local-mean-this-computer-only', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(serves(['m'])), env: AT_DOOR });
  const nobody = { last_mode: 'personal', open: false, listeners: [], trouble: null, keys: 0, clients: 0, ends_at: null,
                   duration: null, model: null };

  assert.equal(await isOpen(gateway), false);
  assert.deepEqual(await gateway.call('GET', '/share'),
                   { object: 'vampire.share', mode: 'off', enabled: false, ...nobody });
  for (const [mode, enabled] of [['local', true], ['local', false], ['off', false], ['family', false]]) {
    assert.deepEqual(await gateway.call('POST', '/share', { mode, enabled }),
                     { object: 'vampire.share', mode, enabled, ...nobody });
    assert.equal(await isOpen(gateway), false, mode);
    assert.equal((await chat(gateway, 'm')).status, 200);
  }
});

for (const mode of ['personal', 'family', 'business', 'event']) {
  behaviour(`share/modes/${mode}-opens-a-door-at-the-same-port`, async (stage) => {
    const gateway = await stage.gateway({
      node: await stage.node(serves(['m'])), env: { VAMPIRE_SHARE_ADDRESS: `${DOOR},${OTHER_DOOR}` },
    });
    const listeners = [DOOR, OTHER_DOOR].map((address) => `${address}:${gateway.port}`);
    const answer = await share(gateway, mode);

    assert.deepEqual(answer, {
      object: 'vampire.share', mode, last_mode: mode, enabled: true, duration: null, model: null, open: true,
      ends_at: null, listeners, trouble: null, keys: 0, clients: 0,
    });
    assert.deepEqual(await gateway.call('GET', '/share'), answer);
    const { share: shown } = await gateway.status();
    assert.deepEqual(shown, { mode, enabled: true, open: true, ends_at: null });
    const { key } = await createKey(gateway);
    for (const address of [DOOR, OTHER_DOOR])
      assert.equal((await askAsGuest(gateway, 'GET', '/v1/models', { key, address })).status, 200);
    assert.equal(await isOpen(gateway, '127.0.0.4'), false);

    await stopSharing(gateway);
    for (const address of [DOOR, OTHER_DOOR])
      assert.equal(await isOpen(gateway, address), false);
    assert.equal((await chat(gateway, 'm')).status, 200, 'this computer goes on');
  });
}

behaviour('share/modes/what-contradicts-itself-is-refused', async (stage) => {
  const { gateway } = await sharedGateway(stage, { more: { duration: '8h' } });
  const before = await gateway.call('GET', '/share');

  for (const document of [
    { mode: 'off', enabled: true }, { mode: 'off', enabled: false, duration: '1h' },
    { mode: 'local', enabled: true, duration: '1h' }, { mode: 'local', enabled: true, model: 'm' },
    { mode: 'family', enabled: false, duration: '1h' }, { mode: 'family', enabled: false, model: 'm' },
    { mode: 'family', enabled: true, duration: 'for ever' }, { mode: 'family', enabled: true, duration: '0s' },
    { mode: 'family', enabled: true, duration: '-1h' }, { mode: 'family', enabled: true, duration: '' },
    { mode: 'family', enabled: true, duration: '400d' }, { mode: 'family', enabled: true, duration: 5 },
    { mode: 'family', enabled: true, model: '' }, { mode: 'family', enabled: true, model: 'a\u202eb' },
    { mode: 'everybody', enabled: true }, { mode: 'family', enabled: 'yes' }, { mode: 'family' },
    { enabled: 'yes' }, {},
  ]) {
    const { detail, error } = await gateway.call('POST', '/share', document, { status: 422 });

    assert.equal(error.code, 'invalid_field', JSON.stringify(document));
    assert.ok(Array.isArray(detail) && detail.length > 0);
  }
  assert.deepEqual(await gateway.call('GET', '/share'), before);
  assert.equal(await isOpen(gateway), true);
});

behaviour('share/modes/durations-of-both-notations', async (stage) => {
  const gateway = await stage.gateway({ env: AT_DOOR });

  for (const [duration, seconds] of [['90s', 90], ['30m', 1800], ['8h', 28800], ['PT8H', 28800], ['1h30m', 5400],
                                     ['P1DT12H', 129600], ['2d', 172800]]) {
    const before = Date.now();
    const { duration: kept, ends_at: end } = await share(gateway, 'event', { duration });

    assert.equal(kept, duration);
    assert.match(end, DATE);
    const start = Date.parse(end) - seconds * 1000;
    assert.ok(start >= before - 1 && start <= Date.now(), `${duration}: ${end}`);
  }
});

behaviour('share/doors/an-address-that-is-not-there-is-said', async (stage) => {
  const gateway = await stage.gateway({ env: { VAMPIRE_SHARE_ADDRESS: '192.0.2.1' } });
  const { enabled, listeners, trouble } = await share(gateway, 'family');

  assert.deepEqual([enabled, listeners], [true, []]);
  assert.match(trouble, /192\.0\.2\.1/);
  assert.equal((await gateway.status()).share_trouble, trouble);
});

/* -- Nobody without a key ------------------------------------------------------------------ */

behaviour('share/keys/nobody-gets-an-answer-without-one', async (stage) => {
  const node = await stage.node(serves(['m']));
  const { gateway, key } = await sharedGateway(stage, { node });
  const { instance } = await gateway.status();
  const asked = node.requests.length;
  const none = { status: 401, challenge: 'Bearer', code: 'missing_or_invalid_key' };
  const wrong = [`${key.key}x`, key.key.slice(0, -1), key.key.toUpperCase(), key.id, key.hint, 'vmp_', ' ', instance];

  for (const target of ['/', '/health', '/v1', '/v1/models', '/v1/models/m', '/v1/chat/completions', '/v1/x',
                        '/nowhere', '/vampire/v1/status', '/vampire/v1/nodes', '/vampire/v1/share', '/vampire/v1/keys',
                        '/vampire/v1/events', '/vampire/v1/openapi.json', '/vampire/v%31/status', '/favicon.ico']) {
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      const { status, challenge, code = none.code } = await refused(gateway, method, target);

      assert.deepEqual({ status, challenge, code }, none, `${method} ${target}`);
    }
  }
  for (const secret of wrong)
    assert.deepEqual(await refused(gateway, 'GET', '/v1/models', { key: secret }), none, secret);
  for (const fields of [[['Authorization', key.key]], [['Authorization', `Basic ${key.key}`]], [['X-Key', key.key]],
                        [['Cookie', `key=${key.key}`]]])
    assert.deepEqual(await refused(gateway, 'GET', '/v1/models', { fields }), none);
  assert.deepEqual(await refused(gateway, 'GET', `/v1/models?key=${key.key}`), none);
  assert.deepEqual(await refused(gateway, 'POST', '/v1/chat/completions', { body: prompt('m') }), none);
  assert.equal(node.requests.length, asked);
});

behaviour('share/keys/a-web-page-gets-no-answer-either', async (stage) => {
  const { gateway, key } = await sharedGateway(stage, { env: { VAMPIRE_CORS_ORIGINS: 'https://chat.example' } });
  const preflight = (origin) => askAsGuest(gateway, 'OPTIONS', '/v1/chat/completions', {
    fields: [['Origin', origin], ['Access-Control-Request-Method', 'POST'],
             ['Access-Control-Request-Headers', 'authorization']],
  });

  for (const origin of ['https://evil.example', 'null'])
    assert.equal((await preflight(origin)).status, 403, origin);
  const { status, head } = await preflight('https://chat.example');
  assert.deepEqual([status, head.get('Access-Control-Allow-Origin')], [204, 'https://chat.example']);
  const page = (origin, options) =>
    askAsGuest(gateway, 'GET', '/v1/models', { fields: [['Origin', origin]], ...options });
  assert.equal((await page('https://chat.example')).status, 401);
  assert.equal((await page('https://evil.example', { key: key.key })).status, 403);
  assert.equal((await page('https://chat.example', { key: key.key })).status, 200);
});

behaviour('share/keys/models-are-for-guests-the-gateway-is-for-its-owner', async (stage) => {
  const node = await stage.node(serves(['m']));
  const { gateway, key } = await sharedGateway(stage, { node });
  const guest = (method, target, options) => askAsGuest(gateway, method, target, { key: key.key, ...options });

  const models = await guest('GET', '/v1/models');
  assert.deepEqual(models.json().data.map(({ id }) => id), [...VIRTUAL, 'm']);
  const answer = await guest('POST', '/v1/chat/completions', { body: prompt('m') });
  assert.equal(answer.json().choices[0].message.content, 'ok');
  otherFields(answer.head, { route: 'default:m', node: null, model: 'm' }); /* of the nodes they learn nothing */
  const byApiKey = { key: undefined, fields: [['X-API-Key', key.key]] };
  assert.equal((await guest('GET', '/v1/models', byApiKey)).status, 200, 'as clients of Anthropic send it');

  const { paths } = (await gateway.ask('GET', '/vampire/v1/openapi.json')).json();
  const calls = Object.entries(paths).flatMap(([template, methods]) =>
    Object.keys(methods).map((method) => [method.toUpperCase(), template.replace(/\{\w+\}/g, 'x')]));
  const control = calls.filter(([, target]) => target.startsWith('/vampire/v1'));
  assert.ok(control.length > 25);
  for (const [method, target] of control) {
    const { status, json } = await guest(method, target, { body: method === 'GET' ? undefined : '{}' });

    assert.deepEqual([status, json().error.code], [403, 'owner_only'], `${method} ${target}`);
  }
  const { data: [{ requests }] } = await gateway.call('GET', '/keys');
  assert.ok(requests > 0);
});

behaviour('share/keys/no-spelling-of-a-path-opens-the-control-api', async (stage) => {
  const { gateway, key } = await sharedGateway(stage);
  const locked = await stage.gateway({ env: { VAMPIRE_AUTH_TOKEN: 'secret' } });

  for (const target of ['/vampire/v%31/keys', '/%76ampire/v1/keys', '/vampire/v1/%6beys', '/vampire%2Fv1%2Fkeys',
                        '//vampire/v1/keys', '/vampire//v1/keys', '/./vampire/v1/keys', '/x/../vampire/v1/keys',
                        '/v1/../vampire/v1/keys', '/v1/%2e%2e/vampire/v1/keys', '/VAMPIRE/V1/KEYS', '/vampire/v1/keys/',
                        '/vampire/v1/keys;x', `http://127.0.0.1:${gateway.port}/vampire/v1/keys`,
                        `http://localhost/vampire/v%31/keys`, '/vampire/v1/keys?x', '/vampire/v1/keys#x']) {
    const asGuest = await askAsGuest(gateway, 'GET', target, { key: key.key });

    for (const answer of [asGuest, await locked.ask('GET', target)]) {
      assert.ok(answer.status >= 400, `${target}: ${answer.status}`);
      assert.ok(!answer.text().includes('"list"'), target);
    }
    const made = await askAsGuest(gateway, 'POST', target, { key: key.key, body: '{"name":"mine"}' });
    assert.ok(made.status >= 400 || target.startsWith('/v1/'), `${target}: ${made.status}`);
  }
  assert.equal((await gateway.call('GET', '/keys')).data.length, 1);
});

behaviour('share/keys/no-spelling-of-a-path-leads-out-of-v1-at-a-node', async (stage) => {
  const node = await stage.node(serves(['m']));
  const { gateway, key } = await sharedGateway(stage, { node });

  for (const target of ['/v1/..', '/v1/../api/v1/models/unload', '/v1/%2e%2e/api/v1/models', '/v1/x/.%2E/../api',
                        '/v1/./../api', '/v1//../api', '/v1/..%2fapi', '/v1/..\\api', '/v1/x%5C..%5c..%5capi',
                        'http://127.0.0.1/v1/../api/v1/models/load']) {
    for (const method of ['GET', 'POST']) {
      const answer = await askAsGuest(gateway, method, target, { key: key.key, body: '{"model":"m"}' });

      assert.equal(answer.status, 400, `${method} ${target}`);
    }
  }
  assert.deepEqual(node.requests.filter(({ target }) => target.includes('..') || target.includes('%2')), []);
  assert.equal((await askAsGuest(gateway, 'POST', '/v1/a/../b', { key: key.key, body: '{"model":"m"}' })).status, 200);
});

behaviour('share/keys/the-owners-token-opens-the-door-too', async (stage) => {
  const { gateway } = await sharedGateway(stage);
  const token = 'the-owners-own';

  await gateway.stop();
  const again = await stage.gateway({ home: gateway.home, env: { ...AT_DOOR, VAMPIRE_AUTH_TOKEN: token } });
  for (const target of ['/vampire/v1/status', '/vampire/v1/nodes', '/vampire/v1/share']) {
    assert.equal((await askAsGuest(again, 'GET', target, { key: token })).status, 200, target);
    assert.equal((await askAsGuest(again, 'GET', target, { key: `${token}x` })).status, 401);
  }
});

behaviour('share/keys/on-loopback', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway({ node, env: { VAMPIRE_AUTH_TOKEN: 'secret' } });
  const owner = bearer('secret');
  const create = await gateway.ask('POST', '/vampire/v1/keys', { fields: owner, body: '{"name":"app"}' });
  const { key, id } = create.json();

  assert.equal((await chat(gateway, 'm')).status, 401);
  assert.equal((await chat(gateway, 'm', { fields: bearer(key) })).status, 200, 'without any sharing');
  const control = await gateway.ask('GET', '/vampire/v1/status', { fields: bearer(key) });
  assert.deepEqual([control.status, control.json().error.code], [403, 'owner_only']);
  assert.equal((await gateway.ask('DELETE', `/vampire/v1/keys/${id}`, { fields: owner })).status, 200);
  assert.equal((await chat(gateway, 'm', { fields: bearer(key) })).status, 401);
});

behaviour('share/keys/what-clients-of-this-computer-send-anyhow-is-no-harm', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(serves(['m'])) });

  for (const fields of [bearer('lm-studio'), bearer('vmp_unknown'), [['X-API-Key', 'x']]])
    assert.equal((await chat(gateway, 'm', { fields })).status, 200);
});

/* -- Keys ---------------------------------------------------------------------------------- */

behaviour('share/keys/shown-once-and-kept-as-hashes', async (stage) => {
  const { gateway, key } = await sharedGateway(stage);
  const answers = [];
  const { key: secret, ...shown } = key;

  assert.match(secret, /^vmp_[A-Za-z0-9_-]{43}$/);
  assert.equal(shown.hint, secret.slice(-4));
  assert.deepEqual([shown.name, shown.expires_at, shown.last_used_at, shown.requests], ['guest', null, null, 0]);
  assert.match(shown.created_at, DATE);
  assert.deepEqual((await gateway.call('GET', '/keys')).data, [shown]);
  const other = await createKey(gateway, 'Ünïcode 🔑', { duration: '8h' });
  assert.notEqual(other.key, secret);
  assert.equal(Math.round((Date.parse(other.expires_at) - Date.parse(other.created_at)) / 1000), 8 * 3600);
  assert.deepEqual((await gateway.call('GET', '/keys')).data.map(({ name }) => name), ['guest', 'Ünïcode 🔑']);

  await askAsGuest(gateway, 'GET', '/v1/models', { key: secret });
  const [{ requests, last_used_at: lastUsed }] = (await gateway.call('GET', '/keys')).data;
  assert.equal(requests, 1);
  assert.match(lastUsed, DATE);

  for (const target of ['/keys', '/share', '/status', '/doctor', '/metrics', '/nodes'])
    answers.push((await gateway.ask('GET', `/vampire/v1${target}`)).text());
  await gateway.stop();
  const read = (folder) => readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const name = path.join(folder, entry.name);
    return entry.isDirectory() ? read(name) : entry.isFile() ? [readFileSync(name, 'latin1')] : [];
  });
  const files = read(gateway.home.path);
  assert.ok(files.some((text) => text.includes(key.id)), 'they are looked for in the right place');
  for (const text of [...files, ...answers, gateway.stderr, gateway.stdout]) {
    assert.ok(!text.includes(secret.slice(4, 24)) && !text.includes(secret.slice(-20)), 'no secret anywhere');
    assert.ok(!text.includes(other.key.slice(4, 24)));
  }
  assert.equal(statSync(path.join(gateway.home.path, 'data', 'vampire', 'vampire.db')).mode & 0o077, 0);
});

behaviour('share/keys/faults-name-the-field', async (stage) => {
  const gateway = await stage.gateway();

  for (const document of [{}, { name: '' }, { name: 5 }, { name: '   ' }, { name: 'a\nb' }, { name: 'a\u202eb' },
                          { name: 'x'.repeat(101) }, { name: 'a', duration: 'soon' }, { name: 'a', duration: 7 }]) {
    const { error } = await gateway.call('POST', '/keys', document, { status: 422 });

    assert.match(error.message, document.duration ? /duration/ : /name/, JSON.stringify(document));
  }
  const { detail, error } = await gateway.call('DELETE', '/keys/key-0000', undefined, { status: 404 });
  assert.deepEqual([detail, error.code], ['key not found', 'key_not_found']);
  assert.deepEqual((await gateway.call('GET', '/keys')).data, []);
});

behaviour('share/keys/revoking-one-ends-its-stream-and-nobody-elses', async (stage) => {
  const { node, proceed } = await streamingNode(stage);
  const { gateway, key } = await sharedGateway(stage, { node });
  const other = await createKey(gateway, 'other');
  const idle = await visit(gateway);
  const mine = await stage.client(gateway);

  idle.write(http.request('GET', '/v1/models', { fields: bearer(key.key) }));
  await http.readAnswer(idle);
  const [first, second] = [await beginStream(stage, gateway, key), await beginStream(stage, gateway, other)];
  mine.write(http.request('POST', '/v1/chat/completions', { body: prompt('m') }));
  await http.readAnswerHead(mine);

  assert.deepEqual(await revoke(gateway, key), { id: key.id, status: 'revoked' });
  await assertEndedStream(first);
  assert.deepEqual(await idle.takeSome(), null, 'its idle connection is closed, too');
  assert.equal((await refused(gateway, 'GET', '/v1/models', { key: key.key })).status, 401);
  await gateway.waitFor(/ \/v1\/chat\/completions .* revoked$/m);

  proceed.resolve();
  for (const wire of [second, mine]) {
    const rest = [];
    let piece;

    while ((piece = await http.readChunk(wire)) !== null)
      rest.push(piece);
    assert.deepEqual(parseData(Buffer.concat(rest)).slice(-2), ['half of 2', '[DONE]']);
  }
});

behaviour('share/keys/revoking-one-ends-a-request-that-waits-for-its-answer', async (stage) => {
  const asked = signal();
  const node = await stage.node(serves(['m'], () => asked.resolve()));
  const { gateway, key } = await sharedGateway(stage, { node });
  const guest = await visit(gateway);

  guest.write(http.request('POST', '/v1/chat/completions', { fields: bearer(key.key), body: prompt('m') }));
  await asked;
  await revoke(gateway, key);
  const answer = await http.readAnswer(guest);
  assert.deepEqual([answer.status, answer.json().error.code], [403, 'access_ended']);
  assert.equal(await guest.takeSome(), null);
  await node.wires.at(-1).closed;
});

behaviour('share/keys/revoking-one-ends-a-document-that-is-not-whole', async (stage) => {
  const begun = signal();
  const node = await stage.node(serves(['m'], async (request, wire) => {
    await wire.write('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"half": ');
    begun.resolve();
  }));
  const { gateway, key } = await sharedGateway(stage, { node });
  const guest = await visit(gateway);

  guest.write(http.request('POST', '/v1/chat/completions', { fields: bearer(key.key), body: prompt('m') }));
  await begun;
  await revoke(gateway, key);
  const answer = await http.readAnswer(guest);
  assert.deepEqual([answer.status, answer.json().error.code], [403, 'access_ended'], 'nothing of it was passed on');
  assert.equal(await guest.takeSome(), null);
  await node.wires.at(-1).closed;
});

behaviour('share/keys/a-stream-without-a-form-is-torn', async (stage) => {
  const node = await stage.node(serves(['m'], (request, wire) => wire.write(
    'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1000\r\n\r\nhalf of i')));
  const { gateway, key } = await sharedGateway(stage, { node });
  const guest = await visit(gateway);

  guest.write(http.request('POST', '/v1/chat/completions', { fields: bearer(key.key), body: prompt('m') }));
  await http.readAnswerHead(guest);
  await guest.take(9);
  await revoke(gateway, key);
  assert.equal((await guest.takeAll()).length, 0, 'nothing that could be taken for the rest');
});

/* What they send may be what fails it, so three such requests do not take the node from its owner. */
behaviour('share/keys/guests-errors-do-not-close-a-node', async (stage) => {
  const fails = (request, wire) => wire.write(http.json({ error: { message: 'Out of memory.' } }, 500));
  const gateway = await stage.gateway({ env: AT_DOOR });
  const node = await join(stage, gateway, 'a', ['m'], fails);
  const state = async () => {
    const { breaker, error_count: errors } = await getNode(gateway, 'a');

    return [breaker.state, breaker.failures, errors];
  };

  await share(gateway, 'family');
  const key = await createKey(gateway);
  for (let i = 0; i < 5; i++) {
    const answer = await askAsGuest(gateway, 'POST', '/v1/chat/completions', { key: key.key, body: prompt('m') });

    assert.equal(answer.status, 500);
  }
  assert.deepEqual(await state(), ['closed', 0, 5]);

  /* The owner's own do. */
  for (let i = 0; i < 3; i++)
    await gateway.ask('POST', '/v1/chat/completions', { body: prompt('m') });
  assert.deepEqual(await state(), ['open', 3, 8]);
  assert.equal(node.prompts.length, 8);
});

behaviour('share/keys/a-guest-that-does-not-read-cannot-keep-its-stream', async (stage) => {
  const asked = signal();
  const node = await stage.node(serves(['m'], async (request, wire) => {
    wire.write(http.STREAM_HEAD);
    for (let i = 0; i < 1000 && !wire.over; i++)
      wire.write(http.chunk(`data: ${'x'.repeat(64 * 1024)}\n\n`));
    asked.resolve();
  }));
  const { gateway, key } = await sharedGateway(stage, { node });
  const guest = await visit(gateway);

  guest.pause();
  guest.write(http.request('POST', '/v1/chat/completions', { fields: bearer(key.key), body: prompt('m') }));
  await asked;
  await revoke(gateway, key);
  await node.wires.at(-1).closed;
  const follower = await stage.follower(gateway);
  await follower.next('metric', ({ shared_connections: guests }) => guests === 0);
  await guest.destroy();
});

behaviour('share/keys/an-expired-one-ends-its-stream', async (stage) => {
  const { node } = await streamingNode(stage);
  const { gateway } = await sharedGateway(stage, { node });
  const follower = await stage.follower(gateway);
  const brief = await createKey(gateway, 'brief', { duration: '1s' });
  const wire = await beginStream(stage, gateway, brief);

  await follower.next('key', ({ id, state }) => id === brief.id && state === 'removed');
  await assertEndedStream(wire);
  assert.ok(Date.now() >= Date.parse(brief.expires_at) - 50);
  assert.equal((await refused(gateway, 'GET', '/v1/models', { key: brief.key })).status, 401);
  assert.deepEqual((await gateway.call('GET', '/keys')).data.map(({ name }) => name), ['guest']);
});

behaviour('share/keys/a-request-whose-body-still-comes-when-it-is-revoked', async (stage) => {
  const node = await stage.node(serves(['m']));
  const { gateway, key } = await sharedGateway(stage, { node });
  const body = prompt('m');
  const guest = await visit(gateway);

  guest.write(http.request('POST', '/v1/chat/completions', {
    fields: [...bearer(key.key), ['Expect', '100-continue'], ['Content-Length', String(body.length)]],
  }));
  assert.match((await http.readHead(guest)).startLine, /^HTTP\/1\.1 100 /);
  guest.write(body.slice(0, 10));
  await revoke(gateway, key);
  guest.write(body.slice(10));
  const answer = await http.readAnswer(guest);
  assert.deepEqual([answer.status, answer.json().error.code], [403, 'access_ended']);
  assert.ok(node.requests.every(({ method }) => method === 'GET'), 'no model was asked');
});

behaviour('share/keys/a-request-that-waits-for-a-look-at-the-nodes-when-it-is-revoked', async (stage) => {
  const [asked, found] = [signal(), signal()];
  const node = await stage.node(async (request, wire) => {
    asked.resolve();
    await found;
    return serves(['m'])(request, wire);
  });
  const { gateway, key } = await sharedGateway(stage, { node });
  const guest = await visit(gateway);

  await gateway.call('POST', '/nodes', { base_url: (await stage.node(serves(['n']))).url });
  guest.write(http.request('POST', '/v1/chat/completions', { fields: bearer(key.key), body: prompt('m') }));
  await asked;
  await revoke(gateway, key);
  found.resolve();
  const answer = await http.readAnswer(guest);
  assert.deepEqual([answer.status, answer.json().error.code], [403, 'access_ended']);
  assert.equal((await chat(gateway, 'm')).status, 200);
  assert.equal(node.requests.filter(({ method }) => method === 'POST').length, 1, 'the guest got no model');
});

/* -- The end of sharing -------------------------------------------------------------------- */

behaviour('share/end/turning-it-off-ends-streams-and-closes-the-door', async (stage) => {
  const { node, proceed } = await streamingNode(stage);
  const { gateway, key } = await sharedGateway(stage, { node });
  const mine = await stage.client(gateway);
  const loopback = await stage.client(gateway);
  const [stream, idle] = [await beginStream(stage, gateway, key), await visit(gateway)];

  mine.write(http.request('POST', '/v1/chat/completions', { body: prompt('m') }));
  loopback.write(http.request('POST', '/v1/chat/completions', { fields: bearer(key.key), body: prompt('m') }));
  await Promise.all([http.readAnswerHead(mine), http.readAnswerHead(loopback)]);
  idle.write(http.request('GET', '/v1/models', { fields: bearer(key.key) }));
  await http.readAnswer(idle);

  await stopSharing(gateway);
  assert.equal(await isOpen(gateway), false);
  await assertEndedStream(stream);
  assert.equal(await idle.takeSome(), null);
  proceed.resolve();
  for (const wire of [mine, loopback])
    assert.match(String(await wire.takeThrough('\r\n0\r\n\r\n')), /half of[^]* 2\n\n[^]*\[DONE\]/, 'of this computer');

  await share(gateway, 'personal');
  const again = await askAsGuest(gateway, 'GET', '/v1/models', { key: key.key });
  assert.equal(again.status, 200, 'the key is as good as before');
});

behaviour('share/end/also-by-another-mode', async (stage) => {
  const { node } = await streamingNode(stage);
  const { gateway, key } = await sharedGateway(stage, { node });

  for (const [mode, enabled] of [['local', true], ['business', false]]) {
    const stream = await beginStream(stage, gateway, key);

    await gateway.call('POST', '/share', { mode, enabled });
    await assertEndedStream(stream);
    assert.equal(await isOpen(gateway), false);
    await share(gateway, 'family');
  }
  const stream = await beginStream(stage, gateway, key);
  await share(gateway, 'event', { duration: '8h' });
  assert.equal(stream.over, null, 'what goes on being shared goes on');
  assert.equal((await askAsGuest(gateway, 'GET', '/v1/models', { key: key.key })).status, 200);
});

behaviour('share/end/when-its-time-is-over', async (stage) => {
  const { node } = await streamingNode(stage);
  const { gateway, key } = await sharedGateway(stage, { node });
  const follower = await stage.follower(gateway);
  const { ends_at: end } = await share(gateway, 'event', { duration: '1s' });
  const stream = await beginStream(stage, gateway, key);

  const { data } = await follower.next('share', ({ open }) => !open);
  assert.deepEqual([data.mode, data.enabled, data.duration, data.ends_at, data.listeners],
                   ['event', false, null, null, []]);
  assert.ok(Date.now() >= Date.parse(end) - 50, 'not before');
  await assertEndedStream(stream);
  assert.equal(await isOpen(gateway), false);
  assert.equal((await gateway.call('GET', '/share')).open, false);
});

behaviour('share/end/a-longer-time-takes-the-place-of-a-shorter-one', async (stage) => {
  const { gateway } = await sharedGateway(stage, { more: { duration: '1s' } });
  const follower = await stage.follower(gateway);
  const first = await createKey(gateway, 'brief', { duration: '1s' });

  await share(gateway, 'family', { duration: '1h' });
  await follower.next('key', ({ id, state }) => id === first.id && state === 'removed');
  assert.equal((await gateway.call('GET', '/share')).open, true, 'past the end of the first');
  assert.equal(await isOpen(gateway), true);
});

/* -- One model only ------------------------------------------------------------------------ */

behaviour('share/model/guests-get-that-one-alone', async (stage) => {
  const node = await stage.node(serves(['m', 'n', 'text-embedding-x']));
  const { gateway, key } = await sharedGateway(stage, { node, more: { model: 'm' } });
  const { id: nodeId } = (await gateway.call('GET', '/nodes')).data[0];
  const guest = (method, target, body) => askAsGuest(gateway, method, target, { key: key.key, body });

  await gateway.call('POST', '/routes', { id: 'r', virtual_model: 'team', targets: [{ node: nodeId, model: 'n' }] });
  assert.deepEqual((await guest('GET', '/v1/models?vampire_detail=true')).json().data.map(({ id }) => id), ['m']);
  assert.equal((await guest('GET', '/v1/models/m')).status, 200);
  for (const id of ['n', 'vampire:auto', 'team', `m@${nodeId}`])
    assert.equal((await guest('GET', `/v1/models/${id}`)).status, 404, id);
  assert.equal((await guest('POST', '/v1/chat/completions', prompt('m'))).status, 200);

  const prompts = () => node.requests.filter(({ method }) => method === 'POST').length;
  assert.equal(prompts(), 1);
  for (const body of [prompt('n'), prompt('vampire:auto'), prompt('team'), prompt(`n@${nodeId}`), prompt(`m@${nodeId}`),
                      prompt('M'), prompt('m '), prompt(5), prompt(['m']), '{}', '', '[]', 'no JSON', prompt(undefined),
                      '{"model":"m","model":"n"}', '{"model":"n","model":"m"}', '{"model":"m"} {"model":"n"}',
                      '{"model":"m","Model":"n"}', '{"MODEL":"n","model":"m"}', '{"model":"m","mod\\u0045l":"n"}',
                      prompt('n', { vampire: { model: 'm' } }), prompt('n', { messages: [{ model: 'm' }] })]) {
    for (const target of ['/v1/chat/completions', '/v1/embeddings', '/v1/anything']) {
      const answer = await guest('POST', target, body);

      assert.deepEqual([answer.status, answer.json().error.code], [403, 'model_not_shared'], `${target} ${body}`);
    }
  }
  assert.equal((await guest('GET', '/v1/files')).status, 403);
  assert.equal(prompts(), 1);
  assert.equal((await chat(gateway, 'n')).status, 200, 'the owner has them all');
  await share(gateway, 'family');
  assert.equal((await guest('POST', '/v1/chat/completions', prompt('n'))).status, 200);
});

behaviour('share/model/guests-learn-nothing-of-the-nodes', async (stage) => {
  const node = await stage.node(serves(['m']));
  const { gateway, key } = await sharedGateway(stage, { node });
  const detail = await askAsGuest(gateway, 'GET', '/v1/models?vampire_detail=true', { key: key.key });

  assert.doesNotMatch(detail.text(), /node-|127\.0\.0\.1/);
  assert.deepEqual(Object.keys(detail.json().data[1]), ['id', 'object', 'created', 'owned_by']);

  await node.close();
  for (const model of ['m', undefined]) {
    const failed = await askAsGuest(gateway, 'POST', '/v1/chat/completions', { key: key.key, body: prompt(model) });

    assert.ok(failed.status >= 500);
    assert.doesNotMatch(failed.text(), /node-|127\.0\.0\.1|localhost|LM Studio/);
  }
});

/* -- Restarts and events ------------------------------------------------------------------- */

for (const [how, end] of [
  ['after-a-stop', (gateway) => gateway.stop()],
  ['after-kill-9', async (gateway) => {
    gateway.expectedEnd = { code: null, signal: 'SIGKILL' };
    await gateway.kill();
  }],
]) {
  behaviour(`share/restart/state-and-keys-are-there-again-${how}`, async (stage) => {
    const node = await stage.node(serves(['m', 'n']));
    const more = { duration: '8h', model: 'm' };
    const { gateway, key } = await sharedGateway(stage, { node, mode: 'business', more });
    const gone = await createKey(gateway, 'gone');

    await createKey(gateway, 'long', { duration: '30d' });
    await revoke(gateway, gone);
    const state = async (of) => {
      const { listeners, ...rest } = await of.call('GET', '/share');
      return [rest, listeners.length, (await of.call('GET', '/keys')).data];
    };
    const before = await state(gateway);
    await end(gateway);
    const again = await stage.gateway({ node, home: gateway.home, env: AT_DOOR });
    assert.deepEqual(await state(again), before);
    for (const [model, status] of [['m', 200], ['n', 403]]) {
      const answer = await askAsGuest(again, 'POST', '/v1/chat/completions', { key: key.key, body: prompt(model) });
      assert.equal(answer.status, status, model);
    }
    assert.equal((await refused(again, 'GET', '/v1/models', { key: gone.key })).status, 401);
  });
}

behaviour('share/restart/what-ended-meanwhile-has-ended', async (stage) => {
  const { gateway } = await sharedGateway(stage);
  const follower = await stage.follower(gateway);
  const witness = await createKey(gateway, 'witness', { duration: '1s' });
  const { ends_at: end } = await share(gateway, 'event', { duration: '2s' });
  const brief = await createKey(gateway, 'brief', { duration: '2s' });

  await follower.next('key', ({ id, state }) => id === witness.id && state === 'removed');
  await gateway.stop();
  await elapsed(Math.max(Date.parse(end), Date.parse(brief.expires_at)) - Date.now() + 20);
  const again = await stage.gateway({ home: gateway.home, env: AT_DOOR });
  const { mode, enabled, open } = await again.call('GET', '/share');
  assert.deepEqual([mode, enabled, open], ['event', false, false]);
  assert.equal(await isOpen(again), false);
  assert.deepEqual((await again.call('GET', '/keys')).data.map(({ name }) => name), ['guest']);
});

behaviour('share/events/say-what-changes', async (stage) => {
  const gateway = await stage.gateway({ env: AT_DOOR });
  const follower = await stage.follower(gateway);

  const answer = await share(gateway, 'family', { duration: '8h', model: 'm' });
  assert.deepEqual((await follower.next('share')).data, answer);
  const { key: secret, ...key } = await createKey(gateway, 'new');
  assert.deepEqual((await follower.next('key')).data, { ...key, state: 'created' });
  await revoke(gateway, key);
  assert.deepEqual((await follower.next('key')).data, { id: key.id, state: 'removed' });
  await stopSharing(gateway);
  const { data } = await follower.next('share');
  assert.deepEqual([data.mode, data.enabled, data.open, data.listeners], ['off', false, false, []]);
  assert.ok(!follower.text.includes(secret));
});

/* -- Who is there -------------------------------------------------------------------------- */

behaviour('share/clients/who-is-connected-by-computer-and-key', async (stage) => {
  const serving = await streamingNode(stage);
  const { gateway, key } = await sharedGateway(stage, { node: serving.node });
  const clients = async () => (await gateway.call('GET', '/clients')).data;

  assert.deepEqual(await clients(), []);
  assert.equal((await gateway.call('GET', '/share')).clients, 0);

  const wire = await beginStream(stage, gateway, key);
  const second = await visit(gateway);
  stage.defer(() => second.destroy());
  second.write(http.request('GET', '/v1/models', { host: `${DOOR}:${gateway.port}`, fields: bearer(key.key) }));
  await http.readAnswer(second);
  const stranger = await visit(gateway);
  stage.defer(() => stranger.destroy());
  stranger.write(http.request('GET', '/v1/models', { host: `${DOOR}:${gateway.port}`, fields: bearer('vmp_no') }));
  assert.equal((await http.readAnswer(stranger)).status, 401);

  const [client, ...others] = await clients();
  assert.deepEqual(others, []);
  assert.deepEqual([client.client_key, client.key_id, client.connections, client.active_requests],
                   ['guest', key.id, 2, 1]);
  assert.match(client.connected_at, DATE);
  assert.match(client.address, /^127\./);
  assert.equal((await gateway.call('GET', '/share')).clients, 1);

  serving.proceed.resolve();
  await revoke(gateway, key);
  await wire.destroy();
  assert.deepEqual(await clients(), []);
});

behaviour('share/switch/on-and-off-without-a-mode', async (stage) => {
  const gateway = await stage.gateway({ env: AT_DOOR });
  const flip = (enabled) => gateway.call('POST', '/share', { enabled });
  const brief = ({ mode, last_mode: last, enabled, open }) => [mode, last, enabled, open];

  assert.deepEqual(brief(await gateway.call('GET', '/share')), ['off', 'personal', false, false]);
  assert.deepEqual(brief(await flip(false)), ['off', 'personal', false, false]);
  assert.deepEqual(brief(await flip(true)), ['personal', 'personal', true, true]);
  assert.deepEqual(brief(await flip(false)), ['personal', 'personal', false, false]);
  await share(gateway, 'business');
  await stopSharing(gateway);
  assert.deepEqual(brief(await gateway.call('GET', '/share')), ['off', 'business', false, false]);
  await gateway.stop();

  const again = await stage.gateway({ env: AT_DOOR, home: gateway.home });
  assert.deepEqual(brief(await again.call('POST', '/share', { enabled: true })), ['business', 'business', true, true]);
});
