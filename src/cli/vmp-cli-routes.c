/* SPDX-License-Identifier: MIT
 *
 * `vampire route …`: the owner's virtual models and the nodes and models behind each.
 */

#include <stdio.h>
#include <string.h>

#include "cli/vmp-cli-call.h"
#include "cli/vmp-cli-print.h"
#include "cli/vmp-cli-table.h"
#include "cli/vmp-cli.h"

#define ROUTES "/vampire/v1/routes"
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

/* Adds "node:model", split at the first colon: models' names have some too. FALSE when it is none. */
static gboolean
add_target (JsonBuilder *body,
            const char  *target)
{
  const char *colon = strchr (target, ':');
  g_autofree char *node = NULL;

  if (colon == NULL || colon == target || colon[1] == '\0')
    return FALSE;

  node = g_strndup (target, colon - target);
  json_builder_begin_object (body);
  vmp_json_add_string (body, "node", node);
  vmp_json_add_string (body, "model", colon + 1);
  json_builder_end_object (body);

  return TRUE;
}

static int
run_add (const VmpCliArgs *args)
{
  g_autoptr (JsonBuilder) body = vmp_cli_body_new ();
  g_autofree const char **targets = vmp_cli_args_flags (args, "target");
  const char *strategy = vmp_cli_args_flag (args, "strategy");

  if (targets[0] == NULL)
    return vmp_cli_fail (VMP_EXIT_USAGE, "\"vampire route add\" needs at least one --target=NODE:MODEL.");

  vmp_json_add_string (body, "id", vmp_cli_args_word (args, 0));
  vmp_json_add_string (body, "virtual_model", vmp_cli_args_word (args, 1));
  json_builder_set_member_name (body, "targets");
  json_builder_begin_array (body);
  for (gsize i = 0; targets[i] != NULL; i++)
    {
      if (!add_target (body, targets[i]))
        {
          fputs ("targets must use node:model\n", stderr);
          return VMP_EXIT_USAGE;
        }
    }
  json_builder_end_array (body);
  vmp_json_add_string (body, "strategy", strategy != NULL ? strategy : DEFAULT_STRATEGY);
  vmp_cli_body_add_flag (body, args, "fallback", "fallback");
  json_builder_set_member_name (body, "constraints");
  json_builder_begin_object (body);
  json_builder_end_object (body);

  return vmp_cli_call (args, "POST", g_strdup (ROUTES), vmp_cli_body_end (body), NULL);
}

static const VmpCliFlag add_flags[] = {
  { "target", "NODE:MODEL", .repeated = TRUE, .help = "A model of a node that may answer. The first colon divides." },
  { "strategy", "NAME", .help = "How one is chosen: round_robin (the default), least_busy, least_latency, "
                                "model_affinity or trusted_only." },
  { "fallback", "VIRTUAL", .help = "Another virtual model, for when none of the targets can answer." },
  { NULL }
};

const VmpCliCommand vmp_cli_route_commands[] = {
  { "list", "", "Show all routes. The verb alone does the same.", .run = run_list },
  { "get", "ID", "Show one route.", .run = run_get },
  { "add", "ID VIRTUAL", "Add a route for a virtual model, or replace the one with that id.", add_flags,
    .run = run_add },
  { "delete", "ID", "Remove a route.", .run = run_delete },
  { NULL }
};
