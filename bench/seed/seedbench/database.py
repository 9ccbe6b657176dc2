"""The seed's database: schema, the escrows of a trial, the books after it. Needs Django set up."""

from dataclasses import dataclass
from decimal import Decimal

from django.core.management import call_command
from django.db import connection

from finance.common import COMMISSION_RATE

ESCROWS_PER_PROJECT = 1_000

# 1.00 to 100.00, every cent as often as any other: half of the commissions have to be rounded.
FILL = """
TRUNCATE finance_wallettransaction, finance_escrow, finance_userwallet, finance_project, auth_user
  RESTART IDENTITY CASCADE;
INSERT INTO auth_user
  (password, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined)
  SELECT '', false, 'user' || n, '', '', '', false, true, now() FROM generate_series(1, {users}) n;
INSERT INTO finance_userwallet (user_id, balance, created_at, updated_at)
  SELECT id, 0, now(), now() FROM auth_user UNION ALL SELECT NULL, 0, now(), now();
INSERT INTO finance_project (title, description, created_at)
  SELECT 'project ' || n, '', now() FROM generate_series(1, {projects}) n;
INSERT INTO finance_escrow (user_id, project_id, amount, status, created_at)
  SELECT 1 + n % {users}, 1 + n / {per_project}, (100 + n * 7919::bigint % 9901)::numeric / 100, 'LOCKED',
    now()
  FROM generate_series(0, {escrows} - 1) n;
"""

BOOKS = """
WITH released AS (SELECT project_id, amount FROM finance_escrow WHERE status = 'RELEASED'),
     there AS (SELECT project_id, count(*) AS n FROM released GROUP BY 1),
     booked AS (SELECT related_project_id AS project_id, count(*) AS n
                FROM finance_wallettransaction GROUP BY 1)
SELECT (SELECT count(*) FROM released),
       (SELECT coalesce(sum(round(amount * %s, 2)), 0) FROM released),
       (SELECT coalesce(sum(balance), 0) FROM finance_userwallet WHERE user_id IS NULL),
       (SELECT coalesce(sum(greatest(booked.n - coalesce(there.n, 0), 0)), 0)
        FROM booked LEFT JOIN there USING (project_id))
"""

DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}


@dataclass
class Books:
    """`released_twice`: commissions booked beyond one for each released escrow, project by project."""

    released: int
    commission_due: Decimal
    commission_there: Decimal
    released_twice: int


def migrate() -> None:
    call_command("migrate", verbosity=0, interactive=False)


def describe() -> str:
    """The server's version and settings, which must be the durable ones."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        version = cursor.fetchone()[0]
        for name, wanted in DURABLE.items():
            cursor.execute(f"SHOW {name}")
            found = cursor.fetchone()[0]
            if found != wanted:
                raise RuntimeError(f"{name} is {found}, not {wanted}: nothing measured here would be durable")
    return f"PostgreSQL {version}, " + ", ".join(f"{name}={value}" for name, value in DURABLE.items())


def fill(escrows: int) -> None:
    """Empties the tables and locks so many escrows, with ids from 1; nothing is left to be written later."""
    projects = (escrows - 1) // ESCROWS_PER_PROJECT + 1
    users = max(1, escrows // 10)
    with connection.cursor() as cursor:
        cursor.execute(
            FILL.format(users=users, projects=projects, per_project=ESCROWS_PER_PROJECT, escrows=escrows)
        )
        cursor.execute("ANALYZE")
        cursor.execute("CHECKPOINT")


def read_books() -> Books:
    with connection.cursor() as cursor:
        cursor.execute(BOOKS, [COMMISSION_RATE])
        return Books(*cursor.fetchone())
