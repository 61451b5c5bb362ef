/* SPDX-License-Identifier: MIT
 *
 * What is said about sharing, in words, and what its owner's choices are to the gateway. Plain text, (transfer full)
 * unless said otherwise; no widgets.
 */

#pragma once

#include "app/mirror/vmp-item.h"

G_BEGIN_DECLS

typedef enum {
  VMP_SHARE_FOR_1_H,
  VMP_SHARE_FOR_8_H,
  VMP_SHARE_UNTIL_TOMORROW,
  VMP_SHARE_UNTIL_OFF,
  VMP_SHARE_FOR_OTHER,
} VmpShareFor;

/* What the gateway takes for that choice; NULL: until it is turned off. @other: as it was typed. @now: of the owner's
 * time zone */
char *vmp_share_words_duration (VmpShareFor choice,
                                const char *other,
                                GDateTime  *now);
/* The time that is left as the gateway takes it, so that another change leaves the end where it is; NULL: no end.
 * @ends_at: (nullable): ISO 8601 */
char *vmp_share_words_rest (const char *ends_at,
                            GDateTime  *now);
/* The choice that shows what the gateway has. @before: what is shown now */
VmpShareFor vmp_share_words_choice (const char *duration,
                                    VmpShareFor before);

/* "On until today, 18:00 (2 h 3 min left)", "Off: only this computer uses Vampire." @share: the mirror's */
char *vmp_share_words_state (JsonObject *share,
                             GDateTime  *now);

/* "…YeNw · last used 5 minutes ago · 12 requests · expires tomorrow, 14:02" */
char *vmp_share_words_key (VmpItem *key);
/* "192.168.1.20 · since 14:02 · 2 running" */
char *vmp_share_words_client (VmpItem *client);

/* What a code for another computer holds: two lines. */
char *vmp_share_words_connection (const char *base_url,
                                  const char *key);

G_END_DECLS
