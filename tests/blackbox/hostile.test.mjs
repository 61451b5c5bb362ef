/* SPDX-License-Identifier: MIT
 *
 * Nodes that want to harm: whatever they answer, the others' requests go on, memory stays what it was, and nothing of
 * it reaches a list, a log or a file as it came. And addresses that no node may have.
 */

import assert from 'node:assert/strict';

import * as http from './lib/http.mjs';
import { card, chat, modelList, serves } from './lib/nodes.mjs';
import { VIRTUAL } from './lib/routed.mjs';
import { behaviour, signal } from './lib/stage.mjs';
import { elapsed } from './lib/time.mjs';

const MB = 1024 ** 2;

/* What an allocator may keep of what passed through; a tenth of what the nodes here send. */
const ROOM = 16 * MB;

const register = (gateway, node, id = 'hostile') => gateway.call('POST', '/nodes', { id, base_url: node.url });

/* Writes @piece again and again, as fast as it is taken, until the other side has had enough. */
async function writeForEver(wire, piece) {
  while (!wire.over)
    await wire.write(piece).catch(() => {});
}

/* A gateway with a good node, which is its default. */
async function withGoodNode(stage, options) {
  const good = await stage.node(serves(['good']));
  const gateway = await stage.gateway({ node: good, ...options });

  assert.equal((await chat(gateway, 'good')).status, 200);
  return gateway;
}

const modelIds = async (gateway) => (await gateway.ask('GET', '/v1/models')).json().data.map(({ id }) => id);

/* Nothing that would move a cursor, forge a line or turn text around. */
const isPlain = (text) =>
  !/[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/u.test(text);

/* -- Too much ------------------------------------------------------------------------------ */

for (const [how, begin, piece] of [
  ['with-its-length', `HTTP/1.1 200 OK\r\nContent-Length: ${100 * MB}\r\n\r\n{"data":[`,
   JSON.stringify(card('x'.repeat(200))).repeat(300)],
  ['in-chunks', `${http.STREAM_HEAD}`, http.chunk(`${JSON.stringify(card('y'.repeat(200)))},`.repeat(300))],
  ['until-it-closes', 'HTTP/1.1 200 OK\r\n\r\n[', '['.repeat(64 * 1024)],
]) {
  behaviour(`hostile/too-much/a-list-of-100-MB/${how}`, async (stage) => {
    const gateway = await withGoodNode(stage);
    const node = await stage.node(async (request, wire) => {
      await wire.write(begin);
      await writeForEver(wire, piece);
    });
    const before = gateway.residentBytes;
    const { node: after } = await register(gateway, node);

    assert.equal(after.status, 'offline');
    assert.match(after.last_error, /its list of models is longer than 1024 KB/);
    for (const wire of node.wires)
      await wire.closed;
    /* What the two kernels hold on the way is more than what the gateway reads. */
    for (const { sent } of node.wires)
      assert.ok(sent < 16 * MB, `${sent}`);
    for (let i = 0; i < 10; i++) {
      await gateway.call('POST', '/nodes/hostile/refresh');
      assert.equal((await chat(gateway, 'good')).status, 200);
    }
    if (!gateway.isSanitized)
      assert.ok(gateway.residentBytes - before < ROOM, `${before} ${gateway.residentBytes}`);
    assert.deepEqual(await modelIds(gateway), [...VIRTUAL, 'good']);
  });
}

behaviour('hostile/too-much/comments-before-the-first-event', async (stage) => {
  const gateway = await withGoodNode(stage);
  const comments = http.chunk(': thinking\n\n'.repeat(4096));
  let thinking;
  const node = await stage.node(serves(['endless'], async (request, wire) => {
    thinking = wire;
    await wire.write(http.STREAM_HEAD);
    await writeForEver(wire, comments);
  }));
  await register(gateway, node);
  const before = gateway.residentBytes;
  const client = await gateway.connect();

  /* They are passed on, at the client's pace, instead of being held for the event that never comes. */
  client.write(http.request('POST', '/v1/chat/completions',
                            { body: JSON.stringify({ model: 'endless', stream: true, messages: [] }) }));
  assert.equal((await http.readAnswerHead(client)).status, 200);
  for (let read = 0; read < 2 * ROOM; read += MB)
    await client.take(MB);
  /* One that reads on would have this process be busy with nothing else. */
  client.pause();
  for (let i = 0; i < 10; i++)
    assert.equal((await chat(gateway, 'good')).status, 200);
  if (!gateway.isSanitized)
    assert.ok(gateway.residentBytes - before < ROOM, `${before} ${gateway.residentBytes}`);
  await client.destroy();
  await thinking.closed;
});

behaviour('hostile/too-much/endless-headers', async (stage) => {
  const gateway = await withGoodNode(stage);
  const node = await stage.node(async (request, wire) => {
    await wire.write('HTTP/1.1 200 OK\r\n');
    await writeForEver(wire, `X-More: ${'z'.repeat(4000)}\r\n`.repeat(16));
  });
  const before = gateway.residentBytes;
  const { node: after } = await register(gateway, node);

  assert.equal(after.status, 'offline');
  for (let i = 0; i < 10; i++)
    await gateway.call('POST', '/nodes/hostile/refresh');
  assert.equal((await chat(gateway, 'good')).status, 200);
  if (!gateway.isSanitized)
    assert.ok(gateway.residentBytes - before < ROOM, `${before} ${gateway.residentBytes}`);
});

behaviour('hostile/too-much/sixty-thousand-models', async (stage) => {
  const gateway = await withGoodNode(stage);
  const ids = Array.from({ length: 60_000 }, (_, i) => ({ id: `m${i}` }));
  const node = await stage.node((request, wire) => (request.target === '/v1/models'
    ? wire.write(http.json({ data: ids }))
    : wire.write(http.answer(404))));
  const { node: { models_count: count, models_skipped: skipped } } = await register(gateway, node);

  assert.deepEqual([count, skipped], [4096, ids.length - 4096]);
  assert.equal((await chat(gateway, 'good')).status, 200);
});

behaviour('hostile/too-much/a-list-that-is-another-one-each-time', async (stage) => {
  const gateway = await withGoodNode(stage);
  let round = 0;
  const node = await stage.node((request, wire) => {
    if (request.target !== '/v1/models')
      return wire.write(http.answer(404));
    round++;
    return wire.write(modelList(Array.from({ length: 1000 }, (_, i) => `round-${round}-${i}-${'x'.repeat(200)}`)));
  });

  /* Without having all of it shown each time. */
  const look = () => gateway.call('POST', '/discover', { methods: ['static'], trusted_only: true });

  await register(gateway, node);
  for (let i = 0; i < 5; i++)
    await look();
  const before = gateway.residentBytes;
  for (let i = 0; i < 40; i++)
    await look();
  if (!gateway.isSanitized)
    assert.ok(gateway.residentBytes - before < ROOM, `${before} ${gateway.residentBytes}`);
  const { models } = await gateway.call('GET', '/nodes/hostile');
  assert.equal(models.length, 1000);
  assert.ok(models.every(({ id }) => id.startsWith(`round-${round}-`)));
  assert.equal((await chat(gateway, `round-1-0-${'x'.repeat(200)}`)).status, 404);
});

/* -- Too slow ------------------------------------------------------------------------------ */

/* Each is cut off by time, which is what has to be waited for. */
for (const [how, begin, drop] of [
  ['a-list-byte-by-byte', 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{', ' '],
  ['a-head-byte-by-byte', 'HTTP/1.1 200 OK\r\nX-Slow: ', 'z'],
  ['nothing-at-all', '', null],
]) {
  behaviour(`hostile/too-slow/${how}`, async (stage) => {
    const gateway = await withGoodNode(stage);
    const asked = signal();
    const node = await stage.node(async (request, wire) => {
      if (begin !== '')
        await wire.write(begin);
      asked.resolve();
      while (drop !== null && !wire.over) {
        await wire.write(drop).catch(() => {});
        await elapsed(100);
      }
    });
    let isOver = false;
    const registered = register(gateway, node).finally(() => {
      isOver = true;
    });

    await asked;
    for (let i = 0; i < 20; i++)
      assert.equal((await chat(gateway, 'good')).status, 200);
    await gateway.call('GET', '/nodes');
    assert.equal(isOver, false, 'all of that while the slow one was waited for');
    const { node: after } = await registered;
    assert.equal(after.status, 'offline');
    assert.match(after.last_error, /took the question but gave/);
    await node.wires[0].closed;
    assert.equal((await gateway.call('GET', '/nodes/hostile')).status, 'offline');
  });
}

behaviour('hostile/too-slow/many-of-them-do-not-hold-up-the-others', async (stage) => {
  const gateway = await withGoodNode(stage);
  const node = await stage.node(async () => {}, { host: '0.0.0.0' });
  const urls = Array.from({ length: 60 }, (_, i) => `http://127.0.3.${i + 1}:${node.port}`);
  const { id, progress } = await gateway.call('POST', '/discover', { methods: [], base_urls: urls, background: true },
                                              { status: 202 });

  assert.deepEqual(progress, { done: 0, total: 60 });
  for (let i = 0; i < 20; i++)
    assert.equal((await chat(gateway, 'good')).status, 200);
  assert.deepEqual(await modelIds(gateway), [...VIRTUAL, 'good']);
  assert.equal((await gateway.call('GET', `/discover/jobs/${id}`)).progress.done, 0, 'while all are waited for');
  assert.equal((await gateway.call('DELETE', `/discover/jobs/${id}`)).status, 'cancelled');
  for (const wire of node.wires)
    await wire.closed;
  assert.ok(node.wires.length <= 16, 'at most 16 are looked at at one time');
});

/* -- Texts --------------------------------------------------------------------------------- */

const EVIL = ['\u202egnp.exe', 'a\u2066b', 'a\u200fb', 'line\nbreak', 'tab\tbed', 'bell\x07', 'esc\x1b[2J',
              'c1\x9b31m', 'sep\u2028sep', '\ufeffbom', 'zero\u200bwidth'];

behaviour('hostile/texts/ids-that-are-no-plain-text-are-left-out', async (stage) => {
  const gateway = await withGoodNode(stage);
  const bad = [...EVIL, 'x'.repeat(10_240), ' leading', 'trailing ', ''].map((id) => card(id));
  const virtual = ['vampire:auto', 'vampire:anything', 'VAMPIRE:Auto'].map((id) => card(id));
  const node = await stage.node(serves([...bad, ...virtual, card('plain/model:7b@q4')]));
  const { node: after } = await register(gateway, node);

  assert.deepEqual(after.models.map(({ id }) => id), ['plain/model:7b@q4']);
  assert.equal(after.models_skipped, bad.length + virtual.length);
  assert.deepEqual(await modelIds(gateway), [...VIRTUAL, 'good', 'plain/model:7b@q4']);
  const { data } = (await gateway.ask('GET', '/v1/models?vampire_detail=true')).json();
  assert.equal(data.filter(({ id }) => id === 'vampire:auto').length, 1);
  assert.equal(data[0].owned_by, 'vampire');
});

behaviour('hostile/texts/of-models-and-servers-are-shown-as-plain-text', async (stage) => {
  const gateway = await withGoodNode(stage, { args: ['--log-level', 'debug'] });
  const follower = await stage.follower(gateway);
  const evil = `<script>alert(1)</script>${EVIL.join('')}`;
  let broken = false;
  const node = await stage.node((request, wire) => {
    const head = `HTTP/1.1 ${broken ? 500 : 200} <i>OK</i>\r\nServer: <b>\u202e\u2066</b>\r\n` +
                 `X-Powered-By: \x9b31m\r\nX-Vampire-Instance: \u202e${'i'.repeat(5000)}\r\n`;
    const body = JSON.stringify(broken ? { error: evil } : {
      models: [{ key: 'm', type: 'llm', display_name: evil, publisher: evil.repeat(50), architecture: evil,
                 format: evil, params_string: evil, quantization: { name: evil }, loaded_instances: [{ id: evil }] }],
    });

    return wire.write(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  });

  await register(gateway, node);
  for (const document of [{ name: '\u202egnp.exe' }, { host: '\x1b[2J' }, { tags: ['a\nb'] }])
    await gateway.call('PATCH', '/nodes/hostile', document, { status: 422 });
  broken = true;
  const { node: after } = await gateway.call('POST', '/nodes/hostile/refresh');
  assert.notEqual(after.last_error, null);
  await chat(gateway, 'm');
  broken = false;
  await gateway.call('POST', '/nodes/hostile/refresh');
  for (const target of ['/v1/models?vampire_detail=true', '/vampire/v1/models', '/vampire/v1/nodes',
                        '/vampire/v1/doctor', '/vampire/v1/metrics']) {
    const answer = await gateway.ask('GET', target);
    const texts = JSON.stringify(answer.json(), (key, value) => {
      assert.ok(typeof value !== 'string' || isPlain(value), `${target} ${key} ${JSON.stringify(value)}`);
      assert.ok(typeof value !== 'string' || value.length < 2000, `${target} ${key}`);
      return value;
    });

    assert.match(answer.head.get('Content-Type'), /^application\/json\b/, 'never markup');
    assert.ok(texts.length > 2);
  }
  await Promise.all([gateway.stop(), follower.toEnd()]);
  assert.ok(isPlain(gateway.stderr), 'the log');
  assert.ok(isPlain(follower.text), 'the events');
});

/* -- Nonsense ------------------------------------------------------------------------------ */

const nonsense = {
  'no-http': 'SSH-2.0-OpenSSH_9.2\r\n',
  'binary': Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919) % 256)),
  'control-characters-in-the-reason': 'HTTP/1.1 200 \x1b[31mred\x9b\r\nContent-Length: 2\r\n\r\n{}',
  'http-9': 'HTTP/9.9 200 OK\r\n\r\n{}',
  'status-of-words': 'HTTP/1.1 fine OK\r\nContent-Length: 2\r\n\r\n{}',
  'status-999999': 'HTTP/1.1 999999 OK\r\nContent-Length: 2\r\n\r\n{}',
  'negative-length': 'HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n{}',
  'huge-length': 'HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n{}',
  'two-lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
  'bad-chunk-size': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n',
  'huge-chunk-size': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}',
  'nul-in-the-head': 'HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\n{}',
  'half-a-head': 'HTTP/1.1 200 OK\r\nX-Half',
  'half-a-body': 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"data":[{"id":"half"}',
  'not-json': http.answer(200, [], '<html>\u202e'),
  'not-utf-8': http.answer(200, [], Buffer.from('{"data":[{"id":"\xff\xfe"}]}', 'latin1')),
  'deep-arrays': http.answer(200, [], '['.repeat(500_000)),
  'deep-objects': http.answer(200, [], `{"data":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}}`),
  'many-members': http.answer(200, [], `{${Array.from({ length: 50_000 }, (_, i) => `"k${i}":0`).join()},"data":[]}`),
  'the-same-member-twice': http.answer(200, [], '{"data":[{"id":"one","id":"two"}],"data":5}'),
  'a-number-for-a-list': http.answer(200, [], '{"data":1e999999,"models":-0}'),
  'null': http.answer(200, [], 'null'),
  'nothing': http.answer(200),
  'a-thousand-interim-answers': `${'HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n'.repeat(1000)}HTTP/1.1 404 No\r\n\r\n`,
  'switching-protocols': 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n{}',
  'gzip-bomb-that-is-none': http.answer(200, [['Content-Encoding', 'gzip']], '\x1f\x8b nonsense'),
};

behaviour('hostile/nonsense/no-answer-harms-the-others', async (stage) => {
  const gateway = await withGoodNode(stage, { args: ['--log-level', 'debug'] });
  const before = gateway.residentBytes;

  for (const [name, bytes] of Object.entries(nonsense)) {
    const node = await stage.node(async (request, wire) => {
      await wire.write(bytes).catch(() => {}); /* it may have had enough before the end */
      await wire.end();
    });
    const { node: after } = await register(gateway, node, name);

    assert.ok(after.models_count === 0, `${name}: ${JSON.stringify(after.models)}`);
    assert.ok(after.last_error === null || isPlain(after.last_error), name);
    assert.equal((await chat(gateway, 'good')).status, 200, name);
    await gateway.call('POST', '/discover', { methods: ['static'] });
    await gateway.call('DELETE', `/nodes/${name}`);
  }
  assert.deepEqual(await modelIds(gateway), [...VIRTUAL, 'good']);
  assert.ok(isPlain(gateway.stderr));
  if (!gateway.isSanitized)
    assert.ok(gateway.residentBytes - before < ROOM, `${before} ${gateway.residentBytes}`);
});

behaviour('hostile/nonsense/discovery-takes-none-of-it-for-a-node', async (stage) => {
  const gateway = await withGoodNode(stage);
  const nodes = [];

  for (const bytes of Object.values(nonsense)) {
    nodes.push(await stage.node(async (request, wire) => {
      await wire.write(bytes).catch(() => {}); /* it may have had enough before the end */
      await wire.end();
    }));
  }
  const found = await gateway.call('POST', '/discover', { methods: [], base_urls: nodes.map(({ url }) => url) });
  assert.deepEqual(found.nodes.filter(({ models_count: n }) => n > 0), []);
  assert.ok(found.nodes.every(({ approval }) => approval === 'pending'));
  assert.equal((await chat(gateway, 'good')).status, 200);
});

behaviour('hostile/redirects/no-list-is-fetched-from-elsewhere', async (stage) => {
  const gateway = await withGoodNode(stage);
  const other = await stage.node(serves(['stolen']));

  for (const [i, location] of [other.url, `//127.0.0.1:${other.port}`, `${other.url}/v1/models`, 'file:///etc/passwd',
                               'gopher://127.0.0.1:1/_x'].entries()) {
    const node = await stage.node((request, wire) =>
      wire.write(http.answer([301, 302, 303, 307, 308][i], [['Location', location]])));

    assert.equal((await register(gateway, node, `r${i}`)).node.models_count, 0);
    await gateway.call('POST', '/discover', { methods: [], base_urls: [node.url] });
  }
  assert.equal(other.wires.length, 0);
});

/* -- Addresses that no node may have ------------------------------------------------------- */

/* Each with what the refusal says. */
const targets = {
  'http://user@127.0.0.1:1234': /user name/,
  'http://user:secret-of-mine@127.0.0.1:1234': /user name or a password/,
  'http://127.0.0.1@evil.example:1234': /user name/,
  'ftp://127.0.0.1:1234': /begin with http/,
  'file:///etc/passwd': /begin with http/,
  'javascript:alert(1)': /begin with http/,
  '127.0.0.1:1234': /begin with http/,
  'http://127.0.0.1:0': /port/,
  'http://127.0.0.1:65536': /port/,
  'http://127.0.0.1:-1': /port/,
  'http://127.0.0.1:abc': /port/,
  'http://127.0.0.1:0x50': /port/,
  'http://127.0.0.1:': /port/,
  'http://127.0.0.1: 80': /port/,
  'http://0177.0.0.1:1234': /host/,
  'http://0x7f000001:1234': /host/,
  'http://0x7f.1:1234': /host/,
  'http://2130706433:1234': /host/,
  'http://017700000001:1234': /host/,
  'http://127.1:1234': /host/,
  'http://127.0.0.1.:1234': /host/,
  'http://[::1:1234': /host|IPv6/,
  'http://::1:1234': /IPv6/,
  'http://[::1%25lo]:1234': /host/,
  'http://:1234': /host/,
  'http://a b:1234': /host/,
  'http://127.0.0.1:1234/?x=1': /query/,
  'http://127.0.0.1:1234/#x': /query or a fragment/,
  'http://127.0.0.1:1234/a/../b': /path/,
  'http://127.0.0.1:1234/%2e%2e/b': /path/,
  'http://127.0.0.1:1234/a b': /path/,
  'http://127.0.0.1:1234\\@evil.example': /user name/,
  'http://8.8.8.8:1234': /its host must be .*(private|public|internet)/i,
  'http://[2606:4700:4700::1111]:1234': /its host must be/,
  'http://[::ffff:8.8.8.8]:1234': /its host must be/,
  'http://[64:ff9b::808:808]:1234': /its host must be/,
  'http://169.254.169.254': /its host must be .*metadata/,
  'http://[::ffff:169.254.169.254]': /its host must be .*metadata/,
  'http://[fd00:ec2::254]': /its host must be .*metadata/,
  'http://100.100.100.200': /its host must be .*metadata/,
  'http://0.0.0.0:1234': /its host must be/,
  'http://[::]:1234': /its host must be/,
  'http://224.0.0.1:1234': /its host must be/,
  'http://255.255.255.255:1234': /its host must be/,
  'http://192.0.2.1:1234': /its host must be/,
};

behaviour('hostile/targets/are-refused-with-the-reason', async (stage) => {
  const gateway = await stage.gateway();
  const node = await stage.node(serves(['m']));

  await register(gateway, node, 'a');
  for (const [url, reason] of Object.entries(targets)) {
    for (const [method, target] of [['POST', '/nodes'], ['PATCH', '/nodes/a']]) {
      const { detail, error } = await gateway.call(method, target, { base_url: url }, { status: 400 });

      assert.equal(detail, 'disallowed base_url target');
      assert.equal(error.code, 'invalid_request');
      assert.match(error.message, reason, url);
      assert.ok(reason.source.startsWith('its host') || error.message.startsWith('base_url '), error.message);
      assert.doesNotMatch(error.message, /secret-of-mine/);
    }
    const { detail, error } = await gateway.call('POST', '/discover', { methods: [], base_urls: [url] },
                                                 { status: 400 });
    assert.match(error.message, reason.source.startsWith('its host') ? /./ : reason, url);
    assert.ok(/target|base.url/i.test(`${detail} ${error.message}`), `${url}: ${detail} ${error.message}`);
    assert.doesNotMatch(`${detail} ${error.message}`, /secret-of-mine/);
  }
  assert.equal((await gateway.call('GET', '/nodes')).data.length, 2);
  assert.equal((await gateway.call('GET', '/nodes/a')).base_url, node.url);
  assert.doesNotMatch(gateway.stderr, /secret-of-mine/);
});

behaviour('hostile/targets/subnets-are-refused-with-the-reason', async (stage) => {
  const gateway = await stage.gateway();

  for (const [subnet, reason] of [['8.8.8.0/24', /private/i], ['10.0.0.0/8', /1024|22/], ['nonsense', /./],
                                  ['127.0.0.1/33', /./], ['169.254.169.254', /./], ['fe80::/10', /./]]) {
    const { detail, error } = await gateway.call('POST', '/discover', { methods: ['lan_scan'], subnets: [subnet] },
                                                 { status: 400 });

    assert.match(error.message, reason, subnet);
    assert.ok(detail.startsWith(`invalid subnet '${subnet}': `), detail);
  }
});

behaviour('hostile/targets/a-name-that-means-a-public-address-is-not-connected-to', async (stage) => {
  const gateway = await stage.gateway({ settings: 'allow_public_nodes=false' });
  const { error } = await gateway.call('POST', '/nodes', { base_url: 'http://1.1.1.1' }, { status: 400 });

  assert.match(error.message, /allow_public_nodes|public/);
  const open = await stage.gateway({ settings: 'allow_public_nodes=true' });
  await open.call('POST', '/nodes', { id: 'far', base_url: 'http://192.0.2.1' }, { status: 400 });
});
