/* SPDX-License-Identifier: MIT
 *
 * Who may ask at all: the Host that a request names, the web page it comes from, and the token.
 */

import assert from 'node:assert/strict';

import * as http from './lib/http.mjs';
import { behaviour } from './lib/stage.mjs';

const answerOk = (request, wire) => wire.write(http.json({ ok: true }));

/* Whether a request gets through: asks for a path of the node and for one of the gateway, and tells both statuses. */
async function statuses(gateway, { origin, fields = [], ...options } = {}) {
  const all = origin === undefined ? fields : [['Origin', origin], ...fields];
  const data = await gateway.ask('GET', '/v1/echo', { ...options, fields: all });
  const control = await gateway.ask('GET', '/vampire/v1/status', { ...options, fields: all });

  return [data.status, control.status];
}

/* -- Host ---------------------------------------------------------------------------------- */

for (const host of ['localhost', 'LOCALHOST', 'localhost.', 'foo.localhost', '127.0.0.1', '127.1.2.3', '[::1]']) {
  behaviour(`access/host/${host}-is-this-computer`, async (stage) => {
    const gateway = await stage.gateway({ node: await stage.node(answerOk) });

    assert.deepEqual(await statuses(gateway, { host }), [200, 200]);
    assert.deepEqual(await statuses(gateway, { host: `${host}:${gateway.port}` }), [200, 200]);
  });
}

for (const host of ['evil.com', 'localhost.evil.com', 'notlocalhost', '127.0.0.1.evil.com', '192.168.1.5', '[fe80::1]',
                    '0.0.0.0', '2130706433', 'vampire.lan']) {
  behaviour(`access/host/${host}-is-another`, async (stage) => {
    const node = await stage.node(answerOk);
    const gateway = await stage.gateway({ node });

    for (const spelling of [host, `${host}:${gateway.port}`]) {
      for (const [method, target] of [['GET', '/v1/models'], ['POST', '/v1/x'], ['GET', '/vampire/v1/status'],
                                      ['GET', '/health'], ['GET', '/'], ['OPTIONS', '/v1/models']]) {
        const body = method === 'POST' ? '{}' : undefined;
        const answer = await gateway.ask(method, target, { host: spelling, body });

        assert.equal(answer.status, 403, `${method} ${target}`);
        assert.equal(answer.json().error.code, 'host_not_allowed');
        assert.equal(answer.head.get('Access-Control-Allow-Origin'), undefined);
      }
    }
    assert.equal(node.wires.length, 0);
  });
}

behaviour('access/host/configured-names-are-allowed', async (stage) => {
  const gateway = await stage.gateway({
    node: await stage.node(answerOk), env: { VAMPIRE_ALLOWED_HOSTS: 'vampire.lan, 192.168.1.5' },
  });

  assert.deepEqual(await statuses(gateway, { host: 'vampire.lan' }), [200, 200]);
  assert.deepEqual(await statuses(gateway, { host: 'Vampire.LAN:7777' }), [200, 200]);
  assert.deepEqual(await statuses(gateway, { host: '192.168.1.5:80' }), [200, 200]);
  assert.deepEqual(await statuses(gateway, { host: 'evil.com' }), [403, 403]);
});

/* -- Origin -------------------------------------------------------------------------------- */

const LOCAL_PAGES = ['http://localhost:3000', 'http://localhost', 'https://localhost:8443', 'http://127.0.0.1:5173',
                     'http://[::1]:3000', 'http://app.localhost:3000', 'vscode-webview://1a2b3c', 'app://obsidian.md',
                     'tauri://localhost', 'vscode-file://vscode-app'];
const FOREIGN_PAGES = ['https://evil.example', 'http://localhost.evil.example', 'https://127.0.0.1.evil.example',
                       'null', 'evil', 'ftp://localhost', 'http://evil.example:7777', 'http://localhost@evil.example',
                       'chrome-extension://abcdef', 'http://'];

behaviour('access/origin/our-own-pages-may-do-all', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(answerOk) });

  for (const name of ['localhost', '127.0.0.1', '[::1]']) {
    const host = `${name}:${gateway.port}`;

    assert.deepEqual(await statuses(gateway, { host, origin: `http://${host}` }), [200, 200], host);
  }
});

behaviour('access/origin/local-pages-may-ask-models-and-no-more', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(answerOk) });

  for (const origin of LOCAL_PAGES)
    assert.deepEqual(await statuses(gateway, { origin, host: `localhost:${gateway.port}` }), [200, 403], origin);
});

behaviour('access/origin/foreign-pages-may-nothing', async (stage) => {
  const node = await stage.node(answerOk);
  const gateway = await stage.gateway({ node });

  for (const origin of FOREIGN_PAGES) {
    for (const target of ['/v1/models', '/vampire/v1/status', '/health', '/', '/v1', '/vampire/v1/../../v1/models']) {
      const answer = await gateway.ask('GET', target, { fields: [['Origin', origin]] });

      assert.equal(answer.status, 403, `${target} for ${origin}`);
      assert.equal(answer.json().error.code, 'origin_not_allowed');
      assert.equal(answer.head.get('Access-Control-Allow-Origin'), undefined);
    }
  }
  assert.equal(node.wires.length, 0);
});

behaviour('access/origin/configured-origins-may-do-all', async (stage) => {
  const gateway = await stage.gateway({
    node: await stage.node(answerOk), settings: 'cors_origins=https://chat.example, http://127.0.0.1:3000',
  });

  assert.deepEqual(await statuses(gateway, { origin: 'https://chat.example' }), [200, 200]);
  assert.deepEqual(await statuses(gateway, { origin: 'http://127.0.0.1:3000' }), [200, 200]);
  assert.deepEqual(await statuses(gateway, { origin: 'http://chat.example' }), [403, 403]);
  assert.deepEqual(await statuses(gateway, { origin: 'https://chat.example:8443' }), [403, 403]);
  assert.deepEqual(await statuses(gateway, { origin: 'https://evil.example' }), [403, 403]);
});

behaviour('access/origin/a-star-allows-all', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(answerOk), env: { VAMPIRE_CORS_ORIGINS: '*' } });

  assert.deepEqual(await statuses(gateway, { origin: 'https://evil.example' }), [200, 200]);
});

behaviour('access/fetch-site/cross-site-is-refused-and-others-are-not', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(answerOk) });
  const from = (site) => ({ fields: [['Sec-Fetch-Site', site]] });

  assert.deepEqual(await statuses(gateway, from('cross-site')), [403, 403]);
  assert.deepEqual(await statuses(gateway, from('same-origin')), [200, 200]);
  assert.deepEqual(await statuses(gateway, from('none')), [200, 200], 'typed into the address bar');
});

/* -- CORS ---------------------------------------------------------------------------------- */

behaviour('access/cors/answers-name-the-origin', async (stage) => {
  const node = await stage.node((request, wire) =>
    wire.write(http.answer(200, [['Access-Control-Allow-Origin', '*'], ['X-A', 'b']], 'x')));
  const gateway = await stage.gateway({ node });
  const origin = 'http://localhost:3000';
  const answer = await gateway.ask('POST', '/v1/x', { body: '{}', fields: [['Origin', origin]] });

  assert.equal(answer.head.get('Access-Control-Allow-Origin'), origin);
  assert.equal(answer.head.get('Vary'), 'Origin');
  assert.equal(answer.head.get('X-A'), 'b');
});

behaviour('access/cors/failures-can-be-read-too', async (stage) => {
  const gateway = await stage.gateway({ env: { VAMPIRE_AUTH_TOKEN: 'secret' } });
  const origin = 'http://localhost:3000';

  for (const [token, status] of [['wrong', 401], ['secret', 502]]) {
    const fields = [['Origin', origin], ['Authorization', `Bearer ${token}`]];
    const answer = await gateway.ask('GET', '/v1/echo', { fields });

    assert.equal(answer.status, status);
    assert.equal(answer.head.get('Access-Control-Allow-Origin'), origin, String(status));
  }
});

behaviour('access/cors/control-api-names-a-configured-origin', async (stage) => {
  const origin = 'https://chat.example';
  const gateway = await stage.gateway({ settings: `cors_origins=${origin}` });

  for (const target of ['/vampire/v1/status', '/health', '/nowhere']) {
    const answer = await gateway.ask('GET', target, { fields: [['Origin', origin]] });

    assert.equal(answer.head.get('Access-Control-Allow-Origin'), origin, target);
  }
});

behaviour('access/cors/preflight', async (stage) => {
  const node = await stage.node(answerOk);
  const gateway = await stage.gateway({ node, env: { VAMPIRE_AUTH_TOKEN: 'secret' } });
  const origin = 'http://localhost:3000';
  const answer = await gateway.ask('OPTIONS', '/v1/chat/completions', {
    fields: [['Origin', origin], ['Access-Control-Request-Method', 'POST'],
             ['Access-Control-Request-Headers', 'authorization,content-type,x-stainless-os']],
  });

  assert.equal(answer.status, 204);
  assert.equal(answer.head.get('Access-Control-Allow-Origin'), origin);
  assert.match(answer.head.get('Access-Control-Allow-Methods'), /\bPOST\b/);
  assert.equal(answer.head.get('Access-Control-Allow-Headers'), 'authorization,content-type,x-stainless-os');
  assert.equal(answer.head.get('Vary'), 'Origin');
  assert.equal(answer.head.get('Connection'), undefined, 'the connection is for the request that follows');
  assert.equal(node.wires.length, 0);
});

behaviour('access/cors/preflight-of-a-foreign-page-is-refused', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(answerOk) });
  const ask = (target, origin) => gateway.ask('OPTIONS', target, {
    fields: [['Origin', origin], ['Access-Control-Request-Method', 'POST']],
  });

  for (const [target, origin] of [['/v1/x', 'https://evil.example'], ['/v1/x', 'null'],
                                  ['/vampire/v1/status', 'http://localhost:3000']]) {
    const answer = await ask(target, origin);

    assert.equal(answer.status, 403);
    assert.equal(answer.head.get('Access-Control-Allow-Origin'), undefined);
    assert.equal(answer.head.get('Access-Control-Allow-Methods'), undefined);
  }
});

behaviour('access/options-without-an-origin-is-answered', async (stage) => {
  const node = await stage.node(answerOk);
  const gateway = await stage.gateway({ node });
  const answer = await gateway.ask('OPTIONS', '/v1/models');

  assert.equal(answer.status, 204);
  assert.match(answer.head.get('Allow'), /\bGET\b.*\bPOST\b/);
  assert.equal((await gateway.ask('OPTIONS', '*')).status, 204);
  assert.equal(node.wires.length, 0);
});

/* -- Token --------------------------------------------------------------------------------- */

const TOKEN = 'a-token-of-some-length';
const withToken = (value) => ({ fields: [['Authorization', value]] });

const badTokens = {
  'missing': {},
  'wrong': withToken('Bearer a-token-of-some-lengtH'),
  'shorter': withToken(`Bearer ${TOKEN.slice(0, -1)}`),
  'longer': withToken(`Bearer ${TOKEN}x`),
  'empty': withToken('Bearer '),
  'without-scheme': withToken(TOKEN),
  'of-another-scheme': withToken(`Basic ${TOKEN}`),
  'of-bytes-that-are-not-ascii': withToken('Bearer \xff\xfe\x80'),
  'as-a-wrong-api-key': { fields: [['x-api-key', 'wrong']] },
};

for (const [name, options] of Object.entries(badTokens)) {
  behaviour(`access/token/${name}-is-401`, async (stage) => {
    const node = await stage.node(answerOk);
    const gateway = await stage.gateway({ node, env: { VAMPIRE_AUTH_TOKEN: TOKEN } });

    for (const [method, target] of [['GET', '/v1/models'], ['POST', '/v1/chat/completions'], ['GET', '/v1'],
                                    ['GET', '/vampire/v1/status'], ['GET', '/vampire/v1/nothing']]) {
      const answer = await gateway.ask(method, target, { ...options, body: method === 'POST' ? '{}' : undefined });

      assert.equal(answer.status, 401, target);
      assert.equal(answer.head.get('WWW-Authenticate'), 'Bearer');
      const { message, ...error } = answer.json().error;
      assert.deepEqual(error, { type: 'vampire_auth_error', code: 'missing_or_invalid_token' });
      assert.ok(message.length > 0 && !message.includes(TOKEN));
    }
    assert.equal(node.wires.length, 0);
  });
}

const goodTokens = {
  'bearer': withToken(`Bearer ${TOKEN}`),
  'bearer-in-small-letters': withToken(`bearer ${TOKEN}`),
  'api-key': { fields: [['x-api-key', TOKEN]] },
};

for (const [name, options] of Object.entries(goodTokens)) {
  behaviour(`access/token/${name}-is-taken`, async (stage) => {
    const gateway = await stage.gateway({ node: await stage.node(answerOk), env: { VAMPIRE_AUTH_TOKEN: TOKEN } });

    assert.deepEqual(await statuses(gateway, options), [200, 200]);
  });
}

behaviour('access/token/may-have-any-characters', async (stage) => {
  const token = 'Schlüssel 鍵 "\'\\';
  const gateway = await stage.gateway({ node: await stage.node(answerOk), env: { VAMPIRE_AUTH_TOKEN: token } });
  const onTheWire = Buffer.from(token, 'utf8').toString('latin1');

  assert.deepEqual(await statuses(gateway, withToken(`Bearer ${onTheWire}`)), [200, 200]);
  assert.deepEqual(await statuses(gateway, withToken('Bearer Schl\xfcssel')), [401, 401]);
});

behaviour('access/token/health-and-welcome-need-none', async (stage) => {
  const gateway = await stage.gateway({ env: { VAMPIRE_AUTH_TOKEN: TOKEN } });

  assert.equal((await gateway.ask('GET', '/health')).status, 200);
  assert.equal((await gateway.ask('GET', '/')).status, 200);
});

behaviour('access/token/connection-is-kept-after-a-401', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(answerOk), env: { VAMPIRE_AUTH_TOKEN: TOKEN } });
  const client = await stage.client(gateway);

  client.write(http.request('POST', '/v1/x', { body: '{}' }), http.request('GET', '/v1/x', goodTokens.bearer));
  assert.equal((await http.readAnswer(client)).status, 401);
  assert.equal((await http.readAnswer(client)).status, 200);
});
