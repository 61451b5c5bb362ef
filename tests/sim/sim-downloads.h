/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: downloads of /api/v1. Nothing is downloaded: after
 * download_ms the model is in the table.
 */

#pragma once

#include "sim.h"

G_BEGIN_DECLS

SimDownloads *sim_downloads_new (Sim *sim);

void sim_downloads_free (SimDownloads *self);

void sim_downloads_reset (SimDownloads *self);

G_END_DECLS
