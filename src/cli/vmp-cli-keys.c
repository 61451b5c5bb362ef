/* SPDX-License-Identifier: MIT
 *
 * `vampire keys …`: the keys by which other people's programs may use this gateway while it is shared.
 */

#include "cli/vmp-cli-call.h"
#include "cli/vmp-cli-print.h"
#include "cli/vmp-cli-table.h"
#include "cli/vmp-cli.h"
#include "core/vmp-limits.h"
#include "core/vmp-text.h"

#define KEYS "/vampire/v1/keys"

static char *
show_keys (JsonNode *answer,
           guint     columns)
{
  static const char * const headers[] = {
    "ID", "NAME", "LAST LETTERS", "CREATED", "EXPIRES", "LAST USED", "REQUESTS", NULL
  };
  static const char * const members[] = {
    "id", "name", "hint", "created_at", "expires_at", "last_used_at", "requests"
  };
  g_autoptr (VmpCliTable) table = vmp_cli_table_new (headers);
  JsonArray *keys = vmp_cli_list (answer, "data");

  for (guint i = 0; keys != NULL && i < json_array_get_length (keys); i++)
    {
      JsonObject *key = vmp_cli_list_object (keys, i);

      for (gsize j = 0; key != NULL && j < G_N_ELEMENTS (members); j++)
        {
          g_autofree char *value = vmp_cli_value (key, members[j]);
          g_autofree char *shown = g_str_has_suffix (members[j], "_at") ? vmp_cli_time (value) : g_strdup (value);

          vmp_cli_table_add (table, shown);
        }
    }

  if (vmp_cli_table_count_rows (table) == 0)
    return g_strdup ("No keys. Make one with: vampire keys create NAME\n");

  return vmp_cli_table_print (table, columns);
}

/* The one time that the key is shown: whole, on a line of its own. */
static char *
show_new_key (JsonNode *answer,
              guint     columns)
{
  JsonObject *object = JSON_NODE_HOLDS_OBJECT (answer) ? json_node_get_object (answer) : NULL;
  const char *key = object != NULL ? vmp_json_get_string (object, "key") : NULL;
  g_autofree char *plain = NULL;

  if (key == NULL)
    return vmp_cli_describe (answer, columns);

  plain = vmp_text_display (key, VMP_LIMIT_TOKEN_BYTES);

  return g_strdup_printf ("%s\n\nThis is the only time that the key is shown. Clients send it as their API key.\n",
                          plain);
}

static int
run_list (const VmpCliArgs *args)
{
  return vmp_cli_call (args, "GET", g_strdup (KEYS), NULL, show_keys);
}

static int
run_create (const VmpCliArgs *args)
{
  g_autoptr (JsonBuilder) body = vmp_cli_body_new ();

  vmp_json_add_string (body, "name", vmp_cli_args_word (args, 0));
  vmp_cli_body_add_flag (body, args, "duration", "duration");

  return vmp_cli_call (args, "POST", g_strdup (KEYS), vmp_cli_body_end (body), show_new_key);
}

static int
run_revoke (const VmpCliArgs *args)
{
  char *path = vmp_client_path (KEYS "/", vmp_cli_args_word (args, 0), NULL);

  return vmp_cli_call (args, "DELETE", path, NULL, NULL);
}

static const VmpCliFlag create_flags[] = {
  { "duration", "TIME", .help = "How long it is good for, such as 8h or 30d. Without it, until it is revoked." },
  { NULL }
};

const VmpCliCommand vmp_cli_keys_commands[] = {
  { "list", "", "Show all keys, without the keys themselves. The verb alone does the same.", .run = run_list },
  { "create", "NAME", "Make a key, and show it this once.", create_flags, .run = run_create },
  { "revoke", "ID", "Make a key useless. What runs under it ends at once.", .run = run_revoke },
  { NULL }
};
