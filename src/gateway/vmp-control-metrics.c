/* SPDX-License-Identifier: MIT
 *
 * Counts and gauges: as a document for people's programs, and as text for Prometheus. Nothing here changes anything.
 */

#include "gateway/vmp-control.h"

#include <string.h>
#include <unistd.h>

#include "core/vmp-limits.h"
#include "core/vmp-text.h"
#include "relay/vmp-prometheus.h"
#include "vmp-config.h"

/* -- The document -------------------------------------------------------------------------- */

/* Requests that wait here, and those of which nodes' agents say that they wait there. */
static guint64
count_waiting (VmpGateway *gateway)
{
  GPtrArray *nodes = vmp_registry_get_nodes (gateway->registry);
  guint64 n = vmp_queue_count_all (vmp_relay_get_queue (gateway->relay));
  guint i;

  for (i = 0; i < nodes->len; i++)
    n += ((VmpNode *) g_ptr_array_index (nodes, i))->queue_depth;

  return n;
}

static guint64
count_active (VmpGateway *gateway)
{
  GPtrArray *nodes = vmp_registry_get_nodes (gateway->registry);
  guint64 n = 0;
  guint i;

  for (i = 0; i < nodes->len; i++)
    n += ((VmpNode *) g_ptr_array_index (nodes, i))->active_requests;

  return n;
}

static void
build_cluster (VmpGateway  *gateway,
               JsonBuilder *builder)
{
  const VmpCounts *totals = vmp_journal_get_totals (gateway->journal);

  json_builder_set_member_name (builder, "cluster");
  json_builder_begin_object (builder);
  vmp_json_add_int (builder, "nodes_online", vmp_registry_count (gateway->registry, VMP_NODE_ONLINE));
  vmp_json_add_int (builder, "nodes_offline", vmp_registry_count (gateway->registry, VMP_NODE_OFFLINE));
  vmp_json_add_int (builder, "active_requests", count_active (gateway));
  vmp_json_add_int (builder, "queue_depth", count_waiting (gateway));
  vmp_json_add_double (builder, "tokens_per_second",
                       vmp_journal_get_rate (gateway->journal, g_get_monotonic_time ()));
  vmp_json_add_int (builder, "requests_total", totals->requests);
  vmp_json_add_int (builder, "errors_total", totals->errors);
  vmp_json_add_int (builder, "retries", totals->retries);
  vmp_json_add_int (builder, "loads", totals->loads);
  vmp_json_add_int (builder, "loads_in_flight", vmp_loads_count (vmp_relay_get_loads (gateway->relay)));
  json_builder_end_object (builder);
}

static void
build_model (VmpGateway     *gateway,
             const VmpModel *model,
             gint64          now,
             JsonBuilder    *builder)
{
  GPtrArray *hosts = vmp_registry_find_hosts (gateway->registry, model->id);
  guint n_hosts = hosts != NULL ? hosts->len : 0;
  guint64 active = 0;
  guint i;

  for (i = 0; i < n_hosts; i++)
    active += ((VmpHost *) g_ptr_array_index (hosts, i))->active;

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "model", model->id);
  vmp_json_add_int (builder, "nodes", n_hosts);
  vmp_journal_build_model (gateway->journal, model->id, now, builder);
  vmp_json_add_int (builder, "active_requests", active);
  vmp_json_add_int (builder, "queued", vmp_queue_count (vmp_relay_get_queue (gateway->relay), model->id));
  json_builder_end_object (builder);
}

static void
build_models (VmpGateway  *gateway,
              JsonBuilder *builder)
{
  g_autoptr (GPtrArray) models = vmp_registry_dup_models (gateway->registry);
  gint64 now = g_get_monotonic_time ();
  guint i;

  json_builder_set_member_name (builder, "models");
  json_builder_begin_array (builder);
  for (i = 0; i < models->len; i++)
    build_model (gateway, g_ptr_array_index (models, i), now, builder);
  json_builder_end_array (builder);
}

/* Requests that the models in its memory answer at a time, as far as that is limited; 0: it is not, or not known. */
static guint
count_slots (const VmpNode *node)
{
  guint slots = 0;
  guint i;

  for (i = 0; i < node->hosts->len; i++)
    {
      const VmpHost *host = g_ptr_array_index (node->hosts, i);

      if (host->loaded)
        slots += vmp_host_get_slots (host);
    }

  return slots;
}

static void
build_node (gpointer     item,
            JsonBuilder *builder)
{
  const VmpNode *node = item;
  guint slots = count_slots (node);

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "node", node->id);
  vmp_json_add_string (builder, "health", vmp_node_health_to_string (node->health));
  vmp_json_add_int (builder, "requests_total", node->requests_total);
  vmp_json_add_int (builder, "errors_total", node->errors_total);
  vmp_control_add_milliseconds (builder, "avg_latency_ms", node->avg_latency_ms);
  vmp_json_add_string (builder, "status", vmp_node_get_status (node));
  vmp_json_add_int (builder, "active_requests", node->active_requests);
  if (slots > 0)
    vmp_json_add_int (builder, "slots", slots);
  else
    vmp_json_add_null (builder, "slots");
  vmp_json_add_int (builder, "queue_depth", node->queue_depth);
  vmp_json_add_string (builder, "breaker", vmp_breaker_state_to_string (node->breaker.state));
  vmp_control_add_rate (builder, "tokens_per_second", node->tokens_per_second);
  json_builder_end_object (builder);
}

static void
handle_metrics (VmpControlRequest *request)
{
  VmpGateway *gateway = request->gateway;
  GPtrArray *nodes = vmp_registry_get_nodes (gateway->registry);
  g_autoptr (GPtrArray) items = g_ptr_array_new_full (nodes->len, (GDestroyNotify) vmp_node_unref);
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();
  guint i;

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "object", "vampire.metrics");
  build_cluster (gateway, builder);
  build_models (gateway, builder);
  json_builder_end_object (builder);
  for (i = 0; i < nodes->len; i++)
    g_ptr_array_add (items, vmp_node_ref (g_ptr_array_index (nodes, i)));

  vmp_control_answer_long (request, builder, "nodes", g_steal_pointer (&items), build_node);
}

/* -- For Prometheus ------------------------------------------------------------------------ */

typedef void (*PrintNode) (const VmpNode *node,
                           const char    *name,
                           GString       *out);

static void
print_up (const VmpNode *node,
          const char    *name,
          GString       *out)
{
  gboolean is_up = node->health == VMP_NODE_ONLINE || node->health == VMP_NODE_DEGRADED;

  vmp_prometheus_int (out, name, is_up, "node", node->id, NULL);
}

static void
print_in_flight (const VmpNode *node,
                 const char    *name,
                 GString       *out)
{
  vmp_prometheus_int (out, name, node->active_requests, "node", node->id, NULL);
}

/* One sample for each state, of which one is 1. */
static void
print_breaker (const VmpNode *node,
               const char    *name,
               GString       *out)
{
  guint i;

  for (i = 0; i < VMP_N_BREAKER_STATES; i++)
    vmp_prometheus_int (out, name, node->breaker.state == i, "node", node->id, "state", vmp_breaker_state_to_string (i),
                        NULL);
}

static void
print_openings (const VmpNode *node,
                const char    *name,
                GString       *out)
{
  vmp_prometheus_int (out, name, node->breaker_openings, "node", node->id, NULL);
}

static const struct {
  const char *name;
  const char *type;
  const char *help;
  PrintNode print;
} node_families[] = {
  { "vampire_node_up", "gauge", "Whether the node answers.", print_up },
  { "vampire_requests_in_flight", "gauge", "Requests that are at the node.", print_in_flight },
  { "vampire_node_breaker_state", "gauge", "Whether the node's circuit breaker is in that state.", print_breaker },
  { "vampire_node_breaker_openings_total", "counter", "How often the node's circuit breaker has opened.",
    print_openings },
};

/* Of the nodes that the owner has approved: others come and go as somebody announces them. */
static void
print_nodes (VmpGateway *gateway,
             GString    *out)
{
  GPtrArray *nodes = vmp_registry_get_nodes (gateway->registry);
  guint i;
  guint j;

  for (i = 0; i < G_N_ELEMENTS (node_families); i++)
    {
      vmp_prometheus_family (out, node_families[i].name, node_families[i].type, node_families[i].help);
      for (j = 0; j < nodes->len; j++)
        {
          const VmpNode *node = g_ptr_array_index (nodes, j);

          if (node->approval == VMP_APPROVAL_APPROVED)
            node_families[i].print (node, node_families[i].name, out);
        }
    }
}

/* The two families of the queue, which are made in one go. */
typedef struct {
  gint64 now;
  GString *lengths;
  GString *waits;
} QueueText;

static void
print_queue_of_model (const char *model,
                      guint       count,
                      gint64      oldest,
                      gpointer    user_data)
{
  QueueText *self = user_data;
  g_autofree char *plain = vmp_text_display (model, VMP_LIMIT_MODEL_ID_CHARS);

  vmp_prometheus_int (self->lengths, "vampire_queue_length", count, "model", plain, NULL);
  vmp_prometheus_double (self->waits, "vampire_queue_wait_seconds", (self->now - oldest) / (double) G_USEC_PER_SEC,
                         "model", plain, NULL);
}

static void
print_queue (VmpGateway *gateway,
             GString    *out)
{
  g_autoptr (GString) lengths = g_string_new (NULL);
  g_autoptr (GString) waits = g_string_new (NULL);
  QueueText text = { g_get_monotonic_time (), lengths, waits };

  vmp_queue_for_each_model (vmp_relay_get_queue (gateway->relay), print_queue_of_model, &text);
  vmp_prometheus_family (out, "vampire_queue_length", "gauge", "Requests that wait for a place, by model asked for.");
  g_string_append_len (out, lengths->str, lengths->len);
  vmp_prometheus_family (out, "vampire_queue_wait_seconds", "gauge", "How long the longest-waiting one has waited.");
  g_string_append_len (out, waits->str, waits->len);
}

/* Bytes; 0 where there is no such file. */
static guint64
read_resident_bytes (void)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) fields = NULL;

  if (!g_file_get_contents ("/proc/self/statm", &text, NULL, NULL))
    return 0;

  fields = g_strsplit (text, " ", 3);

  return fields[0] != NULL && fields[1] != NULL
           ? g_ascii_strtoull (fields[1], NULL, 10) * (guint64) sysconf (_SC_PAGESIZE)
           : 0;
}

static void
print_gauge (GString    *out,
             const char *name,
             const char *help,
             guint64     value)
{
  vmp_prometheus_family (out, name, "gauge", help);
  vmp_prometheus_int (out, name, value, NULL);
}

static void
print_process (VmpGateway *gateway,
               GString    *out)
{
  guint64 resident = read_resident_bytes ();

  print_gauge (out, "vampire_loads_in_flight", "Models that are being loaded.",
               vmp_loads_count (vmp_relay_get_loads (gateway->relay)));
  vmp_prometheus_family (out, "vampire_build_info", "gauge", "The version, as a label of what is always 1.");
  vmp_prometheus_int (out, "vampire_build_info", 1, "version", VMP_VERSION, NULL);
  print_gauge (out, "vampire_uptime_seconds", "For how long the gateway has run.",
               vmp_gateway_get_uptime_seconds (gateway));
  if (resident > 0)
    print_gauge (out, "process_resident_memory_bytes", "Resident memory size in bytes.", resident);
}

static void
handle_prometheus (VmpControlRequest *request)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (request->message);
  GString *text = g_string_new (NULL);
  gsize len;

  vmp_journal_print_prometheus (request->gateway->journal, text);
  print_nodes (request->gateway, text);
  print_queue (request->gateway, text);
  print_process (request->gateway, text);

  len = text->len;
  soup_server_message_set_status (request->message, SOUP_STATUS_OK, NULL);
  soup_message_headers_replace (headers, "Cache-Control", "no-store");
  soup_server_message_set_response (request->message, "text/plain; version=0.0.4; charset=utf-8", SOUP_MEMORY_TAKE,
                                    g_string_free (text, FALSE), len);
}

/* -- The table ----------------------------------------------------------------------------- */

static const VmpField cluster_fields[] = {
  { "nodes_online", VMP_FIELD_INT, TRUE },
  { "nodes_offline", VMP_FIELD_INT, TRUE },
  { "active_requests", VMP_FIELD_INT, TRUE },
  { "queue_depth", VMP_FIELD_INT, TRUE, .about = "Requests that wait, here or at nodes whose agents say so." },
  { "tokens_per_second", VMP_FIELD_NUMBER, TRUE, .about = "Of all answers together, over the last seconds." },
  { "requests_total", VMP_FIELD_INT, TRUE },
  { "errors_total", VMP_FIELD_INT, TRUE },
  { "retries", VMP_FIELD_INT, TRUE, .about = "Attempts at another node after one had failed." },
  { "loads", VMP_FIELD_INT, TRUE },
  { "loads_in_flight", VMP_FIELD_INT, TRUE },
  { NULL }
};

static const VmpField model_fields[] = {
  { "model", VMP_FIELD_STRING, TRUE },
  { "nodes", VMP_FIELD_INT, TRUE, .about = "How many nodes serve it." },
  { "requests_1h", VMP_FIELD_INT, TRUE, .about = "Within the last hour, as are the averages and the rate." },
  { "requests_total", VMP_FIELD_INT, TRUE },
  { "errors_total", VMP_FIELD_INT, TRUE },
  { "avg_latency_ms", VMP_FIELD_NUMBER, TRUE, TRUE, .about = "Of a whole request." },
  { "avg_ttft_ms", VMP_FIELD_NUMBER, TRUE, TRUE, .about = "To the first event." },
  { "avg_tokens_per_second", VMP_FIELD_NUMBER, TRUE, TRUE },
  { "error_rate", VMP_FIELD_NUMBER, TRUE, .about = "From 0 to 1." },
  { "prompt_tokens", VMP_FIELD_INT, TRUE },
  { "completion_tokens", VMP_FIELD_INT, TRUE },
  { "active_requests", VMP_FIELD_INT, TRUE },
  { "queued", VMP_FIELD_INT, TRUE },
  { NULL }
};

static const VmpField node_fields[] = {
  { "node", VMP_FIELD_STRING, TRUE },
  { "health", VMP_FIELD_STRING, TRUE },
  { "requests_total", VMP_FIELD_INT, TRUE },
  { "errors_total", VMP_FIELD_INT, TRUE },
  { "avg_latency_ms", VMP_FIELD_NUMBER, TRUE, TRUE },
  { "status", VMP_FIELD_STRING, TRUE },
  { "active_requests", VMP_FIELD_INT, TRUE },
  { "slots", VMP_FIELD_INT, TRUE, TRUE, .about = "Requests that its loaded models answer at a time." },
  { "queue_depth", VMP_FIELD_INT, TRUE },
  { "breaker", VMP_FIELD_STRING, TRUE },
  { "tokens_per_second", VMP_FIELD_NUMBER, TRUE, TRUE },
  { NULL }
};

static const VmpField metrics_answer[] = {
  { "object", VMP_FIELD_STRING, TRUE },
  { "cluster", VMP_FIELD_OBJECT, TRUE, .members = cluster_fields },
  { "models", VMP_FIELD_OBJECTS, TRUE, .members = model_fields },
  { "nodes", VMP_FIELD_OBJECTS, TRUE, .members = node_fields },
  { NULL }
};

const VmpEndpoint vmp_control_metric_endpoints[] = {
  { "GET", "/vampire/v1/metrics", handle_metrics, NULL,
    "Counts of requests, by model and by node.", "getMetrics", metrics_answer },
  { "GET", "/metrics", handle_prometheus, NULL,
    "The counts in the text format of Prometheus.", "getPrometheusMetrics", NULL },
  { NULL }
};
