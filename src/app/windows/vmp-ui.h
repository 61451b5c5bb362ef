/* SPDX-License-Identifier: MIT
 *
 * What all windows do in the same way: asking the gateway and saying what went wrong, toasts, questions, the clipboard.
 * Everything that is shown here is plain text.
 */

#pragma once

#include <adwaita.h>

#include "app/mirror/vmp-mirror.h"

G_BEGIN_DECLS

/* @answer: a document, or NULL when the answer was none. Only called when all went well, and while @widget lives
 * and the window that it was in is open. */
typedef void (*VmpUiDone) (GtkWidget *widget,
                           JsonNode  *answer,
                           gpointer   user_data);

/**
 * vmp_ui_ask:
 * @widget: from whose window it comes: what goes wrong is said in a toast there. It is kept until the answer is here
 * @path: (transfer full)
 * @body: (transfer full) (nullable)
 * @done: (nullable)
 *
 * While it waits @widget is not made insensitive: a page that needs that does it, and undoes it in @failed.
 */
void vmp_ui_ask (GtkWidget  *widget,
                 VmpMirror  *mirror,
                 const char *method,
                 char       *path,
                 JsonNode   *body,
                 VmpUiDone   done,
                 gpointer    user_data);

/* The same with a word for when it failed: @failed gets the sentence, and nothing else is shown. */
typedef void (*VmpUiFailed) (GtkWidget  *widget,
                             const char *problem,
                             gpointer    user_data);
void vmp_ui_ask_full (GtkWidget     *widget,
                      VmpMirror     *mirror,
                      const char    *method,
                      char          *path,
                      JsonNode      *body,
                      VmpUiDone      done,
                      VmpUiFailed    failed,
                      gpointer       user_data,
                      GDestroyNotify destroy);

/* A JSON object from pairs: "name", "s", const char * | "b", gboolean | "i", gint64 | "d", double | "n" (JSON null,
 * no value); then NULL. NULL strings are null. (transfer full): vmp_ui_object ("enabled", "b", TRUE, "mode", "s",
 * "family", NULL) */
JsonNode *vmp_ui_object (const char *name,
                         ...) G_GNUC_NULL_TERMINATED;

/* A line at the bottom of @widget's window. */
void vmp_ui_toast (GtkWidget  *widget,
                   const char *text);
/* With a button, such as Undo; @action is called when it is pressed, as void (*) (AdwToast *toast, gpointer
 * user_data). */
void vmp_ui_toast_with_button (GtkWidget     *widget,
                               const char    *text,
                               const char    *label,
                               GCallback      action,
                               gpointer       user_data,
                               GDestroyNotify destroy);

/* Puts it into the clipboard, and says so. @said: such as "Address copied" */
void vmp_ui_copy (GtkWidget  *widget,
                  const char *text,
                  const char *said);

/* A question with Cancel, which is also what closing it means, and one other answer. @is_destructive: it is red.
 * @confirmed is only called when that was chosen. */
typedef void (*VmpUiConfirmed) (gpointer user_data);
void vmp_ui_confirm (GtkWidget     *widget,
                     const char    *heading,
                     const char    *body,
                     const char    *label,
                     gboolean       is_destructive,
                     VmpUiConfirmed confirmed,
                     gpointer       user_data,
                     GDestroyNotify destroy);

/* Has a screen reader say it, where it can: in windows whose template has a GtkLabel with the name "announcer" (see
 * ui/window.ui). */
void vmp_ui_announce (GtkWidget  *widget,
                      const char *text);

/* A line of plain text that begins at the left and is cut where there is no room, put at the end of @box. @css_class:
 * (nullable). (transfer none) */
GtkLabel *vmp_ui_add_label (GtkWidget  *box,
                            const char *css_class);

/* Holds a topic while @widget is on screen. */
void vmp_ui_hold_while_mapped (GtkWidget *widget,
                               VmpMirror *mirror,
                               VmpTopic   topic);

/* Calls @func (data) whenever @topic changes, while @widget lives, and once now. */
typedef void (*VmpUiChanged) (GtkWidget *widget);
void vmp_ui_watch (GtkWidget   *widget,
                   VmpMirror   *mirror,
                   VmpTopic     topic,
                   VmpUiChanged func);

G_END_DECLS
