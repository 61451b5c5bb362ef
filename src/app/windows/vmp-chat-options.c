/* SPDX-License-Identifier: MIT
 *
 * How a model is asked. Numbers are entries, not sliders: empty means that the model's own is used, which a slider
 * cannot say.
 */

#include "app/windows/vmp-chat-options.h"

#include <glib/gi18n.h>
#include <math.h>

#define MAX_TOKENS 1000000

struct _VmpChatOptions {
  GtkPopover parent_instance;

  GtkTextBuffer *prompt;
  GtkEditable *temperature;
  GtkEditable *top_p;
  GtkEditable *max_tokens;
  GtkWidget *effort_label;
  GtkDropDown *effort;

  char **efforts; /* NULL: there is no choice */
  gboolean is_loading;
};

G_DEFINE_FINAL_TYPE (VmpChatOptions, vmp_chat_options, GTK_TYPE_POPOVER)

enum {
  SIGNAL_CHANGED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

/* A number as people write it, with the point of their language. FALSE for one that is out of place. */
static gboolean
read_number (const char *text,
             double      least,
             double      most,
             double     *value)
{
  g_autofree char *copy = g_strstrip (g_strdup (text));
  char *end;

  g_strdelimit (copy, ",", '.');
  if (*copy == '\0')
    return FALSE;
  *value = g_ascii_strtod (copy, &end);

  return *end == '\0' && isfinite (*value) && *value >= least && *value <= most;
}

/* -1: it is empty or wrong, which is seen. */
static double
read_entry (GtkEditable *entry,
            double       least,
            double       most)
{
  const char *text = gtk_editable_get_text (entry);
  double value = -1;
  gboolean is_right = read_number (text, least, most, &value);
  gboolean is_wrong = *text != '\0' && !is_right;

  if (is_wrong)
    gtk_widget_add_css_class (GTK_WIDGET (entry), "error");
  else
    gtk_widget_remove_css_class (GTK_WIDGET (entry), "error");
  gtk_accessible_update_state (GTK_ACCESSIBLE (entry), GTK_ACCESSIBLE_STATE_INVALID,
                               is_wrong ? GTK_ACCESSIBLE_INVALID_TRUE : GTK_ACCESSIBLE_INVALID_FALSE, -1);

  return is_right ? value : -1;
}

static void
changed_cb (VmpChatOptions *self)
{
  if (!self->is_loading)
    g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

static void
reset_cb (VmpChatOptions *self)
{
  self->is_loading = TRUE;
  gtk_editable_set_text (self->temperature, "");
  gtk_editable_set_text (self->top_p, "");
  gtk_editable_set_text (self->max_tokens, "");
  gtk_drop_down_set_selected (self->effort, 0);
  self->is_loading = FALSE;
  changed_cb (self);
}

static void
vmp_chat_options_finalize (GObject *object)
{
  g_strfreev (VMP_CHAT_OPTIONS (object)->efforts);

  G_OBJECT_CLASS (vmp_chat_options_parent_class)->finalize (object);
}

static void
vmp_chat_options_class_init (VmpChatOptionsClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->finalize = vmp_chat_options_finalize;

  signals[SIGNAL_CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                          G_TYPE_NONE, 0);

  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/lmstudio_vampire/Vampire/ui/chat-options.ui");
  gtk_widget_class_bind_template_child (widget_class, VmpChatOptions, prompt);
  gtk_widget_class_bind_template_child (widget_class, VmpChatOptions, temperature);
  gtk_widget_class_bind_template_child (widget_class, VmpChatOptions, top_p);
  gtk_widget_class_bind_template_child (widget_class, VmpChatOptions, max_tokens);
  gtk_widget_class_bind_template_child (widget_class, VmpChatOptions, effort_label);
  gtk_widget_class_bind_template_child (widget_class, VmpChatOptions, effort);
  gtk_widget_class_bind_template_callback (widget_class, changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, reset_cb);
}

static void
vmp_chat_options_init (VmpChatOptions *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}

/* -- To and from a chat -------------------------------------------------------------------- */

static void
show_number (GtkEditable *entry,
             double       value)
{
  char text[G_ASCII_DTOSTR_BUF_SIZE] = "";

  if (value >= 0)
    g_ascii_formatd (text, sizeof text, "%.10g", value);
  gtk_editable_set_text (entry, text);
  gtk_widget_remove_css_class (GTK_WIDGET (entry), "error");
}

void
vmp_chat_options_load (VmpChatOptions *self,
                       VmpChat        *chat)
{
  const VmpChatParameters *parameters;
  guint selected = 0;

  g_return_if_fail (VMP_IS_CHAT_OPTIONS (self));
  g_return_if_fail (VMP_IS_CHAT (chat));

  parameters = vmp_chat_get_parameters (chat);
  for (guint i = 0; self->efforts != NULL && self->efforts[i] != NULL; i++)
    {
      if (g_strcmp0 (self->efforts[i], parameters->reasoning_effort) == 0)
        selected = i + 1;
    }

  self->is_loading = TRUE;
  gtk_text_buffer_set_text (self->prompt, vmp_chat_get_system_prompt (chat), -1);
  show_number (self->temperature, parameters->temperature);
  show_number (self->top_p, parameters->top_p);
  show_number (self->max_tokens, parameters->max_tokens > 0 ? (double) parameters->max_tokens : -1);
  gtk_drop_down_set_selected (self->effort, selected);
  self->is_loading = FALSE;
}

void
vmp_chat_options_apply (VmpChatOptions *self,
                        VmpChat        *chat)
{
  VmpChatParameters parameters = VMP_CHAT_PARAMETERS_INIT;
  g_autofree char *prompt = NULL;
  GtkTextIter start;
  GtkTextIter end;
  guint selected;

  g_return_if_fail (VMP_IS_CHAT_OPTIONS (self));
  g_return_if_fail (VMP_IS_CHAT (chat));

  gtk_text_buffer_get_bounds (self->prompt, &start, &end);
  prompt = g_strstrip (gtk_text_buffer_get_text (self->prompt, &start, &end, FALSE));
  vmp_chat_set_system_prompt (chat, prompt);

  parameters.temperature = read_entry (self->temperature, 0, 2);
  parameters.top_p = read_entry (self->top_p, 0, 1);
  parameters.max_tokens = (gint64) MAX (0, read_entry (self->max_tokens, 1, MAX_TOKENS));
  selected = gtk_drop_down_get_selected (self->effort);
  if (self->efforts != NULL && selected > 0 && selected != GTK_INVALID_LIST_POSITION)
    parameters.reasoning_effort = self->efforts[selected - 1];
  vmp_chat_set_parameters (chat, &parameters);
}

void
vmp_chat_options_set_efforts (VmpChatOptions     *self,
                              const char * const *efforts)
{
  g_autoptr (GtkStringList) list = NULL;

  g_return_if_fail (VMP_IS_CHAT_OPTIONS (self));

  if ((efforts == NULL && self->efforts == NULL)
      || (efforts != NULL && self->efforts != NULL && g_strv_equal (efforts, (const char * const *) self->efforts)))
    return;

  g_strfreev (self->efforts);
  self->efforts = g_strdupv ((char **) efforts);
  list = gtk_string_list_new (NULL);
  gtk_string_list_append (list, _("Model’s Own"));
  for (guint i = 0; efforts != NULL && efforts[i] != NULL; i++)
    gtk_string_list_append (list, efforts[i]);

  self->is_loading = TRUE;
  gtk_drop_down_set_model (self->effort, G_LIST_MODEL (list));
  gtk_drop_down_set_selected (self->effort, 0);
  self->is_loading = FALSE;
  gtk_widget_set_visible (self->effort_label, efforts != NULL);
  gtk_widget_set_visible (GTK_WIDGET (self->effort), efforts != NULL);
}
