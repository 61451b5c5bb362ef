/* SPDX-License-Identifier: MIT
 *
 * VmpDnssd with real daemons on two computers: they find each other, die and come back, take each other's names, and
 * tell lies.
 */

#include "computer.h"
#include "core/vmp-limits.h"
#include "platform/vmp-dnssd.h"

#include <signal.h>
#include <string.h>

#define DEADLINE_S 30

static const char * const types[] = { "_lmstudio._tcp", "_vampire._tcp", NULL };

/* What one VmpDnssd says. */
typedef struct {
  VmpDnssd *dnssd;
  GHashTable *services; /* "type name" -> char: all that was found of it */
  guint n_found;
  guint n_lost;
  guint most;           /* services at one time */
} Ear;

typedef struct {
  Computer alpha;
  Computer beta;
  Ear here;     /* on alpha */
  Ear there;    /* on beta */
} Fixture;

static guint n_messages;

static GLogWriterOutput
count_messages (GLogLevelFlags   level,
                const GLogField *fields,
                gsize            n_fields,
                gpointer         user_data)
{
  if ((level & G_LOG_LEVEL_MASK) <= G_LOG_LEVEL_MESSAGE)
    n_messages++;

  return g_log_writer_default (level, fields, n_fields, user_data);
}

/* -- An ear -------------------------------------------------------------------------------- */

static void
found (gpointer               user_data,
       const VmpDnssdService *service)
{
  Ear *self = user_data;
  g_autofree char *text = g_strdup_printf ("%s %s:%u %s instance=%s path=%s tls=%d own=%d", service->interface,
                                           service->address, service->port, service->host,
                                           service->instance != NULL ? service->instance : "-", service->path,
                                           service->tls, service->is_own);

  g_test_message ("found %s %s: %s", service->type, service->name, text);
  self->n_found++;
  g_hash_table_replace (self->services, g_strconcat (service->type, " ", service->name, NULL),
                        g_steal_pointer (&text));
  self->most = MAX (self->most, g_hash_table_size (self->services));
}

static void
lost (gpointer               user_data,
      const VmpDnssdService *service)
{
  Ear *self = user_data;
  g_autofree char *key = g_strconcat (service->type, " ", service->name, NULL);

  g_test_message ("lost %s", key);
  self->n_lost++;
  g_assert_cmpstr (service->interface, ==, "cable");
  g_assert_true (g_hash_table_remove (self->services, key));
}

static const VmpDnssdEvents events = { .found = found, .lost = lost };

static void
ear_open (Ear            *self,
          const Computer *computer)
{
  computer_use (computer);
  self->dnssd = vmp_dnssd_new (NULL, &events, self);
  self->services = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
}

static void
ear_close (Ear *self)
{
  if (self->dnssd == NULL)
    return;
  vmp_dnssd_free (self->dnssd);
  g_hash_table_unref (self->services);
  *self = (Ear) { NULL };
}

/* -- Waiting ------------------------------------------------------------------------------- */

static gboolean
too_late (gpointer user_data)
{
  g_error ("Not within %d s: %s", DEADLINE_S, (const char *) user_data);

  return G_SOURCE_REMOVE;
}

#define wait_until(condition) \
  G_STMT_START { \
    guint alarm_id = g_timeout_add_seconds (DEADLINE_S, too_late, (gpointer) #condition); \
    while (!(condition)) \
      g_main_context_iteration (NULL, TRUE); \
    g_source_remove (alarm_id); \
  } G_STMT_END

static gboolean
has (Ear        *self,
     const char *service,
     const char *text)
{
  return g_strcmp0 (g_hash_table_lookup (self->services, service), text) == 0;
}

static gboolean
is_running (Ear *self)
{
  return vmp_dnssd_get_state (self->dnssd) == VMP_DNSSD_RUNNING;
}

static gboolean
is_unavailable (Ear *self)
{
  return vmp_dnssd_get_state (self->dnssd) == VMP_DNSSD_UNAVAILABLE;
}

/* -- Two computers ------------------------------------------------------------------------- */

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  computers_set_up (&self->alpha, &self->beta);
  computer_start_bus (&self->alpha);
  computer_start_bus (&self->beta);
  computer_start_avahi (&self->alpha);
  computer_start_avahi (&self->beta);
  ear_open (&self->here, &self->alpha);
  vmp_dnssd_watch (self->here.dnssd, types);
  ear_open (&self->there, &self->beta);
  vmp_dnssd_watch (self->there.dnssd, types);
  wait_until (is_running (&self->here) && is_running (&self->there));
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  ear_close (&self->here);
  ear_close (&self->there);
  computers_tear_down (&self->alpha, &self->beta);
}

static void
announce (Ear        *self,
          const char *name,
          guint16     port,
          const char *txt)
{
  vmp_dnssd_announce (self->dnssd, name, "_vampire._tcp", port, (const char *[]) { txt, NULL });
}

#define ALPHA "_vampire._tcp Alpha"
#define ALPHA_FROM_HERE "cable 10.77.0.1:7701 alpha.local instance=one path= tls=0 own=1"
#define ALPHA_FROM_THERE "cable 10.77.0.1:7701 alpha.local instance=one path= tls=0 own=0"
#define BETA "_vampire._tcp Beta"
#define BETA_FROM_HERE "cable 10.77.0.2:7702 beta.local instance=two path= tls=0 own=0"

static void
announce_both (Fixture *self)
{
  announce (&self->here, "Alpha", 7701, "instance=one");
  announce (&self->there, "Beta", 7702, "instance=two");
  wait_until (has (&self->here, ALPHA, ALPHA_FROM_HERE) && has (&self->here, BETA, BETA_FROM_HERE));
  wait_until (has (&self->there, ALPHA, ALPHA_FROM_THERE));
}

static void
test_each_other (Fixture      *self,
                 gconstpointer data)
{
  announce_both (self);

  /* Each once, though they come over IPv4 and IPv6. */
  g_assert_cmpuint (self->here.n_found, ==, 2);
  g_assert_cmpuint (g_hash_table_size (self->here.services), ==, 2);
}

static void
test_change (Fixture      *self,
             gconstpointer data)
{
  announce_both (self);

  announce (&self->there, "Beta", 7703, "path=/proxy/");
  wait_until (has (&self->here, BETA, "cable 10.77.0.2:7703 beta.local instance=- path=/proxy tls=0 own=0"));
}

static void
test_withdraw (Fixture      *self,
               gconstpointer data)
{
  announce_both (self);

  vmp_dnssd_announce (self->there.dnssd, NULL, NULL, 0, NULL);
  wait_until (!g_hash_table_contains (self->here.services, BETA));
  g_assert_true (has (&self->here, ALPHA, ALPHA_FROM_HERE));
}

/* What does not stop to be announced in order is withdrawn all the same. */
static void
test_free (Fixture      *self,
           gconstpointer data)
{
  announce_both (self);

  ear_close (&self->there);
  wait_until (!g_hash_table_contains (self->here.services, BETA));
}

static void
test_stop_watching (Fixture      *self,
                    gconstpointer data)
{
  announce_both (self);

  vmp_dnssd_watch (self->here.dnssd, (const char *[]) { "_lmstudio._tcp", NULL });
  g_assert_cmpuint (self->here.n_lost, ==, 2);
  vmp_dnssd_watch (self->here.dnssd, types);
  wait_until (has (&self->here, ALPHA, ALPHA_FROM_HERE) && has (&self->here, BETA, BETA_FROM_HERE));

  vmp_dnssd_watch (self->here.dnssd, NULL);
  g_assert_cmpuint (self->here.n_lost, ==, 4);
  g_assert_true (is_running (&self->here)); /* it still announces */
  vmp_dnssd_announce (self->here.dnssd, NULL, NULL, 0, NULL);
  g_assert_cmpint (vmp_dnssd_get_state (self->here.dnssd), ==, VMP_DNSSD_OFF);
  wait_until (!g_hash_table_contains (self->there.services, ALPHA));
}

/* -- Death --------------------------------------------------------------------------------- */

static void
test_daemon_dies (Fixture      *self,
                  gconstpointer data)
{
  announce_both (self);

  for (guint round = 0; round < 2; round++)
    {
      guint n_before = n_messages;

      computer_kill_avahi (&self->alpha);
      wait_until (is_unavailable (&self->here));
      g_assert_cmpuint (g_hash_table_size (self->here.services), ==, 0);
      g_assert_cmpuint (n_messages - n_before, ==, 1);

      computer_start_avahi (&self->alpha);
      wait_until (is_running (&self->here));
      g_assert_cmpuint (n_messages - n_before, ==, 2);
      wait_until (has (&self->here, ALPHA, ALPHA_FROM_HERE) && has (&self->here, BETA, BETA_FROM_HERE));
    }
}

/* It is announced anew by itself, which the other side sees by what it finds with a fresh memory. */
static void
test_announced_again (Fixture      *self,
                      gconstpointer data)
{
  announce_both (self);

  computer_kill_avahi (&self->alpha);
  computer_kill_avahi (&self->beta);
  wait_until (is_unavailable (&self->here) && is_unavailable (&self->there));
  computer_start_avahi (&self->beta);
  computer_start_avahi (&self->alpha);
  wait_until (has (&self->here, BETA, BETA_FROM_HERE) && has (&self->there, ALPHA, ALPHA_FROM_THERE));
}

static void
test_bus_dies (Fixture      *self,
               gconstpointer data)
{
  guint n_before = n_messages;

  announce_both (self);

  computer_kill_bus (&self->alpha);
  wait_until (is_unavailable (&self->here));
  g_assert_cmpuint (g_hash_table_size (self->here.services), ==, 0);
  g_assert_cmpuint (n_messages - n_before, ==, 1);
  computer_kill_avahi (&self->alpha);

  computer_use (&self->alpha);
  computer_start_bus (&self->alpha);
  computer_start_avahi (&self->alpha);
  wait_until (has (&self->here, ALPHA, ALPHA_FROM_HERE) && has (&self->here, BETA, BETA_FROM_HERE));
  g_assert_cmpuint (n_messages - n_before, ==, 2);
}

/* Neither is there at first. */
static void
test_absent (Fixture      *self,
             gconstpointer data)
{
  guint n_before = n_messages;

  ear_close (&self->here);
  computer_kill_avahi (&self->alpha);
  computer_kill_bus (&self->alpha);

  ear_open (&self->here, &self->alpha);
  g_assert_cmpint (vmp_dnssd_get_state (self->here.dnssd), ==, VMP_DNSSD_OFF);
  vmp_dnssd_watch (self->here.dnssd, types);
  g_assert_cmpint (vmp_dnssd_get_state (self->here.dnssd), ==, VMP_DNSSD_CONNECTING);
  announce (&self->there, "Beta", 7702, "instance=two");
  wait_until (is_unavailable (&self->here));
  computer_start_bus (&self->alpha);
  computer_start_avahi (&self->alpha);
  wait_until (has (&self->here, BETA, BETA_FROM_HERE));

  /* One that says so, and one that says that it is over. */
  g_assert_cmpuint (n_messages - n_before, ==, 2);
}

/* A daemon that hangs holds nobody up. */
static void
test_hanging_daemon (Fixture      *self,
                     gconstpointer data)
{
  gint64 before;
  guint i;

  announce (&self->here, "Alpha", 7701, "instance=one");
  vmp_dnssd_watch (self->here.dnssd, NULL);
  announce (&self->there, "Beta", 7702, "instance=two");
  wait_until (has (&self->there, ALPHA, ALPHA_FROM_THERE));

  kill (self->alpha.avahi, SIGSTOP);
  before = g_get_monotonic_time ();
  vmp_dnssd_watch (self->here.dnssd, types);
  announce (&self->here, "Alpha", 7709, "instance=one");
  for (i = 0; i < 1000; i++)
    g_main_context_iteration (NULL, FALSE);
  g_assert_cmpint (g_get_monotonic_time () - before, <, G_TIME_SPAN_SECOND);
  g_assert_cmpuint (self->here.n_found, ==, 0);

  kill (self->alpha.avahi, SIGCONT);
  wait_until (has (&self->here, BETA, BETA_FROM_HERE));
  wait_until (has (&self->there, ALPHA, "cable 10.77.0.1:7709 alpha.local instance=one path= tls=0 own=0"));
}

/* -- Names and lies ------------------------------------------------------------------------ */

static void
test_name_is_taken (Fixture      *self,
                    gconstpointer data)
{
  announce (&self->here, "Alpha", 7701, "instance=one");
  wait_until (has (&self->there, ALPHA, ALPHA_FROM_THERE));

  announce (&self->there, "Alpha", 7702, "instance=two");
  wait_until (has (&self->here, "_vampire._tcp Alpha #2",
                   "cable 10.77.0.2:7702 beta.local instance=two path= tls=0 own=0"));
  g_assert_true (has (&self->there, ALPHA, ALPHA_FROM_THERE));
}

static void
test_name_is_taken_here (Fixture      *self,
                         gconstpointer data)
{
  Ear other = { NULL };

  announce (&self->here, "Alpha", 7701, "instance=one");
  wait_until (has (&self->there, ALPHA, ALPHA_FROM_THERE));

  ear_open (&other, &self->alpha);
  announce (&other, "Alpha", 7703, "instance=three");
  wait_until (has (&self->there, "_vampire._tcp Alpha #2",
                   "cable 10.77.0.1:7703 alpha.local instance=three path= tls=0 own=0"));
  g_assert_true (has (&self->there, ALPHA, ALPHA_FROM_THERE));
  ear_close (&other);
}

static void
test_long_name (Fixture      *self,
                gconstpointer data)
{
  /* 2 + 31 * 2 bytes, of which 63 fit, in the middle of a character */
  static const char name[] = "Vöööööööööööööööööööööööööööööööü";
  g_autofree char *key = g_strdup_printf ("_vampire._tcp %.*s", 63, name);

  G_STATIC_ASSERT (sizeof name > 64);
  announce (&self->there, name, 7702, "instance=two");
  wait_until (g_hash_table_size (self->here.services) == 1);
  if (!g_utf8_validate (key, -1, NULL))
    key[strlen (key) - 1] = '\0';
  g_assert_true (has (&self->here, key, BETA_FROM_HERE));
}

static void
test_hostile_texts (Fixture      *self,
                    gconstpointer data)
{
  static const char evil_name[] = "Ev\342\200\256il\033[2J";
  static const char evil_key[] = "_vampire._tcp Ev\357\277\275il\357\277\275[2J";

  vmp_dnssd_announce (self->there.dnssd, evil_name, "_vampire._tcp", 7702,
                      (const char *[]) { "instance=<b>", "PATH=/../x", "tls=yes", "x", "=", NULL });
  wait_until (has (&self->here, evil_key, "cable 10.77.0.2:7702 beta.local instance=- path= tls=0 own=0"));
}

/* Many services of one stranger, announced by hand. */
static void
announce_many (GDBusConnection *bus,
               guint            n_groups,
               guint            n_each)
{
  for (guint i = 0; i < n_groups; i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GVariant) group = NULL;
      const char *path;

      group = g_dbus_connection_call_sync (bus, "org.freedesktop.Avahi", "/", "org.freedesktop.Avahi.Server",
                                           "EntryGroupNew", NULL, NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);
      g_assert_no_error (error);
      g_variant_get (group, "(&o)", &path);
      for (guint j = 0; j < n_each; j++)
        {
          g_autoptr (GVariant) reply = NULL;
          g_autofree char *name = g_strdup_printf ("Flood %u", i * n_each + j);

          reply = g_dbus_connection_call_sync (bus, "org.freedesktop.Avahi", path, "org.freedesktop.Avahi.EntryGroup",
                                               "AddService",
                                               g_variant_new ("(iiussssqaay)", -1, 0, 0u, name, "_lmstudio._tcp", "",
                                                              "", 1000 + j, NULL),
                                               NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);
          g_assert_no_error (error);
        }
      g_dbus_connection_call (bus, "org.freedesktop.Avahi", path, "org.freedesktop.Avahi.EntryGroup", "Commit", NULL,
                              NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL, NULL);
    }
}

static void
test_flood (Fixture      *self,
            gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusConnection) bus =
    g_dbus_connection_new_for_address_sync (self->beta.bus_address,
                                            G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT
                                            | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION, NULL, NULL, &error);
  guint n_before = n_messages;

  g_assert_no_error (error);
  vmp_dnssd_watch (self->there.dnssd, NULL);
  announce_many (bus, 20, 15);
  wait_until (n_messages > n_before);
  announce (&self->there, "Beta", 7702, "instance=two");

  /* Once they are gone there is room again, also for what came meanwhile. */
  wait_until (self->here.n_found > VMP_LIMIT_DNSSD_SERVICES / 2);
  g_dbus_connection_close_sync (bus, NULL, NULL);
  wait_until (has (&self->here, BETA, BETA_FROM_HERE) && g_hash_table_size (self->here.services) == 1);
  g_assert_cmpuint (self->here.most, <=, VMP_LIMIT_DNSSD_SERVICES);
  g_assert_cmpuint (n_messages - n_before, ==, 1);
}

/* A computer that is reached over IPv6 only. */
static void
test_ipv6 (Fixture      *self,
           gconstpointer data)
{
  g_autofree char *text = NULL;

  computer_run (&self->beta, "ip address delete 10.77.0.2/24 dev cable && ip address add fd77::2/64 dev cable nodad");
  announce (&self->there, "Beta", 7702, "instance=two");
  wait_until (g_hash_table_contains (self->here.services, BETA));

  text = g_strdup (g_hash_table_lookup (self->here.services, BETA));
  g_assert_true (g_str_has_prefix (text, "cable fd77::2:7702 ") || g_str_has_prefix (text, "cable fe80::"));
  g_assert_true (g_str_has_prefix (text, "cable fd77::") || strstr (text, "%cable:7702 ") != NULL);

  /* With IPv4 again, it is found there. */
  computer_run (&self->beta, "ip address add 10.77.0.2/24 dev cable");
  wait_until (has (&self->here, BETA, BETA_FROM_HERE));
}

#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);
  g_log_set_writer_func (count_messages, NULL, NULL);

  ADD ("/dnssd/avahi/each-other", test_each_other);
  ADD ("/dnssd/avahi/change", test_change);
  ADD ("/dnssd/avahi/withdraw", test_withdraw);
  ADD ("/dnssd/avahi/free", test_free);
  ADD ("/dnssd/avahi/stop-watching", test_stop_watching);
  ADD ("/dnssd/avahi/daemon-dies", test_daemon_dies);
  ADD ("/dnssd/avahi/announced-again", test_announced_again);
  ADD ("/dnssd/avahi/bus-dies", test_bus_dies);
  ADD ("/dnssd/avahi/absent", test_absent);
  ADD ("/dnssd/avahi/hanging-daemon", test_hanging_daemon);
  ADD ("/dnssd/avahi/ipv6", test_ipv6);
  ADD ("/dnssd/avahi/name-is-taken", test_name_is_taken);
  ADD ("/dnssd/avahi/name-is-taken-here", test_name_is_taken_here);
  ADD ("/dnssd/avahi/long-name", test_long_name);
  ADD ("/dnssd/avahi/hostile-texts", test_hostile_texts);
  ADD ("/dnssd/avahi/flood", test_flood);

  return g_test_run ();
}
