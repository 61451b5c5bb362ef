/* SPDX-License-Identifier: MIT
 *
 * Behaviour of VmpPoll. Built once for each way of watching sockets.
 */

#include "core/vmp-poll.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct {
  VmpPoll *poll;
  VmpWatch watches[2];
  int pairs[2][2];
  VmpTimer timers[3];
  VmpDeferred deferred[2];
  GString *said;
} Fixture;

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  int i;

  self->poll = vmp_poll_new (NULL);
  g_assert_nonnull (self->poll);
  self->said = g_string_new (NULL);
  for (i = 0; i < 2; i++)
    g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, self->pairs[i]), ==, 0);
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  int i;

  for (i = 0; i < 2; i++)
    {
      vmp_poll_unwatch (self->poll, &self->watches[i]);
      close (self->pairs[i][0]);
      if (self->pairs[i][1] >= 0)
        close (self->pairs[i][1]);
    }
  vmp_poll_free (self->poll);
  g_string_free (self->said, TRUE);
}

static void
run_until_said (Fixture    *self,
                const char *text)
{
  while (strstr (self->said->str, text) == NULL)
    g_main_context_iteration (NULL, TRUE);
}

static void
read_one_cb (VmpPollEvents events,
             gpointer      user_data)
{
  Fixture *self = user_data;
  char c;

  if (events & VMP_POLL_IN)
    {
      ssize_t n = read (self->pairs[0][0], &c, 1);

      if (n == 1)
        g_string_append_printf (self->said, "in:%c ", c);
      else
        g_string_append (self->said, "end ");
      if (n <= 0)
        vmp_poll_unwatch (self->poll, &self->watches[0]);
    }
  if (events & VMP_POLL_OUT)
    {
      g_string_append (self->said, "out ");
      vmp_poll_change (self->poll, &self->watches[0], VMP_POLL_IN);
    }
}

static void
test_in_out_and_end (Fixture      *self,
                     gconstpointer data)
{
  vmp_poll_watch (self->poll, &self->watches[0], self->pairs[0][0], VMP_POLL_IN | VMP_POLL_OUT, read_one_cb, self);
  g_assert_true (vmp_poll_is_watching (&self->watches[0]));
  run_until_said (self, "out ");

  g_assert_cmpint (write (self->pairs[0][1], "ab", 2), ==, 2);
  run_until_said (self, "in:a in:b");

  close (self->pairs[0][1]);
  self->pairs[0][1] = -1;
  run_until_said (self, "end");
  g_assert_false (vmp_poll_is_watching (&self->watches[0]));
}

static void
unwatch_both_cb (VmpPollEvents events,
                 gpointer      user_data)
{
  Fixture *self = user_data;

  g_string_append (self->said, "once ");
  vmp_poll_unwatch (self->poll, &self->watches[0]);
  vmp_poll_unwatch (self->poll, &self->watches[1]);
}

static void
say_done_cb (gpointer user_data)
{
  Fixture *self = user_data;

  g_string_append (self->said, "done ");
}

/* Both are ready in one batch; the first to be called takes the other out. */
static void
test_unwatch_in_batch (Fixture      *self,
                       gconstpointer data)
{
  int i;

  for (i = 0; i < 2; i++)
    {
      g_assert_cmpint (write (self->pairs[i][1], "x", 1), ==, 1);
      vmp_poll_watch (self->poll, &self->watches[i], self->pairs[i][0], VMP_POLL_IN, unwatch_both_cb, self);
    }
  run_until_said (self, "once");
  vmp_poll_set_timer (self->poll, &self->timers[0], g_get_monotonic_time () + 1000, say_done_cb, self);
  run_until_said (self, "done");
  g_assert_cmpstr (self->said->str, ==, "once done ");
}

static void
say_first_cb (gpointer user_data)
{
  g_string_append (((Fixture *) user_data)->said, "first ");
}

static void
say_second_cb (gpointer user_data)
{
  g_string_append (((Fixture *) user_data)->said, "second ");
}

static void
test_timers (Fixture      *self,
             gconstpointer data)
{
  gint64 now = g_get_monotonic_time ();

  vmp_poll_set_timer (self->poll, &self->timers[0], now + 20000, say_second_cb, self);
  vmp_poll_set_timer (self->poll, &self->timers[1], now + 5000, say_first_cb, self);
  vmp_poll_set_timer (self->poll, &self->timers[2], now + 1000, say_done_cb, self);
  vmp_poll_clear_timer (self->poll, &self->timers[2]);
  run_until_said (self, "second");
  g_assert_cmpstr (self->said->str, ==, "first second ");
  g_assert_cmpint (g_get_monotonic_time (), >=, now + 20000);

  /* Set anew it moves and does not fire twice. */
  g_string_truncate (self->said, 0);
  vmp_poll_set_timer (self->poll, &self->timers[0], now + G_TIME_SPAN_HOUR, say_second_cb, self);
  vmp_poll_set_timer (self->poll, &self->timers[0], now, say_done_cb, self);
  run_until_said (self, "done");
  g_assert_cmpint (self->timers[0].due, ==, 0);
}

static void
defer_again_cb (gpointer user_data)
{
  Fixture *self = user_data;

  g_string_append (self->said, "first ");
  vmp_poll_defer (self->poll, &self->deferred[1], say_second_cb, self);
  vmp_poll_defer (self->poll, &self->deferred[1], say_second_cb, self);
}

static void
test_deferred (Fixture      *self,
               gconstpointer data)
{
  vmp_poll_defer (self->poll, &self->deferred[0], defer_again_cb, self);
  run_until_said (self, "second");
  g_assert_cmpstr (self->said->str, ==, "first second ");

  /* Cancelled: first, last, and the only one. */
  g_string_truncate (self->said, 0);
  vmp_poll_defer (self->poll, &self->deferred[0], say_first_cb, self);
  vmp_poll_defer (self->poll, &self->deferred[1], say_second_cb, self);
  vmp_poll_cancel_deferred (self->poll, &self->deferred[1]);
  vmp_poll_defer (self->poll, &self->deferred[1], say_second_cb, self);
  vmp_poll_cancel_deferred (self->poll, &self->deferred[0]);
  run_until_said (self, "second");
  g_assert_cmpstr (self->said->str, ==, "second ");
}

static void
defer_from_socket_cb (VmpPollEvents events,
                      gpointer      user_data)
{
  Fixture *self = user_data;

  vmp_poll_unwatch (self->poll, &self->watches[0]);
  vmp_poll_defer (self->poll, &self->deferred[0], say_first_cb, self);
  g_string_append (self->said, "socket ");
}

/* What events produce is sent in the same turn, not in the next one. */
static void
test_deferred_in_same_turn (Fixture      *self,
                            gconstpointer data)
{
  g_assert_cmpint (write (self->pairs[0][1], "x", 1), ==, 1);
  vmp_poll_watch (self->poll, &self->watches[0], self->pairs[0][0], VMP_POLL_IN, defer_from_socket_cb, self);
  g_main_context_iteration (NULL, TRUE);
  g_assert_cmpstr (self->said->str, ==, "socket first ");
}

#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("/core/poll/in-out-and-end", test_in_out_and_end);
  ADD ("/core/poll/unwatch-in-batch", test_unwatch_in_batch);
  ADD ("/core/poll/timers", test_timers);
  ADD ("/core/poll/deferred", test_deferred);
  ADD ("/core/poll/deferred-in-same-turn", test_deferred_in_same_turn);

  return g_test_run ();
}
