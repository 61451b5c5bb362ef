/* SPDX-License-Identifier: MIT
 *
 * Reading lengths of time. Both notations are counts with units, the larger units first and each at most once; they
 * differ in the letters' case and in ISO 8601's P and T.
 */

#include "core/vmp-duration.h"

#include "core/vmp-limits.h"

/* The larger first; from the third on, ISO 8601 wants them after the T. */
static const struct {
  char letter;
  gint64 seconds;
} units[] = {
  { 'w', 7 * 24 * 60 * 60 },
  { 'd', 24 * 60 * 60 },
  { 'h', 60 * 60 },
  { 'm', 60 },
  { 's', 1 },
};

#define FIRST_UNIT_OF_TIME 2

gboolean
vmp_duration_parse (const char *text,
                    gint64     *seconds)
{
  gboolean is_iso = *text == 'P';
  gboolean is_time = FALSE;
  guint next = 0; /* the largest unit that may still come */
  gint64 sum = 0;

  if (is_iso)
    text++;

  do
    {
      gint64 count = 0;
      guint unit;

      if (is_iso && !is_time && *text == 'T')
        {
          is_time = TRUE;
          next = FIRST_UNIT_OF_TIME;
          text++;
        }

      if (!g_ascii_isdigit (*text))
        return FALSE;

      for (; g_ascii_isdigit (*text); text++)
        {
          count = count * 10 + g_ascii_digit_value (*text);
          if (count > VMP_LIMIT_DURATION_SECONDS)
            return FALSE;
        }

      for (unit = next; unit < G_N_ELEMENTS (units); unit++)
        {
          if (*text == (is_iso ? g_ascii_toupper (units[unit].letter) : units[unit].letter))
            break;
        }

      if (unit == G_N_ELEMENTS (units) || (is_iso && !is_time && unit >= FIRST_UNIT_OF_TIME))
        return FALSE;

      sum += count * units[unit].seconds;
      next = unit + 1;
      text++;
    }
  while (*text != '\0');

  if (sum <= 0 || sum > VMP_LIMIT_DURATION_SECONDS)
    return FALSE;

  *seconds = sum;
  return TRUE;
}
