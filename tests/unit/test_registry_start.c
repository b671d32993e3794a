/* Start: imports, what is kept of files, locks, modes, damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include <betterdns/file.h>
#include <betterdns/zonefile.h>

#include "registry_kit.h"

static void open_it(struct regkit *k)
{
    if (regkit_open(k) < 0)
        fail_msg("%s", k->problem.detail);
}

#define ZONE(serial)                                                                               \
    "$ORIGIN lab.example.\n$TTL 300\n@ IN SOA ns1 root " serial " 1h 10m 2w 10\n"                  \
    "@ IN NS ns1\nns1 IN A 192.0.2.53\nweb 60 IN A 192.0.2.1\n"

static const char *path_in(const struct regkit *k, const char *name)
{
    static char path[160];

    snprintf(path, sizeof(path), "%s/%s", k->dir, name);
    return path;
}

static bool holds(const struct regkit *k, const char *name, const char *text)
{
    struct buf b = {0};
    bool same = file_read(path_in(k, name), 65536, &b) == 0 && str_eq(buf_str(&b), str_c(text));

    buf_free(&b);
    return same;
}

static bool exists(const struct regkit *k, const char *name)
{
    return access(path_in(k, name), F_OK) == 0;
}

/* Runs SQL on the closed state.db. */
static void sql(const struct regkit *k, const char *text)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path_in(k, "data/state.db"), &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void remove_state(struct regkit *k)
{
    regkit_close(k);
    unlink(path_in(k, "data/state.db"));
    unlink(path_in(k, "data/state.db-wal"));
    unlink(path_in(k, "data/state.db-shm"));
}

/* ---- files ---- */

/* What was imported may be replaced by an export, but not what somebody makes of it. */
static void an_imported_file_is_known_as_ours(void **state)
{
    struct hash128 mine = hash128(ZONE("41"), sizeof(ZONE("41")) - 1);
    struct hash128 edited = hash128(ZONE("42"), sizeof(ZONE("42")) - 1);
    struct regkit *k = *state;
    uint64_t seq = 0;

    regkit_write(k, 0, ZONE("41"));
    for (int again = 0; again < 2; again++) {
        if (again)
            regkit_reopen(k);
        else
            open_it(k);
        assert_true(registry_export_known(k->r, 0, &mine, &seq));
        assert_int_equal(seq, 1);
        assert_false(registry_export_known(k->r, 0, &edited, NULL));
    }
}

static void a_file_is_imported_once(void **state)
{
    struct regkit *k = *state;

    regkit_write(k, 0, ZONE("41"));
    open_it(k);
    assert_int_equal(regkit_serial(k, 0), 42);
    assert_string_equal(regkit_records(k, "web", RRTYPE_A), "60 192.0.2.1");
    assert_string_equal(regkit_records(k, "ns1", RRTYPE_A), "300 192.0.2.53");
    assert_string_equal(regkit_records(k, "@", RRTYPE_SOA),
                        "300 ns1.lab.example. root.lab.example. 42 3600 600 1209600 10");
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.2"), -BD_ECONFLICT);
    /* One change a zone. */
    assert_int_equal(regkit_seq(k), 2);
    regkit_write(k, 0, ZONE("99"));
    regkit_reopen(k);
    assert_int_equal(regkit_serial(k, 0), 42);
    assert_int_equal(regkit_seq(k), 2);
    assert_false(exists(k, "lab.example.zone.orig"));
}

static void serials(void **state)
{
    struct regkit *k = *state;
    static const struct {
        const char *text;
        uint32_t least, want;
    } rows[] = {
        {ZONE("41"), 50, 51},       {ZONE("41"), 41, 42}, {ZONE("41"), 7, 42},
        {ZONE("4294967295"), 0, 1}, /* never 0 */
        {ZONE("4294967290"), 3, 4}, /* 3 is after it */
        {ZONE("0"), 0, 1},          {NULL, 9, 10},        {NULL, 4294967295, 1},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        unlink(k->file[0]);
        if (rows[i].text)
            regkit_write(k, 0, rows[i].text);
        k->zones[0].least_serial = rows[i].least;
        open_it(k);
        assert_int_equal(regkit_serial(k, 0), rows[i].want);
        remove_state(k);
    }
}

static void a_restored_state_goes_past_what_was_served(void **state)
{
    struct regkit *k = *state;
    static const struct {
        uint32_t seen, want;
        unsigned live_seq, other; /* other: another history's */
    } rows[] = {
        {0, 42, 0, 0},                                  /* the import */
        {42, 42, 0, 0},                                 /* the live copy is up to date */
        {7, 42, 0, 0},                                  /* it is older */
        {60, 61, 0, 0},                                 /* state.db is older */
        {60, 61, 0, 0},                                 /* once only */
        {62, 63, 0, 0}, {63, 63, 2, 0}, {63, 64, 2, 1}, /* level with it by chance */
        {64, 65, 3, 0},                                 /* a change that there is not */
    };
    struct hash128 ours = {0};

    regkit_write(k, 0, ZONE("41"));
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        k->zones[0].least_serial = rows[i].seen;
        k->zones[0].live_seq = rows[i].live_seq;
        k->zones[0].live_hash = ours;
        k->zones[0].live_hash.b[0] ^= (uint8_t)rows[i].other;
        open_it(k);
        ours = regkit_mark(k, 0);
        assert_int_equal(regkit_serial(k, 0), rows[i].want);
        assert_int_equal(regkit_seq(k), 2); /* no change */
        regkit_close(k);
    }
    /* Changes of other zones came after the copy of this one. */
    k->zones[0].least_serial = 65;
    k->zones[0].live_seq = 2, k->zones[0].live_hash = ours;
    open_it(k);
    assert_int_equal(
        ASK(k, OP_REGISTER, "1.2.0.192.in-addr.arpa.", .type = RRTYPE_PTR, .values = "a."), 0);
    for (unsigned other = 0; other < 2; other++) {
        regkit_close(k);
        k->zones[0].live_hash.b[0] ^= (uint8_t)other;
        open_it(k);
        assert_int_equal(regkit_serial(k, 0), 65 + other);
    }
}

static void faults_refuse_the_start(void **state)
{
    struct regkit *k = *state;

    regkit_write(k, 0, ZONE("1") "bad IN AAA 192.0.2.1\n");
    regkit_write(k, 1, "@ IN A 1.2.3\n");
    assert_int_equal(regkit_open(k), -BD_ESYNTAX);
    char want[200];
    snprintf(want, sizeof(want), "%s:7:8: ", k->file[0]);
    if (strncmp(k->problem.detail, want, strlen(want)) != 0)
        fail_msg("%s", k->problem.detail);
    /* Nothing was kept of the try. */
    regkit_write(k, 0, ZONE("1"));
    unlink(k->file[1]);
    open_it(k);
    assert_int_equal(regkit_seq(k), 2);
    assert_int_equal(regkit_serial(k, 0), 2);
}

static void a_zone_needs_soa_and_ns(void **state)
{
    struct regkit *k = *state;

    regkit_write(k, 0, "web.lab.example. 60 IN A 192.0.2.1\n");
    assert_int_equal(regkit_open(k), -BD_ESYNTAX);
    assert_non_null(strstr(k->problem.detail, "SOA"));
}

static void a_directory_is_no_file(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(mkdir(k->file[0], 0755), 0);
    assert_int_equal(regkit_open(k), -EISDIR);
    assert_non_null(strstr(k->problem.detail, k->file[0]));
}

static void comments_are_kept_beside(void **state)
{
    struct regkit *k = *state;
    static const char with[] = "; hello\n" ZONE("1");
    static const char other[] = ZONE("1") "txt IN TXT \"a;b\" ; there\n";

    regkit_write(k, 0, with);
    open_it(k);
    assert_true(holds(k, "lab.example.zone.orig", with));
    /* The same again: no second copy. */
    remove_state(k);
    open_it(k);
    assert_false(exists(k, "lab.example.zone.orig.1"));
    /* Another one never replaces it. */
    remove_state(k);
    regkit_write(k, 0, other);
    open_it(k);
    assert_true(holds(k, "lab.example.zone.orig", with));
    assert_true(holds(k, "lab.example.zone.orig.1", other));
}

static void semicolons_in_quotes_are_no_comments(void **state)
{
    struct regkit *k = *state;

    regkit_write(k, 0, ZONE("1") "txt IN TXT \"a;b\\\";\" c\\;d\n");
    open_it(k);
    assert_false(exists(k, "lab.example.zone.orig"));
}

/* ---- a file of ours: records without a claim ---- */

static void write_ours(struct regkit *k)
{
    struct buf b = {0};

    zp_write_marker(7, &(struct hash128){{1}}, &b);
    buf_addf(&b, "%s%c", ZONE("8") "web 60 IN A 192.0.2.2\n", 0);
    regkit_write(k, 0, b.p);
    buf_free(&b);
}

static void the_first_registration_takes_over(void **state)
{
    struct regkit *k = *state;

    write_ours(k);
    open_it(k);
    assert_false(exists(k, "lab.example.zone.orig"));
    assert_string_equal(regkit_registrations(k, "web", RRTYPE_A), "=192.0.2.1,192.0.2.2");
    assert_string_equal(regkit_registrations(k, "@", RRTYPE_NS), "");
    regkit_reopen(k);
    assert_string_equal(regkit_registrations(k, "web", RRTYPE_A), "=192.0.2.1,192.0.2.2");
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.7"), 0);
    assert_true(k->receipt.created);
    assert_string_equal(regkit_records(k, "web", RRTYPE_A), "60 192.0.2.7");
    assert_string_equal(regkit_registrations(k, "web", RRTYPE_A), "web=192.0.2.7");
    regkit_reopen(k);
    assert_string_equal(regkit_registrations(k, "web", RRTYPE_A), "web=192.0.2.7");
}

static void unclaimed_records_can_be_deleted(void **state)
{
    struct regkit *k = *state;

    write_ours(k);
    open_it(k);
    assert_int_equal(ASK(k, OP_DELETE, "web", .values = "192.0.2.1"), 0);
    assert_string_equal(regkit_registrations(k, "web", RRTYPE_A), "=192.0.2.2");
    assert_int_equal(ASK(k, OP_PUT, "web", .values = "192.0.2.2"), 0);
    assert_string_equal(regkit_registrations(k, "web", RRTYPE_A), "");
    assert_int_equal(ASK(k, OP_DELETE, "web"), 0);
}

/* ---- name servers from the configuration ---- */

static void add_address(struct registry_ns *ns, uint16_t type, uint8_t n, const char *octets)
{
    ns->address[ns->naddresses].type = type;
    ns->address[ns->naddresses].n = n;
    memcpy(ns->address[ns->naddresses++].b, octets, n);
}

static void name_servers_are_made(void **state)
{
    struct regkit *k = *state;
    struct registry_ns ns[3] = {0};

    add_address(&ns[0], RRTYPE_A, 4, "\xc0\x00\x02\x35");
    add_address(&ns[0], RRTYPE_AAAA, 16, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0");
    add_address(&ns[1], RRTYPE_A, 4, "\xc0\x00\x02\x36");
    add_address(&ns[2], RRTYPE_A, 4, "\xc0\x00\x02\x37");
    dname_from_text(STR("a.lab.example."), NULL, &ns[0].name, NULL);
    dname_from_text(STR("A.lab.example."), NULL, &ns[1].name, NULL);
    dname_from_text(STR("b.other."), NULL, &ns[2].name, NULL);
    k->zones[0].ns = ns;
    k->zones[0].nns = 3;
    k->zones[0].ttl = 5;
    open_it(k);
    assert_string_equal(regkit_records(k, "@", RRTYPE_NS), "5 a.lab.example.|b.other.");
    assert_string_equal(regkit_records(k, "a", RRTYPE_A), "5 192.0.2.53|192.0.2.54");
    assert_string_equal(regkit_records(k, "a", RRTYPE_AAAA), "5 2001:db8::");
}

static void zones_that_are_not_configured_stay(void **state)
{
    struct regkit *k = *state;

    open_it(k);
    assert_int_equal(ASK(k, OP_REGISTER, "1.2.0.192.in-addr.arpa.", RRTYPE_PTR, "web.lab.example."),
                     0);
    regkit_close(k);
    k->options.nzones = 1;
    open_it(k);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1"), 0);
    uint64_t seq = regkit_seq(k);
    regkit_close(k);
    /* Back again, and in another place. */
    struct registry_zone first = k->zones[0];
    k->zones[0] = k->zones[1];
    k->zones[1] = first;
    k->options.nzones = 2;
    open_it(k);
    assert_int_equal(regkit_seq(k), seq);
    assert_string_equal(regkit_records(k, "1.2.0.192.in-addr.arpa.", RRTYPE_PTR),
                        "30 web.lab.example.");
    assert_string_equal(regkit_records(k, "web", RRTYPE_A), "30 192.0.2.1");
}

/* ---- the directory ---- */

static unsigned mode_of(const struct regkit *k, const char *name)
{
    struct stat st;

    assert_int_equal(stat(path_in(k, name), &st), 0);
    return st.st_mode & 0777;
}

static void modes(void **state)
{
    struct regkit *k = *state;

    mode_t before = umask(0);
    open_it(k);
    umask(before);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1"), 0);
    assert_int_equal(mode_of(k, "data"), 0750);
    assert_int_equal(mode_of(k, "data/state.lock"), 0640);
    assert_int_equal(mode_of(k, "data/state.db"), 0640);
    assert_int_equal(mode_of(k, "data/state.db-wal"), 0640);
    assert_int_equal(mode_of(k, "data/state.db-shm"), 0640);
}

static void one_registry_a_directory(void **state)
{
    struct regkit *k = *state;
    struct registry *second;
    struct problem problem;
    char pid[32];

    open_it(k);
    assert_int_equal(registry_open(&k->options, &second, &problem), -BD_EINUSE);
    snprintf(pid, sizeof(pid), "process %ld)", (long)getpid());
    assert_non_null(strstr(problem.detail, k->options.data));
    assert_non_null(strstr(problem.detail, pid));
    regkit_reopen(k);
}

static void a_directory_that_cannot_be_made(void **state)
{
    struct regkit *k = *state;

    regkit_write(k, 0, "");
    k->options.data = k->file[0]; /* a file */
    assert_int_equal(regkit_open(k), -EACCES);
    assert_non_null(strstr(k->problem.detail, k->file[0]));
    assert_non_null(strstr(k->problem.detail, strerror(ENOTDIR)));
    k->options.data = "/proc/no/such/folder";
    assert_int_equal(regkit_open(k), -EACCES);
}

static void damage_is_said(void **state)
{
    struct regkit *k = *state;
    static const char *const damages[] = {
        "UPDATE rrset SET rdata = x'0003c00002' WHERE type = 1",
        "UPDATE rrset SET rdata = x'00' WHERE type = 1",
        "UPDATE rrset SET rdata = x'' WHERE type = 1",
        "UPDATE rrset SET withdrawn = x'00' WHERE type = 1",
        "UPDATE rrset SET withdrawn = x'0004c0000209' WHERE type = 1",
        "UPDATE rrset SET owner = x'ff' WHERE type = 2 AND zone = 1",
        "UPDATE rrset SET ttl = -1",
        "UPDATE registration SET rdata = x'00'",
        "UPDATE registration SET type = 28",
        "UPDATE zone SET serial = 77",
        "UPDATE change SET chain = x'00'",
        "DELETE FROM rrset WHERE type = 6",
    };

    for (size_t i = 0; i < ARRAY_SIZE(damages); i++) {
        open_it(k);
        assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1"), 0);
        regkit_close(k);
        sql(k, damages[i]);
        if (regkit_open(k) != -BD_ECORRUPT)
            fail_msg("not seen: %s", damages[i]);
        assert_true(k->problem.hint[0]);
        remove_state(k);
    }
}

static void what_is_no_database_is_said(void **state)
{
    struct regkit *k = *state;
    char page[4096];

    open_it(k);
    remove_state(k);
    memset(page, 'x', sizeof(page));
    assert_int_equal(file_write_atomic(path_in(k, "data/state.db"),
                                       (struct str){page, sizeof(page)}, 0640, false),
                     0);
    assert_int_equal(regkit_open(k), -BD_ECORRUPT);
    assert_true(k->problem.detail[0] && k->problem.hint[0]);
}

#define T(f) cmocka_unit_test_setup_teardown(f, regkit_make, regkit_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_imported_file_is_known_as_ours),
        T(a_file_is_imported_once),
        T(serials),
        T(a_restored_state_goes_past_what_was_served),
        T(faults_refuse_the_start),
        T(a_zone_needs_soa_and_ns),
        T(a_directory_is_no_file),
        T(comments_are_kept_beside),
        T(semicolons_in_quotes_are_no_comments),
        T(the_first_registration_takes_over),
        T(unclaimed_records_can_be_deleted),
        T(name_servers_are_made),
        T(zones_that_are_not_configured_stay),
        T(modes),
        T(one_registry_a_directory),
        T(a_directory_that_cannot_be_made),
        T(damage_is_said),
        T(what_is_no_database_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
