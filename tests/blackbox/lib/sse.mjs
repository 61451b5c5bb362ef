/* SPDX-License-Identifier: MIT
 *
 * A reader of server-sent events, written from the standard alone
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html, 9.2.6), to judge streams that came through the
 * gateway. It refuses what a browser would silently drop.
 */

import assert from 'node:assert/strict';

/**
 * @body: a whole stream
 * @whole: whether it must end at the end of an event; otherwise half an event at its end is left out, as the
 *   standard says, and so is half a character
 *
 * Returns the events, each as { event, data, id }. Bytes that are not UTF-8 are an error.
 */
export function parseEvents(body, { whole = true } = {}) {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(body, { stream: !whole });
  const lines = text.split(/\r\n|\n|\r/);
  const events = [];
  let fields = [];

  const rest = lines.pop();
  for (const line of lines) {
    if (line !== '') {
      fields.push(line);
      continue;
    }
    const event = { event: 'message', data: [] };
    for (const field of fields) {
      const [, name, value] = field.match(/^([^:]*)(?:: ?(.*))?$/s);

      if (name === 'data')
        event.data.push(value ?? '');
      else if (name === 'event' || name === 'id')
        event[name] = value ?? '';
    }
    if (event.data.length > 0)
      events.push({ ...event, data: event.data.join('\n') });
    fields = [];
  }
  if (whole)
    assert.deepEqual([...fields, rest].filter((line) => line !== ''), [], 'half an event at the end of a stream');
  return events;
}

/* The data of each event. */
export const parseData = (body, options) => parseEvents(body, options).map((event) => event.data);
