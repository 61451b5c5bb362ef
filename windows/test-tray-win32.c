/* SPDX-License-Identifier: MIT
 *
 * Tests of the tray on Windows, in TAP: the icon is taken, what the taskbar sends for clicks arrives as calls, an item
 * of the menu is chosen by the keyboard, a new taskbar gets the icon again. Runs under Wine on a screen.
 */

#define WIN32_LEAN_AND_MEAN
#define _WIN32_WINNT 0x0a00
#define UNICODE

#include "platform/vmp-tray.h"

#include <windows.h>

#include <shellapi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_ICON (WM_APP + 1)
#define PATIENCE_MS 60000

static char heard[256];
static int n_tests;

static void
hear (const char *word)
{
  strncat (heard, " ", sizeof heard - strlen (heard) - 1);
  strncat (heard, word, sizeof heard - strlen (heard) - 1);
}

static void
activated (void       *user_data,
           const char *token)
{
  hear ("activated");
}

static void
secondary_activated (void       *user_data,
                     const char *token)
{
  hear ("secondary");
}

static void
chosen (void       *user_data,
        int         id,
        const char *token)
{
  char word[16];

  snprintf (word, sizeof word, "%d", id);
  hear (word);
}

static void
available (void *user_data,
           bool  is_available)
{
  hear (is_available ? "yes" : "no");
}

static const VmpTrayFuncs funcs = {
  .activated = activated,
  .secondary_activated = secondary_activated,
  .chosen = chosen,
  .available = available,
};

static const VmpTrayItem menu[] = {
  { 1, VMP_TRAY_ITEM_ACTION, 0, "Works for this computer", false },
  { 0, VMP_TRAY_ITEM_SEPARATOR, 0 },
  { 100000, VMP_TRAY_ITEM_CHECK, 0, "Share & more", true, true },
  { 3, VMP_TRAY_ITEM_SUBMENU, 0, "Nodes", true },
  { 4, VMP_TRAY_ITEM_ACTION, 1, "attic", true },
  { 5, VMP_TRAY_ITEM_ACTION, 0, "Quit", true },
};

static void
report (const char *name,
        bool        ok)
{
  printf ("%s %d %s\n", ok ? "ok" : "not ok", ++n_tests, name);
  if (!ok)
    {
      printf ("# heard:%s\n", heard);
      exit (1);
    }
  heard[0] = '\0';
}

/* Runs the message loop until that was heard. */
static void
wait_for (const char *name,
          const char *words)
{
  ULONGLONG end = GetTickCount64 () + PATIENCE_MS;
  UINT_PTR ticks = SetTimer (NULL, 0, 100, NULL);
  MSG message;

  while (strcmp (heard, words) != 0 && GetTickCount64 () < end && GetMessageW (&message, NULL, 0, 0) > 0)
    DispatchMessageW (&message);
  KillTimer (NULL, ticks);
  report (name, strcmp (heard, words) == 0);
}

/* As the taskbar does. */
static void
click (HWND window,
       int  what)
{
  PostMessageW (window, MESSAGE_ICON, MAKEWPARAM (50, 50), MAKELPARAM (what, 1));
}

/* In the menu's own loop: down past the status line to the first item, and Enter. */
static void CALLBACK
menu_timer (HWND     window,
            UINT     message,
            UINT_PTR id,
            DWORD    time)
{
  if (FindWindowW (L"#32768", NULL) == NULL)
    return;

  KillTimer (NULL, id);
  PostMessageW (window != NULL ? window : FindWindowW (L"VampireTray", NULL), WM_KEYDOWN, VK_DOWN, 0);
  PostMessageW (FindWindowW (L"VampireTray", NULL), WM_KEYDOWN, VK_DOWN, 0);
  PostMessageW (FindWindowW (L"VampireTray", NULL), WM_KEYDOWN, VK_RETURN, 0);
}

int
main (int   argc,
      char *argv[])
{
  VmpTray *tray = vmp_tray_new ("io.github.lmstudio_vampire.Vampire", "Vampire", NULL, &funcs, NULL);
  HWND window;

  setvbuf (stdout, NULL, _IONBF, 0);
  vmp_tray_set (tray, VMP_TRAY_SHARING, "Ready", menu, ARRAYSIZE (menu));
  report ("calls come from the loop only", heard[0] == '\0');
  wait_for ("the taskbar takes the icon", " yes");
  report ("the icon is available", vmp_tray_is_available (tray));

  window = FindWindowW (L"VampireTray", NULL);
  report ("its window is at the top level, and hidden", window != NULL && !IsWindowVisible (window));

  click (window, WM_LBUTTONUP);
  click (window, NIN_SELECT);
  click (window, WM_MBUTTONUP);
  click (window, NIN_KEYSELECT);
  wait_for ("clicks arrive, each once", " activated secondary activated");

  SetTimer (NULL, 0, 100, menu_timer);
  click (window, WM_CONTEXTMENU);
  wait_for ("an item is chosen", " 100000");

  /* Explorer does so when it starts. */
  SendMessageW (window, RegisterWindowMessageW (L"TaskbarCreated"), 0, 0);
  report ("a new taskbar gets the icon", vmp_tray_is_available (tray) && heard[0] == '\0');

  for (int i = 0; i < 1000; i++)
    vmp_tray_set (tray, i % VMP_TRAY_N_STATES, "Changes", menu, ARRAYSIZE (menu));
  vmp_tray_set (tray, VMP_TRAY_OFF, "", NULL, 0);
  click (window, WM_CONTEXTMENU);
  click (window, NIN_SELECT);
  wait_for ("no menu without items", " activated");

  /* Time to look at it. */
  if (argc > 1)
    {
      vmp_tray_set (tray, VMP_TRAY_SHARING, "Ready", menu, ARRAYSIZE (menu));
      click (window, WM_CONTEXTMENU);
      wait_for ("somebody chooses Quit", " 5");
    }

  vmp_tray_free (tray);
  report ("its window is gone", FindWindowW (L"VampireTray", NULL) == NULL);
  printf ("1..%d\n", n_tests);

  return 0;
}
