#!/usr/bin/env python3
"""Refuses documents that do not hold: links and paths that lead nowhere, command lines with sub-commands, options,
presets or tests that are not there, and a README whose own example does not run.

usage: check_documents.py ROOT BUILD [HOLDFAST]    (without the program its command lines are not looked at)
"""

import functools
import json
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

from sources import finish, line_of

TOP = ("include", "src", "sim", "tests", "bench", "docs", "examples", "scripts", "packaging", "cmake")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
# Code in text that begins like a command and is none.
NO_COMMANDS = {"holdfast snapshot": "a text that is hashed into snapshots"}
PATH = re.compile(rf"(?:{'|'.join(TOP)})/[\w./*{{}},-]*")


def documents(root: pathlib.Path) -> list[pathlib.Path]:
    found = [*root.glob("*.md"), *(path for top in TOP for path in (root / top).rglob("*.md"))]
    return sorted(found)


def anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


@functools.cache
def anchors(path: pathlib.Path) -> set[str]:
    text = FENCED.sub("", path.read_text(encoding="utf-8"))
    return {anchor(heading) for heading in re.findall(r"^#+ (.*)$", text, re.MULTILINE)}


class Document:
    def __init__(self, root: pathlib.Path, path: pathlib.Path):
        self.root, self.path = root, path
        self.text = path.read_text(encoding="utf-8")
        self.problems: list[str] = []

    def complain(self, position: int, what: str):
        self.problems.append(f"{self.path.relative_to(self.root)}:{line_of(self.text, position)}: {what}")

    def links(self):
        for match in LINK.finditer(self.text):
            target = match.group(1)
            if re.match(r"\w+:", target):
                continue
            file, _, mark = target.partition("#")
            found = self.path.parent / file if file else self.path
            if not found.exists():
                self.complain(match.start(), f"the link to {target} leads nowhere")
            elif mark and found.suffix == ".md" and mark not in anchors(found.resolve()):
                self.complain(match.start(), f"{file or 'this document'} has no heading #{mark}")

    def paths(self):
        """Paths of the tree in text and code: a name, a folder, or a pattern with at least one file."""
        for match in re.finditer(rf"`({PATH.pattern})`", self.text):
            for name in self.braces(match.group(1)):
                name = name.rstrip("/")
                if not any(self.root.glob(name)) and not any(self.root.glob(name + ".*")):
                    self.complain(match.start(), f"there is no {name}")

    @staticmethod
    def braces(name: str) -> list[str]:
        group = re.search(r"\{([^{}]*)\}", name)
        if not group:
            return [name]
        return [name[: group.start()] + part + name[group.end() :] for part in group.group(1).split(",")]

    def commands(self) -> list[tuple[int, str]]:
        """Command lines, with their place: lines of fenced blocks, and code in text."""
        found = []
        for block in FENCED.finditer(self.text):
            position = block.start(1)
            for line in block.group(1).splitlines(keepends=True):
                found.append((position, re.sub(r"^\s*\$ ", "", line).strip()))
                position += len(line)
        outside = FENCED.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), self.text)
        found += [(match.start(), match.group(1)) for match in SPAN.finditer(outside)]
        return found


class Programs:
    """What there is to call."""

    def __init__(self, root: pathlib.Path, build: pathlib.Path, holdfast: pathlib.Path | None):
        self.root, self.holdfast = root, holdfast
        presets = json.loads((root / "CMakePresets.json").read_text(encoding="utf-8"))
        self.presets = {preset["name"] for preset in presets["configurePresets"]}
        shown = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"], capture_output=True, text=True,
                               check=True)
        self.tests = json.loads(shown.stdout)["tests"]
        self.simulator = (root / "sim/run_main.cc").read_text(encoding="utf-8") if (root / "sim/run_main.cc").exists() else ""

    @functools.cache
    def help_of(self, *sub: str) -> str | None:
        done = subprocess.run([self.holdfast, *sub, "--help"], capture_output=True, text=True, check=False)
        return done.stdout if done.returncode == 0 else None

    def problem_with(self, line: str) -> str | None:
        """What is wrong with a command line that calls something of ours."""
        if line in NO_COMMANDS:
            return None
        try:
            words = shlex.split(re.sub(r"\s+(?:#|[←│]|\s{3,}\w).*$", "", line.replace("…", "")))
        except ValueError:
            return None  # no command line
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words = words[1:]  # its environment
        if not words:
            return None
        program = words[0]
        if program in ("holdfast", "build/run/holdfast") and self.holdfast:
            return self.problem_with_holdfast(words[1:])
        if program in ("./run", "./test", "./soak", "sim/run") or program.startswith("scripts/"):
            if not (self.root / program).exists():
                return f"there is no {program}"
            if program == "./test" and words[1:2] not in ([], ["full"]):
                return f"./test has no tier {words[1]}"
            missing = [word for word in words[1:] if word.startswith("--") and program == "sim/run"
                       and f'"{word}"' not in self.simulator]
            return f"{program} has no option {missing[0]}" if missing else None
        if program in ("cmake", "ctest"):
            return self.problem_with_cmake(program, words[1:])
        return None

    def problem_with_cmake(self, program: str, words: list[str]) -> str | None:
        pairs = dict(zip(words, words[1:]))
        preset = pairs.get("--preset")
        if preset is not None and preset not in self.presets and preset.islower():
            return f"there is no preset {preset}"
        if program == "cmake":
            return None
        if (pattern := pairs.get("-R")) and not any(re.search(pattern, test["name"]) for test in self.tests):
            return f"no test's name has {pattern}"
        labels = {label for test in self.tests for each in test.get("properties", ()) if each["name"] == "LABELS"
                  for label in each["value"]}
        for option in ("-L", "-LE"):
            if (label := pairs.get(option)) and label not in labels:
                return f"no test has the label {label}"
        return None

    def problem_with_holdfast(self, words: list[str]) -> str | None:
        sub: list[str] = []
        rest = list(words)
        while rest and rest[0].startswith("--"):  # `holdfast --ledger URL init`
            takes_value = "=" not in rest[0] and rest[0] not in ("--help", "--json", "--version")
            rest = rest[2 if takes_value else 1 :]
        while rest and re.fullmatch(r"[a-z][a-z-]*", rest[0]) and len(sub) < 2 and self.help_of(*sub, rest[0]):
            known = self.help_of(*sub) or ""
            if not re.search(rf"^\s+{re.escape(rest[0])}\b", known, re.MULTILINE):
                break
            sub.append(rest.pop(0))
        if not sub:
            if words and re.fullmatch(r"[a-z][a-z-]*", words[0]):
                return f"holdfast has no sub-command {words[0]}"
            return None
        known = (self.help_of() or "") + (self.help_of(*sub) or "") + (self.help_of(*sub[:1]) or "")
        for word in rest:
            if word in ("|", ">", "<", "&&", ";"):
                break
            if re.fullmatch(r"--[a-z][a-z-]*(?:=.*)?", word) and word.split("=")[0] not in known:
                return f"holdfast {' '.join(sub)} has no option {word}"
        return None


def run_example(root: pathlib.Path, holdfast: pathlib.Path) -> list[str]:
    """Runs the README's command lines as a shell would, in an empty directory."""
    readme = root / "README.md"
    if not readme.exists():
        return []
    problems = []
    for block in FENCED.finditer(readme.read_text(encoding="utf-8")):
        if not block.group(1).startswith("$ holdfast"):
            continue
        script = re.sub(r"^\$ ", "", block.group(1), flags=re.MULTILINE)
        with tempfile.TemporaryDirectory(prefix="holdfast-readme-") as directory:
            done = subprocess.run(["bash", "-euc", f'holdfast() {{ "{holdfast}" "$@"; }}\n{script}'], cwd=directory,
                                  capture_output=True, text=True, check=False, timeout=60)
        if done.returncode != 0 or '"ok":false' in done.stdout:
            problems.append(f"README.md: its example does not run: {done.stdout[-400:]}{done.stderr[-400:]}")
    return problems


def main(root: pathlib.Path, build: pathlib.Path, holdfast: pathlib.Path | None) -> int:
    root = root.resolve()
    programs = Programs(root, build.resolve(), holdfast)
    problems = []
    found = documents(root)
    for path in found:
        document = Document(root, path)
        document.links()
        document.paths()
        for position, line in document.commands():
            if problem := programs.problem_with(line):
                document.complain(position, f"`{line}`: {problem}")
        problems += document.problems
    if holdfast:
        problems += run_example(root, holdfast)
    return finish("documents", problems, len(found))


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    program = pathlib.Path(sys.argv[3]).resolve() if len(sys.argv) == 4 else None
    sys.exit(main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), program))
