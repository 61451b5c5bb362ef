/* SPDX-License-Identifier: MIT
 *
 * See vmp-route-options.h.
 */

#include "app/windows/vmp-route-options.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-choice.h"

static void
add_option (GPtrArray  *options,
            const char *id,
            const char *label)
{
  g_ptr_array_add (options, vmp_option_new (id, label));
}

static int
compare_options (gconstpointer a,
                 gconstpointer b)
{
  return g_strcmp0 (vmp_option_get_label (*(VmpOption * const *) a), vmp_option_get_label (*(VmpOption * const *) b));
}

/* From @first on in order, told of once. @options: (transfer full). (transfer full) */
static GListModel *
take_sorted (GPtrArray *options,
             guint      first)
{
  GListStore *store = g_list_store_new (VMP_TYPE_OPTION);

  if (options->len > first)
    qsort (options->pdata + first, options->len - first, sizeof (gpointer), compare_options);
  g_list_store_splice (store, 0, 0, options->pdata, options->len);
  g_ptr_array_unref (options);

  return G_LIST_MODEL (store);
}

GListModel *
vmp_route_options_targets (VmpMirror *mirror)
{
  GListModel *models = G_LIST_MODEL (vmp_mirror_get_list (mirror, VMP_TOPIC_MODELS));
  guint n = g_list_model_get_n_items (models);
  GPtrArray *options = g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (VmpItem) item = g_list_model_get_item (models, i);
      const char *node = vmp_item_get_string (item, "node");
      const char *model = vmp_item_get_string (item, "model");
      g_autofree char *label = NULL;

      if (node == NULL || model == NULL)
        continue;
      /* Translators: a model and the node that has it. */
      label = g_strdup_printf (C_("target", "%s on %s"), model, vmp_mirror_get_node_name (mirror, node));
      add_option (options, vmp_item_get_id (item), label);
    }
  return take_sorted (options, 0);
}

static void
add_models (VmpMirror  *mirror,
            GPtrArray  *options,
            GHashTable *seen)
{
  GListModel *models = G_LIST_MODEL (vmp_mirror_get_list (mirror, VMP_TOPIC_MODELS));
  guint n = g_list_model_get_n_items (models);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (VmpItem) item = g_list_model_get_item (models, i);
      const char *model = vmp_item_get_string (item, "model");

      if (model != NULL && g_hash_table_add (seen, (gpointer) model))
        add_option (options, model, model);
    }
}

static void
add_names (VmpMirror  *mirror,
           VmpTopic    topic,
           const char *member,
           const char *but,
           GPtrArray  *options,
           GHashTable *seen)
{
  GListModel *items = G_LIST_MODEL (vmp_mirror_get_list (mirror, topic));
  guint n = g_list_model_get_n_items (items);

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (VmpItem) item = g_list_model_get_item (items, i);
      const char *name = vmp_item_get_string (item, member);

      if (name != NULL && g_strcmp0 (vmp_item_get_id (item), but) != 0 && g_hash_table_add (seen, (gpointer) name))
        add_option (options, name, name);
    }
}

GListModel *
vmp_route_options_names (VmpMirror  *mirror,
                         const char *none,
                         const char *but)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  GPtrArray *options = g_ptr_array_new_with_free_func (g_object_unref);
  guint first;

  if (none != NULL)
    add_option (options, "", none);
  add_names (mirror, VMP_TOPIC_ROUTES, "virtual_model", but, options, seen);
  add_names (mirror, VMP_TOPIC_VIRTUAL_MODELS, "id", NULL, options, seen);
  first = options->len;
  add_models (mirror, options, seen);

  return take_sorted (options, first);
}

GListModel *
vmp_route_options_models (VmpMirror  *mirror,
                          const char *none)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  GPtrArray *options = g_ptr_array_new_with_free_func (g_object_unref);

  if (none != NULL)
    add_option (options, "", none);
  add_models (mirror, options, seen);

  return take_sorted (options, none != NULL ? 1 : 0);
}
