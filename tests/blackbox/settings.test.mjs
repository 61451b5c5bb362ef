/* SPDX-License-Identifier: MIT
 *
 * The settings over the control API: what they are and where each comes from, and changes of the settings file, whole
 * or not at all, that take effect as those of a hand do.
 */

import assert from 'node:assert/strict';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import { AT_DOOR, askAsGuest, createKey, share } from './lib/guests.mjs';
import { chat, serves } from './lib/nodes.mjs';
import { behaviour } from './lib/stage.mjs';

const fileOf = ({ home }) => path.join(home.path, 'config', 'vampire', 'vampire.conf');
const read = (gateway) => readFileSync(fileOf(gateway), 'utf8');
const byKey = ({ data }) => Object.fromEntries(data.map((setting) => [setting.key, setting]));
const settingsOf = async (gateway) => byKey(await gateway.call('GET', '/settings'));
const change = async (gateway, changes, options) => gateway.call('PATCH', '/settings', changes, options);
const messageOf = ({ error }) => error.message;

behaviour('settings/list/each-with-its-type-and-where-it-comes-from', async (stage) => {
  const gateway = await stage.gateway({ settings: 'queue_limit=12\nallowed_hosts = a.lan , b.lan\nlog_level=WARN',
                                        env: { VAMPIRE_QUEUE_SECONDS: '7' } });
  const document = await gateway.call('GET', '/settings');
  const settings = byKey(document);

  assert.deepEqual([document.object, document.file], ['vampire.settings', fileOf(gateway)]);
  for (const { key, value, default: fallback, type, values, about, secret } of document.data) {
    const fits = {
      bool: (x) => typeof x === 'boolean', int: Number.isInteger, number: (x) => typeof x === 'number',
      string: (x) => x === null || typeof x === 'string', enum: (x) => values.includes(x),
      list: (x) => Array.isArray(x) && x.every((entry) => typeof entry === 'string'),
    }[type];

    assert.ok(fits(value) && fits(fallback), `${key}: ${value}, ${fallback}`);
    assert.equal(values !== null, type === 'enum', key);
    assert.match(about, /\.$/);
    assert.equal(secret, key === 'auth_token');
  }
  const { queue_limit: limit, queue_seconds: seconds, port, allowed_hosts: hosts, log_level: level, demo } = settings;
  assert.deepEqual([limit.value, limit.default, limit.source, limit.can_change],
                   [12, 256, `key queue_limit in ${fileOf(gateway)}`, true]);
  assert.deepEqual([seconds.value, seconds.source, seconds.can_change], [7, 'VAMPIRE_QUEUE_SECONDS', false]);
  assert.deepEqual([port.value, port.source, port.can_change, port.needs_restart], [0, '--port', false, true]);
  assert.deepEqual(hosts.value, ['a.lan', 'b.lan']);
  assert.deepEqual([level.value, level.values], ['warning', ['error', 'warning', 'info', 'debug']]);
  assert.equal(demo.can_change, false);
});

behaviour('settings/change/comments-stay-and-it-takes-effect-at-once', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway({ node, settings: '# the loud one\nlog_level = debug\n# nothing below' });
  const follower = await stage.follower(gateway);
  const after = byKey(await change(gateway, {
    keep_in_tray: false, appearance: 'dark', allowed_hosts: ['x.lan', 'y.lan'], affinity_busy_ratio: 2.5,
    queue_limit: 3,
  }));

  assert.deepEqual([after.keep_in_tray.value, after.appearance.value, after.allowed_hosts.value,
                    after.affinity_busy_ratio.value, after.queue_limit.value],
                   [false, 'dark', ['x.lan', 'y.lan'], 2.5, 3]);
  const { data: { keys } } = await follower.next('settings');
  assert.deepEqual([...keys].sort(),
                   ['affinity_busy_ratio', 'allowed_hosts', 'appearance', 'keep_in_tray', 'queue_limit']);
  assert.equal(read(gateway), '[vampire]\n# the loud one\nlog_level = debug\n# nothing below\nkeep_in_tray = no\n' +
               'appearance = dark\nallowed_hosts = x.lan,y.lan\naffinity_busy_ratio = 2.5\nqueue_limit = 3\n');
  assert.equal((await gateway.ask('GET', '/v1/models', { host: 'x.lan' })).status, 200);

  await change(gateway, { allowed_hosts: [], keep_in_tray: null, appearance: null, affinity_busy_ratio: null,
                          queue_limit: null });
  assert.equal(read(gateway), '[vampire]\n# the loud one\nlog_level = debug\n# nothing below\n');
  assert.equal((await gateway.ask('GET', '/v1/models', { host: 'x.lan' })).status, 403);
});

behaviour('settings/change/all-or-nothing', async (stage) => {
  const gateway = await stage.gateway({ settings: 'queue_limit = 9' });
  const before = read(gateway);
  const attempts = [
    [{ queue_limit: 8, trace_limit: 100000 }, /trace_limit .* must be a whole number from 0 to 1000/],
    [{ queue_limit: 8, no_such: 1 }, /There is no setting no_such/],
    [{ queue_limit: 8, queue_limt: 1 }, /did you mean queue_limit\?/],
    [{ queue_limit: '8', keep_in_tray: 1 }, /keep_in_tray must be true or false/],
    [{ queue_limit: 8.5 }, /queue_limit must be a whole number/],
    [{ queue_limit: 8, allowed_hosts: ['a,b'] }, /allowed_hosts must be a list/],
    [{ queue_limit: 8, default_strategy: 'none_such' }, /must be one of/],
    [{ queue_limit: 8, auth_token: 'a\nb' }, /auth_token must be a text of one line/],
    [{ queue_limit: 8, demo: true }, /demo cannot be set in/],
    [{ queue_limit: 8, host: '0.0.0.0' }, /other computers can reach/],
    [{ queue_limit: {} }, /queue_limit must be/],
  ];

  for (const [changes, message] of attempts)
    assert.match(messageOf(await change(gateway, changes, { status: 422 })), message);
  assert.equal(read(gateway), before);
  assert.equal((await settingsOf(gateway)).queue_limit.value, 9);
});

behaviour('settings/change/what-a-flag-or-a-variable-says-is-not-changed', async (stage) => {
  const gateway = await stage.gateway({ settings: 'queue_limit = 9', env: { VAMPIRE_QUEUE_SECONDS: '7' } });
  const before = read(gateway);

  assert.match(messageOf(await change(gateway, { queue_limit: 8, queue_seconds: 9 }, { status: 409 })),
               /queue_seconds is given by the variable VAMPIRE_QUEUE_SECONDS/);
  assert.match(messageOf(await change(gateway, { queue_limit: 8, port: 9 }, { status: 409 })),
               /port is given by the flag --port/);
  assert.equal(read(gateway), before);
});

behaviour('settings/change/a-restart-that-is-needed-is-said', async (stage) => {
  const gateway = await stage.gateway({});
  const elsewhere = path.join(gateway.home.path, 'elsewhere');

  const { data_dir: dir, token_storage: storage } = byKey(await change(gateway, { data_dir: elsewhere }));
  assert.deepEqual([dir.value, dir.needs_restart, dir.restart_pending], [elsewhere, true, true]);
  assert.deepEqual([storage.needs_restart, storage.restart_pending], [true, false]);
  await gateway.waitFor(/Restart Vampire for these settings to change: data_dir\./);
  assert.equal(byKey(await change(gateway, { data_dir: null })).data_dir.restart_pending, false);
});

behaviour('settings/secret/it-is-set-and-never-shown', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(serves(['m'])) });
  const secret = 'CANARY-5d1';
  const after = await change(gateway, { auth_token: secret });
  const fields = [['Authorization', `Bearer ${secret}`]];

  assert.equal(byKey(after).auth_token.value, '(set)');
  assert.doesNotMatch(JSON.stringify(after), /CANARY/);
  assert.equal(statSync(fileOf(gateway)).mode & 0o777, 0o600);
  assert.equal((await gateway.ask('GET', '/vampire/v1/settings')).status, 401);
  assert.equal((await chat(gateway, 'm')).status, 401);
  const shown = await gateway.ask('GET', '/vampire/v1/settings', { fields });
  assert.equal(shown.status, 200);
  assert.doesNotMatch(shown.text(), /CANARY/);
  const undone = await gateway.ask('PATCH', '/vampire/v1/settings', { fields, body: '{"auth_token":null}' });
  assert.equal(byKey(undone.json()).auth_token.value, null);
  assert.equal((await chat(gateway, 'm')).status, 200);
  assert.doesNotMatch(gateway.stderr, /CANARY/);
});

behaviour('settings/access/for-the-owner-alone', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(serves(['m'])), env: AT_DOOR });
  const body = '{"queue_limit":1}';

  await share(gateway, 'family');
  const { key } = await createKey(gateway);
  for (const method of ['GET', 'PATCH'])
    assert.equal((await askAsGuest(gateway, method, '/vampire/v1/settings', { key, body })).status, 403);
  assert.equal((await gateway.ask('PATCH', '/vampire/v1/settings', {
    body, fields: [['Origin', 'http://evil.example']] })).status, 403);
  assert.equal((await gateway.ask('PATCH', '/vampire/v1/settings', { body, host: 'evil.example' })).status, 403);
  assert.equal((await settingsOf(gateway)).queue_limit.value, 256);
});

behaviour('settings/change/many-at-a-time-follow-one-after-the-other', async (stage) => {
  const gateway = await stage.gateway({});

  await Promise.all(Array.from({ length: 8 }, (_, i) =>
    change(gateway, { [i % 2 ? 'queue_limit' : 'trace_limit']: i })));
  const { queue_limit: limit, trace_limit: traces } = await settingsOf(gateway);
  assert.ok(limit.value % 2 === 1 && limit.value < 8, limit.value);
  assert.ok(traces.value % 2 === 0 && traces.value < 8, traces.value);
  assert.match(read(gateway), new RegExp(`^queue_limit = ${limit.value}$`, 'm'));
});

behaviour('settings/change/a-file-that-cannot-be-used-is-said-and-left-alone', async (stage) => {
  const gateway = await stage.gateway({ settings: 'queue_limit = 9' });

  writeFileSync(fileOf(gateway), 'no settings at all\n');
  assert.match(messageOf(await change(gateway, { queue_limit: 8 }, { status: 422 })),
               /Line 1 of .* cannot be understood/);
  assert.equal(read(gateway), 'no settings at all\n');
  assert.equal((await settingsOf(gateway)).queue_limit.value, 9);
});

behaviour('settings/trace-limit/fewer-are-remembered-from-now-on', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(serves(['m'])) });
  const remembered = async () => (await gateway.call('GET', '/requests')).data.length;

  for (let i = 0; i < 4; i++)
    await chat(gateway, 'm');
  assert.equal(await remembered(), 4);
  await change(gateway, { trace_limit: 2 });
  assert.equal(await remembered(), 2);
  await change(gateway, { trace_limit: 0 });
  await chat(gateway, 'm');
  assert.equal(await remembered(), 0);
  assert.equal((await gateway.call('GET', '/metrics')).cluster.requests_total >= 5, true);
});

behaviour('settings/change/a-file-that-is-not-there-is-made', async (stage) => {
  const gateway = await stage.gateway({});

  await change(gateway, { appearance: 'light', trace_limit: 7 });
  assert.equal(read(gateway), '[vampire]\nappearance = light\ntrace_limit = 7\n');
});
