#!/bin/sh
# Runs clang-tidy (the rules of .clang-tidy) over all sources that a build folder compiles. Slow: minutes.
# usage: check_clang_tidy BUILD_FOLDER [REGEX of paths, default all of the project's own]
set -eu
build=${1:?usage: check_clang_tidy BUILD_FOLDER [REGEX]}
only=${2:-.}
[ -f "$build/compile_commands.json" ] || { echo "clang-tidy: no compile_commands.json in $build" >&2; exit 1; }
files=$(python3 -c '
import json, sys
print("\n".join(sorted({entry["file"] for entry in json.load(open(sys.argv[1]))
                        if "/build/" not in entry["file"]})))' "$build/compile_commands.json" | grep -E "$only" || true)
[ -n "$files" ] || { echo "clang-tidy: nothing to look at in $build" >&2; exit 1; }
# shellcheck disable=SC2016
echo "$files" | xargs -P "$(nproc)" -n 1 sh -c '
  out=$(clang-tidy-19 --quiet -p "$0" --warnings-as-errors="*" --extra-arg=-Wno-unknown-warning-option "$1" 2>&1) || { echo "$out"; exit 1; }' "$build" ||
  { echo "clang-tidy: problems found" >&2; exit 1; }
echo "clang-tidy: $(echo "$files" | wc -l) files, 0 problems"
