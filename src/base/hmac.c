/* HMAC-SHA256, by OpenSSL's libcrypto. */
#include <betterdns/hmac.h>

#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

int hmac_sha256(struct str key, struct str text, uint8_t out[HMAC_SHA256_SIZE])
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (key.n > INT_MAX ||
        !HMAC(EVP_sha256(), key.p ? key.p : "", (int)key.n, (const unsigned char *)text.p, text.n,
              digest, &n) ||
        n != HMAC_SHA256_SIZE)
        return -ENOMEM;
    memcpy(out, digest, HMAC_SHA256_SIZE);
    return 0;
}
