/* SPDX-License-Identifier: MIT
 *
 * Implementation of the OpenAI surface.
 */

#include "gateway/vmp-surface-openai.h"

/* A request of this surface: the call, and the exchange that answers it on the connection. */
typedef struct {
  VmpConnection *connection;
  VmpExchange *exchange;
  VmpCall call;
} Answer;

static void
sink_head (gpointer            sink,
           guint               status,
           VmpSlice            reason,
           const VmpHttpField *fields,
           guint               n_fields,
           gint64              length)
{
  Answer *answer = sink;

  vmp_connection_head (answer->connection, status, reason, fields, n_fields, length);
}

static void
sink_body (gpointer    sink,
           const char *data,
           gsize       len)
{
  Answer *answer = sink;

  vmp_connection_body (answer->connection, data, len);
}

static gboolean
sink_has_room (gpointer sink)
{
  Answer *answer = sink;

  return vmp_connection_has_room (answer->connection);
}

static void
sink_end (gpointer   sink,
          VmpOutcome outcome)
{
  g_autofree Answer *answer = sink;

  vmp_connection_set_outcome (answer->connection, vmp_outcome_to_string (outcome));
  vmp_connection_end (answer->connection);
}

static void
sink_problem (gpointer    sink,
              VmpOutcome  outcome,
              VmpProblem  problem,
              const char *message)
{
  g_autofree Answer *answer = sink;

  vmp_connection_set_outcome (answer->connection, vmp_outcome_to_string (outcome));
  vmp_connection_problem (answer->connection, problem, message);
}

static void
sink_tear (gpointer   sink,
           VmpOutcome outcome)
{
  g_autofree Answer *answer = sink;

  vmp_connection_set_outcome (answer->connection, vmp_outcome_to_string (outcome));
  vmp_connection_tear (answer->connection);
}

static const VmpReplySink sink_funcs = {
  .head = sink_head,
  .body = sink_body,
  .has_room = sink_has_room,
  .end = sink_end,
  .problem = sink_problem,
  .tear = sink_tear,
};

static void
answerer_drained (gpointer user_data)
{
  Answer *answer = user_data;

  vmp_exchange_drained (answer->exchange);
}

static void
answerer_gone (gpointer user_data)
{
  g_autofree Answer *answer = user_data;

  vmp_exchange_client_gone (answer->exchange);
}

static const VmpAnswererFuncs answerer_funcs = {
  .drained = answerer_drained,
  .gone = answerer_gone,
};

void
vmp_surface_openai_answer (VmpConnection    *connection,
                           const VmpRequest *request,
                           VmpRelay         *relay,
                           VmpNode          *node)
{
  Answer *answer = g_new (Answer, 1);
  const VmpHttpHead *head = &request->head;

  answer->connection = connection;
  answer->call = (VmpCall) {
    .method = head->method,
    .target = head->target,
    .path = head->path,
    .fields = head->fields,
    .n_fields = head->n_fields,
    .body = request->body,
    .body_len = request->body_len,
    .has_body = head->framing != VMP_BODY_NONE || head->has_content_length,
    .started = request->started,
  };

  vmp_connection_set_node (connection, vmp_node_get_id (node));
  vmp_connection_set_answerer (connection, &answerer_funcs, answer);
  answer->exchange = vmp_exchange_start (relay, &answer->call, node, &sink_funcs, answer);
}
