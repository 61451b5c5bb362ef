/* SPDX-License-Identifier: MIT
 *
 * Implementation of the plain reader. It keeps nothing from one call to the next: it interprets the stream from
 * its first byte each time, as https://html.spec.whatwg.org/multipage/server-sent-events.html says, with a data buffer.
 */

#include "naive-sse.h"

#include <string.h>

static void
read_line (const char *line,
           gsize       len,
           GString    *data)
{
  const char *colon = memchr (line, ':', len);
  gsize name_len = colon != NULL ? (gsize) (colon - line) : len;
  const char *value = colon != NULL ? colon + 1 : line + len;
  gsize value_len = (gsize) (line + len - value);

  if (value_len > 0 && *value == ' ')
    {
      value++;
      value_len--;
    }

  if (name_len == 4 && memcmp (line, "data", 4) == 0)
    {
      g_string_append_len (data, value, (gssize) value_len);
      g_string_append_c (data, '\n');
    }
}

void
naive_sse_read (const char *text,
                gsize       from,
                gsize       to,
                NaiveSse   *answer)
{
  g_autoptr (GString) data = g_string_new (NULL);
  gsize end_of_event = 0;
  gsize line = 0;
  gsize at;

  memset (answer, 0, sizeof *answer);

  if (to >= 3 && memcmp (text, "\xef\xbb\xbf", 3) == 0)
    line = 3;

  at = line;
  while (at < to)
    {
      gsize terminator = at;

      if (text[at] != '\n' && text[at] != '\r')
        {
          at++;
          continue;
        }

      at += text[at] == '\r' && at + 1 < to && text[at + 1] == '\n' ? 2 : 1;

      if (terminator > line)
        {
          read_line (text + line, terminator - line, data);
        }
      else
        {
          if (data->len > 0)
            answer->is_done = strcmp (data->str, "[DONE]\n") == 0 && data->len == 7;
          g_string_truncate (data, 0);
          end_of_event = at;
          if (terminator >= from)
            answer->whole = at - from;
        }

      line = at;
    }

  answer->is_inside = end_of_event < to;
}
