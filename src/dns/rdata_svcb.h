/* What the parameters of SVCB (rdata_svcb.c) and their values (rdata_svcvalue.c) share. */
#ifndef DNS_RDATA_SVCB_H
#define DNS_RDATA_SVCB_H

#include "rdata.h"

#define SVCB_INVALID_KEY 65535u /* RFC 9460 §14.3.2 */

enum { SVCB_MANDATORY = 0, SVCB_ALPN = 1, SVCB_NO_DEFAULT_ALPN = 2, SVCB_NKEYS = 9 };

/* A value on its way from text. */
struct svcb_param {
    struct rdata_reader *rd;
    struct lex_token key;   /* for messages: "key=", or all of it */
    struct lex_token value; /* with escapes; LEX_EOL: there is none */
};

struct svcb_key {
    const char *name;
    /* NULL, or what is wrong with the wire form. */
    const char *(*fault)(const uint8_t *p, size_t n);
    int (*read)(struct svcb_param *param);
    void (*write)(struct buf *out, const uint8_t *p, size_t n); /* NULL: no value */
};

/* By number: the keys that have a name. */
extern const struct svcb_key svcb_keys[SVCB_NKEYS];

/* By name, or "key12345" without leading zeros; then the value is octets in either case (RFC 9460
 * §2.1), and *ret_generic. */
bool svcb_key_from_text(struct str text, uint16_t *ret_key, bool *ret_generic);
void svcb_add_key(struct buf *out, uint16_t key);

/* Octets with escapes, or nothing. */
int svcb_read_any(struct svcb_param *param);
/* "'VALUE' WHAT"; -BD_ESYNTAX. */
int svcb_wrong_value(struct svcb_param *param, const char *what);

#endif
