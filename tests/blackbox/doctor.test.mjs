/* SPDX-License-Identifier: MIT
 *
 * What the doctor finds, and what it says to do about each. The sentences are what people search for, so the names of
 * settings and commands in them are looked at.
 */

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import * as http from './lib/http.mjs';
import { chat, serves } from './lib/nodes.mjs';
import { behaviour } from './lib/stage.mjs';
import { deadPort } from './lib/upstream.mjs';

const CHECKS = ['default_node', 'lan_nodes', 'pending', 'tokens', 'keyring', 'dns_sd', 'listeners', 'sharing',
                'firewall', 'clock', 'store'];

const examine = (gateway) => gateway.call('GET', '/doctor');
const register = (gateway, document) => gateway.call('POST', '/nodes', document);

/* The one check, with its status, message and remedy. */
const check = async (gateway, id) => (await examine(gateway)).checks.find((one) => one.id === id);

/* Of a check: how it is, that it says this, and that its remedy says that. */
function assertSays({ status, message, remedy }, wanted, said, advised) {
  assert.equal(status, wanted, message);
  assert.match(message, said);
  if (advised === undefined)
    assert.equal(remedy, null);
  else
    assert.match(remedy ?? '', advised);
}

behaviour('doctor/shape', async (stage) => {
  const gateway = await stage.gateway();
  const { object, status, checks } = await examine(gateway);
  const ranks = ['ok', 'warning', 'problem'];
  const worst = Math.max(...checks.map((one) => ranks.indexOf(one.status)));

  assert.deepEqual([object, status], ['vampire.doctor', ranks[worst]]);
  assert.deepEqual(checks.map(({ id }) => id), CHECKS);
  for (const { title, status: how, message, remedy, ...rest } of checks) {
    assert.match(title, /^[A-Z][\w ]+$/);
    assert.ok([...ranks, 'skipped'].includes(how));
    assert.match(message, /^\S.+\.$/);
    assert.ok(remedy === null || /\.$/.test(remedy), remedy);
    if (how === 'problem')
      assert.notEqual(remedy, null, 'a problem has a remedy');
    assert.deepEqual(Object.keys(rest), ['id']);
  }
});

/* -- The default node ---------------------------------------------------------------------- */

behaviour('doctor/default-node/is-off', async (stage) => {
  const port = await deadPort();
  const gateway = await stage.gateway({ node: { url: `http://localhost:${port}` } });

  assert.equal((await examine(gateway)).status, 'problem');
  assertSays(await check(gateway, 'default_node'), 'problem',
             new RegExp(`^Nothing listens at http://localhost:${port}: LM Studio on this computer is not running`),
             /Start LM Studio.*Developer tab.*If it shows another port.*vampire config set default_base_url/);
});

behaviour('doctor/default-node/is-off-but-another-one-serves', async (stage) => {
  const gateway = await stage.gateway();

  await register(gateway, { id: 'a', base_url: (await stage.node(serves(['m']))).url });
  assertSays(await check(gateway, 'default_node'), 'warning', /Nothing listens/, /Start LM Studio/);
  assertSays(await check(gateway, 'lan_nodes'), 'ok', /^1 other node answers\.$/);
});

behaviour('doctor/default-node/comes-up-between-two-visits', async (stage) => {
  const port = await deadPort();
  const gateway = await stage.gateway({ node: { url: `http://127.0.0.1:${port}` } });

  assert.equal((await check(gateway, 'default_node')).status, 'problem');
  await stage.node(serves(['m', 'n']), { port });
  await gateway.call('POST', `/nodes/node-127-0-0-1-${port}/refresh`);
  assertSays(await check(gateway, 'default_node'), 'ok', /answers at .* and has 2 models\.$/);
});

behaviour('doctor/default-node/has-no-models', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(serves([])) });

  assertSays(await check(gateway, 'default_node'), 'warning', /has no models/, /Download a model/);
});

behaviour('doctor/default-node/is-another-program', async (stage) => {
  const node = await stage.node((request, wire) => wire.write(http.answer(200, [], '<html>a web site</html>')));
  const gateway = await stage.gateway({ node });

  assertSays(await check(gateway, 'default_node'), 'problem', /does not answer as a model server does/,
             new RegExp(`another program has port ${node.port}.*default_base_url`));
});

behaviour('doctor/default-node/is-parked-or-blocked', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway({ node });
  const id = `node-127-0-0-1-${node.port}`;

  await gateway.call('PATCH', `/nodes/${id}`, { status: 'maintenance' });
  assertSays(await check(gateway, 'default_node'), 'skipped', /out of service \(maintenance\)/,
             new RegExp(`vampire nodes update ${id} --status online`));
  await gateway.call('POST', `/nodes/${id}/block`);
  assertSays(await check(gateway, 'default_node'), 'skipped', /not approved/,
             new RegExp(`vampire nodes approve ${id}`));
});

/* -- Nodes on other computers -------------------------------------------------------------- */

/* The most common failure: LM Studio listens on its own loopback only. 127.0.6.20 stands for another computer. */
behaviour('doctor/other-nodes/one-that-listens-for-itself-only', async (stage) => {
  const gateway = await stage.gateway();
  const url = `http://127.0.6.20:${await deadPort()}`;

  await register(gateway, { id: 'mac', base_url: url, provider: 'lmstudio', host: 'studio-mac' });
  assertSays(await check(gateway, 'lan_nodes'), 'problem',
             new RegExp(`^LM Studio on studio-mac refuses connections at ${url}: it only listens on its own computer`),
             /On studio-mac, open LM Studio's Developer tab.*turn on Serve on Local Network/);
  await gateway.call('PATCH', '/nodes/mac', { provider: 'ollama' });
  assertSays(await check(gateway, 'lan_nodes'), 'problem', /^Ollama on studio-mac refuses/, /OLLAMA_HOST=0\.0\.0\.0/);
  await gateway.call('PATCH', '/nodes/mac', { provider: 'vllm' });
  assertSays(await check(gateway, 'lan_nodes'), 'problem', /refuses/,
             /listens on the network, at the address 0\.0\.0\.0/);
  await gateway.call('DELETE', '/nodes/mac');
  assertSays(await check(gateway, 'lan_nodes'), 'skipped', /^There are none\.$/, /vampire discover/);
});

behaviour('doctor/other-nodes/the-known-port-tells-what-it-is', async (stage) => {
  const gateway = await stage.gateway();

  await register(gateway, { id: 'x', base_url: 'http://127.0.6.21:1234' });
  assertSays(await check(gateway, 'lan_nodes'), 'problem', /^LM Studio on 127\.0\.6\.21 refuses/,
             /Serve on Local Network/);
});

behaviour('doctor/other-nodes/one-of-this-computer-is-just-off', async (stage) => {
  const gateway = await stage.gateway();

  await register(gateway, { id: 'my node', base_url: `http://localhost:${await deadPort()}` });
  assertSays(await check(gateway, 'lan_nodes'), 'warning', /Nothing listens at/, /vampire nodes forget 'my node'/);
});

behaviour('doctor/other-nodes/one-whose-name-is-unknown', async (stage) => {
  const gateway = await stage.gateway();

  await register(gateway, { id: 'x', base_url: 'http://no-such-computer.invalid:1234' });
  assertSays(await check(gateway, 'lan_nodes'), 'warning', /No computer with the name in http:\/\/no-such-computer/,
             /vampire nodes update x --base-url URL/);
});

behaviour('doctor/other-nodes/six-are-told-as-five-and-one-more', async (stage) => {
  const gateway = await stage.gateway();
  const port = await deadPort();

  for (let i = 1; i <= 7; i++)
    await register(gateway, { id: `n${i}`, base_url: `http://127.0.6.${100 + i}:${port}` });
  const { message, remedy } = await check(gateway, 'lan_nodes');
  assert.equal(message.split('refuses connections').length - 1, 5);
  assert.match(message, / 2 more are not well\.$/);
  assert.match(remedy, /"vampire nodes"/);
});

behaviour('doctor/other-nodes/one-that-fails-requests', async (stage) => {
  const node = await stage.node(serves(['m'], (request, wire) => wire.write(http.answer(500, [], '{}'))));
  const gateway = await stage.gateway();

  await register(gateway, { id: 'a', base_url: node.url });
  for (let i = 0; i < 3; i++)
    await chat(gateway, 'm');
  assertSays(await check(gateway, 'lan_nodes'), 'warning', /answers, but requests to it fail/,
             /The log of that server/);
});

behaviour('doctor/other-nodes/to-knock-is-to-say-nothing', async (stage) => {
  const node = await stage.rawNode(async (wire) => {
    const first = await wire.takeSome();

    if (first !== null)
      wire.reset();
  }, { host: '127.0.6.22' });
  const gateway = await stage.gateway();

  await register(gateway, { id: 'a', base_url: node.url });
  const before = node.wires.length;
  await examine(gateway);
  const knocks = node.wires.slice(before);
  await knocks.at(-1).closed;
  assert.equal(knocks.at(-1).received, 0);
  await gateway.call('POST', '/nodes/a/block');
  const after = node.wires.length;
  assert.equal((await check(gateway, 'lan_nodes')).status, 'skipped');
  assert.equal(node.wires.length, after, 'who is blocked is left alone');
});

behaviour('doctor/other-nodes/what-a-node-says-is-made-plain', async (stage) => {
  const nasty = '\x1b[31m\u202e<b>\r\n';
  const node = await stage.rawNode(async (wire) => {
    await wire.takeSome();
    wire.write(`HTTP/1.1 200 ${nasty}\r\nContent-Length: 9\r\n\r\n${nasty}`);
    wire.end();
  }, { host: '127.0.6.23' });
  const gateway = await stage.gateway();

  await register(gateway, { id: 'a', base_url: node.url });
  const { message } = await check(gateway, 'lan_nodes');
  assert.match(message, /does not answer as a model server does/);
  assert.doesNotMatch(JSON.stringify(await examine(gateway)), /\\u00|\\u202e|[\x00-\x1f\u202e]/);
});

/* -- Approvals and tokens ------------------------------------------------------------------ */

behaviour('doctor/pending/what-was-found-waits', async (stage) => {
  const nodes = [await stage.node(serves(['m'])), await stage.node(serves(['m']))];
  const gateway = await stage.gateway();

  assertSays(await check(gateway, 'pending'), 'ok', /^No node waits/);
  for (const [i, { url }] of nodes.entries()) {
    await gateway.call('POST', '/discover', { methods: [], base_urls: [url] });
    assertSays(await check(gateway, 'pending'), 'warning', [/^1 server was found and waits/, /^2 servers .* wait/][i],
               /vampire nodes approve ID.*vampire nodes block ID/);
  }
});

behaviour('doctor/tokens/needed-and-refused', async (stage) => {
  const node = await stage.node((request, wire) => {
    if (request.head.get('Authorization') === 'Bearer CANARY-2')
      return serves(['m'])(request, wire);
    return wire.write(http.answer(401, [], '{}'));
  });
  const gateway = await stage.gateway();

  assertSays(await check(gateway, 'tokens'), 'ok', /^No node asks for one/);
  await register(gateway, { id: 'a', base_url: node.url, provider: 'lmstudio' });
  assertSays(await check(gateway, 'tokens'), 'problem',
             /^LM Studio on this computer asks for a token, and Vampire has none/,
             /Developer tab, Server Settings, Manage Tokens.*vampire nodes token set a/);
  await gateway.call('PUT', '/nodes/a/token', { token: 'CANARY-1' });
  assertSays(await check(gateway, 'tokens'), 'problem', /refuses the token/, /vampire nodes token set a/);
  await gateway.call('PUT', '/nodes/a/token', { token: 'CANARY-2' });
  assertSays(await check(gateway, 'tokens'), 'ok', /has one that it takes/);
  assert.doesNotMatch(JSON.stringify(await examine(gateway)), /CANARY/);
});

behaviour('doctor/keyring/a-file-as-wanted-and-for-want-of-a-keyring', async (stage) => {
  const nodes = [await stage.node(serves(['m'])), await stage.node(serves(['m']))];

  for (const [i, storage] of ['file', 'auto'].entries()) {
    const gateway = await stage.gateway({ env: { VAMPIRE_TOKEN_STORAGE: storage } });

    await register(gateway, { id: 'a', base_url: nodes[i].url });
    await gateway.call('PUT', '/nodes/a/token', { token: 'a-token' });
    if (storage === 'file')
      assertSays(await check(gateway, 'keyring'), 'ok', /in a file that only you can read, as the setting/);
    else
      assertSays(await check(gateway, 'keyring'), 'warning', /There is no keyring here/,
                 /vampire config set token_storage file.*install a keyring/);
  }
});

/* -- The gateway itself -------------------------------------------------------------------- */

behaviour('doctor/listeners/say-what-clients-are-told', async (stage) => {
  const gateway = await stage.gateway();

  assertSays(await check(gateway, 'listeners'), 'ok', new RegExp(`OpenAI clients use ${gateway.url}/v1`));
});

behaviour('doctor/sharing/without-keys-lets-nobody-in', async (stage) => {
  const gateway = await stage.gateway({ env: { VAMPIRE_SHARE_ADDRESS: '127.0.6.30' } });

  assertSays(await check(gateway, 'sharing'), 'skipped', /^It is off/);
  assertSays(await check(gateway, 'firewall'), 'skipped', /while sharing is off/);
  await gateway.call('POST', '/share', { mode: 'family', enabled: true });
  assertSays(await check(gateway, 'sharing'), 'warning',
             new RegExp(`Sharing is on at 127\\.0\\.6\\.30:${gateway.port}, but there is no client key`),
             /vampire keys create NAME/);
  assert.notEqual((await check(gateway, 'firewall')).status, 'skipped');
  await gateway.call('POST', '/keys', { name: 'Laptop' });
  assertSays(await check(gateway, 'sharing'), 'ok',
             /let in at 127\.0\.6\.30:\d+ with a client key, of which there is 1/);
});

behaviour('doctor/sharing/at-an-address-of-another-computer', async (stage) => {
  const gateway = await stage.gateway({ env: { VAMPIRE_SHARE_ADDRESS: '192.0.2.1' } });
  const { trouble, listeners } = await gateway.call('POST', '/share', { mode: 'family', enabled: true });

  assert.ok(trouble !== null);
  assert.deepEqual(listeners, []);
  assertSays(await check(gateway, 'sharing'), 'problem', /other computers cannot connect.*192\.0\.2\.1/,
             /vampire config set share_address/);
  assert.equal((await gateway.status()).share_trouble, trouble);
});

behaviour('doctor/dns-sd/off-by-the-setting-and-without-avahi', async (stage) => {
  const off = await stage.gateway();
  const on = await stage.gateway({ env: { VAMPIRE_DNS_SD_TYPES: '_lmstudio._tcp',
                                          DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/nonexistent' } });

  assertSays(await check(off, 'dns_sd'), 'skipped', /turned off: the setting dns_sd_types/);
  await on.waitFor(/avahi-daemon is not running/);
  assertSays(await check(on, 'dns_sd'), 'warning', /Avahi is not running/, /avahi-daemon/);
  assert.equal((await on.status()).dns_sd, 'unavailable');
});

behaviour('doctor/store/a-damaged-database-is-set-aside', async (stage) => {
  const home = stage.home();
  const folder = path.join(home.path, 'data', 'vampire');
  const garbage = Buffer.from('this is no database '.repeat(1000));

  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(path.join(folder, 'vampire.db'), garbage);
  const gateway = await stage.gateway({ home });
  const { store } = await gateway.status();
  const { status, message, remedy } = await check(gateway, 'store');
  assert.equal(status, 'warning');
  assert.ok(message.includes(store.set_aside), message);
  assert.match(message, /damaged.*have to be set up again/);
  assert.match(remedy, /copy of vampire\.db/);
  assert.match(path.basename(store.set_aside), /^vampire\.db.*\d{4}.?\d\d.?\d\d/);
  assert.deepEqual(readFileSync(store.set_aside), garbage);
  assert.ok(gateway.stderr.includes(path.basename(store.set_aside)), 'the log says so, too');

  await register(gateway, { id: 'a', base_url: (await stage.node(serves(['m']))).url });
  await gateway.stop();
  const again = await stage.gateway({ home });
  assertSays(await check(again, 'store'), 'ok', /^All changes can be written/);
  assert.equal((await again.call('GET', '/nodes/a')).id, 'a');
  assert.equal(statSync(path.join(folder, 'vampire.db')).mode & 0o077, 0, 'for its owner only');
});
