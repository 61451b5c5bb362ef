/* SPDX-License-Identifier: MIT
 *
 * See vmp-playground-page.h. The page has one chat, or two that are asked the same; one composer and one set of options
 * for both. What is sent and shown is the chats' and their views' business; here they are put together.
 */

#include "app/windows/vmp-playground-page.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-chat-chooser.h"
#include "app/windows/vmp-chat-columns.h"
#include "app/windows/vmp-chat-composer.h"
#include "app/windows/vmp-chat-history.h"
#include "app/windows/vmp-chat-keeper.h"
#include "app/windows/vmp-chat-options.h"
#include "app/windows/vmp-chat-view.h"
#include "app/windows/vmp-ui.h"

#define CHAT_PATH "/v1/chat/completions"

/* Whom the first chat of all is with. */
#define FIRST_TARGET "vampire:auto"

#define N_CHATS 2

struct _VmpPlaygroundPage {
  AdwBin parent_instance;

  VmpChatChooser *chooser;
  GtkWidget *column_switch;
  GtkToggleButton *first_button;
  GtkToggleButton *second_button;
  GtkLabel *first_label;
  GtkLabel *second_label;
  GtkToggleButton *compare_button;
  GtkMenuButton *options_button;
  VmpChatOptions *options;
  VmpChatHistory *history;
  GtkWidget *new_button;
  VmpChatColumns *columns;
  VmpChatComposer *composer;

  VmpMirror *mirror;
  VmpChatTargets *targets;
  VmpChatKeeper *keeper;
  VmpChat *chats[N_CHATS];        /* the second: NULL while nothing is compared */
  VmpChatView *views[N_CHATS];    /* the same; not owned */
  char *kept_ids[N_CHATS];        /* names under which they are kept */
  GCancellable *cancellable;
};

G_DEFINE_FINAL_TYPE (VmpPlaygroundPage, vmp_playground_page, ADW_TYPE_BIN)

static gboolean
is_comparing (VmpPlaygroundPage *self)
{
  return self->chats[1] != NULL;
}

static gboolean
is_writing (VmpPlaygroundPage *self)
{
  return vmp_chat_is_writing (self->chats[0]) || (is_comparing (self) && vmp_chat_is_writing (self->chats[1]));
}

/* -- What the chats are with --------------------------------------------------------------- */

static VmpChatTarget *
find_target (VmpPlaygroundPage *self,
             guint              i)
{
  return self->chats[i] != NULL ? vmp_chat_targets_find (self->targets, vmp_chat_get_target (self->chats[i])) : NULL;
}

/* What a chat is with, as people know it. */
static const char *
get_target_title (VmpPlaygroundPage *self,
                  guint              i)
{
  VmpChatTarget *target = find_target (self, i);
  const char *id = vmp_chat_get_target (self->chats[i]);

  if (target != NULL)
    return vmp_chat_target_get_title (target);

  return id != NULL ? id : _("No Model");
}

static void
update_composer (VmpPlaygroundPage *self)
{
  g_autofree char *blindness = NULL;
  const char *obstacle = NULL;

  for (guint i = 0; i < N_CHATS && self->chats[i] != NULL; i++)
    {
      VmpChatTarget *target = find_target (self, i);

      if (vmp_chat_get_target (self->chats[i]) == NULL)
        obstacle = _("Choose a model first.");
      if (target != NULL && !vmp_chat_target_can_see (target) && blindness == NULL)
        /* Translators: %s is a model's name */
        blindness = g_strdup_printf (_("%s cannot see images."), vmp_chat_target_get_title (target));
    }

  vmp_chat_composer_set_obstacle (self->composer, obstacle);
  vmp_chat_composer_set_blindness (self->composer, blindness);
}

static gboolean
has_effort (VmpChatTarget *target,
            const char    *effort)
{
  return target != NULL && vmp_chat_target_get_efforts (target) != NULL
         && g_strv_contains (vmp_chat_target_get_efforts (target), effort);
}

/* Each chat gets what its model understands. */
static void
apply_options (VmpPlaygroundPage *self)
{
  for (guint i = 0; i < N_CHATS && self->chats[i] != NULL; i++)
    {
      VmpChatParameters parameters;

      vmp_chat_options_apply (self->options, self->chats[i]);
      parameters = *vmp_chat_get_parameters (self->chats[i]);
      if (parameters.reasoning_effort != NULL && !has_effort (find_target (self, i), parameters.reasoning_effort))
        {
          parameters.reasoning_effort = NULL;
          vmp_chat_set_parameters (self->chats[i], &parameters);
        }
    }
}

static void
update_options (VmpPlaygroundPage *self)
{
  const char * const *efforts = NULL;

  for (guint i = 0; i < N_CHATS && efforts == NULL; i++)
    {
      VmpChatTarget *target = find_target (self, i);

      if (target != NULL)
        efforts = vmp_chat_target_get_efforts (target);
    }
  vmp_chat_options_set_efforts (self->options, efforts);
}

static void
update_switch (VmpPlaygroundPage *self)
{
  gboolean is_shown = is_comparing (self) && vmp_chat_columns_get_folded (self->columns);

  gtk_widget_set_visible (self->column_switch, is_shown);
  gtk_widget_set_visible (GTK_WIDGET (self->chooser), !is_comparing (self));
  if (is_comparing (self))
    {
      gtk_label_set_text (self->first_label, get_target_title (self, 0));
      gtk_label_set_text (self->second_label, get_target_title (self, 1));
    }
}

static void
update_targets (VmpPlaygroundPage *self)
{
  update_composer (self);
  update_options (self);
  update_switch (self);
}

static void
target_changed_cb (VmpPlaygroundPage *self)
{
  vmp_chat_keeper_set_last_target (self->keeper, vmp_chat_get_target (self->chats[0]));
  update_targets (self);
}

static void
writing_changed_cb (VmpPlaygroundPage *self)
{
  vmp_chat_composer_set_writing (self->composer, is_writing (self));
  gtk_widget_set_sensitive (GTK_WIDGET (self->compare_button), !is_writing (self));
}

/* -- Keeping ------------------------------------------------------------------------------- */

static void
keep (VmpPlaygroundPage *self,
      guint              i)
{
  if (!vmp_chat_keeper_get_keeps (self->keeper) || vmp_chat_is_empty (self->chats[i]))
    return;

  if (self->kept_ids[i] == NULL)
    self->kept_ids[i] = vmp_chat_keeper_make_id (self->keeper);
  vmp_chat_keeper_keep (self->keeper, self->kept_ids[i], vmp_chat_to_document (self->chats[i]));
}

static void
answered_cb (VmpPlaygroundPage *self,
             VmpChatMessage    *answer,
             VmpChat           *chat)
{
  keep (self, chat == self->chats[0] ? 0 : 1);
}

static void
keeps_changed_cb (VmpPlaygroundPage *self)
{
  for (guint i = 0; i < N_CHATS && self->chats[i] != NULL; i++)
    {
      if (!vmp_chat_is_writing (self->chats[i]))
        keep (self, i);
    }
}

static void
keeper_failed_cb (VmpPlaygroundPage *self,
                  const char        *problem)
{
  vmp_ui_toast (GTK_WIDGET (self), problem);
}

/* -- Chats --------------------------------------------------------------------------------- */

static void
send_func (JsonNode                 *body,
           GCancellable             *cancellable,
           const VmpLinkStreamFuncs *funcs,
           gpointer                  stream_data,
           gpointer                  user_data)
{
  vmp_link_stream (user_data, CHAT_PATH, body, cancellable, funcs, stream_data);
}

/* It was taken back from one chat; the question of both is the same. */
static void
edit_cb (VmpPlaygroundPage *self,
         VmpChatMessage    *question,
         VmpChatView       *view)
{
  VmpChat *other = is_comparing (self) ? self->chats[view == self->views[0] ? 1 : 0] : NULL;

  if (other != NULL)
    {
      g_autoptr (VmpChatMessage) same = vmp_chat_take_back (other);
    }
  vmp_chat_composer_set_content (self->composer, vmp_chat_message_get_text (question, NULL),
                                 vmp_chat_message_get_images (question));
  vmp_chat_composer_focus (self->composer);
}

static void
make_chat (VmpPlaygroundPage *self,
           guint              i)
{
  VmpLink *link = vmp_mirror_get_link (self->mirror);
  VmpChat *chat = vmp_chat_new (send_func, link);

  /* The link is what it sends by: it lasts as long. */
  g_object_set_data_full (G_OBJECT (chat), "vmp-link", g_object_ref (link), g_object_unref);
  self->chats[i] = chat;
  self->views[i] = vmp_chat_view_new (chat, self->mirror, self->targets);

  g_signal_connect_object (chat, "notify::target", G_CALLBACK (target_changed_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (chat, "notify::writing", G_CALLBACK (writing_changed_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (chat, "answered", G_CALLBACK (answered_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->views[i], "edit", G_CALLBACK (edit_cb), self, G_CONNECT_SWAPPED);
}

/* Another model than the first chat's, one that is loaded if there is one. */
static const char *
choose_second_target (VmpPlaygroundPage *self)
{
  const char *first = vmp_chat_get_target (self->chats[0]);
  const char *second = NULL;
  guint n = g_list_model_get_n_items (G_LIST_MODEL (self->targets));

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (VmpChatTarget) target = g_list_model_get_item (G_LIST_MODEL (self->targets), i);

      if (vmp_chat_target_get_kind (target) != VMP_CHAT_TARGET_MODEL
          || g_strcmp0 (vmp_chat_target_get_id (target), first) == 0)
        continue;
      if (second == NULL || vmp_chat_target_is_loaded (target))
        second = vmp_chat_target_get_id (target);
      if (vmp_chat_target_is_loaded (target))
        break;
    }

  return second != NULL ? second : first;
}

/* The second chat begins with what the first one knows. */
static void
begin_comparing (VmpPlaygroundPage *self)
{
  g_autoptr (JsonNode) document = vmp_chat_to_document (self->chats[0]);

  make_chat (self, 1);
  vmp_chat_load_document (self->chats[1], json_node_get_object (document));
  vmp_chat_set_target (self->chats[1], choose_second_target (self));
  vmp_chat_columns_set_children (self->columns, GTK_WIDGET (self->views[0]), GTK_WIDGET (self->views[1]));
  vmp_chat_view_set_shows_chooser (self->views[0], TRUE);
  vmp_chat_view_set_shows_chooser (self->views[1], TRUE);
  update_targets (self);
}

static void
end_comparing (VmpPlaygroundPage *self)
{
  g_autoptr (VmpChat) chat = NULL;

  vmp_chat_stop (self->chats[1]);
  chat = g_steal_pointer (&self->chats[1]);
  self->views[1] = NULL;
  g_signal_handlers_disconnect_by_data (chat, self);
  vmp_chat_columns_set_children (self->columns, GTK_WIDGET (self->views[0]), NULL);
  vmp_chat_view_set_shows_chooser (self->views[0], FALSE);
  g_clear_pointer (&self->kept_ids[1], g_free);
  gtk_toggle_button_set_active (self->first_button, TRUE);
  writing_changed_cb (self);
  update_targets (self);
}

static void
compare_toggled_cb (VmpPlaygroundPage *self)
{
  gboolean compares = gtk_toggle_button_get_active (self->compare_button);

  if (self->chats[0] == NULL || compares == is_comparing (self))
    return;

  if (compares)
    begin_comparing (self);
  else
    end_comparing (self);
  vmp_chat_composer_focus (self->composer);
}

static void
column_toggled_cb (VmpPlaygroundPage *self)
{
  vmp_chat_columns_show_second (self->columns, gtk_toggle_button_get_active (self->second_button));
}

static void
send_cb (VmpPlaygroundPage *self)
{
  g_autofree char *text = vmp_chat_composer_dup_text (self->composer);
  g_autoptr (GPtrArray) images = g_ptr_array_ref (vmp_chat_composer_get_images (self->composer));
  gboolean is_asked = TRUE;

  if (is_writing (self))
    return;

  apply_options (self);
  for (guint i = 0; i < N_CHATS && self->chats[i] != NULL; i++)
    is_asked = vmp_chat_ask (self->chats[i], text, images) && is_asked;

  if (is_asked)
    vmp_chat_composer_set_content (self->composer, "", NULL);
  else
    vmp_ui_toast (GTK_WIDGET (self), _("This conversation is full. Begin a new one."));
}

static void
stop (VmpPlaygroundPage *self)
{
  for (guint i = 0; i < N_CHATS && self->chats[i] != NULL; i++)
    vmp_chat_stop (self->chats[i]);
}

static void
begin_anew (VmpPlaygroundPage *self)
{
  for (guint i = 0; i < N_CHATS; i++)
    {
      if (self->chats[i] != NULL)
        vmp_chat_clear (self->chats[i]);
      g_clear_pointer (&self->kept_ids[i], g_free);
    }
  vmp_chat_composer_focus (self->composer);
}

static void
options_changed_cb (VmpPlaygroundPage *self)
{
  apply_options (self);
}

/* -- Opening what was kept ----------------------------------------------------------------- */

typedef struct {
  VmpPlaygroundPage *page;
  char *id;
} Opening;

static void
opened_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  Opening *opening = user_data;
  g_autoptr (VmpPlaygroundPage) self = opening->page;
  g_autofree char *id = opening->id;
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) document = vmp_chat_keeper_read_finish (VMP_CHAT_KEEPER (source), result, &error);

  g_free (opening);
  if (self->chats[0] == NULL)
    return;

  if (document == NULL)
    {
      vmp_ui_toast (GTK_WIDGET (self), error->message);
      return;
    }

  gtk_toggle_button_set_active (self->compare_button, FALSE);
  if (!vmp_chat_load_document (self->chats[0], json_node_get_object (document)))
    {
      vmp_ui_toast (GTK_WIDGET (self), _("This conversation cannot be read: its file is gone or damaged."));
      return;
    }

  g_free (self->kept_ids[0]);
  self->kept_ids[0] = g_steal_pointer (&id);
  update_targets (self);
  vmp_chat_options_load (self->options, self->chats[0]);
  vmp_chat_composer_focus (self->composer);
}

static void
open_cb (VmpPlaygroundPage *self,
         const char        *id)
{
  Opening *opening = g_new0 (Opening, 1);

  opening->page = g_object_ref (self);
  opening->id = g_strdup (id);
  vmp_chat_keeper_read_async (self->keeper, id, self->cancellable, opened_cb, opening);
}

/* -- Keys and dropping --------------------------------------------------------------------- */

static void
new_cb (VmpPlaygroundPage *self)
{
  begin_anew (self);
}

static void
stop_cb (VmpPlaygroundPage *self)
{
  stop (self);
}

static gboolean
drop_cb (VmpPlaygroundPage *self,
         const GValue      *value)
{
  return vmp_chat_composer_take_value (self->composer, value);
}

typedef enum {
  KEY_NEW,
  KEY_STOP,
  KEY_COMPARE,
  KEY_QUESTION,
  KEY_CHOOSE,
  KEY_ATTACH
} Key;

static const struct {
  const char *trigger;
  Key key;
} keys[] = {
  { "<Control>n", KEY_NEW },
  { "Escape", KEY_STOP },
  { "<Control><Shift>c", KEY_COMPARE },
  { "<Control>l", KEY_QUESTION },
  { "<Control>m", KEY_CHOOSE },
  { "<Control>o", KEY_ATTACH },
};

static gboolean
key_cb (GtkWidget *widget,
        GVariant  *args,
        gpointer   user_data)
{
  VmpPlaygroundPage *self = VMP_PLAYGROUND_PAGE (widget);

  /* They are the window's while this page is the one that is seen. */
  if (!gtk_widget_get_mapped (widget))
    return FALSE;

  switch ((Key) GPOINTER_TO_INT (user_data))
    {
    case KEY_NEW:
      begin_anew (self);
      return TRUE;

    case KEY_STOP:
      if (!is_writing (self))
        return FALSE;
      stop (self);
      return TRUE;

    case KEY_COMPARE:
      if (gtk_widget_get_sensitive (GTK_WIDGET (self->compare_button)))
        gtk_toggle_button_set_active (self->compare_button, !is_comparing (self));
      return TRUE;

    case KEY_QUESTION:
      vmp_chat_composer_focus (self->composer);
      return TRUE;

    case KEY_CHOOSE:
      if (!is_comparing (self))
        vmp_chat_chooser_popup (self->chooser);
      return TRUE;

    case KEY_ATTACH:
      vmp_chat_composer_choose_images (self->composer);
      return TRUE;

    default:
      return FALSE;
    }
}

static void
add_keys (VmpPlaygroundPage *self)
{
  GtkEventController *controller = gtk_shortcut_controller_new ();

  gtk_shortcut_controller_set_scope (GTK_SHORTCUT_CONTROLLER (controller), GTK_SHORTCUT_SCOPE_GLOBAL);
  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    gtk_shortcut_controller_add_shortcut (GTK_SHORTCUT_CONTROLLER (controller),
                                          gtk_shortcut_new (gtk_shortcut_trigger_parse_string (keys[i].trigger),
                                                            gtk_callback_action_new (key_cb,
                                                                                     GINT_TO_POINTER (keys[i].key),
                                                                                     NULL)));
  gtk_widget_add_controller (GTK_WIDGET (self), controller);
}

static void
add_drop_target (VmpPlaygroundPage *self)
{
  GType types[] = { GDK_TYPE_FILE_LIST, GDK_TYPE_TEXTURE };
  GtkDropTarget *target = gtk_drop_target_new (G_TYPE_INVALID, GDK_ACTION_COPY);

  gtk_drop_target_set_gtypes (target, types, G_N_ELEMENTS (types));
  g_signal_connect_object (target, "drop", G_CALLBACK (drop_cb), self, G_CONNECT_SWAPPED);
  gtk_widget_add_controller (GTK_WIDGET (self), GTK_EVENT_CONTROLLER (target));
}

/* -- The page ------------------------------------------------------------------------------ */

static gboolean
vmp_playground_page_grab_focus (GtkWidget *widget)
{
  vmp_chat_composer_focus (VMP_PLAYGROUND_PAGE (widget)->composer);

  return TRUE;
}

static void
vmp_playground_page_dispose (GObject *object)
{
  VmpPlaygroundPage *self = VMP_PLAYGROUND_PAGE (object);

  if (self->cancellable != NULL)
    g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  for (guint i = 0; i < N_CHATS; i++)
    {
      if (self->chats[i] != NULL)
        {
          g_signal_handlers_disconnect_by_data (self->chats[i], self);
          vmp_chat_stop (self->chats[i]);
        }
      g_clear_object (&self->chats[i]);
    }
  g_clear_object (&self->targets);
  g_clear_object (&self->keeper);
  g_clear_object (&self->mirror);

  G_OBJECT_CLASS (vmp_playground_page_parent_class)->dispose (object);
}

static void
vmp_playground_page_finalize (GObject *object)
{
  VmpPlaygroundPage *self = VMP_PLAYGROUND_PAGE (object);

  for (guint i = 0; i < N_CHATS; i++)
    g_free (self->kept_ids[i]);

  G_OBJECT_CLASS (vmp_playground_page_parent_class)->finalize (object);
}

static void
vmp_playground_page_class_init (VmpPlaygroundPageClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = vmp_playground_page_dispose;
  G_OBJECT_CLASS (klass)->finalize = vmp_playground_page_finalize;
  widget_class->grab_focus = vmp_playground_page_grab_focus;

  g_type_ensure (VMP_TYPE_CHAT_CHOOSER);
  g_type_ensure (VMP_TYPE_CHAT_COLUMNS);
  g_type_ensure (VMP_TYPE_CHAT_COMPOSER);
  g_type_ensure (VMP_TYPE_CHAT_HISTORY);
  g_type_ensure (VMP_TYPE_CHAT_OPTIONS);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/lmstudio_vampire/Vampire/ui/playground-page.ui");
  gtk_widget_class_bind_template_child (widget_class, VmpPlaygroundPage, chooser);
  gtk_widget_class_bind_template_child (widget_class, VmpPlaygroundPage, column_switch);
  gtk_widget_class_bind_template_child (widget_class, VmpPlaygroundPage, first_button);
  gtk_widget_class_bind_template_child (widget_class, VmpPlaygroundPage, second_button);
  gtk_widget_class_bind_template_child (widget_class, VmpPlaygroundPage, first_label);
  gtk_widget_class_bind_template_child (widget_class, VmpPlaygroundPage, second_label);
  gtk_widget_class_bind_template_child (widget_class, VmpPlaygroundPage, compare_button);
  gtk_widget_class_bind_template_child (widget_class, VmpPlaygroundPage, options_button);
  gtk_widget_class_bind_template_child (widget_class, VmpPlaygroundPage, options);
  gtk_widget_class_bind_template_child (widget_class, VmpPlaygroundPage, history);
  gtk_widget_class_bind_template_child (widget_class, VmpPlaygroundPage, new_button);
  gtk_widget_class_bind_template_child (widget_class, VmpPlaygroundPage, columns);
  gtk_widget_class_bind_template_child (widget_class, VmpPlaygroundPage, composer);
  gtk_widget_class_bind_template_callback (widget_class, compare_toggled_cb);
  gtk_widget_class_bind_template_callback (widget_class, column_toggled_cb);
  gtk_widget_class_bind_template_callback (widget_class, options_changed_cb);
  gtk_widget_class_bind_template_callback (widget_class, open_cb);
  gtk_widget_class_bind_template_callback (widget_class, new_cb);
  gtk_widget_class_bind_template_callback (widget_class, send_cb);
  gtk_widget_class_bind_template_callback (widget_class, stop_cb);
  gtk_widget_class_bind_template_callback (widget_class, update_switch);
}

static void
vmp_playground_page_init (VmpPlaygroundPage *self)
{
  self->cancellable = g_cancellable_new ();
  gtk_widget_init_template (GTK_WIDGET (self));
  add_keys (self);
  add_drop_target (self);
}

GtkWidget *
vmp_playground_page_new (VmpMirror *mirror)
{
  VmpPlaygroundPage *self;
  const char *target;

  g_return_val_if_fail (VMP_IS_MIRROR (mirror), NULL);

  self = g_object_new (VMP_TYPE_PLAYGROUND_PAGE, NULL);
  self->mirror = g_object_ref (mirror);
  self->targets = vmp_chat_targets_new (mirror);
  self->keeper = vmp_chat_keeper_new (NULL, NULL);
  vmp_chat_chooser_set_targets (self->chooser, self->targets);
  vmp_chat_history_set_keeper (self->history, self->keeper);

  make_chat (self, 0);
  target = vmp_chat_keeper_get_last_target (self->keeper);
  vmp_chat_set_target (self->chats[0], target != NULL ? target : FIRST_TARGET);
  g_object_bind_property (self->chats[0], "target", self->chooser, "target",
                          G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE);
  vmp_chat_columns_set_children (self->columns, GTK_WIDGET (self->views[0]), NULL);

  g_signal_connect_object (self->keeper, "notify::keeps", G_CALLBACK (keeps_changed_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->keeper, "failed", G_CALLBACK (keeper_failed_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (self->targets, "items-changed", G_CALLBACK (update_targets), self, G_CONNECT_SWAPPED);
  vmp_ui_hold_while_mapped (GTK_WIDGET (self), mirror, VMP_TOPIC_VIRTUAL_MODELS);
  vmp_ui_hold_while_mapped (GTK_WIDGET (self), mirror, VMP_TOPIC_ROUTES);
  vmp_ui_hold_while_mapped (GTK_WIDGET (self), mirror, VMP_TOPIC_MODELS);
  update_targets (self);

  return GTK_WIDGET (self);
}

void
vmp_playground_page_set_target (VmpPlaygroundPage *self,
                                const char        *target)
{
  g_return_if_fail (VMP_IS_PLAYGROUND_PAGE (self));

  vmp_chat_set_target (self->chats[0], target);
}
