#!/usr/bin/env python3
"""Refuses what has no place in the sources: hidden inputs, floating point near money, tests that cannot fail.

usage: check_sources.py ROOT
"""

import fnmatch
import pathlib
import re
import sys
from dataclasses import dataclass, field

from sources import finish, line_of, sources, strip


@dataclass
class Rule:
    """A pattern that may not occur in files of `where`, but in those excepted, each with its reason."""

    what: str
    pattern: str
    where: tuple[str, ...]
    but: dict[str, str] = field(default_factory=dict)

    def applies_to(self, path: str) -> bool:
        return any(fnmatch.fnmatch(path, glob) for glob in self.where) and not any(
            fnmatch.fnmatch(path, glob) for glob in self.but
        )


CODE = ("src/*", "include/*")
ALL = ("src/*", "include/*", "sim/*", "tests/*", "bench/*", "examples/*", "fuzz/*")
BESIDE = "a test may use what it likes"

RULES = (
    Rule(
        "a clock beside the seam src/base/clock.h",
        r"\b(?:steady_clock|high_resolution_clock|chrono::system_clock|gettimeofday|clock_gettime|localtime|gmtime)\b"
        r"|\btime\((?:nullptr|NULL|0)\)",
        (*CODE, "sim/*"),
        {
            "src/base/clock.cc": "the seam's own implementation",
            "sim/run_main.cc": "tells how long all of it took",
            "*_test.cc": BESIDE,
        },
    ),
    Rule(
        "randomness beside the seam src/base/random.h",
        r"\b(?:s?rand)\s*\(|\brandom_device\b|\bstd::\w+_distribution\b|\bmt19937\w*\b|\bgetrandom\b|\barc4random\w*\b",
        (*CODE, "sim/*"),
        {
            "src/base/random.cc": "the seam's own implementation",
            "*_test.cc": "seeded, and the same in every run",
            "src/journal/testing/*": "tests' own, seeded too",
        },
    ),
    Rule(
        "a distribution: each standard library gives other numbers from one seed",
        r"\bstd::\w+_distribution\b|\brandom_device\b",
        ("sim/*", "tests/*", "bench/*", "*_test.cc", "src/*/testing/*"),
    ),
    Rule(
        "floating point",
        r"\b(?:float|double)\b",
        (*CODE, "sim/*"),
        {
            "sim/run_main.cc": "how long it took, for people",
            "src/json/document.cc": "the JSON reader's callback takes one; it is not looked at",
            "src/cli/disk_limit*": "rates of a measurement, for people",
            "src/cli/bench*": "rates of a measurement, for people",
            "src/cli/progress*": "how far and how fast, for people",
            "src/server/metric*": "Prometheus has no other numbers",
        },
    ),
    Rule(
        "a file call beside the seam src/base/file.h",
        r"\b(?:ifstream|ofstream|std::fstream|fopen|fread|fwrite|pread|pwrite|fsync|fdatasync|fallocate)\b"
        r"|(?<![\w>])::(?:open|read|write|rename|unlink|close)\s*\(",
        CODE,
        {
            "src/base/posix_file.cc": "the seam's own implementation",
            "src/cli/*": "reads commands, writes answers; what it keeps goes through the ledger",
            "src/http/testing/*": "closes its sockets",
            "*_test.cc": BESIDE,
        },
    ),
    Rule(
        "a container in the order of addresses, which differs from run to run",
        r"\b(?:map|set|multimap|multiset|btree_map|btree_set|unordered_map|unordered_set|flat_hash_map|flat_hash_set)"
        r"<\s*(?:const\s+)?[\w:]+(?:\s+const)?\s*\*",
        (*CODE, "sim/*"),
    ),
    Rule("a wait by sleeping", r"\b(?:sleep_for|sleep_until|usleep|nanosleep)\b|(?<![\w:.])sleep\s*\(", ALL,
         {"src/postgres/committer.cc": "waits before it tries again: nothing would tell it",
          "src/postgres/maintenance.cc": "waits while another session seals",
          "src/cli/bench.cc": "asks a server from time to time how far it is"}),
    Rule("a test that is skipped or disabled", r"\bGTEST_SKIP\b|\bDISABLED_\w*", ALL),
    Rule(
        "a test without a body",
        r"\b(?:TEST|TEST_F|TEST_P|TYPED_TEST|RC_GTEST_PROP|RC_GTEST_FIXTURE_PROP)\s*\([^{}]*\)\s*\{\s*\}",
        ALL,
    ),
)

# In the schema of PostgreSQL too, money is whole numbers.
SQL_FLOAT = re.compile(r"\b(?:real|float[48]?|double\s+precision)\b", re.IGNORECASE)

# Notes of unfinished work stand in comments, so the whole text is searched.
UNFINISHED = re.compile(r"\b(?:TODO|FIXME)\b")
TEST = re.compile(r"\b(?:TEST|TEST_F|TEST_P|TYPED_TEST|RC_GTEST_PROP|RC_GTEST_FIXTURE_PROP)\s*\(")


def is_built(path: pathlib.Path) -> bool:
    """Whether the folder's CMakeLists.txt takes the test in, by name or by a glob."""
    cmake = path.parent / "CMakeLists.txt"
    if not cmake.exists():
        return False
    text = re.sub(r"#.*", "", cmake.read_text(encoding="utf-8"))
    return any(part in text for part in ("holdfast_layer(", path.name, "*_test.cc", "*.cc"))


def problems_in(relative: str, path: pathlib.Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    code = strip(text)
    problems = []
    for rule in RULES:
        if not rule.applies_to(relative):
            continue
        for match in re.finditer(rule.pattern, code):
            problems.append(f"{relative}:{line_of(code, match.start())}: `{match.group().strip()}`: {rule.what}")
    for match in UNFINISHED.finditer(text):
        problems.append(f"{relative}:{line_of(text, match.start())}: `{match.group()}`: finish it, or leave it out")
    if path.name.endswith("_test.cc"):
        if not TEST.search(code):
            problems.append(f"{relative}: a test file without a test")
        if not is_built(path):
            problems.append(f"{relative}: no CMakeLists.txt beside it builds it")
    return problems


def problems_in_sql(root: pathlib.Path) -> list[str]:
    problems = []
    for path in sorted((root / "src").rglob("*.sql")):
        text = re.sub(r"--[^\n]*", "", path.read_text(encoding="utf-8"))
        problems += [f"{path.relative_to(root)}:{line_of(text, match.start())}: `{match.group()}`: floating point"
                     for match in SQL_FLOAT.finditer(text)]
    return problems


def main(root: pathlib.Path) -> int:
    files = sources(root)
    problems = problems_in_sql(root)
    for path in files:
        problems += problems_in(path.relative_to(root).as_posix(), path)
    return finish("sources", problems, len(files))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1])))
