/* SPDX-License-Identifier: MIT
 *
 * Tests of what the windows know of the gateway: what is read and what is not, what events change, and what is known
 * when something cannot be read.
 */

#include "app/mirror/vmp-mirror.h"

#include <glib/gstdio.h>
#include <string.h>

#include "core/vmp-json.h"
#include "core/vmp-limits.h"
#include "fake-gateway.h"

#define STATUS "GET /vampire/v1/status"
#define SHARE "GET /vampire/v1/share"
#define NODES "GET /vampire/v1/nodes"
#define MODELS "GET /vampire/v1/models"
#define REQUESTS "GET /vampire/v1/requests"
#define KEYS "GET /vampire/v1/keys"
#define CLIENTS "GET /vampire/v1/clients"
#define JOBS "GET /vampire/v1/discover/jobs"
#define METRICS "GET /vampire/v1/metrics"

typedef struct {
  char *folder;
  VmpSettings *settings;
  FakeGateway *gateway;
  VmpLink *link;
  VmpMirror *mirror;
  guint n_changed[VMP_N_TOPICS];
  guint n_metrics;
  guint n_notified;
} Fixture;

/* -- A mirror, its link and its gateway ---------------------------------------------------- */

static void
changed_cb (VmpMirror *mirror,
            guint      topic,
            Fixture   *fixture)
{
  g_assert_cmpuint (topic, <, VMP_N_TOPICS);
  fixture->n_changed[topic]++;
}

static void
metric_cb (VmpMirror  *mirror,
           JsonObject *data,
           Fixture    *fixture)
{
  g_assert_nonnull (data);
  fixture->n_metrics++;
}

static void
notified_cb (VmpItem    *item,
             GParamSpec *pspec,
             Fixture    *fixture)
{
  fixture->n_notified++;
}

static void
set_up (Fixture      *fixture,
        gconstpointer data)
{
  g_autofree char *data_dir = NULL;
  g_autofree char *home = NULL;
  g_autoptr (GError) error = NULL;
  const char *argv[] = { NULL, NULL };
  const char *env[] = { NULL, NULL };

  fixture->folder = g_dir_make_tmp ("vampire-mirror-XXXXXX", &error);
  g_assert_no_error (error);
  argv[0] = data_dir = g_strconcat ("--data-dir=", fixture->folder, NULL);
  env[0] = home = g_strconcat ("HOME=", fixture->folder, NULL);
  fixture->settings = vmp_settings_load (argv, env, &error);
  g_assert_no_error (error);

  fixture->gateway = fake_gateway_new (0);
  fake_gateway_answer (fixture->gateway, STATUS, 200, "{\"active_requests\":0,\"nodes_online\":1}");
  fake_gateway_answer (fixture->gateway, SHARE, 200, "{\"mode\":\"off\"}");
  fake_gateway_answer (fixture->gateway, NODES, 200,
                       "{\"data\":["
                       "{\"id\":\"a\",\"name\":\"studio\",\"status\":\"online\",\"models\":[{\"id\":\"m\"}]},"
                       "{\"id\":\"b\",\"name\":null,\"host\":null,\"base_url\":\"http://127.0.0.1:1234\"}]}");
  fake_gateway_answer (fixture->gateway, MODELS, 200, "{\"data\":[{\"node\":\"a\",\"model\":\"m\",\"loaded\":false}]}");
  fake_gateway_answer (fixture->gateway, REQUESTS, 200,
                       "{\"data\":[{\"id\":\"r1\",\"state\":\"ended\",\"status\":200}]}");
  fake_gateway_answer (fixture->gateway, METRICS, 200, "{\"models\":[]}");
  fake_gateway_answer (fixture->gateway, JOBS, 200, "{\"data\":[]}");
  fake_gateway_answer (fixture->gateway, KEYS, 200, "{\"data\":[]}");

  fixture->link = vmp_link_new (fake_gateway_get_url (fixture->gateway), fixture->settings);
  fixture->mirror = vmp_mirror_new (fixture->link);
  g_signal_connect (fixture->mirror, "changed", G_CALLBACK (changed_cb), fixture);
  g_signal_connect (fixture->mirror, "metric", G_CALLBACK (metric_cb), fixture);
}

static void
tear_down (Fixture      *fixture,
           gconstpointer data)
{
  VmpLink *link = fixture->link;
  VmpMirror *mirror = fixture->mirror;

  if (mirror != NULL)
    g_object_add_weak_pointer (G_OBJECT (mirror), (gpointer *) &mirror);
  g_clear_object (&fixture->mirror);
  g_assert_null (mirror);

  vmp_link_stop (link);
  g_object_add_weak_pointer (G_OBJECT (link), (gpointer *) &link);
  g_object_unref (fixture->link);
  await (link == NULL);
  fake_gateway_free (fixture->gateway);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  vmp_settings_unref (fixture->settings);
  g_assert_cmpint (g_rmdir (fixture->folder), ==, 0);
  g_free (fixture->folder);
}

static void
start (Fixture *fixture)
{
  vmp_link_start (fixture->link);
  await (vmp_mirror_has (fixture->mirror, VMP_TOPIC_STATUS) && vmp_mirror_has (fixture->mirror, VMP_TOPIC_SHARE) &&
         vmp_mirror_has (fixture->mirror, VMP_TOPIC_NODES));
}

static void
hold (Fixture *fixture,
      VmpTopic topic)
{
  vmp_mirror_hold (fixture->mirror, topic);
  await (vmp_mirror_has (fixture->mirror, topic));
}

static VmpItem *
find (Fixture    *fixture,
      VmpTopic    topic,
      const char *id)
{
  return vmp_item_list_find (vmp_mirror_get_list (fixture->mirror, topic), id);
}

static guint
length (Fixture *fixture,
        VmpTopic topic)
{
  return vmp_item_list_get_length (vmp_mirror_get_list (fixture->mirror, topic));
}

/* Waits until all events that were sent have been taken. */
static void
settle (Fixture *fixture)
{
  guint n = fixture->n_metrics;

  fake_gateway_send_event (fixture->gateway, "metric", "{}");
  await (fixture->n_metrics > n);
}

/* -- Reading ------------------------------------------------------------------------------- */

static void
test_read_held (Fixture      *fixture,
                gconstpointer data)
{
  g_assert_false (vmp_mirror_has (fixture->mirror, VMP_TOPIC_STATUS));
  g_assert_null (vmp_mirror_get_document (fixture->mirror, VMP_TOPIC_STATUS));
  g_assert_true (vmp_mirror_get_link (fixture->mirror) == fixture->link);
  start (fixture);

  g_assert_cmpstr (vmp_json_get_string (vmp_mirror_get_document (fixture->mirror, VMP_TOPIC_SHARE), "mode"), ==, "off");
  g_assert_cmpuint (length (fixture, VMP_TOPIC_NODES), ==, 2);
  g_assert_cmpuint (fixture->n_changed[VMP_TOPIC_NODES], ==, 1);
  g_assert_cmpuint (fixture->n_changed[VMP_TOPIC_STATUS], ==, 1);
  g_assert_true (vmp_mirror_has (fixture->mirror, VMP_TOPIC_LOADS));

  settle (fixture);
  g_assert_cmpuint (fake_gateway_count (fixture->gateway, NODES), ==, 1);
  g_assert_cmpuint (fake_gateway_count (fixture->gateway, STATUS), ==, 1);
  g_assert_cmpuint (fake_gateway_count (fixture->gateway, MODELS), ==, 0);
  g_assert_cmpuint (fake_gateway_count (fixture->gateway, REQUESTS), ==, 0);
  g_assert_nonnull (strstr (fake_gateway_get_request (fixture->gateway, NODES), "/vampire/v1/nodes?models=false "));

  /* Nobody here needs the models of nodes twice. */
  g_assert_false (json_object_has_member (vmp_item_get_document (find (fixture, VMP_TOPIC_NODES, "a")), "models"));
}

static void
test_hold (Fixture      *fixture,
           gconstpointer data)
{
  start (fixture);
  hold (fixture, VMP_TOPIC_MODELS);
  vmp_mirror_hold (fixture->mirror, VMP_TOPIC_MODELS);
  g_assert_nonnull (find (fixture, VMP_TOPIC_MODELS, "a m"));
  g_assert_cmpuint (fixture->n_changed[VMP_TOPIC_MODELS], ==, 1);

  vmp_mirror_release (fixture->mirror, VMP_TOPIC_MODELS);
  fake_gateway_send_event (fixture->gateway, "node", "{\"id\":\"a\",\"change\":\"changed\"}");
  await (fake_gateway_count (fixture->gateway, MODELS) == 2);

  /* Released by all: changes are only remembered. */
  vmp_mirror_release (fixture->mirror, VMP_TOPIC_MODELS);
  fake_gateway_answer (fixture->gateway, MODELS, 200, "{\"data\":[]}");
  fake_gateway_send_event (fixture->gateway, "node", "{\"id\":\"a\",\"change\":\"changed\"}");
  settle (fixture);
  g_assert_cmpuint (fake_gateway_count (fixture->gateway, MODELS), ==, 2);
  vmp_mirror_hold (fixture->mirror, VMP_TOPIC_MODELS);
  await (length (fixture, VMP_TOPIC_MODELS) == 0);
  g_assert_cmpuint (fake_gateway_count (fixture->gateway, MODELS), ==, 3);
}

static void
test_refresh (Fixture      *fixture,
              gconstpointer data)
{
  start (fixture);
  vmp_mirror_refresh (fixture->mirror, VMP_TOPIC_NODES);
  vmp_mirror_refresh (fixture->mirror, VMP_TOPIC_NODES);
  vmp_mirror_refresh (fixture->mirror, VMP_TOPIC_LOADS);
  await (fake_gateway_count (fixture->gateway, NODES) == 2);
}

/* However much changes while one reading is under way, one more follows. */
static void
test_one_at_a_time (Fixture      *fixture,
                    gconstpointer data)
{
  fake_gateway_hold (fixture->gateway, SHARE);
  vmp_link_start (fixture->link);
  await (fake_gateway_count (fixture->gateway, SHARE) == 1);
  for (guint i = 0; i < 5; i++)
    {
      fake_gateway_send_event (fixture->gateway, "reset", "{}");
      vmp_mirror_refresh (fixture->mirror, VMP_TOPIC_SHARE);
      settle (fixture);
    }
  g_assert_cmpuint (fake_gateway_count (fixture->gateway, SHARE), ==, 1);
  g_assert_cmpuint (fake_gateway_count_open (fixture->gateway, SHARE), ==, 1);

  fake_gateway_let_go (fixture->gateway, SHARE);
  await (fake_gateway_count (fixture->gateway, SHARE) == 2);
  await (vmp_mirror_has (fixture->mirror, VMP_TOPIC_SHARE));
  settle (fixture);
  g_assert_cmpuint (fake_gateway_count (fixture->gateway, SHARE), ==, 2);
}

static void
test_reset (Fixture      *fixture,
            gconstpointer data)
{
  start (fixture);
  hold (fixture, VMP_TOPIC_MODELS);
  fake_gateway_send_event (fixture->gateway, "load", "{\"node\":\"a\",\"model\":\"m\",\"state\":\"started\"}");
  await (length (fixture, VMP_TOPIC_LOADS) == 1);
  fake_gateway_send_event (fixture->gateway, "reset", "{}");
  await (fake_gateway_count (fixture->gateway, NODES) == 2 && fake_gateway_count (fixture->gateway, STATUS) == 2 &&
         fake_gateway_count (fixture->gateway, SHARE) == 2 && fake_gateway_count (fixture->gateway, MODELS) == 2);
  g_assert_cmpuint (fake_gateway_count (fixture->gateway, REQUESTS), ==, 0);
  g_assert_cmpuint (length (fixture, VMP_TOPIC_LOADS), ==, 0);
}

/* A long list, whose items stay the same ones. */
static void
test_long (Fixture      *fixture,
           gconstpointer data)
{
  g_autoptr (GString) text = g_string_new ("{\"data\":[");
  VmpItem *item;

  for (guint i = 0; i < 2000; i++)
    g_string_append_printf (text, "%s{\"node\":\"n%u\",\"model\":\"m\",\"display_name\":\"A name as long as many\"}",
                            i > 0 ? "," : "", i);
  g_string_append (text, "]}");
  fake_gateway_answer (fixture->gateway, MODELS, 200, text->str);
  start (fixture);
  hold (fixture, VMP_TOPIC_MODELS);
  g_assert_cmpuint (length (fixture, VMP_TOPIC_MODELS), ==, 2000);
  item = find (fixture, VMP_TOPIC_MODELS, "n1999 m");
  g_assert_nonnull (item);

  fake_gateway_answer (fixture->gateway, MODELS, 200,
                       "{\"data\":[{\"node\":\"n1999\",\"model\":\"m\",\"loaded\":true}]}");
  vmp_mirror_refresh (fixture->mirror, VMP_TOPIC_MODELS);
  await (length (fixture, VMP_TOPIC_MODELS) == 1);
  g_assert_true (find (fixture, VMP_TOPIC_MODELS, "n1999 m") == item);
  g_assert_true (vmp_item_get_boolean (item, "loaded"));
}

static void
test_disposed (Fixture      *fixture,
               gconstpointer data)
{
  fake_gateway_hold (fixture->gateway, NODES);
  vmp_link_start (fixture->link);
  await (fake_gateway_count (fixture->gateway, NODES) == 1);
  g_clear_object (&fixture->mirror);
  await (fake_gateway_count_open (fixture->gateway, NODES) == 0);
}

/* -- Nodes and models ---------------------------------------------------------------------- */

static void
test_node_event (Fixture      *fixture,
                 gconstpointer data)
{
  VmpItem *item;

  start (fixture);
  item = find (fixture, VMP_TOPIC_NODES, "a");
  g_signal_connect (item, "notify::document", G_CALLBACK (notified_cb), fixture);

  /* All as it was. */
  fake_gateway_send_event (fixture->gateway, "node",
                           "{\"id\":\"a\",\"change\":\"changed\",\"name\":\"studio\",\"status\":\"online\"}");
  settle (fixture);
  g_assert_cmpuint (fixture->n_notified, ==, 0);

  fake_gateway_send_event (fixture->gateway, "node",
                           "{\"id\":\"a\",\"change\":\"changed\",\"name\":\"studio\",\"status\":\"offline\"}");
  settle (fixture);
  g_assert_cmpuint (fixture->n_notified, ==, 1);
  g_assert_cmpstr (vmp_item_get_string (item, "status"), ==, "offline");
  g_assert_null (vmp_item_get_string (item, "change"));

  fake_gateway_send_event (fixture->gateway, "node", "{\"id\":\"c\",\"change\":\"added\",\"approval\":\"pending\"}");
  fake_gateway_send_event (fixture->gateway, "approval",
                           "{\"id\":\"c\",\"change\":\"approval\",\"approval\":\"approved\"}");
  fake_gateway_send_event (fixture->gateway, "node", "{\"id\":\"a\",\"change\":\"removed\"}");
  fake_gateway_send_event (fixture->gateway, "node", "{\"id\":\"nobody\",\"change\":\"removed\"}");
  fake_gateway_send_event (fixture->gateway, "node", "{\"id\":7}");
  settle (fixture);
  g_assert_null (find (fixture, VMP_TOPIC_NODES, "a"));
  g_assert_cmpstr (vmp_item_get_string (find (fixture, VMP_TOPIC_NODES, "c"), "approval"), ==, "approved");
  g_assert_cmpuint (length (fixture, VMP_TOPIC_NODES), ==, 2);
  g_assert_cmpuint (fake_gateway_count (fixture->gateway, NODES), ==, 1);
}

/* A list that was made before an event may come after it. */
static void
test_node_event_while_reading (Fixture      *fixture,
                               gconstpointer data)
{
  start (fixture);
  fake_gateway_hold (fixture->gateway, NODES);
  vmp_mirror_refresh (fixture->mirror, VMP_TOPIC_NODES);
  await (fake_gateway_count (fixture->gateway, NODES) == 2);
  fake_gateway_send_event (fixture->gateway, "node", "{\"id\":\"a\",\"change\":\"changed\",\"status\":\"offline\"}");
  fake_gateway_send_event (fixture->gateway, "node", "{\"id\":\"b\",\"change\":\"removed\"}");
  settle (fixture);

  fake_gateway_answer (fixture->gateway, NODES, 200, "{\"data\":[{\"id\":\"a\",\"status\":\"online\"},{\"id\":\"b\"},"
                       "{\"id\":\"last\"}]}");
  fake_gateway_let_go (fixture->gateway, NODES);
  await (find (fixture, VMP_TOPIC_NODES, "last") != NULL);
  g_assert_cmpstr (vmp_item_get_string (find (fixture, VMP_TOPIC_NODES, "a"), "status"), ==, "offline");
  g_assert_null (find (fixture, VMP_TOPIC_NODES, "b"));
  settle (fixture);
  g_assert_cmpuint (fake_gateway_count (fixture->gateway, NODES), ==, 2);
}

/* Many nodes change at once: their models are read once. */
static void
test_nodes_coalesced (Fixture      *fixture,
                      gconstpointer data)
{
  start (fixture);
  hold (fixture, VMP_TOPIC_MODELS);
  for (guint i = 0; i < 500; i++)
    {
      g_autofree char *event = g_strdup_printf ("{\"id\":\"n%u\",\"change\":\"added\"}", i);

      fake_gateway_send_event (fixture->gateway, "node", event);
    }
  await (length (fixture, VMP_TOPIC_NODES) == 502);
  await (fake_gateway_count (fixture->gateway, MODELS) == 2);
  settle (fixture);
  g_assert_cmpuint (fake_gateway_count (fixture->gateway, MODELS), ==, 2);
  g_assert_cmpuint (fake_gateway_count (fixture->gateway, NODES), ==, 1);
  g_assert_cmpuint (fake_gateway_count (fixture->gateway, STATUS), <=, 3);
}

/* However often things change, a long list is not read all the time. */
static void
test_interval (Fixture      *fixture,
               gconstpointer data)
{
  gint64 then;

  start (fixture);
  then = g_get_monotonic_time ();
  hold (fixture, VMP_TOPIC_MODELS);
  fake_gateway_send_event (fixture->gateway, "node", "{\"id\":\"a\",\"change\":\"changed\"}");
  await (fake_gateway_count (fixture->gateway, MODELS) == 2);
  g_assert_cmpint (g_get_monotonic_time () - then, >=, G_USEC_PER_SEC);
}

static void
test_node_name (Fixture      *fixture,
                gconstpointer data)
{
  start (fixture);
  g_assert_cmpstr (vmp_mirror_get_node_name (fixture->mirror, "a"), ==, "studio");
  g_assert_cmpstr (vmp_mirror_get_node_name (fixture->mirror, "b"), ==, "127.0.0.1:1234");
  g_assert_cmpstr (vmp_mirror_get_node_name (fixture->mirror, "c"), ==, "c");
}

static void
test_loads (Fixture      *fixture,
            gconstpointer data)
{
  VmpItem *item;

  start (fixture);
  hold (fixture, VMP_TOPIC_MODELS);
  fake_gateway_send_event (fixture->gateway, "load",
                           "{\"node\":\"a\",\"model\":\"m\",\"state\":\"started\",\"progress\":null}");
  await (length (fixture, VMP_TOPIC_LOADS) == 1);
  item = find (fixture, VMP_TOPIC_LOADS, "a m");
  fake_gateway_send_event (fixture->gateway, "load",
                           "{\"node\":\"a\",\"model\":\"m\",\"state\":\"progress\",\"progress\":0.5}");
  await (vmp_item_get_double (item, "progress", 0) == 0.5);
  g_assert_true (find (fixture, VMP_TOPIC_LOADS, "a m") == item);

  g_object_ref (item);
  fake_gateway_answer (fixture->gateway, MODELS, 200, "{\"data\":[{\"node\":\"a\",\"model\":\"m\",\"loaded\":true}]}");
  fake_gateway_send_event (fixture->gateway, "load", "{\"node\":\"a\",\"model\":\"m\",\"state\":\"loaded\"}");
  await (length (fixture, VMP_TOPIC_LOADS) == 0);
  g_assert_cmpstr (vmp_item_get_string (item, "state"), ==, "loaded");
  g_object_unref (item);
  await (vmp_item_get_boolean (find (fixture, VMP_TOPIC_MODELS, "a m"), "loaded"));

  fake_gateway_send_event (fixture->gateway, "load", "{\"node\":\"a\",\"model\":\"m\",\"state\":\"unloaded\"}");
  fake_gateway_send_event (fixture->gateway, "load", "{\"node\":null,\"model\":\"m\",\"state\":\"started\"}");
  settle (fixture);
  g_assert_cmpuint (length (fixture, VMP_TOPIC_LOADS), ==, 0);
}

/* -- Requests ------------------------------------------------------------------------------ */

static void
test_requests (Fixture      *fixture,
               gconstpointer data)
{
  VmpItem *item;

  start (fixture);
  hold (fixture, VMP_TOPIC_REQUESTS);
  fake_gateway_hold (fixture->gateway, REQUESTS);
  fake_gateway_send_event (fixture->gateway, "request", "{\"id\":\"r2\",\"state\":\"started\",\"model\":\"m\","
                           "\"node\":\"a\",\"active_requests\":1}");
  await (length (fixture, VMP_TOPIC_REQUESTS) == 2);
  item = find (fixture, VMP_TOPIC_REQUESTS, "r2");
  g_assert_cmpstr (vmp_item_get_string (item, "state"), ==, "running");
  g_assert_cmpint (vmp_item_get_int (item, "active_requests", -1), ==, -1);
  g_assert_true (g_list_model_get_item (G_LIST_MODEL (vmp_mirror_get_list (fixture->mirror, VMP_TOPIC_REQUESTS)), 0)
                 == item);
  g_object_unref (item);

  /* What the event does not have stays. */
  fake_gateway_send_event (fixture->gateway, "request", "{\"id\":\"r1\",\"state\":\"ended\",\"outcome\":\"done\"}");
  await (vmp_item_get_string (find (fixture, VMP_TOPIC_REQUESTS, "r1"), "outcome") != NULL);
  g_assert_cmpint (vmp_item_get_int (find (fixture, VMP_TOPIC_REQUESTS, "r1"), "status", 0), ==, 200);

  /* And the whole comes soon. */
  fake_gateway_answer (fixture->gateway, REQUESTS, 200,
                       "{\"data\":[{\"id\":\"r2\",\"state\":\"running\",\"attempts\":1}]}");
  await (fake_gateway_count (fixture->gateway, REQUESTS) == 2);
  fake_gateway_let_go (fixture->gateway, REQUESTS);
  await (length (fixture, VMP_TOPIC_REQUESTS) == 1);
  g_assert_true (find (fixture, VMP_TOPIC_REQUESTS, "r2") == item);
}

static void
test_requests_flood (Fixture      *fixture,
                     gconstpointer data)
{
  start (fixture);
  hold (fixture, VMP_TOPIC_REQUESTS);
  fake_gateway_hold (fixture->gateway, REQUESTS);
  for (guint i = 0; i < 3000; i++)
    {
      g_autofree char *event = g_strdup_printf ("{\"id\":\"f%u\",\"state\":\"started\"}", i);

      fake_gateway_send_event (fixture->gateway, "request", event);
    }
  settle (fixture);
  g_assert_cmpuint (length (fixture, VMP_TOPIC_REQUESTS), >, 1);
  g_assert_cmpuint (length (fixture, VMP_TOPIC_REQUESTS), <=, 201);
  await (fake_gateway_count (fixture->gateway, REQUESTS) == 2);
  fake_gateway_let_go (fixture->gateway, REQUESTS);
  await (length (fixture, VMP_TOPIC_REQUESTS) == 1);
}

/* -- The rest ------------------------------------------------------------------------------ */

static void
test_share (Fixture      *fixture,
            gconstpointer data)
{
  start (fixture);
  fake_gateway_hold (fixture->gateway, SHARE);
  vmp_mirror_refresh (fixture->mirror, VMP_TOPIC_SHARE);
  await (fake_gateway_count (fixture->gateway, SHARE) == 2);
  fake_gateway_send_event (fixture->gateway, "share", "{\"mode\":\"family\"}");
  await (fixture->n_changed[VMP_TOPIC_SHARE] == 2);
  g_assert_cmpstr (vmp_json_get_string (vmp_mirror_get_document (fixture->mirror, VMP_TOPIC_SHARE), "mode"), ==,
                   "family");

  /* What was asked before is older. */
  fake_gateway_let_go (fixture->gateway, SHARE);
  await (fake_gateway_count (fixture->gateway, STATUS) >= 2);
  settle (fixture);
  g_assert_cmpstr (vmp_json_get_string (vmp_mirror_get_document (fixture->mirror, VMP_TOPIC_SHARE), "mode"), ==,
                   "family");
  g_assert_cmpuint (fixture->n_changed[VMP_TOPIC_SHARE], ==, 2);
}

static void
test_status (Fixture      *fixture,
             gconstpointer data)
{
  start (fixture);
  fake_gateway_send_event (fixture->gateway, "metric", "{\"active_requests\":0,\"nodes_online\":1}");
  settle (fixture);
  g_assert_cmpuint (fake_gateway_count (fixture->gateway, STATUS), ==, 1);
  fake_gateway_answer (fixture->gateway, STATUS, 200, "{\"active_requests\":3,\"nodes_online\":1}");
  fake_gateway_send_event (fixture->gateway, "metric", "{\"active_requests\":3,\"nodes_online\":1}");
  await (fixture->n_changed[VMP_TOPIC_STATUS] == 2);

  fake_gateway_answer (fixture->gateway, STATUS, 200, "{\"paused\":true}");
  fake_gateway_send_event (fixture->gateway, "status", "{\"paused\":true}");
  await (fixture->n_changed[VMP_TOPIC_STATUS] == 3);
}

static void
test_metrics (Fixture      *fixture,
              gconstpointer data)
{
  start (fixture);
  hold (fixture, VMP_TOPIC_METRICS);
  fake_gateway_answer (fixture->gateway, METRICS, 200, "{\"models\":[1]}");
  for (guint i = 0; i < 50; i++)
    fake_gateway_send_event (fixture->gateway, "metric", "{}");
  await (fixture->n_metrics == 50);
  await (fixture->n_changed[VMP_TOPIC_METRICS] == 2);
  g_assert_cmpuint (fake_gateway_count (fixture->gateway, METRICS), ==, 2);
}

static void
test_searches (Fixture      *fixture,
               gconstpointer data)
{
  start (fixture);
  hold (fixture, VMP_TOPIC_SEARCHES);
  fake_gateway_send_event (fixture->gateway, "discovery",
                           "{\"id\":\"j\",\"state\":\"running\",\"progress\":{\"done\":1,\"total\":9}}");
  await (length (fixture, VMP_TOPIC_SEARCHES) == 1);
  fake_gateway_send_event (fixture->gateway, "discovery",
                           "{\"id\":\"j\",\"state\":\"running\",\"progress\":{\"done\":5,\"total\":9}}");
  await (vmp_item_get_int (find (fixture, VMP_TOPIC_SEARCHES, "j"), "progress.done", 0) == 5);
  g_assert_cmpuint (fake_gateway_count (fixture->gateway, JOBS), ==, 1);

  fake_gateway_answer (fixture->gateway, JOBS, 200, "{\"data\":[{\"id\":\"j\",\"state\":\"done\",\"nodes\":[1]}]}");
  fake_gateway_send_event (fixture->gateway, "discovery", "{\"id\":\"j\",\"state\":\"done\"}");
  await (vmp_item_get_array (find (fixture, VMP_TOPIC_SEARCHES, "j"), "nodes") != NULL);
}

static void
test_keys (Fixture      *fixture,
           gconstpointer data)
{
  start (fixture);
  hold (fixture, VMP_TOPIC_KEYS);
  fake_gateway_answer (fixture->gateway, KEYS, 200, "{\"data\":[{\"id\":\"k\"}]}");
  fake_gateway_send_event (fixture->gateway, "key", "{\"id\":\"k\",\"state\":\"created\"}");
  await (find (fixture, VMP_TOPIC_KEYS, "k") != NULL);

  /* What nobody has heard of. */
  fake_gateway_send_event (fixture->gateway, "moon", "{}");
  settle (fixture);
}

/* -- Trouble ------------------------------------------------------------------------------- */

static void
test_trouble (Fixture      *fixture,
              gconstpointer data)
{
  start (fixture);
  vmp_mirror_hold (fixture->mirror, VMP_TOPIC_CLIENTS);
  await (vmp_mirror_get_trouble (fixture->mirror, VMP_TOPIC_CLIENTS) != NULL);
  g_assert_cmpstr (vmp_mirror_get_trouble (fixture->mirror, VMP_TOPIC_CLIENTS), ==, "No such.");
  g_assert_false (vmp_mirror_has (fixture->mirror, VMP_TOPIC_CLIENTS));
  g_assert_cmpuint (fixture->n_changed[VMP_TOPIC_CLIENTS], ==, 1);

  fake_gateway_answer (fixture->gateway, CLIENTS, 200, "{\"data\":[]}");
  vmp_mirror_refresh (fixture->mirror, VMP_TOPIC_CLIENTS);
  await (vmp_mirror_has (fixture->mirror, VMP_TOPIC_CLIENTS));
  g_assert_null (vmp_mirror_get_trouble (fixture->mirror, VMP_TOPIC_CLIENTS));
  g_assert_cmpuint (fixture->n_changed[VMP_TOPIC_CLIENTS], ==, 2);

  /* What was known stays. */
  fake_gateway_answer (fixture->gateway, NODES, 500, "{\"error\":{\"message\":\"Out of order.\"}}");
  vmp_mirror_refresh (fixture->mirror, VMP_TOPIC_NODES);
  await (fixture->n_changed[VMP_TOPIC_NODES] == 2);
  g_assert_cmpstr (vmp_mirror_get_trouble (fixture->mirror, VMP_TOPIC_NODES), ==, "Out of order.");
  g_assert_cmpuint (length (fixture, VMP_TOPIC_NODES), ==, 2);
}

static void
test_nonsense (Fixture      *fixture,
               gconstpointer data)
{
  static const char * const answers[] = { "", "{", "[]", "null", "{}", "{\"data\":{}}", "\"data\"", "{\"data\":[]} x" };

  start (fixture);
  for (gsize i = 0; i < G_N_ELEMENTS (answers); i++)
    {
      fake_gateway_answer (fixture->gateway, NODES, 200, answers[i]);
      vmp_mirror_refresh (fixture->mirror, VMP_TOPIC_NODES);
      await (vmp_mirror_get_trouble (fixture->mirror, VMP_TOPIC_NODES) != NULL);
      g_assert_cmpuint (length (fixture, VMP_TOPIC_NODES), ==, 2);

      fake_gateway_answer (fixture->gateway, NODES, 200, "{\"data\":[{\"id\":\"a\"},7,{\"id\":\"b\"}]}");
      vmp_mirror_refresh (fixture->mirror, VMP_TOPIC_NODES);
      await (vmp_mirror_get_trouble (fixture->mirror, VMP_TOPIC_NODES) == NULL);
    }
}

/* The connection of one reading breaks, and the events go on: nothing is read again and again. */
static void
test_broken_reading (Fixture      *fixture,
                     gconstpointer data)
{
  start (fixture);
  fake_gateway_answer_raw (fixture->gateway, NODES, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{");
  vmp_mirror_refresh (fixture->mirror, VMP_TOPIC_NODES);
  await (fake_gateway_count (fixture->gateway, NODES) == 2);
  fake_gateway_hang_up (fixture->gateway, NODES);
  await (vmp_mirror_get_trouble (fixture->mirror, VMP_TOPIC_NODES) != NULL);
  settle (fixture);
  g_assert_cmpuint (fake_gateway_count (fixture->gateway, NODES), ==, 2);
}

static void
test_lost (Fixture      *fixture,
           gconstpointer data)
{
  start (fixture);
  settle (fixture);
  fake_gateway_answer_raw (fixture->gateway, NODES, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{");
  vmp_mirror_refresh (fixture->mirror, VMP_TOPIC_NODES);
  await (fake_gateway_count (fixture->gateway, NODES) == 2);
  fake_gateway_answer (fixture->gateway, NODES, 200, "{\"data\":[{\"id\":\"new\"}]}");

  fake_gateway_hang_up (fixture->gateway, NULL);
  await (vmp_link_get_state (fixture->link) == VMP_LINK_LOST);
  g_assert_false (vmp_mirror_has (fixture->mirror, VMP_TOPIC_STATUS));
  g_assert_nonnull (vmp_mirror_get_document (fixture->mirror, VMP_TOPIC_STATUS));

  /* It goes on where it was: only what was being read is read. */
  await (vmp_link_get_state (fixture->link) == VMP_LINK_CONNECTED);
  g_assert_true (vmp_mirror_has (fixture->mirror, VMP_TOPIC_STATUS));
  await (find (fixture, VMP_TOPIC_NODES, "new") != NULL);
  await (vmp_mirror_get_trouble (fixture->mirror, VMP_TOPIC_NODES) == NULL);
  settle (fixture);
  g_assert_cmpuint (fake_gateway_count (fixture->gateway, STATUS), ==, 1);
  g_assert_cmpuint (fake_gateway_count (fixture->gateway, SHARE), ==, 1);
}

/* -- Main ---------------------------------------------------------------------------------- */

typedef void (*TestFunc) (Fixture      *fixture,
                          gconstpointer data);

static void
add (const char *path,
     TestFunc    test)
{
  g_test_add (path, Fixture, NULL, set_up, test, tear_down);
}

int
main (int   argc,
      char *argv[])
{
  g_unsetenv ("VAMPIRE_TOKEN");
  g_test_init (&argc, &argv, NULL);

  add ("/mirror/read/held", test_read_held);
  add ("/mirror/read/hold-and-release", test_hold);
  add ("/mirror/read/refresh", test_refresh);
  add ("/mirror/read/one-at-a-time", test_one_at_a_time);
  add ("/mirror/read/interval", test_interval);
  add ("/mirror/read/reset", test_reset);
  add ("/mirror/read/long", test_long);
  add ("/mirror/read/disposed", test_disposed);
  add ("/mirror/nodes/event", test_node_event);
  add ("/mirror/nodes/event-while-reading", test_node_event_while_reading);
  add ("/mirror/nodes/coalesced", test_nodes_coalesced);
  add ("/mirror/nodes/name", test_node_name);
  add ("/mirror/loads", test_loads);
  add ("/mirror/requests/events", test_requests);
  add ("/mirror/requests/flood", test_requests_flood);
  add ("/mirror/share", test_share);
  add ("/mirror/status", test_status);
  add ("/mirror/metrics", test_metrics);
  add ("/mirror/searches", test_searches);
  add ("/mirror/keys", test_keys);
  add ("/mirror/trouble/answers", test_trouble);
  add ("/mirror/trouble/nonsense", test_nonsense);
  add ("/mirror/trouble/broken-reading", test_broken_reading);
  add ("/mirror/trouble/lost", test_lost);

  return g_test_run ();
}
