#include "server/books.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "base/clock.h"
#include "json/fields.h"
#include "json/writer.h"

namespace holdfast::server {

namespace {

constexpr std::string_view kFile = "books.json";
constexpr std::int64_t kFormat = 1;
constexpr std::size_t kPage = 500;
constexpr std::size_t kKeptWrong = 20;
constexpr std::chrono::milliseconds kWhenCaughtUp{500};
constexpr std::chrono::milliseconds kWhenFailed{5'000};
constexpr std::chrono::seconds kBetweenSaves{10};

/// What went through a ledger in all its years has no bound as what is in it has: it stays at the largest
/// number rather than take the server down.
void add(Amount& to, Amount more) {
  std::int64_t sum = 0;
  to = Amount(__builtin_add_overflow(to.minor(), more.minor(), &sum) ? INT64_MAX : sum);
}

void add(EventSums& to, const EventSums& more) {
  to.currency = more.currency;
  add(to.held, more.held);
  add(to.released, more.released);
  add(to.refunded, more.refunded);
  add(to.commission, more.commission);
  add(to.processor_fee, more.processor_fee);
}

/// What the buckets of one currency went through in one event.
struct Moved {
  Amount all;
  Amount held;
};

std::map<std::string_view, Moved> moved_by(const EventView& event) {
  std::map<std::string_view, Moved> by_currency;
  for (const auto& posting : event.postings) {
    auto& moved = by_currency[posting.currency.code()];
    moved.all += posting.amount;
    if (posting.bucket == Bucket::held) moved.held += posting.amount;
  }
  return by_currency;
}

/// The answer of a settlement against what the event did. An answer that is of more than this event (a later
/// chunk) says at least as much.
std::optional<std::string> wrong_answer(const EventView& event) {
  const auto* settlement = std::get_if<Settlement>(&event.result);
  if (settlement == nullptr) return std::nullopt;
  std::uint64_t escrows = 0;
  for (const auto& total : settlement->totals) escrows += total.escrows;
  const bool of_this_alone = escrows == event.escrow_count;
  for (const auto& total : settlement->totals) {
    const auto found = std::ranges::find(event.sums, total.currency, &EventSums::currency);
    const auto sums = found == event.sums.end() ? EventSums() : *found;
    const auto moved = settlement->kind == Settlement::Kind::refund ? sums.refunded : sums.released;
    if (total.amount < moved || (of_this_alone && total.amount != moved)) {
      return fmt::format("answers {} {}, its escrows moved {}", to_decimal(total.amount, total.currency),
                         total.currency.code(), to_decimal(moved, total.currency));
    }
    if (settlement->kind != Settlement::Kind::refund &&
        total.commission + total.processor_fee + total.net != total.amount) {
      return fmt::format("answers {} {} that its parts do not add up to",
                         to_decimal(total.amount, total.currency), total.currency.code());
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> wrong_with(const EventView& event, Seq before) {
  const auto wrong = [&](const std::string& what) {
    return fmt::format("event {} {}", event.seq.value(), what);
  };
  if (event.seq != before.next()) return wrong(fmt::format("follows event {}", before.value()));
  auto moved = moved_by(event);
  for (const auto& sums : event.sums) {
    const auto held = moved[sums.currency.code()].held;
    if (held != sums.held - sums.released - sums.refunded) {
      return wrong(fmt::format("changes what is held by {} {}, its escrows by {}",
                               to_decimal(held, sums.currency), sums.currency.code(),
                               to_decimal(sums.held - sums.released - sums.refunded, sums.currency)));
    }
    if (sums.commission + sums.processor_fee > sums.released) {
      return wrong(fmt::format("takes more fees than it released in {}", sums.currency.code()));
    }
  }
  for (const auto& [code, each] : moved) {
    if (each.all == Amount()) continue;
    return wrong(
        fmt::format("has postings in {} that sum to {} minor units and not to 0", code, each.all.minor()));
  }
  if (const auto answer = wrong_answer(event)) return wrong(*answer);
  return std::nullopt;
}

Books::Books(const Ledger& ledger, StateDirectory& state, Wrong wrong)
    : ledger_(ledger), state_(state), told_(std::move(wrong)), thread_([this] { run(); }) {}

Books::~Books() {
  {
    const std::scoped_lock hold(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

BooksView Books::view() const {
  const std::scoped_lock hold(mutex_);
  BooksView view;
  view.seq = seq_;
  for (const auto& [code, sums] : sums_) view.sums.push_back(sums);
  view.frozen = frozen_;
  view.wrong = wrong_;
  view.failure = failure_;
  return view;
}

bool Books::wait(std::chrono::milliseconds time) {
  std::unique_lock hold(mutex_);
  return !changed_.wait_for(hold, time, [&] { return stopping_; });
}

void Books::run() {
  if (::nice(10) == -1) { /* only a courtesy to those who answer */
  }
  load();
  auto saved_at = system_clock().monotonic();
  auto rest = std::chrono::milliseconds(0);
  while (wait(rest)) {
    rest = step() ? std::chrono::milliseconds(0) : failure_ ? kWhenFailed : kWhenCaughtUp;
    if (system_clock().monotonic() - saved_at < kBetweenSaves) continue;
    save();
    saved_at = system_clock().monotonic();
  }
  save();
}

bool Books::step() {
  const auto page = ledger_.events(seq_, kPage);
  const std::scoped_lock hold(mutex_);
  if (!page) {
    failure_ = page.error();
    return false;
  }
  failure_.reset();
  for (const auto& event : page->rows) take(event);
  return !page->rows.empty();
}

void Books::take(const EventView& event) {
  if (auto wrong = wrong_with(event, seq_)) {
    if (wrong_.size() < kKeptWrong) wrong_.push_back(*wrong);
    told_(*wrong);
  }
  for (const auto& sums : event.sums) add(sums_[sums.currency.code()], sums);
  frozen_ += event.froze - event.thawed;
  seq_ = event.seq;
  hash_ = event.hash;
}

void Books::save() {
  if (saved_ == seq_ || !wrong_.empty()) return;  // what is wrong is found, and told, again at the next start
  json::Writer out;
  out.begin_object().name("format").number(kFormat).name("seq").number(seq_.value());
  out.name("hash").text(to_hex(hash_)).name("frozen").number(frozen_).name("currencies").begin_list();
  for (const auto& [code, sums] : sums_) {
    out.begin_object().name("currency").text(code).name("held").number(sums.held.minor());
    out.name("released").number(sums.released.minor()).name("refunded").number(sums.refunded.minor());
    out.name("commission").number(sums.commission.minor());
    out.name("processor_fee").number(sums.processor_fee.minor()).end_object();
  }
  out.end_list().end_object();
  if (state_.replace(kFile, out.take() + "\n")) saved_ = seq_;  // else it is read again from further back
}

void Books::load() {
  const auto text = state_.read(kFile);
  if (!text || !*text) return;
  const auto document = json::Document::parse(**text);
  if (!document || document->root().kind() != json::Kind::object) return;
  json::Fields fields(document->root(), "books");
  constexpr std::int64_t kMost = INT64_MAX;
  const auto number = [&](json::Fields& from, std::string_view name) {
    return from.optional_integer(name, "a number", 0, kMost).value_or(-1);
  };
  const auto format = number(fields, "format");
  const auto seq = number(fields, "seq");
  const auto hash = fields.required_text("hash", "the hash of the last event");
  const auto frozen = number(fields, "frozen");
  const auto list = fields.required_list("currencies", "the sums");
  if (fields.error() || format != kFormat || seq < 1 || frozen < 0) return;
  std::map<std::string_view, EventSums> sums;
  bool good = true;
  list->each_item([&](json::Value item) {
    if (!good || item.kind() != json::Kind::object) return void(good = false);
    json::Fields each(item, "books");
    EventSums read;
    read.currency = each.required_currency("currency");
    read.held = Amount(number(each, "held"));
    read.released = Amount(number(each, "released"));
    read.refunded = Amount(number(each, "refunded"));
    read.commission = Amount(number(each, "commission"));
    read.processor_fee = Amount(number(each, "processor_fee"));
    for (const auto amount : {read.held, read.released, read.refunded, read.commission, read.processor_fee}) {
      good = good && amount >= Amount();
    }
    good = good && !each.error();
    if (good) sums[read.currency.code()] = read;
  });
  // Of another ledger, or of a part that a restored copy does not have: then there is no such event.
  const auto last = ledger_.events(Seq(static_cast<std::uint64_t>(seq) - 1), 1);
  if (!good || !last || last->rows.empty() || to_hex(last->rows[0].hash) != hash) return;
  const std::scoped_lock hold(mutex_);
  seq_ = saved_ = Seq(static_cast<std::uint64_t>(seq));
  hash_ = last->rows[0].hash;
  frozen_ = static_cast<std::uint64_t>(frozen);
  sums_ = std::move(sums);
}

}  // namespace holdfast::server
