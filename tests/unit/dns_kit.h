/* What the tests of src/dns share: names, values and snapshots out of short texts. A failure ends
 * the test. */
#ifndef TESTS_DNS_KIT_H
#define TESTS_DNS_KIT_H

#include <betterdns/snapshot.h>

struct dname kit_name(const char *text);
/* Presentation form of a wire value, in a static buffer. */
const char *kit_print(uint16_t type, const uint8_t *bytes, size_t n);
/* The octets of hexadecimal digits, which may have blanks between octets; their number. */
size_t kit_octets(const char *hex, uint8_t *out);

/* An RRset with one A record's octets; its TTL tells it from others with the same key. From any
 * thread. */
struct rrset *kit_rrset(const struct dname *owner, uint16_t type, uint32_t ttl);
struct snap *kit_snap(const char *const *origins, unsigned n);
struct snap_edit *kit_begin(struct snap *base);
/* The next snapshot of base, with the serials 11, 12, …; base's count is given up. */
struct snap *kit_commit(struct snap_edit *e, struct snap *base, uint64_t seq);

#endif
