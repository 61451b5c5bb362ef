/* SPDX-License-Identifier: MIT
 *
 * A stream that breaks off is continued by another node with the very same model, for clients that ask for it: what
 * they read is one well-formed stream that says what the unbroken one would have said.
 */

import assert from 'node:assert/strict';

import { DONE, IN_ORDER, stream, streamSoFar } from './lib/fleet.mjs';
import { AT_DOOR, askAsGuest, createKey, share } from './lib/guests.mjs';
import * as http from './lib/http.mjs';
import { completion } from './lib/nodes.mjs';
import { parseData, parseEvents } from './lib/sse.mjs';
import { behaviour } from './lib/stage.mjs';
import { CHAT, asked, chatOf, gatewayOf, studio } from './lib/studios.mjs';
import { untilQueued } from './lib/waiting.mjs';
import { Wire } from './lib/wire.mjs';

const MODEL = 'm';
const CONTINUE = { fallback: { continue: true } };
const USAGE = { stream_options: { include_usage: true } };

/* Nodes of one name say the same. These answer many at a time. */
const TWIN = ['--deterministic', '--parallel=64', '--name=Twin', '--log-level=error'];

const twin = (stage, ...args) => studio(stage, [`${MODEL}:loaded`], ...TWIN, ...args);

/* A streamed chat at temperature 0. @vampire: what the gateway is told */
const bodyOf = ({ model = MODEL, content = 'count to 9', vampire, ...more } = {}) => JSON.stringify({
  model, temperature: 0, stream: true, messages: [{ role: 'user', content }], ...more, vampire,
});

const asksToGoOn = (more) => bodyOf({ vampire: CONTINUE, ...more });

const ask = (gateway, body, { target = CHAT, fields = [], ...options } = {}) =>
  gateway.ask('POST', target, { body: Buffer.from(body), fields: [IN_ORDER, ...fields], ...options });

/* One request to a node itself. */
async function askNode({ port }, method, target, body) {
  const wire = await Wire.connect(port);

  wire.write(http.request(method, target, { body: body && Buffer.from(body) }));
  const answer = await http.readAnswer(wire, { method });
  await wire.destroy();
  return answer;
}

/* What a node itself says to a prompt, as it stands on the wire. */
async function record({ port }, body, target = CHAT) {
  const wire = await Wire.connect(port);

  wire.write(http.request('POST', target, { body, fields: [['Connection', 'close']] }));
  return wire.takeAll();
}

/* A scripted node that lists what another one does, and answers prompts by @respond. Its lists end their connections,
 * so that each prompt comes on a fresh one. */
async function alike(stage, other, respond) {
  const node = await stage.node(async (request, wire) => {
    if (request.method !== 'GET')
      return respond(request, wire);
    const { status, head, body } = await askNode(other, 'GET', request.target);
    wire.write(http.answer(status, [['Content-Type', head.get('Content-Type')], ['Connection', 'close']], body));
    return wire.end();
  });

  return Object.defineProperty(node, 'prompts', {
    get: () => node.requests.filter(({ method }) => method === 'POST'),
  });
}

/* -- What scripted nodes say --------------------------------------------------------------- */

const event = (choice, more = {}) => `data: ${JSON.stringify({
  id: 'chatcmpl-first', object: 'chat.completion.chunk', created: 1, model: MODEL, system_fingerprint: 'f',
  choices: [{ index: 0, logprobs: null, finish_reason: null, ...choice }], ...more,
})}\n\n`;

const delta = (delta, more) => event({ delta }, more);
const text = (...words) => words.map((content) => delta({ content })).join('');
const end = (reason = 'stop') => event({ delta: {}, finish_reason: reason }) + DONE;
const ROLE = delta({ role: 'assistant', content: '' });

/* Says that much, and breaks off. */
const breaksAfter = (...events) => async (request, wire) => {
  await wire.write(streamSoFar(...events));
  await wire.reset();
};

const says = (...events) => (request, wire) => wire.write(stream(...events));

const FAILS = 'event: error\ndata: {"error":{"message":"Model unloaded."}}\n\n';

/* -- What a client reads ------------------------------------------------------------------- */

const only = (values, what) => {
  assert.equal(values.length, 1, `one ${what}: ${JSON.stringify(values)}`);
  return values[0];
};

/* A stream of a chat, which is one: one role, one identity, one reason to end, one [DONE]. Returns what it says. */
function readStream(answer) {
  assert.deepEqual([answer.status, answer.torn], [200, false], answer.text());
  const data = parseData(answer.body);

  assert.equal(data.indexOf('[DONE]'), data.length - 1, 'one [DONE], at the end');
  const chunks = data.slice(0, -1).map((text) => JSON.parse(text));
  const deltas = chunks.flatMap(({ choices }) => choices.map((choice) => choice.delta));
  const stream = {
    text: deltas.map(({ content }) => content ?? '').join(''),
    finish: only(chunks.flatMap(({ choices }) => choices.map((choice) => choice.finish_reason))
                       .filter((reason) => reason !== null && reason !== undefined), 'finish_reason'),
    usages: chunks.filter(({ usage }) => usage !== undefined).map(({ usage }) => usage),
  };

  assert.equal(only(deltas.filter(({ role }) => role !== undefined), 'role').role, 'assistant');
  assert.equal(deltas[0].role, 'assistant');
  for (const name of ['id', 'model', 'created', 'object', 'system_fingerprint'])
    stream[name] = only([...new Set(chunks.map((chunk) => chunk[name]))], name);
  return stream;
}

/* A stream that could not be continued: what it says, and at its end why. */
function readFailure(answer) {
  assert.deepEqual([answer.status, answer.torn], [200, false], answer.text());
  const data = parseData(answer.body);
  const [error, done] = data.splice(-2);
  const chunks = data.map((chunk) => JSON.parse(chunk));

  assert.equal(done, '[DONE]');
  return {
    text: chunks.flatMap(({ choices }) => choices.map((choice) => choice.delta.content ?? '')).join(''),
    code: JSON.parse(error).error.code,
  };
}

const INTERRUPTED = 'upstream_stream_interrupted';

/* -- Every byte ---------------------------------------------------------------------------- */

/* How many nodes break at the same time, each with a client of its own. */
const BREAKING = 8;

/* A client of a node that breaks at each of the @offsets, one after the other. Before that node would be left alone
 * for its failures it gets to succeed. */
async function breakAtEach(stage, gateway, name, body, offsets, how, judge) {
  const wire = await stage.client(gateway);
  const send = async (content, fields) => {
    wire.write(http.request('POST', CHAT, { body: content, fields }));
    return http.readAnswer(wire, { torn: true });
  };
  const plain = chatOf(`${MODEL}@${name}`);

  for (const [i, offset] of offsets.entries()) {
    if (i % 2 === 0)
      assert.equal((await send(plain, [])).status, 200);
    judge(offset, await send(body, [['X-Break', `${offset} ${how}`]]));
  }
}

for (const how of ['fin', 'rst']) {
  behaviour(`continuation/every-byte/${how}`, async (stage) => {
    const whole = await twin(stage);
    const prompt = { content: 'Say "one two".', ...USAGE };
    const said = readStream(await askNode(whole, 'POST', CHAT, bodyOf(prompt)));
    const own = { id: said.id.replaceAll(/[^-]/g, 'f'), created: 1_700_000_000 };
    const recording = String(await record(whole, bodyOf(prompt)))
      .replaceAll(said.id, own.id).replaceAll(String(said.created), String(own.created));
    const ends = [...recording.matchAll(/\n\n/g)].map(({ index }) => index + 2);
    const [first, finish, usage] = [ends[0], ends.at(-3), ends.at(-2)];
    const breaks = async (request, wire) => {
      const [offset, by] = request.head.get('X-Break')?.split(' ') ?? [];

      if (offset === undefined)
        return wire.write(completion('ok'));
      await wire.write(recording.slice(0, Number(offset)));
      return by === 'rst' ? wire.reset() : wire.end();
    };
    const names = Array.from({ length: BREAKING }, (_, i) => `breaking-${i}`);
    const breaking = await Promise.all(names.map(async (name) => [name, await alike(stage, whole, breaks)]));
    const gateway = await gatewayOf(stage, { ...Object.fromEntries(breaking), whole });

    for (const name of names) {
      await gateway.call('POST', '/routes', {
        id: name, virtual_model: `vampire:${name}`, strategy: 'fallback_chain',
        targets: [{ node: name, model: MODEL }, { node: 'whole', model: MODEL }],
      });
    }
    assert.deepEqual([said.text, said.usages.length, ends.length], ['one two', 1, 5]);

    const offsets = Array.from({ length: recording.length }, (_, offset) => offset);
    await Promise.all(names.map((name, i) => breakAtEach(
      stage, gateway, name, bodyOf({ ...prompt, model: `vampire:${name}`, vampire: CONTINUE }),
      offsets.filter((offset) => offset % BREAKING === i), how,
      (offset, answer) => {
        const expected = { ...said, ...offset >= first ? own : {} };

        /* It was complete. Nobody else could tell what it took, so that is left out, as a client must expect. */
        if (offset >= finish && offset < usage)
          expected.usages = [];
        assert.deepEqual(readStream(answer), expected, `after ${offset} bytes`);
      })));
    for (const node of breaking.map(([, node]) => node))
      assert.ok(node.prompts.filter(({ head }) => head.get('X-Break')).length >= offsets.length / BREAKING - 1);
  });
}

/* Everything that a prompt is answered with, broken off after each of its events. */
async function breakAfterEachEvent(stage, prompt) {
  const whole = await twin(stage);
  const unbroken = await askNode(whole, 'POST', CHAT, bodyOf(prompt));
  const events = unbroken.text().split(/(?<=\n\n)/).slice(0, -1);
  const breaking = await alike(stage, whole, (request, wire) => {
    const n = request.head.get('X-Break');

    return n === undefined ? wire.write(completion('ok')) : breaksAfter(...events.slice(0, Number(n)))(request, wire);
  });
  const gateway = await gatewayOf(stage, { breaking, whole });
  const answers = [];

  for (let n = 1; n <= events.length; n++) {
    await gateway.ask('POST', CHAT, { body: chatOf(`${MODEL}@breaking`) });
    answers.push(await ask(gateway, asksToGoOn(prompt), { fields: [['X-Break', String(n)]] }));
  }
  return { said: readStream(unbroken), answers };
}

for (const limit of ['max_tokens', 'max_completion_tokens']) {
  behaviour(`continuation/limits/${limit}`, async (stage) => {
    const { said, answers } = await breakAfterEachEvent(stage, { [limit]: 4 });

    assert.equal(said.finish, 'length');
    assert.equal(answers.length, 5);
    for (const answer of answers)
      assert.deepEqual(readStream(answer), said);
  });
}

behaviour('continuation/texts-with-escapes-and-emoji', async (stage) => {
  const content = "Say: tab\t, \\ back, {'a': 1}, é 🦇 \u{1F469}\u200D\u{1F4BB} end.";
  const { said, answers } = await breakAfterEachEvent(stage, { content });

  assert.match(said.text, /🦇/);
  for (const answer of answers)
    assert.deepEqual(readStream(answer), said);
});

/* -- Opting in ----------------------------------------------------------------------------- */

behaviour('continuation/opt-in', async (stage) => {
  const whole = await twin(stage);
  const said = readStream(await askNode(whole, 'POST', CHAT, bodyOf()));
  const outcomes = async (settings) => {
    const breaking = await alike(stage, whole, breaksAfter(ROLE, text('1', ',')));
    const gateway = await gatewayOf(stage, { breaking, whole }, { settings });
    const before = (await whole.stats()).requests_by_path[`POST ${CHAT}`];
    const answers = [];

    for (const vampire of [undefined, { fallback: { continue: true } }, { fallback: { continue: false } }]) {
      /* What it fails at is forgotten. */
      await gateway.call('PATCH', '/nodes/breaking', { status: 'online' });
      answers.push(await ask(gateway, bodyOf({ vampire })));
    }
    assert.equal(breaking.prompts.length, 3);
    const goneOn = answers.map((answer) => !/"error"/.test(answer.text()));
    for (const [i, answer] of answers.entries()) {
      if (goneOn[i])
        assert.equal(readStream(answer).text, said.text);
      else
        assert.deepEqual(readFailure(answer), { text: '1,', code: INTERRUPTED });
    }
    const after = (await whole.stats()).requests_by_path[`POST ${CHAT}`];
    assert.equal(after - before, goneOn.filter(Boolean).length, 'nobody else was asked');
    return goneOn;
  };

  assert.deepEqual(await outcomes(undefined), [false, true, false]);
  assert.deepEqual(await outcomes('continue_streams=no'), [false, true, false]);
  assert.deepEqual(await outcomes('continue_streams=yes'), [true, true, false]);
});

/* -- What the next node is asked ----------------------------------------------------------- */

/* A node that breaks off after the @events and another one of the same kind, both scripted. */
async function pair(stage, events, respond = says(text(' after'), end())) {
  const whole = await twin(stage);
  const breaking = await alike(stage, whole, breaksAfter(...events));
  const next = await alike(stage, whole, respond);
  const gateway = await gatewayOf(stage, { breaking, next });

  return { breaking, next, gateway };
}

behaviour('continuation/the-request/is-the-same-but-for-what-was-said', async (stage) => {
  const { breaking, next, gateway } = await pair(stage, [ROLE, text('one "', '\\u\n', '🦇')]);
  const sent = Buffer.from(
    '{ "stream":true, "vampire":{"fallback":{"continue":true}},"model" : "m","temperature":0.0,\n "messages": [ ' +
    '{"content":"h\\u00e9llo \\ud83e\\udd87 é 🦇","role":"user"} ],\t"max_tokens" :10, "max_completion_tokens": 4, ' +
    '"seed":12345678901234567890, "x":[1e-7,-0, 1E400], "x":2 }\n');
  const answer = await ask(gateway, sent, { fields: [['X-Mine', 'kept'], ['Authorization', 'Bearer mine']] });

  assert.equal(readStream(answer).text, 'one "\\u\n🦇 after');
  const [first] = breaking.prompts;
  const [second] = next.prompts;
  const turn = /,\{"role":"assistant","content":("(?:[^"\\]|\\.)*")\}/.exec(String(second.body));
  assert.equal(JSON.parse(turn[1]), 'one "\\u\n🦇');
  assert.doesNotMatch(String(first.body) + second.body, /vampire/);
  const likeFirst = String(second.body).replace(turn[0], '').replace('"max_tokens" :7', '"max_tokens" :10')
    .replace('"max_completion_tokens": 1', '"max_completion_tokens": 4');
  assert.equal(likeFirst.replaceAll(' ', ''), String(first.body).replaceAll(' ', ''));
  assert.equal(second.head.get('X-Mine'), 'kept');
  assert.equal(second.head.get('Authorization'), undefined);
});

behaviour('continuation/the-request/completions', async (stage) => {
  const said = (words) => `data: ${JSON.stringify({
    id: 'cmpl-1', object: 'text_completion', created: 1, model: MODEL,
    choices: [{ index: 0, text: words, logprobs: null, finish_reason: null }],
  })}\n\n`;
  const last = said(' three').replace('cmpl-1', 'cmpl-2').replace('null}]', '"stop"}]');
  const { next, gateway } = await pair(stage, [said('one'), said(' "two"')], says(last, DONE));
  const body = JSON.stringify({ model: MODEL, prompt: 'Count: ', stream: true, max_tokens: 9, vampire: CONTINUE });
  const answer = await ask(gateway, body, { target: '/v1/completions' });
  const chunks = parseData(answer.body).slice(0, -1).map((chunk) => JSON.parse(chunk));

  assert.equal(chunks.map(({ choices: [choice] }) => choice.text).join(''), 'one "two" three');
  assert.deepEqual(chunks.map(({ id }) => id), ['cmpl-1', 'cmpl-1', 'cmpl-1']);
  assert.deepEqual(JSON.parse(next.prompts[0].body),
                   { model: MODEL, prompt: 'Count: one "two"', stream: true, max_tokens: 7 });
});

/* -- How a stream ends early ------------------------------------------------------------------- */

behaviour('continuation/error-event/is-not-seen', async (stage) => {
  const failing = await twin(stage, '--error-event-after-tokens=3');
  const whole = await twin(stage);
  const gateway = await gatewayOf(stage, { failing, whole });
  const said = readStream(await askNode(whole, 'POST', CHAT, bodyOf(USAGE)));

  assert.match((await askNode(failing, 'POST', CHAT, bodyOf())).text(), /event: error/);
  const answer = await ask(gateway, asksToGoOn(USAGE));
  const { text: words, usages } = readStream(answer);
  assert.deepEqual([words, usages], [said.text, said.usages]);
  assert.doesNotMatch(answer.text(), /error/);
  assert.deepEqual(await asked({ failing, whole }), [2, 2]);
});

behaviour('continuation/error-event/model-unloaded', async (stage) => {
  const unloaded = await twin(stage, '--stall-after-tokens=2');
  const whole = await twin(stage);
  const gateway = await gatewayOf(stage, { unloaded, whole });
  const answer = ask(gateway, asksToGoOn());

  await unloaded.waitForCount('stalled_generations', 1);
  assert.equal((await askNode(unloaded, 'POST', '/api/v1/models/unload', '{"instance_id":"m"}')).status, 200);
  assert.equal(readStream(await answer).text, '1, 2, 3, 4, 5, 6, 7, 8, 9.');
  assert.doesNotMatch((await answer).text(), /error/);
  await unloaded.waitForCount('killed_generations', 1);
});

behaviour('continuation/two-deaths', async (stage) => {
  const third = await twin(stage);
  const { body } = await askNode(third, 'POST', CHAT, bodyOf(USAGE));
  const said = readStream(await askNode(third, 'POST', CHAT, bodyOf(USAGE)));
  const [role, ...rest] = String(body).split(/(?<=\n\n)/).map((one) => one.replaceAll(said.id, 'chatcmpl-first'));
  const first = await alike(stage, third, breaksAfter(role, ...rest.slice(0, 3)));
  const second = await twin(stage, '--cut-at-byte=1000', '--cut-scope=payload', '--cut-by=rst');
  const gateway = await gatewayOf(stage, { first, second, third });
  const answer = await ask(gateway, asksToGoOn(USAGE));

  assert.deepEqual(readStream(answer), { ...said, id: 'chatcmpl-first' });
  assert.deepEqual(await asked({ second, third }), [1, 3]);
  const { stages } = await gateway.call('GET', `/traces/${answer.head.get('X-Vampire-Request-ID')}`);
  assert.deepEqual(stages.map(({ node, continued }) => [node, continued]),
                   [['first', false], ['second', true], ['third', true]]);
});

/* What the next node may do instead of going on. */
const REFUSALS = {
  'status-503': (request, wire) => wire.write(http.json({ error: { message: 'Busy.' } }, 503)),
  'reset-before-the-head': (request, wire) => wire.reset(),
  'reset-after-the-head': breaksAfter(),
  'error-event': says(FAILS),
  'no-models-loaded': (request, wire) => wire.write(http.json({ error: 'No models loaded.' }, 400)),
  '200-with-an-error': (request, wire) => wire.write(http.json({ error: 'The model has crashed.' })),
  '200-that-is-no-stream': (request, wire) => wire.write(http.json({ choices: [] })),
  'its-own-refusal': (request, wire) => wire.write(http.json({ error: { message: 'Last one must be a user.' } }, 400)),
  'its-own-refusal/without-a-reason': (request, wire) => wire.write(http.answer(422)),
};

for (const [name, respond] of Object.entries(REFUSALS)) {
  behaviour(`continuation/the-next-one-fails/${name}`, async (stage) => {
    const third = await twin(stage);
    const first = await alike(stage, third, breaksAfter(ROLE, text('1', ',')));
    const second = await alike(stage, third, respond);
    const gateway = await gatewayOf(stage, { first, second, third });

    assert.equal(readStream(await ask(gateway, asksToGoOn())).text, '1, 2, 3, 4, 5, 6, 7, 8, 9.');
    assert.equal(second.prompts.length, 1);

    /* And when nobody is left. */
    await gateway.call('DELETE', '/nodes/third');
    assert.deepEqual(readFailure(await ask(gateway, asksToGoOn())), { text: '1,', code: INTERRUPTED });
    assert.deepEqual([first.prompts.length, second.prompts.length, ...await asked({ third })], [2, 2, 1]);
  });
}

/* -- What is not continued ----------------------------------------------------------------- */

const CALL = delta({
  tool_calls: [{ index: 0, id: '1', type: 'function', function: { name: 'f', arguments: '{"a' } }],
});

/* Streams that break off where nobody could go on, and what their clients have read by then. */
const HOPELESS = {
  'tool-call': [[ROLE, CALL], ''],
  'tool-call-after-text': [[ROLE, text('I will look.'), CALL], 'I will look.'],
  'reasoning': [[delta({ role: 'assistant', reasoning_content: 'Hm' }), delta({ reasoning_content: ', well' })], ''],
  'reasoning/other-name': [[delta({ role: 'assistant', reasoning: 'Hm' }), delta({ reasoning: ', well' })], ''],
  'reasoning/in-the-text': [[ROLE, text('<think>\n', 'Hm, ', 'well')], '<think>\nHm, well'],
};

for (const [name, [events, words]] of Object.entries(HOPELESS)) {
  behaviour(`continuation/not/${name}`, async (stage) => {
    const { breaking, next, gateway } = await pair(stage, events);

    for (const body of [asksToGoOn(), bodyOf()])
      assert.deepEqual(readFailure(await ask(gateway, body)), { text: words, code: INTERRUPTED });
    assert.deepEqual([breaking.prompts.length, next.prompts.length], [2, 0]);
  });
}

behaviour('continuation/not/tool-call-of-a-model', async (stage) => {
  const parameters = { type: 'object', properties: { city: { type: 'string' } } };
  const tool = { type: 'function', function: { name: 'get_weather', description: 'The weather', parameters } };
  const models = [{ key: MODEL, loaded: true, trained_for_tool_use: true }];
  const failing = await studio(stage, models, ...TWIN, '--error-event-after-tokens=3');
  const whole = await studio(stage, models, ...TWIN);
  const gateway = await gatewayOf(stage, { failing, whole });
  const answer = await ask(gateway, asksToGoOn({ content: 'What is the weather in Paris?', tools: [tool] }));

  assert.match(answer.text(), /get_weather/);
  assert.deepEqual(readFailure(answer), { text: '', code: INTERRUPTED });
  assert.deepEqual(await asked({ failing, whole }), [1, 0]);
});

behaviour('continuation/after-the-reasoning', async (stage) => {
  for (const events of [[delta({ role: 'assistant', reasoning_content: 'Hm' }), text('so', ':')],
                        [ROLE, text('<think>Hm', '</think>', 'so:')]]) {
    const { next, gateway } = await pair(stage, events);
    const { text: words } = readStream(await ask(gateway, asksToGoOn()));

    assert.match(words, /so: after$/);
    assert.equal(next.prompts.length, 1);
  }
});

behaviour('continuation/not/when-there-is-nobody-else', async (stage) => {
  const whole = await twin(stage);
  const alone = await alike(stage, whole, breaksAfter(ROLE, text('1', ',')));
  const gateway = await gatewayOf(stage, { alone });

  assert.deepEqual(readFailure(await ask(gateway, asksToGoOn())), { text: '1,', code: INTERRUPTED });
  assert.equal(alone.prompts.length, 1, 'the same is not asked again');
});

behaviour('continuation/not/by-other-models-nor-quantizations-nor-strangers', async (stage) => {
  const whole = await twin(stage);
  const breaking = await alike(stage, whole, breaksAfter(ROLE, text('1', ',')));
  const coarse = await studio(stage, [{ key: MODEL, loaded: true, quantization: 'Q2_K' }], ...TWIN);
  const other = await studio(stage, ['n:loaded'], ...TWIN);
  const found = await twin(stage);
  const gateway = await gatewayOf(stage, { breaking, coarse, other });

  await gateway.call('POST', '/discover', { methods: [], base_urls: [found.url] });
  assert.deepEqual(readFailure(await ask(gateway, asksToGoOn())), { text: '1,', code: INTERRUPTED });
  assert.deepEqual(await asked({ coarse, other, found }), [0, 0, 0]);
});

behaviour('continuation/not/outside-of-what-was-asked-for', async (stage) => {
  const whole = await twin(stage);
  const breaking = await alike(stage, whole, breaksAfter(ROLE, text('1', ',')));
  const gateway = await gatewayOf(stage, { breaking, whole });

  await gateway.call('POST', '/routes', { id: 'r', virtual_model: 'vampire:mine',
                                          targets: [{ node: 'breaking', model: MODEL }] });
  for (const model of [`${MODEL}@breaking`, 'vampire:mine'])
    assert.deepEqual(readFailure(await ask(gateway, asksToGoOn({ model }))), { text: '1,', code: INTERRUPTED });
  assert.deepEqual([breaking.prompts.length, ...await asked({ whole })], [2, 0]);
});

/* -- Around it ----------------------------------------------------------------------------- */

behaviour('continuation/by-a-node-that-loads-the-model-first', async (stage) => {
  const whole = await twin(stage);
  const breaking = await alike(stage, whole, breaksAfter(ROLE, text('1', ',')));
  const cold = await studio(stage, [MODEL], ...TWIN);
  const gateway = await gatewayOf(stage, { breaking, cold });

  assert.equal(readStream(await ask(gateway, asksToGoOn())).text, '1, 2, 3, 4, 5, 6, 7, 8, 9.');
  assert.equal((await cold.stats()).loads, 1);
});

behaviour('continuation/by-a-node-that-has-to-end-something-first', async (stage) => {
  const whole = await twin(stage, '--parallel=1', '--stall-after-tokens=2');
  const breaking = await alike(stage, whole, breaksAfter(ROLE, text('1', ',')));
  const gateway = await gatewayOf(stage, { breaking, whole });
  const first = ask(gateway, bodyOf({ model: `${MODEL}@whole` }));

  await whole.waitForCount('stalled_generations', 1);
  const second = ask(gateway, asksToGoOn());
  await untilQueued(gateway, 1);
  await whole.configure({ stall_after_tokens: -1 });
  assert.equal(readStream(await first).text, '1, 2, 3, 4, 5, 6, 7, 8, 9.');
  assert.equal(readStream(await second).text, '1, 2, 3, 4, 5, 6, 7, 8, 9.');
});

behaviour('continuation/the-client-leaves-during-the-second-part', async (stage) => {
  const whole = await twin(stage, '--stall-after-tokens=2');
  const breaking = await alike(stage, whole, breaksAfter(ROLE, text('1', ',')));
  const gateway = await gatewayOf(stage, { breaking, whole });
  const wire = await stage.client(gateway);

  wire.write(http.request('POST', CHAT, { body: asksToGoOn(), fields: [IN_ORDER] }));
  await http.readAnswerHead(wire);
  await whole.waitForCount('stalled_generations', 1);
  wire.destroy();
  const { aborted_generations: aborted } = await whole.waitForCount('aborted_generations', 1);
  assert.equal(aborted, 1);
  for (const id of ['breaking', 'whole'])
    assert.equal((await gateway.call('GET', `/nodes/${id}`)).active_requests, 0);
});

behaviour('continuation/traced', async (stage) => {
  const whole = await twin(stage);
  const breaking = await alike(stage, whole, breaksAfter(ROLE, text('1', ',')));
  const gateway = await gatewayOf(stage, { breaking, whole }, { env: AT_DOOR });
  const fields = [['X-Vampire-Trace', 'stream'], IN_ORDER];

  await share(gateway, 'family');
  const { key } = await createKey(gateway);
  for (const isGuest of [false, true]) {
    const answer = isGuest ? await askAsGuest(gateway, 'POST', CHAT, { key, fields, body: asksToGoOn(USAGE) })
                           : await gateway.ask('POST', CHAT, { fields, body: asksToGoOn(USAGE) });
    const events = parseEvents(answer.body);
    const names = events.map(({ event: name }) => name);

    assert.deepEqual(names.slice(0, 7),
                     ['vampire.routing', 'vampire.model_start', 'completion.chunk', 'completion.chunk',
                      'completion.chunk', 'vampire.continued', 'completion.chunk']);
    assert.deepEqual(names.slice(-2), ['vampire.metrics', 'message']);
    assert.equal(names.filter((name) => /^vampire/.test(name)).length, 4);
    const continued = JSON.parse(events[5].data);
    assert.equal(continued.node, isGuest ? undefined : 'whole');
    assert.equal(continued.model, MODEL);
    const metrics = JSON.parse(events.at(-2).data);
    assert.deepEqual([metrics.fallback_used, metrics.fallbacks], [true, 1]);
    if (isGuest)
      assert.doesNotMatch(answer.text(), /whole|breaking|127\.0\.0\.1/);
    /* Apart from these events it is the same stream. */
    const plain = events.filter(({ event: name }) => !/^vampire/.test(name)).map(({ data }) => `data: ${data}\n\n`);
    assert.equal(readStream({ ...answer, body: Buffer.from(plain.join('')) }).text, '1, 2, 3, 4, 5, 6, 7, 8, 9.');
  }
});
