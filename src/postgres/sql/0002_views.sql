-- What people read with plain SQL: docs/postgres_sql.md. Amounts are minor units of the row's currency.
--
-- account_balances and escrow_status are right at every moment: they show what is committed, sealed or not. statement
-- and postings show sealed events only, since only those have a seq.

create view holdfast.account_balances as
select l.name as ledger, a.name as account, a.currency,
  case a.kind when 1 then 'user' when 2 then 'beneficiary' when 3 then 'platform' when 4 then 'fees'
    when 5 then 'external' end as kind,
  a.open,
  -- Sealing moves what an event did from `pending` to `lines`; a statement sees it in one of the two.
  (coalesce((select n.available_after from holdfast.lines n where n.ledger = a.ledger and n.account = a.account
      order by n.seq desc limit 1), 0)
    + coalesce((select sum(p.available) from holdfast.pending p
      where p.ledger = a.ledger and p.account = a.account), 0))::bigint as available,
  coalesce((select sum(e.amount - e.released - e.refunded) from holdfast.escrows e
    where e.ledger = a.ledger and e.payer = a.account), 0)::bigint as held
from holdfast.ledgers l
join holdfast.accounts a on a.ledger = l.ledger;

comment on view holdfast.account_balances is
  'One row an account: what it has at this moment, events that are not sealed yet included.';
comment on column holdfast.account_balances.ledger is 'The ledger that the account is in; `main` where none was named.';
comment on column holdfast.account_balances.account is 'Its name.';
comment on column holdfast.account_balances.currency is 'The one currency that it holds, by its ISO 4217 code.';
comment on column holdfast.account_balances.kind is
  'user, beneficiary, platform (commissions), fees (owed to the processor), or external (a place outside the ledger).';
comment on column holdfast.account_balances.open is 'False once it was closed: it takes nothing more.';
comment on column holdfast.account_balances.available is
  'Spendable, in minor units. Only an external account''s can be below 0: it carries the minus of what came in.';
comment on column holdfast.account_balances.held is 'Locked in escrows that this account pays for, in minor units.';

create view holdfast.escrow_status as
select l.name as ledger, e.escrow, k.key, p.name as payer, b.name as beneficiary, g.name as "group", p.currency,
  e.amount, e.released, e.refunded, e.amount - e.released - e.refunded as locked,
  case when e.released + e.refunded < e.amount then case when e.frozen then 'FROZEN' else 'LOCKED' end
    when e.refunded = 0 then 'RELEASED' when e.released = 0 then 'REFUNDED' else 'SPLIT' end as status,
  v.name as fee_plan, v.version as fee_plan_version, e.commission, e.processor_fee,
  e.released - e.commission - e.processor_fee as net,
  coalesce(hs.at, h.at) as held_at,
  case when e.released + e.refunded = e.amount then coalesce(ts.at, t.at) end as closed_at,
  e.release_at, e.refund_at
from holdfast.ledgers l
join holdfast.escrows e on e.ledger = l.ledger
-- By way of this table an escrow is found by its key.
left join holdfast.keys k on k.ledger = e.ledger and k.key = e.key and k.escrow = e.escrow
left join holdfast.accounts p on p.ledger = e.ledger and p.account = e.payer
left join holdfast.accounts b on b.ledger = e.ledger and b.account = e.beneficiary
left join holdfast.groups g on g.ledger = e.ledger and g."group" = e."group"
left join holdfast.fee_plan_versions v on v.ledger = e.ledger and v.plan = e.plan
left join holdfast.events h on h.ledger = e.ledger and h.event = e.held_by
left join holdfast.seals hs on hs.ledger = e.ledger and hs.event = e.held_by
left join holdfast.events t on t.ledger = e.ledger and t.event = e.last_event
left join holdfast.seals ts on ts.ledger = e.ledger and ts.event = e.last_event;

comment on view holdfast.escrow_status is
  'One row an escrow: how it stands at this moment, events that are not sealed yet included.';
comment on column holdfast.escrow_status.ledger is 'The ledger that the escrow is in; `main` where none was named.';
comment on column holdfast.escrow_status.escrow is 'Its number in the ledger.';
comment on column holdfast.escrow_status.key is 'The key of the command that held it.';
comment on column holdfast.escrow_status.payer is 'The account whose money is locked, and that a refund pays back.';
comment on column holdfast.escrow_status.beneficiary is 'The account that a release pays.';
comment on column holdfast.escrow_status."group" is 'The campaign, project or order that it belongs to; null: none.';
comment on column holdfast.escrow_status.currency is 'Of all its amounts: an ISO 4217 code.';
comment on column holdfast.escrow_status.amount is 'What was locked when it was held: released + refunded + locked.';
comment on column holdfast.escrow_status.released is 'Paid out so far, fees included: commission + processor_fee + net.';
comment on column holdfast.escrow_status.refunded is 'Paid back to the payer so far.';
comment on column holdfast.escrow_status.locked is 'Still locked.';
comment on column holdfast.escrow_status.status is
  'LOCKED or FROZEN while something is locked, then RELEASED, REFUNDED, or SPLIT: a part of each.';
comment on column holdfast.escrow_status.fee_plan is 'The fee plan that its release is or was split by.';
comment on column holdfast.escrow_status.fee_plan_version is 'Which version of that plan.';
comment on column holdfast.escrow_status.commission is 'Of what was released: paid to the platform.';
comment on column holdfast.escrow_status.processor_fee is 'Of what was released: owed to the payment processor.';
comment on column holdfast.escrow_status.net is 'Of what was released: paid to the beneficiary.';
comment on column holdfast.escrow_status.held_at is 'When it was held.';
comment on column holdfast.escrow_status.closed_at is 'When the last of it was released or refunded; null before.';
comment on column holdfast.escrow_status.release_at is 'When `run-due` releases it; null: no such date.';
comment on column holdfast.escrow_status.refund_at is 'When `run-due` refunds it; null: no such date.';

create view holdfast.statement as
select l.name as ledger, a.name as account, a.currency, n.seq, s.at, e.op, x.bucket, x.amount, x.balance, x.escrows,
  e.reference
from holdfast.ledgers l
join holdfast.lines n on n.ledger = l.ledger
join holdfast.accounts a on a.ledger = n.ledger and a.account = n.account
join holdfast.seals s on s.ledger = n.ledger and s.seq = n.seq
join holdfast.events e on e.ledger = s.ledger and e.event = s.event
cross join lateral (values ('available', n.available, n.available_after, n.available_escrows),
  ('held', n.held, n.held_after, n.held_escrows)) x(bucket, amount, balance, escrows)
where x.amount <> 0;

comment on view holdfast.statement is
  'What each sealed event did to each bucket of each account, with the running balance. Order by seq, then bucket.';
comment on column holdfast.statement.ledger is 'The ledger; `main` where none was named.';
comment on column holdfast.statement.account is 'The account''s name.';
comment on column holdfast.statement.currency is 'Of amount and balance: an ISO 4217 code.';
comment on column holdfast.statement.seq is 'The event''s number: from 1, without gaps, in the order of what happened.';
comment on column holdfast.statement.at is 'When it happened; never before the event before it.';
comment on column holdfast.statement.op is 'What was asked for: deposit, hold, release, …';
comment on column holdfast.statement.bucket is 'available or held. An event that changed both has two rows.';
comment on column holdfast.statement.amount is 'By how much the bucket changed, in minor units; below 0: it went out.';
comment on column holdfast.statement.balance is 'What was in the bucket then.';
comment on column holdfast.statement.escrows is 'How many escrows of the event are behind it; 0: it was about none.';
comment on column holdfast.statement.reference is 'The caller''s own number in the world outside; null: none was given.';

create view holdfast.postings as
select l.name as ledger, n.seq, a.name as account, x.bucket, x.amount, a.currency
from holdfast.ledgers l
join holdfast.lines n on n.ledger = l.ledger
join holdfast.accounts a on a.ledger = n.ledger and a.account = n.account
cross join lateral (values ('available', n.available), ('held', n.held)) x(bucket, amount)
where x.amount <> 0;

comment on view holdfast.postings is
  'The double entry: what each sealed event did to each bucket. Those of one event sum to 0 in each currency.';
comment on column holdfast.postings.ledger is 'The ledger; `main` where none was named.';
comment on column holdfast.postings.seq is 'The event''s number.';
comment on column holdfast.postings.account is 'The account''s name.';
comment on column holdfast.postings.bucket is 'available or held.';
comment on column holdfast.postings.amount is 'By how much the bucket changed, in minor units; never 0.';
comment on column holdfast.postings.currency is 'An ISO 4217 code.';

-- Rows of both are inserted in the order of seq, and never changed: a summary a range of pages finds those of some
-- events or of some days, and costs the sealer nothing.
create index lines_of_seq on holdfast.lines using brin (seq) with (pages_per_range = 32, autosummarize = on);
create index seals_by_time on holdfast.seals using brin (at) with (pages_per_range = 32, autosummarize = on);

-- The role of analysts: the views, and no table. The application reads them too.
do $$
begin
  if not exists (select from pg_roles where rolname = 'holdfast_read') then
    create role holdfast_read nologin;
  end if;
exception
  when duplicate_object or unique_violation then null;  -- made by another database's migration at this moment
end
$$;
grant usage on schema holdfast to holdfast_read;
grant select on holdfast.account_balances, holdfast.escrow_status, holdfast.statement, holdfast.postings
  to holdfast_app, holdfast_read;
