// Random commands: whatever they are, and in whatever order, the laws hold after each. Book checks them: that
// rows and postings agree, that held is the sum of what is locked, that every currency sums to zero, that
// nobody is below 0, that a command without an event changed nothing, and that none left its footprint.
#include <fmt/core.h>

#include <algorithm>

#include "ledger/testing/book.h"
#include "tests/support/property.h"

namespace holdfast {
namespace {

using namespace testing;

// What rapidcheck draws and shrinks: numbers, of which a command is made.
struct Draw {
  std::uint8_t op = 0;
  std::uint8_t a = 0;
  std::uint8_t b = 0;
  std::uint16_t amount = 0;
};

void showValue(const Draw& draw, std::ostream& out) {
  out << fmt::format("{{{}, {}, {}, {}}}", draw.op, draw.a, draw.b, draw.amount);
}

class Maker {
 public:
  Command command(const Draw& draw) {
    const auto account = [](std::uint8_t i) { return fmt::format("user:{}", i % 4); };
    const auto escrow = [](std::uint8_t i) { return fmt::format("h{}", i % 12); };
    const auto group = [](std::uint8_t i) { return fmt::format("g{}", i % 3); };
    const auto plan_name = [](std::uint8_t i) {
      return i % 2 ? std::string("dear") : std::string("standard");
    };
    const std::int64_t amount = draw.amount % 3'000 + 1;
    switch (draw.op % 20) {
      case 0:
        return deposit(key(), account(draw.a), amount);
      case 1:
        return withdraw(key(), account(draw.a), amount);
      case 2:
        return transfer(key(), account(draw.a), account(draw.b), amount);
      case 3:
      case 4:
      case 5:
        return hold(escrow(draw.a), account(draw.b), "shop", amount, group(draw.b), plan_name(draw.b));
      case 6:
        return release({escrow(draw.a), escrow(draw.b)});
      case 7:
        return skip_release({escrow(draw.a), escrow(draw.b), escrow(draw.a)});
      case 8:
        return release_part(key(), escrow(draw.a), amount);
      case 9:
        return refund_part(key(), escrow(draw.a), amount);
      case 10:
        return skip_refund({escrow(draw.a), escrow(draw.b)});
      case 11:
        return release_group(group(draw.a));
      case 12:
        return changed<Refund>(refund_group(group(draw.a)), [&](auto& op) { op.close = draw.b % 2; });
      case 13:
        return freeze(escrow(draw.a));
      case 14:
        return resolve(key(), escrow(draw.a), amount / 3, draw.b % 2 ? amount / 2 : 0);
      case 15:
        return reopen_group(group(draw.a));
      case 16:
        return release_under(escrow(draw.a), plan_name(draw.b));
      case 17:
        return chunked<Release>(key(), group(draw.a), draw.b % 3 + 1u);
      case 18:
        return plan("standard", draw.a % 2 ? "0.05" : "0.1", "0.03");
      default:
        return close_account(account(draw.a));
    }
  }

  Command pair(const Draw& first, const Draw& second) {
    std::vector<Command> commands = {command(first), savepoint({command(second), command(first)}),
                                     command(second)};
    for (auto& inner : commands) std::visit([](auto& op) { without_chunk(op); }, inner.operation);
    return atomic(std::move(commands));
  }

 private:
  template <class Op>
  static void without_chunk(Op& op) {
    if constexpr (requires { op.chunk; }) op.chunk.reset();
    if constexpr (requires { op.commands; }) {
      for (auto& inner : op.commands)
        std::visit([](auto& nested) { without_chunk(nested); }, inner.operation);
    }
  }
  std::string key() { return fmt::format("k{}", ++keys_); }
  int keys_ = 0;
};

void open_all(Book& book) {
  for (int i = 0; i < 4; ++i) book.accept(open(fmt::format("user:{}", i)));
  book.accept(open("shop", AccountKind::beneficiary));
  book.accept(plan("standard", "0.05", "0.03"));
  auto dear = plan("dear", "0.2", "0.5");
  std::get<DefineFeePlan>(dear.operation).commission.fixed = Amount(40);
  std::get<DefineFeePlan>(dear.operation).processor_fee.max = Amount(300);
  book.accept(dear);
  for (int i = 0; i < 4; ++i)
    book.accept(deposit(fmt::format("start{}", i), fmt::format("user:{}", i), 5'000));
}

const auto kDraws = rc::gen::container<std::vector<Draw>>(
    rc::gen::construct<Draw>(rc::gen::arbitrary<std::uint8_t>(), rc::gen::arbitrary<std::uint8_t>(),
                             rc::gen::arbitrary<std::uint8_t>(), rc::gen::arbitrary<std::uint16_t>()));

TEST(LawsUnderRandomCommands, SingleCommandsAndTheirDryRuns) {
  EXPECT_TRUE(holds([] {
    const auto draws = *kDraws;
    Book book;
    Maker maker;
    open_all(book);
    for (const auto& draw : draws) {
      const auto command = maker.command(draw);
      const auto tried = book.run(dry(command));
      const auto done = book.run(command);
      RC_ASSERT(tried.has_value() == done.has_value());
      if (!done) RC_ASSERT(tried.error() == done.error());
      RC_ASSERT(!::testing::Test::HasFailure());
    }
  }));
}

TEST(LawsUnderRandomCommands, AtomicsWithSavepoints) {
  EXPECT_TRUE(holds([] {
    const auto draws = *kDraws;
    Book book;
    Maker maker;
    open_all(book);
    for (std::size_t i = 1; i < draws.size(); i += 2) {
      (void)book.run(maker.command(draws[i]));
      (void)book.run(maker.pair(draws[i - 1], draws[i]));
      RC_ASSERT(!::testing::Test::HasFailure());
    }
  }));
}

}  // namespace
}  // namespace holdfast
