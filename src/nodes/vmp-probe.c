/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpProbe: one transfer after another, until a list is understood or nothing is left to ask for.
 * What an answer means is judged by what is in it; of its status only that a token is wanted, or that the server
 * failed.
 */

#include "nodes/vmp-probe.h"

#include "core/vmp-buffer.h"
#include "core/vmp-limits.h"
#include "core/vmp-text.h"

#include <string.h>

/* Fields of a request: Accept, Via, Content-Type, Authorization. */
#define MAX_FIELDS 4

/* Ports that say what is likely to answer there. */
#define LMSTUDIO_PORT 1234
#define OLLAMA_PORT 11434

typedef enum {
  ASKING_LIST,    /* the one that @next says */
  ASKING_RUNNING, /* Ollama's /api/ps */
  ASKING_DETAILS  /* Ollama's /api/show, for the first of @unknown */
} ProbeStep;

/* How much an answer that is no list tells; what tells most is reported. */
typedef enum {
  SAYS_NOTHING,
  SAYS_ITS_OWN,  /* it is something else */
  SAYS_OPENAI,   /* the same of the list that all servers have */
  SAYS_FAILED,   /* it has trouble of its own */
  SAYS_TOO_MUCH
} ProbeFinding;

struct _VmpProbe {
  VmpUpstream *upstream;
  const VmpBaseUrl *base_url;
  const char *via;
  char *authorization;      /* NULL: no token */
  VmpReach reach;
  VmpProvider provider;     /* what it is believed to be */
  guint timeout_ms;
  gboolean quick;
  VmpInventory *known;
  VmpProbeDone done;
  gpointer user_data;

  const VmpListKind *next;  /* in an order of lists */
  guint n_left;             /* lists from there on */
  ProbeStep step;
  GQueue unknown;           /* of ids of models */
  char *question;           /* the body of the one that is under way; NULL: none */
  gint64 started;           /* monotonic µs */

  VmpTransfer *transfer;    /* NULL: none is under way */
  gint64 asked;             /* monotonic µs */
  guint status;
  VmpBuffer body;
  char *server;             /* NULL: it does not say */

  VmpInventory *inventory;  /* NULL: none yet */
  gint64 list_asked;        /* monotonic µs: when it was asked for */
  double latency_ms;
  char *address;            /* NULL: never connected */
  char *key;
  char *instance;
  ProbeFinding finding;
  char *problem;            /* a sentence that goes with it */
  guint n_answers;
  guint n_too_long;
};

/* -- What it is called --------------------------------------------------------------------- */

/* By what it was last time, by what its owner says, or by the port that only one kind uses. */
static VmpProvider
guess_provider (const VmpProbeRequest *request)
{
  if (request->known != NULL && request->known->provider != VMP_PROVIDER_AUTO)
    return request->known->provider;
  if (request->hint != VMP_PROVIDER_AUTO)
    return request->hint;

  switch (request->base_url->port)
    {
    case LMSTUDIO_PORT:
      return VMP_PROVIDER_LMSTUDIO;

    case OLLAMA_PORT:
      return VMP_PROVIDER_OLLAMA;

    default:
      return VMP_PROVIDER_AUTO;
    }
}

/* (transfer full) */
static char *
name_server (VmpProbe *self)
{
  gboolean has_name = self->provider != VMP_PROVIDER_AUTO && self->provider != VMP_PROVIDER_OPENAI_COMPATIBLE;

  return g_strdup_printf ("%s at %s", has_name ? vmp_provider_get_name (self->provider) : "The server",
                          self->base_url->text);
}

static gboolean
is_this_computer (const char *host)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (host);

  if (address != NULL)
    return vmp_scope_of (address) == VMP_SCOPE_LOOPBACK;

  return g_str_equal (host, "localhost") || g_str_has_suffix (host, ".localhost");
}

/* What its owner can do when nobody answers there. Most often the server is off, or listens to its own computer
 * only. */
static const char *
get_remedy (VmpProbe *self)
{
  gboolean here = is_this_computer (self->base_url->host);

  switch (self->provider)
    {
    case VMP_PROVIDER_LMSTUDIO:
      if (here)
        return "Start LM Studio and switch on its server in the Developer tab.";
      return "Start LM Studio on that computer, switch on its server in the Developer tab, and turn on Serve on Local "
             "Network there.";

    case VMP_PROVIDER_OLLAMA:
      if (here)
        return "Start Ollama.";
      return "Start Ollama on that computer, and turn on Expose Ollama to the Network there, or start it with "
             "OLLAMA_HOST=0.0.0.0.";

    default:
      if (here)
        return "Start it.";
      return "Start it on that computer, and have it listen to the local network and not to its own computer only.";
    }
}

/* -- Its end ------------------------------------------------------------------------------- */

static void
probe_free (VmpProbe *self)
{
  if (self->authorization != NULL)
    explicit_bzero (self->authorization, strlen (self->authorization));
  g_free (self->authorization);
  g_clear_pointer (&self->known, vmp_inventory_unref);
  g_queue_clear_full (&self->unknown, g_free);
  g_free (self->question);
  vmp_buffer_clear (&self->body);
  g_free (self->server);
  g_clear_pointer (&self->inventory, vmp_inventory_unref);
  g_free (self->address);
  g_free (self->key);
  g_free (self->instance);
  g_free (self->problem);
  g_free (self);
}

/* @problem: (nullable) (transfer full) */
static void
finish (VmpProbe      *self,
        VmpProbeResult result,
        VmpTransferEnd end,
        gboolean       auth_failed,
        char          *problem)
{
  g_autofree char *error = problem;
  const VmpProbeReport report = {
    .health = result == VMP_PROBE_ONLINE ? VMP_NODE_ONLINE : VMP_NODE_OFFLINE,
    .unreachable = end == VMP_TRANSFER_NO_CONNECTION,
    .inventory = self->inventory,
    .asked = self->list_asked,
    .auth_failed = auth_failed,
    .with_token = self->authorization != NULL,
    .error = error,
    .address = self->address,
    .key = self->key,
    .instance = self->instance,
    .latency_ms = self->latency_ms,
  };

  self->done (self->user_data, result, &report, end);
  probe_free (self);
}

static void
finish_online (VmpProbe *self)
{
  finish (self, VMP_PROBE_ONLINE, VMP_TRANSFER_DONE, FALSE, NULL);
}

static void
finish_auth_failed (VmpProbe *self)
{
  g_autofree char *server = name_server (self);

  finish (self, VMP_PROBE_ONLINE, VMP_TRANSFER_DONE, TRUE,
          g_strdup_printf (self->authorization != NULL ? "%s refuses the token it was given."
                                                       : "%s asks for a token, and got none.", server));
}

/* No list was understood. */
static void
finish_without_list (VmpProbe *self)
{
  gboolean all_too_long = self->n_too_long == self->n_answers;

  if (self->problem == NULL)
    {
      g_autofree char *server = name_server (self);

      self->problem = g_strdup_printf ("%s answers, but gives no list of models.", server);
    }
  finish (self, all_too_long ? VMP_PROBE_OFFLINE : VMP_PROBE_STRANGER,
          all_too_long ? VMP_TRANSFER_TOO_LONG : VMP_TRANSFER_DONE, FALSE, g_steal_pointer (&self->problem));
}

/* Nothing that is HTTP came, or nothing was to be sent there. */
static void
finish_unanswered (VmpProbe      *self,
                   VmpTransferEnd end,
                   const char    *reason)
{
  g_autofree char *server = name_server (self);
  char *problem;

  switch (end)
    {
    case VMP_TRANSFER_NO_ANSWER:
      problem = g_strdup_printf ("%s took the question but gave no answer in HTTP (%s).", server, reason);
      break;

    case VMP_TRANSFER_BROKEN:
      problem = g_strdup_printf ("%s broke off in the middle of its answer (%s).", server, reason);
      break;

    case VMP_TRANSFER_TIMED_OUT:
      if (self->address != NULL)
        problem = g_strdup_printf ("%s took the question but gave %s.", server, reason);
      else
        problem = g_strdup_printf ("%s cannot be reached (%s). %s", server, reason, get_remedy (self));
      break;

    case VMP_TRANSFER_NOT_ALLOWED:
      problem = g_strdup_printf ("%s may not be reached: %s.", server, reason);
      break;

    case VMP_TRANSFER_MOVED:
    case VMP_TRANSFER_KEY_CHANGED:
      problem = g_strdup_printf ("%s is not the one that was approved: %s.", server, reason);
      break;

    case VMP_TRANSFER_KEY_UNKNOWN:
      problem = g_strdup_printf ("%s cannot prove who it is: %s.", server, reason);
      break;

    case VMP_TRANSFER_NO_CONNECTION:
    case VMP_TRANSFER_TOO_LONG:
    case VMP_TRANSFER_DONE:
    default:
      problem = g_strdup_printf ("%s cannot be reached (%s). %s", server, reason, get_remedy (self));
      break;
    }

  finish (self, VMP_PROBE_OFFLINE, end, FALSE, problem);
}

/* -- Asking -------------------------------------------------------------------------------- */

/* A field's value as it may be kept and shown. (transfer full) */
static char *
take_text (VmpSlice value)
{
  /* A character of UTF-8 has at most four bytes. */
  g_autofree char *text = g_strndup (value.data, MIN (value.len, VMP_LIMIT_MODEL_TEXT_CHARS * 4));

  return vmp_text_display (text, VMP_LIMIT_MODEL_TEXT_CHARS);
}

static void
head_cb (gpointer               user_data,
         const VmpTransferHead *head)
{
  VmpProbe *self = user_data;
  g_autofree char *server = NULL;
  g_autofree char *powered_by = NULL;
  guint i;

  self->status = head->status;
  for (i = 0; i < head->n_fields; i++)
    {
      const VmpHttpField *field = &head->fields[i];

      if (server == NULL && vmp_slice_equal_nocase (field->name, "Server"))
        {
          server = take_text (field->value);
        }
      else if (powered_by == NULL && vmp_slice_equal_nocase (field->name, "X-Powered-By"))
        {
          powered_by = take_text (field->value);
        }
      else if (vmp_slice_equal_nocase (field->name, "X-Vampire-Instance"))
        {
          g_free (self->instance);
          self->instance = take_text (field->value);
        }
    }

  g_free (self->server);
  self->server = server != NULL && powered_by != NULL ? g_strjoin (" ", server, powered_by, NULL)
                                                      : g_strdup (server != NULL ? server : powered_by);

  /* One server has one key: what is asked next is asked of the one that answered first. */
  if (self->reach.any_key && self->key == NULL)
    self->key = vmp_transfer_dup_key (self->transfer);
}

static gboolean
body_cb (gpointer    user_data,
         const char *data,
         gsize       len)
{
  VmpProbe *self = user_data;

  vmp_buffer_append (&self->body, data, len);

  return TRUE;
}

static void done_cb (gpointer       user_data,
                     VmpTransferEnd end,
                     const char    *reason);

static const VmpTransferEvents transfer_events = { head_cb, body_cb, done_cb };

/* @question: (nullable) (transfer full): JSON */
static void
ask (VmpProbe   *self,
     const char *path,
     char       *question)
{
  VmpHttpField fields[MAX_FIELDS] = {
    { VMP_SLICE_LITERAL ("Accept"), VMP_SLICE_LITERAL ("application/json") },
    { VMP_SLICE_LITERAL ("Via"), vmp_slice (self->via) },
  };
  VmpTransferRequest request = {
    .base_url = self->base_url,
    .method = question != NULL ? VMP_SLICE_LITERAL ("POST") : VMP_SLICE_LITERAL ("GET"),
    .target = vmp_slice (path),
    .fields = fields,
    .n_fields = 2,
    .body = question,
    .body_len = question != NULL ? strlen (question) : 0,
    .has_body = question != NULL,
    .reach = &self->reach,
    .timeout_ms = self->timeout_ms,
    .max_body_bytes = VMP_LIMIT_PROBE_BYTES,
  };

  if (question != NULL)
    fields[request.n_fields++] = (VmpHttpField) { VMP_SLICE_LITERAL ("Content-Type"),
                                                  VMP_SLICE_LITERAL ("application/json") };
  if (self->authorization != NULL)
    fields[request.n_fields++] = (VmpHttpField) { VMP_SLICE_LITERAL ("Authorization"),
                                                  vmp_slice (self->authorization) };

  if (self->key != NULL)
    {
      self->reach.key = self->key;
      self->reach.any_key = FALSE;
    }
  g_free (self->question);
  self->question = question;
  vmp_buffer_consume (&self->body, vmp_buffer_len (&self->body));
  self->status = 0;
  self->asked = g_get_monotonic_time ();
  self->transfer = vmp_upstream_start (self->upstream, &request, &transfer_events, self);
}

/* -- Lists --------------------------------------------------------------------------------- */

static void
ask_list (VmpProbe *self)
{
  self->step = ASKING_LIST;
  ask (self, vmp_list_path (*self->next), NULL);
}

static void
ask_next_list (VmpProbe *self)
{
  self->next++;
  self->n_left--;
  if (self->n_left > 0)
    ask_list (self);
  else if (self->inventory != NULL)
    finish_online (self);
  else
    finish_without_list (self);
}

/* @problem: (transfer full) */
static void
note_problem (VmpProbe    *self,
              ProbeFinding finding,
              char        *problem)
{
  if (finding > self->finding)
    {
      g_free (self->problem);
      self->problem = problem;
      self->finding = finding;
    }
  else
    {
      g_free (problem);
    }
}

static void
note_no_list (VmpProbe      *self,
              VmpTransferEnd end,
              const GError  *error)
{
  g_autofree char *server = name_server (self);

  if (end == VMP_TRANSFER_TOO_LONG)
    note_problem (self, SAYS_TOO_MUCH,
                  g_strdup_printf ("%s answers, but its list of models is longer than %d KB, which nobody's is.",
                                   server, VMP_LIMIT_PROBE_BYTES / 1024));
  else if (self->status >= 500)
    note_problem (self, SAYS_FAILED, g_strdup_printf ("%s answers with an error of its own (status %u).", server,
                                                      self->status));
  else if (error != NULL)
    note_problem (self, *self->next == VMP_LIST_OPENAI ? SAYS_OPENAI : SAYS_ITS_OWN,
                  g_strdup_printf ("%s answers, but its list of models %s.", server, error->message));
}

/* The ids of models to be asked for. When there are too many for one probe, not always the same come first: one for
 * which there is no answer must not keep the others from theirs. */
static void
choose_unknown (VmpProbe *self)
{
  g_autoptr (GPtrArray) ids = g_ptr_array_new ();
  GPtrArray *models = self->inventory->models;
  guint first;
  guint i;

  for (i = 0; i < models->len; i++)
    {
      VmpModel *model = g_ptr_array_index (models, i);

      if (!vmp_inventory_has_details (model))
        g_ptr_array_add (ids, model->id);
    }
  if (ids->len == 0)
    return;

  first = ids->len > VMP_LIMIT_PROBE_DETAILS ? (guint) g_random_int_range (0, ids->len) : 0;
  for (i = 0; i < MIN (ids->len, VMP_LIMIT_PROBE_DETAILS); i++)
    g_queue_push_tail (&self->unknown, g_strdup (g_ptr_array_index (ids, (first + i) % ids->len)));
}

/* @inventory: (transfer full) */
static void
take_list (VmpProbe     *self,
           VmpInventory *inventory)
{
  gboolean is_ollamas = inventory->provider == VMP_PROVIDER_OLLAMA && inventory->list != VMP_LIST_OLLAMA;

  g_clear_pointer (&self->inventory, vmp_inventory_unref);
  self->inventory = inventory;
  self->list_asked = self->asked;
  self->provider = inventory->provider;
  self->latency_ms = (g_get_monotonic_time () - self->asked) / 1000.0;

  if (inventory->list == VMP_LIST_OLLAMA && !self->quick)
    {
      self->inventory = vmp_inventory_add_known (inventory, self->known);
      vmp_inventory_unref (inventory);
      choose_unknown (self);
      self->step = ASKING_RUNNING;
      ask (self, "/api/ps", NULL);
    }
  else if (is_ollamas && self->n_left > 1)
    {
      /* Its own list says more. */
      ask_next_list (self);
    }
  else
    {
      finish_online (self);
    }
}

static gboolean
is_success (guint status)
{
  return status >= 200 && status < 300;
}

static void
list_done (VmpProbe      *self,
           VmpTransferEnd end)
{
  g_autoptr (GError) error = NULL;
  VmpInventory *inventory = NULL;

  self->n_answers++;
  if (end == VMP_TRANSFER_TOO_LONG)
    {
      self->n_too_long++;
    }
  else if ((self->status == 401 || self->status == 403) && self->inventory == NULL)
    {
      self->latency_ms = (g_get_monotonic_time () - self->asked) / 1000.0;
      finish_auth_failed (self);
      return;
    }
  else if (is_success (self->status))
    {
      inventory = vmp_inventory_parse (*self->next, vmp_buffer_peek (&self->body), vmp_buffer_len (&self->body),
                                       self->server, &error);
    }

  if (inventory != NULL)
    {
      take_list (self, inventory);
      return;
    }

  note_no_list (self, end, error);
  ask_next_list (self);
}

/* -- Ollama's details ---------------------------------------------------------------------- */

static void
ask_details (VmpProbe *self)
{
  const char *id = g_queue_peek_head (&self->unknown);
  gint64 elapsed = g_get_monotonic_time () - self->started;
  g_autoptr (JsonBuilder) builder = NULL;

  /* A server that takes its time for each gets the rest of the questions with the next probe. */
  if (id == NULL || elapsed > self->timeout_ms * 2 * G_TIME_SPAN_MILLISECOND)
    {
      finish_online (self);
      return;
    }

  builder = json_builder_new ();
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "model", id);
  json_builder_end_object (builder);
  self->step = ASKING_DETAILS;
  ask (self, "/api/show", vmp_json_builder_print (builder));
}

/* @inventory: (transfer full) */
static void
replace_inventory (VmpProbe     *self,
                   VmpInventory *inventory)
{
  vmp_inventory_unref (self->inventory);
  self->inventory = inventory;
}

static void
running_done (VmpProbe *self)
{
  if (is_success (self->status))
    replace_inventory (self, vmp_inventory_add_running (self->inventory, vmp_buffer_peek (&self->body),
                                                        vmp_buffer_len (&self->body)));
  ask_details (self);
}

static void
details_done (VmpProbe *self)
{
  g_autofree char *id = g_queue_pop_head (&self->unknown);

  if (is_success (self->status))
    replace_inventory (self, vmp_inventory_add_details (self->inventory, id, vmp_buffer_peek (&self->body),
                                                        vmp_buffer_len (&self->body)));
  ask_details (self);
}

/* -- Steps --------------------------------------------------------------------------------- */

static void
done_cb (gpointer       user_data,
         VmpTransferEnd end,
         const char    *reason)
{
  VmpProbe *self = user_data;
  const char *address = vmp_transfer_get_address (self->transfer);

  if (*address != '\0')
    {
      g_free (self->address);
      self->address = g_strdup (address);
    }
  self->transfer = NULL;

  if (end == VMP_TRANSFER_DONE || (end == VMP_TRANSFER_TOO_LONG && self->step == ASKING_LIST))
    {
      switch (self->step)
        {
        case ASKING_LIST:
          list_done (self, end);
          break;

        case ASKING_RUNNING:
          running_done (self);
          break;

        case ASKING_DETAILS:
          details_done (self);
          break;

        default:
          g_assert_not_reached ();
        }
    }
  else if (self->inventory != NULL)
    {
      /* The list that it gave counts; what else it was asked for can wait. */
      finish_online (self);
    }
  else
    {
      finish_unanswered (self, end, reason);
    }
}

VmpProbe *
vmp_probe_start (VmpUpstream           *upstream,
                 const VmpProbeRequest *request,
                 VmpProbeDone           done,
                 gpointer               user_data)
{
  static const VmpListKind usual_order[VMP_N_LISTS] = {
    VMP_LIST_LMSTUDIO_V1, VMP_LIST_LMSTUDIO_V0, VMP_LIST_OPENAI, VMP_LIST_OLLAMA,
  };
  static const VmpListKind ollama_order[VMP_N_LISTS] = {
    VMP_LIST_OLLAMA, VMP_LIST_LMSTUDIO_V1, VMP_LIST_LMSTUDIO_V0, VMP_LIST_OPENAI,
  };
  VmpProbe *self = g_new0 (VmpProbe, 1);

  self->upstream = upstream;
  self->base_url = request->base_url;
  self->via = request->via;
  if (request->token != NULL)
    self->authorization = g_strconcat ("Bearer ", request->token, NULL);
  self->reach = request->reach;
  self->reach.any_key = request->reach.key == NULL && request->token == NULL;
  self->provider = guess_provider (request);
  self->timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : VMP_LIMIT_PROBE_MS;
  self->quick = request->quick;
  self->known = request->known != NULL ? vmp_inventory_ref (request->known) : NULL;
  self->done = done;
  self->user_data = user_data;
  self->next = request->hint == VMP_PROVIDER_OLLAMA ? ollama_order : usual_order;
  self->n_left = VMP_N_LISTS;
  self->started = g_get_monotonic_time ();
  g_queue_init (&self->unknown);
  ask_list (self);

  return self;
}

void
vmp_probe_cancel (VmpProbe *self)
{
  g_return_if_fail (self != NULL);

  if (self->transfer != NULL)
    vmp_transfer_cancel (self->transfer);
  probe_free (self);
}
