/* SPDX-License-Identifier: MIT
 *
 * Blocks of Markdown as widgets. The blocks at the end, which may still change, are compared with what is shown, and
 * changed in place where they can be: text is added to code, a label gets another text, a table another row.
 */

#include "app/windows/vmp-markdown-view.h"

#include <glib/gi18n.h>
#include <string.h>

#include "app/windows/vmp-chat-rows.h"
#include "app/windows/vmp-markdown.h"
#include "app/windows/vmp-ui.h"
#include "core/vmp-limits.h"

/* Pixels by which the text of a list's item or of a quote stands further in. */
#define INDENT 18

/* Characters of a table's cell on one line. */
#define CELL_CHARS 40

struct _VmpMarkdownView {
  GtkWidget parent_instance;

  gsize len;        /* of the text that was shown last */
  gsize settled;    /* bytes of it whose widgets are final */
  guint n_settled;  /* blocks that are final */
  GPtrArray *tail;  /* of Shown: those that are not */
};

G_DEFINE_FINAL_TYPE (VmpMarkdownView, vmp_markdown_view, GTK_TYPE_WIDGET)

/* A block and what shows it. */
typedef struct {
  VmpMarkdownBlock *block;
  GtkWidget *widget;
} Shown;

static void
shown_free (Shown *self)
{
  vmp_markdown_block_free (self->block);
  g_free (self);
}

/* -- Links --------------------------------------------------------------------------------- */

typedef struct {
  GtkWidget *widget;
  char *url;
} Opening;

static void
opening_free (gpointer data)
{
  Opening *self = data;

  g_object_unref (self->widget);
  g_free (self->url);
  g_free (self);
}

static void
open_confirmed_cb (gpointer user_data)
{
  Opening *opening = user_data;
  GtkRoot *root = gtk_widget_get_root (opening->widget);

  gtk_show_uri (GTK_IS_WINDOW (root) ? GTK_WINDOW (root) : NULL, opening->url, GDK_CURRENT_TIME);
}

static gboolean
activate_link_cb (GtkLabel   *label,
                  const char *url,
                  gpointer    user_data)
{
  g_autofree char *host = vmp_markdown_dup_host (url);
  g_autofree char *body = NULL;
  Opening *opening;

  if (host == NULL)
    return TRUE;

  opening = g_new0 (Opening, 1);
  opening->widget = g_object_ref (GTK_WIDGET (label));
  opening->url = g_strdup (url);
  /* Translators: the first is a host such as example.org, the second a whole address */
  body = g_strdup_printf (_("A model wrote this link. It leads to %s:\n\n%s"), host, url);
  vmp_ui_confirm (GTK_WIDGET (label), _("Open This Link?"), body, _("_Open in Browser"), FALSE, open_confirmed_cb,
                  opening, opening_free);

  return TRUE;
}

/* -- Widgets of blocks --------------------------------------------------------------------- */

static GtkWidget *
make_label (const char *markup)
{
  GtkWidget *label = gtk_label_new (NULL);

  gtk_label_set_markup (GTK_LABEL (label), markup);
  gtk_label_set_wrap (GTK_LABEL (label), TRUE);
  gtk_label_set_wrap_mode (GTK_LABEL (label), PANGO_WRAP_WORD_CHAR);
  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_selectable (GTK_LABEL (label), TRUE);
  g_signal_connect (label, "activate-link", G_CALLBACK (activate_link_cb), NULL);

  return label;
}

static GtkWidget *
make_text (const VmpMarkdownBlock *block)
{
  static const char * const classes[] = { "title-2", "title-3", "title-4", "heading", "heading", "heading" };
  GtkWidget *label = make_label (block->text);

  gtk_widget_set_hexpand (label, TRUE);
  if (block->kind == VMP_MARKDOWN_HEADING)
    gtk_widget_add_css_class (label, classes[CLAMP (block->level, 1, 6) - 1]);

  return label;
}

static void
copy_code_cb (GtkButton *button,
              gpointer   user_data)
{
  GtkTextBuffer *buffer = user_data;
  GtkTextIter start;
  GtkTextIter end;
  g_autofree char *text = NULL;

  gtk_text_buffer_get_bounds (buffer, &start, &end);
  text = gtk_text_buffer_get_text (buffer, &start, &end, FALSE);
  vmp_ui_copy (GTK_WIDGET (button), text, _("Code copied"));
}

static GtkWidget *
make_code (const VmpMarkdownBlock *block)
{
  GtkWidget *box = gtk_box_new (GTK_ORIENTATION_VERTICAL, 0);
  GtkWidget *header = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
  GtkWidget *label = gtk_label_new (block->language != NULL ? block->language : _("Code"));
  GtkWidget *button = gtk_button_new_from_icon_name ("edit-copy-symbolic");
  GtkWidget *scroller = gtk_scrolled_window_new ();
  GtkWidget *view = gtk_text_view_new ();
  GtkTextBuffer *buffer = gtk_text_view_get_buffer (GTK_TEXT_VIEW (view));

  gtk_text_buffer_set_enable_undo (buffer, FALSE);
  gtk_text_buffer_set_text (buffer, block->text, -1);

  gtk_text_view_set_editable (GTK_TEXT_VIEW (view), FALSE);
  gtk_text_view_set_cursor_visible (GTK_TEXT_VIEW (view), FALSE);
  gtk_text_view_set_monospace (GTK_TEXT_VIEW (view), TRUE);
  gtk_text_view_set_accepts_tab (GTK_TEXT_VIEW (view), FALSE);
  gtk_text_view_set_left_margin (GTK_TEXT_VIEW (view), 12);
  gtk_text_view_set_right_margin (GTK_TEXT_VIEW (view), 12);
  gtk_text_view_set_top_margin (GTK_TEXT_VIEW (view), 6);
  gtk_text_view_set_bottom_margin (GTK_TEXT_VIEW (view), 12);
  gtk_accessible_update_property (GTK_ACCESSIBLE (view), GTK_ACCESSIBLE_PROPERTY_LABEL, _("Code"), -1);

  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scroller), GTK_POLICY_AUTOMATIC, GTK_POLICY_NEVER);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scroller), view);

  gtk_widget_set_tooltip_text (button, _("Copy Code"));
  gtk_accessible_update_property (GTK_ACCESSIBLE (button), GTK_ACCESSIBLE_PROPERTY_LABEL, _("Copy Code"), -1);
  gtk_widget_add_css_class (button, "flat");
  g_signal_connect_object (button, "clicked", G_CALLBACK (copy_code_cb), buffer, 0);

  gtk_label_set_xalign (GTK_LABEL (label), 0);
  gtk_label_set_ellipsize (GTK_LABEL (label), PANGO_ELLIPSIZE_END);
  gtk_widget_set_hexpand (label, TRUE);
  gtk_widget_add_css_class (label, "caption");
  gtk_widget_add_css_class (label, "dim-label");
  gtk_widget_add_css_class (header, "code-header");
  gtk_box_append (GTK_BOX (header), label);
  gtk_box_append (GTK_BOX (header), button);

  gtk_widget_add_css_class (box, "code");
  gtk_widget_set_overflow (box, GTK_OVERFLOW_HIDDEN);
  gtk_box_append (GTK_BOX (box), header);
  gtk_box_append (GTK_BOX (box), scroller);
  g_object_set_data (G_OBJECT (box), "vmp-buffer", buffer);

  return box;
}

/* As wide as a table of sentences needs, and never narrower: the table scrolls when that is too much. */
static void
size_cell (GtkLabel *label)
{
  glong chars = g_utf8_strlen (gtk_label_get_text (label), -1);

  gtk_label_set_width_chars (label, (int) MIN (chars, CELL_CHARS));
  gtk_label_set_max_width_chars (label, CELL_CHARS);
}

static void
attach_cell (GtkWidget              *grid,
             const VmpMarkdownBlock *block,
             guint                   i)
{
  static const float aligns[] = { 0.0f, 0.5f, 1.0f };
  GtkWidget *label = make_label (g_ptr_array_index (block->cells, i));
  guint column = i % block->columns;

  size_cell (GTK_LABEL (label));
  gtk_label_set_xalign (GTK_LABEL (label), aligns[block->aligns[column]]);
  gtk_label_set_yalign (GTK_LABEL (label), 0);
  if (i < block->columns)
    gtk_widget_add_css_class (label, "heading");
  gtk_grid_attach (GTK_GRID (grid), label, (int) column, (int) (i / block->columns), 1, 1);
}

static GtkWidget *
make_table (const VmpMarkdownBlock *block)
{
  GtkWidget *scroller = gtk_scrolled_window_new ();
  GtkWidget *grid = gtk_grid_new ();

  gtk_grid_set_column_spacing (GTK_GRID (grid), 18);
  gtk_grid_set_row_spacing (GTK_GRID (grid), 6);
  gtk_widget_add_css_class (grid, "markdown-table");
  for (guint i = 0; i < block->cells->len; i++)
    attach_cell (grid, block, i);

  gtk_scrolled_window_set_policy (GTK_SCROLLED_WINDOW (scroller), GTK_POLICY_AUTOMATIC, GTK_POLICY_NEVER);
  gtk_scrolled_window_set_child (GTK_SCROLLED_WINDOW (scroller), grid);
  g_object_set_data (G_OBJECT (scroller), "vmp-grid", grid);

  return scroller;
}

/* With its marker before it and its quote's line, as far in as it stands. */
static GtkWidget *
make_widget (const VmpMarkdownBlock *block)
{
  GtkWidget *content;
  GtkWidget *widget;
  guint indent = block->items;

  switch (block->kind)
    {
    case VMP_MARKDOWN_CODE:
      content = make_code (block);
      break;

    case VMP_MARKDOWN_TABLE:
      content = make_table (block);
      break;

    case VMP_MARKDOWN_RULE:
      content = gtk_separator_new (GTK_ORIENTATION_HORIZONTAL);
      break;

    case VMP_MARKDOWN_PARAGRAPH:
    case VMP_MARKDOWN_HEADING:
    default:
      content = make_text (block);
      break;
    }

  widget = content;
  if (block->marker != NULL)
    {
      GtkWidget *marker = gtk_label_new (block->marker);

      widget = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 6);
      gtk_label_set_xalign (GTK_LABEL (marker), 1);
      gtk_widget_set_valign (marker, GTK_ALIGN_START);
      gtk_widget_set_size_request (marker, INDENT - 6, -1);
      gtk_widget_add_css_class (marker, "numeric");
      gtk_widget_set_hexpand (content, TRUE);
      gtk_box_append (GTK_BOX (widget), marker);
      gtk_box_append (GTK_BOX (widget), content);
      indent -= indent > 0;
    }
  if (block->quotes > 0)
    {
      GtkWidget *quote = gtk_box_new (GTK_ORIENTATION_HORIZONTAL, 0);

      gtk_widget_set_hexpand (widget, TRUE);
      gtk_widget_set_margin_start (widget, (int) (indent * INDENT));
      gtk_widget_add_css_class (quote, "quote");
      gtk_box_append (GTK_BOX (quote), widget);
      widget = quote;
      indent = block->quotes - 1;
    }

  gtk_widget_set_margin_start (widget, (int) (indent * INDENT));
  g_object_set_data (G_OBJECT (widget), "vmp-content", content);

  return widget;
}

/* -- Changing what is shown ---------------------------------------------------------------- */

static void
change_code (GtkTextBuffer *buffer,
             const char    *old,
             const char    *text)
{
  gsize len = strlen (old);

  if (g_str_has_prefix (text, old))
    {
      GtkTextIter end;

      gtk_text_buffer_get_end_iter (buffer, &end);
      gtk_text_buffer_insert (buffer, &end, text + len, -1);
    }
  else
    {
      gtk_text_buffer_set_text (buffer, text, -1);
    }
}

static void
change_table (GtkWidget              *grid,
              const VmpMarkdownBlock *old,
              const VmpMarkdownBlock *block)
{
  for (guint i = 0; i < block->cells->len; i++)
    {
      const char *markup = g_ptr_array_index (block->cells, i);
      GtkWidget *label;

      if (i >= old->cells->len)
        {
          attach_cell (grid, block, i);
        }
      else if (!g_str_equal (markup, g_ptr_array_index (old->cells, i)))
        {
          label = gtk_grid_get_child_at (GTK_GRID (grid), (int) (i % block->columns), (int) (i / block->columns));
          gtk_label_set_markup (GTK_LABEL (label), markup);
          size_cell (GTK_LABEL (label));
        }
    }
}

/* FALSE when it needs a widget of its own. */
static gboolean
change_in_place (Shown                  *shown,
                 const VmpMarkdownBlock *block)
{
  const VmpMarkdownBlock *old = shown->block;
  GtkWidget *content = g_object_get_data (G_OBJECT (shown->widget), "vmp-content");

  if (old->kind != block->kind || old->quotes != block->quotes || old->items != block->items
      || old->level != block->level || g_strcmp0 (old->marker, block->marker) != 0
      || g_strcmp0 (old->language, block->language) != 0)
    return FALSE;

  switch (block->kind)
    {
    case VMP_MARKDOWN_PARAGRAPH:
    case VMP_MARKDOWN_HEADING:
      gtk_label_set_markup (GTK_LABEL (content), block->text);
      return TRUE;

    case VMP_MARKDOWN_CODE:
      change_code (g_object_get_data (G_OBJECT (content), "vmp-buffer"), old->text, block->text);
      return TRUE;

    case VMP_MARKDOWN_TABLE:
      if (old->columns != block->columns || old->cells->len > block->cells->len
          || memcmp (old->aligns, block->aligns, old->columns * sizeof *old->aligns) != 0)
        return FALSE;
      change_table (g_object_get_data (G_OBJECT (content), "vmp-grid"), old, block);
      return TRUE;

    case VMP_MARKDOWN_RULE:
    default:
      return FALSE;
    }
}

static void
remove_tail (VmpMarkdownView *self,
             guint            from)
{
  for (guint i = from; i < self->tail->len; i++)
    gtk_widget_unparent (((Shown *) g_ptr_array_index (self->tail, i))->widget);
  g_ptr_array_set_size (self->tail, (int) from);
}

/* Takes over @block as number @i of the tail. */
static void
show_block (VmpMarkdownView  *self,
            guint             i,
            VmpMarkdownBlock *block)
{
  Shown *shown = i < self->tail->len ? g_ptr_array_index (self->tail, i) : NULL;

  if (shown != NULL && vmp_markdown_block_equal (shown->block, block))
    {
      vmp_markdown_block_free (block);
      return;
    }

  if (shown != NULL && !change_in_place (shown, block))
    {
      remove_tail (self, i);
      shown = NULL;
    }

  if (shown == NULL)
    {
      shown = g_new0 (Shown, 1);
      shown->widget = make_widget (block);
      gtk_widget_set_parent (shown->widget, GTK_WIDGET (self));
      g_ptr_array_add (self->tail, shown);
    }
  else
    {
      vmp_markdown_block_free (shown->block);
    }
  shown->block = block;
}

/* How many of @blocks are shown now. */
static guint
show_blocks (VmpMarkdownView *self,
             GPtrArray       *blocks,
             gint64           deadline)
{
  guint n = 0;

  while (n < blocks->len)
    {
      show_block (self, n, g_steal_pointer (&blocks->pdata[n]));
      n++;
      if (g_get_monotonic_time () >= deadline)
        break;
    }

  return n;
}

static GPtrArray *
read_rest (VmpMarkdownView *self,
           const char      *text,
           gsize            len)
{
  GPtrArray *blocks;
  VmpMarkdownBlock *block;

  if (self->n_settled < VMP_LIMIT_MARKDOWN_BLOCKS)
    return vmp_markdown_parse (text, len);

  /* So many that widgets for each would take too much: as one, as it is. */
  blocks = g_ptr_array_new_with_free_func ((GDestroyNotify) vmp_markdown_block_free);
  block = g_new0 (VmpMarkdownBlock, 1);
  block->kind = VMP_MARKDOWN_CODE;
  block->text = g_strndup (text, len);
  g_ptr_array_add (blocks, block);

  return blocks;
}

gboolean
vmp_markdown_view_render (VmpMarkdownView *self,
                          const char      *text,
                          gsize            len,
                          gint64           deadline)
{
  g_autoptr (GPtrArray) rest = NULL;
  guint n;

  g_return_val_if_fail (VMP_IS_MARKDOWN_VIEW (self), TRUE);
  g_return_val_if_fail (text != NULL, TRUE);

  if (len < self->len)
    {
      GtkWidget *child;

      g_ptr_array_set_size (self->tail, 0);
      while ((child = gtk_widget_get_first_child (GTK_WIDGET (self))) != NULL)
        gtk_widget_unparent (child);
      self->settled = 0;
      self->n_settled = 0;
    }
  self->len = len;

  while (self->n_settled < VMP_LIMIT_MARKDOWN_BLOCKS)
    {
      gsize piece = vmp_markdown_find_settled (text + self->settled, len - self->settled);
      g_autoptr (GPtrArray) blocks = NULL;

      if (piece == 0)
        break;

      blocks = vmp_markdown_parse (text + self->settled, piece);
      n = show_blocks (self, blocks, deadline);
      if (n < blocks->len)
        return FALSE;

      g_ptr_array_remove_range (self->tail, 0, n);
      self->settled += piece;
      self->n_settled += n;
    }

  rest = read_rest (self, text + self->settled, len - self->settled);
  n = show_blocks (self, rest, deadline);
  if (n < rest->len)
    return FALSE;
  remove_tail (self, n);

  return TRUE;
}

/* -- The widget ---------------------------------------------------------------------------- */

static void
vmp_markdown_view_dispose (GObject *object)
{
  VmpMarkdownView *self = VMP_MARKDOWN_VIEW (object);
  GtkWidget *child;

  g_ptr_array_set_size (self->tail, 0);
  while ((child = gtk_widget_get_first_child (GTK_WIDGET (self))) != NULL)
    gtk_widget_unparent (child);

  G_OBJECT_CLASS (vmp_markdown_view_parent_class)->dispose (object);
}

static void
vmp_markdown_view_finalize (GObject *object)
{
  g_ptr_array_unref (VMP_MARKDOWN_VIEW (object)->tail);

  G_OBJECT_CLASS (vmp_markdown_view_parent_class)->finalize (object);
}

static void
vmp_markdown_view_class_init (VmpMarkdownViewClass *klass)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (klass);

  G_OBJECT_CLASS (klass)->dispose = vmp_markdown_view_dispose;
  G_OBJECT_CLASS (klass)->finalize = vmp_markdown_view_finalize;
  widget_class->snapshot = vmp_chat_rows_snapshot_seen;

  gtk_widget_class_set_layout_manager_type (widget_class, GTK_TYPE_BOX_LAYOUT);
  gtk_widget_class_set_css_name (widget_class, "markdown");
}

static void
vmp_markdown_view_init (VmpMarkdownView *self)
{
  GtkLayoutManager *layout = gtk_widget_get_layout_manager (GTK_WIDGET (self));

  self->tail = g_ptr_array_new_with_free_func ((GDestroyNotify) shown_free);
  gtk_orientable_set_orientation (GTK_ORIENTABLE (layout), GTK_ORIENTATION_VERTICAL);
  gtk_box_layout_set_spacing (GTK_BOX_LAYOUT (layout), 9);
}

GtkWidget *
vmp_markdown_view_new (void)
{
  return g_object_new (VMP_TYPE_MARKDOWN_VIEW, NULL);
}
