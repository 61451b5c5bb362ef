/* SPDX-License-Identifier: MIT
 *
 * One end of a TCP connection, byte for byte. Clients and scripted nodes of the tests speak through this, since
 * an HTTP library would send only what is well formed and hide what came.
 */

import net from 'node:net';
import { performance } from 'node:perf_hooks';

/* The connection ended before what was waited for had come. */
export class Torn extends Error {
  constructor(wanted, received, how) {
    super(`the connection ended (${how}) while waiting for ${wanted}, after ${received} bytes of it`);
    this.name = 'Torn';
    this.how = how;
  }
}

export class Wire {
  #socket;
  #chunks = [];
  #waiting = null;
  #over = null;

  /* @paused: read nothing before resume() */
  constructor(socket, { paused = false } = {}) {
    this.#socket = socket;
    this.received = 0;
    this.sent = 0;
    socket.setNoDelay(true);
    if (paused)
      socket.pause();
    socket.on('data', (chunk) => {
      this.received += chunk.length;
      this.#chunks.push(chunk);
      this.#wake();
    });
    socket.on('end', () => this.#finish('fin'));
    socket.on('error', (error) => this.#finish(error.code === 'ECONNRESET' ? 'reset' : error.code));
    /* Resolves when the connection is gone, to how ('fin', 'reset', …) and when (ms). */
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#finish('closed here');
        resolve({ how: this.#over, at: performance.now() });
      });
    });
  }

  /* @from: the address to connect from; any of 127.0.0.0/8 will do */
  static async connect(port, host = '127.0.0.1', { from, ...options } = {}) {
    const socket = net.connect({ port, host, localAddress: from });
    const wire = new Wire(socket, options);

    await new Promise((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return wire;
  }

  #finish(how) {
    this.#over ??= how;
    this.#wake();
  }

  #wake() {
    const waiting = this.#waiting;

    this.#waiting = null;
    waiting?.();
  }

  async #more(wanted) {
    if (this.#over)
      throw new Torn(wanted, this.buffered, this.#over);
    await new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /* All that has come and was not taken, as one buffer that stays. */
  #peek() {
    if (this.#chunks.length > 1)
      this.#chunks = [Buffer.concat(this.#chunks)];
    return this.#chunks[0] ?? Buffer.alloc(0);
  }

  #drop(n) {
    const rest = this.#peek().subarray(n);

    this.#chunks = rest.length > 0 ? [rest] : [];
  }

  get buffered() {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  /* How it ended, or null. */
  get over() {
    return this.#over;
  }

  get localPort() {
    return this.#socket.localPort;
  }

  /* Exactly @n bytes. */
  async take(n, wanted = `${n} bytes`) {
    while (this.buffered < n)
      await this.#more(wanted);

    const taken = this.#peek().subarray(0, n);
    this.#drop(n);
    return taken;
  }

  /* Everything up to and including @delimiter. */
  async takeThrough(delimiter, wanted = JSON.stringify(delimiter)) {
    let at;

    while ((at = this.#peek().indexOf(delimiter)) < 0)
      await this.#more(wanted);
    return this.take(at + delimiter.length);
  }

  /* What there is, at least one byte; null once the connection has ended. */
  async takeSome() {
    while (this.#chunks.length === 0) {
      if (this.#over)
        return null;
      await this.#more('anything');
    }

    const taken = this.#peek();
    this.#chunks = [];
    return taken;
  }

  /* Puts back what was taken. */
  unread(data) {
    this.#chunks.unshift(data);
  }

  /* Everything to the end of the connection, however it ends. */
  async takeAll() {
    const parts = [];
    let part;

    while ((part = await this.takeSome()) !== null)
      parts.push(part);
    return Buffer.concat(parts);
  }

  /* Writes all parts (strings as UTF-8) at once. Resolves when the kernel has taken them. May be left alone: a
   * failure shows in @closed, too. */
  write(...parts) {
    const data = parts.length === 1 ? Buffer.from(parts[0]) : Buffer.concat(parts.map((part) => Buffer.from(part)));
    const written = new Promise((resolve, reject) => {
      this.#socket.write(data, (error) => {
        if (error) {
          reject(error);
        } else {
          this.sent += data.length;
          resolve();
        }
      });
    });

    written.catch(() => {});
    return written;
  }

  /* Stops reading until resume(): the window closes, and then the sender has to wait. */
  pause() {
    this.#socket.pause();
  }

  resume() {
    this.#socket.resume();
  }

  /* Ends with a FIN after what was written. */
  end() {
    this.#socket.end();
    return this.closed;
  }

  /* Leaves as a program does that is killed: a FIN, or a reset if something is unread. */
  destroy() {
    this.#socket.destroy();
    return this.closed;
  }

  /* Ends with a RST. */
  reset() {
    this.#socket.resetAndDestroy();
    return this.closed;
  }
}
