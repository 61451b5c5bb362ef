/* SPDX-License-Identifier: MIT
 *
 * A registry on a store in a folder of its own, with short words for what its tests do over and over; and a record of
 * what its listener was told and of what was logged.
 */

#pragma once

#include "nodes/vmp-registry.h"

typedef struct {
  char *dir;
  VmpStore *store;
  VmpRegistry *registry;
  GString *told;      /* "added a, changed b, " */
} RegistryFixture;

void registry_fixture_set_up (RegistryFixture *self,
                              gconstpointer    data);
void registry_fixture_tear_down (RegistryFixture *self,
                                 gconstpointer    data);

/* Logged lines go into a record; critical ones still end the test. Once, after g_test_init(). */
void registry_fixture_record_log (void);

#define registry_fixture_add(path, test) \
  g_test_add (path, RegistryFixture, NULL, registry_fixture_set_up, test, registry_fixture_tear_down)

/* Closes and opens the store, and loads what it has. */
void registry_fixture_reopen (RegistryFixture *self);

/* Waits until all is on disk. */
void registry_fixture_flush (RegistryFixture *self);

/* What the store has of a node, after a flush; NULL: nothing. (transfer full) */
char *registry_fixture_dup_stored (RegistryFixture *self,
                                   const char      *id);

/* What the listener was told since the last time. */
void registry_fixture_assert_told (RegistryFixture *self,
                                   const char      *expected);

/* That a line like this was logged since the last time; what else was is forgotten. */
void registry_fixture_assert_logged (const char *pattern);
void registry_fixture_assert_nothing_logged (void);

/* "a b c": the ids in order. */
void registry_fixture_assert_nodes (RegistryFixture *self,
                                    const char      *expected);
/* The hosts of a model; "" when there are none. */
void registry_fixture_assert_hosts (RegistryFixture *self,
                                    const char      *model,
                                    const char      *expected);

/* Registers, and asserts that it is taken. @id: (nullable) */
VmpNode *registry_fixture_register (RegistryFixture *self,
                                    const char      *id,
                                    const char      *url);
VmpNode *registry_fixture_discover (RegistryFixture *self,
                                    const char      *url);
VmpNode *registry_fixture_find_url (RegistryFixture *self,
                                    const char      *url);

/* An OpenAI-compatible list of these models, which are separated by spaces. (transfer full) */
VmpInventory *registry_fixture_make_inventory (const char *models);

/* Has a probe find the node online with these models; NULL: without a list. */
void registry_fixture_probe (RegistryFixture *self,
                             VmpNode         *node,
                             const char      *models);
/* The same with the list of a server of one's own. @asked: monotonic µs; 0: not said */
void registry_fixture_probe_list (RegistryFixture *self,
                                  VmpNode         *node,
                                  VmpListKind      kind,
                                  const char      *list,
                                  gint64           asked);
void registry_fixture_probe_offline (RegistryFixture *self,
                                     VmpNode         *node);

/* @host: (nullable) */
void registry_fixture_end (RegistryFixture *self,
                           VmpNode         *node,
                           VmpHost         *host,
                           VmpTrafficResult result,
                           double           latency_ms);

/* One request, of which this becomes. Asserts that it may begin. */
void registry_fixture_request (RegistryFixture *self,
                               VmpNode         *node,
                               VmpTrafficResult result);
