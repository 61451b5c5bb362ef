/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio (a test double, not the real one): the struct that holds one
 * node together. Every part of the program gets it; sim-main.c makes and frees it.
 */

#pragma once

#include <gio/gio.h>
#include <json-glib/json-glib.h>

G_BEGIN_DECLS

#define SIM_PROGRAM "lmstudio-sim"

typedef struct _SimConfig SimConfig;
typedef struct _SimDownloads SimDownloads;
typedef struct _SimExchange SimExchange;
typedef struct _SimHistory SimHistory;
typedef struct _SimHttp SimHttp;
typedef struct _SimModels SimModels;
typedef struct _SimStats SimStats;
typedef struct _SimTimers SimTimers;

typedef struct {
  SimConfig *config;
  SimConfig *start_config;  /* as the flags left it; what a reset goes back to */
  SimTimers *timers;
  SimStats *stats;
  SimModels *models;
  SimHistory *history;
  SimDownloads *downloads;
  SimHttp *http;
  GQueue runs;              /* of SimRun: the predictions under way */
} Sim;

G_END_DECLS
