/* SPDX-License-Identifier: MIT
 *
 * `vampire top`: a table of nodes, models and requests that is drawn anew whenever something happens. Into a pipe, and
 * with --once, it is shown once.
 */

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "cli/vmp-cli-call.h"
#include "cli/vmp-cli-print.h"
#include "cli/vmp-cli-table.h"
#include "cli/vmp-cli-traces.h"
#include "cli/vmp-cli.h"
#include "core/vmp-hand-over.h"

#define METRICS "/vampire/v1/metrics"
#define REQUESTS "/vampire/v1/requests?limit=20"

/* No event has this id, so the stream begins with `reset`, upon which the table is drawn. */
#define NO_EVENT "none-0"

/* Of the terminal: another screen without a cursor, and back; the upper left corner; the rest of the line, and of the
 * screen, which become empty. */
#define ENTER_SCREEN "\033[?1049h\033[?25l"
#define LEAVE_SCREEN "\033[?25h\033[?1049l"
#define GO_HOME "\033[H"
#define CLEAR_REST_OF_LINE "\033[K"
#define CLEAR_REST "\033[J"

/* Lines of a terminal that does not say how many it has. */
#define LINES 24

/* µs between two drawings: requests come faster than people read. What is left out is drawn with the next event of the
 * counts, which come by themselves. */
#define PAUSE_US (250 * G_TIME_SPAN_MILLISECOND)

typedef struct {
  const VmpCliArgs *args;
  VmpClient *client;
  gint64 drawn;     /* monotonic µs; 0: not yet */
  gboolean is_live; /* the other screen is on */
  int status;
} Top;

/* -- What is shown ------------------------------------------------------------------------- */

static void
add_rate (VmpCliTable *table,
          JsonObject  *object,
          const char  *name)
{
  g_autofree char *text = NULL;
  double rate;

  if (vmp_json_get_double (object, name, &rate))
    text = g_strdup_printf ("%.1f", rate);
  vmp_cli_table_add (table, text);
}

static void
add_duration (VmpCliTable *table,
              JsonObject  *object,
              const char  *name)
{
  g_autofree char *text = vmp_cli_duration (object, name);

  vmp_cli_table_add (table, text);
}

static gint64
get_int (JsonObject *object,
         const char *name)
{
  gint64 value = 0;

  vmp_json_get_int (object, name, &value);

  return value;
}

static void
append_summary (GString    *out,
                JsonObject *cluster)
{
  double rate = 0;

  vmp_json_get_double (cluster, "tokens_per_second", &rate);
  g_string_append_printf (out, "Nodes: %" G_GINT64_FORMAT " online, %" G_GINT64_FORMAT " offline; %" G_GINT64_FORMAT
                          " requests under way, %" G_GINT64_FORMAT " waiting, %" G_GINT64_FORMAT
                          " loads; %.1f tokens per second\n", get_int (cluster, "nodes_online"),
                          get_int (cluster, "nodes_offline"), get_int (cluster, "active_requests"),
                          get_int (cluster, "queue_depth"), get_int (cluster, "loads_in_flight"), rate);
}

static void
append_table (GString     *out,
              VmpCliTable *table,
              guint        columns)
{
  g_autofree char *text = NULL;

  if (vmp_cli_table_count_rows (table) == 0)
    return;

  text = vmp_cli_table_print (table, columns);
  g_string_append_printf (out, "\n%s", text);
}

static void
append_nodes (GString   *out,
              JsonArray *nodes,
              guint      columns)
{
  static const char * const headers[] = { "NODE", "STATUS", "BUSY", "TOKENS/S", "LATENCY", "REQUESTS", "ERRORS", NULL };
  g_autoptr (VmpCliTable) table = vmp_cli_table_new (headers);

  for (guint i = 0; nodes != NULL && i < json_array_get_length (nodes); i++)
    {
      JsonObject *node = vmp_cli_list_object (nodes, i);
      g_autofree char *slots = NULL;
      g_autofree char *busy = NULL;

      if (node == NULL)
        continue;

      slots = vmp_cli_value (node, "slots");
      busy = g_strdup_printf ("%" G_GINT64_FORMAT "%s%s", get_int (node, "active_requests"), slots != NULL ? "/" : "",
                              slots != NULL ? slots : "");
      vmp_cli_add_cell (table, node, "node");
      vmp_cli_add_cell (table, node, "status");
      vmp_cli_table_add (table, busy);
      add_rate (table, node, "tokens_per_second");
      add_duration (table, node, "avg_latency_ms");
      vmp_cli_add_cell (table, node, "requests_total");
      vmp_cli_add_cell (table, node, "errors_total");
    }

  append_table (out, table, columns);
}

/* Those that somebody has used within the hour, or waits for. */
static void
append_models (GString   *out,
               JsonArray *models,
               guint      columns)
{
  static const char * const headers[] = {
    "MODEL", "NODES", "BUSY", "WAITING", "LAST HOUR", "TOKENS/S", "FIRST TOKEN", NULL
  };
  g_autoptr (VmpCliTable) table = vmp_cli_table_new (headers);

  for (guint i = 0; models != NULL && i < json_array_get_length (models); i++)
    {
      JsonObject *model = vmp_cli_list_object (models, i);

      if (model == NULL || (get_int (model, "requests_1h") == 0 && get_int (model, "active_requests") == 0
                            && get_int (model, "queued") == 0))
        continue;
      vmp_cli_add_cell (table, model, "model");
      vmp_cli_add_cell (table, model, "nodes");
      vmp_cli_add_cell (table, model, "active_requests");
      vmp_cli_add_cell (table, model, "queued");
      vmp_cli_add_cell (table, model, "requests_1h");
      add_rate (table, model, "avg_tokens_per_second");
      add_duration (table, model, "avg_ttft_ms");
    }

  append_table (out, table, columns);
}

static char *
show_top (JsonNode *answer,
          guint     columns)
{
  JsonObject *object = json_node_get_object (answer);
  JsonObject *metrics = vmp_json_get_object (object, "metrics");
  g_autofree char *requests = vmp_cli_requests_table (vmp_json_get_array (object, "requests"), columns);
  GString *out = g_string_new (NULL);

  append_summary (out, vmp_json_get_object (metrics, "cluster"));
  append_nodes (out, vmp_json_get_array (metrics, "nodes"), columns);
  append_models (out, vmp_json_get_array (metrics, "models"), columns);
  if (*requests != '\0')
    g_string_append_printf (out, "\n%s", requests);

  return g_string_free (out, FALSE);
}

/* -- Asking -------------------------------------------------------------------------------- */

static void leave_screen (Top *self);

static gboolean
is_good (const VmpClientAnswer *answer)
{
  return answer->status == 200 && answer->json != NULL && JSON_NODE_HOLDS_OBJECT (answer->json);
}

/* NULL after having said what is wrong. (transfer full) */
static VmpClientAnswer *
ask (Top        *self,
     const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmpClientAnswer) answer = vmp_client_ask (self->client, "GET", path, NULL, &error);

  if (answer != NULL && is_good (answer))
    return g_steal_pointer (&answer);

  leave_screen (self);
  self->status = VMP_EXIT_FAILED;
  if (answer == NULL)
    vmp_cli_say_unreachable (self->args, error);
  else if (answer->status != 200)
    vmp_cli_print_answer (self->args, answer, NULL);
  else
    vmp_cli_fail (VMP_EXIT_FAILED, "The gateway answered with something that is not a table.");

  return NULL;
}

/* {"metrics": …, "requests": […]}; NULL after having said what is wrong. (transfer full) */
static VmpClientAnswer *
look (Top *self)
{
  g_autoptr (VmpClientAnswer) metrics = ask (self, METRICS);
  g_autoptr (VmpClientAnswer) requests = metrics != NULL ? ask (self, REQUESTS) : NULL;
  g_autoptr (JsonBuilder) body = NULL;
  VmpClientAnswer *answer;
  JsonNode *list;

  if (requests == NULL)
    return NULL;

  body = vmp_cli_body_new ();
  list = json_object_get_member (json_node_get_object (requests->json), "data");
  json_builder_set_member_name (body, "metrics");
  json_builder_add_value (body, json_node_ref (metrics->json));
  json_builder_set_member_name (body, "requests");
  if (list != NULL && JSON_NODE_HOLDS_ARRAY (list))
    {
      json_builder_add_value (body, json_node_ref (list));
    }
  else
    {
      json_builder_begin_array (body);
      json_builder_end_array (body);
    }

  answer = g_new0 (VmpClientAnswer, 1);
  answer->status = 200;
  answer->json = vmp_cli_body_end (body);

  return answer;
}

/* -- The screen ---------------------------------------------------------------------------- */

/* What has to be put back, whoever ends the program. */
static GMutex screen;
static struct termios former_mode;
static gboolean has_former_mode;

/* GLib's locks are unknown to ThreadSanitizer. */
static void
lock_screen (void)
{
  g_mutex_lock (&screen);
  VMP_TAKE_OVER (&screen);
}

static void
unlock_screen (void)
{
  VMP_HAND_OVER (&screen);
  g_mutex_unlock (&screen);
}

static void
restore_terminal (void)
{
  fputs (LEAVE_SCREEN, stdout);
  fflush (stdout);
  if (has_former_mode)
    tcsetattr (STDIN_FILENO, TCSAFLUSH, &former_mode);
}

static gpointer
await_signal (gpointer data)
{
  const sigset_t *signals = data;
  int number;

  sigwait (signals, &number);
  lock_screen ();
  restore_terminal ();
  _exit (number == SIGINT ? VMP_EXIT_DONE : 128 + number);
}

/* "q" is another way to interrupt. */
static gpointer
await_key (gpointer data)
{
  char key;

  while (read (STDIN_FILENO, &key, 1) == 1)
    {
      if (key == 'q' || key == 'Q')
        kill (getpid (), SIGINT);
    }

  return NULL;
}

static void
read_keys (void)
{
  struct termios mode;

  if (tcgetattr (STDIN_FILENO, &former_mode) != 0)
    return;

  has_former_mode = TRUE;
  mode = former_mode;
  mode.c_lflag &= ~(tcflag_t) (ICANON | ECHO);
  tcsetattr (STDIN_FILENO, TCSAFLUSH, &mode);
  g_thread_unref (g_thread_new ("keys", await_key, NULL));
}

/* With the screen locked, so that a signal that comes meanwhile finds all that it has to put back. */
static void
enter_screen (Top *self)
{
  static sigset_t signals;

  sigemptyset (&signals);
  sigaddset (&signals, SIGINT);
  sigaddset (&signals, SIGTERM);
  sigaddset (&signals, SIGHUP);
  pthread_sigmask (SIG_BLOCK, &signals, NULL);
  g_thread_unref (g_thread_new ("signals", await_signal, &signals));

  self->is_live = TRUE;
  fputs (ENTER_SCREEN, stdout);
  read_keys ();
}

static void
leave_screen (Top *self)
{
  if (!self->is_live)
    return;

  lock_screen ();
  self->is_live = FALSE;
  restore_terminal ();
  unlock_screen ();
}

static guint
count_lines (void)
{
  struct winsize size = { 0 };

  return ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 ? size.ws_row : LINES;
}

/* As much of a text as the screen holds. */
static void
draw_text (const char *text)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  guint n = count_lines ();

  fputs (GO_HOME, stdout);
  for (guint i = 0; lines[i] != NULL && i < n; i++)
    printf ("%s%s" CLEAR_REST_OF_LINE, i > 0 ? "\r\n" : "", lines[i]);
  fputs (CLEAR_REST, stdout);
  fflush (stdout);
}

static void
draw (Top *self)
{
  g_autoptr (VmpClientAnswer) answer = look (self);
  g_autofree char *text = NULL;

  if (answer == NULL)
    return;

  text = show_top (answer->json, vmp_cli_columns ());
  lock_screen ();
  if (!self->is_live)
    enter_screen (self);
  draw_text (text);
  unlock_screen ();
}

/* -- Running it ---------------------------------------------------------------------------- */

static gboolean
event_cb (gpointer    user_data,
          const char *id,
          const char *type,
          const char *data)
{
  Top *self = user_data;
  gint64 now = g_get_monotonic_time ();

  if (self->drawn != 0 && now - self->drawn < PAUSE_US && !g_str_equal (type, "metric"))
    return TRUE;

  self->drawn = now;
  self->status = VMP_EXIT_DONE;
  draw (self);

  return self->status == VMP_EXIT_DONE;
}

static int
show_once (Top *self)
{
  g_autoptr (VmpClientAnswer) answer = look (self);

  return answer != NULL ? vmp_cli_print_answer (self->args, answer, show_top) : self->status;
}

static int
run_top (const VmpCliArgs *args)
{
  Top self = { .args = args, .status = VMP_EXIT_FAILED };
  g_autoptr (VmpClient) client = vmp_cli_connect (args, &self.status);
  g_autoptr (GError) error = NULL;

  self.client = client;
  if (client == NULL)
    return self.status;
  if (vmp_cli_args_flag (args, "once") != NULL || vmp_cli_people (args) == 0)
    return show_once (&self);

  if (!vmp_client_follow (client, NO_EVENT, event_cb, &self, &error))
    {
      leave_screen (&self);
      return vmp_cli_say_unreachable (args, error);
    }

  return self.status;
}

/* -- The table ----------------------------------------------------------------------------- */

static const VmpCliFlag flags[] = {
  { "once", NULL, .help = "Show it once, and end." },
  { NULL }
};

const VmpCliCommand vmp_cli_top_commands[] = {
  { "", "", "", flags, .run = run_top },
  { NULL }
};
