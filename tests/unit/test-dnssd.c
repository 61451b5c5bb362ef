/* SPDX-License-Identifier: MIT
 *
 * The text records of DNS-SD: which keys are read, which values are believed, and what broken bytes do.
 */

#include "core/vmp-limits.h"
#include "platform/vmp-dnssd.h"

#include <string.h>

typedef struct {
  VmpDnssdService service;
  GStringChunk *strings;
} Fixture;

static void
set_up (Fixture      *self,
        gconstpointer data)
{
  self->strings = g_string_chunk_new (64);
}

static void
tear_down (Fixture      *self,
           gconstpointer data)
{
  g_string_chunk_free (self->strings);
}

/* Reads items that are separated by "|", from memory that ends where they do. */
static const VmpDnssdService *
read_items (Fixture    *self,
            const char *items)
{
  g_auto (GStrv) list = g_strsplit (items, "|", -1);
  g_autoptr (GByteArray) wire = g_byte_array_new ();
  g_autofree guint8 *exact = NULL;

  for (gsize i = 0; list[i] != NULL; i++)
    {
      guint8 len = strlen (list[i]);

      g_byte_array_append (wire, &len, 1);
      g_byte_array_append (wire, (const guint8 *) list[i], len);
    }

  exact = g_memdup2 (wire->data, wire->len);
  vmp_dnssd_read_txt (exact, wire->len, &self->service, self->strings);

  return &self->service;
}

static void
test_known_keys (Fixture      *self,
                 gconstpointer data)
{
  const VmpDnssdService *service = read_items (self, "version=1|instance=0c5f-AB_1.x|path=/lm/api/|tls=1|x=y");

  g_assert_cmpstr (service->instance, ==, "0c5f-AB_1.x");
  g_assert_cmpstr (service->path, ==, "/lm/api");
  g_assert_true (service->tls);
}

static void
test_none (Fixture      *self,
           gconstpointer data)
{
  const VmpDnssdService *service;

  self->service.instance = "old";
  self->service.tls = TRUE;
  service = read_items (self, "");
  g_assert_null (service->instance);
  g_assert_cmpstr (service->path, ==, "");
  g_assert_false (service->tls);

  vmp_dnssd_read_txt (NULL, 0, &self->service, self->strings);
  g_assert_cmpstr (service->path, ==, "");
}

static void
test_case_and_repeats (Fixture      *self,
                       gconstpointer data)
{
  const VmpDnssdService *service = read_items (self, "INSTANCE=one|instance=two|Path=bad|path=/good|TLS=1");

  g_assert_cmpstr (service->instance, ==, "one");
  g_assert_cmpstr (service->path, ==, ""); /* the first one counts, and is none */
  g_assert_true (service->tls);
}

static void
test_odd_items (Fixture      *self,
                gconstpointer data)
{
  const VmpDnssdService *service = read_items (self, "|=|=instance=x|instance|instanc=a|instancee=b|tls|tls =1|path");

  g_assert_null (service->instance);
  g_assert_cmpstr (service->path, ==, "");
  g_assert_false (service->tls);
}

static void
test_refused_values (Fixture      *self,
                     gconstpointer data)
{
  static const char * const items[] = {
    "instance=", "instance=a b", "instance=<b>", "instance=a/b", "instance=a\nb", "instance=\342\200\256x",
    "instance=\377", "path=evil", "path=@evil.example", "path=:80", "path=.evil", "path=/a b", "path=/a?b", "path=/a#b",
    "path=/../x", "path=/a//b", "path=//evil.example", "path=/%2e%2e/x", "path=/\033[2J", "tls=0", "tls=yes", "tls=11",
    "tls=", "path=/", "path=",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (items); i++)
    {
      const VmpDnssdService *service = read_items (self, items[i]);

      g_test_message ("item %" G_GSIZE_FORMAT, i);
      g_assert_null (service->instance);
      g_assert_cmpstr (service->path, ==, "");
      g_assert_false (service->tls);
    }
}

static void
test_long_instance (Fixture      *self,
                    gconstpointer data)
{
  g_autofree char *most = g_strnfill (VMP_LIMIT_ID_CHARS, 'a');
  g_autofree char *good = g_strconcat ("instance=", most, NULL);
  g_autofree char *bad = g_strconcat (good, "a", NULL);

  g_assert_cmpstr (read_items (self, good)->instance, ==, most);
  g_assert_null (read_items (self, bad)->instance);
}

static void
test_zero_bytes (Fixture      *self,
                 gconstpointer data)
{
  static const guint8 wire[] = "\x0dinstance=a\0bc\x05tls=1";

  vmp_dnssd_read_txt (wire, sizeof wire - 1, &self->service, self->strings);
  g_assert_null (self->service.instance);
  g_assert_true (self->service.tls);
}

/* What was whole before the cut counts. */
static void
test_cut_off (Fixture      *self,
              gconstpointer data)
{
  static const guint8 wire[] = "\x05tls=1\x0cinstance=abc";

  for (gsize len = 0; len < sizeof wire; len++)
    {
      g_autofree guint8 *exact = g_memdup2 (wire, len);

      vmp_dnssd_read_txt (exact, len, &self->service, self->strings);
      g_assert_cmpint (self->service.tls, ==, len >= 6);
      g_assert_cmpstr (self->service.instance, ==, len >= sizeof wire - 1 ? "abc" : NULL);
    }
}

static void
test_too_long (Fixture      *self,
               gconstpointer data)
{
  guint8 wire[VMP_LIMIT_DNSSD_TXT_BYTES + 1] = "\x05tls=1";

  vmp_dnssd_read_txt (wire, VMP_LIMIT_DNSSD_TXT_BYTES, &self->service, self->strings);
  g_assert_true (self->service.tls);
  vmp_dnssd_read_txt (wire, VMP_LIMIT_DNSSD_TXT_BYTES + 1, &self->service, self->strings);
  g_assert_false (self->service.tls);
}

static void
test_states (void)
{
  g_assert_cmpstr (vmp_dnssd_state_to_string (VMP_DNSSD_OFF), ==, "off");
  g_assert_cmpstr (vmp_dnssd_state_to_string (VMP_DNSSD_CONNECTING), ==, "connecting");
  g_assert_cmpstr (vmp_dnssd_state_to_string (VMP_DNSSD_RUNNING), ==, "running");
  g_assert_cmpstr (vmp_dnssd_state_to_string (VMP_DNSSD_UNAVAILABLE), ==, "unavailable");
}

#define ADD(path, func) g_test_add (path, Fixture, NULL, set_up, func, tear_down)

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  ADD ("/dnssd/txt/known-keys", test_known_keys);
  ADD ("/dnssd/txt/none", test_none);
  ADD ("/dnssd/txt/case-and-repeats", test_case_and_repeats);
  ADD ("/dnssd/txt/odd-items", test_odd_items);
  ADD ("/dnssd/txt/refused-values", test_refused_values);
  ADD ("/dnssd/txt/long-instance", test_long_instance);
  ADD ("/dnssd/txt/zero-bytes", test_zero_bytes);
  ADD ("/dnssd/txt/cut-off", test_cut_off);
  ADD ("/dnssd/txt/too-long", test_too_long);
  g_test_add_func ("/dnssd/states", test_states);

  return g_test_run ();
}
