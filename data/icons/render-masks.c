/* SPDX-License-Identifier: MIT
 *
 * render-masks OUTPUT.c STATE=SVG…: writes vmp_tray_masks[] of src/platform/vmp-tray-private.h: how much of each pixel
 * the tray's icons cover, in the sizes of trays. Runs while the program is built, on the machine that builds.
 */

#include <librsvg/rsvg.h>
#include <stdio.h>
#include <stdlib.h>

static const int sizes[] = { 16, 20, 22, 24, 32, 48 };

static void
fail (const char   *what,
      const GError *error)
{
  fprintf (stderr, "render-masks: %s: %s\n", what, error != NULL ? error->message : "failed");
  exit (1);
}

static void
print_mask (FILE       *out,
            RsvgHandle *svg,
            const char *state,
            int         size)
{
  cairo_surface_t *surface = cairo_image_surface_create (CAIRO_FORMAT_A8, size, size);
  cairo_t *cairo = cairo_create (surface);
  RsvgRectangle viewport = { 0, 0, size, size };
  g_autoptr (GError) error = NULL;
  const unsigned char *rows;
  int stride;

  if (!rsvg_handle_render_document (svg, cairo, &viewport, &error))
    fail (state, error);
  cairo_destroy (cairo);
  cairo_surface_flush (surface);

  rows = cairo_image_surface_get_data (surface);
  stride = cairo_image_surface_get_stride (surface);
  fprintf (out, "static const uint8_t %s_%d[] = {", state, size);
  for (int i = 0; i < size * size; i++)
    fprintf (out, "%s%d,", i % size == 0 ? "\n  " : " ", rows[i / size * stride + i % size]);
  fprintf (out, "\n};\n\n");

  cairo_surface_destroy (surface);
}

int
main (int   argc,
      char *argv[])
{
  FILE *out = argc > 1 ? fopen (argv[1], "w") : NULL;
  g_autoptr (GString) table = g_string_new ("const VmpTrayStateMask vmp_tray_masks[] = {\n");

  if (out == NULL)
    fail ("output", NULL);
  fputs ("#include \"platform/vmp-tray-private.h\"\n\n", out);

  for (int i = 2; i < argc; i++)
    {
      g_auto (GStrv) words = g_strsplit (argv[i], "=", 2);
      g_autoptr (GError) error = NULL;
      RsvgHandle *svg;
      g_autofree char *constant = NULL;

      if (g_strv_length (words) != 2)
        fail (argv[i], NULL);
      svg = rsvg_handle_new_from_file (words[1], &error);
      if (svg == NULL)
        fail (words[1], error);

      constant = g_ascii_strup (words[0], -1);
      for (gsize j = 0; j < G_N_ELEMENTS (sizes); j++)
        {
          print_mask (out, svg, words[0], sizes[j]);
          g_string_append_printf (table, "  { VMP_TRAY_%s, { %d, %s_%d } },\n",
                                  constant, sizes[j], words[0], sizes[j]);
        }
      g_object_unref (svg);
    }

  g_string_append (table, "  { VMP_TRAY_N_STATES, { 0, NULL } },\n};\n");
  fputs (table->str, out);

  return fclose (out) == 0 ? 0 : 1;
}
