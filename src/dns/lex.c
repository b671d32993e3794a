/* The lexer of presentation form: one pass, one table look-up a byte. */
#include <betterdns/lex.h>

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

enum byte_class { IN_WORD, BLANK, LF, CR, SEMICOLON, OPEN, CLOSE, QUOTE, ESCAPE, NUL };

static const uint8_t class_of[256] = {
    ['\0'] = NUL,  ['\t'] = BLANK, ['\n'] = LF,   ['\r'] = CR,       [' '] = BLANK,
    ['"'] = QUOTE, ['('] = OPEN,   [')'] = CLOSE, [';'] = SEMICOLON, ['\\'] = ESCAPE,
};

static enum byte_class class_at(const char *p)
{
    return (enum byte_class)class_of[(unsigned char)*p];
}

void lex_start(struct lexer *lx, struct str text)
{
    static const char nothing[1];
    const char *p = text.p ? text.p : nothing;

    lx->base = lx->p = p;
    lx->end = p + text.n;
    lx->open = NULL;
    lx->depth = 0;
    lx->line_start = true;
    lx->pushed = false;
    lx->error = (struct lex_error){.at = p, .n = 1};
}

void lex_push(struct lexer *lx, struct lex_token t)
{
    lx->back = t;
    lx->pushed = true;
}

static void set_error(struct lexer *lx, const char *at, size_t n, const char *message)
{
    lx->error.at = at;
    lx->error.n = n;
    lx->error.hint[0] = '\0';
    snprintf(lx->error.message, sizeof(lx->error.message), "%s", message);
}

/* A fault of n bytes at the place; the next token is looked for at p. */
static struct lex_token bad(struct lexer *lx, const char *at, size_t n, const char *p,
                            const char *message)
{
    set_error(lx, at, n, message);
    lx->p = p;
    return (struct lex_token){.kind = LEX_BAD, .text = {at, n}};
}

/* Does a line look like the continuation of the one before it? */
static bool continues(const char *line)
{
    return class_at(line) != IN_WORD && class_at(line) != ESCAPE;
}

/* The parenthesis will not be closed any more, so the lines behind it were never meant to belong to
 * it: goes back to the first of them that does not look like a continuation. Always behind
 * lx->open, hence no line is gone back to twice. */
static struct lex_token unclosed(struct lexer *lx)
{
    const char *open = lx->open, *p = open;

    do {
        p = memchr(p, '\n', (size_t)(lx->end - p));
        p = p ? p + 1 : lx->end;
    } while (p < lx->end && continues(p));
    lx->open = NULL;
    lx->depth = 0;
    lx->line_start = true;
    return bad(lx, open, 1, p, "this parenthesis is never closed");
}

/* An opening parenthesis. Behind an owner, while another is open since an earlier line, it shows
 * where that one was forgotten: false. */
static bool open_group(struct lexer *lx, const char *p)
{
    if (!lx->open) {
        lx->open = p;
        lx->line = NULL;
    } else if (lx->line && !continues(lx->line)) {
        return false;
    }
    lx->depth++;
    return true;
}

static struct lex_token word(struct lexer *lx, const char *start, struct lex_token t)
{
    const char *p = start, *end = lx->end;

    for (;;) {
        while (p < end && class_of[(unsigned char)*p] == IN_WORD)
            p++;
        if (p == end || class_at(p) != ESCAPE)
            break;
        if (p + 1 == end || class_at(p + 1) == LF || class_at(p + 1) == CR)
            return bad(lx, p, 1, p + 1, "a backslash at the end of a line escapes nothing");
        if (class_at(p + 1) == NUL)
            return bad(lx, p + 1, 1, p + 2, "a NUL byte: is this a text file?");
        t.escaped = true;
        p += 2;
    }
    lx->p = p;
    t.kind = LEX_WORD;
    t.text = (struct str){start, (size_t)(p - start)};
    return t;
}

static struct lex_token quoted(struct lexer *lx, const char *quote, struct lex_token t)
{
    const char *p = quote + 1, *end = lx->end;

    for (; p < end; p++) {
        enum byte_class c = class_at(p);
        if (c == QUOTE)
            break;
        if (c == ESCAPE && p + 1 < end) {
            t.escaped = true;
            c = class_at(++p);
        }
        if (c == LF || c == CR)
            return bad(lx, quote, 1, p, "this quote is not closed in its line");
        if (c == NUL)
            return bad(lx, p, 1, p + 1, "a NUL byte: is this a text file?");
    }
    if (p >= end)
        return bad(lx, quote, 1, end, "this quote is never closed");
    lx->p = p + 1;
    t.kind = LEX_QUOTED;
    t.text = (struct str){quote + 1, (size_t)(p - quote - 1)};
    return t;
}

/* The line end of a comment, or NULL for a NUL byte in it: then *ret_nul is its place. */
static const char *comment_end(const struct lexer *lx, const char *p, const char **ret_nul)
{
    const char *lf = memchr(p, '\n', (size_t)(lx->end - p));
    const char *end = lf ? lf : lx->end;
    const char *nul = memchr(p, '\0', (size_t)(end - p));

    if (!nul)
        return end;
    *ret_nul = nul;
    return NULL;
}

static struct lex_token end_of_line(struct lexer *lx, const char *behind, const char *p,
                                    struct lex_token t)
{
    lx->p = p;
    lx->line_start = true;
    t.kind = LEX_EOL;
    t.text = (struct str){behind, 0};
    return t;
}

static struct lex_token end_of_text(struct lexer *lx, const char *behind, struct lex_token t)
{
    if (lx->open)
        return unclosed(lx);
    lx->p = lx->end;
    t.kind = LEX_EOF;
    t.text = (struct str){behind, 0};
    return t;
}

static struct lex_token pop(struct lexer *lx)
{
    lx->pushed = false;
    lx->line_start = lx->back.kind == LEX_EOL;
    return lx->back;
}

struct lex_token lex_next(struct lexer *lx)
{
    const char *p = lx->p, *end = lx->end;
    const char *behind = p; /* the end of the last thing that a reader sees in this line */
    struct lex_token t = {.kind = LEX_EOF};

    if (lx->pushed)
        return pop(lx);
    t.after_blank = lx->line_start && p < end && class_at(p) == BLANK;
    lx->line_start = false;
    for (; p < end; p++) {
        switch (class_at(p)) {
        case IN_WORD:
        case ESCAPE: return word(lx, p, t);
        case BLANK: continue;
        case QUOTE: return quoted(lx, p, t);
        case LF:
            if (!lx->open)
                return end_of_line(lx, behind, p + 1, t);
            lx->line = p + 1;
            continue;
        case CR:
            if (p + 1 == end || class_at(p + 1) != LF)
                return bad(lx, p, 1, p + 1, "a carriage return without a line feed");
            continue;
        case SEMICOLON: {
            const char *nul = NULL, *stop = comment_end(lx, p, &nul);
            if (!stop)
                return bad(lx, nul, 1, nul + 1, "a NUL byte: is this a text file?");
            p = stop - 1;
            continue;
        }
        case OPEN:
            if (!open_group(lx, p))
                return unclosed(lx);
            break;
        case CLOSE:
            if (!lx->open)
                return bad(lx, p, 1, p + 1, "a closing parenthesis without an opening one");
            if (--lx->depth == 0)
                lx->open = NULL;
            break;
        case NUL: return bad(lx, p, 1, p + 1, "a NUL byte: is this a text file?");
        }
        behind = p + 1;
    }
    return end_of_text(lx, behind, t);
}

void lex_skip_line(struct lexer *lx)
{
    struct lex_error first = lx->error;
    struct lex_token t;

    if (lx->line_start && !lx->pushed)
        return;
    do {
        t = lex_next(lx);
        if (t.kind == LEX_BAD && lx->line_start)
            return; /* the parenthesis that explains it all */
    } while (t.kind != LEX_EOL && t.kind != LEX_EOF);
    lx->error = first;
}

int lex_fail(struct lexer *lx, struct lex_token at, int code, const char *format, ...)
{
    va_list ap;
    const char *p = at.text.p ? at.text.p : lx->p;
    size_t n = at.text.n;

    if (at.kind == LEX_QUOTED) {
        p--;
        n += 2;
    }
    lx->error.at = p;
    lx->error.n = n ? n : 1;
    lx->error.hint[0] = '\0';
    va_start(ap, format);
    str_vformat(lx->error.message, sizeof(lx->error.message), format, ap);
    va_end(ap);
    return code;
}

/* The value of the escape behind a backslash, and the bytes that it takes; -1. */
static int unescape(const char *p, size_t n, size_t *ret_taken)
{
    int value;

    if (n == 0)
        return -1;
    if (!ascii_digit(p[0])) {
        *ret_taken = 1;
        return (unsigned char)p[0];
    }
    if (n < 3 || !ascii_digit(p[1]) || !ascii_digit(p[2]))
        return -1;
    value = (p[0] - '0') * 100 + (p[1] - '0') * 10 + (p[2] - '0');
    *ret_taken = 3;
    return value <= 255 ? value : -1;
}

int lex_octets(struct str text, uint8_t *out, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++) {
        int c = (unsigned char)text.p[i];
        if (c == '\\') {
            size_t taken = 0;
            c = unescape(text.p + i + 1, text.n - i - 1, &taken);
            if (c < 0)
                return -BD_ESYNTAX;
            i += taken;
        }
        if (n == size)
            return -ENOSPC;
        out[n++] = (uint8_t)c;
    }
    return n <= INT_MAX ? (int)n : -ENOSPC;
}

/* Seconds in a unit; 0: not one. */
static uint32_t unit_seconds(char c)
{
    switch (ascii_lower((unsigned char)c)) {
    case 's': return 1;
    case 'm': return 60;
    case 'h': return 3600;
    case 'd': return 86400;
    case 'w': return 604800;
    default: return 0;
    }
}

int lex_ttl(struct str text, uint32_t *ret_seconds)
{
    uint64_t sum = 0;
    size_t i = 0;
    bool range = false;

    do {
        uint64_t value = 0;
        size_t start = i;
        for (; i < text.n && ascii_digit(text.p[i]); i++) {
            value = value * 10 + (uint64_t)(text.p[i] - '0');
            if (value > INT32_MAX) {
                range = true; /* but the rest must still be well-formed */
                value = INT32_MAX;
            }
        }
        if (i == start)
            return -BD_ESYNTAX;
        if (i == text.n && start > 0)
            return -BD_ESYNTAX; /* "1h30": the unit of the last number is missing */
        if (i < text.n) {
            uint32_t unit = unit_seconds(text.p[i++]);
            if (unit == 0)
                return -BD_ESYNTAX;
            value *= unit;
        }
        sum += value;
        if (sum > INT32_MAX) {
            range = true;
            sum = INT32_MAX;
        }
    } while (i < text.n);
    if (range)
        return -ERANGE; /* RFC 2181 §8 */
    *ret_seconds = (uint32_t)sum;
    return 0;
}

void lex_position(struct str text, const char *at, unsigned *ret_line, unsigned *ret_column)
{
    const char *line = text.p, *lf;
    unsigned n = 1;

    while (line < at && (lf = memchr(line, '\n', (size_t)(at - line)))) {
        line = lf + 1;
        n++;
    }
    *ret_line = n;
    *ret_column = (unsigned)(at - line) + 1;
}
