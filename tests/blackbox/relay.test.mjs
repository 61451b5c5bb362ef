/* SPDX-License-Identifier: MIT
 *
 * What reaches a node and what comes back, to the byte.
 */

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';

import * as http from './lib/http.mjs';
import { otherFields } from './lib/routed.mjs';
import { parseEvents } from './lib/sse.mjs';
import { behaviour } from './lib/stage.mjs';

const sha256 = (data) => createHash('sha256').update(data).digest('hex');
const answerOk = (request, wire) => wire.write(http.json({ ok: true }));
const MB = 1024 ** 2;

/* Asks the gateway and returns what the node saw. */
async function seen(stage, method, target, options = {}) {
  const node = await stage.node((request, wire) => wire.write(http.answer(method === 'HEAD' ? 204 : 200)));
  const gateway = await stage.gateway({ node, ...options.gateway });

  await gateway.ask(method, target, options);
  assert.equal(node.requests.length, 1);
  return { ...node.requests[0], node, gateway };
}

/* Asks the gateway of a node that answers with these bytes, and returns what the client saw. */
async function answered(stage, bytes, { method = 'GET', ...options } = {}) {
  const node = await stage.node((request, wire) => wire.write(bytes));
  const gateway = await stage.gateway({ node });

  return gateway.ask(method, '/v1/x', options);
}

/* -- Up ------------------------------------------------------------------------------------ */

for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD']) {
  behaviour(`relay/method/${method}`, async (stage) => {
    const request = await seen(stage, method, '/v1/x');

    assert.equal(request.method, method);
    assert.equal(request.target, '/v1/x');
    assert.equal(request.body.length, 0);
  });
}

for (const method of ['TRACE', 'PROPFIND', 'get', 'BREW']) {
  behaviour(`relay/method/${method}-is-501`, async (stage) => {
    const node = await stage.node(answerOk);
    const gateway = await stage.gateway({ node });

    assert.equal((await gateway.ask(method, '/v1/x')).status, 501);
    assert.equal(node.wires.length, 0);
  });
}

for (const target of ['/v1/a%2Fb/../c?x=1&x=2&y=%zz', '/v1//double', '/v1/?', '/v1', '/v1?a', '/v1/%00%ff',
                      '/v1/a;b=c', "/v1/!$&'()*+,;=:@~", '/v1/./x', '/v1/x?http://other/?y', '/v1/"<>\\^`{|}']) {
  behaviour(`relay/target/${encodeURI(target)}`, async (stage) => {
    assert.equal((await seen(stage, 'GET', target)).target, target);
  });
}

for (const [prefix, target] of [['/deep/prefix/', '/deep/prefix/v1/a%2Fb?c'], ['/v1', '/v1/a%2Fb?c'],
                                ['/deep/v1/', '/deep/v1/a%2Fb?c']]) {
  behaviour(`relay/target/after-${prefix}-in-the-base-url`, async (stage) => {
    const node = await stage.node(answerOk);
    const gateway = await stage.gateway({ node: { url: node.url + prefix } });

    await gateway.ask('GET', '/v1/a%2Fb?c');
    assert.equal(node.requests[0].target, target);
  });
}

behaviour('relay/up/head-is-what-the-client-sent-and-no-more', async (stage) => {
  const fields = [
    ['User-Agent', 'test/1'], ['Accept', 'application/json'], ['X-A', '1'], ['x-b', 'two words'], ['X-A', '3'],
    ['Accept-Encoding', 'gzip, br'], ['X-Empty', ''], ['Content-Type', 'application/json; charset=utf-8'],
    ['X-A', '2, 4'], ['OpenAI-Beta', 'assistants=v2'], ['X-Vampire-Mode', 'route'], ['X-Bytes', 'caf\xc3\xa9 \xff'],
  ];
  const { head, node } = await seen(stage, 'POST', '/v1/x', { fields, body: '{}' });
  const host = ['Host', `127.0.0.1:${node.port}`];
  const ours = ({ 0: name }) => /^(host|content-length|via)$/i.test(name);

  assert.deepEqual(head.fields.filter((field) => !ours(field)), fields);
  assert.deepEqual(head.fields.filter((field) => ours(field) && field[0] !== 'Via'), [host, ['Content-Length', '2']]);
});

behaviour('relay/up/only-the-way-it-came-is-added-to-a-bare-request', async (stage) => {
  const { head, node, gateway } = await seen(stage, 'GET', '/v1/x');
  const { instance } = await gateway.status();

  assert.deepEqual(head.fields, [['Host', `127.0.0.1:${node.port}`], ['Via', `1.1 vampire-${instance}`]]);
});

behaviour('relay/up/the-way-it-came-so-far-is-kept', async (stage) => {
  const { head } = await seen(stage, 'GET', '/v1/x', { fields: [['Via', '1.1 proxy.example']] });

  const ways = head.fields.filter(([name]) => name === 'Via').map(([, value]) => value);

  assert.equal(ways.length, 2);
  assert.equal(ways[0], '1.1 proxy.example');
});

behaviour('relay/up/credentials-and-hop-by-hop-fields-stay-here', async (stage) => {
  const { head, node } = await seen(stage, 'POST', '/v1/x', {
    gateway: { env: { VAMPIRE_AUTH_TOKEN: 'secret' } },
    fields: [
      ['Authorization', 'Bearer secret'], ['X-API-Key', 'secret'], ['Cookie', 'a=b'], ['cookie', 'c=d'],
      ['Connection', 'keep-alive, X-Named'], ['connection', 'x-also-named'], ['X-Named', '1'], ['X-Also-Named', '1'],
      ['Keep-Alive', 'timeout=5'], ['Proxy-Authorization', 'Basic eA=='], ['Proxy-Connection', 'keep-alive'],
      ['TE', 'trailers'], ['Trailer', 'X-T'], ['Upgrade', 'websocket'], ['X-Kept', '1'], ['Expect', '100-continue'],
    ],
    body: 'x',
  });

  assert.deepEqual(head.fields.map(([name]) => name).sort(), ['Content-Length', 'Host', 'Via', 'X-Kept']);
  assert.equal(head.get('Host'), `127.0.0.1:${node.port}`);
});

behaviour('relay/up/authorization-does-not-go-up-without-a-token-either', async (stage) => {
  const fields = [['Authorization', 'Bearer sk-x'], ['x-api-key', 'y']];
  const { head } = await seen(stage, 'GET', '/v1/x', { fields });

  assert.deepEqual(head.fields.map(([name]) => name), ['Host', 'Via']);
});

const bodies = {
  'no-body-of-a-post': ['POST', undefined, undefined],
  'empty-body-of-a-post': ['POST', '', '0'],
  'body-of-a-delete': ['DELETE', '{"x":1}', '7'],
  'body-of-a-get': ['GET', '{"x":1}', '7'],
  'body-of-a-patch': ['PATCH', 'not JSON \0\xff', '11'],
};

for (const [name, [method, body, length]] of Object.entries(bodies)) {
  behaviour(`relay/up/${name}`, async (stage) => {
    const request = await seen(stage, method, '/v1/x', { body });

    assert.equal(request.method, method);
    assert.equal(request.head.get('Content-Length'), length);
    assert.equal(request.head.get('Transfer-Encoding'), undefined);
    assert.equal(request.body.toString('latin1'), body ?? '');
  });
}

behaviour('relay/up/chunked-body', async (stage) => {
  const chunks = Buffer.concat([http.chunk('{"a":'), http.chunk('1}'), Buffer.from('0\r\nX-Trailer: x\r\n\r\n')]);
  const request = await seen(stage, 'POST', '/v1/x', { body: chunks, fields: [['Transfer-Encoding', 'chunked']] });

  assert.equal(String(request.body), '{"a":1}');
  assert.equal(request.head.get('X-Trailer'), undefined);
});

behaviour('relay/up/5-mb-of-random-bytes-and-back', async (stage) => {
  const node = await stage.node((request, wire) =>
    wire.write(http.answer(200, [['X-Sha', sha256(request.body)]], request.body)));
  const gateway = await stage.gateway({ node });
  const body = randomBytes(5 * MB);

  const chunks = [http.chunk(body.subarray(0, MB)), http.chunk(body.subarray(MB)), Buffer.from(http.LAST_CHUNK)];

  for (const options of [{ body }, { body: Buffer.concat(chunks), fields: [['Transfer-Encoding', 'chunked']] }]) {
    const answer = await gateway.ask('POST', '/v1/x', options);

    assert.equal(answer.head.get('X-Sha'), sha256(body));
    assert.equal(sha256(answer.body), sha256(body));
  }
});

behaviour('relay/up/50-mb-without-being-held-twice', async (stage) => {
  const node = await stage.node((request, wire) => wire.write(http.json(sha256(request.body))));
  const gateway = await stage.gateway({ node });
  const body = randomBytes(50 * MB);

  await gateway.status();
  const before = gateway.residentBytes;
  assert.equal((await gateway.ask('POST', '/v1/x', { body })).json(), sha256(body));
  if (!gateway.isSanitized)
    assert.ok(gateway.peakBytes - before < 2 * body.length, `${(gateway.peakBytes - before) / MB} MB`);
});

behaviour('relay/up/memory-of-large-bodies-is-given-back', async (stage) => {
  const node = await stage.node((request, wire) => wire.write(http.json(request.body.length)));
  const gateway = await stage.gateway({ node });

  await gateway.status();
  const before = gateway.residentBytes;
  for (const megabytes of [1, 5, 10, 20, 30, 50]) {
    const body = Buffer.alloc(megabytes * MB);

    assert.equal((await gateway.ask('POST', '/v1/x', { body })).json(), body.length);
  }
  await gateway.status();
  if (!gateway.isSanitized)
    assert.ok(gateway.residentBytes - before < 6 * MB, `${(gateway.residentBytes - before) / MB} MB more than before`);
});

behaviour('relay/up/proxies-of-the-environment-are-not-used', async (stage) => {
  const proxy = await stage.node((request, wire) => wire.write(http.answer(500)));
  const names = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'];
  const env = Object.fromEntries(names.map((name) => [name, proxy.url]));
  const gateway = await stage.gateway({ node: await stage.node(answerOk), env });

  assert.equal((await gateway.ask('GET', '/v1/x')).status, 200);
  assert.equal(proxy.wires.length, 0);
});

/* -- Down ---------------------------------------------------------------------------------- */

behaviour('relay/down/head-is-what-the-node-sent', async (stage) => {
  const fields = [
    ['Server', 'LM Studio'], ['Content-Type', 'application/json; charset=utf-8'], ['X-A', '1'], ['x-b', 'two words'],
    ['Set-Cookie', 'a=b'], ['X-A', '3'], ['Set-Cookie', 'c=d'], ['X-Empty', ''], ['X-A', '2, 4'], ['ETag', 'W/"x"'],
    ['Date', 'Thu, 01 Jan 1970 00:00:00 GMT'], ['X-Bytes', 'caf\xc3\xa9 \xff'], ['Content-Length', '2'],
  ];
  const answer = await answered(stage, http.answer(200, fields, '{}'));

  assert.deepEqual(otherFields(answer.head), fields);
  assert.equal(answer.text(), '{}');
});

behaviour('relay/down/what-the-gateway-says-of-an-answer-is-its-own', async (stage) => {
  const names = ['X-Vampire-Request-ID', 'X-Vampire-Route', 'x-vampire-strategy', 'X-VAMPIRE-NODE', 'X-Vampire-Model'];
  const node = await stage.node((request, wire) =>
    wire.write(http.answer(200, [...names.map((name) => [name, 'of the node']), ['X-A', '1']], 'x')));
  const gateway = await stage.gateway({ node });
  const ids = new Set();

  for (const method of ['GET', 'POST']) {
    const { head } = await gateway.ask(method, '/v1/x');

    assert.deepEqual(otherFields(head), [['X-A', '1'], ['Content-Length', '1']]);
    ids.add(head.get('X-Vampire-Request-ID'));
  }
  assert.equal(ids.size, 2, 'each request has an id of its own');
});

behaviour('relay/down/hop-by-hop-fields-are-dropped', async (stage) => {
  const answer = await answered(stage, http.answer(200, [
    ['Connection', 'keep-alive, X-Named'], ['Keep-Alive', 'timeout=5'], ['X-Named', '1'],
    ['Proxy-Authenticate', 'Basic'], ['Upgrade', 'h2c'], ['Trailer', 'X-T'], ['Proxy-Connection', 'keep-alive'],
    ['X-Kept', '1'],
  ], 'x'));

  assert.deepEqual(otherFields(answer.head), [['X-Kept', '1'], ['Content-Length', '1']]);
});

for (const [status, reason] of [[200, 'OK'], [201, 'Created'], [206, 'Partial Content'], [299, 'Odd, but so'],
                                [400, 'Bad Request'], [401, 'Unauthorized'], [404, ''], [407, 'Proxy'],
                                [408, 'Timeout'], [416, 'Range'], [417, 'Expectation'], [418, "I'm a teapot"],
                                [421, 'Misdirected'], [429, 'Too Many Requests'], [500, 'Internal Server Error'],
                                [503, 'Busy'], [599, 'Caf\xe9']]) {
  behaviour(`relay/down/status-${status}`, async (stage) => {
    const bytes = Buffer.from(`HTTP/1.1 ${status} ${reason}\r\nContent-Length: 4\r\n\r\nbody`, 'latin1');
    const answer = await answered(stage, bytes);

    assert.equal(answer.status, status);
    assert.equal(answer.head.reason, reason);
    assert.equal(answer.text(), 'body');
  });
}

for (const status of [204, 304]) {
  behaviour(`relay/down/status-${status}-has-no-body`, async (stage) => {
    const node = await stage.node((request, wire) => wire.write(http.answer(status, [['ETag', '"x"']])));
    const gateway = await stage.gateway({ node });
    const client = await stage.client(gateway);

    for (let i = 0; i < 2; i++) {
      client.write(http.request('GET', '/v1/x'));
      const answer = await http.readAnswer(client);
      assert.equal(answer.status, status);
      assert.deepEqual(otherFields(answer.head), [['ETag', '"x"']]);
    }
  });
}

behaviour('relay/down/answer-to-head-keeps-its-length-and-the-connection', async (stage) => {
  const node = await stage.node((request, wire) => wire.write('HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n'));
  const gateway = await stage.gateway({ node });
  const client = await stage.client(gateway);

  for (let i = 0; i < 2; i++) {
    client.write(http.request('HEAD', '/v1/x'));
    const answer = await http.readAnswer(client, { method: 'HEAD' });
    assert.equal(answer.head.length, 1234);
  }
  assert.equal(node.wires.length, 1);
});

behaviour('relay/down/interim-answers-are-swallowed', async (stage) => {
  const answer = await answered(stage, Buffer.concat([
    Buffer.from('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\nX-A: b\r\n\r\n'),
    Buffer.from('HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n'), http.answer(200, [['X-C', 'd']], 'body'),
  ]));

  assert.deepEqual(answer.head.interim, []);
  assert.deepEqual(otherFields(answer.head), [['X-C', 'd'], ['Content-Length', '4']]);
  assert.equal(answer.text(), 'body');
});

behaviour('relay/down/redirects-are-not-followed', async (stage) => {
  const other = await stage.node(answerOk);
  const fields = [['Location', `${other.url}/v1/x`], ['Content-Length', '0']];

  for (const status of [301, 302, 307, 308])
    assert.deepEqual(otherFields((await answered(stage, http.answer(status, fields))).head), fields);
  assert.equal(other.wires.length, 0);
});

behaviour('relay/down/compressed-bodies-are-left-alone', async (stage) => {
  const body = randomBytes(1000);
  const answer = await answered(stage, http.answer(200, [['Content-Encoding', 'gzip']], body));

  assert.equal(answer.head.get('Content-Encoding'), 'gzip');
  assert.deepEqual(answer.body, body);
});

behaviour('relay/down/chunked-body-without-its-trailers', async (stage) => {
  const answer = await answered(stage, Buffer.concat([
    Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'), http.chunk('ab'), http.chunk('c'),
    Buffer.from('0\r\nX-T: u\r\n\r\n'),
  ]));

  assert.ok(answer.head.isChunked);
  assert.equal(answer.text(), 'abc');
});

behaviour('relay/down/body-that-ends-with-the-connection', async (stage) => {
  const node = await stage.rawNode(async (wire) => {
    await http.readRequest(wire);
    await wire.write('HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nto the end');
    await wire.end();
  });
  const gateway = await stage.gateway({ node });
  const answer = await gateway.ask('GET', '/v1/x');

  assert.equal(answer.head.startLine, 'HTTP/1.1 200 OK');
  assert.equal(answer.text(), 'to the end');
});

/* Chunks do not follow the events: each byte of a stream is the last one of a chunk once. */
for (const [name, fields] of [['metadata', []], ['traced', [['X-Vampire-Trace', 'stream']]]]) {
  behaviour(`relay/down/what-is-put-into-a-stream/${name}-wherever-its-chunks-end`, async (stage) => {
    const object = 'chat.completion.chunk';
    const delta = (content) => `data: ${JSON.stringify({ object, choices: [{ delta: { content } }] })}`;
    const stream = Buffer.from([delta('ü🦇'), 'data: two\ndata: lines', delta('y'), 'data: [DONE]', ''].join('\n\n'));
    const node = await stage.node(({ target }, wire) => {
      const cut = Number(target.split('?')[1]);

      wire.write(http.STREAM_HEAD, ...[stream.subarray(0, cut), stream.subarray(cut)].map(http.chunk), http.LAST_CHUNK);
    });
    const gateway = await stage.gateway({ node });
    const body = JSON.stringify({ stream: true, vampire: { response: { include_metadata: true } } });
    const shapeOf = ({ event, data }) => [event, data.startsWith('{') ? Object.keys(JSON.parse(data)) : data];
    let shapes;

    for (let cut = 1; cut < stream.length; cut++) {
      const answer = await gateway.ask('POST', `/v1/chat/completions?${cut}`, { body, fields });
      const events = parseEvents(answer.body);

      shapes ??= events.map(shapeOf);
      assert.deepEqual(events.map(shapeOf), shapes, `cut at ${cut} of ${stream.length}`);
    }
    const added = name === 'traced' ? ['vampire.routing', 'vampire.model_start', 'vampire.metrics'] : [];
    assert.deepEqual(shapes.map(([event]) => event).filter((event) => event.startsWith('vampire.')), added);
    assert.equal(shapes.length, 4 + Math.max(added.length, 1));
    assert.equal(shapes.at(-1)[1], '[DONE]');
  });
}

behaviour('relay/down/errors-of-lm-studio-pass-unchanged', async (stage) => {
  const body = '{"error":"Unexpected endpoint or method. (GET /v1/nothing). Returning 200 anyway"}';
  const fields = [['Content-Type', 'application/json; charset=utf-8'], ['Content-Length', String(body.length)]];
  const answer = await answered(stage, http.answer(200, fields, body, 'OK'));

  assert.equal(answer.status, 200);
  assert.deepEqual(otherFields(answer.head), fields);
  assert.equal(answer.text(), body);
});
