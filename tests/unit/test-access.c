/* SPDX-License-Identifier: MIT
 *
 * Behaviour of the access checks, as tables of requests and verdicts.
 */

#include "gateway/vmp-access.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct {
  const char *path;
  const char *fields;   /* lines, each with its CR LF */
  int problem;          /* a VmpProblem, or one of the below */
  const char *origin;   /* expected in the answer; NULL: none */
} Case;

/* Of this run. */
#define OWNER_TOKEN "of-this-run"

#define GRANTED (-1)
#define PREFLIGHT (-2)

static VmpSettings *
load_settings (const char * const *variables)
{
  g_autoptr (GError) error = NULL;
  VmpSettings *settings = vmp_settings_load (NULL, variables, &error);

  g_assert_no_error (error);
  return settings;
}

static VmpAccess
check (const VmpSettings *settings,
       const char        *method,
       const Case        *test,
       VmpDoor            door,
       VmpAccessVerdict  *verdict,
       char             **text)
{
  g_autofree VmpHttpHead *head = g_new (VmpHttpHead, 1);
  const VmpAccessRules rules = { .settings = settings, .door = door, .owner_token = OWNER_TOKEN };
  gsize scanned = 0;
  gsize head_len;

  *text = g_strdup_printf ("%s %s HTTP/1.1\r\n%s\r\n", method, test->path, test->fields);
  g_assert_cmpint (vmp_http_head_parse (*text, strlen (*text), &scanned, head, &head_len), ==, VMP_HEAD_OK);

  return vmp_access_check (&rules, head, verdict);
}

static void
check_cases (const VmpSettings *settings,
             const char        *method,
             const Case        *cases,
             gsize              n)
{
  gsize i;

  for (i = 0; i < n; i++)
    {
      g_autofree char *text = NULL;
      VmpAccessVerdict verdict;
      VmpAccess access = check (settings, method, &cases[i], VMP_DOOR_LOOPBACK, &verdict, &text);

      switch (cases[i].problem)
        {
        case GRANTED:
          g_assert_cmpint (access, ==, VMP_ACCESS_GRANTED);
          break;

        case PREFLIGHT:
          g_assert_cmpint (access, ==, VMP_ACCESS_PREFLIGHT);
          break;

        default:
          g_assert_cmpint (access, ==, VMP_ACCESS_REFUSED);
          g_assert_cmpint (verdict.problem, ==, cases[i].problem);
          g_assert_nonnull (verdict.message);
          break;
        }
      if (cases[i].origin != NULL)
        g_assert_true (vmp_slice_equal (verdict.cors_origin, cases[i].origin));
      else
        g_assert_null (verdict.cors_origin.data);
    }
}

static void
test_host (void)
{
  static const char * const variables[] = { "HOME=/nonexistent", "VAMPIRE_ALLOWED_HOSTS=studio.local", NULL };
  static const Case cases[] = {
    { "/v1/models", "Host: localhost:7777\r\n", GRANTED, NULL },
    { "/v1/models", "Host: LOCALHOST\r\n", GRANTED, NULL },
    { "/v1/models", "Host: localhost.:7777\r\n", GRANTED, NULL },
    { "/v1/models", "Host: vampire.localhost\r\n", GRANTED, NULL },
    { "/v1/models", "Host: 127.0.0.1:7777\r\n", GRANTED, NULL },
    { "/v1/models", "Host: 127.9.8.7\r\n", GRANTED, NULL },
    { "/v1/models", "Host: [::1]:7777\r\n", GRANTED, NULL },
    { "/v1/models", "Host: studio.local:7777\r\n", GRANTED, NULL },
    { "/v1/models", "Host: evil.example\r\n", VMP_PROBLEM_HOST_NOT_ALLOWED, NULL },
    { "/v1/models", "Host: localhost.evil.example\r\n", VMP_PROBLEM_HOST_NOT_ALLOWED, NULL },
    { "/v1/models", "Host: evillocalhost\r\n", VMP_PROBLEM_HOST_NOT_ALLOWED, NULL },
    { "/v1/models", "Host: 192.168.1.5\r\n", VMP_PROBLEM_HOST_NOT_ALLOWED, NULL },
    { "/v1/models", "Host: 127.0.0.1.nip.io\r\n", VMP_PROBLEM_HOST_NOT_ALLOWED, NULL },
    { "/v1/models", "Host: [::ffff:192.168.1.5]\r\n", VMP_PROBLEM_HOST_NOT_ALLOWED, NULL },
    { "/", "Host: evil.example\r\n", VMP_PROBLEM_HOST_NOT_ALLOWED, NULL },
  };
  g_autoptr (VmpSettings) settings = load_settings (variables);
  g_autofree char *text = NULL;
  VmpAccessVerdict verdict;

  check_cases (settings, "GET", cases, G_N_ELEMENTS (cases));

  /* A LAN listener has a token instead, which no page can know. */
  g_assert_cmpint (check (settings, "GET", &cases[8], VMP_DOOR_HOST, &verdict, &text), ==, VMP_ACCESS_GRANTED);
}

static void
test_origin (void)
{
  static const char * const variables[] = {
    "HOME=/nonexistent", "VAMPIRE_CORS_ORIGINS=https://chat.example,chrome-extension://abc", NULL
  };
  static const Case cases[] = {
    { "/v1/models", "Host: localhost:7777\r\nOrigin: http://localhost:7777\r\n", GRANTED, "http://localhost:7777" },
    { "/vampire/v1/status", "Host: localhost:7777\r\nOrigin: http://localhost:7777\r\n", GRANTED,
      "http://localhost:7777" },
    { "/v1/models", "Host: localhost:7777\r\nOrigin: http://localhost:3000\r\n", GRANTED, "http://localhost:3000" },
    { "/v1/models", "Host: localhost:7777\r\nOrigin: http://127.0.0.1:8080\r\n", GRANTED, "http://127.0.0.1:8080" },
    { "/vampire/v1/status", "Host: localhost:7777\r\nOrigin: http://localhost:3000\r\n",
      VMP_PROBLEM_ORIGIN_NOT_ALLOWED, NULL },
    { "/", "Host: localhost:7777\r\nOrigin: http://localhost:3000\r\n", VMP_PROBLEM_ORIGIN_NOT_ALLOWED, NULL },
    { "/metrics", "Host: localhost:7777\r\nOrigin: http://localhost:3000\r\n", VMP_PROBLEM_ORIGIN_NOT_ALLOWED, NULL },
    { "/v1/models", "Host: localhost:7777\r\nOrigin: vscode-webview://a1b2\r\n", GRANTED, "vscode-webview://a1b2" },
    { "/v1/models", "Host: localhost:7777\r\nOrigin: app://obsidian.md\r\n", GRANTED, "app://obsidian.md" },
    { "/v1/models", "Host: localhost:7777\r\nOrigin: tauri://localhost\r\n", GRANTED, "tauri://localhost" },
    { "/vampire/v1/status", "Host: localhost:7777\r\nOrigin: app://obsidian.md\r\n", VMP_PROBLEM_ORIGIN_NOT_ALLOWED,
      NULL },
    { "/v1/models", "Host: localhost:7777\r\nOrigin: https://evil.example\r\n", VMP_PROBLEM_ORIGIN_NOT_ALLOWED, NULL },
    { "/v1/models", "Host: localhost:7777\r\nOrigin: http://localhost.evil.example\r\n",
      VMP_PROBLEM_ORIGIN_NOT_ALLOWED, NULL },
    { "/v1/models", "Host: localhost:7777\r\nOrigin: http://localhost:1@evil.example\r\n",
      VMP_PROBLEM_ORIGIN_NOT_ALLOWED, NULL },
    { "/v1/models", "Host: localhost:7777\r\nOrigin: null\r\n", VMP_PROBLEM_ORIGIN_NOT_ALLOWED, NULL },
    { "/v1/models", "Host: localhost:7777\r\nOrigin: chrome-extension://abc\r\n", GRANTED, "chrome-extension://abc" },
    { "/v1/models", "Host: localhost:7777\r\nOrigin: chrome-extension://abd\r\n", VMP_PROBLEM_ORIGIN_NOT_ALLOWED,
      NULL },
    { "/vampire/v1/status", "Host: localhost:7777\r\nOrigin: https://chat.example\r\n", GRANTED,
      "https://chat.example" },
    { "/v1/models", "Host: localhost:7777\r\nSec-Fetch-Site: cross-site\r\n", VMP_PROBLEM_ORIGIN_NOT_ALLOWED, NULL },
    { "/v1/models", "Host: localhost:7777\r\nSec-Fetch-Site: none\r\n", GRANTED, NULL },
  };
  static const Case preflights[] = {
    { "/v1/chat/completions", "Host: localhost:7777\r\nOrigin: http://localhost:3000\r\n", PREFLIGHT,
      "http://localhost:3000" },
    { "/v1/chat/completions", "Host: localhost:7777\r\n", PREFLIGHT, NULL },
    { "/v1/chat/completions", "Host: localhost:7777\r\nOrigin: https://evil.example\r\n",
      VMP_PROBLEM_ORIGIN_NOT_ALLOWED, NULL },
  };
  g_autoptr (VmpSettings) settings = load_settings (variables);

  check_cases (settings, "POST", cases, G_N_ELEMENTS (cases));
  check_cases (settings, "OPTIONS", preflights, G_N_ELEMENTS (preflights));
}

static void
test_token (void)
{
  static const char * const variables[] = { "HOME=/nonexistent", "VAMPIRE_AUTH_TOKEN=s\xc3\xa9same", NULL };
  static const Case cases[] = {
    { "/v1/models", "Host: localhost\r\n", VMP_PROBLEM_TOKEN, NULL },
    { "/vampire/v1/status", "Host: localhost\r\n", VMP_PROBLEM_TOKEN, NULL },
    { "/health", "Host: localhost\r\n", GRANTED, NULL },
    { "/v1/models", "Host: localhost\r\nAuthorization: Bearer s\xc3\xa9same\r\n", GRANTED, NULL },
    { "/v1/models", "Host: localhost\r\nAuthorization: bEARER s\xc3\xa9same\r\n", GRANTED, NULL },
    { "/v1/models", "Host: localhost\r\nX-Api-Key: s\xc3\xa9same\r\n", GRANTED, NULL },
    { "/v1/models", "Host: localhost\r\nAuthorization: Bearer s\xc3\xa9sam\r\n", VMP_PROBLEM_TOKEN, NULL },
    { "/v1/models", "Host: localhost\r\nAuthorization: Bearer s\xc3\xa9same2\r\n", VMP_PROBLEM_TOKEN, NULL },
    { "/v1/models", "Host: localhost\r\nAuthorization: Bearer s\xc3\xa9samE\r\n", VMP_PROBLEM_TOKEN, NULL },
    { "/v1/models", "Host: localhost\r\nAuthorization: Bearer S\xc3\xa9same\r\n", VMP_PROBLEM_TOKEN, NULL },
    { "/v1/models", "Host: localhost\r\nAuthorization: Bearer s\r\n", VMP_PROBLEM_TOKEN, NULL },
    { "/v1/models", "Host: localhost\r\nX-Api-Key:\r\n", VMP_PROBLEM_TOKEN, NULL },
    { "/v1/models", "Host: localhost\r\nAuthorization: Bearer  s\xc3\xa9same\r\n", VMP_PROBLEM_TOKEN, NULL },
    { "/v1/models", "Host: localhost\r\nAuthorization: Bearer \xff\xfe\r\n", VMP_PROBLEM_TOKEN, NULL },
    { "/v1/models", "Host: localhost\r\nAuthorization: Basic s\xc3\xa9same\r\n", VMP_PROBLEM_TOKEN, NULL },
    { "/v1/models", "Host: localhost\r\nAuthorization: Bearer\r\n", VMP_PROBLEM_TOKEN, NULL },
    /* The path as a node would resolve it does not matter: what is relayed is under /v1. */
    { "/v1/../health", "Host: localhost\r\n", VMP_PROBLEM_TOKEN, NULL },
    { "/v1", "Host: localhost\r\n", VMP_PROBLEM_TOKEN, NULL },
    /* The path of the control API does: it undoes the percent-encoding. */
    { "/vampire/v%31/status", "Host: localhost\r\n", VMP_PROBLEM_TOKEN, NULL },
    { "/metrics", "Host: localhost\r\n", VMP_PROBLEM_TOKEN, NULL },
    { "/m%65trics", "Host: localhost\r\n", VMP_PROBLEM_TOKEN, NULL },
    { "/metrics/", "Host: localhost\r\n", VMP_PROBLEM_TOKEN, NULL },
    { "/metrics", "Host: localhost\r\nAuthorization: Bearer s\xc3\xa9same\r\n", GRANTED, NULL },
    { "/metrics", "Host: localhost\r\nAuthorization: Bearer " OWNER_TOKEN "\r\n", GRANTED, NULL },
    { "/metricsandmore", "Host: localhost\r\n", GRANTED, NULL },
    { "/%76ampire/v1", "Host: localhost\r\n", VMP_PROBLEM_TOKEN, NULL },
    { "/nowhere/%zz", "Host: localhost\r\n", VMP_PROBLEM_TOKEN, NULL },
    { "/nowhere/%20", "Host: localhost\r\n", GRANTED, NULL },
    { "/v1/models", "Host: localhost\r\nAuthorization: Bearer " OWNER_TOKEN "\r\n", GRANTED, NULL },
    { "/vampire/v1/nodes", "Host: localhost\r\nAuthorization: Bearer " OWNER_TOKEN "\r\n", GRANTED, NULL },
    /* A page learns nothing of the token. */
    { "/v1/models", "Host: localhost\r\nOrigin: https://evil.example\r\n", VMP_PROBLEM_ORIGIN_NOT_ALLOWED, NULL },
  };
  g_autoptr (VmpSettings) settings = load_settings (variables);

  check_cases (settings, "GET", cases, G_N_ELEMENTS (cases));
}

static void
remove_folder (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      g_assert_cmpint (g_remove (path), ==, 0);
    }
  g_assert_cmpint (g_rmdir (folder), ==, 0);
}

static void
key_gone_cb (gpointer            user_data,
             const VmpClientKey *key)
{
}

/* Who has a client key may ask models, and see nothing of the gateway or of what others do. */
static void
test_client_key (void)
{
  static const char * const variables[] = { "HOME=/nonexistent", NULL };
  static const struct {
    const char *path;
    int problem;
  } cases[] = {
    { "/v1/models", GRANTED },
    { "/health", GRANTED },
    { "/vampire/v1/status", VMP_PROBLEM_OWNER_ONLY },
    { "/vampire", VMP_PROBLEM_OWNER_ONLY },
    { "/metrics", VMP_PROBLEM_OWNER_ONLY },
    { "/%6Detrics", VMP_PROBLEM_OWNER_ONLY },
  };
  g_autoptr (VmpSettings) settings = load_settings (variables);
  g_autofree char *dir = g_dir_make_tmp ("vampire-XXXXXX", NULL);
  g_autoptr (GError) error = NULL;
  VmpPoll *poll = vmp_poll_new (NULL);
  VmpStore *store = vmp_store_open (dir, NULL, &error);
  VmpClientKeys *keys = vmp_client_keys_new (poll, store, key_gone_cb, NULL);
  g_autofree char *secret = NULL;
  guint i;

  g_assert_no_error (error);
  g_assert_nonnull (vmp_client_keys_create (keys, "guest", NULL, &secret, &error));
  g_assert_no_error (error);
  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree VmpHttpHead *head = g_new (VmpHttpHead, 1);
      g_autofree char *text = g_strdup_printf ("GET %s HTTP/1.1\r\nHost: studio\r\nAuthorization: Bearer %s\r\n\r\n",
                                               cases[i].path, secret);
      const VmpAccessRules rules = { .settings = settings, .door = VMP_DOOR_SHARED, .sharing = TRUE, .keys = keys };
      VmpAccessVerdict verdict;
      gsize scanned = 0;
      gsize head_len;
      VmpAccess access;

      g_test_message ("%s", cases[i].path);
      g_assert_cmpint (vmp_http_head_parse (text, strlen (text), &scanned, head, &head_len), ==, VMP_HEAD_OK);
      access = vmp_access_check (&rules, head, &verdict);
      g_assert_cmpint (access, ==, cases[i].problem == GRANTED ? VMP_ACCESS_GRANTED : VMP_ACCESS_REFUSED);
      if (access == VMP_ACCESS_REFUSED)
        g_assert_cmpint (verdict.problem, ==, cases[i].problem);
    }

  vmp_client_keys_free (keys);
  vmp_store_close (store);
  vmp_poll_free (poll);
  remove_folder (dir);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/gateway/access/host", test_host);
  g_test_add_func ("/gateway/access/origin", test_origin);
  g_test_add_func ("/gateway/access/token", test_token);
  g_test_add_func ("/gateway/access/client-key", test_client_key);

  return g_test_run ();
}
