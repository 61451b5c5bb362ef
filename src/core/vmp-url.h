/* SPDX-License-Identifier: MIT
 *
 * Base URLs of nodes, host names and origins, taken apart and brought to the one form in which they can be
 * compared. Settings, the guard and the registry of nodes ask here, so that an address that was approved and an
 * address that is connected to cannot be read in two ways. Pure functions: no name is ever looked up.
 */

#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

/* Where a node is. Immutable once made. */
typedef struct {
  char *text;         /* scheme://host[:port][/prefix]; the scheme's own port left out, no slash at the end */
  char *host;         /* lower case; an IPv6 address without its brackets */
  guint16 port;       /* never 0 */
  gboolean tls;
  const char *prefix; /* inside @text: "" or "/…" */
} VmpBaseUrl;

/**
 * vmp_base_url_parse:
 * @text: what a person typed
 * @error: return location
 *
 * Slashes at the end are dropped, and so is a last `/v1`: clients want it in their base URL, so people paste it
 * here too. Refused are user names and passwords, queries, fragments, paths with dot segments, and numbers that
 * only some parsers take for an IPv4 address (`127.1`, `0x7f000001`).
 *
 * Returns: (transfer full): the URL, or NULL with a G_URI_ERROR. Its message is the rest of a sentence that
 *   begins with what the URL is for: "must begin with http:// or https://"; it never repeats the text, which may
 *   hold a password
 */
VmpBaseUrl *vmp_base_url_parse (const char *text,
                                GError    **error);

void vmp_base_url_free (VmpBaseUrl *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmpBaseUrl, vmp_base_url_free)

/**
 * vmp_url_normalise_host:
 * @text: a host name or an IP address; an IPv6 address with or without brackets
 * @len: its length in bytes, or -1 when NUL-terminated
 *
 * Returns: (transfer full) (nullable): the name in lower case and ASCII (IDNA), or the address in its canonical
 *   form without brackets; NULL when it is neither
 */
char *vmp_url_normalise_host (const char *text,
                              gssize      len);

/**
 * vmp_url_normalise_origin:
 * @text: scheme://host[:port], as browsers send it in Origin; one slash at the end is dropped
 *
 * Any scheme is taken, for apps and browser extensions have their own (`app://obsidian.md`, `tauri://localhost`).
 *
 * Returns: (transfer full) (nullable): it in lower case without the scheme's own port; NULL when it is no origin
 */
char *vmp_url_normalise_origin (const char *text);

G_END_DECLS
