/* The tokens of presentation form (RFC 1035 §5.1): words, quoted strings, ends of line; comments,
 * blanks and parentheses are its own business. No copies: tokens are views of the text. Used for
 * whole zone files and for single rdata alike. Parentheses may nest. A line ends with LF or CRLF; a
 * CR alone, a NUL byte and a line end in quotes are errors. */
#ifndef BETTERDNS_LEX_H
#define BETTERDNS_LEX_H

#include <betterdns/dname.h>

enum lex_kind {
    LEX_EOF,
    LEX_EOL,  /* a line end outside parentheses; its text is empty and stands behind the line's last
                 token */
    LEX_WORD, /* escapes are still in it; each backslash has a byte behind it */
    LEX_QUOTED, /* without its quotes; escapes are still in it */
    LEX_BAD     /* lexer.error is filled: unclosed quote or parenthesis, a NUL byte, … */
};

struct lex_token {
    enum lex_kind kind;
    bool after_blank; /* for the first token of a line: the line begins with a blank (a blank owner)
                       */
    bool escaped;     /* has a backslash */
    struct str text;
};

/* A fault in a text, for file:line:column and a caret. */
struct lex_error {
    const char *at; /* the first offending byte in the text (the opening quote or parenthesis for
                       unclosed ones) */
    size_t n;       /* how many bytes the caret's line is long; at least 1 */
    char message[200];
    char hint[120]; /* "did you mean 'AAAA'?", or empty */
};

struct lexer {
    const char *base, *p, *end;
    const char *open; /* the outermost parenthesis that is still open, or NULL */
    const char *line; /* the start of the line, once that is not the parenthesis' own; else NULL */
    size_t depth;     /* parentheses that are open */
    bool line_start;  /* no token was taken of this line yet */
    bool pushed;      /* back was pushed back */
    struct lex_token back;
    struct lex_error error;
};

void lex_start(struct lexer *lx, struct str text);
struct lex_token lex_next(struct lexer *lx);
void lex_push(struct lexer *lx, struct lex_token t); /* one token at most */

/* To behind the next line end outside parentheses, to go on after an error; nothing where that line
 * end was taken already. A parenthesis that is never closed takes the place of lx->error, since it
 * explains the error; then the lexer goes on at the next line that does not look like a
 * continuation. */
void lex_skip_line(struct lexer *lx);

/* Fills lx->error, pointing at the token (at the current place where it has no text; at its quotes
 * too), and returns code. The hint is emptied: write it afterwards. */
int lex_fail(struct lexer *lx, struct lex_token at, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The octets that a word or quoted string stands for (\X, \DDD). Returns their number; -BD_ESYNTAX,
 * -ENOSPC beyond size. */
int lex_octets(struct str text, uint8_t *out, size_t size);

/* A TTL or time value: decimal seconds or 1w2d3h4m5s units in any case (BIND). -BD_ESYNTAX; -ERANGE
 * above 2^31-1 (RFC 2181 §8). */
int lex_ttl(struct str text, uint32_t *ret_seconds);

/* Line and column (both from 1, columns in bytes) of at, in text. Counted only here: errors are
 * rare. */
void lex_position(struct str text, const char *at, unsigned *ret_line, unsigned *ret_column);

#endif
