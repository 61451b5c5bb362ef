/* SPDX-License-Identifier: MIT
 *
 * `vampire models …`: what all nodes have, and having a node load a model or give its memory back. A load takes minutes
 * at times, so it is asked for and then followed by the gateway's events until it is over.
 */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/vmp-cli-call.h"
#include "cli/vmp-cli-print.h"
#include "cli/vmp-cli-table.h"
#include "cli/vmp-cli.h"
#include "core/vmp-text.h"

#define MODELS "/vampire/v1/models"

/* No event has this id, so the stream begins with `reset`: the sign that from there on nothing is missed. */
#define NO_EVENT "none-0"

/* Characters of a name, and of a reason, in a line. */
#define NAME_CHARS 200
#define LINE_CHARS 1000

/* Back to the beginning of the terminal's line, which is then empty. */
#define CLEAR_LINE "\r\033[K"

/* What the list names "8.2 GB": powers of ten, as disks and downloads are sold. */
#define BYTES_PER_GB 1e9

/* -- The list ------------------------------------------------------------------------------ */

static char *
show_models (JsonNode *answer,
             guint     columns)
{
  static const char * const headers[] = {
    "MODEL", "NODE", "KIND", "LOADED", "CONTEXT", "QUANTIZATION", "SIZE", NULL
  };
  g_autoptr (VmpCliTable) table = vmp_cli_table_new (headers);
  JsonArray *models = vmp_cli_list (answer, "data");

  for (guint i = 0; models != NULL && i < json_array_get_length (models); i++)
    {
      JsonObject *model = vmp_cli_list_object (models, i);
      g_autofree char *size = NULL;
      double bytes;

      if (model == NULL)
        continue;

      if (vmp_json_get_double (model, "size_bytes", &bytes) && bytes > 0)
        size = g_strdup_printf ("%.1f GB", bytes / BYTES_PER_GB);
      vmp_cli_add_cell (table, model, "model");
      vmp_cli_add_cell (table, model, "node");
      vmp_cli_add_cell (table, model, "kind");
      vmp_cli_add_cell (table, model, "loaded");
      vmp_cli_add_cell (table, model, "context_window");
      vmp_cli_add_cell (table, model, "quantization");
      vmp_cli_table_add (table, size);
    }

  if (vmp_cli_table_count_rows (table) == 0)
    return g_strdup ("No models. See which nodes answer with: vampire nodes\n");

  return vmp_cli_table_print (table, columns);
}

static int
run_list (const VmpCliArgs *args)
{
  return vmp_cli_call (args, "GET", g_strdup (MODELS), NULL, show_models);
}

/* -- Loading ------------------------------------------------------------------------------- */

typedef struct {
  const VmpCliArgs *args;
  VmpClient *client;
  char *node;        /* where it is being loaded, and what; NULL: it is not, or not any more */
  char *model;
  gboolean asked;
  gboolean shows_progress;
  int status;
} Load;

static void
load_clear (Load *self)
{
  g_clear_pointer (&self->client, vmp_client_free);
  g_free (self->node);
  g_free (self->model);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Load, load_clear)

/* "llama is loaded on studio, after 3.2 s." */
static char *
show_load (JsonNode *answer,
           guint     columns)
{
  JsonObject *load = JSON_NODE_HOLDS_OBJECT (answer) ? json_node_get_object (answer) : NULL;
  const char *node = vmp_json_get_string (load, "node");
  const char *model = vmp_json_get_string (load, "model");
  const char *status = vmp_json_get_string (load, "status");
  g_autofree char *text = NULL;
  g_autofree char *plain = NULL;
  double seconds;

  if (node == NULL || model == NULL || status == NULL)
    return vmp_cli_describe (answer, columns);

  text = g_strdup_printf ("%s is %s on %s", model, status, node);
  plain = vmp_text_display (text, 2 * NAME_CHARS);
  if (vmp_json_get_double (load, "load_time_seconds", &seconds))
    return g_strdup_printf ("%s, after %.1f s.\n", plain, seconds);

  return g_strdup_printf ("%s.\n", plain);
}

static void
clear_progress (Load *self)
{
  if (self->shows_progress)
    fputs (CLEAR_LINE, stderr);
}

static void
show_progress (Load       *self,
               JsonObject *event)
{
  g_autofree char *model = NULL;
  double progress;

  if (!self->shows_progress)
    return;

  model = vmp_text_display (self->model, NAME_CHARS);
  fprintf (stderr, CLEAR_LINE "Loading %s", model);
  if (vmp_json_get_double (event, "progress", &progress))
    fprintf (stderr, ": %.0f %%", 100 * progress);
  fflush (stderr);
}

static void
add_names (JsonBuilder      *body,
           const VmpCliArgs *args)
{
  vmp_json_add_string (body, "model", vmp_cli_args_word (args, 0));
  vmp_cli_body_add_flag (body, args, "node", "node");
}

static JsonNode *
make_load_request (const VmpCliArgs *args)
{
  g_autoptr (JsonBuilder) body = vmp_cli_body_new ();
  const char *context_length = vmp_cli_args_flag (args, "context-length");

  add_names (body, args);
  if (context_length != NULL)
    vmp_json_add_int (body, "context_length", g_ascii_strtoll (context_length, NULL, 10));
  vmp_json_add_boolean (body, "wait", FALSE);

  return vmp_cli_body_end (body);
}

/* Asks for the load, or whether it is over by now: both are the same question. */
static void
ask (Load *self)
{
  g_autoptr (VmpClientAnswer) answer = vmp_cli_ask (self->args, self->client, "POST", MODELS "/load",
                                                    make_load_request (self->args));
  JsonObject *load = NULL;

  self->asked = TRUE;
  self->status = VMP_EXIT_FAILED;
  g_clear_pointer (&self->node, g_free);
  g_clear_pointer (&self->model, g_free);
  if (answer == NULL)
    return;

  if (answer->status == 202 && answer->json != NULL && JSON_NODE_HOLDS_OBJECT (answer->json))
    load = json_node_get_object (answer->json);
  if (vmp_json_get_string (load, "node") != NULL && vmp_json_get_string (load, "model") != NULL)
    {
      self->node = g_strdup (vmp_json_get_string (load, "node"));
      self->model = g_strdup (vmp_json_get_string (load, "model"));
      show_progress (self, NULL);
      return;
    }

  clear_progress (self);
  self->status = vmp_cli_print_answer (self->args, answer, show_load);
}

/* As the gateway answers who waits for it. */
static void
print_loaded (Load       *self,
              JsonObject *event)
{
  g_autoptr (JsonBuilder) body = vmp_cli_body_new ();
  g_autoptr (VmpClientAnswer) answer = g_new0 (VmpClientAnswer, 1);
  gint64 duration_ms = 0;

  vmp_json_get_int (event, "duration_ms", &duration_ms);
  vmp_json_add_string (body, "object", "vampire.load");
  vmp_json_add_string (body, "node", self->node);
  vmp_json_add_string (body, "model", self->model);
  vmp_json_add_string (body, "status", "loaded");
  vmp_json_add_double (body, "load_time_seconds", duration_ms / 1000.0);
  answer->status = 200;
  answer->json = vmp_cli_body_end (body);
  self->status = vmp_cli_print_answer (self->args, answer, show_load);
}

static void
take_event (Load       *self,
            JsonObject *event)
{
  const char *state = vmp_json_get_string (event, "state");
  const char *reason = vmp_json_get_string (event, "reason");
  g_autofree char *plain = NULL;

  if (g_strcmp0 (vmp_json_get_string (event, "node"), self->node) != 0
      || g_strcmp0 (vmp_json_get_string (event, "model"), self->model) != 0)
    return;

  if (g_strcmp0 (state, "loaded") != 0 && g_strcmp0 (state, "failed") != 0)
    {
      show_progress (self, event);
      return;
    }

  clear_progress (self);
  if (g_str_equal (state, "loaded"))
    {
      print_loaded (self, event);
    }
  else
    {
      plain = vmp_text_display (reason != NULL ? reason : "The model could not be loaded.", LINE_CHARS);
      self->status = vmp_cli_fail (VMP_EXIT_FAILED, "%s", plain);
    }
  g_clear_pointer (&self->node, g_free);
}

static gboolean
event_cb (gpointer    user_data,
          const char *id,
          const char *type,
          const char *data)
{
  Load *self = user_data;
  g_autoptr (JsonNode) node = NULL;

  if (g_str_equal (type, "reset"))
    {
      ask (self);
    }
  else if (self->asked && g_str_equal (type, "load"))
    {
      node = vmp_json_parse (data, strlen (data), NULL);
      if (node != NULL && JSON_NODE_HOLDS_OBJECT (node))
        take_event (self, json_node_get_object (node));
    }

  return !self->asked || self->node != NULL;
}

static int
run_load (const VmpCliArgs *args)
{
  g_auto (Load) self = {
    .args = args,
    .shows_progress = vmp_cli_args_flag (args, "json") == NULL && isatty (STDERR_FILENO),
    .status = VMP_EXIT_FAILED,
  };
  g_autoptr (GError) error = NULL;

  self.client = vmp_cli_connect (args, &self.status);
  if (self.client == NULL)
    return self.status;

  if (!vmp_client_follow (self.client, NO_EVENT, event_cb, &self, &error))
    {
      clear_progress (&self);
      return vmp_cli_say_unreachable (args, error);
    }

  return self.status;
}

/* -- Unloading ----------------------------------------------------------------------------- */

static int
run_unload (const VmpCliArgs *args)
{
  g_autoptr (JsonBuilder) body = vmp_cli_body_new ();

  add_names (body, args);
  if (vmp_cli_args_flag (args, "force") != NULL)
    vmp_json_add_boolean (body, "force", TRUE);

  return vmp_cli_call (args, "POST", g_strdup (MODELS "/unload"), vmp_cli_body_end (body), show_load);
}

/* -- The table ----------------------------------------------------------------------------- */

static const VmpCliFlag load_flags[] = {
  { "node", "ID", .help = "On this node; needed when several have the model." },
  { "context-length", "N", VMP_CLI_WHOLE, .help = "Tokens of context; as the node has it without." },
  { NULL }
};

static const VmpCliFlag unload_flags[] = {
  { "node", "ID", .help = "On this node; needed when several have the model." },
  { "force", NULL, .help = "Also while it answers." },
  { NULL }
};

const VmpCliCommand vmp_cli_models_commands[] = {
  { "list", "", "List the models of all nodes. The verb alone does the same.", .run = run_list },
  { "load", "MODEL", "Have a node load a model, and wait until it has.", load_flags, .run = run_load },
  { "unload", "MODEL", "Have a node give a model's memory back.", unload_flags, .run = run_unload },
  { NULL }
};
