/* SPDX-License-Identifier: MIT
 *
 * A behaviour of the gateway as one test, and the stage it is shown on: programs, nodes and connections that are
 * cleared away afterwards in the order that is right, with a look at how they ended.
 */

import test from 'node:test';

import { Follower } from './events.mjs';
import { Gateway } from './gateway.mjs';
import { Home } from './program.mjs';
import { Simulator } from './simulator.mjs';
import { DeafNode, Upstream } from './upstream.mjs';

const DEFAULT_TIMEOUT_MS = 30_000;

class Stage {
  #things = [];
  #test;

  constructor(test) {
    this.#test = test;
  }

  /* Calls @clear when the test is over, with whether it went well. The last one that came is the first to go. */
  defer(clear) {
    this.#things.push(clear);
  }

  /* Puts a figure into the report. */
  note(text) {
    this.#test.diagnostic(text);
  }

  async clear(well) {
    const failures = [];
    let clear;

    while ((clear = this.#things.pop()) !== undefined) {
      try {
        await clear(well);
      } catch (error) {
        failures.push(error);
      }
    }
    return failures;
  }

  #keepProgram(program) {
    this.defer(async (well) => {
      try {
        if (well) {
          await program.stop();
        } else {
          await program.kill();
          this.#test.diagnostic(`stderr of ${program.constructor.name}:\n${program.stderr.slice(-8000)}`);
        }
      } finally {
        program.home.remove();
      }
    });
    return program;
  }

  /* A gateway that listens; it must end well after the test. Options: Gateway.start() */
  async gateway(options) {
    return this.#keepProgram(await Gateway.start(options));
  }

  /* A simulated LM Studio. */
  async simulator(options) {
    return this.#keepProgram(await Simulator.start(options));
  }

  /* A directory of its own for a program. */
  home() {
    const home = new Home();

    this.defer(() => home.remove());
    return home;
  }

  /* `vampire` with any words, for what ends by itself or is ended by the test. */
  run(args, { env, home = this.home() } = {}) {
    const program = new Gateway(home, args, env);

    this.defer(() => program.kill());
    return program;
  }

  #keepNode(node) {
    this.defer(() => node.close());
    return node;
  }

  /* A node that answers each request by @respond: Upstream.serve() */
  async node(respond, options) {
    return this.#keepNode(await Upstream.serve(respond, options));
  }

  /* A node that does with each connection what @script says: Upstream.listen() */
  async rawNode(script, options) {
    return this.#keepNode(await Upstream.listen(script, options));
  }

  /* A node at which nobody picks up. */
  async deafNode() {
    return this.#keepNode(await DeafNode.listen());
  }

  /* A follower of the gateway's events. */
  async follower(gateway, options) {
    const follower = await Follower.follow(gateway, options);

    this.defer(() => follower.close());
    return follower;
  }

  /* A connection to the gateway. */
  async client(gateway, options) {
    const wire = await gateway.connect(options);

    this.defer(() => wire.destroy());
    return wire;
  }
}

/**
 * One behaviour, as one test.
 * @name: a path such as 'relay/cancel/while-silent'
 * @body: an async function of the stage
 * @skip: why it cannot be shown here, or false
 */
export function behaviour(name, body, { timeout = DEFAULT_TIMEOUT_MS, skip = false } = {}) {
  test(name, { timeout, skip }, async (t) => {
    const stage = new Stage(t);
    let failure;

    t.signal.addEventListener('abort', () => stage.clear(false));
    try {
      await body(stage);
    } catch (error) {
      failure = error;
    }
    const failures = await stage.clear(failure === undefined);
    failure ??= failures[0];
    if (failure !== undefined) {
      /* Meson would take a line of three dots for the end of what Node.js tells about a failure. */
      failure.message = failure.message.replace(/^( *)\.\.\.$/gm, '$1…');
      throw failure;
    }
  });
}

/* An event that the test itself brings about: a promise with its resolve(). */
export function signal() {
  let resolve;
  const promise = new Promise((done) => {
    resolve = done;
  });

  return Object.assign(promise, { resolve });
}
