/* SPDX-License-Identifier: MIT
 *
 * One message as widgets. What an answer may have besides its text (reasoning, a problem, figures) is made when it is
 * there, since most have little of it and a chat has many.
 */

#include "app/windows/vmp-chat-row.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-chat-image.h"
#include "app/windows/vmp-chat-why.h"
#include "app/windows/vmp-markdown-view.h"
#include "app/windows/vmp-ui-text.h"
#include "app/windows/vmp-ui.h"

#define THUMBNAIL_EDGE 160

struct _VmpChatRow {
  AdwBin parent_instance;

  GtkBox *question;
  GtkLabel *question_label;
  GtkFlowBox *question_images;
  GtkWidget *edit_button;
  GtkBox *answer;
  GtkLabel *name_label;
  GtkSpinner *spinner;
  GtkExpander *reasoning;
  GtkLabel *reasoning_title;
  GtkBox *answer_text;
  GtkWidget *problem_box;
  GtkLabel *problem_label;
  GtkWidget *retry_button;
  GtkBox *footer;
  GtkLabel *figures_label;
  GtkWidget *why_button;
  GtkWidget *copy_button;
  GtkWidget *again_button;

  VmpChatMessage *message;
  VmpMirror *mirror;
  VmpMarkdownView *text_view;      /* NULL: there is no text yet */
  GtkTextBuffer *reasoning_buffer; /* NULL: there is none yet */
  gsize reasoning_len;             /* bytes in it */
  gboolean is_last;
};

G_DEFINE_FINAL_TYPE (VmpChatRow, vmp_chat_row, ADW_TYPE_BIN)

/* -- Questions ----------------------------------------------------------------------------- */

static void
show_question (VmpChatRow *self)
{
  GPtrArray *images = vmp_chat_message_get_images (self->message);
  const char *text = vmp_chat_message_get_text (self->message, NULL);

  gtk_label_set_text (self->question_label, text);
  gtk_widget_set_visible (GTK_WIDGET (self->question_label), *text != '\0');
  gtk_widget_set_visible (GTK_WIDGET (self->question_images), images->len > 0);
  for (guint i = 0; i < images->len; i++)
    gtk_flow_box_insert (self->question_images,
                         vmp_chat_image_make_thumbnail (g_ptr_array_index (images, i), THUMBNAIL_EDGE), -1);
}

/* -- Answers ------------------------------------------------------------------------------- */

static void
append_figure (GString    *out,
               const char *text)
{
  if (text == NULL || *text == '\0')
    return;
  if (out->len > 0)
    g_string_append (out, " · ");
  g_string_append (out, text);
}

/* "42 tokens/s · first token after 0.2 s · 168 tokens · on studio" */
static char *
describe_figures (VmpChatRow *self)
{
  const VmpChatFigures *figures = vmp_chat_message_get_figures (self->message);
  g_autofree char *rate = vmp_ui_text_rate (figures->tokens_per_second);
  GString *out = g_string_new (NULL);

  append_figure (out, rate);
  if (figures->first_token_ms >= 0)
    {
      g_autofree char *time = vmp_ui_text_duration (figures->first_token_ms);
      g_autofree char *text = g_strdup_printf (_("first token after %s"), time);

      append_figure (out, text);
    }
  if (figures->completion_tokens > 0)
    {
      g_autofree char *text = g_strdup_printf (ngettext ("%d token", "%d tokens", (gulong) figures->completion_tokens),
                                               (int) MIN (figures->completion_tokens, G_MAXINT));

      append_figure (out, text);
    }
  if (figures->node != NULL)
    {
      /* Translators: %s is a computer's name */
      g_autofree char *text = g_strdup_printf (_("on %s"), vmp_mirror_get_node_name (self->mirror, figures->node));

      append_figure (out, text);
    }
  if (g_strcmp0 (figures->finish_reason, "length") == 0)
    append_figure (out, _("cut at its limit of tokens"));
  if (vmp_chat_message_get_state (self->message) == VMP_CHAT_STOPPED)
    append_figure (out, _("stopped"));

  return g_string_free (out, FALSE);
}

static void
make_reasoning_view (VmpChatRow *self)
{
  GtkWidget *view = gtk_text_view_new ();

  gtk_text_view_set_editable (GTK_TEXT_VIEW (view), FALSE);
  gtk_text_view_set_cursor_visible (GTK_TEXT_VIEW (view), FALSE);
  gtk_text_view_set_accepts_tab (GTK_TEXT_VIEW (view), FALSE);
  gtk_text_view_set_wrap_mode (GTK_TEXT_VIEW (view), GTK_WRAP_WORD_CHAR);
  gtk_widget_add_css_class (view, "chat-reasoning");
  gtk_accessible_update_property (GTK_ACCESSIBLE (view), GTK_ACCESSIBLE_PROPERTY_LABEL, _("Reasoning"), -1);

  self->reasoning_buffer = gtk_text_view_get_buffer (GTK_TEXT_VIEW (view));
  gtk_text_buffer_set_enable_undo (self->reasoning_buffer, FALSE);
  gtk_expander_set_child (self->reasoning, view);
}

/* Plain, as it is: it is notes, not an answer. It only grows. */
static void
show_reasoning (VmpChatRow *self)
{
  gboolean is_writing = vmp_chat_message_get_state (self->message) == VMP_CHAT_WRITING;
  gsize text_len;
  gsize len;
  const char *reasoning = vmp_chat_message_get_reasoning (self->message, &len);

  gtk_widget_set_visible (GTK_WIDGET (self->reasoning), len > 0);
  if (len == 0)
    return;

  vmp_chat_message_get_text (self->message, &text_len);
  gtk_label_set_text (self->reasoning_title, is_writing && text_len == 0 ? _("Thinking…") : _("Reasoning"));

  if (!gtk_expander_get_expanded (self->reasoning))
    return;
  if (self->reasoning_buffer == NULL)
    make_reasoning_view (self);
  if (len > self->reasoning_len)
    {
      GtkTextIter end;

      gtk_text_buffer_get_end_iter (self->reasoning_buffer, &end);
      gtk_text_buffer_insert (self->reasoning_buffer, &end, reasoning + self->reasoning_len,
                              (int) (len - self->reasoning_len));
      self->reasoning_len = len;
    }
}

static void
show_end (VmpChatRow *self)
{
  const VmpChatFigures *figures = vmp_chat_message_get_figures (self->message);
  VmpChatState state = vmp_chat_message_get_state (self->message);
  gboolean is_writing = state == VMP_CHAT_WRITING;
  const char *problem = vmp_chat_message_get_problem (self->message);
  g_autofree char *text = NULL;
  gsize len;

  vmp_chat_message_get_text (self->message, &len);
  gtk_label_set_text (self->name_label, figures->model != NULL ? figures->model : "");
  gtk_widget_set_visible (GTK_WIDGET (self->name_label), figures->model != NULL);
  gtk_widget_set_visible (GTK_WIDGET (self->spinner), is_writing);
  gtk_spinner_set_spinning (self->spinner, is_writing);

  gtk_widget_set_visible (self->problem_box, problem != NULL);
  gtk_label_set_text (self->problem_label, problem != NULL ? problem : "");
  gtk_widget_set_visible (self->retry_button, self->is_last);

  gtk_widget_set_visible (GTK_WIDGET (self->footer), !is_writing);
  if (is_writing)
    return;

  text = describe_figures (self);
  gtk_label_set_text (self->figures_label, text);
  gtk_widget_set_visible (self->copy_button, len > 0);
  gtk_widget_set_visible (self->again_button, self->is_last && problem == NULL);
  gtk_widget_set_visible (self->why_button, figures->request_id != NULL);
}

gboolean
vmp_chat_row_render (VmpChatRow *self,
                     gint64      deadline)
{
  const char *text;
  gsize len;

  g_return_val_if_fail (VMP_IS_CHAT_ROW (self), TRUE);

  if (vmp_chat_message_get_role (self->message) == VMP_CHAT_USER)
    return TRUE;

  show_reasoning (self);
  show_end (self);

  text = vmp_chat_message_get_text (self->message, &len);
  if (len == 0 && self->text_view == NULL)
    return TRUE;
  if (self->text_view == NULL)
    {
      self->text_view = VMP_MARKDOWN_VIEW (vmp_markdown_view_new ());
      gtk_box_append (self->answer_text, GTK_WIDGET (self->text_view));
    }

  return vmp_markdown_view_render (self->text_view, text, len, deadline);
}

/* -- The widget ---------------------------------------------------------------------------- */

static void
expanded_cb (VmpChatRow *self)
{
  show_reasoning (self);
}

static void
copy_cb (VmpChatRow *self)
{
  vmp_ui_copy (GTK_WIDGET (self), vmp_chat_message_get_text (self->message, NULL), _("Message copied"));
}

static void
why_cb (VmpChatRow *self)
{
  const char *id = vmp_chat_message_get_figures (self->message)->request_id;

  if (id != NULL)
    vmp_chat_why_show (self->why_button, self->mirror, id);
}

static void
vmp_chat_row_dispose (GObject *object)
{
  VmpChatRow *self = VMP_CHAT_ROW (object);

  g_clear_object (&self->message);
  g_clear_object (&self->mirror);

  G_OBJECT_CLASS (vmp_chat_row_parent_class)->dispose (object);
}

static void
vmp_chat_row_class_init (VmpChatRowClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = vmp_chat_row_dispose;

  gtk_widget_class_set_template_from_resource (widget_class, "/io/github/lmstudio_vampire/Vampire/ui/chat-row.ui");
  gtk_widget_class_bind_template_child (widget_class, VmpChatRow, question);
  gtk_widget_class_bind_template_child (widget_class, VmpChatRow, question_label);
  gtk_widget_class_bind_template_child (widget_class, VmpChatRow, question_images);
  gtk_widget_class_bind_template_child (widget_class, VmpChatRow, edit_button);
  gtk_widget_class_bind_template_child (widget_class, VmpChatRow, answer);
  gtk_widget_class_bind_template_child (widget_class, VmpChatRow, name_label);
  gtk_widget_class_bind_template_child (widget_class, VmpChatRow, spinner);
  gtk_widget_class_bind_template_child (widget_class, VmpChatRow, reasoning);
  gtk_widget_class_bind_template_child (widget_class, VmpChatRow, reasoning_title);
  gtk_widget_class_bind_template_child (widget_class, VmpChatRow, answer_text);
  gtk_widget_class_bind_template_child (widget_class, VmpChatRow, problem_box);
  gtk_widget_class_bind_template_child (widget_class, VmpChatRow, problem_label);
  gtk_widget_class_bind_template_child (widget_class, VmpChatRow, retry_button);
  gtk_widget_class_bind_template_child (widget_class, VmpChatRow, footer);
  gtk_widget_class_bind_template_child (widget_class, VmpChatRow, figures_label);
  gtk_widget_class_bind_template_child (widget_class, VmpChatRow, why_button);
  gtk_widget_class_bind_template_child (widget_class, VmpChatRow, copy_button);
  gtk_widget_class_bind_template_child (widget_class, VmpChatRow, again_button);
  gtk_widget_class_bind_template_callback (widget_class, expanded_cb);
  gtk_widget_class_bind_template_callback (widget_class, copy_cb);
  gtk_widget_class_bind_template_callback (widget_class, why_cb);
}

static void
vmp_chat_row_init (VmpChatRow *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

VmpChatRow *
vmp_chat_row_new (VmpChatMessage *message,
                  VmpMirror      *mirror)
{
  VmpChatRow *self;
  gboolean is_question;

  g_return_val_if_fail (VMP_IS_CHAT_MESSAGE (message), NULL);
  g_return_val_if_fail (VMP_IS_MIRROR (mirror), NULL);

  self = g_object_new (VMP_TYPE_CHAT_ROW, NULL);
  self->message = g_object_ref (message);
  self->mirror = g_object_ref (mirror);

  is_question = vmp_chat_message_get_role (message) == VMP_CHAT_USER;
  gtk_widget_set_visible (GTK_WIDGET (self->question), is_question);
  gtk_widget_set_visible (GTK_WIDGET (self->answer), !is_question);
  if (is_question)
    show_question (self);
  else
    show_end (self);

  return self;
}

VmpChatMessage *
vmp_chat_row_get_message (VmpChatRow *self)
{
  g_return_val_if_fail (VMP_IS_CHAT_ROW (self), NULL);

  return self->message;
}

void
vmp_chat_row_set_last (VmpChatRow *self,
                       gboolean    is_last)
{
  g_return_if_fail (VMP_IS_CHAT_ROW (self));

  if (self->is_last == is_last)
    return;

  self->is_last = is_last;
  gtk_widget_set_visible (self->edit_button, is_last);
  if (vmp_chat_message_get_role (self->message) == VMP_CHAT_ASSISTANT)
    show_end (self);
}

void
vmp_chat_row_draw_anew (VmpChatRow *self)
{
  g_return_if_fail (VMP_IS_CHAT_ROW (self));

  if (self->text_view != NULL)
    gtk_widget_queue_draw (GTK_WIDGET (self->text_view));
}
