/* SPDX-License-Identifier: MIT
 *
 * The control API's loads: the owner has a node load a model, or give its memory back. Loads that requests bring about
 * are followed as events, like these.
 */

#include "gateway/vmp-control.h"

#include "core/vmp-limits.h"

/* Nodes that a message names. */
#define NAMED_NODES 16

/* -- Which one is meant -------------------------------------------------------------------- */

/* Several nodes have it, and only the owner knows which. */
static void
ask_which (VmpControlRequest *request,
           GPtrArray         *hosts)
{
  g_autoptr (GString) names = g_string_new (NULL);
  g_autofree char *message = NULL;
  guint i;

  for (i = 0; i < hosts->len && i < NAMED_NODES; i++)
    {
      const VmpHost *host = g_ptr_array_index (hosts, i);

      g_string_append_printf (names, "%s%s", i > 0 ? ", " : "", host->node->id);
    }
  if (hosts->len > NAMED_NODES)
    g_string_append (names, ", …");

  message = g_strdup_printf ("%u nodes have this model; say which one is meant with \"node\": %s.", hosts->len,
                             names->str);
  vmp_control_problem (request, VMP_PROBLEM_BAD_REQUEST, message, NULL);
}

/* The node that the body names, or NULL after having answered. */
static VmpNode *
find_node (VmpControlRequest *request,
           const char        *id)
{
  VmpNode *node = vmp_registry_find (request->gateway->registry, id);
  g_autofree char *message = NULL;

  if (node == NULL)
    {
      vmp_control_problem (request, VMP_PROBLEM_NODE_NOT_FOUND, "There is no node with this id.", "node not found");
      return NULL;
    }

  /* Nothing is asked of a node that nobody has approved. */
  if (!vmp_node_is_listed (node))
    {
      message = g_strdup_printf ("The node %s cannot be asked now: it is %s.", vmp_node_get_label (node),
                                 node->approval == VMP_APPROVAL_APPROVED ? vmp_node_get_status (node)
                                                                         : vmp_approval_to_string (node->approval));
      vmp_control_problem (request, VMP_PROBLEM_CONFLICT, message, NULL);
      return NULL;
    }

  return node;
}

/* The model of the node that is meant, as request->host; FALSE after having answered. @node_id: (nullable) */
static gboolean
find_host (VmpControlRequest *request,
           const char        *model,
           const char        *node_id)
{
  GPtrArray *hosts = NULL;
  VmpNode *node = NULL;
  VmpHost *host = NULL;

  if (node_id != NULL)
    {
      node = find_node (request, node_id);
      if (node == NULL)
        return FALSE;
      host = vmp_node_find_host (node, model);
    }
  else
    {
      hosts = vmp_registry_find_hosts (request->gateway->registry, model);
      if (hosts != NULL && hosts->len > 1)
        {
          ask_which (request, hosts);
          return FALSE;
        }
      if (hosts != NULL && hosts->len == 1)
        host = g_ptr_array_index (hosts, 0);
    }

  if (host == NULL)
    {
      vmp_control_problem (request, VMP_PROBLEM_MODEL_NOT_FOUND,
                           node != NULL ? "This node has no model with this id."
                                        : "No node that can be asked now has a model with this id.", "model not found");
      return FALSE;
    }

  request->host = vmp_host_ref (host);
  request->node = vmp_node_ref (host->node);

  return TRUE;
}

static gboolean
has_instance (const VmpHost *host,
              const char    *instance)
{
  guint i;

  for (i = 0; i < host->model->instances->len; i++)
    {
      if (g_str_equal (((VmpModelInstance *) g_ptr_array_index (host->model->instances, i))->id, instance))
        return TRUE;
    }

  return FALSE;
}

/* The same by the id of a copy in memory. The first copy of a model goes by the model's own id. */
static gboolean
find_host_of_instance (VmpControlRequest *request,
                       const char        *instance,
                       const char        *node_id)
{
  VmpHost *host = vmp_registry_find_instance (request->gateway->registry, instance);
  VmpNode *node = NULL;
  guint i;

  if (node_id != NULL)
    {
      node = find_node (request, node_id);
      if (node == NULL)
        return FALSE;

      host = NULL;
      for (i = 0; i < node->hosts->len && host == NULL; i++)
        {
          if (has_instance (g_ptr_array_index (node->hosts, i), instance))
            host = g_ptr_array_index (node->hosts, i);
        }
    }
  if (host == NULL)
    return find_host (request, instance, node_id);

  request->host = vmp_host_ref (host);
  request->node = vmp_node_ref (host->node);

  return TRUE;
}

/* -- Answering ----------------------------------------------------------------------------- */

static void
answer (VmpControlRequest *request,
        guint              status,
        const char        *word,
        const char        *instance,
        gint64             duration_ms)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "object", "vampire.load");
  vmp_json_add_string (builder, "node", request->node->id);
  vmp_json_add_string (builder, "model", request->host->model_id);
  vmp_json_add_string (builder, "instance_id", instance);
  vmp_json_add_string (builder, "status", word);
  if (duration_ms > 0)
    vmp_json_add_double (builder, "load_time_seconds", duration_ms / 1000.0);
  else
    vmp_json_add_null (builder, "load_time_seconds");
  json_builder_end_object (builder);
  vmp_control_answer_built (request, status, builder);
}

/* What goes by the model's id, when it is in memory. */
static const char *
first_instance (const VmpHost *host)
{
  return host->model->instances->len > 0 ? ((VmpModelInstance *) g_ptr_array_index (host->model->instances, 0))->id
                                         : NULL;
}

static void
loaded_cb (gpointer    user_data,
           const char *error,
           const char *instance,
           gint64      duration_ms)
{
  VmpControlRequest *request = user_data;

  if (error != NULL)
    vmp_control_problem (request, VMP_PROBLEM_LOAD_FAILED, error, NULL);
  else
    answer (request, SOUP_STATUS_OK, "loaded", instance != NULL ? instance : first_instance (request->host),
            duration_ms);
}

static void
unloaded_cb (gpointer    user_data,
             const char *error,
             const char *instance,
             gint64      duration_ms)
{
  VmpControlRequest *request = user_data;

  if (error != NULL)
    vmp_control_problem (request, VMP_PROBLEM_LOAD_FAILED, error, NULL);
  else
    answer (request, SOUP_STATUS_OK, "unloaded", vmp_json_get_string (request->body, "instance_id"), 0);
}

/* Nobody waits for it; what became of it is told as an event. */
static void
unwatched_cb (gpointer    user_data,
              const char *error,
              const char *instance,
              gint64      duration_ms)
{
}

static void
stop_waiting (VmpControlRequest *request)
{
  vmp_loads_forget_caller (vmp_relay_get_loads (request->gateway->relay), request);
}

/* -- The handlers -------------------------------------------------------------------------- */

static void
handle_load (VmpControlRequest *request)
{
  VmpLoads *loads = vmp_relay_get_loads (request->gateway->relay);
  gint64 context_length = 0;
  gboolean waits = TRUE;

  if (!find_host (request, vmp_json_get_string (request->body, "model"), vmp_json_get_string (request->body, "node")))
    return;
  vmp_json_get_int (request->body, "context_length", &context_length);
  vmp_json_get_boolean (request->body, "wait", &waits);

  if (waits)
    {
      vmp_control_wait_for (request, stop_waiting);
      vmp_loads_load (loads, request->host, context_length, loaded_cb, request);
    }
  else if (request->host->loaded)
    {
      answer (request, SOUP_STATUS_OK, "loaded", first_instance (request->host), 0);
    }
  else
    {
      vmp_loads_load (loads, request->host, context_length, unwatched_cb, request->gateway);
      answer (request, SOUP_STATUS_ACCEPTED, "loading", NULL, 0);
    }
}

static void
handle_unload (VmpControlRequest *request)
{
  const char *model = vmp_json_get_string (request->body, "model");
  const char *node = vmp_json_get_string (request->body, "node");
  const char *instance = vmp_json_get_string (request->body, "instance_id");
  gboolean force = FALSE;

  if (model == NULL && instance == NULL)
    {
      vmp_control_invalid (request, "body", "model", "Say what to unload: a model, or the instance_id of one copy.",
                           NULL);
      return;
    }
  if (model != NULL ? !find_host (request, model, node) : !find_host_of_instance (request, instance, node))
    return;

  vmp_json_get_boolean (request->body, "force", &force);
  if (!force && request->host->active > 0)
    {
      vmp_control_problem (request, VMP_PROBLEM_MODEL_IN_USE,
                           "The model is answering somebody. Wait for that, or unload it with \"force\".", NULL);
      return;
    }

  vmp_control_wait_for (request, stop_waiting);
  vmp_loads_unload (vmp_relay_get_loads (request->gateway->relay), request->host, instance, force, unloaded_cb,
                    request);
}

/* -- Events -------------------------------------------------------------------------------- */

void
vmp_control_publish_load (VmpGateway         *gateway,
                          const VmpLoadEvent *event)
{
  const VmpNode *node = event->host->node;
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "node", node != NULL ? node->id : NULL);
  vmp_json_add_string (builder, "model", event->host->model_id);
  vmp_json_add_string (builder, "state", vmp_load_state_to_string (event->state));
  if (event->progress >= 0)
    vmp_json_add_double (builder, "progress", event->progress);
  else
    vmp_json_add_null (builder, "progress");
  vmp_json_add_string (builder, "reason", event->reason);
  vmp_json_add_int (builder, "duration_ms", event->duration_ms);
  json_builder_end_object (builder);
  vmp_events_add (gateway->events, "load", vmp_json_builder_print (builder));
}

/* -- The table ----------------------------------------------------------------------------- */

static const VmpField load_fields[] = {
  { "model", VMP_FIELD_STRING, TRUE, .min = 1, .max = VMP_LIMIT_MODEL_ID_CHARS },
  { "node", VMP_FIELD_STRING, .nullable = TRUE, .min = 1, .max = VMP_LIMIT_ID_CHARS,
    .about = "May be left out when only one node has the model." },
  { "context_length", VMP_FIELD_INT, .nullable = TRUE, .min = 1, .max = VMP_LIMIT_MODEL_CONTEXT,
    .about = "Tokens; as the node has it when it is not given." },
  { "wait", VMP_FIELD_BOOLEAN, .nullable = TRUE,
    .about = "Answer when it is loaded, which is the default; false: at once with 202, and the rest as events." },
  { NULL }
};

static const VmpField unload_fields[] = {
  { "model", VMP_FIELD_STRING, .nullable = TRUE, .min = 1, .max = VMP_LIMIT_MODEL_ID_CHARS,
    .about = "All its copies on the node." },
  { "node", VMP_FIELD_STRING, .nullable = TRUE, .min = 1, .max = VMP_LIMIT_ID_CHARS,
    .about = "May be left out when only one node has the model." },
  { "instance_id", VMP_FIELD_STRING, .nullable = TRUE, .min = 1, .max = VMP_LIMIT_MODEL_ID_CHARS,
    .about = "One copy." },
  { "force", VMP_FIELD_BOOLEAN, .nullable = TRUE, .about = "Also while it answers." },
  { NULL }
};

static const VmpField load_answer[] = {
  { "object", VMP_FIELD_STRING, TRUE },
  { "node", VMP_FIELD_STRING, TRUE },
  { "model", VMP_FIELD_STRING, TRUE },
  { "instance_id", VMP_FIELD_STRING, TRUE, TRUE },
  { "status", VMP_FIELD_STRING, TRUE, .about = "loaded, loading or unloaded." },
  { "load_time_seconds", VMP_FIELD_NUMBER, TRUE, TRUE },
  { NULL }
};

const VmpEndpoint vmp_control_load_endpoints[] = {
  { "POST", "/vampire/v1/models/load", handle_load, load_fields,
    "Has a node load a model. One that is loaded stays as it is.", "loadModel", load_answer },
  { "POST", "/vampire/v1/models/unload", handle_unload, unload_fields,
    "Has a node give a model's memory back. One that is answering is left alone, unless it is forced.", "unloadModel",
    load_answer },
  { NULL }
};
