/* SPDX-License-Identifier: MIT
 *
 * A counter that begins anywhere, with its bits stirred, in an alphabet of 32.
 */

#include "core/vmp-request-id.h"

#include <string.h>

#define PREFIX "req_"
#define PREFIX_CHARS 4

/* 13 characters hold all 64 bits of the counter, so that none of them comes twice; 11 more hold 55 of a second one,
 * which tell one run from another. */
#define COUNTER_CHARS 13
#define RUN_CHARS 11

G_STATIC_ASSERT (PREFIX_CHARS + COUNTER_CHARS + RUN_CHARS < VMP_REQUEST_ID_BYTES);

/* Odd, so that all 2^64 values come before one comes again; the golden ratio's digits spread them evenly. */
#define STEP G_GUINT64_CONSTANT (0x9e3779b97f4a7c15)

/* Each number becomes another one, and no two the same: every step can be undone. */
static guint64
stir (guint64 number)
{
  number = (number ^ number >> 32) * G_GUINT64_CONSTANT (0xd6e8feb86659fd93);
  number = (number ^ number >> 32) * G_GUINT64_CONSTANT (0xd6e8feb86659fd93);

  return number ^ number >> 32;
}

static char *
append_letters (char   *out,
                guint64 number,
                guint   n_letters)
{
  /* Without those that are read as others. */
  static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";
  guint i;

  for (i = 0; i < n_letters; i++)
    {
      *out++ = letters[number & 31];
      number >>= 5;
    }

  return out;
}

static guint64
draw (void)
{
  return (guint64) g_random_int () << 32 | g_random_int ();
}

void
vmp_request_id_make (char out[VMP_REQUEST_ID_BYTES])
{
  static guint64 counter;
  static guint64 run;

  if (G_UNLIKELY (run == 0))
    {
      counter = draw ();
      run = draw () | 1;
    }
  counter += STEP;

  memcpy (out, PREFIX, PREFIX_CHARS);
  out = append_letters (out + PREFIX_CHARS, stir (counter), COUNTER_CHARS);
  out = append_letters (out, stir (counter ^ run), RUN_CHARS);
  *out = '\0';
}
