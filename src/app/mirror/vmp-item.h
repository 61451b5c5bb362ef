/* SPDX-License-Identifier: MIT
 *
 * One thing that the gateway told of (a node, a model, a request, a route, a key): its id and its document, which is
 * replaced when it has changed. The windows bind rows to it. It never changes anything at the gateway.
 */

#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

#define VMP_TYPE_ITEM (vmp_item_get_type ())
/* Properties "id" (string, construct-only) and "document" (JsonObject, boxed, notified when it differs). */
G_DECLARE_FINAL_TYPE (VmpItem, vmp_item, VMP, ITEM, GObject)

VmpItem *vmp_item_new (const char *id,
                       JsonObject *document);

const char *vmp_item_get_id (VmpItem *self);
/* (transfer none), immutable */
JsonObject *vmp_item_get_document (VmpItem *self);
/* TRUE and a notification when it says something else than before. */
gboolean vmp_item_set_document (VmpItem    *self,
                                JsonObject *document);

/* Members of the document; NULL, @fallback or FALSE where they are absent or of another type. A dotted path goes into
 * objects: "token.state". Text from the network has been made plain by the gateway; it is never markup. */
const char *vmp_item_get_string (VmpItem    *self,
                                 const char *path);
double vmp_item_get_double (VmpItem    *self,
                            const char *path,
                            double      fallback);
gint64 vmp_item_get_int (VmpItem    *self,
                         const char *path,
                         gint64      fallback);
gboolean vmp_item_get_boolean (VmpItem    *self,
                               const char *path);
/* (transfer none) (nullable) */
JsonArray *vmp_item_get_array (VmpItem    *self,
                               const char *path);

/* The same for any document. */
JsonNode *vmp_document_find (JsonObject *document,
                             const char *path);

#define VMP_TYPE_ITEM_LIST (vmp_item_list_get_type ())
/* A GListModel of VmpItem, by id, in the order in which the gateway lists them. */
G_DECLARE_FINAL_TYPE (VmpItemList, vmp_item_list, VMP, ITEM_LIST, GObject)

VmpItemList *vmp_item_list_new (void);

/* Takes over a whole list of documents, with as few and as small "items-changed" as that needs; items that stay are the
 * same objects. @id_of: (nullable): the id of an element, (transfer full); NULL: its member "id". */
typedef char *(*VmpItemIdFunc) (JsonObject *document);
void vmp_item_list_replace (VmpItemList  *self,
                            JsonArray    *documents,
                            VmpItemIdFunc id_of);
/* Changes the one of that id, or adds it at the end. (transfer none) */
VmpItem *vmp_item_list_set (VmpItemList *self,
                            const char  *id,
                            JsonObject  *document);
/* The same, but a new one comes first. */
VmpItem *vmp_item_list_set_first (VmpItemList *self,
                                  const char  *id,
                                  JsonObject  *document);
void vmp_item_list_remove (VmpItemList *self,
                           const char  *id);
void vmp_item_list_clear (VmpItemList *self);
/* (transfer none) (nullable) */
VmpItem *vmp_item_list_find (VmpItemList *self,
                             const char  *id);
guint vmp_item_list_get_length (VmpItemList *self);

/* The costly half of a replacement, which any thread may do: the ids of the documents, and what tells whether they
 * changed. It holds the documents; what the list did not take goes with it, which may take a while, too. */
typedef struct _VmpItemBatch VmpItemBatch;

VmpItemBatch *vmp_item_batch_new (JsonArray    *documents,
                                  VmpItemIdFunc id_of);
void vmp_item_batch_free (VmpItemBatch *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmpItemBatch, vmp_item_batch_free)

/* As vmp_item_list_replace(). @batch stays its owner's. */
void vmp_item_list_take (VmpItemList  *self,
                         VmpItemBatch *batch);

G_END_DECLS
