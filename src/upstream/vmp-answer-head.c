/* SPDX-License-Identifier: MIT
 *
 * Implementation of the strict reading of answer heads.
 */

#include "upstream/vmp-answer-head.h"

#include <string.h>

#define STATUS_LINE_START "HTTP/1.1 200"

/* Takes the next line, without its end. */
static gboolean
next_line (VmpSlice *rest,
           VmpSlice *line)
{
  const char *lf = rest->len > 0 ? memchr (rest->data, '\n', rest->len) : NULL;

  if (lf == NULL)
    return FALSE;

  *line = (VmpSlice) { rest->data, lf - rest->data };
  rest->data += line->len + 1;
  rest->len -= line->len + 1;
  if (line->len > 0 && line->data[line->len - 1] == '\r')
    line->len--;

  return TRUE;
}

/* Two lengths that differ are an attempt to make two readers see two answers. */
static gboolean
take_length (VmpSlice value,
             gint64  *length)
{
  gint64 number = 0;
  gsize i;

  if (value.len == 0 || value.len > 18)
    return FALSE;

  for (i = 0; i < value.len; i++)
    {
      if (!g_ascii_isdigit (value.data[i]))
        return FALSE;
      number = number * 10 + (value.data[i] - '0');
    }
  if (*length >= 0 && *length != number)
    return FALSE;

  *length = number;
  return TRUE;
}

const char *
vmp_answer_head_parse (VmpSlice         text,
                       VmpHttpField     fields[VMP_LIMIT_HEAD_FIELDS],
                       VmpTransferHead *head)
{
  gboolean has_coding = FALSE;
  VmpSlice line;

  *head = (VmpTransferHead) { .fields = fields, .length = -1 };

  if (!next_line (&text, &line) || vmp_slice_has_control (line))
    return "has a malformed status line";
  if (line.len > strlen (STATUS_LINE_START " "))
    head->reason = (VmpSlice) { line.data + strlen (STATUS_LINE_START " "), line.len - strlen (STATUS_LINE_START " ") };

  while (next_line (&text, &line) && line.len > 0)
    {
      const char *colon = memchr (line.data, ':', line.len);
      VmpHttpField *field;

      if (head->n_fields == VMP_LIMIT_HEAD_FIELDS)
        return "has too many header fields";

      field = &fields[head->n_fields++];
      field->name = (VmpSlice) { line.data, colon != NULL ? (gsize) (colon - line.data) : 0 };
      if (!vmp_slice_is_token (field->name) || vmp_slice_has_control (line))
        return "has a malformed header field";
      field->value = vmp_slice_trim ((VmpSlice) { colon + 1, line.len - field->name.len - 1 });

      if (vmp_slice_equal_nocase (field->name, "Transfer-Encoding"))
        has_coding = TRUE;
      else if (vmp_slice_equal_nocase (field->name, "Content-Length") && !take_length (field->value, &head->length))
        return "has a malformed Content-Length";
    }

  if (has_coding)
    head->length = -1;
  head->ends_by_close = !has_coding && head->length < 0;

  return NULL;
}
