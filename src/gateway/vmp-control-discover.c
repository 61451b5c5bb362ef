/* SPDX-License-Identifier: MIT
 *
 * The control API's searches for servers. A quick one is answered when it has ended; a long one is a job, to be
 * followed and cancelled.
 */

#include "gateway/vmp-control.h"

#include "core/vmp-limits.h"

/* -- Showing a job ------------------------------------------------------------------------- */

/* The nodes that were found and are still known. */
static void
build_found (VmpGateway            *gateway,
             const VmpDiscoveryJob *job,
             gboolean               with_models,
             JsonBuilder           *builder)
{
  guint i;

  json_builder_set_member_name (builder, "nodes");
  json_builder_begin_array (builder);
  for (i = 0; i < job->found->len; i++)
    {
      VmpNode *node = g_ptr_array_index (job->found, i);

      if (vmp_registry_find (gateway->registry, node->id) == node)
        vmp_control_build_node (node, with_models, builder);
    }
  json_builder_end_array (builder);
}

static void
build_job_members (const VmpDiscoveryJob *job,
                   JsonBuilder           *builder)
{
  vmp_json_add_string (builder, "id", job->id);
  vmp_json_add_string (builder, "state", vmp_job_state_to_string (job->state));
  json_builder_set_member_name (builder, "progress");
  json_builder_begin_object (builder);
  vmp_json_add_int (builder, "done", job->n_done);
  vmp_json_add_int (builder, "total", job->n_targets);
  json_builder_end_object (builder);
  vmp_json_add_int (builder, "found", job->found->len);
  vmp_json_add_time (builder, "started_at", job->started);
  vmp_json_add_time (builder, "ended_at", job->ended);
}

static void
build_job (VmpGateway            *gateway,
           const VmpDiscoveryJob *job,
           JsonBuilder           *builder)
{
  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "object", "vampire.discovery_job");
  build_job_members (job, builder);
  build_found (gateway, job, TRUE, builder);
  json_builder_end_object (builder);
}

static void
answer_job (VmpControlRequest     *request,
            guint                  status,
            const VmpDiscoveryJob *job)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  build_job (request->gateway, job, builder);
  vmp_control_answer_built (request, status, builder);
}

/* What was found is answered for when it is on disk, as any change is. */
static void
answer_result (VmpControlRequest     *request,
               const VmpDiscoveryJob *job)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "object", "vampire.discovery_result");
  build_found (request->gateway, job, TRUE, builder);
  json_builder_set_member_name (builder, "job");
  json_builder_begin_object (builder);
  build_job_members (job, builder);
  json_builder_end_object (builder);
  json_builder_end_object (builder);

  vmp_control_answer_stored (request, SOUP_STATUS_OK, vmp_json_builder_print (builder));
}

/* -- Waiting for one ----------------------------------------------------------------------- */

static void
answer_waiting (VmpControlRequest *request,
                gpointer           user_data)
{
  VmpDiscoveryJob *job = user_data;

  if (request->job != job)
    return;

  request->job = NULL;
  answer_result (request, job);
}

/* The search goes on; it finds nodes for everybody. */
static void
stop_waiting (VmpControlRequest *request)
{
  request->job = NULL;
}

void
vmp_control_job_changed (VmpGateway      *gateway,
                         VmpDiscoveryJob *job)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();

  json_builder_begin_object (builder);
  build_job_members (job, builder);
  json_builder_end_object (builder);
  vmp_events_add (gateway->events, "discovery", vmp_json_builder_print (builder));

  if (job->state != VMP_JOB_RUNNING)
    vmp_control_for_each_waiting (gateway, answer_waiting, job);
}

/* -- Starting one -------------------------------------------------------------------------- */

static VmpDiscoverMethods
read_methods (JsonObject *body)
{
  JsonArray *array = vmp_json_get_array (body, "methods");
  VmpDiscoverMethods chosen = array == NULL ? VMP_DISCOVER_LOCAL : 0;
  VmpDiscoverMethods method;
  guint i;

  for (i = 0; array != NULL && i < json_array_get_length (array); i++)
    {
      if (vmp_discover_method_from_string (json_array_get_string_element (array, i), &method))
        chosen |= method;
    }

  return chosen;
}

/* (transfer full): NULL with n_ports 0 when it was not given, and when it is empty, as the first seed has it */
static gboolean
read_ports (VmpControlRequest *request,
            guint16          **ports,
            guint             *n_ports)
{
  JsonArray *array = vmp_json_get_array (request->body, "ports");
  guint n = array != NULL ? json_array_get_length (array) : 0;
  guint i;

  *ports = n > 0 ? g_new (guint16, n) : NULL;
  *n_ports = n;
  for (i = 0; i < n; i++)
    {
      gint64 port = json_array_get_int_element (array, i);

      if (port < 1 || port > G_MAXUINT16)
        {
          vmp_control_invalid (request, "body", "ports", "Each of the ports must be from 1 to 65535.", NULL);
          return FALSE;
        }
      (*ports)[i] = port;
    }

  return TRUE;
}

/* The strings of a member; NULL when there are none. They belong to the body; (transfer container) */
static const char **
dup_strings (JsonObject *body,
             const char *name)
{
  JsonArray *array = vmp_json_get_array (body, name);
  guint n = array != NULL ? json_array_get_length (array) : 0;
  const char **strings;
  guint i;

  if (n == 0)
    return NULL;

  strings = g_new0 (const char *, n + 1);
  for (i = 0; i < n; i++)
    strings[i] = json_array_get_string_element (array, i);

  return strings;
}

/* The one of @targets that a sentence begins with, between two texts; NULL. */
static const char *
find_named (const char * const *targets,
            const char         *sentence,
            const char         *before,
            const char         *after)
{
  for (; targets != NULL && *targets != NULL; targets++)
    {
      g_autofree char *beginning = g_strconcat (before, *targets, after, NULL);

      if (g_str_has_prefix (sentence, beginning))
        return *targets;
    }

  return NULL;
}

static void
answer_refusal (VmpControlRequest        *request,
                const VmpDiscoverRequest *search,
                const GError             *error)
{
  const char *subnet = find_named (search->subnets, error->message, "Subnet ", " ");
  const char *target = find_named (search->base_urls, error->message, "Base URL '", "' ");
  g_autofree char *detail = NULL;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_BUSY))
    {
      vmp_control_problem (request, VMP_PROBLEM_BUSY, error->message, NULL);
      return;
    }

  if (subnet != NULL)
    detail = g_strdup_printf ("invalid subnet '%s': %s", subnet, error->message);
  else if (target != NULL)
    detail = g_strdup_printf ("disallowed discovery target '%s'", target);
  vmp_control_problem (request, VMP_PROBLEM_BAD_REQUEST, error->message, detail);
}

static void
handle_discover (VmpControlRequest *request)
{
  g_autofree const char **subnets = dup_strings (request->body, "subnets");
  g_autofree const char **base_urls = dup_strings (request->body, "base_urls");
  g_autofree guint16 *ports = NULL;
  g_autoptr (GError) error = NULL;
  VmpDiscoverRequest search = { 0 };
  gboolean background = FALSE;
  VmpDiscoveryJob *job;
  gint64 timeout;

  if (!read_ports (request, &ports, &search.n_ports))
    return;
  search.methods = read_methods (request->body);
  search.ports = ports;
  search.subnets = (const char * const *) subnets;
  search.base_urls = (const char * const *) base_urls;
  if (vmp_json_get_int (request->body, "timeout_ms", &timeout))
    search.timeout_ms = timeout;
  vmp_json_get_boolean (request->body, "trusted_only", &search.trusted_only);
  vmp_json_get_boolean (request->body, "background", &background);

  job = vmp_discovery_start (request->gateway->discovery, &search, &error);
  if (job == NULL)
    {
      answer_refusal (request, &search, error);
      return;
    }

  if (background || ((search.methods & VMP_DISCOVER_LAN_SCAN) && job->n_targets > VMP_LIMIT_DISCOVER_WAIT))
    {
      answer_job (request, SOUP_STATUS_ACCEPTED, job);
      return;
    }
  if (job->state != VMP_JOB_RUNNING)
    {
      answer_result (request, job);
      return;
    }

  request->job = job;
  vmp_control_wait_for (request, stop_waiting);
}

/* -- Jobs ---------------------------------------------------------------------------------- */

static VmpDiscoveryJob *
find_job (VmpControlRequest *request)
{
  VmpDiscoveryJob *job = vmp_discovery_find_job (request->gateway->discovery, request->parameters[0]);

  if (job == NULL)
    vmp_control_problem (request, VMP_PROBLEM_JOB_NOT_FOUND, "There is no search with this id, or it is long over.",
                         "job not found");

  return job;
}

static void
build_listed_job (gpointer     item,
                  JsonBuilder *builder)
{
  json_builder_begin_object (builder);
  build_job_members (item, builder);
  json_builder_end_object (builder);
}

static void
handle_list (VmpControlRequest *request)
{
  vmp_control_answer_all (request, vmp_discovery_get_jobs (request->gateway->discovery), build_listed_job);
}

static void
handle_get (VmpControlRequest *request)
{
  VmpDiscoveryJob *job = find_job (request);

  if (job != NULL)
    answer_job (request, SOUP_STATUS_OK, job);
}

static void
handle_cancel (VmpControlRequest *request)
{
  VmpDiscoveryJob *job = find_job (request);

  if (job == NULL)
    return;

  if (job->state == VMP_JOB_RUNNING)
    vmp_discovery_cancel (request->gateway->discovery, job);
  vmp_control_answer_done (request, request->parameters[0], vmp_job_state_to_string (job->state));
}

/* -- The table ----------------------------------------------------------------------------- */

static const char * const methods[] = { "local", "static", "lan_scan", "mdns", NULL };

static const VmpField discover_fields[] = {
  { "methods", VMP_FIELD_STRINGS, .nullable = TRUE, .max = 16, .values = methods,
    .about = "local: this computer's known ports. static: the nodes that are known. lan_scan: subnets. mdns: DNS-SD. "
             "Only local when it is not given." },
  { "subnets", VMP_FIELD_STRINGS, .nullable = TRUE, .max = VMP_LIMIT_SCAN_SUBNETS,
    .about = "For lan_scan, such as 192.168.1.0/24; those of this computer's private networks when it is not given." },
  { "ports", VMP_FIELD_INTS, .nullable = TRUE, .max = VMP_LIMIT_SCAN_PORTS,
    .about = "The known ones when it is not given." },
  { "timeout_ms", VMP_FIELD_INT, .nullable = TRUE, .min = 1, .max = VMP_LIMIT_DISCOVER_MS,
    .about = "For each address." },
  { "trusted_only", VMP_FIELD_BOOLEAN, .nullable = TRUE, .about = "Name only nodes that are trusted." },
  { "base_urls", VMP_FIELD_STRINGS, .nullable = TRUE, .max = VMP_LIMIT_DISCOVER_URLS,
    .about = "Further addresses to look at." },
  { "background", VMP_FIELD_BOOLEAN, .nullable = TRUE,
    .about = "Answer with the job at once, as for a scan of many addresses." },
  { NULL }
};

static const VmpField progress_fields[] = {
  { "done", VMP_FIELD_INT, TRUE },
  { "total", VMP_FIELD_INT, TRUE },
  { NULL }
};

#define JOB_FIELDS \
  { "id", VMP_FIELD_STRING, TRUE }, \
  { "state", VMP_FIELD_STRING, TRUE, .about = "running, done or cancelled." }, \
  { "progress", VMP_FIELD_OBJECT, TRUE, .members = progress_fields }, \
  { "found", VMP_FIELD_INT, TRUE }, \
  { "started_at", VMP_FIELD_STRING, TRUE }, \
  { "ended_at", VMP_FIELD_STRING, TRUE, TRUE }

static const VmpField job_fields[] = {
  JOB_FIELDS,
  { NULL }
};

static const VmpField job_answer[] = {
  { "object", VMP_FIELD_STRING, TRUE },
  JOB_FIELDS,
  { "nodes", VMP_FIELD_OBJECTS, TRUE, .members = vmp_control_node_answer },
  { NULL }
};

static const VmpField jobs_answer[] = {
  { "object", VMP_FIELD_STRING, TRUE },
  { "data", VMP_FIELD_OBJECTS, TRUE, .members = job_fields },
  { NULL }
};

static const VmpField result_answer[] = {
  { "object", VMP_FIELD_STRING, TRUE },
  { "nodes", VMP_FIELD_OBJECTS, TRUE, .members = vmp_control_node_answer },
  { "job", VMP_FIELD_OBJECT, TRUE, .members = job_fields },
  { NULL }
};

static const VmpField cancelled_answer[] = {
  { "id", VMP_FIELD_STRING, TRUE },
  { "status", VMP_FIELD_STRING, TRUE, .about = "cancelled; or done, when it was over before." },
  { NULL }
};

const VmpEndpoint vmp_control_discover_endpoints[] = {
  { "POST", "/vampire/v1/discover", handle_discover, discover_fields,
    "Looks for servers. What is found is pending until it is approved. A long search is answered with 202 and its job.",
    "discover", result_answer },
  { "GET", "/vampire/v1/discover/jobs", handle_list, NULL,
    "The last searches, the newest first.", "listDiscoveryJobs", jobs_answer },
  { "GET", "/vampire/v1/discover/jobs/{id}", handle_get, NULL,
    "One search, with what it has found so far.", "getDiscoveryJob", job_answer },
  { "DELETE", "/vampire/v1/discover/jobs/{id}", handle_cancel, NULL,
    "Ends a search.", "cancelDiscoveryJob", cancelled_answer },
  { NULL }
};
