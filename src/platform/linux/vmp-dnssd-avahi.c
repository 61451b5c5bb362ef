/* SPDX-License-Identifier: MIT
 *
 * VmpDnssd over avahi-daemon: is it there, and how is it spoken to. All calls are asynchronous, on a connection to the
 * system bus of its own. The bus tells when the daemon appears and goes; only a bus that is not there has to be
 * tried again from time to time.
 */

#include "platform/linux/vmp-dnssd-avahi-private.h"

#define AVAHI_NAME "org.freedesktop.Avahi"
#define SERVER_PATH "/"
#define SERVER_INTERFACE "org.freedesktop.Avahi.Server2"

/* Seconds until the bus is tried again, doubled each time up to the longest. */
#define RETRY_S 1
#define RETRY_MAX_S 30

/* Calls that may wait for their answers: a system bus ends more than 128 with an error. */
#define MOST_CALLS 64

/* A daemon as long as it runs. */
struct _VmpAvahiDaemon {
  guint n_refs;
  GMainContext *context;
  GDBusConnection *bus;
  char *name;           /* its unique one on the bus */
  GQueue waiting;       /* of Call, in order */
  guint n_calls;        /* that wait for their answers */
};

struct _VmpAvahiObject {
  guint n_refs;
  VmpDnssd *dnssd;      /* NULL once it is dropped */
  VmpAvahiDaemon *daemon;
  const VmpAvahiObjectFuncs *funcs;
  gpointer owner;
  char *path;           /* NULL: not known yet */
};

typedef struct {
  VmpAvahiObject *object;
  const char *method;
  GVariant *parameters; /* NULL: none */
  gboolean makes;       /* of the server: it makes the object */
  VmpAvahiReply reply;  /* NULL: nobody wants to know */
} Call;

static void connect_bus (VmpDnssd *self);

/* -- State --------------------------------------------------------------------------------- */

static void
set_state (VmpDnssd     *self,
           VmpDnssdState state)
{
  if (self->state == state)
    return;

  self->state = state;
  if (state == VMP_DNSSD_UNAVAILABLE && !self->trouble_was_said)
    {
      self->trouble_was_said = TRUE;
      g_message ("Servers in the network are not found by themselves, nor is this gateway by others, since "
                 "avahi-daemon is not running; once it is installed and started, they are");
    }
  else if (state == VMP_DNSSD_RUNNING && self->trouble_was_said)
    {
      self->trouble_was_said = FALSE;
      g_message ("avahi-daemon is running now: servers in the network are found by themselves");
    }

  if (self->events.state_changed != NULL)
    self->events.state_changed (self->user_data, state);
}

/* -- Objects ------------------------------------------------------------------------------- */

static VmpAvahiDaemon *
daemon_new (GMainContext    *context,
            GDBusConnection *bus,
            const char      *name)
{
  VmpAvahiDaemon *self = g_new0 (VmpAvahiDaemon, 1);

  self->n_refs = 1;
  self->context = g_main_context_ref (context);
  self->bus = g_object_ref (bus);
  self->name = g_strdup (name);
  g_queue_init (&self->waiting);

  return self;
}

static VmpAvahiDaemon *
daemon_ref (VmpAvahiDaemon *self)
{
  self->n_refs++;

  return self;
}

static void
daemon_unref (VmpAvahiDaemon *self)
{
  if (--self->n_refs > 0)
    return;

  g_assert (self->waiting.length == 0);
  g_main_context_unref (self->context);
  g_object_unref (self->bus);
  g_free (self->name);
  g_free (self);
}

static VmpAvahiObject *
object_ref (VmpAvahiObject *self)
{
  self->n_refs++;

  return self;
}

static void
object_unref (VmpAvahiObject *self)
{
  if (--self->n_refs > 0)
    return;

  daemon_unref (self->daemon);
  g_free (self->path);
  g_free (self);
}

static void
call_free (Call *self)
{
  g_clear_pointer (&self->parameters, g_variant_unref);
  object_unref (self->object);
  g_free (self);
}

static void
free_in_daemon (VmpAvahiObject *self,
                const char     *path)
{
  g_dbus_connection_call (self->daemon->bus, self->daemon->name, path, self->funcs->interface, "Free", NULL, NULL,
                          G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL, NULL, NULL);
}

static void
take_made (VmpAvahiObject *self,
           GVariant       *reply,
           const GError   *error)
{
  const char *path = NULL;

  if (reply != NULL)
    g_variant_get (reply, "(&o)", &path);

  if (self->dnssd == NULL)
    {
      if (path != NULL)
        free_in_daemon (self, path);
      return;
    }

  if (path != NULL)
    {
      self->path = g_strdup (path);
      g_hash_table_insert (self->dnssd->objects, self->path, self);
    }
  self->funcs->ready (self->owner, error);
}

static void replied_cb (GObject      *source,
                        GAsyncResult *result,
                        gpointer      user_data);

static void
run_calls (VmpAvahiDaemon *self)
{
  Call *call;

  while (self->n_calls < MOST_CALLS && (call = g_queue_pop_head (&self->waiting)) != NULL)
    {
      VmpAvahiObject *object = call->object;

      if (object->dnssd == NULL)
        {
          call_free (call);
          continue;
        }

      self->n_calls++;
      /* The answer comes on the context that is the thread's default now. A daemon that hangs answers when it goes on;
       * when it dies, the bus answers for it. */
      g_main_context_push_thread_default (self->context);
      g_dbus_connection_call (self->bus, self->name,
                              call->makes ? SERVER_PATH : object->path,
                              call->makes ? SERVER_INTERFACE : object->funcs->interface,
                              call->method, call->parameters, call->makes ? G_VARIANT_TYPE ("(o)") : NULL,
                              G_DBUS_CALL_FLAGS_NO_AUTO_START, G_MAXINT, NULL, replied_cb, call);
      g_main_context_pop_thread_default (self->context);
    }
}

static void
replied_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  Call *call = user_data;
  VmpAvahiObject *object = call->object;
  VmpAvahiDaemon *daemon = object->daemon;
  g_autoptr (GError) error = NULL;
  g_autoptr (GVariant) reply = g_dbus_connection_call_finish (G_DBUS_CONNECTION (source), result, &error);

  daemon->n_calls--;
  if (call->makes)
    take_made (object, reply, error);
  else if (object->dnssd != NULL && call->reply != NULL)
    call->reply (object->owner, reply, error);

  run_calls (daemon);
  call_free (call);
}

static void
queue_call (VmpAvahiObject *object,
            gboolean        makes,
            const char     *method,
            GVariant       *parameters,
            VmpAvahiReply   reply)
{
  Call *call = g_new0 (Call, 1);

  call->object = object_ref (object);
  call->makes = makes;
  call->method = method;
  call->parameters = parameters != NULL ? g_variant_ref_sink (parameters) : NULL;
  call->reply = reply;
  g_queue_push_tail (&object->daemon->waiting, call);
  run_calls (object->daemon);
}

static VmpAvahiObject *
object_alloc (VmpDnssd                  *dnssd,
              const VmpAvahiObjectFuncs *funcs,
              gpointer                   owner)
{
  VmpAvahiObject *self = g_new0 (VmpAvahiObject, 1);

  g_assert (dnssd->daemon != NULL);
  self->n_refs = 1;
  self->dnssd = dnssd;
  self->daemon = daemon_ref (dnssd->daemon);
  self->funcs = funcs;
  self->owner = owner;

  return self;
}

VmpAvahiObject *
vmp_avahi_object_new (VmpDnssd                  *dnssd,
                      const VmpAvahiObjectFuncs *funcs,
                      gpointer                   owner,
                      const char                *method,
                      GVariant                  *parameters)
{
  VmpAvahiObject *self = object_alloc (dnssd, funcs, owner);

  queue_call (self, TRUE, method, parameters, NULL);

  return self;
}

VmpAvahiObject *
vmp_avahi_object_new_server (VmpDnssd                  *dnssd,
                             const VmpAvahiObjectFuncs *funcs,
                             gpointer                   owner)
{
  VmpAvahiObject *self = object_alloc (dnssd, funcs, owner);

  self->path = g_strdup (SERVER_PATH);
  g_hash_table_insert (dnssd->objects, self->path, self);

  return self;
}

void
vmp_avahi_object_drop (VmpAvahiObject *self)
{
  VmpDnssd *dnssd = self->dnssd;

  g_assert (dnssd != NULL);
  self->dnssd = NULL;
  if (self->path != NULL)
    {
      g_hash_table_remove (dnssd->objects, self->path);
      /* One that dies takes its objects along. */
      if (dnssd->daemon != NULL && !g_str_equal (self->path, SERVER_PATH))
        free_in_daemon (self, self->path);
    }
  object_unref (self);
}

gboolean
vmp_avahi_object_is_ready (VmpAvahiObject *self)
{
  return self->path != NULL;
}

void
vmp_avahi_object_call (VmpAvahiObject *self,
                       const char     *method,
                       GVariant       *parameters,
                       VmpAvahiReply   reply)
{
  g_assert (self->dnssd != NULL && self->path != NULL);
  queue_call (self, FALSE, method, parameters, reply);
}

char *
vmp_avahi_dup_complaint (const GError *error)
{
  g_autofree char *name = g_dbus_error_get_remote_error (error);
  g_autoptr (GError) complaint = NULL;

  if (name == NULL || !g_str_has_prefix (name, AVAHI_NAME "."))
    return NULL;

  complaint = g_error_copy (error);
  g_dbus_error_strip_remote_error (complaint);

  return g_strdup (complaint->message);
}

static void
signal_cb (GDBusConnection *bus,
           const char      *sender,
           const char      *path,
           const char      *interface,
           const char      *name,
           GVariant        *parameters,
           gpointer         user_data)
{
  VmpDnssd *self = user_data;
  VmpAvahiObject *object = g_hash_table_lookup (self->objects, path);

  if (object != NULL && object->funcs->signal != NULL)
    object->funcs->signal (object->owner, name, parameters);
}

/* -- The daemon ---------------------------------------------------------------------------- */

static void
daemon_gone (VmpDnssd *self)
{
  VmpAvahiDaemon *daemon = g_steal_pointer (&self->daemon);

  if (daemon == NULL)
    return;

  g_dbus_connection_signal_unsubscribe (self->bus, self->signals);
  self->signals = 0;
  vmp_avahi_watch_end (self);
  if (self->announcement != NULL)
    vmp_avahi_announcement_end (self->announcement);
  g_queue_clear_full (&daemon->waiting, (GDestroyNotify) call_free);
  daemon_unref (daemon);
}

static void
appeared_cb (GDBusConnection *bus,
             const char      *name,
             const char      *owner,
             gpointer         user_data)
{
  VmpDnssd *self = user_data;

  daemon_gone (self);
  self->daemon = daemon_new (self->context, bus, owner);
  self->retry_s = RETRY_S;
  g_main_context_push_thread_default (self->context);
  self->signals = g_dbus_connection_signal_subscribe (bus, owner, NULL, NULL, NULL, NULL, G_DBUS_SIGNAL_FLAGS_NONE,
                                                      signal_cb, self, NULL);
  g_main_context_pop_thread_default (self->context);

  vmp_avahi_watch_begin (self);
  if (self->announcement != NULL)
    vmp_avahi_announcement_begin (self->announcement);
  set_state (self, VMP_DNSSD_RUNNING);
}

/* -- The bus ------------------------------------------------------------------------------- */

static void
disconnect_bus (VmpDnssd *self)
{
  daemon_gone (self);

  if (self->connecting != NULL)
    g_cancellable_cancel (self->connecting);
  g_clear_object (&self->connecting);

  if (self->retry != NULL)
    g_source_destroy (self->retry);
  g_clear_pointer (&self->retry, g_source_unref);

  if (self->name_watch != 0)
    g_bus_unwatch_name (self->name_watch);
  self->name_watch = 0;

  if (self->bus != NULL)
    g_dbus_connection_close (self->bus, NULL, NULL, NULL);
  g_clear_object (&self->bus);
}

static gboolean
retry_cb (gpointer user_data)
{
  VmpDnssd *self = user_data;

  g_clear_pointer (&self->retry, g_source_unref);
  connect_bus (self);

  return G_SOURCE_REMOVE;
}

static void
bus_gone (VmpDnssd *self)
{
  disconnect_bus (self);
  self->retry = g_timeout_source_new_seconds (self->retry_s);
  self->retry_s = MIN (self->retry_s * 2, RETRY_MAX_S);
  g_source_set_callback (self->retry, retry_cb, self, NULL);
  g_source_attach (self->retry, self->context);
  set_state (self, VMP_DNSSD_UNAVAILABLE);
}

static void
vanished_cb (GDBusConnection *bus,
             const char      *name,
             gpointer         user_data)
{
  VmpDnssd *self = user_data;

  if (g_dbus_connection_is_closed (self->bus))
    {
      bus_gone (self);
      return;
    }

  daemon_gone (self);
  set_state (self, VMP_DNSSD_UNAVAILABLE);
}

static void
connected_cb (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GDBusConnection) bus = g_dbus_connection_new_for_address_finish (result, &error);
  VmpDnssd *self;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED)) /* it may have been freed */
    return;

  self = user_data;
  g_clear_object (&self->connecting);
  if (bus == NULL)
    {
      g_debug ("No connection to the system bus: %s", error->message);
      bus_gone (self);
      return;
    }

  self->bus = g_steal_pointer (&bus);
  g_main_context_push_thread_default (self->context);
  self->name_watch = g_bus_watch_name_on_connection (self->bus, AVAHI_NAME, G_BUS_NAME_WATCHER_FLAGS_AUTO_START,
                                                     appeared_cb, vanished_cb, self, NULL);
  g_main_context_pop_thread_default (self->context);
}

static void
connect_bus (VmpDnssd *self)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *address = g_dbus_address_get_for_bus_sync (G_BUS_TYPE_SYSTEM, NULL, &error);

  if (address == NULL)
    {
      g_debug ("No address of the system bus: %s", error->message);
      bus_gone (self);
      return;
    }

  self->connecting = g_cancellable_new ();
  g_main_context_push_thread_default (self->context);
  g_dbus_connection_new_for_address (address,
                                     G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT
                                     | G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                     NULL, self->connecting, connected_cb, self);
  g_main_context_pop_thread_default (self->context);
}

/* Connects when there is something to do, and leaves when there is nothing. */
static void
follow_need (VmpDnssd *self)
{
  gboolean needed = self->types != NULL || self->announcement != NULL;

  if (needed && self->state == VMP_DNSSD_OFF)
    {
      self->retry_s = RETRY_S;
      set_state (self, VMP_DNSSD_CONNECTING);
      connect_bus (self);
    }
  else if (!needed && self->state != VMP_DNSSD_OFF)
    {
      disconnect_bus (self);
      self->trouble_was_said = FALSE;
      set_state (self, VMP_DNSSD_OFF);
    }
}

/* -- VmpDnssd ------------------------------------------------------------------------------ */

VmpDnssd *
vmp_dnssd_new (GMainContext         *context,
               const VmpDnssdEvents *events,
               gpointer              user_data)
{
  VmpDnssd *self = g_new0 (VmpDnssd, 1);

  self->context = context != NULL ? g_main_context_ref (context) : g_main_context_ref (g_main_context_default ());
  self->events = *events;
  self->user_data = user_data;
  self->objects = g_hash_table_new (g_str_hash, g_str_equal);

  return self;
}

void
vmp_dnssd_free (VmpDnssd *self)
{
  g_return_if_fail (self != NULL);

  self->events = (VmpDnssdEvents) { NULL };
  vmp_dnssd_announce (self, NULL, NULL, 0, NULL);
  vmp_dnssd_watch (self, NULL);
  g_assert (g_hash_table_size (self->objects) == 0);
  g_hash_table_unref (self->objects);
  g_main_context_unref (self->context);
  g_free (self);
}

VmpDnssdState
vmp_dnssd_get_state (VmpDnssd *self)
{
  return self->state;
}

void
vmp_dnssd_watch (VmpDnssd           *self,
                 const char * const *types)
{
  g_return_if_fail (self != NULL);

  g_strfreev (self->types);
  self->types = types != NULL && types[0] != NULL ? g_strdupv ((char **) types) : NULL;

  if (self->types == NULL)
    vmp_avahi_watch_end (self);
  else if (self->daemon != NULL)
    vmp_avahi_watch_begin (self);
  follow_need (self);
}

void
vmp_dnssd_announce (VmpDnssd           *self,
                    const char         *name,
                    const char         *type,
                    guint16             port,
                    const char * const *txt)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (name == NULL || (type != NULL && port != 0));

  g_clear_pointer (&self->announcement, vmp_avahi_announcement_free);
  if (name != NULL)
    {
      self->announcement = vmp_avahi_announcement_new (self, name, type, port, txt);
      if (self->daemon != NULL)
        vmp_avahi_announcement_begin (self->announcement);
    }
  follow_need (self);
}
