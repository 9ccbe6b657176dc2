#!/usr/bin/env python3
"""Prints the lines and branches that ran, by folder, of a summary that gcovr made.

usage: coverage_table.py SUMMARY.json
"""

import collections
import json
import pathlib
import sys


def share(covered: int, of: int) -> str:
    return f"{100 * covered / of:.1f} %" if of else ""


def main(path: pathlib.Path) -> None:
    folders: dict[str, list[int]] = collections.defaultdict(lambda: [0, 0, 0, 0])
    for file in json.loads(path.read_text(encoding="utf-8"))["files"]:
        counts = [file["line_covered"], file["line_total"], file["branch_covered"], file["branch_total"]]
        for name in (str(pathlib.PurePath(file["filename"]).parent), "total"):
            folders[name] = [a + b for a, b in zip(folders[name], counts, strict=True)]
    print("| folder | lines | covered | branches | covered |\n|---|---:|---:|---:|---:|")
    for name in sorted(folders, key=lambda name: (name == "total", name)):
        lines, of_lines, branches, of_branches = folders[name]
        print(f"| {name} | {of_lines} | {share(lines, of_lines)} | {of_branches} | {share(branches, of_branches)} |")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(pathlib.Path(sys.argv[1]))
