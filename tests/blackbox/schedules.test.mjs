/* SPDX-License-Identifier: MIT
 *
 * A few hundred of the random schedules of tests/chaos/schedules.mjs, in which clients come and leave while nodes load.
 */

import assert from 'node:assert/strict';

import { playSchedules } from '../chaos/schedules.mjs';
import { behaviour } from './lib/stage.mjs';

behaviour('loads/schedules/300-random-ones', async (stage) => {
  const { violations, ...totals } = await playSchedules({ schedules: 300, seed: 4 });

  stage.note(JSON.stringify(totals));
  assert.deepEqual(violations, []);
  assert.equal(totals.answered + totals.left, totals.calls);
  assert.ok(totals.loads > 100 && totals.evictions > 50 && totals.left > 50, 'there was something to go wrong');
}, { timeout: 60_000 });
