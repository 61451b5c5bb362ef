/* SPDX-License-Identifier: MIT
 *
 * What the doctor's two files share: vmp-doctor.c (checks of the gateway and of its computer) and vmp-doctor-nodes.c
 * (checks of nodes). Nobody else includes this.
 */

#pragma once

#include "gateway/vmp-doctor.h"

G_BEGIN_DECLS

/* vmp-doctor.c */

/* Begins a check, as one that is well and of which nothing was said. (transfer none) */
VmpDoctorCheck *vmp_doctor_begin (GPtrArray  *checks,
                                  const char *id,
                                  const char *title);

/* Adds a sentence about what was found, which makes the check at least as bad as @status. */
void vmp_doctor_say (VmpDoctorCheck *check,
                     VmpCheckStatus  status,
                     const char     *format,
                     ...) G_GNUC_PRINTF (3, 4);

/* Adds a sentence about what to do, unless it was said already. */
void vmp_doctor_advise (VmpDoctorCheck *check,
                        const char     *format,
                        ...) G_GNUC_PRINTF (2, 3);

/* A name, an address or somebody else's sentence, plain and capped. (transfer full) */
char *vmp_doctor_show (const char *text);

/* The same for one that may be missing, to follow a sentence: " …." or "". (transfer full) */
char *vmp_doctor_show_after (const char *text);

/* vmp-doctor-nodes.c */
void vmp_doctor_check_default_node (const VmpDoctorFacts *facts,
                                    GPtrArray            *checks);
void vmp_doctor_check_other_nodes (const VmpDoctorFacts *facts,
                                   GPtrArray            *checks);
void vmp_doctor_check_pending (const VmpDoctorFacts *facts,
                               GPtrArray            *checks);
void vmp_doctor_check_tokens (const VmpDoctorFacts *facts,
                              GPtrArray            *checks);

G_END_DECLS
