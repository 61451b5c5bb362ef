/* SPDX-License-Identifier: MIT
 *
 * What can happen to a machine: each with how often it does, for how long it lasts, and what is done.
 */

/* The knobs that are turned here, as they are without any trouble. */
const CALM = {
  refuse: 'off', hang: false, hang_after_headers: false, status: 0, retry_after_s: -1, cut_at_byte: -1,
  cut_scope: 'answer', cut_by: 'fin', slow_drip_ms: 0, slow_drip_bytes: 1, bad_chunk: 'off', bad_head: 'off',
  close_after_request_on_reused: false, error_event_after_tokens: -1, stall_after_tokens: -1, fault_path: '', jit: true,
};

/* Trouble by knobs, which ends when they are turned back. */
const turned = (choose) => async (machine, random, pass) => {
  await machine.configure(choose(random));
  await pass();
  await machine.configure(CALM);
};

/* Half of the time the lists of models go on as if nothing were wrong. */
const somewhere = (random) => ({ fault_path: random.chance(0.5) ? '' : '/v1/*' });

export const TROUBLES = {
  crash: {
    weight: 4, ms: [100, 12_000],
    async happens(machine, random, pass) {
      await machine.kill();
      machine.refuses();
      await pass();
      await machine.start();
    },
  },
  restart: {
    weight: 2, ms: [0, 0],
    async happens(machine) {
      await machine.stop();
      machine.refuses();
      await machine.start();
    },
  },
  freeze: {
    weight: 3, ms: [200, 4000],
    async happens(machine, random, pass) {
      machine.freeze();
      await pass();
      machine.thaw();
    },
  },
  refuse: {
    weight: 4, ms: [100, 3000],
    async happens(machine, random, pass) {
      await machine.configure({ refuse: random.pick(['closed', 'closed', 'accept']) });
      machine.refuses();
      if (random.chance(0.7))
        await machine.drop(random.pick(['fin', 'rst']));
      await pass();
      await machine.configure(CALM);
    },
  },
  stall: {
    weight: 2, ms: [200, 3000],
    happens: turned((random) => ({ stall_after_tokens: random.integer(0, 5) })),
  },
  hang: {
    weight: 3, ms: [200, 2500],
    async happens(machine, random, pass) {
      await machine.configure({
        [random.pick(['hang', 'hang_after_headers'])]: true, ...somewhere(random),
      });
      await pass();
      await machine.configure(CALM);
      await machine.drop(random.pick(['fin', 'rst']));
    },
  },
  slow: {
    /* Whoever is slow is able all the same. */
    weight: 3, ms: [500, 4000], harmless: true,
    async happens(machine, random, pass, usual) {
      await machine.configure(random.pick([
        { ttft_ms: random.integer(200, 800) },
        { tokens_per_second: random.integer(30, 100) },
        { slow_drip_ms: random.integer(1, 10), slow_drip_bytes: random.integer(20, 400) },
      ]));
      await pass();
      await machine.configure({ ...CALM, ...usual });
    },
  },
  cut: {
    weight: 4, ms: [200, 3000],
    happens: turned((random) => ({
      cut_at_byte: random.integer(0, random.pick([300, 3000])), cut_scope: random.pick(['answer', 'body', 'payload']),
      cut_by: random.pick(['fin', 'rst']), ...somewhere(random),
    })),
  },
  status: {
    weight: 4, ms: [200, 3000],
    happens: turned((random) => ({
      status: random.pick([500, 500, 502, 503, 504, 429, 429]), retry_after_s: random.pick([-1, 1]),
      ...somewhere(random),
    })),
  },
  'error-as-200': {
    weight: 2, ms: [200, 3000],
    happens: turned((random) => ({ status: 200, ...somewhere(random) })),
  },
  'error-event': {
    weight: 3, ms: [200, 3000],
    happens: turned((random) => ({ error_event_after_tokens: random.integer(0, 6) })),
  },
  nonsense: {
    weight: 2, ms: [200, 2000],
    happens: turned((random) => random.pick([
      { bad_head: random.pick(['garbage', 'two_lengths', 'both', 'huge']) },
      { bad_chunk: random.pick(['size', 'crlf', 'huge', 'no_end']) },
    ])),
  },
  'stale-connections': {
    weight: 2, ms: [200, 3000],
    happens: turned(() => ({ close_after_request_on_reused: true })),
  },
  unload: {
    weight: 3, ms: [0, 0],
    happens: (machine) => machine.unloadAll(),
  },
  'loads-nothing': {
    /* "No models loaded": it is told to load them, and then has them. */
    weight: 2, ms: [500, 4000], short: true,
    async happens(machine, random, pass) {
      await machine.configure({ jit: false });
      await machine.unloadAll();
      machine.recovers();
      await pass();
      await machine.configure(CALM);
    },
  },
};

const WEIGHTS = Object.fromEntries(Object.entries(TROUBLES).map(([name, { weight }]) => [name, weight]));

/**
 * Lets things happen to @machine until @rest says that it is over.
 * @rest: resolves after so many ms, or earlier when it is over, to whether it goes on
 * @usual: knobs of its speed
 * @happened: is called with the name of what happens
 */
export async function trouble(machine, random, { rest, usual, calmMs, happened }) {
  while (await rest(random.gap(calmMs))) {
    const name = random.weighted(WEIGHTS);
    const { ms: [low, high], harmless = false, short = false, happens } = TROUBLES[name];

    happened(name);
    if (!harmless)
      machine.fails(name);
    await happens(machine, random, () => rest(random.integer(low, high)), usual);
    if (!harmless && !short)
      machine.recovers();
  }
}
