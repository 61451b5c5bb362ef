/* SPDX-License-Identifier: MIT
 *
 * tray-demo ICON_DIR: an icon in the tray with nothing behind it, to try a panel with. It prints a line for each thing
 * that people do, and takes lines with the name of a state, or "quit".
 */

#include "platform/vmp-tray.h"

#include <gio/gio.h>
#include <gio/gunixinputstream.h>
#include <stdio.h>
#include <unistd.h>

enum {
  ITEM_STATUS = 1,
  ITEM_SHARE,
  ITEM_NODES,
  ITEM_WAITING,
  ITEM_QUIT,
  ITEM_FIRST_NODE = 100
};

typedef struct {
  GMainLoop *loop;
  VmpTray *tray;
  VmpTrayState state;
  bool shares;
} Demo;

static void
show (Demo *self)
{
  g_autofree char *tooltip = g_strdup_printf ("State <b>%s</b> & more", vmp_tray_state_to_string (self->state));
  VmpTrayItem items[] = {
    { ITEM_STATUS, VMP_TRAY_ITEM_ACTION, 0, "Works for this computer", false },
    { 0, VMP_TRAY_ITEM_SEPARATOR, 0 },
    { ITEM_SHARE, VMP_TRAY_ITEM_CHECK, 0, "Share on This Network", true, self->shares },
    { ITEM_NODES, VMP_TRAY_ITEM_SUBMENU, 0, "Nodes", true },
    { ITEM_FIRST_NODE, VMP_TRAY_ITEM_ACTION, 1, "in_the_attic", true },
    { ITEM_FIRST_NODE + 1, VMP_TRAY_ITEM_ACTION, 1, "<b>cellar</b> & garage", true },
    { 0, VMP_TRAY_ITEM_SEPARATOR, 0 },
    { ITEM_QUIT, VMP_TRAY_ITEM_ACTION, 0, "Quit", true },
    { ITEM_WAITING, VMP_TRAY_ITEM_ACTION, 0, "1 Waiting for Approval…", true },
  };

  vmp_tray_set (self->tray, self->state, tooltip, items,
                G_N_ELEMENTS (items) - (self->state == VMP_TRAY_APPROVAL ? 0 : 1));
}

static void
print (const char *what,
       const char *token)
{
  printf ("%s%s%s\n", what, token != NULL ? " " : "", token != NULL ? token : "");
  fflush (stdout);
}

static void
activated (void       *user_data,
           const char *token)
{
  print ("activated", token);
}

static void
secondary_activated (void       *user_data,
                     const char *token)
{
  print ("secondary", token);
}

static void
chosen (void       *user_data,
        int         id,
        const char *token)
{
  Demo *self = user_data;
  g_autofree char *what = g_strdup_printf ("chosen %d", id);

  print (what, token);
  if (id == ITEM_SHARE)
    {
      self->shares = !self->shares;
      self->state = self->shares ? VMP_TRAY_SHARING : VMP_TRAY_OFF;
      show (self);
    }
  else if (id == ITEM_QUIT)
    g_main_loop_quit (self->loop);
}

static void
available (void *user_data,
           bool  is_available)
{
  print (is_available ? "available" : "unavailable", NULL);
}

static void read_line (Demo             *self,
                       GDataInputStream *lines);

static void
line_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  Demo *self = user_data;
  g_autofree char *line = g_data_input_stream_read_line_finish (G_DATA_INPUT_STREAM (source), result, NULL, NULL);

  if (line == NULL || g_str_equal (line, "quit"))
    {
      g_main_loop_quit (self->loop);
      return;
    }

  for (int state = 0; state < VMP_TRAY_N_STATES; state++)
    {
      if (g_str_equal (line, vmp_tray_state_to_string (state)))
        self->state = state;
    }
  show (self);
  read_line (self, G_DATA_INPUT_STREAM (source));
}

static void
read_line (Demo             *self,
           GDataInputStream *lines)
{
  g_data_input_stream_read_line_async (lines, G_PRIORITY_DEFAULT, NULL, line_cb, self);
}

int
main (int   argc,
      char *argv[])
{
  static const VmpTrayFuncs funcs = {
    .activated = activated,
    .secondary_activated = secondary_activated,
    .chosen = chosen,
    .available = available,
  };
  g_autoptr (GInputStream) input = g_unix_input_stream_new (STDIN_FILENO, FALSE);
  g_autoptr (GDataInputStream) lines = g_data_input_stream_new (input);
  Demo self = { NULL };

  self.loop = g_main_loop_new (NULL, FALSE);
  self.tray = vmp_tray_new ("io.github.lmstudio_vampire.Vampire", "Vampire", argc > 1 ? argv[1] : NULL, &funcs, &self);
  show (&self);
  read_line (&self, lines);
  g_main_loop_run (self.loop);
  vmp_tray_free (self.tray);
  g_main_loop_unref (self.loop);

  return 0;
}
