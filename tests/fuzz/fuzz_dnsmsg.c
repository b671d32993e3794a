/* Any datagram as the answer to an SOA probe: read or refused, never read beyond its end. */
#include <stdlib.h>

#include <betterdns/dnsmsg.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct dname zone;
    uint16_t id = size >= 2 ? (uint16_t)(data[0] << 8 | data[1]) : 0;
    struct dnsmsg_soa answer;

    if (zone.n == 0 && dname_from_text(STR("lab.example."), NULL, &zone, NULL) < 0)
        abort();
    if (dnsmsg_soa_answer(data, size, id, &zone, &answer) < 0)
        return 0;
    const char *start = (const char *)data;
    if (answer.nsid.n > 0 && (answer.nsid.p < start || answer.nsid.n > size ||
                              answer.nsid.p + answer.nsid.n > start + size))
        abort();
    return 0;
}
