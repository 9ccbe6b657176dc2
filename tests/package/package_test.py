#!/usr/bin/env python3
"""Builds the Debian packages, installs them into a directory of their own, and starts the service as its unit says.

usage: package_test.py BUILD WORK

dpkg checks the dependencies against the packages of this machine, and needs no privileges: everything stays below WORK.
What only systemd can do (the user, the sandbox) is checked by its own tools: systemd-analyze and systemd-sysusers.
"""

import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import unittest
import urllib.request

BUILD, WORK = (pathlib.Path(path).resolve() for path in sys.argv[1:3])
ROOT = WORK / "root"
UNIT = "usr/lib/systemd/system/holdfast.service"


def run(*command: object, **options) -> str:
    """What the command prints; an error with all of it where it fails."""
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          **options)
    if done.returncode != 0:
        raise AssertionError(f"{shlex.join(map(str, command))} exits with {done.returncode}:\n{done.stdout}")
    return done.stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def unit_lines(name: str) -> list[str]:
    text = (ROOT / UNIT).read_text(encoding="utf-8")
    return re.findall(rf"^{name}=(.*)$", text, re.MULTILINE)


class PackageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        shutil.rmtree(WORK, ignore_errors=True)
        packages = WORK / "packages"
        run("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", packages, "-D", "CPACK_THREADS=2", cwd=BUILD)
        cls.program = next(packages.glob("holdfast_*.deb"))
        cls.development = next(packages.glob("libholdfast-dev_*.deb"))
        cls.admin = WORK / "dpkg"
        (cls.admin / "updates").mkdir(parents=True)
        (cls.admin / "info").mkdir()
        (ROOT / "etc").mkdir(parents=True)
        # The one program of every system that the unit asks for.
        (ROOT / "bin").mkdir()
        (ROOT / "bin/kill").touch(0o755)
        # What this machine has installed is what the packages may depend on.
        shutil.copy("/var/lib/dpkg/status", cls.admin / "status")
        cls.dpkg("--install", cls.program, cls.development)

    @classmethod
    def tearDownClass(cls) -> None:
        shutil.rmtree(WORK, ignore_errors=True)

    @classmethod
    def dpkg(cls, *arguments: object) -> str:
        environment = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
        return run("dpkg", "--force-not-root", "--force-script-chrootless", f"--root={ROOT}", f"--admindir={cls.admin}",
                   "--log=/dev/null", *arguments, env=environment)

    def test_the_program_package_has_what_it_needs_and_no_more(self) -> None:
        files = {line.split(None, 5)[5] for line in run("dpkg-deb", "-c", self.program).splitlines()}
        for wanted in ("./usr/bin/holdfast", f"./{UNIT}", "./usr/lib/sysusers.d/holdfast.conf",
                       "./usr/share/doc/holdfast/operations.md"):
            self.assertIn(wanted, files)
        self.assertFalse([file for file in files if file.endswith((".a", ".h", ".cmake"))])
        fields = run("dpkg-deb", "-f", self.program, "Depends")
        for library in ("libc6", "libssl3", "libpq5", "libsodium23"):
            self.assertIn(library, fields)

    def test_the_user_is_made(self) -> None:
        users = (ROOT / "etc/passwd").read_text(encoding="utf-8")
        self.assertRegex(users, r"(?m)^holdfast:.*:/var/lib/holdfast:/usr/sbin/nologin$")

    def test_the_unit_is_right_and_hardened(self) -> None:
        complaints = run("systemd-analyze", "verify", f"--root={ROOT}", "--man=no", "--recursive-errors=no",
                         f"/{UNIT}").strip()
        self.assertEqual(complaints, "")
        report = run("systemd-analyze", "security", "--offline=true", f"--root={ROOT}", "--threshold=20", "holdfast.service")
        self.assertIn("Overall exposure level for holdfast.service", report)

    def test_the_service_starts_answers_and_stops(self) -> None:
        port = free_port()
        state = WORK / "state"
        state.mkdir()
        environment = {"PATH": "/usr/bin:/bin"}
        for line in unit_lines("Environment"):
            name, _, value = line.partition("=")
            environment[name] = value.replace("/var/lib/holdfast", str(state))
        environment["HOLDFAST_SERVE_OPTIONS"] = f"--listen 127.0.0.1:{port}"
        notices = WORK / "notify"
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        told.bind(str(notices))
        told.settimeout(30)
        environment["NOTIFY_SOCKET"] = str(notices)

        def command(line: str) -> list[str]:
            words = []
            for word in line.split():
                words += environment["HOLDFAST_SERVE_OPTIONS"].split() if word == "$HOLDFAST_SERVE_OPTIONS" else [word]
            return [str(ROOT) + words[0], *words[1:]]

        for line in unit_lines("ExecStartPre"):
            run(*command(line), env=environment, cwd=state)
            run(*command(line), env=environment, cwd=state)  # a second start finds the ledger
        (start,) = unit_lines("ExecStart")
        log = WORK / "serve.log"
        with log.open("w") as output:
            service = subprocess.Popen(command(start), env=environment, cwd=state, stdout=output, stderr=output)
        try:
            self.assertIn(b"READY=1", told.recv(4096))
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
                self.assertEqual(answer.status, 200)
        finally:
            service.send_signal(signal.SIGTERM)
            code = service.wait(60)
            told.close()
        self.assertEqual(code, 0, log.read_text(encoding="utf-8"))
        run(ROOT / "usr/bin/holdfast", "verify", env=environment, cwd=state)

    def test_removal_leaves_the_ledger(self) -> None:
        kept = ROOT / "var/lib/holdfast/ledger/money"
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text("of other people", encoding="utf-8")
        self.dpkg("--purge", "holdfast")
        try:
            self.assertFalse((ROOT / "usr/bin/holdfast").exists())
            self.assertEqual(kept.read_text(encoding="utf-8"), "of other people")
        finally:
            self.dpkg("--install", self.program)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
