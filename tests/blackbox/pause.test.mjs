/* SPDX-License-Identifier: MIT
 *
 * The pause: whoever asks a model is refused at once, what runs goes on to its end, what waits does not, and it is so
 * until the owner says otherwise.
 */

import assert from 'node:assert/strict';

import { AT_DOOR, askAsGuest, createKey, share } from './lib/guests.mjs';
import * as http from './lib/http.mjs';
import { chat, serves } from './lib/nodes.mjs';
import { behaviour, signal } from './lib/stage.mjs';
import { CHAT, chatOf, gatewayOf, hold, say, studio } from './lib/studios.mjs';
import { untilQueued } from './lib/waiting.mjs';

const pause = (gateway, paused = true) => gateway.call('POST', '/pause', { paused });

const TO_OWNER = /^Vampire is paused by its owner\. Resume it from the tray or with "vampire resume"\.$/;
const TO_OTHERS = /^Vampire is paused by its owner(?!.*resume)/;

function assertPaused(answer, message = TO_OWNER) {
  assert.equal(answer.status, 503, answer.text());
  assert.equal(answer.head.get('x-should-retry'), 'false');
  const { error } = answer.json();
  assert.equal(error.code, 'paused');
  assert.match(error.message, message);
}

behaviour('pause/requests-are-refused-and-nothing-else', async (stage) => {
  const node = await stage.node(serves(['m']));
  const gateway = await stage.gateway({ node });
  const follower = await stage.follower(gateway);

  assert.equal((await chat(gateway, 'm')).status, 200);
  assert.equal((await gateway.status()).paused, false);
  assert.deepEqual(await pause(gateway), { paused: true, active_requests: 0 });
  assert.deepEqual((await follower.next('status')).data, { paused: true });
  assert.equal((await gateway.status()).paused, true);

  const asked = node.requests.length;
  for (const target of ['/v1/chat/completions', '/v1/completions', '/v1/embeddings', '/v1/responses', '/v1/other'])
    assertPaused(await chat(gateway, 'm', { target }));
  assertPaused(await gateway.ask('GET', '/v1/responses/resp_1'));
  assert.equal(node.requests.length, asked);
  assert.ok((await gateway.ask('GET', '/v1/models')).json().data.some(({ id }) => id === 'm'));
  assert.equal((await gateway.ask('GET', '/v1/models/m')).status, 200);
  await gateway.call('GET', '/nodes');

  assert.deepEqual(await pause(gateway, false), { paused: false, active_requests: 0 });
  assert.deepEqual((await follower.next('status')).data, { paused: false });
  assert.equal((await chat(gateway, 'm')).status, 200);
});

behaviour('pause/others-are-told-no-more-than-they-need', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(serves(['m'])), env: AT_DOOR });

  await share(gateway, 'family');
  const { key } = await createKey(gateway);
  const ask = () => askAsGuest(gateway, 'POST', CHAT, { key, body: chatOf('m') });

  assert.equal((await ask()).status, 200);
  await pause(gateway);
  assertPaused(await ask(), TO_OTHERS);
  assert.equal((await askAsGuest(gateway, 'GET', '/v1/models', { key })).status, 200);
  assert.equal((await askAsGuest(gateway, 'POST', '/vampire/v1/pause', { key, body: '{"paused":false}' })).status, 403);
  assert.equal((await gateway.status()).paused, true);
});

behaviour('pause/a-running-answer-goes-on-to-its-end', async (stage) => {
  const proceed = signal();
  const node = await stage.node(serves(['m'], async (request, wire) => {
    await wire.write(http.STREAM_HEAD, http.chunk('data: 1\n\n'));
    await proceed;
    wire.write(http.chunk('data: [DONE]\n\n'), http.LAST_CHUNK);
  }));
  const gateway = await stage.gateway({ node });
  const client = await stage.client(gateway);

  client.write(http.request('POST', CHAT, { body: chatOf('m', { stream: true }) }));
  await http.readAnswerHead(client);
  await http.readChunk(client);
  assert.deepEqual(await pause(gateway), { paused: true, active_requests: 1 });
  proceed.resolve();
  assert.equal(String(await http.readChunk(client)), 'data: [DONE]\n\n');
  assert.equal(await http.readChunk(client), null);
  assertPaused(await chat(gateway, 'm'));
});

behaviour('pause/those-that-wait-are-refused', async (stage) => {
  const node = await studio(stage, ['m:loaded'], '--parallel=1', '--stall-after-tokens=1');
  const gateway = await gatewayOf(stage, { a: node });
  const held = await hold(stage, gateway, 'm');
  const waiting = [say(gateway, 'm'), say(gateway, 'm')];

  await untilQueued(gateway, 2);
  await pause(gateway);
  for (const answer of await Promise.all(waiting))
    assertPaused(answer);
  assert.equal((await gateway.status()).active_requests, 1);
  await held.destroy();
});

behaviour('pause/it-lasts-over-a-restart', async (stage) => {
  const node = await stage.node(serves(['m']));
  const first = await stage.gateway({ node });

  await pause(first);
  await first.stop();
  const second = await stage.gateway({ node, home: first.home });
  assert.match(second.stderr, /Vampire is paused, as its owner left it/);
  assertPaused(await chat(second, 'm'));
  await pause(second, false);
  await second.stop();
  const third = await stage.gateway({ node, home: first.home });
  assert.equal((await third.status()).paused, false);
  assert.equal((await chat(third, 'm')).status, 200);
});

behaviour('pause/the-command-line-has-it-too', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(serves(['m'])) });
  const vampire = async (verb) => {
    const program = stage.run([verb, '--gateway', gateway.url, '--json'], { home: gateway.home });

    assert.deepEqual(await program.ended, { code: 0, signal: null });
    return JSON.parse(program.stdout);
  };

  assert.equal((await vampire('pause')).paused, true);
  assertPaused(await chat(gateway, 'm'));
  assert.equal((await vampire('status')).paused, true);
  assert.equal((await vampire('resume')).paused, false);
  assert.equal((await chat(gateway, 'm')).status, 200);
});

behaviour('pause/a-page-cannot-do-it', async (stage) => {
  const gateway = await stage.gateway({ node: await stage.node(serves(['m'])) });
  const answer = await gateway.ask('POST', '/vampire/v1/pause', {
    body: '{"paused":true}', fields: [['Origin', 'http://evil.example']],
  });

  assert.equal(answer.status, 403);
  assert.equal((await gateway.status()).paused, false);
});
