/* SPDX-License-Identifier: MIT
 *
 * A router on a registry and a list of routes of its own, with nodes that are written as a line, and calls that are
 * written as their model.
 */

#pragma once

#include "registry-fixture.h"

#include "routing/vmp-router.h"

typedef struct {
  RegistryFixture base;
  VmpRegistry *registry;
  VmpRouteList *routes;
  VmpRouter *router;
  guint n_nodes;
} RouterFixture;

void router_fixture_set_up (RouterFixture *self,
                            gconstpointer  data);
void router_fixture_tear_down (RouterFixture *self,
                               gconstpointer  data);

#define router_fixture_add(path, test) \
  g_test_add (path, RouterFixture, NULL, router_fixture_set_up, test, router_fixture_tear_down)

/* An approved LM Studio that was just seen. @models: "+qwen,ctx=8192,size=4,slots=2,tools gemma,vision embed": a loaded
 * one has a plus; sizes are thousand millions of parameters; "embed" in a name makes it one for embeddings; quant=Q8_0
 * is its quantization. NULL: it was not asked yet */
VmpNode *router_fixture_add_node (RouterFixture *self,
                                  const char    *id,
                                  const char    *models);
/* Its list is another one now. */
void router_fixture_list (RouterFixture *self,
                          VmpNode       *node,
                          const char    *models);
VmpHost *router_fixture_host (VmpNode    *node,
                              const char *model);

/* Requests that stay there. */
void router_fixture_busy (RouterFixture *self,
                          VmpHost       *host,
                          guint          n);
void router_fixture_free (RouterFixture *self,
                          VmpHost       *host,
                          guint          n);
/* Its breaker opens. */
void router_fixture_fail (RouterFixture *self,
                          VmpNode       *node);
void router_fixture_park (RouterFixture *self,
                          VmpNode       *node,
                          VmpNodeService service);

/* Routes. @targets: "studio:qwen cellar:gemma=2" with weights. @fallback: (nullable) */
void router_fixture_add_route (RouterFixture *self,
                               const char    *id,
                               const char    *virtual_model,
                               VmpStrategy    strategy,
                               const char    *targets,
                               const char    *fallback);

/* A call; what else there is of it is set in it, its body by the function below. */
VmpCall router_fixture_call (const char *model);
/* @body: stays for as long as the call; @scan: filled in */
void router_fixture_set_body (VmpCall     *call,
                              const char  *body,
                              VmpJsonScan *scan);

/* The attempts of a plan: "b:qwen a:qwen", "-" for no model; or, when there is none, the problem as
 * "!no_route_target". @expected is what they must be. */
void router_fixture_assert_call (RouterFixture *self,
                                 const VmpCall *call,
                                 const char    *expected);
/* The same for a chat, and for embeddings. */
void router_fixture_assert_chat (RouterFixture *self,
                                 const char    *model,
                                 const char    *expected);
void router_fixture_assert_embed (RouterFixture *self,
                                  const char    *model,
                                  const char    *expected);
/* Only the first attempt. */
void router_fixture_assert_first (RouterFixture *self,
                                  const char    *model,
                                  const char    *expected);
/* What a client is told when there is none. */
void router_fixture_assert_refused (RouterFixture *self,
                                    const char    *model,
                                    VmpProblem     problem,
                                    const char    *message);

/* As above. (transfer full) */
char *router_fixture_describe (const VmpRouting *routing);
