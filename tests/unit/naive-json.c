/* SPDX-License-Identifier: MIT
 *
 * Implementation of the plain scanner: recursive descent, a byte at a time, straight from the grammar of RFC 8259.
 */

#include "naive-json.h"

#include <string.h>

#include "core/vmp-limits.h"

typedef struct {
  const char *data;
  gsize len;
  gsize at;
} Text;

static gboolean skip_value (Text        *text,
                            guint        depth,
                            VmpJsonType *type);

/* The byte that is next, or -1 at the end. */
static int
peek (const Text *text)
{
  return text->at < text->len ? (guchar) text->data[text->at] : -1;
}

static gboolean
accept (Text *text,
        int   byte)
{
  if (peek (text) != byte)
    return FALSE;

  text->at++;
  return TRUE;
}

static void
skip_space (Text *text)
{
  while (accept (text, ' ') || accept (text, '\t') || accept (text, '\n') || accept (text, '\r'))
    ;
}

static gboolean
read_hex4 (Text  *text,
           guint *value)
{
  *value = 0;
  for (int i = 0; i < 4; i++)
    {
      int byte = peek (text);

      if (byte < 0 || !g_ascii_isxdigit ((char) byte))
        return FALSE;
      *value = *value * 16 + (guint) g_ascii_xdigit_value ((char) byte);
      text->at++;
    }

  return TRUE;
}

/* Appends what the string says to @says, with each code unit of a surrogate as a byte 0xff, which is in no UTF-8. */
static gboolean
read_string (Text    *text,
             GString *says)
{
  static const char escapes[] = "\"\\/bfnrt";
  static const char meanings[] = "\"\\/\b\f\n\r\t";

  if (!accept (text, '"'))
    return FALSE;

  while (!accept (text, '"'))
    {
      int byte = peek (text);

      if (byte < 0x20)
        return FALSE;

      text->at++;
      if (byte != '\\')
        {
          g_string_append_c (says, (char) byte);
        }
      else if (accept (text, 'u'))
        {
          guint unit;

          if (!read_hex4 (text, &unit))
            return FALSE;
          if (unit >= 0xd800 && unit <= 0xdfff)
            g_string_append_c (says, (char) 0xff);
          else if (unit == 0)
            g_string_append_c (says, '\0');
          else
            g_string_append_unichar (says, unit);
        }
      else
        {
          const char *escape = peek (text) > 0 ? strchr (escapes, peek (text)) : NULL;

          if (escape == NULL)
            return FALSE;
          g_string_append_c (says, meanings[escape - escapes]);
          text->at++;
        }
    }

  return TRUE;
}

static gboolean
skip_digits (Text *text)
{
  if (peek (text) < '0' || peek (text) > '9')
    return FALSE;

  while (peek (text) >= '0' && peek (text) <= '9')
    text->at++;

  return TRUE;
}

static gboolean
skip_number (Text *text)
{
  accept (text, '-');
  if (!accept (text, '0') && !skip_digits (text))
    return FALSE;
  if (accept (text, '.') && !skip_digits (text))
    return FALSE;
  if (accept (text, 'e') || accept (text, 'E'))
    {
      if (!accept (text, '+'))
        accept (text, '-');
      return skip_digits (text);
    }

  return TRUE;
}

static gboolean
skip_word (Text       *text,
           const char *word)
{
  for (; *word != '\0'; word++)
    {
      if (!accept (text, *word))
        return FALSE;
    }

  return TRUE;
}

static gboolean
skip_array (Text *text,
            guint depth)
{
  VmpJsonType type;

  if (depth > VMP_LIMIT_JSON_DEPTH || !accept (text, '['))
    return FALSE;

  skip_space (text);
  if (accept (text, ']'))
    return TRUE;

  do
    {
      skip_space (text);
      if (!skip_value (text, depth, &type))
        return FALSE;
      skip_space (text);
    }
  while (accept (text, ','));

  return accept (text, ']');
}

const char * const naive_json_members[VMP_N_MEMBERS] = {
  [VMP_MEMBER_MODEL] = "model",
  [VMP_MEMBER_STREAM] = "stream",
  [VMP_MEMBER_VAMPIRE] = "vampire",
  [VMP_MEMBER_USER] = "user",
  [VMP_MEMBER_STREAM_OPTIONS] = "stream_options",
  [VMP_MEMBER_MESSAGES] = "messages",
  [VMP_MEMBER_PROMPT] = "prompt",
  [VMP_MEMBER_INPUT] = "input",
  [VMP_MEMBER_SYSTEM] = "system",
  [VMP_MEMBER_INSTRUCTIONS] = "instructions",
  [VMP_MEMBER_TOOLS] = "tools",
  [VMP_MEMBER_N] = "n",
  [VMP_MEMBER_MAX_TOKENS] = "max_tokens",
  [VMP_MEMBER_MAX_COMPLETION_TOKENS] = "max_completion_tokens",
  [VMP_MEMBER_RESPONSE_FORMAT] = "response_format",
  [VMP_MEMBER_PROMPT_CACHE_KEY] = "prompt_cache_key",
  [VMP_MEMBER_PREVIOUS_RESPONSE_ID] = "previous_response_id",
  [VMP_MEMBER_ERROR] = "error",
  [VMP_MEMBER_USAGE] = "usage",
  [VMP_MEMBER_ID] = "id",
};

static VmpJsonMember *
find_member (VmpJsonScan   *scan,
             const GString *key)
{
  for (gsize i = 0; i < VMP_N_MEMBERS; i++)
    {
      if (key->len == strlen (naive_json_members[i]) && memcmp (key->str, naive_json_members[i], key->len) == 0)
        return &scan->members[i];
    }

  return NULL;
}

/* @scan: (nullable): where the members go; NULL when the object is nested */
static gboolean
skip_object (Text        *text,
             guint        depth,
             VmpJsonScan *scan)
{
  gsize comma = 0;

  if (depth > VMP_LIMIT_JSON_DEPTH || !accept (text, '{'))
    return FALSE;

  skip_space (text);
  if (accept (text, '}'))
    return TRUE;

  while (TRUE)
    {
      g_autoptr (GString) key = g_string_new (NULL);
      VmpJsonMember *member;
      VmpSpan whole, value;
      VmpJsonType type;

      skip_space (text);
      whole.start = text->at;
      if (!read_string (text, key))
        return FALSE;
      skip_space (text);
      if (!accept (text, ':'))
        return FALSE;
      skip_space (text);
      value.start = text->at;
      if (!skip_value (text, depth, &type))
        return FALSE;
      value.end = whole.end = text->at;
      skip_space (text);

      member = scan != NULL ? find_member (scan, key) : NULL;
      if (member != NULL)
        {
          if (member->type != VMP_JSON_ABSENT && member < &scan->members[VMP_MEMBER_ERROR])
            return FALSE;
          if (comma > 0)
            whole.start = comma;
          else if (peek (text) == ',')
            whole.end = text->at + 1;
          *member = (VmpJsonMember) { type, value, whole };
        }

      comma = text->at;
      if (!accept (text, ','))
        return accept (text, '}');
    }
}

/* @depth: how many containers are around the value */
static gboolean
skip_value (Text        *text,
            guint        depth,
            VmpJsonType *type)
{
  g_autoptr (GString) says = NULL;

  switch (peek (text))
    {
    case '{':
      *type = VMP_JSON_OBJECT;
      return skip_object (text, depth + 1, NULL);

    case '[':
      *type = VMP_JSON_ARRAY;
      return skip_array (text, depth + 1);

    case '"':
      *type = VMP_JSON_STRING;
      says = g_string_new (NULL);
      return read_string (text, says);

    case 't':
      *type = VMP_JSON_TRUE;
      return skip_word (text, "true");

    case 'f':
      *type = VMP_JSON_FALSE;
      return skip_word (text, "false");

    case 'n':
      *type = VMP_JSON_NULL;
      return skip_word (text, "null");

    default:
      *type = VMP_JSON_NUMBER;
      return skip_number (text);
    }
}

gboolean
naive_json_scan (const char  *data,
                 gsize        len,
                 VmpJsonScan *scan)
{
  Text text = { data, len, 0 };
  VmpJsonScan found = { 0 };

  memset (scan, 0, sizeof *scan);
  skip_space (&text);
  if (!skip_object (&text, 1, &found))
    return FALSE;
  skip_space (&text);
  if (text.at != len || !g_utf8_validate_len (data, len, NULL))
    return FALSE;

  *scan = found;
  return TRUE;
}
