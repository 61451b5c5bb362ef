/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpNodeInput.
 */

#include "gateway/vmp-control-node-input.h"

#include "core/vmp-limits.h"

#define BAD_TAG "Each of the tags must have 1 to " G_STRINGIFY (VMP_LIMIT_TAG_CHARS) " characters."

void
vmp_node_input_clear (VmpNodeInput *self)
{
  g_clear_pointer (&self->base_url, vmp_base_url_free);
  g_clear_pointer (&self->tags, g_strfreev);
}

/* A text that null takes away. */
static const char *
get_clearable (JsonObject *body,
               const char *name)
{
  if (json_object_has_member (body, name) && json_object_get_null_member (body, name))
    return "";

  return vmp_json_get_string (body, name);
}

/* FALSE, having answered, when it is given and not allowed. */
static gboolean
read_base_url (VmpNodeInput      *self,
               VmpControlRequest *request)
{
  const char *current = vmp_json_get_string (request->body, "base_url");
  const char *older = vmp_json_get_string (request->body, "lmstudio_base_url");
  g_autoptr (GError) error = NULL;
  g_autofree char *message = NULL;

  if (current != NULL && older != NULL && !g_str_equal (current, older))
    {
      vmp_control_invalid (request, "body", NULL, "base_url and lmstudio_base_url are the same thing; they must match.",
                           "base_url and lmstudio_base_url must match");
      return FALSE;
    }
  if (current == NULL)
    current = older;
  if (current == NULL)
    return TRUE;

  self->base_url = vmp_base_url_parse (current, &error);
  if (self->base_url == NULL)
    {
      message = g_strdup_printf ("base_url %s.", error->message);
      vmp_control_problem (request, VMP_PROBLEM_BAD_REQUEST, message, "disallowed base_url target");
      return FALSE;
    }
  self->update.base_url = self->base_url;

  return TRUE;
}

static gboolean
read_agent_url (VmpNodeInput      *self,
                VmpControlRequest *request)
{
  const char *text = get_clearable (request->body, "agent_base_url");
  g_autoptr (VmpBaseUrl) url = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *message = NULL;

  self->update.agent_base_url = text;
  if (text == NULL || *text == '\0')
    return TRUE;

  url = vmp_base_url_parse (text, &error);
  if (url != NULL)
    return TRUE;

  message = g_strdup_printf ("agent_base_url %s.", error->message);
  vmp_control_invalid (request, "body", "agent_base_url", message, NULL);

  return FALSE;
}

static gboolean
read_tags (VmpNodeInput      *self,
           VmpControlRequest *request)
{
  JsonArray *array = vmp_json_get_array (request->body, "tags");
  guint n = array != NULL ? json_array_get_length (array) : 0;
  guint i;

  if (array == NULL)
    return TRUE;

  self->tags = g_new0 (char *, n + 1);
  for (i = 0; i < n; i++)
    {
      self->tags[i] = g_strdup (json_array_get_string_element (array, i));
      if (*self->tags[i] == '\0' || g_utf8_strlen (self->tags[i], -1) > VMP_LIMIT_TAG_CHARS)
        {
          vmp_control_invalid (request, "body", "tags", BAD_TAG, NULL);
          return FALSE;
        }
    }
  self->update.tags = (const char * const *) self->tags;

  return TRUE;
}

static void
read_capabilities (VmpNodeInput *self,
                   JsonObject   *body)
{
  JsonObject *object = vmp_json_get_object (body, "capabilities");
  guint i;

  for (i = 0; object != NULL && i < VMP_N_CAPABILITIES; i++)
    {
      if (vmp_json_get_boolean (object, vmp_capability_to_string (i), &self->capabilities[i]))
        self->update.capabilities[i] = &self->capabilities[i];
    }
}

gboolean
vmp_node_input_read (VmpNodeInput      *self,
                     VmpControlRequest *request)
{
  JsonObject *body = request->body;
  const char *text;

  if (!read_base_url (self, request) || !read_agent_url (self, request) || !read_tags (self, request))
    return FALSE;

  self->update.name = get_clearable (body, "name");
  self->update.host = get_clearable (body, "host");

  text = vmp_json_get_string (body, "provider");
  if (text != NULL && vmp_provider_from_string (text, &self->provider))
    self->update.provider = &self->provider;

  text = vmp_json_get_string (body, "status");
  if (text != NULL && vmp_node_service_from_string (text, &self->service))
    self->update.service = &self->service;

  if (vmp_json_get_boolean (body, "trusted", &self->trusted))
    self->update.trusted = &self->trusted;
  read_capabilities (self, body);

  return TRUE;
}

void
vmp_node_input_read_load (VmpNodeInput *self,
                          JsonObject   *body)
{
  gint64 depth;

  if (vmp_json_get_int (body, "queue_depth", &depth))
    {
      self->queue_depth = depth;
      self->update.queue_depth = &self->queue_depth;
    }
  if (vmp_json_get_double (body, "tokens_per_second", &self->tokens_per_second))
    self->update.tokens_per_second = &self->tokens_per_second;
}

/* -- What the bodies may have --------------------------------------------------------------- */

static const char * const providers[] = {
  "auto", "lmstudio", "ollama", "llamacpp", "localai", "vllm", "text-generation-webui", "koboldcpp", "gpt4all", "jan",
  "vampire", "openai-compatible", NULL
};

static const char * const services[] = { "online", "draining", "disabled", "maintenance", "quarantine", NULL };

/* Those that GET may give. What a probe finds is not taken over. */
static const char * const registered_statuses[] = {
  "unknown", "online", "degraded", "offline", "draining", "disabled", "maintenance", "quarantine", NULL
};

static const VmpField capability_fields[] = {
  { "chat", VMP_FIELD_BOOLEAN, .nullable = TRUE },
  { "responses", VMP_FIELD_BOOLEAN, .nullable = TRUE },
  { "completions", VMP_FIELD_BOOLEAN, .nullable = TRUE },
  { "embeddings", VMP_FIELD_BOOLEAN, .nullable = TRUE },
  { "vision", VMP_FIELD_BOOLEAN, .nullable = TRUE },
  { "tools", VMP_FIELD_BOOLEAN, .nullable = TRUE },
  { "streaming", VMP_FIELD_BOOLEAN, .nullable = TRUE },
  { NULL }
};

#define SHARED_FIELDS \
  { "base_url", VMP_FIELD_STRING, .nullable = TRUE, .min = 1, .max = VMP_LIMIT_URL_CHARS, \
    .about = "Where it is: scheme, host and port, and a prefix if there is one." }, \
  { "lmstudio_base_url", VMP_FIELD_STRING, .nullable = TRUE, .min = 1, .max = VMP_LIMIT_URL_CHARS, \
    .about = "An older name of base_url." }, \
  { "name", VMP_FIELD_STRING, .nullable = TRUE, .max = VMP_LIMIT_NAME_CHARS, \
    .about = "What people call it; null takes it away." }, \
  { "host", VMP_FIELD_STRING, .nullable = TRUE, .max = VMP_LIMIT_NAME_CHARS }, \
  { "agent_base_url", VMP_FIELD_STRING, .nullable = TRUE, .max = VMP_LIMIT_NODE_TEXT_CHARS }, \
  { "provider", VMP_FIELD_STRING, .nullable = TRUE, .values = providers, \
    .about = "What runs there; auto finds out." }, \
  { "api_format", VMP_FIELD_STRING, .nullable = TRUE, .about = "Is found out; not taken over." }, \
  { "trusted", VMP_FIELD_BOOLEAN, .nullable = TRUE }, \
  { "capabilities", VMP_FIELD_OBJECT, .nullable = TRUE, .members = capability_fields, \
    .about = "Those that are given are the owner's word; the others stay as they are." }, \
  { "tags", VMP_FIELD_STRINGS, .nullable = TRUE, .max = VMP_LIMIT_TAGS }

const VmpField vmp_control_register_fields[] = {
  { "id", VMP_FIELD_STRING, .nullable = TRUE, .min = 1, .max = VMP_LIMIT_ID_CHARS,
    .about = "Without a slash; made of the address when it is not given." },
  SHARED_FIELDS,
  { "status", VMP_FIELD_STRING, .nullable = TRUE, .values = registered_statuses,
    .about = "draining, disabled, maintenance and quarantine park it, online puts it in service; the others change "
             "nothing." },
  { NULL }
};

const VmpField vmp_control_change_fields[] = {
  SHARED_FIELDS,
  { "status", VMP_FIELD_STRING, .nullable = TRUE, .values = services,
    .about = "online puts it in service; the others park it." },
  { "active_requests", VMP_FIELD_INT, .nullable = TRUE, .max = G_MAXINT32,
    .about = "Is counted here; not taken over." },
  { "queue_depth", VMP_FIELD_INT, .nullable = TRUE, .max = G_MAXINT32 },
  { "tokens_per_second", VMP_FIELD_NUMBER, .nullable = TRUE, .max = G_MAXINT32 },
  { NULL }
};
