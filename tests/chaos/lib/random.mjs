/* SPDX-License-Identifier: MIT
 *
 * Numbers that look random and are the same for the same seed.
 */

export class Random {
  #state;

  /* @words: what makes this sequence different from others of the same seed */
  constructor(seed, ...words) {
    this.#state = seed >>> 0;
    for (const c of words.join(' '))
      this.#state = Math.imul(this.#state ^ c.codePointAt(0), 0x01000193) >>> 0;
  }

  /* From 0 to 1, 1 excluded (mulberry32). */
  number() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;

    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }

  /* A whole number from @low to @high, both included. */
  integer(low, high) {
    return low + Math.floor(this.number() * (high - low + 1));
  }

  chance(probability) {
    return this.number() < probability;
  }

  pick(list) {
    return list[this.integer(0, list.length - 1)];
  }

  /* One of the keys of an object whose values are their weights. */
  weighted(weights) {
    const entries = Object.entries(weights);
    let left = this.number() * entries.reduce((sum, [, weight]) => sum + weight, 0);

    for (const [key, weight] of entries) {
      left -= weight;
      if (left < 0)
        return key;
    }
    return entries.at(-1)[0];
  }

  /* Times between events that come @mean apart, and not longer than four times that. */
  gap(mean) {
    return Math.min(-Math.log(1 - this.number()) * mean, 4 * mean);
  }
}
