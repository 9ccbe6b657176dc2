-- What an event that changes many accounts leaves behind until it is sealed: a few rows of many accounts each, in
-- place of a row an account. They are few, so a balance reads all of a ledger's; the range of accounts in a row tells
-- at once that most have nothing to say of it.
create table holdfast.pending_batches (
  ledger int not null,
  event bigint not null,
  first_account int not null,
  last_account int not null,
  accounts int[] not null,        -- ascending
  available bigint[] not null,    -- what the event changes there, in the same order
  primary key (ledger, event, first_account),
  check (cardinality(accounts) = cardinality(available)),
  check (accounts[1] = first_account and accounts[cardinality(accounts)] = last_account),
  check (array_position(available, 0) is null)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0);
alter table holdfast.pending_batches alter column accounts set storage plain;
alter table holdfast.pending_batches alter column available set storage plain;
grant select, insert, delete on holdfast.pending_batches to holdfast_app;

-- Escrows that are held one after another are often released together. So that none of a page has to go elsewhere,
-- with an entry in each index, there is room beside every row for its next version.
alter table holdfast.escrows set (fillfactor = 47);

create or replace view holdfast.account_balances as
select l.name as ledger, a.name as account, a.currency,
  case a.kind when 1 then 'user' when 2 then 'beneficiary' when 3 then 'platform' when 4 then 'fees'
    when 5 then 'external' end as kind,
  a.open,
  -- Sealing moves what an event did from `pending` and `pending_batches` to `lines`; a statement sees it in one of the
  -- three.
  (coalesce((select n.available_after from holdfast.lines n where n.ledger = a.ledger and n.account = a.account
      order by n.seq desc limit 1), 0)
    + coalesce((select sum(p.available) from holdfast.pending p
      where p.ledger = a.ledger and p.account = a.account), 0)
    + coalesce((select sum(b.available[array_position(b.accounts, a.account)]) from holdfast.pending_batches b
      where b.ledger = a.ledger and a.account between b.first_account and b.last_account), 0))::bigint as available,
  coalesce((select sum(e.amount - e.released - e.refunded) from holdfast.escrows e
    where e.ledger = a.ledger and e.payer = a.account), 0)::bigint as held
from holdfast.ledgers l
join holdfast.accounts a on a.ledger = l.ledger;
