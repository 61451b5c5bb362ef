/* SPDX-License-Identifier: MIT
 *
 * See vmp-ui-text.h. Tables for the words of the API, and figures rounded as people say them.
 */

#include "app/windows/vmp-ui-text.h"

#include <glib/gi18n.h>
#include <math.h>

/* -- Figures ------------------------------------------------------------------------------- */

char *
vmp_ui_text_bytes (gint64 bytes)
{
  return bytes < 0 ? g_strdup ("") : g_format_size ((guint64) bytes);
}

char *
vmp_ui_text_duration (double ms)
{
  guint64 seconds;

  if (!(ms >= 0) || ms > 1e15)
    return g_strdup ("");
  if (ms < 999.5)
    return g_strdup_printf (_("%.0f ms"), ms);
  if (ms < 59950)
    return g_strdup_printf (_("%.1f s"), ms / 1000);

  seconds = (guint64) (ms / 1000 + 0.5);
  if (seconds < 3600)
    return g_strdup_printf (_("%u min %u s"), (guint) (seconds / 60), (guint) (seconds % 60));

  return g_strdup_printf (_("%u h %u min"), (guint) (seconds / 3600), (guint) (seconds / 60 % 60));
}

char *
vmp_ui_text_rate (double tokens_per_second)
{
  if (!(tokens_per_second > 0))
    return g_strdup ("");

  return tokens_per_second < 9.95 ? g_strdup_printf (_("%.1f tokens/s"), tokens_per_second)
                                  : g_strdup_printf (_("%.0f tokens/s"), tokens_per_second);
}

char *
vmp_ui_text_context (gint64 tokens)
{
  if (tokens <= 0)
    return g_strdup ("");
  if (tokens < 1000)
    return g_strdup_printf (_("%d context"), (int) tokens);
  /* Most are powers of two, as their makers count them; the rest are round in decimal. */
  if (tokens >= 1000000)
    return g_strdup_printf (_("%.0fM context"), round (tokens / (tokens % 1024 == 0 ? 1048576.0 : 1000000.0)));

  return g_strdup_printf (_("%.0fK context"), round (tokens / (tokens % 1024 == 0 ? 1024.0 : 1000.0)));
}

/* -- Times --------------------------------------------------------------------------------- */

/* Days from @now's to @time's; both in the same zone. */
static int
days_from (GDateTime *now,
           GDateTime *time)
{
  GDate a;
  GDate b;

  g_date_clear (&a, 1);
  g_date_clear (&b, 1);
  g_date_set_dmy (&a, (GDateDay) g_date_time_get_day_of_month (now), (GDateMonth) g_date_time_get_month (now),
                  (GDateYear) g_date_time_get_year (now));
  g_date_set_dmy (&b, (GDateDay) g_date_time_get_day_of_month (time), (GDateMonth) g_date_time_get_month (time),
                  (GDateYear) g_date_time_get_year (time));

  return g_date_days_between (&a, &b);
}

/* (transfer full) (nullable) */
static GDateTime *
parse (const char *time,
       GDateTime  *now)
{
  g_autoptr (GDateTime) parsed = time != NULL ? g_date_time_new_from_iso8601 (time, NULL) : NULL;

  return parsed != NULL ? g_date_time_to_timezone (parsed, g_date_time_get_timezone (now)) : NULL;
}

/* @days: as days_from() has it */
static char *
format_day (GDateTime *now,
            GDateTime *time,
            int        days)
{
  switch (days)
    {
    case -1:
      return g_date_time_format (time, _("yesterday, %H:%M"));

    case 0:
      return g_date_time_format (time, _("today, %H:%M"));

    case 1:
      return g_date_time_format (time, _("tomorrow, %H:%M"));

    default:
      return g_date_time_get_year (now) == g_date_time_get_year (time)
             /* Translators: a day of this year and a time, as for strftime: "Nov 22, 14:02". */
             ? g_date_time_format (time, _("%b %-e, %H:%M"))
             /* Translators: a day of another year, as for strftime: "Nov 22, 2025". */
             : g_date_time_format (time, _("%b %-e, %Y"));
    }
}

char *
vmp_ui_text_ago_at (const char *time,
                    GDateTime  *now)
{
  g_autoptr (GDateTime) then = parse (time, now);
  gint64 seconds;
  int minutes;
  int hours;
  int days;

  if (then == NULL)
    return g_strdup ("");

  seconds = g_date_time_difference (now, then) / G_TIME_SPAN_SECOND;
  days = days_from (now, then);

  /* The clock of another computer may be ahead a little. */
  if (seconds < 45 && seconds > -60)
    return g_strdup (_("just now"));
  if (seconds < 0 || days < -1 || (days == -1 && seconds > 6 * 3600))
    return format_day (now, then, days);

  minutes = (int) ((seconds + 30) / 60);
  if (minutes < 60)
    return g_strdup_printf (ngettext ("%d minute ago", "%d minutes ago", (gulong) minutes), minutes);

  hours = (int) ((seconds + 1800) / 3600);
  return g_strdup_printf (ngettext ("%d hour ago", "%d hours ago", (gulong) hours), hours);
}

char *
vmp_ui_text_time_at (const char *time,
                     GDateTime  *now)
{
  g_autoptr (GDateTime) then = parse (time, now);

  return then != NULL ? format_day (now, then, days_from (now, then)) : g_strdup ("");
}

char *
vmp_ui_text_ago (const char *time)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();

  return vmp_ui_text_ago_at (time, now);
}

char *
vmp_ui_text_time (const char *time)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_local ();

  return vmp_ui_text_time_at (time, now);
}

/* -- Words --------------------------------------------------------------------------------- */

/* One word of the API; those without a context are names that nobody translates, or say enough by themselves. */
typedef struct {
  const char *word;
  const char *context;
  const char *text;
  const char *icon;
} Word;

static const Word node_statuses[] = {
  { "unknown", "node status", NC_("node status", "Not Looked At Yet"), "content-loading-symbolic" },
  { "online", "node status", NC_("node status", "Online"), "emblem-ok-symbolic" },
  { "degraded", "node status", NC_("node status", "Degraded"), "dialog-warning-symbolic" },
  { "offline", "node status", NC_("node status", "Offline"), "network-offline-symbolic" },
  { "draining", "node status", NC_("node status", "Draining"), "media-playback-pause-symbolic" },
  { "disabled", "node status", NC_("node status", "Disabled"), "action-unavailable-symbolic" },
  { "maintenance", "node status", NC_("node status", "In Maintenance"), "applications-engineering-symbolic" },
  { "quarantine", "node status", NC_("node status", "In Quarantine"), "security-low-symbolic" },
};

static const Word approvals[] = {
  { "pending", "approval", NC_("approval", "Waiting for Approval") },
  { "approved", "approval", NC_("approval", "Approved") },
  { "blocked", "approval", NC_("approval", "Blocked") },
};

static const Word providers[] = {
  { "auto", "provider", NC_("provider", "Unknown kind of server") },
  { "lmstudio", NULL, "LM Studio" },
  { "ollama", NULL, "Ollama" },
  { "llamacpp", NULL, "llama.cpp" },
  { "localai", NULL, "LocalAI" },
  { "vllm", NULL, "vLLM" },
  { "text-generation-webui", NULL, "text-generation-webui" },
  { "koboldcpp", NULL, "KoboldCpp" },
  { "gpt4all", NULL, "GPT4All" },
  { "jan", NULL, "Jan" },
  { "vampire", NULL, "Vampire" },
  { "openai-compatible", "provider", NC_("provider", "OpenAI-compatible server") },
};

static const Word found_by[] = {
  { "owner", "found by", NC_("found by", "Added by you") },
  { "default", "found by", NC_("found by", "Always looked for on this computer") },
  { "local", "found by", NC_("found by", "Found on this computer") },
  { "mdns", "found by", NC_("found by", "Announced itself in the network") },
  { "lan_scan", "found by", NC_("found by", "Found by a scan of the network") },
  { "static", "found by", NC_("found by", "Found at an address that you gave") },
  { "base_urls", "found by", NC_("found by", "Found at an address that you gave") },
};

static const Word share_modes[] = {
  { "off", "share mode", NC_("share mode", "Off") },
  { "local", "share mode", NC_("share mode", "This Computer Only") },
  { "personal", "share mode", NC_("share mode", "My Devices") },
  { "family", "share mode", NC_("share mode", "Family") },
  { "business", "share mode", NC_("share mode", "Work") },
  { "event", "share mode", NC_("share mode", "Event") },
};

static const Word outcomes[] = {
  { "done", "outcome", NC_("outcome", "Answered") },
  { "upstream failed", "outcome", NC_("outcome", "Node failed") },
  { "client gone", "outcome", NC_("outcome", "Client left") },
  { "shut down", "outcome", NC_("outcome", "Vampire was quit") },
  { "revoked", "outcome", NC_("outcome", "Access was withdrawn") },
  { "cancelled", "outcome", NC_("outcome", "Cancelled") },
  { "refused", "outcome", NC_("outcome", "Refused") },
};

static const Word model_kinds[] = {
  { "llm", "model kind", NC_("model kind", "Text") },
  { "vlm", "model kind", NC_("model kind", "Text and images") },
  { "embedding", "model kind", NC_("model kind", "Embeddings") },
};

static const Word *
find (const Word *words,
      gsize       n_words,
      const char *word)
{
  for (gsize i = 0; i < n_words; i++)
    if (g_strcmp0 (words[i].word, word) == 0)
      return &words[i];

  return NULL;
}

static const char *
translate (const Word *words,
           gsize       n_words,
           const char *word)
{
  const Word *found = find (words, n_words, word);

  if (found == NULL)
    return word != NULL ? word : "";

  return found->context != NULL ? g_dpgettext2 (NULL, found->context, found->text) : found->text;
}

const char *
vmp_ui_text_node_status (const char *status)
{
  return translate (node_statuses, G_N_ELEMENTS (node_statuses), status);
}

const char *
vmp_ui_text_approval (const char *approval)
{
  return translate (approvals, G_N_ELEMENTS (approvals), approval);
}

const char *
vmp_ui_text_provider (const char *provider)
{
  return translate (providers, G_N_ELEMENTS (providers), provider);
}

const char *
vmp_ui_text_found_by (const char *by)
{
  return translate (found_by, G_N_ELEMENTS (found_by), by);
}

const char *
vmp_ui_text_share_mode (const char *mode)
{
  return translate (share_modes, G_N_ELEMENTS (share_modes), mode);
}

const char *
vmp_ui_text_outcome (const char *outcome)
{
  return outcome != NULL ? translate (outcomes, G_N_ELEMENTS (outcomes), outcome) : C_("outcome", "Running");
}

const char *
vmp_ui_text_model_kind (const char *kind)
{
  return translate (model_kinds, G_N_ELEMENTS (model_kinds), kind);
}

const char *
vmp_ui_icon_for_status (const char *status)
{
  const Word *found = find (node_statuses, G_N_ELEMENTS (node_statuses), status);

  return found != NULL ? found->icon : "dialog-question-symbolic";
}
