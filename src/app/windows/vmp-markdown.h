/* SPDX-License-Identifier: MIT
 *
 * Markdown that a model wrote, as values to be shown: a flat list of blocks whose text is either plain or Pango markup
 * that was made here from escaped text. It belongs to the chat's view; it draws nothing, knows no widget, and loads
 * nothing that the text names.
 */

#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum {
  VMP_MARKDOWN_PARAGRAPH,
  VMP_MARKDOWN_HEADING,
  VMP_MARKDOWN_CODE,
  VMP_MARKDOWN_TABLE,
  VMP_MARKDOWN_RULE
} VmpMarkdownKind;

/* Where the text of a table's column stands. */
typedef enum {
  VMP_MARKDOWN_START,
  VMP_MARKDOWN_CENTER,
  VMP_MARKDOWN_END
} VmpMarkdownAlign;

/* One block. Blocks inside lists and quotes say how deep they are, so there is no tree. */
typedef struct {
  VmpMarkdownKind kind;
  guint quotes;      /* quotes around it */
  guint items;       /* list items around it */
  char *marker;      /* what stands before the first block of an item: "•", "1."; else NULL */
  guint level;       /* of a heading, from 1 to 6 */
  char *language;    /* of code, as plain text; NULL when it is not said */
  char *text;        /* of code: plain text. Of paragraphs and headings: Pango markup. Else NULL */
  guint columns;     /* of a table */
  GPtrArray *cells;  /* of a table: Pango markup, row by row, the header first; else NULL */
  VmpMarkdownAlign *aligns; /* of a table: one for each column; else NULL */
} VmpMarkdownBlock;

void vmp_markdown_block_free (VmpMarkdownBlock *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (VmpMarkdownBlock, vmp_markdown_block_free)

gboolean vmp_markdown_block_equal (const VmpMarkdownBlock *a,
                                   const VmpMarkdownBlock *b);

/**
 * vmp_markdown_parse:
 * @text: need be neither UTF-8 nor NUL-terminated
 * @len: its length in bytes
 *
 * Raw HTML in it is text like any other, and images are links. Links lead to http and https only, and where their text
 * is not their address, the host stands behind it. Characters that would do something to the text around them, such as
 * direction overrides, become U+FFFD.
 *
 * Returns: (transfer full) (element-type VmpMarkdownBlock): its blocks
 */
GPtrArray *vmp_markdown_parse (const char *text,
                               gsize       len);

/**
 * vmp_markdown_find_settled:
 *
 * How much of a text that still grows at its end is settled: those bytes can be parsed by themselves, and what comes
 * later will not change them. What is settled at most is VMP_LIMIT_MARKDOWN_PIECE_BYTES, unless it is code.
 *
 * Returns: a length in bytes, 0 when nothing is settled
 */
gsize vmp_markdown_find_settled (const char *text,
                                 gsize       len);

/* The same text without markup, for those who only read it aloud. (transfer full) */
char *vmp_markdown_to_plain (const char *text,
                             gsize       len);

/* "example.org" of an http or https URL, in ASCII so that it cannot look like another one; NULL for anything else.
 * (transfer full) */
char *vmp_markdown_dup_host (const char *url);

G_END_DECLS
