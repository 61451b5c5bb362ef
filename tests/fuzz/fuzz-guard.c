/* SPDX-License-Identifier: MIT
 *
 * Fuzz target of what judges a client's bytes: the parser of request heads and the reader of chunked bodies. The
 * verdict must not depend on how the bytes arrive, what is handed on must lie inside them, and what is accepted
 * must look right to a second, plainer reader. An input is a head with a body, or a chunked body alone.
 */

#include "fuzz.h"

#include <string.h>

#include "gateway/vmp-http-head.h"

/* How an input is fed. */
typedef enum {
  AT_ONCE,
  BYTEWISE,
  IN_PIECES,
  N_WAYS
} Way;

static gsize
next_piece (Way       way,
            FuzzCuts *cuts,
            gsize     left)
{
  if (way == AT_ONCE)
    return left;

  return way == BYTEWISE ? MIN (left, 1) : fuzz_cuts_next (cuts, left);
}

/* -- Heads ------------------------------------------------------------------------------------------------ */

static VmpHeadFault
parse_head (const guint8 *data,
            gsize         size,
            Way           way,
            VmpHttpHead  *head,
            gsize        *head_len)
{
  const char *text = (const char *) data;
  FuzzCuts cuts = fuzz_cuts_begin (data, size);
  VmpHeadFault fault = VMP_HEAD_INCOMPLETE;
  gsize scanned = 0;
  gsize len = 0;

  while (fault == VMP_HEAD_INCOMPLETE && len < size)
    {
      len += next_piece (way, &cuts, size - len);
      fault = vmp_http_head_parse (text, len, &scanned, head, head_len);
      g_assert_cmpuint (scanned, <=, len);
    }

  return fault;
}

static void
check_inside (VmpSlice    slice,
              const char *data,
              gsize       len)
{
  g_assert_true (slice.data >= data && slice.data <= data + len);
  g_assert_cmpuint (slice.len, <=, (gsize) (data + len - slice.data));
}

static void
check_same_slice (VmpSlice a,
                  VmpSlice b)
{
  g_assert_true (a.data == b.data);
  g_assert_cmpuint (a.len, ==, b.len);
}

static void
check_same_head (const VmpHttpHead *a,
                 const VmpHttpHead *b)
{
  check_same_slice (a->method, b->method);
  check_same_slice (a->target, b->target);
  check_same_slice (a->path, b->path);
  check_same_slice (a->host, b->host);
  g_assert_cmpint (a->minor_version, ==, b->minor_version);
  g_assert_cmpint (a->keep_alive, ==, b->keep_alive);
  g_assert_cmpint (a->expect_continue, ==, b->expect_continue);
  g_assert_cmpint (a->has_content_length, ==, b->has_content_length);
  g_assert_cmpint (a->framing, ==, b->framing);
  g_assert_cmpuint (a->content_length, ==, b->content_length);
  g_assert_cmpuint (a->n_fields, ==, b->n_fields);
  for (guint i = 0; i < a->n_fields; i++)
    {
      check_same_slice (a->fields[i].name, b->fields[i].name);
      check_same_slice (a->fields[i].value, b->fields[i].value);
    }
}

/* Reads an accepted head the simple way: as lines, each a name and a value. */
static void
check_head (const char        *data,
            gsize              len,
            const VmpHttpHead *head)
{
  g_autofree char *text = g_strndup (data, len);
  g_auto (GStrv) lines = g_strsplit (text, "\r\n", -1);
  guint n_lines = g_strv_length (lines);
  guint n_hosts = 0, n_lengths = 0, n_codings = 0;

  g_assert_cmpuint (strlen (text), ==, len);
  g_assert_cmpuint (len, <=, VMP_LIMIT_HEAD_BYTES);
  g_assert_cmpuint (n_lines, ==, head->n_fields + 3);
  g_assert_cmpstr (lines[n_lines - 1], ==, "");
  g_assert_cmpstr (lines[n_lines - 2], ==, "");

  check_inside (head->method, data, len);
  check_inside (head->target, data, len);
  check_inside (head->path, data, len);
  g_assert_cmpuint (head->method.len, >, 0);
  g_assert_cmpuint (head->path.len, >, 0);
  g_assert_true (head->target.data[0] == '/' || vmp_slice_equal (head->target, "*"));
  for (gsize i = 0; i < head->target.len; i++)
    g_assert_true ((guchar) head->target.data[i] > ' ' && head->target.data[i] != 0x7f && head->target.data[i] != '#');

  for (guint i = 0; i < head->n_fields; i++)
    {
      g_auto (GStrv) parts = g_strsplit (lines[i + 1], ":", 2);
      g_autofree char *name = g_strndup (head->fields[i].name.data, head->fields[i].name.len);
      g_autofree char *value = g_strndup (head->fields[i].value.data, head->fields[i].value.len);

      check_inside (head->fields[i].name, data, len);
      check_inside (head->fields[i].value, data, len);
      g_assert_cmpuint (g_strv_length (parts), ==, 2);
      g_assert_cmpstr (name, ==, parts[0]);
      g_assert_cmpstr (value, ==, g_strstrip (parts[1]));
      g_assert_cmpuint (strcspn (name, " \t\r\n\"(),/:;<=>?@[\\]{}"), ==, strlen (name));
      for (const char *c = lines[i + 1]; *c != '\0'; c++)
        g_assert_true ((guchar) *c >= ' ' || *c == '\t');

      n_hosts += g_ascii_strcasecmp (name, "host") == 0 ? 1 : 0;
      n_lengths += g_ascii_strcasecmp (name, "content-length") == 0 ? 1 : 0;
      n_codings += g_ascii_strcasecmp (name, "transfer-encoding") == 0 ? 1 : 0;
    }

  g_assert_cmpuint (n_hosts, <=, 1);
  g_assert_true (n_hosts == 1 || head->minor_version == 0);
  g_assert_cmpint (head->host.data != NULL, ==, n_hosts == 1);
  g_assert_cmpuint (n_lengths + n_codings, <=, 1);
  g_assert_cmpint (head->has_content_length, ==, n_lengths == 1);
  g_assert_cmpint (head->framing == VMP_BODY_CHUNKED, ==, n_codings == 1);
  g_assert_cmpint (head->framing == VMP_BODY_LENGTH, ==, head->content_length > 0);
}

/* Returns where the body begins: after a good head, or at once. */
static gsize
drive_head (const guint8 *data,
            gsize         size)
{
  static VmpHttpHead head, other;
  gsize head_len = 0;
  VmpHeadFault fault = parse_head (data, size, AT_ONCE, &head, &head_len);

  for (Way way = BYTEWISE; way < N_WAYS; way++)
    {
      gsize other_len = 0;

      g_assert_cmpint (parse_head (data, size, way, &other, &other_len), ==, fault);
      if (fault == VMP_HEAD_OK)
        {
          g_assert_cmpuint (other_len, ==, head_len);
          check_same_head (&head, &other);
        }
    }

  g_assert_cmpuint (vmp_head_fault_status (fault), >=, 200);
  g_assert_nonnull (vmp_head_fault_message (fault));
  if (fault != VMP_HEAD_OK)
    return 0;

  check_head ((const char *) data, head_len, &head);
  return head_len;
}

/* -- Chunked bodies ----------------------------------------------------------------------------------------- */

static VmpChunkResult
read_chunks (const guint8 *data,
             gsize         size,
             Way           way,
             GString      *body,
             gsize        *total)
{
  VmpChunkReader reader = { 0 };
  VmpChunkResult result = VMP_CHUNK_MORE;
  FuzzCuts cuts = fuzz_cuts_begin (data, size);
  gsize given = 0;

  *total = 0;
  while (result == VMP_CHUNK_DATA || (result == VMP_CHUNK_MORE && given < size))
    {
      const char *input = (const char *) data + *total;
      VmpSlice piece;
      gsize used;

      if (result == VMP_CHUNK_MORE)
        given += next_piece (way, &cuts, size - given);

      result = vmp_chunk_reader_next (&reader, input, given - *total, &used, &piece);
      g_assert_cmpuint (used, <=, given - *total);
      *total += used;
      if (result == VMP_CHUNK_DATA)
        {
          check_inside (piece, input, used);
          g_assert_cmpuint (piece.len, >, 0);
          g_string_append_len (body, piece.data, (gssize) piece.len);
        }
      else if (result == VMP_CHUNK_MORE)
        {
          g_assert_cmpuint (*total, ==, given);
        }
    }

  return result;
}

/* Reads a line that ends with CR LF, by looking for that. Returns its length without, or -1. */
static gssize
line_length (const char *text,
             gsize       len)
{
  for (gsize i = 0; i + 1 < len; i++)
    {
      if (text[i] == '\r' && text[i + 1] == '\n')
        return (gssize) i;
      if (text[i] == '\r' || ((guchar) text[i] < ' ' && text[i] != '\t') || text[i] == 0x7f)
        return -1;
    }

  return -1;
}

/* The plain reader: returns the length of the whole chunked body at @text, or 0 if there is none. */
static gsize
plain_read_chunks (const char *text,
                   gsize       len,
                   GString    *body)
{
  gsize at = 0;
  gsize trailer;

  while (TRUE)
    {
      gssize line = line_length (text + at, len - at);
      g_autofree char *size_line = NULL;
      char *rest;
      gsize digits, size;

      if (line < 0 || line > VMP_LIMIT_CHUNK_LINE_BYTES)
        return 0;

      size_line = g_strndup (text + at, (gsize) line);
      digits = strspn (size_line, "0123456789abcdefABCDEF");
      size = (gsize) g_ascii_strtoull (size_line, NULL, 16);
      rest = size_line + digits;
      rest += rest[strspn (rest, " \t")] == ';' ? strspn (rest, " \t") : 0;
      if (digits == 0 || digits > 15 || (*rest != '\0' && *rest != ';'))
        return 0;

      at += (gsize) line + 2;
      if (size == 0)
        break;
      if (size > len - at || len - at - size < 2 || memcmp (text + at + size, "\r\n", 2) != 0)
        return 0;
      g_string_append_len (body, text + at, (gssize) size);
      at += size + 2;
    }

  trailer = at;
  while (TRUE)
    {
      gssize line = line_length (text + at, len - at);

      if (line < 0)
        return 0;
      at += (gsize) line + 2;
      if (at - trailer > VMP_LIMIT_HEAD_BYTES)
        return 0;
      if (line == 0)
        return at;
    }
}

static void
drive_chunks (const guint8 *data,
              gsize         size)
{
  g_autoptr (GString) body = g_string_new (NULL);
  g_autoptr (GString) plain_body = g_string_new (NULL);
  gsize total;
  VmpChunkResult result = read_chunks (data, size, AT_ONCE, body, &total);
  gsize plain_total = plain_read_chunks ((const char *) data, size, plain_body);

  for (Way way = BYTEWISE; way < N_WAYS; way++)
    {
      g_autoptr (GString) other_body = g_string_new (NULL);
      gsize other_total;

      g_assert_cmpint (read_chunks (data, size, way, other_body, &other_total), ==, result);
      g_assert_cmpuint (other_total, ==, total);
      g_assert_true (g_string_equal (other_body, body));
    }

  g_assert_cmpint (result == VMP_CHUNK_END, ==, plain_total > 0);
  if (result == VMP_CHUNK_END)
    {
      g_assert_cmpuint (total, ==, plain_total);
      g_assert_true (g_string_equal (body, plain_body));
    }
}

int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  gsize begin = drive_head (data, size);

  drive_chunks (data + begin, size - begin);
  return 0;
}
