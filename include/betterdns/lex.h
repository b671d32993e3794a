/* The tokens of presentation form (RFC 1035 §5.1): words, quoted strings, ends of line; comments, blanks, parentheses and escaped
 * line ends are its own business. No copies: tokens are views of the text. Used for whole zone files and for single rdata alike. */
#ifndef BETTERDNS_LEX_H
#define BETTERDNS_LEX_H

#include <betterdns/dname.h>

enum lex_kind {
    LEX_EOF,
    LEX_EOL,    /* a line end outside parentheses */
    LEX_WORD,   /* escapes are still in it */
    LEX_QUOTED, /* without its quotes; escapes are still in it */
    LEX_BAD     /* lexer.error is filled: unclosed quote or parenthesis, a NUL byte, … */
};

struct lex_token {
    enum lex_kind kind;
    struct str text;
    bool after_blank; /* a blank stood before it on its line (a blank owner) */
    bool escaped;     /* has a backslash */
};

/* A fault in a text, for file:line:column and a caret. */
struct lex_error {
    const char *at;   /* the first offending byte in the text (the opening quote or parenthesis for unclosed ones) */
    size_t n;         /* how many bytes the caret's line is long; at least 1 */
    char message[200];
    char hint[120];   /* "did you mean 'AAAA'?", or empty */
};

struct lexer {
    const char *base, *p, *end;
    const char *open;   /* the innermost opening parenthesis, or NULL */
    bool line_start;    /* nothing but blanks was seen on this line yet */
    bool pushed;        /* back was pushed back */
    struct lex_token back;
    struct lex_error error;
};

void lex_start(struct lexer *lx, struct str text);
struct lex_token lex_next(struct lexer *lx);
void lex_push(struct lexer *lx, struct lex_token t); /* one token at most */
void lex_skip_line(struct lexer *lx);                /* to behind the next line end outside parentheses, to go on after an error */

/* Fills lx->error, pointing at the token (at the current place where it has no text), and returns code. */
int lex_fail(struct lexer *lx, struct lex_token at, int code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The octets that a word or quoted string stands for (\X, \DDD). Returns their number; -BD_ESYNTAX, -ENOSPC beyond size. */
int lex_octets(struct str text, uint8_t *out, size_t size);

/* A TTL or time value: decimal seconds or 1w2d3h4m5s units in any case (BIND). -BD_ESYNTAX; -ERANGE above 2^31-1 (RFC 2181 §8). */
int lex_ttl(struct str text, uint32_t *ret_seconds);

/* Line and column (both from 1, columns in bytes) of at, in text. Counted only here: errors are rare. */
void lex_position(struct str text, const char *at, unsigned *ret_line, unsigned *ret_column);

#endif
