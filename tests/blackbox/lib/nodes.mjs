/* SPDX-License-Identifier: MIT
 *
 * What scripted nodes answer: a list of models, and prompts.
 */

import * as http from './http.mjs';

export const card = (id, more = {}) => ({ id, object: 'model', created: 1, owned_by: 'somebody', ...more });

/* The answer of an OpenAI-compatible server that has these models: ids, or whole entries of its list. */
export const modelList = (models) =>
  http.json({ object: 'list', data: models.map((model) => (typeof model === 'string' ? card(model) : model)) });

export const completion = (content) => http.json({ object: 'chat.completion', choices: [{ message: { content } }] });

/* A responder that lists @models as such a server does, and answers every other question by @respond. */
export const serves = (models, respond = (request, wire) => wire.write(completion('ok'))) => (request, wire) => {
  if (request.target === '/v1/models')
    return wire.write(modelList(models));
  if (request.method === 'GET')
    return wire.write(http.answer(404));
  return respond(request, wire);
};

/* A prompt for a model. Options are those of http.request(). */
export const chat = (gateway, model, { content = 'hello', target = '/v1/chat/completions', stream, ...options } = {}) =>
  gateway.ask('POST', target, {
    body: Buffer.from(JSON.stringify({ model, stream, messages: [{ role: 'user', content }] })), ...options,
  });
