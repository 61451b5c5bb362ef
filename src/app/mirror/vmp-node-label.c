/* SPDX-License-Identifier: MIT
 *
 * Implementation of vmp_node_label().
 */

#include "app/mirror/vmp-node-label.h"

#include <glib/gi18n.h>
#include <string.h>

#include "core/vmp-json.h"

/* Of an address as the gateway writes it: with its host in lower case. */
static gboolean
is_here (const char *address)
{
  return g_str_has_prefix (address, "localhost:") || g_str_has_prefix (address, "127.")
         || g_str_has_prefix (address, "[::1]:") || g_str_equal (address, "localhost");
}

const char *
vmp_node_label (JsonObject *node)
{
  static const char * const given[] = { "name", "host" };
  const char *address;
  gboolean is_default = FALSE;
  gsize i;

  for (i = 0; i < G_N_ELEMENTS (given); i++)
    {
      const char *name = vmp_json_get_string (node, given[i]);

      if (name != NULL && *name != '\0')
        return name;
    }

  address = vmp_json_get_string (node, "base_url");
  if (address == NULL || strstr (address, "://") == NULL)
    return vmp_json_get_string (node, "id");

  vmp_json_get_boolean (node, "is_default", &is_default);
  if (is_default && is_here (strstr (address, "://") + strlen ("://")))
    return _("This Computer");

  /* That a connection is encrypted is said, that it is not is the rule. */
  return g_str_has_prefix (address, "http://") ? address + strlen ("http://") : address;
}
