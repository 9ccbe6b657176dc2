#include "text/explain.h"

#include <fmt/format.h>

#include <algorithm>

#include "money/fees.h"
#include "text/text.h"

namespace holdfast::text {

namespace {

__extension__ using Wide = unsigned __int128;

/// amount × rate with all its decimals, and whether it needs no rounding.
struct Product {
  std::string text;
  bool exact = false;
};

Product product(Amount amount, Rate rate, Currency currency) {
  constexpr int kRateDecimals = 9;
  auto value = static_cast<Wide>(amount.minor()) * rate.billionths();
  auto decimals = currency.exponent() + kRateDecimals;
  while (decimals > currency.exponent() && value % 10 == 0) {
    value /= 10;
    --decimals;
  }
  const bool exact = decimals == currency.exponent();
  std::string digits;
  for (; value != 0; value /= 10)
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
  const auto least = static_cast<std::size_t>(decimals) + 1;
  if (digits.size() < least) digits.insert(0, least - digits.size(), '0');
  if (decimals > 0) digits.insert(digits.size() - static_cast<std::size_t>(decimals), 1, '.');
  return {digits, exact};
}

std::string_view rounding_words(Rounding rounding) {
  switch (rounding) {
    case Rounding::half_up:
      return "half up";
    case Rounding::half_even:
      return "half to even";
    case Rounding::down:
      return "rounded down";
    case Rounding::up:
      return "rounded up";
  }
  return "";
}

std::string_view past(std::string_view op) {
  if (op == "hold") return "held";
  if (op == "release") return "released";
  if (op == "refund") return "refunded";
  if (op == "freeze") return "frozen";
  if (op == "resolve") return "resolved";
  if (op == "reschedule") return "rescheduled";
  return op;
}

constexpr std::string_view kLabels[] = {"commission", "fee", "net"};

/// How an amount came about stands beside who is paid, up to this length.
constexpr std::size_t kReasonWidth = 48;

/// A line of the history, before its columns are aligned.
struct Step {
  std::string label;
  std::string at;
  std::string amount;  // where it is not the escrow's whole
  std::string actor;
  std::string where;
  std::vector<std::pair<std::string, std::string>> sums;  // how an amount came about, and who gets it
};

std::string where(const EscrowHistoryLine& line) {
  auto text = fmt::format("seq {}", grouped(line.seq.value()));
  std::string more;
  if (line.others > 0)
    more = fmt::format("with {} other{}", grouped(line.others), line.others == 1 ? "" : "s");
  if (!line.group.empty()) more += fmt::format("{}of {}", more.empty() ? "" : " ", line.group);
  if (!line.reason.empty()) more += fmt::format("{}{}", more.empty() ? "" : "; ", line.reason);
  if (!line.reference.empty())
    more += fmt::format("{}reference {}", more.empty() ? "" : "; ", line.reference);
  return more.empty() ? text : fmt::format("{} ({})", text, more);
}

class Explanation {
 public:
  explicit Explanation(const EscrowView& escrow) : escrow_(escrow) {}

  void add(const EscrowHistoryLine& line) {
    Step step{std::string(past(line.op)), when(line.at), {}, {}, where(line), {}};
    if (!line.actor.empty()) step.actor = fmt::format("by \"{}\"", line.actor);
    const bool moved = line.amount != Amount();
    if (moved && line.amount != escrow_.amount) step.amount = sum(line.amount);
    if (line.op == "resolve") add_resolve(line, step);
    if (line.plan && line.op != "hold") add_split(line, step);
    steps_.push_back(std::move(step));
  }

  [[nodiscard]] std::string text() const {
    auto out = fmt::format("{}   {}   {} → {}   {}   fee plan {} v{}\n", escrow_.key,
                           money(escrow_.amount, escrow_.currency), escrow_.payer, escrow_.beneficiary,
                           to_string(escrow_.status), escrow_.fee_plan, escrow_.fee_plan_version);
    std::size_t label = std::string_view("commission").size();
    std::size_t amount = 0;
    std::size_t actor = 0;
    std::size_t reason = 0;
    for (const auto& step : steps_) {
      label = std::max(label, characters(step.label));
      amount = std::max(amount, characters(step.amount));
      actor = std::max(actor, characters(step.actor));
      for (const auto& [how, to] : step.sums) {
        const auto length = characters(how);
        if (length <= kReasonWidth) reason = std::max(reason, length);
      }
    }
    for (const auto& step : steps_) {
      out += fmt::format("  {} {}   ", pad_right(step.label, label), step.at);
      if (amount > 0) out += pad_left(step.amount, amount) + "   ";
      if (actor > 0) out += pad_right(step.actor, actor) + "   ";
      out += step.where + "\n";
      for (std::size_t i = 0; i < step.sums.size(); ++i) {
        const auto& [how, to] = step.sums[i];
        const auto name = pad_right(step.sums.size() == 1 ? "" : kLabels[i], label);
        // What is longer than the others may be keeps the line, and says in the next who is paid.
        out += characters(how) <= kReasonWidth
                   ? fmt::format("  {} {}   → {}\n", name, pad_right(how, reason), to)
                   : fmt::format("  {} {}\n  {} → {}\n", name, how, pad_right("", label), to);
      }
    }
    return out;
  }

  [[nodiscard]] std::vector<std::vector<std::string>> amounts() const {
    std::vector<std::vector<std::string>> all;
    for (const auto& step : steps_) {
      auto& lines = all.emplace_back();
      for (std::size_t i = 0; i < step.sums.size(); ++i) {
        const auto& [how, to] = step.sums[i];
        const auto label = step.sums.size() == 1 ? std::string() : fmt::format("{} ", kLabels[i]);
        lines.push_back(fmt::format("{}{} → {}", label, how, to));
      }
    }
    return all;
  }

 private:
  [[nodiscard]] std::string sum(Amount amount) const { return to_grouped(amount, escrow_.currency); }

  void add_resolve(const EscrowHistoryLine& line, Step& step) const {
    if (line.amount == Amount()) {
      step.label = "unfrozen";
    } else if (!line.plan) {
      step.sums.emplace_back(fmt::format("{} back, without fees", sum(line.amount)), escrow_.payer);
    }
  }

  void add_split(const EscrowHistoryLine& line, Step& step) {
    const auto& plan = *line.plan;
    step.sums.emplace_back(explain_fee({released_, commission_, line.amount, line.commission},
                                       plan.commission, plan.rounding, escrow_.currency),
                           plan.commission.to);
    step.sums.emplace_back(explain_fee({released_, processor_fee_, line.amount, line.processor_fee},
                                       plan.processor_fee, plan.rounding, escrow_.currency),
                           plan.processor_fee.to);
    step.sums.emplace_back(fmt::format("{} = {} − {} − {}", sum(line.net), sum(line.amount),
                                       sum(line.commission), sum(line.processor_fee)),
                           escrow_.beneficiary);
    released_ += line.amount;
    commission_ += line.commission;
    processor_fee_ += line.processor_fee;
  }

  const EscrowView& escrow_;
  std::vector<Step> steps_;
  Amount released_;
  Amount commission_;
  Amount processor_fee_;
};

}  // namespace

std::string explain_fee(const FeeStep& step, const FeeRule& rule, Rounding rounding, Currency currency) {
  const auto sum = [&](Amount amount) { return to_grouped(amount, currency); };
  const auto gross = step.before + step.part;
  const auto [exact_text, exact] = product(gross, rule.rate, currency);
  auto text = fmt::format("{} = {} × {}", sum(step.fee), sum(gross), rule.rate.to_percent());
  if (!exact) text += fmt::format(" = {}, {}", exact_text, rounding_words(rounding));
  if (rule.fixed != Amount()) text += fmt::format(", + {}", sum(rule.fixed));
  const auto unbounded = apply_rate(gross, rule.rate, rounding) + rule.fixed;
  if (unbounded < rule.min) text += fmt::format(", at least {}", sum(rule.min));
  if (rule.max && unbounded > *rule.max) text += fmt::format(", at most {}", sum(*rule.max));
  const auto owed = fee_of(gross, rule, rounding) - step.recorded;
  if (step.before != Amount()) text += fmt::format(", less {} before", sum(step.recorded));
  if (step.fee != owed) text += ", cut to what this part could pay";
  return text;
}

std::string explain(const EscrowView& escrow, const std::vector<EscrowHistoryLine>& history) {
  Explanation explanation(escrow);
  for (const auto& line : history) explanation.add(line);
  return explanation.text();
}

std::vector<std::vector<std::string>> explained_amounts(const EscrowView& escrow,
                                                        const std::vector<EscrowHistoryLine>& history) {
  Explanation explanation(escrow);
  for (const auto& line : history) explanation.add(line);
  return explanation.amounts();
}

}  // namespace holdfast::text
