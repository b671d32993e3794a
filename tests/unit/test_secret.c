/* Files with secrets in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <betterdns/file.h>
#include <betterdns/secret.h>

static const struct secret token = {"token_file", "token file", "a token"};
static char path[64];

static int set_up(void **state)
{
    (void)state;
    strcpy(path, "/tmp/betterdns-secret.XXXXXX");
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path);
}

static void write_secret(const char *text, unsigned mode)
{
    assert_int_equal(file_write_atomic(path, str_c(text), mode, false), 0);
}

static void the_first_line_counts(void **state)
{
    struct problem p = {0};
    struct buf secret = {0};
    (void)state;
    write_secret("  0123456789abcdef\t\nanother line\n", 0600);
    assert_int_equal(secret_read(path, &token, &secret, &p), 0);
    assert_true(str_eq(buf_str(&secret), STR("0123456789abcdef")));
    buf_free(&secret);
    assert_int_equal(secret_read(NULL, &token, &secret, &p), 0);
    assert_int_equal(secret.n, 0);
}

static void assert_refused(const char *text, unsigned mode, int error, const char *words)
{
    struct problem p = {0};
    struct buf secret = {0};

    write_secret(text, mode);
    assert_int_equal(secret_read(path, &token, &secret, &p), error);
    assert_string_equal(p.field, "token_file");
    assert_non_null(strstr(p.detail, words));
    assert_non_null(strstr(p.hint, path));
    assert_null(strstr(p.detail, "0123456789"));
    buf_free(&secret);
}

static void what_others_can_read_is_no_secret(void **state)
{
    struct problem p = {0};
    struct buf secret = {0};
    (void)state;
    assert_refused("0123456789abcdef\n", 0640, -EACCES, "can be read by others");
    assert_refused("0123456789abcdef\n", 0604, -EACCES, "can be read by others");
    assert_refused("0123456789abcdef\n", 0620, -EACCES, "can be read by others");
    assert_refused("0123456789abcde\n", 0600, -BD_EINVALID, "at least 16 characters");
    assert_refused("", 0600, -BD_EINVALID, "at least 16 characters");
    assert_refused("\n0123456789abcdef\n", 0600, -BD_EINVALID, "at least 16 characters");
    assert_int_equal(secret_read("/no/such/file", &token, &secret, &p), -ENOENT);
    assert_string_equal(p.hint, "(umask 077; openssl rand -hex 32 >/no/such/file)");
    buf_free(&secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_first_line_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_others_can_read_is_no_secret, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
