"""One worker: a process with its own connection that releases its batches one after the other."""

import importlib
import logging
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Barrier


@dataclass
class Work:
    contestant: str  # the module in `finance` whose `release` is called
    batches: list[list[int]]
    limit_s: float


@dataclass
class Done:
    released: int = 0
    retries: int = 0
    errors: int = 0
    started: float = 0.0  # of the clock that all processes share
    ended: float = 0.0


class RetryCounter(logging.Handler):
    """Counts what the seed's code logs when it tries again."""

    def __init__(self, done: Done) -> None:
        super().__init__(logging.WARNING)
        self.done = done

    def emit(self, record: logging.LogRecord) -> None:
        self.done.retries += 1


def work(job: Work, together: Barrier, answer: Connection) -> None:
    """The body of the process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the runner ends us
    import django

    django.setup()
    from django.db import connection

    release = importlib.import_module(f"finance.{job.contestant}").release
    done = Done()
    logger = logging.getLogger("finance")
    logger.addHandler(RetryCounter(done))
    logger.propagate = False
    connection.ensure_connection()
    together.wait()
    run(job, release, done)
    answer.send(done)
    connection.close()


def run(job: Work, release: Callable[[list[int]], None], done: Done) -> None:
    done.started = time.monotonic()
    give_up = done.started + job.limit_s
    for batch in job.batches:
        try:
            release(batch)
            done.released += len(batch)
        except Exception:  # whatever it is, it is the contestant's, and the next batch is tried
            done.errors += 1
            if done.errors == 1:
                traceback.print_exc(file=sys.stderr)
        if time.monotonic() > give_up:
            break
    done.ended = time.monotonic()
