/* SPDX-License-Identifier: MIT
 *
 * The plan of a trace, as the values that it was made of. To print it takes longer than to relay a request, and few are
 * ever looked at.
 */

#include "relay/vmp-journal-private.h"

#include <string.h>

#include "core/vmp-limits.h"
#include "core/vmp-text.h"

struct _VmpTracePlan {
  VmpRouting routing;       /* with copies of its strings, and the candidates below */
  gsize size;
  VmpCandidate candidates[];
};

/* Which candidates are kept: those of the attempts, then the first others. Returns how many. @kept: their indexes */
static guint
choose_candidates (const VmpRouting *routing,
                   guint             kept[VMP_LIMIT_SHOWN_CANDIDATES])
{
  guint n = 0;
  guint i;
  guint j;

  if (routing->n_candidates <= VMP_LIMIT_SHOWN_CANDIDATES)
    {
      for (; n < routing->n_candidates; n++)
        kept[n] = n;
      return n;
    }

  for (; n < routing->plan.n_attempts; n++)
    kept[n] = routing->plan.attempts[n].candidate;
  for (i = 0; n < VMP_LIMIT_SHOWN_CANDIDATES; i++)
    {
      for (j = 0; j < routing->plan.n_attempts && kept[j] != i; j++)
        ;
      if (j == routing->plan.n_attempts)
        kept[n++] = i;
    }

  return n;
}

G_STATIC_ASSERT (VMP_PLAN_ATTEMPTS <= VMP_LIMIT_SHOWN_CANDIDATES);

/* The nodes and hosts stay for as long as the plan does, for their names. */
static void
keep_candidate (VmpCandidate       *kept,
                const VmpCandidate *candidate)
{
  *kept = *candidate;
  if (kept->host != NULL)
    vmp_host_ref (kept->host);
  if (kept->node != NULL)
    vmp_node_ref (kept->node);
}

VmpTracePlan *
vmp_trace_plan_new (const VmpRouting *routing)
{
  guint kept[VMP_LIMIT_SHOWN_CANDIDATES];
  guint n = choose_candidates (routing, kept);
  gsize size = sizeof (VmpTracePlan) + n * sizeof (VmpCandidate);
  VmpTracePlan *self = g_malloc (size);
  guint i;

  self->size = size;
  self->routing = *routing;
  self->routing.route_id = g_strdup (routing->route_id);
  self->routing.message = routing->message != NULL ? vmp_text_display (routing->message, VMP_LIMIT_NODE_TEXT_CHARS)
                                                   : NULL;
  self->routing.candidates = self->candidates;
  self->routing.n_candidates = n;
  for (i = 0; i < n; i++)
    keep_candidate (&self->candidates[i], &routing->candidates[kept[i]]);

  /* Those that are tried were put first when some were left out. */
  for (i = 0; n < routing->n_candidates && i < routing->plan.n_attempts; i++)
    self->routing.plan.attempts[i].candidate = i;

  return self;
}

void
vmp_trace_plan_free (VmpTracePlan *self)
{
  guint i;

  for (i = 0; i < self->routing.n_candidates; i++)
    {
      g_clear_pointer (&self->candidates[i].host, vmp_host_unref);
      g_clear_pointer (&self->candidates[i].node, vmp_node_unref);
    }
  g_free (self->routing.route_id);
  g_free (self->routing.message);
  g_free (self);
}

const VmpRouting *
vmp_trace_plan_get (const VmpTracePlan *self)
{
  return &self->routing;
}

gsize
vmp_trace_plan_get_size (const VmpTracePlan *self)
{
  gsize texts = (self->routing.route_id != NULL ? strlen (self->routing.route_id) + 1 : 0)
                + (self->routing.message != NULL ? strlen (self->routing.message) + 1 : 0);

  return self->size + texts;
}
