/* The version of this build, from git describe. */
#ifndef BETTERDNS_VERSION_H
#define BETTERDNS_VERSION_H

const char *bd_version(void); /* never NULL, without a newline */

#endif
