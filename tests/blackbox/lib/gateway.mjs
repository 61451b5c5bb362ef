/* SPDX-License-Identifier: MIT
 *
 * The gateway under test, on a free port, with a home of its own, and what a test asks of it.
 */

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

import * as http from './http.mjs';
import { Home, Program } from './program.mjs';
import { Wire } from './wire.mjs';

const BINARY = process.env.VAMPIRE_BIN;

export class Gateway extends Program {
  #control = null;

  /* Left alone, it looks for nodes by itself and asks them how they are; a test that counts connections asks for it. */
  constructor(home, args, env, under = []) {
    const [program, ...words] = [...under, BINARY, ...args];

    super(home, program, words, { VAMPIRE_HEALTH_SECONDS: '0', VAMPIRE_DNS_SD_TYPES: 'none', ...env });
  }

  /**
   * `vampire serve`, listening.
   * @node: what it relays to, anything with a url; none: an address at which nobody listens; null: no flag for it
   * @settings: lines of the settings file
   * @home: of a gateway that has ended, whose state it finds
   * @under: words of a command that becomes the gateway, such as `env`
   */
  static async start({ node, args = [], env = {}, settings, home = new Home(), under } = {}) {
    const url = node?.url ?? 'http://127.0.0.1:1';

    if (settings !== undefined)
      Gateway.writeSettings(home, settings);
    const to = node === null ? [] : ['--default-base-url', url];
    const gateway = new Gateway(home, ['serve', '--port', '0', ...to, ...args], env, under);
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

  /* A call of the control API with a document, and the document it is answered with. */
  async call(method, target, document, { status = 200 } = {}) {
    const body = document === undefined ? undefined : Buffer.from(JSON.stringify(document));
    const answer = await this.ask(method, `/vampire/v1${target}`, { body });

    assert.equal(answer.status, status, `${method} ${target}: ${answer.text()}`);
    return answer.json();
  }

  /* What /vampire/v1/status says. Always on the same connection, so that asking changes no count. */
  async status() {
    this.#control ??= await this.connect();
    this.#control.write(http.request('GET', '/vampire/v1/status'));
    return (await http.readAnswer(this.#control)).json();
  }
}
