#!/usr/bin/env python3
"""Proves that each check of this folder can fail: plants a violation in a small tree, and looks for the complaint.

usage: tidy_test.py [includes|sources|format|clang_tidy]…   (default: all but clang_tidy)
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


SUITES = {"includes": IncludesTest, "sources": SourcesTest, "format": FormatTest, "clang_tidy": ClangTidyTest}

if __name__ == "__main__":
    names = sys.argv[1:] or ["includes", "sources", "format"]
    loader = unittest.TestLoader()
    suite = unittest.TestSuite(loader.loadTestsFromTestCase(SUITES[name]) for name in names)
    sys.exit(0 if unittest.TextTestRunner().run(suite).wasSuccessful() else 1)
