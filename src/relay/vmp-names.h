/* SPDX-License-Identifier: MIT
 *
 * Names that come up again and again: of models, nodes, keys. Each is kept once, however many records have it, and two
 * that read the same are the same pointer. Traces and counts use it; it forgets a name with its last user.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _VmpNames VmpNames;

/* (transfer full) */
VmpNames *vmp_names_new (void);
/* All names must have been dropped. */
void vmp_names_free (VmpNames *self);

/* The name that reads like @text; NULL for NULL. To be dropped once. (transfer full) */
const char *vmp_names_take (VmpNames   *self,
                            const char *text);
/* The same made fit to be shown, of at most @max_chars characters. */
const char *vmp_names_take_plain (VmpNames   *self,
                                  const char *text,
                                  gsize       max_chars);
/* @name: (nullable) */
void vmp_names_drop (VmpNames   *self,
                     const char *name);

/* Another user of a name. (transfer full) */
const char *vmp_names_share (const char *name);

/* The name that reads like @text, if there is one; NULL. (transfer none) */
const char *vmp_names_find (VmpNames   *self,
                            const char *text);

guint vmp_names_count (VmpNames *self);

G_END_DECLS
