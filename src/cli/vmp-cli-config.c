/* SPDX-License-Identifier: MIT
 *
 * `vampire config …`: the settings that are in force here, where each came from, and changes of the settings file. It
 * never asks the gateway, which notices by itself that the file has changed; and it never shows a secret.
 */

#include <string.h>

#include "cli/vmp-cli-call.h"
#include "cli/vmp-cli-print.h"
#include "cli/vmp-cli-secret.h"
#include "cli/vmp-cli-table.h"
#include "cli/vmp-cli.h"
#include "core/vmp-text.h"

/* Characters of a word of the command line that a message repeats. */
#define SHOWN_CHARS 100

static int
fail_with (const GError *error)
{
  return vmp_cli_fail (g_error_matches (error, VMP_SETTINGS_ERROR, VMP_SETTINGS_ERROR_INVALID) ? VMP_EXIT_USAGE
                                                                                              : VMP_EXIT_FAILED,
                       "%s", error->message);
}

/* All settings, or NULL after having said what is wrong with them. (element-type VmpSettingValue) */
static GPtrArray *
read_values (int *status)
{
  g_auto (GStrv) env = g_get_environ ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VmpSettings) settings = vmp_settings_load (NULL, (const char * const *) env, &error);

  if (settings != NULL)
    return vmp_settings_list_values (settings);

  *status = fail_with (error);

  return NULL;
}

/* The setting that the first word names, or NULL after having said that there is none. */
static const char *
find_key (const VmpCliArgs *args)
{
  const char *key = vmp_cli_args_word (args, 0);
  g_autofree const char **keys = vmp_settings_list_keys ();
  g_autofree char *shown = vmp_text_display (key, SHOWN_CHARS);
  const char *nearest;

  if (g_strv_contains (keys, key))
    return key;

  nearest = vmp_text_nearest (key, keys);
  if (nearest != NULL)
    vmp_cli_fail (VMP_EXIT_USAGE, "There is no setting %s; did you mean %s?", shown, nearest);
  else
    vmp_cli_fail (VMP_EXIT_USAGE, "There is no setting %s; see \"vampire config show\".", shown);

  return NULL;
}

/* -- Showing ------------------------------------------------------------------------------- */

static void
build_value (JsonBuilder           *body,
             const VmpSettingValue *value)
{
  vmp_json_add_string (body, "key", value->key);
  vmp_json_add_string (body, "value", value->value);
  vmp_json_add_string (body, "source", value->source);
}

static int
print_json (JsonBuilder *body)
{
  g_autoptr (JsonNode) node = vmp_cli_body_end (body);
  g_autofree char *json = vmp_json_print_in_order (node, TRUE);
  g_autofree char *text = g_strconcat (json, "\n", NULL);

  return vmp_cli_print (text);
}

static int
run_show (const VmpCliArgs *args)
{
  static const char * const headers[] = { "KEY", "VALUE", "FROM", NULL };
  g_autoptr (VmpCliTable) table = vmp_cli_table_new (headers);
  g_autoptr (JsonBuilder) body = vmp_cli_body_new ();
  g_autoptr (GPtrArray) values = NULL;
  g_autofree char *text = NULL;
  guint columns = vmp_cli_people (args);
  int status = VMP_EXIT_FAILED;

  values = read_values (&status);
  if (values == NULL)
    return status;

  json_builder_set_member_name (body, "data");
  json_builder_begin_array (body);
  for (guint i = 0; i < values->len; i++)
    {
      const VmpSettingValue *value = values->pdata[i];

      json_builder_begin_object (body);
      build_value (body, value);
      json_builder_end_object (body);
      vmp_cli_table_add (table, value->key);
      vmp_cli_table_add (table, value->value);
      vmp_cli_table_add (table, value->source);
    }
  json_builder_end_array (body);
  vmp_json_add_string (body, "object", "list");

  if (columns == 0)
    return print_json (body);

  text = vmp_cli_table_print (table, columns);

  return vmp_cli_print (text);
}

/* The bare value also into a pipe: it is what scripts want. */
static int
run_get (const VmpCliArgs *args)
{
  const char *key = find_key (args);
  g_autoptr (GPtrArray) values = NULL;
  g_autoptr (JsonBuilder) body = vmp_cli_body_new ();
  g_autofree char *line = NULL;
  const VmpSettingValue *value = NULL;
  int status = VMP_EXIT_FAILED;

  if (key == NULL)
    return VMP_EXIT_USAGE;

  values = read_values (&status);
  if (values == NULL)
    return status;

  for (guint i = 0; value == NULL && i < values->len; i++)
    {
      value = values->pdata[i];
      if (!g_str_equal (value->key, key))
        value = NULL;
    }
  g_assert (value != NULL);

  if (vmp_cli_args_flag (args, "json") != NULL)
    {
      build_value (body, value);
      return print_json (body);
    }

  line = g_strconcat (value->value != NULL ? value->value : "", "\n", NULL);

  return vmp_cli_print (line);
}

/* -- Changing ------------------------------------------------------------------------------ */

/* The value to set: an argument, or for a secret what is typed or piped in. */
static int
read_new_value (const VmpCliArgs *args,
                const char       *key,
                char            **text)
{
  const char *given = vmp_cli_args_word (args, 1);
  g_autofree char *prompt = NULL;

  if (!vmp_settings_is_secret (key))
    {
      if (given == NULL)
        return vmp_cli_fail (VMP_EXIT_USAGE, "\"vampire config set %s\" needs a value; \"\" takes it out of the file.",
                             key);
      *text = g_strstrip (g_strdup (given));
      return VMP_EXIT_DONE;
    }

  if (given != NULL && *given != '\0')
    return vmp_cli_fail (VMP_EXIT_USAGE, "Other users can see what is on the command line; leave the %s out, and type "
                         "it or pipe it in.", key);

  if (given != NULL)
    {
      *text = g_strdup ("");
      return VMP_EXIT_DONE;
    }

  prompt = g_strdup_printf ("New %s (not shown): ", key);

  return vmp_cli_read_secret (prompt, text);
}

/* Says what was done, and what the gateway needs to take part. */
static int
report_change (const VmpCliArgs  *args,
               const char        *key,
               const VmpSettings *after,
               const char        *restart)
{
  g_autoptr (JsonBuilder) body = vmp_cli_body_new ();
  g_autofree char *file = NULL;
  g_autofree char *text = NULL;

  if (vmp_cli_people (args) == 0)
    {
      vmp_json_add_string (body, "file", after->config_file);
      vmp_json_add_string (body, "key", key);
      vmp_json_add_boolean (body, "needs_restart", restart != NULL);
      return print_json (body);
    }

  file = vmp_text_display (after->config_file, SHOWN_CHARS);
  text = g_strdup_printf ("Written to %s. %s\n", file,
                          restart != NULL ? "It takes effect when Vampire is started again."
                                          : "A gateway that runs takes it over by itself.");

  return vmp_cli_print (text);
}

/* What is in force now may be faulty, and this the repair: only the outcome is judged. */
static int
run_set (const VmpCliArgs *args)
{
  g_auto (GStrv) env = g_get_environ ();
  const char *key = find_key (args);
  g_autoptr (VmpSettings) before = vmp_settings_load (NULL, (const char * const *) env, NULL);
  g_autoptr (VmpSettings) after = NULL;
  g_autoptr (GArray) changes = vmp_setting_changes_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  g_autofree char *restart = NULL;
  int status;

  if (key == NULL)
    return VMP_EXIT_USAGE;

  status = read_new_value (args, key, &text);
  if (status != VMP_EXIT_DONE)
    return status;

  vmp_setting_changes_add (changes, key, *text != '\0' ? text : NULL);
  after = vmp_settings_edit (NULL, (const char * const *) env, NULL, changes, &error);
  if (after == NULL)
    return fail_with (error);

  if (before != NULL)
    restart = vmp_settings_changes_needing_restart (before, after);

  return report_change (args, key, after, restart);
}

const VmpCliCommand vmp_cli_config_commands[] = {
  { "show", "", "Show all settings and where each comes from. The verb alone does the same.", NULL, TRUE, run_show },
  { "get", "KEY", "Print the value of one setting.", NULL, TRUE, run_get },
  { "set", "KEY [VALUE]", "Change one setting in the settings file. An empty value takes it out; a token is typed or "
    "piped in.", NULL, TRUE, run_set },
  { NULL }
};
