/* SPDX-License-Identifier: MIT
 *
 * Conversations return to the node that has read them: by what a client says of its session, by the beginning of the
 * prompt, and by ids that one node alone knows. A line that agents change with every turn must not stand in the way.
 */

import assert from 'node:assert/strict';

import { AT_DOOR, askAsGuest, createKey, share } from './lib/guests.mjs';
import { serves } from './lib/nodes.mjs';
import { behaviour } from './lib/stage.mjs';
import { CHAT, asked, chatOf, gatewayOf, hold, say, studios, wayOf } from './lib/studios.mjs';

const MESSAGES = '/v1/messages';
const RESPONSES = '/v1/responses';
const AFFINE = 'default_strategy=prefix_affinity';

const nodesOf = (stage) =>
  studios(stage, { a: ['m:loaded'], b: ['m:loaded'], c: ['m:loaded'] }, '--parallel=8', '--context-length=65536');

/* Three nodes with the same model, and conversations that stay. */
async function affine(stage, { settings = '', ...options } = {}) {
  const nodes = await nodesOf(stage);

  return { nodes, gateway: await gatewayOf(stage, nodes, { settings: `${AFFINE}\n${settings}`, ...options }) };
}

const park = (gateway, id, status) => gateway.call('PATCH', `/nodes/${id}`, { status });

/* No two prompts begin alike, so that only the session can tell. */
let turns = 0;
const content = () => `${++turns} is the number of this one`;

/* One turn of a session: which node it went to. */
async function turn(gateway, session, more = {}) {
  const answer = await say(gateway, 'm', { fields: { 'X-Vampire-Session': session }, content: content(), ...more });

  assert.equal(answer.status, 200, answer.text());
  return wayOf(answer).node;
}

/* -- Sessions ------------------------------------------------------------------------------ */

const inField = (name) => (session) => ({ fields: { [name]: session } });
const inBody = (name) => (session) => ({ fields: {}, [name]: session });

const ways = {
  'x-vampire-session': inField('X-Vampire-Session'), 'x-openwebui-chat-id': inField('X-OpenWebUI-Chat-Id'),
  'x-claude-code-session-id': inField('x-claude-code-session-id'), 'x-session-id': inField('X-Session-ID'),
  'x-litellm-session-id': inField('X-Litellm-Session-Id'), 'x-olla-session-id': inField('X-Olla-Session-ID'),
  'session-id': inField('Session-Id'), 'prompt_cache_key': inBody('prompt_cache_key'), 'user': inBody('user'),
  'vampire.session': (session) => ({ fields: {}, vampire: { session } }),
};

behaviour('affinity/session/by-whatever-names-it', async (stage) => {
  const { gateway } = await affine(stage);

  for (const [name, way] of Object.entries(ways)) {
    const first = await turn(gateway, '', way('one'));
    const second = await turn(gateway, '', way('two'));

    assert.notEqual(first, second, `${name}: another session at an idle node`);
    for (let i = 0; i < 4; i++) {
      assert.equal(await turn(gateway, '', way('one')), first, name);
      assert.equal(await turn(gateway, '', way('two')), second, name);
    }
    await turn(gateway, '', { fields: {} });
  }
});

behaviour('affinity/session/the-clearest-name-counts', async (stage) => {
  const { gateway } = await affine(stage);
  const first = await turn(gateway, 'mine');

  for (const other of ['x', 'y', 'z', 'w']) {
    assert.equal(await turn(gateway, 'mine', {
      fields: { 'X-Session-ID': other, 'X-Vampire-Session': 'mine' }, user: other, prompt_cache_key: `${other}1`,
    }), first);
  }
});

behaviour('affinity/session/only-where-the-strategy-says-so', async (stage) => {
  const gateway = await gatewayOf(stage, await nodesOf(stage));
  const seen = [];

  for (let i = 0; i < 6; i++)
    seen.push(await turn(gateway, 's'));
  assert.equal(new Set(seen).size, 3, 'nodes take turns by default');
  const stays = { fields: { 'X-Vampire-Session': 's', 'X-Vampire-Strategy': 'prefix_affinity' } };
  const last = seen.at(-1);
  for (let i = 0; i < 4; i++)
    assert.equal(await turn(gateway, 's', stays), last, 'it was there last');
});

behaviour('affinity/session/leaves-a-node-that-drains-or-is-gone', async (stage) => {
  const { gateway } = await affine(stage);
  const first = await turn(gateway, 's');

  await park(gateway, first, 'draining');
  const second = await turn(gateway, 's');
  assert.notEqual(second, first);
  await park(gateway, first, 'online');
  for (let i = 0; i < 4; i++)
    assert.equal(await turn(gateway, 's'), second, 'it stays where it has come to');

  await gateway.call('DELETE', `/nodes/${second}`);
  const third = await turn(gateway, 's');
  assert.notEqual(third, second);
  for (let i = 0; i < 4; i++)
    assert.equal(await turn(gateway, 's'), third);
});

behaviour('affinity/session/leaves-a-node-that-fails', async (stage) => {
  const { gateway, nodes } = await affine(stage);
  const first = await turn(gateway, 's');

  await nodes[first].configure({ status: 503 });
  const second = await turn(gateway, 's');
  assert.notEqual(second, first);
  await nodes[first].configure({ status: 0 });
  for (let i = 0; i < 4; i++)
    assert.equal(await turn(gateway, 's'), second);
});

/* Where the next turn of a session would go. */
const nextOf = async (gateway, session) =>
  (await gateway.call('POST', '/routes/preview', { model: 'm', session })).attempts[0].node;

/* Holds @n answers at a node; those stay, and others are answered. */
async function fill(stage, gateway, nodes, id, n) {
  const wires = [];

  await nodes[id].configure({ stall_after_tokens: 1 });
  for (let i = 0; i < n; i++)
    wires.push(await hold(stage, gateway, `m@${id}`));
  return wires;
}

behaviour('affinity/session/leaves-a-node-that-is-too-busy', async (stage) => {
  const { gateway, nodes } = await affine(stage);
  const first = await turn(gateway, 's');
  const preview = () => nextOf(gateway, 's');

  await fill(stage, gateway, nodes, first, 4);
  assert.equal(await preview(), first, 'four more than the others are borne');
  const [fifth] = await fill(stage, gateway, nodes, first, 1);
  assert.notEqual(await preview(), first, 'five are not');
  await fifth.destroy();
  await nodes[first].waitForCount('aborted_generations', 1);
  const second = await turn(gateway, 'other');
  assert.notEqual(second, first, 'a new one goes where nothing is to do');
});

behaviour('affinity/session/thresholds-are-settings', async (stage) => {
  const { gateway, nodes } = await affine(stage, { settings: 'affinity_busy_requests=1\naffinity_busy_ratio=2' });
  const first = await turn(gateway, 's');
  const others = Object.keys(nodes).filter((id) => id !== first);
  const stays = async () => await nextOf(gateway, 's') === first;

  await fill(stage, gateway, nodes, first, 1);
  assert.ok(await stays(), 'one more');
  await fill(stage, gateway, nodes, first, 1);
  assert.ok(!await stays(), 'two more than the least busy one, and more than twice as many');
  for (const id of others)
    await fill(stage, gateway, nodes, id, 1);
  await fill(stage, gateway, nodes, first, 1);
  assert.ok(!await stays(), 'three and one');
  for (const id of others)
    await fill(stage, gateway, nodes, id, 1);
  assert.ok(await stays(), 'three and two');
});

behaviour('affinity/session/two-in-parallel-are-at-two-nodes', async (stage) => {
  const { gateway, nodes } = await affine(stage);
  const begin = async (session) => {
    const wire = await hold(stage, gateway, 'm', { fields: { 'X-Vampire-Session': session }, content: content() });
    return wire.head.get('X-Vampire-Node');
  };

  for (const node of Object.values(nodes))
    await node.configure({ stall_after_tokens: 1 });
  const at = [await begin('one'), await begin('two'), await begin('three')];
  assert.equal(new Set(at).size, 3, at.join());
  for (const node of Object.values(nodes))
    await node.configure({ stall_after_tokens: -1 });
  for (let i = 0; i < 3; i++)
    assert.deepEqual([await turn(gateway, 'one'), await turn(gateway, 'two'), await turn(gateway, 'three')], at);
});

behaviour('affinity/session/each-client-has-its-own', async (stage) => {
  const { gateway, nodes } = await affine(stage, { env: AT_DOOR });

  await share(gateway, 'family');
  const keys = [(await createKey(gateway, 'one')).key, (await createKey(gateway, 'two')).key];
  const guest = async (key) => {
    const before = await asked(nodes);
    const answer = await askAsGuest(gateway, 'POST', CHAT, {
      key, fields: [['X-Vampire-Session', 'main']], body: Buffer.from(chatOf('m', { content: content() })),
    });

    assert.equal(answer.status, 200, answer.text());
    assert.equal(answer.head.get('X-Vampire-Node'), undefined, 'guests are not told');
    return (await asked(nodes)).findIndex((n, i) => n > before[i]);
  };
  const own = async () => Object.keys(nodes).indexOf(await turn(gateway, 'main'));
  const first = [await guest(keys[0]), await guest(keys[1]), await own()];

  assert.equal(new Set(first).size, 3, 'the name alone tells nothing');
  for (let i = 0; i < 3; i++)
    assert.deepEqual([await guest(keys[0]), await guest(keys[1]), await own()], first);
});

/* -- Prompts ------------------------------------------------------------------------------- */

const TURNS = 30;
const INSTRUCTIONS = `You are an agent in a terminal.\n${'Be brief, and never guess what a file says. '.repeat(150)}`;
const hash = (n) => (n * 7919 % 0xfffff).toString(16).padStart(5, '0');
const billing = (n) => `x-anthropic-billing-header: cc_version=2.1.42.${n}; cc_entrypoint=cli; cch=${hash(n)};`;

/* The bodies of an agent's session: each turn repeats all before it, behind a line that is new each time. */
function* session(n, { name = 'first', withLine = true } = {}) {
  const messages = [];

  for (let i = 1; i <= n; i++) {
    const system = `${withLine ? `${billing(i)}\n\n` : ''}Project: ${name}.\n${INSTRUCTIONS}`;

    messages.push({ role: 'user', content: `Turn ${i} of ${name}: ${'what does the next file say? '.repeat(10)}` });
    yield JSON.stringify({ model: 'm', max_tokens: 20, system, messages });
    messages.push({ role: 'assistant', content: `Answer ${i}: ${'it says this and that. '.repeat(12)}` });
  }
}

/* Which node each turn of a session went to. */
async function replay(gateway, turnsOfIt, fields = []) {
  const seen = [];

  for (const body of turnsOfIt) {
    const answer = await gateway.ask('POST', MESSAGES, { body: Buffer.from(body), fields });

    assert.equal(answer.status, 200, answer.text());
    seen.push(wayOf(answer).node);
  }
  return seen;
}

/* The share of the turns after the first that come to where the first one was. */
const warm = ([first, ...rest]) => rest.filter((node) => node === first).length / rest.length;

behaviour('affinity/agent/thirty-turns-without-a-session-stay', async (stage) => {
  const { gateway, nodes } = await affine(stage);
  const seen = await replay(gateway, session(TURNS));

  assert.ok(warm(seen) >= 0.9, seen.join());
  assert.ok(Math.max(...await asked(nodes, MESSAGES)) >= 28);
});

behaviour('affinity/agent/thirty-turns-with-others-in-between-stay', async (stage) => {
  const { gateway } = await affine(stage);
  const bodies = [...session(TURNS)];
  const seen = [];

  for (const body of bodies) {
    seen.push(...await replay(gateway, [body]));
    await say(gateway, 'm', { content: content() });
  }
  assert.ok(warm(seen) >= 0.9, seen.join());
});

behaviour('affinity/agent/in-turns-only-a-third-is-warm', async (stage) => {
  const gateway = await gatewayOf(stage, await nodesOf(stage), { settings: 'default_strategy=round_robin' });
  const share = warm(await replay(gateway, session(TURNS)));

  assert.ok(share > 0.2 && share < 0.45, `${share}`);
});

behaviour('affinity/agent/with-the-line-left-in-no-beginning-is-known', async (stage) => {
  const { gateway } = await affine(stage, { settings: 'strip_volatile_lines=no' });
  const share = warm(await replay(gateway, session(TURNS)));

  assert.ok(share > 0.2 && share < 0.45, `${share}`);
  const seen = await replay(gateway, session(6, { name: 'second' }), [['X-Claude-Code-Session-Id', 'second']]);
  assert.equal(warm(seen), 1, 'a session by its name stays nevertheless');
});

behaviour('affinity/agent/two-projects-at-two-nodes', async (stage) => {
  const { gateway } = await affine(stage);
  const one = [...session(8, { name: 'one' })];
  const two = [...session(8, { name: 'two' })];
  const seen = { one: [], two: [] };

  for (let i = 0; i < 8; i++) {
    seen.one.push(...await replay(gateway, [one[i]]));
    seen.two.push(...await replay(gateway, [two[i]]));
  }
  assert.deepEqual([warm(seen.one), warm(seen.two)], [1, 1]);
  assert.notEqual(seen.one[0], seen.two[0]);
});

behaviour('affinity/agent/goes-on-elsewhere-when-its-node-is-gone', async (stage) => {
  const { gateway } = await affine(stage);
  const bodies = [...session(9)];
  const [first] = await replay(gateway, bodies.slice(0, 3));

  await gateway.call('DELETE', `/nodes/${first}`);
  const rest = await replay(gateway, bodies.slice(3));
  assert.ok(!rest.includes(first));
  assert.equal(warm(rest), 1);
});

/* -- The line ------------------------------------------------------------------------------ */

/* A gateway before a scripted node, and what that gets to see of a prompt. */
async function seen(stage, options) {
  const node = await stage.node(serves(['m']));
  const gateway = await gatewayOf(stage, { a: node }, options);

  return async (body, target = MESSAGES) => {
    assert.equal((await gateway.ask('POST', target, { body: Buffer.from(body) })).status, 200);
    return String(node.requests.at(-1).body);
  };
}

const LINE = billing(5);
const quoted = (text) => JSON.stringify(text);

behaviour('affinity/line/is-left-out-and-the-rest-is-as-it-was', async (stage) => {
  const at = await seen(stage);
  const rest = '"max_tokens" : 5,\n"messages":[{"role":"user","content":"gr\\u00fc\\u00df \\/ 🦇"}],"seed":1.0e0}';
  const system = (value) => `{"model":"m", "system": ${value} ,${rest}`;
  const part = (text, more = '') => `{"type":"text","text":${quoted(text)}${more}}`;
  const cases = [
    [system(quoted(`${LINE}\n\nYou are.`)), system(quoted('You are.'))],
    [system(quoted(`${LINE}\nYou are.`)), system(quoted('You are.'))],
    [system(`[${part(LINE)},${part('You are.', ',"cache_control":{"type":"ephemeral"}')}]`),
      system(`[${part('You are.', ',"cache_control":{"type":"ephemeral"}')}]`)],
  ];

  for (const [body, expected] of cases)
    assert.equal(await at(body), expected);
  for (const role of ['system', 'developer']) {
    const chat = (text) =>
      `{"messages":[{"role":"${role}","content":${quoted(text)}},{"role":"user","content":"x"}],"model":"m"}`;

    assert.equal(await at(chat(`${LINE}\n\nYou are.`), CHAT), chat('You are.'));
  }
});

behaviour('affinity/line/of-somebody-else-stays', async (stage) => {
  const at = await seen(stage);
  const messages = (...list) => JSON.stringify({ model: 'm', messages: list });
  const kept = [
    messages({ role: 'user', content: `${LINE}\n\nwhat is this line?` }),
    messages({ role: 'system', content: `You are.\n${LINE}\nis what they send.` }),
    messages({ role: 'system', content: 'You are.' }, { role: 'user', content: `${LINE}\nwhat is it?` }),
    messages({ role: 'system', content: 'You are.' }, { role: 'system', content: `${LINE}\nwhat is it?` }),
    messages({ role: 'system', content: 'x-anthropic-billing-header: nothing that changes\nYou are.' }),
    messages({ role: 'system', content: `> ${LINE}\nYou are.` }),
    JSON.stringify({ model: 'm', system: 'You are.', messages: [{ role: 'user', content: LINE }] }),
  ];

  for (const body of kept)
    assert.equal(await at(body, CHAT), body);
  const both = (head) =>
    messages({ role: 'system', content: `${head}You are.` }, { role: 'user', content: `${LINE}\n?` });
  assert.equal(await at(both(`${LINE}\n\n`), CHAT), both(''), 'its own one goes, the quotation stays');
});

behaviour('affinity/line/stays-when-the-owner-says-so', async (stage) => {
  const at = await seen(stage, { settings: 'strip_volatile_lines=no' });
  const messages = [{ role: 'user', content: 'x' }];
  const body = JSON.stringify({ model: 'm', system: `${LINE}\n\nYou are.`, messages });

  assert.equal(await at(body), body);
});

/* -- Ids of one node ----------------------------------------------------------------------- */

async function respond(gateway, previous, more = {}) {
  const body = Buffer.from(JSON.stringify({ model: 'm', input: content(), previous_response_id: previous, ...more }));
  const answer = await gateway.ask('POST', RESPONSES, { body });

  assert.equal(answer.status, 200, answer.text());
  return { node: wayOf(answer).node, id: answer.text().match(/"id": ?"(resp_[^"]+)"/)[1] };
}

behaviour('affinity/response/goes-on-where-it-is-kept', async (stage) => {
  const gateway = await gatewayOf(stage, await nodesOf(stage));

  for (const more of [{}, { stream: true }]) {
    const first = await respond(gateway, undefined, more);
    let { id } = first;

    for (let i = 0; i < 4; i++) {
      const next = await respond(gateway, id, more);

      assert.equal(next.node, first.node);
      ({ id } = next);
    }
    await park(gateway, first.node, 'draining');
    const answer = await gateway.ask('POST', RESPONSES, {
      body: Buffer.from(JSON.stringify({ model: 'm', input: 'x', previous_response_id: id })),
    });
    assert.deepEqual([answer.status, answer.json().error.code], [503, 'no_route_target']);
    assert.match(answer.json().error.message, new RegExp(`Only ${first.node} has the earlier response`));
    await park(gateway, first.node, 'online');
  }
});

behaviour('affinity/response/goes-on-there-after-a-restart', async (stage) => {
  const gateway = await gatewayOf(stage, await nodesOf(stage));
  const talks = [];

  for (let i = 0; i < 6; i++)
    talks.push(await respond(gateway, undefined, { stream: i % 2 === 1 }));
  assert.equal(new Set(talks.map(({ node }) => node)).size, 3, 'they are all over the place');
  await gateway.stop();

  const again = await stage.gateway({ home: gateway.home });
  for (const { node, id } of talks)
    assert.equal((await respond(again, id)).node, node);
});
