/* SPDX-License-Identifier: MIT
 *
 * The tray as macOS has it: an NSStatusItem in the menu bar. No GLib. Everything runs on the main thread, whose run loop
 * must be that of NSApplication; it is to be made after the application has launched.
 *
 * To be compiled with -fno-objc-arc. Checked against GNUstep's headers only (-fsyntax-only): neither built nor run on
 * macOS yet.
 */

#import <AppKit/AppKit.h>

#include "platform/vmp-tray-private.h"

#include <stdlib.h>

/* Between two changes that are shown. */
#define CHANGE_S 0.25

/* Points of an icon in the menu bar. */
#define ICON_POINTS 16

/* What is clicked. GNUstep knows the status item alone. */
#ifdef __APPLE__
#define BUTTON(status_item) [(status_item) button]
#else
#define BUTTON(status_item) (status_item)
#endif

@interface VmpTrayTarget : NSObject <NSMenuDelegate>
{
@public
  VmpTray *tray;   /* NULL once it was freed */
}
- (void) clicked: (id) sender;
- (void) chosen: (NSMenuItem *) item;
- (void) show: (id) unused;
- (void) tellAvailable: (id) unused;
@end

struct _VmpTray {
  const VmpTrayFuncs *funcs;
  void *user_data;
  char *title;
  NSStatusItem *status_item;   /* nil until there is something to show */
  NSMenu *menu;
  VmpTrayTarget *target;
  VmpTrayState state;
  char *tooltip;
  VmpTrayItems items;
  bool waits;                  /* show: is going to be called */
  bool is_told;
};

/* -- What is shown ------------------------------------------------------------------------- */

/* As a template: the menu bar chooses the colour, and so only coverage counts. */
static NSImage *
create_image (VmpTrayState state)
{
  NSImage *image = [[NSImage alloc] initWithSize: NSMakeSize (ICON_POINTS, ICON_POINTS)];

  for (int scale = 1; scale <= 2; scale++)
    {
      const VmpTrayMask *mask = vmp_tray_mask (state, ICON_POINTS * scale);
      NSBitmapImageRep *bitmap;
      unsigned char *pixels;

      if (mask == NULL || mask->size != ICON_POINTS * scale)
        continue;

      bitmap = [[NSBitmapImageRep alloc] initWithBitmapDataPlanes: NULL
                                                       pixelsWide: mask->size
                                                       pixelsHigh: mask->size
                                                    bitsPerSample: 8
                                                  samplesPerPixel: 4
                                                         hasAlpha: YES
                                                         isPlanar: NO
                                                   colorSpaceName: NSDeviceRGBColorSpace
                                                      bytesPerRow: mask->size * 4
                                                     bitsPerPixel: 32];
      pixels = [bitmap bitmapData];
      for (int i = 0; i < mask->size * mask->size; i++)
        {
          pixels[i * 4] = pixels[i * 4 + 1] = pixels[i * 4 + 2] = 0;
          pixels[i * 4 + 3] = mask->coverage[i];
        }
      [bitmap setSize: NSMakeSize (ICON_POINTS, ICON_POINTS)];
      [image addRepresentation: bitmap];
      [bitmap release];
    }
  [image setTemplate: YES];

  return image;
}

/* The items from @at on that are at @level or deeper. */
static void
fill_menu (VmpTray *self,
           NSMenu  *menu,
           size_t   at,
           unsigned level)
{
  for (; at < self->items.n_items && self->items.items[at].depth >= level; at++)
    {
      const VmpTrayItem *item = &self->items.items[at];
      NSMenuItem *entry;

      if (item->depth > level)
        continue;
      if (item->kind == VMP_TRAY_ITEM_SEPARATOR)
        {
          [menu addItem: [NSMenuItem separatorItem]];
          continue;
        }

      entry = [[NSMenuItem alloc] initWithTitle: [NSString stringWithUTF8String: item->label]
                                         action: @selector (chosen:)
                                  keyEquivalent: @""];
      [entry setTarget: self->target];
      [entry setTag: item->id];
      [entry setEnabled: item->enabled];
      [entry setState: item->checked ? NSControlStateValueOn : NSControlStateValueOff];
      if (item->kind == VMP_TRAY_ITEM_SUBMENU)
        {
          NSMenu *submenu = [[NSMenu alloc] initWithTitle: @""];

          [submenu setAutoenablesItems: NO];
          fill_menu (self, submenu, at + 1, level + 1);
          [entry setSubmenu: submenu];
          [submenu release];
        }
      [menu addItem: entry];
      [entry release];
    }
}

/* -- What people do ------------------------------------------------------------------------ */

@implementation VmpTrayTarget

/* Where there is a menu, a click opens that, as everywhere in the menu bar. */
- (void) clicked: (id) sender
{
  (void) sender;
  if (tray != NULL)
    tray->funcs->activated (tray->user_data, NULL);
}

- (void) chosen: (NSMenuItem *) item
{
  if (tray != NULL)
    tray->funcs->chosen (tray->user_data, [item tag], NULL);
}

/* Filled when it opens, so that it is never changed under the mouse. */
- (void) menuNeedsUpdate: (NSMenu *) menu
{
  if (tray == NULL)
    return;

  [menu removeAllItems];
  fill_menu (tray, menu, 0, 0);
}

- (void) show: (id) unused
{
  NSString *text;
  NSImage *image;

  (void) unused;
  if (tray == NULL)
    return;

  tray->waits = false;
  if (tray->status_item == nil)
    {
      tray->status_item = [[[NSStatusBar systemStatusBar] statusItemWithLength: NSVariableStatusItemLength] retain];
      [BUTTON (tray->status_item) setTarget: self];
      [BUTTON (tray->status_item) setAction: @selector (clicked:)];
    }

  text = [NSString stringWithFormat: @"%@\n%@", [NSString stringWithUTF8String: tray->title],
                                     [NSString stringWithUTF8String: tray->tooltip]];
  image = create_image (tray->state);
  [BUTTON (tray->status_item) setImage: image];
  [BUTTON (tray->status_item) setToolTip: text];
  [tray->status_item setMenu: tray->items.n_items > 0 ? tray->menu : nil];
  [image release];
}

- (void) tellAvailable: (id) unused
{
  (void) unused;
  if (tray == NULL || tray->is_told)
    return;

  tray->is_told = true;
  tray->funcs->available (tray->user_data, true);
}

@end

/* -- Life ---------------------------------------------------------------------------------- */

VmpTray *
vmp_tray_new (const char         *app_id,
              const char         *title,
              const char         *icon_dir,
              const VmpTrayFuncs *funcs,
              void               *user_data)
{
  VmpTray *self = calloc (1, sizeof *self);

  (void) app_id;
  (void) icon_dir;
  if (self == NULL)
    abort ();

  self->funcs = funcs;
  self->user_data = user_data;
  self->title = vmp_tray_text (title, VMP_TRAY_LABEL_CHARS);
  self->tooltip = vmp_tray_text (NULL, 0);
  self->target = [[VmpTrayTarget alloc] init];
  self->target->tray = self;
  self->menu = [[NSMenu alloc] initWithTitle: @""];
  [self->menu setAutoenablesItems: NO];
  [self->menu setDelegate: self->target];

  /* There is always a menu bar. */
  [self->target performSelector: @selector (tellAvailable:) withObject: nil afterDelay: 0];

  return self;
}

void
vmp_tray_free (VmpTray *self)
{
  if (self == NULL)
    return;

  [NSObject cancelPreviousPerformRequestsWithTarget: self->target];
  if (self->status_item != nil)
    {
      [[NSStatusBar systemStatusBar] removeStatusItem: self->status_item];
      [self->status_item release];
    }
  [self->menu setDelegate: nil];
  [self->menu release];
  self->target->tray = NULL;
  [self->target release];
  vmp_tray_items_clear (&self->items);
  free (self->tooltip);
  free (self->title);
  free (self);
}

void
vmp_tray_set (VmpTray           *self,
              VmpTrayState       state,
              const char        *tooltip,
              const VmpTrayItem *items,
              size_t             n_items)
{
  vmp_tray_items_clear (&self->items);
  self->items = vmp_tray_items_copy (items, n_items);
  free (self->tooltip);
  self->tooltip = vmp_tray_text (tooltip, VMP_TRAY_TOOLTIP_CHARS);
  self->state = state;

  if (!self->waits)
    {
      self->waits = true;
      [self->target performSelector: @selector (show:)
                         withObject: nil
                         afterDelay: self->status_item != nil ? CHANGE_S : 0];
    }
}

bool
vmp_tray_is_available (const VmpTray *self)
{
  return self->is_told;
}
