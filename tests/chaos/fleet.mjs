/* SPDX-License-Identifier: MIT
 *
 * Computers that crash, hang, slow down, break off, answer nonsense and start again, by a random plan, behind one
 * gateway, and many clients that must not notice more of it than what cannot be helped. README.md says what is
 * promised.
 *
 *   VAMPIRE_BIN=… LMSTUDIO_SIM=… node fleet.mjs [--minutes N | --seconds N] [--seed S] [--clients N] [--nodes N]
 *                                               [--log FOLDER]
 *
 * Prints one line of JSON. Ends with 1 when a promise was broken, and then leaves the gateway's log in the folder.
 */

import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';

import { IN_ORDER } from '../blackbox/lib/fleet.mjs';
import { Gateway } from '../blackbox/lib/gateway.mjs';
import * as http from '../blackbox/lib/http.mjs';
import { elapsed } from '../blackbox/lib/time.mjs';
import { Client } from './lib/client.mjs';
import { Ledger } from './lib/ledger.mjs';
import { Machine } from './lib/machine.mjs';
import { Random } from './lib/random.mjs';
import { trouble } from './lib/troubles.mjs';

const MAX_GROWTH_BYTES = 20 * 1024 ** 2;
const MAX_FAILOVER_MS = 50;

/* After the last client: so long until the end of a load is known that its client has left, and until kept connections
 * are closed. */
const SETTLED_MS = 25_000;
const CLOSED_MS = 10_000;

const EMBEDDER = 'text-embedding-small';
const TEXTS = Array.from({ length: 12 }, (_, i) => `the text number ${i} of a dozen`);

/* Which model is where: all have one, some have more, some models are rare. */
const PLACES = {
  'everywhere-1b': { weight: 6, at: () => 'loaded' },
  'half-3b': { weight: 4, at: (i) => (i % 2 === 0 ? 'loaded' : null) },
  'few-7b': { weight: 3, at: (i) => (i % 3 === 1 ? 'cold' : null) },
  'pair-13b': { weight: 2, at: (i, n) => (i === 2 ? 'loaded' : i === n - 2 ? 'cold' : null) },
  'rare-8b': { weight: 1, at: (i) => (i === 3 || i === 7 ? 'cold' : null) },
  'lone-30b': { weight: 1, at: (i, n) => (i === n - 1 ? 'loaded' : null) },
  [EMBEDDER]: { weight: 1, at: (i) => (i % 3 === 0 ? 'loaded' : null) },
};

const ROUTE = { id: 'team', virtual_model: 'team', strategy: 'weighted_round_robin' };

/* -- A bystander ---------------------------------------------------------------------------- */

/* How long it takes on this computer at this time until a connection is refused: a busy one lets everybody wait, and
 * that is not the gateway's doing. */
class Bystander {
  #times = null;
  #worker = new Worker(`
    const { parentPort } = require('node:worker_threads');
    const net = require('node:net');
    const { performance } = require('node:perf_hooks');
    const times = [];
    const timer = setInterval(() => {
      const began = performance.now();

      net.connect(1, '127.0.0.1').on('error', () => times.push(performance.now() - began));
    }, 50);

    parentPort.once('message', () => {
      clearInterval(timer);
      parentPort.postMessage(times);
    });`, { eval: true });

  /* All times. */
  async end() {
    if (this.#times === null) {
      this.#worker.postMessage('end');
      [this.#times] = await once(this.#worker, 'message');
      await this.#worker.terminate();
    }
    return this.#times;
  }
}

/* -- A fleet ------------------------------------------------------------------------------- */

export class Fleet {
  #options;
  #control = null; /* of requests that are made one after the other, on one connection */
  #over = false;
  #wakers = new Set();
  machines = [];
  gateway = null;
  ledger = new Ledger();
  vectors = new Map();
  targets = {};

  /**
   * @options: { seed, seconds, nodes, clients,
   *   calmMs: time without trouble of a node, on average, thinkMs: of a client between two questions,
   *   quietFailovers: how often one node refuses after the run, when nothing else happens }
   */
  constructor(options) {
    this.#options = options;
    this.trace = (id) => this.call('GET', `/traces/${id}`);
  }

  /* Lets @ms pass, or less when it is over. Whether it goes on. */
  #rest(ms) {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#wakers.delete(wake);
        resolve(!this.#over);
      };
      const timer = setTimeout(wake, this.#over ? 0 : ms);

      this.#wakers.add(wake);
    });
  }

  #end() {
    this.#over = true;
    for (const wake of [...this.#wakers])
      wake();
  }

  /* A call of the control API. */
  call(method, target, document) {
    const answer = (this.#control ?? Promise.resolve()).then(() => this.gateway.call(method, target, document));

    this.#control = answer.catch(() => {});
    return answer;
  }

  /* -- Before -------------------------------------------------------------------------------- */

  #speedOf(i) {
    return { ttft_ms: 20 + 15 * (i % 4), tokens_per_second: 150 + 50 * (i % 3) };
  }

  async #startMachines() {
    const { nodes, seed } = this.#options;

    await Promise.all(Array.from({ length: nodes }, async (_, i) => {
      const models = Object.entries(PLACES).map(([name, { at }]) => [name, at(i, nodes)]).filter(([, state]) => state);
      const { ttft_ms: ttft, tokens_per_second: speed } = this.#speedOf(i);
      const machine = new Machine(`n${i}`, Object.fromEntries(models), [
        `--ttft-ms=${ttft}`, `--tokens-per-second=${speed}`, '--prompt-ms-per-token=0', `--load-ms=${100 + 30 * i}`,
        `--parallel=${1 + i % 4}`, `--jit-ttl-s=${i % 3 === 1 ? 2 : 3600}`,
        i % 2 === 0 ? '--early-head' : '--no-early-head', i % 4 === 1 ? '--no-auto-evict' : '--auto-evict',
      ]);

      this.machines.push(machine);
      await machine.begin(new Random(seed, 'port', i));
    }));
  }

  /* What may be asked for, and who can answer for it: machines that have @model, or any of those that it may be. */
  #chooseTargets() {
    const have = (...names) => (model) => this.machines.filter(({ models }) =>
      names.some((name) => models[name] !== undefined && (model === undefined || model === name)));
    const chats = Object.keys(PLACES).filter((name) => name !== EMBEDDER);

    for (const [name, { weight }] of Object.entries(PLACES))
      this.targets[name] = { weight, isEmbedding: name === EMBEDDER, machines: have(name) };
    this.targets['vampire:auto'] = { weight: 4, isEmbedding: false, machines: have(...chats) };
    this.targets['vampire:fast'] = { weight: 1, isEmbedding: false, machines: have(...chats) };
    const team = [['n1', 'few-7b'], ['n4', 'few-7b'], ['n0', 'everywhere-1b']]
      .map(([node, model]) => ({ node, model }));
    this.targets.team = {
      weight: 2, isEmbedding: false,
      machines: (model) => this.machines.filter(({ id }) =>
        team.some((target) => target.node === id && (model === undefined || model === target.model))),
    };
    return team;
  }

  async #startGateway() {
    this.gateway = await Gateway.start({
      node: null,
      env: {
        VAMPIRE_HEALTH_SECONDS: '1', VAMPIRE_QUEUE_PATIENCE_SECONDS: '1', VAMPIRE_DEFAULT_BASE_URL: 'http://127.0.0.1:1',
      },
    });
    this.descriptors = this.gateway.descriptors;
    this.bytes = this.gateway.residentBytes;
    for (const { id, url } of this.machines)
      await this.call('POST', '/nodes', { id, base_url: url });
    await this.call('POST', '/routes', { ...ROUTE, targets: this.#chooseTargets() });
  }

  async #learnVectors() {
    for (const text of TEXTS) {
      const answer = await this.gateway.ask('POST', '/v1/embeddings', {
        body: Buffer.from(JSON.stringify({ model: EMBEDDER, input: text })),
      });

      this.vectors.set(text, JSON.stringify(answer.json().data[0].embedding));
    }
  }

  /* -- Meanwhile ----------------------------------------------------------------------------- */

  async #haveTroubles() {
    const { seed, calmMs } = this.#options;
    const { troubles } = this.ledger;

    await Promise.all(this.machines.map(async (machine, i) => {
      await trouble(machine, new Random(seed, machine.id), {
        calmMs, usual: this.#speedOf(i), rest: (ms) => this.#rest(ms),
        happened: (name) => {
          troubles[name] = (troubles[name] ?? 0) + 1;
        },
      });
    }));
  }

  async #haveClients() {
    const { seed, clients, thinkMs } = this.#options;
    let number = 0;

    await Promise.all(Array.from({ length: clients }, async (_, i) => {
      const random = new Random(seed, 'client', i);
      const client = new Client(this, random);

      while (await this.#rest(random.gap(thinkMs)) && !this.gateway.end)
        await client.ask(++number);
      client.leave();
    }));
  }

  async #watch(report) {
    for (let seconds = 10; await this.#rest(10_000); seconds += 10)
      report?.(`${seconds} s: ${JSON.stringify(this.ledger.counts)}, ${this.ledger.violations.length} violations`);
  }

  /* -- After --------------------------------------------------------------------------------- */

  /* What is still counted somewhere, as sentences. */
  async #findLeaks() {
    const { active_requests: active } = await this.call('GET', '/status');
    const { data: nodes } = await this.call('GET', '/nodes');
    const { cluster } = await this.call('GET', '/metrics');

    return [
      [active, 'requests are active'],
      ...nodes.map((node) => [node.active_requests, `requests are counted at ${node.id}`]),
      [cluster.active_requests, 'requests are active, as the metrics have it'],
      [cluster.queue_depth, 'requests wait'],
      [cluster.loads_in_flight, 'loads are under way'],
    ].filter(([n]) => n !== 0).map(([n, what]) => `${n} ${what}`);
  }

  /* Looks until @find finds nothing, for @ms at most. What it found last. */
  async #until(ms, find) {
    const end = performance.now() + ms;
    let found;

    while ((found = await find()).length > 0 && performance.now() < end)
      await elapsed(100);
    return found;
  }

  async #checkLeaks() {
    for (const machine of this.machines) {
      await machine.idle().catch((error) =>
        this.ledger.violate('leak', { message: `${machine.id} is not idle: ${error.message}` }));
    }
    for (const message of await this.#until(SETTLED_MS, () => this.#findLeaks()))
      this.ledger.violate('leak', { message });

    this.growth = this.gateway.residentBytes - this.bytes;
    if (this.growth > MAX_GROWTH_BYTES && !this.gateway.isSanitized)
      this.ledger.violate('leak', { message: `the gateway has grown by ${this.growth} bytes` });
  }

  async #checkDescriptors() {
    /* One is left to be looked at, since old connections are closed when there is something new to do. */
    for (const { id } of this.machines.slice(1))
      await this.call('DELETE', `/nodes/${id}`);
    const open = await this.#until(CLOSED_MS, () =>
      (this.gateway.descriptors > this.descriptors + 2 ? [this.gateway.descriptors] : []));
    if (open.length > 0)
      this.ledger.violate('leak', { message: `${open} descriptors are open, and ${this.descriptors} were before` });
    return this.gateway.descriptors - this.descriptors;
  }

  /* The same with nothing else going on. Returns ms, of each time. */
  async #failOverQuietly() {
    const [first] = this.machines;
    const times = new Ledger();
    const body = Buffer.from(JSON.stringify({
      model: 'everywhere-1b', messages: [{ role: 'user', content: 'say: here' }],
    }));

    for (let i = 0; i < this.#options.quietFailovers; i++) {
      await first.configure({ refuse: 'off' });
      await this.call('POST', `/nodes/${first.id}/refresh`);
      await first.configure({ refuse: 'closed' });
      await first.drop('rst');
      const answer = await this.gateway.ask('POST', '/v1/chat/completions', { fields: [IN_ORDER], body });
      times.readTrace(await this.trace(answer.head.get('X-Vampire-Request-ID')));
    }
    await first.configure({ refuse: 'off' });
    await this.call('POST', `/nodes/${first.id}/refresh`);
    return times.failovers;
  }

  /* @usual: times of a bystander */
  #judgeFailovers(quiet, usual) {
    const p99 = Ledger.percentile(this.ledger.failovers, 99);
    const quietP99 = Ledger.percentile(quiet, 99);
    const usualP99 = Ledger.percentile(usual, 99);
    const tooSlow = [];

    if (quietP99 >= MAX_FAILOVER_MS + usualP99)
      tooSlow.push(`${quietP99} ms with nothing else going on`);
    if (p99 >= MAX_FAILOVER_MS + usualP99)
      tooSlow.push(`${p99} ms in the run`);
    if (tooSlow.length > 0 && !this.gateway.isSanitized)
      this.ledger.violate('slow failover', {
        message: `at the 99th percentile ${tooSlow.join(' and ')}, where any program waited ${usualP99} ms`,
      });
    return {
      quiet_failovers: quiet.length,
      quiet_failover_p50_ms: Ledger.round(Ledger.percentile(quiet, 50)),
      quiet_failover_p99_ms: Ledger.round(quietP99), bystander_p99_ms: Ledger.round(usualP99),
    };
  }

  /* -- All of it ----------------------------------------------------------------------------- */

  /* Returns the totals. @report: is called with a sentence now and then */
  async run(report) {
    const began = performance.now();
    let after = {};
    let bystander;

    try {
      await this.#startMachines();
      await this.#startGateway();
      await this.#learnVectors();
      bystander = new Bystander();
      const end = setTimeout(() => this.#end(), this.#options.seconds * 1000);
      this.gateway.ended.then(() => this.#end());
      await Promise.all([this.#haveTroubles(), this.#haveClients(), this.#watch(report)]);
      clearTimeout(end);
      if (this.gateway.end) {
        this.ledger.violate('gateway', { message: `it ended by itself: ${JSON.stringify(this.gateway.end)}` });
      } else {
        await this.#checkLeaks();
        const { cluster } = await this.call('GET', '/metrics');
        const quiet = await this.#failOverQuietly();
        after = {
          retries: cluster.retries, loads: cluster.loads, ...this.#judgeFailovers(quiet, await bystander.end()),
          descriptors: await this.#checkDescriptors(),
        };
        await this.gateway.stop().catch(({ message }) =>
          this.ledger.violate('gateway', { message: `it did not end well: ${message.slice(-1000)}` }));
      }
    } catch (error) {
      this.ledger.violate('unexpected', { message: error.stack });
    } finally {
      this.#end();
      await bystander?.end();
      await this.gateway?.kill();
      this.gateway?.home.remove();
      await Promise.all(this.machines.map((machine) => machine.remove()));
    }
    return {
      seed: this.#options.seed, seconds: Number(((performance.now() - began) / 1000).toFixed(1)),
      ...this.ledger.totals(), ...after, rss_growth_mb: Ledger.round(this.growth / 1024 ** 2),
    };
  }

  /* Leaves what tells why in @folder. */
  keep(folder) {
    const events = this.machines.flatMap(({ id, history }) => history.map(({ at, what }) => ({ at, id, what })));

    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'gateway.log'), this.gateway?.stderr ?? '');
    writeFileSync(path.join(folder, 'violations.json'), JSON.stringify(this.ledger.violations, null, 1));
    writeFileSync(path.join(folder, 'troubles.txt'), events.sort((a, b) => a.at - b.at)
      .map(({ at, id, what }) => `${at.toFixed(0)} ms  ${id}  ${what}\n`).join(''));
  }
}

/* -- The program --------------------------------------------------------------------------- */

async function main(argv) {
  const { values } = parseArgs({ args: argv, options: {
    minutes: { type: 'string', default: '10' },
    seconds: { type: 'string' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    nodes: { type: 'string', default: '10' },
    clients: { type: 'string', default: '200' },
    log: { type: 'string' },
  } });
  const number = (name) => {
    const n = Number(values[name]);

    if (!Number.isFinite(n) || n <= 0 || (name !== 'minutes' && !Number.isInteger(n)))
      throw Object.assign(new Error(`--${name} takes a number, not "${values[name]}".`), { isUsage: true });
    return n;
  };
  const seed = number('seed');
  const fleet = new Fleet({
    seed, seconds: values.seconds === undefined ? number('minutes') * 60 : number('seconds'), nodes: number('nodes'),
    clients: number('clients'), calmMs: 8000, thinkMs: 1000, quietFailovers: 100,
  });
  const folder = values.log ?? path.join(tmpdir(), `vampire-chaos-${seed}`);
  const totals = await fleet.run((sentence) => process.stderr.write(`${sentence}\n`));

  process.stdout.write(`${JSON.stringify(totals)}\n`);
  if (fleet.ledger.violations.length === 0)
    return 0;

  fleet.keep(folder);
  for (const { what, at_s: at, id, message } of fleet.ledger.violations.slice(0, 20))
    process.stderr.write(`seed ${seed}, ${at} s, request ${id ?? '-'}: ${what}: ${message}\n`);
  process.stderr.write(`${fleet.ledger.violations.length} violations; more about them, and the gateway's log, is in `
                       + `${folder}\n`);
  return 1;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  main(process.argv.slice(2)).then((status) => {
    process.exitCode = status;
  }, (error) => {
    process.stderr.write(`fleet: ${error.isUsage || error.code?.startsWith('ERR_PARSE_ARGS') ? error.message
      : error.stack}\n`);
    process.exitCode = 2;
  });
}
