/* SPDX-License-Identifier: MIT
 *
 * See vmp-model-group.h.
 */

#include "app/windows/vmp-model-group.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-ui-text.h"
#include "core/vmp-json.h"

/* Nodes that are named; a model may be on hundreds. */
#define NAMED 2

#define NO_LOAD -2.0

struct _VmpModelGroup {
  GObject parent_instance;

  char *id;
  GListStore *places;
  double progress;
};

enum {
  CHANGED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (VmpModelGroup, vmp_model_group, G_TYPE_OBJECT)

static void
vmp_model_group_finalize (GObject *object)
{
  VmpModelGroup *self = VMP_MODEL_GROUP (object);

  g_object_unref (self->places);
  g_free (self->id);

  G_OBJECT_CLASS (vmp_model_group_parent_class)->finalize (object);
}

static void
vmp_model_group_class_init (VmpModelGroupClass *class)
{
  G_OBJECT_CLASS (class)->finalize = vmp_model_group_finalize;

  signals[CHANGED] = g_signal_new ("changed", G_TYPE_FROM_CLASS (class), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                   G_TYPE_NONE, 0);
}

static void
vmp_model_group_init (VmpModelGroup *self)
{
  self->places = g_list_store_new (VMP_TYPE_ITEM);
  self->progress = NO_LOAD;
}

VmpModelGroup *
vmp_model_group_new (const char *id)
{
  VmpModelGroup *self = g_object_new (VMP_TYPE_MODEL_GROUP, NULL);

  self->id = g_strdup (id);

  return self;
}

/* -- Feeding it ---------------------------------------------------------------------------- */

void
vmp_model_group_changed (VmpModelGroup *self)
{
  g_return_if_fail (VMP_IS_MODEL_GROUP (self));

  g_signal_emit (self, signals[CHANGED], 0);
}

static gboolean
has_places (VmpModelGroup *self,
            GPtrArray     *places)
{
  guint n = vmp_model_group_count_places (self);

  if (n != places->len)
    return FALSE;

  for (guint i = 0; i < n; i++)
    {
      g_autoptr (GObject) place = g_list_model_get_item (G_LIST_MODEL (self->places), i);

      if ((gpointer) place != g_ptr_array_index (places, i))
        return FALSE;
    }
  return TRUE;
}

void
vmp_model_group_set_places (VmpModelGroup *self,
                            GPtrArray     *places)
{
  g_return_if_fail (VMP_IS_MODEL_GROUP (self));

  if (has_places (self, places))
    return;

  g_list_store_splice (self->places, 0, vmp_model_group_count_places (self), places->pdata, places->len);
  vmp_model_group_changed (self);
}

void
vmp_model_group_set_progress (VmpModelGroup *self,
                              double         progress)
{
  g_return_if_fail (VMP_IS_MODEL_GROUP (self));

  if (self->progress == progress)
    return;

  self->progress = progress;
  vmp_model_group_changed (self);
}

/* -- What it is ---------------------------------------------------------------------------- */

const char *
vmp_model_group_get_id (VmpModelGroup *self)
{
  return self->id;
}

GListModel *
vmp_model_group_get_places (VmpModelGroup *self)
{
  return G_LIST_MODEL (self->places);
}

guint
vmp_model_group_count_places (VmpModelGroup *self)
{
  return g_list_model_get_n_items (G_LIST_MODEL (self->places));
}

/* The store keeps it. */
static VmpItem *
peek_place (VmpModelGroup *self,
            guint          i)
{
  g_autoptr (VmpItem) place = g_list_model_get_item (G_LIST_MODEL (self->places), i);

  return place;
}

VmpItem *
vmp_model_group_get_place (VmpModelGroup *self)
{
  return peek_place (self, 0);
}

const char *
vmp_model_group_get_title (VmpModelGroup *self)
{
  VmpItem *place = peek_place (self, 0);
  const char *title = place != NULL ? vmp_item_get_string (place, "display_name") : NULL;

  return title != NULL && *title != '\0' ? title : self->id;
}

const char *
vmp_model_group_get_kind (VmpModelGroup *self)
{
  VmpItem *place = peek_place (self, 0);

  return place != NULL ? vmp_item_get_string (place, "kind") : NULL;
}

guint
vmp_model_group_count_loaded (VmpModelGroup *self)
{
  guint n = vmp_model_group_count_places (self);
  guint n_loaded = 0;

  for (guint i = 0; i < n; i++)
    n_loaded += vmp_item_get_boolean (peek_place (self, i), "loaded") ? 1 : 0;

  return n_loaded;
}

VmpModelCan
vmp_model_group_get_can (VmpModelGroup *self)
{
  static const struct {
    const char *capability;
    const char *source;
    VmpModelCan can;
  } members[] = {
    { "capabilities.vision", "sources.vision", VMP_MODEL_CAN_VISION },
    { "capabilities.tools", "sources.tools", VMP_MODEL_CAN_TOOLS },
    { "capabilities.reasoning", "sources.reasoning", VMP_MODEL_CAN_REASON },
  };
  guint n = vmp_model_group_count_places (self);
  VmpModelCan can = 0;

  /* What nobody knows is not forbidden by the gateway, and not shown here either. */
  for (guint i = 0; i < n; i++)
    {
      VmpItem *place = peek_place (self, i);

      for (gsize j = 0; j < G_N_ELEMENTS (members); j++)
        {
          if (vmp_item_get_boolean (place, members[j].capability) &&
              g_strcmp0 (vmp_item_get_string (place, members[j].source), "unknown") != 0)
            can |= members[j].can;
        }
    }
  return can;
}

double
vmp_model_group_get_progress (VmpModelGroup *self)
{
  return self->progress;
}

/* -- In words ------------------------------------------------------------------------------ */

static void
add (GString    *text,
     const char *fact)
{
  if (fact != NULL && *fact != '\0')
    g_string_append_printf (text, "%s%s", text->len > 0 ? " · " : "", fact);
}

char *
vmp_model_group_dup_summary (VmpModelGroup *self)
{
  VmpItem *place = peek_place (self, 0);
  GString *text = g_string_new (NULL);
  g_autofree char *context = NULL;

  if (place == NULL)
    return g_string_free (text, FALSE);

  add (text, vmp_item_get_string (place, "parameters"));
  add (text, vmp_item_get_string (place, "quantization"));
  context = vmp_ui_text_context (vmp_item_get_int (place, "max_context_length", 0));
  add (text, context);
  if (text->len == 0)
    add (text, vmp_ui_text_model_kind (vmp_item_get_string (place, "kind")));
  if (!g_str_equal (vmp_model_group_get_title (self), self->id))
    add (text, self->id);

  return g_string_free (text, FALSE);
}

char *
vmp_model_group_dup_where (VmpModelGroup *self,
                           VmpMirror     *mirror)
{
  guint n = vmp_model_group_count_places (self);
  guint n_named = n <= NAMED + 1 ? n : NAMED;
  g_autoptr (GString) names = g_string_new (NULL);
  GString *text = g_string_new (NULL);
  g_autofree char *rate = NULL;
  double best = 0;

  for (guint i = 0; i < n; i++)
    {
      VmpItem *place = peek_place (self, i);
      const char *node = vmp_item_get_string (place, "node");

      best = MAX (best, vmp_item_get_double (place, "tokens_per_second", 0));
      if (i < n_named && node != NULL)
        g_string_append_printf (names, "%s%s", names->len > 0 ? ", " : "", vmp_mirror_get_node_name (mirror, node));
    }
  if (n > n_named)
    g_string_append_printf (text, ngettext ("%s and %u more", "%s and %u more", n - n_named), names->str, n - n_named);
  else
    g_string_append (text, names->str);

  rate = vmp_ui_text_rate (best);
  add (text, rate);

  return g_string_free (text, FALSE);
}

char *
vmp_model_group_dup_state (VmpModelGroup *self)
{
  guint n = vmp_model_group_count_places (self);
  guint n_loaded;

  if (self->progress >= 0)
    return g_strdup_printf (_("Loading %.0f %%"), self->progress * 100);
  if (self->progress > NO_LOAD)
    return g_strdup (_("Loading…"));

  n_loaded = vmp_model_group_count_loaded (self);
  if (n_loaded == 0)
    return g_strdup ("");
  if (n == 1)
    return g_strdup (C_("model", "Loaded"));

  return g_strdup_printf (_("Loaded on %u of %u"), n_loaded, n);
}

/* How many requests all copies in memory answer at a time; 0: not known */
static gint64
count_slots (VmpItem *place)
{
  JsonArray *instances = vmp_item_get_array (place, "instances");
  guint n = instances != NULL ? json_array_get_length (instances) : 0;
  gint64 slots = 0;

  for (guint i = 0; i < n; i++)
    {
      JsonNode *instance = json_array_get_element (instances, i);
      gint64 parallel = 0;

      if (JSON_NODE_HOLDS_OBJECT (instance) &&
          vmp_json_get_int (json_node_get_object (instance), "parallel", &parallel))
        slots += CLAMP (parallel, 0, G_MAXINT16);
    }
  return slots;
}

char *
vmp_model_group_describe_place (VmpItem *place)
{
  GString *text;
  g_autofree char *context = NULL;
  g_autofree char *rate = NULL;
  gint64 slots;

  g_return_val_if_fail (VMP_IS_ITEM (place), NULL);

  text = g_string_new (NULL);
  rate = vmp_ui_text_rate (vmp_item_get_double (place, "tokens_per_second", 0));
  if (!vmp_item_get_boolean (place, "loaded"))
    {
      add (text, _("Not loaded"));
      add (text, rate);
      return g_string_free (text, FALSE);
    }

  add (text, C_("model", "Loaded"));
  context = vmp_ui_text_context (vmp_item_get_int (place, "context_window", 0));
  add (text, context);
  slots = count_slots (place);
  if (slots > 0)
    {
      g_autofree char *parallel = g_strdup_printf (ngettext ("%d at a time", "%d at a time", (gulong) slots),
                                                   (int) slots);

      add (text, parallel);
    }
  add (text, rate);

  return g_string_free (text, FALSE);
}
