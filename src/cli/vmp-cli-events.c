/* SPDX-License-Identifier: MIT
 *
 * `vampire events`: what happens in the gateway, a line of JSON each, until the gateway or the reader goes away.
 */

#include "cli/vmp-cli-events.h"

#include <string.h>

#include "cli/vmp-cli-call.h"
#include "cli/vmp-cli-print.h"
#include "cli/vmp-cli.h"

typedef struct {
  const char **types;  /* none: all */
  int status;
} Events;

char *
vmp_cli_event_line (const char *id,
                    const char *type,
                    JsonNode   *data)
{
  g_autoptr (JsonBuilder) body = vmp_cli_body_new ();
  g_autoptr (JsonNode) event = NULL;
  g_autofree char *json = NULL;

  json_builder_set_member_name (body, "data");
  json_builder_add_value (body, json_node_ref (data));
  vmp_json_add_string (body, "id", id);
  vmp_json_add_string (body, "type", type);
  event = vmp_cli_body_end (body);
  json = vmp_json_print_in_order (event, FALSE);

  return g_strconcat (json, "\n", NULL);
}

static gboolean
event_cb (gpointer    user_data,
          const char *id,
          const char *type,
          const char *data)
{
  Events *self = user_data;
  g_autoptr (JsonNode) node = NULL;
  g_autofree char *line = NULL;

  /* Whoever reads a selection must still know that something was missed. */
  if (self->types[0] != NULL && !g_strv_contains (self->types, type) && !g_str_equal (type, "reset"))
    return TRUE;

  node = vmp_json_parse (data, strlen (data), NULL);
  if (node == NULL)
    return TRUE;

  line = vmp_cli_event_line (id, type, node);
  self->status = vmp_cli_print (line);

  return self->status == VMP_EXIT_DONE;
}

static int
run_events (const VmpCliArgs *args)
{
  g_autofree const char **types = vmp_cli_args_flags (args, "type");
  const char *since = vmp_cli_args_flag (args, "since");
  g_autoptr (VmpClient) client = NULL;
  g_autoptr (GError) error = NULL;
  Events self = { .types = types, .status = VMP_EXIT_FAILED };

  for (const char *c = since; c != NULL && *c != '\0'; c++)
    {
      if (g_ascii_iscntrl (*c))
        return vmp_cli_fail (VMP_EXIT_USAGE, "The flag --since must be the id of an event.");
    }

  client = vmp_cli_connect (args, &self.status);
  if (client == NULL)
    return self.status;

  if (!vmp_client_follow (client, since, event_cb, &self, &error))
    return vmp_cli_say_unreachable (args, error);

  return self.status;
}

static const VmpCliFlag flags[] = {
  { "type", "TYPE", .repeated = TRUE,
    .help = "Only events of this type: node, approval, share, request, load, metric, discovery, key or route." },
  { "since", "ID", .help = "Begin after the event with this id, as far as the gateway still has them." },
  { NULL }
};

const VmpCliCommand vmp_cli_events_commands[] = {
  { "", "", "", flags, .run = run_events },
  { NULL }
};
