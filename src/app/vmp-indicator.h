/* SPDX-License-Identifier: MIT
 *
 * The tray icon: it reads from the gateway what the icon and its menu show, does itself what needs no window (sharing,
 * pausing), and tells the resident of the rest.
 */

#pragma once

#include "app/vmp-tray-picture.h"
#include "client/vmp-link.h"

G_BEGIN_DECLS

typedef struct _VmpIndicator VmpIndicator;

typedef struct {
  /* Something is to be shown. @page: as of VMP_ORDER_SHOW; @detail: (nullable); @token: (nullable) */
  void (*show) (gpointer    user_data,
                const char *page,
                const char *detail,
                const char *token);
  void (*copy_address) (gpointer    user_data,
                        const char *token);
  void (*open_dashboard) (gpointer    user_data,
                          const char *token);
  void (*quit) (gpointer    user_data,
                const char *token);
  /* There is a tray, or there is none. Called once at the start, when that is known. */
  void (*available) (gpointer user_data,
                     gboolean is_available);
  /* What waits for approval was read. @waiting: (element-type VmpWaitingNode) */
  void (*waiting) (gpointer   user_data,
                   GPtrArray *waiting);
  /* Something that was chosen could not be done. @problem: a sentence */
  void (*failed) (gpointer    user_data,
                  const char *problem);
} VmpIndicatorFuncs;

/* @icon_dir: (nullable): as for vmp_tray_new(). @funcs must last. (transfer full) */
VmpIndicator *vmp_indicator_new (VmpLink                 *link,
                                 const char              *app_id,
                                 const char              *icon_dir,
                                 const VmpIndicatorFuncs *funcs,
                                 gpointer                 user_data);
void vmp_indicator_free (VmpIndicator *self);

/* Why there is no gateway; NULL: there is. */
void vmp_indicator_set_trouble (VmpIndicator *self,
                                const char   *trouble);
void vmp_indicator_set_quitting (VmpIndicator *self);
gboolean vmp_indicator_is_available (VmpIndicator *self);
/* Requests under way, as far as is known. */
guint vmp_indicator_get_active_requests (VmpIndicator *self);

G_END_DECLS
