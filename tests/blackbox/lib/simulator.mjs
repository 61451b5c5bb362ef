/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, the simulated LM Studio of this repository, as a node: started on a free port, with its knobs and
 * counters at hand.
 */

import assert from 'node:assert/strict';

import * as http from './http.mjs';
import { Home, Program } from './program.mjs';
import { Wire } from './wire.mjs';

export class Simulator extends Program {
  /* @args: its flags, see lmstudio-sim --help */
  static async start({ args = ['--fast'] } = {}) {
    const simulator = new Simulator(new Home(), process.env.LMSTUDIO_SIM, ['--port', '0', ...args]);
    const [, port] = await simulator.ready(/ listening on http:\/\/127\.0\.0\.1:(\d+)\n/);

    simulator.port = Number(port);
    simulator.url = `http://127.0.0.1:${port}`;
    return simulator;
  }

  async #ask(method, target, body) {
    const wire = await Wire.connect(this.port);

    wire.write(http.request(method, target, { body: body && JSON.stringify(body) }));
    const answer = await http.readAnswer(wire);
    await wire.destroy();
    assert.equal(answer.status, 200, answer.text());
    return answer.json();
  }

  /* Turns knobs, such as { ttft_ms: 20 }. */
  configure(knobs) {
    return this.#ask('POST', '/sim/v1/config', knobs);
  }

  /* Resolves when a counter has come to @n. */
  waitForCount(counter, n) {
    return this.#ask('GET', `/sim/v1/wait?counter=${counter}&at_least=${n}`);
  }

  /* What it counted, and its last requests. */
  stats() {
    return this.#ask('GET', '/sim/v1/stats');
  }
}
