"""A private PostgreSQL with its default, durable settings: a unix socket only, and gone at the end."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass

USER = "postgres"
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 60.0
MAX_CONNECTIONS = 200


class ServerError(Exception):
    """The server cannot be had; the text says why."""


@dataclass
class Server:
    """A running server. `sockets` is what libpq calls the host."""

    binaries: pathlib.Path
    sockets: pathlib.Path

    def url(self, database: str, **parameters: str) -> str:
        query = urllib.parse.urlencode({"host": self.sockets, "user": USER, **parameters})
        return f"postgresql:///{database}?{query}"

    def create_database(self, name: str) -> None:
        command = [str(self.binaries / "createdb"), "-h", str(self.sockets), "-U", USER, name]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def newest_binaries() -> pathlib.Path:
    """Of the installed majors, the newest one's programs: Debian's folders, else what is in the PATH."""
    found = pathlib.Path("/usr/lib/postgresql").glob("*/bin/postgres")
    newest = max(found, key=lambda path: int(path.parts[-3]), default=None)
    if newest is not None:
        return newest.parent
    in_path = shutil.which("postgres")
    if in_path is None:
        raise ServerError("no PostgreSQL server is installed (Debian: apt install postgresql)")
    return pathlib.Path(in_path).resolve().parent


def filesystem_of(folder: pathlib.Path) -> str:
    command = ["stat", "-f", "-c", "%T", str(folder)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def _as_server_user(death_signal: str | None = None) -> list[str]:
    """What goes before a command: another user where we are root; and the server ends when we are killed."""
    prefix = ["setpriv"]
    if os.geteuid() == 0:
        prefix += [f"--reuid={USER}", f"--regid={USER}", "--init-groups"]
    if death_signal:
        prefix += [f"--pdeathsig={death_signal}"]
    return prefix if len(prefix) > 1 else []


def _initialise(binaries: pathlib.Path, data: pathlib.Path) -> None:
    initdb = [*_as_server_user(), str(binaries / "initdb"), "-D", str(data), "-U", USER]
    settings = ["--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"]
    done = subprocess.run([*initdb, *settings], cwd="/", capture_output=True, text=True)
    if done.returncode != 0:
        raise ServerError(f"initdb: {done.stderr.strip()}")


def _start(server: Server, folder: pathlib.Path) -> subprocess.Popen[bytes]:
    """In a session of its own, so that Ctrl-C reaches us alone and we stop it."""
    command = [*_as_server_user("INT"), str(server.binaries / "postgres")]
    command += ["-D", str(folder / "data")]
    command += ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}"]
    command += ["-c", f"max_connections={MAX_CONNECTIONS}"]
    with open(folder / "log", "wb") as log:
        return subprocess.Popen(
            command, cwd="/", stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


def _wait_until_ready(server: Server, process: subprocess.Popen[bytes], log: pathlib.Path) -> None:
    give_up = time.monotonic() + START_TIMEOUT_S
    ready = [str(server.binaries / "pg_isready"), "-q", "-h", str(server.sockets), "-U", USER]
    while subprocess.run(ready).returncode != 0:
        if process.poll() is not None or time.monotonic() > give_up:
            said = log.read_text(encoding="utf-8", errors="replace")
            raise ServerError(f"the server did not start: {said}")
        time.sleep(0.1)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """A fast shutdown; an immediate one if that takes too long."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGQUIT)
        process.wait()


@contextlib.contextmanager
def private_server(parent: pathlib.Path) -> Iterator[Server]:
    """Starts a server with its data in a new folder in `parent`; both are gone however the block ends."""
    binaries = newest_binaries()
    if filesystem_of(parent) in ("tmpfs", "ramfs"):
        raise ServerError(f"{parent} is in memory, where nothing is durable; name one on a disk: --data DIR")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="seed_bench_", dir=parent))
    process: subprocess.Popen[bytes] | None = None
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, USER, USER)
        _initialise(binaries, folder / "data")
        server = Server(binaries, folder)
        process = _start(server, folder)
        _wait_until_ready(server, process, folder / "log")
        yield server
    finally:
        if process is not None:
            _stop(process)
        shutil.rmtree(folder, ignore_errors=True)
