/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpSplice. What was said is kept as it stood in the events, escapes and all: put together it is a
 * string of JSON as good as its parts, so nothing is decoded on the way from one node to the next.
 */

#include "relay/vmp-splice.h"

#include <string.h>

#include "core/vmp-json-string.h"
#include "core/vmp-limits.h"
#include "relay/vmp-splice-private.h"

static const char bom[] = "\xef\xbb\xbf";

typedef enum {
  STATE_SILENT,     /* nothing was said yet */
  STATE_SAYING,
  STATE_REASONING,
  STATE_OTHER,      /* something was said that cannot be continued; for good, as the next */
  STATE_OVER
} State;

struct _VmpSplice {
  const VmpCall *call;
  State state;
  guint n_parts;
  gboolean at_start;       /* of a part: a byte-order mark may be next */
  gboolean has_identity;
  gboolean has_role;       /* the client has been told who speaks */
  gboolean has_finish;     /* and why the answer ends */
  char *identity[VMP_SPLICE_N_IDENTITY]; /* as they stood in the first chunk; NULL: they did not */
  VmpBuffer text;          /* said so far, with its escapes */
  gint64 prompt_tokens;    /* without what was said so far; -1: not told */
  gint64 tokens;           /* of the part that runs: as told, else an event each */
  gint64 text_tokens;      /* of them, events with text, and with reasoning */
  gint64 reasoning_tokens;
  gint64 earlier_tokens;   /* of the parts before it, and likewise */
  gint64 earlier_text_tokens;
  gint64 earlier_reasoning_tokens;
  GString *joined;         /* the data of an event with several lines */
  VmpBuffer chunk;         /* one that is being rewritten */
};

/* -- Life ------------------------------------------------------------------------------------ */

VmpSplice *
vmp_splice_new (const VmpCall *call)
{
  VmpSplice *self;

  g_return_val_if_fail (call != NULL, NULL);

  if (!vmp_splice_fits (call))
    return NULL;

  self = g_new0 (VmpSplice, 1);
  self->call = call;
  self->n_parts = 1;
  self->at_start = TRUE;
  self->prompt_tokens = -1;

  return self;
}

void
vmp_splice_free (VmpSplice *self)
{
  guint i;

  if (self == NULL)
    return;

  for (i = 0; i < VMP_SPLICE_N_IDENTITY; i++)
    g_free (self->identity[i]);
  if (self->joined != NULL)
    g_string_free (self->joined, TRUE);
  vmp_buffer_clear (&self->text);
  vmp_buffer_clear (&self->chunk);
  g_free (self);
}

/* -- What was said --------------------------------------------------------------------------- */

static void
end_state (VmpSplice *self,
           State      state)
{
  self->state = MAX (self->state, state);
  vmp_buffer_clear (&self->text);
}

static void
note_text (VmpSplice *self,
           VmpSlice   text)
{
  if (text.len > VMP_LIMIT_SPLICE_BYTES - vmp_buffer_len (&self->text))
    {
      end_state (self, STATE_OTHER);
      return;
    }

  vmp_buffer_append (&self->text, text.data, text.len);
  self->state = STATE_SAYING;
  self->text_tokens++;
}

static void
note_chunk (VmpSplice            *self,
            const VmpSpliceChunk *chunk)
{
  gint64 completion = vmp_splice_read_number (chunk->counts[VMP_SPLICE_COMPLETION_TOKENS]);
  gint64 prompt = vmp_splice_read_number (chunk->counts[VMP_SPLICE_PROMPT_TOKENS]);
  guint i;

  if (chunk->has_choice && !self->has_identity)
    {
      self->has_identity = TRUE;
      for (i = 0; i < VMP_SPLICE_N_IDENTITY; i++)
        {
          VmpSlice value = chunk->identity[i];

          if (value.len > 0 && value.len <= VMP_LIMIT_SPLICE_IDENTITY_BYTES)
            self->identity[i] = g_strndup (value.data, value.len);
        }
    }
  self->has_role = self->has_role || chunk->role.data != NULL;
  self->has_finish = self->has_finish || chunk->is_finish;

  if (chunk->text.len > 0 || chunk->is_reasoning)
    self->tokens++;
  if (chunk->is_reasoning)
    self->reasoning_tokens++;
  if (completion >= 0)
    self->tokens = completion;
  if (prompt >= 0 && self->n_parts == 1)
    self->prompt_tokens = prompt;

  if (self->state >= STATE_OTHER)
    return;
  if (chunk->is_reasoning)
    self->state = STATE_REASONING;
  if (chunk->text.len > 0)
    note_text (self, chunk->text);
  if (chunk->is_over)
    end_state (self, STATE_OVER);
  else if (chunk->is_other)
    end_state (self, STATE_OTHER);
}

/* -- Events ---------------------------------------------------------------------------------- */

/* The line at @p, without its end. @next: (out): after that */
static VmpSlice
read_line (const char  *p,
           const char  *end,
           const char **next)
{
  const char *lf = memchr (p, '\n', (gsize) (end - p));
  const char *line_end = lf != NULL ? lf : end;
  const char *cr = memchr (p, '\r', (gsize) (line_end - p));

  if (cr != NULL)
    line_end = cr;
  *next = line_end;
  if (line_end < end)
    *next += cr != NULL && cr + 1 < end && cr[1] == '\n' ? 2 : 1;

  return (VmpSlice) { p, (gsize) (line_end - p) };
}

static gboolean
is_data (VmpSlice  line,
         VmpSlice *value)
{
  static const char name[] = "data";
  gsize skipped = strlen (name);

  if (line.len < skipped || memcmp (line.data, name, skipped) != 0
      || (line.len > skipped && line.data[skipped] != ':'))
    return FALSE;

  if (line.len > skipped)
    skipped++;
  if (line.len > skipped && line.data[skipped] == ' ')
    skipped++;
  *value = (VmpSlice) { line.data + skipped, line.len - skipped };

  return TRUE;
}

typedef struct {
  VmpSlice all;   /* with the empty line that ends it */
  VmpSlice data;  /* of all its lines */
  guint n_data;   /* how many those are */
} Event;

/* Reads the first of whole events. What is between two lines of JSON is white space, so they become one. */
static Event
read_event (VmpSplice  *self,
            const char *p,
            const char *end)
{
  Event event = { .all = { p, 0 } };

  while (p < end)
    {
      VmpSlice line = read_line (p, end, &p);
      VmpSlice value;

      if (line.len == 0)
        break;
      if (!is_data (line, &value))
        continue;

      if (event.n_data == 0)
        {
          event.data = value;
        }
      else
        {
          if (self->joined == NULL)
            self->joined = g_string_new (NULL);
          if (event.n_data == 1)
            {
              g_string_truncate (self->joined, 0);
              g_string_append_len (self->joined, event.data.data, (gssize) event.data.len);
            }
          g_string_append_c (self->joined, ' ');
          g_string_append_len (self->joined, value.data, (gssize) value.len);
          event.data = (VmpSlice) { self->joined->str, self->joined->len };
        }
      event.n_data++;
    }
  event.all.len = (gsize) (p - event.all.data);

  return event;
}

/* Passes an event on with other data in the place of its own. */
static void
send_changed (const Event     *event,
              const VmpBuffer *data,
              VmpBuffer       *out)
{
  const char *p = event->all.data;
  const char *end = p + event->all.len;
  gboolean is_first = TRUE;

  while (p < end)
    {
      const char *next;
      VmpSlice line = read_line (p, end, &next);
      VmpSlice value;

      if (!is_data (line, &value))
        {
          vmp_buffer_append (out, p, (gsize) (next - p));
        }
      else if (is_first)
        {
          vmp_buffer_append (out, "data: ", strlen ("data: "));
          vmp_buffer_append (out, vmp_buffer_peek (data), vmp_buffer_len (data));
          vmp_buffer_append (out, line.data + line.len, (gsize) (next - line.data) - line.len);
          is_first = FALSE;
        }
      p = next;
    }
}

/* -- Later parts ----------------------------------------------------------------------------- */

/* The prompt of a later part holds what was said before it. When the first one did not live to tell its own, it is that
 * without the text. */
static gint64
whole_prompt (VmpSplice *self,
              gint64     told)
{
  if (self->prompt_tokens < 0)
    self->prompt_tokens = MAX (told - self->earlier_text_tokens, 0);

  return self->prompt_tokens;
}

/* What the usage of a later part is to say for all of them; -1 where it says nothing. */
static void
sum_counts (VmpSplice            *self,
            const VmpSpliceChunk *chunk,
            gint64                counts[VMP_SPLICE_N_COUNTS])
{
  guint i;

  for (i = 0; i < VMP_SPLICE_N_COUNTS; i++)
    counts[i] = vmp_splice_read_number (chunk->counts[i]);

  if (counts[VMP_SPLICE_PROMPT_TOKENS] >= 0)
    counts[VMP_SPLICE_PROMPT_TOKENS] = whole_prompt (self, counts[VMP_SPLICE_PROMPT_TOKENS]);
  if (counts[VMP_SPLICE_COMPLETION_TOKENS] >= 0)
    counts[VMP_SPLICE_COMPLETION_TOKENS] += self->earlier_tokens;
  if (counts[VMP_SPLICE_REASONING_TOKENS] >= 0)
    counts[VMP_SPLICE_REASONING_TOKENS] += self->earlier_reasoning_tokens;
  if (counts[VMP_SPLICE_TOTAL_TOKENS] >= 0 && counts[VMP_SPLICE_PROMPT_TOKENS] >= 0
      && counts[VMP_SPLICE_COMPLETION_TOKENS] >= 0)
    counts[VMP_SPLICE_TOTAL_TOKENS] = counts[VMP_SPLICE_PROMPT_TOKENS] + counts[VMP_SPLICE_COMPLETION_TOKENS];
}

/* Makes one stream's chunk of another's. */
static void
send_chunk (VmpSplice            *self,
            const Event          *event,
            const VmpSpliceChunk *chunk,
            VmpBuffer            *out)
{
  VmpSpliceEdit edits[VMP_SPLICE_N_IDENTITY + VMP_SPLICE_N_COUNTS + 1];
  char numbers[VMP_SPLICE_N_COUNTS][24];
  gint64 counts[VMP_SPLICE_N_COUNTS];
  guint n = 0;
  guint i;

  for (i = 0; i < VMP_SPLICE_N_IDENTITY; i++)
    {
      if (chunk->identity[i].data != NULL && self->identity[i] != NULL)
        edits[n++] = (VmpSpliceEdit) { chunk->identity[i], vmp_slice (self->identity[i]) };
    }
  if (chunk->role.data != NULL && self->has_role)
    edits[n++] = (VmpSpliceEdit) { chunk->role, { "", 0 } };

  sum_counts (self, chunk, counts);
  for (i = 0; i < VMP_SPLICE_N_COUNTS; i++)
    {
      if (counts[i] < 0)
        continue;
      g_snprintf (numbers[i], sizeof numbers[i], "%" G_GINT64_FORMAT, counts[i]);
      edits[n++] = (VmpSpliceEdit) { chunk->counts[i], vmp_slice (numbers[i]) };
    }

  vmp_splice_edit (event->data, edits, n, &self->chunk);
  send_changed (event, &self->chunk, out);
  vmp_buffer_consume (&self->chunk, vmp_buffer_len (&self->chunk));
  vmp_buffer_trim (&self->chunk, VMP_LIMIT_REPLY_LOW_BYTES);
}

/* @out: NULL in the first part, whose events are passed on already */
static void
take_event (VmpSplice   *self,
            const Event *event,
            VmpBuffer   *out)
{
  VmpSpliceChunk chunk;
  gboolean had_role = self->has_role;
  gboolean is_chunk = FALSE;

  if (event->n_data > 0 && vmp_slice_equal (vmp_slice_trim (event->data), "[DONE]"))
    end_state (self, STATE_OVER);
  else if (event->n_data > 0 && vmp_splice_read_chunk (event->data, &chunk))
    is_chunk = TRUE;
  else if (event->n_data > 0) /* nobody knows what it said */
    end_state (self, STATE_OTHER);

  if (is_chunk)
    note_chunk (self, &chunk);
  if (out == NULL)
    return;

  if (!is_chunk)
    {
      vmp_buffer_append (out, event->all.data, event->all.len);
    }
  else if (!chunk.is_role_alone || !had_role)
    {
      if (!had_role)
        chunk.role = (VmpSlice) { NULL, 0 };
      send_chunk (self, event, &chunk, out);
    }
}

void
vmp_splice_push (VmpSplice  *self,
                 const char *data,
                 gsize       len,
                 VmpBuffer  *out)
{
  gboolean is_first;
  const char *p = data;
  const char *end;

  g_return_if_fail (self != NULL);
  g_return_if_fail (data != NULL || len == 0);
  g_return_if_fail (out != NULL);

  if (len == 0)
    return;

  is_first = self->n_parts == 1;
  if (is_first)
    vmp_buffer_append (out, data, len);
  if (is_first && self->state == STATE_OVER)
    return;

  end = data + len;
  if (self->at_start && len >= strlen (bom) && memcmp (p, bom, strlen (bom)) == 0)
    p += strlen (bom);
  self->at_start = FALSE;

  while (p < end)
    {
      Event event = read_event (self, p, end);

      take_event (self, &event, is_first ? NULL : out);
      p += event.all.len;
    }
}

gboolean
vmp_splice_can_continue (VmpSplice *self)
{
  g_autofree char *text = NULL;
  const char *raw;
  gsize len;
  gssize plain;

  g_return_val_if_fail (self != NULL, FALSE);

  if (self->state != STATE_SAYING)
    return self->state == STATE_SILENT;

  raw = vmp_buffer_peek (&self->text);
  len = vmp_buffer_len (&self->text);
  text = g_malloc (len + 1);
  plain = vmp_json_undo_escapes ((const guint8 *) raw, (const guint8 *) raw + len, text);
  if (plain < 0) /* half a character that was sent as two escapes: the other half is lost */
    return FALSE;
  text[plain] = '\0';

  /* Reasoning that was not told apart. */
  return !g_str_has_prefix (g_strchug (text), "<think>") || strstr (text, "</think>") != NULL;
}

void
vmp_splice_miss (VmpSplice *self)
{
  g_return_if_fail (self != NULL);

  end_state (self, STATE_OTHER);
}

/* The event that tells that the limit of tokens is reached. */
static void
write_finish (VmpSplice *self,
              VmpBuffer *out)
{
  static const char * const names[VMP_SPLICE_N_IDENTITY] = {
    [VMP_SPLICE_ID] = "id",
    [VMP_SPLICE_CREATED] = "created",
    [VMP_SPLICE_MODEL] = "model",
    [VMP_SPLICE_FINGERPRINT] = "system_fingerprint",
  };
  gboolean is_chat = vmp_splice_is_chat (self->call);
  g_autoptr (GString) event = g_string_new ("data: {");
  guint i;

  g_string_append_printf (event, "\"object\":\"%s\"", is_chat ? "chat.completion.chunk" : "text_completion");
  for (i = 0; i < VMP_SPLICE_N_IDENTITY; i++)
    {
      if (self->identity[i] != NULL)
        g_string_append_printf (event, ",\"%s\":%s", names[i], self->identity[i]);
    }
  g_string_append_printf (event, ",\"choices\":[{\"index\":0,%s,\"logprobs\":null,\"finish_reason\":\"length\"}]}\n\n",
                          is_chat ? "\"delta\":{}" : "\"text\":\"\"");
  vmp_buffer_append (out, event->str, event->len);
}

gboolean
vmp_splice_end (VmpSplice *self,
                VmpBuffer *out)
{
  static const char done[] = "data: [DONE]\n\n";

  g_return_val_if_fail (self != NULL, FALSE);
  g_return_val_if_fail (out != NULL, FALSE);

  if (!self->has_finish && !vmp_splice_is_spent (self->call, self->earlier_tokens + self->tokens))
    return FALSE;

  if (!self->has_finish)
    write_finish (self, out);
  vmp_buffer_append (out, done, strlen (done));
  end_state (self, STATE_OVER);

  return TRUE;
}

void
vmp_splice_begin_next (VmpSplice *self)
{
  g_return_if_fail (self != NULL);

  self->n_parts++;
  self->at_start = TRUE;
  self->earlier_tokens += self->tokens;
  self->earlier_text_tokens += self->text_tokens;
  self->earlier_reasoning_tokens += self->reasoning_tokens;
  self->tokens = 0;
  self->text_tokens = 0;
  self->reasoning_tokens = 0;
}

guint
vmp_splice_count_parts (VmpSplice *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return self->n_parts;
}

char *
vmp_splice_make_body (VmpSplice  *self,
                      const char *model,
                      gsize      *len)
{
  VmpSlice text;

  g_return_val_if_fail (self != NULL, NULL);
  g_return_val_if_fail (len != NULL, NULL);

  text = (VmpSlice) { vmp_buffer_peek (&self->text), vmp_buffer_len (&self->text) };

  return vmp_splice_write_body (self->call, model, text, self->earlier_tokens + self->tokens, len);
}
