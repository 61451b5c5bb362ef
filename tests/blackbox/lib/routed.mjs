/* SPDX-License-Identifier: MIT
 *
 * What the gateway itself says of an answer: the fields that tell how it came about, and whether a client should try
 * again. All other fields are then left to be compared as they are.
 */

import assert from 'node:assert/strict';

const PREFIX = /^x-vampire-/i;

/* A scripted node or a simulated one that a gateway was started with. */
const DEFAULT_NODE = /^node-127-0-0-1-\d+$/;

/**
 * Looks at the fields of @head that tell how an answer came about, each of which comes once and in its order, and
 * returns the others.
 * @node, @model: that were asked for it; null: the field must not be there
 */
export function otherFields(head, { route = 'default:', strategy = 'residency', node = DEFAULT_NODE,
                                    model = null } = {}) {
  const own = head.fields.filter(([name]) => PREFIX.test(name));
  const expected = { Route: route, Strategy: strategy, Node: node, Model: model, 'Request-ID': /^req_[0-9a-z]{24}$/ };
  const wanted = Object.entries(expected).filter(([, value]) => value !== null);

  assert.deepEqual(own.map(([name]) => name), wanted.map(([name]) => `X-Vampire-${name}`));
  for (const [i, [name, value]] of wanted.entries()) {
    if (value instanceof RegExp)
      assert.match(own[i][1], value, name);
    else
      assert.equal(own[i][1], value, name);
  }
  return head.fields.filter(([name]) => !PREFIX.test(name));
}

/* What an error's head advises its client: whether the same again may do better, and after how many seconds. */
export const adviceOf = (head) => ({
  retry: head.get('x-should-retry') ?? null, after: head.get('Retry-After') ?? null,
});

/* The virtual models that are listed where chatting models are, one of them on this computer or in its network. */
export const VIRTUAL = ['vampire:auto', 'vampire:balanced', 'vampire:best', 'vampire:code', 'vampire:fast',
                        'vampire:large-context', 'vampire:private'];

/* The same where another gateway is all that there is. */
export const VIRTUAL_AFAR = VIRTUAL.filter((id) => id !== 'vampire:private');
