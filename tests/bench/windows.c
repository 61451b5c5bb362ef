/* SPDX-License-Identifier: MIT
 *
 * How smooth the windows are with 500 nodes, 1,000 models and 200 running requests, of which the gateway tells without
 * end: each page is opened, scrolled from one end to the other and left open, and the longest frames are printed. Run
 * by desktop, on a display of its own; README.md says how to read the table.
 *
 *   windows [PAGE...]     a part of the name of a page; all of them when there is none
 */

#include <adwaita.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "app/mirror/vmp-mirror.h"
#include "app/windows/vmp-approvals-window.h"
#include "app/windows/vmp-chat-view.h"
#include "app/windows/vmp-window.h"
#include "core/vmp-json.h"
#include "windows-gateway.h"

/* No frame may take longer. */
#define LIMIT_MS 50

#define OPENING_MS 2000
#define SCROLLING_MS 2500
#define LIVING_MS 5000
#define WAIT_MS 20000

#define CHAT_MESSAGES 200

/* -- What is measured ---------------------------------------------------------------------- */

/* All in ms. CPU is that of this thread alone: what else the machine does is not in it. */
typedef struct {
  double turn;    /* CPU of one turn of the main loop */
  double frame;   /* CPU from the end of one frame to the end of the next one */
  double gap;     /* that in time, without what the thread waited for a processor */
  guint n_frames;
} Longest;

typedef struct {
  double cpu;
  double wall;
  double waited;
} Moment;

static Longest longest;
static Moment frame_end;        /* or the beginning of what is measured */
static double turn_start;
static int schedstat = -1;      /* descriptor */
static gboolean is_verbose;

static double
read_clock (clockid_t clock)
{
  struct timespec now;

  clock_gettime (clock, &now);

  return (double) now.tv_sec * 1e3 + (double) now.tv_nsec / 1e6;
}

/* How long this thread could have run and had no processor; 0 where Linux does not tell. */
static double
read_waited (void)
{
  char text[96];
  gssize n = schedstat >= 0 ? pread (schedstat, text, sizeof text - 1, 0) : -1;
  char *end;

  if (n <= 0)
    return 0;

  text[n] = '\0';
  g_ascii_strtoull (text, &end, 10);

  return (double) g_ascii_strtoull (end, NULL, 10) / 1e6;
}

/* The main loop polls between two turns. */
static int
poll_cb (GPollFD *fds,
         guint    n_fds,
         int      timeout)
{
  int result;

  longest.turn = MAX (longest.turn, read_clock (CLOCK_THREAD_CPUTIME_ID) - turn_start);
  result = g_poll (fds, n_fds, timeout);
  turn_start = read_clock (CLOCK_THREAD_CPUTIME_ID);

  return result;
}

static Moment
read_moment (void)
{
  return (Moment) { read_clock (CLOCK_THREAD_CPUTIME_ID), read_clock (CLOCK_MONOTONIC), read_waited () };
}

static void
after_paint_cb (GdkFrameClock *clock,
                gpointer       user_data)
{
  Moment now = read_moment ();
  double frame = now.cpu - frame_end.cpu;

  longest.frame = MAX (longest.frame, frame);
  longest.gap = MAX (longest.gap, now.wall - frame_end.wall - (now.waited - frame_end.waited));
  longest.n_frames++;
  if (is_verbose && frame > LIMIT_MS / 2)
    g_printerr ("  frame %u: %.1f ms\n", longest.n_frames, frame);
  frame_end = now;
}

/* As long as something moves there is a frame after the other. */
static gboolean
tick_cb (GtkWidget     *widget,
         GdkFrameClock *clock,
         gpointer       user_data)
{
  return G_SOURCE_CONTINUE;
}

static void
watch (GtkWidget *window)
{
  g_signal_connect (gtk_widget_get_frame_clock (window), "after-paint", G_CALLBACK (after_paint_cb), NULL);
  gtk_widget_add_tick_callback (window, tick_cb, NULL, NULL);
}

static void
run_for (int ms)
{
  double until = read_clock (CLOCK_MONOTONIC) + ms;

  while (read_clock (CLOCK_MONOTONIC) < until)
    g_main_context_iteration (NULL, TRUE);
}

/* -- The table ----------------------------------------------------------------------------- */

typedef enum {
  OPENING,
  SCROLLING,
  LIVING,
  N_PHASES
} Phase;

static const char * const phases[N_PHASES] = { "opening", "scrolling", "living" };

static Longest row[N_PHASES];
static GString *faults;

static void
begin (void)
{
  memset (&longest, 0, sizeof longest);
  frame_end = read_moment ();
  turn_start = frame_end.cpu;
}

static void
end (Phase phase)
{
  row[phase] = longest;
}

static void
print_head (void)
{
  g_print ("Windows, with %d nodes (and %d that wait), %d models, %d running requests, %d events a second.\n"
           "The longest frames; CPU of the windows' thread, at most %d ms:\n\n"
           "%-22s %31s %18s %14s %7s\n%-22s %10s %10s %10s %18s %14s\n",
           BENCH_NODES, BENCH_WAITING, BENCH_MODELS, BENCH_RUNNING, BENCH_REQUEST_EVENTS + BENCH_NODE_EVENTS,
           LIMIT_MS, "", "CPU of a frame, ms", "of a turn of the", "gap between", "frames", "", phases[OPENING],
           phases[SCROLLING], phases[LIVING], "main loop, ms", "frames, ms");
}

static void
print_row (const char *name)
{
  double turn = 0;
  double gap = 0;
  guint n_frames = 0;

  g_print ("%-22s", name);
  for (guint i = 0; i < N_PHASES; i++)
    {
      double worst = MAX (row[i].frame, row[i].turn);

      turn = MAX (turn, row[i].turn);
      gap = MAX (gap, row[i].gap);
      n_frames += row[i].n_frames;
      g_print (" %10.1f", row[i].frame);
      if (worst > LIMIT_MS)
        g_string_append_printf (faults, "too long: %s, %s: %.1f ms\n", name, phases[i], worst);
      if (row[i].n_frames == 0)
        g_string_append_printf (faults, "not measured: %s, %s: there was no frame\n", name, phases[i]);
    }
  g_print (" %18.1f %14.1f %7u\n", turn, gap, n_frames);
}

/* -- What a person does -------------------------------------------------------------------- */

/* The scrolled one below @widget that has most to be scrolled. (transfer none) (nullable) */
static GtkAdjustment *
find_longest (GtkWidget *widget)
{
  GtkAdjustment *best = NULL;

  if (!gtk_widget_get_mapped (widget))
    return NULL;
  if (GTK_IS_SCROLLED_WINDOW (widget))
    best = gtk_scrolled_window_get_vadjustment (GTK_SCROLLED_WINDOW (widget));

  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL;
       child = gtk_widget_get_next_sibling (child))
    {
      GtkAdjustment *other = find_longest (child);

      if (other != NULL && (best == NULL || gtk_adjustment_get_upper (other) > gtk_adjustment_get_upper (best)))
        best = other;
    }

  return best;
}

/* (transfer none) (nullable): the first mapped widget of @type below @widget */
static GtkWidget *
find (GtkWidget *widget,
      GType      type)
{
  if (!gtk_widget_get_mapped (widget))
    return NULL;
  if (g_type_is_a (G_OBJECT_TYPE (widget), type))
    return widget;

  for (GtkWidget *child = gtk_widget_get_first_child (widget); child != NULL;
       child = gtk_widget_get_next_sibling (child))
    {
      GtkWidget *found = find (child, type);

      if (found != NULL)
        return found;
    }

  return NULL;
}

typedef struct {
  GtkAdjustment *adjustment;
  double start;
} Scrolling;

static gboolean
scroll_cb (GtkWidget     *widget,
           GdkFrameClock *clock,
           gpointer       user_data)
{
  Scrolling *self = user_data;
  double done = MIN ((read_clock (CLOCK_MONOTONIC) - self->start) / (SCROLLING_MS * 0.8), 1);
  double end = gtk_adjustment_get_upper (self->adjustment) - gtk_adjustment_get_page_size (self->adjustment);

  gtk_adjustment_set_value (self->adjustment, end * done);

  return done < 1 ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
}

static void
scroll (GtkWidget *window)
{
  Scrolling scrolling = { find_longest (window), read_clock (CLOCK_MONOTONIC) };

  begin ();
  if (scrolling.adjustment != NULL)
    gtk_widget_add_tick_callback (window, scroll_cb, &scrolling, NULL);
  run_for (SCROLLING_MS);
  end (SCROLLING);
}

/* What was opened between begin() and this. */
static void
use (GtkWidget  *window,
     const char *name)
{
  run_for (OPENING_MS);
  end (OPENING);
  scroll (window);
  begin ();
  run_for (LIVING_MS);
  end (LIVING);
  print_row (name);
}

/* -- The pages ----------------------------------------------------------------------------- */

static VmpMirror *mirror;
static char **wanted;

static gboolean
is_wanted (const char *name)
{
  if (*wanted == NULL)
    return TRUE;

  for (char **word = wanted; *word != NULL; word++)
    if (strstr (name, *word) != NULL)
      return TRUE;

  return FALSE;
}

static void
activate_first (GtkWidget *window)
{
  GtkWidget *list = find (window, GTK_TYPE_LIST_VIEW);

  if (list != NULL)
    g_signal_emit_by_name (list, "activate", 0);
}

static void
use_pages (GtkWidget *window)
{
  static const struct {
    const char *name;
    const char *page;
    const char *node;           /* opened there */
    gboolean opens_first;       /* the first one that is listed */
  } pages[] = {
    { "overview", "overview" },
    { "nodes", "nodes" },
    { "nodes: one", "nodes", .node = BENCH_NODE_ID },
    { "models", "models" },
    { "models: one", "models", .opens_first = TRUE },
    { "routes", "routes" },
    { "activity", "activity" },
    { "activity: one", "activity", .opens_first = TRUE },
    { "sharing", "sharing" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (pages); i++)
    {
      if (!is_wanted (pages[i].name))
        continue;

      if (pages[i].opens_first)
        {
          vmp_window_show_page (VMP_WINDOW (window), pages[i].page);
          run_for (OPENING_MS);
        }
      begin ();
      if (pages[i].opens_first)
        activate_first (window);
      else if (pages[i].node != NULL)
        gtk_widget_activate_action (window, "win.show-node", "s", pages[i].node);
      else
        vmp_window_show_page (VMP_WINDOW (window), pages[i].page);
      use (window, pages[i].name);
    }
}

/* A conversation of questions and answers with code in them. (transfer full) */
static JsonNode *
make_conversation (void)
{
  g_autoptr (GString) text = g_string_new ("{\"format\":1,\"title\":\"Bench\",\"target\":\"vampire:auto\","
                                           "\"system_prompt\":\"\",\"parameters\":{},\"messages\":[");

  for (guint i = 0; i < CHAT_MESSAGES / 2; i++)
    g_string_append_printf (text,
                            "%s{\"role\":\"user\",\"text\":\"How is the **%u**th thing done, in a few words?\"},"
                            "{\"role\":\"assistant\",\"state\":\"done\",\"text\":\"It is done **so**:\\n\\n- first "
                            "`this`, which takes a while\\n- then that, which does not\\n\\n```c\\nint main (void)\\n"
                            "{\\n  return %u;\\n}\\n```\\n\\nAnd that is [all](http://example.org/) of it, as far as "
                            "anybody knows who was asked.\",\"reasoning\":\"Let me see.\",\"node\":\"" BENCH_NODE_ID
                            "\",\"model\":\"qwen/qwen3-4b\",\"request_id\":\"req_%u\",\"first_token_ms\":180.5,"
                            "\"tokens_per_second\":44.5,\"duration_ms\":900.0,\"completion_tokens\":40}",
                            i > 0 ? "," : "", i, i, i);
  g_string_append (text, "]}");

  return vmp_json_parse (text->str, text->len, NULL);
}

static void
use_playground (GtkWidget *window)
{
  g_autoptr (JsonNode) conversation = make_conversation ();
  VmpChat *chat;

  if (!is_wanted ("playground"))
    return;

  begin ();
  vmp_window_show_page (VMP_WINDOW (window), "playground");
  use (window, "playground");

  chat = vmp_chat_view_get_chat (VMP_CHAT_VIEW (find (window, VMP_TYPE_CHAT_VIEW)));
  begin ();
  vmp_chat_ask (chat, "Write on and on.", NULL);
  use (window, "playground: an answer");
  if (!vmp_chat_is_writing (chat))
    g_string_append (faults, "not measured: playground: no answer came\n");
  vmp_chat_stop (chat);
  run_for (OPENING_MS);

  begin ();
  if (!vmp_chat_load_document (chat, json_node_get_object (conversation)))
    g_string_append (faults, "not measured: playground: the conversation cannot be read\n");
  use (window, "playground: long chat");
}

static void
use_approvals (void)
{
  GtkWidget *window;

  if (!is_wanted ("approvals"))
    return;

  begin ();
  window = GTK_WIDGET (vmp_approvals_window_new (NULL, mirror));
  gtk_window_present (GTK_WINDOW (window));
  watch (window);
  use (window, "approvals");
  gtk_window_destroy (GTK_WINDOW (window));
}

/* -- All of it ----------------------------------------------------------------------------- */

static void
fail (const char *message)
{
  g_printerr ("windows: %s\n", message);
  exit (2);
}

static void
await_lists (void)
{
  double until = read_clock (CLOCK_MONOTONIC) + WAIT_MS;

  while (!vmp_mirror_has (mirror, VMP_TOPIC_STATUS) || !vmp_mirror_has (mirror, VMP_TOPIC_NODES))
    {
      if (read_clock (CLOCK_MONOTONIC) > until)
        fail ("the gateway does not answer");
      g_main_context_iteration (NULL, TRUE);
    }
}

/* As the application does by itself. */
static void
load_style (void)
{
  g_autoptr (GtkCssProvider) provider = gtk_css_provider_new ();

  gtk_css_provider_load_from_resource (provider, "/io/github/lmstudio_vampire/Vampire/style.css");
  gtk_style_context_add_provider_for_display (gdk_display_get_default (), GTK_STYLE_PROVIDER (provider),
                                              GTK_STYLE_PROVIDER_PRIORITY_APPLICATION);
}

int
main (int    argc,
      char **argv)
{
  guint16 port = bench_windows_gateway_start ();
  g_autofree char *url = g_strdup_printf ("http://127.0.0.1:%u", port);
  g_autoptr (VmpSettings) settings = NULL;
  g_autoptr (VmpLink) link = NULL;
  GtkWidget *window;

  if (port == 0)
    fail ("its gateway does not start");

  wanted = argv + 1;
  is_verbose = g_getenv ("VAMPIRE_BENCH_VERBOSE") != NULL;
  faults = g_string_new (NULL);
  schedstat = open ("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
  adw_init ();
  load_style ();

  settings = vmp_settings_load (NULL, NULL, NULL);
  link = vmp_link_new (url, settings);
  mirror = vmp_mirror_new (link);
  vmp_link_start (link);
  await_lists ();

  g_main_context_set_poll_func (NULL, poll_cb);
  window = GTK_WIDGET (vmp_window_new (NULL, mirror));
  gtk_window_present (GTK_WINDOW (window));
  watch (window);
  print_head ();
  /* From its first frame on. */
  run_for (OPENING_MS);
  use_pages (window);
  use_playground (window);
  gtk_window_destroy (GTK_WINDOW (window));
  use_approvals ();

  vmp_link_stop (link);
  g_object_unref (mirror);
  g_print ("\n%s", faults->len > 0 ? faults->str : "Each frame is within its limit.\n");

  return faults->len > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
