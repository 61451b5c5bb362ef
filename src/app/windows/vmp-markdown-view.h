/* SPDX-License-Identifier: MIT
 *
 * Shows Markdown that may still grow. What has been shown and is settled is not touched again, and work is done in
 * slices, so that no answer takes a frame for itself. Links are opened only after their address was shown and agreed
 * to.
 */

#pragma once

#include <gtk/gtk.h>

G_BEGIN_DECLS

#define VMP_TYPE_MARKDOWN_VIEW (vmp_markdown_view_get_type ())
G_DECLARE_FINAL_TYPE (VmpMarkdownView, vmp_markdown_view, VMP, MARKDOWN_VIEW, GtkWidget)

GtkWidget *vmp_markdown_view_new (void);

/**
 * vmp_markdown_view_render:
 * @text: begins with what it was the last time, or is another text altogether when it is shorter than that
 * @len: its length in bytes
 * @deadline: monotonic time in µs after which no further block is made
 *
 * Returns: FALSE when there is more to do: it is to be called again, in the next frame
 */
gboolean vmp_markdown_view_render (VmpMarkdownView *self,
                                   const char      *text,
                                   gsize            len,
                                   gint64           deadline);

G_END_DECLS
