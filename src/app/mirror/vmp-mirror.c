/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpMirror. Each topic has one reading under way at most; what changes meanwhile makes another one
 * follow, no sooner than its interval, nor than eight times what a reading takes: so the windows never cost the gateway
 * more than a small part of its time. Long answers are made ready on another thread.
 */

#include "app/mirror/vmp-mirror-private.h"
#include "app/mirror/vmp-node-label.h"

#include <glib/gi18n.h>
#include <string.h>

#include "app/mirror/vmp-item-private.h"
#include "core/vmp-hand-over.h"
#include "core/vmp-json.h"
#include "core/vmp-limits.h"

/* Bytes of an answer from which on making it ready would be felt in a window. */
#define THREAD_BYTES (64 * 1024)

/* Of the time, a reading may take one part in so many. */
#define SHARE_OF_TIME 8

/* Events of requests that are shown at once between two readings of their list. */
#define REQUEST_EVENTS 100

/* -- Topics -------------------------------------------------------------------------------- */

typedef struct {
  const char *path;     /* NULL: it comes from events alone */
  gboolean is_list;
  gboolean always_held;
  guint interval_ms;    /* between the beginnings of two readings, at least */
  VmpItemIdFunc id_of;
} Kind;

static const Kind kinds[VMP_N_TOPICS] = {
  [VMP_TOPIC_STATUS] = { "/vampire/v1/status", FALSE, TRUE, 250 },
  [VMP_TOPIC_SHARE] = { "/vampire/v1/share", FALSE, TRUE, 100 },
  [VMP_TOPIC_NODES] = { "/vampire/v1/nodes?models=false", TRUE, TRUE, 500 },
  [VMP_TOPIC_MODELS] = { "/vampire/v1/models", TRUE, FALSE, 1000, vmp_mirror_make_model_id },
  [VMP_TOPIC_VIRTUAL_MODELS] = { "/vampire/v1/virtual_models", TRUE, FALSE, 500 },
  [VMP_TOPIC_ROUTES] = { "/vampire/v1/routes", TRUE, FALSE, 100 },
  [VMP_TOPIC_REQUESTS] = { "/vampire/v1/requests?limit=" G_STRINGIFY (VMP_LIMIT_TRACES), TRUE, FALSE, 500 },
  [VMP_TOPIC_KEYS] = { "/vampire/v1/keys", TRUE, FALSE, 100 },
  [VMP_TOPIC_CLIENTS] = { "/vampire/v1/clients", TRUE, FALSE, 900 },
  [VMP_TOPIC_SEARCHES] = { "/vampire/v1/discover/jobs", TRUE, FALSE, 250 },
  [VMP_TOPIC_LOADS] = { NULL, TRUE, TRUE, 0 },
  [VMP_TOPIC_METRICS] = { "/vampire/v1/metrics", FALSE, FALSE, 900 },
  [VMP_TOPIC_DOCTOR] = { "/vampire/v1/doctor", FALSE, FALSE, 3000 },
  [VMP_TOPIC_SETTINGS] = { "/vampire/v1/settings", FALSE, FALSE, 100 },
};

/* One reading of a topic, until its answer is taken over. */
typedef struct {
  VmpMirror *mirror;      /* NULL once it is gone */
  VmpTopic topic;
  VmpClientAnswer *answer;
  VmpItemBatch *batch;    /* of a list */
  JsonObject *document;   /* of a document */
  guint64 digest;
  gboolean is_long;
  gboolean is_outdated;   /* something newer came with an event */
  GPtrArray *events;      /* of JsonObject: those that came meanwhile, and may be newer */
} Reading;

typedef struct {
  guint held;
  gboolean stale;         /* it has changed since the last reading began, or was never read */
  gboolean known;         /* it was read */
  char *trouble;
  VmpItemList *list;      /* NULL: it has a document */
  JsonObject *document;
  guint64 digest;         /* of the document */

  Reading *reading;       /* NULL: none is under way */
  GSource *timer;         /* until the next one; NULL: none waits */
  gint64 begun_at;        /* of the last one, monotonic µs; 0: there was none */
  gint64 took;            /* µs */
} Topic;

struct _VmpMirror {
  GObject parent;

  VmpLink *link;
  GMainContext *context;
  GCancellable *cancellable;
  guint n_request_events;    /* since the last reading of the requests began */
  Topic topics[VMP_N_TOPICS];
};

enum {
  CHANGED,
  METRIC,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (VmpMirror, vmp_mirror, G_TYPE_OBJECT)

static void schedule (VmpMirror *self,
                      VmpTopic   topic,
                      gint64     delay_us);

static void
emit_changed (VmpMirror *self,
              VmpTopic   topic)
{
  g_signal_emit (self, signals[CHANGED], 0, (guint) topic);
}

static gboolean
is_connected (VmpMirror *self)
{
  return vmp_link_get_state (self->link) == VMP_LINK_CONNECTED;
}

static void
clear_timer (Topic *topic)
{
  if (topic->timer == NULL)
    return;

  g_source_destroy (topic->timer);
  g_clear_pointer (&topic->timer, g_source_unref);
}

/* -- Making an answer ready ---------------------------------------------------------------- */

static void
reading_free (Reading *self)
{
  g_clear_pointer (&self->answer, vmp_client_answer_free);
  g_clear_pointer (&self->batch, vmp_item_batch_free);
  g_clear_pointer (&self->document, json_object_unref);
  g_clear_pointer (&self->events, g_ptr_array_unref);
  g_free (self);
}

/* A node's models are a list of their own, and may be a hundred times as much as the rest. */
static void
drop_models (JsonArray *nodes)
{
  for (guint i = 0; i < json_array_get_length (nodes); i++)
    {
      JsonNode *node = json_array_get_element (nodes, i);

      if (JSON_NODE_HOLDS_OBJECT (node) && json_object_has_member (json_node_get_object (node), "models"))
        json_object_remove_member (json_node_get_object (node), "models");
    }
}

/* What takes long of taking over an answer. Any thread, but one at a time. */
static void
make_ready (Reading *self)
{
  JsonNode *root = self->answer->json;
  JsonObject *object = root != NULL && JSON_NODE_HOLDS_OBJECT (root) ? json_node_get_object (root) : NULL;
  JsonArray *data = vmp_json_get_array (object, "data");

  if (!kinds[self->topic].is_list && object != NULL)
    {
      self->document = json_object_ref (object);
      self->digest = vmp_document_digest (object);
    }
  if (kinds[self->topic].is_list && data != NULL)
    {
      if (self->topic == VMP_TOPIC_NODES)
        drop_models (data);
      self->batch = vmp_item_batch_new (data, kinds[self->topic].id_of);
    }
  g_clear_pointer (&self->answer, vmp_client_answer_free);
}

static void
make_ready_in_thread (GTask        *task,
                      gpointer      source,
                      gpointer      data,
                      GCancellable *cancellable)
{
  VMP_TAKE_OVER (data);
  make_ready (data);
  VMP_HAND_OVER (data);
  g_task_return_boolean (task, TRUE);
}

static void
free_in_thread (GTask        *task,
                gpointer      source,
                gpointer      data,
                GCancellable *cancellable)
{
  VMP_TAKE_OVER (data);
  reading_free (data);
}

/* Frees it where that is not felt: most of a long list has not changed, and goes now. */
static void
reading_dispose (Reading *self)
{
  g_autoptr (GTask) task = NULL;

  if (!self->is_long)
    {
      reading_free (self);
      return;
    }

  task = g_task_new (NULL, NULL, NULL, NULL);
  g_task_set_task_data (task, self, NULL);
  VMP_HAND_OVER (self);
  g_task_run_in_thread (task, free_in_thread);
}

/* -- Reading ------------------------------------------------------------------------------- */

/* @trouble: (nullable) */
static gboolean
set_trouble (Topic      *topic,
             const char *trouble)
{
  if (g_strcmp0 (topic->trouble, trouble) == 0)
    return FALSE;

  g_free (topic->trouble);
  topic->trouble = g_strdup (trouble);

  return TRUE;
}

/* Frees @reading. @trouble: (nullable): why nothing was read. @is_connection: nobody answered; it is read again once
 * somebody does */
static void
end_reading (Reading    *reading,
             const char *trouble,
             gboolean    is_connection)
{
  g_autoptr (VmpMirror) self = g_object_ref (reading->mirror);
  VmpTopic id = reading->topic;
  Topic *topic = &self->topics[id];
  gboolean changed = FALSE;

  topic->reading = NULL;
  topic->took = g_get_monotonic_time () - topic->begun_at;

  if (trouble != NULL)
    {
      if (is_connection)
        topic->stale = TRUE;
      /* The link says that it is lost, and why. */
      if (!is_connection || is_connected (self))
        changed = set_trouble (topic, trouble);
    }
  else
    {
      changed = set_trouble (topic, NULL);
      if (!topic->known)
        changed = topic->known = TRUE;

      if (reading->batch != NULL)
        {
          vmp_item_list_take (topic->list, reading->batch);
          for (guint i = 0; reading->events != NULL && i < reading->events->len; i++)
            vmp_mirror_learn_again (self, id, reading->events->pdata[i]);
        }
      else if (!reading->is_outdated && (topic->document == NULL || topic->digest != reading->digest))
        {
          g_clear_pointer (&topic->document, json_object_unref);
          topic->document = g_steal_pointer (&reading->document);
          topic->digest = reading->digest;
          changed = TRUE;
        }
    }

  reading_dispose (reading);
  if (changed)
    emit_changed (self, id);
  if (!is_connection)
    schedule (self, id, 0);
}

static void
ready (Reading *reading)
{
  if (reading->mirror == NULL)
    reading_dispose (reading);
  else if (reading->batch == NULL && reading->document == NULL)
    end_reading (reading, _("The gateway answered with something that is no answer to this question."), FALSE);
  else
    end_reading (reading, NULL, FALSE);
}

static void
ready_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  VMP_TAKE_OVER (user_data);
  ready (user_data);
}

static void
answered_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  Reading *reading = user_data;
  g_autoptr (GError) error = NULL;
  g_autofree char *problem = NULL;
  g_autoptr (GTask) task = NULL;

  reading->answer = vmp_link_ask_finish (VMP_LINK (source), result, &error);
  if (reading->mirror == NULL)
    {
      reading_dispose (reading);
      return;
    }
  if (reading->answer == NULL)
    {
      end_reading (reading, error->message, TRUE);
      return;
    }
  if (reading->answer->status != 200)
    {
      problem = vmp_client_answer_dup_problem (reading->answer);
      end_reading (reading, problem, FALSE);
      return;
    }

  reading->is_long = strlen (reading->answer->text) > THREAD_BYTES;
  if (!reading->is_long)
    {
      make_ready (reading);
      ready (reading);
      return;
    }

  task = g_task_new (NULL, NULL, ready_cb, reading);
  g_task_set_task_data (task, reading, NULL);
  VMP_HAND_OVER (reading);
  g_task_run_in_thread (task, make_ready_in_thread);
}

typedef struct {
  VmpMirror *mirror;
  VmpTopic topic;
} Due;

static gboolean
due_cb (gpointer user_data)
{
  const Due *due = user_data;
  VmpMirror *self = due->mirror;
  VmpTopic id = due->topic;
  Topic *topic = &self->topics[id];

  clear_timer (topic); /* and with it @due */
  if (topic->held == 0 || !is_connected (self))
    return G_SOURCE_REMOVE;

  topic->stale = FALSE;
  topic->begun_at = g_get_monotonic_time ();
  topic->reading = g_new0 (Reading, 1);
  topic->reading->mirror = self;
  topic->reading->topic = id;
  if (id == VMP_TOPIC_REQUESTS)
    self->n_request_events = 0;
  vmp_link_ask_async (self->link, "GET", kinds[id].path, NULL, self->cancellable, answered_cb, topic->reading);

  return G_SOURCE_REMOVE;
}

/* Has it read when it is to be and can be. @delay_us: -1: now, however often it was read */
static void
schedule (VmpMirror *self,
          VmpTopic   id,
          gint64     delay_us)
{
  Topic *topic = &self->topics[id];
  gint64 now = g_get_monotonic_time ();
  gint64 at = now + MAX (delay_us, 0);
  Due *due;

  if (topic->held == 0 || !topic->stale || topic->reading != NULL || !is_connected (self))
    return;

  if (delay_us >= 0 && topic->begun_at != 0)
    at = MAX (at, topic->begun_at + MAX (kinds[id].interval_ms * (gint64) 1000, SHARE_OF_TIME * topic->took));

  if (topic->timer != NULL)
    {
      if (at < g_source_get_ready_time (topic->timer))
        g_source_set_ready_time (topic->timer, at);
      return;
    }

  due = g_new (Due, 1);
  due->mirror = self;
  due->topic = id;
  topic->timer = g_timeout_source_new (0);
  g_source_set_static_name (topic->timer, "vampire mirror");
  g_source_set_ready_time (topic->timer, at);
  g_source_set_callback (topic->timer, due_cb, due, g_free);
  g_source_attach (topic->timer, self->context);
}

/* -- For the events ------------------------------------------------------------------------ */

void
vmp_mirror_want (VmpMirror *self,
                 VmpTopic   id,
                 guint      delay_ms)
{
  if (kinds[id].path == NULL)
    return;

  self->topics[id].stale = TRUE;
  schedule (self, id, delay_ms * (gint64) 1000);
}

gboolean
vmp_mirror_is_held (VmpMirror *self,
                    VmpTopic   id)
{
  return self->topics[id].held > 0;
}

void
vmp_mirror_take_document (VmpMirror  *self,
                          VmpTopic    id,
                          JsonObject *document)
{
  Topic *topic = &self->topics[id];
  guint64 digest = vmp_document_digest (document);

  topic->known = TRUE;
  if (topic->reading != NULL)
    topic->reading->is_outdated = TRUE;
  if (topic->document != NULL && topic->digest == digest)
    return;

  g_clear_pointer (&topic->document, json_object_unref);
  topic->document = json_object_ref (document);
  topic->digest = digest;
  emit_changed (self, id);
}

void
vmp_mirror_repeat_after_reading (VmpMirror  *self,
                                 VmpTopic    id,
                                 JsonObject *data)
{
  Reading *reading = self->topics[id].reading;

  if (reading == NULL)
    return;

  if (reading->events == NULL)
    reading->events = g_ptr_array_new_with_free_func ((GDestroyNotify) json_object_unref);
  g_ptr_array_add (reading->events, json_object_ref (data));
}

gboolean
vmp_mirror_take_request_event (VmpMirror *self)
{
  return ++self->n_request_events <= REQUEST_EVENTS;
}

void
vmp_mirror_emit_metric (VmpMirror  *self,
                        JsonObject *data)
{
  g_signal_emit (self, signals[METRIC], 0, data);
}

static void
event_cb (VmpLink    *link,
          const char *type,
          JsonObject *data,
          VmpMirror  *self)
{
  vmp_mirror_learn (self, type, data);
}

static void
reset_cb (VmpLink   *link,
          VmpMirror *self)
{
  vmp_mirror_learn_all (self);
}

/* What could not be read while nobody was there, or never was. */
static void
state_cb (VmpLink    *link,
          GParamSpec *pspec,
          VmpMirror  *self)
{
  for (guint i = 0; i < VMP_N_TOPICS; i++)
    {
      if (is_connected (self))
        schedule (self, i, -1);
      else
        clear_timer (&self->topics[i]);
    }
}

/* -- Public -------------------------------------------------------------------------------- */

VmpMirror *
vmp_mirror_new (VmpLink *link)
{
  VmpMirror *self;

  g_return_val_if_fail (VMP_IS_LINK (link), NULL);

  self = g_object_new (VMP_TYPE_MIRROR, NULL);
  self->link = g_object_ref (link);
  g_signal_connect_object (link, "event", G_CALLBACK (event_cb), self, 0);
  g_signal_connect_object (link, "reset", G_CALLBACK (reset_cb), self, 0);
  g_signal_connect_object (link, "notify::state", G_CALLBACK (state_cb), self, 0);
  for (guint i = 0; i < VMP_N_TOPICS; i++)
    schedule (self, i, 0);

  return self;
}

VmpLink *
vmp_mirror_get_link (VmpMirror *self)
{
  g_return_val_if_fail (VMP_IS_MIRROR (self), NULL);

  return self->link;
}

void
vmp_mirror_hold (VmpMirror *self,
                 VmpTopic   topic)
{
  g_return_if_fail (VMP_IS_MIRROR (self));
  g_return_if_fail ((guint) topic < VMP_N_TOPICS);

  if (self->topics[topic].held++ == 0)
    schedule (self, topic, 0);
}

void
vmp_mirror_release (VmpMirror *self,
                    VmpTopic   topic)
{
  g_return_if_fail (VMP_IS_MIRROR (self));
  g_return_if_fail ((guint) topic < VMP_N_TOPICS);
  g_return_if_fail (self->topics[topic].held > 0);

  if (--self->topics[topic].held == 0)
    clear_timer (&self->topics[topic]);
}

void
vmp_mirror_refresh (VmpMirror *self,
                    VmpTopic   topic)
{
  g_return_if_fail (VMP_IS_MIRROR (self));
  g_return_if_fail ((guint) topic < VMP_N_TOPICS);

  if (kinds[topic].path == NULL)
    return;

  self->topics[topic].stale = TRUE;
  schedule (self, topic, -1);
}

gboolean
vmp_mirror_has (VmpMirror *self,
                VmpTopic   topic)
{
  g_return_val_if_fail (VMP_IS_MIRROR (self), FALSE);
  g_return_val_if_fail ((guint) topic < VMP_N_TOPICS, FALSE);

  return is_connected (self) && self->topics[topic].known;
}

const char *
vmp_mirror_get_trouble (VmpMirror *self,
                        VmpTopic   topic)
{
  g_return_val_if_fail (VMP_IS_MIRROR (self), NULL);
  g_return_val_if_fail ((guint) topic < VMP_N_TOPICS, NULL);

  return self->topics[topic].trouble;
}

VmpItemList *
vmp_mirror_get_list (VmpMirror *self,
                     VmpTopic   topic)
{
  g_return_val_if_fail (VMP_IS_MIRROR (self), NULL);
  g_return_val_if_fail ((guint) topic < VMP_N_TOPICS, NULL);
  g_return_val_if_fail (kinds[topic].is_list, NULL);

  return self->topics[topic].list;
}

JsonObject *
vmp_mirror_get_document (VmpMirror *self,
                         VmpTopic   topic)
{
  g_return_val_if_fail (VMP_IS_MIRROR (self), NULL);
  g_return_val_if_fail ((guint) topic < VMP_N_TOPICS, NULL);
  g_return_val_if_fail (!kinds[topic].is_list, NULL);

  return self->topics[topic].document;
}

const char *
vmp_mirror_get_node_name (VmpMirror  *self,
                          const char *node_id)
{
  VmpItem *item;
  const char *label;

  g_return_val_if_fail (VMP_IS_MIRROR (self), NULL);
  g_return_val_if_fail (node_id != NULL, NULL);

  item = vmp_item_list_find (self->topics[VMP_TOPIC_NODES].list, node_id);
  label = item != NULL ? vmp_node_label (vmp_item_get_document (item)) : NULL;

  return label != NULL ? label : node_id;
}

/* -- Life ---------------------------------------------------------------------------------- */

static void
vmp_mirror_dispose (GObject *object)
{
  VmpMirror *self = VMP_MIRROR (object);

  for (guint i = 0; i < VMP_N_TOPICS; i++)
    {
      Topic *topic = &self->topics[i];

      clear_timer (topic);
      if (topic->reading != NULL)
        topic->reading->mirror = NULL;
      topic->reading = NULL;
      topic->held = 0;
    }
  g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->link);

  G_OBJECT_CLASS (vmp_mirror_parent_class)->dispose (object);
}

static void
vmp_mirror_finalize (GObject *object)
{
  VmpMirror *self = VMP_MIRROR (object);

  for (guint i = 0; i < VMP_N_TOPICS; i++)
    {
      g_free (self->topics[i].trouble);
      g_clear_object (&self->topics[i].list);
      g_clear_pointer (&self->topics[i].document, json_object_unref);
    }
  g_clear_object (&self->cancellable);
  g_main_context_unref (self->context);

  G_OBJECT_CLASS (vmp_mirror_parent_class)->finalize (object);
}

static void
vmp_mirror_class_init (VmpMirrorClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = vmp_mirror_dispose;
  object_class->finalize = vmp_mirror_finalize;

  signals[CHANGED] = g_signal_new ("changed", VMP_TYPE_MIRROR, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                                   G_TYPE_UINT);
  signals[METRIC] = g_signal_new ("metric", VMP_TYPE_MIRROR, G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
                                  JSON_TYPE_OBJECT);
}

static void
vmp_mirror_init (VmpMirror *self)
{
  self->context = g_main_context_ref_thread_default ();
  self->cancellable = g_cancellable_new ();
  for (guint i = 0; i < VMP_N_TOPICS; i++)
    {
      Topic *topic = &self->topics[i];

      topic->stale = kinds[i].path != NULL;
      topic->known = kinds[i].path == NULL;
      topic->held = kinds[i].always_held ? 1 : 0;
      if (kinds[i].is_list)
        topic->list = vmp_item_list_new ();
    }
}
