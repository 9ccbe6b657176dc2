#!/usr/bin/env python3
"""Refuses an include that points up or sideways.

usage: check_includes.py ROOT

A file of src/<layer>/ may include its own layer, lower layers, and the public headers that those own. A foreign
library is included only by the layers that it is for.
"""

import pathlib
import re
import sys

from sources import finish, sources

# Bottom up, each with its height. Layers of one height stand side by side and do not see each other.
LAYERS = {
    "base": 0,
    "money": 1,
    "http": 1,
    "ledger": 2,
    "journal": 3,
    "postgres": 3,
    "service": 4,
    "text": 5,
    "json": 5,
    "server": 6,
    "cli": 7,
}

# Which layer implements a public header: it and those above may include it.
PUBLIC_OWNERS = {
    "result.h": "base",
    "ids.h": "base",
    "time.h": "base",
    "money.h": "money",
    "commands.h": "ledger",
    "answers.h": "ledger",
    "queries.h": "ledger",
    "postgres.h": "postgres",
    "ledger.h": "service",
    "maintenance.h": "service",
    "holdfast.h": "service",
}

# Folders beside src/, and which of each other they may include. All of them see every layer but the examples,
# which build against what is installed.
OUTSIDE = {"sim": {"sim"}, "tests": {"tests", "sim"}, "bench": {"bench"}, "fuzz": {"fuzz", "tests"}}

# Foreign libraries by the start of the include, and the layers they are for. Programs outside src/ are free.
LIBRARIES = {
    "openssl/": {"base", "http", "server"},
    "sodium": {"base", "server"},
    "boost/json": {"json", "server", "cli"},
    "boost/": {"http", "server"},
    "prometheus/": {"server"},
    "spdlog/": {"server"},
    "CLI/": {"cli"},
    "libpq": {"postgres"},
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.MULTILINE)


def layer_of(path: pathlib.PurePath) -> str | None:
    """The layer a file belongs to; None outside src/ and include/."""
    if path.parts[0] == "src":
        return path.parts[1]
    if path.parts[0] == "include":
        return PUBLIC_OWNERS.get(path.name, "")
    return None


def sees(mine: str, other: str) -> bool:
    return other == mine or LAYERS[other] < LAYERS[mine]


def position(mine: str, other: str) -> str:
    """Where a layer that is not seen stands."""
    return "neighbouring" if LAYERS[other] == LAYERS[mine] else "higher"


def problem_with(root: pathlib.Path, path: pathlib.PurePath, quote: str, target: str) -> str | None:
    """What is wrong with `path` including `target`, or None."""
    first, _, rest = target.partition("/")
    mine = layer_of(path)
    if mine is not None and mine not in LAYERS:
        return "is in no layer: name it in tests/tidy/check_includes.py"
    if first == "holdfast":
        owner = PUBLIC_OWNERS.get(rest)
        if owner is None:
            return f"includes {target}, which no layer owns"
        if mine is not None and not sees(mine, owner):
            return f"includes {target}, which belongs to the {position(mine, owner)} layer `{owner}`"
        return None
    if quote == "<":
        return problem_with_library(mine, target)
    if path.parts[0] == "examples":
        if not rest and (root / path).with_name(target).exists():
            return None
        return f"includes {target}: examples use the installed headers only"
    if not rest or first in (".", ".."):
        return f"includes {target} without its folder: write \"layer/file.h\""
    if first in LAYERS:
        if mine is not None and not sees(mine, first):
            return f"includes {target}, of the {position(mine, first)} layer `{first}`"
        return None if path.parts[0] != "include" else f"includes {target}: public headers stand alone"
    if first in OUTSIDE.get(path.parts[0], ()):
        return None
    if path.name.endswith("_test.cc") and target.startswith("tests/support/"):
        return None
    return f"includes {target}, which is nothing that it may use"


def problem_with_library(mine: str | None, target: str) -> str | None:
    if mine is None:
        return None
    for start, layers in LIBRARIES.items():
        if target.startswith(start):
            return None if mine in layers else f"includes <{target}>, a library that `{mine}` has no use for"
    return None


def main(root: pathlib.Path) -> int:
    problems = []
    files = sources(root)
    for path in files:
        relative = path.relative_to(root)
        text = path.read_text(encoding="utf-8")
        for match in INCLUDE.finditer(text):
            if problem := problem_with(root, relative, match.group(1), match.group(2)):
                line = text.count("\n", 0, match.start()) + 1
                problems.append(f"{relative}:{line}: {problem}")
    return finish("includes", problems, len(files))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(pathlib.Path(sys.argv[1])))
