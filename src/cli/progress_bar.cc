#include "cli/progress_bar.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "base/clock.h"
#include "text/text.h"

namespace holdfast::cli {

using namespace text;

ProgressBar::ProgressBar(const Terminal& terminal, std::string label, std::string thing)
    : enabled_(terminal.progress),
      label_(std::move(label)),
      thing_(std::move(thing)),
      start_(system_clock().monotonic()) {}

ProgressBar::~ProgressBar() {
  if (drawn_) fmt::print(stderr, "\r\x1b[K");
}

void ProgressBar::update(std::uint64_t done, std::uint64_t of) {
  constexpr std::chrono::milliseconds kPause{100};
  if (!enabled_) return;
  const auto now = system_clock().monotonic();
  if (now - last_draw_ < kPause) return;
  last_draw_ = now;
  drawn_ = true;
  fmt::print(stderr, "\r\x1b[K{}", line(label_, thing_, done, of, now - start_));
  std::fflush(stderr);
}

std::string ProgressBar::line(const std::string& label, const std::string& thing, std::uint64_t done,
                              std::uint64_t of, std::chrono::nanoseconds elapsed) {
  constexpr std::uint64_t kBar = 24;
  const auto millis = static_cast<std::uint64_t>(
      std::max<std::int64_t>(1, std::chrono::duration_cast<std::chrono::milliseconds>(elapsed).count()));
  const auto rate = done * 1000 / millis;
  std::string text = label;
  if (of > 0) {
    const auto filled = std::min(kBar, done * kBar / of);
    text += "  ";
    for (std::uint64_t i = 0; i < kBar; ++i) text += i < filled ? "█" : "░";
  }
  text += fmt::format("  {} {}  {}/s", grouped(done), thing, grouped(rate));
  if (of > done && rate > 0) text += fmt::format("  {} s to go", grouped((of - done + rate - 1) / rate));
  return text;
}

}  // namespace holdfast::cli
