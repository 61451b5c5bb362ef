/* SPDX-License-Identifier: MIT
 *
 * A row of the preferences that shows and changes one setting of the gateway. What is changed applies at once; what the
 * gateway does not take stays in the row with its reason, so that nothing typed is lost. A setting that a variable or a
 * flag rules is shown and cannot be changed, and says why.
 */

#pragma once

#include <adwaita.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

#define VMP_TYPE_SETTING_ROW (vmp_setting_row_get_type ())
/* Properties, all construct-only strings, for templates: "key"; "kind": "switch", "number", "text", "list", "choice" or
 * "secret"; "subtitle". "title" is that of AdwPreferencesRow. */
G_DECLARE_FINAL_TYPE (VmpSettingRow, vmp_setting_row, VMP, SETTING_ROW, AdwPreferencesRow)

/* To be called once. The row is not visible while the gateway has no such setting. */
void vmp_setting_row_set_mirror (VmpSettingRow *self,
                                 VmpMirror     *mirror);

G_END_DECLS
