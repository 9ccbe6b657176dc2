// One command that is no atomic, carried out on the model's book.
#pragma once

#include <optional>

#include "sim/model.h"

namespace holdfast::sim {

class ModelStep {
 public:
  ModelStep(ModelBook& book, const Command& command, const Path& path, const GivenIds& ids,
            std::uint64_t& next_unknown_id)
      : book_(book), command_(command), path_(path), ids_(ids), next_unknown_id_(next_unknown_id) {}

  /// \param progress  of a chunked command that goes on
  Outcome run(std::optional<ModelChunks> progress);
  [[nodiscard]] bool changed() const { return changed_; }
  /// Of a chunked command that is not at its end.
  [[nodiscard]] const std::optional<ModelChunks>& progress() const { return progress_; }

  void operator()(const OpenAccount& op);
  void operator()(const CloseAccount& op);
  void operator()(const DefineFeePlan& op);
  void operator()(const Deposit& op);
  void operator()(const Withdraw& op);
  void operator()(const Transfer& op);
  void operator()(const Hold& op);
  void operator()(const Reschedule& op);
  void operator()(const Release& op);
  void operator()(const Refund& op);
  void operator()(const Freeze& op);
  void operator()(const Resolve& op);
  void operator()(const CloseGroup& op);
  void operator()(const ReopenGroup& op);
  void operator()(const Atomic&) {}

 private:
  struct Item {
    std::uint64_t id = 0;
    std::string key;  // as named
    ErrorCode reason = ErrorCode::invalid_command;
    bool bad = false;
  };
  struct BatchRequest {
    const EscrowList& escrows;
    const std::string& group;
    BatchMode mode;
    std::optional<Amount> amount;
    std::optional<std::uint32_t> chunk;
    bool close;
    bool release;
    const std::string* plan_name;  // a release's other plan; nullptr: each escrow's own
    const std::optional<Expectation>& expect;
  };

  void wrong(ErrorCode code) { outcome_.codes.insert(code); }
  [[nodiscard]] bool ok() const { return outcome_.codes.empty(); }
  /// The account, if it is there and open; what else is wrong is noted.
  ModelAccount* usable(const std::string& name, bool external_allowed = false);
  /// An external account: the default one is opened when `commit` is called.
  void move(const std::string& from, const std::string& to, Amount amount);
  template <class Move>
  void move_outside(const Move& op, bool deposit);
  void fee_account(const FeeRule& rule, const std::string& name, AccountKind kind, Currency currency);
  [[nodiscard]] Wide currency_total(Currency currency) const;

  [[nodiscard]] std::uint64_t find(EscrowId id, const std::string& key) const;
  ModelEscrow* live(const EscrowRef& ref);
  void batch(const BatchRequest& request);
  std::vector<Item> listed(const BatchRequest& request) const;
  std::vector<Item> grouped(const BatchRequest& request);
  void judge(std::vector<Item>& items, const BatchRequest& request) const;
  [[nodiscard]] std::optional<ErrorCode> plan_problem(const ModelEscrow& escrow, Wide part,
                                                      const BatchRequest& request) const;
  /// What the batch comes to as the book is now, all its chunks together.
  [[nodiscard]] std::map<std::string, Total> forecast(const BatchRequest& request) const;
  void settle(std::uint64_t id, const BatchRequest& request, std::map<std::string, Total>& totals);
  /// Pays a part to the beneficiary and the fees; adds to the total.
  void pay_out(ModelEscrow& escrow, Wide part, Total& total);
  void pay_back(ModelEscrow& escrow, Wide part);
  void answer(const BatchRequest& request, const std::map<std::string, Total>& totals,
              const std::vector<ItemError>& skipped, const std::map<ErrorCode, std::uint64_t>& counts);

  ModelBook& book_;
  const Command& command_;
  const Path& path_;
  const GivenIds& ids_;
  std::uint64_t& next_unknown_id_;
  Outcome outcome_;
  bool changed_ = false;
  std::optional<ModelChunks> progress_;
};

}  // namespace holdfast::sim
