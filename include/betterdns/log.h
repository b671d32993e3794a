/* Logs: logfmt on stderr with journald's <N> level prefix when stderr is the journal; one writer
 * that escapes every value. Lines begin with time=… where stderr is not the journal; what has no
 * room in 4 KiB is left out, and cut=true says so.
 *
 *     log_info("zone published", LOG_STR("zone", s), LOG_UINT("serial", n));
 *     time=2026-11-24T12:00:00Z level=info msg="zone published" zone=lab.example. serial=7 */
#ifndef BETTERDNS_LOG_H
#define BETTERDNS_LOG_H

#include <betterdns/str.h>

enum log_level {
    LOG_LEVEL_ERROR = 3,
    LOG_LEVEL_WARNING = 4,
    LOG_LEVEL_INFO = 6,
    LOG_LEVEL_DEBUG = 7
};

struct log_field {
    const char *key; /* a literal of a-z and _; NULL ends a list */
    enum { LOG_FIELD_STR, LOG_FIELD_INT, LOG_FIELD_UINT, LOG_FIELD_ERROR } kind;
    union {
        struct str s;
        int64_t i;
        uint64_t u;
    };
};

#define LOG_STR(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_STR, .s = (v)})
#define LOG_C(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_STR, .s = str_c(v)})
#define LOG_INT(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_INT, .i = (v)})
#define LOG_UINT(k, v) ((struct log_field){.key = (k), .kind = LOG_FIELD_UINT, .u = (v)})
#define LOG_ERR(v) ((struct log_field){.key = "error", .kind = LOG_FIELD_ERROR, .i = (v)})

#define log_error(...) LOG_AT(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) LOG_AT(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__)
/* The last field is always the empty one, so that a message without fields needs no case of its
 * own. */
#define LOG_AT(level, ...) LOG_FIELDS(level, __VA_ARGS__, (struct log_field){0})
#define LOG_FIELDS(level, msg, ...) log_write(level, msg, (const struct log_field[]){__VA_ARGS__})

/* From any thread, one write(2) a line; never fails visibly, and never waits for the reader of a
 * pipe or socket: a line that finds no room is left out, and the number of such lines is logged
 * when there is some. Control bytes, quotes and backslashes are escaped. */
void log_write(enum log_level level, const char *msg, const struct log_field *fields);

enum log_format { LOG_LOGFMT, LOG_JSON };
/* Before other threads; without it: logfmt, info, not the journal. */
void log_setup(enum log_format format, enum log_level most);

#endif
