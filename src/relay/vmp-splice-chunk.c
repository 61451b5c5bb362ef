/* SPDX-License-Identifier: MIT
 *
 * Reads one chunk of a chat or a completion: where its values are, and what kind of thing it says. The scanner has
 * judged the grammar before anything in here looks at it; what an odd value means is decided so that the stream is
 * rather not continued.
 */

#include "relay/vmp-splice-private.h"

#include "core/vmp-json-scan.h"
#include "core/vmp-json-string.h"

#define MOST_TOKENS (G_GINT64_CONSTANT (1) << 53)

/* -- JSON as it stands --------------------------------------------------------------------- */

static const char *
skip_space (const char *p,
            const char *end)
{
  while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
    p++;

  return p;
}

static const char *
skip_string (const char *p,
             const char *end)
{
  const guint8 *after = vmp_json_skip_string ((const guint8 *) p, (const guint8 *) end);

  return after != NULL ? (const char *) after : end;
}

static const char *
skip_value (const char *p,
            const char *end)
{
  guint depth = 0;

  while (p < end)
    {
      switch (*p)
        {
        case '"':
          p = skip_string (p, end);
          break;

        case '{':
        case '[':
          depth++;
          p++;
          continue;

        case '}':
        case ']':
          depth--;
          p++;
          break;

        case ',':
        case ':':
        case ' ':
        case '\n':
        case '\r':
        case '\t':
          p++;
          continue;

        default: /* a number or a word */
          do
            p++;
          while (p < end && (g_ascii_isalnum (*p) || *p == '+' || *p == '-' || *p == '.'));
          break;
        }

      if (depth == 0)
        break;
    }

  return p;
}

VmpSpliceWalk
vmp_splice_walk (VmpSlice value)
{
  return (VmpSpliceWalk) { value.data + 1, value.data + value.len };
}

gboolean
vmp_splice_walk_next (VmpSpliceWalk *self,
                      VmpSlice      *key,
                      VmpSlice      *value)
{
  const char *p = skip_space (self->p, self->end);
  const char *start;

  if (p < self->end && *p == ',')
    p = skip_space (p + 1, self->end);
  if (p >= self->end || *p == '}' || *p == ']')
    return FALSE;

  *key = (VmpSlice) { p, 0 };
  start = p;
  p = skip_value (p, self->end);
  *value = (VmpSlice) { start, (gsize) (p - start) };

  /* A string before a colon was a name. */
  p = skip_space (p, self->end);
  if (p < self->end && *p == ':')
    {
      *key = (VmpSlice) { start + 1, value->len - 2 };
      start = skip_space (p + 1, self->end);
      p = skip_value (start, self->end);
      *value = (VmpSlice) { start, (gsize) (p - start) };
    }
  self->p = p;

  return TRUE;
}

gint64
vmp_splice_read_number (VmpSlice value)
{
  gint64 number = 0;
  gsize i;

  for (i = 0; i < value.len; i++)
    {
      if (!g_ascii_isdigit (value.data[i]))
        return -1;
      number = MIN (number * 10 + (value.data[i] - '0'), MOST_TOKENS);
    }

  return value.len > 0 ? number : -1;
}

static gboolean
is_of_kind (VmpSlice value,
            char     first)
{
  return value.len > 0 && value.data[0] == first;
}

/* null, "", [] or {}: what a member holds that says nothing. */
static gboolean
says_nothing (VmpSlice value)
{
  static const char * const nothings[] = { "null", "\"\"", "[]", "{}" };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (nothings); i++)
    {
      if (vmp_slice_equal (value, nothings[i]))
        return TRUE;
    }

  return FALSE;
}

static gboolean
is_any_of (VmpSlice            key,
           const char * const *names)
{
  for (; *names != NULL; names++)
    {
      if (vmp_slice_equal (key, *names))
        return TRUE;
    }

  return FALSE;
}

/* -- Chunks -------------------------------------------------------------------------------- */

static void
read_text (VmpSlice        value,
           VmpSpliceChunk *chunk)
{
  if (is_of_kind (value, '"'))
    chunk->text = (VmpSlice) { value.data + 1, value.len - 2 };
  else if (!says_nothing (value))
    chunk->is_other = TRUE;
}

static void
read_delta (VmpSlice        delta,
            VmpSpliceChunk *chunk)
{
  static const char * const reasoning[] = { "reasoning", "reasoning_content", "reasoning_details", NULL };
  static const char * const others[] = { "tool_calls", "function_call", "refusal", "audio", NULL };
  VmpSpliceWalk walk = vmp_splice_walk (delta);
  const char *before = NULL;   /* the end of the member before the role */
  const char *last_end = NULL;
  gboolean was_role = FALSE;
  gboolean is_alone = TRUE;
  VmpSlice key, value;

  while (vmp_splice_walk_next (&walk, &key, &value))
    {
      /* The role goes with the comma after it, or with the one before it when it is the last. */
      if (was_role)
        chunk->role.len = (gsize) (key.data - 1 - chunk->role.data);
      was_role = vmp_slice_equal (key, "role");
      if (was_role)
        {
          before = last_end;
          chunk->role = (VmpSlice) { key.data - 1, (gsize) (value.data + value.len - key.data + 1) };
        }
      else
        {
          is_alone = is_alone && says_nothing (value);
        }
      last_end = value.data + value.len;

      if (vmp_slice_equal (key, "content"))
        read_text (value, chunk);
      else if (is_any_of (key, reasoning))
        chunk->is_reasoning = chunk->is_reasoning || !says_nothing (value);
      else if (is_any_of (key, others))
        chunk->is_other = chunk->is_other || !says_nothing (value);
    }

  if (was_role && before != NULL)
    {
      chunk->role.len += (gsize) (chunk->role.data - before);
      chunk->role.data = before;
    }
  chunk->is_role_alone = chunk->role.data != NULL && is_alone;
}

static void
read_choice (VmpSlice        choice,
             VmpSpliceChunk *chunk)
{
  VmpSpliceWalk walk;
  VmpSlice key, value;

  if (!is_of_kind (choice, '{'))
    {
      chunk->is_other = TRUE;
      return;
    }

  walk = vmp_splice_walk (choice);
  while (vmp_splice_walk_next (&walk, &key, &value))
    {
      if (vmp_slice_equal (key, "delta") && is_of_kind (value, '{'))
        read_delta (value, chunk);
      else if (vmp_slice_equal (key, "text"))
        read_text (value, chunk);
      else if (vmp_slice_equal (key, "finish_reason"))
        chunk->is_finish = chunk->is_finish || !says_nothing (value);
      else if (vmp_slice_equal (key, "index") && !vmp_slice_equal (value, "0"))
        chunk->is_other = TRUE;
    }
}

static void
read_choices (VmpSlice        choices,
              VmpSpliceChunk *chunk)
{
  VmpSpliceWalk walk = vmp_splice_walk (choices);
  VmpSlice key, value;

  while (vmp_splice_walk_next (&walk, &key, &value))
    {
      if (chunk->has_choice)
        {
          chunk->is_other = TRUE;
          return;
        }
      chunk->has_choice = TRUE;
      read_choice (value, chunk);
    }
}

/* A usage, or the details of one: no name is in both. */
static void
read_counts (VmpSlice        counts,
             VmpSpliceChunk *chunk)
{
  static const char * const names[VMP_SPLICE_N_COUNTS] = {
    [VMP_SPLICE_PROMPT_TOKENS] = "prompt_tokens",
    [VMP_SPLICE_COMPLETION_TOKENS] = "completion_tokens",
    [VMP_SPLICE_TOTAL_TOKENS] = "total_tokens",
    [VMP_SPLICE_REASONING_TOKENS] = "reasoning_tokens",
  };
  VmpSpliceWalk walk = vmp_splice_walk (counts);
  VmpSlice key, value;
  guint i;

  while (vmp_splice_walk_next (&walk, &key, &value))
    {
      for (i = 0; i < VMP_SPLICE_N_COUNTS; i++)
        {
          if (vmp_slice_equal (key, names[i]) && vmp_splice_read_number (value) >= 0)
            chunk->counts[i] = value;
        }
    }
}

static void
read_usage (VmpSlice        usage,
            VmpSpliceChunk *chunk)
{
  VmpSpliceWalk walk = vmp_splice_walk (usage);
  VmpSlice key, value;

  read_counts (usage, chunk);
  while (vmp_splice_walk_next (&walk, &key, &value))
    {
      if (vmp_slice_equal (key, "completion_tokens_details") && is_of_kind (value, '{'))
        read_counts (value, chunk);
    }
}

static gboolean
has_usage (const VmpSpliceChunk *chunk)
{
  guint i;

  for (i = 0; i < VMP_SPLICE_N_COUNTS; i++)
    {
      if (chunk->counts[i].data != NULL)
        return TRUE;
    }

  return FALSE;
}

gboolean
vmp_splice_read_chunk (VmpSlice        data,
                       VmpSpliceChunk *chunk)
{
  static const char * const identity[VMP_SPLICE_N_IDENTITY] = {
    [VMP_SPLICE_ID] = "id",
    [VMP_SPLICE_CREATED] = "created",
    [VMP_SPLICE_MODEL] = "model",
    [VMP_SPLICE_FINGERPRINT] = "system_fingerprint",
  };
  const char *start = skip_space (data.data, data.data + data.len);
  VmpSpliceWalk walk = { start + 1, data.data + data.len };
  VmpSlice key, value;
  VmpJsonScan scan;
  guint i;

  *chunk = (VmpSpliceChunk) { .is_over = FALSE };
  if (!vmp_json_scan (data.data, data.len, &scan))
    return FALSE;

  while (vmp_splice_walk_next (&walk, &key, &value))
    {
      for (i = 0; i < VMP_SPLICE_N_IDENTITY; i++)
        {
          if (vmp_slice_equal (key, identity[i]))
            chunk->identity[i] = value;
        }

      if (vmp_slice_equal (key, "choices") && is_of_kind (value, '['))
        read_choices (value, chunk);
      else if (vmp_slice_equal (key, "usage") && is_of_kind (value, '{'))
        read_usage (value, chunk);
      else if (vmp_slice_equal (key, "error"))
        chunk->is_over = chunk->is_over || !says_nothing (value);
    }
  chunk->is_over = chunk->is_over || chunk->is_finish;
  chunk->is_role_alone = chunk->is_role_alone && !chunk->is_over && !chunk->is_other && !has_usage (chunk);

  return TRUE;
}

/* -- Edits --------------------------------------------------------------------------------- */

void
vmp_splice_edit (VmpSlice       text,
                 VmpSpliceEdit *edits,
                 guint          n_edits,
                 VmpBuffer     *out)
{
  const char *p = text.data;
  guint i, j;

  for (i = 1; i < n_edits; i++)
    {
      VmpSpliceEdit edit = edits[i];

      for (j = i; j > 0 && edits[j - 1].old.data > edit.old.data; j--)
        edits[j] = edits[j - 1];
      edits[j] = edit;
    }

  for (i = 0; i < n_edits; i++)
    {
      vmp_buffer_append (out, p, (gsize) (edits[i].old.data - p));
      vmp_buffer_append (out, edits[i].new.data, edits[i].new.len);
      p = edits[i].old.data + edits[i].old.len;
    }
  vmp_buffer_append (out, p, (gsize) (text.data + text.len - p));
}
