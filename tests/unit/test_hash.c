/* SipHash-2-4-128 against the vectors that its authors published (vectors_sip128, key 00 … 0f). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include <betterdns/hash.h>

static void published_vectors(void **state)
{
    static const struct {
        size_t n; /* the input is 00 01 02 … */
        const char *hex;
    } vectors[] = {
        {0, "a3817f04ba25a8e66df67214c7550293"},  {1, "da87c1d86b99af44347659119b22fc45"},
        {2, "8177228da4a45dc7fca38bdef60affe4"},  {3, "9c70b60c5267a94e5f33b6b02985ed51"},
        {7, "a1f1ebbed8dbc153c0b84aa61ff08239"},  {8, "3b62a9ba6258f5610f83e264f31497b4"},
        {15, "5493e99933b0a8117e08ec0f97cfc3d9"}, {16, "6ee2a4ca67b054bbfd3315bf85230577"},
        {63, "5150d1772f50834a503e069a973fbd7c"},
    };
    uint8_t input[64];
    char hex[HASH128_HEX_SIZE];

    (void)state;
    for (size_t i = 0; i < sizeof(input); i++)
        input[i] = (uint8_t)i;
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
        struct hash128 h = hash128(input, vectors[i].n);
        assert_string_equal(hash128_hex(&h, hex), vectors[i].hex);
    }
    struct hash128 none = hash128(NULL, 0);
    assert_string_equal(hash128_hex(&none, hex), vectors[0].hex);
}

/* A pair's hash is the hash of its bytes laid out in one piece, however they fall on the words. */
static void pairs_are_lengths_and_contents(void **state)
{
    uint8_t flat[16 + 40] = {0}, a[20], b[20];

    (void)state;
    for (size_t i = 0; i < sizeof(a); i++) {
        a[i] = (uint8_t)(i + 100);
        b[i] = (uint8_t)(i + 200);
    }
    for (size_t na = 0; na <= sizeof(a); na++) {
        for (size_t nb = 0; nb <= sizeof(b); nb++) {
            memset(flat, 0, sizeof(flat));
            flat[0] = (uint8_t)na;
            memcpy(flat + 8, a, na);
            flat[8 + na] = (uint8_t)nb;
            memcpy(flat + 16 + na, b, nb);
            struct hash128 expected = hash128(flat, 16 + na + nb);
            struct hash128 got = hash128_pair(a, na, b, nb);
            assert_true(hash128_eq(&expected, &got));
        }
    }
    struct hash128 one = hash128_pair("ab", 2, "c", 1), other = hash128_pair("a", 1, "bc", 2);
    assert_false(hash128_eq(&one, &other));
}

static void hex_is_read_back(void **state)
{
    struct hash128 h = hash128("x", 1), back;
    char hex[HASH128_HEX_SIZE];

    (void)state;
    memset(&back, 7, sizeof(back));
    assert_int_equal(hash128_from_hex(str_c(hash128_hex(&h, hex)), &back), 0);
    assert_true(hash128_eq(&h, &back));
    assert_int_equal(hash128_from_hex(STR("A3817F04BA25A8E66DF67214C7550293"), &back), 0);
    assert_int_equal(back.b[0], 0xa3);
    assert_int_equal(hash128_from_hex(STR("a3817f04ba25a8e66df67214c755029"), &h), -EINVAL);
    assert_int_equal(hash128_from_hex(STR("a3817f04ba25a8e66df67214c75502933"), &h), -EINVAL);
    assert_int_equal(hash128_from_hex(STR("g3817f04ba25a8e66df67214c7550293"), &h), -EINVAL);
}

static void tokens_compare(void **state)
{
    (void)state;
    assert_true(bytes_eq_constant_time("", 0, NULL, 0));
    assert_true(bytes_eq_constant_time("secret", 6, "secret", 6));
    assert_false(bytes_eq_constant_time("secret", 6, "secreT", 6));
    assert_false(bytes_eq_constant_time("secret", 6, "secre", 5));
    assert_false(bytes_eq_constant_time("secret", 6, "", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(pairs_are_lengths_and_contents),
        cmocka_unit_test(hex_is_read_back),
        cmocka_unit_test(tokens_compare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
