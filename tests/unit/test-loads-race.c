/* SPDX-License-Identifier: MIT
 *
 * Loads under random schedules, on a clock of the test's own, against servers that behave as LM Studio does: a request
 * for a model that is not in memory loads it, as often as it is asked for at the same time, and throws out the other
 * models even while they answer; a load goes on when its client has left; what is idle is unloaded after a while; lists
 * do not show loads, and come late or not at all. It must be that no model is ever loaded twice, that none is loaded
 * where another one answers, that whoever waits is told, and that nothing is left at the end.
 *
 * What is believed for VMP_LIMIT_PROOF_MS without being looked at is true here: these servers unload nothing that they
 * have listed or used within that time, and are not started anew so quickly.
 *
 * What VmpLoads asks of others is played here: the clock, the poll, the health, the questions over HTTP.
 */

#include "core/vmp-limits.h"
#include "nodes/vmp-health.h"
#include "relay/vmp-loads-private.h"

#define MS G_TIME_SPAN_MILLISECOND
#define START (1000 * G_USEC_PER_SEC)
#define PROOF (VMP_LIMIT_PROOF_MS * MS)

#define N_NODES 2
#define N_MODELS 3
#define N_LISTS (1 << N_MODELS)
#define SLOTS 2

/* -- The clock ------------------------------------------------------------------------------ */

static gint64 now;

/* What g_get_monotonic_time() is in what is tested. */
gint64
g_get_monotonic_time (void)
{
  return now;
}

typedef void (*EventFunc) (gpointer data);

typedef struct {
  gint64 at;
  guint64 number;
  EventFunc func;
  gpointer data;
} Event;

static GSequence *events;
static guint64 n_events;

static int
compare_events (gconstpointer a,
                gconstpointer b,
                gpointer      user_data)
{
  const Event *one = a;
  const Event *other = b;

  if (one->at != other->at)
    return one->at < other->at ? -1 : 1;

  return one->number < other->number ? -1 : 1;
}

static Event *
after (gint64    ms,
       EventFunc func,
       gpointer  data)
{
  Event *event = g_new0 (Event, 1);

  event->at = now + ms * MS;
  event->number = n_events++;
  event->func = func;
  event->data = data;
  g_sequence_insert_sorted (events, event, compare_events, NULL);

  return event;
}

static gint64
random_ms (gint64 low,
           gint64 high)
{
  return g_test_rand_int_range (low, high + 1);
}

static gboolean
one_in (guint n)
{
  return g_test_rand_int_range (0, n) == 0;
}

/* -- The poll ------------------------------------------------------------------------------- */

static VmpTimer *timer;       /* there is only that of VmpLoads; NULL: not set */
static VmpDeferred *deferred; /* the same; NULL: not queued */

void
vmp_poll_set_timer (VmpPoll    *self,
                    VmpTimer   *set,
                    gint64      due,
                    VmpPollFunc func,
                    gpointer    user_data)
{
  timer = set;
  timer->due = due;
  timer->func = func;
  timer->user_data = user_data;
}

void
vmp_poll_clear_timer (VmpPoll  *self,
                      VmpTimer *cleared)
{
  timer = NULL;
}

void
vmp_poll_defer (VmpPoll     *self,
                VmpDeferred *queued,
                VmpPollFunc  func,
                gpointer     user_data)
{
  deferred = queued;
  deferred->func = func;
  deferred->user_data = user_data;
}

void
vmp_poll_cancel_deferred (VmpPoll     *self,
                          VmpDeferred *cancelled)
{
  deferred = NULL;
}

/* -- The world ------------------------------------------------------------------------------ */

typedef struct _Server Server;
typedef struct _Call Call;

/* One model of a server, as it really is. */
typedef struct {
  Server *server;
  VmpHost *host;
  char *key;
  guint copies;
  gboolean explicit_copy; /* asked for: it is never thrown out, nor unloaded for being idle */
  guint loading;          /* loads under way */
  guint generating;       /* answers under way, and requests that wait for a load */
  gint64 used;            /* when it was last, or was listed as loaded to somebody who asked then */
  gint64 load_ms;
} SimModel;

typedef struct {
  Server *server;
  VmpHealthDone done;
  gpointer user_data;     /* NULL: it was taken back */
} Look;

struct _Server {
  VmpNode *node;
  SimModel models[N_MODELS];
  gboolean loads_on_request;
  gboolean is_down;
  guint life;             /* rises with each crash */
  GPtrArray *looks;       /* of Look, that wait for the next probe */
  GPtrArray *answered;    /* of Look, that the probe under way answers; NULL: none is */
  gint64 asked;           /* when it was */
  guint list;             /* what it will say, as bits; N_LISTS: nothing */
};

typedef enum {
  CALL_WAITS,
  CALL_SENT,     /* on its way to the server */
  CALL_LOADS,    /* its model is being loaded for it */
  CALL_READS,    /* its prompt is being read */
  CALL_ANSWERED, /* its first event came, more are to come */
  CALL_OVER
} CallState;

/* A client's request, and the exchange it is in. */
struct _Call {
  SimModel *model;
  CallState state;
  gboolean leads;
  gboolean keeps;
  guint life;            /* the server's, when it was sent */
  gboolean has_asked_load;
  guint n_tries;
};

/* A question of the gateway's. */
struct _VmpLoadsAsk {
  SimModel *model;
  gboolean unloads;
  VmpLoadsAskDone done;  /* NULL: it was taken back */
  gpointer user_data;
  guint life;
};

static VmpInventory *lists[N_LISTS];
static Server servers[N_NODES];
static GPtrArray *calls;
static VmpLoads *loads;
static gboolean pumps;
static guint n_owners;      /* calls of the owner that are to be told */
static guint n_open_loads;  /* started events without an end */

/* How much was seen; a schedule that brings nothing about proves nothing. */
static struct {
  guint loads;
  guint waits;
  guint led;
  guint watched;
  guint asked;
  guint unloads;
  guint evictions;
  guint crashes;
  guint failed_looks;
  guint kept;
  guint answered;
} seen;

static void
settle_world (void)
{
  pumps = TRUE;
}

static void
note_use (SimModel *model)
{
  model->used = now;
}

/* -- A server of LM Studio's kind ------------------------------------------------------------ */

static void call_loaded (Call    *call,
                         gboolean ok);

typedef struct {
  SimModel *model;
  Call *call;         /* NULL: asked for */
  VmpLoadsAsk *ask;
  guint life;
} Load;

static void
load_done (gpointer data)
{
  Load *load = data;
  SimModel *model = load->model;
  gboolean ok = !one_in (12);

  if (load->life == model->server->life)
    {
      model->loading--;
      if (ok)
        {
          model->copies++;
          model->explicit_copy = load->ask != NULL;
          note_use (model);
        }
      if (load->call != NULL)
        {
          model->generating--;
          call_loaded (load->call, ok);
        }
    }
  if (load->ask != NULL)
    {
      VmpLoadsAsk *ask = load->ask;

      if (ask->done != NULL && ask->life == model->server->life)
        ask->done (ask->user_data, ok ? VMP_LOADS_ASK_DONE : VMP_LOADS_ASK_FAILED, ok ? NULL : "No room.",
                   ok ? model->key : NULL, NULL);
      else if (ask->done != NULL)
        ask->done (ask->user_data, VMP_LOADS_ASK_LOST, "It is gone.", NULL, NULL);
      g_free (ask);
    }
  g_free (load);
}

static void
begin_load (SimModel    *model,
            Call        *call,
            VmpLoadsAsk *ask)
{
  Load *load = g_new0 (Load, 1);

  /* What all this is for. */
  g_assert_cmpuint (model->copies, ==, 0);
  g_assert_cmpuint (model->loading, ==, 0);
  for (guint i = 0; i < N_MODELS; i++)
    {
      SimModel *other = &model->server->models[i];

      if (other == model)
        continue;
      g_assert_cmpuint (other->generating, ==, 0);
      g_assert_cmpuint (other->loading, ==, 0);
      if (other->copies > 0 && !other->explicit_copy && ask == NULL)
        {
          other->copies = 0;
          seen.evictions++;
        }
    }

  seen.loads++;
  load->model = model;
  load->call = call;
  load->ask = ask;
  load->life = model->server->life;
  model->loading++;
  if (call != NULL)
    model->generating++;
  after (model->load_ms, load_done, load);
}

/* What is idle goes, unless it was shown or used a moment ago. */
static void
unload_idle (SimModel *model)
{
  if (model->copies > 0 && model->loading == 0 && model->generating == 0 && !model->explicit_copy
      && model->host->active == 0 && now - model->used >= PROOF)
    model->copies = 0;
}

static void
crash (Server *server)
{
  server->life++;
  server->is_down = TRUE;
  seen.crashes++;
  for (guint i = 0; i < N_MODELS; i++)
    {
      server->models[i].copies = 0;
      server->models[i].loading = 0;
      server->models[i].generating = 0;
    }
}

/* -- Health ---------------------------------------------------------------------------------- */

static void begin_probe (Server *server);

static void
probe_done (gpointer data)
{
  Server *server = data;
  VmpNode *node = server->node;
  VmpNodeHealth before = node->health;

  node->checked_mono = now;
  if (server->list == N_LISTS)
    {
      seen.failed_looks++;
      node->health = VMP_NODE_OFFLINE;
    }
  else
    {
      node->health = VMP_NODE_ONLINE;
      if (node->inventory != lists[server->list])
        {
          vmp_inventory_unref (node->inventory);
          node->inventory = vmp_inventory_ref (lists[server->list]);
          vmp_node_follow_inventory (node);
        }
      for (guint i = 0; i < node->hosts->len; i++)
        vmp_host_take_list (g_ptr_array_index (node->hosts, i), server->asked);
    }
  if (before != node->health || one_in (2))
    {
      vmp_loads_node_changed (loads, node, VMP_NODE_CHANGED);
      settle_world ();
    }

  for (guint i = 0; i < server->answered->len; i++)
    {
      Look *look = g_ptr_array_index (server->answered, i);

      if (look->user_data != NULL)
        look->done (g_steal_pointer (&look->user_data));
    }
  g_clear_pointer (&server->answered, g_ptr_array_unref);
  if (server->looks->len > 0)
    begin_probe (server);
}

/* The moment at which the list is made. */
static void
list_made (gpointer data)
{
  Server *server = data;

  server->list = N_LISTS;
  if (server->is_down || one_in (25))
    {
      after (server->is_down ? 1 : VMP_LIMIT_PROBE_MS, probe_done, server);
      return;
    }

  server->list = 0;
  for (guint i = 0; i < N_MODELS; i++)
    {
      SimModel *model = &server->models[i];

      if (model->copies == 0)
        continue;
      server->list |= 1 << i;
      note_use (model);
    }
  after (one_in (6) ? random_ms (100, 900) : 1, probe_done, server);
}

static void
begin_probe (Server *server)
{
  server->answered = server->looks;
  server->looks = g_ptr_array_new_with_free_func (g_free);
  server->asked = now;
  after (one_in (6) ? random_ms (100, 900) : 1, list_made, server);
}

static Server *
find_server (const VmpNode *node)
{
  for (guint i = 0; i < N_NODES; i++)
    {
      if (servers[i].node == node)
        return &servers[i];
    }
  g_assert_not_reached ();
}

void
vmp_health_look (VmpHealth    *self,
                 VmpNode      *node,
                 VmpHealthDone done,
                 gpointer      user_data)
{
  Server *server = find_server (node);
  Look *look = g_new0 (Look, 1);

  look->server = server;
  look->done = done;
  look->user_data = user_data;
  g_ptr_array_add (server->looks, look);
  if (server->answered == NULL)
    begin_probe (server);
}

static void
forget_looks (GPtrArray *looks,
              gpointer   user_data)
{
  for (guint i = 0; looks != NULL && i < looks->len; i++)
    {
      Look *look = g_ptr_array_index (looks, i);

      if (look->user_data == user_data)
        look->user_data = NULL;
    }
}

void
vmp_health_forget_caller (VmpHealth *self,
                          gpointer   user_data)
{
  for (guint i = 0; i < N_NODES; i++)
    {
      forget_looks (servers[i].looks, user_data);
      forget_looks (servers[i].answered, user_data);
    }
}

/* -- Questions ------------------------------------------------------------------------------- */

static void
load_asked (gpointer data)
{
  VmpLoadsAsk *ask = data;
  SimModel *model = ask->model;

  if (model->server->is_down)
    {
      if (ask->done != NULL)
        ask->done (ask->user_data, VMP_LOADS_ASK_FAILED, "It cannot be reached.", NULL, NULL);
      g_free (ask);
      return;
    }

  seen.asked++;
  ask->life = model->server->life;
  /* Its connection is lost, the load is not. */
  if (one_in (8) && ask->done != NULL)
    {
      VmpLoadsAskDone done = ask->done;

      ask->done = NULL;
      begin_load (model, NULL, ask);
      done (ask->user_data, VMP_LOADS_ASK_LOST, "It gave no answer.", NULL, NULL);
      return;
    }
  begin_load (model, NULL, ask);
}

static void
unload_asked (gpointer data)
{
  VmpLoadsAsk *ask = data;
  SimModel *model = ask->model;
  gboolean ok = !model->server->is_down && model->copies > 0;

  if (ok)
    {
      g_assert_cmpuint (model->generating, ==, 0);
      model->copies = 0;
      seen.unloads++;
    }
  if (ask->done != NULL)
    ask->done (ask->user_data, ok ? VMP_LOADS_ASK_DONE : VMP_LOADS_ASK_FAILED, ok ? NULL : "There is no such copy.",
               NULL, NULL);
  g_free (ask);
}

static SimModel *
find_model (const VmpHost *host)
{
  Server *server = find_server (host->node);

  for (guint i = 0; i < N_MODELS; i++)
    {
      if (server->models[i].host == host)
        return &server->models[i];
    }
  g_assert_not_reached ();
}

static VmpLoadsAsk *
ask (VmpHost        *host,
     gboolean        unloads,
     VmpLoadsAskDone done,
     gpointer        user_data)
{
  VmpLoadsAsk *self = g_new0 (VmpLoadsAsk, 1);

  self->model = find_model (host);
  self->unloads = unloads;
  self->done = done;
  self->user_data = user_data;
  after (random_ms (1, 20), unloads ? unload_asked : load_asked, self);

  return self;
}

VmpLoadsAsk *
vmp_loads_ask_load (VmpLoads       *self,
                    VmpHost        *host,
                    gint64          context_length,
                    VmpLoadsAskDone done,
                    gpointer        user_data)
{
  return ask (host, FALSE, done, user_data);
}

VmpLoadsAsk *
vmp_loads_ask_unload (VmpLoads       *self,
                      VmpHost        *host,
                      const char     *instance,
                      VmpLoadsAskDone done,
                      gpointer        user_data)
{
  return ask (host, TRUE, done, user_data);
}

void
vmp_loads_ask_cancel (VmpLoadsAsk *self)
{
  self->done = NULL;
}

void
vmp_registry_suspend_approval (VmpRegistry *self,
                               VmpNode     *node,
                               const char  *reason)
{
  g_assert_not_reached ();
}

/* -- Exchanges ------------------------------------------------------------------------------- */

static void
leave_queue (Call *call)
{
  if (call->keeps)
    vmp_loads_unkeep (loads, call->model->host);
  call->keeps = FALSE;
}

/* The lead, if it has it, comes to nothing. */
static void
give_lead_back (Call      *call,
                VmpLeadEnd end,
                gboolean   no_request_loads)
{
  if (!call->leads)
    return;

  call->leads = FALSE;
  vmp_loads_abandon (loads, call->model->host, end, no_request_loads, now);
}

static void
end_request (Call    *call,
             gboolean is_off)
{
  VmpHost *host = call->model->host;

  host->active--;
  host->node->active_requests--;
  vmp_loads_request_ended (loads, host->node);
  if (is_off)
    host->node->unreachable_mono = now;
  if (is_off && host->node->health != VMP_NODE_OFFLINE)
    {
      host->node->health = VMP_NODE_OFFLINE;
      vmp_loads_node_changed (loads, host->node, VMP_NODE_CHANGED);
    }
  settle_world ();
}

static void
end_call (Call *call)
{
  leave_queue (call);
  call->state = CALL_OVER;
}

/* Its connection broke, or there was none. */
static void
lose_call (Call *call)
{
  give_lead_back (call, VMP_LEAD_LEFT, FALSE);
  end_call (call);
  end_request (call, call->model->server->is_down);
}

static void
answer_done (gpointer data)
{
  Call *call = data;

  if (call->state == CALL_OVER)
    return;
  if (call->life != call->model->server->life)
    {
      lose_call (call);
      return;
    }

  call->model->generating--;
  note_use (call->model);
  vmp_host_prove_loaded (call->model->host, now);
  seen.answered++;
  end_call (call);
  end_request (call, FALSE);
}

static void
first_event (gpointer data)
{
  Call *call = data;

  if (call->state == CALL_OVER)
    return;
  if (call->life != call->model->server->life)
    {
      lose_call (call);
      return;
    }

  call->state = CALL_ANSWERED;
  if (call->leads)
    vmp_loads_settle (loads, call->model->host, now);
  else
    vmp_host_prove_loaded (call->model->host, now);
  call->leads = FALSE;
  after (random_ms (10, 6000), answer_done, call);
}

static void
begin_answer (Call *call)
{
  call->state = CALL_READS;
  call->model->generating++;
  note_use (call->model);
  after (one_in (3) ? random_ms (1, 3000) : 5, first_event, call);
}

static void
call_loaded (Call    *call,
             gboolean ok)
{
  /* Its client has left meanwhile. */
  if (call->state == CALL_OVER)
    return;

  if (ok && !one_in (10))
    {
      begin_answer (call);
      return;
    }

  /* It could not be loaded, or is of no use for this request. */
  give_lead_back (call, ok ? VMP_LEAD_REFUSED : VMP_LEAD_FAILED, FALSE);
  end_call (call);
  end_request (call, FALSE);
}

static void
request_arrives (gpointer data)
{
  Call *call = data;
  SimModel *model = call->model;

  if (call->state == CALL_OVER)
    return;
  if (model->server->is_down || call->life != model->server->life)
    {
      lose_call (call);
    }
  else if (one_in (20))
    {
      /* It does not like it, and loads nothing. */
      give_lead_back (call, VMP_LEAD_REFUSED, FALSE);
      end_call (call);
      end_request (call, FALSE);
    }
  else if (model->copies > 0)
    {
      begin_answer (call);
    }
  else if (model->server->loads_on_request)
    {
      call->state = CALL_LOADS;
      begin_load (model, call, NULL);
    }
  else
    {
      vmp_host_note_unloaded (model->host);
      give_lead_back (call, VMP_LEAD_REFUSED, TRUE);
      call->state = CALL_WAITS;
      if (call->has_asked_load)
        end_call (call);
      call->has_asked_load = TRUE;
      end_request (call, FALSE);
    }
}

static gboolean
failed_lately (const VmpHost *host)
{
  return host->load_failed != 0 && now - host->load_failed < VMP_LIMIT_LOAD_RETRY_MS * MS;
}

/* As the plan and the exchange would, with one node. */
static void
try_call (Call *call)
{
  VmpHost *host = call->model->host;
  VmpLead lead;

  call->n_tries++;
  if (host->node->health == VMP_NODE_OFFLINE || failed_lately (host))
    {
      end_call (call);
      return;
    }
  if (host->active >= SLOTS)
    return;

  lead = vmp_loads_lead (loads, host, now);
  if (lead == VMP_LEAD_WAIT)
    {
      seen.waits++;
      return;
    }

  leave_queue (call);
  g_assert_true (host->node->taken_for == NULL || host->node->taken_for == host);
  host->active++;
  host->node->active_requests++;
  call->leads = lead == VMP_LEAD_GO;
  seen.led += call->leads;
  call->state = CALL_SENT;
  call->life = call->model->server->life;
  after (one_in (8) ? random_ms (5, 300) : 1, request_arrives, call);
}

static void
pump (void)
{
  for (guint i = 0; i < calls->len; i++)
    {
      Call *call = g_ptr_array_index (calls, i);

      if (call->state == CALL_WAITS)
        try_call (call);
    }
}

static void
client_leaves (gpointer data)
{
  Call *call = data;
  CallState state = call->state;

  if (state == CALL_OVER)
    return;

  if (call->leads && state == CALL_LOADS)
    seen.watched++;
  give_lead_back (call, VMP_LEAD_LEFT, FALSE);
  /* The server notices, and breaks the answer off; a load goes on. A request on its way does not arrive. */
  if ((state == CALL_READS || state == CALL_ANSWERED) && call->life == call->model->server->life)
    call->model->generating--;
  end_call (call);
  if (state != CALL_WAITS)
    end_request (call, FALSE);
}

static void
gets_impatient (gpointer data)
{
  Call *call = data;

  if (call->state != CALL_WAITS || !vmp_loads_keep (loads, call->model->host))
    return;

  call->keeps = TRUE;
  seen.kept++;
}

/* -- Chance ---------------------------------------------------------------------------------- */

static SimModel *
any_model (void)
{
  return &servers[g_test_rand_int_range (0, N_NODES)].models[g_test_rand_int_range (0, N_MODELS)];
}

static void
client_comes (gpointer data)
{
  Call *call = g_new0 (Call, 1);

  call->model = any_model ();
  g_ptr_array_add (calls, call);
  if (one_in (5))
    after (random_ms (1, 12000), client_leaves, call);
  after (random_ms (1000, 8000), gets_impatient, call);
  try_call (call);
}

static void
server_idles (gpointer data)
{
  unload_idle (any_model ());
}

static void
server_is_asked (gpointer data)
{
  Server *server = data;

  if (server->answered == NULL)
    begin_probe (server);
}

static void
server_returns (gpointer data)
{
  Server *server = data;

  server->is_down = FALSE;
  server_is_asked (server);
}

static void
server_crashes (gpointer data)
{
  Server *server = data;

  if (server->is_down)
    return;

  crash (server);
  after (random_ms (VMP_LIMIT_PROOF_MS, 8000), server_returns, server);
  for (guint i = 0; i < calls->len; i++)
    {
      Call *call = g_ptr_array_index (calls, i);

      /* Those on their way find out by themselves. */
      if (call->model->server == server && call->state != CALL_WAITS && call->state != CALL_SENT
          && call->state != CALL_OVER)
        lose_call (call);
    }
}

static void
owner_told (gpointer    user_data,
            const char *error,
            const char *instance,
            gint64      duration_ms)
{
  g_assert_cmpuint (n_owners, >, 0);
  n_owners--;
}

static void
owner_wants (gpointer data)
{
  SimModel *model = any_model ();

  n_owners++;
  if (one_in (2))
    vmp_loads_load (loads, model->host, 0, owner_told, &n_owners);
  else
    vmp_loads_unload (loads, model->host, NULL, FALSE, owner_told, &n_owners);
}

static void
load_event (gpointer            user_data,
            const VmpLoadEvent *event)
{
  switch (event->state)
    {
    case VMP_LOAD_STARTED:
      n_open_loads++;
      break;

    case VMP_LOAD_DONE:
    case VMP_LOAD_FAILED:
      g_assert_cmpuint (n_open_loads, >, 0);
      n_open_loads--;
      break;

    case VMP_LOAD_PROGRESS:
      g_assert_cmpuint (n_open_loads, >, 0);
      break;

    case VMP_LOAD_UNLOADED:
    default:
      break;
    }
  g_assert_cmpuint (vmp_loads_count (loads), ==, n_open_loads);
}

static void
loads_changed (gpointer user_data)
{
  settle_world ();
}

/* -- One schedule ---------------------------------------------------------------------------- */

static void
check_holds (void)
{
  for (guint i = 0; i < N_NODES; i++)
    {
      VmpNode *node = servers[i].node;
      guint n_leading = 0;

      for (guint j = 0; j < N_MODELS; j++)
        {
          n_leading += servers[i].models[j].host->leading;
          if (servers[i].models[j].host->leading)
            g_assert_true (node->taken_for == servers[i].models[j].host);
        }
      g_assert_cmpuint (n_leading, <=, 1);
    }
}

/* What can happen at this moment. */
static void
work_off (void)
{
  guint n = 0;

  while (deferred != NULL || pumps)
    {
      /* A wait that is ended by asking again at once is no wait. */
      g_assert_cmpuint (n++, <, 1000);
      if (deferred != NULL)
        {
          VmpDeferred *turn = g_steal_pointer (&deferred);

          turn->func (turn->user_data);
          continue;
        }
      pumps = FALSE;
      pump ();
    }
  check_holds ();
}

/* FALSE when nothing will ever happen any more. */
static gboolean
step (void)
{
  GSequenceIter *iter = g_sequence_get_begin_iter (events);
  Event *event = g_sequence_iter_is_end (iter) ? NULL : g_sequence_get (iter);

  if (timer != NULL && (event == NULL || timer->due <= event->at))
    {
      VmpTimer *due = g_steal_pointer (&timer);

      now = MAX (now, due->due);
      due->func (due->user_data);
    }
  else if (event != NULL)
    {
      now = event->at;
      g_sequence_remove (iter);
      event->func (event->data);
      g_free (event);
    }
  else
    {
      return FALSE;
    }
  work_off ();

  return TRUE;
}

static void
set_up_server (Server *server,
               guint   number)
{
  g_autofree char *url = g_strdup_printf ("http://127.0.0.%u:1234", number + 1);

  server->node = vmp_node_new (NULL, vmp_base_url_parse (url, NULL));
  server->node->approval = VMP_APPROVAL_APPROVED;
  server->node->health = VMP_NODE_ONLINE;
  server->node->provider = VMP_PROVIDER_LMSTUDIO;
  server->node->checked_mono = now;
  server->node->inventory = vmp_inventory_ref (lists[0]);
  vmp_node_follow_inventory (server->node);
  server->loads_on_request = !one_in (4);
  server->is_down = FALSE;
  server->looks = g_ptr_array_new_with_free_func (g_free);
  server->answered = NULL;
  for (guint i = 0; i < N_MODELS; i++)
    {
      SimModel *model = &server->models[i];
      char key[] = { 'a' + i, '\0' };

      *model = (SimModel) { .server = server, .load_ms = random_ms (20, 8000) };
      model->key = g_strdup (key);
      model->host = vmp_host_ref (vmp_node_find_host (server->node, key));
    }
}

static void
tear_down_server (Server *server)
{
  g_assert_null (server->node->taken_for);
  g_assert_cmpuint (server->node->active_requests, ==, 0);
  g_assert_null (server->answered);
  for (guint i = 0; i < N_MODELS; i++)
    {
      SimModel *model = &server->models[i];

      g_assert_false (model->host->leading);
      g_assert_cmpuint (model->host->active, ==, 0);
      g_assert_cmpuint (model->loading, ==, 0);
      g_assert_cmpuint (model->generating, ==, 0);
      vmp_host_unref (model->host);
      g_free (model->key);
    }
  g_ptr_array_unref (server->looks);
  vmp_node_unref (server->node);
}

static void
run_schedule (void)
{
  static const VmpLoadsFuncs funcs = { loads_changed, load_event };
  guint n_clients = random_ms (5, 40);
  gint64 length_ms = random_ms (2000, 60000);

  now = START;
  events = g_sequence_new (NULL);
  calls = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; i < N_NODES; i++)
    set_up_server (&servers[i], i);
  loads = vmp_loads_new (NULL, NULL, NULL, NULL, "1.1 vampire", &funcs, NULL);

  for (guint i = 0; i < n_clients; i++)
    after (random_ms (0, length_ms), client_comes, NULL);
  for (guint i = 0; i < n_clients / 2; i++)
    after (random_ms (0, length_ms), server_idles, NULL);
  for (guint i = 0; i < n_clients / 4; i++)
    after (random_ms (0, length_ms), owner_wants, NULL);
  for (guint i = 0; i < N_NODES; i++)
    {
      for (gint64 ms = random_ms (0, 10000); ms < length_ms; ms += 10000)
        after (ms, server_is_asked, &servers[i]);
      if (one_in (3))
        after (random_ms (0, length_ms), server_crashes, &servers[i]);
    }

  while (step ())
    ;

  /* Nobody was forgotten. */
  for (guint i = 0; i < calls->len; i++)
    g_assert_cmpint (((Call *) g_ptr_array_index (calls, i))->state, ==, CALL_OVER);
  g_assert_cmpuint (n_owners, ==, 0);
  g_assert_cmpuint (n_open_loads, ==, 0);
  g_assert_cmpuint (vmp_loads_count (loads), ==, 0);
  g_assert_null (timer);

  for (guint i = 0; i < N_NODES; i++)
    vmp_loads_node_changed (loads, servers[i].node, VMP_NODE_REMOVED);
  vmp_loads_free (loads);
  g_assert_null (deferred);
  for (guint i = 0; i < N_NODES; i++)
    tear_down_server (&servers[i]);
  g_ptr_array_unref (calls);
  g_sequence_free (events);
}

static void
make_lists (void)
{
  for (guint bits = 0; bits < N_LISTS; bits++)
    {
      g_autoptr (GString) text = g_string_new ("{\"models\":[");
      g_autoptr (GError) error = NULL;

      for (guint i = 0; i < N_MODELS; i++)
        g_string_append_printf (text, "%s{\"type\":\"llm\",\"key\":\"%c\",\"max_context_length\":8192,"
                                "\"loaded_instances\":[%s%c%s]}", i > 0 ? "," : "", 'a' + i,
                                (bits & (1 << i)) != 0 ? "{\"id\":\"" : "", (bits & (1 << i)) != 0 ? 'a' + i : ' ',
                                (bits & (1 << i)) != 0 ? "\",\"config\":{\"parallel\":2}}" : "");
      g_string_append (text, "]}");
      lists[bits] = vmp_inventory_parse (VMP_LIST_LMSTUDIO_V1, text->str, text->len, NULL, &error);
      g_assert_no_error (error);
    }
}

static void
test_schedules (void)
{
  guint n = g_test_thorough () ? 100000 : 10000;

  make_lists ();
  for (guint i = 0; i < n; i++)
    run_schedule ();
  for (guint i = 0; i < N_LISTS; i++)
    vmp_inventory_unref (lists[i]);

  g_test_message ("%u schedules: %u answers, %u loads (%u asked for), %u leads, %u loads whose clients left, %u waits, "
                  "%u thrown out, %u unloaded, %u crashes, %u looks in vain, %u kept", n, seen.answered, seen.loads,
                  seen.asked, seen.led, seen.watched, seen.waits, seen.evictions, seen.unloads, seen.crashes,
                  seen.failed_looks, seen.kept);
  g_assert_cmpuint (seen.answered, >, n);
  g_assert_cmpuint (seen.loads, >, n);
  g_assert_cmpuint (seen.asked, >, n / 10);
  g_assert_cmpuint (seen.led, >, n);
  g_assert_cmpuint (seen.watched, >, n / 20);
  g_assert_cmpuint (seen.waits, >, n);
  g_assert_cmpuint (seen.evictions, >, n / 2);
  g_assert_cmpuint (seen.unloads, >, n / 20);
  g_assert_cmpuint (seen.crashes, >, n / 10);
  g_assert_cmpuint (seen.failed_looks, >, n / 10);
  g_assert_cmpuint (seen.kept, >, n / 20);
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/loads/random-schedules", test_schedules);

  return g_test_run ();
}
