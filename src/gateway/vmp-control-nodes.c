/* SPDX-License-Identifier: MIT
 *
 * The control API's nodes: list, register, change, approve, revoke, block, forget, look at again, and their tokens. It
 * reads what the owner wants and says how it went; what holds for a node is decided by the registry.
 */

#include "gateway/vmp-control-node-input.h"

#include "core/vmp-limits.h"

/* -- Answers ------------------------------------------------------------------------------- */

static void
answer_registry_error (VmpControlRequest *request,
                       const GError      *error)
{
  if (g_error_matches (error, VMP_REGISTRY_ERROR, VMP_REGISTRY_ERROR_NOT_ALLOWED))
    vmp_control_problem (request, VMP_PROBLEM_BAD_REQUEST, error->message, "disallowed base_url target");
  else
    vmp_control_problem (request, VMP_PROBLEM_CONFLICT, error->message, NULL);
}

VmpNode *
vmp_control_find_node (VmpControlRequest *request)
{
  VmpNode *node = vmp_registry_find (request->gateway->registry, request->parameters[0]);

  if (node == NULL)
    {
      vmp_control_problem (request, VMP_PROBLEM_NODE_NOT_FOUND, "There is no node with this id.", "node not found");
      return NULL;
    }
  request->node = vmp_node_ref (node);

  return node;
}

gboolean
vmp_control_check_id (VmpControlRequest *request,
                      const char        *id)
{
  const char *why_not = vmp_node_check_id (id);
  g_autofree char *message = NULL;

  if (why_not == NULL)
    return TRUE;

  message = g_strdup_printf ("id %s.", why_not);
  vmp_control_invalid (request, "body", "id", message, NULL);

  return FALSE;
}

/* The node as it is now, by itself. */
static void
answer_node (VmpControlRequest *request)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  vmp_control_build_node (request->node, TRUE, builder);
  vmp_control_answer_stored (request, SOUP_STATUS_OK, vmp_json_builder_print (builder));
}

/* {"id", "status", "node"} */
static void
answer_state (VmpControlRequest *request,
              const char        *status)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "id", request->node->id);
  vmp_json_add_string (builder, "status", status);
  json_builder_set_member_name (builder, "node");
  vmp_control_build_node (request->node, TRUE, builder);
  json_builder_end_object (builder);

  vmp_control_answer_stored (request, SOUP_STATUS_OK, vmp_json_builder_print (builder));
}

static void
stop_probing (VmpControlRequest *request)
{
  vmp_health_forget_caller (request->gateway->health, request);
}

/* Looks at the node now and then calls @done with the request. */
static void
probe_then (VmpControlRequest *request,
            VmpHealthDone      done)
{
  vmp_control_wait_for (request, stop_probing);
  vmp_health_refresh (request->gateway->health, request->node, done, request);
}

/* Whether the owner's change of a node is to be followed by a look at it: one that is parked is left alone, and a
 * blocked one is asked for nothing. */
static gboolean
is_probed (const VmpNode *node)
{
  return node->service == VMP_NODE_IN_SERVICE && node->approval != VMP_APPROVAL_BLOCKED;
}

/* -- List ---------------------------------------------------------------------------------- */

static void
build_item (gpointer     item,
            JsonBuilder *builder)
{
  vmp_control_build_node (item, TRUE, builder);
}

static void
build_item_without_models (gpointer     item,
                           JsonBuilder *builder)
{
  vmp_control_build_node (item, FALSE, builder);
}

/* What a filter in the query says; NULL when it is not given. FALSE, having answered, when it is none of the words. */
static gboolean
read_filter (VmpControlRequest  *request,
             const char         *name,
             const char * const *words,
             const char        **word)
{
  g_autofree char *list = NULL;
  g_autofree char *message = NULL;

  *word = request->query != NULL ? g_hash_table_lookup (request->query, name) : NULL;
  if (*word == NULL || g_strv_contains (words, *word))
    return TRUE;

  list = g_strjoinv (", ", (char **) words);
  message = g_strdup_printf ("%s must be one of %s.", name, list);
  vmp_control_invalid (request, "query", name, message, NULL);

  return FALSE;
}

static void
handle_list (VmpControlRequest *request)
{
  static const char * const approvals[] = { "pending", "approved", "blocked", NULL };
  static const char * const statuses[] = {
    "unknown", "online", "degraded", "offline", "draining", "disabled", "maintenance", "quarantine", NULL
  };
  static const char * const answers_to_models[] = { "true", "false", NULL };
  GPtrArray *nodes = vmp_registry_get_nodes (request->gateway->registry);
  g_autoptr (GPtrArray) chosen = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_node_unref);
  const char *approval;
  const char *status;
  const char *models;
  guint i;

  if (!read_filter (request, "approval", approvals, &approval) || !read_filter (request, "status", statuses, &status)
      || !read_filter (request, "models", answers_to_models, &models))
    return;

  for (i = 0; i < nodes->len; i++)
    {
      VmpNode *node = g_ptr_array_index (nodes, i);

      if ((approval == NULL || g_str_equal (approval, vmp_approval_to_string (node->approval)))
          && (status == NULL || g_str_equal (status, vmp_node_get_status (node))))
        g_ptr_array_add (chosen, vmp_node_ref (node));
    }

  vmp_control_answer_list (request, g_steal_pointer (&chosen),
                           g_strcmp0 (models, "false") == 0 ? build_item_without_models : build_item);
}

static void
handle_get (VmpControlRequest *request)
{
  g_autoptr (JsonBuilder) builder = NULL;

  if (vmp_control_find_node (request) == NULL)
    return;

  builder = json_builder_new_immutable ();
  vmp_control_build_node (request->node, TRUE, builder);
  vmp_control_answer_built (request, SOUP_STATUS_OK, builder);
}

/* -- Register and change ------------------------------------------------------------------- */

static void
stop_keeping (VmpControlRequest *request)
{
  vmp_token_vault_forget_caller (request->gateway->vault, request);
}

/* Removes the token that there may be for @address, and goes on: that of the address that the node had, or of a
 * node that was there before it. A crash right after the answer must not bring it back. */
static void
after_token_is_gone (VmpControlRequest *request,
                     const char        *address,
                     VmpTokenVaultDone  go_on)
{
  VmpTokenVault *vault = request->gateway->vault;
  g_autofree char *token_id = vmp_node_make_token_id (request->node->id, address);

  if (!vmp_token_vault_knows (vault, token_id))
    {
      go_on (request, NULL);
      return;
    }

  vmp_control_wait_for (request, stop_keeping);
  vmp_token_vault_set (vault, token_id, NULL, NULL, go_on, request);
}

/* @token: (nullable): NULL removes it */
static void
keep_token (VmpControlRequest *request,
            const char        *token,
            VmpTokenVaultDone  done)
{
  const VmpNode *node = request->node;
  g_autofree char *token_id = vmp_node_make_token_id (node->id, node->base_url->text);

  vmp_token_vault_set (request->gateway->vault, token_id, vmp_node_get_label (node), token, done, request);
}

static void
registered_cb (gpointer user_data)
{
  VmpControlRequest *request = user_data;
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "id", request->node->id);
  vmp_json_add_string (builder, "status", "registered");
  vmp_json_add_boolean (builder, "trusted", request->node->trusted);
  json_builder_set_member_name (builder, "node");
  vmp_control_build_node (request->node, TRUE, builder);
  json_builder_end_object (builder);

  vmp_control_answer_stored (request, SOUP_STATUS_OK, vmp_json_builder_print (builder));
}

/* A token that could not be removed, from a keyring that is locked, is no reason to refuse the node. */
static void
register_cb (gpointer      user_data,
             const GError *error)
{
  VmpControlRequest *request = user_data;

  if (is_probed (request->node))
    probe_then (request, registered_cb);
  else
    registered_cb (request);
}

static void
handle_register (VmpControlRequest *request)
{
  VmpRegistry *registry = request->gateway->registry;
  const char *id = vmp_json_get_string (request->body, "id");
  g_auto (VmpNodeInput) input = { { 0 } };
  g_autoptr (GError) error = NULL;
  g_autofree char *address_before = NULL;
  VmpNode *node;

  if (id != NULL && !vmp_control_check_id (request, id))
    return;
  if (!vmp_node_input_read (&input, request))
    return;
  if (input.base_url == NULL)
    {
      vmp_control_invalid (request, "body", "base_url",
                           "base_url is missing: where the node is, such as http://192.168.1.50:1234.",
                           "Field required");
      return;
    }

  node = id != NULL ? vmp_registry_find (registry, id) : NULL;
  if (node == NULL)
    node = vmp_registry_find_url (registry, input.base_url);
  if (node != NULL)
    address_before = g_strdup (node->base_url->text);

  node = vmp_registry_register (registry, id, &input.update, &error);
  if (node == NULL)
    {
      answer_registry_error (request, error);
      return;
    }
  request->node = vmp_node_ref (node);
  if (address_before == NULL)
    after_token_is_gone (request, node->base_url->text, register_cb);
  else if (!g_str_equal (address_before, node->base_url->text))
    after_token_is_gone (request, address_before, register_cb);
  else
    register_cb (request, NULL);
}

static void
changed_cb (gpointer user_data)
{
  answer_node (user_data);
}

static void
change_cb (gpointer      user_data,
           const GError *error)
{
  VmpControlRequest *request = user_data;

  if (is_probed (request->node))
    probe_then (request, changed_cb);
  else
    answer_node (request);
}

static void
handle_change (VmpControlRequest *request)
{
  g_auto (VmpNodeInput) input = { { 0 } };
  g_autoptr (GError) error = NULL;
  g_autofree char *address_before = NULL;
  VmpNode *node = vmp_control_find_node (request);

  if (node == NULL || !vmp_node_input_read (&input, request))
    return;
  vmp_node_input_read_load (&input, request->body);

  address_before = g_strdup (node->base_url->text);
  if (!vmp_registry_update (request->gateway->registry, node, &input.update, &error))
    {
      answer_registry_error (request, error);
      return;
    }
  if (!g_str_equal (address_before, node->base_url->text))
    after_token_is_gone (request, address_before, change_cb);
  else
    change_cb (request, NULL);
}

/* -- Approve, revoke, block, forget ---------------------------------------------------------------- */

static void
approved_cb (gpointer user_data)
{
  answer_state (user_data, "approved");
}

/* Whether a member is there and says something else than what holds. NULL: nothing does. */
static gboolean
differs (JsonObject *expected,
         const char *name,
         const char *actual)
{
  return json_object_has_member (expected, name) && g_strcmp0 (vmp_json_get_string (expected, name), actual) != 0;
}

/* Whether the node is what its owner saw when they decided; else it answers. Who is at an address may change between
 * the look and the word, and an approval binds to who is there then. */
static gboolean
is_as_expected (VmpControlRequest *request)
{
  const VmpNode *node = request->node;
  JsonObject *expected = vmp_json_get_object (request->body, "expect");
  g_autofree char *message = NULL;
  const char *what = NULL;

  if (expected == NULL)
    return TRUE;

  if (differs (expected, "base_url", node->base_url->text))
    what = "is at another address";
  else if (differs (expected, "seen_address", node->seen_address))
    what = "answers from another address of the network";
  else if (differs (expected, "seen_key", node->seen_key))
    what = "has another key";
  if (what == NULL)
    return TRUE;

  message = g_strdup_printf ("%s %s than the one that was looked at when this was decided; look at it again.",
                             vmp_node_get_label (node), what);
  vmp_control_problem (request, VMP_PROBLEM_CONFLICT, message, NULL);

  return FALSE;
}

static void
handle_approve (VmpControlRequest *request)
{
  VmpNode *node = vmp_control_find_node (request);

  if (node == NULL || !is_as_expected (request))
    return;

  vmp_registry_approve (request->gateway->registry, node);
  if (is_probed (node))
    probe_then (request, approved_cb);
  else
    answer_state (request, "approved");
}

static void
revoked_cb (gpointer user_data)
{
  answer_state (user_data, "pending");
}

/* As if it had just been found: what runs on it ends, and it is looked at as one is that nobody knows. */
static void
handle_revoke (VmpControlRequest *request)
{
  VmpNode *node = vmp_control_find_node (request);
  g_autofree char *message = NULL;

  if (node == NULL)
    return;

  if (node->is_default)
    message = g_strdup_printf ("%s is the server of the setting default_base_url, which approves it; block it to keep "
                               "requests away from it, or change the setting.", vmp_node_get_label (node));
  else if (node->approval == VMP_APPROVAL_PENDING)
    message = g_strdup_printf ("%s waits for approval already.", vmp_node_get_label (node));
  if (message != NULL)
    {
      vmp_control_problem (request, VMP_PROBLEM_CONFLICT, message, NULL);
      return;
    }

  vmp_registry_revoke (request->gateway->registry, node);
  if (is_probed (node))
    probe_then (request, revoked_cb);
  else
    answer_state (request, "pending");
}

static void
handle_block (VmpControlRequest *request)
{
  VmpNode *node = vmp_control_find_node (request);

  if (node == NULL)
    return;

  vmp_registry_block (request->gateway->registry, node);
  answer_state (request, "blocked");
}

/* A keyring that is locked still has it: then the next node of that id at that address finds it there. */
static void
forgotten_cb (gpointer      user_data,
              const GError *error)
{
  VmpControlRequest *request = user_data;

  vmp_control_answer_done (request, request->node->id, "removed");
}

static void
forget_stored_cb (gpointer      user_data,
                  const GError *error)
{
  VmpControlRequest *request = user_data;
  g_autofree char *token_id = vmp_node_make_token_id (request->node->id, request->node->base_url->text);

  if (vmp_token_vault_knows (request->gateway->vault, token_id))
    keep_token (request, NULL, forgotten_cb);
  else
    forgotten_cb (request, NULL);
}

static void
stop_forgetting (VmpControlRequest *request)
{
  vmp_store_forget_caller (request->gateway->store, request);
  vmp_token_vault_forget_caller (request->gateway->vault, request);
}

/* That a node is forgotten is answered when its token is, or a crash right after could bring that back. */
static void
handle_forget (VmpControlRequest *request)
{
  VmpNode *node = vmp_control_find_node (request);

  if (node == NULL)
    return;

  vmp_control_wait_for (request, stop_forgetting);
  vmp_registry_forget (request->gateway->registry, node);
  vmp_registry_when_stored (request->gateway->registry, forget_stored_cb, request);
}

/* -- Look at it ---------------------------------------------------------------------------- */

/* FALSE, having answered, for a node that is asked for nothing. */
static gboolean
may_probe (VmpControlRequest *request)
{
  g_autofree char *message = NULL;

  if (request->node->approval != VMP_APPROVAL_BLOCKED)
    return TRUE;

  message = g_strdup_printf ("%s is blocked, so it is asked for nothing. Approve it first.",
                             vmp_node_get_label (request->node));
  vmp_control_problem (request, VMP_PROBLEM_CONFLICT, message, NULL);

  return FALSE;
}

static void
refreshed_cb (gpointer user_data)
{
  answer_state (user_data, "refreshed");
}

static void
handle_refresh (VmpControlRequest *request)
{
  if (vmp_control_find_node (request) != NULL && may_probe (request))
    probe_then (request, refreshed_cb);
}

/* What to do next about a node that answers, as a sentence; NULL: nothing. */
static const char *
get_advice (const VmpNode *node)
{
  switch (node->token_state)
    {
    case VMP_TOKEN_NEEDED:
      return "It asks for a token: give it one with `vampire nodes token set`.";

    case VMP_TOKEN_REFUSED:
      return "It refuses the token that it was given: give it another one with `vampire nodes token set`.";

    case VMP_TOKEN_LOCKED:
      return "Its token is in a keyring that is locked: unlock that first.";

    case VMP_TOKEN_NOT_NEEDED:
    case VMP_TOKEN_SET:
    default:
      break;
    }

  if (node->approval == VMP_APPROVAL_PENDING)
    return "It gets no requests before you approve it.";
  if (node->service != VMP_NODE_IN_SERVICE)
    return "It gets no requests, since you took it out of service.";

  return NULL;
}

static gboolean
answers (const VmpNode *node)
{
  return node->health == VMP_NODE_ONLINE || node->health == VMP_NODE_DEGRADED;
}

/* The verdict, in sentences. (transfer full) */
static char *
make_verdict (const VmpNode *node)
{
  const char *label = vmp_node_get_label (node);
  guint n = node->inventory != NULL ? node->inventory->models->len : 0;
  const char *advice = get_advice (node);
  g_autoptr (GString) text = g_string_new (NULL);

  if (!answers (node))
    return node->last_error != NULL ? g_strdup (node->last_error) : g_strdup_printf ("%s does not answer.", label);

  g_string_printf (text, "%s answers within %.0f ms", label, node->latency_ms);
  if (n > 0)
    g_string_append_printf (text, ", with %u model%s", n, n == 1 ? "" : "s");
  g_string_append_c (text, '.');
  if (advice != NULL)
    g_string_append_printf (text, " %s", advice);

  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
tested_cb (gpointer user_data)
{
  VmpControlRequest *request = user_data;
  const VmpNode *node = request->node;
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();
  g_autofree char *verdict = make_verdict (node);

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "id", node->id);
  vmp_json_add_boolean (builder, "ok",
                        answers (node) && node->token_state != VMP_TOKEN_NEEDED
                        && node->token_state != VMP_TOKEN_REFUSED && node->token_state != VMP_TOKEN_LOCKED);
  vmp_json_add_string (builder, "message", verdict);
  vmp_control_add_milliseconds (builder, "latency_ms", answers (node) ? node->latency_ms : 0);
  json_builder_end_object (builder);

  vmp_control_answer_built (request, SOUP_STATUS_OK, builder);
}

static void
handle_test (VmpControlRequest *request)
{
  if (vmp_control_find_node (request) != NULL && may_probe (request))
    probe_then (request, tested_cb);
}

/* -- Tokens -------------------------------------------------------------------------------- */

static void
answer_token (VmpControlRequest *request,
              const char        *state)
{
  VmpKeyringState keyring = vmp_token_vault_get_state (request->gateway->vault);
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "id", request->node->id);
  vmp_json_add_string (builder, "token", state);
  if (g_str_equal (state, "set"))
    vmp_json_add_string (builder, "stored_in", keyring == VMP_KEYRING_FILE ? "file" : "keyring");
  json_builder_set_member_name (builder, "node");
  vmp_control_build_node (request->node, TRUE, builder);
  json_builder_end_object (builder);

  vmp_control_answer_built (request, SOUP_STATUS_OK, builder);
}

static void
token_tried_cb (gpointer user_data)
{
  answer_token (user_data, "set");
}

static void
token_kept_cb (gpointer      user_data,
               const GError *error)
{
  VmpControlRequest *request = user_data;

  if (error != NULL)
    vmp_control_problem (request, VMP_PROBLEM_KEYRING, error->message, NULL);
  else if (is_probed (request->node))
    probe_then (request, token_tried_cb);
  else
    answer_token (request, "set");
}

static void
handle_token_set (VmpControlRequest *request)
{
  const char *token = vmp_json_get_string (request->body, "token");
  VmpNode *node = vmp_control_find_node (request);
  const char *fault;
  g_autofree char *message = NULL;

  if (node == NULL)
    return;

  fault = vmp_token_vault_check (token);
  if (fault != NULL)
    {
      message = g_strdup_printf ("token %s.", fault);
      vmp_control_invalid (request, "body", "token", message, NULL);
      return;
    }

  vmp_control_wait_for (request, stop_keeping);
  keep_token (request, token, token_kept_cb);
}

static void
token_removed_cb (gpointer      user_data,
                  const GError *error)
{
  VmpControlRequest *request = user_data;

  if (error != NULL)
    vmp_control_problem (request, VMP_PROBLEM_KEYRING, error->message, NULL);
  else
    answer_token (request, "removed");
}

static void
handle_token_remove (VmpControlRequest *request)
{
  VmpNode *node = vmp_control_find_node (request);

  if (node == NULL)
    return;

  vmp_control_wait_for (request, stop_keeping);
  keep_token (request, NULL, token_removed_cb);
}

static void
unlocked_cb (gpointer      user_data,
             const GError *error)
{
  VmpControlRequest *request = user_data;
  VmpTokenVault *vault = request->gateway->vault;
  g_autoptr (JsonBuilder) builder = NULL;

  if (error != NULL)
    {
      vmp_control_problem (request, VMP_PROBLEM_KEYRING, error->message, NULL);
      return;
    }

  builder = json_builder_new_immutable ();
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "object", "vampire.keyring");
  vmp_json_add_string (builder, "state", vmp_keyring_state_to_string (vmp_token_vault_get_state (vault)));
  vmp_json_add_string (builder, "trouble", vmp_token_vault_get_trouble (vault));
  json_builder_end_object (builder);
  vmp_control_answer_built (request, SOUP_STATUS_OK, builder);
}

/* The desktop asks its owner for the password, which may take minutes. */
static void
handle_unlock (VmpControlRequest *request)
{
  vmp_control_wait_for (request, stop_keeping);
  vmp_token_vault_unlock (request->gateway->vault, unlocked_cb, request);
}

/* -- The table ----------------------------------------------------------------------------- */

static const VmpField token_fields[] = {
  { "token", VMP_FIELD_STRING, .required = TRUE, .about = "Nobody can read it again." },
  { NULL }
};

static const VmpField expect_fields[] = {
  { "base_url", VMP_FIELD_STRING, .max = VMP_LIMIT_URL_CHARS },
  { "seen_address", VMP_FIELD_STRING, .nullable = TRUE, .about = "null: none was seen." },
  { "seen_key", VMP_FIELD_STRING, .nullable = TRUE, .about = "null: none was seen." },
  { NULL }
};

static const VmpField approve_fields[] = {
  { "expect", VMP_FIELD_OBJECT, .nullable = TRUE, .members = expect_fields,
    .about = "What its owner saw of it. 409 when one of these is different now." },
  { NULL }
};

static const VmpField list_answer[] = {
  { "object", VMP_FIELD_STRING, TRUE },
  { "data", VMP_FIELD_OBJECTS, TRUE, .members = vmp_control_node_answer },
  { NULL }
};

static const VmpField registered_answer[] = {
  { "id", VMP_FIELD_STRING, TRUE },
  { "status", VMP_FIELD_STRING, TRUE, .about = "registered" },
  { "trusted", VMP_FIELD_BOOLEAN, TRUE },
  { "node", VMP_FIELD_OBJECT, TRUE, .members = vmp_control_node_answer },
  { NULL }
};

static const VmpField state_answer[] = {
  { "id", VMP_FIELD_STRING, TRUE },
  { "status", VMP_FIELD_STRING, TRUE, .about = "approved, pending, blocked or refreshed." },
  { "node", VMP_FIELD_OBJECT, TRUE, .members = vmp_control_node_answer },
  { NULL }
};

static const VmpField removed_answer[] = {
  { "id", VMP_FIELD_STRING, TRUE },
  { "status", VMP_FIELD_STRING, TRUE, .about = "removed" },
  { NULL }
};

static const VmpField test_answer[] = {
  { "id", VMP_FIELD_STRING, TRUE },
  { "ok", VMP_FIELD_BOOLEAN, TRUE, .about = "Whether it answers, and its token is right if it asks for one." },
  { "message", VMP_FIELD_STRING, TRUE, .about = "The verdict for people." },
  { "latency_ms", VMP_FIELD_NUMBER, TRUE, TRUE },
  { NULL }
};

static const VmpField keyring_answer[] = {
  { "object", VMP_FIELD_STRING, TRUE, .about = "vampire.keyring" },
  { "state", VMP_FIELD_STRING, TRUE, .about = "unknown, open, locked, file or unavailable." },
  { "trouble", VMP_FIELD_STRING, TRUE, .nullable = TRUE, .about = "Why it is unavailable, as a sentence." },
  { NULL }
};

static const VmpField token_answer[] = {
  { "id", VMP_FIELD_STRING, TRUE },
  { "token", VMP_FIELD_STRING, TRUE, .about = "set or removed." },
  { "stored_in", VMP_FIELD_STRING, .about = "keyring or file." },
  { "node", VMP_FIELD_OBJECT, TRUE, .members = vmp_control_node_answer },
  { NULL }
};

const VmpEndpoint vmp_control_node_endpoints[] = {
  { "GET", "/vampire/v1/nodes", handle_list, NULL,
    "All nodes; ?approval= and ?status= choose among them, and ?models=false leaves their models out.", "listNodes",
    list_answer },
  { "POST", "/vampire/v1/nodes", handle_register, vmp_control_register_fields,
    "Registers a node, which approves it, and looks at it.", "registerNode", registered_answer },
  { "GET", "/vampire/v1/nodes/{id}", handle_get, NULL,
    "One node.", "getNode", vmp_control_node_answer },
  { "PATCH", "/vampire/v1/nodes/{id}", handle_change, vmp_control_change_fields,
    "Changes what is given, and looks at the node unless it is parked.", "changeNode", vmp_control_node_answer },
  { "DELETE", "/vampire/v1/nodes/{id}", handle_forget, NULL,
    "Forgets a node and its token.", "removeNode", removed_answer },
  { "POST", "/vampire/v1/nodes/{id}/approve", handle_approve, approve_fields,
    "Lets requests go to a node at the address and with the key that it has now.", "approveNode", state_answer },
  { "POST", "/vampire/v1/nodes/{id}/revoke", handle_revoke, NULL,
    "Takes an approval or a block back: what runs on the node ends, and it waits for approval again.", "revokeNode",
    state_answer },
  { "POST", "/vampire/v1/nodes/{id}/block", handle_block, NULL,
    "Ends what runs on a node and keeps everything away from it, also when it is found again.", "blockNode",
    state_answer },
  { "POST", "/vampire/v1/nodes/{id}/forget", handle_forget, NULL,
    "Forgets a node and its token; it may be found again.", "forgetNode", removed_answer },
  { "POST", "/vampire/v1/nodes/{id}/refresh", handle_refresh, NULL,
    "Looks at a node now.", "refreshNode", state_answer },
  { "POST", "/vampire/v1/nodes/{id}/test", handle_test, NULL,
    "Looks at a node now and says in words how it is.", "testNode", test_answer },
  { "PUT", "/vampire/v1/nodes/{id}/token", handle_token_set, token_fields,
    "Keeps a node's token, which goes to this node alone.", "setNodeToken", token_answer },
  { "DELETE", "/vampire/v1/nodes/{id}/token", handle_token_remove, NULL,
    "Removes a node's token.", "removeNodeToken", token_answer },
  { "POST", "/vampire/v1/keyring/unlock", handle_unlock, NULL,
    "Has the desktop ask for the keyring's password, if it is locked, and reads the nodes' tokens.", "unlockKeyring",
    keyring_answer },
  { NULL }
};
