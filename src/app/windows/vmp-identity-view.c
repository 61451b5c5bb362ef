/* SPDX-License-Identifier: MIT
 *
 * See vmp-identity-view.h. All that comes from the network is shown as plain text.
 */

#include "app/windows/vmp-identity-view.h"

#include <glib/gi18n.h>

#include "app/windows/vmp-fact-row.h"
#include "app/windows/vmp-node-words.h"
#include "app/windows/vmp-ui-text.h"

/* More names of models than anybody reads before deciding; how many there are is said in any case. */
#define SHOWN_MODELS 50

struct _VmpIdentityView {
  AdwBin parent_instance;

  GtkScrolledWindow *scroller;
  GtkLabel *question_label;
  GtkLabel *title_label;
  VmpFactRow *reason_row;
  VmpFactRow *address_row;
  VmpFactRow *seen_address_row;
  VmpFactRow *key_row;
  VmpFactRow *found_row;
  VmpFactRow *provider_row;
  AdwExpanderRow *models_row;
  GtkLabel *models_label;
  GtkWidget *plain_row;
};

G_DEFINE_FINAL_TYPE (VmpIdentityView, vmp_identity_view, ADW_TYPE_BIN)

void
vmp_identity_view_set_models (VmpIdentityView *self,
                              JsonObject      *document)
{
  g_autofree char *names = NULL;

  g_return_if_fail (VMP_IS_IDENTITY_VIEW (self));

  names = vmp_node_words_model_names (document, SHOWN_MODELS);
  gtk_label_set_text (self->models_label, names);
  /* To allow it opens it, too. */
  if (adw_expander_row_get_enable_expansion (self->models_row) != (*names != '\0'))
    {
      adw_expander_row_set_enable_expansion (self->models_row, *names != '\0');
      adw_expander_row_set_expanded (self->models_row, FALSE);
    }
}

static void
show_models (VmpIdentityView   *self,
             const VmpIdentity *identity,
             JsonObject        *document)
{
  g_autofree char *count = vmp_node_words_models (identity->n_models);

  if (identity->wants_token && identity->n_models == 0)
    adw_expander_row_set_subtitle (self->models_row,
                                   _("Not known: it asks for a token, which you can set afterwards"));
  else
    adw_expander_row_set_subtitle (self->models_row, count);
  vmp_identity_view_set_models (self, document);
  adw_expander_row_set_expanded (self->models_row, FALSE);
}

static const char *
get_key (const VmpIdentity *identity)
{
  if (!vmp_identity_is_https (identity))
    return NULL;

  return identity->seen_key != NULL ? identity->seen_key : _("Not seen yet");
}

void
vmp_identity_view_show (VmpIdentityView   *self,
                        const VmpIdentity *identity,
                        JsonObject        *document)
{
  const char *title;
  gboolean is_plain;
  g_autofree char *found = NULL;

  g_return_if_fail (VMP_IS_IDENTITY_VIEW (self));
  g_return_if_fail (identity != NULL && document != NULL);

  title = vmp_identity_get_title (identity);
  gtk_label_set_text (self->question_label, identity->pending_reason != NULL ? _("Use this computer’s models again?")
                                                                             : _("Use this computer’s models?"));
  gtk_label_set_text (self->title_label, title);
  gtk_widget_set_tooltip_text (GTK_WIDGET (self->title_label), title);

  found = vmp_node_words_found (identity->found_by, identity->found_at);
  vmp_fact_row_set_value (self->reason_row, identity->pending_reason);
  vmp_fact_row_set_value (self->address_row, identity->base_url);
  vmp_fact_row_set_value (self->seen_address_row,
                          vmp_node_words_has_address (identity->base_url, identity->seen_address)
                            ? NULL : identity->seen_address);
  vmp_fact_row_set_value (self->key_row, get_key (identity));
  vmp_fact_row_set_value (self->found_row, found);
  vmp_fact_row_set_value (self->provider_row,
                          vmp_ui_text_provider (identity->provider != NULL ? identity->provider : "auto"));
  show_models (self, identity, document);

  is_plain = !vmp_identity_is_https (identity) && !vmp_node_words_is_here (identity->base_url);
  gtk_widget_set_visible (self->plain_row, is_plain);
  gtk_adjustment_set_value (gtk_scrolled_window_get_vadjustment (self->scroller), 0);
}

static void
vmp_identity_view_class_init (VmpIdentityViewClass *class)
{
  GtkWidgetClass *widget_class = GTK_WIDGET_CLASS (class);

  g_type_ensure (VMP_TYPE_FACT_ROW);
  gtk_widget_class_set_template_from_resource (widget_class,
                                               "/io/github/lmstudio_vampire/Vampire/ui/identity-view.ui");
  gtk_widget_class_bind_template_child (widget_class, VmpIdentityView, scroller);
  gtk_widget_class_bind_template_child (widget_class, VmpIdentityView, question_label);
  gtk_widget_class_bind_template_child (widget_class, VmpIdentityView, title_label);
  gtk_widget_class_bind_template_child (widget_class, VmpIdentityView, reason_row);
  gtk_widget_class_bind_template_child (widget_class, VmpIdentityView, address_row);
  gtk_widget_class_bind_template_child (widget_class, VmpIdentityView, seen_address_row);
  gtk_widget_class_bind_template_child (widget_class, VmpIdentityView, key_row);
  gtk_widget_class_bind_template_child (widget_class, VmpIdentityView, found_row);
  gtk_widget_class_bind_template_child (widget_class, VmpIdentityView, provider_row);
  gtk_widget_class_bind_template_child (widget_class, VmpIdentityView, models_row);
  gtk_widget_class_bind_template_child (widget_class, VmpIdentityView, models_label);
  gtk_widget_class_bind_template_child (widget_class, VmpIdentityView, plain_row);
}

static void
vmp_identity_view_init (VmpIdentityView *self)
{
  gtk_widget_init_template (GTK_WIDGET (self));
}
