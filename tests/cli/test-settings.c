/* SPDX-License-Identifier: MIT
 *
 * Tests of core/vmp-settings: which layer wins, what each setting takes, and every sentence that says what is
 * wrong. Each test has a home of its own, and an environment that names nothing else.
 */

#include "core/vmp-settings.h"

#include <glib/gstdio.h>
#include <string.h>

typedef struct {
  char *home;
  char *file;     /* in the home, where --config is not needed */
  GStrv env;      /* HOME and what the test adds */
} Fixture;

static void
set_up (Fixture      *fixture,
        gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = NULL;

  fixture->home = g_dir_make_tmp ("vampire-settings-XXXXXX", &error);
  g_assert_no_error (error);
  folder = g_build_filename (fixture->home, ".config", "vampire", NULL);
  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  fixture->file = g_build_filename (folder, "vampire.conf", NULL);
  fixture->env = g_environ_setenv (NULL, "HOME", fixture->home, TRUE);
}

static void
tear_down (Fixture      *fixture,
           gconstpointer data)
{
  g_autofree char *vampire = g_path_get_dirname (fixture->file);
  g_autofree char *config = g_path_get_dirname (vampire);

  g_unlink (fixture->file);
  g_assert_cmpint (g_rmdir (vampire), ==, 0);
  g_assert_cmpint (g_rmdir (config), ==, 0);
  g_assert_cmpint (g_rmdir (fixture->home), ==, 0);
  g_free (fixture->home);
  g_free (fixture->file);
  g_strfreev (fixture->env);
}

static void
set_variable (Fixture    *fixture,
              const char *name,
              const char *value)
{
  fixture->env = g_environ_setenv (fixture->env, name, value, TRUE);
}

static void
write_file (Fixture    *fixture,
            const char *text)
{
  g_autoptr (GError) error = NULL;

  g_file_set_contents_full (fixture->file, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error);
  g_assert_no_error (error);
}

/* Loads with the given flags, up to NULL. */
static VmpSettings *
load (Fixture    *fixture,
      GError    **error,
      const char *flag,
      ...)
{
  g_autoptr (GPtrArray) flags = g_ptr_array_new ();
  va_list args;

  va_start (args, flag);
  for (; flag != NULL; flag = va_arg (args, const char *))
    g_ptr_array_add (flags, (gpointer) flag);
  va_end (args);
  g_ptr_array_add (flags, NULL);

  return vmp_settings_load ((const char * const *) flags->pdata, (const char * const *) fixture->env, error);
}

#define assert_loads(settings, fixture, ...) \
  G_STMT_START { \
    g_autoptr (GError) load_error = NULL; \
    g_clear_pointer (&(settings), vmp_settings_unref); \
    (settings) = load (fixture, &load_error, __VA_ARGS__, NULL); \
    g_assert_no_error (load_error); \
    g_assert_nonnull (settings); \
  } G_STMT_END

/* Asserts that the load fails with that message, in which FILE stands for the fixture's file. */
#define assert_fails(fixture, error_code, text, ...) \
  G_STMT_START { \
    g_autoptr (GError) load_error = NULL; \
    g_autoptr (GString) expected_message = g_string_new (text); \
    g_string_replace (expected_message, "FILE", (fixture)->file, 0); \
    g_assert_null (load (fixture, &load_error, __VA_ARGS__, NULL)); \
    g_assert_error (load_error, VMP_SETTINGS_ERROR, error_code); \
    g_assert_cmpstr (load_error->message, ==, expected_message->str); \
  } G_STMT_END

#define assert_invalid(fixture, text, ...) assert_fails (fixture, VMP_SETTINGS_ERROR_INVALID, text, __VA_ARGS__)

/* -- Layers -------------------------------------------------------------------------------- */

static void
test_defaults (Fixture      *fixture,
               gconstpointer data)
{
  g_autofree char *data_dir = g_build_filename (fixture->home, ".local", "share", "vampire", NULL);
  g_autoptr (VmpSettings) settings = NULL;

  assert_loads (settings, fixture, NULL);
  g_assert_cmpstr (settings->host, ==, "127.0.0.1");
  g_assert_cmpuint (settings->port, ==, 7777);
  g_assert_cmpstr (settings->default_base_url, ==, "http://localhost:1234");
  g_assert_cmpint (settings->log_level, ==, VMP_LOG_INFO);
  g_assert_cmpint (settings->log_format, ==, VMP_LOG_FORMAT_TEXT);
  g_assert_null (settings->auth_token);
  g_assert_cmpstr (settings->data_dir, ==, data_dir);
  g_assert_cmpstr (settings->config_file, ==, fixture->file);
  g_assert_cmpuint (g_strv_length (settings->allowed_hosts), ==, 0);
  g_assert_cmpuint (g_strv_length (settings->cors_origins), ==, 0);
  g_assert_cmpint (settings->max_body_bytes, ==, 100 * 1024 * 1024);
  g_assert_cmpint (settings->default_strategy, ==, VMP_STRATEGY_RESIDENCY);
  g_assert_cmpuint (settings->affinity_busy_requests, ==, 4);
  g_assert_cmpfloat (settings->affinity_busy_ratio, ==, 1.5);
  g_assert_true (settings->strip_volatile_lines);
  g_assert_false (settings->continue_streams);
  g_assert_cmpuint (settings->queue_limit, ==, 256);
  g_assert_cmpuint (settings->queue_seconds, ==, 300);
  g_assert_cmpuint (settings->queue_patience_seconds, ==, 20);
  g_assert_true (settings->loading_comments);
  g_assert_false (settings->demo);
}

static void
test_no_argv_no_environment (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmpSettings) settings = NULL;

  /* The file is named, so that the one of whoever runs the test is not read. */
  settings = vmp_settings_load ((const char * const[]) { "--config=/dev/null", NULL }, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (settings->port, ==, 7777);
  g_assert_true (g_path_is_absolute (settings->data_dir));
}

/* A value as it would be written in the file. */
static char *
show (const VmpSettings *settings,
      const char        *key)
{
  static const char * const levels[] = { "error", "warning", "info", "debug" };

  if (strcmp (key, "host") == 0)
    return g_strdup (settings->host);
  if (strcmp (key, "port") == 0)
    return g_strdup_printf ("%u", settings->port);
  if (strcmp (key, "default_base_url") == 0)
    return g_strdup (settings->default_base_url);
  if (strcmp (key, "log_level") == 0)
    return g_strdup (levels[settings->log_level]);
  if (strcmp (key, "log_format") == 0)
    return g_strdup (settings->log_format == VMP_LOG_FORMAT_JSON ? "json" : "text");
  if (strcmp (key, "data_dir") == 0)
    return g_strdup (settings->data_dir);
  if (strcmp (key, "allowed_hosts") == 0)
    return g_strjoinv (",", settings->allowed_hosts);
  if (strcmp (key, "cors_origins") == 0)
    return g_strjoinv (",", settings->cors_origins);
  if (strcmp (key, "max_body_mb") == 0)
    return g_strdup_printf ("%" G_GINT64_FORMAT, settings->max_body_bytes / 1024 / 1024);
  if (strcmp (key, "default_strategy") == 0)
    return g_strdup (vmp_strategy_to_string (settings->default_strategy));
  if (strcmp (key, "affinity_busy_requests") == 0)
    return g_strdup_printf ("%u", settings->affinity_busy_requests);
  if (strcmp (key, "affinity_busy_ratio") == 0)
    return g_strdup_printf ("%g", settings->affinity_busy_ratio);
  if (strcmp (key, "strip_volatile_lines") == 0)
    return g_strdup (settings->strip_volatile_lines ? "yes" : "no");
  if (strcmp (key, "continue_streams") == 0)
    return g_strdup (settings->continue_streams ? "yes" : "no");
  if (strcmp (key, "queue_limit") == 0)
    return g_strdup_printf ("%u", settings->queue_limit);
  if (strcmp (key, "queue_seconds") == 0)
    return g_strdup_printf ("%u", settings->queue_seconds);
  if (strcmp (key, "queue_patience_seconds") == 0)
    return g_strdup_printf ("%u", settings->queue_patience_seconds);
  if (strcmp (key, "loading_comments") == 0)
    return g_strdup (settings->loading_comments ? "yes" : "no");

  g_assert_not_reached ();
}

static void
assert_value (Fixture    *fixture,
              const char *key,
              const char *flag,
              const char *flag_value,
              const char *expected)
{
  g_autoptr (VmpSettings) settings = NULL;
  g_autofree char *shown = NULL;

  assert_loads (settings, fixture, flag, flag_value);
  shown = show (settings, key);
  g_assert_cmpstr (shown, ==, expected);
}

static void
test_precedence (Fixture      *fixture,
                 gconstpointer data)
{
  static const struct {
    const char *key;
    const char *variable;
    const char *flag;
    const char *fallback, *in_file, *in_environment, *in_flag;
  } cases[] = {
    { "host", "VAMPIRE_HOST", "--host", "127.0.0.1", "127.0.0.2", "127.0.0.3", "localhost" },
    { "port", "VAMPIRE_PORT", "--port", "7777", "1", "2", "3" },
    { "default_base_url", "VAMPIRE_DEFAULT_BASE_URL", "--default-base-url",
      "http://localhost:1234", "http://a", "http://b", "http://c" },
    { "log_level", "VAMPIRE_LOG_LEVEL", "--log-level", "info", "error", "warning", "debug" },
    { "log_format", "VAMPIRE_LOG_FORMAT", "--log-format", "text", "json", "text", "json" },
    { "data_dir", "VAMPIRE_DATA_DIR", "--data-dir", NULL, "/a", "/b", "/c" },
    { "allowed_hosts", "VAMPIRE_ALLOWED_HOSTS", "--allowed-hosts", "", "a,b", "b", "c" },
    { "cors_origins", "VAMPIRE_CORS_ORIGINS", "--cors-origins", "", "http://a,http://b", "http://b", "*" },
    { "max_body_mb", "VAMPIRE_MAX_BODY_MB", "--max-body-mb", "100", "1", "2", "4096" },
    { "default_strategy", "VAMPIRE_DEFAULT_STRATEGY", "--default-strategy",
      "residency", "least_busy", "round_robin", "prefix_affinity" },
    { "affinity_busy_requests", "VAMPIRE_AFFINITY_BUSY_REQUESTS", "--affinity-busy-requests", "4", "0", "1", "10000" },
    { "affinity_busy_ratio", "VAMPIRE_AFFINITY_BUSY_RATIO", "--affinity-busy-ratio", "1.5", "1", "2.25", "1000" },
    { "strip_volatile_lines", "VAMPIRE_STRIP_VOLATILE_LINES", "--strip-volatile-lines", "yes", "no", "yes", "no" },
    { "queue_limit", "VAMPIRE_QUEUE_LIMIT", "--queue-limit", "256", "0", "1", "65536" },
    { "queue_seconds", "VAMPIRE_QUEUE_SECONDS", "--queue-seconds", "300", "1", "2", "3600" },
    { "queue_patience_seconds", "VAMPIRE_QUEUE_PATIENCE_SECONDS", "--queue-patience-seconds",
      "20", "1", "2", "600" },
    { "loading_comments", "VAMPIRE_LOADING_COMMENTS", "--loading-comments", "yes", "no", "yes", "no" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = g_strdup_printf ("[vampire]\n%s = %s\n", cases[i].key, cases[i].in_file);
      g_autofree char *joined = g_strconcat (cases[i].flag, "=", cases[i].in_flag, NULL);

      if (cases[i].fallback != NULL)
        assert_value (fixture, cases[i].key, NULL, NULL, cases[i].fallback);

      write_file (fixture, text);
      assert_value (fixture, cases[i].key, NULL, NULL, cases[i].in_file);

      set_variable (fixture, cases[i].variable, cases[i].in_environment);
      assert_value (fixture, cases[i].key, NULL, NULL, cases[i].in_environment);
      assert_value (fixture, cases[i].key, cases[i].flag, cases[i].in_flag, cases[i].in_flag);
      assert_value (fixture, cases[i].key, joined, NULL, cases[i].in_flag);

      /* Empty is unset. */
      set_variable (fixture, cases[i].variable, "");
      assert_value (fixture, cases[i].key, NULL, NULL, cases[i].in_file);
      set_variable (fixture, cases[i].variable, " ");
      assert_value (fixture, cases[i].key, NULL, NULL, cases[i].in_file);
      g_assert_cmpint (g_unlink (fixture->file), ==, 0);
    }
}

static void
test_former_variable (Fixture      *fixture,
                      gconstpointer data)
{
  set_variable (fixture, "VAMPIRE_LMSTUDIO_BASE_URL", "http://former");
  assert_value (fixture, "default_base_url", NULL, NULL, "http://former");

  set_variable (fixture, "VAMPIRE_DEFAULT_BASE_URL", "");
  assert_value (fixture, "default_base_url", NULL, NULL, "http://former");

  set_variable (fixture, "VAMPIRE_DEFAULT_BASE_URL", "http://new");
  assert_value (fixture, "default_base_url", NULL, NULL, "http://new");

  /* Not even read. */
  set_variable (fixture, "VAMPIRE_LMSTUDIO_BASE_URL", "rubbish");
  assert_value (fixture, "default_base_url", NULL, NULL, "http://new");
}

static void
test_every_layer_is_checked (Fixture      *fixture,
                             gconstpointer data)
{
  write_file (fixture, "[vampire]\nport = x\n");
  set_variable (fixture, "VAMPIRE_PORT", "1");
  assert_invalid (fixture,
                  "The port given by key port in FILE is \"x\"; "
                  "it must be a whole number from 0 to 65535, such as 7777.",
                  "--port=2");
}

static void
test_flags (Fixture      *fixture,
            gconstpointer data)
{
  g_autoptr (VmpSettings) settings = NULL;

  /* The last one counts. */
  assert_loads (settings, fixture, "--port", "1", "--host=localhost", "--port=2");
  g_assert_cmpuint (settings->port, ==, 2);
  g_assert_cmpstr (settings->host, ==, "localhost");

  /* An empty list is a list. */
  set_variable (fixture, "VAMPIRE_ALLOWED_HOSTS", "a");
  assert_loads (settings, fixture, "--allowed-hosts=");
  g_assert_cmpuint (g_strv_length (settings->allowed_hosts), ==, 0);
  assert_loads (settings, fixture, "--allowed-hosts", "");
  g_assert_cmpuint (g_strv_length (settings->allowed_hosts), ==, 0);

  /* A value may begin like a flag, but then not as a word of its own. */
  assert_loads (settings, fixture, "--data-dir=--odd=name");
  g_assert_true (g_str_has_suffix (settings->data_dir, "/--odd=name"));

  assert_invalid (fixture, "The flag --port needs a value; write --port=N or leave it out.", "--port");
  assert_invalid (fixture, "The flag --port needs a value; write --port=N or leave it out.", "--port=");
  assert_invalid (fixture, "The flag --host needs a value; write --host=ADDRESS or leave it out.",
                  "--host", "--port", "1");
  assert_invalid (fixture, "\"7777\" is not a flag; see \"vampire help serve\".", "7777");
  assert_invalid (fixture, "\"-p\" is not a flag; see \"vampire help serve\".", "-p", "1");
  assert_invalid (fixture, "\"a\357\277\275[31m\" is not a flag; see \"vampire help serve\".", "a\033[31m");
}

static void
test_unknown_flags (Fixture      *fixture,
                    gconstpointer data)
{
  assert_invalid (fixture, "There is no flag --prot; did you mean --port?", "--prot", "1");
  assert_invalid (fixture, "There is no flag --log_level; did you mean --log-level?", "--log_level=info");
  assert_invalid (fixture, "There is no flag --Host; did you mean --host?", "--Host=a");
  assert_invalid (fixture, "There is no flag --temperature; see \"vampire help serve\".", "--temperature=1");
  assert_invalid (fixture, "There is no flag --; see \"vampire help serve\".", "--");
  assert_invalid (fixture, "There is no flag --; see \"vampire help serve\".", "--=x");
  assert_invalid (fixture,
                  "There is no flag --auth-token, because other users can see flags; set VAMPIRE_AUTH_TOKEN instead.",
                  "--auth-token", "secret");
  assert_invalid (fixture,
                  "There is no flag --auth_token, because other users can see flags; set VAMPIRE_AUTH_TOKEN instead.",
                  "--auth_token=secret");
}

static void
test_unknown_variables (void)
{
  static const char * const env[] = {
    "VAMPIRE_HOST=a", "VAMPIRE_PROT=1", "VAMPIRE_LMSTUDIO_BASE_URL=b", "HOME=/", "VAMPIRE_X", "MY_VAMPIRE_Y=1", NULL
  };
  g_auto (GStrv) unknown = vmp_settings_unknown_variables (env);
  g_auto (GStrv) none = vmp_settings_unknown_variables (NULL);

  g_assert_cmpstrv (unknown, ((const char *[]) { "VAMPIRE_PROT", "VAMPIRE_X", NULL }));
  g_assert_cmpstrv (none, ((const char *[]) { NULL }));
}

/* -- Values -------------------------------------------------------------------------------- */

static void
test_values (Fixture      *fixture,
             gconstpointer data)
{
  static const struct {
    const char *key;
    const char *flag;
    const char *value;
    const char *shown;
  } cases[] = {
    { "host", "--host", "LOCALHOST", "localhost" },
    { "host", "--host", "127.9.9.9", "127.9.9.9" },
    { "host", "--host", "::1", "::1" },
    { "host", "--host", "[0:0::1]", "::1" },
    { "port", "--port", "0", "0" },
    { "port", "--port", " 65535 ", "65535" },
    { "default_base_url", "--default-base-url", "HTTPS://Box.LAN:443/lm/v1/", "https://box.lan/lm" },
    { "log_level", "--log-level", "WARN", "warning" },
    { "log_level", "--log-level", "Warning", "warning" },
    { "log_level", "--log-level", "ERROR", "error" },
    { "log_level", "--log-level", "DeBug", "debug" },
    { "log_format", "--log-format", "JSON", "json" },
    { "data_dir", "--data-dir", "/a/../b//c/", "/b/c" },
    { "allowed_hosts", "--allowed-hosts", " Vampire.LAN ,, 10.0.0.1,[::2],", "vampire.lan,10.0.0.1,::2" },
    { "cors_origins", "--cors-origins", "HTTP://localhost:3000/, app://obsidian.md",
      "http://localhost:3000,app://obsidian.md" },
    { "cors_origins", "--cors-origins", "*", "*" },
    { "max_body_mb", "--max-body-mb", "1", "1" },
    { "default_strategy", "--default-strategy", "Weighted-Round-Robin", "weighted_round_robin" },
    { "default_strategy", "--default-strategy", "least_loaded", "least_busy" },
    { "affinity_busy_ratio", "--affinity-busy-ratio", "3.", "3" },
    { "continue_streams", "--continue-streams", NULL, "yes" },
    { "continue_streams", "--continue-streams=off", NULL, "no" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    assert_value (fixture, cases[i].key, cases[i].flag, cases[i].value, cases[i].shown);
}

static void
test_bad_values (Fixture      *fixture,
                 gconstpointer data)
{
#define A_HOST "it must be an IP address or localhost, such as 127.0.0.1."
#define A_PORT "it must be a whole number from 0 to 65535, such as 7777."
#define A_SIZE "it must be a whole number of MiB from 1 to 4096, such as 100."
#define A_NAME "it must be host names without scheme and port, such as vampire.lan, and entry "
#define A_RATIO "it must be a number from 1 to 1000, such as 1.5."
#define AN_ORIGIN "it must be * or origins, such as http://localhost:3000, and entry "
  static const struct {
    const char *flag;
    const char *value;
    const char *message;
  } cases[] = {
    { "--host", "example.org", "The host given by --host is \"example.org\"; " A_HOST },
    { "--host", "127.0.0.1:80", "The host given by --host is \"127.0.0.1:80\"; " A_HOST },
    { "--host", "127.1", "The host given by --host is \"127.1\"; " A_HOST },
    { "--host", "*", "The host given by --host is \"*\"; " A_HOST },
    { "--port", "65536", "The port given by --port is \"65536\"; " A_PORT },
    { "--port", "-1", "The port given by --port is \"-1\"; " A_PORT },
    { "--port", "http", "The port given by --port is \"http\"; " A_PORT },
    { "--port", "80.0", "The port given by --port is \"80.0\"; " A_PORT },
    { "--port", "1\n2", "The port given by --port is \"1\357\277\275" "2\"; " A_PORT },
    { "--default-base-url", "localhost:1234",
      "The default_base_url given by --default-base-url is \"localhost:1234\"; "
      "it must begin with http:// or https://, such as http://localhost:1234." },
    { "--default-base-url", "http://a:x",
      "The default_base_url given by --default-base-url is \"http://a:x\"; "
      "it must have a port from 1 to 65535 after the colon, or no colon." },

    /* Passwords are not repeated. */
    { "--default-base-url", "http://me:secret@a",
      "The default_base_url given by --default-base-url must not hold a user name or a password." },
    { "--default-base-url", "http://a/?key=secret",
      "The default_base_url given by --default-base-url must not hold a query or a fragment (? or #)." },
    { "--cors-origins", "http://me:secret@a",
      "The cors_origins given by --cors-origins must be * or origins, such as http://localhost:3000, "
      "and entry 1 is none." },

    { "--log-level", "loud",
      "The log_level given by --log-level is \"loud\"; it must be error, warning, info or debug." },
    { "--log-format", "xml", "The log_format given by --log-format is \"xml\"; it must be text or json." },
    { "--allowed-hosts", "a, b:80",
      "The allowed_hosts given by --allowed-hosts is \"a, b:80\"; " A_NAME "2 is none." },
    { "--allowed-hosts", "http://a",
      "The allowed_hosts given by --allowed-hosts is \"http://a\"; " A_NAME "1 is none." },
    { "--allowed-hosts", "*", "The allowed_hosts given by --allowed-hosts is \"*\"; " A_NAME "1 is none." },
    { "--cors-origins", "http://a,b",
      "The cors_origins given by --cors-origins is \"http://a,b\"; " AN_ORIGIN "2 is none." },
    { "--max-body-mb", "0", "The max_body_mb given by --max-body-mb is \"0\"; " A_SIZE },
    { "--max-body-mb", "4097", "The max_body_mb given by --max-body-mb is \"4097\"; " A_SIZE },
    { "--max-body-mb", "1.5", "The max_body_mb given by --max-body-mb is \"1.5\"; " A_SIZE },
    { "--default-strategy", "best",
      "The default_strategy given by --default-strategy is \"best\"; it must be one of round_robin, "
      "weighted_round_robin, least_busy, least_latency, highest_tokens_per_second, best_available, model_affinity, "
      "context_window, trusted_only, power_saver, fallback_chain, quality_score, cost_score, privacy_policy, "
      "residency, prefix_affinity." },
    { "--affinity-busy-requests", "-1",
      "The affinity_busy_requests given by --affinity-busy-requests is \"-1\"; "
      "it must be a whole number from 0 to 10000, such as 4." },
    { "--affinity-busy-ratio", "0.9", "The affinity_busy_ratio given by --affinity-busy-ratio is \"0.9\"; " A_RATIO },
    { "--affinity-busy-ratio", "1e2", "The affinity_busy_ratio given by --affinity-busy-ratio is \"1e2\"; " A_RATIO },
    { "--affinity-busy-ratio", "1..", "The affinity_busy_ratio given by --affinity-busy-ratio is \"1..\"; " A_RATIO },
    { "--affinity-busy-ratio", "1001", "The affinity_busy_ratio given by --affinity-busy-ratio is \"1001\"; " A_RATIO },
    { "--affinity-busy-ratio", "nan", "The affinity_busy_ratio given by --affinity-busy-ratio is \"nan\"; " A_RATIO },
    { "--affinity-busy-ratio", "1,5", "The affinity_busy_ratio given by --affinity-busy-ratio is \"1,5\"; " A_RATIO },
    { "--queue-limit", "65537",
      "The queue_limit given by --queue-limit is \"65537\"; it must be a whole number from 0 to 65536, such as 256." },
    { "--queue-seconds", "0",
      "The queue_seconds given by --queue-seconds is \"0\"; it must be a whole number from 1 to 3600, such as 300." },
    { "--queue-patience-seconds", "601",
      "The queue_patience_seconds given by --queue-patience-seconds is \"601\"; "
      "it must be a whole number from 1 to 600, such as 20." },
    { "--strip-volatile-lines", "2",
      "The strip_volatile_lines given by --strip-volatile-lines is \"2\"; it must be yes or no." },
    { "--loading-comments=x", NULL,
      "The loading_comments given by --loading-comments is \"x\"; it must be yes or no." },
    { "--demo=maybe", NULL, "The demo given by --demo is \"maybe\"; it must be yes or no." },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    assert_invalid (fixture, cases[i].message, cases[i].flag, cases[i].value);

  /* The same from the other two sources. */
  set_variable (fixture, "VAMPIRE_PORT", "x");
  assert_invalid (fixture, "The port given by VAMPIRE_PORT is \"x\"; " A_PORT, NULL);
  set_variable (fixture, "VAMPIRE_PORT", "\377");
  assert_invalid (fixture, "The port given by VAMPIRE_PORT is \"\357\277\275\"; " A_PORT, NULL);
  set_variable (fixture, "VAMPIRE_PORT", "");
  set_variable (fixture, "VAMPIRE_LMSTUDIO_BASE_URL", "a");
  assert_invalid (fixture,
                  "The default_base_url given by VAMPIRE_LMSTUDIO_BASE_URL is \"a\"; "
                  "it must begin with http:// or https://, such as http://localhost:1234.", NULL);
  set_variable (fixture, "VAMPIRE_LMSTUDIO_BASE_URL", "");
  write_file (fixture, "[vampire]\nhost = example.org\n");
  assert_invalid (fixture, "The host given by key host in FILE is \"example.org\"; " A_HOST, NULL);
}

static void
test_long_values_are_cut (Fixture      *fixture,
                          gconstpointer data)
{
  g_autofree char *value = g_strnfill (1000000, '9');
  g_autoptr (GError) error = NULL;

  g_assert_null (load (fixture, &error, "--port", value, NULL));
  g_assert_error (error, VMP_SETTINGS_ERROR, VMP_SETTINGS_ERROR_INVALID);
  g_assert_cmpuint (strlen (error->message), <, 700);
  g_assert_nonnull (strstr (error->message, "999…\"; it must be"));
}

static void
test_demo (Fixture      *fixture,
           gconstpointer data)
{
  g_autoptr (VmpSettings) settings = NULL;

  assert_loads (settings, fixture, "--demo", "--port=1");
  g_assert_true (settings->demo);
  g_assert_cmpuint (settings->port, ==, 1);

  set_variable (fixture, "VAMPIRE_DEMO", "1");
  assert_loads (settings, fixture, NULL);
  g_assert_true (settings->demo);
  assert_loads (settings, fixture, "--demo=off");
  g_assert_false (settings->demo);

  set_variable (fixture, "VAMPIRE_DEMO", "False");
  assert_loads (settings, fixture, NULL);
  g_assert_false (settings->demo);
}

static void
test_folders (Fixture      *fixture,
              gconstpointer data)
{
  g_autofree char *expected = g_build_filename (fixture->home, "vampire", NULL);
  g_autofree char *here = g_canonicalize_filename ("data", NULL);

  /* As the shell leaves it in --data-dir=~/vampire. */
  assert_value (fixture, "data_dir", "--data-dir=~/vampire", NULL, expected);
  assert_value (fixture, "data_dir", "--data-dir=data", NULL, here);

  set_variable (fixture, "XDG_DATA_HOME", "/xdg");
  assert_value (fixture, "data_dir", NULL, NULL, "/xdg/vampire");
  set_variable (fixture, "XDG_DATA_HOME", "not/absolute");
  g_clear_pointer (&expected, g_free);
  expected = g_build_filename (fixture->home, ".local", "share", "vampire", NULL);
  assert_value (fixture, "data_dir", NULL, NULL, expected);

  write_file (fixture, "[vampire]\ndata_dir = ~/vampire\n");
  g_clear_pointer (&expected, g_free);
  expected = g_build_filename (fixture->home, "vampire", NULL);
  assert_value (fixture, "data_dir", NULL, NULL, expected);

  write_file (fixture, "[vampire]\ndata_dir = vampire\n");
  assert_invalid (fixture,
                  "The data_dir given by key data_dir in FILE is \"vampire\"; "
                  "it must be an absolute path or begin with ~/.", NULL);
}

/* -- The file ------------------------------------------------------------------------------ */

static void
test_file_place (Fixture      *fixture,
                 gconstpointer data)
{
  g_autofree char *config_home = g_path_get_dirname (fixture->file);
  g_autofree char *config = g_path_get_dirname (config_home);
  g_autoptr (VmpSettings) settings = NULL;

  write_file (fixture, "# a comment\n\n[vampire]\nport=1\nauth_token =\n");

  assert_loads (settings, fixture, NULL);
  g_assert_cmpuint (settings->port, ==, 1);
  g_assert_null (settings->auth_token);

  set_variable (fixture, "XDG_CONFIG_HOME", config);
  set_variable (fixture, "HOME", "/nonexistent");
  assert_loads (settings, fixture, NULL);
  g_assert_cmpuint (settings->port, ==, 1);

  set_variable (fixture, "XDG_CONFIG_HOME", "/nonexistent");
  assert_loads (settings, fixture, NULL);
  g_assert_cmpuint (settings->port, ==, 7777);
  g_assert_cmpstr (settings->config_file, ==, "/nonexistent/vampire/vampire.conf");

  set_variable (fixture, "VAMPIRE_CONFIG", fixture->file);
  assert_loads (settings, fixture, NULL);
  g_assert_cmpuint (settings->port, ==, 1);
  g_assert_cmpstr (settings->config_file, ==, fixture->file);

  assert_loads (settings, fixture, "--config=/dev/null");
  g_assert_cmpuint (settings->port, ==, 7777);
}

static void
test_file_unreadable (Fixture      *fixture,
                      gconstpointer data)
{
  g_autofree char *message = NULL;
  g_autofree char *zeroes = g_malloc0 (2 * 1024 * 1024);

  assert_fails (fixture, VMP_SETTINGS_ERROR_UNREADABLE,
                "The settings file FILE (--config) cannot be read: No such file or directory; "
                "make it readable or name another with --config.",
                "--config", fixture->file);
  set_variable (fixture, "VAMPIRE_CONFIG", fixture->file);
  assert_fails (fixture, VMP_SETTINGS_ERROR_UNREADABLE,
                "The settings file FILE (VAMPIRE_CONFIG) cannot be read: No such file or directory; "
                "make it readable or name another with --config.", NULL);
  message = g_strdup_printf ("The settings file %s (--config) cannot be read: Is a directory; "
                             "make it readable or name another with --config.", fixture->home);
  assert_fails (fixture, VMP_SETTINGS_ERROR_UNREADABLE, message, "--config", fixture->home);

  /* Something else, named by mistake. */
  memset (zeroes, '#', 2 * 1024 * 1024 - 1);
  write_file (fixture, zeroes);
  assert_fails (fixture, VMP_SETTINGS_ERROR_UNREADABLE,
                "The settings file FILE (VAMPIRE_CONFIG) cannot be read: File too large; "
                "make it readable or name another with --config.", NULL);
}

/* The one at the default place need not be there, but when it is there it counts. */
static void
test_file_forbidden (Fixture      *fixture,
                     gconstpointer data)
{
  write_file (fixture, "[vampire]\n");
  g_assert_cmpint (g_chmod (fixture->file, 0), ==, 0);

  if (g_access (fixture->file, R_OK) == 0)
    {
      g_test_skip ("root may read every file");
      return;
    }

  assert_fails (fixture, VMP_SETTINGS_ERROR_UNREADABLE,
                "The settings file FILE (default) cannot be read: Permission denied; "
                "make it readable or name another with --config.", NULL);
}

static void
test_file_contents (Fixture      *fixture,
                    gconstpointer data)
{
#define WRITE_LINES "write lines \"key = value\" below [vampire]."
  static const struct {
    const char *text;
    const char *message;
  } cases[] = {
    { "[vampire]\nprot = 1\n", "The key prot in FILE is unknown; did you mean port?" },
    { "[vampire]\nlog-level = info\n", "The key log-level in FILE is unknown; did you mean log_level?" },
    { "[vampire]\ncolour = red\n", "The key colour in FILE is unknown; see \"vampire help serve\"." },
    { "[vampire]\nport[de] = 1\n", "The key port[de] in FILE is unknown; see \"vampire help serve\"." },
    { "[vampire]\ndemo = yes\n", "The key demo cannot be set in FILE; use --demo or VAMPIRE_DEMO instead." },
    { "[vampire]\nconfig = /x\n", "The key config cannot be set in FILE; use --config or VAMPIRE_CONFIG instead." },
    { "[vampir]\nport = 1\n", "The group [vampir] in FILE is unknown; " WRITE_LINES },
    { "[vampire]\nport = 1\n[nodes]\n", "The group [nodes] in FILE is unknown; " WRITE_LINES },
    { "port = 1\n", "Line 1 of FILE cannot be understood; " WRITE_LINES },
    { "# x\n\n[vampire]\nauth_token secret\n", "Line 4 of FILE cannot be understood; " WRITE_LINES },
    { "[vampire]\nport = 1\n= secret\n", "Line 3 of FILE cannot be understood; " WRITE_LINES },
    { "{\"port\": 1}\n", "Line 1 of FILE cannot be understood; " WRITE_LINES },
    { "[vampire]\nport = \377\n", "The settings file FILE is not UTF-8 text; " WRITE_LINES },
    { "[vampire]\nauth_token = a\\qsecret\n",
      "The auth_token given by key auth_token in FILE has a backslash that means nothing; "
      "write \\\\ for a backslash." },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      write_file (fixture, cases[i].text);
      assert_invalid (fixture, cases[i].message, NULL);
    }
}

/* -- Consent ------------------------------------------------------------------------------- */

static void
test_token (Fixture      *fixture,
            gconstpointer data)
{
  g_autoptr (VmpSettings) settings = NULL;

  set_variable (fixture, "VAMPIRE_AUTH_TOKEN", " s\303\251cret \377 ");
  assert_loads (settings, fixture, NULL);
  g_assert_cmpstr (settings->auth_token, ==, "s\303\251cret \377");

  set_variable (fixture, "VAMPIRE_AUTH_TOKEN", "two\nlines");
  assert_invalid (fixture,
                  "The auth_token given by VAMPIRE_AUTH_TOKEN must be one line without control characters, "
                  "for clients cannot send others.", NULL);

  set_variable (fixture, "VAMPIRE_AUTH_TOKEN", "");
  write_file (fixture, "[vampire]\nauth_token = from the file\n");
  assert_loads (settings, fixture, NULL);
  g_assert_cmpstr (settings->auth_token, ==, "from the file");

  set_variable (fixture, "VAMPIRE_AUTH_TOKEN", "from the environment");
  assert_loads (settings, fixture, NULL);
  g_assert_cmpstr (settings->auth_token, ==, "from the environment");
}

static void
test_token_file_is_private (Fixture      *fixture,
                            gconstpointer data)
{
  static const int open_modes[] = { 0640, 0604, 0620, 0602, 0644, 0610, 0601 };
  g_autoptr (VmpSettings) settings = NULL;

  write_file (fixture, "[vampire]\nauth_token = secret\n");
  for (gsize i = 0; i < G_N_ELEMENTS (open_modes); i++)
    {
      g_assert_cmpint (g_chmod (fixture->file, open_modes[i]), ==, 0);
      assert_invalid (fixture,
                      "The auth_token given by key auth_token in FILE can be read by other users; "
                      "run \"chmod 600 FILE\".", NULL);
    }

  /* Not even when another one takes its place. */
  set_variable (fixture, "VAMPIRE_AUTH_TOKEN", "other");
  assert_invalid (fixture,
                  "The auth_token given by key auth_token in FILE can be read by other users; "
                  "run \"chmod 600 FILE\".", NULL);

  g_assert_cmpint (g_chmod (fixture->file, 0400), ==, 0);
  assert_loads (settings, fixture, NULL);

  /* What holds no token is nobody's business. */
  write_file (fixture, "[vampire]\nport = 1\nauth_token =\n");
  g_assert_cmpint (g_chmod (fixture->file, 0644), ==, 0);
  assert_loads (settings, fixture, NULL);
}

static void
test_listening_needs_token (Fixture      *fixture,
                            gconstpointer data)
{
  static const char * const hosts[] = { "0.0.0.0", "::", "192.168.1.2", "128.0.0.1", "::ffff:127.0.0.1", "fe80::1" };
  g_autoptr (VmpSettings) settings = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (hosts); i++)
    {
      g_autofree char *message = g_strdup_printf (
        "The host given by --host is \"%s\", which other computers can reach; "
        "set VAMPIRE_AUTH_TOKEN to a token that clients must send, or use 127.0.0.1.", hosts[i]);

      assert_invalid (fixture, message, "--host", hosts[i]);
    }

  set_variable (fixture, "VAMPIRE_HOST", "0.0.0.0");
  assert_invalid (fixture,
                  "The host given by VAMPIRE_HOST is \"0.0.0.0\", which other computers can reach; "
                  "set VAMPIRE_AUTH_TOKEN to a token that clients must send, or use 127.0.0.1.", NULL);

  set_variable (fixture, "VAMPIRE_AUTH_TOKEN", " ");
  assert_invalid (fixture,
                  "The host given by VAMPIRE_HOST is \"0.0.0.0\", which other computers can reach; "
                  "set VAMPIRE_AUTH_TOKEN to a token that clients must send, or use 127.0.0.1.", NULL);

  set_variable (fixture, "VAMPIRE_AUTH_TOKEN", "t");
  assert_loads (settings, fixture, NULL);
  g_assert_cmpstr (settings->host, ==, "0.0.0.0");
}

/* -- Reloading ----------------------------------------------------------------------------- */

static void
test_restart (Fixture      *fixture,
              gconstpointer data)
{
  g_autoptr (VmpSettings) before = NULL;
  g_autoptr (VmpSettings) after = NULL;
  g_autofree char *none = NULL;
  g_autofree char *live = NULL;
  g_autofree char *all = NULL;
  g_autofree char *one = NULL;

  assert_loads (before, fixture, NULL);
  none = vmp_settings_changes_needing_restart (before, before);
  g_assert_null (none);

  assert_loads (after, fixture, "--log-level=debug", "--log-format=json", "--default-base-url=http://x",
                "--allowed-hosts=a", "--cors-origins=*", "--max-body-mb=1", "--default-strategy=least_busy",
                "--affinity-busy-requests=1", "--affinity-busy-ratio=2", "--strip-volatile-lines=no",
                "--continue-streams", "--queue-limit=0", "--queue-seconds=1", "--queue-patience-seconds=1",
                "--loading-comments=no", "--trace-limit=0", "--keep-in-tray=no", "--appearance=dark", "--demo");
  live = vmp_settings_changes_needing_restart (before, after);
  g_assert_null (live);

  assert_loads (after, fixture, "--port=1");
  one = vmp_settings_changes_needing_restart (before, after);
  g_assert_cmpstr (one, ==, "port");

  assert_loads (after, fixture, "--port=1", "--host=::1", "--data-dir=/x", "--token-storage=file");
  all = vmp_settings_changes_needing_restart (before, after);
  g_assert_cmpstr (all, ==, "host, port, token_storage, data_dir");
}

static void
test_reload_keeps_consent (Fixture      *fixture,
                           gconstpointer data)
{
  g_autoptr (VmpSettings) local = NULL;
  g_autoptr (VmpSettings) local_with_token = NULL;
  g_autoptr (VmpSettings) reachable = NULL;
  g_autoptr (GError) error = NULL;

  assert_loads (local, fixture, NULL);
  set_variable (fixture, "VAMPIRE_AUTH_TOKEN", "t");
  assert_loads (local_with_token, fixture, NULL);
  assert_loads (reachable, fixture, "--host=0.0.0.0");

  g_assert_true (vmp_settings_check_reload (local, local, &error));
  g_assert_true (vmp_settings_check_reload (local_with_token, local, &error));
  g_assert_true (vmp_settings_check_reload (reachable, reachable, &error));
  g_assert_true (vmp_settings_check_reload (reachable, local_with_token, &error));
  g_assert_no_error (error);

  g_assert_false (vmp_settings_check_reload (reachable, local, &error));
  g_assert_error (error, VMP_SETTINGS_ERROR, VMP_SETTINGS_ERROR_INVALID);
  g_assert_cmpstr (error->message, ==,
                   "The auth_token cannot go away while Vampire listens on \"0.0.0.0\", which other computers can "
                   "reach; keep it until Vampire is restarted on another host.");
}

static void
test_references (Fixture      *fixture,
                 gconstpointer data)
{
  g_autoptr (VmpSettings) first = NULL;
  g_autoptr (VmpSettings) second = NULL;

  assert_loads (first, fixture, NULL);
  second = vmp_settings_ref (first);
  g_assert_true (first == second);
  g_clear_pointer (&first, vmp_settings_unref);
  g_assert_cmpstr (second->host, ==, "127.0.0.1");
}

/* -- Help ---------------------------------------------------------------------------------- */

static void
test_help (void)
{
  static const char * const parts[] = {
    "  --port=N\n", "  --demo\n", "  VAMPIRE_AUTH_TOKEN\n", "VAMPIRE_LMSTUDIO_BASE_URL", "key max_body_mb",
    "by default 7777.", "$XDG_CONFIG_HOME/vampire/vampire.conf"
  };
  g_autofree char *help = vmp_settings_help ();
  g_auto (GStrv) lines = g_strsplit (help, "\n", -1);

  for (gsize i = 0; i < G_N_ELEMENTS (parts); i++)
    g_assert_nonnull (strstr (help, parts[i]));
  for (gsize i = 0; lines[i] != NULL; i++)
    g_assert_cmpuint (strlen (lines[i]), <=, 80);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

#define ADD(path, function) g_test_add (path, Fixture, NULL, set_up, function, tear_down)
  ADD ("/settings/layers/defaults", test_defaults);
  g_test_add_func ("/settings/layers/nothing-given", test_no_argv_no_environment);
  ADD ("/settings/layers/precedence", test_precedence);
  ADD ("/settings/layers/former-variable", test_former_variable);
  ADD ("/settings/layers/every-one-is-checked", test_every_layer_is_checked);
  ADD ("/settings/flags/forms", test_flags);
  ADD ("/settings/flags/unknown", test_unknown_flags);
  g_test_add_func ("/settings/variables/unknown", test_unknown_variables);
  ADD ("/settings/values/good", test_values);
  ADD ("/settings/values/bad", test_bad_values);
  ADD ("/settings/values/long", test_long_values_are_cut);
  ADD ("/settings/values/demo", test_demo);
  ADD ("/settings/values/folders", test_folders);
  ADD ("/settings/file/place", test_file_place);
  ADD ("/settings/file/unreadable", test_file_unreadable);
  ADD ("/settings/file/forbidden", test_file_forbidden);
  ADD ("/settings/file/contents", test_file_contents);
  ADD ("/settings/consent/token", test_token);
  ADD ("/settings/consent/token-file-is-private", test_token_file_is_private);
  ADD ("/settings/consent/listening-needs-token", test_listening_needs_token);
  ADD ("/settings/reload/restart", test_restart);
  ADD ("/settings/reload/consent", test_reload_keeps_consent);
  ADD ("/settings/references", test_references);
  g_test_add_func ("/settings/help", test_help);

  return g_test_run ();
}
