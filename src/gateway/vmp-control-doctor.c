/* SPDX-License-Identifier: MIT
 *
 * GET /vampire/v1/doctor: has the nodes looked at, knocks at those that do not answer to learn why, gathers what else
 * vmp-doctor.c judges by, and answers. To knock is to connect and to hang up again: nothing is sent.
 */

#include "gateway/vmp-control.h"

#include "core/vmp-limits.h"
#include "gateway/vmp-doctor.h"

#include <string.h>
#ifdef __linux__
#include <sys/timex.h>
#endif

typedef struct _VmpDoctorVisit VmpDoctorVisit;

/* A node that does not answer. */
typedef struct {
  VmpDoctorVisit *visit;
  VmpNode *node;
  VmpKnock result;
} Knock;

/* One look at everything. It lives until nothing of it is under way; the request may be stopped before that. */
struct _VmpDoctorVisit {
  VmpControlRequest *request;  /* NULL: nobody waits for it any more */
  gboolean refreshing;         /* the nodes are being looked at */
  guint n_running;             /* things under way, that being one of them */
  GPtrArray *knocks;           /* of Knock */
  GSocketClient *client;
  GCancellable *cancellable;   /* of the knocks */
  VmpTimer deadline;
};

/* -- Facts about this computer ---------------------------------------------------------------- */

/* The keys of nodes' addresses have one spelling for this computer's. */
static gboolean
is_here (const VmpNode *node)
{
  const char *host = strstr (node->url_key, "://");

  return host != NULL && g_str_has_prefix (host, "://localhost:");
}

static gboolean
ufw_is_on (void)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;

  /* Its file stays when the program is removed. */
  if (!g_file_test ("/usr/sbin/ufw", G_FILE_TEST_IS_EXECUTABLE)
      || !g_file_get_contents ("/etc/ufw/ufw.conf", &text, NULL, NULL))
    return FALSE;

  lines = g_strsplit (text, "\n", -1);

  return g_strv_contains ((const char * const *) lines, "ENABLED=yes");
}

static VmpFirewall
find_firewall (void)
{
  if (ufw_is_on ())
    return VMP_FIREWALL_UFW;
  if (g_file_test ("/run/firewalld", G_FILE_TEST_EXISTS) || g_file_test ("/run/firewalld.pid", G_FILE_TEST_EXISTS))
    return VMP_FIREWALL_FIREWALLD;

  return VMP_FIREWALL_NONE;
}

static void
look_at_clock (VmpDoctorFacts *facts)
{
#ifdef __linux__
  struct timex state = { 0 };

  facts->clock_is_known = adjtimex (&state) >= 0;
  facts->clock_is_synchronised = facts->clock_is_known && (state.status & STA_UNSYNC) == 0;
#endif
  facts->now = g_get_real_time () / G_USEC_PER_SEC;
}

/* -- The answer ------------------------------------------------------------------------------- */

static VmpKnock
find_knock (VmpDoctorVisit *visit,
            const VmpNode  *node)
{
  guint i;

  for (i = 0; i < visit->knocks->len; i++)
    {
      const Knock *knock = g_ptr_array_index (visit->knocks, i);

      if (knock->node == node)
        return knock->result;
    }

  return VMP_KNOCK_NONE;
}

static void
answer (VmpDoctorVisit *visit)
{
  VmpControlRequest *request = visit->request;
  VmpGateway *gateway = request->gateway;
  GPtrArray *nodes = vmp_registry_get_nodes (gateway->registry);
  g_autofree VmpDoctorNode *subjects = g_new (VmpDoctorNode, nodes->len);
  g_auto (GStrv) own_addresses = vmp_interfaces_dup_addresses ();
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();
  g_autoptr (GPtrArray) checks = NULL;
  VmpDoctorFacts facts = {
    .nodes = subjects,
    .n_nodes = nodes->len,
    .keyring = vmp_token_vault_get_state (gateway->vault),
    .keyring_trouble = vmp_token_vault_get_trouble (gateway->vault),
    .file_is_wanted = gateway->settings->token_storage == VMP_TOKEN_STORAGE_FILE,
    .dnssd = vmp_discovery_get_dnssd_state (gateway->discovery),
    .dnssd_is_wanted = gateway->settings->dns_sd_types[0] != NULL,
    .has_avahi = g_file_test ("/usr/sbin/avahi-daemon", G_FILE_TEST_IS_EXECUTABLE),
    .port = vmp_doors_get_port (gateway->doors),
    .addresses = vmp_doors_get_addresses (gateway->doors),
    .has_ipv6 = g_strv_contains ((const char * const *) own_addresses, "::1"),
    .sharing = vmp_share_is_open (gateway->share),
    .shared_addresses = vmp_doors_get_shared_addresses (gateway->doors),
    .share_trouble = vmp_doors_get_trouble (gateway->doors),
    .n_keys = vmp_client_keys_get_all (gateway->keys)->len,
    .firewall = find_firewall (),
    .store_set_aside = vmp_store_get_set_aside (gateway->store),
    .store_trouble = vmp_store_get_trouble (gateway->store),
  };
  guint i;

  for (i = 0; i < nodes->len; i++)
    {
      const VmpNode *node = g_ptr_array_index (nodes, i);

      subjects[i] = (VmpDoctorNode) { .node = node, .is_here = is_here (node), .knock = find_knock (visit, node) };
    }
  look_at_clock (&facts);

  checks = vmp_doctor_examine (&facts);
  vmp_doctor_build (checks, builder);
  visit->request = NULL;
  vmp_control_answer_built (request, SOUP_STATUS_OK, builder);
}

/* -- Knocking --------------------------------------------------------------------------------- */

static void
knock_free (gpointer data)
{
  Knock *knock = data;

  vmp_node_unref (knock->node);
  g_free (knock);
}

/* Something of it is over. The last thing ends the visit. */
static void
visit_step (VmpDoctorVisit *visit)
{
  if (--visit->n_running > 0)
    return;

  if (visit->request != NULL)
    {
      vmp_poll_clear_timer (visit->request->gateway->poll, &visit->deadline);
      answer (visit);
    }
  g_ptr_array_unref (visit->knocks);
  g_object_unref (visit->client);
  g_object_unref (visit->cancellable);
  g_free (visit);
}

static void
note (Knock   *knock,
      VmpKnock result)
{
  knock->result = MAX (knock->result, result);
}

static VmpKnock
judge (const GError *error)
{
  if (error == NULL)
    return VMP_KNOCK_OPENED;
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CONNECTION_REFUSED))
    return VMP_KNOCK_REFUSED;
  /* A host is also unreachable when nobody in its network says to have the address: it is switched off. */
  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED)
      || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT)
      || g_error_matches (error, G_IO_ERROR, G_IO_ERROR_HOST_UNREACHABLE))
    return VMP_KNOCK_SILENT;

  return VMP_KNOCK_UNREACHABLE;
}

static void
connected_cb (GObject      *source,
              GAsyncResult *result,
              gpointer      user_data)
{
  Knock *knock = user_data;
  g_autoptr (GError) error = NULL;
  g_autoptr (GSocketConnection) connection = NULL;

  connection = g_socket_client_connect_finish (G_SOCKET_CLIENT (source), result, &error);
  note (knock, judge (error));
  visit_step (knock->visit);
}

/* The same rules hold as for requests: an address that a node's approval does not cover is left alone. */
static void
knock_at (Knock          *knock,
          GSocketAddress *address)
{
  VmpDoctorVisit *visit = knock->visit;
  VmpRegistry *registry = visit->request->gateway->registry;
  VmpReach reach;

  vmp_node_get_reach (knock->node, vmp_registry_get_public_allowed (registry), &reach);
  if (!vmp_reach_allows (&reach, g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (address))))
    {
      note (knock, VMP_KNOCK_NOT_ALLOWED);
      return;
    }

  visit->n_running++;
  g_socket_client_connect_async (visit->client, G_SOCKET_CONNECTABLE (address), visit->cancellable, connected_cb,
                                 knock);
}

static void
resolved_cb (GObject      *source,
             GAsyncResult *result,
             gpointer      user_data)
{
  Knock *knock = user_data;
  g_autoptr (GError) error = NULL;
  GList *addresses = g_resolver_lookup_by_name_finish (G_RESOLVER (source), result, &error);
  GList *link;

  if (error != NULL)
    note (knock, g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED) ? VMP_KNOCK_SILENT : VMP_KNOCK_UNKNOWN_NAME);
  for (link = addresses; link != NULL && knock->visit->request != NULL; link = link->next)
    {
      g_autoptr (GSocketAddress) address = g_inet_socket_address_new (link->data, knock->node->base_url->port);

      knock_at (knock, address);
    }
  g_resolver_free_addresses (addresses);
  visit_step (knock->visit);
}

static void
start_knock (VmpDoctorVisit *visit,
             VmpNode        *node)
{
  Knock *knock = g_new0 (Knock, 1);
  const VmpBaseUrl *base_url = node->base_url;
  g_autoptr (GSocketAddress) address = g_inet_socket_address_new_from_string (base_url->host, base_url->port);
  g_autoptr (GResolver) resolver = NULL;

  knock->visit = visit;
  knock->node = vmp_node_ref (node);
  g_ptr_array_add (visit->knocks, knock);
  if (address != NULL)
    {
      knock_at (knock, address);
      return;
    }

  resolver = g_resolver_get_default ();
  visit->n_running++;
  g_resolver_lookup_by_name_async (resolver, base_url->host, visit->cancellable, resolved_cb, knock);
}

/* Who has not said anything by now is silent. */
static void
deadline_cb (gpointer user_data)
{
  VmpDoctorVisit *visit = user_data;

  g_cancellable_cancel (visit->cancellable);
}

static void
refreshed_cb (gpointer user_data)
{
  VmpDoctorVisit *visit = user_data;
  VmpGateway *gateway = visit->request->gateway;
  GPtrArray *nodes = vmp_registry_get_nodes (gateway->registry);
  guint i;

  visit->refreshing = FALSE;
  for (i = 0; i < nodes->len && visit->knocks->len < VMP_LIMIT_KNOCKS; i++)
    {
      VmpNode *node = g_ptr_array_index (nodes, i);
      VmpDoctorNode subject = { .node = node, .is_here = is_here (node) };

      if (vmp_doctor_wants_knock (&subject))
        start_knock (visit, node);
    }

  vmp_poll_set_timer (gateway->poll, &visit->deadline, g_get_monotonic_time () + VMP_LIMIT_KNOCK_MS * 1000, deadline_cb,
                      visit);
  visit_step (visit);
}

/* -- The endpoint ----------------------------------------------------------------------------- */

static void
stop_visit (VmpControlRequest *request)
{
  VmpDoctorVisit *visit = request->visit;

  visit->request = NULL;
  if (visit->refreshing)
    {
      vmp_health_forget_caller (request->gateway->health, visit);
      visit_step (visit);
      return;
    }

  vmp_poll_clear_timer (request->gateway->poll, &visit->deadline);
  g_cancellable_cancel (visit->cancellable);
}

static void
handle_doctor (VmpControlRequest *request)
{
  VmpDoctorVisit *visit = g_new0 (VmpDoctorVisit, 1);

  visit->request = request;
  visit->refreshing = TRUE;
  visit->n_running = 1;
  visit->knocks = g_ptr_array_new_with_free_func (knock_free);
  visit->client = g_socket_client_new ();
  g_socket_client_set_enable_proxy (visit->client, FALSE);
  visit->cancellable = g_cancellable_new ();
  request->visit = visit;

  vmp_control_wait_for (request, stop_visit);
  vmp_health_refresh_stale (request->gateway->health, VMP_LIMIT_REFRESH_MS, refreshed_cb, visit);
}

static const char * const overall_statuses[] = { "ok", "warning", "problem", NULL };
static const char * const check_statuses[] = { "ok", "warning", "problem", "skipped", NULL };

static const VmpField check_fields[] = {
  { "id", VMP_FIELD_STRING, TRUE, .about = "For programs: default_node, lan_nodes, tokens, …" },
  { "title", VMP_FIELD_STRING, TRUE },
  { "status", VMP_FIELD_STRING, TRUE, .values = check_statuses },
  { "message", VMP_FIELD_STRING, TRUE, .about = "What was found, in sentences." },
  { "remedy", VMP_FIELD_STRING, TRUE, TRUE, .about = "What to do about it." },
  { NULL }
};

static const VmpField doctor_answer[] = {
  { "object", VMP_FIELD_STRING, TRUE },
  { "status", VMP_FIELD_STRING, TRUE, .values = overall_statuses, .about = "The worst of the checks'." },
  { "checks", VMP_FIELD_OBJECTS, TRUE, .members = check_fields },
  { NULL }
};

const VmpEndpoint vmp_control_doctor_endpoints[] = {
  { "GET", "/vampire/v1/doctor", handle_doctor, NULL,
    "Looks at all that the gateway needs, and says what to do about what is wrong.", "getDoctor", doctor_answer },
  { NULL }
};
