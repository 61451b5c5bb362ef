/* SPDX-License-Identifier: MIT
 *
 * Bytes that belong to someone else, and a header field made of two of them. Every part that reads
 * or passes on heads speaks in these, so that none has to copy them.
 */

#pragma once

#include <glib.h>
#include <string.h>

G_BEGIN_DECLS

/* Not NUL-terminated. Valid as long as the buffer it points into. */
typedef struct {
  const char *data;
  gsize len;
} VmpSlice;

typedef struct {
  VmpSlice name;
  VmpSlice value; /* without surrounding white space */
} VmpHttpField;

/* A string literal as a slice; _INIT in initialisers of static tables. */
#define VMP_SLICE_INIT(text) { text, sizeof (text) - 1 }
#define VMP_SLICE_LITERAL(text) ((VmpSlice) VMP_SLICE_INIT (text))

static inline VmpSlice
vmp_slice (const char *text)
{
  return (VmpSlice) { text, text != NULL ? strlen (text) : 0 };
}

static inline gboolean
vmp_slice_equal (VmpSlice    slice,
                 const char *text)
{
  return strlen (text) == slice.len && memcmp (slice.data, text, slice.len) == 0;
}

/* ASCII case only, as field names are compared. Nearly all that are equal are written alike, and nearly all others
 * differ in their first letter: it is quick for both. */
static inline gboolean
vmp_slices_equal_nocase (VmpSlice a,
                         VmpSlice b)
{
  if (a.len != b.len)
    return FALSE;
  if (a.len == 0)
    return TRUE;

  return ((a.data[0] ^ b.data[0]) & ~0x20) == 0
         && (memcmp (a.data, b.data, a.len) == 0 || g_ascii_strncasecmp (a.data, b.data, a.len) == 0);
}

static inline gboolean
vmp_slice_equal_nocase (VmpSlice    slice,
                        const char *text)
{
  return vmp_slices_equal_nocase (slice, vmp_slice (text));
}

/* Bytes of a token (RFC 9110, 5.6.2): of methods and of field names. */
static inline gboolean
vmp_is_token_byte (char byte)
{
  return g_ascii_isalnum (byte) || byte == '-' || (byte != '\0' && strchr ("!#$%&'*+.^_`|~", byte) != NULL);
}

/* Without spaces and tabs at either end. */
VmpSlice vmp_slice_trim (VmpSlice slice);

/* Whether it is a token; the empty one is none. */
gboolean vmp_slice_is_token (VmpSlice slice);

/* Whether there is a control character other than a tab in it. */
gboolean vmp_slice_has_control (VmpSlice slice);

/* Whether a comma-separated list, such as Connection's, holds a token, compared without case. */
gboolean vmp_slice_list_contains (VmpSlice list,
                                  VmpSlice token);

G_END_DECLS
