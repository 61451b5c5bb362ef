/* SPDX-License-Identifier: MIT
 *
 * What can be chosen from in the windows about routes and sharing, as lists for VmpChoice.
 */

#pragma once

#include <gio/gio.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

/* Every model on every node; the id is "NODE MODEL", as in the mirror. (transfer full) */
GListModel *vmp_route_options_targets (VmpMirror *mirror);
/* Everything that a request can name: routes, virtual models, models. @none: (nullable): what stands first for nothing,
 * with the id "". @but: (nullable): a route that is left out. (transfer full) */
GListModel *vmp_route_options_names (VmpMirror  *mirror,
                                     const char *none,
                                     const char *but);
/* Every model once. @none: as above. (transfer full) */
GListModel *vmp_route_options_models (VmpMirror  *mirror,
                                      const char *none);

G_END_DECLS
