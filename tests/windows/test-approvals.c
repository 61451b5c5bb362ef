/* SPDX-License-Identifier: MIT
 *
 * Tests of the window of approvals: who is shown, when it can be decided, what the gateway is told then, and what
 * happens when it is not the same any more.
 */

#include "app/windows/vmp-approvals-window.h"
#include "app/windows/vmp-fact-row.h"
#include "app/windows/vmp-identity-view.h"
#include "nodes-fixture.h"

/* Longer than any test takes. */
#define NEVER_MS (3600 * 1000)

#define OLD \
  "\"name\": \"studio\", \"found\": {\"by\": \"mdns\", \"at\": \"eth0\", \"first_seen\": \"2026-01-01T09:00:00Z\"}"
#define NEW "\"name\": \"cellar\", \"base_url\": \"http://192.168.1.51:1234\", \"seen_address\": \"192.168.1.51\""

#define APPROVED "{\"id\": \"a\", \"status\": \"approved\"}"

typedef struct {
  NodesFixture nodes;
  VmpApprovalsWindow *window;
  GString *seen;          /* "+a -a " */
} Fixture;

static void
seen_cb (VmpApprovalsWindow *window,
         const char         *node_id,
         gboolean            is_seen,
         Fixture            *fixture)
{
  g_string_append_printf (fixture->seen, "%c%s ", is_seen ? '+' : '-', node_id);
}

static void
set_up (Fixture      *fixture,
        gconstpointer data)
{
  nodes_fixture_set_up (&fixture->nodes, data);
  fixture->seen = g_string_new (NULL);
}

/* Nothing that is under way keeps it for longer than that takes. */
static void
close_window (Fixture *fixture)
{
  if (fixture->window == NULL)
    return;

  gtk_window_destroy (GTK_WINDOW (fixture->window));
  g_object_unref (fixture->window);
  await (fixture->window == NULL);
}

static void
tear_down (Fixture      *fixture,
           gconstpointer data)
{
  close_window (fixture);
  nodes_fixture_tear_down (&fixture->nodes, data);
  g_string_free (fixture->seen, TRUE);
}

/* @delay_ms: before it can be decided */
static void
open_window (Fixture *fixture,
             guint    delay_ms)
{
  fixture->window = g_object_ref (vmp_approvals_window_new (NULL, fixture->nodes.windows.mirror));
  g_object_add_weak_pointer (G_OBJECT (fixture->window), (gpointer *) &fixture->window);
  vmp_approvals_window_set_delay (fixture->window, delay_ms);
  g_signal_connect (fixture->window, "seen", G_CALLBACK (seen_cb), fixture);
  gtk_window_present (GTK_WINDOW (fixture->window));
  await (gtk_widget_get_mapped (GTK_WIDGET (fixture->window)));
}

/* -- What is on screen --------------------------------------------------------------------- */

#define part(id) child_of (fixture->window, VMP_TYPE_APPROVALS_WINDOW, id)
#define fact(id) child_of (part ("identity_view"), VMP_TYPE_IDENTITY_VIEW, id)

static const char *
get_page (Fixture *fixture)
{
  return gtk_stack_get_visible_child_name (part ("stack"));
}

static const char *
get_title (Fixture *fixture)
{
  return gtk_label_get_text (fact ("title_label"));
}

static const char *
get_fact (Fixture    *fixture,
          const char *id)
{
  return vmp_fact_row_get_value (fact (id));
}

static const char *
get_notice (Fixture *fixture)
{
  return gtk_info_bar_get_revealed (part ("notice_bar"))
         ? gtk_label_get_text (part ("notice_label")) : NULL;
}

static gboolean
may_decide (Fixture *fixture)
{
  gboolean may_approve = gtk_widget_is_sensitive (part ("approve_button"));

  g_assert_cmpint (gtk_widget_is_sensitive (part ("block_button")), ==, may_approve);

  return may_approve;
}

static gboolean
shows (Fixture    *fixture,
       const char *title)
{
  return g_strcmp0 (get_page (fixture), "identity") == 0 && g_strcmp0 (get_title (fixture), title) == 0;
}

/* -- Who is shown -------------------------------------------------------------------------- */

static void
test_none (Fixture      *fixture,
           gconstpointer data)
{
  open_window (fixture, 0);
  g_assert_cmpstr (get_page (fixture), ==, "none");
  g_assert_false (may_decide (fixture));
}

static void
test_loading (Fixture      *fixture,
              gconstpointer data)
{
  g_autoptr (VmpSettings) settings = vmp_settings_load (NULL, NULL, NULL);
  VmpLink *link = vmp_link_new (fake_gateway_get_url (fixture->nodes.windows.gateway), settings);
  VmpMirror *mirror = vmp_mirror_new (link);

  fixture->window = g_object_ref (vmp_approvals_window_new (NULL, mirror));
  g_object_add_weak_pointer (G_OBJECT (fixture->window), (gpointer *) &fixture->window);
  g_assert_cmpstr (get_page (fixture), ==, "loading");

  vmp_link_start (link);
  await (g_strcmp0 (get_page (fixture), "none") == 0);

  close_window (fixture);
  vmp_link_stop (link);
  g_assert_finalize_object (mirror);
  g_assert_finalize_object (link);
}

static void
test_longest_waiting (Fixture      *fixture,
                      gconstpointer data)
{
  nodes_fixture_add (&fixture->nodes, "b", NEW);
  nodes_fixture_add (&fixture->nodes, "a", OLD);
  nodes_fixture_add (&fixture->nodes, "c", "\"name\": \"mine\", \"approval\": \"approved\"");
  open_window (fixture, 0);

  g_assert_true (shows (fixture, "studio"));
  g_assert_cmpstr (adw_window_title_get_subtitle (part ("window_title")), ==, "1 of 2");
  g_assert_true (gtk_widget_get_visible (part ("list_button")));
  g_assert_cmpstr (fixture->seen->str, ==, "+a ");
}

static void
test_chosen (Fixture      *fixture,
             gconstpointer data)
{
  nodes_fixture_add (&fixture->nodes, "a", OLD);
  nodes_fixture_add (&fixture->nodes, "b", NEW);
  open_window (fixture, 0);
  vmp_approvals_window_show_node (fixture->window, "b");

  g_assert_true (shows (fixture, "cellar"));
  g_assert_cmpstr (adw_window_title_get_subtitle (part ("window_title")), ==, "2 of 2");
  g_assert_cmpstr (fixture->seen->str, ==, "+a -a +b ");
}

static void
test_identity (Fixture      *fixture,
               gconstpointer data)
{
  nodes_fixture_add (&fixture->nodes, "a",
                     OLD ", \"base_url\": \"https://studio.local:1234\", \"seen_key\": \"sha256:0123\", "
                     "\"models\": [{\"id\": \"qwen\", \"display_name\": \"Qwen <b>3</b>\"}, {\"id\": \"gemma\"}]");
  open_window (fixture, 0);

  g_assert_cmpstr (get_fact (fixture, "address_row"), ==, "https://studio.local:1234");
  g_assert_cmpstr (get_fact (fixture, "seen_address_row"), ==, "192.168.1.50");
  g_assert_cmpstr (get_fact (fixture, "key_row"), ==, "sha256:0123");
  g_assert_cmpstr (get_fact (fixture, "found_row"), ==, "Announced itself in the network (eth0)");
  g_assert_cmpstr (get_fact (fixture, "provider_row"), ==, "LM Studio");
  g_assert_null (get_fact (fixture, "reason_row"));
  g_assert_cmpstr (adw_expander_row_get_subtitle (fact ("models_row")), ==, "2 models");
  g_assert_false (gtk_widget_get_visible (fact ("plain_row")));
  await (g_strcmp0 (gtk_label_get_text (fact ("models_label")), "Qwen <b>3</b>\ngemma") == 0);
  g_assert_null (get_notice (fixture));
}

static void
test_plain_http (Fixture      *fixture,
                 gconstpointer data)
{
  nodes_fixture_add (&fixture->nodes, "a", OLD);
  nodes_fixture_add (&fixture->nodes, "b", "\"base_url\": \"http://127.0.0.1:1234\", \"seen_address\": \"127.0.0.1\"");
  open_window (fixture, 0);

  g_assert_null (get_fact (fixture, "key_row"));
  g_assert_null (get_fact (fixture, "seen_address_row"));
  g_assert_true (gtk_widget_get_visible (fact ("plain_row")));

  vmp_approvals_window_show_node (fixture->window, "b");
  g_assert_false (gtk_widget_get_visible (fact ("plain_row")));
}

static void
test_asks_again (Fixture      *fixture,
                 gconstpointer data)
{
  nodes_fixture_add (&fixture->nodes, "a", OLD ", \"pending_reason\": \"Its key is <i>another</i> one.\"");
  open_window (fixture, 0);
  g_assert_cmpstr (get_fact (fixture, "reason_row"), ==, "Its key is <i>another</i> one.");
}

/* What a node says of itself is text, however it looks. */
static void
test_names (Fixture      *fixture,
            gconstpointer data)
{
  static const struct {
    const char *name;
    const char *title;
  } cases[] = {
    { "<b>bold</b> &amp; _under", "<b>bold</b> &amp; _under" },
    { "\360\237\246\207 bats", "\360\237\246\207 bats" },
    { "\327\220\327\221\327\222", "\327\220\327\221\327\222" },
    { "   ", "http://192.168.1.50:1234" },
    { "", "http://192.168.1.50:1234" },
  };
  GtkLabel *label;

  nodes_fixture_add (&fixture->nodes, "a", "\"name\": \"x\"");
  open_window (fixture, 0);
  label = fact ("title_label");
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *more = g_strdup_printf ("\"name\": \"%s\"", cases[i].name);

      nodes_fixture_change (&fixture->nodes, "a", more);
      g_assert_cmpstr (gtk_label_get_text (label), ==, cases[i].title);
      g_assert_false (gtk_label_get_use_markup (label));
      g_assert_false (gtk_label_get_use_underline (label));
    }
}

static void
test_long_name (Fixture      *fixture,
                gconstpointer data)
{
  g_autofree char *name = g_strnfill (300, 'W');
  g_autofree char *more = g_strdup_printf ("\"name\": \"%s\"", name);
  int minimum;

  nodes_fixture_add (&fixture->nodes, "a", more);
  open_window (fixture, 0);
  g_assert_cmpstr (get_title (fixture), ==, name);
  gtk_widget_measure (GTK_WIDGET (fixture->window), GTK_ORIENTATION_HORIZONTAL, -1, &minimum, NULL, NULL, NULL);
  g_assert_cmpint (minimum, <=, 360);
}

/* -- When it can be decided ---------------------------------------------------------------- */

static void
test_usual_delay (Fixture      *fixture,
                  gconstpointer data)
{
  nodes_fixture_add (&fixture->nodes, "a", OLD);
  fixture->window = g_object_ref (vmp_approvals_window_new (NULL, fixture->nodes.windows.mirror));
  g_object_add_weak_pointer (G_OBJECT (fixture->window), (gpointer *) &fixture->window);

  g_assert_cmpint (VMP_APPROVALS_DELAY_MS, ==, 1000);
  g_assert_true (shows (fixture, "studio"));
  g_assert_false (may_decide (fixture));
}

static void
test_delay_ends (Fixture      *fixture,
                 gconstpointer data)
{
  gint64 begun;

  nodes_fixture_add (&fixture->nodes, "a", OLD);
  open_window (fixture, NEVER_MS);
  g_assert_false (may_decide (fixture));
  g_assert_true (gtk_widget_is_sensitive (part ("not_now_button")));

  begun = g_get_monotonic_time ();
  vmp_approvals_window_set_delay (fixture->window, 80);
  g_assert_false (may_decide (fixture));
  await (may_decide (fixture));
  g_assert_cmpint (g_get_monotonic_time () - begun, >=, 79 * 1000);
}

/* Each identity has its own time. */
static void
test_delay_of_next (Fixture      *fixture,
                    gconstpointer data)
{
  nodes_fixture_add (&fixture->nodes, "a", OLD);
  nodes_fixture_add (&fixture->nodes, "b", NEW);
  open_window (fixture, 0);
  g_assert_true (may_decide (fixture));

  vmp_approvals_window_set_delay (fixture->window, NEVER_MS);
  vmp_approvals_window_show_node (fixture->window, "b");
  g_assert_false (may_decide (fixture));
}

static void
test_enter (Fixture      *fixture,
            gconstpointer data)
{
  static const guint enters[] = { GDK_KEY_Return, GDK_KEY_KP_Enter, GDK_KEY_ISO_Enter };
  g_autoptr (GListModel) controllers = NULL;
  GtkWidget *not_now;
  GtkEventController *keys = NULL;
  gboolean is_taken;

  nodes_fixture_add (&fixture->nodes, "a", OLD);
  open_window (fixture, 0);
  not_now = part ("not_now_button");
  g_assert_true (gtk_window_get_default_widget (GTK_WINDOW (fixture->window)) == not_now);
  g_assert_true (gtk_window_get_focus (GTK_WINDOW (fixture->window)) == not_now);

  controllers = gtk_widget_observe_controllers (part ("approve_button"));
  for (guint i = 0; i < g_list_model_get_n_items (controllers); i++)
    {
      g_autoptr (GtkEventController) controller = g_list_model_get_item (controllers, i);

      if (GTK_IS_EVENT_CONTROLLER_KEY (controller)
          && gtk_event_controller_get_propagation_phase (controller) == GTK_PHASE_CAPTURE)
        keys = controller;
    }
  g_assert_nonnull (keys);

  for (gsize i = 0; i < G_N_ELEMENTS (enters); i++)
    {
      g_signal_emit_by_name (keys, "key-pressed", enters[i], 0, 0, &is_taken);
      g_assert_true (is_taken);
    }
  g_signal_emit_by_name (keys, "key-pressed", GDK_KEY_space, 0, 0, &is_taken);
  g_assert_false (is_taken);
}

static void
test_not_suggested (Fixture      *fixture,
                    gconstpointer data)
{
  nodes_fixture_add (&fixture->nodes, "a", OLD);
  open_window (fixture, 0);
  g_assert_false (gtk_widget_has_css_class (part ("approve_button"), "suggested-action"));
  g_assert_true (gtk_widget_has_css_class (part ("block_button"), "destructive-action"));
}

/* -- Deciding ------------------------------------------------------------------------------ */

static void
assert_expects (Fixture    *fixture,
                const char *id,
                const char *base_url,
                const char *seen_address)
{
  const char *body = nodes_fixture_get_body (&fixture->nodes, "POST", id, "/approve");
  g_autoptr (JsonNode) node = body != NULL ? json_from_string (body, NULL) : NULL;
  JsonObject *expect;

  g_assert_nonnull (node);
  expect = json_object_get_object_member (json_node_get_object (node), "expect");
  g_assert_cmpstr (json_object_get_string_member (expect, "base_url"), ==, base_url);
  g_assert_cmpstr (json_object_get_string_member (expect, "seen_address"), ==, seen_address);
  g_assert_true (json_object_get_null_member (expect, "seen_key"));
}

static void
test_approve (Fixture      *fixture,
              gconstpointer data)
{
  nodes_fixture_add (&fixture->nodes, "a", OLD);
  nodes_fixture_add (&fixture->nodes, "b", NEW);
  nodes_fixture_answer (&fixture->nodes, "POST", "a", "/approve", 200, APPROVED);
  open_window (fixture, 0);
  windows_press (part ("approve_button"));
  g_assert_false (gtk_widget_is_sensitive (part ("not_now_button")));
  g_assert_false (may_decide (fixture));

  /* The next one comes although the mirror has not heard of the approval. */
  await (shows (fixture, "cellar"));
  assert_expects (fixture, "a", "http://192.168.1.50:1234", "192.168.1.50");
  g_assert_cmpuint (nodes_fixture_count (&fixture->nodes, "POST", "a", "/block"), ==, 0);
  g_assert_cmpstr (adw_window_title_get_subtitle (part ("window_title")), ==, "");
  await (windows_sees (GTK_WIDGET (fixture->window), "“\342\201\250studio\342\201\251” is approved"));
}

static void
test_block (Fixture      *fixture,
            gconstpointer data)
{
  nodes_fixture_add (&fixture->nodes, "a", OLD);
  nodes_fixture_answer (&fixture->nodes, "POST", "a", "/block", 200, "{\"id\": \"a\", \"status\": \"blocked\"}");
  open_window (fixture, 0);
  windows_press (part ("block_button"));

  await (g_strcmp0 (get_page (fixture), "none") == 0);
  g_assert_cmpuint (nodes_fixture_count (&fixture->nodes, "POST", "a", "/approve"), ==, 0);
  await (windows_find (GTK_WIDGET (fixture->window), GTK_TYPE_BUTTON, "Undo") != NULL);
}

static void
test_undo (Fixture      *fixture,
           gconstpointer data)
{
  nodes_fixture_add (&fixture->nodes, "a", OLD);
  nodes_fixture_answer (&fixture->nodes, "POST", "a", "/approve", 200, APPROVED);
  nodes_fixture_answer (&fixture->nodes, "POST", "a", "/revoke", 200, "{\"id\": \"a\", \"status\": \"pending\"}");
  open_window (fixture, 0);
  windows_press (part ("approve_button"));
  await (g_strcmp0 (get_page (fixture), "none") == 0);
  nodes_fixture_change (&fixture->nodes, "a", "\"approval\": \"approved\"");

  await (windows_find (GTK_WIDGET (fixture->window), GTK_TYPE_BUTTON, "Undo") != NULL);
  windows_press (windows_find (GTK_WIDGET (fixture->window), GTK_TYPE_BUTTON, "Undo"));
  await (nodes_fixture_count (&fixture->nodes, "POST", "a", "/revoke") == 1);
  nodes_fixture_change (&fixture->nodes, "a", "\"approval\": \"pending\"");
  await (shows (fixture, "studio"));
}

static void
test_not_now (Fixture      *fixture,
              gconstpointer data)
{
  nodes_fixture_add (&fixture->nodes, "a", OLD);
  nodes_fixture_add (&fixture->nodes, "b", NEW);
  open_window (fixture, 0);

  windows_press (part ("not_now_button"));
  g_assert_true (shows (fixture, "cellar"));
  windows_press (part ("not_now_button"));
  await (!gtk_widget_get_mapped (GTK_WIDGET (fixture->window)));
  g_assert_cmpstr (fixture->seen->str, ==, "+a -a +b -b ");
  g_assert_cmpuint (nodes_fixture_count (&fixture->nodes, "POST", "a", "/block"), ==, 0);
}

/* It does not come back by itself, in no window; it is there when its owner asks for it. */
static void
test_put_off (Fixture      *fixture,
              gconstpointer data)
{
  nodes_fixture_add (&fixture->nodes, "a", OLD);
  open_window (fixture, 0);
  gtk_window_close (GTK_WINDOW (fixture->window));
  close_window (fixture);

  open_window (fixture, 0);
  g_assert_cmpstr (get_page (fixture), ==, "none");
  nodes_fixture_change (&fixture->nodes, "a", "\"latency_ms\": 7");
  g_assert_cmpstr (get_page (fixture), ==, "none");

  nodes_fixture_add (&fixture->nodes, "b", NEW);
  g_assert_true (shows (fixture, "cellar"));
  windows_press (part ("not_now_button"));
  close_window (fixture);

  open_window (fixture, 0);
  g_assert_cmpstr (get_page (fixture), ==, "none");
  vmp_approvals_window_show_node (fixture->window, NULL);
  g_assert_true (shows (fixture, "studio"));
}

static void
test_not_accepted (Fixture      *fixture,
                   gconstpointer data)
{
  nodes_fixture_add (&fixture->nodes, "a", OLD);
  nodes_fixture_answer (&fixture->nodes, "POST", "a", "/approve", 500,
                        "{\"error\":{\"message\":\"The disk is full.\"}}");
  open_window (fixture, 0);
  windows_press (part ("approve_button"));

  await (g_strcmp0 (get_notice (fixture), "The disk is full.") == 0);
  g_assert_true (shows (fixture, "studio"));
  g_assert_true (may_decide (fixture));
  g_assert_null (windows_find (GTK_WIDGET (fixture->window), GTK_TYPE_BUTTON, "Undo"));
}

static void
test_closed_meanwhile (Fixture      *fixture,
                       gconstpointer data)
{
  nodes_fixture_add (&fixture->nodes, "a", OLD);
  nodes_fixture_answer (&fixture->nodes, "POST", "a", "/approve", 200, APPROVED);
  fake_gateway_hold (fixture->nodes.windows.gateway, "POST /vampire/v1/nodes/a/approve");
  open_window (fixture, 0);
  windows_press (part ("approve_button"));
  await (nodes_fixture_count (&fixture->nodes, "POST", "a", "/approve") == 1);

  gtk_window_destroy (GTK_WINDOW (fixture->window));
  g_object_unref (fixture->window);
  fake_gateway_let_go (fixture->nodes.windows.gateway, "POST /vampire/v1/nodes/a/approve");
  await (fixture->window == NULL);
}

/* -- When it changes ----------------------------------------------------------------------- */

static void
test_changed (Fixture      *fixture,
              gconstpointer data)
{
  nodes_fixture_add (&fixture->nodes, "a", OLD);
  open_window (fixture, 0);
  g_assert_true (may_decide (fixture));

  vmp_approvals_window_set_delay (fixture->window, NEVER_MS);
  nodes_fixture_change (&fixture->nodes, "a", "\"base_url\": \"http://192.168.1.66:1234\"");
  g_assert_cmpstr (get_notice (fixture), ==, "This computer changed. Look again before you decide.");
  g_assert_cmpstr (get_fact (fixture, "address_row"), ==, "http://192.168.1.66:1234");
  g_assert_false (may_decide (fixture));
}

static void
test_more_is_known (Fixture      *fixture,
                    gconstpointer data)
{
  nodes_fixture_add (&fixture->nodes, "a", OLD ", \"seen_address\": null, \"provider\": \"auto\", \"models_count\": 0");
  open_window (fixture, 0);
  g_assert_cmpstr (get_fact (fixture, "provider_row"), ==, "Unknown kind of server");

  nodes_fixture_change (&fixture->nodes, "a",
                        "\"seen_address\": \"192.168.1.50\", \"provider\": \"ollama\", \"models_count\": 4");
  g_assert_cmpstr (get_notice (fixture), ==, "More is known about this computer now. Look again before you decide.");
  g_assert_cmpstr (get_fact (fixture, "provider_row"), ==, "Ollama");
}

/* How it is at this moment is not who it is. */
static void
test_same (Fixture      *fixture,
           gconstpointer data)
{
  nodes_fixture_add (&fixture->nodes, "a", OLD);
  open_window (fixture, 0);
  vmp_approvals_window_set_delay (fixture->window, NEVER_MS);
  vmp_approvals_window_set_delay (fixture->window, 0);
  nodes_fixture_change (&fixture->nodes, "a", "\"latency_ms\": 900, \"status\": \"offline\", \"health\": \"offline\"");
  g_assert_null (get_notice (fixture));
  g_assert_true (may_decide (fixture));
}

/* The list need not have heard of it. */
static void
test_checked (Fixture      *fixture,
              gconstpointer data)
{
  nodes_fixture_add (&fixture->nodes, "a", OLD);
  nodes_fixture_change_silently (&fixture->nodes, "a", "\"seen_address\": \"192.168.1.66\"");
  open_window (fixture, 0);
  await (get_notice (fixture) != NULL);
  g_assert_cmpstr (get_fact (fixture, "seen_address_row"), ==, "192.168.1.66");
}

static void
test_conflict (Fixture      *fixture,
               gconstpointer data)
{
  nodes_fixture_add (&fixture->nodes, "a", OLD);
  nodes_fixture_answer (&fixture->nodes, "POST", "a", "/approve", 409, "{\"error\":{\"message\":\"It changed.\"}}");
  open_window (fixture, 0);
  await (nodes_fixture_count (&fixture->nodes, "GET", "a", "") == 1);
  nodes_fixture_change_silently (&fixture->nodes, "a", "\"seen_address\": \"192.168.1.66\"");
  windows_press (part ("approve_button"));
  vmp_approvals_window_set_delay (fixture->window, NEVER_MS);

  await (get_notice (fixture) != NULL);
  g_assert_cmpstr (get_notice (fixture), ==, "This computer changed. Look again before you decide.");
  g_assert_cmpstr (get_fact (fixture, "seen_address_row"), ==, "192.168.1.66");
  g_assert_false (may_decide (fixture));
}

static void
test_decided_elsewhere (Fixture      *fixture,
                        gconstpointer data)
{
  nodes_fixture_add (&fixture->nodes, "a", OLD);
  nodes_fixture_add (&fixture->nodes, "b", NEW);
  open_window (fixture, 0);
  nodes_fixture_change (&fixture->nodes, "a", "\"approval\": \"blocked\"");

  g_assert_cmpstr (get_page (fixture), ==, "gone");
  g_assert_cmpstr (gtk_label_get_text (part ("gone_label")), ==,
                   "“\342\201\250studio\342\201\251” was blocked elsewhere.");
  g_assert_cmpstr (fixture->seen->str, ==, "+a -a ");
  windows_press (part ("continue_button"));
  g_assert_true (shows (fixture, "cellar"));
}

static void
test_removed (Fixture      *fixture,
              gconstpointer data)
{
  nodes_fixture_add (&fixture->nodes, "a", OLD);
  open_window (fixture, 0);
  nodes_fixture_remove (&fixture->nodes, "a");
  g_assert_cmpstr (get_page (fixture), ==, "gone");
  g_assert_false (may_decide (fixture));
}

/* What is found meanwhile is counted, and nothing else. */
static void
test_found_meanwhile (Fixture      *fixture,
                      gconstpointer data)
{
  nodes_fixture_add (&fixture->nodes, "b", NEW);
  open_window (fixture, 0);
  nodes_fixture_add (&fixture->nodes, "a", OLD);

  g_assert_true (shows (fixture, "cellar"));
  g_assert_true (may_decide (fixture));
  g_assert_cmpstr (adw_window_title_get_subtitle (part ("window_title")), ==, "2 of 2");
}

static void
test_found_while_hidden (Fixture      *fixture,
                         gconstpointer data)
{
  open_window (fixture, 0);
  gtk_widget_set_visible (GTK_WIDGET (fixture->window), FALSE);
  nodes_fixture_add (&fixture->nodes, "a", OLD);
  g_assert_false (gtk_widget_get_visible (GTK_WIDGET (fixture->window)));
  g_assert_cmpstr (fixture->seen->str, ==, "");
}

static void
test_gateway_lost (Fixture      *fixture,
                   gconstpointer data)
{
  nodes_fixture_add (&fixture->nodes, "a", OLD);
  open_window (fixture, 0);
  vmp_link_stop (fixture->nodes.windows.link);
  fake_gateway_hang_up (fixture->nodes.windows.gateway, NULL);
  g_object_notify (G_OBJECT (fixture->nodes.windows.link), "state");

  g_assert_true (shows (fixture, "studio"));
  g_assert_false (may_decide (fixture));
  g_assert_nonnull (get_notice (fixture));
}

#define ADD(path, test) g_test_add ("/approvals/" path, Fixture, NULL, set_up, test, tear_down)

int
main (int    argc,
      char **argv)
{
  windows_test_init (&argc, &argv);

  ADD ("none", test_none);
  ADD ("loading", test_loading);
  ADD ("longest-waiting-first", test_longest_waiting);
  ADD ("chosen", test_chosen);
  ADD ("identity", test_identity);
  ADD ("plain-http", test_plain_http);
  ADD ("asks-again", test_asks_again);
  ADD ("names", test_names);
  ADD ("long-name", test_long_name);
  ADD ("delay/usual", test_usual_delay);
  ADD ("delay/ends", test_delay_ends);
  ADD ("delay/of-next", test_delay_of_next);
  ADD ("enter", test_enter);
  ADD ("not-suggested", test_not_suggested);
  ADD ("approve", test_approve);
  ADD ("block", test_block);
  ADD ("undo", test_undo);
  ADD ("not-now", test_not_now);
  ADD ("put-off", test_put_off);
  ADD ("not-accepted", test_not_accepted);
  ADD ("closed-meanwhile", test_closed_meanwhile);
  ADD ("changed", test_changed);
  ADD ("more-is-known", test_more_is_known);
  ADD ("same", test_same);
  ADD ("checked", test_checked);
  ADD ("conflict", test_conflict);
  ADD ("decided-elsewhere", test_decided_elsewhere);
  ADD ("removed", test_removed);
  ADD ("found-meanwhile", test_found_meanwhile);
  ADD ("found-while-hidden", test_found_while_hidden);
  ADD ("gateway-lost", test_gateway_lost);

  return g_test_run ();
}
