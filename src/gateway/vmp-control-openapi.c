/* SPDX-License-Identifier: MIT
 *
 * The control API's description of itself, as OpenAPI 3.1. It is printed from the tables that requests are answered by,
 * so that it cannot say anything else than what holds.
 */

#include "gateway/vmp-control.h"

#include "core/vmp-limits.h"
#include "vmp-config.h"

#include <string.h>

#define ERROR_REFERENCE "#/components/schemas/Error"

/* -- Parts of an operation ------------------------------------------------------------------ */

/* Those in braces. */
static void
add_parameters (const char  *path,
                JsonBuilder *builder)
{
  const char *cursor = strchr (path, '{');

  if (cursor == NULL)
    return;

  json_builder_set_member_name (builder, "parameters");
  json_builder_begin_array (builder);
  for (; cursor != NULL; cursor = strchr (cursor, '{'))
    {
      g_autofree char *name = NULL;

      cursor++;
      name = g_strndup (cursor, strcspn (cursor, "}"));
      json_builder_begin_object (builder);
      vmp_json_add_string (builder, "name", name);
      vmp_json_add_string (builder, "in", "path");
      vmp_json_add_boolean (builder, "required", TRUE);
      json_builder_set_member_name (builder, "schema");
      json_builder_begin_object (builder);
      vmp_json_add_string (builder, "type", "string");
      json_builder_end_object (builder);
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
}

/* Opens "content" of JSON down to its schema, which the caller adds as one value. */
static void
begin_content (JsonBuilder *builder)
{
  json_builder_set_member_name (builder, "content");
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "application/json");
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "schema");
}

static void
end_content (JsonBuilder *builder)
{
  json_builder_end_object (builder);
  json_builder_end_object (builder);
}

static void
add_body (const VmpField *fields,
          JsonBuilder    *builder)
{
  const VmpField *field;
  gboolean is_required = FALSE;

  if (fields == NULL)
    return;

  for (field = fields; field->name != NULL; field++)
    is_required |= field->required;

  json_builder_set_member_name (builder, "requestBody");
  json_builder_begin_object (builder);
  vmp_json_add_boolean (builder, "required", is_required);
  begin_content (builder);
  vmp_document_build_schema (fields, builder);
  end_content (builder);
  json_builder_end_object (builder);
}

static void
add_error (const char  *statuses,
           JsonBuilder *builder)
{
  json_builder_set_member_name (builder, statuses);
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "description", "What is wrong");
  begin_content (builder);
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "$ref", ERROR_REFERENCE);
  json_builder_end_object (builder);
  end_content (builder);
  json_builder_end_object (builder);
}

static void
add_responses (const VmpField *answer,
               JsonBuilder    *builder)
{
  json_builder_set_member_name (builder, "responses");
  json_builder_begin_object (builder);

  json_builder_set_member_name (builder, "200");
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "description", "Done");
  if (answer != NULL)
    {
      begin_content (builder);
      vmp_document_build_schema (answer, builder);
      end_content (builder);
    }
  json_builder_end_object (builder);

  add_error ("4XX", builder);
  add_error ("5XX", builder);
  json_builder_end_object (builder);
}

static void
add_operation (const VmpEndpoint *endpoint,
               JsonBuilder       *builder)
{
  g_autofree char *method = g_ascii_strdown (endpoint->method, -1);

  json_builder_set_member_name (builder, method);
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "operationId", endpoint->operation);
  vmp_json_add_string (builder, "summary", endpoint->summary);
  add_parameters (endpoint->path, builder);
  add_body (endpoint->fields, builder);
  add_responses (endpoint->answer, builder);
  json_builder_end_object (builder);
}

/* -- The document -------------------------------------------------------------------------- */

/* The endpoints of one path belong together there, wherever they are in the tables. */
static void
add_paths (const VmpEndpoint * const *tables,
           JsonBuilder               *builder)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  const VmpEndpoint * const *table;
  const VmpEndpoint * const *other;
  const VmpEndpoint *first;
  const VmpEndpoint *endpoint;

  json_builder_set_member_name (builder, "paths");
  json_builder_begin_object (builder);
  for (table = tables; *table != NULL; table++)
    {
      for (first = *table; first->method != NULL; first++)
        {
          if (!g_hash_table_add (seen, (gpointer) first->path))
            continue;

          json_builder_set_member_name (builder, first->path);
          json_builder_begin_object (builder);
          for (other = tables; *other != NULL; other++)
            {
              for (endpoint = *other; endpoint->method != NULL; endpoint++)
                {
                  if (g_str_equal (endpoint->path, first->path))
                    add_operation (endpoint, builder);
                }
            }
          json_builder_end_object (builder);
        }
    }
  json_builder_end_object (builder);
}

/* What vmp_problem_to_json_with_detail() makes, as a table. Its `detail` is of two kinds, which a table cannot say. */
static const VmpField error_fields[] = {
  { "message", VMP_FIELD_STRING, .required = TRUE, .about = "A sentence for people: what is wrong and what to do" },
  { "type", VMP_FIELD_STRING, .required = TRUE, .about = "The kind of error, such as vampire_request_error" },
  { "code", VMP_FIELD_STRING, .required = TRUE, .about = "The error, for programs, such as invalid_field" },
  { NULL }
};

static void
add_error_schema (JsonBuilder *builder)
{
  json_builder_set_member_name (builder, "Error");
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "type", "object");
  json_builder_set_member_name (builder, "properties");
  json_builder_begin_object (builder);

  json_builder_set_member_name (builder, "error");
  vmp_document_build_schema (error_fields, builder);

  json_builder_set_member_name (builder, "detail");
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "description", "The same for older clients: a sentence, or each fault of a body");
  json_builder_set_member_name (builder, "type");
  json_builder_begin_array (builder);
  json_builder_add_string_value (builder, "string");
  json_builder_add_string_value (builder, "array");
  json_builder_end_array (builder);
  json_builder_set_member_name (builder, "items");
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "type", "object");
  json_builder_end_object (builder);
  json_builder_end_object (builder);

  json_builder_end_object (builder);
  json_builder_set_member_name (builder, "required");
  json_builder_begin_array (builder);
  json_builder_add_string_value (builder, "error");
  json_builder_end_array (builder);
  json_builder_end_object (builder);
}

static void
add_components (JsonBuilder *builder)
{
  json_builder_set_member_name (builder, "components");
  json_builder_begin_object (builder);

  json_builder_set_member_name (builder, "schemas");
  json_builder_begin_object (builder);
  add_error_schema (builder);
  json_builder_end_object (builder);

  json_builder_set_member_name (builder, "securitySchemes");
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "owner");
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "type", "http");
  vmp_json_add_string (builder, "scheme", "bearer");
  vmp_json_add_string (builder, "description", "The owner's token: asked for where the setting auth_token is set");
  json_builder_end_object (builder);
  json_builder_end_object (builder);

  json_builder_end_object (builder);
}

/* Either without anything, or with the owner's token. */
static void
add_security (JsonBuilder *builder)
{
  json_builder_set_member_name (builder, "security");
  json_builder_begin_array (builder);
  json_builder_begin_object (builder);
  json_builder_end_object (builder);
  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "owner");
  json_builder_begin_array (builder);
  json_builder_end_array (builder);
  json_builder_end_object (builder);
  json_builder_end_array (builder);
}

static void
add_info (JsonBuilder *builder)
{
  g_autofree char *description = NULL;

  description = g_strdup_printf ("How the owner's programs manage the gateway. Bodies are JSON objects of at most %d "
                                 "bytes; what is not described in one is ignored. Where nothing else is said, strings "
                                 "are plain text of at most %d characters, and arrays have at most %d items.",
                                 VMP_LIMIT_CONTROL_BODY_BYTES, VMP_LIMIT_DOCUMENT_STRING_CHARS,
                                 VMP_LIMIT_DOCUMENT_ITEMS);
  json_builder_set_member_name (builder, "info");
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "title", "Vampire");
  vmp_json_add_string (builder, "description", description);
  vmp_json_add_string (builder, "version", VMP_VERSION);
  json_builder_end_object (builder);
}

char *
vmp_control_print_openapi (const VmpEndpoint * const *tables)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "openapi", "3.1.0");
  add_info (builder);
  add_security (builder);
  add_paths (tables, builder);
  add_components (builder);
  json_builder_end_object (builder);

  return vmp_json_builder_print (builder);
}

static void
handle_openapi (VmpControlRequest *request)
{
  static char *document; /* the same as long as the program runs */

  if (document == NULL)
    document = vmp_control_print_openapi (vmp_control_tables);

  vmp_control_answer (request, SOUP_STATUS_OK, g_strdup (document));
}

const VmpEndpoint vmp_control_openapi_endpoints[] = {
  { "GET", "/vampire/v1/openapi.json", handle_openapi, NULL,
    "This description, as an OpenAPI document.", "getOpenApi", NULL },
  { NULL }
};
