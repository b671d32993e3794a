/* Runs, renewals, terminations and notes in state.db. */
#include "state_impl.h"

bool state_renews(const struct registration *reg)
{
    return reg->lease_s > 0 || reg->check.n > 0;
}

void state_set_run(struct state *s, int64_t run)
{
    s->run = run;
}

/* A time that SQLite's numbers have no room for is no time that any machine ran. */
static uint64_t time_of(struct db_stmt *st, int column)
{
    int64_t ns = db_int(st, column);

    return ns > 0 ? (uint64_t)ns : 0;
}

int state_last_run(struct state *s, struct state_run *ret_run)
{
    struct state_run run = {0};
    struct db_stmt *st;

    int r = db_prepare(s->db, "SELECT coalesce(max(id), 0), coalesce(max(ran), 0) FROM run", &st);
    if (r < 0)
        return r;
    r = db_step(st);
    if (r == 1)
        run = (struct state_run){db_int(st, 0), time_of(st, 1)};
    db_stmt_free(st);
    if (r < 0)
        return r;
    *ret_run = run;
    return 0;
}

int state_renewals(struct state *s, state_renewal_fn *fn, void *arg)
{
    struct db_stmt *st;

    int r = db_prepare(
        s->db, "SELECT n.number, r.id, r.ran FROM renewal n JOIN run r ON r.id = n.run", &st);
    if (r < 0)
        return r;
    while ((r = db_step(st)) == 1) {
        const struct state_run run = {db_int(st, 1), time_of(st, 2)};
        r = fn(arg, (uint64_t)db_int(st, 0), &run);
        if (r < 0)
            break;
    }
    db_stmt_free(st);
    return r;
}

int state_run_put(struct state *s, const struct state_run *run)
{
    return db_run(s->statements[STATE_RUN_PUT], DB_INT(run->id), DB_INT(run->ran_ns));
}

int state_run_keep(struct state *s, const struct state_run *run)
{
    return db_run(s->statements[STATE_RUN_KEEP], DB_INT(run->id), DB_INT(run->ran_ns));
}

/* For what is done once a run, or once an hour. */
static int run_with(struct state *s, const char *sql, struct db_value value)
{
    struct db_stmt *st;

    int r = db_prepare(s->db, sql, &st);
    if (r < 0)
        return r;
    r = db_run_values(st, &value, 1);
    db_stmt_free(st);
    return r;
}

int state_runs_prune(struct state *s, int64_t before)
{
    return run_with(s, "DELETE FROM run WHERE id < ?1 AND id NOT IN (SELECT run FROM renewal)",
                    DB_INT(before));
}

int state_renewal_put(struct state *s, uint64_t number, int64_t run)
{
    return db_run(s->statements[STATE_RENEWAL_PUT], DB_INT(number), DB_INT(run));
}

int state_registration_made(struct state *s, const struct registration *before,
                            const struct registration *after)
{
    bool renewed = before && state_renews(before), renews = state_renews(after);

    if (renews && !renewed && s->run > 0)
        return state_renewal_put(s, after->number, s->run);
    if (renewed && !renews)
        return db_run(s->statements[STATE_RENEWAL_DELETE], DB_INT(after->number));
    return 0;
}

int state_registration_ended(struct state *s, const struct registration *reg)
{
    int r = 0;

    if (state_renews(reg))
        r = db_run(s->statements[STATE_RENEWAL_DELETE], DB_INT(reg->number));
    return r < 0 ? r : db_run(s->statements[STATE_NOTE_DELETE], DB_INT(reg->number));
}

int state_termination_put(struct state *s, const struct state_termination *t)
{
    return db_run(s->statements[STATE_TERMINATION_PUT], DB_INT(t->number), DB_INT(t->started),
                  DB_INT(t->ran_ns));
}

int state_termination_end(struct state *s, uint64_t number, struct str result)
{
    return db_run(s->statements[STATE_TERMINATION_END], DB_INT(number), DB_TEXT(result));
}

int state_terminations_prune(struct state *s, uint64_t before_ns)
{
    return run_with(s, "DELETE FROM termination WHERE ran < ?1", DB_INT(before_ns));
}

int state_note_put(struct state *s, uint64_t number, struct str value)
{
    if (value.n == 0)
        return db_run(s->statements[STATE_NOTE_DELETE], DB_INT(number));
    return db_run(s->statements[STATE_NOTE_PUT], DB_INT(number), DB_BLOB(value));
}
