/* SPDX-License-Identifier: MIT
 *
 * The share mode: what contradicts itself is refused, what was set is there after a restart, and its end comes, on a
 * clock of the test's own where that takes long.
 */

#include "policy/vmp-share-private.h"

#include <glib/gstdio.h>
#include <string.h>

#include "core/vmp-duration.h"
#include "core/vmp-limits.h"

typedef struct {
  char *folder;
  VmpPoll *poll;
  VmpStore *store;
  VmpShare *share;
  guint changes;
} Fixture;

/* Warnings are expected here; they are counted. */
static guint warnings;

static GLogWriterOutput
write_log (GLogLevelFlags   level,
           const GLogField *fields,
           gsize            n_fields,
           gpointer         user_data)
{
  if (level & (G_LOG_LEVEL_ERROR | G_LOG_LEVEL_CRITICAL))
    return g_log_writer_default (level, fields, n_fields, user_data);
  if (level & G_LOG_LEVEL_WARNING)
    warnings++;

  return G_LOG_WRITER_HANDLED;
}

static void
changed_cb (gpointer  user_data,
            VmpShare *share)
{
  Fixture *self = user_data;

  g_assert_true (share == self->share);
  self->changes++;
}

static void
start (Fixture *self)
{
  GError *error = NULL;

  self->store = vmp_store_open (self->folder, NULL, &error);
  g_assert_no_error (error);
  self->share = vmp_share_new (self->poll, self->store, changed_cb, self);
  self->changes = 0;
}

static void
stop (Fixture *self)
{
  vmp_share_free (self->share);
  vmp_store_close (self->store);
}

static void
start_again (Fixture *self)
{
  stop (self);
  start (self);
  vmp_share_load (self->share);
}

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  warnings = 0;
  self->folder = g_dir_make_tmp ("vampire-share-XXXXXX", NULL);
  self->poll = vmp_poll_new (NULL);
  start (self);
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  g_autoptr (GDir) dir = NULL;
  const char *name;

  stop (self);
  vmp_poll_free (self->poll);
  dir = g_dir_open (self->folder, 0, NULL);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (self->folder, name, NULL);

      g_assert_cmpint (g_remove (path), ==, 0);
    }
  g_assert_cmpint (g_rmdir (self->folder), ==, 0);
  g_free (self->folder);
}

static void
set (Fixture     *self,
     VmpShareMode mode,
     gboolean     enabled,
     const char  *duration,
     const char  *model)
{
  GError *error = NULL;

  vmp_share_set (self->share, mode, enabled, duration, model, &error);
  g_assert_no_error (error);
}

static void
assert_is (Fixture    *self,
           const char *mode,
           gboolean    enabled,
           const char *duration,
           const char *model,
           gboolean    open)
{
  g_assert_cmpstr (vmp_share_mode_to_string (vmp_share_get_mode (self->share)), ==, mode);
  g_assert_cmpint (vmp_share_get_enabled (self->share), ==, enabled);
  g_assert_cmpstr (vmp_share_get_duration (self->share), ==, duration);
  g_assert_cmpstr (vmp_share_get_model (self->share), ==, model);
  g_assert_cmpint (vmp_share_is_open (self->share), ==, open);
  g_assert_cmpint (vmp_share_get_ends_at (self->share) > 0, ==, duration != NULL);
}

/* What a switch goes back to. */
static void
test_last_mode (Fixture      *self,
                gconstpointer data)
{
  g_assert_cmpint (vmp_share_get_last_mode (self->share), ==, VMP_SHARE_PERSONAL);
  set (self, VMP_SHARE_LOCAL, TRUE, NULL, NULL);
  set (self, VMP_SHARE_FAMILY, FALSE, NULL, NULL);
  g_assert_cmpint (vmp_share_get_last_mode (self->share), ==, VMP_SHARE_PERSONAL);
  set (self, VMP_SHARE_EVENT, TRUE, NULL, NULL);
  set (self, VMP_SHARE_OFF, FALSE, NULL, NULL);
  g_assert_cmpint (vmp_share_get_last_mode (self->share), ==, VMP_SHARE_EVENT);
  start_again (self);
  g_assert_cmpint (vmp_share_get_last_mode (self->share), ==, VMP_SHARE_EVENT);
}

/* -- States -------------------------------------------------------------------------------- */

static void
test_words (void)
{
  VmpShareMode mode;
  guint i;

  for (i = 0; i < VMP_N_SHARE_MODES; i++)
    {
      g_assert_true (vmp_share_mode_from_string (vmp_share_mode_to_string (i), &mode));
      g_assert_cmpint (mode, ==, i);
    }
  g_assert_false (vmp_share_mode_from_string ("on", &mode));
  g_assert_false (vmp_share_mode_from_string ("Family", &mode));
  g_assert_false (vmp_share_mode_from_string ("", &mode));
  g_assert_false (vmp_share_mode_from_string (NULL, &mode));
}

static void
test_states (Fixture      *self,
             gconstpointer data)
{
  VmpShareMode mode;

  assert_is (self, "off", FALSE, NULL, NULL, FALSE);
  set (self, VMP_SHARE_OFF, FALSE, NULL, NULL);
  assert_is (self, "off", FALSE, NULL, NULL, FALSE);
  set (self, VMP_SHARE_LOCAL, TRUE, NULL, NULL);
  assert_is (self, "local", TRUE, NULL, NULL, FALSE);
  set (self, VMP_SHARE_LOCAL, FALSE, NULL, NULL);
  assert_is (self, "local", FALSE, NULL, NULL, FALSE);

  for (mode = VMP_SHARE_PERSONAL; mode < VMP_N_SHARE_MODES; mode++)
    {
      const char *word = vmp_share_mode_to_string (mode);

      set (self, mode, TRUE, NULL, NULL);
      assert_is (self, word, TRUE, NULL, NULL, TRUE);
      set (self, mode, TRUE, "8h", "qwen/qwen3-4b");
      assert_is (self, word, TRUE, "8h", "qwen/qwen3-4b", TRUE);
      set (self, mode, FALSE, NULL, NULL);
      assert_is (self, word, FALSE, NULL, NULL, FALSE);
    }
  g_assert_cmpuint (self->changes, ==, 3 + 3 * 4);
}

static void
test_contradictions (Fixture      *self,
                     gconstpointer data)
{
  g_autofree char *longest = g_strnfill (VMP_LIMIT_MODEL_ID_CHARS, 'm');
  g_autofree char *longer = g_strnfill (VMP_LIMIT_MODEL_ID_CHARS + 1, 'm');
  const struct {
    VmpShareMode mode;
    gboolean enabled;
    const char *duration;
    const char *model;
    const char *says;
  } bad[] = {
    { VMP_SHARE_OFF, TRUE, NULL, NULL, "The mode \"off\" cannot be enabled" },
    { VMP_SHARE_OFF, FALSE, "8h", NULL, "cannot have a duration" },
    { VMP_SHARE_OFF, FALSE, NULL, "m", "cannot have a model" },
    { VMP_SHARE_LOCAL, TRUE, "8h", NULL, "The mode \"local\" shares nothing" },
    { VMP_SHARE_LOCAL, TRUE, NULL, "m", "cannot have a model" },
    { VMP_SHARE_FAMILY, FALSE, "8h", NULL, "switched off cannot have a duration" },
    { VMP_SHARE_FAMILY, FALSE, NULL, "m", "switched off cannot have a model" },
    { VMP_SHARE_FAMILY, TRUE, "soon", NULL, "The duration " VMP_DURATION_MUST_BE },
    { VMP_SHARE_FAMILY, TRUE, "", NULL, "The duration must be" },
    { VMP_SHARE_FAMILY, TRUE, "0s", NULL, "The duration must be" },
    { VMP_SHARE_FAMILY, TRUE, "400d", NULL, "The duration must be" },
    { VMP_SHARE_FAMILY, TRUE, NULL, "", "The model must be" },
    { VMP_SHARE_FAMILY, TRUE, NULL, "a\nb", "The model must be" },
    { VMP_SHARE_FAMILY, TRUE, NULL, "\xff", "The model must be" },
    { VMP_SHARE_FAMILY, TRUE, NULL, longer, "The model must be" },
  };
  guint i;

  set (self, VMP_SHARE_EVENT, TRUE, "1h", longest);
  for (i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (vmp_share_set (self->share, bad[i].mode, bad[i].enabled, bad[i].duration, bad[i].model, &error));
      g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, bad[i].says));
      g_assert_true (g_str_has_suffix (error->message, "."));
      assert_is (self, "event", TRUE, "1h", longest, TRUE);
    }
  g_assert_cmpuint (self->changes, ==, 1);
}

/* What is set may be what the share itself gave out. */
static void
test_own_strings (Fixture      *self,
                  gconstpointer data)
{
  set (self, VMP_SHARE_EVENT, TRUE, "1h", "m");
  set (self, VMP_SHARE_FAMILY, TRUE, vmp_share_get_duration (self->share), vmp_share_get_model (self->share));
  assert_is (self, "family", TRUE, "1h", "m", TRUE);
}

/* -- The end ------------------------------------------------------------------------------- */

static void
test_ends (Fixture      *self,
           gconstpointer data)
{
  gint64 before = g_get_real_time ();
  gint64 end;

  set (self, VMP_SHARE_FAMILY, TRUE, "8h", "m");
  end = vmp_share_get_ends_at (self->share);
  g_assert_cmpint (end, >=, before + 8LL * 3600 * G_USEC_PER_SEC);
  g_assert_cmpint (end, <=, g_get_real_time () + 8LL * 3600 * G_USEC_PER_SEC);

  vmp_share_tick (self->share, end - 1);
  assert_is (self, "family", TRUE, "8h", "m", TRUE);
  g_assert_cmpuint (self->changes, ==, 1);
  vmp_share_tick (self->share, end);
  assert_is (self, "family", FALSE, NULL, NULL, FALSE);
  g_assert_cmpuint (self->changes, ==, 2);
  vmp_share_tick (self->share, end + 1);
  g_assert_cmpuint (self->changes, ==, 2);

  start_again (self);
  assert_is (self, "family", FALSE, NULL, NULL, FALSE);
}

/* The one test that waits: for the timer. */
static void
test_timer (Fixture      *self,
            gconstpointer data)
{
  gint64 end;

  set (self, VMP_SHARE_FAMILY, TRUE, "1s", NULL);
  end = vmp_share_get_ends_at (self->share);
  while (self->changes < 2)
    g_main_context_iteration (NULL, TRUE);
  g_assert_cmpint (g_get_real_time (), >=, end);
  assert_is (self, "family", FALSE, NULL, NULL, FALSE);
}

static void
test_new_terms (Fixture      *self,
                gconstpointer data)
{
  gint64 end;

  set (self, VMP_SHARE_FAMILY, TRUE, "1h", NULL);
  end = vmp_share_get_ends_at (self->share);
  set (self, VMP_SHARE_FAMILY, TRUE, "2h", NULL);
  vmp_share_tick (self->share, end);
  assert_is (self, "family", TRUE, "2h", NULL, TRUE);
  set (self, VMP_SHARE_FAMILY, TRUE, NULL, NULL);
  vmp_share_tick (self->share, G_MAXINT64);
  assert_is (self, "family", TRUE, NULL, NULL, TRUE);
}

/* -- Restarts ------------------------------------------------------------------------------ */

static void
test_lasts (Fixture      *self,
            gconstpointer data)
{
  gint64 end;

  vmp_share_load (self->share);
  g_assert_cmpuint (self->changes, ==, 0);

  set (self, VMP_SHARE_BUSINESS, TRUE, "PT8H", "qwen\"\\é");
  end = vmp_share_get_ends_at (self->share);
  start_again (self);
  assert_is (self, "business", TRUE, "PT8H", "qwen\"\\é", TRUE);
  g_assert_cmpint (vmp_share_get_ends_at (self->share), ==, end);
  g_assert_cmpuint (self->changes, ==, 1);
  vmp_share_tick (self->share, end);
  assert_is (self, "business", FALSE, NULL, NULL, FALSE);

  set (self, VMP_SHARE_OFF, FALSE, NULL, NULL);
  start_again (self);
  assert_is (self, "off", FALSE, NULL, NULL, FALSE);
  g_assert_cmpuint (self->changes, ==, 0);
  g_assert_cmpuint (warnings, ==, 0);
}

static void
store_document (Fixture    *self,
                const char *document)
{
  vmp_store_put (self->store, VMP_STORE_SHARE, "share", g_strdup (document), NULL, NULL);
}

static void
test_over_meanwhile (Fixture      *self,
                     gconstpointer data)
{
  store_document (self, "{\"mode\":\"family\",\"enabled\":true,\"duration\":\"1h\",\"model\":\"m\","
                  "\"ends_at\":1700000000000000}");
  start_again (self);
  assert_is (self, "family", FALSE, NULL, NULL, FALSE);
  g_assert_cmpuint (self->changes, ==, 1);
  start_again (self);
  assert_is (self, "family", FALSE, NULL, NULL, FALSE);
}

/* Whatever was stored, in doubt nothing is shared. */
static void
test_odd_documents (Fixture      *self,
                    gconstpointer data)
{
  static const char * const documents[] = {
    "", "[]", "{", "{}",
    "{\"mode\":\"free\",\"enabled\":true,\"duration\":null,\"model\":null,\"ends_at\":0}",
    "{\"mode\":\"off\",\"enabled\":true,\"duration\":null,\"model\":null,\"ends_at\":0}",
    "{\"mode\":\"family\",\"enabled\":1,\"duration\":null,\"model\":null,\"ends_at\":0}",
    "{\"mode\":\"family\",\"enabled\":true,\"duration\":null,\"model\":null}",
    "{\"mode\":\"family\",\"enabled\":true,\"duration\":\"8h\",\"model\":null,\"ends_at\":0}",
    "{\"mode\":\"family\",\"enabled\":true,\"duration\":\"8h\",\"model\":null,\"ends_at\":-1}",
    "{\"mode\":\"family\",\"enabled\":true,\"duration\":null,\"model\":null,\"ends_at\":-1}",
    "{\"mode\":\"family\",\"enabled\":true,\"duration\":\"for ever\",\"model\":null,\"ends_at\":9000000000000000}",
  };
  guint i;

  for (i = 0; i < G_N_ELEMENTS (documents); i++)
    {
      warnings = 0;
      store_document (self, documents[i]);
      start_again (self);
      assert_is (self, "off", FALSE, NULL, NULL, FALSE);
      g_assert_cmpuint (self->changes, ==, 0);
      g_assert_cmpuint (warnings, ==, 1);
    }
}

int
main (int    argc,
      char **argv)
{
  static const struct {
    const char *path;
    void (*test) (Fixture *, gconstpointer);
  } tests[] = {
    { "/share/states", test_states },
    { "/share/last-mode", test_last_mode },
    { "/share/contradictions", test_contradictions },
    { "/share/own-strings", test_own_strings },
    { "/share/end/comes", test_ends },
    { "/share/end/timer", test_timer },
    { "/share/end/new-terms", test_new_terms },
    { "/share/restart/lasts", test_lasts },
    { "/share/restart/over-meanwhile", test_over_meanwhile },
    { "/share/restart/odd-documents", test_odd_documents },
  };
  guint i;

  g_log_set_writer_func (write_log, NULL, NULL);
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/share/words", test_words);
  for (i = 0; i < G_N_ELEMENTS (tests); i++)
    g_test_add (tests[i].path, Fixture, NULL, set_up, tests[i].test, tear_down);

  return g_test_run ();
}
