/* SPDX-License-Identifier: MIT
 *
 * Implementation of the keeper. Each owner has a slot, and the slot's number is the id of its document: so there are
 * never more documents than there may be owners, in the database nor among those that a full disk keeps from it, and
 * the longest unused one is overwritten by the one that takes its slot.
 */

#include "routing/vmp-affinity-keeper.h"

#include "core/vmp-json.h"
#include "core/vmp-limits.h"
#include "core/vmp-text.h"

#include <string.h>

typedef struct {
  char *key;         /* NULL: the slot is free */
  VmpNode *node;     /* the registry's, for the affinity forgets it before it goes */
  gint64 used;       /* Unix seconds, as it is written or is to be */
  gboolean changed;  /* its number is in VmpAffinityKeeper.changed */
} Slot;

struct _VmpAffinityKeeper {
  VmpPoll *poll;
  VmpStore *store;
  VmpRegistry *registry;
  VmpAffinity *affinity;

  GArray *slots;         /* of Slot, by number; VMP_LIMIT_STICKY at most */
  GHashTable *by_key;    /* Slot.key -> its number */
  GArray *free_slots;    /* of guint: those without a key */
  GArray *changed;       /* of guint: those that are to be written */
  VmpTimer timer;        /* set while there are any, unless some are being written */
  gboolean is_writing;
};

/* One document, while they are read. */
typedef struct {
  char *key;
  VmpNode *node;
  gint64 used;
  guint number;
} Kept;

typedef struct {
  VmpAffinityKeeper *keeper;
  GArray *kept;         /* of Kept */
  GPtrArray *unusable;  /* of char *: ids of documents that are to go */
} Reading;

static inline Slot *
get_slot (VmpAffinityKeeper *self,
          guint              number)
{
  return &g_array_index (self->slots, Slot, number);
}

/* -- Writing ------------------------------------------------------------------------------- */

/* (transfer full) */
static char *
print_slot (const Slot *slot)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "response", slot->key);
  vmp_json_add_string (builder, "node", slot->node->id);
  vmp_json_add_int (builder, "used", slot->used);
  json_builder_end_object (builder);

  return vmp_json_builder_print (builder);
}

/* @done: (nullable): when all of them are on disk, or could not be written */
static void
write_changed (VmpAffinityKeeper *self,
               VmpStoreDone       done)
{
  guint n = self->changed->len;
  guint i;

  for (i = 0; i < n; i++)
    {
      guint number = g_array_index (self->changed, guint, i);
      Slot *slot = get_slot (self, number);
      char id[16];

      slot->changed = FALSE;
      g_snprintf (id, sizeof id, "%u", number);
      vmp_store_put (self->store, VMP_STORE_OWNERS, id, slot->key != NULL ? print_slot (slot) : NULL,
                     i + 1 == n ? done : NULL, self);
    }
  g_array_set_size (self->changed, 0);
}

static void written_cb (gpointer      user_data,
                        const GError *error);

static void
timer_cb (gpointer user_data)
{
  VmpAffinityKeeper *self = user_data;

  self->is_writing = TRUE;
  write_changed (self, written_cb);
}

static void
set_timer (VmpAffinityKeeper *self)
{
  if (self->changed->len > 0 && self->timer.due == 0 && !self->is_writing)
    vmp_poll_set_timer (self->poll, &self->timer, g_get_monotonic_time () + VMP_LIMIT_OWNER_WRITE_MS * 1000, timer_cb,
                        self);
}

/* The store says what is wrong, and keeps what it could not write. */
static void
written_cb (gpointer      user_data,
            const GError *error)
{
  VmpAffinityKeeper *self = user_data;

  self->is_writing = FALSE;
  set_timer (self);
}

static void
mark_changed (VmpAffinityKeeper *self,
              guint              number)
{
  Slot *slot = get_slot (self, number);

  if (slot->changed)
    return;

  slot->changed = TRUE;
  g_array_append_val (self->changed, number);
  set_timer (self);
}

/* -- What becomes known -------------------------------------------------------------------- */

/* FALSE when there are too many: never, as long as no more are remembered than there may be slots. */
static gboolean
take_slot (VmpAffinityKeeper *self,
           guint             *number)
{
  static const Slot empty = { NULL, };

  if (self->free_slots->len > 0)
    {
      *number = g_array_index (self->free_slots, guint, self->free_slots->len - 1);
      g_array_set_size (self->free_slots, self->free_slots->len - 1);
      return TRUE;
    }
  if (self->slots->len >= VMP_LIMIT_STICKY)
    return FALSE;

  *number = self->slots->len;
  g_array_append_val (self->slots, empty);

  return TRUE;
}

/* @key: (transfer full) */
static void
give_key (VmpAffinityKeeper *self,
          guint              number,
          char              *key)
{
  get_slot (self, number)->key = key;
  g_hash_table_insert (self->by_key, key, GUINT_TO_POINTER (number));
}

static void
forget (VmpAffinityKeeper *self,
        guint              number)
{
  Slot *slot = get_slot (self, number);

  g_hash_table_remove (self->by_key, slot->key);
  g_clear_pointer (&slot->key, g_free);
  slot->node = NULL;
  g_array_append_val (self->free_slots, number);
  mark_changed (self, number);
}

static gint64
to_unix (gint64 monotonic)
{
  return (g_get_real_time () - (g_get_monotonic_time () - monotonic)) / G_USEC_PER_SEC;
}

static void
owner_changed_cb (gpointer    user_data,
                  const char *key,
                  gpointer    node,
                  gint64      used)
{
  VmpAffinityKeeper *self = user_data;
  gint64 used_at = to_unix (used);
  gpointer found = NULL;
  gboolean is_known = g_hash_table_lookup_extended (self->by_key, key, NULL, &found);
  guint number = GPOINTER_TO_UINT (found);
  Slot *slot;

  if (node == NULL)
    {
      if (is_known)
        forget (self, number);
      return;
    }

  if (!is_known)
    {
      /* Such an id would be another one when it is read again. */
      if (!g_utf8_validate (key, -1, NULL) || !take_slot (self, &number))
        return;
      give_key (self, number, g_strdup (key));
    }

  slot = get_slot (self, number);
  if (slot->node == node && ABS (used_at - slot->used) < VMP_LIMIT_OWNER_STORE_S)
    return;

  slot->node = node;
  slot->used = used_at;
  mark_changed (self, number);
}

/* -- Reading ------------------------------------------------------------------------------- */

static void
kept_clear (gpointer data)
{
  g_free (((Kept *) data)->key);
}

/* What was used longest ago first; of the same second, in an order that is always the same. */
static int
compare_used (gconstpointer a,
              gconstpointer b)
{
  const Kept *one = a;
  const Kept *other = b;

  if (one->used != other->used)
    return one->used < other->used ? -1 : 1;

  return one->number < other->number ? -1 : one->number > other->number;
}

/* FALSE: it is none of ours, or of no use any more. */
static gboolean
read_document (VmpAffinityKeeper *self,
               const char        *id,
               const char        *document,
               Kept              *kept)
{
  g_autoptr (JsonNode) root = vmp_json_parse (document, strlen (document), NULL);
  JsonObject *object = root != NULL && JSON_NODE_HOLDS_OBJECT (root) ? json_node_get_object (root) : NULL;
  const char *key = vmp_json_get_string (object, "response");
  const char *node_id = vmp_json_get_string (object, "node");
  gint64 now = g_get_real_time () / G_USEC_PER_SEC;
  guint64 number;

  if (key == NULL || strlen (key) > VMP_LIMIT_SESSION_BYTES || node_id == NULL
      || !vmp_json_get_int (object, "used", &kept->used)
      || !g_ascii_string_to_unsigned (id, 10, 0, VMP_LIMIT_STICKY - 1, &number, NULL))
    return FALSE;

  /* A clock that was ahead would keep it for longer. */
  kept->used = MIN (kept->used, now);
  kept->number = number;
  kept->node = vmp_registry_find (self->registry, node_id);
  if (kept->node == NULL || kept->used <= now - VMP_LIMIT_OWNER_S)
    return FALSE;

  kept->key = g_strdup (key);

  return TRUE;
}

static void
read_one (gpointer    user_data,
          const char *id,
          const char *document)
{
  Reading *reading = user_data;
  Kept kept = { NULL, };

  if (read_document (reading->keeper, id, document, &kept))
    g_array_append_val (reading->kept, kept);
  else
    g_ptr_array_add (reading->unusable, g_strdup (id));
}

/* Each gets the slot that it had; those in between are free, and one that has what another one has. */
static void
fill_slots (VmpAffinityKeeper *self,
            GArray            *kept)
{
  guint n_slots = 0;
  guint i;

  for (i = 0; i < kept->len; i++)
    n_slots = MAX (n_slots, g_array_index (kept, Kept, i).number + 1);
  g_array_set_size (self->slots, n_slots);

  for (i = 0; i < kept->len; i++)
    {
      Kept *one = &g_array_index (kept, Kept, i);
      Slot *slot = get_slot (self, one->number);

      if (g_hash_table_contains (self->by_key, one->key))
        {
          mark_changed (self, one->number);
          continue;
        }
      slot->node = one->node;
      slot->used = one->used;
      give_key (self, one->number, g_strdup (one->key));
    }
  for (i = n_slots; i-- > 0; )
    {
      if (get_slot (self, i)->key == NULL)
        g_array_append_val (self->free_slots, i);
    }
}

static void
tell_affinity (VmpAffinityKeeper *self,
               GArray            *kept)
{
  gint64 now = g_get_monotonic_time ();
  gint64 now_at = g_get_real_time () / G_USEC_PER_SEC;
  guint i;

  for (i = 0; i < kept->len; i++)
    {
      const Kept *one = &g_array_index (kept, Kept, i);

      vmp_affinity_stick (self->affinity, VMP_STICKY_OWNER, one->key, one->node,
                          now - (now_at - one->used) * G_USEC_PER_SEC);
    }
}

static void
read_kept (VmpAffinityKeeper *self)
{
  g_autoptr (GArray) kept = g_array_new (FALSE, FALSE, sizeof (Kept));
  g_autoptr (GPtrArray) unusable = g_ptr_array_new_with_free_func (g_free);
  Reading reading = { self, kept, unusable };
  guint i;

  g_array_set_clear_func (kept, kept_clear);
  vmp_store_for_each (self->store, VMP_STORE_OWNERS, read_one, &reading);
  g_array_sort (kept, compare_used);
  fill_slots (self, kept);
  vmp_affinity_set_listener (self->affinity, owner_changed_cb, self);
  tell_affinity (self, kept);

  for (i = 0; i < unusable->len; i++)
    vmp_store_put (self->store, VMP_STORE_OWNERS, g_ptr_array_index (unusable, i), NULL, NULL, NULL);
}

/* -- Life ---------------------------------------------------------------------------------- */

static void
slot_clear (gpointer data)
{
  g_free (((Slot *) data)->key);
}

VmpAffinityKeeper *
vmp_affinity_keeper_new (VmpPoll     *poll,
                         VmpStore    *store,
                         VmpRegistry *registry,
                         VmpAffinity *affinity)
{
  VmpAffinityKeeper *self = g_new0 (VmpAffinityKeeper, 1);

  self->poll = poll;
  self->store = store;
  self->registry = registry;
  self->affinity = affinity;
  self->slots = g_array_new (FALSE, TRUE, sizeof (Slot));
  g_array_set_clear_func (self->slots, slot_clear);
  self->by_key = g_hash_table_new (vmp_text_hash, g_str_equal);
  self->free_slots = g_array_new (FALSE, FALSE, sizeof (guint));
  self->changed = g_array_new (FALSE, FALSE, sizeof (guint));
  read_kept (self);

  return self;
}

void
vmp_affinity_keeper_free (VmpAffinityKeeper *self)
{
  vmp_affinity_set_listener (self->affinity, NULL, NULL);
  vmp_poll_clear_timer (self->poll, &self->timer);
  vmp_store_forget_caller (self->store, self);
  write_changed (self, NULL);

  g_hash_table_unref (self->by_key);
  g_array_unref (self->slots);
  g_array_unref (self->free_slots);
  g_array_unref (self->changed);
  g_free (self);
}
