/* SPDX-License-Identifier: MIT
 *
 * The gateway under test, on a free port, with a home of its own, and what a test asks of it.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import * as http from './http.mjs';
import { Home, Program } from './program.mjs';
import { Wire } from './wire.mjs';

const BINARY = process.env.VAMPIRE_BIN;

export class Gateway extends Program {
  #control = null;

  constructor(home, args, env) {
    super(home, BINARY, args, env);
  }

  /**
   * `vampire serve`, listening.
   * @node: what it relays to, anything with a url; none: an address at which nobody listens; null: no flag for it
   * @settings: lines of the settings file
   */
  static async start({ node, args = [], env = {}, settings } = {}) {
    const home = new Home();
    const url = node?.url ?? 'http://127.0.0.1:1';

    if (settings !== undefined)
      Gateway.writeSettings(home, settings);
    const to = node === null ? [] : ['--default-base-url', url];
    const gateway = new Gateway(home, ['serve', '--port', '0', ...to, ...args], env);
    const listening = /^Vampire listening on http:\/\/127\.0\.0\.1:(\d+)\/v1\n/;
    const [, port] = await gateway.ready(listening);

    gateway.port = Number(port);
    gateway.url = `http://127.0.0.1:${port}`;
    return gateway;
  }

  /* Writes the settings file at its default place. Only its owner can read it, for it may hold a token. */
  static writeSettings(home, settings) {
    const folder = path.join(home.path, 'config', 'vampire');

    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'vampire.conf'), `[vampire]\n${settings}\n`, { mode: 0o600 });
  }

  connect(options) {
    return Wire.connect(this.port, '127.0.0.1', options);
  }

  /* One request on a connection of its own, and its answer. Options are those of http.request(). */
  async ask(method, target, options = {}) {
    const wire = await this.connect();

    wire.write(http.request(method, target, options));
    const answer = await http.readAnswer(wire, { method, ...options });
    await wire.destroy();
    return answer;
  }

  /* What /vampire/v1/status says. Always on the same connection, so that asking changes no count. */
  async status() {
    this.#control ??= await this.connect();
    this.#control.write(http.request('GET', '/vampire/v1/status'));
    return (await http.readAnswer(this.#control)).json();
  }
}
