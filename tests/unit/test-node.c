/* SPDX-License-Identifier: MIT
 *
 * What a node is by its fields: one key for all spellings of its address, its id, its status, what may be sent there.
 */

#include "nodes/vmp-node.h"

#include "core/vmp-limits.h"

#include <string.h>

static const char * const own_addresses[] = { "192.168.7.20", "fd00:1::20", "fe80::20", "no address", NULL };

static VmpNode *
make_node (const char *url)
{
  g_autoptr (GError) error = NULL;
  VmpBaseUrl *base_url = vmp_base_url_parse (url, &error);

  g_assert_no_error (error);

  return vmp_node_new (NULL, base_url);
}

static char *
key_of (const char *url)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmpBaseUrl) base_url = vmp_base_url_parse (url, &error);

  g_assert_no_error (error);

  return vmp_node_url_key (base_url, own_addresses);
}

/* -- Identity ------------------------------------------------------------------------------ */

static void
test_spellings (void)
{
  static const char * const families[][12] = {
    {
      "http://localhost:1234", "http://localhost:1234/", "http://localhost:1234/v1", "HTTP://LocalHost:1234/v1/",
      "http://127.0.0.1:1234", "http://[::1]:1234", "http://[::ffff:127.0.0.1]:1234", "http://192.168.7.20:1234",
      "http://[fd00:1:0:0::20]:1234", "http://[FD00:1::20]:1234//", "http://lm.localhost:1234",
    },
    { "http://localhost", "http://127.0.0.1:80", "http://[::1]/v1" },
    { "https://localhost", "https://127.0.0.1:443", "https://192.168.7.20/" },
    { "http://192.168.7.21:1234", "http://[::ffff:192.168.7.21]:1234/v1", "http://192.168.7.21:1234/" },
    { "http://Studio.Local:1234", "http://studio.local:1234/" },
    { "http://localhost:1234/lm", "http://127.0.0.1:1234/lm/", "http://127.0.0.1:1234/lm/v1" },
    { "http://localhost:1234/LM" },
    { "http://localhost:1235" },
    { "https://localhost:1234" },
    { "http://studio:1234" },
    { "http://127.0.0.2:1234" },
    { "http://192.168.7.2:1234" },
    { "http://[fd00:1::21]:1234" },
    { "http://localhost.example.org:1234" },
  };
  g_autoptr (GHashTable) keys = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (families); i++)
    {
      g_autofree char *first = key_of (families[i][0]);

      for (gsize j = 1; j < G_N_ELEMENTS (families[i]) && families[i][j] != NULL; j++)
        {
          g_autofree char *other = key_of (families[i][j]);

          g_assert_cmpstr (other, ==, first);
        }
      /* And no other family has it. */
      g_assert_true (g_hash_table_add (keys, g_steal_pointer (&first)));
    }
}

static void
test_own_host_name (void)
{
  g_autofree char *localhost = key_of ("http://localhost:1234");
  g_autofree char *name = vmp_url_normalise_host (g_get_host_name (), -1);
  g_autofree char *url = g_strdup_printf ("http://%s:1234", name != NULL ? name : "localhost");
  g_autofree char *local_url = g_strdup_printf ("http://%s.LOCAL:1234", name != NULL ? name : "localhost");
  g_autofree char *longer_url = g_strdup_printf ("http://%sx:1234", name != NULL ? name : "localhost");
  g_autofree char *key = NULL;
  g_autofree char *local_key = NULL;
  g_autofree char *longer_key = NULL;

  if (name == NULL || strchr (name, '.') != NULL || g_hostname_is_ip_address (name))
    {
      g_test_skip ("this computer's name cannot be used in a URL");
      return;
    }

  key = key_of (url);
  local_key = key_of (local_url);
  longer_key = key_of (longer_url);
  g_assert_cmpstr (key, ==, localhost);
  g_assert_cmpstr (local_key, ==, localhost);
  g_assert_cmpstr (longer_key, !=, localhost);
}

static void
test_made_ids (void)
{
  static const char * const made[][2] = {
    { "http://192.168.1.50:1234", "node-192-168-1-50-1234" },
    { "http://localhost:1234", "node-localhost-1234" },
    { "https://Studio.local", "node-studio-local-443" },
    { "http://[fd00::1]:80/lm", "node-fd00--1-80" },
  };
  g_autofree char *label = g_strnfill (60, 'a');
  g_autofree char *long_url = g_strdup_printf ("http://%s.%s.%s.example:1234", label, label, label);
  g_autoptr (VmpNode) long_node = make_node (long_url);

  for (gsize i = 0; i < G_N_ELEMENTS (made); i++)
    {
      g_autoptr (VmpNode) node = make_node (made[i][0]);

      g_assert_cmpstr (node->id, ==, made[i][1]);
      g_assert_null (vmp_node_check_id (node->id));
    }

  g_assert_cmpuint (strlen (long_node->id), ==, VMP_LIMIT_ID_CHARS);
  g_assert_null (vmp_node_check_id (long_node->id));
}

static void
test_ids (void)
{
  static const char * const good[] = { "a", "gpu-rig", "Büro 2", "node:1", "x@y", "...", "日本" };
  static const char * const bad[] = {
    "", " a", "a ", "a/b", "/", ".", "..", "a\nb", "a\tb", "a\x7f" "b", "a\xe2\x80\xae" "b", "\xff", "a\xc3",
  };
  g_autofree char *longest = g_strnfill (VMP_LIMIT_ID_CHARS, 'a');
  g_autofree char *too_long = g_strnfill (VMP_LIMIT_ID_CHARS + 1, 'a');

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    g_assert_cmpstr (vmp_node_check_id (good[i]), ==, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    g_assert_nonnull (vmp_node_check_id (bad[i]));

  g_assert_null (vmp_node_check_id (longest));
  g_assert_nonnull (vmp_node_check_id (too_long));
}

/* -- What follows from its fields ---------------------------------------------------------- */

static void
test_defaults (void)
{
  g_autoptr (VmpNode) node = make_node ("http://studio.local:1234");

  g_assert_cmpint (node->approval, ==, VMP_APPROVAL_PENDING);
  g_assert_cmpstr (vmp_node_get_status (node), ==, "unknown");
  g_assert_cmpstr (vmp_node_get_label (node), ==, "node-studio-local-1234");
  g_assert_cmpstr (vmp_token_state_to_string (node->token_state), ==, "not_needed");
  g_assert_nonnull (node->tags);
  g_assert_null (node->tags[0]);
  for (guint i = 0; i < VMP_N_CAPABILITIES; i++)
    {
      gboolean expected = i == VMP_CAN_CHAT || i == VMP_CAN_COMPLETIONS || i == VMP_CAN_STREAMING;

      g_assert_cmpint (node->capabilities[i], ==, expected);
      g_assert_cmpint (node->capability_sources[i], ==, VMP_FACT_UNKNOWN);
    }
}

static void
test_status (void)
{
  g_autoptr (VmpNode) node = make_node ("http://studio.local:1234");
  VmpNodeService service;

  node->health = VMP_NODE_ONLINE;
  g_assert_cmpstr (vmp_node_get_status (node), ==, "online");
  node->health = VMP_NODE_DEGRADED;
  g_assert_cmpstr (vmp_node_get_status (node), ==, "degraded");
  node->service = VMP_NODE_DRAINING;
  g_assert_cmpstr (vmp_node_get_status (node), ==, "draining");
  node->health = VMP_NODE_OFFLINE;
  node->service = VMP_NODE_MAINTENANCE;
  g_assert_cmpstr (vmp_node_get_status (node), ==, "maintenance");
  node->service = VMP_NODE_DISABLED;
  g_assert_cmpstr (vmp_node_get_status (node), ==, "disabled");
  node->service = VMP_NODE_QUARANTINE;
  g_assert_cmpstr (vmp_node_get_status (node), ==, "quarantine");

  g_assert_true (vmp_node_service_from_string ("online", &service));
  g_assert_cmpint (service, ==, VMP_NODE_IN_SERVICE);
  g_assert_true (vmp_node_service_from_string ("maintenance", &service));
  g_assert_cmpint (service, ==, VMP_NODE_MAINTENANCE);
  g_assert_false (vmp_node_service_from_string ("offline", &service));
  g_assert_false (vmp_node_service_from_string ("", &service));
}

/* Of all that a node can be, where a prompt may go and whose models are shown. */
static void
test_ready_and_listed (void)
{
  for (guint approval = 0; approval < VMP_N_APPROVALS; approval++)
    for (guint service = 0; service < VMP_N_NODE_SERVICES; service++)
      for (guint health = 0; health < VMP_N_NODE_HEALTHS; health++)
        for (guint breaker = 0; breaker < VMP_N_BREAKER_STATES; breaker++)
          {
            g_autoptr (VmpNode) node = make_node ("http://studio.local:1234");
            gboolean answers = health == VMP_NODE_ONLINE || health == VMP_NODE_DEGRADED;
            gboolean approved = approval == VMP_APPROVAL_APPROVED;

            node->approval = approval;
            node->service = service;
            node->health = health;
            node->breaker.state = breaker;
            node->breaker.retry_at = 100;

            g_assert_cmpint (vmp_node_is_listed (node), ==,
                             approved && answers &&
                             (service == VMP_NODE_IN_SERVICE || service == VMP_NODE_DRAINING));
            g_assert_cmpint (vmp_node_is_ready (node, 99), ==,
                             approved && answers && service == VMP_NODE_IN_SERVICE &&
                             breaker == VMP_BREAKER_CLOSED);
            g_assert_cmpint (vmp_node_is_ready (node, 100), ==,
                             approved && answers && service == VMP_NODE_IN_SERVICE &&
                             breaker != VMP_BREAKER_HALF_OPEN);
          }
}

static void
test_reach (void)
{
  g_autoptr (VmpNode) node = make_node ("https://studio.local:1234");
  VmpReach reach;

  node->addresses = g_strsplit ("192.168.7.3", ",", -1);
  node->key = g_strdup ("sha256//abc=");

  node->approval = VMP_APPROVAL_APPROVED;
  vmp_node_get_reach (node, TRUE, &reach);
  g_assert_true (reach.allow_public);
  g_assert_true (reach.addresses == (const char * const *) node->addresses);
  g_assert_cmpstr (reach.key, ==, "sha256//abc=");
  g_assert_false (reach.any_key);

  /* What is not approved is not bound: it is looked at wherever it is now. */
  node->approval = VMP_APPROVAL_PENDING;
  vmp_node_get_reach (node, FALSE, &reach);
  g_assert_false (reach.allow_public);
  g_assert_null (reach.addresses);
  g_assert_null (reach.key);
}

static void
test_host_can_move (void)
{
  static const char * const moves[] = { "http://studio.local:1234", "http://studio", "http://localhost.example.org" };
  static const char * const stays[] = {
    "http://localhost:1234", "http://a.localhost", "http://127.0.0.1", "http://[::1]", "http://192.168.7.3:1234",
    "http://[fd00::1]:1234", "http://[fe80::1]",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (moves); i++)
    {
      g_autoptr (VmpNode) node = make_node (moves[i]);

      g_assert_true (vmp_node_host_can_move (node));
    }
  for (gsize i = 0; i < G_N_ELEMENTS (stays); i++)
    {
      g_autoptr (VmpNode) node = make_node (stays[i]);

      g_assert_false (vmp_node_host_can_move (node));
    }
}

static void
test_retired (void)
{
  g_autoptr (VmpNode) node = make_node ("https://studio.local:1234");
  VmpReach reach;

  /* What a transfer was given stays for as long as it holds the node, whatever becomes of the node's fields. */
  node->approval = VMP_APPROVAL_APPROVED;
  node->key = g_strdup ("sha256//abc=");
  vmp_node_get_reach (node, FALSE, &reach);
  vmp_node_retire (node, g_steal_pointer (&node->key), g_free);
  vmp_node_retire (node, NULL, g_free);
  g_assert_cmpstr (reach.key, ==, "sha256//abc=");
}

/* "a=1, b": the tags, and what cost, power and quality are by them. */
static void
test_tags (void)
{
  static const struct {
    const char *tags;
    double cost;
    double power;
    double quality;
  } cases[] = {
    { "", -1, -1, -1 },
    { "gpu,cost:0.5,power:60,quality:0.8", 0.5, 60, 0.8 },
    { "cost:0", 0, -1, -1 },
    { "power:1e3", -1, 1000, -1 },
    { "cost:1,cost:2", 1, -1, -1 },
    { "cost:cheap,cost:2", 2, -1, -1 },
    { "cost,cost:,cost: 1,cost:-1,cost:+1,cost:.5,cost:1 ,cost:1;5,cost:1e,cost:1-1", -1, -1, -1 },
    { "cost:inf,power:nan,quality:infinity", -1, -1, -1 },
    { "cost:1e999,power:0x10,quality:1e+", -1, -1, -1 },
    { "costs:1,Cost:1,xcost:1,cost:1:2", -1, -1, -1 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (VmpNode) node = make_node ("http://studio.local:1234");

      g_assert_cmpfloat (node->cost, ==, -1);
      g_strfreev (node->tags);
      node->tags = g_strsplit (cases[i].tags, ",", -1);
      vmp_node_read_tags (node);
      g_test_message ("%s", cases[i].tags);
      g_assert_cmpfloat (node->cost, ==, cases[i].cost);
      g_assert_cmpfloat (node->power, ==, cases[i].power);
      g_assert_cmpfloat (node->quality, ==, cases[i].quality);
    }
}

/* Where its prompts would go. */
static void
test_local (void)
{
  static const struct {
    const char *url;
    const char *addresses;
    const char *seen;
    gboolean local;
  } cases[] = {
    { "http://localhost:1234", NULL, NULL, TRUE },
    { "http://127.0.0.1:1234", NULL, NULL, TRUE },
    { "http://[::1]:1234", NULL, NULL, TRUE },
    { "http://10.1.2.3", NULL, NULL, TRUE },
    { "http://192.168.7.3:1234", NULL, NULL, TRUE },
    { "http://169.254.7.3", NULL, NULL, TRUE },
    { "http://[fe80::1]", NULL, NULL, TRUE },
    { "http://[fd12::1]", NULL, NULL, TRUE },
    { "http://100.64.0.1", NULL, NULL, TRUE },
    { "http://[::ffff:192.168.7.3]", NULL, NULL, TRUE },
    { "http://93.184.216.34", NULL, NULL, FALSE },
    { "http://[2606:4700::1]", NULL, NULL, FALSE },
    { "http://[::ffff:93.184.216.34]", NULL, NULL, FALSE },
    { "http://169.254.169.254", NULL, NULL, FALSE },
    /* A name alone says nothing. */
    { "http://studio.local:1234", NULL, NULL, FALSE },
    { "http://studio.local:1234", NULL, "192.168.7.3", TRUE },
    { "http://studio.local:1234", NULL, "fe80::1%eth0", TRUE },
    { "http://studio.local:1234", NULL, "93.184.216.34", FALSE },
    { "http://studio.local:1234", "192.168.7.3", NULL, TRUE },
    { "http://studio.local:1234", "192.168.7.3", "93.184.216.34", TRUE },
    { "http://studio.local:1234", "192.168.7.3,fd00::1", NULL, TRUE },
    { "http://studio.local:1234", "192.168.7.3,93.184.216.34", NULL, FALSE },
    { "http://studio.local:1234", "93.184.216.34", "192.168.7.3", FALSE },
    { "http://studio.local:1234", "nonsense", NULL, FALSE },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (VmpNode) node = make_node (cases[i].url);

      node->addresses = cases[i].addresses != NULL ? g_strsplit (cases[i].addresses, ",", -1) : NULL;
      node->seen_address = g_strdup (cases[i].seen);
      g_test_message ("%s, %s, %s", cases[i].url, cases[i].addresses, cases[i].seen);
      g_assert_cmpint (vmp_node_is_local (node), ==, cases[i].local);

      /* It may send what it gets anywhere. */
      node->provider = VMP_PROVIDER_VAMPIRE;
      g_assert_false (vmp_node_is_local (node));
    }
}

static void
test_drained (void)
{
  g_autoptr (VmpNode) node = make_node ("http://studio.local:1234");

  g_assert_false (vmp_node_is_drained (node));
  node->service = VMP_NODE_DRAINING;
  g_assert_true (vmp_node_is_drained (node));
  node->active_requests = 1;
  g_assert_false (vmp_node_is_drained (node));
  node->active_requests = 0;
  node->service = VMP_NODE_MAINTENANCE;
  g_assert_false (vmp_node_is_drained (node));
}

static void
free_routing_data (gpointer data)
{
  *(guint *) data += 1;
}

static void
test_routing_data (void)
{
  guint n_freed = 0;
  VmpNode *node = make_node ("http://studio.local:1234");

  node->routing_data = &n_freed;
  node->routing_destroy = free_routing_data;
  vmp_node_unref (node);
  g_assert_cmpuint (n_freed, ==, 1);
}

static void
test_find_model (void)
{
  static const char list[] = "{\"object\":\"list\",\"data\":[{\"id\":\"a/b\",\"object\":\"model\"}]}";
  g_autoptr (VmpNode) node = make_node ("http://studio.local:1234");
  g_autoptr (GError) error = NULL;

  g_assert_null (vmp_node_find_model (node, "a/b"));
  node->inventory = vmp_inventory_parse (VMP_LIST_OPENAI, list, strlen (list), NULL, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (vmp_node_find_model (node, "a/b")->id, ==, "a/b");
  g_assert_null (vmp_node_find_model (node, "a"));
}

static void
test_words (void)
{
  g_assert_cmpstr (vmp_approval_to_string (VMP_APPROVAL_PENDING), ==, "pending");
  g_assert_cmpstr (vmp_approval_to_string (VMP_APPROVAL_BLOCKED), ==, "blocked");
  g_assert_cmpstr (vmp_node_health_to_string (VMP_NODE_OFFLINE), ==, "offline");
  g_assert_cmpstr (vmp_token_state_to_string (VMP_TOKEN_LOCKED), ==, "locked");
  g_assert_cmpstr (vmp_capability_to_string (VMP_CAN_RESPONSES), ==, "responses");
  for (guint i = 0; i < VMP_N_CAPABILITIES; i++)
    g_assert_nonnull (vmp_capability_to_string (i));
  for (guint i = 0; i < VMP_N_NODE_SERVICES; i++)
    {
      VmpNodeService service;

      g_assert_true (vmp_node_service_from_string (vmp_node_service_to_string (i), &service));
      g_assert_cmpint (service, ==, i);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/node/identity/spellings", test_spellings);
  g_test_add_func ("/node/identity/own-host-name", test_own_host_name);
  g_test_add_func ("/node/identity/made-ids", test_made_ids);
  g_test_add_func ("/node/identity/ids", test_ids);
  g_test_add_func ("/node/fields/defaults", test_defaults);
  g_test_add_func ("/node/fields/status", test_status);
  g_test_add_func ("/node/fields/ready-and-listed", test_ready_and_listed);
  g_test_add_func ("/node/fields/reach", test_reach);
  g_test_add_func ("/node/fields/host-that-can-move", test_host_can_move);
  g_test_add_func ("/node/fields/retired", test_retired);
  g_test_add_func ("/node/fields/tags", test_tags);
  g_test_add_func ("/node/fields/local", test_local);
  g_test_add_func ("/node/fields/drained", test_drained);
  g_test_add_func ("/node/fields/routing-data", test_routing_data);
  g_test_add_func ("/node/fields/find-model", test_find_model);
  g_test_add_func ("/node/words", test_words);

  return g_test_run ();
}
