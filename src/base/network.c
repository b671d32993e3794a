/* Addresses and networks. */
#include <betterdns/network.h>

#include <betterdns/sockaddr.h>

#include <arpa/inet.h>

static const uint8_t v4_in_v6[12] = {[10] = 0xff, [11] = 0xff};

struct address address_from(const uint8_t *octets, size_t n)
{
    struct address a = {.family = n == 4 ? AF_INET : n == 16 ? AF_INET6 : 0};

    if (a.family)
        memcpy(a.b, octets, n);
    return a;
}

int address_parse(struct str text, struct address *ret_address)
{
    char copy[INET6_ADDRSTRLEN];
    struct address a = {.family = AF_INET};

    if (text.n == 0 || text.n >= sizeof(copy) || memchr(text.p, '\0', text.n))
        return -BD_ESYNTAX;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    if (inet_pton(AF_INET, copy, a.b) == 1) {
        *ret_address = a;
        return 0;
    }
    a.family = AF_INET6;
    if (inet_pton(AF_INET6, copy, a.b) != 1)
        return -BD_ESYNTAX;
    if (memcmp(a.b, v4_in_v6, sizeof(v4_in_v6)) == 0) {
        a.family = AF_INET;
        memmove(a.b, a.b + 12, 4);
        memset(a.b + 4, 0, 12);
    }
    *ret_address = a;
    return 0;
}

void address_of(const struct sockaddr_storage *ss, struct address *ret_address)
{
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)ss;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)ss;
    struct address a = {.family = ss->ss_family};

    if (a.family == AF_INET6 && memcmp(&in6->sin6_addr, v4_in_v6, sizeof(v4_in_v6)) == 0) {
        a.family = AF_INET;
        memcpy(a.b, in6->sin6_addr.s6_addr + 12, 4);
    } else if (a.family == AF_INET6) {
        memcpy(a.b, &in6->sin6_addr, 16);
    } else {
        memcpy(a.b, &in->sin_addr, 4);
    }
    *ret_address = a;
}

void address_to(const struct address *a, uint16_t port, struct sockaddr_storage *ret_ss)
{
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)ret_ss;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)ret_ss;

    memset(ret_ss, 0, sizeof(*ret_ss));
    ret_ss->ss_family = (sa_family_t)a->family;
    if (a->family == AF_INET)
        memcpy(&in->sin_addr, a->b, 4);
    else
        memcpy(&in6->sin6_addr, a->b, 16);
    sockaddr_set_port(ret_ss, port);
}

static bool is_port(struct str s)
{
    uint64_t port;
    return str_u64(s, 65535, &port) == 0;
}

int address_parse_with_port(struct str text, struct address *ret_address)
{
    if (text.n > 0 && text.p[0] == '[') {
        const char *close = memchr(text.p, ']', text.n);
        if (!close)
            return -BD_ESYNTAX;
        struct str after = {close + 1, text.n - (size_t)(close + 1 - text.p)};
        if (after.n > 0 && (after.p[0] != ':' || !is_port((struct str){after.p + 1, after.n - 1})))
            return -BD_ESYNTAX;
        return address_parse((struct str){text.p + 1, (size_t)(close - text.p) - 1}, ret_address);
    }
    const char *first = text.n ? memchr(text.p, ':', text.n) : NULL;
    const char *last = text.n ? memrchr(text.p, ':', text.n) : NULL;
    if (first && first == last) {
        size_t n = (size_t)(first - text.p);
        if (!is_port((struct str){first + 1, text.n - n - 1}))
            return -BD_ESYNTAX;
        text.n = n;
    }
    return address_parse(text, ret_address);
}

size_t address_text(const struct address *a, char out[ADDRESS_TEXT_MAX])
{
    if (!inet_ntop(a->family, a->b, out, ADDRESS_TEXT_MAX))
        out[0] = '\0';
    return strlen(out);
}

bool address_is_loopback(const struct address *a)
{
    static const uint8_t one[16] = {[15] = 1};

    return a->family == AF_INET ? a->b[0] == 127 : memcmp(a->b, one, sizeof(one)) == 0;
}

static bool same_prefix(const uint8_t *a, const uint8_t *b, unsigned bits)
{
    const unsigned bytes = bits / 8, rest = bits % 8;

    if (memcmp(a, b, bytes) != 0)
        return false;
    return rest == 0 || ((a[bytes] ^ b[bytes]) >> (8 - rest)) == 0;
}

bool network_has(const struct network *networks, unsigned n, const struct address *a)
{
    for (unsigned i = 0; i < n; i++) {
        if (networks[i].family == a->family &&
            same_prefix(a->b, networks[i].address, networks[i].bits))
            return true;
    }
    return false;
}

static bool has_host_bits(const struct address *a, unsigned bits, unsigned width)
{
    for (unsigned i = bits; i < width; i++) {
        if (a->b[i / 8] & (0x80u >> (i % 8)))
            return true;
    }
    return false;
}

int network_parse(struct str text, struct network *ret_network)
{
    struct address a = {0};
    struct str head = {0}, rest = text;
    uint64_t bits = 0;

    if (!str_cut(&rest, '/', &head) || address_parse(head, &a) < 0)
        return -BD_ESYNTAX;
    /* A prefix length counts the bits of the form that was written. */
    const bool mapped = a.family == AF_INET && memchr(head.p, ':', head.n);
    const unsigned width = a.family == AF_INET ? 32 : 128;
    const unsigned hidden = mapped ? 96 : 0;
    if (head.n == text.n)
        bits = width + hidden;
    else if (str_u64(rest, width + hidden, &bits) < 0 || (rest.n > 1 && rest.p[0] == '0'))
        return -BD_ESYNTAX;
    if (bits < hidden || has_host_bits(&a, (unsigned)bits - hidden, width))
        return -BD_ESYNTAX;
    struct network net = {.family = a.family, .bits = (uint8_t)(bits - hidden)};
    memcpy(net.address, a.b, sizeof(net.address));
    *ret_network = net;
    return 0;
}
