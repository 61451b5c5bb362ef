/* SPDX-License-Identifier: MIT
 *
 * Fuzz target of continued streams and of what is read of their usage. An input is a request's body, a NUL and what the
 * nodes send. However it is cut and whenever the next node begins, the first node's bytes pass as they are, what is
 * written for the next one is a request with one message more, and a chunk that is changed is a chunk still.
 */

#include "fuzz.h"

#include <string.h>

#include "core/vmp-sse.h"
#include "relay/vmp-splice.h"
#include "relay/vmp-usage.h"

#define PLAIN_CHAT "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"max_tokens\":9}"
#define PLAIN_TEXT "{\"prompt\":\"Hi\"}"
#define MOST_TOKENS (G_GINT64_CONSTANT (1) << 53)

typedef struct {
  VmpJsonScan scan;
  VmpCall call;
  VmpSplice *splice;
} Request;

static void
open_request (Request    *self,
              const char *path,
              const char *body,
              gsize       len)
{
  *self = (Request) { .splice = NULL };
  if (!vmp_json_scan (body, len, &self->scan))
    return;

  self->call = (VmpCall) {
    .method = VMP_SLICE_LITERAL ("POST"), .path = vmp_slice (path), .body = body, .body_len = len, .has_body = TRUE,
    .scan = &self->scan, .is_stream = TRUE,
  };
  self->splice = vmp_splice_new (&self->call);
}

static void
check_body (Request *self)
{
  gsize len;
  g_autofree char *body = vmp_splice_make_body (self->splice, "another \"model\"", &len);
  VmpJsonScan scan;

  g_assert_true (vmp_json_scan (body, len, &scan));
  for (int i = 0; i < VMP_N_MEMBERS; i++)
    {
      const VmpJsonMember *before = &self->scan.members[i];
      const VmpJsonMember *after = &scan.members[i];

      if (i == VMP_MEMBER_MODEL)
        {
          g_assert_cmpint (after->type, ==, before->type == VMP_JSON_ABSENT ? VMP_JSON_ABSENT : VMP_JSON_STRING);
          continue;
        }
      g_assert_cmpint (after->type, ==, before->type);
      if (i == VMP_MEMBER_MESSAGES || i == VMP_MEMBER_PROMPT)
        g_assert_cmpuint (after->value.end - after->value.start, >=, before->value.end - before->value.start);
      else if (i != VMP_MEMBER_MAX_TOKENS && i != VMP_MEMBER_MAX_COMPLETION_TOKENS)
        g_assert_cmpmem (body + after->value.start, after->value.end - after->value.start,
                         self->call.body + before->value.start, before->value.end - before->value.start);
    }
}

/* One stream, with the next node beginning now and then. */
static void
check_stream (Request      *self,
              const guint8 *data,
              gsize         size)
{
  FuzzCuts cuts = fuzz_cuts_begin (data, size);
  VmpBuffer out = { NULL };
  gsize from = 0;

  if (self->splice == NULL)
    return;

  while (from < size)
    {
      gsize to = from + fuzz_cuts_next (&cuts, size - from);

      vmp_splice_push (self->splice, (const char *) data + from, to - from, &out);
      if (vmp_splice_count_parts (self->splice) == 1)
        g_assert_cmpmem (vmp_buffer_peek (&out), vmp_buffer_len (&out), data, to);
      if (vmp_splice_can_continue (self->splice))
        check_body (self);
      if (cuts.state % 5 == 0 && vmp_splice_can_continue (self->splice))
        {
          vmp_splice_begin_next (self->splice);
          check_body (self);
        }
      from = to;
    }

  check_body (self);
  vmp_buffer_clear (&out);
  vmp_splice_free (self->splice);
}

/* A text as the only data of an event of a second node. */
static void
check_chunk (const char *text,
             gsize       len)
{
  static const char role[] = "data: {\"id\":\"a\\\"\",\"created\":1,\"model\":\"m\",\"system_fingerprint\":null,"
                             "\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
  g_autoptr (GString) event = g_string_new ("data: ");
  VmpBuffer out = { NULL };
  VmpJsonScan scan;
  Request request;
  const char *passed;
  gsize passed_len;

  if (!vmp_json_scan (text, len, &scan) || memchr (text, '\n', len) != NULL || memchr (text, '\r', len) != NULL)
    return;

  open_request (&request, "/v1/chat/completions", PLAIN_CHAT, strlen (PLAIN_CHAT));
  vmp_splice_push (request.splice, role, strlen (role), &out);
  vmp_splice_begin_next (request.splice);
  vmp_buffer_clear (&out);

  g_string_append_len (event, text, (gssize) len);
  g_string_append (event, "\n\n");
  vmp_splice_push (request.splice, event->str, event->len, &out);
  passed = vmp_buffer_peek (&out);
  passed_len = vmp_buffer_len (&out);
  if (passed_len > 0)
    {
      g_assert_cmpuint (passed_len, >, strlen ("data: {}"));
      g_assert_cmpmem (passed, 6, "data: ", 6);
      g_assert_cmpmem (passed + passed_len - 2, 2, "\n\n", 2);
      g_assert_true (vmp_json_scan (passed + 6, passed_len - 8, &scan));
    }

  vmp_buffer_clear (&out);
  vmp_splice_free (request.splice);
}

static void
check_numbers (const VmpUsage *usage)
{
  g_assert_cmpint (usage->prompt_tokens, >=, usage->has_usage ? -1 : 0);
  g_assert_cmpint (usage->prompt_tokens, <=, usage->has_usage ? MOST_TOKENS : 0);
  g_assert_cmpint (usage->completion_tokens, >=, usage->has_usage ? -1 : 0);
  g_assert_cmpint (usage->completion_tokens, <=, usage->has_usage ? MOST_TOKENS : 0);
  g_assert_cmpint (vmp_usage_get_completion_tokens (usage), >=, 0);
}

/* Events are as many at once as one by one. */
static void
check_usage (const char *text,
             gsize       len)
{
  VmpSseReader reader = { 0 };
  VmpUsage at_once = { 0 };
  VmpUsage one_by_one = { 0 };
  VmpUsage of_body = { 0 };
  gsize from = 0;

  for (gsize i = 0; i < len; i++)
    {
      if (vmp_sse_reader_push (&reader, text + i, 1) == 0)
        continue;
      vmp_usage_read_events (&one_by_one, text + from, i + 1 - from);
      from = i + 1;
    }
  vmp_usage_read_events (&at_once, text, from);
  vmp_usage_read_body (&of_body, text, len);

  g_assert_cmpuint (at_once.events, ==, one_by_one.events);
  check_numbers (&at_once);
  check_numbers (&one_by_one);
  check_numbers (&of_body);
}

int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  const guint8 *nul = memchr (data, '\0', size);
  gsize body_len = nul != NULL ? (gsize) (nul - data) : 0;
  const guint8 *stream = nul != NULL ? nul + 1 : data;
  gsize stream_len = size - (gsize) (stream - data);
  static const char * const paths[] = { "/v1/chat/completions", "/v1/completions" };
  static const char * const bodies[] = { PLAIN_CHAT, PLAIN_TEXT };
  Request request;

  for (guint i = 0; i < G_N_ELEMENTS (paths); i++)
    {
      open_request (&request, paths[i], bodies[i], strlen (bodies[i]));
      check_stream (&request, stream, stream_len);
      open_request (&request, paths[i], (const char *) data, body_len);
      check_stream (&request, stream, stream_len);
    }
  check_chunk ((const char *) stream, stream_len);
  check_usage ((const char *) stream, stream_len);

  return 0;
}
