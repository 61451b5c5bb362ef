/* SPDX-License-Identifier: MIT
 *
 * The doctor's judgement as a table: what is the case, and what is said of it, word for word where it matters.
 */

#include "gateway/vmp-doctor.h"

#include "core/vmp-json.h"

#include <string.h>

#define NOW 1795310000 /* in 2026 */

static const char * const none[] = { NULL };
static const char * const both[] = { "127.0.0.1:7777", "[::1]:7777", NULL };
static const char * const only_ipv4[] = { "127.0.0.1:7777", NULL };
static const char * const only_ipv6[] = { "[::1]:7777", NULL };
static const char * const elsewhere[] = { "192.168.1.10:9000", NULL };
static const char * const lan[] = { "192.168.1.10:7777", NULL };

static VmpBaseUrl here_url = { (char *) "http://localhost:1234", (char *) "localhost", 1234 };
static VmpBaseUrl lan_url = { (char *) "http://192.168.1.20:1234", (char *) "192.168.1.20", 1234 };
static VmpBaseUrl ollama_url = { (char *) "http://nas:11434", (char *) "nas", 11434 };
static VmpBaseUrl other_url = { (char *) "https://ai.home:8443", (char *) "ai.home", 8443 };

/* All is well: LM Studio runs here, and nothing else is in use. */
static const VmpDoctorFacts well = {
  .keyring = VMP_KEYRING_OPEN,
  .dnssd = VMP_DNSSD_RUNNING,
  .dnssd_is_wanted = TRUE,
  .has_avahi = TRUE,
  .port = 7777,
  .addresses = both,
  .has_ipv6 = TRUE,
  .shared_addresses = none,
  .now = NOW,
  .clock_is_known = TRUE,
  .clock_is_synchronised = TRUE,
};

static VmpNode
default_node (void)
{
  VmpNode node = {
    .id = (char *) "node-localhost-1234",
    .base_url = &here_url,
    .is_default = TRUE,
    .approval = VMP_APPROVAL_APPROVED,
    .health = VMP_NODE_ONLINE,
    .provider = VMP_PROVIDER_LMSTUDIO,
  };

  return node;
}

static VmpNode
studio (void)
{
  VmpNode node = {
    .id = (char *) "studio",
    .base_url = &lan_url,
    .host = (char *) "studio-mac",
    .approval = VMP_APPROVAL_APPROVED,
    .health = VMP_NODE_OFFLINE,
    .provider = VMP_PROVIDER_LMSTUDIO,
  };

  return node;
}

/* Checks one check. @message, @remedy: all of it; NULL: there is none */
static void
assert_check (const VmpDoctorFacts *facts,
              const char           *id,
              VmpCheckStatus        status,
              const char           *message,
              const char           *remedy)
{
  g_autoptr (GPtrArray) checks = vmp_doctor_examine (facts);
  guint i;

  for (i = 0; i < checks->len; i++)
    {
      const VmpDoctorCheck *check = g_ptr_array_index (checks, i);

      if (!g_str_equal (check->id, id))
        continue;
      g_assert_cmpstr (check->message, ==, message);
      g_assert_cmpstr (check->remedy, ==, remedy);
      g_assert_cmpstr (vmp_check_status_to_string (check->status), ==, vmp_check_status_to_string (status));
      return;
    }
  g_assert_not_reached ();
}

/* What one check says. (transfer full) */
static char *
dup_message (const VmpDoctorFacts *facts,
             const char           *id)
{
  g_autoptr (GPtrArray) checks = vmp_doctor_examine (facts);
  guint i;

  for (i = 0; i < checks->len; i++)
    {
      const VmpDoctorCheck *check = g_ptr_array_index (checks, i);

      if (g_str_equal (check->id, id))
        return g_strdup (check->message);
    }

  return NULL;
}

/* assert_check() with a single node. */
static void
assert_node (const VmpNode *node,
             gboolean       is_here,
             VmpKnock       knock,
             const char    *id,
             VmpCheckStatus status,
             const char    *message,
             const char    *remedy)
{
  VmpDoctorNode subject = { node, is_here, knock };
  VmpDoctorFacts facts = well;

  facts.nodes = &subject;
  facts.n_nodes = 1;
  assert_check (&facts, id, status, message, remedy);
}

/* -- All of it ------------------------------------------------------------------------------- */

static char *
print (const VmpDoctorFacts *facts)
{
  g_autoptr (GPtrArray) checks = vmp_doctor_examine (facts);
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  vmp_doctor_build (checks, builder);

  return vmp_json_builder_print (builder);
}

static const char *
overall (const VmpDoctorFacts *facts)
{
  g_autofree char *text = print (facts);
  g_autoptr (JsonNode) root = vmp_json_parse (text, strlen (text), NULL);
  const char *status = vmp_json_get_string (json_node_get_object (root), "status");

  return g_intern_string (status);
}

static void
test_all (void)
{
  static const char * const ids[] = {
    "default_node", "lan_nodes", "pending", "tokens", "keyring", "dns_sd", "listeners", "sharing", "firewall", "clock",
    "store"
  };
  VmpNode node = default_node ();
  VmpDoctorNode subject = { &node, TRUE, VMP_KNOCK_NONE };
  VmpDoctorFacts facts = well;
  g_autoptr (GPtrArray) checks = NULL;
  g_autofree char *text = NULL;
  guint i;

  facts.nodes = &subject;
  facts.n_nodes = 1;
  checks = vmp_doctor_examine (&facts);
  g_assert_cmpuint (checks->len, ==, G_N_ELEMENTS (ids));
  for (i = 0; i < checks->len; i++)
    {
      const VmpDoctorCheck *check = g_ptr_array_index (checks, i);

      g_assert_cmpstr (check->id, ==, ids[i]);
      g_assert_nonnull (check->title);
      g_assert_nonnull (check->message);
      g_assert_true (check->status == VMP_CHECK_OK || check->status == VMP_CHECK_SKIPPED);
    }

  text = print (&facts);
  g_assert_true (g_str_has_prefix (text, "{\"object\":\"vampire.doctor\",\"status\":\"ok\",\"checks\":["
                                   "{\"id\":\"default_node\",\"title\":\"Default node\",\"status\":\"ok\","
                                   "\"message\":\"LM Studio on this computer answers at http://localhost:1234.\","
                                   "\"remedy\":null},"));
}

static void
test_overall (void)
{
  VmpNode node = default_node ();
  VmpDoctorNode subject = { &node, TRUE, VMP_KNOCK_REFUSED };
  VmpDoctorFacts facts = well;

  facts.nodes = &subject;
  facts.n_nodes = 1;
  facts.clock_is_synchronised = FALSE;
  g_assert_cmpstr (overall (&facts), ==, "warning");
  node.health = VMP_NODE_OFFLINE;
  g_assert_cmpstr (overall (&facts), ==, "problem");
}

/* -- The default node ------------------------------------------------------------------------ */

static void
test_default_models (void)
{
  VmpNode node = default_node ();
  VmpInventory inventory = { .models = g_ptr_array_new () };

  node.inventory = &inventory;
  assert_node (&node, TRUE, VMP_KNOCK_NONE, "default_node", VMP_CHECK_WARNING,
               "LM Studio on this computer answers at http://localhost:1234, but has no models.",
               "Download a model there.");
  g_ptr_array_add (inventory.models, NULL);
  assert_node (&node, TRUE, VMP_KNOCK_NONE, "default_node", VMP_CHECK_OK,
               "LM Studio on this computer answers at http://localhost:1234 and has 1 model.", NULL);
  g_ptr_array_add (inventory.models, NULL);
  assert_node (&node, TRUE, VMP_KNOCK_NONE, "default_node", VMP_CHECK_OK,
               "LM Studio on this computer answers at http://localhost:1234 and has 2 models.", NULL);
  g_ptr_array_unref (inventory.models);
}

static void
test_default_off (void)
{
  VmpNode node = default_node ();

  node.health = VMP_NODE_OFFLINE;
  node.provider = VMP_PROVIDER_AUTO;
  assert_node (&node, TRUE, VMP_KNOCK_REFUSED, "default_node", VMP_CHECK_PROBLEM,
               "Nothing listens at http://localhost:1234: LM Studio on this computer is not running, or its server is "
               "switched off.",
               "Start LM Studio, open its Developer tab and switch the server on. If it shows another port than 1234 "
               "there, tell Vampire with \"vampire config set default_base_url http://localhost:PORT\".");
}

/* Where other nodes can be used, that is no problem. */
static void
test_default_off_beside_others (void)
{
  VmpNode nodes[] = { default_node (), studio () };
  VmpDoctorNode subjects[] = { { &nodes[0], TRUE, VMP_KNOCK_REFUSED }, { &nodes[1], FALSE, VMP_KNOCK_NONE } };
  VmpDoctorFacts facts = well;

  nodes[0].health = VMP_NODE_OFFLINE;
  nodes[1].health = VMP_NODE_ONLINE;
  facts.nodes = subjects;
  facts.n_nodes = G_N_ELEMENTS (subjects);
  g_assert_cmpstr (overall (&facts), ==, "warning");

  nodes[1].approval = VMP_APPROVAL_PENDING;
  g_assert_cmpstr (overall (&facts), ==, "problem");
}

static void
test_default_stranger (void)
{
  VmpNode node = default_node ();

  node.health = VMP_NODE_OFFLINE;
  node.last_error = (char *) "Its list of models is no JSON";
  assert_node (&node, TRUE, VMP_KNOCK_OPENED, "default_node", VMP_CHECK_PROBLEM,
               "Something takes connections at http://localhost:1234, but does not answer as a model server does. Its "
               "list of models is no JSON.",
               "Perhaps another program has port 1234. LM Studio's Developer tab shows which port its server has; tell "
               "Vampire with \"vampire config set default_base_url http://localhost:PORT\".");
}

static void
test_default_by_choice (void)
{
  VmpNode node = default_node ();

  node.service = VMP_NODE_MAINTENANCE;
  node.health = VMP_NODE_OFFLINE;
  assert_node (&node, TRUE, VMP_KNOCK_NONE, "default_node", VMP_CHECK_SKIPPED,
               "You have taken it out of service (maintenance), so nothing new is sent there.",
               "To use it again, run \"vampire nodes update node-localhost-1234 --status online\".");
  node.approval = VMP_APPROVAL_BLOCKED;
  assert_node (&node, TRUE, VMP_KNOCK_NONE, "default_node", VMP_CHECK_SKIPPED,
               "It is not approved, so nothing is sent there.",
               "To use it, run \"vampire nodes approve node-localhost-1234\".");
  assert_check (&well, "default_node", VMP_CHECK_SKIPPED, "There is none.", NULL);
}

/* -- Other nodes ----------------------------------------------------------------------------- */

/* The most common failure of all. */
static void
test_lan_refused (void)
{
  static const char message[] = "LM Studio on studio-mac refuses connections at http://192.168.1.20:1234: it only "
                                "listens on its own computer, or its server is switched off.";
  static const char remedy[] = "On studio-mac, open LM Studio's Developer tab, switch the server on, and turn on Serve "
                               "on Local Network in its Server Settings.";
  VmpNode node = studio ();

  assert_node (&node, FALSE, VMP_KNOCK_REFUSED, "lan_nodes", VMP_CHECK_PROBLEM, message, remedy);

  /* Also before it was approved, or recognised. */
  node.approval = VMP_APPROVAL_PENDING;
  assert_node (&node, FALSE, VMP_KNOCK_REFUSED, "lan_nodes", VMP_CHECK_WARNING, message, remedy);
  node.provider = VMP_PROVIDER_AUTO;
  assert_node (&node, FALSE, VMP_KNOCK_REFUSED, "lan_nodes", VMP_CHECK_WARNING, message, remedy);

  /* The machine's name, else the node's, else where it is. */
  node.name = (char *) "Studio";
  node.host = NULL;
  assert_node (&node, FALSE, VMP_KNOCK_SILENT, "lan_nodes", VMP_CHECK_WARNING,
               "LM Studio on Studio does not answer at http://192.168.1.20:1234.",
               "Is Studio on, awake and in this network? If it is, its firewall may keep port 1234 closed.");
  node.name = NULL;
  assert_node (&node, FALSE, VMP_KNOCK_SILENT, "lan_nodes", VMP_CHECK_WARNING,
               "LM Studio on 192.168.1.20 does not answer at http://192.168.1.20:1234.",
               "Is 192.168.1.20 on, awake and in this network? If it is, its firewall may keep port 1234 closed.");
}

static void
test_lan_refused_by_others (void)
{
  VmpNode node = studio ();

  node.provider = VMP_PROVIDER_AUTO;
  node.base_url = &ollama_url;
  assert_node (&node, FALSE, VMP_KNOCK_REFUSED, "lan_nodes", VMP_CHECK_PROBLEM,
               "Ollama on studio-mac refuses connections at http://nas:11434: it only listens on its own computer, or "
               "its server is switched off.",
               "On studio-mac, set OLLAMA_HOST=0.0.0.0 for Ollama and start it again.");
  node.base_url = &other_url;
  assert_node (&node, FALSE, VMP_KNOCK_REFUSED, "lan_nodes", VMP_CHECK_PROBLEM,
               "The server on studio-mac refuses connections at https://ai.home:8443: it only listens on its own "
               "computer, or its server is switched off.",
               "On studio-mac, start the server so that it listens on the network, at the address 0.0.0.0.");
}

static void
test_lan_unreachable (void)
{
  VmpNode node = studio ();

  assert_node (&node, FALSE, VMP_KNOCK_UNREACHABLE, "lan_nodes", VMP_CHECK_WARNING,
               "No network leads to http://192.168.1.20:1234 at the moment.",
               "Are this computer and studio-mac on and in the same network?");
  assert_node (&node, FALSE, VMP_KNOCK_NOT_ALLOWED, "lan_nodes", VMP_CHECK_WARNING,
               "The address of http://192.168.1.20:1234 is one that Vampire does not connect to, such as a public one.",
               "If it is meant to be reached over the internet, run \"vampire config set allow_public_nodes yes\".");
  node.base_url = &ollama_url;
  node.provider = VMP_PROVIDER_OLLAMA;
  assert_node (&node, FALSE, VMP_KNOCK_UNKNOWN_NAME, "lan_nodes", VMP_CHECK_WARNING,
               "No computer with the name in http://nas:11434 is known in this network.",
               "Is studio-mac on and in this network? If it has another address now, run \"vampire nodes update studio "
               "--base-url URL\".");
  node.last_error = (char *) "It was not asked.";
  assert_node (&node, FALSE, VMP_KNOCK_NONE, "lan_nodes", VMP_CHECK_WARNING,
               "Ollama on studio-mac has not answered yet at http://nas:11434. It was not asked.",
               "Look at it again with \"vampire nodes test studio\".");
}

static void
test_other_node_here (void)
{
  VmpNode node = studio ();

  node.base_url = &ollama_url;
  node.provider = VMP_PROVIDER_OLLAMA;
  assert_node (&node, TRUE, VMP_KNOCK_REFUSED, "lan_nodes", VMP_CHECK_WARNING,
               "Nothing listens at http://nas:11434: Ollama on this computer is not running, or its server is switched "
               "off.",
               "Start it; or, if it is not used any more, run \"vampire nodes forget studio\".");

  /* One that was found here and is gone is nobody's concern. */
  node.approval = VMP_APPROVAL_PENDING;
  assert_node (&node, TRUE, VMP_KNOCK_REFUSED, "lan_nodes", VMP_CHECK_SKIPPED, "There are none.",
               "Look for some in this network with \"vampire discover --method mdns --method lan_scan\".");
}

static void
test_other_nodes_well (void)
{
  VmpNode node = studio ();

  node.health = VMP_NODE_ONLINE;
  assert_node (&node, FALSE, VMP_KNOCK_NONE, "lan_nodes", VMP_CHECK_OK, "1 other node answers.", NULL);
  node.health = VMP_NODE_DEGRADED;
  assert_node (&node, FALSE, VMP_KNOCK_NONE, "lan_nodes", VMP_CHECK_WARNING,
               "LM Studio on studio-mac answers, but requests to it fail; it is left alone for a while and then tried "
               "again.", "The log of that server says why.");
  node.approval = VMP_APPROVAL_BLOCKED;
  assert_node (&node, FALSE, VMP_KNOCK_NONE, "lan_nodes", VMP_CHECK_SKIPPED, "There are none.",
               "Look for some in this network with \"vampire discover --method mdns --method lan_scan\".");
  node.approval = VMP_APPROVAL_APPROVED;
  node.service = VMP_NODE_DISABLED;
  assert_node (&node, FALSE, VMP_KNOCK_NONE, "lan_nodes", VMP_CHECK_SKIPPED, "There are none.",
               "Look for some in this network with \"vampire discover --method mdns --method lan_scan\".");
}

/* Several are told of in turn, what is to be done once, and a crowd is counted. */
static void
test_many_nodes (void)
{
  VmpNode nodes[20];
  VmpDoctorNode subjects[G_N_ELEMENTS (nodes)];
  VmpDoctorFacts facts = well;
  g_autoptr (GPtrArray) checks = NULL;
  const VmpDoctorCheck *check;
  guint i;

  for (i = 0; i < G_N_ELEMENTS (nodes); i++)
    {
      nodes[i] = studio ();
      subjects[i] = (VmpDoctorNode) { &nodes[i], FALSE, VMP_KNOCK_REFUSED };
    }
  facts.nodes = subjects;
  facts.n_nodes = 2;
  assert_check (&facts, "lan_nodes", VMP_CHECK_PROBLEM,
                "LM Studio on studio-mac refuses connections at http://192.168.1.20:1234: it only listens on its own "
                "computer, or its server is switched off. LM Studio on studio-mac refuses connections at "
                "http://192.168.1.20:1234: it only listens on its own computer, or its server is switched off.",
                "On studio-mac, open LM Studio's Developer tab, switch the server on, and turn on Serve on Local "
                "Network in its Server Settings.");

  facts.n_nodes = G_N_ELEMENTS (nodes);
  checks = vmp_doctor_examine (&facts);
  check = g_ptr_array_index (checks, 1);
  g_assert_cmpstr (check->id, ==, "lan_nodes");
  g_assert_true (g_str_has_suffix (check->message, "switched off. 15 more are not well."));
  g_assert_true (g_str_has_suffix (check->remedy, "Server Settings. See all with \"vampire nodes\"."));
}

static void
test_wants_knock (void)
{
  VmpNode node = studio ();
  VmpDoctorNode subject = { &node, FALSE, VMP_KNOCK_NONE };

  g_assert_true (vmp_doctor_wants_knock (&subject));
  node.health = VMP_NODE_UNKNOWN;
  g_assert_true (vmp_doctor_wants_knock (&subject));
  node.health = VMP_NODE_ONLINE;
  g_assert_false (vmp_doctor_wants_knock (&subject));
  node.health = VMP_NODE_OFFLINE;
  node.approval = VMP_APPROVAL_BLOCKED;
  g_assert_false (vmp_doctor_wants_knock (&subject));
  node.approval = VMP_APPROVAL_PENDING;
  g_assert_true (vmp_doctor_wants_knock (&subject));
  subject.is_here = TRUE;
  g_assert_false (vmp_doctor_wants_knock (&subject));

  node = default_node ();
  g_assert_false (vmp_doctor_wants_knock (&subject));
  node.health = VMP_NODE_OFFLINE;
  g_assert_true (vmp_doctor_wants_knock (&subject));
  node.service = VMP_NODE_DRAINING;
  g_assert_false (vmp_doctor_wants_knock (&subject));
}

/* What strangers call themselves neither drives a terminal nor a shell. */
static void
test_hostile (void)
{
  VmpNode node = studio ();
  g_autofree char *long_name = g_strnfill (5000, 'x');
  VmpDoctorNode subject = { &node, FALSE, VMP_KNOCK_REFUSED };
  VmpDoctorFacts facts = well;
  g_autoptr (GPtrArray) checks = NULL;
  const VmpDoctorCheck *check;

  node.id = (char *) "a; reboot'";
  node.host = (char *) "\033[2Jme\342\200\256\nyou";
  assert_node (&node, FALSE, VMP_KNOCK_UNREACHABLE, "lan_nodes", VMP_CHECK_WARNING,
               "No network leads to http://192.168.1.20:1234 at the moment.",
               "Are this computer and \357\277\275[2Jme\357\277\275\357\277\275you on and in the same network?");
  assert_node (&node, FALSE, VMP_KNOCK_OPENED, "lan_nodes", VMP_CHECK_WARNING,
               "Something takes connections at http://192.168.1.20:1234, but does not answer as a model server does.",
               "Look at it again with \"vampire nodes test 'a; reboot'\\'''\".");

  node.host = long_name;
  node.last_error = long_name;
  facts.nodes = &subject;
  facts.n_nodes = 1;
  checks = vmp_doctor_examine (&facts);
  check = g_ptr_array_index (checks, 1);
  g_assert_cmpuint (strlen (check->message), <, 1000);
}

/* -- Approvals and tokens -------------------------------------------------------------------- */

static void
test_pending (void)
{
  static const char remedy[] = "See which with \"vampire nodes\", then decide with \"vampire nodes approve ID\" or "
                               "\"vampire nodes block ID\".";
  VmpNode nodes[] = { studio (), studio (), studio () };
  VmpDoctorNode subjects[] = {
    { &nodes[0], FALSE, VMP_KNOCK_NONE }, { &nodes[1], FALSE, VMP_KNOCK_NONE }, { &nodes[2], FALSE, VMP_KNOCK_NONE }
  };
  VmpDoctorFacts facts = well;

  facts.nodes = subjects;
  facts.n_nodes = 3;
  assert_check (&facts, "pending", VMP_CHECK_OK, "No node waits for your approval.", NULL);
  nodes[0].approval = VMP_APPROVAL_PENDING;
  assert_check (&facts, "pending", VMP_CHECK_WARNING, "1 server was found and waits for your approval.", remedy);
  nodes[1].approval = VMP_APPROVAL_PENDING;
  assert_check (&facts, "pending", VMP_CHECK_WARNING, "2 servers were found and wait for your approval.", remedy);
  nodes[2].approval = VMP_APPROVAL_PENDING;
  nodes[2].pending_reason = (char *) "Its name now leads to another address.";
  assert_check (&facts, "pending", VMP_CHECK_WARNING,
                "studio is not approved any more. Its name now leads to another address. 2 servers were found and wait "
                "for your approval.", remedy);
}

static void
test_tokens (void)
{
  static const char remedy[] = "On studio-mac, make one in LM Studio (Developer tab, Server Settings, Manage Tokens), "
                               "then run \"vampire nodes token set studio\".";
  VmpNode node = studio ();

  node.health = VMP_NODE_ONLINE;
  assert_node (&node, FALSE, VMP_KNOCK_NONE, "tokens", VMP_CHECK_OK, "No node asks for one.", NULL);
  node.token_state = VMP_TOKEN_SET;
  assert_node (&node, FALSE, VMP_KNOCK_NONE, "tokens", VMP_CHECK_OK,
               "Each node that asks for a token has one that it takes.", NULL);
  node.token_state = VMP_TOKEN_NEEDED;
  assert_node (&node, FALSE, VMP_KNOCK_NONE, "tokens", VMP_CHECK_PROBLEM,
               "LM Studio on studio-mac asks for a token, and Vampire has none for it.", remedy);
  node.token_state = VMP_TOKEN_REFUSED;
  assert_node (&node, FALSE, VMP_KNOCK_NONE, "tokens", VMP_CHECK_PROBLEM,
               "LM Studio on studio-mac refuses the token that Vampire has for it; it may have been revoked.", remedy);
  node.token_state = VMP_TOKEN_LOCKED;
  assert_node (&node, FALSE, VMP_KNOCK_NONE, "tokens", VMP_CHECK_PROBLEM,
               "The token for studio-mac is in the keyring, which is locked.", "Unlock the keyring.");
  node.provider = VMP_PROVIDER_VLLM;
  node.token_state = VMP_TOKEN_NEEDED;
  assert_node (&node, FALSE, VMP_KNOCK_NONE, "tokens", VMP_CHECK_PROBLEM,
               "vLLM on studio-mac asks for a token, and Vampire has none for it.",
               "Ask whoever runs it for one, then run \"vampire nodes token set studio\".");

  /* Nobody's token is asked for before the node is approved. */
  node.approval = VMP_APPROVAL_PENDING;
  assert_node (&node, FALSE, VMP_KNOCK_NONE, "tokens", VMP_CHECK_OK, "No node asks for one.", NULL);
}

static void
test_open_nodes (void)
{
  static const char open[] = "LM Studio on studio-mac answers anyone on the network without a token.";
  static const char remedy[] = "On studio-mac, turn on Require Authentication in LM Studio (Developer tab, Server "
                               "Settings), make a token there under Manage Tokens, then run \"vampire nodes token set "
                               "studio\".";
  VmpInventory inventory = { .models = g_ptr_array_new () };
  VmpNode node = studio ();
  guint i;

  node.health = VMP_NODE_ONLINE;
  node.inventory = &inventory;
  assert_node (&node, FALSE, VMP_KNOCK_NONE, "tokens", VMP_CHECK_WARNING, open, remedy);

  /* Others cannot reach it, or it is not known whether they can. */
  assert_node (&node, TRUE, VMP_KNOCK_NONE, "tokens", VMP_CHECK_OK, "No node asks for one.", NULL);
  node.inventory = NULL;
  assert_node (&node, FALSE, VMP_KNOCK_NONE, "tokens", VMP_CHECK_OK, "No node asks for one.", NULL);
  node.inventory = &inventory;
  node.health = VMP_NODE_OFFLINE;
  assert_node (&node, FALSE, VMP_KNOCK_NONE, "tokens", VMP_CHECK_OK, "No node asks for one.", NULL);
  node.health = VMP_NODE_ONLINE;
  node.approval = VMP_APPROVAL_PENDING;
  assert_node (&node, FALSE, VMP_KNOCK_NONE, "tokens", VMP_CHECK_OK, "No node asks for one.", NULL);
  node.approval = VMP_APPROVAL_APPROVED;

  /* A token is needed, or there is one. */
  node.token_state = VMP_TOKEN_NEEDED;
  assert_node (&node, FALSE, VMP_KNOCK_NONE, "tokens", VMP_CHECK_PROBLEM,
               "LM Studio on studio-mac asks for a token, and Vampire has none for it.",
               "On studio-mac, make one in LM Studio (Developer tab, Server Settings, Manage Tokens), then run "
               "\"vampire nodes token set studio\".");
  node.token = (char *) "a-token";
  node.token_state = VMP_TOKEN_SET;
  assert_node (&node, FALSE, VMP_KNOCK_NONE, "tokens", VMP_CHECK_OK,
               "Each node that asks for a token has one that it takes.", NULL);

  node.token = NULL;
  node.token_state = VMP_TOKEN_NOT_NEEDED;
  node.provider = VMP_PROVIDER_OLLAMA;
  assert_node (&node, FALSE, VMP_KNOCK_NONE, "tokens", VMP_CHECK_WARNING,
               "Ollama on studio-mac answers anyone on the network without a token.",
               "Ollama knows no tokens: have the firewall of studio-mac let in only this computer.");
  node.provider = VMP_PROVIDER_VLLM;
  assert_node (&node, FALSE, VMP_KNOCK_NONE, "tokens", VMP_CHECK_WARNING,
               "vLLM on studio-mac answers anyone on the network without a token.",
               "If that is not meant to be so, have it ask for a token and run \"vampire nodes token set studio\", or "
               "have the firewall of studio-mac let in only this computer.");

  /* Many are counted. */
  {
    VmpDoctorNode subjects[7];
    VmpDoctorFacts facts = well;
    g_autofree char *message = NULL;

    for (i = 0; i < G_N_ELEMENTS (subjects); i++)
      subjects[i] = (VmpDoctorNode) { &node, FALSE, VMP_KNOCK_NONE };
    facts.nodes = subjects;
    facts.n_nodes = G_N_ELEMENTS (subjects);
    message = dup_message (&facts, "tokens");
    g_assert_true (g_str_has_suffix (message, " 2 more answer anyone."));
  }
  g_ptr_array_unref (inventory.models);
}

/* -- This computer --------------------------------------------------------------------------- */

static void
test_keyring (void)
{
  VmpDoctorFacts facts = well;

  assert_check (&facts, "keyring", VMP_CHECK_OK, "Tokens are kept in the desktop's keyring.", NULL);
  facts.keyring = VMP_KEYRING_UNKNOWN;
  assert_check (&facts, "keyring", VMP_CHECK_SKIPPED, "It has not been needed yet.", NULL);
  facts.keyring = VMP_KEYRING_LOCKED;
  assert_check (&facts, "keyring", VMP_CHECK_WARNING,
                "The desktop's keyring is locked: tokens in it cannot be read, and none can be added.",
                "Have it opened with \"vampire nodes token unlock\": the desktop then asks for its password.");
  facts.keyring = VMP_KEYRING_FILE;
  assert_check (&facts, "keyring", VMP_CHECK_WARNING,
                "There is no keyring here; tokens are kept in a file that only you can read.",
                "If that is as it should be, say so with \"vampire config set token_storage file\"; otherwise install "
                "a keyring, such as gnome-keyring, and log in again.");
  facts.file_is_wanted = TRUE;
  assert_check (&facts, "keyring", VMP_CHECK_OK,
                "Tokens are kept in a file that only you can read, as the setting token_storage says.", NULL);
  facts.keyring = VMP_KEYRING_UNAVAILABLE;
  facts.keyring_trouble = "The file cannot be written.";
  assert_check (&facts, "keyring", VMP_CHECK_PROBLEM, "Tokens cannot be kept. The file cannot be written.",
                "Without a keyring that works, a file can be used: run \"vampire config set token_storage file\".");
}

static void
test_dnssd (void)
{
  static const char message[] = "Avahi is not running, so servers in this network are not found by themselves, and "
                                "others do not find this gateway.";
  VmpDoctorFacts facts = well;

  assert_check (&facts, "dns_sd", VMP_CHECK_OK, "Avahi is running, so servers that announce themselves are found.",
                NULL);
  facts.dnssd = VMP_DNSSD_UNAVAILABLE;
  assert_check (&facts, "dns_sd", VMP_CHECK_WARNING, message, "Start it with \"sudo systemctl start avahi-daemon\".");
  facts.dnssd = VMP_DNSSD_CONNECTING;
  facts.has_avahi = FALSE;
  assert_check (&facts, "dns_sd", VMP_CHECK_WARNING, message, "Install it with \"sudo apt install avahi-daemon\".");
  facts.dnssd = VMP_DNSSD_OFF;
  facts.dnssd_is_wanted = FALSE;
  assert_check (&facts, "dns_sd", VMP_CHECK_SKIPPED,
                "It is turned off: the setting dns_sd_types names nothing to look for.", NULL);
}

static void
test_listeners (void)
{
  static const char remedy[] = "See which program has that port with \"ss -ltnp 'sport = :7777'\", end it, and start "
                               "Vampire again.";
  VmpDoctorFacts facts = well;

  assert_check (&facts, "listeners", VMP_CHECK_OK, "Vampire listens on 127.0.0.1:7777 and [::1]:7777. OpenAI clients "
                "use http://127.0.0.1:7777/v1 as their base URL.", NULL);
  facts.addresses = only_ipv4;
  assert_check (&facts, "listeners", VMP_CHECK_WARNING,
                "Vampire listens on 127.0.0.1:7777, but not on [::1]: programs that are told \"localhost\" may meet "
                "another program there.", remedy);
  facts.has_ipv6 = FALSE;
  assert_check (&facts, "listeners", VMP_CHECK_OK, "Vampire listens on 127.0.0.1:7777. OpenAI clients use "
                "http://127.0.0.1:7777/v1 as their base URL.", NULL);
  facts.addresses = only_ipv6;
  assert_check (&facts, "listeners", VMP_CHECK_WARNING,
                "Vampire listens on [::1]:7777, but not on 127.0.0.1: programs that are told \"localhost\" may meet "
                "another program there.", remedy);
  facts.addresses = elsewhere;
  assert_check (&facts, "listeners", VMP_CHECK_OK, "Vampire listens on 192.168.1.10:9000. OpenAI clients use "
                "http://192.168.1.10:9000/v1 as their base URL.", NULL);
  facts.addresses = none;
  assert_check (&facts, "listeners", VMP_CHECK_PROBLEM, "Vampire does not listen any more: it is about to stop.", NULL);
}

static void
test_sharing (void)
{
  VmpDoctorFacts facts = well;

  assert_check (&facts, "sharing", VMP_CHECK_SKIPPED, "It is off: only this computer uses Vampire.", NULL);
  facts.sharing = TRUE;
  facts.share_trouble = "No private network is there.";
  assert_check (&facts, "sharing", VMP_CHECK_PROBLEM,
                "Sharing is on, but other computers cannot connect. No private network is there.",
                "Connect this computer to a network, or say which of its addresses to listen on with \"vampire config "
                "set share_address ADDRESS\".");
  facts.share_trouble = NULL;
  facts.shared_addresses = lan;
  assert_check (&facts, "sharing", VMP_CHECK_WARNING,
                "Sharing is on at 192.168.1.10:7777, but there is no client key, so nobody is let in.",
                "Make a key for each person or program that may use it, with \"vampire keys create NAME\".");
  facts.n_keys = 1;
  assert_check (&facts, "sharing", VMP_CHECK_OK,
                "Other computers are let in at 192.168.1.10:7777 with a client key, of which there is 1.", NULL);
  facts.n_keys = 3;
  facts.share_trouble = "10.0.0.7:7777 is taken by another program.";
  assert_check (&facts, "sharing", VMP_CHECK_WARNING,
                "Other computers are let in at 192.168.1.10:7777 with a client key, of which there are 3. "
                "10.0.0.7:7777 is taken by another program.", NULL);
}

static void
test_firewall (void)
{
  VmpDoctorFacts facts = well;

  facts.firewall = VMP_FIREWALL_UFW;
  assert_check (&facts, "firewall", VMP_CHECK_SKIPPED, "It does not matter while sharing is off.", NULL);
  facts.sharing = TRUE;
  facts.shared_addresses = lan;
  assert_check (&facts, "firewall", VMP_CHECK_WARNING, "A firewall (ufw) is on. Whether it lets other computers in at "
                "port 7777 cannot be seen from here.", "If they cannot connect, run \"sudo ufw allow 7777/tcp\".");
  facts.firewall = VMP_FIREWALL_FIREWALLD;
  assert_check (&facts, "firewall", VMP_CHECK_WARNING, "A firewall (firewalld) is on. Whether it lets other computers "
                "in at port 7777 cannot be seen from here.",
                "If they cannot connect, run \"sudo firewall-cmd --permanent --add-port=7777/tcp\" and \"sudo "
                "firewall-cmd --reload\".");
  facts.firewall = VMP_FIREWALL_NONE;
  assert_check (&facts, "firewall", VMP_CHECK_OK, "Neither ufw nor firewalld is on.", NULL);
}

static void
test_clock (void)
{
  static const char remedy[] = "Let the network set it with \"sudo timedatectl set-ntp true\".";
  VmpDoctorFacts facts = well;

  assert_check (&facts, "clock", VMP_CHECK_OK, "It is kept right by the network.", NULL);
  facts.clock_is_synchronised = FALSE;
  assert_check (&facts, "clock", VMP_CHECK_WARNING, "This computer's clock is not kept right by the network (it says "
                "2026-11-22): keys and shares may end too early or too late.", remedy);
  facts.clock_is_known = FALSE;
  assert_check (&facts, "clock", VMP_CHECK_OK, "It says 2026-11-22.", NULL);
  facts.now = 0;
  assert_check (&facts, "clock", VMP_CHECK_PROBLEM, "This computer's clock is wrong (it says 1970-01-01): keys and "
                "shares do not end when they should, and nodes with https are refused.", remedy);
}

static void
test_store (void)
{
  VmpDoctorFacts facts = well;

  assert_check (&facts, "store", VMP_CHECK_OK, "All changes can be written.", NULL);
  facts.store_trouble = "No space is left on the disk.";
  assert_check (&facts, "store", VMP_CHECK_PROBLEM,
                "Changes cannot be written, and are gone after a restart. No space is left on the disk.",
                "Make room on the disk, or see to it that you may write in Vampire's data directory.");
  facts.store_trouble = NULL;
  facts.store_set_aside = "/home/me/vampire.db.damaged-20261122T023701Z";
  assert_check (&facts, "store", VMP_CHECK_WARNING,
                "The database was damaged when Vampire started. It was set aside as "
                "/home/me/vampire.db.damaged-20261122T023701Z, and an empty one begun: nodes, routes, client keys and "
                "sharing have to be set up again.",
                "If you have a copy of vampire.db: stop Vampire, put it into the data directory, and start Vampire "
                "again.");
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/gateway/doctor/all", test_all);
  g_test_add_func ("/gateway/doctor/overall", test_overall);
  g_test_add_func ("/gateway/doctor/default/models", test_default_models);
  g_test_add_func ("/gateway/doctor/default/off", test_default_off);
  g_test_add_func ("/gateway/doctor/default/off-beside-others", test_default_off_beside_others);
  g_test_add_func ("/gateway/doctor/default/stranger", test_default_stranger);
  g_test_add_func ("/gateway/doctor/default/by-choice", test_default_by_choice);
  g_test_add_func ("/gateway/doctor/others/refused", test_lan_refused);
  g_test_add_func ("/gateway/doctor/others/refused-by-others", test_lan_refused_by_others);
  g_test_add_func ("/gateway/doctor/others/unreachable", test_lan_unreachable);
  g_test_add_func ("/gateway/doctor/others/here", test_other_node_here);
  g_test_add_func ("/gateway/doctor/others/well", test_other_nodes_well);
  g_test_add_func ("/gateway/doctor/others/many", test_many_nodes);
  g_test_add_func ("/gateway/doctor/others/wants-knock", test_wants_knock);
  g_test_add_func ("/gateway/doctor/others/hostile", test_hostile);
  g_test_add_func ("/gateway/doctor/pending", test_pending);
  g_test_add_func ("/gateway/doctor/tokens", test_tokens);
  g_test_add_func ("/gateway/doctor/open-nodes", test_open_nodes);
  g_test_add_func ("/gateway/doctor/keyring", test_keyring);
  g_test_add_func ("/gateway/doctor/dns-sd", test_dnssd);
  g_test_add_func ("/gateway/doctor/listeners", test_listeners);
  g_test_add_func ("/gateway/doctor/sharing", test_sharing);
  g_test_add_func ("/gateway/doctor/firewall", test_firewall);
  g_test_add_func ("/gateway/doctor/clock", test_clock);
  g_test_add_func ("/gateway/doctor/store", test_store);

  return g_test_run ();
}
