/* SPDX-License-Identifier: MIT
 *
 * Tests of the mirror's items and their lists: what is found in a document, when a change is one, and that taking
 * over a list says what has changed, and no more.
 */

#include "app/mirror/vmp-item.h"

#include <string.h>

#include "core/vmp-json.h"

static JsonObject *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (JsonNode) node = vmp_json_parse (text, strlen (text), &error);

  g_assert_no_error (error);

  return json_object_ref (json_node_get_object (node));
}

static void
count_cb (gpointer    object,
          GParamSpec *pspec,
          guint      *count)
{
  ++*count;
}

/* -- Items --------------------------------------------------------------------------------- */

static void
test_get (void)
{
  g_autoptr (JsonObject) document = parse ("{\"name\":\"n\",\"n\":7,\"d\":1.5,\"yes\":true,\"a\":[1],\"null\":null,"
                                           "\"token\":{\"state\":\"set\",\"deep\":{\"x\":2}}}");
  g_autoptr (VmpItem) item = vmp_item_new ("id", document);

  g_assert_cmpstr (vmp_item_get_id (item), ==, "id");
  g_assert_true (vmp_item_get_document (item) == document);
  g_assert_cmpstr (vmp_item_get_string (item, "name"), ==, "n");
  g_assert_cmpstr (vmp_item_get_string (item, "token.state"), ==, "set");
  g_assert_cmpint (vmp_item_get_int (item, "token.deep.x", -1), ==, 2);
  g_assert_cmpint (vmp_item_get_int (item, "n", -1), ==, 7);
  g_assert_cmpfloat (vmp_item_get_double (item, "n", -1), ==, 7);
  g_assert_cmpfloat (vmp_item_get_double (item, "d", -1), ==, 1.5);
  g_assert_true (vmp_item_get_boolean (item, "yes"));
  g_assert_cmpuint (json_array_get_length (vmp_item_get_array (item, "a")), ==, 1);
  g_assert_true (JSON_NODE_HOLDS_NULL (vmp_document_find (document, "null")));

  /* Absent, or of another type. */
  g_assert_null (vmp_item_get_string (item, "n"));
  g_assert_null (vmp_item_get_string (item, "null"));
  g_assert_null (vmp_item_get_string (item, "name.state"));
  g_assert_null (vmp_item_get_string (item, "token.state.x"));
  g_assert_null (vmp_item_get_string (item, ""));
  g_assert_null (vmp_item_get_string (item, "."));
  g_assert_cmpint (vmp_item_get_int (item, "d", -1), ==, -1);
  g_assert_cmpfloat (vmp_item_get_double (item, "name", -1), ==, -1);
  g_assert_false (vmp_item_get_boolean (item, "name"));
  g_assert_null (vmp_item_get_array (item, "token"));
  g_assert_null (vmp_document_find (NULL, "x"));
}

static void
test_set (void)
{
  g_autoptr (JsonObject) first = parse ("{\"a\":1,\"b\":[\"x\",{\"c\":null}]}");
  g_autoptr (JsonObject) same = parse ("{\"b\":[\"x\",{\"c\":null}],\"a\":1}");
  g_autoptr (VmpItem) item = vmp_item_new ("id", first);
  guint count = 0;

  g_signal_connect (item, "notify::document", G_CALLBACK (count_cb), &count);
  g_assert_false (vmp_item_set_document (item, first));
  g_assert_false (vmp_item_set_document (item, same));
  g_assert_cmpuint (count, ==, 0);
}

/* Each says something else than all the others. */
static void
test_digests (void)
{
  static const char * const texts[] = {
    "{}", "{\"a\":1}", "{\"a\":2}", "{\"a\":1.5}", "{\"a\":\"1\"}", "{\"a\":true}", "{\"a\":false}", "{\"a\":null}",
    "{\"a\":[]}", "{\"a\":{}}", "{\"a\":[1]}", "{\"a\":[1,2]}", "{\"a\":[2,1]}", "{\"a\":[[1],2]}", "{\"a\":[1,[2]]}",
    "{\"b\":1}", "{\"a\":1,\"b\":2}", "{\"a\":2,\"b\":1}", "{\"a\":{\"b\":1}}", "{\"a\":{\"a\":1}}", "{\"a\":\"\"}",
    "{\"a\":\"12345678\"}", "{\"a\":\"123456781\"}", "{\"a\":\"12345679\"}", "{\"a\":0}", "{\"a\":0.0}",
    "{\"a\":{\"b\":1},\"c\":{\"b\":2}}", "{\"a\":{\"b\":2},\"c\":{\"b\":1}}",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      for (gsize j = 0; j < G_N_ELEMENTS (texts); j++)
        {
          g_autoptr (JsonObject) one = parse (texts[i]);
          g_autoptr (JsonObject) other = parse (texts[j]);
          g_autoptr (VmpItem) item = vmp_item_new ("id", one);
          guint count = 0;

          g_signal_connect (item, "notify::document", G_CALLBACK (count_cb), &count);
          g_assert_true (vmp_item_set_document (item, other) == (i != j));
          g_assert_cmpuint (count, ==, i != j);
        }
    }
}

static void
test_properties (void)
{
  g_autoptr (JsonObject) document = parse ("{\"a\":1}");
  g_autoptr (VmpItem) item = g_object_new (VMP_TYPE_ITEM, "id", "x", "document", document, NULL);
  g_autoptr (JsonObject) got = NULL;
  g_autofree char *id = NULL;

  g_object_get (item, "id", &id, "document", &got, NULL);
  g_assert_cmpstr (id, ==, "x");
  g_assert_true (got == document);
}

/* -- Lists --------------------------------------------------------------------------------- */

/* Follows a list by what it says alone. */
typedef struct {
  VmpItemList *list;
  GPtrArray *shadow; /* of VmpItem */
  guint n_signals;
  guint n_removed;
  guint n_added;
  GString *said;
} Follower;

static void
items_changed_cb (GListModel *model,
                  guint       position,
                  guint       removed,
                  guint       added,
                  Follower   *follower)
{
  GPtrArray *shadow = follower->shadow;

  follower->n_signals++;
  follower->n_removed += removed;
  follower->n_added += added;
  g_string_append_printf (follower->said, "%u-%u+%u ", position, removed, added);

  g_assert_cmpuint (position + removed, <=, shadow->len);
  g_assert_cmpuint (removed + added, >, 0);
  if (removed > 0)
    g_ptr_array_remove_range (shadow, position, removed);
  for (guint i = 0; i < added; i++)
    g_ptr_array_insert (shadow, position + i, g_list_model_get_item (model, position + i));

  /* At each moment it is what it says, with nothing twice. */
  g_assert_cmpuint (g_list_model_get_n_items (model), ==, shadow->len);
  for (guint i = 0; i < shadow->len; i++)
    {
      g_autoptr (VmpItem) item = g_list_model_get_item (model, i);
      guint found;

      g_assert_true (item == shadow->pdata[i]);
      g_assert_true (g_ptr_array_find (shadow, item, &found));
      g_assert_cmpuint (found, ==, i);
    }
}

static Follower *
follower_new (void)
{
  Follower *self = g_new0 (Follower, 1);

  self->list = vmp_item_list_new ();
  self->shadow = g_ptr_array_new_with_free_func (g_object_unref);
  self->said = g_string_new (NULL);
  g_signal_connect (self->list, "items-changed", G_CALLBACK (items_changed_cb), self);

  return self;
}

static void
follower_free (Follower *self)
{
  g_ptr_array_unref (self->shadow);
  g_object_unref (self->list);
  g_string_free (self->said, TRUE);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Follower, follower_free)

/* One character each: its id; all with the same value. */
static JsonArray *
make_documents (const char *ids,
                gint64      value)
{
  JsonArray *documents = json_array_new ();

  for (; *ids != '\0'; ids++)
    {
      JsonObject *document = json_object_new ();
      const char id[] = { *ids, '\0' };

      json_object_set_string_member (document, "id", id);
      json_object_set_int_member (document, "value", value);
      json_array_add_object_element (documents, document);
    }

  return documents;
}

static void
replace (Follower   *self,
         const char *ids,
         gint64      value)
{
  g_autoptr (JsonArray) documents = make_documents (ids, value);

  self->n_signals = self->n_removed = self->n_added = 0;
  g_string_truncate (self->said, 0);
  vmp_item_list_replace (self->list, documents, NULL);

  g_assert_cmpuint (vmp_item_list_get_length (self->list), ==, strlen (ids));
  for (guint i = 0; ids[i] != '\0'; i++)
    {
      const char id[] = { ids[i], '\0' };
      VmpItem *item = vmp_item_list_find (self->list, id);

      g_assert_true (item == self->shadow->pdata[i]);
      g_assert_cmpstr (vmp_item_get_id (item), ==, id);
      g_assert_cmpint (vmp_item_get_int (item, "value", -1), ==, value);
    }
}

static void
assert_said (Follower   *self,
             const char *ids,
             const char *said)
{
  replace (self, ids, 1);
  g_assert_cmpstr (self->said->str, ==, said);
}

static void
test_replace (void)
{
  g_autoptr (Follower) follower = follower_new ();

  assert_said (follower, "", "");
  assert_said (follower, "abc", "0-0+3 ");
  assert_said (follower, "abc", "");
  assert_said (follower, "abxyc", "2-0+2 ");
  assert_said (follower, "abzc", "2-2+1 ");
  assert_said (follower, "bz", "0-1+0 2-1+0 ");
  assert_said (follower, "bzq", "2-0+1 ");
  assert_said (follower, "pbzq", "0-0+1 ");
  assert_said (follower, "bzqp", "0-1+0 3-0+1 ");
  assert_said (follower, "pbzq", "3-1+0 0-0+1 ");
  assert_said (follower, "xyz", "0-2+2 3-1+0 ");
  assert_said (follower, "", "0-3+0 ");
}

static void
test_replace_documents (void)
{
  g_autoptr (Follower) follower = follower_new ();
  VmpItem *item;
  guint count = 0;

  replace (follower, "abc", 1);
  item = vmp_item_list_find (follower->list, "b");
  g_signal_connect (item, "notify::document", G_CALLBACK (count_cb), &count);
  replace (follower, "cab", 1);
  g_assert_cmpuint (count, ==, 0);
  replace (follower, "cab", 2);
  g_assert_cmpuint (count, ==, 1);
  g_assert_cmpuint (follower->n_signals, ==, 0);
  g_assert_true (vmp_item_list_find (follower->list, "b") == item);
}

/* What the gateway may say, and nothing is done with. */
static void
test_replace_odd (void)
{
  static const char text[] = "{\"data\":[1,null,{},{\"id\":7},[],{\"id\":\"a\",\"v\":1},{\"id\":\"a\",\"v\":2},"
                             "{\"id\":\"\"}]}";
  g_autoptr (JsonObject) document = parse (text);
  g_autoptr (Follower) follower = follower_new ();

  vmp_item_list_replace (follower->list, json_object_get_array_member (document, "data"), NULL);
  g_assert_cmpuint (vmp_item_list_get_length (follower->list), ==, 2);
  g_assert_cmpint (vmp_item_get_int (vmp_item_list_find (follower->list, "a"), "v", 0), ==, 1);
  g_assert_null (vmp_item_list_find (follower->list, "b"));
  g_assert_null (g_list_model_get_item (G_LIST_MODEL (follower->list), 2));
  g_assert_true (g_list_model_get_item_type (G_LIST_MODEL (follower->list)) == VMP_TYPE_ITEM);
}

static char *
id_of_both (JsonObject *document)
{
  return g_strconcat (vmp_json_get_string (document, "node"), " ", vmp_json_get_string (document, "model"), NULL);
}

static void
test_replace_id_of (void)
{
  g_autoptr (JsonObject) document = parse ("{\"data\":[{\"node\":\"n\",\"model\":\"m\"},"
                                           "{\"node\":\"n\",\"model\":\"o\"}]}");
  g_autoptr (Follower) follower = follower_new ();

  vmp_item_list_replace (follower->list, json_object_get_array_member (document, "data"), id_of_both);
  g_assert_nonnull (vmp_item_list_find (follower->list, "n m"));
  g_assert_nonnull (vmp_item_list_find (follower->list, "n o"));
}

static void
test_single (void)
{
  g_autoptr (Follower) follower = follower_new ();
  g_autoptr (JsonObject) one = parse ("{\"v\":1}");
  g_autoptr (JsonObject) two = parse ("{\"v\":2}");
  VmpItem *item = vmp_item_list_set (follower->list, "a", one);

  g_assert_true (vmp_item_list_set (follower->list, "a", two) == item);
  g_assert_true (vmp_item_get_document (item) == two);
  vmp_item_list_set (follower->list, "b", one);
  vmp_item_list_set_first (follower->list, "c", one);
  g_assert_true (vmp_item_list_set_first (follower->list, "b", two) == vmp_item_list_find (follower->list, "b"));
  g_assert_cmpstr (follower->said->str, ==, "0-0+1 1-0+1 0-0+1 ");
  g_assert_cmpstr (vmp_item_get_id (follower->shadow->pdata[0]), ==, "c");

  vmp_item_list_remove (follower->list, "nobody");
  vmp_item_list_remove (follower->list, vmp_item_get_id (item));
  g_assert_null (vmp_item_list_find (follower->list, "a"));
  vmp_item_list_clear (follower->list);
  vmp_item_list_clear (follower->list);
  g_assert_null (vmp_item_list_find (follower->list, "b"));
  g_assert_cmpstr (follower->said->str, ==, "0-0+1 1-0+1 0-0+1 1-1+0 0-2+0 ");
}

/* -- Any lists ----------------------------------------------------------------------------- */

/* Some of 26 letters, each at most once, in any order. */
static char *
make_random_ids (void)
{
  char letters[] = "abcdefghijklmnopqrstuvwxyz";
  gsize n = strlen (letters);
  gsize length = g_test_rand_int_range (0, n + 1);

  for (gsize i = 0; i < length; i++)
    {
      gsize j = g_test_rand_int_range (i, n);
      char letter = letters[i];

      letters[i] = letters[j];
      letters[j] = letter;
    }

  return g_strndup (letters, length);
}

/* Mostly what there was: a few gone, a few new, a few elsewhere. */
static char *
make_similar_ids (const char *ids)
{
  g_autoptr (GString) similar = g_string_new (ids);

  for (int i = g_test_rand_int_range (0, 4); i > 0; i--)
    {
      char letter = 'a' + g_test_rand_int_range (0, 26);
      const char *found = strchr (similar->str, letter);

      if (found != NULL)
        g_string_erase (similar, found - similar->str, 1);
      if (found == NULL || g_test_rand_bit ())
        g_string_insert_c (similar, g_test_rand_int_range (0, similar->len + 1), letter);
    }

  return g_string_free (g_steal_pointer (&similar), FALSE);
}

/* The longest list that both have inside them: what need not be touched. Written the plain way. */
static guint
common_length (const char *one,
               const char *other)
{
  gsize n = strlen (one);
  gsize m = strlen (other);
  guint table[27][27] = { 0 };

  for (gsize i = 0; i < n; i++)
    {
      for (gsize j = 0; j < m; j++)
        table[i + 1][j + 1] = one[i] == other[j] ? table[i][j] + 1 : MAX (table[i][j + 1], table[i + 1][j]);
    }

  return table[n][m];
}

static void
test_property (void)
{
  g_autoptr (Follower) follower = follower_new ();
  g_autofree char *ids = g_strdup ("");

  for (guint i = 0; i < 3000; i++)
    {
      g_autofree char *before = g_steal_pointer (&ids);
      guint common;

      ids = i % 3 == 0 ? make_random_ids () : make_similar_ids (before);
      common = common_length (before, ids);
      replace (follower, ids, i % 5);
      g_assert_cmpuint (follower->n_removed, ==, strlen (before) - common);
      g_assert_cmpuint (follower->n_added, ==, strlen (ids) - common);
      g_assert_cmpuint (follower->n_signals, <=, follower->n_removed + follower->n_added);
    }
}

int
main (int   argc,
      char *argv[])
{
  g_test_init (&argc, &argv, NULL);

  g_test_add_func ("/item/get", test_get);
  g_test_add_func ("/item/set-same", test_set);
  g_test_add_func ("/item/set-different", test_digests);
  g_test_add_func ("/item/properties", test_properties);
  g_test_add_func ("/item-list/replace/least", test_replace);
  g_test_add_func ("/item-list/replace/documents", test_replace_documents);
  g_test_add_func ("/item-list/replace/odd", test_replace_odd);
  g_test_add_func ("/item-list/replace/id-of", test_replace_id_of);
  g_test_add_func ("/item-list/replace/any", test_property);
  g_test_add_func ("/item-list/single", test_single);

  return g_test_run ();
}
