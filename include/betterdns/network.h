/* Addresses and networks. An IPv4 address inside IPv6 (::ffff:0:0/96, RFC 4291 §2.5.5.2) is taken
 * as the IPv4 address that it is. */
#ifndef BETTERDNS_NETWORK_H
#define BETTERDNS_NETWORK_H

#include <netinet/in.h>
#include <sys/socket.h>

#include <betterdns/error.h>
#include <betterdns/str.h>

#define ADDRESS_TEXT_MAX INET6_ADDRSTRLEN

struct address {
    int family; /* AF_INET, AF_INET6 */
    uint8_t b[16];
};

/* Of n octets in network order: 4 or 16; 0: none, family 0. An IPv6 address stays one. */
struct address address_from(const uint8_t *octets, size_t n);
int address_parse(struct str text,
                  struct address *ret_address); /* -BD_ESYNTAX; no brackets, no port, no zone */
/* "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80" */
int address_parse_with_port(struct str text, struct address *ret_address);
void address_of(const struct sockaddr_storage *ss, struct address *ret_address);
void address_to(const struct address *a, uint16_t port, struct sockaddr_storage *ret_ss);
size_t address_text(const struct address *a,
                    char out[ADDRESS_TEXT_MAX]); /* the length; family 0: 0 */
bool address_is_loopback(const struct address *a);

struct network { /* 10.0.0.0/8, 2001:db8::/32 */
    int family;
    uint8_t address[16], bits;
};

/* -BD_ESYNTAX; host bits that are set are refused too. A bare address is a network of one. */
int network_parse(struct str text, struct network *ret_network);
/* Is the address in one of them? */
bool network_has(const struct network *networks, unsigned n, const struct address *a);

#endif
