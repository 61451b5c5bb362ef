/* SPDX-License-Identifier: MIT
 *
 * The one service that VmpDnssd announces through Avahi. It is announced while the computer's own host name is settled
 * on the LAN, anew whenever the daemon comes back, and under another name when its own is taken.
 */

#include "platform/linux/vmp-dnssd-avahi-private.h"

#include <string.h>

#define ANY (-1)

/* Bytes of a service's name: one label of DNS. */
#define NAME_MAX_BYTES 63

/* Names that are tried. More are never taken but by somebody who wants them all. */
#define MOST_NAMES 16

/* AvahiServerState, AvahiEntryGroupState */
#define SERVER_RUNNING 2
#define GROUP_ESTABLISHED 2
#define GROUP_COLLISION 3
#define GROUP_FAILURE 4

struct _VmpAvahiAnnouncement {
  VmpDnssd *dnssd;
  char *name;             /* that was asked for */
  char *type;
  guint16 port;
  char **txt;

  VmpAvahiObject *server; /* NULL while the daemon is not there */
  VmpAvahiObject *group;  /* NULL: nothing is announced */
  gboolean settled;       /* the computer's host name is */
  gboolean added;         /* the group has our service */
  guint n_names;          /* that were tried */
};

static void publish (VmpAvahiAnnouncement *self);

/* "Name", "Name #2", …, cut off between two characters where it is too long. (transfer full) */
static char *
make_name (VmpAvahiAnnouncement *self)
{
  g_autofree char *suffix = self->n_names > 0 ? g_strdup_printf (" #%u", self->n_names + 1) : g_strdup ("");
  gsize len = MIN (strlen (self->name), NAME_MAX_BYTES - strlen (suffix));

  while (((guchar) self->name[len] & 0xc0) == 0x80)
    len--;

  return g_strdup_printf ("%.*s%s", (int) len, self->name, suffix);
}

static void
try_next_name (VmpAvahiAnnouncement *self)
{
  self->added = FALSE;
  if (++self->n_names >= MOST_NAMES)
    {
      g_message ("This Vampire is not announced on the network, since the name %s and %u like it are taken there",
                 self->name, MOST_NAMES - 1);
      return;
    }

  vmp_avahi_object_call (self->group, "Reset", NULL, NULL);
  publish (self);
}

static void
complain (const GError *error)
{
  g_autofree char *complaint = vmp_avahi_dup_complaint (error);

  if (complaint != NULL)
    g_message ("This Vampire cannot be announced on the network: %s", complaint);
}

static void
added_cb (gpointer      owner,
          GVariant     *reply,
          const GError *error)
{
  VmpAvahiAnnouncement *self = owner;
  g_autofree char *name = NULL;

  if (error == NULL || !self->added)
    return;

  name = g_dbus_error_get_remote_error (error);
  if (g_strcmp0 (name, "org.freedesktop.Avahi.CollisionError") == 0) /* with another one of this computer */
    try_next_name (self);
  else
    complain (error);
}

static void
publish (VmpAvahiAnnouncement *self)
{
  g_autofree char *name = NULL;
  GVariantBuilder txt;

  if (!self->settled || self->added || self->n_names >= MOST_NAMES || !vmp_avahi_object_is_ready (self->group))
    return;

  g_variant_builder_init (&txt, G_VARIANT_TYPE ("aay"));
  for (gsize i = 0; self->txt != NULL && self->txt[i] != NULL; i++)
    g_variant_builder_add_value (&txt, g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, self->txt[i],
                                                                  strlen (self->txt[i]), 1));

  self->added = TRUE;
  name = make_name (self);
  vmp_avahi_object_call (self->group, "AddService",
                         g_variant_new ("(iiussssqaay)", ANY, ANY, 0u, name, self->type, "", "", self->port, &txt),
                         added_cb);
  vmp_avahi_object_call (self->group, "Commit", NULL, NULL);
}

static void
group_ready (gpointer      owner,
             const GError *error)
{
  if (error == NULL)
    publish (owner);
  else
    complain (error);
}

static void
group_signal (gpointer    owner,
              const char *name,
              GVariant   *parameters)
{
  VmpAvahiAnnouncement *self = owner;
  const char *reason;
  int state;

  if (!g_str_equal (name, "StateChanged") || !g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(is)")))
    return;

  g_variant_get (parameters, "(i&s)", &state, &reason);
  if (state == GROUP_COLLISION && self->added)
    {
      try_next_name (self);
    }
  else if (state == GROUP_ESTABLISHED)
    {
      g_autofree char *used = make_name (self);

      g_info ("This Vampire is announced on the network as %s", used);
    }
  else if (state == GROUP_FAILURE)
    {
      g_message ("This Vampire is not announced on the network any more: %s", reason);
    }
}

static const VmpAvahiObjectFuncs group_funcs = {
  .interface = "org.freedesktop.Avahi.EntryGroup",
  .ready = group_ready,
  .signal = group_signal,
};

static void
take_server_state (VmpAvahiAnnouncement *self,
                   int                   state)
{
  self->settled = state == SERVER_RUNNING;
  if (self->settled && self->group == NULL)
    {
      self->group = vmp_avahi_object_new (self->dnssd, &group_funcs, self, "EntryGroupNew", NULL);
    }
  else if (self->settled)
    {
      publish (self);
    }
  else if (self->added)
    {
      /* The service was added for the host name as it was. */
      self->added = FALSE;
      vmp_avahi_object_call (self->group, "Reset", NULL, NULL);
    }
}

static void
server_state_cb (gpointer      owner,
                 GVariant     *reply,
                 const GError *error)
{
  int state;

  if (reply == NULL || !g_variant_is_of_type (reply, G_VARIANT_TYPE ("(i)")))
    return;

  g_variant_get (reply, "(i)", &state);
  take_server_state (owner, state);
}

static void
server_signal (gpointer    owner,
               const char *name,
               GVariant   *parameters)
{
  int state;

  if (!g_str_equal (name, "StateChanged") || !g_variant_is_of_type (parameters, G_VARIANT_TYPE ("(is)")))
    return;

  g_variant_get (parameters, "(is)", &state, NULL);
  take_server_state (owner, state);
}

static const VmpAvahiObjectFuncs server_funcs = {
  .interface = "org.freedesktop.Avahi.Server",
  .signal = server_signal,
};

VmpAvahiAnnouncement *
vmp_avahi_announcement_new (VmpDnssd           *dnssd,
                            const char         *name,
                            const char         *type,
                            guint16             port,
                            const char * const *txt)
{
  VmpAvahiAnnouncement *self = g_new0 (VmpAvahiAnnouncement, 1);

  self->dnssd = dnssd;
  self->name = g_utf8_make_valid (name, -1);
  self->type = g_strdup (type);
  self->port = port;
  self->txt = g_strdupv ((char **) txt);

  return self;
}

void
vmp_avahi_announcement_begin (VmpAvahiAnnouncement *self)
{
  self->server = vmp_avahi_object_new_server (self->dnssd, &server_funcs, self);
  vmp_avahi_object_call (self->server, "GetState", NULL, server_state_cb);
}

void
vmp_avahi_announcement_end (VmpAvahiAnnouncement *self)
{
  g_clear_pointer (&self->group, vmp_avahi_object_drop);
  g_clear_pointer (&self->server, vmp_avahi_object_drop);
  self->settled = FALSE;
  self->added = FALSE;
  self->n_names = 0;
}

void
vmp_avahi_announcement_free (VmpAvahiAnnouncement *self)
{
  vmp_avahi_announcement_end (self);
  g_strfreev (self->txt);
  g_free (self->type);
  g_free (self->name);
  g_free (self);
}
