#include "roff.h"

#include <betterdns/clock.h>
#include <betterdns/version.h>

/* What troff makes something else of: an en dash, a curly quote, an accent. */
static const char *escape_of(char c)
{
    switch (c) {
    case '\\': return "\\e";
    case '-': return "\\-";
    case '\'': return "\\(aq";
    case '"': return "\\(dq";
    case '`': return "\\(ga";
    case '^': return "\\(ha";
    case '~': return "\\(ti";
    default: return NULL;
    }
}

/* At the start of a line a dot begins a request. */
static void guard(struct buf *out, char c)
{
    if (c == '.' && (out->n == 0 || out->p[out->n - 1] == '\n'))
        buf_addf(out, "\\&");
}

void roff_add(struct buf *out, struct str text)
{
    while (text.n > 0) {
        uint32_t code = 0;
        unsigned n = str_utf8(text, &code);
        const char *escape = escape_of(text.p[0]);
        guard(out, text.p[0]);
        if (escape)
            buf_addf(out, "%s", escape);
        else if (n > 1)
            buf_addf(out, "\\[u%04X]", (unsigned)code);
        else
            buf_add_c(out, text.p[0]);
        n = n > 0 ? n : 1;
        text = (struct str){text.p + n, text.n - n};
    }
}

void roff_text(struct buf *out, const char *text)
{
    roff_add(out, str_c(text));
    buf_add_c(out, '\n');
}

void roff_item(struct buf *out, const char *format, ...)
{
    struct buf words = {0};
    va_list args;

    va_start(args, format);
    buf_vaddf(&words, format, args);
    va_end(args);
    buf_addf(out, ".TP\n.B \"");
    roff_add(out, buf_str(&words));
    buf_addf(out, "\"\n");
    out->error = out->error ? out->error : words.error;
    buf_free(&words);
}

void roff_head(struct buf *out, const char *name, int section, const char *what)
{
    char time[CLOCK_RFC3339_SIZE];

    clock_rfc3339(bd_version_time(), time);
    buf_addf(out, ".TH \"");
    roff_add(out, str_c(name));
    buf_addf(out, "\" %d \"%.10s\" \"betterdns %s\" \"betterdns\"\n.SH NAME\n", section, time,
             bd_version());
    roff_add(out, str_c(name));
    buf_addf(out, " \\- ");
    roff_text(out, what);
}
