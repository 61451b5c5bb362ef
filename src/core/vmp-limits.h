/* SPDX-License-Identifier: MIT
 *
 * Every limit of the gateway, named, with its unit and its reason. Nothing else in the tree
 * holds a bare number that bounds what a client or a node may do.
 */

#pragma once

/* -- Listener ------------------------------------------------------------------------------ */

/* Connects that may wait in the kernel. A browser or an agent opens dozens at once; with 10
 * (libsoup's own) they wait for SYN retries of a second and more. */
#define VMP_LIMIT_BACKLOG 1024

/* Client connections, in all and of one address. Four thousand idle ones cost 8 MB; 512 is more
 * than any one machine's programs open together. */
#define VMP_LIMIT_CONNECTIONS 4096
#define VMP_LIMIT_CONNECTIONS_PER_PEER 512

/* -- One client connection ----------------------------------------------------------------- */

/* Bytes of a request's head: nginx's total (4 x 8 KiB) doubled, for clients with big tokens. */
#define VMP_LIMIT_HEAD_BYTES (64 * 1024)

/* Fields of one head. Real clients send under 40. */
#define VMP_LIMIT_HEAD_FIELDS 200

/* Bytes of a method. The longest registered one has 16; more is not HTTP, and refused before a head is complete. */
#define VMP_LIMIT_METHOD_BYTES 32

/* Milliseconds in which a head must be complete, counted from its first byte or from the connect. */
#define VMP_LIMIT_HEAD_MS (10 * 1000)

/* Milliseconds a kept connection may be idle between two requests (nginx's default). */
#define VMP_LIMIT_IDLE_MS (75 * 1000)

/* Milliseconds without one byte of a request's body, or without one byte of an answer accepted. A
 * suspended program should not hold a model's slot for longer. */
#define VMP_LIMIT_BODY_STALL_MS (60 * 1000)
#define VMP_LIMIT_REPLY_STALL_MS (300 * 1000)

/* Milliseconds for which a refused client's remaining bytes are read and thrown away, so that it gets to read
 * why it was refused. */
#define VMP_LIMIT_LINGER_MS (5 * 1000)

/* Milliseconds between two looks at which of the deadlines above have passed. */
#define VMP_LIMIT_SWEEP_MS 1000

/* Bytes of a request's body; the default of the setting `max_body_bytes`. Several photographs as
 * base64 fit. The ceiling keeps the arithmetic far from overflow. */
#define VMP_LIMIT_BODY_BYTES (100LL * 1024 * 1024)
#define VMP_LIMIT_BODY_BYTES_CEILING (4LL * 1024 * 1024 * 1024)

/* Bytes of all request bodies held at one time. Past it new ones get 503: a flood of big requests
 * must not take the owner's memory. */
#define VMP_LIMIT_BODIES_BYTES (1024LL * 1024 * 1024)

/* Bytes of a body for the control API, which takes small documents only. */
#define VMP_LIMIT_CONTROL_BODY_BYTES (1024 * 1024)

/* Bytes of one chunk-size line, extensions included. */
#define VMP_LIMIT_CHUNK_LINE_BYTES 256

/* -- Relay --------------------------------------------------------------------------------- */

/* Bytes of an answer that may wait for a slow client: above HIGH the node is paused, below LOW it
 * goes on. */
#define VMP_LIMIT_REPLY_HIGH_BYTES (128 * 1024)
#define VMP_LIMIT_REPLY_LOW_BYTES (32 * 1024)

/* Bytes of one server-sent event that are held until it is whole, so that a node that dies inside
 * it can be reported in a well-formed stream. Images as base64 are the largest events known. A
 * longer event passes as it comes, and then a death tears the connection. */
#define VMP_LIMIT_EVENT_BYTES (8 * 1024 * 1024)

/* Levels of nesting that the JSON scanner follows; deeper bodies are opaque. JSON.parse clients do
 * not write deeper ones by accident. */
#define VMP_LIMIT_JSON_DEPTH 512

/* -- Upstream ------------------------------------------------------------------------------ */

/* Milliseconds to connect to a node. */
#define VMP_LIMIT_CONNECT_MS (5 * 1000)

/* Idle upstream connections are reused for this long. LM Studio closes its own after 5 s. */
#define VMP_LIMIT_UPSTREAM_IDLE_MS (4 * 1000)

/* Idle upstream connections kept in the pool. */
#define VMP_LIMIT_UPSTREAM_POOL 256

/* Bytes of one answer that are taken in one turn of the loop, so that a node as fast as the machine does not make the
 * others wait; libcurl alone would read 3 MB. */
#define VMP_LIMIT_TURN_BYTES (256 * 1024)

/* Bytes of the head of a node's answer. */
#define VMP_LIMIT_REPLY_HEAD_BYTES (256 * 1024)

/* -- Process ------------------------------------------------------------------------------- */

/* Milliseconds that running answers get to end after the first SIGTERM. */
#define VMP_LIMIT_DRAIN_MS (10 * 1000)
