/* Logs. Each line is built on the stack and written at once: lines of several threads never mix,
 * and no memory is needed. */
#include <betterdns/log.h>

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/error.h>

/* A write of up to PIPE_BUF bytes is not torn where stderr is a pipe. */
#define LINE_MAX_BYTES 4096
/* Kept free for what ends a line: a quote, cut=true, a brace, a newline. */
#define LINE_END_BYTES 32

static enum log_format log_as = LOG_LOGFMT;
static enum log_level log_most = LOG_LEVEL_INFO;
static bool log_journal;
static atomic_uint log_lost; /* lines, since the last that had room */

struct line {
    size_t n;
    bool cut; /* something had no room */
    char p[LINE_MAX_BYTES];
};

static const char *level_name(enum log_level level)
{
    switch (level) {
    case LOG_LEVEL_ERROR: return "error";
    case LOG_LEVEL_WARNING: return "warning";
    case LOG_LEVEL_INFO: return "info";
    case LOG_LEVEL_DEBUG: return "debug";
    }
    return "info";
}

static void add(struct line *l, const char *p, size_t n)
{
    if (l->cut || n > sizeof(l->p) - LINE_END_BYTES - l->n) {
        l->cut = true;
        return;
    }
    memcpy(l->p + l->n, p, n);
    l->n += n;
}

static void add_c(struct line *l, const char *text)
{
    add(l, text, strlen(text));
}

/* Closing what is open has its reserve. */
static void add_end(struct line *l, const char *text)
{
    size_t n = strlen(text);
    memcpy(l->p + l->n, text, n);
    l->n += n;
}

static void add_escaped(struct line *l, unsigned char c)
{
    char text[8];

    switch (c) {
    case '"': add_c(l, "\\\""); return;
    case '\\': add_c(l, "\\\\"); return;
    case '\n': add_c(l, "\\n"); return;
    case '\r': add_c(l, "\\r"); return;
    case '\t': add_c(l, "\\t"); return;
    default: break;
    }
    /* A byte that is no UTF-8 has no code point: JSON readers get its value as if it were Latin-1.
     */
    snprintf(text, sizeof(text), log_as == LOG_JSON ? "\\u%04x" : "\\x%02x", c);
    add_c(l, text);
}

static void add_quoted(struct line *l, struct str s)
{
    add_c(l, "\"");
    bool opened = !l->cut;
    while (s.n > 0 && !l->cut) {
        unsigned n = str_printable(s);
        if (n == 0 || s.p[0] == '"' || s.p[0] == '\\') {
            n = 1;
            add_escaped(l, (unsigned char)s.p[0]);
        } else {
            add(l, s.p, n);
        }
        s = (struct str){s.p + n, s.n - n};
    }
    if (opened)
        add_end(l, "\"");
}

/* Needs no quotes in logfmt. */
static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && !(c && strchr("-_./:@+*%,#[]", c)))
            return false;
    }
    return s.n > 0;
}

static void add_key(struct line *l, const char *key)
{
    if (log_as == LOG_JSON) {
        add_c(l, l->p[l->n - 1] == '{' ? "\"" : ",\"");
        add_c(l, key);
        add_c(l, "\":");
        return;
    }
    bool first = l->n == 0 || l->p[l->n - 1] == '>';
    if (!first)
        add_c(l, " ");
    add_c(l, key);
    add_c(l, "=");
}

/* A pair is there whole (a long text cut, but closed) or not at all. */
static void add_str(struct line *l, const char *key, struct str value)
{
    size_t before = l->n;

    if (l->cut)
        return;
    add_key(l, key);
    size_t start = l->n;
    if (log_as == LOG_LOGFMT && is_plain(value) && value.n < 256)
        add(l, value.p, value.n);
    else
        add_quoted(l, value);
    if (l->cut && l->n == start)
        l->n = before;
}

static void add_number(struct line *l, const char *key, const char *digits)
{
    size_t before = l->n;

    if (l->cut)
        return;
    add_key(l, key);
    add_c(l, digits);
    if (l->cut)
        l->n = before;
}

static void add_field(struct line *l, const struct log_field *f)
{
    char digits[24];

    switch (f->kind) {
    case LOG_FIELD_STR: add_str(l, f->key, f->s); return;
    case LOG_FIELD_ERROR: add_str(l, f->key, str_c(bd_strerror((int)f->i))); return;
    case LOG_FIELD_INT: snprintf(digits, sizeof(digits), "%" PRId64, f->i); break;
    case LOG_FIELD_UINT: snprintf(digits, sizeof(digits), "%" PRIu64, f->u); break;
    }
    add_number(l, f->key, digits);
}

static void build(struct line *l, enum log_level level, const char *msg,
                  const struct log_field *fields)
{
    char time_text[CLOCK_RFC3339_SIZE];

    l->n = 0;
    l->cut = false;
    if (log_journal) {
        char prefix[] = {'<', (char)('0' + (int)level), '>', '\0'};
        add_c(l, prefix);
    }
    if (log_as == LOG_JSON)
        add_c(l, "{");
    if (!log_journal) /* which has a clock of its own */
        add_str(l, "time", str_c(clock_rfc3339(clock_real_s(), time_text)));
    add_str(l, "level", str_c(level_name(level)));
    add_str(l, "msg", str_c(msg));
    for (; fields && fields->key; fields++)
        add_field(l, fields);
    if (l->cut)
        add_end(l, log_as == LOG_JSON ? ",\"cut\":true" : " cut=true");
    add_end(l, log_as == LOG_JSON ? "}\n" : "\n");
}

/* Where it would wait, of a pipe or socket. (Of other writers one may come in between: they share
 * the descriptor, which is why it is not set to O_NONBLOCK.) */
static bool has_room(void)
{
    struct pollfd out = {.fd = STDERR_FILENO, .events = POLLOUT};

    return poll(&out, 1, 0) != 0;
}

static void put(const struct line *l)
{
    ssize_t ignored = write(STDERR_FILENO, l->p, l->n);

    (void)ignored;
}

void log_write(enum log_level level, const char *msg, const struct log_field *fields)
{
    struct line l;
    unsigned lost;
    int saved = errno;

    if (level > log_most)
        return;
    if (!has_room()) {
        atomic_fetch_add(&log_lost, 1);
        errno = saved;
        return;
    }
    lost = atomic_exchange(&log_lost, 0);
    if (lost > 0) {
        build(&l, LOG_LEVEL_WARNING, "lines of the log found no room",
              (const struct log_field[]){LOG_UINT("lines", lost), {0}});
        put(&l);
    }
    build(&l, level, msg, fields);
    put(&l);
    errno = saved;
}

/* systemd names the stream that it gave: "device:inode" (systemd.exec(5), JOURNAL_STREAM).
 * Inherited by children whose stderr is somewhere else, so it is compared. */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char mine[64];
    struct stat st;

    if (!stream || fstat(STDERR_FILENO, &st) < 0)
        return false;
    snprintf(mine, sizeof(mine), "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return strcmp(mine, stream) == 0;
}

void log_setup(enum log_format format, enum log_level most)
{
    log_as = format;
    log_most = most;
    log_journal = stderr_is_journal();
}
