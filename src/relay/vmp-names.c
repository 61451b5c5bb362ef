/* SPDX-License-Identifier: MIT
 *
 * Implementation of VmpNames: a set of strings with their counts before them.
 */

#include "relay/vmp-names.h"

#include <stddef.h>
#include <string.h>

#include "core/vmp-text.h"

/* Places for names that were used last. Most requests are for a handful of models, and to hash a name so that nobody
 * can make many fall together takes far longer than to compare it with one. */
#define RECENT 64

typedef struct {
  guint n_users;
  char text[];
} Name;

struct _VmpNames {
  GHashTable *texts;          /* set of the text of a Name */
  const char *recent[RECENT]; /* of those, by recent_place(); NULL */
};

static guint
recent_place (const char *text,
              gsize       len)
{
  return len == 0 ? 0 : (len * 31 + (guchar) text[len / 2] * 7 + (guchar) text[len - 1]) % RECENT;
}

static Name *
name_of (const char *text)
{
  return (Name *) (gpointer) (text - offsetof (Name, text));
}

VmpNames *
vmp_names_new (void)
{
  VmpNames *self = g_new0 (VmpNames, 1);

  self->texts = g_hash_table_new (vmp_text_hash, g_str_equal);

  return self;
}

void
vmp_names_free (VmpNames *self)
{
  g_warn_if_fail (g_hash_table_size (self->texts) == 0);

  g_hash_table_unref (self->texts);
  g_free (self);
}

static const char *
make_name (VmpNames   *self,
           const char *text,
           gsize       len)
{
  Name *name = g_malloc (sizeof *name + len + 1);

  name->n_users = 0;
  memcpy (name->text, text, len + 1);
  g_hash_table_add (self->texts, name->text);

  return name->text;
}

/* @recent: its place */
static const char *
look_up (VmpNames    *self,
         const char  *text,
         gsize        len,
         const char **recent)
{
  const char *known = g_hash_table_lookup (self->texts, text);

  *recent = known != NULL ? known : make_name (self, text, len);

  return vmp_names_share (*recent);
}

const char *
vmp_names_take (VmpNames   *self,
                const char *text)
{
  return vmp_names_take_plain (self, text, G_MAXSIZE);
}

/* What is of printable ASCII is plain, and most names are. */
static gboolean
is_plain_ascii (const char *text,
                gsize       max_chars)
{
  gsize i;

  for (i = 0; text[i] != '\0'; i++)
    {
      if (i == max_chars || text[i] < 0x20 || text[i] > 0x7e)
        return FALSE;
    }

  return TRUE;
}

const char *
vmp_names_take_plain (VmpNames   *self,
                      const char *text,
                      gsize       max_chars)
{
  g_autofree char *plain = NULL;
  const char **recent;
  gsize len;

  if (text == NULL)
    return NULL;

  /* What is kept is plain. */
  len = strlen (text);
  recent = &self->recent[recent_place (text, len)];
  if (*recent != NULL && strcmp (*recent, text) == 0)
    return vmp_names_share (*recent);

  if (is_plain_ascii (text, max_chars))
    return look_up (self, text, len, recent);

  plain = vmp_text_display (text, max_chars);
  len = strlen (plain);

  return look_up (self, plain, len, &self->recent[recent_place (plain, len)]);
}

const char *
vmp_names_share (const char *name)
{
  name_of (name)->n_users++;

  return name;
}

void
vmp_names_drop (VmpNames   *self,
                const char *name)
{
  const char **recent;

  if (name == NULL || --name_of (name)->n_users > 0)
    return;

  recent = &self->recent[recent_place (name, strlen (name))];
  if (*recent == name)
    *recent = NULL;
  g_hash_table_remove (self->texts, name);
  g_free (name_of (name));
}

const char *
vmp_names_find (VmpNames   *self,
                const char *text)
{
  return g_hash_table_lookup (self->texts, text);
}

guint
vmp_names_count (VmpNames *self)
{
  return g_hash_table_size (self->texts);
}
