/* SPDX-License-Identifier: MIT
 *
 * The names of requests: in X-Vampire-Request-ID, in traces and in the log. No two of one run are the same, and
 * those of different runs practically never. They are no secrets: who knows one may work out others.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Bytes of an id, with its NUL, and some to spare. */
#define VMP_REQUEST_ID_BYTES 32

/* Writes the next one: "req_" and 24 of the digits and lower-case letters. Takes some nanoseconds and asks nobody.
 * On the gateway's thread only. */
void vmp_request_id_make (char out[VMP_REQUEST_ID_BYTES]);

G_END_DECLS
