/* SPDX-License-Identifier: MIT
 *
 * Puts the gateway's record of a request into words: by which rule it was chosen, what was looked at and passed
 * over, and what took how long.
 */

#include "app/windows/vmp-chat-why.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-ui-text.h"
#include "app/windows/vmp-ui.h"
#include "core/vmp-json.h"
#include "core/vmp-limits.h"
#include "core/vmp-text.h"

/* Candidates that are named; a trace of many nodes has more. */
#define NAMED 6

static const struct {
  const char *strategy;
  const char *words;
} strategies[] = {
  { "residency", N_("a model that is loaded first, then the shortest wait") },
  { "round_robin", N_("the nodes take turns") },
  { "weighted_round_robin", N_("the nodes take turns, by their weights") },
  { "least_busy", N_("the node with the fewest requests") },
  { "least_latency", N_("the node whose first token comes soonest") },
  { "highest_tokens_per_second", N_("the node that writes fastest") },
  { "best_available", N_("speed, load and quality together") },
  { "model_affinity", N_("nodes that have the model loaded take turns") },
  { "context_window", N_("the smallest context that is enough") },
  { "trusted_only", N_("trusted nodes only") },
  { "power_saver", N_("the node that needs the least power") },
  { "privacy_policy", N_("this computer and the private network first") },
  { "quality_score", N_("the model with the most parameters") },
};

static const char *
describe_strategy (const char *strategy)
{
  for (gsize i = 0; i < G_N_ELEMENTS (strategies); i++)
    {
      if (g_str_equal (strategies[i].strategy, strategy))
        return _(strategies[i].words);
    }

  return strategy;
}

/* A line; nothing for an empty value. @name: (nullable) */
static void
add_line (GString    *out,
          const char *name,
          const char *value)
{
  g_autofree char *shown = NULL;

  if (value == NULL || *value == '\0')
    return;

  shown = vmp_text_display (value, VMP_LIMIT_NODE_TEXT_CHARS);
  if (out->len > 0)
    g_string_append_c (out, '\n');
  if (name != NULL)
    g_string_append_printf (out, "%s ", name);
  g_string_append (out, shown);
}

static JsonObject *
get_element (JsonArray *array,
             guint      i)
{
  JsonNode *element = json_array_get_element (array, i);

  return JSON_NODE_HOLDS_OBJECT (element) ? json_node_get_object (element) : NULL;
}

static void
add_time (GString    *out,
          JsonObject *timing,
          const char *member,
          const char *name)
{
  g_autofree char *text = NULL;
  double ms;

  /* What took less than a person can notice explains nothing. */
  if (!vmp_json_get_double (timing, member, &ms) || ms < 10)
    return;

  text = vmp_ui_text_duration (ms);
  add_line (out, name, text);
}

/* Each node that was looked at, and why it was not taken or how it stood. */
static void
add_candidates (GString           *out,
                JsonArray         *candidates,
                VmpChatWhyNameFunc node_name,
                gpointer           user_data)
{
  guint n = candidates != NULL ? json_array_get_length (candidates) : 0;

  if (n > 0)
    add_line (out, NULL, _("Looked at:"));
  for (guint i = 0; i < MIN (n, NAMED); i++)
    {
      JsonObject *candidate = get_element (candidates, i);
      const char *node = vmp_json_get_string (candidate, "node");
      const char *model = vmp_json_get_string (candidate, "model");
      const char *rejected = vmp_json_get_string (candidate, "rejected");
      g_autofree char *line = NULL;
      gboolean is_loaded = FALSE;

      if (node == NULL)
        continue;
      vmp_json_get_boolean (candidate, "loaded", &is_loaded);
      line = g_strdup_printf ("%s: %s, %s", node_name (user_data, node), model != NULL ? model : "?",
                              rejected != NULL ? rejected : is_loaded ? _("loaded") : _("not loaded"));
      add_line (out, "•", line);
    }
  if (n > NAMED)
    {
      g_autofree char *more = g_strdup_printf (ngettext ("and %u more", "and %u more", n - NAMED), n - NAMED);

      add_line (out, "•", more);
    }
}

static void
add_failures (GString           *out,
              JsonArray         *stages,
              VmpChatWhyNameFunc node_name,
              gpointer           user_data)
{
  for (guint i = 0; stages != NULL && i < json_array_get_length (stages); i++)
    {
      JsonObject *stage = get_element (stages, i);
      const char *node = vmp_json_get_string (stage, "node");
      const char *reason = vmp_json_get_string (stage, "reason");
      g_autofree char *line = NULL;

      if (node == NULL || g_strcmp0 (vmp_json_get_string (stage, "status"), "failed") != 0)
        continue;
      line = g_strdup_printf ("%s: %s", node_name (user_data, node), reason != NULL ? reason : _("it failed"));
      add_line (out, _("Tried before in vain:"), line);
    }
}

char *
vmp_chat_why_describe (JsonObject        *trace,
                       VmpChatWhyNameFunc node_name,
                       gpointer           user_data)
{
  JsonObject *routing = vmp_json_get_object (trace, "routing");
  JsonObject *timing = vmp_json_get_object (trace, "timing");
  JsonObject *plan = vmp_json_get_object (routing, "plan");
  JsonArray *stages = vmp_json_get_array (trace, "stages");
  const char *strategy = vmp_json_get_string (routing, "strategy");
  GString *out = g_string_new (NULL);
  double prefix;

  g_return_val_if_fail (node_name != NULL, g_string_free (out, FALSE));

  if (stages != NULL && json_array_get_length (stages) > 0)
    {
      JsonObject *last = get_element (stages, json_array_get_length (stages) - 1);
      const char *node = vmp_json_get_string (last, "node");

      if (node != NULL)
        add_line (out, _("Answered on:"), node_name (user_data, node));
      add_line (out, _("Model:"), vmp_json_get_string (last, "model"));
    }
  if (strategy != NULL)
    add_line (out, _("Chosen by:"), describe_strategy (strategy));
  if (vmp_json_get_double (routing, "prefix", &prefix) && prefix > 0)
    add_line (out, NULL, _("This node had read the beginning of the conversation before."));
  add_time (out, timing, "queued_ms", _("Waited for a free place:"));
  add_time (out, timing, "loading_ms", _("Loaded the model:"));
  add_failures (out, stages, node_name, user_data);
  add_candidates (out, vmp_json_get_array (plan, "candidates"), node_name, user_data);

  if (out->len == 0)
    g_string_append (out, _("The gateway does not say."));

  return g_string_free (out, FALSE);
}

/* -- Showing it ---------------------------------------------------------------------------- */

static const char *
mirror_node_name (gpointer    user_data,
                  const char *node_id)
{
  return vmp_mirror_get_node_name (user_data, node_id);
}

static void
closed_cb (GtkPopover *popover)
{
  gtk_widget_unparent (GTK_WIDGET (popover));
}

static void
show_text (GtkWidget  *parent,
           const char *text)
{
  GtkWidget *popover;
  GtkWidget *label;

  /* It may have been scrolled away or removed while the gateway was asked. */
  if (!gtk_widget_get_mapped (parent))
    return;

  popover = gtk_popover_new ();
  label = gtk_label_new (text);
  gtk_label_set_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_selectable (GTK_LABEL (label), TRUE);
  gtk_label_set_width_chars (GTK_LABEL (label), 24);
  gtk_label_set_max_width_chars (GTK_LABEL (label), 44);
  gtk_widget_set_margin_top (label, 6);
  gtk_widget_set_margin_bottom (label, 6);
  gtk_widget_set_margin_start (label, 6);
  gtk_widget_set_margin_end (label, 6);
  gtk_popover_set_child (GTK_POPOVER (popover), label);
  gtk_accessible_update_property (GTK_ACCESSIBLE (popover), GTK_ACCESSIBLE_PROPERTY_LABEL, _("Why This Node?"), -1);

  gtk_widget_set_parent (popover, parent);
  g_signal_connect_object (parent, "destroy", G_CALLBACK (gtk_widget_unparent), popover, G_CONNECT_SWAPPED);
  g_signal_connect (popover, "closed", G_CALLBACK (closed_cb), NULL);
  gtk_popover_popup (GTK_POPOVER (popover));
  gtk_label_select_region (GTK_LABEL (label), 0, 0);
}

static void
traced_cb (GtkWidget *widget,
           JsonNode  *answer,
           gpointer   user_data)
{
  g_autofree char *text = NULL;

  if (answer == NULL || !JSON_NODE_HOLDS_OBJECT (answer))
    return;

  text = vmp_chat_why_describe (json_node_get_object (answer), mirror_node_name, user_data);
  show_text (widget, text);
}

static void
failed_cb (GtkWidget  *widget,
           const char *problem,
           gpointer    user_data)
{
  show_text (widget, problem);
}

void
vmp_chat_why_show (GtkWidget  *parent,
                   VmpMirror  *mirror,
                   const char *request_id)
{
  g_return_if_fail (GTK_IS_WIDGET (parent));
  g_return_if_fail (VMP_IS_MIRROR (mirror));
  g_return_if_fail (request_id != NULL);

  vmp_ui_ask_full (parent, mirror, "GET", vmp_client_path ("/vampire/v1/traces/", request_id, NULL), NULL, traced_cb,
                   failed_cb, g_object_ref (mirror), g_object_unref);
}
