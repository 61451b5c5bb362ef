/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpIndicator: readings of three documents when events say that they changed, at most one each
 * second, made into facts, a picture, and calls of the tray.
 */

#include "app/vmp-indicator.h"

#include "app/mirror/vmp-node-label.h"
#include "app/vmp-notices.h"
#include "core/vmp-json.h"
#include "core/vmp-limits.h"

#define APP_TITLE "Vampire"

/* The mode that sharing begins with where its owner never chose one. */
#define FIRST_SHARE_MODE "personal"

#define STATUS_PATH "/vampire/v1/status"
#define SHARE_PATH "/vampire/v1/share"
#define NODES_PATH "/vampire/v1/nodes?models=false"
#define PAUSE_PATH "/vampire/v1/pause"

struct _VmpIndicator {
  const VmpIndicatorFuncs *funcs;
  gpointer user_data;
  VmpLink *link;
  VmpTray *tray;
  GCancellable *cancellable;
  VmpTrayFacts facts;
  char *hosting_trouble;    /* why there is no gateway; NULL */
  char *share_trouble;      /* why others cannot connect although they may; NULL */
  GHashTable *node_items;   /* node id -> its item's id: never given to another one */
  guint n_node_items;
  guint reading;            /* readings under way */
  gboolean is_stale;        /* something changed since they began */
  guint next_reading;       /* 0, or the source of the next one */
  gint64 read_at;           /* when the last one began, µs */
};

/* -- Showing ------------------------------------------------------------------------------- */

static void
show (VmpIndicator *self)
{
  g_auto (VmpTrayPicture) picture = { 0, };
  const char *trouble = self->hosting_trouble;

  if (trouble == NULL && vmp_link_get_state (self->link) == VMP_LINK_LOST)
    trouble = vmp_link_get_trouble (self->link);
  if (trouble == NULL)
    trouble = self->share_trouble;
  g_free (self->facts.trouble);
  self->facts.trouble = g_strdup (trouble);
  self->facts.is_connected = vmp_link_get_state (self->link) == VMP_LINK_CONNECTED;

  vmp_tray_picture_init (&picture, &self->facts);
  vmp_tray_set (self->tray, picture.state, picture.tooltip, (const VmpTrayItem *) (void *) picture.items->data,
                picture.items->len);
}

/* -- Reading ------------------------------------------------------------------------------- */

static void read_soon (VmpIndicator *self);

/* A count of a document; what it was before where it is not told. */
static guint
read_count (JsonObject *document,
            const char *name,
            guint       before)
{
  gint64 count;

  return vmp_json_get_int (document, name, &count) ? CLAMP (count, 0, G_MAXINT) : before;
}

static void
take_status (VmpIndicator *self,
             JsonObject   *document)
{
  self->facts.active_requests = read_count (document, "active_requests", 0);
  self->facts.is_paused = FALSE;
  vmp_json_get_boolean (document, "paused", &self->facts.is_paused);
}

static void
take_share (VmpIndicator *self,
            JsonObject   *document)
{
  const char *mode = vmp_json_get_string (document, "last_mode");

  if (mode == NULL)
    mode = vmp_json_get_string (document, "mode");
  self->facts.is_sharing = FALSE;
  vmp_json_get_boolean (document, "enabled", &self->facts.is_sharing);
  g_free (self->facts.share_mode);
  self->facts.share_mode = g_strdup (mode);
  g_free (self->share_trouble);
  self->share_trouble = g_strdup (vmp_json_get_string (document, "trouble"));
}

static int
item_of (VmpIndicator *self,
         const char   *node_id)
{
  gpointer item = g_hash_table_lookup (self->node_items, node_id);

  if (item == NULL)
    {
      item = GUINT_TO_POINTER (VMP_TRAY_ITEM_FIRST_NODE + self->n_node_items++);
      g_hash_table_insert (self->node_items, g_strdup (node_id), item);
    }

  return GPOINTER_TO_INT (item);
}

static void
take_node (VmpIndicator *self,
           JsonObject   *node,
           GPtrArray    *waiting)
{
  const char *id = vmp_json_get_string (node, "id");
  const char *approval = vmp_json_get_string (node, "approval");
  const char *status = vmp_json_get_string (node, "status");

  if (id == NULL)
    return;

  if (g_strcmp0 (approval, "pending") == 0)
    {
      VmpWaitingNode *one = g_new0 (VmpWaitingNode, 1);

      one->id = g_strdup (id);
      one->name = g_strdup (vmp_node_label (node));
      one->address = g_strdup (vmp_json_get_string (node, "base_url"));
      g_ptr_array_add (waiting, one);
    }
  else if (g_strcmp0 (approval, "approved") == 0)
    {
      self->facts.nodes_total++;
      self->facts.nodes_online += g_strcmp0 (status, "online") == 0 || g_strcmp0 (status, "degraded") == 0;
      if (self->facts.nodes->len < VMP_LIMIT_TRAY_NODES)
        {
          VmpTrayNode *one = g_new0 (VmpTrayNode, 1);

          one->item = item_of (self, id);
          one->id = g_strdup (id);
          one->name = g_strdup (vmp_node_label (node));
          one->status = g_strdup (status);
          g_ptr_array_add (self->facts.nodes, one);
        }
    }
}

static void
take_nodes (VmpIndicator *self,
            JsonObject   *document)
{
  g_autoptr (GPtrArray) waiting = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_waiting_node_free);
  JsonArray *nodes = vmp_json_get_array (document, "data");
  guint i;

  g_clear_pointer (&self->facts.nodes, g_ptr_array_unref);
  self->facts.nodes = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_tray_node_free);
  self->facts.nodes_total = 0;
  self->facts.nodes_online = 0;
  for (i = 0; nodes != NULL && i < json_array_get_length (nodes); i++)
    {
      JsonNode *node = json_array_get_element (nodes, i);

      if (JSON_NODE_HOLDS_OBJECT (node))
        take_node (self, json_node_get_object (node), waiting);
    }

  self->facts.nodes_waiting = waiting->len;
  self->funcs->waiting (self->user_data, waiting);
}

/* What is done with the answer to each of the readings. */
typedef struct {
  VmpIndicator *self;
  void (*take) (VmpIndicator *self,
                JsonObject   *document);
} Reading;

static void
read_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autofree Reading *reading = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (VmpClientAnswer) answer = vmp_link_ask_finish (VMP_LINK (source), result, &error);
  VmpIndicator *self = reading->self;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;

  self->reading--;
  if (answer != NULL && answer->status == 200 && answer->json != NULL && JSON_NODE_HOLDS_OBJECT (answer->json))
    reading->take (self, json_node_get_object (answer->json));
  if (self->reading > 0)
    return;

  show (self);
  if (self->is_stale)
    read_soon (self);
}

static void
read_one (VmpIndicator *self,
          const char   *path,
          void (       *take ) (VmpIndicator *self,
                                JsonObject   *document))
{
  Reading *reading = g_new0 (Reading, 1);

  reading->self = self;
  reading->take = take;
  self->reading++;
  vmp_link_ask_async (self->link, "GET", path, NULL, self->cancellable, read_cb, reading);
}

static void
read_all (VmpIndicator *self)
{
  g_clear_handle_id (&self->next_reading, g_source_remove);
  if (self->reading > 0)
    {
      self->is_stale = TRUE;
      return;
    }
  if (vmp_link_get_state (self->link) != VMP_LINK_CONNECTED)
    return;

  self->is_stale = FALSE;
  self->read_at = g_get_monotonic_time ();
  read_one (self, STATUS_PATH, take_status);
  read_one (self, SHARE_PATH, take_share);
  read_one (self, NODES_PATH, take_nodes);
}

static gboolean
read_soon_cb (gpointer user_data)
{
  VmpIndicator *self = user_data;

  self->next_reading = 0;
  read_all (self);

  return G_SOURCE_REMOVE;
}

/* However much happens, what is shown is read once a second. */
static void
read_soon (VmpIndicator *self)
{
  gint64 since = (g_get_monotonic_time () - self->read_at) / 1000;

  if (self->reading > 0)
    self->is_stale = TRUE;
  else if (self->next_reading == 0)
    self->next_reading = g_timeout_add (CLAMP (VMP_LIMIT_TRAY_READ_MS - since, 0, VMP_LIMIT_TRAY_READ_MS),
                                        read_soon_cb, self);
}

static void
reset_cb (VmpLink *link,
          gpointer user_data)
{
  read_all (user_data);
}

static void
event_cb (VmpLink    *link,
          const char *type,
          JsonObject *data,
          gpointer    user_data)
{
  VmpIndicator *self = user_data;
  guint before = self->facts.active_requests;

  /* These come with every request, and say all that is needed. */
  if (g_str_equal (type, "request") || g_str_equal (type, "metric"))
    {
      self->facts.active_requests = read_count (data, "active_requests", before);
      if (self->facts.active_requests != before)
        show (self);
    }
  else if (g_str_equal (type, "node") || g_str_equal (type, "approval") || g_str_equal (type, "share")
           || g_str_equal (type, "status"))
    {
      read_soon (self);
    }
}

static void
state_cb (VmpLink    *link,
          GParamSpec *pspec,
          gpointer    user_data)
{
  VmpIndicator *self = user_data;

  if (vmp_link_get_state (link) != VMP_LINK_CONNECTED)
    self->facts.active_requests = 0;
  show (self);
}

/* -- Doing --------------------------------------------------------------------------------- */

static void
done_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  VmpIndicator *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (VmpClientAnswer) answer = vmp_link_ask_finish (VMP_LINK (source), result, &error);
  g_autofree char *problem = NULL;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;

  if (answer == NULL)
    problem = g_strdup (error->message);
  else if (answer->status >= 300)
    problem = vmp_client_answer_dup_problem (answer);
  if (problem != NULL)
    self->funcs->failed (self->user_data, problem);

  /* The check mark says what is, not what was wished. */
  read_all (self);
}

static void
set_sharing (VmpIndicator *self,
             gboolean      enabled)
{
  g_autoptr (JsonBuilder) body = json_builder_new_immutable ();
  const char *mode = self->facts.share_mode;

  if (mode == NULL || g_str_equal (mode, "off") || g_str_equal (mode, "local"))
    mode = FIRST_SHARE_MODE;
  json_builder_begin_object (body);
  vmp_json_add_string (body, "mode", mode);
  vmp_json_add_boolean (body, "enabled", enabled);
  json_builder_end_object (body);
  vmp_link_ask_async (self->link, "POST", SHARE_PATH, json_builder_get_root (body), self->cancellable, done_cb, self);
}

static void
set_paused (VmpIndicator *self,
            gboolean      paused)
{
  g_autoptr (JsonBuilder) body = json_builder_new_immutable ();

  json_builder_begin_object (body);
  vmp_json_add_boolean (body, "paused", paused);
  json_builder_end_object (body);
  vmp_link_ask_async (self->link, "POST", PAUSE_PATH, json_builder_get_root (body), self->cancellable, done_cb, self);
}

static void
show_node (VmpIndicator *self,
           int           item,
           const char   *token)
{
  guint i;

  for (i = 0; self->facts.nodes != NULL && i < self->facts.nodes->len; i++)
    {
      const VmpTrayNode *node = g_ptr_array_index (self->facts.nodes, i);

      if (node->item == item)
        self->funcs->show (self->user_data, "nodes", node->id, token);
    }
}

static void
chosen_cb (void       *user_data,
           int         id,
           const char *token)
{
  VmpIndicator *self = user_data;

  switch (id)
    {
    case VMP_TRAY_ITEM_SHARE:
      set_sharing (self, !self->facts.is_sharing);
      break;

    case VMP_TRAY_ITEM_PAUSE:
      set_paused (self, !self->facts.is_paused);
      break;

    case VMP_TRAY_ITEM_ALL_NODES:
      self->funcs->show (self->user_data, "nodes", NULL, token);
      break;

    case VMP_TRAY_ITEM_WAITING:
      self->funcs->show (self->user_data, "approvals", NULL, token);
      break;

    case VMP_TRAY_ITEM_PLAYGROUND:
      self->funcs->show (self->user_data, "playground", NULL, token);
      break;

    case VMP_TRAY_ITEM_COPY:
      self->funcs->copy_address (self->user_data, token);
      break;

    case VMP_TRAY_ITEM_DASHBOARD:
      self->funcs->open_dashboard (self->user_data, token);
      break;

    case VMP_TRAY_ITEM_PREFERENCES:
      self->funcs->show (self->user_data, "preferences", NULL, token);
      break;

    case VMP_TRAY_ITEM_QUIT:
      self->funcs->quit (self->user_data, token);
      break;

    default:
      show_node (self, id, token);
    }
}

/* A click leads to what needs its owner. */
static void
activated_cb (void       *user_data,
              const char *token)
{
  VmpIndicator *self = user_data;

  self->funcs->show (self->user_data, self->facts.nodes_waiting > 0 ? "approvals" : "overview", NULL, token);
}

/* Never something that could expose anything: middle clicks happen by accident. */
static void
secondary_activated_cb (void       *user_data,
                        const char *token)
{
  VmpIndicator *self = user_data;

  self->funcs->show (self->user_data, "playground", NULL, token);
}

static void
available_cb (void *user_data,
              bool  is_available)
{
  VmpIndicator *self = user_data;

  self->funcs->available (self->user_data, is_available);
}

static const VmpTrayFuncs tray_funcs = {
  .activated = activated_cb,
  .secondary_activated = secondary_activated_cb,
  .chosen = chosen_cb,
  .available = available_cb,
};

/* -- Life ---------------------------------------------------------------------------------- */

VmpIndicator *
vmp_indicator_new (VmpLink                 *link,
                   const char              *app_id,
                   const char              *icon_dir,
                   const VmpIndicatorFuncs *funcs,
                   gpointer                 user_data)
{
  VmpIndicator *self = g_new0 (VmpIndicator, 1);

  self->funcs = funcs;
  self->user_data = user_data;
  self->link = g_object_ref (link);
  self->cancellable = g_cancellable_new ();
  self->node_items = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->tray = vmp_tray_new (app_id, APP_TITLE, icon_dir, &tray_funcs, self);
  g_signal_connect (link, "notify::state", G_CALLBACK (state_cb), self);
  g_signal_connect (link, "reset", G_CALLBACK (reset_cb), self);
  g_signal_connect (link, "event", G_CALLBACK (event_cb), self);
  show (self);

  return self;
}

void
vmp_indicator_free (VmpIndicator *self)
{
  g_signal_handlers_disconnect_by_data (self->link, self);
  g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  g_clear_handle_id (&self->next_reading, g_source_remove);
  vmp_tray_free (self->tray);
  g_clear_object (&self->link);
  g_clear_pointer (&self->node_items, g_hash_table_unref);
  vmp_tray_facts_clear (&self->facts);
  g_free (self->hosting_trouble);
  g_free (self->share_trouble);
  g_free (self);
}

void
vmp_indicator_set_trouble (VmpIndicator *self,
                           const char   *trouble)
{
  g_free (self->hosting_trouble);
  self->hosting_trouble = g_strdup (trouble);
  show (self);
}

void
vmp_indicator_set_quitting (VmpIndicator *self)
{
  self->facts.is_quitting = TRUE;
  show (self);
}

gboolean
vmp_indicator_is_available (VmpIndicator *self)
{
  return vmp_tray_is_available (self->tray);
}

guint
vmp_indicator_get_active_requests (VmpIndicator *self)
{
  return self->facts.active_requests;
}
