-- The tables of the PostgreSQL store. docs/postgres.md tells how they work together.
--
-- Every key starts with the ledger, so that the schema can be distributed by it. Amounts are minor units of the
-- account's currency. A number that a row names (an account, a plan, a group, an event) is one of the same ledger;
-- there are no foreign keys, because checking them would take locks that the commands take by themselves, once.

create domain holdfast.name as text collate "C" check (value ~ '^[A-Za-z0-9._:/@-]{1,128}$');
create domain holdfast.key as text collate "C" check (value ~ '^[!-~]{1,255}$' and value !~ '^[0-9]+$');
create domain holdfast.currency as text collate "C" check (value ~ '^[A-Z]{3}$');
create domain holdfast.amount as bigint check (value between 0 and 9007199254740991);  -- 2^53 - 1

-- One row a ledger: the head of its chain. Only the sealer changes it, and its lock is the sealer's.
create table holdfast.ledgers (
  ledger int generated always as identity primary key,
  name holdfast.name not null unique,
  seq bigint not null default 0 check (seq >= 0),  -- of the last sealed event
  at timestamptz not null default '-infinity',     -- when it happened
  hash bytea not null default decode(repeat('00', 32), 'hex') check (length(hash) = 32)
);

-- A ledger and the sequences that number what is in it. Numbers that a rolled back transaction drew are left out.
create function holdfast.create_ledger(ledger_name text) returns int language plpgsql as $$
declare
  number int;
  kind text;
begin
  insert into holdfast.ledgers (name) values (ledger_name) on conflict (name) do nothing returning ledger into number;
  if number is null then
    return (select ledger from holdfast.ledgers where name = ledger_name);
  end if;
  foreach kind in array array['events', 'escrows', 'accounts', 'groups', 'plans'] loop
    execute format('create sequence holdfast.%I', kind || '_of_' || number);
    -- Default privileges would be those of whoever calls this, not of the one who migrated.
    execute format('grant usage, select on sequence holdfast.%I to holdfast_app', kind || '_of_' || number);
  end loop;
  return number;
end
$$;
revoke execute on function holdfast.create_ledger(text) from public;

-- kind: 1 user, 2 beneficiary, 3 platform, 4 fees, 5 external.
create table holdfast.accounts (
  ledger int not null,
  account int not null check (account > 0),
  name holdfast.name not null,
  currency holdfast.currency not null,
  kind smallint not null check (kind between 1 and 5),
  open boolean not null default true,
  -- What was available when the last debit was done. Credits since then do not touch this row, so there is at least
  -- this much.
  left_by_debit bigint not null default 0,
  primary key (ledger, account),
  unique (ledger, name),
  constraint never_below_zero check (kind = 5 or left_by_debit >= 0)
) with (fillfactor = 70);
create index accounts_external on holdfast.accounts (ledger, currency) where kind = 5;

create table holdfast.fee_plan_versions (
  ledger int not null,
  plan int not null check (plan > 0),
  name holdfast.name not null,
  version int not null check (version > 0),
  currency holdfast.currency not null,
  commission_rate bigint not null check (commission_rate between 0 and 1000000000),  -- in billionths
  commission_fixed holdfast.amount not null,
  commission_min holdfast.amount not null,
  commission_max holdfast.amount,
  commission_account int not null,
  fee_rate bigint not null check (fee_rate between 0 and 1000000000),
  fee_fixed holdfast.amount not null,
  fee_min holdfast.amount not null,
  fee_max holdfast.amount,
  fee_account int not null,
  rounding smallint not null check (rounding between 1 and 4),  -- half_up, half_even, down, up
  primary key (ledger, plan),
  unique (ledger, name, version)
);

-- The latest version of each plan. Holds share this row, a definition has it alone.
create table holdfast.fee_plans (
  ledger int not null,
  name holdfast.name not null,
  latest int not null,  -- fee_plan_versions.plan
  primary key (ledger, name)
);

create table holdfast.groups (
  ledger int not null,
  "group" int not null check ("group" > 0),
  name holdfast.name not null,
  open boolean not null default true,
  primary key (ledger, "group"),
  unique (ledger, name)
);

create table holdfast.escrows (
  ledger int not null,
  payer int not null,
  escrow bigint not null check (escrow > 0),
  beneficiary int not null,
  "group" int,
  amount holdfast.amount not null,
  released bigint not null default 0,
  refunded bigint not null default 0,
  commission bigint not null default 0,     -- of what was released
  processor_fee bigint not null default 0,  -- of what was released
  held_by bigint not null,                  -- the event that held it
  last_event bigint not null,               -- the last event that touched it
  plan int not null,
  frozen boolean not null default false,
  release_at timestamptz,
  refund_at timestamptz,
  key holdfast.key not null,
  primary key (ledger, escrow),
  constraint amount_moves_something check (amount > 0),
  constraint settled_within_amount check (released >= 0 and refunded >= 0 and released + refunded <= amount),
  constraint split_of_released check (commission >= 0 and processor_fee >= 0 and commission + processor_fee <= released),
  constraint frozen_with_something_locked check (not frozen or released + refunded < amount),
  constraint one_date check (release_at is null or refund_at is null)
) with (fillfactor = 60);  -- room for the next version of a row beside it: no index is touched when it is settled
create index escrows_of_payer on holdfast.escrows (ledger, payer, escrow);
create index escrows_of_beneficiary on holdfast.escrows (ledger, beneficiary, escrow);
create index escrows_of_group on holdfast.escrows (ledger, "group", escrow) where "group" is not null;

-- Dates of escrows that have something locked and are not frozen.
create table holdfast.due_dates (
  ledger int not null,
  at timestamptz not null,
  escrow bigint not null,
  release boolean not null,  -- else refund
  primary key (ledger, escrow)
);
create index due_dates_in_order on holdfast.due_dates (ledger, at, escrow);

-- Events between the one that held an escrow and the last that touched it.
create table holdfast.escrow_events (
  ledger int not null,
  escrow bigint not null,
  event bigint not null,
  primary key (ledger, escrow, event)
);

-- A key, and the event of the command that it was used for (of a chunked command, each of its events).
create table holdfast.keys (
  ledger int not null,
  key holdfast.key not null,
  event bigint not null,
  escrow bigint,  -- where the command held one
  primary key (ledger, key)
);
create table holdfast.later_chunks (
  ledger int not null,
  key holdfast.key not null,
  event bigint not null,
  primary key (ledger, key, event)
);

-- History. `entry` is the canonical encoding of the event without its number and time, which it gets when it is sealed.
create table holdfast.events (
  ledger int not null,
  event bigint not null check (event > 0),
  at timestamptz not null,
  op text collate "C" not null,
  actor text collate "C",
  reason text,
  reference text collate "C",
  -- Its atomic replays another command: the entry names that one's event instead of its seq.
  replays boolean not null default false,
  entry bytea not null,
  primary key (ledger, event)
);
alter table holdfast.events alter column entry set storage external;  -- dense already

-- Events that have no seq yet, and what they change in `available`: deleted when they are sealed. Both are small
-- and are left behind by many dead rows, which every balance and every round of the sealer would read again and again:
-- so they are vacuumed by a number of dead rows, not by a share, and without pauses.
create table holdfast.unsealed (
  ledger int not null,
  event bigint not null,
  primary key (ledger, event)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0);
create table holdfast.pending (
  ledger int not null,
  account int not null,
  event bigint not null,
  available bigint not null check (available <> 0),
  primary key (ledger, account, event)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_cost_delay = 0);

create table holdfast.seals (
  ledger int not null,
  seq bigint not null check (seq > 0),
  event bigint not null,
  at timestamptz not null,  -- not before that of the seal before
  hash bytea not null check (length(hash) = 32),
  primary key (ledger, seq),
  unique (ledger, event)
);

-- The canonical encoding of sealed events that replay others, with the seqs of those.
create table holdfast.replaying_entries (
  ledger int not null,
  seq bigint not null,
  entry bytea not null,
  primary key (ledger, seq)
);

-- What a sealed event changed in the buckets of an account, and what was in them then.
create table holdfast.lines (
  ledger int not null,
  account int not null,
  seq bigint not null,
  available bigint not null,
  held bigint not null,
  available_after bigint not null,
  held_after bigint not null,
  available_escrows int not null,  -- how many escrows of the event are behind it
  held_escrows int not null,
  primary key (ledger, account, seq),
  check (held_after >= 0),
  check (available <> 0 or held <> 0)
);

-- The role of applications: it adds history and cannot change or delete any.
do $$
begin
  if not exists (select from pg_roles where rolname = 'holdfast_app') then
    create role holdfast_app nologin;
  end if;
exception
  when duplicate_object or unique_violation then null;  -- made by another database's migration at this moment
end
$$;
grant usage on schema holdfast to holdfast_app;
grant select on all tables in schema holdfast to holdfast_app;
grant insert on holdfast.accounts, holdfast.fee_plan_versions, holdfast.fee_plans, holdfast.groups, holdfast.escrows,
  holdfast.due_dates, holdfast.escrow_events, holdfast.keys, holdfast.later_chunks, holdfast.events, holdfast.unsealed,
  holdfast.pending, holdfast.seals, holdfast.replaying_entries, holdfast.lines to holdfast_app;
grant update (left_by_debit, open) on holdfast.accounts to holdfast_app;
grant update (latest) on holdfast.fee_plans to holdfast_app;
grant update (open) on holdfast.groups to holdfast_app;
grant update (released, refunded, commission, processor_fee, last_event, plan, frozen, release_at, refund_at)
  on holdfast.escrows to holdfast_app;
grant update (seq, at, hash) on holdfast.ledgers to holdfast_app;
grant delete on holdfast.due_dates, holdfast.unsealed, holdfast.pending to holdfast_app;
