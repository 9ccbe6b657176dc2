// Property tests that are the same on every run: rapidcheck under a fixed seed. RC_PARAMS in the environment
// ("seed=7 max_success=100000") looks further.
#pragma once

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <cstdlib>
#include <utility>

namespace holdfast::testing {

/// True where `property` holds for every generated input: EXPECT_TRUE(holds([](int x) { RC_ASSERT(…); })).
/// What refuted it is printed, shrunk.
template <class Property>
[[nodiscard]] bool holds(Property&& property) {
  ::setenv("RC_PARAMS", "seed=20261124 max_success=500", 0);  // read by rapidcheck at its first check
  return rc::check(std::forward<Property>(property));
}

}  // namespace holdfast::testing
