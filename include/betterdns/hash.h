/* SipHash-2-4 with 128 bits of output. Under the fixed key it is a checksum that survives restarts
 * (ETag, chain of changes, fingerprint of files); it is not a signature: whoever can write our
 * files can also compute it. */
#ifndef BETTERDNS_HASH_H
#define BETTERDNS_HASH_H

#include <betterdns/str.h>

struct hash128 {
    uint8_t b[16];
};

#define HASH128_HEX_SIZE 33

struct hash128 hash128(const void *bytes, size_t n);

/* The same of bytes that come in pieces: start, add each, end. */
struct hash128_stream {
    uint64_t v0, v1, v2, v3;
    uint64_t total;
    uint8_t tail[8]; /* total % 8 bytes are in use */
};
void hash128_start(struct hash128_stream *s);
void hash128_add(struct hash128_stream *s, const void *bytes, size_t n);
struct hash128 hash128_end(struct hash128_stream *s);

/* Of the concatenation of two byte strings' lengths and contents: no two pairs share an input. */
struct hash128 hash128_pair(const void *a, size_t na, const void *b, size_t nb);
bool hash128_eq(const struct hash128 *a, const struct hash128 *b);
char *hash128_hex(const struct hash128 *h,
                  char out[HASH128_HEX_SIZE]); /* lower case; returns out */
int hash128_from_hex(struct str hex,
                     struct hash128 *ret_hash); /* exactly 32 digits, else -EINVAL */

/* Equal, in a time that depends on the lengths only (tokens). */
bool bytes_eq_constant_time(const void *a, size_t na, const void *b, size_t nb);

#endif
