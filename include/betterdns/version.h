/* The version of this build, from git describe, and the time of its sources. */
#ifndef BETTERDNS_VERSION_H
#define BETTERDNS_VERSION_H

#include <stdint.h>

const char *bd_version(void); /* never NULL, without a newline */
/* Of the last commit, or SOURCE_DATE_EPOCH, seconds since 1970: no right clock is before it. 0: not
 * known. */
int64_t bd_version_time(void);

#endif
