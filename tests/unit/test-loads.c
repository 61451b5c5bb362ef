/* SPDX-License-Identifier: MIT
 *
 * Loads on one server, with real connections, probes and a real registry: who leads, who waits and until when, what the
 * owner can ask for, and what is told. What happens when many things go on at once is in test-loads-race.c.
 */

#include "fake-node.h"

#include "core/vmp-limits.h"
#include "relay/vmp-loads.h"

#include <glib/gstdio.h>
#include <string.h>

#define TOKEN "canary-token-5e1f"
#define LIST "GET /api/v1/models"
#define LOAD "POST /api/v1/models/load"
#define UNLOAD "POST /api/v1/models/unload"
#define LOADED_A "{\"type\":\"llm\",\"instance_id\":\"a\",\"load_time_seconds\":1.5,\"status\":\"loaded\"}"
#define LONG_AGO (10 * G_USEC_PER_SEC)

typedef struct {
  char *dir;
  VmpPoll *poll;
  VmpStore *store;
  VmpRegistry *registry;
  VmpUpstream *upstream;
  VmpHealth *health;
  VmpLoads *loads;
  FakeNode *server;
  VmpNode *node;
  VmpHost *a;
  VmpHost *b;
  guint n_changed;
  GString *events;     /* "started a, " */
  char *reason;        /* of the last failure */
  gboolean holds_load; /* the server is silent once a load has begun */
  guint n_done;        /* calls of done_cb() */
  char *error;         /* of the last one */
  char *instance;
} Fixture;

/* -- Set-up -------------------------------------------------------------------------------- */

static void
listener (gpointer      user_data,
          VmpNode      *node,
          VmpNodeChange change)
{
  Fixture *self = user_data;

  if (self->health != NULL)
    vmp_health_node_changed (self->health, node, change);
  if (self->loads != NULL)
    vmp_loads_node_changed (self->loads, node, change);
}

static void
changed_cb (gpointer user_data)
{
  ((Fixture *) user_data)->n_changed++;
}

static void
event_cb (gpointer            user_data,
          const VmpLoadEvent *event)
{
  Fixture *self = user_data;

  g_string_append_printf (self->events, "%s %s, ", vmp_load_state_to_string (event->state), event->host->model_id);
  g_assert_cmpfloat (event->progress, <=, 1);
  g_assert_cmpint (event->duration_ms, >=, 0);
  if (event->state == VMP_LOAD_STARTED && self->holds_load)
    self->server->manner = FAKE_SILENT;
  if (event->state == VMP_LOAD_FAILED)
    {
      g_free (self->reason);
      self->reason = g_strdup (event->reason);
      g_assert_nonnull (self->reason);
    }
}

static void
done_cb (gpointer    user_data,
         const char *error,
         const char *instance,
         gint64      duration_ms)
{
  Fixture *self = user_data;

  self->n_done++;
  g_free (self->error);
  self->error = g_strdup (error);
  g_free (self->instance);
  self->instance = g_strdup (instance);
}

/* Copies in memory of each model, as LM Studio lists them. */
static void
set_list (Fixture *self,
          guint    a,
          guint    b)
{
  g_autoptr (GString) list = g_string_new ("{\"models\":[");
  const guint copies[] = { a, b };

  for (guint i = 0; i < 2; i++)
    {
      g_string_append_printf (list, "%s{\"type\":\"llm\",\"key\":\"%c\",\"max_context_length\":8192,"
                              "\"loaded_instances\":[", i > 0 ? "," : "", 'a' + i);
      for (guint j = 0; j < copies[i]; j++)
        {
          if (j == 0)
            g_string_append_printf (list, "{\"id\":\"%c\",\"config\":{\"parallel\":4}}", 'a' + i);
          else
            g_string_append_printf (list, ",{\"id\":\"%c:%u\",\"config\":{\"parallel\":4}}", 'a' + i, j + 1);
        }
      g_string_append (list, "]}");
    }
  g_string_append (list, "]}");
  fake_node_answer (self->server, LIST, 200, NULL, list->str);
}

#define await(condition) \
  G_STMT_START { \
    while (!(condition)) \
      g_main_context_iteration (NULL, TRUE); \
  } G_STMT_END

static void
set_true_cb (gpointer user_data)
{
  *(gboolean *) user_data = TRUE;
}

static void
look (Fixture *self)
{
  gboolean done = FALSE;

  vmp_health_look (self->health, self->node, set_true_cb, &done);
  await (done);
}

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  static const VmpLoadsFuncs funcs = { changed_cb, event_cb };
  g_autoptr (GError) error = NULL;
  g_autofree char *url = NULL;
  g_autoptr (VmpBaseUrl) base_url = NULL;
  VmpNodeUpdate update = { NULL };

  self->dir = g_dir_make_tmp ("vampire-loads-XXXXXX", &error);
  g_assert_no_error (error);
  self->events = g_string_new (NULL);
  self->poll = vmp_poll_new (NULL);
  self->store = vmp_store_open (self->dir, NULL, &error);
  g_assert_no_error (error);
  self->registry = vmp_registry_new (self->store);
  vmp_registry_set_listener (self->registry, listener, self);
  self->upstream = vmp_upstream_new (self->poll);
  self->health = vmp_health_new (self->poll, self->upstream, self->registry, "1.1 vampire", "own-instance");
  vmp_health_set_interval (self->health, 0);
  self->loads = vmp_loads_new (self->poll, self->upstream, self->registry, self->health, "1.1 vampire", &funcs, self);
  self->server = fake_node_new ("127.0.0.1", 0, NULL);
  set_list (self, 0, 1);

  url = g_strdup_printf ("http://127.0.0.1:%u", self->server->port);
  base_url = vmp_base_url_parse (url, NULL);
  update.base_url = base_url;
  self->node = vmp_registry_register (self->registry, "studio", &update, &error);
  g_assert_no_error (error);
  look (self);
  self->a = vmp_host_ref (vmp_node_find_host (self->node, "a"));
  self->b = vmp_host_ref (vmp_node_find_host (self->node, "b"));
  g_assert_false (self->a->loaded);
  g_assert_true (self->b->loaded);

  /* What the tests bring about is warned of. */
  g_log_set_always_fatal (G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  g_autoptr (GDir) dir = NULL;
  const char *name;

  vmp_loads_free (g_steal_pointer (&self->loads));
  g_assert_false (self->a->leading);
  g_assert_false (self->b->leading);
  g_assert_true (self->a->node == NULL || self->a->node->taken_for == NULL);
  vmp_host_unref (self->a);
  vmp_host_unref (self->b);
  vmp_health_free (g_steal_pointer (&self->health));
  vmp_upstream_free (self->upstream);
  vmp_registry_free (self->registry);
  vmp_store_close (self->store);
  fake_node_free (self->server);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  vmp_poll_free (self->poll);
  g_string_free (self->events, TRUE);
  g_free (self->reason);
  g_free (self->error);
  g_free (self->instance);

  dir = g_dir_open (self->dir, 0, NULL);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (self->dir, name, NULL);

      g_unlink (path);
    }
  g_rmdir (self->dir);
  g_free (self->dir);
}

/* -- Words --------------------------------------------------------------------------------- */

static VmpLead
lead (Fixture *self,
      VmpHost *host)
{
  return vmp_loads_lead (self->loads, host, g_get_monotonic_time ());
}

#define assert_lead(self, host, expected) g_assert_cmpint (lead (self, host), ==, expected)

static void
begin (Fixture *self,
       VmpHost *host)
{
  g_assert_true (vmp_registry_begin_request (self->registry, self->node, host));
}

static void
end (Fixture         *self,
     VmpHost         *host,
     VmpTrafficResult result)
{
  VmpTraffic traffic = { .result = result };

  vmp_registry_end_request (self->registry, self->node, host, &traffic);
  vmp_loads_request_ended (self->loads, self->node);
}

/* Goes as the leader. */
static void
begin_lead (Fixture *self,
            VmpHost *host)
{
  assert_lead (self, host, VMP_LEAD_GO);
  begin (self, host);
}

static void
settle (Fixture *self,
        VmpHost *host)
{
  vmp_loads_settle (self->loads, host, g_get_monotonic_time ());
}

static void
abandon (Fixture   *self,
         VmpHost   *host,
         VmpLeadEnd how,
         gboolean   no_request_loads)
{
  vmp_loads_abandon (self->loads, host, how, no_request_loads, g_get_monotonic_time ());
}

/* Nobody has seen it in memory for a while. */
static void
forget_proof (VmpHost *host)
{
  host->proven -= LONG_AGO;
  host->busy_since -= LONG_AGO;
}

static void
assert_events (Fixture    *self,
               const char *expected)
{
  g_assert_cmpstr (self->events->str, ==, expected);
  g_string_truncate (self->events, 0);
}

static void
assert_free (Fixture *self)
{
  g_assert_null (self->node->taken_for);
  g_assert_false (self->a->leading);
  g_assert_false (self->b->leading);
  g_assert_cmpuint (vmp_loads_count (self->loads), ==, 0);
}

/* -- Leads --------------------------------------------------------------------------------- */

static void
test_proven (Fixture      *self,
             gconstpointer data)
{
  guint n_requests = self->server->requests->len;

  for (guint i = 0; i < 3; i++)
    assert_lead (self, self->b, VMP_LEAD_NONE);
  assert_free (self);
  g_assert_cmpuint (self->server->requests->len, ==, n_requests);
}

static void
test_other_servers (Fixture      *self,
                    gconstpointer data)
{
  fake_node_answer (self->server, LIST, 404, NULL, "");
  fake_node_answer (self->server, "GET /v1/models", 200, NULL,
                    "{\"object\":\"list\",\"data\":[{\"id\":\"a\",\"object\":\"model\"}]}");
  look (self);
  assert_lead (self, self->a, VMP_LEAD_NONE);
  g_assert_false (vmp_loads_keep (self->loads, self->a));
  assert_free (self);
}

static void
test_cold (Fixture      *self,
           gconstpointer data)
{
  begin_lead (self, self->a);
  g_assert_true (self->a->leading);
  g_assert_true (self->node->taken_for == self->a);
  assert_events (self, "started a, ");
  g_assert_cmpuint (vmp_loads_count (self->loads), ==, 1);
  g_assert_cmpfloat (vmp_loads_get_progress (self->loads, self->a, g_get_monotonic_time ()), >=, 0);
  g_assert_cmpfloat (vmp_loads_get_progress (self->loads, self->a, G_MAXINT64 / 2), ==, 0.99);
  g_assert_cmpfloat (vmp_loads_get_progress (self->loads, self->b, g_get_monotonic_time ()), <, 0);

  /* One at a time, and none of the others. */
  assert_lead (self, self->a, VMP_LEAD_WAIT);
  assert_lead (self, self->b, VMP_LEAD_WAIT);

  /* It has thrown out the other one. */
  set_list (self, 1, 0);
  g_assert_cmpuint (self->n_changed, ==, 0);
  settle (self, self->a);
  assert_events (self, "loaded a, ");
  g_assert_false (self->a->leading);
  g_assert_true (self->a->loaded);
  g_assert_cmpfloat (self->a->load_ms, >, 0);
  g_assert_true (self->node->taken_for == self->a);
  assert_lead (self, self->a, VMP_LEAD_NONE);
  assert_lead (self, self->b, VMP_LEAD_WAIT);
  g_assert_cmpuint (self->n_changed, ==, 0);
  await (self->n_changed == 1);

  await (self->n_changed == 2);
  assert_free (self);
  g_assert_false (self->b->loaded);
  assert_lead (self, self->b, VMP_LEAD_WAIT);
  end (self, self->a, VMP_TRAFFIC_ANSWERED);
  begin_lead (self, self->b);
  abandon (self, self->b, VMP_LEAD_REFUSED, FALSE);
  end (self, self->b, VMP_TRAFFIC_ANSWERED);
}

static void
test_progress (Fixture      *self,
               gconstpointer data)
{
  begin_lead (self, self->a);
  await (strstr (self->events->str, "progress a, progress a, ") != NULL);
  settle (self, self->a);
  end (self, self->a, VMP_TRAFFIC_ANSWERED);
}

/* It was in memory all along. */
static void
test_not_certain (Fixture      *self,
                  gconstpointer data)
{
  forget_proof (self->b);
  begin_lead (self, self->b);
  assert_lead (self, self->b, VMP_LEAD_WAIT);
  assert_lead (self, self->a, VMP_LEAD_WAIT);
  assert_events (self, "");
  await (self->n_changed == 1);
  assert_free (self);

  /* Its request runs on, and tells nothing that is not known. */
  assert_lead (self, self->b, VMP_LEAD_NONE);
  settle (self, self->b);
  assert_free (self);
  assert_events (self, "");
  g_assert_cmpfloat (self->b->load_ms, ==, 0);
  end (self, self->b, VMP_TRAFFIC_ANSWERED);
}

/* As long as a request runs that has shown it, it is certain. */
static void
test_certain_while_busy (Fixture      *self,
                         gconstpointer data)
{
  assert_lead (self, self->b, VMP_LEAD_NONE);
  begin (self, self->b);
  settle (self, self->b);
  forget_proof (self->b);
  assert_lead (self, self->b, VMP_LEAD_NONE);
  end (self, self->b, VMP_TRAFFIC_ANSWERED);
  assert_lead (self, self->b, VMP_LEAD_GO);
  abandon (self, self->b, VMP_LEAD_REFUSED, FALSE);

  /* But not by a proof from before. */
  await (self->n_changed == 2);
  begin (self, self->b);
  self->b->proven = g_get_monotonic_time () - LONG_AGO;
  self->b->busy_since = self->b->proven + 1;
  assert_lead (self, self->b, VMP_LEAD_WAIT);
  await (self->n_changed == 3);
  assert_lead (self, self->b, VMP_LEAD_NONE);
  end (self, self->b, VMP_TRAFFIC_ANSWERED);
}

/* One that went there by a proof that was out of date has it loaded: a second one would load it once more. */
static void
test_busy_and_not_there (Fixture      *self,
                         gconstpointer data)
{
  assert_lead (self, self->b, VMP_LEAD_NONE);
  begin (self, self->b);
  set_list (self, 0, 0);
  forget_proof (self->b);
  self->b->busy_since = self->b->proven + 1;
  assert_lead (self, self->b, VMP_LEAD_WAIT);
  await (self->n_changed == 1);
  assert_lead (self, self->b, VMP_LEAD_WAIT);
  g_assert_true (self->b->leading);
  assert_events (self, "started b, ");
  set_list (self, 0, 1);
  await (self->n_changed == 2);
  assert_free (self);
  assert_lead (self, self->b, VMP_LEAD_NONE);
  end (self, self->b, VMP_TRAFFIC_ANSWERED);
}

/* The look shows that it is a load after all. */
static void
test_not_certain_and_not_there (Fixture      *self,
                                gconstpointer data)
{
  set_list (self, 0, 0);
  forget_proof (self->b);
  begin_lead (self, self->b);
  await (self->events->len > 0);
  assert_events (self, "started b, ");
  g_assert_true (self->b->leading);
  assert_lead (self, self->b, VMP_LEAD_WAIT);
  set_list (self, 0, 1);
  settle (self, self->b);
  assert_events (self, "loaded b, ");
  await (self->node->taken_for == NULL);
  assert_lead (self, self->b, VMP_LEAD_NONE);
  end (self, self->b, VMP_TRAFFIC_ANSWERED);
}

/* While others answer, nobody goes on chance. */
static void
test_look_first (Fixture      *self,
                 gconstpointer data)
{
  guint n_lists;

  set_list (self, 1, 1);
  look (self);
  assert_lead (self, self->a, VMP_LEAD_NONE);
  begin (self, self->a);
  forget_proof (self->b);
  n_lists = fake_node_count (self->server, LIST);
  assert_lead (self, self->b, VMP_LEAD_WAIT);
  assert_lead (self, self->b, VMP_LEAD_WAIT);
  assert_free (self);
  await (self->n_changed == 1);
  g_assert_cmpuint (fake_node_count (self->server, LIST), ==, n_lists + 1);
  assert_lead (self, self->b, VMP_LEAD_NONE);

  set_list (self, 1, 0);
  forget_proof (self->b);
  assert_lead (self, self->b, VMP_LEAD_WAIT);
  await (self->n_changed == 2);
  g_assert_false (self->b->loaded);
  assert_lead (self, self->b, VMP_LEAD_WAIT);
  end (self, self->a, VMP_TRAFFIC_ANSWERED);
  assert_lead (self, self->b, VMP_LEAD_GO);
  abandon (self, self->b, VMP_LEAD_REFUSED, FALSE);
}

/* A look that brings nothing is not repeated for ever. */
static void
test_look_first_in_vain (Fixture      *self,
                         gconstpointer data)
{
  set_list (self, 1, 1);
  look (self);
  begin (self, self->a);
  forget_proof (self->b);
  self->server->manner = FAKE_SILENT;
  assert_lead (self, self->b, VMP_LEAD_WAIT);
  fake_node_hang_up (self->server);
  await (self->server->n_waiting > 0);
  fake_node_hang_up (self->server);
  await (self->n_changed > 0);
  g_assert_false (self->b->loaded);
  self->server->manner = FAKE_ANSWERS;
  end (self, self->a, VMP_TRAFFIC_ANSWERED);
}

static void
test_not_while_others_answer (Fixture      *self,
                              gconstpointer data)
{
  begin (self, self->b);
  assert_lead (self, self->a, VMP_LEAD_WAIT);
  assert_free (self);
  assert_events (self, "");
  end (self, self->b, VMP_TRAFFIC_ANSWERED);
  begin_lead (self, self->a);
  settle (self, self->a);
  end (self, self->a, VMP_TRAFFIC_ANSWERED);
}

/* The look at what was thrown out may take only so long. */
static void
test_check_has_an_end (Fixture      *self,
                       gconstpointer data)
{
  gint64 started = g_get_monotonic_time ();

  begin_lead (self, self->a);
  self->server->manner = FAKE_SILENT;
  settle (self, self->a);
  await (self->node->taken_for == NULL);
  g_assert_cmpint (g_get_monotonic_time () - started, <, 2 * VMP_LIMIT_PROBE_MS * G_TIME_SPAN_MILLISECOND);
  await (self->n_changed == 2);
  end (self, self->a, VMP_TRAFFIC_ANSWERED);
}

/* -- Leads that come to nothing ------------------------------------------------------------ */

/* The server goes on loading when its client has left. */
static void
test_left (Fixture      *self,
           gconstpointer data)
{
  guint n_lists = fake_node_count (self->server, LIST);

  begin_lead (self, self->a);
  abandon (self, self->a, VMP_LEAD_LEFT, FALSE);
  end (self, self->a, VMP_TRAFFIC_ABANDONED);
  await (fake_node_count (self->server, LIST) == n_lists + 3);
  g_assert_true (self->a->leading);
  assert_lead (self, self->a, VMP_LEAD_WAIT);
  assert_lead (self, self->b, VMP_LEAD_WAIT);
  g_assert_cmpuint (vmp_loads_count (self->loads), ==, 1);
  g_assert_cmpuint (self->n_changed, ==, 0);

  set_list (self, 1, 0);
  await (self->n_changed == 1);
  assert_free (self);
  g_assert_true (self->a->loaded);
  g_assert_false (self->b->loaded);
  g_assert_nonnull (strstr (self->events->str, "loaded a, "));
  g_assert_cmpfloat (self->a->load_ms, ==, 0);
  assert_lead (self, self->a, VMP_LEAD_NONE);
}

static void
test_left_before_the_look (Fixture      *self,
                           gconstpointer data)
{
  forget_proof (self->b);
  begin_lead (self, self->b);
  abandon (self, self->b, VMP_LEAD_LEFT, FALSE);
  end (self, self->b, VMP_TRAFFIC_ABANDONED);
  g_assert_true (self->b->leading);
  await (self->n_changed == 1);
  assert_free (self);
  assert_events (self, "");
  assert_lead (self, self->b, VMP_LEAD_NONE);
}

/* Another request of before shows that it is there after all. */
static void
test_left_and_settled (Fixture      *self,
                       gconstpointer data)
{
  begin_lead (self, self->a);
  abandon (self, self->a, VMP_LEAD_LEFT, FALSE);
  set_list (self, 1, 0);
  settle (self, self->a);
  g_assert_false (self->a->leading);
  await (self->node->taken_for == NULL);
  g_assert_true (self->a->loaded);
  end (self, self->a, VMP_TRAFFIC_ABANDONED);
}

static void
test_failed (Fixture      *self,
             gconstpointer data)
{
  begin_lead (self, self->a);
  abandon (self, self->a, VMP_LEAD_FAILED, FALSE);
  assert_events (self, "started a, failed a, ");
  g_assert_nonnull (strstr (self->reason, "could not load a"));
  g_assert_false (self->a->leading);
  g_assert_cmpint (self->a->load_failed, >, 0);
  g_assert_true (self->node->taken_for == self->a);
  assert_lead (self, self->a, VMP_LEAD_WAIT);
  end (self, self->a, VMP_TRAFFIC_FAILED);
  await (self->node->taken_for == NULL);
  await (self->n_changed == 2);
  assert_free (self);
}

static void
test_refused (Fixture      *self,
              gconstpointer data)
{
  begin_lead (self, self->a);
  abandon (self, self->a, VMP_LEAD_REFUSED, FALSE);
  end (self, self->a, VMP_TRAFFIC_ANSWERED);
  await (self->node->taken_for == NULL);
  assert_events (self, "started a, failed a, ");
  g_assert_cmpint (self->a->load_failed, ==, 0);

  /* Or it had loaded it before it refused. */
  begin_lead (self, self->a);
  set_list (self, 1, 0);
  abandon (self, self->a, VMP_LEAD_REFUSED, FALSE);
  end (self, self->a, VMP_TRAFFIC_ANSWERED);
  await (self->node->taken_for == NULL);
  assert_events (self, "started a, loaded a, ");
  assert_lead (self, self->a, VMP_LEAD_NONE);
}

/* One to which there was no connection loads nothing. */
static void
test_off (Fixture      *self,
          gconstpointer data)
{
  begin_lead (self, self->a);
  abandon (self, self->a, VMP_LEAD_LEFT, FALSE);
  g_assert_true (self->a->leading);
  end (self, self->a, VMP_TRAFFIC_UNREACHABLE);
  g_assert_cmpint (self->node->health, ==, VMP_NODE_OFFLINE);
  assert_free (self);
  assert_events (self, "started a, failed a, ");
  look (self);
  begin_lead (self, self->a);

  /* The same in the other order. */
  end (self, self->a, VMP_TRAFFIC_UNREACHABLE);
  g_assert_true (self->a->leading);
  abandon (self, self->a, VMP_LEAD_LEFT, FALSE);
  assert_free (self);
}

/* Killed while it loads: whoever looks after the load is refused. One that only does not answer may be loading. */
static void
test_killed (Fixture      *self,
             gconstpointer data)
{
  gint64 began;

  begin_lead (self, self->a);
  self->server->manner = FAKE_SILENT;
  abandon (self, self->a, VMP_LEAD_LEFT, FALSE);
  end (self, self->a, VMP_TRAFFIC_FAILED);
  await (self->node->health == VMP_NODE_OFFLINE);
  g_assert_true (self->a->leading);
  assert_lead (self, self->b, VMP_LEAD_WAIT);

  began = g_get_monotonic_time ();
  g_socket_service_stop (self->server->service);
  g_socket_listener_close (G_SOCKET_LISTENER (self->server->service));
  fake_node_hang_up (self->server);
  await (self->node->taken_for == NULL);
  assert_free (self);
  g_assert_cmpint (g_get_monotonic_time () - began, <, VMP_LIMIT_LOAD_WATCH_MS * G_TIME_SPAN_MILLISECOND / 2);
  g_assert_true (g_str_has_suffix (self->events->str, " failed a, "));
}

static void
test_killed_while_online (Fixture      *self,
                          gconstpointer data)
{
  begin_lead (self, self->a);
  g_socket_service_stop (self->server->service);
  g_socket_listener_close (G_SOCKET_LISTENER (self->server->service));
  fake_node_hang_up (self->server);
  abandon (self, self->a, VMP_LEAD_LEFT, FALSE);
  end (self, self->a, VMP_TRAFFIC_FAILED);
  await (self->node->taken_for == NULL);
  assert_free (self);
  g_assert_cmpint (self->node->health, ==, VMP_NODE_OFFLINE);
  assert_events (self, "started a, failed a, ");
  g_assert_nonnull (strstr (self->reason, "cannot be reached"));
}

/* -- Servers that do not load by themselves ------------------------------------------------ */

static void
test_no_request_loads (Fixture      *self,
                       gconstpointer data)
{
  const char *request;

  begin_lead (self, self->a);
  abandon (self, self->a, VMP_LEAD_REFUSED, TRUE);
  end (self, self->a, VMP_TRAFFIC_ANSWERED);
  assert_free (self);
  assert_events (self, "started a, failed a, ");
  await (self->n_changed == 1);

  fake_node_answer (self->server, LOAD, 200, NULL, LOADED_A);
  assert_lead (self, self->a, VMP_LEAD_WAIT);
  assert_lead (self, self->a, VMP_LEAD_WAIT);
  assert_lead (self, self->b, VMP_LEAD_WAIT);
  await (fake_node_count (self->server, LOAD) == 1);
  set_list (self, 1, 1);
  await (self->n_changed == 2);
  assert_lead (self, self->a, VMP_LEAD_NONE);
  await (self->node->taken_for == NULL);
  assert_events (self, "started a, loaded a, ");
  assert_lead (self, self->b, VMP_LEAD_NONE);

  request = g_ptr_array_index (self->server->requests, self->server->requests->len - 2);
  g_assert_true (g_str_has_prefix (request, LOAD " HTTP/1.1\r\n"));
  g_assert_nonnull (strstr (request, "\r\nContent-Type: application/json\r\n"));
  g_assert_nonnull (strstr (request, "\r\nVia: 1.1 vampire\r\n"));
  g_assert_true (g_str_has_suffix (request, "\r\n\r\n{\"model\":\"a\"}"));
}

/* One more copy is never made. */
static void
test_no_second_copy (Fixture      *self,
                     gconstpointer data)
{
  begin_lead (self, self->a);
  abandon (self, self->a, VMP_LEAD_REFUSED, TRUE);
  end (self, self->a, VMP_TRAFFIC_ANSWERED);
  await (self->n_changed == 1);
  set_list (self, 1, 1);
  assert_lead (self, self->a, VMP_LEAD_WAIT);
  await (self->n_changed == 2);
  assert_lead (self, self->a, VMP_LEAD_NONE);
  assert_free (self);
  g_assert_cmpuint (fake_node_count (self->server, LOAD), ==, 0);
}

static void
test_asked_load_fails (Fixture      *self,
                       gconstpointer data)
{
  begin_lead (self, self->a);
  abandon (self, self->a, VMP_LEAD_REFUSED, TRUE);
  end (self, self->a, VMP_TRAFFIC_ANSWERED);
  assert_events (self, "started a, failed a, ");
  fake_node_answer (self->server, LOAD, 500, NULL, "{\"error\":{\"message\":\"Not enough memory\"}}");
  assert_lead (self, self->a, VMP_LEAD_WAIT);
  await (self->events->len > 0 && strstr (self->events->str, "failed") != NULL);
  assert_events (self, "started a, failed a, ");
  g_assert_cmpint (self->a->load_failed, >, 0);
  g_assert_nonnull (strstr (self->reason, "could not load a: Not enough memory."));
  await (self->node->taken_for == NULL);
  await (self->n_changed >= 2);
}

/* The connection is lost, the load is not. */
static void
test_asked_load_lost (Fixture      *self,
                      gconstpointer data)
{
  self->holds_load = TRUE;
  vmp_loads_load (self->loads, self->a, 0, done_cb, self);
  await (self->server->n_waiting == 1);
  /* A kept connection that ends at once is replaced once. */
  fake_node_hang_up (self->server);
  await (self->server->n_waiting == 1);
  fake_node_hang_up (self->server);
  set_list (self, 1, 1);
  self->server->manner = FAKE_ANSWERS;
  await (self->n_done == 1);
  g_assert_cmpstr (self->error, ==, NULL);
  g_assert_cmpuint (fake_node_count (self->server, LOAD), ==, 2);
  g_assert_true (self->a->loaded);
  assert_free (self);
}

/* -- Keeping ------------------------------------------------------------------------------- */

static void
test_keep (Fixture      *self,
           gconstpointer data)
{
  assert_lead (self, self->b, VMP_LEAD_NONE);
  begin (self, self->b);
  g_assert_true (vmp_loads_keep (self->loads, self->a));
  g_assert_false (vmp_loads_keep (self->loads, self->b));
  g_assert_true (self->node->taken_for == self->a);
  g_assert_false (self->a->leading);
  assert_lead (self, self->b, VMP_LEAD_WAIT);
  assert_lead (self, self->a, VMP_LEAD_WAIT);
  end (self, self->b, VMP_TRAFFIC_ANSWERED);
  assert_lead (self, self->b, VMP_LEAD_WAIT);
  begin_lead (self, self->a);
  g_assert_true (self->a->leading);

  /* It has become a lead. */
  vmp_loads_unkeep (self->loads, self->a);
  g_assert_true (self->node->taken_for == self->a);
  settle (self, self->a);
  await (self->node->taken_for == NULL);
  end (self, self->a, VMP_TRAFFIC_ANSWERED);
}

static void
test_unkeep (Fixture      *self,
             gconstpointer data)
{
  g_assert_true (vmp_loads_keep (self->loads, self->a));
  vmp_loads_unkeep (self->loads, self->b);
  g_assert_true (self->node->taken_for == self->a);
  vmp_loads_unkeep (self->loads, self->a);
  assert_free (self);
  await (self->n_changed == 1);

  /* One that goes ends it. */
  g_assert_true (vmp_loads_keep (self->loads, self->b));
  assert_lead (self, self->b, VMP_LEAD_NONE);
  assert_free (self);
  await (self->n_changed == 2);
}

/* -- The owner's loads --------------------------------------------------------------------- */

static void
test_load (Fixture      *self,
           gconstpointer data)
{
  fake_node_answer (self->server, LOAD, 200, NULL, LOADED_A);
  vmp_registry_set_token (self->registry, self->node, TOKEN);
  vmp_loads_load (self->loads, self->a, 4096, done_cb, self);
  vmp_loads_load (self->loads, self->a, 0, done_cb, self);
  await (fake_node_count (self->server, LOAD) == 1);
  set_list (self, 1, 1);
  await (self->n_done == 2);
  g_assert_cmpstr (self->error, ==, NULL);
  g_assert_cmpstr (self->instance, ==, "a");
  assert_events (self, "started a, loaded a, ");
  g_assert_cmpuint (fake_node_count (self->server, LOAD), ==, 1);
  g_assert_cmpuint (fake_node_count (self->server, "\r\nAuthorization: Bearer " TOKEN "\r\n"), >=, 1);
  g_assert_cmpuint (fake_node_count (self->server, "{\"model\":\"a\",\"context_length\":4096}"), ==, 1);
  await (self->node->taken_for == NULL);
}

static void
test_load_loaded (Fixture      *self,
                  gconstpointer data)
{
  guint n_requests = self->server->requests->len;

  vmp_loads_load (self->loads, self->b, 0, done_cb, self);
  g_assert_cmpuint (self->n_done, ==, 0);
  await (self->n_done == 1);
  g_assert_cmpstr (self->error, ==, NULL);
  g_assert_cmpuint (self->server->requests->len, ==, n_requests);

  /* One that was not seen for a while is looked for, also while others answer. */
  forget_proof (self->b);
  begin (self, self->a);
  vmp_loads_load (self->loads, self->b, 0, done_cb, self);
  await (self->n_done == 2);
  g_assert_cmpstr (self->error, ==, NULL);
  end (self, self->a, VMP_TRAFFIC_ANSWERED);
  g_assert_cmpuint (fake_node_count (self->server, LOAD), ==, 0);
  assert_events (self, "");
}

static void
test_load_attaches (Fixture      *self,
                    gconstpointer data)
{
  begin_lead (self, self->a);
  vmp_loads_load (self->loads, self->a, 0, done_cb, self);
  set_list (self, 1, 1);
  settle (self, self->a);
  g_assert_cmpuint (self->n_done, ==, 0);
  await (self->n_done == 1);
  g_assert_cmpstr (self->error, ==, NULL);
  g_assert_cmpuint (fake_node_count (self->server, LOAD), ==, 0);
  end (self, self->a, VMP_TRAFFIC_ANSWERED);
}

/* What the leader came to does not matter to the owner. */
static void
test_load_outlives_the_leader (Fixture      *self,
                               gconstpointer data)
{
  begin_lead (self, self->a);
  vmp_loads_load (self->loads, self->a, 0, done_cb, self);
  fake_node_answer (self->server, LOAD, 200, NULL, LOADED_A);
  abandon (self, self->a, VMP_LEAD_REFUSED, FALSE);
  end (self, self->a, VMP_TRAFFIC_ANSWERED);
  await (self->n_done == 1);
  g_assert_cmpstr (self->error, ==, NULL);
  g_assert_cmpuint (fake_node_count (self->server, LOAD), ==, 1);
  assert_events (self, "started a, loaded a, ");
}

static void
test_load_waits_for_others (Fixture      *self,
                            gconstpointer data)
{
  fake_node_answer (self->server, LOAD, 200, NULL, LOADED_A);
  begin (self, self->b);
  vmp_loads_load (self->loads, self->a, 0, done_cb, self);
  look (self);
  look (self);
  assert_free (self);
  g_assert_cmpuint (self->n_done, ==, 0);
  g_assert_cmpuint (fake_node_count (self->server, LOAD), ==, 0);
  end (self, self->b, VMP_TRAFFIC_ANSWERED);
  await (self->n_done == 1);
  g_assert_cmpstr (self->error, ==, NULL);
  g_assert_cmpuint (fake_node_count (self->server, LOAD), ==, 1);
}

static void
test_load_forgotten (Fixture      *self,
                     gconstpointer data)
{
  guint other = 0;

  begin (self, self->b);
  vmp_loads_load (self->loads, self->a, 0, done_cb, self);
  vmp_loads_forget_caller (self->loads, &other);
  vmp_loads_forget_caller (self->loads, self);
  end (self, self->b, VMP_TRAFFIC_ANSWERED);
  vmp_loads_load (self->loads, self->b, 0, done_cb, self);
  vmp_loads_forget_caller (self->loads, self);
  look (self);
  g_assert_cmpuint (self->n_done, ==, 0);
  g_assert_cmpuint (fake_node_count (self->server, LOAD), ==, 0);
  assert_free (self);
}

static void
fail_to_load (Fixture    *self,
              guint       status,
              const char *body,
              const char *expected)
{
  guint n_done = self->n_done;

  fake_node_answer (self->server, LOAD, status, NULL, body);
  vmp_loads_load (self->loads, self->a, 0, done_cb, self);
  await (self->n_done == n_done + 1);
  if (!g_pattern_match_simple (expected, self->error))
    g_error ("\"%s\" is not like \"%s\"", self->error, expected);
  await (self->node->taken_for == NULL);
}

static void
test_load_errors (Fixture      *self,
                  gconstpointer data)
{
  g_autofree char *flood = g_strnfill (2 * VMP_LIMIT_REASON_BYTES, 'x');
  g_autofree char *text = g_strnfill (2000, 'y');
  g_autofree char *body = g_strdup_printf ("{\"error\":\"%s\"}", text);

  fail_to_load (self, 401, "{\"error\":{\"message\":\"no\"}}",
                "LM Studio at http://127.0.0.1:* wants a token before it loads a model, and this node has none.");
  vmp_registry_set_token (self->registry, self->node, TOKEN);
  fail_to_load (self, 403, "", "LM Studio at * does not let this node's token load models.*");
  fail_to_load (self, 200, "{\"error\":\"Unexpected endpoint or method. (POST /x)\"}",
                "LM Studio at * is older than LM Studio 0.4.0, and cannot be told to load a model.");
  fail_to_load (self, 404, "", "* is older than LM Studio 0.4.0,*");
  fail_to_load (self, 404, "{\"error\":{\"type\":\"model_not_found\",\"message\":\"No model a\\n\\u001b[1m.\"}}",
                "* could not load a: No model a\357\277\275\357\277\275[1m.");
  fail_to_load (self, 200, "{}", "* could not load a, and does not say why (status 200).");
  fail_to_load (self, 200, "{\"error\":{}}", "* could not load a, and does not say why (status 200).");
  fail_to_load (self, 200, "{\"status\":\"loaded\",\"error\":null}", "* could not load a, and does not say*");
  fail_to_load (self, 200, "no JSON", "* could not load a, and does not say why (status 200).");
  fail_to_load (self, 500, flood, "* could not load a, and does not say why (status 500).");
  fail_to_load (self, 500, body, "* could not load a: yyyyyy*\342\200\246.");
  g_assert_cmpuint (strlen (self->error), <, VMP_LIMIT_NODE_TEXT_CHARS + 100);
  g_assert_null (strstr (self->error, TOKEN));
}

static void
test_load_of_others (Fixture      *self,
                     gconstpointer data)
{
  vmp_registry_block (self->registry, self->node);
  vmp_loads_load (self->loads, self->a, 0, done_cb, self);
  await (self->n_done == 1);
  g_assert_nonnull (strstr (self->error, "is not approved."));
  vmp_registry_approve (self->registry, self->node);

  fake_node_answer (self->server, LIST, 404, NULL, "");
  fake_node_answer (self->server, "GET /v1/models", 200, NULL,
                    "{\"object\":\"list\",\"data\":[{\"id\":\"a\",\"object\":\"model\",\"owned_by\":\"me\"}]}");
  look (self);
  vmp_loads_unload (self->loads, self->a, NULL, FALSE, done_cb, self);
  await (self->n_done == 2);
  g_assert_nonnull (strstr (self->error, "cannot be told"));
}

/* -- The owner's unloads ------------------------------------------------------------------- */

static void
test_unload (Fixture      *self,
             gconstpointer data)
{
  set_list (self, 0, 2);
  look (self);
  fake_node_answer (self->server, UNLOAD, 200, NULL, "{\"instance_id\":\"b\"}");
  vmp_loads_unload (self->loads, self->b, NULL, FALSE, done_cb, self);
  await (fake_node_count (self->server, UNLOAD) == 1);
  assert_lead (self, self->b, VMP_LEAD_WAIT);
  set_list (self, 0, 0);
  await (self->n_done == 1);
  g_assert_cmpstr (self->error, ==, NULL);
  assert_events (self, "unloaded b, ");
  g_assert_cmpuint (fake_node_count (self->server, "{\"instance_id\":\"b\"}"), ==, 1);
  g_assert_cmpuint (fake_node_count (self->server, "{\"instance_id\":\"b:2\"}"), ==, 1);
  g_assert_false (self->b->loaded);
  assert_free (self);

  /* There is nothing to do then. */
  vmp_loads_unload (self->loads, self->b, NULL, FALSE, done_cb, self);
  await (self->n_done == 2);
  g_assert_cmpstr (self->error, ==, NULL);
  g_assert_cmpuint (fake_node_count (self->server, UNLOAD), ==, 2);
}

static void
test_unload_one_copy (Fixture      *self,
                      gconstpointer data)
{
  set_list (self, 0, 2);
  look (self);
  fake_node_answer (self->server, UNLOAD, 200, NULL, "{\"instance_id\":\"b:2\"}");
  vmp_loads_unload (self->loads, self->b, "b:2", FALSE, done_cb, self);
  await (fake_node_count (self->server, UNLOAD) == 1);
  set_list (self, 0, 1);
  await (self->n_done == 1);
  g_assert_cmpstr (self->error, ==, NULL);
  g_assert_cmpuint (fake_node_count (self->server, "{\"instance_id\":\"b\"}"), ==, 0);
  g_assert_true (self->b->loaded);
  assert_lead (self, self->b, VMP_LEAD_NONE);

  vmp_loads_unload (self->loads, self->b, "b:9\033", FALSE, done_cb, self);
  await (self->n_done == 2);
  g_assert_nonnull (strstr (self->error, "has no copy of b in memory that is called b:9\357\277\275."));
  assert_free (self);
}

static void
test_unload_answering (Fixture      *self,
                       gconstpointer data)
{
  begin (self, self->b);
  vmp_loads_unload (self->loads, self->b, NULL, FALSE, done_cb, self);
  await (self->n_done == 1);
  g_assert_nonnull (strstr (self->error, "b is answering on LM Studio at http://127.0.0.1:"));

  fake_node_answer (self->server, UNLOAD, 200, NULL, "{\"instance_id\":\"b\"}");
  vmp_loads_unload (self->loads, self->b, NULL, TRUE, done_cb, self);
  await (fake_node_count (self->server, UNLOAD) == 1);
  set_list (self, 0, 0);
  await (self->n_done == 2);
  g_assert_cmpstr (self->error, ==, NULL);
  end (self, self->b, VMP_TRAFFIC_FAILED);
}

static void
test_unload_fails (Fixture      *self,
                   gconstpointer data)
{
  set_list (self, 0, 2);
  look (self);
  fake_node_answer (self->server, UNLOAD, 500, NULL, "{\"error\":\"busy\"}");
  vmp_loads_unload (self->loads, self->b, NULL, FALSE, done_cb, self);
  await (self->n_done == 1);
  g_assert_nonnull (strstr (self->error, "could not unload b: busy."));
  g_assert_cmpuint (fake_node_count (self->server, UNLOAD), ==, 1);
  assert_events (self, "");
  assert_free (self);
  assert_lead (self, self->b, VMP_LEAD_NONE);

  /* Somebody else was faster. */
  fake_node_answer (self->server, UNLOAD, 404, NULL, "{\"error\":{\"message\":\"no such instance\"}}");
  vmp_loads_unload (self->loads, self->b, NULL, FALSE, done_cb, self);
  await (fake_node_count (self->server, UNLOAD) == 2);
  set_list (self, 0, 0);
  await (self->n_done == 2);
  g_assert_cmpstr (self->error, ==, NULL);
}

/* What the owner wants comes one after another. */
static void
test_one_after_another (Fixture      *self,
                        gconstpointer data)
{
  fake_node_answer (self->server, UNLOAD, 200, NULL, "{\"instance_id\":\"b\"}");
  fake_node_answer (self->server, LOAD, 200, NULL, LOADED_A);
  vmp_loads_unload (self->loads, self->b, NULL, FALSE, done_cb, self);
  vmp_loads_load (self->loads, self->a, 0, done_cb, self);
  await (fake_node_count (self->server, UNLOAD) == 1);
  g_assert_cmpuint (fake_node_count (self->server, LOAD), ==, 0);
  set_list (self, 0, 0);
  await (fake_node_count (self->server, LOAD) == 1);
  set_list (self, 1, 0);
  await (self->n_done == 2);
  g_assert_cmpstr (self->error, ==, NULL);
  assert_events (self, "unloaded b, started a, loaded a, ");
}

/* -- Nodes that go ------------------------------------------------------------------------- */

static void
test_removed (Fixture      *self,
              gconstpointer data)
{
  VmpNode *node = vmp_node_ref (self->node);

  begin_lead (self, self->a);
  vmp_loads_load (self->loads, self->a, 0, done_cb, self);
  vmp_loads_load (self->loads, self->b, 0, done_cb, self);
  vmp_loads_unload (self->loads, self->b, NULL, FALSE, done_cb, self);
  vmp_registry_forget (self->registry, self->node);
  assert_free (self);
  assert_events (self, "started a, failed a, ");
  await (self->n_done == 3);
  g_assert_cmpstr (self->error, ==, "The node was removed.");

  /* What the leader has to say comes too late. */
  settle (self, self->a);
  abandon (self, self->a, VMP_LEAD_LEFT, FALSE);
  assert_free (self);
  end (self, self->a, VMP_TRAFFIC_ABANDONED);
  vmp_node_unref (node);
}

static void
test_approval_withdrawn (Fixture      *self,
                         gconstpointer data)
{
  g_assert_true (vmp_loads_keep (self->loads, self->a));
  vmp_loads_load (self->loads, self->a, 0, done_cb, self);
  vmp_registry_block (self->registry, self->node);
  assert_free (self);
  await (self->n_done == 1);
  g_assert_cmpstr (self->error, ==, "The node is not approved any more.");
}

/* It is asked while its node goes: the question is broken off. */
static void
test_approval_withdrawn_while_asking (Fixture      *self,
                                      gconstpointer data)
{
  self->holds_load = TRUE;
  vmp_loads_load (self->loads, self->a, 0, done_cb, self);
  await (self->server->n_waiting == 1);
  vmp_registry_block (self->registry, self->node);
  assert_free (self);
  await (self->n_done == 1 && self->server->n_waiting == 0);
  g_assert_cmpuint (fake_node_count (self->server, LOAD), ==, 1);
}

static void
test_offline (Fixture      *self,
              gconstpointer data)
{
  begin (self, self->b);
  vmp_loads_load (self->loads, self->a, 0, done_cb, self);
  look (self);
  g_assert_true (vmp_loads_keep (self->loads, self->a));
  end (self, self->b, VMP_TRAFFIC_UNREACHABLE);
  assert_free (self);
  await (self->n_done == 1);
  g_assert_nonnull (self->error);
}

#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  ADD ("/loads/lead/proven", test_proven);
  ADD ("/loads/lead/other-servers", test_other_servers);
  ADD ("/loads/lead/cold", test_cold);
  ADD ("/loads/lead/progress", test_progress);
  ADD ("/loads/lead/not-certain", test_not_certain);
  ADD ("/loads/lead/certain-while-busy", test_certain_while_busy);
  ADD ("/loads/lead/busy-and-not-there", test_busy_and_not_there);
  ADD ("/loads/lead/not-certain-and-not-there", test_not_certain_and_not_there);
  ADD ("/loads/lead/look-first", test_look_first);
  ADD ("/loads/lead/look-first-in-vain", test_look_first_in_vain);
  ADD ("/loads/lead/not-while-others-answer", test_not_while_others_answer);
  ADD ("/loads/lead/check-has-an-end", test_check_has_an_end);
  ADD ("/loads/abandon/left", test_left);
  ADD ("/loads/abandon/left-before-the-look", test_left_before_the_look);
  ADD ("/loads/abandon/left-and-settled", test_left_and_settled);
  ADD ("/loads/abandon/failed", test_failed);
  ADD ("/loads/abandon/refused", test_refused);
  ADD ("/loads/abandon/off", test_off);
  ADD ("/loads/abandon/killed-after-silence", test_killed);
  ADD ("/loads/abandon/killed", test_killed_while_online);
  ADD ("/loads/asked/no-request-loads", test_no_request_loads);
  ADD ("/loads/asked/no-second-copy", test_no_second_copy);
  ADD ("/loads/asked/fails", test_asked_load_fails);
  ADD ("/loads/asked/lost", test_asked_load_lost);
  ADD ("/loads/keep/keep", test_keep);
  ADD ("/loads/keep/unkeep", test_unkeep);
  ADD ("/loads/owner/load", test_load);
  ADD ("/loads/owner/load-of-loaded", test_load_loaded);
  ADD ("/loads/owner/load-attaches", test_load_attaches);
  ADD ("/loads/owner/load-outlives-the-leader", test_load_outlives_the_leader);
  ADD ("/loads/owner/load-waits-for-others", test_load_waits_for_others);
  ADD ("/loads/owner/load-forgotten", test_load_forgotten);
  ADD ("/loads/owner/load-errors", test_load_errors);
  ADD ("/loads/owner/load-of-others", test_load_of_others);
  ADD ("/loads/owner/unload", test_unload);
  ADD ("/loads/owner/unload-one-copy", test_unload_one_copy);
  ADD ("/loads/owner/unload-answering", test_unload_answering);
  ADD ("/loads/owner/unload-fails", test_unload_fails);
  ADD ("/loads/owner/one-after-another", test_one_after_another);
  ADD ("/loads/gone/removed", test_removed);
  ADD ("/loads/gone/approval-withdrawn", test_approval_withdrawn);
  ADD ("/loads/gone/approval-withdrawn-while-asking", test_approval_withdrawn_while_asking);
  ADD ("/loads/gone/offline", test_offline);

  return g_test_run ();
}
