/* What the tests of values share: how they are read, and well-formed random ones of every type. */
#ifndef TESTS_RDATA_KIT_H
#define TESTS_RDATA_KIT_H

#include <betterdns/rrtype.h>

#define KIT_RDATA_MAX 8192

/* What was parsed last, too large for a stack; names without a final dot are below lab.example. */
extern struct rdata kit_rdata;
extern struct dname_rules kit_rules;
/* For cmocka_run_group_tests. */
int kit_rdata_setup(void **state);
uint16_t kit_type(const char *name); /* fails the test where there is none */

/* By rand(); the octets, KIT_RDATA_MAX at most. */
size_t kit_random_rdata(const struct rrtype *row, uint8_t *out);
size_t kit_random_name(uint8_t *out);
size_t kit_random_strings(uint8_t *out, int count);

#endif
