/* SPDX-License-Identifier: MIT
 *
 * What the trays of all systems do alike: names of states, text cut to what fits, and a menu checked before anybody
 * shows it. Labels hold names that came from the network. Plain C, so that each system's own compiler can build it.
 */

#include "platform/vmp-tray-private.h"

#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"
#define ELLIPSIS "\xe2\x80\xa6"

static const char * const state_strings[VMP_TRAY_N_STATES] = {
  [VMP_TRAY_OFF] = "off",
  [VMP_TRAY_SHARING] = "sharing",
  [VMP_TRAY_BUSY] = "busy",
  [VMP_TRAY_APPROVAL] = "approval",
  [VMP_TRAY_PROBLEM] = "problem",
  [VMP_TRAY_PAUSED] = "paused",
};

const char *
vmp_tray_state_to_string (VmpTrayState state)
{
  return (unsigned) state < VMP_TRAY_N_STATES ? state_strings[state] : state_strings[VMP_TRAY_PROBLEM];
}

/* -- Text ---------------------------------------------------------------------------------- */

static void *
allocate (size_t n,
          size_t size)
{
  void *memory = calloc (n > 0 ? n : 1, size);

  if (memory == NULL)
    abort ();

  return memory;
}

/* The bytes of the character at @text; 0: there is none, but something that is not UTF-8. */
static size_t
read_char (const char *text,
           uint32_t   *c)
{
  static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
  const unsigned char *bytes = (const unsigned char *) text;
  size_t len;

  if (bytes[0] < 0x80)
    len = 1;
  else if (bytes[0] >= 0xc2 && bytes[0] < 0xe0)
    len = 2;
  else if (bytes[0] >= 0xe0 && bytes[0] < 0xf0)
    len = 3;
  else if (bytes[0] >= 0xf0 && bytes[0] < 0xf5)
    len = 4;
  else
    return 0;

  *c = len == 1 ? bytes[0] : bytes[0] & (0x7fu >> len);
  for (size_t i = 1; i < len; i++)
    {
      /* The byte that ends the string is none of these. */
      if ((bytes[i] & 0xc0) != 0x80)
        return 0;
      *c = *c << 6 | (bytes[i] & 0x3f);
    }

  if (*c < least[len] || *c > 0x10ffff || (*c >= 0xd800 && *c < 0xe000))
    return 0;

  return len;
}

/* Control characters, line ends, invisible ones and those that turn the direction of what follows; not the two joiners,
 * which emoji and several scripts need. */
static bool
is_plain (uint32_t c)
{
  static const struct {
    uint32_t first, last;
  } not_plain[] = {
    { 0x0000, 0x001f }, { 0x007f, 0x009f }, { 0x00ad, 0x00ad }, { 0x061c, 0x061c }, { 0x180e, 0x180e },
    { 0x200b, 0x200b }, { 0x200e, 0x200f }, { 0x2028, 0x202e }, { 0x2060, 0x206f }, { 0xfdd0, 0xfdef },
    { 0xfeff, 0xfeff }, { 0xfff9, 0xfffb }, { 0xfffe, 0xffff }, { 0xe0000, 0xe0fff },
  };

  for (size_t i = 0; i < sizeof not_plain / sizeof not_plain[0]; i++)
    {
      if (c >= not_plain[i].first && c <= not_plain[i].last)
        return false;
    }

  return true;
}

char *
vmp_tray_text (const char *text,
               size_t      max_chars)
{
  size_t at = 0;
  size_t cut = 0; /* where the last character that may stay before an ellipsis ends */
  size_t n_chars = 0;
  char *copy = allocate (max_chars * 4 + sizeof ELLIPSIS, 1);

  while (text != NULL && *text != '\0')
    {
      uint32_t c = 0;
      size_t len = read_char (text, &c);
      bool plain = len > 0 && is_plain (c);

      if (n_chars + 1 == max_chars)
        cut = at;
      if (n_chars == max_chars)
        {
          memcpy (copy + cut, ELLIPSIS, sizeof ELLIPSIS);
          return copy;
        }

      if (plain)
        memcpy (copy + at, text, len);
      else
        memcpy (copy + at, REPLACEMENT, strlen (REPLACEMENT));
      at += plain ? len : strlen (REPLACEMENT);
      text += len > 0 ? len : 1;
      n_chars++;
    }

  copy[at] = '\0';

  return copy;
}

/* -- Items --------------------------------------------------------------------------------- */

static bool
has_id (const VmpTrayItems *self,
        int                 id)
{
  for (size_t i = 0; i < self->n_items; i++)
    {
      if (self->items[i].id == id)
        return true;
    }

  return false;
}

/* How deep the next item can be. */
static unsigned
deepest (const VmpTrayItems *self)
{
  const VmpTrayItem *last = self->n_items > 0 ? &self->items[self->n_items - 1] : NULL;

  if (last == NULL)
    return 0;

  return last->depth + (last->kind == VMP_TRAY_ITEM_SUBMENU ? 1 : 0);
}

VmpTrayItems
vmp_tray_items_copy (const VmpTrayItem *items,
                     size_t             n_items)
{
  VmpTrayItems self = { allocate (n_items < VMP_TRAY_MAX_ITEMS ? n_items : VMP_TRAY_MAX_ITEMS, sizeof *items), 0 };
  int own_id = VMP_TRAY_FIRST_OWN_ID;

  for (size_t i = 0; i < n_items && self.n_items < VMP_TRAY_MAX_ITEMS; i++)
    {
      VmpTrayItem item = items[i];

      if (item.kind == VMP_TRAY_ITEM_SEPARATOR && item.id == 0)
        item.id = own_id++;
      if (item.id <= 0 || has_id (&self, item.id))
        continue;

      if (item.depth > deepest (&self))
        item.depth = deepest (&self);
      item.checked = item.checked && item.kind == VMP_TRAY_ITEM_CHECK;
      item.label = item.kind != VMP_TRAY_ITEM_SEPARATOR ? vmp_tray_text (item.label, VMP_TRAY_LABEL_CHARS) : NULL;
      self.items[self.n_items++] = item;
    }

  return self;
}

void
vmp_tray_items_clear (VmpTrayItems *self)
{
  for (size_t i = 0; i < self->n_items; i++)
    free ((char *) self->items[i].label);
  free (self->items);
  *self = (VmpTrayItems) { NULL, 0 };
}
