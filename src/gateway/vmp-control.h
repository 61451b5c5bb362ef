/* SPDX-License-Identifier: MIT
 *
 * What the files vmp-control-*.c share: one request of the control API with what was read of it, the ways to answer,
 * and the table of endpoints of each. vmp-surface-control.c finds the endpoint, checks method and body, and calls
 * it; openapi.json is printed from the same tables. Nobody outside the control surface includes this.
 */

#pragma once

#include "gateway/vmp-document.h"
#include "gateway/vmp-gateway-private.h"

#include <libsoup/soup.h>

G_BEGIN_DECLS

/* A part of a path, "{id}" in the table. */
#define VMP_CONTROL_PARAMETERS 2

typedef struct _VmpControlRequest VmpControlRequest;
typedef struct _VmpEndpoint VmpEndpoint;

/* Takes back whatever a waiting request has asked for: nothing may call with it afterwards. */
typedef void (*VmpControlStop) (VmpControlRequest *request);

/* One request. It lives until its handler returns, or, when that has called vmp_control_wait_for(), until it is
 * answered or stopped. */
struct _VmpControlRequest {
  VmpGateway *gateway;
  SoupServerMessage *message;
  const VmpEndpoint *endpoint;
  char *parameters[VMP_CONTROL_PARAMETERS]; /* percent-decoded */
  GHashTable *query;                        /* name -> value; NULL: none */
  JsonObject *body;                         /* checked against endpoint->fields; never NULL when there are fields */
  JsonNode *body_node;
  VmpNode *node;                            /* the one it is about, held; NULL */
  VmpHost *host;                            /* the same, of a model */
  VmpDiscoveryJob *job;                     /* the one whose end it waits for; NULL */
  GSource *list;                            /* makes the list that it waits for; NULL */
  GCancellable *cancellable;                /* of the change that it waits for; NULL */
  struct _VmpDoctorVisit *visit;            /* of the doctor, whose end it waits for; NULL */

  /* For vmp-surface-control.c alone. */
  VmpSurfaceControl *surface;
  VmpControlStop stop;
  char *stored_answer;
  guint stored_status;
  gboolean in_handler;
  gboolean waiting;
  gboolean answered;
};

struct _VmpEndpoint {
  const char *method;
  const char *path;             /* "/vampire/v1/nodes/{id}/approve" */
  void (*handle) (VmpControlRequest *request);
  const VmpField *fields;       /* of the body; NULL: takes none */
  const char *summary;          /* for openapi.json */
  const char *operation;        /* its operationId, "approveNode" */
  const VmpField *answer;       /* NULL: not described */
};

/* Tables, each ended by an entry without a method. */
extern const VmpEndpoint vmp_control_report_endpoints[];   /* status, models, health, welcome, events */
extern const VmpEndpoint vmp_control_node_endpoints[];
extern const VmpEndpoint vmp_control_discover_endpoints[];
extern const VmpEndpoint vmp_control_route_endpoints[];
extern const VmpEndpoint vmp_control_share_endpoints[];
extern const VmpEndpoint vmp_control_key_endpoints[];
extern const VmpEndpoint vmp_control_doctor_endpoints[];
extern const VmpEndpoint vmp_control_metric_endpoints[];
extern const VmpEndpoint vmp_control_trace_endpoints[];
extern const VmpEndpoint vmp_control_load_endpoints[];
extern const VmpEndpoint vmp_control_setting_endpoints[];
extern const VmpEndpoint vmp_control_openapi_endpoints[];

/* All tables, NULL-terminated. */
extern const VmpEndpoint * const vmp_control_tables[];

/* The OpenAPI document of such tables. (transfer full) */
char *vmp_control_print_openapi (const VmpEndpoint * const *tables);

/* -- Finding the endpoint -------------------------------------------------------------------- */

/* A path as it came, in its parts, each percent-decoded; the first one is empty. An encoded slash stays inside its
 * part. NULL when something in it is no percent-encoding or no UTF-8. (transfer full) */
char **vmp_control_split_path (const char *path);

/* Whether the parts of a path are those of a template. @parameters: (out): VMP_CONTROL_PARAMETERS places, for those in
 * braces, which are not empty; they belong to @parts */
gboolean vmp_control_match (const char         *template,
                            const char * const *parts,
                            const char        **parameters);

/* -- Answering, each once ------------------------------------------------------------------- */

/* @json: (transfer full) */
void vmp_control_answer (VmpControlRequest *request,
                         guint              status,
                         char              *json);

/* Ends @builder, which holds one value. */
void vmp_control_answer_built (VmpControlRequest *request,
                               guint              status,
                               JsonBuilder       *builder);

/* From the error table. @detail: (nullable): what older clients find there, when it is not @message */
void vmp_control_problem (VmpControlRequest *request,
                          VmpProblem         problem,
                          const char        *message,
                          const char        *detail);

/* A member of the body ("body") or of the query ("query") that is not as it should be: VMP_PROBLEM_INVALID_FIELD.
 * @field: (nullable): NULL when several contradict each other. @message: a whole sentence that names it. @detail:
 * (nullable): what older clients find there */
void vmp_control_invalid (VmpControlRequest *request,
                          const char        *place,
                          const char        *field,
                          const char        *message,
                          const char        *detail);

/* The answer comes later: vmp_control_answer*() or _problem() gives it, or @stop is called, and the request is gone,
 * when the client leaves or the surface goes away. Another call while it waits puts another @stop in the place of the
 * first one. */
void vmp_control_wait_for (VmpControlRequest *request,
                           VmpControlStop     stop);

/* Calls @func for all requests that wait; it may answer them. */
typedef void (*VmpControlFunc) (VmpControlRequest *request,
                                gpointer           user_data);
void vmp_control_for_each_waiting (VmpGateway    *gateway,
                                   VmpControlFunc func,
                                   gpointer       user_data);

/* A handler's change is made; answers with @status and @json (transfer full) when it is on disk, or with
 * VMP_PROBLEM_NOT_STORED. */
void vmp_control_answer_stored (VmpControlRequest *request,
                                guint              status,
                                char              *json);

/* The same with {"id": …, "status": …}. */
void vmp_control_answer_done (VmpControlRequest *request,
                              const char        *id,
                              const char        *status);

/* Adds what one item of a list is shown as: no value, one, or several. */
typedef void (*VmpControlBuild) (gpointer     item,
                                 JsonBuilder *builder);

/* Answers with the object that @builder holds, with a list as one more, last member. A long one is made in turns, so
 * that it holds up nobody else. @name: plain ASCII. @items: (transfer full): holds what it lists */
void vmp_control_answer_long (VmpControlRequest *request,
                              JsonBuilder       *builder,
                              const char        *name,
                              GPtrArray         *items,
                              VmpControlBuild    build);

/* The same for {"object": "list", "data": […]}. */
void vmp_control_answer_list (VmpControlRequest *request,
                              GPtrArray         *items,
                              VmpControlBuild    build);

/* The same at once, for lists that are short by their limits and whose items may go before the next turn. */
void vmp_control_answer_all (VmpControlRequest *request,
                             GPtrArray         *items,
                             VmpControlBuild    build);

/* -- Shared words ---------------------------------------------------------------------------- */

/* The node of parameter 0, which is request->node from now on, or NULL after having answered 404 "node not found". */
VmpNode *vmp_control_find_node (VmpControlRequest *request);

/* Whether a text may be the id of what is made. Else answers VMP_PROBLEM_INVALID_FIELD. */
gboolean vmp_control_check_id (VmpControlRequest *request,
                               const char        *id);

/* Numbers that are not known while they are 0, and null then: milliseconds, to the microsecond; anything else. */
void vmp_control_add_milliseconds (JsonBuilder *builder,
                                   const char  *name,
                                   double       value);
void vmp_control_add_rate (JsonBuilder *builder,
                           const char  *name,
                           double       value);

/* Adds a node as an object with all its members. @with_models: its ModelCards too. */
void vmp_control_build_node (VmpNode     *node,
                             gboolean     with_models,
                             JsonBuilder *builder);

/* Adds a node's models, each as an object that says where it is. */
void vmp_control_build_models (VmpNode     *node,
                               JsonBuilder *builder);

/* The node as one line of JSON without its models, for events. (transfer full) */
char *vmp_control_node_event (VmpNode      *node,
                              VmpNodeChange change);

/* ShareStatus. */
void vmp_control_build_share (VmpGateway  *gateway,
                              JsonBuilder *builder);

/* What a node is described as in openapi.json. */
extern const VmpField vmp_control_node_answer[];

/* To be called by the listener of the gateway's discovery: answers those who wait for the job, and publishes it. */
void vmp_control_job_changed (VmpGateway      *gateway,
                              VmpDiscoveryJob *job);

/* What the relay's loads tell of, for those who follow the events. */
void vmp_control_publish_load (VmpGateway         *gateway,
                               const VmpLoadEvent *event);

G_END_DECLS
