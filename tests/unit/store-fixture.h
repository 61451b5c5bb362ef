/* SPDX-License-Identifier: MIT
 *
 * A store in a folder of its own, with short words for what its tests do over and over, and a record of what was
 * logged.
 */

#pragma once

#include "store/vmp-store.h"

typedef struct {
  char *dir;
  VmpStore *store;
} StoreFixture;

void store_fixture_set_up (StoreFixture *self,
                           gconstpointer data);
/* Asserts that nothing was logged which was not asked for. */
void store_fixture_tear_down (StoreFixture *self,
                              gconstpointer data);

/* Logged lines go into a record; critical ones still end the test. Once, after g_test_init(). */
void store_fixture_record_log (void);

#define store_fixture_add(path, test) \
  g_test_add (path, StoreFixture, NULL, store_fixture_set_up, test, store_fixture_tear_down)

/* Opens one, and asserts that it can be. */
VmpStore *store_fixture_open (const char *dir);
void store_fixture_reopen (StoreFixture *self);
/* Asserts that it cannot be opened, with a sentence. */
void store_fixture_assert_refused (const char *dir,
                                   int         code);

/* Of a file in its folder. (transfer full) */
char *store_fixture_dup_path (StoreFixture *self,
                              const char   *name);

/* That exactly one thing was logged since the last time, of that form. */
void store_fixture_assert_said (const char *pattern);

/* Puts a node; NULL removes it. */
void store_fixture_put (StoreFixture *self,
                        const char   *id,
                        const char   *document);
/* Waits until everything is written, or could not be. (transfer full) */
GError *store_fixture_flush (StoreFixture *self);
/* "a=1 b=2 " */
void store_fixture_assert_contents (StoreFixture      *self,
                                    VmpStoreCollection collection,
                                    const char        *expected);
guint store_fixture_count_nodes (StoreFixture *self);

/* What VmpStoreDone told. */
typedef struct {
  guint n_calls;
  GError *error; /* of the last call */
} StoreDone;

void store_done_call (gpointer      user_data,
                      const GError *error);
void store_done_wait (StoreDone *self,
                      guint      n_calls);
