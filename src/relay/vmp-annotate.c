/* SPDX-License-Identifier: MIT
 *
 * Implementation of the annotations.
 */

#include "relay/vmp-annotate.h"

#include "core/vmp-json.h"

#include <string.h>

#define CHUNK_NAME "event: completion.chunk\n"

/* Values in a stream's first chunk that are looked at; it is a small thing. */
#define CHUNK_VALUES 1024

/* -- Metadata ------------------------------------------------------------------------------ */

static double
to_ms (gint64 us)
{
  return us / 1000.0;
}

/* Who comes from another computer is not told which nodes there are. */
static void
add_choice (const VmpTrace *trace,
            JsonBuilder    *builder)
{
  const VmpTraceAttempt *attempt = vmp_trace_get_attempt (trace);

  if (!trace->is_shared)
    vmp_json_add_string (builder, "selected_node", attempt != NULL ? attempt->node : NULL);
  vmp_json_add_string (builder, "selected_model",
                       attempt != NULL && attempt->model != NULL ? attempt->model : trace->model);
  vmp_json_add_string (builder, "routing_strategy", trace->strategy);
}

char *
vmp_annotate_make_metadata (const VmpTrace *trace,
                            gint64          now)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();
  guint fallbacks = trace->fallbacks + (trace->n_attempts > 0 ? trace->n_attempts - 1 : 0);

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "trace_id", trace->id);
  vmp_json_add_string (builder, "request_id", trace->id);
  vmp_json_add_string (builder, "mode", "route");
  vmp_json_add_string (builder, "route", trace->route);
  add_choice (trace, builder);
  vmp_json_add_boolean (builder, "fallback_used", fallbacks > 0);
  vmp_json_add_int (builder, "fallbacks", fallbacks);
  vmp_json_add_double (builder, "latency_ms", to_ms (now - trace->started));
  vmp_json_add_double (builder, "time_to_first_token_ms", to_ms (trace->first_event_us));
  vmp_json_add_double (builder, "queued_ms", to_ms (trace->queued_us));
  vmp_json_add_double (builder, "loading_ms", to_ms (trace->loading_us));
  if (trace->tokens_per_second > 0)
    vmp_json_add_double (builder, "tokens_per_second", trace->tokens_per_second);
  json_builder_end_object (builder);

  return vmp_json_builder_print (builder);
}

/* Where a member is put in at the end of an object. */
static VmpSpan
find_end (const char *object,
          gsize       len)
{
  gsize end = len;

  while (object[end - 1] != '}')
    end--;
  do
    end--;
  while (g_ascii_isspace (object[end - 1]));

  return (VmpSpan) { end, end };
}

char *
vmp_annotate_document (const char *body,
                       gsize       len,
                       const char *metadata,
                       gsize      *new_len)
{
  VmpJsonScan scan;
  const VmpJsonMember *old = &scan.members[VMP_MEMBER_VAMPIRE];
  const char *name = "";
  VmpSpan place;
  GString *text;

  if (!vmp_json_scan (body, len, &scan))
    return NULL;

  if (old->type != VMP_JSON_ABSENT) /* the node is a gateway itself, and said what became of the request there */
    {
      place = old->value;
    }
  else
    {
      place = find_end (body, len);
      name = body[place.start - 1] != '{' ? ",\"vampire\":" : "\"vampire\":";
    }

  text = g_string_sized_new (len + strlen (metadata) + strlen (name) + 1);
  g_string_append_len (text, body, place.start);
  g_string_append (text, name);
  g_string_append (text, metadata);
  g_string_append_len (text, body + place.end, len - place.end);
  *new_len = text->len;

  return g_string_free (text, FALSE);
}

/* -- Events -------------------------------------------------------------------------------- */

/* Bytes of the first of whole events, with the empty line that ends it. */
static gsize
first_event (const char *data,
             gsize       len)
{
  gboolean at_start = TRUE; /* of a line */
  gsize i = 0;

  while (i < len)
    {
      gboolean is_end = data[i] == '\n' || data[i] == '\r';
      gsize end = i + 1;

      if (is_end && data[i] == '\r' && end < len && data[end] == '\n')
        end++;
      if (is_end && at_start)
        return end;
      at_start = is_end;
      i = end;
    }

  return len;
}

static gboolean
is_done (const char *event,
         gsize       len)
{
  return (len > 12 && memcmp (event, "data: [DONE]", 12) == 0) || (len > 11 && memcmp (event, "data:[DONE]", 11) == 0);
}

gboolean
vmp_annotate_has_done (const char *data,
                       gsize       len)
{
  while (len > 0)
    {
      gsize event = first_event (data, len);

      if (is_done (data, event))
        return TRUE;
      data += event;
      len -= event;
    }

  return FALSE;
}

void
vmp_annotate_events (const char *data,
                     gsize       len,
                     gboolean    names,
                     const char *last,
                     VmpBuffer  *out)
{
  while (len > 0)
    {
      gsize event = first_event (data, len);
      gboolean done = is_done (data, event);

      if (done && last != NULL)
        vmp_buffer_append (out, last, strlen (last));
      else if (!done && names && event > 5 && memcmp (data, "data:", 5) == 0)
        vmp_buffer_append (out, CHUNK_NAME, strlen (CHUNK_NAME));
      vmp_buffer_append (out, data, event);
      data += event;
      len -= event;
    }
}

/* The data of an event's first line that has some. FALSE: it has none, as a comment. */
static gboolean
find_data (const char *event,
           gsize       len,
           VmpSlice   *data)
{
  static const char name[] = "data:";
  const char *end = event + len;
  const char *line = event;

  while (line < end)
    {
      gsize line_len = 0;

      while (line + line_len < end && line[line_len] != '\n' && line[line_len] != '\r')
        line_len++;
      if (line_len > strlen (name) && memcmp (line, name, strlen (name)) == 0)
        {
          *data = (VmpSlice) { line + strlen (name), line_len - strlen (name) };
          return TRUE;
        }
      line += line_len + 1;
    }

  return FALSE;
}

static char *
make_identity (const VmpTrace *trace,
               VmpSlice        chunk)
{
  g_autoptr (JsonNode) root = vmp_json_parse_up_to (chunk.data, chunk.len, CHUNK_VALUES, NULL);
  JsonObject *object = root != NULL && JSON_NODE_HOLDS_OBJECT (root) ? json_node_get_object (root) : NULL;
  const char *id = object != NULL ? vmp_json_get_string (object, "id") : NULL;
  const char *kind = object != NULL ? vmp_json_get_string (object, "object") : NULL;
  const char *model = object != NULL ? vmp_json_get_string (object, "model") : NULL;
  JsonNode *created = object != NULL ? json_object_get_member (object, "created") : NULL;
  gboolean has_date = created != NULL && json_node_get_value_type (created) == G_TYPE_INT64;
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "id", id != NULL ? id : trace->id);
  vmp_json_add_string (builder, "object", kind != NULL ? kind : "chat.completion.chunk");
  vmp_json_add_int (builder, "created", has_date ? json_node_get_int (created) : trace->started_at / G_USEC_PER_SEC);
  vmp_json_add_string (builder, "model", model != NULL ? model : "");
  json_builder_end_object (builder);

  return vmp_json_builder_print (builder);
}

char *
vmp_annotate_read_identity (const VmpTrace *trace,
                            const char     *data,
                            gsize           len)
{
  VmpSlice chunk;

  while (len > 0)
    {
      gsize event = first_event (data, len);

      if (find_data (data, event, &chunk))
        return make_identity (trace, chunk);
      data += event;
      len -= event;
    }

  return NULL;
}

char *
vmp_annotate_make_event (const char     *name,
                         const VmpTrace *trace)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();
  const VmpTraceAttempt *attempt = vmp_trace_get_attempt (trace);
  g_autofree char *json = NULL;

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "request_id", trace->id);
  add_choice (trace, builder);
  if (!trace->is_shared)
    vmp_json_add_string (builder, "node", attempt != NULL ? attempt->node : NULL);
  vmp_json_add_string (builder, "model", attempt != NULL && attempt->model != NULL ? attempt->model : trace->model);
  vmp_json_add_string (builder, "strategy", trace->strategy);
  vmp_json_add_int (builder, "attempt", trace->n_attempts);
  json_builder_end_object (builder);
  json = vmp_json_builder_print (builder);

  return g_strdup_printf ("event: %s\ndata: %s\n\n", name, json);
}

char *
vmp_annotate_make_last (const char *metadata,
                        const char *identity)
{
  if (identity == NULL)
    return g_strdup_printf ("event: vampire.metrics\ndata: %s\n\n", metadata);

  return g_strdup_printf ("data: %.*s,\"choices\":[],\"vampire\":%s}\n\n", (int) strlen (identity) - 1, identity,
                          metadata);
}

char *
vmp_annotate_make_timing (const VmpTrace *trace,
                          gint64          now)
{
  char buffers[5][G_ASCII_DTOSTR_BUF_SIZE];
  const gint64 times[] = { trace->planned_us, trace->queued_us, trace->loading_us, trace->first_event_us,
                           now - trace->started };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (times); i++)
    g_ascii_formatd (buffers[i], sizeof buffers[i], "%.3f", to_ms (times[i]));

  return g_strdup_printf ("plan;dur=%s, queue;dur=%s, load;dur=%s, first;dur=%s, total;dur=%s", buffers[0], buffers[1],
                          buffers[2], buffers[3], buffers[4]);
}
