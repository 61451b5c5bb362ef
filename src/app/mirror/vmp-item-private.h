/* SPDX-License-Identifier: MIT
 *
 * What items and their lists share. For src/app/mirror/ alone.
 */

#pragma once

#include "app/mirror/vmp-item.h"

G_BEGIN_DECLS

struct _VmpItem {
  GObject parent;

  char *id;
  JsonObject *document;
  guint64 digest;  /* of the document */
  guint position;  /* in its list's old order, while that is replaced */
};

/* What differs when two documents say different things, in whatever order: 64 bits that nobody outside of this process
 * can aim at. Any thread. @document: (nullable) */
guint64 vmp_document_digest (JsonObject *document);

/* As vmp_item_new(), with the digest of @document. */
VmpItem *vmp_item_new_digested (const char *id,
                                JsonObject *document,
                                guint64     digest);

/* As vmp_item_set_document(). When it differs, the one before is given in exchange for it: to let go of many takes its
 * time, and may be done elsewhere. */
gboolean vmp_item_exchange (VmpItem     *self,
                            JsonObject **document,
                            guint64     *digest);

G_END_DECLS
