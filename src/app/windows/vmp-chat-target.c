/* SPDX-License-Identifier: MIT
 *
 * Whom a chat can be with. The list is read from the mirror as a whole: its parts come together (one model on three
 * nodes is one target), and it is small enough.
 */

#include "app/windows/vmp-chat-target.h"

#include <glib/gi18n.h>
#include <string.h>

#include "app/windows/vmp-item-watch.h"
#include "core/vmp-json.h"
#include "core/vmp-limits.h"
#include "core/vmp-text.h"

/* Nodes that a model's line names; of more it tells the number. */
#define NAMED_NODES 2

/* The one virtual model that answers no chat. */
#define EMBEDDINGS "vampire:embeddings"

/* Lists that make this one. */
#define N_WATCHED 3

struct _VmpChatTarget {
  GObject parent_instance;

  char *id;
  VmpChatTargetKind kind;
  char *title;
  char *subtitle;
  char *folded;        /* all that is searched */
  gboolean is_loaded;
  gboolean can_see;
  char **efforts;
  GPtrArray *nodes;    /* of names, while a model is gathered */
};

G_DEFINE_FINAL_TYPE (VmpChatTarget, vmp_chat_target, G_TYPE_OBJECT)

struct _VmpChatTargets {
  GObject parent_instance;

  VmpMirror *mirror;
  GPtrArray *targets;          /* of VmpChatTarget, in order */
  GHashTable *by_id;           /* of the same */
  VmpItemWatch *watches[N_WATCHED];
  guint idle;
};

static void vmp_chat_targets_model_init (GListModelInterface *iface);

G_DEFINE_FINAL_TYPE_WITH_CODE (VmpChatTargets, vmp_chat_targets, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, vmp_chat_targets_model_init))

/* -- One ----------------------------------------------------------------------------------- */

static void
vmp_chat_target_finalize (GObject *object)
{
  VmpChatTarget *self = VMP_CHAT_TARGET (object);

  g_free (self->id);
  g_free (self->title);
  g_free (self->subtitle);
  g_free (self->folded);
  g_strfreev (self->efforts);
  g_clear_pointer (&self->nodes, g_ptr_array_unref);

  G_OBJECT_CLASS (vmp_chat_target_parent_class)->finalize (object);
}

static void
vmp_chat_target_class_init (VmpChatTargetClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmp_chat_target_finalize;
}

static void
vmp_chat_target_init (VmpChatTarget *self)
{
}

static VmpChatTarget *
target_new (VmpChatTargetKind kind,
            const char       *id,
            const char       *title,
            const char       *subtitle)
{
  VmpChatTarget *self = g_object_new (VMP_TYPE_CHAT_TARGET, NULL);

  self->kind = kind;
  self->id = g_strdup (id);
  self->title = vmp_text_display (title, VMP_LIMIT_MODEL_TEXT_CHARS);
  self->subtitle = vmp_text_display (subtitle != NULL ? subtitle : "", VMP_LIMIT_MODEL_TEXT_CHARS);
  self->can_see = TRUE;

  return self;
}

const char *
vmp_chat_target_get_id (VmpChatTarget *self)
{
  g_return_val_if_fail (VMP_IS_CHAT_TARGET (self), NULL);

  return self->id;
}

VmpChatTargetKind
vmp_chat_target_get_kind (VmpChatTarget *self)
{
  g_return_val_if_fail (VMP_IS_CHAT_TARGET (self), VMP_CHAT_TARGET_MODEL);

  return self->kind;
}

const char *
vmp_chat_target_get_title (VmpChatTarget *self)
{
  g_return_val_if_fail (VMP_IS_CHAT_TARGET (self), NULL);

  return self->title;
}

const char *
vmp_chat_target_get_subtitle (VmpChatTarget *self)
{
  g_return_val_if_fail (VMP_IS_CHAT_TARGET (self), NULL);

  return self->subtitle;
}

gboolean
vmp_chat_target_is_loaded (VmpChatTarget *self)
{
  g_return_val_if_fail (VMP_IS_CHAT_TARGET (self), FALSE);

  return self->is_loaded;
}

gboolean
vmp_chat_target_can_see (VmpChatTarget *self)
{
  g_return_val_if_fail (VMP_IS_CHAT_TARGET (self), FALSE);

  return self->can_see;
}

const char * const *
vmp_chat_target_get_efforts (VmpChatTarget *self)
{
  g_return_val_if_fail (VMP_IS_CHAT_TARGET (self), NULL);

  return (const char * const *) self->efforts;
}

gboolean
vmp_chat_target_matches (VmpChatTarget      *self,
                         const char * const *words)
{
  g_return_val_if_fail (VMP_IS_CHAT_TARGET (self), FALSE);
  g_return_val_if_fail (words != NULL, FALSE);

  if (self->folded == NULL)
    {
      g_autofree char *all = g_strjoin ("\n", self->title, self->id, self->subtitle, NULL);

      self->folded = g_utf8_casefold (all, -1);
    }

  for (; *words != NULL; words++)
    {
      if (strstr (self->folded, *words) == NULL)
        return FALSE;
    }

  return TRUE;
}

/* -- Gathering ----------------------------------------------------------------------------- */

static void
add_virtual_models (VmpMirror *mirror,
                    GPtrArray *targets)
{
  GListModel *list = G_LIST_MODEL (vmp_mirror_get_list (mirror, VMP_TOPIC_VIRTUAL_MODELS));

  for (guint i = 0; i < g_list_model_get_n_items (list); i++)
    {
      g_autoptr (VmpItem) item = g_list_model_get_item (list, i);
      const char *id = vmp_item_get_id (item);

      if (!g_str_equal (id, EMBEDDINGS))
        g_ptr_array_add (targets, target_new (VMP_CHAT_TARGET_VIRTUAL, id, id, vmp_item_get_string (item, "about")));
    }
}

static void
add_routes (VmpMirror *mirror,
            GPtrArray *targets)
{
  GListModel *list = G_LIST_MODEL (vmp_mirror_get_list (mirror, VMP_TOPIC_ROUTES));

  for (guint i = 0; i < g_list_model_get_n_items (list); i++)
    {
      g_autoptr (VmpItem) item = g_list_model_get_item (list, i);
      const char *id = vmp_item_get_string (item, "virtual_model");

      if (id != NULL)
        g_ptr_array_add (targets, target_new (VMP_CHAT_TARGET_ROUTE, id, id, _("A route of yours")));
    }
}

static void
take_efforts (VmpChatTarget *target,
              JsonArray     *options)
{
  g_autoptr (GPtrArray) efforts = g_ptr_array_new ();

  if (target->efforts != NULL || options == NULL)
    return;

  for (guint i = 0; i < json_array_get_length (options); i++)
    {
      JsonNode *element = json_array_get_element (options, i);

      if (JSON_NODE_HOLDS_VALUE (element) && json_node_get_value_type (element) == G_TYPE_STRING)
        g_ptr_array_add (efforts, g_strdup (json_node_get_string (element)));
    }
  if (efforts->len == 0)
    return;

  g_ptr_array_add (efforts, NULL);
  target->efforts = (char **) g_ptr_array_steal (efforts, NULL);
}

/* Of many servers it is not known; then its owner may know. */
static gboolean
may_see (VmpItem *item)
{
  const char *source = vmp_item_get_string (item, "sources.vision");

  return vmp_item_get_boolean (item, "capabilities.vision") || source == NULL || g_str_equal (source, "unknown");
}

static void
add_models (VmpMirror *mirror,
            GPtrArray *targets)
{
  GListModel *list = G_LIST_MODEL (vmp_mirror_get_list (mirror, VMP_TOPIC_MODELS));
  g_autoptr (GHashTable) by_id = g_hash_table_new (vmp_text_hash, g_str_equal);

  for (guint i = 0; i < g_list_model_get_n_items (list); i++)
    {
      g_autoptr (VmpItem) item = g_list_model_get_item (list, i);
      const char *id = vmp_item_get_string (item, "model");
      const char *name = vmp_item_get_string (item, "display_name");
      const char *node = vmp_item_get_string (item, "node");
      VmpChatTarget *target;

      if (id == NULL || g_strcmp0 (vmp_item_get_string (item, "kind"), "embedding") == 0)
        continue;

      target = g_hash_table_lookup (by_id, id);
      if (target == NULL)
        {
          target = target_new (VMP_CHAT_TARGET_MODEL, id, name != NULL && *name != '\0' ? name : id, NULL);
          target->can_see = FALSE;
          target->nodes = g_ptr_array_new_with_free_func (g_free);
          g_hash_table_insert (by_id, target->id, target);
          g_ptr_array_add (targets, target);
        }
      target->is_loaded |= vmp_item_get_boolean (item, "loaded");
      target->can_see |= may_see (item);
      take_efforts (target, vmp_item_get_array (item, "capabilities.reasoning_options"));
      if (node != NULL)
        g_ptr_array_add (target->nodes, g_strdup (vmp_mirror_get_node_name (mirror, node)));
    }
}

/* "studio, laptop · loaded" */
static void
describe_model (VmpChatTarget *target)
{
  GString *text = g_string_new (NULL);

  if (target->nodes->len > NAMED_NODES)
    g_string_append_printf (text, ngettext ("%u node", "%u nodes", target->nodes->len), target->nodes->len);
  for (guint i = 0; target->nodes->len <= NAMED_NODES && i < target->nodes->len; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? ", " : "", (char *) g_ptr_array_index (target->nodes, i));
  if (target->is_loaded)
    g_string_append_printf (text, " · %s", _("loaded"));
  if (!g_str_equal (target->title, target->id))
    g_string_append_printf (text, " · %s", target->id);

  g_free (target->subtitle);
  target->subtitle = vmp_text_display (text->str, VMP_LIMIT_NODE_TEXT_CHARS);
  g_string_free (text, TRUE);
}

/* What the owner made and what is ready come first; virtual models stay in the gateway's order. */
static int
compare_targets (gconstpointer a,
                 gconstpointer b)
{
  const VmpChatTarget *one = *(VmpChatTarget * const *) a;
  const VmpChatTarget *other = *(VmpChatTarget * const *) b;

  if (one->kind != other->kind)
    return (int) one->kind - (int) other->kind;
  if (one->kind == VMP_CHAT_TARGET_VIRTUAL)
    return 0;
  if (one->is_loaded != other->is_loaded)
    return other->is_loaded - one->is_loaded;

  return g_utf8_collate (one->title, other->title);
}

static gboolean
is_same (VmpChatTarget *a,
         VmpChatTarget *b)
{
  return a->kind == b->kind && g_str_equal (a->id, b->id) && g_str_equal (a->title, b->title)
         && g_str_equal (a->subtitle, b->subtitle) && a->is_loaded == b->is_loaded && a->can_see == b->can_see
         && (a->efforts == NULL) == (b->efforts == NULL)
         && (a->efforts == NULL || g_strv_equal ((const char * const *) a->efforts, (const char * const *) b->efforts));
}

static void
gather (VmpChatTargets *self)
{
  g_autoptr (GPtrArray) old = self->targets;
  GPtrArray *targets = g_ptr_array_new_with_free_func (g_object_unref);
  guint before = 0;
  guint after = 0;

  add_virtual_models (self->mirror, targets);
  add_routes (self->mirror, targets);
  add_models (self->mirror, targets);
  for (guint i = 0; i < targets->len; i++)
    {
      VmpChatTarget *target = g_ptr_array_index (targets, i);

      if (target->kind == VMP_CHAT_TARGET_MODEL)
        describe_model (target);
    }
  g_ptr_array_sort (targets, compare_targets);

  g_hash_table_remove_all (self->by_id);
  for (guint i = targets->len; i > 0; i--)
    {
      VmpChatTarget *target = g_ptr_array_index (targets, i - 1);

      g_hash_table_insert (self->by_id, target->id, target);
    }

  /* Only what lies between the first and the last difference has changed. */
  while (before < old->len && before < targets->len
         && is_same (g_ptr_array_index (old, before), g_ptr_array_index (targets, before)))
    before++;
  while (after < old->len - before && after < targets->len - before
         && is_same (g_ptr_array_index (old, old->len - 1 - after),
                     g_ptr_array_index (targets, targets->len - 1 - after)))
    after++;

  self->targets = targets;
  if (before + after < MAX (old->len, targets->len))
    g_list_model_items_changed (G_LIST_MODEL (self), before, old->len - before - after,
                                targets->len - before - after);
}

/* -- The list ------------------------------------------------------------------------------ */

static gboolean
idle_cb (gpointer user_data)
{
  VmpChatTargets *self = user_data;

  self->idle = 0;
  gather (self);

  return G_SOURCE_REMOVE;
}

static void
changed_cb (gpointer user_data,
            VmpItem *item)
{
  VmpChatTargets *self = user_data;

  if (self->idle == 0)
    self->idle = g_idle_add (idle_cb, self);
}

static GType
get_item_type (GListModel *model)
{
  return VMP_TYPE_CHAT_TARGET;
}

static guint
get_n_items (GListModel *model)
{
  return VMP_CHAT_TARGETS (model)->targets->len;
}

static gpointer
get_item (GListModel *model,
          guint       position)
{
  VmpChatTargets *self = VMP_CHAT_TARGETS (model);

  return position < self->targets->len ? g_object_ref (g_ptr_array_index (self->targets, position)) : NULL;
}

static void
vmp_chat_targets_model_init (GListModelInterface *iface)
{
  iface->get_item_type = get_item_type;
  iface->get_n_items = get_n_items;
  iface->get_item = get_item;
}

static void
vmp_chat_targets_dispose (GObject *object)
{
  VmpChatTargets *self = VMP_CHAT_TARGETS (object);

  g_clear_handle_id (&self->idle, g_source_remove);
  for (gsize i = 0; i < G_N_ELEMENTS (self->watches); i++)
    g_clear_pointer (&self->watches[i], vmp_item_watch_free);
  g_clear_object (&self->mirror);

  G_OBJECT_CLASS (vmp_chat_targets_parent_class)->dispose (object);
}

static void
vmp_chat_targets_finalize (GObject *object)
{
  VmpChatTargets *self = VMP_CHAT_TARGETS (object);

  g_hash_table_unref (self->by_id);
  g_ptr_array_unref (self->targets);

  G_OBJECT_CLASS (vmp_chat_targets_parent_class)->finalize (object);
}

static void
vmp_chat_targets_class_init (VmpChatTargetsClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = vmp_chat_targets_dispose;
  G_OBJECT_CLASS (klass)->finalize = vmp_chat_targets_finalize;
}

static void
vmp_chat_targets_init (VmpChatTargets *self)
{
  self->targets = g_ptr_array_new_with_free_func (g_object_unref);
  self->by_id = g_hash_table_new (vmp_text_hash, g_str_equal);
}

VmpChatTargets *
vmp_chat_targets_new (VmpMirror *mirror)
{
  static const VmpTopic topics[N_WATCHED] = { VMP_TOPIC_VIRTUAL_MODELS, VMP_TOPIC_ROUTES, VMP_TOPIC_MODELS };
  VmpChatTargets *self;

  g_return_val_if_fail (VMP_IS_MIRROR (mirror), NULL);

  self = g_object_new (VMP_TYPE_CHAT_TARGETS, NULL);
  self->mirror = g_object_ref (mirror);
  for (gsize i = 0; i < G_N_ELEMENTS (topics); i++)
    self->watches[i] = vmp_item_watch_new (vmp_mirror_get_list (mirror, topics[i]), changed_cb, self);
  gather (self);

  return self;
}

VmpChatTarget *
vmp_chat_targets_find (VmpChatTargets *self,
                       const char     *id)
{
  g_return_val_if_fail (VMP_IS_CHAT_TARGETS (self), NULL);

  return id != NULL ? g_hash_table_lookup (self->by_id, id) : NULL;
}
