/* SPDX-License-Identifier: MIT
 *
 * For the few behaviours that are about time itself. Everything else waits for events.
 */

/* Lets @ms pass. */
export const elapsed = (ms) => new Promise((resolve) => {
  setTimeout(resolve, ms);
});
