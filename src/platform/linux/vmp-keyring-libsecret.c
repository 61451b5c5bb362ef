/* SPDX-License-Identifier: MIT
 *
 * The desktop's keyring: whatever implements org.freedesktop.secrets, through libsecret. Each operation has a bus
 * connection of its own. So a keyring or a bus that went away and came back is simply there for the next one, and the
 * process is not tied to the session: GLib's shared connection ends the process when its bus goes. Called by
 * vmp-keyring.c on its thread.
 *
 * A locked keyring must be looked for: to libsecret a search that finds nothing readable there is no error. GNOME's,
 * as long as it was not unlocked once, knows the attributes of its items by their hashes only: they can be searched
 * for, but not read, and not by the name of their schema.
 */

#include "platform/vmp-keyring-private.h"

#include <libsecret/secret.h>
#include <string.h>

#include "core/vmp-text.h"

#define SECRETS_NAME "org.freedesktop.secrets"

/* Characters of what other programs say of their failure. */
#define REASON_CHARS 200

#define APPLICATION "io.github.lmstudio_vampire"

/* Found by the attribute instead of its name: see above. */
static const SecretSchema schema = {
  APPLICATION ".Token",
  SECRET_SCHEMA_DONT_MATCH_NAME,
  {
    { "application", SECRET_SCHEMA_ATTRIBUTE_STRING },
    { "kind", SECRET_SCHEMA_ATTRIBUTE_STRING },
    { "id", SECRET_SCHEMA_ATTRIBUTE_STRING },
    { NULL, 0 },
  },
};

typedef struct {
  GMainContext *context;
  GDBusConnection *bus;
  SecretService *service;
  SecretCollection *collection; /* where new secrets go; NULL: the owner has none yet */
} Session;

/* -- A service on a connection of its own -------------------------------------------------- */

/* SecretService makes itself one of GLib's shared connection as it is constructed; this takes that back, in the one
 * moment in which it can be. */

typedef SecretService PrivateService;
typedef SecretServiceClass PrivateServiceClass;

static GType private_service_get_type (void);

G_DEFINE_TYPE (PrivateService, private_service, SECRET_TYPE_SERVICE)

static GObject *
private_service_constructor (GType                  type,
                             guint                  n_properties,
                             GObjectConstructParam *properties)
{
  GObjectClass *parent_class = G_OBJECT_CLASS (private_service_parent_class);
  GObject *object = parent_class->constructor (type, n_properties, properties);

  g_object_set (object, "g-bus-type", G_BUS_TYPE_NONE, NULL);

  return object;
}

static void
private_service_class_init (PrivateServiceClass *class)
{
  G_OBJECT_CLASS (class)->constructor = private_service_constructor;
}

static void
private_service_init (PrivateService *self)
{
}

/* -- Errors -------------------------------------------------------------------------------- */

static void
fail_absent (GError    **error,
             const char *why)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED, "There is no keyring to keep tokens in: %s.", why);
}

static void
fail_locked (GError    **error,
             const char *what)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
               "The desktop's keyring is locked. Unlock it, then %s the token again.", what);
}

/* @cause: (transfer full) */
static void
fail_because (GError    **error,
              const char *what,
              GError     *cause)
{
  g_autofree char *reason = NULL;

  if (g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    {
      g_propagate_error (error, cause);
      return;
    }

  g_dbus_error_strip_remote_error (cause);
  reason = vmp_text_display (cause->message, REASON_CHARS);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "The desktop's keyring %s: %s.", what, reason);
  g_error_free (cause);
}

static gboolean
is_locked_error (const GError *error)
{
  return g_error_matches (error, SECRET_ERROR, SECRET_ERROR_IS_LOCKED);
}

/* -- A session with the keyring ------------------------------------------------------------ */

/* NULL when there is none. A bus is not started for this: nobody would have a keyring on it. */
static char *
find_bus (void)
{
  const char *address = g_getenv ("DBUS_SESSION_BUS_ADDRESS");
  const char *folder = g_getenv ("XDG_RUNTIME_DIR");
  g_autofree char *path = NULL;
  g_autofree char *escaped = NULL;

  if (address != NULL && *address != '\0')
    return g_strdup (address);
  if (folder == NULL || *folder == '\0')
    return NULL;

  path = g_build_filename (folder, "bus", NULL);
  if (!g_file_test (path, G_FILE_TEST_EXISTS))
    return NULL;
  escaped = g_dbus_address_escape_value (path);

  return g_strconcat ("unix:path=", escaped, NULL);
}

static GDBusConnection *
connect_to_bus (GCancellable *cancellable,
                GError      **error)
{
  g_autofree char *address = find_bus ();
  GDBusConnection *bus;
  GError *cause = NULL;

  if (address == NULL)
    {
      fail_absent (error, "there is no desktop session");
      return NULL;
    }

  bus = g_dbus_connection_new_for_address_sync (address,
                                                G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT |
                                                G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION,
                                                NULL, cancellable, &cause);
  if (bus != NULL)
    return bus;

  if (g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_NOT_FOUND) ||
      g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
    {
      fail_absent (error, "the desktop session's message bus does not run");
      g_error_free (cause);
    }
  else
    {
      fail_because (error, "cannot be reached", cause);
    }

  return NULL;
}

static gboolean
ask_bus (GDBusConnection *bus,
         const char      *method,
         GVariant        *arguments,
         GCancellable    *cancellable,
         GError         **error)
{
  g_autoptr (GVariant) reply = g_dbus_connection_call_sync (bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                                            "org.freedesktop.DBus", method, arguments, NULL,
                                                            G_DBUS_CALL_FLAGS_NONE, -1, cancellable, error);

  return reply != NULL;
}

/* Whether a program that keeps keyrings runs, or could be started and was. */
static gboolean
ensure_provider (GDBusConnection *bus,
                 GCancellable    *cancellable,
                 GError         **error)
{
  GError *cause = NULL;

  if (ask_bus (bus, "GetNameOwner", g_variant_new ("(s)", SECRETS_NAME), cancellable, &cause))
    return TRUE;

  if (g_error_matches (cause, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER))
    {
      g_clear_error (&cause);
      if (ask_bus (bus, "StartServiceByName", g_variant_new ("(su)", SECRETS_NAME, 0), cancellable, &cause))
        return TRUE;
    }

  if (g_error_matches (cause, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN))
    {
      fail_absent (error, "no program of this desktop session keeps one");
      g_error_free (cause);
    }
  else
    {
      fail_because (error, "cannot be started", cause);
    }

  return FALSE;
}

static void
session_close (Session *self)
{
  g_clear_object (&self->collection);
  g_clear_object (&self->service);
  if (self->bus != NULL)
    g_dbus_connection_close_sync (self->bus, NULL, NULL);
  g_clear_object (&self->bus);

  if (self->context == NULL)
    return;
  /* What was on its way for the objects above holds them. */
  while (g_main_context_iteration (self->context, FALSE))
    ;
  g_main_context_pop_thread_default (self->context);
  g_clear_pointer (&self->context, g_main_context_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Session, session_close)

static gboolean
session_open (Session      *self,
              GCancellable *cancellable,
              GError      **error)
{
  GError *cause = NULL;

  /* Signals for the objects made here are not for the gateway's context. */
  self->context = g_main_context_new ();
  g_main_context_push_thread_default (self->context);

  self->bus = connect_to_bus (cancellable, error);
  if (self->bus == NULL || !ensure_provider (self->bus, cancellable, error))
    return FALSE;

  self->service = g_initable_new (private_service_get_type (), cancellable, &cause,
                                  "g-connection", self->bus,
                                  "flags", SECRET_SERVICE_OPEN_SESSION,
                                  NULL);
  if (self->service != NULL)
    self->collection = secret_collection_for_alias_sync (self->service, SECRET_COLLECTION_DEFAULT,
                                                         SECRET_COLLECTION_NONE, cancellable, &cause);
  if (cause != NULL)
    {
      fail_because (error, "does not answer", cause);
      return FALSE;
    }

  return TRUE;
}

static gboolean
session_is_locked (Session *self)
{
  return self->collection != NULL && secret_collection_get_locked (self->collection);
}

/* @id: (nullable): of that secret only. @kind: (nullable): all of ours */
static GHashTable *
make_attributes (const char *kind,
                 const char *id)
{
  GHashTable *attributes = g_hash_table_new (g_str_hash, g_str_equal);

  g_hash_table_insert (attributes, (char *) "application", (char *) APPLICATION);
  if (kind != NULL)
    g_hash_table_insert (attributes, (char *) "kind", (char *) kind);
  if (id != NULL)
    g_hash_table_insert (attributes, (char *) "id", (char *) id);

  return attributes;
}

static void
free_items (GList *items)
{
  g_list_free_full (items, g_object_unref);
}

/* Those that are locked, too. @items: (out) (transfer full) */
static gboolean
session_search (Session          *self,
                const char       *kind,
                const char       *id,
                SecretSearchFlags flags,
                GList           **items,
                GCancellable     *cancellable,
                GError          **error)
{
  g_autoptr (GHashTable) attributes = make_attributes (kind, id);
  GError *cause = NULL;

  *items = secret_service_search_sync (self->service, &schema, attributes, SECRET_SEARCH_ALL | flags, cancellable,
                                       &cause);
  if (cause == NULL)
    return TRUE;

  fail_because (error, "cannot be searched", cause);

  return FALSE;
}

static gboolean
any_locked (GList *items)
{
  for (; items != NULL; items = items->next)
    {
      if (secret_item_get_locked (items->data))
        return TRUE;
    }

  return FALSE;
}

/* -- Loading ------------------------------------------------------------------------------- */

/* The most telling one last: one that can be read, and of several keyrings' the latest. */
static int
compare_items (gconstpointer a,
               gconstpointer b)
{
  SecretItem *one = (SecretItem *) a;
  SecretItem *other = (SecretItem *) b;
  gboolean one_locked = secret_item_get_locked (one);
  guint64 one_modified = secret_item_get_modified (one);
  guint64 other_modified = secret_item_get_modified (other);

  if (one_locked != secret_item_get_locked (other))
    return one_locked ? -1 : 1;

  return one_modified < other_modified ? -1 : one_modified > other_modified;
}

/* @secret: (out) (transfer full): NULL when it is locked, or no text */
static gboolean
read_secret (SecretItem   *item,
             char        **secret,
             gboolean     *locked,
             GCancellable *cancellable,
             GError      **error)
{
  SecretValue *value;
  GError *cause = NULL;

  *secret = NULL;
  *locked = secret_item_get_locked (item);
  if (*locked)
    return TRUE;

  value = secret_item_get_secret (item);
  if (value == NULL)
    {
      /* The search does not tell why it could not read one. */
      secret_item_load_secret_sync (item, cancellable, &cause);
      value = secret_item_get_secret (item);
    }
  *locked = is_locked_error (cause);
  if (cause != NULL && !*locked)
    {
      fail_because (error, "cannot be read", cause);
      return FALSE;
    }
  g_clear_error (&cause);

  if (value != NULL)
    {
      *secret = g_strdup (secret_value_get_text (value));
      secret_value_unref (value);
    }

  return TRUE;
}

static gboolean
take_items (GList        *items,
            GHashTable   *secrets,
            gboolean     *locked,
            GCancellable *cancellable,
            GError      **error)
{
  for (; items != NULL; items = items->next)
    {
      g_autoptr (GHashTable) attributes = secret_item_get_attributes (items->data);
      const char *id = g_hash_table_lookup (attributes, "id");
      gboolean item_locked;
      char *secret;

      if (!read_secret (items->data, &secret, &item_locked, cancellable, error))
        return FALSE;
      *locked |= item_locked;
      /* Without an id: see above. */
      if (id != NULL && (secret != NULL || item_locked))
        g_hash_table_insert (secrets, g_strdup (id), g_steal_pointer (&secret));
      vmp_secret_free (secret);
    }

  return TRUE;
}

GHashTable *
vmp_keyring_desktop_load (const char   *kind,
                          gboolean     *locked,
                          GCancellable *cancellable,
                          GError      **error)
{
  g_auto (Session) session = { NULL };
  g_autoptr (GHashTable) secrets = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, vmp_secret_free);
  GList *items;
  gboolean ok;

  if (!session_open (&session, cancellable, error) ||
      !session_search (&session, kind, NULL, SECRET_SEARCH_LOAD_SECRETS, &items, cancellable, error))
    return NULL;

  items = g_list_sort (items, compare_items);
  *locked = session_is_locked (&session);
  ok = take_items (items, secrets, locked, cancellable, error);
  free_items (items);

  return ok ? g_steal_pointer (&secrets) : NULL;
}

/* -- Storing ------------------------------------------------------------------------------- */

static gboolean
session_remove (Session      *self,
                const char   *kind,
                const char   *id,
                GCancellable *cancellable,
                GError      **error)
{
  g_autoptr (GHashTable) attributes = make_attributes (kind, id);
  gboolean found;
  gboolean locked;
  GError *cause = NULL;
  GList *items;

  if (!session_search (self, kind, id, SECRET_SEARCH_NONE, &items, cancellable, error))
    return FALSE;
  found = items != NULL;
  locked = any_locked (items);
  free_items (items);

  if (locked)
    {
      fail_locked (error, "remove");
      return FALSE;
    }
  if (!found)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "There is no such secret.");
      return FALSE;
    }

  if (secret_service_clear_sync (self->service, &schema, attributes, cancellable, &cause))
    return TRUE;
  if (cause == NULL || is_locked_error (cause))
    fail_locked (error, "remove"); /* since we looked */
  else
    fail_because (error, "does not remove the token", g_steal_pointer (&cause));
  g_clear_error (&cause);

  return FALSE;
}

static gboolean
session_keep (Session      *self,
              const char   *kind,
              const char   *id,
              const char   *label,
              const char   *secret,
              GCancellable *cancellable,
              GError      **error)
{
  g_autoptr (GHashTable) attributes = make_attributes (kind, id);
  g_autoptr (SecretValue) value = NULL;
  GError *cause = NULL;

  /* libsecret would ask the owner to unlock it, at a time when nobody may be there. */
  if (session_is_locked (self))
    {
      fail_locked (error, "set");
      return FALSE;
    }

  value = secret_value_new (secret, -1, "text/plain");
  if (secret_service_store_sync (self->service, &schema, attributes, SECRET_COLLECTION_DEFAULT, label, value,
                                 cancellable, &cause))
    return TRUE;

  if (is_locked_error (cause))
    {
      fail_locked (error, "set");
      g_error_free (cause);
    }
  else if (self->collection == NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED,
                           "The desktop has no keyring yet, and none was made. Make one in its program for passwords, "
                           "or let tokens be kept in a file (token_storage = file).");
      g_clear_error (&cause);
    }
  else if (cause != NULL)
    {
      fail_because (error, "does not keep the token", cause);
    }
  else
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_FAILED, "The desktop's keyring does not keep the token.");
    }

  return FALSE;
}

gboolean
vmp_keyring_desktop_store (const char   *kind,
                           const char   *id,
                           const char   *label,
                           const char   *secret,
                           gboolean     *locked,
                           GCancellable *cancellable,
                           GError      **error)
{
  g_auto (Session) session = { NULL };

  *locked = FALSE;
  if (!session_open (&session, cancellable, error))
    return FALSE;
  *locked = session_is_locked (&session);
  if (secret == NULL)
    return session_remove (&session, kind, id, cancellable, error);

  return session_keep (&session, kind, id, label, secret, cancellable, error);
}

/* -- Unlocking ----------------------------------------------------------------------------- */

static gboolean
is_in_collection (SecretItem       *item,
                  SecretCollection *collection)
{
  const char *path = g_dbus_proxy_get_object_path (G_DBUS_PROXY (item));
  const char *folder;

  if (collection == NULL)
    return FALSE;
  folder = g_dbus_proxy_get_object_path (G_DBUS_PROXY (collection));

  return g_str_has_prefix (path, folder) && path[strlen (folder)] == '/';
}

/* The keyring for new secrets, and what of ours is in others. */
static gboolean
find_locked (Session      *self,
             GList       **locked,
             GCancellable *cancellable,
             GError      **error)
{
  GList *items;
  GList *l;

  *locked = NULL;
  if (!session_search (self, NULL, NULL, SECRET_SEARCH_NONE, &items, cancellable, error))
    return FALSE;

  if (session_is_locked (self))
    *locked = g_list_prepend (*locked, g_object_ref (self->collection));
  for (l = items; l != NULL; l = l->next)
    {
      if (secret_item_get_locked (l->data) && !is_in_collection (l->data, self->collection))
        *locked = g_list_prepend (*locked, g_object_ref (l->data));
    }
  free_items (items);

  return TRUE;
}

gboolean
vmp_keyring_desktop_unlock (GCancellable *cancellable,
                            GError      **error)
{
  g_auto (Session) session = { NULL };
  GError *cause = NULL;
  GList *locked;
  int wanted;
  int unlocked;

  if (!session_open (&session, cancellable, error) || !find_locked (&session, &locked, cancellable, error))
    return FALSE;
  if (locked == NULL)
    return TRUE;

  wanted = g_list_length (locked);
  unlocked = secret_service_unlock_sync (session.service, locked, cancellable, NULL, &cause);
  free_items (locked);
  if (cause != NULL)
    {
      fail_because (error, "cannot be unlocked", cause);
      return FALSE;
    }
  if (unlocked < wanted)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                           "The desktop's keyring was not unlocked.");
      return FALSE;
    }

  return TRUE;
}
