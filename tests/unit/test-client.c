/* SPDX-License-Identifier: MIT
 *
 * Tests of the client of the control API: whom it asks, what it sends there, which token goes where, and what it makes
 * of answers and events.
 */

#include "client/vmp-client.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include "../cli/stub-gateway.h"
#include "core/vmp-limits.h"
#include "gateway/vmp-owner-file.h"

typedef struct {
  char *folder;
  char *owner_file;
  StubGateway *gateway;
  VmpSettings *settings; /* of the folder */
} Fixture;

static const char * const no_env[] = { NULL };

static VmpSettings *
load_settings (Fixture    *fixture,
               const char *token,
               guint16     port)
{
  g_autofree char *data_dir = g_strconcat ("--data-dir=", fixture->folder, NULL);
  g_autofree char *port_flag = g_strdup_printf ("--port=%u", port);
  g_autofree char *home = g_strconcat ("HOME=", fixture->folder, NULL);
  g_autofree char *auth = g_strconcat ("VAMPIRE_AUTH_TOKEN=", token, NULL);
  g_autoptr (GError) error = NULL;
  const char *argv[] = { data_dir, port_flag, NULL };
  const char *env[] = { home, token != NULL ? auth : NULL, NULL };
  VmpSettings *settings = vmp_settings_load (argv, env, &error);

  g_assert_no_error (error);

  return settings;
}

static void
set_up (Fixture      *fixture,
        gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  fixture->folder = g_dir_make_tmp ("vampire-client-XXXXXX", &error);
  g_assert_no_error (error);
  fixture->owner_file = g_build_filename (fixture->folder, VMP_OWNER_FILE, NULL);
  fixture->gateway = stub_gateway_new ();
  fixture->settings = load_settings (fixture, NULL, stub_gateway_get_port (fixture->gateway));
}

static void
tear_down (Fixture      *fixture,
           gconstpointer data)
{
  vmp_settings_unref (fixture->settings);
  stub_gateway_free (fixture->gateway);
  g_unlink (fixture->owner_file);
  g_assert_cmpint (g_rmdir (fixture->folder), ==, 0);
  g_free (fixture->owner_file);
  g_free (fixture->folder);
}

static void
write_owner_file (Fixture    *fixture,
                  const char *url,
                  const char *token)
{
  g_autoptr (GError) error = NULL;

  vmp_owner_file_write (fixture->folder, url, "here", token, &error);
  g_assert_no_error (error);
}

static VmpClient *
new_client (Fixture            *fixture,
            const char         *gateway,
            const char         *token,
            const char * const *env)
{
  g_autoptr (GError) error = NULL;
  VmpClient *client = vmp_client_new (gateway, token, fixture->settings, env, &error);

  g_assert_no_error (error);
  g_assert_nonnull (client);

  return client;
}

static void
assert_refused (Fixture    *fixture,
                const char *gateway,
                const char *token,
                int         code,
                const char *part)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmpClient) client = vmp_client_new (gateway, token, fixture->settings, no_env, &error);

  g_assert_null (client);
  g_assert_error (error, G_IO_ERROR, code);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, part));
}

/* Asks, and checks which Authorization arrives; NULL: none. */
static void
assert_authorization (Fixture    *fixture,
                      VmpClient  *client,
                      const char *expected)
{
  g_autoptr (VmpClientAnswer) answer = NULL;
  g_autoptr (StubRequest) request = NULL;
  g_autofree char *authorization = NULL;
  g_autoptr (GError) error = NULL;

  stub_gateway_answer (fixture->gateway, 200, "{}");
  answer = vmp_client_ask (client, "GET", "/vampire/v1/status", NULL, &error);
  g_assert_no_error (error);
  request = stub_gateway_take (fixture->gateway);
  authorization = stub_request_dup_header (request, "Authorization");
  g_assert_cmpstr (authorization, ==, expected);
}

/* -- Finding ------------------------------------------------------------------------------- */

static void
test_find_running (Fixture      *fixture,
                   gconstpointer data)
{
  g_autoptr (VmpClient) client = NULL;

  write_owner_file (fixture, "http://127.0.0.1:4711", "secret");
  client = new_client (fixture, NULL, NULL, no_env);
  g_assert_cmpstr (vmp_client_get_url (client), ==, "http://127.0.0.1:4711");
}

static void
test_find_by_settings (Fixture      *fixture,
                       gconstpointer data)
{
  g_autoptr (VmpClient) client = new_client (fixture, NULL, NULL, no_env);
  g_autoptr (VmpClient) any_port = NULL;

  g_assert_cmpstr (vmp_client_get_url (client), ==, stub_gateway_get_url (fixture->gateway));

  vmp_settings_unref (fixture->settings);
  fixture->settings = load_settings (fixture, NULL, 0);
  any_port = new_client (fixture, NULL, NULL, no_env);
  g_assert_cmpstr (vmp_client_get_url (any_port), ==, "http://127.0.0.1:7777");
}

static void
test_find_named (Fixture      *fixture,
                 gconstpointer data)
{
  g_autoptr (VmpClient) client = NULL;

  write_owner_file (fixture, "http://127.0.0.1:4711", "secret");
  client = new_client (fixture, "HTTP://LocalHost:9000/", NULL, no_env);
  g_assert_cmpstr (vmp_client_get_url (client), ==, "http://localhost:9000");

  assert_refused (fixture, "localhost", NULL, G_IO_ERROR_INVALID_ARGUMENT, "must begin with http:// or https://");
  assert_refused (fixture, "http://me:pw@localhost", NULL, G_IO_ERROR_INVALID_ARGUMENT, "The gateway ");
}

/* "Every address" is where it listens, not where it is. */
static void
test_find_everywhere (Fixture      *fixture,
                      gconstpointer data)
{
  g_autofree char *url = g_strdup_printf ("http://0.0.0.0:%u", stub_gateway_get_port (fixture->gateway));
  g_autoptr (VmpClient) four = NULL;
  g_autoptr (VmpClient) six = NULL;

  write_owner_file (fixture, url, "secret");
  four = new_client (fixture, NULL, NULL, no_env);
  g_assert_cmpstr (vmp_client_get_url (four), ==, stub_gateway_get_url (fixture->gateway));
  assert_authorization (fixture, four, "Bearer secret");

  write_owner_file (fixture, "http://[::]:80", "secret");
  six = new_client (fixture, NULL, NULL, no_env);
  g_assert_cmpstr (vmp_client_get_url (six), ==, "http://[::1]:80");
}

static void
test_find_bad_file (Fixture      *fixture,
                    gconstpointer data)
{
  g_autoptr (VmpClient) named = NULL;
  g_autofree char *target = g_build_filename (fixture->folder, "elsewhere", NULL);
  g_autofree char *long_text = g_strnfill (100000, ' ');
  const char *bad[] = { "", "{", "[]", "{\"url\":7}", "{\"url\":\"ftp://x\"}", "{\"token\":\"x\"}", long_text };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_assert_true (g_file_set_contents_full (fixture->owner_file, bad[i], -1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
      g_assert_cmpint (g_chmod (fixture->owner_file, 0600), ==, 0);
      assert_refused (fixture, NULL, NULL, G_IO_ERROR_INVALID_DATA, "does not say where the gateway is");
    }

  /* One that others can write could send us, and what we send, anywhere. */
  write_owner_file (fixture, stub_gateway_get_url (fixture->gateway), "secret");
  g_assert_cmpint (g_chmod (fixture->owner_file, 0640), ==, 0);
  assert_refused (fixture, NULL, NULL, G_IO_ERROR_PERMISSION_DENIED, "is open to other users");

  /* Who names a gateway needs no file, and gets nothing from this one. */
  named = new_client (fixture, stub_gateway_get_url (fixture->gateway), NULL, no_env);
  assert_authorization (fixture, named, NULL);

  g_assert_cmpint (g_chmod (fixture->owner_file, 0600), ==, 0);
  g_assert_cmpint (g_rename (fixture->owner_file, target), ==, 0);
  g_assert_cmpint (symlink (target, fixture->owner_file), ==, 0);
  assert_refused (fixture, NULL, NULL, G_IO_ERROR_PERMISSION_DENIED, "is open to other users");
  g_assert_cmpint (g_unlink (target), ==, 0);
}

/* -- Tokens -------------------------------------------------------------------------------- */

static void
test_token_of_file (Fixture      *fixture,
                    gconstpointer data)
{
  const char *url = stub_gateway_get_url (fixture->gateway);
  g_autofree char *other = g_strdup_printf ("http://127.0.0.2:%u", stub_gateway_get_port (fixture->gateway));
  g_autofree char *prefixed = g_strconcat (url, "/inside", NULL);
  g_autoptr (VmpClient) found = NULL;
  g_autoptr (VmpClient) named = NULL;
  g_autoptr (VmpClient) elsewhere = NULL;

  write_owner_file (fixture, url, "secret");
  found = new_client (fixture, NULL, NULL, no_env);
  assert_authorization (fixture, found, "Bearer secret");
  named = new_client (fixture, url, NULL, no_env);
  assert_authorization (fixture, named, "Bearer secret");

  /* Also a prefix is another one. */
  elsewhere = new_client (fixture, prefixed, NULL, no_env);
  assert_authorization (fixture, elsewhere, NULL);

  /* The file's, but it names somebody else. */
  write_owner_file (fixture, other, "secret");
  g_clear_pointer (&named, vmp_client_free);
  named = new_client (fixture, url, NULL, no_env);
  assert_authorization (fixture, named, NULL);
}

/* Over a network in the clear a token goes only when a person has said so. This way of writing an address is no
 * loopback to us, and reaches the stub nevertheless. */
static void
test_token_in_the_clear (Fixture      *fixture,
                         gconstpointer data)
{
  g_autofree char *url = g_strdup_printf ("http://[::ffff:127.0.0.1]:%u", stub_gateway_get_port (fixture->gateway));
  g_autoptr (VmpClient) found = NULL;
  g_autoptr (VmpClient) named = NULL;

  write_owner_file (fixture, url, "secret");
  found = new_client (fixture, NULL, NULL, no_env);
  assert_authorization (fixture, found, NULL);
  named = new_client (fixture, NULL, "flag", no_env);
  assert_authorization (fixture, named, "Bearer flag");
}

static void
test_token_named (Fixture      *fixture,
                  gconstpointer data)
{
  static const char * const env[] = { "VAMPIRE_TOKEN=variable", NULL };
  static const char * const empty[] = { "VAMPIRE_TOKEN=", NULL };
  const char *url = stub_gateway_get_url (fixture->gateway);
  g_autoptr (VmpClient) by_flag = NULL;
  g_autoptr (VmpClient) by_variable = NULL;
  g_autoptr (VmpClient) by_nothing = NULL;

  write_owner_file (fixture, url, "secret");
  by_flag = new_client (fixture, url, "flag", env);
  assert_authorization (fixture, by_flag, "Bearer flag");
  by_variable = new_client (fixture, NULL, NULL, env);
  assert_authorization (fixture, by_variable, "Bearer variable");
  by_nothing = new_client (fixture, NULL, "", empty);
  assert_authorization (fixture, by_nothing, "Bearer secret");

  assert_refused (fixture, url, "a\r\nX-Evil: 1", G_IO_ERROR_INVALID_ARGUMENT, "one line");
}

static void
test_token_of_settings (Fixture      *fixture,
                        gconstpointer data)
{
  g_autofree char *other = g_strdup_printf ("http://localhost:%u", stub_gateway_get_port (fixture->gateway));
  g_autoptr (VmpClient) found = NULL;
  g_autoptr (VmpClient) elsewhere = NULL;

  vmp_settings_unref (fixture->settings);
  fixture->settings = load_settings (fixture, "shared", stub_gateway_get_port (fixture->gateway));
  found = new_client (fixture, NULL, NULL, no_env);
  assert_authorization (fixture, found, "Bearer shared");
  elsewhere = new_client (fixture, other, NULL, no_env);
  assert_authorization (fixture, elsewhere, NULL);
}

/* A redirect is an answer like others. */
static void
test_token_not_redirected (Fixture      *fixture,
                           gconstpointer data)
{
  g_autoptr (StubGateway) thief = stub_gateway_new ();
  g_autofree char *location = g_strdup_printf ("Location: %s/\r\n", stub_gateway_get_url (thief));
  g_autoptr (VmpClient) client = new_client (fixture, NULL, "secret", no_env);
  g_autoptr (VmpClientAnswer) answer = NULL;
  g_autoptr (GError) error = NULL;

  stub_gateway_answer_with (fixture->gateway, 307, location, "");
  answer = vmp_client_ask (client, "GET", "/vampire/v1/status", NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (answer->status, ==, 307);
  stub_gateway_assert_idle (thief);
}

/* -- Asking -------------------------------------------------------------------------------- */

static void
test_path (void)
{
  g_autofree char *plain = vmp_client_path ("/nodes", NULL);
  g_autofree char *odd = vmp_client_path ("/nodes/", "a/b %25?#ü", "/approve", NULL);
  g_autofree char *two = vmp_client_path ("/a/", "1", "/b/", "2", NULL);
  g_autofree char *dots = vmp_client_path ("/nodes/", "..", "/approve", NULL);
  g_autofree char *not_utf8 = vmp_client_path ("/nodes/", "\xff", NULL);

  g_assert_cmpstr (plain, ==, "/nodes");
  g_assert_cmpstr (odd, ==, "/nodes/a%2Fb%20%2525%3F%23%C3%BC/approve");
  g_assert_cmpstr (two, ==, "/a/1/b/2");
  g_assert_cmpstr (dots, ==, "/nodes/%252E%252E/approve");
  g_assert_cmpstr (not_utf8, ==, "/nodes/%FF");
}

static void
test_ask (Fixture      *fixture,
          gconstpointer data)
{
  g_autofree char *base = g_strconcat (stub_gateway_get_url (fixture->gateway), "/behind/", NULL);
  g_autofree char *path = vmp_client_path ("/vampire/v1/nodes/", "a/b %25..", NULL);
  g_autoptr (VmpClient) client = new_client (fixture, base, NULL, no_env);
  g_autoptr (JsonNode) body = vmp_json_parse ("{\"a\":1}", 7, NULL);
  g_autoptr (VmpClientAnswer) answer = NULL;
  g_autoptr (StubRequest) request = NULL;
  g_autofree char *agent = NULL;
  g_autofree char *type = NULL;
  g_autoptr (GError) error = NULL;

  stub_gateway_answer (fixture->gateway, 422, "{\"detail\":\"no\"}");
  answer = vmp_client_ask (client, "PATCH", path, body, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (answer->status, ==, 422);
  g_assert_cmpstr (answer->text, ==, "{\"detail\":\"no\"}");
  g_assert_nonnull (answer->json);

  request = stub_gateway_take (fixture->gateway);
  agent = stub_request_dup_header (request, "User-Agent");
  type = stub_request_dup_header (request, "Content-Type");
  g_assert_cmpstr (request->method, ==, "PATCH");
  g_assert_cmpstr (request->target, ==, "/behind/vampire/v1/nodes/a%2Fb%20%2525..");
  g_assert_cmpstr (request->body, ==, "{\"a\":1}");
  g_assert_cmpstr (type, ==, "application/json");
  g_assert_true (g_str_has_prefix (agent, "vampire/"));
}

/* Ten thousand nodes are more values than others may send. */
static void
test_large_answer (Fixture      *fixture,
                   gconstpointer data)
{
  g_autoptr (GString) text = g_string_new ("{\"data\":[0");
  g_autoptr (VmpClient) client = new_client (fixture, NULL, NULL, no_env);
  g_autoptr (VmpClientAnswer) answer = NULL;
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 2 * VMP_LIMIT_DOCUMENT_VALUES; i++)
    g_string_append (text, ",0");
  g_string_append (text, "]}");
  stub_gateway_answer (fixture->gateway, 200, text->str);
  answer = vmp_client_ask (client, "GET", "/vampire/v1/nodes", NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (answer->json);
}

static void
test_unreachable (Fixture      *fixture,
                  gconstpointer data)
{
  g_autoptr (StubGateway) gone = stub_gateway_new ();
  g_autofree char *url = g_strdup (stub_gateway_get_url (gone));
  g_autofree char *start = g_strdup_printf ("Could not reach Vampire gateway at %s: ", url);
  g_autoptr (VmpClient) client = new_client (fixture, url, NULL, no_env);
  g_autoptr (VmpClientAnswer) answer = NULL;
  g_autoptr (GError) error = NULL;

  g_clear_pointer (&gone, stub_gateway_free);
  answer = vmp_client_ask (client, "GET", "/", NULL, &error);
  g_assert_null (answer);
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED);
  g_assert_true (g_str_has_prefix (error->message, start));
}

static void
assert_problem (guint       status,
                const char *text,
                const char *expected)
{
  g_autoptr (JsonNode) json = vmp_json_parse (text, strlen (text), NULL);
  VmpClientAnswer answer = { status, (char *) text, json };
  g_autofree char *problem = vmp_client_answer_dup_problem (&answer);

  g_assert_cmpstr (problem, ==, expected);
}

static void
test_problem (void)
{
  assert_problem (404, "{\"detail\":\"node not found\",\"error\":{\"message\":\"There is no node x.\"}}",
                  "There is no node x.");
  assert_problem (404, "{\"detail\":\"node not found\"}", "node not found");
  assert_problem (422, "{\"detail\":[{\"msg\":\"no mode\"},7,{\"msg\":\"no state\"}]}", "no mode; no state");
  assert_problem (400, "{\"error\":{\"message\":\"a\\u001b[2Jb\\u202e\"}}", "a\357\277\275[2Jb\357\277\275");
  assert_problem (500, "{\"detail\":7,\"error\":\"x\"}", "The gateway answered with status 500.");
  assert_problem (502, "<html>", "The gateway answered with status 502.");
  assert_problem (502, "{\"detail\":[]}", "The gateway answered with status 502.");
}

/* -- Events -------------------------------------------------------------------------------- */

typedef struct {
  GString *seen;   /* "id type data|" for each */
  guint wanted;
} Follower;

static gboolean
event_cb (gpointer    user_data,
          const char *id,
          const char *type,
          const char *data)
{
  Follower *self = user_data;

  g_string_append_printf (self->seen, "%s %s %s|", id, type, data);

  return --self->wanted > 0;
}

static void
test_follow (Fixture      *fixture,
             gconstpointer data)
{
  g_autoptr (VmpClient) client = new_client (fixture, NULL, "secret", no_env);
  g_autoptr (GString) seen = g_string_new (NULL);
  Follower follower = { seen, 5 };
  g_autoptr (StubRequest) request = NULL;
  g_autofree char *last = NULL;
  g_autofree char *accept = NULL;
  g_autofree char *authorization = NULL;
  g_autoptr (GError) error = NULL;

  stub_gateway_answer_stream (fixture->gateway);
  stub_gateway_send (fixture->gateway, ": hello\n\nid: a-1\nevent: node\ndata: {}\n\n");
  stub_gateway_send (fixture->gateway, "id:a-2\r\nevent:share\r\ndata:one\r\ndata:  two\r\n\r");
  stub_gateway_send (fixture->gateway, "\ndata\n\n");
  stub_gateway_send (fixture->gateway, "event: nothing\n\nretry: 5\nda");
  stub_gateway_send (fixture->gateway, "ta: half\n\nid: a-3\ndata: end\n\ndata: unseen\n\n");
  g_assert_true (vmp_client_follow (client, "a-0", event_cb, &follower, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (seen->str, ==, "a-1 node {}|a-2 share one\n two|a-2 message |a-2 message half|a-3 message end|");

  request = stub_gateway_take (fixture->gateway);
  last = stub_request_dup_header (request, "Last-Event-ID");
  accept = stub_request_dup_header (request, "Accept");
  authorization = stub_request_dup_header (request, "Authorization");
  g_assert_cmpstr (request->target, ==, "/vampire/v1/events");
  g_assert_cmpstr (last, ==, "a-0");
  g_assert_cmpstr (accept, ==, "text/event-stream");
  g_assert_cmpstr (authorization, ==, "Bearer secret");
}

static void
test_follow_ends (Fixture      *fixture,
                  gconstpointer data)
{
  g_autoptr (VmpClient) client = new_client (fixture, NULL, NULL, no_env);
  g_autoptr (GString) seen = g_string_new (NULL);
  Follower follower = { seen, 5 };
  g_autoptr (GError) error = NULL;

  stub_gateway_answer_stream (fixture->gateway);
  stub_gateway_send (fixture->gateway, "data: 1\n\ndata: half");
  stub_gateway_send (fixture->gateway, NULL);
  g_assert_false (vmp_client_follow (client, NULL, event_cb, &follower, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED);
  g_assert_cmpstr (seen->str, ==, " message 1|");
}

static void
test_follow_refused (Fixture      *fixture,
                     gconstpointer data)
{
  g_autoptr (VmpClient) client = new_client (fixture, NULL, NULL, no_env);
  g_autoptr (GString) seen = g_string_new (NULL);
  Follower follower = { seen, 1 };
  g_autoptr (GError) error = NULL;

  stub_gateway_answer (fixture->gateway, 409, "{\"error\":{\"message\":\"Too many readers.\"}}");
  g_assert_false (vmp_client_follow (client, NULL, event_cb, &follower, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_FAILED);
  g_assert_cmpstr (error->message, ==, "Too many readers.");
}

static void
test_follow_too_long (Fixture      *fixture,
                      gconstpointer data)
{
  g_autoptr (VmpClient) client = new_client (fixture, NULL, NULL, no_env);
  g_autoptr (GString) seen = g_string_new (NULL);
  g_autofree char *long_line = g_strnfill (VMP_LIMIT_CLIENT_EVENT_BYTES + 1, 'x');
  Follower follower = { seen, 1 };
  g_autoptr (GError) error = NULL;

  stub_gateway_answer_stream (fixture->gateway);
  stub_gateway_send (fixture->gateway, long_line);
  g_assert_false (vmp_client_follow (client, NULL, event_cb, &follower, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE);
  g_assert_cmpstr (seen->str, ==, "");
}

/* Asking while following: the stream keeps its connection, and nothing on it is lost. */
typedef struct {
  VmpClient *client;
  guint n_asked;
} Asker;

static gboolean
asking_event_cb (gpointer    user_data,
                 const char *id,
                 const char *type,
                 const char *data)
{
  Asker *self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (VmpClientAnswer) answer = vmp_client_ask (self->client, "GET", "/vampire/v1/status", NULL, &error);

  g_assert_no_error (error);
  g_assert_cmpuint (answer->status, ==, 200);

  return ++self->n_asked < 3;
}

static void
test_follow_and_ask (Fixture      *fixture,
                     gconstpointer data)
{
  g_autoptr (VmpClient) client = new_client (fixture, NULL, NULL, no_env);
  Asker asker = { client, 0 };
  g_autoptr (GError) error = NULL;

  stub_gateway_answer_stream (fixture->gateway);
  for (guint i = 0; i < 3; i++)
    stub_gateway_answer (fixture->gateway, 200, "{}");
  stub_gateway_send (fixture->gateway, "data: 1\n\ndata: 2\n\n");
  stub_gateway_send (fixture->gateway, "data: 3\n\n");
  g_assert_true (vmp_client_follow (client, NULL, asking_event_cb, &asker, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (asker.n_asked, ==, 3);
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);

#define ADD(path, function) g_test_add (path, Fixture, NULL, set_up, function, tear_down)
  ADD ("/client/find/running", test_find_running);
  ADD ("/client/find/settings", test_find_by_settings);
  ADD ("/client/find/named", test_find_named);
  ADD ("/client/find/everywhere", test_find_everywhere);
  ADD ("/client/find/bad-file", test_find_bad_file);
  ADD ("/client/token/file", test_token_of_file);
  ADD ("/client/token/in-the-clear", test_token_in_the_clear);
  ADD ("/client/token/named", test_token_named);
  ADD ("/client/token/settings", test_token_of_settings);
  ADD ("/client/token/not-redirected", test_token_not_redirected);
  g_test_add_func ("/client/path", test_path);
  ADD ("/client/ask", test_ask);
  ADD ("/client/large-answer", test_large_answer);
  ADD ("/client/unreachable", test_unreachable);
  g_test_add_func ("/client/problem", test_problem);
  ADD ("/client/follow/events", test_follow);
  ADD ("/client/follow/ends", test_follow_ends);
  ADD ("/client/follow/refused", test_follow_refused);
  ADD ("/client/follow/too-long", test_follow_too_long);
  ADD ("/client/follow/and-ask", test_follow_and_ask);

  return g_test_run ();
}
