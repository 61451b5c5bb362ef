/* SPDX-License-Identifier: MIT
 *
 * A menu's items in the shapes of com.canonical.dbusmenu, and what is different between two menus. Functions of values
 * for vmp-tray-menu.c, which knows the bus.
 *
 * Hosts close a menu that is open when its layout changes, and ask again for all of it. So a change of text, of a check
 * mark or of sensitivity is told as properties of an item that stays, and only items that come, go or move as layout.
 */

#include "platform/linux/vmp-tray-menu.h"

#include <string.h>

static int
find (const VmpTrayItems *items,
      int                 id)
{
  for (size_t i = 0; i < items->n_items; i++)
    {
      if (items->items[i].id == id)
        return i;
    }

  return -1;
}

/* -- Properties ---------------------------------------------------------------------------- */

/* "_" marks the letter that an item is reached by; two of them are one to be read. */
static char *
escape_mnemonic (const char *label)
{
  GString *escaped = g_string_new (NULL);

  for (; *label != '\0'; label++)
    {
      if (*label == '_')
        g_string_append_c (escaped, '_');
      g_string_append_c (escaped, *label);
    }

  return g_string_free (escaped, FALSE);
}

static void
add (GVariantBuilder    *builder,
     const char * const *names,
     const char         *name,
     GVariant           *value)
{
  g_autoptr (GVariant) owned = g_variant_ref_sink (value);

  if (names == NULL || names[0] == NULL || g_strv_contains (names, name))
    g_variant_builder_add (builder, "{sv}", name, owned);
}

static GVariant *
item_properties (const VmpTrayItem  *item,
                 const char * const *names)
{
  GVariantBuilder builder;
  g_autofree char *label = NULL;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  if (item->kind == VMP_TRAY_ITEM_SEPARATOR)
    {
      add (&builder, names, "type", g_variant_new_string ("separator"));
      return g_variant_builder_end (&builder);
    }

  label = escape_mnemonic (item->label);
  add (&builder, names, "label", g_variant_new_string (label));
  add (&builder, names, "enabled", g_variant_new_boolean (item->enabled));
  if (item->kind == VMP_TRAY_ITEM_CHECK)
    {
      add (&builder, names, "toggle-type", g_variant_new_string ("checkmark"));
      add (&builder, names, "toggle-state", g_variant_new_int32 (item->checked));
    }
  if (item->kind == VMP_TRAY_ITEM_SUBMENU)
    add (&builder, names, "children-display", g_variant_new_string ("submenu"));

  return g_variant_builder_end (&builder);
}

GVariant *
vmp_tray_layout_properties (const VmpTrayItems *items,
                            int                 id,
                            const char * const *names)
{
  GVariantBuilder builder;
  int at = find (items, id);

  if (at >= 0)
    return item_properties (&items->items[at], names);
  if (id != 0)
    return NULL;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  add (&builder, names, "children-display", g_variant_new_string ("submenu"));

  return g_variant_builder_end (&builder);
}

/* -- Layout -------------------------------------------------------------------------------- */

/* Of the items from @at on, those at @level or deeper belong to the one before them. Their nesting is bounded by their
 * number. */
static GVariant *
build_tree (const VmpTrayItems *items,
            int                 id,
            size_t              at,
            unsigned            level,
            int                 depth,
            const char * const *names)
{
  GVariantBuilder children;

  g_variant_builder_init (&children, G_VARIANT_TYPE ("av"));
  for (; depth != 0 && at < items->n_items && items->items[at].depth >= level; at++)
    {
      if (items->items[at].depth == level)
        g_variant_builder_add (&children, "v", build_tree (items, items->items[at].id, at + 1, level + 1,
                                                           depth > 0 ? depth - 1 : depth, names));
    }

  return g_variant_new ("(i@a{sv}av)", id, vmp_tray_layout_properties (items, id, names), &children);
}

GVariant *
vmp_tray_layout_tree (const VmpTrayItems *items,
                      int                 parent,
                      int                 depth,
                      const char * const *names)
{
  int at = find (items, parent);

  if (parent == 0)
    return build_tree (items, 0, 0, 0, depth, names);

  return at >= 0 ? build_tree (items, parent, at + 1, items->items[at].depth + 1, depth, names) : NULL;
}

/* -- What is different --------------------------------------------------------------------- */

/* FALSE: there is none. */
static gboolean
add_difference (GVariantBuilder *updated,
                GVariantBuilder *removed,
                int              id,
                GVariant        *before,
                GVariant        *after)
{
  g_auto (GVariantDict) old = G_VARIANT_DICT_INIT (before);
  GVariantBuilder values;
  GVariantBuilder names;
  GVariantIter iter;
  const char *name;
  GVariant *value;
  gboolean is_updated = FALSE;
  gboolean is_removed = FALSE;

  g_variant_builder_init (&values, G_VARIANT_TYPE_VARDICT);
  g_variant_iter_init (&iter, after);
  while (g_variant_iter_loop (&iter, "{&sv}", &name, &value))
    {
      g_autoptr (GVariant) was = g_variant_dict_lookup_value (&old, name, NULL);

      if (was == NULL || !g_variant_equal (was, value))
        {
          g_variant_builder_add (&values, "{sv}", name, value);
          is_updated = TRUE;
        }
      g_variant_dict_remove (&old, name);
    }

  g_variant_builder_init (&names, G_VARIANT_TYPE_STRING_ARRAY);
  g_variant_iter_init (&iter, before);
  while (g_variant_iter_loop (&iter, "{&sv}", &name, NULL))
    {
      if (g_variant_dict_contains (&old, name))
        {
          g_variant_builder_add (&names, "s", name);
          is_removed = TRUE;
        }
    }

  if (is_updated)
    g_variant_builder_add (updated, "(ia{sv})", id, &values);
  else
    g_variant_builder_clear (&values);
  if (is_removed)
    g_variant_builder_add (removed, "(ias)", id, &names);
  else
    g_variant_builder_clear (&names);

  return is_updated || is_removed;
}

GVariant *
vmp_tray_layout_changes (const VmpTrayItems *before,
                         const VmpTrayItems *after)
{
  GVariantBuilder updated;
  GVariantBuilder removed;
  gboolean any = FALSE;

  g_variant_builder_init (&updated, G_VARIANT_TYPE ("a(ia{sv})"));
  g_variant_builder_init (&removed, G_VARIANT_TYPE ("a(ias)"));
  for (size_t i = 0; i < after->n_items; i++)
    {
      int at = find (before, after->items[i].id);
      g_autoptr (GVariant) old = NULL;
      g_autoptr (GVariant) new = NULL;

      if (at < 0)
        continue;

      old = g_variant_ref_sink (item_properties (&before->items[at], NULL));
      new = g_variant_ref_sink (item_properties (&after->items[i], NULL));
      any = add_difference (&updated, &removed, after->items[i].id, old, new) || any;
    }

  if (any)
    return g_variant_new ("(a(ia{sv})a(ias))", &updated, &removed);

  g_variant_builder_clear (&updated);
  g_variant_builder_clear (&removed);

  return NULL;
}

/* The ids right below a submenu, or the menu itself. */
static GArray *
children_of (const VmpTrayItems *items,
             int                 id)
{
  GArray *children = g_array_new (FALSE, FALSE, sizeof (int));
  int parent = id != 0 ? find (items, id) : -1;
  unsigned level = parent >= 0 ? items->items[parent].depth + 1 : 0;

  for (size_t i = parent + 1; i < items->n_items && items->items[i].depth >= level; i++)
    {
      if (items->items[i].depth == level)
        g_array_append_val (children, items->items[i].id);
    }

  return children;
}

static gboolean
has_other_children (const VmpTrayItems *before,
                    const VmpTrayItems *after,
                    int                 id)
{
  g_autoptr (GArray) old = children_of (before, id);
  g_autoptr (GArray) new = children_of (after, id);

  return old->len != new->len || (old->len > 0 && memcmp (old->data, new->data, old->len * sizeof (int)) != 0);
}

int
vmp_tray_layout_changed_parent (const VmpTrayItems *before,
                                const VmpTrayItems *after)
{
  int changed = -1;

  if (has_other_children (before, after, 0))
    return 0;

  for (size_t i = 0; i < after->n_items; i++)
    {
      int id = after->items[i].id;

      if (find (before, id) < 0 || !has_other_children (before, after, id))
        continue;
      if (changed >= 0)
        return 0;
      changed = id;
    }

  return changed;
}
