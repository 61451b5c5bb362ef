/* SPDX-License-Identifier: MIT
 *
 * What the two halves of the upstream share: vmp-upstream.c (the multi handle and its sockets) and
 * vmp-transfer.c (one request and its answer).
 */

#pragma once

#include "core/vmp-buffer.h"
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
  GQueue cancelled;      /* of VmpTransfer cancelled inside a libcurl callback */
  GQueue yielding;       /* of VmpTransfer that have had their share of this turn */
  VmpTimer next_turn;    /* when they go on */
  guint64 turn;          /* counts the calls into libcurl */
  guint running;
  gboolean inside_curl;  /* libcurl refuses most calls from its own callbacks */
};

struct _VmpTransfer {
  VmpUpstream *upstream;
  CURL *easy;
  const VmpTransferEvents *events; /* NULL once it is cancelled or done */
  gpointer user_data;
  VmpBuffer request_text;          /* the strings that request_fields point to */
  struct curl_slist *request_fields;
  guint request_fields_size;
  VmpBuffer head;                  /* the answer's head as it came */
  gboolean head_seen;
  gboolean paused;                 /* nobody takes its body at the moment */
  GList yielding_link;             /* in upstream->yielding; its data is NULL when it is not there */
  guint64 turn;                    /* the last one in which it got bytes, */
  gsize turn_bytes;                /* and how many */
  guint sends;                     /* how often the request went out, or was about to */
  gboolean needs_fresh_connection;
  const char *fault;               /* static: what is wrong with the answer's head, or NULL */
  char problem[CURL_ERROR_SIZE];
};

/* vmp-transfer.c */
VmpTransfer *vmp_transfer_new (VmpUpstream *upstream);
void vmp_transfer_free (VmpTransfer *self);
void vmp_transfer_prepare (VmpTransfer              *self,
                           const VmpTransferRequest *request);
void vmp_transfer_finish (VmpTransfer *self,
                          CURLcode     code);

/* vmp-upstream.c */
/* Pauses a transfer until the next turn; its write callback is to say so to libcurl. */
void vmp_upstream_yield (VmpUpstream *self,
                         VmpTransfer *transfer);
curl_socket_t vmp_upstream_open_socket (gpointer              upstream,
                                        curlsocktype          purpose,
                                        struct curl_sockaddr *address);
int vmp_upstream_close_socket (gpointer      upstream,
                               curl_socket_t fd);

G_END_DECLS
