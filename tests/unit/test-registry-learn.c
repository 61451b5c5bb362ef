/* SPDX-License-Identifier: MIT
 *
 * What discovery, probes, tokens and traffic bring to the registry, and what they must leave alone.
 */

#include "registry-fixture.h"

#include "core/vmp-limits.h"

#include <string.h>

/* -- Discovery ----------------------------------------------------------------------------- */

static void
test_found (RegistryFixture *self,
            gconstpointer    data)
{
  g_autoptr (VmpBaseUrl) url = vmp_base_url_parse ("http://studio.local:1234", NULL);
  VmpNode *node = vmp_registry_discover (self->registry, url, "mdns", "eth0, 'A\n\xe2\x80\xae" "B'");

  registry_fixture_assert_told (self, "added node-studio-local-1234, approval node-studio-local-1234, ");
  registry_fixture_assert_logged ("info: *http://studio.local:1234*mdns*waits for approval*");
  g_assert_cmpint (node->approval, ==, VMP_APPROVAL_PENDING);
  g_assert_cmpstr (node->found_by, ==, "mdns");
  g_assert_cmpstr (node->found_at, ==, "eth0, 'A\xef\xbf\xbd\xef\xbf\xbd" "B'");
  g_assert_cmpstr (node->host, ==, "studio.local");
  g_assert_cmpint (node->first_seen, >, 0);
  g_assert_cmpint (node->last_seen, ==, node->first_seen);

  /* Again: it was seen, and nothing else. */
  node->last_seen = 1;
  g_assert_true (vmp_registry_discover (self->registry, url, "lan_scan", NULL) == node);
  g_assert_cmpint (node->last_seen, >, 1);
  g_assert_cmpstr (node->found_by, ==, "mdns");
  registry_fixture_assert_told (self, "");
  registry_fixture_assert_nothing_logged ();
}

static VmpNode *
flood_with (RegistryFixture *self,
            guint            i)
{
  g_autofree char *url = g_strdup_printf ("http://10.2.%u.%u:1234", i / 250, i % 250 + 1);

  return registry_fixture_discover (self, url);
}

static void
test_flood (RegistryFixture *self,
            gconstpointer    data)
{
  VmpNode *owned = registry_fixture_register (self, "mine", "http://192.168.7.3:1234");
  VmpNode *suspended = registry_fixture_register (self, "moved", "http://192.168.7.4:1234");
  VmpNode *first = NULL;
  VmpNode *third = NULL;
  guint n_taken = 0;

  vmp_registry_suspend_approval (self->registry, suspended, "It moved.");
  suspended->last_seen = 1;
  for (guint i = 0; i < 1000; i++)
    {
      VmpNode *node = flood_with (self, i);

      n_taken += node != NULL;
      if (i == 0)
        first = node;
      if (i == 2)
        third = node;
    }

  /* Those that came first and wait, not those that came last. What the owner approved once is not counted. */
  g_assert_cmpuint (n_taken, ==, VMP_LIMIT_PENDING_NODES);
  g_assert_cmpuint (vmp_registry_count_pending (self->registry), ==, VMP_LIMIT_PENDING_NODES + 1);
  g_assert_true (vmp_registry_find (self->registry, "node-10-2-0-1-1234") == first);

  /* One that was not seen for long makes room, the one that was not for longest, and only for one. */
  first->last_seen -= (VMP_LIMIT_PENDING_STALE_S + 60) * G_USEC_PER_SEC;
  third->last_seen -= (VMP_LIMIT_PENDING_STALE_S + 120) * G_USEC_PER_SEC;
  g_string_truncate (self->told, 0);
  g_assert_nonnull (flood_with (self, 2000));
  registry_fixture_assert_told (self, "removed node-10-2-0-3-1234, added node-10-2-8-1-1234, "
                                "approval node-10-2-8-1-1234, ");
  g_assert_nonnull (flood_with (self, 2001));
  g_assert_null (vmp_registry_find (self->registry, "node-10-2-0-1-1234"));
  g_assert_null (flood_with (self, 2002));

  /* A decision makes room too. */
  vmp_registry_approve (self->registry, vmp_registry_find (self->registry, "node-10-2-0-2-1234"));
  g_assert_nonnull (flood_with (self, 2002));
  g_assert_null (flood_with (self, 2003));

  g_assert_true (vmp_registry_find (self->registry, "mine") == owned);
  g_assert_true (vmp_registry_find (self->registry, "moved") == suspended);
  registry_fixture_reopen (self);
  g_assert_cmpuint (vmp_registry_count_pending (self->registry), ==, VMP_LIMIT_PENDING_NODES + 1);
}

/* -- Probes -------------------------------------------------------------------------------- */

static void
test_online (RegistryFixture *self,
             gconstpointer    data)
{
  VmpNode *node = registry_fixture_register (self, "rig", "http://192.168.7.3:1234");

  g_string_truncate (self->told, 0);
  registry_fixture_probe (self, node, "a b/c");
  registry_fixture_assert_told (self, "changed rig, ");
  registry_fixture_assert_logged ("The server at http://192.168.7.3:1234 answers");
  g_assert_cmpint (node->health, ==, VMP_NODE_ONLINE);
  g_assert_cmpint (node->provider, ==, VMP_PROVIDER_OPENAI_COMPATIBLE);
  g_assert_cmpfloat (node->latency_ms, ==, 1.5);
  g_assert_cmpuint (node->probes, ==, 1);
  g_assert_cmpint (node->last_checked, >, 0);
  g_assert_cmpint (node->checked_mono, >, 0);
  registry_fixture_assert_hosts (self, "b/c", "rig");

  /* The same once more: nothing that can be seen, and nothing that is written. */
  node->last_checked = 1;
  registry_fixture_probe (self, node, "a b/c");
  g_assert_cmpint (node->last_checked, >, 1);
  registry_fixture_assert_told (self, "");
  registry_fixture_assert_nothing_logged ();

  registry_fixture_probe (self, node, "a d");
  registry_fixture_assert_told (self, "changed rig, ");
  registry_fixture_assert_hosts (self, "b/c", "");
  registry_fixture_assert_hosts (self, "d", "rig");
}

static void
test_offline (RegistryFixture *self,
              gconstpointer    data)
{
  VmpNode *node = registry_fixture_register (self, "rig", "http://192.168.7.3:1234");
  VmpNode *found = registry_fixture_discover (self, "http://192.168.7.4:1234");

  registry_fixture_probe (self, node, "a");
  g_string_truncate (self->told, 0);
  registry_fixture_probe_offline (self, node);
  registry_fixture_assert_told (self, "changed rig, ");
  registry_fixture_assert_logged ("warning: Nobody answers there.");
  g_assert_cmpstr (node->last_error, ==, "Nobody answers there.");
  g_assert_cmpuint (node->probe_errors, ==, 1);
  g_assert_nonnull (node->inventory);
  registry_fixture_assert_hosts (self, "a", "");

  registry_fixture_probe_offline (self, node);
  registry_fixture_assert_told (self, "");
  registry_fixture_assert_nothing_logged ();

  registry_fixture_probe (self, node, "a");
  registry_fixture_assert_told (self, "changed rig, ");
  registry_fixture_assert_hosts (self, "a", "rig");
  g_assert_null (node->last_error);
  registry_fixture_assert_logged ("The server at * answers");

  /* Of servers that were only found nobody is told loudly. */
  registry_fixture_probe_offline (self, found);
  registry_fixture_assert_logged ("info: Nobody answers there.");
}

static void
test_what_the_owner_set (RegistryFixture *self,
                         gconstpointer    data)
{
  static const char list[] =
    "{\"models\":[{\"type\":\"llm\",\"key\":\"seer\",\"capabilities\":{\"vision\":true,\"trained_for_tool_use\":true}},"
    "{\"type\":\"embedding\",\"key\":\"embedder\"}]}";
  static const char * const tags[] = { "gpu", NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (VmpInventory) inventory = vmp_inventory_parse (VMP_LIST_LMSTUDIO_V1, list, strlen (list), NULL, &error);
  VmpProbeReport report = { .health = VMP_NODE_ONLINE, .inventory = inventory };
  const gboolean yes = TRUE;
  const gboolean no = FALSE;
  const VmpNodeService draining = VMP_NODE_DRAINING;
  const VmpProvider ollama = VMP_PROVIDER_OLLAMA;
  const VmpProvider detect = VMP_PROVIDER_AUTO;
  VmpNodeUpdate update = {
    .name = "Rig", .provider = &ollama, .service = &draining, .trusted = &yes, .tags = tags,
    .capabilities[VMP_CAN_VISION] = &no, .capabilities[VMP_CAN_RESPONSES] = &no,
  };
  VmpNodeUpdate detect_again = { .provider = &detect };
  VmpNode *node = registry_fixture_register (self, "rig", "http://192.168.7.3:1234");

  g_assert_no_error (error);
  vmp_registry_update (self->registry, node, &update, NULL);
  node->active_requests = 5;
  node->requests_total = 50;
  node->errors_total = 7;
  node->avg_latency_ms = 33;
  for (guint i = 0; i < 3; i++)
    {
      vmp_registry_take_probe (self->registry, node, &report);
      registry_fixture_probe_offline (self, node);
    }
  vmp_registry_take_probe (self->registry, node, &report);

  g_assert_cmpstr (node->name, ==, "Rig");
  g_assert_cmpint (node->service, ==, VMP_NODE_DRAINING);
  g_assert_cmpstr (vmp_node_get_status (node), ==, "draining");
  g_assert_false (vmp_node_is_ready (node, 0));
  registry_fixture_assert_hosts (self, "seer", "rig");
  g_assert_true (node->trusted);
  g_assert_cmpstr (node->tags[0], ==, "gpu");
  g_assert_cmpint (node->provider_hint, ==, VMP_PROVIDER_OLLAMA);
  g_assert_cmpint (node->provider, ==, VMP_PROVIDER_OLLAMA);
  g_assert_cmpuint (node->active_requests, ==, 5);
  g_assert_cmpuint (node->requests_total, ==, 50);
  g_assert_cmpuint (node->errors_total, ==, 7);
  g_assert_cmpfloat (node->avg_latency_ms, ==, 33);

  /* The rest is detected. */
  g_assert_false (node->capabilities[VMP_CAN_VISION]);
  g_assert_false (node->capabilities[VMP_CAN_RESPONSES]);
  g_assert_true (node->capabilities[VMP_CAN_TOOLS]);
  g_assert_true (node->capabilities[VMP_CAN_EMBEDDINGS]);
  g_assert_true (node->capabilities[VMP_CAN_CHAT]);
  g_assert_cmpint (node->capability_sources[VMP_CAN_TOOLS], ==, VMP_FACT_DETECTED);
  g_assert_cmpint (node->capability_sources[VMP_CAN_VISION], ==, VMP_FACT_OWNER);

  vmp_registry_update (self->registry, node, &detect_again, NULL);
  g_assert_cmpint (node->provider, ==, VMP_PROVIDER_LMSTUDIO);
  node->active_requests = 0;
}

static void
test_no_models (RegistryFixture *self,
                gconstpointer    data)
{
  VmpNode *node = registry_fixture_register (self, "rig", "http://192.168.7.3:1234");

  /* Nothing is loaded there yet: no reason to say that it cannot chat. */
  registry_fixture_probe (self, node, "");
  g_assert_cmpint (node->health, ==, VMP_NODE_ONLINE);
  g_assert_true (node->capabilities[VMP_CAN_CHAT]);
  g_assert_cmpint (node->capability_sources[VMP_CAN_CHAT], ==, VMP_FACT_UNKNOWN);
}

static char *
stored_last_seen (RegistryFixture *self,
                  const char      *id)
{
  g_autofree char *stored = registry_fixture_dup_stored (self, id);
  const char *at = strstr (stored, "\"last_seen\":");

  g_assert_nonnull (at);

  return g_strndup (at, strcspn (at, ",}"));
}

static void
test_writes_of_last_seen (RegistryFixture *self,
                          gconstpointer    data)
{
  VmpNode *node = registry_fixture_register (self, "rig", "http://192.168.7.3:1234");
  g_autofree char *first = NULL;
  g_autofree char *second = NULL;
  g_autofree char *third = NULL;

  registry_fixture_probe (self, node, "a");
  first = stored_last_seen (self, "rig");
  registry_fixture_probe (self, node, "a");
  registry_fixture_probe (self, node, "a b");
  registry_fixture_discover (self, "http://192.168.7.3:1234");
  second = stored_last_seen (self, "rig");
  g_assert_cmpstr (second, ==, first);

  /* An hour later. */
  node->last_seen -= (gint64) VMP_LIMIT_SEEN_STORE_S * G_USEC_PER_SEC;
  vmp_registry_update (self->registry, node, &(VmpNodeUpdate) { .name = "Rig" }, NULL);
  registry_fixture_probe (self, node, "a b");
  third = stored_last_seen (self, "rig");
  g_assert_cmpstr (third, !=, first);
}

static void
test_wants_a_token (RegistryFixture *self,
                    gconstpointer    data)
{
  VmpNode *node = registry_fixture_register (self, "rig", "http://192.168.7.3:1234");
  VmpProbeReport refused = { .health = VMP_NODE_ONLINE, .auth_failed = TRUE, .error = "It wants a token." };

  registry_fixture_probe (self, node, "a");
  g_string_truncate (self->told, 0);
  vmp_registry_take_probe (self->registry, node, &refused);
  registry_fixture_assert_told (self, "changed rig, ");
  registry_fixture_assert_logged ("warning: The server at http://192.168.7.3:1234 wants a token*rig*");
  g_assert_cmpint (node->health, ==, VMP_NODE_ONLINE);
  g_assert_cmpint (node->token_state, ==, VMP_TOKEN_NEEDED);
  g_assert_null (node->inventory);
  registry_fixture_assert_hosts (self, "a", "");

  vmp_registry_set_token (self->registry, node, "secret");
  g_assert_cmpint (node->token_state, ==, VMP_TOKEN_SET);
  g_assert_cmpstr (node->token, ==, "secret");
  registry_fixture_assert_told (self, "changed rig, ");

  /* What began before there was one says nothing of it. */
  vmp_registry_take_probe (self->registry, node, &refused);
  g_assert_cmpint (node->token_state, ==, VMP_TOKEN_SET);

  refused.with_token = TRUE;
  vmp_registry_take_probe (self->registry, node, &refused);
  g_assert_cmpint (node->token_state, ==, VMP_TOKEN_REFUSED);
  registry_fixture_assert_logged ("warning: * refuses the token of the node rig");
  vmp_registry_set_token (self->registry, node, "secret");
  g_assert_cmpint (node->token_state, ==, VMP_TOKEN_REFUSED);
  vmp_registry_set_token (self->registry, node, "other");
  g_assert_cmpint (node->token_state, ==, VMP_TOKEN_SET);

  registry_fixture_probe (self, node, "a");
  g_assert_cmpint (node->token_state, ==, VMP_TOKEN_SET);
  registry_fixture_assert_hosts (self, "a", "rig");

  vmp_registry_set_token (self->registry, node, NULL);
  g_assert_null (node->token);
  g_assert_cmpint (node->token_state, ==, VMP_TOKEN_NOT_NEEDED);
}

static void
test_locked_token (RegistryFixture *self,
                   gconstpointer    data)
{
  VmpNode *node = registry_fixture_register (self, "rig", "http://192.168.7.3:1234");
  VmpProbeReport refused = { .health = VMP_NODE_ONLINE, .auth_failed = TRUE };

  /* A keyring that is locked is not an empty one: there is a token, whatever the node answers without it. */
  vmp_registry_set_token_locked (self->registry, node);
  vmp_registry_take_probe (self->registry, node, &refused);
  g_assert_cmpint (node->token_state, ==, VMP_TOKEN_LOCKED);
  registry_fixture_request (self, node, VMP_TRAFFIC_UNAUTHORIZED);
  g_assert_cmpint (node->token_state, ==, VMP_TOKEN_LOCKED);
  registry_fixture_probe (self, node, "a");
  g_assert_cmpint (node->token_state, ==, VMP_TOKEN_LOCKED);

  vmp_registry_set_token (self->registry, node, "secret");
  g_assert_cmpint (node->token_state, ==, VMP_TOKEN_SET);
}

/* -- Traffic ------------------------------------------------------------------------------- */

static void
test_counts (RegistryFixture *self,
             gconstpointer    data)
{
  VmpNode *node = registry_fixture_register (self, "rig", "http://192.168.7.3:1234");

  registry_fixture_probe (self, node, "a");
  g_string_truncate (self->told, 0);

  g_assert_true (vmp_registry_begin_request (self->registry, node, NULL));
  g_assert_true (vmp_registry_begin_request (self->registry, node, NULL));
  g_assert_cmpuint (node->active_requests, ==, 2);
  registry_fixture_end (self, node, NULL, VMP_TRAFFIC_ANSWERED, 100);
  g_assert_cmpuint (node->active_requests, ==, 1);
  g_assert_cmpfloat (node->avg_latency_ms, ==, 100);
  registry_fixture_end (self, node, NULL, VMP_TRAFFIC_ANSWERED, 200);
  g_assert_cmpfloat_with_epsilon (node->avg_latency_ms, 120, 0.001);
  registry_fixture_request (self, node, VMP_TRAFFIC_FAILED);
  registry_fixture_request (self, node, VMP_TRAFFIC_ABANDONED);
  g_assert_cmpfloat_with_epsilon (node->avg_latency_ms, 120, 0.001);

  g_assert_cmpuint (node->active_requests, ==, 0);
  g_assert_cmpuint (node->requests_total, ==, 4);
  g_assert_cmpuint (node->errors_total, ==, 1);
  g_assert_cmpstr (node->last_error, ==, "The server at http://192.168.7.3:1234 failed: it broke");
  g_assert_cmpuint (node->breaker.failures, ==, 1);
  g_assert_cmpfloat (node->latency_ms, ==, 1.5);
  /* Numbers alone are not told. */
  registry_fixture_assert_told (self, "");
}

static void
test_degraded (RegistryFixture *self,
               gconstpointer    data)
{
  VmpNode *node = registry_fixture_register (self, "rig", "http://192.168.7.3:1234");

  registry_fixture_probe (self, node, "a");
  g_string_truncate (self->told, 0);
  for (guint i = 0; i < VMP_LIMIT_BREAKER_FAILURES; i++)
    {
      registry_fixture_assert_told (self, "");
      registry_fixture_request (self, node, VMP_TRAFFIC_FAILED);
    }

  registry_fixture_assert_told (self, "changed rig, ");
  registry_fixture_assert_logged ("warning: *http://192.168.7.3:1234*3 requests*it broke");
  g_assert_cmpstr (vmp_node_get_status (node), ==, "degraded");
  g_assert_false (vmp_node_is_ready (node, g_get_monotonic_time ()));
  registry_fixture_assert_hosts (self, "a", "rig");

  /* That it lists its models is no proof that it answers prompts, nor a reason to forget why it does not. */
  registry_fixture_probe (self, node, "a");
  g_assert_cmpint (node->health, ==, VMP_NODE_DEGRADED);
  g_assert_nonnull (node->last_error);
  g_assert_false (vmp_node_is_ready (node, g_get_monotonic_time ()));
  registry_fixture_assert_told (self, "");

  /* One tries, and for others it is not ready. */
  node->breaker.retry_at = g_get_monotonic_time ();
  g_assert_true (vmp_node_is_ready (node, g_get_monotonic_time ()));
  g_assert_true (vmp_registry_begin_request (self->registry, node, NULL));
  registry_fixture_assert_told (self, "changed rig, ");
  g_assert_false (vmp_node_is_ready (node, g_get_monotonic_time ()));
  registry_fixture_end (self, node, NULL, VMP_TRAFFIC_ABANDONED, 0);
  registry_fixture_assert_told (self, "changed rig, ");
  g_assert_true (vmp_node_is_ready (node, g_get_monotonic_time ()));

  /* What the first one's leaving told nobody, the next one's success does. */
  registry_fixture_request (self, node, VMP_TRAFFIC_ANSWERED);
  g_assert_cmpint (node->health, ==, VMP_NODE_ONLINE);
  g_assert_cmpint (node->breaker.state, ==, VMP_BREAKER_CLOSED);
  registry_fixture_assert_logged ("The server at * answers");
}

static void
test_last_resort (RegistryFixture *self,
                  gconstpointer    data)
{
  VmpNode *node = registry_fixture_register (self, "rig", "http://192.168.7.3:1234");
  gint64 retry_at;

  /* With nowhere better to go, a request goes there although the breaker is open. Its failure does not make it stay
   * open for longer; its success closes it. */
  for (guint i = 0; i < VMP_LIMIT_BREAKER_FAILURES; i++)
    registry_fixture_request (self, node, VMP_TRAFFIC_FAILED);
  retry_at = node->breaker.retry_at;
  for (guint i = 0; i < 10; i++)
    registry_fixture_request (self, node, VMP_TRAFFIC_FAILED);
  g_assert_cmpint (node->breaker.state, ==, VMP_BREAKER_OPEN);
  g_assert_cmpint (node->breaker.retry_at, ==, retry_at);

  registry_fixture_request (self, node, VMP_TRAFFIC_ANSWERED);
  g_assert_cmpint (node->breaker.state, ==, VMP_BREAKER_CLOSED);
  g_assert_cmpint (node->health, ==, VMP_NODE_ONLINE);
}

/* What may be the fault of the request itself is counted, but takes the node from nobody. */
static void
test_spares_breaker (RegistryFixture *self,
                     gconstpointer    data)
{
  VmpNode *node = registry_fixture_register (self, "rig", "http://192.168.7.3:1234");
  const VmpTraffic traffic = { VMP_TRAFFIC_FAILED, .reason = "it broke", .spares_breaker = TRUE };

  registry_fixture_probe (self, node, "a");
  for (guint i = 0; i < 2 * VMP_LIMIT_BREAKER_FAILURES; i++)
    {
      g_assert_true (vmp_registry_begin_request (self->registry, node, NULL));
      vmp_registry_end_request (self->registry, node, NULL, &traffic);
    }
  g_assert_cmpuint (node->errors_total, ==, 2 * VMP_LIMIT_BREAKER_FAILURES);
  g_assert_cmpint (node->health, ==, VMP_NODE_ONLINE);
  g_assert_cmpint (node->breaker.state, ==, VMP_BREAKER_CLOSED);
  g_assert_cmpuint (node->breaker.failures, ==, 0);

  /* One that tries gives the others their chance back. */
  for (guint i = 0; i < VMP_LIMIT_BREAKER_FAILURES; i++)
    registry_fixture_request (self, node, VMP_TRAFFIC_FAILED);
  node->breaker.retry_at = g_get_monotonic_time ();
  g_assert_true (vmp_registry_begin_request (self->registry, node, NULL));
  g_assert_false (vmp_node_is_ready (node, g_get_monotonic_time ()));
  vmp_registry_end_request (self->registry, node, NULL, &traffic);
  g_assert_true (vmp_node_is_ready (node, g_get_monotonic_time ()));
  registry_fixture_assert_logged ("warning: *http://192.168.7.3:1234*3 requests*it broke");
}

/* The one that tries is ended by the block. */
static void
test_blocked_while_it_is_tried (RegistryFixture *self,
                                gconstpointer    data)
{
  VmpNode *node = registry_fixture_register (self, "rig", "http://192.168.7.3:1234");

  for (guint i = 0; i < VMP_LIMIT_BREAKER_FAILURES; i++)
    registry_fixture_request (self, node, VMP_TRAFFIC_FAILED);
  node->breaker.retry_at = g_get_monotonic_time ();
  g_assert_true (vmp_registry_begin_request (self->registry, node, NULL));
  g_assert_cmpint (node->breaker.state, ==, VMP_BREAKER_HALF_OPEN);
  vmp_registry_block (self->registry, node);
  registry_fixture_end (self, node, NULL, VMP_TRAFFIC_ABANDONED, 0);

  vmp_registry_approve (self->registry, node);
  g_assert_true (vmp_breaker_would_allow (&node->breaker, g_get_monotonic_time ()));
}

static void
test_unreachable (RegistryFixture *self,
                  gconstpointer    data)
{
  VmpNode *node = registry_fixture_register (self, "rig", "http://192.168.7.3:1234");

  registry_fixture_probe (self, node, "a");
  g_string_truncate (self->told, 0);
  registry_fixture_request (self, node, VMP_TRAFFIC_UNREACHABLE);
  registry_fixture_assert_told (self, "changed rig, ");
  registry_fixture_assert_logged ("warning: The server at http://192.168.7.3:1234 does not answer: it broke");
  g_assert_cmpint (node->health, ==, VMP_NODE_OFFLINE);
  registry_fixture_assert_hosts (self, "a", "");

  registry_fixture_request (self, node, VMP_TRAFFIC_UNREACHABLE);
  registry_fixture_request (self, node, VMP_TRAFFIC_UNREACHABLE);
  g_assert_cmpint (node->breaker.state, ==, VMP_BREAKER_OPEN);

  /* It was started again: what it did before is not held against it. */
  registry_fixture_probe (self, node, "a");
  g_assert_cmpint (node->health, ==, VMP_NODE_ONLINE);
  g_assert_cmpint (node->breaker.state, ==, VMP_BREAKER_CLOSED);
  registry_fixture_request (self, node, VMP_TRAFFIC_ANSWERED);
}

static void
test_answers_bring_back (RegistryFixture *self,
                         gconstpointer    data)
{
  VmpNode *node = registry_fixture_register (self, "rig", "http://192.168.7.3:1234");

  registry_fixture_request (self, node, VMP_TRAFFIC_ANSWERED);
  g_assert_cmpint (node->health, ==, VMP_NODE_ONLINE);
  registry_fixture_probe_offline (self, node);
  registry_fixture_request (self, node, VMP_TRAFFIC_UNAUTHORIZED);
  g_assert_cmpint (node->health, ==, VMP_NODE_ONLINE);
  g_assert_cmpint (node->token_state, ==, VMP_TOKEN_NEEDED);
  vmp_registry_set_token (self->registry, node, "secret");
  registry_fixture_request (self, node, VMP_TRAFFIC_UNAUTHORIZED);
  g_assert_cmpint (node->token_state, ==, VMP_TOKEN_REFUSED);
  g_assert_cmpuint (node->errors_total, ==, 0);
  g_assert_cmpuint (node->breaker.failures, ==, 0);
}

static void
test_may_not_begin (RegistryFixture *self,
                    gconstpointer    data)
{
  VmpNode *node = registry_fixture_register (self, "rig", "http://192.168.7.3:1234");

  for (guint i = 0; i < VMP_N_NODE_SERVICES; i++)
    {
      const VmpNodeService service = i;

      vmp_registry_update (self->registry, node, &(VmpNodeUpdate) { .service = &service }, NULL);
      g_assert_cmpint (vmp_registry_begin_request (self->registry, node, NULL), ==, i == VMP_NODE_IN_SERVICE);
    }

  /* What began before it was blocked ends, and opens and closes nothing any more. */
  vmp_registry_block (self->registry, node);
  g_string_truncate (self->told, 0);
  registry_fixture_end (self, node, NULL, VMP_TRAFFIC_ANSWERED, 5);
  g_assert_cmpuint (node->active_requests, ==, 0);
  g_assert_cmpint (node->health, ==, VMP_NODE_UNKNOWN);
  registry_fixture_assert_told (self, "");
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  registry_fixture_record_log ();

  registry_fixture_add ("/registry/discovery/found", test_found);
  registry_fixture_add ("/registry/discovery/flood", test_flood);
  registry_fixture_add ("/registry/probe/online", test_online);
  registry_fixture_add ("/registry/probe/offline", test_offline);
  registry_fixture_add ("/registry/probe/leaves-what-the-owner-set", test_what_the_owner_set);
  registry_fixture_add ("/registry/probe/no-models", test_no_models);
  registry_fixture_add ("/registry/probe/is-not-written-each-time", test_writes_of_last_seen);
  registry_fixture_add ("/registry/token/wanted-and-refused", test_wants_a_token);
  registry_fixture_add ("/registry/token/locked", test_locked_token);
  registry_fixture_add ("/registry/traffic/counts", test_counts);
  registry_fixture_add ("/registry/traffic/degraded-until-one-succeeds", test_degraded);
  registry_fixture_add ("/registry/traffic/last-resort", test_last_resort);
  registry_fixture_add ("/registry/traffic/spares-the-breaker", test_spares_breaker);
  registry_fixture_add ("/registry/traffic/blocked-while-it-is-tried", test_blocked_while_it_is_tried);
  registry_fixture_add ("/registry/traffic/unreachable", test_unreachable);
  registry_fixture_add ("/registry/traffic/answers-bring-back", test_answers_bring_back);
  registry_fixture_add ("/registry/traffic/may-not-begin", test_may_not_begin);

  return g_test_run ();
}
