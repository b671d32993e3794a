/* Zone text to records and back, and edited, in MB/s of CPU time: bench_zonefile [RECORDS]. Medians
 * of rounds in which ours and Knot's libraries take turns; one line of JSON a zone and kind of
 * work. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <betterdns/zonefile.h>

#include "peer_knot.h"

#define ROUNDS 7
#define ORIGIN "example.org."

static struct buf zone_text;
static struct zp_options options;
static struct zp_zone *loaded;
static size_t nrecords;

static double cpu_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
    fprintf(stderr, "bench_zonefile: %s\n", what);
    exit(1);
}

/* ---- zones ---- */

static void add_registrar(unsigned i)
{
    buf_addf(&zone_text, "host%u 60 IN A 10.%u.%u.%u\n", i, i >> 16 & 255, i >> 8 & 255, i & 255);
}

/* Sixteen types, and all that a line may have: blank owners, units, classes, quotes, escapes,
 * comments, parentheses, the generic form. */
static void add_mixed(unsigned i)
{
    switch (i % 17) {
    case 0: buf_addf(&zone_text, "n%u\tIN\tNS\tns1.delegated%u\n", i, i); break;
    case 1: buf_addf(&zone_text, "m%u 1h MX 10 mail%u.example.net.\n", i, i); break;
    case 2: buf_addf(&zone_text, "\t\tA 192.0.2.%u ; of m%u\n", i & 255, i - 1); break;
    case 3: buf_addf(&zone_text, "t%u TXT \"v=spf1 ip4:10.0.0.0/8 -all\" \"n %u\"\n", i, i); break;
    case 4: buf_addf(&zone_text, "s%u 300 IN SRV 0 5 5060 sip%u\n", i, i); break;
    case 5: buf_addf(&zone_text, "c%u CNAME host%u.example.org.\n", i, i); break;
    case 6: buf_addf(&zone_text, "x%u IN 2h AAAA 2001:db8:%x::%x\n", i, i >> 16, i & 65535); break;
    case 7: buf_addf(&zone_text, "p%u PTR host%u.example.net.\n", i, i); break;
    case 8: buf_addf(&zone_text, "q%u MX ( 5 ; first\n\t\tmx%u.example.net. )\n", i, i); break;
    case 9:
        buf_addf(&zone_text, "a%u 600 CAA 0 issue \"letsencrypt.org; account=%u\"\n", i, i);
        break;
    case 10:
        buf_addf(
            &zone_text,
            "d%u DS 60485 13 2 ( D4B7D520E7BB5F0F67674A0CCEB1E3E0\n\t\t614B93C4F9E99B83%016X )\n",
            i, i);
        break;
    case 11:
        buf_addf(&zone_text,
                 "w%u TLSA 3 1 1 0C72AC70B745AC19998811B131D662C9AC69DBDBE7CB23E5%016X\n", i, i);
        break;
    case 12:
        buf_addf(&zone_text,
                 "f%u SSHFP 4 2 123456789ABCDEF67890123456789ABCDEF6789012345678%016X\n", i, i);
        break;
    case 13: buf_addf(&zone_text, "i%u HINFO \"PC\" linux\\;%u\n", i, i); break;
    case 14:
        buf_addf(&zone_text, "e%u NAPTR 100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:%u@example.com!\" .\n",
                 i, i);
        break;
    case 15: buf_addf(&zone_text, "g%u.sub TYPE65280 \\# 4 %08X\n", i, i); break;
    default:
        buf_addf(&zone_text, "h%u.sub\t 86400  IN  A  10.0.%u.%u\n", i, i >> 8 & 255, i & 255);
        break;
    }
}

static uint32_t random_state;

static unsigned draw(unsigned below)
{
    random_state = random_state * 1664525U + 1013904223U;
    return (random_state >> 8) % below;
}

static void add_random_name(void)
{
    for (unsigned labels = 1 + draw(3); labels > 0; labels--) {
        for (unsigned n = 1 + draw(14); n > 0; n--)
            buf_add_c(&zone_text, (char)('a' + draw(26)));
        if (labels > 1)
            buf_add_c(&zone_text, '.');
    }
}

/* Owners of a length that nothing can foresee; each ends in a number, so that no two are one. */
static void add_random(unsigned i)
{
    add_random_name();
    buf_addf(&zone_text, "%u 60 IN A 10.%u.%u.%u\n", i, draw(256), draw(256), draw(256));
}

static void make_zone(void (*add)(unsigned i), unsigned records)
{
    buf_reset(&zone_text);
    buf_add_str(&zone_text, STR("$ORIGIN " ORIGIN "\n$TTL 3600\n"
                                "@ IN SOA ns1 hostmaster 1 7200 3600 1209600 300\n"
                                "@ IN NS ns1\nns1 IN A 192.0.2.1\n"));
    for (unsigned i = 0; i < records; i++)
        add(i);
    if (zone_text.error)
        die("no memory");
}

/* ---- what is measured ---- */

static int count_record(void *arg, const struct zp_record *record)
{
    (void)record;
    ++*(size_t *)arg;
    return 0;
}

static double run_parse(void)
{
    double start = cpu_s();

    nrecords = 0;
    if (zp_parse(buf_str(&zone_text), &options, count_record, &nrecords) != 0)
        die("the zone was refused");
    return cpu_s() - start;
}

static double run_load(void)
{
    double start;

    zp_zone_free(loaded);
    loaded = NULL;
    start = cpu_s();
    if (zp_zone_load(buf_str(&zone_text), &options, &loaded) != 0)
        die("the zone was refused");
    return cpu_s() - start;
}

static size_t written;

static double run_write(void)
{
    static struct buf out;
    double start = cpu_s();
    size_t n = zp_zone_nrrsets(loaded);

    written = 0;
    for (size_t i = 0; i < n; i++) {
        struct dname owner;
        struct rdset set;
        uint16_t type;
        uint32_t ttl;
        zp_zone_rrset(loaded, i, &owner, &type, &ttl, &set);
        zp_write_rrset(&owner, type, ttl, &set, &out);
        if (out.n > 1U << 18 || i + 1 == n) { /* as a writer to a file would */
            written += out.n;
            buf_reset(&out);
        }
    }
    if (out.error)
        die("no memory");
    return cpu_s() - start;
}

/* ---- edits ---- */

#define EDIT_SETS 1000

static size_t edited; /* octets of the new text */

static int count_text(void *arg, struct str piece)
{
    (void)arg;
    edited += piece.n;
    return 0;
}

/* The time of an edit of sets that are in the zone; each has its records changed by one octet. */
static double edit(struct zp_edit_set *sets, size_t n)
{
    struct zp_edits edits = {.sets = sets, .nsets = n};
    double start;

    for (size_t i = 0; i < n; i++) {
        uint8_t *bytes = malloc(sets[i].rdatas.n);
        if (!bytes)
            die("no memory");
        memcpy(bytes, sets[i].rdatas.p, sets[i].rdatas.n);
        bytes[sets[i].rdatas.n - 1] ^= 1;
        if (sets[i].type == RRTYPE_SOA)
            soa_set_serial(bytes + 2, sets[i].rdatas.n - 2, 4711);
        sets[i].rdatas.p = bytes;
    }
    edited = 0;
    start = cpu_s();
    if (zp_edit(buf_str(&zone_text), &options, &edits, count_text, NULL, NULL) != 0)
        die("the edit was refused");
    start = cpu_s() - start;
    for (size_t i = 0; i < n; i++)
        free((void *)(uintptr_t)sets[i].rdatas.p);
    return start;
}

static struct zp_edit_set sets_[EDIT_SETS];

static double run_edit(uint16_t type, size_t most)
{
    size_t n = zp_zone_nrrsets(loaded), step = n / most ? n / most : 1, taken = 0;

    for (size_t i = 0; i < n && taken < most; i += type == RRTYPE_SOA ? 1 : step) {
        struct zp_edit_set *s = &sets_[taken];
        zp_zone_rrset(loaded, i, &s->owner, &s->type, &s->ttl, &s->rdatas);
        taken += s->type == type && s->rdatas.count == 1;
    }
    return edit(sets_, taken);
}

static double run_edit_serial(void)
{
    return run_edit(RRTYPE_SOA, 1);
}

static double run_edit_1000(void)
{
    return run_edit(RRTYPE_A, EDIT_SETS);
}

/* Hosts that are not there yet, spread over the order of the zone. */
static double run_edit_new(void)
{
    struct dname_rules rules = {.origin = &options.origin};
    static const uint8_t address[] = {0, 4, 192, 0, 2, 1};
    struct zp_edits edits = {.sets = sets_, .nsets = EDIT_SETS};
    double start;

    for (unsigned i = 0; i < EDIT_SETS; i++) {
        char name[32];
        snprintf(name, sizeof(name), "host%06ux", i * 499);
        sets_[i] = (struct zp_edit_set){
            .type = RRTYPE_A, .ttl = 60, .rdatas = {address, sizeof(address), 1}};
        if (dname_from_text(str_c(name), &rules, &sets_[i].owner, NULL) < 0)
            die("no name");
    }
    edited = 0;
    start = cpu_s();
    if (zp_edit(buf_str(&zone_text), &options, &edits, count_text, NULL, NULL) != 0)
        die("the edit was refused");
    return cpu_s() - start;
}

/* ---- in turns ---- */

static int compare_doubles(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;

    return (a > b) - (a < b);
}

static double median(double *t)
{
    qsort(t, ROUNDS, sizeof(*t), compare_doubles);
    return t[ROUNDS / 2];
}

static double peer_parse(void)
{
    size_t n = 0;
    double s = peer_knot_parse(buf_str(&zone_text), ORIGIN, &n);

    if (s >= 0 && n != nrecords)
        die("the peer has read another number of records");
    return s;
}

static size_t peer_written;

static double peer_write(void)
{
    return peer_knot_write(&peer_written);
}

/* "peer" is null without one. Bytes: of the text that was read or written. */
static void compare(const char *zone, const char *work, double (*ours)(void), double (*peer)(void),
                    const size_t *bytes, const size_t *peer_bytes)
{
    double a[ROUNDS], b[ROUNDS];
    bool beside = peer && peer_knot_is_there();

    for (int i = 0; i < ROUNDS; i++) {
        a[i] = ours();
        b[i] = peer && beside ? peer() : 0;
        if (b[i] < 0)
            die("the peer refuses this zone");
    }
    const double ours_s = median(a), peer_s = median(b);
    printf("{\"zone\":\"%s\",\"work\":\"%s\",\"mb_s\":%.1f,\"spread\":%.3f,\"ns_record\":%.1f",
           zone, work, (double)*bytes / 1e6 / ours_s, (a[ROUNDS * 3 / 4] - a[ROUNDS / 4]) / ours_s,
           ours_s * 1e9 / (double)nrecords);
    if (beside)
        printf(",\"peer_mb_s\":%.1f}\n", (double)*peer_bytes / 1e6 / peer_s);
    else
        printf(",\"peer_mb_s\":null}\n");
}

static void measure(const char *name, void (*add)(unsigned i), unsigned records)
{
    make_zone(add, records);
    compare(name, "parse", run_parse, peer_parse, &zone_text.n, &zone_text.n);
    compare(name, "load", run_load, NULL, &zone_text.n, NULL);
    if (peer_knot_is_there() && peer_knot_keep(buf_str(&zone_text), ORIGIN) < 0)
        die("the peer cannot keep this zone");
    compare(name, "write", run_write, peer_write, &written, &peer_written);
    compare(name, "serial", run_edit_serial, NULL, &edited, NULL);
    compare(name, "1,000 changed", run_edit_1000, NULL, &edited, NULL);
    compare(name, "1,000 new", run_edit_new, NULL, &edited, NULL);
}

int main(int argc, char **argv)
{
    unsigned records = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 500000;

    dname_from_text(STR(ORIGIN), NULL, &options.origin, NULL);
    options.default_ttl = 3600;
    measure("registrar", add_registrar, records);
    measure("mixed", add_mixed, records);
    measure("random", add_random, records);
    zp_zone_free(loaded);
    buf_free(&zone_text);
    return 0;
}
