/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: its knobs. One table names each once, for the flags
 * (--ttft-ms 20), for POST /sim/v1/config ({"ttft_ms": 20}) and for --help.
 */

#pragma once

#include "sim.h"

G_BEGIN_DECLS

typedef enum {
  SIM_REFUSE_OFF,
  SIM_REFUSE_CLOSED,  /* nothing listens: connection refused */
  SIM_REFUSE_ACCEPT   /* accepted, and reset at once */
} SimRefuse;

typedef enum {
  SIM_CUT_ANSWER,     /* every byte on the wire, from the status line on */
  SIM_CUT_BODY,       /* bytes on the wire after the head, chunk framing included */
  SIM_CUT_PAYLOAD     /* bytes of the body proper */
} SimCutScope;

typedef enum {
  SIM_BY_FIN,
  SIM_BY_RST
} SimCloseBy;

typedef enum {
  SIM_CHUNK_OK,
  SIM_CHUNK_SIZE,     /* the second chunk's size is not hexadecimal */
  SIM_CHUNK_CRLF,     /* the second chunk's data is not followed by CRLF */
  SIM_CHUNK_HUGE,     /* the second chunk's size needs more than 64 bits */
  SIM_CHUNK_NO_END    /* the connection ends without the last chunk */
} SimBadChunk;

typedef enum {
  SIM_HEAD_OK,
  SIM_HEAD_GARBAGE,      /* the status line is none */
  SIM_HEAD_TWO_LENGTHS,  /* two different Content-Length fields */
  SIM_HEAD_BOTH,         /* Content-Length and Transfer-Encoding: chunked */
  SIM_HEAD_HUGE          /* a field of 512 KiB */
} SimBadHead;

typedef enum {
  SIM_DOWNLOAD_OK,
  SIM_DOWNLOAD_PAUSED,
  SIM_DOWNLOAD_FAILED
} SimDownloadFate;

struct _SimConfig {
  /* who it is */
  char *name;
  char *version;
  char **api_token;
  gboolean cors;
  double keep_alive_ms;

  /* models */
  gboolean jit;
  gboolean jit_race;
  double jit_ttl_s;
  gboolean auto_evict;
  gboolean evict_kills;
  gboolean load_fail;
  gboolean answer_any_model;
  int parallel;
  int context_length;
  int download;

  /* answers and their speed */
  double ttft_ms;
  double prompt_ms_per_token;
  double tokens_per_second;
  double load_ms;
  double download_ms;
  int answer_tokens;
  gboolean deterministic;
  gboolean early_head;
  gboolean finish_prompt;
  gboolean overflow_silent;

  /* faults */
  int refuse;
  int refuse_count;
  double refuse_ms;
  char *fault_path;
  int fault_skip;
  int fault_count;
  gboolean hang;
  gboolean hang_after_headers;
  int status;
  int retry_after_s;
  int cut_at_byte;
  int cut_scope;
  int cut_by;
  gboolean malformed_json;
  double slow_drip_ms;
  int slow_drip_bytes;
  int bad_chunk;
  int bad_head;
  gboolean close_after_request_on_reused;
  int error_event_after_tokens;
  int stall_after_tokens;

  /* watching */
  gboolean record;

  guint version_number;  /* of @version, see SIM_VERSION */
};

#define SIM_VERSION(major, minor, patch) ((guint) (((major) * 1000 + (minor)) * 1000 + (patch)))

SimConfig *sim_config_new (void);

SimConfig *sim_config_copy (const SimConfig *self);

void sim_config_free (SimConfig *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (SimConfig, sim_config_free)

gboolean sim_config_since (const SimConfig *self,
                           guint            version);

/* Everything as fast as possible: what tests want. */
void sim_config_set_fast (SimConfig *self);

/* Takes one flag, with or without its dashes' value (--name value, --name=value, --no-name), from
 * argv[*index], and moves *index to the last argument used.
 * Returns: FALSE without @error if the flag is no knob, FALSE with @error if its value is bad */
gboolean sim_config_take_flag (SimConfig *self,
                               char     **argv,
                               int       *index,
                               GError   **error);

/* Sets the knobs that @object names. With an error nothing is changed that the caller keeps: apply
 * it to a copy. */
gboolean sim_config_take_json (SimConfig  *self,
                               JsonObject *object,
                               GError    **error);

/* Appends all knobs and their values as one JSON object. */
void sim_config_write (const SimConfig *self,
                       GString         *out);

void sim_config_write_help (GString *out);

G_END_DECLS
