/* SPDX-License-Identifier: MIT
 *
 * Whether other computers may use this gateway: the share mode, for how long, and with which model. Kept over restarts;
 * ends by itself when its time is over. It only says what holds; the gateway opens and closes the listener.
 */

#pragma once

#include "core/vmp-poll.h"
#include "store/vmp-store.h"

G_BEGIN_DECLS

typedef enum {
  VMP_SHARE_OFF,      /* this and LOCAL: loopback only */
  VMP_SHARE_LOCAL,
  VMP_SHARE_PERSONAL,
  VMP_SHARE_FAMILY,
  VMP_SHARE_BUSINESS,
  VMP_SHARE_EVENT,
  VMP_N_SHARE_MODES
} VmpShareMode;

const char *vmp_share_mode_to_string (VmpShareMode mode);
gboolean vmp_share_mode_from_string (const char   *text,
                                     VmpShareMode *mode);

typedef struct _VmpShare VmpShare;
typedef void (*VmpShareChanged) (gpointer  user_data,
                                 VmpShare *share);

/* (transfer full) */
VmpShare *vmp_share_new (VmpPoll        *poll,
                         VmpStore       *store,
                         VmpShareChanged changed,
                         gpointer        user_data);
void vmp_share_free (VmpShare *self);

/* Reads what was stored; a time that is over by now ends it. Tells of it when it is not off. */
void vmp_share_load (VmpShare *self);

/**
 * vmp_share_set:
 * @enabled: FALSE with a mode means that mode, switched off
 * @duration: (nullable): as vmp_duration_parse() takes it; NULL: until it is turned off
 * @model: (nullable): only this model is shared
 * @error: return location
 *
 * Refused are contradictions: "off" that is enabled, a duration or a model for what is not shared with other computers.
 *
 * Returns: FALSE with G_IO_ERROR_INVALID_ARGUMENT; its message is a whole sentence
 */
gboolean vmp_share_set (VmpShare    *self,
                        VmpShareMode mode,
                        gboolean     enabled,
                        const char  *duration,
                        const char  *model,
                        GError     **error);

VmpShareMode vmp_share_get_mode (VmpShare *self);
/* The one for other computers that was enabled last, for who switches sharing on again; VMP_SHARE_PERSONAL where none
 * ever was. */
VmpShareMode vmp_share_get_last_mode (VmpShare *self);
gboolean vmp_share_get_enabled (VmpShare *self);
const char *vmp_share_get_duration (VmpShare *self); /* as it was given; NULL */
const char *vmp_share_get_model (VmpShare *self);    /* NULL: all */
gint64 vmp_share_get_ends_at (VmpShare *self);       /* µs since 1970; 0: no end */

/* Whether other computers may connect now. */
gboolean vmp_share_is_open (VmpShare *self);

G_END_DECLS
