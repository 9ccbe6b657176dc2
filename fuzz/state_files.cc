// The files that a server keeps beside a ledger and people may touch: keys, webhooks, and how far one has
// come.
#include <sys/stat.h>

#include <fstream>

#include "fuzz/target.h"
#include "server/keys.h"
#include "server/webhook.h"
#include "tests/support/temporary_directory.h"

using namespace holdfast;
using namespace holdfast::server;

namespace {

class Files {
 public:
  Files() : state_(std::move(*StateDirectory::open(temporary_.path() / "server"))) {}

  void put(std::string_view name, std::string_view text) {
    const auto path = state_->path_of(name);
    std::ofstream(path, std::ios::binary) << text;
    ::chmod(path.c_str(), 0600);
  }
  [[nodiscard]] StateDirectory& state() { return *state_; }

 private:
  holdfast::testing::TemporaryDirectory temporary_;
  std::unique_ptr<StateDirectory> state_;
};

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Files files;
  const auto text = fuzz::text_of(data, size);
  files.put("keys.json", text);
  if (const auto keys = read_keys(files.state())) {
    for (const auto& key : *keys) (void)to_json(key);
  } else {
    HOLDFAST_ASSERT(!keys.error().message.empty(), "what is refused is told why");
  }
  if (const auto webhooks = parse_webhooks(text, "webhooks.json")) {
    for (const auto& webhook : *webhooks) {
      HOLDFAST_ASSERT(check_webhook(webhook), "a webhook that is read may be used");
      files.put(webhook.name + ".json", text);
      (void)read_progress(files.state(), webhook);
      break;
    }
  }
  return 0;
}
