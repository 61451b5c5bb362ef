/* SPDX-License-Identifier: MIT
 *
 * A gateway that is killed while its owner changes things and clients ask it: what it said it had done is done when it
 * starts again, and what it had not got to is done as a whole or not at all. VAMPIRE_TEST_KILLS says how often it is
 * killed, VAMPIRE_TEST_SEED which changes are made.
 */

import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';

import { bearer } from './lib/guests.mjs';
import * as http from './lib/http.mjs';
import { serves } from './lib/nodes.mjs';
import { behaviour } from './lib/stage.mjs';
import { elapsed } from './lib/time.mjs';
import { Torn } from './lib/wire.mjs';

const KILLS = Number(process.env.VAMPIRE_TEST_KILLS ?? 200);
const SEED = Number(process.env.VAMPIRE_TEST_SEED ?? Date.now() % 1_000_000);
const OWNERS = 6;
const CLIENTS = 3;

/* It is killed so many milliseconds after the changes have begun. */
const LIFE_MS = [5, 150];

/* Numbers that look random and are the same for the same seed (mulberry32). */
function random(seed) {
  let state = seed;

  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n) => Math.floor(next() * n);
  return { below, pick: (list) => list[below(list.length)], between: ([low, high]) => low + below(high - low + 1) };
}

/* What is to be there: by the name of a thing, what it is (undefined: not there), and what it will be if the change
 * that was under way at the end was still made. */
class Ledger {
  #things = new Map();
  acknowledged = 0;

  get(name) {
    return this.#things.get(name)?.is;
  }

  begin(name, will) {
    this.#things.set(name, { ...this.#things.get(name), will, changing: true });
  }

  end(name) {
    this.#things.set(name, { is: this.#things.get(name).will });
    this.acknowledged++;
  }

  names(prefix) {
    return [...this.#things.keys()].filter((name) => name.startsWith(prefix) && this.get(name) !== undefined);
  }

  /* Compares with what there is, a Map, and takes that over where it was open. */
  check(actual) {
    for (const name of new Set([...this.#things.keys(), ...actual.keys()])) {
      const { is, will, changing } = this.#things.get(name) ?? {};
      const found = actual.get(name);

      if (!changing || !isDeepStrictEqual(found, will))
        assert.deepEqual(found, is, `${name}${changing ? `, or ${JSON.stringify(will)}` : ''}`);
      this.#things.set(name, { is: found });
    }
  }
}

/* -- What can be changed ------------------------------------------------------------------- */

const nodeOf = ({ name, tags, trusted, approval, status, token }) => ({
  name, tags, trusted, approval, token: token.state !== 'not_needed',
  parked: /^(draining|disabled|maintenance)$/.test(status) ? status : null,
});
const routeOf = ({ virtual_model: model, strategy, targets }) => ({ model, strategy, targets });
const shareOf = ({ mode, enabled, model }) => ({ mode, enabled, model });

/* One who changes things over a connection of its own, one after the other, until that ends. */
class Owner {
  #wire;
  #count = 0;

  constructor(number, ledger, numbers, secrets) {
    Object.assign(this, { number, ledger, numbers, secrets });
  }

  async #call(name, will, method, target, document) {
    const body = document === undefined ? undefined : JSON.stringify(document);

    this.ledger.begin(name, will);
    this.#wire.write(http.request(method, `/vampire/v1${target}`, { body }));
    const answer = await http.readAnswer(this.#wire, { method });
    assert.equal(answer.status, 200, `${method} ${target}: ${answer.text()}`);
    this.ledger.end(name);
    return answer.json();
  }

  async #changeNode() {
    const { ledger, numbers } = this;
    const id = `${this.number}-${numbers.below(8)}`;
    const name = `node ${id}`;
    const is = ledger.get(name);
    const label = `Node ${this.#count++}`;

    if (is === undefined) {
      const will = { name: label, tags: ['a', label], trusted: numbers.below(2) === 0, approval: 'approved',
                     parked: null, token: false };
      const base = `http://127.${64 + this.number}.1.${10 + Number(id.split('-')[1])}:9`;
      return this.#call(name, will, 'POST', '/nodes', {
        id, base_url: base, name: label, tags: will.tags, trusted: will.trusted,
      });
    }

    switch (numbers.below(6)) {
      case 0:
        return this.#call(name, undefined, 'DELETE', `/nodes/${id}`);
      case 1:
        return this.#call(name, { ...is, approval: 'blocked' }, 'POST', `/nodes/${id}/block`);
      case 2:
        return this.#call(name, { ...is, approval: 'approved' }, 'POST', `/nodes/${id}/approve`);
      case 3: {
        const parked = numbers.pick(['draining', 'disabled', 'maintenance']);
        return this.#call(name, { ...is, parked }, 'PATCH', `/nodes/${id}`, { status: parked });
      }
      case 4:
        if (is.token)
          return this.#call(name, { ...is, token: false }, 'DELETE', `/nodes/${id}/token`);
        return this.#call(name, { ...is, token: true }, 'PUT', `/nodes/${id}/token`, { token: `token-${id}` });
      default:
        return this.#call(name, { ...is, name: label, tags: [label] }, 'PATCH', `/nodes/${id}`,
                          { name: label, tags: [label] });
    }
  }

  async #changeKey() {
    const keys = this.ledger.names(`key ${this.number}-`);

    if (keys.length > 4 || (keys.length > 1 && this.numbers.below(2) === 0)) {
      const name = this.numbers.pick(keys);
      return this.#call(name, undefined, 'DELETE', `/keys/${this.secrets.get(name).id}`);
    }
    const label = `${this.number}-${this.#count++}-${this.numbers.below(1e9)}`;
    return this.secrets.set(`key ${label}`, await this.#call(`key ${label}`, true, 'POST', '/keys', { name: label }));
  }

  #changeRoute() {
    const id = `${this.number}-${this.numbers.below(5)}`;
    const will = { model: `virtual ${id}`, strategy: this.numbers.pick(['round_robin', 'least_busy', 'trusted_only']),
                   targets: [{ node: `n${this.#count++}`, model: 'm' }] };

    if (this.ledger.get(`route ${id}`) !== undefined && this.numbers.below(3) === 0)
      return this.#call(`route ${id}`, undefined, 'DELETE', `/routes/${id}`);
    return this.#call(`route ${id}`, will, 'POST', '/routes', {
      id, virtual_model: will.model, strategy: will.strategy, targets: will.targets,
    });
  }

  #changeShare() {
    const mode = this.numbers.pick(['off', 'local', 'personal', 'family', 'event']);
    const enabled = mode !== 'off';
    const model = enabled && mode !== 'local' ? `model ${this.#count++}` : null;

    return this.#call('share', { mode, enabled, model }, 'POST', '/share', { mode, enabled, model });
  }

  async work(gateway) {
    this.#wire = await gateway.connect();
    try {
      for (;;) {
        const what = this.numbers.below(10);

        /* There is one share mode, so one of them sees to that. */
        if (what === 9 && this.number === 0)
          await this.#changeShare();
        else if (what >= 7)
          await this.#changeRoute();
        else if (what >= 5)
          await this.#changeKey();
        else
          await this.#changeNode();
      }
    } catch (error) {
      if (!(error instanceof Torn))
        throw error;
    }
  }
}

/* Asks a model again and again, until the gateway is gone. */
async function ask(gateway) {
  const wire = await gateway.connect();
  const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'x'.repeat(2000) }] });

  try {
    for (;;) {
      wire.write(http.request('POST', '/v1/chat/completions', { body }));
      await http.readAnswer(wire);
    }
  } catch (error) {
    if (!(error instanceof Torn))
      throw error;
  }
}

/* -- What there is ------------------------------------------------------------------------- */

/* As the ledger has it. */
async function look(gateway) {
  const read = async (target) => (await gateway.call('GET', target)).data;
  const all = new Map([['share', shareOf(await gateway.call('GET', '/share'))]]);

  for (const node of await read('/nodes')) {
    if (!node.is_default)
      all.set(`node ${node.id}`, nodeOf(node));
  }
  for (const route of await read('/routes'))
    all.set(`route ${route.id}`, routeOf(route));
  for (const key of await read('/keys'))
    all.set(`key ${key.name}`, true);
  return all;
}

/* Each key that is there lets its owner in. One whose making was not acknowledged was shown to nobody. */
async function useKeys(gateway, ledger, secrets) {
  const known = ledger.names('key ').filter((name) => secrets.has(name));
  const wire = await gateway.connect();

  for (const name of known) {
    wire.write(http.request('GET', '/health', { fields: bearer(secrets.get(name).key) }));
    assert.equal((await http.readAnswer(wire)).status, 200);
  }
  await wire.destroy();
  const { data } = await gateway.call('GET', '/keys');
  for (const { name, requests } of data)
    assert.equal(requests, known.includes(`key ${name}`) ? 1 : 0, name);

  /* The others cannot be revoked by their owners, who do not know them. */
  for (const { id, name } of data.filter((key) => !secrets.has(`key ${key.name}`))) {
    ledger.begin(`key ${name}`, undefined);
    await gateway.call('DELETE', `/keys/${id}`);
    ledger.end(`key ${name}`);
  }
}

behaviour(`durability/${KILLS}-kills-under-load`, async (stage) => {
  const node = await stage.node(serves(['m']));
  const home = stage.home();
  const numbers = random(SEED);
  const ledger = new Ledger();
  const secrets = new Map();
  const owners = Array.from({ length: OWNERS }, (_, i) => new Owner(i, ledger, random(SEED + 1 + i), secrets));
  let round = 0;

  ledger.begin('share', { mode: 'off', enabled: false, model: null });
  ledger.end('share');
  try {
    for (; round <= KILLS; round++) {
      const gateway = await stage.gateway({ node, home, env: { VAMPIRE_SHARE_ADDRESS: '127.0.0.2' } });
      const { store } = await gateway.status();

      await gateway.waitFor(/tokens are kept in/); /* they are read while it serves already */
      assert.deepEqual(store, { trouble: null, set_aside: null });
      ledger.check(await look(gateway));
      await useKeys(gateway, ledger, secrets);
      if (round === KILLS)
        break;
      gateway.expectedEnd = { code: null, signal: 'SIGKILL' };
      const clients = Array.from({ length: CLIENTS }, () => ask(gateway));
      const busy = [...owners.map((owner) => owner.work(gateway)), ...clients];
      await Promise.race([elapsed(numbers.between(LIFE_MS)), ...busy]);
      await gateway.kill();
      await Promise.all(busy);
    }
  } catch (error) {
    error.message = `round ${round} of seed ${SEED}, ${ledger.acknowledged} changes: ${error.message}`;
    throw error;
  }
  assert.ok(ledger.acknowledged > 5 * KILLS, `${ledger.acknowledged} changes in ${KILLS} rounds`);
}, { timeout: 30_000 + 2_000 * KILLS });
