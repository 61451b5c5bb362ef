/* SPDX-License-Identifier: MIT
 *
 * The first page: what it says of the gateway's state, the address and what is to paste, sharing, figures, problems.
 */

#include "app/windows/vmp-overview-page.h"

#include <string.h>

#include "app/windows/vmp-snippets.h"
#include "windows-fixture.h"

#define STATUS "GET /vampire/v1/status"
#define SHARE "POST /vampire/v1/share"
#define UNLOCK "POST /vampire/v1/keyring/unlock"

#define STATUS_WITH(online, offline, paused) \
  "{\"object\":\"vampire.status\",\"nodes_online\":" #online ",\"nodes_offline\":" #offline ",\"nodes_pending\":0," \
  "\"active_requests\":0,\"paused\":" #paused ",\"listeners\":[],\"keyring\":{\"state\":\"locked\",\"trouble\":null}}"

static GtkWidget *
show_page (WindowsFixture *fixture)
{
  GtkWidget *page;

  windows_fixture_connect (fixture);
  page = vmp_overview_page_new (fixture->mirror);
  windows_fixture_show (fixture, page, 700);
  await (vmp_mirror_has (fixture->mirror, VMP_TOPIC_DOCTOR) && vmp_mirror_has (fixture->mirror, VMP_TOPIC_SETTINGS));
  windows_await_frame (fixture->window);

  return page;
}

static void
test_works (WindowsFixture *fixture,
            gconstpointer   data)
{
  GtkWidget *page = show_page (fixture);

  g_assert_true (windows_sees (page, "Vampire Works"));
  g_assert_true (windows_sees (page, "1 node answers. 1 does not."));
  g_assert_false (windows_sees (page, "Connect a Server"));
}

static void
test_paused (WindowsFixture *fixture,
             gconstpointer   data)
{
  fake_gateway_answer (fixture->gateway, STATUS, 200, STATUS_WITH (1, 0, true));
  g_assert_true (windows_sees (show_page (fixture), "Vampire Is Paused"));
}

static void
test_nobody_answers (WindowsFixture *fixture,
                     gconstpointer   data)
{
  fake_gateway_answer (fixture->gateway, STATUS, 200, STATUS_WITH (0, 2, false));
  g_assert_true (windows_sees (show_page (fixture), "No Server Answers"));
}

static void
test_own_problem (WindowsFixture *fixture,
                  gconstpointer   data)
{
  GtkWidget *page;

  fake_gateway_answer (fixture->gateway, "GET /vampire/v1/doctor", 200,
                       "{\"status\":\"problem\",\"checks\":[{\"id\":\"store\",\"title\":\"Database\",\"status\":"
                       "\"problem\",\"message\":\"The disk is full.\",\"remedy\":\"Make room.\"}]}");
  page = show_page (fixture);
  g_assert_true (windows_sees (page, "Vampire Has a Problem"));
  g_assert_true (windows_sees (page, "Make room."));
}

static void
test_never_reached (WindowsFixture *fixture,
                    gconstpointer   data)
{
  GtkWidget *page;

  fake_gateway_free (fixture->gateway);
  page = vmp_overview_page_new (fixture->mirror);
  windows_fixture_show (fixture, page, 700);
  g_assert_true (windows_sees (page, "Looking for the gateway…"));
  vmp_link_start (fixture->link);
  await (vmp_link_get_state (fixture->link) == VMP_LINK_LOST);
  await (windows_sees (page, "Vampire Is Not Reached"));
  g_assert_false (windows_sees (page, "Vampire Works"));
  fixture->gateway = fake_gateway_new (0);
}

/* For those who begin: the only node is the one that is always looked for, and it is not there. */
static void
test_first_run (WindowsFixture *fixture,
                gconstpointer   data)
{
  GtkWidget *page;

  fake_gateway_answer (fixture->gateway, STATUS, 200, STATUS_WITH (0, 1, false));
  fake_gateway_answer (fixture->gateway, "GET /vampire/v1/nodes", 200,
                       "{\"object\":\"list\",\"data\":[{\"id\":\"default\",\"name\":null,\"base_url\":"
                       "\"http://localhost:1234\",\"status\":\"offline\",\"approval\":\"approved\",\"is_default\":true,"
                       "\"models_count\":0,\"last_error\":\"Nothing answers.\"}]}");
  fake_gateway_answer (fixture->gateway, "POST /vampire/v1/discover", 200, "{}");
  fake_gateway_answer (fixture->gateway, "POST /vampire/v1/nodes/default/refresh", 200, "{}");
  page = show_page (fixture);
  g_assert_true (windows_sees (page, "Connect a Server"));

  windows_press (windows_find (page, GTK_TYPE_BUTTON, "_Look Again"));
  await (fake_gateway_count (fixture->gateway, "POST /vampire/v1/discover") == 1);
  g_assert_nonnull (strstr (fake_gateway_get_request (fixture->gateway, "POST /vampire/v1/discover"),
                            "{\"methods\":[\"local\"]}"));
  await (fake_gateway_count (fixture->gateway, "POST /vampire/v1/nodes/default/refresh") == 1);
  await (windows_sees (fixture->window, "Nothing answers on this computer yet"));
  g_assert_true (gtk_widget_is_sensitive (windows_find (page, GTK_TYPE_BUTTON, "_Look Again")));
}

static void
test_nodes_are_plain_text (WindowsFixture *fixture,
                           gconstpointer   data)
{
  GtkWidget *page = show_page (fixture);

  g_assert_true (windows_sees (page, "<b>attic</b> & co"));
  g_assert_true (windows_sees (page, "Online · 2 models"));
  /* One that waits is not among them. */
  g_assert_false (windows_sees (page, "stranger"));
}

static void
test_share (WindowsFixture *fixture,
            gconstpointer   data)
{
  GtkWidget *page = show_page (fixture);
  GtkWidget *share = windows_find (page, GTK_TYPE_SWITCH, NULL);

  g_assert_true (windows_sees (page, "Off: only this computer uses Vampire"));
  fake_gateway_answer (fixture->gateway, SHARE, 200, "{}");
  fake_gateway_answer (fixture->gateway, "GET /vampire/v1/share", 200,
                       "{\"mode\":\"personal\",\"enabled\":true,\"open\":true,\"ends_at\":null,\"trouble\":null,"
                       "\"listeners\":[],\"keys\":1}");
  windows_press (share);
  /* It is not on before the gateway says so. */
  g_assert_false (gtk_switch_get_state (GTK_SWITCH (share)));
  await (fake_gateway_count (fixture->gateway, SHARE) == 1);
  g_assert_nonnull (strstr (fake_gateway_get_request (fixture->gateway, SHARE),
                            "{\"mode\":\"personal\",\"enabled\":true}"));
  await (gtk_switch_get_state (GTK_SWITCH (share)));
  g_assert_true (windows_sees (page, "My Devices, until you turn it off"));
  g_assert_cmpuint (fake_gateway_count (fixture->gateway, SHARE), ==, 1);
}

static void
test_share_refused (WindowsFixture *fixture,
                    gconstpointer   data)
{
  GtkWidget *page = show_page (fixture);
  GtkWidget *share = windows_find (page, GTK_TYPE_SWITCH, NULL);

  fake_gateway_answer (fixture->gateway, SHARE, 400, "{\"error\":{\"message\":\"Not now.\"}}");
  windows_press (share);
  await (windows_sees (fixture->window, "Not now."));
  g_assert_false (gtk_switch_get_active (GTK_SWITCH (share)));
  g_assert_false (gtk_switch_get_state (GTK_SWITCH (share)));
}

static void
test_figures (WindowsFixture *fixture,
              gconstpointer   data)
{
  GtkWidget *page = show_page (fixture);

  g_assert_true (windows_sees (page, "No request is running"));
  fake_gateway_send_event (fixture->gateway, "metric",
                           "{\"active_requests\":3,\"queue_depth\":1,\"tokens_per_second\":42.4,\"nodes_online\":1,"
                           "\"nodes_offline\":1,\"nodes_pending\":0,\"shared_connections\":0}");
  await (windows_sees (page, "3 requests are running, 1 waits"));
  g_assert_true (windows_sees (page, "42 tokens/s"));
  g_assert_nonnull (windows_find (page, GTK_TYPE_WIDGET, "Tokens per second: 42.4"));
}

static void
test_unlock (WindowsFixture *fixture,
             gconstpointer   data)
{
  GtkWidget *page;

  fake_gateway_answer (fixture->gateway, "GET /vampire/v1/doctor", 200,
                       "{\"status\":\"warning\",\"checks\":[{\"id\":\"keyring\",\"title\":\"Keyring\",\"status\":"
                       "\"warning\",\"message\":\"It is <locked>.\",\"remedy\":null}]}");
  fake_gateway_answer (fixture->gateway, UNLOCK, 200, "{}");
  page = show_page (fixture);
  g_assert_true (windows_sees (page, "It is <locked>."));

  fake_gateway_answer (fixture->gateway, "GET /vampire/v1/doctor", 200, "{\"status\":\"ok\",\"checks\":[]}");
  windows_press (windows_find (page, GTK_TYPE_BUTTON, "_Unlock"));
  await (fake_gateway_count (fixture->gateway, UNLOCK) == 1);
  await (!windows_sees (page, "It is <locked>."));
}

static void
test_snippets (void)
{
  for (guint i = 0; i < vmp_snippets_get_n (); i++)
    {
      g_autofree char *open = vmp_snippets_make (i, "http://localhost:7777/v1", FALSE);
      g_autofree char *closed = vmp_snippets_make (i, "http://localhost:7777/v1", TRUE);

      g_assert_nonnull (strstr (open, "http://localhost:7777/v1"));
      g_assert_null (strchr (open, '@'));
      g_assert_null (strstr (open, "YOUR_TOKEN"));
      /* What asks for a key in a place of its own has none here. */
      if (strstr (open, "unused") != NULL)
        g_assert_nonnull (strstr (closed, "YOUR_TOKEN"));
      g_assert_cmpstr (vmp_snippets_get_advice (i), !=, "");
    }
}

static void
test_base_urls (void)
{
  static const char * const pairs[][2] = {
    { "http://127.0.0.1:7777", "http://localhost:7777/v1" },
    { "http://127.0.0.10:7777", "http://127.0.0.10:7777/v1" },
    { "http://[::1]:7777", "http://[::1]:7777/v1" },
    { "http://vampire.lan", "http://vampire.lan/v1" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (pairs); i++)
    {
      g_autofree char *url = vmp_snippets_base_url (pairs[i][0]);

      g_assert_cmpstr (url, ==, pairs[i][1]);
    }
}

int
main (int    argc,
      char **argv)
{
  windows_test_init (&argc, &argv);

  windows_test_add ("/overview/state/works", test_works, NULL);
  windows_test_add ("/overview/state/paused", test_paused, NULL);
  windows_test_add ("/overview/state/nobody-answers", test_nobody_answers, NULL);
  windows_test_add ("/overview/state/own-problem", test_own_problem, NULL);
  windows_test_add ("/overview/state/never-reached", test_never_reached, NULL);
  windows_test_add ("/overview/first-run", test_first_run, NULL);
  windows_test_add ("/overview/nodes-are-plain-text", test_nodes_are_plain_text, NULL);
  windows_test_add ("/overview/share/on", test_share, NULL);
  windows_test_add ("/overview/share/refused", test_share_refused, NULL);
  windows_test_add ("/overview/figures", test_figures, NULL);
  windows_test_add ("/overview/problems/unlock", test_unlock, NULL);
  g_test_add_func ("/overview/snippets", test_snippets);
  g_test_add_func ("/overview/base-urls", test_base_urls);

  return g_test_run ();
}
