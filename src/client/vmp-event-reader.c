/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpEventReader: a line at a time, and the lines of the event under way.
 */

#include "client/vmp-event-reader.h"

#include <string.h>

#include "core/vmp-limits.h"

#define BOM "\xef\xbb\xbf"

struct _VmpEventReader {
  VmpClientEventFunc func;
  gpointer user_data;
  GString *line;
  GString *data;           /* lines, each with its end */
  char *id;                /* stays for the events after it */
  char *type;
  gboolean after_cr;       /* an LF that is next belongs to it */
  gboolean after_first;    /* the line that may begin with a byte-order mark has ended */
  gboolean ended;          /* @func wants no more */
};

VmpEventReader *
vmp_event_reader_new (VmpClientEventFunc func,
                      gpointer           user_data)
{
  VmpEventReader *self = g_new0 (VmpEventReader, 1);

  self->func = func;
  self->user_data = user_data;
  self->line = g_string_new (NULL);
  self->data = g_string_new (NULL);

  return self;
}

void
vmp_event_reader_free (VmpEventReader *self)
{
  g_string_free (self->line, TRUE);
  g_string_free (self->data, TRUE);
  g_free (self->id);
  g_free (self->type);
  g_free (self);
}

static void
end_event (VmpEventReader *self)
{
  if (self->data->len > 0)
    {
      const char *type = self->type != NULL && *self->type != '\0' ? self->type : "message";

      g_string_truncate (self->data, self->data->len - 1);
      self->ended = !self->func (self->user_data, self->id != NULL ? self->id : "", type, self->data->str);
    }

  g_string_truncate (self->data, 0);
  g_clear_pointer (&self->type, g_free);
}

static void
end_line (VmpEventReader *self)
{
  char *name;
  char *value;

  if (!self->after_first && g_str_has_prefix (self->line->str, BOM))
    g_string_erase (self->line, 0, strlen (BOM));
  self->after_first = TRUE;

  if (self->line->len == 0)
    {
      end_event (self);
      return;
    }

  name = self->line->str;
  value = strchr (name, ':');
  if (value == NULL)
    value = name + strlen (name);
  else
    *value++ = '\0';
  if (*value == ' ')
    value++;

  if (g_str_equal (name, "data"))
    {
      g_string_append (self->data, value);
      g_string_append_c (self->data, '\n');
    }
  else if (g_str_equal (name, "event"))
    {
      g_free (self->type);
      self->type = g_utf8_make_valid (value, -1);
    }
  else if (g_str_equal (name, "id"))
    {
      g_free (self->id);
      self->id = g_utf8_make_valid (value, -1);
    }

  g_string_truncate (self->line, 0);
}

/* Where the line ends that begins here; @end when it goes on after it. */
static const char *
find_line_end (const char *p,
               const char *end)
{
  const char *lf = memchr (p, '\n', end - p);
  const char *cr = memchr (p, '\r', (lf != NULL ? lf : end) - p);

  if (cr != NULL)
    return cr;

  return lf != NULL ? lf : end;
}

gboolean
vmp_event_reader_push (VmpEventReader *self,
                       const char     *bytes,
                       gsize           n)
{
  const char *p = bytes;
  const char *end = bytes + n;

  while (p < end && !self->ended)
    {
      const char *line_end;
      gboolean is_rest_of_end = self->after_cr && *p == '\n';

      self->after_cr = FALSE;
      if (is_rest_of_end)
        {
          p++;
          continue;
        }

      line_end = find_line_end (p, end);
      if (self->line->len + self->data->len + (line_end - p) > VMP_LIMIT_CLIENT_EVENT_BYTES)
        return FALSE;
      g_string_append_len (self->line, p, line_end - p);
      if (line_end == end)
        break;

      self->after_cr = *line_end == '\r';
      p = line_end + 1;
      end_line (self);
    }

  return TRUE;
}

gboolean
vmp_event_reader_is_ended (const VmpEventReader *self)
{
  return self->ended;
}
