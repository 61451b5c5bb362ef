/* SPDX-License-Identifier: MIT
 *
 * Tests of what the tray shows for what is known: the icon, the status line, the items and their order.
 */

#include "app/vmp-tray-picture.h"

#include "core/vmp-limits.h"

static VmpTrayNode *
make_node (int         item,
           const char *name,
           const char *status)
{
  VmpTrayNode *node = g_new0 (VmpTrayNode, 1);

  node->item = item;
  node->id = g_strdup (name);
  node->name = g_strdup (name);
  node->status = g_strdup (status);

  return node;
}

static VmpTrayFacts
facts_that_work (void)
{
  return (VmpTrayFacts) { .is_connected = TRUE, .nodes_total = 2, .nodes_online = 2 };
}

static const VmpTrayItem *
find (const VmpTrayPicture *picture,
      int                   id)
{
  guint i;

  for (i = 0; i < picture->items->len; i++)
    {
      const VmpTrayItem *item = &g_array_index (picture->items, VmpTrayItem, i);

      if (item->id == id)
        return item;
    }

  return NULL;
}

static void
assert_state (VmpTrayFacts facts,
              VmpTrayState state,
              const char  *status_line)
{
  g_auto (VmpTrayPicture) picture = { 0, };

  vmp_tray_picture_init (&picture, &facts);
  g_assert_cmpint (picture.state, ==, state);
  g_assert_cmpstr (picture.tooltip, ==, status_line);
  g_assert_cmpstr (find (&picture, VMP_TRAY_ITEM_STATUS)->label, ==, status_line);
  g_assert_false (find (&picture, VMP_TRAY_ITEM_STATUS)->enabled);
}

/* The one that needs its owner most wins. */
static void
test_states (void)
{
  VmpTrayFacts facts = facts_that_work ();

  assert_state (facts, VMP_TRAY_OFF, "Ready with 2 nodes");
  facts.is_sharing = TRUE;
  assert_state (facts, VMP_TRAY_SHARING, "Sharing 2 nodes");
  facts.active_requests = 1;
  assert_state (facts, VMP_TRAY_BUSY, "1 answer is being written");
  facts.active_requests = 3;
  assert_state (facts, VMP_TRAY_BUSY, "3 answers are being written");
  facts.nodes_online = 0;
  assert_state (facts, VMP_TRAY_PROBLEM, "No node answers");
  facts.nodes_total = 0;
  assert_state (facts, VMP_TRAY_PROBLEM, "No LM Studio was found yet");
  facts.nodes_waiting = 1;
  assert_state (facts, VMP_TRAY_APPROVAL, "No LM Studio was found yet");
  facts.is_paused = TRUE;
  assert_state (facts, VMP_TRAY_PAUSED, "Paused: requests are refused");
  facts.trouble = (char *) "The port is taken.";
  assert_state (facts, VMP_TRAY_PROBLEM, "The port is taken.");
  facts.trouble = NULL;
  facts.is_connected = FALSE;
  assert_state (facts, VMP_TRAY_PROBLEM, "Starting…");
}

/* The whole menu, in its order, with its labels. */
static void
test_menu (void)
{
  VmpTrayFacts facts = facts_that_work ();
  g_auto (VmpTrayPicture) picture = { 0, };
  g_autoptr (GString) menu = g_string_new (NULL);
  guint i;

  facts.is_sharing = TRUE;
  facts.nodes_waiting = 2;
  facts.nodes = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_tray_node_free);
  g_ptr_array_add (facts.nodes, make_node (VMP_TRAY_ITEM_FIRST_NODE, "studio", "online"));
  g_ptr_array_add (facts.nodes, make_node (VMP_TRAY_ITEM_FIRST_NODE + 1, "_old_ <b>pc</b>", "offline"));
  vmp_tray_picture_init (&picture, &facts);

  for (i = 0; i < picture.items->len; i++)
    {
      const VmpTrayItem *item = &g_array_index (picture.items, VmpTrayItem, i);

      g_string_append_printf (menu, "%*s%s%s\n", (int) item->depth * 2, "",
                              item->kind == VMP_TRAY_ITEM_CHECK ? item->checked ? "[x] " : "[ ] " : "",
                              item->kind == VMP_TRAY_ITEM_SEPARATOR ? "--" : item->label);
    }
  g_assert_cmpstr (menu->str, ==,
                   "Sharing 2 nodes\n"
                   "--\n"
                   "[x] Share on This Network\n"
                   "[ ] Pause Gateway\n"
                   "Nodes\n"
                   "  studio\n"
                   "  _old_ <b>pc</b> (Offline)\n"
                   "  --\n"
                   "  All Nodes…\n"
                   "2 Waiting for Approval…\n"
                   "--\n"
                   "Open Playground\n"
                   "Copy Endpoint Address\n"
                   "Open Dashboard\n"
                   "Preferences\n"
                   "--\n"
                   "Quit\n");
  vmp_tray_facts_clear (&facts);
}

/* Only when there are any. */
static void
test_nobody_waits (void)
{
  VmpTrayFacts facts = facts_that_work ();
  g_auto (VmpTrayPicture) picture = { 0, };

  vmp_tray_picture_init (&picture, &facts);
  g_assert_null (find (&picture, VMP_TRAY_ITEM_WAITING));
}

static void
test_many_nodes (void)
{
  VmpTrayFacts facts = facts_that_work ();
  g_auto (VmpTrayPicture) picture = { 0, };
  guint n = 0;
  guint i;

  facts.nodes = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_tray_node_free);
  for (i = 0; i < 500; i++)
    g_ptr_array_add (facts.nodes, make_node (VMP_TRAY_ITEM_FIRST_NODE + i, "node", "online"));
  vmp_tray_picture_init (&picture, &facts);

  for (i = 0; i < picture.items->len; i++)
    n += g_array_index (picture.items, VmpTrayItem, i).id >= VMP_TRAY_ITEM_FIRST_NODE;
  g_assert_cmpuint (n, ==, VMP_LIMIT_TRAY_NODES);
  g_assert_cmpuint (picture.items->len, <=, VMP_TRAY_MAX_ITEMS);
  g_assert_nonnull (find (&picture, VMP_TRAY_ITEM_ALL_NODES));
  vmp_tray_facts_clear (&facts);
}

/* What cannot be done now cannot be chosen; the windows and Quit always can. */
static void
test_without_gateway (void)
{
  VmpTrayFacts facts = { .trouble = (char *) "The port is taken." };
  g_auto (VmpTrayPicture) picture = { 0, };

  vmp_tray_picture_init (&picture, &facts);
  g_assert_false (find (&picture, VMP_TRAY_ITEM_SHARE)->enabled);
  g_assert_false (find (&picture, VMP_TRAY_ITEM_PAUSE)->enabled);
  g_assert_false (find (&picture, VMP_TRAY_ITEM_COPY)->enabled);
  g_assert_true (find (&picture, VMP_TRAY_ITEM_PREFERENCES)->enabled);
  g_assert_true (find (&picture, VMP_TRAY_ITEM_QUIT)->enabled);
}

/* Hosts keep a menu open across changes only when its items stay the same ones. */
static void
test_ids_are_unique (void)
{
  VmpTrayFacts facts = facts_that_work ();
  g_auto (VmpTrayPicture) picture = { 0, };
  g_autoptr (GHashTable) ids = g_hash_table_new (NULL, NULL);
  guint i;

  facts.nodes_waiting = 1;
  facts.nodes = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_tray_node_free);
  g_ptr_array_add (facts.nodes, make_node (VMP_TRAY_ITEM_FIRST_NODE, "studio", "online"));
  vmp_tray_picture_init (&picture, &facts);
  for (i = 0; i < picture.items->len; i++)
    {
      int id = g_array_index (picture.items, VmpTrayItem, i).id;

      g_assert_cmpint (id, >, 0);
      g_assert_true (g_hash_table_add (ids, GINT_TO_POINTER (id)));
    }
  vmp_tray_facts_clear (&facts);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tray-picture/states", test_states);
  g_test_add_func ("/tray-picture/menu", test_menu);
  g_test_add_func ("/tray-picture/nobody-waits", test_nobody_waits);
  g_test_add_func ("/tray-picture/many-nodes", test_many_nodes);
  g_test_add_func ("/tray-picture/without-gateway", test_without_gateway);
  g_test_add_func ("/tray-picture/ids-are-unique", test_ids_are_unique);

  return g_test_run ();
}
