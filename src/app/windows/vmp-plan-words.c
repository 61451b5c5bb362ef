/* SPDX-License-Identifier: MIT
 *
 * See vmp-plan-words.h.
 */

#include "app/windows/vmp-plan-words.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-ui-text.h"
#include "core/vmp-json.h"

typedef struct {
  const char *word;
  const char *text;
} Word;

static const Word strategies[] = {
  { "round_robin", NC_("strategy", "Take Turns") },
  { "weighted_round_robin", NC_("strategy", "Take Turns by Weight") },
  { "least_busy", NC_("strategy", "Least Busy") },
  { "least_latency", NC_("strategy", "Soonest First Token") },
  { "highest_tokens_per_second", NC_("strategy", "Fastest Writer") },
  { "best_available", NC_("strategy", "Best of All Figures") },
  { "model_affinity", NC_("strategy", "Loaded Nodes Take Turns") },
  { "context_window", NC_("strategy", "Smallest Context That Fits") },
  { "trusted_only", NC_("strategy", "Trusted Nodes Only") },
  { "power_saver", NC_("strategy", "Least Power") },
  { "fallback_chain", NC_("strategy", "One After the Other") },
  { "quality_score", NC_("strategy", "Best Quality") },
  { "cost_score", NC_("strategy", "Lowest Cost") },
  { "privacy_policy", NC_("strategy", "Stay Private") },
  { "residency", NC_("strategy", "Loaded and Free First") },
  { "prefix_affinity", NC_("strategy", "Keep Conversations Together") },
};

static const Word readinesses[] = {
  { "now", NC_("readiness", "Has the model loaded and is free") },
  { "cold", NC_("readiness", "Has to load the model first") },
  { "loading", NC_("readiness", "Is loading the model") },
  { "full", NC_("readiness", "Is busy: the request waits for a place") },
  { "occupied", NC_("readiness", "Has another model at work, which would have to go first") },
};

static const Word rejections[] = {
  { "pending", NC_("rejection", "You have not approved this node") },
  { "draining", NC_("rejection", "It is out of service: drained, disabled or in maintenance") },
  { "offline", NC_("rejection", "It does not answer") },
  { "breaker_open", NC_("rejection", "It has failed again and again, and is left alone for a while") },
  { "token_missing", NC_("rejection", "It asks for a token that is not here") },
  { "request_loop", NC_("rejection", "The request came from there") },
  { "excluded", NC_("rejection", "It has just failed for this request") },
  { "model_missing", NC_("rejection", "It does not have the model") },
  { "wrong_kind", NC_("rejection", "The model is of another kind, such as one for embeddings") },
  { "capability_missing", NC_("rejection", "The model cannot do what is asked for, such as see images or use tools") },
  { "context_window_too_small", NC_("rejection", "The model has too little context") },
  { "not_trusted", NC_("rejection", "The node is not marked as trusted") },
  { "not_local", NC_("rejection", "The node is neither this computer nor in a private network") },
  { "too_slow", NC_("rejection", "It is slower than what is asked for") },
  { "queue_full", NC_("rejection", "Too many requests wait there already") },
};

static const char *
translate (const Word *words,
           gsize       n_words,
           const char *context,
           const char *word)
{
  for (gsize i = 0; i < n_words; i++)
    {
      if (g_strcmp0 (words[i].word, word) == 0)
        return g_dpgettext2 (NULL, context, words[i].text);
    }

  return word != NULL ? word : "";
}

const char *
vmp_plan_words_strategy (const char *strategy)
{
  return translate (strategies, G_N_ELEMENTS (strategies), "strategy", strategy);
}

const char *
vmp_plan_words_readiness (const char *readiness)
{
  return translate (readinesses, G_N_ELEMENTS (readinesses), "readiness", readiness);
}

const char *
vmp_plan_words_rejection (const char *rejection)
{
  return translate (rejections, G_N_ELEMENTS (rejections), "rejection", rejection);
}

/* -- Lists of facts ------------------------------------------------------------------------ */

/* @fact: (transfer full) */
static void
add (GString    *text,
     const char *separator,
     char       *fact)
{
  if (*fact != '\0')
    g_string_append_printf (text, "%s%s", text->len > 0 ? separator : "", fact);
  g_free (fact);
}

static gboolean
is_true (JsonObject *object,
         const char *name)
{
  gboolean value = FALSE;

  return vmp_json_get_boolean (object, name, &value) && value;
}

/* A length of time above 0; NULL: there is none. (transfer full) */
static char *
dup_duration (JsonObject *object,
              const char *name)
{
  double ms;

  return vmp_json_get_double (object, name, &ms) && ms > 0 ? vmp_ui_text_duration (ms) : NULL;
}

char *
vmp_plan_words_candidate (JsonObject *candidate)
{
  GString *text = g_string_new (NULL);
  g_autofree char *first = dup_duration (candidate, "ttft_ms");
  g_autofree char *load = dup_duration (candidate, "load_ms");
  gint64 active;
  gint64 slots;
  double number;

  if (json_object_has_member (candidate, "loaded"))
    add (text, " · ", g_strdup (is_true (candidate, "loaded") ? _("loaded") : _("not loaded")));
  if (vmp_json_get_int (candidate, "active", &active) && active > 0)
    {
      if (vmp_json_get_int (candidate, "slots", &slots) && slots > 0)
        add (text, " · ", g_strdup_printf (_("%d of %d places taken"), (int) MIN (active, G_MAXINT),
                                           (int) MIN (slots, G_MAXINT)));
      else
        add (text, " · ", g_strdup_printf (ngettext ("%d running", "%d running", (gulong) active),
                                           (int) MIN (active, G_MAXINT)));
    }
  if (vmp_json_get_int (candidate, "node_waiting", &active) && active > 0)
    add (text, " · ", g_strdup_printf (ngettext ("%d waits", "%d wait", (gulong) active),
                                       (int) MIN (active, G_MAXINT)));
  if (vmp_json_get_int (candidate, "context", &slots))
    add (text, " · ", vmp_ui_text_context (slots));
  if (first != NULL)
    add (text, " · ", g_strdup_printf (_("first token in %s"), first));
  if (vmp_json_get_double (candidate, "tokens_per_second", &number))
    add (text, " · ", vmp_ui_text_rate (number));
  if (load != NULL && !is_true (candidate, "loaded"))
    add (text, " · ", g_strdup_printf (_("loads in %s"), load));
  if (vmp_json_get_double (candidate, "weight", &number) && number > 0)
    add (text, " · ", g_strdup_printf (_("weight %g"), number));
  if (vmp_json_get_double (candidate, "prefix", &number) && number > 0)
    add (text, " · ", g_strdup_printf (_("has read %.0f %% of this prompt"), number * 100));
  if (is_true (candidate, "has_session"))
    add (text, " · ", g_strdup (_("had this conversation")));
  if (is_true (candidate, "trusted"))
    add (text, " · ", g_strdup (_("trusted")));

  return g_string_free (text, FALSE);
}

char *
vmp_plan_words_scores (JsonObject *attempt)
{
  JsonObject *scores = vmp_json_get_object (attempt, "scores");
  g_autofree char *wait = dup_duration (scores, "wait_ms");
  GString *text = g_string_new (NULL);
  double number;

  if (scores == NULL)
    return g_string_free (text, FALSE);

  if (wait != NULL)
    add (text, " · ", g_strdup_printf (_("expected wait %s"), wait));
  if (vmp_json_get_double (scores, "main", &number) && number != 0)
    add (text, " · ", g_strdup_printf (_("score %.4g"), number));
  /* In thousandths of what it answers at a time. */
  if (vmp_json_get_double (scores, "busy", &number) && number > 0)
    add (text, " · ", g_strdup_printf (_("%.0f %% busy"), number / 10));

  return g_string_free (text, FALSE);
}

/* -- Constraints --------------------------------------------------------------------------- */

static const Word capabilities[] = {
  { "vision", NC_("constraint", "can see images") },
  { "tools", NC_("constraint", "can use tools") },
  { "reasoning", NC_("constraint", "reasons") },
};

char *
vmp_plan_words_constraints (JsonObject *constraints)
{
  GString *text = g_string_new (NULL);
  JsonArray *needs = constraints != NULL ? vmp_json_get_array (constraints, "required_capabilities") : NULL;
  guint n_needs = needs != NULL ? json_array_get_length (needs) : 0;
  gint64 count;
  double ms;

  if (constraints == NULL)
    return g_string_free (text, FALSE);

  if (vmp_json_get_int (constraints, "min_context_window", &count) && count > 0)
    {
      g_autofree char *context = vmp_ui_text_context (count);

      add (text, ", ", g_strdup_printf (_("at least %s"), context));
    }
  for (guint i = 0; i < n_needs; i++)
    {
      JsonNode *need = json_array_get_element (needs, i);

      if (JSON_NODE_HOLDS_VALUE (need) && json_node_get_value_type (need) == G_TYPE_STRING)
        add (text, ", ", g_strdup (translate (capabilities, G_N_ELEMENTS (capabilities), "constraint",
                                              json_node_get_string (need))));
    }
  if (vmp_json_get_double (constraints, "max_latency_ms", &ms) && ms > 0)
    {
      g_autofree char *duration = vmp_ui_text_duration (ms);

      add (text, ", ", g_strdup_printf (_("first token within %s"), duration));
    }
  if (vmp_json_get_int (constraints, "max_queue_depth", &count))
    add (text, ", ", g_strdup_printf (ngettext ("at most %d request waiting", "at most %d requests waiting",
                                                (gulong) count), (int) MIN (count, G_MAXINT)));
  if (is_true (constraints, "trusted_only"))
    add (text, ", ", g_strdup (_("trusted nodes only")));
  if (is_true (constraints, "local_only"))
    add (text, ", ", g_strdup (_("this computer and the private network only")));

  return g_string_free (text, FALSE);
}
