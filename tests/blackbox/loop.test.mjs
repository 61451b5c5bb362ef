/* SPDX-License-Identifier: MIT
 *
 * Gateways as nodes of gateways: one behind another serves what the other has, and none goes round in circles.
 */

import assert from 'node:assert/strict';

import { AT_DOOR, DOOR, createKey, revoke, share } from './lib/guests.mjs';
import * as http from './lib/http.mjs';
import { chat, completion, serves } from './lib/nodes.mjs';
import { VIRTUAL, VIRTUAL_AFAR } from './lib/routed.mjs';
import { parseData } from './lib/sse.mjs';
import { behaviour } from './lib/stage.mjs';

const register = (gateway, id, url) => gateway.call('POST', '/nodes', { id, base_url: url });
const refresh = (gateway, id) => gateway.call('POST', `/nodes/${id}/refresh`);
const getNode = (gateway, id) => gateway.call('GET', `/nodes/${id}`);
const setToken = (gateway, id, token) => gateway.call('PUT', `/nodes/${id}/token`, { token });

const listed = async (gateway) => (await gateway.ask('GET', '/v1/models')).json().data.map(({ id }) => id);
const errorOf = (answer) => [answer.status, answer.json().error.code];
const prompts = (node) => node.requests.filter(({ method }) => method === 'POST');
const viaOf = ({ head }) => head.fields.filter(([name]) => name === 'Via').map(([, value]) => value);

/* The door of a gateway that shares, for other computers. */
const doorOf = (gateway) => `http://${DOOR}:${gateway.port}`;

/* Two gateways that are each other's nodes, "other" by name; each has a default node of its own, or none. */
async function pair(stage, { first, second } = {}) {
  const gateways = [await stage.gateway({ node: first }), await stage.gateway({ node: second })];

  await register(gateways[0], 'other', gateways[1].url);
  await register(gateways[1], 'other', gateways[0].url);
  return gateways;
}

/* -- One behind another -------------------------------------------------------------------- */

behaviour('loop/chain/a-gateway-that-shares-is-a-node-with-a-key-as-its-token', async (stage) => {
  const node = await stage.node(serves(['m', 'text-embedding-x'], async (request, wire) => {
    if (!String(request.body).includes('"stream":true'))
      return wire.write(completion('from afar'));
    return wire.write(http.STREAM_HEAD, http.chunk('data: far\n\n'), http.chunk('data: [DONE]\n\n'), http.LAST_CHUNK);
  }));
  const far = await stage.gateway({ node, env: AT_DOOR });
  const near = await stage.gateway();

  await share(far, 'family');
  const key = await createKey(far, 'near');
  const { node: before } = await register(near, 'far', doorOf(far));
  assert.deepEqual([before.token.state, before.models], ['needed', []]);
  assert.equal(node.requests.filter(({ method }) => method === 'POST').length, 0);
  await setToken(near, 'far', key.key);
  const { status, token, models } = await getNode(near, 'far');
  assert.deepEqual([status, token.state, models.map(({ id }) => id)], ['online', 'set', ['m', 'text-embedding-x']]);
  assert.deepEqual(await listed(near), [...[...VIRTUAL_AFAR, 'vampire:embeddings'].sort(), 'm', 'text-embedding-x']);

  const fields = [['Authorization', 'Bearer of-the-client'], ['X-API-Key', 'of-the-client']];
  assert.equal((await chat(near, 'm', { fields })).json().choices[0].message.content, 'from afar');
  assert.deepEqual(parseData((await chat(near, 'm', { stream: true })).body), ['far', '[DONE]']);
  assert.equal((await chat(near, 'vampire:auto')).status, 200);
  const [{ head, body }] = prompts(node);
  assert.equal(JSON.parse(body).model, 'm');
  assert.equal(head.get('Authorization'), undefined, 'the key stops there');
  assert.equal(head.get('X-API-Key'), undefined);
  const instances = [(await near.status()).instance, (await far.status()).instance];
  assert.deepEqual(viaOf(prompts(node)[0]), instances.map((instance) => `1.1 vampire-${instance}`));
  assert.ok((await far.call('GET', '/keys')).data[0].requests >= 4);

  await revoke(far, key);
  await refresh(near, 'far');
  assert.equal((await getNode(near, 'far')).token.state, 'refused');
  assert.ok((await chat(near, 'm')).status >= 400);
  assert.equal(prompts(node).length, 3);
});

behaviour('loop/chain/three-in-a-row', async (stage) => {
  const node = await stage.node(serves(['m']));
  const last = await stage.gateway({ node });
  const middle = await stage.gateway({ node: last });
  const first = await stage.gateway({ node: middle });

  assert.deepEqual(await listed(first), [...VIRTUAL_AFAR, 'm']);
  assert.equal((await chat(first, 'm')).status, 200);
  assert.equal(viaOf(prompts(node)[0]).length, 3);
  await first.ask('GET', '/v1/files');
  assert.equal(node.requests.at(-1).target, '/v1/files');
});

/* -- Circles ------------------------------------------------------------------------------- */

behaviour('loop/circle/two-that-are-each-others-nodes-still-serve', async (stage) => {
  const [a, b] = [await stage.node(serves(['a'])), await stage.node(serves(['b']))];
  const gateways = await pair(stage, { first: a, second: b });

  for (const gateway of gateways) {
    await refresh(gateway, 'other');
    assert.deepEqual((await listed(gateway)).sort(), ['a', 'b', ...VIRTUAL]);
    for (const model of ['a', 'b'])
      assert.equal((await chat(gateway, model)).status, 200);
  }
  assert.deepEqual([prompts(a).length, prompts(b).length], [2, 2]);
  const { models } = await getNode(gateways[0], 'other');
  assert.deepEqual(models.map(({ id }) => id), ['b'], 'of its own models it is not told');
});

behaviour('loop/circle/a-model-that-disappears-disappears-from-both', async (stage) => {
  const models = ['stays', 'goes'];
  const node = await stage.node(serves(models));
  const [first, second] = await pair(stage, { first: node });

  await refresh(second, 'other');
  await refresh(first, 'other');
  assert.ok((await listed(second)).includes('goes'));
  models.pop();
  for (let round = 0; round < 2; round++) {
    for (const gateway of [first, second]) {
      for (const { id } of (await gateway.call('GET', '/nodes')).data)
        await refresh(gateway, id);
    }
  }
  for (const [gateway, virtual] of [[first, VIRTUAL], [second, VIRTUAL_AFAR]]) {
    assert.deepEqual(await listed(gateway), [...virtual, 'stays']);
    assert.deepEqual(errorOf(await chat(gateway, 'goes')), [404, 'model_not_found']);
  }
});

behaviour('loop/circle/a-request-that-comes-back-is-refused', async (stage) => {
  let off = false;
  const node = await stage.node((request, wire) => (off ? wire.destroy() : serves(['m'])(request, wire)));
  const first = await stage.gateway({ node });
  const [second, third] = [await stage.gateway(), await stage.gateway()];

  for (const [gateway, next] of [[third, first], [second, third], [first, second]])
    await register(gateway, 'next', next.url);
  for (const [gateway, virtual] of [[first, VIRTUAL], [second, VIRTUAL_AFAR], [third, VIRTUAL_AFAR]])
    assert.deepEqual(await listed(gateway), [...virtual, 'm']);
  off = true;
  await refresh(first, (await first.call('GET', '/nodes')).data[0].id);
  const answer = await chat(first, 'm');
  assert.deepEqual(errorOf(answer), [508, 'loop_detected'], 'each of them believes that the next one has it');
  assert.match(answer.json().error.message, /each other's nodes/);
  for (const gateway of [first, second, third])
    assert.equal((await gateway.status()).active_requests, 0);
});

behaviour('loop/circle/virtual-models-are-each-gateways-own', async (stage) => {
  const [first, second] = await pair(stage, {
    first: await stage.node(serves(['a'])), second: await stage.node(serves(['b'])),
  });

  for (const [gateway, own, theirs] of [[first, 'ping', 'pong'], [second, 'pong', 'ping']])
    await gateway.call('POST', '/routes', { id: 'r', virtual_model: own, targets: [{ node: 'other', model: theirs }] });
  for (const gateway of [first, second])
    await refresh(gateway, 'other');
  for (const [gateway, own, theirs] of [[first, 'ping', 'b'], [second, 'pong', 'a']]) {
    assert.deepEqual((await getNode(gateway, 'other')).models.map(({ id }) => id), [theirs]);
    assert.deepEqual(errorOf(await chat(gateway, own)), [503, 'no_route_target']);
  }
});

behaviour('loop/circle/also-by-the-default-node', async (stage) => {
  const first = await stage.gateway();
  const second = await stage.gateway({ node: first });

  await first.stop();
  const again = await stage.gateway({ home: first.home, node: second, args: ['--port', String(first.port)] });
  for (const gateway of [again, second])
    assert.deepEqual(errorOf(await gateway.ask('GET', '/v1/files')), [508, 'loop_detected']);
});

behaviour('loop/circle/the-way-it-came-tells', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway({ node });
  const { instance } = await gateway.status();
  const own = `1.1 vampire-${instance}`;
  const other = (i) => `1.1 vampire-00000000-0000-4000-8000-00000000000${i}`;
  const ask = async (...ways) =>
    (await chat(gateway, 'm', { fields: ways.map(([name, value]) => [name, value]) })).status;

  for (const ways of [[['Via', own]], [['via', own]], [['Via', `1.1 proxy, ${own}`]], [['Via', '1.1 a'], ['Via', own]],
                      [['Via', `${other(1)} ,${own} , 1.0 b`]]])
    assert.equal(await ask(...ways), 508, JSON.stringify(ways));
  assert.equal(prompts(node).length, 0);
  for (const ways of [[['Via', other(1)]], [['Via', '1.1 proxy']], [['X-Via', own]], [['Via', `1.1 x${instance}`]],
                      [['Via', '']], [['Via', ',,,']]])
    assert.equal(await ask(...ways), 200, JSON.stringify(ways));
  const many = (n) => [['Via', Array.from({ length: n }, (_, i) => other(i)).join(', ')]];
  assert.equal(await ask(...many(7)), 200);
  assert.equal(await ask(...many(8)), 508, 'nobody has that many');
});

/* -- Itself -------------------------------------------------------------------------------- */

behaviour('loop/itself/is-never-a-node', async (stage) => {
  const gateway = await stage.gateway({ env: AT_DOOR });

  await share(gateway, 'family');
  const urls = [gateway.url, `http://localhost:${gateway.port}`, `http://[::1]:${gateway.port}/v1`, doorOf(gateway)];
  const { nodes } = await gateway.call('POST', '/discover', { methods: ['local', 'static'], ports: [gateway.port],
                                                              base_urls: urls });
  assert.deepEqual(nodes, []);
  assert.equal((await gateway.call('GET', '/nodes')).data.length, 1);
});

behaviour('loop/itself/registered-by-hand-gets-nothing', async (stage) => {
  const gateway = await stage.gateway();
  const { node: { status, last_error: error, models } } = await register(gateway, 'me', gateway.url);

  assert.deepEqual([status, error, models], ['offline', 'This is this Vampire itself.', []]);
  assert.ok((await chat(gateway, 'vampire:auto@me')).status >= 400);
  assert.equal((await gateway.status()).nodes_online, 0);
});

behaviour('loop/itself/as-the-default-node', async (stage) => {
  const first = await stage.gateway();

  await first.stop();
  const url = `http://127.0.0.1:${first.port}`;
  const gateway = await stage.gateway({ home: first.home, node: { url }, args: ['--port', String(first.port)] });
  assert.equal(gateway.port, first.port);
  for (const answer of [await gateway.ask('GET', '/v1/models'), await chat(gateway, 'm'),
                        await gateway.ask('GET', '/v1/files')])
    assert.ok([502, 503, 508].includes(answer.status), String(answer.status));
});
