// What the journal alone answers: statements, events for people, an escrow's history. Found by an index on
// disk for each sealed segment (`index/<segment>`), built when first needed or when the engine is idle; only
// an optimisation, rebuilt at will.
//
// Thread-safe; reads what is durable. Names come from the caller, who owns the state.
#pragma once

#include <memory>

#include "base/file.h"
#include "holdfast/queries.h"
#include "journal/log.h"
#include "journal/touch_index.h"
#include "ledger/event_views.h"

namespace holdfast::journal {

class History {
 public:
  /// \param index_directory  nullptr: nothing is kept on disk (a reader), segments are read instead
  /// \param use  a reader beside a writing process uses what is there and writes nothing
  History(const Log& log, Directory* index_directory, Names names, IndexUse use = IndexUse::build);
  ~History();

  /// Lines of an account with seq > after, oldest first, with the running balance of each bucket. A page ends
  /// between events.
  /// \param limit  lines; the two of one event stay together, so there may be one more. There may be fewer,
  ///   and a cursor to go on, where the events are large
  [[nodiscard]] Result<StatementPage> statement(AccountId account, Seq after, std::size_t limit) const;
  /// Events with seq > after, oldest first; fewer than `limit`, and a cursor to go on, where they are large.
  [[nodiscard]] Result<EventPage> events(Seq after, std::size_t limit) const;
  /// All that happened to the escrow, oldest first. Found through its payer's entries from the hold to
  /// `last_seq`.
  [[nodiscard]] Result<std::vector<EscrowHistoryLine>> escrow(EscrowId escrow, AccountId payer,
                                                              Seq last_seq) const;

  /// Builds the index of one sealed segment that has none; false where all have one.
  [[nodiscard]] Result<bool> build_next_index();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::journal
