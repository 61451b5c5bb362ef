/* SPDX-License-Identifier: MIT
 *
 * See vmp-order-channel.h. One reading and one writing are under way at a time. Both hold what they need by themselves,
 * so that the channel can go while they wait.
 */

#include "app/windows/vmp-order-channel.h"

#include <gio/gunixinputstream.h>
#include <gio/gunixoutputstream.h>
#include <string.h>
#include <unistd.h>

/* A resident that does not read for so long has gone wrong; its windows need not. */
#define MAX_LINES 256

struct _VmpOrderChannel {
  const VmpOrderChannelFuncs *funcs;
  gpointer user_data;
  GCancellable *cancellable;
  GDataInputStream *input;
  GOutputStream *output;
  GQueue lines;               /* of char *: to be written; the first one is being written */
  guint terminal_idle;
  gboolean had_orders;
};

/* The cancellable says whether the channel is still there. */
typedef struct {
  VmpOrderChannel *channel;
  GCancellable *cancellable;
  char *line;                 /* while it is written */
} Turn;

static Turn *
turn_new (VmpOrderChannel *channel)
{
  Turn *turn = g_new0 (Turn, 1);

  turn->channel = channel;
  turn->cancellable = g_object_ref (channel->cancellable);

  return turn;
}

static void
turn_free (Turn *turn)
{
  g_object_unref (turn->cancellable);
  g_free (turn->line);
  g_free (turn);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Turn, turn_free)

/* -- Reading ------------------------------------------------------------------------------- */

static void read_next (VmpOrderChannel *self);

static void
read_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  g_autoptr (Turn) turn = user_data;
  g_autofree char *line = NULL;
  g_auto (VmpOrder) order = { 0 };
  VmpOrderChannel *self;

  line = g_data_input_stream_read_line_finish_utf8 (G_DATA_INPUT_STREAM (source), result, NULL, NULL);
  if (g_cancellable_is_cancelled (turn->cancellable))
    return;

  self = turn->channel;
  if (line == NULL)
    {
      self->funcs->ended (self->user_data, self->had_orders);
      return;
    }

  if (vmp_order_from_line (line, &order))
    {
      self->had_orders = TRUE;
      self->funcs->order (self->user_data, &order);
    }
  if (!g_cancellable_is_cancelled (turn->cancellable))
    read_next (self);
}

static void
read_next (VmpOrderChannel *self)
{
  g_data_input_stream_read_line_async (self->input, G_PRIORITY_DEFAULT, self->cancellable, read_cb, turn_new (self));
}

static gboolean
no_orders_cb (gpointer user_data)
{
  VmpOrderChannel *self = user_data;

  self->terminal_idle = 0;
  self->funcs->ended (self->user_data, FALSE);

  return G_SOURCE_REMOVE;
}

/* -- Writing ------------------------------------------------------------------------------- */

static void write_next (VmpOrderChannel *self);

static void
written_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (Turn) turn = user_data;
  gboolean is_written = g_output_stream_write_all_finish (G_OUTPUT_STREAM (source), result, NULL, NULL);

  if (g_cancellable_is_cancelled (turn->cancellable))
    return;

  g_queue_pop_head (&turn->channel->lines);
  /* That the other end is gone is learned from its silence. */
  if (is_written)
    write_next (turn->channel);
  else
    g_queue_clear_full (&turn->channel->lines, g_free);
}

static void
write_next (VmpOrderChannel *self)
{
  Turn *turn;

  if (g_queue_is_empty (&self->lines))
    return;

  turn = turn_new (self);
  turn->line = g_queue_peek_head (&self->lines);
  g_output_stream_write_all_async (self->output, turn->line, strlen (turn->line), G_PRIORITY_DEFAULT,
                                   self->cancellable, written_cb, turn);
}

void
vmp_order_channel_send (VmpOrderChannel *self,
                        VmpOrderKind     kind,
                        const char      *argument)
{
  g_return_if_fail (self != NULL);

  if (g_queue_get_length (&self->lines) >= MAX_LINES)
    return;

  g_queue_push_tail (&self->lines, vmp_order_to_line (kind, argument, NULL, NULL));
  if (g_queue_get_length (&self->lines) == 1)
    write_next (self);
}

/* -- Making -------------------------------------------------------------------------------- */

VmpOrderChannel *
vmp_order_channel_new (int                         input,
                       int                         output,
                       const VmpOrderChannelFuncs *funcs,
                       gpointer                    user_data)
{
  VmpOrderChannel *self = g_new0 (VmpOrderChannel, 1);
  gboolean is_terminal = isatty (input);
  g_autoptr (GInputStream) raw = g_unix_input_stream_new (input, TRUE);

  self->funcs = funcs;
  self->user_data = user_data;
  self->cancellable = g_cancellable_new ();
  self->input = g_data_input_stream_new (raw);
  self->output = g_unix_output_stream_new (output, TRUE);
  g_queue_init (&self->lines);

  if (is_terminal)
    self->terminal_idle = g_idle_add (no_orders_cb, self);
  else
    read_next (self);

  return self;
}

void
vmp_order_channel_free (VmpOrderChannel *self)
{
  g_cancellable_cancel (self->cancellable);
  g_clear_handle_id (&self->terminal_idle, g_source_remove);
  /* A line that is being written goes with its turn. */
  g_queue_pop_head (&self->lines);
  g_queue_clear_full (&self->lines, g_free);
  g_object_unref (self->cancellable);
  g_object_unref (self->input);
  g_object_unref (self->output);
  g_free (self);
}
