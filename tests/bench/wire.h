/* SPDX-License-Identifier: MIT
 *
 * What the benchmark's upstream and its load generator say to each other through a gateway: the request,
 * the two kinds of answer, and the field that picks the kind. Both include this file, so that the receiver
 * can check every byte it gets. No gateway reads any of it.
 */

#pragma once

#include <glib.h>
#include <string.h>
#include <time.h>

G_BEGIN_DECLS

/* The request field that picks how a chat completion is answered; end-to-end, so a gateway passes it on.
 *
 *   (absent)                    the JSON document below
 *   flat MS                     events as fast as the socket takes them, for MS milliseconds
 *   paced RATE COUNT INDEX OF   COUNT events, RATE a second, as number INDEX of OF streams spread over the period
 *   hold                        one event, and then silence until the client leaves
 */
#define VMP_BENCH_FIELD "X-Bench"

#define VMP_BENCH_PATH "/v1/chat/completions"

/* A short chat turn, as an agent sends by the dozen. */
#define VMP_BENCH_PROMPT(stream) \
  "{\"model\":\"bench-7b-instruct\",\"messages\":[" \
  "{\"role\":\"system\",\"content\":\"You are a careful assistant. Answer in the language of the question, in at " \
  "most three sentences, and say so when you are not sure of a fact.\"}," \
  "{\"role\":\"user\",\"content\":\"Why does a kettle hum before the water in it boils, and why does it go quiet " \
  "just before it does?\"}]," \
  "\"temperature\":0.7,\"max_tokens\":256,\"stream\":" stream "}"

/* The whole answer that is not streamed: 1 KiB, as LM Studio writes a paragraph. */
#define VMP_BENCH_REPLY \
  "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1700000000," \
  "\"model\":\"bench-7b-instruct\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":" \
  "\"The hum comes from small bubbles of steam. Water touching the heating element passes its boiling point first " \
  "and turns to vapour there, while the water above it is still cooler. Each bubble rises a little, meets that " \
  "cooler water, gives up its heat and collapses; thousands of such collapses a second knock on the water and on " \
  "the walls of the kettle, and the walls pass the sound on to the air. As the water warms, the bubbles rise " \
  "further before they collapse, and the pitch changes with them. Shortly before boiling the whole of the water " \
  "is nearly hot enough for the bubbles to reach the surface whole: they no longer collapse, the knocking stops, " \
  "and the kettle goes quiet until the rolling of the boil itself begins.\"},\"logprobs\":null," \
  "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":61,\"completion_tokens\":168,\"total_tokens\":229}," \
  "\"system_fingerprint\":\"bench-7b-instruct\"}"

/* An event has one length, so that it can be stamped in place and checked by comparing. The stamp is the
 * time of sending, CLOCK_MONOTONIC in nanoseconds, right-aligned in spaces (0 in flat streams). */
#define VMP_BENCH_EVENT_HEAD \
  "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1700000000," \
  "\"model\":\"bench-7b\",\"sent_ns\":"
#define VMP_BENCH_EVENT_STAMP "                   0"
#define VMP_BENCH_EVENT_TAIL \
  ",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" kettle\"},\"finish_reason\":null}]}\n\n"
#define VMP_BENCH_EVENT VMP_BENCH_EVENT_HEAD VMP_BENCH_EVENT_STAMP VMP_BENCH_EVENT_TAIL

#define VMP_BENCH_EVENT_BYTES (sizeof (VMP_BENCH_EVENT) - 1)
#define VMP_BENCH_STAMP_OFFSET (sizeof (VMP_BENCH_EVENT_HEAD) - 1)
#define VMP_BENCH_STAMP_BYTES (sizeof (VMP_BENCH_EVENT_STAMP) - 1)

/* The last two events: how many came before them, so that the receiver knows whether any were lost. */
#define VMP_BENCH_END_HEAD "data: {\"object\":\"bench.end\",\"events\":"
#define VMP_BENCH_END_FORMAT VMP_BENCH_END_HEAD "%" G_GUINT64_FORMAT "}\n\n"
#define VMP_BENCH_DONE "data: [DONE]\n\n"

/* Nanoseconds of CLOCK_MONOTONIC, which all processes of one machine share. */
static inline gint64
vmp_bench_now (void)
{
  struct timespec now;

  clock_gettime (CLOCK_MONOTONIC, &now);
  return now.tv_sec * G_GINT64_CONSTANT (1000000000) + now.tv_nsec;
}

G_END_DECLS
