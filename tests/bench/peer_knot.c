#include "peer_knot.h"

#include <stdlib.h>
#include <time.h>

/* Nested, for preprocessors of tools that do not know the question. */
#ifdef __has_include
#if __has_include(<libzscanner/scanner.h>) && __has_include(<libknot/rrset-dump.h>)
#define HAVE_KNOT 1
#endif
#endif

#ifdef HAVE_KNOT

#include <libknot/rrset-dump.h>
#include <libzscanner/scanner.h>

#define OUT_BYTES (1U << 18)

struct kept {
    knot_rrset_t **sets;
    size_t n, room;
};

static zs_scanner_t scanner; /* of some 200 kB */
static struct kept kept;

static double cpu_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

bool peer_knot_is_there(void)
{
    return true;
}

static void count_record(zs_scanner_t *s)
{
    ++*(size_t *)s->process.data;
}

static int scan(struct str text, const char *origin, void (*record)(zs_scanner_t *), void *data)
{
    if (zs_init(&scanner, origin, KNOT_CLASS_IN, 3600) != 0)
        return -1;
    int r = -1;
    if (zs_set_input_string(&scanner, text.p, text.n) == 0 &&
        zs_set_processing(&scanner, record, NULL, data) == 0)
        r = zs_parse_all(&scanner);
    if (scanner.error.counter > 0)
        r = -1;
    zs_deinit(&scanner);
    return r;
}

double peer_knot_parse(struct str text, const char *origin, size_t *ret_records)
{
    const double start = cpu_s();

    *ret_records = 0;
    if (scan(text, origin, count_record, ret_records) < 0)
        return -1;
    return cpu_s() - start;
}

static void keep_record(zs_scanner_t *s)
{
    struct kept *k = s->process.data;

    if (k->n == k->room) {
        size_t room = k->room ? 2 * k->room : 1024;
        void *sets = realloc(k->sets, room * sizeof(knot_rrset_t *));
        if (!sets)
            abort();
        k->sets = sets;
        k->room = room;
    }
    knot_rrset_t *set = knot_rrset_new(s->r_owner, s->r_type, KNOT_CLASS_IN, s->r_ttl, NULL);
    if (!set || knot_rrset_add_rdata(set, s->r_data, (uint16_t)s->r_data_length, NULL) != 0)
        abort();
    k->sets[k->n++] = set;
}

int peer_knot_keep(struct str text, const char *origin)
{
    while (kept.n > 0)
        knot_rrset_free(kept.sets[--kept.n], NULL);
    return scan(text, origin, keep_record, &kept);
}

double peer_knot_write(size_t *ret_bytes)
{
    knot_dump_style_t style = KNOT_DUMP_STYLE_DEFAULT;
    size_t room = OUT_BYTES;
    char *out = malloc(room);
    const double start = cpu_s();

    style.show_class = style.show_ttl = true;
    *ret_bytes = 0;
    for (size_t i = 0; out && i < kept.n; i++) {
        int n = knot_rrset_txt_dump(kept.sets[i], &out, &room, &style);
        if (n < 0)
            break;
        *ret_bytes += (size_t)n;
    }
    free(out);
    return kept.n > 0 && *ret_bytes > 0 ? cpu_s() - start : -1;
}

#else

bool peer_knot_is_there(void)
{
    return false;
}

double peer_knot_parse(struct str text, const char *origin, size_t *ret_records)
{
    (void)text;
    (void)origin;
    (void)ret_records;
    return -1;
}

int peer_knot_keep(struct str text, const char *origin)
{
    (void)text;
    (void)origin;
    return -1;
}

double peer_knot_write(size_t *ret_bytes)
{
    (void)ret_bytes;
    return -1;
}

#endif
