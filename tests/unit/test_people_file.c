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
#include <unistd.h>

#include <betterdns/error.h>
#include <betterdns/file.h>

#include "people_file.h"

static char dir[64], path[128], link_path[128];

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

static struct buf text(const char *t)
{
    struct buf b = {0};

    buf_add(&b, t, strlen(t));
    return b;
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

static int replace(const char *file, const char *old, const char *new)
{
    struct buf o = text(old ? old : ""), n = text(new);
    struct people_stat written = {0}, there;
    char error[256] = "";

    int r = people_replace(file, old ? &o : NULL, &n, &written, error);
    assert_true((r == 0) == (error[0] == '\0'));
    if (r == 0) {
        assert_int_equal(people_stat(file, &there), 0);
        assert_true(people_stat_eq(&written, &there));
    }
    buf_free(&o);
    buf_free(&n);
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
        cmocka_unit_test(a_link_stays_one),
        cmocka_unit_test(what_moves),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
