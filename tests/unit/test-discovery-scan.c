/* SPDX-License-Identifier: MIT
 *
 * Discovery in subnets: which may be searched, that each of their addresses is, at what pace, and how it ends.
 */

#include "discovery-fixture.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* -- Scans --------------------------------------------------------------------------------- */

static VmpDiscoveryJob *
begin_scan (Fixture       *self,
            const char    *subnet,
            const guint16 *ports,
            guint          n_ports,
            guint          timeout_ms)
{
  const VmpDiscoverRequest request = {
    .methods = VMP_DISCOVER_LAN_SCAN,
    .subnets = (const char *[]) { subnet, NULL },
    .ports = ports,
    .n_ports = n_ports,
    .timeout_ms = timeout_ms,
  };

  return begin (self, &request);
}

static void
test_scan (Fixture      *self,
           gconstpointer data)
{
  static const char * const addresses[] = { "127.0.2.1", "127.0.2.128", "127.0.2.254" };
  FakeNode *servers[G_N_ELEMENTS (addresses)];
  /* The server on the third port shares its with nobody. */
  const guint16 ports[] = { self->server->port, self->closed_port, find_closed_port () };
  VmpDiscoveryJob *job;

  for (guint i = 0; i < G_N_ELEMENTS (addresses); i++)
    servers[i] = add_server (addresses[i], i < 2 ? ports[0] : ports[2]);

  job = begin_scan (self, "127.0.2.77/24", ports, 3, 0);
  g_assert_cmpuint (job->n_targets, ==, 254 * 3);
  wait_until (job->state == VMP_JOB_DONE);
  g_assert_cmpuint (job->n_done, ==, 254 * 3);
  g_assert_cmpuint (job->found->len, ==, 3);
  for (guint i = 0; i < G_N_ELEMENTS (addresses); i++)
    {
      VmpNode *node = find_url (self, addresses[i], servers[i]->port);

      g_assert_nonnull (node);
      g_assert_true (g_ptr_array_find (job->found, node, NULL));
      g_assert_cmpint (node->approval, ==, VMP_APPROVAL_PENDING);
      g_assert_cmpstr (node->found_by, ==, "lan_scan");
      g_assert_cmpstr (node->found_at, ==, "127.0.2.0/24");
      fake_node_free (servers[i]);
    }
  g_assert_cmpuint (self->server->n_accepted, ==, 0); /* not in that subnet */
}

/* All that may be asked for at once: each of 16,352 targets is tried. */
static void
test_scan_largest (Fixture      *self,
                   gconstpointer data)
{
  guint16 ports[VMP_LIMIT_SCAN_PORTS];
  FakeNode *first;
  FakeNode *last;
  VmpDiscoveryJob *job;
  gint64 before = g_get_monotonic_time ();

  for (guint i = 0; i < VMP_LIMIT_SCAN_PORTS; i++)
    ports[i] = i < VMP_LIMIT_SCAN_PORTS - 1 ? 1 + i : self->closed_port;
  first = add_server ("127.0.4.1", self->closed_port);
  last = add_server ("127.0.7.254", self->closed_port);
  job = begin_scan (self, "127.0.4.0/22", ports, VMP_LIMIT_SCAN_PORTS, 0);
  g_assert_cmpuint (job->n_targets, ==, 1022 * VMP_LIMIT_SCAN_PORTS);
  wait_until (job->state == VMP_JOB_DONE);
  g_test_message ("%u targets in %.2f s, reported %u times", job->n_done,
                  (g_get_monotonic_time () - before) / (double) G_TIME_SPAN_SECOND, self->n_told);
  g_assert_cmpuint (job->n_done, ==, job->n_targets);
  g_assert_cmpuint (job->found->len, ==, 2);
  g_assert_nonnull (find_url (self, "127.0.4.1", self->closed_port));
  g_assert_nonnull (find_url (self, "127.0.7.254", self->closed_port));
  fake_node_free (first);
  fake_node_free (last);
}

static void
test_scan_ipv6 (Fixture      *self,
                gconstpointer data)
{
  FakeNode *server = add_server ("::1", 0);
  VmpDiscoveryJob *job = begin_scan (self, "::1", &server->port, 1, 0);

  g_assert_cmpuint (job->n_targets, ==, 1);
  wait_until (job->state == VMP_JOB_DONE);
  g_assert_cmpuint (job->found->len, ==, 1);
  g_assert_nonnull (find_url (self, "::1", server->port));
  fake_node_free (server);
}

/* What is found in two ways is found once. */
static void
test_scan_and_url (Fixture      *self,
                   gconstpointer data)
{
  FakeNode *server = add_server ("127.0.2.1", 0);
  g_autofree char *url = g_strdup_printf ("http://127.0.2.1:%u", server->port);
  const VmpDiscoverRequest request = {
    .methods = VMP_DISCOVER_LAN_SCAN,
    .subnets = (const char *[]) { "127.0.2.1", NULL },
    .ports = &server->port,
    .n_ports = 1,
    .base_urls = (const char *[]) { url, NULL },
  };
  VmpDiscoveryJob *job = search (self, &request);

  g_assert_cmpuint (job->n_targets, ==, 2);
  g_assert_cmpuint (job->found->len, ==, 1);
  g_assert_cmpuint (count_nodes (self), ==, 1);
  fake_node_free (server);
}

/* An address that takes no connection and refuses none: its queue is full. */
typedef struct {
  GSocket *listener;
  GPtrArray *fillers;
  guint16 port;
} Hole;

static Hole
hole_new (const char *address)
{
  Hole self = { NULL };
  g_autoptr (GSocketAddress) wanted = g_inet_socket_address_new_from_string (address, 0);
  g_autoptr (GSocketAddress) got = NULL;

  self.listener = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL);
  g_socket_set_listen_backlog (self.listener, 0);
  g_assert_true (g_socket_bind (self.listener, wanted, TRUE, NULL));
  g_assert_true (g_socket_listen (self.listener, NULL));
  got = g_socket_get_local_address (self.listener, NULL);
  self.port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (got));
  self.fillers = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < 4; i++)
    {
      GSocket *filler = g_socket_new (G_SOCKET_FAMILY_IPV4, G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, NULL);

      g_socket_set_blocking (filler, FALSE);
      g_socket_connect (filler, got, NULL, NULL);
      g_ptr_array_add (self.fillers, filler);
    }

  return self;
}

static void
hole_clear (Hole *self)
{
  g_ptr_array_unref (self->fillers);
  g_object_unref (self->listener);
}

static void
test_scan_timeout (Fixture      *self,
                   gconstpointer data)
{
  Hole hole = hole_new ("127.0.2.9");
  FakeNode *server = add_server ("127.0.2.10", hole.port);
  gint64 before = g_get_monotonic_time ();
  VmpDiscoveryJob *job = begin_scan (self, "127.0.2.8/29", &hole.port, 1, 200);

  wait_until (job->state == VMP_JOB_DONE);
  g_assert_cmpint (g_get_monotonic_time () - before, >=, 200 * 1000);
  g_assert_cmpuint (job->n_done, ==, 6);
  g_assert_cmpuint (job->found->len, ==, 1);
  fake_node_free (server);
  hole_clear (&hole);
}

static guint
count_descriptors (void)
{
  g_autoptr (GDir) dir = g_dir_open ("/proc/self/fd", 0, NULL);
  guint n = 0;

  while (g_dir_read_name (dir) != NULL)
    n++;

  return n;
}

/* No more connections at one time than the tables of a home's router bear. */
static void
test_pace (Fixture      *self,
           gconstpointer data)
{
  Hole hole = hole_new ("0.0.0.0");
  guint n_before = count_descriptors ();
  VmpDiscoveryJob *job = begin_scan (self, "127.0.2.0/24", &hole.port, 1, 100);
  guint most = 0;

  while (job->state == VMP_JOB_RUNNING)
    {
      g_main_context_iteration (NULL, TRUE);
      most = MAX (most, count_descriptors () - n_before);
    }
  g_assert_cmpuint (most, ==, VMP_LIMIT_SCAN_FLIGHT);
  g_assert_cmpuint (job->n_done, ==, 254);
  g_assert_cmpuint (count_descriptors (), ==, n_before);
  hole_clear (&hole);
}

static void
test_cancel (Fixture      *self,
             gconstpointer data)
{
  Hole hole = hole_new ("127.0.2.9");
  FakeNode *server = add_server ("127.0.2.10", hole.port);
  guint n_descriptors = count_descriptors ();
  VmpDiscoveryJob *job;

  server->manner = FAKE_SILENT;
  job = begin_scan (self, "127.0.2.8/29", &hole.port, 1, VMP_LIMIT_DISCOVER_MS);
  wait_until (job->n_done == 4 && server->n_waiting == 1);
  g_assert_cmpuint (count_descriptors (), >, n_descriptors);

  vmp_discovery_cancel (self->discovery, job);
  g_assert_cmpint (job->state, ==, VMP_JOB_CANCELLED);
  g_assert_cmpint (job->ended, >, 0);
  g_assert_cmpint (self->last_state, ==, VMP_JOB_CANCELLED);
  wait_until (server->connections.length == 0);
  g_assert_cmpuint (count_descriptors (), <=, n_descriptors);

  /* Nothing follows, and it can be done again. */
  fake_node_wake (server);
  self->n_told = 0;
  settle ();
  vmp_discovery_cancel (self->discovery, job);
  g_assert_cmpuint (self->n_told, ==, 0);
  g_assert_cmpuint (job->found->len, ==, 0);
  g_assert_cmpuint (count_nodes (self), ==, 0);
  job = begin_scan (self, "127.0.2.10", &hole.port, 1, 0);
  wait_until (job->state == VMP_JOB_DONE);
  g_assert_cmpuint (job->found->len, ==, 1);
  fake_node_free (server);
  hole_clear (&hole);
}

/* With a search under way, all goes. */
static void
test_free (Fixture      *self,
           gconstpointer data)
{
  Hole hole = hole_new ("127.0.2.9");
  FakeNode *server = add_server ("127.0.2.10", hole.port);
  VmpDnssdService service = make_service ("127.0.2.10", hole.port);
  VmpDiscoveryJob *job;

  server->manner = FAKE_SILENT;
  play_found (&service);
  job = begin_scan (self, "127.0.2.8/29", &hole.port, 1, VMP_LIMIT_DISCOVER_MS);
  wait_until (job->n_done == 4 && server->n_waiting > 0);
  stop (self);
  wait_until (server->connections.length == 0);
  fake_node_free (server);
  hole_clear (&hole);
}

static void
test_progress (Fixture      *self,
               gconstpointer data)
{
  Hole hole = hole_new ("127.0.2.9");
  VmpDiscoveryJob *job = begin_scan (self, "127.0.2.8/29", &hole.port, 1, 700);

  g_assert_cmpuint (self->n_told, ==, 1);
  g_assert_cmpuint (job->n_done, ==, 0);
  wait_until (self->n_told == 2);
  g_assert_cmpuint (self->last_done, ==, 5);
  g_assert_cmpint (self->last_state, ==, VMP_JOB_RUNNING);
  wait_until (job->state == VMP_JOB_DONE);

  /* No news, no report. */
  g_assert_cmpuint (self->n_told, ==, 3);
  g_assert_cmpuint (self->last_done, ==, 6);
  hole_clear (&hole);
}

static void
test_busy (Fixture      *self,
           gconstpointer data)
{
  Hole hole = hole_new ("127.0.2.9");
  VmpDiscoveryJob *first = begin_scan (self, "127.0.2.9", &hole.port, 1, VMP_LIMIT_DISCOVER_MS);
  const VmpDiscoverRequest second = {
    .methods = VMP_DISCOVER_LAN_SCAN,
    .subnets = (const char *[]) { "127.0.2.0/24", NULL },
  };
  g_autoptr (GError) error = NULL;

  g_assert_null (vmp_discovery_start (self->discovery, &second, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_BUSY);
  g_assert_nonnull (strstr (error->message, first->id));

  /* A small one finds its way beside it. */
  g_assert_cmpuint (search_local (self, &self->server->port, 1)->found->len, ==, 1);
  g_assert_cmpint (first->state, ==, VMP_JOB_RUNNING);

  vmp_discovery_cancel (self->discovery, first);
  vmp_discovery_cancel (self->discovery, begin (self, &second));
  hole_clear (&hole);
}

/* The lowest one: with it as the limit, none is left. */
static int
find_free_descriptor (void)
{
  int fd = dup (STDIN_FILENO);

  close (fd);

  return fd;
}

/* Without descriptors it waits for some, and leaves nothing out. */
static void
test_no_descriptors (Fixture      *self,
                     gconstpointer data)
{
  FakeNode *server = add_server ("127.0.2.2", 0);
  struct rlimit before;
  struct rlimit none;
  VmpDiscoveryJob *job;

  getrlimit (RLIMIT_NOFILE, &before);
  none = before;
  none.rlim_cur = find_free_descriptor ();
  job = begin_scan (self, "127.0.2.0/29", &server->port, 1, 0);
  setrlimit (RLIMIT_NOFILE, &none);
  settle ();
  g_assert_cmpuint (job->n_done, ==, 0);
  setrlimit (RLIMIT_NOFILE, &before);
  wait_until (job->state == VMP_JOB_DONE);
  g_assert_cmpuint (job->n_done, ==, 6);
  g_assert_cmpuint (job->found->len, ==, 1);
  fake_node_free (server);
}

/* -- What is not done ---------------------------------------------------------------------- */

static void
test_refused_subnets (void)
{
  static const struct {
    const char *text;
    const char *complaint;
  } cases[] = {
    { "", "is not understood" },
    { "/24", "is not understood" },
    { "192.168.1", "is not understood" },
    { "192.168.1.0/", "is not understood" },
    { "192.168.1.0/33", "is not understood" },
    { "192.168.1.0/-1", "is not understood" },
    { "192.168.1.0/+24", "is not understood" },
    { "192.168.1.0/024", "is not understood" },
    { "192.168.1.0/24/24", "is not understood" },
    { "192.168.1.0/24 ", "is not understood" },
    { " 192.168.1.0/24", "is not understood" },
    { "192.168.1.0/255.255.255.0", "is not understood" },
    { "192.168.001.0/24", "is not understood" },
    { "0xc0a80100/24", "is not understood" },
    { "3232235776/24", "is not understood" },
    { "10.1/16", "is not understood" },
    { "studio.local", "is not understood" },
    { "fd00::/129", "is not understood" },
    { "fe80::1%lo/128", "is not understood" },
    { "8.8.8.0/24", "is not a private network" },
    { "0.0.0.0/0", "is not a private network" },
    { "224.0.0.0/24", "is not a private network" },
    { "255.255.255.255", "is not a private network" },
    { "192.0.2.0/24", "is not a private network" },
    { "172.32.0.0/24", "is not a private network" },
    { "::/0", "is not a private network" },
    { "fe80::/120", "is not a private network" },
    { "2001:db8::/120", "is not a private network" },
    { "::ffff:192.168.1.0/120", "is not a private network" },
    { "64:ff9b::c0a8:100/120", "is not a private network" },
    { "2002:c0a8:101::/120", "is not a private network" },
    { "10.0.0.0/8", "more than the 1024 addresses" },
    { "10.0.0.0/21", "more than the 1024 addresses" },
    { "127.0.0.0/8", "more than the 1024 addresses" },
    { "192.168.0.0/0", "more than the 1024 addresses" },
    { "fd00::/64", "more than the 1024 addresses" },
    { "fd00::/117", "more than the 1024 addresses" },
    { "fd00::/96", "more than the 1024 addresses" },
    { "::1/118", "is not a private network in all" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (VmpSubnet) subnet = vmp_subnet_parse (cases[i].text, &error);

      g_test_message ("%s", cases[i].text);
      g_assert_null (subnet);
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, cases[i].complaint));
      g_assert_nonnull (strstr (error->message, cases[i].text));
      g_assert_true (g_str_has_prefix (error->message, "Subnet ") && g_str_has_suffix (error->message, "."));
    }
}

static void
test_subnets (void)
{
  static const struct {
    const char *text;
    const char *canonical;
    const char *first;
    guint n_hosts;
  } cases[] = {
    { "192.168.1.77/24", "192.168.1.0/24", "192.168.1.1", 254 },
    { "10.255.252.0/22", "10.255.252.0/22", "10.255.252.1", 1022 },
    { "172.31.255.255/30", "172.31.255.252/30", "172.31.255.253", 2 },
    { "192.168.1.6/31", "192.168.1.6/31", "192.168.1.6", 2 },
    { "192.168.1.6/32", "192.168.1.6/32", "192.168.1.6", 1 },
    { "192.168.1.6", "192.168.1.6/32", "192.168.1.6", 1 },
    { "100.64.0.0/24", "100.64.0.0/24", "100.64.0.1", 254 },
    { "169.254.7.0/24", "169.254.7.0/24", "169.254.7.1", 254 },
    { "fd00::1234/118", "fd00::1000/118", "fd00::1000", 1024 },
    { "FD00:0::5", "fd00::5/128", "fd00::5", 1 },
    { "::1", "::1/128", "::1", 1 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (VmpSubnet) subnet = vmp_subnet_parse (cases[i].text, &error);
      g_autoptr (GInetAddress) first = NULL;
      g_autofree char *first_text = NULL;

      g_assert_no_error (error);
      g_assert_cmpstr (subnet->text, ==, cases[i].canonical);
      g_assert_cmpuint (subnet->n_hosts, ==, cases[i].n_hosts);
      first = g_inet_address_new_from_bytes (subnet->first, subnet->family);
      first_text = g_inet_address_to_string (first);
      g_assert_cmpstr (first_text, ==, cases[i].first);
    }
}

/* Each address of overlapping subnets once, each port on all of them before the next, all different. */
static void
test_overlapping_subnets (Fixture      *self,
                          gconstpointer data)
{
  const VmpDiscoverRequest request = {
    .methods = VMP_DISCOVER_LAN_SCAN,
    .subnets = (const char *[]) { "127.0.2.128/25", "127.0.2.0/24", "127.0.2.5", "127.0.2.0/24", "fd00::/126",
                                  "127.0.3.252/30", NULL },
    .ports = (const guint16[]) { 1, 65535 },
    .n_ports = 2,
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (VmpTargets) targets = vmp_targets_new (self->discovery, &request, &error);
  g_autoptr (GHashTable) seen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);

  g_assert_no_error (error);
  g_assert_cmpuint (vmp_targets_count_scanned (targets), ==, 2 * (254 + 4 + 2));
  for (guint i = 0; i < vmp_targets_count_scanned (targets); i++)
    {
      guint16 port;
      g_autoptr (GInetAddress) address = vmp_targets_get_scanned (targets, i, &port, NULL);
      g_autofree char *text = g_inet_address_to_string (address);

      g_assert_cmpuint (port, ==, i < 260 ? 1 : 65535);
      g_assert_true (g_hash_table_add (seen, g_strdup_printf ("%s %u", text, port)));
    }
  g_assert_true (g_hash_table_contains (seen, "127.0.2.254 65535"));
  g_assert_true (g_hash_table_contains (seen, "127.0.3.253 1"));
  g_assert_true (g_hash_table_contains (seen, "fd00::3 65535"));
  g_assert_false (g_hash_table_contains (seen, "127.0.2.255 1"));
}

static void
assert_refused (Fixture                  *self,
                const VmpDiscoverRequest *request,
                const char               *message)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (vmp_discovery_start (self->discovery, request, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
  g_test_message ("%s", error->message);
  g_assert_nonnull (strstr (error->message, message));
  g_assert_true (g_str_has_suffix (error->message, "."));
  g_assert_cmpuint (vmp_discovery_get_jobs (self->discovery)->len, ==, 0);
}

static void
test_refused_urls (Fixture      *self,
                   gconstpointer data)
{
  static const struct {
    const char *url;
    const char *message;
  } cases[] = {
    { "", "Base URL '' must begin with http" },
    { "ftp://192.168.1.5", "Base URL 'ftp://192.168.1.5' must begin with http" },
    { "http://127.0.0.1:abc", "must have a port" },
    { "http://[::1", "must name a host" },
    { "http://8.8.8.8:1234", "Base URL 'http://8.8.8.8:1234' must be an address of this computer or of a private" },
    { "http://169.254.169.254", "must be an address that a computer of yours can have" },
    { "http://0.0.0.0:1234", "must be an address that a computer of yours can have" },
    { "http://2852039166", "must name a host" },
    { "http://127.1", "must name a host" },
    { "http://[fe80::1%25eth0]:1234", "must name a host" },
    { "http://bad\033[2Jname", "Base URL 'http://bad\357\277\275[2Jname' must name a host" },
    { "http://user:secret@192.168.1.5", "Base URL number 1 must not hold a user name" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      const VmpDiscoverRequest request = { .base_urls = (const char *[]) { cases[i].url, NULL } };

      assert_refused (self, &request, cases[i].message);
    }
}

static void
test_refused_requests (Fixture      *self,
                       gconstpointer data)
{
  guint16 ports[VMP_LIMIT_SCAN_PORTS + 1];
  const char *subnets[VMP_LIMIT_SCAN_SUBNETS + 2] = { NULL };
  const char *urls[VMP_LIMIT_DISCOVER_URLS + 2] = { NULL };
  VmpDiscoverRequest request = { .methods = VMP_DISCOVER_LOCAL, .ports = ports, .n_ports = G_N_ELEMENTS (ports) };

  for (guint i = 0; i < G_N_ELEMENTS (ports); i++)
    ports[i] = i + 1;
  for (guint i = 0; i + 1 < G_N_ELEMENTS (subnets); i++)
    subnets[i] = "127.0.2.0/24";
  for (guint i = 0; i + 1 < G_N_ELEMENTS (urls); i++)
    urls[i] = "http://127.0.0.1:1";

  assert_refused (self, &request, "At most 16 ports");
  ports[0] = 0;
  request.n_ports = 1;
  assert_refused (self, &request, "Port 0");

  request = (VmpDiscoverRequest) { .methods = VMP_DISCOVER_LAN_SCAN, .subnets = subnets };
  assert_refused (self, &request, "At most 8 subnets");
  request = (VmpDiscoverRequest) { .base_urls = urls };
  assert_refused (self, &request, "At most 256 base URLs");
  request = (VmpDiscoverRequest) { .methods = VMP_DISCOVER_LOCAL, .timeout_ms = VMP_LIMIT_DISCOVER_MS + 1 };
  assert_refused (self, &request, "at most 10000 ms");

  /* One bad one of several: nothing is begun. */
  request = (VmpDiscoverRequest) {
    .methods = VMP_DISCOVER_LAN_SCAN,
    .subnets = (const char *[]) { "127.0.2.0/24", "8.8.8.0/24", NULL },
  };
  assert_refused (self, &request, "Subnet 8.8.8.0/24 is not a private network");
}

static void
test_public_urls (Fixture      *self,
                  gconstpointer data)
{
  const VmpDiscoverRequest request = { .base_urls = (const char *[]) { "http://8.8.8.8:1234", NULL } };
  g_autoptr (GError) error = NULL;
  g_autoptr (VmpTargets) targets = NULL;

  vmp_registry_set_public_allowed (self->registry, TRUE);
  targets = vmp_targets_new (self->discovery, &request, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (targets->urls.length, ==, 1);
  g_assert_true (((VmpTarget *) g_queue_peek_head (&targets->urls))->allow_public);
}

/* -- Own networks -------------------------------------------------------------------------- */

static const Interface only_loopback[] = { LOOPBACK, { NULL } };

static void
assert_own_subnets (Fixture         *self,
                    const Interface *list,
                    const char      *expected)
{
  const VmpDiscoverRequest request = { .methods = VMP_DISCOVER_LAN_SCAN };
  g_autoptr (GError) error = NULL;
  g_autoptr (VmpTargets) targets = NULL;
  g_autoptr (GString) text = g_string_new (NULL);

  play_interfaces (list);
  targets = vmp_targets_new (self->discovery, &request, &error);
  if (targets == NULL)
    {
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
      g_string_append (text, error->message);
    }
  for (guint i = 0; targets != NULL && i < targets->subnets->len; i++)
    g_string_append_printf (text, "%s ", ((VmpSubnet *) g_ptr_array_index (targets->subnets, i))->text);
  g_assert_cmpstr (text->str, ==, expected);
}

static void
test_own_networks (Fixture      *self,
                   gconstpointer data)
{
  static const Interface home[] = {
    LOOPBACK,
    { "eth0", "192.168.1.5", 24, FALSE, TRUE },
    { "eth0", "fd00::5", 64, FALSE, TRUE },
    { "eth0", "fe80::5", 64, FALSE, TRUE },
    { "wlan0", "192.168.1.6", 24, FALSE, TRUE },
    { "wlan0", "10.1.0.6", 22, FALSE, TRUE },
    { "docker0", "172.17.0.1", 16, FALSE, FALSE },
    { "tailscale0", "100.100.1.2", 32, FALSE, TRUE },
    { "tun0", "10.8.0.2", 32, FALSE, TRUE },
    { "ppp0", "203.0.113.9", 24, FALSE, TRUE },
    { "usb0", "169.254.3.4", 16, FALSE, TRUE },
    { NULL },
  };
  static const Interface wide[] = {
    LOOPBACK,
    { "eth0", "192.168.1.5", 24, FALSE, TRUE },
    { "eth1", "10.20.30.40", 16, FALSE, TRUE },
    { NULL },
  };
  static const Interface many[] = {
    { "a", "10.0.1.1", 24, FALSE, TRUE }, { "a", "10.0.2.1", 24, FALSE, TRUE }, { "a", "10.0.3.1", 24, FALSE, TRUE },
    { "a", "10.0.4.1", 24, FALSE, TRUE }, { "a", "10.0.5.1", 24, FALSE, TRUE }, { "a", "10.0.6.1", 24, FALSE, TRUE },
    { "a", "10.0.7.1", 24, FALSE, TRUE }, { "a", "10.0.8.1", 24, FALSE, TRUE }, { "a", "10.0.9.1", 24, FALSE, TRUE },
    { NULL },
  };

  assert_own_subnets (self, home, "192.168.1.0/24 10.1.0.0/22 ");
  assert_own_subnets (self, only_loopback,
                      "This computer is in no private IPv4 network that could be searched; name the subnets to search "
                      "(--subnet), such as 192.168.1.0/24.");
  assert_own_subnets (self, wide,
                      "The network of eth1 (10.20.30.40/16) has more than the 1024 addresses that are searched at a "
                      "time; name the subnets to search (--subnet), such as 10.20.30.40/24.");
  assert_own_subnets (self, many,
                      "This computer is in 9 networks, and at most 8 are searched at a time; name those to search "
                      "(--subnet).");
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  ADD ("scan/complete", test_scan);
  ADD ("scan/largest", test_scan_largest);
  ADD ("scan/ipv6", test_scan_ipv6);
  ADD ("scan/and-url", test_scan_and_url);
  ADD ("scan/timeout", test_scan_timeout);
  ADD ("scan/progress", test_progress);
  ADD ("scan/pace", test_pace);
  ADD ("scan/cancel", test_cancel);
  ADD ("scan/busy", test_busy);
  ADD ("scan/no-descriptors", test_no_descriptors);
  ADD ("free", test_free);
  g_test_add_func ("/discovery/refused/subnets", test_refused_subnets);
  ADD ("refused/urls", test_refused_urls);
  ADD ("refused/requests", test_refused_requests);
  ADD ("public-urls", test_public_urls);
  g_test_add_func ("/discovery/subnets/forms", test_subnets);
  ADD ("subnets/overlapping", test_overlapping_subnets);
  ADD ("subnets/own-networks", test_own_networks);

  return g_test_run ();
}
