/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpWindowsProcess: a child process, a queue of lines to it, and a reader of its lines. A child that
 * does not read loses nothing but its own orders: they are bounded.
 */

#include "app/vmp-windows-process.h"

#include "core/vmp-limits.h"
#include "vmp-config.h"

#include <string.h>

#define PROGRAM "vampire-windows"

/* Names the program, for one that is not installed. */
#define PROGRAM_VARIABLE "VAMPIRE_WINDOWS_PROGRAM"

struct _VmpWindowsProcess {
  const VmpWindowsFuncs *funcs;
  gpointer user_data;
  char **env;
  GSubprocess *process;        /* NULL: it does not run */
  GCancellable *cancellable;   /* of this process's reading and writing */
  GQueue lines;                /* of char *: to be written; the first one is being written */
  GQueue untaken;              /* of char *: orders that open something, and are not followed yet */
  gboolean has_said_all;       /* it has closed its standard output */
  gboolean has_exited;
  char *trouble;               /* how it did; NULL: well */
};

/* What a callback holds: the object may be gone when it comes. */
typedef struct {
  VmpWindowsProcess *self;
  GCancellable *cancellable;
  GSubprocess *process;
  char *line;
} Turn;

static Turn *
turn_new (VmpWindowsProcess *self)
{
  Turn *turn = g_new0 (Turn, 1);

  turn->self = self;
  turn->cancellable = g_object_ref (self->cancellable);
  turn->process = g_object_ref (self->process);

  return turn;
}

static void
turn_free (Turn *turn)
{
  g_clear_object (&turn->cancellable);
  g_clear_object (&turn->process);
  g_free (turn->line);
  g_free (turn);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Turn, turn_free)

/* The process that this was for is done with. */
static gboolean
turn_is_over (Turn *turn)
{
  return g_cancellable_is_cancelled (turn->cancellable);
}

/* -- Writing ------------------------------------------------------------------------------- */

static void write_next (VmpWindowsProcess *self);

static void
written_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (Turn) turn = user_data;
  gboolean done = g_output_stream_write_all_finish (G_OUTPUT_STREAM (source), result, NULL, NULL);

  /* One that reads no more is about to end, and its end is told by itself. */
  if (turn_is_over (turn) || !done)
    return;

  g_free (g_queue_pop_head (&turn->self->lines));
  write_next (turn->self);
}

static void
write_next (VmpWindowsProcess *self)
{
  const char *line = g_queue_peek_head (&self->lines);
  Turn *turn;

  if (line == NULL)
    return;

  turn = turn_new (self);
  turn->line = g_strdup (line);
  g_output_stream_write_all_async (g_subprocess_get_stdin_pipe (self->process), turn->line, strlen (turn->line),
                                   G_PRIORITY_DEFAULT, self->cancellable, written_cb, turn);
}

static void
send_line (VmpWindowsProcess *self,
           char              *line)
{
  if (g_queue_get_length (&self->lines) >= VMP_LIMIT_WINDOW_ORDERS)
    {
      g_warning ("The windows do not react; an order to them was dropped.");
      g_free (line);
      return;
    }

  g_queue_push_tail (&self->lines, line);
  if (g_queue_get_length (&self->lines) == 1)
    write_next (self);
}

/* Whether it is to be seen, and said again if the program was ending when it came. */
static gboolean
opens_something (VmpOrderKind kind)
{
  return kind == VMP_ORDER_SHOW || kind == VMP_ORDER_ASK_QUIT || kind == VMP_ORDER_COPY;
}

/* -- Reading ------------------------------------------------------------------------------- */

static void conclude (VmpWindowsProcess *self);
static void read_next (Turn             *turn,
                       GDataInputStream *lines);

static void
line_read_cb (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  g_autoptr (Turn) turn = user_data;
  GDataInputStream *lines = G_DATA_INPUT_STREAM (source);
  g_autofree char *line = g_data_input_stream_read_line_finish (lines, result, NULL, NULL);
  g_auto (VmpOrder) order = { 0, };

  if (turn_is_over (turn))
    return;
  if (line == NULL)
    {
      turn->self->has_said_all = TRUE;
      if (turn->self->has_exited)
        conclude (turn->self);
      return;
    }

  if (!vmp_order_from_line (line, &order))
    ;
  else if (order.kind == VMP_ORDER_TAKEN)
    g_free (g_queue_pop_head (&turn->self->untaken));
  else
    turn->self->funcs->order (turn->self->user_data, &order);
  if (!turn_is_over (turn))
    read_next (g_steal_pointer (&turn), lines);
}

static void
read_next (Turn             *turn,
           GDataInputStream *lines)
{
  g_data_input_stream_read_line_async (lines, G_PRIORITY_DEFAULT, turn->cancellable, line_read_cb, turn);
}

/* -- Beginning and end --------------------------------------------------------------------- */

static void
forget_process (VmpWindowsProcess *self)
{
  g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->process);
  g_queue_clear_full (&self->lines, g_free);
  g_queue_clear_full (&self->untaken, g_free);
  g_clear_pointer (&self->trouble, g_free);
  self->has_said_all = FALSE;
  self->has_exited = FALSE;
}

static gboolean start (VmpWindowsProcess *self,
                       const char        *token);

/* Its last window closed while there was more to show: the next one shows it. */
static void
begin_again (VmpWindowsProcess *self)
{
  GQueue untaken = self->untaken;
  char *line;

  g_queue_init (&self->untaken);
  forget_process (self);
  if (start (self, NULL))
    {
      while ((line = g_queue_pop_head (&untaken)) != NULL)
        {
          g_queue_push_tail (&self->untaken, g_strdup (line));
          send_line (self, line);
        }
    }
  g_queue_clear_full (&untaken, g_free);
}

static void
conclude (VmpWindowsProcess *self)
{
  g_autofree char *trouble = g_steal_pointer (&self->trouble);

  if (trouble == NULL && !g_queue_is_empty (&self->untaken))
    {
      begin_again (self);
      return;
    }

  forget_process (self);
  self->funcs->ended (self->user_data, trouble);
}

static void
exited_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr (Turn) turn = user_data;
  GSubprocess *process = G_SUBPROCESS (source);
  VmpWindowsProcess *self = turn->self;

  g_subprocess_wait_finish (process, result, NULL);
  if (turn_is_over (turn))
    return;

  if (g_subprocess_get_if_signaled (process))
    self->trouble = g_strdup_printf ("The windows ended by a fault (signal %d). Nothing else did.",
                                     g_subprocess_get_term_sig (process));
  else if (g_subprocess_get_exit_status (process) != 0)
    self->trouble = g_strdup ("The windows could not be opened; the log says why.");

  /* Its last words may come after the news of its end. */
  self->has_exited = TRUE;
  if (self->has_said_all)
    conclude (self);
}

/* Where it was installed, unless it is named. */
static char *
find_program (void)
{
  const char *named = g_getenv (PROGRAM_VARIABLE);

  if (named != NULL && *named != '\0')
    return g_strdup (named);

  return g_build_filename (VMP_LIBEXECDIR, PROGRAM, NULL);
}

static gboolean
start (VmpWindowsProcess *self,
       const char        *token)
{
  g_autoptr (GSubprocessLauncher) launcher = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *program = find_program ();
  g_autoptr (GDataInputStream) lines = NULL;
  guint i;

  launcher = g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE);
  for (i = 0; self->env != NULL && self->env[i] != NULL; i++)
    {
      g_auto (GStrv) pair = g_strsplit (self->env[i], "=", 2);

      g_subprocess_launcher_setenv (launcher, pair[0], pair[1], TRUE);
    }
  /* It gets the one of its first order, if any, and none that was ours. */
  g_subprocess_launcher_unsetenv (launcher, "DESKTOP_STARTUP_ID");
  if (token != NULL)
    g_subprocess_launcher_setenv (launcher, "XDG_ACTIVATION_TOKEN", token, TRUE);
  else
    g_subprocess_launcher_unsetenv (launcher, "XDG_ACTIVATION_TOKEN");

  self->process = g_subprocess_launcher_spawn (launcher, &error, program, NULL);
  if (self->process == NULL)
    {
      g_autofree char *trouble = g_strdup_printf ("The windows could not be opened: %s.", error->message);

      self->funcs->ended (self->user_data, trouble);
      return FALSE;
    }

  self->cancellable = g_cancellable_new ();
  g_subprocess_wait_async (self->process, NULL, exited_cb, turn_new (self));
  lines = g_data_input_stream_new (g_subprocess_get_stdout_pipe (self->process));
  g_data_input_stream_set_newline_type (lines, G_DATA_STREAM_NEWLINE_TYPE_LF);
  read_next (turn_new (self), lines);

  return TRUE;
}

VmpWindowsProcess *
vmp_windows_process_new (const char * const    *env,
                         const VmpWindowsFuncs *funcs,
                         gpointer               user_data)
{
  VmpWindowsProcess *self = g_new0 (VmpWindowsProcess, 1);

  self->env = g_strdupv ((char **) env);
  self->funcs = funcs;
  self->user_data = user_data;

  return self;
}

void
vmp_windows_process_free (VmpWindowsProcess *self)
{
  /* The end of its standard input tells it to end. */
  if (self->process != NULL)
    {
      g_output_stream_close (g_subprocess_get_stdin_pipe (self->process), NULL, NULL);
      forget_process (self);
    }
  g_strfreev (self->env);
  g_free (self);
}

gboolean
vmp_windows_process_is_running (VmpWindowsProcess *self)
{
  return self->process != NULL;
}

void
vmp_windows_process_send (VmpWindowsProcess *self,
                          VmpOrderKind       kind,
                          const char        *argument,
                          const char        *detail,
                          const char        *token)
{
  if (self->process == NULL && !start (self, token))
    return;

  if (opens_something (kind) && g_queue_get_length (&self->untaken) < VMP_LIMIT_WINDOW_ORDERS)
    g_queue_push_tail (&self->untaken, vmp_order_to_line (kind, argument, detail, token));
  send_line (self, vmp_order_to_line (kind, argument, detail, token));
}

void
vmp_windows_process_tell (VmpWindowsProcess *self,
                          VmpOrderKind       kind,
                          const char        *argument)
{
  if (self->process != NULL)
    send_line (self, vmp_order_to_line (kind, argument, NULL, NULL));
}
