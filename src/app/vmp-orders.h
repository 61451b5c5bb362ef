/* SPDX-License-Identifier: MIT
 *
 * What the resident and the program with the windows say to each other: lines of text over the windows' standard input
 * and output, each a word and its arguments, tab-separated. Lines that are not known are ignored, so that nothing that
 * a library prints does harm.
 *
 * To the windows:  show PAGE [ARGUMENT] [TOKEN]   a page of the main window, or "approvals", or "preferences"
 *                  ask-quit N [TOKEN]             N answers are under way: ask whether to quit nevertheless
 *                  copy TEXT [TOKEN]              put it into the clipboard, which the resident has no hand for
 *                  trouble [TEXT]                 why there is no gateway; without TEXT: there is one
 *                  close                          end
 * To the resident: taken                          the first show, ask-quit or copy that was not taken yet is followed;
 *                                                 what comes while the last window closes is said to the next program
 *                  quit                           its owner wants the whole app to end
 *                  seen NODE                      the approval of that node is on the screen: no notification is needed
 *                  unseen NODE                    it is no more
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  VMP_ORDER_SHOW,
  VMP_ORDER_ASK_QUIT,
  VMP_ORDER_COPY,
  VMP_ORDER_TROUBLE,
  VMP_ORDER_CLOSE,
  VMP_ORDER_TAKEN,
  VMP_ORDER_QUIT,
  VMP_ORDER_SEEN,
  VMP_ORDER_UNSEEN,
  VMP_N_ORDERS
} VmpOrderKind;

typedef struct {
  VmpOrderKind kind;
  char *argument;  /* of show: the page; of ask-quit: the number; of copy and trouble: the text; of seen and unseen: the
                    * node's id; NULL */
  char *detail;    /* of show: such as a node's id; NULL */
  char *token;     /* activation token; NULL */
} VmpOrder;

void vmp_order_clear (VmpOrder *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VmpOrder, vmp_order_clear)

/* One line with its end. (transfer full) */
char *vmp_order_to_line (VmpOrderKind kind,
                         const char  *argument,
                         const char  *detail,
                         const char  *token);
/* FALSE for a line that is none. @line: without its end */
gboolean vmp_order_from_line (const char *line,
                              VmpOrder   *order);

G_END_DECLS
