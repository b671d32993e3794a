#include "zone_kit.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct zp_options kit_zone_options = {.default_ttl = 60};

int kit_zone_setup(void **state)
{
    (void)state;
    return dname_from_text(STR("example.org."), NULL, &kit_zone_options.origin, NULL);
}

void kit_zone_error(void *arg, const struct zp_error *error)
{
    struct kit_faults *f = arg;

    *(error->warning ? &f->warnings : &f->errors) += 1;
    buf_addf(&f->shown, "%u: %s\n", error->line, error->message);
}

int kit_zone_load(struct str text, struct kit_faults *ret_faults, struct zp_zone **ret_zone)
{
    struct zp_options with = kit_zone_options;
    int r;

    *ret_faults = (struct kit_faults){.errors = 0};
    with.on_error = kit_zone_error;
    with.error_arg = ret_faults;
    r = zp_zone_load(text, &with, ret_zone);
    buf_add_c(&ret_faults->shown, '\0');
    assert_int_equal(ret_faults->shown.error, 0);
    return r;
}
