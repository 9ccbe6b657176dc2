"""A `holdfast serve` of its own over a ledger in a temporary directory, and its API."""

import json
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import urllib.error
import urllib.parse
import urllib.request


class Server:
    """Ends with the `with` it is used in; leaves nothing behind."""

    def __init__(self, program: str):
        self.program = program
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-server-"))
        self.ledger = self.place / "ledger"
        self.url = ""
        self.keys: dict[str, str] = {}
        self.process: subprocess.Popen | None = None

    def __enter__(self):
        try:
            self.run("init")
            for role in ("admin", "operate", "read"):
                told = self.run("keys", "create", f"the-{role}", "--role", role)
                self.keys[role] = re.search(r"hf_[A-Za-z0-9_-]+", told).group()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def run(self, *arguments: str) -> str:
        command = [self.program, "--ledger", str(self.ledger), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def start(self, *options: str):
        """Starts it, on a free port the first time and then on the same, and reads from what it prints where it is."""
        port = self.url.rpartition(":")[2] or "0"
        self.process = subprocess.Popen(
            [self.program, "--ledger", str(self.ledger), "serve", "--listen", f"127.0.0.1:{port}", *options],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        printed = ""
        for line in self.process.stdout:
            printed += line
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                self.url = found.group()
                break
        else:
            raise RuntimeError(f"holdfast serve did not start: {printed}")
        # What it prints later must not fill the pipe.
        self.drain = subprocess.Popen(["cat"], stdin=self.process.stdout, stdout=subprocess.DEVNULL)

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process and self.process.stdout:
            self.process.stdout.close()
        if hasattr(self, "drain"):
            self.drain.wait(timeout=20)

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.place, ignore_errors=True)

    def ask(self, path: str, body: dict | None = None, key: str = "admin"):
        """The answer of the API; a problem is raised as RuntimeError."""
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {self.keys[key]}"})
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{path}: {error.code} {error.read().decode()}") from error

    def escrow(self, key: str) -> dict:
        return self.ask("/v1/escrows/" + urllib.parse.quote(key, safe=""))

    def account(self, name: str) -> dict:
        return self.ask("/v1/accounts/" + urllib.parse.quote(name, safe=""))

    def fill(self, commands: list[dict]):
        answers = self.ask("/v1/commands", {"commands": commands})["answers"]
        refused = [(command, answer) for command, answer in zip(commands, answers, strict=True) if not answer["ok"]]
        if refused:
            raise RuntimeError(f"the examples were refused: {refused[0]}")
