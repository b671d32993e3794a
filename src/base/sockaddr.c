/* Socket addresses as text and numbers. */
#include <betterdns/sockaddr.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <betterdns/error.h>

static const struct sockaddr_in *in4(const struct sockaddr_storage *a)
{
    return (const struct sockaddr_in *)(const void *)a;
}

static const struct sockaddr_in6 *in6(const struct sockaddr_storage *a)
{
    return (const struct sockaddr_in6 *)(const void *)a;
}

socklen_t sockaddr_size(const struct sockaddr_storage *a)
{
    return a->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

unsigned sockaddr_port(const struct sockaddr_storage *a)
{
    return ntohs(a->ss_family == AF_INET6 ? in6(a)->sin6_port : in4(a)->sin_port);
}

void sockaddr_set_port(struct sockaddr_storage *a, unsigned port)
{
    if (a->ss_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)a)->sin6_port = htons((uint16_t)port);
    else
        ((struct sockaddr_in *)(void *)a)->sin_port = htons((uint16_t)port);
}

bool sockaddr_is_wildcard(const struct sockaddr_storage *a)
{
    if (a->ss_family == AF_INET6)
        return IN6_IS_ADDR_UNSPECIFIED(&in6(a)->sin6_addr);
    return in4(a)->sin_addr.s_addr == htonl(INADDR_ANY);
}

const char *sockaddr_host(const struct sockaddr_storage *a, char out[SOCKADDR_HOST_SIZE])
{
    /* getnameinfo knows the scope of a link-local address. */
    if (getnameinfo((const struct sockaddr *)a, sockaddr_size(a), out, SOCKADDR_HOST_SIZE, NULL, 0,
                    NI_NUMERICHOST) != 0)
        snprintf(out, SOCKADDR_HOST_SIZE, "?");
    return out;
}

int sockaddr_parse(const char *host, struct sockaddr_storage *ret_address)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found;
    struct in_addr four;

    /* "127.1" is an address to getaddrinfo, too. */
    if (!strchr(host, ':') && inet_pton(AF_INET, host, &four) != 1)
        return -BD_ESYNTAX;
    if (getaddrinfo(host, NULL, &hints, &found) != 0)
        return -BD_ESYNTAX;
    *ret_address = (struct sockaddr_storage){.ss_family = AF_UNSPEC};
    memcpy(ret_address, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return 0;
}

const char *sockaddr_text(const struct sockaddr_storage *a, unsigned port,
                          char out[SOCKADDR_TEXT_SIZE])
{
    char host[SOCKADDR_HOST_SIZE];

    snprintf(out, SOCKADDR_TEXT_SIZE, a->ss_family == AF_INET6 ? "[%s]:%u" : "%s:%u",
             sockaddr_host(a, host), port);
    return out;
}
