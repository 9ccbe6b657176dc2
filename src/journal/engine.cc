// The engine: decide, sync, maintain.
#include "journal/engine.h"

#include <fmt/format.h>

#include <atomic>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <variant>

#include "base/assert.h"
#include "base/planted_bugs.h"
#include "base/probe.h"
#include "journal/fair_mutex.h"
#include "journal/group.h"
#include "journal/group_counts.h"
#include "journal/opening.h"
#include "journal/snapshot.h"
#include "journal/views.h"
#include "ledger/event_codec.h"
#include "ledger/execute.h"

namespace holdfast::journal {

namespace {

struct SubmitRequest {
  Command command;
  Engine::Done done;
};
struct ReadRequest {
  std::function<void(const State&)> read;
  Engine::ReadDone done;
};
struct ExclusiveRequest {
  Options options;
  std::function<Result<void>(TransactionPort&)> block;
  Engine::Done done;
};
using Request = std::variant<SubmitRequest, ReadRequest, ExclusiveRequest>;

/// What a frame costs beside its events, twice over: the group that syncs and the open one.
constexpr std::size_t kFrameOverhead = 4 * kFrameAlignment;

/// What an atomic block of the caller's code may write, and what is reserved for it at first.
constexpr std::size_t kMaxBlockBytes = kMaxFramePayload / 2;
constexpr std::size_t kFirstBlockBytes = std::size_t{1} << 20;

/// The largest group that a command names: bounds what a release of it can write.
std::size_t live_items(const Command& command, const Rows& rows) {
  const auto of_group = [&](const std::string& name) -> std::size_t {
    if (name.empty()) return 0;
    const auto id = rows.find_group(name);
    return id ? rows.group(*id)->live : 0;
  };
  if (const auto* release = std::get_if<Release>(&command.operation)) return of_group(release->group);
  if (const auto* refund = std::get_if<Refund>(&command.operation)) return of_group(refund->group);
  const auto* atomic = std::get_if<Atomic>(&command.operation);
  if (atomic == nullptr) return 0;
  std::size_t most = 0;
  for (const auto& inner : atomic->commands) most = std::max(most, live_items(inner, rows));
  return most + atomic->commands.size();  // holds of the same atomic may join the group first
}

bool wants_more(const Entry& entry) {
  const BatchInfo* batch = nullptr;
  if (const auto* released = std::get_if<Released>(&entry.body)) batch = &released->batch;
  if (const auto* refunded = std::get_if<Refunded>(&entry.body)) batch = &refunded->batch;
  return batch != nullptr && batch->chunk && !batch->chunk->last;
}

StoreAnswer first_answer(const PastCommand& past) {
  StoreAnswer reply;
  reply.answer = {past.event_id, past.seq, past.at, true, result_of(past.entry)};
  return reply;
}

}  // namespace

struct Engine::Impl {
  const Clock* clock = nullptr;
  Directory* root = nullptr;
  EngineOptions options;
  std::unique_ptr<File> lock;
  OpenedLedger ledger;
  std::unique_ptr<History> history;
  Workspace workspace;

  mutable std::mutex queue_mutex;
  std::vector<Request> queue;  // from all callers
  std::deque<Request> taken;   // decide's own
  std::atomic<std::size_t> waiting{0};

  FairMutex state_mutex;  // the state: decide for each request, maintain for a chunk, name lookups

  mutable std::mutex group_mutex;
  Group open;
  Group syncing;
  std::size_t syncing_bytes = 0;
  std::optional<Error> dead;
  std::vector<Completion> completing;  // sync's own
  GroupCounts counts;

  Bytes encoded;

  std::unique_ptr<SnapshotWriter> snapshot;
  bool snapshot_collected = false;
  std::uint64_t snapshot_bytes = 0;
  std::atomic<std::uint64_t> bytes_since_snapshot{0};

  State& state() { return *ledger.state; }
  Log& log() { return *ledger.log; }

  Moment now() {
    const auto wall = clock->wall();
    if (planted(PlantedBug::clock_goes_back)) return {state().applied().next(), wall};
    return {state().applied().next(), std::max(wall, state().last_at())};
  }

  std::optional<Error> death() const {
    const std::scoped_lock hold(group_mutex);
    return dead;
  }

  void attach(Completion completion) {
    bool opened = false;
    {
      const std::scoped_lock hold(group_mutex);
      opened = open.completions.empty();
      open.completions.push_back(std::move(completion));
    }
    if (opened && options.group_opened) options.group_opened();
  }

  std::size_t outstanding() const {
    const std::scoped_lock hold(group_mutex);
    return open.payload.bytes.size() + syncing_bytes + kFrameOverhead;
  }

  bool group_is_full() const {
    const std::scoped_lock hold(group_mutex);
    return open.payload.bytes.size() >= options.group_bytes_max;
  }

  /// Adds the entry's event to the open group, with the answer that waits for it.
  void record(const Entry& entry, Moment moment, EscrowId next_escrow, Completion completion) {
    encoded.clear();
    encode_event(moment.seq, moment.at, entry, encoded);
    state().set_applied(moment.seq, moment.at);
    {
      const std::scoped_lock hold(group_mutex);
      auto& payload = open.payload;
      if (payload.count == 0) {
        payload.first = moment.seq;
        payload.next_escrow = next_escrow;
      }
      ++payload.count;
      ByteWriter out(payload.bytes);
      out.varint(encoded.size());
      out.raw(encoded);
    }
    attach(std::move(completion));
  }

  Completion rejected(Done done, Error error) {
    return {std::move(done), std::unexpected(std::move(error)), {}};
  }

  /// The log took no space. A full disk refuses this command alone; after a failed call nothing is answered
  /// any more.
  std::unexpected<Error> refused_space(Error error) {
    if (error.code == ErrorCode::storage_failed) {
      const std::scoped_lock hold(group_mutex);
      if (!dead) dead = error;
    }
    return std::unexpected(std::move(error));
  }

  void answer(Done done, StoreAnswer reply) { attach({std::move(done), std::move(reply), {}}); }

  void run(SubmitRequest& request) {
    const auto size = max_encoded_size(request.command, live_items(request.command, state()));
    if (auto reserved = log().reserve(outstanding(), size);
        !reserved && !planted(PlantedBug::decide_without_space)) {
      return attach({std::move(request.done), refused_space(reserved.error()), {}});
    }
    const auto moment = now();
    const auto next_escrow = state().next_escrow_id();
    auto decision = holdfast::execute(request.command, state(), moment, workspace);
    if (!decision && planted(PlantedBug::reject_before_durable)) {
      return request.done(std::unexpected(std::move(decision.error())));
    }
    if (!decision) return attach(rejected(std::move(request.done), std::move(decision.error())));
    if (const auto* past = std::get_if<FirstAnswer>(&*decision)) {
      return answer(std::move(request.done), first_answer(past->past));
    }
    if (auto* unrecorded = std::get_if<Unrecorded>(&*decision)) {
      return answer(std::move(request.done),
                    {{std::nullopt, std::nullopt, moment.at, false, std::move(unrecorded->result)}});
    }
    const auto& entry = *std::get<Accepted>(*decision).entry;
    StoreAnswer reply{{moment.seq.value(), moment.seq, moment.at, false, result_of(entry)},
                      wants_more(entry)};
    record(entry, moment, next_escrow, {std::move(request.done), std::move(reply), {}});
  }

  void run(ReadRequest& request) {
    request.read(state());
    if (planted(PlantedBug::read_before_durable)) return request.done({});
    attach({{}, StoreAnswer{}, std::move(request.done)});
  }

  void run(ExclusiveRequest& request);

  /// Where a key's command is: on its way to the disk, or in the journal.
  Result<PastCommand> past(KeyPlace place, std::string_view key) {
    const auto wanted = [&](const Event& event) {
      return place.escrow ? holds_escrow(event.entry, place.escrow) : event.seq == place.seq;
    };
    const auto in = [&](const FramePayload& payload) -> std::optional<Event> {
      if (payload.count == 0) return std::nullopt;
      if (place.escrow ? place.escrow < payload.next_escrow : place.seq < payload.first) return std::nullopt;
      return find_in(payload, wanted);
    };
    std::optional<Event> event;
    {
      const std::scoped_lock hold(group_mutex);
      event = in(open.payload);
      if (event) reached(Probe::key_in_open_group);
      if (!event) {
        event = in(syncing.payload);
        if (event) reached(Probe::key_in_syncing_group);
      }
    }
    if (!event) {
      reached(Probe::key_in_journal);
      auto read = place.escrow ? log().read_hold(place.escrow) : log().read(place.seq);
      if (!read) return std::unexpected(read.error());
      event = std::move(*read);
    }
    const auto* entry = entry_with_key(event->entry, key);
    if (entry == nullptr) {
      return fail(ErrorCode::corrupt,
                  fmt::format("seq {}: the key index sends key \"{}\" here, but the event does not have it",
                              event->seq.value(), key));
    }
    return PastCommand{event->seq, event->seq.value(), event->at, *entry};
  }

  std::string holder_name(AccountId id) {
    const std::scoped_lock hold(state_mutex);
    return std::string(state().account_name(id));
  }

  Names names() {
    Names names;
    names.account = [this](AccountId id) { return holder_name(id); };
    names.group = [this](GroupId id) {
      const std::scoped_lock hold(state_mutex);
      return std::string(state().group_name(id));
    };
    names.plan = [this](PlanId id) {
      const std::scoped_lock hold(state_mutex);
      return view_of(*state().plan(id));
    };
    return names;
  }

  bool maintain_snapshot();
};

namespace {

/// Runs the caller's commands against the rows, taking space for each before it is decided.
class ExclusivePort final : public TransactionPort {
 public:
  using Reserve = std::function<Result<void>(const Command&)>;

  ExclusivePort(OpenAtomic& atomic, Reserve reserve) : atomic_(atomic), reserve_(std::move(reserve)) {}

  Result<CommandResult> execute(const Command& command) override {
    if (auto reserved = reserve_(command); !reserved) return std::unexpected(reserved.error());
    return atomic_.execute(command);
  }
  void savepoint() override { atomic_.savepoint(); }
  void release_savepoint() override { atomic_.release_savepoint(); }
  void rollback_savepoint(Error error) override { atomic_.rollback_savepoint(std::move(error)); }

 private:
  OpenAtomic& atomic_;
  Reserve reserve_;
};

}  // namespace

void Engine::Impl::run(ExclusiveRequest& request) {
  auto past_answer = OpenAtomic::look_up(request.options, state());
  if (!past_answer) return attach(rejected(std::move(request.done), past_answer.error()));
  if (*past_answer) return answer(std::move(request.done), first_answer(**past_answer));

  const auto moment = now();
  const auto next_escrow = state().next_escrow_id();
  std::size_t block_bytes = kFrameAlignment;  // what the block may need so far
  std::size_t taken_bytes = 0;                // what was reserved for it
  const auto reserve = [&](const Command& command) -> Result<void> {
    const auto more = max_encoded_size(command, live_items(command, state()));
    if (block_bytes + more > kMaxBlockBytes) {
      return fail(ErrorCode::batch_too_large,
                  "the atomic block is larger than one event may be (512 MiB): split it");
    }
    block_bytes += more;
    if (block_bytes <= taken_bytes) return {};
    // In doubling steps: what does not fit into a segment takes a new one each time, and a block has many
    // commands.
    const auto wanted = std::min(kMaxBlockBytes, std::max(2 * taken_bytes, block_bytes + kFirstBlockBytes));
    if (auto reserved = log().reserve(outstanding(), wanted); reserved) {
      taken_bytes = wanted;
      return {};
    }
    auto reserved = log().reserve(outstanding(), block_bytes);
    if (!reserved) return refused_space(reserved.error());
    taken_bytes = block_bytes;
    return {};
  };
  OpenAtomic atomic(state(), moment, workspace);
  ExclusivePort port(atomic, reserve);
  if (auto done = request.block(port); !done) return attach(rejected(std::move(request.done), done.error()));
  auto decision = atomic.finish(request.options);
  if (!decision) return attach(rejected(std::move(request.done), decision.error()));
  if (auto* unrecorded = std::get_if<Unrecorded>(&*decision)) {
    return answer(std::move(request.done),
                  {{std::nullopt, std::nullopt, moment.at, false, std::move(unrecorded->result)}});
  }
  const auto& entry = *std::get<Accepted>(*decision).entry;
  StoreAnswer reply{{moment.seq.value(), moment.seq, moment.at, false, result_of(entry)}};
  record(entry, moment, next_escrow, {std::move(request.done), std::move(reply), {}});
}

Engine::Engine() : impl_(std::make_unique<Impl>()) {}
Engine::~Engine() = default;

Result<void> Engine::create(Directory& root, Random& random) {
  return create_ledger(root, new_identity(random));
}

Result<std::unique_ptr<Engine>> Engine::open(Directory& root, const Clock& clock, EngineOptions options,
                                             std::string_view holder, OpenReport& report) {
  if (auto known = read_identity(root); !known) return std::unexpected(known.error());
  auto lock = root.lock("LOCK", holder);
  if (!lock && lock.error().error_number == EWOULDBLOCK) {
    return fail(ErrorCode::busy,
                fmt::format("{} is in use by another writer: {}. Read-only commands still work", root.path(),
                            lock.error().what));
  }
  if (!lock) return std::unexpected(to_error(lock.error()));
  auto ledger = open_ledger(root, true, options.log);
  if (!ledger) return std::unexpected(ledger.error());
  report.notes = ledger->notes;

  std::unique_ptr<Engine> engine(new Engine);
  auto& impl = *engine->impl_;
  impl.clock = &clock;
  impl.root = &root;
  impl.options = std::move(options);
  impl.lock = std::move(*lock);
  impl.ledger = std::move(*ledger);
  impl.bytes_since_snapshot = impl.ledger.replayed_bytes;
  impl.state().set_past_reader(
      [&impl](KeyPlace place, std::string_view key) { return impl.past(place, key); });
  impl.history = std::make_unique<History>(impl.log(), impl.ledger.directories.index.get(), impl.names());
  return engine;
}

void Engine::submit(Command command, Done done) {
  const std::scoped_lock hold(impl_->queue_mutex);
  impl_->queue.emplace_back(SubmitRequest{std::move(command), std::move(done)});
  impl_->waiting.fetch_add(1);
}

void Engine::read(std::function<void(const State&)> read, ReadDone done) {
  const std::scoped_lock hold(impl_->queue_mutex);
  impl_->queue.emplace_back(ReadRequest{std::move(read), std::move(done)});
  impl_->waiting.fetch_add(1);
}

void Engine::exclusive(Options options, std::function<Result<void>(TransactionPort&)> block, Done done) {
  const std::scoped_lock hold(impl_->queue_mutex);
  impl_->queue.emplace_back(ExclusiveRequest{std::move(options), std::move(block), std::move(done)});
  impl_->waiting.fetch_add(1);
}

bool Engine::decide() {
  auto& impl = *impl_;
  {
    const std::scoped_lock hold(impl.queue_mutex);
    for (auto& request : impl.queue) impl.taken.push_back(std::move(request));
    impl.queue.clear();
  }
  bool did = false;
  while (!impl.taken.empty() && !impl.group_is_full()) {
    auto request = std::move(impl.taken.front());
    impl.taken.pop_front();
    impl.waiting.fetch_sub(1);
    did = true;
    if (const auto dead = impl.death()) {
      std::visit([&](auto& r) { r.done(std::unexpected(*dead)); }, request);
      continue;
    }
    const std::scoped_lock hold(impl.state_mutex);
    std::visit([&](auto& r) { impl.run(r); }, request);
  }
  return did;
}

bool Engine::sync() {
  auto& impl = *impl_;
  std::optional<Error> dead;
  bool was_full = false;
  {
    const std::scoped_lock hold(impl.group_mutex);
    if (impl.open.empty()) return false;
    was_full = impl.open.payload.bytes.size() >= impl.options.group_bytes_max;
    std::swap(impl.open, impl.syncing);
    impl.syncing_bytes = impl.syncing.payload.bytes.size();
    dead = impl.dead;
  }
  if (was_full && impl.options.room_again) impl.options.room_again();
  impl.completing.swap(impl.syncing.completions);
  if (planted(PlantedBug::answer_before_sync)) {
    for (auto& completion : impl.completing) completion.give(dead);
    impl.completing.clear();
  }
  if (!dead && impl.syncing.payload.count > 0) {
    const auto begun = impl.clock->monotonic();
    if (auto appended = impl.log().append(impl.syncing.payload); !appended) {
      dead = appended.error();
    } else {
      impl.counts.add(impl.syncing.payload.count, impl.clock->monotonic() - begun);
      impl.bytes_since_snapshot += impl.syncing.payload.bytes.size();
    }
  }
  {
    const std::scoped_lock hold(impl.group_mutex);
    if (dead) impl.dead = dead;
    impl.syncing.payload.clear();
    impl.syncing_bytes = 0;
  }
  for (auto& completion : impl.completing) completion.give(dead);
  impl.completing.clear();
  return true;
}

/// One chunk collected and written, or the end of a snapshot. False: there is none to make now.
bool Engine::Impl::maintain_snapshot() {
  if (!snapshot) {
    if (bytes_since_snapshot < std::max(options.snapshot_every_bytes, snapshot_bytes / 4)) return false;
    const std::scoped_lock hold(state_mutex);
    auto begun = SnapshotWriter::begin(*ledger.directories.snapshot, ledger.identity.uuid, state());
    bytes_since_snapshot = 0;
    if (!begun) return false;  // only an optimisation: tried again after as much journal
    snapshot = std::move(*begun);
    snapshot_collected = false;
    return true;
  }
  if (!snapshot_collected) {
    const std::scoped_lock hold(state_mutex);
    snapshot_collected = !snapshot->collect(state());
  }
  const auto complete = snapshot->write(log().durable().seq);
  if (!complete) {
    reached(Probe::snapshot_given_up);
    snapshot.reset();
    return true;
  }
  if (*complete) {
    snapshot_bytes = snapshot->bytes();
    snapshot.reset();
    return true;
  }
  return !snapshot_collected;  // else it waits for the last stamp to be durable
}

bool Engine::maintain() {
  auto& impl = *impl_;
  if (impl.death()) return false;
  if (impl.maintain_snapshot()) return true;
  const auto built = impl.history->build_next_index();
  return built && *built;
}

Result<void> Engine::scrub(const std::function<bool(std::size_t bytes)>& pace) const {
  constexpr std::size_t kStretch = std::size_t{256} << 10;
  std::size_t checked = 0;
  bool ended = false;
  const EventSink sink = [&](const Event&, std::span<const std::byte> bytes, const Digest*) -> Result<void> {
    checked += bytes.size();
    if (checked < kStretch) return {};
    if (pace(std::exchange(checked, 0))) return {};
    ended = true;
    return fail(ErrorCode::aborted, "the pass was ended early");
  };
  if (!planted(PlantedBug::scrub_frames_only)) {
    if (auto known = read_identity(*impl_->root); !known) return std::unexpected(known.error());
    if (auto good = impl_->ledger.log->check_headers(impl_->ledger.identity.uuid); !good) return good;
  }
  auto scanned = impl_->ledger.log->scan(Seq(), sink);
  if (!scanned && ended) return {};
  return scanned;
}

bool Engine::wants_decide() const {
  return impl_->waiting.load() > 0 && !impl_->group_is_full();
}

bool Engine::wants_sync() const {
  const std::scoped_lock hold(impl_->group_mutex);
  return !impl_->open.empty();
}

Result<void> Engine::close() {
  if (const auto dead = impl_->death()) return std::unexpected(*dead);
  HOLDFAST_ASSERT(impl_->waiting.load() == 0 && !wants_sync(), "everything submitted was answered");
  return impl_->log().seal();
}

Result<void> Engine::scan_applied(Seq after, const EventSink& sink) const {
  auto& impl = *impl_;
  Seq seen = after;
  Digest head{};
  const EventSink counted = [&](const Event& event, std::span<const std::byte> bytes, const Digest* hash) {
    seen = event.seq;
    if (hash != nullptr) head = *hash;
    return sink(event, bytes, hash);
  };
  Sha256 hasher;
  while (seen < impl.state().applied()) {
    // What was on its way may have become durable since the last look: read that first.
    head = impl.ledger.log->durable().head;
    if (auto scanned = impl.ledger.log->scan(seen, counted); !scanned) return scanned;
    const std::scoped_lock hold(impl.group_mutex);
    for (const auto* payload : {&impl.syncing.payload, &impl.open.payload}) {
      if (payload->count == 0 || payload->first != seen.next()) continue;
      ByteReader in(payload->bytes);
      Event event;
      for (std::uint32_t i = 0; i < payload->count; ++i) {
        const auto bytes = in.raw(in.varint());
        if (auto decoded = decode_event(bytes, event); !decoded) return decoded;
        head = chain(hasher, head, bytes);
        if (auto taken = counted(event, bytes, &head); !taken) return taken;
      }
    }
  }
  return {};
}

GroupStatus Engine::groups() const {
  auto status = impl_->counts.status();
  status.waiting = impl_->waiting.load(std::memory_order_relaxed);
  return status;
}

const History& Engine::history() const {
  return *impl_->history;
}
const Log& Engine::log() const {
  return *impl_->ledger.log;
}

}  // namespace holdfast::journal
