/* SPDX-License-Identifier: MIT
 *
 * What the control API's two files on routes share: one makes and changes them (vmp-control-routes.c, which has the
 * table of endpoints), one shows what they come to (vmp-control-preview.c).
 */

#pragma once

#include "gateway/vmp-control.h"

G_BEGIN_DECLS

/* The route of parameter 0, or NULL after having answered 404. */
const VmpRoute *vmp_control_find_route (VmpControlRequest *request);

/* The body's strategy, if it names one. FALSE after having answered that there is none of that name. */
gboolean vmp_control_read_strategy (VmpControlRequest *request,
                                    VmpStrategy       *strategy);

/* What vmp_constraints_read() or vmp_weights_read() found wrong in a member of the body. @fault: begins with the name
 * of what is wrong in it */
void vmp_control_refuse_member (VmpControlRequest *request,
                                const char        *member,
                                const char        *fault);

void vmp_control_preview_route (VmpControlRequest *request);
void vmp_control_explain_route (VmpControlRequest *request);
void vmp_control_list_virtual_models (VmpControlRequest *request);

extern const VmpField vmp_control_preview_fields[];
extern const VmpField vmp_control_preview_answer[];
extern const VmpField vmp_control_explain_answer[];
extern const VmpField vmp_control_virtual_models_answer[];

G_END_DECLS
