/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpLentStream, and of the output stream in it. The stream lives as long as SoupServer holds it;
 * the connection may go before, and then writes fail as those to a closed socket do.
 */

#include "gateway/vmp-lent-stream.h"

#include "core/vmp-hand-over.h"

#include <gio/gio.h>

#define VMP_TYPE_LENT_OUTPUT (vmp_lent_output_get_type ())
G_DECLARE_FINAL_TYPE (VmpLentOutput, vmp_lent_output, VMP, LENT_OUTPUT, GOutputStream)

/* What belongs to the gateway's thread, also when another one is the last to let go of the stream. */
typedef struct {
  VmpConnection *connection; /* NULL once it was given back or is gone */
  GPtrArray *waiting;        /* of GSource that wait for room */
} Loan;

/* None of these change. */
struct _VmpLentOutput {
  GOutputStream parent_instance;

  GMainContext *context; /* the gateway's ... */
  GThread *thread;       /* ... and its thread */
  Loan *loan;
};

struct _VmpLentStream {
  GIOStream parent_instance;

  GInputStream *input;
  VmpLentOutput *output;
};

/* -- Output -------------------------------------------------------------------------------- */

static gboolean
lent_output_is_writable (GPollableOutputStream *pollable)
{
  VmpLentOutput *self = VMP_LENT_OUTPUT (pollable);

  return self->loan->connection == NULL || vmp_connection_has_room (self->loan->connection);
}

/* A source that fires when there is room, made ready by wake(). */
static GSource *
lent_output_create_source (GPollableOutputStream *pollable,
                           GCancellable          *cancellable)
{
  VmpLentOutput *self = VMP_LENT_OUTPUT (pollable);
  GSource *source = g_pollable_source_new_full (self, NULL, cancellable);

  if (lent_output_is_writable (pollable))
    g_source_set_ready_time (source, 0);
  else
    g_ptr_array_add (self->loan->waiting, g_source_ref (source));

  return source;
}

static void
wake (Loan *self)
{
  guint i;

  for (i = 0; i < self->waiting->len; i++)
    g_source_set_ready_time (g_ptr_array_index (self->waiting, i), 0);
  g_ptr_array_set_size (self->waiting, 0);
}

static gssize
write_now (Loan       *self,
           const void *data,
           gsize       len,
           GError    **error)
{
  if (self->connection == NULL)
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_BROKEN_PIPE, "The client has left");
      return -1;
    }

  vmp_connection_raw (self->connection, data, len);
  return (gssize) len;
}

static gssize
lent_output_write_nonblocking (GPollableOutputStream *pollable,
                               const void            *data,
                               gsize                  len,
                               GError               **error)
{
  if (!lent_output_is_writable (pollable))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_WOULD_BLOCK, "The client is slow");
      return -1;
    }

  return write_now (VMP_LENT_OUTPUT (pollable)->loan, data, len, error);
}

typedef struct {
  VmpLentOutput *output;
  GBytes *bytes;
} LateWrite;

static gboolean
late_write_cb (gpointer user_data)
{
  LateWrite *late = user_data;
  gsize len;
  const void *data;

  VMP_TAKE_OVER (late);
  data = g_bytes_get_data (late->bytes, &len);
  write_now (late->output->loan, data, len, NULL);

  return G_SOURCE_REMOVE;
}

static void
late_write_free (gpointer data)
{
  LateWrite *late = data;

  g_object_unref (late->output);
  g_bytes_unref (late->bytes);
  g_free (late);
}

/* For the few bytes that libsoup writes without asking. GIO closes a chunked body, and so writes its last chunk, on a
 * thread of its own; the connection is touched on the gateway's only, in the order in which it was asked. Not by
 * g_main_context_invoke(), which calls at once, on the wrong thread, while the context has no owner. */
static gssize
lent_output_write (GOutputStream *stream,
                   const void    *data,
                   gsize          len,
                   GCancellable  *cancellable,
                   GError       **error)
{
  VmpLentOutput *self = VMP_LENT_OUTPUT (stream);
  g_autoptr (GSource) source = NULL;
  GMainContext *context;
  LateWrite *late;

  VMP_TAKE_OVER (self);
  context = self->context;
  if (g_main_context_is_owner (context))
    return write_now (self->loan, data, len, error);

  late = g_new (LateWrite, 1);
  late->output = g_object_ref (self);
  late->bytes = g_bytes_new (data, len);
  source = g_idle_source_new ();
  g_source_set_static_name (source, "vampire late write");
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, late_write_cb, late, late_write_free);
  VMP_HAND_OVER (late);
  g_source_attach (source, context);

  return (gssize) len;
}

/* Gives the connection back. @keep: FALSE when the answer was cut short. */
static void
give_back (Loan    *self,
           gboolean keep)
{
  VmpConnection *connection = g_steal_pointer (&self->connection);

  if (connection != NULL)
    vmp_connection_raw_end (connection, keep);
}

static gboolean
lent_output_close (GOutputStream *stream,
                   GCancellable  *cancellable,
                   GError       **error)
{
  VmpLentOutput *self = VMP_LENT_OUTPUT (stream);

  /* Elsewhere it is the stream's end that closes it, and the loan's that gives back. */
  if (self->thread == g_thread_self ())
    give_back (self->loan, TRUE);

  return TRUE;
}

static void
lent_output_pollable_init (GPollableOutputStreamInterface *iface)
{
  iface->is_writable = lent_output_is_writable;
  iface->create_source = lent_output_create_source;
  iface->write_nonblocking = lent_output_write_nonblocking;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (VmpLentOutput, vmp_lent_output, G_TYPE_OUTPUT_STREAM,
                               G_IMPLEMENT_INTERFACE (G_TYPE_POLLABLE_OUTPUT_STREAM, lent_output_pollable_init))

static void
loan_end (gpointer data)
{
  Loan *self = data;

  give_back (self, FALSE);
  g_ptr_array_unref (self->waiting);
  g_free (self);
}

static gboolean
come_home_cb (gpointer user_data)
{
  VMP_TAKE_OVER (user_data);

  return G_SOURCE_REMOVE;
}

/* The thread on which GIO closed a body in the stream had the last reference. The loan ends on its own. */
static void
come_home (VmpLentOutput *self)
{
  g_autoptr (GSource) source = g_idle_source_new ();

  g_source_set_static_name (source, "vampire late end");
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, come_home_cb, self->loan, loan_end);
  VMP_HAND_OVER (self->loan);
  g_source_attach (source, self->context);
}

/* The parent closes what nobody has closed. But then the answer was cut short. */
static void
vmp_lent_output_dispose (GObject *object)
{
  VmpLentOutput *self = VMP_LENT_OUTPUT (object);

  VMP_TAKE_OVER (self);
  if (self->thread == g_thread_self ())
    give_back (self->loan, FALSE);

  G_OBJECT_CLASS (vmp_lent_output_parent_class)->dispose (object);
}

static void
vmp_lent_output_finalize (GObject *object)
{
  VmpLentOutput *self = VMP_LENT_OUTPUT (object);

  if (self->thread == g_thread_self ())
    loan_end (self->loan);
  else
    come_home (self);
  g_main_context_unref (self->context);

  G_OBJECT_CLASS (vmp_lent_output_parent_class)->finalize (object);
}

static void
vmp_lent_output_class_init (VmpLentOutputClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = vmp_lent_output_dispose;
  G_OBJECT_CLASS (klass)->finalize = vmp_lent_output_finalize;
  G_OUTPUT_STREAM_CLASS (klass)->write_fn = lent_output_write;
  G_OUTPUT_STREAM_CLASS (klass)->close_fn = lent_output_close;
}

static void
vmp_lent_output_init (VmpLentOutput *self)
{
  self->context = g_main_context_ref_thread_default ();
  self->thread = g_thread_self ();
  self->loan = g_new0 (Loan, 1);
  self->loan->waiting = g_ptr_array_new_with_free_func ((GDestroyNotify) g_source_unref);
  VMP_HAND_OVER (self);
}

/* -- Stream -------------------------------------------------------------------------------- */

G_DEFINE_FINAL_TYPE (VmpLentStream, vmp_lent_stream, G_TYPE_IO_STREAM)

static GInputStream *
vmp_lent_stream_get_input (GIOStream *stream)
{
  return VMP_LENT_STREAM (stream)->input;
}

static GOutputStream *
vmp_lent_stream_get_output (GIOStream *stream)
{
  return G_OUTPUT_STREAM (VMP_LENT_STREAM (stream)->output);
}

static void
vmp_lent_stream_dispose (GObject *object)
{
  VmpLentStream *self = VMP_LENT_STREAM (object);

  G_OBJECT_CLASS (vmp_lent_stream_parent_class)->dispose (object);

  g_clear_object (&self->input);
  g_clear_object (&self->output);
}

static void
vmp_lent_stream_class_init (VmpLentStreamClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = vmp_lent_stream_dispose;
  G_IO_STREAM_CLASS (klass)->get_input_stream = vmp_lent_stream_get_input;
  G_IO_STREAM_CLASS (klass)->get_output_stream = vmp_lent_stream_get_output;
}

static void
vmp_lent_stream_init (VmpLentStream *self)
{
}

static void
answerer_drained (gpointer user_data)
{
  wake (user_data);
}

static void
answerer_gone (gpointer user_data)
{
  Loan *loan = user_data;

  loan->connection = NULL;
  wake (loan);
}

static const VmpAnswererFuncs answerer_funcs = {
  .drained = answerer_drained,
  .gone = answerer_gone,
};

/* The request as SoupServer reads it: the head as it came, but with its body's length instead of a transfer coding,
 * since the body is whole by now, and without Expect, which was answered. */
static GBytes *
rewrite_request (const VmpRequest *request)
{
  const VmpHttpHead *head = &request->head;
  GString *text = g_string_sized_new (request->raw_head.len + request->body_len + 64);
  guint i;

  g_string_append_len (text, head->method.data, head->method.len);
  g_string_append_c (text, ' ');
  g_string_append_len (text, head->target.data, head->target.len);
  g_string_append_printf (text, " HTTP/1.%d\r\n", head->minor_version);
  for (i = 0; i < head->n_fields; i++)
    {
      const VmpHttpField *field = &head->fields[i];

      if (vmp_slice_equal_nocase (field->name, "Transfer-Encoding")
          || vmp_slice_equal_nocase (field->name, "Content-Length") || vmp_slice_equal_nocase (field->name, "Expect"))
        continue;
      g_string_append_len (text, field->name.data, field->name.len);
      g_string_append (text, ": ");
      g_string_append_len (text, field->value.data, field->value.len);
      g_string_append (text, "\r\n");
    }
  if (request->body_len > 0)
    g_string_append_printf (text, "Content-Length: %" G_GSIZE_FORMAT "\r\n", request->body_len);
  g_string_append (text, "\r\n");
  g_string_append_len (text, request->body, request->body_len);

  return g_string_free_to_bytes (text);
}

void
vmp_lent_stream_lend (SoupServer       *server,
                      VmpConnection    *connection,
                      const VmpRequest *request)
{
  g_autoptr (VmpLentStream) self = g_object_new (VMP_TYPE_LENT_STREAM, NULL);
  g_autoptr (GBytes) bytes = rewrite_request (request);

  self->input = g_memory_input_stream_new_from_bytes (bytes);
  self->output = g_object_new (VMP_TYPE_LENT_OUTPUT, NULL);
  self->output->loan->connection = connection;
  vmp_connection_set_answerer (connection, &answerer_funcs, self->output->loan);

  soup_server_accept_iostream (server, G_IO_STREAM (self), vmp_connection_get_local_address (connection),
                               vmp_connection_get_peer_address (connection), NULL);
}
