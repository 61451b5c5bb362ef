/* SPDX-License-Identifier: MIT
 *
 * Tests of core/vmp-log: what reaches stderr, byte for byte. stderr is exchanged for a file or a pipe
 * while the code under test writes. `test-log -m perf -p /log/access/speed` measures.
 */

#include "core/vmp-log.h"

#include <errno.h>
#include <fcntl.h>
#include <json-glib/json-glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Where these tests are. */
#define ZONE "VMP-05:45"
#define ZONE_OFFSET "+05:45"

/* The longest line that the log promises to write. */
#define LINE_MAX_BYTES 4096

/* -- Catching stderr ----------------------------------------------------------------------- */

typedef struct {
  int saved;
  int file;
} Capture;

static void
capture_begin (Capture *self)
{
  self->saved = dup (STDERR_FILENO);
  self->file = memfd_create ("stderr", MFD_CLOEXEC);
  g_assert_cmpint (self->file, >=, 0);
  g_assert_cmpint (dup2 (self->file, STDERR_FILENO), ==, STDERR_FILENO);
}

static char *
capture_end (Capture *self)
{
  off_t len = lseek (self->file, 0, SEEK_END);
  char *text = g_malloc0 (len + 1);

  g_assert_cmpint (dup2 (self->saved, STDERR_FILENO), ==, STDERR_FILENO);
  close (self->saved);
  g_assert_cmpint (pread (self->file, text, len, 0), ==, len);
  close (self->file);

  return text;
}

/* -- Reading lines ------------------------------------------------------------------------- */

static const char *
get_string (JsonObject *object,
            const char *key)
{
  JsonNode *node = json_object_get_member (object, key);

  g_assert_nonnull (node);
  g_assert_cmpint (json_node_get_value_type (node), ==, G_TYPE_STRING);

  return json_node_get_string (node);
}

/* Asserts that the text is one line, fit for a terminal: UTF-8 without any control character but the last line
 * feed. */
static void
assert_one_line (const char *text)
{
  gsize len = strlen (text);

  g_assert_true (g_utf8_validate (text, -1, NULL));
  g_assert_cmpuint (len, >, 1);
  g_assert_cmpuint (len, <=, LINE_MAX_BYTES);
  g_assert_cmpint (text[len - 1], ==, '\n');

  for (const char *c = text; c < text + len - 1; c = g_utf8_next_char (c))
    {
      gunichar character = g_utf8_get_char (c);

      g_assert_false (g_unichar_iscntrl (character));
      g_assert_false (character >= 0x2028 && character <= 0x202e);
      g_assert_false (character >= 0x2066 && character <= 0x2069);
    }
}

static JsonObject *
parse_line (const char *text)
{
  g_autoptr (JsonParser) parser = json_parser_new_immutable ();
  g_autoptr (GError) error = NULL;

  assert_one_line (text);
  json_parser_load_from_data (parser, text, -1, &error);
  g_assert_no_error (error);
  g_assert_true (JSON_NODE_HOLDS_OBJECT (json_parser_get_root (parser)));

  return json_object_ref (json_node_get_object (json_parser_get_root (parser)));
}

/* 2026-07-01T12:00:00.123+02:00 */
static void
assert_time (const char *text)
{
  g_autofree char *time = g_strndup (text, strlen ("2026-07-01T12:00:00.123+02:00"));
  g_autoptr (GDateTime) then = g_date_time_new_from_iso8601 (time, NULL);
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();

  g_assert_nonnull (then);
  g_assert_cmpint (time[19], ==, '.');
  g_assert_cmpstr (time + 23, ==, ZONE_OFFSET);
  g_assert_cmpint (llabs (g_date_time_difference (now, then)), <, G_TIME_SPAN_MINUTE);
}

/* What a line of text says after its time. */
static const char *
after_time (const char *text)
{
  assert_one_line (text);
  assert_time (text);

  return text + strlen ("2026-07-01T12:00:00.123+02:00 ");
}

/* -- Messages ------------------------------------------------------------------------------ */

static void
test_text (void)
{
  Capture capture;
  g_autofree char *own = NULL;
  g_autofree char *foreign = NULL;

  vmp_log_configure (VMP_LOG_DEBUG, VMP_LOG_FORMAT_TEXT);

  capture_begin (&capture);
  g_message ("Bären \"and\" back\\slash");
  own = capture_end (&capture);
  g_assert_cmpstr (after_time (own), ==, "info    Bären \"and\" back\\slash\n");

  capture_begin (&capture);
  g_log ("libsoup", G_LOG_LEVEL_WARNING, "by the %s way", "old");
  foreign = capture_end (&capture);
  g_assert_cmpstr (after_time (foreign), ==, "warning libsoup: by the old way\n");
}

static void
test_json (void)
{
  Capture capture;
  g_autofree char *own = NULL;
  g_autofree char *foreign = NULL;
  g_autoptr (JsonObject) object = NULL;

  vmp_log_configure (VMP_LOG_DEBUG, VMP_LOG_FORMAT_JSON);

  capture_begin (&capture);
  g_warning ("Bären \"and\" back\\slash");
  own = capture_end (&capture);
  object = parse_line (own);
  assert_time (get_string (object, "time"));
  g_assert_cmpstr (get_string (object, "level"), ==, "warning");
  g_assert_cmpstr (get_string (object, "domain"), ==, "vampire");
  g_assert_cmpstr (get_string (object, "message"), ==, "Bären \"and\" back\\slash");
  g_assert_cmpuint (json_object_get_size (object), ==, 4);

  capture_begin (&capture);
  g_log_structured ("GLib-GIO", G_LOG_LEVEL_INFO, "MESSAGE", "structured", "OTHER", "x");
  foreign = capture_end (&capture);
  g_clear_pointer (&object, json_object_unref);
  object = parse_line (foreign);
  g_assert_cmpstr (get_string (object, "level"), ==, "info");
  g_assert_cmpstr (get_string (object, "domain"), ==, "GLib-GIO");
  g_assert_cmpstr (get_string (object, "message"), ==, "structured");
}

/* Which GLib levels pass at which of ours, and under which name. */
static void
test_levels (void)
{
  static const struct {
    GLogLevelFlags flags;
    VmpLogLevel level;
    const char *name;
  } cases[] = {
    { G_LOG_LEVEL_CRITICAL, VMP_LOG_ERROR, "error" },
    { G_LOG_LEVEL_WARNING, VMP_LOG_WARNING, "warning" },
    { G_LOG_LEVEL_MESSAGE, VMP_LOG_INFO, "info" },
    { G_LOG_LEVEL_INFO, VMP_LOG_INFO, "info" },
    { G_LOG_LEVEL_DEBUG, VMP_LOG_DEBUG, "debug" },
    { 1 << G_LOG_LEVEL_USER_SHIFT, VMP_LOG_INFO, "info" },
  };

  for (int level = VMP_LOG_ERROR; level <= VMP_LOG_DEBUG; level++)
    {
      vmp_log_configure (level, VMP_LOG_FORMAT_JSON);

      for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
        {
          Capture capture;
          g_autofree char *text = NULL;
          g_autoptr (JsonObject) object = NULL;

          g_assert_cmpint (vmp_log_enabled (cases[i].level), ==, (int) cases[i].level <= level);

          capture_begin (&capture);
          g_log_structured (G_LOG_DOMAIN, cases[i].flags, "MESSAGE", "x");
          text = capture_end (&capture);
          if ((int) cases[i].level > level)
            {
              g_assert_cmpstr (text, ==, "");
              continue;
            }
          object = parse_line (text);
          g_assert_cmpstr (get_string (object, "level"), ==, cases[i].name);
        }
    }
}

static char *
log_message (VmpLogFormat format,
             const char  *message,
             gssize       len)
{
  const GLogField fields[] = {
    { "GLIB_DOMAIN", G_LOG_DOMAIN, -1 },
    { "MESSAGE", message, len },
  };
  Capture capture;

  vmp_log_configure (VMP_LOG_INFO, format);
  capture_begin (&capture);
  g_log_structured_array (G_LOG_LEVEL_MESSAGE, fields, G_N_ELEMENTS (fields));

  return capture_end (&capture);
}

static void
test_hostile (void)
{
  static const struct {
    const char *message;
    gssize len;
    const char *text;
    const char *read; /* by a JSON parser */
  } cases[] = {
    { "a\n2026-07-01T12:00:00.123+02:00 info forged", -1,
      "a\\n2026-07-01T12:00:00.123+02:00 info forged", "a\n2026-07-01T12:00:00.123+02:00 info forged" },
    { "a\r\tb", -1, "a\\r\\tb", "a\r\tb" },
    { "\033[2Jx\007\177", -1, "\\u001b[2Jx\\u0007\\u007f", "\033[2Jx\007\177" },
    { "\302\233" "31m", -1, "\\u009b31m", "\302\233" "31m" },
    { "\342\200\256gpj.exe", -1, "\\u202egpj.exe", "\342\200\256gpj.exe" },
    { "\342\200\250x", -1, "\\u2028x", "\342\200\250x" },
    { "\363\240\201\201", -1, "\\udb40\\udc41", "\363\240\201\201" },
    { "\377\303(\355\240\200", -1,
      "\357\277\275\357\277\275(\357\277\275\357\277\275\357\277\275",
      "\357\277\275\357\277\275(\357\277\275\357\277\275\357\277\275" },
    { "cut \303", -1, "cut \357\277\275", "cut \357\277\275" },
    { "\",\"level\":\"error", -1, "\",\"level\":\"error", "\",\"level\":\"error" },
    { "\\u0041\\", -1, "\\u0041\\", "\\u0041\\" },
    { "no end", 2, "no", "no" },
    { "", -1, "", "" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *text = log_message (VMP_LOG_FORMAT_TEXT, cases[i].message, cases[i].len);
      g_autofree char *json = log_message (VMP_LOG_FORMAT_JSON, cases[i].message, cases[i].len);
      g_autofree char *expected = g_strdup_printf ("info    %s\n", cases[i].text);
      g_autoptr (JsonObject) object = parse_line (json);

      g_assert_cmpstr (after_time (text), ==, expected);
      g_assert_cmpstr (get_string (object, "message"), ==, cases[i].read);
    }
}

static void
test_random (void)
{
  static const char often[] = "\303\240\200\256\"\\\n\0a\342\355\360\237\377 ";

  for (guint i = 0; i < 3000; i++)
    {
      char message[600];
      gsize len = g_test_rand_int_range (0, sizeof message);
      g_autofree char *text = NULL;
      g_autofree char *json = NULL;
      g_autoptr (JsonObject) object = NULL;

      /* Every other one keeps to bytes that often make characters. */
      for (gsize j = 0; j < len; j++)
        message[j] = i % 2 == 0 ? g_test_rand_int () : often[g_test_rand_int_range (0, sizeof often)];

      text = log_message (VMP_LOG_FORMAT_TEXT, message, len);
      assert_one_line (text);
      json = log_message (VMP_LOG_FORMAT_JSON, message, len);
      object = parse_line (json);
      g_assert_cmpuint (json_object_get_size (object), ==, 4);
    }
}

/* Lengths around the end of the line, of characters that grow in different ways when they are escaped. */
static void
test_long (void)
{
  static const char * const units[] = { "x", "\"", "\n", "ä", "🎉", "\342\200\256", "\363\240\201\201", "\377" };

  for (gsize i = 0; i < G_N_ELEMENTS (units); i++)
    {
      for (gsize n = 300; n < 4200; n += 13)
        {
          g_autoptr (GString) message = g_string_new (NULL);
          g_autofree char *text = NULL;
          g_autofree char *json = NULL;
          g_autoptr (JsonObject) object = NULL;
          const char *read;

          for (gsize j = 0; j < n; j++)
            g_string_append (message, units[i]);

          text = log_message (VMP_LOG_FORMAT_TEXT, message->str, message->len);
          assert_one_line (text);
          json = log_message (VMP_LOG_FORMAT_JSON, message->str, message->len);
          object = parse_line (json);
          read = get_string (object, "message");

          /* Either whole, or cut and said so, at the end of a line that is all but full. */
          if (g_str_has_suffix (read, "…"))
            g_assert_cmpuint (strlen (json), >, LINE_MAX_BYTES - 64);
          else
            g_assert_cmpint (g_utf8_strlen (read, -1), ==, n);
        }
    }
}

static void
test_errno (void)
{
  Capture capture;
  g_autofree char *text = NULL;

  vmp_log_configure (VMP_LOG_INFO, VMP_LOG_FORMAT_TEXT);
  capture_begin (&capture);
  errno = ENOTTY;
  g_message ("x");
  g_assert_cmpint (errno, ==, ENOTTY);

  /* Nobody to write to. */
  close (STDERR_FILENO);
  errno = ENOTTY;
  g_message ("x");
  g_assert_cmpint (errno, ==, ENOTTY);
  text = capture_end (&capture);
}

static void
test_fatal (void)
{
  if (g_test_subprocess ())
    {
      g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL);
      vmp_log_configure (VMP_LOG_ERROR, VMP_LOG_FORMAT_TEXT);
      g_warning ("passed over");
      g_critical ("the end");
      _exit (0);
    }

  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_failed ();
  g_test_trap_assert_stderr ("*error   the end\n*");
  g_test_trap_assert_stderr_unmatched ("*passed over*");
}

/* A level that is fatal is written, though it would not be otherwise. */
static void
test_fatal_silent (void)
{
  if (g_test_subprocess ())
    {
      g_log_set_always_fatal (G_LOG_FATAL_MASK | G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING);
      vmp_log_configure (VMP_LOG_ERROR, VMP_LOG_FORMAT_TEXT);
      g_warning ("the end");
      _exit (0);
    }

  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_failed ();
  g_test_trap_assert_stderr ("*warning the end\n*");
}

static void
test_fatal_error (void)
{
  if (g_test_subprocess ())
    {
      g_log_set_always_fatal (G_LOG_FATAL_MASK);
      vmp_log_configure (VMP_LOG_ERROR, VMP_LOG_FORMAT_JSON);
      g_critical ("lived through");
      g_error ("the end");
      _exit (0);
    }

  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_failed ();
  g_test_trap_assert_stderr ("*\"message\":\"lived through\"}\n*\"message\":\"the end\"}\n*");
}

static void
test_before_configured (void)
{
  static const VmpAccessLine access = {
    .method = "GET", .method_len = 3, .path = "/", .path_len = 1, .outcome = "done"
  };

  if (g_test_subprocess ())
    {
      g_assert_false (vmp_log_enabled (VMP_LOG_INFO));
      g_assert_true (vmp_log_enabled (VMP_LOG_WARNING));
      vmp_log_access (&access);
      return;
    }

  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_passed ();
  g_test_trap_assert_stderr ("");
}

/* -- Threads and pipes --------------------------------------------------------------------- */

#define N_THREADS 4
#define N_LINES 500

static gpointer
write_many (gpointer data)
{
  for (guint i = 0; i < N_LINES; i++)
    g_message ("thread %d line %u %0*d", GPOINTER_TO_INT (data), i, 200, 0);

  return NULL;
}

static gpointer
read_all (gpointer data)
{
  GString *text = g_string_new (NULL);
  char chunk[8192];
  gssize n;

  while ((n = read (GPOINTER_TO_INT (data), chunk, sizeof chunk)) > 0)
    g_string_append_len (text, chunk, n);

  return text;
}

/* Through a pipe that its writers do not wait for, and that is full to begin with. */
static void
test_threads (void)
{
  int saved = dup (STDERR_FILENO);
  GThread *threads[N_THREADS];
  GThread *reader;
  g_autoptr (GString) text = NULL;
  g_auto (GStrv) lines = NULL;
  gsize n_filling = 0;
  int ends[2];

  vmp_log_configure (VMP_LOG_INFO, VMP_LOG_FORMAT_JSON);
  g_assert_cmpint (pipe2 (ends, O_CLOEXEC), ==, 0);
  g_assert_cmpint (fcntl (ends[1], F_SETFL, O_NONBLOCK), ==, 0);
  while (write (ends[1], "\n", 1) == 1)
    n_filling++;
  g_assert_cmpint (errno, ==, EAGAIN);
  g_assert_cmpint (dup2 (ends[1], STDERR_FILENO), ==, STDERR_FILENO);
  close (ends[1]);

  for (int i = 0; i < N_THREADS; i++)
    threads[i] = g_thread_new ("writer", write_many, GINT_TO_POINTER (i));
  reader = g_thread_new ("reader", read_all, GINT_TO_POINTER (ends[0]));
  for (int i = 0; i < N_THREADS; i++)
    g_thread_join (threads[i]);
  g_assert_cmpint (dup2 (saved, STDERR_FILENO), ==, STDERR_FILENO);
  close (saved);
  text = g_thread_join (reader);
  close (ends[0]);

  lines = g_strsplit (text->str + n_filling, "\n", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, N_THREADS * N_LINES + 1);
  for (guint i = 0; i < N_THREADS * N_LINES; i++)
    {
      g_autofree char *line = g_strconcat (lines[i], "\n", NULL);
      g_autoptr (JsonObject) object = parse_line (line);

      g_assert_true (g_str_has_prefix (get_string (object, "message"), "thread "));
    }
}

/* -- The access log ------------------------------------------------------------------------ */

static char *
log_access (VmpLogFormat         format,
            const VmpAccessLine *access)
{
  Capture capture;

  vmp_log_configure (VMP_LOG_INFO, format);
  capture_begin (&capture);
  vmp_log_access (access);

  return capture_end (&capture);
}

static VmpAccessLine
access_line (const char *path,
             gsize       path_len)
{
  return (VmpAccessLine) {
           .method = "GET / HTTP", .method_len = 3, .path = path, .path_len = path_len, .status = 200, .bytes = 5120,
           .first_byte_ms = 1.24, .total_ms = 1.95, .node = "node-localhost-1234", .outcome = "done"
  };
}

static void
test_access (void)
{
  VmpAccessLine access = access_line ("/v1/models?x", strlen ("/v1/models"));
  g_autofree char *text = log_access (VMP_LOG_FORMAT_TEXT, &access);
  g_autofree char *json = log_access (VMP_LOG_FORMAT_JSON, &access);
  g_autoptr (JsonObject) object = parse_line (json);

  g_assert_cmpstr (after_time (text), ==, "info    GET /v1/models 200 5120B 1.2ms 2.0ms node-localhost-1234 done\n");

  assert_time (get_string (object, "time"));
  g_assert_cmpstr (get_string (object, "level"), ==, "info");
  g_assert_cmpstr (get_string (object, "domain"), ==, "vampire");
  g_assert_cmpstr (get_string (object, "message"), ==, "request");
  g_assert_cmpstr (get_string (object, "method"), ==, "GET");
  g_assert_cmpstr (get_string (object, "path"), ==, "/v1/models");
  g_assert_cmpint (json_object_get_int_member (object, "status"), ==, 200);
  g_assert_cmpint (json_object_get_int_member (object, "bytes"), ==, 5120);
  g_assert_cmpfloat (json_object_get_double_member (object, "first_byte_ms"), ==, 1.24);
  g_assert_cmpfloat (json_object_get_double_member (object, "total_ms"), ==, 1.95);
  g_assert_cmpstr (get_string (object, "node"), ==, "node-localhost-1234");
  g_assert_cmpstr (get_string (object, "outcome"), ==, "done");
  g_assert_cmpuint (json_object_get_size (object), ==, 12);
}

static void
test_access_nothing_sent (void)
{
  VmpAccessLine access = access_line ("/v1/models", strlen ("/v1/models"));
  g_autofree char *text = NULL;
  g_autofree char *json = NULL;
  g_autoptr (JsonObject) object = NULL;

  access.status = 0;
  access.bytes = 0;
  access.first_byte_ms = -1;
  access.total_ms = 60000.05;
  access.node = NULL;
  access.outcome = "client gone";

  text = log_access (VMP_LOG_FORMAT_TEXT, &access);
  g_assert_cmpstr (after_time (text), ==, "info    GET /v1/models - 0B - 60000.1ms - client gone\n");

  json = log_access (VMP_LOG_FORMAT_JSON, &access);
  object = parse_line (json);
  g_assert_true (json_object_get_null_member (object, "status"));
  g_assert_true (json_object_get_null_member (object, "first_byte_ms"));
  g_assert_true (json_object_get_null_member (object, "node"));
  g_assert_cmpstr (get_string (object, "outcome"), ==, "client gone");
}

static void
test_access_numbers (void)
{
  static const struct {
    double ms;
    const char *text;
    const char *json;
  } cases[] = {
    { 0, " 0.0ms ", ":0.000," },
    { 0.04, " 0.0ms ", ":0.040," },
    { 0.05, " 0.1ms ", ":0.050," },
    { 9.9996, " 10.0ms ", ":10.000," },
    { 123456.789, " 123456.8ms ", ":123456.789," },
    { -5, " 0.0ms ", ":0.000," },
    { 1e300, " 0.0ms ", ":0.000," },
    { __builtin_nan (""), " 0.0ms ", ":0.000," },
    { __builtin_inf (), " 0.0ms ", ":0.000," },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      VmpAccessLine access = access_line ("/", 1);
      g_autofree char *text = NULL;
      g_autofree char *json = NULL;
      g_autofree char *member = g_strconcat ("\"total_ms\"", cases[i].json, NULL);

      access.bytes = G_MAXUINT64;
      access.total_ms = cases[i].ms;
      text = log_access (VMP_LOG_FORMAT_TEXT, &access);
      json = log_access (VMP_LOG_FORMAT_JSON, &access);
      g_assert_nonnull (strstr (text, " 18446744073709551615B "));
      g_assert_nonnull (strstr (text, cases[i].text));
      g_assert_nonnull (strstr (json, member));
    }
}

static void
test_access_hostile_path (void)
{
  static const char path[] = "/a b\n\"\\\0\177\303\244%41\342\200\256";
  VmpAccessLine access = access_line (path, sizeof path - 1);
  g_autofree char *text = log_access (VMP_LOG_FORMAT_TEXT, &access);
  g_autofree char *json = log_access (VMP_LOG_FORMAT_JSON, &access);
  g_autoptr (JsonObject) object = parse_line (json);
  const char *written = "/a%20b%0A\"\\%00%7F%C3%A4%41%E2%80%AE";
  g_autofree char *part = g_strdup_printf ("GET %s 200 ", written);

  g_assert_nonnull (strstr (after_time (text), part));
  g_assert_cmpstr (get_string (object, "path"), ==, written);
}

/* All fields at their longest, in every kind of byte: the line still ends as it should. */
static void
test_access_long (void)
{
  for (int byte = 1; byte < 256; byte++)
    {
      g_autofree char *filling = g_strnfill (70000, byte);
      VmpAccessLine access = {
        .method = filling, .method_len = 70000, .path = filling, .path_len = 70000, .status = G_MAXUINT,
        .bytes = G_MAXUINT64, .first_byte_ms = 9e14, .total_ms = 9e14, .node = filling, .outcome = filling
      };
      g_autofree char *text = log_access (VMP_LOG_FORMAT_TEXT, &access);
      g_autofree char *json = log_access (VMP_LOG_FORMAT_JSON, &access);
      g_autoptr (JsonObject) object = parse_line (json);

      assert_one_line (text);
      g_assert_true (g_str_has_suffix (get_string (object, "path"), "…"));
      g_assert_cmpuint (json_object_get_size (object), ==, 12);
    }
}

static void
test_access_level (void)
{
  VmpAccessLine access = access_line ("/", 1);
  Capture capture;
  g_autofree char *text = NULL;

  vmp_log_configure (VMP_LOG_WARNING, VMP_LOG_FORMAT_TEXT);
  capture_begin (&capture);
  vmp_log_access (&access);
  text = capture_end (&capture);
  g_assert_cmpstr (text, ==, "");
}

static void
test_access_speed (void)
{
  VmpAccessLine access = access_line ("/v1/chat/completions", strlen ("/v1/chat/completions"));
  int saved = dup (STDERR_FILENO);
  int null = open ("/dev/null", O_WRONLY | O_CLOEXEC);
  double microseconds[2];

  for (int format = VMP_LOG_FORMAT_TEXT; format <= VMP_LOG_FORMAT_JSON; format++)
    {
      const guint n = 1000000;

      vmp_log_configure (VMP_LOG_INFO, format);
      g_assert_cmpint (dup2 (null, STDERR_FILENO), ==, STDERR_FILENO);
      g_test_timer_start ();
      for (guint i = 0; i < n; i++)
        vmp_log_access (&access);
      microseconds[format] = g_test_timer_elapsed () * 1e6 / n;
      g_assert_cmpint (dup2 (saved, STDERR_FILENO), ==, STDERR_FILENO);
    }
  close (saved);
  close (null);

  g_test_minimized_result (microseconds[0], "text: %.2f us a line", microseconds[0]);
  g_test_minimized_result (microseconds[1], "JSON: %.2f us a line", microseconds[1]);
}

/* Whoever reads the log has stopped; the gateway goes on, and says later what is missing. */
static void
test_reader_stops (void)
{
  static const VmpAccessLine access = {
    .method = "GET", .method_len = 3, .path = "/v1/x", .path_len = 5, .status = 200, .outcome = "done",
  };
  g_autofree char *text = g_malloc0 (1024 * 1024);
  int saved = dup (STDERR_FILENO);
  int pipe_fds[2];
  char bytes[4096];
  int i;

  memset (bytes, 'x', sizeof bytes);
  g_assert_cmpint (pipe2 (pipe_fds, O_NONBLOCK | O_CLOEXEC), ==, 0);
  while (write (pipe_fds[1], bytes, sizeof bytes) > 0)
    ;
  /* Blocking from here on: a line that is written all the same never returns. */
  g_assert_cmpint (fcntl (pipe_fds[1], F_SETFL, 0), ==, 0);
  g_assert_cmpint (dup2 (pipe_fds[1], STDERR_FILENO), ==, STDERR_FILENO);

  vmp_log_configure (VMP_LOG_INFO, VMP_LOG_FORMAT_TEXT);
  for (i = 0; i < 3; i++)
    vmp_log_access (&access);
  while (read (pipe_fds[0], text, 1024 * 1024) > 0)
    ;
  vmp_log_access (&access);
  vmp_log_access (&access);

  g_assert_cmpint (dup2 (saved, STDERR_FILENO), ==, STDERR_FILENO);
  close (saved);
  memset (text, 0, 1024 * 1024);
  g_assert_cmpint (read (pipe_fds[0], text, 1024 * 1024 - 1), >, 0);
  g_assert_cmpint (text[strlen (text) - 1], ==, '\n');
  {
    g_auto (GStrv) lines = g_strsplit (text, "\n", -1);

    g_assert_cmpuint (g_strv_length (lines), ==, 4); /* two, the word on the lost ones before them, and the empty end */
    g_assert_nonnull (strstr (lines[0], "3 lines of the log were lost"));
    g_assert_nonnull (strstr (lines[1], "GET /v1/x 200"));
    g_assert_nonnull (strstr (lines[2], "GET /v1/x 200"));
  }
  close (pipe_fds[0]);
  close (pipe_fds[1]);
}

int
main (int    argc,
      char **argv)
{
  g_setenv ("TZ", ZONE, TRUE);
  g_test_init (&argc, &argv, NULL);

  /* GTest makes warnings fatal; here they are what is tested. */
  if (!g_test_subprocess ())
    g_log_set_always_fatal (G_LOG_FATAL_MASK);

  g_test_add_func ("/log/message/text", test_text);
  g_test_add_func ("/log/message/json", test_json);
  g_test_add_func ("/log/message/levels", test_levels);
  g_test_add_func ("/log/message/hostile", test_hostile);
  g_test_add_func ("/log/message/random", test_random);
  g_test_add_func ("/log/message/long", test_long);
  g_test_add_func ("/log/message/errno", test_errno);
  g_test_add_func ("/log/message/fatal", test_fatal);
  g_test_add_func ("/log/message/fatal-though-silent", test_fatal_silent);
  g_test_add_func ("/log/message/fatal-error", test_fatal_error);
  g_test_add_func ("/log/before-configured", test_before_configured);
  g_test_add_func ("/log/threads", test_threads);
  g_test_add_func ("/log/access/line", test_access);
  g_test_add_func ("/log/access/nothing-sent", test_access_nothing_sent);
  g_test_add_func ("/log/access/numbers", test_access_numbers);
  g_test_add_func ("/log/access/hostile-path", test_access_hostile_path);
  g_test_add_func ("/log/access/long", test_access_long);
  g_test_add_func ("/log/access/level", test_access_level);
  g_test_add_func ("/log/reader-stops", test_reader_stops);
  if (g_test_perf ())
    g_test_add_func ("/log/access/speed", test_access_speed);

  return g_test_run ();
}
