/* The orders of names. */
#include "edit_order.h"

#define LABELS_MAX 128

struct label {
    const uint8_t *p;
    size_t n;
};

static size_t digits_at(struct label l, size_t at)
{
    size_t n = 0;

    while (at + n < l.n && ascii_digit(l.p[at + n]))
        n++;
    return n;
}

/* The numbers that begin at *i and *k; both move behind them. */
static int compare_numbers(struct label a, size_t *i, struct label b, size_t *k)
{
    size_t na, nb;
    int c;

    while (*i + 1 < a.n && a.p[*i] == '0' && ascii_digit(a.p[*i + 1]))
        ++*i;
    while (*k + 1 < b.n && b.p[*k] == '0' && ascii_digit(b.p[*k + 1]))
        ++*k;
    na = digits_at(a, *i);
    nb = digits_at(b, *k);
    if (na != nb)
        return na < nb ? -1 : 1;
    c = memcmp(a.p + *i, b.p + *k, na);
    *i += na;
    *k += nb;
    return c;
}

/* Letters folded, numbers as numbers. */
static int compare_labels(struct label a, struct label b)
{
    size_t i = 0, k = 0;

    while (i < a.n && k < b.n) {
        if (ascii_digit(a.p[i]) && ascii_digit(b.p[k])) {
            int c = compare_numbers(a, &i, b, &k);
            if (c)
                return c;
            continue;
        }
        if (ascii_lower(a.p[i]) != ascii_lower(b.p[k]))
            return ascii_lower(a.p[i]) < ascii_lower(b.p[k]) ? -1 : 1;
        i++;
        k++;
    }
    return (a.n - i > b.n - k) - (a.n - i < b.n - k);
}

static size_t split(const struct dname *name, struct label labels[LABELS_MAX])
{
    size_t n = 0;

    for (size_t at = 0; at < name->n && name->b[at]; at += name->b[at] + 1U)
        labels[n++] = (struct label){name->b + at + 1, name->b[at]};
    return n;
}

static int compare_names(const struct dname *a, const struct dname *b, bool right)
{
    struct label la[LABELS_MAX], lb[LABELS_MAX];
    const size_t na = split(a, la), nb = split(b, lb);

    for (size_t i = 0; i < na && i < nb; i++) {
        int c =
            right ? compare_labels(la[na - 1 - i], lb[nb - 1 - i]) : compare_labels(la[i], lb[i]);
        if (c)
            return c;
    }
    return (na > nb) - (na < nb);
}

int zp_edit_order(enum edit_order order, const struct dname *a, const struct dname *b)
{
    return order == EDIT_ORDER_CANONICAL ? dname_cmp(a, b)
                                         : compare_names(a, b, order == EDIT_ORDER_RIGHT);
}

static int compare_folded(struct label a, struct label b)
{
    for (size_t i = 0; i < a.n && i < b.n; i++) {
        if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
            return ascii_lower(a.p[i]) < ascii_lower(b.p[i]) ? -1 : 1;
    }
    return (a.n > b.n) - (a.n < b.n);
}

/* Has the name one label more than the origin it is below? */
static bool is_host(const struct dname *name, const struct dname *origin)
{
    return name->n == name->b[0] + 1U + origin->n;
}

void zp_edit_orders(const struct dname *a, const struct dname *b, const struct dname *origin,
                    int ret_signs[EDIT_NORDERS])
{
    if (is_host(a, origin) && is_host(b, origin)) {
        const struct label la = {a->b + 1, a->b[0]}, lb = {b->b + 1, b->b[0]};
        ret_signs[EDIT_ORDER_LEFT] = ret_signs[EDIT_ORDER_RIGHT] = compare_labels(la, lb);
        ret_signs[EDIT_ORDER_CANONICAL] = compare_folded(la, lb);
        return;
    }
    for (enum edit_order i = 0; i < EDIT_NORDERS; i++)
        ret_signs[i] = zp_edit_order(i, a, b);
}
