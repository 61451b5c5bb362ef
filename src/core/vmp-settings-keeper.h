/* SPDX-License-Identifier: MIT
 *
 * Keeps the settings of a program that runs: reads them anew when their file changes or when it is asked to, refuses
 * what cannot rule, and changes the file for the control API. `vampire serve` and the desktop's resident make one each
 * and give it to their gateway, which follows it; whoever else needs a setting follows it too.
 */

#pragma once

#include "core/vmp-settings.h"

G_BEGIN_DECLS

#define VMP_TYPE_SETTINGS_KEEPER (vmp_settings_keeper_get_type ())
/* Signal "changed" (GStrv keys): the settings in force are others; these keys have another value than before. The log
 *   is set up already. What needs a restart is among them, and has no effect yet.
 * All of it belongs to the thread-default main context of its making. */
G_DECLARE_FINAL_TYPE (VmpSettingsKeeper, vmp_settings_keeper, VMP, SETTINGS_KEEPER, GObject)

/**
 * vmp_settings_keeper_new:
 * @args: (nullable): flags after the verb, as for vmp_settings_load(); they are copied
 * @env: (nullable): of the start, copied too: a reload must not find another home
 *
 * Reads the settings once and sets up the log as they say. Nothing is watched before vmp_settings_keeper_watch().
 *
 * Returns: (transfer full): NULL with VMP_SETTINGS_ERROR
 */
VmpSettingsKeeper *vmp_settings_keeper_new (const char * const *args,
                                            const char * const *env,
                                            GError            **error);

/* Those in force now. (transfer none), until the next change */
VmpSettings *vmp_settings_keeper_get (VmpSettingsKeeper *self);

/* Those that the program was started with: what needs a restart is as in here. (transfer none) */
VmpSettings *vmp_settings_keeper_get_started (VmpSettingsKeeper *self);

/* From now on a change of the settings file is seen by itself. */
void vmp_settings_keeper_watch (VmpSettingsKeeper *self);

/* Reads everything anew now, as for SIGHUP. What cannot rule is said in the log, and the old settings stay. */
void vmp_settings_keeper_reload (VmpSettingsKeeper *self);

/* For a program that is about to end: nothing is read or changed any more. */
void vmp_settings_keeper_stop (VmpSettingsKeeper *self);

/**
 * vmp_settings_keeper_change_async:
 * @changes: (element-type VmpSettingChange): not to be changed any more
 *
 * Writes the changes into the settings file, all or none, on another thread, and takes them over; "changed" comes
 * before @callback. Changes that are asked for meanwhile follow one after the other. An error is VMP_SETTINGS_ERROR:
 * OVERRIDDEN when a flag or variable rules over one of them, INVALID for what no setting may be, UNREADABLE when the
 * file cannot be written; its message is a whole sentence.
 */
void vmp_settings_keeper_change_async (VmpSettingsKeeper  *self,
                                       GArray             *changes,
                                       GCancellable       *cancellable,
                                       GAsyncReadyCallback callback,
                                       gpointer            user_data);
gboolean vmp_settings_keeper_change_finish (VmpSettingsKeeper *self,
                                            GAsyncResult      *result,
                                            GError           **error);

G_END_DECLS
