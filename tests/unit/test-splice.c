/* SPDX-License-Identifier: MIT
 *
 * Tests of continued streams: streams of every form are cut at each of their bytes, and what a second and a third node
 * say is spliced on. The client must get the answer that it would have got from one. Also what cannot be continued, and
 * the requests that are written.
 */

#include <string.h>

#include "core/vmp-json.h"
#include "core/vmp-limits.h"
#include "core/vmp-sse.h"
#include "relay/vmp-splice.h"

#define MESSAGES "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]"
#define PROMPT_TOKENS 10

typedef struct {
  VmpCall call;
  VmpJsonScan scan;
  VmpSplice *splice;
  VmpBuffer out;
} Fixture;

static void
fixture_open (Fixture    *self,
              const char *path,
              const char *body)
{
  *self = (Fixture) { .splice = NULL };
  self->call = (VmpCall) {
    .method = VMP_SLICE_LITERAL ("POST"), .path = vmp_slice (path), .body = body, .body_len = strlen (body),
    .has_body = TRUE, .scan = &self->scan, .is_stream = TRUE,
  };
  g_assert_true (vmp_json_scan (body, strlen (body), &self->scan));
  self->splice = vmp_splice_new (&self->call);
}

static void
fixture_close (Fixture *self)
{
  vmp_splice_free (self->splice);
  vmp_buffer_clear (&self->out);
}

static void
push (Fixture    *self,
      const char *text)
{
  vmp_splice_push (self->splice, text, strlen (text), &self->out);
}

/* What was passed on until now. (transfer full) */
static char *
take_out (Fixture *self)
{
  gsize len = vmp_buffer_len (&self->out);
  char *text = g_strndup (vmp_buffer_peek (&self->out), len);

  vmp_buffer_consume (&self->out, len);

  return text;
}

static char *
make_body (Fixture    *self,
           const char *model)
{
  gsize len;
  char *body = vmp_splice_make_body (self->splice, model, &len);

  g_assert_cmpuint (strlen (body), ==, len);

  return body;
}

/* -- A model ------------------------------------------------------------------------------- */

/* What it says to everything, as JSON has it. */
static const char * const tokens[] = {
  "Say", " \\\"usage\\\":{", "\\n", " Gr\xc3\xbc\xc3\x9f", "e", " \xf0\x9f\xa7\x9b", " \\ud83e\\udd87", "\\\\",
  "\\u003cb\\u003e", " data: [DONE]", "\\/", " end", ".",
};

/* How a node writes its stream. */
typedef struct {
  const char *path;
  const char *eol;
  const char *blank;       /* after "data:" */
  gboolean joins_role;     /* the role comes with the first text, not before it */
  gboolean repeats_role;   /* in every delta, at its end */
  gboolean in_lines;       /* each event has two lines of data */
  gboolean has_comments;
  gboolean has_names;
  gboolean has_bom;
  gboolean counts_always;  /* a usage in each event */
} Style;

static const Style styles[] = {
  { "/v1/chat/completions", "\n", " " },
  { "/v1/chat/completions", "\r\n", "", .has_comments = TRUE, .joins_role = TRUE },
  { "/api/v0/chat/completions", "\r", " ", .has_names = TRUE },
  { "/v1/chat/completions", "\n", " ", .in_lines = TRUE, .repeats_role = TRUE, .has_bom = TRUE },
  { "/v1/chat/completions", "\r\n", " ", .in_lines = TRUE, .has_comments = TRUE, .counts_always = TRUE },
  { "/v1/completions", "\n", " " },
  { "/v1/completions", "\r\n", "", .has_comments = TRUE, .in_lines = TRUE, .has_bom = TRUE },
};

static gboolean
is_chat (const Style *style)
{
  return strstr (style->path, "/chat/") != NULL;
}

/* What the first @n tokens say. */
static const char *
text_of (guint n)
{
  static char *texts[G_N_ELEMENTS (tokens) + 1];

  if (texts[0] == NULL)
    {
      g_autoptr (GString) json = g_string_new ("[\"");

      for (guint i = 0; i < G_N_ELEMENTS (texts); i++)
        {
          g_autofree char *whole = g_strconcat (json->str, "\"]", NULL);
          g_autoptr (JsonNode) node = vmp_json_parse (whole, strlen (whole), NULL);

          g_assert_nonnull (node);
          texts[i] = g_strdup (json_array_get_string_element (json_node_get_array (node), 0));
          if (i < G_N_ELEMENTS (tokens))
            g_string_append (json, tokens[i]);
        }
    }

  return texts[n];
}

/* @json: may have a newline, where it may be cut in two */
static void
add_event (GString     *out,
           const Style *style,
           const char  *json)
{
  g_auto (GStrv) lines = g_strsplit (json, "\n", -1);

  if (style->has_comments)
    g_string_append_printf (out, ": \"usage\":{}%s%s: two%s", style->eol, style->eol, style->eol);
  if (style->has_names)
    g_string_append_printf (out, "event: completion.chunk%s", style->eol);
  g_string_append_printf (out, "data:%s%s", style->blank, lines[0]);
  for (guint i = 1; lines[i] != NULL; i++)
    {
      if (style->in_lines)
        g_string_append_printf (out, "%sid: 7%sdata:%s%s", style->eol, style->eol, style->blank, lines[i]);
      else
        g_string_append (out, lines[i]);
    }
  g_string_append_printf (out, "%s%s", style->eol, style->eol);
}

#define UNKNOWN "\"x\":{\"id\":\"keep\",\"model\":[\"keep\",\"\\\"\"],\"role\":1}"

static void
add_chunk (GString     *out,
           const Style *style,
           guint        part,
           const char  *choices,
           guint        n_prompt,
           guint        n_tokens,
           gboolean     has_usage)
{
  g_autofree char *counts = g_strdup_printf ("{\"total_tokens\": %u,\"details\":{\"prompt_tokens\":1},"
                                             "\"prompt_tokens\" :%u, \"completion_tokens\":%u}",
                                             n_prompt + n_tokens, n_prompt, n_tokens);
  g_autofree char *json =
    g_strdup_printf ("{\"id\":\"id-%u\",\"created\" : %u,\n" UNKNOWN ",\"choices\":[%s],"
                     "\"model\":\"m\\\"%u\", \"system_fingerprint\":\"fp%u\",\"usage\":%s}",
                     part, 1000 + part, choices, part, part, has_usage ? counts : "null");

  add_event (out, style, json);
}

static void
add_delta (GString     *out,
           const Style *style,
           guint        part,
           const char  *text,
           gboolean     has_role,
           guint        n_prompt,
           guint        n_tokens)
{
  g_autofree char *choice = NULL;

  if (!is_chat (style))
    choice = g_strdup_printf ("{\"text\":\"%s\",\"index\":0,\"finish_reason\":null}", text);
  else if (style->repeats_role)
    choice = g_strdup_printf ("{\"index\":0,\"delta\":{\"content\":\"%s\", \"role\":\"assistant\"}}", text);
  else
    choice = g_strdup_printf ("{\"index\": 0,\"delta\": {%s\"content\":\"%s\",\"tool_calls\":[]},"
                              "\"finish_reason\":null}",
                              has_role ? "\"role\":\"assistant\", " : "", text);
  add_chunk (out, style, part, choice, n_prompt, n_tokens, style->counts_always);
}

/* What a node says that is to go on after the first tokens. (transfer full) */
static GString *
make_stream (const Style *style,
             guint        part,
             guint        first)
{
  GString *out = g_string_new (style->has_bom ? "\xef\xbb\xbf" : NULL);
  guint n_prompt = PROMPT_TOKENS + first;
  guint n = G_N_ELEMENTS (tokens) - first;

  if (is_chat (style) && !style->joins_role)
    add_delta (out, style, part, "", TRUE, n_prompt, 0);
  for (guint i = first; i < G_N_ELEMENTS (tokens); i++)
    add_delta (out, style, part, tokens[i], i == first && style->joins_role, n_prompt, i - first + 1);
  add_chunk (out, style, part,
             is_chat (style) ? "{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}"
                             : "{\"index\":0,\"text\":\"\",\"finish_reason\":\"stop\"}",
             n_prompt, n, style->counts_always);
  add_chunk (out, style, part, "", n_prompt, n, TRUE);
  add_event (out, style, "[DONE]");

  return out;
}

/* -- A client ------------------------------------------------------------------------------ */

typedef struct {
  GString *text;
  guint n_chunks;
  guint n_roles;
  guint n_finishes;
  guint n_usages;    /* the last one's numbers: */
  gint64 prompt;
  gint64 completion;
  gint64 total;
  guint n_done;
  gboolean is_in_order;  /* nothing came after [DONE] */
} Heard;

static void
hear_chunk (Heard      *self,
            const char *json)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = vmp_json_parse (json, strlen (json), &error);
  JsonObject *chunk, *choice, *delta, *usage;
  JsonArray *choices;

  g_assert_no_error (error);
  chunk = json_node_get_object (node);
  g_assert_cmpstr (vmp_json_get_string (chunk, "id"), ==, "id-1");
  g_assert_cmpstr (vmp_json_get_string (chunk, "model"), ==, "m\"1");
  g_assert_cmpstr (vmp_json_get_string (chunk, "system_fingerprint"), ==, "fp1");
  g_assert_cmpint (json_object_get_int_member (chunk, "created"), ==, 1001);
  g_assert_nonnull (strstr (json, UNKNOWN));
  self->n_chunks++;

  usage = vmp_json_get_object (chunk, "usage");
  if (usage != NULL)
    {
      self->n_usages++;
      self->prompt = json_object_get_int_member (usage, "prompt_tokens");
      self->completion = json_object_get_int_member (usage, "completion_tokens");
      self->total = json_object_get_int_member (usage, "total_tokens");
      g_assert_cmpint (json_object_get_int_member (vmp_json_get_object (usage, "details"), "prompt_tokens"), ==, 1);
    }

  choices = vmp_json_get_array (chunk, "choices");
  if (json_array_get_length (choices) == 0)
    return;
  choice = json_array_get_object_element (choices, 0);
  delta = vmp_json_get_object (choice, "delta");
  self->n_roles += vmp_json_get_string (delta, "role") != NULL;
  self->n_finishes += vmp_json_get_string (choice, "finish_reason") != NULL;
  if (vmp_json_get_string (choice, "text") != NULL)
    g_string_append (self->text, vmp_json_get_string (choice, "text"));
  if (vmp_json_get_string (delta, "content") != NULL)
    g_string_append (self->text, vmp_json_get_string (delta, "content"));
}

static void
hear_data (Heard      *self,
           const char *data)
{
  self->is_in_order = self->n_done == 0;
  if (strcmp (data, "[DONE]") == 0)
    self->n_done++;
  else
    hear_chunk (self, data);
}

/* Reads a stream as clients do. */
static void
hear (Heard      *self,
      const char *stream)
{
  g_autoptr (GString) plain = g_string_new (g_str_has_prefix (stream, "\xef\xbb\xbf") ? stream + 3 : stream);
  g_autoptr (GString) data = g_string_new (NULL);
  g_auto (GStrv) lines = NULL;

  *self = (Heard) { .text = g_string_new (NULL) };
  g_string_replace (plain, "\r\n", "\n", 0);
  g_string_replace (plain, "\r", "\n", 0);
  g_assert_true (g_str_has_suffix (plain->str, "\n\n"));
  lines = g_strsplit (plain->str, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++)
    {
      if (*lines[i] == '\0' && data->len > 0)
        {
          hear_data (self, data->str);
          g_string_truncate (data, 0);
        }
      if (!g_str_has_prefix (lines[i], "data:"))
        {
          g_assert_true (*lines[i] == '\0' || *lines[i] == ':' || g_str_has_prefix (lines[i], "event: completion")
                         || strcmp (lines[i], "id: 7") == 0);
          continue;
        }
      if (data->len > 0)
        g_string_append_c (data, '\n');
      g_string_append (data, lines[i] + (lines[i][5] == ' ' ? 6 : 5));
    }
}

static void
heard_clear (Heard *self)
{
  g_string_free (self->text, TRUE);
}

/* -- Cuts ---------------------------------------------------------------------------------- */

/* Pushes the whole ones of a stream's first bytes: all at once, or as they come in pieces. Returns how many bytes they
 * are. */
static gsize
push_until (Fixture       *self,
            const GString *stream,
            gsize          cut,
            gsize          piece)
{
  VmpSseReader reader = { 0 };
  gsize pushed = 0;

  for (gsize at = 0; at < cut; at += piece)
    {
      gsize whole = vmp_sse_reader_push (&reader, stream->str + at, MIN (piece, cut - at));

      if (whole > 0)
        {
          vmp_splice_push (self->splice, stream->str + pushed, at + whole - pushed, &self->out);
          pushed = at + whole;
        }
    }

  return pushed;
}

/* How many of the tokens the next node is told were said. */
static guint
read_body (Fixture     *self,
           const Style *style)
{
  g_autofree char *body = make_body (self, "other");
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = vmp_json_parse (body, strlen (body), &error);
  const char *said = "";
  JsonObject *object;
  gint64 limit;
  guint n;

  g_assert_no_error (error);
  object = json_node_get_object (node);
  g_assert_cmpstr (vmp_json_get_string (object, "model"), ==, "other");
  if (is_chat (style))
    {
      JsonArray *messages = vmp_json_get_array (object, "messages");

      g_assert_cmpstr (vmp_json_get_string (json_array_get_object_element (messages, 0), "content"), ==, "Hi");
      if (json_array_get_length (messages) == 2)
        {
          JsonObject *last = json_array_get_object_element (messages, 1);

          g_assert_cmpstr (vmp_json_get_string (last, "role"), ==, "assistant");
          said = vmp_json_get_string (last, "content");
        }
    }
  else
    {
      said = vmp_json_get_string (object, "prompt");
      g_assert_true (g_str_has_prefix (said, "Hi"));
      said += strlen ("Hi");
    }

  for (n = 0; strcmp (text_of (n), said) != 0; n++)
    g_assert_cmpuint (n, <, G_N_ELEMENTS (tokens));
  g_assert_true (vmp_json_get_int (object, "max_tokens", &limit));
  g_assert_cmpint (limit, ==, MAX (100 - (gint64) n, 1));

  return n;
}

static const char *
body_for (const Style *style)
{
  return is_chat (style) ? "{\"model\":\"m\"," MESSAGES ",\"max_tokens\":100}"
                         : "{\"model\":\"m\",\"prompt\":\"Hi\",\"max_tokens\":100}";
}

/* What the client got is what one node would have said. */
static void
check_whole (Fixture     *self,
             const Style *style)
{
  g_autofree char *stream = take_out (self);
  Heard heard;

  hear (&heard, stream);
  g_assert_cmpstr (heard.text->str, ==, text_of (G_N_ELEMENTS (tokens)));
  if (!style->repeats_role)
    g_assert_cmpuint (heard.n_roles, ==, is_chat (style) ? 1 : 0);
  g_assert_cmpuint (heard.n_finishes, ==, 1);
  g_assert_cmpuint (heard.n_done, ==, 1);
  g_assert_true (heard.is_in_order);
  if (!style->counts_always)
    g_assert_cmpuint (heard.n_usages, ==, 1);
  g_assert_cmpint (heard.prompt, ==, PROMPT_TOKENS);
  g_assert_cmpint (heard.completion, ==, G_N_ELEMENTS (tokens));
  g_assert_cmpint (heard.total, ==, PROMPT_TOKENS + G_N_ELEMENTS (tokens));
  heard_clear (&heard);
}

/* Where the event that ends the answer begins to be whole. */
static gsize
find_finish (const GString *stream)
{
  VmpSseReader reader = { 0 };
  const char *finish = strstr (stream->str, "\"finish_reason\":\"stop\"");
  gsize at = (gsize) (finish - stream->str);

  vmp_sse_reader_push (&reader, stream->str, at);
  while (vmp_sse_reader_push (&reader, stream->str + at, 1) == 0)
    at++;

  return at + 1;
}

/* Each byte of the first stream. Between the ends of two events nothing changes but how the bytes came, so not all of
 * those are continued. Of half of the others the second stream is cut as well, which makes three parts. */
static void
test_every_cut (gconstpointer data)
{
  const Style *style = data;
  g_autoptr (GString) first = make_stream (style, 1, 0);
  gsize finish = find_finish (first);
  gsize last_whole = G_MAXSIZE;

  for (gsize cut = 0; cut <= first->len; cut++)
    {
      Fixture self;
      g_autoptr (GString) second = NULL;
      gsize whole, second_cut;
      gboolean has_identity;

      fixture_open (&self, style->path, body_for (style));
      g_assert_nonnull (self.splice);
      whole = push_until (&self, first, cut, cut % 3 == 0 ? 40 : cut % 3 == 1 ? 400 : first->len);
      g_assert_cmpmem (vmp_buffer_peek (&self.out), vmp_buffer_len (&self.out), first->str, whole);
      g_assert_cmpint (vmp_splice_can_continue (self.splice), ==, cut < finish);
      if (cut >= finish || (whole == last_whole && cut % 11 != 0))
        {
          fixture_close (&self);
          continue;
        }
      last_whole = whole;

      /* The first node that says something lends its identity. */
      has_identity = g_strstr_len (first->str, (gssize) whole, "id-1") != NULL;
      second = make_stream (style, has_identity ? 2 : 1, read_body (&self, style));
      vmp_splice_begin_next (self.splice);
      g_assert_cmpuint (vmp_splice_count_parts (self.splice), ==, 2);

      second_cut = cut * 7 % second->len;
      if (cut % 2 == 0 || second_cut >= find_finish (second) || !has_identity)
        {
          push_until (&self, second, second->len, cut % 5 == 0 ? second->len : 20 + cut % 500);
        }
      else
        {
          g_autoptr (GString) third = NULL;

          push_until (&self, second, second_cut, 20 + cut % 500);
          g_assert_true (vmp_splice_can_continue (self.splice));
          third = make_stream (style, 3, read_body (&self, style));
          vmp_splice_begin_next (self.splice);
          push_until (&self, third, third->len, 50);
        }
      check_whole (&self, style);
      fixture_close (&self);
    }
}

/* -- What is passed on --------------------------------------------------------------------- */

#define SAYS(id, text) "data: {\"id\":\"" id "\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define DELTA(id, delta) "data: {\"id\":\"" id "\",\"choices\":[{\"index\":0,\"delta\":" delta "}]}\n\n"

static void
open_chat (Fixture *self)
{
  fixture_open (self, "/v1/chat/completions", "{" MESSAGES "}");
  g_assert_nonnull (self->splice);
}

/* Opens a chat, of which one part has said something. */
static void
open_second (Fixture *self)
{
  open_chat (self);
  push (self, DELTA ("one", "{\"role\":\"assistant\",\"content\":\"\"}") SAYS ("one", "a"));
  vmp_splice_begin_next (self->splice);
  g_free (take_out (self));
}

static void
test_role_is_said_once (void)
{
  static const struct {
    const char *in;
    const char *out;
  } cases[] = {
    { DELTA ("two", "{\"role\":\"assistant\"}"), "" },
    { DELTA ("two", "{\"role\":\"assistant\",\"content\":\"\"}"), "" },
    { DELTA ("two", "{\"content\":null,\"role\":\"assistant\",\"refusal\":null,\"tool_calls\":[],\"x\":{}}"), "" },
    { DELTA ("two", "{\"role\":\"assistant\",\"content\":\"b\"}"), DELTA ("one", "{\"content\":\"b\"}") },
    { DELTA ("two", "{ \"role\" : \"assistant\" , \"content\":\"b\"}"), DELTA ("one", "{ \"content\":\"b\"}") },
    { DELTA ("two", "{\"content\":\"b\" , \"role\":\"assistant\" }"), DELTA ("one", "{\"content\":\"b\" }") },
    { DELTA ("two", "{\"x\":1,\"role\":\"assistant\",\"content\":\"\"}"), DELTA ("one", "{\"x\":1,\"content\":\"\"}") },
    { DELTA ("two", "{\"content\":\"\"}"), DELTA ("one", "{\"content\":\"\"}") },
    { "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"},\"finish_reason\":\"stop\"}]}\n\n",
      "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *out = NULL;
      Fixture self;

      open_second (&self);
      push (&self, cases[i].in);
      out = take_out (&self);
      g_assert_cmpstr (out, ==, cases[i].out);
      fixture_close (&self);
    }
}

/* The first node had not come so far. */
static void
test_role_is_said (void)
{
  g_autofree char *out = NULL;
  Fixture self;

  open_chat (&self);
  push (&self, ": comment\n\n");
  g_assert_true (vmp_splice_can_continue (self.splice));
  vmp_splice_begin_next (self.splice);
  push (&self, DELTA ("two", "{\"role\":\"assistant\"}") DELTA ("two", "{\"role\":\"assistant\",\"content\":\"a\"}"));
  out = take_out (&self);
  g_assert_cmpstr (out, ==, ": comment\n\n" DELTA ("two", "{\"role\":\"assistant\"}")
                   DELTA ("two", "{\"content\":\"a\"}"));
  fixture_close (&self);
}

static void
test_others_pass (void)
{
  static const char * const cases[] = {
    ": loading 42%\n\n", "\n", "\r\n", "event: ping\n\n", "data: [DONE]\n\n", "data: nonsense\n\n", "data\n\n",
    "data:\n\n", "event: error\ndata: {\"error\":{\"message\":\"x\"}}\n\n", "data: [1,2]\n\n", "data: {\"a\":1}\n\n",
    "data: {\"id\":\"x\n\n", "data: {}\n\n", "retry: 5\n\n", "data: {\"id\":\"x\",\"choices\":7}}\n\n",
    "data: \xff\n\n",
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *out = NULL;
      Fixture self;

      open_second (&self);
      push (&self, cases[i]);
      out = take_out (&self);
      g_assert_cmpstr (out, ==, cases[i]);
      fixture_close (&self);
    }
}

/* The first chunk of some services is about the prompt, and empty but for that. */
static void
test_identity_is_a_choices (void)
{
  g_autofree char *out = NULL;
  Fixture self;

  open_chat (&self);
  push (&self, "data: {\"id\":\"\",\"model\":\"\",\"choices\":[]}\n\n" SAYS ("one", "a"));
  vmp_splice_begin_next (self.splice);
  g_free (take_out (&self));
  push (&self, "data: {\"id\":\"two\",\"model\":\"n\",\"system_fingerprint\":null,\"choices\":[]}\n\n");
  out = take_out (&self);
  g_assert_cmpstr (out, ==, "data: {\"id\":\"one\",\"model\":\"n\",\"system_fingerprint\":null,\"choices\":[]}\n\n");
  fixture_close (&self);
}

/* -- Usage --------------------------------------------------------------------------------- */

#define USAGE(numbers) "data: {\"choices\":[],\"usage\":{" numbers "}}\n\n"

static void
test_usage (void)
{
  static const struct {
    const char *first;
    const char *in;
    const char *out;
  } cases[] = {
    /* Two tokens were said, which the second node was given with the prompt. */
    { SAYS ("one", "a") SAYS ("one", "b"),
      USAGE ("\"prompt_tokens\":12,\"completion_tokens\":5,\"total_tokens\":17"),
      USAGE ("\"prompt_tokens\":10,\"completion_tokens\":7,\"total_tokens\":17") },
    /* What is not said costs nothing. */
    { DELTA ("one", "{\"role\":\"assistant\",\"content\":\"\"}") SAYS ("one", "a"),
      USAGE ("\"prompt_tokens\":11,\"completion_tokens\":5"), USAGE ("\"prompt_tokens\":10,\"completion_tokens\":6") },
    /* Reasoning costs, but the next one is not given it. */
    { DELTA ("one", "{\"reasoning\":\"hm\"}") SAYS ("one", "a"),
      USAGE ("\"prompt_tokens\":11,\"completion_tokens\":5"), USAGE ("\"prompt_tokens\":10,\"completion_tokens\":7") },
    { DELTA ("one", "{\"reasoning\":\"hm\"}") SAYS ("one", "a"),
      USAGE ("\"completion_tokens\":5,\"completion_tokens_details\":{\"x\":1,\"reasoning_tokens\":2}"),
      USAGE ("\"completion_tokens\":7,\"completion_tokens_details\":{\"x\":1,\"reasoning_tokens\":3}") },
    /* The first node has told of its own, which counts, with what came after. */
    { SAYS ("one", "a") USAGE ("\"prompt_tokens\":8,\"completion_tokens\":4") SAYS ("one", "b"),
      USAGE ("\"prompt_tokens\":12,\"completion_tokens\":5,\"total_tokens\":17"),
      USAGE ("\"prompt_tokens\":8,\"completion_tokens\":10,\"total_tokens\":18") },
    { SAYS ("one", "a"), USAGE ("\"prompt_tokens\":0,\"completion_tokens\":0,\"total_tokens\":0"),
      USAGE ("\"prompt_tokens\":0,\"completion_tokens\":1,\"total_tokens\":1") },
    { SAYS ("one", "a"), USAGE ("\"completion_tokens\":3,\"total_tokens\":9"),
      USAGE ("\"completion_tokens\":4,\"total_tokens\":9") },
    { SAYS ("one", "a"), USAGE ("\"prompt_tokens\":null,\"completion_tokens\":-3,\"total_tokens\":\"9\""),
      USAGE ("\"prompt_tokens\":null,\"completion_tokens\":-3,\"total_tokens\":\"9\"") },
    { SAYS ("one", "a"), USAGE ("\"completion_tokens\":99999999999999999999999999"),
      USAGE ("\"completion_tokens\":9007199254740993") },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *out = NULL;
      Fixture self;

      open_chat (&self);
      push (&self, cases[i].first);
      g_free (take_out (&self));
      vmp_splice_begin_next (self.splice);
      push (&self, cases[i].in);
      out = take_out (&self);
      g_assert_cmpstr (out, ==, cases[i].out);
      fixture_close (&self);
    }
}

/* -- Where it cannot go on ----------------------------------------------------------------- */

static void
test_states (void)
{
  static const struct {
    const char *events;
    gboolean can_continue;
  } cases[] = {
    { "", TRUE },
    { ": comment\n\n", TRUE },
    { DELTA ("1", "{\"role\":\"assistant\",\"content\":\"\"}"), TRUE },
    { SAYS ("1", "a"), TRUE },
    { SAYS ("1", "a") "data: [DONE]\n\n", FALSE },
    { SAYS ("1", "a") "data:[DONE]\n\n", FALSE },
    { SAYS ("1", "a") "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"}]}\n\n", FALSE },
    { SAYS ("1", "a") "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":null}]}\n\n", TRUE },
    { SAYS ("1", "a") "event: error\ndata: {\"error\":{\"message\":\"crashed\"}}\n\n", FALSE },
    { SAYS ("1", "a") "data: {\"error\":\"crashed\"}\n\n", FALSE },
    { SAYS ("1", "a") "data: {\"error\":null}\n\n", TRUE },
    { SAYS ("1", "a") DELTA ("1", "{\"tool_calls\":[{\"index\":0}]}"), FALSE },
    { SAYS ("1", "a") DELTA ("1", "{\"tool_calls\":[{\"index\":0}]}") SAYS ("1", "b"), FALSE },
    { SAYS ("1", "a") DELTA ("1", "{\"function_call\":{\"name\":\"f\"}}"), FALSE },
    { SAYS ("1", "a") DELTA ("1", "{\"tool_calls\":null,\"function_call\":null}"), TRUE },
    { SAYS ("1", "a") DELTA ("1", "{\"refusal\":\"no\"}"), FALSE },
    { DELTA ("1", "{\"reasoning\":\"hm\"}"), FALSE },
    { DELTA ("1", "{\"reasoning_content\":\"hm\"}"), FALSE },
    { DELTA ("1", "{\"reasoning_content\":\"hm\"}") SAYS ("1", "a"), TRUE },
    { DELTA ("1", "{\"reasoning_content\":\"hm\"}") DELTA ("1", "{\"content\":\"\"}"), FALSE },
    { DELTA ("1", "{\"reasoning_content\":\"\",\"content\":\"a\"}"), TRUE },
    { DELTA ("1", "{\"reasoning\":\"hm\"}") SAYS ("1", "a") DELTA ("1", "{\"reasoning\":\"hm\"}"), FALSE },
    { SAYS ("1", "<think>hm"), FALSE },
    { SAYS ("1", "\\n\\u003cthink") SAYS ("1", "\\u003e hm"), FALSE },
    { SAYS ("1", "<think>hm</th") SAYS ("1", "ink> a"), TRUE },
    { SAYS ("1", "Use <think>"), TRUE },
    { SAYS ("1", "\\ud83e"), FALSE },
    { SAYS ("1", "\\ud83e") SAYS ("1", "\\udd87"), TRUE },
    { SAYS ("1", "\\\\ud83e"), TRUE },
    { DELTA ("1", "{\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}"), FALSE },
    { "data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"a\"}}]}\n\n", FALSE },
    { "data: {\"choices\":[{\"index\":0,\"delta\":{}},{\"index\":1,\"delta\":{}}]}\n\n", FALSE },
    { "data: {\"choices\":[7]}\n\n", FALSE },
    { "data: no JSON\n\n", FALSE },
    { "data: {\"choices\":[\n\n", FALSE },
    { "data: {\"object\":\"ping\"}\n\n", TRUE },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      Fixture self;

      open_chat (&self);
      push (&self, cases[i].events);
      g_assert_cmpint (vmp_splice_can_continue (self.splice), ==, cases[i].can_continue);
      fixture_close (&self);
    }
}

static void
test_calls (void)
{
  static const struct {
    const char *path;
    const char *body;
    gboolean fits;
  } cases[] = {
    { "/v1/chat/completions", "{" MESSAGES "}", TRUE },
    { "/api/v0/chat/completions", "{" MESSAGES "}", TRUE },
    { "/v1/chat/completions", "{" MESSAGES ",\"n\":1}", TRUE },
    { "/v1/chat/completions", "{" MESSAGES ",\"n\":null,\"tools\":[{}]}", TRUE },
    { "/v1/chat/completions", "{" MESSAGES ",\"n\":2}", FALSE },
    { "/v1/chat/completions", "{" MESSAGES ",\"n\":\"1\"}", FALSE },
    { "/v1/chat/completions", "{" MESSAGES ",\"response_format\":{\"type\":\"text\"}}", TRUE },
    { "/v1/chat/completions", "{" MESSAGES ",\"response_format\":null}", TRUE },
    { "/v1/chat/completions", "{" MESSAGES ",\"response_format\":{\"type\":\"json_object\"}}", FALSE },
    { "/v1/chat/completions", "{" MESSAGES ",\"response_format\":{\"json_schema\":{\"type\":\"text\"}}}", FALSE },
    { "/v1/chat/completions", "{" MESSAGES ",\"response_format\":\"text\"}", FALSE },
    { "/v1/chat/completions", "{\"messages\":[]}", FALSE },
    { "/v1/chat/completions", "{\"messages\":\"Hi\"}", FALSE },
    { "/v1/chat/completions", "{\"messages\":[\"Hi\"]}", FALSE },
    { "/v1/chat/completions", "{\"messages\":[{\"content\":\"Hi\"}]}", FALSE },
    { "/v1/chat/completions", "{\"messages\":[{\"role\":7,\"content\":\"Hi\"}]}", FALSE },
    { "/v1/chat/completions", "{\"messages\":[{\"role\":\"user\"},{\"role\":\"assistant\"}]}", FALSE },
    { "/v1/chat/completions", "{\"messages\":[{\"role\":\"user\"},{\"role\":\"\\u0061ssistant\"}]}", FALSE },
    { "/v1/chat/completions", "{\"messages\":[{\"role\":\"assistant\"} , {\"role\" : \"tool\"} ] }", TRUE },
    { "/v1/chat/completions", "{\"prompt\":\"Hi\"}", FALSE },
    { "/v1/completions", "{\"prompt\":\"Hi\"}", TRUE },
    { "/v1/completions", " {\"echo\":false,\"suffix\":null,\"best_of\":1,\"prompt\":\"\"}", TRUE },
    { "/v1/completions", "{\"prompt\":\"Hi\",\"echo\":true}", FALSE },
    { "/v1/completions", "{\"prompt\":\"Hi\",\"suffix\":\"x\"}", FALSE },
    { "/v1/completions", "{\"prompt\":\"Hi\",\"best_of\":3}", FALSE },
    { "/v1/completions", "{\"prompt\":[\"Hi\"]}", FALSE },
    { "/v1/completions", "{" MESSAGES "}", FALSE },
    { "/v1/responses", "{\"prompt\":\"Hi\"," MESSAGES "}", FALSE },
    { "/v1/messages", "{" MESSAGES "}", FALSE },
  };
  Fixture self;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      fixture_open (&self, cases[i].path, cases[i].body);
      g_assert_cmpint (self.splice != NULL, ==, cases[i].fits);
      fixture_close (&self);
    }

  fixture_open (&self, "/v1/chat/completions", "{" MESSAGES "}");
  self.call.is_stream = FALSE;
  g_assert_null (vmp_splice_new (&self.call));
  self.call.is_stream = TRUE;
  self.call.scan = NULL;
  g_assert_null (vmp_splice_new (&self.call));
  fixture_close (&self);
}

/* -- Requests ------------------------------------------------------------------------------ */

static void
test_bodies (void)
{
  static const struct {
    const char *path;
    const char *body;
    const char *model;
    const char *expected;
  } cases[] = {
    { "/v1/chat/completions", "{\"model\" : \"x\", \"messages\":[{\"role\":\"user\"} \n], \"seed\":1e0}", "y\"\n",
      "{\"model\" : \"y\\\"\\n\", \"messages\":[{\"role\":\"user\"} \n,"
      "{\"role\":\"assistant\",\"content\":\"a\\u00e9\\\"b\"}], \"seed\":1e0}" },
    { "/v1/chat/completions", "{\"model\":\"x\"," MESSAGES "}", NULL,
      "{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"},"
      "{\"role\":\"assistant\",\"content\":\"a\\u00e9\\\"b\"}]}" },
    { "/v1/chat/completions", "{\"max_completion_tokens\": 40 ,\"messages\":[{\"role\":\"user\"}],\"max_tokens\":3}",
      "y",
      "{\"max_completion_tokens\": 38 ,\"messages\":[{\"role\":\"user\"},"
      "{\"role\":\"assistant\",\"content\":\"a\\u00e9\\\"b\"}],\"max_tokens\":1}" },
    { "/v1/completions", "{\"prompt\":\"Hi \\\"\",\"max_tokens\":2}", NULL,
      "{\"prompt\":\"Hi \\\"a\\u00e9\\\"b\",\"max_tokens\":1}" },
    { "/v1/completions", "{\"prompt\":\"\",\"max_tokens\":1}", NULL,
      "{\"prompt\":\"a\\u00e9\\\"b\",\"max_tokens\":1}" },
    { "/v1/completions", "{\"prompt\":\"\",\"max_tokens\":-1}", NULL,
      "{\"prompt\":\"a\\u00e9\\\"b\",\"max_tokens\":-1}" },
    { "/v1/completions", "{\"prompt\":\"\",\"max_tokens\":null,\"max_completion_tokens\":9.5}", NULL,
      "{\"prompt\":\"a\\u00e9\\\"b\",\"max_tokens\":null,\"max_completion_tokens\":9.5}" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *silent = NULL;
      g_autofree char *before = NULL;
      g_autofree char *after = NULL;
      Fixture self;

      fixture_open (&self, cases[i].path, cases[i].body);
      silent = make_body (&self, NULL);
      g_assert_cmpstr (silent, ==, cases[i].body);

      push (&self, strstr (cases[i].path, "chat") != NULL
                   ? SAYS ("1", "a\\u00e9") SAYS ("1", "\\\"b")
                   : "data: {\"choices\":[{\"text\":\"a\\u00e9\"}]}\n\ndata: {\"choices\":[{\"text\":\"\\\"b\"}]}\n\n");
      before = make_body (&self, cases[i].model);
      g_assert_cmpstr (before, ==, cases[i].expected);
      vmp_splice_begin_next (self.splice);
      after = make_body (&self, cases[i].model);
      g_assert_cmpstr (after, ==, cases[i].expected);
      fixture_close (&self);
    }
}

/* A node does not get to make those after it expensive. */
static void
test_identity_is_bounded (void)
{
  g_autofree char *id = g_strnfill (VMP_LIMIT_SPLICE_IDENTITY_BYTES, 'x');
  g_autofree char *event = g_strdup_printf ("data: {\"id\":\"%s\",\"model\":\"m\",\"choices\":[{}]}\n\n", id);
  g_autofree char *out = NULL;
  Fixture self;

  open_chat (&self);
  push (&self, event);
  vmp_splice_begin_next (self.splice);
  g_free (take_out (&self));
  push (&self, "data: {\"id\":\"two\",\"model\":\"n\",\"choices\":[{}]}\n\n");
  out = take_out (&self);
  g_assert_cmpstr (out, ==, "data: {\"id\":\"two\",\"model\":\"m\",\"choices\":[{}]}\n\n");
  fixture_close (&self);
}

/* What is too long to be given to another node is let go. */
typedef struct {
  const char *body;
  const char *events;
  const char *end;  /* NULL: it has not said all */
} Ending;

#define FINISHED "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"

/* A stream that has said all but [DONE]. */
static void
test_endings (void)
{
  static const Ending endings[] = {
    { "{" MESSAGES "}", SAYS ("1", "a"), NULL },
    { "{" MESSAGES "}", SAYS ("1", "a") FINISHED, "data: [DONE]\n\n" },
    { "{" MESSAGES "}", "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{}]}}]}\n\n" FINISHED, "data: [DONE]\n\n" },
    { "{" MESSAGES "}", "data: {\"error\":{\"message\":\"No.\"}}\n\n", NULL },
    { "{" MESSAGES ",\"max_tokens\":2}", SAYS ("1", "a"), NULL },
    { "{" MESSAGES ",\"max_tokens\":2}",
      "data: {\"id\":\"1\",\"created\":2,\"model\":\"m\",\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"
      SAYS ("1", "b"),
      "data: {\"object\":\"chat.completion.chunk\",\"id\":\"1\",\"created\":2,\"model\":\"m\","
      "\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"length\"}]}\n\ndata: [DONE]\n\n" },
  };

  for (guint i = 0; i < G_N_ELEMENTS (endings); i++)
    {
      g_autofree char *before = NULL;
      g_autofree char *out = NULL;
      Fixture self;

      fixture_open (&self, "/v1/chat/completions", endings[i].body);
      push (&self, endings[i].events);
      before = take_out (&self);
      g_assert_cmpint (vmp_splice_end (self.splice, &self.out), ==, endings[i].end != NULL);
      out = take_out (&self);
      g_assert_cmpstr (out, ==, endings[i].end != NULL ? endings[i].end : "");
      fixture_close (&self);
    }
}

static void
test_text_is_bounded (void)
{
  g_autofree char *text = g_strnfill (VMP_LIMIT_SPLICE_BYTES / 2, 'x');
  g_autofree char *event = g_strdup_printf (SAYS ("1", "%s"), text);
  g_autofree char *body = NULL;
  Fixture self;

  open_chat (&self);
  push (&self, event);
  push (&self, event);
  g_assert_true (vmp_splice_can_continue (self.splice));
  push (&self, SAYS ("1", "y"));
  g_assert_false (vmp_splice_can_continue (self.splice));
  push (&self, SAYS ("1", "y"));
  g_assert_false (vmp_splice_can_continue (self.splice));
  body = make_body (&self, NULL);
  g_assert_cmpstr (body, ==, "{" MESSAGES "}");
  fixture_close (&self);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (styles); i++)
    {
      g_autofree char *path = g_strdup_printf ("/splice/every-cut/%u", i);

      g_test_add_data_func (path, &styles[i], test_every_cut);
    }
  g_test_add_func ("/splice/role/said-once", test_role_is_said_once);
  g_test_add_func ("/splice/role/said", test_role_is_said);
  g_test_add_func ("/splice/others-pass", test_others_pass);
  g_test_add_func ("/splice/identity-of-a-choice", test_identity_is_a_choices);
  g_test_add_func ("/splice/identity-bounded", test_identity_is_bounded);
  g_test_add_func ("/splice/usage", test_usage);
  g_test_add_func ("/splice/states", test_states);
  g_test_add_func ("/splice/calls", test_calls);
  g_test_add_func ("/splice/bodies", test_bodies);
  g_test_add_func ("/splice/endings", test_endings);
  g_test_add_func ("/splice/bounded", test_text_is_bounded);

  return g_test_run ();
}
