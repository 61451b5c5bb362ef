/* SPDX-License-Identifier: MIT
 *
 * Who may ask at all: the Host, the Origin and the token or key of a request. A web page anywhere must not be able to
 * drive a gateway that listens on its reader's own computer, and other computers come in with a client key only. It
 * decides on values and answers nothing.
 */

#pragma once

#include "core/vmp-problem.h"
#include "core/vmp-settings.h"
#include "gateway/vmp-http-head.h"
#include "policy/vmp-client-keys.h"

G_BEGIN_DECLS

typedef enum {
  VMP_ACCESS_GRANTED,
  VMP_ACCESS_REFUSED,
  VMP_ACCESS_PREFLIGHT /* a browser asks whether it may ask: to be answered by vmp_access_preflight_fields() */
} VmpAccess;

/* Where a connection came in. */
typedef enum {
  VMP_DOOR_LOOPBACK,
  VMP_DOOR_HOST,  /* an address of the network that the setting host names: for those who know the token */
  VMP_DOOR_SHARED /* one that is open while sharing, for those who have a client key */
} VmpDoor;

/* What a request is judged by. */
typedef struct {
  const VmpSettings *settings;
  VmpDoor door;
  gboolean sharing;        /* whether other computers are let in by their keys at the moment */
  const char *owner_token; /* (nullable): of this run, for the owner's programs; counts on loopback only */
  VmpClientKeys *keys;     /* (nullable) */
} VmpAccessRules;

typedef struct {
  VmpProblem problem;      /* when refused */
  const char *message;     /* when refused; static */
  VmpSlice cors_origin;    /* the Origin that may read the answer; data is NULL when there is none */
  const VmpClientKey *key; /* the one that let it in; NULL: none did */
} VmpAccessVerdict;

/* The order is Host, Origin, token: what a web page sends is refused before it can learn anything of the token. */
VmpAccess vmp_access_check (const VmpAccessRules *rules,
                            const VmpHttpHead    *head,
                            VmpAccessVerdict     *verdict);

/* Whether the path is one of the surfaces that are relayed to a node. */
gboolean vmp_access_is_data_path (VmpSlice path);

#define VMP_ACCESS_PREFLIGHT_FIELDS 6
/* The fields of the answer to a preflight. Returns how many there are. */
guint vmp_access_preflight_fields (const VmpHttpHead *head,
                                   VmpHttpField       fields[VMP_ACCESS_PREFLIGHT_FIELDS]);

G_END_DECLS
