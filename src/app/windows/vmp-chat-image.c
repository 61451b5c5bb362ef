/* SPDX-License-Identifier: MIT
 *
 * Images on their way to a model. What a file is, its first bytes say, not its name; only the decoders of the three
 * kinds are let at it, and only after its head told that it is not too large. What is small enough is sent as it is,
 * so its quality is its own.
 */

#include "app/windows/vmp-chat-image.h"

#include <glib/gi18n.h>
#include <string.h>

#include "core/vmp-limits.h"

/* Bytes of one feeding of the decoder: the head of a file is in the first. */
#define FEED_BYTES (32 * 1024)

#define JPEG_QUALITY "88"

/* Reads an image. What it says of its size is looked at before it is decoded. */
typedef struct {
  int width;
  int height;
  int edge;             /* of the result at most; 0: as it is */
  gboolean is_too_large;
} Sizing;

static const char *
find_type (const guint8 *data,
           gsize         size)
{
  if (size > 8 && memcmp (data, "\211PNG\r\n\032\n", 8) == 0)
    return "image/png";
  if (size > 3 && memcmp (data, "\377\330\377", 3) == 0)
    return "image/jpeg";
  if (size > 12 && memcmp (data, "RIFF", 4) == 0 && memcmp (data + 8, "WEBP", 4) == 0)
    return "image/webp";

  return NULL;
}

static void
size_prepared_cb (GdkPixbufLoader *loader,
                  int              width,
                  int              height,
                  gpointer         user_data)
{
  Sizing *sizing = user_data;
  double scale;

  sizing->width = width;
  sizing->height = height;
  if ((gint64) width * height > VMP_LIMIT_CHAT_IMAGE_PIXELS)
    {
      sizing->is_too_large = TRUE;
      gdk_pixbuf_loader_set_size (loader, 0, 0);
      return;
    }

  scale = sizing->edge > 0 ? (double) sizing->edge / MAX (width, height) : 1;
  if (scale < 1)
    gdk_pixbuf_loader_set_size (loader, MAX (1, (int) (width * scale)), MAX (1, (int) (height * scale)));
}

static GdkPixbuf *
decode (const guint8 *data,
        gsize         size,
        const char   *type,
        Sizing       *sizing,
        GError      **error)
{
  g_autoptr (GdkPixbufLoader) loader = gdk_pixbuf_loader_new_with_type (type + strlen ("image/"), error);
  gboolean is_fed = TRUE;
  GdkPixbuf *pixbuf;

  if (loader == NULL)
    return NULL;

  g_signal_connect (loader, "size-prepared", G_CALLBACK (size_prepared_cb), sizing);
  for (gsize at = 0; at < size && is_fed && !sizing->is_too_large; at += FEED_BYTES)
    is_fed = gdk_pixbuf_loader_write (loader, data + at, MIN (FEED_BYTES, size - at), error);

  if (!is_fed || sizing->is_too_large)
    {
      gdk_pixbuf_loader_close (loader, NULL);
      return NULL;
    }
  if (!gdk_pixbuf_loader_close (loader, error))
    return NULL;

  pixbuf = gdk_pixbuf_loader_get_pixbuf (loader);

  return pixbuf != NULL ? gdk_pixbuf_apply_embedded_orientation (pixbuf) : NULL;
}

static VmpChatImage *
encode (GdkPixbuf *pixbuf,
        GError   **error)
{
  gboolean has_alpha = gdk_pixbuf_get_has_alpha (pixbuf);
  g_autoptr (GBytes) bytes = NULL;
  char *data = NULL;
  gsize size = 0;

  if (has_alpha && !gdk_pixbuf_save_to_buffer (pixbuf, &data, &size, "png", error, NULL))
    return NULL;
  if (!has_alpha && !gdk_pixbuf_save_to_buffer (pixbuf, &data, &size, "jpeg", error, "quality", JPEG_QUALITY, NULL))
    return NULL;

  bytes = g_bytes_new_take (data, size);

  return vmp_chat_image_new (bytes, has_alpha ? "image/png" : "image/jpeg");
}

VmpChatImage *
vmp_chat_image_from_bytes (GBytes  *bytes,
                           GError **error)
{
  g_autoptr (GdkPixbuf) pixbuf = NULL;
  Sizing sizing = { .edge = VMP_LIMIT_CHAT_IMAGE_EDGE };
  gsize size;
  const guint8 *data = g_bytes_get_data (bytes, &size);
  const char *type = find_type (data, size);

  if (type == NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
                           _("This is no image that models can be sent: only PNG, JPEG and WebP are."));
      return NULL;
    }

  pixbuf = decode (data, size, type, &sizing, NULL);
  if (sizing.is_too_large)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA, _("This image has too many pixels."));
      return NULL;
    }
  if (pixbuf == NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                           _("This image cannot be read: it is damaged, or of a kind unknown here."));
      return NULL;
    }

  if (MAX (sizing.width, sizing.height) <= VMP_LIMIT_CHAT_IMAGE_EDGE && size <= VMP_LIMIT_CHAT_IMAGE_BYTES)
    return vmp_chat_image_new (bytes, type);

  return encode (pixbuf, error);
}

/* -- On another thread --------------------------------------------------------------------- */

static GBytes *
read_file (GFile        *file,
           GCancellable *cancellable,
           GError      **error)
{
  g_autoptr (GFileInputStream) stream = g_file_read (file, cancellable, error);
  g_autoptr (GByteArray) all = NULL;
  g_autofree guint8 *piece = NULL;
  gsize n;

  if (stream == NULL)
    return NULL;

  all = g_byte_array_new ();
  piece = g_malloc (FEED_BYTES);
  do
    {
      if (!g_input_stream_read_all (G_INPUT_STREAM (stream), piece, FEED_BYTES, &n, cancellable, error))
        return NULL;
      g_byte_array_append (all, piece, (guint) n);
      if (all->len > VMP_LIMIT_CHAT_IMAGE_FILE_BYTES)
        {
          g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_MESSAGE_TOO_LARGE, _("This file is too large."));
          return NULL;
        }
    }
  while (n > 0);

  return g_byte_array_free_to_bytes (g_steal_pointer (&all));
}

static void
load_file (GTask        *task,
           gpointer      source,
           gpointer      task_data,
           GCancellable *cancellable)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = read_file (task_data, cancellable, &error);
  VmpChatImage *image = bytes != NULL ? vmp_chat_image_from_bytes (bytes, &error) : NULL;

  if (image != NULL)
    g_task_return_pointer (task, image, (GDestroyNotify) vmp_chat_image_free);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

static void
load_texture (GTask        *task,
              gpointer      source,
              gpointer      task_data,
              GCancellable *cancellable)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = gdk_texture_save_to_png_bytes (task_data);
  VmpChatImage *image = vmp_chat_image_from_bytes (bytes, &error);

  if (image != NULL)
    g_task_return_pointer (task, image, (GDestroyNotify) vmp_chat_image_free);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

void
vmp_chat_image_load_async (GFile              *file,
                           GCancellable       *cancellable,
                           GAsyncReadyCallback callback,
                           gpointer            user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (G_IS_FILE (file));

  task = g_task_new (NULL, cancellable, callback, user_data);
  g_task_set_task_data (task, g_object_ref (file), g_object_unref);
  g_task_run_in_thread (task, load_file);
}

void
vmp_chat_image_load_texture_async (GdkTexture         *texture,
                                   GCancellable       *cancellable,
                                   GAsyncReadyCallback callback,
                                   gpointer            user_data)
{
  g_autoptr (GTask) task = NULL;

  g_return_if_fail (GDK_IS_TEXTURE (texture));

  task = g_task_new (NULL, cancellable, callback, user_data);
  g_task_set_task_data (task, g_object_ref (texture), g_object_unref);
  g_task_run_in_thread (task, load_texture);
}

VmpChatImage *
vmp_chat_image_load_finish (GAsyncResult *result,
                            GError      **error)
{
  g_return_val_if_fail (G_IS_TASK (result), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/* -- Showing ------------------------------------------------------------------------------- */

static void
decode_thumbnail (GTask        *task,
                  gpointer      source,
                  gpointer      task_data,
                  GCancellable *cancellable)
{
  const VmpChatImage *image = task_data;
  gsize size;
  const guint8 *data = g_bytes_get_data (image->bytes, &size);
  Sizing sizing = { .edge = GPOINTER_TO_INT (g_object_get_data (G_OBJECT (task), "vmp-edge")) };

  g_task_return_pointer (task, decode (data, size, image->type, &sizing, NULL), g_object_unref);
}

static void
thumbnail_cb (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  g_autoptr (GdkPixbuf) pixbuf = g_task_propagate_pointer (G_TASK (result), NULL);
  g_autoptr (GdkTexture) texture = pixbuf != NULL ? gdk_texture_new_for_pixbuf (pixbuf) : NULL;
  GWeakRef *weak = user_data;
  g_autoptr (GtkWidget) picture = g_weak_ref_get (weak);

  g_weak_ref_clear (weak);
  g_free (weak);
  if (texture == NULL || picture == NULL)
    return;

  gtk_picture_set_paintable (GTK_PICTURE (picture), GDK_PAINTABLE (texture));
  gtk_widget_set_size_request (picture, gdk_texture_get_width (texture), gdk_texture_get_height (texture));
}

GtkWidget *
vmp_chat_image_make_thumbnail (const VmpChatImage *image,
                               int                 edge)
{
  GtkWidget *picture = gtk_picture_new ();
  g_autoptr (GTask) task = NULL;
  GWeakRef *weak;

  g_return_val_if_fail (image != NULL, picture);

  gtk_picture_set_can_shrink (GTK_PICTURE (picture), TRUE);
  gtk_picture_set_alternative_text (GTK_PICTURE (picture), _("Image"));
  gtk_widget_set_size_request (picture, edge / 2, edge / 2);
  gtk_widget_set_overflow (picture, GTK_OVERFLOW_HIDDEN);
  gtk_widget_add_css_class (picture, "chat-image");

  /* The widget is not the task's: the other thread may be the last to let go of that. */
  weak = g_new0 (GWeakRef, 1);
  g_weak_ref_init (weak, picture);
  task = g_task_new (NULL, NULL, thumbnail_cb, weak);
  g_object_set_data (G_OBJECT (task), "vmp-edge", GINT_TO_POINTER (edge));
  g_task_set_task_data (task, vmp_chat_image_copy (image), (GDestroyNotify) vmp_chat_image_free);
  g_task_run_in_thread (task, decode_thumbnail);

  return picture;
}
