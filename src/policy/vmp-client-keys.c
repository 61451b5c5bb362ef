/* SPDX-License-Identifier: MIT
 *
 * Client keys. Found by the hash of what a client sends, so what is compared byte by byte is nothing that it could
 * work towards. The secrets themselves are random enough that a plain hash keeps them. Called by the gateway; it
 * never writes or logs a key.
 */

#include "policy/vmp-client-keys-private.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "core/vmp-duration.h"
#include "core/vmp-json.h"
#include "core/vmp-limits.h"
#include "core/vmp-text.h"

#define SECRET_PREFIX "vmp_"
#define SECRET_RANDOM_BYTES 32
#define ID_PREFIX "key-"
#define ID_RANDOM_BYTES 8
#define HINT_CHARS 4
#define HASH_CHARS 64

typedef struct {
  VmpClientKey key;
  char *hash; /* of the secret: SHA-256, hexadecimal */
} Record;

struct _VmpClientKeys {
  VmpPoll *poll;
  VmpStore *store;
  VmpClientKeyGone gone;
  gpointer user_data;

  GPtrArray *keys;      /* of Record, oldest first */
  GHashTable *by_hash;  /* (unowned) */
  VmpTimer timer;
};

static void
record_free (gpointer data)
{
  Record *record = data;

  g_free (record->key.id);
  g_free (record->key.name);
  g_free (record->key.hint);
  g_free (record->hash);
  g_free (record);
}

VmpClientKeys *
vmp_client_keys_new (VmpPoll         *poll,
                     VmpStore        *store,
                     VmpClientKeyGone gone,
                     gpointer         user_data)
{
  VmpClientKeys *self = g_new0 (VmpClientKeys, 1);

  self->poll = poll;
  self->store = store;
  self->gone = gone;
  self->user_data = user_data;
  self->keys = g_ptr_array_new_with_free_func (record_free);
  self->by_hash = g_hash_table_new (g_str_hash, g_str_equal);

  return self;
}

void
vmp_client_keys_free (VmpClientKeys *self)
{
  vmp_poll_clear_timer (self->poll, &self->timer);
  g_hash_table_unref (self->by_hash);
  g_ptr_array_unref (self->keys);
  g_free (self);
}

static Record *
get (VmpClientKeys *self,
     guint          i)
{
  return g_ptr_array_index (self->keys, i);
}

const VmpClientKey *
vmp_client_keys_find (VmpClientKeys *self,
                      const char    *id)
{
  guint i;

  for (i = 0; i < self->keys->len; i++)
    {
      if (g_strcmp0 (get (self, i)->key.id, id) == 0)
        return &get (self, i)->key;
    }

  return NULL;
}

GPtrArray *
vmp_client_keys_get_all (VmpClientKeys *self)
{
  return self->keys;
}

/* -- Their end ----------------------------------------------------------------------------- */

static void set_timer (VmpClientKeys *self,
                       gint64         now);

/* From here on it opens nothing, and then what it has opened is told to end. */
static void
end_key (VmpClientKeys *self,
         Record        *record)
{
  guint i;

  g_hash_table_remove (self->by_hash, record->hash);
  g_ptr_array_find (self->keys, record, &i);
  g_ptr_array_steal_index (self->keys, i);
  vmp_store_put (self->store, VMP_STORE_KEYS, record->key.id, NULL, NULL, NULL);
  self->gone (self->user_data, &record->key);
  record_free (record);
}

static Record *
find_expired (VmpClientKeys *self,
              gint64         now)
{
  guint i;

  for (i = 0; i < self->keys->len; i++)
    {
      Record *record = get (self, i);

      if (record->key.expires > 0 && record->key.expires <= now)
        return record;
    }

  return NULL;
}

void
vmp_client_keys_tick (VmpClientKeys *self,
                      gint64         now)
{
  Record *record;

  while ((record = find_expired (self, now)) != NULL)
    {
      g_message ("The client key %s has expired.", record->key.id);
      end_key (self, record);
    }
  set_timer (self, now);
}

static void
timer_cb (gpointer user_data)
{
  vmp_client_keys_tick (user_data, g_get_real_time ());
}

/* For the first one to expire. The timer runs on a clock that stands still while the computer sleeps, and knows nothing
 * of one that is set; so the end is looked for every now and then. */
static void
set_timer (VmpClientKeys *self,
           gint64         now)
{
  gint64 first = 0;
  guint i;

  for (i = 0; i < self->keys->len; i++)
    {
      gint64 expires = get (self, i)->key.expires;

      if (expires > 0 && (first == 0 || expires < first))
        first = expires;
    }

  if (first == 0)
    {
      vmp_poll_clear_timer (self->poll, &self->timer);
      return;
    }
  vmp_poll_set_timer (self->poll, &self->timer,
                      g_get_monotonic_time () + CLAMP (first - now, 0, VMP_LIMIT_WALL_CLOCK_S * G_USEC_PER_SEC),
                      timer_cb, self);
}

gboolean
vmp_client_keys_revoke (VmpClientKeys *self,
                        const char    *id)
{
  const VmpClientKey *key = vmp_client_keys_find (self, id);

  if (key == NULL)
    return FALSE;

  end_key (self, (Record *) key);
  set_timer (self, g_get_real_time ());

  return TRUE;
}

/* -- Making one ---------------------------------------------------------------------------- */

/* The kernel's, which waits for nothing once the computer has started. */
static gboolean
fill_random (guchar  *bytes,
             gsize    len,
             GError **error)
{
  gssize n;

  do
    n = getrandom (bytes, len, 0);
  while (n < 0 && errno == EINTR);
  if (n == (gssize) len)
    return TRUE;

  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "This computer gives no random numbers to make a key of: %s.",
               g_strerror (errno));

  return FALSE;
}

/* (transfer full): the prefix and the bytes as base64url; NULL with an error */
static char *
make_secret (GError **error)
{
  guchar bytes[SECRET_RANDOM_BYTES];
  char *text;
  char *secret;

  if (!fill_random (bytes, sizeof bytes, error))
    return NULL;

  text = g_base64_encode (bytes, sizeof bytes);
  explicit_bzero (bytes, sizeof bytes);
  g_strdelimit (text, "+", '-');
  g_strdelimit (text, "/", '_');
  *strchr (text, '=') = '\0';
  secret = g_strconcat (SECRET_PREFIX, text, NULL);
  explicit_bzero (text, strlen (text));
  g_free (text);

  return secret;
}

static char *
make_id (GError **error)
{
  guchar bytes[ID_RANDOM_BYTES];
  GString *id;
  guint i;

  if (!fill_random (bytes, sizeof bytes, error))
    return NULL;

  id = g_string_new (ID_PREFIX);
  for (i = 0; i < sizeof bytes; i++)
    g_string_append_printf (id, "%02x", bytes[i]);

  return g_string_free (id, FALSE);
}

static char *
hash_of (const char *secret,
         gsize       len)
{
  return g_compute_checksum_for_data (G_CHECKSUM_SHA256, (const guchar *) secret, len);
}

static gboolean
is_name (const char *name)
{
  gboolean blank = TRUE;
  const char *p;

  if (!g_utf8_validate (name, -1, NULL) || g_utf8_strlen (name, -1) > VMP_LIMIT_NAME_CHARS)
    return FALSE;

  for (p = name; *p != '\0'; p = g_utf8_next_char (p))
    {
      if (!vmp_text_is_plain (g_utf8_get_char (p)))
        return FALSE;
      blank &= g_unichar_isspace (g_utf8_get_char (p));
    }

  return !blank;
}

static void
save (VmpClientKeys *self,
      const Record  *record)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "name", record->key.name);
  vmp_json_add_string (builder, "hint", record->key.hint);
  vmp_json_add_string (builder, "hash", record->hash);
  vmp_json_add_int (builder, "created", record->key.created);
  vmp_json_add_int (builder, "expires", record->key.expires);
  json_builder_end_object (builder);

  vmp_store_put (self->store, VMP_STORE_KEYS, record->key.id, vmp_json_builder_print (builder), NULL, NULL);
}

static void
add (VmpClientKeys *self,
     Record        *record)
{
  g_ptr_array_add (self->keys, record);
  g_hash_table_insert (self->by_hash, record->hash, record);
}

static gboolean
check (VmpClientKeys *self,
       const char    *name,
       const char    *duration,
       gint64        *seconds,
       GError       **error)
{
  *seconds = 0;

  if (!is_name (name))
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
                   "The name of a key must be 1 to %d visible characters.", VMP_LIMIT_NAME_CHARS);
      return FALSE;
    }

  if (duration != NULL && !vmp_duration_parse (duration, seconds))
    {
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "The duration " VMP_DURATION_MUST_BE ".");
      return FALSE;
    }

  if (self->keys->len >= VMP_LIMIT_CLIENT_KEYS)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_NO_SPACE,
                   "There are already %d client keys; revoke one that is not used any more.", VMP_LIMIT_CLIENT_KEYS);
      return FALSE;
    }

  return TRUE;
}

const VmpClientKey *
vmp_client_keys_create (VmpClientKeys *self,
                        const char    *name,
                        const char    *duration,
                        char         **secret,
                        GError       **error)
{
  g_autofree char *id = NULL;
  gint64 now = g_get_real_time ();
  gint64 seconds;
  Record *record;

  if (!check (self, name, duration, &seconds, error))
    return NULL;

  id = make_id (error);
  if (id == NULL)
    return NULL;
  *secret = make_secret (error);
  if (*secret == NULL)
    return NULL;

  record = g_new0 (Record, 1);
  record->key.id = g_steal_pointer (&id);
  record->key.name = g_strdup (name);
  record->key.hint = g_strdup (*secret + strlen (*secret) - HINT_CHARS);
  record->key.created = now;
  record->key.expires = seconds > 0 ? now + seconds * G_USEC_PER_SEC : 0;
  record->hash = hash_of (*secret, strlen (*secret));
  add (self, record);
  save (self, record);
  set_timer (self, now);

  return &record->key;
}

/* -- Asking for one ------------------------------------------------------------------------ */

const VmpClientKey *
vmp_client_keys_check (VmpClientKeys *self,
                       VmpSlice       secret)
{
  g_autofree char *hash = NULL;
  gint64 now = g_get_real_time ();
  Record *record;

  /* Most clients show something, for their libraries ask for it. */
  if (g_hash_table_size (self->by_hash) == 0)
    return NULL;
  if (secret.len > VMP_LIMIT_TOKEN_BYTES)
    return NULL; /* nobody was given such a key */

  hash = hash_of (secret.data, secret.len);
  record = g_hash_table_lookup (self->by_hash, hash);
  /* The timer may be late, after the computer slept. */
  if (record == NULL || (record->key.expires > 0 && record->key.expires <= now))
    return NULL;

  record->key.last_used = now;
  record->key.requests++;

  return &record->key;
}

/* -- Loading ------------------------------------------------------------------------------- */

static gboolean
is_hash (const char *text)
{
  return text != NULL && strlen (text) == HASH_CHARS && strspn (text, "0123456789abcdef") == HASH_CHARS;
}

static Record *
read_document (const char *id,
               const char *document)
{
  g_autoptr (JsonNode) node = vmp_json_parse (document, strlen (document), NULL);
  JsonObject *object;
  const char *name, *hint, *hash;
  gint64 created, expires;
  Record *record;

  if (node == NULL || !JSON_NODE_HOLDS_OBJECT (node))
    return NULL;

  object = json_node_get_object (node);
  name = vmp_json_get_string (object, "name");
  hint = vmp_json_get_string (object, "hint");
  hash = vmp_json_get_string (object, "hash");
  if (name == NULL || !is_name (name) || hint == NULL || !is_hash (hash) ||
      !vmp_json_get_int (object, "created", &created) ||
      !vmp_json_get_int (object, "expires", &expires) || expires < 0)
    return NULL; /* without its expiry it might last for ever */

  record = g_new0 (Record, 1);
  record->key.id = g_strdup (id);
  record->key.name = g_strdup (name);
  record->key.hint = g_strdup (hint);
  record->key.created = created;
  record->key.expires = expires;
  record->hash = g_strdup (hash);

  return record;
}

static void
load_cb (gpointer    user_data,
         const char *id,
         const char *document)
{
  VmpClientKeys *self = user_data;
  Record *record = read_document (id, document);

  if (record == NULL)
    g_warning ("What was stored of the client key %s cannot be read; it opens nothing any more.", id);
  else
    add (self, record);
}

void
vmp_client_keys_load (VmpClientKeys *self)
{
  vmp_store_for_each (self->store, VMP_STORE_KEYS, load_cb, self);
  vmp_client_keys_tick (self, g_get_real_time ());
}
