/* SPDX-License-Identifier: MIT
 *
 * One request as a surface has understood it, on its way to a node. It owns nothing: the surface's request
 * holds the bytes for as long as the exchange lives.
 */

#pragma once

#include "core/vmp-slice.h"

G_BEGIN_DECLS

typedef struct {
  VmpSlice method;
  VmpSlice target;            /* path and query as they came */
  VmpSlice path;
  const VmpHttpField *fields; /* as they came, hop-by-hop ones and credentials included */
  guint n_fields;
  const char *body;
  gsize body_len;
  gboolean has_body;
  gint64 started;             /* monotonic time in µs at which its head was complete */
  const char *model;          /* as the client named it; NULL: none */
  const char *client_key;     /* id of the client key that let it in; NULL: none */
  gboolean is_shared;         /* it came from another computer, where such are let in while sharing */
} VmpCall;

G_END_DECLS
