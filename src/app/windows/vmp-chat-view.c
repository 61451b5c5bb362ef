/* SPDX-License-Identifier: MIT
 *
 * A chat on screen. Rows are plain children of a box: a list view would reuse them, and with that lose the selection
 * and the place of its reader each time that an answer above the fold grows. One tick callback makes rows that are
 * still to be made and has changed ones show what is new; it runs only while there is something to do.
 */

#include "app/windows/vmp-chat-view.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-chat-chooser.h"
#include "app/windows/vmp-chat-row.h"
#include "app/windows/vmp-chat-rows.h"
#include "app/windows/vmp-markdown.h"
#include "app/windows/vmp-ui.h"

/* µs of a frame that making widgets may take. To find out how large they are takes some ten times as long as to make
 * them, and they have to be drawn as well. */
#define FRAME_SHARE_US 1000

/* Pixels from the end that still count as being there. */
#define END_PIXELS 24

/* Bytes of an answer that a screen reader is given at its end. */
#define ANNOUNCED_BYTES 2000

struct _VmpChatView {
  AdwBin parent_instance;

  GtkWidget *chooser_box;
  VmpChatChooser *chooser;
  GtkStack *stack;
  GtkScrolledWindow *scroller;
  VmpChatRows *rows;
  GtkRevealer *jump_revealer;
  GtkWidget *jump_button;

  VmpChat *chat;
  VmpMirror *mirror;
  GPtrArray *shown;       /* of VmpChatRow, one for each message up to now; not owned */
  GPtrArray *leaving;     /* of VmpChatRow: not seen any more, to be taken down when there is time; not owned */
  GHashTable *dirty;      /* of VmpChatRow: those with something new; not owned */
  guint tick;             /* 0: there is nothing to do */
  gboolean is_following;  /* the end, as it moves */
  gboolean is_moving;     /* by ourselves */
};

G_DEFINE_FINAL_TYPE (VmpChatView, vmp_chat_view, ADW_TYPE_BIN)

enum {
  SIGNAL_EDIT,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

static void ensure_tick (VmpChatView *self);

/* -- Following the end --------------------------------------------------------------------- */

static GtkAdjustment *
get_adjustment (VmpChatView *self)
{
  return gtk_scrolled_window_get_vadjustment (self->scroller);
}

static gboolean
is_at_end (VmpChatView *self)
{
  GtkAdjustment *adjustment = get_adjustment (self);

  return gtk_adjustment_get_value (adjustment) + gtk_adjustment_get_page_size (adjustment) + END_PIXELS
         >= gtk_adjustment_get_upper (adjustment);
}

static void
move_to_end (VmpChatView *self)
{
  GtkAdjustment *adjustment = get_adjustment (self);

  self->is_moving = TRUE;
  gtk_adjustment_set_value (adjustment,
                            gtk_adjustment_get_upper (adjustment) - gtk_adjustment_get_page_size (adjustment));
  self->is_moving = FALSE;
}

static void
show_jump_button (VmpChatView *self)
{
  gtk_revealer_set_reveal_child (self->jump_revealer, !self->is_following && !is_at_end (self));
}

/* Only what is seen is drawn, and that is something else now. */
static void
draw_anew (VmpChatView *self)
{
  gtk_widget_queue_draw (GTK_WIDGET (self->rows));
  for (guint i = 0; i < self->shown->len; i++)
    vmp_chat_row_draw_anew (g_ptr_array_index (self->shown, i));
}

/* Its size has changed. That is told in the middle of an allocation, where nothing may be moved: the next frame does
 * it. */
static void
adjustment_changed_cb (VmpChatView *self)
{
  draw_anew (self);
  ensure_tick (self);
}

/* Its reader, or we, have scrolled. */
static void
value_changed_cb (VmpChatView *self)
{
  if (!self->is_moving)
    self->is_following = is_at_end (self);
  draw_anew (self);
  ensure_tick (self);
}

static void
jump_cb (VmpChatView *self)
{
  vmp_chat_view_scroll_to_end (self);
}

/* -- Rows ---------------------------------------------------------------------------------- */

static void
message_changed_cb (VmpChatView    *self,
                    VmpChatMessage *message)
{
  for (guint i = self->shown->len; i > 0; i--)
    {
      VmpChatRow *row = g_ptr_array_index (self->shown, i - 1);

      if (vmp_chat_row_get_message (row) == message)
        {
          g_hash_table_add (self->dirty, row);
          ensure_tick (self);
          break;
        }
    }
}

static void
add_row (VmpChatView    *self,
         VmpChatMessage *message)
{
  VmpChatRow *row = vmp_chat_row_new (message, self->mirror);

  g_signal_connect_object (message, "changed", G_CALLBACK (message_changed_cb), self, G_CONNECT_SWAPPED);
  vmp_chat_rows_append (self->rows, GTK_WIDGET (row));
  g_ptr_array_add (self->shown, row);
  g_hash_table_add (self->dirty, row);
}

/* Taking down the widgets of a long chat takes longer than a frame. */
static void
remove_row (VmpChatView *self,
            guint        position)
{
  VmpChatRow *row = g_ptr_array_index (self->shown, position);

  g_signal_handlers_disconnect_by_data (vmp_chat_row_get_message (row), self);
  g_hash_table_remove (self->dirty, row);
  g_ptr_array_remove_index (self->shown, position);
  gtk_widget_set_visible (GTK_WIDGET (row), FALSE);
  g_ptr_array_add (self->leaving, row);
}

static void
take_down_row (VmpChatView *self)
{
  VmpChatRow *row = g_ptr_array_steal_index (self->leaving, self->leaving->len - 1);

  vmp_chat_rows_remove (self->rows, GTK_WIDGET (row));
}

/* Its last question and its last answer can be changed and asked for again. */
static void
mark_last (VmpChatView *self)
{
  guint n = g_list_model_get_n_items (vmp_chat_get_messages (self->chat));

  for (guint i = 0; i < self->shown->len; i++)
    vmp_chat_row_set_last (g_ptr_array_index (self->shown, i), i + 2 >= n);
}

/* TRUE when nothing is left to do. The newest are shown first: that is where its reader is. */
static gboolean
render (VmpChatView *self,
        gint64       deadline)
{
  GListModel *messages = vmp_chat_get_messages (self->chat);
  guint n = g_list_model_get_n_items (messages);
  gboolean has_added = self->shown->len < n;

  while (self->shown->len < n)
    {
      g_autoptr (VmpChatMessage) message = g_list_model_get_item (messages, self->shown->len);

      add_row (self, message);
      if (g_get_monotonic_time () >= deadline)
        break;
    }
  if (has_added)
    mark_last (self);

  for (guint i = self->shown->len; i > 0 && g_get_monotonic_time () < deadline; i--)
    {
      VmpChatRow *row = g_ptr_array_index (self->shown, i - 1);

      if (g_hash_table_contains (self->dirty, row) && vmp_chat_row_render (row, deadline))
        g_hash_table_remove (self->dirty, row);
      if (g_hash_table_size (self->dirty) == 0)
        break;
    }

  while (self->leaving->len > 0 && g_get_monotonic_time () < deadline)
    take_down_row (self);

  return self->shown->len == n && g_hash_table_size (self->dirty) == 0 && self->leaving->len == 0;
}

static gboolean
tick_cb (GtkWidget     *widget,
         GdkFrameClock *clock,
         gpointer       user_data)
{
  VmpChatView *self = VMP_CHAT_VIEW (widget);

  if (self->is_following)
    move_to_end (self);
  show_jump_button (self);

  if (!render (self, g_get_monotonic_time () + FRAME_SHARE_US))
    return G_SOURCE_CONTINUE;

  self->tick = 0;

  return G_SOURCE_REMOVE;
}

static void
ensure_tick (VmpChatView *self)
{
  if (self->tick == 0)
    self->tick = gtk_widget_add_tick_callback (GTK_WIDGET (self), tick_cb, NULL, NULL);
}

static void
messages_changed_cb (VmpChatView *self,
                     guint        position,
                     guint        removed,
                     guint        added)
{
  gboolean is_empty = vmp_chat_is_empty (self->chat);

  /* Rows from there on are made anew: what comes after a change is new in each case there is. */
  while (self->shown->len > position)
    remove_row (self, self->shown->len - 1);

  if (added > 0)
    self->is_following = TRUE;
  mark_last (self);
  gtk_stack_set_visible_child_name (self->stack, is_empty ? "empty" : "messages");
  ensure_tick (self);
}

/* -- What happens to the chat -------------------------------------------------------------- */

static void
update_actions (VmpChatView *self)
{
  gboolean has_target = vmp_chat_get_target (self->chat) != NULL;

  gtk_widget_action_set_enabled (GTK_WIDGET (self), "chat.regenerate", has_target);
}

static void
answered_cb (VmpChatView    *self,
             VmpChatMessage *answer)
{
  const char *problem = vmp_chat_message_get_problem (answer);
  g_autofree char *plain = NULL;
  g_autofree char *said = NULL;
  const char *text;
  gsize len;

  if (!gtk_widget_get_mapped (GTK_WIDGET (self)) || vmp_chat_message_get_state (answer) == VMP_CHAT_STOPPED)
    return;

  text = vmp_chat_message_get_text (answer, &len);
  plain = vmp_markdown_to_plain (text, MIN (len, ANNOUNCED_BYTES));
  if (problem != NULL)
    said = g_strdup (problem);
  else
    /* Translators: what a screen reader says when an answer is complete; %s is the answer */
    said = g_strdup_printf (_("The answer is complete: %s"), plain);
  vmp_ui_announce (GTK_WIDGET (self), said);
}

static void
regenerate_action (GtkWidget  *widget,
                   const char *name,
                   GVariant   *parameter)
{
  vmp_chat_regenerate (VMP_CHAT_VIEW (widget)->chat);
}

static void
edit_action (GtkWidget  *widget,
             const char *name,
             GVariant   *parameter)
{
  VmpChatView *self = VMP_CHAT_VIEW (widget);
  g_autoptr (VmpChatMessage) question = vmp_chat_take_back (self->chat);

  if (question != NULL)
    g_signal_emit (self, signals[SIGNAL_EDIT], 0, question);
}

/* -- The widget ---------------------------------------------------------------------------- */

static void
vmp_chat_view_dispose (GObject *object)
{
  VmpChatView *self = VMP_CHAT_VIEW (object);

  if (self->tick != 0)
    gtk_widget_remove_tick_callback (GTK_WIDGET (self), self->tick);
  self->tick = 0;
  if (self->rows != NULL)
    {
      while (self->shown->len > 0)
        remove_row (self, self->shown->len - 1);
      while (self->leaving->len > 0)
        take_down_row (self);
      self->rows = NULL;
    }
  g_clear_object (&self->chat);
  g_clear_object (&self->mirror);

  G_OBJECT_CLASS (vmp_chat_view_parent_class)->dispose (object);
}

static void
vmp_chat_view_finalize (GObject *object)
{
  VmpChatView *self = VMP_CHAT_VIEW (object);

  g_ptr_array_unref (self->shown);
  g_ptr_array_unref (self->leaving);
  g_hash_table_unref (self->dirty);

  G_OBJECT_CLASS (vmp_chat_view_parent_class)->finalize (object);
}

static void
vmp_chat_view_class_init (VmpChatViewClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = vmp_chat_view_dispose;
  G_OBJECT_CLASS (klass)->finalize = vmp_chat_view_finalize;

  signals[SIGNAL_EDIT] = g_signal_new ("edit", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                       G_TYPE_NONE, 1, VMP_TYPE_CHAT_MESSAGE);

  g_type_ensure (VMP_TYPE_CHAT_CHOOSER);
  g_type_ensure (VMP_TYPE_CHAT_ROWS);
  gtk_widget_class_set_template_from_resource (widget_class, "/io/github/lmstudio_vampire/Vampire/ui/chat-view.ui");
  gtk_widget_class_bind_template_child (widget_class, VmpChatView, chooser_box);
  gtk_widget_class_bind_template_child (widget_class, VmpChatView, chooser);
  gtk_widget_class_bind_template_child (widget_class, VmpChatView, stack);
  gtk_widget_class_bind_template_child (widget_class, VmpChatView, scroller);
  gtk_widget_class_bind_template_child (widget_class, VmpChatView, rows);
  gtk_widget_class_bind_template_child (widget_class, VmpChatView, jump_revealer);
  gtk_widget_class_bind_template_child (widget_class, VmpChatView, jump_button);
  gtk_widget_class_bind_template_callback (widget_class, jump_cb);

  gtk_widget_class_install_action (widget_class, "chat.regenerate", NULL, regenerate_action);
  gtk_widget_class_install_action (widget_class, "chat.edit", NULL, edit_action);
}

static void
vmp_chat_view_init (VmpChatView *self)
{
  GtkAdjustment *adjustment;

  self->shown = g_ptr_array_new ();
  self->leaving = g_ptr_array_new ();
  self->dirty = g_hash_table_new (NULL, NULL);
  self->is_following = TRUE;
  gtk_widget_init_template (GTK_WIDGET (self));

  adjustment = get_adjustment (self);
  g_signal_connect_object (adjustment, "changed", G_CALLBACK (adjustment_changed_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (adjustment, "value-changed", G_CALLBACK (value_changed_cb), self, G_CONNECT_SWAPPED);
}

VmpChatView *
vmp_chat_view_new (VmpChat        *chat,
                   VmpMirror      *mirror,
                   VmpChatTargets *targets)
{
  VmpChatView *self;

  g_return_val_if_fail (VMP_IS_CHAT (chat), NULL);
  g_return_val_if_fail (VMP_IS_MIRROR (mirror), NULL);

  self = g_object_new (VMP_TYPE_CHAT_VIEW, NULL);
  self->chat = g_object_ref (chat);
  self->mirror = g_object_ref (mirror);
  vmp_chat_chooser_set_targets (self->chooser, targets);
  g_object_bind_property (chat, "target", self->chooser, "target", G_BINDING_BIDIRECTIONAL | G_BINDING_SYNC_CREATE);

  g_signal_connect_object (vmp_chat_get_messages (chat), "items-changed", G_CALLBACK (messages_changed_cb), self,
                           G_CONNECT_SWAPPED);
  g_signal_connect_object (chat, "answered", G_CALLBACK (answered_cb), self, G_CONNECT_SWAPPED);
  g_signal_connect_object (chat, "notify::target", G_CALLBACK (update_actions), self, G_CONNECT_SWAPPED);
  messages_changed_cb (self, 0, 0, 0);
  update_actions (self);

  return self;
}

VmpChat *
vmp_chat_view_get_chat (VmpChatView *self)
{
  g_return_val_if_fail (VMP_IS_CHAT_VIEW (self), NULL);

  return self->chat;
}

void
vmp_chat_view_set_shows_chooser (VmpChatView *self,
                                 gboolean     shows)
{
  g_return_if_fail (VMP_IS_CHAT_VIEW (self));

  gtk_widget_set_visible (self->chooser_box, shows);
}

void
vmp_chat_view_scroll_to_end (VmpChatView *self)
{
  g_return_if_fail (VMP_IS_CHAT_VIEW (self));

  self->is_following = TRUE;
  move_to_end (self);
  ensure_tick (self);
}
