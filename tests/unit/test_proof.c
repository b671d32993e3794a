/* What an answer proves, for each kind of server and for a user's own Corefile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <betterdns/file.h>
#include <betterdns/sockaddr.h>

#include "internal.h"
#include "own.h"
#include "proof.h"

static void each_kind_has_a_proof(void **unused)
{
    static const struct {
        const struct server_kind *kind;
        enum proof named, unnamed;
    } cases[] = {
        {&server_coredns, PROOF_REVISION, PROOF_NONE},
        {&server_bind, PROOF_REVISION, PROOF_NONE},
        {&server_knot, PROOF_REVISION, PROOF_NONE},
        /* Whether it names itself or not: its identifier is that of its start. */
        {&server_nsd, PROOF_PROCESSES, PROOF_PROCESSES},
        {&server_exec, PROOF_NONE, PROOF_NONE},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(proof_of_reload(cases[i].kind, true), cases[i].named);
        assert_int_equal(proof_of_reload(cases[i].kind, false), cases[i].unnamed);
    }
}

static void a_kind_says_who_answers_and_where(void **unused)
{
    struct controller c = {.kind = &server_coredns};

    (void)unused;
    assert_true(proof_is_named(&c));
    assert_false(proof_is_public(&c));
    c.kind = &server_bind;
    assert_true(proof_is_named(&c));
    assert_true(proof_is_public(&c));
    c.kind = &server_exec;
    assert_false(proof_is_named(&c));
    assert_true(proof_is_public(&c));
}

/* The user's own Corefile with these lines in its only block. */
static void own_file(const char *bind, const char *nsid, bool named, bool public)
{
    char dir[] = "/tmp/test_proof.XXXXXX", path[64], text[256];
    struct ctl_zone zone = {.name = "lab.example.", .live = dir};
    struct controller c = {.kind = &server_coredns, .zones = &zone, .nzones = 1};
    struct problem problem;

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/Corefile", dir);
    int n = snprintf(text, sizeof(text), "lab.example {\n bind ::1 %s\n %s\n file %s\n}\n", bind,
                     nsid, dir);
    assert_int_equal(file_write_atomic(path, (struct str){text, (size_t)n}, 0600, false), 0);
    c.listen.ss_family = AF_INET;
    sockaddr_set_port(&c.listen, 53);
    pthread_mutex_init(&c.lock, NULL);
    assert_int_equal(own_new(&c, path, &c.own, &problem), 0);
    assert_int_equal(proof_is_named(&c), named);
    assert_int_equal(proof_is_public(&c), public);
    own_free(c.own);
    unlink(path);
    rmdir(dir);
}

static void a_corefile_may_have_less(void **unused)
{
    (void)unused;
    own_file("{$BETTERDNS_PROBE}", "nsid {$BETTERDNS_NSID}", true, false);
    own_file("", "nsid {$BETTERDNS_NSID}", true, true);
    own_file("{$BETTERDNS_PROBE}", "", false, false);
    own_file("", "nsid mine", false, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_has_a_proof),
        cmocka_unit_test(a_kind_says_who_answers_and_where),
        cmocka_unit_test(a_corefile_may_have_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
