/* SPDX-License-Identifier: MIT
 *
 * The multi handle, its sockets and its timer on the gateway context. libcurl says which sockets it wants
 * watched; they stay in the poll set while they are pooled, since leaving and joining it with every request
 * costs two system calls.
 */

#include "upstream/vmp-upstream-private.h"

#include "core/vmp-limits.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* Transfers kept for their next use: their handles hold about 6 KB each. */
#define SPARE_TRANSFERS 64

typedef enum {
  POOLED, /* no transfer has it */
  WANTED, /* libcurl waits for something on it */
  PAUSED  /* its transfer is paused */
} SocketUse;

typedef struct {
  VmpUpstream *upstream;
  VmpWatch watch;
  int fd;
  gboolean is_connection;  /* made by vmp_upstream_open_socket(); the others are the resolver's pipes */
  gboolean is_established; /* a request was sent on it, so vmp_upstream_close_socket() will tell of its end. libcurl
                            * 7.88 closes connections that are still being made behind our back */
  SocketUse use;
  VmpTransfer *holder;     /* of PAUSED */
} NodeSocket;

static NodeSocket *
get_socket (VmpUpstream *self,
            int          fd)
{
  return fd >= 0 && (guint) fd < self->sockets->len ? g_ptr_array_index (self->sockets, fd) : NULL;
}

static NodeSocket *
add_socket (VmpUpstream *self,
            int          fd,
            gboolean     is_connection)
{
  NodeSocket *node_socket = g_new0 (NodeSocket, 1);

  if ((guint) fd >= self->sockets->len)
    g_ptr_array_set_size (self->sockets, fd + 1);
  node_socket->upstream = self;
  node_socket->fd = fd;
  node_socket->is_connection = is_connection;
  g_ptr_array_index (self->sockets, fd) = node_socket;

  return node_socket;
}

static void
remove_socket (VmpUpstream *self,
               NodeSocket  *node_socket)
{
  vmp_poll_unwatch (self->poll, &node_socket->watch);
  g_ptr_array_index (self->sockets, node_socket->fd) = NULL;
  g_free (node_socket);
}

static VmpTransfer *
transfer_of (CURL *easy)
{
  char *transfer = NULL;

  curl_easy_getinfo (easy, CURLINFO_PRIVATE, &transfer);

  return (VmpTransfer *) (gpointer) transfer;
}

/* Does what could not be done inside libcurl's callbacks, and reports finished transfers. */
static void
after_curl (VmpUpstream *self)
{
  VmpTransfer *starting;
  VmpTransfer *cancelled;
  CURLMsg *message;
  int left;

  while ((starting = g_queue_pop_head (&self->starting)) != NULL)
    curl_multi_add_handle (self->multi, starting->easy);

  while ((cancelled = g_queue_pop_head (&self->cancelled)) != NULL)
    vmp_transfer_finish (cancelled, CURLE_ABORTED_BY_CALLBACK);

  while ((message = curl_multi_info_read (self->multi, &left)) != NULL)
    {
      if (message->msg == CURLMSG_DONE)
        vmp_transfer_finish (transfer_of (message->easy_handle), message->data.result);
    }
}

static void
run_curl (VmpUpstream  *self,
          curl_socket_t fd,
          int           ready)
{
  int running;

  self->turn++;
  self->inside_curl = TRUE;
  curl_multi_socket_action (self->multi, fd, ready, &running);
  self->inside_curl = FALSE;

  after_curl (self);
}

static void
kick_cb (gpointer user_data)
{
  run_curl (user_data, CURL_SOCKET_TIMEOUT, 0);
}

/* A pooled connection on which something happens is closed by its node, or carries bytes nobody asked for, which the
 * next request would take for its answer. Without its bytes and shut down, libcurl finds it dead when it looks for one
 * to reuse. */
static void
spoil (NodeSocket *node_socket)
{
  char bytes[4096];

  shutdown (node_socket->fd, SHUT_RDWR);
  while (recv (node_socket->fd, bytes, sizeof bytes, MSG_DONTWAIT) > 0)
    ;
}

static void
socket_ready_cb (VmpPollEvents events,
                 gpointer      user_data)
{
  NodeSocket *node_socket = user_data;
  VmpUpstream *self = node_socket->upstream;
  int ready = 0;

  if (node_socket->use != WANTED)
    {
      if (node_socket->use == POOLED)
        spoil (node_socket);
      vmp_poll_unwatch (self->poll, &node_socket->watch);
      return;
    }

  if (events & VMP_POLL_IN)
    ready |= CURL_CSELECT_IN;
  if (events & VMP_POLL_OUT)
    ready |= CURL_CSELECT_OUT;
  run_curl (self, node_socket->fd, ready);
}

static void
hold (NodeSocket  *node_socket,
      VmpTransfer *transfer)
{
  node_socket->use = PAUSED;
  node_socket->holder = transfer;
  transfer->held = node_socket->fd;
}

/* The transfer has ended. */
static void
let_go (VmpUpstream *self,
        VmpTransfer *transfer)
{
  NodeSocket *node_socket = get_socket (self, transfer->held);

  transfer->held = -1;
  if (node_socket == NULL || node_socket->holder != transfer)
    return;

  node_socket->holder = NULL;
  node_socket->use = POOLED;
  if (!vmp_poll_is_watching (&node_socket->watch))
    vmp_poll_watch (self->poll, &node_socket->watch, node_socket->fd, VMP_POLL_IN, socket_ready_cb, node_socket);
}

static gboolean
is_connection_of (int                fd,
                  const VmpTransfer *transfer)
{
  union {
    struct sockaddr any;
    struct sockaddr_in inet;
    struct sockaddr_in6 inet6;
  } local, peer;
  socklen_t local_len = sizeof local;
  socklen_t peer_len = sizeof peer;
  VmpAddress address;
  guint port;

  if (getsockname (fd, &local.any, &local_len) != 0 || getpeername (fd, &peer.any, &peer_len) != 0
      || !vmp_address_from_sockaddr (&peer.any, peer_len, &address))
    return FALSE;

  port = g_ntohs (local.any.sa_family == AF_INET6 ? local.inet6.sin6_port : local.inet.sin_port);

  return port == (guint) transfer->local_port && vmp_address_equal (&address, &transfer->address);
}

/* libcurl may reuse a connection, send, receive and pause in one call, and then never says that a transfer has it. */
void
vmp_upstream_hold (VmpUpstream *self,
                   VmpTransfer *transfer)
{
  for (guint i = 0; i < self->sockets->len && transfer->held < 0; i++)
    {
      NodeSocket *node_socket = g_ptr_array_index (self->sockets, i);

      if (node_socket != NULL && node_socket->is_connection && node_socket->use != WANTED
          && is_connection_of (node_socket->fd, transfer))
        hold (node_socket, transfer);
    }
}

static int
socket_cb (CURL         *easy,
           curl_socket_t fd,
           int           what,
           void         *user_data,
           void         *socket_data)
{
  VmpUpstream *self = user_data;
  VmpTransfer *transfer = transfer_of (easy);
  NodeSocket *node_socket = get_socket (self, fd);
  VmpPollEvents events = VMP_POLL_NONE;

  if (transfer != NULL)
    transfer->waits = what != CURL_POLL_REMOVE;

  if (what == CURL_POLL_REMOVE)
    {
      if (node_socket != NULL && !node_socket->is_established)
        remove_socket (self, node_socket);
      else if (node_socket != NULL && transfer->paused)
        hold (node_socket, transfer);
      else if (node_socket != NULL)
        node_socket->use = POOLED;
      return 0;
    }

  if (what & CURL_POLL_IN)
    events |= VMP_POLL_IN;
  if (what & CURL_POLL_OUT)
    events |= VMP_POLL_OUT;

  if (node_socket == NULL)
    node_socket = add_socket (self, fd, FALSE);
  node_socket->use = WANTED;
  node_socket->holder = NULL;
  if (node_socket->is_connection && transfer->sends > 0 && (events & VMP_POLL_IN))
    node_socket->is_established = TRUE;

  if (vmp_poll_is_watching (&node_socket->watch))
    vmp_poll_change (self->poll, &node_socket->watch, events);
  else
    vmp_poll_watch (self->poll, &node_socket->watch, fd, events, socket_ready_cb, node_socket);

  return 0;
}

/* Where the rules on addresses are kept: what is judged here is what libcurl connects to, however often a name changes
 * its answer. Without a socket it goes on to the name's next address. */
curl_socket_t
vmp_upstream_open_socket (gpointer              transfer,
                          curlsocktype          purpose,
                          struct curl_sockaddr *sockaddr)
{
  VmpUpstream *self = ((VmpTransfer *) transfer)->upstream;
  VmpPollEvents events = VMP_POLL_NONE;
  VmpAddress address;
  NodeSocket *node_socket;
  int fd;

  if (!vmp_address_from_sockaddr (&sockaddr->addr, sockaddr->addrlen, &address)
      || !vmp_transfer_may_connect (transfer, &address))
    return CURL_SOCKET_BAD;

  fd = socket (sockaddr->family, sockaddr->socktype | SOCK_CLOEXEC, sockaddr->protocol);
  if (fd < 0)
    return CURL_SOCKET_BAD;

  /* One that libcurl has closed without a word. It believes the descriptor to be watched still, if it did so before. */
  node_socket = get_socket (self, fd);
  if (node_socket != NULL)
    {
      events = node_socket->use == WANTED ? node_socket->watch.events : VMP_POLL_NONE;
      remove_socket (self, node_socket);
    }

  node_socket = add_socket (self, fd, TRUE);
  if (events != VMP_POLL_NONE)
    {
      node_socket->use = WANTED;
      vmp_poll_watch (self->poll, &node_socket->watch, fd, events, socket_ready_cb, node_socket);
    }

  return fd;
}

int
vmp_upstream_close_socket (gpointer      upstream,
                           curl_socket_t fd)
{
  VmpUpstream *self = upstream;
  NodeSocket *node_socket = get_socket (self, fd);

  if (node_socket != NULL)
    remove_socket (self, node_socket);

  return close (fd);
}

static int
timer_cb (CURLM *multi,
          long   timeout_ms,
          void  *user_data)
{
  VmpUpstream *self = user_data;

  /* libcurl must not be called from here; the kick comes as soon as the events at hand are done. */
  if (timeout_ms < 0)
    vmp_poll_clear_timer (self->poll, &self->timer);
  else if (timeout_ms == 0)
    vmp_poll_defer (self->poll, &self->kick, kick_cb, self);
  else
    vmp_poll_set_timer (self->poll, &self->timer, g_get_monotonic_time () + timeout_ms * 1000, kick_cb, self);

  return 0;
}

VmpUpstream *
vmp_upstream_new (VmpPoll *poll)
{
  static gsize once = 0;
  VmpUpstream *self = g_new0 (VmpUpstream, 1);

  if (g_once_init_enter (&once))
    {
      curl_global_init (CURL_GLOBAL_DEFAULT);
      g_once_init_leave (&once, 1);
    }

  self->poll = poll;
  self->sockets = g_ptr_array_new ();
  g_queue_init (&self->spare);
  g_queue_init (&self->starting);
  g_queue_init (&self->cancelled);
  g_queue_init (&self->yielding);
  self->multi = curl_multi_init ();
  curl_multi_setopt (self->multi, CURLMOPT_SOCKETFUNCTION, socket_cb);
  curl_multi_setopt (self->multi, CURLMOPT_SOCKETDATA, self);
  curl_multi_setopt (self->multi, CURLMOPT_TIMERFUNCTION, timer_cb);
  curl_multi_setopt (self->multi, CURLMOPT_TIMERDATA, self);
  curl_multi_setopt (self->multi, CURLMOPT_MAXCONNECTS, (long) VMP_LIMIT_UPSTREAM_POOL);
  curl_multi_setopt (self->multi, CURLMOPT_PIPELINING, (long) CURLPIPE_NOTHING);

  return self;
}

void
vmp_upstream_free (VmpUpstream *self)
{
  VmpTransfer *transfer;

  g_return_if_fail (self != NULL);
  g_return_if_fail (self->running == 0);

  while ((transfer = g_queue_pop_head (&self->spare)) != NULL)
    vmp_transfer_free (transfer);
  curl_multi_cleanup (self->multi);
  vmp_poll_clear_timer (self->poll, &self->timer);
  vmp_poll_clear_timer (self->poll, &self->next_turn);
  vmp_poll_cancel_deferred (self->poll, &self->kick);
  g_ptr_array_unref (self->sockets);
  g_free (self);
}

VmpTransfer *
vmp_upstream_start (VmpUpstream              *self,
                    const VmpTransferRequest *request,
                    const VmpTransferEvents  *events,
                    gpointer                  user_data)
{
  VmpTransfer *transfer = g_queue_pop_tail (&self->spare);

  if (transfer == NULL)
    transfer = vmp_transfer_new (self);
  transfer->events = events;
  transfer->user_data = user_data;
  vmp_transfer_prepare (transfer, request);
  self->running++;
  if (self->inside_curl)
    g_queue_push_tail (&self->starting, transfer);
  else
    curl_multi_add_handle (self->multi, transfer->easy);

  return transfer;
}

static void
stop_yielding (VmpTransfer *transfer)
{
  if (transfer->yielding_link.data == NULL)
    return;

  transfer->yielding_link.data = NULL;
  g_queue_unlink (&transfer->upstream->yielding, &transfer->yielding_link);
}

/* Takes a transfer out of libcurl's hands. */
static void
release (VmpUpstream *self,
         VmpTransfer *transfer)
{
  stop_yielding (transfer);
  curl_multi_remove_handle (self->multi, transfer->easy);
  let_go (self, transfer);
  self->running--;
  transfer->events = NULL;
}

/* Keeps one that was released for its next use.
 *
 * libcurl counts over the whole life of a handle how often it has replaced a kept connection that died, and gives up at
 * the sixth. So one that may have counted is not used again. */
static void
recycle (VmpUpstream *self,
         VmpTransfer *transfer)
{
  gboolean has_counted = !transfer->head_seen || transfer->sends != 1;

  if (!has_counted && self->spare.length < SPARE_TRANSFERS)
    g_queue_push_tail (&self->spare, transfer);
  else
    vmp_transfer_free (transfer);
}

static VmpTransferEnd
how_it_ended (VmpTransfer *transfer,
              CURLcode     code)
{
  if (transfer->too_long)
    return VMP_TRANSFER_TOO_LONG;

  switch (code)
    {
    case CURLE_OK:
      return transfer->head_seen ? VMP_TRANSFER_DONE : VMP_TRANSFER_NO_ANSWER;

    case CURLE_COULDNT_RESOLVE_HOST:
      return VMP_TRANSFER_NO_CONNECTION;

    case CURLE_COULDNT_CONNECT:
      /* One address that might have answered outweighs all that may not be asked. */
      return transfer->tried || transfer->refusal == VMP_TRANSFER_DONE ? VMP_TRANSFER_NO_CONNECTION
                                                                       : transfer->refusal;

    case CURLE_ABORTED_BY_CALLBACK:
      return transfer->tried || transfer->refusal == VMP_TRANSFER_DONE ? VMP_TRANSFER_NO_ANSWER : transfer->refusal;

    case CURLE_OPERATION_TIMEDOUT: /* its own time is up, or that of connecting */
      if (transfer->deadline != 0 && (transfer->sends > 0 || transfer->timeout_ms <= VMP_LIMIT_CONNECT_MS))
        return VMP_TRANSFER_TIMED_OUT;
      return transfer->head_seen ? VMP_TRANSFER_BROKEN : VMP_TRANSFER_NO_CONNECTION;

    case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
      return VMP_TRANSFER_KEY_CHANGED;

    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE: /* this computer has no list of authorities */
    case CURLE_SSL_ISSUER_ERROR:
      return VMP_TRANSFER_KEY_UNKNOWN;

    default:
      return transfer->head_seen ? VMP_TRANSFER_BROKEN : VMP_TRANSFER_NO_ANSWER;
    }
}

/* Why, in words for people; libcurl's own name ports and milliseconds. (transfer full) */
static char *
why_it_ended (VmpTransfer   *transfer,
              VmpTransferEnd end,
              CURLcode       code)
{
  char address[INET6_ADDRSTRLEN];
  long os_error = 0;

  if (transfer->fault != NULL)
    return g_strdup_printf ("its answer %s", transfer->fault);

  switch (end)
    {
    case VMP_TRANSFER_NOT_ALLOWED:
      if (vmp_address_get_scope (&transfer->refused) == VMP_SCOPE_PUBLIC)
        return g_strdup ("its address is on the public Internet, and the setting allow_public_nodes is off");
      return g_strdup ("its address is none that a computer of yours can have");

    case VMP_TRANSFER_MOVED:
      vmp_address_print (&transfer->refused, address);
      return g_strdup_printf ("it is at %s now, which is not the address that was approved", address);

    case VMP_TRANSFER_KEY_CHANGED:
      return g_strdup ("another key than the one that was approved answers there");

    case VMP_TRANSFER_KEY_UNKNOWN:
      return g_strdup ("no authority that this computer trusts has signed its key");

    case VMP_TRANSFER_TIMED_OUT:
      return g_strdup_printf ("no answer within %g seconds", transfer->timeout_ms / 1000.0);

    case VMP_TRANSFER_TOO_LONG:
      return g_strdup_printf ("its answer is longer than %" G_GUINT64_FORMAT " KB", transfer->max_body_bytes / 1024);

    case VMP_TRANSFER_DONE:
    case VMP_TRANSFER_NO_CONNECTION:
    case VMP_TRANSFER_NO_ANSWER:
    case VMP_TRANSFER_BROKEN:
    default:
      break;
    }

  switch (code)
    {
    case CURLE_COULDNT_RESOLVE_HOST:
      return g_strdup ("no computer of that name is known");

    case CURLE_OPERATION_TIMEDOUT:
      return g_strdup_printf ("no answer within %d seconds", VMP_LIMIT_CONNECT_MS / 1000);

    case CURLE_COULDNT_CONNECT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
      curl_easy_getinfo (transfer->easy, CURLINFO_OS_ERRNO, &os_error);
      if (os_error != 0)
        return g_ascii_strdown (g_strerror ((int) os_error), -1);
      break;

    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
      return g_strdup ("the connection was closed");

    case CURLE_SSL_CONNECT_ERROR:
      return g_strdup ("no TLS connection, as https needs it, could be agreed on with what answers there");

    default:
      break;
    }

  return g_strdup (transfer->problem[0] != '\0' ? transfer->problem : curl_easy_strerror (code));
}

void
vmp_transfer_finish (VmpTransfer *transfer,
                     CURLcode     code)
{
  VmpUpstream *self = transfer->upstream;
  const VmpTransferEvents *events = transfer->events;
  gpointer user_data = transfer->user_data;
  VmpTransferEnd end;
  g_autofree char *reason = NULL;

  if (events != NULL && transfer->needs_fresh_connection)
    {
      curl_multi_remove_handle (self->multi, transfer->easy);
      vmp_transfer_prepare_again (transfer);
      curl_multi_add_handle (self->multi, transfer->easy);
      return;
    }

  end = how_it_ended (transfer, code);
  if (end != VMP_TRANSFER_DONE)
    reason = why_it_ended (transfer, end, code);

  /* Before the call, which may free what this one reads; it may still ask this one for its address and key. */
  release (self, transfer);
  if (events != NULL)
    events->done (user_data, end, reason);
  recycle (self, transfer);
}

void
vmp_transfer_cancel (VmpTransfer *transfer)
{
  VmpUpstream *self = transfer->upstream;

  g_return_if_fail (transfer->events != NULL);

  transfer->events = NULL;
  stop_yielding (transfer);
  if (self->inside_curl)
    {
      g_queue_push_tail (&self->cancelled, transfer);
    }
  else
    {
      release (self, transfer);
      recycle (self, transfer);
    }
}

void
vmp_transfer_resume (VmpTransfer *transfer)
{
  VmpUpstream *self = transfer->upstream;

  g_return_if_fail (transfer->events != NULL);

  /* Inside a callback of libcurl the bytes at hand are still being given; they will be offered again. */
  g_return_if_fail (!self->inside_curl);

  transfer->paused = FALSE;
  self->turn++;
  self->inside_curl = TRUE;
  curl_easy_pause (transfer->easy, CURLPAUSE_CONT);
  self->inside_curl = FALSE;

  after_curl (self);
}

static void
next_turn_cb (gpointer user_data)
{
  VmpUpstream *self = user_data;
  guint n = self->yielding.length;

  /* Those that yield again meanwhile wait for their next turn. */
  while (n-- > 0 && self->yielding.head != NULL)
    {
      VmpTransfer *transfer = self->yielding.head->data;

      stop_yielding (transfer);
      vmp_transfer_resume (transfer);
    }
}

void
vmp_upstream_yield (VmpUpstream *self,
                    VmpTransfer *transfer)
{
  if (transfer->yielding_link.data != NULL)
    return;

  transfer->yielding_link.data = transfer;
  g_queue_push_tail_link (&self->yielding, &transfer->yielding_link);
  if (self->next_turn.due == 0)
    vmp_poll_set_timer (self->poll, &self->next_turn, g_get_monotonic_time (), next_turn_cb, self);
}
