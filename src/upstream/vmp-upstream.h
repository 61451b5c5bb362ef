/* SPDX-License-Identifier: MIT
 *
 * Speaks HTTP to nodes: libcurl's multi interface on the gateway context, with one pool of kept
 * connections. It moves bytes and says how a transfer ended; it does not know what they mean, chooses no
 * node, follows no redirect, and uses no proxy from the environment.
 */

#pragma once

#include "core/vmp-poll.h"
#include "core/vmp-slice.h"
#include "core/vmp-url.h"
#include "upstream/vmp-reach.h"

G_BEGIN_DECLS

typedef struct _VmpUpstream VmpUpstream;
typedef struct _VmpTransfer VmpTransfer;

/* What is asked of a node. Everything must stay valid until the transfer is done or cancelled. */
typedef struct {
  const VmpBaseUrl *base_url;
  VmpSlice method;
  VmpSlice target;            /* goes up byte for byte after the base URL's prefix */
  const VmpHttpField *fields; /* the request's fields; Host, Content-Length and the like are made here */
  guint n_fields;
  const char *body;
  gsize body_len;
  gboolean has_body;          /* FALSE: neither a body nor a Content-Length is sent */
  const VmpReach *reach;      /* what may be connected to; NULL: as a zero-initialised one. Copied */
  guint timeout_ms;           /* for all of it; 0: none, since a prompt may be read silently for minutes */
  gsize max_body_bytes;       /* of the answer; 0: as many as come */
} VmpTransferRequest;

typedef enum {
  VMP_TRANSFER_DONE,
  VMP_TRANSFER_NO_CONNECTION, /* nobody answered at the address, or its name is unknown */
  VMP_TRANSFER_NO_ANSWER,     /* connected, but it ended before a head came */
  VMP_TRANSFER_BROKEN,        /* it ended inside the body */
  VMP_TRANSFER_TIMED_OUT,     /* timeout_ms is over */
  VMP_TRANSFER_NOT_ALLOWED,   /* no address of it may be connected to: nothing was sent */
  VMP_TRANSFER_MOVED,         /* it is not at one of reach->addresses any more: nothing was sent */
  VMP_TRANSFER_KEY_CHANGED,   /* another key than reach->key answered: nothing was sent */
  VMP_TRANSFER_KEY_UNKNOWN,   /* no known authority has signed its key: nothing was sent */
  VMP_TRANSFER_TOO_LONG       /* its body has more than max_body_bytes */
} VmpTransferEnd;

/* The head of an answer; valid during the call only. */
typedef struct {
  guint status;
  VmpSlice reason;
  const VmpHttpField *fields;
  guint n_fields;
  gint64 length;           /* bytes of the body, or -1 when only its end tells */
  gboolean ends_by_close;  /* only the end of the connection ends the body: a death cannot be told from it */
} VmpTransferHead;

/* Called on the gateway context. After done() the transfer is gone. */
typedef struct {
  void (*head) (gpointer               user_data,
                const VmpTransferHead *head);
  /* Returns FALSE to take nothing for now: the node is paused and the same bytes come again after
   * vmp_transfer_resume(). */
  gboolean (*body) (gpointer    user_data,
                    const char *data,
                    gsize       len);
  /* @reason: for the log and for people, such as "connection refused"; NULL when @end is VMP_TRANSFER_DONE */
  void (*done) (gpointer       user_data,
                VmpTransferEnd end,
                const char    *reason);
} VmpTransferEvents;

/* (transfer full) */
VmpUpstream *vmp_upstream_new (VmpPoll *poll);

/* All transfers must have ended or been cancelled. */
void vmp_upstream_free (VmpUpstream *self);

/**
 * vmp_upstream_start:
 *
 * Begins a transfer. Nothing is called back before this returns.
 *
 * A kept connection that dies before a byte of the answer came is replaced once, silently: the node may have
 * closed it while the request was on its way.
 *
 * Returns: (transfer none): the transfer, until done() or vmp_transfer_cancel()
 */
VmpTransfer *vmp_upstream_start (VmpUpstream              *self,
                                 const VmpTransferRequest *request,
                                 const VmpTransferEvents  *events,
                                 gpointer                  user_data);

/* The address it is connected to, in canonical form; "" before it is. Valid in its callbacks, done() too, and until
 * then. (transfer none) */
const char *vmp_transfer_get_address (VmpTransfer *transfer);

/* The key that answers it, as VmpReach has it. Only for transfers with reach->any_key, in head() and later. (transfer
 * full) (nullable): NULL without TLS */
char *vmp_transfer_dup_key (VmpTransfer *transfer);

/* Lets a paused transfer go on; body() and done() may be called before it returns. Not for use in a callback. */
void vmp_transfer_resume (VmpTransfer *transfer);

/* Ends it at once, closing its connection, which is the only way a node learns of it. No call follows. May be
 * called from its own callbacks. */
void vmp_transfer_cancel (VmpTransfer *transfer);

G_END_DECLS
