/* SPDX-License-Identifier: MIT
 *
 * For tests of plans: candidates that fit, and orders written as letters ("ba": the second candidate, then the first).
 */

#pragma once

#include "routing/vmp-plan.h"

G_BEGIN_DECLS

/* Members of a candidate that nothing speaks against. */
#define FITS .approved = TRUE, .in_service = TRUE, .online = TRUE

/* One of LM Studio, loaded, with four slots. */
#define LOADED FITS, .watched = TRUE, .loaded = TRUE, .slots = 4
#define COLD FITS, .watched = TRUE, .slots = 4

/* The attempts of the plan, as letters. (transfer full) */
char *plan_fixture_order (const VmpPlanRequest *request,
                          VmpCandidate         *candidates,
                          guint                 n_candidates);

/* They come in that order whatever the seed: none of them are equal. */
void plan_fixture_assert_order (const VmpPlanRequest *request,
                                VmpCandidate         *candidates,
                                guint                 n_candidates,
                                const char           *expected);

/* Those of @equals, and nobody else, come first equally often. */
void plan_fixture_assert_turns (const VmpPlanRequest *request,
                                VmpCandidate         *candidates,
                                guint                 n_candidates,
                                const char           *equals);

/* All numbers small, so that many are the same; everything else by chance. With @order and node as its index. */
void plan_fixture_randomise (VmpCandidate *candidates,
                             guint         n_candidates);
void plan_fixture_randomise_request (VmpPlanRequest *request);

G_END_DECLS
