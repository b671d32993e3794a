/* Numbers in notes: eight octets each, the highest first. */
#ifndef HEALTH_NUMBERS_H
#define HEALTH_NUMBERS_H

#include <endian.h>

#include <betterdns/str.h>

static inline void numbers_put(uint8_t *to, const uint64_t *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t big = htobe64(numbers[i]);
        memcpy(to + 8 * i, &big, 8);
    }
}

static inline void numbers_get(const uint8_t *from, uint64_t *numbers, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t big;
        memcpy(&big, from + 8 * i, 8);
        numbers[i] = be64toh(big);
    }
}

#endif
