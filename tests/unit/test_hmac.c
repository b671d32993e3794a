/* RFC 4231, section 4. */
#include <betterdns/hmac.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void expect(struct str key, struct str text, const char *hex)
{
    uint8_t out[HMAC_SHA256_SIZE];
    char got[2 * HMAC_SHA256_SIZE + 1];

    assert_int_equal(hmac_sha256(key, text, out), 0);
    for (size_t i = 0; i < sizeof(out); i++)
        snprintf(got + 2 * i, 3, "%02x", out[i]);
    assert_string_equal(got, hex);
}

static void test_vectors(void **state)
{
    char key[131], text[50];

    (void)state;
    memset(key, 0x0b, 20);
    expect((struct str){key, 20}, STR("Hi There"),
           "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    expect(STR("Jefe"), STR("what do ya want for nothing?"),
           "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key));
    memset(text, 0xdd, sizeof(text));
    expect((struct str){key, 20}, (struct str){text, 50},
           "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    expect((struct str){key, sizeof(key)},
           STR("Test Using Larger Than Block-Size Key - Hash Key First"),
           "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

/* Not of the RFC: nothing at all. */
static void test_empty(void **state)
{
    (void)state;
    expect((struct str){NULL, 0}, (struct str){NULL, 0},
           "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
