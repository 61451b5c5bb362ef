/* SPDX-License-Identifier: MIT
 *
 * Fuzz target of the reader of DNS-SD text records: whatever the bytes, what it believes can be put into a URL and
 * shown, and it says the same of what it has believed when that comes as a record of its own.
 */

#include "fuzz.h"

#include "core/vmp-limits.h"
#include "core/vmp-url.h"
#include "platform/vmp-dnssd.h"

#include <string.h>

static void
append_item (GByteArray *wire,
             const char *key,
             const char *value)
{
  g_autofree char *item = g_strconcat (key, "=", value, NULL);
  guint8 len = strlen (item);

  g_assert_cmpuint (strlen (item), <=, G_MAXUINT8);
  g_byte_array_append (wire, &len, 1);
  g_byte_array_append (wire, (const guint8 *) item, len);
}

static void
check (const VmpDnssdService *service)
{
  g_autofree char *text = g_strconcat (service->tls ? "https" : "http", "://192.168.1.2:1234", service->path, NULL);
  g_autoptr (VmpBaseUrl) url = vmp_base_url_parse (text, NULL);

  g_assert_nonnull (url);
  g_assert_cmpstr (url->text, ==, text);
  g_assert_cmpstr (url->host, ==, "192.168.1.2");
  g_assert_cmpuint (url->port, ==, 1234);

  if (service->instance == NULL)
    return;
  g_assert_cmpuint (strlen (service->instance), >, 0);
  g_assert_cmpuint (strlen (service->instance), <=, VMP_LIMIT_ID_CHARS);
  for (const char *c = service->instance; *c != '\0'; c++)
    g_assert_true (g_ascii_isgraph (*c) && strchr ("\"'<>&\\/", *c) == NULL);
}

int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  g_autoptr (GStringChunk) strings = g_string_chunk_new (256);
  g_autoptr (GByteArray) wire = g_byte_array_new ();
  VmpDnssdService service = { 0 };
  VmpDnssdService again = { 0 };

  vmp_dnssd_read_txt (data, size, &service, strings);
  check (&service);

  if (service.instance != NULL)
    append_item (wire, "instance", service.instance);
  if (service.path[0] != '\0')
    append_item (wire, "path", service.path);
  if (service.tls)
    append_item (wire, "tls", "1");

  vmp_dnssd_read_txt (wire->data, wire->len, &again, strings);
  g_assert_cmpstr (again.instance, ==, service.instance);
  g_assert_cmpstr (again.path, ==, service.path);
  g_assert_cmpint (again.tls, ==, service.tls);

  return 0;
}
