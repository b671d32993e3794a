/* What holds for all saves: every record that either side added and neither deleted is there, every
 * record that one side deleted and the other did not add is not. The zone is compared with a model,
 * in which a set of records is 64 bits; and the same with the base rules switched off must fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <betterdns/clock.h>

#include "save_kit.h"

#define NAMES 8
#define VALUES 8
#define SAVES 16 /* that are kept of one marker */

typedef uint64_t set_of; /* bit NAMES * name + value */

/* What was saved with one marker. */
struct saves {
    uint64_t seq; /* 0: of the file that has none */
    set_of marker, saved[SAVES];
    unsigned n;
};

/* Somebody with the file open. */
struct editor {
    char *head; /* marker, SOA, NS */
    set_of buffer;
    struct saves *saves; /* shared by those who read the same */
};

struct world {
    struct savekit s;
    struct editor editors[3]; /* the first one is a repository, without marker */
    struct saves all[200];
    unsigned nall;
};

static void name_of(unsigned record, char out[16])
{
    snprintf(out, 16, "n%u", record / VALUES);
}

static void value_of(unsigned record, char out[16])
{
    snprintf(out, 16, "192.0.2.%u", 100 + record % VALUES);
}

static void read_zone(struct savekit *s, set_of *ret_records, set_of *ret_registered)
{
    char name[16], value[16], id[16];

    *ret_records = *ret_registered = 0;
    for (unsigned i = 0; i < NAMES * VALUES; i++) {
        name_of(i, name);
        value_of(i, value);
        snprintf(id, sizeof(id), "v%u=", i % VALUES);
        if (strstr(regkit_records(&s->k, name, RRTYPE_A), value))
            *ret_records |= (set_of)1 << i;
        if (strstr(regkit_registrations(&s->k, name, RRTYPE_A), id))
            *ret_registered |= (set_of)1 << i;
    }
}

/* ---- people ---- */

static struct saves *saves_of(struct world *w, uint64_t seq, set_of marker)
{
    for (unsigned i = 0; i < w->nall; i++)
        if (w->all[i].seq == seq)
            return &w->all[i];
    assert_true(w->nall < ARRAY_SIZE(w->all));
    w->all[w->nall] = (struct saves){.seq = seq, .marker = marker};
    return &w->all[w->nall++];
}

static set_of records_of(const char *text)
{
    char line[80], name[16], value[16];
    set_of records = 0;

    for (unsigned i = 0; i < NAMES * VALUES; i++) {
        name_of(i, name);
        value_of(i, value);
        snprintf(line, sizeof(line), "%s.lab.example. 30 IN A %s\n", name, value);
        if (strstr(text, line))
            records |= (set_of)1 << i;
    }
    return records;
}

static void open_file(struct world *w, struct editor *e)
{
    struct hash128 hash;
    uint64_t seq;
    char part[24];

    free(e->head);
    e->head = savekit_export(&w->s);
    e->buffer = records_of(e->head);
    assert_int_equal(zp_find_marker(str_c(e->head), &seq, &hash), 0);
    e->saves = saves_of(w, seq, e->buffer);
    for (unsigned i = 0; i < NAMES; i++) {
        snprintf(part, sizeof(part), "n%u.lab", i);
        if (strstr(e->head, part))
            e->head = savekit_without(e->head, part);
    }
}

/* It never reads the file again; its first version is the import's, which has none of the records.
 */
static void start_repository(struct world *w, struct editor *e)
{
    open_file(w, e);
    e->head = savekit_without(e->head, "; betterdns");
    e->saves = saves_of(w, 0, 0);
    e->buffer = 0;
}

static void edit(struct editor *e)
{
    for (unsigned n = 1 + (unsigned)rand() % 4; n > 0; n--)
        e->buffer ^= (set_of)1 << rand() % (NAMES * VALUES);
}

static char *text_of(const struct editor *e)
{
    char *text = strdup(e->head), line[80], name[16], value[16];

    for (unsigned i = 0; i < NAMES * VALUES; i++) {
        if (!(e->buffer >> i & 1))
            continue;
        name_of(i, name);
        value_of(i, value);
        snprintf(line, sizeof(line), "%s 30 IN A %s", name, value);
        text = savekit_with(text, line);
    }
    return text;
}

/* Rule 2 once more, in bits. */
static set_of base_of(const struct editor *e)
{
    const struct saves *all = e->saves;

    for (unsigned i = all->n; i-- > 0;) {
        set_of added = all->saved[i] & ~all->marker, deleted = all->marker & ~all->saved[i];
        if (all->seq == 0 || (added & e->buffer) != 0 || (deleted & ~e->buffer) != 0)
            return all->saved[i];
    }
    return all->marker;
}

static void note_saved(struct editor *e, set_of base)
{
    struct saves *all = e->saves;

    if (e->buffer == base || (all->seq != 0 && e->buffer == all->marker))
        return;
    if (all->n == SAVES)
        memmove(all->saved, all->saved + 1, --all->n * sizeof(*all->saved));
    all->saved[all->n++] = e->buffer;
}

/* ---- hosts ---- */

/* True where it changed something. */
static bool host_does(struct regkit *k, unsigned record, bool add, struct receipt *ret_receipt)
{
    char name[16], value[16], id[16];
    struct change *c = change_new(CHANGE_HTTP, STR("host"));

    name_of(record, name);
    value_of(record, value);
    snprintf(id, sizeof(id), "v%u", record % VALUES);
    if (add)
        regkit_add(c, &WHAT(OP_REGISTER, name, .values = value, .id = id));
    else
        regkit_add(c, &WHAT(OP_DELETE, name, .values = value));
    int r = registry_submit(k->r, c, clock_deadline(60 * NS_PER_S), ret_receipt, NULL);
    change_put(c);
    if (r == 0)
        rrset_put(ret_receipt->set);
    /* By hand; or not there. */
    assert_true(r == 0 || r == -BD_ECONFLICT || r == -BD_ENOTFOUND);
    return r == 0 && ret_receipt->changed;
}

/* ---- the model ---- */

struct model {
    set_of records, registered;
};

static void model_host(struct model *m, unsigned record, bool add)
{
    set_of bit = (set_of)1 << record;

    m->records = add ? m->records | bit : m->records & ~bit;
    m->registered = add ? m->registered | bit : m->registered & ~bit;
}

static void model_hand(struct model *m, set_of added, set_of deleted, bool marked)
{
    if (!marked)
        deleted &= ~m->registered;
    m->records = (m->records | added) & ~deleted;
    m->registered &= ~deleted;
}

static bool is_as(struct savekit *s, const struct model *m)
{
    struct model now;

    read_zone(s, &now.records, &now.registered);
    return now.records == m->records && now.registered == m->registered;
}

/* ---- one after the other ---- */

static void save(struct world *w, struct editor *e, struct model *m)
{
    set_of base = base_of(e);
    char *text = text_of(e);

    assert_int_equal(savekit_save(&w->s, text), 0);
    free(text);
    assert_int_not_equal(w->s.saved.verdict, SAVE_TOO_MANY);
    model_hand(m, e->buffer & ~base, base & ~e->buffer, e->saves->seq != 0);
    note_saved(e, base);
}

static void step(struct world *w, struct model *m)
{
    unsigned record = (unsigned)rand() % (NAMES * VALUES), what = (unsigned)rand() % 10;
    struct editor *e = &w->editors[rand() % 3];
    bool add = rand() % 3 > 0;
    struct receipt receipt;

    if (what < 6) {
        if (host_does(&w->s.k, record, add, &receipt))
            model_host(m, record, add);
    } else if (what < 9 || e->saves->seq == 0) {
        edit(e);
        save(w, e, m);
    } else {
        open_file(w, e);
    }
}

/* Is the zone as the model has it, after each step? */
static bool holds(base_rule_fn *rule, unsigned seed, unsigned steps)
{
    static struct world w;
    struct model m = {0, 0};
    bool same = true;

    w = (struct world){.nall = 0};
    savekit_start(&w.s);
    w.s.rule = rule;
    srand(seed);
    start_repository(&w, &w.editors[0]);
    open_file(&w, &w.editors[1]);
    open_file(&w, &w.editors[2]);
    for (unsigned i = 0; same && i < steps; i++) {
        step(&w, &m);
        same = is_as(&w.s, &m);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(w.editors); i++)
        free(w.editors[i].head);
    savekit_end(&w.s);
    return same;
}

static void nothing_is_lost_one_after_the_other(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 6; seed++)
        if (!holds(NULL, seed, 150))
            fail_msg("seed %u", seed);
}

/* ---- all at once ---- */

#define HOSTS 4
#define HOST_OPS 120
#define RACE_SAVES 80

/* Something that was changed, by a host or a save, at that number. */
struct event {
    uint64_t seq;
    bool host, add, marked;
    unsigned record;
    set_of added, deleted;
};

struct host {
    struct regkit *k;
    pthread_t thread;
    unsigned seed, nevents;
    struct event events[HOST_OPS];
};

static void *host_main(void *arg)
{
    struct host *h = arg;
    struct receipt receipt;

    for (unsigned i = 0; i < HOST_OPS; i++) {
        unsigned record = (unsigned)rand_r(&h->seed) % (NAMES * VALUES);
        bool add = rand_r(&h->seed) % 3 > 0;
        if (host_does(h->k, record, add, &receipt))
            h->events[h->nevents++] =
                (struct event){.seq = receipt.seq, .host = true, .add = add, .record = record};
    }
    return NULL;
}

static unsigned save_all(struct world *w, struct event *events)
{
    struct model unused = {0, 0};
    unsigned n = 0;

    for (unsigned i = 0; i < RACE_SAVES; i++) {
        struct editor *e = &w->editors[rand() % 3];
        if (e->saves->seq != 0 && rand() % 5 == 0)
            open_file(w, e);
        edit(e);
        set_of base = base_of(e);
        save(w, e, &unused);
        if (w->s.saved.verdict == SAVE_MERGED)
            events[n++] = (struct event){.seq = w->s.saved.seq,
                                         .marked = e->saves->seq != 0,
                                         .added = e->buffer & ~base,
                                         .deleted = base & ~e->buffer};
    }
    return n;
}

static int by_seq(const void *a, const void *b)
{
    const struct event *x = a, *y = b;

    return (x->seq > y->seq) - (x->seq < y->seq);
}

static void play(struct event *events, unsigned n, struct model *m)
{
    qsort(events, n, sizeof(*events), by_seq);
    for (unsigned i = 0; i < n; i++) {
        const struct event *e = &events[i];
        assert_true(i == 0 || events[i - 1].seq < e->seq);
        if (e->host)
            model_host(m, e->record, e->add);
        else
            model_hand(m, e->added, e->deleted, e->marked);
    }
}

static void nothing_is_lost_in_a_race(void **state)
{
    static struct event events[HOSTS * HOST_OPS + RACE_SAVES];
    static struct host hosts[HOSTS];
    static struct world w;
    struct model m = {0, 0};

    (void)state;
    savekit_start(&w.s);
    srand(7);
    start_repository(&w, &w.editors[0]);
    open_file(&w, &w.editors[1]);
    open_file(&w, &w.editors[2]);
    for (unsigned i = 0; i < HOSTS; i++) {
        hosts[i] = (struct host){.k = &w.s.k, .seed = i};
        assert_int_equal(pthread_create(&hosts[i].thread, NULL, host_main, &hosts[i]), 0);
    }
    unsigned n = save_all(&w, events);
    for (unsigned i = 0; i < HOSTS; i++) {
        pthread_join(hosts[i].thread, NULL);
        memcpy(events + n, hosts[i].events, hosts[i].nevents * sizeof(*events));
        n += hosts[i].nevents;
    }
    play(events, n, &m);
    assert_true(is_as(&w.s, &m));
    for (unsigned i = 0; i < ARRAY_SIZE(w.editors); i++)
        free(w.editors[i].head);
    savekit_end(&w.s);
}

/* ---- controls ---- */

/* What was never right: the base is what the zone is now. */
static int no_marker_rule(struct saving *s, struct base *ret_base)
{
    *ret_base = (struct base){.kind = BASE_MARKER, .seq = s->save->seq};
    return version_of_snap(&s->pool, s->now, s->save->zone, &ret_base->version);
}

/* Rule 1 without rule 2. */
static int no_earlier_saves(struct saving *s, struct base *ret_base)
{
    if (!s->at)
        return base_choose(s, ret_base);
    *ret_base = (struct base){.kind = BASE_MARKER, .version = s->zone_at};
    return 0;
}

static bool any_seed_fails(base_rule_fn *rule)
{
    for (unsigned seed = 1; seed <= 6; seed++)
        if (!holds(rule, seed, 150))
            return true;
    return false;
}

static void without_the_base_rule_records_are_lost(void **state)
{
    (void)state;
    assert_true(any_seed_fails(no_marker_rule));
}

static void without_earlier_saves_records_are_lost(void **state)
{
    (void)state;
    assert_true(any_seed_fails(no_earlier_saves));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_one_after_the_other),
        cmocka_unit_test(nothing_is_lost_in_a_race),
        cmocka_unit_test(without_the_base_rule_records_are_lost),
        cmocka_unit_test(without_earlier_saves_records_are_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
