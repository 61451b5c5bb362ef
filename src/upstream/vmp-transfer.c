/* SPDX-License-Identifier: MIT
 *
 * One request to a node and its answer, as a libcurl easy handle. Handles are made once and used again; what
 * differs between two requests is set by vmp_transfer_prepare().
 */

#include "upstream/vmp-upstream-private.h"

#include "core/vmp-limits.h"
#include "upstream/vmp-answer-head.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>

/* libcurl's receive buffer: what one recv() may bring. */
#define RECEIVE_BYTES (32 * 1024L)

/* libcurl reuses a connection that has been idle for this many whole seconds or fewer. */
#define IDLE_SECONDS (VMP_LIMIT_UPSTREAM_IDLE_MS / 1000L - 1)

/* When a node's machine vanishes without a word (sleep, cable), the kernel finds out in 15 s + 9 x 5 s. */
#define KEEPALIVE_IDLE_SECONDS 15L
#define KEEPALIVE_INTERVAL_SECONDS 5L

/* Passes on the head that has come. FALSE when it is none that could be. */
static gboolean
deliver_head (VmpTransfer *self,
              guint        status)
{
  VmpSlice text = { vmp_buffer_peek (&self->head), vmp_buffer_len (&self->head) };
  VmpHttpField fields[VMP_LIMIT_HEAD_FIELDS];
  VmpTransferHead head;

  self->fault = vmp_answer_head_parse (text, fields, &head);
  if (self->fault != NULL)
    return FALSE;

  head.status = status;
  self->head_seen = TRUE;
  self->events->head (self->user_data, &head);

  return TRUE;
}

static size_t
header_cb (char  *data,
           size_t size,
           size_t n,
           void  *user_data)
{
  VmpTransfer *self = user_data;
  gsize len = size * n;
  long status = 0;

  if (self->events == NULL)
    return 0;
  if (self->head_seen)
    return len; /* a trailer: not ours to pass on */
  if (vmp_buffer_len (&self->head) + len > VMP_LIMIT_REPLY_HEAD_BYTES)
    {
      self->fault = "has too long a head";
      return 0;
    }

  vmp_buffer_append (&self->head, data, len);
  if (!(len == 2 && data[0] == '\r') && !(len == 1 && data[0] == '\n'))
    return len;

  curl_easy_getinfo (self->easy, CURLINFO_RESPONSE_CODE, &status);
  if (status == 101)
    {
      self->fault = "switches to a protocol nobody asked for";
      return 0;
    }
  if (status >= 200 && !deliver_head (self, (guint) status))
    return 0;
  vmp_buffer_consume (&self->head, vmp_buffer_len (&self->head));

  return len;
}

static size_t
write_cb (char  *data,
          size_t size,
          size_t n,
          void  *user_data)
{
  VmpTransfer *self = user_data;

  if (self->events == NULL)
    return 0;
  if (size * n > self->max_body_bytes - self->body_bytes)
    {
      self->too_long = TRUE;
      return 0;
    }

  if (self->turn != self->upstream->turn)
    {
      self->turn = self->upstream->turn;
      self->turn_bytes = 0;
    }

  if (self->turn_bytes >= VMP_LIMIT_TURN_BYTES)
    {
      vmp_upstream_yield (self->upstream, self);
    }
  else if (self->events->body (self->user_data, data, size * n))
    {
      self->turn_bytes += size * n;
      self->body_bytes += size * n;
      return size * n;
    }

  self->paused = TRUE;
  if (!self->waits && self->held < 0)
    vmp_upstream_hold (self->upstream, self);
  return CURL_WRITEFUNC_PAUSE;
}

/* -- What may be connected to -------------------------------------------------------------- */

/* VMP_TRANSFER_DONE when there is nothing against it. An address that a node is not bound to has moved, whatever its
 * scope. */
static VmpTransferEnd
judge_address (VmpTransfer      *self,
               const VmpAddress *address)
{
  gboolean is_known = !self->is_bound;
  guint i;

  for (i = 0; !is_known && i < self->addresses->len; i++)
    is_known = vmp_address_equal (&g_array_index (self->addresses, VmpAddress, i), address);

  if (!is_known)
    return VMP_TRANSFER_MOVED;
  if (!vmp_scope_is_allowed (vmp_address_get_scope (address), self->allow_public))
    return VMP_TRANSFER_NOT_ALLOWED;

  return VMP_TRANSFER_DONE;
}

gboolean
vmp_transfer_may_connect (VmpTransfer      *self,
                          const VmpAddress *address)
{
  VmpTransferEnd refusal = judge_address (self, address);

  if (refusal == VMP_TRANSFER_DONE)
    {
      self->tried = TRUE;
      return TRUE;
    }

  if (self->refusal != VMP_TRANSFER_MOVED)
    {
      self->refusal = refusal;
      self->refused = *address;
    }

  return FALSE;
}

const char *
vmp_transfer_get_address (VmpTransfer *self)
{
  if (self->sends == 0)
    return "";

  if (self->address_text[0] == '\0')
    vmp_address_print (&self->address, self->address_text);

  return self->address_text;
}

/* The certificate that the other end showed, as PEM. */
static const char *
find_certificate (VmpTransfer *self)
{
  static const char label[] = "Cert:";
  struct curl_certinfo *chain = NULL;
  const struct curl_slist *item;

  if (curl_easy_getinfo (self->easy, CURLINFO_CERTINFO, &chain) != CURLE_OK || chain == NULL
      || chain->num_of_certs == 0)
    return NULL;

  for (item = chain->certinfo[0]; item != NULL; item = item->next)
    {
      if (strncmp (item->data, label, strlen (label)) == 0)
        return item->data + strlen (label);
    }

  return NULL;
}

char *
vmp_transfer_dup_key (VmpTransfer *self)
{
  const char *pem = find_certificate (self);
  g_autoptr (GChecksum) checksum = NULL;
  g_autofree char *base64 = NULL;
  guint8 digest[32];
  gsize digest_len = sizeof digest;
  BIO *bio;
  X509 *certificate;
  guint8 *key = NULL;
  int key_len;

  if (pem == NULL)
    return NULL;

  bio = BIO_new_mem_buf (pem, -1);
  certificate = PEM_read_bio_X509 (bio, NULL, NULL, NULL);
  BIO_free (bio);
  if (certificate == NULL)
    return NULL;

  key_len = i2d_X509_PUBKEY (X509_get_X509_PUBKEY (certificate), &key);
  X509_free (certificate);
  if (key_len <= 0)
    return NULL;

  checksum = g_checksum_new (G_CHECKSUM_SHA256);
  g_checksum_update (checksum, key, key_len);
  g_checksum_get_digest (checksum, digest, &digest_len);
  base64 = g_base64_encode (digest, digest_len);
  OPENSSL_free (key);

  return g_strconcat ("sha256//", base64, NULL);
}

/* Called when a connection is ready and nothing was sent on it yet.
 *
 * One that was kept is judged like a new one: it may have been made under other rules, or before its node moved. If it
 * does not pass, a new one tells where the node is now.
 *
 * libcurl replaces a reused connection that died by itself, up to five times and perhaps by another that is just as
 * dead; a node must not get one request more than twice, so the second connection has to be a new one. */
static int
before_request_cb (void *user_data,
                   char *remote_ip,
                   char *local_ip,
                   int   remote_port,
                   int   local_port)
{
  VmpTransfer *self = user_data;
  gboolean is_known = vmp_address_parse (remote_ip, &self->address);
  long new_connections = 0;

  self->local_port = local_port;
  if (is_known && judge_address (self, &self->address) == VMP_TRANSFER_DONE && self->sends == 0)
    {
      self->sends++;
      return CURL_PREREQFUNC_OK;
    }

  curl_easy_getinfo (self->easy, CURLINFO_NUM_CONNECTS, &new_connections);
  if (new_connections == 0)
    {
      self->needs_fresh_connection = TRUE;
      return CURL_PREREQFUNC_ABORT;
    }

  self->tried = FALSE;
  if (!is_known || !vmp_transfer_may_connect (self, &self->address))
    return CURL_PREREQFUNC_ABORT;

  self->sends++;
  return CURL_PREREQFUNC_OK;
}

/* -- The easy handle ----------------------------------------------------------------------- */

VmpTransfer *
vmp_transfer_new (VmpUpstream *upstream)
{
  VmpTransfer *self = g_new0 (VmpTransfer, 1);
  CURL *easy = curl_easy_init ();

  self->upstream = upstream;
  self->easy = easy;
  self->held = -1;
  self->url = curl_url ();
  self->addresses = g_array_new (FALSE, FALSE, sizeof (VmpAddress));

  curl_easy_setopt (easy, CURLOPT_PRIVATE, self);
  curl_easy_setopt (easy, CURLOPT_ERRORBUFFER, self->problem);
  curl_easy_setopt (easy, CURLOPT_HEADERFUNCTION, header_cb);
  curl_easy_setopt (easy, CURLOPT_HEADERDATA, self);
  curl_easy_setopt (easy, CURLOPT_WRITEFUNCTION, write_cb);
  curl_easy_setopt (easy, CURLOPT_WRITEDATA, self);
  curl_easy_setopt (easy, CURLOPT_PREREQFUNCTION, before_request_cb);
  curl_easy_setopt (easy, CURLOPT_PREREQDATA, self);
  curl_easy_setopt (easy, CURLOPT_OPENSOCKETFUNCTION, vmp_upstream_open_socket);
  curl_easy_setopt (easy, CURLOPT_OPENSOCKETDATA, self);
  curl_easy_setopt (easy, CURLOPT_CLOSESOCKETFUNCTION, vmp_upstream_close_socket);
  curl_easy_setopt (easy, CURLOPT_CLOSESOCKETDATA, upstream);

  curl_easy_setopt (easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt (easy, CURLOPT_QUICK_EXIT, 1L); /* a look-up that is given up must not be waited for */
  curl_easy_setopt (easy, CURLOPT_DNS_CACHE_TIMEOUT, (long) VMP_LIMIT_DNS_CACHE_S);
  curl_easy_setopt (easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt (easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_1_1);
  curl_easy_setopt (easy, CURLOPT_PROXY, ""); /* the environment's proxy must not see prompts */
  curl_easy_setopt (easy, CURLOPT_NOPROXY, "*"); /* else the environment is asked for each request */
  curl_easy_setopt (easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt (easy, CURLOPT_NETRC, (long) CURL_NETRC_IGNORED);
  curl_easy_setopt (easy, CURLOPT_HTTP_CONTENT_DECODING, 0L);
  curl_easy_setopt (easy, CURLOPT_CONNECTTIMEOUT_MS, (long) VMP_LIMIT_CONNECT_MS);
  curl_easy_setopt (easy, CURLOPT_MAXAGE_CONN, IDLE_SECONDS);
  curl_easy_setopt (easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt (easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_SECONDS);
  curl_easy_setopt (easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_INTERVAL_SECONDS);
  curl_easy_setopt (easy, CURLOPT_BUFFERSIZE, RECEIVE_BYTES);

  return self;
}

void
vmp_transfer_free (VmpTransfer *self)
{
  curl_easy_cleanup (self->easy);
  curl_url_cleanup (self->url);
  g_free (self->url_text);
  vmp_buffer_clear (&self->request_text);
  vmp_buffer_clear (&self->head);
  g_array_unref (self->addresses);
  g_free (self->key);
  g_free (self->request_fields);
  g_free (self);
}

/* The request's fields as libcurl takes them: a linked list, made here of one block for the nodes and one for
 * the text, since two allocations for each field would be most of a request's. */
static void
set_fields (VmpTransfer              *self,
            const VmpTransferRequest *request)
{
  /* "Name:" without a value takes a field out that libcurl would add by itself. */
  static const char * const suppressed[] = { "Accept", "Content-Type", "Expect" };
  gboolean given[G_N_ELEMENTS (suppressed)] = { FALSE, };
  guint n = 0;
  guint i;
  guint j;
  gsize size = 0;
  char *text;

  if (self->request_fields_size < request->n_fields + G_N_ELEMENTS (suppressed))
    {
      self->request_fields_size = request->n_fields + G_N_ELEMENTS (suppressed);
      self->request_fields = g_renew (struct curl_slist, self->request_fields, self->request_fields_size);
    }

  for (i = 0; i < request->n_fields; i++)
    size += request->fields[i].name.len + request->fields[i].value.len + strlen (": ") + 1;
  for (j = 0; j < G_N_ELEMENTS (suppressed); j++)
    size += strlen (suppressed[j]) + strlen (":") + 1;
  vmp_buffer_consume (&self->request_text, vmp_buffer_len (&self->request_text));
  text = vmp_buffer_reserve (&self->request_text, size);
  g_assert (text != NULL);

  for (i = 0; i < request->n_fields; i++)
    {
      const VmpHttpField *field = &request->fields[i];

      for (j = 0; j < G_N_ELEMENTS (suppressed); j++)
        given[j] |= vmp_slice_equal_nocase (field->name, suppressed[j]);

      self->request_fields[n++].data = text;
      memcpy (text, field->name.data, field->name.len);
      text += field->name.len;
      if (field->value.len == 0)
        {
          *text++ = ';'; /* libcurl's way to write a field that is empty */
        }
      else
        {
          *text++ = ':';
          *text++ = ' ';
          memcpy (text, field->value.data, field->value.len);
          text += field->value.len;
        }
      *text++ = '\0';
    }

  for (j = 0; j < G_N_ELEMENTS (suppressed); j++)
    {
      if (given[j])
        continue;
      self->request_fields[n++].data = text;
      text = g_stpcpy (text, suppressed[j]);
      *text++ = ':';
      *text++ = '\0';
    }

  for (i = 0; i < n; i++)
    self->request_fields[i].next = i + 1 < n ? &self->request_fields[i + 1] : NULL;
  curl_easy_setopt (self->easy, CURLOPT_HTTPHEADER, self->request_fields);
}

/* libcurl does not reuse a connection for which these were different. One that was made for any key it would give to
 * the next such transfer, which then learnt no key: those are not kept. */
static void
set_tls_rule (VmpTransfer *self,
              TlsRule      rule,
              const char  *key)
{
  long verify = rule == TLS_KNOWN_AUTHORITY ? 1L : 0L;
  long any_key = rule == TLS_ANY_KEY ? 1L : 0L;

  if (rule == self->tls_rule && g_strcmp0 (key, self->key) == 0)
    return;

  g_free (self->key);
  self->key = g_strdup (key);
  self->tls_rule = rule;
  curl_easy_setopt (self->easy, CURLOPT_SSL_VERIFYPEER, verify);
  curl_easy_setopt (self->easy, CURLOPT_SSL_VERIFYHOST, verify * 2);
  curl_easy_setopt (self->easy, CURLOPT_PINNEDPUBLICKEY, key);
  curl_easy_setopt (self->easy, CURLOPT_CERTINFO, any_key);
  curl_easy_setopt (self->easy, CURLOPT_FORBID_REUSE, any_key);
}

static void
set_reach (VmpTransfer              *self,
           const VmpTransferRequest *request)
{
  static const VmpReach usual = { FALSE, };
  const VmpReach *reach = request->reach != NULL ? request->reach : &usual;
  guint i;

  self->tried = FALSE;
  self->refusal = VMP_TRANSFER_DONE;
  self->address_text[0] = '\0';
  self->allow_public = reach->allow_public;
  self->is_bound = reach->addresses != NULL;
  g_array_set_size (self->addresses, 0);
  for (i = 0; self->is_bound && reach->addresses[i] != NULL; i++)
    {
      VmpAddress address;

      if (vmp_address_parse (reach->addresses[i], &address))
        g_array_append_val (self->addresses, address);
    }

  if (!request->base_url->tls)
    set_tls_rule (self, TLS_KNOWN_AUTHORITY, NULL);
  else if (reach->key != NULL)
    set_tls_rule (self, TLS_ONE_KEY, reach->key);
  else
    set_tls_rule (self, reach->any_key ? TLS_ANY_KEY : TLS_KNOWN_AUTHORITY, NULL);
}

static void
set_timeout (VmpTransfer *self,
             guint        timeout_ms)
{
  self->deadline = timeout_ms > 0 ? g_get_monotonic_time () + timeout_ms * G_TIME_SPAN_MILLISECOND : 0;
  if (timeout_ms == 0 && self->timeout_ms == 0)
    return;

  self->timeout_ms = timeout_ms;
  curl_easy_setopt (self->easy, CURLOPT_TIMEOUT_MS, (long) timeout_ms);
}

void
vmp_transfer_prepare_again (VmpTransfer *self)
{
  self->needs_fresh_connection = FALSE;
  self->refusal = VMP_TRANSFER_DONE;
  curl_easy_setopt (self->easy, CURLOPT_FRESH_CONNECT, 1L);
  if (self->deadline != 0)
    {
      gint64 left = (self->deadline - g_get_monotonic_time ()) / G_TIME_SPAN_MILLISECOND;

      curl_easy_setopt (self->easy, CURLOPT_TIMEOUT_MS, (long) MAX (left, 1));
    }
}

/* What libcurl gets as text it takes apart and puts together again for each request, and most go where the last one
 * went: it gets the parts. What it cannot take apart it is to say itself. */
static void
set_url (VmpTransfer *self,
         const char  *text)
{
  gboolean is_valid;

  if (g_strcmp0 (text, self->url_text) == 0)
    return;

  g_free (self->url_text);
  self->url_text = g_strdup (text);
  is_valid = curl_url_set (self->url, CURLUPART_URL, text, 0) == CURLUE_OK;
  curl_easy_setopt (self->easy, CURLOPT_URL, text);
  curl_easy_setopt (self->easy, CURLOPT_CURLU, is_valid ? self->url : NULL);
}

/* What follows the host in the URL. (transfer full) */
static char *
make_target (const VmpTransferRequest *request)
{
  gsize prefix_len = strlen (request->base_url->prefix);
  char *target = g_malloc (prefix_len + request->target.len + 1);

  memcpy (target, request->base_url->prefix, prefix_len);
  memcpy (target + prefix_len, request->target.data, request->target.len);
  target[prefix_len + request->target.len] = '\0';

  return target;
}

void
vmp_transfer_prepare (VmpTransfer              *self,
                      const VmpTransferRequest *request)
{
  g_autofree char *method = g_strndup (request->method.data, request->method.len);
  g_autofree char *target = make_target (request);
  CURL *easy = self->easy;

  self->head_seen = FALSE;
  self->paused = FALSE;
  self->waits = FALSE;
  self->sends = 0;
  self->needs_fresh_connection = FALSE;
  self->fault = NULL;
  self->problem[0] = '\0';
  self->max_body_bytes = request->max_body_bytes > 0 ? request->max_body_bytes : G_MAXUINT64;
  self->body_bytes = 0;
  self->too_long = FALSE;
  vmp_buffer_consume (&self->head, vmp_buffer_len (&self->head));
  set_reach (self, request);
  set_timeout (self, request->timeout_ms);

  set_url (self, request->base_url->text);
  curl_easy_setopt (easy, CURLOPT_REQUEST_TARGET, target);
  curl_easy_setopt (easy, CURLOPT_FRESH_CONNECT, self->tls_rule == TLS_ANY_KEY ? 1L : 0L);

  /* Each of these decides anew how the request is framed; the method's name is set after, so that any method may
   * come with or without a body. */
  curl_easy_setopt (easy, CURLOPT_NOBODY, 0L);
  if (request->has_body)
    {
      curl_easy_setopt (easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) request->body_len);
      curl_easy_setopt (easy, CURLOPT_POSTFIELDS, request->body_len > 0 ? request->body : "");
      curl_easy_setopt (easy, CURLOPT_POST, 1L);
    }
  else
    {
      curl_easy_setopt (easy, CURLOPT_POSTFIELDS, NULL);
      curl_easy_setopt (easy, CURLOPT_HTTPGET, 1L);
    }
  if (vmp_slice_equal (request->method, "HEAD"))
    curl_easy_setopt (easy, CURLOPT_NOBODY, 1L);
  curl_easy_setopt (easy, CURLOPT_CUSTOMREQUEST, method);
  set_fields (self, request);
}
