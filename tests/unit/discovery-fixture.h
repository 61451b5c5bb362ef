/* SPDX-License-Identifier: MIT
 *
 * Discovery with a real registry, real probes and real connections on loopback addresses, while DNS-SD and this
 * computer's interfaces are played: both are defined in here and stand before the library's.
 */

#pragma once

#include "fake-node.h"

#include "nodes/vmp-discovery-private.h"

#define INSTANCE "own-instance"
#define LIST "GET /api/v1/models"
#define V1_LIST \
  "{\"models\":[{\"type\":\"llm\",\"key\":\"gemma\",\"loaded_instances\":[],\"max_context_length\":8192}]}"

typedef struct {
  char *dir;
  VmpPoll *poll;
  VmpStore *store;
  VmpRegistry *registry;
  VmpUpstream *upstream;
  VmpHealth *health;
  VmpDiscovery *discovery;
  FakeNode *server;        /* on 127.0.0.1, with a list */
  guint16 closed_port;     /* nobody listens there */
  guint n_told;            /* of jobs, and what was last said of one */
  guint last_done;
  VmpJobState last_state;
} Fixture;

void set_up (Fixture      *self,
             gconstpointer data);
void tear_down (Fixture      *self,
                gconstpointer data);
#define ADD(path, func) g_test_add ("/discovery/" path, Fixture, NULL, set_up, func, tear_down)

/* Ends discovery and what it uses, ahead of the end. */
void stop (Fixture *self);

/* -- Waiting ------------------------------------------------------------------------------- */

guint begin_deadline (const char *what);

/* Runs the main loop; a test that waits for too long ends. */
#define wait_until(condition) \
  G_STMT_START { \
    guint deadline_id = begin_deadline (#condition); \
    while (!(condition)) \
      g_main_context_iteration (NULL, TRUE); \
    g_source_remove (deadline_id); \
  } G_STMT_END

/* Lets everything happen that can. */
void settle (void);

/* -- Servers and nodes --------------------------------------------------------------------- */

guint16 find_closed_port (void);

/* With a list. @port: 0: any */
FakeNode *add_server (const char *address,
                      guint16     port);

VmpNode *find_url (Fixture    *self,
                   const char *address,
                   guint16     port);
/* As its owner. */
VmpNode *add_node (Fixture    *self,
                   const char *address,
                   guint16     port);
guint count_nodes (Fixture *self);

/* -- Searches ------------------------------------------------------------------------------ */

VmpDiscoveryJob *begin (Fixture                  *self,
                        const VmpDiscoverRequest *request);
/* To its end. */
VmpDiscoveryJob *search (Fixture                  *self,
                         const VmpDiscoverRequest *request);
VmpDiscoveryJob *search_local (Fixture       *self,
                               const guint16 *ports,
                               guint          n_ports);

/* -- What is played ------------------------------------------------------------------------ */

/* A service as any other: a test changes what it is about. */
VmpDnssdService make_service (const char *address,
                              guint16     port);
void play_found (const VmpDnssdService *service);
void play_lost (const VmpDnssdService *service);

/* The types that are watched, and what is announced, each in one text; NULL: nothing. */
const char *get_watched (void);
const char *get_announced (void);

typedef struct {
  const char *name;
  const char *address;
  guint prefix_len;
  gboolean is_loopback;
  gboolean has_link;
} Interface;

#define LOOPBACK { "lo", "127.0.0.1", 8, TRUE, TRUE }, { "lo", "::1", 128, TRUE, TRUE }

/* Ends with one without a name; static. Without this, there are only those of LOOPBACK. */
void play_interfaces (const Interface *list);
