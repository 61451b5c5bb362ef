/* SPDX-License-Identifier: MIT
 *
 * What must always hold: no prompt and no token reaches a node that its owner has not approved, or another one than
 * the one that was approved, and neither is anywhere where somebody else could read it. The prompts and tokens of these
 * tests are texts that are looked for in every byte that comes out.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';

import * as http from './lib/http.mjs';
import { IDENTITIES } from './lib/identities.mjs';
import { chat, completion, serves } from './lib/nodes.mjs';
import { parseData } from './lib/sse.mjs';
import { behaviour, signal } from './lib/stage.mjs';

const PROMPT = 'CANARY-prompt-3f1c';
const TOKEN = 'CANARY-token-9b07';
const CLIENTS = 'CANARY-client-77aa';

const LISTS = ['/api/v1/models', '/api/v0/models', '/v1/models', '/api/tags'];

const discover = (gateway, ...nodes) =>
  gateway.call('POST', '/discover', { methods: [], base_urls: nodes.map(({ url }) => url) });
const getNode = (gateway, id) => gateway.call('GET', `/nodes/${id}`);
const setToken = (gateway, id, token = TOKEN) => gateway.call('PUT', `/nodes/${id}/token`, { token });

/* All that a node was told, as one text. */
const heard = ({ requests }) =>
  requests.map(({ head, body }) => [head.startLine, ...head.lines, body].join('\n')).join('\n');

/* A node was asked for its public lists, if for anything, and told nothing else. */
function assertToldNothing(node) {
  for (const { method, target, head, body } of node.requests) {
    assert.equal(method, 'GET');
    assert.ok(LISTS.includes(target), target);
    assert.equal(head.get('Authorization'), undefined);
    assert.equal(body.length, 0);
  }
  assert.doesNotMatch(heard(node), /CANARY/);
}

/* Asks for a model in every way there is. The answers. */
async function askInEveryWay(gateway, id, model) {
  const fields = [['Authorization', `Bearer ${CLIENTS}`], ['X-API-Key', CLIENTS], ['Cookie', `c=${CLIENTS}`]];
  const answers = [];

  await gateway.call('POST', '/routes', { id: 'r', virtual_model: 'vampire:mine', targets: [{ node: id, model }] });
  for (const name of [model, `${model}@${id}`, 'vampire:auto', 'vampire:mine', `vampire:auto@${id}`, id]) {
    for (const target of ['/v1/chat/completions', '/v1/completions', '/v1/responses', '/v1/embeddings'])
      answers.push(await chat(gateway, name, { target, content: PROMPT, fields }));
  }
  for (const extra of [['X-Vampire-Mode', 'route'], ['X-Vampire-Mode', 'fallback'], ['X-Vampire-Route', 'r'],
                       ['X-Vampire-Node', id]])
    answers.push(await chat(gateway, model, { content: PROMPT, fields: [...fields, extra] }));
  answers.push(await gateway.ask('GET', `/v1/models/${model}`), await gateway.ask('GET', `/v1/models/${model}@${id}`));
  return answers;
}

/* Does what makes the gateway look at its nodes. */
async function lookAtAll(gateway, node) {
  await gateway.ask('GET', '/v1/models');
  await gateway.call('GET', '/models');
  await gateway.call('GET', '/doctor');
  await gateway.call('POST', '/discover', { methods: ['static'], base_urls: [node.url] });
  await gateway.call('POST', '/discover', { methods: ['local'], ports: [node.port] });
}

/* -- Found ones ---------------------------------------------------------------------------- */

behaviour('consent/pending/what-was-found-gets-no-prompt-and-no-token', async (stage) => {
  const mine = await stage.node(serves(['mine']));
  const found = await stage.node(serves(['theirs', 'mine']));
  const gateway = await stage.gateway({ node: mine });
  const follower = await stage.follower(gateway);
  const { nodes: [{ id, approval, found: how, pending_reason: reason }] } = await discover(gateway, found);

  assert.deepEqual([approval, how.by, reason], ['pending', 'base_urls', null]);
  const { data } = await follower.next('approval');
  assert.deepEqual([data.id, data.approval], [id, 'pending']);
  assert.equal((await gateway.status()).nodes_pending, 1);
  assert.equal((await setToken(gateway, id)).node.token.state, 'set');
  await lookAtAll(gateway, found);
  await gateway.call('POST', `/nodes/${id}/refresh`);
  await gateway.call('POST', `/nodes/${id}/test`);
  await gateway.call('PATCH', `/nodes/${id}`, { trusted: true, name: 'Trusted', status: 'online' });
  const answers = await askInEveryWay(gateway, id, 'theirs');
  assert.deepEqual(answers.filter(({ status }) => status < 400).map((answer) => answer.json().object),
                   ['vampire:auto', 'vampire:auto', 'vampire:auto'].map(() => 'chat.completion'));
  for (let i = 0; i < 4; i++)
    assert.equal((await chat(gateway, 'mine', { content: PROMPT })).status, 200);
  assertToldNothing(found);
  assert.ok(found.requests.length > 0, 'it was asked for its list');
  assert.doesNotMatch((await gateway.ask('GET', '/v1/models?vampire_detail=true')).text(), /theirs/);
  assert.equal((await getNode(gateway, id)).approval, 'pending');

  const { status, node } = await gateway.call('POST', `/nodes/${id}/approve`);
  assert.deepEqual([status, node.approval, node.status], ['approved', 'approved', 'online']);
  assert.equal((await chat(gateway, 'theirs', { content: PROMPT })).status, 200);
  assert.ok(heard(found).includes(PROMPT) && heard(found).includes(TOKEN), 'now it gets both');
  assert.doesNotMatch(heard(found), new RegExp(CLIENTS));
});

behaviour('consent/pending/it-is-no-default-for-what-names-no-model', async (stage) => {
  const found = await stage.node(serves(['theirs']));
  const gateway = await stage.gateway();

  await discover(gateway, found);
  for (const [method, target] of [['GET', '/v1/x'], ['POST', '/v1/audio/speech'], ['POST', '/v1/chat/completions']]) {
    const answer = await gateway.ask(method, target, { body: PROMPT });

    assert.equal(answer.status, 502);
  }
  assertToldNothing(found);
});

behaviour('consent/pending/at-most-64-wait', async (stage) => {
  const node = await stage.node(serves(['m']), { host: '0.0.0.0' });
  const gateway = await stage.gateway();
  const found = Array.from({ length: 100 }, (_, i) => ({ url: `http://127.0.2.${i + 1}:${node.port}` }));

  await discover(gateway, ...found);
  assert.equal((await gateway.status()).nodes_pending, 64);
  assert.equal((await gateway.call('GET', '/nodes?approval=pending')).data.length, 64);
  assertToldNothing(node);
});

/* -- Blocked ones -------------------------------------------------------------------------- */

behaviour('consent/blocked/gets-nothing-and-stays-blocked', async (stage) => {
  const mine = await stage.node(serves(['mine']));
  const blocked = await stage.node(serves(['theirs', 'mine']));
  const gateway = await stage.gateway({ node: mine });
  const { nodes: [{ id }] } = await discover(gateway, blocked);

  await setToken(gateway, id);
  const { status, node } = await gateway.call('POST', `/nodes/${id}/block`);
  assert.deepEqual([status, node.approval], ['blocked', 'blocked']);
  const before = [blocked.wires.length, blocked.requests.length];
  assert.deepEqual((await discover(gateway, blocked)).nodes, []);
  await lookAtAll(gateway, blocked);
  for (const call of ['refresh', 'test']) {
    const { error } = await gateway.call('POST', `/nodes/${id}/${call}`, undefined, { status: 409 });
    assert.match(error.message, /is blocked/);
  }
  await gateway.call('PATCH', `/nodes/${id}`, { trusted: true, status: 'online' });
  await askInEveryWay(gateway, id, 'theirs');
  for (let i = 0; i < 4; i++)
    assert.equal((await chat(gateway, 'mine', { content: PROMPT })).status, 200);
  assert.equal((await getNode(gateway, id)).approval, 'blocked');
  assert.deepEqual([blocked.wires.length, blocked.requests.length], before, 'nobody even called');
  assertToldNothing(blocked);
});

/* Two more looks at the other node, a second apart, are waited for. */
behaviour('consent/blocked/not-asked-by-health-either', async (stage) => {
  const looked = signal();
  let looks = -Infinity;
  const blocked = await stage.node(serves(['theirs']));
  const other = await stage.node((request, wire) => {
    if (request.target === '/v1/models' && ++looks === 2)
      looked.resolve();
    return serves(['other'])(request, wire);
  });
  const gateway = await stage.gateway({ node: other, env: { VAMPIRE_HEALTH_SECONDS: '1' } });
  const { id } = await gateway.call('POST', '/nodes', { base_url: blocked.url });

  await gateway.call('POST', `/nodes/${id}/block`);
  const before = blocked.requests.length;
  looks = 0;
  await looked;
  assert.equal(blocked.requests.length, before);
});

for (const [name, method, action] of [['blocked', 'POST', '/block'], ['forgotten', 'POST', '/forget'],
                                      ['removed', 'DELETE', '']]) {
  behaviour(`consent/${name}/a-running-stream-ends-at-once`, async (stage) => {
    const node = await stage.node(serves(['m'], async (request, wire) => {
      await wire.write(http.STREAM_HEAD, http.chunk('data: 1\n\n'));
    }));
    const gateway = await stage.gateway();
    const { id } = await gateway.call('POST', '/nodes', { base_url: node.url });
    const client = await stage.client(gateway);

    client.write(http.request('POST', '/v1/chat/completions', { body: JSON.stringify({ model: 'm', stream: true }) }));
    const head = await http.readAnswerHead(client);
    assert.equal(String(await http.readChunk(client)), 'data: 1\n\n');
    const streaming = node.wires.at(-1);
    await gateway.call(method, `/nodes/${id}${action}`);
    const pieces = [];
    for await (const piece of http.bodyPieces(client, head))
      pieces.push(piece);
    const [error, done] = parseData(Buffer.concat(pieces));
    assert.equal(JSON.parse(error).error.code, 'access_ended');
    assert.equal(done, '[DONE]');
    await streaming.closed;
    assert.equal((await gateway.status()).active_requests, 0);
  });
}

behaviour('consent/blocked/a-silent-request-ends-at-once-too', async (stage) => {
  const asked = signal();
  const node = await stage.node(serves(['m'], async () => asked.resolve()));
  const gateway = await stage.gateway();
  const { id } = await gateway.call('POST', '/nodes', { base_url: node.url });
  const answer = chat(gateway, 'm');

  await asked;
  await gateway.call('POST', `/nodes/${id}/block`);
  assert.deepEqual([(await answer).status, (await answer).json().error.code], [403, 'access_ended']);
  await node.wires.at(-1).closed;
});

behaviour('consent/forgotten/its-token-goes-with-it', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway();

  await gateway.call('POST', '/nodes', { id: 'a', base_url: node.url });
  await setToken(gateway, 'a');
  await gateway.call('DELETE', '/nodes/a');
  node.requests.length = 0;
  const { nodes: [{ approval }] } = await discover(gateway, node);
  assert.equal(approval, 'pending', 'it is as if it had never been');
  assert.equal((await gateway.call('POST', '/nodes', { id: 'a', base_url: node.url })).node.token.state, 'not_needed');
  assert.equal((await chat(gateway, 'm')).status, 200);
  await gateway.stop();

  const again = await stage.gateway({ home: gateway.home });
  await again.ask('GET', '/v1/models');
  assert.equal((await chat(again, 'm')).status, 200);
  assert.doesNotMatch(heard(node), /CANARY/);
});

/* -- Others than the approved one ---------------------------------------------------------- */

const NAME = 'canary-node.home.arpa';

/* The gateway, seeing a file of ours as its table of hosts. */
const withHosts = (file) => ['unshare', '-rm', 'sh', '-c', 'mount --bind "$0" /etc/hosts && exec "$@"', file];
const noHosts = spawnSync('unshare', ['-rm', 'true']).status !== 0 && 'needs a mount namespace of its own';

for (const [how, isDefault] of [['a-node', false], ['the-default-node', true]]) {
  behaviour(`consent/moved/${how}-whose-name-means-another-address-gets-nothing`, async (stage) => {
    const approved = await stage.node(serves(['m']), { host: '127.0.0.2' });
    const other = await stage.node(serves(['m']), { host: '127.0.0.3', port: approved.port });
    const hosts = path.join(stage.home().path, 'hosts');
    const node = { url: `http://${NAME}:${approved.port}` };
    const options = { under: withHosts(hosts), node: isDefault ? node : undefined };

    writeFileSync(hosts, `127.0.0.2 ${NAME}\n`);
    const gateway = await stage.gateway(options);
    const { id } = await gateway.call('POST', '/nodes', { id: 'named', base_url: node.url });
    await setToken(gateway, id);
    assert.equal((await chat(gateway, 'm', { content: PROMPT })).status, 200);
    assert.ok(heard(approved).includes(PROMPT) && heard(approved).includes(TOKEN));
    assert.deepEqual((await getNode(gateway, id)).addresses, ['127.0.0.2']);
    await gateway.stop();

    writeFileSync(hosts, `127.0.0.3 ${NAME}\n`);
    const again = await stage.gateway({ ...options, home: gateway.home });
    const follower = await stage.follower(again);
    const first = await chat(again, isDefault ? undefined : `m@${id}`, { content: PROMPT });
    assert.ok(first.status >= 500, first.text());
    const { data } = await follower.next('approval');
    assert.deepEqual([data.id, data.approval], [id, 'pending']);
    assert.match(data.pending_reason, /^Its address (has )?changed/);
    await again.waitFor(/ warning .*gets no requests until it is approved again/);
    await lookAtAll(again, other);
    await again.call('POST', `/nodes/${id}/refresh`);
    for (const answer of await askInEveryWay(again, id, 'm'))
      assert.ok(answer.status >= 400);
    assertToldNothing(other);

    await again.call('POST', `/nodes/${id}/approve`);
    assert.deepEqual((await getNode(again, id)).addresses, ['127.0.0.3']);
    assert.equal((await chat(again, 'm', { content: PROMPT })).status, 200, 'its owner has said so');
  }, { skip: noHosts });
}

behaviour('consent/moved/another-key-gets-nothing', async (stage) => {
  const node = await stage.node(serves(['m']), { identity: IDENTITIES[0] });
  const gateway = await stage.gateway();
  const { id, node: { key_fingerprint: key } } = await gateway.call('POST', '/nodes', { base_url: node.url });

  assert.match(key, /^sha256\/\//);
  await setToken(gateway, id);
  assert.equal((await chat(gateway, 'm', { content: PROMPT })).status, 200);
  assert.ok(heard(node).includes(PROMPT) && heard(node).includes(TOKEN));

  const follower = await stage.follower(gateway);
  node.become(IDENTITIES[1]);
  node.requests.length = 0;
  const answer = await chat(gateway, 'm', { content: PROMPT });
  assert.equal(answer.status, 502);
  assert.match(answer.json().error.message, /not the one its owner approved.* Nothing was sent to it\./);
  const { data } = await follower.next('approval');
  assert.deepEqual([data.id, data.approval], [id, 'pending']);
  assert.match(data.pending_reason, /key of its certificate/);
  await askInEveryWay(gateway, id, 'm');
  await lookAtAll(gateway, node);
  assertToldNothing(node);

  const { node: approved } = await gateway.call('POST', `/nodes/${id}/approve`);
  assert.notEqual(approved.key_fingerprint, key);
  assert.equal((await chat(gateway, 'm', { content: PROMPT })).status, 200);
});

behaviour('consent/moved/a-probe-notices-another-key-too', async (stage) => {
  const node = await stage.node(serves(['m']), { identity: IDENTITIES[0] });
  const gateway = await stage.gateway();
  const { id } = await gateway.call('POST', '/nodes', { base_url: node.url });

  await setToken(gateway, id);
  node.become(IDENTITIES[1]);
  node.requests.length = 0;
  const { node: after } = await gateway.call('POST', `/nodes/${id}/refresh`);
  assert.deepEqual([after.approval, after.token.state], ['pending', 'set']);
  assert.match(after.pending_reason, /The key of its certificate changed from sha256\/\/\S+ to sha256\/\/\S+/);
  assertToldNothing(node);
});

/* -- Tokens -------------------------------------------------------------------------------- */

behaviour('consent/token/goes-to-its-node-alone', async (stage) => {
  const nodes = {};
  const gateway = await stage.gateway();

  for (const id of ['a', 'b', 'c']) {
    nodes[id] = await stage.node(serves([id, 'all']));
    await gateway.call('POST', '/nodes', { id, base_url: nodes[id].url });
  }
  await setToken(gateway, 'a', `${TOKEN}-of-a`);
  await setToken(gateway, 'b', `${TOKEN}-of-b`);
  for (const node of Object.values(nodes))
    node.requests.length = 0;
  const fields = [['Authorization', `Bearer ${CLIENTS}`], ['x-api-key', CLIENTS], ['Proxy-Authorization', CLIENTS]];
  for (const model of ['a', 'b', 'c', 'all', 'all', 'all', 'all', 'all', 'all'])
    assert.equal((await chat(gateway, model, { fields })).status, 200);
  for (const [id, token] of [['a', `Bearer ${TOKEN}-of-a`], ['b', `Bearer ${TOKEN}-of-b`], ['c', undefined]]) {
    assert.ok(nodes[id].requests.length > 1);
    for (const { head } of nodes[id].requests)
      assert.equal(head.get('Authorization'), token);
    assert.doesNotMatch(heard(nodes[id]), new RegExp(CLIENTS));
  }
  const removed = await gateway.call('DELETE', '/nodes/a/token');
  assert.deepEqual([removed.token, removed.node.token.state], ['removed', 'not_needed']);
  nodes.a.requests.length = 0;
  await chat(gateway, 'a');
  assert.doesNotMatch(heard(nodes.a), /CANARY/);
});

for (const status of [301, 302, 303, 307, 308]) {
  behaviour(`consent/token/no-redirect-is-followed/${status}`, async (stage) => {
    let redirects = false;
    const other = await stage.node(serves(['m']));
    const node = await stage.node((request, wire) => (redirects
      ? wire.write(http.answer(status, [['Location', `${other.url}${request.target}`]]))
      : serves(['m'])(request, wire)));
    const gateway = await stage.gateway();

    await gateway.call('POST', '/nodes', { id: 'a', base_url: node.url });
    await setToken(gateway, 'a');
    redirects = true;
    assert.equal((await chat(gateway, 'm', { content: PROMPT })).status, status, 'it is for the client to judge');
    await gateway.call('POST', '/nodes/a/refresh');
    await gateway.call('POST', '/nodes/a/test');
    assert.equal(other.wires.length, 0);
  });
}

behaviour('consent/token/does-not-go-along-to-another-address', async (stage) => {
  const [first, second, third] = [await stage.node(serves(['m'])), await stage.node(serves(['m'])),
                                  await stage.node(serves(['m']))];
  const gateway = await stage.gateway();

  await gateway.call('POST', '/nodes', { id: 'a', base_url: first.url });
  await setToken(gateway, 'a');
  const moved = await gateway.call('PATCH', '/nodes/a', { base_url: second.url });
  assert.equal(moved.token.state, 'not_needed');
  await chat(gateway, 'm');
  await setToken(gateway, 'a', `${TOKEN}-second`);
  await gateway.call('POST', '/nodes', { id: 'a', base_url: third.url });
  await chat(gateway, 'm');
  assert.doesNotMatch(heard(third), /CANARY/);
  await gateway.stop();

  const again = await stage.gateway({ home: gateway.home });
  await again.ask('GET', '/v1/models');
  assert.equal((await chat(again, 'm')).status, 200);
  assert.doesNotMatch(heard(third), /CANARY/);
  assert.ok(heard(first).includes(TOKEN));
  assert.doesNotMatch(heard(second), new RegExp(`${TOKEN}$`, 'm'));
});

behaviour('consent/token/is-there-after-a-restart', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway();

  await gateway.call('POST', '/nodes', { id: 'a', base_url: node.url });
  const { stored_in: place, token } = await setToken(gateway, 'a');
  assert.deepEqual([place, token], ['file', 'set']);
  gateway.expectedEnd = { code: null, signal: 'SIGKILL' };
  await gateway.kill();
  node.requests.length = 0;
  const again = await stage.gateway({ home: gateway.home });
  await again.ask('GET', '/v1/models');
  assert.equal((await chat(again, 'm')).status, 200);
  assert.equal(node.requests.at(-1).head.get('Authorization'), `Bearer ${TOKEN}`);
});

/* A desktop session whose bus is connected to, and says nothing. */
async function muteBus(stage) {
  const home = stage.home();
  const socket = path.join(home.path, 'bus');
  const connected = signal();
  const server = createServer((connection) => connected.resolve(connection));

  server.listen(socket);
  await once(server, 'listening');
  stage.defer(() => server.close());
  return { connected, env: { DBUS_SESSION_BUS_ADDRESS: `unix:path=${socket}` } };
}

/* A gateway that has a token for its node, started anew under a bus like that, and requests that come at once. */
async function askedAtOnce(stage) {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway();

  await gateway.call('POST', '/nodes', { id: 'a', base_url: node.url });
  await setToken(gateway, 'a');
  gateway.expectedEnd = { code: null, signal: 'SIGKILL' };
  await gateway.kill();
  const bus = await muteBus(stage);
  const requests = node.requests.length;
  const again = await stage.gateway({ home: gateway.home, env: { ...bus.env, VAMPIRE_HEALTH_SECONDS: '10' } });
  const answer = again.ask('GET', '/v1/models').then(() => chat(again, 'm'));
  const asked = () => node.requests.slice(requests).map(({ head }) => head.get('Authorization'));

  return { gateway: again, connection: await bus.connected, answer, asked };
}

behaviour('consent/token/the-first-request-waits-for-it', async (stage) => {
  const { connection, answer, asked } = await askedAtOnce(stage);

  assert.deepEqual(asked(), [], 'nobody is asked without it');
  connection.destroy();
  assert.equal((await answer).status, 200);
  assert.deepEqual(new Set(asked()), new Set([`Bearer ${TOKEN}`]));
});

behaviour('consent/token/a-keyring-that-says-nothing-is-not-waited-for-for-long', async (stage) => {
  const { gateway, connection, answer, asked } = await askedAtOnce(stage);

  await gateway.waitFor(/ warning .*keyring has not said yet which tokens it keeps/);
  assert.equal((await answer).status, 200);
  assert.deepEqual(new Set(asked()), new Set([undefined]));
  connection.destroy();
});

behaviour('consent/token/a-node-that-wants-one-says-so', async (stage) => {
  const node = await stage.node((request, wire) => (request.head.get('Authorization') === `Bearer ${TOKEN}`
    ? serves(['m'])(request, wire)
    : wire.write(http.json({ error: { message: `no: ${request.head.get('Authorization')}` } }, 401))));
  const gateway = await stage.gateway({ node });
  const follower = await stage.follower(gateway);
  const becomes = (state) => follower.next('node', ({ token }) => token.state === state);
  const { data: [{ id }] } = await gateway.call('GET', '/nodes');
  const tokenCheck = async () => (await gateway.call('GET', '/doctor')).checks.filter(({ id }) => /token/.test(id));

  await gateway.call('POST', `/nodes/${id}/refresh`);
  await becomes('needed');
  await gateway.waitFor(/ warning .*wants a token/);
  const { ok, message } = await gateway.call('POST', `/nodes/${id}/test`);
  assert.deepEqual([ok, /asks for a token/.test(message)], [false, true]);
  assert.match(JSON.stringify(await tokenCheck()), /asks for a token/);
  const refused = await chat(gateway, 'm');
  assert.deepEqual([refused.status, refused.json().error.code], [502, 'node_token_refused']);
  assert.equal((await setToken(gateway, id, `${TOKEN}-wrong`)).node.token.state, 'refused');
  await becomes('refused');
  assert.doesNotMatch(JSON.stringify(await getNode(gateway, id)), /CANARY/);
  assert.equal((await setToken(gateway, id)).node.token.state, 'set');
  await becomes('set');
  assert.equal((await chat(gateway, 'm')).status, 200);
  assert.equal((await gateway.call('DELETE', `/nodes/${id}/token`)).token, 'removed');
  assert.equal((await gateway.call('POST', `/nodes/${id}/refresh`)).node.token.state, 'needed');
});

/* -- Where nothing may be found ------------------------------------------------------------ */

const filesOf = (folder) => readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath ?? entry.path, entry.name));

behaviour('consent/secrets/a-forgotten-nodes-token-is-gone-when-that-is-answered', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway();

  for (let round = 0; round < 10; round++) {
    await gateway.call('POST', '/nodes', { id: 'a', base_url: node.url });
    await setToken(gateway, 'a');
    const [file] = filesOf(gateway.home.path).filter((name) => path.basename(name) === 'tokens.json');
    assert.match(readFileSync(file, 'utf8'), /CANARY-token/);
    await gateway.call('DELETE', '/nodes/a');
    assert.doesNotMatch(readFileSync(file, 'utf8'), /CANARY/, 'a crash now would bring it back otherwise');
  }
});

behaviour('consent/secrets/are-in-no-log-no-answer-and-no-file', async (stage) => {
  const node = await stage.node(serves(['m'], async (request, wire) => {
    const { messages: [{ content }] } = JSON.parse(request.body);

    if (content.endsWith('stream')) {
      await wire.write(http.STREAM_HEAD, http.chunk(`data: ${content}\n\n`));
      await wire.reset();
    } else if (content.endsWith('break')) {
      await wire.reset();
    } else {
      wire.write(content.endsWith('fail') ? http.json({ error: content }, 500) : completion(content));
    }
  }));
  const gateway = await stage.gateway({ args: ['--log-level', 'debug'] });
  const follower = await stage.follower(gateway);
  const answers = [];
  const call = async (method, target, document) => {
    const answer = await gateway.ask(method, `/vampire/v1${target}`, { body: document && JSON.stringify(document) });

    answers.push(`${answer.head.lines.join('\n')}\n${answer.text()}`);
    return answer.status;
  };

  await gateway.call('POST', '/nodes', { id: 'a', base_url: node.url });
  assert.equal(await call('PUT', '/nodes/a/token', { token: TOKEN }), 200);
  for (const document of [{ token: `${TOKEN}\nX: 1` }, { token: [TOKEN] }, { tokens: TOKEN }, { token: `${TOKEN}é` },
                          TOKEN, { token: TOKEN.repeat(1000) }])
    assert.ok(await call('PUT', '/nodes/a/token', document) >= 400, JSON.stringify(document));
  assert.equal(await call('PUT', '/nodes/nobody/token', { token: TOKEN }), 404);
  for (const url of [`http://user:${TOKEN}@127.0.0.1:1`, `http://127.0.0.1:1/?key=${TOKEN}`]) {
    assert.equal(await call('POST', '/nodes', { base_url: url }), 400);
    assert.equal(await call('PATCH', '/nodes/a', { base_url: url }), 400);
  }
  const fields = [['Authorization', `Bearer ${CLIENTS}`], ['Cookie', CLIENTS], ['X-Api-Key', CLIENTS]];
  for (const end of ['', 'stream', 'break', 'fail'])
    await chat(gateway, 'm', { content: `${PROMPT}${end}`, fields });
  await chat(gateway, 'nobody-has-it', { content: PROMPT, fields });
  await chat(gateway, 'vampire:none', { content: PROMPT, fields });
  await gateway.ask('POST', '/v1/chat/completions', { body: `not JSON ${PROMPT}`, fields });
  assert.ok(heard(node).includes(`${PROMPT}stream`) && heard(node).includes(TOKEN));

  for (const target of ['/status', '/nodes', '/nodes/a', '/doctor', '/models', '/metrics', '/routes', '/share', '/keys',
                        '/discover/jobs'])
    assert.equal(await call('GET', target), 200, target);
  await gateway.call('DELETE', '/nodes/a/token');
  await gateway.call('PUT', '/nodes/a/token', { token: TOKEN });
  const holders = filesOf(gateway.home.path).filter((file) => readFileSync(file).includes('CANARY'));
  assert.deepEqual(holders.map((file) => path.basename(file)), ['tokens.json']);
  assert.equal(statSync(holders[0]).mode & 0o777, 0o600);
  assert.equal(statSync(path.dirname(holders[0])).mode & 0o077, 0, 'nor its folder for others');
  assert.deepEqual(readFileSync(holders[0], 'utf8').match(/CANARY-\w+/g), ['CANARY-token']);
  await Promise.all([gateway.stop(), follower.toEnd()]);

  for (const name of ['node', 'request'])
    assert.ok(follower.text.includes(`event: ${name}\n`), 'events were told');
  for (const [where, text] of [['log', gateway.stderr], ['stdout', gateway.stdout], ['events', follower.text],
                               ...answers.map((answer) => ['answer', answer])])
    assert.doesNotMatch(text, /CANARY/, where);
  const files = filesOf(gateway.home.path).filter((file) => readFileSync(file).includes('CANARY'));
  assert.deepEqual(files.map((file) => path.basename(file)), ['tokens.json']);
});

/* -- Second thoughts ----------------------------------------------------------------------- */

behaviour('consent/revoke/what-runs-ends-and-nothing-new-goes-there', async (stage) => {
  const begun = signal();
  const node = await stage.node(serves(['theirs'], async (request, wire) => {
    await wire.write(http.STREAM_HEAD, http.chunk('data: 1\n\n'));
    begun.resolve();
    await wire.ended;
  }));
  const gateway = await stage.gateway();
  const { nodes: [{ id }] } = await discover(gateway, node);
  const follower = await stage.follower(gateway);
  const client = await stage.client(gateway);

  await gateway.call('POST', `/nodes/${id}/approve`);
  await follower.next('approval', (data) => data.approval === 'approved');
  client.write(http.request('POST', '/v1/chat/completions', {
    body: JSON.stringify({ model: 'theirs', stream: true, messages: [{ role: 'user', content: PROMPT }] }),
  }));
  await begun;
  const { status, node: after } = await gateway.call('POST', `/nodes/${id}/revoke`);
  assert.deepEqual([status, after.approval, after.pending_reason, after.health],
                   ['pending', 'pending', null, 'online']);
  await follower.next('approval', (data) => data.approval === 'pending');
  const text = (await http.readAnswer(client)).text();
  assert.match(text, /access_ended/);
  assert.match(text, /data: \[DONE\]\n\n$/);

  const before = node.requests.filter(({ method }) => method === 'POST').length;
  assert.notEqual((await chat(gateway, 'theirs')).status, 200);
  assert.equal(node.requests.filter(({ method }) => method === 'POST').length, before);
  assert.match((await gateway.call('POST', `/nodes/${id}/revoke`, undefined, { status: 409 })).error.message,
               /waits for approval already/);

  await gateway.call('POST', `/nodes/${id}/block`);
  assert.equal((await gateway.call('POST', `/nodes/${id}/revoke`)).node.approval, 'pending');
  await gateway.stop();
  const again = await stage.gateway({ home: gateway.home });
  assert.equal((await getNode(again, id)).approval, 'pending');
});

behaviour('consent/revoke/not-the-one-of-the-settings', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(serves(['mine'])) });
  const { data: [{ id }] } = await gateway.call('GET', '/nodes');

  assert.match((await gateway.call('POST', `/nodes/${id}/revoke`, undefined, { status: 409 })).error.message,
               /default_base_url/);
  assert.equal((await getNode(gateway, id)).approval, 'approved');
  await gateway.call('POST', '/nodes/nobody/revoke', undefined, { status: 404 });
});

behaviour('consent/approve/only-what-was-seen', async (stage) => {
  const node = await stage.node(serves(['theirs']), { identity: IDENTITIES[0] });
  const gateway = await stage.gateway();
  const { nodes: [{ id }] } = await discover(gateway, node);
  const { base_url: url, seen_address: address, seen_key: key } = await getNode(gateway, id);
  const approve = (expect, status = 200) => gateway.call('POST', `/nodes/${id}/approve`, { expect }, { status });

  assert.match(key, /./);
  for (const other of [{ base_url: 'http://192.168.0.9:1234' }, { seen_address: '192.168.0.9' }, { seen_key: 'other' },
                       { base_url: url, seen_address: address, seen_key: null }]) {
    const { error } = await approve(other, 409);
    assert.equal(error.code, 'conflict');
    assert.match(error.message, /look at it again\.$/);
    assert.equal((await getNode(gateway, id)).approval, 'pending');
  }
  await approve({ base_url: 5 }, 422);
  assert.equal((await getNode(gateway, id)).approval, 'pending');
  const { node: after } = await approve({ base_url: url, seen_address: address, seen_key: key });
  assert.deepEqual([after.approval, after.key_fingerprint], ['approved', key]);
});
