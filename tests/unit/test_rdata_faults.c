/* What is no value of its type: in which words text is refused, and octets for which reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dns_kit.h"
#include "rdata_kit.h"

/* A wrong value, what is said of it, and at which bytes that points. */
static const struct {
    const char *type, *text, *says;
    size_t at, n;
} bad_values[] = {
    {"DS", "60485 5 1 2BB183AF", "a digest of type 1 has 20 octets (40 digits), but these are 4",
     10, 8},
    {"DS", "60485 5 4 00", "has 48 octets", 10, 2},
    {"DS", "60485 5 9 0", "an odd number of hexadecimal digits", 10, 1},
    {"DS", "60485 5 9 0g", "'g' is not hexadecimal", 11, 1},
    {"DS", "60485 5 9 \"00\"", "in quotes", 10, 4},
    {"DS", "60485 5 9", "ends too early", 9, 1},
    {"DS", "60485 RSASHA257 2 00", "'RSASHA257' is not an algorithm", 6, 9},
    {"DS", "60485 256 2 00", "'256' is not an algorithm", 6, 3},
    {"SSHFP", "4 2 00", "a digest of type 2 has 32 octets", 4, 2},
    {"TLSA", "3 1 2 0", "an odd number of hexadecimal digits", 6, 1},
    {"ZONEMD", "1 1 1 00", "a digest of type 1 has 48 octets", 6, 2},
    {"ZONEMD", "1 1 9 00", "has 12 octets at least", 6, 2},
    {"RRSIG", "A 5 3 1 20030230000000 0 1 . AAAA", "is not a time from 1970 to 2106", 8, 14},
    {"RRSIG", "A 5 3 1 20031301000000 0 1 . AAAA", "is not a time", 8, 14},
    {"RRSIG", "A 5 3 1 20030101240000 0 1 . AAAA", "is not a time", 8, 14},
    {"RRSIG", "A 5 3 1 20030101000060 0 1 . AAAA", "is not a time", 8, 14},
    {"RRSIG", "A 5 3 1 21060207062816 0 1 . AAAA", "is not a time", 8, 14},
    {"RRSIG", "A 5 3 1 4294967296 0 1 . AAAA", "is not a time", 8, 10},
    {"RRSIG", "AA 5 3 1 0 0 1 . AAAA", "'AA' is not a record type", 0, 2},
    {"RRSIG", "A 5 3 1 0 0 1 . AAA", "base64 is cut off", 16, 3},
    {"RRSIG", "A 5 3 1 0 0 1 . AA==A", "'A' is not base64", 20, 1},
    {"RRSIG", "A 5 3 1 0 0 1 . AB==", "bits that belong to no octet", 16, 4},
    {"RRSIG", "A 5 3 1 0 0 1 . A===", "'=' is not base64", 19, 1},
    {"RRSIG", "A 5 3 1 0 0 1 . AA-A", "'-' is not base64", 18, 1},
    {"RRSIG", "A 5 3 1 0 0 1 . ==", "base64 is cut off", 16, 2},
    {"NSEC", "a.", "ends too early", 2, 1},
    {"NSEC", "a. A BB", "'BB' is not a record type", 5, 2},
    {"NSEC", "a. A TYPE65536", "is not a record type", 5, 9},
    {"NSEC3", "1 0 0 -", "ends too early", 7, 1},
    {"NSEC3", "1 0 0 0 00", "odd number", 6, 1},
    {"NSEC3", "1 0 0 - 0", "base32hex is cut off", 8, 1},
    {"NSEC3", "1 0 0 - 01", "belong to no octet", 8, 2},
    {"NSEC3", "1 0 0 - 0w", "'w' is not base32hex", 9, 1},
    {"NSEC3PARAM", "1 0 0 - -", "is too much", 8, 1},
    {"IPSECKEY", "1 4 2 . AAAA", "the type of the gateway is 4", 6, 1},
    {"IPSECKEY", "1 0 2 a AAAA", "'a' is not '.'", 6, 1},
    {"IPSECKEY", "1 1 2 a AAAA", "'a' is not an IPv4 address", 6, 1},
    {"IPSECKEY", "1 2 2 a AAAA", "'a' is not an IPv6 address", 6, 1},
    {"IPSECKEY", "1 3 2 a..b AAAA", "a label is empty", 8, 1},
    {"IPSECKEY", "1 0 2 .", "ends too early", 7, 1},
    {"CERT", "PKX 0 0 AAAA", "'PKX' is not a type of certificate", 0, 3},
    {"OPENPGPKEY", "", "ends too early", 0, 1},
    {"DHCID", "=", "base64", 0, 1},
    {"EUI48", "00:00:5e:00:53:2a", "is not an EUI-48", 0, 17},
    {"EUI48", "0-00-5e-00-53-2a", "is not an EUI-48", 0, 16},
    {"EUI64", "00-00-5e-00-53-2a", "is not an EUI-64", 0, 17},
    {"NID", "10 ::1", "is not four groups", 3, 3},
    {"NID", "10 1:2:3:4:5", "is not four groups", 3, 9},
    {"LOC", "91 N 0 E 0", "'91' is more than 90 degrees", 0, 2},
    {"LOC", "90 0 0.001 N 0 E 0", "more than 90 degrees", 0, 2},
    {"LOC", "1 60 N 0 E 0", "'60' are not minutes", 2, 2},
    {"LOC", "1 1 60 N 0 E 0", "'60' are not seconds", 4, 2},
    {"LOC", "1 1 1.0001 N 0 E 0", "are not seconds", 4, 6},
    {"LOC", "1 1 1 1 N 0 E 0", "'1' is not the direction N or S", 6, 1},
    {"LOC", "1 E 1 N 0", "'E' are not minutes", 2, 1},
    {"LOC", "1 N 1 E", "ends too early", 7, 1},
    {"LOC", "1 N 1 E -100000.01", "is not an altitude", 8, 10},
    {"LOC", "1 N 1 E 42849672.96", "is not an altitude", 8, 11},
    {"LOC", "1 N 1 E 1. ", "is not an altitude", 8, 2},
    {"LOC", "1 N 1 E 1 90000000.01", "is not a size", 10, 11},
    {"LOC", "1 N 1 E 1 1 1 1 1", "is too much", 16, 1},
    {"APL", "1:192.0.2.0/33", "is not a prefix", 0, 14},
    {"APL", "1:192.0.2.0", "is not a prefix", 0, 11},
    {"APL", "3:192.0.2.0/3", "is not a prefix", 0, 13},
    {"APL", "1:192.0.2.0/24 2:::/129", "is not a prefix", 15, 8},
    {"URI", "1 1 \"\"", "an empty URI", 4, 2},
    {"URI", "1 1 a b", "is too much", 6, 1},
    {"CAA", "0 iss-ue a", "'iss-ue' is not a property", 2, 6},
    {"CAA", "0 \"issue\" a", "is not a property", 2, 7},
    {"CAA", "256 issue a", "is not a number from 0 to 255", 0, 3},
    {"CAA", "0 issue", "ends too early", 7, 1},
    {"SVCB", "1", "ends too early", 1, 1},
    {"SVCB", "1 . alpm=h2", "'alpm' is not a parameter", 4, 4},
    {"SVCB", "1 . key07=h2", "is not a parameter", 4, 5},
    {"SVCB", "1 . key65535=a", "is not a parameter", 4, 8},
    {"SVCB", "1 . key=a", "is not a parameter", 4, 3},
    {"SVCB", "1 . \"alpn=h2\"", "is not a parameter", 4, 9},
    {"SVCB", "1 . =h2", "is not a parameter", 4, 1},
    {"SVCB", "1 . alpn", "is not a list of protocols", 4, 4},
    {"SVCB", "1 . alpn=", "is not a list of protocols", 9, 1},
    {"SVCB", "1 . alpn=h2,,h3", "is not a list of protocols", 9, 6},
    {"SVCB", "1 . alpn=h2,", "is not a list of protocols", 9, 3},
    {"SVCB", "1 . alpn=a\\\\b", "backslash in the list", 9, 4},
    {"SVCB", "1 . alpn=a\\999", "backslash", 9, 5},
    {"SVCB", "1 . alpn=\"h2\"x", "right behind its closing quote", 9, 4},
    {"SVCB", "1 . alpn=h2 alpn=h3", "'alpn' is a key that was there already", 12, 4},
    {"SVCB", "1 . alpn=h2 key1=\\002h3", "was there already", 12, 4},
    {"SVCB", "1 . key1=\\003h2", "alpn is a list", 4, 4},
    {"SVCB", "1 . no-default-alpn", "no-default-alpn needs alpn", 4, 15},
    {"SVCB", "1 . no-default-alpn=1 alpn=h2", "is too much", 20, 1},
    {"SVCB", "1 . port", "is not a port", 4, 4},
    {"SVCB", "1 . port=65536", "is not a port", 9, 5},
    {"SVCB", "1 . port=1,2", "is not a port", 9, 3},
    {"SVCB", "1 . port=\\0492", "is not a port", 9, 5},
    {"SVCB", "1 . ipv4hint=1.2.3", "is not a list of IPv4 addresses", 13, 5},
    {"SVCB", "1 . ipv4hint=1.2.3.4,", "is not a list of IPv4 addresses", 13, 8},
    {"SVCB", "1 . ipv6hint=::1,1.2.3.4", "is not a list of IPv6 addresses", 13, 11},
    {"SVCB", "1 . ech", "is not base64", 4, 3},
    {"SVCB", "1 . ech=AAA", "is not base64", 8, 3},
    {"SVCB", "1 . dohpath=/q", "dohpath is a path with the variable dns", 4, 7},
    {"SVCB", "1 . dohpath=q{?dns}", "dohpath is a path", 4, 7},
    {"SVCB", "1 . dohpath=/\\255{?dns}", "dohpath is not UTF-8", 4, 7},
    {"SVCB", "1 . ohttp=1", "is too much", 10, 1},
    {"SVCB", "1 . mandatory", "is not a list of keys", 4, 9},
    {"SVCB", "1 . mandatory=port", "mandatory names a key that is not there", 4, 14},
    {"SVCB", "1 . mandatory=port,port port=1", "mandatory names a key twice", 4, 9},
    {"SVCB", "1 . mandatory=mandatory", "mandatory does not name itself", 4, 9},
    {"SVCB", "1 . mandatory=foo", "is not a list of keys", 14, 3},
};

static void wrong_values_are_explained(void **state)
{
    (void)state;
    struct lex_error error;

    for (size_t i = 0; i < ARRAY_SIZE(bad_values); i++) {
        struct str text = str_c(bad_values[i].text);
        int r = rdata_from_text(kit_type(bad_values[i].type), text, &kit_rules, &kit_rdata, &error);
        if (r == 0)
            fail_msg("%s %s was read", bad_values[i].type, bad_values[i].text);
        assert_true(r == -BD_ESYNTAX || r == -BD_EINVALID);
        if (!strstr(error.message, bad_values[i].says))
            fail_msg("%s %s: \"%s\" (%s)", bad_values[i].type, bad_values[i].text, error.message,
                     error.hint);
        if (error.at != text.p + bad_values[i].at || error.n != bad_values[i].n)
            fail_msg("%s %s: points at %zu+%zu: %s", bad_values[i].type, bad_values[i].text,
                     (size_t)(error.at - text.p), error.n, error.message);
    }
}

/* Octets that have no text, as RFC 3597 text: refused, each for one reason. */
static const struct {
    const char *type, *wire;
} malformed[] = {
    {"DS", "000105"},
    {"DS", "0001050100"},       /* SHA-1 of one octet */
    {"NSEC", "00"},             /* no types */
    {"NSEC", "00000100"},       /* an octet of zeros */
    {"NSEC", "0000024000"},     /* … at the end */
    {"NSEC", "00000140000140"}, /* a window twice */
    {"NSEC", "00010140000140"}, /* descending */
    {"NSEC", "000000"},         /* an empty window */
    {"NSEC", "000021"
             "40000000000000000000000000000000000000000000000000000000000000000001"},
    {"NSEC", "00000240"},                        /* cut */
    {"NSEC3", "010000000000"},                   /* no hash */
    {"NSEC3", "0100000005AA"},                   /* the salt is cut */
    {"IPSECKEY", "0A0402C0000226"},              /* the gateway's type */
    {"IPSECKEY", "0A0002"},                      /* no key */
    {"IPSECKEY", "0A0102C00002"},                /* the address is cut */
    {"LOC", "01121613800000008000000000989680"}, /* the version */
    {"LOC", "00A21613800000008000000000989680"}, /* a size of ten */
    {"LOC", "001A1613800000008000000000989680"}, /* ten to the tenth */
    {"LOC", "00021613800000008000000000989680"}, /* none times a hundred */
    {"LOC", "001216139F4FD9018000000000989680"}, /* north of the pole */
    {"LOC", "001216138000000059604DFF00989680"}, /* west of the date line */
    {"LOC", "00121613800000008000000000989680"
            "00"},
    {"APL", "0003000100"},       /* the family */
    {"APL", "00012100"},         /* 33 bits */
    {"APL", "0001200500000000"}, /* five octets */
    {"APL", "00012002C000"},     /* a zero octet at the end */
    {"APL", "00012002C0"},       /* cut */
    {"URI", "00010001"},
    {"CAA", "000061"}, /* an empty tag */
    {"CAA", "00012D"}, /* - */
    {"CAA", "000561"},
    {"EUI48", "0000000000"},
    {"SVCB", "000100"
             "00030002"}, /* cut */
    {"SVCB", "000100"
             "0003000100"}, /* a port of one octet */
    {"SVCB", "000100"
             "00030002000000010003026832"}, /* descending */
    {"SVCB", "000100"
             "0003000200000003000200"
             "00"}, /* twice */
    {"SVCB", "000100"
             "FFFF0000"},
    {"SVCB", "000100"
             "00020000"}, /* no-default-alpn alone */
    {"SVCB", "000100"
             "0000000200030003"}, /* cut behind mandatory */
    {"SVCB", "000100"
             "000000020003"}, /* a mandatory key is missing */
    {"SVCB", "000100"
             "00010000"}, /* no protocol */
    {"SVCB", "000100"
             "0001000100"}, /* an empty one */
    {"SVCB", "000100"
             "000100020368"}, /* cut */
    {"SVCB", "000100"
             "00040003C00002"},
    {"SVCB", "000100"
             "00050000"},
    {"SVCB", "000100"
             "0006000100"},
    {"SVCB", "000100"
             "0007000161"},
    {"SVCB", "000100"
             "0008000100"},
};

static void malformed_octets_are_refused(void **state)
{
    (void)state;
    uint8_t bytes[64];

    for (size_t i = 0; i < ARRAY_SIZE(malformed); i++) {
        struct lex_error error;
        char text[200];
        uint16_t type = kit_type(malformed[i].type);
        size_t n = kit_octets(malformed[i].wire, bytes);
        if (rdata_check(type, bytes, n) == 0)
            fail_msg("%s %s was taken", malformed[i].type, malformed[i].wire);
        snprintf(text, sizeof(text), "\\# %zu %s", n, malformed[i].wire);
        assert_int_equal(rdata_from_text(type, str_c(text), NULL, &kit_rdata, &error),
                         -BD_EINVALID);
        assert_string_equal(kit_print(type, bytes, n), text); /* nothing is lost */
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_values_are_explained),
        cmocka_unit_test(malformed_octets_are_refused),
    };
    return cmocka_run_group_tests(tests, kit_rdata_setup, NULL);
}
