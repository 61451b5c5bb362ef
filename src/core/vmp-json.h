/* SPDX-License-Identifier: MIT
 *
 * Whole JSON documents from somebody else: a node's model list, a body for the control API, a row of the store. The
 * tree is json-glib's, its parser is not: that takes what is no JSON and can be made to end the program. The getters
 * answer "not there" for a member of another type instead of complaining. Requests on their way to a node are never
 * parsed into a tree: core/vmp-json-scan is for those.
 */

#pragma once

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/**
 * vmp_json_parse:
 * @data: need not be NUL-terminated
 * @len: its length in bytes
 * @error: return location
 *
 * Refused besides what RFC 8259 does not allow: bad UTF-8, an escaped NUL or unpaired surrogate, and what is past
 * VMP_LIMIT_DOCUMENT_DEPTH, _MEMBERS or _VALUES. Of a member that comes twice the last one counts. A number that no
 * double can hold is infinite in the tree, no number to the getters, and printed as null.
 *
 * Returns: (transfer full): the document; NULL with a JSON_PARSER_ERROR whose message is the rest of a sentence
 *   that begins with what the text is for, such as "is no JSON: … at byte 17"
 */
JsonNode *vmp_json_parse (const char *data,
                          gsize       len,
                          GError    **error);

/* The same for a list of many things, one of which must not spoil the others: a string that no text can hold (an
 * escaped NUL, half a character) is read as null. */
JsonNode *vmp_json_parse_list (const char *data,
                               gsize       len,
                               GError    **error);

/* The same for what is the owner's own, with another limit on values, and none on the members of an object: a gateway
 * may list ten thousand nodes with their models, and a file keep the tokens of as many. */
JsonNode *vmp_json_parse_up_to (const char *data,
                                gsize       len,
                                guint       max_values,
                                GError    **error);

/* The document on one line. Characters that would do something to a terminal are escaped. (transfer full) */
char *vmp_json_print (JsonNode *node);

/* The same with names in order and blanks as Python's json.dumps (sort_keys=True) has them, and with @in_lines its
 * indent=2. (transfer full) */
char *vmp_json_print_in_order (JsonNode *node,
                               gboolean  in_lines);

/* Members of an object, or NULL / FALSE when there is none of that type, or no @object: so the getters can be nested.
 * (transfer none) */
const char *vmp_json_get_string (JsonObject *object,
                                 const char *name);
JsonObject *vmp_json_get_object (JsonObject *object,
                                 const char *name);
JsonArray *vmp_json_get_array (JsonObject *object,
                               const char *name);
gboolean vmp_json_get_boolean (JsonObject *object,
                               const char *name,
                               gboolean   *value);

/* A number without a fraction within gint64, such as 4096 or 4096.0. */
gboolean vmp_json_get_int (JsonObject *object,
                           const char *name,
                           gint64     *value);
gboolean vmp_json_get_double (JsonObject *object,
                              const char *name,
                              double     *value);

/* -- Building ------------------------------------------------------------------------------ */

/* A member with its name, or with NULL for a name the next element of an array; a value of NULL makes null. Strings
 * need not be UTF-8: what is not becomes U+FFFD. A double that is no number makes null. */
void vmp_json_add_string (JsonBuilder *builder,
                          const char  *name,
                          const char  *value);
void vmp_json_add_int (JsonBuilder *builder,
                       const char  *name,
                       gint64       value);
void vmp_json_add_double (JsonBuilder *builder,
                          const char  *name,
                          double       value);
void vmp_json_add_boolean (JsonBuilder *builder,
                           const char  *name,
                           gboolean     value);
void vmp_json_add_null (JsonBuilder *builder,
                        const char  *name);
void vmp_json_add_strings (JsonBuilder        *builder,
                           const char         *name,
                           const char * const *values);
/* A point in time as ISO 8601 in UTC, "2026-11-22T02:37:01.250Z"; null for 0. @unix_us: µs since 1970 */
void vmp_json_add_time (JsonBuilder *builder,
                        const char  *name,
                        gint64       unix_us);

/* What was built, on one line. (transfer full) */
char *vmp_json_builder_print (JsonBuilder *builder);

G_END_DECLS
