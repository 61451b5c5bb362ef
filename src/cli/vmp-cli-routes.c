/* SPDX-License-Identifier: MIT
 *
 * `vampire route …`: the owner's virtual models and the nodes and models behind each.
 */

#include <stdio.h>
#include <string.h>

#include "cli/vmp-cli-call.h"
#include "cli/vmp-cli-plan.h"
#include "cli/vmp-cli-print.h"
#include "cli/vmp-cli-table.h"
#include "cli/vmp-cli.h"

#define ROUTES "/vampire/v1/routes"
#define VIRTUAL_MODELS "/vampire/v1/virtual_models"
#define DEFAULT_STRATEGY "round_robin"

/* "studio:llama, cellar:llama" (transfer full) */
static char *
describe_targets (JsonArray *targets)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; targets != NULL && i < json_array_get_length (targets); i++)
    {
      JsonObject *target = vmp_cli_list_object (targets, i);
      const char *node = target != NULL ? vmp_json_get_string (target, "node") : NULL;
      const char *model = target != NULL ? vmp_json_get_string (target, "model") : NULL;

      if (node != NULL && model != NULL)
        g_string_append_printf (text, "%s%s:%s", text->len > 0 ? ", " : "", node, model);
    }

  return g_string_free (text, FALSE);
}

static char *
show_routes (JsonNode *answer,
             guint     columns)
{
  static const char * const headers[] = { "ID", "VIRTUAL MODEL", "STRATEGY", "FALLBACK", "TARGETS", NULL };
  g_autoptr (VmpCliTable) table = vmp_cli_table_new (headers);
  JsonArray *routes = vmp_cli_list (answer, "data");

  for (guint i = 0; routes != NULL && i < json_array_get_length (routes); i++)
    {
      JsonObject *route = vmp_cli_list_object (routes, i);
      g_autofree char *targets = NULL;

      if (route == NULL)
        continue;

      targets = describe_targets (vmp_json_get_array (route, "targets"));
      vmp_cli_table_add (table, vmp_json_get_string (route, "id"));
      vmp_cli_table_add (table, vmp_json_get_string (route, "virtual_model"));
      vmp_cli_table_add (table, vmp_json_get_string (route, "strategy"));
      vmp_cli_table_add (table, vmp_json_get_string (route, "fallback"));
      vmp_cli_table_add (table, targets);
    }

  if (vmp_cli_table_count_rows (table) == 0)
    return g_strdup ("No routes.\n");

  return vmp_cli_table_print (table, columns);
}

static int
run_list (const VmpCliArgs *args)
{
  return vmp_cli_call (args, "GET", g_strdup (ROUTES), NULL, show_routes);
}

static int
run_get (const VmpCliArgs *args)
{
  char *path = vmp_client_path (ROUTES "/", vmp_cli_args_word (args, 0), NULL);

  return vmp_cli_call (args, "GET", path, NULL, NULL);
}

static int
run_delete (const VmpCliArgs *args)
{
  char *path = vmp_client_path (ROUTES "/", vmp_cli_args_word (args, 0), NULL);

  return vmp_cli_call (args, "DELETE", path, NULL, NULL);
}

/* -- Targets ------------------------------------------------------------------------------- */

static int
refuse_target (void)
{
  fputs ("targets must use node:model\n", stderr);

  return VMP_EXIT_USAGE;
}

/* "node:model", split at the first colon: models' names have some too. NULL when it is none. (transfer full) */
static JsonObject *
read_target (const char *target)
{
  const char *colon = strchr (target, ':');
  g_autofree char *node = NULL;
  JsonObject *object;

  if (colon == NULL || colon == target || colon[1] == '\0')
    return NULL;

  node = g_strndup (target, colon - target);
  object = json_object_new ();
  json_object_set_string_member (object, "node", node);
  json_object_set_string_member (object, "model", colon + 1);

  return object;
}

/* FALSE when one of them is none. */
static gboolean
read_targets (const char * const *targets,
              JsonArray          *list)
{
  for (; *targets != NULL; targets++)
    {
      JsonObject *target = read_target (*targets);

      if (target == NULL)
        return FALSE;
      json_array_add_object_element (list, target);
    }

  return TRUE;
}

static gboolean
is_target (JsonObject *target,
           JsonObject *other)
{
  return g_strcmp0 (vmp_json_get_string (target, "node"), vmp_json_get_string (other, "node")) == 0 &&
         g_strcmp0 (vmp_json_get_string (target, "model"), vmp_json_get_string (other, "model")) == 0;
}

static gboolean
has_target (JsonArray  *list,
            JsonObject *target)
{
  for (guint i = 0; list != NULL && i < json_array_get_length (list); i++)
    {
      if (is_target (vmp_cli_list_object (list, i), target))
        return TRUE;
    }

  return FALSE;
}

/* Those of @former that are not in @without, then those of @more that are not there yet. (transfer full) */
static JsonArray *
change_targets (JsonArray *former,
                JsonArray *without,
                JsonArray *more)
{
  JsonArray *targets = json_array_new ();

  for (guint i = 0; former != NULL && i < json_array_get_length (former); i++)
    {
      JsonObject *target = vmp_cli_list_object (former, i);

      if (target != NULL && !has_target (without, target))
        json_array_add_object_element (targets, json_object_ref (target));
    }
  for (guint i = 0; i < json_array_get_length (more); i++)
    {
      JsonObject *target = json_array_get_object_element (more, i);

      if (!has_target (targets, target))
        json_array_add_object_element (targets, json_object_ref (target));
    }

  return targets;
}

static void
add_array (JsonBuilder *body,
           const char  *name,
           JsonArray   *array)
{
  g_autoptr (JsonNode) node = json_node_init_array (json_node_alloc (), array);

  json_builder_set_member_name (body, name);
  json_builder_add_value (body, g_steal_pointer (&node));
}

static void
add_object (JsonBuilder *body,
            const char  *name,
            JsonObject  *object)
{
  g_autoptr (JsonNode) node = json_node_init_object (json_node_alloc (), object);

  json_builder_set_member_name (body, name);
  json_builder_add_value (body, g_steal_pointer (&node));
}

/* -- Constraints --------------------------------------------------------------------------- */

/* Whether it is a number as JSON has them. */
static gboolean
is_number (const char *text)
{
  return *text != '\0' && strspn (text, "-.0123456789") == strlen (text) && g_ascii_isdigit (text[strlen (text) - 1]);
}

/* "trusted_only=true", "min_context_window=16000", "required_capabilities=vision,tools"; one without a value is taken
 * away. FALSE after having said what is wrong. */
static gboolean
read_constraint (const char *text,
                 JsonObject *constraints)
{
  const char *equals = strchr (text, '=');
  g_autofree char *name = NULL;
  const char *value;

  if (equals == NULL || equals == text)
    {
      vmp_cli_fail (VMP_EXIT_USAGE, "The flag --constraint needs KEY=VALUE, such as trusted_only=true.");
      return FALSE;
    }

  name = g_strndup (text, equals - text);
  value = equals + 1;
  if (*value == '\0')
    {
      if (json_object_has_member (constraints, name))
        json_object_remove_member (constraints, name);
    }
  else if (g_str_equal (value, "true") || g_str_equal (value, "false"))
    {
      json_object_set_boolean_member (constraints, name, *value == 't');
    }
  else if (g_str_equal (name, "required_capabilities"))
    {
      g_auto (GStrv) words = g_strsplit (value, ",", -1);
      JsonArray *list = json_array_new ();

      for (gsize i = 0; words[i] != NULL; i++)
        json_array_add_string_element (list, words[i]);
      json_object_set_array_member (constraints, name, list);
    }
  else if (is_number (value) && strchr (value, '.') == NULL)
    {
      json_object_set_int_member (constraints, name, g_ascii_strtoll (value, NULL, 10));
    }
  else if (is_number (value))
    {
      json_object_set_double_member (constraints, name, g_ascii_strtod (value, NULL));
    }
  else
    {
      json_object_set_string_member (constraints, name, value);
    }

  return TRUE;
}

static gboolean
read_constraints (const VmpCliArgs *args,
                  JsonObject       *constraints)
{
  g_autofree const char **texts = vmp_cli_args_flags (args, "constraint");

  for (gsize i = 0; texts[i] != NULL; i++)
    {
      if (!read_constraint (texts[i], constraints))
        return FALSE;
    }

  return TRUE;
}

/* -- Making and changing ------------------------------------------------------------------- */

static int
run_add (const VmpCliArgs *args)
{
  g_autoptr (JsonBuilder) body = vmp_cli_body_new ();
  g_autoptr (JsonArray) targets = json_array_new ();
  g_autoptr (JsonObject) constraints = json_object_new ();
  g_autofree const char **texts = vmp_cli_args_flags (args, "target");
  const char *strategy = vmp_cli_args_flag (args, "strategy");

  if (texts[0] == NULL)
    return vmp_cli_fail (VMP_EXIT_USAGE, "\"vampire route add\" needs at least one --target=NODE:MODEL.");
  if (!read_targets (texts, targets))
    return refuse_target ();
  if (!read_constraints (args, constraints))
    return VMP_EXIT_USAGE;

  vmp_json_add_string (body, "id", vmp_cli_args_word (args, 0));
  vmp_json_add_string (body, "virtual_model", vmp_cli_args_word (args, 1));
  add_array (body, "targets", targets);
  vmp_json_add_string (body, "strategy", strategy != NULL ? strategy : DEFAULT_STRATEGY);
  vmp_cli_body_add_flag (body, args, "fallback", "fallback");
  add_object (body, "constraints", constraints);

  return vmp_cli_call (args, "POST", g_strdup (ROUTES), vmp_cli_body_end (body), NULL);
}

/* @object: (nullable) (transfer full) */
static JsonObject *
copy_members (JsonObject *object)
{
  JsonObject *copy = json_object_new ();
  JsonObjectIter iter;
  const char *name;
  JsonNode *value;

  if (object == NULL)
    return copy;

  json_object_iter_init (&iter, object);
  while (json_object_iter_next (&iter, &name, &value))
    json_object_set_member (copy, name, json_node_copy (value));

  return copy;
}

/* What of a change needs to know what there is. */
typedef struct {
  JsonArray *targets;
  JsonArray *more;
  JsonArray *without;
  gboolean has_constraints;
} RouteChange;

/* The change as a body. @route: (nullable): as it is; NULL: it does not matter. NULL after having said what is wrong.
 * (transfer full) (nullable) */
static JsonNode *
make_change (const VmpCliArgs  *args,
             const RouteChange *change,
             JsonObject        *route)
{
  g_autoptr (JsonBuilder) body = vmp_cli_body_new ();
  JsonArray *former = json_array_get_length (change->targets) > 0 ? change->targets
                                                                  : vmp_json_get_array (route, "targets");

  vmp_cli_body_add_flag (body, args, "strategy", "strategy");
  if (vmp_cli_args_flag (args, "no-fallback") != NULL)
    vmp_json_add_null (body, "fallback");
  else
    vmp_cli_body_add_flag (body, args, "fallback", "fallback");

  if (json_array_get_length (change->targets) + json_array_get_length (change->more)
      + json_array_get_length (change->without) > 0)
    {
      g_autoptr (JsonArray) targets = change_targets (former, change->without, change->more);

      add_array (body, "targets", targets);
    }
  if (change->has_constraints)
    {
      g_autoptr (JsonObject) constraints = copy_members (vmp_json_get_object (route, "constraints"));

      if (!read_constraints (args, constraints))
        return NULL;
      add_object (body, "constraints", constraints);
    }

  return vmp_cli_body_end (body);
}

/* Asks for the route first, when the change needs to know what there is. */
static int
change_route (const VmpCliArgs  *args,
              const RouteChange *change)
{
  g_autofree char *path = vmp_client_path (ROUTES "/", vmp_cli_args_word (args, 0), NULL);
  g_autoptr (VmpClient) client = NULL;
  g_autoptr (VmpClientAnswer) former = NULL;
  g_autoptr (VmpClientAnswer) answer = NULL;
  JsonObject *route = NULL;
  JsonNode *body;
  int status = VMP_EXIT_FAILED;

  client = vmp_cli_connect (args, &status);
  if (client == NULL)
    return status;

  if (change->has_constraints || (json_array_get_length (change->targets) == 0
                                  && json_array_get_length (change->more)
                                  + json_array_get_length (change->without) > 0))
    {
      former = vmp_cli_ask (args, client, "GET", path, NULL);
      if (former == NULL)
        return VMP_EXIT_FAILED;
      if (former->status != 200 || former->json == NULL || !JSON_NODE_HOLDS_OBJECT (former->json))
        return vmp_cli_print_answer (args, former, NULL);
      route = json_node_get_object (former->json);
    }

  body = make_change (args, change, route);
  if (body == NULL)
    return VMP_EXIT_USAGE;

  answer = vmp_cli_ask (args, client, "PATCH", path, body);

  return answer != NULL ? vmp_cli_print_answer (args, answer, NULL) : VMP_EXIT_FAILED;
}

static int
run_update (const VmpCliArgs *args)
{
  g_autoptr (JsonArray) targets = json_array_new ();
  g_autoptr (JsonArray) more = json_array_new ();
  g_autoptr (JsonArray) without = json_array_new ();
  g_autofree const char **target_texts = vmp_cli_args_flags (args, "target");
  g_autofree const char **more_texts = vmp_cli_args_flags (args, "add-target");
  g_autofree const char **without_texts = vmp_cli_args_flags (args, "remove-target");
  g_autofree const char **constraints = vmp_cli_args_flags (args, "constraint");
  RouteChange change = { targets, more, without, constraints[0] != NULL };

  if (!read_targets (target_texts, targets) || !read_targets (more_texts, more)
      || !read_targets (without_texts, without))
    return refuse_target ();
  if (vmp_cli_args_flag (args, "fallback") != NULL && vmp_cli_args_flag (args, "no-fallback") != NULL)
    return vmp_cli_fail (VMP_EXIT_USAGE, "--fallback and --no-fallback contradict each other.");

  return change_route (args, &change);
}

/* -- Looking ------------------------------------------------------------------------------- */

static int
run_preview (const VmpCliArgs *args)
{
  g_autoptr (JsonBuilder) body = vmp_cli_body_new ();
  g_autoptr (JsonObject) constraints = json_object_new ();

  if (!read_constraints (args, constraints))
    return VMP_EXIT_USAGE;

  vmp_json_add_string (body, "model", vmp_cli_args_word (args, 0));
  vmp_cli_body_add_flag (body, args, "endpoint", "endpoint");
  vmp_cli_body_add_flag (body, args, "strategy", "strategy");
  vmp_cli_body_add_flag (body, args, "route", "route");
  vmp_cli_body_add_flag (body, args, "session", "session");
  vmp_cli_body_add_flag (body, args, "prompt", "prompt");
  if (json_object_get_size (constraints) > 0)
    add_object (body, "constraints", constraints);

  return vmp_cli_call (args, "POST", g_strdup (ROUTES "/preview"), vmp_cli_body_end (body), vmp_cli_show_plan);
}

static int
run_explain (const VmpCliArgs *args)
{
  char *path = vmp_client_path (ROUTES "/", vmp_cli_args_word (args, 0), "/explain", NULL);

  return vmp_cli_call (args, "GET", path, NULL, vmp_cli_show_plan);
}

static char *
show_strategies (JsonNode *answer,
                 guint     columns)
{
  static const char * const headers[] = { "STRATEGY", "WHAT COMES FIRST", NULL };
  static const char * const virtual_headers[] = { "VIRTUAL MODEL", "THERE", "STRATEGY", "WHAT IT MEANS", NULL };
  g_autoptr (VmpCliTable) table = vmp_cli_table_new (headers);
  g_autoptr (VmpCliTable) virtual_table = vmp_cli_table_new (virtual_headers);
  JsonArray *strategies = vmp_cli_list (answer, "strategies");
  JsonArray *models = vmp_cli_list (answer, "data");
  g_autofree char *text = NULL;
  g_autofree char *virtual_text = NULL;

  for (guint i = 0; strategies != NULL && i < json_array_get_length (strategies); i++)
    {
      JsonObject *strategy = vmp_cli_list_object (strategies, i);

      vmp_cli_table_add (table, vmp_json_get_string (strategy, "id"));
      vmp_cli_table_add (table, vmp_json_get_string (strategy, "about"));
    }
  for (guint i = 0; models != NULL && i < json_array_get_length (models); i++)
    {
      JsonObject *model = vmp_cli_list_object (models, i);
      g_autofree char *available = model != NULL ? vmp_cli_value (model, "available") : NULL;

      vmp_cli_table_add (virtual_table, vmp_json_get_string (model, "id"));
      vmp_cli_table_add (virtual_table, available);
      vmp_cli_table_add (virtual_table, vmp_json_get_string (model, "strategy"));
      vmp_cli_table_add (virtual_table, vmp_json_get_string (model, "about"));
    }

  text = vmp_cli_table_print (table, columns);
  virtual_text = vmp_cli_table_print (virtual_table, columns);

  return g_strconcat (text, "\n", virtual_text, NULL);
}

static int
run_strategies (const VmpCliArgs *args)
{
  return vmp_cli_call (args, "GET", g_strdup (VIRTUAL_MODELS), NULL, show_strategies);
}

/* -- The table ----------------------------------------------------------------------------- */

#define TARGET_HELP "A model of a node that may answer. The first colon divides."
#define STRATEGY_HELP "How one is chosen; \"vampire route strategies\" lists them."
#define FALLBACK_HELP "Another virtual model, or a model, for when none of the targets can answer."
#define CONSTRAINT_HELP "What a node has to be fit for: trusted_only, local_only, min_context_window, " \
                        "max_latency_ms, max_queue_depth, required_capabilities."

static const VmpCliFlag add_flags[] = {
  { "target", "NODE:MODEL", .repeated = TRUE, .help = TARGET_HELP },
  { "strategy", "NAME", .help = STRATEGY_HELP " round_robin unless it is given." },
  { "fallback", "VIRTUAL", .help = FALLBACK_HELP },
  { "constraint", "KEY=VALUE", .repeated = TRUE, .help = CONSTRAINT_HELP },
  { NULL }
};

static const VmpCliFlag update_flags[] = {
  { "target", "NODE:MODEL", .repeated = TRUE, .help = TARGET_HELP " In the place of all there were." },
  { "add-target", "NODE:MODEL", .repeated = TRUE, .help = "One more." },
  { "remove-target", "NODE:MODEL", .repeated = TRUE, .help = "One less." },
  { "strategy", "NAME", .help = STRATEGY_HELP },
  { "fallback", "VIRTUAL", .help = FALLBACK_HELP },
  { "no-fallback", NULL, .help = "Nothing stands in for it." },
  { "constraint", "KEY=VALUE", .repeated = TRUE, .help = CONSTRAINT_HELP " Without a value it is taken away." },
  { NULL }
};

static const VmpCliFlag preview_flags[] = {
  { "endpoint", "chat|completions|responses|embeddings", .help = "What is asked for; chat unless it is given." },
  { "strategy", "NAME", .help = "In the place of the one there is." },
  { "route", "ID", .help = "By this route, whatever the model is." },
  { "session", "NAME", .help = "As a part of this session." },
  { "prompt", "TEXT", .help = "With a prompt that begins so." },
  { "constraint", "KEY=VALUE", .repeated = TRUE, .help = CONSTRAINT_HELP },
  { NULL }
};

const VmpCliCommand vmp_cli_route_commands[] = {
  { "list", "", "Show all routes. The verb alone does the same.", .run = run_list },
  { "get", "ID", "Show one route.", .run = run_get },
  { "add", "ID VIRTUAL", "Add a route for a virtual model, or replace the one with that id.", add_flags,
    .run = run_add },
  { "update", "ID", "Change what is given of a route.", update_flags, .run = run_update },
  { "delete", "ID", "Remove a route.", .run = run_delete },
  { "test", "MODEL", "Show where a request for a virtual model, or any other, would be tried now, in which order, and "
    "why not elsewhere. Nothing is sent.", preview_flags, .run = run_preview },
  { "preview", "MODEL", "The same.", preview_flags, .run = run_preview },
  { "explain", "ID", "Show the same for a route.", .run = run_explain },
  { "strategies", "", "List the strategies, and the virtual models that are always there.", .run = run_strategies },
  { NULL }
};
