/* SPDX-License-Identifier: MIT
 *
 * A message of a chat. Text and reasoning only grow, up to a limit; states only go from being written to an end.
 */

#include "app/windows/vmp-chat-message.h"

#include <glib/gi18n.h>
#include <string.h>

#include "core/vmp-json.h"
#include "core/vmp-limits.h"
#include "core/vmp-text.h"

#define THINK_BEGIN "<think>"
#define THINK_END "</think>"

/* How a server that knows of no reasoning shows it: in the text, between two tags. */
typedef enum {
  THINKING_UNKNOWN, /* too little text yet to tell */
  THINKING_INSIDE,
  THINKING_OVER     /* or there is none */
} Thinking;

struct _VmpChatMessage {
  GObject parent_instance;

  VmpChatRole role;
  VmpChatState state;
  GString *text;
  GString *reasoning;
  GPtrArray *images; /* of VmpChatImage */
  char *problem;
  VmpChatFigures figures;

  Thinking thinking;
  GString *held;     /* text that may be the beginning of a tag */
};

G_DEFINE_FINAL_TYPE (VmpChatMessage, vmp_chat_message, G_TYPE_OBJECT)

enum {
  SIGNAL_CHANGED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

static const char * const states[] = { "writing", "done", "stopped", "failed" };
static const char * const types[] = { "image/png", "image/jpeg", "image/webp" };

/* -- Images -------------------------------------------------------------------------------- */

VmpChatImage *
vmp_chat_image_new (GBytes     *bytes,
                    const char *type)
{
  g_return_val_if_fail (bytes != NULL, NULL);
  g_return_val_if_fail (type != NULL, NULL);

  for (gsize i = 0; i < G_N_ELEMENTS (types); i++)
    {
      if (g_str_equal (types[i], type))
        {
          VmpChatImage *self = g_new0 (VmpChatImage, 1);

          self->bytes = g_bytes_ref (bytes);
          self->type = types[i];

          return self;
        }
    }

  return NULL;
}

VmpChatImage *
vmp_chat_image_copy (const VmpChatImage *self)
{
  return vmp_chat_image_new (self->bytes, self->type);
}

void
vmp_chat_image_free (VmpChatImage *self)
{
  g_bytes_unref (self->bytes);
  g_free (self);
}

char *
vmp_chat_image_to_url (const VmpChatImage *self)
{
  gsize size;
  const guint8 *data = g_bytes_get_data (self->bytes, &size);
  g_autofree char *base64 = g_base64_encode (data, size);

  return g_strconcat ("data:", self->type, ";base64,", base64, NULL);
}

VmpChatImage *
vmp_chat_image_from_url (const char *url)
{
  g_autofree char *type = NULL;
  g_autoptr (GBytes) bytes = NULL;
  const char *comma = strstr (url, ";base64,");
  guchar *data;
  gsize size;

  if (!g_str_has_prefix (url, "data:") || comma == NULL)
    return NULL;

  type = g_strndup (url + strlen ("data:"), (gsize) (comma - url) - strlen ("data:"));
  data = g_base64_decode (comma + strlen (";base64,"), &size);
  bytes = g_bytes_new_take (data, size);

  return vmp_chat_image_new (bytes, type);
}

/* -- The object ---------------------------------------------------------------------------- */

static void
vmp_chat_message_finalize (GObject *object)
{
  VmpChatMessage *self = VMP_CHAT_MESSAGE (object);

  g_string_free (self->text, TRUE);
  g_string_free (self->reasoning, TRUE);
  g_string_free (self->held, TRUE);
  g_ptr_array_unref (self->images);
  g_free (self->problem);
  vmp_chat_figures_clear (&self->figures);

  G_OBJECT_CLASS (vmp_chat_message_parent_class)->finalize (object);
}

static void
vmp_chat_message_class_init (VmpChatMessageClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmp_chat_message_finalize;

  signals[SIGNAL_CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                          G_TYPE_NONE, 0);
}

static void
vmp_chat_message_init (VmpChatMessage *self)
{
  const VmpChatFigures none = VMP_CHAT_FIGURES_INIT;

  self->text = g_string_new (NULL);
  self->reasoning = g_string_new (NULL);
  self->held = g_string_new (NULL);
  self->images = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_chat_image_free);
  self->figures = none;
}

VmpChatMessage *
vmp_chat_message_new_question (const char *text,
                               GPtrArray  *images)
{
  VmpChatMessage *self = g_object_new (VMP_TYPE_CHAT_MESSAGE, NULL);
  g_autofree char *valid = g_utf8_make_valid (text, -1);
  gsize len = strlen (valid);

  if (len > VMP_LIMIT_CHAT_TEXT_BYTES)
    len = (gsize) (g_utf8_find_prev_char (valid, valid + VMP_LIMIT_CHAT_TEXT_BYTES) - valid);

  self->role = VMP_CHAT_USER;
  self->state = VMP_CHAT_DONE;
  g_string_append_len (self->text, valid, (gssize) len);
  for (guint i = 0; images != NULL && i < MIN (images->len, VMP_LIMIT_CHAT_IMAGES); i++)
    g_ptr_array_add (self->images, vmp_chat_image_copy (g_ptr_array_index (images, i)));

  return self;
}

VmpChatMessage *
vmp_chat_message_new_answer (void)
{
  VmpChatMessage *self = g_object_new (VMP_TYPE_CHAT_MESSAGE, NULL);

  self->role = VMP_CHAT_ASSISTANT;

  return self;
}

VmpChatRole
vmp_chat_message_get_role (VmpChatMessage *self)
{
  g_return_val_if_fail (VMP_IS_CHAT_MESSAGE (self), VMP_CHAT_USER);

  return self->role;
}

VmpChatState
vmp_chat_message_get_state (VmpChatMessage *self)
{
  g_return_val_if_fail (VMP_IS_CHAT_MESSAGE (self), VMP_CHAT_DONE);

  return self->state;
}

const char *
vmp_chat_message_get_text (VmpChatMessage *self,
                           gsize          *len)
{
  g_return_val_if_fail (VMP_IS_CHAT_MESSAGE (self), NULL);

  if (len != NULL)
    *len = self->text->len;

  return self->text->str;
}

const char *
vmp_chat_message_get_reasoning (VmpChatMessage *self,
                                gsize          *len)
{
  g_return_val_if_fail (VMP_IS_CHAT_MESSAGE (self), NULL);

  if (len != NULL)
    *len = self->reasoning->len;

  return self->reasoning->str;
}

GPtrArray *
vmp_chat_message_get_images (VmpChatMessage *self)
{
  g_return_val_if_fail (VMP_IS_CHAT_MESSAGE (self), NULL);

  return self->images;
}

const char *
vmp_chat_message_get_problem (VmpChatMessage *self)
{
  g_return_val_if_fail (VMP_IS_CHAT_MESSAGE (self), NULL);

  return self->problem;
}

const VmpChatFigures *
vmp_chat_message_get_figures (VmpChatMessage *self)
{
  g_return_val_if_fail (VMP_IS_CHAT_MESSAGE (self), NULL);

  return &self->figures;
}

/* -- Writing ------------------------------------------------------------------------------- */

static void
replace (char      **place,
         const char *value)
{
  if (value != NULL && *value != '\0')
    {
      g_free (*place);
      *place = vmp_text_display (value, VMP_LIMIT_MODEL_ID_CHARS);
    }
}

void
vmp_chat_message_begin (VmpChatMessage *self,
                        const char     *node,
                        const char     *model,
                        const char     *request_id)
{
  g_return_if_fail (VMP_IS_CHAT_MESSAGE (self));

  replace (&self->figures.node, node);
  replace (&self->figures.model, model);
  replace (&self->figures.request_id, request_id);
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

/* What fits of it; FALSE when not all did. */
static gboolean
append (GString    *out,
        const char *text,
        gsize       len)
{
  gsize room = VMP_LIMIT_CHAT_TEXT_BYTES - MIN (out->len, VMP_LIMIT_CHAT_TEXT_BYTES);

  if (len <= room)
    {
      g_string_append_len (out, text, (gssize) len);
      return TRUE;
    }

  while (room > 0 && ((guint8) text[room] & 0xc0) == 0x80)
    room--;
  g_string_append_len (out, text, (gssize) room);

  return FALSE;
}

static const char *
skip_blanks (const char *text)
{
  while (g_ascii_isspace (*text))
    text++;

  return text;
}

/* How many bytes at the end of @text may be the beginning of @tag. */
static gsize
begun_tag (const char *text,
           gsize       len,
           const char *tag)
{
  for (gsize n = MIN (len, strlen (tag) - 1); n > 0; n--)
    {
      if (strncmp (text + len - n, tag, n) == 0)
        return n;
    }

  return 0;
}

/* Text goes to the answer or, between the tags of one that thinks aloud, to the reasoning. */
static gboolean
append_text (VmpChatMessage *self,
             const char     *text,
             gsize           len,
             gboolean        is_last)
{
  const char *end;
  gboolean fits;

  if (self->thinking == THINKING_OVER)
    return append (self->text, text, len);

  g_string_append_len (self->held, text, (gssize) len);
  if (self->thinking == THINKING_UNKNOWN)
    {
      const char *begin = skip_blanks (self->held->str);

      if (g_str_has_prefix (begin, THINK_BEGIN))
        {
          begin = skip_blanks (begin + strlen (THINK_BEGIN));
          g_string_erase (self->held, 0, begin - self->held->str);
          self->thinking = THINKING_INSIDE;
        }
      else if (is_last || !g_str_has_prefix (THINK_BEGIN, begin))
        {
          self->thinking = THINKING_OVER;
          fits = append (self->text, self->held->str, self->held->len);
          g_string_truncate (self->held, 0);
          return fits;
        }
      else
        {
          return TRUE;
        }
    }

  end = strstr (self->held->str, THINK_END);
  if (end != NULL)
    {
      const char *rest = skip_blanks (end + strlen (THINK_END));

      self->thinking = THINKING_OVER;
      fits = append (self->reasoning, self->held->str, (gsize) (end - self->held->str));
      fits = append (self->text, rest, strlen (rest)) && fits;
      g_string_truncate (self->held, 0);
    }
  else
    {
      gsize kept = is_last ? 0 : begun_tag (self->held->str, self->held->len, THINK_END);

      fits = append (self->reasoning, self->held->str, self->held->len - kept);
      g_string_erase (self->held, 0, (gssize) (self->held->len - kept));
    }

  return fits;
}

gboolean
vmp_chat_message_take (VmpChatMessage *self,
                       const char     *data)
{
  g_auto (VmpChatChunk) chunk = { 0 };
  gboolean fits;

  g_return_val_if_fail (VMP_IS_CHAT_MESSAGE (self), FALSE);
  g_return_val_if_fail (data != NULL, FALSE);

  if (self->state != VMP_CHAT_WRITING)
    return FALSE;
  if (!vmp_chat_chunk_read (&chunk, &self->figures, data))
    return TRUE;

  fits = append (self->reasoning, chunk.reasoning->str, chunk.reasoning->len);
  fits = append_text (self, chunk.text->str, chunk.text->len, FALSE) && fits;
  if (chunk.problem != NULL)
    vmp_chat_message_end (self, VMP_CHAT_FAILED, chunk.problem);
  else if (!fits)
    vmp_chat_message_end (self, VMP_CHAT_FAILED, _("The answer is too long to be shown; its beginning is here."));
  else
    g_signal_emit (self, signals[SIGNAL_CHANGED], 0);

  return self->state == VMP_CHAT_WRITING;
}

void
vmp_chat_message_end (VmpChatMessage *self,
                      VmpChatState    state,
                      const char     *problem)
{
  g_return_if_fail (VMP_IS_CHAT_MESSAGE (self));
  g_return_if_fail (state != VMP_CHAT_WRITING);

  if (self->state != VMP_CHAT_WRITING)
    return;

  append_text (self, "", 0, TRUE);
  self->state = state;
  if (state == VMP_CHAT_FAILED)
    self->problem = g_strdup (problem != NULL ? problem : _("The answer broke off."));
  g_signal_emit (self, signals[SIGNAL_CHANGED], 0);
}

/* -- In a file ----------------------------------------------------------------------------- */

JsonNode *
vmp_chat_message_to_document (VmpChatMessage *self)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  g_return_val_if_fail (VMP_IS_CHAT_MESSAGE (self), NULL);

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "role", self->role == VMP_CHAT_USER ? "user" : "assistant");
  vmp_json_add_string (builder, "text", self->text->str);
  if (self->images->len > 0)
    {
      json_builder_set_member_name (builder, "images");
      json_builder_begin_array (builder);
      for (guint i = 0; i < self->images->len; i++)
        {
          g_autofree char *url = vmp_chat_image_to_url (g_ptr_array_index (self->images, i));

          vmp_json_add_string (builder, NULL, url);
        }
      json_builder_end_array (builder);
    }
  if (self->role == VMP_CHAT_ASSISTANT)
    {
      vmp_json_add_string (builder, "reasoning", self->reasoning->str);
      vmp_json_add_string (builder, "state", states[self->state]);
      vmp_json_add_string (builder, "problem", self->problem);
      vmp_json_add_string (builder, "node", self->figures.node);
      vmp_json_add_string (builder, "model", self->figures.model);
      vmp_json_add_string (builder, "request_id", self->figures.request_id);
      vmp_json_add_string (builder, "finish_reason", self->figures.finish_reason);
      vmp_json_add_double (builder, "first_token_ms", self->figures.first_token_ms);
      vmp_json_add_double (builder, "tokens_per_second", self->figures.tokens_per_second);
      vmp_json_add_double (builder, "duration_ms", self->figures.duration_ms);
      vmp_json_add_int (builder, "prompt_tokens", self->figures.prompt_tokens);
      vmp_json_add_int (builder, "completion_tokens", self->figures.completion_tokens);
    }
  json_builder_end_object (builder);

  return json_builder_get_root (builder);
}

static void
read_images (VmpChatMessage *self,
             JsonArray      *urls)
{
  for (guint i = 0; urls != NULL && i < json_array_get_length (urls) && self->images->len < VMP_LIMIT_CHAT_IMAGES; i++)
    {
      JsonNode *element = json_array_get_element (urls, i);
      VmpChatImage *image = NULL;

      if (JSON_NODE_HOLDS_VALUE (element) && json_node_get_value_type (element) == G_TYPE_STRING)
        image = vmp_chat_image_from_url (json_node_get_string (element));
      if (image != NULL)
        g_ptr_array_add (self->images, image);
    }
}

static void
read_answer (VmpChatMessage *self,
             JsonObject     *document)
{
  const char *reasoning = vmp_json_get_string (document, "reasoning");
  const char *state = vmp_json_get_string (document, "state");
  const char *problem = vmp_json_get_string (document, "problem");

  if (reasoning != NULL)
    append (self->reasoning, reasoning, strlen (reasoning));
  replace (&self->figures.node, vmp_json_get_string (document, "node"));
  replace (&self->figures.model, vmp_json_get_string (document, "model"));
  replace (&self->figures.request_id, vmp_json_get_string (document, "request_id"));
  replace (&self->figures.finish_reason, vmp_json_get_string (document, "finish_reason"));
  vmp_json_get_double (document, "first_token_ms", &self->figures.first_token_ms);
  vmp_json_get_double (document, "tokens_per_second", &self->figures.tokens_per_second);
  vmp_json_get_double (document, "duration_ms", &self->figures.duration_ms);
  vmp_json_get_int (document, "prompt_tokens", &self->figures.prompt_tokens);
  vmp_json_get_int (document, "completion_tokens", &self->figures.completion_tokens);

  /* One that was still being written when it was kept has been broken off since. */
  self->state = VMP_CHAT_STOPPED;
  if (g_strcmp0 (state, states[VMP_CHAT_DONE]) == 0)
    self->state = VMP_CHAT_DONE;
  else if (g_strcmp0 (state, states[VMP_CHAT_FAILED]) == 0)
    self->state = VMP_CHAT_FAILED;
  if (self->state == VMP_CHAT_FAILED)
    self->problem = g_strdup (problem != NULL ? problem : _("The answer broke off."));
}

VmpChatMessage *
vmp_chat_message_from_document (JsonObject *document)
{
  const char *role = vmp_json_get_string (document, "role");
  const char *text = vmp_json_get_string (document, "text");
  VmpChatMessage *self;

  if (text == NULL || (g_strcmp0 (role, "user") != 0 && g_strcmp0 (role, "assistant") != 0))
    return NULL;

  if (g_str_equal (role, "user"))
    {
      self = vmp_chat_message_new_question (text, NULL);
      read_images (self, vmp_json_get_array (document, "images"));
      return self;
    }

  self = vmp_chat_message_new_answer ();
  self->thinking = THINKING_OVER;
  append (self->text, text, strlen (text));
  read_answer (self, document);

  return self;
}
