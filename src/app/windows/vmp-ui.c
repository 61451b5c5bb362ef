/* SPDX-License-Identifier: MIT
 *
 * See vmp-ui.h. Toasts and announcements look for their place in the window that the widget is in, so that pages need
 * not know which window shows them.
 */

#include "app/windows/vmp-ui.h"

#include <glib/gi18n.h>
#include <stdarg.h>

/* A screen reader gets its sentence once the text before it is gone from the tree. */
#define ANNOUNCER_NAME "announcer"

/* -- Asking -------------------------------------------------------------------------------- */

typedef struct {
  GtkWidget *widget;
  GtkRoot *root;       /* its window when it was asked; NULL: it had none */
  VmpMirror *mirror;
  VmpUiDone done;
  VmpUiFailed failed;
  gpointer user_data;
  GDestroyNotify destroy;
  gulong destroyed;    /* handler; 0: the widget is gone */
} Asking;

static void
asking_free (Asking *self)
{
  g_clear_signal_handler (&self->destroyed, self->widget);
  if (self->destroy != NULL)
    self->destroy (self->user_data);
  g_clear_object (&self->root);
  g_object_unref (self->widget);
  g_object_unref (self->mirror);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Asking, asking_free)

static void
widget_destroyed_cb (GtkWidget *widget,
                     Asking    *self)
{
  g_clear_signal_handler (&self->destroyed, widget);
}

static gboolean
is_open (GtkRoot *root)
{
  GListModel *windows = gtk_window_get_toplevels ();
  guint n_windows = g_list_model_get_n_items (windows);

  for (guint i = 0; i < n_windows; i++)
    {
      g_autoptr (GtkRoot) window = g_list_model_get_item (windows, i);

      if (window == root)
        return TRUE;
    }
  return FALSE;
}

/* A window that is closed lives on while this holds it, and so does what was in it. Nobody is there to be told. */
static gboolean
is_over (Asking *self)
{
  return self->destroyed == 0 || (self->root != NULL && !is_open (self->root));
}

static void
asked_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  g_autoptr (Asking) self = user_data;
  g_autoptr (VmpClientAnswer) answer = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *problem = NULL;

  answer = vmp_link_ask_finish (VMP_LINK (source), result, &error);

  if (is_over (self))
    return;

  if (answer == NULL)
    problem = g_strdup (error->message);
  else if (answer->status < 200 || answer->status > 299)
    problem = vmp_client_answer_dup_problem (answer);

  if (problem == NULL)
    {
      if (self->done != NULL)
        self->done (self->widget, answer->json, self->user_data);
    }
  else if (self->failed != NULL)
    {
      self->failed (self->widget, problem, self->user_data);
    }
  else
    {
      /* A row may have left its list in the meantime. */
      vmp_ui_toast (gtk_widget_get_root (self->widget) == NULL && self->root != NULL ? GTK_WIDGET (self->root)
                                                                                     : self->widget, problem);
    }
}

void
vmp_ui_ask_full (GtkWidget     *widget,
                 VmpMirror     *mirror,
                 const char    *method,
                 char          *path,
                 JsonNode      *body,
                 VmpUiDone      done,
                 VmpUiFailed    failed,
                 gpointer       user_data,
                 GDestroyNotify destroy)
{
  g_autofree char *owned_path = path;
  Asking *self;

  g_return_if_fail (GTK_IS_WIDGET (widget));
  g_return_if_fail (VMP_IS_MIRROR (mirror));
  g_return_if_fail (path != NULL);

  self = g_new0 (Asking, 1);
  self->widget = g_object_ref_sink (widget);
  self->root = gtk_widget_get_root (widget);
  if (self->root != NULL)
    g_object_ref (self->root);
  self->mirror = g_object_ref (mirror);
  self->done = done;
  self->failed = failed;
  self->user_data = user_data;
  self->destroy = destroy;
  self->destroyed = g_signal_connect (widget, "destroy", G_CALLBACK (widget_destroyed_cb), self);

  vmp_link_ask_async (vmp_mirror_get_link (mirror), method, owned_path, body, NULL, asked_cb, self);
}

void
vmp_ui_ask (GtkWidget  *widget,
            VmpMirror  *mirror,
            const char *method,
            char       *path,
            JsonNode   *body,
            VmpUiDone   done,
            gpointer    user_data)
{
  vmp_ui_ask_full (widget, mirror, method, path, body, done, NULL, user_data, NULL);
}

JsonNode *
vmp_ui_object (const char *name,
               ...)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();
  va_list args;

  json_builder_begin_object (builder);
  va_start (args, name);
  for (const char *member = name; member != NULL; member = va_arg (args, const char *))
    {
      const char *type = va_arg (args, const char *);
      const char *text;

      json_builder_set_member_name (builder, member);
      switch (type[0])
        {
        case 's':
          text = va_arg (args, const char *);
          if (text != NULL)
            json_builder_add_string_value (builder, text);
          else
            json_builder_add_null_value (builder);
          break;

        case 'b':
          json_builder_add_boolean_value (builder, va_arg (args, gboolean));
          break;

        case 'i':
          json_builder_add_int_value (builder, va_arg (args, gint64));
          break;

        case 'd':
          json_builder_add_double_value (builder, va_arg (args, double));
          break;

        case 'n':
          json_builder_add_null_value (builder);
          break;

        default:
          g_assert_not_reached ();
        }
    }
  va_end (args);
  json_builder_end_object (builder);

  return json_builder_get_root (builder);
}

/* -- Saying -------------------------------------------------------------------------------- */

typedef gboolean (*Wanted) (GtkWidget *widget);

static GtkWidget *
find_below (GtkWidget *widget,
            Wanted     wanted)
{
  if (wanted (widget))
    return widget;

  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL;
       child = gtk_widget_get_next_sibling (child))
    {
      GtkWidget *found = find_below (child, wanted);

      if (found != NULL)
        return found;
    }
  return NULL;
}

static gboolean
takes_toasts (GtkWidget *widget)
{
  return ADW_IS_TOAST_OVERLAY (widget);
}

static gboolean
announces (GtkWidget *widget)
{
  return GTK_IS_LABEL (widget) && g_strcmp0 (gtk_widget_get_name (widget), ANNOUNCER_NAME) == 0;
}

/* The nearest window with such a widget: dialogs have the one of the window that they are in front of. */
static GtkWidget *
find_in_windows (GtkWidget *widget,
                 Wanted     wanted)
{
  GtkRoot *root = gtk_widget_get_root (widget);

  while (root != NULL)
    {
      GtkWidget *found = find_below (GTK_WIDGET (root), wanted);

      if (found != NULL || !GTK_IS_WINDOW (root))
        return found;
      root = (GtkRoot *) gtk_window_get_transient_for (GTK_WINDOW (root));
    }
  return NULL;
}

/* @toast: (transfer full) */
static void
show_toast (GtkWidget *widget,
            AdwToast  *toast)
{
  GtkWidget *overlay = gtk_widget_get_ancestor (widget, ADW_TYPE_TOAST_OVERLAY);

  if (overlay == NULL)
    overlay = find_in_windows (widget, takes_toasts);

  if (overlay != NULL)
    adw_toast_overlay_add_toast (ADW_TOAST_OVERLAY (overlay), toast);
  else
    g_object_unref (toast);
}

/* A toast's title is markup. */
static AdwToast *
toast_new (const char *text)
{
  g_autofree char *escaped = g_markup_escape_text (text, -1);

  return adw_toast_new (escaped);
}

void
vmp_ui_toast (GtkWidget  *widget,
              const char *text)
{
  g_return_if_fail (GTK_IS_WIDGET (widget));
  g_return_if_fail (text != NULL);

  show_toast (widget, toast_new (text));
  vmp_ui_announce (widget, text);
}

/* What a button of a toast does, until the toast is gone. */
typedef struct {
  gpointer user_data;
  GDestroyNotify destroy;
} Owned;

static void
owned_free (gpointer data)
{
  Owned *self = data;

  if (self->destroy != NULL)
    self->destroy (self->user_data);
  g_free (self);
}

void
vmp_ui_toast_with_button (GtkWidget     *widget,
                          const char    *text,
                          const char    *label,
                          GCallback      action,
                          gpointer       user_data,
                          GDestroyNotify destroy)
{
  AdwToast *toast;
  Owned *owned;

  g_return_if_fail (GTK_IS_WIDGET (widget));
  g_return_if_fail (text != NULL && label != NULL);

  owned = g_new0 (Owned, 1);
  owned->user_data = user_data;
  owned->destroy = destroy;

  toast = toast_new (text);
  adw_toast_set_button_label (toast, label);
  /* What can be undone must be readable, and reachable by keyboard, before it goes. */
  adw_toast_set_timeout (toast, 10);
  g_object_set_data_full (G_OBJECT (toast), "vmp-owned", owned, owned_free);
  g_signal_connect (toast, "button-clicked", action, user_data);
  show_toast (widget, toast);
  vmp_ui_announce (widget, text);
}

void
vmp_ui_copy (GtkWidget  *widget,
             const char *text,
             const char *said)
{
  g_return_if_fail (GTK_IS_WIDGET (widget));
  g_return_if_fail (text != NULL);

  gdk_clipboard_set_text (gtk_widget_get_clipboard (widget), text);
  vmp_ui_toast (widget, said);
}

typedef struct {
  VmpUiConfirmed confirmed;
  gpointer user_data;
  GDestroyNotify destroy;
} Question;

static void
question_free (gpointer  data,
               GClosure *closure)
{
  Question *self = data;

  if (self->destroy != NULL)
    self->destroy (self->user_data);
  g_free (self);
}

static void
answered_cb (AdwMessageDialog *dialog,
             const char       *response,
             Question         *self)
{
  if (g_strcmp0 (response, "yes") == 0)
    self->confirmed (self->user_data);
}

void
vmp_ui_confirm (GtkWidget     *widget,
                const char    *heading,
                const char    *body,
                const char    *label,
                gboolean       is_destructive,
                VmpUiConfirmed confirmed,
                gpointer       user_data,
                GDestroyNotify destroy)
{
  GtkRoot *root;
  GtkWidget *dialog;
  Question *question;

  g_return_if_fail (GTK_IS_WIDGET (widget));
  g_return_if_fail (confirmed != NULL);

  root = gtk_widget_get_root (widget);
  dialog = adw_message_dialog_new (GTK_IS_WINDOW (root) ? GTK_WINDOW (root) : NULL, heading, body);
  adw_message_dialog_add_responses (ADW_MESSAGE_DIALOG (dialog), "cancel", _("_Cancel"), "yes", label, NULL);
  adw_message_dialog_set_response_appearance (ADW_MESSAGE_DIALOG (dialog), "yes",
                                              is_destructive ? ADW_RESPONSE_DESTRUCTIVE : ADW_RESPONSE_SUGGESTED);
  adw_message_dialog_set_default_response (ADW_MESSAGE_DIALOG (dialog), is_destructive ? "cancel" : "yes");
  adw_message_dialog_set_close_response (ADW_MESSAGE_DIALOG (dialog), "cancel");

  question = g_new0 (Question, 1);
  question->confirmed = confirmed;
  question->user_data = user_data;
  question->destroy = destroy;
  g_signal_connect_data (dialog, "response", G_CALLBACK (answered_cb), question, question_free, 0);

  gtk_window_present (GTK_WINDOW (dialog));
}

void
vmp_ui_announce (GtkWidget  *widget,
                 const char *text)
{
  GtkWidget *announcer;

  g_return_if_fail (GTK_IS_WIDGET (widget));
  g_return_if_fail (text != NULL);

  announcer = find_in_windows (widget, announces);
  if (announcer == NULL)
    return;

  /* Readers speak an alert when it appears; the same one appears again by going first. */
  gtk_widget_set_visible (announcer, FALSE);
  gtk_label_set_text (GTK_LABEL (announcer), text);
  gtk_widget_set_visible (announcer, TRUE);
}

/* -- Topics -------------------------------------------------------------------------------- */

typedef struct {
  VmpMirror *mirror;
  VmpTopic topic;
  gboolean held;
} Hold;

static void
hold_free (gpointer  data,
           GClosure *closure)
{
  Hold *self = data;

  if (self->held)
    vmp_mirror_release (self->mirror, self->topic);
  g_object_unref (self->mirror);
  g_free (self);
}

static void
mapped_cb (GtkWidget *widget,
           Hold      *self)
{
  if (!self->held)
    vmp_mirror_hold (self->mirror, self->topic);
  self->held = TRUE;
}

static void
unmapped_cb (GtkWidget *widget,
             Hold      *self)
{
  if (self->held)
    vmp_mirror_release (self->mirror, self->topic);
  self->held = FALSE;
}

void
vmp_ui_hold_while_mapped (GtkWidget *widget,
                          VmpMirror *mirror,
                          VmpTopic   topic)
{
  Hold *hold;

  g_return_if_fail (GTK_IS_WIDGET (widget));
  g_return_if_fail (VMP_IS_MIRROR (mirror));

  hold = g_new0 (Hold, 1);
  hold->mirror = g_object_ref (mirror);
  hold->topic = topic;

  /* Handlers go in the order in which they came: the one with the notify is the last to be freed. */
  g_signal_connect (widget, "unmap", G_CALLBACK (unmapped_cb), hold);
  g_signal_connect_data (widget, "map", G_CALLBACK (mapped_cb), hold, hold_free, 0);
  if (gtk_widget_get_mapped (widget))
    mapped_cb (widget, hold);
}

typedef struct {
  GtkWidget *widget;   /* not owned: the closure ends with it */
  VmpTopic topic;
  VmpUiChanged func;
} Watch;

static void
watch_free (gpointer  data,
            GClosure *closure)
{
  g_free (data);
}

static void
changed_cb (VmpMirror *mirror,
            guint      topic,
            Watch     *self)
{
  if (topic == self->topic)
    self->func (self->widget);
}

void
vmp_ui_watch (GtkWidget   *widget,
              VmpMirror   *mirror,
              VmpTopic     topic,
              VmpUiChanged func)
{
  Watch *watch;
  GClosure *closure;

  g_return_if_fail (GTK_IS_WIDGET (widget));
  g_return_if_fail (VMP_IS_MIRROR (mirror));

  watch = g_new0 (Watch, 1);
  watch->widget = widget;
  watch->topic = topic;
  watch->func = func;

  closure = g_cclosure_new (G_CALLBACK (changed_cb), watch, watch_free);
  g_object_watch_closure (G_OBJECT (widget), closure);
  g_signal_connect_closure (mirror, "changed", closure, FALSE);
  func (widget);
}

GtkLabel *
vmp_ui_add_label (GtkWidget  *box,
                  const char *css_class)
{
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  if (css_class != NULL)
    gtk_widget_add_css_class (label, css_class);
  gtk_box_append (GTK_BOX (box), label);

  return GTK_LABEL (label);
}
