/* The version, given by the build. */
#include <betterdns/version.h>

#ifndef BETTERDNS_VERSION
#define BETTERDNS_VERSION "unknown"
#endif

const char *bd_version(void)
{
    return BETTERDNS_VERSION;
}
