#include "server/keys.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <span>

#include "base/text.h"
#include "json/fields.h"
#include "json/writer.h"
#include "ledger/validate.h"

namespace holdfast::server {

namespace {

constexpr std::string_view kFile = "keys.json";
constexpr std::string_view kLock = "keys.lock";
constexpr std::int64_t kFormat = 1;

constexpr std::string_view kPrefix = "hf_";
constexpr std::size_t kIdLength = 8;
constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kSecretLength = 43;
constexpr std::size_t kKeyLength = kPrefix.size() + kIdLength + 1 + kSecretLength;
constexpr std::size_t kShownLength = 4;

/// Of an even number of characters, so that no id is more likely than another.
constexpr std::string_view kIdAlphabet = "abcdefghijklmnopqrstuvwxyz234567";

Digest hash_of(std::string_view secret) {
  return sha256(std::as_bytes(std::span(secret.data(), secret.size())));
}

std::string base64url(std::span<const std::byte> bytes) {
  constexpr int kVariant = sodium_base64_VARIANT_URLSAFE_NO_PADDING;
  std::string text(sodium_base64_encoded_len(bytes.size(), kVariant), '\0');
  sodium_bin2base64(text.data(), text.size(), reinterpret_cast<const unsigned char*>(bytes.data()),
                    bytes.size(), kVariant);
  text.pop_back();  // the zero at the end
  return text;
}

struct KeyParts {
  std::string_view id;
  std::string_view secret;
};

std::optional<KeyParts> parts_of(std::string_view key) {
  if (key.size() != kKeyLength || !key.starts_with(kPrefix)) return std::nullopt;
  key.remove_prefix(kPrefix.size());
  if (key[kIdLength] != '_') return std::nullopt;
  return KeyParts{key.substr(0, kIdLength), key.substr(kIdLength + 1)};
}

std::optional<Digest> parse_digest(std::string_view hex) {
  Digest digest;
  std::size_t length = 0;
  if (hex.size() != 2 * digest.size()) return std::nullopt;
  if (sodium_hex2bin(digest.data(), digest.size(), hex.data(), hex.size(), nullptr, &length, nullptr) != 0 ||
      length != digest.size()) {
    return std::nullopt;
  }
  return digest;
}

KeyRecord read_record(json::Fields& fields) {
  constexpr std::array<std::string_view, 7> kFields = {"id",    "name",   "role",      "created",
                                                       "last4", "sha256", "revoked_at"};
  fields.allow(kFields);
  KeyRecord record;
  record.id = fields.required_text("id", "the key's id");
  record.name = fields.required_text("name", "the key's name");
  record.role = fields.word<Role>("role", "read, operate, admin", parse_role, std::nullopt);
  const auto created = fields.optional_time("created");
  if (created) record.created = *created;
  record.last4 = fields.required_text("last4", "the key's last four characters");
  const auto digest = parse_digest(fields.required_text("sha256", "the hash of the key"));
  if (digest) record.secret_sha256 = *digest;
  record.revoked_at = fields.optional_time("revoked_at");
  const auto wrong = [&](std::string_view name, std::string_view what) {
    fields.error(ErrorCode::corrupt, name, what);
  };
  if (record.id.size() != kIdLength) wrong("id", "field \"id\" must have 8 characters");
  if (!is_name(record.name)) wrong("name", "field \"name\" is no name that an actor may have");
  if (!created) wrong("created", "field \"created\" is missing");
  if (!digest) wrong("sha256", "field \"sha256\" must be 64 hexadecimal digits");
  return record;
}

std::unexpected<Error> damaged(const std::filesystem::path& path, std::string_view why) {
  return fail(ErrorCode::corrupt,
              fmt::format("{} is damaged: {}. Put it back from a copy, or move it away and make new keys",
                          path.string(), why));
}

Result<std::vector<KeyRecord>> parse_keys(std::string_view text, const std::filesystem::path& path) {
  const auto document = json::Document::parse(text);
  if (!document) return damaged(path, document.error().message);
  if (document->root().kind() != json::Kind::object) return damaged(path, "it is no JSON object");
  json::Fields fields(document->root(), "the file");
  constexpr std::array<std::string_view, 2> kFields = {"format", "keys"};
  fields.allow(kFields);
  const auto format = fields.optional_integer("format", "the format's version", 1, INT32_MAX);
  if (!fields.error() && format && *format > kFormat) {
    return fail(ErrorCode::newer_format,
                fmt::format("{} was written by a newer holdfast (format {}, this one knows {})",
                            path.string(), *format, kFormat));
  }
  if (!format) fields.error(ErrorCode::corrupt, "format", "field \"format\" is missing");
  const auto list = fields.required_list("keys", "the keys, as a list");
  if (fields.error()) return damaged(path, fields.error()->message);

  std::vector<KeyRecord> records;
  std::optional<std::string> wrong;
  list->each_item([&](json::Value item) {
    if (wrong) return;
    const auto where = fmt::format("keys[{}]", records.size());
    if (item.kind() != json::Kind::object) {
      wrong = fmt::format("{} is {}", where, item.describe());
      return;
    }
    json::Fields key(item, where);
    auto record = read_record(key);
    if (key.error()) {
      wrong = key.error()->message;
    } else if (std::ranges::any_of(records, [&](const KeyRecord& each) {
                 return each.id == record.id || each.name == record.name;
               })) {
      wrong = fmt::format("{} has the id or the name of another", where);
    } else {
      records.push_back(std::move(record));
    }
  });
  if (wrong) return damaged(path, *wrong);
  return records;
}

void write_time(json::Writer& out, std::string_view name, const std::optional<Timestamp>& at) {
  out.name(name);
  if (at) {
    out.text(to_rfc3339(*at));
  } else {
    out.null();
  }
}

/// A key a line, so that a person can read it, and `diff` too.
std::string file_text(const std::vector<KeyRecord>& records) {
  auto text = fmt::format("{{\"format\":{},\"keys\":[", kFormat);
  for (const auto& record : records) {
    json::Writer out;
    out.begin_object().name("id").text(record.id).name("name").text(record.name);
    out.name("role").text(to_string(record.role)).name("created").text(to_rfc3339(record.created));
    out.name("last4").text(record.last4).name("sha256").text(to_hex(record.secret_sha256));
    if (record.revoked_at) write_time(out, "revoked_at", record.revoked_at);
    text += text.ends_with('[') ? "\n  " : ",\n  ";
    text += out.end_object().take();
  }
  return text + "\n]}\n";
}

Result<void> write_keys(StateDirectory& state, const std::vector<KeyRecord>& records) {
  return state.replace(kFile, file_text(records));
}

}  // namespace

std::string_view to_string(Role role) {
  switch (role) {
    case Role::read:
      return "read";
    case Role::operate:
      return "operate";
    case Role::admin:
      return "admin";
  }
  return "";
}

std::optional<Role> parse_role(std::string_view text) {
  for (const auto role : {Role::read, Role::operate, Role::admin}) {
    if (text == to_string(role)) return role;
  }
  return std::nullopt;
}

NewKey make_key(std::string_view name, Role role, Timestamp now, Random& random) {
  std::array<std::byte, kSecretBytes> secret{};
  std::array<std::byte, kIdLength> id{};
  random.fill(secret);
  random.fill(id);
  NewKey made;
  auto& record = made.record;
  for (const auto byte : id)
    record.id += kIdAlphabet[std::to_integer<std::size_t>(byte) % kIdAlphabet.size()];
  record.name = name;
  record.role = role;
  record.created = now;
  auto text = base64url(secret);
  sodium_memzero(secret.data(), secret.size());
  record.last4 = text.substr(text.size() - kShownLength);
  record.secret_sha256 = hash_of(text);
  made.key = fmt::format("{}{}_{}", kPrefix, record.id, text);
  sodium_memzero(text.data(), text.size());
  return made;
}

Result<std::vector<KeyRecord>> read_keys(const StateDirectory& state) {
  const auto text = state.read(kFile);
  if (!text) return std::unexpected(text.error());
  if (!*text) return std::vector<KeyRecord>();
  return parse_keys(**text, state.path_of(kFile));
}

Result<NewKey> create_key(StateDirectory& state, std::string_view name, Role role, const Clock& clock,
                          Random& random) {
  if (!is_name(name)) {
    return fail(
        ErrorCode::invalid_command,
        fmt::format("{} is no name for a key: it becomes the actor of events, 1 to 128 letters, digits "
                    "and . _ : - / @",
                    in_quotes(name)));
  }
  const auto lock = state.lock(kLock);
  if (!lock) return std::unexpected(lock.error());
  auto records = read_keys(state);
  if (!records) return std::unexpected(records.error());
  const auto same = std::ranges::find(*records, name, &KeyRecord::name);
  if (same != records->end()) {
    return fail(
        ErrorCode::invalid_command,
        fmt::format("there {} a key {} already: a name is given once, since events are signed with it. "
                    "Choose another, like {}-2",
                    same->revoked_at ? "was" : "is", in_quotes(name), name));
  }
  auto made = make_key(name, role, clock.wall(), random);
  while (std::ranges::find(*records, made.record.id, &KeyRecord::id) != records->end()) {
    made = make_key(name, role, clock.wall(), random);
  }
  records->push_back(made.record);
  if (auto written = write_keys(state, *records); !written) return std::unexpected(written.error());
  return made;
}

Result<KeyRecord> revoke_key(StateDirectory& state, std::string_view name, const Clock& clock) {
  const auto lock = state.lock(kLock);
  if (!lock) return std::unexpected(lock.error());
  auto records = read_keys(state);
  if (!records) return std::unexpected(records.error());
  const auto found = std::ranges::find(*records, name, &KeyRecord::name);
  if (found == records->end()) {
    return fail(ErrorCode::invalid_command,
                fmt::format("there is no key {}. See: holdfast keys list", in_quotes(name)));
  }
  if (!found->revoked_at) {
    found->revoked_at = clock.wall();
    if (auto written = write_keys(state, *records); !written) return std::unexpected(written.error());
  }
  return *found;
}

std::string to_json(const KeyRecord& record) {
  json::Writer out;
  out.begin_object().name("key").text(record.name).name("role").text(to_string(record.role));
  write_time(out, "created", record.created);
  out.name("last4").text(record.last4);
  write_time(out, "revoked_at", record.revoked_at);
  return out.end_object().take();
}

WatchedKeys::WatchedKeys(const StateDirectory& state, std::function<void(const Error&)> problem)
    : state_(state), told_(std::move(problem)) {}

Result<std::unique_ptr<WatchedKeys>> WatchedKeys::open(const StateDirectory& state,
                                                       std::function<void(const Error&)> problem) {
  std::unique_ptr<WatchedKeys> keys(new WatchedKeys(state, std::move(problem)));
  auto text = state.read(kFile);
  if (!text) return std::unexpected(text.error());
  if (*text) {
    auto records = parse_keys(**text, state.path_of(kFile));
    if (!records) return std::unexpected(records.error());
    keys->take(std::move(*records));
    keys->seen_ = std::move(**text);
  }
  keys->thread_ = std::thread([ring = keys.get()] { ring->watch(); });
  return keys;
}

WatchedKeys::~WatchedKeys() {
  {
    const std::scoped_lock hold(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::optional<Caller> WatchedKeys::find(std::string_view key) const {
  static constexpr Digest kNobody{};
  const auto parts = parts_of(key);
  // The same steps for every key: it is hashed, looked up and compared, whether or not there is such an id.
  const auto digest = hash_of(parts ? parts->secret : key);
  const std::string id(parts ? parts->id : std::string_view());
  const std::shared_lock hold(known_mutex_);
  const auto found = by_id_.find(id);
  const auto* record = found == by_id_.end() ? nullptr : &found->second;
  const auto& wanted = record == nullptr ? kNobody : record->secret_sha256;
  const bool same = sodium_memcmp(digest.data(), wanted.data(), digest.size()) == 0;
  if (!same || record == nullptr || record->revoked_at) return std::nullopt;
  return Caller{record->name, record->role};
}

bool WatchedKeys::may_still(const Caller& caller) const {
  const std::shared_lock hold(known_mutex_);
  const auto good = [&](const KeyRecord& record) { return record.name == caller.key && !record.revoked_at; };
  return std::ranges::any_of(records_, good) || (own_ && good(*own_));
}

void WatchedKeys::add(const KeyRecord& record) {
  const std::scoped_lock hold(known_mutex_);
  own_ = record;
  by_id_[record.id] = record;
}

std::vector<KeyRecord> WatchedKeys::all() const {
  const std::shared_lock hold(known_mutex_);
  auto records = records_;
  if (own_) records.push_back(*own_);
  return records;
}

bool WatchedKeys::any() const {
  const std::shared_lock hold(known_mutex_);
  return std::ranges::any_of(records_, [](const KeyRecord& record) { return !record.revoked_at; });
}

std::optional<Error> WatchedKeys::problem() const {
  const std::shared_lock hold(known_mutex_);
  return problem_;
}

void WatchedKeys::take(std::vector<KeyRecord> records) {
  const std::scoped_lock hold(known_mutex_);
  by_id_.clear();
  for (const auto& record : records) by_id_[record.id] = record;
  if (own_) by_id_[own_->id] = *own_;
  records_ = std::move(records);
  problem_.reset();
}

void WatchedKeys::watch() {
  constexpr std::chrono::milliseconds kBetweenLooks{250};
  std::unique_lock hold(mutex_);
  while (!changed_.wait_for(hold, kBetweenLooks, [&] { return stopping_; })) {
    hold.unlock();
    look();
    hold.lock();
  }
}

void WatchedKeys::look() {
  const auto refuse = [&](const Error& error) {
    bool fresh = false;
    {
      const std::scoped_lock hold(known_mutex_);
      fresh = !problem_ || problem_->message != error.message;
      problem_ = error;
    }
    if (fresh) told_(error);
  };
  auto text = state_.read(kFile);
  if (!text) return refuse(text.error());
  auto now = text->value_or("");
  if (now == seen_ && !problem()) return;
  if (!*text) {
    seen_.clear();
    return take({});  // nobody's key is good any more
  }
  auto records = parse_keys(now, state_.path_of(kFile));
  if (!records) return refuse(records.error());
  seen_ = std::move(now);
  take(std::move(*records));
}

}  // namespace holdfast::server
