/* Socket addresses of IPv4 and IPv6 as text and numbers. */
#ifndef BETTERDNS_SOCKADDR_H
#define BETTERDNS_SOCKADDR_H

#include <stdbool.h>
#include <sys/socket.h>

#define SOCKADDR_HOST_SIZE 80 /* with the scope of a link-local address, and the final NUL */
#define SOCKADDR_TEXT_SIZE 96

/* Both return out. */
const char *sockaddr_host(const struct sockaddr_storage *a,
                          char out[SOCKADDR_HOST_SIZE]); /* "127.0.0.1", "::1" */
const char *sockaddr_text(const struct sockaddr_storage *a, unsigned port,
                          char out[SOCKADDR_TEXT_SIZE]); /* "127.0.0.1:53", "[::1]:53" */
/* An address without a port ("127.0.0.1", "fe80::1%eth0"), port 0. -BD_ESYNTAX. */
int sockaddr_parse(const char *host, struct sockaddr_storage *ret_address);
unsigned sockaddr_port(const struct sockaddr_storage *a);
void sockaddr_set_port(struct sockaddr_storage *a, unsigned port);
socklen_t sockaddr_size(const struct sockaddr_storage *a);
bool sockaddr_is_wildcard(const struct sockaddr_storage *a);

#endif
