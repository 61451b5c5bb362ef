/* SPDX-License-Identifier: MIT
 *
 * Looking for servers: on this computer, at given addresses and in given networks, as an answer or as a job. All
 * networks of these tests are parts of 127.0.0.0/8.
 */

import assert from 'node:assert/strict';
import { hostname, networkInterfaces } from 'node:os';

import * as http from './lib/http.mjs';
import { card, modelList, serves } from './lib/nodes.mjs';
import { behaviour, signal } from './lib/stage.mjs';
import { deadPort } from './lib/upstream.mjs';

const discover = (gateway, document, options) => gateway.call('POST', '/discover', document, options);
const scan = (gateway, subnet, port, more = {}, options = {}) =>
  discover(gateway, { methods: ['lan_scan'], subnets: [subnet].flat(), ports: [port].flat(), ...more }, options);
const getJob = (gateway, id) => gateway.call('GET', `/discover/jobs/${id}`);
const urlsOf = ({ nodes }) => nodes.map(({ base_url: url }) => url).sort();

/* All nodes but the default one, which answers nowhere in these tests. */
const others = async (gateway) => (await gateway.call('GET', '/nodes')).data.filter((node) => !node.is_default);

/* A server that takes questions and keeps who asked waiting: its @asked, and release(). */
async function holdingNode(stage, options) {
  const released = signal();
  const asked = signal();
  const node = await stage.node(async (request, wire) => {
    asked.resolve();
    await released;
    if (!wire.over)
      await serves(['m'])(request, wire);
  }, options);

  stage.defer(() => released.resolve());
  return Object.assign(node, { asked, release: () => released.resolve() });
}

/* Waits until a job has that state; what was told of it last. */
const becomes = async (follower, id, state) =>
  (await follower.next('discovery', (job) => job.id === id && job.state === state)).data;

/* -- What is found ------------------------------------------------------------------------- */

behaviour('discovery/local/finds-what-listens-here', async (stage) => {
  const [first, second] = [await stage.node(serves(['m'])), await stage.node(serves(['n']), { host: '0.0.0.0' })];
  const gateway = await stage.gateway();
  const result = await discover(gateway, { methods: ['local'], ports: [first.port, second.port, await deadPort()] });
  const { started_at: started, ended_at: ended, ...job } = result.job;

  assert.equal(result.object, 'vampire.discovery_result');
  assert.deepEqual(urlsOf(result), [first.url, `http://127.0.0.1:${second.port}`].sort());
  assert.deepEqual(job, { id: job.id, state: 'done', progress: { done: 4, total: 4 }, found: 2 });
  assert.ok(new Date(started) <= new Date(ended) && new Date(ended) - Date.now() < 1000);
  for (const node of result.nodes) {
    const port = node.base_url.split(':')[2];

    assert.deepEqual([node.id, node.host, node.status, node.approval, node.trusted, node.found.by],
                     [`node-127-0-0-1-${port}`, '127.0.0.1', 'online', 'pending', false, 'local']);
    assert.equal(node.models.length, 1);
    assert.deepEqual(await gateway.call('GET', `/nodes/${node.id}`), node);
  }
});

behaviour('discovery/local/without-a-body-is-local', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway({ node });
  const { nodes } = (await gateway.ask('POST', '/vampire/v1/discover')).json();

  assert.ok(nodes.some(({ base_url: url, is_default: isDefault }) => url === node.url && isDefault),
            'the default node is one of those of this computer');
});

behaviour('discovery/static/looks-at-what-is-known-and-adds-nothing', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway();

  await gateway.call('POST', '/nodes', { id: 'on', base_url: node.url });
  await gateway.call('POST', '/nodes', { id: 'off', base_url: `http://127.0.0.1:${await deadPort()}` });
  const { nodes, job } = await discover(gateway, { methods: ['static'] });
  assert.deepEqual([nodes.map(({ id }) => id), job.progress], [['on'], { done: 3, total: 3 }]);
  assert.equal((await others(gateway)).length, 2);
});

behaviour('discovery/lan-scan/finds-all-in-a-network', async (stage) => {
  const first = await stage.node(serves(['m']), { host: '127.0.3.1' });
  const gateway = await stage.gateway();
  const urls = [first.url];

  for (const host of ['127.0.3.7', '127.0.3.14', '127.0.3.15', '127.0.3.17'])
    urls.push((await stage.node(serves(['m']), { host, port: first.port })).url);
  const result = await scan(gateway, '127.0.3.0/28', first.port);
  assert.deepEqual(urlsOf(result), urls.slice(0, 3).sort(), 'those of the network, its broadcast address left out');
  assert.deepEqual(result.job.progress, { done: 14, total: 14 });
  for (const { approval, found: { by, at, first_seen: seen } } of result.nodes) {
    assert.deepEqual([approval, by, at], ['pending', 'lan_scan', '127.0.3.0/28']);
    assert.ok(Math.abs(new Date(seen) - Date.now()) < 60_000);
  }
  assert.deepEqual((await gateway.ask('GET', '/v1/models')).status, 502, 'nothing of it is served');
});

behaviour('discovery/lan-scan/networks-in-any-plain-form', async (stage) => {
  const node = await stage.node(serves(['m']), { host: '0.0.0.0' });
  const gateway = await stage.gateway();

  for (const [subnets, total] of [['127.0.3.5', 1], ['127.0.3.5/32', 1], ['127.0.3.4/31', 2], ['127.0.3.4/30', 2],
                                  ['127.0.3.9/29', 6], [['127.0.3.0/28', '127.0.3.0/29', '127.0.3.3'], 14],
                                  [['127.0.3.3', '127.0.3.3/32', '127.0.3.8/29'], 7]]) {
    const { job, nodes } = await scan(gateway, subnets, node.port);

    assert.deepEqual([job.progress, nodes.length], [{ done: total, total }, total], `${subnets}`);
  }
  const { job } = await scan(gateway, '127.0.3.0/29', [node.port, await deadPort(), node.port]);
  assert.deepEqual([job.progress.total, job.found], [12, 6], 'each port once');
});

behaviour('discovery/lan-scan/ipv6', async (stage) => {
  const node = await stage.node(serves(['m']), { host: '::1' });
  const gateway = await stage.gateway();
  const { nodes, job } = await scan(gateway, '::1/128', node.port);

  assert.deepEqual([nodes.length, job.progress], [1, { done: 1, total: 1 }]);
  assert.equal(nodes[0].base_url, node.url);
});

behaviour('discovery/lan-scan/a-long-one-is-a-job-and-complete', async (stage) => {
  const node = await stage.node(serves(['m']), { host: '127.0.8.1' });
  const last = await stage.node(serves(['m']), { host: '127.0.11.254', port: node.port });
  const gateway = await stage.gateway();
  const follower = await stage.follower(gateway);
  const started = await scan(gateway, '127.0.8.0/22', node.port, {}, { status: 202 });

  assert.deepEqual([started.object, started.state, started.progress, started.ended_at],
                   ['vampire.discovery_job', 'running', { done: 0, total: 1022 }, null]);
  const { progress, found } = await becomes(follower, started.id, 'done');
  assert.deepEqual([progress, found], [{ done: 1022, total: 1022 }, 2]);
  const job = await getJob(gateway, started.id);
  assert.deepEqual([job.state, urlsOf(job)], ['done', [last.url, node.url]]);
});

behaviour('discovery/found/a-server-that-asks-for-a-token', async (stage) => {
  const node = await stage.node((request, wire) => wire.write(http.answer(401, [], '{"error":"no token"}')));
  const gateway = await stage.gateway();
  const { nodes: [found] } = await discover(gateway, { methods: [], base_urls: [node.url] });

  assert.deepEqual([found.approval, found.token.state, found.models], ['pending', 'needed', []]);
});

behaviour('discovery/found/another-vampire', async (stage) => {
  const other = await stage.gateway({ node: await stage.node(serves(['m'])) });
  const gateway = await stage.gateway();
  const { nodes: [found] } = await discover(gateway, { methods: [], base_urls: [other.url] });

  assert.deepEqual([found.base_url, found.provider, found.approval], [other.url, 'vampire', 'pending']);
});

behaviour('discovery/found/a-server-behind-a-prefix', async (stage) => {
  const node = await stage.node((request, wire) =>
    wire.write(request.target === '/a/prefix/v1/models' ? modelList(['m']) : http.answer(404)), { host: '127.0.3.2' });
  const gateway = await stage.gateway();
  const urls = [`${node.url}/a/prefix/v1`, `${node.url}/a/prefix/`, node.url];
  const result = await discover(gateway, { methods: [], base_urls: urls });

  assert.deepEqual(urlsOf(result), [`${node.url}/a/prefix`], 'once');
  assert.equal(result.job.progress.total, 2);
});

/* -- What is not --------------------------------------------------------------------------- */

const STRANGERS = {
  'a-web-site': (request, wire) =>
    wire.write(http.answer(200, [['Content-Type', 'text/html']], '<html><title>models</title></html>')),
  'an-error': (request, wire) => wire.write(http.answer(500, [], 'no')),
  'nothing-there': (request, wire) => wire.write(http.json({ error: 'not found' }, 404)),
  'other-json': (request, wire) => wire.write(http.json({ data: 'no list', models: 5 })),
  'a-list-of-something-else': (request, wire) => wire.write(http.json([1, 2, 3])),
  'json-that-breaks-off': (request, wire) => wire.write(http.answer(200, [], '{"object":"list","data":[')),
  'a-body-without-end': async (request, wire) => {
    wire.write(http.STREAM_HEAD);
    while (!wire.over)
      await wire.write(http.chunk('x'.repeat(65536)));
  },
};

for (const [name, respond] of Object.entries(STRANGERS)) {
  behaviour(`discovery/no-model-server/${name}`, async (stage) => {
    const node = await stage.node(async (request, wire) => {
      try {
        await respond(request, wire);
      } catch {
        /* the gateway has heard enough */
      }
    });
    const gateway = await stage.gateway();

    for (const document of [{ methods: [], base_urls: [node.url] }, { methods: ['local'], ports: [node.port] }])
      assert.deepEqual((await discover(gateway, document)).nodes, []);
    assert.deepEqual(await others(gateway), []);
    assert.ok(node.requests.length > 0);
  });
}

behaviour('discovery/no-model-server/bytes-that-are-no-http', async (stage) => {
  const node = await stage.rawNode(async (wire) => {
    await wire.write('SSH-2.0-OpenSSH_9.2\r\n');
  });
  const gateway = await stage.gateway();

  assert.deepEqual((await discover(gateway, { methods: ['local'], ports: [node.port] })).nodes, []);
  assert.ok(node.wires.length > 0);
});

behaviour('discovery/no-model-server/one-that-says-nothing-is-not-waited-for', async (stage) => {
  const node = await stage.rawNode(async (wire) => {
    await wire.closed;
  }, { host: '127.0.3.1' });
  const gateway = await stage.gateway();
  const { nodes, job } = await scan(gateway, '127.0.3.0/29', node.port, { timeout_ms: 50 });

  assert.deepEqual([nodes, job.progress], [[], { done: 6, total: 6 }]);
});

behaviour('discovery/no-model-server/a-redirect-leads-nowhere', async (stage) => {
  const model = await stage.node(serves(['m']));
  const node = await stage.node((request, wire) =>
    wire.write(http.answer(302, [['Location', `${model.url}${request.target}`]])));
  const gateway = await stage.gateway();

  assert.deepEqual((await discover(gateway, { methods: [], base_urls: [node.url] })).nodes, []);
  assert.equal(model.wires.length, 0);
});

behaviour('discovery/own/the-gateway-never-finds-itself', async (stage) => {
  const gateway = await stage.gateway({ env: { VAMPIRE_SHARE_ADDRESS: '127.0.3.9' } });
  const { port } = gateway;
  const isPrivate = /^(10|192\.168|172\.(1[6-9]|2\d|3[01]))\./;
  const own = Object.values(networkInterfaces()).flat().filter(({ address }) => isPrivate.test(address));
  const hosts = ['127.0.0.1', 'localhost', 'LOCALHOST', 'x.localhost', '[::1]', '[0:0:0:0:0:0:0:1]', '127.0.3.9',
                 '[::ffff:127.0.0.1]', '[::ffff:127.0.3.9]', hostname(), ...own.map(({ address }) => address)];
  const urls = hosts.map((host) => `${host}:${port}`)
    .flatMap((at) => [`http://${at}`, `http://${at}/`, `HTTP://${at}/v1`]);

  for (const enabled of [false, true]) {
    const { listeners } = await gateway.call('POST', '/share', { mode: 'family', enabled });

    assert.deepEqual(listeners, enabled ? [`127.0.3.9:${port}`] : []);
    const known = await discover(gateway, { methods: ['local', 'static'], ports: [port], base_urls: urls });
    assert.deepEqual(known.nodes, []);
    const found = await scan(gateway, ['127.0.0.0/29', '127.0.3.8/30', '::1'], port);
    assert.deepEqual([found.nodes, found.job.progress.total], [[], 9]);
  }
  assert.deepEqual(await others(gateway), []);
});

behaviour('discovery/trusted-only/names-who-is-trusted-and-adds-nobody', async (stage) => {
  const [trusted, known, fresh] = [await stage.node(serves(['a'])), await stage.node(serves(['b'])),
                                   await stage.node(serves(['c']))];
  const gateway = await stage.gateway();
  const urls = [trusted.url, known.url, fresh.url];

  await gateway.call('POST', '/nodes', { id: 'trusted', base_url: trusted.url, trusted: true });
  await gateway.call('POST', '/nodes', { id: 'known', base_url: known.url });
  for (const methods of [[], ['local', 'static']]) {
    const ports = [trusted.port, known.port, fresh.port];
    const { nodes } = await discover(gateway, { methods, ports, base_urls: urls, trusted_only: true });

    assert.deepEqual(nodes.map(({ id }) => id), ['trusted']);
  }
  assert.equal((await others(gateway)).length, 2);
  assert.equal((await discover(gateway, { methods: [], base_urls: urls })).nodes.length, 3);
});

behaviour('discovery/flood/at-most-64-wait-for-a-decision', async (stage) => {
  const node = await stage.node(serves(['m']), { host: '0.0.0.0' });
  const gateway = await stage.gateway();
  const count = async () => (await gateway.call('GET', '/nodes?approval=pending')).data.length;

  const first = await scan(gateway, '127.0.4.0/25', node.port);
  assert.deepEqual([first.job.progress, first.nodes.length], [{ done: 126, total: 126 }, 64]);
  assert.equal(await count(), 64);
  assert.equal((await gateway.status()).nodes_pending, 64);
  for (const { id } of first.nodes.slice(0, 10))
    await gateway.call('POST', `/nodes/${id}/${Number(id.at(-1)) % 2 ? 'approve' : 'block'}`);
  assert.equal(await count(), 54);
  await scan(gateway, '127.0.4.0/25', node.port);
  assert.equal(await count(), 64, 'there is room for ten more');
  assert.equal((await others(gateway)).length, 74);
  assert.equal((await discover(gateway, { methods: [], base_urls: ['http://127.0.5.1:1'] })).nodes.length, 0);
  const mine = await gateway.call('POST', '/nodes', { base_url: `http://127.0.5.2:${node.port}` });
  assert.equal(mine.node.approval, 'approved', 'what the owner types in has room');
});

behaviour('discovery/flood/names-from-the-network-are-plain', async (stage) => {
  const names = ['\u202egnp.exe', '<script>alert(1)</script>', 'a\nb', 'x'.repeat(5000), 'vampire:auto'];
  const node = await stage.node((request, wire) => wire.write(request.target === '/v1/models'
    ? modelList(names.map((id) => card(id, { owned_by: '\x1b[31mred' }))) : http.answer(404)));
  const gateway = await stage.gateway();
  const { nodes: [found] } = await discover(gateway, { methods: [], base_urls: [node.url] });

  for (const { id, owned_by: owner } of found.models) {
    assert.doesNotMatch(`${id}${owner}`, /[\x00-\x1f\u202e]/);
    assert.ok(id.length <= 257 && !id.startsWith('vampire:'), id);
  }
  assert.equal(found.models_count + found.models_skipped >= names.length - 1, true);
});

/* -- Jobs ---------------------------------------------------------------------------------- */

behaviour('discovery/jobs/in-the-background', async (stage) => {
  const node = await holdingNode(stage);
  const gateway = await stage.gateway();
  const follower = await stage.follower(gateway);
  const urls = [node.url, `http://127.0.0.1:${await deadPort()}`];
  const started = await discover(gateway, { methods: [], base_urls: urls, background: true, timeout_ms: 10_000 },
                                 { status: 202 });

  assert.deepEqual([started.object, started.state, started.nodes], ['vampire.discovery_job', 'running', []]);
  await follower.next('discovery', ({ progress }) => progress.done === 1);
  await node.asked;
  const running = await getJob(gateway, started.id);
  assert.deepEqual([running.state, running.progress, running.found], ['running', { done: 1, total: 2 }, 0]);
  const { object, data: [first] } = await gateway.call('GET', '/discover/jobs');
  const { object: itself, nodes: none, ...listed } = running;
  assert.deepEqual([object, first, itself, none], ['list', listed, 'vampire.discovery_job', []]);
  node.release();
  await becomes(follower, started.id, 'done');
  const ended = await getJob(gateway, started.id);
  assert.deepEqual([ended.state, ended.found, urlsOf(ended)], ['done', 1, [node.url]]);
  assert.deepEqual(await gateway.call('DELETE', `/discover/jobs/${started.id}`), { id: started.id, status: 'done' });
});

behaviour('discovery/jobs/cancel-ends-it-at-once', async (stage) => {
  const node = await holdingNode(stage, { host: '127.0.3.1' });
  const gateway = await stage.gateway();
  const follower = await stage.follower(gateway);
  const { id } = await scan(gateway, '127.0.3.0/28', node.port, { background: true, timeout_ms: 10_000 },
                            { status: 202 });

  await node.asked;
  assert.deepEqual(await gateway.call('DELETE', `/discover/jobs/${id}`), { id, status: 'cancelled' });
  const { ended_at: ended } = await becomes(follower, id, 'cancelled');
  assert.ok(new Date(ended) <= Date.now());
  await node.wires[0].closed;
  node.release();
  assert.equal((await getJob(gateway, id)).state, 'cancelled');
  assert.deepEqual(await others(gateway), []);
  assert.deepEqual(await gateway.call('DELETE', `/discover/jobs/${id}`), { id, status: 'cancelled' });
});

behaviour('discovery/jobs/who-waits-for-a-cancelled-one-is-answered', async (stage) => {
  const node = await holdingNode(stage);
  const gateway = await stage.gateway();
  const answer = discover(gateway, { methods: [], base_urls: [node.url], timeout_ms: 10_000 });

  await node.asked;
  const { data: [{ id }] } = await gateway.call('GET', '/discover/jobs');
  await gateway.call('DELETE', `/discover/jobs/${id}`);
  const { job, nodes } = await answer;
  assert.deepEqual([job.id, job.state, nodes], [id, 'cancelled', []]);
});

behaviour('discovery/jobs/one-network-search-at-a-time', async (stage) => {
  const node = await holdingNode(stage, { host: '127.0.3.1' });
  const other = await stage.node(serves(['m']));
  const gateway = await stage.gateway();
  const { id } = await scan(gateway, '127.0.3.0/28', node.port, { background: true, timeout_ms: 10_000 },
                            { status: 202 });

  const { error, detail } = await scan(gateway, '127.0.4.0/28', node.port, {}, { status: 409 });
  assert.equal(error.code, 'busy');
  assert.ok(error.message.includes(id), error.message);
  assert.equal(detail, error.message);
  assert.deepEqual(urlsOf(await discover(gateway, { methods: ['local'], ports: [other.port] })), [other.url],
                   'a quick one goes on beside it');
  await gateway.call('DELETE', `/discover/jobs/${id}`);
  assert.equal((await scan(gateway, '127.0.4.0/28', await deadPort())).job.state, 'done');
});

behaviour('discovery/jobs/at-most-16-at-a-time-and-16-remembered', async (stage) => {
  const node = await holdingNode(stage);
  const gateway = await stage.gateway();
  const document = { methods: [], base_urls: [node.url], background: true, timeout_ms: 10_000 };
  const ids = [];

  for (let i = 0; i < 16; i++)
    ids.unshift((await discover(gateway, document, { status: 202 })).id);
  const { error } = await discover(gateway, document, { status: 409 });
  assert.equal(error.code, 'busy');
  const listed = async () => (await gateway.call('GET', '/discover/jobs')).data.map(({ id }) => id);
  assert.deepEqual(await listed(), ids, 'the newest first');
  for (const id of ids)
    await gateway.call('DELETE', `/discover/jobs/${id}`);
  for (let i = 0; i < 4; i++)
    ids.unshift((await discover(gateway, { methods: [] })).job.id);
  assert.deepEqual(await listed(), ids.slice(0, 16));
  await gateway.call('GET', `/discover/jobs/${ids[16]}`, undefined, { status: 404 });
});

behaviour('discovery/jobs/a-client-that-leaves-does-not-end-it', async (stage) => {
  const node = await holdingNode(stage);
  const gateway = await stage.gateway();
  const follower = await stage.follower(gateway);
  const client = await stage.client(gateway);

  client.write(http.request('POST', '/vampire/v1/discover', {
    body: JSON.stringify({ methods: [], base_urls: [node.url], timeout_ms: 10_000 }),
  }));
  await node.asked;
  await client.destroy();
  await gateway.waitFor(/POST \/vampire\/v1\/discover .* client gone/);
  node.release();
  await follower.next('discovery', ({ state, found }) => state === 'done' && found === 1);
  assert.deepEqual((await others(gateway)).map(({ base_url: url }) => url), [node.url]);
});

behaviour('discovery/jobs/the-gateway-stops-in-the-middle-of-one', async (stage) => {
  const node = await holdingNode(stage, { host: '127.0.3.1' });
  const gateway = await stage.gateway();

  await scan(gateway, '127.0.3.0/28', node.port, { background: true, timeout_ms: 10_000 }, { status: 202 });
  await node.asked;
  await gateway.stop();
});

/* -- What is refused ----------------------------------------------------------------------- */

behaviour('discovery/refused/unknown-methods-are-named', async (stage) => {
  const gateway = await stage.gateway();

  for (const methods of [['telepathy'], ['local', 'LOCAL'], ['local', ''], [null]]) {
    const { detail, error } = await discover(gateway, { methods }, { status: 422 });

    assert.match(error.message, /^methods\[\d\] must be /);
    assert.equal(detail[0].loc[1], 'methods');
  }
  assert.deepEqual((await gateway.call('GET', '/discover/jobs')).data, []);
});

behaviour('discovery/refused/targets-are-named-and-then-nobody-is-asked', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway();

  for (const [url, why] of [['http://8.8.8.8:1234', /public/], ['http://[2001:4860:4860::8888]:80', /public/],
                            ['ftp://127.0.0.1', /http/], ['http://127.1:1234', /./], ['http://2130706433:1234', /./],
                            ['http://0177.0.0.1:1234', /./], ['http://127.0.0.1:0', /port/], ['nonsense', /./]]) {
    const urls = [node.url, 'http://127.0.0.1', url];
    const { detail, error } = await discover(gateway, { methods: ['local'], ports: [node.port], base_urls: urls },
                                             { status: 400 });

    assert.equal(detail, `disallowed discovery target '${url}'`);
    assert.ok(error.message.startsWith(`Base URL '${url}' `), error.message);
    assert.match(error.message, why);
  }
  assert.equal(node.wires.length, 0);
  assert.deepEqual((await gateway.call('GET', '/discover/jobs')).data, []);
});

const SUBNETS = {
  malformed: [/is not understood/, ['x', '', ' 127.0.3.0/28', '127.0.3.0/33', '127.0.3.0/-1', '127.0.3.0/08',
                                    '127.0.3/24', '127.0.3.0/24/1', '127.0.3.0/', '127.0.3.0/ 28', '0x7f.0.3.0/28',
                                    '300.0.0.0/28', 'localhost/28', '127.0.3.0-127.0.3.9', 'fe80::1%lo/128',
                                    '::1/129', '[::1]', '127.0.3.0/1e1', '127.0.3.0/18446744073709551644']],
  public: [/is not a private network/, ['8.8.8.0/24', '8.8.8.8', '224.0.0.0/24', '255.255.255.255', '192.0.2.0/28',
                                        '2001:db8::/120', 'fe80::/120', '::ffff:127.0.3.0/124', '::/0']],
  large: [/more than the 1024 addresses/, ['127.0.0.0/8', '127.0.0.0/21', '10.0.0.0/8', '192.168.0.0/16', 'fd00::/64',
                                           '10.0.0.0/0']],
};

for (const [what, [why, subnets]] of Object.entries(SUBNETS)) {
  behaviour(`discovery/refused/${what}-subnets-are-named`, async (stage) => {
    const node = await stage.node(serves(['m']), { host: '0.0.0.0' });
    const gateway = await stage.gateway();

    for (const subnet of subnets) {
      const { error, detail } = await scan(gateway, ['127.0.3.0/28', '192.168.1.0/24', subnet], node.port, {},
                                           { status: 400 });

      assert.match(error.message, why);
      assert.ok(error.message.startsWith(`Subnet ${subnet} `), error.message);
      assert.ok(detail.startsWith(`invalid subnet '${subnet}': `), detail);
    }
    assert.equal(node.wires.length, 0, 'nothing of it was looked at');
    assert.deepEqual((await gateway.call('GET', '/discover/jobs')).data, []);
  });
}

behaviour('discovery/refused/more-than-a-search-may-be', async (stage) => {
  const gateway = await stage.gateway();
  const table = [
    [{ methods: ['lan_scan'], subnets: Array(9).fill('127.0.3.0/30') }, 'subnets'],
    [{ ports: Array.from({ length: 17 }, (_, i) => i + 1) }, 'ports'],
    [{ base_urls: Array(257).fill('http://127.0.0.1:1') }, 'base_urls'],
    [{ timeout_ms: 10_001 }, 'timeout_ms'],
  ];

  for (const [document, field] of table) {
    const { error } = await discover(gateway, document, { status: 422 });

    assert.ok(error.message.startsWith(`${field} must `), error.message);
  }
});
