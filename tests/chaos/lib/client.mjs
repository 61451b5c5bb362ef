/* SPDX-License-Identifier: MIT
 *
 * A client that asks all sorts of questions, each of which has one right answer, and judges what it gets.
 */

import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';

import * as http from '../../blackbox/lib/http.mjs';
import { parseEvents } from '../../blackbox/lib/sse.mjs';
import { Torn } from '../../blackbox/lib/wire.mjs';

/* Nobody is left without an end for longer than that. */
const STUCK_MS = 60_000;

const WORDS = 'ant bee café dog elf 🦇 fox gnu hen ibis jay köi lynx moth newt öl pig 鳥 ray seal'.split(' ');
const STRATEGIES = ['round_robin', 'least_busy', 'least_latency', 'best_available', 'prefix_affinity', 'residency',
                    'model_affinity', 'highest_tokens_per_second'];
const TARGETS = { chat: '/v1/chat/completions', completion: '/v1/completions', embedding: '/v1/embeddings' };
const REFUSED_FOR_DEADLINE = ['deadline_cannot_be_met', 'no_capacity'];

/* What is wrong with an answer: @what it is a case of. */
class Wrong extends Error {
  constructor(what, message) {
    super(message);
    this.what = what;
  }
}

/* Runs @check; if it throws, the answer is malformed. */
function wellFormed(check) {
  try {
    return check();
  } catch (error) {
    throw new Wrong('malformed', error.message);
  }
}

const contentOf = ({ choices }) => (choices ?? []).map((choice) =>
  choice.delta?.content ?? choice.message?.content ?? choice.text ?? '').join('');
const finishesOf = ({ choices }) => (choices ?? []).map((choice) => choice.finish_reason).filter(Boolean);

export class Client {
  #fleet;
  #random;
  #wire = null;

  /* @fleet: { gateway, ledger, targets, vectors, machines, trace(id) } */
  constructor(fleet, random) {
    this.#fleet = fleet;
    this.#random = random;
  }

  /* -- Questions ----------------------------------------------------------------------------- */

  #makeText(number) {
    const words = [`r${number}`];

    for (let n = this.#random.weighted({ 0: 1, 8: 5, 40: 3, 120: 1 }); n > 0; n--)
      words.push(this.#random.pick(WORDS));
    return words.join(' ');
  }

  #makeQuestion(number) {
    const random = this.#random;
    const { targets, vectors } = this.#fleet;
    const kind = random.weighted({ chat: 70, completion: 15, embedding: 15 });
    const isStream = kind !== 'embedding' && random.chance(0.65);
    const fits = Object.keys(targets).filter((name) => targets[name].isEmbedding === (kind === 'embedding'));
    const model = random.weighted(Object.fromEntries(fits.map((name) => [name, targets[name].weight])));
    const question = { kind, isStream, model, fields: [], patience: 'all', text: this.#makeText(number) };
    const body = { model, temperature: 0 };

    if (kind === 'embedding') {
      question.vector = random.pick([...vectors.keys()]);
      body.input = question.vector;
    } else {
      body.stream = isStream;
    }
    if (kind === 'completion') {
      body.prompt = `say: ${question.text}`;
    } else if (kind === 'chat') {
      body.messages = [{ role: 'user', content: `say: ${question.text}` }];
      if (random.chance(0.2))
        body.messages.unshift({ role: 'system', content: `${random.integer(1, 5)} is your number. `.repeat(60) });
      question.continues = isStream && random.chance(0.2);
      if (question.continues)
        body.vampire = { fallback: { continue: true } };
      else if (random.chance(0.05))
        body.vampire = { response: { include_metadata: true } };
    }
    if (random.chance(0.2))
      question.fields.push(['X-Vampire-Strategy', random.pick(STRATEGIES)]);

    question.patience = random.weighted({ all: 84, 'leaves early': 8, deadline: 8 });
    if (question.patience === 'deadline') {
      question.ms = random.integer(50, 1500);
      question.fields.push(['x-stainless-read-timeout', String(question.ms / 1000)]);
    } else if (question.patience === 'leaves early') {
      question.ms = random.integer(0, 400);
    }
    question.target = TARGETS[kind];
    question.body = Buffer.from(JSON.stringify(body));
    return question;
  }

  /* -- Asking -------------------------------------------------------------------------------- */

  async #connect() {
    if (this.#wire?.over !== null || this.#random.chance(0.3)) {
      this.#wire?.destroy();
      this.#wire = await this.#fleet.gateway.connect();
    }
    return this.#wire;
  }

  /* Sends it, and takes what comes into @reply: { head, pieces, hasBegun, end: 'whole', 'torn' or 'left' }. */
  async #exchange(question, reply) {
    const wire = await this.#connect();
    let left = false;
    const leave = () => {
      left = true;
      wire.destroy();
    };
    const stuck = setTimeout(() => {
      reply.isStuck = true;
      leave();
    }, STUCK_MS);
    const timer = question.ms !== undefined ? setTimeout(() => {
      if (question.patience === 'leaves early' || !reply.hasBegun)
        leave();
    }, question.ms) : undefined;

    try {
      wire.write(http.request('POST', question.target, { body: question.body, fields: question.fields }));
      reply.head = await http.readAnswerHead(wire);
      for await (const piece of http.bodyPieces(wire, reply.head, { untilClose: true })) {
        reply.hasBegun ||= !/^:/.test(piece.toString('latin1'));
        reply.pieces.push(piece);
      }
      reply.end = 'whole';
    } catch (error) {
      if (!(error instanceof Torn))
        throw new Wrong('malformed', error.message);
      reply.end = left ? 'left' : 'torn';
    } finally {
      clearTimeout(stuck);
      clearTimeout(timer);
      if (reply.end !== 'whole' || reply.head.get('Connection') === 'close') {
        wire.destroy();
        this.#wire = null;
      }
    }
  }

  /* -- Judging ------------------------------------------------------------------------------- */

  /* Whether @name is what was asked for, and whoever answered has it. */
  #checkModel(question, reply, name) {
    const { targets, machines } = this.#fleet;
    const node = reply.head.get('X-Vampire-Node');
    const model = name.replace(/:\d+$/, ''); /* of a copy */
    const allowed = targets[question.model].machines(model);
    const machine = machines.find(({ id }) => id === node);

    if (allowed.length === 0)
      throw new Wrong('wrong model', `${name} answered for ${question.model}`);
    if (machine !== undefined && !question.continues && !allowed.includes(machine))
      throw new Wrong('wrong model', `${name} is said to be at ${node}`);
  }

  /* The text so far, and whether an error ended it. */
  #readStream(question, reply) {
    const isWhole = reply.end === 'whole';
    const events = wellFormed(() => parseEvents(Buffer.concat(reply.pieces), { whole: isWhole }));
    const data = events.map((event) => event.data);
    const last = data.at(-1);
    const ids = new Set();
    let text = '';
    let error = null;
    const finishes = [];

    for (const [i, json] of data.entries()) {
      if (json === '[DONE]') {
        if (i !== data.length - 1)
          throw new Wrong('malformed', 'something follows [DONE]');
        continue;
      }
      const event = wellFormed(() => JSON.parse(json));
      if (error !== null)
        throw new Wrong('malformed', `an error is followed by ${json.slice(0, 200)}`);
      if (event.error !== undefined) {
        error = event.error;
        continue;
      }
      if (event.vampire !== undefined && event.choices.length === 0)
        continue; /* the gateway's own, which was asked for */
      ids.add(event.id);
      this.#checkModel(question, reply, event.model);
      text += contentOf(event);
      finishes.push(...finishesOf(event));
    }
    /* LM Studio's own errors end a stream as well, without a further word. */
    if (isWhole && last !== '[DONE]' && error === null)
      throw new Wrong('malformed', `a stream ends with ${last?.slice(0, 200)}`);
    if (ids.size > 1)
      throw new Wrong('malformed', `events of ${ids.size} answers in one stream`);
    if (isWhole && error === null && finishes.join() !== 'stop')
      throw new Wrong('malformed', `it says ${finishes.length} times that it is whole: ${finishes}`);
    return { text, error, hasContent: ids.size > 0 };
  }

  #readDocument(question, reply) {
    const document = wellFormed(() => JSON.parse(Buffer.concat(reply.pieces).toString()));

    if (document.error !== undefined)
      return { text: '', error: document.error, hasContent: false };
    this.#checkModel(question, reply, document.model);
    if (question.kind === 'embedding') {
      if (JSON.stringify(document.data?.[0]?.embedding) !== this.#fleet.vectors.get(question.vector))
        throw new Wrong('wrong text', `another vector than that of ${question.vector}`);
      return { text: question.text, error: null, hasContent: true };
    }
    if (finishesOf(document).join() !== 'stop')
      throw new Wrong('malformed', `it ends with ${finishesOf(document)}`);
    return { text: contentOf(document), error: null, hasContent: true };
  }

  /* Anything but an answer was got. It is right only where nobody could have done better. */
  #judgeFailure(question, began, error, name) {
    const { ledger, targets } = this.#fleet;
    const code = typeof error === 'object' ? error.code : null;
    const able = targets[question.model].machines().filter((machine) => machine.wasWellSince(began));

    if (question.patience === 'deadline' && REFUSED_FOR_DEADLINE.includes(code)) {
      ledger.count('late');
      return;
    }
    ledger.count(name);
    if (able.length > 0)
      throw new Wrong('needless failure', `${able.map(({ id }) => id)} could have answered for ${question.model}: `
                                          + JSON.stringify(error));
  }

  /* Its node died in the middle of the answer. Something must have happened to it. */
  async #judgeBreak(question, began, reply, error) {
    const { ledger, machines, trace } = this.#fleet;
    const { stages } = await trace(reply.head.get('X-Vampire-Request-ID'));
    const asked = stages.map(({ node }) => machines.find(({ id }) => id === node));

    ledger.count('broken');
    if (!asked.some((machine) => machine.hadTroubleSince(began)))
      throw new Wrong('needless failure', `nothing was wrong with ${asked.map(({ id }) => id)}: `
                                          + JSON.stringify(error));
  }

  async #judge(question, began, reply) {
    const { ledger } = this.#fleet;

    if (reply.isStuck)
      throw new Wrong('stuck', `no end after ${STUCK_MS} ms`);
    if (reply.head === undefined) {
      if (reply.end === 'left')
        return ledger.count('left');
      throw new Wrong('malformed', 'the connection ended without an answer');
    }
    wellFormed(() => assert.match(reply.head.get('X-Vampire-Request-ID') ?? '', /^req_/));
    if (reply.end === 'torn')
      throw new Wrong('malformed', `the answer was torn after ${Buffer.concat(reply.pieces).length} bytes`);

    const isEvents = /^text\/event-stream/.test(reply.head.get('Content-Type') ?? '');
    if (reply.end === 'left' && !isEvents)
      return ledger.count('left');
    const { text, error, hasContent } = isEvents ? this.#readStream(question, reply)
      : this.#readDocument(question, reply);
    if (!question.text.startsWith(text) || (error === null && reply.end === 'whole' && text !== question.text))
      throw new Wrong('wrong text', `${JSON.stringify(text)} instead of ${JSON.stringify(question.text)}`);
    if (reply.end === 'left')
      return ledger.count('left');
    if (reply.head.status !== 200 && error === null)
      throw new Wrong('malformed', `status ${reply.head.status} without an error`);
    if (error !== null && hasContent)
      return this.#judgeBreak(question, began, reply, error);
    if (error !== null)
      return this.#judgeFailure(question, began, error, reply.head.status < 500 ? 'refused' : 'failed');
    return ledger.count('whole');
  }

  /* -- All of it ----------------------------------------------------------------------------- */

  /* One question and its answer. */
  async ask(number) {
    const { ledger, machines, trace } = this.#fleet;
    const question = this.#makeQuestion(number);
    const reply = { pieces: [], hasBegun: false };
    const began = performance.now();
    const idOf = () => reply.head?.all('X-Vampire-Request-ID')[0];

    ledger.count('requests');
    try {
      await this.#exchange(question, reply);
      if (reply.end === 'whole')
        ledger.latencies.push(performance.now() - began);
      await this.#judge(question, began, reply);
      /* Whoever came when a node had just begun to refuse may have met that. */
      if (idOf() !== undefined && (question.continues || machines.some(({ refusedAt }) => refusedAt > began - 300)))
        ledger.readTrace(await trace(idOf()), (node, ms) =>
          machines.find(({ id }) => id === node).refusedAt < began + ms);
    } catch (error) {
      const { body, ...asked } = question;
      const details = {
        id: idOf() ?? null, number, message: error.message, asked, status: reply.head?.status ?? null,
        took_ms: Math.round(performance.now() - began), began_ms: began,
        reply: Buffer.concat(reply.pieces).toString().slice(-2000),
      };

      if (!(error instanceof Wrong) && !this.#fleet.gateway.end)
        details.stack = error.stack;
      if (idOf() !== undefined)
        details.trace = await trace(idOf()).catch(({ message }) => message);
      ledger.violate(error.what ?? 'gateway', details);
      this.leave();
    }
  }

  leave() {
    this.#wire?.destroy();
    this.#wire = null;
  }
}
