/* SPDX-License-Identifier: MIT
 *
 * What the three files of VmpDnssd over Avahi share: the daemon as it is seen over the system bus
 * (vmp-dnssd-avahi.c), the services that are watched (-watch.c) and the one that is announced (-announce.c).
 * Avahi's own library is not used, since each of its calls waits for the daemon's answer.
 */

#pragma once

#include "platform/vmp-dnssd.h"

G_BEGIN_DECLS

/* An object in the daemon that works for us, and that sends signals. */
typedef struct _VmpAvahiObject VmpAvahiObject;
typedef struct _VmpAvahiDaemon VmpAvahiDaemon;
typedef struct _VmpAvahiAnnouncement VmpAvahiAnnouncement;

typedef struct {
  const char *interface; /* its D-Bus interface */
  /* It is there, or could not be made. (nullable): for one that is always there */
  void (*ready) (gpointer      owner,
                 const GError *error);
  void (*signal) (gpointer    owner,
                  const char *name,
                  GVariant   *parameters);
} VmpAvahiObjectFuncs;

struct _VmpDnssd {
  GMainContext *context;
  VmpDnssdEvents events;
  gpointer user_data;
  VmpDnssdState state;
  gboolean trouble_was_said;

  GCancellable *connecting; /* to the bus; NULL when not under way */
  GDBusConnection *bus;     /* NULL: not connected */
  guint name_watch;
  GSource *retry;           /* waits to connect anew; NULL: not waiting */
  guint retry_s;

  VmpAvahiDaemon *daemon;   /* NULL: it does not run */
  guint signals;
  GHashTable *objects;      /* path -> VmpAvahiObject */

  char **types;             /* what is to be watched; NULL: nothing */
  GPtrArray *browsers;      /* of Browser, one for each type, while the daemon runs */
  GHashTable *services;     /* key -> Service */
  gboolean excess_was_said;

  VmpAvahiAnnouncement *announcement; /* NULL: nothing is to be announced */
};

/* Calls @method (static) of the server, which returns the path of the new object. @parameters: floating or NULL.
 * (transfer full): until vmp_avahi_object_drop() */
VmpAvahiObject *vmp_avahi_object_new (VmpDnssd                  *dnssd,
                                      const VmpAvahiObjectFuncs *funcs,
                                      gpointer                   owner,
                                      const char                *method,
                                      GVariant                  *parameters);
/* The server itself, which is always there. (transfer full) */
VmpAvahiObject *vmp_avahi_object_new_server (VmpDnssd                  *dnssd,
                                             const VmpAvahiObjectFuncs *funcs,
                                             gpointer                   owner);

/* Takes it away in the daemon too. No call follows. */
void vmp_avahi_object_drop (VmpAvahiObject *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmpAvahiObject, vmp_avahi_object_drop)

gboolean vmp_avahi_object_is_ready (VmpAvahiObject *self);

/* @reply: NULL with @error */
typedef void (*VmpAvahiReply) (gpointer      owner,
                               GVariant     *reply,
                               const GError *error);

/* Calls a method (static) of an object that is ready, after what was called before. @parameters: floating or NULL.
 * @reply: (nullable): not called once the object is dropped */
void vmp_avahi_object_call (VmpAvahiObject *self,
                            const char     *method,
                            GVariant       *parameters,
                            VmpAvahiReply   reply);

/* What the daemon itself complains of. (transfer full) (nullable): NULL when the bus does, on which it has just died */
char *vmp_avahi_dup_complaint (const GError *error);

/* The daemon is there: watch what is to be watched. Called again when the types have changed. */
void vmp_avahi_watch_begin (VmpDnssd *dnssd);
/* The daemon has gone, or nothing is to be watched. */
void vmp_avahi_watch_end (VmpDnssd *dnssd);

/* (transfer full) */
VmpAvahiAnnouncement *vmp_avahi_announcement_new (VmpDnssd           *dnssd,
                                                  const char         *name,
                                                  const char         *type,
                                                  guint16             port,
                                                  const char * const *txt);
void vmp_avahi_announcement_free (VmpAvahiAnnouncement *self);
void vmp_avahi_announcement_begin (VmpAvahiAnnouncement *self);
void vmp_avahi_announcement_end (VmpAvahiAnnouncement *self);

G_END_DECLS
