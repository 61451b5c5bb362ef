/* SPDX-License-Identifier: MIT
 *
 * The short form of `./dev chaos`: computers that crash, hang, slow down, break off, answer nonsense and start again
 * under load. No client may get anything wrong, and none an error that another computer could have spared it.
 */

import assert from 'node:assert/strict';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { Fleet } from '../chaos/fleet.mjs';
import { behaviour } from './lib/stage.mjs';

behaviour('chaos/no-wrong-answer-and-no-needless-failure', async (stage) => {
  const seed = Number(process.env.CHAOS_SEED ?? 1);
  const fleet = new Fleet({ seed, seconds: 5, nodes: 10, clients: 40, calmMs: 2000, thinkMs: 300, quietFailovers: 25 });
  const totals = await fleet.run();

  stage.note(JSON.stringify(totals));
  if (fleet.ledger.violations.length > 0) {
    const folder = path.join(tmpdir(), `vampire-chaos-${seed}`);

    fleet.keep(folder);
    stage.note(`more about it is in ${folder}`);
  }
  assert.deepEqual(fleet.ledger.violations.map(({ what, at_s: at, id, message }) => ({ what, at, id, message })), []);
  /* It did happen. */
  assert.ok(totals.whole > 20, `${totals.whole} whole answers`);
  assert.ok(totals.retries > 0, `${totals.retries} requests went on to another node`);
  assert.ok(Object.keys(totals.troubles).length >= 5, `${Object.keys(totals.troubles)} happened`);
  assert.equal(totals.quiet_failovers, 25);
}, { timeout: 60_000 });
