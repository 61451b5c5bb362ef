/* SPDX-License-Identifier: MIT
 *
 * Several scripted nodes behind one gateway, and what became of the requests at each.
 */

import * as http from './http.mjs';
import { completion, card } from './nodes.mjs';

/* With this field nodes are asked in the order in which they came to the gateway. */
export const IN_ORDER = ['X-Vampire-Strategy', 'fallback_chain'];

const list = (models) =>
  http.answer(200, [['Content-Type', 'application/json'], ['Connection', 'close']],
              JSON.stringify({ object: 'list', data: models.map((id) => card(id)) }));

/**
 * A node of the gateway that has these models and answers prompts by @respond, with its id, and its prompts so far.
 * Its lists end their connections, so that each prompt comes on a fresh one: that a kept connection breaks is nobody's
 * failure.
 */
export async function join(stage, gateway, id, models, respond = (request, wire) => wire.write(completion(id))) {
  const node = await stage.node((request, wire) => {
    if (request.method !== 'GET')
      return respond(request, wire);
    wire.write(request.target === '/v1/models' ? list(models) : http.answer(404, [['Connection', 'close']]));
    return wire.end();
  });

  await gateway.call('POST', '/nodes', { id, base_url: node.url });
  return Object.defineProperty(Object.assign(node, { id }), 'prompts', {
    get: () => node.requests.filter(({ method }) => method === 'POST'),
  });
}

export const getNode = (gateway, id) => gateway.call('GET', `/nodes/${id}`);

/* Requests at each node now, by its id. */
export const activeAt = async (gateway, ...nodes) =>
  Promise.all(nodes.map(async ({ id }) => (await getNode(gateway, id)).active_requests));

/* A stream of events that ends as it should. */
export const stream = (...events) =>
  Buffer.concat([Buffer.from(http.STREAM_HEAD), ...events.map((event) => http.chunk(event)),
                 Buffer.from(http.LAST_CHUNK)]);

/* The same that goes on: its head, and these events. */
export const streamSoFar = (...events) =>
  Buffer.concat([Buffer.from(http.STREAM_HEAD), ...events.map((event) => http.chunk(event))]);

/* An event of a chat that says @content. */
export const delta = (content, more = {}) => `data: ${JSON.stringify({
  id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'm',
  choices: [{ index: 0, delta: { content }, finish_reason: null }], ...more,
})}\n\n`;

export const DONE = 'data: [DONE]\n\n';
