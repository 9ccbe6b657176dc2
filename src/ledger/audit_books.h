// What an audit keeps of the events it has seen: accounts, escrows, groups, fee plans and keys, rebuilt in a
// plain way that shares no code with any store. Tables are indexed by number; an escrow takes 64 bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/hash.h"
#include "ledger/audit_findings.h"
#include "ledger/event.h"
#include "ledger/postings.h"
#include "ledger/rows.h"

namespace holdfast::audit {

/// Rows by number, in pages, so that gaps and absurd numbers cost no more than the page they fall on.
template <class Row>
class Paged {
 public:
  static constexpr std::uint64_t kPage = 4096;

  Row& operator[](std::uint64_t id) {
    auto& page = slot(id / kPage);
    if (!page) page = std::make_unique<Row[]>(kPage);
    return page[id % kPage];
  }
  [[nodiscard]] const Row* find(std::uint64_t id) const {
    const auto number = id / kPage;
    if (number < near_.size()) return near_[number] ? &near_[number][id % kPage] : nullptr;
    const auto at = far_.find(number);
    return at == far_.end() ? nullptr : &at->second[id % kPage];
  }
  [[nodiscard]] Row* find(std::uint64_t id) {
    return const_cast<Row*>(static_cast<const Paged&>(*this).find(id));
  }
  /// The first id of the first page that has one of `from` or above; none behind the last.
  [[nodiscard]] std::optional<std::uint64_t> next_page(std::uint64_t from) const {
    const auto first = (from + kPage - 1) / kPage;
    for (auto number = first; number < near_.size(); ++number) {
      if (near_[number]) return number * kPage;
    }
    std::optional<std::uint64_t> next;
    for (const auto& [number, page] : far_) {
      if (number >= first && (!next || number < *next)) next = number;
    }
    if (next) *next *= kPage;
    return next;
  }
  /// Calls `visit(first id of a page)`, in order.
  template <class Visit>
  void for_each_page(Visit&& visit) const {
    for (auto page = next_page(0); page; page = next_page(*page + kPage)) visit(*page);
  }

 private:
  static constexpr std::uint64_t kNearPages = std::uint64_t{1} << 20;

  std::unique_ptr<Row[]>& slot(std::uint64_t number) {
    if (number >= kNearPages) return far_[number];
    if (number >= near_.size()) near_.resize(number + 1);
    return near_[number];
  }

  std::vector<std::unique_ptr<Row[]>> near_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Row[]>> far_;
};

/// Buckets in minor units. Small, since a batch touches accounts at random.
struct AccountBook {
  std::int64_t available = 0;
  std::int64_t held = 0;
  std::int64_t posted_available = 0;  // the same from `postings`
  std::int64_t posted_held = 0;
  Currency currency;
  AccountKind kind = AccountKind::user;
  bool known = false;
  bool open = false;
};
static_assert(sizeof(AccountBook) == 40);

/// 63 bits; 0 where there is none.
[[nodiscard]] std::uint64_t digest_of(const Dates& dates);

struct EscrowBook {
  std::int64_t amount = 0;  // 0: no such escrow
  std::int64_t released = 0;
  std::int64_t refunded = 0;
  std::int64_t commission = 0;
  std::int64_t processor_fee = 0;
  AccountId payer;
  AccountId beneficiary;
  GroupId group;
  PlanId plan;
  std::uint64_t frozen : 1 = 0;
  std::uint64_t dates : 63 = 0;  // digest_of its dates

  [[nodiscard]] std::int64_t locked() const { return amount - released - refunded; }
  void set_dates(const Dates& to) { dates = digest_of(to) & ((std::uint64_t{1} << 63) - 1); }
};
static_assert(sizeof(EscrowBook) == 64);

/// What escrows lock and how many of them are live, by what they name.
struct EscrowSum {
  Wide locked = 0;        // as their payer
  std::int64_t live = 0;  // as their beneficiary, group or fee plan
};
struct EscrowSums {
  Paged<EscrowSum> accounts;
  Paged<EscrowSum> groups;
  Paged<EscrowSum> plans;

  /// Adds an escrow, or, with a sign of -1, takes it away. `Escrow`: a row, or a book.
  template <class Escrow>
  void add(const Escrow& escrow, Wide locked, int sign) {
    if (locked == 0) return;
    accounts[escrow.payer.value()].locked += sign * locked;
    if (locked < 0) return;
    accounts[escrow.beneficiary.value()].live += sign;
    groups[escrow.group.value()].live += sign;
    plans[escrow.plan.value()].live += sign;
  }
};

struct GroupBook {
  std::string name;
  bool known = false;
  bool open = true;
  std::uint64_t escrows = 0;
};

struct PlanBook {
  std::optional<FeePlanDefined> defined;
};

/// The texts of all keys that took effect, each with the escrow that was held under it.
class KeyBook {
 public:
  struct Record {
    std::string_view key;
    EscrowId escrow;
  };

  [[nodiscard]] bool contains(std::string_view key) const;
  /// False, and nothing done, where it is there.
  bool insert(std::string_view key, EscrowId escrow);
  [[nodiscard]] std::uint64_t size() const { return size_; }
  void set_secret(const HashSecret& secret) { secret_ = secret; }

  /// In the order in which they were inserted: at most `most`, from a place on that an earlier call gave; 0:
  /// from the first. Where to go on; none: there are no more.
  template <class Visit>
  std::optional<std::uint64_t> visit(std::uint64_t place, std::size_t most, Visit&& visitor) const {
    auto block = place / kBlock;
    for (auto at = place % kBlock; block < blocks_.size(); ++block, at = 0) {
      while (at < blocks_[block].used) {
        if (most-- == 0) return block * kBlock + at;
        const auto found = record(block * kBlock + at);
        visitor(found);
        at += kFront + found.key.size();
      }
    }
    return std::nullopt;
  }

 private:
  static constexpr std::uint64_t kBlock = std::uint64_t{1} << 20;
  static constexpr std::size_t kFront = 9;  // before a text: its escrow (8 bytes) and its length
  static constexpr unsigned kPlaceBits = 40;
  static constexpr std::uint64_t kPlaceMask = (std::uint64_t{1} << kPlaceBits) - 1;

  struct Block {
    std::unique_ptr<char[]> text;
    std::size_t used = 0;
  };

  template <class Visit>
  void for_each_place(Visit&& visit) const {
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
      for (std::size_t at = 0; at < blocks_[i].used;) {
        visit(i * kBlock + at);
        at += kFront + static_cast<unsigned char>(blocks_[i].text[at + kFront - 1]);
      }
    }
  }
  [[nodiscard]] Record record(std::uint64_t place) const;
  static std::uint64_t slot_with(std::uint64_t hash, std::uint64_t place) {
    return (hash & ~kPlaceMask) | (place + 1);
  }
  /// The slot of the key, or the empty one where it would go.
  [[nodiscard]] std::size_t slot_of(std::string_view key, std::uint64_t hash) const;
  void grow();

  HashSecret secret_{};
  std::vector<std::uint64_t> slots_;  // 24 bits of the hash, then the place in the blocks plus one; 0: empty
  std::vector<Block> blocks_;
  std::uint64_t size_ = 0;
};

struct Books {
  std::uint64_t events = 0;
  std::uint64_t effects = 0;  // of commands: an atomic has several
  std::uint64_t parts_released = 0;
  std::uint64_t amounts = 0;
  std::uint64_t accounts_known = 0;
  std::uint64_t escrows_known = 0;
  Seq last;
  Timestamp last_at;
  Digest head{};

  AccountId last_account;
  EscrowId last_escrow;
  GroupId last_group;
  PlanId last_plan;
  Paged<AccountBook> accounts;
  Paged<std::string> account_texts;
  Paged<EscrowBook> escrows;
  Paged<GroupBook> groups;
  Paged<PlanBook> plans;
  std::unordered_map<std::string, AccountId> account_names;
  std::unordered_map<std::string, GroupId> group_names;
  std::unordered_map<std::string, PlanId> latest_plans;
  KeyBook keys;
  struct Unfinished {
    bool refund = false;
    EscrowId done_through;
    EscrowId limit;
  };
  std::unordered_map<std::string, Unfinished> unfinished;  // chunked commands under way, by key
  std::vector<Wide> totals;                                // by currency index, without external accounts

  EscrowSums of_escrows;  // of all escrows, kept up to date once they were added up
  bool added_up = false;

  Findings findings;
  Sha256 hasher;
  std::vector<Posting> postings;

  void event(const Event& event, std::span<const std::byte> bytes, const Digest* recorded_hash);
  /// Adds up what escrows lock.
  void add_up();
  /// Before a change of an escrow (-1) and behind it (1).
  void add(const EscrowBook& escrow, int sign) {
    if (added_up) of_escrows.add(escrow, escrow.locked(), sign);
  }
  /// The account's name, or its number where it was never opened.
  [[nodiscard]] std::string name(AccountId id) const;

 private:
  void post(const Event& event);
};

}  // namespace holdfast::audit
