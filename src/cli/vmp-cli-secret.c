/* SPDX-License-Identifier: MIT
 *
 * Reads a secret. The terminal gets its echo back however the reading ends.
 */

#include "cli/vmp-cli-secret.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/vmp-cli.h"
#include "core/vmp-limits.h"
#include "core/vmp-text.h"

#define SHOWN_CHARS 200

/* Those that would leave the terminal without its echo. */
static const int deadly_signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };

static volatile sig_atomic_t caught_signal;

static void
catch_signal (int number)
{
  caught_signal = number;
}

/* Reads until the end, or on a terminal of one line. Returns 0, or an errno. */
static int
read_secret (GString *text)
{
  gboolean is_terminal = isatty (STDIN_FILENO);
  char chunk[1024];

  while (caught_signal == 0)
    {
      gssize n = read (STDIN_FILENO, chunk, sizeof chunk);

      if (n < 0 && errno != EINTR)
        return errno;
      if (n == 0)
        return 0;
      if (n < 0)
        continue;
      if (text->len + n > VMP_LIMIT_TOKEN_BYTES + strlen ("\r\n"))
        return EFBIG;

      g_string_append_len (text, chunk, n);
      if (is_terminal && chunk[n - 1] == '\n')
        return 0;
    }

  return EINTR;
}

static int
read_from_terminal (const char *prompt,
                    GString    *text)
{
  struct sigaction catching = { .sa_handler = catch_signal };
  struct sigaction ignoring = { .sa_handler = SIG_IGN };
  struct sigaction before[G_N_ELEMENTS (deadly_signals)];
  struct sigaction before_stop;
  struct termios usual;
  struct termios silent;
  g_autofree char *shown = vmp_text_display (prompt, SHOWN_CHARS);
  int fault;

  if (tcgetattr (STDIN_FILENO, &usual) < 0)
    return errno;

  /* Caught before the echo goes. A stop would leave the terminal to the shell without it. */
  caught_signal = 0;
  for (gsize i = 0; i < G_N_ELEMENTS (deadly_signals); i++)
    sigaction (deadly_signals[i], &catching, &before[i]);
  sigaction (SIGTSTP, &ignoring, &before_stop);

  silent = usual;
  silent.c_lflag &= ~ECHO;
  silent.c_lflag |= ECHONL | ICANON | ISIG;
  tcsetattr (STDIN_FILENO, TCSAFLUSH, &silent);
  fputs (shown, stderr);

  fault = read_secret (text);

  tcsetattr (STDIN_FILENO, TCSAFLUSH, &usual);
  sigaction (SIGTSTP, &before_stop, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (deadly_signals); i++)
    sigaction (deadly_signals[i], &before[i], NULL);

  if (caught_signal != 0)
    raise (caught_signal);

  return fault;
}

int
vmp_cli_read_secret (const char *prompt,
                     char      **secret)
{
  g_autoptr (GString) text = g_string_new (NULL);
  int fault;

  caught_signal = 0;
  fault = isatty (STDIN_FILENO) ? read_from_terminal (prompt, text) : read_secret (text);

  if (fault == EFBIG)
    return vmp_cli_fail (VMP_EXIT_USAGE, "The token is longer than %d bytes.", VMP_LIMIT_TOKEN_BYTES);
  if (fault != 0)
    return vmp_cli_fail (VMP_EXIT_FAILED, "The token cannot be read: %s.", g_strerror (fault));

  if (text->len > 0 && text->str[text->len - 1] == '\n')
    g_string_truncate (text, text->len - 1);
  if (text->len > 0 && text->str[text->len - 1] == '\r')
    g_string_truncate (text, text->len - 1);

  if (text->len == 0)
    return vmp_cli_fail (VMP_EXIT_USAGE, "No token was given; type it, or pipe it in.");
  for (gsize i = 0; i < text->len; i++)
    {
      if (g_ascii_iscntrl (text->str[i]))
        return vmp_cli_fail (VMP_EXIT_USAGE, "The token must be one line without control characters.");
    }
  if (!g_utf8_validate (text->str, text->len, NULL))
    return vmp_cli_fail (VMP_EXIT_USAGE, "The token must be UTF-8 text.");

  *secret = g_string_free (g_steal_pointer (&text), FALSE);

  return VMP_EXIT_DONE;
}
