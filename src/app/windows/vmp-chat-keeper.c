/* SPDX-License-Identifier: MIT
 *
 * Conversations in files. All that touches them runs on one thread of this object, in order: a deletion comes after the
 * writing before it, and nothing is written after it. The folder is open to its owner alone, as are the files.
 */

#include "app/windows/vmp-chat-keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/vmp-json.h"
#include "core/vmp-limits.h"
#include "core/vmp-text.h"

#define SUFFIX ".json"
#define TITLE_CHARS 60
#define ID_CHARS 32
#define STATE_FILE "playground.ini"
#define STATE_GROUP "playground"

/* Values in one conversation's document: a thousand messages with a dozen members each, and images. */
#define DOCUMENT_VALUES (64 * 1024)

struct _VmpChatKept {
  GObject parent_instance;

  char *id;
  char *title;
  gint64 time;
};

G_DEFINE_FINAL_TYPE (VmpChatKept, vmp_chat_kept, G_TYPE_OBJECT)

struct _VmpChatKeeper {
  GObject parent_instance;

  char *folder;
  char *state_path;
  gboolean keeps;
  char *last_target;
  GListStore *list;
  GThreadPool *thread; /* one, so that jobs are done in order */
};

G_DEFINE_FINAL_TYPE (VmpChatKeeper, vmp_chat_keeper, G_TYPE_OBJECT)

enum {
  PROP_0,
  PROP_KEEPS,
  PROP_LAST_TARGET,
  N_PROPS
};

enum {
  SIGNAL_FAILED,
  N_SIGNALS
};

static GParamSpec *properties[N_PROPS];
static guint signals[N_SIGNALS];

typedef enum {
  JOB_LIST,
  JOB_KEEP,
  JOB_READ,
  JOB_DELETE,
  JOB_DELETE_ALL
} JobKind;

typedef struct {
  JobKind kind;
  char *folder;
  char *id;
  JsonNode *document;
} Job;

static void
job_free (gpointer data)
{
  Job *self = data;

  g_free (self->folder);
  g_free (self->id);
  g_clear_pointer (&self->document, json_node_unref);
  g_free (self);
}

/* -- One kept conversation ----------------------------------------------------------------- */

static void
vmp_chat_kept_finalize (GObject *object)
{
  VmpChatKept *self = VMP_CHAT_KEPT (object);

  g_free (self->id);
  g_free (self->title);

  G_OBJECT_CLASS (vmp_chat_kept_parent_class)->finalize (object);
}

static void
vmp_chat_kept_class_init (VmpChatKeptClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = vmp_chat_kept_finalize;
}

static void
vmp_chat_kept_init (VmpChatKept *self)
{
}

const char *
vmp_chat_kept_get_id (VmpChatKept *self)
{
  g_return_val_if_fail (VMP_IS_CHAT_KEPT (self), NULL);

  return self->id;
}

const char *
vmp_chat_kept_get_title (VmpChatKept *self)
{
  g_return_val_if_fail (VMP_IS_CHAT_KEPT (self), NULL);

  return self->title;
}

gint64
vmp_chat_kept_get_time (VmpChatKept *self)
{
  g_return_val_if_fail (VMP_IS_CHAT_KEPT (self), 0);

  return self->time;
}

static int
compare_kept (gconstpointer a,
              gconstpointer b)
{
  const VmpChatKept *one = *(VmpChatKept * const *) a;
  const VmpChatKept *other = *(VmpChatKept * const *) b;

  if (one->time != other->time)
    return one->time > other->time ? -1 : 1;

  return strcmp (one->id, other->id);
}

/* -- On the thread ------------------------------------------------------------------------- */

/* Only what vmp_chat_keeper_make_id() makes: no path can come of it. */
static gboolean
is_id (const char *id)
{
  gsize len = strlen (id);

  if (len == 0 || len > ID_CHARS)
    return FALSE;
  for (; *id != '\0'; id++)
    {
      if (!g_ascii_isalnum (*id) && *id != '-')
        return FALSE;
    }

  return TRUE;
}

static char *
make_path (const char *folder,
           const char *id)
{
  g_autofree char *name = g_strconcat (id, SUFFIX, NULL);

  return g_build_filename (folder, name, NULL);
}

static JsonNode *
read_document (const char *path,
               GError    **error)
{
  g_autofree char *text = NULL;
  struct stat status;
  gsize len = 0;
  JsonNode *document = NULL;

  if (lstat (path, &status) == 0 && S_ISREG (status.st_mode) && status.st_size <= VMP_LIMIT_CONVERSATION_BYTES
      && g_file_get_contents (path, &text, &len, NULL))
    document = vmp_json_parse_up_to (text, len, DOCUMENT_VALUES, NULL);

  if (document == NULL || !JSON_NODE_HOLDS_OBJECT (document))
    {
      g_clear_pointer (&document, json_node_unref);
      g_set_error_literal (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
                           _("This conversation cannot be read: its file is gone or damaged."));
    }

  return document;
}

/* The titles of the newest ones. Their files are read for it, one at a time. */
static GPtrArray *
list_kept (const char *folder)
{
  GPtrArray *kept = g_ptr_array_new_with_free_func (g_object_unref);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      g_autofree char *id = NULL;
      struct stat status;
      VmpChatKept *one;

      if (!g_str_has_suffix (name, SUFFIX) || lstat (path, &status) != 0 || !S_ISREG (status.st_mode))
        continue;
      id = g_strndup (name, strlen (name) - strlen (SUFFIX));
      if (!is_id (id))
        continue;

      one = g_object_new (VMP_TYPE_CHAT_KEPT, NULL);
      one->id = g_steal_pointer (&id);
      one->time = status.st_mtime;
      g_ptr_array_add (kept, one);
    }

  g_ptr_array_sort (kept, compare_kept);
  if (kept->len > VMP_LIMIT_CONVERSATIONS)
    g_ptr_array_set_size (kept, VMP_LIMIT_CONVERSATIONS);

  for (guint i = 0; i < kept->len; i++)
    {
      VmpChatKept *one = g_ptr_array_index (kept, i);
      g_autofree char *path = make_path (folder, one->id);
      g_autoptr (JsonNode) document = read_document (path, NULL);
      const char *title = NULL;

      if (document != NULL)
        title = vmp_json_get_string (json_node_get_object (document), "title");
      one->title = vmp_text_display (title != NULL ? title : _("A damaged conversation"), TITLE_CHARS);
    }

  return kept;
}

static gboolean
write_document (const char *folder,
                const char *id,
                JsonNode   *document,
                GError    **error)
{
  g_autofree char *path = make_path (folder, id);
  g_autofree char *text = vmp_json_print (document);

  if (g_mkdir_with_parents (folder, 0700) < 0 || chmod (folder, 0700) < 0)
    {
      int fault = errno;

      g_set_error_literal (error, G_IO_ERROR, g_io_error_from_errno (fault), g_strerror (fault));
      return FALSE;
    }

  return g_file_set_contents_full (path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, error);
}

static gboolean
delete_one (const char *folder,
            const char *id,
            GError    **error)
{
  g_autofree char *path = make_path (folder, id);

  if (unlink (path) < 0 && errno != ENOENT)
    {
      int fault = errno;

      g_set_error_literal (error, G_IO_ERROR, g_io_error_from_errno (fault), g_strerror (fault));
      return FALSE;
    }

  return TRUE;
}

static gboolean
delete_all (const char *folder,
            GError    **error)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  gboolean is_done = TRUE;
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (folder, name, NULL);

      /* With what a writing that was broken off has left. */
      if (strstr (name, SUFFIX) != NULL && unlink (path) < 0 && errno != ENOENT && is_done)
        {
          int fault = errno;

          g_set_error_literal (error, G_IO_ERROR, g_io_error_from_errno (fault), g_strerror (fault));
          is_done = FALSE;
        }
    }

  return is_done;
}

static void
run_job (gpointer data,
         gpointer user_data)
{
  g_autoptr (GTask) task = data;
  const Job *job = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  g_autofree char *path = NULL;
  JsonNode *document;
  gboolean is_done = TRUE;

  switch (job->kind)
    {
    case JOB_LIST:
      g_task_return_pointer (task, list_kept (job->folder), (GDestroyNotify) g_ptr_array_unref);
      return;

    case JOB_READ:
      path = make_path (job->folder, job->id);
      document = read_document (path, &error);
      if (document != NULL)
        g_task_return_pointer (task, document, (GDestroyNotify) json_node_unref);
      else
        g_task_return_error (task, g_steal_pointer (&error));
      return;

    case JOB_KEEP:
      is_done = write_document (job->folder, job->id, job->document, &error);
      break;

    case JOB_DELETE:
      is_done = delete_one (job->folder, job->id, &error);
      break;

    case JOB_DELETE_ALL:
      is_done = delete_all (job->folder, &error);
      break;

    default:
      break;
    }

  if (is_done)
    g_task_return_boolean (task, TRUE);
  else
    g_task_return_error (task, g_steal_pointer (&error));
}

static void
start_job (VmpChatKeeper      *self,
           JobKind             kind,
           const char         *id,
           JsonNode           *document,
           GCancellable       *cancellable,
           GAsyncReadyCallback callback,
           gpointer            user_data)
{
  GTask *task = g_task_new (self, cancellable, callback, user_data);
  Job *job = g_new0 (Job, 1);

  job->kind = kind;
  job->folder = g_strdup (self->folder);
  job->id = g_strdup (id);
  job->document = document;
  g_task_set_task_data (task, job, job_free);
  g_thread_pool_push (self->thread, task, NULL);
}

/* -- What is remembered besides ------------------------------------------------------------ */

static void
load_state (VmpChatKeeper *self)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();

  if (!g_key_file_load_from_file (file, self->state_path, G_KEY_FILE_NONE, NULL))
    return;

  self->keeps = g_key_file_get_boolean (file, STATE_GROUP, "keep-conversations", NULL);
  self->last_target = g_key_file_get_string (file, STATE_GROUP, "target", NULL);
}

/* Small, and seldom: when its owner turns a switch or chooses a model. */
static void
save_state (VmpChatKeeper *self)
{
  g_autoptr (GKeyFile) file = g_key_file_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *folder = g_path_get_dirname (self->state_path);
  g_autofree char *text = NULL;

  g_key_file_set_boolean (file, STATE_GROUP, "keep-conversations", self->keeps);
  if (self->last_target != NULL)
    g_key_file_set_string (file, STATE_GROUP, "target", self->last_target);
  text = g_key_file_to_data (file, NULL, NULL);

  g_mkdir_with_parents (folder, 0700);
  if (!g_file_set_contents_full (self->state_path, text, -1, G_FILE_SET_CONTENTS_CONSISTENT, 0600, &error))
    g_signal_emit (self, signals[SIGNAL_FAILED], 0, error->message);
}

/* -- The object ---------------------------------------------------------------------------- */

static void
vmp_chat_keeper_get_property (GObject    *object,
                              guint       id,
                              GValue     *value,
                              GParamSpec *pspec)
{
  VmpChatKeeper *self = VMP_CHAT_KEEPER (object);

  switch (id)
    {
    case PROP_KEEPS:
      g_value_set_boolean (value, self->keeps);
      break;

    case PROP_LAST_TARGET:
      g_value_set_string (value, self->last_target);
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmp_chat_keeper_set_property (GObject      *object,
                              guint         id,
                              const GValue *value,
                              GParamSpec   *pspec)
{
  VmpChatKeeper *self = VMP_CHAT_KEEPER (object);

  switch (id)
    {
    case PROP_KEEPS:
      vmp_chat_keeper_set_keeps (self, g_value_get_boolean (value));
      break;

    case PROP_LAST_TARGET:
      vmp_chat_keeper_set_last_target (self, g_value_get_string (value));
      break;

    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
    }
}

static void
vmp_chat_keeper_finalize (GObject *object)
{
  VmpChatKeeper *self = VMP_CHAT_KEEPER (object);

  /* Each job has a reference: there is none left. */
  g_thread_pool_free (self->thread, FALSE, FALSE);
  g_clear_object (&self->list);
  g_free (self->folder);
  g_free (self->state_path);
  g_free (self->last_target);

  G_OBJECT_CLASS (vmp_chat_keeper_parent_class)->finalize (object);
}

static void
vmp_chat_keeper_class_init (VmpChatKeeperClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->get_property = vmp_chat_keeper_get_property;
  object_class->set_property = vmp_chat_keeper_set_property;
  object_class->finalize = vmp_chat_keeper_finalize;

  properties[PROP_KEEPS] = g_param_spec_boolean ("keeps", NULL, NULL, FALSE,
                                                 G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | G_PARAM_EXPLICIT_NOTIFY);
  properties[PROP_LAST_TARGET] = g_param_spec_string ("last-target", NULL, NULL, NULL,
                                                      G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS
                                                      | G_PARAM_EXPLICIT_NOTIFY);
  g_object_class_install_properties (object_class, N_PROPS, properties);

  signals[SIGNAL_FAILED] = g_signal_new ("failed", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL,
                                         G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
vmp_chat_keeper_init (VmpChatKeeper *self)
{
  self->list = g_list_store_new (VMP_TYPE_CHAT_KEPT);
  self->thread = g_thread_pool_new (run_job, NULL, 1, FALSE, NULL);
}

VmpChatKeeper *
vmp_chat_keeper_new (const char *data_dir,
                     const char *config_dir)
{
  VmpChatKeeper *self = g_object_new (VMP_TYPE_CHAT_KEEPER, NULL);

  self->folder = data_dir != NULL ? g_build_filename (data_dir, "conversations", NULL)
                                  : g_build_filename (g_get_user_data_dir (), "vampire", "conversations", NULL);
  self->state_path = config_dir != NULL ? g_build_filename (config_dir, STATE_FILE, NULL)
                                        : g_build_filename (g_get_user_config_dir (), "vampire", STATE_FILE, NULL);
  load_state (self);

  return self;
}

gboolean
vmp_chat_keeper_get_keeps (VmpChatKeeper *self)
{
  g_return_val_if_fail (VMP_IS_CHAT_KEEPER (self), FALSE);

  return self->keeps;
}

void
vmp_chat_keeper_set_keeps (VmpChatKeeper *self,
                           gboolean       keeps)
{
  g_return_if_fail (VMP_IS_CHAT_KEEPER (self));

  if (self->keeps == !!keeps)
    return;

  self->keeps = !!keeps;
  save_state (self);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_KEEPS]);
}

const char *
vmp_chat_keeper_get_last_target (VmpChatKeeper *self)
{
  g_return_val_if_fail (VMP_IS_CHAT_KEEPER (self), NULL);

  return self->last_target;
}

void
vmp_chat_keeper_set_last_target (VmpChatKeeper *self,
                                 const char    *target)
{
  g_return_if_fail (VMP_IS_CHAT_KEEPER (self));

  if (g_strcmp0 (self->last_target, target) == 0)
    return;

  g_free (self->last_target);
  self->last_target = g_strdup (target);
  save_state (self);
  g_object_notify_by_pspec (G_OBJECT (self), properties[PROP_LAST_TARGET]);
}

char *
vmp_chat_keeper_make_id (VmpChatKeeper *self)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *time = g_date_time_format (now, "%Y%m%d-%H%M%S");

  return g_strdup_printf ("%s-%08x", time, g_random_int ());
}

GListModel *
vmp_chat_keeper_get_list (VmpChatKeeper *self)
{
  g_return_val_if_fail (VMP_IS_CHAT_KEEPER (self), NULL);

  return G_LIST_MODEL (self->list);
}

static void
listed_cb (GObject      *source,
           GAsyncResult *result,
           gpointer      user_data)
{
  VmpChatKeeper *self = VMP_CHAT_KEEPER (source);
  g_autoptr (GPtrArray) kept = g_task_propagate_pointer (G_TASK (result), NULL);

  if (kept != NULL)
    g_list_store_splice (self->list, 0, g_list_model_get_n_items (G_LIST_MODEL (self->list)), kept->pdata, kept->len);
}

void
vmp_chat_keeper_list (VmpChatKeeper *self)
{
  g_return_if_fail (VMP_IS_CHAT_KEEPER (self));

  start_job (self, JOB_LIST, NULL, NULL, NULL, listed_cb, NULL);
}

static void
changed_cb (GObject      *source,
            GAsyncResult *result,
            gpointer      user_data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *problem = NULL;

  if (g_task_propagate_boolean (G_TASK (result), &error))
    return;

  problem = g_strdup_printf (_("The kept conversations could not be changed: %s."), error->message);
  g_signal_emit (source, signals[SIGNAL_FAILED], 0, problem);
}

void
vmp_chat_keeper_keep (VmpChatKeeper *self,
                      const char    *id,
                      JsonNode      *document)
{
  g_return_if_fail (VMP_IS_CHAT_KEEPER (self));
  g_return_if_fail (id != NULL && is_id (id));
  g_return_if_fail (document != NULL);

  if (self->keeps)
    start_job (self, JOB_KEEP, id, document, NULL, changed_cb, NULL);
  else
    json_node_unref (document);
}

void
vmp_chat_keeper_read_async (VmpChatKeeper      *self,
                            const char         *id,
                            GCancellable       *cancellable,
                            GAsyncReadyCallback callback,
                            gpointer            user_data)
{
  g_return_if_fail (VMP_IS_CHAT_KEEPER (self));
  g_return_if_fail (id != NULL && is_id (id));

  start_job (self, JOB_READ, id, NULL, cancellable, callback, user_data);
}

JsonNode *
vmp_chat_keeper_read_finish (VmpChatKeeper *self,
                             GAsyncResult  *result,
                             GError       **error)
{
  g_return_val_if_fail (g_task_is_valid (result, self), NULL);

  return g_task_propagate_pointer (G_TASK (result), error);
}

void
vmp_chat_keeper_delete (VmpChatKeeper *self,
                        const char    *id)
{
  g_return_if_fail (VMP_IS_CHAT_KEEPER (self));
  g_return_if_fail (id != NULL && is_id (id));

  for (guint i = 0; i < g_list_model_get_n_items (G_LIST_MODEL (self->list)); i++)
    {
      g_autoptr (VmpChatKept) kept = g_list_model_get_item (G_LIST_MODEL (self->list), i);

      if (g_str_equal (kept->id, id))
        g_list_store_remove (self->list, i--);
    }
  start_job (self, JOB_DELETE, id, NULL, NULL, changed_cb, NULL);
}

void
vmp_chat_keeper_delete_all (VmpChatKeeper *self)
{
  g_return_if_fail (VMP_IS_CHAT_KEEPER (self));

  g_list_store_remove_all (self->list);
  start_job (self, JOB_DELETE_ALL, NULL, NULL, NULL, changed_cb, NULL);
}
