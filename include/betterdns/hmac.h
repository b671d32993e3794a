/* HMAC-SHA256 (RFC 2104, FIPS 180-4). */
#ifndef BETTERDNS_HMAC_H
#define BETTERDNS_HMAC_H

#include <betterdns/str.h>

#define HMAC_SHA256_SIZE 32

/* -ENOMEM: no memory, or no SHA-256 in this system's libcrypto. */
int hmac_sha256(struct str key, struct str text, uint8_t out[HMAC_SHA256_SIZE]);

#endif
