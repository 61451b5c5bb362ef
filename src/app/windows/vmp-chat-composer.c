/* SPDX-License-Identifier: MIT
 *
 * Where a question is written. Enter sends, Shift+Enter begins a line, and an input method has the first word in both.
 */

#include "app/windows/vmp-chat-composer.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-chat-image.h"
#include "app/windows/vmp-ui.h"
#include "core/vmp-limits.h"

#define THUMBNAIL_EDGE 64

struct _VmpChatComposer {
  AdwBin parent_instance;

  GtkFlowBox *image_box;
  GtkTextView *view;
  GtkTextBuffer *buffer;
  GtkWidget *placeholder;
  GtkLabel *notice;
  GtkWidget *attach_button;
  GtkStack *button_stack;
  GtkWidget *send_button;

  GPtrArray *images; /* of VmpChatImage */
  GCancellable *cancellable;
  guint loading;     /* images on their way */
  gboolean is_writing;
  char *obstacle;
  char *blindness;
};

G_DEFINE_FINAL_TYPE (VmpChatComposer, vmp_chat_composer, ADW_TYPE_BIN)

enum {
  SIGNAL_SEND,
  SIGNAL_STOP,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

/* -- What can be done ---------------------------------------------------------------------- */

char *
vmp_chat_composer_dup_text (VmpChatComposer *self)
{
  GtkTextIter start;
  GtkTextIter end;

  g_return_val_if_fail (VMP_IS_CHAT_COMPOSER (self), NULL);

  gtk_text_buffer_get_bounds (self->buffer, &start, &end);

  return g_strstrip (gtk_text_buffer_get_text (self->buffer, &start, &end, FALSE));
}

gboolean
vmp_chat_composer_is_empty (VmpChatComposer *self)
{
  g_autofree char *text = vmp_chat_composer_dup_text (self);

  return *text == '\0' && self->images->len == 0;
}

/* The sentence that says why nothing can be sent; NULL: it can. */
static const char *
find_obstacle (VmpChatComposer *self)
{
  if (self->obstacle != NULL)
    return self->obstacle;
  if (self->images->len > 0)
    return self->blindness;

  return NULL;
}

static void
update (VmpChatComposer *self)
{
  const char *obstacle = find_obstacle (self);
  gboolean is_sendable = obstacle == NULL && self->loading == 0 && !vmp_chat_composer_is_empty (self);
  gboolean is_blank = gtk_text_buffer_get_char_count (self->buffer) == 0;

  gtk_widget_set_visible (self->placeholder, is_blank);
  gtk_label_set_text (self->notice, obstacle != NULL ? obstacle : "");
  gtk_stack_set_visible_child_name (self->button_stack, self->is_writing ? "stop" : "send");
  gtk_widget_set_sensitive (self->send_button, is_sendable);
  gtk_widget_set_sensitive (self->attach_button,
                            self->blindness == NULL && self->images->len < VMP_LIMIT_CHAT_IMAGES);
  gtk_widget_set_tooltip_text (self->attach_button, self->blindness != NULL ? self->blindness : _("Add Images"));
  gtk_widget_set_visible (GTK_WIDGET (self->image_box), self->images->len > 0);
}

static void
try_send (VmpChatComposer *self)
{
  if (!self->is_writing && gtk_widget_get_sensitive (self->send_button))
    g_signal_emit (self, signals[SIGNAL_SEND], 0);
}

static void
send_cb (VmpChatComposer *self)
{
  try_send (self);
}

static void
stop_cb (VmpChatComposer *self)
{
  g_signal_emit (self, signals[SIGNAL_STOP], 0);
}

static gboolean
key_cb (VmpChatComposer       *self,
        guint                  keyval,
        guint                  keycode,
        GdkModifierType        state,
        GtkEventControllerKey *controller)
{
  GdkEvent *event = gtk_event_controller_get_current_event (GTK_EVENT_CONTROLLER (controller));
  gboolean is_enter = keyval == GDK_KEY_Return || keyval == GDK_KEY_KP_Enter || keyval == GDK_KEY_ISO_Enter;

  if (!is_enter || (state & (GDK_SHIFT_MASK | GDK_ALT_MASK)) != 0)
    return GDK_EVENT_PROPAGATE;

  /* It may be how a word of Chinese or Japanese is agreed to. */
  if (event != NULL && gtk_text_view_im_context_filter_keypress (self->view, event))
    return GDK_EVENT_STOP;

  try_send (self);

  return GDK_EVENT_STOP;
}

/* -- Images -------------------------------------------------------------------------------- */

static void show_images (VmpChatComposer *self);

static void
remove_image_cb (GtkButton *button,
                 gpointer   user_data)
{
  VmpChatComposer *self = user_data;
  gpointer image = g_object_get_data (G_OBJECT (button), "vmp-image");

  g_ptr_array_remove (self->images, image);
  show_images (self);
  update (self);
  vmp_chat_composer_focus (self);
}

static void
show_images (VmpChatComposer *self)
{
  GtkWidget *child;

  while ((child = gtk_widget_get_first_child (GTK_WIDGET (self->image_box))) != NULL)
    gtk_flow_box_remove (self->image_box, child);

  for (guint i = 0; i < self->images->len; i++)
    {
      VmpChatImage *image = g_ptr_array_index (self->images, i);
      GtkWidget *overlay = gtk_overlay_new ();
      GtkWidget *button = gtk_button_new_from_icon_name ("window-close-symbolic");

      gtk_widget_set_halign (button, GTK_ALIGN_END);
      gtk_widget_set_valign (button, GTK_ALIGN_START);
      gtk_widget_set_tooltip_text (button, _("Remove Image"));
      gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, _("Remove Image"), -1);
      gtk_widget_add_css_class (button, "osd");
      gtk_widget_add_css_class (button, "circular");
      gtk_widget_add_css_class (button, "chat-remove");
      g_object_set_data (G_OBJECT (button), "vmp-image", image);
      g_signal_connect_object (button, "clicked", G_CALLBACK (remove_image_cb), self, 0);

      gtk_overlay_set_child (GTK_OVERLAY (overlay), vmp_chat_image_make_thumbnail (image, THUMBNAIL_EDGE));
      gtk_overlay_add_overlay (GTK_OVERLAY (overlay), button);
      gtk_widget_set_halign (overlay, GTK_ALIGN_START);
      gtk_flow_box_insert (self->image_box, overlay, -1);
      gtk_widget_set_focusable (gtk_widget_get_parent (overlay), FALSE);
    }
}

static void
image_loaded_cb (GObject      *source,
                 GAsyncResult *result,
                 gpointer      user_data)
{
  g_autoptr (VmpChatComposer) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (VmpChatImage) image = vmp_chat_image_load_finish (result, &error);

  self->loading--;
  /* It may have been taken down while this was on its way. */
  if (g_cancellable_is_cancelled (g_task_get_cancellable (G_TASK (result))))
    return;

  if (image == NULL)
    vmp_ui_toast (GTK_WIDGET (self), error->message);
  else if (self->images->len < VMP_LIMIT_CHAT_IMAGES)
    g_ptr_array_add (self->images, g_steal_pointer (&image));
  show_images (self);
  update (self);
}

/* Whether one more may be taken; says why not. */
static gboolean
may_add_image (VmpChatComposer *self)
{
  g_autofree char *text = NULL;

  if (self->blindness != NULL)
    {
      vmp_ui_toast (GTK_WIDGET (self), self->blindness);
      return FALSE;
    }
  if (self->images->len + self->loading >= VMP_LIMIT_CHAT_IMAGES)
    {
      text = g_strdup_printf (ngettext ("A question can have %d image at most.",
                                        "A question can have %d images at most.", VMP_LIMIT_CHAT_IMAGES),
                              VMP_LIMIT_CHAT_IMAGES);
      vmp_ui_toast (GTK_WIDGET (self), text);
      return FALSE;
    }

  return TRUE;
}

static void
add_file (VmpChatComposer *self,
          GFile           *file)
{
  self->loading++;
  vmp_chat_image_load_async (file, self->cancellable, image_loaded_cb, g_object_ref (self));
  update (self);
}

static void
add_texture (VmpChatComposer *self,
             GdkTexture      *texture)
{
  self->loading++;
  vmp_chat_image_load_texture_async (texture, self->cancellable, image_loaded_cb, g_object_ref (self));
  update (self);
}

gboolean
vmp_chat_composer_take_value (VmpChatComposer *self,
                              const GValue    *value)
{
  g_return_val_if_fail (VMP_IS_CHAT_COMPOSER (self), FALSE);

  if (G_VALUE_HOLDS (value, GDK_TYPE_TEXTURE))
    {
      if (!may_add_image (self))
        return FALSE;
      add_texture (self, g_value_get_object (value));
      return TRUE;
    }

  if (G_VALUE_HOLDS (value, GDK_TYPE_FILE_LIST))
    {
      g_autoptr (GSList) files = gdk_file_list_get_files (g_value_get_boxed (value));

      for (GSList *l = files; l != NULL; l = l->next)
        {
          if (!may_add_image (self))
            return FALSE;
          add_file (self, l->data);
        }
      return files != NULL;
    }

  return FALSE;
}

static void
pasted_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr (VmpChatComposer) self = user_data;
  const GValue *value = gdk_clipboard_read_value_finish (GDK_CLIPBOARD (source), result, NULL);

  if (value != NULL && gtk_widget_get_root (GTK_WIDGET (self)) != NULL)
    vmp_chat_composer_take_value (self, value);
}

/* Text is the text view's own business. */
static void
paste_cb (VmpChatComposer *self)
{
  GdkClipboard *clipboard = gtk_widget_get_clipboard (GTK_WIDGET (self->view));
  GdkContentFormats *formats = gdk_clipboard_get_formats (clipboard);
  GType type = G_TYPE_INVALID;

  if (gdk_content_formats_contain_gtype (formats, GDK_TYPE_FILE_LIST))
    type = GDK_TYPE_FILE_LIST;
  else if (!gdk_content_formats_contain_gtype (formats, G_TYPE_STRING)
           && gdk_content_formats_contain_gtype (formats, GDK_TYPE_TEXTURE))
    type = GDK_TYPE_TEXTURE;
  if (type == G_TYPE_INVALID)
    return;

  g_signal_stop_emission_by_name (self->view, "paste-clipboard");
  gdk_clipboard_read_value_async (clipboard, type, G_PRIORITY_DEFAULT, self->cancellable, pasted_cb,
                                  g_object_ref (self));
}

static void
chosen_cb (GtkNativeDialog *dialog,
           int              response,
           gpointer         user_data)
{
  VmpChatComposer *self = user_data;
  g_autoptr (GListModel) files = NULL;

  if (response == GTK_RESPONSE_ACCEPT)
    files = gtk_file_chooser_get_files (GTK_FILE_CHOOSER (dialog));
  for (guint i = 0; files != NULL && i < g_list_model_get_n_items (files); i++)
    {
      g_autoptr (GFile) file = g_list_model_get_item (files, i);

      if (!may_add_image (self))
        break;
      add_file (self, file);
    }
  vmp_chat_composer_focus (self);
  g_object_unref (dialog);
}

void
vmp_chat_composer_choose_images (VmpChatComposer *self)
{
  GtkFileChooserNative *dialog;
  g_autoptr (GtkFileFilter) filter = NULL;

  g_return_if_fail (VMP_IS_CHAT_COMPOSER (self));

  if (!may_add_image (self))
    return;

  filter = gtk_file_filter_new ();
  dialog = gtk_file_chooser_native_new (_("Add Images"), GTK_WINDOW (gtk_widget_get_root (GTK_WIDGET (self))),
                                        GTK_FILE_CHOOSER_ACTION_OPEN, _("_Add"), _("_Cancel"));
  gtk_file_filter_set_name (filter, _("Images"));
  gtk_file_filter_add_mime_type (filter, "image/png");
  gtk_file_filter_add_mime_type (filter, "image/jpeg");
  gtk_file_filter_add_mime_type (filter, "image/webp");
  gtk_file_chooser_add_filter (GTK_FILE_CHOOSER (dialog), filter);
  gtk_file_chooser_set_select_multiple (GTK_FILE_CHOOSER (dialog), TRUE);
  gtk_native_dialog_set_modal (GTK_NATIVE_DIALOG (dialog), TRUE);
  g_signal_connect_object (dialog, "response", G_CALLBACK (chosen_cb), self, 0);
  gtk_native_dialog_show (GTK_NATIVE_DIALOG (dialog));
}

static void
attach_cb (VmpChatComposer *self)
{
  vmp_chat_composer_choose_images (self);
}

/* -- The widget ---------------------------------------------------------------------------- */

static void
vmp_chat_composer_dispose (GObject *object)
{
  VmpChatComposer *self = VMP_CHAT_COMPOSER (object);

  if (self->cancellable != NULL)
    g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);

  G_OBJECT_CLASS (vmp_chat_composer_parent_class)->dispose (object);
}

static void
vmp_chat_composer_finalize (GObject *object)
{
  VmpChatComposer *self = VMP_CHAT_COMPOSER (object);

  g_ptr_array_unref (self->images);
  g_free (self->obstacle);
  g_free (self->blindness);

  G_OBJECT_CLASS (vmp_chat_composer_parent_class)->finalize (object);
}

static void
vmp_chat_composer_class_init (VmpChatComposerClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = vmp_chat_composer_dispose;
  G_OBJECT_CLASS (klass)->finalize = vmp_chat_composer_finalize;

  signals[SIGNAL_SEND] = g_signal_new ("send", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                       G_TYPE_NONE, 0);
  signals[SIGNAL_STOP] = g_signal_new ("stop", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                       G_TYPE_NONE, 0);

  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/lmstudio_vampire/Vampire/ui/chat-composer.ui");
  gtk_widget_class_bind_template_child (widget_class, VmpChatComposer, image_box);
  gtk_widget_class_bind_template_child (widget_class, VmpChatComposer, view);
  gtk_widget_class_bind_template_child (widget_class, VmpChatComposer, buffer);
  gtk_widget_class_bind_template_child (widget_class, VmpChatComposer, placeholder);
  gtk_widget_class_bind_template_child (widget_class, VmpChatComposer, notice);
  gtk_widget_class_bind_template_child (widget_class, VmpChatComposer, attach_button);
  gtk_widget_class_bind_template_child (widget_class, VmpChatComposer, button_stack);
  gtk_widget_class_bind_template_child (widget_class, VmpChatComposer, send_button);
  gtk_widget_class_bind_template_callback (widget_class, update);
  gtk_widget_class_bind_template_callback (widget_class, key_cb);
  gtk_widget_class_bind_template_callback (widget_class, paste_cb);
  gtk_widget_class_bind_template_callback (widget_class, attach_cb);
  gtk_widget_class_bind_template_callback (widget_class, send_cb);
  gtk_widget_class_bind_template_callback (widget_class, stop_cb);
}

static void
vmp_chat_composer_init (VmpChatComposer *self)
{
  self->images = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_chat_image_free);
  self->cancellable = g_cancellable_new ();
  gtk_widget_init_template (GTK_WIDGET (self));
  update (self);
}

GPtrArray *
vmp_chat_composer_get_images (VmpChatComposer *self)
{
  g_return_val_if_fail (VMP_IS_CHAT_COMPOSER (self), NULL);

  return self->images;
}

void
vmp_chat_composer_set_content (VmpChatComposer *self,
                               const char      *text,
                               GPtrArray       *images)
{
  GtkTextIter end;

  g_return_if_fail (VMP_IS_CHAT_COMPOSER (self));
  g_return_if_fail (text != NULL);

  gtk_text_buffer_set_text (self->buffer, text, -1);
  gtk_text_buffer_get_end_iter (self->buffer, &end);
  gtk_text_buffer_place_cursor (self->buffer, &end);
  g_ptr_array_set_size (self->images, 0);
  for (guint i = 0; images != NULL && i < images->len; i++)
    g_ptr_array_add (self->images, vmp_chat_image_copy (g_ptr_array_index (images, i)));
  show_images (self);
  update (self);
}

void
vmp_chat_composer_set_writing (VmpChatComposer *self,
                               gboolean         is_writing)
{
  g_return_if_fail (VMP_IS_CHAT_COMPOSER (self));

  self->is_writing = is_writing;
  update (self);
}

void
vmp_chat_composer_set_obstacle (VmpChatComposer *self,
                                const char      *obstacle)
{
  g_return_if_fail (VMP_IS_CHAT_COMPOSER (self));

  g_free (self->obstacle);
  self->obstacle = g_strdup (obstacle);
  update (self);
}

void
vmp_chat_composer_set_blindness (VmpChatComposer *self,
                                 const char      *blindness)
{
  g_return_if_fail (VMP_IS_CHAT_COMPOSER (self));

  g_free (self->blindness);
  self->blindness = g_strdup (blindness);
  update (self);
}

void
vmp_chat_composer_focus (VmpChatComposer *self)
{
  g_return_if_fail (VMP_IS_CHAT_COMPOSER (self));

  gtk_widget_grab_focus (GTK_WIDGET (self->view));
}
