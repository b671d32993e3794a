/* Which addresses checks may reach. */
#include "fence.h"

#include <netinet/in.h>
#include <unistd.h>

#include <betterdns/sockaddr.h>

struct forbidden {
    struct network network;
    const char *why;
};

#define V4(a, b, c, d, n)                                                                          \
    {                                                                                              \
        AF_INET, {a, b, c, d}, n                                                                   \
    }

static const char loopback[] = "is loopback", link_local[] = "is link-local",
                  multicast[] = "is multicast", metadata[] = "is where clouds keep secrets",
                  nobody[] = "is no address of a host";

/* RFC 6890, and the addresses at which clouds hand out credentials. */
static const struct forbidden forbidden[] = {
    {V4(0, 0, 0, 0, 8), nobody},
    {V4(127, 0, 0, 0, 8), loopback},
    {V4(169, 254, 0, 0, 16), link_local},
    {V4(192, 0, 0, 0, 24), nobody},
    {V4(100, 100, 100, 200, 32), metadata},
    {V4(168, 63, 129, 16, 32), metadata},
    {V4(224, 0, 0, 0, 4), multicast},
    {V4(240, 0, 0, 0, 4), nobody},
    {{AF_INET6, {0}, 128}, nobody},
    {{AF_INET6, {[15] = 1}, 128}, loopback},
    {{AF_INET6, {0xfe, 0x80}, 10}, link_local},
    {{AF_INET6, {0xfe, 0xc0}, 10}, link_local}, /* site-local, RFC 3879 */
    {{AF_INET6, {0xff}, 8}, multicast},
    {{AF_INET6, {0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, [15] = 0x54}, 128}, metadata},
    {{AF_INET6, {0xfd, 0x20, 0x00, 0xce, [14] = 0x02, [15] = 0x54}, 128}, metadata},
};

#define V6(n, ...)                                                                                 \
    {                                                                                              \
        AF_INET6, {__VA_ARGS__}, n                                                                 \
    }
#define LAST                                                                                       \
    {                                                                                              \
        12, 13, 14, 15                                                                             \
    }

/* IPv6 that carries an IPv4 address which a router may take for what is meant. */
static const struct carrier {
    struct network network;
    uint8_t at[4]; /* the places of its octets */
    uint8_t mixed; /* what its octets were mixed with */
    bool perhaps;  /* the prefix may be longer, and then there are zeros: no address is meant */
} carriers[] = {
    {V6(96, 0), LAST, 0, false},                         /* RFC 4291 §2.5.5.1 */
    {V6(96, [10] = 0xff, [11] = 0xff), LAST, 0, false},  /* RFC 4291 §2.5.5.2 */
    {V6(96, [8] = 0xff, [9] = 0xff), LAST, 0, false},    /* RFC 2765 §2.1 */
    {V6(96, 0, 0x64, 0xff, 0x9b), LAST, 0, false},       /* RFC 6052 §2.1 */
    {V6(48, 0, 0x64, 0xff, 0x9b, 0, 1), LAST, 0, false}, /* RFC 8215, with RFC 6052 §2.2: */
    {V6(48, 0, 0x64, 0xff, 0x9b, 0, 1), {6, 7, 9, 10}, 0, true},
    {V6(48, 0, 0x64, 0xff, 0x9b, 0, 1), {7, 9, 10, 11}, 0, true},
    {V6(48, 0, 0x64, 0xff, 0x9b, 0, 1), {9, 10, 11, 12}, 0, true},
    {V6(16, 0x20, 0x02), {2, 3, 4, 5}, 0, false},  /* RFC 3056 §2 */
    {V6(32, 0x20, 0x01, 0, 0), LAST, 0xff, false}, /* RFC 4380 §4 */
};
#define MAPPED 1

static const char *forbidden_why(const struct address *a)
{
    for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++)
        if (network_has(&forbidden[i].network, 1, a))
            return forbidden[i].why;
    return NULL;
}

/* The IPv4 address in it; false: there is none. */
static bool carried(const struct address *a, const struct carrier *c, struct address *ret_v4)
{
    struct address v4 = {.family = AF_INET};

    if (!network_has(&c->network, 1, a))
        return false;
    for (unsigned o = 0; o < 4; o++)
        v4.b[o] = a->b[c->at[o]] ^ c->mixed;
    if (c->perhaps && v4.b[0] == 0)
        return false;
    *ret_v4 = v4;
    return true;
}

/* RFC 5214 §6.1: ISATAP, in any network. */
static bool isatap(const struct address *a, struct address *ret_v4)
{
    if (a->family != AF_INET6 || (a->b[8] & 0xfc) || a->b[9] || a->b[10] != 0x5e ||
        a->b[11] != 0xfe)
        return false;
    *ret_v4 = (struct address){.family = AF_INET};
    memcpy(ret_v4->b, a->b + 12, 4);
    return true;
}

static bool is_any(const struct address *a)
{
    static const uint8_t zeros[16];

    return memcmp(a->b, zeros, sizeof(zeros)) == 0;
}

/* One of this machine's: only those can be bound to. */
static bool is_here(const struct address *a)
{
    struct sockaddr_storage ss;

    address_to(a, 0, &ss);
    int fd = socket(a->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return true; /* not known: rather not */
    bool here = bind(fd, (const struct sockaddr *)(const void *)&ss, sockaddr_size(&ss)) == 0;
    close(fd);
    return here;
}

static bool is_own(const struct fence *f, const struct address *to, uint16_t port)
{
    for (unsigned i = 0; port && i < f->nown; i++) {
        struct address own;
        address_of(&f->own[i], &own);
        if (sockaddr_port(&f->own[i]) != port)
            continue;
        if ((own.family == to->family && memcmp(own.b, to->b, sizeof(own.b)) == 0) ||
            (is_any(&own) && is_here(to)))
            return true;
    }
    return false;
}

/* Whoever asks; NULL: nothing is wrong with it. */
static const char *why_not(const struct fence *f, const struct address *to, uint16_t port)
{
    const char *why = forbidden_why(to);

    return why ? why : is_own(f, to, port) ? "is this server itself" : NULL;
}

static const char *why_not_carried(const struct fence *f, const struct address *to, uint16_t port)
{
    struct address v4;
    const char *why;

    for (size_t i = 0; i < ARRAY_SIZE(carriers); i++)
        if (carried(to, &carriers[i], &v4) && (why = why_not(f, &v4, port)))
            return why;
    return isatap(to, &v4) ? why_not(f, &v4, port) : NULL;
}

/* As the IPv4 address that it is (RFC 4291 §2.5.5.2). */
static struct address plain(const struct address *a)
{
    struct address v4;

    return carried(a, &carriers[MAPPED], &v4) ? v4 : *a;
}

bool fence_allows(const struct fence *f, const struct fence_ask *ask, const char **ret_why)
{
    const struct address to = plain(&ask->to), caller = plain(&ask->caller);
    const char *why;

    if (to.family != AF_INET && to.family != AF_INET6) {
        *ret_why = nobody;
        return false;
    }
    if (network_has(f->allow, f->nallow, &to))
        return true;
    why = why_not(f, &to, ask->port);
    if (!why)
        why = why_not_carried(f, &to, ask->port);
    if (why) {
        *ret_why = why;
        return false;
    }
    bool same = caller.family == to.family && memcmp(caller.b, to.b, sizeof(to.b)) == 0;
    if (ask->trusted || same)
        return true;
    *ret_why = "is not the address that asks";
    return false;
}
