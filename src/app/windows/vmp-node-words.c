/* SPDX-License-Identifier: MIT
 *
 * See vmp-node-words.h.
 */

#include "app/windows/vmp-node-words.h"

#include <glib/gi18n.h>
#include <string.h>

#include "app/mirror/vmp-node-label.h"
#include "app/windows/vmp-ui-text.h"
#include "core/vmp-url.h"

#define SEPARATOR " · "

/* A text in which something can be seen; NULL. */
static const char *
get_visible (VmpItem    *node,
             const char *path)
{
  const char *text = vmp_item_get_string (node, path);
  const char *p;

  for (p = text; p != NULL && *p != '\0'; p = g_utf8_next_char (p))
    {
      if (!g_unichar_isspace (g_utf8_get_char (p)) && !g_unichar_iszerowidth (g_utf8_get_char (p)))
        return text;
    }

  return NULL;
}

const char *
vmp_node_words_title (VmpItem *node)
{
  const char *title = get_visible (node, "name");

  if (title == NULL)
    title = get_visible (node, "host");
  /* A name of nothing but spaces is none. */
  if (title == NULL && vmp_item_get_string (node, "name") == NULL)
    title = vmp_node_label (vmp_item_get_document (node));

  return title != NULL ? title : vmp_node_words_address (node);
}

const char *
vmp_node_words_address (VmpItem *node)
{
  const char *address = vmp_item_get_string (node, "base_url");

  if (address == NULL)
    return vmp_item_get_id (node);

  return g_str_has_prefix (address, "http://") ? address + strlen ("http://") : address;
}

static gboolean
is (VmpItem    *node,
    const char *path,
    const char *value)
{
  return g_strcmp0 (vmp_item_get_string (node, path), value) == 0;
}

/* What is wrong with its token; NULL: nothing. */
static const char *
get_token_trouble (VmpItem *node)
{
  if (is (node, "token.state", "needed"))
    return _("needs a token");
  if (is (node, "token.state", "refused"))
    return _("refuses its token");
  if (is (node, "token.state", "locked"))
    return _("its token is locked away");

  return NULL;
}

char *
vmp_node_words_state (VmpItem *node)
{
  const char *status = vmp_ui_text_node_status (vmp_item_get_string (node, "status"));
  const char *trouble = get_token_trouble (node);

  if (is (node, "approval", "blocked"))
    return g_strdup (_("Blocked"));
  if (vmp_item_get_boolean (node, "drained"))
    return g_strdup (_("Drained"));
  if (trouble != NULL)
    /* Translators: a node's state and what is wrong with its token, such as "Online, needs a token" */
    return g_strdup_printf (C_("node", "%s, %s"), status, trouble);

  return g_strdup (status);
}

static void
add_part (GString    *text,
          const char *part)
{
  if (part != NULL && *part != '\0')
    g_string_append_printf (text, "%s%s", text->len > 0 ? SEPARATOR : "", part);
}

char *
vmp_node_words_summary (VmpItem *node)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *models = vmp_node_words_models (vmp_item_get_int (node, "models_count", 0));
  g_autofree char *state = vmp_node_words_state (node);
  g_autofree char *latency = vmp_ui_text_duration (vmp_item_get_double (node, "latency_ms", -1));
  gboolean is_pending = is (node, "approval", "pending");

  if (!g_str_equal (vmp_node_words_title (node), vmp_node_words_address (node)))
    add_part (text, vmp_node_words_address (node));
  add_part (text, is_pending ? vmp_ui_text_found_by (vmp_item_get_string (node, "found.by")) : state);
  if (!is_pending && is (node, "status", "online"))
    {
      add_part (text, models);
      add_part (text, latency);
    }

  return g_string_free (g_steal_pointer (&text), FALSE);
}

char *
vmp_node_words_busy (VmpItem *node)
{
  guint n = CLAMP (vmp_item_get_int (node, "active_requests", 0), 0, G_MAXINT);

  return n > 0 ? g_strdup_printf (ngettext ("%u running", "%u running", n), n) : g_strdup ("");
}

const char *
vmp_node_words_remedy (VmpItem *node)
{
  if (is (node, "approval", "pending"))
    return _("It gets no prompts before you approve it.");
  if (is (node, "approval", "blocked"))
    return _("It gets nothing, also when it is found again, until you unblock it.");
  if (is (node, "token.state", "needed"))
    return _("Set its token below. LM Studio makes one in its server settings, under Manage Tokens.");
  if (is (node, "token.state", "refused"))
    return _("Replace its token below: it may have been revoked there.");
  if (is (node, "token.state", "locked"))
    return _("Unlock your keyring below.");
  if (is (node, "status", "offline"))
    return _("See that it is switched on, and that its server runs and listens on the network.");
  if (is (node, "status", "degraded"))
    return _("It answers, but its requests fail. Vampire tries it again by itself.");
  if (is (node, "status", "quarantine"))
    return _("It was taken out of use because something was wrong. Put it in service again when you have looked.");

  return NULL;
}

char *
vmp_node_words_models (gint64 n_models)
{
  gulong n = MAX (n_models, 0);

  if (n == 0)
    return g_strdup (_("No models"));

  return g_strdup_printf (ngettext ("%lu model", "%lu models", n), n);
}

static const char *
get_model_name (JsonNode *model)
{
  static const char * const members[] = { "display_name", "id" };

  for (gsize i = 0; i < G_N_ELEMENTS (members) && JSON_NODE_HOLDS_OBJECT (model); i++)
    {
      JsonNode *name = vmp_document_find (json_node_get_object (model), members[i]);

      if (name != NULL && json_node_get_value_type (name) == G_TYPE_STRING && *json_node_get_string (name) != '\0')
        return json_node_get_string (name);
    }

  return NULL;
}

char *
vmp_node_words_model_names (JsonObject *document,
                            guint       max)
{
  JsonNode *node = vmp_document_find (document, "models");
  g_autoptr (GString) names = g_string_new (NULL);
  JsonArray *models;
  guint n;

  if (node == NULL || !JSON_NODE_HOLDS_ARRAY (node))
    return g_string_free (g_steal_pointer (&names), FALSE);

  models = json_node_get_array (node);
  n = json_array_get_length (models);
  for (guint i = 0; i < MIN (n, max); i++)
    {
      const char *name = get_model_name (json_array_get_element (models, i));

      if (name != NULL)
        g_string_append_printf (names, "%s%s", names->len > 0 ? "\n" : "", name);
    }
  if (n > max)
    g_string_append_printf (names, ngettext ("\nand %u more", "\nand %u more", n - max), n - max);

  return g_string_free (g_steal_pointer (&names), FALSE);
}

char *
vmp_node_words_found (const char *by,
                      const char *at)
{
  if (by == NULL)
    return NULL;
  if (at == NULL || *at == '\0')
    return g_strdup (vmp_ui_text_found_by (by));

  /* Translators: how a node was found, and where */
  return g_strdup_printf (C_("found", "%s (%s)"), vmp_ui_text_found_by (by), at);
}

gboolean
vmp_node_words_has_address (const char *base_url,
                            const char *address)
{
  g_autoptr (VmpBaseUrl) url = base_url != NULL ? vmp_base_url_parse (base_url, NULL) : NULL;

  return url != NULL && address != NULL && g_ascii_strcasecmp (url->host, address) == 0;
}

gboolean
vmp_node_words_is_here (const char *base_url)
{
  g_autoptr (VmpBaseUrl) url = base_url != NULL ? vmp_base_url_parse (base_url, NULL) : NULL;
  g_autoptr (GInetAddress) address = url != NULL ? g_inet_address_new_from_string (url->host) : NULL;

  if (address != NULL)
    return g_inet_address_get_is_loopback (address);

  return url != NULL && g_str_equal (url->host, "localhost");
}

static gboolean
contains (VmpItem    *node,
          const char *path,
          const char *needle)
{
  const char *text = vmp_item_get_string (node, path);
  g_autofree char *folded = text != NULL ? g_utf8_casefold (text, -1) : NULL;

  return folded != NULL && strstr (folded, needle) != NULL;
}

static gboolean
has_tag (VmpItem    *node,
         const char *needle)
{
  JsonArray *tags = vmp_item_get_array (node, "tags");
  guint n = tags != NULL ? json_array_get_length (tags) : 0;

  for (guint i = 0; i < n; i++)
    {
      const char *tag = json_node_get_string (json_array_get_element (tags, i));
      g_autofree char *folded = tag != NULL ? g_utf8_casefold (tag, -1) : NULL;

      if (folded != NULL && strstr (folded, needle) != NULL)
        return TRUE;
    }

  return FALSE;
}

gboolean
vmp_node_words_match (VmpItem    *node,
                      const char *needle)
{
  g_auto (GStrv) words = g_strsplit_set (needle, " \t", -1);

  for (guint i = 0; words[i] != NULL; i++)
    {
      if (!contains (node, "name", words[i]) && !contains (node, "host", words[i])
          && !contains (node, "base_url", words[i]) && !contains (node, "provider_name", words[i])
          && !contains (node, "status", words[i]) && !has_tag (node, words[i]))
        return FALSE;
    }

  return TRUE;
}
