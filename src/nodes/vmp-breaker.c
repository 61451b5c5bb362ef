/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpBreaker.
 */

#include "nodes/vmp-breaker.h"

#include "core/vmp-limits.h"

static const char * const state_strings[VMP_N_BREAKER_STATES] = {
  [VMP_BREAKER_CLOSED] = "closed",
  [VMP_BREAKER_OPEN] = "open",
  [VMP_BREAKER_HALF_OPEN] = "half_open",
};

const char *
vmp_breaker_state_to_string (VmpBreakerState state)
{
  g_return_val_if_fail ((guint) state < VMP_N_BREAKER_STATES, NULL);

  return state_strings[state];
}

gboolean
vmp_breaker_would_allow (const VmpBreaker *self,
                         gint64            now)
{
  switch (self->state)
    {
    case VMP_BREAKER_CLOSED:
      return TRUE;

    case VMP_BREAKER_OPEN:
      return now >= self->retry_at;

    case VMP_BREAKER_HALF_OPEN:
    case VMP_N_BREAKER_STATES:
    default:
      return FALSE;
    }
}

gboolean
vmp_breaker_take (VmpBreaker *self,
                  gint64      now)
{
  if (!vmp_breaker_would_allow (self, now))
    return FALSE;

  if (self->state == VMP_BREAKER_OPEN)
    self->state = VMP_BREAKER_HALF_OPEN;

  return TRUE;
}

gboolean
vmp_breaker_succeed (VmpBreaker *self)
{
  gboolean changed = self->state != VMP_BREAKER_CLOSED;

  /* Also when it is open, and the one that succeeds began before that: a node that answers is no longer to be kept from
   * its requests. */
  self->state = VMP_BREAKER_CLOSED;
  self->failures = 0;
  self->openings = 0;
  self->retry_at = 0;

  return changed;
}

static void
open_breaker (VmpBreaker *self,
              gint64      now)
{
  gint64 open_ms = VMP_LIMIT_BREAKER_OPEN_MS;

  for (guint i = 0; i < self->openings && open_ms < VMP_LIMIT_BREAKER_OPEN_MAX_MS; i++)
    open_ms *= 2;

  self->state = VMP_BREAKER_OPEN;
  self->openings++;
  self->retry_at = now + MIN (open_ms, VMP_LIMIT_BREAKER_OPEN_MAX_MS) * 1000;
}

gboolean
vmp_breaker_fail (VmpBreaker *self,
                  gint64      now)
{
  if (self->failures < G_MAXUINT)
    self->failures++;
  self->last_failure = now;

  switch (self->state)
    {
    case VMP_BREAKER_CLOSED:
      if (self->failures < VMP_LIMIT_BREAKER_FAILURES)
        return FALSE;
      open_breaker (self, now);
      return TRUE;

    case VMP_BREAKER_HALF_OPEN:
      open_breaker (self, now);
      return TRUE;

    /* One that began before it opened. A hundred streams that break together are one breakdown: they do not make it
     * last longer. */
    case VMP_BREAKER_OPEN:
    case VMP_N_BREAKER_STATES:
    default:
      return FALSE;
    }
}

void
vmp_breaker_give_back (VmpBreaker *self)
{
  /* Its time has come already. One that began before it opened may give back what another one holds; then two try,
   * which does no harm, where a permission that is never given back would keep the node away for good. */
  if (self->state == VMP_BREAKER_HALF_OPEN)
    self->state = VMP_BREAKER_OPEN;
}
