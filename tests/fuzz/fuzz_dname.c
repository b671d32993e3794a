/* Any octets as a name's text, wire form and key: what one form accepts, the other forms give back.
 */
#include <stdlib.h>

#include <betterdns/dname.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok)
        abort();
}

static void same_name(const struct dname *a, const struct dname *b)
{
    require(a->n == b->n && memcmp(a->b, b->b, a->n) == 0);
}

/* Through text and key and back. */
static void round_trips(const struct dname *name)
{
    char text[DNAME_TEXT_MAX];
    uint8_t key[DNAME_KEY_MAX];
    struct dname back, folded = *name;

    size_t n = dname_to_text(name, text);
    require(dname_from_text((struct str){text, n}, NULL, &back, NULL) == 0);
    same_name(name, &back);
    dname_fold(&folded);
    require(dname_from_key(key, dname_key(name, key), &back) == 0);
    same_name(&folded, &back);
    require(dname_eq(name, &folded) && dname_cmp(name, &folded) == 0);
    require(dname_below(name, &folded) && dname_labels(name) == dname_labels(&folded));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    struct dname name, origin = {.n = 1};
    struct dname_rules rules = {.origin = &origin};
    uint8_t key[DNAME_KEY_MAX];
    size_t at = 0;

    origin.b[0] = 0;
    int r = dname_from_text(text, &rules, &name, &at);
    if (r == 0)
        round_trips(&name);
    else
        require(at <= size && dname_fault(r, text, at) != NULL);
    if (dname_from_wire(data, size, &name) > 0)
        round_trips(&name);
    if (dname_from_key(data, size, &name) == 0) {
        round_trips(&name);
        require(dname_key(&name, key) == size && memcmp(key, data, size) == 0);
    }
    return 0;
}
