/* SPDX-License-Identifier: MIT
 *
 * See vmp-node-sections.h. Nodes change many times a minute, and hardly ever move: a change is compared with what is
 * listed before anything is made anew, and only the part of the list that differs is told of.
 */

#include "app/windows/vmp-node-sections.h"

#include "app/windows/vmp-item-watch.h"
#include "app/windows/vmp-node-words.h"

/* -- A heading ----------------------------------------------------------------------------- */

struct _VmpNodesHeading {
  GObject parent_instance;

  VmpNodesSection section;
  guint count;
};

enum {
  PROP_0,
  PROP_COUNT,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (VmpNodesHeading, vmp_nodes_heading, G_TYPE_OBJECT)

static void
vmp_nodes_heading_get_property (GObject    *object,
                                guint       prop_id,
                                GValue     *value,
                                GParamSpec *pspec)
{
  switch (prop_id)
    {
    case PROP_COUNT:
      g_value_set_uint (value, VMP_NODES_HEADING (object)->count);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, prop_id, pspec);
    }
}

static void
vmp_nodes_heading_class_init (VmpNodesHeadingClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);

  object_class->get_property = vmp_nodes_heading_get_property;

  properties[PROP_COUNT] = g_param_spec_uint ("count", NULL, NULL, 0, G_MAXUINT, 0,
                                              G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
vmp_nodes_heading_init (VmpNodesHeading *self)
{
}

static void
set_count (VmpNodesHeading *self,
           guint            count)
{
  if (self->count == count)
    return;

  self->count = count;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_COUNT]);
}

VmpNodesSection
vmp_nodes_heading_get_section (VmpNodesHeading *self)
{
  return self->section;
}

guint
vmp_nodes_heading_get_count (VmpNodesHeading *self)
{
  return self->count;
}

/* -- The list ------------------------------------------------------------------------------ */

struct _VmpNodeSections {
  GObject parent_instance;

  VmpItemList *nodes;
  VmpItemWatch *watch;
  char *needle;                                    /* case-folded; NULL: all */
  VmpNodesHeading *headings[VMP_N_NODES_SECTIONS];
  GPtrArray *rows;                                 /* of GObject: what is listed now */
  GHashTable *places;                              /* VmpItem -> section + 1, of those that are listed */
  guint rebuilding;                                /* source; 0: it is as the nodes are */
};

static GType
get_item_type (GListModel *model)
{
  return G_TYPE_OBJECT;
}

static guint
get_n_items (GListModel *model)
{
  return VMP_NODE_SECTIONS (model)->rows->len;
}

static gpointer
get_item (GListModel *model,
          guint       position)
{
  VmpNodeSections *self = VMP_NODE_SECTIONS (model);

  return position < self->rows->len ? g_object_ref (g_ptr_array_index (self->rows, position)) : NULL;
}

static void
list_model_init (GListModelInterface *iface)
{
  iface->get_item_type = get_item_type;
  iface->get_n_items = get_n_items;
  iface->get_item = get_item;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (VmpNodeSections, vmp_node_sections, G_TYPE_OBJECT,
                               G_IMPLEMENT_INTERFACE (G_TYPE_LIST_MODEL, list_model_init))

static VmpNodesSection
get_section (VmpItem *node)
{
  const char *approval = vmp_item_get_string (node, "approval");

  if (g_strcmp0 (approval, "pending") == 0)
    return VMP_NODES_WAITING;

  return g_strcmp0 (approval, "blocked") == 0 ? VMP_NODES_BLOCKED : VMP_NODES_APPROVED;
}

/* Its section + 1; 0: it is not listed. */
static guint
get_place (VmpNodeSections *self,
           VmpItem         *node)
{
  if (self->needle != NULL && !vmp_node_words_match (node, self->needle))
    return 0;

  return get_section (node) + 1;
}

static gboolean
is_first_of (GPtrArray *rows,
             guint      position)
{
  return position == 0 || VMP_IS_NODES_HEADING (g_ptr_array_index (rows, position - 1));
}

static gboolean
is_last_of (GPtrArray *rows,
            guint      position)
{
  return position + 1 == rows->len || VMP_IS_NODES_HEADING (g_ptr_array_index (rows, position + 1));
}

/* Tells of the part in which @before and @rows differ, and of the rows beside it that have become, or are no more, the
 * first or the last of their section. */
static void
tell (VmpNodeSections *self,
      GPtrArray       *before)
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

  if (start > 0 && is_last_of (before, start - 1) != is_last_of (self->rows, start - 1))
    start--;
  if (end > 0 && is_first_of (before, before->len - end) != is_first_of (self->rows, self->rows->len - end))
    end--;
  g_list_model_items_changed (G_LIST_MODEL (self), start, before->len - start - end, self->rows->len - start - end);
}

static void
rebuild (VmpNodeSections *self)
{
  guint n = g_list_model_get_n_items (G_LIST_MODEL (self->nodes));
  g_autoptr (GPtrArray) before = g_steal_pointer (&self->rows);
  g_autoptr (GPtrArray) nodes = g_ptr_array_new_full (n, g_object_unref);

  self->rows = g_ptr_array_new_full (n + VMP_N_NODES_SECTIONS, g_object_unref);
  g_hash_table_remove_all (self->places);
  for (guint i = 0; i < n; i++)
    {
      VmpItem *node = g_list_model_get_item (G_LIST_MODEL (self->nodes), i);
      guint place = get_place (self, node);

      g_ptr_array_add (nodes, node);
      if (place > 0)
        g_hash_table_insert (self->places, node, GUINT_TO_POINTER (place));
    }

  for (guint section = 0; section < VMP_N_NODES_SECTIONS; section++)
    {
      guint heading = self->rows->len;

      for (guint i = 0; i < n; i++)
        {
          VmpItem *node = g_ptr_array_index (nodes, i);

          if (GPOINTER_TO_UINT (g_hash_table_lookup (self->places, node)) != section + 1)
            continue;
          if (self->rows->len == heading)
            g_ptr_array_add (self->rows, g_object_ref (self->headings[section]));
          g_ptr_array_add (self->rows, g_object_ref (node));
        }
      set_count (self->headings[section], self->rows->len > heading ? self->rows->len - heading - 1 : 0);
    }

  tell (self, before);
}

static gboolean
rebuild_cb (gpointer user_data)
{
  VmpNodeSections *self = user_data;

  self->rebuilding = 0;
  rebuild (self);

  return G_SOURCE_REMOVE;
}

/* Once for all that has come, before the next frame is drawn. */
static void
nodes_changed_cb (gpointer user_data,
                  VmpItem *changed)
{
  VmpNodeSections *self = user_data;

  if (self->rebuilding == 0
      && (changed == NULL
          || get_place (self, changed) != GPOINTER_TO_UINT (g_hash_table_lookup (self->places, changed))))
    self->rebuilding = g_idle_add_full (G_PRIORITY_HIGH_IDLE, rebuild_cb, self, NULL);
}

static void
vmp_node_sections_dispose (GObject *object)
{
  VmpNodeSections *self = VMP_NODE_SECTIONS (object);

  g_clear_handle_id (&self->rebuilding, g_source_remove);
  g_clear_pointer (&self->watch, vmp_item_watch_free);
  g_clear_object (&self->nodes);

  G_OBJECT_CLASS (vmp_node_sections_parent_class)->dispose (object);
}

static void
vmp_node_sections_finalize (GObject *object)
{
  VmpNodeSections *self = VMP_NODE_SECTIONS (object);

  g_hash_table_unref (self->places);
  g_ptr_array_unref (self->rows);
  for (guint i = 0; i < VMP_N_NODES_SECTIONS; i++)
    g_object_unref (self->headings[i]);
  g_free (self->needle);

  G_OBJECT_CLASS (vmp_node_sections_parent_class)->finalize (object);
}

static void
vmp_node_sections_class_init (VmpNodeSectionsClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);

  object_class->dispose = vmp_node_sections_dispose;
  object_class->finalize = vmp_node_sections_finalize;
}

static void
vmp_node_sections_init (VmpNodeSections *self)
{
  for (guint i = 0; i < VMP_N_NODES_SECTIONS; i++)
    {
      self->headings[i] = g_object_new (VMP_TYPE_NODES_HEADING, NULL);
      self->headings[i]->section = i;
    }
  self->rows = g_ptr_array_new_with_free_func (g_object_unref);
  self->places = g_hash_table_new (NULL, NULL);
}

VmpNodeSections *
vmp_node_sections_new (VmpItemList *nodes)
{
  VmpNodeSections *self;

  g_return_val_if_fail (VMP_IS_ITEM_LIST (nodes), NULL);

  self = g_object_new (VMP_TYPE_NODE_SECTIONS, NULL);
  self->nodes = g_object_ref (nodes);
  self->watch = vmp_item_watch_new (nodes, nodes_changed_cb, self);
  rebuild (self);

  return self;
}

void
vmp_node_sections_set_search (VmpNodeSections *self,
                              const char      *text)
{
  g_autofree char *stripped = text != NULL ? g_strstrip (g_strdup (text)) : NULL;
  g_autofree char *needle = stripped != NULL && *stripped != '\0' ? g_utf8_casefold (stripped, -1) : NULL;

  g_return_if_fail (VMP_IS_NODE_SECTIONS (self));

  if (g_strcmp0 (needle, self->needle) == 0)
    return;

  g_free (self->needle);
  self->needle = g_steal_pointer (&needle);
  rebuild (self);
}

guint
vmp_node_sections_count (VmpNodeSections *self)
{
  g_return_val_if_fail (VMP_IS_NODE_SECTIONS (self), 0);

  return g_hash_table_size (self->places);
}

void
vmp_node_sections_get_place (VmpNodeSections *self,
                             guint            position,
                             gboolean        *is_first,
                             gboolean        *is_last)
{
  g_return_if_fail (VMP_IS_NODE_SECTIONS (self));
  g_return_if_fail (position < self->rows->len);

  *is_first = is_first_of (self->rows, position);
  *is_last = is_last_of (self->rows, position);
}

guint
vmp_node_sections_find (VmpNodeSections *self,
                        const char      *node_id)
{
  g_return_val_if_fail (VMP_IS_NODE_SECTIONS (self), G_MAXUINT);

  for (guint i = 0; i < self->rows->len; i++)
    {
      GObject *row = g_ptr_array_index (self->rows, i);

      if (VMP_IS_ITEM (row) && g_strcmp0 (vmp_item_get_id (VMP_ITEM (row)), node_id) == 0)
        return i;
    }

  return G_MAXUINT;
}
