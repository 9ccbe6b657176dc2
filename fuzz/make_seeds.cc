// Writes the corpus files that only a program can make: events, frames and snapshots of small random ledgers.
// To be run again where their format changes; the other files of the corpus are text, or come from
// tests/golden.
//
//   fuzz_make_seeds fuzz/corpus
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/bytes.h"
#include "base/posix_file.h"
#include "journal/snapshot.h"
#include "journal/testing/random_book.h"
#include "ledger/event_codec.h"
#include "tests/support/temporary_directory.h"

using namespace holdfast;
using namespace holdfast::journal;

namespace {

constexpr std::size_t kFileBytes = 2'000;

void save(const std::filesystem::path& path, const Bytes& bytes) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

/// Two bytes of length, as the targets read them, then the bytes.
void append_part(Bytes& to, const Bytes& part) {
  to.push_back(static_cast<std::byte>(part.size() % 256));
  to.push_back(static_cast<std::byte>(part.size() / 256));
  to.insert(to.end(), part.begin(), part.end());
}

Bytes entries_of(const std::vector<Event>& events) {
  Bytes seed{std::byte{1}};
  for (const auto& event : events) {
    Bytes entry;
    encode_entry(event.entry, entry);
    append_part(seed, entry);
  }
  return seed;
}

/// Frames of five events.
Bytes frames_of(const std::vector<Event>& events) {
  Bytes seed{std::byte{1}};
  Bytes payload;
  for (std::size_t i = 0; i < events.size(); ++i) {
    Bytes bytes;
    encode_event(events[i].seq, events[i].at, events[i].entry, bytes);
    ByteWriter out(payload);
    out.varint(bytes.size());
    out.raw(bytes);
    if (i % 5 == 4) {
      append_part(seed, payload);
      payload.clear();
    }
  }
  return seed;
}

Bytes chunks_of(const State& state) {
  Bytes seed{std::byte{1}};
  for (std::size_t i = 0; i < state.chunk_count(); ++i) {
    Bytes chunk;
    state.save_chunk(i, chunk);
    append_part(seed, chunk);
  }
  return seed;
}

void save_snapshot(const std::filesystem::path& path, const State& state) {
  constexpr LedgerUuid kLedger = {1, 2, 3};
  const holdfast::testing::TemporaryDirectory temporary;
  const auto directory = std::move(*open_posix_directory(temporary.path() / "snapshot", true));
  const auto writer = std::move(*SnapshotWriter::begin(*directory, kLedger, state));
  for (bool complete = false; !complete;) {
    (void)writer->collect(state);
    complete = writer->write(state.applied()).value();
  }
  std::ifstream in(temporary.path() / "snapshot" / directory->list()->front(), std::ios::binary);
  // Its beginning: behind it every byte is under a checksum, which `chunks_of` gets past.
  const std::string file{std::istreambuf_iterator<char>(in), {}};
  std::ofstream(path, std::ios::binary) << '\0' << file.substr(0, kFileBytes);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::filesystem::path corpus(argv[1]);
  for (const int steps : {0, 12, 60}) {
    journal::testing::RandomBook book(static_cast<std::uint64_t>(steps) + 1);
    for (int i = 0; i < steps; ++i) book.step();
    const auto name = "book_" + std::to_string(steps);
    save(corpus / "replay" / name, entries_of(book.events()));
    save(corpus / "segment" / name, frames_of(book.events()));
    if (steps == 60) save(corpus / "snapshot" / name, chunks_of(book.state()));
    if (steps == 0) save_snapshot(corpus / "snapshot" / "file", book.state());
  }
  return 0;
}
