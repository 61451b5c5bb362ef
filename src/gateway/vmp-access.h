/* SPDX-License-Identifier: MIT
 *
 * Who may ask at all: the Host, the Origin and the token of a request. A web page anywhere must not be able to
 * drive a gateway that listens on its reader's own computer. Pure: it decides on values and answers nothing.
 */

#pragma once

#include "core/vmp-problem.h"
#include "core/vmp-settings.h"
#include "gateway/vmp-http-head.h"

G_BEGIN_DECLS

typedef enum {
  VMP_ACCESS_GRANTED,
  VMP_ACCESS_REFUSED,
  VMP_ACCESS_PREFLIGHT /* a browser asks whether it may ask: to be answered by vmp_access_preflight_fields() */
} VmpAccess;

typedef struct {
  VmpProblem problem;   /* when refused */
  const char *message;  /* when refused; static */
  VmpSlice cors_origin; /* the Origin that may read the answer; data is NULL when there is none */
} VmpAccessVerdict;

/**
 * vmp_access_check:
 * @on_loopback: whether the connection came in on a loopback address
 *
 * The order is Host, Origin, token: what a web page sends is refused before it can learn anything of the token.
 */
VmpAccess vmp_access_check (const VmpSettings *settings,
                            const VmpHttpHead *head,
                            gboolean           on_loopback,
                            VmpAccessVerdict  *verdict);

/* Whether the path is one of the surfaces that are relayed to a node. */
gboolean vmp_access_is_data_path (VmpSlice path);

#define VMP_ACCESS_PREFLIGHT_FIELDS 6
/* The fields of the answer to a preflight. Returns how many there are. */
guint vmp_access_preflight_fields (const VmpHttpHead *head,
                                   VmpHttpField       fields[VMP_ACCESS_PREFLIGHT_FIELDS]);

G_END_DECLS
