/* SPDX-License-Identifier: MIT
 *
 * The span scanner: one pass over a request's body that finds the few top-level members the
 * gateway cares for, and where their bytes are. It builds no tree and copies nothing, so a body
 * can be rewritten in those spans alone and is otherwise passed on byte for byte.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The top-level members that are looked for. */
typedef enum {
  VMP_MEMBER_MODEL,
  VMP_MEMBER_STREAM,
  VMP_MEMBER_USER,
  VMP_MEMBER_STREAM_OPTIONS,
  VMP_MEMBER_MESSAGES,
  VMP_MEMBER_PROMPT,
  VMP_MEMBER_INPUT,
  VMP_MEMBER_SYSTEM,
  VMP_MEMBER_INSTRUCTIONS,
  VMP_MEMBER_TOOLS,
  VMP_MEMBER_N,
  VMP_MEMBER_MAX_TOKENS,
  VMP_MEMBER_MAX_COMPLETION_TOKENS,
  VMP_MEMBER_RESPONSE_FORMAT,
  VMP_MEMBER_PROMPT_CACHE_KEY,
  VMP_MEMBER_PREVIOUS_RESPONSE_ID,
  VMP_MEMBER_ERROR,  /* of answers, as the two that follow */
  VMP_MEMBER_USAGE,
  VMP_MEMBER_ID,
  VMP_MEMBER_VAMPIRE, /* for the gateway alone, which sees to it that no node gets one */
  VMP_N_MEMBERS
} VmpMember;

typedef enum {
  VMP_JSON_ABSENT,
  VMP_JSON_STRING,
  VMP_JSON_NUMBER,
  VMP_JSON_TRUE,
  VMP_JSON_FALSE,
  VMP_JSON_NULL,
  VMP_JSON_OBJECT,
  VMP_JSON_ARRAY
} VmpJsonType;

/* Bytes [start, end) of the scanned text. */
typedef struct {
  gsize start;
  gsize end;
} VmpSpan;

typedef struct {
  VmpJsonType type;  /* VMP_JSON_ABSENT: the two spans are empty */
  VmpSpan value;     /* the value as written, a string with its quotes */
  VmpSpan cut;       /* what to remove so that the object stays valid JSON without this member: key,
                      * colon, value and one neighbouring comma. Two neighbours' cuts may share a
                      * comma: to cut two members, cut one and scan again */
} VmpJsonMember;

typedef struct {
  VmpJsonMember members[VMP_N_MEMBERS];
  gboolean has_lookalike;  /* a key is "model" but for its case: to servers written in Go it is that member */
} VmpJsonScan;

/**
 * vmp_json_scan:
 * @data: the text; need not be NUL-terminated
 * @len: its length in bytes
 * @scan: (out caller-allocates): what was found; all members absent when FALSE is returned
 *
 * Scans a JSON object. Keys are compared after their escapes are undone. Leading and trailing
 * white space is allowed, a byte-order mark is not.
 *
 * Returns: TRUE if the text is one JSON object, well formed throughout; FALSE if it is opaque: not an
 * object, truncated, trailing bytes, nested past VMP_LIMIT_JSON_DEPTH, bad UTF-8, a raw control character
 * in a string, anything else that RFC 8259 does not allow, or one of the members of requests twice (which
 * of them a node would obey cannot be known); of those of answers, and of `vampire`, the last one counts
 */
gboolean vmp_json_scan (const char  *data,
                        gsize        len,
                        VmpJsonScan *scan);

/**
 * vmp_json_scan_dup_string:
 * @data: the text that was scanned
 * @member: a member of its scan
 *
 * Returns: (transfer full) (nullable): the value with its escapes undone, or NULL if it is not a
 * string, holds an escaped NUL, or holds an unpaired surrogate
 */
char *vmp_json_scan_dup_string (const char          *data,
                                const VmpJsonMember *member);

G_END_DECLS
