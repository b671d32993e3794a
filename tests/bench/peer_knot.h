/* Knot's libraries doing the work that ours do, on the same text: libzscanner reads, libknot
 * writes. Seconds of CPU; negative where Debian's libknot-dev was not there when this was built. */
#ifndef BENCH_PEER_KNOT_H
#define BENCH_PEER_KNOT_H

#include <betterdns/str.h>

bool peer_knot_is_there(void);
/* Records go to a callback that counts them. */
double peer_knot_parse(struct str text, const char *origin, size_t *ret_records);
/* The records of a text, read and kept by peer_knot_keep(), as text into a buffer that is used
 * again; peer_knot_keep() gives up those that it had. 0, or negative. */
int peer_knot_keep(struct str text, const char *origin);
double peer_knot_write(size_t *ret_bytes);

#endif
