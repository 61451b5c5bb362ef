/* SPDX-License-Identifier: MIT
 *
 * The doctor's checks of the gateway itself and of the computer it runs on, one function each, and all checks in their
 * order.
 */

#include "gateway/vmp-doctor-private.h"

#include "core/vmp-json.h"
#include "core/vmp-text.h"

#include <string.h>

/* Characters of a name, an address or somebody else's sentence that are shown. */
#define SHOWN_CHARS 200

/* A clock that says less was never set. */
#define YEAR_2024 1704067200

static const char * const status_strings[VMP_N_CHECK_STATUSES] = {
  [VMP_CHECK_OK] = "ok",
  [VMP_CHECK_SKIPPED] = "skipped",
  [VMP_CHECK_WARNING] = "warning",
  [VMP_CHECK_PROBLEM] = "problem",
};

const char *
vmp_check_status_to_string (VmpCheckStatus status)
{
  g_return_val_if_fail ((guint) status < VMP_N_CHECK_STATUSES, NULL);

  return status_strings[status];
}

/* -- Writing a check -------------------------------------------------------------------------- */

static void
check_free (gpointer data)
{
  VmpDoctorCheck *check = data;

  g_free (check->message);
  g_free (check->remedy);
  g_free (check);
}

VmpDoctorCheck *
vmp_doctor_begin (GPtrArray  *checks,
                  const char *id,
                  const char *title)
{
  VmpDoctorCheck *check = g_new0 (VmpDoctorCheck, 1);

  check->id = id;
  check->title = title;
  g_ptr_array_add (checks, check);

  return check;
}

/* @sentence: (transfer full) */
static void
append_sentence (char **text,
                 char  *sentence)
{
  g_autofree char *former = *text;

  if (former == NULL)
    {
      *text = sentence;
      return;
    }

  *text = g_strconcat (former, " ", sentence, NULL);
  g_free (sentence);
}

void
vmp_doctor_say (VmpDoctorCheck *check,
                VmpCheckStatus  status,
                const char     *format,
                ...)
{
  va_list args;

  check->status = MAX (check->status, status);
  va_start (args, format);
  append_sentence (&check->message, g_strdup_vprintf (format, args));
  va_end (args);
}

void
vmp_doctor_advise (VmpDoctorCheck *check,
                   const char     *format,
                   ...)
{
  g_autofree char *sentence = NULL;
  va_list args;

  va_start (args, format);
  sentence = g_strdup_vprintf (format, args);
  va_end (args);

  if (check->remedy == NULL || strstr (check->remedy, sentence) == NULL)
    append_sentence (&check->remedy, g_steal_pointer (&sentence));
}

char *
vmp_doctor_show (const char *text)
{
  return vmp_text_display (text, SHOWN_CHARS);
}

char *
vmp_doctor_show_after (const char *text)
{
  g_autofree char *shown = NULL;

  if (text == NULL || *text == '\0')
    return g_strdup ("");

  shown = vmp_doctor_show (text);

  return g_strdup_printf (" %s%s", shown, g_str_has_suffix (shown, ".") ? "" : ".");
}

/* -- The checks ------------------------------------------------------------------------------- */

static void
check_keyring (const VmpDoctorFacts *facts,
               GPtrArray            *checks)
{
  VmpDoctorCheck *check = vmp_doctor_begin (checks, "keyring", "Keyring");
  g_autofree char *trouble = vmp_doctor_show_after (facts->keyring_trouble);

  switch (facts->keyring)
    {
    case VMP_KEYRING_OPEN:
      vmp_doctor_say (check, VMP_CHECK_OK, "Tokens are kept in the desktop's keyring.");
      break;

    case VMP_KEYRING_LOCKED:
      vmp_doctor_say (check, VMP_CHECK_WARNING,
                      "The desktop's keyring is locked: tokens in it cannot be read, and none can be added.");
      vmp_doctor_advise (check, "Have it opened with \"vampire nodes token unlock\": the desktop then asks for its "
                         "password.");
      break;

    case VMP_KEYRING_FILE:
      if (facts->file_is_wanted)
        {
          vmp_doctor_say (check, VMP_CHECK_OK,
                          "Tokens are kept in a file that only you can read, as the setting token_storage says.");
          break;
        }
      vmp_doctor_say (check, VMP_CHECK_WARNING,
                      "There is no keyring here; tokens are kept in a file that only you can read.");
      vmp_doctor_advise (check, "If that is as it should be, say so with \"vampire config set token_storage file\"; "
                         "otherwise install a keyring, such as gnome-keyring, and log in again.");
      break;

    case VMP_KEYRING_UNAVAILABLE:
      vmp_doctor_say (check, VMP_CHECK_PROBLEM, "Tokens cannot be kept.%s", trouble);
      vmp_doctor_advise (check, "Without a keyring that works, a file can be used: run \"vampire config set "
                         "token_storage file\".");
      break;

    case VMP_KEYRING_UNKNOWN:
    default:
      vmp_doctor_say (check, VMP_CHECK_SKIPPED, "It has not been needed yet.");
      break;
    }
}

static void
check_dnssd (const VmpDoctorFacts *facts,
             GPtrArray            *checks)
{
  VmpDoctorCheck *check = vmp_doctor_begin (checks, "dns_sd", "Discovery in the network");

  if (facts->dnssd == VMP_DNSSD_RUNNING)
    {
      vmp_doctor_say (check, VMP_CHECK_OK, "Avahi is running, so servers that announce themselves are found.");
    }
  else if (!facts->dnssd_is_wanted)
    {
      vmp_doctor_say (check, VMP_CHECK_SKIPPED,
                      "It is turned off: the setting dns_sd_types names nothing to look for.");
    }
  else
    {
      vmp_doctor_say (check, VMP_CHECK_WARNING, "Avahi is not running, so servers in this network are not found by "
                      "themselves, and others do not find this gateway.");
      if (facts->has_avahi)
        vmp_doctor_advise (check, "Start it with \"sudo systemctl start avahi-daemon\".");
      else
        vmp_doctor_advise (check, "Install it with \"sudo apt install avahi-daemon\".");
    }
}

/* Whether one of "127.0.0.1:7777", "[::1]:7777" begins so. */
static gboolean
listens_on (const char * const *addresses,
            const char         *host)
{
  for (; *addresses != NULL; addresses++)
    {
      if (g_str_has_prefix (*addresses, host))
        return TRUE;
    }

  return FALSE;
}

static void
check_listeners (const VmpDoctorFacts *facts,
                 GPtrArray            *checks)
{
  VmpDoctorCheck *check = vmp_doctor_begin (checks, "listeners", "Address and port");
  g_autofree char *list = g_strjoinv (" and ", (char **) facts->addresses);
  gboolean ipv4 = listens_on (facts->addresses, "127.0.0.1:");
  gboolean ipv6 = listens_on (facts->addresses, "[::1]:");

  if (facts->addresses[0] == NULL)
    {
      vmp_doctor_say (check, VMP_CHECK_PROBLEM, "Vampire does not listen any more: it is about to stop.");
    }
  else if (ipv4 != ipv6 && (!ipv4 || facts->has_ipv6))
    {
      vmp_doctor_say (check, VMP_CHECK_WARNING, "Vampire listens on %s, but not on %s: programs that are told "
                      "\"localhost\" may meet another program there.", list, ipv4 ? "[::1]" : "127.0.0.1");
      vmp_doctor_advise (check, "See which program has that port with \"ss -ltnp 'sport = :%u'\", end it, and start "
                         "Vampire again.", facts->port);
    }
  else
    {
      vmp_doctor_say (check, VMP_CHECK_OK, "Vampire listens on %s. OpenAI clients use http://%s/v1 as their base URL.",
                      list, facts->addresses[0]);
    }
}

static void
check_sharing (const VmpDoctorFacts *facts,
               GPtrArray            *checks)
{
  VmpDoctorCheck *check = vmp_doctor_begin (checks, "sharing", "Sharing");
  g_autofree char *list = g_strjoinv (" and ", (char **) facts->shared_addresses);
  g_autofree char *trouble = vmp_doctor_show_after (facts->share_trouble);

  if (!facts->sharing)
    {
      vmp_doctor_say (check, VMP_CHECK_SKIPPED, "It is off: only this computer uses Vampire.");
      return;
    }

  if (facts->shared_addresses[0] == NULL)
    {
      vmp_doctor_say (check, VMP_CHECK_PROBLEM, "Sharing is on, but other computers cannot connect.%s", trouble);
      vmp_doctor_advise (check, "Connect this computer to a network, or say which of its addresses to listen on with "
                         "\"vampire config set share_address ADDRESS\".");
      return;
    }

  if (facts->n_keys > 0)
    {
      vmp_doctor_say (check, *trouble != '\0' ? VMP_CHECK_WARNING : VMP_CHECK_OK,
                      "Other computers are let in at %s with a client key, of which there %s %u.%s", list,
                      facts->n_keys == 1 ? "is" : "are", facts->n_keys, trouble);
    }
  else
    {
      vmp_doctor_say (check, VMP_CHECK_WARNING,
                      "Sharing is on at %s, but there is no client key, so nobody is let in.%s", list, trouble);
      vmp_doctor_advise (check, "Make a key for each person or program that may use it, with \"vampire keys create "
                         "NAME\".");
    }
}

static void
check_firewall (const VmpDoctorFacts *facts,
                GPtrArray            *checks)
{
  VmpDoctorCheck *check = vmp_doctor_begin (checks, "firewall", "Firewall");

  if (!facts->sharing)
    {
      vmp_doctor_say (check, VMP_CHECK_SKIPPED, "It does not matter while sharing is off.");
      return;
    }

  switch (facts->firewall)
    {
    case VMP_FIREWALL_UFW:
      vmp_doctor_say (check, VMP_CHECK_WARNING, "A firewall (ufw) is on. Whether it lets other computers in at port %u "
                      "cannot be seen from here.", facts->port);
      vmp_doctor_advise (check, "If they cannot connect, run \"sudo ufw allow %u/tcp\".", facts->port);
      break;

    case VMP_FIREWALL_FIREWALLD:
      vmp_doctor_say (check, VMP_CHECK_WARNING, "A firewall (firewalld) is on. Whether it lets other computers in at "
                      "port %u cannot be seen from here.", facts->port);
      vmp_doctor_advise (check, "If they cannot connect, run \"sudo firewall-cmd --permanent --add-port=%u/tcp\" and "
                         "\"sudo firewall-cmd --reload\".", facts->port);
      break;

    case VMP_FIREWALL_NONE:
    default:
      vmp_doctor_say (check, VMP_CHECK_OK, "Neither ufw nor firewalld is on.");
      break;
    }
}

static void
check_clock (const VmpDoctorFacts *facts,
             GPtrArray            *checks)
{
  static const char remedy[] = "Let the network set it with \"sudo timedatectl set-ntp true\".";
  VmpDoctorCheck *check = vmp_doctor_begin (checks, "clock", "Clock");
  g_autoptr (GDateTime) now = g_date_time_new_from_unix_utc (facts->now);
  g_autofree char *today = now != NULL ? g_date_time_format (now, "%Y-%m-%d") : g_strdup ("no date");

  if (facts->now < YEAR_2024)
    {
      vmp_doctor_say (check, VMP_CHECK_PROBLEM, "This computer's clock is wrong (it says %s): keys and shares do not "
                      "end when they should, and nodes with https are refused.", today);
      vmp_doctor_advise (check, "%s", remedy);
    }
  else if (facts->clock_is_known && !facts->clock_is_synchronised)
    {
      vmp_doctor_say (check, VMP_CHECK_WARNING, "This computer's clock is not kept right by the network (it says %s): "
                      "keys and shares may end too early or too late.", today);
      vmp_doctor_advise (check, "%s", remedy);
    }
  else if (facts->clock_is_known)
    {
      vmp_doctor_say (check, VMP_CHECK_OK, "It is kept right by the network.");
    }
  else
    {
      vmp_doctor_say (check, VMP_CHECK_OK, "It says %s.", today);
    }
}

static void
check_store (const VmpDoctorFacts *facts,
             GPtrArray            *checks)
{
  VmpDoctorCheck *check = vmp_doctor_begin (checks, "store", "Database");
  g_autofree char *trouble = vmp_doctor_show_after (facts->store_trouble);
  g_autofree char *path = facts->store_set_aside != NULL ? vmp_doctor_show (facts->store_set_aside) : NULL;

  if (*trouble != '\0')
    {
      vmp_doctor_say (check, VMP_CHECK_PROBLEM, "Changes cannot be written, and are gone after a restart.%s", trouble);
      vmp_doctor_advise (check, "Make room on the disk, or see to it that you may write in Vampire's data directory.");
    }
  if (path != NULL)
    {
      vmp_doctor_say (check, VMP_CHECK_WARNING, "The database was damaged when Vampire started. It was set aside as "
                      "%s, and an empty one begun: nodes, routes, client keys and sharing have to be set up again.",
                      path);
      vmp_doctor_advise (check, "If you have a copy of vampire.db: stop Vampire, put it into the data directory, and "
                         "start Vampire again.");
    }
  if (check->message == NULL)
    vmp_doctor_say (check, VMP_CHECK_OK, "All changes can be written.");
}

GPtrArray *
vmp_doctor_examine (const VmpDoctorFacts *facts)
{
  GPtrArray *checks = g_ptr_array_new_with_free_func (check_free);

  vmp_doctor_check_default_node (facts, checks);
  vmp_doctor_check_other_nodes (facts, checks);
  vmp_doctor_check_pending (facts, checks);
  vmp_doctor_check_tokens (facts, checks);
  check_keyring (facts, checks);
  check_dnssd (facts, checks);
  check_listeners (facts, checks);
  check_sharing (facts, checks);
  check_firewall (facts, checks);
  check_clock (facts, checks);
  check_store (facts, checks);

  return checks;
}

void
vmp_doctor_build (GPtrArray   *checks,
                  JsonBuilder *builder)
{
  VmpCheckStatus worst = VMP_CHECK_OK;
  guint i;

  for (i = 0; i < checks->len; i++)
    {
      const VmpDoctorCheck *check = g_ptr_array_index (checks, i);

      if (check->status != VMP_CHECK_SKIPPED)
        worst = MAX (worst, check->status);
    }

  json_builder_begin_object (builder);
  vmp_json_add_string (builder, "object", "vampire.doctor");
  vmp_json_add_string (builder, "status", vmp_check_status_to_string (worst));
  json_builder_set_member_name (builder, "checks");
  json_builder_begin_array (builder);
  for (i = 0; i < checks->len; i++)
    {
      const VmpDoctorCheck *check = g_ptr_array_index (checks, i);

      json_builder_begin_object (builder);
      vmp_json_add_string (builder, "id", check->id);
      vmp_json_add_string (builder, "title", check->title);
      vmp_json_add_string (builder, "status", vmp_check_status_to_string (check->status));
      vmp_json_add_string (builder, "message", check->message);
      vmp_json_add_string (builder, "remedy", check->remedy);
      json_builder_end_object (builder);
    }
  json_builder_end_array (builder);
  json_builder_end_object (builder);
}
