#!/usr/bin/env python3
"""Refuses an error code that no test produces, and a law that fewer than three kinds of test check.

A code counts as produced where a test names it in what it expects, not where it makes one up. A rejection is produced
by the simulator too, which counts it and fails over a zero. A law counts as checked by a kind of test that has the
auditor of src/ledger/laws.h look at its ledgers, since that reports each law by its name; and the auditor's own test
plants a violation of each.

usage: check_contract.py ROOT
"""

import pathlib
import re
import sys

from sources import finish, strip

CODE = re.compile(r"^\s*(\w+) = (\d+),", re.MULTILINE)
FIRST_OPERATING = 64
KINDS_AT_LEAST = 3

# Rejections that the simulator cannot meet, and why.
NOT_SIMULATED = {
    "group_not_found": "of queries only, which the conformance tests ask",
    "batch_too_large": "a list of more than 8,192, which is tested for itself",
}

AUDITS = re.compile(r"\.audit\(|\bbroken_laws\(|\bAuditor\b|\baudit\(ledger|\"audit\"")


def test_code(root: pathlib.Path) -> str:
    """What tests say, without comments and without the errors that they make up themselves."""
    parts = []
    for folder in ("src", "sim", "tests"):
        for path in sorted((root / folder).rglob("*_test.cc")):
            parts.append(re.sub(r"//[^\n]*", "", path.read_text(encoding="utf-8")))
        for path in sorted((root / folder).rglob("*_test.py")):
            parts.append(re.sub(r"#[^\n]*", "", path.read_text(encoding="utf-8")))
    return re.sub(r"\bfail\(\s*ErrorCode::\w+|\bcode = ErrorCode::\w+", "", "\n".join(parts))


def problems_of_codes(root: pathlib.Path) -> tuple[list[str], int]:
    header = (root / "include/holdfast/result.h").read_text(encoding="utf-8")
    codes = {name: int(number) for name, number in CODE.findall(header)}
    tests = test_code(root)
    coverage = (root / "sim/coverage.cc").read_text(encoding="utf-8")
    problems = []
    for code, number in codes.items():
        if not re.search(rf"\bErrorCode::{code}\b|[\"']{code}[\"']", tests):
            problems.append(f"include/holdfast/result.h: no test produces {code}")
        if number >= FIRST_OPERATING or code in NOT_SIMULATED:
            continue
        if f'"rejected {code}"' not in coverage:
            problems.append(f"sim/coverage.cc: does not need \"rejected {code}\", or say in NOT_SIMULATED why not")
    return problems, len(codes)


def kinds_with_audit(root: pathlib.Path) -> set[str]:
    """The kinds of test that have the auditor look: folders of tests/, `unit` beside the code, `simulation`."""
    kinds = set()
    for path in [*root.glob("src/**/*_test.cc"), *root.glob("src/**/testing/*"), *root.glob("sim/*.cc"),
                 *root.glob("tests/*/*")]:
        if path.suffix not in (".cc", ".h", ".py"):
            continue
        text = path.read_text(encoding="utf-8")
        if not AUDITS.search(text if path.suffix == ".py" else strip(text)):
            continue
        folder = path.relative_to(root).parts
        kinds.add({"src": "unit", "sim": "simulation"}.get(folder[0], folder[1]))
    return kinds - {"support", "tidy"}


def problems_of_laws(root: pathlib.Path) -> tuple[list[str], int]:
    names = re.search(r"kLawNames = \{([^}]*)\}", (root / "src/ledger/audit_findings.h").read_text(encoding="utf-8"))
    laws = re.findall(r'"(\w+)"', names.group(1)) if names else []
    document = (root / "docs/laws.md").read_text(encoding="utf-8")
    planted = (root / "src/ledger/laws_test.cc").read_text(encoding="utf-8")
    kinds = kinds_with_audit(root)
    problems = []
    if len(laws) != 9:
        problems.append(f"src/ledger/audit_findings.h: {len(laws)} laws, not nine")
    for law in laws:
        if f"`{law}`" not in document:
            problems.append(f"docs/laws.md: does not name the law {law}")
        if not re.search(rf'expect_broken\((?:(?!expect_broken)[\s\S])*?"{law}"', planted):
            problems.append(f"src/ledger/laws_test.cc: plants no violation of {law}")
        if len(kinds) < KINDS_AT_LEAST:
            problems.append(f"{law} is checked in {len(kinds)} kinds of test, not in {KINDS_AT_LEAST}: {sorted(kinds)}")
    return problems, len(laws)


def main(root: pathlib.Path) -> int:
    codes, code_count = problems_of_codes(root)
    laws, law_count = problems_of_laws(root)
    return finish("contract (codes and laws)", codes + laws, code_count + law_count)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1])))
