/* SPDX-License-Identifier: MIT
 *
 * What the body of a request says of a node, for vmp-control-nodes.c: when one is registered and when one is changed.
 */

#pragma once

#include "gateway/vmp-control.h"

G_BEGIN_DECLS

extern const VmpField vmp_control_register_fields[];
extern const VmpField vmp_control_change_fields[];

/* A VmpNodeUpdate with the values that it points to. Its texts are the body's. */
typedef struct {
  VmpNodeUpdate update;
  VmpBaseUrl *base_url; /* NULL: not given */
  VmpProvider provider;
  VmpNodeService service;
  gboolean trusted;
  char **tags;
  gboolean capabilities[VMP_N_CAPABILITIES];
  guint queue_depth;
  double tokens_per_second;
} VmpNodeInput;

/* What both bodies may say, but for the id. @self: empty. FALSE, having answered, when something cannot be. */
gboolean vmp_node_input_read (VmpNodeInput      *self,
                              VmpControlRequest *request);

/* What an agent on the node reports of it: only by changing. */
void vmp_node_input_read_load (VmpNodeInput *self,
                               JsonObject   *body);

void vmp_node_input_clear (VmpNodeInput *self);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VmpNodeInput, vmp_node_input_clear)

G_END_DECLS
