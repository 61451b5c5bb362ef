/* SPDX-License-Identifier: MIT
 *
 * The program `vampire-windows`: languages, and a standard output that only the resident's lines go to.
 */

#include <fcntl.h>
#include <glib/gi18n.h>
#include <locale.h>
#include <unistd.h>

#include "app/vmp-resident.h"
#include "app/windows/vmp-app.h"
#include "vmp-config.h"

int
main (int    argc,
      char **argv)
{
  g_autoptr (VmpApp) app = NULL;
  int orders = fcntl (STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
  int replies = fcntl (STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);

  setlocale (LC_ALL, "");
  bindtextdomain (GETTEXT_PACKAGE, VMP_LOCALEDIR);
  bind_textdomain_codeset (GETTEXT_PACKAGE, "UTF-8");
  textdomain (GETTEXT_PACKAGE);

  /* What libraries print must not get between the lines. */
  dup2 (STDERR_FILENO, STDOUT_FILENO);

  g_set_prgname (VMP_APP_ID);
  g_set_application_name (_("Vampire"));
  app = vmp_app_new (orders, replies);

  return g_application_run (G_APPLICATION (app), argc, argv);
}
