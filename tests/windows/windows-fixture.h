/* SPDX-License-Identifier: MIT
 *
 * What tests of windows share: a gateway that says what the test wants (unit/fake-gateway), the link and the mirror
 * that the windows know, a window to put a page in, and ways to find and use what is in it as a person would. They
 * run on a display of their own (with-display).
 */

#pragma once

#include <adwaita.h>

#include "app/mirror/vmp-mirror.h"
#include "../unit/fake-gateway.h"

G_BEGIN_DECLS

/* In place of g_test_init() and gtk_init(). */
void windows_test_init (int    *argc,
                        char ***argv);

typedef struct {
  FakeGateway *gateway;  /* has an answer for each topic: two approved nodes, one waiting, nothing shared */
  VmpLink *link;         /* connected, after windows_fixture_connect() */
  VmpMirror *mirror;
  GtkWidget *window;     /* the last one of windows_fixture_show(); NULL */
} WindowsFixture;

void windows_fixture_set_up (WindowsFixture *self,
                             gconstpointer   data);
/* Windows and what they are made of must be gone after it: leaks are found here. */
void windows_fixture_tear_down (WindowsFixture *self,
                                gconstpointer   data);

typedef void (*WindowsTest) (WindowsFixture *fixture,
                             gconstpointer   data);
/* A test with this fixture. */
void windows_test_add (const char   *path,
                       WindowsTest   test,
                       gconstpointer data);

/* Starts the link, and waits for it and for what the mirror always holds. */
void windows_fixture_connect (WindowsFixture *self);

/* Puts @child into a window with toasts, @width x 700, and waits until it is drawn. */
void windows_fixture_show (WindowsFixture *self,
                           GtkWidget      *child,
                           int             width);

/* Waits until what has happened is drawn. */
void windows_await_frame (GtkWidget *widget);

/* The first widget below @root that is of @type, is mapped, and shows or is named @text: a label, a button, the
 * title of a row, a tooltip. @text: NULL: any. NULL: there is none. */
GtkWidget *windows_find (GtkWidget  *root,
                         GType       type,
                         const char *text);
/* Whether @text is seen anywhere in it, also as a part of more text. */
gboolean windows_sees (GtkWidget  *root,
                       const char *text);

/* Presses a button, switches a switch, activates a row. It must be sensitive. */
void windows_press (GtkWidget *widget);

G_END_DECLS
