/* The values of the parameters of SVCB and HTTPS that have a name (RFC 9460 §7, §8). */
#include "rdata_svcb.h"

int svcb_wrong_value(struct svcb_param *param, const char *what)
{
    struct lex_token at = param->value.kind == LEX_EOL ? param->key : param->value;

    return rdata_wrong(param->rd, at, -BD_ESYNTAX, "%s", what);
}

/* ---- lists ------------------------------------------------------------------------------------
 */

/* Values whose text has no escapes (RFC 9460 §7.2, §7.3, §8): items between commas. */
static int read_items(struct svcb_param *param, const char *what,
                      bool (*item)(struct str text, uint8_t *out), size_t size)
{
    struct str rest = param->value.text, text;
    uint8_t octets[16];

    if (param->value.kind == LEX_EOL || rest.n == 0 || rest.p[rest.n - 1] == ',')
        return svcb_wrong_value(param, what);
    while (str_cut(&rest, ',', &text)) {
        if (!item(text, octets))
            return svcb_wrong_value(param, what);
        int r = rdata_put(param->rd, param->value, octets, size);
        if (r < 0)
            return r;
    }
    return 0;
}

static void write_items(struct buf *out, const uint8_t *p, size_t n, size_t size,
                        void (*item)(struct buf *out, const uint8_t *p))
{
    for (size_t i = 0; i < n; i += size) {
        if (i > 0)
            buf_add_c(out, ',');
        item(out, p + i);
    }
}

static bool item_ipv4(struct str text, uint8_t *out)
{
    return !rdata_ipv4_from_text(text, out);
}

static const char *fault_ipv4(const uint8_t *p, size_t n)
{
    (void)p;
    return n == 0 || n % 4 ? "ipv4hint is a list of IPv4 addresses" : NULL;
}

static int read_ipv4(struct svcb_param *param)
{
    return read_items(param, "is not a list of IPv4 addresses, like 192.0.2.1,192.0.2.2", item_ipv4,
                      4);
}

static void write_ipv4(struct buf *out, const uint8_t *p, size_t n)
{
    write_items(out, p, n, 4, rdata_add_ipv4);
}

static const char *fault_ipv6(const uint8_t *p, size_t n)
{
    (void)p;
    return n == 0 || n % 16 ? "ipv6hint is a list of IPv6 addresses" : NULL;
}

static int read_ipv6(struct svcb_param *param)
{
    return read_items(param, "is not a list of IPv6 addresses, like 2001:db8::1,2001:db8::2",
                      rdata_ipv6_from_text, 16);
}

static void write_ipv6(struct buf *out, const uint8_t *p, size_t n)
{
    write_items(out, p, n, 16, rdata_add_ipv6);
}

/* ---- mandatory --------------------------------------------------------------------------------
 */

static const char *fault_mandatory(const uint8_t *p, size_t n)
{
    if (n == 0 || n % 2)
        return "mandatory is a list of keys";
    for (size_t i = 0; i < n; i += 2) {
        if (wire_u16(p + i) == SVCB_MANDATORY)
            return "mandatory does not name itself";
        if (i > 0 && wire_u16(p + i - 2) >= wire_u16(p + i))
            return "mandatory names a key twice";
    }
    return NULL;
}

static bool item_key(struct str text, uint8_t *out)
{
    uint16_t key;
    bool generic;

    if (!svcb_key_from_text(text, &key, &generic))
        return false;
    wire_put_u16(out, key);
    return true;
}

/* In ascending order on the wire (RFC 9460 §8). */
static void sort_u16(uint8_t *p, size_t n)
{
    for (size_t i = 2; i < n; i += 2) {
        uint16_t v = wire_u16(p + i);
        size_t k = i;
        for (; k > 0 && wire_u16(p + k - 2) > v; k -= 2)
            wire_put_u16(p + k, wire_u16(p + k - 2));
        wire_put_u16(p + k, v);
    }
}

static int read_mandatory(struct svcb_param *param)
{
    struct rdata *to = param->rd->to;
    size_t start = to->n;
    int r = read_items(param, "is not a list of keys, like alpn,port", item_key, 2);

    if (r < 0)
        return r;
    if (to->n - start > 512) /* more than any use has, and few enough to sort simply */
        return svcb_wrong_value(param, "names too many keys");
    sort_u16(to->b + start, to->n - start);
    return 0;
}

static void add_key_at(struct buf *out, const uint8_t *p)
{
    svcb_add_key(out, wire_u16(p));
}

static void write_mandatory(struct buf *out, const uint8_t *p, size_t n)
{
    write_items(out, p, n, 2, add_key_at);
}

/* ---- alpn: strings with a length octet, in text a list with two levels of escapes
 * ----------------- */

static const char *fault_alpn(const uint8_t *p, size_t n)
{
    static const char *const fault = "alpn is a list of protocols of 1 to 255 octets";

    if (n == 0)
        return fault;
    for (size_t i = 0; i < n; i += p[i] + 1U) {
        if (p[i] == 0 || p[i] >= n - i)
            return fault;
    }
    return NULL;
}

static const char bad_alpn[] = "is not a list of protocols of 1 to 255 octets, like h2,h3";

/* The escapes of character-strings are gone from text, which lies in rdata's octets from `from` on;
 * those of lists, "\," and "\\", are taken off (RFC 9460 §A.1). Each item's length octet takes the
 * comma's place. */
static int list_in_place(struct svcb_param *param, size_t start)
{
    struct rdata *to = param->rd->to;
    uint8_t *count = to->b + start, *out = count + 1;
    const uint8_t *p = count + 1, *end = to->b + to->n;

    for (;; p++) {
        if (p == end || *p == ',') {
            size_t n = (size_t)(out - count - 1);
            if (n == 0 || n > 255)
                return svcb_wrong_value(param, bad_alpn);
            *count = (uint8_t)n;
            if (p == end)
                break;
            count = out++;
            continue;
        }
        if (*p == '\\' && (++p == end || (*p != ',' && *p != '\\')))
            return svcb_wrong_value(param,
                                    "has a backslash in the list that escapes no comma and no "
                                    "backslash");
        *out++ = *p;
    }
    to->n = (uint16_t)(out - to->b);
    return 0;
}

/* The octets of a character-string of any length. */
static int read_octets(struct svcb_param *param)
{
    struct rdata *to = param->rd->to;
    int n = lex_octets(param->value.text, to->b + to->n, RDATA_MAX - to->n);

    if (n == -ENOSPC)
        return lex_fail(param->rd->lx, param->value, -BD_EINVALID,
                        "the record is longer than %d octets", RDATA_MAX);
    if (n < 0)
        return svcb_wrong_value(param,
                                "has a backslash without a character or three digits up to 255 "
                                "behind it");
    to->n = (uint16_t)(to->n + n);
    return 0;
}

static int read_alpn(struct svcb_param *param)
{
    size_t start = param->rd->to->n;

    if (param->value.kind == LEX_EOL)
        return svcb_wrong_value(param, bad_alpn);
    if (!rdata_room(param->rd, param->value, 1))
        return -BD_EINVALID;
    int r = read_octets(param);
    return r < 0 ? r : list_in_place(param, start);
}

static void write_alpn(struct buf *out, const uint8_t *p, size_t n)
{
    struct buf list = {.p = NULL};

    for (size_t i = 0; i < n; i += p[i] + 1U) {
        if (i > 0)
            buf_add_c(&list, ',');
        for (size_t k = i + 1; k <= i + p[i]; k++) {
            if (p[k] == ',' || p[k] == '\\')
                buf_add_c(&list, '\\');
            buf_add_c(&list, (char)p[k]);
        }
    }
    rdata_add_quoted(out, (const uint8_t *)list.p, list.n);
    if (list.error)
        out->error = list.error;
    buf_free(&list);
}

/* ---- the other values -------------------------------------------------------------------------
 */

static const char *fault_flag(const uint8_t *p, size_t n)
{
    (void)p;
    return n ? "no-default-alpn and ohttp have no value" : NULL;
}

static int read_flag(struct svcb_param *param)
{
    return param->value.kind == LEX_EOL || param->value.text.n == 0
               ? 0
               : svcb_wrong_value(param, "is too much: this key has no value");
}

static const char *fault_port(const uint8_t *p, size_t n)
{
    (void)p;
    return n == 2 ? NULL : "port is one number";
}

static bool item_port(struct str text, uint8_t *out)
{
    uint64_t port;

    if (str_u64(text, UINT16_MAX, &port) < 0)
        return false;
    wire_put_u16(out, (uint16_t)port);
    return true;
}

static int read_port(struct svcb_param *param)
{
    static const char what[] = "is not a port, a number from 0 to 65535";

    return memchr(param->value.text.p, ',', param->value.text.n)
               ? svcb_wrong_value(param, what)
               : read_items(param, what, item_port, 2);
}

static void write_port(struct buf *out, const uint8_t *p, size_t n)
{
    (void)n;
    rdata_add_number(out, wire_u16(p));
}

static const char *fault_ech(const uint8_t *p, size_t n)
{
    (void)p;
    return n ? NULL : "ech is empty";
}

static int read_ech(struct svcb_param *param)
{
    struct rdata *to = param->rd->to;
    int n = rdata_base64_from_text(param->value.text, to->b + to->n, RDATA_MAX - to->n);

    if (n <= 0 || param->value.kind == LEX_EOL)
        return svcb_wrong_value(param, "is not base64");
    to->n = (uint16_t)(to->n + n);
    return 0;
}

/* A relative URI template with the variable "dns" (RFC 9461 §5), in UTF-8. */
static const char *fault_dohpath(const uint8_t *p, size_t n)
{
    struct str text = {(const char *)p, n};
    const char *brace, *dns;

    for (struct str rest = text; rest.n;) {
        uint32_t code;
        unsigned taken = str_utf8(rest, &code);
        if (taken == 0)
            return "dohpath is not UTF-8";
        rest = (struct str){rest.p + taken, rest.n - taken};
    }
    brace = n ? memchr(p, '{', n) : NULL;
    dns = brace ? memmem(brace, (size_t)(text.p + n - brace), "dns", 3) : NULL;
    if (!dns || *p != '/' || !memchr(dns, '}', (size_t)(text.p + n - dns)))
        return "dohpath is a path with the variable dns, like /dns-query{?dns}";
    return NULL;
}

int svcb_read_any(struct svcb_param *param)
{
    return param->value.kind == LEX_EOL ? 0 : read_octets(param);
}

const struct svcb_key svcb_keys[SVCB_NKEYS] = {
    [SVCB_MANDATORY] = {"mandatory", fault_mandatory, read_mandatory, write_mandatory},
    [SVCB_ALPN] = {"alpn", fault_alpn, read_alpn, write_alpn},
    [SVCB_NO_DEFAULT_ALPN] = {"no-default-alpn", fault_flag, read_flag, NULL},
    [3] = {"port", fault_port, read_port, write_port},
    [4] = {"ipv4hint", fault_ipv4, read_ipv4, write_ipv4},
    [5] = {"ech", fault_ech, read_ech, rdata_add_base64},
    [6] = {"ipv6hint", fault_ipv6, read_ipv6, write_ipv6},
    [7] = {"dohpath", fault_dohpath, svcb_read_any, rdata_add_quoted}, /* RFC 9461 */
    [8] = {"ohttp", fault_flag, read_flag, NULL},                      /* RFC 9540 */
};

/* ---- keys -------------------------------------------------------------------------------------
 */

bool svcb_key_from_text(struct str text, uint16_t *ret_key, bool *ret_generic)
{
    uint64_t number;

    *ret_generic = false;
    for (size_t i = 0; i < SVCB_NKEYS; i++) {
        if (str_eq(text, str_c(svcb_keys[i].name))) {
            *ret_key = (uint16_t)i;
            return true;
        }
    }
    if (!str_starts(text, STR("key")) ||
        str_u64((struct str){text.p + 3, text.n - 3}, SVCB_INVALID_KEY - 1, &number) < 0 ||
        (text.p[3] == '0' && text.n > 4))
        return false;
    *ret_key = (uint16_t)number;
    *ret_generic = true;
    return true;
}

void svcb_add_key(struct buf *out, uint16_t key)
{
    if (key < SVCB_NKEYS)
        buf_add_str(out, str_c(svcb_keys[key].name));
    else
        buf_addf(out, "key%u", key);
}
