/* SPDX-License-Identifier: MIT
 *
 * Which of the two places a secret goes to and comes from, and what that says of the keyring. The work itself is done
 * on a thread of GTask's, one operation after the other, so that what was stored last is what is kept; unlocking, for
 * which the owner may take minutes, is worked off beside. No secret reaches the log.
 */

#include "platform/vmp-keyring-private.h"

#include "core/vmp-hand-over.h"

#include <string.h>

typedef enum {
  LOAD,
  STORE,
  UNLOCK
} Verb;

/* Operations that wait for one another. */
typedef enum {
  SECRETS_LANE,
  UNLOCK_LANE,
  N_LANES
} Lane;

struct _VmpKeyring {
  guint refs;
  char *file;
  VmpSecretsPlace place;

  GQueue lanes[N_LANES]; /* of the callers' GTask; the first one is being worked on */

  VmpKeyringState state;
  char *trouble;         /* while it is UNAVAILABLE; NULL otherwise */
  gboolean seen;         /* there was a keyring: when it goes away its secrets are not gone with it */
  gboolean file_said;    /* the log says that the file is used */
};

/* The data of a caller's GTask. Belongs to the thread while that works on it. */
typedef struct {
  VmpKeyring *keyring;
  Verb verb;
  char *kind;
  char *id;
  char *label;
  char *secret;

  /* As they were when the work began. */
  const char *file;
  VmpSecretsPlace place;
  gboolean seen;

  /* What came of it. */
  VmpKeyringState state;
  GHashTable *secrets;
  GError *error;
} Operation;

void
vmp_secret_free (gpointer secret)
{
  if (secret != NULL)
    explicit_bzero (secret, strlen (secret));
  g_free (secret);
}

const char *
vmp_keyring_state_to_string (VmpKeyringState state)
{
  static const char * const words[] = { "unknown", "open", "locked", "file", "unavailable" };

  G_STATIC_ASSERT (G_N_ELEMENTS (words) == VMP_N_KEYRING_STATES);
  g_return_val_if_fail (state < VMP_N_KEYRING_STATES, NULL);

  return words[state];
}

VmpKeyring *
vmp_keyring_new (const char     *file,
                 VmpSecretsPlace place)
{
  VmpKeyring *self;

  g_return_val_if_fail (file != NULL, NULL);

  self = g_new0 (VmpKeyring, 1);
  self->refs = 1;
  self->file = g_strdup (file);
  self->place = place;

  return self;
}

VmpKeyring *
vmp_keyring_ref (VmpKeyring *self)
{
  self->refs++;

  return self;
}

void
vmp_keyring_unref (VmpKeyring *self)
{
  if (--self->refs > 0)
    return;

  g_free (self->file);
  g_free (self->trouble);
  g_free (self);
}

VmpKeyringState
vmp_keyring_get_state (VmpKeyring *self)
{
  return self->state;
}

const char *
vmp_keyring_get_trouble (VmpKeyring *self)
{
  return self->trouble;
}

static void
operation_free (gpointer data)
{
  Operation *op = data;

  g_free (op->kind);
  g_free (op->id);
  g_free (op->label);
  vmp_secret_free (op->secret);
  g_clear_pointer (&op->secrets, g_hash_table_unref);
  g_clear_error (&op->error);
  vmp_keyring_unref (op->keyring);
  g_free (op);
}

/* -- On the thread ------------------------------------------------------------------------- */

/* Whether the file takes the place of a desktop's keyring that answered so. Only when there is none: what a keyring
 * that is locked, or fails, would not take must not end in a file. */
static gboolean
is_for_the_file (Operation *op)
{
  return op->place == VMP_SECRETS_AUTO && !op->seen &&
         g_error_matches (op->error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED);
}

static VmpKeyringState
state_after (const GError *error)
{
  if (error == NULL || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    return VMP_KEYRING_OPEN;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED))
    return VMP_KEYRING_LOCKED;

  return VMP_KEYRING_UNAVAILABLE;
}

static void
load_from_desktop (Operation    *op,
                   GCancellable *cancellable)
{
  gboolean locked = FALSE;

  op->secrets = vmp_keyring_desktop_load (op->kind, &locked, cancellable, &op->error);
  if (op->secrets != NULL)
    {
      op->state = locked ? VMP_KEYRING_LOCKED : VMP_KEYRING_OPEN;
    }
  else if (is_for_the_file (op))
    {
      g_clear_error (&op->error);
      op->state = VMP_KEYRING_FILE;
    }
  else
    {
      op->state = VMP_KEYRING_UNAVAILABLE;
    }
}

/* Secrets from a time without a keyring, also when there is one now; and, when not all of that can be seen, the notes
 * of what is in it. */
static void
add_from_file (Operation *op)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GHashTable) entries = vmp_keyring_file_load (op->file, op->kind, &error);
  GHashTableIter iter;
  gpointer id, secret;

  if (entries == NULL && op->state == VMP_KEYRING_FILE)
    {
      op->state = VMP_KEYRING_UNAVAILABLE;
      op->error = g_steal_pointer (&error);
      return;
    }
  if (entries == NULL)
    {
      g_warning ("%s", error->message);
      return;
    }

  g_hash_table_iter_init (&iter, entries);
  while (g_hash_table_iter_next (&iter, &id, &secret))
    {
      if ((op->secrets != NULL && g_hash_table_contains (op->secrets, id)) ||
          (secret == NULL && (op->state == VMP_KEYRING_OPEN || op->place == VMP_SECRETS_FILE)) ||
          (secret != NULL && op->place == VMP_SECRETS_KEYRING))
        g_hash_table_iter_remove (&iter);
    }

  /* Of a keyring that fails, nothing is not an answer. */
  if (op->secrets == NULL && (op->state == VMP_KEYRING_FILE || g_hash_table_size (entries) > 0))
    {
      op->secrets = g_steal_pointer (&entries);
      return;
    }

  g_hash_table_iter_init (&iter, entries);
  while (g_hash_table_iter_next (&iter, &id, &secret))
    {
      g_hash_table_iter_steal (&iter);
      g_hash_table_insert (op->secrets, id, secret);
    }
}

static void
load (Operation    *op,
      GCancellable *cancellable)
{
  if (op->place == VMP_SECRETS_FILE)
    op->state = VMP_KEYRING_FILE;
  else
    load_from_desktop (op, cancellable);

  if (!g_error_matches (op->error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    add_from_file (op);
}

static void
store_in_file (Operation *op)
{
  vmp_keyring_file_store (op->file, op->kind, op->id, op->secret, &op->error);
  op->state = state_after (op->error) == VMP_KEYRING_OPEN ? VMP_KEYRING_FILE : VMP_KEYRING_UNAVAILABLE;
}

/* The keyring has it now: what the file has of it is old. */
static void
note_in_file (Operation *op)
{
  g_autoptr (GError) error = NULL;

  if (!vmp_keyring_file_note (op->file, op->kind, op->id, &error))
    g_warning ("%s", error->message); /* it is kept all the same */
}

/* The keyring has it no more, or never had: it must not come back out of the file. */
static void
remove_from_file (Operation *op,
                  gboolean   locked)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GHashTable) entries = vmp_keyring_file_load (op->file, op->kind, &error);
  gpointer secret = NULL;

  if (entries != NULL && !g_hash_table_lookup_extended (entries, op->id, NULL, &secret))
    return;

  if (entries != NULL && secret == NULL && locked && op->error != NULL)
    {
      /* It is there by the note, and one that does not show its items. */
      g_clear_error (&op->error);
      g_set_error_literal (&op->error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
                           "The desktop's keyring is locked. Unlock it, then remove the token again.");
      return;
    }

  if (entries != NULL && vmp_keyring_file_store (op->file, op->kind, op->id, NULL, &error))
    {
      if (secret != NULL)
        g_clear_error (&op->error);
      return;
    }
  g_clear_error (&op->error);
  op->error = g_steal_pointer (&error);
}

static void
store (Operation    *op,
       GCancellable *cancellable)
{
  gboolean locked = FALSE;

  if (op->place == VMP_SECRETS_FILE)
    {
      store_in_file (op);
      return;
    }

  vmp_keyring_desktop_store (op->kind, op->id, op->label, op->secret, &locked, cancellable, &op->error);
  if (is_for_the_file (op))
    {
      g_clear_error (&op->error);
      store_in_file (op);
      return;
    }

  op->state = state_after (op->error);
  if (op->state == VMP_KEYRING_OPEN && locked)
    op->state = VMP_KEYRING_LOCKED;
  if (op->secret != NULL && op->error == NULL)
    note_in_file (op);
  else if (op->secret == NULL && state_after (op->error) == VMP_KEYRING_OPEN)
    remove_from_file (op, locked);
}

static void
unlock (Operation    *op,
        GCancellable *cancellable)
{
  if (op->place != VMP_SECRETS_FILE)
    vmp_keyring_desktop_unlock (cancellable, &op->error);
  if (op->place == VMP_SECRETS_FILE || is_for_the_file (op))
    {
      g_clear_error (&op->error);
      op->state = VMP_KEYRING_FILE; /* that is never locked */
      return;
    }

  op->state = state_after (op->error);
}

static void
work (GTask        *work_task,
      gpointer      source,
      gpointer      task_data,
      GCancellable *cancellable)
{
  Operation *op = task_data;

  VMP_TAKE_OVER (op);
  switch (op->verb)
    {
    case LOAD:
      load (op, cancellable);
      break;

    case STORE:
      store (op, cancellable);
      break;

    case UNLOCK:
      unlock (op, cancellable);
      break;

    default:
      g_assert_not_reached ();
    }
  VMP_HAND_OVER (op);
  g_task_return_boolean (work_task, TRUE);
}

/* -- On the caller's context --------------------------------------------------------------- */

static void
set_trouble (VmpKeyring *self,
             const char *trouble)
{
  if (trouble != NULL && g_strcmp0 (self->trouble, trouble) != 0)
    g_warning ("%s", trouble);
  g_free (self->trouble);
  self->trouble = g_strdup (trouble);
}

static void
take_state (VmpKeyring *self,
            Operation  *op)
{
  if (g_error_matches (op->error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;

  self->state = op->state;
  switch (op->state)
    {
    case VMP_KEYRING_FILE:
      set_trouble (self, NULL);
      if (self->place == VMP_SECRETS_AUTO && !self->file_said)
        {
          g_message ("There is no keyring here: tokens are kept in %s, which only its owner can read.", self->file);
          self->file_said = TRUE;
        }
      break;

    case VMP_KEYRING_OPEN:
    case VMP_KEYRING_LOCKED:
      set_trouble (self, NULL);
      if (self->file_said && !self->seen)
        g_message ("There is a keyring now: new tokens go there. Those in %s are still used.", self->file);
      self->seen = TRUE;
      break;

    case VMP_KEYRING_UNAVAILABLE:
      set_trouble (self, op->error->message);
      break;

    default:
      g_assert_not_reached ();
    }
}

static void start_next (VmpKeyring *self,
                        Lane        lane);

static void
worked_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autoptr (GTask) task = user_data;
  Operation *op = g_task_get_task_data (task);
  g_autoptr (VmpKeyring) self = vmp_keyring_ref (op->keyring);
  Lane lane;

  VMP_TAKE_OVER (op);
  lane = op->verb == UNLOCK ? UNLOCK_LANE : SECRETS_LANE;
  take_state (self, op);
  g_object_unref (g_queue_pop_head (&self->lanes[lane]));
  start_next (self, lane);

  if (op->secrets != NULL)
    g_task_return_pointer (task, g_steal_pointer (&op->secrets), (GDestroyNotify) g_hash_table_unref);
  else if (op->error != NULL)
    g_task_return_error (task, g_steal_pointer (&op->error));
  else
    g_task_return_boolean (task, TRUE);
}

static void
start_next (VmpKeyring *self,
            Lane        lane)
{
  GTask *task = g_queue_peek_head (&self->lanes[lane]);
  g_autoptr (GTask) work_task = NULL;
  Operation *op;

  if (task == NULL)
    return;

  op = g_task_get_task_data (task);
  op->file = self->file;
  op->place = self->place;
  op->seen = self->seen;

  work_task = g_task_new (NULL, g_task_get_cancellable (task), worked_cb, g_object_ref (task));
  g_task_set_check_cancellable (work_task, FALSE);
  g_task_set_task_data (work_task, op, NULL);
  VMP_HAND_OVER (op);
  g_task_run_in_thread (work_task, work);
}

/* @op: (transfer full) */
static void
enqueue (VmpKeyring         *self,
         Operation          *op,
         GCancellable       *cancellable,
         GAsyncReadyCallback callback,
         gpointer            user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  Lane lane = op->verb == UNLOCK ? UNLOCK_LANE : SECRETS_LANE;

  op->keyring = vmp_keyring_ref (self);
  /* What was stored was stored, also when it is cancelled then. */
  g_task_set_check_cancellable (task, FALSE);
  g_task_set_task_data (task, op, operation_free);

  g_queue_push_tail (&self->lanes[lane], task);
  if (self->lanes[lane].length == 1)
    start_next (self, lane);
}

static gboolean
is_result_of (GAsyncResult *result,
              Verb          verb)
{
  return g_task_is_valid (result, NULL) && ((Operation *) g_task_get_task_data (G_TASK (result)))->verb == verb;
}

void
vmp_keyring_load_async (VmpKeyring         *self,
                        const char         *kind,
                        GCancellable       *cancellable,
                        GAsyncReadyCallback callback,
                        gpointer            user_data)
{
  Operation *op = g_new0 (Operation, 1);

  op->verb = LOAD;
  op->kind = g_strdup (kind);
  enqueue (self, op, cancellable, callback, user_data);
}

GHashTable *
vmp_keyring_load_finish (VmpKeyring   *self,
                         GAsyncResult *result,
                         GError      **error)
{
  g_return_val_if_fail (is_result_of (result, LOAD), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

void
vmp_keyring_store_async (VmpKeyring         *self,
                         const char         *kind,
                         const char         *id,
                         const char         *label,
                         const char         *secret,
                         GCancellable       *cancellable,
                         GAsyncReadyCallback callback,
                         gpointer            user_data)
{
  Operation *op = g_new0 (Operation, 1);

  op->verb = STORE;
  op->kind = g_strdup (kind);
  op->id = g_strdup (id);
  op->label = g_strdup (label);
  op->secret = g_strdup (secret);
  enqueue (self, op, cancellable, callback, user_data);
}

gboolean
vmp_keyring_store_finish (VmpKeyring   *self,
                          GAsyncResult *result,
                          GError      **error)
{
  g_return_val_if_fail (is_result_of (result, STORE), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}

void
vmp_keyring_unlock_async (VmpKeyring         *self,
                          GCancellable       *cancellable,
                          GAsyncReadyCallback callback,
                          gpointer            user_data)
{
  Operation *op = g_new0 (Operation, 1);

  op->verb = UNLOCK;
  enqueue (self, op, cancellable, callback, user_data);
}

gboolean
vmp_keyring_unlock_finish (VmpKeyring   *self,
                           GAsyncResult *result,
                           GError      **error)
{
  g_return_val_if_fail (is_result_of (result, UNLOCK), FALSE);

  return g_task_propagate_boolean (G_TASK (result), error);
}
