/* SPDX-License-Identifier: MIT
 *
 * See vmp-chart.h. A ring of values, drawn as a line over a filled area in the widget's own colour, so that the style
 * says what it looks like in light, dark and high contrast. It is drawn when a value came, and at no other time.
 */

#include "app/windows/vmp-chart.h"

#include <glib/gi18n.h>
#include <math.h>

#define LINE_WIDTH 2.0
#define AREA_ALPHA 0.18
#define GRID_ALPHA 0.15

/* Past it a figure is an error, whoever made it, and its number would not fit. */
#define MAX_VALUE 1e9

struct _VmpChart {
  GtkWidget parent_instance;

  double *values;      /* a ring */
  guint capacity;
  guint first;         /* the oldest */
  guint n_values;
  char *label;
};

G_DEFINE_FINAL_TYPE (VmpChart, vmp_chart, GTK_TYPE_WIDGET)

static double
value_at (VmpChart *self,
          guint     i)
{
  return self->values[(self->first + i) % self->capacity];
}

/* 1, 2 or 5 times a power of ten, so that the scale does not jump with each value. */
static double
round_up (double value)
{
  double power;

  if (value <= 1)
    return 1;

  power = pow (10, floor (log10 (value)));
  for (guint i = 0; i < 3; i++)
    {
      static const double steps[] = { 1, 2, 5 };

      if (value <= steps[i] * power)
        return steps[i] * power;
    }
  return 10 * power;
}

static double
find_top (VmpChart *self)
{
  double top = 0;

  for (guint i = 0; i < self->n_values; i++)
    top = MAX (top, value_at (self, i));

  return round_up (top);
}

/* -- Drawing ------------------------------------------------------------------------------- */

typedef struct {
  double left;         /* of the oldest value there is room for */
  double step;
  double bottom;
  double height;
  double top;          /* the value there */
} Scale;

static double
x_of (const Scale *scale,
      guint        slot)
{
  return scale->left + slot * scale->step;
}

static double
y_of (const Scale *scale,
      double       value)
{
  return scale->bottom - value / scale->top * scale->height;
}

/* Values from @from on up to the next gap. Returns where they end. */
static guint
draw_run (VmpChart      *self,
          cairo_t       *cairo,
          const GdkRGBA *colour,
          const Scale   *scale,
          guint          from)
{
  guint offset = self->capacity - self->n_values;
  guint end = from;

  while (end < self->n_values && value_at (self, end) >= 0)
    {
      cairo_line_to (cairo, x_of (scale, offset + end), y_of (scale, value_at (self, end)));
      end++;
    }
  /* One value alone is a dot. */
  if (end == from + 1)
    cairo_rel_line_to (cairo, 0.01, 0);

  cairo_set_source_rgba (cairo, colour->red, colour->green, colour->blue, colour->alpha);
  cairo_stroke_preserve (cairo);
  cairo_line_to (cairo, x_of (scale, offset + end - 1), scale->bottom);
  cairo_line_to (cairo, x_of (scale, offset + from), scale->bottom);
  cairo_close_path (cairo);
  cairo_set_source_rgba (cairo, colour->red, colour->green, colour->blue, colour->alpha * AREA_ALPHA);
  cairo_fill (cairo);

  return end;
}

/* What the line at the top stands for, and the line itself. */
static void
draw_scale (VmpChart      *self,
            GtkSnapshot   *snapshot,
            cairo_t       *cairo,
            const GdkRGBA *colour,
            const Scale   *scale,
            double         width)
{
  g_autofree char *text = g_strdup_printf ("%.0f", scale->top);
  g_autoptr (PangoLayout) layout = gtk_widget_create_pango_layout (GTK_WIDGET (self), text);

  cairo_set_source_rgba (cairo, colour->red, colour->green, colour->blue, colour->alpha * GRID_ALPHA);
  cairo_set_line_width (cairo, 1);
  for (guint i = 0; i < 2; i++)
    {
      double y = floor (y_of (scale, i == 0 ? 0 : scale->top)) + 0.5;

      cairo_move_to (cairo, 0, y);
      cairo_line_to (cairo, width, y);
      cairo_stroke (cairo);
    }
  gtk_snapshot_render_layout (snapshot, gtk_widget_get_style_context (GTK_WIDGET (self)), 2,
                              y_of (scale, scale->top) + 2, layout);
}

static void
vmp_chart_snapshot (GtkWidget   *widget,
                    GtkSnapshot *snapshot)
{
  VmpChart *self = VMP_CHART (widget);
  double width = gtk_widget_get_width (widget);
  double height = gtk_widget_get_height (widget);
  graphene_rect_t bounds = GRAPHENE_RECT_INIT (0, 0, (float) width, (float) height);
  cairo_t *cairo;
  GdkRGBA colour;
  Scale scale;

  if (width < 8 || height < 8)
    return;

  gtk_style_context_get_color (gtk_widget_get_style_context (widget), &colour);
  scale.top = find_top (self);
  scale.left = LINE_WIDTH;
  scale.step = (width - 2 * LINE_WIDTH) / MAX (self->capacity - 1, 1);
  scale.bottom = height - LINE_WIDTH;
  scale.height = height - 2 * LINE_WIDTH;

  cairo = gtk_snapshot_append_cairo (snapshot, &bounds);
  draw_scale (self, snapshot, cairo, &colour, &scale, width);

  cairo_set_line_width (cairo, LINE_WIDTH);
  cairo_set_line_join (cairo, CAIRO_LINE_JOIN_ROUND);
  cairo_set_line_cap (cairo, CAIRO_LINE_CAP_ROUND);
  for (guint i = 0; i < self->n_values; i++)
    if (value_at (self, i) >= 0)
      i = draw_run (self, cairo, &colour, &scale, i);
  cairo_destroy (cairo);
}

static void
vmp_chart_measure (GtkWidget     *widget,
                   GtkOrientation orientation,
                   int            for_size,
                   int           *minimum,
                   int           *natural,
                   int           *minimum_baseline,
                   int           *natural_baseline)
{
  *minimum = orientation == GTK_ORIENTATION_HORIZONTAL ? 80 : 40;
  *natural = orientation == GTK_ORIENTATION_HORIZONTAL ? 240 : 80;
}

/* -- Values -------------------------------------------------------------------------------- */

/* Readers that come to the chart hear the newest value; they are not told of each, once a second. */
static void
update_accessible (VmpChart *self)
{
  double newest = self->n_values > 0 ? value_at (self, self->n_values - 1) : -1;
  g_autofree char *text = NULL;

  if (newest >= 0)
    /* Translators: a chart's name and its newest value, such as "Tokens per second: 42.0". */
    text = g_strdup_printf (_("%s: %.1f"), self->label, newest);
  else
    /* Translators: a chart's name. */
    text = g_strdup_printf (_("%s: nothing yet"), self->label);

  gtk_accessible_update_property (GTK_ACCESSIBLE (self), GTK_ACCESSIBLE_PROPERTY_LABEL, text, -1);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self), text);
}

void
vmp_chart_add (VmpChart *self,
               double    value)
{
  g_return_if_fail (VMP_IS_CHART (self));

  if (!isfinite (value) || value < 0)
    value = -1;
  value = MIN (value, MAX_VALUE);

  if (self->n_values < self->capacity)
    {
      self->values[(self->first + self->n_values) % self->capacity] = value;
      self->n_values++;
    }
  else
    {
      self->values[self->first] = value;
      self->first = (self->first + 1) % self->capacity;
    }
  update_accessible (self);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

void
vmp_chart_clear (VmpChart *self)
{
  g_return_if_fail (VMP_IS_CHART (self));

  self->first = 0;
  self->n_values = 0;
  update_accessible (self);
  gtk_widget_queue_draw (GTK_WIDGET (self));
}

/* -- The object ---------------------------------------------------------------------------- */

static void
vmp_chart_finalize (GObject *object)
{
  VmpChart *self = VMP_CHART (object);

  g_free (self->values);
  g_free (self->label);

  G_OBJECT_CLASS (vmp_chart_parent_class)->finalize (object);
}

static void
vmp_chart_class_init (VmpChartClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (class);

  G_OBJECT_CLASS (class)->finalize = vmp_chart_finalize;
  widget_class->snapshot = vmp_chart_snapshot;
  widget_class->measure = vmp_chart_measure;
  gtk_widget_class_set_css_name (widget_class, "vmp-chart");
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_IMG);
}

static void
vmp_chart_init (VmpChart *self)
{
  gtk_widget_add_css_class (GTK_WIDGET (self), "accent");
  gtk_widget_add_css_class (GTK_WIDGET (self), "caption");
  gtk_widget_set_overflow (GTK_WIDGET (self), GTK_OVERFLOW_HIDDEN);
}

GtkWidget *
vmp_chart_new (guint       capacity,
               const char *label)
{
  VmpChart *self;

  g_return_val_if_fail (capacity > 0, NULL);
  g_return_val_if_fail (label != NULL, NULL);

  self = g_object_new (VMP_TYPE_CHART, NULL);
  self->capacity = capacity;
  self->values = g_new (double, capacity);
  self->label = g_strdup (label);
  update_accessible (self);

  return GTK_WIDGET (self);
}
