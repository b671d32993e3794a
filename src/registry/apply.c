/* What the operations do to a tree. */
#include "book.h"
#include "included.h"
#include "restore.h"
#include "step.h"

static struct snap_key key_of(const struct change_op *op)
{
    return (struct snap_key){op->zone, op->key, op->type};
}

static void name_step(struct step *s)
{
    char text[DNAME_TEXT_MAX];
    size_t n = dname_to_text(&s->owner, text);

    n = n < sizeof(s->name) ? n : sizeof(s->name) - 1;
    memcpy(s->name, text, n);
    s->name[n] = '\0';
    rrtype_to_text(s->op->type, s->type);
}

bool step_at_apex(const struct step *s)
{
    return dname_eq(&s->owner, &s->a->origins[s->op->zone]);
}

int step_no_memory(struct step *s)
{
    return problem_set(s->problem, -ENOMEM, NULL, "no memory");
}

struct str step_cut(struct str id)
{
    return (struct str){id.p, id.n < 80 ? id.n : 80};
}

/* ---- put ---- */

static int not_found(struct step *s)
{
    return problem_set(s->problem, -BD_ENOTFOUND, "name", "'%s' has no %s records", s->name,
                       s->type);
}

static int op_put(struct step *s)
{
    const struct change_op *op = s->op;
    struct draft *d = &s->draft;

    if (!s->before)
        return not_found(s);
    uint32_t ttl = op->has_ttl ? op->ttl : d->ttl;
    if (d->nregs == 0 && d->withdrawn.count == 0 && ttl == d->ttl &&
        rdset_eq(op->type, &d->rdatas, &op->values))
        return STEP_SAME;
    d->nregs = 0;
    d->rdatas = op->values;
    d->withdrawn = (struct rdset){0};
    d->ttl = ttl;
    return STEP_WRITE;
}

/* ---- delete ---- */

/* Of one registration: all of it, or only these values. */
static int delete_registered(struct step *s, size_t i)
{
    const struct rdset *values = &s->op->values;
    struct draft *d = &s->draft;
    struct rdset asked = d->regs[i].asked;

    if (draft_unask(d, i, values->count > 0 ? values : &asked) < 0)
        return step_no_memory(s);
    if (d->regs[i].asked.count == asked.count)
        return problem_set(s->problem, -BD_ENOTFOUND, "value",
                           "registration '%.*s' of '%s' has no such %s record",
                           STR_ARG(step_cut(d->regs[i].id)), s->name, s->type);
    if (draft_remove_unasked(d, &asked) < 0)
        return step_no_memory(s);
    if (d->regs[i].asked.count == 0)
        draft_unregister(d, i);
    return STEP_WRITE;
}

static int delete_values(struct step *s)
{
    const struct rdset *values = &s->op->values;
    struct draft *d = &s->draft;
    uint32_t before = d->rdatas.count;

    if (draft_remove(d, values) < 0)
        return step_no_memory(s);
    if (d->rdatas.count == before)
        return problem_set(s->problem, -BD_ENOTFOUND, "value", "'%s' has no such %s record",
                           s->name, s->type);
    for (size_t i = d->nregs; i-- > 0;) {
        if (draft_unask(d, i, values) < 0)
            return step_no_memory(s);
        if (d->regs[i].asked.count == 0)
            draft_unregister(d, i);
    }
    return STEP_WRITE;
}

size_t step_find_number(const struct step *s)
{
    const struct draft *d = &s->draft;
    size_t i = 0;

    while (i < d->nregs && d->regs[i].number != s->op->number)
        i++;
    if (i < d->nregs && s->op->id.n > 0 && !str_eq(d->regs[i].id, s->op->id))
        return d->nregs;
    return i;
}

/* An automatic decision that its host has outrun does nothing. */
static bool may_end(const struct step *s, size_t i)
{
    const struct change_decision *decision = s->op->decision;
    const struct registration *reg = &s->draft.regs[i];

    if (!decision || !decision->not_renewed_since_ns)
        return true;
    return !(reg->flags & REG_DRAINING) &&
           !book_renewed_since(s->a->book, reg->number, decision->not_renewed_since_ns);
}

static int delete_selected(struct step *s)
{
    const struct change_op *op = s->op;
    struct draft *d = &s->draft;

    if (op->number) {
        size_t i = step_find_number(s);
        return i < d->nregs && may_end(s, i) ? delete_registered(s, i) : STEP_SAME;
    }
    if (!s->before)
        return not_found(s);
    if (op->id.n > 0) {
        size_t i = draft_find(d, op->id);
        if (i < d->nregs)
            return delete_registered(s, i);
        return problem_set(s->problem, -BD_ENOTFOUND, "id", "'%s' has no %s registration '%.*s'",
                           s->name, s->type, STR_ARG(op->id));
    }
    if (op->values.count > 0)
        return delete_values(s);
    d->rdatas = (struct rdset){0};
    return STEP_WRITE;
}

static int op_delete(struct step *s)
{
    int r = delete_selected(s);

    return r == STEP_WRITE && s->a->keep_last ? step_keep_shown(s) : r;
}

static int op_restore(struct step *s)
{
    int r = restore_draft(&s->draft, &(struct restore){.now = s->before,
                                                       .then = s->op->then,
                                                       .next_number = &s->a->next_number,
                                                       .time = s->a->now});

    return r == 1 ? STEP_WRITE : r == 0 ? STEP_SAME : step_no_memory(s);
}

static step_fn *const op_fns[] = {
    [OP_REGISTER] = step_register, [OP_PUT] = op_put,       [OP_DELETE] = op_delete,
    [OP_WITHDRAW] = step_withdraw, [OP_SERVE] = step_serve, [OP_DRAIN] = step_drain,
    [OP_RESTORE] = op_restore,
};
_Static_assert(ARRAY_SIZE(op_fns) == OP_NINNER, "one function per kind");

/* ---- is the result still a zone? ---- */

/* RFC 2181 §10.1 */
static int check_cname(struct step *s)
{
    const struct rrset *other;
    char type[RRTYPE_TEXT_MAX];
    size_t at = 0;

    if (rrtype_beside_cname(s->op->type))
        return 0;
    while ((other = snap_edit_owner(s->a->edit, s->op->zone, s->op->key, &at))) {
        uint16_t t = rrset_type(other);
        if (t == s->op->type || rrtype_beside_cname(t))
            continue;
        if (s->op->type == RRTYPE_CNAME)
            return problem_set(s->problem, -BD_ECONFLICT, "name",
                               "'%s' has %s records: a CNAME cannot stand beside other data",
                               s->name, rrtype_to_text(t, type));
        if (t == RRTYPE_CNAME)
            return problem_set(s->problem, -BD_ECONFLICT, "name",
                               "'%s' is a CNAME: other data cannot stand beside it", s->name);
    }
    return 0;
}

static int check_result(struct step *s)
{
    const struct rrtype *row = rrtype_by_code(s->op->type);
    const struct draft *d = &s->draft;

    if (d->rdatas.count == 0) {
        if (s->op->type == RRTYPE_NS && step_at_apex(s))
            return problem_set(
                s->problem, -BD_ECONFLICT, "name",
                "zone '%s' needs a name server: its last NS record cannot be deleted", s->name);
        return 0;
    }
    if (row && row->flags & RRTYPE_SINGLE && d->rdatas.count > 1)
        return problem_set(
            s->problem, -BD_ECONFLICT, "value",
            "'%s' has a %s record already, registered by '%.*s', and a name has only one", s->name,
            s->type, STR_ARG(step_cut(d->nregs ? d->regs[0].id : STR(""))));
    if (rrset_message_size(&s->owner, &d->rdatas) > RRSET_MESSAGE_MAX)
        return problem_set(s->problem, -BD_EINVALID, "value",
                           "%u records of type %s at '%s' do not fit into a DNS message of 64 KiB",
                           d->rdatas.count, s->type, s->name);
    return s->before ? 0 : check_cname(s);
}

/* ---- into the tree ---- */

static int replace(struct apply *a, struct diffs *d, struct snap_key key, struct rrset *after)
{
    const struct rrset *old = snap_edit_find(a->edit, key);
    int r = 0;

    if (diffs_room(d) < 0) {
        rrset_put(after);
        return -ENOMEM;
    }
    /* Counted before the edit: afterwards the tree may have let go of it. */
    struct rrset *before = old ? rrset_ref(old) : NULL;
    if (after)
        r = snap_edit_set(a->edit, key.zone, rrset_ref(after));
    else if (before)
        r = snap_edit_delete(a->edit, key);
    if (r < 0 || (!before && !after)) {
        rrset_put(before);
        rrset_put(after);
        return r;
    }
    diffs_add(d, key.zone, before, after);
    return 0;
}

int apply_set(struct apply *a, struct diffs *d, unsigned zone, struct rrset *after)
{
    return replace(a, d, (struct snap_key){zone, rrset_owner_key(after), rrset_type(after)}, after);
}

int apply_delete(struct apply *a, struct diffs *d, struct snap_key key)
{
    return replace(a, d, key, NULL);
}

/* Only a hand changes what an included file says. The caller knows file and line. */
static int check_included(struct step *s, const struct rrset *after)
{
    if (s->source == CHANGE_FILE || !s->before ||
        !included_hurt(s->a->included[s->op->zone], s->before, after))
        return 0;
    return problem_set(s->problem, -BD_ECONFLICT, "name",
                       "%s records of '%s' stand in a file that the zone file includes: they are "
                       "changed there only",
                       s->type, s->name);
}

static int write_step(struct step *s, struct diffs *diffs)
{
    const struct draft *d = &s->draft;
    struct rrset *after = NULL;

    if (d->rdatas.count > 0) {
        after = draft_make(&s->draft, s->op->key);
        if (!after)
            return step_no_memory(s);
    }
    int r = check_included(s, after);
    if (r < 0) {
        rrset_put(after);
        return r;
    }
    return replace(s->a, diffs, key_of(s->op), after) < 0 ? step_no_memory(s) : 0;
}

static int apply_op(struct apply *a, const struct change_op *op, struct change *c)
{
    struct step s = {.a = a, .op = op, .source = c->source, .problem = &c->problem};

    if (dname_from_key((const uint8_t *)op->key.p, op->key.n, &s.owner) < 0)
        return problem_set(s.problem, -BD_EINVALID, "name", "the name is not valid");
    name_step(&s);
    s.before = snap_edit_find(a->edit, key_of(op));
    int r = draft_start(&s.draft, s.before, op->type, a->ttls[op->zone]) < 0 ? step_no_memory(&s)
                                                                             : op_fns[op->kind](&s);
    if (r == STEP_WRITE)
        r = check_result(&s);
    else if (r == STEP_SAME)
        goto out;
    if (r == 0)
        r = write_step(&s, &c->diffs);
out:
    c->receipt.created = s.created;
    if (op->kind == OP_REGISTER)
        c->receipt.number = s.number;
    draft_free(&s.draft);
    return r;
}

/* ---- preconditions, against the state before the whole change ---- */

static bool etag_matches(const struct change_op *op, const struct rrset *set)
{
    struct hash128 etag = rrset_etag(set);

    for (size_t i = 0; i < op->nif_match; i++)
        if (hash128_eq(&etag, &op->if_match[i]))
            return true;
    return false;
}

static int check_preconditions(struct apply *a, struct change *c)
{
    for (size_t i = 0; i < c->nops; i++) {
        const struct change_op *op = &c->ops[i];
        if (!op->if_absent && !op->if_exists && !op->if_match)
            continue;
        const struct rrset *set = snap_edit_find(a->edit, key_of(op));
        const char *what = NULL;
        if (op->if_absent && set)
            what = "the records exist already (If-None-Match)";
        else if (op->if_exists && !set)
            what = "there are no such records (If-Match)";
        else if (op->if_match && !etag_matches(op, set))
            what = "the records are not the ones that were read before (If-Match)";
        if (!what)
            continue;
        c->problem.op = (unsigned)i;
        return problem_set(&c->problem, -BD_EPRECONDITION, NULL, "%s", what);
    }
    return 0;
}

static int apply_all(struct apply *a, struct change *c)
{
    int r = check_preconditions(a, c);

    for (size_t i = 0; r == 0 && i < c->nops; i++) {
        c->problem.op = (unsigned)i;
        r = apply_op(a, &c->ops[i], c);
    }
    return r;
}

static void fill_receipt(struct apply *a, struct change *c)
{
    const struct rrset *set = NULL;

    c->receipt.dry_run = c->dry_run;
    if (c->nops > 0) {
        const struct change_op *last = &c->ops[c->nops - 1];
        c->receipt.zone = last->zone;
        set = snap_edit_find(a->edit, key_of(last));
    }
    c->receipt.set = set ? rrset_ref(set) : NULL;
}

int apply_change(struct apply *a, struct change *c)
{
    uint64_t number = a->next_number;
    size_t renewals = book_mark(a->book);

    int r = apply_all(a, c);
    if (r == 0)
        fill_receipt(a, c);
    if (r < 0 || c->dry_run) {
        a->broken |= diffs_undo(&c->diffs, a->edit) < 0;
        a->next_number = number; /* nobody has seen the numbers that it took */
        book_undo(a->book, renewals);
        if (c->receipt.number >= number)
            c->receipt.number = 0;
    }
    diffs_fold(&c->diffs);
    if (r == 0)
        c->receipt.changed = c->diffs.n > 0;
    if (r < 0 || c->dry_run)
        diffs_free(&c->diffs);
    return r;
}
