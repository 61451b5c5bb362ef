/* SPDX-License-Identifier: MIT
 *
 * The official OpenAI client as a real user of the gateway, with the simulated LM Studio behind it.
 */

import assert from 'node:assert/strict';
import test from 'node:test';

import * as http from './lib/http.mjs';
import { behaviour } from './lib/stage.mjs';
import { deadPort } from './lib/upstream.mjs';

const OpenAI = (await import('openai').catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND')
    throw error;
  return {};
})).default;

const CHAT_MODEL = 'qwen/qwen3-4b';
const EMBEDDING_MODEL = 'text-embedding-nomic-embed-text-v1.5';
const QUESTION = [{ role: 'user', content: 'Say hello.' }];

const client = (gateway, { apiKey = 'not-needed' } = {}) =>
  new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey, maxRetries: 0 });

/* A simulated LM Studio behind a gateway, and a client of it. */
async function setUp(stage, options) {
  const simulator = await stage.simulator();
  const gateway = await stage.gateway({ node: simulator, ...options });

  return { simulator, gateway, openai: client(gateway) };
}

/* Without the package these behaviours cannot be shown, and saying so is better than silence. */
const withClient = (name, body) =>
  (OpenAI ? behaviour(name, body) : test(name, { skip: 'run npm ci in tests/blackbox first' }, () => {}));

async function collect(stream) {
  const events = [];

  for await (const event of stream)
    events.push(event);
  return events;
}

withClient('openai/models', async (stage) => {
  const { openai } = await setUp(stage);
  const models = await collect(openai.models.list());

  assert.ok(models.some((model) => model.id === CHAT_MODEL));
  assert.ok(models.every((model) => model.object === 'model'));
});

withClient('openai/chat', async (stage) => {
  const { openai } = await setUp(stage);
  const answer = await openai.chat.completions.create({ model: CHAT_MODEL, messages: QUESTION });

  assert.equal(answer.object, 'chat.completion');
  assert.equal(answer.choices[0].finish_reason, 'stop');
  assert.ok(answer.choices[0].message.content.length > 0);
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
});

withClient('openai/chat/stream-with-usage', async (stage) => {
  const { openai } = await setUp(stage);
  const chunks = await collect(await openai.chat.completions.create({
    model: CHAT_MODEL, messages: QUESTION, stream: true, stream_options: { include_usage: true },
  }));
  const content = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');

  assert.ok(chunks.length > 3 && content.length > 0);
  assert.equal(chunks.at(-2).choices[0].finish_reason, 'stop');
  assert.deepEqual(chunks.at(-1).choices, []);
  assert.ok(chunks.at(-1).usage.completion_tokens > 0);
});

withClient('openai/chat/stream-helper', async (stage) => {
  const { openai } = await setUp(stage);
  const stream = openai.chat.completions.stream({ model: CHAT_MODEL, messages: QUESTION });
  let content = '';

  stream.on('content', (delta) => {
    content += delta;
  });
  const answer = await stream.finalChatCompletion();
  assert.equal(answer.choices[0].message.content, content);
});

withClient('openai/chat/same-text-with-and-without-streaming', async (stage) => {
  const { simulator, openai } = await setUp(stage);
  const request = { model: CHAT_MODEL, messages: [{ role: 'user', content: 'Grüße aus 日本 🧛' }] };

  await simulator.configure({ deterministic: true });
  const whole = await openai.chat.completions.create(request);
  const chunks = await collect(await openai.chat.completions.create({ ...request, stream: true }));
  assert.equal(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join(''), whole.choices[0].message.content);
});

const TOOLS = [{
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather of a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
}];

withClient('openai/tools', async (stage) => {
  const { openai } = await setUp(stage);
  const messages = [{ role: 'user', content: 'What is the weather in Zürich?' }];
  const request = { model: CHAT_MODEL, messages, tools: TOOLS, tool_choice: 'required' };
  const answer = await openai.chat.completions.create(request);
  const [call] = answer.choices[0].message.tool_calls;

  assert.equal(answer.choices[0].finish_reason, 'tool_calls');
  assert.equal(call.function.name, 'get_weather');
  assert.equal(typeof JSON.parse(call.function.arguments).city, 'string');

  const next = await openai.chat.completions.create({
    model: CHAT_MODEL, tools: TOOLS,
    messages: [...messages, answer.choices[0].message, { role: 'tool', tool_call_id: call.id, content: 'Fog, 7 °C' }],
  });
  assert.equal(next.choices[0].finish_reason, 'stop');
  assert.ok(next.choices[0].message.content.length > 0);
});

withClient('openai/tools/stream', async (stage) => {
  const { openai } = await setUp(stage);
  const answer = await openai.chat.completions.stream({
    model: CHAT_MODEL, messages: QUESTION, tools: TOOLS, tool_choice: 'required',
  }).finalChatCompletion();
  const [call] = answer.choices[0].message.tool_calls;

  assert.equal(call.function.name, 'get_weather');
  assert.equal(typeof JSON.parse(call.function.arguments).city, 'string');
});

withClient('openai/embeddings', async (stage) => {
  const { openai } = await setUp(stage);
  const request = { model: EMBEDDING_MODEL, input: ['one', 'two'] };
  const floats = await openai.embeddings.create({ ...request, encoding_format: 'float' });
  const decoded = await openai.embeddings.create(request); // the client asks for base64 and decodes it

  for (const answer of [floats, decoded]) {
    assert.deepEqual(answer.data.map((item) => item.index), [0, 1]);
    assert.ok(answer.data.every((item) => item.embedding.length > 0 && item.embedding.every(Number.isFinite)));
  }
  assert.notDeepEqual(floats.data[0].embedding, floats.data[1].embedding);
});

withClient('openai/responses', async (stage) => {
  const { openai } = await setUp(stage);
  const answer = await openai.responses.create({ model: CHAT_MODEL, input: 'Say hello.' });

  assert.equal(answer.status, 'completed');
  assert.ok(answer.output_text.length > 0);
  const next = await openai.responses.create({ model: CHAT_MODEL, input: 'Again.', previous_response_id: answer.id });
  assert.equal(next.previous_response_id, answer.id);
});

withClient('openai/responses/stream', async (stage) => {
  const { openai } = await setUp(stage);
  const events = await collect(await openai.responses.create({ model: CHAT_MODEL, input: 'Say hello.', stream: true }));
  const deltas = events.filter((event) => event.type === 'response.output_text.delta');

  assert.equal(events[0].type, 'response.created');
  assert.equal(events.at(-1).type, 'response.completed');
  const [content] = events.at(-1).response.output.find((item) => item.type === 'message').content;
  assert.equal(content.text, deltas.map((event) => event.delta).join(''));
});

/* -- Leaving ------------------------------------------------------------------------------- */

withClient('openai/abort/in-a-stream-frees-the-model', async (stage) => {
  const { simulator, gateway, openai } = await setUp(stage);

  await simulator.configure({ stall_after_tokens: 3, answer_tokens: 50 });
  const stream = await openai.chat.completions.create({ model: CHAT_MODEL, messages: QUESTION, stream: true });
  for await (const chunk of stream) {
    if (chunk.choices[0].delta.content && !stream.controller.signal.aborted) {
      assert.equal((await gateway.status()).active_requests, 1);
      stream.controller.abort();
    }
  }
  await simulator.waitForCount('aborted_generations', 1);
  assert.equal((await gateway.status()).active_requests, 0);
});

withClient('openai/abort/breaking-out-of-the-loop-frees-the-model', async (stage) => {
  const { simulator, openai } = await setUp(stage);

  await simulator.configure({ stall_after_tokens: 3, answer_tokens: 50 });
  const stream = await openai.chat.completions.create({ model: CHAT_MODEL, messages: QUESTION, stream: true });
  for await (const chunk of stream) {
    if (chunk.choices[0].delta.content)
      break;
  }
  await simulator.waitForCount('aborted_generations', 1);
});

withClient('openai/abort/while-waiting-frees-the-model', async (stage) => {
  const { simulator, gateway, openai } = await setUp(stage);
  const abort = new AbortController();

  await simulator.configure({ stall_after_tokens: 0 });
  const answer = openai.chat.completions.create({ model: CHAT_MODEL, messages: QUESTION }, { signal: abort.signal });
  await simulator.waitForCount('stalled_generations', 1);
  abort.abort();
  await assert.rejects(answer, OpenAI.APIUserAbortError);
  await simulator.waitForCount('aborted_generations', 1);
  assert.equal((await gateway.status()).active_requests, 0);
});

/* -- Failures ------------------------------------------------------------------------------ */

withClient('openai/errors/nobody-there-is-an-api-error-that-says-so', async (stage) => {
  const gateway = await stage.gateway({ node: { url: `http://127.0.0.1:${await deadPort()}` } });

  await assert.rejects(client(gateway).models.list(), (error) => {
    assert.ok(error instanceof OpenAI.InternalServerError);
    assert.equal(error.status, 502);
    assert.equal(error.code, 'upstream_unavailable');
    assert.equal(error.type, 'vampire_upstream_error');
    assert.match(error.message, /LM Studio.*cannot be reached/);
    return true;
  });
});

withClient('openai/errors/stream-that-breaks-off-is-an-api-error', async (stage) => {
  const node = await stage.node(async (request, wire) => {
    await wire.write(http.STREAM_HEAD, http.chunk('data: {"choices":[{"delta":{"content":"Hi"}}]}\n\ndata: {"cho'));
    await wire.reset();
  });
  const gateway = await stage.gateway({ node });
  const seen = [];

  await assert.rejects(async () => {
    for await (const chunk of await client(gateway).chat.completions.create({ model: 'm', messages: [], stream: true }))
      seen.push(chunk.choices[0].delta.content);
  }, (error) => {
    assert.ok(error instanceof OpenAI.APIError);
    assert.equal(error.code, 'upstream_stream_interrupted');
    assert.match(error.message, /broke off/);
    return true;
  });
  assert.deepEqual(seen, ['Hi']);
});

withClient('openai/errors/of-the-node-pass', async (stage) => {
  const { openai } = await setUp(stage);

  await assert.rejects(openai.chat.completions.create({ model: 'no/such-model', messages: QUESTION }), (error) => {
    assert.ok(error instanceof OpenAI.APIError);
    assert.ok(error.status >= 400 && error.status < 500, String(error.status));
    return true;
  });
});

withClient('openai/errors/too-large-is-an-api-error', async (stage) => {
  const { openai } = await setUp(stage, { args: ['--max-body-mb', '1'] });
  const messages = [{ role: 'user', content: 'x'.repeat(8 * 1024 ** 2) }];

  await assert.rejects(openai.chat.completions.create({ model: CHAT_MODEL, messages }), (error) => {
    assert.ok(error instanceof OpenAI.APIError);
    assert.equal(error.status, 413);
    assert.equal(error.code, 'body_too_large');
    return true;
  });
});

withClient('openai/token/right-one-is-taken-and-goes-no-further', async (stage) => {
  const { simulator, gateway } = await setUp(stage, { env: { VAMPIRE_AUTH_TOKEN: 'right' } });
  const openai = client(gateway, { apiKey: 'right' });
  const answer = await openai.chat.completions.create({ model: CHAT_MODEL, messages: QUESTION });

  assert.ok(answer.choices[0].message.content.length > 0);
  assert.doesNotMatch(JSON.stringify(await simulator.stats()), /right|authorization/i);
});

withClient('openai/token/wrong-one-is-an-authentication-error', async (stage) => {
  const { gateway } = await setUp(stage, { env: { VAMPIRE_AUTH_TOKEN: 'right' } });

  await assert.rejects(client(gateway, { apiKey: 'wrong' }).models.list(), (error) => {
    assert.ok(error instanceof OpenAI.AuthenticationError);
    assert.equal(error.code, 'missing_or_invalid_token');
    return true;
  });
});

withClient('openai/vision-of-50-mb', async (stage) => {
  const node = await stage.node((request, wire) => {
    const { messages } = JSON.parse(request.body);

    wire.write(http.json({ choices: [{ message: { content: String(messages[0].content[0].image_url.url.length) } }] }));
  });
  const gateway = await stage.gateway({ node });
  const url = `data:image/png;base64,${'A'.repeat(50 * 1024 ** 2)}`;
  const messages = [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }];
  const answer = await client(gateway).chat.completions.create({ model: 'm', messages });

  assert.equal(answer.choices[0].message.content, String(url.length));
});
