/* SPDX-License-Identifier: MIT
 *
 * See vmp-share-words.h.
 */

#include "app/windows/vmp-share-words.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-ui-text.h"
#include "core/vmp-json.h"

/* -- Durations ----------------------------------------------------------------------------- */

/* Midnight is what people mean by "tomorrow", also on days that have 23 or 25 hours. */
static gint64
seconds_until_tomorrow (GDateTime *now)
{
  g_autoptr (GDateTime) tomorrow = g_date_time_add_days (now, 1);
  g_autoptr (GTimeZone) zone = g_time_zone_ref (g_date_time_get_timezone (now));
  g_autoptr (GDateTime) midnight = g_date_time_new (zone, g_date_time_get_year (tomorrow),
                                                    g_date_time_get_month (tomorrow),
                                                    g_date_time_get_day_of_month (tomorrow), 0, 0, 0);

  return MAX (1, g_date_time_difference (midnight, now) / G_USEC_PER_SEC);
}

char *
vmp_share_words_duration (VmpShareFor choice,
                          const char *other,
                          GDateTime  *now)
{
  switch (choice)
    {
    case VMP_SHARE_FOR_1_H:
      return g_strdup ("1h");

    case VMP_SHARE_FOR_8_H:
      return g_strdup ("8h");

    case VMP_SHARE_UNTIL_TOMORROW:
      return g_strdup_printf ("%" G_GINT64_FORMAT "s", seconds_until_tomorrow (now));

    case VMP_SHARE_FOR_OTHER:
      return other != NULL ? g_strstrip (g_strdup (other)) : NULL;

    case VMP_SHARE_UNTIL_OFF:
    default:
      return NULL;
    }
}

char *
vmp_share_words_rest (const char *ends_at,
                      GDateTime  *now)
{
  g_autoptr (GDateTime) end = ends_at != NULL ? g_date_time_new_from_iso8601 (ends_at, NULL) : NULL;

  if (end == NULL)
    return NULL;

  return g_strdup_printf ("%" G_GINT64_FORMAT "s", MAX (1, g_date_time_difference (end, now) / G_USEC_PER_SEC));
}

VmpShareFor
vmp_share_words_choice (const char *duration,
                        VmpShareFor before)
{
  if (duration == NULL)
    return VMP_SHARE_UNTIL_OFF;
  if (g_str_equal (duration, "1h"))
    return VMP_SHARE_FOR_1_H;
  if (g_str_equal (duration, "8h"))
    return VMP_SHARE_FOR_8_H;

  /* Seconds are what the choices come to when they are reckoned from now. */
  return g_str_has_suffix (duration, "s") && before != VMP_SHARE_UNTIL_OFF ? before : VMP_SHARE_FOR_OTHER;
}

/* -- State --------------------------------------------------------------------------------- */

/* "45 s", "12 min", "2 h 3 min", "3 days" */
static char *
describe_rest (gint64 seconds)
{
  if (seconds >= 48 * 3600)
    return g_strdup_printf (ngettext ("%d day left", "%d days left", (gulong) (seconds / 86400)),
                            (int) (seconds / 86400));
  if (seconds >= 3600)
    return g_strdup_printf (_("%d h %d min left"), (int) (seconds / 3600), (int) (seconds / 60 % 60));
  if (seconds >= 60)
    return g_strdup_printf (_("%d min left"), (int) (seconds / 60));

  return g_strdup_printf (_("%d s left"), (int) MAX (seconds, 0));
}

char *
vmp_share_words_state (JsonObject *share,
                       GDateTime  *now)
{
  const char *ends_at = share != NULL ? vmp_json_get_string (share, "ends_at") : NULL;
  g_autoptr (GDateTime) end = ends_at != NULL ? g_date_time_new_from_iso8601 (ends_at, NULL) : NULL;
  g_autofree char *time = NULL;
  g_autofree char *rest = NULL;
  gboolean is_open = FALSE;
  gint64 n_keys = 0;

  if (share == NULL || !vmp_json_get_boolean (share, "open", &is_open) || !is_open)
    return g_strdup (_("Off: only this computer uses Vampire."));
  if (end == NULL)
    {
      if (vmp_json_get_int (share, "keys", &n_keys) && n_keys == 0)
        return g_strdup (_("On, but nobody has a key: make one below."));
      return g_strdup (_("On until you turn it off."));
    }

  time = vmp_ui_text_time_at (ends_at, now);
  rest = describe_rest (g_date_time_difference (end, now) / G_USEC_PER_SEC);
  /* Translators: until when it is shared, as "today, 18:00", and "2 h 3 min left". */
  return g_strdup_printf (_("On until %s (%s)"), time, rest);
}

/* -- Keys and clients ---------------------------------------------------------------------- */

/* @fact: (transfer full) */
static void
add (GString *text,
     char    *fact)
{
  if (fact != NULL && *fact != '\0')
    g_string_append_printf (text, "%s%s", text->len > 0 ? " · " : "", fact);
  g_free (fact);
}

char *
vmp_share_words_key (VmpItem *key)
{
  const char *hint = vmp_item_get_string (key, "hint");
  const char *used = vmp_item_get_string (key, "last_used_at");
  const char *expires = vmp_item_get_string (key, "expires_at");
  gint64 n_requests = vmp_item_get_int (key, "requests", 0);
  GString *text = g_string_new (NULL);

  if (hint != NULL)
    add (text, g_strconcat ("…", hint, NULL));
  if (used != NULL)
    {
      g_autofree char *ago = vmp_ui_text_ago (used);

      add (text, g_strdup_printf (_("last used %s"), ago));
      add (text, g_strdup_printf (ngettext ("%d request", "%d requests", (gulong) n_requests),
                                  (int) MIN (n_requests, G_MAXINT)));
    }
  else
    {
      add (text, g_strdup (_("not used since Vampire started")));
    }
  if (expires != NULL)
    {
      g_autofree char *time = vmp_ui_text_time (expires);

      add (text, g_strdup_printf (_("expires %s"), time));
    }
  return g_string_free (text, FALSE);
}

char *
vmp_share_words_client (VmpItem *client)
{
  const char *address = vmp_item_get_string (client, "address");
  gint64 n_running = vmp_item_get_int (client, "active_requests", 0);
  g_autofree char *since = vmp_ui_text_ago (vmp_item_get_string (client, "connected_at"));
  GString *text = g_string_new (NULL);

  add (text, g_strdup (address));
  if (*since != '\0')
    add (text, g_strdup_printf (_("connected %s"), since));
  if (n_running > 0)
    add (text, g_strdup_printf (ngettext ("%d running", "%d running", (gulong) n_running),
                                (int) MIN (n_running, G_MAXINT)));

  return g_string_free (text, FALSE);
}

char *
vmp_share_words_connection (const char *base_url,
                            const char *key)
{
  return g_strconcat (base_url, "\n", key, NULL);
}
