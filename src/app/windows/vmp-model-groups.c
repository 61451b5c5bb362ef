/* SPDX-License-Identifier: MIT
 *
 * See vmp-model-groups.h. Models change often and seldom come or go: what has to be made anew is made once, in an idle
 * moment, and only the part of the list that differs is told of.
 */

#include "app/windows/vmp-model-groups.h"

#include <string.h>

#include "app/windows/vmp-item-watch.h"
#include "app/windows/vmp-ui-text.h"

typedef struct {
  VmpModelGroup *group;
  GPtrArray *places;    /* of VmpItem, not owned; gathered while the list is read */
  char *sort_key;       /* of @title */
  char *title;
  gboolean has_changed; /* in what its models say; to be told of */
} Entry;

struct _VmpModelGroups {
  GObject parent_instance;

  VmpMirror *mirror;
  VmpItemWatch *models_watch;
  VmpItemWatch *loads_watch;
  GHashTable *entries;     /* id -> Entry */
  GPtrArray *sorted;       /* of Entry, not owned: all of them */
  GPtrArray *rows;         /* of VmpModelGroup: what is listed */
  char **words;            /* case-folded; NULL: all */
  VmpModelFilter filter;
  gboolean is_stale;       /* models came or went */
  guint idle;
};

static void
entry_free (gpointer data)
{
  Entry *self = data;

  g_object_unref (self->group);
  g_ptr_array_unref (self->places);
  g_free (self->sort_key);
  g_free (self->title);
  g_free (self);
}

/* -- The list model ------------------------------------------------------------------------ */

static GType
get_item_type (GListModel *model)
{
  return VMP_TYPE_MODEL_GROUP;
}

static guint
get_n_items (GListModel *model)
{
  return VMP_MODEL_GROUPS (model)->rows->len;
}

static gpointer
get_item (GListModel *model,
          guint       position)
{
  VmpModelGroups *self = VMP_MODEL_GROUPS (model);

  return position < self->rows->len ? g_object_ref (g_ptr_array_index (self->rows, position)) : NULL;
}

static void
list_model_init (GListModelInterface *iface)
{
  iface->get_item_type = get_item_type;
  iface->get_n_items = get_n_items;
  iface->get_item = get_item;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (VmpModelGroups, vmp_model_groups, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, list_model_init))

/* -- What is listed ------------------------------------------------------------------------ */

static gboolean
matches_words (VmpModelGroups *self,
               VmpModelGroup  *group)
{
  g_autofree char *summary = NULL;
  g_autofree char *where = NULL;
  g_autofree char *text = NULL;
  g_autofree char *folded = NULL;

  if (self->words == NULL)
    return TRUE;

  summary = vmp_model_group_dup_summary (group);
  where = vmp_model_group_dup_where (group, self->mirror);
  text = g_strjoin (" ", vmp_model_group_get_id (group), vmp_model_group_get_title (group), summary, where,
                    vmp_ui_text_model_kind (vmp_model_group_get_kind (group)), NULL);
  folded = g_utf8_casefold (text, -1);
  for (gsize i = 0; self->words[i] != NULL; i++)
    {
      if (strstr (folded, self->words[i]) == NULL)
        return FALSE;
    }
  return TRUE;
}

static gboolean
is_listed (VmpModelGroups *self,
           VmpModelGroup  *group)
{
  gboolean embeds = g_strcmp0 (vmp_model_group_get_kind (group), "embedding") == 0;

  if (self->filter.loaded && vmp_model_group_count_loaded (group) == 0)
    return FALSE;
  if ((self->filter.embeddings && !embeds) || (self->filter.chat && embeds))
    return FALSE;
  if (self->filter.can != 0 && (vmp_model_group_get_can (group) & self->filter.can) != self->filter.can)
    return FALSE;

  return matches_words (self, group);
}

/* Tells of the part in which @before and the rows differ. */
static void
tell (VmpModelGroups *self,
      GPtrArray      *before)
{
  guint shorter = MIN (before->len, self->rows->len);
  guint start = 0;
  guint end = 0;

  while (start < shorter && g_ptr_array_index (before, start) == g_ptr_array_index (self->rows, start))
    start++;
  if (start == before->len && start == self->rows->len)
    return;
  while (end < shorter - start && g_ptr_array_index (before, before->len - 1 - end)
         == g_ptr_array_index (self->rows, self->rows->len - 1 - end))
    end++;

  g_list_model_items_changed (G_LIST_MODEL (self), start, before->len - start - end, self->rows->len - start - end);
}

static void
choose (VmpModelGroups *self)
{
  g_autoptr (GPtrArray) before = g_steal_pointer (&self->rows);

  self->rows = g_ptr_array_new_full (self->sorted->len, g_object_unref);
  for (guint i = 0; i < self->sorted->len; i++)
    {
      Entry *entry = g_ptr_array_index (self->sorted, i);

      if (is_listed (self, entry->group))
        g_ptr_array_add (self->rows, g_object_ref (entry->group));
    }
  tell (self, before);
}

/* -- Gathering ----------------------------------------------------------------------------- */

static Entry *
ensure_entry (VmpModelGroups *self,
              const char     *id)
{
  Entry *entry = g_hash_table_lookup (self->entries, id);

  if (entry == NULL)
    {
      entry = g_new0 (Entry, 1);
      entry->group = vmp_model_group_new (id);
      entry->places = g_ptr_array_new ();
      g_hash_table_insert (self->entries, (gpointer) vmp_model_group_get_id (entry->group), entry);
    }
  return entry;
}

static void
gather_places (VmpModelGroups *self)
{
  GListModel *models = G_LIST_MODEL (vmp_mirror_get_list (self->mirror, VMP_TOPIC_MODELS));
  guint n = g_list_model_get_n_items (models);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (VmpItem) place = g_list_model_get_item (models, i);
      const char *id = vmp_item_get_string (place, "model");

      if (id != NULL)
        g_ptr_array_add (ensure_entry (self, id)->places, place);
    }
}

static void
update_sort_key (Entry *entry)
{
  const char *title = vmp_model_group_get_title (entry->group);
  g_autofree char *folded = NULL;

  if (g_strcmp0 (entry->title, title) == 0)
    return;

  g_free (entry->title);
  g_free (entry->sort_key);
  entry->title = g_strdup (title);
  folded = g_utf8_casefold (title, -1);
  entry->sort_key = g_utf8_collate_key (folded, -1);
}

static int
compare_entries (gconstpointer a,
                 gconstpointer b)
{
  const Entry *left = *(const Entry * const *) a;
  const Entry *right = *(const Entry * const *) b;
  int order = strcmp (left->sort_key, right->sort_key);

  return order != 0 ? order : strcmp (vmp_model_group_get_id (left->group), vmp_model_group_get_id (right->group));
}

static void
gather (VmpModelGroups *self)
{
  GHashTableIter iter;
  gpointer value;

  gather_places (self);
  g_ptr_array_set_size (self->sorted, 0);
  g_hash_table_iter_init (&iter, self->entries);
  while (g_hash_table_iter_next (&iter, NULL, &value))
    {
      Entry *entry = value;

      vmp_model_group_set_places (entry->group, entry->places);
      if (entry->places->len == 0)
        {
          g_hash_table_iter_remove (&iter);
          continue;
        }
      g_ptr_array_set_size (entry->places, 0);
      update_sort_key (entry);
      g_ptr_array_add (self->sorted, entry);
    }
  g_ptr_array_sort (self->sorted, compare_entries);
}

/* A model that is on hundreds of nodes changes on all of them at a time: its group tells of it once. */
static void
tell_of_changed (VmpModelGroups *self)
{
  for (guint i = 0; i < self->sorted->len; i++)
    {
      Entry *entry = g_ptr_array_index (self->sorted, i);

      if (entry->has_changed)
        vmp_model_group_changed (entry->group);
      entry->has_changed = FALSE;
    }
}

static void
update (VmpModelGroups *self)
{
  if (self->is_stale)
    gather (self);
  self->is_stale = FALSE;
  tell_of_changed (self);
  choose (self);
}

static gboolean
idle_cb (gpointer user_data)
{
  VmpModelGroups *self = user_data;

  self->idle = 0;
  update (self);

  return G_SOURCE_REMOVE;
}

static void
update_soon (VmpModelGroups *self)
{
  if (self->idle == 0)
    self->idle = g_idle_add (idle_cb, self);
}

static VmpModelGroup *
find_group (VmpModelGroups *self,
            VmpItem        *item)
{
  const char *id = vmp_item_get_string (item, "model");

  return id != NULL ? vmp_model_groups_find (self, id) : NULL;
}

static void
models_changed_cb (gpointer user_data,
                   VmpItem *place)
{
  VmpModelGroups *self = user_data;
  VmpModelGroup *group = place != NULL ? find_group (self, place) : NULL;

  if (group == NULL)
    self->is_stale = TRUE;
  else
    ((Entry *) g_hash_table_lookup (self->entries, vmp_model_group_get_id (group)))->has_changed = TRUE;
  update_soon (self);
}

/* -- Loads --------------------------------------------------------------------------------- */

static void
take_load (VmpModelGroups *self,
           VmpItem        *load)
{
  VmpModelGroup *group = find_group (self, load);

  if (group != NULL)
    vmp_model_group_set_progress (group, CLAMP (vmp_item_get_double (load, "progress", -1), -1, 1));
}

static void
loads_changed_cb (gpointer user_data,
                  VmpItem *load)
{
  VmpModelGroups *self = user_data;
  GListModel *loads = G_LIST_MODEL (vmp_mirror_get_list (self->mirror, VMP_TOPIC_LOADS));
  g_autoptr (GHashTable) loading = NULL;
  guint n_loads;

  if (load != NULL)
    {
      take_load (self, load);
      return;
    }

  loading = g_hash_table_new (NULL, NULL);
  n_loads = g_list_model_get_n_items (loads);
  for (guint i = 0; i < n_loads; i++)
    {
      g_autoptr (VmpItem) item = g_list_model_get_item (loads, i);
      VmpModelGroup *group = find_group (self, item);

      take_load (self, item);
      if (group != NULL)
        g_hash_table_add (loading, group);
    }
  for (guint i = 0; i < self->sorted->len; i++)
    {
      Entry *entry = g_ptr_array_index (self->sorted, i);

      if (!g_hash_table_contains (loading, entry->group))
        vmp_model_group_set_progress (entry->group, -2);
    }
}

/* -- The object ---------------------------------------------------------------------------- */

static void
vmp_model_groups_dispose (GObject *object)
{
  VmpModelGroups *self = VMP_MODEL_GROUPS (object);

  g_clear_handle_id (&self->idle, g_source_remove);
  g_clear_pointer (&self->models_watch, vmp_item_watch_free);
  g_clear_pointer (&self->loads_watch, vmp_item_watch_free);
  g_clear_object (&self->mirror);

  G_OBJECT_CLASS (vmp_model_groups_parent_class)->dispose (object);
}

static void
vmp_model_groups_finalize (GObject *object)
{
  VmpModelGroups *self = VMP_MODEL_GROUPS (object);

  g_ptr_array_unref (self->rows);
  g_ptr_array_unref (self->sorted);
  g_hash_table_unref (self->entries);
  g_strfreev (self->words);

  G_OBJECT_CLASS (vmp_model_groups_parent_class)->finalize (object);
}

static void
vmp_model_groups_class_init (VmpModelGroupsClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);

  object_class->dispose = vmp_model_groups_dispose;
  object_class->finalize = vmp_model_groups_finalize;
}

static void
vmp_model_groups_init (VmpModelGroups *self)
{
  self->entries = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, entry_free);
  self->sorted = g_ptr_array_new ();
  self->rows = g_ptr_array_new_with_free_func (g_object_unref);
}

VmpModelGroups *
vmp_model_groups_new (VmpMirror *mirror)
{
  VmpModelGroups *self;

  g_return_val_if_fail (VMP_IS_MIRROR (mirror), NULL);

  self = g_object_new (VMP_TYPE_MODEL_GROUPS, NULL);
  self->mirror = g_object_ref (mirror);
  self->models_watch = vmp_item_watch_new (vmp_mirror_get_list (mirror, VMP_TOPIC_MODELS), models_changed_cb, self);
  self->loads_watch = vmp_item_watch_new (vmp_mirror_get_list (mirror, VMP_TOPIC_LOADS), loads_changed_cb, self);
  self->is_stale = TRUE;
  update (self);
  loads_changed_cb (self, NULL);

  return self;
}

void
vmp_model_groups_set_search (VmpModelGroups *self,
                             const char     *text)
{
  g_autofree char *folded = NULL;

  g_return_if_fail (VMP_IS_MODEL_GROUPS (self));

  g_clear_pointer (&self->words, g_strfreev);
  folded = text != NULL ? g_strstrip (g_utf8_casefold (text, -1)) : NULL;
  if (folded != NULL && *folded != '\0')
    self->words = g_strsplit (folded, " ", -1);
  choose (self);
}

void
vmp_model_groups_set_filter (VmpModelGroups       *self,
                             const VmpModelFilter *filter)
{
  g_return_if_fail (VMP_IS_MODEL_GROUPS (self));

  self->filter = *filter;
  choose (self);
}

guint
vmp_model_groups_count (VmpModelGroups *self)
{
  g_return_val_if_fail (VMP_IS_MODEL_GROUPS (self), 0);

  return self->sorted->len;
}

VmpModelGroup *
vmp_model_groups_find (VmpModelGroups *self,
                       const char     *id)
{
  Entry *entry;

  g_return_val_if_fail (VMP_IS_MODEL_GROUPS (self), NULL);

  entry = g_hash_table_lookup (self->entries, id);
  return entry != NULL ? entry->group : NULL;
}

void
vmp_model_groups_flush (VmpModelGroups *self)
{
  g_return_if_fail (VMP_IS_MODEL_GROUPS (self));

  if (self->idle == 0)
    return;

  g_clear_handle_id (&self->idle, g_source_remove);
  update (self);
}
