/* SPDX-License-Identifier: MIT
 *
 * See vmp-identity.h. Values only: nothing here asks or shows.
 */

#include "app/windows/vmp-identity.h"

#include <glib/gi18n.h>
#include <string.h>

/* A text of the document; NULL when there is none, or nothing to be seen in it. */
static char *
dup_text (JsonObject *document,
          const char *path)
{
  JsonNode *node = vmp_document_find (document, path);
  g_autofree char *text = NULL;

  if (node == NULL || json_node_get_value_type (node) != G_TYPE_STRING)
    return NULL;

  text = g_strstrip (json_node_dup_string (node));
  return *text != '\0' ? g_steal_pointer (&text) : NULL;
}

static gint64
get_count (JsonObject *document,
           const char *path)
{
  JsonNode *node = vmp_document_find (document, path);

  return node != NULL && json_node_get_value_type (node) == G_TYPE_INT64 ? MAX (json_node_get_int (node), 0) : 0;
}

VmpIdentity *
vmp_identity_new (const char *node_id,
                  JsonObject *document)
{
  VmpIdentity *self;
  g_autofree char *token = NULL;

  g_return_val_if_fail (node_id != NULL && document != NULL, NULL);

  self = g_new0 (VmpIdentity, 1);
  self->node_id = g_strdup (node_id);
  self->name = dup_text (document, "name");
  self->host = dup_text (document, "host");
  self->base_url = dup_text (document, "base_url");
  self->seen_address = dup_text (document, "seen_address");
  self->seen_key = dup_text (document, "seen_key");
  self->provider = dup_text (document, "provider");
  if (g_strcmp0 (self->provider, "auto") == 0)
    g_clear_pointer (&self->provider, g_free);
  self->found_by = dup_text (document, "found.by");
  self->found_at = dup_text (document, "found.at");
  self->pending_reason = dup_text (document, "pending_reason");
  self->n_models = get_count (document, "models_count");
  token = dup_text (document, "token.state");
  self->wants_token = g_strcmp0 (token, "needed") == 0 || g_strcmp0 (token, "refused") == 0;

  return self;
}

VmpIdentity *
vmp_identity_copy (const VmpIdentity *self)
{
  VmpIdentity *copy = g_new0 (VmpIdentity, 1);

  copy->node_id = g_strdup (self->node_id);
  copy->name = g_strdup (self->name);
  copy->host = g_strdup (self->host);
  copy->base_url = g_strdup (self->base_url);
  copy->seen_address = g_strdup (self->seen_address);
  copy->seen_key = g_strdup (self->seen_key);
  copy->provider = g_strdup (self->provider);
  copy->found_by = g_strdup (self->found_by);
  copy->found_at = g_strdup (self->found_at);
  copy->pending_reason = g_strdup (self->pending_reason);
  copy->n_models = self->n_models;
  copy->wants_token = self->wants_token;

  return copy;
}

void
vmp_identity_free (VmpIdentity *self)
{
  if (self == NULL)
    return;

  g_free (self->node_id);
  g_free (self->name);
  g_free (self->host);
  g_free (self->base_url);
  g_free (self->seen_address);
  g_free (self->seen_key);
  g_free (self->provider);
  g_free (self->found_by);
  g_free (self->found_at);
  g_free (self->pending_reason);
  g_free (self);
}

static VmpIdentityChange
compare_text (const char *shown,
              const char *later)
{
  if (g_strcmp0 (shown, later) == 0)
    return VMP_IDENTITY_SAME;

  return shown == NULL ? VMP_IDENTITY_LEARNT : VMP_IDENTITY_CHANGED;
}

static VmpIdentityChange
compare_models (const VmpIdentity *shown,
                const VmpIdentity *later)
{
  if (shown->n_models == later->n_models && shown->wants_token == later->wants_token)
    return VMP_IDENTITY_SAME;

  return shown->n_models == 0 && !shown->wants_token ? VMP_IDENTITY_LEARNT : VMP_IDENTITY_CHANGED;
}

VmpIdentityChange
vmp_identity_compare (const VmpIdentity *shown,
                      const VmpIdentity *later)
{
  VmpIdentityChange changes[] = {
    compare_text (shown->node_id, later->node_id),
    compare_text (shown->name, later->name),
    compare_text (shown->host, later->host),
    compare_text (shown->base_url, later->base_url),
    compare_text (shown->seen_address, later->seen_address),
    compare_text (shown->seen_key, later->seen_key),
    compare_text (shown->found_by, later->found_by),
    compare_text (shown->found_at, later->found_at),
    compare_text (shown->pending_reason, later->pending_reason),
    compare_text (shown->provider, later->provider),
    compare_models (shown, later),
  };
  VmpIdentityChange most = VMP_IDENTITY_SAME;

  for (gsize i = 0; i < G_N_ELEMENTS (changes); i++)
    most = MAX (most, changes[i]);

  return most;
}

const char *
vmp_identity_get_title (const VmpIdentity *self)
{
  if (self->name != NULL)
    return self->name;
  if (self->host != NULL)
    return self->host;

  return self->base_url != NULL ? self->base_url : self->node_id;
}

gboolean
vmp_identity_is_https (const VmpIdentity *self)
{
  return self->base_url != NULL && g_ascii_strncasecmp (self->base_url, "https:", strlen ("https:")) == 0;
}

static void
add_text (JsonBuilder *builder,
          const char  *name,
          const char  *text)
{
  json_builder_set_member_name (builder, name);
  if (text != NULL)
    json_builder_add_string_value (builder, text);
  else
    json_builder_add_null_value (builder);
}

JsonNode *
vmp_identity_to_approval (const VmpIdentity *self)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "expect");
  json_builder_begin_object (builder);
  add_text (builder, "base_url", self->base_url);
  add_text (builder, "seen_address", self->seen_address);
  add_text (builder, "seen_key", self->seen_key);
  json_builder_end_object (builder);
  json_builder_end_object (builder);

  return json_builder_get_root (builder);
}

char *
vmp_identity_quote (const char *name)
{
  /* U+2068 FIRST STRONG ISOLATE, U+2069 POP DIRECTIONAL ISOLATE */
  g_autofree char *isolated = g_strconcat ("\342\201\250", name, "\342\201\251", NULL);

  /* Translators: a name within a sentence. */
  return g_strdup_printf (C_("name", "“%s”"), isolated);
}
