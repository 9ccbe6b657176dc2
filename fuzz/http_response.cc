// The answers that a receiver of webhooks gives: whatever it sends, in whatever pieces, is read the same or
// refused.
#include "http/response_reader.h"

#include <string>
#include <vector>

#include "fuzz/target.h"

using namespace holdfast;

namespace {

struct Read {
  bool has_head = false;
  int status = 0;
  std::string location;
  std::string body;
  bool complete = false;

  bool operator==(const Read&) const = default;
};

Read read(std::string_view bytes, const std::vector<std::size_t>& sizes) {
  using Step = http::ResponseReader::Step;
  http::ResponseReader reader(500);
  std::string held;
  auto step = Step::more;
  for (std::size_t i = 0; !bytes.empty() && step == Step::more; ++i) {
    const auto piece = bytes.substr(0, sizes[i % sizes.size()]);
    bytes.remove_prefix(piece.size());
    held += piece;
    const auto progress = reader.feed(held);
    HOLDFAST_ASSERT(progress.taken <= held.size(), "no more is taken than there is");
    held.erase(0, progress.taken);
    step = progress.step;
  }
  if (step == Step::more) step = reader.end();
  Read result;
  result.has_head = reader.has_head();
  if (!result.has_head) return result;
  result.complete = step == Step::complete;
  result.status = reader.status();
  result.location = reader.location();
  if (result.complete) {
    (void)reader.keep_alive();
    result.body = reader.take_body();
  }
  HOLDFAST_ASSERT(result.body.size() <= 500, "no more is kept than is wanted");
  return result;
}

}  // namespace

/// A byte says how many sizes of pieces follow, then come the bytes of the connection.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto text = fuzz::text_of(data, size);
  fuzz::Choices choices(text);
  std::vector<std::size_t> sizes(1 + choices.byte() % 4);
  for (auto& each : sizes) each = 1 + choices.byte();
  if (text.empty()) return 0;
  const auto whole = read(text, {text.size()});
  const auto pieces = read(text, sizes);
  if (whole.complete && pieces.complete) HOLDFAST_ASSERT(whole == pieces, "an answer is the same in pieces");
  return 0;
}
