/* What the tree of snapshots costs beside the sorted array that it replaced: bench_snapshot
 * [RRSETS...]. Microseconds of CPU, medians; the ratio is the array's over the tree's. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <betterdns/snapshot.h>

#define ROUNDS 51
#define SEEKS 20000

static unsigned nrrsets;

static double cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
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
    struct rrset *set = rrset_new(&owner, RRTYPE_A, 30, &rdatas, NULL, 0);
    check(set ? 0 : -ENOMEM);
    return set;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *us)
{
    qsort(us, ROUNDS, sizeof(us[0]), by_value);
    return us[ROUNDS / 2];
}

static double random_host(void)
{
    return (double)rand() / ((double)RAND_MAX + 1) * nrrsets;
}

/* ---- the peer: a sorted array, copied by each commit ---- */

struct array {
    size_t n;
    const struct rrset *sets[];
};

static struct array *array_new(size_t n)
{
    struct array *a = malloc(sizeof(*a) + n * sizeof(a->sets[0]));

    check(a ? 0 : -ENOMEM);
    a->n = n;
    return a;
}

static void array_free(struct array *a)
{
    for (size_t i = 0; i < a->n; i++)
        rrset_put(a->sets[i]);
    free(a);
}

static size_t array_find(const struct array *a, struct str key)
{
    size_t low = 0, high = a->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        struct str at = rrset_owner_key(a->sets[middle]);
        int d = memcmp(at.p, key.p, at.n < key.n ? at.n : key.n);
        if (d < 0 || (d == 0 && at.n < key.n))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* All keys are there already. */
static double array_commit(struct array **current, unsigned n)
{
    double start = cpu_us();
    struct array *next = array_new((*current)->n);

    for (size_t i = 0; i < next->n; i++)
        next->sets[i] = rrset_ref((*current)->sets[i]);
    for (unsigned i = 0; i < n; i++) {
        struct rrset *set = host((unsigned)random_host());
        size_t at = array_find(next, rrset_owner_key(set));
        rrset_put(next->sets[at]);
        next->sets[at] = set;
    }
    array_free(*current);
    *current = next;
    return cpu_us() - start;
}

static double array_scan(const struct array *a)
{
    double start = cpu_us();
    size_t ttl = 0;

    for (size_t i = 0; i < a->n; i++)
        ttl += rrset_ttl(a->sets[i]);
    check(ttl == 30 * a->n ? 0 : -ERANGE);
    return cpu_us() - start;
}

/* ---- the tree ---- */

static double tree_commit(struct snap **current, unsigned n, bool in_order)
{
    static const struct hash128 chain;
    static const uint32_t serial = 1;
    double start = cpu_us();
    struct snap_edit *e;
    struct snap *next;

    check(snap_edit_begin(*current, &e));
    for (unsigned i = 0; i < n; i++)
        check(snap_edit_set(e, 0, host(in_order ? i : (unsigned)random_host())));
    check(snap_edit_commit(e, snap_seq(*current) + 1, &chain, &serial, &next));
    snap_put(*current);
    *current = next;
    return cpu_us() - start;
}

static double tree_scan(struct snap *s)
{
    double start = cpu_us();
    const struct rrset *set;
    struct snap_iter it;
    unsigned zone;
    size_t ttl = 0;

    check(snap_seek(s, (struct snap_key){.zone = 0}, &it));
    while ((set = snap_next(&it, &zone)))
        ttl += rrset_ttl(set);
    check(ttl == 30 * snap_zone(s, 0)->nrrsets ? 0 : -ERANGE);
    return cpu_us() - start;
}

/* ---- side by side ---- */

static void line(const char *what, double tree, double array)
{
    printf("  %-18s %12.2f us   array %12.2f us   ratio %8.2f\n", what, tree, array, array / tree);
}

static void commits(struct snap **tree, struct array **array, unsigned n)
{
    double tree_us[ROUNDS], array_us[ROUNDS];
    char what[32];

    for (unsigned i = 0; i < ROUNDS; i++)
        tree_us[i] = tree_commit(tree, n, false);
    for (unsigned i = 0; i < ROUNDS; i++) /* not in turns: it would empty the tree's caches */
        array_us[i] = array_commit(array, n);
    snprintf(what, sizeof(what), "commit of %u", n);
    line(what, median(tree_us), median(array_us));
}

static void scans(struct snap *tree, const struct array *array)
{
    double tree_us[ROUNDS], array_us[ROUNDS];

    for (unsigned i = 0; i < ROUNDS; i++)
        tree_us[i] = tree_scan(tree);
    for (unsigned i = 0; i < ROUNDS; i++)
        array_us[i] = array_scan(array);
    line("scan of all", median(tree_us), median(array_us));
}

/* The keys are made outside of what is measured. */
static void seeks(struct snap *tree, const struct array *array)
{
    static struct rrset *keys[SEEKS];
    double tree_us, array_us;

    for (unsigned i = 0; i < SEEKS; i++)
        keys[i] = host((unsigned)random_host());
    tree_us = cpu_us();
    for (unsigned i = 0; i < SEEKS; i++) {
        struct snap_key key = {0, rrset_owner_key(keys[i]), RRTYPE_A};
        check(snap_find(tree, key) ? 0 : -ERANGE);
    }
    tree_us = cpu_us() - tree_us;
    array_us = cpu_us();
    for (unsigned i = 0; i < SEEKS; i++)
        check(array_find(array, rrset_owner_key(keys[i])) < array->n ? 0 : -ERANGE);
    array_us = cpu_us() - array_us;
    for (unsigned i = 0; i < SEEKS; i++)
        rrset_put(keys[i]);
    line("seek", tree_us / SEEKS, array_us / SEEKS);
}

static struct array *as_array(struct snap *s)
{
    struct array *a = array_new(snap_zone(s, 0)->nrrsets);
    struct snap_iter it;
    unsigned zone;

    check(snap_seek(s, (struct snap_key){.zone = 0}, &it));
    for (size_t i = 0; i < a->n; i++)
        a->sets[i] = rrset_ref(snap_next(&it, &zone));
    return a;
}

static void run(unsigned n)
{
    struct dname origin;
    struct snap *tree;

    nrrsets = n;
    check(dname_from_text(STR("lab.example."), NULL, &origin, NULL));
    size_t before = mallinfo2().uordblks;
    check(snap_new(&origin, 1, &tree));
    double built = tree_commit(&tree, n, true);
    printf("%u RRsets: built in %.1f ms, %.1f bytes each\n", n, built / 1e3,
           (double)(mallinfo2().uordblks - before) / n);
    struct array *array = as_array(tree);
    seeks(tree, array);
    scans(tree, array);
    commits(&tree, &array, 1);
    commits(&tree, &array, 64);
    array_free(array);
    snap_put(tree);
}

int main(int argc, char **argv)
{
    static const unsigned sizes[] = {1000, 100000, 1000000};

    for (int i = 1; i < argc; i++) {
        unsigned long n = strtoul(argv[i], NULL, 10);
        if (n == 0 || n > 100000000)
            return 2;
        run((unsigned)n);
    }
    for (size_t i = 0; argc == 1 && i < ARRAY_SIZE(sizes); i++)
        run(sizes[i]);
    return 0;
}
