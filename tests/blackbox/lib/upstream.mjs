/* SPDX-License-Identifier: MIT
 *
 * A scripted node: a bare TCP server that gives each connection to a function of the test, which answers whatever
 * it wants, or not at all.
 */

import { once } from 'node:events';
import net from 'node:net';

import * as http from './http.mjs';
import { Wire } from './wire.mjs';

export class Upstream {
  #server;
  #closing = false;

  /**
   * @script: what becomes of a connection: an async function of (wire, number from 1)
   */
  static async listen(script, { host = '127.0.0.1' } = {}) {
    const upstream = new Upstream();

    upstream.wires = [];
    upstream.requests = [];
    upstream.failures = [];
    upstream.#server = net.createServer((socket) => {
      const wire = new Wire(socket);

      upstream.wires.push(wire);
      script(wire, upstream.wires.length).catch((error) => {
        if (!upstream.#closing)
          upstream.failures.push(error);
        wire.destroy();
      });
    });
    upstream.#server.listen(0, host);
    await once(upstream.#server, 'listening');
    upstream.port = upstream.#server.address().port;
    upstream.url = `http://${host.includes(':') ? `[${host}]` : host}:${upstream.port}`;
    return upstream;
  }

  /**
   * A node that speaks HTTP: @respond gets (request, wire), answers on the wire, and the next request follows.
   * The request has its @connection, numbered from 1, and its number on that connection as @nth.
   */
  static async serve(respond, options) {
    const upstream = await Upstream.listen(async (wire, connection) => {
      let request;

      for (let nth = 1; (request = await http.readRequest(wire)) !== null; nth++) {
        Object.assign(request, { connection, nth });
        upstream.requests.push(request);
        await respond(request, wire);
      }
    }, options);

    return upstream;
  }

  /* Connections that are open. */
  get open() {
    return this.wires.filter((wire) => !wire.over).length;
  }

  /* Ends everything. Throws what a script threw. */
  async close() {
    this.#closing = true;
    for (const wire of this.wires)
      wire.destroy();
    this.#server.close();
    await once(this.#server, 'close');
    if (this.failures.length > 0)
      throw this.failures[0];
  }
}

/* A port of 127.0.0.1 at which nobody listens. */
export async function deadPort() {
  const server = net.createServer().listen(0, '127.0.0.1');

  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
