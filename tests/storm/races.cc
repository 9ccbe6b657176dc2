#include "tests/storm/races.h"

#include <fmt/format.h>

#include <string>

namespace holdfast::storm {
namespace {

Command with(Operation operation, const std::string& key, bool keyed = true) {
  Command command{std::move(operation), {}};
  if (keyed) command.options.key = key;
  command.options.reference = key;
  return command;
}

/// The part may fail; then the event says so.
Command without_harm(Command part, const std::string& key) {
  Atomic inner;
  inner.commands.push_back(std::move(part));
  inner.continue_on_error = true;
  Atomic outer;
  outer.commands.push_back({std::move(inner), {}});
  outer.commands.push_back(with(Deposit{"user:1", Amount(1), {}}, key + ".rest"));
  return with(std::move(outer), key);
}

}  // namespace

std::pair<Command, Command> draw_race(sim::Prng& prng, std::uint64_t number) {
  const auto name = fmt::format("race:{}", number);
  const auto first = name + ".first";
  const auto second = name + ".second";
  const auto euro = *Currency::parse("EUR");
  const bool keyed = !prng.one_in(3);
  switch (prng.below(4)) {
    case 0:  // a name
      return {with(OpenAccount{name, euro, AccountKind::user}, first, keyed),
              without_harm(with(Deposit{name, Amount(5), {}}, second + ".part"), second)};
    case 1: {  // an escrow, by its key
      Release release;
      release.mode = BatchMode::skip;
      release.escrows.add(first);
      return {with(Hold{"user:0", "shop:0", Amount(7), "plan:0", {}, {}, {}}, first),
              with(std::move(release), second, keyed)};
    }
    case 2: {  // money: an account that comes with it, in one event
      Atomic funded;
      funded.commands.push_back(with(OpenAccount{name, euro, AccountKind::user}, first + ".open", false));
      funded.commands.push_back(with(Deposit{name, Amount(100), {}}, first + ".fund"));
      return {with(std::move(funded), first, keyed),
              without_harm(with(Withdraw{name, Amount(60), {}}, second + ".part"), second)};
    }
    default: {  // a group's state
      const auto group = "group:" + name;
      Release all;
      all.group = group;
      all.mode = BatchMode::skip;
      all.close = true;
      return {with(Hold{"user:0", "shop:0", Amount(9), "plan:0", group, {}, {}}, first),
              with(std::move(all), second, keyed)};
    }
  }
}

}  // namespace holdfast::storm
