/* SPDX-License-Identifier: MIT
 *
 * An icon in the desktop's tray with a menu: what is shown is given as values, and what people do with it comes back as
 * calls. Behind it: StatusNotifierItem on Linux, Shell_NotifyIcon on Windows, NSStatusItem on macOS, or nothing. It is
 * plain C without GLib, so that each system's part can be built by itself. All text is UTF-8 and shown as it is: what
 * is markup or a mnemonic to a system is escaped behind this border.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Each has an icon of another shape, "APP-tray-STATE-symbolic". */
typedef enum {
  VMP_TRAY_OFF,       /* works, for this computer alone */
  VMP_TRAY_SHARING,
  VMP_TRAY_BUSY,      /* requests are under way */
  VMP_TRAY_APPROVAL,  /* somebody waits for the owner */
  VMP_TRAY_PROBLEM,
  VMP_TRAY_PAUSED,
  VMP_TRAY_N_STATES
} VmpTrayState;

/* "off", "sharing", … */
const char *vmp_tray_state_to_string (VmpTrayState state);

typedef enum {
  VMP_TRAY_ITEM_ACTION,
  VMP_TRAY_ITEM_CHECK,
  VMP_TRAY_ITEM_SEPARATOR,
  VMP_TRAY_ITEM_SUBMENU    /* the items that follow it, with one more in depth, are in it */
} VmpTrayItemKind;

/* Longest label and tooltip in characters; longer ones are cut with an ellipsis. */
#define VMP_TRAY_LABEL_CHARS 60
#define VMP_TRAY_TOOLTIP_CHARS 120
/* Items of a menu in all; more are left out. */
#define VMP_TRAY_MAX_ITEMS 64

typedef struct {
  int id;                  /* above 0, the same for the same item for ever: hosts keep menus open across changes;
                              a separator may have none, 0 */
  VmpTrayItemKind kind;
  unsigned depth;          /* 0: in the menu itself; 1: in the submenu before it */
  const char *label;       /* NULL for a separator */
  bool enabled;
  bool checked;
} VmpTrayItem;

/* What people do. Calls come from the main loop, never from inside a function below. */
typedef struct {
  /* The icon was clicked. @token: an activation token that lets a window take the focus; NULL: there is none. */
  void (*activated) (void       *user_data,
                     const char *token);
  /* With the middle button. */
  void (*secondary_activated) (void       *user_data,
                               const char *token);
  void (*chosen) (void       *user_data,
                  int         id,
                  const char *token);
  /* There is a place that shows the icon, or there is none any more. Called once at the start, when that is known. */
  void (*available) (void *user_data,
                     bool  is_available);
} VmpTrayFuncs;

typedef struct _VmpTray VmpTray;

/**
 * vmp_tray_new:
 * @app_id: "io.github.lmstudio_vampire.Vampire": icons are named after it
 * @title: the program's name
 * @icon_dir: (nullable): a folder with the icons, for a program that is not installed
 * @funcs: must last
 *
 * The icon appears once vmp_tray_set() was called. Never NULL: where there is no tray, @funcs->available says so.
 */
VmpTray *vmp_tray_new (const char         *app_id,
                       const char         *title,
                       const char         *icon_dir,
                       const VmpTrayFuncs *funcs,
                       void               *user_data);
/* The icon goes at once. */
void vmp_tray_free (VmpTray *self);

/* Shows this from now on; everything is copied. May be called as often as things change: it is shown at most a few
 * times a second, the last one always. Without items there is no menu. */
void vmp_tray_set (VmpTray           *self,
                   VmpTrayState       state,
                   const char        *tooltip,
                   const VmpTrayItem *items,
                   size_t             n_items);

bool vmp_tray_is_available (const VmpTray *self);

#ifdef __cplusplus
}
#endif
