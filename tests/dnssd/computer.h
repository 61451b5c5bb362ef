/* SPDX-License-Identifier: MIT
 *
 * A computer for tests: a network namespace with an address, a system bus and an avahi-daemon that can be started,
 * stopped and killed. The first one is the namespace of the test itself.
 */

#pragma once

#include <gio/gio.h>

typedef struct {
  const char *name;    /* its host name on the LAN */
  const char *address;
  char *folder;
  char *bus_address;
  GPid holder;         /* keeps the namespace; 0: it is the test's own */
  GPid bus;            /* 0: not running */
  GPid avahi;
} Computer;

/* Two that are joined by a cable, with nothing running. */
void computers_set_up (Computer *first,
                       Computer *second);
void computers_tear_down (Computer *first,
                          Computer *second);

void computer_start_bus (Computer *self);
/* Returns when it has its name on the bus. */
void computer_start_avahi (Computer *self);
/* With SIGKILL. */
void computer_kill_bus (Computer *self);
void computer_kill_avahi (Computer *self);

/* Runs a command of the shell there. */
void computer_run (const Computer *self,
                   const char     *command);

/* From now on the system bus of this program is that computer's. */
void computer_use (const Computer *self);
