/* SPDX-License-Identifier: MIT
 *
 * The program `vampire`: nothing but the way into vmp-cli.c.
 */

#include "cli/vmp-cli.h"

int
main (int    argc,
      char **argv)
{
  return vmp_cli_main (argc, argv);
}
