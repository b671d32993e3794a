/* Lengths of time as people write them: "250ms", "10s", "5m", "1h30m", "2d". */
#ifndef BETTERDNS_DURATION_H
#define BETTERDNS_DURATION_H

#include <betterdns/str.h>

#define DURATION_TEXT_SIZE 32

/* Numbers with the units d, h, m, s, ms, each at most once and the larger ones first. -EINVAL: not
 * that (a bare number too); -ERANGE: more than UINT64_MAX ns, so that a caller may multiply. */
int duration_parse(struct str text, uint64_t *ret_ms);

/* The shortest such text ("1m30s", "0s"), NUL-terminated; returns out. */
char *duration_text(uint64_t ms, char out[DURATION_TEXT_SIZE]);

#endif
