/* SPDX-License-Identifier: MIT
 *
 * What routing goes by in a call's body: whether there is an image or a tool in it, how much context it will take, and
 * the digest of its beginning. It looks at the spans that the scan has found, and builds no tree.
 */

#include "routing/vmp-router-private.h"

#include <string.h>

/* A body of less than this is read again each time, which costs less than to remember it. */
#define SHORT_BODY_BYTES (16 * 1024)

/* Bytes of text per token, as it is for English; other languages have fewer. */
#define BYTES_PER_TOKEN 4

/* What holds the prompt, and so may hold images. */
static const VmpMember prompt_members[] = { VMP_MEMBER_MESSAGES, VMP_MEMBER_INPUT, VMP_MEMBER_PROMPT };

/* What else the model reads. */
static const VmpMember other_members[] = { VMP_MEMBER_TOOLS, VMP_MEMBER_SYSTEM, VMP_MEMBER_INSTRUCTIONS };

static const char *
skip_blanks (const char *cursor,
             const char *end)
{
  while (cursor < end && (*cursor == ' ' || *cursor == '\t' || *cursor == '\n' || *cursor == '\r'))
    cursor++;

  return cursor;
}

static gboolean
begins_with (const char *cursor,
             const char *end,
             const char *text)
{
  gsize len = strlen (text);

  return (gsize) (end - cursor) >= len && memcmp (cursor, text, len) == 0;
}

/* Whether there is a member "type" with the value that a part of a message has which is an image. What a user quotes
 * of such JSON has its quotes escaped, and is none. */
static gboolean
holds_image (const char *text,
             gsize       len)
{
  static const char * const types[] = { "\"image_url\"", "\"input_image\"", "\"image\"" };
  const char *end = text + len;
  const char *cursor;
  guint i;

  for (cursor = memchr (text, '"', len); cursor != NULL; cursor = memchr (cursor, '"', end - cursor))
    {
      if (!begins_with (cursor, end, "\"type\""))
        {
          cursor++;
          continue;
        }

      cursor = skip_blanks (cursor + strlen ("\"type\""), end);
      if (cursor == end || *cursor != ':')
        continue;
      cursor = skip_blanks (cursor + 1, end);
      for (i = 0; i < G_N_ELEMENTS (types); i++)
        {
          if (begins_with (cursor, end, types[i]))
            return TRUE;
        }
    }

  return FALSE;
}

static gsize
measure (const VmpCall   *call,
         const VmpMember *members,
         guint            n_members)
{
  gsize bytes = 0;
  guint i;

  for (i = 0; i < n_members; i++)
    {
      VmpSpan span = call->scan->members[members[i]].value;

      bytes += span.end - span.start;
    }

  return bytes;
}

static VmpReading
read_body (const VmpCall *call,
           gboolean       looks_for_images)
{
  const VmpJsonMember *tools = &call->scan->members[VMP_MEMBER_TOOLS];
  VmpReading reading = { FALSE };
  guint i;

  /* "[]" is a list of none. */
  if (tools->type == VMP_JSON_ARRAY)
    {
      const char *end = call->body + tools->value.end;

      reading.has_tools = *skip_blanks (call->body + tools->value.start + 1, end) != ']';
    }

  for (i = 0; looks_for_images && i < G_N_ELEMENTS (prompt_members) && !reading.has_image; i++)
    {
      VmpSpan span = call->scan->members[prompt_members[i]].value;

      reading.has_image = holds_image (call->body + span.start, span.end - span.start);
    }

  /* An image's bytes are not what it takes of the context, and texts to be embedded each have one of their own. */
  if (!reading.has_image && call->kind != VMP_MODEL_EMBEDDING)
    reading.likely_context = (measure (call, prompt_members, G_N_ELEMENTS (prompt_members))
                              + measure (call, other_members, G_N_ELEMENTS (other_members))) / BYTES_PER_TOKEN;

  return reading;
}

/* -- Remembering --------------------------------------------------------------------------- */

static void
entry_clear (VmpReadingEntry *entry)
{
  g_free (entry->id);
  if (entry->has_digest)
    vmp_prompt_digest_clear (&entry->digest);
  memset (entry, 0, sizeof *entry);
}

void
vmp_readings_clear (VmpReadings *self)
{
  guint i;

  for (i = 0; i < G_N_ELEMENTS (self->entries); i++)
    entry_clear (&self->entries[i]);
}

/* The call's entry, in the place of the oldest one when it has none. */
static VmpReadingEntry *
find_entry (VmpReadings   *self,
            const VmpCall *call)
{
  VmpReadingEntry *entry;
  guint i;

  for (i = 0; i < G_N_ELEMENTS (self->entries) && call->id != NULL; i++)
    {
      entry = &self->entries[i];
      if (entry->id != NULL && entry->body_len == call->body_len && g_str_equal (entry->id, call->id))
        return entry;
    }

  entry = &self->entries[self->next++ % G_N_ELEMENTS (self->entries)];
  entry_clear (entry);
  entry->id = g_strdup (call->id);
  entry->body_len = call->body_len;

  return entry;
}

VmpReading
vmp_readings_read (VmpReadings   *self,
                   const VmpCall *call,
                   gboolean       looks_for_images)
{
  VmpReadingEntry *entry;

  if (call->scan == NULL)
    return (VmpReading) { FALSE };
  if (call->body_len < SHORT_BODY_BYTES)
    return read_body (call, looks_for_images);

  entry = find_entry (self, call);
  if (!entry->is_read)
    {
      entry->reading = read_body (call, TRUE);
      entry->is_read = TRUE;
    }

  return entry->reading;
}

const VmpPromptDigest *
vmp_readings_get_digest (VmpReadings   *self,
                         const VmpCall *call)
{
  VmpReadingEntry *entry = find_entry (self, call);

  if (!entry->has_digest)
    {
      vmp_prompt_digest_init (&entry->digest, call);
      entry->has_digest = TRUE;
    }

  return &entry->digest;
}
