/* SPDX-License-Identifier: MIT
 *
 * See vmp-approvals-window.h. Which nodes wait comes from the mirror; who the one on screen is comes from a snapshot
 * (VmpIdentity). When the gateway knows it otherwise, the window says so, shows the new one, and its buttons wait anew.
 */

#include "app/windows/vmp-approvals-window.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-approvals-queue.h"
#include "app/windows/vmp-identity-view.h"
#include "app/windows/vmp-item-watch.h"
#include "app/windows/vmp-node-names.h"
#include "app/windows/vmp-ui.h"

typedef enum {
  STATE_LOADING,   /* it is not known yet who waits */
  STATE_NONE,      /* nobody does, or all were put off */
  STATE_GONE,      /* the one that was shown does no longer; stays until its owner goes on */
  STATE_IDENTITY,  /* @shown is to be decided */
  STATE_DECIDING   /* @shown was decided; the gateway's answer is awaited */
} State;

struct _VmpApprovalsWindow {
  AdwWindow parent_instance;

  VmpMirror *mirror;
  VmpApprovalsQueue *queue;
  VmpItemWatch *watch;

  State state;
  VmpIdentity *shown;       /* NULL: no identity is on screen */
  char *wanted;             /* a node to be shown as soon as it waits; NULL */
  char *seen;               /* of which "seen" was said; NULL */
  GCancellable *check;      /* of @shown with the gateway; NULL: none is under way */
  guint delay_ms;
  guint delay;              /* source; 0: the buttons may be pressed */

  AdwWindowTitle *window_title;
  GtkWidget *list_button;
  GtkPopover *list_popover;
  GtkListView *list_view;
  GtkInfoBar *notice_bar;
  GtkLabel *notice_label;
  GtkStack *stack;
  AdwStatusPage *none_page;
  GtkWidget *review_later_button;
  GtkLabel *gone_label;
  GtkWidget *continue_button;
  VmpIdentityView *identity_view;
  GtkWidget *decision_box;
  GtkWidget *not_now_button;
  GtkWidget *block_button;
  GtkWidget *approve_button;
};

enum {
  SIGNAL_SEEN,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (VmpApprovalsWindow, vmp_approvals_window, ADW_TYPE_WINDOW)

/* -- Buttons ------------------------------------------------------------------------------- */

static gboolean
is_connected (VmpApprovalsWindow *self)
{
  return vmp_link_get_state (vmp_mirror_get_link (self->mirror)) == VMP_LINK_CONNECTED;
}

static void
update_buttons (VmpApprovalsWindow *self)
{
  gboolean may_decide = self->state == STATE_IDENTITY && self->delay == 0 && is_connected (self);

  gtk_widget_set_sensitive (self->not_now_button, self->state == STATE_IDENTITY);
  gtk_widget_set_sensitive (self->block_button, may_decide);
  gtk_widget_set_sensitive (self->approve_button, may_decide);
}

static void
delay_ended_cb (gpointer user_data)
{
  VmpApprovalsWindow *self = user_data;

  self->delay = 0;
  update_buttons (self);
}

/* From now on the owner has time to see what is there. */
static void
begin_delay (VmpApprovalsWindow *self)
{
  g_clear_handle_id (&self->delay, g_source_remove);
  if (self->delay_ms > 0)
    self->delay = g_timeout_add_once (self->delay_ms, delay_ended_cb, self);
  update_buttons (self);
}

static void
active_changed_cb (VmpApprovalsWindow *self)
{
  if (gtk_window_is_active (GTK_WINDOW (self)) && self->state == STATE_IDENTITY)
    begin_delay (self);
}

/* A key that is pressed to get rid of a window must not grant anything: on Approve, Enter is none. */
static gboolean
approve_key_cb (VmpApprovalsWindow *self,
                guint               keyval,
                guint               keycode,
                GdkModifierType     modifiers)
{
  return keyval == GDK_KEY_Return || keyval == GDK_KEY_KP_Enter || keyval == GDK_KEY_ISO_Enter;
}

/* -- What is on screen --------------------------------------------------------------------- */

static void
set_notice (VmpApprovalsWindow *self,
            const char         *text)
{
  gtk_label_set_text (self->notice_label, text != NULL ? text : "");
  gtk_info_bar_set_revealed (self->notice_bar, text != NULL);
  if (text != NULL)
    vmp_ui_announce (GTK_WIDGET (self), text);
}

/* Says to whoever listens which identity is in front of its owner. */
static void
update_seen (VmpApprovalsWindow *self)
{
  const char *seen = NULL;
  g_autofree char *before = NULL;

  if (self->shown != NULL && gtk_widget_get_mapped (GTK_WIDGET (self)))
    seen = self->shown->node_id;
  if (g_strcmp0 (seen, self->seen) == 0)
    return;

  before = g_steal_pointer (&self->seen);
  self->seen = g_strdup (seen);
  if (before != NULL)
    g_signal_emit (self, signals[SIGNAL_SEEN], 0, before, FALSE);
  if (self->seen != NULL)
    g_signal_emit (self, signals[SIGNAL_SEEN], 0, self->seen, TRUE);
}

static void
update_title (VmpApprovalsWindow *self)
{
  guint n = vmp_approvals_queue_get_length (self->queue);
  int position = self->shown != NULL ? vmp_approvals_queue_find (self->queue, self->shown->node_id) : -1;
  g_autofree char *text = NULL;

  if (position >= 0 && n > 1)
    /* Translators: of those that wait for approval, such as "1 of 4" */
    text = g_strdup_printf (_("%d of %u"), position + 1, n);
  adw_window_title_set_subtitle (self->window_title, text != NULL ? text : "");
  gtk_widget_set_visible (self->list_button, n > 1 || (n == 1 && self->shown == NULL));
}

static void
set_state (VmpApprovalsWindow *self,
           State               state)
{
  static const char * const pages[] = {
    [STATE_LOADING] = "loading",
    [STATE_NONE] = "none",
    [STATE_GONE] = "gone",
    [STATE_IDENTITY] = "identity",
    [STATE_DECIDING] = "identity",
  };

  self->state = state;
  if (state != STATE_IDENTITY && state != STATE_DECIDING)
    {
      g_clear_pointer (&self->shown, vmp_identity_free);
      g_clear_handle_id (&self->delay, g_source_remove);
      set_notice (self, NULL);
    }
  gtk_stack_set_visible_child_name (self->stack, pages[state]);
  gtk_widget_set_visible (self->decision_box, self->shown != NULL);
  update_buttons (self);
  update_title (self);
  update_seen (self);
}

static void
show_none (VmpApprovalsWindow *self)
{
  guint n = vmp_approvals_queue_get_length (self->queue);
  g_autofree char *text = NULL;

  if (!vmp_mirror_has (self->mirror, VMP_TOPIC_NODES))
    {
      set_state (self, STATE_LOADING);
      return;
    }

  if (n > 0)
    text = g_strdup_printf (ngettext ("%u computer waits until you have decided.",
                                      "%u computers wait until you have decided.", n), n);
  else
    text = g_strdup (_("When Vampire finds a computer with models, it asks here before it sends anything to it."));
  adw_status_page_set_title (self->none_page, n > 0 ? _("Put Off") : _("Nobody Waits"));
  adw_status_page_set_description (self->none_page, text);
  gtk_widget_set_visible (self->review_later_button, n > 0);
  set_state (self, STATE_NONE);
}

static void
show_gone (VmpApprovalsWindow *self,
           const char         *text)
{
  gtk_label_set_text (self->gone_label, text);
  set_state (self, STATE_GONE);
  vmp_ui_announce (GTK_WIDGET (self), text);
}

/* -- An identity --------------------------------------------------------------------------- */

static void check_identity (VmpApprovalsWindow *self);

/* @document: what is known of it now; @notice: (nullable): why it is not the one that was there before */
static void
show_identity (VmpApprovalsWindow *self,
               const char         *node_id,
               JsonObject         *document,
               const char         *notice)
{
  VmpIdentity *identity = vmp_identity_new (node_id, document);

  if (g_strcmp0 (self->wanted, node_id) == 0)
    g_clear_pointer (&self->wanted, g_free);
  g_clear_pointer (&self->shown, vmp_identity_free);
  self->shown = identity;
  vmp_identity_view_show (self->identity_view, identity, document);

  set_state (self, STATE_IDENTITY);
  set_notice (self, notice);
  gtk_window_set_focus (GTK_WINDOW (self), self->not_now_button);
  begin_delay (self);
}

/* The gateway knows it otherwise than it is on screen. */
static void
show_changed (VmpApprovalsWindow *self,
              JsonObject         *document,
              VmpIdentityChange   change)
{
  g_autofree char *node_id = g_strdup (self->shown->node_id);

  if (change == VMP_IDENTITY_LEARNT)
    show_identity (self, node_id, document,
                   _("More is known about this computer now. Look again before you decide."));
  else
    show_identity (self, node_id, document, _("This computer changed. Look again before you decide."));
}

/* Goes on with @item, or with what is to be shown when it is NULL. */
static void
show_item (VmpApprovalsWindow *self,
           VmpItem            *item)
{
  if (item == NULL)
    {
      show_none (self);
      return;
    }

  show_identity (self, vmp_item_get_id (item), vmp_item_get_document (item), NULL);
  check_identity (self);
}

static void
show_next (VmpApprovalsWindow *self)
{
  show_item (self, vmp_approvals_queue_get_next (self->queue));
}

static char *
describe_end (VmpApprovalsWindow *self,
              const char         *approval)
{
  g_autofree char *name = vmp_identity_quote (vmp_identity_get_title (self->shown));

  if (g_strcmp0 (approval, "approved") == 0)
    return g_strdup_printf (_("%s was approved elsewhere."), name);
  if (g_strcmp0 (approval, "blocked") == 0)
    return g_strdup_printf (_("%s was blocked elsewhere."), name);

  return g_strdup_printf (_("%s is not known any more."), name);
}

/* Whether the one on screen waits no longer, which is said then. */
static gboolean
check_gone (VmpApprovalsWindow *self)
{
  VmpItemList *nodes = vmp_mirror_get_list (self->mirror, VMP_TOPIC_NODES);
  VmpItem *item;
  g_autofree char *text = NULL;

  if (vmp_approvals_queue_find (self->queue, self->shown->node_id) >= 0)
    return FALSE;

  item = vmp_item_list_find (nodes, self->shown->node_id);
  text = describe_end (self, item != NULL ? vmp_item_get_string (item, "approval") : NULL);
  show_gone (self, text);

  return TRUE;
}

/* -- Asking the gateway about it ----------------------------------------------------------- */

/* @document: of the node on screen, as the gateway has it at this moment */
static void
compare_with (VmpApprovalsWindow *self,
              JsonObject         *document)
{
  g_autoptr (VmpIdentity) identity = vmp_identity_new (self->shown->node_id, document);
  VmpIdentityChange change = vmp_identity_compare (self->shown, identity);

  if (change != VMP_IDENTITY_SAME)
    show_changed (self, document, change);
  else if (json_object_has_member (document, "models"))
    vmp_identity_view_set_models (self->identity_view, document);
}

static void
checked_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (VmpApprovalsWindow) self = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (VmpClientAnswer) answer = vmp_link_ask_finish (VMP_LINK (source), result, &error);
  JsonNode *approval;
  JsonObject *document;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  g_clear_object (&self->check);
  /* The mirror tells when it is gone; without an answer, the gateway compares at the approval. */
  if (answer == NULL || answer->status != 200 || answer->json == NULL || !JSON_NODE_HOLDS_OBJECT (answer->json)
      || self->state != STATE_IDENTITY)
    return;

  document = json_node_get_object (answer->json);
  approval = vmp_document_find (document, "approval");
  if (approval != NULL && g_strcmp0 (json_node_get_string (approval), "pending") == 0)
    compare_with (self, document);
}

static void
stop_checking (VmpApprovalsWindow *self)
{
  if (self->check != NULL)
    g_cancellable_cancel (self->check);
  g_clear_object (&self->check);
}

/* The list has neither its models nor, at all times, the address that answered last. */
static void
check_identity (VmpApprovalsWindow *self)
{
  g_autofree char *path = vmp_client_path ("/vampire/v1/nodes/", self->shown->node_id, NULL);

  stop_checking (self);
  self->check = g_cancellable_new ();
  vmp_link_ask_async (vmp_mirror_get_link (self->mirror), "GET", path, NULL, self->check, checked_cb,
                      g_object_ref (self));
}

static void update (VmpApprovalsWindow *self,
                    VmpItem            *changed);

/* -- Deciding ------------------------------------------------------------------------------ */

typedef struct {
  VmpApprovalsWindow *window; /* owned while its answer is awaited; not by a toast, which is in it */
  VmpIdentity *identity;
  gboolean approves;
} Decision;

static void
decision_free (gpointer data)
{
  Decision *self = data;

  vmp_identity_free (self->identity);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Decision, decision_free)

static void
undone_cb (GtkWidget *widget,
           JsonNode  *answer,
           gpointer   user_data)
{
  VmpApprovalsWindow *self = VMP_APPROVALS_WINDOW (widget);

  g_free (self->wanted);
  self->wanted = g_strdup (user_data);
  update (self, NULL);
}

static void
undo_cb (AdwToast *toast,
         gpointer  user_data)
{
  const Decision *decision = user_data;
  VmpApprovalsWindow *self = decision->window;
  const char *node_id = decision->identity->node_id;

  vmp_approvals_queue_take_back (self->queue, node_id);
  vmp_ui_ask_full (GTK_WIDGET (self), self->mirror, "POST",
                   vmp_client_path ("/vampire/v1/nodes/", node_id, "/revoke", NULL), NULL,
                   undone_cb, NULL, g_strdup (node_id), g_free);
}

static void
offer_undo (VmpApprovalsWindow *self,
            Decision           *decision)
{
  g_autofree char *name = vmp_identity_quote (vmp_identity_get_title (decision->identity));
  g_autofree char *text = g_strdup_printf (decision->approves ? _("%s is approved") : _("%s is blocked"), name);

  vmp_ui_toast_with_button (GTK_WIDGET (self), text, _("Undo"), G_CALLBACK (undo_cb), decision, decision_free);
}

static void
refused_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (VmpApprovalsWindow) self = user_data;
  g_autoptr (VmpClientAnswer) answer = vmp_link_ask_finish (VMP_LINK (source), result, NULL);
  JsonNode *approval;
  g_autofree char *text = NULL;

  if (self->mirror == NULL || self->state != STATE_DECIDING)
    return;

  if (answer == NULL || answer->json == NULL || !JSON_NODE_HOLDS_OBJECT (answer->json)
      || (answer->status != 200 && answer->status != 404))
    {
      vmp_mirror_refresh (self->mirror, VMP_TOPIC_NODES);
      set_state (self, STATE_IDENTITY);
      begin_delay (self);
      return;
    }

  approval = vmp_document_find (json_node_get_object (answer->json), "approval");
  if (answer->status == 200 && approval != NULL && g_strcmp0 (json_node_get_string (approval), "pending") == 0)
    {
      show_changed (self, json_node_get_object (answer->json), VMP_IDENTITY_CHANGED);
      return;
    }
  text = describe_end (self, answer->status == 200 && approval != NULL ? json_node_get_string (approval) : NULL);
  show_gone (self, text);
}

/* The gateway has another node there than the one that was on screen: shows who it is now. */
static void
ask_who_it_is (VmpApprovalsWindow *self)
{
  g_autofree char *path = vmp_client_path ("/vampire/v1/nodes/", self->shown->node_id, NULL);

  vmp_link_ask_async (vmp_mirror_get_link (self->mirror), "GET", path, NULL, NULL, refused_cb, g_object_ref (self));
}

static void
decided_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (Decision) decision = user_data;
  g_autoptr (VmpApprovalsWindow) self = decision->window;
  g_autoptr (GError) error = NULL;
  g_autoptr (VmpClientAnswer) answer = vmp_link_ask_finish (VMP_LINK (source), result, &error);
  g_autofree char *problem = NULL;

  if (self->mirror == NULL)
    return;

  if (answer != NULL && answer->status >= 200 && answer->status <= 299)
    {
      vmp_approvals_queue_decided (self->queue, decision->identity->node_id);
      offer_undo (self, g_steal_pointer (&decision));
      show_next (self);
      return;
    }

  if (answer != NULL && (answer->status == 409 || answer->status == 404))
    {
      ask_who_it_is (self);
      return;
    }

  problem = answer != NULL ? vmp_client_answer_dup_problem (answer) : g_strdup (error->message);
  set_state (self, STATE_IDENTITY);
  begin_delay (self);
  set_notice (self, problem);
}

static void
decide (VmpApprovalsWindow *self,
        gboolean            approves)
{
  g_autofree char *path = NULL;
  Decision *decision;

  g_return_if_fail (self->state == STATE_IDENTITY && self->shown != NULL);

  stop_checking (self);
  decision = g_new0 (Decision, 1);
  decision->window = g_object_ref (self);
  decision->identity = vmp_identity_copy (self->shown);
  decision->approves = approves;

  set_notice (self, NULL);
  set_state (self, STATE_DECIDING);
  path = vmp_client_path ("/vampire/v1/nodes/", self->shown->node_id, approves ? "/approve" : "/block", NULL);
  vmp_link_ask_async (vmp_mirror_get_link (self->mirror), "POST", path,
                      approves ? vmp_identity_to_approval (self->shown) : NULL, NULL, decided_cb, decision);
}

static void
approve_cb (VmpApprovalsWindow *self)
{
  decide (self, TRUE);
}

static void
block_cb (VmpApprovalsWindow *self)
{
  decide (self, FALSE);
}

static void
put_off (VmpApprovalsWindow *self)
{
  if (self->state == STATE_IDENTITY)
    vmp_approvals_queue_put_off (self->queue, self->shown->node_id);
}

static void
not_now_cb (VmpApprovalsWindow *self)
{
  put_off (self);
  if (vmp_approvals_queue_get_next (self->queue) != NULL)
    show_next (self);
  else
    gtk_window_close (GTK_WINDOW (self));
}

static gboolean
vmp_approvals_window_close_request (GtkWindow *window)
{
  put_off (VMP_APPROVALS_WINDOW (window));

  return GTK_WINDOW_CLASS (vmp_approvals_window_parent_class)->close_request (window);
}

static void
continue_cb (VmpApprovalsWindow *self)
{
  show_next (self);
}

static void
review_later_cb (VmpApprovalsWindow *self)
{
  vmp_approvals_window_show_node (self, NULL);
}

static void
list_activated_cb (GtkListView        *view,
                   guint               position,
                   VmpApprovalsWindow *self)
{
  VmpItem *item = vmp_approvals_queue_get_item (self->queue, position);
  g_autofree char *node_id = item != NULL ? g_strdup (vmp_item_get_id (item)) : NULL;

  gtk_popover_popdown (self->list_popover);
  if (node_id != NULL && self->state != STATE_DECIDING)
    vmp_approvals_window_show_node (self, node_id);
}

/* -- What the mirror tells ----------------------------------------------------------------- */

static void
update (VmpApprovalsWindow *self,
        VmpItem            *changed)
{
  VmpItem *wanted;

  if (!vmp_mirror_has (self->mirror, VMP_TOPIC_NODES) || self->state == STATE_DECIDING)
    return;

  vmp_approvals_queue_update (self->queue);
  update_title (self);

  wanted = self->wanted != NULL ? vmp_approvals_queue_get_by_id (self->queue, self->wanted) : NULL;
  if (wanted != NULL)
    show_item (self, wanted);
  else if (self->state == STATE_LOADING || self->state == STATE_NONE)
    show_next (self);
  else if (self->state == STATE_IDENTITY && !check_gone (self) && changed != NULL
           && g_strcmp0 (vmp_item_get_id (changed), self->shown->node_id) == 0)
    compare_with (self, vmp_item_get_document (changed));
}

static void
nodes_changed_cb (gpointer user_data,
                  VmpItem *changed)
{
  update (user_data, changed);
}

static void
topic_changed_cb (VmpMirror          *mirror,
                  guint               topic,
                  VmpApprovalsWindow *self)
{
  if (topic == VMP_TOPIC_NODES)
    update (self, NULL);
}

static void
link_changed_cb (VmpApprovalsWindow *self)
{
  const char *trouble = vmp_link_get_trouble (vmp_mirror_get_link (self->mirror));

  if (self->state == STATE_IDENTITY)
    {
      if (!is_connected (self))
        set_notice (self, trouble != NULL ? trouble : _("The gateway is not there."));
      else
        set_notice (self, NULL);
      begin_delay (self);
    }
  update_buttons (self);
}

/* -- Life ---------------------------------------------------------------------------------- */

static void
vmp_approvals_window_map (GtkWidget *widget)
{
  GTK_WIDGET_CLASS (vmp_approvals_window_parent_class)->map (widget);
  update_seen (VMP_APPROVALS_WINDOW (widget));
}

static void
vmp_approvals_window_unmap (GtkWidget *widget)
{
  GTK_WIDGET_CLASS (vmp_approvals_window_parent_class)->unmap (widget);
  update_seen (VMP_APPROVALS_WINDOW (widget));
}

static void
vmp_approvals_window_dispose (GObject *object)
{
  VmpApprovalsWindow *self = VMP_APPROVALS_WINDOW (object);

  stop_checking (self);
  g_clear_handle_id (&self->delay, g_source_remove);
  g_clear_pointer (&self->watch, vmp_item_watch_free);
  g_clear_pointer (&self->shown, vmp_identity_free);
  g_clear_pointer (&self->wanted, g_free);
  if (self->seen != NULL)
    update_seen (self);
  if (self->list_view != NULL)
    gtk_list_view_set_model (self->list_view, NULL);
  g_clear_pointer (&self->queue, vmp_approvals_queue_free);
  g_clear_object (&self->mirror);
  gtk_widget_dispose_template (GTK_WIDGET (self), VMP_TYPE_APPROVALS_WINDOW);

  G_OBJECT_CLASS (vmp_approvals_window_parent_class)->dispose (object);
}

static void
vmp_approvals_window_class_init (VmpApprovalsWindowClass *class)
{
  GObjectClass *object_class = G_OBJECT_CLASS (class);
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (class);

  object_class->dispose = vmp_approvals_window_dispose;
  widget_class->map = vmp_approvals_window_map;
  widget_class->unmap = vmp_approvals_window_unmap;
  GTK_WINDOW_CLASS (class)->close_request = vmp_approvals_window_close_request;

  signals[SIGNAL_SEEN] = g_signal_new ("seen", G_TYPE_FROM_CLASS (class), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                       G_TYPE_NONE, 2, G_TYPE_STRING, G_TYPE_BOOLEAN);

  g_type_ensure (VMP_TYPE_IDENTITY_VIEW);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/lmstudio_vampire/Vampire/ui/approvals-window.ui");
  gtk_widget_class_bind_template_child (widget_class, VmpApprovalsWindow, window_title);
  gtk_widget_class_bind_template_child (widget_class, VmpApprovalsWindow, list_button);
  gtk_widget_class_bind_template_child (widget_class, VmpApprovalsWindow, list_popover);
  gtk_widget_class_bind_template_child (widget_class, VmpApprovalsWindow, list_view);
  gtk_widget_class_bind_template_child (widget_class, VmpApprovalsWindow, notice_bar);
  gtk_widget_class_bind_template_child (widget_class, VmpApprovalsWindow, notice_label);
  gtk_widget_class_bind_template_child (widget_class, VmpApprovalsWindow, stack);
  gtk_widget_class_bind_template_child (widget_class, VmpApprovalsWindow, none_page);
  gtk_widget_class_bind_template_child (widget_class, VmpApprovalsWindow, review_later_button);
  gtk_widget_class_bind_template_child (widget_class, VmpApprovalsWindow, gone_label);
  gtk_widget_class_bind_template_child (widget_class, VmpApprovalsWindow, continue_button);
  gtk_widget_class_bind_template_child (widget_class, VmpApprovalsWindow, identity_view);
  gtk_widget_class_bind_template_child (widget_class, VmpApprovalsWindow, decision_box);
  gtk_widget_class_bind_template_child (widget_class, VmpApprovalsWindow, not_now_button);
  gtk_widget_class_bind_template_child (widget_class, VmpApprovalsWindow, block_button);
  gtk_widget_class_bind_template_child (widget_class, VmpApprovalsWindow, approve_button);
  gtk_widget_class_bind_template_callback (widget_class, not_now_cb);
  gtk_widget_class_bind_template_callback (widget_class, block_cb);
  gtk_widget_class_bind_template_callback (widget_class, approve_cb);
  gtk_widget_class_bind_template_callback (widget_class, continue_cb);
  gtk_widget_class_bind_template_callback (widget_class, review_later_cb);
  gtk_widget_class_bind_template_callback (widget_class, list_activated_cb);
}

static void
vmp_approvals_window_init (VmpApprovalsWindow *self)
{
  GtkEventController *keys;

  self->delay_ms = VMP_APPROVALS_DELAY_MS;
  gtk_widget_init_template (GTK_WIDGET (self));

  keys = gtk_event_controller_key_new ();
  gtk_event_controller_set_propagation_phase (keys, GTK_PHASE_CAPTURE);
  g_signal_connect_swapped (keys, "key-pressed", G_CALLBACK (approve_key_cb), self);
  gtk_widget_add_controller (self->approve_button, keys);
  g_signal_connect (self, "notify::is-active", G_CALLBACK (active_changed_cb), NULL);
}

VmpApprovalsWindow *
vmp_approvals_window_new (GtkApplication *application,
                          VmpMirror      *mirror)
{
  VmpApprovalsWindow *self;

  g_return_val_if_fail (VMP_IS_MIRROR (mirror), NULL);

  self = g_object_new (VMP_TYPE_APPROVALS_WINDOW, "application", application, NULL);
  self->mirror = g_object_ref (mirror);
  self->queue = vmp_approvals_queue_new (mirror);
  self->watch = vmp_item_watch_new (vmp_mirror_get_list (mirror, VMP_TOPIC_NODES), nodes_changed_cb, self);
  vmp_node_names_set_up (self->list_view, vmp_approvals_queue_get_model (self->queue));
  g_signal_connect_object (mirror, "changed", G_CALLBACK (topic_changed_cb), self, 0);
  g_signal_connect_object (vmp_mirror_get_link (mirror), "notify::state", G_CALLBACK (link_changed_cb), self,
                           G_CONNECT_SWAPPED);
  update (self, NULL);

  return self;
}

void
vmp_approvals_window_show_node (VmpApprovalsWindow *self,
                                const char         *node_id)
{
  VmpItem *item;

  g_return_if_fail (VMP_IS_APPROVALS_WINDOW (self));

  if (node_id != NULL && self->shown != NULL && g_str_equal (self->shown->node_id, node_id))
    return;

  g_free (self->wanted);
  self->wanted = g_strdup (node_id);
  if (self->state == STATE_DECIDING || !vmp_mirror_has (self->mirror, VMP_TOPIC_NODES))
    return;

  vmp_approvals_queue_update (self->queue);
  if (node_id == NULL)
    {
      /* Its owner asks to see who waits; the one on screen is an answer to that. */
      item = vmp_approvals_queue_get_next (self->queue);
      if (self->shown == NULL)
        show_item (self, item != NULL ? item : vmp_approvals_queue_get_item (self->queue, 0));
      return;
    }

  item = vmp_approvals_queue_get_by_id (self->queue, node_id);
  if (item != NULL)
    show_item (self, item);
  else
    show_gone (self, _("This computer was decided about already, or is not known any more."));
}

void
vmp_approvals_window_set_delay (VmpApprovalsWindow *self,
                                guint               delay_ms)
{
  g_return_if_fail (VMP_IS_APPROVALS_WINDOW (self));

  self->delay_ms = delay_ms;
  if (self->state == STATE_IDENTITY)
    begin_delay (self);
}
