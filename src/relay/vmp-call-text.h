/* SPDX-License-Identifier: MIT
 *
 * The little that the relay reads of the text of calls and answers, and writes into it, in its spans alone.
 */

#pragma once

#include "core/vmp-call.h"

G_BEGIN_DECLS

/* Whether it is the request that makes a response with an id: OpenAI's POST /v1/responses. */
gboolean vmp_call_makes_response (const VmpCall *call);

/* The first id in an answer is the response's, whole or in the first event. (transfer full) (nullable) */
char *vmp_answer_find_id (const char *data,
                          gsize       len);

/* The call's body with another model's name; NULL when it is right as it is. (transfer full) (nullable) */
char *vmp_call_rename_model (const VmpCall *call,
                             const char    *model,
                             gsize         *len);

G_END_DECLS
