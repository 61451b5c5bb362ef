/* SPDX-License-Identifier: MIT
 *
 * One request of a connection, lent to libsoup's SoupServer as if it were a connection of its own: it reads the
 * request that the guard has checked, then the end; what it writes goes out on the client's connection; and when it
 * closes, the connection is ours again. So SoupServer, which its authors do not recommend for untrusted clients, never
 * meets one.
 */

#pragma once

#include "gateway/vmp-connection.h"

#include <libsoup/soup.h>

G_BEGIN_DECLS

#define VMP_TYPE_LENT_STREAM (vmp_lent_stream_get_type ())
G_DECLARE_FINAL_TYPE (VmpLentStream, vmp_lent_stream, VMP, LENT_STREAM, GIOStream)

/* Hands @request of @connection to @server, which answers it. */
void vmp_lent_stream_lend (SoupServer       *server,
                           VmpConnection    *connection,
                           const VmpRequest *request);

G_END_DECLS
