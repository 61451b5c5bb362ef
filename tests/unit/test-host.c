/* SPDX-License-Identifier: MIT
 *
 * Hosts: what follows from their facts, which proofs of being loaded count, how long they live, how they are found,
 * and that no request at one is lost or counted twice, whatever happens to its node meanwhile.
 */

#include "registry-fixture.h"

#include "core/vmp-limits.h"

#include <math.h>

#define V1(models) "{\"models\":[" models "]}"
#define MODEL(key, more) "{\"type\":\"llm\",\"key\":\"" key "\"" more "}"
#define LOADED(copies) ",\"loaded_instances\":[" copies "]"
#define COPY(id) "{\"id\":\"" id "\"}"
#define V0(type) "{\"object\":\"list\",\"data\":[{\"id\":\"a\",\"type\":\"" type "\",\"state\":\"loaded\"}]}"
#define OPENAI "{\"object\":\"list\",\"data\":[{\"id\":\"a\",\"object\":\"model\"}]}"

static VmpNode *
add (RegistryFixture *self,
     const char      *id,
     const char      *url)
{
  return registry_fixture_register (self, id, url);
}

/* A rig of LM Studio that has the models a and b, the first of which is loaded or not. */
static VmpHost *
list_a (RegistryFixture *self,
        VmpNode         *node,
        gboolean         loaded,
        gint64           asked)
{
  registry_fixture_probe_list (self, node, VMP_LIST_LMSTUDIO_V1,
                               loaded ? V1 (MODEL ("a", LOADED (COPY ("a"))) "," MODEL ("b", LOADED ("")))
                                      : V1 (MODEL ("a", LOADED ("")) "," MODEL ("b", LOADED (""))),
                               asked);

  return vmp_node_find_host (node, "a");
}

/* -- What follows from its facts ------------------------------------------------------------ */

static void
test_slots (RegistryFixture *self,
            gconstpointer    data)
{
  static const struct {
    VmpProvider provider;
    VmpListKind kind;
    const char *list;
    guint slots;
  } cases[] = {
    { VMP_PROVIDER_AUTO, VMP_LIST_LMSTUDIO_V1, V1 (MODEL ("a", "")), 4 },
    { VMP_PROVIDER_AUTO, VMP_LIST_LMSTUDIO_V1, V1 (MODEL ("a", ",\"format\":\"gguf\"")), 4 },
    { VMP_PROVIDER_AUTO, VMP_LIST_LMSTUDIO_V1, V1 (MODEL ("a", ",\"format\":\"mlx\"")), 1 },
    { VMP_PROVIDER_AUTO, VMP_LIST_LMSTUDIO_V1, V1 ("{\"type\":\"embedding\",\"key\":\"a\"}"), 0 },
    { VMP_PROVIDER_AUTO, VMP_LIST_LMSTUDIO_V1,
      V1 (MODEL ("a", ",\"format\":\"mlx\"" LOADED ("{\"id\":\"a\",\"config\":{\"parallel\":3}}"))), 3 },
    { VMP_PROVIDER_AUTO, VMP_LIST_LMSTUDIO_V1,
      V1 (MODEL ("a", LOADED ("{\"id\":\"a\",\"config\":{\"parallel\":3}},{\"id\":\"a:2\",\"config\":{\"parallel\":8}},"
                              "{\"id\":\"a:3\"}"))), 11 },
    { VMP_PROVIDER_AUTO, VMP_LIST_LMSTUDIO_V1, V1 (MODEL ("a", LOADED (COPY ("a")))), 4 },
    { VMP_PROVIDER_AUTO, VMP_LIST_LMSTUDIO_V0, V0 ("llm"), 1 },
    { VMP_PROVIDER_AUTO, VMP_LIST_LMSTUDIO_V0, V0 ("embeddings"), 0 },
    { VMP_PROVIDER_LMSTUDIO, VMP_LIST_OPENAI, OPENAI, 1 },
    { VMP_PROVIDER_AUTO, VMP_LIST_OPENAI, OPENAI, 0 },
    { VMP_PROVIDER_VLLM, VMP_LIST_OPENAI, OPENAI, 0 },
    { VMP_PROVIDER_AUTO, VMP_LIST_OLLAMA, "{\"models\":[{\"name\":\"a\",\"model\":\"a\",\"details\":{}}]}", 0 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      VmpNode *node = add (self, "rig", "http://192.168.7.3:1234");
      VmpNodeUpdate update = { .provider = &cases[i].provider };

      g_assert_true (vmp_registry_update (self->registry, node, &update, NULL));
      registry_fixture_probe_list (self, node, cases[i].kind, cases[i].list, 0);
      g_test_message ("%s", cases[i].list);
      g_assert_cmpuint (vmp_host_get_slots (vmp_node_find_host (node, "a")), ==, cases[i].slots);
      vmp_registry_forget (self->registry, node);
    }
}

static void
test_context (RegistryFixture *self,
              gconstpointer    data)
{
  VmpNode *node = add (self, "rig", "http://192.168.7.3:1234");
  VmpHost *host;

  registry_fixture_probe_list (self, node, VMP_LIST_LMSTUDIO_V1, V1 (MODEL ("a", ",\"max_context_length\":8192")), 0);
  host = vmp_node_find_host (node, "a");
  g_assert_cmpint (vmp_host_get_context (host), ==, 8192);

  registry_fixture_probe_list (self, node, VMP_LIST_LMSTUDIO_V1,
                               V1 (MODEL ("a", ",\"max_context_length\":8192" LOADED (
                                            "{\"id\":\"a\",\"config\":{\"context_length\":2048}},"
                                            "{\"id\":\"a:2\",\"config\":{\"context_length\":4096}}"))), 0);
  g_assert_cmpint (vmp_host_get_context (host), ==, 4096);

  /* The copies that were listed are gone. */
  vmp_host_note_unloaded (host);
  g_assert_cmpint (vmp_host_get_context (host), ==, 8192);

  registry_fixture_probe (self, node, "a");
  g_assert_cmpint (vmp_host_get_context (host), ==, 0);
}

static void
test_loads_on_request (RegistryFixture *self,
                       gconstpointer    data)
{
  VmpProvider vllm = VMP_PROVIDER_VLLM;
  VmpProvider lmstudio = VMP_PROVIDER_LMSTUDIO;
  VmpNode *node = add (self, "rig", "http://192.168.7.3:1234");
  VmpHost *host = list_a (self, node, FALSE, 0);
  guint generation;

  g_assert_true (vmp_host_loads_on_request (host));
  registry_fixture_probe_list (self, node, VMP_LIST_LMSTUDIO_V0, V0 ("llm"), 0);
  g_assert_true (vmp_host_loads_on_request (host));

  generation = node->hosts_generation;
  g_assert_true (vmp_registry_update (self->registry, node, &(VmpNodeUpdate) { .provider = &vllm }, NULL));
  g_assert_false (vmp_host_loads_on_request (host));
  g_assert_cmpuint (node->hosts_generation, !=, generation);

  g_assert_true (vmp_registry_update (self->registry, node, &(VmpNodeUpdate) { .provider = &lmstudio }, NULL));
  g_assert_true (vmp_host_loads_on_request (host));
  registry_fixture_probe (self, node, "a");
  g_assert_false (vmp_host_loads_on_request (host));
}

static void
test_expected_load (RegistryFixture *self,
                    gconstpointer    data)
{
  VmpNode *node = add (self, "rig", "http://192.168.7.3:1234");
  VmpHost *host = list_a (self, node, FALSE, 0);

  g_assert_cmpfloat (vmp_host_expect_load_ms (host), ==, 10000);
  registry_fixture_probe_list (self, node, VMP_LIST_LMSTUDIO_V1, V1 (MODEL ("a", ",\"size_bytes\":5000000000")), 0);
  g_assert_cmpfloat (vmp_host_expect_load_ms (host), ==, 7000);
  vmp_host_note_load (host, 500);
  g_assert_cmpfloat (vmp_host_expect_load_ms (host), ==, 500);
  vmp_host_note_load (host, 1000);
  g_assert_cmpfloat_with_epsilon (vmp_host_expect_load_ms (host), 600, 0.001);
}

static void
test_average (void)
{
  g_assert_cmpfloat (vmp_host_average (0, 5), ==, 5);
  g_assert_cmpfloat_with_epsilon (vmp_host_average (100, 200), 120, 0.001);
  g_assert_cmpfloat (vmp_host_average (100, 0), ==, 100);
  g_assert_cmpfloat (vmp_host_average (100, -1), ==, 100);
  g_assert_cmpfloat (vmp_host_average (100, NAN), ==, 100);
  g_assert_cmpfloat (vmp_host_average (0, INFINITY), ==, 0);
}

/* -- Whether it is in memory ---------------------------------------------------------------- */

static void
test_list_proves (RegistryFixture *self,
                  gconstpointer    data)
{
  gint64 before = g_get_monotonic_time ();
  VmpNode *node = add (self, "rig", "http://192.168.7.3:1234");
  VmpHost *host = list_a (self, node, TRUE, 0);

  g_assert_true (host->loaded);
  g_assert_cmpint (host->proven, >=, before);
  g_assert_cmpint (host->proven, <=, g_get_monotonic_time ());
  g_assert_false (vmp_node_find_host (node, "b")->loaded);
  g_assert_cmpint (vmp_node_find_host (node, "b")->proven, ==, 0);

  /* As of when it was asked for, not of when it came. */
  list_a (self, node, TRUE, host->proven + 100);
  before = host->proven;
  list_a (self, node, TRUE, before - 50);
  g_assert_cmpint (host->proven, ==, before);
  list_a (self, node, TRUE, before + 50);
  g_assert_cmpint (host->proven, ==, before + 50);

  list_a (self, node, FALSE, before + 100);
  g_assert_false (host->loaded);
  g_assert_cmpint (host->proven, ==, 0);
}

/* A list that was asked for before an answer proved the opposite is no news. */
static void
test_list_before_answer (RegistryFixture *self,
                         gconstpointer    data)
{
  gint64 now = g_get_monotonic_time ();
  VmpNode *node = add (self, "rig", "http://192.168.7.3:1234");
  VmpHost *host = list_a (self, node, FALSE, now);

  vmp_host_prove_loaded (host, now + 1000);
  list_a (self, node, FALSE, now + 999);
  g_assert_true (host->loaded);
  g_assert_cmpint (host->proven, ==, now + 1000);

  list_a (self, node, FALSE, now + 1001);
  g_assert_false (host->loaded);
  g_assert_cmpint (host->proven, ==, 0);
}

static void
test_list_before_eviction (RegistryFixture *self,
                           gconstpointer    data)
{
  gint64 now = g_get_monotonic_time ();
  VmpNode *node = add (self, "rig", "http://192.168.7.3:1234");
  VmpHost *host = list_a (self, node, TRUE, now);

  vmp_host_note_unloaded (host);
  g_assert_false (host->loaded);
  g_assert_cmpint (host->proven, ==, 0);

  list_a (self, node, TRUE, now + 1);
  g_assert_false (host->loaded);
  g_assert_cmpint (host->proven, ==, 0);

  /* A list can tell of an eviction, too. */
  list_a (self, node, FALSE, host->unloaded + 1000);
  list_a (self, node, TRUE, host->unloaded - 1);
  g_assert_false (host->loaded);

  list_a (self, node, TRUE, host->unloaded + 1);
  g_assert_true (host->loaded);
  g_assert_cmpint (host->proven, >, 0);
}

/* The same list says something new when it was believed to be otherwise since; who waits for that is told. */
static void
test_same_list_corrects (RegistryFixture *self,
                         gconstpointer    data)
{
  VmpNode *node = add (self, "rig", "http://192.168.7.3:1234");
  VmpHost *host = list_a (self, node, TRUE, 0);
  guint generation = node->hosts_generation;

  g_string_truncate (self->told, 0);
  list_a (self, node, TRUE, 0);
  registry_fixture_assert_told (self, "");
  g_assert_cmpuint (node->hosts_generation, ==, generation);

  vmp_host_note_unloaded (host);
  g_assert_cmpuint (node->hosts_generation, ==, generation + 1);
  list_a (self, node, TRUE, host->unloaded + 1);
  g_assert_true (host->loaded);
  g_assert_cmpuint (node->hosts_generation, ==, generation + 2);
  registry_fixture_assert_told (self, "changed rig, ");

  vmp_host_prove_loaded (host, g_get_monotonic_time ());
  g_assert_cmpuint (node->hosts_generation, ==, generation + 2);
}

/* Others are not asked, or say nothing that needs a proof. */
static void
test_lists_of_others (RegistryFixture *self,
                      gconstpointer    data)
{
  VmpProvider vllm = VMP_PROVIDER_VLLM;
  VmpNode *node = add (self, "rig", "http://192.168.7.3:1234");
  VmpHost *host;

  registry_fixture_probe (self, node, "a");
  host = vmp_node_find_host (node, "a");
  g_assert_false (host->loaded);

  /* A list that does not tell takes nothing back. */
  vmp_host_prove_loaded (host, g_get_monotonic_time ());
  registry_fixture_probe (self, node, "a c");
  g_assert_true (host->loaded);
  vmp_host_note_unloaded (host);
  registry_fixture_probe (self, node, "a");
  g_assert_false (host->loaded);

  g_assert_true (vmp_registry_update (self->registry, node, &(VmpNodeUpdate) { .provider = &vllm }, NULL));
  list_a (self, node, TRUE, 0);
  g_assert_true (host->loaded);
  g_assert_cmpint (host->proven, ==, 0);
}

static void
test_failed_load (RegistryFixture *self,
                  gconstpointer    data)
{
  gint64 now = g_get_monotonic_time ();
  VmpNode *node = add (self, "rig", "http://192.168.7.3:1234");
  VmpHost *host = list_a (self, node, TRUE, now - 10);

  vmp_host_note_load_failed (host, now);
  g_assert_cmpint (host->load_failed, ==, now);
  g_assert_false (host->loaded);

  /* That it is not loaded is no proof that it could be. */
  list_a (self, node, FALSE, now + 1);
  g_assert_cmpint (host->load_failed, ==, now);
  list_a (self, node, TRUE, now + 2);
  g_assert_cmpint (host->load_failed, ==, 0);

  vmp_host_note_load_failed (host, now + 3);
  vmp_host_prove_loaded (host, now + 4);
  g_assert_cmpint (host->load_failed, ==, 0);
  g_assert_true (host->loaded);
}

/* -- Life ---------------------------------------------------------------------------------- */

static void
test_listed_again (RegistryFixture *self,
                   gconstpointer    data)
{
  VmpNode *node = add (self, "rig", "http://192.168.7.3:1234");
  g_autoptr (VmpHost) used = NULL;
  g_autoptr (VmpHost) unused = NULL;
  VmpHost *stays;
  guint generation;

  registry_fixture_probe (self, node, "c a b");
  g_assert_cmpuint (node->hosts->len, ==, 3);
  g_assert_cmpstr (((VmpHost *) g_ptr_array_index (node->hosts, 0))->model_id, ==, "c");
  g_assert_cmpstr (((VmpHost *) g_ptr_array_index (node->hosts, 2))->model_id, ==, "b");
  used = vmp_host_ref (vmp_node_find_host (node, "a"));
  unused = vmp_host_ref (vmp_node_find_host (node, "b"));
  stays = vmp_node_find_host (node, "c");
  g_assert_true (vmp_registry_begin_request (self->registry, node, used));
  registry_fixture_end (self, node, used, VMP_TRAFFIC_ANSWERED, 1);
  vmp_host_prove_loaded (used, g_get_monotonic_time ());

  generation = node->hosts_generation;
  registry_fixture_probe (self, node, "c");
  g_assert_cmpuint (node->hosts_generation, >, generation);
  g_assert_cmpuint (node->hosts->len, ==, 1);
  g_assert_null (vmp_node_find_host (node, "a"));
  g_assert_false (used->listed);
  g_assert_false (used->loaded);
  g_assert_true (vmp_node_find_host (node, "c") == stays);

  registry_fixture_probe (self, node, "a b c");
  g_assert_true (vmp_node_find_host (node, "a") == used);
  g_assert_cmpuint (used->requests_total, ==, 1);
  g_assert_true (vmp_node_find_host (node, "b") != unused);
  g_assert_true (vmp_node_find_host (node, "c") == stays);

  /* It is nowhere any more, and would count for nobody. */
  g_assert_false (vmp_registry_begin_request (self->registry, node, unused));
  g_assert_cmpuint (node->active_requests, ==, 0);
}

static void
test_in_use_stays (RegistryFixture *self,
                   gconstpointer    data)
{
  VmpNode *node = add (self, "rig", "http://192.168.7.3:1234");
  VmpHost *active;
  VmpHost *leading;
  VmpHost *taken;

  registry_fixture_probe (self, node, "a b c d");
  active = vmp_node_find_host (node, "a");
  leading = vmp_node_find_host (node, "b");
  taken = vmp_node_find_host (node, "c");
  g_assert_true (vmp_registry_begin_request (self->registry, node, active));
  leading->leading = TRUE;
  node->taken_for = taken;

  registry_fixture_probe (self, node, "");
  g_assert_cmpuint (g_hash_table_size (node->hosts_by_id), ==, 3);
  registry_fixture_probe (self, node, "a b c d");
  g_assert_true (vmp_node_find_host (node, "a") == active);
  g_assert_true (vmp_node_find_host (node, "b") == leading);
  g_assert_true (vmp_node_find_host (node, "c") == taken);
  g_assert_cmpuint (active->active, ==, 1);
  registry_fixture_end (self, node, active, VMP_TRAFFIC_ANSWERED, 1);

  leading->leading = FALSE;
  node->taken_for = NULL;
  registry_fixture_probe (self, node, "");
  g_assert_cmpuint (g_hash_table_size (node->hosts_by_id), ==, 1);
}

/* Whatever it lists one after another, and however much of it is used. */
static void
test_former_are_bounded (RegistryFixture *self,
                         gconstpointer    data)
{
  VmpNode *node = add (self, "rig", "http://192.168.7.3:1234");
  g_autoptr (VmpHost) active = NULL;

  for (guint round = 0; round < 3; round++)
    {
      g_autoptr (GString) models = g_string_new (NULL);

      for (guint i = 0; i < VMP_LIMIT_NODE_MODELS / 2; i++)
        g_string_append_printf (models, "%sm-%u-%u", i > 0 ? " " : "", round, i);
      registry_fixture_probe (self, node, models->str);
      for (guint i = 0; i < node->hosts->len; i++)
        {
          VmpHost *host = g_ptr_array_index (node->hosts, i);

          g_assert_true (vmp_registry_begin_request (self->registry, node, host));
          if (round == 0 && i == 7)
            active = vmp_host_ref (host);
          else
            registry_fixture_end (self, node, host, VMP_TRAFFIC_ANSWERED, 1);
        }
      g_assert_cmpuint (node->hosts->len, ==, VMP_LIMIT_NODE_MODELS / 2);
      g_assert_cmpuint (g_hash_table_size (node->hosts_by_id), <=, VMP_LIMIT_NODE_MODELS);
    }

  g_assert_cmpuint (g_hash_table_size (node->hosts_by_id), ==, VMP_LIMIT_NODE_MODELS);
  g_assert_true (g_hash_table_lookup (node->hosts_by_id, "m-0-7") == active);
  registry_fixture_end (self, node, active, VMP_TRAFFIC_ANSWERED, 1);
}

static void
test_outlives_its_node (RegistryFixture *self,
                        gconstpointer    data)
{
  VmpNode *node = vmp_node_ref (add (self, "rig", "http://192.168.7.3:1234"));
  g_autoptr (VmpHost) host = vmp_host_ref (list_a (self, node, TRUE, 0));

  g_assert_true (vmp_registry_begin_request (self->registry, node, host));
  vmp_registry_forget (self->registry, node);
  registry_fixture_assert_hosts (self, "a", "");
  g_assert_false (vmp_registry_begin_request (self->registry, node, host));
  registry_fixture_end (self, node, host, VMP_TRAFFIC_FAILED, 0);
  g_assert_cmpuint (host->active, ==, 0);

  vmp_node_unref (node);
  g_assert_null (host->node);
  g_assert_cmpstr (host->model_id, ==, "a");
  g_assert_cmpuint (vmp_host_get_slots (host), ==, 0);
  g_assert_false (vmp_host_loads_on_request (host));
  vmp_host_note_unloaded (host);
  vmp_host_prove_loaded (host, g_get_monotonic_time ());
}

static void
test_another_machine (RegistryFixture *self,
                      gconstpointer    data)
{
  const VmpTraffic traffic = { .latency_ms = 5, .ttft_ms = 10, .duration_ms = 20, .tokens_per_second = 30 };
  g_autoptr (VmpBaseUrl) url = vmp_base_url_parse ("http://192.168.7.4:1234", NULL);
  VmpNode *node = add (self, "rig", "http://192.168.7.3:1234");
  VmpHost *host = list_a (self, node, TRUE, 0);

  vmp_host_note_load (host, 700);
  g_assert_true (vmp_registry_begin_request (self->registry, node, host));
  g_assert_true (vmp_registry_begin_request (self->registry, node, host));
  vmp_registry_end_request (self->registry, node, host, &traffic);
  g_assert_cmpfloat (host->ttft_ms, ==, 10);

  g_assert_true (vmp_registry_update (self->registry, node, &(VmpNodeUpdate) { .base_url = url }, NULL));
  g_assert_cmpuint (node->hosts->len, ==, 0);
  g_assert_null (vmp_node_find_host (node, "a"));
  g_assert_cmpfloat (host->ttft_ms, ==, 0);
  g_assert_cmpfloat (host->duration_ms, ==, 0);
  g_assert_cmpfloat (host->tokens_per_second, ==, 0);
  g_assert_cmpfloat (host->load_ms, ==, 0);
  g_assert_false (host->loaded);
  g_assert_cmpint (host->proven, ==, 0);
  g_assert_cmpuint (host->requests_total, ==, 1);
  g_assert_cmpuint (host->active, ==, 1);

  g_assert_true (list_a (self, node, TRUE, 0) == host);
  g_assert_true (host->loaded);
  registry_fixture_end (self, node, host, VMP_TRAFFIC_ABANDONED, 0);
}

/* -- Finding ------------------------------------------------------------------------------- */

static void
assert_instance (RegistryFixture *self,
                 const char      *instance,
                 const char      *node,
                 const char      *model)
{
  VmpHost *host = vmp_registry_find_instance (self->registry, instance);

  if (node == NULL)
    {
      g_assert_null (host);
      return;
    }
  g_assert_nonnull (host);
  g_assert_cmpstr (host->node->id, ==, node);
  g_assert_cmpstr (host->model_id, ==, model);
}

static void
test_instances (RegistryFixture *self,
                gconstpointer    data)
{
  VmpNodeService disabled = VMP_NODE_DISABLED;
  VmpNodeService online = VMP_NODE_IN_SERVICE;
  VmpNode *one = add (self, "one", "http://192.168.7.3:1234");
  VmpNode *two = add (self, "two", "http://192.168.7.4:1234");
  static const char first[] =
    V1 (MODEL ("a", LOADED (COPY ("a") "," COPY ("a:2") "," COPY ("mine"))) "," MODEL ("b", LOADED (COPY ("mine"))));

  registry_fixture_probe_list (self, two, VMP_LIST_LMSTUDIO_V1, V1 (MODEL ("a", LOADED (COPY ("mine")))), 0);
  assert_instance (self, "mine", "two", "a");
  registry_fixture_probe_list (self, one, VMP_LIST_LMSTUDIO_V1, first, 0);
  assert_instance (self, "mine", "one", "a");
  assert_instance (self, "a:2", "one", "a");
  assert_instance (self, "a", NULL, NULL);
  assert_instance (self, "b", NULL, NULL);

  /* A node that is not listed has none. */
  g_assert_true (vmp_registry_update (self->registry, one, &(VmpNodeUpdate) { .service = &disabled }, NULL));
  assert_instance (self, "mine", "two", "a");
  assert_instance (self, "a:2", NULL, NULL);
  g_assert_true (vmp_registry_update (self->registry, one, &(VmpNodeUpdate) { .service = &online }, NULL));
  assert_instance (self, "mine", "one", "a");
  registry_fixture_probe_offline (self, one);
  assert_instance (self, "mine", "two", "a");
  registry_fixture_probe_list (self, one, VMP_LIST_LMSTUDIO_V1, first, 0);

  /* Copies come and go while their model stays. */
  registry_fixture_probe_list (self, one, VMP_LIST_LMSTUDIO_V1,
                               V1 (MODEL ("a", LOADED (COPY ("a:3"))) "," MODEL ("b", LOADED (COPY ("mine")))), 0);
  assert_instance (self, "a:2", NULL, NULL);
  assert_instance (self, "a:3", "one", "a");
  assert_instance (self, "mine", "one", "b");

  /* A model's id is that model's, also when another node has it. */
  registry_fixture_probe (self, two, "mine");
  assert_instance (self, "mine", NULL, NULL);
  vmp_registry_forget (self->registry, two);
  assert_instance (self, "mine", "one", "b");
  vmp_registry_forget (self->registry, one);
  assert_instance (self, "mine", NULL, NULL);
}

/* -- Traffic ------------------------------------------------------------------------------- */

static void
test_what_is_counted (RegistryFixture *self,
                      gconstpointer    data)
{
  VmpNode *node = add (self, "rig", "http://192.168.7.3:1234");
  VmpHost *host = list_a (self, node, TRUE, 0);
  VmpTraffic traffic = {
    .latency_ms = 5, .ttft_ms = 10, .duration_ms = 100, .tokens_per_second = 30, .prompt_tokens = 7,
    .completion_tokens = 3,
  };

  g_assert_true (vmp_registry_begin_request (self->registry, node, host));
  g_assert_true (vmp_registry_begin_request (self->registry, node, host));
  g_assert_true (vmp_registry_begin_request (self->registry, node, NULL));
  g_assert_cmpuint (node->active_requests, ==, 3);
  g_assert_cmpuint (host->active, ==, 2);

  vmp_registry_end_request (self->registry, node, host, &traffic);
  g_assert_cmpfloat (node->avg_latency_ms, ==, 5);
  g_assert_cmpfloat (host->ttft_ms, ==, 10);
  g_assert_cmpfloat (host->duration_ms, ==, 100);
  g_assert_cmpfloat (host->tokens_per_second, ==, 30);
  g_assert_cmpuint (host->prompt_tokens, ==, 7);
  g_assert_cmpuint (host->completion_tokens, ==, 3);

  /* What is not known changes no average, and nonsense no count. */
  traffic = (VmpTraffic) { VMP_TRAFFIC_FAILED, .prompt_tokens = G_MININT64, .completion_tokens = G_MAXINT64,
                           .tokens_per_second = INFINITY, .ttft_ms = 20, .reason = "it broke" };
  vmp_registry_end_request (self->registry, node, host, &traffic);
  g_assert_cmpfloat_with_epsilon (host->ttft_ms, 12, 0.001);
  g_assert_cmpfloat (host->duration_ms, ==, 100);
  g_assert_cmpfloat (host->tokens_per_second, ==, 30);
  g_assert_cmpuint (host->prompt_tokens, ==, 7);
  g_assert_cmpuint (host->completion_tokens, ==, 3 + VMP_LIMIT_MODEL_CONTEXT);
  g_assert_cmpuint (host->requests_total, ==, 2);
  g_assert_cmpuint (host->errors_total, ==, 1);
  g_assert_cmpuint (host->active, ==, 0);

  registry_fixture_end (self, node, NULL, VMP_TRAFFIC_ABANDONED, 0);
  g_assert_cmpuint (host->requests_total, ==, 2);
  g_assert_cmpuint (node->requests_total, ==, 3);
  g_assert_cmpuint (node->errors_total, ==, 1);
}

static void
test_breaker_openings (RegistryFixture *self,
                       gconstpointer    data)
{
  VmpNode *node = add (self, "rig", "http://192.168.7.3:1234");
  VmpHost *host = list_a (self, node, TRUE, 0);

  for (guint opened = 1; opened <= 3; opened++)
    {
      for (guint i = 0; i < 10; i++)
        g_assert_true (vmp_registry_begin_request (self->registry, node, host));
      for (guint i = 0; i < 10; i++)
        registry_fixture_end (self, node, host, VMP_TRAFFIC_FAILED, 0);
      /* Ten that broke together are one breakdown, and ten failures. */
      g_assert_cmpuint (node->breaker_openings, ==, opened);
      g_assert_cmpuint (host->errors_total, ==, 10 * opened);
      g_assert_cmpuint (node->errors_total, ==, 10 * opened);
      g_assert_true (vmp_registry_begin_request (self->registry, node, host));
      registry_fixture_end (self, node, host, VMP_TRAFFIC_ANSWERED, 1);
    }
}

static void
drain (RegistryFixture *self,
       VmpTrafficResult last)
{
  const VmpNodeService draining = VMP_NODE_DRAINING;
  VmpNode *node = add (self, "rig", "http://192.168.7.3:1234");
  VmpHost *host = list_a (self, node, TRUE, 0);

  g_assert_true (vmp_registry_begin_request (self->registry, node, host));
  g_assert_true (vmp_registry_begin_request (self->registry, node, NULL));
  g_assert_true (vmp_registry_begin_request (self->registry, node, host));
  g_assert_true (vmp_registry_update (self->registry, node, &(VmpNodeUpdate) { .service = &draining }, NULL));
  g_assert_false (vmp_registry_begin_request (self->registry, node, host));
  g_string_truncate (self->told, 0);

  registry_fixture_end (self, node, host, VMP_TRAFFIC_ANSWERED, 1);
  registry_fixture_end (self, node, NULL, VMP_TRAFFIC_ANSWERED, 1);
  registry_fixture_assert_told (self, "");
  g_assert_false (vmp_node_is_drained (node));

  registry_fixture_end (self, node, host, last, 0);
  registry_fixture_assert_told (self, "changed rig, ");
  g_assert_true (vmp_node_is_drained (node));
  vmp_registry_forget (self->registry, node);
}

/* Once, whether or not the last end tells something else. */
static void
test_drained (RegistryFixture *self,
              gconstpointer    data)
{
  drain (self, VMP_TRAFFIC_ANSWERED);
  drain (self, VMP_TRAFFIC_ABANDONED);
  drain (self, VMP_TRAFFIC_UNREACHABLE);
}

/* -- Whatever happens ------------------------------------------------------------------------ */

typedef struct {
  VmpNode *node;
  VmpHost *host;  /* NULL: of none in particular */
} Running;

static void
running_free (gpointer data)
{
  Running *running = data;

  vmp_node_unref (running->node);
  g_clear_pointer (&running->host, vmp_host_unref);
  g_free (running);
}

typedef struct {
  RegistryFixture *fixture;
  GPtrArray *running;
  GHashTable *ended;      /* node -> how many requests with a host have ended there */
} World;

static void
begin (World   *self,
       VmpNode *node)
{
  Running *running;
  VmpHost *host = NULL;

  if (node->hosts->len > 0 && g_test_rand_int_range (0, 5) > 0)
    host = g_ptr_array_index (node->hosts, g_test_rand_int_range (0, node->hosts->len));
  if (!vmp_registry_begin_request (self->fixture->registry, node, host))
    return;

  running = g_new0 (Running, 1);
  running->node = vmp_node_ref (node);
  running->host = host != NULL ? vmp_host_ref (host) : NULL;
  g_ptr_array_add (self->running, running);
}

static void
end (World *self)
{
  Running *running;
  guint n_ended;
  guint n_total;

  if (self->running->len == 0)
    return;

  running = g_ptr_array_steal_index_fast (self->running, g_test_rand_int_range (0, self->running->len));
  n_total = running->node->requests_total;
  registry_fixture_end (self->fixture, running->node, running->host,
                        g_test_rand_int_range (0, VMP_TRAFFIC_ABANDONED + 1), 1);
  g_assert_cmpuint (running->node->requests_total, ==, n_total + 1);
  if (running->host != NULL)
    {
      n_ended = GPOINTER_TO_UINT (g_hash_table_lookup (self->ended, running->node));
      g_hash_table_insert (self->ended, vmp_node_ref (running->node), GUINT_TO_POINTER (n_ended + 1));
    }
  running_free (running);
}

static void
list_some (World   *self,
           VmpNode *node)
{
  g_autoptr (GString) list = g_string_new ("{\"models\":[");

  for (guint i = 0; i < 6; i++)
    {
      if (g_test_rand_bit ())
        continue;
      g_string_append_printf (list, "%s{\"type\":\"llm\",\"key\":\"m%u\",\"loaded_instances\":[",
                              list->len > 11 ? "," : "", i);
      if (g_test_rand_bit ())
        g_string_append_printf (list, "{\"id\":\"%s%d\"}", g_test_rand_bit () ? "m" : "copy",
                                g_test_rand_int_range (0, 6));
      g_string_append (list, "]}");
    }
  g_string_append (list, "]}");
  registry_fixture_probe_list (self->fixture, node, VMP_LIST_LMSTUDIO_V1, list->str,
                               g_get_monotonic_time () - g_test_rand_int_range (0, 1000));
}

static void
do_something (World *self)
{
  VmpRegistry *registry = self->fixture->registry;
  GPtrArray *nodes = vmp_registry_get_nodes (registry);
  VmpNode *node = nodes->len > 0 ? g_ptr_array_index (nodes, g_test_rand_int_range (0, nodes->len)) : NULL;
  g_autofree char *text = g_strdup_printf ("http://10.1.0.%d:1234", g_test_rand_int_range (1, 5));
  g_autoptr (VmpBaseUrl) url = vmp_base_url_parse (text, NULL);
  const VmpProbeReport refused = { .health = VMP_NODE_ONLINE, .auth_failed = TRUE };
  VmpNodeService service = g_test_rand_int_range (0, VMP_N_NODE_SERVICES);
  VmpHost *host = NULL;

  if (node == NULL || g_test_rand_int_range (0, 12) == 0)
    {
      registry_fixture_register (self->fixture, NULL, text);
      return;
    }
  if (node->hosts->len > 0)
    host = g_ptr_array_index (node->hosts, g_test_rand_int_range (0, node->hosts->len));

  switch (g_test_rand_int_range (0, 24))
    {
    case 0:
      vmp_registry_forget (registry, node);
      break;

    case 1:
      vmp_registry_block (registry, node);
      break;

    case 2:
    case 3:
      vmp_registry_approve (registry, node);
      break;

    case 4:
      vmp_registry_update (registry, node, &(VmpNodeUpdate) { .service = &service }, NULL);
      break;

    case 5:
      service = VMP_NODE_IN_SERVICE;
      vmp_registry_update (registry, node, &(VmpNodeUpdate) { .service = &service }, NULL);
      break;

    case 6:
      vmp_registry_update (registry, node, &(VmpNodeUpdate) { .base_url = url }, NULL);
      break;

    case 7:
      vmp_registry_take_probe (registry, node, &refused);
      break;

    case 8:
      registry_fixture_probe_offline (self->fixture, node);
      break;

    case 9:
      vmp_registry_set_default (registry, text);
      break;

    case 10:
      /* By a name that it may not have had, which another one may have. */
      vmp_registry_register (registry, g_test_rand_bit () ? "x" : "y", &(VmpNodeUpdate) { .base_url = url }, NULL);
      break;

    case 11:
      if (host != NULL)
        vmp_host_note_unloaded (host);
      break;

    case 12:
      if (host != NULL)
        vmp_host_prove_loaded (host, g_get_monotonic_time ());
      break;

    case 13:
    case 14:
    case 15:
    case 16:
      list_some (self, node);
      break;

    case 17:
    case 18:
    case 19:
    case 20:
      begin (self, node);
      break;

    default:
      end (self);
      break;
    }
}

static guint
count_running (World         *self,
               const VmpNode *node,
               const VmpHost *host)
{
  guint n = 0;

  for (guint i = 0; i < self->running->len; i++)
    {
      const Running *running = g_ptr_array_index (self->running, i);

      n += running->node == node && (host == NULL || running->host == host);
    }

  return n;
}

static void
assert_node (World   *self,
             VmpNode *node)
{
  guint n_listed = 0;
  guint64 total = 0;
  GHashTableIter iter;
  gpointer value;

  g_assert_cmpuint (node->active_requests, ==, count_running (self, node, NULL));
  g_assert_cmpuint (node->hosts->len, ==, node->inventory != NULL ? node->inventory->models->len : 0);
  for (guint i = 0; i < node->hosts->len; i++)
    {
      VmpHost *host = g_ptr_array_index (node->hosts, i);

      g_assert_true (host->listed);
      g_assert_true (host->model == g_ptr_array_index (node->inventory->models, i));
      g_assert_true (vmp_node_find_host (node, host->model_id) == host);
      g_assert_true (host->loaded || host->proven == 0);
    }

  g_hash_table_iter_init (&iter, node->hosts_by_id);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      VmpHost *host = value;

      g_assert_true (host->node == node);
      g_assert_cmpuint (host->active, ==, count_running (self, node, host));
      n_listed += host->listed;
      total += host->requests_total;
    }
  g_assert_cmpuint (n_listed, ==, node->hosts->len);
  g_assert_cmpuint (total, ==, GPOINTER_TO_UINT (g_hash_table_lookup (self->ended, node)));
}

/* What the index of copies should say, found out the slow way. */
static void
assert_instances (World *self)
{
  GPtrArray *nodes = vmp_registry_get_nodes (self->fixture->registry);

  for (guint id = 0; id < 6; id++)
    {
      g_autofree char *instance = g_strdup_printf ("copy%u", id);
      VmpHost *expected = NULL;

      for (guint i = 0; expected == NULL && i < nodes->len; i++)
        {
          VmpNode *node = g_ptr_array_index (nodes, i);

          for (guint j = 0; expected == NULL && vmp_node_is_listed (node) && j < node->hosts->len; j++)
            {
              VmpHost *host = g_ptr_array_index (node->hosts, j);

              if (host->model->instances->len > 0 &&
                  g_str_equal (((VmpModelInstance *) host->model->instances->pdata[0])->id, instance))
                expected = host;
            }
        }
      g_assert_true (vmp_registry_find_instance (self->fixture->registry, instance) == expected);
    }
}

static void
test_never_lost (RegistryFixture *self,
                 gconstpointer    data)
{
  World world = { self, g_ptr_array_new_with_free_func (running_free),
                  g_hash_table_new_full (NULL, NULL, (GDestroyNotify) vmp_node_unref, NULL) };
  guint most = 0;

  for (guint i = 0; i < 20000; i++)
    {
      GPtrArray *nodes = vmp_registry_get_nodes (self->registry);

      do_something (&world);
      for (guint j = 0; j < nodes->len; j++)
        assert_node (&world, g_ptr_array_index (nodes, j));
      assert_instances (&world);
      most = MAX (most, world.running->len);
      if (self->told->len > 65536)
        g_string_truncate (self->told, 0);
    }
  g_test_message ("up to %u requests at a time, at %u nodes", most, g_hash_table_size (world.ended));
  g_assert_cmpuint (most, >, 3);

  while (world.running->len > 0)
    end (&world);
  g_ptr_array_unref (world.running);
  g_hash_table_unref (world.ended);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  registry_fixture_record_log ();

  registry_fixture_add ("/host/facts/slots", test_slots);
  registry_fixture_add ("/host/facts/context", test_context);
  registry_fixture_add ("/host/facts/loads-on-request", test_loads_on_request);
  registry_fixture_add ("/host/facts/expected-load", test_expected_load);
  g_test_add_func ("/host/facts/average", test_average);
  registry_fixture_add ("/host/loaded/list-proves", test_list_proves);
  registry_fixture_add ("/host/loaded/list-before-answer", test_list_before_answer);
  registry_fixture_add ("/host/loaded/list-before-eviction", test_list_before_eviction);
  registry_fixture_add ("/host/loaded/same-list-corrects", test_same_list_corrects);
  registry_fixture_add ("/host/loaded/lists-of-others", test_lists_of_others);
  registry_fixture_add ("/host/loaded/failed-load", test_failed_load);
  registry_fixture_add ("/host/life/listed-again", test_listed_again);
  registry_fixture_add ("/host/life/in-use-stays", test_in_use_stays);
  registry_fixture_add ("/host/life/former-are-bounded", test_former_are_bounded);
  registry_fixture_add ("/host/life/outlives-its-node", test_outlives_its_node);
  registry_fixture_add ("/host/life/another-machine", test_another_machine);
  registry_fixture_add ("/host/found/by-instance", test_instances);
  registry_fixture_add ("/host/traffic/what-is-counted", test_what_is_counted);
  registry_fixture_add ("/host/traffic/breaker-openings", test_breaker_openings);
  registry_fixture_add ("/host/traffic/drained-is-told-once", test_drained);
  registry_fixture_add ("/host/traffic/never-lost", test_never_lost);

  return g_test_run ();
}
