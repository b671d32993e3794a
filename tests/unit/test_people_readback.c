/* Each export is read back: where the edited file is not the zone it is mended, else written anew,
 * and what people wrote is kept (design.md, "The people's file", rule 9). The editor is one that
 * errs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include <betterdns/zonefile.h>

#include "people_kit.h"

static unsigned errs, edits; /* of the next edits so many leave the sets as they are */

int __real_zp_edit(struct str text, const struct zp_options *options, const struct zp_edits *e,
                   zp_text_fn *fn, void *arg, size_t *ret_where);
int __wrap_zp_edit(struct str text, const struct zp_options *options, const struct zp_edits *e,
                   zp_text_fn *fn, void *arg, size_t *ret_where);
int __wrap_zp_edit(struct str text, const struct zp_options *options, const struct zp_edits *e,
                   zp_text_fn *fn, void *arg, size_t *ret_where)
{
    struct zp_edits wrong = *e;

    if (__atomic_fetch_add(&edits, 1, __ATOMIC_SEQ_CST) < __atomic_load_n(&errs, __ATOMIC_SEQ_CST))
        wrong.nsets = 0;
    return __real_zp_edit(text, options, &wrong, fn, arg, ret_where);
}

static struct controller_kit *start(void **state)
{
    struct controller_kit *f = *state;

    __atomic_store_n(&errs, 0, __ATOMIC_SEQ_CST);
    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_put_address(f, 1);
    people_kit_rest(f);
    people_kit_append(f->file, "; of mine\nby-hand 30 IN A 192.0.2.99\n");
    people_kit_wait_zone(f, "by-hand", 99);
    people_kit_rest(f);
    return f;
}

static void let_err(unsigned n)
{
    __atomic_store_n(&edits, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&errs, n, __ATOMIC_SEQ_CST);
}

static void one_wrong_edit_is_mended(void **state)
{
    struct controller_kit *f = start(state);
    char orig[160];

    let_err(1);
    controller_kit_put_address(f, 2);
    people_kit_rest(f);
    assert_true(__atomic_load_n(&edits, __ATOMIC_SEQ_CST) >= 2);
    assert_true(people_kit_has(f->file, "host-2") && people_kit_has(f->file, "; of mine\n"));
    snprintf(orig, sizeof(orig), "%s.orig", f->file);
    assert_false(people_kit_is_there(orig));
}

static void two_are_not(void **state)
{
    struct controller_kit *f = start(state);
    char orig[160];

    let_err(2);
    controller_kit_put_address(f, 2);
    people_kit_rest(f);
    assert_true(people_kit_has(f->file, "host-2") && people_kit_has(f->file, "by-hand"));
    assert_false(people_kit_has(f->file, "; of mine\n"));
    snprintf(orig, sizeof(orig), "%s.orig", f->file);
    assert_true(people_kit_has(orig, "; of mine\nby-hand 30 IN A 192.0.2.99\n"));
    controller_kit_put_address(f, 3);
    people_kit_rest(f);
    assert_true(people_kit_has(f->file, "host-3"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, controller_kit_set_up, controller_kit_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(one_wrong_edit_is_mended),
        TEST(two_are_not),
    };
#undef TEST
    if (!controller_kit_find_coredns()) {
        fprintf(stderr, "no coredns: set COREDNS, or run `make coredns`\n");
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
