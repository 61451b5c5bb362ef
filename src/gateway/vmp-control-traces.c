/* SPDX-License-Identifier: MIT
 *
 * The control API's requests: those under way and the last ones that ended, each with how it was decided and what
 * became of it. The owner can end one that runs.
 */

#include "gateway/vmp-control.h"

#include "core/vmp-limits.h"

/* Requests that are listed when nobody says how many. */
#define DEFAULT_LIMIT 100

/* -- The list ------------------------------------------------------------------------------ */

typedef enum {
  ANY_STATE,
  RUNNING,
  ENDED
} State;

/* What is asked for. Strings belong to the query; NULL: any. */
typedef struct {
  guint64 limit;
  State state;
  const char *model;
  const char *node;
  const char *client_key;
} Selection;

static const char *
get_query (VmpControlRequest *request,
           const char        *name)
{
  return request->query != NULL ? g_hash_table_lookup (request->query, name) : NULL;
}

/* FALSE after having answered what is wrong. */
static gboolean
read_selection (VmpControlRequest *request,
                Selection         *selection)
{
  const char *limit = get_query (request, "limit");
  const char *state = get_query (request, "state");

  *selection = (Selection) {
    .limit = DEFAULT_LIMIT,
    .state = g_strcmp0 (state, "running") == 0 ? RUNNING : g_strcmp0 (state, "ended") == 0 ? ENDED : ANY_STATE,
    .model = get_query (request, "model"),
    .node = get_query (request, "node"),
    .client_key = get_query (request, "client_key"),
  };

  if (limit != NULL && !g_ascii_string_to_unsigned (limit, 10, 1, G_MAXUINT32, &selection->limit, NULL))
    {
      vmp_control_invalid (request, "query", "limit", "The limit must be a whole number, at least 1.", NULL);
      return FALSE;
    }
  if (state != NULL && selection->state == ANY_STATE)
    {
      vmp_control_invalid (request, "query", "state", "The state must be running or ended.", NULL);
      return FALSE;
    }

  return TRUE;
}

/* Whether one of its attempts was at that node, or for that model; NULL stands for any. */
static gboolean
has_attempt (const VmpTrace *trace,
             const char     *node,
             const char     *model)
{
  guint i;

  for (i = 0; i < trace->attempts->len; i++)
    {
      const VmpTraceAttempt *attempt = &g_array_index (trace->attempts, VmpTraceAttempt, i);

      if ((node == NULL || g_strcmp0 (attempt->node, node) == 0)
          && (model == NULL || g_strcmp0 (attempt->model, model) == 0))
        return TRUE;
    }

  return FALSE;
}

static gboolean
is_selected (const Selection *selection,
             const VmpTrace  *trace)
{
  if (selection->state != ANY_STATE && trace->is_ended != (selection->state == ENDED))
    return FALSE;
  if (selection->client_key != NULL && g_strcmp0 (trace->client_key, selection->client_key) != 0)
    return FALSE;
  if (selection->model != NULL && g_strcmp0 (trace->model, selection->model) != 0
      && !has_attempt (trace, NULL, selection->model))
    return FALSE;

  return selection->node == NULL || has_attempt (trace, selection->node, NULL);
}

static void
build_listed (gpointer     item,
              JsonBuilder *builder)
{
  vmp_trace_build_short (item, builder);
}

static void
handle_list (VmpControlRequest *request)
{
  g_autoptr (GPtrArray) all = NULL;
  g_autoptr (GPtrArray) selected = NULL;
  Selection selection;
  guint i;

  if (!read_selection (request, &selection))
    return;

  all = vmp_journal_list (request->gateway->journal);
  selected = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_trace_unref);
  for (i = 0; i < all->len && selected->len < selection.limit; i++)
    {
      VmpTrace *trace = g_ptr_array_index (all, i);

      if (is_selected (&selection, trace))
        g_ptr_array_add (selected, vmp_trace_ref (trace));
    }

  vmp_control_answer_list (request, g_steal_pointer (&selected), build_listed);
}

/* -- One ----------------------------------------------------------------------------------- */

/* The one of parameter 0, or NULL after having answered. */
static const VmpTrace *
find_trace (VmpControlRequest *request)
{
  const VmpTrace *trace = vmp_journal_find (request->gateway->journal, request->parameters[0]);
  g_autofree char *message = NULL;

  if (trace != NULL)
    return trace;

  message = g_strdup_printf ("There is no request with this id; the last %u that ended are remembered, until Vampire "
                             "stops.", request->gateway->settings->trace_limit);
  vmp_control_problem (request, VMP_PROBLEM_TRACE_NOT_FOUND, message, "trace not found");

  return NULL;
}

typedef void (*BuildTrace) (const VmpTrace *trace,
                            JsonBuilder    *builder);

static void
answer_trace (VmpControlRequest *request,
              BuildTrace         build)
{
  const VmpTrace *trace = find_trace (request);
  g_autoptr (JsonBuilder) builder = NULL;

  if (trace == NULL)
    return;

  builder = json_builder_new_immutable ();
  build (trace, builder);
  vmp_control_answer_built (request, SOUP_STATUS_OK, builder);
}

static void
handle_get (VmpControlRequest *request)
{
  answer_trace (request, vmp_trace_build_short);
}

static void
handle_trace (VmpControlRequest *request)
{
  answer_trace (request, vmp_trace_build);
}

static void
handle_cancel (VmpControlRequest *request)
{
  g_autoptr (JsonBuilder) builder = NULL;
  gboolean is_cancelled;

  if (find_trace (request) == NULL)
    return;

  is_cancelled = vmp_relay_cancel (request->gateway->relay, request->parameters[0]);
  builder = json_builder_new_immutable ();
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "id", request->parameters[0]);
  vmp_json_add_string (builder, "status", is_cancelled ? "cancelled" : "ended");
  json_builder_end_object (builder);
  vmp_control_answer_built (request, SOUP_STATUS_OK, builder);
}

/* -- The table ----------------------------------------------------------------------------- */

#define USAGE_FIELDS \
  { "prompt_tokens", VMP_FIELD_INT, TRUE, TRUE }, \
  { "completion_tokens", VMP_FIELD_INT, TRUE, TRUE }, \
  { "tokens_per_second", VMP_FIELD_NUMBER, TRUE, TRUE, .about = "After the first event." }

#define RESULT_FIELDS \
  { "status", VMP_FIELD_INT, TRUE, TRUE, .about = "Of HTTP." }, \
  { "outcome", VMP_FIELD_STRING, TRUE, TRUE, .about = "null while it runs." }, \
  { "problem", VMP_FIELD_STRING, TRUE, TRUE, .about = "The code of an error of the gateway's own." }

static const VmpField short_fields[] = {
  { "id", VMP_FIELD_STRING, TRUE },
  { "state", VMP_FIELD_STRING, TRUE, .about = "running or ended." },
  { "received_at", VMP_FIELD_STRING, TRUE },
  { "endpoint", VMP_FIELD_STRING, TRUE },
  { "model", VMP_FIELD_STRING, TRUE, TRUE, .about = "As the client named it." },
  { "node", VMP_FIELD_STRING, TRUE, TRUE, .about = "That it is at, or was at last." },
  { "node_model", VMP_FIELD_STRING, TRUE, TRUE, .about = "What the node was asked for." },
  { "route", VMP_FIELD_STRING, TRUE, TRUE },
  { "strategy", VMP_FIELD_STRING, TRUE, TRUE },
  { "client_key", VMP_FIELD_STRING, TRUE, TRUE },
  { "shared", VMP_FIELD_BOOLEAN, TRUE, .about = "It came from another computer." },
  { "stream", VMP_FIELD_BOOLEAN, TRUE },
  RESULT_FIELDS,
  { "attempts", VMP_FIELD_INT, TRUE },
  { "fallbacks", VMP_FIELD_INT, TRUE, .about = "Routes that stood aside for another one." },
  { "duration_ms", VMP_FIELD_NUMBER, TRUE, .about = "Until now, while it runs." },
  { "first_event_ms", VMP_FIELD_NUMBER, TRUE, TRUE },
  { "queued_ms", VMP_FIELD_NUMBER, TRUE, .about = "It waited for a place." },
  { "loading_ms", VMP_FIELD_NUMBER, TRUE, .about = "It waited for a model to be loaded." },
  USAGE_FIELDS,
  { NULL }
};

static const VmpField list_answer[] = {
  { "object", VMP_FIELD_STRING, TRUE },
  { "data", VMP_FIELD_OBJECTS, TRUE, .members = short_fields },
  { NULL }
};

static const VmpField request_fields[] = {
  { "endpoint", VMP_FIELD_STRING, TRUE },
  { "model", VMP_FIELD_STRING, TRUE, TRUE },
  { "mode", VMP_FIELD_STRING, TRUE, .about = "route, or passthrough for a model by its name." },
  { "stream", VMP_FIELD_BOOLEAN, TRUE },
  { "client_key", VMP_FIELD_STRING, TRUE, TRUE },
  { "shared", VMP_FIELD_BOOLEAN, TRUE },
  { NULL }
};

static const VmpField routing_fields[] = {
  { "route", VMP_FIELD_STRING, TRUE, TRUE },
  { "strategy", VMP_FIELD_STRING, TRUE, TRUE },
  { "candidate_nodes", VMP_FIELD_STRINGS, TRUE },
  { "selected_nodes", VMP_FIELD_STRINGS, TRUE, .about = "Those that were asked." },
  { "fallbacks", VMP_FIELD_INT, TRUE },
  { "prefix", VMP_FIELD_NUMBER, TRUE, TRUE, .about = "How much of the prompt the node had seen, from 0 to 1." },
  { "plan", VMP_FIELD_OBJECT, TRUE, TRUE,
    .about = "What was decided and by what, as a preview of a route shows it. null when it is not kept any more." },
  { NULL }
};

static const VmpField timing_fields[] = {
  { "received_at", VMP_FIELD_STRING, TRUE },
  { "completed_at", VMP_FIELD_STRING, TRUE, TRUE },
  { "latency_ms", VMP_FIELD_NUMBER, TRUE, .about = "All of it; until now, while it runs." },
  { "planning_ms", VMP_FIELD_NUMBER, TRUE },
  { "queued_ms", VMP_FIELD_NUMBER, TRUE },
  { "loading_ms", VMP_FIELD_NUMBER, TRUE },
  { "first_event_ms", VMP_FIELD_NUMBER, TRUE, TRUE },
  { NULL }
};

static const VmpField stage_fields[] = {
  { "id", VMP_FIELD_STRING, TRUE },
  { "node", VMP_FIELD_STRING, TRUE },
  { "model", VMP_FIELD_STRING, TRUE, TRUE },
  { "status", VMP_FIELD_STRING, TRUE, .about = "running, completed or failed." },
  { "latency_ms", VMP_FIELD_NUMBER, TRUE },
  { "http_status", VMP_FIELD_INT, TRUE, TRUE },
  { "reason", VMP_FIELD_STRING, TRUE, TRUE, .about = "Why it failed." },
  { "asked_ms", VMP_FIELD_NUMBER, TRUE, .about = "These are counted from when the request came." },
  { "answered_ms", VMP_FIELD_NUMBER, TRUE, TRUE },
  { "ended_ms", VMP_FIELD_NUMBER, TRUE, TRUE },
  { "load", VMP_FIELD_BOOLEAN, TRUE, .about = "The model was not loaded." },
  { "continued", VMP_FIELD_BOOLEAN, TRUE, .about = "It went on where another node broke off." },
  { NULL }
};

static const VmpField usage_fields[] = {
  USAGE_FIELDS,
  { NULL }
};

static const VmpField result_fields[] = {
  RESULT_FIELDS,
  { NULL }
};

static const VmpField trace_answer[] = {
  { "id", VMP_FIELD_STRING, TRUE },
  { "object", VMP_FIELD_STRING, TRUE },
  { "state", VMP_FIELD_STRING, TRUE },
  { "request", VMP_FIELD_OBJECT, TRUE, .members = request_fields },
  { "routing", VMP_FIELD_OBJECT, TRUE, .members = routing_fields },
  { "timing", VMP_FIELD_OBJECT, TRUE, .members = timing_fields },
  { "stages", VMP_FIELD_OBJECTS, TRUE, .members = stage_fields },
  { "usage", VMP_FIELD_OBJECT, TRUE, .members = usage_fields },
  { "result", VMP_FIELD_OBJECT, TRUE, .members = result_fields },
  { NULL }
};

static const VmpField cancelled_answer[] = {
  { "id", VMP_FIELD_STRING, TRUE },
  { "status", VMP_FIELD_STRING, TRUE, .about = "cancelled; or ended, when it was over before." },
  { NULL }
};

const VmpEndpoint vmp_control_trace_endpoints[] = {
  { "GET", "/vampire/v1/requests", handle_list, NULL,
    "Requests under way and the last ones that ended, the newest first of each; ?limit=, ?state=running or ended, "
    "?model=, ?node= and ?client_key= choose among them.", "listRequests", list_answer },
  { "GET", "/vampire/v1/requests/{id}", handle_get, NULL,
    "One request in short.", "getRequest", short_fields },
  { "DELETE", "/vampire/v1/requests/{id}", handle_cancel, NULL,
    "Ends a request that is under way.", "cancelRequest", cancelled_answer },
  { "GET", "/vampire/v1/traces/{id}", handle_trace, NULL,
    "One request with how it was decided, what was tried, and how long each part took.", "getTrace", trace_answer },
  { NULL }
};
