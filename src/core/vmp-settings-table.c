/* SPDX-License-Identifier: MIT
 *
 * The table of settings: each one's names, default, check and help. vmp-settings.c reads it to give the
 * settings their values, and vmp-settings-values.c tells of it and prints the help. Checks judge one value each and
 * know nothing of where it came from.
 */

#include "core/vmp-settings-private.h"

#include <string.h>

#include "core/vmp-limits.h"
#include "core/vmp-text.h"
#include "core/vmp-url.h"

#define BYTES_PER_MB (1024 * 1024)

/* Characters of a value, a name or a path that a message repeats. Paths may be long, and are needed whole. */
#define SHOWN_CHARS 500

/* Past an hour a node that is gone would be asked for too long. */
#define HEALTH_SECONDS_MAX 3600

/* Past these the thresholds mean "never" just as well. */
#define BUSY_REQUESTS_MAX 10000
#define BUSY_RATIO_MAX 1000

/* A call that waits longer has lost its client long ago; a node is not kept idle for a whole load and more. */
#define QUEUE_SECONDS_MAX 3600
#define QUEUE_PATIENCE_SECONDS_MAX 600

/* -- Words --------------------------------------------------------------------------------- */

/* By the values of their enums. */
static const char * const log_levels[] = { "error", "warning", "info", "debug", NULL };
static const char * const log_formats[] = { "text", "json", NULL };
static const char * const token_storages[] = { "auto", "keyring", "file", NULL };
static const char * const appearances[] = { "system", "light", "dark", NULL };

/* By turns for no and for yes. */
static const char * const switch_words[] = { "no", "yes", "false", "true", "off", "on", "0", "1", NULL };

/* -- Checks -------------------------------------------------------------------------------- */

static char *
take_host (VmpSettings *self,
           const char  *value)
{
  g_autofree char *host = vmp_url_normalise_host (value, -1);

  if (host == NULL || (!g_str_equal (host, "localhost") && !g_hostname_is_ip_address (host)))
    return g_strdup ("must be an IP address or localhost, such as 127.0.0.1");

  g_free (self->host);
  self->host = g_steal_pointer (&host);

  return NULL;
}

static char *
take_port (VmpSettings *self,
           const char  *value)
{
  guint64 port;

  if (!g_ascii_string_to_unsigned (value, 10, 0, G_MAXUINT16, &port, NULL))
    return g_strdup ("must be a whole number from 0 to 65535, such as 7777");

  self->port = port;

  return NULL;
}

static char *
take_default_base_url (VmpSettings *self,
                       const char  *value)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (VmpBaseUrl) url = vmp_base_url_parse (value, &error);

  if (url == NULL)
    return g_strdup (error->message);

  g_free (self->default_base_url);
  self->default_base_url = g_strdup (url->text);

  return NULL;
}

static char *
take_auth_token (VmpSettings *self,
                 const char  *value)
{
  for (const char *c = value; *c != '\0'; c++)
    {
      if (g_ascii_iscntrl (*c))
        return g_strdup ("must be one line without control characters, for clients cannot send others");
    }

  g_free (self->auth_token);
  self->auth_token = g_strdup (value);

  return NULL;
}

/* Splits at commas and normalises each entry that is not empty. Returns the list, or NULL with the number of
 * the first bad entry, counted from 1. */
static char **
split_list (const char *value,
            char     *(*normalise) (const char *entry),
            guint      *bad)
{
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) entries = g_strsplit (value, ",", -1);

  for (guint i = 0; entries[i] != NULL; i++)
    {
      const char *entry = g_strstrip (entries[i]);
      char *normal;

      if (*entry == '\0')
        continue;

      normal = normalise (entry);
      if (normal == NULL)
        {
          *bad = i + 1;
          return NULL;
        }
      g_ptr_array_add (list, normal);
    }
  g_ptr_array_add (list, NULL);

  return (char **) g_ptr_array_free (g_steal_pointer (&list), FALSE);
}

static char *
normalise_allowed_host (const char *entry)
{
  return vmp_url_normalise_host (entry, -1);
}

static char *
take_allowed_hosts (VmpSettings *self,
                    const char  *value)
{
  guint bad = 0;
  char **hosts = split_list (value, normalise_allowed_host, &bad);

  if (hosts == NULL)
    return g_strdup_printf ("must be host names without scheme and port, such as vampire.lan, and entry %u is none",
                            bad);

  g_strfreev (self->allowed_hosts);
  self->allowed_hosts = hosts;

  return NULL;
}

static char *
normalise_cors_origin (const char *entry)
{
  return g_str_equal (entry, "*") ? g_strdup (entry) : vmp_url_normalise_origin (entry);
}

static char *
take_cors_origins (VmpSettings *self,
                   const char  *value)
{
  guint bad = 0;
  char **origins = split_list (value, normalise_cors_origin, &bad);

  if (origins == NULL)
    return g_strdup_printf ("must be * or origins, such as http://localhost:3000, and entry %u is none", bad);

  g_strfreev (self->cors_origins);
  self->cors_origins = origins;

  return NULL;
}

static char *
take_max_body_mb (VmpSettings *self,
                  const char  *value)
{
  guint64 mb;

  if (!g_ascii_string_to_unsigned (value, 10, 1, VMP_LIMIT_BODY_BYTES_CEILING / BYTES_PER_MB, &mb, NULL))
    return g_strdup_printf ("must be a whole number of MiB from 1 to %d, such as %d",
                            (int) (VMP_LIMIT_BODY_BYTES_CEILING / BYTES_PER_MB),
                            (int) (VMP_LIMIT_BODY_BYTES / BYTES_PER_MB));

  self->max_body_bytes = mb * BYTES_PER_MB;

  return NULL;
}

static char *
take_config (VmpSettings *self,
             const char  *value)
{
  g_free (self->config_file);
  self->config_file = g_strdup (value);

  return NULL;
}

static char *
take_data_dir (VmpSettings *self,
               const char  *value)
{
  g_free (self->data_dir);
  self->data_dir = g_strdup (value);

  return NULL;
}

/* Looks a word up without regard to case. Returns its index, or -1. */
static int
find_word (const char         *value,
           const char * const *words)
{
  for (int i = 0; words[i] != NULL; i++)
    {
      if (g_ascii_strcasecmp (value, words[i]) == 0)
        return i;
    }

  return -1;
}

static char *
take_log_level (VmpSettings *self,
                const char  *value)
{
  int i = find_word (g_ascii_strcasecmp (value, "warn") == 0 ? "warning" : value, log_levels);

  if (i < 0)
    return g_strdup ("must be error, warning, info or debug");

  self->log_level = (VmpLogLevel) i;

  return NULL;
}

static char *
take_log_format (VmpSettings *self,
                 const char  *value)
{
  int i = find_word (value, log_formats);

  if (i < 0)
    return g_strdup ("must be text or json");

  self->log_format = (VmpLogFormat) i;

  return NULL;
}

static char *
take_switch (gboolean   *setting,
             const char *value)
{
  int i = find_word (value, switch_words);

  if (i < 0)
    return g_strdup ("must be yes or no");

  *setting = i % 2 == 1;

  return NULL;
}

gboolean
vmp_setting_text_is_true (const char *text)
{
  int i = find_word (text, switch_words);

  return i >= 0 && i % 2 == 1;
}

static char *
take_demo (VmpSettings *self,
           const char  *value)
{
  return take_switch (&self->demo, value);
}

static char *
take_allow_public_nodes (VmpSettings *self,
                         const char  *value)
{
  return take_switch (&self->allow_public_nodes, value);
}

static char *
take_health_seconds (VmpSettings *self,
                     const char  *value)
{
  guint64 seconds;

  if (!g_ascii_string_to_unsigned (value, 10, 0, HEALTH_SECONDS_MAX, &seconds, NULL))
    return g_strdup_printf ("must be a whole number of seconds from 0 to %d, such as %d", HEALTH_SECONDS_MAX,
                            VMP_LIMIT_HEALTH_S);

  self->health_seconds = seconds;

  return NULL;
}

/* A service type of RFC 6763: "_name._tcp", the name of at most 15 letters, digits and hyphens. */
static char *
normalise_dns_sd_type (const char *entry)
{
  g_autofree char *type = g_ascii_strdown (entry, -1);
  gsize name_len;

  if (type[0] != '_' || !g_str_has_suffix (type, "._tcp"))
    return NULL;

  name_len = strlen (type) - strlen ("_") - strlen ("._tcp");
  if (name_len < 1 || name_len > 15 || type[1] == '-' || type[name_len] == '-'
      || strspn (type + 1, "abcdefghijklmnopqrstuvwxyz0123456789-") != name_len)
    return NULL;

  return g_steal_pointer (&type);
}

static char *
take_dns_sd_types (VmpSettings *self,
                   const char  *value)
{
  guint bad = 0;
  char **types = split_list (g_str_equal (value, "none") ? "" : value, normalise_dns_sd_type, &bad);

  if (types == NULL)
    return g_strdup_printf ("must be none, or DNS-SD service types such as _lmstudio._tcp, and entry %u is none", bad);
  if (g_strv_length (types) > VMP_LIMIT_DNSSD_TYPES)
    {
      g_strfreev (types);
      return g_strdup_printf ("must have at most %d types", VMP_LIMIT_DNSSD_TYPES);
    }

  g_strfreev (self->dns_sd_types);
  self->dns_sd_types = types;

  return NULL;
}

static char *
normalise_share_address (const char *entry)
{
  char *host = vmp_url_normalise_host (entry, -1);

  if (host != NULL && !g_hostname_is_ip_address (host))
    g_clear_pointer (&host, g_free);

  return host;
}

static char *
take_share_address (VmpSettings *self,
                    const char  *value)
{
  guint bad = 0;
  char **addresses = split_list (value, normalise_share_address, &bad);

  if (addresses == NULL)
    return g_strdup_printf ("must be IP addresses of this computer, such as 192.168.1.20, and entry %u is none", bad);

  g_strfreev (self->share_addresses);
  self->share_addresses = addresses;

  return NULL;
}

static char *
take_token_storage (VmpSettings *self,
                    const char  *value)
{
  int i = find_word (value, token_storages);

  if (i < 0)
    return g_strdup ("must be auto, keyring or file");

  self->token_storage = (VmpTokenStorage) i;

  return NULL;
}

static char *
take_default_strategy (VmpSettings *self,
                       const char  *value)
{
  g_autofree char *name = g_ascii_strdown (value, -1);
  g_autofree char *names = NULL;

  if (vmp_strategy_from_string (g_strdelimit (name, "-", '_'), &self->default_strategy))
    return NULL;

  names = g_strjoinv (", ", (char **) vmp_strategy_names ());

  return g_strdup_printf ("must be one of %s", names);
}

/* A whole number from @min to @max. */
static char *
take_number (guint      *setting,
             const char *value,
             guint       min,
             guint       max,
             guint       example)
{
  guint64 number;

  if (!g_ascii_string_to_unsigned (value, 10, min, max, &number, NULL))
    return g_strdup_printf ("must be a whole number from %u to %u, such as %u", min, max, example);

  *setting = number;

  return NULL;
}

static char *
take_affinity_busy_requests (VmpSettings *self,
                             const char  *value)
{
  return take_number (&self->affinity_busy_requests, value, 0, BUSY_REQUESTS_MAX, 4);
}

static char *
take_affinity_busy_ratio (VmpSettings *self,
                          const char  *value)
{
  double ratio = g_ascii_strtod (value, NULL);

  /* Digits only: strtod() takes exponents, hexadecimal ones, and words. */
  if (value[strspn (value, "0123456789.")] != '\0' || strchr (value, '.') != strrchr (value, '.') ||
      !(ratio >= 1 && ratio <= BUSY_RATIO_MAX))
    return g_strdup_printf ("must be a number from 1 to %d, such as 1.5", BUSY_RATIO_MAX);

  self->affinity_busy_ratio = ratio;

  return NULL;
}

static char *
take_strip_volatile_lines (VmpSettings *self,
                           const char  *value)
{
  return take_switch (&self->strip_volatile_lines, value);
}

static char *
take_continue_streams (VmpSettings *self,
                       const char  *value)
{
  return take_switch (&self->continue_streams, value);
}

static char *
take_queue_limit (VmpSettings *self,
                  const char  *value)
{
  return take_number (&self->queue_limit, value, 0, VMP_LIMIT_QUEUE_CEILING, VMP_LIMIT_QUEUE);
}

static char *
take_queue_seconds (VmpSettings *self,
                    const char  *value)
{
  return take_number (&self->queue_seconds, value, 1, QUEUE_SECONDS_MAX, VMP_LIMIT_QUEUE_S);
}

static char *
take_queue_patience_seconds (VmpSettings *self,
                             const char  *value)
{
  return take_number (&self->queue_patience_seconds, value, 1, QUEUE_PATIENCE_SECONDS_MAX, VMP_LIMIT_PATIENCE_S);
}

static char *
take_loading_comments (VmpSettings *self,
                       const char  *value)
{
  return take_switch (&self->loading_comments, value);
}

static char *
take_trace_limit (VmpSettings *self,
                  const char  *value)
{
  return take_number (&self->trace_limit, value, 0, VMP_LIMIT_TRACES, VMP_LIMIT_TRACES);
}

static char *
take_keep_in_tray (VmpSettings *self,
                   const char  *value)
{
  return take_switch (&self->keep_in_tray, value);
}

static char *
take_appearance (VmpSettings *self,
                 const char  *value)
{
  int i = find_word (value, appearances);

  if (i < 0)
    return g_strdup ("must be system, light or dark");

  self->appearance = (VmpAppearance) i;

  return NULL;
}

/* -- The table ----------------------------------------------------------------------------- */

const VmpSetting vmp_settings_table[VMP_N_SETTINGS] = {
  [VMP_SETTING_CONFIG] = {
    .key = "config", .variable = "VAMPIRE_CONFIG", .flag = "config", .argument = "FILE",
    .fallback = "$XDG_CONFIG_HOME/vampire/vampire.conf", .needs_restart = TRUE, .is_path = TRUE, .take = take_config,
    .help = "The settings file. It is read again when it changes.",
  },
  [VMP_SETTING_HOST] = {
    .key = "host", .in_file = TRUE, .variable = "VAMPIRE_HOST", .flag = "host", .argument = "ADDRESS",
    .fallback = "127.0.0.1", .needs_restart = TRUE, .take = take_host,
    .help = "The IP address to listen on, or localhost. One that other computers reach needs a token.",
  },
  [VMP_SETTING_PORT] = {
    .key = "port", .in_file = TRUE, .variable = "VAMPIRE_PORT", .flag = "port", .argument = "N",
    .fallback = "7777", .needs_restart = TRUE, .type = VMP_SETTING_INT, .take = take_port,
    .help = "The port to listen on. 0 takes a free one.",
  },
  [VMP_SETTING_DEFAULT_BASE_URL] = {
    .key = "default_base_url", .in_file = TRUE,
    .variable = "VAMPIRE_DEFAULT_BASE_URL", .former_variable = "VAMPIRE_LMSTUDIO_BASE_URL",
    .flag = "default-base-url", .argument = "URL",
    .fallback = "http://localhost:1234", .take = take_default_base_url,
    .help = "The LM Studio server of this computer.",
  },
  [VMP_SETTING_AUTH_TOKEN] = {
    .key = "auth_token", .in_file = TRUE, .variable = "VAMPIRE_AUTH_TOKEN", .is_secret = TRUE, .take = take_auth_token,
    .help = "The token that clients must send. No flag, for other users can see flags. "
            "A file that holds it needs mode 600.",
  },
  [VMP_SETTING_ALLOWED_HOSTS] = {
    .key = "allowed_hosts", .in_file = TRUE, .variable = "VAMPIRE_ALLOWED_HOSTS",
    .flag = "allowed-hosts", .argument = "NAMES",
    .fallback = "", .type = VMP_SETTING_LIST, .take = take_allowed_hosts,
    .help = "Names besides localhost under which clients may reach the gateway, with commas between them.",
  },
  [VMP_SETTING_CORS_ORIGINS] = {
    .key = "cors_origins", .in_file = TRUE, .variable = "VAMPIRE_CORS_ORIGINS",
    .flag = "cors-origins", .argument = "ORIGINS",
    .fallback = "", .type = VMP_SETTING_LIST, .take = take_cors_origins,
    .help = "Web pages that may call the gateway: origins such as http://localhost:3000 "
            "with commas between them, or *.",
  },
  [VMP_SETTING_MAX_BODY_MB] = {
    .key = "max_body_mb", .in_file = TRUE, .variable = "VAMPIRE_MAX_BODY_MB",
    .flag = "max-body-mb", .argument = "N", .fallback = "100", .type = VMP_SETTING_INT, .take = take_max_body_mb,
    .help = "The largest request body, in MiB, from 1 to 4096.",
  },
  [VMP_SETTING_HEALTH_SECONDS] = {
    .key = "health_seconds", .in_file = TRUE, .variable = "VAMPIRE_HEALTH_SECONDS",
    .flag = "health-seconds", .argument = "N",
    .fallback = "10", .type = VMP_SETTING_INT, .take = take_health_seconds,
    .help = "How often each node is asked for its models, in seconds. 0 asks only when a client or you do.",
  },
  [VMP_SETTING_DNS_SD_TYPES] = {
    .key = "dns_sd_types", .in_file = TRUE, .variable = "VAMPIRE_DNS_SD_TYPES",
    .flag = "dns-sd-types", .argument = "TYPES",
    .fallback = "_vampire._tcp,_lmstudio._tcp,_ollama._tcp,_openai._tcp",
    .type = VMP_SETTING_LIST, .take = take_dns_sd_types,
    .help = "What to look for on the network by DNS-SD, with commas between; none looks for nothing.",
  },
  [VMP_SETTING_SHARE_ADDRESS] = {
    .key = "share_address", .in_file = TRUE, .variable = "VAMPIRE_SHARE_ADDRESS",
    .flag = "share-address", .argument = "ADDRESSES",
    .fallback = "", .type = VMP_SETTING_LIST, .take = take_share_address,
    .help = "The IP addresses to listen on while sharing, with commas between. Empty takes those of this computer "
            "on private networks.",
  },
  [VMP_SETTING_ALLOW_PUBLIC_NODES] = {
    .key = "allow_public_nodes", .in_file = TRUE, .variable = "VAMPIRE_ALLOW_PUBLIC_NODES",
    .flag = "allow-public-nodes", .fallback = "no", .type = VMP_SETTING_BOOLEAN, .take = take_allow_public_nodes,
    .help = "Let nodes have addresses of the public Internet.",
  },
  [VMP_SETTING_TOKEN_STORAGE] = {
    .key = "token_storage", .in_file = TRUE, .variable = "VAMPIRE_TOKEN_STORAGE",
    .flag = "token-storage", .argument = "WHERE",
    .fallback = "auto", .needs_restart = TRUE, .type = VMP_SETTING_ENUM, .words = token_storages,
    .take = take_token_storage,
    .help = "Where nodes' tokens are kept: auto (the desktop's keyring, or a file of mode 600 where there is none), "
            "keyring or file.",
  },
  [VMP_SETTING_DEFAULT_STRATEGY] = {
    .key = "default_strategy", .in_file = TRUE, .variable = "VAMPIRE_DEFAULT_STRATEGY",
    .flag = "default-strategy", .argument = "NAME",
    .fallback = "residency", .type = VMP_SETTING_ENUM, .take = take_default_strategy,
    .help = "How a node is chosen among those that have the model, where neither the request nor a route says it. "
            "residency takes one that has it in memory and is free, prefix_affinity the one that has read the "
            "conversation so far.",
  },
  [VMP_SETTING_AFFINITY_BUSY_REQUESTS] = {
    .key = "affinity_busy_requests", .in_file = TRUE, .variable = "VAMPIRE_AFFINITY_BUSY_REQUESTS",
    .flag = "affinity-busy-requests", .argument = "N",
    .fallback = "4", .type = VMP_SETTING_INT, .take = take_affinity_busy_requests,
    .help = "With prefix_affinity a conversation leaves its node when that has so many more requests than the least "
            "busy one, and affinity_busy_ratio times as many.",
  },
  [VMP_SETTING_AFFINITY_BUSY_RATIO] = {
    .key = "affinity_busy_ratio", .in_file = TRUE, .variable = "VAMPIRE_AFFINITY_BUSY_RATIO",
    .flag = "affinity-busy-ratio", .argument = "X",
    .fallback = "1.5", .type = VMP_SETTING_NUMBER, .take = take_affinity_busy_ratio,
    .help = "With prefix_affinity a conversation leaves its node when that has so many times the requests of the least "
            "busy one, and affinity_busy_requests more. From 1 to 1000.",
  },
  [VMP_SETTING_STRIP_VOLATILE_LINES] = {
    .key = "strip_volatile_lines", .in_file = TRUE, .variable = "VAMPIRE_STRIP_VOLATILE_LINES",
    .flag = "strip-volatile-lines", .argument = "YES-OR-NO",
    .fallback = "yes", .type = VMP_SETTING_BOOLEAN, .take = take_strip_volatile_lines,
    .help = "Leave out the billing line that some agents put at the head of each prompt: it changes every time, and "
            "makes the node read the whole prompt anew.",
  },
  [VMP_SETTING_CONTINUE_STREAMS] = {
    .key = "continue_streams", .in_file = TRUE, .variable = "VAMPIRE_CONTINUE_STREAMS",
    .flag = "continue-streams", .fallback = "no", .type = VMP_SETTING_BOOLEAN, .take = take_continue_streams,
    .help = "When a node fails in the middle of an answer, let another one with the same model go on with it, also for "
            "clients that do not ask for that.",
  },
  [VMP_SETTING_QUEUE_LIMIT] = {
    .key = "queue_limit", .in_file = TRUE, .variable = "VAMPIRE_QUEUE_LIMIT",
    .flag = "queue-limit", .argument = "N",
    .fallback = G_STRINGIFY (VMP_LIMIT_QUEUE), .type = VMP_SETTING_INT, .take = take_queue_limit,
    .help = "How many requests may wait for one model while all its nodes are busy. 0 lets none wait.",
  },
  [VMP_SETTING_QUEUE_SECONDS] = {
    .key = "queue_seconds", .in_file = TRUE, .variable = "VAMPIRE_QUEUE_SECONDS",
    .flag = "queue-seconds", .argument = "N",
    .fallback = G_STRINGIFY (VMP_LIMIT_QUEUE_S), .type = VMP_SETTING_INT, .take = take_queue_seconds,
    .help = "How long a request waits for a node at most, in seconds, from 1 to 3600.",
  },
  [VMP_SETTING_QUEUE_PATIENCE_SECONDS] = {
    .key = "queue_patience_seconds", .in_file = TRUE, .variable = "VAMPIRE_QUEUE_PATIENCE_SECONDS",
    .flag = "queue-patience-seconds", .argument = "N",
    .fallback = G_STRINGIFY (VMP_LIMIT_PATIENCE_S), .type = VMP_SETTING_INT,
    .take = take_queue_patience_seconds,
    .help = "How long a request waits for a node that is busy with another model before that node takes no more of the "
            "others, in seconds, from 1 to 600.",
  },
  [VMP_SETTING_LOADING_COMMENTS] = {
    .key = "loading_comments", .in_file = TRUE, .variable = "VAMPIRE_LOADING_COMMENTS",
    .flag = "loading-comments", .argument = "YES-OR-NO",
    .fallback = "yes", .type = VMP_SETTING_BOOLEAN, .take = take_loading_comments,
    .help = "Tell clients of streams how far the loading of their model is, in comments that programs pass over.",
  },
  [VMP_SETTING_TRACE_LIMIT] = {
    .key = "trace_limit", .in_file = TRUE, .variable = "VAMPIRE_TRACE_LIMIT",
    .flag = "trace-limit", .argument = "N", .fallback = G_STRINGIFY (VMP_LIMIT_TRACES), .type = VMP_SETTING_INT,
    .take = take_trace_limit,
    .help = "How many requests are remembered after their end, to be looked at: their times and numbers, never what "
            "was said. From 0 to 1000; they are only in memory.",
  },
  [VMP_SETTING_KEEP_IN_TRAY] = {
    .key = "keep_in_tray", .in_file = TRUE, .variable = "VAMPIRE_KEEP_IN_TRAY",
    .flag = "keep-in-tray", .argument = "YES-OR-NO", .fallback = "yes", .type = VMP_SETTING_BOOLEAN,
    .take = take_keep_in_tray,
    .help = "Whether the desktop app goes on in the tray when its last window is closed.",
  },
  [VMP_SETTING_APPEARANCE] = {
    .key = "appearance", .in_file = TRUE, .variable = "VAMPIRE_APPEARANCE",
    .flag = "appearance", .argument = "NAME", .fallback = "system", .type = VMP_SETTING_ENUM, .words = appearances,
    .take = take_appearance,
    .help = "How the desktop app looks: system (as the desktop does), light or dark.",
  },
  [VMP_SETTING_DATA_DIR] = {
    .key = "data_dir", .in_file = TRUE, .variable = "VAMPIRE_DATA_DIR", .flag = "data-dir", .argument = "DIR",
    .fallback = "$XDG_DATA_HOME/vampire", .needs_restart = TRUE, .is_path = TRUE, .take = take_data_dir,
    .help = "Where Vampire keeps what it must remember.",
  },
  [VMP_SETTING_LOG_LEVEL] = {
    .key = "log_level", .in_file = TRUE, .variable = "VAMPIRE_LOG_LEVEL", .flag = "log-level", .argument = "LEVEL",
    .fallback = "info", .type = VMP_SETTING_ENUM, .words = log_levels, .take = take_log_level,
    .help = "How much is logged: error, warning, info or debug.",
  },
  [VMP_SETTING_LOG_FORMAT] = {
    .key = "log_format", .in_file = TRUE, .variable = "VAMPIRE_LOG_FORMAT", .flag = "log-format", .argument = "FORMAT",
    .fallback = "text", .type = VMP_SETTING_ENUM, .words = log_formats, .take = take_log_format,
    .help = "How it is logged: text or json, one line each.",
  },
  [VMP_SETTING_DEMO] = {
    .key = "demo", .variable = "VAMPIRE_DEMO", .flag = "demo",
    .fallback = "no", .type = VMP_SETTING_BOOLEAN, .take = take_demo,
    .help = "Say in the log and the status that the servers behind are simulated.",
  },
};

/* -- Messages ------------------------------------------------------------------------------ */

char *
vmp_settings_show (const char *text)
{
  return vmp_text_display (text, SHOWN_CHARS);
}

char *
vmp_settings_suggest (const char         *word,
                      const char * const *known,
                      const char         *prefix)
{
  const char *nearest = vmp_text_nearest (word, known);

  if (nearest == NULL)
    return g_strdup ("see \"vampire help serve\".");

  return g_strdup_printf ("did you mean %s%s?", prefix, nearest);
}
