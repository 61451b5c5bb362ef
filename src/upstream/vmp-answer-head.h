/* SPDX-License-Identifier: MIT
 *
 * Reads the head of a node's answer as strictly as the guard reads a client's: what is not clean is no answer. A pure
 * function on the bytes that libcurl has found to be a head.
 */

#pragma once

#include "core/vmp-limits.h"
#include "upstream/vmp-upstream.h"

G_BEGIN_DECLS

/**
 * vmp_answer_head_parse:
 * @text: the status line, the fields and the empty line
 * @fields: (out caller-allocates): where @head's fields are put
 * @head: (out caller-allocates): reason, fields, length and ends_by_close; they point into @text and @fields. The
 *   status is libcurl's to tell
 *
 * Returns: NULL, or what is wrong with it, as the end of "its answer …"
 */
const char *vmp_answer_head_parse (VmpSlice         text,
                                   VmpHttpField     fields[VMP_LIMIT_HEAD_FIELDS],
                                   VmpTransferHead *head);

G_END_DECLS
