/* Any datagram as the answer to an SOA probe and to a question: read or refused, never read beyond
 * its end; what is read of rdata is valid. */
#include <stdlib.h>

#include <betterdns/dnsmsg.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The question's type is the message's own, so that each type has its turn. */
static void read_answer(const uint8_t *data, size_t size, uint16_t id, const struct dname *zone)
{
    const size_t at = 12U + zone->n;
    struct dnsmsg_answer answer;
    struct rdset again;

    if (size < at + 2)
        return;
    uint16_t type = (uint16_t)(data[at] << 8 | data[at + 1]);
    if (dnsmsg_answer(data, size, id, zone, type, &answer) < 0)
        return;
    if (rdset_check(type, answer.bytes, answer.rdatas.n, &again) < 0 ||
        again.count != answer.rdatas.count)
        abort();
    free(answer.bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dname zone;
    uint16_t id = size >= 2 ? (uint16_t)(data[0] << 8 | data[1]) : 0;
    struct dnsmsg_soa answer;

    if (zone.n == 0 && dname_from_text(STR("lab.example."), NULL, &zone, NULL) < 0)
        abort();
    read_answer(data, size, id, &zone);
    if (dnsmsg_soa_answer(data, size, id, &zone, &answer) < 0)
        return 0;
    const char *start = (const char *)data;
    if (answer.nsid.n > 0 && (answer.nsid.p < start || answer.nsid.n > size ||
                              answer.nsid.p + answer.nsid.n > start + size))
        abort();
    return 0;
}
