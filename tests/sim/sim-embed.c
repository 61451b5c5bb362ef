/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: /v1/embeddings and /api/v0/embeddings. A text's vector is the
 * sum of its words' vectors, so that texts which share words are near to each other.
 */

#include "sim-config.h"
#include "sim-json.h"
#include "sim-models.h"
#include "sim-route.h"
#include "sim-stats.h"
#include "sim-text.h"

#include <math.h>
#include <string.h>

#define DIMENSIONS 768

typedef struct {
  Sim *sim;
  SimExchange *exchange;
  JsonNode *request;
  SimSeat seat;
  SimTimer timer;
} Embedding;

static void
embedding_free (Embedding *self)
{
  sim_timer_disarm (self->sim->timers, &self->timer);
  sim_seat_leave (&self->seat);
  json_node_unref (self->request);
  g_free (self);
}

static void
add_word (float      *vector,
          const char *word,
          gsize       len)
{
  guint64 state = sim_hash (SIM_HASH_START, word, len);

  /* Four numbers of each draw. */
  for (guint i = 0; i < DIMENSIONS; i += 4)
    {
      guint64 bits = sim_random_next (&state);

      for (guint j = 0; j < 4; j++)
        vector[i + j] += (float) (gint16) (bits >> (16 * j)) / 32768.0f;
    }
}

static void
embed_text (const char *text,
            gsize       len,
            float      *vector)
{
  double square = 0;

  memset (vector, 0, DIMENSIONS * sizeof *vector);
  add_word (vector, "", 0);
  for (gsize i = 0; i < len;)
    {
      gsize end = sim_text_token_end (text, i, len);
      g_autofree char *word = NULL;

      while (i < end && text[i] == ' ')
        i++;
      word = g_ascii_strdown (text + i, (gssize) (end - i));
      if (end > i)
        add_word (vector, word, end - i);
      i = end;
    }
  for (guint i = 0; i < DIMENSIONS; i++)
    square += (double) vector[i] * vector[i];
  for (guint i = 0; i < DIMENSIONS; i++)
    vector[i] = (float) (vector[i] / sqrt (square));
}

static void
write_vector (SimJson     *json,
              const float *vector,
              gboolean     as_base64)
{
  char number[32];
  guint32 bits[DIMENSIONS];
  g_autofree char *base64 = NULL;

  if (!as_base64)
    {
      sim_json_begin (json, "embedding", '[');
      for (guint i = 0; i < DIMENSIONS; i++)
        sim_json_raw (json, NULL, g_ascii_formatd (number, sizeof number, "%.9g", vector[i]));
      sim_json_end (json, ']');
      return;
    }

  memcpy (bits, vector, sizeof bits);
  for (guint i = 0; i < DIMENSIONS; i++)
    bits[i] = GUINT32_TO_LE (bits[i]);
  base64 = g_base64_encode ((const guchar *) bits, sizeof bits);
  sim_json_string (json, "embedding", base64);
}

/* Each input's text; token numbers are taken for text. */
static GPtrArray *
read_inputs (JsonObject *request)
{
  JsonNode *input = json_object_get_member (request, "input");
  GPtrArray *inputs = g_ptr_array_new_with_free_func (g_free);
  JsonArray *array = input != NULL && JSON_NODE_HOLDS_ARRAY (input) ? json_node_get_array (input) : NULL;

  if (sim_json_as_string (input) != NULL)
    g_ptr_array_add (inputs, g_strdup (sim_json_as_string (input)));
  else if (array != NULL && json_array_get_length (array) > 0 && sim_json_is_number (json_array_get_element (array, 0)))
    g_ptr_array_add (inputs, json_to_string (input, FALSE));
  else
    for (guint i = 0; array != NULL && i < json_array_get_length (array); i++)
      {
        JsonNode *element = json_array_get_element (array, i);
        const char *text = sim_json_as_string (element);

        g_ptr_array_add (inputs, text != NULL ? g_strdup (text) : json_to_string (element, FALSE));
      }

  return inputs;
}

static void
reply (Embedding *self)
{
  const SimConfig *config = self->sim->config;
  JsonObject *request = json_node_get_object (self->request);
  g_autoptr (GPtrArray) inputs = read_inputs (request);
  gboolean is_v0 = g_str_has_prefix (self->exchange->head->path, "/api/v0/");
  /* Older builds did not know encoding_format, nor did they count tokens. */
  gboolean as_base64 = g_strcmp0 (sim_json_get_string (request, "encoding_format"), "base64") == 0
                       && sim_config_since (config, SIM_VERSION (0, 4, 0));
  gboolean counts = !is_v0 && sim_config_since (config, SIM_VERSION (0, 4, 4));
  GString *body = g_string_sized_new (16 * 1024);
  SimJson json = { .out = body };
  float vector[DIMENSIONS];
  guint64 tokens = 0;

  sim_json_begin (&json, NULL, '{');
  sim_json_string (&json, "object", "list");
  sim_json_begin (&json, "data", '[');
  for (guint i = 0; i < inputs->len; i++)
    {
      const char *text = inputs->pdata[i];

      embed_text (text, strlen (text), vector);
      tokens += sim_text_count_tokens (text, strlen (text));
      sim_json_begin (&json, NULL, '{');
      sim_json_string (&json, "object", "embedding");
      write_vector (&json, vector, as_base64);
      sim_json_int (&json, "index", i);
      sim_json_end (&json, '}');
    }
  sim_json_end (&json, ']');
  sim_json_string (&json, "model", self->seat.instance->id);
  sim_json_begin (&json, "usage", '{');
  sim_json_int (&json, "prompt_tokens", counts ? (gint64) tokens : 0);
  sim_json_int (&json, "total_tokens", counts ? (gint64) tokens : 0);
  sim_json_end (&json, '}');
  sim_json_end (&json, '}');

  sim_exchange_reply_json (self->exchange, 200, body);
  sim_stats_add (self->sim->stats, SIM_COUNT_FINISHED_GENERATIONS, 1);
  embedding_free (self);
}

static void
timer_fired (gpointer data)
{
  reply (data);
}

static void
seat_granted (SimSeat *seat)
{
  Embedding *self = seat->data;
  double ms = self->sim->config->ttft_ms;

  if (ms > 0)
    sim_timer_arm_ms (self->sim->timers, &self->timer, ms);
  else
    reply (self);
}

static void
seat_lost (SimSeat        *seat,
           const SimError *error)
{
  Embedding *self = seat->data;

  sim_stats_add (self->sim->stats, SIM_COUNT_FAILED_GENERATIONS, 1);
  sim_error_reply (error, self->exchange, SIM_DIALECT_OPENAI);
  embedding_free (self);
}

static void
client_gone (SimExchange *exchange,
             SimGone      gone,
             gpointer     data)
{
  Embedding *self = data;

  if (gone == SIM_GONE_CLIENT)
    sim_stats_add (self->sim->stats, SIM_COUNT_ABORTED_GENERATIONS, 1);
  embedding_free (self);
}

void
sim_openai_embed (SimExchange *exchange)
{
  g_autoptr (JsonNode) root = sim_route_read_object (exchange, SIM_DIALECT_OPENAI);
  g_autoptr (SimError) error = NULL;
  SimInstance *instance;
  JsonObject *request;
  Embedding *self;
  gboolean loads;

  if (root == NULL)
    return;

  request = json_node_get_object (root);
  if (!json_object_has_member (request, "input"))
    {
      error = sim_error_new (SIM_ERROR_INVALID, "input", "'input' field is required");
      sim_error_reply (error, exchange, SIM_DIALECT_OPENAI);
      return;
    }
  instance = sim_models_demand (exchange->sim->models, sim_json_get_string (request, "model"), TRUE,
                                sim_json_get_number (request, "ttl", -1), 0, &loads, &error);
  if (instance == NULL)
    {
      sim_error_reply (error, exchange, SIM_DIALECT_OPENAI);
      return;
    }

  self = g_new0 (Embedding, 1);
  self->sim = exchange->sim;
  self->exchange = exchange;
  self->request = g_steal_pointer (&root);
  self->seat = (SimSeat) { .granted = seat_granted, .lost = seat_lost, .data = self };
  sim_timer_init (&self->timer, timer_fired, self);
  sim_exchange_watch (exchange, client_gone, NULL, self);
  sim_seat_take (&self->seat, instance);
}
