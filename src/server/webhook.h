// Webhooks as the server keeps them: which there are (webhooks.json), and how far each has come
// (webhooks/NAME). The first is changed by people, through the command line or the API; the second by the
// delivery alone. To go back, a webhook is started anew: its record then has a later `start`, and what an
// earlier start noted does not count any more.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "holdfast/ids.h"
#include "holdfast/result.h"
#include "holdfast/time.h"
#include "server/state_directory.h"

namespace holdfast::server {

inline constexpr std::size_t kMaxWebhooks = 64;  // each has a thread of its own
inline constexpr std::string_view kWebhooksFile = "webhooks.json";

struct Webhook {
  std::string name;
  std::string url;
  std::string secret;            // the key of its signatures, as text
  std::vector<std::string> ops;  // which events it gets; empty: all
  std::string ca_file;           // the authorities for its certificate; empty: the system's
  bool insecure = false;         // may be http:// to another machine
  Timestamp created;
  std::uint64_t start = 0;  // unique, growing
  Seq after;                // where this start begins

  friend bool operator==(const Webhook&, const Webhook&) = default;
};

/// How far a webhook has come.
struct WebhookProgress {
  std::uint64_t start = 0;
  Seq position;                            // of the last event that was taken, or passed over for its kind
  std::optional<Timestamp> failing_since;  // of the next event: when it was first not taken
  std::uint32_t attempts = 0;              // of that event, all of them in vain
  bool failed = false;                     // given up: nothing is sent until people start it anew
  std::string last_error;

  friend bool operator==(const WebhookProgress&, const WebhookProgress&) = default;
};

/// `invalid_command`: a name other than 1 to 64 of A-Z a-z 0-9 _ -, a URL that cannot
/// be posted to, plain http to another machine without `insecure`, an op that no event has.
[[nodiscard]] Result<void> check_webhook(const Webhook& webhook);

/// In the order in which they were added. `corrupt`: the file is not what was written.
[[nodiscard]] Result<std::vector<Webhook>> read_webhooks(const StateDirectory& state);
[[nodiscard]] Result<std::vector<Webhook>> parse_webhooks(std::string_view text, const std::string& path);

/// Keeps a new webhook under a new secret, start and time, and returns it so. `invalid_command`: see
/// check_webhook; there is one of the name; there are kMaxWebhooks. `busy`: another process is at the file.
[[nodiscard]] Result<Webhook> add_webhook(StateDirectory& state, Webhook webhook, const Clock& clock,
                                          Random& random);
/// `invalid_command`: there is none of the name.
[[nodiscard]] Result<void> remove_webhook(StateDirectory& state, std::string_view name);
/// Has it sent every event after `after` from now on, also where it has failed; none: from where it stands.
/// `invalid_command`: there is none of the name.
[[nodiscard]] Result<Webhook> restart_webhook(StateDirectory& state, std::string_view name,
                                              std::optional<Seq> after, const Clock& clock);

/// The directory of the progress files, made where it is not there.
[[nodiscard]] Result<std::unique_ptr<StateDirectory>> open_progress(const StateDirectory& state);
/// Where the webhook's start stands; at its beginning where nothing was noted of this start.
[[nodiscard]] Result<WebhookProgress> read_progress(const StateDirectory& progress, const Webhook& webhook);
[[nodiscard]] Result<void> write_progress(StateDirectory& progress, std::string_view name,
                                          const WebhookProgress& value);

}  // namespace holdfast::server
