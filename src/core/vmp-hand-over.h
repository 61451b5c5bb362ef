/* SPDX-License-Identifier: MIT
 *
 * What one thread says when it hands an object over to another through GLib, and the other when it takes it. GLib's
 * locks are built from futexes, which ThreadSanitizer does not see: without a word it takes each hand-over for a race,
 * and with one it can find those that are. In other builds the words are nothing.
 */

#pragma once

#include <glib.h>

/* GCC has a macro for it, clang a feature. */
#if defined (__SANITIZE_THREAD__)
# define VMP_THREAD_SANITIZER 1
#elif defined (__has_feature)
# if __has_feature (thread_sanitizer)
#  define VMP_THREAD_SANITIZER 1
# endif
#endif

#ifdef VMP_THREAD_SANITIZER
# include <sanitizer/tsan_interface.h>
# define VMP_HAND_OVER(object) __tsan_release (object)
# define VMP_TAKE_OVER(object) __tsan_acquire (object)
#else
# define VMP_HAND_OVER(object) G_STMT_START {} G_STMT_END
# define VMP_TAKE_OVER(object) G_STMT_START {} G_STMT_END
#endif
