/* The files that a zone file includes: found below its directory only, read at most once each, kept
 * for as long as the zone made of them. For one parse at a time. */
#ifndef BETTERDNS_INCLUDES_H
#define BETTERDNS_INCLUDES_H

#include <betterdns/zonefile.h>

#define INCLUDES_BYTES_MAX ((size_t)256 << 20) /* all of them together */
#define INCLUDES_FILES_MAX 1000                /* different names */

struct includes;

/* The directory of zone_file is the fence, and what names are relative to, in included files too;
 * "./" is the current directory without a zone file. Opens it: what open(2) says; -ENOMEM. */
int includes_new(const char *zone_file, struct includes **ret);

/* arg: struct includes *. Names are relative, or absolute and below the directory. Refused, in a
 * sentence: what is outside the directory or leaves it by a link, what is no regular file, the zone
 * file itself, more than the limits. */
zp_include_fn includes_read;

/* For watching: the files that were asked for, also those that cannot be read (they may come), but
 * nothing outside the directory. Absolute, without "." and links in the directory's own part. */
size_t includes_count(const struct includes *in);
const char *includes_path(const struct includes *in, size_t i);

/* And all texts. NULL is fine. */
void includes_free(struct includes *in);

#endif
