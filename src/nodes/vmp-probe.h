/* SPDX-License-Identifier: MIT
 *
 * Asks one server what it serves: its lists of models, in the order of VmpListKind, until one is understood. Used for
 * nodes by vmp-health and for addresses that may be nodes by discovery. It sends no prompt, and a token only when it is
 * given one; it changes no node.
 */

#pragma once

#include "nodes/vmp-inventory.h"
#include "nodes/vmp-registry.h"
#include "upstream/vmp-upstream.h"

G_BEGIN_DECLS

typedef struct _VmpProbe VmpProbe;

typedef enum {
  VMP_PROBE_ONLINE,      /* it gave a list, or asks for a token */
  VMP_PROBE_STRANGER,    /* something answers HTTP there, but it is no model server */
  VMP_PROBE_OFFLINE      /* nobody, or nothing that is HTTP */
} VmpProbeResult;

typedef struct {
  const VmpBaseUrl *base_url; /* must stay valid */
  const char *token;          /* (nullable): copied */
  const char *via;            /* the Via field's value; must stay valid. A gateway that is asked leaves out what it has
                               * of us */
  VmpReach reach;             /* its strings must stay valid. any_key is set by the probe when there is no key and no
                               * token */
  VmpProvider hint;           /* OLLAMA: its own lists are asked for first */
  guint timeout_ms;           /* for each answer; 0: VMP_LIMIT_PROBE_MS */
  gboolean quick;             /* one list that is understood is enough: for scans; else also Ollama's /api/ps and, for
                               * models that were not in @known, /api/show */
  VmpInventory *known;        /* (nullable): what is known already; details of its models are taken over */
} VmpProbeRequest;

/* @report: valid during the call only. Afterwards the probe is gone. */
typedef void (*VmpProbeDone) (gpointer              user_data,
                              VmpProbeResult        result,
                              const VmpProbeReport *report,
                              VmpTransferEnd        end /* of the last transfer */);

/* Nothing is called before this returns. (transfer none) */
VmpProbe *vmp_probe_start (VmpUpstream           *upstream,
                           const VmpProbeRequest *request,
                           VmpProbeDone           done,
                           gpointer               user_data);

/* No call follows. */
void vmp_probe_cancel (VmpProbe *self);

G_END_DECLS
