/* SPDX-License-Identifier: MIT
 *
 * Tests of the verbs that ask the gateway, from outside: what they ask a stub of it, and what they make of its answers
 * for programs (piped) and for people (on a pseudo-terminal).
 */

#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <pty.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "stub-gateway.h"

typedef struct {
  Fixture base;
  StubGateway *gateway;
} Verbs;

static void
set_up (Verbs        *self,
        gconstpointer data)
{
  g_autofree char *settings = NULL;

  fixture_set_up (&self->base, NULL);
  self->gateway = stub_gateway_new ();
  settings = g_strdup_printf ("[vampire]\nport = %u\n", stub_gateway_get_port (self->gateway));
  fixture_write_file (&self->base, settings);
}

static void
tear_down (Verbs        *self,
           gconstpointer data)
{
  stub_gateway_assert_idle (self->gateway);
  stub_gateway_free (self->gateway);
  fixture_tear_down (&self->base, NULL);
}

/* As a shell would split it, without expanding anything. (transfer full) */
static char **
split (const char *line)
{
  g_autoptr (GError) error = NULL;
  char **argv = NULL;

  g_shell_parse_argv (line, NULL, &argv, &error);
  g_assert_no_error (error);

  return argv;
}

static void
run (Verbs      *self,
     const char *line,
     int         status,
     const char *output,
     const char *errors)
{
  g_auto (GStrv) argv = split (line);

  g_test_message ("vampire %s", line);
  fixture_assert_run (&self->base, (const char * const *) argv, status, output, errors);
}

/* That the next request is this one. @body: (nullable): JSON, whose members may be in any order */
static void
assert_asked (Verbs      *self,
              const char *method,
              const char *target,
              const char *body)
{
  g_autoptr (StubRequest) request = stub_gateway_take (self->gateway);
  g_autoptr (JsonNode) expected = NULL;
  g_autoptr (JsonNode) got = NULL;
  g_autoptr (GError) error = NULL;

  g_test_message ("%s %s %s", request->method, request->target, request->body);
  g_assert_cmpstr (request->method, ==, method);
  g_assert_cmpstr (request->target, ==, target);
  if (body == NULL)
    {
      g_assert_cmpstr (request->body, ==, "");
      return;
    }

  expected = json_from_string (body, &error);
  g_assert_no_error (error);
  got = json_from_string (request->body, &error);
  g_assert_no_error (error);
  if (!json_node_equal (expected, got))
    g_assert_cmpstr (request->body, ==, body);
}

/* -- What is asked ------------------------------------------------------------------------- */

#define DISCOVER(methods, subnets, ports, timeout, trusted, urls) \
  "{\"methods\":[" methods "],\"subnets\":[" subnets "],\"ports\":[" ports "],\"timeout_ms\":" timeout \
  ",\"trusted_only\":" trusted ",\"base_urls\":[" urls "]}"
#define PORTS "1234,11434,8080,8000,5000,5001,4891,1337"

static const struct {
  const char *line;
  const char *method;
  const char *target;
  const char *body;
} calls[] = {
  { "status", "GET", "/vampire/v1/status" },
  { "models", "GET", "/vampire/v1/models" },
  { "models list", "GET", "/vampire/v1/models" },
  { "models unload m", "POST", "/vampire/v1/models/unload", "{\"model\":\"m\"}" },
  { "models unload qwen/qwen3 --node a --force", "POST", "/vampire/v1/models/unload",
    "{\"model\":\"qwen/qwen3\",\"node\":\"a\",\"force\":true}" },
  { "requests", "GET", "/vampire/v1/requests" },
  { "requests --limit 5 --running", "GET", "/vampire/v1/requests?limit=5&state=running" },
  { "requests list --running", "GET", "/vampire/v1/requests?state=running" },
  { "requests cancel a/b", "DELETE", "/vampire/v1/requests/a%2Fb" },
  { "explain req_1?", "GET", "/vampire/v1/traces/req_1%3F" },
  { "metrics", "GET", "/vampire/v1/metrics" },
  { "doctor", "GET", "/vampire/v1/doctor" },

  { "discover", "POST", "/vampire/v1/discover", DISCOVER ("\"local\"", "", PORTS, "1500", "false", "") },
  { "discover --method static --method=mdns --subnet 10.0.0.0/24 --subnet=10.0.1.0/24 --port 1 --port=2 "
    "--timeout-ms 9 --trusted-only --base-url http://a --base-url=http://b", "POST", "/vampire/v1/discover",
    DISCOVER ("\"static\",\"mdns\"", "\"10.0.0.0/24\",\"10.0.1.0/24\"", "1,2", "9", "true",
              "\"http://a\",\"http://b\"") },

  { "nodes", "GET", "/vampire/v1/nodes" },
  { "nodes list", "GET", "/vampire/v1/nodes" },
  { "nodes add a http://a:1", "POST", "/vampire/v1/nodes",
    "{\"id\":\"a\",\"base_url\":\"http://a:1\",\"provider\":\"auto\",\"trusted\":false,\"tags\":[]}" },
  { "nodes add a http://a:1 --provider ollama --name 'The A' --host h --agent-base-url http://b --trusted --tag x "
    "--tag=y", "POST", "/vampire/v1/nodes",
    "{\"id\":\"a\",\"base_url\":\"http://a:1\",\"provider\":\"ollama\",\"name\":\"The A\",\"host\":\"h\","
    "\"agent_base_url\":\"http://b\",\"trusted\":true,\"tags\":[\"x\",\"y\"]}" },
  { "nodes get a", "GET", "/vampire/v1/nodes/a" },
  { "nodes get 'a/b %25 ü?#'", "GET", "/vampire/v1/nodes/a%2Fb%20%2525%20%C3%BC%3F%23" },
  { "nodes get ..", "GET", "/vampire/v1/nodes/%252E%252E" },
  { "nodes get -- --odd", "GET", "/vampire/v1/nodes/--odd" },
  { "nodes delete a/b", "DELETE", "/vampire/v1/nodes/a%2Fb" },
  { "nodes update a", "PATCH", "/vampire/v1/nodes/a", "{}" },
  { "nodes update a --name n --host h --base-url http://b --provider auto --agent-base-url http://c "
    "--status disabled --trusted --tag t --active-requests 1 --queue-depth=2 --tokens-per-second 3.5",
    "PATCH", "/vampire/v1/nodes/a",
    "{\"name\":\"n\",\"host\":\"h\",\"base_url\":\"http://b\",\"provider\":\"auto\",\"agent_base_url\":\"http://c\","
    "\"status\":\"disabled\",\"trusted\":true,\"tags\":[\"t\"],\"active_requests\":1,\"queue_depth\":2,"
    "\"tokens_per_second\":3.5}" },
  { "nodes update a --lmstudio-base-url http://b --untrusted --no-tags", "PATCH", "/vampire/v1/nodes/a",
    "{\"base_url\":\"http://b\",\"trusted\":false,\"tags\":[]}" },
  { "nodes drain a", "PATCH", "/vampire/v1/nodes/a", "{\"status\":\"draining\"}" },
  { "nodes drain a on", "PATCH", "/vampire/v1/nodes/a", "{\"status\":\"draining\"}" },
  { "nodes drain a off", "PATCH", "/vampire/v1/nodes/a", "{\"status\":\"online\"}" },
  { "nodes approve a/b", "POST", "/vampire/v1/nodes/a%2Fb/approve" },
  { "nodes block a", "POST", "/vampire/v1/nodes/a/block" },
  { "nodes forget a", "POST", "/vampire/v1/nodes/a/forget" },
  { "nodes refresh a", "POST", "/vampire/v1/nodes/a/refresh" },
  { "nodes test a", "POST", "/vampire/v1/nodes/a/test" },
  { "nodes token remove a", "DELETE", "/vampire/v1/nodes/a/token" },
  { "nodes token unlock", "POST", "/vampire/v1/keyring/unlock" },

  { "route", "GET", "/vampire/v1/routes" },
  { "route list", "GET", "/vampire/v1/routes" },
  { "route get a/b", "GET", "/vampire/v1/routes/a%2Fb" },
  { "route delete a", "DELETE", "/vampire/v1/routes/a" },
  { "route add r vampire:fast --target n:llama3.2:latest --target=m:x --strategy least_busy --fallback vampire:slow",
    "POST", "/vampire/v1/routes",
    "{\"id\":\"r\",\"virtual_model\":\"vampire:fast\",\"targets\":[{\"node\":\"n\",\"model\":\"llama3.2:latest\"},"
    "{\"node\":\"m\",\"model\":\"x\"}],\"strategy\":\"least_busy\",\"fallback\":\"vampire:slow\",\"constraints\":{}}" },
  { "route add r v --target n:m", "POST", "/vampire/v1/routes",
    "{\"id\":\"r\",\"virtual_model\":\"v\",\"targets\":[{\"node\":\"n\",\"model\":\"m\"}],"
    "\"strategy\":\"round_robin\",\"constraints\":{}}" },
  { "route add r v --target n:m --constraint trusted_only=true --constraint min_context_window=16000 "
    "--constraint max_latency_ms=1.5 --constraint required_capabilities=vision,tools --constraint x=y",
    "POST", "/vampire/v1/routes",
    "{\"id\":\"r\",\"virtual_model\":\"v\",\"targets\":[{\"node\":\"n\",\"model\":\"m\"}],"
    "\"strategy\":\"round_robin\",\"constraints\":{\"trusted_only\":true,\"min_context_window\":16000,"
    "\"max_latency_ms\":1.5,\"required_capabilities\":[\"vision\",\"tools\"],\"x\":\"y\"}}" },
  { "route update a/b --target n:m --strategy residency --fallback v", "PATCH", "/vampire/v1/routes/a%2Fb",
    "{\"strategy\":\"residency\",\"fallback\":\"v\",\"targets\":[{\"node\":\"n\",\"model\":\"m\"}]}" },
  { "route update r --no-fallback", "PATCH", "/vampire/v1/routes/r", "{\"fallback\":null}" },
  { "route test vampire:auto", "POST", "/vampire/v1/routes/preview", "{\"model\":\"vampire:auto\"}" },
  { "route preview m --endpoint embeddings --strategy residency --route r --session s --prompt p "
    "--constraint local_only=true", "POST", "/vampire/v1/routes/preview",
    "{\"model\":\"m\",\"endpoint\":\"embeddings\",\"strategy\":\"residency\",\"route\":\"r\","
    "\"session\":\"s\",\"prompt\":\"p\",\"constraints\":{\"local_only\":true}}" },
  { "route explain a/b", "GET", "/vampire/v1/routes/a%2Fb/explain" },
  { "route strategies", "GET", "/vampire/v1/virtual_models" },

  { "share on", "POST", "/vampire/v1/share", "{\"mode\":\"local\",\"enabled\":true}" },
  { "share off", "POST", "/vampire/v1/share", "{\"mode\":\"off\",\"enabled\":false}" },
  { "share stop", "POST", "/vampire/v1/share", "{\"mode\":\"off\",\"enabled\":false}" },
  { "share family off", "POST", "/vampire/v1/share", "{\"mode\":\"family\",\"enabled\":false}" },
  { "share event on --duration 8h --model m", "POST", "/vampire/v1/share",
    "{\"mode\":\"event\",\"enabled\":true,\"duration\":\"8h\",\"model\":\"m\"}" },
  { "share status", "GET", "/vampire/v1/share" },

  { "keys", "GET", "/vampire/v1/keys" },
  { "keys list", "GET", "/vampire/v1/keys" },
  { "keys create 'class 7b'", "POST", "/vampire/v1/keys", "{\"name\":\"class 7b\"}" },
  { "keys create x --duration 8h", "POST", "/vampire/v1/keys", "{\"name\":\"x\",\"duration\":\"8h\"}" },
  { "keys revoke key-1", "DELETE", "/vampire/v1/keys/key-1" },
};

static void
test_calls (Verbs        *self,
            gconstpointer data)
{
  for (gsize i = 0; i < G_N_ELEMENTS (calls); i++)
    {
      stub_gateway_answer (self->gateway, 200, "{\"ok\":true}");
      run (self, calls[i].line, 0, "{\n  \"ok\": true\n}\n", "");
      assert_asked (self, calls[i].method, calls[i].target, calls[i].body);
    }
}

/* -- What is refused ----------------------------------------------------------------------- */

static const struct {
  const char *line;
  const char *errors;
} mistakes[] = {
  { "status extra", "vampire: \"vampire status\" takes no words after it, and there is more.\n" },
  { "status --frobnicate",
    "vampire: There is no flag --frobnicate for \"vampire status\"; see \"vampire help status\".\n" },
  { "status --jsno", "vampire: There is no flag --jsno for \"vampire status\"; did you mean --json?\n" },
  { "status --json=yes", "vampire: The flag --json takes no value.\n" },
  { "status --gateway", "vampire: The flag --gateway needs a value: --gateway=URL.\n" },
  { "status --gateway --json", "vampire: The flag --gateway needs a value: --gateway=URL.\n" },
  { "status --gateway localhost",
    "vampire: The gateway must begin with http:// or https://, such as http://localhost:1234.\n" },
  { "nodes lst", "vampire: There is no \"vampire nodes lst\"; did you mean \"vampire nodes list\"?\n" },
  { "nodes dance", "vampire: There is no \"vampire nodes dance\"; see \"vampire help nodes\".\n" },
  { "nodes token rmove a",
    "vampire: There is no \"vampire nodes token\"; did you mean \"vampire nodes token remove\"?\n" },
  { "nodes add a", "vampire: \"vampire nodes add\" needs BASE_URL: vampire nodes add ID BASE_URL\n" },
  { "nodes get a b", "vampire: \"vampire nodes get\" takes only ID, and there is more.\n" },
  { "nodes list --trusted", "vampire: There is no flag --trusted for \"vampire nodes list\"; "
    "see \"vampire help nodes\".\n" },
  { "nodes add a b --trustd", "vampire: There is no flag --trustd for \"vampire nodes\"; did you mean --trusted?\n" },
  { "nodes update a --trusted --untrusted", "vampire: --trusted and --untrusted contradict each other.\n" },
  { "nodes update a --tag=x --no-tags", "vampire: --tag and --no-tags contradict each other.\n" },
  { "nodes update a --queue-depth x", "vampire: The flag --queue-depth needs a whole number.\n" },
  { "nodes update a --tokens-per-second nan", "vampire: The flag --tokens-per-second needs a number.\n" },
  { "nodes drain a maybe", "vampire: \"vampire nodes drain\" does not know \"maybe\"; it must be on or off.\n" },
  { "models laod m", "vampire: There is no \"vampire models laod\"; did you mean \"vampire models load\"?\n" },
  { "models load", "vampire: \"vampire models load\" needs MODEL: vampire models load MODEL\n" },
  { "models load m --context-length all", "vampire: The flag --context-length needs a whole number.\n" },
  { "explain", "vampire: \"vampire explain\" needs ID: vampire explain ID\n" },
  { "requests --limit few", "vampire: The flag --limit needs a whole number.\n" },
  { "discover --method lan", "vampire: The flag --method must be local, static, lan_scan or mdns.\n" },
  { "discover --port http", "vampire: The flag --port needs a whole number.\n" },
  { "route add r v", "vampire: \"vampire route add\" needs at least one --target=NODE:MODEL.\n" },
  { "route add r v --target node", "targets must use node:model\n" },
  { "route add r v --target :m", "targets must use node:model\n" },
  { "route add r v --target n:", "targets must use node:model\n" },
  { "route update r --add-target node", "targets must use node:model\n" },
  { "route update r --fallback v --no-fallback", "vampire: --fallback and --no-fallback contradict each other.\n" },
  { "route test m --constraint trusted_only",
    "vampire: The flag --constraint needs KEY=VALUE, such as trusted_only=true.\n" },
  { "route test m --endpoint images",
    "vampire: The flag --endpoint must be chat, completions, responses or embeddings.\n" },
  { "share", "vampire: \"vampire share\" needs on, off, local, personal, family, business, event, stop or status: "
    "vampire share on|off|local|personal|family|business|event|stop|status [on|off]\n" },
  { "share everybody", "vampire: \"vampire share\" does not know \"everybody\"; it must be on, off, local, personal, "
    "family, business, event, stop or status.\n" },
  { "share off on", "share off/stop do not accept an on/off state\n" },
  { "share stop off", "share off/stop do not accept an on/off state\n" },
  { "keys create", "vampire: \"vampire keys create\" needs NAME: vampire keys create NAME\n" },
  { "config set prt 1", "vampire: There is no setting prt; did you mean port?\n" },
  { "config get frobnicate", "vampire: There is no setting frobnicate; see \"vampire config show\".\n" },
  { "config show --token x",
    "vampire: There is no flag --token for \"vampire config\"; see \"vampire help config\".\n" },

  /* What may be a token is not repeated. */
  { "nodes token set a sesame", "vampire: \"vampire nodes token set\" takes only ID, and there is more.\n" },
  { "config set auth_token sesame",
    "vampire: Other users can see what is on the command line; leave the auth_token out, and type it or pipe it "
    "in.\n" },
};

static void
test_mistakes (Verbs        *self,
               gconstpointer data)
{
  for (gsize i = 0; i < G_N_ELEMENTS (mistakes); i++)
    run (self, mistakes[i].line, 2, "", mistakes[i].errors);
}

/* -- Whom is asked ------------------------------------------------------------------------- */

/* Common flags stand anywhere after the verb, and go over the variable. */
static void
test_gateway_and_token (Verbs        *self,
                        gconstpointer data)
{
  static const char * const lines[] = {
    "nodes --gateway %s --token sesame get a",
    "nodes get --gateway=%s --token=sesame a",
    "nodes get a --token sesame --gateway %s/",
  };
  g_autoptr (StubGateway) other = stub_gateway_new ();

  fixture_set_variable (&self->base, "VAMPIRE_TOKEN", "variable");
  for (gsize i = 0; i < G_N_ELEMENTS (lines); i++)
    {
      g_auto (GStrv) parts = g_strsplit (lines[i], "%s", -1);
      g_autofree char *line = g_strjoinv (stub_gateway_get_url (other), parts);
      g_autoptr (StubRequest) request = NULL;
      g_autofree char *authorization = NULL;

      stub_gateway_answer (other, 200, "{}");
      run (self, line, 0, "{}\n", "");
      request = stub_gateway_take (other);
      authorization = stub_request_dup_header (request, "Authorization");
      g_assert_cmpstr (authorization, ==, "Bearer sesame");
    }
}

static void
test_finds_by_file (Verbs        *self,
                    gconstpointer data)
{
  g_autoptr (StubGateway) running = stub_gateway_new ();
  g_autofree char *folder = g_build_filename (self->base.home, ".local", "share", "vampire", NULL);
  g_autofree char *path = g_build_filename (folder, "gateway.json", NULL);
  g_autofree char *json = g_strdup_printf ("{\"instance\":\"i\",\"pid\":1,\"token\":\"sesame\",\"url\":\"%s\"}",
                                           stub_gateway_get_url (running));
  g_autoptr (StubRequest) request = NULL;
  g_autofree char *authorization = NULL;
  g_autofree char *line = g_strdup_printf ("%s\n", stub_gateway_get_url (running));

  g_assert_cmpint (g_mkdir_with_parents (folder, 0700), ==, 0);
  g_assert_true (g_file_set_contents_full (path, json, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, NULL));
  fixture_set_variable (&self->base, "http_proxy", stub_gateway_get_url (self->gateway));
  stub_gateway_answer (running, 200, "{}");
  run (self, "status", 0, "{}\n", "");
  request = stub_gateway_take (running);
  authorization = stub_request_dup_header (request, "Authorization");
  g_assert_cmpstr (authorization, ==, "Bearer sesame");

  run (self, "dashboard", 0, line, "");
  run (self, "ui", 0, line, "");
  stub_gateway_assert_idle (running);
}

/* The host that it listens on, which only `serve` may judge, keeps nobody from asking. */
static void
test_settings_of_serve (Verbs        *self,
                        gconstpointer data)
{
  g_autofree char *settings = g_strdup_printf ("[vampire]\nhost = 0.0.0.0\nport = %u\n",
                                               stub_gateway_get_port (self->gateway));

  fixture_write_file (&self->base, settings);
  stub_gateway_answer (self->gateway, 200, "{}");
  run (self, "status", 0, "{}\n", "");
  assert_asked (self, "GET", "/vampire/v1/status", NULL);
}

static void
test_unreachable (Verbs        *self,
                  gconstpointer data)
{
  g_autofree char *url = g_strdup (stub_gateway_get_url (self->gateway));
  g_autofree char *named = g_strconcat ("status --gateway ", url, "/", NULL);
  g_autofree char *plain = g_strdup_printf ("Could not reach Vampire gateway at %s: Could not connect to 127.0.0.1: "
                                            "Connection refused\n", url);
  g_autofree char *hinted = g_strconcat (plain, "No gateway runs here. Start it with: vampire serve\n", NULL);

  stub_gateway_free (self->gateway);
  run (self, "status", 1, "", hinted);
  run (self, named, 1, "", plain);
  run (self, "events", 1, "", hinted);
  run (self, "discover --method lan_scan", 1, "", hinted);
  self->gateway = stub_gateway_new ();
}

/* -- What programs see --------------------------------------------------------------------- */

static void
test_json (Verbs        *self,
           gconstpointer data)
{
  stub_gateway_answer (self->gateway, 200,
                       "{\"b\":[],\"a\":{},\"c\":[1,{\"z\":null,\"y\":0.1}],\"B\":1.0,\"big\":9007199254740993,"
                       "\"s\":\"\\\"\\\\\\n\\u001b\\u202e\\ud83e\\udd87\\udb40\\udc01ü\",\"t\":true,\"e\":1e300}");
  run (self, "status", 0,
       "{\n"
       "  \"B\": 1.0,\n"
       "  \"a\": {},\n"
       "  \"b\": [],\n"
       "  \"big\": 9007199254740993,\n"
       "  \"c\": [\n"
       "    1,\n"
       "    {\n"
       "      \"y\": 0.1,\n"
       "      \"z\": null\n"
       "    }\n"
       "  ],\n"
       "  \"e\": 1e+300,\n"
       "  \"s\": \"\\\"\\\\\\n\\u001b\\u202e\xf0\x9f\xa6\x87\\udb40\\udc01ü\",\n"
       "  \"t\": true\n"
       "}\n", "");
  assert_asked (self, "GET", "/vampire/v1/status", NULL);
}

static void
test_not_json (Verbs        *self,
               gconstpointer data)
{
  stub_gateway_answer (self->gateway, 200, "hello\n");
  run (self, "status", 0, "{\n  \"body\": \"hello\\n\",\n  \"status_code\": 200\n}\n", "");
  assert_asked (self, "GET", "/vampire/v1/status", NULL);

  stub_gateway_answer (self->gateway, 502, "<html>");
  run (self, "status --json", 1, "{\n  \"body\": \"<html>\",\n  \"status_code\": 502\n}\n",
       "vampire: The gateway answered with status 502.\n");
  assert_asked (self, "GET", "/vampire/v1/status", NULL);
}

static void
test_refusal (Verbs        *self,
              gconstpointer data)
{
  stub_gateway_answer (self->gateway, 404, "{\"detail\":\"node not found\",\"error\":{\"message\":\"No node is a.\"}}");
  run (self, "nodes get a", 1,
       "{\n  \"detail\": \"node not found\",\n  \"error\": {\n    \"message\": \"No node is a.\"\n  }\n}\n",
       "vampire: No node is a.\n");
  assert_asked (self, "GET", "/vampire/v1/nodes/a", NULL);

  stub_gateway_answer (self->gateway, 401, "{}");
  run (self, "status", 1, "{}\n", "vampire: The gateway answered with status 401.\n"
       "Set VAMPIRE_TOKEN to the token of that gateway's owner.\n");
  assert_asked (self, "GET", "/vampire/v1/status", NULL);
}

static void
test_full_disk (Verbs        *self,
                gconstpointer data)
{
  g_subprocess_launcher_set_flags (self->base.launcher, G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_subprocess_launcher_set_stdout_file_path (self->base.launcher, "/dev/full");
  stub_gateway_answer (self->gateway, 200, "{}");
  run (self, "status", 1, NULL, "vampire: The output cannot be written: No space left on device.\n");
  assert_asked (self, "GET", "/vampire/v1/status", NULL);
}

/* -- What people see ----------------------------------------------------------------------- */

/* A terminal of so many columns. @master: (out): our end of it. Returns the program's */
static int
open_terminal (int  columns,
               int *master)
{
  struct winsize size = { .ws_row = 24, .ws_col = columns };
  int slave;

  g_assert_cmpint (openpty (master, &slave, NULL, NULL, &size), ==, 0);
  g_assert_cmpint (fcntl (*master, F_SETFD, FD_CLOEXEC), ==, 0);
  g_assert_cmpint (fcntl (slave, F_SETFD, FD_CLOEXEC), ==, 0);

  return slave;
}

/* All that is written to the terminal until its last user has gone, with plain line ends. (transfer full) */
static char *
read_terminal (int master)
{
  GString *text = g_string_new (NULL);
  char chunk[4096];
  gssize n;

  while ((n = read (master, chunk, sizeof chunk)) > 0 || (n < 0 && errno == EINTR))
    g_string_append_len (text, chunk, MAX (n, 0));
  g_string_replace (text, "\r\n", "\n", 0);

  return g_string_free (text, FALSE);
}

/* Runs with stdout on a terminal. (transfer full) */
static char *
run_on_terminal (Verbs      *self,
                 const char *line,
                 int         columns,
                 int         status,
                 const char *errors)
{
  g_auto (GStrv) argv = split (line);
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *got_errors = NULL;
  char *output;
  int master;
  int slave = open_terminal (columns, &master);

  g_test_message ("vampire %s", line);
  g_subprocess_launcher_set_flags (self->base.launcher, G_SUBPROCESS_FLAGS_STDERR_PIPE);
  g_subprocess_launcher_take_stdout_fd (self->base.launcher, slave);
  process = fixture_spawn (&self->base, (const char * const *) argv);
  g_subprocess_launcher_take_stdout_fd (self->base.launcher, -1);

  output = read_terminal (master);
  g_subprocess_communicate_utf8 (process, NULL, NULL, NULL, &got_errors, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (got_errors, ==, errors);
  g_assert_cmpint (g_subprocess_get_exit_status (process), ==, status);
  close (master);

  return output;
}

static void
assert_on_terminal (Verbs      *self,
                    const char *line,
                    int         columns,
                    const char *answer,
                    const char *expected)
{
  g_autofree char *output = NULL;
  g_autoptr (StubRequest) request = NULL;

  stub_gateway_answer (self->gateway, 200, answer);
  output = run_on_terminal (self, line, columns, 0, "");
  g_assert_cmpstr (output, ==, expected);
  request = stub_gateway_take (self->gateway);
}

static const char nodes_answer[] =
  "{\"data\":[{\"id\":\"studio\",\"status\":\"online\",\"approval\":\"approved\",\"provider\":\"lmstudio\","
  "\"models\":[{},{}],\"base_url\":\"http://10.0.0.1:1234\",\"token\":{\"state\":\"refused\"}},"
  "{\"id\":\"蔵の機械\",\"status\":\"unknown\",\"approval\":\"pending\",\"provider\":null,\"models\":[],"
  "\"base_url\":\"http://e\\u202evil\\u001b[2J\",\"found\":{\"by\":\"mdns\",\"at\":\"eth0\",\"first_seen\":\"T\"}},7]}";

static void
test_nodes_table (Verbs        *self,
                  gconstpointer data)
{
  assert_on_terminal (self, "nodes", 120, nodes_answer,
                      "ID        STATUS   APPROVAL  PROVIDER  MODELS  ADDRESS               REMARK\n"
                      "studio    online   approved  lmstudio  2       http://10.0.0.1:1234  token refused\n"
                      "蔵の機械  unknown  pending   -         0       http://e\357\277\275vil\357\277\275[2J      "
                      "found by mdns, eth0, T\n"
                      "\n1 waits for you to decide: vampire nodes approve ID, or block ID\n");

  /* A narrow terminal takes from the widest first. */
  assert_on_terminal (self, "nodes list", 76, nodes_answer,
                      "ID        STATUS   APPROVAL  PROVIDER  MODELS  ADDRESS         REMARK\n"
                      "studio    online   approved  lmstudio  2       http://10.0.0…  token refused\n"
                      "蔵の機械  unknown  pending   -         0       http://e\357\277\275vil\357\277\275…  found by mdn…\n"
                      "\n1 waits for you to decide: vampire nodes approve ID, or block ID\n");
  assert_on_terminal (self, "nodes", 80, "{\"data\":[]}", "No nodes. Find some with: vampire discover\n");
  assert_on_terminal (self, "nodes", 80, "[]", "No nodes. Find some with: vampire discover\n");
  assert_on_terminal (self, "nodes --json", 80, "{\"data\":[]}", "{\n  \"data\": []\n}\n");
}

/* Members of what there is stay, those that are named change. */
static void
test_route_update (Verbs        *self,
                   gconstpointer data)
{
  static const char route[] = "{\"id\":\"r\",\"targets\":[{\"node\":\"n\",\"model\":\"m\",\"weight\":2},"
                              "{\"node\":\"o\",\"model\":\"m\"}],"
                              "\"constraints\":{\"trusted_only\":true,\"any\":[1]}}";

  stub_gateway_answer (self->gateway, 200, route);
  stub_gateway_answer (self->gateway, 200, "{\"ok\":true}");
  run (self, "route update r --add-target p:x --add-target n:m --remove-target o:m --constraint trusted_only= "
       "--constraint max_queue_depth=4", 0, "{\n  \"ok\": true\n}\n", "");
  assert_asked (self, "GET", "/vampire/v1/routes/r", NULL);
  assert_asked (self, "PATCH", "/vampire/v1/routes/r",
                "{\"targets\":[{\"node\":\"n\",\"model\":\"m\",\"weight\":2},{\"node\":\"p\",\"model\":\"x\"}],"
                "\"constraints\":{\"any\":[1],\"max_queue_depth\":4}}");

  stub_gateway_answer (self->gateway, 404, "{\"detail\":\"route not found\"}");
  run (self, "route update r --add-target p:x", 1, "{\n  \"detail\": \"route not found\"\n}\n",
       "vampire: route not found\n");
  assert_asked (self, "GET", "/vampire/v1/routes/r", NULL);
}

static void
test_plan (Verbs        *self,
           gconstpointer data)
{
  assert_on_terminal (self, "route test v", 80,
                      "{\"model\":\"v\",\"strategy\":\"s\",\"route\":\"r\",\"about\":\"A.\",\"looked_at\":9,"
                      "\"attempts\":[{\"node\":\"a\",\"model\":\"m\",\"readiness\":\"now\",\"scores\":{\"wait_ms\":0}},"
                      "{\"node\":\"b\",\"model\":\"m\",\"readiness\":\"cold\",\"scores\":{\"wait_ms\":5000.2}},3],"
                      "\"candidates\":[{\"node\":\"a\",\"model\":\"m\",\"rejected\":null},"
                      "{\"node\":\"c\",\"model\":null,\"rejected\":\"offline\"},{\"rejected\":\"new\"}]}",
                      "v by s (r): A.\n"
                      "\n"
                      "TRY  NODE  MODEL  READY             BEGINS IN\n"
                      "1    a     m      now               -\n"
                      "2    b     m      after loading it  5000 ms\n"
                      "3    -     -      -                 -\n"
                      "\n"
                      "NOT TRIED  MODEL  BECAUSE\n"
                      "c          -      off\n"
                      "-          -      new\n"
                      "and 6 more\n");
  assert_on_terminal (self, "route explain r", 80, "{\"model\":\"v\",\"problem\":\"Nobody can.\",\"attempts\":[]}",
                      "v\n\nNobody can.\n");
  assert_on_terminal (self, "route explain r", 80, "[]", "\n");
}

static void
test_other_tables (Verbs        *self,
                   gconstpointer data)
{
  fixture_set_variable (&self->base, "TZ", "UTC");
  assert_on_terminal (self, "models", 80,
                      "{\"data\":[{\"node\":\"a\",\"model\":\"qwen/qwen3\",\"kind\":\"llm\",\"loaded\":true,"
                      "\"context_window\":4096,\"quantization\":\"Q4_K_M\",\"size_bytes\":8200000000},{}]}",
                      "MODEL       NODE  KIND  LOADED  CONTEXT  QUANTIZATION  SIZE\n"
                      "qwen/qwen3  a     llm   yes     4096     Q4_K_M        8.2 GB\n"
                      "-           -     -     -       -        -             -\n");
  assert_on_terminal (self, "metrics", 80,
                      "{\"cluster\":{\"nodes_online\":1},\"nodes\":[{\"node\":\"a\",\"health\":\"online\","
                      "\"active_requests\":2,\"requests_total\":1,\"errors_total\":0,\"avg_latency_ms\":1.234}]}",
                      "NAME          VALUE\n"
                      "nodes_online  1\n"
                      "\n"
                      "NODE  HEALTH  ACTIVE  REQUESTS  ERRORS  LATENCY MS\n"
                      "a     online  2       1         0       1.234\n");
  assert_on_terminal (self, "route", 80,
                      "{\"data\":[{\"id\":\"r\",\"virtual_model\":\"v\",\"strategy\":\"s\",\"fallback\":null,"
                      "\"targets\":[{\"node\":\"n\",\"model\":\"m:1\"},{\"node\":\"o\",\"model\":\"m\"},{},3]}]}",
                      "ID  VIRTUAL MODEL  STRATEGY  FALLBACK  TARGETS\n"
                      "r   v              s         -         n:m:1, o:m\n");
  assert_on_terminal (self, "keys", 80,
                      "{\"data\":[{\"id\":\"key-0123456789abcdef\",\"name\":\"7b\",\"hint\":\"abcd\","
                      "\"created_at\":\"2026-11-22T03:43:43.273Z\",\"expires_at\":\"soon\",\"last_used_at\":null,"
                      "\"requests\":3}]}",
                      "ID                    NAME  LAST LETTERS  CREATED           EXPIRES  LAST USED\n"
                      "key-0123456789abcdef  7b    abcd          2026-11-22 03:43  soon     -\n");
  assert_on_terminal (self, "keys", 120,
                      "{\"data\":[{\"id\":\"k\",\"created_at\":\"2026-11-22T03:43:43.273Z\"}]}",
                      "ID  NAME  LAST LETTERS  CREATED           EXPIRES  LAST USED  REQUESTS\n"
                      "k   -     -             2026-11-22 03:43  -        -          -\n");
  assert_on_terminal (self, "share status", 80,
                      "{\"object\":\"vampire.share\",\"mode\":\"family\",\"enabled\":true,"
                      "\"x\":{\"y\":[1,2],\"z\":[{}]}}",
                      "NAME     VALUE\n"
                      "mode     family\n"
                      "enabled  yes\n"
                      "x.y      1, 2\n"
                      "x.z      1\n");
  assert_on_terminal (self, "discover", 80, "{\"nodes\":[]}",
                      "Nothing was found. On the computer that should be found, LM Studio's server must be on, and "
                      "\"Serve on Local Network\" too.\n");
}

/* The key itself is never cut, however narrow the terminal is. */
static void
test_new_key (Verbs        *self,
              gconstpointer data)
{
  assert_on_terminal (self, "keys create x", 20,
                      "{\"id\":\"key-1\",\"key\":\"vmp_0123456789012345678901234567890123456789012\"}",
                      "vmp_0123456789012345678901234567890123456789012\n\n"
                      "This is the only time that the key is shown. Clients send it as their API key.\n");
}

static void
test_refusal_on_terminal (Verbs        *self,
                          gconstpointer data)
{
  g_autofree char *output = NULL;

  stub_gateway_answer (self->gateway, 404, "{\"detail\":\"node not found\"}");
  output = run_on_terminal (self, "nodes get a", 80, 1, "vampire: node not found\n");
  g_assert_cmpstr (output, ==, "");
  assert_asked (self, "GET", "/vampire/v1/nodes/a", NULL);
}

/* -- Doctor -------------------------------------------------------------------------------- */

#define CHECKS \
  "{\"status\":\"problem\",\"checks\":[{\"id\":\"node\",\"title\":\"Node\",\"status\":\"ok\"," \
  "\"message\":\"It answers.\"," \
  "\"remedy\":null},{\"id\":\"keyring\",\"title\":\"Keyring\",\"status\":\"problem\",\"message\":\"It is locked.\"," \
  "\"remedy\":\"Unlock it.\"}]}"

static void
test_doctor (Verbs        *self,
             gconstpointer data)
{
  g_autofree char *output = NULL;

  stub_gateway_answer (self->gateway, 200, CHECKS);
  output = run_on_terminal (self, "doctor", 80, 1, "");
  g_assert_cmpstr (output, ==,
                   "ok       Node\n         It answers.\n"
                   "problem  Keyring\n         It is locked.\n         What to do: Unlock it.\n");
  assert_asked (self, "GET", "/vampire/v1/doctor", NULL);

  g_subprocess_launcher_set_flags (self->base.launcher,
                                   G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE);
  stub_gateway_answer (self->gateway, 200, "{\"checks\":[{\"status\":\"warning\"}],\"status\":\"warning\"}");
  run (self, "doctor", 0, NULL, "");
  assert_asked (self, "GET", "/vampire/v1/doctor", NULL);
}

/* What the gateway cannot say because it is not there. */
static void
test_doctor_alone (Verbs        *self,
                   gconstpointer data)
{
  g_autofree char *unreachable = NULL;
  g_autofree char *unsettled = NULL;

  stub_gateway_free (self->gateway);
  unreachable = run_on_terminal (self, "doctor", 80, 1, "");
  self->gateway = stub_gateway_new ();
  g_assert_true (g_str_has_prefix (unreachable, "problem  Gateway\n         Could not reach Vampire gateway at "));
  g_assert_nonnull (strstr (unreachable, "What to do: Start the gateway with \"vampire serve\"."));

  fixture_write_file (&self->base, "[vampire]\nprot = 1\n");
  unsettled = run_on_terminal (self, "doctor", 80, 1, "");
  g_assert_true (g_str_has_prefix (unsettled, "problem  Settings\n         The key prot in "));
}

/* -- Secrets ------------------------------------------------------------------------------- */

static void
test_token_from_pipe (Verbs        *self,
                      gconstpointer data)
{
  static const struct {
    const char *input;
    int status;
    const char *errors;
  } inputs[] = {
    { "se same\n", 0, "" },
    { "se same\r\n", 0, "" },
    { "se same", 0, "" },
    { "", 2, "vampire: No token was given; type it, or pipe it in.\n" },
    { "\n", 2, "vampire: No token was given; type it, or pipe it in.\n" },
    { "two\nlines\n", 2, "vampire: The token must be one line without control characters.\n" },
    { "\377", 2, "vampire: The token must be UTF-8 text.\n" },
  };
  g_autofree char *much = g_strnfill (10000, 'x');

  g_subprocess_launcher_set_flags (self->base.launcher, G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                   G_SUBPROCESS_FLAGS_STDERR_PIPE);
  for (gsize i = 0; i <= G_N_ELEMENTS (inputs); i++)
    {
      gboolean is_much = i == G_N_ELEMENTS (inputs);
      const char *input = is_much ? much : inputs[i].input;
      g_autoptr (GSubprocess) process = fixture_spawn (&self->base, ARGS ("nodes", "token", "set", "a/b"));
      g_autoptr (GBytes) bytes = g_bytes_new (input, strlen (input));
      g_autoptr (GBytes) errors = NULL;
      g_autofree char *text = NULL;

      if (!is_much && inputs[i].status == 0)
        stub_gateway_answer (self->gateway, 200, "{}");

      /* It may have refused before all was written. */
      g_subprocess_communicate (process, bytes, NULL, NULL, &errors, NULL);
      g_subprocess_wait (process, NULL, NULL);
      g_assert_cmpint (g_subprocess_get_exit_status (process), ==, is_much ? 2 : inputs[i].status);
      if (is_much)
        continue;

      text = g_bytes_get_size (errors) > 0 ? g_strndup (g_bytes_get_data (errors, NULL), g_bytes_get_size (errors))
                                           : g_strdup ("");
      g_assert_cmpstr (text, ==, inputs[i].errors);
      if (inputs[i].status == 0)
        assert_asked (self, "PUT", "/vampire/v1/nodes/a%2Fb/token", "{\"token\":\"se same\"}");
    }
}

/* Reads from a terminal until a text has come. */
static void
wait_for_prompt (int         master,
                 const char *wanted)
{
  g_autoptr (GString) text = g_string_new (NULL);

  while (strstr (text->str, wanted) == NULL)
    {
      char chunk[256];
      gssize n = read (master, chunk, sizeof chunk);

      g_assert_cmpint (n, >, 0);
      g_string_append_len (text, chunk, n);
    }
}

static GSubprocess *
spawn_at_terminal (Verbs              *self,
                   const char * const *args,
                   int                *master)
{
  int slave = open_terminal (80, master);
  GSubprocess *process;

  /* Ours, so that the terminal can be looked at after the program has left it. */
  g_subprocess_launcher_set_flags (self->base.launcher, G_SUBPROCESS_FLAGS_STDOUT_PIPE);
  g_subprocess_launcher_take_stdin_fd (self->base.launcher, fcntl (slave, F_DUPFD_CLOEXEC, 3));
  g_subprocess_launcher_take_stderr_fd (self->base.launcher, slave);
  process = fixture_spawn (&self->base, args);

  return process;
}

static gboolean
echoes (int master)
{
  struct termios mode;

  g_assert_cmpint (tcgetattr (master, &mode), ==, 0);

  return (mode.c_lflag & ECHO) != 0;
}

static void
test_token_from_terminal (Verbs        *self,
                          gconstpointer data)
{
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *output = NULL;
  g_autofree char *rest = NULL;
  int master;

  stub_gateway_answer (self->gateway, 200, "{}");
  process = spawn_at_terminal (self, ARGS ("nodes", "token", "set", "a"), &master);
  wait_for_prompt (master, "Token of node a (not shown): ");
  g_assert_false (echoes (master));
  g_assert_cmpint (write (master, "sesame\n", 7), ==, 7);
  g_subprocess_communicate_utf8 (process, NULL, NULL, &output, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_subprocess_get_exit_status (process), ==, 0);
  g_assert_true (echoes (master));
  assert_asked (self, "PUT", "/vampire/v1/nodes/a/token", "{\"token\":\"sesame\"}");

  g_subprocess_launcher_take_stdin_fd (self->base.launcher, -1);
  g_subprocess_launcher_take_stderr_fd (self->base.launcher, -1);
  rest = read_terminal (master);
  g_assert_null (strstr (rest, "sesame"));
  close (master);
}

/* Whoever gives up gets the terminal back as it was. */
static void
test_token_interrupted (Verbs        *self,
                        gconstpointer data)
{
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GError) error = NULL;
  int master;

  process = spawn_at_terminal (self, ARGS ("nodes", "token", "set", "a"), &master);
  wait_for_prompt (master, "(not shown): ");
  g_assert_false (echoes (master));
  g_subprocess_send_signal (process, SIGINT);
  g_subprocess_wait (process, NULL, &error);
  g_assert_no_error (error);
  g_assert_true (g_subprocess_get_if_signaled (process));
  g_assert_cmpint (g_subprocess_get_term_sig (process), ==, SIGINT);
  g_assert_true (echoes (master));
  close (master);
}

/* -- Events -------------------------------------------------------------------------------- */

static void
test_events (Verbs        *self,
             gconstpointer data)
{
  g_autofree char *ended = g_strdup_printf ("vampire: The gateway at %s ended the stream of events.\n",
                                            stub_gateway_get_url (self->gateway));
  g_autoptr (StubRequest) request = NULL;
  g_autofree char *last = NULL;

  stub_gateway_answer_stream (self->gateway);
  stub_gateway_send (self->gateway,
                     "id: i-1\nevent: node\ndata: {\"b\":[1],\"a\":\"\\u001b\"}\n\n"
                     "id: i-2\nevent: share\ndata: {}\n\n"
                     "id: i-3\nevent: reset\ndata: {}\n\n"
                     "id: i-4\nevent: key\ndata: no json\n\n"
                     "id: i-5\nevent: key\ndata: {}\n\n");
  stub_gateway_send (self->gateway, NULL);
  run (self, "events --type node --type=key --since i-0", 1,
       "{\"data\": {\"a\": \"\\u001b\", \"b\": [1]}, \"id\": \"i-1\", \"type\": \"node\"}\n"
       "{\"data\": {}, \"id\": \"i-3\", \"type\": \"reset\"}\n"
       "{\"data\": {}, \"id\": \"i-5\", \"type\": \"key\"}\n", ended);

  request = stub_gateway_take (self->gateway);
  last = stub_request_dup_header (request, "Last-Event-ID");
  g_assert_cmpstr (request->target, ==, "/vampire/v1/events");
  g_assert_cmpstr (last, ==, "i-0");

  stub_gateway_answer (self->gateway, 409, "{\"error\":{\"message\":\"Too many read.\"}}");
  run (self, "events", 1, "", "vampire: Too many read.\n");
  assert_asked (self, "GET", "/vampire/v1/events", NULL);
}

/* -- Discovery that takes its time --------------------------------------------------------- */

#define RESET "id: i-0\nevent: reset\ndata: {}\n\n"
#define JOB(state, done) \
  "{\"id\":\"job-1\",\"state\":\"" state "\",\"progress\":{\"done\":" done ",\"total\":254},\"found\":0}"
#define JOB_EVENT(json) "event: discovery\ndata: " json "\n\n"
#define SCAN_BODY \
  "{\"methods\":[\"lan_scan\"],\"subnets\":[],\"ports\":[" PORTS "],\"timeout_ms\":1500,\"trusted_only\":false," \
  "\"base_urls\":[],\"background\":true}"

/* It follows before it asks, so that the job's end cannot be missed. */
static void
test_scan (Verbs        *self,
           gconstpointer data)
{
  stub_gateway_answer_stream (self->gateway);
  stub_gateway_send (self->gateway, RESET);
  stub_gateway_answer (self->gateway, 202, JOB ("running", "0"));
  stub_gateway_send (self->gateway, JOB_EVENT (JOB ("running", "100"))
                     "event: discovery\ndata: {\"id\":\"job-2\",\"state\":\"done\"}\n\n"
                     JOB_EVENT (JOB ("done", "254")));
  stub_gateway_answer (self->gateway, 200, "{\"state\":\"done\",\"nodes\":[]}");
  run (self, "discover --method lan_scan", 0, "{\n  \"nodes\": [],\n  \"state\": \"done\"\n}\n", "");
  assert_asked (self, "GET", "/vampire/v1/events", NULL);
  assert_asked (self, "POST", "/vampire/v1/discover", SCAN_BODY);
  assert_asked (self, "GET", "/vampire/v1/discover/jobs/job-1", NULL);
}

static void
test_scan_refused (Verbs        *self,
                   gconstpointer data)
{
  g_autoptr (StubRequest) request = NULL;

  stub_gateway_answer_stream (self->gateway);
  stub_gateway_send (self->gateway, RESET);
  stub_gateway_answer (self->gateway, 400, "{\"detail\":\"invalid subnet 'x': no\"}");
  run (self, "discover --method lan_scan --watch", 1, "{\n  \"detail\": \"invalid subnet 'x': no\"\n}\n",
       "vampire: invalid subnet 'x': no\n");
  assert_asked (self, "GET", "/vampire/v1/events", NULL);
  request = stub_gateway_take (self->gateway);
}

/* With progress for a person, and cancelled by an interruption. */
static void
test_scan_interrupted (Verbs        *self,
                       gconstpointer data)
{
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GError) error = NULL;
  int master;
  int slave = open_terminal (80, &master);

  stub_gateway_answer_stream (self->gateway);
  stub_gateway_send (self->gateway, RESET);
  stub_gateway_answer (self->gateway, 202, JOB ("running", "0"));
  g_subprocess_launcher_set_flags (self->base.launcher, G_SUBPROCESS_FLAGS_STDOUT_PIPE);
  g_subprocess_launcher_take_stderr_fd (self->base.launcher, slave);
  process = fixture_spawn (&self->base, ARGS ("discover", "--method", "lan_scan"));
  wait_for_prompt (master, "Asked 0 of 254 addresses, found 0.");
  stub_gateway_send (self->gateway, JOB_EVENT (JOB ("running", "100")));
  wait_for_prompt (master, "\r\033[KAsked 100 of 254 addresses, found 0.");
  assert_asked (self, "GET", "/vampire/v1/events", NULL);
  assert_asked (self, "POST", "/vampire/v1/discover", SCAN_BODY);

  stub_gateway_answer (self->gateway, 200, "{}");
  g_subprocess_send_signal (process, SIGINT);
  g_subprocess_wait (process, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_subprocess_get_exit_status (process), ==, 128 + SIGINT);
  assert_asked (self, "DELETE", "/vampire/v1/discover/jobs/job-1", NULL);
  close (master);
}

static void
test_watch (Verbs        *self,
            gconstpointer data)
{
  g_autofree char *ended = g_strdup_printf ("vampire: The gateway at %s ended the stream of events.\n",
                                            stub_gateway_get_url (self->gateway));
  g_autofree char *output = NULL;

  for (guint i = 0; i < 2; i++)
    {
      stub_gateway_answer_stream (self->gateway);
      stub_gateway_send (self->gateway, "id: i-0\nevent: node\ndata: {\"id\":\"too early\"}\n\n" RESET);
      stub_gateway_answer (self->gateway, 200, "{\"nodes\":[]}");
      stub_gateway_send (self->gateway,
                         "id: i-1\nevent: node\ndata: {\"id\":\"a\\u001b\",\"change\":\"added\","
                         "\"status\":\"online\"}\n\n"
                         "id: i-2\nevent: metric\ndata: {}\n\n"
                         "id: i-3\nevent: approval\ndata: {\"id\":\"a\"}\n\n");
      stub_gateway_send (self->gateway, NULL);

      if (i == 0)
        run (self, "discover --method mdns --watch", 1,
             "{\n  \"nodes\": []\n}\n"
             "{\"data\": {\"change\": \"added\", \"id\": \"a\\u001b\", \"status\": \"online\"}, \"id\": \"i-1\", "
             "\"type\": \"node\"}\n"
             "{\"data\": {\"id\": \"a\"}, \"id\": \"i-3\", \"type\": \"approval\"}\n", ended);
      else
        output = run_on_terminal (self, "discover --method mdns --watch", 80, 1, ended);

      assert_asked (self, "GET", "/vampire/v1/events", NULL);
      assert_asked (self, "POST", "/vampire/v1/discover",
                    DISCOVER ("\"mdns\"", "", PORTS, "1500", "false", ""));
    }

  g_assert_true (g_str_has_prefix (output, "Nothing was found."));
  g_assert_true (g_str_has_suffix (output, "\nnode  added  a\357\277\275  online\napproval  a\n"));
}

/* -- Loading models ------------------------------------------------------------------------ */

#define LOADING(node, model) \
  "{\"object\":\"vampire.load\",\"node\":\"" node "\",\"model\":\"" model "\",\"status\":\"loading\"}"
#define LOAD_EVENT(node, model, state, rest) \
  "event: load\ndata: {\"node\":\"" node "\",\"model\":\"" model "\",\"state\":\"" state "\"" rest "}\n\n"

/* It follows before it asks, and waits for the load of its own. */
static void
test_load (Verbs        *self,
           gconstpointer data)
{
  stub_gateway_answer_stream (self->gateway);
  stub_gateway_send (self->gateway, LOAD_EVENT ("a", "m", "loaded", "") RESET);
  stub_gateway_answer (self->gateway, 202, LOADING ("a", "m"));
  stub_gateway_send (self->gateway, LOAD_EVENT ("b", "m", "loaded", "") LOAD_EVENT ("a", "n", "failed", "")
                     LOAD_EVENT ("a", "m", "progress", ",\"progress\":0.5")
                     LOAD_EVENT ("a", "m", "loaded", ",\"duration_ms\":3250"));
  run (self, "models load m --node a --context-length 8192", 0,
       "{\n  \"load_time_seconds\": 3.25,\n  \"model\": \"m\",\n  \"node\": \"a\",\n"
       "  \"object\": \"vampire.load\",\n  \"status\": \"loaded\"\n}\n", "");
  assert_asked (self, "GET", "/vampire/v1/events", NULL);
  assert_asked (self, "POST", "/vampire/v1/models/load",
                "{\"model\":\"m\",\"node\":\"a\",\"context_length\":8192,\"wait\":false}");
}

static void
test_load_failed (Verbs        *self,
                  gconstpointer data)
{
  g_autoptr (StubRequest) request = NULL;

  stub_gateway_answer_stream (self->gateway);
  stub_gateway_send (self->gateway, RESET);
  stub_gateway_answer (self->gateway, 202, LOADING ("a", "m"));
  stub_gateway_send (self->gateway, LOAD_EVENT ("a", "m", "failed", ",\"reason\":\"Out of\\u001b memory.\""));
  run (self, "models load m", 1, "", "vampire: Out of\357\277\275 memory.\n");
  assert_asked (self, "GET", "/vampire/v1/events", NULL);
  assert_asked (self, "POST", "/vampire/v1/models/load", "{\"model\":\"m\",\"wait\":false}");

  stub_gateway_send (self->gateway, NULL);
  stub_gateway_answer_stream (self->gateway);
  stub_gateway_send (self->gateway, RESET);
  stub_gateway_answer (self->gateway, 400, "{\"error\":{\"message\":\"Say which: a, b.\"}}");
  run (self, "models load m", 1, NULL, "vampire: Say which: a, b.\n");
  assert_asked (self, "GET", "/vampire/v1/events", NULL);
  request = stub_gateway_take (self->gateway);
}

/* When events were missed, it asks anew, and is told that the model is there. */
static void
test_load_missed (Verbs        *self,
                  gconstpointer data)
{
  g_autofree char *output = NULL;

  stub_gateway_answer_stream (self->gateway);
  stub_gateway_send (self->gateway, RESET);
  stub_gateway_answer (self->gateway, 202, LOADING ("a", "m"));
  stub_gateway_send (self->gateway, RESET);
  stub_gateway_answer (self->gateway, 200, "{\"node\":\"a\",\"model\":\"m\",\"status\":\"loaded\","
                       "\"load_time_seconds\":null}");
  output = run_on_terminal (self, "models load m", 80, 0, "");
  g_assert_cmpstr (output, ==, "m is loaded on a.\n");
  assert_asked (self, "GET", "/vampire/v1/events", NULL);
  assert_asked (self, "POST", "/vampire/v1/models/load", "{\"model\":\"m\",\"wait\":false}");
  assert_asked (self, "POST", "/vampire/v1/models/load", "{\"model\":\"m\",\"wait\":false}");
}

static void
test_load_progress (Verbs        *self,
                    gconstpointer data)
{
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GError) error = NULL;
  int master;
  int slave = open_terminal (80, &master);

  stub_gateway_answer_stream (self->gateway);
  stub_gateway_send (self->gateway, RESET);
  stub_gateway_answer (self->gateway, 202, LOADING ("a", "m"));
  g_subprocess_launcher_set_flags (self->base.launcher, G_SUBPROCESS_FLAGS_STDOUT_PIPE);
  g_subprocess_launcher_take_stderr_fd (self->base.launcher, slave);
  process = fixture_spawn (&self->base, ARGS ("models", "load", "m"));
  wait_for_prompt (master, "Loading m");
  stub_gateway_send (self->gateway, LOAD_EVENT ("a", "m", "progress", ",\"progress\":0.42"));
  wait_for_prompt (master, "Loading m: 42 %");
  stub_gateway_send (self->gateway, LOAD_EVENT ("a", "m", "loaded", ",\"duration_ms\":1"));
  g_subprocess_wait (process, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpint (g_subprocess_get_exit_status (process), ==, 0);
  assert_asked (self, "GET", "/vampire/v1/events", NULL);
  assert_asked (self, "POST", "/vampire/v1/models/load", "{\"model\":\"m\",\"wait\":false}");
  close (master);
}

/* -- Requests ------------------------------------------------------------------------------ */

#define REQUESTS \
  "[{\"id\":\"req_2\",\"model\":\"vampire:auto\",\"node\":\"a\",\"outcome\":null,\"status\":null," \
  "\"duration_ms\":1234.5,\"first_event_ms\":null,\"completion_tokens\":null," \
  "\"received_at\":\"2026-11-22T03:43:43.273Z\"}," \
  "{\"id\":\"req_1\",\"model\":\"m\\u001b\",\"node\":null,\"outcome\":\"done\",\"status\":200," \
  "\"duration_ms\":12.3,\"first_event_ms\":0.42,\"completion_tokens\":7," \
  "\"received_at\":\"2026-11-22T03:43:43.273Z\"}," \
  "{\"id\":\"req_0\",\"outcome\":\"client gone\"},7]"

#define REQUESTS_TABLE \
  "REQUEST  STATE        MODEL         NODE  TIME   FIRST   TOKENS  RECEIVED\n" \
  "req_2    running      vampire:auto  a     1.2 s  -       -       2026-11-22 03:43\n" \
  "req_1    200          m\357\277\275            -     12 ms  0.4 ms  7       2026-11-22 03:43\n" \
  "req_0    client gone  -             -     -      -       -       -\n"

static void
test_requests (Verbs        *self,
               gconstpointer data)
{
  fixture_set_variable (&self->base, "TZ", "UTC");
  assert_on_terminal (self, "requests", 100, "{\"data\":" REQUESTS "}", REQUESTS_TABLE);
  assert_on_terminal (self, "requests", 100, "{\"data\":[]}", "No requests.\n");
  assert_on_terminal (self, "requests cancel a", 100, "{\"id\":\"a\",\"status\":\"cancelled\"}", "Cancelled.\n");
  assert_on_terminal (self, "requests cancel a", 100, "{\"id\":\"a\",\"status\":\"ended\"}", "It was over before.\n");
}

static void
test_explain (Verbs        *self,
              gconstpointer data)
{
  fixture_set_variable (&self->base, "TZ", "UTC");
  assert_on_terminal (self, "explain req_1", 80,
                      "{\"id\":\"req_1\",\"object\":\"vampire.trace\","
                      "\"request\":{\"endpoint\":\"/v1/chat/completions\",\"model\":\"vampire:auto\\u001b\","
                      "\"stream\":true,\"client_key\":\"key-1\"},"
                      "\"routing\":{\"route\":\"auto\",\"strategy\":\"model_affinity\",\"fallbacks\":1,"
                      "\"plan\":{\"candidates\":["
                      "{\"node\":\"a\",\"model\":\"m\",\"rejected\":null,\"loaded\":true,\"active\":1},"
                      "{\"node\":\"b\",\"model\":\"m\",\"rejected\":null},"
                      "{\"node\":\"c\",\"model\":null,\"rejected\":\"context_window_too_small\"},7]}},"
                      "\"timing\":{\"received_at\":\"2026-11-22T03:43:43.273Z\",\"latency_ms\":1500,"
                      "\"planning_ms\":0.2,\"queued_ms\":0,\"loading_ms\":900,\"first_event_ms\":1000},"
                      "\"stages\":[{\"node\":\"a\",\"model\":\"m\",\"status\":\"failed\",\"asked_ms\":0.3,"
                      "\"latency_ms\":3,\"http_status\":503,\"reason\":\"answered with status 503\"},"
                      "{\"node\":\"b\",\"model\":\"m\",\"status\":\"completed\",\"asked_ms\":4,\"latency_ms\":1496,"
                      "\"http_status\":200,\"load\":true,\"continued\":true,\"reason\":null}],"
                      "\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":20,\"tokens_per_second\":40},"
                      "\"result\":{\"status\":200,\"outcome\":\"done\",\"problem\":null}}",
                      "Request req_1, 2026-11-22 03:43\n"
                      "  Asked for    vampire:auto\357\277\275 at /v1/chat/completions, as a stream, by key key-1\n"
                      "  Decided by   route auto, model_affinity\n"
                      "               after 1 had stood aside\n"
                      "  Looked at    4\n"
                      "    a, m: fit, loaded, 1 under way\n"
                      "    b, m: fit, not loaded, 0 under way\n"
                      "    c: not tried: too little context\n"
                      "  Attempts\n"
                      "    1. a, m: asked after 0.3 ms, failed after 3.0 ms more, status 503: answered with "
                      "status 503\n"
                      "    2. b, m: asked after 4.0 ms, completed after 1.5 s more, status 200, had to load the model, "
                      "went on where the one before broke off\n"
                      "  Ended        done, status 200\n"
                      "  Took         1.5 s, planned within 0.2 ms, waited 900 ms for a load, first event after 1.0 s\n"
                      "  Tokens       10 in, 20 out, 40.0 per second\n");

  /* One that runs, and of which less is known than a newer gateway would say. */
  assert_on_terminal (self, "explain req_1", 80, "{\"id\":\"req_1\"}",
                      "Request req_1, -\n"
                      "  Asked for    - at -\n"
                      "  Decided by   route -, -\n"
                      "  Looked at    what the plan was made of is not kept any more\n"
                      "  Attempts     none\n"
                      "  Ended        not yet: it runs\n"
                      "  Took         -\n");
  assert_on_terminal (self, "explain req_1", 80, "[]",
                      "Request -, -\n"
                      "  Asked for    - at -\n"
                      "  Decided by   route -, -\n"
                      "  Looked at    what the plan was made of is not kept any more\n"
                      "  Attempts     none\n"
                      "  Ended        not yet: it runs\n"
                      "  Took         -\n");
}

/* -- The live table ------------------------------------------------------------------------ */

#define METRICS(active) \
  "{\"object\":\"vampire.metrics\",\"cluster\":{\"nodes_online\":1,\"nodes_offline\":2," \
  "\"active_requests\":" active ",\"queue_depth\":3,\"loads_in_flight\":1,\"tokens_per_second\":42.25}," \
  "\"models\":[{\"model\":\"m\",\"nodes\":2,\"requests_1h\":9,\"active_requests\":1,\"queued\":3," \
  "\"avg_tokens_per_second\":30.06,\"avg_ttft_ms\":250},{\"model\":\"idle\",\"nodes\":1,\"requests_1h\":0}]," \
  "\"nodes\":[{\"node\":\"a\",\"status\":\"online\",\"active_requests\":1,\"slots\":4,\"tokens_per_second\":31," \
  "\"avg_latency_ms\":20,\"requests_total\":9,\"errors_total\":1},{\"node\":\"b\",\"slots\":null}]}"

static void
answer_top (Verbs      *self,
            const char *metrics)
{
  stub_gateway_answer (self->gateway, 200, metrics);
  stub_gateway_answer (self->gateway, 200, "{\"data\":" REQUESTS "}");
}

static void
assert_top_asked (Verbs *self)
{
  assert_asked (self, "GET", "/vampire/v1/metrics", NULL);
  assert_asked (self, "GET", "/vampire/v1/requests?limit=20", NULL);
}

static void
test_top_once (Verbs        *self,
               gconstpointer data)
{
  g_autofree char *output = NULL;

  /* Into a pipe it is both documents. */
  stub_gateway_answer (self->gateway, 200, "{\"cluster\":{}}");
  stub_gateway_answer (self->gateway, 200, "{\"data\":[]}");
  run (self, "top", 0, "{\n  \"metrics\": {\n    \"cluster\": {}\n  },\n  \"requests\": []\n}\n", "");
  assert_top_asked (self);

  stub_gateway_answer (self->gateway, 401, "{\"error\":{\"message\":\"No.\"}}");
  run (self, "top --once", 1, NULL, "vampire: No.\nSet VAMPIRE_TOKEN to the token of that gateway's owner.\n");
  assert_asked (self, "GET", "/vampire/v1/metrics", NULL);

  fixture_set_variable (&self->base, "TZ", "UTC");
  answer_top (self, METRICS ("1"));
  output = run_on_terminal (self, "top --once", 100, 0, "");
  g_assert_cmpstr (output, ==,
                   "Nodes: 1 online, 2 offline; 1 requests under way, 3 waiting, 1 loads; 42.2 tokens per second\n"
                   "\n"
                   "NODE  STATUS  BUSY  TOKENS/S  LATENCY  REQUESTS  ERRORS\n"
                   "a     online  1/4   31.0      20 ms    9         1\n"
                   "b     -       0     -         -        -         -\n"
                   "\n"
                   "MODEL  NODES  BUSY  WAITING  LAST HOUR  TOKENS/S  FIRST TOKEN\n"
                   "m      2      1     3        9          30.1      250 ms\n"
                   "\n"
                   REQUESTS_TABLE);
  assert_top_asked (self);
}

/* It is drawn anew with the next event, and the terminal is given back as it was, however it ends. */
static void
test_top_live (Verbs        *self,
               gconstpointer data)
{
  for (guint i = 0; i < 2; i++)
    {
      g_autoptr (GSubprocess) process = NULL;
      g_autoptr (GError) error = NULL;
      int master;
      int slave = open_terminal (100, &master);

      stub_gateway_answer_stream (self->gateway);
      stub_gateway_send (self->gateway, RESET);
      answer_top (self, METRICS ("1"));
      g_subprocess_launcher_set_flags (self->base.launcher, G_SUBPROCESS_FLAGS_STDERR_PIPE);
      g_subprocess_launcher_take_stdin_fd (self->base.launcher, fcntl (slave, F_DUPFD_CLOEXEC, 3));
      g_subprocess_launcher_take_stdout_fd (self->base.launcher, slave);
      process = fixture_spawn (&self->base, ARGS ("top"));
      wait_for_prompt (master, "\033[?1049h\033[?25l\033[HNodes: 1 online, 2 offline; 1 requests");
      wait_for_prompt (master, "client gone");
      g_assert_false (echoes (master));
      answer_top (self, METRICS ("12"));
      stub_gateway_send (self->gateway, "event: metric\ndata: {}\n\n");
      wait_for_prompt (master, "\033[HNodes: 1 online, 2 offline; 12 requests under way");

      if (i == 0)
        g_assert_cmpint (write (master, "q", 1), ==, 1);
      else
        g_subprocess_send_signal (process, SIGINT);
      wait_for_prompt (master, "\033[?1049l");
      g_subprocess_wait (process, NULL, &error);
      g_assert_no_error (error);
      g_assert_cmpint (g_subprocess_get_exit_status (process), ==, 0);
      g_assert_true (echoes (master));
      assert_asked (self, "GET", "/vampire/v1/events", NULL);
      assert_top_asked (self);
      assert_top_asked (self);
      stub_gateway_send (self->gateway, NULL);
      g_subprocess_launcher_take_stdin_fd (self->base.launcher, -1);
      g_subprocess_launcher_take_stdout_fd (self->base.launcher, -1);
      close (master);
    }
}

/* -- Settings ------------------------------------------------------------------------------ */

static void
assert_file (Verbs      *self,
             const char *expected,
             guint       mode)
{
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  GStatBuf status;

  g_file_get_contents (self->base.file, &text, NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (text, ==, expected);
  g_assert_cmpint (g_stat (self->base.file, &status), ==, 0);
  g_assert_cmpuint (status.st_mode & 0777, ==, mode);
}

static void
test_config_set (Verbs        *self,
                 gconstpointer data)
{
  g_autofree char *answer = g_strdup_printf ("{\n  \"file\": \"%s\",\n  \"key\": \"log_level\",\n"
                                             "  \"needs_restart\": false\n}\n", self->base.file);
  g_autofree char *restart = g_strdup_printf ("{\n  \"file\": \"%s\",\n  \"key\": \"port\",\n"
                                              "  \"needs_restart\": true\n}\n", self->base.file);
  g_autofree char *bad = g_strdup_printf ("vampire: The port given by key port in %s is \"x\"; it must be a whole "
                                          "number from 0 to 65535, such as 7777.\n", self->base.file);
  g_autofree char *open = g_strdup_printf ("vampire: The host given by key host in %s is \"0.0.0.0\", which other "
                                           "computers can reach; set VAMPIRE_AUTH_TOKEN to a token that clients must "
                                           "send, or use 127.0.0.1.\n", self->base.file);
  g_autofree char *flag = g_strdup_printf ("vampire: The key demo cannot be set in %s; use --demo or VAMPIRE_DEMO "
                                           "instead.\n", self->base.file);

  fixture_write_file (&self->base, "# Ours\n[vampire]\n\n  port=1 \n# port = 2\nlog_level = info\n\n# The end\n");
  g_assert_cmpint (g_chmod (self->base.file, 0644), ==, 0);

  run (self, "config set log_level warning", 0, answer, "");
  run (self, "config set port 9000", 0, restart, "");
  assert_file (self, "# Ours\n[vampire]\n\nport = 9000\n# port = 2\nlog_level = warning\n\n# The end\n", 0644);

  run (self, "config set default_base_url http://cellar.lan:1234/", 0, NULL, "");
  run (self, "config set log_level ''", 0, NULL, "");
  assert_file (self, "# Ours\n[vampire]\n\nport = 9000\n# port = 2\n\n# The end\n"
               "default_base_url = http://cellar.lan:1234/\n", 0644);

  /* What would not be taken is not written. */
  run (self, "config set port x", 2, "", bad);
  run (self, "config set host 0.0.0.0", 2, "", open);
  run (self, "config set demo yes", 2, "", flag);
  run (self, "config set port '1\n[evil]'", 2, "", NULL);
  run (self, "config set port", 2, "",
       "vampire: \"vampire config set port\" needs a value; \"\" takes it out of the file.\n");
  assert_file (self, "# Ours\n[vampire]\n\nport = 9000\n# port = 2\n\n# The end\n"
               "default_base_url = http://cellar.lan:1234/\n", 0644);
}

static void
test_config_repairs (Verbs        *self,
                     gconstpointer data)
{
  fixture_write_file (&self->base, "[vampire]\nport = x\nport = y\nhost = 127.0.0.1\n");
  run (self, "config get port", 2, "", NULL);
  run (self, "config set port 9000", 0, NULL, "");
  assert_file (self, "[vampire]\nport = 9000\nhost = 127.0.0.1\n", 0600);

  g_assert_cmpint (g_unlink (self->base.file), ==, 0);
  run (self, "config set data_dir '/a\\b'", 0, NULL, "");
  assert_file (self, "[vampire]\ndata_dir = /a\\\\b\n", 0600);
  run (self, "config get data_dir", 0, "/a\\b\n", "");
}

/* A link to a file elsewhere stays one. */
static void
test_config_link (Verbs        *self,
                  gconstpointer data)
{
  g_autofree char *target = g_build_filename (self->base.home, "dotfile", NULL);

  g_assert_cmpint (g_rename (self->base.file, target), ==, 0);
  g_assert_cmpint (symlink (target, self->base.file), ==, 0);
  run (self, "config set port 9000", 0, NULL, "");
  g_assert_true (g_file_test (self->base.file, G_FILE_TEST_IS_SYMLINK));
  assert_file (self, "[vampire]\nport = 9000\n", 0600);
}

static void
test_config_secret (Verbs        *self,
                    gconstpointer data)
{
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GBytes) token = g_bytes_new_static ("sesame\n", 7);
  g_autofree char *shown = NULL;

  fixture_write_file (&self->base, "[vampire]\n");
  g_assert_cmpint (g_chmod (self->base.file, 0644), ==, 0);
  g_subprocess_launcher_set_flags (self->base.launcher, G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE |
                                   G_SUBPROCESS_FLAGS_STDERR_PIPE);
  process = fixture_spawn (&self->base, ARGS ("config", "set", "auth_token"));
  g_assert_true (g_subprocess_communicate (process, token, NULL, NULL, NULL, NULL));
  g_assert_cmpint (g_subprocess_get_exit_status (process), ==, 0);
  assert_file (self, "[vampire]\nauth_token = sesame\n", 0600);

  run (self, "config get auth_token", 0, "(set)\n", "");
  shown = fixture_run_for_output (&self->base, ARGS ("config", "show"));
  g_assert_null (strstr (shown, "sesame"));

  run (self, "config set auth_token ''", 0, NULL, "");
  run (self, "config get auth_token", 0, "\n", "");
}

static void
test_config_show (Verbs        *self,
                  gconstpointer data)
{
  g_autofree char *from_file = g_strdup_printf ("{\n  \"key\": \"port\",\n  \"source\": \"key port in %s\",\n"
                                                "  \"value\": \"%u\"\n}\n", self->base.file,
                                                stub_gateway_get_port (self->gateway));
  g_autofree char *json = NULL;
  g_autofree char *table = NULL;

  run (self, "config get port --json", 0, from_file, "");
  fixture_set_variable (&self->base, "VAMPIRE_PORT", "8000");
  run (self, "config get port", 0, "8000\n", "");

  json = fixture_run_for_output (&self->base, ARGS ("config"));
  g_assert_nonnull (strstr (json, "    {\n      \"key\": \"port\",\n      \"source\": \"VAMPIRE_PORT\",\n"
                            "      \"value\": \"8000\"\n    }"));
  g_assert_nonnull (strstr (json, "      \"key\": \"auth_token\",\n      \"source\": \"default\",\n"
                            "      \"value\": null\n"));
  table = run_on_terminal (self, "config show", 120, 0, "");
  g_assert_nonnull (strstr (table, "\nport "));
  g_assert_true (g_str_has_prefix (table, "KEY "));
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_assert_nonnull (g_getenv ("VAMPIRE_BIN"));

#define ADD(path, function) g_test_add (path, Verbs, NULL, set_up, function, tear_down)
  ADD ("/verbs/calls", test_calls);
  ADD ("/verbs/mistakes", test_mistakes);
  ADD ("/verbs/gateway/flags", test_gateway_and_token);
  ADD ("/verbs/gateway/file", test_finds_by_file);
  ADD ("/verbs/gateway/settings-of-serve", test_settings_of_serve);
  ADD ("/verbs/gateway/unreachable", test_unreachable);
  ADD ("/verbs/json", test_json);
  ADD ("/verbs/not-json", test_not_json);
  ADD ("/verbs/refusal", test_refusal);
  ADD ("/verbs/full-disk", test_full_disk);
  ADD ("/verbs/terminal/nodes", test_nodes_table);
  ADD ("/verbs/terminal/tables", test_other_tables);
  ADD ("/verbs/terminal/plan", test_plan);
  ADD ("/verbs/routes/update", test_route_update);
  ADD ("/verbs/terminal/new-key", test_new_key);
  ADD ("/verbs/terminal/refusal", test_refusal_on_terminal);
  ADD ("/verbs/doctor/checks", test_doctor);
  ADD ("/verbs/doctor/alone", test_doctor_alone);
  ADD ("/verbs/token/pipe", test_token_from_pipe);
  ADD ("/verbs/token/terminal", test_token_from_terminal);
  ADD ("/verbs/token/interrupted", test_token_interrupted);
  ADD ("/verbs/events", test_events);
  ADD ("/verbs/discover/scan", test_scan);
  ADD ("/verbs/discover/scan-refused", test_scan_refused);
  ADD ("/verbs/discover/scan-interrupted", test_scan_interrupted);
  ADD ("/verbs/discover/watch", test_watch);
  ADD ("/verbs/models/load", test_load);
  ADD ("/verbs/models/load-failed", test_load_failed);
  ADD ("/verbs/models/load-missed", test_load_missed);
  ADD ("/verbs/models/load-progress", test_load_progress);
  ADD ("/verbs/requests/terminal", test_requests);
  ADD ("/verbs/requests/explain", test_explain);
  ADD ("/verbs/top/once", test_top_once);
  ADD ("/verbs/top/live", test_top_live);
  ADD ("/verbs/config/set", test_config_set);
  ADD ("/verbs/config/repairs", test_config_repairs);
  ADD ("/verbs/config/link", test_config_link);
  ADD ("/verbs/config/secret", test_config_secret);
  ADD ("/verbs/config/show", test_config_show);

  return g_test_run ();
}
