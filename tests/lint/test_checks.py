"""Each check of checks.py sees what it is for, and leaves alone what it is not for."""
import unittest

import checks



class Layers(unittest.TestCase):
    def run_one(self, path, include):
        return list(checks.check_layers({path: f"#include {include}\n"}))

    def test_upward_contract_is_refused(self):
        self.assertTrue(self.run_one("src/dns/tree.c", "<betterdns/registry.h>"))
        self.assertTrue(self.run_one("src/registry/commit.c", "<betterdns/http.h>"))
        self.assertTrue(self.run_one("controller/publisher.c", "<betterdns/api.h>"))

    def test_downward_contract_is_allowed(self):
        self.assertFalse(self.run_one("src/api/records.c", "<betterdns/registry.h>"))
        self.assertFalse(self.run_one("src/main.c", "<betterdns/api.h>"))
        self.assertFalse(self.run_one("controller/strategies/file.c", "<betterdns/dname.h>"))

    def test_contract_is_of_its_layer(self):
        self.assertTrue(self.run_one("include/betterdns/rrset.h", "<betterdns/registry.h>"))
        self.assertFalse(self.run_one("include/betterdns/registry.h", "<betterdns/rrset.h>"))
        self.assertTrue(self.run_one("include/betterdns/nobody.h", "<stdio.h>"))

    def test_private_header_stays_in_its_folder(self):
        sources = {"src/dns/tree.h": "", "src/registry/a.c": '#include "../dns/tree.h"\n', "src/dns/a.c": '#include "tree.h"\n'}
        self.assertEqual(["src/registry/a.c:1"], [c.split(": ")[0] for c in checks.check_layers(sources)])

    def test_subfolder_uses_its_folder(self):
        sources = {"controller/child.h": "", "controller/servers/coredns.c": '#include "child.h"\n'}
        self.assertFalse(list(checks.check_layers(sources)))


class Others(unittest.TestCase):
    def test_third_party_twice(self):
        one = {"src/http/server.c": "#include <civetweb.h>\n"}
        self.assertFalse(list(checks.check_third_party(one)))
        self.assertTrue(list(checks.check_third_party({**one, "src/http/request.c": "#include <civetweb.h>\n"})))
        self.assertTrue(list(checks.check_third_party({"src/http/server.h": "#include <civetweb.h>\n"})))

    def test_forbidden_calls(self):
        for call in ("mg_handle_form_request(c, &h)", "mg_get_var (b, n, k, v, m)", "cJSON_GetObjectItem(o, k)"):
            self.assertTrue(list(checks.check_forbidden({"src/http/form.c": f"    r = {call};\n"})), call)
        for fine in ("cJSON_GetObjectItemCaseSensitive(o, k);", "/* never mg_handle_form_request() */", "mg_read(c, b, n);"):
            self.assertFalse(list(checks.check_forbidden({"src/http/form.c": fine + "\n"})), fine)

    def test_public_header(self):
        self.assertTrue(list(checks.check_contracts({"include/betterdns/http.h": "#include <civetweb.h>\n"})))
        self.assertFalse(list(checks.check_contracts({"include/betterdns/http.h": "#include <betterdns/str.h>\n"})))

    def test_function_size(self):
        def body(n):
            return {"src/base/a.c": "int f(void)\n{\n" + "    g();\n" * n + "}\n"}
        self.assertFalse(list(checks.check_size(body(58))))
        self.assertTrue(list(checks.check_size(body(59))))

    def test_nesting_ignores_literals_and_comments(self):
        deep = "int f(void)\n{\n" + "    if (a) {\n" * 4 + "    }\n" * 4 + "}\n"
        flat = "int f(void)\n{\n    g('{', \"{{{{\\\"{\"); /* {{{{ */ // {{{{\n}\n"
        self.assertTrue(list(checks.check_size({"src/base/a.c": deep})))
        self.assertFalse(list(checks.check_size({"src/base/a.c": flat})))

    def test_file_and_line(self):
        self.assertTrue(list(checks.check_size({"src/base/a.h": "x\n" * 500})))
        self.assertTrue(list(checks.check_size({"src/base/a.h": "x" * 101 + "\n"})))
        self.assertFalse(list(checks.check_size({"src/base/a.h": ("x" * 100 + "\n") * 499})))


if __name__ == "__main__":
    unittest.main()
