/* Live copies: what the DNS server gets to read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <betterdns/file.h>

#include "internal.h"
#include "registry_kit.h"

static bool hidden; /* most of /proc is, as by ProcSubset=pid */

/* In the place of libc's. */
int open(const char *path, int flags, ...)
{
    va_list args;

    if (hidden && strncmp(path, "/proc/sys/", 10) == 0) {
        errno = ENOENT;
        return -1;
    }
    va_start(args, flags);
    unsigned mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, unsigned) : 0;
    va_end(args);
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

/* The copy as it is written now; its lines of the name, without blanks at the end. */
static const char *lines_of(struct regkit *k, const char *name)
{
    static char found[1024];
    struct snap *s = registry_snapshot(k->r);
    struct buf text = {0};
    struct str rest, line;
    char path[128];
    size_t n = 0;

    snprintf(path, sizeof(path), "%s/copy", k->dir);
    assert_int_equal(live_write(path, s, 0, 5), 0);
    snap_put(s);
    assert_int_equal(file_read(path, 1 << 20, &text), 0);
    rest = buf_str(&text);
    found[0] = '\0';
    while (str_cut(&rest, '\n', &line))
        if (str_starts(line, str_c(name)))
            n += (size_t)snprintf(found + n, sizeof(found) - n, "%.*s\n", STR_ARG(line));
    buf_free(&text);
    return found;
}

static uint64_t add(struct regkit *k, const char *id, const char *values)
{
    assert_int_equal(ASK(k, OP_REGISTER, "web", .id = id, .values = values), 0);
    return k->receipt.number;
}

#define ASSERT_WEB(k, expected) assert_string_equal(lines_of(k, "web."), expected)

static void what_is_withdrawn_is_not_in_it(void **state)
{
    struct regkit *k = *state;
    uint64_t a = add(k, "a", "192.0.2.1"), b = add(k, "b", "192.0.2.2");

    assert_int_equal(ASK(k, OP_REGISTER, "web", RRTYPE_TXT, "text"), 0);
    ASSERT_WEB(k, "web.lab.example. 30 IN A 192.0.2.1\n"
                  "web.lab.example. 30 IN A 192.0.2.2\n"
                  "web.lab.example. 30 IN TXT \"text\"\n");
    assert_int_equal(ASK(k, OP_WITHDRAW, "web", .values = "192.0.2.1", .numbers = {a}), 0);
    ASSERT_WEB(k, "web.lab.example. 30 IN A 192.0.2.2\n"
                  "web.lab.example. 30 IN TXT \"text\"\n");
    assert_int_equal(ASK(k, OP_WITHDRAW, "web", .values = "192.0.2.2", .numbers = {b}), 0);
    ASSERT_WEB(k, "web.lab.example. 30 IN TXT \"text\"\n");
    assert_int_equal(ASK(k, OP_SERVE, "web", .values = "192.0.2.1"), 0);
    ASSERT_WEB(k, "web.lab.example. 30 IN A 192.0.2.1\n"
                  "web.lab.example. 30 IN TXT \"text\"\n");
}

static void maintenance_shows_in_the_ttl(void **state)
{
    struct regkit *k = *state;
    uint64_t a = add(k, "a", "192.0.2.1");

    add(k, "b", "192.0.2.2");
    assert_int_equal(ASK(k, OP_DRAIN, "web", .number = a, .drain = true), 0);
    ASSERT_WEB(k, "web.lab.example. 5 IN A 192.0.2.1\n"
                  "web.lab.example. 5 IN A 192.0.2.2\n");
    assert_int_equal(ASK(k, OP_DRAIN, "web", .number = a), 0);
    ASSERT_WEB(k, "web.lab.example. 30 IN A 192.0.2.1\n"
                  "web.lab.example. 30 IN A 192.0.2.2\n");
}

/* There is a copy; that it is whole is not known. */
static void where_proc_is_hidden(void **state)
{
    struct regkit *k = *state;
    struct snap *s = registry_snapshot(k->r);
    const struct snap_zone *z = snap_zone(s, 0);
    char path[128];

    add(k, "a", "192.0.2.1");
    snprintf(path, sizeof(path), "%s/copy", k->dir);
    hidden = true;
    int r = live_write(path, s, 0, 5);
    bool whole = live_is_whole(path, &z->origin, z->serial);
    hidden = false;
    assert_int_equal(r, 0);
    assert_false(whole);
    assert_false(live_is_whole(path, &z->origin, z->serial));
    assert_int_equal(live_write(path, s, 0, 5), 0);
    assert_true(live_is_whole(path, &z->origin, z->serial));
    snap_put(s);
}

#define T(f) cmocka_unit_test_setup_teardown(f, regkit_make_open, regkit_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_withdrawn_is_not_in_it),
        T(maintenance_shows_in_the_ttl),
        T(where_proc_is_hidden),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
