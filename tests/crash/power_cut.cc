#include "tests/crash/power_cut.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <utility>
#include <vector>

#include "base/assert.h"

namespace holdfast::crash {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPage = 4096;
constexpr std::size_t kSector = 512;
constexpr std::size_t kChunk = 64 * kPage;

using Page = std::array<char, kPage>;

std::uint64_t inode_of(const fs::path& path) {
  struct stat status{};
  HOLDFAST_ASSERT(::stat(path.c_str(), &status) == 0, path.c_str());
  return status.st_ino;
}

std::string read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_text(const fs::path& path, std::string_view text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  HOLDFAST_ASSERT(out.flush().good(), "a small file can be written");
}

/// A file that is read and written by pages; what is zero stays a hole.
class Pages {
 public:
  Pages(const fs::path& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0640)) {
    HOLDFAST_ASSERT(fd_ >= 0, path.c_str());
  }
  ~Pages() { ::close(fd_); }
  Pages(const Pages&) = delete;
  Pages& operator=(const Pages&) = delete;

  [[nodiscard]] struct stat status() const {
    struct stat status{};
    HOLDFAST_ASSERT(::fstat(fd_, &status) == 0, "a file that is open has a status");
    return status;
  }
  [[nodiscard]] std::uint64_t size() const { return static_cast<std::uint64_t>(status().st_size); }
  /// `kChunk` bytes from `at`, zeros beyond the end.
  void read(std::uint64_t at, std::vector<char>& bytes) const {
    bytes.assign(kChunk, '\0');
    HOLDFAST_ASSERT(::pread(fd_, bytes.data(), kChunk, static_cast<off_t>(at)) >= 0, "a file can be read");
  }
  void write_page(std::uint64_t number, const Page& bytes) const {
    if (bytes == Page{}) return;
    HOLDFAST_ASSERT(::pwrite(fd_, bytes.data(), kPage, static_cast<off_t>(number * kPage)) == kPage,
                    "a page can be written");
  }
  void finish(std::uint64_t size, mode_t mode) const {
    HOLDFAST_ASSERT(::ftruncate(fd_, static_cast<off_t>(size)) == 0 && ::fchmod(fd_, mode & 07777U) == 0,
                    "size and mode of a file can be set");
  }

 private:
  int fd_;
};

/// Visits every page that is more than zeros in one of them.
template <class Visit>
void for_each_page(const Pages& one, const Pages& other, Visit visit) {
  const std::vector<char> zeros(kChunk);
  std::vector<char> of_one;
  std::vector<char> of_other;
  for (std::uint64_t at = 0; at < std::max(one.size(), other.size()); at += kChunk) {
    one.read(at, of_one);
    other.read(at, of_other);
    if (of_one == zeros && of_other == zeros) continue;
    for (std::size_t page = 0; page < kChunk; page += kPage) {
      Page first;
      Page second;
      std::copy_n(of_one.begin() + static_cast<std::ptrdiff_t>(page), kPage, first.begin());
      std::copy_n(of_other.begin() + static_cast<std::ptrdiff_t>(page), kPage, second.begin());
      if (first != Page{} || second != Page{}) visit((at + page) / kPage, first, second);
    }
  }
}

void copy_pages(const fs::path& from, const fs::path& to) {
  const Pages source(from, O_RDONLY);
  const Pages target(to, O_RDWR | O_CREAT | O_EXCL);
  for_each_page(source, source, [&](std::uint64_t number, const Page& bytes, const Page&) {
    target.write_page(number, bytes);
  });
  target.finish(source.size(), source.status().st_mode);
}

/// How much of one file or directory is left.
enum class Left : std::uint8_t { parts, all, nothing };

Left draw_left(sim::Prng& prng, Survival survival) {
  if (survival == Survival::nothing) return Left::nothing;
  const auto draw = prng.below(8);
  return draw == 0 ? Left::all : draw == 1 ? Left::nothing : Left::parts;
}

/// Sector by sector; one that did not change is what it was.
Page tear(const Page& before, const Page& after, sim::Prng& prng, Losses& losses) {
  auto torn = before;
  for (std::size_t at = 0; at < kPage; at += kSector) {
    const auto* from = after.data() + at;
    auto* to = torn.data() + at;
    if (std::equal(from, from + kSector, to)) continue;
    switch (prng.below(4)) {
      case 0:
        break;
      case 1:
        std::copy_n(from, kSector, to);
        break;
      case 2:
        std::copy_n(from, kSector / 2, to);
        ++losses.sectors_torn;
        break;
      default:
        std::generate_n(to, kSector, [&] { return static_cast<char>(prng.below(256)); });
        ++losses.sectors_torn;
    }
  }
  return torn;
}

}  // namespace

/// Of one directory: what is durable, and what has changed since.
struct PowerCutDisk::Names {
  struct Entry {
    std::uint64_t inode = 0;
    bool is_directory = false;
  };
  struct Change {
    char kind = 0;  // as in the layer's lines
    Entry entry;
    std::string name;
    std::string to;
  };

  std::map<std::string, Entry> durable;
  std::vector<Change> changes;

  void apply(const Change& change) {
    if (change.kind != '+') durable.erase(change.name);
    if (change.kind == '+') durable[change.name] = change.entry;
    if (change.kind == '>') durable[change.to] = change.entry;
  }
};

PowerCutDisk::PowerCutDisk(fs::path place) : place_(std::move(place)) {
  fs::create_directories(root());
}

std::vector<std::string> with_environment(const std::vector<std::string>& environment,
                                          const std::vector<std::string>& command) {
  std::vector<std::string> line{"/usr/bin/env"};
  line.insert(line.end(), environment.begin(), environment.end());
  line.insert(line.end(), command.begin(), command.end());
  return line;
}

std::vector<std::string> PowerCutDisk::go_on(const Mishaps& mishaps) const {
  return {"LD_PRELOAD=" POWER_CUT_LAYER,
          "ASAN_OPTIONS=verify_asan_link_order=0",
          "POWER_CUT_ROOT=" + root().string(),
          "POWER_CUT_SHADOW=" + (place_ / "shadow").string(),
          fmt::format("POWER_CUT_AT={}", mishaps.cut_at),
          fmt::format("POWER_CUT_AFTER_NAMES={}", mishaps.cut_after_names),
          fmt::format("POWER_CUT_SHORT_WRITES={}", mishaps.short_write_every),
          fmt::format("POWER_CUT_FAILED_SYNC={}", mishaps.failed_sync)};
}

std::vector<std::string> PowerCutDisk::begin(const Mishaps& mishaps) const {
  const auto shadow = place_ / "shadow";
  fs::remove_all(shadow);
  for (const auto* folder : {"durable", "live", "names"}) fs::create_directories(shadow / folder);
  write_text(shadow / "operations", std::string(kPage, '\0'));
  const auto take = [&](const auto& self, const fs::path& directory) -> void {
    std::string lines;
    for (const auto& entry : fs::directory_iterator(directory)) {
      const auto inode = inode_of(entry.path());
      lines += fmt::format("+ {} {} {}\n", inode, entry.is_directory() ? 'd' : 'f',
                           entry.path().filename().string());
      if (entry.is_directory()) {
        self(self, entry.path());
        continue;
      }
      fs::create_hard_link(entry.path(), shadow / "live" / std::to_string(inode));
      copy_pages(entry.path(), shadow / "durable" / std::to_string(inode));
    }
    write_text(shadow / "names" / std::to_string(inode_of(directory)), lines + "=\n");
  };
  take(take, root());
  return go_on(mishaps);
}

std::array<std::uint64_t, 2> PowerCutDisk::counts() const {
  std::array<std::uint64_t, 2> numbers{};
  std::ifstream(place_ / "shadow/operations", std::ios::binary)
      .read(reinterpret_cast<char*>(numbers.data()), sizeof(numbers));
  return numbers;
}

PowerCutDisk::Names PowerCutDisk::names_of(std::uint64_t directory) const {
  Names names;
  std::istringstream lines(read_text(place_ / "shadow/names" / std::to_string(directory)));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    Names::Change change;
    words >> change.kind;
    char kind = 0;
    if (change.kind == '=') {
      for (const auto& each : names.changes) names.apply(each);
      names.changes.clear();
      continue;
    }
    if (change.kind == '+') words >> change.entry.inode >> kind;
    if (change.kind == '>') words >> change.entry.inode;
    words >> change.name;
    if (change.kind == '>') words >> change.to;
    HOLDFAST_ASSERT(!words.fail(), "the layer writes whole lines");
    change.entry.is_directory = kind == 'd';
    names.changes.push_back(std::move(change));
  }
  return names;
}

void PowerCutDisk::cut(sim::Prng& prng, Survival survival) {
  const auto after = place_ / "after";
  fs::create_directory(after);
  cut_directory(inode_of(root()), root(), after, prng, survival);
  fs::remove_all(root());
  fs::rename(after, root());
}

void PowerCutDisk::cut_directory(std::uint64_t directory, const fs::path& live, const fs::path& target,
                                 sim::Prng& prng, Survival survival) {
  auto names = names_of(directory);
  const auto left = draw_left(prng, survival);
  for (const auto& change : names.changes) {
    if (left == Left::all || (left == Left::parts && prng.one_in(2))) {
      names.apply(change);
      ++losses_.names_kept;
      continue;
    }
    auto& count = change.kind == '+'   ? losses_.creates_undone
                  : change.kind == '>' ? losses_.renames_undone
                                       : losses_.removes_undone;
    ++count;
  }
  for (const auto& [name, entry] : names.durable) {
    if (!entry.is_directory) {
      cut_file(entry.inode, target / name, prng, survival);
      continue;
    }
    fs::create_directory(target / name);
    fs::permissions(target / name, fs::status(live / name).permissions());
    cut_directory(entry.inode, live / name, target / name, prng, survival);
  }
}

void PowerCutDisk::cut_file(std::uint64_t file, const fs::path& target, sim::Prng& prng, Survival survival) {
  const Pages live(place_ / "shadow/live" / std::to_string(file), O_RDONLY);
  const Pages durable(place_ / "shadow/durable" / std::to_string(file), O_RDONLY | O_CREAT);
  const Pages result(target, O_RDWR | O_CREAT | O_EXCL);
  const auto left = draw_left(prng, survival);
  const auto keeps = [&] { return left == Left::all || (left == Left::parts && prng.one_in(2)); };
  auto size = durable.size();
  if (size != live.size()) {
    if (keeps()) {
      size = live.size();
    } else {
      ++losses_.sizes_undone;
    }
  }
  for_each_page(live, durable, [&](std::uint64_t number, const Page& after, const Page& before) {
    if (before == after) {
      result.write_page(number, before);
    } else if (left == Left::parts && prng.one_in(4)) {
      result.write_page(number, tear(before, after, prng, losses_));
    } else if (keeps()) {
      result.write_page(number, after);
      ++losses_.pages_kept;
    } else {
      result.write_page(number, before);
      ++losses_.pages_dropped;
    }
  });
  result.finish(size, live.status().st_mode);
}

}  // namespace holdfast::crash
