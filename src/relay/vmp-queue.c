/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpQueue. A model has a line of entries for each client, and a ring of lines in the order of their
 * turns; lines and models are also kept by the age of their first entries. Nobody's line stays when it is empty.
 */

#include "relay/vmp-queue.h"

#include "core/vmp-limits.h"
#include "core/vmp-text.h"

typedef struct {
  VmpQueue *queue;
  guint ref_count;
  char *name;
  guint count;             /* entries */
  GHashTable *lines;       /* client -> Line */
  GSequence *lines_by_age; /* of Line */
  GSequenceIter *by_age;   /* in queue->models_by_age; NULL: nobody waits any more */
  GQueue turns;            /* of Line, whose turn it is first */
  GQueue trials;           /* of VmpQueueEntry, the one that was not tried for the longest time first */
  GList *cursor;           /* while it is pumped: in @turns, the next one that gets its turn */
} Model;

/* Of one client for one model; never empty. */
typedef struct {
  Model *model;
  char *client;
  GQueue entries;          /* of VmpQueueEntry, the oldest first */
  GSequenceIter *by_age;   /* in model->lines_by_age */
  GList turn;              /* in model->turns */

  /* While it is pumped. */
  guint64 pump;            /* the one that @next is of */
  GList *next;             /* the next entry to be tried; NULL: none */
  guint64 round;           /* the last one in which it had its turn */
} Line;

struct _VmpQueue {
  GHashTable *models;       /* name -> Model */
  GSequence *models_by_age; /* of Model */
  GSequence *due;           /* of VmpQueueEntry with a deadline */
  guint count;
  guint limit;
  guint64 last_number;

  /* While it is pumped. */
  gboolean pumping;
  guint64 pump;             /* rises with each */
  guint64 round;            /* rises over all pumps */
  guint64 newest;           /* the number of the newest entry that was there when it began */
  VmpQueueEntry *trying;    /* NULL: it was removed since */
  Line *trying_line;        /* NULL: it is gone since */
};

/* -- Order --------------------------------------------------------------------------------- */

static const VmpQueueEntry *
get_first (const Line *line)
{
  return line->entries.head->data;
}

static int
compare_numbers (guint64 a,
                 guint64 b)
{
  return a < b ? -1 : a > b;
}

static int
compare_lines (gconstpointer a,
               gconstpointer b,
               gpointer      user_data)
{
  return compare_numbers (get_first (a)->number, get_first (b)->number);
}

static const Line *
get_oldest_line (const Model *model)
{
  return g_sequence_get (g_sequence_get_begin_iter (model->lines_by_age));
}

static int
compare_models (gconstpointer a,
                gconstpointer b,
                gpointer      user_data)
{
  return compare_lines (get_oldest_line (a), get_oldest_line (b), NULL);
}

static int
compare_deadlines (gconstpointer a,
                   gconstpointer b,
                   gpointer      user_data)
{
  const VmpQueueEntry *one = a;
  const VmpQueueEntry *other = b;

  if (one->deadline != other->deadline)
    return one->deadline < other->deadline ? -1 : 1;

  return compare_numbers (one->number, other->number);
}

/* -- Models and lines ---------------------------------------------------------------------- */

static Model *
model_ref (Model *self)
{
  self->ref_count++;

  return self;
}

static void
model_unref (gpointer data)
{
  Model *self = data;

  if (--self->ref_count > 0)
    return;

  g_assert (self->count == 0);
  g_hash_table_unref (self->lines);
  g_sequence_free (self->lines_by_age);
  g_free (self->name);
  g_free (self);
}

static Model *
model_new (VmpQueue   *queue,
           const char *name)
{
  Model *self = g_new0 (Model, 1);

  self->queue = queue;
  self->ref_count = 1;
  self->name = g_strdup (name);
  self->lines = g_hash_table_new (vmp_text_hash, g_str_equal);
  self->lines_by_age = g_sequence_new (NULL);
  g_queue_init (&self->turns);
  g_queue_init (&self->trials);
  g_hash_table_insert (queue->models, self->name, self);

  return self;
}

/* Nobody waits for it any more. A pump may still hold it. */
static void
model_remove (Model *self)
{
  g_sequence_remove (g_steal_pointer (&self->by_age));
  g_hash_table_remove (self->queue->models, self->name);
}

static Line *
line_new (Model      *model,
          const char *client)
{
  Line *self = g_new0 (Line, 1);

  self->model = model;
  self->client = g_strdup (client);
  g_queue_init (&self->entries);
  self->turn.data = self;
  self->round = model->queue->round;
  g_queue_push_tail_link (&model->turns, &self->turn);
  g_hash_table_insert (model->lines, self->client, self);

  return self;
}

static void
line_free (Line *self)
{
  Model *model = self->model;

  if (model->cursor == &self->turn)
    model->cursor = self->turn.next;
  if (model->queue->trying_line == self)
    model->queue->trying_line = NULL;
  g_queue_unlink (&model->turns, &self->turn);
  g_sequence_remove (self->by_age);
  g_hash_table_remove (model->lines, self->client);
  g_free (self->client);
  g_free (self);
}

/* -- Entries ------------------------------------------------------------------------------- */

gboolean
vmp_queue_add (VmpQueue      *self,
               VmpQueueEntry *entry,
               gpointer       call,
               const char    *model_name,
               const char    *client,
               gint64         now,
               gint64         deadline)
{
  Model *model;
  Line *line;

  g_return_val_if_fail (self != NULL && entry != NULL, FALSE);
  g_return_val_if_fail (entry->model == NULL, FALSE);
  g_return_val_if_fail (model_name != NULL && client != NULL, FALSE);

  model = g_hash_table_lookup (self->models, model_name);
  if ((model != NULL ? model->count : 0) >= self->limit)
    return FALSE;

  if (model == NULL)
    model = model_new (self, model_name);
  line = g_hash_table_lookup (model->lines, client);
  if (line == NULL)
    line = line_new (model, client);

  entry->call = call;
  entry->model = model->name;
  entry->since = now;
  entry->deadline = deadline;
  entry->number = ++self->last_number;
  entry->link = (GList) { .data = entry };
  entry->trial = (GList) { .data = entry };
  entry->pump = 0;
  entry->line = line;
  g_queue_push_tail_link (&line->entries, &entry->link);
  g_queue_push_tail_link (&model->trials, &entry->trial);
  entry->due = deadline != 0 ? g_sequence_insert_sorted (self->due, entry, compare_deadlines, NULL) : NULL;
  if (line->by_age == NULL)
    line->by_age = g_sequence_insert_sorted (model->lines_by_age, line, compare_lines, NULL);
  if (model->by_age == NULL)
    model->by_age = g_sequence_insert_sorted (self->models_by_age, model, compare_models, NULL);
  model->count++;
  self->count++;

  return TRUE;
}

void
vmp_queue_remove (VmpQueue      *self,
                  VmpQueueEntry *entry)
{
  Line *line;
  Model *model;
  gboolean was_first;
  gboolean was_oldest;

  g_return_if_fail (self != NULL && entry != NULL);

  if (entry->model == NULL)
    return;

  line = entry->line;
  model = line->model;
  was_first = line->entries.head == &entry->link;
  was_oldest = was_first && get_oldest_line (model) == line;
  if (line->next == &entry->link)
    line->next = entry->link.next;
  if (self->trying == entry)
    self->trying = NULL;
  g_queue_unlink (&line->entries, &entry->link);
  g_queue_unlink (&model->trials, &entry->trial);
  g_clear_pointer (&entry->due, g_sequence_remove);
  entry->model = NULL;
  entry->line = NULL;
  model->count--;
  self->count--;

  if (line->entries.length == 0)
    line_free (line);
  else if (was_first)
    g_sequence_sort_changed (line->by_age, compare_lines, NULL);

  if (model->count == 0)
    {
      model_remove (model);
      model_unref (model);
    }
  else if (was_oldest)
    {
      g_sequence_sort_changed (model->by_age, compare_models, NULL);
    }
}

/* -- Pump ---------------------------------------------------------------------------------- */

/* The first entry of a line that was not tried yet; one that came since the pump began is not tried in it. */
static VmpQueueEntry *
get_untried (VmpQueue *self,
             Line     *line)
{
  VmpQueueEntry *entry;

  if (line->pump != self->pump)
    {
      line->pump = self->pump;
      line->next = line->entries.head;
    }
  if (line->next == NULL)
    return NULL;

  entry = line->next->data;

  return entry->number <= self->newest ? entry : NULL;
}

/* Gives a line its turn. FALSE when the entry could not go and still waits. */
static gboolean
try_entry (VmpQueue      *self,
           Line          *line,
           VmpQueueEntry *entry,
           VmpQueueTry    func,
           gpointer       user_data)
{
  gboolean went;
  gboolean waits;

  line->next = entry->link.next;
  line->round = self->round;
  entry->pump = self->pump;
  self->trying = entry;
  self->trying_line = line;
  went = func (entry->call, user_data);
  /* Neither may exist any more. */
  if (went && self->trying != NULL)
    vmp_queue_remove (self, self->trying);
  line = g_steal_pointer (&self->trying_line);
  waits = g_steal_pointer (&self->trying) != NULL;

  if (waits)
    {
      g_queue_unlink (&line->model->trials, &entry->trial);
      g_queue_push_tail_link (&line->model->trials, &entry->trial);
    }
  if (went && line != NULL)
    {
      g_queue_unlink (&line->model->turns, &line->turn);
      g_queue_push_tail_link (&line->model->turns, &line->turn);
    }

  return !waits;
}

/* Each line has one turn in a round; those that used theirs, and those that came since, stand behind the others. */
static void
pump_model (Model      *model,
            VmpQueueTry func,
            gpointer    user_data)
{
  VmpQueue *self = model->queue;
  guint n_vain = 0;
  gboolean tried;

  do
    {
      tried = FALSE;
      self->round++;
      model->cursor = model->turns.head;
      while (model->cursor != NULL && n_vain < VMP_LIMIT_QUEUE_TRIES)
        {
          Line *line = model->cursor->data;
          VmpQueueEntry *entry;

          if (line->round == self->round)
            break;
          model->cursor = model->cursor->next;
          entry = get_untried (self, line);
          if (entry == NULL)
            continue;
          tried = TRUE;
          if (!try_entry (self, line, entry, func, user_data))
            n_vain++;
        }
    }
  while (tried && n_vain < VMP_LIMIT_QUEUE_TRIES);
  model->cursor = NULL;
}

/* Those behind the first ones, by whom they must not be kept from what these cannot use. */
static void
pump_rest (Model      *model,
           VmpQueueTry func,
           gpointer    user_data)
{
  VmpQueue *self = model->queue;
  guint n_vain = 0;

  while (model->trials.head != NULL && n_vain < VMP_LIMIT_QUEUE_TRIES)
    {
      VmpQueueEntry *entry = model->trials.head->data;

      if (entry->pump == self->pump || entry->number > self->newest)
        return;
      if (!try_entry (self, entry->line, entry, func, user_data))
        n_vain++;
    }
}

void
vmp_queue_pump (VmpQueue   *self,
                VmpQueueTry func,
                gpointer    user_data)
{
  g_autoptr (GPtrArray) models = NULL;
  GSequenceIter *iter;
  guint i;

  g_return_if_fail (self != NULL && func != NULL);
  g_return_if_fail (!self->pumping);

  if (self->count == 0)
    return;

  models = g_ptr_array_new_full (g_hash_table_size (self->models), model_unref);
  for (iter = g_sequence_get_begin_iter (self->models_by_age); !g_sequence_iter_is_end (iter);
       iter = g_sequence_iter_next (iter))
    g_ptr_array_add (models, model_ref (g_sequence_get (iter)));

  self->pumping = TRUE;
  self->pump++;
  self->newest = self->last_number;
  for (i = 0; i < models->len; i++)
    {
      pump_model (g_ptr_array_index (models, i), func, user_data);
      pump_rest (g_ptr_array_index (models, i), func, user_data);
    }
  self->pumping = FALSE;
}

/* -- Time and figures ---------------------------------------------------------------------- */

static VmpQueueEntry *
get_next_due (VmpQueue *self)
{
  GSequenceIter *first = g_sequence_get_begin_iter (self->due);

  return g_sequence_iter_is_end (first) ? NULL : g_sequence_get (first);
}

gpointer
vmp_queue_pop_due (VmpQueue *self,
                   gint64    now)
{
  VmpQueueEntry *entry;

  g_return_val_if_fail (self != NULL, NULL);

  entry = get_next_due (self);
  if (entry == NULL || entry->deadline > now)
    return NULL;

  vmp_queue_remove (self, entry);

  return entry->call;
}

gint64
vmp_queue_get_next_due (VmpQueue *self)
{
  const VmpQueueEntry *entry;

  g_return_val_if_fail (self != NULL, 0);

  entry = get_next_due (self);

  return entry != NULL ? entry->deadline : 0;
}

guint
vmp_queue_count (VmpQueue   *self,
                 const char *model_name)
{
  const Model *model;

  g_return_val_if_fail (self != NULL && model_name != NULL, 0);

  model = g_hash_table_lookup (self->models, model_name);

  return model != NULL ? model->count : 0;
}

guint
vmp_queue_count_all (VmpQueue *self)
{
  g_return_val_if_fail (self != NULL, 0);

  return self->count;
}

gint64
vmp_queue_get_oldest (VmpQueue   *self,
                      const char *model_name)
{
  const Model *model;

  g_return_val_if_fail (self != NULL && model_name != NULL, 0);

  model = g_hash_table_lookup (self->models, model_name);

  return model != NULL ? get_first (get_oldest_line (model))->since : 0;
}

void
vmp_queue_for_each_model (VmpQueue         *self,
                          VmpQueueModelFunc func,
                          gpointer          user_data)
{
  GSequenceIter *iter;

  g_return_if_fail (self != NULL && func != NULL);

  for (iter = g_sequence_get_begin_iter (self->models_by_age); !g_sequence_iter_is_end (iter);
       iter = g_sequence_iter_next (iter))
    {
      const Model *model = g_sequence_get (iter);

      func (model->name, model->count, get_first (get_oldest_line (model))->since, user_data);
    }
}

/* -- The queue ----------------------------------------------------------------------------- */

VmpQueue *
vmp_queue_new (void)
{
  VmpQueue *self = g_new0 (VmpQueue, 1);

  self->models = g_hash_table_new (vmp_text_hash, g_str_equal);
  self->models_by_age = g_sequence_new (NULL);
  self->due = g_sequence_new (NULL);
  self->limit = VMP_LIMIT_QUEUE;

  return self;
}

void
vmp_queue_free (VmpQueue *self)
{
  g_return_if_fail (self != NULL);
  g_return_if_fail (self->count == 0);

  g_hash_table_unref (self->models);
  g_sequence_free (self->models_by_age);
  g_sequence_free (self->due);
  g_free (self);
}

void
vmp_queue_set_limit (VmpQueue *self,
                     guint     limit)
{
  g_return_if_fail (self != NULL);

  self->limit = limit;
}
