/* SPDX-License-Identifier: MIT
 *
 * Simulated LM Studios behind one gateway, with the models that a test needs, requests to them, and what the answers
 * say of the way they came about.
 */

import { writeFileSync } from 'node:fs';
import path from 'node:path';

import * as http from './http.mjs';

export const CHAT = '/v1/chat/completions';
export const EMBEDDINGS = '/v1/embeddings';

/* One that has these models: 'key', 'key:loaded', or all that is said of one. @args: its flags */
export function studio(stage, models, ...args) {
  const file = path.join(stage.home().path, 'models.json');
  const entries = models.map((model) => {
    if (typeof model !== 'string')
      return model;
    const [key, loaded] = model.split(':');
    return { key, loaded: loaded === 'loaded' };
  });

  writeFileSync(file, JSON.stringify(entries));
  return stage.simulator({ args: ['--fast', `--models=${file}`, ...args] });
}

/* Several, by their names: { a: ['key:loaded'], b: … } */
export async function studios(stage, models, ...args) {
  const nodes = Object.entries(models).map(async ([name, list]) => [name, await studio(stage, list, ...args)]);

  return Object.fromEntries(await Promise.all(nodes));
}

/* A gateway whose nodes are the @nodes by their names, and no other. @more: of a node by its name, such as its tags */
export async function gatewayOf(stage, nodes, { more = {}, ...options } = {}) {
  const gateway = await stage.gateway({ node: Object.values(nodes)[0], ...options });

  for (const [id, { url }] of Object.entries(nodes))
    await gateway.call('POST', '/nodes', { id, base_url: url, ...more[id] });
  return gateway;
}

/* The body of a chat. */
export const chatOf = (model, { content = 'Say "hello".', ...more } = {}) =>
  JSON.stringify({ model, messages: [{ role: 'user', content }], ...more });

/* A chat with a model. @fields: of the request, as an object; the rest becomes members of its body */
export const say = (gateway, model, { fields = {}, ...more } = {}) =>
  gateway.ask('POST', CHAT, { body: Buffer.from(chatOf(model, more)), fields: Object.entries(fields) });

/* A text to be embedded. */
export const embed = (gateway, model) =>
  gateway.ask('POST', EMBEDDINGS, { body: JSON.stringify({ model, input: 'hello' }) });

/* What an answer's head says of the way it came about. */
export const wayOf = ({ head }) =>
  Object.fromEntries(['Route', 'Strategy', 'Node', 'Model'].map((name) => [name.toLowerCase(),
                                                                          head.get(`X-Vampire-${name}`)]));

export const errorOf = (answer) => [answer.status, answer.json().error.code];

/* How many prompts each of the nodes got. */
export const asked = (nodes, target = CHAT) =>
  Promise.all(Object.values(nodes).map(async (node) => (await node.stats()).requests_by_path[`POST ${target}`] ?? 0));

/* Begins an answer that its node, which is told to stall, holds. Resolves to its connection when that has begun, with
 * the answer's head. */
export async function hold(stage, gateway, model, { fields = {}, content = 'count to 9' } = {}) {
  const wire = await stage.client(gateway);

  wire.write(http.request('POST', CHAT, { body: chatOf(model, { stream: true, content }),
                                          fields: Object.entries(fields) }));
  const head = await http.readAnswerHead(wire);
  if (head.status !== 200)
    throw new Error(`${head.startLine} instead of a stream`);
  await http.readChunk(wire);
  return Object.assign(wire, { head });
}
