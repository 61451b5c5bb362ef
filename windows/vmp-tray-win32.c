/* SPDX-License-Identifier: MIT
 *
 * The tray as Windows 10 and later have it: an icon in the taskbar's notification area with a menu, by
 * Shell_NotifyIconW, version 4. Plain Win32, no GLib. Needs the thread that made it to get its messages, as any message
 * loop and GLib's own do.
 *
 * Built by mingw-w64 and run under Wine by test-tray-win32.c; not yet run on Windows itself.
 */

#define WIN32_LEAN_AND_MEAN
#define _WIN32_WINNT 0x0a00
#define UNICODE

#include "platform/vmp-tray-private.h"

#include <windows.h>

#include <shellapi.h>
#include <stdlib.h>
#include <windowsx.h>

#define CLASS_NAME L"VampireTray"
#define ICON_ID 1

#define MESSAGE_ICON (WM_APP + 1)  /* from the taskbar */
#define MESSAGE_TELL (WM_APP + 2)  /* to ourselves: say whether there is a place for the icon */

/* Between two changes that the taskbar is told. */
#define CHANGE_MS 250
/* Until an icon is tried again that the taskbar did not take: at the start of a session it may be busy. */
#define RETRY_MS 5000

enum {
  TIMER_CHANGE = 1,
  TIMER_RETRY
};

struct _VmpTray {
  wchar_t *title;
  const VmpTrayFuncs *funcs;
  void *user_data;
  HWND window;
  UINT taskbar_created;  /* the message that a new taskbar sends */

  bool is_set;
  VmpTrayState state;
  wchar_t *tooltip;
  VmpTrayItems items;
  bool has_changed;
  bool waits;            /* TIMER_CHANGE runs */

  bool is_added;
  HICON icon;            /* NULL: none yet */
  bool icon_is_ours;     /* to be destroyed */

  bool is_available;
  bool is_known;
  bool is_told;

  bool *is_freed;        /* while a menu is open, which has a message loop of its own */
};

/* -- Text ---------------------------------------------------------------------------------- */

static wchar_t *
to_wide (const char *text)
{
  int len = MultiByteToWideChar (CP_UTF8, 0, text, -1, NULL, 0);
  wchar_t *wide = calloc (len > 0 ? len : 1, sizeof *wide);

  if (wide == NULL)
    abort ();
  if (len > 0)
    MultiByteToWideChar (CP_UTF8, 0, text, -1, wide, len);

  return wide;
}

/* "&" marks the letter that an item is reached by; two of them are one to be read. */
static wchar_t *
to_label (const char *text)
{
  wchar_t *wide = to_wide (text);
  wchar_t *label = calloc (2 * wcslen (wide) + 1, sizeof *label);
  size_t n = 0;

  if (label == NULL)
    abort ();
  for (const wchar_t *from = wide; *from != L'\0'; from++)
    {
      if (*from == L'&')
        label[n++] = L'&';
      label[n++] = *from;
    }
  free (wide);

  return label;
}

/* As much of it as fits, and never half a character. */
static void
append (wchar_t       *text,
        size_t         size,
        const wchar_t *more)
{
  size_t n = wcslen (text);

  while (*more != L'\0' && n + 1 < size)
    text[n++] = *more++;
  if (*more != L'\0' && n > 0 && IS_HIGH_SURROGATE (text[n - 1]))
    n--;
  text[n] = L'\0';
}

/* -- The icon ------------------------------------------------------------------------------ */

static HICON
create_icon (const VmpTrayMask *mask)
{
  BITMAPV5HEADER header = { .bV5Size = sizeof header };
  ICONINFO info = { .fIcon = TRUE };
  void *bits = NULL;
  HICON icon = NULL;

  header.bV5Width = mask->size;
  header.bV5Height = -mask->size; /* rows from the top */
  header.bV5Planes = 1;
  header.bV5BitCount = 32;
  header.bV5Compression = BI_BITFIELDS;
  header.bV5RedMask = 0x00ff0000;
  header.bV5GreenMask = 0x0000ff00;
  header.bV5BlueMask = 0x000000ff;
  header.bV5AlphaMask = 0xff000000;

  info.hbmColor = CreateDIBSection (NULL, (BITMAPINFO *) &header, DIB_RGB_COLORS, &bits, NULL, 0);
  info.hbmMask = CreateBitmap (mask->size, mask->size, 1, 1, NULL);
  if (info.hbmColor != NULL && info.hbmMask != NULL)
    {
      vmp_tray_mask_paint (mask, bits);
      icon = CreateIconIndirect (&info);
    }
  if (info.hbmColor != NULL)
    DeleteObject (info.hbmColor);
  if (info.hbmMask != NULL)
    DeleteObject (info.hbmMask);

  return icon;
}

static void
drop_icon (VmpTray *self)
{
  if (self->icon_is_ours)
    DestroyIcon (self->icon);
  self->icon = NULL;
  self->icon_is_ours = false;
}

/* In a colour that can be seen on taskbars of either theme. */
static void
load_icon (VmpTray *self)
{
  int size = GetSystemMetricsForDpi (SM_CXSMICON, GetDpiForWindow (self->window));
  const VmpTrayMask *mask = vmp_tray_mask (self->state, size);

  drop_icon (self);
  self->icon = mask != NULL ? create_icon (mask) : NULL;
  self->icon_is_ours = self->icon != NULL;
  if (self->icon == NULL)
    self->icon = LoadIconW (NULL, IDI_APPLICATION);
}

static void
update_available (VmpTray *self,
                  bool     is_available)
{
  self->is_available = is_available;
  if (self->is_known && self->is_told == is_available)
    return;

  self->is_known = true;
  self->is_told = is_available;
  self->funcs->available (self->user_data, is_available);
}

static bool
notify (VmpTray *self,
        DWORD    message)
{
  NOTIFYICONDATAW data = { .cbSize = sizeof data };

  data.hWnd = self->window;
  data.uID = ICON_ID;
  data.uVersion = NOTIFYICON_VERSION_4;
  if (message == NIM_ADD || message == NIM_MODIFY)
    {
      data.uFlags = NIF_MESSAGE | NIF_ICON | NIF_TIP | NIF_SHOWTIP;
      data.uCallbackMessage = MESSAGE_ICON;
      data.hIcon = self->icon;
      append (data.szTip, ARRAYSIZE (data.szTip), self->title);
      if (self->tooltip[0] != L'\0')
        append (data.szTip, ARRAYSIZE (data.szTip), L"\n");
      append (data.szTip, ARRAYSIZE (data.szTip), self->tooltip);
    }
  return Shell_NotifyIconW (message, &data);
}

/* Says what the taskbar is to show; adds the icon where it is not there. Comes from the message loop only. */
static void
show (VmpTray *self)
{
  HICON old_icon = self->icon;
  bool old_is_ours = self->icon_is_ours;

  /* The taskbar may still draw the one before until it has the next. */
  self->icon = NULL;
  self->icon_is_ours = false;
  load_icon (self);
  self->is_added = notify (self, NIM_MODIFY) || (notify (self, NIM_ADD) && notify (self, NIM_SETVERSION));
  if (old_is_ours)
    DestroyIcon (old_icon);

  if (self->is_added)
    KillTimer (self->window, TIMER_RETRY);
  else
    SetTimer (self->window, TIMER_RETRY, RETRY_MS, NULL);
  update_available (self, self->is_added);
}

/* -- The menu ------------------------------------------------------------------------------ */

/* The items from @at on that are at @level or deeper. An item's command is its place in the list, from 1 on: not all
 * ids are short enough. */
static HMENU
build_menu (const VmpTrayItems *items,
            size_t              at,
            unsigned            level)
{
  HMENU menu = CreatePopupMenu ();

  for (; at < items->n_items && items->items[at].depth >= level; at++)
    {
      const VmpTrayItem *item = &items->items[at];
      UINT flags = MF_STRING | (item->enabled ? MF_ENABLED : MF_GRAYED) | (item->checked ? MF_CHECKED : 0);
      wchar_t *label;

      if (item->depth > level)
        continue;
      if (item->kind == VMP_TRAY_ITEM_SEPARATOR)
        {
          AppendMenuW (menu, MF_SEPARATOR, 0, NULL);
          continue;
        }

      label = to_label (item->label);
      if (item->kind == VMP_TRAY_ITEM_SUBMENU)
        AppendMenuW (menu, flags | MF_POPUP, (UINT_PTR) build_menu (items, at + 1, level + 1), label);
      else
        AppendMenuW (menu, flags, at + 1, label);
      free (label);
    }

  return menu;
}

/* It has a message loop of its own, in which all can happen: also that the tray is freed, or set to other items. */
static void
open_menu (VmpTray *self,
           int      x,
           int      y)
{
  VmpTrayItems items = vmp_tray_items_copy (self->items.items, self->items.n_items);
  HWND window = self->window;
  bool is_freed = false;
  HMENU menu;
  int command;

  if (items.n_items == 0 || self->is_freed != NULL)
    {
      vmp_tray_items_clear (&items);
      return;
    }

  menu = build_menu (&items, 0, 0);
  self->is_freed = &is_freed;
  /* Else it would stay open when something else is clicked (KB135788), as would one without the message after it. */
  SetForegroundWindow (window);
  command = TrackPopupMenu (menu, TPM_RETURNCMD | TPM_NONOTIFY | TPM_RIGHTBUTTON, x, y, 0, window, NULL);
  PostMessageW (window, WM_NULL, 0, 0);
  DestroyMenu (menu);

  if (!is_freed)
    self->is_freed = NULL;
  if (!is_freed && command > 0 && (size_t) command <= items.n_items)
    self->funcs->chosen (self->user_data, items.items[command - 1].id, NULL);
  vmp_tray_items_clear (&items);
}

/* -- Messages ------------------------------------------------------------------------------ */

/* With version 4 a click comes as the mouse's message and as NIN_SELECT: one of them counts. */
static void
icon_message (VmpTray *self,
              WPARAM   where,
              LPARAM   what)
{
  switch (LOWORD (what))
    {
    case NIN_SELECT:
    case NIN_KEYSELECT:
      self->funcs->activated (self->user_data, NULL);
      break;

    case WM_MBUTTONUP:
      self->funcs->secondary_activated (self->user_data, NULL);
      break;

    case WM_CONTEXTMENU:
      open_menu (self, GET_X_LPARAM (where), GET_Y_LPARAM (where));
      break;

    default:
      break;
    }
}

static void
timer (VmpTray *self,
       WPARAM   id)
{
  KillTimer (self->window, id);
  if (id == TIMER_RETRY)
    {
      show (self);
      return;
    }

  self->waits = false;
  if (!self->has_changed)
    return;

  self->has_changed = false;
  self->waits = true;
  SetTimer (self->window, TIMER_CHANGE, CHANGE_MS, NULL);
  show (self);
}

static LRESULT CALLBACK
window_proc (HWND   window,
             UINT   message,
             WPARAM wparam,
             LPARAM lparam)
{
  VmpTray *self = (VmpTray *) GetWindowLongPtrW (window, GWLP_USERDATA);

  if (self == NULL)
    return DefWindowProcW (window, message, wparam, lparam);

  if (message == self->taskbar_created)
    {
      /* Explorer was started again and knows of no icon. */
      if (self->is_set)
        show (self);
      else
        update_available (self, true);
      return 0;
    }

  switch (message)
    {
    case MESSAGE_ICON:
      icon_message (self, wparam, lparam);
      return 0;

    case MESSAGE_TELL:
      if (!self->is_known && !self->is_set)
        update_available (self, FindWindowW (L"Shell_TrayWnd", NULL) != NULL);
      return 0;

    case WM_TIMER:
      timer (self, wparam);
      return 0;

    case WM_DPICHANGED:
    case WM_DISPLAYCHANGE:
      if (self->is_added)
        show (self);
      return 0;

    default:
      return DefWindowProcW (window, message, wparam, lparam);
    }
}

/* -- Life ---------------------------------------------------------------------------------- */

VmpTray *
vmp_tray_new (const char         *app_id,
              const char         *title,
              const char         *icon_dir,
              const VmpTrayFuncs *funcs,
              void               *user_data)
{
  VmpTray *self = calloc (1, sizeof *self);
  HINSTANCE instance = GetModuleHandleW (NULL);
  WNDCLASSEXW class = { .cbSize = sizeof class };

  (void) app_id;
  (void) icon_dir;
  if (self == NULL)
    abort ();

  self->title = to_wide (title);
  self->tooltip = to_wide ("");
  self->funcs = funcs;
  self->user_data = user_data;
  self->taskbar_created = RegisterWindowMessageW (L"TaskbarCreated");

  class.lpfnWndProc = window_proc;
  class.hInstance = instance;
  class.lpszClassName = CLASS_NAME;
  RegisterClassExW (&class); /* or it is registered already */

  /* Hidden, but at the top level: windows for messages alone are not told that the taskbar is new. */
  self->window = CreateWindowExW (WS_EX_TOOLWINDOW, CLASS_NAME, self->title, WS_POPUP, 0, 0, 0, 0, NULL, NULL, instance,
                                  NULL);
  if (self->window != NULL)
    {
      SetWindowLongPtrW (self->window, GWLP_USERDATA, (LONG_PTR) self);
      PostMessageW (self->window, MESSAGE_TELL, 0, 0);
    }

  return self;
}

void
vmp_tray_free (VmpTray *self)
{
  if (self == NULL)
    return;

  if (self->is_freed != NULL)
    *self->is_freed = true;
  if (self->window != NULL)
    {
      notify (self, NIM_DELETE);
      SetWindowLongPtrW (self->window, GWLP_USERDATA, 0);
      DestroyWindow (self->window);
    }
  drop_icon (self);
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
  char *text = vmp_tray_text (tooltip, VMP_TRAY_TOOLTIP_CHARS);

  vmp_tray_items_clear (&self->items);
  self->items = vmp_tray_items_copy (items, n_items);
  free (self->tooltip);
  self->tooltip = to_wide (text);
  free (text);
  self->state = state;
  self->is_set = true;
  self->has_changed = true;

  /* A timer of no time comes from the message loop, and before the next change may be shown. */
  if (!self->waits && self->window != NULL)
    {
      self->waits = true;
      SetTimer (self->window, TIMER_CHANGE, USER_TIMER_MINIMUM, NULL);
    }
}

bool
vmp_tray_is_available (const VmpTray *self)
{
  return self->is_available;
}
