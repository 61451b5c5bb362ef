/* SPDX-License-Identifier: MIT
 *
 * The gateway of this computer, as the resident has it: one of its own on this main loop, or, when one runs already (a
 * service, a terminal), that one. It starts and stops a gateway and never looks inside.
 */

#pragma once

#include "client/vmp-link.h"
#include "core/vmp-settings-keeper.h"

G_BEGIN_DECLS

typedef enum {
  VMP_HOSTING_LOOKING,  /* whether there is one already */
  VMP_HOSTING_OWN,
  VMP_HOSTING_ATTACHED, /* another program's */
  VMP_HOSTING_FAILED    /* there is none, and none could be started */
} VmpHostingState;

typedef struct _VmpHosting VmpHosting;

typedef struct {
  /* The state or its trouble is another one. */
  void (*changed) (gpointer user_data);
  /* All has ended, as vmp_hosting_drain() wanted. */
  void (*drained) (gpointer user_data);
} VmpHostingFuncs;

/* @funcs must last; no call comes before the loop runs. (transfer full) */
VmpHosting *vmp_hosting_new (VmpSettingsKeeper     *keeper,
                             const VmpHostingFuncs *funcs,
                             gpointer               user_data);
/* A gateway of its own ends at once. */
void vmp_hosting_free (VmpHosting *self);

VmpHostingState vmp_hosting_get_state (VmpHosting *self);
/* Why there is none, as a sentence that says what to do; NULL when there is. */
const char *vmp_hosting_get_trouble (VmpHosting *self);
/* The lasting connection to whichever it is. (transfer none) */
VmpLink *vmp_hosting_get_link (VmpHosting *self);

/* Tries again to start one, after its owner has mended what was wrong. */
void vmp_hosting_retry (VmpHosting *self);

/* Running answers get their time to end, as on SIGTERM, then @funcs->drained is called. Another's gateway goes on. */
void vmp_hosting_drain (VmpHosting *self);

G_END_DECLS
