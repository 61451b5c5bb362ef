/* SPDX-License-Identifier: MIT
 *
 * Long lists of the control API. Ten thousand nodes take a good part of a second to print, and everything else runs on
 * the same context, so a list is made a few items at a time.
 */

#include "gateway/vmp-control.h"

#include <string.h>

/* µs that one turn may take: short beside the gap between two tokens. */
#define TURN_US 2000

typedef struct {
  VmpControlRequest *request;
  GPtrArray *items;
  VmpControlBuild build;
  GString *json;
  guint next;
} ListAnswer;

static void
list_answer_free (gpointer data)
{
  ListAnswer *self = data;

  g_ptr_array_unref (self->items);
  if (self->json != NULL)
    g_string_free (self->json, TRUE);
  g_free (self);
}

/* Appends what one item is shown as, with commas between. */
static void
append_item (ListAnswer *self,
             gpointer    item)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();
  g_autofree char *array = NULL;
  gsize len;

  json_builder_begin_array (builder);
  self->build (item, builder);
  json_builder_end_array (builder);
  array = vmp_json_builder_print (builder);

  /* Without its brackets. */
  len = strlen (array) - 2;
  if (len == 0)
    return;
  if (self->json->str[self->json->len - 1] != '[')
    g_string_append_c (self->json, ',');
  g_string_append_len (self->json, array + 1, len);
}

/* Whether it is complete now. */
static gboolean
make_some (ListAnswer *self)
{
  gint64 until = g_get_monotonic_time () + TURN_US;

  while (self->next < self->items->len)
    {
      append_item (self, g_ptr_array_index (self->items, self->next++));
      if (g_get_monotonic_time () >= until)
        break;
    }

  return self->next == self->items->len;
}

static void
answer (ListAnswer *self)
{
  g_string_append (self->json, "]}");
  vmp_control_answer (self->request, SOUP_STATUS_OK, g_string_free (g_steal_pointer (&self->json), FALSE));
}

static gboolean
turn_cb (gpointer user_data)
{
  ListAnswer *self = user_data;

  if (!make_some (self))
    return G_SOURCE_CONTINUE;

  answer (self);

  return G_SOURCE_REMOVE;
}

static void
stop_list (VmpControlRequest *request)
{
  g_source_destroy (request->list);
}

void
vmp_control_answer_long (VmpControlRequest *request,
                         JsonBuilder       *builder,
                         const char        *name,
                         GPtrArray         *items,
                         VmpControlBuild    build)
{
  ListAnswer *self = g_new0 (ListAnswer, 1);
  g_autofree char *before = vmp_json_builder_print (builder);
  g_autoptr (GSource) source = NULL;

  self->request = request;
  self->items = items;
  self->build = build;
  self->json = g_string_new (before);
  g_string_truncate (self->json, self->json->len - strlen ("}"));
  g_string_append_printf (self->json, ",\"%s\":[", name);
  if (make_some (self))
    {
      answer (self);
      list_answer_free (self);
      return;
    }

  source = g_idle_source_new ();
  g_source_set_priority (source, G_PRIORITY_DEFAULT);
  g_source_set_callback (source, turn_cb, self, list_answer_free);
  g_source_attach (source, request->gateway->context);
  request->list = g_steal_pointer (&source);
  vmp_control_wait_for (request, stop_list);
}

void
vmp_control_answer_list (VmpControlRequest *request,
                         GPtrArray         *items,
                         VmpControlBuild    build)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "object", "list");
  json_builder_end_object (builder);

  vmp_control_answer_long (request, builder, "data", items, build);
}

void
vmp_control_answer_all (VmpControlRequest *request,
                        GPtrArray         *items,
                        VmpControlBuild    build)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();
  guint i;

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "object", "list");
  json_builder_set_member_name (builder, "data");
  json_builder_begin_array (builder);
  for (i = 0; i < items->len; i++)
    build (g_ptr_array_index (items, i), builder);
  json_builder_end_array (builder);
  json_builder_end_object (builder);

  vmp_control_answer_built (request, SOUP_STATUS_OK, builder);
}
