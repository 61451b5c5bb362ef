/* SPDX-License-Identifier: MIT
 *
 * The doctor's checks of nodes: those that do not answer, ask for a token, or wait for a decision. Names and addresses
 * of nodes come from the network and are made plain here.
 */

#include "gateway/vmp-doctor-private.h"

#include <string.h>

/* Nodes that one check tells of; the rest is counted. */
#define TOLD_NODES 5

#define LMSTUDIO_PORT 1234
#define OLLAMA_PORT 11434

/* -- Words for a node ------------------------------------------------------------------------- */

/* What it is, or most probably is: people know their servers by their ports. */
static VmpProvider
guess_provider (const VmpNode *node)
{
  if (node->provider != VMP_PROVIDER_AUTO)
    return node->provider;
  if (node->provider_hint != VMP_PROVIDER_AUTO)
    return node->provider_hint;
  if (node->is_default || node->base_url->port == LMSTUDIO_PORT)
    return VMP_PROVIDER_LMSTUDIO;
  if (node->base_url->port == OLLAMA_PORT)
    return VMP_PROVIDER_OLLAMA;

  return VMP_PROVIDER_AUTO;
}

/* What is said about a node, made once for all sentences. */
typedef struct {
  char *id;        /* as it goes into a command */
  char *url;
  char *computer;  /* "this computer", "studio-mac" */
  char *subject;   /* "LM Studio on studio-mac", as a sentence begins */
  char *last_error;/* " The last look …." to follow a sentence, or "" */
} Words;

static char *
show_id (const char *id)
{
  static const char plain[] = G_CSET_A_2_Z G_CSET_a_2_z G_CSET_DIGITS "._:-";
  g_autofree char *shown = vmp_doctor_show (id);

  return strspn (shown, plain) == strlen (shown) ? g_steal_pointer (&shown) : g_shell_quote (shown);
}

static char *
show_computer (const VmpDoctorNode *subject)
{
  const VmpNode *node = subject->node;

  if (subject->is_here)
    return g_strdup ("this computer");
  if (node->host != NULL && *node->host != '\0')
    return vmp_doctor_show (node->host);

  return vmp_doctor_show (node->name != NULL && *node->name != '\0' ? node->name : node->base_url->host);
}

static void
words_init (Words               *self,
            const VmpDoctorNode *subject)
{
  VmpProvider provider = guess_provider (subject->node);
  gboolean has_name = provider != VMP_PROVIDER_AUTO && provider != VMP_PROVIDER_OPENAI_COMPATIBLE;

  self->id = show_id (subject->node->id);
  self->url = vmp_doctor_show (subject->node->base_url->text);
  self->computer = show_computer (subject);
  self->subject = g_strdup_printf ("%s on %s", has_name ? vmp_provider_get_name (provider) : "The server",
                                   self->computer);
  self->last_error = vmp_doctor_show_after (subject->node->last_error);
}

static void
words_clear (Words *self)
{
  g_free (self->id);
  g_free (self->url);
  g_free (self->computer);
  g_free (self->subject);
  g_free (self->last_error);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Words, words_clear)

/* -- Nodes that do not answer ----------------------------------------------------------------- */

/* Nothing listens there. On this computer that says all; on another one its server may be there, but for that computer
 * only. */
static void
explain_refusal (const VmpDoctorNode *subject,
                 const Words         *words,
                 VmpCheckStatus       status,
                 VmpDoctorCheck      *check)
{
  const VmpNode *node = subject->node;
  VmpProvider provider = guess_provider (node);

  if (subject->is_here)
    vmp_doctor_say (check, status, "Nothing listens at %s: %s is not running, or its server is switched off.",
                    words->url, words->subject);
  else
    vmp_doctor_say (check, status, "%s refuses connections at %s: it only listens on its own computer, or its server "
                    "is switched off.", words->subject, words->url);

  if (subject->is_here && provider == VMP_PROVIDER_LMSTUDIO)
    vmp_doctor_advise (check, "Start LM Studio, open its Developer tab and switch the server on.");
  else if (subject->is_here)
    vmp_doctor_advise (check, "Start it; or, if it is not used any more, run \"vampire nodes forget %s\".", words->id);
  else if (provider == VMP_PROVIDER_LMSTUDIO)
    vmp_doctor_advise (check, "On %s, open LM Studio's Developer tab, switch the server on, and turn on Serve on Local "
                       "Network in its Server Settings.", words->computer);
  else if (provider == VMP_PROVIDER_OLLAMA)
    vmp_doctor_advise (check, "On %s, set OLLAMA_HOST=0.0.0.0 for Ollama and start it again.", words->computer);
  else
    vmp_doctor_advise (check, "On %s, start the server so that it listens on the network, at the address 0.0.0.0.",
                       words->computer);

  if (subject->is_here && node->is_default)
    vmp_doctor_advise (check, "If it shows another port than %u there, tell Vampire with \"vampire config set "
                       "default_base_url http://localhost:PORT\".", node->base_url->port);
}

/* Somebody is there, and no model server. */
static void
explain_stranger (const VmpDoctorNode *subject,
                  const Words         *words,
                  VmpCheckStatus       status,
                  VmpDoctorCheck      *check)
{
  vmp_doctor_say (check, status, "Something takes connections at %s, but does not answer as a model server does.%s",
                  words->url, words->last_error);
  if (subject->is_here && subject->node->is_default)
    vmp_doctor_advise (check, "Perhaps another program has port %u. LM Studio's Developer tab shows which port its "
                       "server has; tell Vampire with \"vampire config set default_base_url "
                       "http://localhost:PORT\".", subject->node->base_url->port);
  else
    vmp_doctor_advise (check, "Look at it again with \"vampire nodes test %s\".", words->id);
}

/* A node that did not answer when it was last looked at, by what came of knocking. */
static void
explain_silence (const VmpDoctorNode *subject,
                 const Words         *words,
                 VmpCheckStatus       status,
                 VmpDoctorCheck      *check)
{
  switch (subject->knock)
    {
    case VMP_KNOCK_REFUSED:
      explain_refusal (subject, words, status, check);
      break;

    case VMP_KNOCK_OPENED:
      explain_stranger (subject, words, status, check);
      break;

    case VMP_KNOCK_UNKNOWN_NAME:
      vmp_doctor_say (check, status, "No computer with the name in %s is known in this network.", words->url);
      vmp_doctor_advise (check, "Is %s on and in this network? If it has another address now, run \"vampire nodes "
                         "update %s --base-url URL\".", words->computer, words->id);
      break;

    case VMP_KNOCK_NOT_ALLOWED:
      vmp_doctor_say (check, status, "The address of %s is one that Vampire does not connect to, such as a public one.",
                      words->url);
      vmp_doctor_advise (check, "If it is meant to be reached over the internet, run \"vampire config set "
                         "allow_public_nodes yes\".");
      break;

    case VMP_KNOCK_UNREACHABLE:
      vmp_doctor_say (check, status, "No network leads to %s at the moment.", words->url);
      vmp_doctor_advise (check, "Are this computer and %s on and in the same network?", words->computer);
      break;

    case VMP_KNOCK_SILENT:
      vmp_doctor_say (check, status, "%s does not answer at %s.", words->subject, words->url);
      if (subject->is_here)
        vmp_doctor_advise (check, "It may be busy; if it stays so, start it again.");
      else
        vmp_doctor_advise (check, "Is %s on, awake and in this network? If it is, its firewall may keep port %u "
                           "closed.", words->computer, subject->node->base_url->port);
      break;

    case VMP_KNOCK_NONE:
    default:
      vmp_doctor_say (check, status, "%s has not answered yet at %s.%s", words->subject, words->url, words->last_error);
      vmp_doctor_advise (check, "Look at it again with \"vampire nodes test %s\".", words->id);
      break;
    }
}

/* It answers, but requests fail. */
static void
explain_failures (const Words    *words,
                  VmpDoctorCheck *check)
{
  vmp_doctor_say (check, VMP_CHECK_WARNING,
                  "%s answers, but requests to it fail; it is left alone for a while and then tried again.%s",
                  words->subject, words->last_error);
  vmp_doctor_advise (check, "The log of that server says why.");
}

/* -- The default node ------------------------------------------------------------------------- */

static const VmpDoctorNode *
find_default (const VmpDoctorFacts *facts)
{
  guint i;

  for (i = 0; i < facts->n_nodes; i++)
    {
      if (facts->nodes[i].node->is_default)
        return &facts->nodes[i];
    }

  return NULL;
}

static gboolean
any_usable (const VmpDoctorFacts *facts)
{
  guint i;

  for (i = 0; i < facts->n_nodes; i++)
    {
      const VmpNode *node = facts->nodes[i].node;

      if (node->approval == VMP_APPROVAL_APPROVED && node->service == VMP_NODE_IN_SERVICE &&
          node->health == VMP_NODE_ONLINE)
        return TRUE;
    }

  return FALSE;
}

static void
check_online_default (const VmpNode  *node,
                      const Words    *words,
                      VmpDoctorCheck *check)
{
  guint n_models = node->inventory != NULL ? node->inventory->models->len : 0;

  if (node->inventory == NULL)
    {
      vmp_doctor_say (check, VMP_CHECK_OK, "%s answers at %s.", words->subject, words->url);
    }
  else if (n_models == 0)
    {
      vmp_doctor_say (check, VMP_CHECK_WARNING, "%s answers at %s, but has no models.", words->subject, words->url);
      vmp_doctor_advise (check, "Download a model there.");
    }
  else
    {
      vmp_doctor_say (check, VMP_CHECK_OK, "%s answers at %s and has %u %s.", words->subject, words->url, n_models,
                      n_models == 1 ? "model" : "models");
    }
}

void
vmp_doctor_check_default_node (const VmpDoctorFacts *facts,
                               GPtrArray            *checks)
{
  VmpDoctorCheck *check = vmp_doctor_begin (checks, "default_node", "Default node");
  const VmpDoctorNode *subject = find_default (facts);
  g_auto (Words) words = { NULL, };
  const VmpNode *node;

  if (subject == NULL)
    {
      vmp_doctor_say (check, VMP_CHECK_SKIPPED, "There is none.");
      return;
    }

  node = subject->node;
  words_init (&words, subject);
  if (node->approval != VMP_APPROVAL_APPROVED)
    {
      vmp_doctor_say (check, VMP_CHECK_SKIPPED, "It is not approved, so nothing is sent there.");
      vmp_doctor_advise (check, "To use it, run \"vampire nodes approve %s\".", words.id);
    }
  else if (node->service != VMP_NODE_IN_SERVICE)
    {
      vmp_doctor_say (check, VMP_CHECK_SKIPPED, "You have taken it out of service (%s), so nothing new is sent there.",
                      vmp_node_get_status (node));
      vmp_doctor_advise (check, "To use it again, run \"vampire nodes update %s --status online\".", words.id);
    }
  else if (node->health == VMP_NODE_ONLINE)
    {
      check_online_default (node, &words, check);
    }
  else if (node->health == VMP_NODE_DEGRADED)
    {
      explain_failures (&words, check);
    }
  else
    {
      explain_silence (subject, &words, any_usable (facts) ? VMP_CHECK_WARNING : VMP_CHECK_PROBLEM, check);
    }
}

/* -- Other nodes ------------------------------------------------------------------------------ */

/* Approved ones anywhere, and found ones on other computers: those could not be used either once they are approved. */
static gboolean
is_other_node (const VmpDoctorNode *subject)
{
  const VmpNode *node = subject->node;

  if (node->is_default || (node->service != VMP_NODE_IN_SERVICE && node->service != VMP_NODE_DRAINING))
    return FALSE;

  return node->approval == VMP_APPROVAL_APPROVED || (node->approval == VMP_APPROVAL_PENDING && !subject->is_here);
}

gboolean
vmp_doctor_wants_knock (const VmpDoctorNode *subject)
{
  const VmpNode *node = subject->node;

  if (node->health == VMP_NODE_ONLINE || node->health == VMP_NODE_DEGRADED)
    return FALSE;

  return node->is_default ? node->approval == VMP_APPROVAL_APPROVED && node->service == VMP_NODE_IN_SERVICE
                          : is_other_node (subject);
}

static void
explain_other_node (const VmpDoctorNode *subject,
                    VmpDoctorCheck      *check)
{
  const VmpNode *node = subject->node;
  VmpCheckStatus status = VMP_CHECK_WARNING;
  g_auto (Words) words = { NULL, };

  /* A computer that is off is how things are; one that is on and refuses is a mistake. */
  if (node->approval == VMP_APPROVAL_APPROVED && subject->knock == VMP_KNOCK_REFUSED && !subject->is_here)
    status = VMP_CHECK_PROBLEM;

  words_init (&words, subject);
  if (node->health == VMP_NODE_DEGRADED)
    explain_failures (&words, check);
  else
    explain_silence (subject, &words, status, check);
}

void
vmp_doctor_check_other_nodes (const VmpDoctorFacts *facts,
                              GPtrArray            *checks)
{
  VmpDoctorCheck *check = vmp_doctor_begin (checks, "lan_nodes", "Other nodes");
  guint n_well = 0;
  guint n_ill = 0;
  guint i;

  for (i = 0; i < facts->n_nodes; i++)
    {
      if (!is_other_node (&facts->nodes[i]))
        continue;

      if (facts->nodes[i].node->health == VMP_NODE_ONLINE)
        n_well++;
      else if (n_ill++ < TOLD_NODES)
        explain_other_node (&facts->nodes[i], check);
    }

  if (n_ill > TOLD_NODES)
    {
      vmp_doctor_say (check, VMP_CHECK_WARNING, "%u more %s not well.", n_ill - TOLD_NODES,
                      n_ill == TOLD_NODES + 1 ? "is" : "are");
      vmp_doctor_advise (check, "See all with \"vampire nodes\".");
    }
  else if (n_ill == 0 && n_well == 0)
    {
      vmp_doctor_say (check, VMP_CHECK_SKIPPED, "There are none.");
      vmp_doctor_advise (check, "Look for some in this network with \"vampire discover --method mdns --method "
                         "lan_scan\".");
    }
  else if (n_ill == 0)
    {
      vmp_doctor_say (check, VMP_CHECK_OK, n_well == 1 ? "%u other node answers." : "%u other nodes answer.", n_well);
    }
}

void
vmp_doctor_check_pending (const VmpDoctorFacts *facts,
                          GPtrArray            *checks)
{
  VmpDoctorCheck *check = vmp_doctor_begin (checks, "pending", "Approvals");
  guint n_found = 0;
  guint n_changed = 0;
  guint i;

  for (i = 0; i < facts->n_nodes; i++)
    {
      const VmpNode *node = facts->nodes[i].node;

      if (node->approval != VMP_APPROVAL_PENDING)
        continue;

      if (node->pending_reason == NULL)
        {
          n_found++;
        }
      else if (n_changed++ < TOLD_NODES)
        {
          g_autofree char *label = vmp_doctor_show (vmp_node_get_label (node));
          g_autofree char *reason = vmp_doctor_show_after (node->pending_reason);

          vmp_doctor_say (check, VMP_CHECK_WARNING, "%s is not approved any more.%s", label, reason);
        }
    }

  if (n_changed > TOLD_NODES)
    vmp_doctor_say (check, VMP_CHECK_WARNING, "%u more %s not approved any more either.", n_changed - TOLD_NODES,
                    n_changed == TOLD_NODES + 1 ? "is" : "are");
  if (n_found == 1)
    vmp_doctor_say (check, VMP_CHECK_WARNING, "1 server was found and waits for your approval.");
  else if (n_found > 1)
    vmp_doctor_say (check, VMP_CHECK_WARNING, "%u servers were found and wait for your approval.", n_found);

  if (check->message == NULL)
    vmp_doctor_say (check, VMP_CHECK_OK, "No node waits for your approval.");
  else
    vmp_doctor_advise (check, "See which with \"vampire nodes\", then decide with \"vampire nodes approve ID\" or "
                       "\"vampire nodes block ID\".");
}

/* -- Tokens ----------------------------------------------------------------------------------- */

static void
advise_token (const VmpDoctorNode *subject,
              const Words         *words,
              VmpDoctorCheck      *check)
{
  if (guess_provider (subject->node) == VMP_PROVIDER_LMSTUDIO)
    vmp_doctor_advise (check, "On %s, make one in LM Studio (Developer tab, Server Settings, Manage Tokens), then run "
                       "\"vampire nodes token set %s\".", words->computer, words->id);
  else
    vmp_doctor_advise (check, "Ask whoever runs it for one, then run \"vampire nodes token set %s\".", words->id);
}

/* TRUE when its token is what keeps a node from being used. */
static gboolean
check_token (const VmpDoctorNode *subject,
             gboolean             tell,
             VmpDoctorCheck      *check)
{
  g_auto (Words) words = { NULL, };

  switch (subject->node->token_state)
    {
    case VMP_TOKEN_NEEDED:
    case VMP_TOKEN_REFUSED:
    case VMP_TOKEN_LOCKED:
      break;

    case VMP_TOKEN_SET:
    case VMP_TOKEN_NOT_NEEDED:
    default:
      return FALSE;
    }

  if (!tell)
    return TRUE;

  words_init (&words, subject);
  if (subject->node->token_state == VMP_TOKEN_LOCKED)
    {
      vmp_doctor_say (check, VMP_CHECK_PROBLEM, "The token for %s is in the keyring, which is locked.", words.computer);
      vmp_doctor_advise (check, "Unlock the keyring.");
      return TRUE;
    }

  if (subject->node->token_state == VMP_TOKEN_NEEDED)
    vmp_doctor_say (check, VMP_CHECK_PROBLEM, "%s asks for a token, and Vampire has none for it.", words.subject);
  else
    vmp_doctor_say (check, VMP_CHECK_PROBLEM, "%s refuses the token that Vampire has for it; it may have been revoked.",
                    words.subject);
  advise_token (subject, &words, check);

  return TRUE;
}

/* Whether everybody on the network can use it: it gave its list to us, who have no token for it. What listens on this
 * computer alone cannot be told from here, so nothing is said of it. */
static gboolean
is_open_to_all (const VmpDoctorNode *subject)
{
  const VmpNode *node = subject->node;

  return !subject->is_here && node->health == VMP_NODE_ONLINE && node->inventory != NULL && node->token == NULL
         && node->token_state == VMP_TOKEN_NOT_NEEDED;
}

static void
explain_openness (const VmpDoctorNode *subject,
                  VmpDoctorCheck      *check)
{
  VmpProvider provider = guess_provider (subject->node);
  g_auto (Words) words = { NULL, };

  words_init (&words, subject);
  vmp_doctor_say (check, VMP_CHECK_WARNING, "%s answers anyone on the network without a token.", words.subject);
  if (provider == VMP_PROVIDER_LMSTUDIO)
    vmp_doctor_advise (check, "On %s, turn on Require Authentication in LM Studio (Developer tab, Server Settings), "
                       "make a token there under Manage Tokens, then run \"vampire nodes token set %s\".",
                       words.computer, words.id);
  else if (provider == VMP_PROVIDER_OLLAMA)
    vmp_doctor_advise (check, "Ollama knows no tokens: have the firewall of %s let in only this computer.",
                       words.computer);
  else
    vmp_doctor_advise (check, "If that is not meant to be so, have it ask for a token and run \"vampire nodes token "
                       "set %s\", or have the firewall of %s let in only this computer.", words.id, words.computer);
}

void
vmp_doctor_check_tokens (const VmpDoctorFacts *facts,
                         GPtrArray            *checks)
{
  VmpDoctorCheck *check = vmp_doctor_begin (checks, "tokens", "Tokens of nodes");
  guint n_set = 0;
  guint n_ill = 0;
  guint n_open = 0;
  guint i;

  for (i = 0; i < facts->n_nodes; i++)
    {
      if (facts->nodes[i].node->approval != VMP_APPROVAL_APPROVED)
        continue;

      n_set += facts->nodes[i].node->token_state == VMP_TOKEN_SET;
      n_ill += check_token (&facts->nodes[i], n_ill < TOLD_NODES, check);
      if (is_open_to_all (&facts->nodes[i]) && n_open++ < TOLD_NODES)
        explain_openness (&facts->nodes[i], check);
    }

  if (n_ill > TOLD_NODES)
    {
      vmp_doctor_say (check, VMP_CHECK_PROBLEM, "For %u more the token is missing, refused or locked too.",
                      n_ill - TOLD_NODES);
      vmp_doctor_advise (check, "See all with \"vampire nodes\".");
    }
  if (n_open > TOLD_NODES)
    vmp_doctor_say (check, VMP_CHECK_WARNING, "%u more %s anyone.", n_open - TOLD_NODES,
                    n_open == TOLD_NODES + 1 ? "answers" : "answer");

  if (check->message == NULL && n_set > 0)
    vmp_doctor_say (check, VMP_CHECK_OK, "Each node that asks for a token has one that it takes.");
  else if (check->message == NULL)
    vmp_doctor_say (check, VMP_CHECK_OK, "No node asks for one.");
}
