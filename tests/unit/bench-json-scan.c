/* SPDX-License-Identifier: MIT
 *
 * How fast the span scanner reads the kinds of bodies that clients send. It prints a line per kind,
 * in GB (10^9 bytes) a second of processor time, the best of several runs. It judges nothing.
 */

#include <stdlib.h>
#include <time.h>

#include "core/vmp-json-scan.h"

#define BODY_BYTES (4 * 1024 * 1024)
#define RUNS 15

#define PROSE "The quick brown fox jumps over the lazy dog, and then explains at some length why it did so. "
#define CODE "for (int i = 0; i < n; i++)\\n\\t{\\n\\t  printf (\\\"%d\\\\n\\\", values[i]);\\n\\t}\\n"
#define BASE64 "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg"
#define CHINESE "\xe4\xbd\xa0\xe5\xa5\xbd\xef\xbc\x8c\xe4\xb8\x96\xe7\x95\x8c\xe3\x80\x82"
#define RUSSIAN "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82, \xd0\xbc\xd0\xb8\xd1\x80! "
#define GERMAN "Fr\xc3\xbchst\xc3\xbc" "ck f\xc3\xbcr gro\xc3\x9f" "e B\xc3\xa4ren kostet Geld. "
#define EMOJI "Well done \xf0\x9f\x8e\x89\xf0\x9f\xa6\x87, on to the next step. "
#define ESCAPED "\\u4f60\\u597d\\uff0c\\u4e16\\u754c\\u3002"

/* A body is @head, then @item as often as fits, with "," between where @commas, then @tail. */
typedef struct {
  const char *kind;
  const char *head;
  const char *item;
  const char *tail;
  gboolean commas;
} Body;

#define ONE_MESSAGE "{\"model\":\"qwen3\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\""
#define ONE_MESSAGE_END "\"}]}"
#define MESSAGES "{\"model\":\"qwen3\",\"stream\":true,\"messages\":["
#define MESSAGES_END "],\"temperature\":0.7,\"max_tokens\":512}"

static const Body bodies[] = {
  { "one long text", ONE_MESSAGE, PROSE, ONE_MESSAGE_END, FALSE },
  { "base64 image", ONE_MESSAGE, BASE64, ONE_MESSAGE_END, FALSE },
  { "source code, escapes", ONE_MESSAGE, CODE, ONE_MESSAGE_END, FALSE },
  { "\\uXXXX throughout", ONE_MESSAGE, ESCAPED, ONE_MESSAGE_END, FALSE },
  { "German UTF-8", ONE_MESSAGE, GERMAN, ONE_MESSAGE_END, FALSE },
  { "Russian UTF-8", ONE_MESSAGE, RUSSIAN, ONE_MESSAGE_END, FALSE },
  { "Chinese UTF-8", ONE_MESSAGE, CHINESE, ONE_MESSAGE_END, FALSE },
  { "emoji UTF-8", ONE_MESSAGE, EMOJI, ONE_MESSAGE_END, FALSE },
  { "many messages", MESSAGES,
    "{\"role\":\"user\",\"content\":\"" PROSE "\"},{\"role\":\"assistant\",\"content\":\"" PROSE PROSE PROSE "\"}",
    MESSAGES_END, TRUE },
  { "many tiny messages", MESSAGES,
    "{\"role\":\"user\",\"content\":\"What is next?\"},{\"role\":\"assistant\",\"content\":\"Step two.\"}",
    MESSAGES_END, TRUE },
  { "pretty-printed", "{\n  \"model\": \"qwen3\",\n  \"messages\": [",
    "\n    {\n      \"role\": \"user\",\n      \"content\": [\n        {\n          \"type\": \"text\",\n"
    "          \"text\": \"" PROSE "\"\n        }\n      ]\n    }",
    "\n  ]\n}\n", TRUE },
  { "tool definitions", "{\"model\":\"qwen3\",\"tools\":[",
    "{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"description\":\"Get the weather of a place.\","
    "\"parameters\":{\"type\":\"object\",\"properties\":{\"place\":{\"type\":\"string\"},"
    "\"unit\":{\"type\":\"string\",\"enum\":[\"c\",\"f\"]}},\"required\":[\"place\"]}}}",
    "]}", TRUE },
  { "token numbers", "{\"model\":\"nomic\",\"input\":[", "9906,11,1917,0,128009,271,15339", "]}", TRUE },
};

static GString *
build (const Body *body)
{
  GString *text = g_string_sized_new (BODY_BYTES + 4096);

  g_string_append (text, body->head);
  while (text->len < BODY_BYTES)
    {
      g_string_append (text, body->item);
      if (body->commas && text->len < BODY_BYTES)
        g_string_append_c (text, ',');
    }
  g_string_append (text, body->tail);

  return text;
}

int
main (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (bodies); i++)
    {
      GString *text = build (&bodies[i]);
      double best = G_MAXDOUBLE;

      for (int run = 0; run < RUNS; run++)
        {
          clock_t start = clock ();
          VmpJsonScan scan;

          if (!vmp_json_scan (text->str, text->len, &scan))
            {
              g_printerr ("The body \"%s\" was taken for opaque.\n", bodies[i].kind);
              return EXIT_FAILURE;
            }
          best = MIN (best, (double) (clock () - start) / CLOCKS_PER_SEC);
        }

      g_print ("%-22s %6.2f GB/s\n", bodies[i].kind, (double) text->len / 1e9 / MAX (best, 1e-6));
      g_string_free (text, TRUE);
    }

  return EXIT_SUCCESS;
}
