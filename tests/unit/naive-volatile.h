/* SPDX-License-Identifier: MIT
 *
 * The line that changes with every request once more, taken out of a tree: what vmp_volatile_find() is compared with,
 * in its unit tests and by its fuzz target.
 */

#pragma once

#include <json-glib/json-glib.h>

/* Takes the line out of a request, be it as long as it may. Returns whether there was one. */
gboolean naive_volatile_strip (JsonNode *request);
