/* What the people's file's own sources share. All of it belongs to their thread. */
#ifndef CONTROLLER_PEOPLE_PEOPLE_H
#define CONTROLLER_PEOPLE_PEOPLE_H

#include <betterdns/clock.h>
#include <betterdns/includes.h>
#include <betterdns/save.h>
#include <betterdns/zonefile.h>

#include "internal.h"
#include "people/file.h"
#include "people/save_read.h"

#define PEOPLE_PACE_NS NS_PER_S          /* after the first change */
#define PEOPLE_MISSING_NS (5 * NS_PER_S) /* a file that vanished may be on its way back */
#define PEOPLE_RENAMED_NS NS_PER_S /* some editors rename it, then write it: not worth a word */
#define PEOPLE_RETRY_NS (5 * NS_PER_S)
#define PEOPLE_REFUSED_NS (60 * NS_PER_S)  /* where the system does not let us write */
#define PEOPLE_FIGHTS 3U                   /* then exports come seldom: */
#define PEOPLE_BACK_OFF_NS (60 * NS_PER_S) /* twice as long each time */
#define PEOPLE_BACK_OFF_MOST_NS (3600 * NS_PER_S)
/* Two writes within a tick of the kernel's clock leave the same times. */
#define PEOPLE_SURE_NS (30 * NS_PER_MS)

#define PEOPLE_GOOD_MAX ((size_t)1 << 20)

/* A file that an export has displaced: somebody may have it open, and write to it still. */
struct prev {
    char *path;
    struct hash128 expected; /* what it holds if nobody has */
    bool known;              /* expected is; else it is from before our start */
    bool told;               /* it waits for its writer, and the log knows */
    unsigned texts;          /* the people's texts when it was displaced */
    uint64_t since_ns;
    uint64_t look_ns; /* not before */
    struct save_reader reader;
    struct prev *next;
};

/* A file that the zone's file includes. */
struct people_included {
    char *path;
    bool there;
    struct people_stat stat;
    struct save_reader reader;
};

/* What was read from the file. */
struct people_text {
    struct buf text;
    struct people_stat stat;
    struct hash128 plain;   /* of the text */
    struct hash128 content; /* of the text and of what it includes */
};

/* A parse under way: the options point into it. */
struct people_parsing {
    struct zp_options options;
    struct includes *includes;
    struct hash128_stream others;
};

struct people_parsed {
    struct zp_zone *zone;
    struct people_parsing parsing;
};

struct people {
    struct controller *c;
    unsigned zone;

    /* What stands there. CLEAN: what it holds is in the zone, exported or merged; PENDING: not
     * looked at yet. */
    enum file_state file;
    struct hash128
        content;          /* of CLEAN, HELD, REJECTED: what was read last, with what it includes */
    struct hash128 plain; /* without */
    struct people_stat seen;
    bool unread;            /* the last look could not read it: seen and content are of nothing */
    bool unsure;            /* it may have been written since in the same tick of the clock */
    struct hash128 written; /* the text that we wrote there last; zeroed: none since our start */
    bool marked;            /* it has a marker that we wrote: */
    uint64_t mark_seq;
    struct hash128 mark_hash;
    bool looked, ever_there;
    unsigned texts;      /* so many have people written; what is older does not show them all */
    uint64_t missing_ns; /* since when; 0: it is there */
    bool missing_told;   /* the log knows */
    uint64_t look_ns;    /* look again then; UINT64_MAX: when something moves */
    uint64_t busy_ns;    /* since when it is not read, for it is being written, or we lack what
                            that takes; 0: it is */
    struct save_reader reader;

    /* The export. */
    uint64_t due_ns;        /* UINT64_MAX: none is due */
    uint64_t pace_ns;       /* not before, but for an urgent one */
    uint64_t not_before_ns; /* not before, whatever it is for */
    bool urgent;            /* not paced: the file is behind what was saved in it */
    bool discards;          /* what is rejected or held is given up: it is exported over */
    uint64_t exported_seq;
    uint32_t exported_serial; /* 0: not known what the file shows */
    bool settled;             /* the registry knows what is in place as the present export */
    bool refused;             /* the system does not let us write */
    unsigned fights;          /* exports that saves which change nothing have displaced, in a row */
    bool window;              /* this file system cannot exchange files */
    struct buf authored;      /* of a displaced save: the next export is made of this text, so that
                                 its author finds his comments again */
    char *authored_path;      /* where it stands until then */
    struct buf good;     /* the last text whose records are in the zone, unless it is long: in the
                            place of what is given up or has vanished comes what people wrote */
    char unwritten[256]; /* why the last export failed; empty */
    char waiting[256];   /* why a save is not merged yet; empty */

    struct people_included *included;
    size_t nincluded;
    bool unwatched; /* nobody is told when one of these moves */

    struct prev *prevs;
    char *held; /* the newest save that is kept beside as held; NULL: none */

    struct faults faults; /* of the present state */
    struct faults notes;  /* of the last save */
    bool dirty;           /* what is told of it is old */
    bool moved;           /* the zone has changed by it: come again with a new snapshot */
};

static inline struct ctl_zone *people_zone(const struct people *p)
{
    return &p->c->zones[p->zone];
}

/* people.c */
/* With its one sentence (may be empty), which takes the place of the faults. Is that new? */
bool people_become(struct people *p, enum file_state file, const char *sentence);
bool people_writes(const struct people *p); /* may the file be written at all, as far as known? */
/* Is what was read or written last a text of ours, and nobody's comments stand there but such as
 * what it has displaced had? After a start that is not known, and no. */
static inline bool people_is_ours(const struct people *p)
{
    const struct hash128 none = {{0}};

    return hash128_eq(&p->plain, &p->written) && !hash128_eq(&p->written, &none);
}
/* No save is there any more that is not merged: p->waiting. */
void people_wait_no_more(struct people *p);

/* people/look.c: what stands there. */
/* Reads it. 0: *ret_text is the caller's to free; -EAGAIN: it is being written, -ENOMEM, -EMFILE
 * and the like: we cannot read it yet; p->look_ns is set; else p is what it is: missing or
 * rejected. */
int people_read(struct people *p, uint64_t now, struct people_text *ret_text);
/* Takes in what was read: ours, or a save. true: it is in the zone. */
bool people_take(struct people *p, const struct snap *s, const struct people_text *text);
void people_look(struct people *p, const struct snap *s, uint64_t now);
bool people_stands(const struct people *p); /* nobody has touched it since it was read or written */
/* It holds this, which is in the zone. */
void people_taken(struct people *p, const struct people_text *text);
/* Keeps the text as p->good. */
void people_keep_good(struct people *p, struct str text);
/* So that it is known after a restart, too. */
int people_settle(struct people *p);

/* people/parse.c: records. */
int people_parsing_open(const struct people *p, struct people_parsing *g);
void people_parsing_close(struct people_parsing *g);
/* After the parse: the hash of the text (plain is it alone) and of what it has included. */
struct hash128 people_content(struct people_parsing *g, const struct hash128 *plain);
/* faults, warnings: what there is to say is added; either may be NULL. -BD_ESYNTAX, -BD_EINVALID,
 * -ENOMEM. */
int people_parse(const struct people *p, struct str text, struct faults *faults,
                 struct faults *warnings, struct people_parsed *ret_parsed);
void people_parsed_free(struct people_parsed *parsed);
/* Are both zones, with the same records and marker? Then they ask for the same. */
bool people_ask_the_same(const struct people *p, struct str a, struct str b);
/* Notes and watches the files that it includes. -EAGAIN: one is being written, until *again_ns. */
int people_read_included(struct people *p, struct str text, const struct hash128 *plain,
                         struct hash128 *ret_content, uint64_t *again_ns);
bool people_included_moved(const struct people *p);
void people_free_included(struct people *p);

/* people/save.c: what somebody has saved. */
/* Is it a save that can never be merged as it is? */
bool people_refuses(int error);
struct people_merging {
    struct str text;
    const struct people_text *expected; /* it is this; NULL: another text */
    bool accept;
    uint64_t deadline_ns;
};
/* *faults: why it is refused. Notes are logged, and p's from now on. -EAGAIN: what it includes has
 * changed since it was read. */
int people_merge(struct people *p, const struct people_merging *m, struct saved *ret_saved,
                 struct faults *faults, struct problem *ret_problem);
/* Something has come of a save, or the operator has spoken: exports need not wait any more. */
void people_make_peace(struct people *p);
/* What stands in the file is a save. 0; or why it is not in the zone. */
int people_save(struct people *p, const struct people_text *text, bool accept, uint64_t deadline_ns,
                struct problem *ret_problem);

/* people/export.c. 0: the file shows s. */
int people_export(struct people *p, const struct snap *s, uint64_t now);

/* people/prev.c: what was displaced, what is kept. */
/* Takes the path over. expected NULL: not known. */
void people_add_prev(struct people *p, char *path, const struct hash128 *expected, uint64_t now);
/* p->authored: the export is made of it; or it cannot be, since somebody has saved another text. */
void people_drop_authored(struct people *p);
void people_keep_authored(struct people *p);
void people_find_left(struct people *p, uint64_t now); /* at start: what a crash left */
void people_find_held(struct people *p);               /* the newest save that is kept */
/* Looks after them. Returns when to come again. look: at all of them. */
uint64_t people_look_prevs(struct people *p, uint64_t now, bool look);
uint64_t people_prevs_next(const struct people *p); /* when to come again */
void people_free_prevs(struct people *p);

/* people/comments.c: has the text a comment that does not stand in the file? Also where that cannot
 * be told. */
bool people_has_own_comments(const struct people *p, struct str text);

/* people/ask.c: the operator's word. */
void people_answer(struct people *p, const struct snap *s, uint64_t now);

#endif
