/* SPDX-License-Identifier: MIT
 *
 * `vampire discover`: has the gateway look for nodes. A scan of a network is a job of the gateway's that is followed by
 * its events until it ends, and cancelled when this program is interrupted. --watch goes on following.
 */

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/vmp-cli-call.h"
#include "cli/vmp-cli-events.h"
#include "cli/vmp-cli-nodes.h"
#include "cli/vmp-cli-print.h"
#include "cli/vmp-cli.h"
#include "core/vmp-text.h"

#define DISCOVER "/vampire/v1/discover"
#define JOBS DISCOVER "/jobs/"

/* No event has this id, so the stream begins with `reset`: the sign that from there on nothing is missed. */
#define NO_EVENT "none-0"

#define LINE_CHARS 300

/* Back to the beginning of the terminal's line, which is then empty. */
#define CLEAR_LINE "\r\033[K"

static const int default_ports[] = { 1234, 11434, 8080, 8000, 5000, 5001, 4891, 1337 };

#define DEFAULT_TIMEOUT_MS 1500

typedef struct {
  const VmpCliArgs *args;
  VmpClient *client;
  char *job;         /* its id, while it is awaited */
  gboolean asked;
  gboolean watches;
  gboolean shows_progress;
  int status;
} Discovery;

static void
discovery_clear (Discovery *self)
{
  g_clear_pointer (&self->client, vmp_client_free);
  g_free (self->job);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Discovery, discovery_clear)

/* -- The question -------------------------------------------------------------------------- */

static gboolean
is_scan (const VmpCliArgs *args)
{
  g_autofree const char **methods = vmp_cli_args_flags (args, "method");

  return g_strv_contains (methods, "lan_scan");
}

static void
add_ports (JsonBuilder      *body,
           const VmpCliArgs *args)
{
  g_autofree const char **ports = vmp_cli_args_flags (args, "port");

  json_builder_set_member_name (body, "ports");
  json_builder_begin_array (body);
  for (gsize i = 0; ports[i] != NULL; i++)
    json_builder_add_int_value (body, g_ascii_strtoll (ports[i], NULL, 10));
  for (gsize i = 0; ports[0] == NULL && i < G_N_ELEMENTS (default_ports); i++)
    json_builder_add_int_value (body, default_ports[i]);
  json_builder_end_array (body);
}

/* Always with all six keys. (transfer full) */
static JsonNode *
make_request (const VmpCliArgs *args)
{
  static const char * const default_methods[] = { "local", NULL };
  g_autoptr (JsonBuilder) body = vmp_cli_body_new ();
  g_autofree const char **methods = vmp_cli_args_flags (args, "method");
  g_autofree const char **subnets = vmp_cli_args_flags (args, "subnet");
  g_autofree const char **base_urls = vmp_cli_args_flags (args, "base-url");
  const char *timeout = vmp_cli_args_flag (args, "timeout-ms");

  vmp_json_add_strings (body, "methods", methods[0] != NULL ? methods : (const char **) default_methods);
  vmp_json_add_strings (body, "subnets", subnets);
  add_ports (body, args);
  vmp_json_add_int (body, "timeout_ms", timeout != NULL ? g_ascii_strtoll (timeout, NULL, 10) : DEFAULT_TIMEOUT_MS);
  vmp_json_add_boolean (body, "trusted_only", vmp_cli_args_flag (args, "trusted-only") != NULL);
  vmp_json_add_strings (body, "base_urls", base_urls);
  if (is_scan (args))
    vmp_json_add_boolean (body, "background", TRUE);

  return vmp_cli_body_end (body);
}

static char *
show_found (JsonNode *answer,
            guint     columns)
{
  JsonArray *nodes = vmp_cli_list (answer, "nodes");

  if (nodes == NULL || json_array_get_length (nodes) == 0)
    return g_strdup ("Nothing was found. On the computer that should be found, LM Studio's server must be on, and "
                     "\"Serve on Local Network\" too.\n");

  return vmp_cli_nodes_table (nodes, columns);
}

/* -- A job --------------------------------------------------------------------------------- */

/* @job: the job, or the event of it, which says as much about this */
static void
show_progress (Discovery  *self,
               JsonObject *job)
{
  JsonObject *progress = vmp_json_get_object (job, "progress");
  gint64 found = 0;
  gint64 done = 0;
  gint64 total = 0;

  if (!self->shows_progress || progress == NULL)
    return;

  vmp_json_get_int (job, "found", &found);
  vmp_json_get_int (progress, "done", &done);
  vmp_json_get_int (progress, "total", &total);
  fprintf (stderr, CLEAR_LINE "Asked %" G_GINT64_FORMAT " of %" G_GINT64_FORMAT " addresses, "
           "found %" G_GINT64_FORMAT ".", done, total, found);
  fflush (stderr);
}

static gboolean
is_running (JsonObject *job)
{
  return g_strcmp0 (vmp_json_get_string (job, "state"), "running") == 0;
}

static void
clear_progress (Discovery *self)
{
  if (self->shows_progress)
    fputs (CLEAR_LINE, stderr);
}

/* Whether there is more to wait for. */
static gboolean
goes_on (Discovery *self)
{
  return self->job != NULL || (self->watches && self->status == VMP_EXIT_DONE);
}

/* Looks at a job: prints it when it has ended. */
static void
take_job (Discovery       *self,
          VmpClientAnswer *answer)
{
  JsonObject *job = answer->json != NULL && JSON_NODE_HOLDS_OBJECT (answer->json)
                      ? json_node_get_object (answer->json)
                      : NULL;

  if (job != NULL && answer->status / 100 == 2 && is_running (job))
    {
      show_progress (self, job);
      return;
    }

  clear_progress (self);
  g_clear_pointer (&self->job, g_free);
  self->status = vmp_cli_print_answer (self->args, answer, show_found);
}

static void
look_at_job (Discovery *self)
{
  g_autofree char *path = vmp_client_path (JOBS, self->job, NULL);
  g_autoptr (VmpClientAnswer) answer = vmp_cli_ask (self->args, self->client, "GET", path, NULL);

  if (answer != NULL)
    {
      take_job (self, answer);
      return;
    }

  g_clear_pointer (&self->job, g_free);
  self->status = VMP_EXIT_FAILED;
}

/* What the thread that waits for an interruption needs. */
typedef struct {
  const VmpCliArgs *args;
  char *job;
  sigset_t signals;
} Interruption;

/* Ends the job and then us. It has a client of its own, for the other one is busy in its thread. */
static gpointer
await_interruption (gpointer data)
{
  Interruption *self = data;
  g_autofree char *path = vmp_client_path (JOBS, self->job, NULL);
  g_autoptr (VmpClient) client = NULL;
  g_autoptr (VmpClientAnswer) answer = NULL;
  int number;
  int status;

  sigwait (&self->signals, &number);
  client = vmp_cli_connect (self->args, &status);
  if (client != NULL)
    answer = vmp_cli_ask (self->args, client, "DELETE", path, NULL);

  _exit (128 + number);
}

/* From here on SIGINT and SIGTERM cancel the job. */
static void
cancel_when_interrupted (Discovery *self)
{
  Interruption *interruption = g_new0 (Interruption, 1);

  interruption->args = self->args;
  interruption->job = g_strdup (self->job);
  sigemptyset (&interruption->signals);
  sigaddset (&interruption->signals, SIGINT);
  sigaddset (&interruption->signals, SIGTERM);
  pthread_sigmask (SIG_BLOCK, &interruption->signals, NULL);

  /* It lives as long as the program. */
  g_thread_unref (g_thread_new ("interruption", await_interruption, interruption));
}

/* -- Following ----------------------------------------------------------------------------- */

static void
ask (Discovery *self)
{
  g_autoptr (VmpClientAnswer) answer = vmp_cli_ask (self->args, self->client, "POST", DISCOVER,
                                                    make_request (self->args));
  JsonObject *job;
  const char *id = NULL;

  self->asked = TRUE;
  if (answer == NULL)
    {
      self->status = VMP_EXIT_FAILED;
      return;
    }

  if (answer->status == 202 && answer->json != NULL && JSON_NODE_HOLDS_OBJECT (answer->json))
    {
      job = json_node_get_object (answer->json);
      id = vmp_json_get_string (job, "id");
    }
  if (id != NULL)
    {
      self->job = g_strdup (id);
      cancel_when_interrupted (self);
      take_job (self, answer);
      return;
    }

  self->status = vmp_cli_print_answer (self->args, answer, show_found);
}

/* A line about something that happened, for people or for programs. @data: an object */
static void
print_event (Discovery  *self,
             const char *id,
             const char *type,
             JsonNode   *data)
{
  static const char * const names[] = { "change", "id", "status", "approval", "base_url" };
  g_autoptr (GString) text = g_string_new (type);
  g_autofree char *plain = NULL;
  g_autofree char *line = NULL;

  if (vmp_cli_people (self->args) == 0)
    {
      line = vmp_cli_event_line (id, type, data);
      self->status = vmp_cli_print (line);
      return;
    }

  for (gsize i = 0; i < G_N_ELEMENTS (names); i++)
    {
      const char *value = vmp_json_get_string (json_node_get_object (data), names[i]);

      if (value != NULL)
        g_string_append_printf (text, "  %s", value);
    }
  plain = vmp_text_display (text->str, LINE_CHARS);
  line = g_strconcat (plain, "\n", NULL);
  self->status = vmp_cli_print (line);
}

/* What became of the job that is awaited. @event: of the stream */
static void
take_job_event (Discovery  *self,
                JsonObject *event)
{
  const char *id = vmp_json_get_string (event, "id");

  if (id != NULL && !g_str_equal (id, self->job))
    return;

  if (id != NULL && is_running (event))
    show_progress (self, event);
  else
    look_at_job (self);
}

static gboolean
event_cb (gpointer    user_data,
          const char *id,
          const char *type,
          const char *data)
{
  Discovery *self = user_data;
  g_autoptr (JsonNode) node = NULL;
  JsonObject *event;

  if (!self->asked)
    {
      if (g_str_equal (type, "reset"))
        ask (self);
      return !self->asked || goes_on (self);
    }

  node = vmp_json_parse (data, strlen (data), NULL);
  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
    return TRUE;
  event = json_node_get_object (node);

  if (self->job != NULL && g_str_equal (type, "reset"))
    {
      look_at_job (self);
    }
  else if (self->job != NULL && g_str_equal (type, "discovery"))
    {
      take_job_event (self, event);
    }
  else if (self->watches && (g_str_equal (type, "node") || g_str_equal (type, "approval")))
    {
      clear_progress (self);
      print_event (self, id, type, node);
    }

  return goes_on (self);
}

static int
run_discover (const VmpCliArgs *args)
{
  g_auto (Discovery) self = {
    .args = args,
    .watches = vmp_cli_args_flag (args, "watch") != NULL,
    .shows_progress = vmp_cli_args_flag (args, "json") == NULL && isatty (STDERR_FILENO),
    .status = VMP_EXIT_FAILED,
  };
  g_autoptr (GError) error = NULL;

  self.client = vmp_cli_connect (args, &self.status);
  if (self.client == NULL)
    return self.status;

  if (!self.watches && !is_scan (args))
    {
      ask (&self);
      return self.status;
    }

  if (!vmp_client_follow (self.client, NO_EVENT, event_cb, &self, &error))
    {
      clear_progress (&self);
      return vmp_cli_say_unreachable (args, error);
    }

  return self.status;
}

/* -- The table ----------------------------------------------------------------------------- */

static const VmpCliFlag flags[] = {
  { "method", "local|static|lan_scan|mdns", .repeated = TRUE,
    .help = "Where to look: the known ports of this computer (the default); the nodes that are known; every address of "
            "the networks of this computer; or what announces itself on the network." },
  { "subnet", "CIDR", .repeated = TRUE, .help = "A network for lan_scan, such as 192.168.1.0/24." },
  { "port", "N", VMP_CLI_WHOLE, .repeated = TRUE, .help = "A port to try, in place of the eight known ones." },
  { "timeout-ms", "N", VMP_CLI_WHOLE, .help = "Milliseconds to wait for each address, by default 1500." },
  { "trusted-only", NULL, .help = "Show only nodes that are trusted." },
  { "base-url", "URL", .repeated = TRUE, .help = "An address to look at besides." },
  { "watch", NULL, .help = "Then go on, and say what comes, goes and is decided, until interrupted." },
  { NULL }
};

const VmpCliCommand vmp_cli_discover_commands[] = {
  { "", "", "", flags, .run = run_discover },
  { NULL }
};
