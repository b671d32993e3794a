/* What a commit costs the writer: bench_snapshot [RRSETS]. Milliseconds of CPU, medians where there
 * are many. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <betterdns/snapshot.h>

#define ROUNDS 101
#define GROUP 2000

static struct snap *current;
static unsigned nrrsets = 100000;

static double cpu_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void check(int r)
{
    if (r < 0) {
        fprintf(stderr, "bench_snapshot: error %d\n", r);
        exit(1);
    }
}

static struct rrset *host(unsigned i)
{
    struct rdset rdatas = {(const uint8_t *)"\0\4\300\0\2\7", 6, 1};
    struct dname owner;
    char text[40];

    snprintf(text, sizeof(text), "host%07u.lab.example.", i);
    check(dname_from_text(str_c(text), NULL, &owner, NULL));
    return rrset_new(&owner, RRTYPE_A, 30, &rdatas, NULL, 0);
}

/* One commit of n edits: in order from 0, or at random places. */
static double commit(unsigned n, bool in_order)
{
    static const struct hash128 chain;
    static const uint32_t serial = 1;
    struct snap_edit *e;
    struct snap *next;
    double start = cpu_ms();

    check(snap_edit_begin(current, &e));
    for (unsigned i = 0; i < n; i++)
        check(snap_edit_set(e, 0, host(in_order ? i : (unsigned)rand() % nrrsets)));
    check(snap_edit_commit(e, snap_seq(current) + 1, &chain, &serial, &next));
    snap_put(current);
    current = next;
    return cpu_ms() - start;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median_commit(unsigned n)
{
    double ms[ROUNDS];

    for (unsigned i = 0; i < ROUNDS; i++)
        ms[i] = commit(n, false);
    qsort(ms, ROUNDS, sizeof(ms[0]), by_value);
    return ms[ROUNDS / 2];
}

static double walk(void)
{
    struct snap_iter it;
    unsigned zone;
    double start = cpu_ms();

    check(snap_seek(current, (struct snap_key){.zone = 0}, &it));
    while (snap_next(&it, &zone))
        ;
    return cpu_ms() - start;
}

int main(int argc, char **argv)
{
    struct dname origin;

    if (argc > 1)
        nrrsets = (unsigned)strtoul(argv[1], NULL, 10);
    if (nrrsets == 0)
        return 2;
    check(dname_from_text(STR("lab.example."), NULL, &origin, NULL));
    check(snap_new(&origin, 1, &current));
    size_t before = mallinfo2().uordblks;
    printf("import of %u RRsets: %.1f ms\n", nrrsets, commit(nrrsets, true));
    printf("memory: %.1f bytes an RRset\n",
           (double)(mallinfo2().uordblks - before) / (double)nrrsets);
    printf("commit of 1 edit: %.3f ms\n", median_commit(1));
    printf("commit of %d edits: %.3f ms\n", GROUP, median_commit(GROUP));
    printf("walk of all: %.2f ms\n", walk());
    snap_put(current);
    return 0;
}
