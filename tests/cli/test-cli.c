/* SPDX-License-Identifier: MIT
 *
 * Tests of the program `vampire` itself, from outside: what it prints, what it ends with, how it takes
 * signals. VAMPIRE_SOURCE names the folder with what is written about it. What the verbs ask the gateway is in
 * test-verbs.
 */

#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

/* -- Programs that end --------------------------------------------------------------------- */

static void
test_version (Fixture      *fixture,
              gconstpointer data)
{
  fixture_assert_run (fixture, ARGS ("--version"), 0, "vampire 0.1.0\n", "");
}

static void
test_overview (Fixture      *fixture,
               gconstpointer data)
{
  g_autofree char *by_verb = fixture_run_for_output (fixture, ARGS ("help"));
  g_autofree char *by_flag = fixture_run_for_output (fixture, ARGS ("--help"));
  g_autofree char *by_letter = fixture_run_for_output (fixture, ARGS ("-h"));

  g_assert_nonnull (strstr (by_verb, "\n  vampire serve [flags]"));
  g_assert_nonnull (strstr (by_verb, "\n  vampire help [verb]"));
  g_assert_cmpstr (by_flag, ==, by_verb);
  g_assert_cmpstr (by_letter, ==, by_verb);

  /* Without a verb the same text is an error. */
  fixture_assert_run (fixture, NO_ARGS, 2, "", by_verb);
}

static void
test_help (Fixture      *fixture,
           gconstpointer data)
{
  g_autofree char *by_verb = fixture_run_for_output (fixture, ARGS ("help", "serve"));
  g_autofree char *by_flag = fixture_run_for_output (fixture, ARGS ("serve", "--port=x", "--help"));
  g_autofree char *by_letter = fixture_run_for_output (fixture, ARGS ("serve", "-h"));
  g_autofree char *help = fixture_run_for_output (fixture, ARGS ("help", "help"));
  g_auto (GStrv) lines = g_strsplit (by_verb, "\n", -1);

  g_assert_true (g_str_has_prefix (by_verb, "Usage: vampire serve [flags]\n"));
  g_assert_nonnull (strstr (by_verb, "\n  --port=N\n"));
  g_assert_cmpstr (by_flag, ==, by_verb);
  g_assert_cmpstr (by_letter, ==, by_verb);
  g_assert_true (g_str_has_prefix (help, "Usage: vampire help [verb]\n"));
  for (gsize i = 0; lines[i] != NULL; i++)
    g_assert_cmpuint (strlen (lines[i]), <=, 80);
}

static void
test_unknown_verb (Fixture      *fixture,
                   gconstpointer data)
{
  fixture_assert_run (fixture, ARGS ("srve"), 2, "",
                      "vampire: There is no verb srve; did you mean \"vampire serve\"?\n");
  fixture_assert_run (fixture, ARGS ("help", "serv"), 2, "",
                      "vampire: There is no verb serv; did you mean \"vampire serve\"?\n");
  fixture_assert_run (fixture, ARGS ("dance"), 2, "", "vampire: There is no verb dance; see \"vampire help\".\n");
  fixture_assert_run (fixture, ARGS (""), 2, "", "vampire: There is no verb ; see \"vampire help\".\n");
  fixture_assert_run (fixture, ARGS ("a\033[2J"), 2, "",
                      "vampire: There is no verb a\357\277\275[2J; see \"vampire help\".\n");
  fixture_assert_run (fixture, ARGS ("--port=1"), 2, "",
                      "vampire: There is no flag --port=1 here; flags follow the verb: "
                      "\"vampire serve --port=9000\".\n");
}

static void
test_full_disk (Fixture      *fixture,
                gconstpointer data)
{
  g_autoptr (GSubprocessLauncher) launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *errors = NULL;

  g_subprocess_launcher_set_stdout_file_path (launcher, "/dev/full");
  process = g_subprocess_launcher_spawn (launcher, &error, g_getenv ("VAMPIRE_BIN"), "--version", NULL);
  g_assert_no_error (error);
  g_subprocess_communicate_utf8 (process, NULL, NULL, NULL, &errors, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (errors, ==, "vampire: The output cannot be written: No space left on device.\n");
  g_assert_cmpint (g_subprocess_get_exit_status (process), ==, 1);
}

/* The exit status tells bad input from the rest, and there is one sentence; all the sentences are in
 * test-settings. */
static void
test_bad_settings (Fixture      *fixture,
                   gconstpointer data)
{
  g_autofree char *expected = NULL;

  fixture_assert_run (fixture, ARGS ("serve", "--prot=1"), 2, "",
                      "vampire: There is no flag --prot; did you mean --port?\n");
  fixture_assert_run (fixture, ARGS ("serve", "--host=0.0.0.0"), 2, "",
                      "vampire: The host given by --host is \"0.0.0.0\", which other computers can reach; "
                      "set VAMPIRE_AUTH_TOKEN to a token that clients must send, or use 127.0.0.1.\n");
  fixture_assert_run (fixture, ARGS ("serve", "--config=/nonexistent"), 1, "",
                      "vampire: The settings file /nonexistent (--config) cannot be read: No such file or directory; "
                      "make it readable or name another with --config.\n");

  fixture_set_variable (fixture, "VAMPIRE_LOG_FORMAT", "xml");
  fixture_assert_run (fixture, ARGS ("serve", "--port=0"), 2, "",
                      "vampire: The log_format given by VAMPIRE_LOG_FORMAT is \"xml\"; it must be text or json.\n");

  fixture_write_file (fixture, "[vampire]\nauth_token secret\n");
  expected = g_strdup_printf ("vampire: Line 2 of %s cannot be understood; "
                              "write lines \"key = value\" below [vampire].\n", fixture->file);
  fixture_assert_run (fixture, ARGS ("serve", "--port=0"), 2, "", expected);
}

static void
test_busy_port (Fixture      *fixture,
                gconstpointer data)
{
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  g_autoptr (GSocketAddress) bound = NULL;
  g_autoptr (GSocketListener) listener = g_socket_listener_new ();
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *port = NULL;
  g_autofree char *output = NULL;
  g_autofree char *errors = NULL;

  g_socket_listener_add_address (listener, address, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL, &bound, &error);
  g_assert_no_error (error);
  port = g_strdup_printf ("%u", g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound)));

  process = fixture_spawn (fixture, ARGS ("serve", "--port", port));
  g_subprocess_communicate_utf8 (process, NULL, NULL, &output, &errors, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_subprocess_get_exit_status (process), ==, 1);
  g_assert_cmpstr (output, ==, "");
  g_assert_true (g_str_has_prefix (errors, "vampire: "));
  g_assert_nonnull (strstr (errors, port));
  g_assert_true (g_str_has_suffix (errors, ".\n"));
  g_assert_true (strchr (errors, '\n') == errors + strlen (errors) - 1);
}

/* -- Serving ------------------------------------------------------------------------------- */

static char *
read_line (GDataInputStream *stream)
{
  g_autoptr (GError) error = NULL;
  char *line = g_data_input_stream_read_line_utf8 (stream, NULL, NULL, &error);

  g_assert_no_error (error);

  return line;
}

/* Reads the log up to a line with that part, which it returns. */
static char *
wait_for_log (Fixture    *fixture,
              const char *part)
{
  for (;;)
    {
      g_autofree char *line = read_line (fixture->log);

      g_assert_nonnull (line);
      g_test_message ("%s", line);
      if (strstr (line, part) != NULL)
        return g_steal_pointer (&line);
    }
}

/* Starts `vampire serve` and waits until it listens. Returns its port. */
static guint16
start (Fixture            *fixture,
       const char * const *args)
{
  g_autofree char *line = NULL;
  const char *prefix = "Vampire listening on http://127.0.0.1:";
  char *end;
  guint64 port;

  fixture->server = fixture_spawn (fixture, args);
  fixture->output = g_data_input_stream_new (g_subprocess_get_stdout_pipe (fixture->server));
  fixture->log = g_data_input_stream_new (g_subprocess_get_stderr_pipe (fixture->server));

  line = read_line (fixture->output);
  g_assert_nonnull (line);
  g_assert_true (g_str_has_prefix (line, prefix));
  port = g_ascii_strtoull (line + strlen (prefix), &end, 10);
  g_assert_cmpstr (end, ==, "/v1");
  g_assert_cmpuint (port, >, 0);
  g_assert_cmpuint (port, <=, G_MAXUINT16);

  return port;
}

static void
assert_ends (Fixture *fixture,
             int      status)
{
  g_autofree char *output = NULL;
  g_autofree char *log = NULL;
  g_autoptr (GError) error = NULL;

  /* Nothing more on stdout, and the log is read to its end so that the server cannot wait for us. */
  output = read_line (fixture->output);
  g_assert_null (output);
  while ((log = read_line (fixture->log)) != NULL)
    g_clear_pointer (&log, g_free);

  g_subprocess_wait (fixture->server, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_subprocess_get_if_exited (fixture->server));
  g_assert_cmpint (g_subprocess_get_exit_status (fixture->server), ==, status);

  g_clear_object (&fixture->output);
  g_clear_object (&fixture->log);
  g_clear_object (&fixture->server);
}

static GSocketConnection *
connect_to (guint16 port)
{
  g_autoptr (GSocketClient) client = g_socket_client_new ();
  g_autoptr (GError) error = NULL;
  GSocketConnection *connection;

  g_socket_client_set_enable_proxy (client, FALSE);
  connection = g_socket_client_connect_to_host (client, "127.0.0.1", port, NULL, &error);
  g_assert_no_error (error);

  return connection;
}

static void
send_request (GSocketConnection *connection,
              const char        *path)
{
  g_autofree char *request = g_strdup_printf ("GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
  g_autoptr (GError) error = NULL;

  g_output_stream_write_all (g_io_stream_get_output_stream (G_IO_STREAM (connection)),
                             request, strlen (request), NULL, NULL, &error);
  g_assert_no_error (error);
}

static void
test_stop (Fixture      *fixture,
           gconstpointer data)
{
  int signal_number = GPOINTER_TO_INT (data);
  guint16 port = start (fixture, ARGS ("serve", "--port", "0"));
  g_autoptr (GSocketConnection) connection = connect_to (port);
  g_autofree char *line = NULL;

  g_assert_nonnull (connection);
  g_clear_object (&connection);
  g_subprocess_send_signal (fixture->server, signal_number);
  line = wait_for_log (fixture, "Stopping; running answers have 10 seconds to end.");
  assert_ends (fixture, 0);
}

/* A node that takes a request and never answers it. Returns its URL. */
static char *
add_silent_node (GSocketListener *listener)
{
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new_from_string ("127.0.0.1", 0);
  g_autoptr (GSocketAddress) bound = NULL;
  g_autoptr (GError) error = NULL;

  g_socket_listener_add_address (listener, address, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL, &bound, &error);
  g_assert_no_error (error);

  return g_strdup_printf ("http://127.0.0.1:%u", g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (bound)));
}

/* Takes connections until the request for that path has come in on one; keeps them all. */
static void
wait_for_request (GSocketListener *listener,
                  GPtrArray       *connections,
                  const char      *path)
{
  g_autofree char *wanted = g_strconcat ("GET ", path, " ", NULL);

  for (;;)
    {
      g_autoptr (GError) error = NULL;
      GSocketConnection *connection = g_socket_listener_accept (listener, NULL, NULL, &error);
      char head[2048] = { 0 };
      gssize n;

      g_assert_no_error (error);
      g_ptr_array_add (connections, connection);
      n = g_input_stream_read (g_io_stream_get_input_stream (G_IO_STREAM (connection)),
                               head, sizeof head - 1, NULL, &error);
      g_assert_no_error (error);
      if (n > 0 && g_str_has_prefix (head, wanted))
        return;
    }
}

static void
test_second_signal (Fixture      *fixture,
                    gconstpointer data)
{
  g_autoptr (GSocketListener) node = g_socket_listener_new ();
  g_autoptr (GPtrArray) node_connections = g_ptr_array_new_with_free_func (g_object_unref);
  g_autofree char *url = add_silent_node (node);
  guint16 port = start (fixture, ARGS ("serve", "--port", "0", "--default-base-url", url));
  g_autoptr (GSocketConnection) client = connect_to (port);
  g_autofree char *stopping = NULL;
  gint64 asked;

  send_request (client, "/v1/echo");
  wait_for_request (node, node_connections, "/v1/echo");

  asked = g_get_monotonic_time ();
  g_subprocess_send_signal (fixture->server, SIGTERM);
  stopping = wait_for_log (fixture, "Stopping;");
  g_subprocess_send_signal (fixture->server, SIGINT);
  assert_ends (fixture, 1);

  /* Not after the ten seconds that the running answer had. */
  g_assert_cmpint (g_get_monotonic_time () - asked, <, 5 * G_TIME_SPAN_SECOND);
}

static void
test_nobody_reads (Fixture      *fixture,
                   gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *line = NULL;

  g_subprocess_launcher_set_flags (fixture->launcher, G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_subprocess_launcher_set_stdout_file_path (fixture->launcher, "/dev/full");
  fixture->server = fixture_spawn (fixture, ARGS ("serve", "--port=0"));
  fixture->log = g_data_input_stream_new (g_subprocess_get_stderr_pipe (fixture->server));
  line = wait_for_log (fixture, "could not say so on the standard output: No space left on device.");
  g_assert_nonnull (strstr (line, "Vampire listens on http://127.0.0.1:"));

  g_subprocess_send_signal (fixture->server, SIGTERM);
  g_subprocess_wait (fixture->server, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_subprocess_get_exit_status (fixture->server), ==, 0);
  g_clear_object (&fixture->log);
  g_clear_object (&fixture->server);
}

/* In the child, between fork and exec. */
static void
close_standard_descriptors (gpointer data)
{
  close (STDIN_FILENO);
  close (STDOUT_FILENO);
}

/* A server must not get a client's socket as its standard output. */
static void
test_closed_descriptors (Fixture      *fixture,
                         gconstpointer data)
{
  g_autofree char *line = NULL;
  g_autoptr (GError) error = NULL;

  g_subprocess_launcher_set_flags (fixture->launcher, G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_subprocess_launcher_set_child_setup (fixture->launcher, close_standard_descriptors, NULL, NULL);
  fixture_set_variable (fixture, "VAMPIRE_MARK", "1");
  fixture->server = fixture_spawn (fixture, ARGS ("serve", "--port=0", "--log-level=debug"));
  fixture->log = g_data_input_stream_new (g_subprocess_get_stderr_pipe (fixture->server));
  line = wait_for_log (fixture, "The variable VAMPIRE_MARK is no setting.");

  for (int fd = STDIN_FILENO; fd <= STDOUT_FILENO; fd++)
    {
      g_autofree char *link = g_strdup_printf ("/proc/%s/fd/%d", g_subprocess_get_identifier (fixture->server), fd);
      g_autofree char *target = g_file_read_link (link, &error);

      g_assert_no_error (error);
      g_assert_cmpstr (target, ==, "/dev/null");
    }

  g_subprocess_force_exit (fixture->server);
  g_subprocess_wait (fixture->server, NULL, &error);
  g_assert_no_error (error);
  g_clear_object (&fixture->log);
  g_clear_object (&fixture->server);
}

static void
test_open_files (Fixture      *fixture,
                 gconstpointer data)
{
  g_autofree char *path = NULL;
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  const char *line;
  guint64 soft, hard;
  char *end;

  start (fixture, ARGS ("serve", "--port=0"));
  path = g_strdup_printf ("/proc/%s/limits", g_subprocess_get_identifier (fixture->server));
  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);

  line = strstr (text, "Max open files");
  g_assert_nonnull (line);
  soft = g_ascii_strtoull (line + strlen ("Max open files"), &end, 10);
  hard = g_ascii_strtoull (end, NULL, 10);
  g_assert_cmpuint (soft, >=, MIN (hard, 16384));

  g_subprocess_send_signal (fixture->server, SIGTERM);
  assert_ends (fixture, 0);
}

/* -- Reloading ----------------------------------------------------------------------------- */

static void
test_hangup (Fixture      *fixture,
             gconstpointer data)
{
  g_autofree char *reloaded = NULL;
  g_autofree char *restart = NULL;
  g_autofree char *kept = NULL;
  g_autofree char *expected = NULL;

  /* Named by a link, so that changing what it points at is not seen: here only the signal reloads. */
  g_autofree char *linked = g_build_filename (fixture->home, "linked.conf", NULL);

  fixture_write_file (fixture, "[vampire]\n");
  g_assert_cmpint (symlink (fixture->file, linked), ==, 0);
  start (fixture, ARGS ("serve", "--port=0", "--config", linked));

  fixture_write_file (fixture, "[vampire]\nlog_level = info\ndata_dir = /elsewhere\nport = 1\n");
  g_subprocess_send_signal (fixture->server, SIGHUP);
  reloaded = wait_for_log (fixture, "The settings were reloaded.");

  /* The port stays what the flag says. */
  restart = wait_for_log (fixture, "Restart Vampire");
  g_assert_true (g_str_has_suffix (restart, "Restart Vampire for these settings to change: data_dir."));

  fixture_write_file (fixture, "[vampire]\nlog_level = loud\n");
  g_subprocess_send_signal (fixture->server, SIGHUP);
  kept = wait_for_log (fixture, "The old settings stay in force.");
  expected = g_strdup_printf ("The old settings stay in force. The log_level given by key log_level in %s is \"loud\"; "
                              "it must be error, warning, info or debug.", linked);
  g_assert_true (g_str_has_suffix (kept, expected));

  g_subprocess_send_signal (fixture->server, SIGTERM);
  assert_ends (fixture, 0);
}

/* The file comes, is replaced, is written in place, and goes. */
static void
test_file_watch (Fixture      *fixture,
                 gconstpointer data)
{
  g_autofree char *came = NULL;
  g_autofree char *replaced = NULL;
  g_autofree char *written = NULL;
  g_autofree char *gone = NULL;
  FILE *file;

  start (fixture, ARGS ("serve", "--port=0"));

  fixture_write_file (fixture, "[vampire]\ndata_dir = /elsewhere\n");
  came = wait_for_log (fixture, "Restart Vampire for these settings to change: data_dir.");

  fixture_write_file (fixture, "[vampire]\nport = x\n");
  replaced = wait_for_log (fixture, "The old settings stay in force. The port given by key port in");

  file = g_fopen (fixture->file, "w");
  g_assert_nonnull (file);
  fputs ("[vampire]\nhost = example.org\n", file);
  fclose (file);
  written = wait_for_log (fixture, "The old settings stay in force. The host given by key host in");

  g_assert_cmpint (g_unlink (fixture->file), ==, 0);
  gone = wait_for_log (fixture, "The settings were reloaded.");

  g_subprocess_send_signal (fixture->server, SIGTERM);
  assert_ends (fixture, 0);
}

/* A listener that other computers reach keeps asking for its token, whatever the file says later. */
static void
test_reload_keeps_consent (Fixture      *fixture,
                           gconstpointer data)
{
  g_autofree char *listening = NULL;
  g_autofree char *kept = NULL;

  fixture_write_file (fixture, "[vampire]\nhost = 0.0.0.0\nauth_token = secret\n");
  fixture->server = fixture_spawn (fixture, ARGS ("serve", "--port=0"));
  fixture->output = g_data_input_stream_new (g_subprocess_get_stdout_pipe (fixture->server));
  fixture->log = g_data_input_stream_new (g_subprocess_get_stderr_pipe (fixture->server));
  listening = read_line (fixture->output);
  g_assert_true (g_str_has_prefix (listening, "Vampire listening on http://"));

  fixture_write_file (fixture, "[vampire]\nhost = 127.0.0.1\n");
  g_subprocess_send_signal (fixture->server, SIGHUP);
  kept = wait_for_log (fixture, "The old settings stay in force.");
  g_assert_nonnull (strstr (kept, "The auth_token cannot go away while Vampire listens on \"0.0.0.0\""));

  g_subprocess_send_signal (fixture->server, SIGTERM);
  assert_ends (fixture, 0);
}

static void
test_json_log (Fixture      *fixture,
               gconstpointer data)
{
  g_autofree char *text = NULL;
  g_autofree char *json = NULL;
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;
  JsonObject *object;

  fixture_set_variable (fixture, "VAMPIRE_\"PROT\n", "1");
  fixture_set_variable (fixture, "VAMPIRE_LOG_LEVEL", "debug");
  fixture_write_file (fixture, "[vampire]\nlog_format = json\n");
  start (fixture, ARGS ("serve", "--port=0"));
  json = wait_for_log (fixture, "is no setting");
  json_parser_load_from_data (parser, json, -1, &error);
  g_assert_no_error (error);
  object = json_node_get_object (json_parser_get_root (parser));
  g_assert_cmpstr (json_object_get_string_member (object, "level"), ==, "debug");
  g_assert_cmpstr (json_object_get_string_member (object, "domain"), ==, "vampire");
  g_assert_cmpstr (json_object_get_string_member (object, "message"), ==,
                   "The variable VAMPIRE_\"PROT\n is no setting.");

  /* The format changes without a restart. */
  fixture_write_file (fixture, "[vampire]\n");
  g_subprocess_send_signal (fixture->server, SIGHUP);
  text = wait_for_log (fixture, "info    The settings were reloaded.");

  g_subprocess_send_signal (fixture->server, SIGTERM);
  assert_ends (fixture, 0);
}

/* -- What is written about it -------------------------------------------------------------- */

static char *
read_source (const char *name)
{
  g_autofree char *path = g_build_filename (g_getenv ("VAMPIRE_SOURCE"), name, NULL);
  g_autoptr (GError) error = NULL;
  char *text;

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);

  return text;
}

static char *
strip_backslashes (const char *text)
{
  g_autoptr (GString) stripped = g_string_new (text);

  g_string_replace (stripped, "\\", "", 0);

  return g_string_free (g_steal_pointer (&stripped), FALSE);
}

/* Each flag, variable, key and default that the program knows stands in the man page and in the README, and
 * each flag in the completion. */
static void
test_documents (Fixture      *fixture,
                gconstpointer data)
{
  g_autofree char *help = fixture_run_for_output (fixture, ARGS ("help", "serve"));
  g_autofree char *page = read_source ("data/man/vampire.1");
  g_autofree char *man = strip_backslashes (page);
  g_autofree char *readme = read_source ("README.md");
  g_autofree char *completion = read_source ("data/completions/vampire");
  g_autoptr (GRegex) names = g_regex_new ("--[a-z-]+|VAMPIRE_[A-Z_]+|key [a-z_]+|by default [^ ]+\\.$",
                                          G_REGEX_MULTILINE, 0, NULL);
  g_autoptr (GMatchInfo) match = NULL;
  guint n_names = 0;

  for (g_regex_match (names, help, 0, &match); g_match_info_matches (match); g_match_info_next (match, NULL))
    {
      g_autofree char *name = g_match_info_fetch (match, 0);
      const char *wanted = name;

      n_names++;
      if (g_str_has_prefix (name, "key "))
        wanted = name + strlen ("key ");
      if (g_str_has_prefix (name, "by default "))
        {
          wanted = name + strlen ("by default ");
          name[strlen (name) - 1] = '\0';
        }

      g_test_message ("%s", wanted);
      g_assert_nonnull (strstr (man, wanted));
      g_assert_nonnull (strstr (readme, wanted));
      if (g_str_has_prefix (name, "--"))
        g_assert_nonnull (strstr (completion, wanted));
    }

  g_assert_cmpuint (n_names, >, 30);
}

/* Each verb, with its sub-verbs and flags as its help has them, stands in the man page and in all three completions,
 * each in its own spelling. */
static void
assert_verb_is_written (Fixture    *fixture,
                        const char *verb,
                        const char *man,
                        const char *bash,
                        const char *zsh,
                        const char *fish)
{
  g_autofree char *help = fixture_run_for_output (fixture, ARGS ("help", verb));
  g_autoptr (GRegex) names = g_regex_new ("^  vampire [a-z]+ ([a-z ]*[a-z])|--([a-z-]+)", G_REGEX_MULTILINE, 0, NULL);
  g_autoptr (GMatchInfo) match = NULL;
  g_auto (GStrv) lines = g_strsplit (help, "\n", -1);
  g_autofree char *call = g_strconcat ("vampire ", verb, NULL);
  g_autofree char *fish_verb = g_strdup_printf ("-a %s ", verb);
  g_autofree char *zsh_verb = g_strdup_printf ("'%s:", verb);

  g_test_message ("%s", verb);
  g_assert_nonnull (strstr (man, call));
  g_assert_nonnull (strstr (bash, verb));
  g_assert_nonnull (strstr (zsh, zsh_verb));
  g_assert_nonnull (strstr (fish, fish_verb));
  for (gsize i = 0; lines[i] != NULL; i++)
    g_assert_cmpuint (strlen (lines[i]), <=, 80);

  for (g_regex_match (names, help, 0, &match); g_match_info_matches (match); g_match_info_next (match, NULL))
    {
      g_autofree char *sub_verb = g_match_info_fetch (match, 1);
      g_autofree char *flag = g_match_info_fetch (match, 2);
      g_autofree char *dashed = g_strconcat ("--", flag, NULL);
      g_autofree char *fish_flag = g_strdup_printf ("-l %s ", flag);
      g_autofree char *called = g_strdup_printf ("vampire %s %s", verb, sub_verb);
      g_auto (GStrv) words = g_strsplit (sub_verb, " ", -1);

      g_test_message ("  %s%s", sub_verb, flag != NULL && *flag != '\0' ? dashed : "");
      if (flag != NULL && *flag != '\0')
        {
          g_assert_nonnull (strstr (man, dashed));
          g_assert_nonnull (strstr (bash, dashed));
          g_assert_nonnull (strstr (zsh, dashed));
          g_assert_nonnull (strstr (fish, fish_flag));
          continue;
        }

      g_assert_nonnull (strstr (man, called));
      for (gsize i = 0; words[i] != NULL; i++)
        {
          g_assert_nonnull (strstr (bash, words[i]));
          g_assert_nonnull (strstr (zsh, words[i]));
          g_assert_nonnull (strstr (fish, words[i]));
        }
    }
}

static void
test_verb_documents (Fixture      *fixture,
                     gconstpointer data)
{
  g_autofree char *overview = fixture_run_for_output (fixture, ARGS ("help"));
  g_autofree char *page = read_source ("data/man/vampire.1");
  g_autofree char *man = strip_backslashes (page);
  g_autofree char *bash = read_source ("data/completions/vampire");
  g_autofree char *zsh = read_source ("data/completions/_vampire");
  g_autofree char *fish = read_source ("data/completions/vampire.fish");
  g_autoptr (GRegex) verbs = g_regex_new ("^  vampire ([a-z]+) ", G_REGEX_MULTILINE, 0, NULL);
  g_autoptr (GMatchInfo) match = NULL;
  guint n_verbs = 0;

  for (g_regex_match (verbs, overview, 0, &match); g_match_info_matches (match); g_match_info_next (match, NULL))
    {
      g_autofree char *verb = g_match_info_fetch (match, 1);

      n_verbs++;
      assert_verb_is_written (fixture, verb, man, bash, zsh, fish);
    }

  g_assert_cmpuint (n_verbs, ==, 21);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_assert_nonnull (g_getenv ("VAMPIRE_BIN"));
  g_assert_nonnull (g_getenv ("VAMPIRE_SOURCE"));

#define ADD_WITH(path, data, function) g_test_add (path, Fixture, data, fixture_set_up, function, fixture_tear_down)
#define ADD(path, function) ADD_WITH (path, NULL, function)
  ADD ("/cli/version", test_version);
  ADD ("/cli/help/overview", test_overview);
  ADD ("/cli/help/verb", test_help);
  ADD ("/cli/unknown-verb", test_unknown_verb);
  ADD ("/cli/full-disk", test_full_disk);
  ADD ("/cli/documents/settings", test_documents);
  ADD ("/cli/documents/verbs", test_verb_documents);
  ADD ("/cli/serve/bad-settings", test_bad_settings);
  ADD ("/cli/serve/busy-port", test_busy_port);
  ADD_WITH ("/cli/serve/stop/terminate", GINT_TO_POINTER (SIGTERM), test_stop);
  ADD_WITH ("/cli/serve/stop/interrupt", GINT_TO_POINTER (SIGINT), test_stop);
  ADD ("/cli/serve/stop/second-signal", test_second_signal);
  ADD ("/cli/serve/nobody-reads", test_nobody_reads);
  ADD ("/cli/serve/closed-descriptors", test_closed_descriptors);
  ADD ("/cli/serve/open-files", test_open_files);
  ADD ("/cli/serve/reload/hangup", test_hangup);
  ADD ("/cli/serve/reload/file-watch", test_file_watch);
  ADD ("/cli/serve/reload/keeps-consent", test_reload_keeps_consent);
  ADD ("/cli/serve/json-log", test_json_log);

  return g_test_run ();
}
