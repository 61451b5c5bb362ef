/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: /sim/v1/..., by which a test turns the knobs and looks at
 * what arrived. No LM Studio has it. No fault touches it.
 */

#include "sim-config.h"
#include "sim-downloads.h"
#include "sim-history.h"
#include "sim-json.h"
#include "sim-models.h"
#include "sim-route.h"
#include "sim-run.h"
#include "sim-stats.h"

#include <string.h>

#define DEFAULT_WAIT_MS 10000

static void
reply_error (SimExchange *exchange,
             guint        status,
             const char  *message)
{
  GString *body = g_string_new (NULL);
  SimJson json = { .out = body };

  sim_json_begin (&json, NULL, '{');
  sim_json_string (&json, "error", message);
  sim_json_end (&json, '}');
  sim_exchange_reply_json (exchange, status, body);
}

/* -- Knobs ----------------------------------------------------------------------------------- */

static void
apply_config (Sim *sim)
{
  sim_http_apply_config (sim->http);
  sim_models_config_changed (sim->models);
  sim_runs_config_changed (sim);
}

static void
reply_config (SimExchange *exchange)
{
  GString *body = g_string_sized_new (2048);

  sim_config_write (exchange->sim->config, body);
  sim_exchange_reply_json (exchange, 200, body);
}

static void
take_config (SimExchange *exchange)
{
  Sim *sim = exchange->sim;
  g_autoptr (JsonNode) root = NULL;
  g_autoptr (SimConfig) config = sim_config_copy (sim->config);
  g_autoptr (GError) error = NULL;

  root = sim_json_parse ((const char *) exchange->body->data, exchange->body->len, &error);
  if (root != NULL && !JSON_NODE_HOLDS_OBJECT (root))
    g_set_error (&error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "the knobs must be an object");
  if (error != NULL || !sim_config_take_json (config, json_node_get_object (root), &error))
    {
      reply_error (exchange, 400, error->message);
      return;
    }
  sim_config_free (sim->config);
  sim->config = g_steal_pointer (&config);
  apply_config (sim);
  reply_config (exchange);
}

static void
reset (SimExchange *exchange)
{
  Sim *sim = exchange->sim;

  sim_http_drop (sim->http, FALSE, SIM_BY_FIN);
  sim_config_free (sim->config);
  sim->config = sim_config_copy (sim->start_config);
  sim_models_reset (sim->models);
  sim_downloads_reset (sim->downloads);
  sim_history_clear (sim->history);
  sim_stats_reset (sim->stats);
  apply_config (sim);
  reply_config (exchange);
}

static void
drop (SimExchange *exchange)
{
  g_autoptr (JsonNode) root = sim_json_parse ((const char *) exchange->body->data, exchange->body->len, NULL);
  JsonObject *request = sim_json_as_object (root);
  gboolean idle_only = g_strcmp0 (sim_json_get_string (request, "connections"), "idle") == 0;
  gboolean by_rst = g_strcmp0 (sim_json_get_string (request, "by"), "rst") == 0;

  sim_http_drop (exchange->sim->http, idle_only, by_rst ? SIM_BY_RST : SIM_BY_FIN);
  sim_exchange_reply (exchange, 200, "application/json; charset=utf-8", "{}", -1);
}

/* -- Statistics ------------------------------------------------------------------------------ */

static void
reply_stats (SimExchange *exchange)
{
  GString *body = g_string_sized_new (4096);

  sim_stats_write (exchange->sim->stats, body);
  sim_exchange_reply_json (exchange, 200, body);
}

static void
wait_over (gboolean reached,
           gpointer data)
{
  SimExchange *exchange = data;
  GString *body;

  /* The gone function would cancel the wait, which is over. */
  sim_exchange_watch (exchange, NULL, NULL, NULL);
  if (reached)
    {
      reply_stats (exchange);
      return;
    }
  body = g_string_sized_new (4096);
  sim_stats_write (exchange->sim->stats, body);
  sim_exchange_reply_json (exchange, 408, body);
}

static void
waiter_gone (SimExchange *exchange,
             SimGone      gone,
             gpointer     data)
{
  sim_stats_cancel_wait (exchange->sim->stats, data);
}

static void
wait_for_counter (SimExchange *exchange)
{
  const char *query = exchange->head->query;
  g_autoptr (GHashTable) parameters = g_uri_parse_params (query != NULL ? query : "", -1, "&", G_URI_PARAMS_NONE, NULL);
  const char *counter = parameters != NULL ? g_hash_table_lookup (parameters, "counter") : NULL;
  const char *at_least = parameters != NULL ? g_hash_table_lookup (parameters, "at_least") : NULL;
  const char *at_most = parameters != NULL ? g_hash_table_lookup (parameters, "at_most") : NULL;
  const char *timeout = parameters != NULL ? g_hash_table_lookup (parameters, "timeout_ms") : NULL;
  SimCount count;
  SimWait *wait;

  if (counter == NULL || !sim_stats_find (counter, &count) || (at_least == NULL && at_most == NULL))
    {
      reply_error (exchange, 400, "say counter=NAME (one of the numbers of /sim/v1/stats) and at_least=N or at_most=N");
      return;
    }
  wait = sim_stats_wait (exchange->sim->stats, count,
                         at_least != NULL ? g_ascii_strtoll (at_least, NULL, 10) : G_MININT64,
                         at_most != NULL ? g_ascii_strtoll (at_most, NULL, 10) : G_MAXINT64,
                         timeout != NULL ? CLAMP (g_ascii_strtod (timeout, NULL), 0, 1e8) : DEFAULT_WAIT_MS, wait_over,
                         exchange);
  sim_exchange_watch (exchange, waiter_gone, NULL, wait);
}

void
sim_control (SimExchange *exchange)
{
  static const struct {
    const char *method;
    const char *path;
    void (*answer) (SimExchange *exchange);
  } routes[] = {
    { "GET", "/sim/v1/config", reply_config },
    { "POST", "/sim/v1/config", take_config },
    { "GET", "/sim/v1/stats", reply_stats },
    { "GET", "/sim/v1/wait", wait_for_counter },
    { "POST", "/sim/v1/reset", reset },
    { "POST", "/sim/v1/drop", drop },
  };

  for (guint i = 0; i < G_N_ELEMENTS (routes); i++)
    if (strcmp (routes[i].path, exchange->head->path) == 0 && strcmp (routes[i].method, exchange->head->method) == 0)
      {
        routes[i].answer (exchange);
        return;
      }

  reply_error (exchange, 404, "/sim/v1/ has config, stats, wait, reset and drop");
}
