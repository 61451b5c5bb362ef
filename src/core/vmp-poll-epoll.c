/* SPDX-License-Identifier: MIT
 *
 * VmpPoll's backend for Linux: one epoll set, of which GLib sees a single descriptor.
 */

#include "core/vmp-poll-private.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Events fetched by one epoll_wait(), and how often it is called before GLib's other sources get their
 * turn. Under load the second and third call save whole turns of the main loop. */
#define BATCH 128
#define ROUNDS 4

typedef struct {
  int fd;
  gpointer tag;
  struct epoll_event batch[BATCH];
  int batch_len;
  int batch_next;
} EpollSet;

static guint32
to_epoll (VmpPollEvents events)
{
  /* Like a hang-up, that the other side has ended is always of interest. */
  return ((events & VMP_POLL_IN) ? EPOLLIN : 0u) | ((events & VMP_POLL_OUT) ? EPOLLOUT : 0u) | EPOLLRDHUP;
}

gboolean
vmp_poll_backend_init (VmpPoll *self)
{
  EpollSet *set;
  int fd = epoll_create1 (EPOLL_CLOEXEC);

  if (fd < 0)
    return FALSE;

  set = g_new0 (EpollSet, 1);
  set->fd = fd;
  set->tag = g_source_add_unix_fd (self->source, fd, G_IO_IN);
  self->backend = set;

  return TRUE;
}

void
vmp_poll_backend_clear (VmpPoll *self)
{
  EpollSet *set = self->backend;

  close (set->fd);
  g_free (set);
}

gboolean
vmp_poll_backend_ready (VmpPoll *self)
{
  EpollSet *set = self->backend;

  return g_source_query_unix_fd (self->source, set->tag) != 0;
}

void
vmp_poll_backend_dispatch (VmpPoll *self)
{
  EpollSet *set = self->backend;
  int round;

  for (round = 0; round < ROUNDS; round++)
    {
      int n = epoll_wait (set->fd, set->batch, BATCH, 0);

      if (n <= 0)
        break;

      set->batch_len = n;
      for (set->batch_next = 0; set->batch_next < set->batch_len; )
        {
          const struct epoll_event *event = &set->batch[set->batch_next++];
          VmpWatch *watch = event->data.ptr;
          VmpPollEvents ready = VMP_POLL_NONE;

          if (watch == NULL) /* unwatched by an earlier event of this batch */
            continue;

          if (event->events & EPOLLIN)
            ready |= VMP_POLL_IN;
          if (event->events & EPOLLOUT)
            ready |= VMP_POLL_OUT;
          if (event->events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP))
            ready |= watch->events | VMP_POLL_IN;
          watch->func (ready, watch->user_data);
        }
      set->batch_len = 0;

      vmp_poll_run_due (self);
    }
}

void
vmp_poll_watch (VmpPoll      *self,
                VmpWatch     *watch,
                int           fd,
                VmpPollEvents events,
                VmpWatchFunc  func,
                gpointer      user_data)
{
  EpollSet *set = self->backend;
  struct epoll_event event = { .events = to_epoll (events), .data.ptr = watch };

  g_return_if_fail (!vmp_poll_is_watching (watch));

  watch->fd = fd;
  watch->events = events;
  watch->func = func;
  watch->user_data = user_data;
  if (epoll_ctl (set->fd, EPOLL_CTL_ADD, fd, &event) < 0)
    g_critical ("Cannot watch socket %d: %s", fd, g_strerror (errno));
}

void
vmp_poll_change (VmpPoll      *self,
                 VmpWatch     *watch,
                 VmpPollEvents events)
{
  EpollSet *set = self->backend;
  struct epoll_event event = { .events = to_epoll (events), .data.ptr = watch };

  g_return_if_fail (vmp_poll_is_watching (watch));

  if (watch->events == events)
    return;

  watch->events = events;
  if (epoll_ctl (set->fd, EPOLL_CTL_MOD, watch->fd, &event) < 0)
    g_critical ("Cannot watch socket %d: %s", watch->fd, g_strerror (errno));
}

void
vmp_poll_unwatch (VmpPoll  *self,
                  VmpWatch *watch)
{
  EpollSet *set = self->backend;
  int i;

  if (!vmp_poll_is_watching (watch))
    return;

  epoll_ctl (set->fd, EPOLL_CTL_DEL, watch->fd, NULL);
  watch->func = NULL;

  for (i = set->batch_next; i < set->batch_len; i++)
    {
      if (set->batch[i].data.ptr == watch)
        set->batch[i].data.ptr = NULL;
    }
}
