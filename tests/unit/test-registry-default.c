/* SPDX-License-Identifier: MIT
 *
 * The node that is there because of the setting default_base_url: it leaves nothing behind, until its owner or its
 * approval has something that must last.
 */

#include "registry-fixture.h"

static void
test_default (RegistryFixture *self,
              gconstpointer    data)
{
  VmpNode *node = vmp_registry_set_default (self->registry, "http://localhost:1234");

  registry_fixture_assert_told (self, "added node-localhost-1234, ");
  g_assert_true (node->is_default);
  g_assert_cmpint (node->approval, ==, VMP_APPROVAL_APPROVED);
  g_assert_true (vmp_registry_get_default (self->registry) == node);
  g_assert_true (vmp_registry_set_default (self->registry, "http://localhost:1234") == node);
  registry_fixture_assert_told (self, "");

  /* It leaves nothing behind as long as nothing but its being there is known. */
  registry_fixture_probe (self, node, "m");
  registry_fixture_request (self, node, VMP_TRAFFIC_ANSWERED);
  g_assert_null (registry_fixture_dup_stored (self, node->id));

  /* The first of all, also when others came before it. */
  registry_fixture_register (self, "rig", "http://192.168.7.3:1234");
  registry_fixture_reopen (self);
  registry_fixture_assert_nodes (self, "rig");
  vmp_registry_set_default (self->registry, "http://localhost:1234");
  registry_fixture_assert_nodes (self, "node-localhost-1234 rig");
}

static void
test_default_that_was_changed (RegistryFixture *self,
                               gconstpointer    data)
{
  VmpNodeUpdate update = { .name = "Here" };
  VmpNodeUpdate back = { .name = "" };
  VmpNode *node = vmp_registry_set_default (self->registry, "http://localhost:1234");

  registry_fixture_register (self, "rig", "http://192.168.7.3:1234");
  vmp_registry_update (self->registry, node, &update, NULL);
  registry_fixture_reopen (self);
  registry_fixture_assert_nodes (self, "node-localhost-1234 rig");
  node = vmp_registry_set_default (self->registry, "http://localhost:1234");
  g_assert_cmpstr (node->name, ==, "Here");

  vmp_registry_update (self->registry, node, &back, NULL);
  g_assert_null (registry_fixture_dup_stored (self, node->id));

  /* Blocked, it stays blocked over restarts. */
  vmp_registry_block (self->registry, node);
  registry_fixture_reopen (self);
  node = vmp_registry_set_default (self->registry, "http://localhost:1234");
  g_assert_cmpint (node->approval, ==, VMP_APPROVAL_BLOCKED);
}

static void
test_default_keeps_its_binding (RegistryFixture *self,
                                gconstpointer    data)
{
  VmpNode *node = vmp_registry_set_default (self->registry, "http://studio.local:1234");
  VmpProbeReport report = { .health = VMP_NODE_ONLINE, .address = "192.168.7.3" };

  vmp_registry_take_probe (self->registry, node, &report);
  registry_fixture_reopen (self);
  node = vmp_registry_set_default (self->registry, "http://studio.local:1234");
  g_assert_cmpstr (node->addresses[0], ==, "192.168.7.3");

  /* What took its approval away is not undone by a restart. */
  vmp_registry_suspend_approval (self->registry, node, "It is at another address now.");
  registry_fixture_reopen (self);
  node = vmp_registry_set_default (self->registry, "http://studio.local:1234");
  g_assert_cmpint (node->approval, ==, VMP_APPROVAL_PENDING);
}

static void
test_another_default (RegistryFixture *self,
                      gconstpointer    data)
{
  VmpNodeUpdate update = { .name = "Named" };
  VmpNode *found = registry_fixture_discover (self, "http://192.168.7.3:1234");
  VmpNode *node;

  vmp_registry_set_default (self->registry, "http://localhost:1");
  g_string_truncate (self->told, 0);

  /* One that nothing was done to goes; one that is known becomes it. */
  g_assert_true (vmp_registry_set_default (self->registry, "http://192.168.7.3:1234") == found);
  registry_fixture_assert_told (self, "removed node-localhost-1, approval node-192-168-7-3-1234, ");
  g_assert_cmpint (found->approval, ==, VMP_APPROVAL_APPROVED);
  g_assert_true (found->is_default);

  /* One that came by another way stays, and so does one that was changed. */
  node = vmp_registry_set_default (self->registry, "http://localhost:2");
  g_assert_false (found->is_default);
  registry_fixture_assert_nodes (self, "node-localhost-2 node-192-168-7-3-1234");
  vmp_registry_update (self->registry, node, &update, NULL);
  vmp_registry_set_default (self->registry, "http://localhost:3");
  registry_fixture_assert_nodes (self, "node-localhost-3 node-localhost-2 node-192-168-7-3-1234");

  registry_fixture_reopen (self);
  registry_fixture_assert_nodes (self, "node-localhost-2 node-192-168-7-3-1234");
  g_assert_null (vmp_registry_get_default (self->registry));
}

static void
test_default_forgotten (RegistryFixture *self,
                        gconstpointer    data)
{
  VmpNodeUpdate update = { .name = "Here" };
  g_autoptr (VmpNode) node = vmp_node_ref (vmp_registry_set_default (self->registry, "http://localhost:1234"));

  vmp_registry_update (self->registry, node, &update, NULL);
  g_string_truncate (self->told, 0);
  vmp_registry_forget (self->registry, node);
  registry_fixture_assert_told (self, "removed node-localhost-1234, added node-localhost-1234, ");
  g_assert_true (vmp_registry_get_default (self->registry) != node);
  g_assert_null (vmp_registry_get_default (self->registry)->name);
  g_assert_cmpint (vmp_registry_get_default (self->registry)->approval, ==, VMP_APPROVAL_APPROVED);
  g_assert_null (registry_fixture_dup_stored (self, "node-localhost-1234"));
}

static void
test_default_registered (RegistryFixture *self,
                         gconstpointer    data)
{
  VmpNode *node = vmp_registry_set_default (self->registry, "http://localhost:1234");

  g_string_truncate (self->told, 0);
  g_assert_true (registry_fixture_register (self, "here", "http://127.0.0.1:1234") == node);
  registry_fixture_assert_told (self, "removed node-localhost-1234, added here, ");
  g_assert_true (vmp_registry_get_default (self->registry) == node);

  registry_fixture_reopen (self);
  node = vmp_registry_set_default (self->registry, "http://localhost:1234");
  g_assert_cmpstr (node->id, ==, "here");
  g_assert_cmpstr (node->base_url->text, ==, "http://127.0.0.1:1234");
  registry_fixture_assert_nodes (self, "here");
}

static void
test_default_moved_away (RegistryFixture *self,
                         gconstpointer    data)
{
  g_autoptr (VmpBaseUrl) url = vmp_base_url_parse ("http://192.168.7.3:1234", NULL);
  VmpNodeUpdate update = { .base_url = url };
  VmpNode *node = vmp_registry_set_default (self->registry, "http://localhost:1234");

  /* The owner gives it another address: then it is no longer the setting's, which gets a new one. */
  g_assert_true (vmp_registry_update (self->registry, node, &update, NULL));
  g_assert_false (node->is_default);
  g_assert_cmpstr (vmp_registry_get_default (self->registry)->base_url->text, ==, "http://localhost:1234");
  g_assert_cmpuint (vmp_registry_get_nodes (self->registry)->len, ==, 2);
  registry_fixture_reopen (self);
  g_assert_cmpuint (vmp_registry_get_nodes (self->registry)->len, ==, 1);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  registry_fixture_record_log ();

  registry_fixture_add ("/registry/default/is-there-and-leaves-nothing", test_default);
  registry_fixture_add ("/registry/default/changed-by-its-owner", test_default_that_was_changed);
  registry_fixture_add ("/registry/default/keeps-what-it-is-bound-to", test_default_keeps_its_binding);
  registry_fixture_add ("/registry/default/another-one", test_another_default);
  registry_fixture_add ("/registry/default/forgotten", test_default_forgotten);
  registry_fixture_add ("/registry/default/registered", test_default_registered);
  registry_fixture_add ("/registry/default/given-another-address", test_default_moved_away);

  return g_test_run ();
}
