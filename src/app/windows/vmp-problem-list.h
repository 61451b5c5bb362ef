/* SPDX-License-Identifier: MIT
 *
 * What the gateway's doctor found to be wrong, each with what helps, and with a button where this app can do it. Shown
 * only while there is something.
 */

#pragma once

#include <adwaita.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

#define VMP_TYPE_PROBLEM_LIST (vmp_problem_list_get_type ())
G_DECLARE_FINAL_TYPE (VmpProblemList, vmp_problem_list, VMP, PROBLEM_LIST, AdwBin)

/* To be called once, when it is made: templates make it without. */
void vmp_problem_list_set_mirror (VmpProblemList *self,
                                  VmpMirror      *mirror);

G_END_DECLS
