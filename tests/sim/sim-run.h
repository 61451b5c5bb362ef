/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: one prediction, from the demand for a model to the last
 * token. It paces the tokens; a surface gives them their form. A run ends exactly once: finished,
 * failed, or its client gone.
 */

#pragma once

#include "sim-answer.h"
#include "sim-http.h"

G_BEGIN_DECLS

typedef struct _SimRun SimRun;

/* What a surface does with a run. All but token () and finish () may be NULL; those between check ()
 * and finish () are only called for streams. */
typedef struct {
  SimDialect dialect;

  /* The model is known: is anything wrong? (transfer full) */
  SimError *(*check) (SimRun *run);

  /* The instance is known. */
  void (*begin) (SimRun *run);

  /* From 0 to 1, and 1 comes last. */
  void (*load_progress) (SimRun *run,
                         double  progress);
  void (*prompt_progress) (SimRun *run,
                           double  progress);

  void (*part_begin) (SimRun        *run,
                      const SimPart *part);
  void (*token) (SimRun        *run,
                 const SimPart *part,
                 const char    *text,
                 gsize          len);
  void (*part_end) (SimRun        *run,
                    const SimPart *part);

  /* Of a stream: sends the last events. Else: replies. */
  void (*finish) (SimRun *run);

  /* The last events of a stream that has begun and fails. */
  void (*fail) (SimRun         *run,
                const SimError *error);

  GDestroyNotify state_free;
} SimSurface;

typedef enum {
  SIM_PHASE_SEAT,     /* loading, or in the queue */
  SIM_PHASE_PROMPT,
  SIM_PHASE_TOKENS
} SimPhase;

struct _SimRun {
  Sim *sim;
  SimExchange *exchange;     /* NULL: the client has gone, and the prompt is still being processed */
  const SimSurface *surface;
  gpointer state;            /* the surface's */
  SimPrompt *prompt;
  SimAnswer *answer;
  SimModel *model;
  char *instance_id;
  int context_length;        /* of the instance */
  SimPhase phase;
  SimSeat seat;
  SimTimer timer;
  GList link;
  gboolean is_stream;
  gboolean is_open;          /* a stream's head has gone out */
  gboolean loads;            /* a model is loaded for it */
  gboolean is_stalled;
  int error_after;
  int stall_after;
  guint64 seed;              /* decides the words */
  guint64 id_seed;
  gint64 created;            /* Unix time */
  guint64 prompt_tokens;
  double load_seconds;
  double ttft_seconds;
  double generation_seconds;
  gint64 phase_started;      /* monotonic; of the tokens: when the first would have been due */
  gint64 first_token;
  guint part;                /* the cursor: part, token in it, tokens in all */
  guint token;
  guint sent;
  guint n_counted;           /* of them, those in the statistics */
};

/* Takes the prompt; the exchange stays its own until it ends. */
SimRun *sim_run_new (SimExchange      *exchange,
                     const SimSurface *surface,
                     SimPrompt        *prompt,
                     gboolean          is_stream);

/* @model_name: (nullable)
 * @ttl_s: negative for the default
 * @context_length: 0 for the default
 * Consumes the run. */
void sim_run_start (SimRun     *run,
                    const char *model_name,
                    double      ttl_s,
                    int         context_length);

guint sim_run_count_completion_tokens (const SimRun *run);

/* For a surface's begin (): ids that are the run's own. (transfer full) */
char *sim_run_make_id (SimRun     *run,
                       const char *prefix,
                       guint       length,
                       gboolean    hex);

/* Sends one event of a stream, opening it if it is not open. */
void sim_run_send (SimRun     *run,
                   const char *data,
                   gsize       len);

/* Sends "event: @name" with a document. */
void sim_run_send_event (SimRun     *run,
                         const char *name,
                         GString    *json);

/* Looks again at runs that wait or are paced, after the knobs changed. */
void sim_runs_config_changed (Sim *sim);

G_END_DECLS
