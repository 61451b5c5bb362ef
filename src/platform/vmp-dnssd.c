/* SPDX-License-Identifier: MIT
 *
 * What the ways to do DNS service discovery share: the names of states, and the reading of text records. Text records
 * are written by anybody on the network: of the keys that are known the values are checked, all others are ignored.
 */

#include "platform/vmp-dnssd.h"

#include "core/vmp-limits.h"
#include "core/vmp-url.h"

#include <string.h>

static const char * const state_strings[VMP_N_DNSSD_STATES] = {
  [VMP_DNSSD_OFF] = "off",
  [VMP_DNSSD_CONNECTING] = "connecting",
  [VMP_DNSSD_RUNNING] = "running",
  [VMP_DNSSD_UNAVAILABLE] = "unavailable",
};

const char *
vmp_dnssd_state_to_string (VmpDnssdState state)
{
  g_return_val_if_fail ((guint) state < VMP_N_DNSSD_STATES, NULL);

  return state_strings[state];
}

/* -- Text records -------------------------------------------------------------------------- */

static void
read_instance (const char      *value,
               VmpDnssdService *service,
               GStringChunk    *strings)
{
  gsize len = strlen (value);

  if (len == 0 || len > VMP_LIMIT_ID_CHARS)
    return;
  for (gsize i = 0; i < len; i++)
    {
      if (!g_ascii_isalnum (value[i]) && strchr ("-_.", value[i]) == NULL)
        return;
    }

  service->instance = g_string_chunk_insert (strings, value);
}

/* Judged by the very parser that will read the URL which it becomes a part of. */
static void
read_path (const char      *value,
           VmpDnssdService *service,
           GStringChunk    *strings)
{
  g_autofree char *text = NULL;
  g_autoptr (VmpBaseUrl) url = NULL;

  if (value[0] != '/')
    return;

  text = g_strconcat ("http://localhost", value, NULL);
  url = vmp_base_url_parse (text, NULL);
  if (url != NULL)
    service->path = g_string_chunk_insert (strings, url->prefix);
}

static void
read_tls (const char      *value,
          VmpDnssdService *service,
          GStringChunk    *strings)
{
  service->tls = g_str_equal (value, "1");
}

static const struct {
  const char *key;
  void (*read) (const char      *value,
                VmpDnssdService *service,
                GStringChunk    *strings);
} known_keys[] = {
  { "instance", read_instance },
  { "path", read_path },
  { "tls", read_tls },
};

void
vmp_dnssd_read_txt (const guint8    *data,
                    gsize            len,
                    VmpDnssdService *service,
                    GStringChunk    *strings)
{
  gsize at = 0;
  gboolean seen[G_N_ELEMENTS (known_keys)] = { FALSE };

  service->instance = NULL;
  service->path = "";
  service->tls = FALSE;

  if (len > VMP_LIMIT_DNSSD_TXT_BYTES)
    return;

  while (at < len)
    {
      gsize item_len = data[at++];
      const guint8 *item = data + at;
      const guint8 *equals;

      if (item_len > len - at)
        return;

      at += item_len;
      equals = item_len > 0 ? memchr (item, '=', item_len) : NULL;
      if (equals == NULL || memchr (item, '\0', item_len) != NULL)
        continue;

      for (guint i = 0; i < G_N_ELEMENTS (known_keys); i++)
        {
          const char *key = known_keys[i].key;
          g_autofree char *value = NULL;

          /* Letter case does not count, and of a key that comes twice the first one does (RFC 6763, 6.4). */
          if (seen[i] || strlen (key) != (gsize) (equals - item)
              || g_ascii_strncasecmp (key, (const char *) item, strlen (key)) != 0)
            continue;

          seen[i] = TRUE;
          value = g_strndup ((const char *) equals + 1, item + item_len - equals - 1);
          known_keys[i].read (value, service, strings);
        }
    }
}
