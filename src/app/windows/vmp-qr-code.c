/* SPDX-License-Identifier: MIT
 *
 * See vmp-qr-code.h. libqrencode makes the modules; each row is drawn in runs, on whole pixels, so that no edges blur.
 */

#include "app/windows/vmp-qr-code.h"

#include <qrencode.h>

/* Modules that have to stay light around it (ISO/IEC 18004). */
#define QUIET_ZONE 4

/* Pixels: of a side, and of a module of a code that has many. */
#define USUAL 240
#define SMALLEST_MODULE 4

struct _VmpQrCode {
  GtkWidget parent_instance;

  QRcode *code;    /* NULL: nothing is shown */
};

G_DEFINE_FINAL_TYPE (VmpQrCode, vmp_qr_code, GTK_TYPE_WIDGET)

static void
fill (GtkSnapshot   *snapshot,
      const GdkRGBA *colour,
      float          x,
      float          y,
      float          width,
      float          height)
{
  graphene_rect_t rect = GRAPHENE_RECT_INIT (x, y, width, height);

  gtk_snapshot_append_color (snapshot, colour, &rect);
}

static void
draw_row (VmpQrCode     *self,
          GtkSnapshot   *snapshot,
          const GdkRGBA *dark,
          int            y,
          float          left,
          float          top,
          float          module)
{
  int width = self->code->width;

  for (int x = 0; x < width; x++)
    {
      int begin = x;

      while (x < width && vmp_qr_code_is_dark (self, x, y))
        x++;
      if (x > begin)
        fill (snapshot, dark, left + begin * module, top + y * module, (x - begin) * module, module);
    }
}

static void
vmp_qr_code_snapshot (GtkWidget   *widget,
                      GtkSnapshot *snapshot)
{
  static const GdkRGBA light = { 1, 1, 1, 1 };
  static const GdkRGBA dark = { 0, 0, 0, 1 };
  VmpQrCode *self = VMP_QR_CODE (widget);
  int side = MIN (gtk_widget_get_width (widget), gtk_widget_get_height (widget));
  int modules;
  int module;
  float left;
  float top;

  if (self->code == NULL)
    return;

  modules = self->code->width + 2 * QUIET_ZONE;
  module = MAX (side / modules, 1);
  left = (gtk_widget_get_width (widget) - module * modules) / 2;
  top = (gtk_widget_get_height (widget) - module * modules) / 2;
  fill (snapshot, &light, left, top, module * modules, module * modules);
  for (int y = 0; y < self->code->width; y++)
    draw_row (self, snapshot, &dark, y, left + QUIET_ZONE * module, top + QUIET_ZONE * module, module);
}

static GtkSizeRequestMode
vmp_qr_code_get_request_mode (GtkWidget *widget)
{
  return GTK_SIZE_REQUEST_CONSTANT_SIZE;
}

static void
vmp_qr_code_measure (GtkWidget     *widget,
                     GtkOrientation orientation,
                     int            for_size,
                     int           *minimum,
                     int           *natural,
                     int           *minimum_baseline,
                     int           *natural_baseline)
{
  VmpQrCode *self = VMP_QR_CODE (widget);
  int modules = self->code != NULL ? self->code->width + 2 * QUIET_ZONE : 0;

  /* Cameras have to tell the modules apart. */
  *minimum = modules > 0 ? modules * MAX (USUAL / modules, SMALLEST_MODULE) : 0;
  *natural = *minimum;
  *minimum_baseline = -1;
  *natural_baseline = -1;
}

static void
vmp_qr_code_finalize (GObject *object)
{
  VmpQrCode *self = VMP_QR_CODE (object);

  g_clear_pointer (&self->code, QRcode_free);

  G_OBJECT_CLASS (vmp_qr_code_parent_class)->finalize (object);
}

static void
vmp_qr_code_class_init (VmpQrCodeClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (class);

  G_OBJECT_CLASS (class)->finalize = vmp_qr_code_finalize;
  widget_class->snapshot = vmp_qr_code_snapshot;
  widget_class->measure = vmp_qr_code_measure;
  widget_class->get_request_mode = vmp_qr_code_get_request_mode;
  gtk_widget_class_set_accessible_role (widget_class, GTK_ACCESSIBLE_ROLE_IMG);
}

static void
vmp_qr_code_init (VmpQrCode *self)
{
}

GtkWidget *
vmp_qr_code_new (void)
{
  return g_object_new (VMP_TYPE_QR_CODE, NULL);
}

gboolean
vmp_qr_code_set_text (VmpQrCode  *self,
                      const char *text)
{
  g_return_val_if_fail (VMP_IS_QR_CODE (self), FALSE);

  g_clear_pointer (&self->code, QRcode_free);
  if (text != NULL && *text != '\0')
    self->code = QRcode_encodeString8bit (text, 0, QR_ECLEVEL_M);
  gtk_widget_queue_resize (GTK_WIDGET (self));

  return text == NULL || self->code != NULL;
}

int
vmp_qr_code_get_width (VmpQrCode *self)
{
  g_return_val_if_fail (VMP_IS_QR_CODE (self), 0);

  return self->code != NULL ? self->code->width : 0;
}

gboolean
vmp_qr_code_is_dark (VmpQrCode *self,
                     int        x,
                     int        y)
{
  int width = vmp_qr_code_get_width (self);

  g_return_val_if_fail (x >= 0 && y >= 0 && x < width && y < width, FALSE);

  /* The lowest bit is the colour. */
  return (self->code->data[y * width + x] & 1) != 0;
}
