/* The import of zone files that have $INCLUDE and $GENERATE. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include <unistd.h>

#include <betterdns/file.h>

#include "registry_kit.h"

#define ZONE                                                                                       \
    "$ORIGIN lab.example.\n$TTL 300\n@ IN SOA ns1 root 1 1h 10m 2w 10\n@ IN NS ns1\n"              \
    "ns1 IN A 192.0.2.53\n"

static const char *path_in(const struct regkit *k, const char *name)
{
    static char path[160];

    snprintf(path, sizeof(path), "%s/%s", k->dir, name);
    return path;
}

static void write_file(const struct regkit *k, const char *name, const char *text)
{
    assert_int_equal(file_write_atomic(path_in(k, name), str_c(text), 0640, false), 0);
}

static void open_it(struct regkit *k)
{
    if (regkit_open(k) < 0)
        fail_msg("%s", k->problem.detail);
}

static void included_and_generated_records_are_imported(void **state)
{
    struct regkit *k = *state;

    regkit_write(k, 0, ZONE "$INCLUDE hosts.inc east\n$GENERATE 1-3 g A 192.0.2.$\n");
    write_file(k, "hosts.inc", "$TTL 7\nweb A 192.0.2.8\n$INCLUDE more.inc\n");
    write_file(k, "more.inc", "web A 192.0.2.9\n");
    for (int again = 0; again < 3; again++) {
        open_it(k);
        assert_string_equal(regkit_records(k, "web.east", RRTYPE_A), "7 192.0.2.8|192.0.2.9");
        assert_string_equal(regkit_records(k, "g", RRTYPE_A), "300 192.0.2.1|192.0.2.2|192.0.2.3");
        regkit_close(k);
        /* At first from the files, then from state.db, then from the files again. */
        if (again == 1) {
            unlink(path_in(k, "data/state.db"));
            unlink(path_in(k, "data/state.db-wal"));
            unlink(path_in(k, "data/state.db-shm"));
        }
    }
}

static void a_fault_names_the_included_file(void **state)
{
    struct regkit *k = *state;
    char want[300];

    regkit_write(k, 0, ZONE "$INCLUDE hosts.inc\n");
    write_file(k, "hosts.inc", "\nbad AAA ::1\n");
    assert_int_equal(regkit_open(k), -BD_ESYNTAX);
    snprintf(want, sizeof(want), "%s:2:5: unknown record type 'AAA'", path_in(k, "hosts.inc"));
    assert_string_equal(k->problem.detail, want);
    unlink(path_in(k, "hosts.inc"));
    assert_int_equal(regkit_open(k), -BD_ESYNTAX);
    snprintf(want, sizeof(want), "%s:6:10: '", k->file[0]);
    assert_ptr_equal(strstr(k->problem.detail, want), k->problem.detail);
    assert_non_null(strstr(k->problem.detail, "hosts.inc' cannot be included: No such file"));
    write_file(k, "hosts.inc", "ok A 192.0.2.1\n");
    open_it(k);
    assert_string_equal(regkit_records(k, "ok", RRTYPE_A), "300 192.0.2.1");
}

static void nothing_outside_the_directory_is_read(void **state)
{
    struct regkit *k = *state;

    regkit_write(k, 0, ZONE "$INCLUDE /etc/passwd\n");
    assert_int_equal(regkit_open(k), -BD_ESYNTAX);
    assert_non_null(strstr(k->problem.detail, "it is outside the directory"));
    assert_null(strstr(k->problem.detail, "root:"));
}

/* An export writes their records one by one. */
static void a_file_with_directives_is_kept_beside(void **state)
{
    static const char *const lines[] = {"$INCLUDE hosts.inc\n", "$generate 1-2 g$ A 192.0.2.$\n"};
    struct regkit *k = *state;
    char text[400];
    struct buf kept = {.p = NULL};

    write_file(k, "hosts.inc", "");
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        snprintf(text, sizeof(text), "%s%s", ZONE, lines[i]);
        regkit_write(k, 0, text);
        open_it(k);
        regkit_close(k);
        unlink(path_in(k, "data/state.db"));
        buf_reset(&kept);
        assert_int_equal(
            file_read(path_in(k, i ? "lab.example.zone.orig.1" : "lab.example.zone.orig"), 65536,
                      &kept),
            0);
        assert_true(str_eq(buf_str(&kept), str_c(text)));
    }
    buf_free(&kept);
}

#define T(name) cmocka_unit_test_setup_teardown(name, regkit_make, regkit_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(included_and_generated_records_are_imported),
        T(a_fault_names_the_included_file),
        T(nothing_outside_the_directory_is_read),
        T(a_file_with_directives_is_kept_beside),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
