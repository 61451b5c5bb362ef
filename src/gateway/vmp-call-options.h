/* SPDX-License-Identifier: MIT
 *
 * What a client asks of the gateway itself: the fields X-Vampire-* and the body's member `vampire`, each checked. A
 * field wins over the body. Unknown members are left alone, as the first seed did; wrong ones get an error that names
 * them.
 */

#pragma once

#include "core/vmp-call.h"
#include "core/vmp-problem.h"

G_BEGIN_DECLS

void vmp_call_options_clear (VmpCallOptions *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VmpCallOptions, vmp_call_options_clear)

/**
 * vmp_call_options_read:
 * @fields: of the request
 * @vampire: (nullable): the value of the body's `vampire`, as JSON; anything but an object counts as none
 * @is_virtual: whether the model that is asked for is a virtual one. A strategy that there is not is a mistake then,
 *   and when the client opted in; else it counts as none
 * @options: (out caller-allocates): zeroed first; to be cleared in every case
 * @problem: (out): VMP_PROBLEM_UNSUPPORTED_STRATEGY or VMP_PROBLEM_INVALID_FIELD, when it returns a message
 *
 * Without a field X-Vampire-* and without @vampire it allocates nothing.
 *
 * Returns: (transfer full) (nullable): NULL, or a sentence that names what is wrong
 */
char *vmp_call_options_read (const VmpHttpField *fields,
                             guint               n_fields,
                             const char         *vampire,
                             gsize               vampire_len,
                             gboolean            is_virtual,
                             VmpCallOptions     *options,
                             VmpProblem         *problem);

/**
 * vmp_call_read_session:
 *
 * The key of what belongs together, from whichever says so: options->session, X-Vampire-Session, X-OpenWebUI-Chat-Id,
 * X-Claude-Code-Session-Id, X-Session-ID, X-Litellm-Session-Id, X-Olla-Session-ID, Session-Id (Codex), then the body's
 * prompt_cache_key and user. Kept apart by client; VMP_LIMIT_SESSION_BYTES at most, longer ones as their hash.
 * (transfer full) (nullable)
 */
char *vmp_call_read_session (const VmpCall *call);

/* Monotonic µs at which the client gives up: by x-stainless-read-timeout; 0: it does not say. */
gint64 vmp_call_read_deadline (const VmpCall *call);

G_END_DECLS
