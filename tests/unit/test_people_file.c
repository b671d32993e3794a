/* Replacing a file that people own: rights, conflicts, links. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <betterdns/error.h>
#include <betterdns/file.h>

#include "people_file.h"

static char dir[64], path[128], link_path[128];

/* What happens before the exchange that gives a displaced save back. */
static void (*before_give_back)(void);
static unsigned exchanges;
static bool no_renames;

/* In the place of libc's. */
int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    if (flags == RENAME_EXCHANGE && ++exchanges == 2 && before_give_back)
        before_give_back();
    if (no_renames) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

static int make_dir(void **unused)
{
    (void)unused;
    snprintf(dir, sizeof(dir), "/tmp/test_people.XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof(path), "%s/zone", dir);
    snprintf(link_path, sizeof(link_path), "%s/link", dir);
    return 0;
}

/* Removes the two names; a temporary file that was left makes it fail. */
static int remove_dir(void **unused)
{
    (void)unused;
    unlink(path);
    unlink(link_path);
    return rmdir(dir);
}

static void put(const char *t)
{
    assert_int_equal(file_write_atomic(path, str_c(t), 0644, false), 0);
}

static void shows(const char *file, const char *t)
{
    struct buf b = {0};

    assert_int_equal(file_read(file, 1000, &b), 0);
    assert_true(str_eq(buf_str(&b), str_c(t)));
    buf_free(&b);
}

/* Printed in two pieces, the second without a flush of its own. */
static int print(const char *file, bool there, const char *new, struct people_new *n,
                 char error[256])
{
    struct people_content content, again;
    size_t half = strlen(new) / 2;

    int r = people_open(n, file, there, error);
    if (r < 0)
        return r;
    buf_add(&n->out, new, half);
    assert_int_equal(people_flush(n), 0);
    buf_add(&n->out, new + half, strlen(new) - half);
    assert_int_equal(people_finish(n, &content), 0);
    again.whole = hash128(new, strlen(new));
    assert_true(hash128_eq(&content.whole, &again.whole));
    return 0;
}

static int replace(const char *file, const char *old, const char *new)
{
    struct people_stat written = {0}, there;
    struct hash128 hash = hash128(old ? old : "", old ? strlen(old) : 0);
    struct people_new n;
    char error[256] = "";

    int r = print(file, old != NULL, new, &n, error);
    if (r == 0)
        r = people_commit(&n, file, old ? &hash : NULL, &written, error);
    assert_true((r == 0) == (error[0] == '\0'));
    if (r == 0) {
        assert_int_equal(people_stat(file, &there), 0);
        assert_true(people_stat_eq(&written, &there));
    }
    return r;
}

static void a_new_file(void **unused)
{
    struct stat st;

    (void)unused;
    assert_int_equal(replace(path, NULL, "one\n"), 0);
    shows(path, "one\n");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    /* Somebody made it while we did not look. */
    assert_int_equal(replace(path, NULL, "two\n"), -BD_ECONFLICT);
    shows(path, "one\n");
}

static void mode_stays(void **unused)
{
    struct stat st;

    (void)unused;
    put("old\n");
    assert_int_equal(chmod(path, 0660), 0);
    assert_int_equal(replace(path, "old\n", "new\n"), 0);
    shows(path, "new\n");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0660);
}

static void a_save_in_between_stays(void **unused)
{
    (void)unused;
    put("edited\n");
    assert_int_equal(replace(path, "old\n", "new\n"), -BD_ECONFLICT);
    shows(path, "edited\n");
    put("old\nappended\n");
    assert_int_equal(replace(path, "old\n", "new\n"), -BD_ECONFLICT);
    shows(path, "old\nappended\n");
    unlink(path);
    assert_int_equal(replace(path, "old\n", "new\n"), -BD_ECONFLICT);
    assert_int_equal(access(path, F_OK), -1);
}

static void move_away(void)
{
    assert_int_equal(rename(path, link_path), 0);
}

static void fail_renames(void)
{
    no_renames = true;
}

/* A second editor moves the file away (vim keeps a copy so) in the moment in which the save of the
 * first is under our temporary name. */
static void a_displaced_save_is_never_lost(void **unused)
{
    char kept[160];

    (void)unused;
    put("edited\n");
    exchanges = 0;
    before_give_back = move_away;
    assert_int_equal(replace(path, "old\n", "new\n"), -BD_ECONFLICT);
    shows(path, "edited\n");
    shows(link_path, "new\n");
    assert_int_equal(unlink(link_path), 0);
    exchanges = 0;
    before_give_back = fail_renames;
    assert_int_equal(replace(path, "old\n", "new\n"), -EIO);
    no_renames = false;
    before_give_back = NULL;
    shows(path, "new\n");
    snprintf(kept, sizeof(kept), "%s/.zone.tmp.%ld.saved.1", dir, (long)getpid());
    shows(kept, "edited\n");
    assert_int_equal(unlink(kept), 0);
}

static void a_link_stays_one(void **unused)
{
    struct stat st;

    (void)unused;
    put("old\n");
    assert_int_equal(symlink("zone", link_path), 0);
    assert_int_equal(replace(link_path, "old\n", "new\n"), 0);
    shows(path, "new\n");
    assert_int_equal(lstat(link_path, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
}

static struct people_content read_content(const char *t)
{
    struct people_content c;

    put(t);
    assert_int_equal(people_read(path, &c), 0);
    return c;
}

/* The body is all but the first line, however large the file. */
static void contents_are_told_apart(void **unused)
{
    struct people_content c, d;
    struct buf big = {0};

    (void)unused;
    c = read_content("; one\nbody\n");
    assert_string_equal(c.first, "; one");
    d = read_content("; two, and more\nbody\n");
    assert_true(hash128_eq(&c.body, &d.body));
    assert_false(hash128_eq(&c.whole, &d.whole));
    d = read_content("; one\nbody\n\n");
    assert_false(hash128_eq(&c.body, &d.body));
    c = read_content("no line");
    d = read_content("");
    assert_true(hash128_eq(&c.body, &d.body)); /* of nothing */
    assert_false(hash128_eq(&c.whole, &d.whole));
    for (unsigned i = 0; i < 50000; i++)
        buf_addf(&big, "%u ", i);
    buf_addf(&big, "\nbody%c", '\0');
    c = read_content(big.p); /* its first line is longer than a piece */
    d = read_content("x\nbody");
    assert_true(hash128_eq(&c.body, &d.body));
    assert_memory_equal(c.first, big.p, PEOPLE_LINE_MAX - 1);
    assert_int_equal(c.first[PEOPLE_LINE_MAX - 1], '\0');
    buf_free(&big);
    assert_int_equal(people_read("/nonexistent/zone", &c), -ENOENT);
}

/* Nothing is left of it. */
static void an_aborted_file_is_none(void **unused)
{
    struct people_new n;
    char error[256] = "";

    (void)unused;
    put("old\n");
    assert_int_equal(print(path, true, "new\n", &n, error), 0);
    people_abort(&n);
    shows(path, "old\n");
}

static void what_moves(void **unused)
{
    struct people_stat a, b;

    (void)unused;
    put("one\n");
    assert_int_equal(people_stat(path, &a), 0);
    assert_int_equal(people_stat(path, &b), 0);
    assert_true(people_stat_eq(&a, &b));
    put("two\n"); /* another file, of equal size */
    assert_int_equal(people_stat(path, &b), 0);
    assert_false(people_stat_eq(&a, &b));
    assert_int_equal(people_stat("/nonexistent/zone", &a), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_file),
        cmocka_unit_test(mode_stays),
        cmocka_unit_test(a_save_in_between_stays),
        cmocka_unit_test(a_displaced_save_is_never_lost),
        cmocka_unit_test(a_link_stays_one),
        cmocka_unit_test(contents_are_told_apart),
        cmocka_unit_test(an_aborted_file_is_none),
        cmocka_unit_test(what_moves),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
