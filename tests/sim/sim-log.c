/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: its log on stderr.
 */

#include "sim-log.h"

#include "sim-config.h"

#include <stdio.h>
#include <string.h>

static const char * const level_words[] = { "error", "warn", "info", "debug" };
static const char * const level_tags[] = { "ERROR", "WARN", "INFO", "DEBUG" };
static SimLogLevel threshold = SIM_LOG_INFO;

gboolean
sim_log_set_level (const char *word)
{
  for (guint i = 0; i < G_N_ELEMENTS (level_words); i++)
    if (strcmp (word, level_words[i]) == 0)
      {
        threshold = (SimLogLevel) i;
        return TRUE;
      }

  return FALSE;
}

void
sim_log (Sim        *sim,
         SimLogLevel level,
         const char *subject,
         const char *format,
         ...)
{
  g_autoptr (GDateTime) now = NULL;
  g_autofree char *stamp = NULL;
  g_autofree char *text = NULL;
  va_list args;

  if (level > threshold)
    return;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  now = g_date_time_new_now_local ();
  stamp = g_date_time_format (now, "%Y-%m-%d %H:%M:%S");
  fprintf (stderr, SIM_PROGRAM "%s%s: %s [%s] %s%s%s%s\n", *sim->config->name != '\0' ? " " : "", sim->config->name,
           stamp, level_tags[level], subject != NULL ? "[" : "", subject != NULL ? subject : "",
           subject != NULL ? "] " : "", text);
}
