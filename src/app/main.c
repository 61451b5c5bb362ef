/* SPDX-License-Identifier: MIT
 *
 * The program `vampire-desktop`: nothing but the way into vmp-resident.c.
 */

#include "app/vmp-resident.h"

int
main (int    argc,
      char **argv)
{
  return vmp_resident_run (argc, argv);
}
