/* SPDX-License-Identifier: MIT
 *
 * What the tray shows, as a pure function of what is known: the icon's state, the tooltip and the menu's items. No I/O.
 */

#pragma once

#include <glib.h>

#include "platform/vmp-tray.h"

G_BEGIN_DECLS

/* The menu's items. Nodes follow from VMP_TRAY_ITEM_FIRST_NODE on. */
enum {
  VMP_TRAY_ITEM_STATUS = 1,
  VMP_TRAY_ITEM_SHARE,
  VMP_TRAY_ITEM_PAUSE,
  VMP_TRAY_ITEM_NODES,
  VMP_TRAY_ITEM_ALL_NODES,
  VMP_TRAY_ITEM_WAITING,
  VMP_TRAY_ITEM_PLAYGROUND,
  VMP_TRAY_ITEM_COPY,
  VMP_TRAY_ITEM_DASHBOARD,
  VMP_TRAY_ITEM_PREFERENCES,
  VMP_TRAY_ITEM_QUIT,
  VMP_TRAY_ITEM_SEPARATORS,     /* and the next three */
  VMP_TRAY_ITEM_FIRST_NODE = 100
};

typedef struct {
  int item;          /* VMP_TRAY_ITEM_FIRST_NODE or above, the same for the same node for ever */
  char *id;
  char *name;
  char *status;      /* "online", … */
} VmpTrayNode;

void vmp_tray_node_free (VmpTrayNode *self);

/* What is known. Zeroed: nothing yet. */
typedef struct {
  gboolean is_connected;
  gboolean is_quitting;
  char *trouble;            /* why there is no gateway, or what of it does not work; NULL */
  gboolean is_paused;
  gboolean is_sharing;
  char *share_mode;         /* "personal", …; NULL */
  guint nodes_total;        /* approved ones */
  guint nodes_online;
  guint nodes_waiting;
  guint active_requests;
  GPtrArray *nodes;         /* of VmpTrayNode: the first few approved ones; NULL: none */
} VmpTrayFacts;

void vmp_tray_facts_clear (VmpTrayFacts *self);

typedef struct {
  VmpTrayState state;
  char *tooltip;
  GArray *items;            /* of VmpTrayItem, whose labels are in ... */
  GPtrArray *texts;         /* ... here */
} VmpTrayPicture;

void vmp_tray_picture_init (VmpTrayPicture     *self,
                            const VmpTrayFacts *facts);
void vmp_tray_picture_clear (VmpTrayPicture *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VmpTrayPicture, vmp_tray_picture_clear)

G_END_DECLS
