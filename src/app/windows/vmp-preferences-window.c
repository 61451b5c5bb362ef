/* SPDX-License-Identifier: MIT
 *
 * See vmp-preferences-window.h. The rows are in the template and look after themselves (vmp-setting-row); here is
 * what is no setting of the gateway: starting at login, and the keyring.
 */

#include "app/windows/vmp-preferences-window.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-chat-keeper.h"
#include "app/windows/vmp-setting-row.h"
#include "app/windows/vmp-ui.h"
#include "core/vmp-json.h"
#include "platform/vmp-autostart.h"
#include "vmp-config.h"

#define PROGRAM "vampire-desktop"

struct _VmpPreferencesWindow {
  AdwPreferencesWindow parent_instance;

  AdwActionRow *login_row;
  GtkSwitch *login_switch;
  AdwActionRow *chats_row;
  AdwActionRow *keyring_row;
  GtkButton *unlock_button;

  VmpMirror *mirror;
  GCancellable *cancellable;
  gboolean is_updating;       /* what the switch does is not its owner's doing */
};

G_DEFINE_FINAL_TYPE (VmpPreferencesWindow, vmp_preferences_window, ADW_TYPE_PREFERENCES_WINDOW)

/* -- Starting at login --------------------------------------------------------------------- */

/* The installed program, or one in the PATH. (transfer full) (nullable) */
static char *
find_program (void)
{
  g_autofree char *installed = g_build_filename (VMP_BINDIR, PROGRAM, NULL);

  if (g_file_test (installed, G_FILE_TEST_IS_EXECUTABLE))
    return g_steal_pointer (&installed);

  return g_find_program_in_path (PROGRAM);
}

static void
update_login (VmpPreferencesWindow *self)
{
  g_autofree char *program = find_program ();
  gboolean is_on = vmp_autostart_get_enabled ();

  self->is_updating = TRUE;
  gtk_switch_set_active (self->login_switch, is_on);
  gtk_switch_set_state (self->login_switch, is_on);
  self->is_updating = FALSE;

  if (!vmp_autostart_is_supported ())
    {
      gtk_widget_set_sensitive (GTK_WIDGET (self->login_row), FALSE);
      adw_action_row_set_subtitle (self->login_row, _("This system offers no way to do that"));
    }
  else if (program == NULL && !is_on)
    {
      gtk_widget_set_sensitive (GTK_WIDGET (self->login_row), FALSE);
      adw_action_row_set_subtitle (self->login_row, _("Only an installed Vampire can be started at login"));
    }
}

static void
login_done_cb (GObject      *source,
               GAsyncResult *result,
               gpointer      user_data)
{
  g_autoptr (VmpPreferencesWindow) self = user_data;
  g_autoptr (GError) error = NULL;
  gboolean is_done = vmp_autostart_set_enabled_finish (result, &error);

  /* Closed in the meantime. */
  if (self->mirror == NULL)
    return;

  if (!is_done && !g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    vmp_ui_toast (GTK_WIDGET (self), error->message);
  update_login (self);
}

static gboolean
login_set_cb (GtkSwitch *widget,
              gboolean   state,
              gpointer   user_data)
{
  VmpPreferencesWindow *self = VMP_PREFERENCES_WINDOW (user_data);
  g_autofree char *program = NULL;
  const char *command[] = { PROGRAM, "--background", NULL };

  if (self->is_updating)
    return FALSE;

  program = find_program ();
  if (program != NULL)
    command[0] = program;
  vmp_autostart_set_enabled_async (state, command, self->cancellable, login_done_cb, g_object_ref (self));

  return TRUE;
}

/* -- Chats --------------------------------------------------------------------------------- */

/* The playground has the switch for it, beside the chats that it is about. */
static void
update_chats (VmpPreferencesWindow *self)
{
  g_autoptr (VmpChatKeeper) keeper = vmp_chat_keeper_new (NULL, NULL);

  adw_action_row_set_subtitle (self->chats_row, vmp_chat_keeper_get_keeps (keeper)
                                                ? _("Kept on this computer, until you say otherwise there")
                                                : _("Not kept, unless you say so there"));
}

static void
open_playground_cb (VmpPreferencesWindow *self)
{
  GtkWindow *parent = gtk_window_get_transient_for (GTK_WINDOW (self));

  if (parent != NULL)
    gtk_widget_activate_action (GTK_WIDGET (parent), "win.show-page", "s", "playground");
  gtk_window_close (GTK_WINDOW (self));
}

/* -- The keyring --------------------------------------------------------------------------- */

static const char *
describe_keyring (const char *state)
{
  static const struct {
    const char *state;
    const char *text;
  } texts[] = {
    { "open", N_("Open: tokens are kept in the desktop’s keyring") },
    { "locked", N_("Locked: nodes that need a token get no requests until you unlock it") },
    { "file", N_("None: tokens are kept in a file that only you can read") },
    { "unavailable", N_("Not reached: tokens cannot be read now") },
    { "unknown", N_("Looking for it…") },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    if (g_strcmp0 (texts[i].state, state) == 0)
      return _(texts[i].text);

  return state != NULL ? state : "";
}

static void
update_keyring (GtkWidget *widget)
{
  VmpPreferencesWindow *self = VMP_PREFERENCES_WINDOW (widget);
  JsonObject *status = vmp_mirror_get_document (self->mirror, VMP_TOPIC_STATUS);
  JsonObject *keyring = status != NULL ? vmp_json_get_object (status, "keyring") : NULL;
  const char *state = keyring != NULL ? vmp_json_get_string (keyring, "state") : NULL;
  const char *trouble = keyring != NULL ? vmp_json_get_string (keyring, "trouble") : NULL;

  adw_preferences_row_set_use_markup (ADW_PREFERENCES_ROW (self->keyring_row), FALSE);
  adw_action_row_set_subtitle (self->keyring_row, trouble != NULL ? trouble : describe_keyring (state));
  gtk_widget_set_visible (GTK_WIDGET (self->unlock_button), g_strcmp0 (state, "locked") == 0);
}

static void
unlocked_cb (GtkWidget *widget,
             JsonNode  *answer,
             gpointer   user_data)
{
  VmpPreferencesWindow *self = VMP_PREFERENCES_WINDOW (widget);

  gtk_widget_set_sensitive (GTK_WIDGET (self->unlock_button), TRUE);
  vmp_mirror_refresh (self->mirror, VMP_TOPIC_STATUS);
}

static void
unlock_failed_cb (GtkWidget  *widget,
                  const char *problem,
                  gpointer    user_data)
{
  gtk_widget_set_sensitive (GTK_WIDGET (VMP_PREFERENCES_WINDOW (widget)->unlock_button), TRUE);
  vmp_ui_toast (widget, problem);
}

static void
unlock_cb (VmpPreferencesWindow *self)
{
  /* The desktop asks for the password, which takes as long as it takes. */
  gtk_widget_set_sensitive (GTK_WIDGET (self->unlock_button), FALSE);
  vmp_ui_ask_full (GTK_WIDGET (self), self->mirror, "POST", g_strdup ("/vampire/v1/keyring/unlock"), NULL, unlocked_cb,
                   unlock_failed_cb, NULL, NULL);
}

/* -- The object ---------------------------------------------------------------------------- */

static void
give_mirror (GtkWidget *widget,
             VmpMirror *mirror)
{
  if (VMP_IS_SETTING_ROW (widget))
    {
      vmp_setting_row_set_mirror (VMP_SETTING_ROW (widget), mirror);
      return;
    }
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL;
       child = gtk_widget_get_next_sibling (child))
    give_mirror (child, mirror);
}

static void
collect_rows (GtkWidget *widget,
              GPtrArray *rows)
{
  if (ADW_IS_PREFERENCES_ROW (widget))
    {
      g_ptr_array_add (rows, widget);
      return;
    }
  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL;
       child = gtk_widget_get_next_sibling (child))
    collect_rows (child, rows);
}

/* libadwaita 1.2 never lets go of the groups of a page that was in a preferences window. What is in them goes by
 * this. */
static void
empty_groups (VmpPreferencesWindow *self)
{
  g_autoptr (GPtrArray) rows = g_ptr_array_new ();

  collect_rows (GTK_WIDGET (self), rows);
  for (guint i = 0; i < rows->len; i++)
    {
      GtkWidget *row = rows->pdata[i];
      GtkWidget *group = gtk_widget_get_ancestor (row, ADW_TYPE_PREFERENCES_GROUP);

      if (group != NULL)
        adw_preferences_group_remove (ADW_PREFERENCES_GROUP (group), row);
    }
}

static void
vmp_preferences_window_dispose (GObject *object)
{
  VmpPreferencesWindow *self = VMP_PREFERENCES_WINDOW (object);

  g_cancellable_cancel (self->cancellable);
  if (self->mirror != NULL)
    empty_groups (self);
  g_clear_object (&self->mirror);

  G_OBJECT_CLASS (vmp_preferences_window_parent_class)->dispose (object);
}

static void
vmp_preferences_window_finalize (GObject *object)
{
  g_object_unref (VMP_PREFERENCES_WINDOW (object)->cancellable);

  G_OBJECT_CLASS (vmp_preferences_window_parent_class)->finalize (object);
}

static void
vmp_preferences_window_class_init (VmpPreferencesWindowClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (class);

  G_OBJECT_CLASS (class)->dispose = vmp_preferences_window_dispose;
  G_OBJECT_CLASS (class)->finalize = vmp_preferences_window_finalize;

  g_type_ensure (VMP_TYPE_SETTING_ROW);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/lmstudio_vampire/Vampire/ui/preferences-window.ui");
  gtk_widget_class_bind_template_child (widget_class, VmpPreferencesWindow, login_row);
  gtk_widget_class_bind_template_child (widget_class, VmpPreferencesWindow, login_switch);
  gtk_widget_class_bind_template_child (widget_class, VmpPreferencesWindow, chats_row);
  gtk_widget_class_bind_template_child (widget_class, VmpPreferencesWindow, keyring_row);
  gtk_widget_class_bind_template_child (widget_class, VmpPreferencesWindow, unlock_button);
  gtk_widget_class_bind_template_callback (widget_class, login_set_cb);
  gtk_widget_class_bind_template_callback (widget_class, open_playground_cb);
  gtk_widget_class_bind_template_callback (widget_class, unlock_cb);
  gtk_widget_class_add_binding_action (widget_class, GDK_KEY_w, GDK_CONTROL_MASK, "window.close", NULL);
}

static void
vmp_preferences_window_init (VmpPreferencesWindow *self)
{
  self->cancellable = g_cancellable_new ();
  gtk_widget_init_template (GTK_WIDGET (self));
}

VmpPreferencesWindow *
vmp_preferences_window_new (GtkWindow *parent,
                            VmpMirror *mirror)
{
  VmpPreferencesWindow *self;

  g_return_val_if_fail (parent == NULL || GTK_IS_WINDOW (parent), NULL);
  g_return_val_if_fail (VMP_IS_MIRROR (mirror), NULL);

  self = g_object_new (VMP_TYPE_PREFERENCES_WINDOW, "transient-for", parent, NULL);
  self->mirror = g_object_ref (mirror);
  give_mirror (GTK_WIDGET (self), mirror);
  update_login (self);
  update_chats (self);
  vmp_ui_hold_while_mapped (GTK_WIDGET (self), mirror, VMP_TOPIC_SETTINGS);
  vmp_ui_watch (GTK_WIDGET (self), mirror, VMP_TOPIC_STATUS, update_keyring);

  return self;
}
