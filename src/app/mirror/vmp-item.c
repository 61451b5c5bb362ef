/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpItem, and of looking into documents. Whether a document differs from the one before is told by
 * their digests: to compare two trees, member by member, takes as long for each thing that has not changed.
 */

#include "app/mirror/vmp-item-private.h"

#include <string.h>

#include "core/vmp-json.h"

enum {
  PROP_0,
  PROP_ID,
  PROP_DOCUMENT,
  N_PROPS
};

static GParamSpec *properties[N_PROPS];

G_DEFINE_FINAL_TYPE (VmpItem, vmp_item, G_TYPE_OBJECT)

/* -- Digests ------------------------------------------------------------------------------- */

__extension__ typedef unsigned __int128 Product;

/* Both halves of the product of two words, folded: each bit of the result depends on all of both. */
static guint64
fold (guint64 a,
      guint64 b)
{
  Product product = (Product) a * b;

  return (guint64) product ^ (guint64) (product >> 64);
}

/* Nodes choose what documents say; they do not know this. */
static const guint64 *
get_keys (void)
{
  static guint64 keys[3];
  static gsize ready = 0;

  if (g_once_init_enter (&ready))
    {
      for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
        keys[i] = ((guint64) g_random_int () << 32 | g_random_int ()) | 1;
      g_once_init_leave (&ready, 1);
    }

  return keys;
}

/* What is digested, so that "1" is not 1. */
typedef enum {
  KIND_NAME,
  KIND_OBJECT,
  KIND_ARRAY,
  KIND_STRING,
  KIND_INTEGER,
  KIND_NUMBER,
  KIND_BOOLEAN,
  KIND_NULL
} DigestKind;

static guint64
digest_bytes (const guint64 *keys,
              DigestKind     kind,
              const void    *data,
              gsize          length)
{
  const guint8 *p = data;
  guint64 digest = fold (keys[0] ^ length, keys[1] ^ kind);
  guint64 word;

  for (; length >= sizeof word; p += sizeof word, length -= sizeof word)
    {
      memcpy (&word, p, sizeof word);
      digest = fold (digest ^ word, keys[1]);
    }
  word = 0;
  memcpy (&word, p, length);

  return fold (digest ^ word, keys[2]);
}

static guint64
digest_text (const guint64 *keys,
             DigestKind     kind,
             const char    *text)
{
  return digest_bytes (keys, kind, text, strlen (text));
}

static guint64 digest_node (const guint64 *keys,
                            JsonNode      *node);

static guint64
digest_value (const guint64 *keys,
              JsonNode      *node)
{
  GType type = json_node_get_value_type (node);
  gint64 integer;
  double number;

  if (type == G_TYPE_STRING)
    return digest_text (keys, KIND_STRING, json_node_get_string (node));

  if (type == G_TYPE_INT64)
    {
      integer = json_node_get_int (node);
      return digest_bytes (keys, KIND_INTEGER, &integer, sizeof integer);
    }

  if (type == G_TYPE_DOUBLE)
    {
      number = json_node_get_double (node);
      return digest_bytes (keys, KIND_NUMBER, &number, sizeof number);
    }

  return digest_text (keys, KIND_BOOLEAN, json_node_get_boolean (node) ? "t" : "f");
}

static guint64
digest_array (const guint64 *keys,
              JsonArray     *array)
{
  guint length = json_array_get_length (array);
  guint64 digest = digest_bytes (keys, KIND_ARRAY, &length, sizeof length);

  for (guint i = 0; i < length; i++)
    digest = fold (digest ^ digest_node (keys, json_array_get_element (array, i)), keys[2]);

  return digest;
}

/* The sum is the same in whatever order the members are. */
static guint64
digest_object (const guint64 *keys,
               JsonObject    *object)
{
  guint length = json_object_get_size (object);
  guint64 sum = digest_bytes (keys, KIND_OBJECT, &length, sizeof length);
  JsonObjectIter iter;
  const char *name;
  JsonNode *node;

  json_object_iter_init (&iter, object);
  while (json_object_iter_next (&iter, &name, &node))
    sum += fold (digest_text (keys, KIND_NAME, name), digest_node (keys, node));

  return fold (sum ^ keys[0], keys[1]);
}

static guint64
digest_node (const guint64 *keys,
             JsonNode      *node)
{
  switch (JSON_NODE_TYPE (node))
    {
    case JSON_NODE_OBJECT:
      return digest_object (keys, json_node_get_object (node));

    case JSON_NODE_ARRAY:
      return digest_array (keys, json_node_get_array (node));

    case JSON_NODE_VALUE:
      return digest_value (keys, node);

    case JSON_NODE_NULL:
    default:
      return digest_text (keys, KIND_NULL, "");
    }
}

guint64
vmp_document_digest (JsonObject *document)
{
  return document != NULL ? digest_object (get_keys (), document) : 0;
}

/* -- Items --------------------------------------------------------------------------------- */

VmpItem *
vmp_item_new_digested (const char *id,
                       JsonObject *document,
                       guint64     digest)
{
  VmpItem *self = g_object_new (VMP_TYPE_ITEM, "id", id, NULL);

  self->document = document != NULL ? json_object_ref (document) : NULL;
  self->digest = digest;

  return self;
}

VmpItem *
vmp_item_new (const char *id,
              JsonObject *document)
{
  g_return_val_if_fail (id != NULL, NULL);

  return vmp_item_new_digested (id, document, vmp_document_digest (document));
}

const char *
vmp_item_get_id (VmpItem *self)
{
  g_return_val_if_fail (VMP_IS_ITEM (self), NULL);

  return self->id;
}

JsonObject *
vmp_item_get_document (VmpItem *self)
{
  g_return_val_if_fail (VMP_IS_ITEM (self), NULL);

  return self->document;
}

gboolean
vmp_item_exchange (VmpItem     *self,
                   JsonObject **document,
                   guint64     *digest)
{
  JsonObject *old_document = self->document;
  guint64 old_digest = self->digest;

  if (self->digest == *digest)
    return FALSE;

  self->document = *document;
  self->digest = *digest;
  *document = old_document;
  *digest = old_digest;
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_DOCUMENT]);

  return TRUE;
}

gboolean
vmp_item_set_document (VmpItem    *self,
                       JsonObject *document)
{
  JsonObject *other;
  guint64 digest;
  gboolean changed;

  g_return_val_if_fail (VMP_IS_ITEM (self), FALSE);

  other = document != NULL ? json_object_ref (document) : NULL;
  digest = vmp_document_digest (document);
  changed = vmp_item_exchange (self, &other, &digest);
  g_clear_pointer (&other, json_object_unref);

  return changed;
}

/* -- Looking into documents ---------------------------------------------------------------- */

/* The object that has the last part of a dotted path, and that part. */
static JsonObject *
find_holder (JsonObject  *document,
             const char  *path,
             const char **name)
{
  const char *dot;

  while (document != NULL && (dot = strchr (path, '.')) != NULL)
    {
      g_autofree char *part = g_strndup (path, dot - path);

      document = vmp_json_get_object (document, part);
      path = dot + 1;
    }
  *name = path;

  return document;
}

JsonNode *
vmp_document_find (JsonObject *document,
                   const char *path)
{
  const char *name;
  JsonObject *holder = find_holder (document, path, &name);

  return holder != NULL ? json_object_get_member (holder, name) : NULL;
}

const char *
vmp_item_get_string (VmpItem    *self,
                     const char *path)
{
  const char *name;
  JsonObject *holder;

  g_return_val_if_fail (VMP_IS_ITEM (self), NULL);

  holder = find_holder (self->document, path, &name);

  return vmp_json_get_string (holder, name);
}

double
vmp_item_get_double (VmpItem    *self,
                     const char *path,
                     double      fallback)
{
  const char *name;
  JsonObject *holder;
  double value;

  g_return_val_if_fail (VMP_IS_ITEM (self), fallback);

  holder = find_holder (self->document, path, &name);

  return vmp_json_get_double (holder, name, &value) ? value : fallback;
}

gint64
vmp_item_get_int (VmpItem    *self,
                  const char *path,
                  gint64      fallback)
{
  const char *name;
  JsonObject *holder;
  gint64 value;

  g_return_val_if_fail (VMP_IS_ITEM (self), fallback);

  holder = find_holder (self->document, path, &name);

  return vmp_json_get_int (holder, name, &value) ? value : fallback;
}

gboolean
vmp_item_get_boolean (VmpItem    *self,
                      const char *path)
{
  const char *name;
  JsonObject *holder;
  gboolean value;

  g_return_val_if_fail (VMP_IS_ITEM (self), FALSE);

  holder = find_holder (self->document, path, &name);

  return vmp_json_get_boolean (holder, name, &value) && value;
}

JsonArray *
vmp_item_get_array (VmpItem    *self,
                    const char *path)
{
  const char *name;
  JsonObject *holder;

  g_return_val_if_fail (VMP_IS_ITEM (self), NULL);

  holder = find_holder (self->document, path, &name);

  return vmp_json_get_array (holder, name);
}

/* -- Life ---------------------------------------------------------------------------------- */

static void
vmp_item_get_property (GObject    *object,
                       guint       id,
                       GValue     *value,
                       GParamSpec *pspec)
{
  VmpItem *self = VMP_ITEM (object);

  switch (id)
    {
    case PROP_ID:
      g_value_set_string (value, self->id);
      break;

    case PROP_DOCUMENT:
      g_value_set_boxed (value, self->document);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmp_item_set_property (GObject      *object,
                       guint         id,
                       const GValue *value,
                       GParamSpec   *pspec)
{
  VmpItem *self = VMP_ITEM (object);

  switch (id)
    {
    case PROP_ID:
      self->id = g_value_dup_string (value);
      break;

    case PROP_DOCUMENT:
      vmp_item_set_document (self, g_value_get_boxed (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmp_item_finalize (GObject *object)
{
  VmpItem *self = VMP_ITEM (object);

  g_free (self->id);
  g_clear_pointer (&self->document, json_object_unref);

  G_OBJECT_CLASS (vmp_item_parent_class)->finalize (object);
}

static void
vmp_item_class_init (VmpItemClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = vmp_item_get_property;
  object_class->set_property = vmp_item_set_property;
  object_class->finalize = vmp_item_finalize;

  properties[PROP_ID] = g_param_spec_string ("id", NULL, NULL, NULL,
                                             G_PARAM_READWRITE | G_PARAM_CONSTRUCT_ONLY | G_PARAM_STATIC_STRINGS);
  properties[PROP_DOCUMENT] = g_param_spec_boxed ("document", NULL, NULL, JSON_TYPE_OBJECT,
                                                  G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  g_object_class_install_properties (object_class, N_PROPS, properties);
}

static void
vmp_item_init (VmpItem *self)
{
}
