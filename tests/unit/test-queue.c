/* SPDX-License-Identifier: MIT
 *
 * The queue: whose turn it is, who is told that it waits in vain, and what a call that goes may do to the others.
 */

#include "relay/vmp-queue.h"

#include "core/vmp-limits.h"

#include <string.h>

typedef struct {
  VmpQueueEntry entry;
  const char *name;
  const char *client;
  guint number;
  guint n_tries;
} Call;

typedef struct {
  VmpQueue *queue;
  GString *tried;   /* names, a space after each */
  guint n_free;     /* how many more may go */
  guint n_tries;
  const char *stuck; /* client that cannot go */
} Fixture;

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  self->queue = vmp_queue_new ();
  self->tried = g_string_new (NULL);
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  g_assert_cmpuint (vmp_queue_count_all (self->queue), ==, 0);
  g_assert_cmpint (vmp_queue_get_next_due (self->queue), ==, 0);
  vmp_queue_free (self->queue);
  g_string_free (self->tried, TRUE);
}

static gboolean
add (Fixture    *self,
     Call       *call,
     const char *model,
     const char *client,
     const char *name,
     gint64      deadline)
{
  call->name = name;
  call->client = client;

  return vmp_queue_add (self->queue, &call->entry, call, model, client, 1000, deadline);
}

static gboolean
go_if_free (gpointer data,
            gpointer user_data)
{
  Call *call = data;
  Fixture *self = user_data;

  self->n_tries++;
  call->n_tries++;
  if (self->n_free == 0 || (self->stuck != NULL && g_str_equal (self->stuck, call->client)))
    return FALSE;

  self->n_free--;
  g_string_append_printf (self->tried, "%s ", call->name);
  vmp_queue_remove (self->queue, &call->entry);

  return TRUE;
}

/* What goes when so many may. */
static void
assert_pumped (Fixture    *self,
               guint       n_free,
               const char *expected)
{
  g_string_truncate (self->tried, 0);
  self->n_free = n_free;
  self->n_tries = 0;
  vmp_queue_pump (self->queue, go_if_free, self);
  g_assert_cmpstr (self->tried->str, ==, expected);
}

/* A func that only says that it went. */
static gboolean
just_go (gpointer data,
         gpointer user_data)
{
  g_string_append_printf (user_data, "%s ", ((Call *) data)->name);

  return TRUE;
}

/* -- Order --------------------------------------------------------------------------------- */

static void
test_by_age (Fixture      *self,
             gconstpointer data)
{
  Call calls[3] = { 0 };

  add (self, &calls[0], "m", "a", "1", 0);
  add (self, &calls[1], "m", "a", "2", 0);
  add (self, &calls[2], "m", "a", "3", 0);
  assert_pumped (self, 2, "1 2 ");
  assert_pumped (self, 2, "3 ");
}

static void
test_clients_take_turns (Fixture      *self,
                         gconstpointer data)
{
  Call calls[7] = { 0 };

  add (self, &calls[0], "m", "a", "a1", 0);
  add (self, &calls[1], "m", "a", "a2", 0);
  add (self, &calls[2], "m", "a", "a3", 0);
  add (self, &calls[3], "m", "a", "a4", 0);
  add (self, &calls[4], "m", "b", "b1", 0);
  add (self, &calls[5], "m", "b", "b2", 0);
  add (self, &calls[6], "m", "c", "c1", 0);
  assert_pumped (self, 1, "a1 ");
  assert_pumped (self, 1, "b1 ");
  assert_pumped (self, 9, "c1 a2 b2 a3 a4 ");
}

/* A client with a hundred calls does not delay one with a single call. */
static void
test_one_among_a_hundred (Fixture      *self,
                          gconstpointer data)
{
  Call many[100] = { 0 };
  Call one = { 0 };

  for (guint i = 0; i < G_N_ELEMENTS (many); i++)
    add (self, &many[i], "m", "a", "a", 0);
  assert_pumped (self, 1, "a ");
  add (self, &one, "m", "b", "b", 0);
  assert_pumped (self, 2, "a b ");
  self->n_free = G_MAXUINT;
  vmp_queue_pump (self->queue, go_if_free, self);
}

/* One that gives up does not cost its client the turn, nor does it give it one. */
static void
test_removal_keeps_the_turn (Fixture      *self,
                             gconstpointer data)
{
  Call calls[4] = { 0 };

  add (self, &calls[0], "m", "a", "a1", 0);
  add (self, &calls[1], "m", "a", "a2", 0);
  add (self, &calls[2], "m", "b", "b1", 0);
  add (self, &calls[3], "m", "b", "b2", 0);
  vmp_queue_remove (self->queue, &calls[0].entry);
  vmp_queue_remove (self->queue, &calls[0].entry);
  assert_pumped (self, 9, "a2 b1 b2 ");
}

static void
test_models_by_age (Fixture      *self,
                    gconstpointer data)
{
  Call calls[5] = { 0 };

  add (self, &calls[0], "m", "a", "m1", 0);
  add (self, &calls[1], "n", "a", "n1", 0);
  add (self, &calls[2], "m", "a", "m2", 0);
  add (self, &calls[3], "o", "a", "o1", 0);
  add (self, &calls[4], "n", "a", "n2", 0);
  assert_pumped (self, 9, "m1 m2 n1 n2 o1 ");

  /* A model's age is that of its oldest call that still waits. */
  memset (calls, 0, sizeof calls);
  add (self, &calls[0], "m", "a", "m1", 0);
  add (self, &calls[1], "n", "a", "n1", 0);
  add (self, &calls[2], "m", "b", "m2", 0);
  vmp_queue_remove (self->queue, &calls[0].entry);
  assert_pumped (self, 9, "n1 m2 ");
}

/* -- Who cannot go ------------------------------------------------------------------------- */

static void
test_tries (Fixture      *self,
            gconstpointer data)
{
  Call calls[3 * VMP_LIMIT_QUEUE_TRIES] = { 0 };
  Call other = { 0 };

  for (guint i = 0; i < G_N_ELEMENTS (calls); i++)
    add (self, &calls[i], "m", i % 2 == 0 ? "a" : "b", "x", 0);
  add (self, &other, "n", "a", "y", 0);
  assert_pumped (self, 0, "");
  g_assert_cmpuint (self->n_tries, ==, 2 * VMP_LIMIT_QUEUE_TRIES + 1);
  g_assert_cmpuint (other.n_tries, ==, 1);

  /* Each at most once, the oldest of both clients first. */
  for (guint i = 0; i < G_N_ELEMENTS (calls); i++)
    g_assert_cmpuint (calls[i].n_tries, ==, i < 2 * VMP_LIMIT_QUEUE_TRIES);

  /* The next time these again, and the others of the rest. */
  assert_pumped (self, 0, "");
  for (guint i = 0; i < G_N_ELEMENTS (calls); i++)
    g_assert_cmpuint (calls[i].n_tries, ==, i < VMP_LIMIT_QUEUE_TRIES ? 2 : 1);

  self->n_free = G_MAXUINT;
  vmp_queue_pump (self->queue, go_if_free, self);
}

static gboolean
go_unless_stuck (gpointer data,
                 gpointer user_data)
{
  return !g_str_equal (((Call *) data)->name, "stuck") && just_go (data, user_data);
}

/* A client's calls that wait for something rare do not keep its others from what is free. */
static void
test_stuck_calls (Fixture      *self,
                  gconstpointer data)
{
  Call calls[4 * VMP_LIMIT_QUEUE_TRIES] = { 0 };
  Call one = { 0 };

  for (guint i = 0; i < G_N_ELEMENTS (calls); i++)
    add (self, &calls[i], "m", "a", "stuck", 0);
  add (self, &one, "m", "a", "one", 0);
  for (guint i = 0; i < 4; i++)
    vmp_queue_pump (self->queue, go_unless_stuck, self->tried);
  g_assert_cmpstr (self->tried->str, ==, "one ");

  self->n_free = G_MAXUINT;
  vmp_queue_pump (self->queue, go_if_free, self);
}

/* Those who can go do not wait for those who cannot, and these keep their turn. */
static void
test_stuck_client (Fixture      *self,
                   gconstpointer data)
{
  Call calls[6] = { 0 };

  add (self, &calls[0], "m", "a", "a1", 0);
  add (self, &calls[1], "m", "b", "b1", 0);
  add (self, &calls[2], "m", "b", "b2", 0);
  add (self, &calls[3], "m", "c", "c1", 0);
  add (self, &calls[4], "m", "a", "a2", 0);
  add (self, &calls[5], "m", "c", "c2", 0);
  self->stuck = "a";
  assert_pumped (self, 3, "b1 c1 b2 ");
  self->stuck = NULL;
  assert_pumped (self, 9, "a1 c2 a2 ");
}

/* -- Limits and deadlines ------------------------------------------------------------------ */

static void
test_limit (Fixture      *self,
            gconstpointer data)
{
  g_autofree Call *calls = g_new0 (Call, VMP_LIMIT_QUEUE + 1);
  Call other = { 0 };

  for (guint i = 0; i < VMP_LIMIT_QUEUE; i++)
    g_assert_true (add (self, &calls[i], "m", "a", "x", 0));
  g_assert_false (add (self, &calls[VMP_LIMIT_QUEUE], "m", "b", "x", 5));
  g_assert_null (calls[VMP_LIMIT_QUEUE].entry.model);
  vmp_queue_remove (self->queue, &calls[VMP_LIMIT_QUEUE].entry);
  g_assert_true (add (self, &other, "n", "b", "x", 0));
  g_assert_cmpuint (vmp_queue_count (self->queue, "m"), ==, VMP_LIMIT_QUEUE);
  g_assert_cmpuint (vmp_queue_count_all (self->queue), ==, VMP_LIMIT_QUEUE + 1);

  vmp_queue_set_limit (self->queue, VMP_LIMIT_QUEUE + 1);
  g_assert_true (add (self, &calls[VMP_LIMIT_QUEUE], "m", "b", "x", 0));
  vmp_queue_set_limit (self->queue, 0);
  vmp_queue_remove (self->queue, &other.entry);
  g_assert_false (add (self, &other, "n", "b", "x", 0));
  self->n_free = G_MAXUINT;
  vmp_queue_pump (self->queue, go_if_free, self);
}

static void
test_due (Fixture      *self,
          gconstpointer data)
{
  Call calls[5] = { 0 };

  add (self, &calls[0], "m", "a", "1", 300);
  add (self, &calls[1], "m", "a", "2", 100);
  add (self, &calls[2], "n", "b", "3", 200);
  add (self, &calls[3], "n", "b", "4", 0);
  add (self, &calls[4], "n", "c", "5", 100);
  g_assert_cmpint (vmp_queue_get_next_due (self->queue), ==, 100);
  g_assert_null (vmp_queue_pop_due (self->queue, 99));
  g_assert_true (vmp_queue_pop_due (self->queue, 100) == &calls[1]);
  g_assert_null (calls[1].entry.model);
  g_assert_true (vmp_queue_pop_due (self->queue, 250) == &calls[4]);
  g_assert_true (vmp_queue_pop_due (self->queue, 250) == &calls[2]);
  g_assert_null (vmp_queue_pop_due (self->queue, 250));
  g_assert_cmpint (vmp_queue_get_next_due (self->queue), ==, 300);
  vmp_queue_remove (self->queue, &calls[0].entry);
  g_assert_cmpint (vmp_queue_get_next_due (self->queue), ==, 0);
  g_assert_null (vmp_queue_pop_due (self->queue, G_MAXINT64));
  assert_pumped (self, 9, "4 ");
}

static void
note_model (const char *model,
            guint       count,
            gint64      oldest,
            gpointer    user_data)
{
  g_string_append_printf (user_data, "%s:%u:%" G_GINT64_FORMAT " ", model, count, oldest);
}

static void
test_figures (Fixture      *self,
              gconstpointer data)
{
  g_autoptr (GString) text = g_string_new (NULL);
  VmpQueueEntry entries[4] = { 0 };

  g_assert_cmpint (vmp_queue_get_oldest (self->queue, "m"), ==, 0);
  vmp_queue_add (self->queue, &entries[0], NULL, "m", "a", 10, 0);
  vmp_queue_add (self->queue, &entries[1], NULL, "m", "a", 20, 0);
  vmp_queue_add (self->queue, &entries[2], NULL, "n", "a", 30, 0);
  vmp_queue_add (self->queue, &entries[3], NULL, "m", "b", 40, 0);
  g_assert_cmpint (vmp_queue_get_oldest (self->queue, "m"), ==, 10);
  vmp_queue_for_each_model (self->queue, note_model, text);
  g_assert_cmpstr (text->str, ==, "m:3:10 n:1:30 ");

  vmp_queue_remove (self->queue, &entries[0]);
  g_assert_cmpint (vmp_queue_get_oldest (self->queue, "m"), ==, 20);
  vmp_queue_remove (self->queue, &entries[1]);
  g_assert_cmpint (vmp_queue_get_oldest (self->queue, "m"), ==, 40);
  g_string_truncate (text, 0);
  vmp_queue_for_each_model (self->queue, note_model, text);
  g_assert_cmpstr (text->str, ==, "n:1:30 m:1:40 ");
  vmp_queue_remove (self->queue, &entries[2]);
  vmp_queue_remove (self->queue, &entries[3]);
  g_assert_cmpuint (vmp_queue_count (self->queue, "m"), ==, 0);
}

/* -- Inside a pump ------------------------------------------------------------------------- */

typedef struct {
  Fixture *fixture;
  Call *calls;
  guint n_calls;
} Group;

/* The one that goes takes all others with it, among them those whose turn was next. */
static gboolean
remove_all (gpointer data,
            gpointer user_data)
{
  Group *group = user_data;

  group->fixture->n_tries++;
  for (guint i = 0; i < group->n_calls; i++)
    vmp_queue_remove (group->fixture->queue, &group->calls[i].entry);

  return g_str_equal (((Call *) data)->name, "goes");
}

static void
test_removal_inside (Fixture      *self,
                     gconstpointer data)
{
  static const char * const names[] = { "goes", "stays" };
  Call calls[12];
  Group group = { self, calls, G_N_ELEMENTS (calls) };

  for (guint n = 0; n < G_N_ELEMENTS (names); n++)
    {
      memset (calls, 0, sizeof calls);
      for (guint i = 0; i < G_N_ELEMENTS (calls); i++)
        add (self, &calls[i], i % 3 == 0 ? "m" : "n", i % 2 == 0 ? "a" : "b", names[n], 7);
      self->n_tries = 0;
      vmp_queue_pump (self->queue, remove_all, &group);
      g_assert_cmpuint (self->n_tries, ==, 1);
      g_assert_cmpuint (vmp_queue_count_all (self->queue), ==, 0);
    }
}

/* Goes, and comes back at once, as one does whose node was gone. */
static gboolean
come_back (gpointer data,
           gpointer user_data)
{
  Group *group = user_data;
  Call *call = data;

  group->fixture->n_tries++;
  vmp_queue_remove (group->fixture->queue, &call->entry);
  g_assert_true (add (group->fixture, call, "m", call->client, call->name, 0));

  return TRUE;
}

static void
test_adding_inside (Fixture      *self,
                    gconstpointer data)
{
  Call calls[3] = { 0 };
  Group group = { self, calls, G_N_ELEMENTS (calls) };

  add (self, &calls[0], "m", "a", "a1", 0);
  add (self, &calls[1], "m", "a", "a2", 0);
  add (self, &calls[2], "m", "b", "b1", 0);
  vmp_queue_pump (self->queue, come_back, &group);
  g_assert_cmpuint (self->n_tries, ==, 3);
  g_assert_cmpuint (vmp_queue_count (self->queue, "m"), ==, 3);
  assert_pumped (self, 9, "b1 a1 a2 ");
}

static void
test_going_removes (Fixture      *self,
                    gconstpointer data)
{
  Call calls[3] = { 0 };

  add (self, &calls[0], "m", "a", "a1", 4);
  add (self, &calls[1], "m", "a", "a2", 0);
  add (self, &calls[2], "m", "b", "b1", 0);
  vmp_queue_pump (self->queue, just_go, self->tried);
  g_assert_cmpstr (self->tried->str, ==, "a1 b1 a2 ");
  g_assert_null (calls[0].entry.model);
}

/* -- At random ----------------------------------------------------------------------------- */

/* Clients of very different greed; whenever one is served, no other one that waited all the time was passed over more
 * than once by it since its own last turn. */
static void
test_fairness (Fixture      *self,
               gconstpointer data)
{
  enum { N_CLIENTS = 6, N_CALLS = 20000 };
  static const char * const clients[N_CLIENTS] = { "a", "b", "c", "d", "e", "f" };
  g_autofree Call *calls = g_new0 (Call, N_CALLS);
  guint passed[N_CLIENTS][N_CLIENTS] = { 0 }; /* [w][s]: s was served while w waited, since w's turn */
  guint n_waiting[N_CLIENTS] = { 0 };
  guint served[N_CLIENTS] = { 0 };
  guint last_served[N_CLIENTS] = { 0 };
  guint n_added = 0;
  guint n_served = 0;

  vmp_queue_set_limit (self->queue, G_MAXUINT);
  while (n_served < N_CALLS)
    {
      if (n_added < N_CALLS && g_test_rand_int_range (0, 2) == 0)
        {
          /* The first client asks half of the time. */
          guint client = g_test_rand_int_range (0, 2) == 0 ? 0 : (guint) g_test_rand_int_range (0, N_CLIENTS);

          calls[n_added].number = n_added + 1;
          g_assert_true (add (self, &calls[n_added], "m", clients[client], clients[client], 0));
          if (n_waiting[client]++ == 0)
            memset (passed[client], 0, sizeof passed[client]);
          n_added++;
        }
      else if (vmp_queue_count_all (self->queue) > 0)
        {
          guint client;

          g_string_truncate (self->tried, 0);
          self->n_free = 1;
          vmp_queue_pump (self->queue, go_if_free, self);
          client = self->tried->str[0] - 'a';
          for (guint i = 0; i < N_CLIENTS; i++)
            {
              if (i == client || n_waiting[i] == 0)
                continue;
              passed[i][client]++;
              g_assert_cmpuint (passed[i][client], <=, 1);
            }
          memset (passed[client], 0, sizeof passed[client]);
          n_waiting[client]--;
          served[client]++;
          n_served++;
          last_served[client] = n_served;
        }
    }

  for (guint i = 0; i < N_CLIENTS; i++)
    {
      g_assert_cmpuint (served[i], >, 0);
      g_assert_cmpuint (last_served[i], >, 0);
    }
  for (guint i = 0; i < N_CALLS; i++)
    g_assert_cmpuint (calls[i].n_tries, >=, 1);
}

/* Everything at random, against a plain list. */
static void
test_random (Fixture      *self,
             gconstpointer data)
{
  enum { N = 300, STEPS = 60000 };
  static const char * const models[] = { "m", "n", "o" };
  static const char * const clients[] = { "a", "b", "c", "d", "e" };
  g_autofree Call *calls = g_new0 (Call, N);
  guint n_waiting[G_N_ELEMENTS (models)] = { 0 };
  guint waiting_model[N] = { 0 };
  guint total = 0;

  for (guint step = 0; step < STEPS; step++)
    {
      guint i = g_test_rand_int_range (0, N);
      guint model = g_test_rand_int_range (0, G_N_ELEMENTS (models));

      switch (g_test_rand_int_range (0, 4))
        {
        case 0:
        case 1:
          if (calls[i].entry.model != NULL)
            break;
          g_assert_cmpint (add (self, &calls[i], models[model],
                                clients[g_test_rand_int_range (0, G_N_ELEMENTS (clients))], "x",
                                g_test_rand_int_range (0, 1000)), ==, n_waiting[model] < 50);
          if (calls[i].entry.model != NULL)
            {
              waiting_model[i] = model;
              n_waiting[model]++;
              total++;
            }
          break;

        case 2:
          if (calls[i].entry.model != NULL)
            {
              n_waiting[waiting_model[i]]--;
              total--;
            }
          vmp_queue_remove (self->queue, &calls[i].entry);
          break;

        default:
          self->n_free = g_test_rand_int_range (0, 4);
          self->stuck = g_test_rand_int_range (0, 2) == 0 ? clients[0] : NULL;
          vmp_queue_pump (self->queue, go_if_free, self);
          total = 0;
          memset (n_waiting, 0, sizeof n_waiting);
          for (guint j = 0; j < N; j++)
            {
              if (calls[j].entry.model == NULL)
                continue;
              n_waiting[waiting_model[j]]++;
              total++;
            }
          break;
        }

      vmp_queue_set_limit (self->queue, 50);
      g_assert_cmpuint (vmp_queue_count_all (self->queue), ==, total);
      for (guint j = 0; j < G_N_ELEMENTS (models); j++)
        g_assert_cmpuint (vmp_queue_count (self->queue, models[j]), ==, n_waiting[j]);
    }

  while (vmp_queue_pop_due (self->queue, G_MAXINT64) != NULL)
    ;
  self->stuck = NULL;
  self->n_free = G_MAXUINT;
  vmp_queue_pump (self->queue, go_if_free, self);
}

/* -- Cost ---------------------------------------------------------------------------------- */

/* Ten thousand wait, each in a line of its own or all in one; each pump lets one go. */
static void
test_many (Fixture      *self,
           gconstpointer data)
{
  enum { N = 10000 };
  g_autofree Call *calls = g_new0 (Call, N);
  g_autofree char *names = g_new0 (char, N * 8);
  gint64 started = g_get_monotonic_time ();
  double ms;

  vmp_queue_set_limit (self->queue, N);
  for (guint round = 0; round < 2; round++)
    {
      for (guint i = 0; i < N; i++)
        {
          g_snprintf (names + i * 8, 8, "%u", round == 0 ? i : i % 2);
          g_assert_true (add (self, &calls[i], "m", names + i * 8, "x", i + 1));
        }
      for (guint i = 0; i < N; i++)
        {
          self->n_free = 1;
          self->n_tries = 0;
          vmp_queue_pump (self->queue, go_if_free, self);
          g_assert_cmpuint (self->n_tries, <=, 1 + 2 * VMP_LIMIT_QUEUE_TRIES);
        }
      g_assert_cmpuint (vmp_queue_count_all (self->queue), ==, 0);
    }
  ms = (g_get_monotonic_time () - started) / 1000.0;
  g_test_message ("20000 entries added and pumped one by one in %.1f ms", ms);
  /* A walk over all for each of them would take many times that. */
  g_assert_cmpfloat (ms, <, 5000);
}

/* Client names that come once leave nothing behind. */
static void
test_no_growth (Fixture      *self,
                gconstpointer data)
{
  enum { N = 100000 };
  Call call = { 0 };
  Call stays = { 0 };

  add (self, &stays, "m", "stays", "stays", 0);
  for (guint i = 0; i < N; i++)
    {
      g_autofree char *client = g_strdup_printf ("client-%u", i);
      g_autofree char *model = g_strdup_printf ("model-%u", i);

      g_assert_true (add (self, &call, i % 2 == 0 ? "m" : model, client, "x", 0));
      vmp_queue_remove (self->queue, &call.entry);
    }
  g_string_truncate (self->tried, 0);
  vmp_queue_for_each_model (self->queue, note_model, self->tried);
  g_assert_cmpstr (self->tried->str, ==, "m:1:1000 ");
  assert_pumped (self, 1, "stays ");
}

#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  ADD ("/queue/order/by-age", test_by_age);
  ADD ("/queue/order/clients-take-turns", test_clients_take_turns);
  ADD ("/queue/order/one-among-a-hundred", test_one_among_a_hundred);
  ADD ("/queue/order/removal-keeps-the-turn", test_removal_keeps_the_turn);
  ADD ("/queue/order/models-by-age", test_models_by_age);
  ADD ("/queue/cannot-go/tries", test_tries);
  ADD ("/queue/cannot-go/stuck-calls", test_stuck_calls);
  ADD ("/queue/cannot-go/stuck-client", test_stuck_client);
  ADD ("/queue/limit", test_limit);
  ADD ("/queue/due", test_due);
  ADD ("/queue/figures", test_figures);
  ADD ("/queue/inside-a-pump/removal", test_removal_inside);
  ADD ("/queue/inside-a-pump/adding", test_adding_inside);
  ADD ("/queue/inside-a-pump/going-removes", test_going_removes);
  ADD ("/queue/random/fairness", test_fairness);
  ADD ("/queue/random/against-a-list", test_random);
  ADD ("/queue/cost/ten-thousand", test_many);
  ADD ("/queue/cost/no-growth", test_no_growth);

  return g_test_run ();
}
