/* SPDX-License-Identifier: MIT
 *
 * A scripted node: a bare TCP server that gives each connection to a function of the test, which answers whatever
 * it wants, or not at all.
 */

import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';
import { Worker } from 'node:worker_threads';

import * as http from './http.mjs';
import { Torn, Wire } from './wire.mjs';

export class Upstream {
  #server;
  #closing = false;

  /**
   * @script: what becomes of a connection: an async function of (wire, number from 1)
   * @identity: { key, cert } as PEM, for https
   */
  static async listen(script, { host = '127.0.0.1', port = 0, identity } = {}) {
    const upstream = new Upstream();
    const serve = identity ? (take) => tls.createServer(identity, take) : (take) => net.createServer(take);

    upstream.wires = [];
    upstream.requests = [];
    upstream.failures = [];
    upstream.#server = serve((socket) => {
      const wire = new Wire(socket);

      upstream.wires.push(wire);
      script(wire, upstream.wires.length).catch((error) => {
        if (!upstream.#closing)
          upstream.failures.push(error);
        wire.destroy();
      });
    });
    upstream.#server.listen(port, host);
    await once(upstream.#server, 'listening');
    upstream.port = upstream.#server.address().port;
    upstream.url = `${identity ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${upstream.port}`;
    return upstream;
  }

  /**
   * A node that speaks HTTP: @respond gets (request, wire), answers on the wire, and the next request follows.
   * The request has its @connection, numbered from 1, and its number on that connection as @nth.
   */
  static async serve(respond, options) {
    const upstream = await Upstream.listen(async (wire, connection) => {
      let request;

      try {
        for (let nth = 1; (request = await http.readRequest(wire)) !== null; nth++) {
          Object.assign(request, { connection, nth });
          upstream.requests.push(request);
          await respond(request, wire);
        }
      } catch (error) {
        if (!(error instanceof Torn)) // half a request is one that was given up
          throw error;
      }
    }, options);

    return upstream;
  }

  /* From now on it is another one that answers, with another certificate. */
  become(identity) {
    this.#server.setSecureContext(identity);
    this.hangUp();
  }

  /* Ends all connections. */
  hangUp() {
    for (const wire of this.wires)
      wire.destroy();
  }

  /* Connections that are open. */
  get open() {
    return this.wires.filter((wire) => !wire.over).length;
  }

  /* Ends everything. Throws what a script threw. */
  async close() {
    this.#closing = true;
    this.hangUp();
    this.#server.close();
    await once(this.#server, 'close');
    if (this.failures.length > 0)
      throw this.failures[0];
  }
}

/* A node that listens and never accepts, with its queue full: whoever connects gets no answer at all. */
export class DeafNode {
  #worker;
  #callers = [];

  static async listen() {
    const node = new DeafNode();
    const wake = new Int32Array(new SharedArrayBuffer(4));

    node.#worker = new Worker(`
      const { parentPort, workerData } = require('node:worker_threads');
      const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
        parentPort.postMessage(server.address().port);
        Atomics.wait(workerData, 0, 0);
      });`, { eval: true, workerData: wake });
    node.wake = wake;
    [node.port] = await once(node.#worker, 'message');
    node.url = `http://127.0.0.1:${node.port}`;
    /* The kernel completes as many as fit in the queue; of one more than that it takes no notice. */
    for (let i = 0; i < 2; i++)
      node.#callers.push(await Wire.connect(node.port));
    return node;
  }

  async close() {
    for (const caller of this.#callers)
      caller.destroy();
    await this.#worker.terminate();
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
