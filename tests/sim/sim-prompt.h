/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: what a request asks for, whichever surface it came by. Reads
 * conversations in the shapes of OpenAI, Anthropic and LM Studio, as lax as LM Studio is.
 */

#pragma once

#include "sim-error.h"

G_BEGIN_DECLS

typedef enum {
  SIM_ROLE_SYSTEM,
  SIM_ROLE_USER,
  SIM_ROLE_ASSISTANT,
  SIM_ROLE_TOOL
} SimRole;

typedef struct {
  SimRole role;
  GRefString *text;
} SimTurn;

typedef struct {
  char *name;
  char *description;   /* may be empty */
  JsonObject *schema;  /* nullable */
} SimTool;

typedef enum {
  SIM_TOOL_CHOICE_AUTO,
  SIM_TOOL_CHOICE_NONE,
  SIM_TOOL_CHOICE_REQUIRED
} SimToolChoice;

typedef struct {
  GArray *turns;             /* of SimTurn */
  guint n_images;
  char *image;               /* nullable: what the first image looks to be */
  GPtrArray *tools;          /* of SimTool */
  SimToolChoice tool_choice;
  gboolean wants_json;
  JsonObject *json_schema;   /* nullable */
  double temperature;
  gboolean has_seed;
  gint64 seed;
  gint64 max_tokens;         /* -1: no limit */
  char **stop;               /* nullable */
  const char *reasoning;     /* nullable, interned: off, on, low, medium, high */
  GRefString *prefill;       /* nullable: how the answer begins already */
  char *integration;         /* nullable: the JSON of the provider_info of a tool server */
  char *integration_tool;    /* nullable: the tool that it offers */
} SimPrompt;

SimPrompt *sim_prompt_new (void);

void sim_prompt_free (SimPrompt *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SimPrompt, sim_prompt_free)

void sim_prompt_add_turn (SimPrompt  *self,
                          SimRole     role,
                          const char *text,
                          gsize       len);

/* Adds turns that were said before, which are shared. */
void sim_prompt_add_turns (SimPrompt *self,
                           GArray    *turns);

/* A message's content: a string, or an array of parts of any of the surfaces. */
void sim_prompt_add_content (SimPrompt *self,
                             SimRole    role,
                             JsonNode  *content);

/* An array of messages; OpenAI's, Anthropic's or the items of /v1/responses. */
void sim_prompt_add_messages (SimPrompt *self,
                              JsonArray *messages);

/* Takes a last turn of the assistant as the beginning of the answer. To all else the prompt is then what it was
 * without it. */
void sim_prompt_take_prefill (SimPrompt *self);

/* OpenAI's {"type": "function", "function": {...}}, the flat form of /v1/responses, or Anthropic's. */
void sim_prompt_add_tools (SimPrompt *self,
                           JsonArray *tools);

/* temperature, seed, stop, and the limit under the first of @limit_keys that is there. */
void sim_prompt_read_sampling (SimPrompt          *self,
                               JsonObject         *request,
                               const char * const *limit_keys);

/* "max" and "none" are not LM Studio's; "minimal" is OpenAI's. Unknown words are ignored. */
void sim_prompt_set_reasoning (SimPrompt  *self,
                               const char *word);

/* What the user said last; the empty string if nothing. At most a few KiB of it. (transfer full) */
char *sim_prompt_dup_question (SimPrompt *self);

/* (transfer full) (nullable) */
char *sim_prompt_dup_previous_question (SimPrompt *self);

/* What the tools answered, if they spoke last. (transfer full) (nullable) */
char *sim_prompt_dup_tool_result (SimPrompt *self);

guint64 sim_prompt_hash (SimPrompt  *self,
                         const char *model_key);

/* Tokens of everything that the model would read. */
guint64 sim_prompt_count_tokens (SimPrompt *self);

GArray *sim_turns_new (void);

/* Copies of @turns and one more, for the history. (transfer full) */
GArray *sim_turns_with (GArray     *turns,
                        SimRole     role,
                        const char *text);

G_END_DECLS
