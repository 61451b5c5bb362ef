/* SPDX-License-Identifier: MIT
 *
 * One question to LM Studio: load a model, or unload a copy. It makes a sentence for the owner of whatever goes wrong.
 * It neither looks whether the model is loaded nor waits for anybody.
 */

#include "relay/vmp-loads-private.h"

#include "core/vmp-buffer.h"
#include "core/vmp-json.h"
#include "core/vmp-limits.h"
#include "core/vmp-text.h"
#include "relay/vmp-node-request.h"

#include <string.h>

/* What LM Studio says, with status 200 too, to what its version does not have. */
#define UNKNOWN_ENDPOINT "Unexpected endpoint"

struct _VmpLoadsAsk {
  VmpTransfer *transfer;
  char *body;             /* the transfer reads it */
  VmpLoadsAskDone done;
  gpointer user_data;
  char *server;
  char *model_id;
  gboolean unloads;
  gboolean with_token;
  guint status;
  VmpBuffer answer;
};

static void
ask_free (VmpLoadsAsk *self)
{
  g_free (self->body);
  g_free (self->server);
  g_free (self->model_id);
  vmp_buffer_clear (&self->answer);
  g_free (self);
}

static const char *
get_verb (VmpLoadsAsk *self)
{
  return self->unloads ? "unload" : "load";
}

static void
finish (VmpLoadsAsk   *self,
        VmpLoadsAskEnd end,
        const char    *error,
        const char    *instance,
        const char    *suspended)
{
  self->done (self->user_data, end, error, instance, suspended);
  ask_free (self);
}

/* -- What it answers ----------------------------------------------------------------------- */

/* What an error says, an object or a string; NULL: it is none. */
static const char *
get_error_text (JsonObject *answer)
{
  const char *text = vmp_json_get_string (vmp_json_get_object (answer, "error"), "message");

  return text != NULL ? text : vmp_json_get_string (answer, "error");
}

/* Whether its version has no such endpoint. */
static gboolean
is_too_old (VmpLoadsAsk *self,
            const char  *text)
{
  return text != NULL ? strstr (text, UNKNOWN_ENDPOINT) != NULL : self->status == 404;
}

/* (transfer full) */
static char *
describe_refusal (VmpLoadsAsk *self,
                  const char  *text)
{
  g_autofree char *shown = NULL;
  gsize len;

  if ((self->status == 401 || self->status == 403) && self->with_token)
    return g_strdup_printf ("%s does not let this node's token %s models. Allow it in LM Studio, where the token was "
                            "made, or give this node another token.", self->server, get_verb (self));
  if (self->status == 401 || self->status == 403)
    return g_strdup_printf ("%s wants a token before it %ss a model, and this node has none.", self->server,
                            get_verb (self));
  if (is_too_old (self, text))
    return g_strdup_printf ("%s is older than LM Studio 0.4.0, and cannot be told to %s a model.", self->server,
                            get_verb (self));
  if (text == NULL || *text == '\0')
    return g_strdup_printf ("%s could not %s %s, and does not say why (status %u).", self->server, get_verb (self),
                            self->model_id, self->status);

  shown = vmp_text_display (text, VMP_LIMIT_NODE_TEXT_CHARS);
  len = strlen (shown);

  return g_strdup_printf ("%s could not %s %s: %s%s", self->server, get_verb (self), self->model_id, shown,
                          shown[len - 1] == '.' ? "" : ".");
}

static void
take_answer (VmpLoadsAsk *self)
{
  g_autoptr (JsonNode) document = vmp_json_parse (vmp_buffer_peek (&self->answer), vmp_buffer_len (&self->answer),
                                                  NULL);
  JsonObject *answer = document != NULL && JSON_NODE_HOLDS_OBJECT (document) ? json_node_get_object (document) : NULL;
  const char *id = vmp_json_get_string (answer, "instance_id");
  const char *text = get_error_text (answer);
  gboolean is_error = self->status >= 300 || text != NULL
                      || (answer != NULL && json_object_has_member (answer, "error"));

  if (!is_error && answer != NULL
      && (id != NULL || g_strcmp0 (vmp_json_get_string (answer, "status"), "loaded") == 0))
    {
      g_autofree char *instance = id != NULL ? vmp_text_display (id, VMP_LIMIT_MODEL_ID_CHARS) : NULL;

      finish (self, VMP_LOADS_ASK_DONE, NULL, instance, NULL);
    }
  else
    {
      g_autofree char *error = describe_refusal (self, text);
      gboolean is_refused = self->status == 401 || self->status == 403 || is_too_old (self, text);

      finish (self, is_refused ? VMP_LOADS_ASK_REFUSED : VMP_LOADS_ASK_FAILED, error, NULL, NULL);
    }
}

/* -- The transfer -------------------------------------------------------------------------- */

static void
head_cb (gpointer               user_data,
         const VmpTransferHead *head)
{
  VmpLoadsAsk *self = user_data;

  self->status = head->status;
}

static gboolean
body_cb (gpointer    user_data,
         const char *data,
         gsize       len)
{
  VmpLoadsAsk *self = user_data;

  vmp_buffer_append (&self->answer, data, len);

  return TRUE;
}

static void
done_cb (gpointer       user_data,
         VmpTransferEnd end,
         const char    *reason)
{
  VmpLoadsAsk *self = user_data;
  g_autofree char *error = NULL;

  self->transfer = NULL;
  switch (end)
    {
    case VMP_TRANSFER_DONE:
      take_answer (self);
      break;

    case VMP_TRANSFER_TOO_LONG:
      error = describe_refusal (self, NULL);
      finish (self, VMP_LOADS_ASK_FAILED, error, NULL, NULL);
      break;

    case VMP_TRANSFER_NOT_ALLOWED:
      error = g_strdup_printf ("%s may not be reached: %s.", self->server, reason);
      finish (self, VMP_LOADS_ASK_FAILED, error, NULL, NULL);
      break;

    case VMP_TRANSFER_MOVED:
    case VMP_TRANSFER_KEY_CHANGED:
      error = g_strdup_printf ("%s is not the one that was approved: %s. Nothing was sent to it.", self->server,
                               reason);
      finish (self, VMP_LOADS_ASK_FAILED, error, NULL,
              end == VMP_TRANSFER_MOVED ? "Its address has changed." : "The key of its certificate has changed.");
      break;

    case VMP_TRANSFER_KEY_UNKNOWN:
    case VMP_TRANSFER_NO_CONNECTION:
      error = g_strdup_printf ("%s cannot be reached (%s).", self->server, reason);
      finish (self, VMP_LOADS_ASK_FAILED, error, NULL, NULL);
      break;

    case VMP_TRANSFER_NO_ANSWER:
    case VMP_TRANSFER_BROKEN:
    case VMP_TRANSFER_TIMED_OUT:
    default:
      error = g_strdup_printf ("%s was told to %s %s, and gave no answer (%s).", self->server, get_verb (self),
                               self->model_id, reason);
      finish (self, VMP_LOADS_ASK_LOST, error, NULL, NULL);
      break;
    }
}

static const VmpTransferEvents transfer_events = { head_cb, body_cb, done_cb };

/* @body: (transfer full) */
static VmpLoadsAsk *
ask (VmpLoads       *loads,
     VmpHost        *host,
     gboolean        unloads,
     char           *body,
     VmpLoadsAskDone done,
     gpointer        user_data)
{
  VmpLoadsAsk *self = g_new0 (VmpLoadsAsk, 1);
  const VmpHttpField own_fields[] = {
    { VMP_SLICE_LITERAL ("Content-Type"), VMP_SLICE_LITERAL ("application/json") },
    { VMP_SLICE_LITERAL ("Accept"), VMP_SLICE_LITERAL ("application/json") },
  };
  VmpNodeRequest request;

  self->body = body;
  self->done = done;
  self->user_data = user_data;
  self->server = vmp_loads_name_server (host->node);
  self->model_id = g_strdup (host->model_id);
  self->unloads = unloads;

  vmp_node_request_init (&request, loads->registry, host->node, loads->via, own_fields, G_N_ELEMENTS (own_fields));
  self->with_token = request.authorization != NULL;
  request.request.method = VMP_SLICE_LITERAL ("POST");
  request.request.target = unloads ? VMP_SLICE_LITERAL ("/api/v1/models/unload")
                                   : VMP_SLICE_LITERAL ("/api/v1/models/load");
  request.request.body = body;
  request.request.body_len = strlen (body);
  request.request.has_body = TRUE;
  request.request.timeout_ms = VMP_LIMIT_LOAD_MS;
  request.request.max_body_bytes = VMP_LIMIT_REASON_BYTES;
  self->transfer = vmp_upstream_start (loads->upstream, &request.request, &transfer_events, self);
  vmp_node_request_clear (&request);

  return self;
}

VmpLoadsAsk *
vmp_loads_ask_load (VmpLoads       *loads,
                    VmpHost        *host,
                    gint64          context_length,
                    VmpLoadsAskDone done,
                    gpointer        user_data)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "model", host->model_id);
  if (context_length > 0)
    vmp_json_add_int (builder, "context_length", context_length);
  json_builder_end_object (builder);

  return ask (loads, host, FALSE, vmp_json_builder_print (builder), done, user_data);
}

VmpLoadsAsk *
vmp_loads_ask_unload (VmpLoads       *loads,
                      VmpHost        *host,
                      const char     *instance,
                      VmpLoadsAskDone done,
                      gpointer        user_data)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "instance_id", instance);
  json_builder_end_object (builder);

  return ask (loads, host, TRUE, vmp_json_builder_print (builder), done, user_data);
}

void
vmp_loads_ask_cancel (VmpLoadsAsk *self)
{
  vmp_transfer_cancel (self->transfer);
  ask_free (self);
}
