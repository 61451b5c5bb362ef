/* SPDX-License-Identifier: MIT
 *
 * Hears from the kernel (rtnetlink) that addresses come and go.
 */

#include "platform/vmp-interfaces.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

/* A change of network is many messages; they are reported together, this long after the first. */
#define SETTLE_MS 500

struct _VmpInterfacesWatch {
  VmpPoll *poll;
  VmpWatch watch;
  VmpTimer settle;
  int fd;
  VmpInterfacesChanged changed;
  gpointer user_data;
};

static void
settle_cb (gpointer user_data)
{
  VmpInterfacesWatch *self = user_data;

  self->changed (self->user_data);
}

static void
ready_cb (VmpPollEvents events,
          gpointer      user_data)
{
  VmpInterfacesWatch *self = user_data;
  char message[8192];
  ssize_t n;

  /* What they say does not matter: the list is read anew. ENOBUFS says that some were lost, which is one more
   * reason. */
  do
    n = recv (self->fd, message, sizeof message, MSG_DONTWAIT);
  while (n > 0 || (n < 0 && (errno == EINTR || errno == ENOBUFS)));

  if (self->settle.due == 0)
    vmp_poll_set_timer (self->poll, &self->settle, g_get_monotonic_time () + SETTLE_MS * 1000, settle_cb, self);
}

VmpInterfacesWatch *
vmp_interfaces_watch_new (VmpPoll             *poll,
                          VmpInterfacesChanged changed,
                          gpointer             user_data)
{
  const struct sockaddr_nl address = {
    .nl_family = AF_NETLINK,
    .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
  };
  int fd = socket (AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);
  VmpInterfacesWatch *self;

  if (fd < 0)
    return NULL;
  if (bind (fd, (const struct sockaddr *) &address, sizeof address) < 0)
    {
      close (fd);
      return NULL;
    }

  self = g_new0 (VmpInterfacesWatch, 1);
  self->poll = poll;
  self->fd = fd;
  self->changed = changed;
  self->user_data = user_data;
  vmp_poll_watch (poll, &self->watch, fd, VMP_POLL_IN, ready_cb, self);

  return self;
}

void
vmp_interfaces_watch_free (VmpInterfacesWatch *self)
{
  vmp_poll_unwatch (self->poll, &self->watch);
  vmp_poll_clear_timer (self->poll, &self->settle);
  close (self->fd);
  g_free (self);
}
