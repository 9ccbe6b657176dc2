// The file of keys: who may ask the server, and for what. A key is
//
//     hf_ 8 characters of id _ 43 characters, base64url of 32 random bytes
//
// and is shown once, when it is made. The file has, a key a line, its name, its role, when it was made and
// revoked, its last four characters, and the SHA-256 of the 43: with 256 random bits behind it nobody finds
// them again, and no slower hash is needed. A name that was given once is never given again, so that the
// actor of an event means one key for ever.
#pragma once

#include <array>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/hash.h"
#include "base/random.h"
#include "server/routes.h"
#include "server/state_directory.h"

namespace holdfast::server {

struct KeyRecord {
  std::string id;
  std::string name;
  Role role = Role::read;
  Timestamp created;
  std::string last4;
  Digest secret_sha256{};
  std::optional<Timestamp> revoked_at;
};

/// A key that was just made: the only time that its text is known.
struct NewKey {
  std::string key;
  KeyRecord record;
};

/// Makes a key; nothing is kept.
[[nodiscard]] NewKey make_key(std::string_view name, Role role, Timestamp now, Random& random);

/// The keys in the order in which they were made. An absent file has none. `corrupt`: it is damaged.
[[nodiscard]] Result<std::vector<KeyRecord>> read_keys(const StateDirectory& state);
/// Makes a key and keeps it. `invalid_command`: no name that an actor may have, or one that was given before,
/// even if to a key that is revoked; `busy`: another process is at the file.
[[nodiscard]] Result<NewKey> create_key(StateDirectory& state, std::string_view name, Role role,
                                        const Clock& clock, Random& random);
/// From then on the key is refused. One that is revoked already stays as it is. `invalid_command`: there is
/// no key of that name; `busy`: another process is at the file.
[[nodiscard]] Result<KeyRecord> revoke_key(StateDirectory& state, std::string_view name, const Clock& clock);

/// {"key","role","created","last4","revoked_at"}
[[nodiscard]] std::string to_json(const KeyRecord& record);

/// The keys of a running server: those of the file, which is looked at four times a second, and perhaps one
/// that lives only as long as the process.
class WatchedKeys final : public KeyRing {
 public:
  /// \param state    outlives this object
  /// \param problem  told once of a file that cannot be read any more: the keys stay as they were last
  [[nodiscard]] static Result<std::unique_ptr<WatchedKeys>> open(const StateDirectory& state,
                                                                 std::function<void(const Error&)> problem);
  ~WatchedKeys() override;

  [[nodiscard]] std::optional<Caller> find(std::string_view key) const override;
  /// Whether a key that was found is still good.
  [[nodiscard]] bool may_still(const Caller& caller) const;

  /// A key for this run only; nothing of it is written.
  void add(const KeyRecord& record);
  /// All that the file has, and the one of this run.
  [[nodiscard]] std::vector<KeyRecord> all() const;
  /// Whether any key of the file may be used.
  [[nodiscard]] bool any() const;
  /// Why the file cannot be used as it is now; none where it can.
  [[nodiscard]] std::optional<Error> problem() const;

 private:
  WatchedKeys(const StateDirectory& state, std::function<void(const Error&)> problem);
  void take(std::vector<KeyRecord> records);
  void watch();
  void look();

  const StateDirectory& state_;
  const std::function<void(const Error&)> told_;
  mutable std::shared_mutex known_mutex_;
  std::unordered_map<std::string, KeyRecord> by_id_;
  std::vector<KeyRecord> records_;
  std::optional<KeyRecord> own_;
  std::optional<Error> problem_;

  std::string seen_;  // the file's text; the watching thread's own once that runs
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace holdfast::server
