/* Record types: one table with text and wire forms. A new type is a row, described by its fields,
 * and at most two functions. Types without a row are RFC 3597: TYPE65280 \# 4 01020304. */
#ifndef BETTERDNS_RRTYPE_H
#define BETTERDNS_RRTYPE_H

#include <betterdns/buf.h>
#include <betterdns/dname.h>
#include <betterdns/lex.h>

#define RDATA_MAX 65535

enum rrtype_code {
    RRTYPE_A = 1,
    RRTYPE_NS = 2,
    RRTYPE_CNAME = 5,
    RRTYPE_SOA = 6,
    RRTYPE_PTR = 12,
    RRTYPE_MX = 15,
    RRTYPE_TXT = 16,
    RRTYPE_AAAA = 28,
    RRTYPE_SRV = 33
};

/* The fields of rdata in order, for parser, printer, wire check and canonical form alike. An
 * optional one is the last of its type. */
enum rdata_field {
    RDATA_END,
    RDATA_U8,
    RDATA_U16,
    RDATA_U32,
    RDATA_SECONDS, /* 32 bits, as text with units (SOA) */
    RDATA_IPV4,
    RDATA_IPV6,
    RDATA_NAME,         /* uncompressed, case kept; compared folded (RFC 4034 §6.2 (3)) */
    RDATA_STRING,       /* one character-string */
    RDATA_STRINGS,      /* one or more character-strings up to the end */
    RDATA_NAME_EXACT,   /* a name of a type that is not in that list: compared as it is */
    RDATA_TIME,         /* 32 bits, YYYYMMDDHHMMSS or seconds since 1970 (RFC 4034 §3.2) */
    RDATA_TYPE,         /* a record type */
    RDATA_ALGORITHM,    /* 8 bits, a number or a mnemonic (RFC 4034 §A.1) */
    RDATA_CERT_TYPE,    /* 16 bits, a number or a mnemonic (RFC 4398 §2.1) */
    RDATA_BASE64,       /* octets to the end, at least one */
    RDATA_BASE32,       /* base32hex behind a length octet (RFC 5155 §3.3) */
    RDATA_SALT,         /* hexadecimal behind a length octet, '-' for none (RFC 5155 §3.3) */
    RDATA_DS_DIGEST,    /* hexadecimal to the end; of the length that the digest type has */
    RDATA_SSHFP_DIGEST, /* … which is the octet before it */
    RDATA_TLSA_DIGEST,
    RDATA_ZONEMD_DIGEST,
    RDATA_BITMAP,         /* types, at least one, up to the end (RFC 4034 §4.1.2) */
    RDATA_BITMAP_OR_NONE, /* optional */
    RDATA_GATEWAY,        /* of IPSECKEY, by the octet 1 of rdata (RFC 4025 §2.5) */
    RDATA_KEY,            /* optional where the octet 2 is 0 (RFC 4025 §2.4) */
    RDATA_EUI48,          /* RFC 7043 */
    RDATA_EUI64,
    RDATA_NODE,      /* 64 bits in four groups (RFC 6742 §2.1.3) */
    RDATA_LOC,       /* all of LOC */
    RDATA_APL,       /* all of APL; optional */
    RDATA_TAG,       /* letters and digits behind a length octet (RFC 8659 §4.1) */
    RDATA_TEXT,      /* one text to the end, without a length octet; may be empty */
    RDATA_URI,       /* the same; may not */
    RDATA_SVCPARAMS, /* RFC 9460 §2.2; optional */
    RDATA_NFIELDS
};

#define RDATA_FIELDS_MAX 10

enum rrtype_flag {
    RRTYPE_HOST_OWNER = 1, /* the owner must be a host name */
    RRTYPE_SINGLE = 2,     /* one record a set (CNAME, SOA) */
    RRTYPE_ROUTE = 4,      /* has a REST route: /a, /aaaa, … */
    RRTYPE_META = 8,       /* asked for, never stored (ANY, AXFR, OPT) */
    /* What the library of CoreDNS makes of a text that is right: it refuses addresses with bits
     * beyond their prefix (APL), rounds angles (LOC), takes the line's end for a part of the value
     * (IPSECKEY), and cuts texts of more than 255 octets in two (URI, CAA). */
    RRTYPE_GENERIC = 16,      /* a server gets it as \# LENGTH HEX */
    RRTYPE_GENERIC_LONG = 32, /* the same from 256 octets on */
    RRTYPE_UNSERVED = 64      /* CoreDNS refuses a zone that has it: left out of live copies */
};

struct rrtype {
    uint16_t code;
    const char *name; /* "A", upper case */
    unsigned flags;
    uint8_t fields[RDATA_FIELDS_MAX]; /* enum rdata_field, ended by RDATA_END */
    const char *example;              /* a valid rdata text, for messages and documentation */
};

/* The rows in order of code; *ret_n rows. */
const struct rrtype *rrtype_table(size_t *ret_n);
const struct rrtype *rrtype_by_code(uint16_t code); /* NULL: no row */
/* "A", "aaaa", "TYPE65280" to a code. -BD_ENOTFOUND. */
int rrtype_from_text(struct str text, uint16_t *ret_code);
#define RRTYPE_TEXT_MAX 16
char *rrtype_to_text(uint16_t code, char out[RRTYPE_TEXT_MAX]); /* returns out */
/* May records of this type stand beside a CNAME: RRSIG, NSEC and KEY, which DNSSEC adds (RFC 2181
 * §10.1, RFC 4034 §3 and §4, RFC 3007 §3.1)? */
bool rrtype_beside_cname(uint16_t code);
/* The row with the nearest name, for "did you mean"; NULL where none is near. */
const struct rrtype *rrtype_nearest(struct str text);

/* The rdata of one record, wire form. */
struct rdata {
    uint16_t n;
    uint8_t b[RDATA_MAX];
};

/* Reads one rdata from the lexer, up to and without the line's end, which must follow. "\# n hex"
 * is understood for every type and checked against the row. On failure lx->error says what and
 * where; returns -BD_ESYNTAX or -BD_EINVALID. struct rdata is too large for a thread's stack: keep
 * one per parser. It is written while the text is read: after a failure its contents are undefined.
 */
int rdata_parse(struct lexer *lx, uint16_t type, const struct dname_rules *rules,
                struct rdata *ret_rdata);

/* One value as an API client writes it ("10 mail.lab.example."); the whole text must be one rdata.
 * On failure *ret_error, whose `at` points into text. */
int rdata_from_text(uint16_t type, struct str text, const struct dname_rules *rules,
                    struct rdata *ret_rdata, struct lex_error *ret_error);

/* Presentation form: names absolute, every octet that needs it escaped, RFC 3597 where there is no
 * row, or where the octets are not what the row describes. */
void rdata_to_text(uint16_t type, const uint8_t *rdata, size_t n, struct buf *out);

/* The same for a server's copy: in the form of RFC 3597 too where servers misread the text. */
void rdata_to_server_text(uint16_t type, const uint8_t *rdata, size_t n, struct buf *out);

/* Is this wire rdata well-formed for its type? 0 or -BD_ESYNTAX. */
int rdata_check(uint16_t type, const uint8_t *rdata, size_t n);

/* Canonical order (RFC 4034 §6.3), names inside folded: 0 means the same record (RFC 2136 §1.1.1).
 */
int rdata_cmp(uint16_t type, const uint8_t *a, size_t na, const uint8_t *b, size_t nb);

/* The first name inside rdata (target of CNAME, MX, SRV, NS, PTR; MNAME of SOA). -BD_ENOTFOUND
 * where the type has none. */
int rdata_name(uint16_t type, const uint8_t *rdata, size_t n, struct dname *ret_name);

/* The first name that begins at octet *from of rdata or behind it; *from is then behind the name.
 * For all names: from 0 until it returns false. */
bool rdata_next_name(uint16_t type, const uint8_t *rdata, size_t n, size_t *from,
                     struct dname *ret_name);

/* The SOA's numbers. rdata must be a valid SOA. */
struct soa {
    struct dname mname, rname;
    uint32_t serial, refresh, retry, expire, minimum;
};
int soa_from_rdata(const uint8_t *rdata, size_t n, struct soa *ret_soa);
size_t soa_to_rdata(const struct soa *soa, uint8_t out[2 * DNAME_MAX + 20]); /* its length */
uint32_t soa_serial(const uint8_t *rdata, size_t n);
void soa_set_serial(uint8_t *rdata, size_t n, uint32_t serial);

/* Serial arithmetic (RFC 1982): is a after b? Exactly 2^31 apart is undefined there: false here. */
static inline bool serial_gt(uint32_t a, uint32_t b)
{
    return a != b && (uint32_t)(a - b) < UINT32_C(0x80000000);
}
/* One more, never 0. */
static inline uint32_t serial_next(uint32_t a)
{
    return a + 1 == 0 ? 1 : a + 1;
}

#endif
