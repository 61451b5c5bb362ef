/* SPDX-License-Identifier: MIT
 *
 * Asks the gateway for a verb, and prints what it answered.
 */

#include "cli/vmp-cli-call.h"

#include <libsoup/soup.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/vmp-cli-print.h"
#include "cli/vmp-cli.h"

VmpSettings *
vmp_cli_load_settings (GError **error)
{
  /* The command line listens on nothing. A gateway that does may have the token for it from elsewhere, so that its
   * host must not be judged by our environment. */
  static const char * const flags[] = { "--host=127.0.0.1", NULL };
  g_auto (GStrv) env = g_get_environ ();

  return vmp_settings_load (flags, (const char * const *) env, error);
}

VmpClient *
vmp_cli_connect (const VmpCliArgs *args,
                 int              *status)
{
  g_auto (GStrv) env = g_get_environ ();
  g_autoptr (GError) error = NULL;
  g_autoptr (VmpSettings) settings = vmp_cli_load_settings (&error);
  VmpClient *client = NULL;

  if (settings != NULL)
    client = vmp_client_new (vmp_cli_args_flag (args, "gateway"), vmp_cli_args_flag (args, "token"), settings,
                             (const char * const *) env, &error);
  if (client != NULL)
    return client;

  *status = vmp_cli_fail (g_error_matches (error, VMP_SETTINGS_ERROR, VMP_SETTINGS_ERROR_INVALID) ||
                          g_error_matches (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT)
                            ? VMP_EXIT_USAGE
                            : VMP_EXIT_FAILED,
                          "%s", error->message);

  return NULL;
}

int
vmp_cli_say_unreachable (const VmpCliArgs *args,
                         const GError     *error)
{
  /* Scripts look for this one, which never had our name before it. */
  if (!g_str_has_prefix (error->message, "Could not reach "))
    return vmp_cli_fail (VMP_EXIT_FAILED, "%s", error->message);

  fprintf (stderr, "%s\n", error->message);
  if (vmp_cli_args_flag (args, "gateway") == NULL &&
      g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
    fputs ("No gateway runs here. Start it with: vampire serve\n", stderr);

  return VMP_EXIT_FAILED;
}

VmpClientAnswer *
vmp_cli_ask (const VmpCliArgs *args,
             VmpClient        *client,
             const char       *method,
             const char       *path,
             JsonNode         *body)
{
  g_autoptr (JsonNode) owned = body;
  g_autoptr (GError) error = NULL;
  VmpClientAnswer *answer = vmp_client_ask (client, method, path, owned, &error);

  if (answer == NULL)
    vmp_cli_say_unreachable (args, error);

  return answer;
}

guint
vmp_cli_people (const VmpCliArgs *args)
{
  return vmp_cli_args_flag (args, "json") == NULL ? vmp_cli_columns () : 0;
}

/* (transfer full) */
static JsonNode *
wrap_text (const VmpClientAnswer *answer)
{
  g_autoptr (JsonBuilder) body = vmp_cli_body_new ();

  vmp_json_add_string (body, "body", answer->text);
  vmp_json_add_int (body, "status_code", answer->status);

  return vmp_cli_body_end (body);
}

int
vmp_cli_print_answer (const VmpCliArgs      *args,
                      const VmpClientAnswer *answer,
                      VmpCliShow             show)
{
  gboolean is_good = answer->status >= 200 && answer->status < 300;
  guint columns = vmp_cli_people (args);
  g_autoptr (JsonNode) node = answer->json != NULL ? json_node_ref (answer->json) : wrap_text (answer);
  g_autofree char *text = NULL;
  int status = VMP_EXIT_DONE;

  if (columns == 0)
    {
      g_autofree char *json = vmp_json_print_in_order (node, TRUE);

      text = g_strconcat (json, "\n", NULL);
    }
  else if (is_good && answer->json != NULL && show != NULL)
    {
      text = show (node, columns);
    }
  else if (is_good && answer->json == NULL && *answer->text == '\0')
    {
      text = g_strdup ("Done.\n");
    }
  else if (is_good)
    {
      text = vmp_cli_describe (node, columns);
    }

  if (text != NULL)
    status = vmp_cli_print (text);

  if (!is_good)
    {
      g_autofree char *problem = vmp_client_answer_dup_problem (answer);

      status = vmp_cli_fail (VMP_EXIT_FAILED, "%s", problem);
      if (answer->status == SOUP_STATUS_UNAUTHORIZED)
        fputs ("Set VAMPIRE_TOKEN to the token of that gateway's owner.\n", stderr);
    }

  return status;
}

int
vmp_cli_call (const VmpCliArgs *args,
              const char       *method,
              char             *path,
              JsonNode         *body,
              VmpCliShow        show)
{
  g_autofree char *owned_path = path;
  g_autoptr (JsonNode) owned_body = body;
  g_autoptr (VmpClient) client = NULL;
  g_autoptr (VmpClientAnswer) answer = NULL;
  int status = VMP_EXIT_FAILED;

  client = vmp_cli_connect (args, &status);
  if (client == NULL)
    return status;

  answer = vmp_cli_ask (args, client, method, owned_path, g_steal_pointer (&owned_body));

  return answer != NULL ? vmp_cli_print_answer (args, answer, show) : VMP_EXIT_FAILED;
}

/* -- Bodies -------------------------------------------------------------------------------- */

JsonBuilder *
vmp_cli_body_new (void)
{
  JsonBuilder *builder = json_builder_new_immutable ();

  json_builder_begin_object (builder);

  return builder;
}

JsonNode *
vmp_cli_body_end (JsonBuilder *builder)
{
  json_builder_end_object (builder);

  return json_builder_get_root (builder);
}

void
vmp_cli_body_add_flag (JsonBuilder      *body,
                       const VmpCliArgs *args,
                       const char       *flag,
                       const char       *name)
{
  const char *value = vmp_cli_args_flag (args, flag);

  if (value != NULL)
    vmp_json_add_string (body, name, value);
}

/* -- Lists --------------------------------------------------------------------------------- */

JsonArray *
vmp_cli_list (JsonNode   *answer,
              const char *name)
{
  return JSON_NODE_HOLDS_OBJECT (answer) ? vmp_json_get_array (json_node_get_object (answer), name) : NULL;
}

JsonObject *
vmp_cli_list_object (JsonArray *list,
                     guint      i)
{
  JsonNode *element = json_array_get_element (list, i);

  return JSON_NODE_HOLDS_OBJECT (element) ? json_node_get_object (element) : NULL;
}
