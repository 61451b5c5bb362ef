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

/* Milliseconds that the end of an answer which may not go on gets to reach its client. */
#define VMP_LIMIT_FAREWELL_MS 1000

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

/* Seconds for which a name's addresses are believed. A machine that gets another address is found again soon, and
 * probes ask every 10 s. */
#define VMP_LIMIT_DNS_CACHE_S 5

/* Idle upstream connections kept in the pool. */
#define VMP_LIMIT_UPSTREAM_POOL 256

/* Bytes of one answer that are taken in one turn of the loop, so that a node as fast as the machine does not make the
 * others wait; libcurl alone would read 3 MB. */
#define VMP_LIMIT_TURN_BYTES (256 * 1024)

/* Bytes of the head of a node's answer. */
#define VMP_LIMIT_REPLY_HEAD_BYTES (256 * 1024)

/* -- Nodes --------------------------------------------------------------------------------- */

/* Probes under way at one time: as the first seed has it. A whole class-room is asked within a second. */
#define VMP_LIMIT_PROBES 16

/* Milliseconds and bytes of one answer to a probe. LM Studio's list of 500 models is 400 KB. */
#define VMP_LIMIT_PROBE_MS 2000
#define VMP_LIMIT_PROBE_BYTES (1024 * 1024)

/* Details of an Ollama server's models (/api/show) that are asked for in one probe; the rest come with the next
 * ones. */
#define VMP_LIMIT_PROBE_DETAILS 8

/* Seconds between two probes of a node that answers, by default, and of one that does not, at most. */
#define VMP_LIMIT_HEALTH_S 10
#define VMP_LIMIT_HEALTH_BACKOFF_S 60

/* Seconds between two probes of a node that nobody has approved, at least: enough to show whether it is still
 * there. */
#define VMP_LIMIT_HEALTH_PENDING_S 60

/* Milliseconds for which a look at all nodes counts as fresh when a client asks for something unknown. */
#define VMP_LIMIT_REFRESH_MS 1000

/* Models of one node, and characters of an id and of any other text of one. The largest public catalogues have a few
 * hundred; ids of Hugging Face stay below 200. */
#define VMP_LIMIT_NODE_MODELS 4096
#define VMP_LIMIT_MODEL_ID_CHARS 256
#define VMP_LIMIT_MODEL_TEXT_CHARS 200

/* What is believed of one model: tokens of context (the largest claim known is a hundred million), bytes of its file
 * (1 PiB), requests at a time, copies in memory, choices of reasoning (LM Studio has five). */
#define VMP_LIMIT_MODEL_CONTEXT (1LL << 30)
#define VMP_LIMIT_MODEL_BYTES (1LL << 50)
#define VMP_LIMIT_MODEL_PARALLEL 65536
#define VMP_LIMIT_MODEL_INSTANCES 64
#define VMP_LIMIT_MODEL_OPTIONS 16

/* Nodes in all, and found ones that nobody has decided on: a flood of announcements must not take memory or
 * attention. A pending one that was not seen for this many seconds makes room for a new one. */
#define VMP_LIMIT_NODES 16384
#define VMP_LIMIT_PENDING_NODES 64
#define VMP_LIMIT_PENDING_STALE_S 600

/* Characters of an id and of a name; tags of a node, and characters of one. */
#define VMP_LIMIT_ID_CHARS 128
#define VMP_LIMIT_NAME_CHARS 100
#define VMP_LIMIT_TAGS 32
#define VMP_LIMIT_TAG_CHARS 64

/* Characters of any other text that is kept about a node: where it was found, what went wrong last. */
#define VMP_LIMIT_NODE_TEXT_CHARS 500

/* Seconds between two writes of when a node was last seen: without one, every probe would be a write. */
#define VMP_LIMIT_SEEN_STORE_S 3600

/* Characters of a base URL: its host has at most 253 (RFC 1035), its prefix is a path of a few parts. */
#define VMP_LIMIT_URL_CHARS 1024

/* Bytes of a node's token: JWTs of identity providers reach 4 KB. */
#define VMP_LIMIT_TOKEN_BYTES (8 * 1024)

/* Bytes of the file that keeps tokens where there is no keyring: two thousand of the longest, far more usual ones. */
#define VMP_LIMIT_SECRETS_FILE_BYTES (16 * 1024 * 1024)

/* Milliseconds after the start for which clients wait, and nodes are not asked, until the tokens are known: without
 * them nodes refuse. A keyring that runs tells them within 20 ms, one that has to be started within half a second. */
#define VMP_LIMIT_TOKENS_WAIT_MS 1000

/* Values in that file: a token of each node, and as many notes of former ones. */
#define VMP_LIMIT_SECRETS_FILE_VALUES (2 * VMP_LIMIT_NODES)

/* The breaker: failures in a row that open it; milliseconds until one request may try, doubled each time up to the
 * longest. A restart of LM Studio takes some 10 s. */
#define VMP_LIMIT_BREAKER_FAILURES 3
#define VMP_LIMIT_BREAKER_OPEN_MS (5 * 1000)
#define VMP_LIMIT_BREAKER_OPEN_MAX_MS (120 * 1000)

/* -- Discovery ----------------------------------------------------------------------------- */

/* Addresses of one subnet (a /22) and subnets of one scan; ports of one search; connects under way. Home routers'
 * tables overflow with more. */
#define VMP_LIMIT_SCAN_HOSTS 1024
#define VMP_LIMIT_SCAN_SUBNETS 8
#define VMP_LIMIT_SCAN_PORTS 16
#define VMP_LIMIT_SCAN_FLIGHT 64

/* Given base URLs of one search. */
#define VMP_LIMIT_DISCOVER_URLS 256

/* Milliseconds per address that a request may ask for. */
#define VMP_LIMIT_DISCOVER_MS (10 * 1000)

/* Addresses of a scan whose end a client waits for: a dozen seconds of them. A longer one is a job. */
#define VMP_LIMIT_DISCOVER_WAIT 512

/* Jobs that are remembered after their end. */
#define VMP_LIMIT_DISCOVERY_JOBS 16

/* DNS-SD: services that are followed, bytes of a text record (RFC 6763 advises 1300 at most), types that are
 * watched. */
#define VMP_LIMIT_DNSSD_SERVICES 256
#define VMP_LIMIT_DNSSD_TXT_BYTES 1300
#define VMP_LIMIT_DNSSD_TYPES 16

/* -- Documents ----------------------------------------------------------------------------- */

/* Levels of nesting of a document that is parsed into a tree: json-glib recurses. */
#define VMP_LIMIT_DOCUMENT_DEPTH 64

/* Members of one object: names made to collide cost the square of their number; Ollama's largest has some sixty.
 * Values in all: a full megabyte of the briefest model cards has 90 000; one takes half a kilobyte at most. */
#define VMP_LIMIT_DOCUMENT_MEMBERS 256
#define VMP_LIMIT_DOCUMENT_VALUES (128 * 1024)

/* Of a body for the control API: characters of a string, and items of an array, for which nothing smaller is said;
 * faults that are listed, so that an error is not larger than what it is about. */
#define VMP_LIMIT_DOCUMENT_STRING_CHARS (8 * 1024)
#define VMP_LIMIT_DOCUMENT_ITEMS 4096
#define VMP_LIMIT_DOCUMENT_FAULTS 32

/* -- Routing ------------------------------------------------------------------------------- */

/* Candidates of one plan: all nodes there may be. */
#define VMP_LIMIT_CANDIDATES VMP_LIMIT_NODES

/* Routes that stand in for one another in a row. */
#define VMP_LIMIT_FALLBACKS 8

/* Candidates that a recorded plan shows: a home has fewer, and a thousand records of more would take megabytes. */
#define VMP_LIMIT_SHOWN_CANDIDATES 16

/* Sessions, and ids of responses, whose nodes are remembered; seconds without use after which they are not. LM Studio
 * unloads a model after an hour, and with it goes the cache; a conversation is taken up again the next day. */
#define VMP_LIMIT_STICKY (16 * 1024)
#define VMP_LIMIT_SESSION_S (60 * 60)
#define VMP_LIMIT_OWNER_S (7 * 24 * 60 * 60)

/* What is kept of them over a restart: milliseconds for which changes are gathered before they are written, so that
 * requests do not keep the disk busy; seconds between two writes of when one was used. */
#define VMP_LIMIT_OWNER_WRITE_MS 1000
#define VMP_LIMIT_OWNER_STORE_S 3600

/* Bytes of a session's key; of a longer one a hash is kept. */
#define VMP_LIMIT_SESSION_BYTES 256

/* What a client may ask of the gateway itself: bytes of the body's member `vampire`, as much as in a head, and
 * values in it. The longest that anybody has thought of has some sixty. */
#define VMP_LIMIT_OPTIONS_BYTES VMP_LIMIT_HEAD_BYTES
#define VMP_LIMIT_OPTIONS_VALUES 512

/* Beginnings of prompts: bytes of a chunk, chunks of one prompt that are compared (1 MB of text), chunks that are
 * remembered of each node (a node's cache holds a few prompts only). */
#define VMP_LIMIT_PROMPT_CHUNK 1024
#define VMP_LIMIT_PROMPT_CHUNKS 1024
#define VMP_LIMIT_PREFIX_CHUNKS 8192

/* Bytes at the beginning of a prompt in which a line that changes with every request is looked for. The known one has
 * some hundred. */
#define VMP_LIMIT_VOLATILE_BYTES 4096

/* -- Waiting and loading ------------------------------------------------------------------- */

/* Calls that may wait for one model, by default and at most; each holds its body. */
#define VMP_LIMIT_QUEUE 256
#define VMP_LIMIT_QUEUE_CEILING 65536

/* Seconds that a call waits at most, by default: what the longest-reading client allows (OpenAI's, 600 s) leaves as
 * much for the answer. */
#define VMP_LIMIT_QUEUE_S 300

/* Milliseconds before a client gives up at which it is told that it waits in vain: it has to hear it. */
#define VMP_LIMIT_DEADLINE_EARLY_MS 100

/* Seconds that a call waits for a node that is busy with another model, before the node is kept for it, by default. */
#define VMP_LIMIT_PATIENCE_S 20

/* Calls of one model that are tried in vain in its queue's order, and then as many of the rest by turns: different
 * ones may have different constraints. */
#define VMP_LIMIT_QUEUE_TRIES 8

/* Milliseconds for which it is believed that a model which was in memory still is, while nobody uses it: a few
 * requests in a row need no look at the node. LM Studio may unload it at any moment. */
#define VMP_LIMIT_PROOF_MS 2000

/* Milliseconds for a load that is asked for. The largest models take minutes from a hard disk. */
#define VMP_LIMIT_LOAD_MS (15 * 60 * 1000)

/* Milliseconds for which a failed load is not tried again for others. */
#define VMP_LIMIT_LOAD_RETRY_MS (30 * 1000)

/* The same where nobody else is left: one that answered with an error may not have failed to load at all. */
#define VMP_LIMIT_LOAD_RETRY_ALONE_MS (2 * 1000)

/* Milliseconds between two looks at who has waited for too long, and between two comments in a stream that waits;
 * milliseconds before its first one: until then an error may still have a status of its own. */
#define VMP_LIMIT_TICK_MS 1000
#define VMP_LIMIT_COMMENT_AFTER_MS 5000

/* Milliseconds between two reports of a load's progress. */
#define VMP_LIMIT_PROGRESS_MS 500

/* A load whose client has left goes on in LM Studio, which does not tell: milliseconds for which its node is
 * watched at least, until the first look at it, and between two of them at most. They double from the one to the
 * other. */
#define VMP_LIMIT_LOAD_WATCH_MS (10 * 1000)
#define VMP_LIMIT_LOAD_LOOK_MS 250
#define VMP_LIMIT_LOAD_LOOK_MAX_MS 4000

/* Bytes of an answer that is no stream which are held until it is whole, so that an error in the clothes of a success
 * can be told from an answer. Larger ones are embeddings and images. */
#define VMP_LIMIT_ANSWER_LOOK_BYTES (256 * 1024)

/* Bytes of a failed answer that are read for the reason it gives. */
#define VMP_LIMIT_REASON_BYTES (8 * 1024)

/* Bytes of text that can be continued on another node: a novel's length. */
#define VMP_LIMIT_SPLICE_BYTES (4 * 1024 * 1024)

/* Bytes of an id or a model's name that the events of further nodes are given, each of them. Real ones have under
 * 100. */
#define VMP_LIMIT_SPLICE_IDENTITY_BYTES 1024

/* Traces of ended requests that are kept; models and nodes that the counts tell apart. */
#define VMP_LIMIT_TRACES 1000
#define VMP_LIMIT_METRIC_SERIES 1000

/* Bytes of all plans that are kept, the newest ones': a thousand of a home, and with the rest of the traces 2 MB. */
#define VMP_LIMIT_TRACE_PLANS_BYTES (1536 * 1024)

/* Attempts that a trace keeps, and characters of why one failed: what a node says of itself ends up there. */
#define VMP_LIMIT_TRACE_ATTEMPTS 16
#define VMP_LIMIT_TRACE_REASON_CHARS 200

/* Characters of a path in a trace, which its client makes up. */
#define VMP_LIMIT_TRACE_PATH_CHARS 100

/* Statuses and outcomes, and reasons of errors, that are told apart of one model on one node: nodes answer with
 * whatever number they like. */
#define VMP_LIMIT_METRIC_RESULTS 16

/* -- Policy -------------------------------------------------------------------------------- */

/* Client keys: a school's classes each with their own. */
#define VMP_LIMIT_CLIENT_KEYS 1000

/* The longest duration of a share or a key: a year. */
#define VMP_LIMIT_DURATION_SECONDS (366 * 24 * 60 * 60LL)

/* Seconds between two looks at the time of day while something ends by it: timers stand still while a computer
 * sleeps. */
#define VMP_LIMIT_WALL_CLOCK_S 60

/* -- Control API --------------------------------------------------------------------------- */

/* Routes, and targets of one. */
#define VMP_LIMIT_ROUTES 1000
#define VMP_LIMIT_ROUTE_TARGETS 256

/* A target's weight: another one that is not given weighs 1. */
#define VMP_LIMIT_ROUTE_WEIGHT 1000

/* Events that are kept for readers that come back, and their bytes; bytes of one event's data, which for a node
 * with all it may have stay below 20 KB. */
#define VMP_LIMIT_EVENTS 1024
#define VMP_LIMIT_EVENTS_BYTES (512 * 1024)
#define VMP_LIMIT_EVENT_DATA_BYTES (64 * 1024)

/* Readers of events at one time, and bytes that may wait for a slow one before it is let go: twice what is kept,
 * since one that comes back begins with that. Seconds between the comments that show each side that the other is
 * there: proxies end what is silent for a minute. */
#define VMP_LIMIT_EVENT_READERS 64
#define VMP_LIMIT_EVENT_READER_BYTES (1024 * 1024)
#define VMP_LIMIT_EVENT_COMMENT_S 15

/* Nodes that do not answer at which the doctor knocks: a few more than it tells of. Milliseconds for all of them. */
#define VMP_LIMIT_KNOCKS 8
#define VMP_LIMIT_KNOCK_MS 2000

/* Gateways that a request may have come through. */
#define VMP_LIMIT_HOPS 8

/* -- Client of the control API ------------------------------------------------------------- */

/* Seconds to connect, and between two pieces of an answer; the event stream has a comment every 15 s. */
#define VMP_LIMIT_CLIENT_CONNECT_S 5
#define VMP_LIMIT_CLIENT_READ_S 30

/* Connections to the gateway at one time: the windows follow events, ask several things, and have as many chats run
 * as two models and a few conversations make. The library's two would let a chat wait for the other's end. */
#define VMP_LIMIT_CLIENT_CONNECTIONS 32

/* Bytes of an answer, values in it (10,000 nodes with a dozen models each fit), and bytes of an event. */
#define VMP_LIMIT_CLIENT_ANSWER_BYTES (128 * 1024 * 1024)
#define VMP_LIMIT_CLIENT_ANSWER_VALUES (4 * 1024 * 1024)
#define VMP_LIMIT_CLIENT_EVENT_BYTES (1024 * 1024)

/* -- Playground ---------------------------------------------------------------------------- */

/* Bytes of one answer or question in a chat, and of the reasoning before it: ten times what models write at most
 * today. What comes after is not taken, and the answer is ended. */
#define VMP_LIMIT_CHAT_TEXT_BYTES (1024 * 1024)

/* Messages of one chat: past any model's context. */
#define VMP_LIMIT_CHAT_MESSAGES 1000

/* Images of one question; bytes of an image file that is read, and pixels that it may have (a camera's hundred
 * megapixels); pixels of the longer edge that is sent, more of which vision models throw away; bytes that are sent as
 * they are in place of being made smaller. */
#define VMP_LIMIT_CHAT_IMAGES 8
#define VMP_LIMIT_CHAT_IMAGE_FILE_BYTES (32 * 1024 * 1024)
#define VMP_LIMIT_CHAT_IMAGE_PIXELS (120 * 1000 * 1000)
#define VMP_LIMIT_CHAT_IMAGE_EDGE 2048
#define VMP_LIMIT_CHAT_IMAGE_BYTES (2 * 1024 * 1024)

/* Bytes of Markdown, code blocks aside, that are read in one go: what is longer is cut, so that no text can be made
 * to take long. Levels of lists and quotes that are shown, and of styles inside one another. Cells of a table.
 * Blocks of an answer, each of which is a widget; what comes after them is shown as it is. */
#define VMP_LIMIT_MARKDOWN_PIECE_BYTES (8 * 1024)
#define VMP_LIMIT_MARKDOWN_LEVELS 8
#define VMP_LIMIT_MARKDOWN_SPANS 16
#define VMP_LIMIT_MARKDOWN_CELLS 600
#define VMP_LIMIT_MARKDOWN_BLOCKS 2000

/* Kept conversations that are listed, the newest ones, and bytes of the file of one, images included. */
#define VMP_LIMIT_CONVERSATIONS 1000
#define VMP_LIMIT_CONVERSATION_BYTES (64 * 1024 * 1024)

/* -- Process ------------------------------------------------------------------------------- */

/* Open files to ask for: two for each of the client connections that are allowed, and room. The usual soft limit of
 * 1024 is for programs that use select(). */
#define VMP_LIMIT_OPEN_FILES 16384

/* Milliseconds that running answers get to end after the first SIGTERM. */
#define VMP_LIMIT_DRAIN_MS (10 * 1000)

/* -- Desktop ------------------------------------------------------------------------------- */

/* Orders to the windows that may wait for them to be read: more than anybody can click. */
#define VMP_LIMIT_WINDOW_ORDERS 64

/* Milliseconds between two readings of what the tray shows, however much happens. */
#define VMP_LIMIT_TRAY_READ_MS 1000

/* Milliseconds that a tray gets to come after an app that was started in the background: panels start late. */
#define VMP_LIMIT_TRAY_WAIT_MS (30 * 1000)

/* Nodes that the tray's menu lists; all of them are in the window. */
#define VMP_LIMIT_TRAY_NODES 10

/* Notifications of nodes that wait: at most so many a minute, then one for all, and none twice for the same node
 * within ten minutes. A network full of strangers must not be able to shout at its owner. */
#define VMP_LIMIT_NOTICES_PER_MINUTE 3
#define VMP_LIMIT_NOTICE_AGAIN_S 600

/* Milliseconds after the end of another's gateway before the app hosts one itself: a service that is restarted is
 * back by then. */
#define VMP_LIMIT_TAKE_OVER_MS (10 * 1000)
