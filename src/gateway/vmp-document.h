/* SPDX-License-Identifier: MIT
 *
 * Bodies of the control API: which members one may have, of which types and within which bounds, as tables. One table
 * checks what clients send, with an error that names the member, and describes it in openapi.json.
 */

#pragma once

#include "core/vmp-json.h"
#include "core/vmp-problem.h"

G_BEGIN_DECLS

typedef enum {
  VMP_FIELD_STRING,
  VMP_FIELD_BOOLEAN,
  VMP_FIELD_INT,
  VMP_FIELD_NUMBER,
  VMP_FIELD_STRINGS,  /* an array of strings */
  VMP_FIELD_INTS,     /* an array of whole numbers */
  VMP_FIELD_OBJECT,   /* with members of its own, if @members is given; else any */
  VMP_FIELD_OBJECTS,  /* an array of such */
  VMP_FIELD_ANY       /* whatever it is: for what answers are described by */
} VmpFieldType;

typedef struct _VmpField VmpField;
struct _VmpField {
  const char *name;                /* NULL ends a table */
  VmpFieldType type;
  gboolean required;
  gboolean nullable;               /* null is taken, and means as if not given */
  gint64 min;                      /* of a number; of a string's characters, or an array's items, when @max is not 0 */
  gint64 max;
  const char * const *values;      /* NULL, or the only strings */
  const VmpField *members;
  const char *about;               /* for openapi.json */
};

/* Bounds: @min and @max hold unless both are 0; with a @max below @min there is no upper one. Strings without an upper
 * bound may have VMP_LIMIT_DOCUMENT_STRING_CHARS, and so may those of an array; arrays VMP_LIMIT_DOCUMENT_ITEMS. */

/* What was wrong with a body. */
typedef struct {
  VmpProblem problem;  /* VMP_PROBLEM_BAD_JSON or VMP_PROBLEM_INVALID_FIELD */
  char *message;       /* a whole sentence that names the member */
  JsonNode *detail;    /* for the error's `detail`: a text, or FastAPI's [{type, loc, msg, input}] */
} VmpDocumentFault;

void vmp_document_fault_clear (VmpDocumentFault *fault);

/**
 * vmp_document_read:
 * @body: (nullable): NULL or empty: an empty object when no field is required, else a fault
 * @fields: the table; members it does not name are ignored, as the first seed did
 * @fault: (out): filled in when NULL is returned
 *
 * Strings must be plain text (vmp_text_is_plain). Returns: (transfer full): the root, an object
 */
JsonNode *vmp_document_read (const char       *body,
                             gsize             len,
                             const VmpField   *fields,
                             VmpDocumentFault *fault);

/* Adds the JSON Schema of a table: {"type": "object", "properties": …, "required": …}. */
void vmp_document_build_schema (const VmpField *fields,
                                JsonBuilder    *builder);

G_END_DECLS
