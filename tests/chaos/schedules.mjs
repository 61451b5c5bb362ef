/* SPDX-License-Identifier: MIT
 *
 * Cold loads without harm, by chance: clients come and leave at random while simulated LM Studios load whatever a
 * request names, each time anew when two come at once, and throw out what is answering. Behind the gateway no model may
 * be loaded twice, no answer be killed, no call be lost, and nothing be left counted.
 *
 *   VAMPIRE_BIN=… LMSTUDIO_SIM=… node schedules.mjs [--schedules N] [--seed S] [--first K] [--fleets N]
 *
 * Prints one line of JSON. Ends with 1 when anything went wrong, and says which seed and schedule show it: schedule K
 * of seed S is shown again by --seed S --first K --schedules 1, as far as time allows.
 */

import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

import { Gateway } from '../blackbox/lib/gateway.mjs';
import * as http from '../blackbox/lib/http.mjs';
import { Simulator } from '../blackbox/lib/simulator.mjs';
import { parseData } from '../blackbox/lib/sse.mjs';
import { elapsed } from '../blackbox/lib/time.mjs';
import { Wire } from '../blackbox/lib/wire.mjs';

/* Longer than that no call takes here: it is lost. */
const LOST_MS = 20_000;

/* So long it may take until it is known what became of a load whose client has left. */
const SETTLED_MS = 20_000;

/* Flags of the nodes of a fleet. The third from the end has an older list, the last one does not load by itself. */
const FLEETS = [
  [[]],
  [[], []],
  [[], [], []],
  [[], ['--version=0.3.30']],
  [['--version=0.3.30']],
  [[], ['--no-jit']],
];

/* A time before the first call. */
const BEFORE = -1;

const MODELS = ['acme/ant', 'acme/bee', 'acme/cat', 'acme/dog'];
const COUNTERS = ['loads', 'duplicate_loads', 'killed_generations', 'evictions', 'finished_generations'];

/* Numbers that come again with the same seed (mulberry32). */
class Numbers {
  #state;

  constructor(...seeds) {
    this.#state = seeds.reduce((state, seed) => Math.imul(state ^ seed, 0x9e3779b1) ^ (state >>> 15), 0x2545f491);
  }

  /* From 0 to under 1. */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /* A whole number, both ends included. */
  from(low, high) {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(p) {
    return this.next() < p;
  }

  pick(...things) {
    return things[this.from(0, things.length - 1)];
  }
}

/* -- What happens in a schedule ------------------------------------------------------------ */

function makeSchedule(seed, number, nodes) {
  const numbers = new Numbers(seed, number);
  const models = MODELS.slice(0, numbers.from(1, MODELS.length));
  const spread = numbers.pick(0, 0, 5, 20, 40);
  const calls = Array.from({ length: numbers.from(1, 12) }, (_, i) => ({
    model: numbers.pick(...models),
    text: Array.from({ length: numbers.from(1, 12) }, (__, word) => `w${word}`).concat(`${number}x${i}`).join(' '),
    isStream: numbers.chance(0.6),
    at: numbers.from(0, spread),
    leavesAfter: numbers.chance(0.12) ? numbers.from(0, 40) : null,
    leavesBy: numbers.pick('destroy', 'reset'),
  }));

  return {
    number, calls,
    knobs: nodes.map(() => ({
      load_ms: numbers.from(1, 30), parallel: numbers.from(1, 4), ttft_ms: numbers.pick(0, 0, 1, 5),
      tokens_per_second: numbers.pick(0, 0, 3000, 1000), auto_evict: numbers.chance(0.8),
    })),
    /* What the owner does before it, and while it goes on. */
    owner: [...nodes.map((node) => ({ at: BEFORE, does: 'unload', node, p: 0.4 })),
            ...['load', 'unload'].map((does) => ({
              at: numbers.from(0, 40), does, node: numbers.pick(...nodes), p: 0.05,
            }))]
      .filter(({ p }) => numbers.chance(p)).map((deed) => ({ ...deed, model: numbers.pick(...models) })),
  };
}

/* -- Calls --------------------------------------------------------------------------------- */

function textOf(answer, isStream) {
  if (!isStream)
    return answer.json().choices[0].message.content;

  const data = parseData(answer.body);
  assert.equal(data.pop(), '[DONE]', 'a stream ends as it should');
  const choices = data.map((text) => JSON.parse(text)).flatMap((event) => event.choices);
  assert.equal(choices.filter(({ finish_reason: reason }) => reason === 'stop').length, 1, 'it says that it is whole');
  return choices.map(({ delta }) => delta.content ?? '').join('');
}

/* 'answered' or 'left'. Throws what was wrong. */
async function makeCall(gateway, { model, text, isStream, at, leavesAfter, leavesBy }) {
  let hasLeft = false;
  let timer;

  await elapsed(at);
  const wire = await gateway.connect();
  try {
    wire.write(http.request('POST', '/v1/chat/completions', { body: JSON.stringify({
      model, stream: isStream, messages: [{ role: 'user', content: `Say "${text}".` }],
    }) }));
    if (leavesAfter !== null) {
      timer = setTimeout(() => {
        hasLeft = true;
        wire[leavesBy]();
      }, leavesAfter);
    }
    const answer = await http.readAnswer(wire);
    clearTimeout(timer);
    assert.equal(answer.status, 200, answer.text());
    assert.equal(textOf(answer, isStream), text);
    return 'answered';
  } catch (error) {
    if (hasLeft)
      return 'left';
    throw error;
  } finally {
    clearTimeout(timer);
    await wire.destroy();
  }
}

/* -- A fleet ------------------------------------------------------------------------------- */

class Fleet {
  #control;
  #before;
  #lessons; /* calls that nodes may still fail, since the gateway does not know yet that they have to be told to load */
  nodes = [];

  static async start(flags) {
    const fleet = new Fleet();

    for (const more of flags) {
      fleet.nodes.push(await Simulator.start({
        args: ['--fast', '--no-record', '--no-finish-prompt', '--log-level=error',
               ...MODELS.map((model) => `--model=${model}`), ...more],
      }));
    }
    fleet.gateway = await Gateway.start({ node: fleet.nodes[0] });
    for (const [i, { url }] of fleet.nodes.entries())
      await fleet.gateway.call('POST', '/nodes', { id: `n${i}`, base_url: url });
    fleet.#control = await fleet.gateway.connect();
    fleet.#lessons = flags.flat().filter((flag) => flag === '--no-jit').length;
    fleet.#before = await fleet.#count();
    return fleet;
  }

  async stop() {
    for (const program of [this.gateway, ...this.nodes]) {
      await program.stop();
      program.home.remove();
    }
  }

  async #metrics() {
    this.#control.write(http.request('GET', '/vampire/v1/metrics'));
    return (await http.readAnswer(this.#control)).json();
  }

  async #count() {
    const all = await Promise.all(this.nodes.map((node) => node.stats()));
    const { cluster } = await this.#metrics();

    return { ...Object.fromEntries(COUNTERS.map((name) => [name, all.reduce((sum, stats) => sum + stats[name], 0)])),
             retries: cluster.retries };
  }

  async #owner({ does, node, model, at }) {
    const body = JSON.stringify({ model, node: `n${this.nodes.indexOf(node)}` });

    if (at !== BEFORE)
      await elapsed(at);
    const { status } = await this.gateway.ask('POST', `/vampire/v1/models/${does}`, { body });
    assert.ok(status < 500 || status === 502, `${does}: ${status}`);
  }

  /* What is still counted when nobody is there any more, as a text; '' for nothing. */
  async #left(withLoads) {
    const { cluster, models, nodes } = await this.#metrics();
    const { active_requests: active, queue_depth: queued, loads_in_flight: loads } = cluster;
    const figures = [active, queued, ...models.flatMap((model) => [model.active_requests, model.queued]),
                     ...nodes.flatMap((node) => [node.active_requests, node.queue_depth])];

    return figures.every((figure) => figure === 0) && !(withLoads && loads > 0)
      ? '' : JSON.stringify({ cluster, models, nodes });
  }

  /* The gateway learns that a client has left when it reads from its connection, which may come after this question. */
  async #leavesNothing(forMs, withLoads = false) {
    const end = performance.now() + forMs;
    let left;

    while ((left = await this.#left(withLoads)) !== '') {
      assert.ok(performance.now() < end, `left behind: ${left}`);
      await elapsed(1);
    }
  }

  /* Adds what came of a schedule to the totals. Throws what was wrong. */
  async play({ calls, knobs, owner }, totals) {
    await Promise.all(this.nodes.map((node, i) => node.configure(knobs[i])));
    await Promise.all(owner.filter(({ at }) => at === BEFORE).map((deed) => this.#owner(deed)));

    let timer;
    const lost = new Promise((_, reject) => {
      timer = setTimeout(async () => reject(new Error(`a call was lost: ${await this.#left(true)}`)), LOST_MS);
    });
    const ends = await Promise.race([lost, Promise.all([
      ...calls.map((call) => makeCall(this.gateway, call)),
      ...owner.filter(({ at }) => at !== BEFORE).map((deed) => this.#owner(deed)),
    ])]).finally(() => clearTimeout(timer));
    await this.#leavesNothing(5000);

    const now = await this.#count();
    const added = Object.fromEntries(Object.keys(now).map((name) => [name, now[name] - this.#before[name]]));
    this.#before = now;
    for (const end of ends.filter((end) => end !== undefined))
      totals[end]++;
    for (const name of Object.keys(added))
      totals[name] += added[name];
    totals.calls += calls.length;
    assert.equal(added.duplicate_loads, 0, 'a model was loaded twice');
    /* A node may learn of the next request before it learns that a client has left: then it throws out an answer that
     * nobody waits for. */
    assert.ok(added.killed_generations <= ends.filter((end) => end === 'left').length, 'an answer was killed');
    this.#lessons -= added.retries;
    assert.ok(this.#lessons >= 0, 'a node failed a call');
  }

  settle() {
    return this.#leavesNothing(SETTLED_MS, true);
  }
}

/* -- All of them --------------------------------------------------------------------------- */

/* Resolves to the totals, with what was wrong as @violations. */
export async function playSchedules({ schedules, seed, first = 0, fleets = FLEETS.length }) {
  const began = performance.now();
  const totals = { seed, schedules: 0, calls: 0, answered: 0, left: 0,
                   ...Object.fromEntries(COUNTERS.map((name) => [name, 0])), retries: 0, violations: [] };

  /* A schedule always meets the same fleet, whatever the others do meanwhile. */
  await Promise.all(Array.from({ length: Math.min(fleets, schedules) }, async (_, i) => {
    const fleet = await Fleet.start(FLEETS[((first + i) % fleets) % FLEETS.length]);
    let number = first + i;

    try {
      for (; number < first + schedules; number += fleets) {
        await fleet.play(makeSchedule(seed, number, fleet.nodes), totals);
        totals.schedules++;
      }
      await fleet.settle();
      await fleet.stop();
    } catch (error) {
      totals.violations.push({ seed, schedule: number, message: error.message });
      for (const program of [fleet.gateway, ...fleet.nodes]) {
        await program.kill();
        program.home.remove();
      }
    }
  }));
  totals.seconds = Number(((performance.now() - began) / 1000).toFixed(1));
  return totals;
}

async function main() {
  const { values } = parseArgs({ options: {
    schedules: { type: 'string', default: '10000' }, seed: { type: 'string', default: '1' },
    first: { type: 'string', default: '0' }, fleets: { type: 'string', default: String(FLEETS.length) },
  } });
  const numbers = Object.entries(values).map(([key, text]) => [key, Number(text)]);
  const totals = await playSchedules(Object.fromEntries(numbers));

  console.log(JSON.stringify(totals));
  return totals.violations.length > 0 ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href)
  process.exitCode = await main();
