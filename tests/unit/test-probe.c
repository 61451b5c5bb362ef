/* SPDX-License-Identifier: MIT
 *
 * What a probe asks, in which order, what it makes of each answer, and what it never sends or follows.
 */

#include "fake-node.h"

#include "core/vmp-limits.h"
#include "nodes/vmp-probe.h"

#include <string.h>

#define TOKEN "canary-token-5e1f"

#define V1 "GET /api/v1/models"
#define V0 "GET /api/v0/models"
#define OPENAI "GET /v1/models"
#define TAGS "GET /api/tags"
#define PS "GET /api/ps"
#define SHOW "POST /api/show"

#define NO_SUCH_ENDPOINT "{\"error\":\"Unexpected endpoint or method. (GET /x)\"}"
#define V1_LIST \
  "{\"models\":[{\"type\":\"llm\",\"publisher\":\"google\",\"key\":\"google/gemma\",\"display_name\":\"Gemma\"," \
  "\"loaded_instances\":[],\"max_context_length\":8192}]}"
#define V0_LIST "{\"object\":\"list\",\"data\":[{\"id\":\"qwen\",\"object\":\"model\",\"type\":\"llm\"," \
                "\"state\":\"not-loaded\",\"max_context_length\":4096}]}"
#define OPENAI_LIST "{\"object\":\"list\",\"data\":[{\"id\":\"mistral\",\"object\":\"model\",\"owned_by\":\"me\"}]}"
#define LIBRARY_LIST \
  "{\"object\":\"list\",\"data\":[{\"id\":\"llama3:8b\",\"object\":\"model\",\"owned_by\":\"library\"}]}"
#define TAGS_LIST "{\"models\":[{\"name\":\"llama3:8b\",\"model\":\"llama3:8b\",\"size\":4661224676}]}"
#define PS_LIST "{\"models\":[{\"name\":\"llama3:8b\",\"model\":\"llama3:8b\",\"context_length\":2048}]}"
#define SHOW_ANSWER \
  "{\"details\":{\"family\":\"llama\"}," \
  "\"model_info\":{\"general.architecture\":\"llama\",\"llama.context_length\":8192}," \
  "\"capabilities\":[\"completion\",\"tools\"]}"

typedef struct {
  VmpPoll *poll;
  VmpUpstream *upstream;
  FakeNode *node;
  VmpBaseUrl *base_url;
  VmpProbeRequest request;

  VmpProbe *probe;
  gboolean done;
  VmpProbeResult result;
  VmpTransferEnd end;
  VmpInventory *inventory;
  gboolean auth_failed;
  gboolean with_token;
  double latency_ms;
  char *error;
  char *address;
  char *key;
  char *instance;
} Fixture;

static void
forget_report (Fixture *self)
{
  g_clear_pointer (&self->inventory, vmp_inventory_unref);
  g_clear_pointer (&self->error, g_free);
  g_clear_pointer (&self->address, g_free);
  g_clear_pointer (&self->key, g_free);
  g_clear_pointer (&self->instance, g_free);
}

static void
done_cb (gpointer              user_data,
         VmpProbeResult        result,
         const VmpProbeReport *report,
         VmpTransferEnd        end)
{
  Fixture *self = user_data;

  forget_report (self);
  self->done = TRUE;
  self->result = result;
  self->end = end;
  self->inventory = report->inventory != NULL ? vmp_inventory_ref (report->inventory) : NULL;
  self->auth_failed = report->auth_failed;
  self->with_token = report->with_token;
  self->latency_ms = report->latency_ms;
  self->error = g_strdup (report->error);
  self->address = g_strdup (report->address);
  self->key = g_strdup (report->key);
  self->instance = g_strdup (report->instance);
  g_assert_cmpint (report->health, ==, result == VMP_PROBE_ONLINE ? VMP_NODE_ONLINE : VMP_NODE_OFFLINE);
}

static void
set_url (Fixture    *self,
         const char *scheme,
         const char *host,
         guint16     port)
{
  g_autofree char *text = g_strdup_printf ("%s://%s:%u", scheme, host, port);

  g_clear_pointer (&self->base_url, vmp_base_url_free);
  self->base_url = vmp_base_url_parse (text, NULL);
  self->request.base_url = self->base_url;
}

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  self->poll = vmp_poll_new (NULL);
  self->upstream = vmp_upstream_new (self->poll);
  self->node = fake_node_new ("127.0.0.1", 0, NULL);
  self->request.via = "1.1 vampire";
  set_url (self, "http", "127.0.0.1", self->node->port);
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  forget_report (self);
  vmp_base_url_free (self->base_url);
  fake_node_free (self->node);
  vmp_upstream_free (self->upstream);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  vmp_poll_free (self->poll);
}

static void
probe (Fixture *self)
{
  self->done = FALSE;
  self->probe = vmp_probe_start (self->upstream, &self->request, done_cb, self);
  g_assert_false (self->done);
  while (!self->done)
    g_main_context_iteration (NULL, TRUE);
}

/* What was asked, in its order, as "GET /a, POST /b". */
static void
assert_asked (Fixture    *self,
              const char *expected)
{
  g_autoptr (GString) asked = g_string_new (NULL);
  guint i;

  for (i = 0; i < self->node->requests->len; i++)
    {
      const char *text = g_ptr_array_index (self->node->requests, i);

      g_string_append_printf (asked, "%s%.*s", i > 0 ? ", " : "", (int) (strstr (text, " HTTP/") - text), text);
    }
  g_assert_cmpstr (asked->str, ==, expected);
}

static void
assert_online (Fixture    *self,
               VmpListKind list,
               const char *model)
{
  g_assert_cmpint (self->result, ==, VMP_PROBE_ONLINE);
  g_assert_cmpint (self->end, ==, VMP_TRANSFER_DONE);
  g_assert_null (self->error);
  g_assert_false (self->auth_failed);
  g_assert_nonnull (self->inventory);
  g_assert_cmpint (self->inventory->list, ==, list);
  g_assert_true (g_hash_table_contains (self->inventory->by_id, model));
  g_assert_cmpfloat (self->latency_ms, >, 0);
  g_assert_cmpstr (self->address, ==, "127.0.0.1");
}

/* @sentence: with "URL" for where it was asked */
static void
assert_no_list (Fixture       *self,
                VmpProbeResult result,
                const char    *sentence)
{
  g_autoptr (GString) expected = g_string_new (sentence);

  g_string_replace (expected, "URL", self->base_url->text, 1);
  g_assert_cmpint (self->result, ==, result);
  g_assert_null (self->inventory);
  g_assert_cmpstr (self->error, ==, expected->str);
}

/* -- Order --------------------------------------------------------------------------------- */

static void
test_order (Fixture      *self,
            gconstpointer data)
{
  fake_node_answer (self->node, TAGS, 200, NULL, TAGS_LIST);
  self->request.quick = TRUE;
  probe (self);
  assert_online (self, VMP_LIST_OLLAMA, "llama3:8b");
  assert_asked (self, V1 ", " V0 ", " OPENAI ", " TAGS);
}

static void
test_order_for_ollama (Fixture      *self,
                       gconstpointer data)
{
  fake_node_answer (self->node, OPENAI, 200, NULL, OPENAI_LIST);
  self->request.hint = VMP_PROVIDER_OLLAMA;
  probe (self);
  assert_online (self, VMP_LIST_OPENAI, "mistral");
  assert_asked (self, TAGS ", " V1 ", " V0 ", " OPENAI);
}

static void
test_first_list_is_enough (Fixture      *self,
                           gconstpointer data)
{
  fake_node_answer (self->node, V1, 200, NULL, V1_LIST);
  fake_node_answer (self->node, OPENAI, 200, NULL, OPENAI_LIST);
  probe (self);
  assert_online (self, VMP_LIST_LMSTUDIO_V1, "google/gemma");
  g_assert_cmpint (self->inventory->provider, ==, VMP_PROVIDER_LMSTUDIO);
  assert_asked (self, V1);
}

/* LM Studio says 200 to what it does not know. */
static void
test_body_counts_not_status (Fixture      *self,
                             gconstpointer data)
{
  fake_node_answer (self->node, V1, 200, NULL, NO_SUCH_ENDPOINT);
  fake_node_answer (self->node, V0, 200, NULL, V0_LIST);
  probe (self);
  assert_online (self, VMP_LIST_LMSTUDIO_V0, "qwen");
  assert_asked (self, V1 ", " V0);
}

static void
test_trouble_is_passed_over (Fixture      *self,
                             gconstpointer data)
{
  fake_node_answer (self->node, V1, 500, NULL, V1_LIST);
  fake_node_answer (self->node, V0, 404, NULL, V0_LIST);
  fake_node_answer (self->node, OPENAI, 200, NULL, OPENAI_LIST);
  probe (self);
  assert_online (self, VMP_LIST_OPENAI, "mistral");
}

/* -- What is sent -------------------------------------------------------------------------- */

static void
test_fields (Fixture      *self,
             gconstpointer data)
{
  fake_node_answer (self->node, V1, 200, NULL, V1_LIST);
  probe (self);
  g_assert_cmpuint (fake_node_count (self->node, "\r\nAccept: application/json\r\n"), ==, 1);
  g_assert_cmpuint (fake_node_count (self->node, "\r\nVia: 1.1 vampire\r\n"), ==, 1);
  g_assert_cmpuint (fake_node_count (self->node, "Authorization"), ==, 0);
  g_assert_false (self->with_token);
}

static void
test_token (Fixture      *self,
            gconstpointer data)
{
  fake_node_answer (self->node, V0, 200, NULL, V0_LIST);
  self->request.token = TOKEN;
  probe (self);
  g_assert_cmpuint (fake_node_count (self->node, "\r\nAuthorization: Bearer " TOKEN "\r\n"), ==, 2);
  g_assert_true (self->with_token);
}

static void
test_token_wanted (Fixture      *self,
                   gconstpointer data)
{
  fake_node_answer (self->node, V1, 401, NULL, "{}");
  probe (self);
  g_assert_cmpint (self->result, ==, VMP_PROBE_ONLINE);
  g_assert_true (self->auth_failed);
  g_assert_nonnull (strstr (self->error, "asks for a token"));
  assert_asked (self, V1);

  fake_node_answer (self->node, V1, 403, NULL, "{}");
  self->request.token = TOKEN;
  probe (self);
  g_assert_cmpint (self->result, ==, VMP_PROBE_ONLINE);
  g_assert_true (self->auth_failed);
  g_assert_true (self->with_token);
  g_assert_nonnull (strstr (self->error, "refuses the token"));
  g_assert_null (strstr (self->error, TOKEN));
}

static void
test_no_redirect_is_followed (Fixture      *self,
                              gconstpointer data)
{
  FakeNode *other = fake_node_new ("127.0.0.2", 0, NULL);
  g_autofree char *location = g_strdup_printf ("Location: http://127.0.0.2:%u/api/v1/models\r\n", other->port);
  guint statuses[] = { 301, 302, 307, 308 };
  guint i;

  self->request.token = TOKEN;
  for (i = 0; i < G_N_ELEMENTS (statuses); i++)
    {
      fake_node_answer (self->node, V1, statuses[i], location, V1_LIST);
      fake_node_answer (self->node, V0, statuses[i], location, V0_LIST);
      fake_node_answer (self->node, OPENAI, statuses[i], location, OPENAI_LIST);
      fake_node_answer (self->node, TAGS, statuses[i], location, TAGS_LIST);
      probe (self);
      assert_no_list (self, VMP_PROBE_STRANGER, "The server at URL answers, but gives no list of models.");
    }
  g_assert_cmpuint (other->n_accepted, ==, 0);
  fake_node_free (other);
}

static void
test_elsewhere_nothing_is_sent (Fixture      *self,
                                gconstpointer data)
{
  static const char * const addresses[] = { "127.0.0.9", NULL };

  set_url (self, "http", "localhost", self->node->port);
  self->request.reach.addresses = addresses;
  self->request.token = TOKEN;
  probe (self);
  g_assert_cmpint (self->end, ==, VMP_TRANSFER_MOVED);
  assert_no_list (self, VMP_PROBE_OFFLINE,
                  "The server at URL is not the one that was approved: it is at 127.0.0.1 now, which is not the "
                  "address that was approved.");
  g_assert_null (self->address);
  g_assert_cmpuint (self->node->bytes_in, ==, 0);
}

static void
test_public_is_not_asked (Fixture      *self,
                          gconstpointer data)
{
  set_url (self, "http", "8.8.8.8", 1);
  probe (self);
  g_assert_cmpint (self->end, ==, VMP_TRANSFER_NOT_ALLOWED);
  assert_no_list (self, VMP_PROBE_OFFLINE,
                  "The server at URL may not be reached: its address is on the public Internet, and the setting "
                  "allow_public_nodes is off.");
}

/* -- What is no list ----------------------------------------------------------------------- */

static void
test_stranger (Fixture      *self,
               gconstpointer data)
{
  probe (self);
  assert_no_list (self, VMP_PROBE_STRANGER, "The server at URL answers, but gives no list of models.");

  fake_node_answer (self->node, V1, 200, NULL, "<html>Router</html>");
  fake_node_answer (self->node, V0, 200, NULL, "<html>Router</html>");
  fake_node_answer (self->node, OPENAI, 200, NULL, "{\"error\":\"go away \\u202e\"}");
  fake_node_answer (self->node, TAGS, 200, NULL, "");
  probe (self);
  assert_no_list (self, VMP_PROBE_STRANGER,
                  "The server at URL answers, but its list of models is an error message instead: \"go away "
                  "\357\277\275\".");
}

static void
test_failing_server (Fixture      *self,
                     gconstpointer data)
{
  fake_node_answer (self->node, V1, 200, NULL, NO_SUCH_ENDPOINT);
  fake_node_answer (self->node, OPENAI, 503, NULL, "{}");
  self->request.hint = VMP_PROVIDER_LMSTUDIO;
  probe (self);
  assert_no_list (self, VMP_PROBE_STRANGER, "LM Studio at URL answers with an error of its own (status 503).");
}

static void
test_nobody (Fixture      *self,
             gconstpointer data)
{
  set_url (self, "http", "127.0.0.1", 1);
  self->request.hint = VMP_PROVIDER_LMSTUDIO;
  probe (self);
  g_assert_cmpint (self->end, ==, VMP_TRANSFER_NO_CONNECTION);
  assert_no_list (self, VMP_PROBE_OFFLINE,
                  "LM Studio at URL cannot be reached (connection refused). Start LM Studio and switch on its server "
                  "in the Developer tab.");

  /* On another computer, as its name tells. */
  fake_name ("studio-mac.test", "127.0.0.1", NULL);
  set_url (self, "http", "studio-mac.test", 1);
  probe (self);
  assert_no_list (self, VMP_PROBE_OFFLINE,
                  "LM Studio at URL cannot be reached (connection refused). Start LM Studio on that computer, switch "
                  "on its server in the Developer tab, and turn on Serve on Local Network there.");

  self->request.hint = VMP_PROVIDER_AUTO;
  probe (self);
  g_assert_true (g_str_has_prefix (self->error, "The server at http://studio-mac.test:1 cannot be reached ("));

  set_url (self, "http", "studio-mac.test", 1234);
  probe (self);
  g_assert_true (g_str_has_prefix (self->error, "LM Studio at http://studio-mac.test:1234 cannot be reached ("));
}

static void
test_silence (Fixture      *self,
              gconstpointer data)
{
  self->node->manner = FAKE_SILENT;
  self->request.timeout_ms = 50;
  probe (self);
  g_assert_cmpint (self->end, ==, VMP_TRANSFER_TIMED_OUT);
  assert_no_list (self, VMP_PROBE_OFFLINE,
                  "The server at URL took the question but gave no answer within 0.05 seconds.");
  assert_asked (self, V1);
}

static void
test_one_byte_at_a_time (Fixture      *self,
                         gconstpointer data)
{
  self->node->manner = FAKE_TRICKLES;
  self->request.timeout_ms = 200;
  probe (self);
  g_assert_cmpint (self->result, ==, VMP_PROBE_OFFLINE);
  g_assert_cmpint (self->end, ==, VMP_TRANSFER_TIMED_OUT);
  assert_asked (self, V1);
}

static void
test_hundred_megabytes (Fixture      *self,
                        gconstpointer data)
{
  self->node->manner = FAKE_FLOODS;
  probe (self);
  g_assert_cmpint (self->end, ==, VMP_TRANSFER_TOO_LONG);
  assert_no_list (self, VMP_PROBE_OFFLINE,
                  "The server at URL answers, but its list of models is longer than 1024 KB, which nobody's is.");
  g_assert_cmpuint (self->node->requests->len, ==, VMP_N_LISTS);
  g_assert_cmpuint (self->node->bytes_out, <, 64 * 1024 * 1024); /* four times what sockets hold, and not 400 MB */
}

static void
test_one_list_too_long (Fixture      *self,
                        gconstpointer data)
{
  g_autofree char *long_list = g_strnfill (VMP_LIMIT_PROBE_BYTES + 1, ' ');

  fake_node_answer (self->node, V1, 200, NULL, long_list);
  fake_node_answer (self->node, OPENAI, 200, NULL, OPENAI_LIST);
  probe (self);
  assert_online (self, VMP_LIST_OPENAI, "mistral");
}

/* -- What is learnt besides ---------------------------------------------------------------- */

static void
test_instance (Fixture      *self,
               gconstpointer data)
{
  g_autofree char *long_name = g_strnfill (5000, 'a');
  g_autofree char *field = g_strdup_printf ("X-Vampire-Instance: %s\r\n", long_name);

  fake_node_answer (self->node, OPENAI, 200, "x-vampire-instance: 8f2c\r\n", OPENAI_LIST);
  probe (self);
  g_assert_cmpstr (self->instance, ==, "8f2c");

  /* A gateway refuses what came through itself, and so makes itself known. */
  fake_node_answer (self->node, V1, 508, "X-Vampire-Instance: 8f2c\r\n", "{}");
  fake_node_answer (self->node, OPENAI, 508, NULL, "{}");
  probe (self);
  g_assert_cmpstr (self->instance, ==, "8f2c");

  fake_node_answer (self->node, V1, 200, field, V1_LIST);
  probe (self);
  g_assert_cmpuint (g_utf8_strlen (self->instance, -1), <=, VMP_LIMIT_MODEL_TEXT_CHARS + 1);

  fake_node_answer (self->node, V1, 200, "X-Vampire-Instance: \342\200\256x\r\n", V1_LIST);
  probe (self);
  g_assert_cmpstr (self->instance, ==, "\357\277\275x");
}

static void
test_server_field (Fixture      *self,
                   gconstpointer data)
{
  fake_node_answer (self->node, OPENAI, 200, "Server: llama.cpp\r\n", OPENAI_LIST);
  probe (self);
  g_assert_cmpint (self->inventory->provider, ==, VMP_PROVIDER_LLAMACPP);

  fake_node_answer (self->node, OPENAI, 200, "X-Powered-By: vLLM\r\nServer: uvicorn\r\n", OPENAI_LIST);
  probe (self);
  g_assert_cmpint (self->inventory->provider, ==, VMP_PROVIDER_VLLM);
}

static void
test_key (Fixture      *self,
          gconstpointer data)
{
  g_autofree char *pin = NULL;
  g_autofree char *other_pin = NULL;
  g_autoptr (GTlsCertificate) certificate = fake_certificate_new (&pin);
  G_GNUC_UNUSED g_autoptr (GTlsCertificate) other = fake_certificate_new (&other_pin);
  FakeNode *node = fake_node_new ("127.0.0.1", 0, certificate);

  /* To learn a key any will do, as nothing private is sent. */
  fake_node_answer (node, V0, 200, NULL, V0_LIST);
  set_url (self, "https", "127.0.0.1", node->port);
  probe (self);
  assert_online (self, VMP_LIST_LMSTUDIO_V0, "qwen");
  g_assert_cmpstr (self->key, ==, pin);

  /* A token goes to nobody whose key is not known. */
  self->request.token = TOKEN;
  probe (self);
  g_assert_cmpint (self->result, ==, VMP_PROBE_OFFLINE);
  g_assert_cmpint (self->end, ==, VMP_TRANSFER_KEY_UNKNOWN);

  self->request.reach.key = other_pin;
  probe (self);
  g_assert_cmpint (self->result, ==, VMP_PROBE_OFFLINE);
  g_assert_cmpint (self->end, ==, VMP_TRANSFER_KEY_CHANGED);
  g_assert_cmpuint (fake_node_count (node, TOKEN), ==, 0);

  self->request.reach.key = pin;
  probe (self);
  assert_online (self, VMP_LIST_LMSTUDIO_V0, "qwen");
  g_assert_cmpuint (fake_node_count (node, TOKEN), ==, 2);
  fake_node_free (node);
}

/* -- Ollama -------------------------------------------------------------------------------- */

static const VmpModel *
get_model (Fixture    *self,
           const char *id)
{
  const VmpModel *model = g_hash_table_lookup (self->inventory->by_id, id);

  g_assert_nonnull (model);

  return model;
}

static void
test_ollama_details (Fixture      *self,
                     gconstpointer data)
{
  const VmpModel *model;

  fake_node_answer (self->node, TAGS, 200, NULL, TAGS_LIST);
  fake_node_answer (self->node, PS, 200, NULL, PS_LIST);
  fake_node_answer (self->node, SHOW, 200, NULL, SHOW_ANSWER);
  self->request.hint = VMP_PROVIDER_OLLAMA;
  self->request.token = TOKEN;
  probe (self);
  assert_online (self, VMP_LIST_OLLAMA, "llama3:8b");
  assert_asked (self, TAGS ", " PS ", " SHOW);
  g_assert_cmpuint (fake_node_count (self->node, "\r\n\r\n{\"model\":\"llama3:8b\"}"), ==, 1);
  g_assert_cmpuint (fake_node_count (self->node, TOKEN), ==, 3);
  model = get_model (self, "llama3:8b");
  g_assert_true (model->loaded);
  g_assert_true (model->tools);
  g_assert_cmpint (model->context_limit, ==, 8192);

  /* What is known is not asked for again. */
  self->request.known = g_steal_pointer (&self->inventory);
  probe (self);
  assert_asked (self, TAGS ", " PS ", " SHOW ", " TAGS ", " PS);
  model = get_model (self, "llama3:8b");
  g_assert_true (model->loaded);
  g_assert_true (model->tools);
  g_assert_cmpint (model->context_limit, ==, 8192);

  /* Another model of the same name is. */
  fake_node_answer (self->node, TAGS, 200, NULL, "{\"models\":[{\"name\":\"llama3:8b\",\"size\":17}]}");
  probe (self);
  g_assert_cmpuint (fake_node_count (self->node, SHOW), ==, 2);
  vmp_inventory_unref (self->request.known);
}

static void
test_ollama_quick (Fixture      *self,
                   gconstpointer data)
{
  fake_node_answer (self->node, TAGS, 200, NULL, TAGS_LIST);
  self->request.hint = VMP_PROVIDER_OLLAMA;
  self->request.quick = TRUE;
  probe (self);
  assert_online (self, VMP_LIST_OLLAMA, "llama3:8b");
  assert_asked (self, TAGS);
}

/* A few at a time, and all in the end, also when there is no answer for some. */
static void
test_ollama_many_models (Fixture      *self,
                         gconstpointer data)
{
  g_autoptr (GString) list = g_string_new ("{\"models\":[");
  guint n_models = VMP_LIMIT_PROBE_DETAILS + 2;
  guint i;

  for (i = 0; i < n_models; i++)
    g_string_append_printf (list, "%s{\"name\":\"m%u\",\"size\":1}", i > 0 ? "," : "", i);
  g_string_append (list, "]}");
  fake_node_answer (self->node, TAGS, 200, NULL, list->str);
  fake_node_answer (self->node, SHOW, 200, NULL, SHOW_ANSWER);
  self->request.hint = VMP_PROVIDER_OLLAMA;
  probe (self);
  g_assert_cmpuint (fake_node_count (self->node, SHOW), ==, VMP_LIMIT_PROBE_DETAILS);

  self->request.known = g_steal_pointer (&self->inventory);
  probe (self);
  g_assert_cmpuint (fake_node_count (self->node, SHOW), ==, n_models);
  for (i = 0; i < n_models; i++)
    {
      g_autofree char *id = g_strdup_printf ("m%u", i);

      g_assert_true (get_model (self, id)->tools);
    }
  vmp_inventory_unref (self->request.known);
}

static void
test_ollama_without_details (Fixture      *self,
                             gconstpointer data)
{
  fake_node_answer (self->node, TAGS, 200, NULL, TAGS_LIST);
  fake_node_answer (self->node, PS, 401, NULL, "{}");
  fake_node_answer (self->node, SHOW, 500, NULL, "nonsense");
  self->request.hint = VMP_PROVIDER_OLLAMA;
  probe (self);
  assert_online (self, VMP_LIST_OLLAMA, "llama3:8b");
  assert_asked (self, TAGS ", " PS ", " SHOW);
}

/* Where its list for others comes first, its own is asked for all the same. */
static void
test_ollama_is_recognised (Fixture      *self,
                           gconstpointer data)
{
  fake_node_answer (self->node, OPENAI, 200, NULL, LIBRARY_LIST);
  fake_node_answer (self->node, TAGS, 200, NULL, TAGS_LIST);
  probe (self);
  assert_online (self, VMP_LIST_OLLAMA, "llama3:8b");

  fake_node_answer (self->node, TAGS, 403, NULL, "{}");
  probe (self);
  assert_online (self, VMP_LIST_OPENAI, "llama3:8b");
}

/* -- Cancelling ---------------------------------------------------------------------------- */

static void
test_cancel (Fixture      *self,
             gconstpointer data)
{
  VmpProbe *other;

  self->node->manner = FAKE_SILENT;
  other = vmp_probe_start (self->upstream, &self->request, done_cb, self);
  vmp_probe_cancel (other);
  g_assert_cmpuint (self->node->requests->len, ==, 0);

  self->request.token = TOKEN;
  other = vmp_probe_start (self->upstream, &self->request, done_cb, self);
  while (self->node->requests->len == 0)
    g_main_context_iteration (NULL, TRUE);
  vmp_probe_cancel (other);
  while (self->node->connections.length > 0)
    g_main_context_iteration (NULL, TRUE);
  g_assert_false (self->done);
}

#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/nodes/probe/order/usual", test_order);
  ADD ("/nodes/probe/order/for-ollama", test_order_for_ollama);
  ADD ("/nodes/probe/order/first-list-is-enough", test_first_list_is_enough);
  ADD ("/nodes/probe/order/body-counts-not-status", test_body_counts_not_status);
  ADD ("/nodes/probe/order/trouble-is-passed-over", test_trouble_is_passed_over);
  ADD ("/nodes/probe/sends/fields", test_fields);
  ADD ("/nodes/probe/sends/token", test_token);
  ADD ("/nodes/probe/sends/nothing-elsewhere", test_elsewhere_nothing_is_sent);
  ADD ("/nodes/probe/sends/nothing-to-the-public", test_public_is_not_asked);
  ADD ("/nodes/probe/sends/nothing-where-redirected", test_no_redirect_is_followed);
  ADD ("/nodes/probe/token-wanted", test_token_wanted);
  ADD ("/nodes/probe/no-list/stranger", test_stranger);
  ADD ("/nodes/probe/no-list/failing-server", test_failing_server);
  ADD ("/nodes/probe/no-list/nobody", test_nobody);
  ADD ("/nodes/probe/no-list/silence", test_silence);
  ADD ("/nodes/probe/no-list/one-byte-at-a-time", test_one_byte_at_a_time);
  ADD ("/nodes/probe/no-list/hundred-megabytes", test_hundred_megabytes);
  ADD ("/nodes/probe/no-list/one-too-long", test_one_list_too_long);
  ADD ("/nodes/probe/learns/instance", test_instance);
  ADD ("/nodes/probe/learns/server-field", test_server_field);
  ADD ("/nodes/probe/learns/key", test_key);
  ADD ("/nodes/probe/ollama/details", test_ollama_details);
  ADD ("/nodes/probe/ollama/quick", test_ollama_quick);
  ADD ("/nodes/probe/ollama/many-models", test_ollama_many_models);
  ADD ("/nodes/probe/ollama/without-details", test_ollama_without_details);
  ADD ("/nodes/probe/ollama/is-recognised", test_ollama_is_recognised);
  ADD ("/nodes/probe/cancel", test_cancel);

  return g_test_run ();
}
