/* SPDX-License-Identifier: MIT
 *
 * What the owner said in this run comes before what a keyring says: a token that was set or removed stays so, also when
 * it could not be kept. And what was read once stays known while the keyring is locked or away. Called by the gateway.
 */

#include "policy/vmp-token-vault.h"

#include "core/vmp-limits.h"

#include <string.h>

/* In the keyring, and in the file where there is none. */
#define KIND "node-token"
#define FILE_NAME "tokens.json"

typedef struct {
  char *token;          /* NULL: none, or locked */
  gboolean locked;
  gboolean not_kept;    /* as the owner has set or removed it, which did not reach the keyring, or not yet */
  guint64 change;       /* the number of that */
} Entry;

/* Reading all of them. */
typedef struct {
  VmpTokenVault *vault; /* NULL: it is gone */
} Load;

/* One change on its way to the keyring, which works them off in order, and loads in between; or its unlocking. */
typedef struct {
  VmpTokenVault *vault; /* NULL: it is gone */
  char *node_id;        /* NULL: unlocking */
  guint64 change;
  VmpTokenVaultDone done;
  gpointer user_data;
} Save;

struct _VmpTokenVault {
  VmpKeyring *keyring;
  VmpTokenVaultFunc func;
  gpointer user_data;

  GHashTable *entries;  /* node id -> Entry */
  guint64 changes;      /* by the owner, so far */

  GCancellable *cancellable;
  GQueue saves;         /* of Save, under way */
  Load *load;           /* under way; NULL */
  gboolean load_again;  /* asked for meanwhile */
  gboolean loaded;
  VmpTokenVaultLoaded when_loaded; /* NULL: nobody waits for it */
  gpointer when_loaded_data;
};

static void
entry_free (gpointer data)
{
  Entry *entry = data;

  vmp_secret_free (entry->token);
  g_free (entry);
}

static Entry *
get_entry (VmpTokenVault *self,
           const char    *node_id)
{
  Entry *entry = g_hash_table_lookup (self->entries, node_id);

  if (entry == NULL)
    {
      entry = g_new0 (Entry, 1);
      g_hash_table_insert (self->entries, g_strdup (node_id), entry);
    }

  return entry;
}

/* @token: (nullable); tells of it when it is news */
static void
know (VmpTokenVault *self,
      const char    *node_id,
      const char    *token,
      gboolean       locked)
{
  Entry *entry = get_entry (self, node_id);

  if (entry->locked == locked && g_strcmp0 (entry->token, token) == 0)
    return;

  vmp_secret_free (entry->token);
  entry->token = g_strdup (token);
  entry->locked = locked;
  self->func (self->user_data, node_id, token, locked);
}

VmpTokenVault *
vmp_token_vault_new (const char       *data_dir,
                     VmpSecretsPlace   place,
                     VmpTokenVaultFunc func,
                     gpointer          user_data)
{
  g_autofree char *file = g_build_filename (data_dir, FILE_NAME, NULL);
  VmpTokenVault *self = g_new0 (VmpTokenVault, 1);

  self->keyring = vmp_keyring_new (file, place);
  self->func = func;
  self->user_data = user_data;
  self->entries = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, entry_free);
  self->cancellable = g_cancellable_new ();

  return self;
}

void
vmp_token_vault_free (VmpTokenVault *self)
{
  Save *save;

  while ((save = g_queue_pop_head (&self->saves)) != NULL)
    save->vault = NULL;
  if (self->load != NULL)
    self->load->vault = NULL;

  g_cancellable_cancel (self->cancellable);
  g_object_unref (self->cancellable);
  g_hash_table_unref (self->entries);
  vmp_keyring_unref (self->keyring);
  g_free (self);
}

gboolean
vmp_token_vault_is_loaded (VmpTokenVault *self)
{
  return self->loaded;
}

void
vmp_token_vault_when_loaded (VmpTokenVault      *self,
                             VmpTokenVaultLoaded func,
                             gpointer            user_data)
{
  if (self->loaded)
    return;

  self->when_loaded = func;
  self->when_loaded_data = user_data;
}

VmpKeyringState
vmp_token_vault_get_state (VmpTokenVault *self)
{
  return vmp_keyring_get_state (self->keyring);
}

const char *
vmp_token_vault_get_trouble (VmpTokenVault *self)
{
  return vmp_keyring_get_trouble (self->keyring);
}

const char *
vmp_token_vault_check (const char *token)
{
  gsize len = strlen (token);
  gsize i;

  G_STATIC_ASSERT (VMP_LIMIT_TOKEN_BYTES == 8192);

  if (len > VMP_LIMIT_TOKEN_BYTES)
    return "must be at most 8192 characters long";
  for (i = 0; i < len; i++)
    {
      if (!g_ascii_isgraph (token[i]))
        break;
    }

  return len == 0 || i < len ? "must be one line of visible ASCII characters, without spaces" : NULL;
}

/* -- Loading ------------------------------------------------------------------------------- */

/* Whether what was read may change what is known. */
static gboolean
may_take (VmpTokenVault *self,
          const char    *node_id)
{
  Entry *entry = g_hash_table_lookup (self->entries, node_id);

  return entry == NULL || !entry->not_kept;
}

static void
take_found (VmpTokenVault *self,
            GHashTable    *found)
{
  GHashTableIter iter;
  gpointer node_id, token;

  g_hash_table_iter_init (&iter, found);
  while (g_hash_table_iter_next (&iter, &node_id, &token))
    {
      Entry *entry = g_hash_table_lookup (self->entries, node_id);

      if (!may_take (self, node_id))
        continue;
      if (token == NULL && entry != NULL && entry->token != NULL)
        continue; /* it was read before */
      if (token != NULL && vmp_token_vault_check (token) != NULL)
        {
          g_warning ("What is kept as a node's token is none; set the token of that node again.");
          continue;
        }
      know (self, node_id, token, token == NULL);
    }
}

/* What somebody took out of the keyring or the file. */
static void
drop_missing (VmpTokenVault *self,
              GHashTable    *found)
{
  g_autoptr (GPtrArray) missing = g_ptr_array_new_with_free_func (g_free);
  GHashTableIter iter;
  gpointer node_id;
  guint i;

  g_hash_table_iter_init (&iter, self->entries);
  while (g_hash_table_iter_next (&iter, &node_id, NULL))
    {
      if (!g_hash_table_contains (found, node_id) && may_take (self, node_id))
        g_ptr_array_add (missing, g_strdup (node_id));
    }

  for (i = 0; i < missing->len; i++)
    {
      know (self, g_ptr_array_index (missing, i), NULL, FALSE);
      g_hash_table_remove (self->entries, g_ptr_array_index (missing, i));
    }
}

static void
loaded_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  g_autofree Load *load = user_data;
  VmpTokenVault *self = load->vault;
  g_autoptr (GHashTable) found = NULL;
  VmpKeyringState state;

  if (self == NULL)
    return;

  self->load = NULL;
  self->loaded = TRUE;
  /* Why it failed is in the state. */
  found = vmp_keyring_load_finish (self->keyring, result, NULL);
  state = vmp_keyring_get_state (self->keyring);
  if (found != NULL)
    {
      take_found (self, found);
      if (state == VMP_KEYRING_OPEN || state == VMP_KEYRING_FILE)
        drop_missing (self, found);
    }

  if (self->load_again)
    {
      self->load_again = FALSE;
      vmp_token_vault_load (self);
    }
  /* The last thing: it may be the end of the vault. */
  if (self->when_loaded != NULL)
    {
      VmpTokenVaultLoaded func = self->when_loaded;

      self->when_loaded = NULL;
      func (self->when_loaded_data);
    }
}

void
vmp_token_vault_load (VmpTokenVault *self)
{
  if (self->load != NULL)
    {
      self->load_again = TRUE;
      return;
    }

  self->load = g_new0 (Load, 1);
  self->load->vault = self;
  vmp_keyring_load_async (self->keyring, KIND, self->cancellable, loaded_cb, self->load);
}

/* -- Setting ------------------------------------------------------------------------------- */

static void
saved_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  g_autofree Save *save = user_data;
  g_autofree char *node_id = g_steal_pointer (&save->node_id);
  VmpTokenVault *self = save->vault;
  g_autoptr (GError) error = NULL;
  Entry *entry;

  if (self == NULL)
    return;

  g_queue_remove (&self->saves, save);
  vmp_keyring_store_finish (self->keyring, result, &error);
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    g_clear_error (&error); /* removed, then */

  entry = g_hash_table_lookup (self->entries, node_id);
  if (error == NULL && entry->change == save->change)
    {
      entry->not_kept = FALSE;
      if (entry->token == NULL && !entry->locked)
        g_hash_table_remove (self->entries, node_id);
    }

  if (save->done != NULL)
    save->done (save->user_data, error);
}

gboolean
vmp_token_vault_knows (VmpTokenVault *self,
                       const char    *node_id)
{
  return g_hash_table_contains (self->entries, node_id);
}

void
vmp_token_vault_set (VmpTokenVault    *self,
                     const char       *node_id,
                     const char       *label,
                     const char       *token,
                     VmpTokenVaultDone done,
                     gpointer          user_data)
{
  Save *save;
  Entry *entry;

  g_return_if_fail (token == NULL || vmp_token_vault_check (token) == NULL);

  know (self, node_id, token, FALSE);
  entry = get_entry (self, node_id);
  entry->not_kept = TRUE;
  entry->change = ++self->changes;

  save = g_new0 (Save, 1);
  save->vault = self;
  save->node_id = g_strdup (node_id);
  save->change = entry->change;
  save->done = done;
  save->user_data = user_data;
  g_queue_push_tail (&self->saves, save);
  vmp_keyring_store_async (self->keyring, KIND, node_id, label, token, self->cancellable, saved_cb, save);
}

static void
unlocked_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  g_autofree Save *save = user_data;
  VmpTokenVault *self = save->vault;
  g_autoptr (GError) error = NULL;

  if (self == NULL)
    return;

  g_queue_remove (&self->saves, save);
  if (vmp_keyring_unlock_finish (self->keyring, result, &error))
    vmp_token_vault_load (self);
  if (save->done != NULL)
    save->done (save->user_data, error);
}

void
vmp_token_vault_unlock (VmpTokenVault    *self,
                        VmpTokenVaultDone done,
                        gpointer          user_data)
{
  Save *save = g_new0 (Save, 1);

  save->vault = self;
  save->done = done;
  save->user_data = user_data;
  g_queue_push_tail (&self->saves, save);
  vmp_keyring_unlock_async (self->keyring, self->cancellable, unlocked_cb, save);
}

void
vmp_token_vault_forget_caller (VmpTokenVault *self,
                               gpointer       user_data)
{
  GList *l;

  for (l = self->saves.head; l != NULL; l = l->next)
    {
      Save *save = l->data;

      if (save->user_data == user_data)
        save->done = NULL;
    }
}
