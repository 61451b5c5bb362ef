/* SPDX-License-Identifier: MIT
 *
 * `vampire nodes …`: the nodes that the gateway knows, what their owner decides about them, and their tokens. A token
 * is read from the terminal or the standard input, never from the command line, which other users can see.
 */

#include "cli/vmp-cli-nodes.h"

#include <string.h>

#include "cli/vmp-cli-call.h"
#include "cli/vmp-cli-print.h"
#include "cli/vmp-cli-secret.h"
#include "cli/vmp-cli-table.h"
#include "cli/vmp-cli.h"

#define NODES "/vampire/v1/nodes"

/* -- Showing ------------------------------------------------------------------------------- */

static const char *
or_else (const char *text,
         const char *fallback)
{
  return text != NULL && *text != '\0' ? text : fallback;
}

/* "found by mdns, eth0, _lmstudio._tcp 'Studio', 2026-11-22 02:37" (transfer full) */
static char *
describe_finding (JsonObject *found)
{
  const char *by = vmp_json_get_string (found, "by");
  const char *at = vmp_json_get_string (found, "at");
  g_autofree char *since = vmp_cli_time (vmp_json_get_string (found, "first_seen"));

  return g_strdup_printf ("found by %s%s%s%s%s", or_else (by, "somebody"), at != NULL ? ", " : "", or_else (at, ""),
                          since != NULL ? ", " : "", or_else (since, ""));
}

/* What the owner should know of it beside its state. */
static char *
remark (JsonObject *node)
{
  JsonObject *token_object = vmp_json_get_object (node, "token");
  const char *token = token_object != NULL ? vmp_json_get_string (token_object, "state") : NULL;
  JsonObject *found = vmp_json_get_object (node, "found");
  const char *reason = vmp_json_get_string (node, "pending_reason");

  if (reason != NULL)
    return g_strdup (reason);
  if (g_strcmp0 (vmp_json_get_string (node, "approval"), "pending") == 0 && found != NULL)
    return describe_finding (found);
  if (g_strcmp0 (token, "needed") == 0)
    return g_strdup ("needs a token");
  if (g_strcmp0 (token, "refused") == 0)
    return g_strdup ("token refused");
  if (g_strcmp0 (token, "locked") == 0)
    return g_strdup ("token in a locked keyring");

  return vmp_cli_value (node, "last_error");
}

char *
vmp_cli_nodes_table (JsonArray *nodes,
                     guint      columns)
{
  static const char * const headers[] = { "ID", "STATUS", "APPROVAL", "PROVIDER", "MODELS", "ADDRESS", "REMARK", NULL };
  g_autoptr (VmpCliTable) table = vmp_cli_table_new (headers);
  char *text;
  guint n_pending = 0;

  for (guint i = 0; nodes != NULL && i < json_array_get_length (nodes); i++)
    {
      JsonObject *node = vmp_cli_list_object (nodes, i);
      g_autofree char *models = NULL;
      g_autofree char *said = NULL;
      const char *approval;

      if (node == NULL)
        continue;

      approval = or_else (vmp_json_get_string (node, "approval"), "approved");
      models = vmp_cli_value (node, "models");
      said = remark (node);
      n_pending += g_str_equal (approval, "pending");

      vmp_cli_table_add (table, vmp_json_get_string (node, "id"));
      vmp_cli_table_add (table, vmp_json_get_string (node, "status"));
      vmp_cli_table_add (table, approval);
      vmp_cli_table_add (table, vmp_json_get_string (node, "provider"));
      vmp_cli_table_add (table, or_else (models, "0"));
      vmp_cli_table_add (table, vmp_json_get_string (node, "base_url"));
      vmp_cli_table_add (table, said);
    }

  if (vmp_cli_table_count_rows (table) == 0)
    return g_strdup ("No nodes. Find some with: vampire discover\n");

  text = vmp_cli_table_print (table, columns);
  if (n_pending > 0)
    {
      g_autofree char *list = text;

      text = g_strdup_printf ("%s\n%u %s for you to decide: vampire nodes approve ID, or block ID\n", list, n_pending,
                              n_pending == 1 ? "waits" : "wait");
    }

  return text;
}

static char *
show_nodes (JsonNode *answer,
            guint     columns)
{
  return vmp_cli_nodes_table (vmp_cli_list (answer, "data"), columns);
}

/* -- Looking ------------------------------------------------------------------------------- */

static int
run_list (const VmpCliArgs *args)
{
  return vmp_cli_call (args, "GET", g_strdup (NODES), NULL, show_nodes);
}

/* Asks about the node that the first word names. @body: (transfer full) (nullable) */
static int
call_node (const VmpCliArgs *args,
           const char       *method,
           const char       *rest,
           JsonNode         *body)
{
  char *path = vmp_client_path (NODES "/", vmp_cli_args_word (args, 0), rest, NULL);

  return vmp_cli_call (args, method, path, body, NULL);
}

static int
run_get (const VmpCliArgs *args)
{
  return call_node (args, "GET", "", NULL);
}

static int
run_delete (const VmpCliArgs *args)
{
  return call_node (args, "DELETE", "", NULL);
}

static int
run_approve (const VmpCliArgs *args)
{
  return call_node (args, "POST", "/approve", NULL);
}

static int
run_revoke (const VmpCliArgs *args)
{
  return call_node (args, "POST", "/revoke", NULL);
}

static int
run_block (const VmpCliArgs *args)
{
  return call_node (args, "POST", "/block", NULL);
}

static int
run_forget (const VmpCliArgs *args)
{
  return call_node (args, "POST", "/forget", NULL);
}

static int
run_refresh (const VmpCliArgs *args)
{
  return call_node (args, "POST", "/refresh", NULL);
}

static int
run_test (const VmpCliArgs *args)
{
  return call_node (args, "POST", "/test", NULL);
}

/* -- Changing ------------------------------------------------------------------------------ */

static void
add_tags (JsonBuilder      *body,
          const VmpCliArgs *args)
{
  g_autofree const char **tags = vmp_cli_args_flags (args, "tag");

  vmp_json_add_strings (body, "tags", tags);
}

static int
run_add (const VmpCliArgs *args)
{
  g_autoptr (JsonBuilder) body = vmp_cli_body_new ();
  const char *provider = vmp_cli_args_flag (args, "provider");

  vmp_json_add_string (body, "id", vmp_cli_args_word (args, 0));
  vmp_json_add_string (body, "base_url", vmp_cli_args_word (args, 1));
  vmp_json_add_string (body, "provider", provider != NULL ? provider : "auto");
  vmp_cli_body_add_flag (body, args, "name", "name");
  vmp_cli_body_add_flag (body, args, "host", "host");
  vmp_cli_body_add_flag (body, args, "agent-base-url", "agent_base_url");
  vmp_json_add_boolean (body, "trusted", vmp_cli_args_flag (args, "trusted") != NULL);
  add_tags (body, args);

  return vmp_cli_call (args, "POST", g_strdup (NODES), vmp_cli_body_end (body), NULL);
}

static void
add_whole (JsonBuilder      *body,
           const VmpCliArgs *args,
           const char       *flag,
           const char       *name)
{
  const char *value = vmp_cli_args_flag (args, flag);

  if (value != NULL)
    vmp_json_add_int (body, name, g_ascii_strtoll (value, NULL, 10));
}

static int
run_update (const VmpCliArgs *args)
{
  static const struct {
    const char *flag;
    const char *name;
  } texts[] = {
    { "name", "name" },
    { "host", "host" },
    { "provider", "provider" },
    { "agent-base-url", "agent_base_url" },
    { "status", "status" },
  };
  g_autoptr (JsonBuilder) body = vmp_cli_body_new ();
  const char *base_url = vmp_cli_args_flag (args, "base-url");
  const char *speed = vmp_cli_args_flag (args, "tokens-per-second");
  gboolean trusted = vmp_cli_args_flag (args, "trusted") != NULL;
  gboolean untrusted = vmp_cli_args_flag (args, "untrusted") != NULL;
  gboolean has_tags = vmp_cli_args_flag (args, "tag") != NULL;
  gboolean no_tags = vmp_cli_args_flag (args, "no-tags") != NULL;

  if (trusted && untrusted)
    return vmp_cli_fail (VMP_EXIT_USAGE, "--trusted and --untrusted contradict each other.");
  if (has_tags && no_tags)
    return vmp_cli_fail (VMP_EXIT_USAGE, "--tag and --no-tags contradict each other.");

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    vmp_cli_body_add_flag (body, args, texts[i].flag, texts[i].name);
  if (base_url == NULL)
    base_url = vmp_cli_args_flag (args, "lmstudio-base-url");
  if (base_url != NULL)
    vmp_json_add_string (body, "base_url", base_url);
  if (trusted || untrusted)
    vmp_json_add_boolean (body, "trusted", trusted);
  if (has_tags || no_tags)
    add_tags (body, args);
  add_whole (body, args, "active-requests", "active_requests");
  add_whole (body, args, "queue-depth", "queue_depth");
  if (speed != NULL)
    vmp_json_add_double (body, "tokens_per_second", g_ascii_strtod (speed, NULL));

  return call_node (args, "PATCH", "", vmp_cli_body_end (body));
}

static int
run_drain (const VmpCliArgs *args)
{
  g_autoptr (JsonBuilder) body = vmp_cli_body_new ();
  gboolean is_over = g_strcmp0 (vmp_cli_args_word (args, 1), "off") == 0;

  vmp_json_add_string (body, "status", is_over ? "online" : "draining");

  return call_node (args, "PATCH", "", vmp_cli_body_end (body));
}

/* -- Tokens -------------------------------------------------------------------------------- */

static int
run_token_set (const VmpCliArgs *args)
{
  g_autofree char *prompt = g_strdup_printf ("Token of node %s (not shown): ", vmp_cli_args_word (args, 0));
  g_autoptr (JsonBuilder) body = vmp_cli_body_new ();
  g_autofree char *token = NULL;
  int status = vmp_cli_read_secret (prompt, &token);

  if (status != VMP_EXIT_DONE)
    return status;

  vmp_json_add_string (body, "token", token);

  return call_node (args, "PUT", "/token", vmp_cli_body_end (body));
}

static int
run_token_remove (const VmpCliArgs *args)
{
  return call_node (args, "DELETE", "/token", NULL);
}

static int
run_token_unlock (const VmpCliArgs *args)
{
  return vmp_cli_call (args, "POST", vmp_client_path ("/vampire/v1/keyring/unlock", NULL), NULL, NULL);
}

/* -- The table ----------------------------------------------------------------------------- */

static const VmpCliFlag add_flags[] = {
  { "provider", "KIND", .help = "What server it is, such as lmstudio or ollama; auto, the default, finds out." },
  { "name", "TEXT", .help = "What you call it." },
  { "host", "TEXT", .help = "What you call its computer." },
  { "agent-base-url", "URL", .help = "Where an agent on that computer answers." },
  { "trusted", NULL, .help = "It may get what is marked for trusted nodes only." },
  { "tag", "TEXT", .repeated = TRUE, .help = "A word to group nodes by." },
  { NULL }
};

static const VmpCliFlag update_flags[] = {
  { "name", "TEXT", .help = "What you call it." },
  { "host", "TEXT", .help = "What you call its computer." },
  { "base-url", "URL", .help = "Its new address." },
  { "lmstudio-base-url", "URL", .help = "The former name of --base-url." },
  { "provider", "KIND", .help = "What server it is; auto finds out." },
  { "agent-base-url", "URL", .help = "Where an agent on that computer answers." },
  { "status", "STATUS", .help = "online, draining, disabled or maintenance." },
  { "trusted", NULL, .help = "It may get what is marked for trusted nodes only." },
  { "untrusted", NULL, .help = "It may not." },
  { "tag", "TEXT", .repeated = TRUE, .help = "A word to group nodes by, in place of those it has." },
  { "no-tags", NULL, .help = "Take all its tags away." },
  { "active-requests", "N", VMP_CLI_WHOLE, .help = "How many requests it works on, as its agent counts." },
  { "queue-depth", "N", VMP_CLI_WHOLE, .help = "How many requests wait there, as its agent counts." },
  { "tokens-per-second", "N", VMP_CLI_NUMBER, .help = "How fast it is, as its agent measures." },
  { NULL }
};

const VmpCliCommand vmp_cli_nodes_commands[] = {
  { "list", "", "Show all nodes. The verb alone does the same.", .run = run_list },
  { "add", "ID BASE_URL", "Add a node. Typing it in approves it.", add_flags, .run = run_add },
  { "get", "ID", "Show one node.", .run = run_get },
  { "update", "ID", "Change what is given, and nothing else.", update_flags, .run = run_update },
  { "delete", "ID", "Remove a node.", .run = run_delete },
  { "drain", "ID [on|off]", "Let its running requests end and send it no new ones; off ends that.", .run = run_drain },
  { "approve", "ID", "Let a found node be used.", .run = run_approve },
  { "revoke", "ID", "Take the approval, or the block, back: it waits for you to decide. What it is doing ends.",
    .run = run_revoke },
  { "block", "ID", "Never use it, also when it is found again. What it is doing ends.", .run = run_block },
  { "forget", "ID", "Remove it and what was decided about it; it may be found again.", .run = run_forget },
  { "refresh", "ID", "Ask it for its models now.", .run = run_refresh },
  { "test", "ID", "Try to reach it, and say what happened.", .run = run_test },
  { "token set", "ID", "Store the token that the node asks for. It is read from the terminal, or from a pipe.",
    .run = run_token_set },
  { "token remove", "ID", "Forget the node's token.", .run = run_token_remove },
  { "token unlock", "", "Have the desktop ask for the password of a keyring that is locked.",
    .run = run_token_unlock },
  { NULL }
};
