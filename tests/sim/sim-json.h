/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: writing JSON quickly, and reading members of documents
 * whose shape nobody promised. Knows nothing of any API.
 */

#pragma once

#include "sim.h"

G_BEGIN_DECLS

/* Appends one document to a string, with no spaces, in the order of the calls. Initialise with
 * { .out = string }. A @key is NULL for an element of an array and for the document itself. */
typedef struct {
  GString *out;
  gboolean comma;
} SimJson;

/* @bracket is '{' or '['; the matching end is '}' or ']'. */
void sim_json_begin (SimJson    *self,
                     const char *key,
                     char        bracket);

void sim_json_end (SimJson *self,
                   char     bracket);

/* A NULL @value is written as null. */
void sim_json_string (SimJson    *self,
                      const char *key,
                      const char *value);

void sim_json_string_len (SimJson    *self,
                          const char *key,
                          const char *value,
                          gsize       len);

void sim_json_int (SimJson    *self,
                   const char *key,
                   gint64      value);

void sim_json_number (SimJson    *self,
                      const char *key,
                      double      value);

void sim_json_bool (SimJson    *self,
                    const char *key,
                    gboolean    value);

void sim_json_null (SimJson    *self,
                    const char *key);

/* @json is one whole value already written as JSON. */
void sim_json_raw (SimJson    *self,
                   const char *key,
                   const char *json);

void sim_json_node (SimJson    *self,
                    const char *key,
                    JsonNode   *node);

/* Appends @text as the inside of a JSON string, without the quotes. */
void sim_json_escape (GString    *out,
                      const char *text,
                      gsize       len);

/* Parses a body; @data may be NULL if @len is 0. Refuses what json-glib would follow until the stack ends.
 * Returns: (transfer full) (nullable): the document, or NULL with @error set */
JsonNode *sim_json_parse (const char *data,
                          gsize       len,
                          GError    **error);

/* The members below are NULL, or the fallback, when absent or of another type. */
const char *sim_json_get_string (JsonObject *object,
                                 const char *key);

JsonObject *sim_json_get_object (JsonObject *object,
                                 const char *key);

JsonArray *sim_json_get_array (JsonObject *object,
                               const char *key);

gboolean sim_json_get_bool (JsonObject *object,
                            const char *key,
                            gboolean    fallback);

double sim_json_get_number (JsonObject *object,
                            const char *key,
                            double      fallback);

JsonObject *sim_json_as_object (JsonNode *node);

const char *sim_json_as_string (JsonNode *node);

gboolean sim_json_is_number (JsonNode *node);

G_END_DECLS
