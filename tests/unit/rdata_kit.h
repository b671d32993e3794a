/* Well-formed random values of every type, for the tests that write and read them. */
#ifndef TESTS_RDATA_KIT_H
#define TESTS_RDATA_KIT_H

#include <betterdns/rrtype.h>

#define KIT_RDATA_MAX 8192

/* By rand(); the octets, KIT_RDATA_MAX at most. */
size_t kit_random_rdata(const struct rrtype *row, uint8_t *out);
size_t kit_random_name(uint8_t *out);
size_t kit_random_strings(uint8_t *out, int count);

#endif
