/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpLink. One attempt follows the gateway's events; when it ends, the next one comes: at once when
 * the gateway writes its file, and else after a while that doubles. Questions are here, streams in vmp-link-stream.c;
 * both are calls, each with a cancellable of its own, so that the link can end all of them and say why.
 */

#include "client/vmp-link-private.h"

#include <glib/gi18n.h>
#include <string.h>

#include "client/vmp-event-flow.h"
#include "core/vmp-limits.h"

/* Milliseconds between two attempts: at first, and at most. */
#define RETRY_MS 250
#define RETRY_MAX_MS (5 * 1000)

/* A gateway that was there for so long is looked for quickly again; one that ends each stream at once is not. */
#define GOOD_US (5 * G_USEC_PER_SEC)

/* A few comments may be late; then nobody is there. */
#define PATIENCE_MS (3 * VMP_LIMIT_EVENT_COMMENT_S * 1000)

/* One try at following the events, and their stream. */
typedef struct {
  VmpLink *link; /* NULL once it has let go */
  GCancellable *cancellable;
} Attempt;

struct _VmpLink {
  GObject parent;

  char *gateway;
  VmpSettings *settings;
  GMainContext *context;
  guint patience_ms;
  guint first_retry_ms;

  gboolean started;
  VmpLinkState state;
  char *trouble;

  VmpClient *client;       /* of the last attempt */
  Attempt *attempt;        /* NULL: the next one waits */
  char *last_event_id;
  gint64 connected_at;     /* monotonic */
  guint retry_ms;          /* until the next attempt, when this one fails */
  gboolean hurry;          /* something has changed since this attempt began */
  GSource *retry;
  GSource *watchdog;
  GFileMonitor *monitor;

  GQueue calls;            /* of VmpLinkCall */
};

enum {
  PROP_0,
  PROP_STATE,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

enum {
  EVENT,
  RESET,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (VmpLink, vmp_link, G_TYPE_OBJECT)

static void try_now (VmpLink *self);

/* -- State --------------------------------------------------------------------------------- */

static void
set_state (VmpLink     *self,
           VmpLinkState state,
           const char  *trouble)
{
  if (self->state == state && g_strcmp0 (self->trouble, trouble) == 0)
    return;

  self->state = state;
  g_free (self->trouble);
  self->trouble = g_strdup (trouble);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_STATE]);
}

static void
clear_source (GSource **source)
{
  if (*source == NULL)
    return;

  g_source_destroy (*source);
  g_clear_pointer (source, g_source_unref);
}

/* One that fires when it is told to. */
static GSource *
add_timer (VmpLink    *self,
           GSourceFunc func,
           const char *name,
           guint       milliseconds)
{
  GSource *source = g_timeout_source_new (milliseconds);

  g_source_set_static_name (source, name);
  g_source_set_callback (source, func, self, NULL);
  g_source_attach (source, self->context);

  return source;
}

/* -- Calls --------------------------------------------------------------------------------- */

static void
caller_cancelled_cb (GCancellable *caller,
                     gpointer      user_data)
{
  g_cancellable_cancel (user_data);
}

void
vmp_link_call_begin (VmpLinkCall  *call,
                     VmpLink      *self,
                     GCancellable *caller)
{
  call->link = self;
  call->node.data = call;
  call->cancellable = g_cancellable_new ();
  g_queue_push_tail_link (&self->calls, &call->node);

  if (caller != NULL)
    {
      call->caller = g_object_ref (caller);
      call->handler = g_cancellable_connect (caller, G_CALLBACK (caller_cancelled_cb), g_object_ref (call->cancellable),
                                             g_object_unref);
    }
}

void
vmp_link_call_end (VmpLinkCall *call)
{
  if (call->link != NULL)
    g_queue_unlink (&call->link->calls, &call->node);
  call->link = NULL;

  if (call->caller != NULL)
    g_cancellable_disconnect (call->caller, call->handler);
  g_clear_object (&call->caller);
  g_clear_object (&call->cancellable);
  g_clear_pointer (&call->reason, g_free);
}

GError *
vmp_link_call_make_error (const VmpLinkCall *call,
                          const GError      *error)
{
  if (call->reason != NULL && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return g_error_new_literal (G_IO_ERROR, G_IO_ERROR_CONNECTION_CLOSED, call->reason);

  return g_error_copy (error);
}

/* @reason: (nullable): NULL: they were cancelled */
static void
end_calls (VmpLink    *self,
           const char *reason)
{
  VmpLinkCall *call;

  while ((call = g_queue_peek_head (&self->calls)) != NULL)
    {
      g_queue_unlink (&self->calls, &call->node);
      call->link = NULL;
      call->reason = g_strdup (reason);
      g_cancellable_cancel (call->cancellable);
    }
}

VmpClient *
vmp_link_get_client (VmpLink *self,
                     GError **error)
{
  if (self->state == VMP_LINK_CONNECTED)
    return self->client;

  g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_NOT_CONNECTED,
                       self->trouble != NULL ? self->trouble : _("The gateway has not answered yet."));

  return NULL;
}

/* -- Following the events ------------------------------------------------------------------ */

static gboolean
retry_cb (gpointer user_data)
{
  VmpLink *self = user_data;

  clear_source (&self->retry);
  try_now (self);

  return G_SOURCE_REMOVE;
}

/* The attempt goes on to its end alone, and tells nobody. */
static void
let_attempt_go (VmpLink *self)
{
  clear_source (&self->watchdog);
  if (self->attempt == NULL)
    return;

  self->attempt->link = NULL;
  g_cancellable_cancel (self->attempt->cancellable);
  self->attempt = NULL;
}

static void
lose (VmpLink    *self,
      const char *trouble)
{
  if (self->state == VMP_LINK_CONNECTED && g_get_monotonic_time () - self->connected_at >= GOOD_US)
    self->retry_ms = self->first_retry_ms;

  let_attempt_go (self);
  clear_source (&self->retry);
  self->retry = add_timer (self, retry_cb, "vampire link retry", self->hurry ? 0 : self->retry_ms);
  self->retry_ms = MIN (self->retry_ms * 2, MAX (RETRY_MAX_MS, self->first_retry_ms));
  self->hurry = FALSE;

  set_state (self, VMP_LINK_LOST, trouble);
}

static gboolean
watchdog_cb (gpointer user_data)
{
  g_autoptr (VmpLink) self = g_object_ref (user_data);
  g_autofree char *trouble = g_strdup_printf (_("The gateway at %s says nothing any more."), self->client->url);

  end_calls (self, trouble);
  lose (self, trouble);

  return G_SOURCE_REMOVE;
}

static void
begun_cb (gpointer     user_data,
          SoupMessage *message)
{
  Attempt *attempt = user_data;
  g_autoptr (VmpLink) self = attempt->link != NULL ? g_object_ref (attempt->link) : NULL;

  if (self == NULL)
    return;

  self->connected_at = g_get_monotonic_time ();
  self->hurry = FALSE;
  self->watchdog = add_timer (self, watchdog_cb, "vampire link watchdog", self->patience_ms);
  set_state (self, VMP_LINK_CONNECTED, NULL);

  /* Otherwise the gateway itself says it when it cannot go on where the last stream ended. */
  if (self->last_event_id == NULL && attempt->link != NULL)
    g_signal_emit (self, signals[RESET], 0);
}

static void
heard_cb (gpointer user_data)
{
  Attempt *attempt = user_data;
  VmpLink *self = attempt->link;

  if (self != NULL)
    g_source_set_ready_time (self->watchdog, g_get_monotonic_time () + self->patience_ms * (gint64) 1000);
}

static void
event_cb (gpointer    user_data,
          const char *id,
          const char *type,
          const char *data)
{
  Attempt *attempt = user_data;
  g_autoptr (VmpLink) self = attempt->link != NULL ? g_object_ref (attempt->link) : NULL;
  g_autoptr (JsonNode) node = NULL;

  if (self == NULL)
    return;

  if (*id != '\0' && g_strcmp0 (id, self->last_event_id) != 0)
    {
      g_free (self->last_event_id);
      self->last_event_id = g_strdup (id);
    }

  if (g_str_equal (type, "reset"))
    {
      g_signal_emit (self, signals[RESET], 0);
      return;
    }

  node = vmp_json_parse (data, strlen (data), NULL);
  if (node != NULL && JSON_NODE_HOLDS_OBJECT (node))
    g_signal_emit (self, signals[EVENT], 0, type, json_node_get_object (node));
  else
    g_debug ("An event of the gateway is no JSON object");
}

static void
ended_cb (gpointer      user_data,
          const GError *error)
{
  Attempt *attempt = user_data;
  g_autoptr (VmpLink) self = attempt->link != NULL ? g_object_ref (attempt->link) : NULL;
  g_autofree char *trouble = NULL;

  if (self != NULL)
    {
      if (error != NULL)
        trouble = g_strdup (error->message);
      else
        trouble = g_strdup_printf (_("The gateway at %s has stopped."), self->client->url);
      lose (self, trouble);
    }

  g_object_unref (attempt->cancellable);
  g_free (attempt);
}

static const VmpEventFlowFuncs follow_funcs = {
  .begun = begun_cb,
  .heard = heard_cb,
  .event = event_cb,
  .ended = ended_cb,
};

static void
try_now (VmpLink *self)
{
  g_auto (GStrv) env = g_get_environ ();
  g_autoptr (GError) error = NULL;
  g_autoptr (SoupMessage) message = NULL;
  VmpClient *client;

  self->hurry = FALSE;
  client = vmp_client_new (self->gateway, NULL, self->settings, (const char * const *) env, &error);
  if (client == NULL)
    {
      lose (self, error->message);
      return;
    }

  /* What is under way with the last one holds it. */
  g_clear_pointer (&self->client, vmp_client_free);
  self->client = client;

  self->attempt = g_new0 (Attempt, 1);
  self->attempt->link = self;
  self->attempt->cancellable = g_cancellable_new ();

  message = vmp_client_make_message (client, SOUP_METHOD_GET, VMP_CLIENT_EVENTS_PATH, 0);
  if (message != NULL && self->last_event_id != NULL)
    soup_message_headers_replace (soup_message_get_request_headers (message), "Last-Event-ID", self->last_event_id);
  vmp_event_flow_start (client, message, self->attempt->cancellable, &follow_funcs, self->attempt);
}

/* -- The gateway's file -------------------------------------------------------------------- */

static void
try_soon (VmpLink *self)
{
  if (!self->started || self->state == VMP_LINK_CONNECTED)
    return;

  self->retry_ms = self->first_retry_ms;
  if (self->attempt != NULL)
    {
      self->hurry = TRUE;
      return;
    }

  clear_source (&self->retry);
  try_now (self);
}

static void
file_changed_cb (GFileMonitor     *monitor,
                 GFile            *file,
                 GFile            *other,
                 GFileMonitorEvent event,
                 gpointer          user_data)
{
  if (event != G_FILE_MONITOR_EVENT_DELETED && event != G_FILE_MONITOR_EVENT_UNMOUNTED)
    try_soon (user_data);
}

static void
watch_file (VmpLink *self)
{
  g_autofree char *path = g_build_filename (self->settings->data_dir, VMP_CLIENT_OWNER_FILE, NULL);
  g_autoptr (GFile) file = g_file_new_for_path (path);
  g_autoptr (GError) error = NULL;

  self->monitor = g_file_monitor_file (file, G_FILE_MONITOR_NONE, NULL, &error);
  if (self->monitor == NULL)
    g_info ("%s is not watched: %s", path, error->message);
  else
    g_signal_connect_object (self->monitor, "changed", G_CALLBACK (file_changed_cb), self, 0);
}

/* -- Asking -------------------------------------------------------------------------------- */

typedef struct {
  VmpLinkCall call;
  GTask *task;
} Ask;

static void
asked_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  Ask *ask = user_data;
  g_autoptr (GTask) task = ask->task;
  g_autoptr (GError) error = NULL;
  VmpClientAnswer *answer = vmp_client_ask_finish (result, &error);

  if (answer != NULL)
    g_task_return_pointer (task, answer, (GDestroyNotify) vmp_client_answer_free);
  else
    g_task_return_error (task, vmp_link_call_make_error (&ask->call, error));

  vmp_link_call_end (&ask->call);
  g_free (ask);
}

void
vmp_link_ask_async (VmpLink            *self,
                    const char         *method,
                    const char         *path,
                    JsonNode           *body,
                    GCancellable       *cancellable,
                    GAsyncReadyCallback callback,
                    gpointer            user_data)
{
  g_autoptr (JsonNode) owned = body;
  g_autoptr (GTask) task = NULL;
  GError *error = NULL;
  VmpClient *client;
  Ask *ask;

  g_return_if_fail (VMP_IS_LINK (self));
  g_return_if_fail (method != NULL);
  g_return_if_fail (path != NULL && *path == '/');

  task = g_task_new (self, cancellable, callback, user_data);
  client = vmp_link_get_client (self, &error);
  if (client == NULL)
    {
      g_task_return_error (task, error);
      return;
    }

  ask = g_new0 (Ask, 1);
  ask->task = g_steal_pointer (&task);
  vmp_link_call_begin (&ask->call, self, cancellable);
  vmp_client_ask_async (client, method, path, owned, ask->call.cancellable, asked_cb, ask);
}

VmpClientAnswer *
vmp_link_ask_finish (VmpLink      *self,
                     GAsyncResult *result,
                     GError      **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

/* -- Life ---------------------------------------------------------------------------------- */

VmpLink *
vmp_link_new (const char  *gateway,
              VmpSettings *settings)
{
  VmpLink *self;

  g_return_val_if_fail (settings != NULL, NULL);

  self = g_object_new (VMP_TYPE_LINK, NULL);
  self->gateway = g_strdup (gateway);
  self->settings = vmp_settings_ref (settings);

  return self;
}

void
vmp_link_start (VmpLink *self)
{
  g_return_if_fail (VMP_IS_LINK (self));

  if (self->started)
    return;

  self->started = TRUE;
  self->retry_ms = self->first_retry_ms;
  if (self->gateway == NULL)
    watch_file (self);
  try_now (self);
}

void
vmp_link_stop (VmpLink *self)
{
  g_return_if_fail (VMP_IS_LINK (self));

  self->started = FALSE;
  if (self->monitor != NULL)
    g_file_monitor_cancel (self->monitor);
  g_clear_object (&self->monitor);
  clear_source (&self->retry);
  let_attempt_go (self);
  end_calls (self, NULL);
  g_clear_pointer (&self->last_event_id, g_free);
  set_state (self, VMP_LINK_CONNECTING, NULL);
}

void
vmp_link_retry (VmpLink *self)
{
  g_return_if_fail (VMP_IS_LINK (self));

  try_soon (self);
}

VmpLinkState
vmp_link_get_state (VmpLink *self)
{
  g_return_val_if_fail (VMP_IS_LINK (self), VMP_LINK_CONNECTING);

  return self->state;
}

const char *
vmp_link_get_url (VmpLink *self)
{
  g_return_val_if_fail (VMP_IS_LINK (self), NULL);

  return self->client != NULL ? self->client->url : NULL;
}

const char *
vmp_link_get_trouble (VmpLink *self)
{
  g_return_val_if_fail (VMP_IS_LINK (self), NULL);

  return self->trouble;
}

void
vmp_link_set_times (VmpLink *self,
                    guint    patience_ms,
                    guint    retry_ms)
{
  g_return_if_fail (VMP_IS_LINK (self));

  self->patience_ms = patience_ms;
  self->first_retry_ms = self->retry_ms = retry_ms;
}

static void
vmp_link_get_property (GObject    *object,
                       guint       id,
                       GValue     *value,
                       GParamSpec *pspec)
{
  VmpLink *self = VMP_LINK (object);

  switch (id)
    {
    case PROP_STATE:
      g_value_set_int (value, self->state);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmp_link_dispose (GObject *object)
{
  VmpLink *self = VMP_LINK (object);

  vmp_link_stop (self);
  g_clear_pointer (&self->client, vmp_client_free);

  G_OBJECT_CLASS (vmp_link_parent_class)->dispose (object);
}

static void
vmp_link_finalize (GObject *object)
{
  VmpLink *self = VMP_LINK (object);

  g_free (self->gateway);
  g_clear_pointer (&self->settings, vmp_settings_unref);
  g_main_context_unref (self->context);
  g_free (self->trouble);

  G_OBJECT_CLASS (vmp_link_parent_class)->finalize (object);
}

static void
vmp_link_class_init (VmpLinkClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = vmp_link_get_property;
  object_class->dispose = vmp_link_dispose;
  object_class->finalize = vmp_link_finalize;

  properties[PROP_STATE] = g_param_spec_int ("state", NULL, NULL, VMP_LINK_CONNECTING, VMP_LINK_LOST,
                                             VMP_LINK_CONNECTING,
                                             G_PARAM_READABLE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  g_object_class_install_properties (object_class, N_PROPS, properties);

  signals[EVENT] = g_signal_new ("event", VMP_TYPE_LINK, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 2,
                                 G_TYPE_STRING | G_SIGNAL_TYPE_STATIC_SCOPE, JSON_TYPE_OBJECT);
  signals[RESET] = g_signal_new ("reset", VMP_TYPE_LINK, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
}

static void
vmp_link_init (VmpLink *self)
{
  self->context = g_main_context_ref_thread_default ();
  self->patience_ms = PATIENCE_MS;
  self->first_retry_ms = RETRY_MS;
  g_queue_init (&self->calls);
}
