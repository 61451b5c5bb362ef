/* SPDX-License-Identifier: MIT
 *
 * Implementation of the annotations.
 */

#include "relay/vmp-annotate.h"

#include "core/vmp-json.h"

#include <string.h>

#define CHUNK_NAME "event: completion.chunk\n"

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

char *
vmp_annotate_document (const char *body,
                       gsize       len,
                       const char *metadata,
                       gsize      *new_len)
{
  gsize end = len;
  gsize before;
  GString *text;

  while (end > 0 && g_ascii_isspace (body[end - 1]))
    end--;
  if (end == 0 || body[end - 1] != '}')
    return NULL;

  before = end - 1;
  while (before > 0 && g_ascii_isspace (body[before - 1]))
    before--;
  if (before == 0)
    return NULL;

  text = g_string_sized_new (len + strlen (metadata) + 16);
  g_string_append_len (text, body, before);
  if (body[before - 1] != '{')
    g_string_append_c (text, ',');
  g_string_append (text, "\"vampire\":");
  g_string_append (text, metadata);
  g_string_append_len (text, body + end - 1, len - end + 1);
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
vmp_annotate_make_last (const VmpTrace *trace,
                        const char     *metadata,
                        gboolean        as_chunk)
{
  if (!as_chunk)
    return g_strdup_printf ("event: vampire.metrics\ndata: %s\n\n", metadata);

  return g_strdup_printf ("data: {\"id\":\"%s\",\"object\":\"chat.completion.chunk\",\"created\":%" G_GINT64_FORMAT
                          ",\"model\":\"\",\"choices\":[],\"vampire\":%s}\n\n", trace->id,
                          trace->started_at / G_USEC_PER_SEC, metadata);
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
