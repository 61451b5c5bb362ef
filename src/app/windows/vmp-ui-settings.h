/* SPDX-License-Identifier: MIT
 *
 * The gateway's settings as the windows look one up: by key in the mirror's document.
 */

#pragma once

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

/* {"key", "value", "default", "source", …}. (transfer none); NULL while it is not known. */
JsonObject *vmp_ui_settings_find (VmpMirror  *mirror,
                                  const char *key);
/* Its value if that is a string; NULL. (transfer none) */
const char *vmp_ui_settings_get_string (VmpMirror  *mirror,
                                        const char *key);

/* Whether the owner cannot change it here since a variable or a flag says what it is. */
gboolean vmp_ui_settings_is_ruled (JsonObject *setting);

G_END_DECLS
