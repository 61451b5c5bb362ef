/* SPDX-License-Identifier: MIT
 *
 * Reading what a client asks of the gateway. Nearly all requests ask nothing, so a field that cannot be one of ours
 * costs a look at its length and its first letter.
 */

#include "gateway/vmp-call-options.h"

#include <string.h>

#include "core/vmp-constraints.h"
#include "core/vmp-limits.h"
#include "core/vmp-strategy.h"
#include "core/vmp-text.h"

#define FIELD_PREFIX "X-Vampire-"

/* Seconds past which a client's patience makes no difference. */
#define PATIENCE_MAX_S VMP_LIMIT_DURATION_SECONDS

/* Ways to answer that others have planned, and a client may hope for. */
static const char * const modes_to_come[] = {
  "race", "parallel", "fusion", "debate", "pipeline", "converge", NULL
};

typedef enum {
  FIELD_MODE,
  FIELD_STRATEGY,
  FIELD_ROUTE,
  FIELD_SESSION,
  FIELD_TRACE,
  N_FIELDS
} Field;

static const VmpSlice field_names[N_FIELDS] = {
  [FIELD_MODE] = VMP_SLICE_INIT (FIELD_PREFIX "Mode"),
  [FIELD_STRATEGY] = VMP_SLICE_INIT (FIELD_PREFIX "Strategy"),
  [FIELD_ROUTE] = VMP_SLICE_INIT (FIELD_PREFIX "Route"),
  [FIELD_SESSION] = VMP_SLICE_INIT (FIELD_PREFIX "Session"),
  [FIELD_TRACE] = VMP_SLICE_INIT (FIELD_PREFIX "Trace"),
};

/* One reading under way. What is wrong is kept until all is known. */
typedef struct {
  VmpCallOptions *options;
  VmpSlice fields[N_FIELDS];  /* data is NULL where there is none */
  char *mode;
  char *strategy;             /* as it was written */
  char *fault;                /* the first one */
} Reader;

void
vmp_call_options_clear (VmpCallOptions *self)
{
  g_clear_pointer (&self->strategy, g_free);
  g_clear_pointer (&self->route, g_free);
  g_clear_pointer (&self->session, g_free);
}

static void
reader_clear (Reader *self)
{
  g_free (self->mode);
  g_free (self->strategy);
  g_free (self->fault);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Reader, reader_clear)

/* -- Members of the body's `vampire` ------------------------------------------------------- */

/* Keeps the first fault. @path: "vampire." or "vampire.constraints."; @fault: (transfer full) (nullable) */
static void
note_fault (Reader     *self,
            const char *path,
            char       *fault)
{
  if (fault != NULL && self->fault == NULL)
    self->fault = g_strconcat (path, fault, NULL);
  g_free (fault);
}

/* Clients' libraries write null for what was left out. */
static JsonNode *
get_given (JsonObject *object,
           const char *name)
{
  JsonNode *node = object != NULL ? json_object_get_member (object, name) : NULL;

  return node != NULL && !JSON_NODE_HOLDS_NULL (node) ? node : NULL;
}

/* (transfer none) (nullable) */
static JsonObject *
read_object (Reader     *self,
             JsonObject *vampire,
             const char *name)
{
  JsonObject *object = vmp_json_get_object (vampire, name);

  if (object == NULL && get_given (vampire, name) != NULL)
    note_fault (self, "vampire.", g_strdup_printf ("%s must be an object.", name));

  return object;
}

/* (transfer full) (nullable): NULL for an empty one, too */
static char *
read_string (Reader     *self,
             JsonObject *object,
             const char *path,
             const char *name)
{
  const char *value = vmp_json_get_string (object, name);

  if (value == NULL && get_given (object, name) != NULL)
    note_fault (self, path, g_strdup_printf ("%s must be a text.", name));

  return value != NULL && *value != '\0' ? g_strdup (value) : NULL;
}

/* Whether it says so itself; @value is FALSE when not. */
static gboolean
read_boolean (Reader     *self,
              JsonObject *object,
              const char *path,
              const char *name,
              gboolean   *value)
{
  *value = FALSE;
  if (get_given (object, name) == NULL)
    return FALSE;
  if (vmp_json_get_boolean (object, name, value))
    return TRUE;

  note_fault (self, path, g_strdup_printf ("%s must be true or false.", name));

  return FALSE;
}

static void
read_trace (Reader     *self,
            JsonObject *vampire)
{
  JsonNode *node = get_given (vampire, "trace");
  gboolean is_on;

  if (node == NULL)
    return;

  if (vmp_json_get_boolean (vampire, "trace", &is_on))
    self->options->trace = is_on ? VMP_TRACE_ON : VMP_TRACE_OFF;
  else if (g_strcmp0 (vmp_json_get_string (vampire, "trace"), "stream") == 0)
    self->options->trace = VMP_TRACE_STREAM;
  else
    note_fault (self, "vampire.", g_strdup ("trace must be true, false or \"stream\"."));
}

static void
read_routing (Reader     *self,
              JsonObject *routing)
{
  static const char path[] = "vampire.routing.";
  JsonObject *weights = vmp_json_get_object (routing, "weights");
  gboolean value;
  char *strategy;

  strategy = read_string (self, routing, path, "strategy");
  if (strategy != NULL)
    {
      g_free (self->strategy);
      self->strategy = strategy;
    }
  if (read_boolean (self, routing, path, "trusted_only", &value) && value)
    self->options->constraints.trusted_only = TRUE;
  if (read_boolean (self, routing, path, "fallback", &value) && !value)
    self->options->only_one_attempt = TRUE;

  if (weights != NULL)
    note_fault (self, "vampire.routing.weights.",
                vmp_weights_read (weights, self->options->weights, &self->options->has_weights));
  else if (get_given (routing, "weights") != NULL)
    note_fault (self, path, g_strdup ("weights must be an object."));
}

/* What must not leave the house, or not even reach a computer that is not trusted. */
static void
read_privacy (Reader     *self,
              JsonObject *privacy)
{
  static const char path[] = "vampire.privacy.";
  VmpConstraints *constraints = &self->options->constraints;
  g_autofree char *classification = read_string (self, privacy, path, "classification");
  gboolean external;

  if (read_boolean (self, privacy, path, "external_services", &external) && !external)
    constraints->local_only = TRUE;

  if (g_strcmp0 (classification, "restricted") == 0)
    constraints->local_only = constraints->trusted_only = TRUE;
  else if (g_strcmp0 (classification, "confidential") == 0)
    constraints->local_only = TRUE;
  else if (classification != NULL && !g_str_equal (classification, "public") &&
           !g_str_equal (classification, "internal"))
    note_fault (self, path, g_strdup ("classification must be public, internal, confidential or restricted."));
}

static void
read_fallback (Reader     *self,
               JsonObject *fallback)
{
  static const char path[] = "vampire.fallback.";
  gboolean allowed;

  if (read_boolean (self, fallback, path, "allowed", &allowed) && !allowed)
    self->options->only_one_attempt = TRUE;
  self->options->has_continue = read_boolean (self, fallback, path, "continue", &self->options->continues);
}

static void
read_latency (Reader     *self,
              JsonObject *vampire)
{
  double seconds;

  if (get_given (vampire, "max_latency_seconds") == NULL)
    return;

  if (vmp_json_get_double (vampire, "max_latency_seconds", &seconds) && seconds >= 0)
    vmp_constraints_add (&self->options->constraints,
                         &(VmpConstraints) { .max_latency_ms = MIN (seconds, PATIENCE_MAX_S) * 1000 });
  else
    note_fault (self, "vampire.", g_strdup ("max_latency_seconds must be a number of seconds from 0 on."));
}

static void
read_members (Reader     *self,
              JsonObject *vampire)
{
  static const char path[] = "vampire.";
  JsonObject *object;

  self->mode = read_string (self, vampire, path, "mode");
  self->strategy = read_string (self, vampire, path, "strategy");
  self->options->session = read_string (self, vampire, path, "session");
  self->options->route = read_string (self, vampire, path, "route");
  read_trace (self, vampire);
  read_latency (self, vampire);

  object = read_object (self, vampire, "routing");
  if (object != NULL)
    read_routing (self, object);
  object = read_object (self, vampire, "constraints");
  if (object != NULL)
    note_fault (self, "vampire.constraints.", vmp_constraints_read (object, &self->options->constraints));
  object = read_object (self, vampire, "requirements");
  if (object != NULL)
    note_fault (self, "vampire.requirements.", vmp_constraints_read (object, &self->options->constraints));
  object = read_object (self, vampire, "privacy");
  if (object != NULL)
    read_privacy (self, object);
  object = read_object (self, vampire, "fallback");
  if (object != NULL)
    read_fallback (self, object);
  object = read_object (self, vampire, "response");
  if (object != NULL)
    read_boolean (self, object, "vampire.response.", "include_metadata", &self->options->include_metadata);
}

static void
read_body (Reader     *self,
           const char *vampire,
           gsize       len)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) root = NULL;

  if (len == 0 || *vampire != '{')
    return;
  if (len > VMP_LIMIT_OPTIONS_BYTES)
    {
      note_fault (self, "", g_strdup_printf ("vampire must have at most %d bytes.", VMP_LIMIT_OPTIONS_BYTES));
      return;
    }

  root = vmp_json_parse_up_to (vampire, len, VMP_LIMIT_OPTIONS_VALUES, &error);
  if (root != NULL)
    read_members (self, json_node_get_object (root));
  else
    note_fault (self, "", g_strdup_printf ("vampire %s.", error->message));
}

/* -- Fields -------------------------------------------------------------------------------- */

/* The first field of each name. Returns whether there is any. */
static gboolean
find_fields (Reader             *self,
             const VmpHttpField *fields,
             guint               n_fields)
{
  gboolean any = FALSE;
  guint i;
  guint which;

  for (i = 0; i < n_fields; i++)
    {
      VmpSlice name = fields[i].name;

      if (name.len <= strlen (FIELD_PREFIX) || (name.data[0] | 0x20) != 'x' || (name.data[2] | 0x20) != 'v')
        continue;
      for (which = 0; which < N_FIELDS; which++)
        {
          if (self->fields[which].data == NULL && vmp_slices_equal_nocase (name, field_names[which]))
            {
              self->fields[which] = fields[i].value;
              any = TRUE;
            }
        }
    }

  return any;
}

/* What a field says takes the place of what the body says. */
static void
take_field (Reader *self,
            Field   field,
            char  **place)
{
  VmpSlice value = self->fields[field];

  if (value.len == 0)
    return;

  g_free (*place);
  *place = g_strndup (value.data, value.len);
}

static void
take_fields (Reader *self)
{
  VmpCallOptions *options = self->options;
  VmpSlice trace = self->fields[FIELD_TRACE];

  take_field (self, FIELD_MODE, &self->mode);
  take_field (self, FIELD_STRATEGY, &self->strategy);
  take_field (self, FIELD_SESSION, &options->session);
  take_field (self, FIELD_ROUTE, &options->route);

  if (vmp_slice_equal_nocase (trace, "true"))
    options->trace = VMP_TRACE_ON;
  else if (vmp_slice_equal_nocase (trace, "stream"))
    options->trace = VMP_TRACE_STREAM;
  else if (vmp_slice_equal_nocase (trace, "false"))
    options->trace = VMP_TRACE_OFF;
}

/* -- What it comes to ---------------------------------------------------------------------- */

static void
judge_mode (Reader *self)
{
  const char *mode = self->mode;

  if (self->fields[FIELD_ROUTE].data != NULL)
    self->options->opted_in = TRUE;
  if (mode == NULL)
    return;

  if (g_str_equal (mode, "route") || g_str_equal (mode, "fallback"))
    self->options->opted_in = TRUE;
  else if (g_strv_contains (modes_to_come, mode))
    note_fault (self, self->fields[FIELD_MODE].len > 0 ? FIELD_PREFIX "Mode" : "vampire.mode",
                g_strdup_printf (" is \"%s\", which this version of Vampire does not have; there are route and "
                                 "fallback.", mode));
}

/* Returns FALSE when there is no such strategy. */
static gboolean
judge_strategy (Reader *self)
{
  VmpStrategy strategy;

  if (self->strategy == NULL)
    return TRUE;
  if (!vmp_strategy_from_string (self->strategy, &strategy))
    return FALSE;

  self->options->strategy = g_strdup (vmp_strategy_to_string (strategy));

  return TRUE;
}

/* (transfer full) */
static char *
describe_strategies (const char *strategy)
{
  const char * const *names = vmp_strategy_names ();
  g_autofree char *shown = vmp_text_display (strategy, VMP_LIMIT_TAG_CHARS);
  g_autofree char *list = g_strjoinv (", ", (char **) names);

  return g_strdup_printf ("There is no strategy \"%s\"; there are %s.", shown, list);
}

char *
vmp_call_options_read (const VmpHttpField *fields,
                       guint               n_fields,
                       const char         *vampire,
                       gsize               vampire_len,
                       gboolean            is_virtual,
                       VmpCallOptions     *options,
                       VmpProblem         *problem)
{
  g_auto (Reader) reader = { .options = options };

  g_return_val_if_fail (options != NULL, NULL);
  g_return_val_if_fail (problem != NULL, NULL);

  *options = (VmpCallOptions) { 0 };
  if (!find_fields (&reader, fields, n_fields) && vampire == NULL)
    return NULL;

  if (vampire != NULL)
    read_body (&reader, vampire, vampire_len);
  take_fields (&reader);
  judge_mode (&reader);

  if (!judge_strategy (&reader) && (options->opted_in || is_virtual) && reader.fault == NULL)
    {
      *problem = VMP_PROBLEM_UNSUPPORTED_STRATEGY;
      return describe_strategies (reader.strategy);
    }

  /* The body alone cannot make a route of a plain request. */
  if (!options->opted_in && !is_virtual)
    g_clear_pointer (&options->route, g_free);
  *problem = VMP_PROBLEM_INVALID_FIELD;

  return g_steal_pointer (&reader.fault);
}

/* -- Sessions ------------------------------------------------------------------------------ */

/* The first one that is there names the session. */
static const VmpSlice session_fields[] = {
  VMP_SLICE_INIT ("X-Vampire-Session"),
  VMP_SLICE_INIT ("X-OpenWebUI-Chat-Id"),
  VMP_SLICE_INIT ("X-Claude-Code-Session-Id"),
  VMP_SLICE_INIT ("X-Session-ID"),
  VMP_SLICE_INIT ("X-Litellm-Session-Id"),
  VMP_SLICE_INIT ("X-Olla-Session-ID"),
  VMP_SLICE_INIT ("Session-Id"),
};

/* A set bit for each of their lengths. */
#define SESSION_LENGTHS (1u << 17 | 1u << 19 | 1u << 24 | 1u << 12 | 1u << 20 | 1u << 10)

static VmpSlice
find_session_field (const VmpHttpField *fields,
                    guint               n_fields)
{
  VmpSlice found = { NULL, 0 };
  gsize best = G_N_ELEMENTS (session_fields);
  guint i;
  gsize which;

  for (i = 0; i < n_fields; i++)
    {
      VmpSlice name = fields[i].name;

      if (name.len >= 32 || (SESSION_LENGTHS >> name.len & 1) == 0 || fields[i].value.len == 0)
        continue;
      for (which = 0; which < best; which++)
        {
          if (vmp_slices_equal_nocase (name, session_fields[which]))
            {
              found = fields[i].value;
              best = which;
            }
        }
    }

  return found;
}

/* (transfer full) (nullable): NULL also for what is empty, or too long to be the name of anything */
static char *
dup_member (const VmpCall *call,
            VmpMember      which)
{
  const VmpJsonMember *member = &call->scan->members[which];
  g_autofree char *value = NULL;

  if (member->type != VMP_JSON_STRING || member->value.end - member->value.start > VMP_LIMIT_OPTIONS_BYTES)
    return NULL;

  value = vmp_json_scan_dup_string (call->body, member);

  return value != NULL && *value != '\0' ? g_steal_pointer (&value) : NULL;
}

/* (transfer full) */
static char *
make_session_key (const char *client,
                  VmpSlice    name)
{
  gsize client_len = client != NULL ? strlen (client) : 0;
  gsize len = client_len + 1 + name.len;
  char *key = g_malloc (len + 1);
  char *hash;

  /* No client's id has a blank, so no two pairs look alike. */
  if (client_len > 0)
    memcpy (key, client, client_len);
  key[client_len] = ' ';
  memcpy (key + client_len + 1, name.data, name.len);
  key[len] = '\0';
  if (len <= VMP_LIMIT_SESSION_BYTES)
    return key;

  hash = g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) key, len);
  g_free (key);

  return hash;
}

char *
vmp_call_read_session (const VmpCall *call)
{
  static const VmpMember members[] = { VMP_MEMBER_PROMPT_CACHE_KEY, VMP_MEMBER_USER };
  g_autofree char *named = NULL;
  VmpSlice name = { NULL, 0 };
  gsize i;

  g_return_val_if_fail (call != NULL, NULL);

  if (call->options != NULL && call->options->session != NULL)
    name = vmp_slice (call->options->session);
  else
    name = find_session_field (call->fields, call->n_fields);

  for (i = 0; name.len == 0 && call->scan != NULL && i < G_N_ELEMENTS (members); i++)
    {
      named = dup_member (call, members[i]);
      name = vmp_slice (named);
    }

  return name.len > 0 ? make_session_key (call->client, name) : NULL;
}

/* -- Deadlines ----------------------------------------------------------------------------- */

/* A decimal number such as 600 or 0.5; FALSE for anything else. */
static gboolean
read_decimal (VmpSlice slice,
              double  *number)
{
  char text[32];
  gsize i;

  if (slice.len == 0 || slice.len >= sizeof text)
    return FALSE;

  for (i = 0; i < slice.len; i++)
    {
      if (!g_ascii_isdigit (slice.data[i]) && slice.data[i] != '.')
        return FALSE;
      text[i] = slice.data[i];
    }
  text[slice.len] = '\0';
  *number = g_ascii_strtod (text, NULL);

  return memchr (text, '.', slice.len) == strrchr (text, '.');
}

gint64
vmp_call_read_deadline (const VmpCall *call)
{
  static const char field[] = "x-stainless-read-timeout";
  double seconds;
  guint i;

  g_return_val_if_fail (call != NULL, 0);

  for (i = 0; i < call->n_fields; i++)
    {
      if (call->fields[i].name.len != strlen (field) || !vmp_slice_equal_nocase (call->fields[i].name, field))
        continue;
      if (!read_decimal (call->fields[i].value, &seconds) || seconds <= 0 || seconds > PATIENCE_MAX_S)
        return 0;

      return call->started + (gint64) (seconds * G_USEC_PER_SEC);
    }

  return 0;
}
