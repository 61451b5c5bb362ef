/* SPDX-License-Identifier: MIT
 *
 * Implementation of Computer: ip, nsenter, unshare, dbus-daemon and avahi-daemon, as their packages install them.
 */

#include "computer.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char bus_config[] =
  "<!DOCTYPE busconfig PUBLIC '-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN'\n"
  " 'http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd'>\n"
  "<busconfig>\n"
  "  <type>system</type>\n"
  "  <listen>unix:path=%s</listen>\n"
  "  <auth>EXTERNAL</auth>\n"
  "  <policy context='default'>\n"
  "    <allow user='*'/><allow own='*'/><allow send_destination='*' eavesdrop='true'/><allow eavesdrop='true'/>\n"
  "  </policy>\n"
  "</busconfig>\n";

static const char avahi_config[] =
  "[server]\n"
  "host-name=%s\n"
  "allow-interfaces=cable\n"
  "use-ipv4=yes\n"
  "use-ipv6=yes\n"
  "ratelimit-interval-usec=1000000\n"
  "ratelimit-burst=10000\n"
  "[publish]\n"
  "publish-workstation=no\n"
  "[rlimits]\n";

/* What a test started must not outlive it, however it ends. */
static void
die_with_test (gpointer data)
{
  prctl (PR_SET_PDEATHSIG, SIGKILL);
}

static GPid
spawn (const char * const *argv,
       const Computer     *computer)
{
  g_autoptr (GError) error = NULL;
  g_auto (GStrv) env = g_get_environ ();
  GPid pid;

  if (computer != NULL)
    env = g_environ_setenv (env, "DBUS_SYSTEM_BUS_ADDRESS", computer->bus_address, TRUE);
  g_spawn_async (NULL, (char **) argv, env,
                 G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL
                 | G_SPAWN_STDERR_TO_DEV_NULL,
                 die_with_test, NULL, &pid, &error);
  g_assert_no_error (error);

  return pid;
}

void
computer_run (const Computer *self,
              const char     *command)
{
  g_autoptr (GError) error = NULL;
  GPid pid = self->holder != 0 ? self->holder : getpid ();
  g_autofree char *net = g_strdup_printf ("--net=/proc/%d/ns/net", pid);
  g_autofree char *problems = NULL;
  const char *argv[] = { "nsenter", net, "sh", "-c", command, NULL };
  int status;

  g_spawn_sync (NULL, (char **) argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, &problems, &status, &error);
  g_assert_no_error (error);
  if (!g_spawn_check_wait_status (status, &error))
    g_error ("%s: %s %s", command, error->message, problems);
}

G_GNUC_PRINTF (2, 3)
static void
run (const Computer *computer,
     const char     *format,
     ...)
{
  g_autofree char *command = NULL;
  va_list args;

  va_start (args, format);
  command = g_strdup_vprintf (format, args);
  va_end (args);
  computer_run (computer, command);
}

static void
kill_child (GPid *pid)
{
  if (*pid == 0)
    return;

  kill (*pid, SIGKILL);
  while (waitpid (*pid, NULL, 0) < 0 && errno == EINTR)
    ;
  *pid = 0;
}

static char *
write_config (Computer   *self,
              const char *name,
              const char *text)
{
  g_autoptr (GError) error = NULL;
  char *path = g_build_filename (self->folder, name, NULL);

  g_file_set_contents (path, text, -1, &error);
  g_assert_no_error (error);

  return path;
}

static void
computer_init (Computer   *self,
               const char *name,
               const char *address)
{
  g_autoptr (GError) error = NULL;

  *self = (Computer) { .name = name, .address = address };
  self->folder = g_dir_make_tmp ("vampire-dnssd-XXXXXX", &error);
  g_assert_no_error (error);
  self->bus_address = g_strdup_printf ("unix:path=%s/bus", self->folder);
}

void
computers_set_up (Computer *first,
                  Computer *second)
{
  static const char * const holder[] = {
    "unshare", "--net", "sh", "-c", "ip link set lo up; exec sleep infinity", NULL
  };

  computer_init (first, "alpha", "10.77.0.1");
  computer_init (second, "beta", "10.77.0.2");
  second->holder = spawn (holder, NULL);

  /* Until the child has entered its namespace, it is in ours. */
  run (first, "until [ \"$(readlink /proc/%d/ns/net)\" != \"$(readlink /proc/self/ns/net)\" ]; do :; done",
       second->holder);
  /* Of one number on both sides: the program, which runs on the first, asks the kernel for its name. */
  run (first, "ip link add cable index 77 type veth peer name cable index 77 netns %d", second->holder);
  run (first, "ip address add %s/24 dev cable && ip link set cable up", first->address);
  run (second, "ip address add %s/24 dev cable && ip link set cable up", second->address);
}

static void
computer_clear (Computer *self)
{
  computer_kill_avahi (self);
  computer_kill_bus (self);
  kill_child (&self->holder);
  run (self, "rm -r '%s'", self->folder);
  g_free (self->bus_address);
  g_free (self->folder);
}

void
computers_tear_down (Computer *first,
                     Computer *second)
{
  run (first, "ip link delete cable");
  computer_clear (second);
  computer_clear (first);
}

/* Waits for the bus to take connections, or for a name on it. */
static void
wait_for_bus (Computer   *self,
              const char *name)
{
  gint64 end = g_get_monotonic_time () + 20 * G_TIME_SPAN_SECOND;
  gboolean is_there = FALSE;

  while (!is_there)
    {
      g_autoptr (GDBusConnection) bus = NULL;
      g_autoptr (GVariant) reply = NULL;

      g_assert_cmpint (g_get_monotonic_time (), <, end);
      bus = g_dbus_connection_new_for_address_sync (self->bus_address,
                                                    G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT
                                                    | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                                    NULL, NULL, NULL);
      if (bus != NULL && name != NULL)
        reply = g_dbus_connection_call_sync (bus, "org.freedesktop.DBus", "/", "org.freedesktop.DBus", "GetNameOwner",
                                             g_variant_new ("(s)", name), NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, NULL);
      is_there = bus != NULL && (name == NULL || reply != NULL);
      if (bus != NULL)
        g_dbus_connection_close_sync (bus, NULL, NULL);
      if (!is_there)
        g_usleep (20 * 1000);
    }
}

void
computer_start_bus (Computer *self)
{
  g_autofree char *path = g_build_filename (self->folder, "bus", NULL);
  g_autofree char *text = g_strdup_printf (bus_config, path);
  g_autofree char *config = write_config (self, "bus.conf", text);
  g_autofree char *argument = g_strconcat ("--config-file=", config, NULL);
  const char *argv[] = { "dbus-daemon", "--nofork", "--nopidfile", argument, NULL };

  unlink (path);
  self->bus = spawn (argv, NULL);
  wait_for_bus (self, NULL);
}

void
computer_start_avahi (Computer *self)
{
  g_autofree char *text = g_strdup_printf (avahi_config, self->name);
  g_autofree char *config = write_config (self, "avahi.conf", text);
  /* Each has its own /run, for its socket and the file with its process number. The commands replace each other, so
   * that the process that we know is the daemon. */
  g_autofree char *enter = self->holder != 0 ? g_strdup_printf ("nsenter --net=/proc/%d/ns/net", self->holder) : NULL;
  g_autofree char *command =
    g_strdup_printf ("exec %s unshare --mount --propagation private sh -c 'mount -t tmpfs tmpfs /run && "
                     "mkdir /run/avahi-daemon && "
                     "exec avahi-daemon --no-drop-root --no-chroot --no-rlimits --no-proc-title --file=%s'",
                     enter != NULL ? enter : "", config);
  const char *argv[] = { "sh", "-c", command, NULL };

  self->avahi = spawn (argv, self);
  wait_for_bus (self, "org.freedesktop.Avahi");
}

void
computer_kill_bus (Computer *self)
{
  kill_child (&self->bus);
}

void
computer_kill_avahi (Computer *self)
{
  kill_child (&self->avahi);
}

void
computer_use (const Computer *self)
{
  g_setenv ("DBUS_SYSTEM_BUS_ADDRESS", self->bus_address, TRUE);
}
