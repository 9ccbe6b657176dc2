// Pages of events as JSON, for those who follow the ledger.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "holdfast/ledger.h"

namespace holdfast::server {

struct EventText {
  Seq seq;
  Timestamp at;
  std::string op;
  std::string json;  // one line
};

struct EventTexts {
  std::vector<EventText> rows;
  std::optional<Seq> next;  // there is more after this one
};

class EventPages {
 public:
  /// What a slow client can have us keep for it.
  static constexpr std::size_t kMaxBytes = std::size_t{512} << 10;

  /// \param ledger  must outlive it
  explicit EventPages(const Ledger& ledger) : ledger_(ledger) {}

  /// Events with seq > after: at most `limit`, and about kMaxBytes of text; one at least where there is any.
  /// Blocks. From any thread.
  /// \param limit  1 to kMaxPage
  /// \param seen  where the caller was woken for events up to this one: then a page that another one read
  ///   will do, if it goes as far. Thousands who wait at the end all ask for the same page at once.
  /// Errors: of `Ledger::events`.
  [[nodiscard]] Result<std::shared_ptr<const EventTexts>> read(Seq after, std::size_t limit,
                                                               std::optional<Seq> seen = std::nullopt);

 private:
  struct Kept {
    Seq after;
    std::size_t limit = 0;
    std::shared_ptr<const EventTexts> page;
  };
  [[nodiscard]] Result<EventTexts> read_fresh(Seq after, std::size_t limit) const;
  [[nodiscard]] std::shared_ptr<const EventTexts> find(Seq after, std::size_t limit, Seq seen);

  const Ledger& ledger_;
  std::mutex mutex_;
  std::array<Kept, 4> kept_;
  std::size_t oldest_ = 0;
};

}  // namespace holdfast::server
