/* Cursors: base64url (RFC 4648 §5, unpadded) of zone, type and owner key. */
#include "cursor.h"

#include <betterdns/error.h>

#define HEAD 6 /* zone in four octets, type in two */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void cursor_write(const struct cursor *c, struct buf *out)
{
    uint8_t raw[HEAD + DNAME_KEY_MAX];
    size_t n = HEAD + c->nkey;

    for (unsigned i = 0; i < 4; i++)
        raw[i] = (uint8_t)(c->zone >> (24 - 8 * i));
    raw[4] = (uint8_t)(c->type >> 8);
    raw[5] = (uint8_t)c->type;
    memcpy(raw + HEAD, c->key, c->nkey);
    for (size_t i = 0; i < n; i += 3) {
        size_t some = n - i < 3 ? n - i : 3;
        uint32_t bits = (uint32_t)raw[i] << 16;
        bits |= some > 1 ? (uint32_t)raw[i + 1] << 8 : 0;
        bits |= some > 2 ? raw[i + 2] : 0;
        for (size_t j = 0; j <= some; j++)
            buf_add_c(out, alphabet[bits >> (18 - 6 * j) & 63]);
    }
}

static int from_base64(struct str text, uint8_t *out, size_t size)
{
    uint32_t bits = 0;
    unsigned nbits = 0;
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++) {
        const char *at = text.p[i] ? strchr(alphabet, text.p[i]) : NULL;
        if (!at)
            return -BD_ESYNTAX;
        bits = (bits << 6 | (uint32_t)(at - alphabet)) & 0xffff;
        nbits += 6;
        if (nbits < 8)
            continue;
        nbits -= 8;
        if (n == size)
            return -BD_ESYNTAX;
        out[n++] = (uint8_t)(bits >> nbits);
    }
    return (int)n;
}

int cursor_read(struct str text, struct cursor *ret_cursor)
{
    uint8_t raw[HEAD + DNAME_KEY_MAX];
    struct dname owner;
    int n = from_base64(text, raw, sizeof(raw));

    if (n <= HEAD || dname_from_key(raw + HEAD, (size_t)n - HEAD, &owner) < 0)
        return -BD_ESYNTAX;
    ret_cursor->zone =
        (unsigned)raw[0] << 24 | (unsigned)raw[1] << 16 | (unsigned)raw[2] << 8 | raw[3];
    ret_cursor->type = (uint16_t)(raw[4] << 8 | raw[5]);
    ret_cursor->nkey = (size_t)n - HEAD;
    memcpy(ret_cursor->key, raw + HEAD, ret_cursor->nkey);
    return 0;
}
