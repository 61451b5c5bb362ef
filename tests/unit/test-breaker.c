/* SPDX-License-Identifier: MIT
 *
 * The breaker, on a clock of the test's own.
 */

#include "nodes/vmp-breaker.h"

#include "core/vmp-limits.h"

#define MS 1000
#define START (1000 * G_USEC_PER_SEC)

static void
fail_until_open (VmpBreaker *self,
                 gint64      now)
{
  for (guint i = 1; i < VMP_LIMIT_BREAKER_FAILURES; i++)
    g_assert_false (vmp_breaker_fail (self, now));
  g_assert_true (vmp_breaker_fail (self, now));
  g_assert_cmpint (self->state, ==, VMP_BREAKER_OPEN);
}

static void
test_closed (void)
{
  VmpBreaker self = { 0 };

  for (guint i = 0; i < 100; i++)
    {
      g_assert_true (vmp_breaker_would_allow (&self, START));
      g_assert_true (vmp_breaker_take (&self, START));
    }
  g_assert_cmpint (self.state, ==, VMP_BREAKER_CLOSED);
  g_assert_false (vmp_breaker_succeed (&self));
}

static void
test_opens (void)
{
  VmpBreaker self = { 0 };

  fail_until_open (&self, START);
  g_assert_cmpuint (self.failures, ==, VMP_LIMIT_BREAKER_FAILURES);
  g_assert_cmpint (self.last_failure, ==, START);
  g_assert_cmpint (self.retry_at, ==, START + VMP_LIMIT_BREAKER_OPEN_MS * MS);

  g_assert_false (vmp_breaker_would_allow (&self, START));
  g_assert_false (vmp_breaker_take (&self, self.retry_at - 1));
  g_assert_cmpint (self.state, ==, VMP_BREAKER_OPEN);
}

static void
test_only_failures_in_a_row (void)
{
  VmpBreaker self = { 0 };

  for (guint i = 0; i < 100; i++)
    {
      g_assert_false (vmp_breaker_fail (&self, START));
      g_assert_false (vmp_breaker_fail (&self, START));
      g_assert_false (vmp_breaker_succeed (&self));
    }
  g_assert_cmpint (self.state, ==, VMP_BREAKER_CLOSED);
}

static void
test_one_tries (void)
{
  VmpBreaker self = { 0 };

  fail_until_open (&self, START);
  g_assert_true (vmp_breaker_would_allow (&self, self.retry_at));
  /* Asking takes nothing. */
  g_assert_true (vmp_breaker_would_allow (&self, self.retry_at));
  g_assert_true (vmp_breaker_take (&self, self.retry_at));
  g_assert_cmpint (self.state, ==, VMP_BREAKER_HALF_OPEN);
  g_assert_false (vmp_breaker_would_allow (&self, G_MAXINT64));
  g_assert_false (vmp_breaker_take (&self, G_MAXINT64));

  g_assert_true (vmp_breaker_succeed (&self));
  g_assert_cmpint (self.state, ==, VMP_BREAKER_CLOSED);
  g_assert_cmpuint (self.failures, ==, 0);
  g_assert_true (vmp_breaker_take (&self, START));
}

static void
test_longer_each_time (void)
{
  VmpBreaker self = { 0 };
  gint64 now = START;
  gint64 open_ms = VMP_LIMIT_BREAKER_OPEN_MS;

  fail_until_open (&self, now);
  for (guint i = 0; i < 1000; i++)
    {
      g_assert_cmpint (self.retry_at - now, ==, open_ms * MS);
      now = self.retry_at;
      g_assert_true (vmp_breaker_take (&self, now));
      g_assert_true (vmp_breaker_fail (&self, now));
      open_ms = MIN (open_ms * 2, VMP_LIMIT_BREAKER_OPEN_MAX_MS);
    }
  g_assert_cmpint (open_ms, ==, VMP_LIMIT_BREAKER_OPEN_MAX_MS);

  /* One success and it is as new. */
  g_assert_true (vmp_breaker_take (&self, self.retry_at));
  g_assert_true (vmp_breaker_succeed (&self));
  fail_until_open (&self, now);
  g_assert_cmpint (self.retry_at - now, ==, VMP_LIMIT_BREAKER_OPEN_MS * MS);
}

static void
test_stragglers (void)
{
  VmpBreaker self = { 0 };
  gint64 retry_at;

  /* Those that began before it opened and fail after it do not make it last longer. */
  fail_until_open (&self, START);
  retry_at = self.retry_at;
  for (guint i = 0; i < 100; i++)
    g_assert_false (vmp_breaker_fail (&self, START + 1));
  g_assert_cmpint (self.retry_at, ==, retry_at);
  g_assert_cmpuint (self.openings, ==, 1);

  /* And one that succeeds after all shows that it answers. */
  g_assert_true (vmp_breaker_succeed (&self));
  g_assert_true (vmp_breaker_take (&self, START));
}

static void
test_give_back (void)
{
  VmpBreaker self = { 0 };
  gint64 retry_at;

  vmp_breaker_give_back (&self);
  g_assert_cmpint (self.state, ==, VMP_BREAKER_CLOSED);

  fail_until_open (&self, START);
  retry_at = self.retry_at;
  vmp_breaker_give_back (&self);
  g_assert_false (vmp_breaker_take (&self, START));

  for (guint i = 0; i < 3; i++)
    {
      g_assert_true (vmp_breaker_take (&self, retry_at));
      vmp_breaker_give_back (&self);
    }
  g_assert_cmpint (self.retry_at, ==, retry_at);
  g_assert_cmpuint (self.openings, ==, 1);
}

static void
test_words (void)
{
  g_assert_cmpstr (vmp_breaker_state_to_string (VMP_BREAKER_CLOSED), ==, "closed");
  g_assert_cmpstr (vmp_breaker_state_to_string (VMP_BREAKER_OPEN), ==, "open");
  g_assert_cmpstr (vmp_breaker_state_to_string (VMP_BREAKER_HALF_OPEN), ==, "half_open");
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/breaker/closed/allows-all", test_closed);
  g_test_add_func ("/breaker/closed/opens-after-failures", test_opens);
  g_test_add_func ("/breaker/closed/counts-failures-in-a-row", test_only_failures_in_a_row);
  g_test_add_func ("/breaker/half-open/one-tries", test_one_tries);
  g_test_add_func ("/breaker/half-open/permission-given-back", test_give_back);
  g_test_add_func ("/breaker/open/longer-each-time", test_longer_each_time);
  g_test_add_func ("/breaker/open/stragglers", test_stragglers);
  g_test_add_func ("/breaker/words", test_words);

  return g_test_run ();
}
