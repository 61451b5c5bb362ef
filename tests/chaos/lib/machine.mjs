/* SPDX-License-Identifier: MIT
 *
 * A computer with a simulated LM Studio, which can be killed, frozen and started again on the same port, and what
 * it could do when.
 */

import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';

import * as http from '../../blackbox/lib/http.mjs';
import { Home, Program } from '../../blackbox/lib/program.mjs';
import { Wire } from '../../blackbox/lib/wire.mjs';

/* Below those that the kernel gives to connections: one of them could have the port while the machine is down. */
const FIRST_PORT = 20_000;
const LAST_PORT = 31_000;

/* What is in a gateway's memory of a node may be that old: it believes a look for a second, and one takes two at
 * most. */
const SEEN_MS = 3000;

const LISTENING = / listening on http:\/\/127\.0\.0\.1:(\d+), control on http:\/\/127\.0\.0\.1:(\d+)\n/;

export class Machine {
  #program = null;
  #home = new Home();
  #controlPort;
  #args;
  #trouble = null; /* what is wrong with it, or null */
  #since = -Infinity; /* ms: since when there is that, or nothing */
  refusedAt = -Infinity; /* ms: since when it refuses connections, or did the last time */
  history = [];

  /* @models: { name: 'loaded' or 'cold' } */
  constructor(id, models, args) {
    this.id = id;
    this.models = models;
    this.#args = args;
    for (const [name, state] of Object.entries(models))
      this.#args.push(`--model=${name}${state === 'loaded' ? ':loaded' : ''}`);
  }

  /* Starts it for the first time, on a port that is its own from then on. */
  async begin(random) {
    for (let tries = 0; tries < 50; tries++) {
      this.port = random.integer(FIRST_PORT, LAST_PORT);
      this.url = `http://127.0.0.1:${this.port}`;
      try {
        await this.start();
        return;
      } catch (error) {
        if (!/in use/.test(error.message))
          throw error;
      }
    }
    throw new Error('no port is free');
  }

  async start() {
    this.#program = new Program(this.#home, process.env.LMSTUDIO_SIM,
                                ['--port', String(this.port), '--control-port', '0', '--log-level=error',
                                 ...this.#args]);
    const [, , control] = await this.#program.waitFor(LISTENING, { stream: 'stdout' });
    this.#controlPort = Number(control);
  }

  /* -- What it could do ---------------------------------------------------------------------- */

  #note(what) {
    this.history.push({ at: performance.now(), what });
  }

  /* From now on it may fail requests. */
  fails(how) {
    this.#trouble = how;
    this.#since = performance.now();
    this.#note(how);
  }

  recovers() {
    this.#note(`${this.#trouble}: over`);
    this.#trouble = null;
    this.#since = performance.now();
  }

  /* From now on it refuses connections. */
  refuses() {
    this.refusedAt = performance.now();
  }

  /* Whether it could answer all the time since @ms, and that was to be seen. */
  wasWellSince(ms) {
    return this.#trouble === null && this.#since <= ms - SEEN_MS;
  }

  /* Whether something happened to it since @ms, or a moment before, that a request may have died of. */
  hadTroubleSince(ms) {
    return !this.wasWellSince(ms);
  }

  /* -- What is done to it -------------------------------------------------------------------- */

  async #ask(port, method, target, document) {
    const wire = await Wire.connect(port);

    try {
      wire.write(http.request(method, target, { body: document && JSON.stringify(document) }));
      const answer = await http.readAnswer(wire);
      assert.equal(answer.status, 200, answer.text());
      return answer.json();
    } finally {
      wire.destroy();
    }
  }

  configure(knobs) {
    return this.#ask(this.#controlPort, 'POST', '/sim/v1/config', knobs);
  }

  drop(by) {
    return this.#ask(this.#controlPort, 'POST', '/sim/v1/drop', { connections: 'all', by });
  }

  stats() {
    return this.#ask(this.#controlPort, 'GET', '/sim/v1/stats');
  }

  /* Resolves when nobody is at it any more. */
  async idle() {
    for (const counter of ['active_requests', 'active_generations', 'queued_generations', 'loading'])
      await this.#ask(this.#controlPort, 'GET', `/sim/v1/wait?counter=${counter}&at_most=0`);
  }

  /* As its owner does it, in LM Studio's own window. */
  async unloadAll() {
    const { models } = await this.#ask(this.port, 'GET', '/api/v1/models');

    for (const { id } of models.flatMap((model) => model.loaded_instances))
      await this.#ask(this.port, 'POST', '/api/v1/models/unload', { instance_id: id }).catch(() => {});
  }

  freeze() {
    this.#program.signal('SIGSTOP');
  }

  thaw() {
    this.#program.signal('SIGCONT');
  }

  kill() {
    return this.#program.kill();
  }

  async stop() {
    this.#program.signal('SIGTERM');
    await this.#program.ended;
  }

  async remove() {
    await this.#program?.kill();
    this.#home.remove();
  }
}
