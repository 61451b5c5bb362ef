/* SPDX-License-Identifier: MIT
 *
 * What the two halves of the upstream share: vmp-upstream.c (the multi handle and its sockets) and
 * vmp-transfer.c (one request and its answer).
 */

#pragma once

#include "core/vmp-buffer.h"
#include "upstream/vmp-reach-private.h"
#include "upstream/vmp-upstream.h"

#include <curl/curl.h>

G_BEGIN_DECLS

struct _VmpUpstream {
  VmpPoll *poll;
  CURLM *multi;
  VmpTimer timer;
  VmpDeferred kick;      /* libcurl asked to be called at once */
  GPtrArray *sockets;    /* of NodeSocket, by descriptor; NULL where there is none */
  GQueue spare;          /* of VmpTransfer that wait for their next use */
  GQueue starting;       /* of VmpTransfer started inside a libcurl callback */
  GQueue cancelled;      /* of VmpTransfer cancelled inside one */
  GQueue yielding;       /* of VmpTransfer that have had their share of this turn */
  VmpTimer next_turn;    /* when they go on */
  guint64 turn;          /* counts the calls into libcurl */
  guint running;
  gboolean inside_curl;  /* libcurl refuses most calls from its own callbacks */
};

/* Whose key may answer over TLS. */
typedef enum {
  TLS_KNOWN_AUTHORITY, /* libcurl's own rules */
  TLS_ONE_KEY,
  TLS_ANY_KEY
} TlsRule;

struct _VmpTransfer {
  VmpUpstream *upstream;
  CURL *easy;
  CURLU *url;                      /* where it goes, in parts; and as text */
  char *url_text;                  /* NULL: nowhere yet */
  const VmpTransferEvents *events; /* NULL once it is cancelled or done */
  gpointer user_data;
  VmpBuffer request_text;          /* the strings that request_fields point to */
  struct curl_slist *request_fields;
  guint request_fields_size;
  VmpBuffer head;                  /* the answer's head as it came */
  gboolean head_seen;
  gboolean paused;                 /* nobody takes its body at the moment */
  gboolean waits;                  /* libcurl waits for its socket, and has said so */
  int held;                        /* the descriptor that is marked as paused for it; -1: none */
  GList yielding_link;             /* in upstream->yielding; its data is NULL when it is not there */
  guint64 turn;                    /* the last one in which it got bytes, */
  gsize turn_bytes;                /* and how many */
  guint sends;                     /* how often the request went out, or was about to */
  gboolean needs_fresh_connection;
  const char *fault;               /* static: what is wrong with the answer's head, or NULL */
  char problem[CURL_ERROR_SIZE];

  /* What may be connected to. */
  gboolean allow_public;
  gboolean is_bound;               /* only to these: */
  GArray *addresses;               /* of VmpAddress */
  gboolean tried;                  /* an address was allowed, */
  VmpTransferEnd refusal;          /* or one was not, and why; VMP_TRANSFER_DONE: none */
  VmpAddress refused;
  VmpAddress address;              /* where it is connected to, as far as sends > 0, */
  int local_port;                  /* and from */
  char address_text[INET6_ADDRSTRLEN];

  /* What the easy handle is set to, from use to use. */
  TlsRule tls_rule;
  char *key;                       /* of TLS_ONE_KEY */
  guint timeout_ms;

  gint64 deadline;                 /* monotonic µs; 0: none */
  guint64 max_body_bytes;          /* G_MAXUINT64: any */
  guint64 body_bytes;
  gboolean too_long;
};

/* vmp-transfer.c */
VmpTransfer *vmp_transfer_new (VmpUpstream *upstream);
void vmp_transfer_free (VmpTransfer *self);
void vmp_transfer_prepare (VmpTransfer              *self,
                           const VmpTransferRequest *request);
/* Sets it up to be sent once more, on a connection that is made for it. */
void vmp_transfer_prepare_again (VmpTransfer *self);
/* Whether it may go to an address; what was refused is remembered. */
gboolean vmp_transfer_may_connect (VmpTransfer      *self,
                                   const VmpAddress *address);
void vmp_transfer_finish (VmpTransfer *self,
                          CURLcode     code);

/* vmp-upstream.c */
/* Pauses a transfer until the next turn; its write callback is to say so to libcurl. */
void vmp_upstream_yield (VmpUpstream *self,
                         VmpTransfer *transfer);
/* Sees to it that nobody takes the connection of a transfer that has just been paused for a pooled one. */
void vmp_upstream_hold (VmpUpstream *self,
                        VmpTransfer *transfer);
curl_socket_t vmp_upstream_open_socket (gpointer              transfer,
                                        curlsocktype          purpose,
                                        struct curl_sockaddr *address);
int vmp_upstream_close_socket (gpointer      upstream,
                               curl_socket_t fd);

G_END_DECLS
