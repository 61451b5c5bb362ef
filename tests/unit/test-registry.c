/* SPDX-License-Identifier: MIT
 *
 * The registry: who is in it, how they are found, what their owner does to them, and what of it is there after a
 * restart. The default node is in test-registry-default.c, what probes and traffic bring in test-registry-learn.c.
 */

#include "registry-fixture.h"

#include "core/vmp-limits.h"

#include <string.h>

/* -- Identity ------------------------------------------------------------------------------ */

static void
test_one_url_is_one_node (RegistryFixture *self,
                          gconstpointer    data)
{
  static const char * const spellings[] = {
    "http://localhost:1234", "http://127.0.0.1:1234/", "http://[::1]:1234/v1", "HTTP://LOCALHOST:1234",
    "http://192.168.7.20:1234", "http://[::ffff:192.168.7.20]:1234",
  };
  static const char * const own[] = { "192.168.7.20", NULL };
  VmpNode *first;

  vmp_registry_set_own_addresses (self->registry, own);
  first = registry_fixture_register (self, "first", spellings[0]);
  for (gsize i = 0; i < G_N_ELEMENTS (spellings); i++)
    {
      g_assert_true (registry_fixture_find_url (self, spellings[i]) == first);
      g_assert_true (registry_fixture_register (self, NULL, spellings[i]) == first);
      g_assert_true (registry_fixture_register (self, "another", spellings[i]) == first);
      g_assert_true (registry_fixture_discover (self, spellings[i]) == first);
    }

  registry_fixture_assert_nodes (self, "first");
  g_assert_true (vmp_registry_find (self->registry, "first") == first);
  g_assert_null (vmp_registry_find (self->registry, "another"));
  g_assert_null (registry_fixture_find_url (self, "http://192.168.7.21:1234"));
}

static void
test_address_of_another (RegistryFixture *self,
                         gconstpointer    data)
{
  g_autoptr (VmpBaseUrl) url = vmp_base_url_parse ("http://127.0.0.1:2", NULL);
  VmpNodeUpdate update = { .base_url = url, .name = "New" };
  g_autoptr (GError) error = NULL;
  VmpNode *one = registry_fixture_register (self, "one", "http://localhost:1");

  registry_fixture_register (self, "two", "http://localhost:2");
  g_string_truncate (self->told, 0);

  g_assert_null (vmp_registry_register (self->registry, "one", &update, &error));
  g_assert_error (error, VMP_REGISTRY_ERROR, VMP_REGISTRY_ERROR_TAKEN);
  g_assert_nonnull (strstr (error->message, "two"));
  g_clear_error (&error);
  g_assert_false (vmp_registry_update (self->registry, one, &update, &error));
  g_assert_error (error, VMP_REGISTRY_ERROR, VMP_REGISTRY_ERROR_TAKEN);

  g_assert_cmpstr (one->base_url->text, ==, "http://localhost:1");
  g_assert_null (one->name);
  registry_fixture_assert_told (self, "");
}

static void
test_not_allowed (RegistryFixture *self,
                  gconstpointer    data)
{
  static const char * const bad_ids[] = { "", "a/b", "..", " a", "a\n" };
  g_autoptr (VmpBaseUrl) public = vmp_base_url_parse ("http://8.8.8.8:1234", NULL);
  g_autoptr (VmpBaseUrl) metadata = vmp_base_url_parse ("http://169.254.169.254", NULL);
  g_autoptr (VmpBaseUrl) private = vmp_base_url_parse ("http://192.168.7.3:1234", NULL);
  VmpNodeUpdate update = { .base_url = public };
  g_autoptr (GError) error = NULL;
  VmpNode *node = registry_fixture_register (self, "a", "http://192.168.7.4:1234");

  g_assert_null (vmp_registry_register (self->registry, NULL, &update, &error));
  g_assert_error (error, VMP_REGISTRY_ERROR, VMP_REGISTRY_ERROR_NOT_ALLOWED);
  g_assert_true (g_str_has_suffix (error->message, "."));
  g_test_message ("%s", error->message);
  g_clear_error (&error);
  g_assert_false (vmp_registry_update (self->registry, node, &update, &error));
  g_assert_error (error, VMP_REGISTRY_ERROR, VMP_REGISTRY_ERROR_NOT_ALLOWED);
  g_clear_error (&error);
  g_assert_null (registry_fixture_discover (self, "http://8.8.8.8:1234"));

  vmp_registry_set_public_allowed (self->registry, TRUE);
  g_assert_nonnull (vmp_registry_register (self->registry, NULL, &update, &error));
  g_assert_no_error (error);
  update.base_url = metadata;
  g_assert_null (vmp_registry_register (self->registry, NULL, &update, &error));
  g_assert_error (error, VMP_REGISTRY_ERROR, VMP_REGISTRY_ERROR_NOT_ALLOWED);

  update.base_url = private;
  for (gsize i = 0; i < G_N_ELEMENTS (bad_ids); i++)
    {
      g_clear_error (&error);
      g_assert_null (vmp_registry_register (self->registry, bad_ids[i], &update, &error));
      g_assert_error (error, VMP_REGISTRY_ERROR, VMP_REGISTRY_ERROR_NOT_ALLOWED);
    }
  registry_fixture_assert_nodes (self, "a node-8-8-8-8-1234");
}

static void
test_made_ids_differ (RegistryFixture *self,
                      gconstpointer    data)
{
  g_autofree char *label = g_strnfill (60, 'a');
  g_autofree char *one_url = g_strdup_printf ("http://%s.%s.%s.local:1234", label, label, label);
  g_autofree char *other_url = g_strconcat (one_url, "/lm", NULL);
  VmpNode *one = registry_fixture_register (self, NULL, one_url);
  VmpNode *other = registry_fixture_register (self, NULL, other_url);

  g_assert_true (one != other);
  g_assert_cmpstr (one->id, !=, other->id);
  g_assert_cmpuint (strlen (other->id), <=, VMP_LIMIT_ID_CHARS);
  vmp_registry_forget (self->registry, one);
  vmp_registry_forget (self->registry, other);

  registry_fixture_register (self, NULL, "http://studio.local:1234");
  registry_fixture_register (self, NULL, "http://studio.local:1234/lm");
  registry_fixture_register (self, NULL, "https://studio.local:1234");
  registry_fixture_discover (self, "http://studio-local:1234");
  registry_fixture_assert_nodes (self, "node-studio-local-1234 node-studio-local-1234-2 node-studio-local-1234-3 "
                                 "node-studio-local-1234-4");
}

static void
test_own_addresses_become_known (RegistryFixture *self,
                                 gconstpointer    data)
{
  static const char * const own[] = { "192.168.7.20", NULL };
  VmpNode *local = registry_fixture_register (self, "local", "http://localhost:1234");
  VmpNode *lan = registry_fixture_register (self, "lan", "http://192.168.7.20:1234");

  registry_fixture_discover (self, "http://192.168.7.20:8080");
  registry_fixture_register (self, "other", "http://localhost:8080");
  g_string_truncate (self->told, 0);

  /* What was found is what was known already; of two that the owner named, both stay. */
  vmp_registry_set_own_addresses (self->registry, own);
  registry_fixture_assert_nodes (self, "local lan other");
  registry_fixture_assert_told (self, "removed node-192-168-7-20-8080, ");
  g_assert_true (registry_fixture_find_url (self, "http://192.168.7.20:1234") == local);

  vmp_registry_forget (self->registry, local);
  g_assert_true (registry_fixture_find_url (self, "http://localhost:1234") == lan);
  vmp_registry_set_own_addresses (self->registry, NULL);
  g_assert_null (registry_fixture_find_url (self, "http://localhost:1234"));
}

/* -- Registering and changing -------------------------------------------------------------- */

static void
test_register_again (RegistryFixture *self,
                     gconstpointer    data)
{
  static const char * const tags[] = { "gpu", "", "gpu", "a\x01" "b", NULL };
  g_autoptr (VmpBaseUrl) url = vmp_base_url_parse ("http://192.168.7.3:1234", NULL);
  const gboolean yes = TRUE;
  const VmpNodeService draining = VMP_NODE_DRAINING;
  const VmpProvider ollama = VMP_PROVIDER_OLLAMA;
  const guint queue_depth = 3;
  const double speed = 12.5;
  VmpNodeUpdate update = {
    .base_url = url, .name = "Rig", .host = "rig", .agent_base_url = "http://rig:9", .provider = &ollama,
    .service = &draining, .trusted = &yes, .tags = tags, .queue_depth = &queue_depth, .tokens_per_second = &speed,
    .capabilities[VMP_CAN_VISION] = &yes,
  };
  VmpNodeUpdate bare = { .base_url = url, .name = "Rig 2" };
  VmpNode *node = vmp_registry_register (self->registry, "rig", &update, NULL);

  registry_fixture_assert_told (self, "added rig, ");
  g_assert_cmpstr (node->found_by, ==, "owner");
  g_assert_cmpint (node->approval, ==, VMP_APPROVAL_APPROVED);
  g_assert_cmpstr (vmp_node_get_label (node), ==, "Rig");
  g_assert_cmpstr (node->host, ==, "rig");
  g_assert_cmpstr (node->tags[0], ==, "gpu");
  g_assert_cmpstr (node->tags[1], ==, "a\xef\xbf\xbd" "b");
  g_assert_null (node->tags[2]);
  g_assert_cmpint (node->provider, ==, VMP_PROVIDER_OLLAMA);
  g_assert_true (node->capabilities[VMP_CAN_VISION]);
  g_assert_cmpint (node->capability_sources[VMP_CAN_VISION], ==, VMP_FACT_OWNER);

  /* The second one says all there is to say, but neither trust nor a drain nor what is counted goes with it. */
  node->requests_total = 17;
  g_assert_true (vmp_registry_register (self->registry, "rig", &bare, NULL) == node);
  registry_fixture_assert_told (self, "changed rig, ");
  g_assert_cmpstr (node->name, ==, "Rig 2");
  g_assert_null (node->host);
  g_assert_null (node->agent_base_url);
  g_assert_null (node->tags[0]);
  g_assert_cmpint (node->provider_hint, ==, VMP_PROVIDER_AUTO);
  g_assert_false (node->capabilities[VMP_CAN_VISION]);
  g_assert_cmpint (node->capability_sources[VMP_CAN_VISION], ==, VMP_FACT_UNKNOWN);
  g_assert_cmpuint (node->queue_depth, ==, 0);
  g_assert_true (node->trusted);
  g_assert_cmpint (node->service, ==, VMP_NODE_DRAINING);
  g_assert_cmpuint (node->requests_total, ==, 17);
}

static void
test_register_what_was_found (RegistryFixture *self,
                              gconstpointer    data)
{
  VmpNode *found = registry_fixture_discover (self, "http://192.168.7.3:1234");
  VmpNode *blocked = registry_fixture_register (self, "bad", "http://192.168.7.4:1234");

  registry_fixture_probe (self, found, "m");
  vmp_registry_block (self->registry, blocked);
  g_string_truncate (self->told, 0);

  g_assert_true (registry_fixture_register (self, "rig", "http://192.168.7.3:1234") == found);
  registry_fixture_assert_told (self, "removed node-192-168-7-3-1234, added rig, approval rig, ");
  g_assert_cmpstr (found->found_by, ==, "mdns");
  registry_fixture_assert_nodes (self, "rig bad");
  registry_fixture_assert_hosts (self, "m", "rig");
  g_assert_null (vmp_registry_find (self->registry, "node-192-168-7-3-1234"));
  g_assert_cmpuint (vmp_registry_count_pending (self->registry), ==, 0);

  /* A node that its owner knows by its id keeps it. */
  g_assert_true (registry_fixture_register (self, "good", "http://192.168.7.4:1234") == blocked);
  g_assert_cmpint (blocked->approval, ==, VMP_APPROVAL_APPROVED);
  registry_fixture_assert_told (self, "changed bad, approval bad, ");

  registry_fixture_reopen (self);
  registry_fixture_assert_nodes (self, "rig bad");
}

static void
test_update (RegistryFixture *self,
             gconstpointer    data)
{
  static const char * const tags[] = { "a", "power:60", NULL };
  static const char * const no_tags[] = { NULL };
  const gboolean no = FALSE;
  const VmpNodeService draining = VMP_NODE_DRAINING;
  const double nonsense = -5;
  VmpNode *node = registry_fixture_register (self, "rig", "http://192.168.7.3:1234");
  VmpNodeUpdate update = { .name = "Rig", .tags = tags, .service = &draining, .capabilities = { &no },
                           .tokens_per_second = &nonsense };
  VmpNodeUpdate back = { .name = "", .tags = no_tags };

  g_string_truncate (self->told, 0);
  g_assert_true (vmp_registry_update (self->registry, node, &update, NULL));
  registry_fixture_assert_told (self, "changed rig, ");
  g_assert_cmpstr (node->name, ==, "Rig");
  g_assert_cmpuint (g_strv_length (node->tags), ==, 2);
  g_assert_cmpfloat (node->power, ==, 60);
  g_assert_cmpint (node->service, ==, VMP_NODE_DRAINING);
  g_assert_false (node->capabilities[VMP_CAN_CHAT]);
  g_assert_cmpfloat (node->tokens_per_second, ==, 0);

  g_assert_true (vmp_registry_update (self->registry, node, &back, NULL));
  g_assert_null (node->name);
  g_assert_null (node->tags[0]);
  g_assert_cmpfloat (node->power, <, 0);
  g_assert_cmpint (node->service, ==, VMP_NODE_DRAINING);
  g_assert_false (node->capabilities[VMP_CAN_CHAT]);
}

static void
test_another_address (RegistryFixture *self,
                      gconstpointer    data)
{
  g_autoptr (VmpBaseUrl) url = vmp_base_url_parse ("http://studio.local:1234", NULL);
  VmpNodeUpdate update = { .base_url = url };
  VmpNode *node = registry_fixture_register (self, "rig", "https://rig.local:1234");
  VmpProbeReport report = { .health = VMP_NODE_ONLINE, .address = "192.168.7.3", .key = "sha256//a=", .latency_ms = 1 };
  const VmpBaseUrl *old_url = node->base_url;
  VmpReach reach;

  registry_fixture_probe (self, node, "m");
  vmp_registry_take_probe (self->registry, node, &report);
  vmp_registry_set_token (self->registry, node, "secret");
  vmp_node_get_reach (node, FALSE, &reach);
  g_assert_cmpstr (reach.addresses[0], ==, "192.168.7.3");
  g_string_truncate (self->told, 0);

  g_assert_true (vmp_registry_update (self->registry, node, &update, NULL));
  registry_fixture_assert_told (self, "changed rig, ");
  g_assert_cmpstr (node->base_url->text, ==, "http://studio.local:1234");
  g_assert_null (node->addresses);
  g_assert_null (node->key);
  g_assert_null (node->seen_address);
  g_assert_null (node->seen_key);
  g_assert_null (node->token);
  g_assert_cmpint (node->token_state, ==, VMP_TOKEN_NOT_NEEDED);
  g_assert_null (node->inventory);
  g_assert_cmpint (node->health, ==, VMP_NODE_UNKNOWN);
  g_assert_cmpint (node->approval, ==, VMP_APPROVAL_APPROVED);
  registry_fixture_assert_hosts (self, "m", "");
  g_assert_null (registry_fixture_find_url (self, "https://rig.local:1234"));
  g_assert_true (registry_fixture_find_url (self, "http://studio.local:1234") == node);

  /* A transfer that runs still reads what it was given. */
  g_assert_cmpstr (old_url->text, ==, "https://rig.local:1234");
  g_assert_cmpstr (reach.addresses[0], ==, "192.168.7.3");
  g_assert_cmpstr (reach.key, ==, "sha256//a=");
}

static void
test_forget (RegistryFixture *self,
             gconstpointer    data)
{
  g_autoptr (VmpNode) node = vmp_node_ref (registry_fixture_register (self, "rig", "http://192.168.7.3:1234"));

  registry_fixture_probe (self, node, "m");
  vmp_registry_set_token (self->registry, node, "secret");
  g_assert_true (vmp_registry_begin_request (self->registry, node, NULL));
  g_string_truncate (self->told, 0);

  vmp_registry_forget (self->registry, node);
  registry_fixture_assert_told (self, "removed rig, ");
  g_assert_null (node->token);
  registry_fixture_assert_nodes (self, "");
  registry_fixture_assert_hosts (self, "m", "");
  g_assert_null (vmp_registry_find (self->registry, "rig"));
  g_assert_null (registry_fixture_find_url (self, "http://192.168.7.3:1234"));
  g_assert_cmpuint (vmp_registry_count (self->registry, VMP_NODE_ONLINE), ==, 0);
  g_assert_false (vmp_node_is_ready (node, g_get_monotonic_time ()));
  g_assert_false (vmp_registry_begin_request (self->registry, node, NULL));

  /* What was under way ends without bringing it back. */
  vmp_registry_suspend_approval (self->registry, node, "Its address has changed.");
  registry_fixture_end (self, node, NULL, VMP_TRAFFIC_UNREACHABLE, 0);
  registry_fixture_probe (self, node, "m");
  registry_fixture_assert_told (self, "");
  registry_fixture_assert_hosts (self, "m", "");

  /* Nor does it touch one that came in its place. */
  g_assert_true (registry_fixture_register (self, "rig", "http://192.168.7.3:1234") != node);
  g_string_truncate (self->told, 0);
  registry_fixture_probe (self, node, "m");
  registry_fixture_assert_told (self, "");
  g_assert_cmpint (vmp_registry_find (self->registry, "rig")->health, ==, VMP_NODE_UNKNOWN);

  vmp_registry_forget (self->registry, vmp_registry_find (self->registry, "rig"));
  registry_fixture_reopen (self);
  registry_fixture_assert_nodes (self, "");
}

/* -- Approval ------------------------------------------------------------------------------ */

static void
test_approve (RegistryFixture *self,
              gconstpointer    data)
{
  VmpNode *node = registry_fixture_discover (self, "https://studio.local:1234");
  VmpProbeReport report = { .health = VMP_NODE_ONLINE, .address = "192.168.7.3", .key = "sha256//a=" };
  const char *id = "node-studio-local-1234";

  registry_fixture_assert_told (self, "added node-studio-local-1234, approval node-studio-local-1234, ");
  g_assert_cmpuint (vmp_registry_count_pending (self->registry), ==, 1);
  registry_fixture_probe (self, node, "m");
  registry_fixture_assert_hosts (self, "m", "");
  g_assert_false (vmp_registry_begin_request (self->registry, node, NULL));

  vmp_registry_take_probe (self->registry, node, &report);
  g_assert_null (node->addresses);
  g_assert_null (node->key);
  g_string_truncate (self->told, 0);

  vmp_registry_approve (self->registry, node);
  registry_fixture_assert_told (self, "approval node-studio-local-1234, ");
  g_assert_cmpuint (vmp_registry_count_pending (self->registry), ==, 0);
  g_assert_cmpstr (node->addresses[0], ==, "192.168.7.3");
  g_assert_null (node->addresses[1]);
  g_assert_cmpstr (node->key, ==, "sha256//a=");
  registry_fixture_assert_hosts (self, "m", id);
  g_assert_true (vmp_registry_begin_request (self->registry, node, NULL));
  registry_fixture_end (self, node, NULL, VMP_TRAFFIC_ABANDONED, 0);
  vmp_registry_approve (self->registry, node);
  registry_fixture_assert_told (self, "");

  registry_fixture_reopen (self);
  node = vmp_registry_find (self->registry, id);
  g_assert_cmpint (node->approval, ==, VMP_APPROVAL_APPROVED);
  g_assert_cmpstr (node->addresses[0], ==, "192.168.7.3");
  g_assert_cmpstr (node->key, ==, "sha256//a=");
}

static void
test_what_is_bound (RegistryFixture *self,
                    gconstpointer    data)
{
  static const struct {
    const char *url;
    gboolean address;
    gboolean key;
  } cases[] = {
    { "http://studio.local:1", TRUE, FALSE },
    { "https://studio.local:2", TRUE, TRUE },
    { "http://192.168.7.3:3", FALSE, FALSE },
    { "https://192.168.7.3:4", FALSE, TRUE },
    { "http://localhost:5", FALSE, FALSE },
    { "http://[fd00::3]:6", FALSE, FALSE },
  };
  VmpProbeReport report = { .health = VMP_NODE_ONLINE, .address = "192.168.7.3", .key = "sha256//a=" };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      VmpNode *node = registry_fixture_register (self, NULL, cases[i].url);

      vmp_registry_take_probe (self->registry, node, &report);
      g_assert_cmpint (node->addresses != NULL, ==, cases[i].address);
      g_assert_cmpint (node->key != NULL, ==, cases[i].key);
    }
}

static void
test_suspend (RegistryFixture *self,
              gconstpointer    data)
{
  VmpNode *node = registry_fixture_register (self, "studio", "http://studio.local:1234");
  VmpProbeReport report = { .health = VMP_NODE_ONLINE, .address = "192.168.7.3" };
  VmpReach reach;

  registry_fixture_probe (self, node, "m");
  vmp_registry_take_probe (self->registry, node, &report);
  vmp_registry_set_token (self->registry, node, "secret");
  g_string_truncate (self->told, 0);

  vmp_registry_suspend_approval (self->registry, node, "It is at another address now.");
  registry_fixture_assert_told (self, "approval studio, ");
  registry_fixture_assert_logged ("warning: *studio*until it is approved again: It is at another address now.");
  g_assert_cmpint (node->approval, ==, VMP_APPROVAL_PENDING);
  g_assert_cmpstr (node->pending_reason, ==, "It is at another address now.");
  registry_fixture_assert_hosts (self, "m", "");
  g_assert_false (vmp_registry_begin_request (self->registry, node, NULL));
  g_assert_cmpuint (vmp_registry_count_pending (self->registry), ==, 1);
  vmp_registry_suspend_approval (self->registry, node, "Again.");
  registry_fixture_assert_told (self, "");

  /* It stays so, with its reason, and being found again changes nothing. */
  registry_fixture_reopen (self);
  node = registry_fixture_discover (self, "http://studio.local:1234");
  g_assert_cmpint (node->approval, ==, VMP_APPROVAL_PENDING);
  g_assert_cmpstr (node->pending_reason, ==, "It is at another address now.");

  /* Probes look at where it is now, and that is what an approval binds it to. */
  vmp_node_get_reach (node, FALSE, &reach);
  g_assert_null (reach.addresses);
  report.address = "192.168.7.99";
  vmp_registry_take_probe (self->registry, node, &report);
  g_assert_null (node->addresses);
  vmp_registry_approve (self->registry, node);
  g_assert_cmpstr (node->addresses[0], ==, "192.168.7.99");
  g_assert_null (node->pending_reason);
}

static void
test_approved_unseen (RegistryFixture *self,
                      gconstpointer    data)
{
  VmpNode *node = registry_fixture_register (self, "studio", "http://studio.local:1234");
  VmpProbeReport report = { .health = VMP_NODE_ONLINE, .address = "192.168.7.3" };

  vmp_registry_take_probe (self->registry, node, &report);
  vmp_registry_suspend_approval (self->registry, node, "It is at another address now.");
  /* Approved before it was seen at its new address: not bound to the old one. */
  vmp_registry_approve (self->registry, node);
  g_assert_null (node->addresses);

  report.address = "192.168.7.99";
  vmp_registry_take_probe (self->registry, node, &report);
  g_assert_cmpstr (node->addresses[0], ==, "192.168.7.99");
}

static void
test_block (RegistryFixture *self,
            gconstpointer    data)
{
  VmpNode *node = registry_fixture_register (self, "rig", "http://192.168.7.3:1234");

  registry_fixture_probe (self, node, "m");
  g_string_truncate (self->told, 0);
  vmp_registry_block (self->registry, node);
  registry_fixture_assert_told (self, "approval rig, ");
  registry_fixture_assert_hosts (self, "m", "");
  g_assert_false (vmp_registry_begin_request (self->registry, node, NULL));

  /* Whatever is found out about it, and after a restart. */
  for (guint i = 0; i < 2; i++)
    {
      g_assert_true (registry_fixture_discover (self, "http://192.168.7.3:1234") == node);
      registry_fixture_probe (self, node, "m");
      vmp_registry_suspend_approval (self->registry, node, "It moved.");
      g_assert_cmpint (node->approval, ==, VMP_APPROVAL_BLOCKED);
      registry_fixture_assert_hosts (self, "m", "");
      registry_fixture_reopen (self);
      node = vmp_registry_find (self->registry, "rig");
    }

  vmp_registry_approve (self->registry, node);
  registry_fixture_probe (self, node, "m");
  registry_fixture_assert_hosts (self, "m", "rig");
}

/* -- What lasts ---------------------------------------------------------------------------- */

static void
test_reload (RegistryFixture *self,
             gconstpointer    data)
{
  static const char * const tags[] = { "gpu", "büro", "cost:0.5", NULL };
  g_autoptr (VmpBaseUrl) url = vmp_base_url_parse ("http://192.168.7.3:1234/lm", NULL);
  const gboolean yes = TRUE;
  const gboolean no = FALSE;
  const VmpNodeService maintenance = VMP_NODE_MAINTENANCE;
  const VmpProvider ollama = VMP_PROVIDER_OLLAMA;
  const guint queue_depth = 3;
  const double speed = 12.5;
  VmpNodeUpdate update = {
    .base_url = url, .name = "Rig \"1\"", .host = "rig", .agent_base_url = "http://rig:9", .provider = &ollama,
    .service = &maintenance, .trusted = &yes, .tags = tags, .queue_depth = &queue_depth, .tokens_per_second = &speed,
    .capabilities[VMP_CAN_VISION] = &yes, .capabilities[VMP_CAN_CHAT] = &no,
  };
  VmpNode *node = vmp_registry_register (self->registry, "rig", &update, NULL);
  VmpNode *found;
  gint64 first_seen = node->first_seen;

  vmp_registry_set_token (self->registry, node, "top-secret");
  found = registry_fixture_discover (self, "http://zebra.local:1234");
  registry_fixture_register (self, "ant", "http://192.168.7.4:1234");
  vmp_registry_update (self->registry, node, &(VmpNodeUpdate) { .name = "Rig" }, NULL);

  {
    g_autofree char *stored = registry_fixture_dup_stored (self, "rig");

    g_assert_null (strstr (stored, "top-secret"));
  }

  g_assert_cmpint (found->first_seen, >=, first_seen);
  registry_fixture_reopen (self);
  registry_fixture_assert_nodes (self, "rig node-zebra-local-1234 ant");
  g_assert_cmpuint (vmp_registry_count_pending (self->registry), ==, 1);
  g_assert_cmpuint (vmp_registry_count (self->registry, VMP_NODE_UNKNOWN), ==, 3);

  node = vmp_registry_find (self->registry, "rig");
  g_assert_true (registry_fixture_find_url (self, "http://192.168.7.3:1234/lm") == node);
  g_assert_cmpstr (node->name, ==, "Rig");
  g_assert_cmpstr (node->host, ==, "rig");
  g_assert_cmpstr (node->agent_base_url, ==, "http://rig:9");
  g_assert_cmpint (node->provider_hint, ==, VMP_PROVIDER_OLLAMA);
  g_assert_cmpint (node->service, ==, VMP_NODE_MAINTENANCE);
  g_assert_true (node->trusted);
  g_assert_cmpstr (node->tags[1], ==, "büro");
  g_assert_cmpfloat (node->cost, ==, 0.5);
  g_assert_cmpuint (node->queue_depth, ==, 3);
  g_assert_cmpfloat (node->tokens_per_second, ==, 12.5);
  g_assert_true (node->capabilities[VMP_CAN_VISION]);
  g_assert_false (node->capabilities[VMP_CAN_CHAT]);
  g_assert_cmpint (node->capability_sources[VMP_CAN_CHAT], ==, VMP_FACT_OWNER);
  g_assert_cmpint (node->capability_sources[VMP_CAN_TOOLS], ==, VMP_FACT_UNKNOWN);
  g_assert_cmpint (node->first_seen, ==, first_seen);
  g_assert_cmpstr (node->found_by, ==, "owner");
  g_assert_null (node->token);

  found = vmp_registry_find (self->registry, "node-zebra-local-1234");
  g_assert_cmpstr (found->found_by, ==, "mdns");
  g_assert_cmpstr (found->found_at, ==, "eth0");
  g_assert_cmpint (found->last_seen, >, 0);

  /* New ones come behind. */
  registry_fixture_register (self, "bee", "http://192.168.7.5:1234");
  registry_fixture_assert_nodes (self, "rig node-zebra-local-1234 ant bee");
}

static void
test_unreadable (RegistryFixture *self,
                 gconstpointer    data)
{
  static const char good[] = "{\"base_url\":\"http://192.168.7.3:1\",\"approval\":\"approved\",\"service\":\"online\"}";
  static const char * const bad[] = {
    "", "null", "[]", "{", "{}",
    "{\"base_url\":\"ftp://x\",\"approval\":\"approved\",\"service\":\"online\"}",
    "{\"base_url\":\"http://192.168.7.3:2\",\"approval\":\"friend\",\"service\":\"online\"}",
    "{\"base_url\":\"http://192.168.7.3:2\",\"approval\":\"approved\",\"service\":\"asleep\"}",
    "{\"base_url\":\"http://192.168.7.3:2\",\"approval\":\"approved\"}",
    "{\"base_url\":\"http://s.local\",\"approval\":\"approved\",\"service\":\"online\",\"addresses\":[1]}",
    "{\"base_url\":\"http://s.local\",\"approval\":\"approved\",\"service\":\"online\",\"addresses\":null}",
    "{\"base_url\":\"https://s.local\",\"approval\":\"approved\",\"service\":\"online\",\"key\":\"md5\"}",
    "{\"base_url\":\"https://s.local\",\"approval\":\"approved\",\"service\":\"online\",\"key\":7}",
  };

  vmp_store_put (self->store, VMP_STORE_NODES, "a/b", g_strdup (good), NULL, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *id = g_strdup_printf ("bad%zu", i);

      vmp_store_put (self->store, VMP_STORE_NODES, id, g_strdup (bad[i]), NULL, NULL);
    }
  vmp_store_put (self->store, VMP_STORE_NODES, "good", g_strdup (good), NULL, NULL);
  vmp_store_put (self->store, VMP_STORE_NODES, "strange", g_strdup (
                   "{\"base_url\":\"http://192.168.7.3:3\",\"approval\":\"pending\",\"service\":\"online\","
                   "\"name\":7,\"tags\":{\"a\":1},\"capabilities\":[],\"queue_depth\":-4,\"trusted\":\"yes\","
                   "\"provider\":\"skynet\",\"order\":\"first\",\"found_at\":\"a\\u202eb\"}"), NULL, NULL);

  for (gsize i = 0; i < 2; i++)
    {
      g_autofree char *document = g_strdup_printf ("{\"base_url\":\"http://192.168.7.4:%zu\",\"order\":7,"
                                                   "\"approval\":\"approved\",\"service\":\"online\"}", i + 1);

      vmp_store_put (self->store, VMP_STORE_NODES, i == 0 ? "twin" : "other-twin", g_steal_pointer (&document),
                     NULL, NULL);
    }

  registry_fixture_reopen (self);
  registry_fixture_assert_logged ("warning: *bad7 *left out");
  registry_fixture_assert_nodes (self, "good strange twin other-twin");
  g_assert_cmpstr (vmp_registry_find (self->registry, "strange")->found_at, ==, "a\xef\xbf\xbd" "b");
  g_assert_false (vmp_registry_find (self->registry, "strange")->trusted);
}

/* -- Many ---------------------------------------------------------------------------------- */

#define N_MANY 10000
#define MODELS_EACH 20
#define N_MODELS 2000

static char *
make_models (guint node)
{
  GString *models = g_string_new (NULL);

  for (guint i = 0; i < MODELS_EACH; i++)
    g_string_append_printf (models, "%smodel-%u", i > 0 ? " " : "", (node * 7 + i * 101) % N_MODELS);

  return g_string_free (models, FALSE);
}

static void
add_nodes (RegistryFixture *self,
           guint            from,
           guint            to)
{
  for (guint i = from; i < to; i++)
    {
      g_autofree char *url = g_strdup_printf ("http://10.1.%u.%u:1234", i / 250, i % 250 + 1);
      g_autofree char *models = make_models (i);

      registry_fixture_probe (self, registry_fixture_register (self, NULL, url), models);
    }
}

/* Seconds for so many findings of all kinds. */
static double
time_finding (RegistryFixture *self)
{
  g_autoptr (VmpBaseUrl) url = vmp_base_url_parse ("http://10.1.0.5:1234", NULL);
  double best = G_MAXDOUBLE;

  for (guint try = 0; try < 5; try++)
    {
      gint64 start = g_get_monotonic_time ();

      for (guint i = 0; i < 20000; i++)
        {
          g_assert_nonnull (vmp_registry_find_hosts (self->registry, "model-7"));
          g_assert_null (vmp_registry_find_hosts (self->registry, "model-none"));
          g_assert_nonnull (vmp_registry_find (self->registry, "node-10-1-0-5-1234"));
          g_assert_nonnull (vmp_registry_find_url (self->registry, url));
        }
      best = MIN (best, (g_get_monotonic_time () - start) / 1e6);
    }

  return best;
}

static void
test_many (RegistryFixture *self,
           gconstpointer    data)
{
  g_autoptr (GPtrArray) models = NULL;
  gint64 start = g_get_monotonic_time ();
  double with_few;
  double with_many;
  VmpNode *node;

  add_nodes (self, 0, 10);
  with_few = time_finding (self);
  add_nodes (self, 10, N_MANY);
  with_many = time_finding (self);
  g_test_message ("finding takes %.2f us with 10 nodes, %.2f us with %u; all of it took %.1f s", with_few / 0.02,
                  with_many / 0.02, N_MANY, (g_get_monotonic_time () - start) / 1e6);
  g_assert_cmpfloat (with_many, <, with_few * 4);

  g_assert_cmpuint (vmp_registry_count (self->registry, VMP_NODE_ONLINE), ==, N_MANY);
  g_assert_cmpuint (vmp_registry_find_hosts (self->registry, "model-7")->len, ==, N_MANY * MODELS_EACH / N_MODELS);
  models = vmp_registry_dup_models (self->registry);
  g_assert_cmpuint (models->len, ==, N_MODELS);

  /* A change of one node does not cost more either: ten thousand of them well within a second. */
  start = g_get_monotonic_time ();
  for (guint i = 0; i < N_MANY; i++)
    {
      node = g_ptr_array_index (vmp_registry_get_nodes (self->registry), i);
      registry_fixture_probe_offline (self, node);
      registry_fixture_request (self, node, VMP_TRAFFIC_ANSWERED);
    }
  g_test_message ("%u nodes went and came in %.2f s", N_MANY, (g_get_monotonic_time () - start) / 1e6);
  g_assert_cmpint (g_get_monotonic_time () - start, <, 10 * G_USEC_PER_SEC);

  registry_fixture_reopen (self);
  g_assert_cmpuint (vmp_registry_get_nodes (self->registry)->len, ==, N_MANY);
  node = g_ptr_array_index (vmp_registry_get_nodes (self->registry), 1234);
  g_assert_cmpstr (node->id, ==, "node-10-1-4-235-1234");
}

/* What the tables should say, found out the slow way. */
static void
assert_tables (RegistryFixture *self)
{
  GPtrArray *nodes = vmp_registry_get_nodes (self->registry);
  guint counts[VMP_N_NODE_HEALTHS] = { 0 };
  guint n_pending = 0;

  for (guint i = 0; i < nodes->len; i++)
    {
      VmpNode *node = g_ptr_array_index (nodes, i);

      counts[node->health]++;
      n_pending += node->approval == VMP_APPROVAL_PENDING;
      g_assert_true (vmp_registry_find (self->registry, node->id) == node);
      g_assert_true (vmp_registry_find_url (self->registry, node->base_url) == node);
    }
  for (guint i = 0; i < VMP_N_NODE_HEALTHS; i++)
    g_assert_cmpuint (vmp_registry_count (self->registry, i), ==, counts[i]);
  g_assert_cmpuint (vmp_registry_count_pending (self->registry), ==, n_pending);

  for (guint model = 0; model < 10; model++)
    {
      g_autofree char *id = g_strdup_printf ("m%u", model);
      g_autoptr (GString) expected = g_string_new (NULL);

      for (guint i = 0; i < nodes->len; i++)
        {
          VmpNode *node = g_ptr_array_index (nodes, i);

          if (vmp_node_is_listed (node) && vmp_node_find_model (node, id) != NULL)
            g_string_append_printf (expected, "%s%s", expected->len > 0 ? " " : "", node->id);
        }
      registry_fixture_assert_hosts (self, id, expected->str);
    }
}

static void
do_something (RegistryFixture *self)
{
  GPtrArray *nodes = vmp_registry_get_nodes (self->registry);
  VmpNode *node = nodes->len > 0 ? g_ptr_array_index (nodes, g_test_rand_int_range (0, nodes->len)) : NULL;
  g_autofree char *url = g_strdup_printf ("http://10.1.0.%d:1234", g_test_rand_int_range (1, 20));
  g_autofree char *models = g_strdup_printf ("m%d m%d m%d", g_test_rand_int_range (0, 10),
                                             g_test_rand_int_range (0, 10), g_test_rand_int_range (0, 10));
  VmpNodeService service = g_test_rand_int_range (0, VMP_N_NODE_SERVICES);
  VmpNodeUpdate update = { .service = &service };

  switch (g_test_rand_int_range (0, node != NULL ? 12 : 2))
    {
    case 0:
      registry_fixture_register (self, NULL, url);
      break;

    case 1:
      registry_fixture_discover (self, url);
      break;

    case 2:
      vmp_registry_approve (self->registry, node);
      break;

    case 3:
      vmp_registry_block (self->registry, node);
      break;

    case 4:
      vmp_registry_suspend_approval (self->registry, node, "It moved.");
      break;

    case 5:
      vmp_registry_forget (self->registry, node);
      break;

    case 6:
      vmp_registry_update (self->registry, node, &update, NULL);
      break;

    case 7:
      registry_fixture_probe_offline (self, node);
      break;

    case 8:
      if (vmp_registry_begin_request (self->registry, node, NULL))
        registry_fixture_end (self, node, NULL, g_test_rand_int_range (0, VMP_TRAFFIC_ABANDONED + 1), 1);
      break;

    case 9:
      vmp_registry_set_default (self->registry, url);
      break;

    default:
      registry_fixture_probe (self, node, models);
      break;
    }
}

static void
test_tables (RegistryFixture *self,
             gconstpointer    data)
{
  for (guint i = 0; i < 3000; i++)
    {
      do_something (self);
      assert_tables (self);
    }

  {
    g_autoptr (GString) before = g_string_new (NULL);
    g_autoptr (GString) after = g_string_new (NULL);
    g_autofree char *default_url = g_strdup ("http://10.1.0.99:1");
    GPtrArray *nodes;

    /* The same ones in the same order, apart from the default node, which may have left nothing. */
    vmp_registry_set_default (self->registry, default_url);
    nodes = vmp_registry_get_nodes (self->registry);
    for (guint i = 0; i < nodes->len; i++)
      g_string_append_printf (before, "%s ", ((VmpNode *) g_ptr_array_index (nodes, i))->url_key);
    registry_fixture_reopen (self);
    vmp_registry_set_default (self->registry, default_url);
    nodes = vmp_registry_get_nodes (self->registry);
    for (guint i = 0; i < nodes->len; i++)
      g_string_append_printf (after, "%s ", ((VmpNode *) g_ptr_array_index (nodes, i))->url_key);
    g_assert_cmpstr (after->str, ==, before->str);
  }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  registry_fixture_record_log ();

  registry_fixture_add ("/registry/identity/one-url-is-one-node", test_one_url_is_one_node);
  registry_fixture_add ("/registry/identity/address-of-another", test_address_of_another);
  registry_fixture_add ("/registry/identity/not-allowed", test_not_allowed);
  registry_fixture_add ("/registry/identity/made-ids-differ", test_made_ids_differ);
  registry_fixture_add ("/registry/identity/own-addresses-become-known", test_own_addresses_become_known);
  registry_fixture_add ("/registry/owner/registers-again", test_register_again);
  registry_fixture_add ("/registry/owner/registers-what-was-found", test_register_what_was_found);
  registry_fixture_add ("/registry/owner/updates", test_update);
  registry_fixture_add ("/registry/owner/gives-another-address", test_another_address);
  registry_fixture_add ("/registry/owner/forgets", test_forget);
  registry_fixture_add ("/registry/approval/binds", test_approve);
  registry_fixture_add ("/registry/approval/what-is-bound", test_what_is_bound);
  registry_fixture_add ("/registry/approval/suspended-and-bound-anew", test_suspend);
  registry_fixture_add ("/registry/approval/before-it-is-seen-again", test_approved_unseen);
  registry_fixture_add ("/registry/approval/blocked-stays-blocked", test_block);
  registry_fixture_add ("/registry/store/same-nodes-in-same-order", test_reload);
  registry_fixture_add ("/registry/store/unreadable-is-left-out", test_unreadable);
  registry_fixture_add ("/registry/many/found-as-quickly", test_many);
  registry_fixture_add ("/registry/many/tables-follow-every-change", test_tables);

  return g_test_run ();
}
