#!/usr/bin/env python3
"""Proves that nothing of the simulator can be switched off unseen: without its faults, or without its auditor, the
coverage check fails and says what is missing; a bug that no run catches fails; the planted bugs are in one program.

usage: switched_off_test.py SIM_RUN SIM_RUN_PLANTED COMPILE_COMMANDS
"""

import json
import pathlib
import subprocess
import sys
import unittest

SIM_RUN, SIM_RUN_PLANTED, COMPILE_COMMANDS = sys.argv[1:4]


def run(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, check=False)


class SwitchedOffTest(unittest.TestCase):
    def test_without_faults_the_coverage_fails(self):
        done = run(SIM_RUN, "--seeds", "10", "--coverage", "--switch-off", "faults")
        self.assertEqual(done.returncode, 1, done.stderr)
        for fault in ("crash", "lost page", "sync error", "bit rot", "misdirected write", "clock jump", "lost answer"):
            self.assertIn(f"never injected: {fault}\n", done.stderr)
        self.assertIn("never reached: restarted\n", done.stderr)

    def test_without_the_auditor_the_coverage_fails(self):
        done = run(SIM_RUN, "--seeds", "10", "--coverage", "--switch-off", "auditor")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("never checked: 4, laws\n", done.stderr)
        self.assertIn("never reached: audit\n", done.stderr)

    def test_a_bug_that_is_not_caught_fails(self):
        for bug, off in (("ignore-short-write", "faults"), ("retry-sync", "faults")):
            done = run(SIM_RUN_PLANTED, "--planted", bug, "--switch-off", off)
            self.assertEqual(done.returncode, 1, done.stdout)
            self.assertIn(f"FAILED {bug} is not caught within", done.stderr)

    def test_a_bug_that_is_not_there_fails(self):
        done = run(SIM_RUN_PLANTED, "--planted", "none")
        self.assertEqual(done.returncode, 1)
        self.assertIn("there is no planted bug none", done.stderr)

    def test_no_seeds_are_no_run(self):
        self.assertNotEqual(run(SIM_RUN, "--seeds", "0").returncode, 0)

    def test_only_one_program_can_plant_bugs(self):
        self.assertIn("--planted", run(SIM_RUN_PLANTED, "--help").stdout)
        self.assertNotIn("--planted", run(SIM_RUN, "--help").stdout)

    def test_only_what_must_catch_them_is_built_with_planted_bugs(self):
        planted = [entry for entry in json.loads(pathlib.Path(COMPILE_COMMANDS).read_text(encoding="utf-8"))
                   if "HOLDFAST_PLANTED_BUGS" in entry["command"]]
        self.assertTrue(planted)
        for entry in planted:
            output = entry["command"].split(" -o ")[1].split()[0]
            self.assertIn(output.split(".dir/")[0], {
                "sim/CMakeFiles/holdfast_planted", "sim/CMakeFiles/sim_run_planted",
                "tests/storm/CMakeFiles/storm_run_planted", "tests/crash/CMakeFiles/crash_worker_planted"})


if __name__ == "__main__":
    sys.exit(0 if unittest.TextTestRunner().run(
        unittest.defaultTestLoader.loadTestsFromTestCase(SwitchedOffTest)).wasSuccessful() else 1)
