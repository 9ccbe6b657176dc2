// `holdfast import`: a file of holds, all of them or none.
//
// Everything is checked first, so that a mistake is told by line and field. Then one atomic block opens the
// accounts that are missing and holds row after row, each under the row's own key; with --fund each row's
// amount is deposited first, under `fund:` and the row's key. So a file that is imported again, also one that
// has grown since, posts only what is new.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <memory>

#include "cli/commands.h"
#include "cli/import_file.h"
#include "cli/progress_bar.h"
#include "json/writer.h"
#include "text/text.h"

namespace holdfast::cli {

namespace {

constexpr std::string_view kFundPrefix = "fund:";
constexpr std::size_t kMaxKeyBytes = 255;

struct ImportOptions {
  std::string file;
  std::string fee_plan;
  bool fund = false;
  Options options;  // of the whole
};

ExitCode report_mistakes(Context& context, const std::vector<std::string>& mistakes) {
  constexpr std::size_t kShown = 20;
  Error error;
  error.message = fmt::format("{}. Nothing was imported.", mistakes.front());
  if (context.json) return context.failed(error, ExitCode::rejected);
  fmt::print(stderr, "{}\n", error.message);
  const auto more = std::min(mistakes.size(), kShown);
  for (std::size_t i = 1; i < more; ++i) fmt::print(stderr, "{}\n", mistakes[i]);
  if (mistakes.size() > kShown) fmt::print(stderr, "... and {} more\n", grouped(mistakes.size() - kShown));
  return ExitCode::rejected;
}

/// The newest version of the plan.
Result<FeePlanView> find_plan(const Ledger& ledger, const std::string& name) {
  auto plans = ledger.fee_plans();
  if (!plans) return std::unexpected(std::move(plans.error()));
  std::optional<FeePlanView> found;
  for (auto& plan : *plans) {
    if (plan.fee_plan == name && (!found || found->version < plan.version)) found = std::move(plan);
  }
  if (found) return *found;
  return fail(ErrorCode::fee_plan_not_found,
              fmt::format("fee plan {} is not there: define it first. Nothing was imported.", name));
}

Result<EscrowId> import_row(Transaction& transaction, const ImportRow& row, const ImportOptions& options) {
  if (options.fund) {
    Options funding;
    funding.key = fmt::format("{}{}", kFundPrefix, row.key);
    funding.reference = row.reference;
    const auto deposit =
        transaction.execute({Deposit{std::string(row.payer), row.amount, {}}, std::move(funding)});
    if (!deposit) return std::unexpected(deposit.error());
  }
  Hold hold;
  hold.payer = row.payer;
  hold.beneficiary = row.beneficiary;
  hold.amount = row.amount;
  hold.fee_plan = options.fee_plan;
  hold.group = row.group;
  Options own;
  own.key = row.key;
  own.reference = row.reference;
  return transaction.hold(std::move(hold), std::move(own));
}

/// \param last  the last escrow that there was before
/// \param held  how many are new: their numbers are above that
Result<Answer> import_rows(Context& context, Ledger& ledger, const ImportFile& file,
                           const ImportOptions& options, EscrowId last, std::uint64_t& held) {
  // Nobody else can be waiting: this process has the ledger to itself.
  constexpr auto kLongEnough = std::chrono::hours(24);
  ProgressBar progress(context.terminal, "import", "rows");
  const auto block = [&](Transaction& transaction) -> Result<void> {
    for (const auto& account : file.to_open()) {
      OpenAccount open{std::string(account.name), account.currency, account.kind};
      const auto opened = transaction.execute({std::move(open), {}});
      if (!opened) return std::unexpected(opened.error());
    }
    std::uint64_t done = 0;
    for (const auto& row : file.rows()) {
      auto imported = import_row(transaction, row, options);
      if (!imported) {
        auto& message = imported.error().message;
        message = fmt::format("{}:{}: {}. Nothing was imported.", file.name(), row.line, message);
        return std::unexpected(imported.error());
      }
      if (*imported > last) ++held;
      progress.update(++done, file.rows().size());
    }
    return {};
  };
  AtomicOptions atomic;
  atomic.options = options.options;
  atomic.time_limit = kLongEnough;
  return ledger.atomic(block, atomic);
}

void report(Context& context, const ImportFile& file, const Answer& answer, std::uint64_t held) {
  const auto rows = file.rows().size();
  if (context.json) {
    json::Writer out;
    out.begin_object().name("ok").boolean(true).name("seq");
    answer.seq ? out.number(answer.seq->value()) : out.null();
    out.name("rows").number(rows).name("held").number(held).name("imported_before").number(rows - held);
    out.name("accounts_opened").number(file.to_open().size()).end_object();
    return context.out.line(out.take());
  }
  if (held == 0) {
    return context.out.line(fmt::format("{}: all {} had been imported before: nothing was changed.",
                                        file.name(), counted(rows, "row")));
  }
  const auto before = rows == held
                          ? std::string()
                          : fmt::format("; {} had been imported before", counted(rows - held, "row"));
  context.out.line(fmt::format("{}: held {}, opened {}{}{}", file.name(), counted(held, "escrow"),
                               counted(file.to_open().size(), "account"), before,
                               answer.seq ? fmt::format(" (seq {})", grouped(answer.seq->value())) : ""));
}

std::optional<std::string> contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return std::nullopt;
  std::string text{std::istreambuf_iterator<char>(file), {}};
  if (file.bad()) return std::nullopt;
  return text;
}

ExitCode import(Context& context, const ImportOptions& options) {
  const auto text = contents(options.file);
  if (!text) return context.misused(fmt::format("{} cannot be read", options.file));
  ImportFile file(options.file, *text);
  file.read(kMaxKeyBytes - (options.fund ? kFundPrefix.size() : 0));
  if (!file.mistakes().empty()) return report_mistakes(context, file.mistakes());

  auto ledger = context.open_to_write();
  if (!ledger) return context.failed(ledger.error());
  const auto plan = find_plan(*ledger, options.fee_plan);
  if (!plan) return context.failed(plan.error());
  if (auto checked = file.check_against(*ledger, *plan); !checked) return context.failed(checked.error());
  if (!file.mistakes().empty()) return report_mistakes(context, file.mistakes());

  const auto before = ledger->status();
  if (!before) return context.failed(before.error());
  std::uint64_t held = 0;
  const auto answer = import_rows(context, *ledger, file, options, EscrowId(before->escrows), held);
  if (!answer) return context.failed(answer.error());
  report(context, file, *answer, held);
  return ExitCode::done;
}

}  // namespace

void add_import_command(CLI::App& app, Context& context) {
  auto* command =
      add_command(app, help_group::kMany, "import", "Hold every row of a CSV file, all of them or none",
                  "  holdfast import pledges.csv --fee-plan standard --fund\n"
                  "pledges.csv:\n"
                  "  key,payer,beneficiary,group,amount,currency,reference\n"
                  "  pledge:8812,user:42,campaign:7,campaign:7,9.99,EUR,order/1\n"
                  "Group and reference may be empty. Accounts that are missing are opened. A file that is "
                  "imported again\n"
                  "posts only what is new in it.");
  const auto options = std::make_shared<ImportOptions>();
  command->add_option("FILE", options->file, "CSV with exactly that header")->required();
  command->add_option("--fee-plan", options->fee_plan, "How the releases are split")
      ->type_name("NAME")
      ->required();
  command->add_flag("--fund", options->fund, "Deposit to each payer what is held of him");
  command->add_option("--actor", options->options.actor, "Who asks")->type_name("NAME");
  command->add_option("--reason", options->options.reason, "Why, in words")->type_name("TEXT");
  command->callback([&context, options] { context.exit = import(context, *options); });
}

}  // namespace holdfast::cli
