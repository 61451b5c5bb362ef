/* SPDX-License-Identifier: MIT
 *
 * Tests of the page of nodes and what it opens: the list with its sections, the page of one node, adding by address,
 * and looking in the network.
 */

#include "app/windows/vmp-add-node-window.h"
#include "app/windows/vmp-fact-row.h"
#include "app/windows/vmp-node-models.h"
#include "app/windows/vmp-node-page.h"
#include "app/windows/vmp-node-row.h"
#include "app/windows/vmp-node-sections.h"
#include "app/windows/vmp-node-token.h"
#include "app/windows/vmp-node-words.h"
#include "app/windows/vmp-nodes-page.h"
#include "app/windows/vmp-scan-window.h"
#include "nodes-fixture.h"

#include <string.h>

#define MINE "\"approval\": \"approved\""
#define BLOCKED "\"approval\": \"blocked\""

#define DISCOVER "POST /vampire/v1/discover"
#define JOBS "GET /vampire/v1/discover/jobs"
#define JOB "{\"id\": \"job-1\", \"state\": \"%s\", \"progress\": {\"done\": %d, \"total\": 254}, \"found\": %d, " \
            "\"started_at\": \"2026-01-01T10:00:00Z\", \"ended_at\": null}"

typedef struct {
  NodesFixture nodes;
  GtkWidget *page;
  GString *changes;     /* "position-removed+added " */
} Fixture;

static void
set_up (Fixture      *fixture,
        gconstpointer data)
{
  nodes_fixture_set_up (&fixture->nodes, data);
  fixture->changes = g_string_new (NULL);
  fixture->page = vmp_nodes_page_new (fixture->nodes.windows.mirror);
  windows_fixture_show (&fixture->nodes.windows, fixture->page, 400);
}

static void
tear_down (Fixture      *fixture,
           gconstpointer data)
{
  nodes_fixture_tear_down (&fixture->nodes, data);
  g_string_free (fixture->changes, TRUE);
}

#define part(id) child_of (fixture->page, VMP_TYPE_NODES_PAGE, id)

static const char *
get_page (Fixture *fixture)
{
  return gtk_stack_get_visible_child_name (part ("stack"));
}

static GListModel *
get_rows (Fixture *fixture)
{
  return G_LIST_MODEL (gtk_list_view_get_model (part ("list_view")));
}

/* "[0 1] a [2 1] c": headings as section and count, and ids */
static char *
describe_rows (GListModel *rows)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < g_list_model_get_n_items (rows); i++)
    {
      g_autoptr (GObject) row = g_list_model_get_item (rows, i);

      if (text->len > 0)
        g_string_append_c (text, ' ');
      if (VMP_IS_NODES_HEADING (row))
        g_string_append_printf (text, "[%d %u]", vmp_nodes_heading_get_section (VMP_NODES_HEADING (row)),
                                vmp_nodes_heading_get_count (VMP_NODES_HEADING (row)));
      else
        g_string_append (text, vmp_item_get_id (VMP_ITEM (row)));
    }

  return g_string_free (g_steal_pointer (&text), FALSE);
}

static gboolean
has_rows (Fixture    *fixture,
          const char *expected)
{
  g_autofree char *rows = describe_rows (get_rows (fixture));

  return g_str_equal (rows, expected);
}

/* -- The list ------------------------------------------------------------------------------ */

static void
test_empty (Fixture      *fixture,
            gconstpointer data)
{
  await (g_str_equal (get_page (fixture), "empty"));
  nodes_fixture_add (&fixture->nodes, "a", MINE);
  await (g_str_equal (get_page (fixture), "nodes"));
  nodes_fixture_remove (&fixture->nodes, "a");
  await (g_str_equal (get_page (fixture), "empty"));
}

static void
test_sections (Fixture      *fixture,
               gconstpointer data)
{
  nodes_fixture_add (&fixture->nodes, "w", "\"approval\": \"pending\"");
  nodes_fixture_add (&fixture->nodes, "b", BLOCKED);
  nodes_fixture_add (&fixture->nodes, "a", MINE);
  nodes_fixture_add (&fixture->nodes, "c", MINE);
  await (has_rows (fixture, "[0 2] a c [1 1] w [2 1] b"));

  nodes_fixture_change (&fixture->nodes, "w", MINE);
  await (has_rows (fixture, "[0 3] w a c [2 1] b"));
}

static void
items_changed_cb (GListModel *model,
                  guint       position,
                  guint       removed,
                  guint       added,
                  Fixture    *fixture)
{
  g_string_append_printf (fixture->changes, "%u-%u+%u ", position, removed, added);
}

/* What is told anew is what looks otherwise, so that rows that stay keep their focus and their place on screen. */
static void
test_small_changes (Fixture      *fixture,
                    gconstpointer data)
{
  g_autoptr (VmpNodeSections) sections = NULL;

  nodes_fixture_add (&fixture->nodes, "a", MINE);
  nodes_fixture_add (&fixture->nodes, "b", MINE);
  nodes_fixture_add (&fixture->nodes, "c", MINE);
  sections = vmp_node_sections_new (vmp_mirror_get_list (fixture->nodes.windows.mirror, VMP_TOPIC_NODES));
  g_signal_connect (sections, "items-changed", G_CALLBACK (items_changed_cb), fixture);

  nodes_fixture_change (&fixture->nodes, "b", "\"latency_ms\": 99");
  g_assert_cmpstr (fixture->changes->str, ==, "");

  /* The last one is not the last any more. */
  nodes_fixture_add (&fixture->nodes, "d", MINE);
  await (g_str_equal (fixture->changes->str, "3-1+2 "));

  g_string_truncate (fixture->changes, 0);
  nodes_fixture_change (&fixture->nodes, "b", "\"approval\": \"blocked\"");
  await (g_str_equal (fixture->changes->str, "2-3+4 "));

  g_string_truncate (fixture->changes, 0);
  nodes_fixture_remove (&fixture->nodes, "c");
  await (g_str_equal (fixture->changes->str, "2-1+0 "));
  g_signal_handlers_disconnect_by_data (sections, fixture);
}

static void
test_places (Fixture      *fixture,
             gconstpointer data)
{
  g_autoptr (VmpNodeSections) sections = NULL;
  gboolean is_first;
  gboolean is_last;

  nodes_fixture_add (&fixture->nodes, "a", MINE);
  nodes_fixture_add (&fixture->nodes, "b", MINE);
  nodes_fixture_add (&fixture->nodes, "c", BLOCKED);
  sections = vmp_node_sections_new (vmp_mirror_get_list (fixture->nodes.windows.mirror, VMP_TOPIC_NODES));

  vmp_node_sections_get_place (sections, 1, &is_first, &is_last);
  g_assert_true (is_first && !is_last);
  vmp_node_sections_get_place (sections, 2, &is_first, &is_last);
  g_assert_true (!is_first && is_last);
  vmp_node_sections_get_place (sections, 4, &is_first, &is_last);
  g_assert_true (is_first && is_last);
  g_assert_cmpuint (vmp_node_sections_find (sections, "c"), ==, 4);
  g_assert_cmpuint (vmp_node_sections_find (sections, "x"), ==, G_MAXUINT);
}

static void
test_search (Fixture      *fixture,
             gconstpointer data)
{
  nodes_fixture_add (&fixture->nodes, "a", MINE ", \"name\": \"Keller STUDIO\", \"tags\": [\"fast\"]");
  nodes_fixture_add (&fixture->nodes, "b", MINE ", \"base_url\": \"http://10.0.0.7:1234\"");

  gtk_editable_set_text (GTK_EDITABLE (part ("search_entry")), "studio keller");
  await (has_rows (fixture, "[0 1] a"));
  gtk_editable_set_text (GTK_EDITABLE (part ("search_entry")), "10.0.0");
  g_signal_emit_by_name (part ("search_entry"), "search-changed");
  await (has_rows (fixture, "[0 1] b"));
  gtk_editable_set_text (GTK_EDITABLE (part ("search_entry")), "fast");
  g_signal_emit_by_name (part ("search_entry"), "search-changed");
  await (has_rows (fixture, "[0 1] a"));

  gtk_editable_set_text (GTK_EDITABLE (part ("search_entry")), "nobody");
  g_signal_emit_by_name (part ("search_entry"), "search-changed");
  await (g_str_equal (get_page (fixture), "nothing"));
  nodes_fixture_change (&fixture->nodes, "b", "\"name\": \"Nobody\"");
  await (g_str_equal (get_page (fixture), "nodes"));
  await (has_rows (fixture, "[0 1] b"));
}

/* Rows are made for what is on screen, however long the list is. */
static guint
count_rows (GtkWidget *widget)
{
  guint n = VMP_IS_NODE_ROW (widget);

  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL;
       child = gtk_widget_get_next_sibling (child))
    n += count_rows (child);

  return n;
}

static void
test_many (Fixture      *fixture,
           gconstpointer data)
{
  VmpItemList *list = vmp_mirror_get_list (fixture->nodes.windows.mirror, VMP_TOPIC_NODES);

  for (guint i = 0; i < 500; i++)
    {
      g_autofree char *id = g_strdup_printf ("node-%u", i);
      JsonObject *node = json_object_new ();

      json_object_set_string_member (node, "approval", i % 3 == 0 ? "blocked" : "approved");
      vmp_item_list_set (list, id, node);
      json_object_unref (node);
    }

  await (g_list_model_get_n_items (get_rows (fixture)) == 502);
  g_assert_cmpuint (count_rows (fixture->page), >, 5);
  g_assert_cmpuint (count_rows (fixture->page), <, 300);
}

static void
test_row (Fixture      *fixture,
          gconstpointer data)
{
  nodes_fixture_add (&fixture->nodes, "a", MINE ", \"name\": \"<b>Studio</b> & co\", \"latency_ms\": 12");
  await (windows_sees (fixture->page, "<b>Studio</b> & co"));
  g_assert_true (windows_sees (fixture->page, "192.168.1.50:1234 · Online · 2 models · 12 ms"));

  nodes_fixture_change (&fixture->nodes, "a", "\"active_requests\": 3, \"token\": {\"state\": \"needed\"}");
  g_assert_true (windows_sees (fixture->page, "3 running"));
  g_assert_true (windows_sees (fixture->page, "192.168.1.50:1234 · Online, needs a token · 2 models · 12 ms"));

  nodes_fixture_change (&fixture->nodes, "a", "\"status\": \"draining\", \"drained\": true, \"active_requests\": 0, "
                        "\"token\": {\"state\": \"set\"}");
  g_assert_true (windows_sees (fixture->page, "192.168.1.50:1234 · Drained"));
  g_assert_false (windows_sees (fixture->page, "3 running"));
}

static void
test_titles (void)
{
  static const struct {
    const char *document;
    const char *title;
  } cases[] = {
    { "{\"name\": \"n\", \"host\": \"h\", \"base_url\": \"http://u:1\"}", "n" },
    { "{\"name\": \"  \", \"host\": \"h\", \"base_url\": \"http://u:1\"}", "h" },
    { "{\"name\": \"\342\200\213\", \"host\": null, \"base_url\": \"http://u:1\"}", "u:1" },
    { "{\"base_url\": \"https://u:1\"}", "https://u:1" },
    { "{}", "id" },
    { "{\"name\": 7, \"base_url\": []}", "id" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (JsonNode) node = json_from_string (cases[i].document, NULL);
      g_autoptr (VmpItem) item = vmp_item_new ("id", json_node_get_object (node));

      g_assert_cmpstr (vmp_node_words_title (item), ==, cases[i].title);
    }
}

/* -- One node ------------------------------------------------------------------------------ */

static VmpNodePage *
open_node (Fixture    *fixture,
           const char *id)
{
  GtkStack *pages = part ("pages");

  vmp_nodes_page_show_node (VMP_NODES_PAGE (fixture->page), id);
  await (VMP_IS_NODE_PAGE (gtk_stack_get_visible_child (pages))
         && gtk_widget_get_mapped (gtk_stack_get_visible_child (pages)));

  return VMP_NODE_PAGE (gtk_stack_get_visible_child (pages));
}

#define of_node(id) child_of (page, VMP_TYPE_NODE_PAGE, id)

static void
assert_sent (Fixture    *fixture,
             const char *method,
             const char *rest,
             const char *expected)
{
  g_autoptr (JsonNode) wanted = json_from_string (expected, NULL);
  g_autoptr (JsonNode) sent = NULL;

  await (nodes_fixture_count (&fixture->nodes, method, "a", rest) == 1);
  sent = json_from_string (nodes_fixture_get_body (&fixture->nodes, method, "a", rest), NULL);
  g_assert_nonnull (sent);
  g_assert_true (json_node_equal (sent, wanted));
}

static void
test_node (Fixture      *fixture,
           gconstpointer data)
{
  VmpNodePage *page;

  nodes_fixture_add (&fixture->nodes, "a",
                     MINE ", \"name\": \"<i>x</i>\", \"last_error\": \"It is <b>off</b>.\", \"status\": \"offline\", "
                     "\"request_count\": 12, \"error_count\": 2, "
                     "\"breaker\": {\"state\": \"open\", \"failures\": 4, \"retry_in_seconds\": 20}, "
                     "\"models\": [{\"id\": \"m1\", \"loaded\": false}, {\"id\": \"m2\", \"loaded\": true, "
                     "\"context_window\": 4096, \"instances\": [{\"parallel\": 4}]}]");
  page = open_node (fixture, "a");

  g_assert_true (windows_sees (GTK_WIDGET (page), "<i>x</i>"));
  g_assert_true (windows_sees (GTK_WIDGET (page), "It is <b>off</b>."));
  g_assert_true (gtk_widget_get_visible (of_node ("remedy_row")));
  g_assert_cmpstr (vmp_fact_row_get_value (of_node ("requests_row")), ==, "12 requests · 2 failed");
  g_assert_cmpstr (vmp_fact_row_get_value (of_node ("breaker_row")), ==,
                   "4 requests failed in a row. It is tried again in 20 s.");
  await (windows_sees (GTK_WIDGET (page), "m2"));
  g_assert_true (windows_sees (GTK_WIDGET (page), "Loaded\n4K context\n4 slots"));
}

static void
test_node_changes (Fixture      *fixture,
                   gconstpointer data)
{
  VmpNodePage *page;

  nodes_fixture_add (&fixture->nodes, "a", MINE ", \"tags\": [\"one\"]");
  nodes_fixture_answer (&fixture->nodes, "PATCH", "a", "", 200, "{}");
  page = open_node (fixture, "a");
  g_assert_cmpstr (gtk_editable_get_text (of_node ("tags_row")), ==, "one");

  gtk_editable_set_text (of_node ("tags_row"), " one, two ,, three");
  nodes_fixture_change (&fixture->nodes, "a", "\"latency_ms\": 8");
  g_assert_cmpstr (gtk_editable_get_text (of_node ("tags_row")), ==, " one, two ,, three");
  g_signal_emit_by_name (of_node ("tags_row"), "apply");
  assert_sent (fixture, "PATCH", "", "{\"tags\": [\"one\", \"two\", \"three\"]}");
}

static void
test_node_name (Fixture      *fixture,
                gconstpointer data)
{
  VmpNodePage *page;

  nodes_fixture_add (&fixture->nodes, "a", MINE ", \"name\": \"old\"");
  nodes_fixture_answer (&fixture->nodes, "PATCH", "a", "", 200, "{}");
  page = open_node (fixture, "a");
  gtk_editable_set_text (of_node ("name_row"), "  new ");
  g_signal_emit_by_name (of_node ("name_row"), "apply");
  assert_sent (fixture, "PATCH", "", "{\"name\": \"new\"}");

  gtk_editable_set_text (of_node ("name_row"), "new");
  nodes_fixture_change (&fixture->nodes, "a", "\"name\": \"from elsewhere\"");
  g_assert_cmpstr (gtk_editable_get_text (of_node ("name_row")), ==, "from elsewhere");
}

static void
test_node_drain (Fixture      *fixture,
                 gconstpointer data)
{
  VmpNodePage *page;

  nodes_fixture_add (&fixture->nodes, "a", MINE);
  nodes_fixture_answer (&fixture->nodes, "PATCH", "a", "", 200, "{}");
  page = open_node (fixture, "a");
  gtk_switch_set_active (of_node ("drain_switch"), TRUE);
  assert_sent (fixture, "PATCH", "", "{\"status\": \"draining\"}");

  nodes_fixture_change (&fixture->nodes, "a", "\"status\": \"draining\", \"drained\": true");
  g_assert_true (windows_sees (GTK_WIDGET (page), "Drained: nothing runs on it any more"));
  g_assert_cmpuint (adw_combo_row_get_selected (of_node ("service_row")), ==, 0);

  /* What the gateway says is no order of its owner. */
  nodes_fixture_change (&fixture->nodes, "a", "\"status\": \"maintenance\", \"drained\": false, \"trusted\": true");
  g_assert_cmpuint (adw_combo_row_get_selected (of_node ("service_row")), ==, 1);
  g_assert_true (gtk_switch_get_active (of_node ("trust_switch")));
  g_assert_false (gtk_widget_is_sensitive (of_node ("drain_row")));
  g_assert_cmpuint (nodes_fixture_count (&fixture->nodes, "PATCH", "a", ""), ==, 1);
}

/* The switch goes back when the gateway does not do it. */
static void
test_node_refused (Fixture      *fixture,
                   gconstpointer data)
{
  VmpNodePage *page;

  nodes_fixture_add (&fixture->nodes, "a", MINE);
  nodes_fixture_answer (&fixture->nodes, "PATCH", "a", "", 500, "{\"error\":{\"message\":\"The disk is full.\"}}");
  page = open_node (fixture, "a");
  gtk_switch_set_active (of_node ("trust_switch"), TRUE);
  await (!gtk_switch_get_active (of_node ("trust_switch")));
  await (windows_sees (fixture->nodes.windows.window, "The disk is full."));
}

static void
test_node_token (Fixture      *fixture,
                 gconstpointer data)
{
  VmpNodePage *page;
  GtkWidget *token;
  GtkWidget *entry = NULL;

  nodes_fixture_add (&fixture->nodes, "a", MINE ", \"token\": {\"state\": \"needed\"}");
  nodes_fixture_answer (&fixture->nodes, "PUT", "a", "/token", 200, "{}");
  fake_gateway_answer (fixture->nodes.windows.gateway, "POST /vampire/v1/keyring/unlock", 200, "{}");
  page = open_node (fixture, "a");
  token = of_node ("token");
  g_assert_null (windows_find (token, GTK_TYPE_BUTTON, "Remove Token"));

  entry = windows_find (token, ADW_TYPE_PASSWORD_ENTRY_ROW, NULL);
  g_assert_nonnull (entry);
  gtk_editable_set_text (GTK_EDITABLE (entry), "secret");
  g_signal_emit_by_name (entry, "apply");
  assert_sent (fixture, "PUT", "/token", "{\"token\": \"secret\"}");
  await (*gtk_editable_get_text (GTK_EDITABLE (entry)) == '\0');

  nodes_fixture_change (&fixture->nodes, "a", "\"token\": {\"state\": \"locked\"}");
  g_assert_nonnull (windows_find (token, GTK_TYPE_BUTTON, "Remove Token"));
  windows_press (windows_find (token, GTK_TYPE_BUTTON, "_Unlock…"));
  await (fake_gateway_count (fixture->nodes.windows.gateway, "POST /vampire/v1/keyring/unlock") == 1);
}

/* Nothing of what approval gives is offered before. */
static void
test_node_waiting (Fixture      *fixture,
                   gconstpointer data)
{
  VmpNodePage *page;

  nodes_fixture_add (&fixture->nodes, "a", "\"approval\": \"pending\"");
  page = open_node (fixture, "a");
  g_assert_false (gtk_widget_get_visible (of_node ("use_group")));
  g_assert_false (gtk_widget_get_visible (of_node ("token")));
  g_assert_true (gtk_widget_get_visible (of_node ("review_button")));
  g_assert_null (windows_find (GTK_WIDGET (page), GTK_TYPE_BUTTON, "_Approve"));
}

static void
test_node_unblock (Fixture      *fixture,
                   gconstpointer data)
{
  VmpNodePage *page;

  nodes_fixture_add (&fixture->nodes, "a", BLOCKED);
  nodes_fixture_answer (&fixture->nodes, "POST", "a", "/revoke", 200, "{}");
  page = open_node (fixture, "a");
  g_assert_false (gtk_widget_get_visible (of_node ("block_button")));
  windows_press (of_node ("unblock_button"));
  await (nodes_fixture_count (&fixture->nodes, "POST", "a", "/revoke") == 1);
  g_assert_cmpuint (nodes_fixture_count (&fixture->nodes, "POST", "a", "/approve"), ==, 0);
}

static GtkWidget *
get_dialog (Fixture *fixture)
{
  GListModel *windows = gtk_window_get_toplevels ();

  for (guint i = 0; i < g_list_model_get_n_items (windows); i++)
    {
      g_autoptr (GtkWidget) window = g_list_model_get_item (windows, i);

      if (ADW_IS_MESSAGE_DIALOG (window))
        return window;
    }

  return NULL;
}

static void
answer_dialog (Fixture    *fixture,
               const char *label)
{
  GtkWidget *dialog = get_dialog (fixture);

  g_assert_nonnull (dialog);
  windows_await_frame (dialog);
  windows_press (windows_find (dialog, GTK_TYPE_BUTTON, label));
  await (get_dialog (fixture) == NULL);
}

static void
test_node_forget (Fixture      *fixture,
                  gconstpointer data)
{
  VmpNodePage *page;

  nodes_fixture_add (&fixture->nodes, "a", MINE);
  nodes_fixture_answer (&fixture->nodes, "POST", "a", "/forget", 200, "{}");
  page = open_node (fixture, "a");
  windows_press (of_node ("forget_button"));
  answer_dialog (fixture, "_Cancel");
  g_assert_cmpuint (nodes_fixture_count (&fixture->nodes, "POST", "a", "/forget"), ==, 0);

  windows_press (of_node ("forget_button"));
  answer_dialog (fixture, "_Forget");
  await (nodes_fixture_count (&fixture->nodes, "POST", "a", "/forget") == 1);
  await (gtk_stack_get_visible_child (part ("pages")) == GTK_WIDGET (part ("list_page")));
}

static void
test_node_gone (Fixture      *fixture,
                gconstpointer data)
{
  VmpNodePage *page;

  nodes_fixture_add (&fixture->nodes, "a", MINE);
  page = open_node (fixture, "a");
  nodes_fixture_remove (&fixture->nodes, "a");
  g_assert_cmpstr (gtk_stack_get_visible_child_name (of_node ("stack")), ==, "gone");
  nodes_fixture_add (&fixture->nodes, "a", MINE);
  g_assert_cmpstr (gtk_stack_get_visible_child_name (of_node ("stack")), ==, "node");

  windows_press (windows_find (GTK_WIDGET (page), GTK_TYPE_BUTTON, "All Nodes"));
  g_assert_true (gtk_stack_get_visible_child (part ("pages")) == GTK_WIDGET (part ("list_page")));
}

static void
test_node_test (Fixture      *fixture,
                gconstpointer data)
{
  VmpNodePage *page;

  nodes_fixture_add (&fixture->nodes, "a", MINE);
  nodes_fixture_answer (&fixture->nodes, "POST", "a", "/test", 200, "{\"message\": \"It <answers> & more.\"}");
  page = open_node (fixture, "a");
  windows_press (of_node ("test_button"));
  g_assert_false (gtk_widget_is_sensitive (of_node ("test_button")));
  await (windows_sees (fixture->nodes.windows.window, "It <answers> & more."));
  g_assert_true (gtk_widget_is_sensitive (of_node ("test_button")));
}

/* -- Adding -------------------------------------------------------------------------------- */

static void
test_complete_address (void)
{
  static const struct {
    const char *typed;
    const char *address;
  } cases[] = {
    { " 192.168.1.50 ", "http://192.168.1.50:1234" },
    { "192.168.1.50:8080", "http://192.168.1.50:8080" },
    { "studio.local/lm", "http://studio.local:1234/lm" },
    { "studio.local/a:b", "http://studio.local:1234/a:b" },
    { "[::1]", "http://[::1]:1234" },
    { "[::1]:99", "http://[::1]:99" },
    { "fd00::7", "http://[fd00::7]:1234" },
    { "https://studio.local", "https://studio.local" },
    { "", "" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *address = vmp_add_node_complete_address (cases[i].typed);

      g_assert_cmpstr (address, ==, cases[i].address);
    }
}

#define of_window(id) child_of (window, VMP_TYPE_ADD_NODE_WINDOW, id)

static void
test_add (Fixture      *fixture,
          gconstpointer data)
{
  VmpAddNodeWindow *window = vmp_add_node_window_present (fixture->page, fixture->nodes.windows.mirror);
  g_autoptr (JsonNode) sent = NULL;

  g_object_add_weak_pointer (G_OBJECT (window), (gpointer *) &window);
  g_assert_false (gtk_widget_is_sensitive (of_window ("add_button")));
  nodes_fixture_answer (&fixture->nodes, "POST", "", "", 400, "{\"error\":{\"message\":\"That is <no> node.\"}}");
  gtk_editable_set_text (of_window ("address_row"), "10.0.0.1");
  gtk_editable_set_text (of_window ("name_row"), " Studio ");
  gtk_editable_set_text (of_window ("token_row"), "secret");
  windows_press (of_window ("add_button"));

  await (windows_sees (GTK_WIDGET (window), "That is <no> node."));
  g_assert_true (gtk_widget_has_css_class (of_window ("address_row"), "error"));
  sent = json_from_string (nodes_fixture_get_body (&fixture->nodes, "POST", "", ""), NULL);
  g_assert_cmpstr (json_object_get_string_member (json_node_get_object (sent), "base_url"), ==,
                   "http://10.0.0.1:1234");
  g_assert_cmpstr (json_object_get_string_member (json_node_get_object (sent), "name"), ==, "Studio");

  nodes_fixture_answer (&fixture->nodes, "POST", "", "", 200, "{\"id\": \"a\", \"status\": \"registered\"}");
  nodes_fixture_answer (&fixture->nodes, "PUT", "a", "/token", 200, "{}");
  windows_press (of_window ("add_button"));
  await (window == NULL);
  assert_sent (fixture, "PUT", "/token", "{\"token\": \"secret\"}");
}

/* One that is there would lose its tags and its name. */
static void
test_add_known (Fixture      *fixture,
                gconstpointer data)
{
  VmpAddNodeWindow *window;

  nodes_fixture_add (&fixture->nodes, "a", MINE ", \"name\": \"mine\"");
  window = vmp_add_node_window_present (fixture->page, fixture->nodes.windows.mirror);
  gtk_editable_set_text (of_window ("address_row"), "http://192.168.1.50:1234/");
  windows_press (of_window ("add_button"));
  g_assert_true (gtk_widget_get_visible (of_window ("address_problem")));
  g_assert_cmpuint (nodes_fixture_count (&fixture->nodes, "POST", "", ""), ==, 0);
  gtk_window_destroy (GTK_WINDOW (window));
}

/* -- Looking in the network ---------------------------------------------------------------- */

static void
set_job (Fixture    *fixture,
         const char *state,
         int         done,
         int         found)
{
  g_autofree char *job = g_strdup_printf (JOB, state, done, found);
  g_autofree char *jobs = g_strdup_printf ("{\"object\":\"list\",\"data\":[%s]}", job);

  fake_gateway_answer (fixture->nodes.windows.gateway, JOBS, 200, jobs);
  fake_gateway_send_event (fixture->nodes.windows.gateway, "discovery", job);
}

#define of_scan(id) child_of (window, VMP_TYPE_SCAN_WINDOW, id)

static void
test_scan (Fixture      *fixture,
           gconstpointer data)
{
  FakeGateway *gateway = fixture->nodes.windows.gateway;
  VmpScanWindow *window = vmp_scan_window_present (fixture->page, fixture->nodes.windows.mirror);

  /* Nothing is knocked at because a window was opened. */
  await (gtk_widget_get_mapped (GTK_WIDGET (window)));
  g_assert_cmpuint (fake_gateway_count (gateway, DISCOVER), ==, 0);

  fake_gateway_answer (gateway, DISCOVER, 202, "{\"id\": \"job-1\", \"state\": \"running\"}");
  fake_gateway_answer (gateway, "GET /vampire/v1/discover/jobs/job-1", 200,
                       "{\"nodes\": [{\"id\": \"a\", \"name\": \"<b>x</b>\", \"base_url\": \"http://10.0.0.1:1234\", "
                       "\"approval\": \"pending\"}]}");
  fake_gateway_answer (gateway, "DELETE /vampire/v1/discover/jobs/job-1", 200, "{}");
  gtk_editable_set_text (of_scan ("subnets_row"), "10.0.0.0/24, 10.0.1.0/24");
  windows_press (of_scan ("start_button"));
  await (fake_gateway_count (gateway, DISCOVER) == 1);
  g_assert_nonnull (strstr (fake_gateway_get_request (gateway, DISCOVER), "[\"10.0.0.0/24\",\"10.0.1.0/24\"]"));
  g_assert_nonnull (strstr (fake_gateway_get_request (gateway, DISCOVER), "\"lan_scan\""));

  set_job (fixture, "running", 127, 1);
  await (windows_sees (GTK_WIDGET (window), "127 of 254 addresses, 1 server found"));
  await (windows_sees (GTK_WIDGET (window), "<b>x</b>"));
  g_assert_true (gtk_revealer_get_reveal_child (part ("scan_revealer")));

  windows_press (of_scan ("cancel_button"));
  await (fake_gateway_count (gateway, "DELETE /vampire/v1/discover/jobs/job-1") == 1);
  set_job (fixture, "cancelled", 130, 1);
  await (!gtk_widget_get_visible (of_scan ("cancel_button")));
  g_assert_false (gtk_revealer_get_reveal_child (part ("scan_revealer")));
  gtk_window_destroy (GTK_WINDOW (window));
}

static void
test_scan_refused (Fixture      *fixture,
                   gconstpointer data)
{
  VmpScanWindow *window = vmp_scan_window_present (fixture->page, fixture->nodes.windows.mirror);

  fake_gateway_answer (fixture->nodes.windows.gateway, DISCOVER, 400, "{\"error\":{\"message\":\"No such network.\"}}");
  windows_press (of_scan ("start_button"));
  await (windows_sees (GTK_WIDGET (window), "No such network."));
  g_assert_true (gtk_widget_is_sensitive (of_scan ("start_button")));
  gtk_window_destroy (GTK_WINDOW (window));
}

#define ADD(path, test) g_test_add ("/nodes/" path, Fixture, NULL, set_up, test, tear_down)

int
main (int    argc,
      char **argv)
{
  windows_test_init (&argc, &argv);

  ADD ("list/empty", test_empty);
  ADD ("list/sections", test_sections);
  ADD ("list/small-changes", test_small_changes);
  ADD ("list/places", test_places);
  ADD ("list/search", test_search);
  ADD ("list/many", test_many);
  ADD ("list/row", test_row);
  g_test_add_func ("/nodes/titles", test_titles);
  ADD ("node/shown", test_node);
  ADD ("node/tags", test_node_changes);
  ADD ("node/name", test_node_name);
  ADD ("node/drain", test_node_drain);
  ADD ("node/refused", test_node_refused);
  ADD ("node/token", test_node_token);
  ADD ("node/waiting", test_node_waiting);
  ADD ("node/unblock", test_node_unblock);
  ADD ("node/forget", test_node_forget);
  ADD ("node/gone", test_node_gone);
  ADD ("node/test", test_node_test);
  g_test_add_func ("/nodes/add/complete-address", test_complete_address);
  ADD ("add/address", test_add);
  ADD ("add/known", test_add_known);
  ADD ("scan/asked-for", test_scan);
  ADD ("scan/refused", test_scan_refused);

  return g_test_run ();
}
