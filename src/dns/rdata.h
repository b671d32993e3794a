/* Rdata in wire form, field by field: what parser, printer, check and comparator share. */
#ifndef DNS_RDATA_H
#define DNS_RDATA_H

#include <betterdns/rrtype.h>

/* The octets that a field takes of the left ones at p; 0: it is not well-formed there (no field is
 * empty). */
size_t rdata_field_length(uint8_t field, const uint8_t *p, size_t left);

static inline uint16_t wire_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t wire_u32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void wire_put_u16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void wire_put_u32(uint8_t *p, uint32_t v)
{
    wire_put_u16(p, (uint16_t)(v >> 16));
    wire_put_u16(p + 2, (uint16_t)v);
}

#endif
