/* What is wrong with a change whatever the state: checked before it is queued, on the thread of the
 * one who submits it. */
#include <stdio.h>

#include "change.h"

#define ID_MAX 255
#define LEASE_MIN_S 10

/* Names as a message shows them. */
struct words {
    char owner[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX];
};

static void words_of(const struct change_op *op, const struct dname *owner, struct words *w)
{
    dname_to_text(owner, w->owner);
    rrtype_to_text(op->type, w->type);
}

static int no_zone(const struct snap *zones, const char *owner, struct problem *p)
{
    char list[200], origin[DNAME_TEXT_MAX];
    size_t n = 0;

    for (unsigned i = 0; i < snap_nzones(zones); i++) {
        size_t length = dname_to_text(&snap_zone(zones, i)->origin, origin);
        if (n + length + sizeof(", …") > sizeof(list)) {
            n += (size_t)snprintf(list + n, sizeof(list) - n, ", …");
            break;
        }
        n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", n ? ", " : "", origin);
    }
    list[n] = '\0';
    problem_set(p, -BD_ENOZONE, "name", "'%.100s' lies in none of the zones (%s)", owner, list);
    return problem_hint(p, "without a final dot a name is relative to the first zone");
}

static int check_type(const struct change_op *op, const struct words *w, struct problem *p)
{
    const struct rrtype *row = rrtype_by_code(op->type);

    if (op->type == 0 || (row && row->flags & RRTYPE_META) || (op->type >= 128 && op->type <= 255))
        return problem_set(p, -BD_EINVALID, "type", "records of type %s cannot be stored", w->type);
    if (op->type == RRTYPE_SOA)
        return problem_set(
            p, -BD_EINVALID, "type",
            "the SOA record belongs to the zone: it is not registered, replaced or deleted");
    return 0;
}

/* Afterwards there are these records, which is what most rules are about. */
static bool gives_records(const struct change_op *op)
{
    return op->kind == OP_REGISTER || op->kind == OP_PUT;
}

static int check_owner(const struct change_op *op, const struct dname *owner,
                       const struct dname *origin, const struct words *w, struct problem *p)
{
    const struct rrtype *row = rrtype_by_code(op->type);

    if (op->type == RRTYPE_CNAME && gives_records(op) && dname_eq(owner, origin))
        return problem_set(
            p, -BD_ECONFLICT, "name",
            "'%.100s' is the zone itself: a CNAME cannot stand beside its SOA and NS records",
            w->owner);
    if (!gives_records(op) || !row || !(row->flags & RRTYPE_HOST_OWNER) || dname_is_host(owner))
        return 0;
    return problem_set(
        p, -BD_EINVALID, "name",
        "'%.100s' is not a host name, as %s records need one: letters, digits, hyphens (not at "
        "the ends of a label), '_', or '*' as the first label",
        w->owner, w->type);
}

size_t rrset_message_size(const struct dname *owner, const struct rdset *rdatas)
{
    /* A packed record has 2 octets of length; on the wire 2 of owner, 10 of type, class, TTL,
     * length. */
    return 12 + owner->n + 4U + 11 + rdatas->n + (size_t)rdatas->count * (2 + 10 - 2);
}

/* RFC 2181 §5.2: an RRset is answered whole, and a message ends at 64 KiB. */
static int check_size(const struct change_op *op, const struct dname *owner, const struct words *w,
                      struct problem *p)
{
    size_t size = rrset_message_size(owner, &op->values);

    if (size <= RRSET_MESSAGE_MAX)
        return 0;
    return problem_set(p, -BD_EINVALID, "value",
                       "%u records of type %s at '%.80s' need %zu octets, a DNS message holds %d",
                       op->values.count, w->type, w->owner, size, RRSET_MESSAGE_MAX);
}

static int check_values(const struct change_op *op, const struct dname *owner,
                        const struct words *w, struct problem *p)
{
    const struct rrtype *row = rrtype_by_code(op->type);
    struct rdset set;

    if (op->values.count == 0) {
        if (op->kind == OP_DELETE || op->kind == OP_DRAIN)
            return 0;
        return problem_set(p, -BD_EINVALID, "value", "no value for '%.100s'", w->owner);
    }
    if (rdset_check(op->type, op->values.p, op->values.n, &set) < 0 ||
        set.count != op->values.count)
        return problem_set(p, -BD_EINVALID, "value",
                           "a value for '%.100s' is not a valid %s record", w->owner, w->type);
    if (!gives_records(op))
        return 0;
    if (row && row->flags & RRTYPE_SINGLE && op->values.count > 1)
        return problem_set(p, -BD_EINVALID, "value", "a name has one %s record, not %u", w->type,
                           op->values.count);
    return check_size(op, owner, w, p);
}

static int check_id(const struct change_op *op, struct problem *p)
{
    struct str left = op->id;
    uint32_t code = 0;

    if (op->id.n > ID_MAX)
        return problem_set(p, -BD_EINVALID, "id", "an id has at most %d octets, not %zu", ID_MAX,
                           op->id.n);
    while (left.n > 0) {
        unsigned n = str_utf8(left, &code);
        if (n == 0)
            return problem_set(p, -BD_EINVALID, "id", "the id '%.*s' is not UTF-8",
                               STR_ARG(op->id));
        if (code < 0x20 || (code >= 0x7f && code < 0xa0))
            return problem_set(p, -BD_EINVALID, "id", "the id '%.*s' has a control character",
                               STR_ARG(op->id));
        left = (struct str){left.p + n, left.n - n};
    }
    return 0;
}

static int check_alive(const struct change_op *op, struct problem *p)
{
    if (op->kind == OP_DRAIN && op->number == 0)
        return problem_set(p, -BD_EINVALID, "number", "maintenance is that of a registration");
    if (op->lease_s == 0 || op->lease_s >= LEASE_MIN_S)
        return 0;
    return problem_set(p, -BD_EINVALID, "lease", "a lease has %d seconds at least, not %u",
                       LEASE_MIN_S, op->lease_s);
}

/* A host that repeats itself, as `web` or as `web.lab.example.`, is the same registration. */
static int default_id(struct change *c, struct change_op *op, const struct dname *owner,
                      const struct snap *zones)
{
    char text[DNAME_TEXT_MAX];

    if (op->kind != OP_REGISTER || op->id.n > 0)
        return 0;
    size_t n = dname_to_text_below(owner, &snap_zone(zones, op->zone)->origin, text);
    op->id = change_copy(c, (struct str){text, n});
    return op->id.p ? 0 : -ENOMEM;
}

static int check_op(struct change *c, struct change_op *op, const struct snap *zones,
                    struct problem *p)
{
    struct dname owner;
    struct words w;

    if (op->kind == OP_RESTORE) /* it stood in a zone */
        return 0;
    if (op->kind >= OP_NKINDS)
        return problem_set(p, -BD_EINVALID, NULL, "no such operation");
    if (dname_from_key((const uint8_t *)op->key.p, op->key.n, &owner) < 0)
        return problem_set(p, -BD_EINVALID, "name", "the name is not valid");
    words_of(op, &owner, &w);
    if (snap_zone_of(zones, &owner, &op->zone) < 0)
        return no_zone(zones, w.owner, p);
    int r = check_type(op, &w, p);
    if (r == 0)
        r = check_owner(op, &owner, &snap_zone(zones, op->zone)->origin, &w, p);
    if (r == 0 && op->has_ttl && op->ttl > INT32_MAX) /* RFC 2181 §8 */
        r = problem_set(p, -BD_EINVALID, "ttl", "a TTL is at most 2147483647 seconds, not %u",
                        op->ttl);
    if (r == 0)
        r = check_id(op, p);
    if (r == 0)
        r = check_alive(op, p);
    if (r == 0)
        r = check_values(op, &owner, &w, p);
    if (r == 0 && default_id(c, op, &owner, zones) < 0)
        r = problem_set(p, -ENOMEM, NULL, "no memory");
    return r;
}

int change_check(struct change *c, const struct snap *zones, struct problem *problem)
{
    for (size_t i = 0; i < c->nops; i++) {
        int r = check_op(c, &c->ops[i], zones, problem);
        if (r < 0) {
            problem->op = (unsigned)i;
            return r;
        }
    }
    return 0;
}
