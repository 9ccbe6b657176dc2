#!/usr/bin/env python3
"""Runs clang-tidy 19 with the rules of .clang-tidy over the sources that a build compiles, tests left out; the headers
that they include are looked at with them.

A file costs seconds, so one that was clean is not looked at again while it, its headers and the rules are the same:
BUILD/clang_tidy/ has an empty file for each such, named by the hash of the preprocessed text and the rules.

usage: check_clang_tidy.py ROOT BUILD [--only REGEX] [--jobs N]
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

from sources import finish

FOLDERS = ("src", "sim", "bench", "examples", "fuzz")
# The compilers' own warnings are g++'s, in every build: clang knows other options, and complains within libstdc++.
CLANG_TIDY = ("clang-tidy-19", "--quiet", "--warnings-as-errors=*", "--extra-arg=-Wno-error")
FINDING = re.compile(r"^(/\S+:\d+:\d+: )(?:warning|error): (.*)$", re.MULTILINE)


def compiled(root: pathlib.Path, build: pathlib.Path) -> dict[pathlib.Path, dict]:
    """The entries of the build's compile_commands.json, by file, one each."""
    entries = {}
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        file = pathlib.Path(entry["file"])
        if any(file.is_relative_to(root / folder) for folder in FOLDERS) and not file.name.endswith("_test.cc"):
            entries.setdefault(file, entry)
    return entries


def preprocessed(entry: dict) -> bytes:
    """What the compiler sees of a file, with its macros and comments: checks look at these too."""
    words = shlex.split(entry["command"])
    if "-o" in words:
        at = words.index("-o")
        del words[at : at + 2]
    words = ["-E" if word == "-c" else word for word in words]
    done = subprocess.run([*words, "-dD", "-CC"], cwd=entry["directory"], capture_output=True, check=False)
    return done.stdout if done.returncode == 0 else b""


def look_at(file: pathlib.Path, entry: dict, build: pathlib.Path, rules: bytes) -> list[str]:
    """What is wrong with a file."""
    text = preprocessed(entry)
    clean = build / "clang_tidy" / hashlib.sha256(rules + text).hexdigest()
    if text and clean.exists():
        return []
    done = subprocess.run([*CLANG_TIDY, "-p", build, file], capture_output=True, text=True, check=False)
    found = ["".join(match) for match in FINDING.findall(done.stdout + done.stderr)]
    if done.returncode != 0 and not found:
        found = [f"{file}: clang-tidy failed:\n{done.stdout}{done.stderr}"]
    if text and not found:
        clean.touch()
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="clang-tidy over the project's sources, tests left out")
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--only", default="", help="a regular expression: only files whose path has it")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    root, build = options.root.resolve(), options.build.resolve()

    version = subprocess.run([CLANG_TIDY[0], "--version"], capture_output=True, check=True).stdout
    rules = version + repr(CLANG_TIDY).encode() + (root / ".clang-tidy").read_bytes()
    files = {file: entry for file, entry in sorted(compiled(root, build).items()) if re.search(options.only, str(file))}
    (build / "clang_tidy").mkdir(exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        found = list(pool.map(lambda item: look_at(*item, build, rules), files.items()))
    # A header's problem is found with each file that includes it.
    problems = sorted({problem.replace(f"{root}/", "") for problems in found for problem in problems})
    return finish("clang-tidy", problems, len(files))


if __name__ == "__main__":
    sys.exit(main())
