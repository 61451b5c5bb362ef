/* SPDX-License-Identifier: MIT
 *
 * Reads the words after a verb by the verb's table. A word that is refused is repeated in the message only where it
 * cannot be a secret: names of flags and sub-verbs, never their values.
 */

#include "cli/vmp-cli-args.h"

#include <string.h>

#include "cli/vmp-cli.h"
#include "core/vmp-text.h"

/* Characters of a word of the command line that a message repeats. */
#define SHOWN_CHARS 100

#define HELP_COLUMNS 80

static const VmpCliFlag gateway_flag = {
  "gateway", "URL", .help = "The gateway to ask. Without it, the one that runs on this computer.",
};
static const VmpCliFlag token_flag = {
  "token", "TOKEN", .help = "Its owner's token. Other users can see flags: set VAMPIRE_TOKEN instead.",
};
static const VmpCliFlag json_flag = {
  "json", NULL, .help = "Print JSON on a terminal too, as into a pipe or a file.",
};

/* Those that every verb takes, and those that ask the gateway. */
static const VmpCliFlag * const common_flags[] = { &json_flag, &gateway_flag, &token_flag };
#define N_LOCAL_COMMON 1

typedef struct {
  const VmpCliFlag *flag;
  const char *value;
} Given;

struct _VmpCliArgs {
  const char *verb;
  const VmpCliCommand *command;
  char *call;
  GPtrArray *words;  /* of const char * */
  GArray *given;     /* of Given */
};

static void
args_clear (VmpCliArgs *self)
{
  g_free (self->call);
  g_ptr_array_unref (self->words);
  g_array_unref (self->given);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (VmpCliArgs, args_clear)

/* -- Words that are one of a list ----------------------------------------------------------- */

/* Whether @word is among "a|b|c"; a list of one name stands for any word. */
static gboolean
is_choice (const char *word,
           const char *choices)
{
  g_auto (GStrv) list = g_strsplit (choices, "|", -1);

  return list[0] == NULL || list[1] == NULL || g_strv_contains ((const char * const *) list, word);
}

/* "on, off or both" of "on|off|both". (transfer full) */
static char *
describe_choices (const char *choices)
{
  g_auto (GStrv) list = g_strsplit (choices, "|", -1);
  GString *text = g_string_new (list[0]);

  for (gsize i = 1; list[i] != NULL; i++)
    g_string_append_printf (text, "%s%s", list[i + 1] != NULL ? ", " : " or ", list[i]);

  return g_string_free (text, FALSE);
}

/* -- Flags --------------------------------------------------------------------------------- */

static guint
count_common (const VmpCliCommand *command)
{
  return command->is_local ? N_LOCAL_COMMON : G_N_ELEMENTS (common_flags);
}

static const VmpCliFlag *
find_flag (const VmpCliCommand *command,
           const char          *name)
{
  for (guint i = 0; i < count_common (command); i++)
    {
      if (g_str_equal (common_flags[i]->name, name))
        return common_flags[i];
    }

  for (const VmpCliFlag *flag = command->flags; flag != NULL && flag->name != NULL; flag++)
    {
      if (g_str_equal (flag->name, name))
        return flag;
    }

  return NULL;
}

/* A flag may come before the sub-verb that it is for, and then only its name says whether a value follows. */
static const VmpCliFlag *
find_flag_anywhere (const VmpCliCommand *commands,
                    const char          *name)
{
  const VmpCliFlag *flag = NULL;

  for (; commands->name != NULL && flag == NULL; commands++)
    flag = find_flag (commands, name);

  return flag;
}

static void
add_flag_names (GPtrArray           *names,
                const VmpCliCommand *command)
{
  for (guint i = 0; i < count_common (command); i++)
    g_ptr_array_add (names, (gpointer) common_flags[i]->name);
  for (const VmpCliFlag *flag = command->flags; flag != NULL && flag->name != NULL; flag++)
    g_ptr_array_add (names, (gpointer) flag->name);
}

/* @names: those that could have been meant */
static int
refuse_flag (const VmpCliArgs *self,
             GPtrArray        *names,
             const char       *name)
{
  g_autofree char *shown = vmp_text_display (name, SHOWN_CHARS);
  const char *nearest;

  g_ptr_array_add (names, NULL);
  nearest = vmp_text_nearest (name, (const char * const *) names->pdata);
  if (nearest != NULL)
    return vmp_cli_fail (VMP_EXIT_USAGE, "There is no flag --%s for \"%s\"; did you mean --%s?", shown, self->call,
                         nearest);

  return vmp_cli_fail (VMP_EXIT_USAGE, "There is no flag --%s for \"%s\"; see \"vampire help %s\".", shown, self->call,
                       self->verb);
}

/* Checks a value. FALSE after having said what it should be. */
static gboolean
check_value (const VmpCliFlag *flag,
             const char       *value)
{
  g_autofree char *choices = NULL;
  gint64 whole;
  char *end;

  switch (flag->kind)
    {
    case VMP_CLI_WHOLE:
      if (g_ascii_string_to_signed (value, 10, G_MININT64, G_MAXINT64, &whole, NULL))
        return TRUE;
      vmp_cli_fail (VMP_EXIT_USAGE, "The flag --%s needs a whole number.", flag->name);
      return FALSE;

    case VMP_CLI_NUMBER:
      g_ascii_strtod (value, &end);
      if (end != value && *end == '\0' && strspn (value, "+-.0123456789eE") == strlen (value))
        return TRUE;
      vmp_cli_fail (VMP_EXIT_USAGE, "The flag --%s needs a number.", flag->name);
      return FALSE;

    case VMP_CLI_TEXT:
    default:
      if (is_choice (value, flag->argument))
        return TRUE;
      choices = describe_choices (flag->argument);
      vmp_cli_fail (VMP_EXIT_USAGE, "The flag --%s must be %s.", flag->name, choices);
      return FALSE;
    }
}

/* Reads the flag at **argv and its value, and moves on past them. FALSE after having said what is wrong. */
static gboolean
read_flag (VmpCliArgs          *self,
           const VmpCliCommand *commands,
           const char * const **argv)
{
  const char *word = *(*argv)++;
  const char *equals = strchr (word, '=');
  g_autofree char *name = equals != NULL ? g_strndup (word + 2, equals - word - 2) : g_strdup (word + 2);
  Given given = { find_flag_anywhere (commands, name), equals != NULL ? equals + 1 : NULL };

  if (given.flag == NULL)
    {
      g_autoptr (GPtrArray) names = g_ptr_array_new ();

      for (; commands->name != NULL; commands++)
        add_flag_names (names, commands);
      refuse_flag (self, names, name);
      return FALSE;
    }

  if (given.flag->argument == NULL)
    {
      if (given.value != NULL)
        {
          vmp_cli_fail (VMP_EXIT_USAGE, "The flag --%s takes no value.", name);
          return FALSE;
        }
      given.value = "";
    }
  else
    {
      if (given.value == NULL && **argv != NULL && !g_str_has_prefix (**argv, "--"))
        given.value = *(*argv)++;
      if (given.value == NULL)
        {
          vmp_cli_fail (VMP_EXIT_USAGE, "The flag --%s needs a value: --%s=%s.", name, name, given.flag->argument);
          return FALSE;
        }
      if (!check_value (given.flag, given.value))
        return FALSE;
    }

  g_array_append_val (self->given, given);

  return TRUE;
}

/* -- Sub-verbs ----------------------------------------------------------------------------- */

/* How many of the words a command's name is: "token set" is two; -1 when they are others. */
static int
match_name (const VmpCliCommand *command,
            GPtrArray           *words)
{
  g_auto (GStrv) parts = g_strsplit (command->name, " ", -1);
  guint n = g_strv_length (parts);

  if (n > words->len)
    return -1;

  for (guint i = 0; i < n; i++)
    {
      if (!g_str_equal (parts[i], words->pdata[i]))
        return -1;
    }

  return n;
}

static void
choose_command (VmpCliArgs          *self,
                const VmpCliCommand *command)
{
  self->command = command;
  g_free (self->call);
  self->call = g_strconcat ("vampire ", self->verb, *command->name != '\0' ? " " : "", command->name, NULL);
}

static int
refuse_sub_verb (VmpCliArgs          *self,
                 const VmpCliCommand *commands)
{
  const char *first = self->words->pdata[0];
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autofree char *two = NULL;
  g_autofree char *shown = vmp_text_display (first, SHOWN_CHARS);
  const char *nearest;

  for (; commands->name != NULL; commands++)
    g_ptr_array_add (names, (gpointer) commands->name);
  g_ptr_array_add (names, NULL);

  if (self->words->len > 1)
    two = g_strconcat (first, " ", self->words->pdata[1], NULL);
  nearest = vmp_text_nearest (first, (const char * const *) names->pdata);
  if (nearest == NULL && two != NULL)
    nearest = vmp_text_nearest (two, (const char * const *) names->pdata);

  if (nearest != NULL)
    return vmp_cli_fail (VMP_EXIT_USAGE, "There is no \"vampire %s %s\"; did you mean \"vampire %s %s\"?",
                         self->verb, shown, self->verb, nearest);

  return vmp_cli_fail (VMP_EXIT_USAGE, "There is no \"vampire %s %s\"; see \"vampire help %s\".",
                       self->verb, shown, self->verb);
}

/* Finds the command that the first words name, and takes them away. */
static int
find_command (VmpCliArgs          *self,
              const VmpCliCommand *commands)
{
  const VmpCliCommand *best = NULL;
  int longest = -1;

  if (*commands->name == '\0' || self->words->len == 0)
    return VMP_EXIT_DONE;

  for (const VmpCliCommand *command = commands; command->name != NULL; command++)
    {
      int n = match_name (command, self->words);

      if (n > longest)
        {
          best = command;
          longest = n;
        }
    }

  if (best == NULL)
    return refuse_sub_verb (self, commands);

  choose_command (self, best);
  g_ptr_array_remove_range (self->words, 0, longest);

  return VMP_EXIT_DONE;
}

/* -- Words --------------------------------------------------------------------------------- */

static int
check_words (const VmpCliArgs *self)
{
  g_auto (GStrv) expected = g_strsplit (self->command->words, " ", -1);
  guint n = g_strv_length (expected);

  for (guint i = 0; i < n; i++)
    {
      gboolean is_optional = expected[i][0] == '[';
      g_autofree char *name = is_optional ? g_strndup (expected[i] + 1, strlen (expected[i]) - 2)
                                          : g_strdup (expected[i]);
      g_autofree char *choices = describe_choices (name);
      g_autofree char *shown = NULL;

      if (i >= self->words->len)
        {
          if (is_optional)
            return VMP_EXIT_DONE;
          return vmp_cli_fail (VMP_EXIT_USAGE, "\"%s\" needs %s: %s %s", self->call, choices, self->call,
                               self->command->words);
        }
      if (is_choice (self->words->pdata[i], name))
        continue;

      shown = vmp_text_display (self->words->pdata[i], SHOWN_CHARS);
      return vmp_cli_fail (VMP_EXIT_USAGE, "\"%s\" does not know \"%s\"; it must be %s.", self->call, shown, choices);
    }

  /* What is too much is not repeated: it may be a token. */
  if (self->words->len > n)
    return vmp_cli_fail (VMP_EXIT_USAGE, "\"%s\" takes %s%s, and there is more.", self->call,
                         n == 0 ? "no words after it" : "only ", self->command->words);

  return VMP_EXIT_DONE;
}

static int
check_flags (const VmpCliArgs *self)
{
  for (guint i = 0; i < self->given->len; i++)
    {
      const Given *given = &g_array_index (self->given, Given, i);

      if (find_flag (self->command, given->flag->name) == NULL)
        {
          g_autoptr (GPtrArray) names = g_ptr_array_new ();

          add_flag_names (names, self->command);
          return refuse_flag (self, names, given->flag->name);
        }
    }

  return VMP_EXIT_DONE;
}

int
vmp_cli_run_command (const char          *verb,
                     const VmpCliCommand *commands,
                     const char * const  *argv)
{
  g_auto (VmpCliArgs) self = {
    .verb = verb, .words = g_ptr_array_new (), .given = g_array_new (FALSE, FALSE, sizeof (Given)),
  };
  int status;

  self.command = commands;
  self.call = g_strconcat ("vampire ", verb, NULL);

  while (*argv != NULL)
    {
      const char *word = *argv;

      if (g_str_equal (word, "--"))
        {
          while (*++argv != NULL)
            g_ptr_array_add (self.words, (gpointer) *argv);
        }
      else if (g_str_has_prefix (word, "--"))
        {
          if (!read_flag (&self, commands, &argv))
            return VMP_EXIT_USAGE;
        }
      else
        {
          g_ptr_array_add (self.words, (gpointer) word);
          argv++;
        }
    }

  status = find_command (&self, commands);
  if (status == VMP_EXIT_DONE)
    status = check_flags (&self);
  if (status == VMP_EXIT_DONE)
    status = check_words (&self);

  return status == VMP_EXIT_DONE ? self.command->run (&self) : status;
}

const char *
vmp_cli_args_word (const VmpCliArgs *self,
                   guint             i)
{
  return i < self->words->len ? self->words->pdata[i] : NULL;
}

const char *
vmp_cli_args_flag (const VmpCliArgs *self,
                   const char       *name)
{
  const char *value = NULL;

  for (guint i = 0; i < self->given->len; i++)
    {
      const Given *given = &g_array_index (self->given, Given, i);

      if (g_str_equal (given->flag->name, name))
        value = given->value;
    }

  return value;
}

const char **
vmp_cli_args_flags (const VmpCliArgs *self,
                    const char       *name)
{
  GPtrArray *values = g_ptr_array_new ();

  for (guint i = 0; i < self->given->len; i++)
    {
      const Given *given = &g_array_index (self->given, Given, i);

      if (g_str_equal (given->flag->name, name))
        g_ptr_array_add (values, (gpointer) given->value);
    }
  g_ptr_array_add (values, NULL);

  return (const char **) g_ptr_array_free (values, FALSE);
}

const char *
vmp_cli_args_call (const VmpCliArgs *self)
{
  return self->call;
}

/* -- Help ---------------------------------------------------------------------------------- */

/* Adds words as lines of HELP_COLUMNS, each after @indent spaces. */
static void
append_wrapped (GString    *help,
                guint       indent,
                const char *text)
{
  g_auto (GStrv) words = g_strsplit (text, " ", -1);
  gsize column = HELP_COLUMNS;

  for (gsize i = 0; words[i] != NULL; i++)
    {
      if (column + 1 + strlen (words[i]) > HELP_COLUMNS)
        {
          g_string_append_printf (help, "%s%*s", i == 0 ? "" : "\n", (int) indent, "");
          column = indent;
        }
      else
        {
          g_string_append_c (help, ' ');
          column++;
        }
      g_string_append (help, words[i]);
      column += strlen (words[i]);
    }

  g_string_append_c (help, '\n');
}

static void
append_flag (GString          *help,
             guint             indent,
             const VmpCliFlag *flag)
{
  g_string_append_printf (help, "%*s--%s%s%s%s\n", (int) indent, "", flag->name,
                          flag->argument != NULL ? "=" : "", flag->argument != NULL ? flag->argument : "",
                          flag->repeated ? " ..." : "");
  append_wrapped (help, indent + 4, flag->help);
}

char *
vmp_cli_command_help (const char          *verb,
                      const VmpCliCommand *commands)
{
  GString *help = g_string_new ("\n");
  guint n_common = N_LOCAL_COMMON;

  for (const VmpCliCommand *command = commands; command->name != NULL; command++)
    {
      gboolean has_name = *command->name != '\0';

      if (has_name)
        {
          g_string_append_printf (help, "  vampire %s %s%s%s\n", verb, command->name,
                                  *command->words != '\0' ? " " : "", command->words);
          append_wrapped (help, 6, command->summary);
        }
      for (const VmpCliFlag *flag = command->flags; flag != NULL && flag->name != NULL; flag++)
        append_flag (help, has_name ? 6 : 2, flag);
      n_common = MAX (n_common, count_common (command));
    }

  if (*commands->name != '\0')
    g_string_append_printf (help, "\nFlags of all of them:\n");
  for (guint i = 0; i < n_common; i++)
    append_flag (help, 2, common_flags[i]);

  return g_string_free (help, FALSE);
}
