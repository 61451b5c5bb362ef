/* SPDX-License-Identifier: MIT
 *
 * Implementation of the discovery tests' common part.
 */

#include "discovery-fixture.h"

#include "platform/vmp-interfaces.h"

#include <glib/gstdio.h>
#include <string.h>

#define DEADLINE_S 30

/* -- DNS-SD, played ------------------------------------------------------------------------ */

struct _VmpDnssd {
  VmpDnssdEvents events;
  gpointer user_data;
  char *types;
  char *announced;
};

static VmpDnssd *dnssd;

VmpDnssd *
vmp_dnssd_new (GMainContext         *context,
               const VmpDnssdEvents *events,
               gpointer              user_data)
{
  dnssd = g_new0 (VmpDnssd, 1);
  dnssd->events = *events;
  dnssd->user_data = user_data;

  return dnssd;
}

void
vmp_dnssd_free (VmpDnssd *self)
{
  g_free (self->types);
  g_free (self->announced);
  g_free (self);
  dnssd = NULL;
}

VmpDnssdState
vmp_dnssd_get_state (VmpDnssd *self)
{
  return self->types != NULL ? VMP_DNSSD_RUNNING : VMP_DNSSD_OFF;
}

void
vmp_dnssd_watch (VmpDnssd           *self,
                 const char * const *types)
{
  g_free (self->types);
  self->types = types != NULL ? g_strjoinv (" ", (char **) types) : NULL;
}

void
vmp_dnssd_announce (VmpDnssd           *self,
                    const char         *name,
                    const char         *type,
                    guint16             port,
                    const char * const *txt)
{
  g_autofree char *items = g_strjoinv (" ", (char **) txt);

  g_free (self->announced);
  self->announced = name != NULL ? g_strdup_printf ("%s %s %u %s", name, type, port, items) : NULL;
}

VmpDnssdService
make_service (const char *address,
              guint16     port)
{
  const VmpDnssdService service = {
    .type = "_lmstudio._tcp",
    .name = "Studio",
    .interface = "eth0",
    .host = "studio.local",
    .address = address,
    .port = port,
    .path = "",
  };

  return service;
}

void
play_found (const VmpDnssdService *service)
{
  dnssd->events.found (dnssd->user_data, service);
}

void
play_lost (const VmpDnssdService *service)
{
  dnssd->events.lost (dnssd->user_data, service);
}

const char *
get_watched (void)
{
  return dnssd->types;
}

const char *
get_announced (void)
{
  return dnssd->announced;
}

/* -- Interfaces, played -------------------------------------------------------------------- */

static const Interface only_loopback[] = { LOOPBACK, { NULL } };
static const Interface *interfaces = only_loopback;

void
play_interfaces (const Interface *list)
{
  interfaces = list;
}

static void
interface_free (gpointer data)
{
  VmpInterfaceAddress *self = data;

  g_free (self->name);
  g_object_unref (self->address);
  g_free (self);
}

GPtrArray *
vmp_interfaces_list (void)
{
  GPtrArray *list = g_ptr_array_new_with_free_func (interface_free);

  for (const Interface *entry = interfaces; entry->name != NULL; entry++)
    {
      VmpInterfaceAddress *self = g_new0 (VmpInterfaceAddress, 1);

      self->name = g_strdup (entry->name);
      self->address = g_inet_address_new_from_string (entry->address);
      self->prefix_len = entry->prefix_len;
      self->is_loopback = entry->is_loopback;
      self->has_link = entry->has_link;
      g_ptr_array_add (list, self);
    }

  return list;
}

char **
vmp_interfaces_dup_addresses (void)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();

  for (const Interface *entry = interfaces; entry->name != NULL; entry++)
    g_strv_builder_add (builder, entry->address);

  return g_strv_builder_end (builder);
}

/* -- The rest ------------------------------------------------------------------------------ */

static void
registry_changed (gpointer      user_data,
                  VmpNode      *node,
                  VmpNodeChange change)
{
  Fixture *self = user_data;

  if (self->health != NULL)
    vmp_health_node_changed (self->health, node, change);
}

static void
job_changed (gpointer         user_data,
             VmpDiscoveryJob *job)
{
  Fixture *self = user_data;

  self->n_told++;
  g_assert_cmpuint (job->n_done, <=, job->n_targets);
  self->last_done = job->n_done;
  self->last_state = job->state;
}

/* A port that is free on all loopback addresses. */
guint16
find_closed_port (void)
{
  g_autoptr (GSocket) socket = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL);
  g_autoptr (GSocketAddress) any = g_inet_socket_address_new_from_string ("0.0.0.0", 0);
  g_autoptr (GSocketAddress) got = NULL;

  g_assert_true (g_socket_bind (socket, any, FALSE, NULL));
  got = g_socket_get_local_address (socket, NULL);

  return g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (got));
}

void
set_up (Fixture      *self,
        gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  interfaces = only_loopback;
  self->dir = g_dir_make_tmp ("vampire-discovery-XXXXXX", &error);
  g_assert_no_error (error);
  self->poll = vmp_poll_new (NULL);
  self->store = vmp_store_open (self->dir, NULL, &error);
  g_assert_no_error (error);
  self->registry = vmp_registry_new (self->store);
  self->upstream = vmp_upstream_new (self->poll);
  self->health = vmp_health_new (self->poll, self->upstream, self->registry, "1.1 vampire", INSTANCE);
  vmp_health_set_interval (self->health, 0);
  vmp_registry_set_listener (self->registry, registry_changed, self);
  self->discovery = vmp_discovery_new (self->poll, self->upstream, self->registry, self->health, "1.1 vampire",
                                       INSTANCE);
  vmp_discovery_set_listener (self->discovery, job_changed, self);
  self->server = fake_node_new ("127.0.0.1", 0, NULL);
  fake_node_answer (self->server, LIST, 200, NULL, V1_LIST);
  self->closed_port = find_closed_port ();
  g_log_set_always_fatal (G_LOG_LEVEL_CRITICAL | G_LOG_FATAL_MASK);
}

void
stop (Fixture *self)
{
  g_clear_pointer (&self->discovery, vmp_discovery_free);
  g_clear_pointer (&self->health, vmp_health_free);
  g_clear_pointer (&self->upstream, vmp_upstream_free);
}

void
tear_down (Fixture      *self,
           gconstpointer data)
{
  g_autoptr (GDir) dir = NULL;
  const char *name;

  stop (self);
  vmp_registry_free (self->registry);
  vmp_store_close (self->store);
  fake_node_free (self->server);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  vmp_poll_free (self->poll);

  dir = g_dir_open (self->dir, 0, NULL);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (self->dir, name, NULL);

      g_unlink (path);
    }
  g_rmdir (self->dir);
  g_free (self->dir);
}

static gboolean
too_late (gpointer user_data)
{
  g_error ("Not within %d s: %s", DEADLINE_S, (const char *) user_data);

  return G_SOURCE_REMOVE;
}

guint
begin_deadline (const char *what)
{
  return g_timeout_add_seconds (DEADLINE_S, too_late, (gpointer) what);
}

void
settle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

FakeNode *
add_server (const char *address,
            guint16     port)
{
  FakeNode *server = fake_node_new (address, port, NULL);

  fake_node_answer (server, LIST, 200, NULL, V1_LIST);

  return server;
}

VmpNode *
find_url (Fixture    *self,
          const char *address,
          guint16     port)
{
  g_autofree char *text = g_strdup_printf (strchr (address, ':') != NULL ? "http://[%s]:%u" : "http://%s:%u", address,
                                           port);
  g_autoptr (VmpBaseUrl) base_url = vmp_base_url_parse (text, NULL);

  g_assert_nonnull (base_url);

  return vmp_registry_find_url (self->registry, base_url);
}

VmpNode *
add_node (Fixture    *self,
          const char *address,
          guint16     port)
{
  g_autofree char *text = g_strdup_printf ("http://%s:%u", address, port);
  g_autoptr (VmpBaseUrl) base_url = vmp_base_url_parse (text, NULL);
  VmpNodeUpdate update = { .base_url = base_url };
  g_autoptr (GError) error = NULL;
  VmpNode *node = vmp_registry_register (self->registry, NULL, &update, &error);

  g_assert_no_error (error);

  return node;
}

guint
count_nodes (Fixture *self)
{
  return vmp_registry_get_nodes (self->registry)->len;
}

VmpDiscoveryJob *
begin (Fixture                  *self,
       const VmpDiscoverRequest *request)
{
  g_autoptr (GError) error = NULL;
  VmpDiscoveryJob *job = vmp_discovery_start (self->discovery, request, &error);

  g_assert_no_error (error);
  g_assert_nonnull (job);

  return job;
}

VmpDiscoveryJob *
search (Fixture                  *self,
        const VmpDiscoverRequest *request)
{
  VmpDiscoveryJob *job = begin (self, request);

  wait_until (job->state != VMP_JOB_RUNNING);
  g_assert_cmpint (job->state, ==, VMP_JOB_DONE);
  g_assert_cmpuint (job->n_done, ==, job->n_targets);
  g_assert_cmpint (job->ended, >=, job->started);

  return job;
}

VmpDiscoveryJob *
search_local (Fixture       *self,
              const guint16 *ports,
              guint          n_ports)
{
  const VmpDiscoverRequest request = { .methods = VMP_DISCOVER_LOCAL, .ports = ports, .n_ports = n_ports };

  return search (self, &request);
}
