/* SPDX-License-Identifier: MIT
 *
 * A conversation. At most one answer is under way: a Turn, which outlives neither its stream nor holds the chat longer
 * than it. What comes for an answer that was stopped meanwhile goes nowhere.
 */

#include "app/windows/vmp-chat.h"

#include <glib/gi18n.h>
#include <string.h>

#include "core/vmp-json.h"
#include "core/vmp-limits.h"
#include "core/vmp-text.h"

#define TITLE_CHARS 60
#define DOCUMENT_FORMAT 1

struct _VmpChat {
  GObject parent_instance;

  VmpChatSendFunc send;
  gpointer send_data;

  GListStore *messages;
  char *target;
  char *system_prompt;
  VmpChatParameters parameters;
  guint revision;

  VmpChatMessage *answer;    /* under way; NULL: none is */
  GCancellable *cancellable; /* its */
};

G_DEFINE_FINAL_TYPE (VmpChat, vmp_chat, G_TYPE_OBJECT)

enum {
  PROP_0,
  PROP_TARGET,
  PROP_WRITING,
  N_PROPS
};

enum {
  SIGNAL_ANSWERED,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPS];
static guint signals[N_SIGNALS];

/* One asking, until its stream has ended. */
typedef struct {
  GWeakRef chat;
  VmpChatMessage *answer;
  GCancellable *cancellable;
} Turn;

void
vmp_chat_parameters_clear (VmpChatParameters *self)
{
  const VmpChatParameters none = VMP_CHAT_PARAMETERS_INIT;

  g_free (self->reasoning_effort);
  *self = none;
}

/* -- The object ---------------------------------------------------------------------------- */

static void
vmp_chat_get_property (GObject    *object,
                       guint       id,
                       GValue     *value,
                       GParamSpec *pspec)
{
  VmpChat *self = VMP_CHAT (object);

  switch (id)
    {
    case PROP_TARGET:
      g_value_set_string (value, self->target);
      break;

    case PROP_WRITING:
      g_value_set_boolean (value, self->answer != NULL);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmp_chat_set_property (GObject      *object,
                       guint         id,
                       const GValue *value,
                       GParamSpec   *pspec)
{
  VmpChat *self = VMP_CHAT (object);

  switch (id)
    {
    case PROP_TARGET:
      vmp_chat_set_target (self, g_value_get_string (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmp_chat_dispose (GObject *object)
{
  VmpChat *self = VMP_CHAT (object);

  if (self->cancellable != NULL)
    g_cancellable_cancel (self->cancellable);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->answer);
  g_clear_object (&self->messages);

  G_OBJECT_CLASS (vmp_chat_parent_class)->dispose (object);
}

static void
vmp_chat_finalize (GObject *object)
{
  VmpChat *self = VMP_CHAT (object);

  g_free (self->target);
  g_free (self->system_prompt);
  vmp_chat_parameters_clear (&self->parameters);

  G_OBJECT_CLASS (vmp_chat_parent_class)->finalize (object);
}

static void
vmp_chat_class_init (VmpChatClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = vmp_chat_get_property;
  object_class->set_property = vmp_chat_set_property;
  object_class->dispose = vmp_chat_dispose;
  object_class->finalize = vmp_chat_finalize;

  properties[PROP_TARGET] = g_param_spec_string ("target", NULL, NULL, NULL,
                                                 G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  properties[PROP_WRITING] = g_param_spec_boolean ("writing", NULL, NULL, FALSE,
                                                   G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
  g_object_class_install_properties (object_class, N_PROPS, properties);

  signals[SIGNAL_ANSWERED] = g_signal_new ("answered", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL,
                                           NULL, G_TYPE_NONE, 1, VMP_TYPE_CHAT_MESSAGE);
}

static void
vmp_chat_init (VmpChat *self)
{
  const VmpChatParameters none = VMP_CHAT_PARAMETERS_INIT;

  self->messages = g_list_store_new (VMP_TYPE_CHAT_MESSAGE);
  self->system_prompt = g_strdup ("");
  self->parameters = none;
}

VmpChat *
vmp_chat_new (VmpChatSendFunc send,
              gpointer        user_data)
{
  VmpChat *self;

  g_return_val_if_fail (send != NULL, NULL);

  self = g_object_new (VMP_TYPE_CHAT, NULL);
  self->send = send;
  self->send_data = user_data;

  return self;
}

GListModel *
vmp_chat_get_messages (VmpChat *self)
{
  g_return_val_if_fail (VMP_IS_CHAT (self), NULL);

  return G_LIST_MODEL (self->messages);
}

static guint
count_messages (VmpChat *self)
{
  return g_list_model_get_n_items (G_LIST_MODEL (self->messages));
}

static VmpChatMessage *
get_message (VmpChat *self,
             guint    position)
{
  return g_list_model_get_item (G_LIST_MODEL (self->messages), position);
}

gboolean
vmp_chat_is_empty (VmpChat *self)
{
  g_return_val_if_fail (VMP_IS_CHAT (self), TRUE);

  return count_messages (self) == 0;
}

gboolean
vmp_chat_is_writing (VmpChat *self)
{
  g_return_val_if_fail (VMP_IS_CHAT (self), FALSE);

  return self->answer != NULL;
}

const char *
vmp_chat_get_target (VmpChat *self)
{
  g_return_val_if_fail (VMP_IS_CHAT (self), NULL);

  return self->target;
}

void
vmp_chat_set_target (VmpChat    *self,
                     const char *target)
{
  g_return_if_fail (VMP_IS_CHAT (self));

  if (g_strcmp0 (self->target, target) == 0)
    return;

  g_free (self->target);
  self->target = g_strdup (target);
  self->revision++;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_TARGET]);
}

const char *
vmp_chat_get_system_prompt (VmpChat *self)
{
  g_return_val_if_fail (VMP_IS_CHAT (self), NULL);

  return self->system_prompt;
}

void
vmp_chat_set_system_prompt (VmpChat    *self,
                            const char *prompt)
{
  g_return_if_fail (VMP_IS_CHAT (self));

  if (g_strcmp0 (self->system_prompt, prompt) == 0)
    return;

  g_free (self->system_prompt);
  self->system_prompt = g_strdup (prompt != NULL ? prompt : "");
  self->revision++;
}

const VmpChatParameters *
vmp_chat_get_parameters (VmpChat *self)
{
  g_return_val_if_fail (VMP_IS_CHAT (self), NULL);

  return &self->parameters;
}

void
vmp_chat_set_parameters (VmpChat                 *self,
                         const VmpChatParameters *parameters)
{
  char *effort;

  g_return_if_fail (VMP_IS_CHAT (self));
  g_return_if_fail (parameters != NULL);

  effort = g_strdup (parameters->reasoning_effort);
  vmp_chat_parameters_clear (&self->parameters);
  self->parameters = *parameters;
  self->parameters.reasoning_effort = effort;
  self->revision++;
}

char *
vmp_chat_dup_title (VmpChat *self)
{
  g_autoptr (VmpChatMessage) first = NULL;
  g_autofree char *text = NULL;

  g_return_val_if_fail (VMP_IS_CHAT (self), NULL);

  first = get_message (self, 0);
  if (first == NULL)
    return NULL;

  text = g_strdup (vmp_chat_message_get_text (first, NULL));
  g_strdelimit (g_strstrip (text), "\n\r\t", ' ');
  if (*text == '\0')
    return g_strdup (_("Image"));

  return vmp_text_display (text, TITLE_CHARS);
}

/* -- The request --------------------------------------------------------------------------- */

static void
add_content (JsonBuilder    *builder,
             VmpChatMessage *message)
{
  GPtrArray *images = vmp_chat_message_get_images (message);
  const char *text = vmp_chat_message_get_text (message, NULL);

  if (images->len == 0)
    {
      vmp_json_add_string (builder, "content", text);
      return;
    }

  json_builder_set_member_name (builder, "content");
  json_builder_begin_array (builder);
  if (*text != '\0')
    {
      json_builder_begin_object (builder);
      vmp_json_add_string (builder, "type", "text");
      vmp_json_add_string (builder, "text", text);
      json_builder_end_object (builder);
    }
  for (guint i = 0; i < images->len; i++)
    {
      g_autofree char *url = vmp_chat_image_to_url (g_ptr_array_index (images, i));

      json_builder_begin_object (builder);
      vmp_json_add_string (builder, "type", "image_url");
      json_builder_set_member_name (builder, "image_url");
      json_builder_begin_object (builder);
      vmp_json_add_string (builder, "url", url);
      json_builder_end_object (builder);
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
}

/* Reasoning is not sent back: models are trained to do without. Neither is an answer of which nothing came. */
static void
add_messages (VmpChat     *self,
              JsonBuilder *builder)
{
  guint n = count_messages (self);

  json_builder_set_member_name (builder, "messages");
  json_builder_begin_array (builder);
  if (*self->system_prompt != '\0')
    {
      json_builder_begin_object (builder);
      vmp_json_add_string (builder, "role", "system");
      vmp_json_add_string (builder, "content", self->system_prompt);
      json_builder_end_object (builder);
    }
  for (guint i = 0; i < n; i++)
    {
      g_autoptr (VmpChatMessage) message = get_message (self, i);
      gboolean is_answer = vmp_chat_message_get_role (message) == VMP_CHAT_ASSISTANT;
      gsize len;

      vmp_chat_message_get_text (message, &len);
      if (is_answer && (len == 0 || message == self->answer))
        continue;

      json_builder_begin_object (builder);
      vmp_json_add_string (builder, "role", is_answer ? "assistant" : "user");
      add_content (builder, message);
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
}

JsonNode *
vmp_chat_make_request (VmpChat *self)
{
  g_autoptr (JsonBuilder) builder = NULL;

  g_return_val_if_fail (VMP_IS_CHAT (self), NULL);

  builder = json_builder_new ();
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "model", self->target);
  add_messages (self, builder);
  vmp_json_add_boolean (builder, "stream", TRUE);
  json_builder_set_member_name (builder, "stream_options");
  json_builder_begin_object (builder);
  vmp_json_add_boolean (builder, "include_usage", TRUE);
  json_builder_end_object (builder);
  if (self->parameters.temperature >= 0)
    vmp_json_add_double (builder, "temperature", self->parameters.temperature);
  if (self->parameters.top_p >= 0)
    vmp_json_add_double (builder, "top_p", self->parameters.top_p);
  if (self->parameters.max_tokens > 0)
    vmp_json_add_int (builder, "max_tokens", self->parameters.max_tokens);
  if (self->parameters.reasoning_effort != NULL)
    vmp_json_add_string (builder, "reasoning_effort", self->parameters.reasoning_effort);
  json_builder_set_member_name (builder, "vampire");
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "response");
  json_builder_begin_object (builder);
  vmp_json_add_boolean (builder, "include_metadata", TRUE);
  json_builder_end_object (builder);
  json_builder_end_object (builder);
  json_builder_end_object (builder);

  return json_builder_get_root (builder);
}

/* -- An answer under way ------------------------------------------------------------------- */

/* The only place where an answer stops being under way. */
static void
finish_answer (VmpChat     *self,
               VmpChatState state,
               const char  *problem)
{
  g_autoptr (VmpChatMessage) answer = g_steal_pointer (&self->answer);
  g_autoptr (GCancellable) cancellable = g_steal_pointer (&self->cancellable);

  vmp_chat_message_end (answer, state, problem);
  if (state != VMP_CHAT_DONE)
    g_cancellable_cancel (cancellable);
  self->revision++;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_WRITING]);
  g_signal_emit (self, signals[SIGNAL_ANSWERED], 0, answer);
}

/* The chat, while the turn is its own. (transfer full) */
static VmpChat *
turn_get_chat (Turn *turn)
{
  g_autoptr (VmpChat) chat = g_weak_ref_get (&turn->chat);

  return chat != NULL && chat->answer == turn->answer ? g_steal_pointer (&chat) : NULL;
}

static void
begun_cb (gpointer    user_data,
          const char *node,
          const char *model,
          const char *request_id)
{
  Turn *turn = user_data;
  g_autoptr (VmpChat) chat = turn_get_chat (turn);

  if (chat != NULL)
    vmp_chat_message_begin (turn->answer, node, model, request_id);
}

static void
event_cb (gpointer    user_data,
          const char *type,
          const char *data)
{
  Turn *turn = user_data;
  g_autoptr (VmpChat) chat = turn_get_chat (turn);

  if (chat != NULL && !vmp_chat_message_take (turn->answer, data))
    finish_answer (chat, VMP_CHAT_FAILED, NULL);
}

static void
ended_cb (gpointer      user_data,
          const GError *error)
{
  Turn *turn = user_data;
  g_autoptr (VmpChat) chat = turn_get_chat (turn);

  if (chat != NULL)
    finish_answer (chat, error == NULL ? VMP_CHAT_DONE : VMP_CHAT_FAILED, error != NULL ? error->message : NULL);

  g_weak_ref_clear (&turn->chat);
  g_object_unref (turn->answer);
  g_object_unref (turn->cancellable);
  g_free (turn);
}

static const VmpLinkStreamFuncs stream_funcs = { begun_cb, event_cb, ended_cb };

static void
begin_answer (VmpChat *self)
{
  Turn *turn = g_new0 (Turn, 1);
  JsonNode *request = vmp_chat_make_request (self);

  self->answer = vmp_chat_message_new_answer ();
  self->cancellable = g_cancellable_new ();
  self->revision++;

  g_weak_ref_init (&turn->chat, self);
  turn->answer = g_object_ref (self->answer);
  turn->cancellable = g_object_ref (self->cancellable);

  g_list_store_append (self->messages, self->answer);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_WRITING]);
  self->send (request, turn->cancellable, &stream_funcs, turn, self->send_data);
}

gboolean
vmp_chat_ask (VmpChat    *self,
              const char *text,
              GPtrArray  *images)
{
  g_autoptr (VmpChatMessage) question = NULL;

  g_return_val_if_fail (VMP_IS_CHAT (self), FALSE);
  g_return_val_if_fail (text != NULL, FALSE);

  if (self->answer != NULL || self->target == NULL || count_messages (self) + 2 > VMP_LIMIT_CHAT_MESSAGES)
    return FALSE;

  question = vmp_chat_message_new_question (text, images);
  g_list_store_append (self->messages, question);
  begin_answer (self);

  return TRUE;
}

void
vmp_chat_stop (VmpChat *self)
{
  g_return_if_fail (VMP_IS_CHAT (self));

  if (self->answer != NULL)
    finish_answer (self, VMP_CHAT_STOPPED, NULL);
}

static void
remove_last (VmpChat *self)
{
  g_list_store_remove (self->messages, count_messages (self) - 1);
}

static gboolean
ends_with (VmpChat    *self,
           VmpChatRole role)
{
  guint n = count_messages (self);
  g_autoptr (VmpChatMessage) last = n > 0 ? get_message (self, n - 1) : NULL;

  return last != NULL && vmp_chat_message_get_role (last) == role;
}

gboolean
vmp_chat_regenerate (VmpChat *self)
{
  g_return_val_if_fail (VMP_IS_CHAT (self), FALSE);

  if (self->target == NULL || count_messages (self) == 0)
    return FALSE;

  vmp_chat_stop (self);
  if (ends_with (self, VMP_CHAT_ASSISTANT))
    remove_last (self);
  if (!ends_with (self, VMP_CHAT_USER))
    return FALSE;
  begin_answer (self);

  return TRUE;
}

VmpChatMessage *
vmp_chat_take_back (VmpChat *self)
{
  g_autoptr (VmpChatMessage) question = NULL;

  g_return_val_if_fail (VMP_IS_CHAT (self), NULL);

  vmp_chat_stop (self);
  if (ends_with (self, VMP_CHAT_ASSISTANT))
    remove_last (self);
  if (!ends_with (self, VMP_CHAT_USER))
    return NULL;

  question = get_message (self, count_messages (self) - 1);
  remove_last (self);
  self->revision++;

  return g_steal_pointer (&question);
}

void
vmp_chat_clear (VmpChat *self)
{
  g_return_if_fail (VMP_IS_CHAT (self));

  vmp_chat_stop (self);
  g_list_store_remove_all (self->messages);
  self->revision++;
}

/* -- In a file ----------------------------------------------------------------------------- */

guint
vmp_chat_get_revision (VmpChat *self)
{
  g_return_val_if_fail (VMP_IS_CHAT (self), 0);

  return self->revision;
}

JsonNode *
vmp_chat_to_document (VmpChat *self)
{
  g_autoptr (JsonBuilder) builder = NULL;
  g_autofree char *title = NULL;

  g_return_val_if_fail (VMP_IS_CHAT (self), NULL);

  builder = json_builder_new ();
  title = vmp_chat_dup_title (self);
  json_builder_begin_object (builder);
  vmp_json_add_int (builder, "format", DOCUMENT_FORMAT);
  vmp_json_add_string (builder, "title", title);
  vmp_json_add_string (builder, "target", self->target);
  vmp_json_add_string (builder, "system_prompt", self->system_prompt);
  json_builder_set_member_name (builder, "parameters");
  json_builder_begin_object (builder);
  if (self->parameters.temperature >= 0)
    vmp_json_add_double (builder, "temperature", self->parameters.temperature);
  if (self->parameters.top_p >= 0)
    vmp_json_add_double (builder, "top_p", self->parameters.top_p);
  if (self->parameters.max_tokens > 0)
    vmp_json_add_int (builder, "max_tokens", self->parameters.max_tokens);
  if (self->parameters.reasoning_effort != NULL)
    vmp_json_add_string (builder, "reasoning_effort", self->parameters.reasoning_effort);
  json_builder_end_object (builder);
  json_builder_set_member_name (builder, "messages");
  json_builder_begin_array (builder);
  for (guint i = 0; i < count_messages (self); i++)
    {
      g_autoptr (VmpChatMessage) message = get_message (self, i);

      json_builder_add_value (builder, vmp_chat_message_to_document (message));
    }
  json_builder_end_array (builder);
  json_builder_end_object (builder);

  return json_builder_get_root (builder);
}

static void
load_parameters (VmpChat    *self,
                 JsonObject *document)
{
  VmpChatParameters parameters = VMP_CHAT_PARAMETERS_INIT;

  vmp_json_get_double (document, "temperature", &parameters.temperature);
  vmp_json_get_double (document, "top_p", &parameters.top_p);
  vmp_json_get_int (document, "max_tokens", &parameters.max_tokens);
  parameters.reasoning_effort = (char *) vmp_json_get_string (document, "reasoning_effort");
  vmp_chat_set_parameters (self, &parameters);
}

gboolean
vmp_chat_load_document (VmpChat    *self,
                        JsonObject *document)
{
  g_autoptr (GPtrArray) messages = NULL;
  JsonArray *array;
  gint64 format;

  g_return_val_if_fail (VMP_IS_CHAT (self), FALSE);

  array = vmp_json_get_array (document, "messages");
  if (!vmp_json_get_int (document, "format", &format) || format != DOCUMENT_FORMAT || array == NULL)
    return FALSE;

  messages = g_ptr_array_new_with_free_func (g_object_unref);
  for (guint i = 0; i < MIN (json_array_get_length (array), VMP_LIMIT_CHAT_MESSAGES); i++)
    {
      JsonNode *element = json_array_get_element (array, i);
      VmpChatMessage *message = NULL;

      if (JSON_NODE_HOLDS_OBJECT (element))
        message = vmp_chat_message_from_document (json_node_get_object (element));
      if (message != NULL)
        g_ptr_array_add (messages, message);
    }

  vmp_chat_stop (self);
  vmp_chat_set_target (self, vmp_json_get_string (document, "target"));
  vmp_chat_set_system_prompt (self, vmp_json_get_string (document, "system_prompt"));
  load_parameters (self, vmp_json_get_object (document, "parameters"));
  g_list_store_splice (self->messages, 0, count_messages (self), messages->pdata, messages->len);

  return TRUE;
}
