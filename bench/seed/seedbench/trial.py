"""A trial of one of the seed's functions: fill the database, let the workers go, look into the books."""

import multiprocessing
import random
from dataclasses import dataclass
from multiprocessing.connection import Connection

from seedbench import database
from seedbench.results import Result
from seedbench.worker import Done, Work, work

SEED = 20251220


@dataclass(frozen=True)
class Trial:
    contestant: str
    batch: int
    workers: int
    order: str


def batches_of(trial: Trial, escrows: int) -> list[list[int]]:
    """All ids, each once, in batches; the last one may be short."""
    ids = list(range(1, escrows + 1))
    if trial.order == "random":
        random.Random(SEED).shuffle(ids)
    return [ids[start : start + trial.batch] for start in range(0, escrows, trial.batch)]


def run_workers(trial: Trial, batches: list[list[int]], limit_s: float) -> list[Done]:
    """Deals the batches out in turn, and waits for all workers."""
    spawn = multiprocessing.get_context("spawn")
    together = spawn.Barrier(trial.workers)
    processes, answers = [], []
    try:
        for worker in range(trial.workers):
            mine, theirs = spawn.Pipe(duplex=False)
            job = Work(trial.contestant, batches[worker :: trial.workers], limit_s)
            process = spawn.Process(target=work, args=(job, together, theirs), daemon=True)
            process.start()
            theirs.close()
            processes.append(process)
            answers.append(mine)
        return [receive(answer) for answer in answers]
    finally:
        for process in processes:
            process.join(0 if process.exitcode is not None else 5)
            process.terminate()
            process.join()


def receive(answer: Connection) -> Done:
    try:
        done: Done = answer.recv()
    except EOFError:
        raise RuntimeError("a worker died; what it said is above") from None
    return done


def run_trial(trial: Trial, escrows: int, limit_s: float) -> Result:
    database.fill(escrows)
    done = run_workers(trial, batches_of(trial, escrows), limit_s)
    books = database.read_books()
    released = sum(worker.released for worker in done)
    if books.released < released:
        raise RuntimeError(f"{released} escrows were said to be released, {books.released} are")
    elapsed_s = max(worker.ended for worker in done) - min(worker.started for worker in done)
    return Result(
        trial.contestant,
        trial.batch,
        trial.workers,
        trial.order,
        round(released / elapsed_s),
        sum(worker.retries for worker in done),
        sum(worker.errors for worker in done),
        books.commission_due - books.commission_there,
        books.released,
        int(books.released_twice),
    )
