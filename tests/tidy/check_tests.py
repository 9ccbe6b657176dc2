#!/usr/bin/env python3
"""Refuses a test that nothing runs: one that no program has, a program or script that ctest does not know, a filter
that leaves out what no other run takes in, and whatever is skipped, disabled or empty.

usage: check_tests.py ROOT BUILD
"""

import ast
import fnmatch
import json
import pathlib
import re
import subprocess
import sys

from sources import finish, line_of, strip

FOLDERS = ("src", "sim", "tests", "bench", "examples", "packaging")
TEST = re.compile(
    r"\b(TEST|TEST_F|TEST_P|TYPED_TEST|RC_GTEST_PROP|RC_GTEST_FIXTURE_PROP)\s*\(\s*(\w+)\s*,\s*(\w+)")
TARGET = re.compile(r"CMakeFiles/([^/]+)\.dir/")
SKIPPED_PYTHON = re.compile(r"\bskipTest\b|\bunittest\.skip\w*|\bexpectedFailure\b|\bpytest\.(?:mark\.)?(?:skip\w*|xfail)")
SKIPPED_CMAKE = re.compile(r"\bDISABLED\b|\bWILL_FAIL\b|\bSKIP_(?:RETURN_CODE|REGULAR_EXPRESSION)\b")


def files(root: pathlib.Path, pattern: str) -> list[pathlib.Path]:
    return sorted(path for folder in FOLDERS for path in (root / folder).rglob(pattern))


class Registered:
    """What ctest runs."""

    def __init__(self, build: pathlib.Path):
        done = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"], capture_output=True, text=True,
                              check=True)
        self.tests = json.loads(done.stdout)["tests"]

    def problems(self) -> list[str]:
        found = []
        for test in self.tests:
            disabled = [p for p in test.get("properties", ()) if p["name"] == "DISABLED" and p["value"]]
            if disabled or "command" not in test:
                found.append(f"ctest knows {test['name']}, but would not run it: "
                             + ("it is disabled" if disabled else "its program is not built"))
        return found

    def filters_of(self, program: str) -> list[str]:
        """The filters under which a program of GoogleTest is run; `*` is all of it."""
        filters = []
        for test in self.tests:
            words = test.get("command", ())
            if not any(pathlib.PurePath(word).name == program for word in words):
                continue
            given = [word.split("=", 1)[1] for word in words if word.startswith("--gtest_filter=")]
            filters += given or ["*"]
        return filters

    def runs_script(self, path: pathlib.Path) -> bool:
        return any(word == str(path) for test in self.tests for word in test.get("command", ()))


def takes_in(gtest_filter: str, suite: str, name: str) -> bool:
    """Whether a filter takes a test in, by itself or with a parameter."""
    wanted, _, left_out = gtest_filter.partition("-")
    names = (f"{suite}.{name}", f"x/{suite}.{name}/0", f"{suite}/0.{name}")
    exact = re.compile(rf"(?:\w+/)?{suite}(?:/\w+)?\.{name}(?:/.+)?")

    def matches(pattern: str) -> bool:
        return bool(exact.fullmatch(pattern)) or any(fnmatch.fnmatchcase(each, pattern) for each in names)

    if any(matches(pattern) for pattern in left_out.split(":") if pattern):
        return False
    return any(matches(pattern) for pattern in (wanted or "*").split(":"))


def programs_of(build: pathlib.Path) -> dict[pathlib.Path, set[str]]:
    """The targets that each source is compiled into."""
    programs: dict[pathlib.Path, set[str]] = {}
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        if target := TARGET.search(entry["command"]):
            programs.setdefault(pathlib.Path(entry["file"]), set()).add(target.group(1))
    return programs


def problems_of_cpp(root: pathlib.Path, build: pathlib.Path, registered: Registered) -> list[str]:
    problems = []
    programs = programs_of(build)
    for path in files(root, "*_test.cc"):
        shown = path.relative_to(root)
        if path not in programs:
            problems.append(f"{shown}: is in no program")
            continue
        filters = [each for program in programs[path] for each in registered.filters_of(program)]
        code = strip(path.read_text(encoding="utf-8"))
        for test in TEST.finditer(code):
            if not any(takes_in(each, test.group(2), test.group(3)) for each in filters):
                problems.append(f"{shown}:{line_of(code, test.start())}: no run of ctest takes in "
                                f"{test.group(2)}.{test.group(3)}")
    return problems


def is_empty(function: ast.FunctionDef) -> bool:
    return all(isinstance(part, ast.Pass) or (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))
               for part in function.body)


def problems_of_scripts(root: pathlib.Path, registered: Registered) -> list[str]:
    problems = []
    for path in [*files(root, "*_test.py"), *files(root, "*_test.sh"), *files(root, "*_test")]:
        shown = path.relative_to(root)
        if path.is_dir():
            continue
        if not registered.runs_script(path):
            problems.append(f"{shown}: ctest does not run it")
        if path.suffix != ".py":
            continue
        text = path.read_text(encoding="utf-8")
        if path.parent != pathlib.Path(__file__).resolve().parent:  # which plants such words
            problems += [f"{shown}:{line_of(text, match.start())}: `{match.group()}`: a test that is skipped"
                         for match in SKIPPED_PYTHON.finditer(text)]
        problems += [f"{shown}:{node.lineno}: {node.name} is empty" for node in ast.walk(ast.parse(text))
                     if isinstance(node, ast.FunctionDef) and node.name.startswith("test") and is_empty(node)]
    for path in [root / "CMakeLists.txt", *files(root, "CMakeLists.txt"), *sorted((root / "cmake").glob("*.cmake"))]:
        if not path.exists():
            continue
        text = re.sub(r"#.*", "", path.read_text(encoding="utf-8"))
        problems += [f"{path.relative_to(root)}:{line_of(text, match.start())}: `{match.group()}`: a test that is skipped"
                     for match in SKIPPED_CMAKE.finditer(text)]
    return problems


def main(root: pathlib.Path, build: pathlib.Path) -> int:
    root, build = root.resolve(), build.resolve()
    registered = Registered(build)
    problems = registered.problems() + problems_of_cpp(root, build, registered) + problems_of_scripts(root, registered)
    return finish("tests", problems, len(registered.tests))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])))
