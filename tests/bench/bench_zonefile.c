/* Zone text to records and back, in MB/s of CPU time: bench_zonefile [RECORDS]. Medians of several
 * rounds; beside them, in the same run, what it costs to find the line ends alone, and the peers
 * that are installed. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/zonefile.h>

#define ROUNDS 5
#define ORIGIN "example.org."

extern char **environ;

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

static void add_mixed(unsigned i)
{
    switch (i % 10) {
    case 0: buf_addf(&zone_text, "n%u\tIN\tNS\tns1.n%u\n", i, i); break;
    case 1: buf_addf(&zone_text, "m%u 1h MX 10 mail%u.example.net.\n", i, i); break;
    case 2:
        buf_addf(&zone_text, "t%u TXT \"v=spf1 ip4:10.0.0.0/8 -all\" \"n %u\" ; note\n", i, i);
        break;
    case 3: buf_addf(&zone_text, "s%u 300 IN SRV 0 5 5060 sip%u\n", i, i); break;
    case 4: buf_addf(&zone_text, "c%u CNAME host%u\n", i, i); break;
    case 5: buf_addf(&zone_text, "x%u AAAA 2001:db8::%x:%x\n", i, i >> 16, i & 65535); break;
    case 6: buf_addf(&zone_text, "\t\tA 192.0.2.%u\n", i & 255); break;
    case 7: buf_addf(&zone_text, "p%u MX ( 5 ; first\n    mx%u.example.net. )\n", i, i); break;
    case 8: buf_addf(&zone_text, "g%u TYPE65280 \\# 4 %08X\n", i, i); break;
    default: buf_addf(&zone_text, "h%u.sub A 10.0.%u.%u\n", i, i >> 8 & 255, i & 255); break;
    }
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

static double run_memchr(void)
{
    double start = cpu_s();
    const char *p = zone_text.p, *end = p + zone_text.n;
    volatile size_t lines = 0;

    while (p < end && (p = memchr(p, '\n', (size_t)(end - p)))) {
        p++;
        lines = lines + 1;
    }
    return cpu_s() - start;
}

/* ---- peers ---- */

static char zone_path[] = "/tmp/bench_zonefile.XXXXXX";
static char *const *peer;

/* CPU time of a peer that reads the zone, or negative. */
static double run_peer(void)
{
    posix_spawn_file_actions_t quiet;
    struct rusage use;
    int status, r;
    pid_t pid;

    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
    r = posix_spawnp(&pid, peer[0], &quiet, NULL, peer, environ);
    posix_spawn_file_actions_destroy(&quiet);
    if (r != 0 || wait4(pid, &status, 0, &use) < 0 || !WIFEXITED(status) || WEXITSTATUS(status))
        return -1;
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

static int compare_doubles(const void *x, const void *y)
{
    double a = *(const double *)x, b = *(const double *)y;

    return (a > b) - (a < b);
}

static double median(double (*run)(void))
{
    double t[ROUNDS];

    for (int i = 0; i < ROUNDS; i++) {
        t[i] = run();
        if (t[i] < 0)
            return -1;
    }
    qsort(t, ROUNDS, sizeof(*t), compare_doubles);
    return t[ROUNDS / 2];
}

static void show(const char *what, double seconds, size_t bytes)
{
    printf("  %-35s %8.0f MB/s %8.1f ns/record\n", what, (double)bytes / 1e6 / seconds,
           seconds * 1e9 / (double)nrecords);
}

/* Seconds of ours, in the zone of this run. */
struct ours {
    double parse, load, write;
};

/* Each peer beside the part of ours that does the same work. */
static void measure_peers(const struct ours *ours)
{
    const struct {
        const char *same_work;
        double seconds;
        char *const command[10];
    } peers[] = {
        {"parse + write", ours->parse + ours->write, {"ldns-read-zone", zone_path, NULL}},
        {"load + write",
         ours->load + ours->write,
         {"named-compilezone", "-i", "none", "-k", "ignore", "-o", "/dev/null", ORIGIN, zone_path,
          NULL}},
        {"load", ours->load, {"kzonecheck", "-o", ORIGIN, zone_path, NULL}},
        {"load", ours->load, {"nsd-checkzone", ORIGIN, zone_path, NULL}},
    };

    for (size_t i = 0; i < ARRAY_SIZE(peers); i++) {
        double seconds;
        peer = peers[i].command;
        seconds = median(run_peer);
        if (seconds <= 0) {
            printf("  %s: not installed, or refuses this zone\n", peer[0]);
            continue;
        }
        show(peer[0], seconds, zone_text.n);
        printf("  ratio: %s is %.1f x %s\n", peers[i].same_work, seconds / peers[i].seconds,
               peer[0]);
    }
}

static void measure(const char *name, void (*add)(unsigned i), unsigned records)
{
    struct ours ours;
    double lines;
    int fd;

    make_zone(add, records);
    ours.parse = median(run_parse);
    ours.load = median(run_load);
    ours.write = median(run_write);
    lines = median(run_memchr);
    printf("%s: %zu records, %.1f MB, medians of %d, CPU time\n", name, nrecords,
           (double)zone_text.n / 1e6, ROUNDS);
    show("parse, records to a callback", ours.parse, zone_text.n);
    show("load, sorted, with the zone's rules", ours.load, zone_text.n);
    show("write, of what it writes", ours.write, written);
    show("peer: memchr for each line end", lines, zone_text.n);
    printf("  ratio: parse is %.3f x memchr\n", lines / ours.parse);
    fd = open(zone_path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    if (fd < 0 || write(fd, zone_text.p, zone_text.n) != (ssize_t)zone_text.n)
        die("no file for the peers");
    close(fd);
    measure_peers(&ours);
}

int main(int argc, char **argv)
{
    unsigned records = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000000;
    int fd = mkstemp(zone_path);

    if (fd < 0)
        die("no temporary file");
    close(fd);
    dname_from_text(STR(ORIGIN), NULL, &options.origin, NULL);
    options.default_ttl = 3600;
    measure("registrar", add_registrar, records);
    measure("mixed", add_mixed, records);
    unlink(zone_path);
    zp_zone_free(loaded);
    buf_free(&zone_text);
    return 0;
}
