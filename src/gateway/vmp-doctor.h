/* SPDX-License-Identifier: MIT
 *
 * What keeps a gateway from being of use, and what its owner can do about it: a function on facts that were gathered
 * before. It asks nobody and changes nothing.
 */

#pragma once

#include "nodes/vmp-node.h"
#include "platform/vmp-dnssd.h"
#include "platform/vmp-keyring.h"

#include <json-glib/json-glib.h>

G_BEGIN_DECLS

/* What came of a connection to a node that did not answer its last probe; of several addresses, the best. */
typedef enum {
  VMP_KNOCK_NONE,         /* not tried */
  VMP_KNOCK_UNKNOWN_NAME, /* no computer of that name is known */
  VMP_KNOCK_NOT_ALLOWED,  /* no address of it may be reached */
  VMP_KNOCK_UNREACHABLE,  /* no way to that address */
  VMP_KNOCK_SILENT,       /* nobody said anything in time */
  VMP_KNOCK_REFUSED,      /* the computer is there, and nothing listens at that address of it */
  VMP_KNOCK_OPENED        /* something took the connection */
} VmpKnock;

typedef struct {
  const VmpNode *node;
  gboolean is_here;       /* on this computer */
  VmpKnock knock;
} VmpDoctorNode;

typedef enum {
  VMP_FIREWALL_NONE,      /* none of those that are known here */
  VMP_FIREWALL_UFW,
  VMP_FIREWALL_FIREWALLD
} VmpFirewall;

/* Nothing of it is kept. */
typedef struct {
  const VmpDoctorNode *nodes;           /* all of them, in any order */
  guint n_nodes;

  VmpKeyringState keyring;
  const char *keyring_trouble;          /* NULL: none */
  gboolean file_is_wanted;              /* the owner has chosen the file for tokens */

  VmpDnssdState dnssd;
  gboolean dnssd_is_wanted;             /* there are types to watch */
  gboolean has_avahi;                   /* avahi-daemon is installed */

  guint16 port;
  const char * const *addresses;        /* that are listened on: "127.0.0.1:7777" */
  gboolean has_ipv6;                    /* this computer has ::1 */

  gboolean sharing;                     /* other computers may connect now */
  const char * const *shared_addresses; /* that are listened on for them */
  const char *share_trouble;            /* NULL: none */
  guint n_keys;
  VmpFirewall firewall;

  gint64 now;                           /* seconds since 1970 */
  gboolean clock_is_known;              /* whether the system says if its clock is synchronised */
  gboolean clock_is_synchronised;

  const char *store_set_aside;          /* path; NULL */
  const char *store_trouble;            /* a sentence; NULL */
} VmpDoctorFacts;

/* From good to bad. */
typedef enum {
  VMP_CHECK_OK,
  VMP_CHECK_SKIPPED, /* there is nothing to check */
  VMP_CHECK_WARNING,
  VMP_CHECK_PROBLEM,
  VMP_N_CHECK_STATUSES
} VmpCheckStatus;

const char *vmp_check_status_to_string (VmpCheckStatus status); /* "ok", "skipped", "warning", "problem" */

typedef struct {
  const char *id;     /* "default_node" */
  const char *title;
  VmpCheckStatus status;
  char *message;      /* sentences on one line, with nothing in them that could drive a terminal */
  char *remedy;       /* what to do, likewise; NULL: nothing */
} VmpDoctorCheck;

/* Whether what would come of a connection to it now helps to say what it needs. */
gboolean vmp_doctor_wants_knock (const VmpDoctorNode *subject);

/* Each check once, always in the same order. (transfer full) (element-type VmpDoctorCheck) */
GPtrArray *vmp_doctor_examine (const VmpDoctorFacts *facts);

/* Adds {"object": "vampire.doctor", "status": …, "checks": […]}. The status is the worst of the checks'. */
void vmp_doctor_build (GPtrArray   *checks,
                       JsonBuilder *builder);

G_END_DECLS
