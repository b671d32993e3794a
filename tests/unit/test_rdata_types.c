/* Types beyond the frequent ones: the examples of their RFCs octet by octet, other spellings, how
 * they compare, what servers get. What is refused is in test_rdata_faults.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dns_kit.h"
#include "rdata_kit.h"

/* Text, its octets in hexadecimal, and how it is written back; NULL: as it was read. */
struct golden {
    const char *type, *text, *wire, *shown;
};

/* The octets are those that two other programs make of the text, where both take it. */
static const struct golden goldens[] = {
    /* RFC 4034 §5.4, RFC 4509 §2.3 */
    {"DS", "60485 5 1 ( 2BB183AF5F22588179A53B0A\n 98631FAD1A292118 )",
     "EC4505012BB183AF5F22588179A53B0A98631FAD1A292118",
     "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118"},
    {"DS", "60485 RSASHA1 2 d4b7d520e7bb5f0f67674a0ccEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A",
     "EC450502D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A",
     "60485 5 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A"},
    /* RFC 8078 §4 and its erratum 5049 */
    {"CDS", "0 0 0 00", "0000000000", NULL},
    {"CDNSKEY", "0 3 0 AA==", "0000030000", NULL},
    /* RFC 4034 §3.3, its signature cut to 24 octets */
    {"RRSIG",
     "A 5 3 86400 20030322173103 ( 20030220173103 2642 example.com. oJB1W6WNGv+ldvQ3WDG0 "
     "MQkg5IEhjRip8WTr )",
     "00010503000151803E7C9DD73E5510D70A52076578616D706C6503636F6D00A090755BA58D1AFFA576F4375831B43"
     "10920E481218D18A9F164EB",
     "A 5 3 86400 20030322173103 20030220173103 2642 example.com. "
     "oJB1W6WNGv+ldvQ3WDG0MQkg5IEhjRip8WTr"},
    {"RRSIG", "TYPE65280 RSASHA256 0 0 4294967295 0 0 @ AAAA",
     "FF00080000000000FFFFFFFF000000000000036C6162076578616D706C6500000000",
     "TYPE65280 8 0 0 21060207062815 19700101000000 0 lab.example. AAAA"},
    {"RRSIG", "A 8 0 0 20000229235959 20041231000000 0 . AAAA",
     "000108000000000038BC5D7F41D49680000000000000",
     "A 8 0 0 20000229235959 20041231000000 0 . AAAA"},
    /* RFC 4034 §4.3 */
    {"NSEC", "host.example.com. ( A MX RRSIG NSEC TYPE1234 )",
     "04686F7374076578616D706C6503636F6D000006400100000003041B0000000000000000000000000000000000000"
     "00000000000000020",
     "host.example.com. A MX RRSIG NSEC TYPE1234"},
    {"NSEC", "Host TYPE1234 nsec A mx A RRSIG",
     "04486F7374036C6162076578616D706C65000006400100000003041B0000000000000000000000000000000000000"
     "00000000000000020",
     "Host.lab.example. A MX RRSIG NSEC TYPE1234"},
    /* RFC 4034 §2.3, its key cut */
    {"DNSKEY", "256 3 RSASHA1 ( AQPSKmynfzW4kyBv\n015MUG2DeIQ3 )",
     "010003050103D22A6CA77F35B893206FD35E4C506D83788437", "256 3 5 AQPSKmynfzW4kyBv015MUG2DeIQ3"},
    /* RFC 5155 §B.1 */
    {"NSEC3",
     "1 1 12 aabbccdd ( 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS\n SOA NSEC3PARAM RRSIG )",
     "0101000C04AABBCCDD14174EB2409FE28BCB4887A1836F957F0A8425E27B000722010000000290",
     "1 1 12 AABBCCDD 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR NS SOA MX RRSIG DNSKEY NSEC3PARAM"},
    {"NSEC3", "1 0 0 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR",
     "010000000014174EB2409FE28BCB4887A1836F957F0A8425E27B", NULL},
    {"NSEC3PARAM", "1 0 12 aabbccdd", "0100000C04AABBCCDD", "1 0 12 AABBCCDD"},
    {"NSEC3PARAM", "1 0 0 -", "0100000000", NULL},
    /* RFC 4255 §3.2 */
    {"SSHFP", "2 1 123456789abcdef67890123456789abcdef67890",
     "0201123456789ABCDEF67890123456789ABCDEF67890",
     "2 1 123456789ABCDEF67890123456789ABCDEF67890"},
    /* RFC 4025 §3.2 */
    {"IPSECKEY", "10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==",
     "0A0102C0000226010351537986ED35533B6064478EEEB27B5BD74DAE149B6E81BA3A0521AF82AB7801", NULL},
    {"IPSECKEY", "10 0 2 . AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==",
     "0A0002010351537986ED35533B6064478EEEB27B5BD74DAE149B6E81BA3A0521AF82AB7801", NULL},
    {"IPSECKEY", "10 3 2 mygateway.example.com. AQMA",
     "0A0302096D7967617465776179076578616D706C6503636F6D00010300", NULL},
    {"IPSECKEY", "10 2 2 2001:0DB8:0:8002::2000:1 AQMA",
     "0A020220010DB8000080020000000020000001010300", "10 2 2 2001:db8:0:8002::2000:1 AQMA"},
    {"IPSECKEY", "10 1 0 192.0.2.38", "0A0100C0000226", NULL},
    {"IPSECKEY", "10 0 0 .", "0A0000", NULL},
    /* RFC 4701 §3.6 */
    {"DHCID", "( AAIBY2/AuCccgoJbsaxcQc9TUapptP69l\nOjxfNuVAA2kjEA= )",
     "000201636FC0B8271C82825BB1AC5C41CF5351AA69B4FEBD94E8F17CDB95000DA48C40",
     "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA="},
    /* RFC 4398 §2.1 */
    {"CERT", "PGP 0 0 AQMA", "0003000000010300", "3 0 0 AQMA"},
    {"CERT", "254 65535 RSASHA1 AQMA", "00FEFFFF05010300", "254 65535 5 AQMA"},
    /* RFC 6698 §2.3 */
    {"TLSA", "0 0 1 ( d2abde240d7cd3ee6b4b28c54df034b9\n7983a1d16e8a410e4561cb106618e971 )",
     "000001D2ABDE240D7CD3EE6B4B28C54DF034B97983A1D16E8A410E4561CB106618E971",
     "0 0 1 D2ABDE240D7CD3EE6B4B28C54DF034B97983A1D16E8A410E4561CB106618E971"},
    {"TLSA", "3 1 0 a bb c", "030100ABBC", "3 1 0 ABBC"},
    {"TLSA", "3 1 2 00", "03010200", "3 1 2 00"}, /* no digest of type 2, but servers load it */
    {"OPENPGPKEY", "m Q I N", "99020D", "mQIN"},
    /* RFC 7477 §2.1.2 */
    {"CSYNC", "66 3 A NS AAAA", "000000420003000460000008", NULL},
    {"CSYNC", "66 3", "000000420003", NULL},
    /* RFC 8976 §A.1 */
    {"ZONEMD",
     "2018031900 1 1 ( c68090d90a7aed71 6bc459f9340e3d7c 1370d4d24b7e2fc3 a1ddc0b9a87153b9 "
     "a9713b3c9ae5cc27 777f98b8e730044c )",
     "7848B91C0101C68090D90A7AED716BC459F9340E3D7C1370D4D24B7E2FC3A1DDC0B9A87153B9A9713B3C9AE5CC277"
     "77F98B8E730044C",
     "2018031900 1 1 "
     "C68090D90A7AED716BC459F9340E3D7C1370D4D24B7E2FC3A1DDC0B9A87153B9A9713B3C9AE5CC27777F98B8E7300"
     "44C"},
    /* RFC 7043 §3.2, §4.2 */
    {"EUI48", "00-00-5E-00-53-2a", "00005E00532A", "00-00-5e-00-53-2a"},
    {"EUI64", "00-00-5e-ef-10-00-00-2a", "00005EEF1000002A", NULL},
    /* RFC 6742 §2 */
    {"NID", "10 14:4fff:ff20:ee64", "000A00144FFFFF20EE64", "10 0014:4fff:ff20:ee64"},
    {"L64", "10 2001:0DB8:1140:1000", "000A20010DB811401000", "10 2001:0db8:1140:1000"},
    {"L32", "10 10.1.2.0", "000A0A010200", NULL},
    {"LP", "10 l64", "000A036C3634036C6162076578616D706C6500", "10 l64.lab.example."},
    /* RFC 1876 §4 */
    {"LOC", "42 21 54 N 71 06 18 W -24m 30m", "0033161389172DD070BE15F000988D20",
     "42 21 54.000 N 71 6 18.000 W -24.00m 30.00m 10000.00m 10.00m"},
    {"LOC", "42 21 43.952 N 71 5 6.344 W -24m 1m 200m", "001224138917069070BF2DD800988D20",
     "42 21 43.952 N 71 5 6.344 W -24.00m 1.00m 200.00m 10.00m"},
    {"LOC", "32 7 19 S 116 2 25 E 10m", "00121613791B7D2898E6486800989A68",
     "32 7 19.000 S 116 2 25.000 E 10.00m 1.00m 10000.00m 10.00m"},
    {"LOC", "90 s 180 e -100000.00 0 0.01m 90000000", "000010996CB02700A69FB20000000000",
     "90 0 0.000 S 180 0 0.000 E -100000.00m 0.00m 0.01m 90000000.00m"},
    {"LOC", "0 0 0.5 n 0 W 42849672.95", "00121613800001F480000000FFFFFFFF",
     "0 0 0.500 N 0 0 0.000 E 42849672.95m 1.00m 10000.00m 10.00m"},
    {"LOC", "1 N 1 E 0 12.5m", "001316138036EE808036EE8000989680",
     "1 0 0.000 N 1 0 0.000 E 0.00m 10.00m 10000.00m 10.00m"},
    /* RFC 3123 §5, §6 */
    {"APL", "1:192.168.32.0/21 !1:192.168.38.0/28", "00011503C0A82000011C83C0A826", NULL},
    {"APL", "1:224.0.0.0/4 2:FF00:0:0:0:0:0:0:0/8", "00010401E000020801FF",
     "1:224.0.0.0/4 2:ff00::/8"},
    {"APL", "1:0.0.0.0/0 !2:::/0", "0001000000020080", NULL},
    {"APL", "", "", "\\# 0"},
    /* RFC 7553 §4.5 */
    {"URI", "10 1 \"ftp://ftp1.example.com/public\"",
     "000A00016674703A2F2F667470312E6578616D706C652E636F6D2F7075626C6963", NULL},
    /* RFC 8659 §4.1.1, §4.3 */
    {"CAA", "0 issue \"ca1.example.net\"", "000569737375656361312E6578616D706C652E6E6574", NULL},
    {"CAA", "128 tbs unknown", "8003746273756E6B6E6F776E", "128 tbs \"unknown\""},
    {"CAA", "0 issue \";\"", "000569737375653B", NULL},
    {"CAA", "0 iodef \"\"", "0005696F646566", NULL},
    {"CAA", "0 issue \"a\\\"\\000\\b\"", "0005697373756561220062", "0 issue \"a\\\"\\000b\""},
    {"SPF", "\"v=spf1 -all\"", "0B763D73706631202D616C6C", NULL},
    /* RFC 9460 §D */
    {"HTTPS", "0 foo.example.com.", "000003666F6F076578616D706C6503636F6D00", NULL},
    {"SVCB", "1 .", "000100", NULL},
    {"SVCB", "16 foo.example.com. port=53", "001003666F6F076578616D706C6503636F6D00000300020035",
     NULL},
    {"SVCB", "1 foo.example.com. key667=hello",
     "000103666F6F076578616D706C6503636F6D00029B000568656C6C6F",
     "1 foo.example.com. key667=\"hello\""},
    {"SVCB", "1 foo.example.com. key667=\"hello\\210qoo\"",
     "000103666F6F076578616D706C6503636F6D00029B000968656C6C6FD2716F6F", NULL},
    {"SVCB", "1 foo.example.com. ipv6hint=\"2001:db8::1,2001:db8::53:1\"",
     "000103666F6F076578616D706C6503636F6D000006002020010DB800000000000000000000000120010DB80000000"
     "00000000000530001",
     "1 foo.example.com. ipv6hint=2001:db8::1,2001:db8::53:1"},
    {"SVCB", "1 example.com. ipv6hint=\"2001:db8:122:344::192.0.2.33\"",
     "0001076578616D706C6503636F6D000006001020010DB80122034400000000C0000221",
     "1 example.com. ipv6hint=2001:db8:122:344::c000:221"},
    {"SVCB", "16 foo.example.org. ( alpn=h2,h3-19 mandatory=ipv4hint,alpn\n ipv4hint=192.0.2.1 )",
     "001003666F6F076578616D706C65036F7267000000000400010004000100090268320568332D313900040004C0000"
     "201",
     "16 foo.example.org. mandatory=alpn,ipv4hint alpn=\"h2,h3-19\" ipv4hint=192.0.2.1"},
    {"SVCB", "16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"",
     "001003666F6F076578616D706C65036F7267000001000C08665C6F6F2C626172026832", NULL},
    {"SVCB", "16 foo.example.org. alpn=f\\\\\\092oo\\092,bar,h2",
     "001003666F6F076578616D706C65036F7267000001000C08665C6F6F2C626172026832",
     "16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\""},
    {"SVCB", "1 . key1=\\002h2 no-default-alpn ohttp", "000100000100030268320002000000080000",
     "1 . alpn=\"h2\" no-default-alpn ohttp"},
    {"HTTPS", "1 . ech=AEj+DQBEAQ== dohpath=/q{?dns}",
     "000100000500070048FE0D004401000700082F717B3F646E737D",
     "1 . ech=AEj+DQBEAQ== dohpath=\"/q{?dns}\""},
    {"HTTPS", "1 . key9 key10= key11=\"\"", "00010000090000000A0000000B0000",
     "1 . key9 key10 key11"},
};

static void examples_of_the_rfcs(void **state)
{
    (void)state;
    struct lex_error error;
    uint8_t want[256];

    for (size_t i = 0; i < ARRAY_SIZE(goldens); i++) {
        const struct golden *g = &goldens[i];
        uint16_t type = kit_type(g->type);
        size_t n = kit_octets(g->wire, want);
        if (rdata_from_text(type, str_c(g->text), &kit_rules, &kit_rdata, &error) < 0)
            fail_msg("%s %s: %s", g->type, g->text, error.message);
        if (kit_rdata.n != n || (n && memcmp(kit_rdata.b, want, n) != 0))
            fail_msg("%s %s: other octets: %s", g->type, g->text,
                     kit_print(65280, kit_rdata.b, kit_rdata.n));
        assert_int_equal(rdata_check(type, kit_rdata.b, kit_rdata.n), 0);
        assert_string_equal(kit_print(type, kit_rdata.b, kit_rdata.n),
                            g->shown ? g->shown : g->text);
    }
}

/* RFC 4034 §6.2 (3) with RFC 6840 §5.1: which names are compared without their case. */
static void names_are_folded_as_dnssec_has_it(void **state)
{
    (void)state;
    static const struct {
        const char *type, *text;
        bool folded;
    } cases[] = {
        {"NS", "NAME.", true},
        {"RP", "NAME. NAME.", true},
        {"AFSDB", "1 NAME.", true},
        {"KX", "1 NAME.", true},
        {"NAPTR", "1 1 \"\" \"\" \"\" NAME.", true},
        {"SRV", "1 1 1 NAME.", true},
        {"DNAME", "NAME.", true},
        {"RRSIG", "A 8 0 0 0 0 0 NAME. AAAA", true},
        {"NSEC", "NAME. A", false},
        {"SVCB", "1 NAME.", false},
        {"LP", "1 NAME.", false},
        {"IPSECKEY", "1 3 0 NAME.", false},
        {"CAA", "0 NAME x", false},
    };
    static struct rdata upper;
    struct lex_error error;
    char lower[64];

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint16_t type = kit_type(cases[i].type);
        char *p;
        snprintf(lower, sizeof(lower), "%s", cases[i].text);
        while ((p = strstr(lower, "NAME")))
            memcpy(p, "name", 4);
        assert_int_equal(rdata_from_text(type, str_c(cases[i].text), NULL, &upper, &error), 0);
        assert_int_equal(rdata_from_text(type, str_c(lower), NULL, &kit_rdata, &error), 0);
        int d = rdata_cmp(type, upper.b, upper.n, kit_rdata.b, kit_rdata.n);
        if ((d == 0) != cases[i].folded)
            fail_msg("%s %s", cases[i].type, cases[i].text);
        assert_int_equal(rdata_cmp(type, kit_rdata.b, kit_rdata.n, upper.b, upper.n) > 0, d < 0);
    }
}

/* What a server's copy has for types whose text CoreDNS misreads. */
static void servers_get_what_they_read(void **state)
{
    (void)state;
    static const struct {
        const char *type, *text, *served;
    } cases[] = {
        {"A", "192.0.2.1", "192.0.2.1"},
        {"LOC", "0 N 0 E 0", "\\# 16 00121613800000008000000000989680"},
        {"APL", "1:192.0.2.1/24", "\\# 8 00011804C0000201"},
        {"IPSECKEY", "10 0 0 .", "\\# 3 0A0000"},
        {"CAA", "0 issue \"a\"", "0 issue \"a\""},
    };
    struct lex_error error;
    struct buf out = {.p = NULL};
    char text[300];

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint16_t type = kit_type(cases[i].type);
        assert_int_equal(rdata_from_text(type, str_c(cases[i].text), NULL, &kit_rdata, &error), 0);
        buf_reset(&out);
        rdata_to_server_text(type, kit_rdata.b, kit_rdata.n, &out);
        assert_true(str_eq(buf_str(&out), str_c(cases[i].served)));
    }
    /* Four octets and 251, then 252. */
    for (int digits = 251; digits <= 252; digits++) {
        snprintf(text, sizeof(text), "1 1 %0*d", digits, 7);
        assert_int_equal(rdata_from_text(kit_type("URI"), str_c(text), NULL, &kit_rdata, &error),
                         0);
        buf_reset(&out);
        rdata_to_server_text(kit_type("URI"), kit_rdata.b, kit_rdata.n, &out);
        assert_int_equal(str_starts(buf_str(&out), STR("\\# 256 ")), digits == 252);
    }
    buf_free(&out);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(examples_of_the_rfcs),
        cmocka_unit_test(names_are_folded_as_dnssec_has_it),
        cmocka_unit_test(servers_get_what_they_read),
    };
    return cmocka_run_group_tests(tests, kit_rdata_setup, NULL);
}
