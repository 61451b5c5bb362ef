/* SPDX-License-Identifier: MIT
 *
 * One search. Base URLs are looked at right away. Of a subnet, each port of each address is first connected to, some
 * at a time, and only what takes the connection is looked at: most addresses have nobody. Every target is tried, and
 * is done when it has answered, refused, or not been heard of in time.
 */

#include "nodes/vmp-discovery-private.h"

#define DEFAULT_TIMEOUT_MS 1500

/* Milliseconds between two reports of progress. */
#define PROGRESS_MS 250

typedef struct {
  VmpDiscoveryJob job;    /* what others see of it */
  VmpDiscovery *discovery;
  VmpTargets *targets;
  guint timeout_ms;
  gboolean trusted_only;
  gboolean is_scan;

  guint next_scanned;
  GQueue connects;        /* of Connect, in the order in which their time is over */
  GQueue connected;       /* of VmpTarget, that wait to be looked at */
  GPtrArray *looks;       /* of VmpLook */
  GHashTable *found;      /* of VmpNode */

  VmpTimer step;
  VmpTimer deadline;      /* of the first of @connects */
  VmpTimer progress;
  guint n_told;
  gint64 told_at;
} Search;

/* A connection that is being made, only to see whether it can be. */
typedef struct {
  Search *search;
  GList link;
  guint index;
  GSocket *socket;
  VmpWatch watch;
  gint64 deadline;
} Connect;

static void step_cb (gpointer user_data);

static void
wake_in (Search *self,
         guint   ms)
{
  vmp_poll_set_timer (self->discovery->poll, &self->step, g_get_monotonic_time () + ms * 1000LL, step_cb, self);
}

/* -- Progress ------------------------------------------------------------------------------ */

static void
tell (Search *self)
{
  self->n_told = self->job.n_done;
  self->told_at = g_get_monotonic_time ();
  vmp_discovery_tell (self->discovery, &self->job);
}

static void
progress_cb (gpointer user_data)
{
  tell (user_data);
}

static void
tell_progress (Search *self)
{
  gint64 due = self->told_at + PROGRESS_MS * 1000;

  if (self->n_told != self->job.n_done && self->progress.due == 0)
    vmp_poll_set_timer (self->discovery->poll, &self->progress, due, progress_cb, self);
}

/* -- Connecting ---------------------------------------------------------------------------- */

static void
connect_free (Connect *self)
{
  vmp_poll_unwatch (self->search->discovery->poll, &self->watch);
  g_queue_unlink (&self->search->connects, &self->link);
  g_object_unref (self->socket);
  g_free (self);
}

/* Somebody listens there. */
static void
take_connected (Search *self,
                guint   index)
{
  const VmpSubnet *subnet;
  guint16 port;
  g_autoptr (GInetAddress) address = vmp_targets_get_scanned (self->targets, index, &port, &subnet);
  g_autofree char *host = g_inet_address_to_string (address);
  g_autofree char *text = g_strdup_printf (subnet->family == G_SOCKET_FAMILY_IPV6 ? "http://[%s]:%u" : "http://%s:%u",
                                           host, port);
  VmpBaseUrl *base_url = vmp_base_url_parse (text, NULL);

  if (base_url == NULL)
    self->job.n_done++;
  else
    g_queue_push_tail (&self->connected, vmp_target_new (base_url, "lan_scan", subnet->text));
}

static void
connect_ready_cb (VmpPollEvents events,
                  gpointer      user_data)
{
  Connect *self = user_data;
  Search *search = self->search;

  if (g_socket_check_connect_result (self->socket, NULL))
    take_connected (search, self->index);
  else
    search->job.n_done++;
  connect_free (self);
  wake_in (search, 0);
}

static void
deadline_cb (gpointer user_data)
{
  Search *self = user_data;
  gint64 now = g_get_monotonic_time ();

  while (self->connects.length > 0)
    {
      Connect *connect = g_queue_peek_head (&self->connects);

      if (connect->deadline > now)
        break;
      connect_free (connect);
      self->job.n_done++;
    }
  wake_in (self, 0);
}

/* FALSE: no descriptor is left, so it is not tried yet. */
static gboolean
begin_connect (Search *self,
               guint   index)
{
  static const VmpReach reach = { 0 };
  guint16 port;
  g_autoptr (GInetAddress) address = vmp_targets_get_scanned (self->targets, index, &port, NULL);
  g_autoptr (GSocketAddress) to = g_inet_socket_address_new (address, port);
  g_autoptr (GSocket) socket = NULL;
  g_autoptr (GError) error = NULL;
  Connect *connect;

  if (!vmp_reach_allows (&reach, address))
    {
      self->job.n_done++;
      return TRUE;
    }

  socket = g_socket_new (g_inet_address_get_family (address), G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, &error);
  if (socket == NULL)
    {
      if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TOO_MANY_OPEN_FILES))
        return FALSE;
      self->job.n_done++;
      return TRUE;
    }

  g_socket_set_blocking (socket, FALSE);
  if (g_socket_connect (socket, to, NULL, &error))
    {
      take_connected (self, index);
      return TRUE;
    }
  if (!g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PENDING))
    {
      self->job.n_done++;
      return TRUE;
    }

  connect = g_new0 (Connect, 1);
  connect->search = self;
  connect->link.data = connect;
  connect->index = index;
  connect->socket = g_steal_pointer (&socket);
  connect->deadline = g_get_monotonic_time () + self->timeout_ms * 1000LL;
  g_queue_push_tail_link (&self->connects, &connect->link);
  vmp_poll_watch (self->discovery->poll, &connect->watch, g_socket_get_fd (connect->socket), VMP_POLL_OUT,
                  connect_ready_cb, connect);

  return TRUE;
}

static gboolean
can_connect (const Search *self)
{
  return self->next_scanned < vmp_targets_count_scanned (self->targets)
         && self->connects.length + self->connected.length < VMP_LIMIT_SCAN_FLIGHT;
}

/* A bounded number in one turn: where nobody listens, this computer's own addresses refuse at once. */
static void
begin_connects (Search *self)
{
  Connect *first;

  for (guint i = 0; i < VMP_LIMIT_SCAN_FLIGHT && can_connect (self); i++)
    {
      if (!begin_connect (self, self->next_scanned))
        {
          wake_in (self, VMP_LIMIT_SWEEP_MS);
          break;
        }
      self->next_scanned++;
    }

  if (can_connect (self) && self->step.due == 0)
    wake_in (self, 0);

  first = g_queue_peek_head (&self->connects);
  if (first == NULL)
    vmp_poll_clear_timer (self->discovery->poll, &self->deadline);
  else
    vmp_poll_set_timer (self->discovery->poll, &self->deadline, first->deadline, deadline_cb, self);
}

/* -- Looking ------------------------------------------------------------------------------- */

static void
looked_cb (gpointer user_data,
           VmpLook *look,
           VmpNode *node)
{
  Search *self = user_data;

  g_ptr_array_remove_fast (self->looks, look);
  self->job.n_done++;
  if (node != NULL && (node->trusted || !self->trusted_only) && g_hash_table_add (self->found, node))
    g_ptr_array_add (self->job.found, vmp_node_ref (node));
  wake_in (self, 0);
}

static void
begin_looks (Search *self)
{
  while (self->looks->len < VMP_LIMIT_PROBES)
    {
      VmpTarget *target = g_queue_pop_head (&self->targets->urls);

      if (target == NULL)
        target = g_queue_pop_head (&self->connected);
      if (target == NULL)
        return;

      /* What is new is not trusted. */
      g_ptr_array_add (self->looks, vmp_look_start (self->discovery, target, self->timeout_ms, self->trusted_only,
                                                    looked_cb, self));
    }
}

/* -- The search ---------------------------------------------------------------------------- */

/* Leaves nothing running. */
static void
end (Search     *self,
     VmpJobState state)
{
  VmpPoll *poll = self->discovery->poll;

  vmp_poll_clear_timer (poll, &self->step);
  vmp_poll_clear_timer (poll, &self->deadline);
  vmp_poll_clear_timer (poll, &self->progress);
  while (self->connects.length > 0)
    connect_free (g_queue_peek_head (&self->connects));
  g_queue_clear_full (&self->connected, (GDestroyNotify) vmp_target_free);
  while (self->looks->len > 0)
    vmp_look_cancel (g_ptr_array_steal_index_fast (self->looks, self->looks->len - 1));
  g_clear_pointer (&self->targets, vmp_targets_free);

  self->job.state = state;
  self->job.ended = g_get_real_time ();
}

static void
step_cb (gpointer user_data)
{
  Search *self = user_data;

  begin_looks (self);
  begin_connects (self);
  begin_looks (self);

  if (self->job.n_done == self->job.n_targets)
    {
      end (self, VMP_JOB_DONE);
      tell (self);
    }
  else
    {
      tell_progress (self);
    }
}

VmpDiscoveryJob *
vmp_search_new (VmpDiscovery             *discovery,
                const char               *id,
                const VmpDiscoverRequest *request,
                VmpTargets               *targets)
{
  Search *self = g_new0 (Search, 1);

  self->discovery = discovery;
  self->targets = targets;
  self->timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : DEFAULT_TIMEOUT_MS;
  self->trusted_only = request->trusted_only;
  self->is_scan = (request->methods & VMP_DISCOVER_LAN_SCAN) != 0;
  self->looks = g_ptr_array_new ();
  self->found = g_hash_table_new (NULL, NULL);
  self->told_at = g_get_monotonic_time ();

  self->job.id = g_strdup (id);
  self->job.state = VMP_JOB_RUNNING;
  self->job.n_targets = targets->urls.length + vmp_targets_count_scanned (targets);
  self->job.found = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_node_unref);
  self->job.started = g_get_real_time ();

  if (self->job.n_targets == 0)
    end (self, VMP_JOB_DONE);
  else
    wake_in (self, 0);

  return &self->job;
}

void
vmp_search_cancel (VmpDiscoveryJob *job)
{
  end ((Search *) job, VMP_JOB_CANCELLED);
}

void
vmp_search_free (VmpDiscoveryJob *job)
{
  Search *self = (Search *) job;

  if (job->state == VMP_JOB_RUNNING)
    end (self, VMP_JOB_CANCELLED);
  g_ptr_array_unref (self->looks);
  g_hash_table_unref (self->found);
  g_ptr_array_unref (job->found);
  g_free (job->id);
  g_free (self);
}

gboolean
vmp_search_is_scan (VmpDiscoveryJob *job)
{
  return ((Search *) job)->is_scan;
}
