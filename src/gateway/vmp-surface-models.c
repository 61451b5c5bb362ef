/* SPDX-License-Identifier: MIT
 *
 * Implementation of the models surface.
 */

#include "gateway/vmp-surface-models.h"

#include "core/vmp-json.h"
#include "core/vmp-text.h"
#include "routing/vmp-router.h"

#include <string.h>

#define PATH "/v1/models"

/* What is known counts as fresh for this many rounds of health checks. */
#define FRESH_ROUNDS 3

/* Who owns what a node does not tell, as the first seed has it. */
#define OWNER "llm-vampire"
#define VIRTUAL_OWNER "vampire"

/* A request that waits for a look at the nodes. */
typedef struct {
  VmpGateway *gateway;
  VmpConnection *connection;
  const VmpRequest *request;
} Inquiry;

/* One answer under construction. */
typedef struct {
  VmpGateway *gateway;
  JsonBuilder *builder;
  const VmpHttpHead *head;
  const char *shared_model; /* the only one there is for this client; NULL: all */
  gboolean with_detail;
  gint64 started;           /* Unix seconds: when models came that do not say it */
} Catalogue;

/* -- Cards --------------------------------------------------------------------------------- */

/* Another gateway is not told of its own models, or two would keep each other's lists alive for ever. */
static gboolean
is_offered (Catalogue     *self,
            const VmpNode *node)
{
  return vmp_node_is_listed (node) && node->inventory != NULL
         && !vmp_router_came_through (node, self->head->fields, self->head->n_fields);
}

static gboolean
is_for_client (Catalogue  *self,
               const char *id)
{
  return self->shared_model == NULL || g_str_equal (self->shared_model, id);
}

static void
begin_card (Catalogue  *self,
            const char *id,
            gint64      created,
            const char *owned_by)
{
  json_builder_begin_object (self->builder);
  vmp_json_add_string (self->builder, "id", id);
  vmp_json_add_string (self->builder, "object", "model");
  vmp_json_add_int (self->builder, "created", created > 0 ? created : self->started);
  vmp_json_add_string (self->builder, "owned_by", owned_by);
}

static void
add_virtual (Catalogue  *self,
             const char *id)
{
  begin_card (self, id, 0, VIRTUAL_OWNER);
  if (self->with_detail)
    {
      json_builder_set_member_name (self->builder, "vampire");
      json_builder_begin_object (self->builder);
      vmp_json_add_string (self->builder, "type", "virtual");
      json_builder_end_object (self->builder);
    }
  json_builder_end_object (self->builder);
}

/* The nodes that have it, each with what it says of it. */
static void
add_detail (Catalogue  *self,
            const char *id)
{
  GPtrArray *hosts = vmp_registry_find_hosts (self->gateway->registry, id);
  guint i;

  json_builder_set_member_name (self->builder, "vampire");
  json_builder_begin_object (self->builder);
  vmp_json_add_string (self->builder, "type", "physical");
  json_builder_set_member_name (self->builder, "nodes");
  json_builder_begin_array (self->builder);
  for (i = 0; hosts != NULL && i < hosts->len; i++)
    {
      const VmpHost *host = g_ptr_array_index (hosts, i);
      const VmpNode *node = host->node;

      if (!is_offered (self, node))
        continue;
      json_builder_begin_object (self->builder);
      vmp_json_add_string (self->builder, "node", node->id);
      vmp_json_add_string (self->builder, "status", vmp_node_get_status (node));
      vmp_json_add_double (self->builder, "latency_ms", node->latency_ms);
      vmp_json_add_int (self->builder, "active_requests", node->active_requests);
      vmp_model_add_members (host->model, self->builder);
      json_builder_end_object (self->builder);
    }
  json_builder_end_array (self->builder);
  json_builder_end_object (self->builder);
}

static void
add_physical (Catalogue      *self,
              const VmpModel *model)
{
  begin_card (self, model->id, model->created, model->owned_by != NULL ? model->owned_by : OWNER);
  if (self->with_detail)
    add_detail (self, model->id);
  json_builder_end_object (self->builder);
}

/* -- The catalogue ------------------------------------------------------------------------- */

static int
compare_texts (gconstpointer a,
               gconstpointer b)
{
  return strcmp (*(const char * const *) a, *(const char * const *) b);
}

/* The names of virtual models, each once, in order: those that are always there, as far as a node has such a model, and
 * those of routes, which may be any text. */
static GPtrArray *
list_virtual (VmpGateway *gateway)
{
  g_autoptr (GHashTable) names = g_hash_table_new (g_str_hash, g_str_equal);
  GPtrArray *routes = vmp_route_list_get_all (gateway->routes);
  GPtrArray *list = g_ptr_array_new ();
  const VmpVirtualModel *model;
  guint i;

  for (model = vmp_virtual_models (); model->id != NULL; model++)
    {
      if (vmp_router_has_virtual (gateway->router, model) && g_hash_table_add (names, (gpointer) model->id))
        g_ptr_array_add (list, (gpointer) model->id);
    }
  for (i = 0; i < routes->len; i++)
    {
      const VmpRoute *route = g_ptr_array_index (routes, i);

      if (g_hash_table_add (names, route->virtual_model))
        g_ptr_array_add (list, route->virtual_model);
    }
  g_ptr_array_sort (list, compare_texts);

  return list;
}

static void
add_all (Catalogue *self)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (vmp_text_hash, g_str_equal);
  g_autoptr (GPtrArray) virtual_models = list_virtual (self->gateway);
  GPtrArray *nodes = vmp_registry_get_nodes (self->gateway->registry);
  guint i;
  guint j;

  for (i = 0; i < virtual_models->len; i++)
    {
      const char *id = g_ptr_array_index (virtual_models, i);

      g_hash_table_add (seen, (gpointer) id);
      if (is_for_client (self, id))
        add_virtual (self, id);
    }

  for (i = 0; i < nodes->len; i++)
    {
      const VmpNode *node = g_ptr_array_index (nodes, i);

      if (!is_offered (self, node))
        continue;
      for (j = 0; j < node->inventory->models->len; j++)
        {
          const VmpModel *model = g_ptr_array_index (node->inventory->models, j);

          if (is_for_client (self, model->id) && g_hash_table_add (seen, model->id))
            add_physical (self, model);
        }
    }
}

/* One model by its id, or by "model@node". FALSE when there is none. */
static gboolean
add_one (Catalogue  *self,
         const char *id)
{
  g_autoptr (GPtrArray) virtual_models = NULL;
  const char *at = strrchr (id, '@');
  GPtrArray *hosts;
  guint i;

  if (!is_for_client (self, id))
    return FALSE;

  virtual_models = list_virtual (self->gateway);
  for (i = 0; i < virtual_models->len; i++)
    {
      if (g_str_equal (g_ptr_array_index (virtual_models, i), id))
        {
          add_virtual (self, id);
          return TRUE;
        }
    }

  hosts = vmp_registry_find_hosts (self->gateway->registry, id);
  for (i = 0; hosts != NULL && i < hosts->len; i++)
    {
      const VmpHost *host = g_ptr_array_index (hosts, i);

      if (is_offered (self, host->node))
        {
          add_physical (self, host->model);
          return TRUE;
        }
    }

  if (at != NULL)
    {
      VmpNode *node = vmp_registry_find (self->gateway->registry, at + 1);
      g_autofree char *name = g_strndup (id, at - id);
      VmpModel *model = node != NULL && is_offered (self, node) ? vmp_node_find_model (node, name) : NULL;

      if (model != NULL)
        {
          begin_card (self, id, model->created, node->id);
          json_builder_end_object (self->builder);
          return TRUE;
        }
    }

  return FALSE;
}

static gboolean
is_any_listed (VmpGateway *gateway)
{
  GPtrArray *nodes = vmp_registry_get_nodes (gateway->registry);
  guint i;

  for (i = 0; i < nodes->len; i++)
    {
      if (vmp_node_is_listed (g_ptr_array_index (nodes, i)))
        return TRUE;
    }

  return FALSE;
}

/* -- Answering ----------------------------------------------------------------------------- */

static VmpSlice
query_of (const VmpHttpHead *head)
{
  const char *mark = memchr (head->target.data, '?', head->target.len);

  if (mark == NULL)
    return (VmpSlice) { NULL, 0 };

  return (VmpSlice) { mark + 1, head->target.data + head->target.len - mark - 1 };
}

static gboolean
asks_for_detail (const VmpHttpHead *head)
{
  VmpSlice query = query_of (head);
  g_autofree char *text = g_strndup (query.data != NULL ? query.data : "", query.len);
  g_auto (GStrv) parts = g_strsplit (text, "&", -1);
  guint i;

  for (i = 0; parts[i] != NULL; i++)
    {
      if (g_str_equal (parts[i], "vampire_detail=true") || g_str_equal (parts[i], "vampire_detail=1"))
        return TRUE;
    }

  return FALSE;
}

/* The id after "/v1/models/"; slashes in it need not be encoded. NULL when it is no text. (transfer full) */
static char *
id_of (const VmpHttpHead *head)
{
  return g_uri_unescape_segment (head->path.data + strlen (PATH "/"), head->path.data + head->path.len, NULL);
}

static void
send_json (VmpGateway    *gateway,
           VmpConnection *connection,
           const char    *json)
{
  const VmpHttpField fields[] = {
    { VMP_SLICE_INIT ("Content-Type"), VMP_SLICE_INIT ("application/json") },
    { VMP_SLICE_INIT ("X-Vampire-Instance"), { gateway->instance, strlen (gateway->instance) } },
  };

  vmp_connection_head (connection, 200, VMP_SLICE_LITERAL ("OK"), fields, G_N_ELEMENTS (fields), strlen (json));
  vmp_connection_body (connection, json, strlen (json));
  vmp_connection_end (connection);
}

static void
answer (VmpGateway       *gateway,
        VmpConnection    *connection,
        const VmpRequest *request)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();
  gboolean is_shared = vmp_connection_is_shared (connection);
  Catalogue catalogue = {
    .gateway = gateway,
    .builder = builder,
    .head = &request->head,
    .shared_model = is_shared ? vmp_share_get_model (gateway->share) : NULL,
    .with_detail = !is_shared && asks_for_detail (&request->head),
    .started = gateway->started_at,
  };
  g_autofree char *json = NULL;

  if (!is_any_listed (gateway))
    {
      const VmpNode *node = vmp_registry_get_default (gateway->registry);

      vmp_connection_problem (connection, VMP_PROBLEM_UPSTREAM_UNAVAILABLE,
                              node->last_error != NULL && !is_shared ? node->last_error
                                                                     : "No computer that runs models is online.");
      return;
    }

  if (request->head.path.len <= strlen (PATH "/"))
    {
      json_builder_begin_object (builder);
      vmp_json_add_string (builder, "object", "list");
      json_builder_set_member_name (builder, "data");
      json_builder_begin_array (builder);
      add_all (&catalogue);
      json_builder_end_array (builder);
      json_builder_end_object (builder);
    }
  else
    {
      g_autofree char *id = id_of (&request->head);

      if (id == NULL || !g_utf8_validate (id, -1, NULL) || !add_one (&catalogue, id))
        {
          vmp_connection_problem (connection, VMP_PROBLEM_MODEL_NOT_FOUND,
                                  "No node that is online has this model; GET /v1/models lists those there are.");
          return;
        }
    }

  json = vmp_json_builder_print (builder);
  send_json (gateway, connection, json);
}

static void
drained (gpointer user_data)
{
}

static void
gone (gpointer user_data)
{
  g_autofree Inquiry *self = user_data;

  vmp_health_forget_caller (self->gateway->health, self);
}

static const VmpAnswererFuncs answerer_funcs = {
  .drained = drained,
  .gone = gone,
};

static void
refreshed (gpointer user_data)
{
  g_autofree Inquiry *self = user_data;

  /* What let the request in may have ended while the nodes were looked at. */
  if (vmp_connection_is_dismissed (self->connection))
    vmp_connection_problem (self->connection, VMP_PROBLEM_REVOKED, "The owner of this computer has ended the access.");
  else
    answer (self->gateway, self->connection, self->request);
}

gboolean
vmp_surface_models_is_asked (const VmpRequest *request)
{
  const VmpHttpHead *head = &request->head;
  gsize len = strlen (PATH);

  return (vmp_slice_equal (head->method, "GET") || vmp_slice_equal (head->method, "HEAD")) && head->path.len >= len
         && memcmp (head->path.data, PATH, len) == 0 && (head->path.len == len || head->path.data[len] == '/');
}

void
vmp_surface_models_answer (VmpGateway       *gateway,
                           VmpConnection    *connection,
                           const VmpRequest *request)
{
  Inquiry *self = g_new (Inquiry, 1);
  guint health_ms = gateway->settings->health_seconds * 1000;

  *self = (Inquiry) { gateway, connection, request };
  vmp_connection_set_answerer (connection, &answerer_funcs, self);
  vmp_health_refresh_stale (gateway->health, health_ms > 0 ? FRESH_ROUNDS * health_ms : VMP_LIMIT_REFRESH_MS, refreshed,
                            self);
}
