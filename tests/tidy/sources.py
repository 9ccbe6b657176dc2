"""What the checks of this folder share: which files there are, and their text without comments and literals."""

import pathlib
import re

FOLDERS = ("include", "src", "sim", "tests", "bench", "examples", "fuzz")

_SKIPPED = re.compile(
    r"""
      //(?:\\\n|[^\n])*                                     # a comment to the end of the line
    | /\*.*?\*/                                             # a block comment
    | R"(?P<mark>[^()\\\s]{0,16})\(.*?\)(?P=mark)"          # a raw text
    | "(?:\\.|[^"\\\n])*"                                   # a text
    | (?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'                   # a character; not the ' between digits
    """,
    re.DOTALL | re.VERBOSE,
)


def sources(root: pathlib.Path) -> list[pathlib.Path]:
    """All C++ files of the project, in order."""
    found = [path for folder in FOLDERS for ending in ("*.h", "*.cc") for path in (root / folder).rglob(ending)]
    return sorted(found)


def strip(text: str) -> str:
    """The text with comments and literals emptied; every line keeps its number."""

    def blank(match: re.Match) -> str:
        kept = '""' if match.group().startswith(("R", '"')) else "''" if match.group().startswith("'") else " "
        return kept + "\n" * match.group().count("\n")

    return _SKIPPED.sub(blank, text)


def line_of(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


def finish(check: str, problems: list[str], looked_at: int) -> int:
    """Prints what is wrong; the program's exit status. Nothing looked at is wrong too."""
    if looked_at == 0:
        problems = [*problems, "no source files here: is this the project's root?"]
    for problem in problems:
        print(problem)
    print(f"{check}: {looked_at} files, {len(problems)} problems")
    return 1 if problems else 0
