/* SPDX-License-Identifier: MIT
 *
 * Tests of the tray's menu as values: what may be shown of names from the network, and what com.canonical.dbusmenu says
 * of items, printed as text; what is told as a change of properties and what as a new layout.
 */

#include "platform/linux/vmp-tray-menu.h"

#include <stdlib.h>
#include <string.h>

static const VmpTrayItem menu[] = {
  { 1, VMP_TRAY_ITEM_ACTION, 0, "3 of 4 nodes", false },
  { 0, VMP_TRAY_ITEM_SEPARATOR, 0 },
  { 2, VMP_TRAY_ITEM_CHECK, 0, "Share on This Network", true, true },
  { 3, VMP_TRAY_ITEM_SUBMENU, 0, "Nodes", true },
  { 4, VMP_TRAY_ITEM_ACTION, 1, "my_node", true },
  { 5, VMP_TRAY_ITEM_ACTION, 1, "All Nodes…", true },
  { 6, VMP_TRAY_ITEM_ACTION, 0, "Quit", true },
};

/* -- Text ---------------------------------------------------------------------------------- */

static void
assert_text (const char *text,
             gsize       max_chars,
             const char *expected)
{
  char *copy = vmp_tray_text (text, max_chars);

  g_assert_cmpstr (copy, ==, expected);
  g_assert_true (g_utf8_validate (copy, -1, NULL));
  free (copy);
}

static void
test_text_kept (void)
{
  assert_text (NULL, 10, "");
  assert_text ("", 10, "");
  assert_text ("plain & <b>_x_</b>", 30, "plain & <b>_x_</b>");
  assert_text ("Größe 日本語 👩‍💻", 30, "Größe 日本語 👩‍💻");
}

static void
test_text_cut (void)
{
  assert_text ("12345", 5, "12345");
  assert_text ("123456", 5, "1234…");
  assert_text ("ÄÖÜß€", 5, "ÄÖÜß€");
  assert_text ("ÄÖÜß€x", 5, "ÄÖÜß…");
  assert_text ("ab", 1, "…");
}

static void
test_text_hostile (void)
{
  assert_text ("a\nb\tc\x1b[31m", 20, "a�b�c�[31m");
  assert_text ("a\u202eb\u2066c\u200bd\ufeff", 20, "a�b�c�d�");
  assert_text ("a\u2028b\u061cc\u00add", 20, "a�b�c�d");
  assert_text ("a\xff" "b\xc3", 20, "a�b�");
  assert_text ("\xc0\x80 \xed\xa0\x80", 20, "�� ���");
  assert_text ("\xf4\x90\x80\x80", 20, "����");
  assert_text ("\xe2\x82", 20, "��");
}

/* Whatever the bytes are, it is text and no longer than it may be. */
static void
test_text_random (void)
{
  for (guint i = 0; i < 20000; i++)
    {
      char bytes[40];
      gsize len = g_test_rand_int_range (0, sizeof bytes);
      char *copy;

      for (gsize j = 0; j < len; j++)
        bytes[j] = g_test_rand_int_range (0, 4) != 0 ? g_test_rand_int_range (0x80, 0x100)
                                                     : g_test_rand_int_range (1, 0x80);
      bytes[len] = '\0';

      copy = vmp_tray_text (bytes, 10);
      g_assert_true (g_utf8_validate (copy, -1, NULL));
      g_assert_cmpint (g_utf8_strlen (copy, -1), <=, 10);
      free (copy);
    }
}

/* -- Items --------------------------------------------------------------------------------- */

static void
test_items_limits (void)
{
  VmpTrayItem items[VMP_TRAY_MAX_ITEMS + 10];
  VmpTrayItems copy;

  for (guint i = 0; i < G_N_ELEMENTS (items); i++)
    items[i] = (VmpTrayItem) { i + 1, VMP_TRAY_ITEM_ACTION, 0, "item", true };
  copy = vmp_tray_items_copy (items, G_N_ELEMENTS (items));
  g_assert_cmpuint (copy.n_items, ==, VMP_TRAY_MAX_ITEMS);
  vmp_tray_items_clear (&copy);
  g_assert_null (copy.items);
}

static void
test_items_ids (void)
{
  static const VmpTrayItem items[] = {
    { 7, VMP_TRAY_ITEM_ACTION, 0, "one", true },
    { 7, VMP_TRAY_ITEM_ACTION, 0, "same", true },
    { 0, VMP_TRAY_ITEM_ACTION, 0, "none", true },
    { -3, VMP_TRAY_ITEM_ACTION, 0, "below", true },
    { 0, VMP_TRAY_ITEM_SEPARATOR },
    { 0, VMP_TRAY_ITEM_SEPARATOR },
    { 8, VMP_TRAY_ITEM_ACTION, 0, NULL, true },
  };
  VmpTrayItems copy = vmp_tray_items_copy (items, G_N_ELEMENTS (items));

  g_assert_cmpuint (copy.n_items, ==, 4);
  g_assert_cmpstr (copy.items[0].label, ==, "one");
  g_assert_cmpint (copy.items[1].id, ==, VMP_TRAY_FIRST_OWN_ID);
  g_assert_cmpint (copy.items[2].id, ==, VMP_TRAY_FIRST_OWN_ID + 1);
  g_assert_cmpstr (copy.items[3].label, ==, "");
  vmp_tray_items_clear (&copy);
}

/* An item that is deeper than anything it could be in. */
static void
test_items_depth (void)
{
  static const VmpTrayItem items[] = {
    { 1, VMP_TRAY_ITEM_ACTION, 5, "top", true },
    { 2, VMP_TRAY_ITEM_SUBMENU, 0, "menu", true },
    { 3, VMP_TRAY_ITEM_ACTION, 9, "in it", true },
    { 4, VMP_TRAY_ITEM_ACTION, 2, "too", true },
  };
  VmpTrayItems copy = vmp_tray_items_copy (items, G_N_ELEMENTS (items));

  g_assert_cmpuint (copy.items[0].depth, ==, 0);
  g_assert_cmpuint (copy.items[2].depth, ==, 1);
  g_assert_cmpuint (copy.items[3].depth, ==, 1);
  vmp_tray_items_clear (&copy);
}

/* -- Layout -------------------------------------------------------------------------------- */

static void
assert_printed (GVariant   *value,
                const char *expected)
{
  g_autofree char *text = NULL;

  g_assert_nonnull (value);
  g_variant_ref_sink (value);
  text = g_variant_print (value, FALSE);
  g_assert_cmpstr (text, ==, expected);
  g_variant_unref (value);
}

typedef struct {
  VmpTrayItems items;
} Fixture;

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  self->items = vmp_tray_items_copy (menu, G_N_ELEMENTS (menu));
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  vmp_tray_items_clear (&self->items);
}

#define LABEL_1 "{'label': <'3 of 4 nodes'>, 'enabled': <false>}"
#define CHECK_2 "{'label': <'Share on This Network'>, 'enabled': <true>, 'toggle-type': <'checkmark'>, " \
        "'toggle-state': <1>}"
#define SUBMENU_3 "{'label': <'Nodes'>, 'enabled': <true>, 'children-display': <'submenu'>}"

static void
test_layout_all (Fixture      *self,
                 gconstpointer data)
{
  assert_printed (vmp_tray_layout_tree (&self->items, 0, -1, NULL),
                  "(0, {'children-display': <'submenu'>}, [<(1, " LABEL_1 ", @av [])>, "
                  "<(1073741824, {'type': <'separator'>}, @av [])>, <(2, " CHECK_2 ", @av [])>, "
                  "<(3, " SUBMENU_3 ", [<(4, {'label': <'my__node'>, 'enabled': <true>}, @av [])>, "
                  "<(5, {'label': <'All Nodes…'>, 'enabled': <true>}, @av [])>])>, "
                  "<(6, {'label': <'Quit'>, 'enabled': <true>}, @av [])>])");
}

/* A panel that asks for one level at a time. */
static void
test_layout_depth (Fixture      *self,
                   gconstpointer data)
{
  const char *names[] = { "type", "children-display", NULL };

  assert_printed (vmp_tray_layout_tree (&self->items, 0, 0, names), "(0, {'children-display': <'submenu'>}, [])");
  assert_printed (vmp_tray_layout_tree (&self->items, 0, 1, names),
                  "(0, {'children-display': <'submenu'>}, [<(1, @a{sv} {}, @av [])>, "
                  "<(1073741824, {'type': <'separator'>}, @av [])>, <(2, @a{sv} {}, @av [])>, "
                  "<(3, {'children-display': <'submenu'>}, @av [])>, <(6, @a{sv} {}, @av [])>])");
  assert_printed (vmp_tray_layout_tree (&self->items, 3, 1, names),
                  "(3, {'children-display': <'submenu'>}, [<(4, @a{sv} {}, @av [])>, <(5, @a{sv} {}, @av [])>])");
  assert_printed (vmp_tray_layout_tree (&self->items, 6, -1, names), "(6, {}, [])");
  g_assert_null (vmp_tray_layout_tree (&self->items, 77, -1, names));
}

static void
test_layout_empty (void)
{
  VmpTrayItems none = { NULL, 0 };

  assert_printed (vmp_tray_layout_tree (&none, 0, -1, NULL), "(0, {'children-display': <'submenu'>}, [])");
}

static void
test_properties (Fixture      *self,
                 gconstpointer data)
{
  const char *names[] = { "label", "toggle-state", "icon-data", NULL };

  assert_printed (vmp_tray_layout_properties (&self->items, 2, names),
                  "{'label': <'Share on This Network'>, 'toggle-state': <1>}");
  assert_printed (vmp_tray_layout_properties (&self->items, 0, NULL), "{'children-display': <'submenu'>}");
  g_assert_null (vmp_tray_layout_properties (&self->items, 77, NULL));
}

/* -- Changes ------------------------------------------------------------------------------- */

typedef struct {
  VmpTrayItem items[G_N_ELEMENTS (menu) + 2];
  gsize n_items;
} Draft;

static void
draft_init (Draft *self)
{
  memcpy (self->items, menu, sizeof menu);
  self->n_items = G_N_ELEMENTS (menu);
}

static void
draft_insert (Draft      *self,
              gsize       at,
              VmpTrayItem item)
{
  memmove (self->items + at + 1, self->items + at, (self->n_items - at) * sizeof item);
  self->items[at] = item;
  self->n_items++;
}

/* @changes: NULL: none. @parent: -1: the layout stays */
static void
assert_changes (Fixture     *self,
                const Draft *draft,
                const char  *changes,
                int          parent)
{
  VmpTrayItems after = vmp_tray_items_copy (draft->items, draft->n_items);
  GVariant *told = vmp_tray_layout_changes (&self->items, &after);

  if (changes != NULL)
    assert_printed (told, changes);
  else
    g_assert_null (told);
  g_assert_cmpint (vmp_tray_layout_changed_parent (&self->items, &after), ==, parent);
  vmp_tray_items_clear (&after);
}

static void
test_changes_none (Fixture      *self,
                   gconstpointer data)
{
  Draft draft;

  draft_init (&draft);
  assert_changes (self, &draft, NULL, -1);
}

/* An open menu stays open. */
static void
test_changes_properties (Fixture      *self,
                         gconstpointer data)
{
  Draft draft;

  draft_init (&draft);
  draft.items[0].label = "4 of 4 nodes";
  draft.items[2].checked = false;
  draft.items[4].label = "my_name";
  draft.items[6].enabled = false;
  assert_changes (self, &draft,
                  "([(1, {'label': <'4 of 4 nodes'>}), (2, {'toggle-state': <0>}), (4, {'label': <'my__name'>}), "
                  "(6, {'enabled': <false>})], [])", -1);
}

static void
test_changes_submenu (Fixture      *self,
                      gconstpointer data)
{
  Draft draft;

  draft_init (&draft);
  draft_insert (&draft, 5, (VmpTrayItem) { 9, VMP_TRAY_ITEM_ACTION, 1, "new", true });
  assert_changes (self, &draft, NULL, 3);
}

static void
test_changes_top (Fixture      *self,
                  gconstpointer data)
{
  Draft draft;

  draft_init (&draft);
  draft_insert (&draft, 6, (VmpTrayItem) { 9, VMP_TRAY_ITEM_ACTION, 0, "1 Waiting for Approval…", true });
  draft.items[2].checked = false;
  assert_changes (self, &draft, "([(2, {'toggle-state': <0>})], [])", 0);
}

static void
test_changes_order (Fixture      *self,
                    gconstpointer data)
{
  Draft draft;
  VmpTrayItem item;

  draft_init (&draft);
  item = draft.items[4];
  draft.items[4] = draft.items[5];
  draft.items[5] = item;
  assert_changes (self, &draft, NULL, 3);
}

/* An item of another kind loses what it was. */
static void
test_changes_kind (Fixture      *self,
                   gconstpointer data)
{
  Draft draft;

  draft_init (&draft);
  draft.items[2].kind = VMP_TRAY_ITEM_ACTION;
  assert_changes (self, &draft, "([], [(2, ['toggle-type', 'toggle-state'])])", -1);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/tray-menu/text/kept", test_text_kept);
  g_test_add_func ("/tray-menu/text/cut", test_text_cut);
  g_test_add_func ("/tray-menu/text/hostile", test_text_hostile);
  g_test_add_func ("/tray-menu/text/random", test_text_random);
  g_test_add_func ("/tray-menu/items/limits", test_items_limits);
  g_test_add_func ("/tray-menu/items/ids", test_items_ids);
  g_test_add_func ("/tray-menu/items/depth", test_items_depth);
  g_test_add_func ("/tray-menu/layout/empty", test_layout_empty);
#define ADD(path, test) g_test_add ("/tray-menu/" path, Fixture, NULL, set_up, test, tear_down)
  ADD ("layout/all", test_layout_all);
  ADD ("layout/depth-and-names", test_layout_depth);
  ADD ("properties", test_properties);
  ADD ("changes/none", test_changes_none);
  ADD ("changes/as-properties", test_changes_properties);
  ADD ("changes/in-a-submenu", test_changes_submenu);
  ADD ("changes/at-the-top", test_changes_top);
  ADD ("changes/of-order", test_changes_order);
  ADD ("changes/of-kind", test_changes_kind);
#undef ADD

  return g_test_run ();
}
