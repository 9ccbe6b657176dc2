#!/usr/bin/env python3
"""Proves that each check of this folder can fail: plants a violation in a small tree, and looks for the complaint.

usage: tidy_test.py [includes|sources|format|contract|documents|tests|clang_tidy]…   (default: all but clang_tidy)
"""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent

CLEAN = {
    "include/holdfast/result.h": '#pragma once\n#include "holdfast/ids.h"\n',
    "include/holdfast/ids.h": "#pragma once\n",
    "include/holdfast/money.h": '#pragma once\n#include "holdfast/result.h"\n',
    "include/holdfast/ledger.h": '#pragma once\n#include "holdfast/money.h"\n',
    "src/base/CMakeLists.txt": "holdfast_layer(base)\n",
    "src/base/file.h": "#pragma once\n\nvoid sync_all();\n",
    "src/base/clock.cc": "#include <chrono>\nauto now() {\n  return std::chrono::system_clock::now();\n}\n",
    "src/base/file_test.cc": '#include "base/file.h"\n#include "tests/support/property.h"\n\n'
    "TEST(File, Opens) {\n  EXPECT_TRUE(true);\n}\n",
    "src/money/fees.cc": '#include <fmt/core.h>\n\n#include "base/file.h"\n#include "holdfast/money.h"\n',
    "src/json/parse.cc": '#include <boost/json.hpp>\n\n#include "holdfast/ledger.h"\n',
    "tests/support/property.h": '#pragma once\n#include "base/file.h"\n',
    "sim/CMakeLists.txt": "file(GLOB tests *_test.cc)\n",
    "sim/disk.h": '#pragma once\n#include "base/file.h"\n',
    "examples/quick/main.cc": "#include <holdfast/ledger.h>\n\nint main() {}\n",
}


class CheckTest(unittest.TestCase):
    check = ""

    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-tidy-"))
        self.addCleanup(shutil.rmtree, self.root)
        shutil.copy(ROOT / ".clang-format", self.root)
        for path, text in CLEAN.items():
            self.write(path, text)

    def write(self, path: str, text: str):
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def run_check(self, *arguments: str) -> subprocess.CompletedProcess:
        program = HERE / self.check
        command = [sys.executable, program] if program.suffix == ".py" else [program]
        return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)

    def passes(self):
        done = self.run_check(str(self.root))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def refuses(self, path: str, text: str, complaint: str):
        """With the file planted, the check fails and names the file and the complaint."""
        before = (self.root / path).read_text(encoding="utf-8") if (self.root / path).exists() else None
        self.write(path, text)
        done = self.run_check(str(self.root))
        output = done.stdout + done.stderr
        self.assertNotEqual(done.returncode, 0, f"not refused: {text}")
        self.assertIn(path, output)
        self.assertIn(complaint, output)
        if before is None:
            (self.root / path).unlink()
        else:
            self.write(path, before)
        self.passes()


class IncludesTest(CheckTest):
    check = "check_includes.py"

    def test_a_clean_tree_passes(self):
        self.passes()

    def test_an_empty_tree_is_refused(self):
        empty = self.root / "nothing"
        empty.mkdir()
        self.assertNotEqual(self.run_check(str(empty)).returncode, 0)

    def test_an_include_that_points_up(self):
        self.refuses("src/base/up.cc", '#include "money/fees.h"\n', "higher layer `money`")
        self.refuses("src/base/up.cc", '  #  include "money/fees.h"\n', "higher layer `money`")

    def test_an_include_that_points_sideways(self):
        self.refuses("src/postgres/x.cc", '#include "journal/log.h"\n', "neighbouring layer `journal`")
        self.refuses("src/journal/x.cc", '#include "postgres/session.h"\n', "neighbouring layer `postgres`")
        self.refuses("src/ledger/x.cc", '#include "postgres/session.h"\n', "higher layer `postgres`")
        self.write("src/service/open.cc", '#include "journal/log.h"\n#include "postgres/session.h"\n')
        self.write("src/postgres/x.cc", '#include "ledger/store.h"\n#include "postgres/session.h"\n')
        self.passes()

    def test_a_public_header_of_a_higher_layer(self):
        self.refuses("src/money/up.h", '#include "holdfast/ledger.h"\n', "higher layer `service`")
        self.refuses("include/holdfast/ids.h", '#include "holdfast/money.h"\n', "higher layer `money`")
        self.refuses("src/money/up.h", "#include <holdfast/ledger.h>\n", "higher layer `service`")

    def test_a_public_header_that_looks_inside(self):
        self.refuses("include/holdfast/money.h", '#include "base/file.h"\n', "public headers stand alone")

    def test_names_without_a_home(self):
        self.refuses("src/money/x.cc", '#include "fees.h"\n', "without its folder")
        self.refuses("src/money/x.cc", '#include "../base/file.h"\n', "without its folder")
        self.refuses("src/shiny/x.cc", '#include "base/file.h"\n', "is in no layer")
        self.refuses("src/money/x.cc", '#include "holdfast/other.h"\n', "which no layer owns")
        self.refuses("src/money/x.cc", '#include "sim/disk.h"\n', "nothing that it may use")
        self.refuses("src/money/x.cc", '#include "tests/support/property.h"\n', "nothing that it may use")

    def test_a_library_in_the_wrong_layer(self):
        self.refuses("src/money/x.cc", "#include <boost/json.hpp>\n", "no use for")
        self.refuses("src/json/x.cc", "#include <openssl/evp.h>\n", "no use for")
        self.refuses("src/service/x.cc", "#include <libpq-fe.h>\n", "no use for")
        self.write("src/postgres/x.cc", "#include <libpq-fe.h>\n")
        self.passes()

    def test_an_example_uses_the_installed_library(self):
        self.refuses("examples/quick/x.cc", '#include "base/file.h"\n', "installed headers only")


class SourcesTest(CheckTest):
    check = "check_sources.py"

    def test_a_clean_tree_passes(self):
        self.passes()

    def test_hidden_inputs(self):
        for text in (
            "auto t = std::chrono::steady_clock::now();\n",
            "auto t = std::chrono::system_clock::now();\n",
            "auto t = time(nullptr);\n",
            "int r = rand();\n",
            "void f() { srand(1); }\n",
            "std::random_device device;\n",
            "std::uniform_int_distribution<int> d;\n",
            "std::ifstream in;\n",
            "int fd = ::open(name, 0);\n",
        ):
            self.refuses("src/money/x.cc", text, "beside the seam")

    def test_a_distribution_in_the_simulator(self):
        self.refuses("sim/x.cc", "std::normal_distribution<> d;\n", "other numbers from one seed")

    def test_floating_point(self):
        self.refuses("src/money/x.cc", "double total = 0;\n", "floating point")
        self.refuses("include/holdfast/money.h", "inline float rate;\n", "floating point")
        self.write("src/cli/disk_limit.h", "double bytes_per_s = 0;\n")
        self.write("src/money/fine.cc", '// a double entry\nbool is_double();\nauto s = "double", r = R"(float)";\n')
        self.passes()

    def test_floating_point_in_the_schema(self):
        self.refuses("src/postgres/sql/0001_x.sql", "create table t (amount double precision);\n", "floating point")
        self.write("src/postgres/sql/0001_x.sql", "create table t (amount bigint);  -- no real, no float8\n")
        self.passes()

    def test_hidden_inputs_of_the_simulator(self):
        self.refuses("sim/x.cc", "auto t = std::chrono::steady_clock::now();\n", "beside the seam")
        self.refuses("sim/x.cc", "int r = rand();\n", "beside the seam")

    def test_a_container_in_the_order_of_addresses(self):
        for text in ("std::map<Node*, int> nodes;\n", "std::set<const Node *> nodes;\n",
                     "absl::btree_map<Node*, int> nodes;\n"):
            self.refuses("sim/x.cc", text, "order of addresses")
            self.refuses("src/journal/x.cc", text, "order of addresses")
        self.write("sim/x.cc", "std::map<int, Node*> nodes;\n")
        self.passes()

    def test_words_after_digits_with_marks_are_seen(self):
        self.refuses("src/money/x.cc", "auto n = 1'000; double d = 2'000;\n", "floating point")

    def test_tests_that_cannot_fail(self):
        self.refuses("src/base/x_test.cc", "TEST(A, B) { GTEST_SKIP(); }\n", "skipped")
        self.refuses("src/base/x_test.cc", "TEST(A, DISABLED_B) { EXPECT_TRUE(f()); }\n", "disabled")
        self.refuses("src/base/x_test.cc", "TEST_F(A, B) {\n  // later\n}\n", "without a body")
        self.refuses("src/base/x_test.cc", "int helper();\n", "a test file without a test")
        self.refuses("src/base/x_test.cc", "// TEST(A, B) { f(); }\n", "a test file without a test")

    def test_a_test_that_nothing_builds(self):
        self.refuses("tests/lost/x_test.cc", "TEST(A, B) { f(); }\n", "builds it")
        self.write("tests/lost/CMakeLists.txt", "# x_test.cc\n")
        self.refuses("tests/lost/x_test.cc", "TEST(A, B) { f(); }\n", "builds it")

    def test_a_wait_by_sleeping(self):
        self.refuses("tests/x.cc", "std::this_thread::sleep_for(1s);\n", "sleeping")

    def test_unfinished_work(self):
        for word in ("TODO", "FIXME"):
            self.refuses("src/money/x.cc", f"// {word}: round\n", "finish it")


class FormatTest(CheckTest):
    check = "check_format"

    def test_a_clean_tree_passes(self):
        self.passes()

    def test_a_line_out_of_form(self):
        self.refuses("src/money/x.cc", "int   f( );\n", "clang-format")

    def test_an_empty_tree_is_refused(self):
        empty = self.root / "nothing"
        empty.mkdir()
        self.assertNotEqual(self.run_check(str(empty)).returncode, 0)


class ContractTest(CheckTest):
    check = "check_contract.py"
    LAWS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

    def setUp(self):
        super().setUp()
        self.write("include/holdfast/result.h",
                   "enum class ErrorCode {\n  not_frozen = 10,\n  storage_full = 65,\n};\n")
        self.write("src/ledger/x_test.cc", "TEST(A, B) { EXPECT_EQ(code(), ErrorCode::not_frozen); }\n")
        self.write("src/service/full_test.cc",
                   "TEST(A, B) { EXPECT_EQ(code(), ErrorCode::storage_full); audit(ledger); }\n")
        self.write("sim/coverage.cc", 'auto needed = {"rejected not_frozen"};\n')
        self.write("sim/audit.cc", "Auditor auditor;\n")
        self.write("tests/crash/crash_test.cc", "TEST(A, B) { EXPECT_TRUE(ledger.audit()->ok); }\n")
        self.write("src/ledger/audit_findings.h", "kLawNames = {\n    " + ", ".join(f'"{law}"' for law in self.LAWS) + "};\n")
        self.write("docs/laws.md", " ".join(f"`{law}`" for law in self.LAWS) + "\n")
        self.write("src/ledger/laws_test.cc",
                   "TEST(A, B) {\n" + "".join(f'  expect_broken(spoilt(), "{law}", "why");\n' for law in self.LAWS) + "}\n")

    def test_a_clean_tree_passes(self):
        self.passes()

    def test_a_code_that_no_test_produces(self):
        for text in ("TEST(A, B) { f(); }\n", "TEST(A, B) { f(); }  // ErrorCode::not_frozen\n",
                     "TEST(A, B) { g(fail(ErrorCode::not_frozen, {})); }\n"):
            self.write("src/ledger/x_test.cc", text)
            done = self.run_check(str(self.root))
            self.assertNotEqual(done.returncode, 0, text)
            self.assertIn("no test produces not_frozen", done.stdout)

    def test_a_rejection_that_the_simulator_does_not_count(self):
        self.refuses("sim/coverage.cc", "auto needed = {};\n", 'does not need "rejected not_frozen"')

    def test_a_law_without_a_planted_violation(self):
        self.refuses("src/ledger/laws_test.cc", 'TEST(A, B) { expect_broken(spoilt(), "one", "why"); }\n',
                     "plants no violation of two")

    def test_laws_that_two_kinds_check(self):
        self.write("tests/crash/crash_test.cc", "TEST(A, B) { f(); }  // ledger.audit()\n")
        done = self.run_check(str(self.root))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("one is checked in 2 kinds of test", done.stdout)

    def test_a_law_that_is_gone(self):
        self.refuses("src/ledger/audit_findings.h", 'kLawNames = {"one"};\n', "1 laws, not nine")


class BuiltTest(CheckTest):
    """A check that asks ctest what it knows."""

    def setUp(self):
        super().setUp()
        self.build = self.root / "build"
        for program in ("base_test", "other_test"):  # ctest forgets the commands of programs that are not there
            self.write(f"build/{program}", "")
            (self.build / program).chmod(0o755)
        self.register()

    def register(self, *tests: tuple[str, str], properties: str = "", compiled: tuple[str, ...] = ("src/base/file_test.cc",)):
        lines = [f'add_test({name} {command.replace("/p/", f"{self.build}/")})\n' + (f'set_tests_properties({name} PROPERTIES {properties})\n' if properties else "")
                 for name, command in (tests or (("File.Opens", '"/p/base_test" "--gtest_filter=File.Opens"'),))]
        self.write("build/CTestTestfile.cmake", "".join(lines))
        self.write("build/compile_commands.json", json.dumps(
            [{"directory": str(self.root), "file": str((self.root / path).resolve()),
              "command": "g++ -o src/base/CMakeFiles/base_test.dir/x.o"} for path in compiled]))

    def run_check(self, *arguments: str) -> subprocess.CompletedProcess:
        return super().run_check(*arguments, str(self.build))

    def complains(self, complaint: str):
        done = self.run_check(str(self.root))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(complaint, done.stdout)


class TestsTest(BuiltTest):
    check = "check_tests.py"

    def test_a_clean_tree_passes(self):
        self.passes()
        for whole in ('"/p/base_test"', '"/p/base_test" "--gtest_filter=-Long*"', '"/p/base_test" "--gtest_filter=*Opens*"'):
            self.register(("base_test", whole))
            self.passes()

    def test_a_test_that_is_in_no_program(self):
        self.register(compiled=("src/base/other.cc",))
        self.complains("src/base/file_test.cc: is in no program")

    def test_a_test_that_no_run_takes_in(self):
        for run in ('"/p/base_test" "--gtest_filter=File.Closes"', '"/p/base_test" "--gtest_filter=-*Opens"',
                    '"/p/other_test"'):
            self.register(("base_test", run))
            self.complains("no run of ctest takes in File.Opens")

    def test_a_test_that_is_disabled(self):
        self.register(("File.Opens", '"/p/base_test"'), properties='DISABLED "ON"')
        self.complains("it is disabled")
        self.register()
        self.refuses("src/base/CMakeLists.txt", "set_tests_properties(x PROPERTIES WILL_FAIL ON)\n", "skipped")

    def test_a_program_that_is_not_built(self):
        self.write("build/CTestTestfile.cmake", "add_test(base_test_NOT_BUILT base_test_NOT_BUILT)\n")
        self.complains("no run of ctest takes in File.Opens")

    def test_a_script_that_is_not_run_is_skipped_or_empty(self):
        script = self.root.resolve() / "tests/x/x_test.py"
        self.write("tests/x/x_test.py", "def test_it():\n    assert f()\n")
        self.complains("ctest does not run it")
        self.register(("File.Opens", '"/p/base_test"'), ("x", f'"python3" "{script}"'))
        self.passes()
        self.write("tests/x/x_test.py", 'def test_it():\n    """Nothing yet."""\n    pass\n')
        self.complains("test_it is empty")
        self.write("tests/x/x_test.py", "@unittest.skip('later')\ndef test_it():\n    assert f()\n")
        self.complains("skipped")


class DocumentsTest(BuiltTest):
    check = "check_documents.py"

    def setUp(self):
        super().setUp()
        self.register(("File.Opens", '"/p/base_test"'), properties='LABELS "postgres"')
        self.write("CMakePresets.json", json.dumps({"configurePresets": [{"name": "release"}]}))
        self.write("docs/other.md", "# A heading, with marks\n")
        self.write("test", "")
        self.write("program", '#!/bin/sh\ncase "$*" in "--help") echo "  init  makes"; echo "  --json";;\n'
                   '"init --help") echo "  --ledger URL";;\n"init") ;;\n*) exit 2;; esac\n')
        (self.root / "program").chmod(0o755)

    def run_check(self, *arguments: str) -> subprocess.CompletedProcess:
        return CheckTest.run_check(self, *arguments, str(self.build), str(self.root / "program"))

    def test_a_clean_document_passes(self):
        self.write("README.md", "[a](docs/other.md#a-heading-with-marks) [b](https://x.example/) `src/base/file.h` "
                   "`src/base/*_test.cc` `include/holdfast/{ids,money}.h`\n```\n$ holdfast init\n```\n"
                   "`holdfast init --ledger x` `ctest --preset release -L postgres` `ctest -R File` `./test full`\n")
        self.passes()

    def test_links_and_paths_that_lead_nowhere(self):
        self.refuses("README.md", "[a](docs/gone.md)\n", "leads nowhere")
        self.refuses("README.md", "[a](docs/other.md#gone)\n", "has no heading #gone")
        self.refuses("docs/other.md", "see `src/base/gone.h`\n", "there is no src/base/gone.h")
        self.refuses("docs/other.md", "see `include/holdfast/{ids,gone}.h`\n", "there is no include/holdfast/gone.h")

    def test_command_lines_that_do_not_work(self):
        for line, complaint in (("holdfast gone", "no sub-command gone"), ("holdfast init --gone", "no option --gone"),
                                ("ctest --preset gone", "no preset gone"), ("ctest -L gone", "no test has the label gone"),
                                ("ctest -R Gone", "no test's name has Gone"), ("./test gone", "no tier gone"),
                                ("scripts/gone", "there is no scripts/gone")):
            self.refuses("docs/other.md", f"```\n{line}\n```\n", complaint)
            self.refuses("docs/other.md", f"Call `{line}`.\n", complaint)

    def test_an_example_that_does_not_run(self):
        self.refuses("README.md", "```\n$ holdfast init --ledger x\n```\n", "its example does not run")


class ClangTidyTest(CheckTest):
    check = "check_clang_tidy.py"

    def setUp(self):
        super().setUp()
        shutil.copy(ROOT / ".clang-tidy", self.root)
        self.compile("src/money/x.cc")

    def compile(self, *paths: str):
        sources = [self.root / path for path in paths]
        commands = [{"directory": str(self.root), "file": str(source), "command": f"g++ -std=c++23 -I{self.root}/src -c {source}"}
                    for source in sources]
        self.write("compile_commands.json", json.dumps(commands))

    def run_on(self, text: str) -> subprocess.CompletedProcess:
        self.write("src/money/x.cc", text)
        return self.run_check(str(self.root), str(self.root))

    def test_a_clean_file_passes(self):
        done = self.run_on("int twice(int number) { return 2 * number; }\n")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertIn("1 files, 0 problems", done.stdout)

    def test_a_name_out_of_style(self):
        done = self.run_on("int TwiceAsMuch(int number) { return 2 * number; }\n")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("src/money/x.cc:1:5: ", done.stdout)
        self.assertIn("readability-identifier-naming", done.stdout)

    def test_a_bug(self):
        done = self.run_on("#include <string>\nint f(std::string a) {\n  std::string b = std::move(a);\n"
                           "  return static_cast<int>(a.size() + b.size());\n}\n")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("bugprone-use-after-move", done.stdout)

    def test_a_clean_file_is_looked_at_again_when_a_header_changes(self):
        self.write("src/money/x.h", "int twice(int number);\n")
        self.assertEqual(self.run_on('#include "money/x.h"\n').returncode, 0)
        self.write("src/money/x.h", "int TwiceAsMuch(int number);\n")
        done = self.run_on('#include "money/x.h"\n')
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("src/money/x.h:1:5: ", done.stdout)

    def test_a_problem_in_a_header_counts_once(self):
        self.write("src/money/x.h", "int TwiceAsMuch(int number);\n")
        self.write("src/money/y.cc", '#include "money/x.h"\n')
        self.compile("src/money/x.cc", "src/money/y.cc")
        done = self.run_on('#include "money/x.h"\n')
        self.assertIn("2 files, 1 problems", done.stdout)

    def test_what_it_cannot_parse_is_refused(self):
        done = self.run_on('#include "money/gone.h"\n')
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("'money/gone.h' file not found", done.stdout)
        self.assertNotEqual(self.run_on("int twice(int number {\n").returncode, 0)

    def test_nothing_to_look_at_is_refused(self):
        self.write("compile_commands.json", "[]")
        self.assertNotEqual(self.run_check(str(self.root), str(self.root)).returncode, 0)


SUITES = {"includes": IncludesTest, "sources": SourcesTest, "format": FormatTest, "contract": ContractTest,
          "documents": DocumentsTest, "tests": TestsTest, "clang_tidy": ClangTidyTest}

if __name__ == "__main__":
    names = sys.argv[1:] or [name for name in SUITES if name != "clang_tidy"]
    loader = unittest.TestLoader()
    suite = unittest.TestSuite(loader.loadTestsFromTestCase(SUITES[name]) for name in names)
    sys.exit(0 if unittest.TextTestRunner().run(suite).wasSuccessful() else 1)
