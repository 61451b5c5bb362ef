/* SPDX-License-Identifier: MIT
 *
 * What is made of what a node says. LM Studio's own words were learnt from its documentation and its users' reports:
 * an unknown endpoint is a success with an `error`, a stream may fail with `event: error`, and a model that is not in
 * memory is a 400 or a 404 by its version.
 */

#include "relay/vmp-asking-private.h"

#include "core/vmp-json-string.h"
#include "core/vmp-json.h"
#include "core/vmp-limits.h"
#include "core/vmp-text.h"

#include <string.h>

/* Characters of what a node says that are repeated. */
#define SAID_CHARS 300

/* Values in an error's document that are looked at; it is a small thing. */
#define ERROR_VALUES 256

void
vmp_asking_failure_clear (VmpAskingFailure *self)
{
  g_clear_pointer (&self->message, g_free);
  g_clear_pointer (&self->reason, g_free);
}

/* -- What is said -------------------------------------------------------------------------- */

/* The text of the value of `error`: a string, or an object with a `message`. */
static char *
describe_error (const char *json,
                gsize       len)
{
  g_autoptr (JsonNode) root = vmp_json_parse_up_to (json, len, ERROR_VALUES, NULL);
  const char *text = NULL;

  if (root != NULL && JSON_NODE_HOLDS_OBJECT (root))
    text = vmp_json_get_string (json_node_get_object (root), "message");
  else if (root != NULL && JSON_NODE_HOLDS_VALUE (root) && json_node_get_value_type (root) == G_TYPE_STRING)
    text = json_node_get_string (root);

  return text != NULL && *text != '\0' ? vmp_text_display (text, SAID_CHARS) : g_strdup ("an error without a word");
}

/* Whether there is a name `error` anywhere. Every short answer is searched for it, and nearly none has it. */
static gboolean
names_error (const char *p,
             gsize       len)
{
  static const char name[] = "\"error\"";
  const gsize last = strlen (name) - 1;

#if VMP_HAVE_SSE2
  const char *end = p + len;

  for (; (gsize) (end - p) >= 16 + last; p += 16)
    {
      __m128i quotes = _mm_and_si128 (vmp_bytes_equal (vmp_bytes_load ((const guint8 *) p), '"'),
                                      vmp_bytes_equal (vmp_bytes_load ((const guint8 *) p + last), '"'));
      __m128i letters = vmp_bytes_equal (vmp_bytes_load ((const guint8 *) p + 1), 'e');

      if (vmp_bytes_mask (_mm_and_si128 (quotes, letters)) != 0 && memmem (p, 16 + last, name, last + 1) != NULL)
        return TRUE;
    }
  len = end - p;
#endif

  return memmem (p, len, name, last + 1) != NULL;
}

char *
vmp_asking_find_error (const char *body,
                       gsize       len)
{
  VmpJsonScan scan;
  const VmpJsonMember *error = &scan.members[VMP_MEMBER_ERROR];

  /* Nearly every answer is told from an error by this alone. */
  if (body == NULL || !names_error (body, len))
    return NULL;
  if (!vmp_json_scan (body, len, &scan))
    return NULL;
  if (error->type != VMP_JSON_STRING && error->type != VMP_JSON_OBJECT)
    return NULL;

  return describe_error (body + error->value.start, error->value.end - error->value.start);
}

/* The next line, without its end. FALSE: there is none. */
static gboolean
next_line (VmpSlice *rest,
           VmpSlice *line)
{
  gsize len = 0;

  if (rest->len == 0)
    return FALSE;

  while (len < rest->len && rest->data[len] != '\n' && rest->data[len] != '\r')
    len++;
  *line = (VmpSlice) { rest->data, len };
  if (len + 1 < rest->len && rest->data[len] == '\r' && rest->data[len + 1] == '\n')
    len++;
  len = MIN (len + 1, rest->len);
  rest->data += len;
  rest->len -= len;

  return TRUE;
}

/* The value of a line's field. FALSE: it is another field's line. */
static gboolean
read_field (VmpSlice    line,
            const char *name,
            VmpSlice   *value)
{
  gsize len = strlen (name);

  if (line.len < len || memcmp (line.data, name, len) != 0 || (line.len > len && line.data[len] != ':'))
    return FALSE;

  len = MIN (len + 1, line.len);
  *value = (VmpSlice) { line.data + len, line.len - len };
  if (value->len > 0 && value->data[0] == ' ')
    *value = (VmpSlice) { value->data + 1, value->len - 1 };

  return TRUE;
}

VmpFirstEvent
vmp_asking_look_at_events (const char *data,
                           gsize       len,
                           char      **said)
{
  VmpSlice rest = { data, len };
  VmpSlice line;
  VmpSlice value;
  VmpSlice content = { NULL, 0 };
  gboolean is_error = FALSE;

  while (next_line (&rest, &line))
    {
      if (line.len == 0 && content.data != NULL)
        break;
      if (line.len == 0)
        is_error = FALSE;
      else if (read_field (line, "event", &value))
        is_error = vmp_slice_equal (value, "error");
      else if (content.data == NULL && read_field (line, "data", &value))
        content = value;
    }
  if (content.data == NULL)
    return VMP_FIRST_EVENT_NONE;

  *said = vmp_asking_find_error (content.data, content.len);
  if (*said == NULL && is_error)
    *said = describe_error (content.data, content.len);

  return *said != NULL ? VMP_FIRST_EVENT_ERROR : VMP_FIRST_EVENT_DATA;
}

gsize
vmp_asking_find_error_event (const char *data,
                             gsize       len,
                             char      **said)
{
  VmpSlice rest = { data, len };
  VmpSlice line;
  gsize start = 0;

  while (next_line (&rest, &line))
    {
      gsize end = rest.data - data;

      if (line.len > 0)
        continue;
      if (vmp_asking_look_at_events (data + start, end - start, said) == VMP_FIRST_EVENT_ERROR)
        return start;
      start = end;
    }

  return len;
}

/* -- Whose fault it is --------------------------------------------------------------------- */

static gboolean
says_one_of (const char         *said,
             const char * const *words)
{
  g_autofree char *lower = g_utf8_strdown (said, -1);

  for (; *words != NULL; words++)
    {
      if (strstr (lower, *words) != NULL)
        return TRUE;
    }

  return FALSE;
}

static gboolean
says_nothing_is_loaded (const char *said)
{
  static const char * const words[] = { "no models loaded", "no model loaded", "model is not loaded",
                                        "model not loaded", NULL };

  return says_one_of (said, words);
}

/* What a server that does not load by itself says of a model that it lists, while it has another one in memory. */
static gboolean
says_this_is_not_loaded (const char *said)
{
  static const char * const words[] = { "invalid model identifier", NULL };

  return says_one_of (said, words);
}

static gboolean
says_loading_failed (const char *said)
{
  static const char * const words[] = { "failed to load", "error loading model", "insufficient system resources",
                                        "model load", NULL };
  /* What comes with a prompt is loaded as well, and a picture that cannot be tells nothing of the model. */
  static const char * const others[] = { "load image", "load the image", "load audio", "load the audio", NULL };

  return says_one_of (said, words) && !says_one_of (said, others);
}

gboolean
vmp_asking_is_for_others (const char *said)
{
  static const char * const words[] = { "model not found", "model_not_found", "unknown model",
                                        "invalid model identifier",
                                        "unexpected endpoint", "model has crashed", "model does not exist", NULL };

  return says_nothing_is_loaded (said) || says_loading_failed (said) || says_one_of (said, words);
}

gboolean
vmp_asking_is_nodes_fault (const char *said)
{
  /* What another node would say of the same request. */
  static const char * const requests[] = { "context", "token", "prompt", "invalid", "support", "required", "must be",
                                           "endpoint", "schema", "not found", NULL };

  return said != NULL && !says_nothing_is_loaded (said) && !says_one_of (said, requests);
}

gboolean
vmp_asking_expects_done (const VmpCall *call)
{
  static const char end[] = "/completions";

  return call->path.len >= strlen (end)
         && memcmp (call->path.data + call->path.len - strlen (end), end, strlen (end)) == 0;
}

/* -- How it is told ------------------------------------------------------------------------ */

/* What the owner can do when nobody answers there. Most often the server is off, or listens to its own computer
 * only. */
static const char *
remedy_for (VmpNode *node)
{
  const char *host = node->base_url->host;
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (host);

  if (g_str_equal (host, "localhost") || (address != NULL && g_inet_address_get_is_loopback (address)))
    return "Start LM Studio and switch on its server in the Developer tab.";

  return "Start LM Studio on that computer, switch on its server in the Developer tab, and turn on Serve on Local "
         "Network there.";
}

static const char *
name_of (VmpNode *node)
{
  return vmp_provider_get_name (node->provider == VMP_PROVIDER_AUTO ? VMP_PROVIDER_LMSTUDIO : node->provider);
}

/* Makes it a sentence; who comes from another computer is not told which nodes there are. */
static void
finish_message (const VmpCall    *call,
                VmpAskingFailure *failure)
{
  failure->message[0] = g_ascii_toupper (failure->message[0]); /* "an OpenAI-compatible server" */
  if (!call->is_shared)
    return;

  g_free (failure->message);
  failure->message = g_strdup ("The computer that has this model did not answer as it should.");
}

void
vmp_asking_judge_answer (VmpNode          *node,
                         const VmpCall    *call,
                         guint             status,
                         const char       *said,
                         VmpAskingFailure *failure)
{
  failure->problem = VMP_PROBLEM_UPSTREAM_UNAVAILABLE;
  failure->is_answer = TRUE;
  failure->is_busy = status == 429 || status == 503;
  if (said != NULL)
    {
      failure->loads_nothing = says_nothing_is_loaded (said) || says_this_is_not_loaded (said);
      failure->could_not_load = says_loading_failed (said);
      failure->is_models = status < 500 && vmp_asking_is_for_others (said);
      failure->reason = g_strdup_printf ("said \"%s\"", said);
    }
  else
    {
      failure->reason = g_strdup_printf ("answered with status %u", status);
    }
  failure->message = g_strdup_printf ("%s at %s %s.", name_of (node), node->base_url->text, failure->reason);
  finish_message (call, failure);
}

VmpTrafficResult
vmp_asking_judge_end (VmpNode          *node,
                      const VmpCall    *call,
                      VmpTransferEnd    end,
                      const char       *reason,
                      gboolean          had_begun,
                      VmpAskingFailure *failure)
{
  const char *name = name_of (node);
  const char *base_url = node->base_url->text;
  VmpTrafficResult result = VMP_TRAFFIC_FAILED;

  failure->problem = VMP_PROBLEM_UPSTREAM_UNAVAILABLE;
  switch (end)
    {
    case VMP_TRANSFER_NO_CONNECTION:
      result = VMP_TRAFFIC_UNREACHABLE;
      failure->reason = g_strdup_printf ("cannot be reached (%s)", reason);
      failure->message = g_strdup_printf ("%s at %s cannot be reached (%s). %s", name, base_url, reason,
                                          remedy_for (node));
      break;

    case VMP_TRANSFER_NOT_ALLOWED:
      result = VMP_TRAFFIC_UNREACHABLE;
      failure->reason = g_strdup_printf ("may not be reached: %s", reason);
      failure->message = g_strdup_printf ("%s at %s may not be reached: %s.", name, base_url, reason);
      break;

    case VMP_TRANSFER_MOVED:
    case VMP_TRANSFER_KEY_CHANGED:
      result = VMP_TRAFFIC_ABANDONED;
      failure->reason = g_strdup_printf ("is not the one its owner approved: %s", reason);
      failure->message = g_strdup_printf ("%s at %s is not the one its owner approved: %s. Nothing was sent to it. If "
                                          "this is right, approve it again.", name, base_url, reason);
      failure->suspended = end == VMP_TRANSFER_MOVED ? "Its address has changed."
                                                     : "The key of its certificate has changed.";
      break;

    case VMP_TRANSFER_KEY_UNKNOWN:
      result = VMP_TRAFFIC_UNREACHABLE;
      failure->reason = g_strdup ("has a certificate whose key is not approved yet");
      failure->message = g_strdup_printf ("The certificate of %s at %s is not signed by an authority that this "
                                          "computer knows, and its key is not approved yet. Nothing was sent to it.",
                                          name, base_url);
      break;

    case VMP_TRANSFER_NO_ANSWER:
    case VMP_TRANSFER_TIMED_OUT:
      failure->reason = g_strdup_printf ("ended the connection without an answer (%s)", reason);
      failure->message = g_strdup_printf ("%s at %s took the request but ended the connection without an answer (%s).",
                                          name, base_url, reason);
      break;

    case VMP_TRANSFER_BROKEN:
    case VMP_TRANSFER_DONE:
    case VMP_TRANSFER_TOO_LONG:
    default:
      if (had_begun)
        failure->problem = VMP_PROBLEM_UPSTREAM_INTERRUPTED;
      failure->reason = g_strdup ("broke off in the middle of its answer");
      failure->message = g_strdup_printf ("%s at %s broke off in the middle of its answer.", name, base_url);
      break;
    }
  finish_message (call, failure);

  return result;
}
