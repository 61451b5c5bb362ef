/* SPDX-License-Identifier: MIT
 *
 * VmpPoll's backend where there is no epoll: one GLib source per socket. Slower with many streams, and
 * the same to its callers.
 */

#include "core/vmp-poll-private.h"

#include <glib-unix.h>
#include <poll.h>

/* That the other side has ended; where the system cannot say so, it is seen at the next read or write. */
#ifdef POLLRDHUP
#define OTHER_SIDE_ENDED ((GIOCondition) POLLRDHUP)
#else
#define OTHER_SIDE_ENDED ((GIOCondition) 0)
#endif

typedef struct {
  GSource base;
  VmpPoll *poll;
  VmpWatch *watch;
  gpointer tag;
} WatchSource;

static GIOCondition
to_condition (VmpPollEvents events)
{
  return ((events & VMP_POLL_IN) ? G_IO_IN : 0) | ((events & VMP_POLL_OUT) ? G_IO_OUT : 0) | OTHER_SIDE_ENDED;
}

static gboolean
watch_source_dispatch (GSource    *source,
                       GSourceFunc callback,
                       gpointer    user_data)
{
  WatchSource *self = (WatchSource *) source;
  GIOCondition condition = g_source_query_unix_fd (source, self->tag);
  VmpWatch *watch = self->watch;
  VmpPoll *poll = self->poll;
  VmpPollEvents ready = VMP_POLL_NONE;

  if (condition & G_IO_IN)
    ready |= VMP_POLL_IN;
  if (condition & G_IO_OUT)
    ready |= VMP_POLL_OUT;
  if (condition & (G_IO_ERR | G_IO_HUP | G_IO_NVAL | OTHER_SIDE_ENDED))
    ready |= watch->events | VMP_POLL_IN;
  if (ready != VMP_POLL_NONE)
    watch->func (ready, watch->user_data);
  vmp_poll_run_due (poll);

  return G_SOURCE_CONTINUE;
}

static GSourceFuncs watch_source_funcs = {
  .dispatch = watch_source_dispatch,
};

gboolean
vmp_poll_backend_init (VmpPoll *self)
{
  return TRUE;
}

void
vmp_poll_backend_clear (VmpPoll *self)
{
}

gboolean
vmp_poll_backend_ready (VmpPoll *self)
{
  return FALSE;
}

void
vmp_poll_backend_dispatch (VmpPoll *self)
{
}

void
vmp_poll_watch (VmpPoll      *self,
                VmpWatch     *watch,
                int           fd,
                VmpPollEvents events,
                VmpWatchFunc  func,
                gpointer      user_data)
{
  GSource *source;

  g_return_if_fail (!vmp_poll_is_watching (watch));

  watch->fd = fd;
  watch->events = events;
  watch->func = func;
  watch->user_data = user_data;

  source = g_source_new (&watch_source_funcs, sizeof (WatchSource));
  ((WatchSource *) source)->poll = self;
  ((WatchSource *) source)->watch = watch;
  ((WatchSource *) source)->tag = g_source_add_unix_fd (source, fd, to_condition (events));
  g_source_attach (source, g_source_get_context (self->source));
  watch->backend = source;
}

void
vmp_poll_change (VmpPoll      *self,
                 VmpWatch     *watch,
                 VmpPollEvents events)
{
  WatchSource *source = watch->backend;

  g_return_if_fail (vmp_poll_is_watching (watch));

  if (watch->events == events)
    return;

  watch->events = events;
  g_source_modify_unix_fd (&source->base, source->tag, to_condition (events));
}

void
vmp_poll_unwatch (VmpPoll  *self,
                  VmpWatch *watch)
{
  GSource *source = watch->backend;

  if (!vmp_poll_is_watching (watch))
    return;

  watch->func = NULL;
  watch->backend = NULL;
  g_source_destroy (source);
  g_source_unref (source);
}
