/* The lexer: tokens, what ends a line, every fault and how it goes on behind it; escapes, times,
 * positions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include <betterdns/lex.h>

/* The tokens of a text in one line: w<word> q<quoted> ; for a line end, . at the end, ! for an
 * error, _ before a first token behind a blank. */
static void tokens(const char *text, size_t n, char *out, size_t size)
{
    static const char mark[] = {
        [LEX_EOF] = '.', [LEX_EOL] = ';', [LEX_WORD] = 'w', [LEX_QUOTED] = 'q', [LEX_BAD] = '!'};
    struct lexer lx;
    struct lex_token t;
    size_t at = 0;

    lex_start(&lx, (struct str){text, n});
    do {
        t = lex_next(&lx);
        if (t.after_blank && t.kind != LEX_EOL && t.kind != LEX_EOF)
            out[at++] = '_';
        out[at++] = mark[t.kind];
        if (t.kind == LEX_WORD || t.kind == LEX_QUOTED)
            at += (size_t)snprintf(out + at, size - at, "<%.*s>", STR_ARG(t.text));
    } while (t.kind != LEX_EOF);
    out[at] = '\0';
}

#define assert_tokens(text, want)                                                                  \
    do {                                                                                           \
        char got[400];                                                                             \
        tokens("" text, sizeof(text) - 1, got, sizeof(got));                                       \
        assert_string_equal(got, want);                                                            \
    } while (0)

static void test_tokens(void **state)
{
    (void)state;
    assert_tokens("", ".");
    assert_tokens("a b\tc\n", "w<a>w<b>w<c>;.");
    assert_tokens("a\r\n b", "w<a>;_w<b>.");
    assert_tokens("\n \n\t\r\n; c\n  ; d\na;e", ";;;;;w<a>.");
    assert_tokens("a \"b ; ( c\" d", "w<a>q<b ; ( c>w<d>.");
    assert_tokens("\"a\"\"b\"c\"\"", "q<a>q<b>w<c>q<>.");
    assert_tokens("a (b\nc ; ) d\r\n)e\nf", "w<a>w<b>w<c>w<e>;w<f>.");
    assert_tokens("a (b (c)\n (d\n) ((e))) f\ng", "w<a>w<b>w<c>w<d>w<e>w<f>;w<g>.");
    assert_tokens("a()b(c)\nd", "w<a>w<b>w<c>;w<d>.");
    assert_tokens("a\\ b\\;c\\(\\\"\\\\ d", "w<a\\ b\\;c\\(\\\"\\\\>w<d>.");
    assert_tokens("\"a\\\"b\\\\\" c", "q<a\\\"b\\\\>w<c>.");
    assert_tokens("\xc3\xa9 \"\xff\"", "w<\xc3\xa9>q<\xff>.");
    assert_tokens("( a", "w<a>!.");
}

/* The first fault of a text: its place, and what the lexer reads behind it. */
static void assert_fault(const char *text, size_t n, size_t place, const char *message)
{
    struct lexer lx;
    struct lex_token t;

    lex_start(&lx, (struct str){text, n});
    do
        t = lex_next(&lx);
    while (t.kind != LEX_BAD && t.kind != LEX_EOF);
    assert_int_equal(t.kind, LEX_BAD);
    assert_non_null(strstr(lx.error.message, message));
    assert_int_equal(lx.error.at - text, place);
    assert_int_equal(lx.error.n, 1);
    for (size_t i = 0; t.kind != LEX_EOF; i++) {
        assert_true(i <= n + 2); /* it always ends */
        t = lex_next(&lx);
    }
}

static void test_faults(void **state)
{
#define FAULT(text, place, message) assert_fault("" text, sizeof(text) - 1, place, message)
    (void)state;
    FAULT("a \"b\nc", 2, "quote is not closed in its line");
    FAULT("a \"b\\\nc\"", 2, "quote is not closed in its line");
    FAULT("a \"b\r\n", 2, "quote is not closed in its line");
    FAULT("a \"b\\\"", 2, "quote is never closed");
    FAULT("a \"b\\", 2, "quote is never closed");
    FAULT("a (b\n c", 2, "parenthesis is never closed");
    FAULT("a (b\nc (d)\n", 2, "parenthesis is never closed");
    FAULT("a (b (c)\n", 2, "parenthesis is never closed");
    FAULT("a (b\n (c)\n", 2, "parenthesis is never closed");
    FAULT("a (b (c)))\n", 9, "without an opening one");
    FAULT("a )b\n", 2, "without an opening one");
    FAULT("a\0b", 1, "NUL");
    FAULT("a \"b\0\"", 4, "NUL");
    FAULT("a ;b\0", 4, "NUL");
    FAULT("a\\\0b", 2, "NUL");
    FAULT("a\\", 1, "backslash");
    FAULT("a\\\nb", 1, "backslash");
    FAULT("a\rb", 1, "carriage return");
    FAULT("a\r", 1, "carriage return");
#undef FAULT
}

static void test_skip(void **state)
{
    struct lexer lx;
    struct lex_token t;

    (void)state;
    lex_start(&lx, STR("a b (\n c ) d\ne"));
    lex_next(&lx);
    t = lex_next(&lx);
    assert_int_equal(lex_fail(&lx, t, -BD_EINVALID, "bad %d", 7), -BD_EINVALID);
    lex_skip_line(&lx);
    assert_string_equal(lx.error.message, "bad 7");
    assert_ptr_equal(lx.error.at, lx.base + 2);
    t = lex_next(&lx);
    assert_true(str_eq(t.text, STR("e")));

    /* A line end that was taken, or pushed back, is not taken twice. */
    for (int push = 0; push < 2; push++) {
        lex_start(&lx, STR("a\nb\nc"));
        lex_next(&lx);
        t = lex_next(&lx);
        assert_int_equal(t.kind, LEX_EOL);
        if (push)
            lex_push(&lx, t);
        lex_skip_line(&lx);
        assert_true(str_eq(lex_next(&lx).text, STR("b")));
    }
}

static void test_skip_finds_the_open_parenthesis(void **state)
{
    struct lexer lx;
    struct lex_token t;
    struct str text = STR("a ( 1\n  2\n) ; closed\nb ( 3\n  4\nc 5\nd (6)\n");

    (void)state;
    lex_start(&lx, text);
    do
        t = lex_next(&lx);
    while (!str_eq(t.text, STR("c")));
    lex_fail(&lx, t, -BD_ESYNTAX, "unexpected");
    lex_skip_line(&lx);
    assert_string_equal(lx.error.message, "this parenthesis is never closed");
    assert_int_equal(lx.error.at - text.p, 23);
    t = lex_next(&lx);
    assert_true(str_eq(t.text, STR("c")));
    lex_next(&lx);
    assert_int_equal(lex_next(&lx).kind, LEX_EOL);
    assert_true(str_eq(lex_next(&lx).text, STR("d")));
}

static void test_fail_places(void **state)
{
    struct str text = STR("a \"bc\" ; x\n");
    struct lexer lx;
    struct lex_token t;

    (void)state;
    lex_start(&lx, text);
    lex_next(&lx);
    t = lex_next(&lx);
    lex_fail(&lx, t, -1, "quoted");
    assert_int_equal(lx.error.at - text.p, 2);
    assert_int_equal(lx.error.n, 4);
    t = lex_next(&lx); /* the line end is said to be where the line's last token ended */
    lex_fail(&lx, t, -1, "end");
    assert_int_equal(lx.error.at - text.p, 6);
    assert_int_equal(lx.error.n, 1);
    assert_string_equal(lx.error.hint, "");
}

static void test_push(void **state)
{
    struct lexer lx;
    struct lex_token t;

    (void)state;
    lex_start(&lx, STR(" a b"));
    t = lex_next(&lx);
    lex_push(&lx, t);
    t = lex_next(&lx);
    assert_true(t.after_blank && str_eq(t.text, STR("a")));
    assert_true(str_eq(lex_next(&lx).text, STR("b")));
}

static void test_octets(void **state)
{
    uint8_t out[8];

    (void)state;
    assert_int_equal(lex_octets(STR("a\\.b\\000\\255\\\\"), out, 8), 6);
    assert_memory_equal(out, "a.b\0\xff\\", 6);
    assert_int_equal(lex_octets(STR(""), out, 0), 0);
    assert_int_equal(lex_octets(STR("12345678"), out, 8), 8);
    assert_int_equal(lex_octets(STR("123456789"), out, 8), -ENOSPC);
    assert_int_equal(lex_octets(STR("\\256"), out, 8), -BD_ESYNTAX);
    assert_int_equal(lex_octets(STR("\\25"), out, 8), -BD_ESYNTAX);
    assert_int_equal(lex_octets(STR("\\1a2"), out, 8), -BD_ESYNTAX);
    assert_int_equal(lex_octets(STR("a\\"), out, 8), -BD_ESYNTAX);
}

static void test_ttl(void **state)
{
    static const struct {
        const char *text;
        int r;
        uint32_t seconds;
    } row[] = {
        {"0", 0, 0},
        {"00300", 0, 300},
        {"2147483647", 0, 2147483647},
        {"1w2d3h4m5s", 0, 788645},
        {"1H30M", 0, 5400},
        {"1d12h", 0, 129600},
        {"2147483648", -ERANGE, 0},
        {"99999999999999999999999", -ERANGE, 0},
        {"3551w", -ERANGE, 0},
        {"3550w3550w", -ERANGE, 0},
        {"99999999999x", -BD_ESYNTAX, 0},
        {"", -BD_ESYNTAX, 0},
        {"h", -BD_ESYNTAX, 0},
        {"1h30", -BD_ESYNTAX, 0},
        {"5y", -BD_ESYNTAX, 0},
        {"+5", -BD_ESYNTAX, 0},
        {"-1", -BD_ESYNTAX, 0},
        {"1 ", -BD_ESYNTAX, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        uint32_t seconds = 77;
        assert_int_equal(lex_ttl(str_c(row[i].text), &seconds), row[i].r);
        assert_int_equal(seconds, row[i].r == 0 ? row[i].seconds : 77);
    }
}

static void test_position(void **state)
{
    struct str text = STR("ab\n\ncd");
    unsigned line, column;

    (void)state;
    lex_position(text, text.p, &line, &column);
    assert_true(line == 1 && column == 1);
    lex_position(text, text.p + 2, &line, &column);
    assert_true(line == 1 && column == 3);
    lex_position(text, text.p + 3, &line, &column);
    assert_true(line == 2 && column == 1);
    lex_position(text, text.p + 6, &line, &column);
    assert_true(line == 3 && column == 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens),      cmocka_unit_test(test_faults),
        cmocka_unit_test(test_skip),        cmocka_unit_test(test_skip_finds_the_open_parenthesis),
        cmocka_unit_test(test_fail_places), cmocka_unit_test(test_push),
        cmocka_unit_test(test_octets),      cmocka_unit_test(test_ttl),
        cmocka_unit_test(test_position),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
