/* SPDX-License-Identifier: MIT
 *
 * Writes the text format of Prometheus: https://prometheus.io/docs/instrumenting/exposition_formats/
 */

#include "relay/vmp-prometheus.h"

#include <math.h>
#include <stdarg.h>

/* The longest number: "-1.2345678901234567e-308". */
#define NUMBER_SIZE 32

static const struct {
  double seconds;
  const char *text;
} bounds[VMP_HISTOGRAM_BOUNDS] = {
  { 0.01, "0.01" }, { 0.025, "0.025" }, { 0.05, "0.05" }, { 0.1, "0.1" },
  { 0.25, "0.25" }, { 0.5, "0.5" }, { 1, "1" }, { 2.5, "2.5" },
  { 5, "5" }, { 10, "10" }, { 25, "25" }, { 50, "50" },
  { 100, "100" }, { 250, "250" }, { 500, "500" }, { 1000, "1000" },
};

/* In a help a quotation mark stays as it is. */
static void
append_escaped (GString    *out,
                const char *text,
                gboolean    is_value)
{
  for (; *text != '\0'; text++)
    {
      if (*text == '\n')
        g_string_append (out, "\\n");
      else if (*text == '\\')
        g_string_append (out, "\\\\");
      else if (*text == '"' && is_value)
        g_string_append (out, "\\\"");
      else
        g_string_append_c (out, *text);
    }
}

void
vmp_prometheus_family (GString    *out,
                       const char *name,
                       const char *type,
                       const char *help)
{
  g_string_append_printf (out, "# HELP %s ", name);
  append_escaped (out, help, FALSE);
  g_string_append_printf (out, "\n# TYPE %s %s\n", name, type);
}

static void
append_label (GString    *out,
              const char *name,
              const char *value,
              gboolean   *is_open)
{
  g_string_append_c (out, *is_open ? ',' : '{');
  *is_open = TRUE;
  g_string_append (out, name);
  g_string_append (out, "=\"");
  append_escaped (out, value != NULL ? value : "", TRUE);
  g_string_append_c (out, '"');
}

static void
append_labels (GString *out,
               va_list  labels)
{
  gboolean is_open = FALSE;
  const char *name;

  while ((name = va_arg (labels, const char *)) != NULL)
    append_label (out, name, va_arg (labels, const char *), &is_open);
  if (is_open)
    g_string_append_c (out, '}');
}

static void
append_int (GString *out,
            guint64  value)
{
  char number[NUMBER_SIZE];

  g_snprintf (number, sizeof number, " %" G_GUINT64_FORMAT "\n", value);
  g_string_append (out, number);
}

static void
append_double (GString *out,
               double   value)
{
  char number[NUMBER_SIZE];

  g_string_append_c (out, ' ');
  if (isnan (value))
    g_string_append (out, "NaN");
  else if (isinf (value))
    g_string_append (out, value > 0 ? "+Inf" : "-Inf");
  else
    g_string_append (out, g_ascii_formatd (number, sizeof number, "%.12g", value));
  g_string_append_c (out, '\n');
}

void
vmp_prometheus_int (GString    *out,
                    const char *name,
                    guint64     value,
                    ...)
{
  va_list labels;

  g_string_append (out, name);
  va_start (labels, value);
  append_labels (out, labels);
  va_end (labels);
  append_int (out, value);
}

void
vmp_prometheus_double (GString    *out,
                       const char *name,
                       double      value,
                       ...)
{
  va_list labels;

  g_string_append (out, name);
  va_start (labels, value);
  append_labels (out, labels);
  va_end (labels);
  append_double (out, value);
}

/* -- Histograms ---------------------------------------------------------------------------- */

void
vmp_histogram_add (VmpHistogram *self,
                   double        seconds)
{
  guint i = 0;

  while (i < VMP_HISTOGRAM_BOUNDS && seconds > bounds[i].seconds)
    i++;
  self->counts[i]++;
  self->n++;
  self->sum += seconds;
}

static void
append_bucket (GString    *out,
               const char *name,
               guint64     count,
               const char *bound,
               const char *label,
               const char *value)
{
  gboolean is_open = FALSE;

  g_string_append (out, name);
  g_string_append (out, "_bucket");
  if (label != NULL)
    append_label (out, label, value, &is_open);
  append_label (out, "le", bound, &is_open);
  g_string_append_c (out, '}');
  append_int (out, count);
}

static void
append_name (GString    *out,
             const char *name,
             const char *suffix,
             const char *label,
             const char *value)
{
  gboolean is_open = FALSE;

  g_string_append (out, name);
  g_string_append (out, suffix);
  if (label == NULL)
    return;

  append_label (out, label, value, &is_open);
  g_string_append_c (out, '}');
}

void
vmp_prometheus_histogram (GString            *out,
                          const char         *name,
                          const VmpHistogram *histogram,
                          const char         *label,
                          const char         *value)
{
  guint64 count = 0;
  guint i;

  for (i = 0; i < VMP_HISTOGRAM_BOUNDS; i++)
    {
      count += histogram->counts[i];
      append_bucket (out, name, count, bounds[i].text, label, value);
    }
  append_bucket (out, name, histogram->n, "+Inf", label, value);

  append_name (out, name, "_sum", label, value);
  append_double (out, histogram->sum);
  append_name (out, name, "_count", label, value);
  append_int (out, histogram->n);
}
