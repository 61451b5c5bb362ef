/* SPDX-License-Identifier: MIT
 *
 * lmstudio-sim, a simulated LM Studio: tokens, and answers that read like answers. No model is
 * involved: sentences are picked by a seeded generator, and the question's own words put into them.
 */

#include "sim-text.h"

#include <stdlib.h>
#include <string.h>

#define MAX_WORD_TOKEN 8     /* bytes of a letter run that still is one token */
#define MAX_QUOTED 72        /* bytes of the question that an answer repeats */
#define MAX_TOOL_RESULT 400
#define MAX_COUNT 200        /* of "count to N" */
#define MIDDLES_STEP 5       /* prime to the number of middle sentences */

/* -- Tokens ---------------------------------------------------------------------------------- */

static gboolean
is_letter (char c)
{
  return g_ascii_isalpha (c) || ((guchar) c & 0x80) != 0;
}

gsize
sim_text_token_end (const char *text,
                    gsize       from,
                    gsize       len)
{
  gsize i = from;
  gsize start;

  if (text[i] == ' ' && i + 1 < len && text[i + 1] != ' ')
    i++;
  start = i;
  if (is_letter (text[i]))
    {
      while (i < len && is_letter (text[i]) && (i - start < MAX_WORD_TOKEN || ((guchar) text[i] & 0xc0) == 0x80))
        i++;
      /* A last letter or two go with their word. */
      if (i < len && is_letter (text[i]) && (i + 1 == len || !is_letter (text[i + 1])) && !((guchar) text[i] & 0x80))
        i++;
    }
  else if (g_ascii_isdigit (text[i]))
    while (i < len && g_ascii_isdigit (text[i]) && i - start < 3)
      i++;
  else if (text[i] == '\n' || text[i] == ' ')
    while (i < len && text[i] == text[start] && i - start < 8)
      i++;
  else
    i++;

  return i;
}

guint64
sim_text_count_tokens (const char *text,
                       gsize       len)
{
  guint64 n = 0;

  for (gsize i = 0; i < len; i = sim_text_token_end (text, i, len))
    n++;

  return n;
}

/* -- Numbers --------------------------------------------------------------------------------- */

guint64
sim_hash (guint64     hash,
          const char *text,
          gsize       len)
{
  /* FNV-1a, eight bytes at a time: prompts may be megabytes. */
  for (; len >= 8; text += 8, len -= 8)
    {
      guint64 word;

      memcpy (&word, text, 8);
      hash = (hash ^ word) * G_GUINT64_CONSTANT (1099511628211);
      hash ^= hash >> 29;
    }
  for (; len > 0; text++, len--)
    hash = (hash ^ (guchar) *text) * G_GUINT64_CONSTANT (1099511628211);

  return hash ^ (hash >> 32);
}

guint64
sim_random_next (guint64 *state)
{
  guint64 z = (*state += G_GUINT64_CONSTANT (0x9e3779b97f4a7c15));

  /* splitmix64 */
  z = (z ^ (z >> 30)) * G_GUINT64_CONSTANT (0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * G_GUINT64_CONSTANT (0x94d049bb133111eb);

  return z ^ (z >> 31);
}

char *
sim_random_id (guint64    *state,
               const char *prefix,
               guint       length,
               gboolean    hex)
{
  GString *id = g_string_new (prefix);

  for (guint i = 0; i < length; i++)
    g_string_append_c (id, "0123456789abcdefghijklmnopqrstuvwxyz"[sim_random_next (state) % (hex ? 16 : 36)]);

  return g_string_free (id, FALSE);
}

/* -- Words of the question ------------------------------------------------------------------- */

/* Sorted. */
static const char * const stop_words[] = {
  "a", "about", "all", "an", "and", "answer", "any", "are", "as", "at", "be", "brief", "briefly", "but", "by",
  "can", "could", "count", "describe", "did", "do", "does", "explain", "few", "for", "from", "get", "give",
  "has", "have", "hello", "hey", "hi", "how", "i", "if", "in", "into", "is", "it", "its", "list", "make", "me",
  "my", "name", "of", "on", "one", "or", "our", "please", "reply", "say", "see", "sentence", "sentences",
  "short", "should", "show", "so", "some", "summarize", "tell", "than", "that", "the", "their", "them", "then",
  "there", "these", "they", "this", "three", "to", "two", "up", "us", "use", "was", "we", "what", "when",
  "where", "which", "who", "why", "will", "with", "word", "words", "would", "write", "you", "your"
};

static int
compare_words (const void *word,
               const void *entry)
{
  return strcmp (word, *(const char * const *) entry);
}

static gboolean
is_stop_word (const char *word)
{
  return bsearch (word, stop_words, G_N_ELEMENTS (stop_words), sizeof stop_words[0], compare_words) != NULL;
}

/* Lower-cased words, split at anything else and at changes of case. */
static char **
split_words (const char *text,
             gsize       len)
{
  g_autoptr (GStrvBuilder) builder = g_strv_builder_new ();
  g_autoptr (GString) word = g_string_new (NULL);

  for (gsize i = 0; i <= len; i++)
    {
      char c = i < len ? text[i] : ' ';
      gboolean camel = word->len > 0 && g_ascii_isupper (c) && g_ascii_islower (text[i - 1]);

      if (word->len > 0 && (camel || !(is_letter (c) || g_ascii_isdigit (c))))
        {
          g_strv_builder_add (builder, word->str);
          g_string_truncate (word, 0);
        }
      if (is_letter (c) || g_ascii_isdigit (c))
        g_string_append_c (word, g_ascii_tolower (c));
    }

  return g_strv_builder_end (builder);
}

/* Stop words that may stand inside a subject: "capital of France". */
static gboolean
is_link_word (const char *word)
{
  static const char * const links[] = { "a", "about", "an", "and", "for", "in", "of", "on", "the", "to", NULL };

  return g_strv_contains (links, word);
}

char *
sim_text_dup_subject (const char *question)
{
  g_autoptr (GString) subject = g_string_new (NULL);
  g_autoptr (GString) link = g_string_new (NULL);
  guint n = 0;

  for (const char *c = question; *c != '\0' && n < 4 && subject->len < MAX_QUOTED;)
    {
      const char *end = c;
      g_autofree char *lower = NULL;

      while (*end != '\0' && (is_letter (*end) || g_ascii_isdigit (*end) || ((*end == '-' || *end == '\'') && end > c)))
        end++;
      if (end == c)
        {
          if (n > 0 && *c != ' ')
            break;
          c++;
          continue;
        }
      lower = g_ascii_strdown (c, (gssize) (end - c));
      if (!is_stop_word (lower))
        {
          g_string_append_printf (subject, "%s%s", n > 0 ? " " : "", link->str);
          g_string_append_len (subject, c, (gssize) (end - c));
          g_string_truncate (link, 0);
          n++;
        }
      else if (n > 0 && is_link_word (lower))
        g_string_append_printf (link, "%s ", lower);
      else if (n > 0)
        break;
      else
        g_string_assign (link, g_str_equal (lower, "the") ? "the " : "");
      c = end;
    }
  if (subject->len == 0)
    g_string_append (subject, "that");

  return g_string_free (g_steal_pointer (&subject), FALSE);
}

static void
append_shortened (GString    *out,
                  const char *text,
                  gsize       max)
{
  gsize len = strlen (text);
  gboolean is_cut = len > max;

  if (is_cut)
    for (len = max; len > 0 && ((guchar) text[len] & 0xc0) == 0x80;)
      len--;
  for (gsize i = 0; i < len; i++)
    g_string_append_c (out, g_ascii_iscntrl (text[i]) ? ' ' : text[i]);
  if (is_cut)
    g_string_append (out, "…");
}

static gboolean
has_any_word (char              **words,
              const char * const *wanted)
{
  for (; *wanted != NULL; wanted++)
    if (g_strv_contains ((const char * const *) words, *wanted))
      return TRUE;

  return FALSE;
}

/* -- Answers --------------------------------------------------------------------------------- */

/* %s is the subject. */
static const char * const openers[] = {
  "Here is the short version about %s.",
  "Good question. The main thing to know about %s is that a few simple parts work together.",
  "When people ask about %s, it helps to start with the basics.",
  "Let me walk you through %s step by step.",
  "In a nutshell, %s comes down to three ideas.",
  "There is more than one way to look at %s, but the usual one goes like this.",
};

static const char * const middles[] = {
  "First, there is a cause that most people notice only by its effects.",
  "Small changes add up, so the result can look surprising at first.",
  "A good analogy is water in a pipe: what goes in has to come out somewhere.",
  "The details depend on the situation, yet the principle stays the same.",
  "You can see this in everyday life, for example in a kitchen or on a walk.",
  "Experts often describe %s with numbers, but the picture is clear without them.",
  "It also helps to compare %s with something familiar.",
  "What matters most is the order in which things happen.",
  "Measured carefully, the effect is smaller than people think — but it is there.",
  "If one part is missing, the whole still works, only more slowly.",
  "This is why the same explanation turns up in so many textbooks.",
  "There are exceptions, of course, and they are usually the interesting part.",
  "Try it with a small example before you rely on it.",
  "Over time, the picture of %s has become a lot simpler.",
};

static const char * const closers[] = {
  "So the next time %s comes up, you know where to look first.",
  "If you like, I can go deeper into any part of %s.",
  "That is the essence of %s; the rest is detail.",
  "Would you like an example?",
};

static const char * const list_items[] = {
  "Start small, and write down what you expect.",
  "Look at how others approached %s.",
  "Change one thing at a time.",
  "Measure before and after.",
  "Ask someone who disagrees with you.",
  "Keep what works and drop the rest.",
  "Take a break, then look at %s again.",
  "Share what you found.",
};

static const char * const thoughts[] = {
  "The user asks about %s.",
  "I should keep the answer clear and not too long.",
  "First I recall what is known about %s.",
  "An everyday example would help here.",
  "There may be a trap in the question, but it looks straightforward.",
  "I can leave the numbers out.",
  "Let me check that the order of the points makes sense.",
  "Then I will end with an offer to go deeper.",
};

static void
append_sentence (GString    *out,
                 const char *sentence,
                 const char *subject)
{
  const char *mark = strstr (sentence, "%s");

  if (out->len > 0 && !g_ascii_isspace (out->str[out->len - 1]))
    g_string_append_c (out, ' ');
  if (mark == NULL)
    {
      g_string_append (out, sentence);
      return;
    }
  g_string_append_len (out, sentence, (gssize) (mark - sentence));
  g_string_append (out, subject);
  g_string_append (out, mark + strlen ("%s"));
}

static void
append_signature (GString        *out,
                  const SimTopic *topic)
{
  g_string_append (out, "\n\n*Sample text from a simulated model");
  if (*topic->node_name != '\0')
    {
      g_string_append (out, " on ");
      append_shortened (out, topic->node_name, MAX_QUOTED);
    }
  g_string_append (out, ".*");
}

/* "Say …", "Reply with exactly: …": what is quoted, or what follows the colon. */
static gboolean
write_echo (const SimTopic *topic,
            char          **words,
            GString        *out)
{
  static const char * const verbs[] = { "say", "repeat", "reply", "respond", "echo", "answer", NULL };
  const char *question = topic->question;
  g_autofree char *first = g_strdup (words[0] != NULL ? words[0] : "");
  char *head[] = { first, NULL };
  const char *quote = strpbrk (question, "\"`");
  const char *end = quote != NULL ? strchr (quote + 1, *quote) : NULL;
  const char *colon = strchr (question, ':');

  if (!has_any_word (head, verbs))
    return FALSE;
  if (end != NULL && end > quote + 1)
    g_string_append_len (out, quote + 1, (gssize) (end - quote - 1));
  else if (colon != NULL && colon[strspn (colon, ": \t\r\n")] != '\0')
    g_string_append (out, colon + strspn (colon, ": \t\r\n"));
  else
    return FALSE;

  return TRUE;
}

static gboolean
write_count (char   **words,
             GString *out)
{
  guint64 n = 0;

  if (!g_strv_contains ((const char * const *) words, "count"))
    return FALSE;
  for (char **word = words; *word != NULL; word++)
    if (g_ascii_isdigit (**word))
      n = MAX (n, g_ascii_strtoull (*word, NULL, 10));
  if (n == 0)
    return FALSE;

  for (guint64 i = 1; i <= MIN (n, MAX_COUNT); i++)
    g_string_append_printf (out, "%s%" G_GUINT64_FORMAT, i > 1 ? ", " : "", i);
  g_string_append_c (out, '.');

  return TRUE;
}

static void
write_code (const char *subject,
            guint64    *seed,
            GString    *out)
{
  guint n = 3 + (guint) (sim_random_next (seed) % 5);

  g_string_append_printf (out, "Here is a small example for %s:\n\n```python\ndef example(items):\n"
                          "    \"\"\"Return the first %u items, sorted.\"\"\"\n"
                          "    return sorted(items)[:%u]\n\n\nprint(example([5, 3, 8, 1]))\n```\n\n"
                          "It sorts a copy, so the list that you pass in stays as it was.",
                          subject, n, n);
}

static void
write_list (const char *subject,
            guint64    *seed,
            GString    *out)
{
  guint first = (guint) (sim_random_next (seed) % G_N_ELEMENTS (list_items));

  g_string_append_printf (out, "Here are some points on %s:\n\n", subject);
  for (guint i = 0; i < 5; i++)
    {
      g_string_append_printf (out, "%u. ", i + 1);
      append_sentence (out, list_items[(first + i) % G_N_ELEMENTS (list_items)], subject);
      g_string_append_c (out, '\n');
    }
  g_string_append (out, "\nThe first two matter most.");
}

/* @at: which sentence comes next, so that none is said twice in one answer. */
static void
write_paragraph (const char *subject,
                 guint64    *seed,
                 guint      *at,
                 GString    *out)
{
  guint n = 3 + (guint) (sim_random_next (seed) % 3);

  for (guint i = 0; i < n; i++)
    {
      append_sentence (out, middles[*at % G_N_ELEMENTS (middles)], subject);
      *at += MIDDLES_STEP;
    }
}

static void
write_prose (const SimTopic *topic,
             const char     *subject,
             guint64        *seed,
             guint          *at,
             GString        *out)
{
  if (topic->n_images > 0)
    {
      g_string_append_printf (out, "The %s you sent (a %s) ", topic->n_images > 1 ? "first of the images" : "image",
                              topic->image);
      g_string_append (out, "shows a calm scene in soft colours, with one thing in the middle that draws the eye.");
    }
  else if (topic->previous != NULL)
    {
      g_autofree char *before = sim_text_dup_subject (topic->previous);

      g_string_append_printf (out, "Going on from %s:", before);
    }
  append_sentence (out, openers[sim_random_next (seed) % G_N_ELEMENTS (openers)], subject);
  write_paragraph (subject, seed, at, out);
  g_string_append (out, "\n\n");
  write_paragraph (subject, seed, at, out);
  append_sentence (out, closers[sim_random_next (seed) % G_N_ELEMENTS (closers)], subject);
}

void
sim_text_write_answer (const SimTopic *topic,
                       GString        *out)
{
  static const char * const greetings[] = { "hello", "hi", "hey", "morning", "evening", NULL };
  static const char * const code_words[] = { "code", "function", "python", "script", "program", "snippet", NULL };
  static const char * const list_words[] = { "list", "ideas", "steps", "tips", "ways", "bullet", "points", NULL };
  g_auto (GStrv) words = split_words (topic->question, strlen (topic->question));
  g_autofree char *subject = sim_text_dup_subject (topic->question);
  guint64 seed = topic->seed;
  guint at = (guint) (seed % G_N_ELEMENTS (middles));
  gboolean is_exact = FALSE;

  if (topic->tool_result != NULL)
    {
      g_string_append (out, "According to the tool: ");
      append_shortened (out, topic->tool_result, MAX_TOOL_RESULT);
    }
  else if (write_echo (topic, words, out) || write_count (words, out))
    is_exact = TRUE;
  else if (words[0] == NULL && topic->n_images == 0)
    g_string_append (out, "I did not get a question. What would you like to know?");
  else if (g_strv_length (words) <= 4 && has_any_word (words, greetings))
    g_string_append (out, "Hello! I am a simulated model, standing in for a real one. What would you like to know?");
  else if (has_any_word (words, code_words))
    write_code (subject, &seed, out);
  else if (has_any_word (words, list_words))
    write_list (subject, &seed, out);
  else
    write_prose (topic, subject, &seed, &at, out);
  if (!is_exact)
    append_signature (out, topic);

  if (topic->min_tokens > 0)
    for (guint64 n = sim_text_count_tokens (out->str, out->len); n < topic->min_tokens;)
      {
        gsize from = out->len;

        g_string_append (out, "\n\n");
        write_paragraph (subject, &seed, &at, out);
        n += sim_text_count_tokens (out->str + from, out->len - from);
      }
}

void
sim_text_write_reasoning (const SimTopic *topic,
                          guint           effort,
                          GString        *out)
{
  g_autofree char *subject = sim_text_dup_subject (topic->question);

  for (guint i = 0; i < effort; i++)
    append_sentence (out, thoughts[i % G_N_ELEMENTS (thoughts)], subject);
}

/* -- Tools ----------------------------------------------------------------------------------- */

/* One word for "call", "calls", "calling". */
static gboolean
is_same_word (const char *a,
              const char *b)
{
  gsize len_a = strlen (a);
  gsize len_b = strlen (b);
  gsize len = MIN (len_a, len_b);

  return len >= 3 && strncmp (a, b, len) == 0 && MAX (len_a, len_b) - len <= (len >= 5 ? 3 : 1);
}

static guint
count_common (char **a,
              char **b)
{
  guint n = 0;

  for (char **each = a; *each != NULL; each++)
    {
      if (is_stop_word (*each))
        continue;
      for (char **other = b; *other != NULL; other++)
        if (is_same_word (*each, *other))
          {
            n++;
            break;
          }
    }

  return n;
}

gboolean
sim_text_calls_for_tool (const char *question,
                         const char *name,
                         const char *description)
{
  g_auto (GStrv) asked = split_words (question, strlen (question));
  g_auto (GStrv) named = split_words (name, strlen (name));
  g_auto (GStrv) described = split_words (description, strlen (description));

  return count_common (named, asked) >= 1 || count_common (described, asked) >= 2;
}
