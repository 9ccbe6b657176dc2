// URLs of webhooks, and the address that a server listens on: what is understood, written out, is understood
// the same.
#include "http/url.h"

#include "fuzz/target.h"
#include "server/listen_address.h"

using namespace holdfast;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = fuzz::text_of(data, size);
  if (const auto url = http::parse_url(text)) {
    const auto print = (url->encrypted ? "https://" : "http://") + url->authority() + url->target;
    const auto again = http::parse_url(print);
    HOLDFAST_ASSERT(again, "what is written can be read");
    HOLDFAST_ASSERT(again->host == url->host && again->target == url->target &&
                        again->encrypted == url->encrypted && again->authority() == url->authority(),
                    "it is read as it was meant");
    (void)url->is_loopback();
  } else {
    HOLDFAST_ASSERT(!url.error().empty(), "what is refused is told why");
  }
  (void)server::parse_listen_address(text);
  return 0;
}
