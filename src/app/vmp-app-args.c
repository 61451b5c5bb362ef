/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpAppArgs.
 */

#include "app/vmp-app-args.h"

#include <glib/gi18n.h>
#include <string.h>

#include "core/vmp-settings.h"

static const char * const pages[] = {
  "overview", "nodes", "models", "routes", "playground", "activity", "sharing", "approvals", "preferences", NULL
};

gboolean
vmp_app_args_is_page (const char *page)
{
  return g_strv_contains (pages, page);
}

static gboolean
take_page (VmpAppArgs *self,
           const char *page,
           GError    **error)
{
  if (page == NULL || !vmp_app_args_is_page (page))
    {
      g_autofree char *known = g_strjoinv (", ", (char **) pages);

      g_set_error (error, G_OPTION_ERROR, G_OPTION_ERROR_BAD_VALUE, _("--page needs one of these: %s."), known);
      return FALSE;
    }

  g_free (self->page);
  self->page = g_strdup (page);

  return TRUE;
}

gboolean
vmp_app_args_parse (VmpAppArgs         *self,
                    const char * const *argv,
                    GError            **error)
{
  guint i;

  *self = (VmpAppArgs) { .settings = g_ptr_array_new_with_free_func (g_free) };
  for (i = 1; argv[0] != NULL && argv[i] != NULL; i++)
    {
      const char *arg = argv[i];

      if (g_str_equal (arg, "--help") || g_str_equal (arg, "-h"))
        self->shows_help = TRUE;
      else if (g_str_equal (arg, "--version"))
        self->shows_version = TRUE;
      /* The second one is what D-Bus services of GLib are started with. */
      else if (g_str_equal (arg, "--background") || g_str_equal (arg, "--gapplication-service"))
        self->in_background = TRUE;
      else if (g_str_equal (arg, "--quit"))
        self->quits = TRUE;
      else if (g_str_has_prefix (arg, "--page="))
        {
          if (!take_page (self, arg + strlen ("--page="), error))
            return FALSE;
        }
      else if (g_str_equal (arg, "--page"))
        {
          if (!take_page (self, argv[i + 1], error))
            return FALSE;
          i++;
        }
      else
        g_ptr_array_add (self->settings, g_strdup (arg));
    }
  g_ptr_array_add (self->settings, NULL);

  return TRUE;
}

void
vmp_app_args_clear (VmpAppArgs *self)
{
  g_clear_pointer (&self->page, g_free);
  g_clear_pointer (&self->settings, g_ptr_array_unref);
}

char *
vmp_app_args_help (void)
{
  g_autofree char *settings = vmp_settings_help ();

  return g_strconcat (_("Usage: vampire-desktop [OPTION…] [SETTING…]\n"
                        "Starts Vampire in the tray and shows its window; when it runs already, shows its window.\n\n"
                        "  --page PAGE     show this page: overview, nodes, models, routes, playground, activity,\n"
                        "                  sharing, approvals or preferences\n"
                        "  --background    show no window, as when it starts at login\n"
                        "  --quit          let the one that runs quit\n"
                        "  --help, --version\n\n"
                        "Settings, as for \"vampire serve\":\n\n"), settings, NULL);
}
