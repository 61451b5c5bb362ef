/* SPDX-License-Identifier: MIT
 *
 * Makes an image of a file, of what was dropped or of what is in the clipboard fit to be sent to a model: PNG, JPEG or
 * WebP, of bounded size. It is done on another thread. Nothing is written, and nothing is loaded from the network.
 */

#pragma once

#include <gtk/gtk.h>

#include "app/windows/vmp-chat-message.h"

G_BEGIN_DECLS

void vmp_chat_image_load_async (GFile              *file,
                                GCancellable       *cancellable,
                                GAsyncReadyCallback callback,
                                gpointer            user_data);
/* The same for what is no file. */
void vmp_chat_image_load_texture_async (GdkTexture         *texture,
                                        GCancellable       *cancellable,
                                        GAsyncReadyCallback callback,
                                        gpointer            user_data);
/* For both. (transfer full); NULL with an error that is a whole sentence */
VmpChatImage *vmp_chat_image_load_finish (GAsyncResult *result,
                                          GError      **error);

/* To be called on another thread, and by tests. */
VmpChatImage *vmp_chat_image_from_bytes (GBytes  *bytes,
                                         GError **error);

/* Shows it, no larger than @edge pixels. (transfer floating) */
GtkWidget *vmp_chat_image_make_thumbnail (const VmpChatImage *image,
                                          int                 edge);

G_END_DECLS
