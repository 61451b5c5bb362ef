/* SPDX-License-Identifier: MIT
 *
 * See vmp-request-words.h.
 */

#include "app/windows/vmp-request-words.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-ui-text.h"

gboolean
vmp_request_words_is_running (VmpItem *request)
{
  return g_strcmp0 (vmp_item_get_string (request, "state"), "running") == 0;
}

gboolean
vmp_request_words_has_failed (VmpItem *request)
{
  static const char * const wanted[] = { "client gone", "cancelled", NULL };
  const char *outcome = vmp_item_get_string (request, "outcome");

  if (vmp_request_words_is_running (request) || outcome == NULL)
    return FALSE;
  if (g_str_equal (outcome, "done"))
    return vmp_item_get_int (request, "status", 200) >= 400;

  return !g_strv_contains (wanted, outcome);
}

const char *
vmp_request_words_key (const char *key_id,
                       VmpMirror  *mirror)
{
  VmpItem *key = vmp_item_list_find (vmp_mirror_get_list (mirror, VMP_TOPIC_KEYS), key_id);
  const char *name = key != NULL ? vmp_item_get_string (key, "name") : NULL;

  return name != NULL ? name : key_id;
}

const char *
vmp_request_words_client (VmpItem   *request,
                          VmpMirror *mirror)
{
  const char *key = vmp_item_get_string (request, "client_key");

  if (key != NULL)
    return vmp_request_words_key (key, mirror);

  return vmp_item_get_boolean (request, "shared") ? _("Another computer") : _("This computer");
}

char *
vmp_request_words_model (VmpItem *request)
{
  const char *asked = vmp_item_get_string (request, "model");
  const char *used = vmp_item_get_string (request, "node_model");

  if (asked == NULL)
    return g_strdup (used != NULL ? used : _("No model"));
  if (used == NULL || g_str_equal (asked, used))
    return g_strdup (asked);

  /* Translators: the model that was asked for, and the one that answered. */
  return g_strdup_printf (C_("model", "%s → %s"), asked, used);
}

char *
vmp_request_words_outcome (VmpItem *request)
{
  const char *outcome = vmp_item_get_string (request, "outcome");
  const char *problem = vmp_item_get_string (request, "problem");
  gint64 status = vmp_item_get_int (request, "status", 0);

  if (vmp_request_words_is_running (request))
    return g_strdup (C_("outcome", "Running"));
  if (problem != NULL && status > 0)
    return g_strdup_printf ("%s (%d, %s)", vmp_ui_text_outcome (outcome), (int) status, problem);
  if (status >= 400)
    return g_strdup_printf ("%s (%d)", vmp_ui_text_outcome (outcome), (int) status);

  return g_strdup (vmp_ui_text_outcome (outcome));
}

char *
vmp_request_words_summary (VmpItem   *request,
                           VmpMirror *mirror)
{
  const char *node = vmp_item_get_string (request, "node");
  g_autofree char *outcome = vmp_request_words_outcome (request);

  if (node == NULL)
    return g_strjoin (" · ", vmp_request_words_client (request, mirror), outcome, NULL);

  return g_strjoin (" · ", vmp_request_words_client (request, mirror), vmp_mirror_get_node_name (mirror, node), outcome,
                    NULL);
}

/* @fact: (transfer full) */
static void
add (GString *text,
     char    *fact)
{
  if (*fact != '\0')
    g_string_append_printf (text, "%s%s", text->len > 0 ? " · " : "", fact);
  g_free (fact);
}

/* What took less than a person can notice is left out. (transfer full) (nullable) */
static char *
dup_wait (VmpItem    *request,
          const char *member)
{
  double ms = vmp_item_get_double (request, member, 0);

  return ms >= 10 ? vmp_ui_text_duration (ms) : NULL;
}

char *
vmp_request_words_figures (VmpItem *request)
{
  GString *text = g_string_new (NULL);
  double first_ms = vmp_item_get_double (request, "first_event_ms", -1);
  gint64 tokens = vmp_item_get_int (request, "completion_tokens", 0);
  g_autofree char *queued = dup_wait (request, "queued_ms");
  g_autofree char *loading = dup_wait (request, "loading_ms");

  add (text, vmp_ui_text_rate (vmp_item_get_double (request, "tokens_per_second", 0)));
  if (tokens > 0)
    add (text, g_strdup_printf (ngettext ("%d token", "%d tokens", (gulong) tokens), (int) MIN (tokens, G_MAXINT)));
  if (first_ms >= 0)
    {
      g_autofree char *first = vmp_ui_text_duration (first_ms);

      add (text, g_strdup_printf (_("first token %s"), first));
    }
  if (queued != NULL)
    add (text, g_strdup_printf (_("waited %s"), queued));
  if (loading != NULL)
    add (text, g_strdup_printf (_("loading %s"), loading));

  return g_string_free (text, FALSE);
}

char *
vmp_request_words_tokens (VmpItem *request)
{
  gint64 read = vmp_item_get_int (request, "prompt_tokens", -1);
  gint64 written = vmp_item_get_int (request, "completion_tokens", -1);

  if (read >= 0 && written >= 0)
    return g_strdup_printf (_("%d read, %d written"), (int) MIN (read, G_MAXINT), (int) MIN (written, G_MAXINT));
  if (written >= 0)
    return g_strdup_printf (_("%d written"), (int) MIN (written, G_MAXINT));
  if (read >= 0)
    return g_strdup_printf (_("%d read"), (int) MIN (read, G_MAXINT));

  return g_strdup ("");
}

double
vmp_request_words_elapsed (VmpItem *request,
                           gint64   now)
{
  double known = vmp_item_get_double (request, "duration_ms", 0);
  const char *received = vmp_item_get_string (request, "received_at");
  g_autoptr (GDateTime) time = NULL;
  gint64 received_us;

  if (!vmp_request_words_is_running (request) || received == NULL)
    return known;
  time = g_date_time_new_from_iso8601 (received, NULL);
  if (time == NULL)
    return known;

  /* The gateway's clock may be another one than ours. */
  received_us = g_date_time_to_unix (time) * G_USEC_PER_SEC + g_date_time_get_microsecond (time);
  return MAX (known, (now - received_us) / 1000.0);
}

const char *
vmp_request_words_icon (VmpItem     *request,
                        const char **css_class)
{
  if (vmp_request_words_is_running (request))
    {
      *css_class = "accent";
      return "content-loading-symbolic";
    }
  if (vmp_request_words_has_failed (request))
    {
      *css_class = "error";
      return "dialog-error-symbolic";
    }
  if (g_strcmp0 (vmp_item_get_string (request, "outcome"), "done") == 0)
    {
      *css_class = "success";
      return "emblem-ok-symbolic";
    }

  *css_class = "dim-label";
  return "process-stop-symbolic";
}
