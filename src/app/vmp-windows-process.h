/* SPDX-License-Identifier: MIT
 *
 * The program with the windows, as the resident sees it: started when something is to be shown, spoken to by lines
 * (vmp-orders.h), gone with its last window. Whatever happens to it, the resident goes on.
 */

#pragma once

#include <gio/gio.h>

#include "app/vmp-orders.h"

G_BEGIN_DECLS

typedef struct _VmpWindowsProcess VmpWindowsProcess;

typedef struct {
  void (*order) (gpointer        user_data,
                 const VmpOrder *order);
  /* No window is left. @trouble: (nullable): when it could not be started or did not end by itself, as a sentence */
  void (*ended) (gpointer    user_data,
                 const char *trouble);
} VmpWindowsFuncs;

/* @env: (nullable): variables that it gets in addition, "NAME=value"; @funcs must last. (transfer full) */
VmpWindowsProcess *vmp_windows_process_new (const char * const    *env,
                                            const VmpWindowsFuncs *funcs,
                                            gpointer               user_data);
/* Its windows close; it is not waited for. */
void vmp_windows_process_free (VmpWindowsProcess *self);

gboolean vmp_windows_process_is_running (VmpWindowsProcess *self);

/* Says it, and starts the program first when it does not run. */
void vmp_windows_process_send (VmpWindowsProcess *self,
                               VmpOrderKind       kind,
                               const char        *argument,
                               const char        *detail,
                               const char        *token);

/* Says it if it runs. */
void vmp_windows_process_tell (VmpWindowsProcess *self,
                               VmpOrderKind       kind,
                               const char        *argument);

G_END_DECLS
