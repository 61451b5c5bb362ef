/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: reading what a client sends. The head of an HTTP/1 request
 * and the chunked coding of its body, about as strict as Node.js, on which LM Studio runs.
 */

#pragma once

#include "sim.h"

G_BEGIN_DECLS

typedef enum {
  SIM_READ_MORE,    /* not all there yet */
  SIM_READ_DONE,
  SIM_READ_BAD,     /* Node.js would answer 400 and close */
  SIM_READ_TOO_BIG  /* Node.js would answer 431 and close */
} SimRead;

typedef struct {
  const char *name;
  const char *value;
} SimField;

typedef struct {
  char *text;          /* owns all strings below */
  const char *method;
  const char *target;  /* as sent */
  char *path;          /* of the target, without the query; owned */
  const char *query;   /* nullable */
  guint minor;         /* HTTP/1.minor */
  GArray *fields;      /* of SimField, in their order */
  gint64 length;       /* Content-Length, -1 if there is none */
  gboolean is_chunked;
  gboolean keep_alive;
  gboolean expects_continue;
} SimHead;

/* Reads a head from the first bytes of a request.
 * @used: (out): with SIM_READ_DONE, how many bytes the head had, its empty line included */
SimRead sim_head_read (const char *data,
                       gsize       len,
                       SimHead   **head,
                       gsize      *used);

void sim_head_free (SimHead *self);

/* Returns: (nullable): the first field of that name in any case */
const char *sim_head_get (const SimHead *self,
                          const char    *name);

typedef struct {
  guint state;
  guint digits;
  guint64 left;
} SimDechunk;

/* Takes the chunked coding off @data and appends what is left to @body. Zero-initialise @self. */
SimRead sim_dechunk (SimDechunk *self,
                     const char *data,
                     gsize       len,
                     gsize      *used,
                     GByteArray *body);

G_END_DECLS
