/* SPDX-License-Identifier: MIT
 *
 * Implementation of FakeNode. What its connections read and write is asynchronous, so that a test sees the two sides in
 * the order in which they happen.
 */

#include "fake-node.h"

#include <dlfcn.h>
#include <netdb.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <string.h>

#define FLOOD_BYTES (100 * 1024 * 1024)
#define TRICKLE_MS 20

/* -- Connections --------------------------------------------------------------------------- */

typedef struct {
  FakeNode *node;       /* NULL once it is freed */
  GList link;
  GIOStream *stream;
  GCancellable *cancellable;
  GString *in;
  GString *out;
  gsize flood_left;
  gsize request_len;    /* of the request at the start of @in that waits; 0: none */
  guint trickle;
  guint n_under_way;    /* asynchronous calls */
  gboolean closed;
  char bytes[16384];
} Connection;

static void read_more (Connection *self);
static void write_more (Connection *self);

static void
connection_close (Connection *self)
{
  if (!self->closed)
    {
      self->closed = TRUE;
      g_cancellable_cancel (self->cancellable);
      g_clear_handle_id (&self->trickle, g_source_remove);
      if (self->node != NULL)
        {
          g_queue_unlink (&self->node->connections, &self->link);
          if (self->request_len > 0)
            self->node->n_waiting--;
        }
      self->node = NULL;
    }
  if (self->n_under_way > 0)
    return;

  /* Not close_async: a TLS one would wait for the other side. */
  if (G_IS_TLS_CONNECTION (self->stream))
    {
      g_autoptr (GIOStream) base = NULL;

      g_object_get (self->stream, "base-io-stream", &base, NULL);
      g_io_stream_close (base, NULL, NULL);
    }
  g_io_stream_close (self->stream, NULL, NULL);
  g_object_unref (self->stream);
  g_object_unref (self->cancellable);
  g_string_free (self->in, TRUE);
  g_string_free (self->out, TRUE);
  g_free (self);
}

static gboolean
trickle_cb (gpointer user_data)
{
  Connection *self = user_data;

  g_string_append_c (self->out, ' ');
  write_more (self);

  return G_SOURCE_CONTINUE;
}

static void
answer (Connection *self)
{
  g_autofree char *text = g_strndup (self->in->str, self->request_len);
  g_autofree char *request = g_strndup (text, strcspn (text, "\r\n"));
  char *version = g_strrstr (request, " HTTP/");
  const char *found;

  g_string_erase (self->in, 0, self->request_len);
  self->request_len = 0;
  self->node->n_waiting--;
  if (version != NULL)
    *version = '\0';

  switch (self->node->manner)
    {
    case FAKE_TRICKLES:
      g_string_append (self->out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n");
      self->trickle = g_timeout_add (TRICKLE_MS, trickle_cb, self);
      break;

    case FAKE_FLOODS:
      g_string_append_printf (self->out, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", FLOOD_BYTES);
      self->flood_left = FLOOD_BYTES;
      break;

    case FAKE_ANSWERS:
    case FAKE_SILENT:
    default:
      found = g_hash_table_lookup (self->node->answers, request);
      g_string_append (self->out, found != NULL ? found : "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
      break;
    }

  write_more (self);
}

/* Takes a whole request off what has come, if there is one. */
static void
look_for_request (Connection *self)
{
  const char *head_end = strstr (self->in->str, "\r\n\r\n");
  const char *field = NULL;
  gsize len;

  if (head_end == NULL || self->request_len > 0)
    return;

  len = head_end + strlen ("\r\n\r\n") - self->in->str;
  field = strstr (self->in->str, "\r\nContent-Length: ");
  if (field != NULL && field < head_end)
    len += g_ascii_strtoull (field + strlen ("\r\nContent-Length: "), NULL, 10);
  if (self->in->len < len)
    return;

  self->request_len = len;
  g_ptr_array_add (self->node->requests, g_strndup (self->in->str, len));
  self->node->n_waiting++;
  self->node->most_waiting = MAX (self->node->most_waiting, self->node->n_waiting);
  if (self->node->manner != FAKE_SILENT)
    answer (self);
}

static void
read_cb (GObject      *source,
         GAsyncResult *result,
         gpointer      user_data)
{
  Connection *self = user_data;
  gssize n = g_input_stream_read_finish (G_INPUT_STREAM (source), result, NULL);

  self->n_under_way--;
  if (self->closed || n <= 0)
    {
      connection_close (self);
      return;
    }

  self->node->bytes_in += n;
  g_string_append_len (self->in, self->bytes, n);
  look_for_request (self);
  read_more (self);
}

static void
read_more (Connection *self)
{
  self->n_under_way++;
  g_input_stream_read_async (g_io_stream_get_input_stream (self->stream), self->bytes, sizeof self->bytes,
                             G_PRIORITY_DEFAULT, self->cancellable, read_cb, self);
}

static void
write_cb (GObject      *source,
          GAsyncResult *result,
          gpointer      user_data)
{
  Connection *self = user_data;
  gssize n = g_output_stream_write_finish (G_OUTPUT_STREAM (source), result, NULL);

  self->n_under_way--;
  if (self->closed || n < 0)
    {
      connection_close (self);
      return;
    }

  self->node->bytes_out += n;
  g_string_erase (self->out, 0, n);
  write_more (self);
}

static void
write_more (Connection *self)
{
  if (self->out->len == 0 && self->flood_left > 0)
    {
      gsize len = MIN (self->flood_left, 65536);

      g_string_set_size (self->out, len);
      memset (self->out->str, ' ', len);
      self->flood_left -= len;
    }
  if (self->out->len == 0 || g_output_stream_has_pending (g_io_stream_get_output_stream (self->stream)))
    return;

  self->n_under_way++;
  g_output_stream_write_async (g_io_stream_get_output_stream (self->stream), self->out->str, self->out->len,
                               G_PRIORITY_DEFAULT, self->cancellable, write_cb, self);
}

static gboolean
incoming_cb (GSocketService    *service,
             GSocketConnection *socket,
             GObject           *source,
             gpointer           user_data)
{
  FakeNode *node = user_data;
  Connection *self = g_new0 (Connection, 1);

  g_socket_set_option (g_socket_connection_get_socket (socket), 6 /* IPPROTO_TCP */, 1 /* TCP_NODELAY */, 1, NULL);
  self->node = node;
  self->link.data = self;
  self->stream = g_object_ref (G_IO_STREAM (socket));
  if (node->certificate != NULL)
    {
      GIOStream *tls = g_tls_server_connection_new (self->stream, node->certificate, NULL);

      g_assert_nonnull (tls);
      g_tls_connection_set_require_close_notify (G_TLS_CONNECTION (tls), FALSE);
      g_object_unref (self->stream);
      self->stream = tls;
    }
  self->cancellable = g_cancellable_new ();
  self->in = g_string_new (NULL);
  self->out = g_string_new (NULL);
  g_queue_push_tail_link (&node->connections, &self->link);
  node->n_accepted++;
  read_more (self);

  return TRUE;
}

/* -- The node ------------------------------------------------------------------------------ */

FakeNode *
fake_node_new (const char      *address,
               guint16          port,
               GTlsCertificate *certificate)
{
  FakeNode *self = g_new0 (FakeNode, 1);
  g_autoptr (GSocketAddress) wanted = g_inet_socket_address_new_from_string (address, port);
  g_autoptr (GSocketAddress) got = NULL;
  g_autoptr (GError) error = NULL;

  self->service = g_socket_service_new ();
  g_socket_listener_add_address (G_SOCKET_LISTENER (self->service), wanted, G_SOCKET_TYPE_STREAM,
                                 G_SOCKET_PROTOCOL_TCP, NULL, &got, &error);
  g_assert_no_error (error);
  self->port = g_inet_socket_address_get_port (G_INET_SOCKET_ADDRESS (got));
  g_set_object (&self->certificate, certificate);
  self->answers = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, g_free);
  self->requests = g_ptr_array_new_with_free_func (g_free);
  g_queue_init (&self->connections);
  g_signal_connect (self->service, "incoming", G_CALLBACK (incoming_cb), self);

  return self;
}

void
fake_node_hang_up (FakeNode *self)
{
  while (self->connections.head != NULL)
    connection_close (self->connections.head->data);
}

void
fake_node_free (FakeNode *self)
{
  g_signal_handlers_disconnect_by_data (self->service, self);
  g_socket_service_stop (self->service);
  g_socket_listener_close (G_SOCKET_LISTENER (self->service));
  g_object_unref (self->service);
  fake_node_hang_up (self);
  g_clear_object (&self->certificate);
  g_hash_table_unref (self->answers);
  g_ptr_array_unref (self->requests);
  g_free (self);
}

void
fake_node_answer (FakeNode   *self,
                  const char *request,
                  guint       status,
                  const char *fields,
                  const char *body)
{
  g_hash_table_insert (self->answers, g_strdup (request),
                       g_strdup_printf ("HTTP/1.1 %u Whatever\r\nContent-Length: %zu\r\n%s\r\n%s", status,
                                        strlen (body), fields != NULL ? fields : "", body));
}

void
fake_node_wake (FakeNode *self)
{
  GList *link = self->connections.head;

  self->manner = FAKE_ANSWERS;
  while (link != NULL)
    {
      Connection *connection = link->data;

      link = link->next;
      if (connection->request_len > 0)
        answer (connection);
    }
}

guint
fake_node_count (FakeNode   *self,
                 const char *text)
{
  guint n = 0;
  guint i;

  for (i = 0; i < self->requests->len; i++)
    n += strstr (g_ptr_array_index (self->requests, i), text) != NULL;

  return n;
}

/* -- Certificates -------------------------------------------------------------------------- */

static char *
print_pem (BIO *bio)
{
  char *data;
  long len = BIO_get_mem_data (bio, &data);
  char *text = g_strndup (data, len);

  BIO_free (bio);

  return text;
}

GTlsCertificate *
fake_certificate_new (char **pin)
{
  EVP_PKEY *key = EVP_PKEY_Q_keygen (NULL, NULL, "EC", "P-256");
  X509 *x509 = X509_new ();
  X509_NAME *name = X509_get_subject_name (x509);
  BIO *certificate_bio = BIO_new (BIO_s_mem ());
  BIO *key_bio = BIO_new (BIO_s_mem ());
  g_autofree char *certificate_pem = NULL;
  g_autofree char *key_pem = NULL;
  g_autofree char *pem = NULL;
  g_autoptr (GError) error = NULL;
  GTlsCertificate *certificate;

  X509_set_version (x509, 2);
  ASN1_INTEGER_set (X509_get_serialNumber (x509), g_random_int_range (1, G_MAXINT));
  X509_gmtime_adj (X509_getm_notBefore (x509), -3600);
  X509_gmtime_adj (X509_getm_notAfter (x509), 3600);
  X509_NAME_add_entry_by_txt (name, "CN", MBSTRING_ASC, (const guchar *) "studio.test", -1, -1, 0);
  X509_set_issuer_name (x509, name);
  X509_set_pubkey (x509, key);
  g_assert_cmpint (X509_sign (x509, key, EVP_sha256 ()), >, 0);

  if (pin != NULL)
    {
      guchar *der = NULL;
      int der_len = i2d_PUBKEY (key, &der);
      guchar digest[32];
      g_autofree char *base64 = NULL;

      g_assert_cmpint (EVP_Digest (der, der_len, digest, NULL, EVP_sha256 (), NULL), ==, 1);
      base64 = g_base64_encode (digest, sizeof digest);
      *pin = g_strconcat ("sha256//", base64, NULL);
      OPENSSL_free (der);
    }

  PEM_write_bio_X509 (certificate_bio, x509);
  PEM_write_bio_PrivateKey (key_bio, key, NULL, NULL, 0, NULL, NULL);
  X509_free (x509);
  EVP_PKEY_free (key);
  certificate_pem = print_pem (certificate_bio);
  key_pem = print_pem (key_bio);
  pem = g_strconcat (certificate_pem, key_pem, NULL);
  certificate = g_tls_certificate_new_from_pem (pem, -1, &error);
  g_assert_no_error (error);

  return certificate;
}

/* -- Names --------------------------------------------------------------------------------- */

typedef struct {
  char **addresses;
  guint n_lookups;
  gboolean slow;
} Name;

/* The resolver asks on threads of its own. ThreadSanitizer sees these locks, and GLib's not. */
static pthread_mutex_t names_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t names_cond = PTHREAD_COND_INITIALIZER;
static GHashTable *names; /* name -> Name */

static Name *
get_name (const char *text)
{
  Name *name;

  if (names == NULL)
    names = g_hash_table_new (g_str_hash, g_str_equal);
  name = g_hash_table_lookup (names, text);
  if (name == NULL)
    {
      name = g_new0 (Name, 1);
      g_hash_table_insert (names, g_strdup (text), name);
    }

  return name;
}

void
fake_name (const char *text,
           ...)
{
  GPtrArray *addresses = g_ptr_array_new ();
  const char *address;
  va_list list;
  Name *name;

  va_start (list, text);
  while ((address = va_arg (list, const char *)) != NULL)
    g_ptr_array_add (addresses, g_strdup (address));
  va_end (list);
  g_ptr_array_add (addresses, NULL);

  pthread_mutex_lock (&names_mutex);
  name = get_name (text);
  g_strfreev (name->addresses);
  name->addresses = (char **) g_ptr_array_free (addresses, FALSE);
  pthread_mutex_unlock (&names_mutex);
}

void
fake_name_slow (const char *text)
{
  pthread_mutex_lock (&names_mutex);
  get_name (text)->slow = TRUE;
  pthread_mutex_unlock (&names_mutex);
}

void
fake_names_wake (void)
{
  GHashTableIter iter;
  Name *name;

  pthread_mutex_lock (&names_mutex);
  if (names != NULL)
    {
      g_hash_table_iter_init (&iter, names);
      while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &name))
        name->slow = FALSE;
    }
  pthread_cond_broadcast (&names_cond);
  pthread_mutex_unlock (&names_mutex);
}

guint
fake_name_count (const char *text)
{
  guint n;

  pthread_mutex_lock (&names_mutex);
  n = get_name (text)->n_lookups;
  pthread_mutex_unlock (&names_mutex);

  return n;
}

/* Stands before the C library's, which it asks for all that is numeric. */
int
getaddrinfo (const char            *node,
             const char            *service,
             const struct addrinfo *hints,
             struct addrinfo      **result)
{
  static int (*real) (const char *, const char *, const struct addrinfo *, struct addrinfo **);
  g_auto (GStrv) addresses = NULL;
  struct addrinfo **end = result;
  Name *name;
  guint i;

  pthread_mutex_lock (&names_mutex);
  if (real == NULL)
    *(void **) &real = dlsym (RTLD_NEXT, "getaddrinfo");
  name = node != NULL && names != NULL ? g_hash_table_lookup (names, node) : NULL;
  if (name != NULL)
    {
      name->n_lookups++;
      while (name->slow)
        pthread_cond_wait (&names_cond, &names_mutex);
      addresses = g_strdupv (name->addresses);
    }
  pthread_mutex_unlock (&names_mutex);

  if (name == NULL)
    return real (node, service, hints, result);

  *result = NULL;
  for (i = 0; addresses != NULL && addresses[i] != NULL; i++)
    {
      if (real (addresses[i], service, hints, end) == 0)
        {
          while (*end != NULL)
            end = &(*end)->ai_next;
        }
    }

  return *result != NULL ? 0 : EAI_NONAME;
}
