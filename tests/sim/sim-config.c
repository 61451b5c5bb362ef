/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: the table of its knobs, and setting them by flag and JSON.
 */

#include "sim-config.h"

#include "sim-json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum {
  KNOB_BOOL,
  KNOB_INT,
  KNOB_DOUBLE,
  KNOB_STRING,
  KNOB_STRINGS,
  KNOB_CHOICE
} KnobType;

typedef struct {
  const char *name;     /* NULL: @help is the heading of a section */
  const char *help;
  KnobType type;
  gsize offset;
  double min;
  double max;
  const char *choices;  /* separated by '|', in the order of the enum */
} Knob;

#define AT(field) .offset = G_STRUCT_OFFSET (SimConfig, field)
#define BOOL(field, text) { #field, text, KNOB_BOOL, AT (field) }
#define INT(field, low, high, text) { #field, text, KNOB_INT, AT (field), .min = (low), .max = (high) }
#define DOUBLE(field, high, text) { #field, text, KNOB_DOUBLE, AT (field), .min = 0, .max = (high) }
#define STRING(field, text) { #field, text, KNOB_STRING, AT (field) }
#define STRINGS(field, text) { #field, text, KNOB_STRINGS, AT (field) }
#define CHOICE(field, words, text) { #field, text, KNOB_CHOICE, AT (field), .choices = (words) }

#define MAX_MS (24 * 3600 * 1000.0)

static const Knob knobs[] = {
  { NULL, "The node" },
  STRING (name, "the machine's name, in the log and at the end of answers"),
  STRING (version, "which LM Studio to behave as; decides which surfaces and quirks there are"),
  STRINGS (api_token, "require this bearer token (repeatable; from 0.4.0 on)"),
  BOOL (cors, "answer preflights and send Access-Control-Allow-Origin: *"),
  DOUBLE (keep_alive_ms, MAX_MS, "close a connection that was idle for so long; 0 never"),

  { NULL, "Models" },
  BOOL (jit, "load a model when a request asks for it"),
  BOOL (jit_race, "each request that finds its model not loaded yet loads an instance of its own"),
  DOUBLE (jit_ttl_s, 365 * 24 * 3600.0, "unload a just-in-time model that was idle for so long; 0 never"),
  BOOL (auto_evict, "a just-in-time load unloads the other just-in-time models"),
  BOOL (evict_kills, "eviction does not wait for the answers that are being generated"),
  BOOL (load_fail, "loading a model fails"),
  BOOL (answer_any_model, "with exactly one model loaded, it answers for any name"),
  INT (parallel, 0, 1024, "slots of an instance; 0: 4 for GGUF from 0.4.0 on, else 1"),
  INT (context_length, 16, 16 * 1024 * 1024, "context of an instance in tokens, unless its load says other"),
  CHOICE (download, "ok|paused|failed", "what becomes of a download"),

  { NULL, "Answers" },
  DOUBLE (ttft_ms, MAX_MS, "time before the first token"),
  DOUBLE (prompt_ms_per_token, 60000, "and this for each token of the prompt"),
  DOUBLE (tokens_per_second, 1e6, "of one stream; 0: as fast as the client reads"),
  DOUBLE (load_ms, MAX_MS, "time to load a model"),
  DOUBLE (download_ms, MAX_MS, "time to download a model"),
  INT (answer_tokens, 0, 10000000, "length of an answer in tokens; 0: what the text needs"),
  BOOL (deterministic, "the same request gets the same bytes: ids, dates and texts"),
  BOOL (early_head, "send the head of a stream before the prompt is processed"),
  BOOL (finish_prompt, "a client that leaves during prompt processing frees its slot only after it"),
  BOOL (overflow_silent, "a prompt too long for the context gets an empty answer instead of an error"),

  { NULL, "Faults of connections" },
  CHOICE (refuse, "off|closed|accept", "closed: nothing listens; accept: each connection is accepted and reset"),
  INT (refuse_count, 0, G_MAXINT, "accept: only the next so many connections; 0: until told"),
  DOUBLE (refuse_ms, MAX_MS, "listen again after so long; 0: when told (see --control-port)"),

  { NULL, "Faults of answers (never of /sim/)" },
  STRING (fault_path, "only paths that match this glob, such as /v1/chat/*; empty: all"),
  INT (fault_skip, 0, G_MAXINT, "leave the next so many requests unharmed"),
  INT (fault_count, 0, G_MAXINT, "then harm only the next so many; 0: until told"),
  BOOL (hang, "read the request and never answer"),
  BOOL (hang_after_headers, "answer with a head and nothing else"),
  INT (status, 0, 599, "answer with this status and an error; 0: off"),
  INT (retry_after_s, -1, G_MAXINT, "with a Retry-After field, if not negative"),
  INT (cut_at_byte, -1, G_MAXINT, "end the connection after so many bytes of the answer; -1: off"),
  CHOICE (cut_scope, "answer|body|payload", "which bytes count: all, those after the head, the body without framing"),
  CHOICE (cut_by, "fin|rst", "how the connection ends"),
  BOOL (malformed_json, "leave out the last brace of each JSON document"),
  DOUBLE (slow_drip_ms, MAX_MS, "send the answer in drips, one each so many ms; 0: off"),
  INT (slow_drip_bytes, 1, G_MAXINT, "bytes of one drip"),
  CHOICE (bad_chunk, "off|size|crlf|huge|no_end", "damage the chunk framing of a stream"),
  CHOICE (bad_head, "off|garbage|two_lengths|both|huge", "damage the head"),
  BOOL (close_after_request_on_reused, "on a kept connection: read the request, then close without an answer"),
  INT (error_event_after_tokens, -1, G_MAXINT, "a prediction fails after so many tokens; -1: off"),
  INT (stall_after_tokens, -1, G_MAXINT, "a prediction waits after so many tokens until this is raised; -1: off"),

  { NULL, "Watching" },
  BOOL (record, "keep the last requests and hash their bodies, for /sim/v1/stats"),
};

static gpointer
field_of (const SimConfig *self,
          const Knob      *knob)
{
  return (char *) self + knob->offset;
}

static const Knob *
find_knob (const char *name)
{
  for (guint i = 0; i < G_N_ELEMENTS (knobs); i++)
    if (knobs[i].name != NULL && strcmp (knobs[i].name, name) == 0)
      return &knobs[i];

  return NULL;
}

SimConfig *
sim_config_new (void)
{
  SimConfig *self = g_new0 (SimConfig, 1);

  self->name = g_strdup ("");
  self->version = g_strdup ("0.4.12");
  self->version_number = SIM_VERSION (0, 4, 12);
  self->api_token = g_new0 (char *, 1);
  self->keep_alive_ms = 5000;
  self->jit = TRUE;
  self->jit_race = TRUE;
  self->jit_ttl_s = 3600;
  self->auto_evict = TRUE;
  self->evict_kills = TRUE;
  self->context_length = 4096;
  self->ttft_ms = 180;
  self->prompt_ms_per_token = 0.4;
  self->tokens_per_second = 45;
  self->load_ms = 2500;
  self->download_ms = 20000;
  self->finish_prompt = TRUE;
  self->fault_path = g_strdup ("");
  self->retry_after_s = -1;
  self->cut_at_byte = -1;
  self->slow_drip_bytes = 1;
  self->error_event_after_tokens = -1;
  self->stall_after_tokens = -1;
  self->record = TRUE;

  return self;
}

SimConfig *
sim_config_copy (const SimConfig *self)
{
  SimConfig *copy = g_memdup2 (self, sizeof *self);

  for (guint i = 0; i < G_N_ELEMENTS (knobs); i++)
    {
      gpointer field = field_of (copy, &knobs[i]);

      if (knobs[i].type == KNOB_STRING)
        *(char **) field = g_strdup (*(char **) field);
      else if (knobs[i].type == KNOB_STRINGS)
        *(char ***) field = g_strdupv (*(char ***) field);
    }

  return copy;
}

void
sim_config_free (SimConfig *self)
{
  if (self == NULL)
    return;

  for (guint i = 0; i < G_N_ELEMENTS (knobs); i++)
    {
      gpointer field = field_of (self, &knobs[i]);

      if (knobs[i].type == KNOB_STRING)
        g_free (*(char **) field);
      else if (knobs[i].type == KNOB_STRINGS)
        g_strfreev (*(char ***) field);
    }
  g_free (self);
}

gboolean
sim_config_since (const SimConfig *self,
                  guint            version)
{
  return self->version_number >= version;
}

void
sim_config_set_fast (SimConfig *self)
{
  self->ttft_ms = 0;
  self->prompt_ms_per_token = 0;
  self->tokens_per_second = 0;
  self->load_ms = 0;
  self->download_ms = 0;
}

static gboolean
bad_value (const Knob *knob,
           const char *value,
           GError    **error)
{
  g_autofree char *wanted = NULL;

  switch (knob->type)
    {
    case KNOB_BOOL:
      wanted = g_strdup ("true or false");
      break;
    case KNOB_INT:
    case KNOB_DOUBLE:
      wanted = g_strdup_printf ("a number from %g to %g", knob->min, knob->max);
      break;
    case KNOB_CHOICE:
      wanted = g_strdup_printf ("one of %s", knob->choices);
      break;
    case KNOB_STRING:
    case KNOB_STRINGS:
    default:
      wanted = g_strdup (strcmp (knob->name, "version") == 0 ? "a version such as 0.4.0" : "a string");
      break;
    }
  g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "%s must be %s, not \"%s\"", knob->name, wanted, value);

  return FALSE;
}

static gboolean
set_number (SimConfig  *self,
            const Knob *knob,
            double      number)
{
  if (!(number >= knob->min && number <= knob->max))
    return FALSE;
  if (knob->type == KNOB_INT)
    {
      if (number != floor (number))
        return FALSE;
      *(int *) field_of (self, knob) = (int) number;
    }
  else
    *(double *) field_of (self, knob) = number;

  return TRUE;
}

static gboolean
set_choice (SimConfig  *self,
            const Knob *knob,
            const char *value)
{
  g_auto (GStrv) choices = g_strsplit (knob->choices, "|", -1);

  for (int i = 0; choices[i] != NULL; i++)
    if (strcmp (choices[i], value) == 0)
      {
        *(int *) field_of (self, knob) = i;
        return TRUE;
      }

  return FALSE;
}

static gboolean
set_string (SimConfig  *self,
            const Knob *knob,
            const char *value)
{
  char **field = field_of (self, knob);

  if (strcmp (knob->name, "version") == 0)
    {
      guint number[3] = { 0 };
      char *end = (char *) value;

      for (guint i = 0; i < G_N_ELEMENTS (number); i++)
        {
          guint64 part;

          if (!g_ascii_isdigit (*end))
            return FALSE;
          part = g_ascii_strtoull (end, &end, 10);
          if (part > 999 || *end != (i < 2 ? '.' : '\0'))
            return FALSE;
          number[i] = (guint) part;
          if (i < 2)
            end++;
        }
      self->version_number = SIM_VERSION (number[0], number[1], number[2]);
    }
  g_free (*field);
  *field = g_strdup (value);

  return TRUE;
}

static void
add_string (SimConfig  *self,
            const Knob *knob,
            const char *value)
{
  char ***field = field_of (self, knob);
  guint n = g_strv_length (*field);

  *field = g_renew (char *, *field, n + 2);
  (*field)[n] = g_strdup (value);
  (*field)[n + 1] = NULL;
}

static gboolean
set_text (SimConfig  *self,
          const Knob *knob,
          const char *value,
          GError    **error)
{
  gboolean ok = FALSE;

  switch (knob->type)
    {
    case KNOB_BOOL:
      ok = g_str_equal (value, "true") || g_str_equal (value, "on") || g_str_equal (value, "1")
           || g_str_equal (value, "yes");
      *(gboolean *) field_of (self, knob) = ok;
      ok = ok || g_str_equal (value, "false") || g_str_equal (value, "off") || g_str_equal (value, "0")
           || g_str_equal (value, "no");
      break;
    case KNOB_INT:
    case KNOB_DOUBLE:
      {
        char *end = NULL;
        double number = g_ascii_strtod (value, &end);

        ok = end != value && *end == '\0' && set_number (self, knob, number);
        break;
      }
    case KNOB_CHOICE:
      ok = set_choice (self, knob, value);
      break;
    case KNOB_STRING:
      ok = set_string (self, knob, value);
      break;
    case KNOB_STRINGS:
    default:
      add_string (self, knob, value);
      ok = TRUE;
      break;
    }

  return ok || bad_value (knob, value, error);
}

static gboolean
set_node (SimConfig  *self,
          const Knob *knob,
          JsonNode   *node,
          GError    **error)
{
  const char *string = sim_json_as_string (node);
  g_autofree char *shown = NULL;

  if (knob->type == KNOB_BOOL && JSON_NODE_HOLDS_VALUE (node) && json_node_get_value_type (node) == G_TYPE_BOOLEAN)
    {
      *(gboolean *) field_of (self, knob) = json_node_get_boolean (node);
      return TRUE;
    }
  if ((knob->type == KNOB_INT || knob->type == KNOB_DOUBLE) && sim_json_is_number (node)
      && set_number (self, knob, json_node_get_double (node)))
    return TRUE;
  if (knob->type == KNOB_STRINGS)
    {
      char ***field = field_of (self, knob);
      JsonArray *array = JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node) : NULL;

      g_clear_pointer (field, g_strfreev);
      *field = g_new0 (char *, 1);
      for (guint i = 0; array != NULL && i < json_array_get_length (array); i++)
        {
          const char *element = sim_json_as_string (json_array_get_element (array, i));

          if (element != NULL)
            add_string (self, knob, element);
        }
      if (array != NULL)
        return TRUE;
    }
  if (string != NULL)
    return set_text (self, knob, string, error);

  shown = json_to_string (node, FALSE);
  return bad_value (knob, shown, error);
}

gboolean
sim_config_take_flag (SimConfig *self,
                      char     **argv,
                      int       *index,
                      GError   **error)
{
  const char *argument = argv[*index];
  const char *equals = strchr (argument, '=');
  const char *value = equals != NULL ? equals + 1 : NULL;
  g_autofree char *name = NULL;
  const Knob *knob;

  if (!g_str_has_prefix (argument, "--"))
    return FALSE;
  argument += 2;
  name = equals != NULL ? g_strndup (argument, (gsize) (equals - argument)) : g_strdup (argument);
  g_strdelimit (name, "-", '_');
  knob = find_knob (name);

  if (knob == NULL && value == NULL && g_str_has_prefix (name, "no_"))
    {
      knob = find_knob (name + 3);
      if (knob == NULL || knob->type != KNOB_BOOL)
        return FALSE;
      value = "false";
    }
  if (knob == NULL)
    return FALSE;

  if (value == NULL && knob->type == KNOB_BOOL)
    value = "true";
  if (value == NULL)
    {
      value = argv[*index + 1];
      if (value == NULL)
        {
          g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, "--%s needs a value", argument);
          return FALSE;
        }
      (*index)++;
    }

  return set_text (self, knob, value, error);
}

gboolean
sim_config_take_json (SimConfig  *self,
                      JsonObject *object,
                      GError    **error)
{
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  json_object_iter_init (&iter, object);
  while (json_object_iter_next (&iter, &name, &node))
    {
      const Knob *knob = find_knob (name);

      if (knob == NULL)
        {
          g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION, "there is no knob \"%s\"", name);
          return FALSE;
        }
      if (!set_node (self, knob, node, error))
        return FALSE;
    }

  return TRUE;
}

static char *
dup_choice (const SimConfig *self,
            const Knob      *knob)
{
  g_auto (GStrv) choices = g_strsplit (knob->choices, "|", -1);

  return g_strdup (choices[*(const int *) field_of (self, knob)]);
}

void
sim_config_write (const SimConfig *self,
                  GString         *out)
{
  SimJson json = { .out = out };

  sim_json_begin (&json, NULL, '{');
  for (guint i = 0; i < G_N_ELEMENTS (knobs); i++)
    {
      const Knob *knob = &knobs[i];
      gpointer field = field_of (self, knob);
      g_autofree char *choice = NULL;

      if (knob->name == NULL)
        continue;

      switch (knob->type)
        {
        case KNOB_BOOL:
          sim_json_bool (&json, knob->name, *(gboolean *) field);
          break;
        case KNOB_INT:
          sim_json_int (&json, knob->name, *(int *) field);
          break;
        case KNOB_DOUBLE:
          sim_json_number (&json, knob->name, *(double *) field);
          break;
        case KNOB_STRING:
          sim_json_string (&json, knob->name, *(char **) field);
          break;
        case KNOB_CHOICE:
          choice = dup_choice (self, knob);
          sim_json_string (&json, knob->name, choice);
          break;
        case KNOB_STRINGS:
        default:
          sim_json_begin (&json, knob->name, '[');
          for (char **string = *(char ***) field; *string != NULL; string++)
            sim_json_string (&json, NULL, *string);
          sim_json_end (&json, ']');
          break;
        }
    }
  sim_json_end (&json, '}');
}

static void
write_default (const SimConfig *defaults,
               const Knob      *knob,
               GString         *out)
{
  gpointer field = field_of (defaults, knob);
  g_autofree char *choice = NULL;

  switch (knob->type)
    {
    case KNOB_BOOL:
      g_string_append_printf (out, " [%s]", *(gboolean *) field ? "on" : "off");
      break;
    case KNOB_INT:
      g_string_append_printf (out, " [%d]", *(int *) field);
      break;
    case KNOB_DOUBLE:
      g_string_append_printf (out, " [%g]", *(double *) field);
      break;
    case KNOB_STRING:
      if (**(char **) field != '\0')
        g_string_append_printf (out, " [%s]", *(char **) field);
      break;
    case KNOB_CHOICE:
      choice = dup_choice (defaults, knob);
      g_string_append_printf (out, " [%s]", choice);
      break;
    case KNOB_STRINGS:
    default:
      break;
    }
}

void
sim_config_write_help (GString *out)
{
  g_autoptr (SimConfig) defaults = sim_config_new ();

  for (guint i = 0; i < G_N_ELEMENTS (knobs); i++)
    {
      const Knob *knob = &knobs[i];
      g_autofree char *flag = NULL;

      if (knob->name == NULL)
        {
          g_string_append_printf (out, "\n%s:\n", knob->help);
          continue;
        }
      flag = g_strdup_printf ("--%s%s", knob->name,
                              knob->type == KNOB_BOOL ? "" : knob->type == KNOB_CHOICE ? "=WORD"
                              : knob->type == KNOB_STRING || knob->type == KNOB_STRINGS ? "=TEXT" : "=N");
      g_strdelimit (flag, "_", '-');
      g_string_append_printf (out, "  %-34s %s", flag, knob->help);
      if (knob->choices != NULL)
        g_string_append_printf (out, " (%s)", knob->choices);
      write_default (defaults, knob, out);
      g_string_append_c (out, '\n');
    }
}
