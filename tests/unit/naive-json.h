/* SPDX-License-Identifier: MIT
 *
 * The span scanner once more, as slow and as plain as can be: what vmp_json_scan() is compared with, in
 * its unit tests and by its fuzz target.
 */

#pragma once

#include "core/vmp-json-scan.h"

/* What each member is called. Those from VMP_MEMBER_ERROR on may come twice. */
extern const char * const naive_json_members[VMP_N_MEMBERS];

gboolean naive_json_scan (const char  *data,
                          gsize        len,
                          VmpJsonScan *scan);
