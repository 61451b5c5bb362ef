/* SPDX-License-Identifier: MIT
 *
 * HTTP/1.1 on a Wire, written anew so that the tests do not share a reading of the standard with the gateway. It
 * is strict about what it reads, and writes whatever it is told to.
 */

import assert from 'node:assert/strict';

import { Torn } from './wire.mjs';

const CRLF = '\r\n';

/* Bytes as one character each, as heads are read and written. */
const bytes = (text) => (typeof text === 'string' ? Buffer.from(text, 'latin1') : text);

export class Head {
  /* @text: the head with its empty line */
  constructor(text) {
    assert.match(text, /^[^\r\n]+\r\n(?:[^\r\n]+\r\n)*\r\n$/, 'lines end with CR LF, and only they do');
    [this.startLine, ...this.lines] = text.slice(0, -4).split(CRLF);
    this.fields = this.lines.map((line) => {
      const [, name, value] = line.match(/^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/) ?? [];

      assert.notEqual(name, undefined, `a field: ${line}`);
      return [name, value];
    });
  }

  /* All values of a field, in order. */
  all(name) {
    return this.fields.filter(([other]) => other.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
  }

  /* The value of a field that may come once, or undefined. */
  get(name) {
    const values = this.all(name);

    assert.ok(values.length <= 1, `${name} comes once: ${values}`);
    return values[0];
  }

  get isChunked() {
    return this.get('Transfer-Encoding')?.toLowerCase() === 'chunked';
  }

  get length() {
    const length = this.get('Content-Length');

    if (length === undefined)
      return undefined;
    assert.match(length, /^\d+$/);
    assert.equal(this.get('Transfer-Encoding'), undefined, 'a length and a coding');
    return Number(length);
  }
}

export async function readHead(wire, wanted = 'a head') {
  return new Head((await wire.takeThrough('\r\n\r\n', wanted)).toString('latin1'));
}

/* The next chunk's data, or null after the last. */
export async function readChunk(wire) {
  const line = (await wire.takeThrough(CRLF, 'the size of a chunk')).toString('latin1').slice(0, -2);

  assert.match(line, /^[0-9a-f]+$/i, 'the size of a chunk');
  const size = parseInt(line, 16);
  const data = await wire.take(size, 'a chunk');
  assert.equal((await wire.take(2, 'the end of a chunk')).toString(), CRLF);
  return size > 0 ? data : null;
}

/* The body of @head piece by piece, as it comes. Throws Torn if it breaks off. */
export async function* bodyPieces(wire, head, { untilClose = false } = {}) {
  let piece;

  if (head.isChunked) {
    while ((piece = await readChunk(wire)) !== null)
      yield piece;
    return;
  }

  let left = head.length ?? (untilClose ? Infinity : 0);
  while (left > 0) {
    piece = await wire.takeSome();
    if (piece === null) {
      if (left === Infinity && wire.over === 'fin')
        return;
      throw new Torn('the rest of a body', 0, wire.over);
    }
    if (piece.length > left) {
      wire.unread(piece.subarray(left));
      piece = piece.subarray(0, left);
    }
    left -= piece.length;
    yield piece;
  }
}

/* A request as a node sees it, or null when the client leaves instead of sending one. */
export async function readRequest(wire) {
  const first = await wire.takeSome();

  if (first === null)
    return null;
  wire.unread(first);

  const head = await readHead(wire, 'the head of a request');
  const [method, target, version] = head.startLine.split(' ');
  const pieces = [];

  assert.equal(version, 'HTTP/1.1');
  for await (const piece of bodyPieces(wire, head))
    pieces.push(piece);
  return { head, method, target, body: Buffer.concat(pieces) };
}

/* The head of an answer. Interim answers before it are kept in its @interim. */
export async function readAnswerHead(wire) {
  const interim = [];

  for (;;) {
    const head = await readHead(wire, 'the head of an answer');
    const [, status, reason] = head.startLine.match(/^HTTP\/1\.1 (\d{3}) (.*)$/) ?? [];

    assert.notEqual(status, undefined, `a status line: ${head.startLine}`);
    head.status = Number(status);
    head.reason = reason;
    if (head.status >= 200)
      return Object.assign(head, { interim });
    interim.push(head);
  }
}

/**
 * A whole answer.
 * @method: of the request; one to HEAD has no body
 * @torn: the body may break off; whether it did is then in the answer's @torn
 */
export async function readAnswer(wire, { method = 'GET', torn = false } = {}) {
  const head = await readAnswerHead(wire);
  const answer = { head, status: head.status, torn: false };
  const pieces = [];

  if (method !== 'HEAD' && head.status !== 204 && head.status !== 304) {
    try {
      for await (const piece of bodyPieces(wire, head, { untilClose: true }))
        pieces.push(piece);
    } catch (error) {
      if (!torn || !(error instanceof Torn))
        throw error;
      answer.torn = true;
    }
  }
  answer.body = Buffer.concat(pieces);
  answer.text = () => answer.body.toString('utf8');
  answer.json = () => JSON.parse(answer.text());
  return answer;
}

/* -- Writing ------------------------------------------------------------------------------- */

const lines = (fields) => fields.map(([name, value]) => `${name}: ${value}${CRLF}`).join('');

/* A request's bytes. A body gets a Content-Length unless @fields frame it. */
export function request(method, target, { fields = [], body, host = 'localhost', version = '1.1' } = {}) {
  const all = host === null ? [...fields] : [['Host', host], ...fields];

  if (body !== undefined && !fields.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name)))
    all.push(['Content-Length', String(Buffer.byteLength(bytes(body)))]);
  return Buffer.concat([
    Buffer.from(`${method} ${target} HTTP/${version}${CRLF}${lines(all)}${CRLF}`, 'latin1'),
    bytes(body ?? ''),
  ]);
}

/* A whole answer's bytes, with a Content-Length unless @fields frame it. */
export function answer(status, fields = [], body = '', reason = 'Whatever') {
  const all = [...fields];

  if (!fields.some(([name]) => /^(content-length|transfer-encoding)$/i.test(name)) && status !== 204 && status !== 304)
    all.push(['Content-Length', String(Buffer.byteLength(body))]);
  return Buffer.concat([
    Buffer.from(`HTTP/1.1 ${status} ${reason}${CRLF}${lines(all)}${CRLF}`, 'latin1'),
    Buffer.from(body),
  ]);
}

export const json = (value, status = 200) =>
  answer(status, [['Content-Type', 'application/json']], JSON.stringify(value), 'OK');

export const STREAM_HEAD =
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n';

export const LAST_CHUNK = '0\r\n\r\n';

export function chunk(data) {
  const buffer = Buffer.from(data);

  return Buffer.concat([Buffer.from(`${buffer.length.toString(16)}${CRLF}`), buffer, Buffer.from(CRLF)]);
}
