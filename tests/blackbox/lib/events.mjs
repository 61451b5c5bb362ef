/* SPDX-License-Identifier: MIT
 *
 * A follower of the gateway's event stream: what a test waits for happens when the gateway says so.
 */

import assert from 'node:assert/strict';

import * as http from './http.mjs';
import { parseEvents } from './sse.mjs';

export class Follower {
  #wire;
  #rest = '';
  #events = [];
  #over = false;
  text = ''; /* all that was read */

  /**
   * Resolves when the gateway tells it everything from then on.
   * @after: the id of the last event that was seen; what has happened since comes first then
   */
  static async follow(gateway, { fields = [], after, target = '/vampire/v1/events' } = {}) {
    const follower = new Follower();
    const all = after === undefined ? fields : [...fields, ['Last-Event-ID', after]];

    follower.#wire = await gateway.connect();
    follower.#wire.write(http.request('GET', target, { fields: all }));
    const head = await http.readAnswerHead(follower.#wire);
    assert.equal(head.status, 200);
    assert.match(head.get('Content-Type'), /^text\/event-stream\b/);
    await follower.#read();
    return follower;
  }

  /* Takes what the gateway says next. */
  async #read() {
    const chunk = await http.readChunk(this.#wire);

    if (chunk === null) {
      assert.equal(this.#rest, '', 'the stream ends with a whole event');
      this.#over = true;
      return;
    }
    this.text += chunk;
    this.#rest += chunk;
    const end = this.#rest.lastIndexOf('\n\n') + 2;
    if (end === 1)
      return;
    this.#events.push(...parseEvents(Buffer.from(this.#rest.slice(0, end))));
    this.#rest = this.#rest.slice(end);
  }

  /* The next event as { id, event, data } with the data parsed; null when the gateway has ended the stream. */
  async take() {
    while (this.#events.length === 0 && !this.#over)
      await this.#read();

    const event = this.#events.shift();
    return event === undefined ? null : { ...event, data: JSON.parse(event.data) };
  }

  /* The next event of that name whose data @matches. Those before it are gone by. */
  async next(name, matches = () => true) {
    for (;;) {
      const event = await this.take();

      assert.notEqual(event, null, 'the stream goes on');
      if (event.event === name && matches(event.data))
        return event;
    }
  }

  /* Takes what comes until the gateway ends the stream. */
  async toEnd() {
    while (await this.take() !== null);
  }

  /* Stops reading, or goes on: a reader that is too slow. */
  pause() {
    this.#wire.pause();
  }

  resume() {
    this.#wire.resume();
  }

  close() {
    return this.#wire.destroy();
  }
}
