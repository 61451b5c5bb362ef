/* SPDX-License-Identifier: MIT
 *
 * What all windows do alike: asking, toasts, questions, the clipboard, holding topics.
 */

#include "app/windows/vmp-ui.h"

#include <string.h>

#include "windows-fixture.h"

#define ROUTES "GET /vampire/v1/routes"

typedef struct {
  guint n_done;
  guint n_failed;
  guint n_destroyed;
  char *problem;
} Seen;

static void
done_cb (GtkWidget *widget,
         JsonNode  *answer,
         gpointer   user_data)
{
  Seen *seen = user_data;

  seen->n_done++;
}

static void
failed_cb (GtkWidget  *widget,
           const char *problem,
           gpointer    user_data)
{
  Seen *seen = user_data;

  seen->n_failed++;
  g_free (seen->problem);
  seen->problem = g_strdup (problem);
}

static void
destroy_cb (gpointer user_data)
{
  Seen *seen = user_data;

  seen->n_destroyed++;
}

static void
ask (WindowsFixture *fixture,
     GtkWidget      *widget,
     Seen           *seen)
{
  vmp_ui_ask_full (widget, fixture->mirror, "POST", g_strdup ("/vampire/v1/pause"),
                   vmp_ui_object ("paused", "b", TRUE, NULL), done_cb, failed_cb, seen, destroy_cb);
}

static GtkWidget *
show_box (WindowsFixture *fixture)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);

  windows_fixture_connect (fixture);
  windows_fixture_show (fixture, box, 600);

  return box;
}

static void
test_ask_done (WindowsFixture *fixture,
               gconstpointer   data)
{
  GtkWidget *box = show_box (fixture);
  Seen seen = { 0 };

  fake_gateway_answer (fixture->gateway, "POST /vampire/v1/pause", 200, "{\"paused\":true}");
  ask (fixture, box, &seen);
  await (seen.n_destroyed == 1);
  g_assert_cmpuint (seen.n_done, ==, 1);
  g_assert_cmpuint (seen.n_failed, ==, 0);
  g_assert_nonnull (strstr (fake_gateway_get_request (fixture->gateway, "POST /vampire/v1/pause"),
                            "{\"paused\":true}"));
}

static void
test_ask_refused (WindowsFixture *fixture,
                  gconstpointer   data)
{
  GtkWidget *box = show_box (fixture);
  Seen seen = { 0 };

  fake_gateway_answer (fixture->gateway, "POST /vampire/v1/pause", 409,
                       "{\"error\":{\"message\":\"That is how it is already.\",\"code\":\"conflict\"}}");
  ask (fixture, box, &seen);
  await (seen.n_destroyed == 1);
  g_assert_cmpuint (seen.n_done, ==, 0);
  g_assert_cmpuint (seen.n_failed, ==, 1);
  g_assert_cmpstr (seen.problem, ==, "That is how it is already.");
  g_free (seen.problem);
}

/* Nobody is told that is gone. */
static void
test_ask_after_its_window (WindowsFixture *fixture,
                           gconstpointer   data)
{
  GtkWidget *box = show_box (fixture);
  Seen seen = { 0 };

  fake_gateway_answer (fixture->gateway, "POST /vampire/v1/pause", 200, "{}");
  fake_gateway_hold (fixture->gateway, "POST /vampire/v1/pause");
  ask (fixture, fixture->window, &seen);
  await (fake_gateway_count (fixture->gateway, "POST /vampire/v1/pause") == 1);
  g_assert_true (GTK_IS_BOX (box));
  gtk_window_destroy (GTK_WINDOW (fixture->window));
  fake_gateway_let_go (fixture->gateway, "POST /vampire/v1/pause");
  await (seen.n_destroyed == 1);
  g_assert_cmpuint (seen.n_done + seen.n_failed, ==, 0);
}

/* What a gateway says is text, whatever it looks like. */
static void
test_refusal_is_a_plain_toast (WindowsFixture *fixture,
                               gconstpointer   data)
{
  GtkWidget *box = show_box (fixture);

  fake_gateway_answer (fixture->gateway, "POST /vampire/v1/pause", 409,
                       "{\"error\":{\"message\":\"<b>No</b> & no\",\"code\":\"conflict\"}}");
  vmp_ui_ask (box, fixture->mirror, "POST", g_strdup ("/vampire/v1/pause"), NULL, NULL, NULL);
  await (windows_sees (fixture->window, "<b>No</b> & no"));
}

static void
pressed_cb (AdwToast *toast,
            gpointer  user_data)
{
  Seen *seen = user_data;

  seen->n_done++;
}

static void
test_toast_with_button (WindowsFixture *fixture,
                        gconstpointer   data)
{
  GtkWidget *box = show_box (fixture);
  Seen seen = { 0 };

  vmp_ui_toast_with_button (box, "Blocked", "Undo", G_CALLBACK (pressed_cb), &seen, destroy_cb);
  await (windows_find (fixture->window, GTK_TYPE_BUTTON, "Undo") != NULL);
  windows_press (windows_find (fixture->window, GTK_TYPE_BUTTON, "Undo"));
  g_assert_cmpuint (seen.n_done, ==, 1);
  await (seen.n_destroyed == 1);
}

static void
test_toast_without_a_window (WindowsFixture *fixture,
                             gconstpointer   data)
{
  GtkWidget *box = g_object_ref_sink (gtk_box_new (GTK_ORIENTATION_VERTICAL, 0));
  Seen seen = { 0 };

  vmp_ui_toast (box, "Nobody sees it");
  vmp_ui_toast_with_button (box, "Nor this", "Undo", G_CALLBACK (pressed_cb), &seen, destroy_cb);
  g_assert_cmpuint (seen.n_destroyed, ==, 1);
  g_object_unref (box);
}

static void
confirmed_cb (gpointer user_data)
{
  Seen *seen = user_data;

  seen->n_done++;
}

static AdwMessageDialog *
find_dialog (void)
{
  g_autoptr (GListModel) windows = g_object_ref (gtk_window_get_toplevels ());

  for (guint i = 0; i < g_list_model_get_n_items (windows); i++)
    {
      g_autoptr (GtkWidget) window = g_list_model_get_item (windows, i);

      if (ADW_IS_MESSAGE_DIALOG (window))
        return ADW_MESSAGE_DIALOG (window);
    }
  return NULL;
}

static void
test_confirm (WindowsFixture *fixture,
              gconstpointer   data)
{
  GtkWidget *box = show_box (fixture);
  Seen seen = { 0 };

  vmp_ui_confirm (box, "Forget “<i>studio</i>”?", "It is gone then.", "_Forget", TRUE, confirmed_cb, &seen, destroy_cb);
  g_assert_cmpstr (adw_message_dialog_get_default_response (find_dialog ()), ==, "cancel");
  g_assert_cmpstr (adw_message_dialog_get_close_response (find_dialog ()), ==, "cancel");
  g_assert_false (adw_message_dialog_get_heading_use_markup (find_dialog ()));
  gtk_window_close (GTK_WINDOW (find_dialog ()));
  await (seen.n_destroyed == 1);
  g_assert_cmpuint (seen.n_done, ==, 0);

  vmp_ui_confirm (box, "Forget it?", "It is gone then.", "_Forget", TRUE, confirmed_cb, &seen, destroy_cb);
  adw_message_dialog_response (find_dialog (), "yes");
  gtk_window_destroy (GTK_WINDOW (find_dialog ()));
  await (seen.n_destroyed == 2);
  g_assert_cmpuint (seen.n_done, ==, 1);
}

static void
read_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  char **text = user_data;

  *text = gdk_clipboard_read_text_finish (GDK_CLIPBOARD (source), result, NULL);
}

static void
test_copy (WindowsFixture *fixture,
           gconstpointer   data)
{
  GtkWidget *box = show_box (fixture);
  g_autofree char *text = NULL;

  vmp_ui_copy (box, "http://localhost:7777/v1", "Address copied");
  await (windows_sees (fixture->window, "Address copied"));
  gdk_clipboard_read_text_async (gtk_widget_get_clipboard (box), NULL, read_cb, &text);
  await (text != NULL);
  g_assert_cmpstr (text, ==, "http://localhost:7777/v1");
}

/* A page that is not on screen costs nothing. */
static void
test_hold_while_mapped (WindowsFixture *fixture,
                        gconstpointer   data)
{
  GtkWidget *box = show_box (fixture);
  GtkWidget *page = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);

  g_assert_cmpuint (fake_gateway_count (fixture->gateway, ROUTES), ==, 0);
  vmp_ui_hold_while_mapped (page, fixture->mirror, VMP_TOPIC_ROUTES);
  gtk_box_append (GTK_BOX (box), page);
  await (vmp_mirror_has (fixture->mirror, VMP_TOPIC_ROUTES));

  gtk_widget_set_visible (page, FALSE);
  vmp_mirror_hold (fixture->mirror, VMP_TOPIC_KEYS);
  fake_gateway_hang_up (fixture->gateway, FAKE_EVENTS);
  await (fake_gateway_count (fixture->gateway, "GET /vampire/v1/keys") == 2);
  g_assert_cmpuint (fake_gateway_count (fixture->gateway, ROUTES), ==, 1);
  vmp_mirror_release (fixture->mirror, VMP_TOPIC_KEYS);

  gtk_widget_set_visible (page, TRUE);
  await (fake_gateway_count (fixture->gateway, ROUTES) == 2);
}

static guint n_watched;

static void
watched_cb (GtkWidget *widget)
{
  n_watched++;
}

static void
test_watch (WindowsFixture *fixture,
            gconstpointer   data)
{
  GtkWidget *box = show_box (fixture);
  GtkWidget *page = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);

  n_watched = 0;
  gtk_box_append (GTK_BOX (box), page);
  vmp_ui_watch (page, fixture->mirror, VMP_TOPIC_SHARE, watched_cb);
  g_assert_cmpuint (n_watched, ==, 1);
  g_signal_emit_by_name (fixture->mirror, "changed", VMP_TOPIC_STATUS);
  g_assert_cmpuint (n_watched, ==, 1);
  g_signal_emit_by_name (fixture->mirror, "changed", VMP_TOPIC_SHARE);
  g_assert_cmpuint (n_watched, ==, 2);

  gtk_box_remove (GTK_BOX (box), page);
  g_signal_emit_by_name (fixture->mirror, "changed", VMP_TOPIC_SHARE);
  g_assert_cmpuint (n_watched, ==, 2);
}

static void
test_objects (void)
{
  g_autoptr (JsonNode) node = vmp_ui_object ("text", "s", "a\"b", "none", "s", NULL, "yes", "b", TRUE, "number", "i",
                                             (gint64) -5, "ratio", "d", 1.5, "null", "n", NULL);
  g_autofree char *text = json_to_string (node, FALSE);

  g_assert_cmpstr (text, ==,
                   "{\"text\":\"a\\\"b\",\"none\":null,\"yes\":true,\"number\":-5,\"ratio\":1.5,\"null\":null}");
}

int
main (int    argc,
      char **argv)
{
  windows_test_init (&argc, &argv);

  windows_test_add ("/ui/ask/done", test_ask_done, NULL);
  windows_test_add ("/ui/ask/refused", test_ask_refused, NULL);
  windows_test_add ("/ui/ask/after-its-window", test_ask_after_its_window, NULL);
  windows_test_add ("/ui/toast/refusal-is-plain", test_refusal_is_a_plain_toast, NULL);
  windows_test_add ("/ui/toast/with-button", test_toast_with_button, NULL);
  windows_test_add ("/ui/toast/without-a-window", test_toast_without_a_window, NULL);
  windows_test_add ("/ui/confirm", test_confirm, NULL);
  windows_test_add ("/ui/copy", test_copy, NULL);
  windows_test_add ("/ui/hold-while-mapped", test_hold_while_mapped, NULL);
  windows_test_add ("/ui/watch", test_watch, NULL);
  g_test_add_func ("/ui/objects", test_objects);

  return g_test_run ();
}
