/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpDiscovery: the list of searches, and what DNS-SD shows. Each server that is announced is looked
 * at once, and again when its announcement changes; what does not answer is remembered until then.
 */

#include "nodes/vmp-discovery-private.h"

#include "core/vmp-text.h"
#include "platform/vmp-interfaces.h"
#include "vmp-config.h"

#include <string.h>

#define VAMPIRE_TYPE "_vampire._tcp"

/* Characters of where a node was found. An interface, a type and a service's name fit. */
#define FOUND_AT_CHARS 150

/* What DNS-SD shows, and may be a node. */
typedef struct {
  VmpTarget *target;
  VmpLook *look;        /* NULL: not under way */
} Sighting;

static const struct {
  const char *name;
  VmpDiscoverMethods method;
} method_names[] = {
  { "local", VMP_DISCOVER_LOCAL },
  { "static", VMP_DISCOVER_STATIC },
  { "lan_scan", VMP_DISCOVER_LAN_SCAN },
  { "mdns", VMP_DISCOVER_MDNS },
};

static const char * const job_state_strings[VMP_N_JOB_STATES] = {
  [VMP_JOB_RUNNING] = "running",
  [VMP_JOB_DONE] = "done",
  [VMP_JOB_CANCELLED] = "cancelled",
};

gboolean
vmp_discover_method_from_string (const char         *text,
                                 VmpDiscoverMethods *method)
{
  for (guint i = 0; i < G_N_ELEMENTS (method_names); i++)
    {
      if (g_str_equal (text, method_names[i].name))
        {
          *method = method_names[i].method;
          return TRUE;
        }
    }

  return FALSE;
}

const char *
vmp_job_state_to_string (VmpJobState state)
{
  g_return_val_if_fail ((guint) state < VMP_N_JOB_STATES, NULL);

  return job_state_strings[state];
}

/* -- Ourselves ----------------------------------------------------------------------------- */

void
vmp_discovery_refresh_own (VmpDiscovery *self)
{
  g_strfreev (self->own_addresses);
  self->own_addresses = vmp_interfaces_dup_addresses ();

  g_hash_table_remove_all (self->own_keys);
  for (guint i = 0; i < self->own_urls->len; i++)
    g_hash_table_add (self->own_keys, vmp_node_url_key (g_ptr_array_index (self->own_urls, i),
                                                        (const char * const *) self->own_addresses));
}

gboolean
vmp_discovery_is_own_url (VmpDiscovery     *self,
                          const VmpBaseUrl *base_url)
{
  g_autofree char *key = vmp_node_url_key (base_url, (const char * const *) self->own_addresses);

  return g_hash_table_contains (self->own_keys, key);
}

void
vmp_discovery_set_own_urls (VmpDiscovery       *self,
                            const char * const *urls)
{
  g_return_if_fail (self != NULL);

  g_ptr_array_set_size (self->own_urls, 0);
  for (; urls != NULL && *urls != NULL; urls++)
    {
      VmpBaseUrl *base_url = vmp_base_url_parse (*urls, NULL);

      if (base_url != NULL)
        g_ptr_array_add (self->own_urls, base_url);
    }
  vmp_discovery_refresh_own (self);
}

/* -- DNS-SD -------------------------------------------------------------------------------- */

static void
sighting_free (gpointer data)
{
  Sighting *self = data;

  if (self->look != NULL)
    vmp_look_cancel (self->look);
  vmp_target_free (self->target);
  g_free (self);
}

/* (transfer full) */
static VmpTarget *
copy_target (const VmpTarget *target)
{
  VmpTarget *copy = vmp_target_new (vmp_base_url_parse (target->base_url->text, NULL), target->found_by,
                                    target->found_at);

  copy->host = g_strdup (target->host);

  return copy;
}

static void
sighting_looked_cb (gpointer user_data,
                    VmpLook *look,
                    VmpNode *node)
{
  Sighting *self = user_data;

  self->look = NULL;
}

/* (transfer full) */
static char *
make_sighting_key (const VmpDnssdService *service)
{
  return g_strjoin ("\n", service->type, service->interface, service->name, NULL);
}

/* Made of the address, not of the name, which anybody may announce as his own. NULL: it is ourselves, or cannot be a
 * node. (transfer full) */
static VmpBaseUrl *
make_service_url (VmpDiscovery          *self,
                  const VmpDnssdService *service)
{
  const char *scheme = service->tls ? "https" : "http";
  g_autofree char *text = NULL;
  g_autoptr (VmpBaseUrl) base_url = NULL;

  if (service->is_own || g_strcmp0 (service->instance, self->instance) == 0)
    return NULL;

  /* A zone has a meaning on this computer only, and no place in a URL; vmp_base_url_parse() refuses it. */
  text = g_strdup_printf (strchr (service->address, ':') != NULL ? "%s://[%s]:%u%s" : "%s://%s:%u%s", scheme,
                          service->address, service->port, service->path);
  base_url = vmp_base_url_parse (text, NULL);
  if (base_url == NULL || vmp_reach_check_host (base_url->host, FALSE) != NULL)
    return NULL;

  vmp_discovery_refresh_own (self);
  if (vmp_discovery_is_own_url (self, base_url))
    return NULL;

  return g_steal_pointer (&base_url);
}

static void
service_found (gpointer               user_data,
               const VmpDnssdService *service)
{
  VmpDiscovery *self = user_data;
  VmpBaseUrl *base_url = make_service_url (self, service);
  g_autofree char *key = make_sighting_key (service);
  g_autofree char *where = g_strdup_printf ("%s, %s '%s'", service->interface, service->type, service->name);
  g_autofree char *found_at = vmp_text_display (where, FOUND_AT_CHARS);
  Sighting *sighting;

  if (base_url == NULL)
    {
      g_hash_table_remove (self->sightings, key);
      return;
    }

  sighting = g_new0 (Sighting, 1);
  sighting->target = vmp_target_new (base_url, "mdns", found_at);
  sighting->target->host = vmp_text_display (service->host, VMP_LIMIT_NAME_CHARS);
  g_hash_table_replace (self->sightings, g_steal_pointer (&key), sighting);

  /* One that is known was seen again, whether it answers or not. */
  if (vmp_registry_find_url (self->registry, base_url) != NULL)
    vmp_registry_discover (self->registry, base_url, "mdns", found_at);
  sighting->look = vmp_look_start (self, copy_target (sighting->target), 0, FALSE, sighting_looked_cb, sighting);
}

static void
service_lost (gpointer               user_data,
              const VmpDnssdService *service)
{
  VmpDiscovery *self = user_data;
  g_autofree char *key = make_sighting_key (service);

  g_hash_table_remove (self->sightings, key);
}

static const VmpDnssdEvents dnssd_events = {
  .found = service_found,
  .lost = service_lost,
};

void
vmp_discovery_for_each_sighting (VmpDiscovery *self,
                                 GFunc         func,
                                 gpointer      user_data)
{
  GHashTableIter iter;
  Sighting *sighting;

  g_hash_table_iter_init (&iter, self->sightings);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &sighting))
    func (copy_target (sighting->target), user_data);
}

void
vmp_discovery_watch (VmpDiscovery       *self,
                     const char * const *types)
{
  g_return_if_fail (self != NULL);

  vmp_dnssd_watch (self->dnssd, types);
}

VmpDnssdState
vmp_discovery_get_dnssd_state (VmpDiscovery *self)
{
  g_return_val_if_fail (self != NULL, VMP_DNSSD_OFF);

  return vmp_dnssd_get_state (self->dnssd);
}

void
vmp_discovery_announce (VmpDiscovery *self,
                        const char   *name,
                        guint16       port)
{
  g_autofree char *instance = NULL;

  g_return_if_fail (self != NULL);
  g_return_if_fail (port == 0 || name != NULL);

  instance = g_strconcat ("instance=", self->instance, NULL);
  vmp_dnssd_announce (self->dnssd, port != 0 ? name : NULL, VAMPIRE_TYPE, port,
                      (const char *[]) { instance, "version=" VMP_VERSION, NULL });
}

/* -- Searches ------------------------------------------------------------------------------ */

void
vmp_discovery_set_listener (VmpDiscovery    *self,
                            VmpDiscoveryFunc func,
                            gpointer         user_data)
{
  g_return_if_fail (self != NULL);

  self->listener = func;
  self->listener_data = user_data;
}

void
vmp_discovery_tell (VmpDiscovery    *self,
                    VmpDiscoveryJob *job)
{
  if (self->listener != NULL)
    self->listener (self->listener_data, job);
}

static gboolean
may_start (VmpDiscovery             *self,
           const VmpDiscoverRequest *request,
           GError                  **error)
{
  guint n_running = 0;

  if (request->timeout_ms > VMP_LIMIT_DISCOVER_MS)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "Each address is waited for at most %d ms.",
                   VMP_LIMIT_DISCOVER_MS);
      return FALSE;
    }

  for (guint i = 0; i < self->jobs->len; i++)
    {
      VmpDiscoveryJob *job = g_ptr_array_index (self->jobs, i);

      if (job->state != VMP_JOB_RUNNING)
        continue;

      n_running++;
      if ((request->methods & VMP_DISCOVER_LAN_SCAN) && vmp_search_is_scan (job))
        {
          g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY,
                       "A network is being searched already (%s); wait for its end or cancel it.", job->id);
          return FALSE;
        }
    }

  if (n_running >= VMP_LIMIT_DISCOVERY_JOBS)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_BUSY, "%u searches are under way; wait for the end of one.",
                   n_running);
      return FALSE;
    }

  return TRUE;
}

/* Lets go of what ended longest ago. */
static void
prune_jobs (VmpDiscovery *self)
{
  guint n_ended = 0;

  for (guint i = 0; i < self->jobs->len; )
    {
      VmpDiscoveryJob *job = g_ptr_array_index (self->jobs, i);

      if (job->state != VMP_JOB_RUNNING && ++n_ended > VMP_LIMIT_DISCOVERY_JOBS)
        g_ptr_array_remove_index (self->jobs, i);
      else
        i++;
    }
}

VmpDiscoveryJob *
vmp_discovery_start (VmpDiscovery             *self,
                     const VmpDiscoverRequest *request,
                     GError                  **error)
{
  g_autofree char *id = NULL;
  VmpTargets *targets;
  VmpDiscoveryJob *job;

  g_return_val_if_fail (self != NULL, NULL);

  if (!may_start (self, request, error))
    return NULL;

  vmp_discovery_refresh_own (self);
  targets = vmp_targets_new (self, request, error);
  if (targets == NULL)
    return NULL;

  id = g_strdup_printf ("job-%u", ++self->n_started);
  job = vmp_search_new (self, id, request, targets);
  g_ptr_array_insert (self->jobs, 0, job);
  prune_jobs (self);
  vmp_discovery_tell (self, job);

  return job;
}

void
vmp_discovery_cancel (VmpDiscovery    *self,
                      VmpDiscoveryJob *job)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (job != NULL);

  if (job->state != VMP_JOB_RUNNING)
    return;

  vmp_search_cancel (job);
  vmp_discovery_tell (self, job);
}

VmpDiscoveryJob *
vmp_discovery_find_job (VmpDiscovery *self,
                        const char   *id)
{
  g_return_val_if_fail (self != NULL, NULL);

  for (guint i = 0; i < self->jobs->len; i++)
    {
      VmpDiscoveryJob *job = g_ptr_array_index (self->jobs, i);

      if (g_str_equal (job->id, id))
        return job;
    }

  return NULL;
}

GPtrArray *
vmp_discovery_get_jobs (VmpDiscovery *self)
{
  g_return_val_if_fail (self != NULL, NULL);

  return self->jobs;
}

/* -- VmpDiscovery -------------------------------------------------------------------------- */

VmpDiscovery *
vmp_discovery_new (VmpPoll     *poll,
                   VmpUpstream *upstream,
                   VmpRegistry *registry,
                   VmpHealth   *health,
                   const char  *via,
                   const char  *instance)
{
  VmpDiscovery *self = g_new0 (VmpDiscovery, 1);

  self->poll = poll;
  self->upstream = upstream;
  self->registry = registry;
  self->health = health;
  self->via = g_strdup (via);
  self->instance = g_strdup (instance);
  self->own_urls = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_base_url_free);
  self->own_keys = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->jobs = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_search_free);
  g_queue_init (&self->waiting);
  g_queue_init (&self->running);
  self->dnssd = vmp_dnssd_new (vmp_poll_get_context (poll), &dnssd_events, self);
  self->sightings = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, sighting_free);

  return self;
}

void
vmp_discovery_free (VmpDiscovery *self)
{
  g_return_if_fail (self != NULL);

  vmp_dnssd_free (self->dnssd);
  g_hash_table_unref (self->sightings);
  g_ptr_array_unref (self->jobs);
  g_assert (self->waiting.length == 0 && self->running.length == 0);
  vmp_poll_cancel_deferred (self->poll, &self->turn);

  g_hash_table_unref (self->own_keys);
  g_ptr_array_unref (self->own_urls);
  g_strfreev (self->own_addresses);
  g_free (self->instance);
  g_free (self->via);
  g_free (self);
}
