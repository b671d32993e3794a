"""The house's own checks of the sources, each a function from files to complaints (`path:line: what`)."""
import os
import re

# The folders from the bottom up: one uses only itself and what stands before it.
LAYERS = ("include/betterdns", "src/base", "src/dns", "zonefile_parser", "src/registry", "controller", "src/health",
          "src/http", "src/api", "src")
# The layer that implements each contract of include/betterdns: who may use it follows from that.
CONTRACTS = {
    "src/base": ("activation", "buf", "capture", "clock", "duration", "error", "file", "events", "hash", "hmac", "httpcall", "json", "log",
                 "logpipe", "loop", "network", "notify", "pause", "pool", "portowner", "process",
                 "reuseport", "secret", "sockaddr", "str", "table", "version"),
    "src/dns": ("dname", "dnsmsg", "glob", "lex", "rrset", "rrtype", "snapshot"),
    "zonefile_parser": ("zonefile",),
    "src/registry": ("history", "includes", "lease", "registry", "save"),
    "controller": ("controller",),
    "src/health": ("check", "health"),
    "src/http": ("http",),
    "src/api": ("api",),
    "src": ("config",),
}
# libcurl's easy interface is the command line's, its multi interface httpcall's: neither would be simpler by way of the other.
TWO_USERS = {"curl/curl.h": ("src/base/httpcall.c", "src/cli/client.c")}
THIRD_PARTY = ("civetweb.h", "cjson/", "cJSON.h", "curl/", "yaml.h", "sqlite3.h", "openssl/", "ldns/")
MAX_FUNCTION, MAX_FILE, MAX_LINE, MAX_NESTING = 60, 500, 100, 3

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
LITERAL = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|//[^\n]*|/\*.*?\*/', re.DOTALL)


def contract_layer(name):
    """The layer that implements betterdns/NAME; None where CONTRACTS does not know it."""
    stem = os.path.splitext(os.path.basename(name))[0]
    return next((layer for layer, stems in CONTRACTS.items() if stem in stems), None)


def layer_of(path):
    """The folder of LAYERS that a file belongs to, or None: tests and examples may use everything."""
    found = [layer for layer in LAYERS if path.startswith(layer + "/")]
    return max(found, key=len) if found else None


def includes(text):
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match[1], match[2]


def included_layer(path, quote, name, paths):
    """The layer of what an #include names; None where it is the system's."""
    if name.startswith("betterdns/"):
        return contract_layer(name)
    if quote != '"':
        return None
    for folder in (os.path.dirname(path), "controller", "src"):
        candidate = os.path.normpath(os.path.join(folder, name))
        if candidate in paths:
            return layer_of(candidate)
    return layer_of(os.path.normpath(os.path.join(os.path.dirname(path), name)))


def check_layers(sources):
    for path, text in sources.items():
        mine = layer_of(path)
        if mine == "include/betterdns":
            mine = contract_layer(path)
            if mine is None:
                yield f"{path}:1: tests/lint/checks.py does not say which folder implements this header"
        if mine is None:
            continue
        for number, quote, name in includes(text):
            theirs = included_layer(path, quote, name, sources)
            if theirs and LAYERS.index(theirs) > LAYERS.index(mine):
                yield f"{path}:{number}: {mine} may not use {theirs} ({name})"
            if quote == '"' and theirs and theirs != mine:
                yield f"{path}:{number}: {name} is private to {theirs}; what crosses folders is in include/betterdns"


def check_contracts(sources):
    """A public header uses nothing but the system's headers and other public ones."""
    for path, text in sources.items():
        if layer_of(path) == "include/betterdns":
            for number, quote, name in includes(text):
                if quote == '"' or name.startswith(THIRD_PARTY):
                    yield f"{path}:{number}: a public header may not include {name}"


def check_third_party(sources):
    users = {}
    for path, text in sources.items():
        if layer_of(path) is None:
            continue
        for number, _, name in includes(text):
            if name.startswith(THIRD_PARTY):
                users.setdefault(name, []).append((path, number))
                if path.endswith(".h"):
                    yield f"{path}:{number}: {name} belongs into one .c file, not into a header"
    for name, places in users.items():
        if {path for path, _ in places} == set(TWO_USERS.get(name, ())):
            continue
        for path, number in places[1:]:
            yield f"{path}:{number}: {name} is included by {places[0][0]} already, and only one .c file may"


def bare(text):
    """The text with literals and comments blanked, line by line the same."""
    return LITERAL.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def functions(text):
    """(first line, last line, deepest nesting) of each function body: our style opens one with `{` in column 1."""
    start, depth, deepest = 0, 0, 0
    for number, line in enumerate(bare(text).splitlines(), 1):
        if line.startswith("{") and depth == 0:
            start, deepest = number, 0
        for character in line:
            depth += (character == "{") - (character == "}")
            deepest = max(deepest, depth)
        if start and depth == 0:
            yield start, number, deepest - 1
            start = 0


def check_size(sources):
    for path, text in sources.items():
        lines = text.splitlines()
        if len(lines) >= MAX_FILE:
            yield f"{path}:{len(lines)}: {len(lines)} lines; a file has less than {MAX_FILE}"
        for number, line in enumerate(lines, 1):
            if len(line) > MAX_LINE:
                yield f"{path}:{number}: {len(line)} columns; a line has {MAX_LINE} at most"
        for first, last, nesting in functions(text) if path.endswith(".c") else ():
            if last - first + 1 > MAX_FUNCTION:
                yield f"{path}:{first}: a function of {last - first + 1} lines; {MAX_FUNCTION} at most"
            if nesting > MAX_NESTING:
                yield f"{path}:{first}: a function nested {nesting} deep; {MAX_NESTING} at most"


def check_words(sources):
    for path, text in sources.items():
        for number, line in enumerate(text.splitlines(), 1):
            word = re.search(r"\b(TODO|FIXME|XXX)\b", line)
            if word:
                yield f"{path}:{number}: {word[0]}: do it, or file it"


# Of civetweb and cJSON: a NUL in a form makes its parser spin for ever; names without regard to
# case, and pointers and patches that were never made for what a stranger sends.
FORBIDDEN = re.compile(r"\b(mg_handle_form_request|mg_get_var2?|mg_split_form_urlencoded|mg_url_decode|cJSON_GetObjectItem|"
                       r"cJSON_HasObjectItem|cJSONUtils_\w+)\s*\(")


def check_forbidden(sources):
    for path, text in sources.items():
        for number, line in enumerate(bare(text).splitlines(), 1):
            call = FORBIDDEN.search(line)
            if call:
                yield f"{path}:{number}: {call[1]}() is never called here"


CHECKS = {
    "calls that hostile input turns against us": check_forbidden,
    "layers: a folder uses only what stands below it": check_layers,
    "public headers use only public ones": check_contracts,
    "a third-party header is included by one .c file": check_third_party,
    "sizes: functions, files, lines, nesting": check_size,
    "no unfinished work in comments": check_words,
}
