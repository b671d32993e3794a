/* The version, given by the build. */
#include <betterdns/version.h>

#ifndef BETTERDNS_VERSION
#define BETTERDNS_VERSION "unknown"
#endif
#ifndef BETTERDNS_TIME
#define BETTERDNS_TIME 0
#endif

const char *bd_version(void)
{
    return BETTERDNS_VERSION;
}

int64_t bd_version_time(void)
{
    return BETTERDNS_TIME;
}
