/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: reading the head of a request, and a chunked body.
 */

#include "sim-head.h"

#include <string.h>

#define MAX_HEAD_BYTES (16 * 1024)  /* Node's --max-http-header-size */
#define MAX_LINE_BYTES 4096         /* of one chunk-size or trailer line */

enum {
  CHUNK_SIZE,
  CHUNK_EXTENSION,
  CHUNK_DATA,
  CHUNK_DATA_CR,
  CHUNK_DATA_LF,
  CHUNK_TRAILER_START,
  CHUNK_TRAILER,
  CHUNK_LAST_LF,
  CHUNK_END
};

static gboolean
is_token (const char *text)
{
  if (*text == '\0')
    return FALSE;
  for (; *text != '\0'; text++)
    if (!g_ascii_isalnum (*text) && strchr ("!#$%&'*+-.^_`|~", *text) == NULL)
      return FALSE;

  return TRUE;
}

static gboolean
has_word (const char *list,
          const char *word)
{
  g_auto (GStrv) words = g_strsplit (list, ",", -1);

  for (char **each = words; *each != NULL; each++)
    if (g_ascii_strcasecmp (g_strstrip (*each), word) == 0)
      return TRUE;

  return FALSE;
}

static gboolean
read_request_line (SimHead *self,
                   char    *line)
{
  char *target = strchr (line, ' ');
  char *version = target != NULL ? strchr (target + 1, ' ') : NULL;
  const char *question;

  if (version == NULL || version == target + 1)
    return FALSE;
  *target++ = '\0';
  *version++ = '\0';
  if (!is_token (line) || (strcmp (version, "HTTP/1.1") != 0 && strcmp (version, "HTTP/1.0") != 0))
    return FALSE;

  self->method = line;
  self->target = target;
  self->minor = version[7] == '1' ? 1 : 0;
  question = strchr (target, '?');
  self->path = question != NULL ? g_strndup (target, (gsize) (question - target)) : g_strdup (target);
  self->query = question != NULL ? question + 1 : NULL;

  return TRUE;
}

static gboolean
read_field (SimHead *self,
            char    *line)
{
  char *colon = strchr (line, ':');
  SimField field;

  if (colon == NULL)
    return FALSE;
  *colon = '\0';
  field.name = line;
  field.value = g_strstrip (colon + 1);
  if (!is_token (field.name))
    return FALSE;

  if (g_ascii_strcasecmp (field.name, "Content-Length") == 0)
    {
      guint64 length;

      if (!g_ascii_string_to_unsigned (field.value, 10, 0, G_MAXINT64, &length, NULL)
          || (self->length >= 0 && self->length != (gint64) length))
        return FALSE;
      self->length = (gint64) length;
    }
  else if (g_ascii_strcasecmp (field.name, "Transfer-Encoding") == 0)
    {
      if (!has_word (field.value, "chunked"))
        return FALSE;
      self->is_chunked = TRUE;
    }
  else if (g_ascii_strcasecmp (field.name, "Connection") == 0)
    {
      if (has_word (field.value, "close"))
        self->keep_alive = FALSE;
      else if (has_word (field.value, "keep-alive"))
        self->keep_alive = TRUE;
    }
  else if (g_ascii_strcasecmp (field.name, "Expect") == 0)
    self->expects_continue = g_ascii_strcasecmp (field.value, "100-continue") == 0;

  g_array_append_val (self->fields, field);

  return TRUE;
}

static SimHead *
read_lines (const char *data,
            gsize       len)
{
  SimHead *self = g_new0 (SimHead, 1);
  gboolean ok = TRUE;

  self->text = g_strndup (data, len);
  self->fields = g_array_new (FALSE, FALSE, sizeof (SimField));
  self->length = -1;

  ok = strlen (self->text) == len;  /* no NUL in it */
  for (char *line = self->text, *next; ok && line != NULL && *line != '\0'; line = next)
    {
      gsize length;

      next = strchr (line, '\n');
      if (next != NULL)
        *next++ = '\0';
      length = strlen (line);
      if (length > 0 && line[length - 1] == '\r')
        line[length - 1] = '\0';
      if (self->method == NULL)
        {
          ok = read_request_line (self, line);
          self->keep_alive = self->minor == 1;
        }
      else
        ok = read_field (self, line);
    }

  if (!ok || self->method == NULL || (self->is_chunked && self->length >= 0))
    g_clear_pointer (&self, sim_head_free);

  return self;
}

SimRead
sim_head_read (const char *data,
               gsize       len,
               SimHead   **head,
               gsize      *used)
{
  const char *from = data;
  gsize skipped = 0;

  /* Empty lines before a request line are ignored, as RFC 9112 asks. */
  while (skipped < len && (data[skipped] == '\r' || data[skipped] == '\n'))
    skipped++;
  from += skipped;
  len -= skipped;

  for (const char *lf = memchr (from, '\n', len); lf != NULL;
       lf = memchr (lf + 1, '\n', len - (gsize) (lf + 1 - from)))
    {
      gsize rest = len - (gsize) (lf + 1 - from);
      gsize end;

      if (rest >= 1 && lf[1] == '\n')
        end = 2;
      else if (rest >= 2 && lf[1] == '\r' && lf[2] == '\n')
        end = 3;
      else
        continue;

      *used = skipped + (gsize) (lf - from) + end;
      if (*used - skipped > MAX_HEAD_BYTES)
        return SIM_READ_TOO_BIG;
      *head = read_lines (from, (gsize) (lf - from) + 1);
      return *head != NULL ? SIM_READ_DONE : SIM_READ_BAD;
    }

  return len > MAX_HEAD_BYTES ? SIM_READ_TOO_BIG : SIM_READ_MORE;
}

void
sim_head_free (SimHead *self)
{
  if (self == NULL)
    return;

  g_array_unref (self->fields);
  g_free (self->path);
  g_free (self->text);
  g_free (self);
}

const char *
sim_head_get (const SimHead *self,
              const char    *name)
{
  for (guint i = 0; i < self->fields->len; i++)
    {
      const SimField *field = &g_array_index (self->fields, SimField, i);

      if (g_ascii_strcasecmp (field->name, name) == 0)
        return field->value;
    }

  return NULL;
}

SimRead
sim_dechunk (SimDechunk *self,
             const char *data,
             gsize       len,
             gsize      *used,
             GByteArray *body)
{
  gsize i = 0;

  while (i < len && self->state != CHUNK_END)
    {
      char c = data[i];

      switch (self->state)
        {
        case CHUNK_SIZE:
          if (g_ascii_isxdigit (c))
            {
              if (++self->digits > 15)
                return SIM_READ_BAD;
              self->left = self->left * 16 + (guint) g_ascii_xdigit_value (c);
              break;
            }
          if (self->digits == 0)
            return SIM_READ_BAD;
          self->digits = 0;
          self->state = CHUNK_EXTENSION;
          continue;

        case CHUNK_EXTENSION:
          if (++self->digits > MAX_LINE_BYTES)
            return SIM_READ_BAD;
          if (c == '\n')
            {
              self->digits = 0;
              self->state = self->left > 0 ? CHUNK_DATA : CHUNK_TRAILER_START;
            }
          break;

        case CHUNK_DATA:
          {
            gsize n = (gsize) MIN (self->left, len - i);

            g_byte_array_append (body, (const guint8 *) data + i, (guint) n);
            self->left -= n;
            i += n;
            if (self->left == 0)
              self->state = CHUNK_DATA_CR;
            continue;
          }

        case CHUNK_DATA_CR:
          if (c == '\r')
            {
              self->state = CHUNK_DATA_LF;
              break;
            }
          G_GNUC_FALLTHROUGH;
        case CHUNK_DATA_LF:
          if (c != '\n')
            return SIM_READ_BAD;
          self->state = CHUNK_SIZE;
          break;

        case CHUNK_TRAILER_START:
          self->state = c == '\r' ? CHUNK_LAST_LF : c == '\n' ? CHUNK_END : CHUNK_TRAILER;
          break;

        case CHUNK_TRAILER:
          if (++self->digits > MAX_LINE_BYTES)
            return SIM_READ_BAD;
          if (c == '\n')
            self->state = CHUNK_TRAILER_START;
          break;

        case CHUNK_LAST_LF:
        default:
          if (c != '\n')
            return SIM_READ_BAD;
          self->state = CHUNK_END;
          break;
        }
      i++;
    }
  *used = i;

  return self->state == CHUNK_END ? SIM_READ_DONE : SIM_READ_MORE;
}
