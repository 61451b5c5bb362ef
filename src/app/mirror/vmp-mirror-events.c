/* SPDX-License-Identifier: MIT
 *
 * What each event of the gateway changes in what the windows know, with the least reading: an event that holds the
 * whole thing replaces it, one that holds a part of it changes that part, and the rest is read when the events pause.
 */

#include "app/mirror/vmp-mirror-private.h"

#include "core/vmp-json.h"
#include "core/vmp-limits.h"

/* Milliseconds to wait for more of the same before reading. */
#define SOON_MS 100
#define LATER_MS 500

/* Loads that are shown at one time: each node does one after the other. */
#define MAX_LOADS 1000

/* -- Documents ----------------------------------------------------------------------------- */

/* @base with the members of @change, but those of @left_out. @base: (nullable). (transfer full) */
static JsonObject *
merge (JsonObject         *base,
       JsonObject         *change,
       const char * const *left_out)
{
  JsonObject *sources[] = { base, change };
  JsonObject *merged = json_object_new ();
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;

  for (gsize i = 0; i < G_N_ELEMENTS (sources); i++)
    {
      if (sources[i] == NULL)
        continue;
      json_object_iter_init_ordered (&iter, sources[i]);
      while (json_object_iter_next_ordered (&iter, &name, &value))
        {
          if (!g_strv_contains (left_out, name))
            json_object_set_member (merged, name, json_node_copy (value));
        }
    }

  return merged;
}

static void
merge_into_item (VmpItemList        *list,
                 const char         *id,
                 JsonObject         *change,
                 const char * const *left_out)
{
  VmpItem *item = vmp_item_list_find (list, id);
  g_autoptr (JsonObject) document = merge (item != NULL ? vmp_item_get_document (item) : NULL, change, left_out);

  vmp_item_list_set_first (list, id, document);
}

char *
vmp_mirror_make_model_id (JsonObject *document)
{
  const char *node = vmp_json_get_string (document, "node");
  const char *model = vmp_json_get_string (document, "model");

  return node != NULL && model != NULL ? g_strconcat (node, " ", model, NULL) : NULL;
}

/* -- Nodes --------------------------------------------------------------------------------- */

/* The event has all of the node but its models, as the list does. */
static void
change_node (VmpMirror  *self,
             JsonObject *data)
{
  static const char * const left_out[] = { "change", "models", NULL };
  VmpItemList *list = vmp_mirror_get_list (self, VMP_TOPIC_NODES);
  const char *id = vmp_json_get_string (data, "id");
  g_autoptr (JsonObject) document = NULL;

  if (id == NULL)
    return;

  if (g_strcmp0 (vmp_json_get_string (data, "change"), "removed") == 0)
    {
      vmp_item_list_remove (list, id);
      return;
    }

  document = merge (NULL, data, left_out);
  vmp_item_list_set (list, id, document);
}

static void
learn_node (VmpMirror  *self,
            JsonObject *data)
{
  change_node (self, data);
  vmp_mirror_want (self, VMP_TOPIC_STATUS, SOON_MS);
  vmp_mirror_want (self, VMP_TOPIC_MODELS, SOON_MS);
  vmp_mirror_want (self, VMP_TOPIC_VIRTUAL_MODELS, LATER_MS);
  vmp_mirror_want (self, VMP_TOPIC_DOCTOR, LATER_MS);
}

/* -- Requests ------------------------------------------------------------------------------ */

/* The event has a part of what the list has, under the same names, and says "started" where the list says that it
 * runs. */
static void
change_request (VmpMirror  *self,
                JsonObject *data)
{
  static const char * const left_out[] = { "active_requests", NULL };
  VmpItemList *list = vmp_mirror_get_list (self, VMP_TOPIC_REQUESTS);
  const char *id = vmp_json_get_string (data, "id");
  g_autoptr (JsonObject) change = NULL;
  g_autoptr (VmpItem) last = NULL;

  if (id == NULL)
    return;

  change = merge (NULL, data, left_out);
  if (g_strcmp0 (vmp_json_get_string (data, "state"), "started") == 0)
    json_object_set_string_member (change, "state", "running");
  merge_into_item (list, id, change, left_out);

  if (vmp_item_list_get_length (list) > VMP_LIMIT_TRACES)
    {
      last = g_list_model_get_item (G_LIST_MODEL (list), vmp_item_list_get_length (list) - 1);
      vmp_item_list_remove (list, vmp_item_get_id (last));
    }
}

static void
learn_request (VmpMirror  *self,
               JsonObject *data)
{
  if (vmp_mirror_is_held (self, VMP_TOPIC_REQUESTS) && vmp_mirror_take_request_event (self))
    change_request (self, data);
  vmp_mirror_want (self, VMP_TOPIC_REQUESTS, SOON_MS);

  if (vmp_json_get_string (data, "client_key") != NULL)
    vmp_mirror_want (self, VMP_TOPIC_CLIENTS, LATER_MS);
}

/* -- Loads and searches -------------------------------------------------------------------- */

static void
learn_load (VmpMirror  *self,
            JsonObject *data)
{
  VmpItemList *list = vmp_mirror_get_list (self, VMP_TOPIC_LOADS);
  g_autofree char *id = vmp_mirror_make_model_id (data);
  const char *state = vmp_json_get_string (data, "state");
  gboolean runs = g_strcmp0 (state, "started") == 0 || g_strcmp0 (state, "progress") == 0;

  if (id == NULL)
    return;

  /* Those who watch its item see how it ended before it goes. */
  if (vmp_item_list_find (list, id) != NULL || (runs && vmp_item_list_get_length (list) < MAX_LOADS))
    vmp_item_list_set (list, id, data);
  if (runs)
    return;

  vmp_item_list_remove (list, id);
  vmp_mirror_want (self, VMP_TOPIC_MODELS, SOON_MS);
}

static void
learn_search (VmpMirror  *self,
              JsonObject *data)
{
  static const char * const left_out[] = { NULL };
  const char *id = vmp_json_get_string (data, "id");

  if (id != NULL && vmp_mirror_is_held (self, VMP_TOPIC_SEARCHES))
    merge_into_item (vmp_mirror_get_list (self, VMP_TOPIC_SEARCHES), id, data, left_out);

  /* The progress is all there; what was found is not. */
  if (g_strcmp0 (vmp_json_get_string (data, "state"), "running") != 0 ||
      !vmp_mirror_is_held (self, VMP_TOPIC_SEARCHES))
    vmp_mirror_want (self, VMP_TOPIC_SEARCHES, 0);
}

/* -- Figures ------------------------------------------------------------------------------- */

/* The status has some of the same figures, and is not told of otherwise. */
static gboolean
differs_from_status (VmpMirror  *self,
                     JsonObject *data)
{
  static const char * const figures[] = { "active_requests", "nodes_online", "nodes_offline", "nodes_pending" };
  JsonObject *status = vmp_mirror_get_document (self, VMP_TOPIC_STATUS);

  for (gsize i = 0; i < G_N_ELEMENTS (figures); i++)
    {
      gint64 then;
      gint64 now;

      if (vmp_json_get_int (status, figures[i], &then) && vmp_json_get_int (data, figures[i], &now) && then != now)
        return TRUE;
    }

  return FALSE;
}

static void
learn_metric (VmpMirror  *self,
              JsonObject *data)
{
  if (differs_from_status (self, data))
    vmp_mirror_want (self, VMP_TOPIC_STATUS, 0);
  vmp_mirror_want (self, VMP_TOPIC_METRICS, 0);
  vmp_mirror_want (self, VMP_TOPIC_CLIENTS, 0);
  vmp_mirror_emit_metric (self, data);
}

/* -- The rest ------------------------------------------------------------------------------ */

static void
learn_share (VmpMirror  *self,
             JsonObject *data)
{
  vmp_mirror_take_document (self, VMP_TOPIC_SHARE, data);
  vmp_mirror_want (self, VMP_TOPIC_STATUS, 0);
  vmp_mirror_want (self, VMP_TOPIC_CLIENTS, SOON_MS);
  vmp_mirror_want (self, VMP_TOPIC_DOCTOR, LATER_MS);
}

static void
learn_key (VmpMirror  *self,
           JsonObject *data)
{
  vmp_mirror_want (self, VMP_TOPIC_KEYS, 0);
  vmp_mirror_want (self, VMP_TOPIC_SHARE, 0); /* counts them */
  vmp_mirror_want (self, VMP_TOPIC_CLIENTS, SOON_MS);
}

static void
learn_route (VmpMirror  *self,
             JsonObject *data)
{
  vmp_mirror_want (self, VMP_TOPIC_ROUTES, 0);
  vmp_mirror_want (self, VMP_TOPIC_VIRTUAL_MODELS, SOON_MS);
}

static void
learn_status (VmpMirror  *self,
              JsonObject *data)
{
  vmp_mirror_want (self, VMP_TOPIC_STATUS, 0);
}

static void
learn_settings (VmpMirror  *self,
                JsonObject *data)
{
  vmp_mirror_want (self, VMP_TOPIC_SETTINGS, 0);
  vmp_mirror_want (self, VMP_TOPIC_STATUS, 0);
  vmp_mirror_want (self, VMP_TOPIC_SHARE, SOON_MS);
  vmp_mirror_want (self, VMP_TOPIC_DOCTOR, LATER_MS);
}

static const struct {
  const char *type;
  void (*learn) (VmpMirror  *self,
                 JsonObject *data);
  VmpTopic topic; /* whose items the event itself changes; VMP_N_TOPICS: none */
} kinds[] = {
  { "node", learn_node, VMP_TOPIC_NODES },
  { "approval", learn_node, VMP_TOPIC_NODES },
  { "request", learn_request, VMP_N_TOPICS },
  { "load", learn_load, VMP_N_TOPICS },
  { "discovery", learn_search, VMP_N_TOPICS },
  { "metric", learn_metric, VMP_N_TOPICS },
  { "share", learn_share, VMP_N_TOPICS },
  { "key", learn_key, VMP_N_TOPICS },
  { "route", learn_route, VMP_N_TOPICS },
  { "status", learn_status, VMP_N_TOPICS },
  { "settings", learn_settings, VMP_N_TOPICS },
};

void
vmp_mirror_learn (VmpMirror  *self,
                  const char *type,
                  JsonObject *data)
{
  for (gsize i = 0; i < G_N_ELEMENTS (kinds); i++)
    {
      if (!g_str_equal (kinds[i].type, type))
        continue;
      if (kinds[i].topic != VMP_N_TOPICS)
        vmp_mirror_repeat_after_reading (self, kinds[i].topic, data);
      kinds[i].learn (self, data);
      return;
    }
}

void
vmp_mirror_learn_again (VmpMirror  *self,
                        VmpTopic    topic,
                        JsonObject *data)
{
  if (topic == VMP_TOPIC_NODES)
    change_node (self, data);
}

void
vmp_mirror_learn_all (VmpMirror *self)
{
  vmp_item_list_clear (vmp_mirror_get_list (self, VMP_TOPIC_LOADS));
  for (guint i = 0; i < VMP_N_TOPICS; i++)
    vmp_mirror_want (self, i, 0);
}
