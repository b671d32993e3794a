/* Errors and their texts. */
#include <betterdns/error.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <betterdns/str.h>

const char *bd_strerror(int error)
{
    int code = error < 0 ? -error : error;

    switch (code) {
#define X(name, value, text)                                                                       \
    case name: return text;
        BD_ERRORS(X)
#undef X
    default: break;
    }
    const char *text = strerrordesc_np(code);
    return text ? text : "unknown error";
}

/* What a client sent goes into terminals and logs: no byte of it may act there. */
static void copy_printable(const char *text, char *out, size_t size)
{
    struct str s = str_c(text);
    size_t n = 0;

    while (s.n > 0) {
        unsigned step = str_printable(s);
        size_t need = step ? step : 4;
        if (n + need >= size)
            break;
        if (step)
            memcpy(out + n, s.p, step);
        else
            snprintf(out + n, size - n, "\\x%02x", (unsigned char)s.p[0]);
        n += need;
        step = step ? step : 1;
        s = (struct str){s.p + step, s.n - step};
    }
    out[n] = '\0';
    if (s.n > 0)
        str_mark_cut(out, n, size);
}

int problem_set(struct problem *p, int error, const char *field, const char *format, ...)
{
    char text[sizeof(p->detail)];
    va_list args;

    if (!p)
        return error;
    va_start(args, format);
    str_vformat(text, sizeof(text), format, args);
    va_end(args);
    p->error = error;
    p->field = field;
    p->hint[0] = '\0';
    copy_printable(text, p->detail, sizeof(p->detail));
    return error;
}

int problem_hint(struct problem *p, const char *format, ...)
{
    char text[sizeof(p->hint)];
    va_list args;

    va_start(args, format);
    str_vformat(text, sizeof(text), format, args);
    va_end(args);
    copy_printable(text, p->hint, sizeof(p->hint));
    return p->error;
}
