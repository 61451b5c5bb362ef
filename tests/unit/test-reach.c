/* SPDX-License-Identifier: MIT
 *
 * Which addresses may be reached: each range of the special-purpose registries by its first and last address and by
 * those just outside, whichever way an address is written.
 */

#include "upstream/vmp-reach-private.h"

#include <stdio.h>

typedef struct {
  const char *address;
  VmpScope scope;
} Case;

static const Case ipv4_cases[] = {
  { "0.0.0.0", VMP_SCOPE_NONE },
  { "0.255.255.255", VMP_SCOPE_NONE },
  { "1.0.0.0", VMP_SCOPE_PUBLIC },

  { "9.255.255.255", VMP_SCOPE_PUBLIC },
  { "10.0.0.0", VMP_SCOPE_PRIVATE },
  { "10.255.255.255", VMP_SCOPE_PRIVATE },
  { "11.0.0.0", VMP_SCOPE_PUBLIC },

  { "100.63.255.255", VMP_SCOPE_PUBLIC },
  { "100.64.0.0", VMP_SCOPE_SHARED },
  { "100.100.100.199", VMP_SCOPE_SHARED },
  { "100.100.100.200", VMP_SCOPE_NONE },
  { "100.100.100.201", VMP_SCOPE_SHARED },
  { "100.127.255.255", VMP_SCOPE_SHARED },
  { "100.128.0.0", VMP_SCOPE_PUBLIC },

  { "126.255.255.255", VMP_SCOPE_PUBLIC },
  { "127.0.0.0", VMP_SCOPE_LOOPBACK },
  { "127.0.0.1", VMP_SCOPE_LOOPBACK },
  { "127.255.255.255", VMP_SCOPE_LOOPBACK },
  { "128.0.0.0", VMP_SCOPE_PUBLIC },

  { "168.63.129.15", VMP_SCOPE_PUBLIC },
  { "168.63.129.16", VMP_SCOPE_NONE },
  { "168.63.129.17", VMP_SCOPE_PUBLIC },

  { "169.253.255.255", VMP_SCOPE_PUBLIC },
  { "169.254.0.0", VMP_SCOPE_LINK_LOCAL },
  { "169.254.169.253", VMP_SCOPE_LINK_LOCAL },
  { "169.254.169.254", VMP_SCOPE_NONE },
  { "169.254.169.255", VMP_SCOPE_LINK_LOCAL },
  { "169.254.170.2", VMP_SCOPE_NONE },
  { "169.254.170.23", VMP_SCOPE_NONE },
  { "169.254.255.255", VMP_SCOPE_LINK_LOCAL },
  { "169.255.0.0", VMP_SCOPE_PUBLIC },

  { "172.15.255.255", VMP_SCOPE_PUBLIC },
  { "172.16.0.0", VMP_SCOPE_PRIVATE },
  { "172.31.255.255", VMP_SCOPE_PRIVATE },
  { "172.32.0.0", VMP_SCOPE_PUBLIC },

  { "191.255.255.255", VMP_SCOPE_PUBLIC },
  { "192.0.0.0", VMP_SCOPE_NONE },
  { "192.0.0.255", VMP_SCOPE_NONE },
  { "192.0.1.0", VMP_SCOPE_PUBLIC },
  { "192.0.1.255", VMP_SCOPE_PUBLIC },
  { "192.0.2.0", VMP_SCOPE_NONE },
  { "192.0.2.255", VMP_SCOPE_NONE },
  { "192.0.3.0", VMP_SCOPE_PUBLIC },

  { "192.88.98.255", VMP_SCOPE_PUBLIC },
  { "192.88.99.0", VMP_SCOPE_NONE },
  { "192.88.99.255", VMP_SCOPE_NONE },
  { "192.88.100.0", VMP_SCOPE_PUBLIC },

  { "192.167.255.255", VMP_SCOPE_PUBLIC },
  { "192.168.0.0", VMP_SCOPE_PRIVATE },
  { "192.168.255.255", VMP_SCOPE_PRIVATE },
  { "192.169.0.0", VMP_SCOPE_PUBLIC },

  { "198.17.255.255", VMP_SCOPE_PUBLIC },
  { "198.18.0.0", VMP_SCOPE_NONE },
  { "198.19.255.255", VMP_SCOPE_NONE },
  { "198.20.0.0", VMP_SCOPE_PUBLIC },

  { "198.51.99.255", VMP_SCOPE_PUBLIC },
  { "198.51.100.0", VMP_SCOPE_NONE },
  { "198.51.100.255", VMP_SCOPE_NONE },
  { "198.51.101.0", VMP_SCOPE_PUBLIC },

  { "203.0.112.255", VMP_SCOPE_PUBLIC },
  { "203.0.113.0", VMP_SCOPE_NONE },
  { "203.0.113.255", VMP_SCOPE_NONE },
  { "203.0.114.0", VMP_SCOPE_PUBLIC },

  { "223.255.255.255", VMP_SCOPE_PUBLIC },
  { "224.0.0.0", VMP_SCOPE_NONE },
  { "239.255.255.255", VMP_SCOPE_NONE },
  { "240.0.0.0", VMP_SCOPE_NONE },
  { "255.255.255.255", VMP_SCOPE_NONE },
};

static const Case ipv6_cases[] = {
  { "::", VMP_SCOPE_NONE },
  { "::1", VMP_SCOPE_LOOPBACK },
  { "::2", VMP_SCOPE_NONE },
  { "::127.0.0.1", VMP_SCOPE_NONE }, /* the old form of mapping: no host has it */
  { "::fffe:ffff:ffff", VMP_SCOPE_NONE },
  { "::1:0:0:0", VMP_SCOPE_NONE },
  { "::ffff:0:127.0.0.1", VMP_SCOPE_NONE },
  { "64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff", VMP_SCOPE_NONE },
  { "64:ff9b::1:0:0", VMP_SCOPE_NONE },
  { "64:ff9b:1::", VMP_SCOPE_NONE },
  { "100::1", VMP_SCOPE_NONE },
  { "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", VMP_SCOPE_NONE },
  { "2000::", VMP_SCOPE_PUBLIC },
  { "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", VMP_SCOPE_PUBLIC },
  { "2001::", VMP_SCOPE_NONE },
  { "2001:0:4136:e378:8000:63bf:3fff:fdd2", VMP_SCOPE_NONE }, /* Teredo */
  { "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", VMP_SCOPE_NONE },
  { "2001:200::", VMP_SCOPE_PUBLIC },
  { "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", VMP_SCOPE_PUBLIC },
  { "2001:db8::", VMP_SCOPE_NONE },
  { "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", VMP_SCOPE_NONE },
  { "2001:db9::", VMP_SCOPE_PUBLIC },
  { "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", VMP_SCOPE_PUBLIC },
  { "2003::", VMP_SCOPE_PUBLIC },
  { "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", VMP_SCOPE_PUBLIC },
  { "3fff::", VMP_SCOPE_NONE },
  { "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", VMP_SCOPE_NONE },
  { "3fff:1000::", VMP_SCOPE_PUBLIC },
  { "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", VMP_SCOPE_PUBLIC },
  { "4000::", VMP_SCOPE_NONE },
  { "5f00::1", VMP_SCOPE_NONE },
  { "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", VMP_SCOPE_NONE },
  { "fc00::", VMP_SCOPE_PRIVATE },
  { "fd00:ec2::23", VMP_SCOPE_NONE },
  { "fd00:ec2::253", VMP_SCOPE_PRIVATE },
  { "fd00:ec2::254", VMP_SCOPE_NONE },
  { "fd00:ec2::255", VMP_SCOPE_PRIVATE },
  { "fd20:ce::254", VMP_SCOPE_NONE },
  { "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", VMP_SCOPE_PRIVATE },
  { "fe00::", VMP_SCOPE_NONE },
  { "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", VMP_SCOPE_NONE },
  { "fe80::", VMP_SCOPE_LINK_LOCAL },
  { "febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", VMP_SCOPE_LINK_LOCAL },
  { "fec0::1", VMP_SCOPE_NONE },
  { "ff00::", VMP_SCOPE_NONE },
  { "ff02::1", VMP_SCOPE_NONE },
  { "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", VMP_SCOPE_NONE },
};

static VmpScope
scope_of (const char *text)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (text);

  g_assert_nonnull (address);

  return vmp_scope_of (address);
}

static void
assert_scope (const char *text,
              VmpScope    scope)
{
  if (scope_of (text) != scope)
    g_error ("%s is %s, not %s", text, vmp_scope_to_string (scope_of (text)), vmp_scope_to_string (scope));
}

static void
test_ipv4 (void)
{
  gsize i;

  for (i = 0; i < G_N_ELEMENTS (ipv4_cases); i++)
    assert_scope (ipv4_cases[i].address, ipv4_cases[i].scope);
}

static void
test_ipv6 (void)
{
  gsize i;

  for (i = 0; i < G_N_ELEMENTS (ipv6_cases); i++)
    assert_scope (ipv6_cases[i].address, ipv6_cases[i].scope);
}

/* Every IPv4 case once more, inside an IPv6 address. */
static void
test_ipv4_in_ipv6 (void)
{
  gsize i;

  for (i = 0; i < G_N_ELEMENTS (ipv4_cases); i++)
    {
      g_autofree char *mapped = g_strdup_printf ("::ffff:%s", ipv4_cases[i].address);
      g_autofree char *translated = g_strdup_printf ("64:ff9b::%s", ipv4_cases[i].address);
      g_autofree char *tunnelled = NULL;
      g_autofree char *tunnelled_host = NULL;
      guint bytes[4];

      g_assert_cmpint (sscanf (ipv4_cases[i].address, "%u.%u.%u.%u", bytes, bytes + 1, bytes + 2, bytes + 3), ==, 4);
      tunnelled = g_strdup_printf ("2002:%02x%02x:%02x%02x::", bytes[0], bytes[1], bytes[2], bytes[3]);
      tunnelled_host = g_strdup_printf ("2002:%02x%02x:%02x%02x:ffff:ffff:ffff:ffff:ffff", bytes[0], bytes[1],
                                        bytes[2], bytes[3]);

      assert_scope (mapped, ipv4_cases[i].scope);
      assert_scope (translated, ipv4_cases[i].scope);
      assert_scope (tunnelled, ipv4_cases[i].scope);
      assert_scope (tunnelled_host, ipv4_cases[i].scope);
    }
}

static gboolean
allows (const VmpReach *reach,
        const char     *text)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (text);

  return vmp_reach_allows (reach, address);
}

static void
test_public_only_when_allowed (void)
{
  VmpReach usual = { FALSE, };
  VmpReach open = { .allow_public = TRUE };

  g_assert_true (allows (&usual, "127.0.0.1"));
  g_assert_true (allows (&usual, "192.168.1.5"));
  g_assert_true (allows (&usual, "169.254.1.1"));
  g_assert_true (allows (&usual, "100.100.1.1"));
  g_assert_true (allows (&usual, "fd00::1"));
  g_assert_false (allows (&usual, "8.8.8.8"));
  g_assert_false (allows (&usual, "2606:4700::1111"));
  g_assert_false (allows (&usual, "::ffff:8.8.8.8"));
  g_assert_false (allows (&usual, "64:ff9b::808:808"));

  g_assert_true (allows (&open, "8.8.8.8"));
  g_assert_true (allows (&open, "2606:4700::1111"));
  g_assert_true (allows (&open, "192.168.1.5"));
  g_assert_false (allows (&open, "0.0.0.0"));
  g_assert_false (allows (&open, "169.254.169.254"));
  g_assert_false (allows (&open, "::ffff:169.254.169.254"));
  g_assert_false (allows (&open, "64:ff9b::a9fe:a9fe"));
  g_assert_false (allows (&open, "2002:a9fe:a9fe::"));
  g_assert_false (allows (&open, "fd00:ec2::254"));
  g_assert_false (allows (&open, "224.0.0.251"));
}

static void
test_only_bound_addresses (void)
{
  static const char * const some[] = { "192.168.1.5", "fe80::1%lo", "nonsense", "::ffff:10.0.0.1", NULL };
  static const char * const none[] = { NULL };
  static const char * const metadata[] = { "169.254.169.254", NULL };
  VmpReach reach = { .addresses = some };

  g_assert_true (allows (&reach, "192.168.1.5"));
  g_assert_true (allows (&reach, "::ffff:192.168.1.5"));
  g_assert_true (allows (&reach, "fe80::1"));
  g_assert_true (allows (&reach, "10.0.0.1"));
  g_assert_false (allows (&reach, "192.168.1.6"));
  g_assert_false (allows (&reach, "fe80::2"));
  g_assert_false (allows (&reach, "127.0.0.1"));

  reach.addresses = none;
  g_assert_false (allows (&reach, "192.168.1.5"));

  /* Being bound to it does not make it one that may be reached. */
  reach.addresses = metadata;
  reach.allow_public = TRUE;
  g_assert_false (allows (&reach, "169.254.169.254"));
}

static void
test_hosts (void)
{
  static const char * const fine[] = {
    "localhost", "studio-mac.local", "studio", "metadata.google.internal", "127.0.0.1", "127.9.9.9", "::1", "10.1.2.3",
    "172.20.0.1", "192.168.1.50", "169.254.7.7", "100.101.102.103", "fe80::1", "fd12:3456::1", "8.8.8.8.example",
  };
  static const char * const public[] = { "8.8.8.8", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8" };
  static const char * const never[] = {
    "0.0.0.0", "::", "169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254", "224.0.0.251", "255.255.255.255",
    "ff02::fb", "192.0.2.1", "2001:db8::1",
  };
  gsize i;

  for (i = 0; i < G_N_ELEMENTS (fine); i++)
    {
      g_assert_null (vmp_reach_check_host (fine[i], FALSE));
      g_assert_null (vmp_reach_check_host (fine[i], TRUE));
    }
  for (i = 0; i < G_N_ELEMENTS (public); i++)
    {
      g_assert_nonnull (strstr (vmp_reach_check_host (public[i], FALSE), "allow_public_nodes"));
      g_assert_null (vmp_reach_check_host (public[i], TRUE));
    }
  for (i = 0; i < G_N_ELEMENTS (never); i++)
    {
      g_assert_true (g_str_has_prefix (vmp_reach_check_host (never[i], FALSE), "must be an address "));
      g_assert_true (g_str_has_prefix (vmp_reach_check_host (never[i], TRUE), "must be an address "));
      g_assert_null (strstr (vmp_reach_check_host (never[i], FALSE), "allow_public_nodes"));
    }
}

/* One address has one form, so that two can be compared. */
static void
test_canonical_form (void)
{
  static const struct {
    const char *text;
    const char *canonical; /* NULL: none */
  } cases[] = {
    { "127.0.0.1", "127.0.0.1" },
    { "::ffff:127.0.0.1", "127.0.0.1" },
    { "::FFFF:7F00:1", "127.0.0.1" },
    { "FE80:0:0:0:0:0:0:1%eth0", "fe80::1" },
    { "fe80::1%", "fe80::1" },
    { "2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1" },
    { "127.1", NULL },
    { "0177.0.0.1", NULL },
    { "0x7f.0.0.1", NULL },
    { "2130706433", NULL },
    { "127.0.0.1%eth0", NULL },
    { "127.0.0.1 ", NULL },
    { "1::2::3", NULL },
    { "%eth0", NULL },
    { "", NULL },
    { ":", NULL },
    { "::1:1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc", NULL },
  };
  gsize i;

  for (i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      char text[INET6_ADDRSTRLEN];
      VmpAddress address;

      g_assert_cmpint (vmp_address_parse (cases[i].text, &address), ==, cases[i].canonical != NULL);
      if (cases[i].canonical == NULL)
        continue;
      vmp_address_print (&address, text);
      g_assert_cmpstr (text, ==, cases[i].canonical);
    }
}

static void
test_scope_names (void)
{
  guint i;

  for (i = 0; i < VMP_N_SCOPES; i++)
    g_assert_nonnull (vmp_scope_to_string (i));
  g_assert_cmpstr (vmp_scope_to_string (VMP_SCOPE_LINK_LOCAL), ==, "link-local");
}

int
main (int    argc,
      char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/upstream/reach/scope/ipv4", test_ipv4);
  g_test_add_func ("/upstream/reach/scope/ipv6", test_ipv6);
  g_test_add_func ("/upstream/reach/scope/ipv4-in-ipv6", test_ipv4_in_ipv6);
  g_test_add_func ("/upstream/reach/scope/names", test_scope_names);
  g_test_add_func ("/upstream/reach/public-only-when-allowed", test_public_only_when_allowed);
  g_test_add_func ("/upstream/reach/only-bound-addresses", test_only_bound_addresses);
  g_test_add_func ("/upstream/reach/hosts", test_hosts);
  g_test_add_func ("/upstream/reach/canonical-form", test_canonical_form);

  return g_test_run ();
}
