/* The few DNS messages (RFC 1035 §4) that betterdns itself sends and reads: the SOA probe, and a
 * question for one RRset. */
#ifndef BETTERDNS_DNSMSG_H
#define BETTERDNS_DNSMSG_H

#include <betterdns/rrset.h>

#define DNSMSG_MAX 1232

/* A query for the SOA of a zone, with EDNS asking for the name server's identifier (RFC 5001).
 * Returns its length. */
size_t dnsmsg_soa_query(uint16_t id, const struct dname *zone, uint8_t out[DNSMSG_MAX]);

struct dnsmsg_soa {
    uint8_t rcode; /* the header's four bits */
    bool authoritative;
    bool has_soa;    /* an SOA of this zone in the answer section */
    uint32_t serial; /* of it */
    struct str nsid; /* the identifier's octets inside the message; n is 0 without one */
};

/* Reads an answer to such a query. -BD_ESYNTAX: not a message, another id, or another question. */
int dnsmsg_soa_answer(const uint8_t *msg, size_t n, uint16_t id, const struct dname *zone,
                      struct dnsmsg_soa *ret_answer);

/* A query for the records of one name and type, with the same EDNS. Returns its length. */
size_t dnsmsg_query(uint16_t id, const struct dname *name, uint16_t type, uint8_t out[DNSMSG_MAX]);

struct dnsmsg_answer {
    uint8_t rcode;
    bool authoritative;
    bool truncated; /* ask again over TCP (RFC 2181 §9) */
    struct str nsid;
    uint32_t ttl;        /* the least of the records' */
    struct rdset rdatas; /* of exactly that name and type; count 0: none */
    uint8_t *bytes;      /* what rdatas points at; the caller's to free */
};

/* Reads an answer to dnsmsg_query; names inside rdata come uncompressed. -BD_ESYNTAX: as above, or
 * rdata that is none; -ENOMEM. */
int dnsmsg_answer(const uint8_t *msg, size_t n, uint16_t id, const struct dname *name,
                  uint16_t type, struct dnsmsg_answer *ret_answer);

#endif
