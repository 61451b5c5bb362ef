/* SPDX-License-Identifier: MIT
 *
 * Finds the verb on the command line, and explains verbs. What a verb does is in its own file.
 */

#include "cli/vmp-cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/vmp-text.h"
#include "vmp-config.h"

/* Characters of a word of the command line that a message repeats. */
#define SHOWN_CHARS 100

static int run_help (const char * const *args);
static char *help_help (void);

static const struct {
  const char *name;
  const char *arguments;
  const char *summary;
  const VmpCliCommand *commands; /* or, for a verb that has none: */
  int (*run) (const char * const *args);
  char *(*help) (void); /* what follows the usage line and the summary */
} verbs[] = {
  { "serve", "[flags]", "Run the gateway until it is told to stop.", NULL, vmp_cli_serve, vmp_cli_serve_help },
  { "status", "[flags]", "Show how the gateway is.", vmp_cli_status_commands },
  { "doctor", "[flags]", "Look for what is wrong, and say what to do.", vmp_cli_doctor_commands },
  { "pause", "[flags]", "Refuse all requests until it is resumed.", vmp_cli_pause_commands },
  { "resume", "[flags]", "Answer requests again.", vmp_cli_resume_commands },
  { "discover", "[flags]", "Look for nodes.", vmp_cli_discover_commands },
  { "nodes", "[verb] [flags]", "Know, approve and look after nodes.", vmp_cli_nodes_commands },
  { "models", "[verb] [flags]", "List, load and unload models.", vmp_cli_models_commands },
  { "requests", "[verb]", "Show requests, and end one that runs.", vmp_cli_requests_commands },
  { "explain", "ID [flags]", "Say how a request was decided and ended.", vmp_cli_explain_commands },
  { "top", "[flags]", "Watch nodes, models and requests.", vmp_cli_top_commands },
  { "metrics", "[flags]", "Show counts of requests, errors and speed.", vmp_cli_metrics_commands },
  { "route", "[verb] [flags]", "Know and change the virtual models.", vmp_cli_route_commands },
  { "share", "MODE [on|off]", "Let other computers use this gateway, or stop it.", vmp_cli_share_commands },
  { "clients", "[flags]", "Show the other computers that are connected.", vmp_cli_clients_commands },
  { "keys", "[verb] [flags]", "Make and revoke keys for other people.", vmp_cli_keys_commands },
  { "events", "[flags]", "Follow what happens, a line of JSON each.", vmp_cli_events_commands },
  { "config", "[verb]", "Show and change the settings.", vmp_cli_config_commands },
  { "dashboard", "[--open]", "Print where the gateway is, or open it.", vmp_cli_dashboard_commands },
  { "ui", "[--open]", "The same as dashboard.", vmp_cli_dashboard_commands },
  { "help", "[verb]", "Explain Vampire or one of its verbs.", NULL, run_help, help_help },
};

int
vmp_cli_fail (int         status,
              const char *format,
              ...)
{
  va_list args;

  va_start (args, format);
  fputs ("vampire: ", stderr);
  vfprintf (stderr, format, args);
  fputc ('\n', stderr);
  va_end (args);

  return status;
}

int
vmp_cli_print (const char *text)
{
  if (fputs (text, stdout) == EOF || fflush (stdout) == EOF)
    return vmp_cli_fail (VMP_EXIT_FAILED, "The output cannot be written: %s.", g_strerror (errno));

  return VMP_EXIT_DONE;
}

/* The first lines that anyone sees. (transfer full) */
static char *
overview (void)
{
  GString *text = g_string_new ("Vampire puts LM Studio behind http://localhost:7777/v1\n\nUsage:\n");

  for (gsize i = 0; i < G_N_ELEMENTS (verbs); i++)
    {
      g_autofree char *call = g_strdup_printf ("vampire %s %s", verbs[i].name, verbs[i].arguments);

      g_string_append_printf (text, "  %-31s%s\n", call, verbs[i].summary);
    }

  g_string_append (text, "  vampire --version              Print the version.\n");

  return g_string_free (text, FALSE);
}

/* Returns the index of the verb, or -1 after having said that there is none. */
static gssize
find_verb (const char *name)
{
  const char *names[G_N_ELEMENTS (verbs) + 1] = { NULL };
  g_autofree char *shown = vmp_text_display (name, SHOWN_CHARS);
  const char *nearest;

  for (gsize i = 0; i < G_N_ELEMENTS (verbs); i++)
    {
      if (strcmp (verbs[i].name, name) == 0)
        return i;
      names[i] = verbs[i].name;
    }

  nearest = vmp_text_nearest (name, names);
  if (name[0] == '-')
    vmp_cli_fail (VMP_EXIT_USAGE, "There is no flag %s here; flags follow the verb: \"vampire serve --port=9000\".",
                  shown);
  else if (nearest != NULL)
    vmp_cli_fail (VMP_EXIT_USAGE, "There is no verb %s; did you mean \"vampire %s\"?", shown, nearest);
  else
    vmp_cli_fail (VMP_EXIT_USAGE, "There is no verb %s; see \"vampire help\".", shown);

  return -1;
}

static char *
help_help (void)
{
  return g_strdup ("Without a verb it lists them all.\n");
}

static int
explain (gsize i)
{
  g_autofree char *help = verbs[i].commands != NULL ? vmp_cli_command_help (verbs[i].name, verbs[i].commands)
                                                    : verbs[i].help ();
  g_autofree char *text = g_strdup_printf ("Usage: vampire %s %s\n\n%s\n%s",
                                           verbs[i].name, verbs[i].arguments, verbs[i].summary, help);

  return vmp_cli_print (text);
}

static int
run_help (const char * const *args)
{
  g_autofree char *text = NULL;
  gssize i;

  if (args[0] == NULL)
    {
      text = overview ();
      return vmp_cli_print (text);
    }

  i = find_verb (args[0]);

  return i < 0 ? VMP_EXIT_USAGE : explain (i);
}

static gboolean
asks_for_help (const char *word)
{
  return strcmp (word, "--help") == 0 || strcmp (word, "-h") == 0;
}

/* A descriptor 0, 1 or 2 that our parent closed would be given to the next socket, and then the log would be
 * written to a client. */
static void
hold_standard_descriptors (void)
{
  int fd;

  do
    fd = open ("/dev/null", O_RDWR);
  while (fd >= 0 && fd <= STDERR_FILENO);

  if (fd >= 0)
    close (fd);
}

int
vmp_cli_main (int    argc,
              char **argv)
{
  const char * const *words = (const char * const *) argv + 1;
  gssize i;

  hold_standard_descriptors ();

  if (argc < 2)
    {
      g_autofree char *text = overview ();

      fputs (text, stderr);
      return VMP_EXIT_USAGE;
    }

  if (asks_for_help (words[0]))
    return run_help (words + 1);
  if (strcmp (words[0], "--version") == 0)
    return vmp_cli_print ("vampire " VMP_VERSION "\n");

  i = find_verb (words[0]);
  if (i < 0)
    return VMP_EXIT_USAGE;

  for (gsize j = 1; words[j] != NULL && strcmp (words[j], "--") != 0; j++)
    {
      if (asks_for_help (words[j]))
        return explain (i);
    }

  if (verbs[i].commands != NULL)
    return vmp_cli_run_command (verbs[i].name, verbs[i].commands, words + 1);

  return verbs[i].run (words + 1);
}
