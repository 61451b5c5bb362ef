/* SPDX-License-Identifier: MIT
 *
 * A model as a node tells of it: what it is, what it can do, and what of it is loaded now. Each fact says where it
 * comes from, since routing must not stake a request on a guess. A plain value: nodes/ makes it from a node's list,
 * routing and the surfaces read it, nobody changes it afterwards.
 */

#pragma once

#include "core/vmp-json.h"

G_BEGIN_DECLS

typedef enum {
  VMP_MODEL_LLM,
  VMP_MODEL_VLM,
  VMP_MODEL_EMBEDDING,
  VMP_N_MODEL_KINDS
} VmpModelKind;

/* Where a fact comes from. */
typedef enum {
  VMP_FACT_UNKNOWN,
  VMP_FACT_DECLARED, /* the node says so */
  VMP_FACT_DETECTED, /* concluded from other facts, such as a name */
  VMP_FACT_OWNER,    /* the owner of this gateway set it */
  VMP_N_FACT_SOURCES
} VmpFactSource;

/* The facts of a model that have a source each. */
typedef enum {
  VMP_MODEL_FACT_KIND,
  VMP_MODEL_FACT_LOADED,
  VMP_MODEL_FACT_CONTEXT,
  VMP_MODEL_FACT_VISION,
  VMP_MODEL_FACT_TOOLS,
  VMP_MODEL_FACT_REASONING,
  VMP_N_MODEL_FACTS
} VmpModelFact;

/* One copy in a node's memory. */
typedef struct {
  char *id;              /* what a request addresses this copy by */
  gint64 context_length; /* tokens; 0: not told */
  guint parallel;        /* requests it answers at a time; 0: not told */
} VmpModelInstance;

/* Strings that a node did not tell are NULL, numbers 0. All strings are plain text (vmp_text_is_plain) of at most
 * VMP_LIMIT_MODEL_TEXT_CHARS. */
typedef struct {
  char *id;               /* what requests say in `model` */
  char *display_name;
  char *publisher;
  char *owned_by;
  VmpModelKind kind;
  GPtrArray *instances;   /* of VmpModelInstance; empty when not loaded, or not known */
  gboolean loaded;
  gint64 context_limit;   /* tokens at most */
  gint64 size_bytes;
  char *parameters;       /* "26B-A4B" */
  char *quantization;     /* "Q4_K_M" */
  char *format;           /* "gguf", "mlx" */
  char *architecture;
  gboolean vision;
  gboolean tools;
  gboolean reasoning;
  char **reasoning_options; /* "off", "low", …; NULL when not told */
  gint64 created;         /* Unix seconds; 0: not told */
  VmpFactSource sources[VMP_N_MODEL_FACTS];
} VmpModel;

/* @id: taken as it is. (transfer full) */
VmpModel *vmp_model_new (const char *id);
VmpModel *vmp_model_ref (VmpModel *self);
void vmp_model_unref (VmpModel *self);
/* One of one's own, to be changed before others see it. (transfer full) */
VmpModel *vmp_model_copy (const VmpModel *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmpModel, vmp_model_unref)

/* Before others see it. (transfer none): the new instance */
VmpModelInstance *vmp_model_add_instance (VmpModel   *self,
                                          const char *id);

/* Whether both say the same; for telling whether a list has changed. */
gboolean vmp_model_equal (const VmpModel *a,
                          const VmpModel *b);

/* Whether it answers chat and completions. */
gboolean vmp_model_can_chat (const VmpModel *self);

const char *vmp_model_kind_to_string (VmpModelKind kind);      /* "llm", "vlm", "embedding" */
const char *vmp_fact_source_to_string (VmpFactSource source);  /* "unknown", "declared", "detected", "owner" */

/* Adds the members of a record to an object that is being built: display_name, publisher, kind, loaded, instances
 * [{id, context_length, parallel}], context_window (of the loaded copy, else null), max_context_length, size_bytes,
 * parameters, quantization, format, architecture, capabilities {vision, tools, reasoning, reasoning_options}, sources
 * {kind, loaded, context, vision, tools, reasoning}. What is not known is null. */
void vmp_model_add_members (const VmpModel *self,
                            JsonBuilder    *builder);

G_END_DECLS
