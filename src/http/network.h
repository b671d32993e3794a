/* Addresses and networks. An IPv4 address inside IPv6 (::ffff:0:0/96, RFC 4291 §2.5.5.2) is taken
 * as the IPv4 address that it is. */
#ifndef HTTP_NETWORK_H
#define HTTP_NETWORK_H

#include <betterdns/http.h>

#define ADDRESS_TEXT_MAX INET6_ADDRSTRLEN

struct address {
    int family; /* AF_INET, AF_INET6 */
    uint8_t b[16];
};

int address_parse(struct str text,
                  struct address *ret_address); /* -BD_ESYNTAX; no brackets, no port, no zone */
/* "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80" */
int address_parse_with_port(struct str text, struct address *ret_address);
void address_of(const struct sockaddr_storage *ss, struct address *ret_address);
size_t address_text(const struct address *a, char out[ADDRESS_TEXT_MAX]); /* the length */
bool address_is_loopback(const struct address *a);
bool address_in(const struct address *a, const struct http_network *networks, unsigned n);

#endif
