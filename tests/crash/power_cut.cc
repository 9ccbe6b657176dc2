#include "tests/crash/power_cut.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>
#include <utility>

#include "base/assert.h"

namespace holdfast::crash {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPage = 4096;
constexpr std::size_t kSector = 512;

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
  /// The next byte at or after `from` that is not in a hole; beyond every size where there is none.
  [[nodiscard]] std::uint64_t data_after(std::uint64_t from) const {
    if (from >= data_from_ && from < data_to_) return from;
    const auto at = ::lseek(fd_, static_cast<off_t>(from), SEEK_DATA);
    if (at < 0) return std::numeric_limits<std::uint64_t>::max() - kPage;
    data_from_ = static_cast<std::uint64_t>(at);
    data_to_ = static_cast<std::uint64_t>(::lseek(fd_, at, SEEK_HOLE));
    return data_from_;
  }
  /// Zeros beyond the end.
  [[nodiscard]] std::array<char, kPage> page(std::uint64_t number) const {
    std::array<char, kPage> bytes{};
    HOLDFAST_ASSERT(::pread(fd_, bytes.data(), kPage, static_cast<off_t>(number * kPage)) >= 0,
                    "a page can be read");
    return bytes;
  }
  void write_page(std::uint64_t number, const std::array<char, kPage>& bytes) const {
    if (bytes == std::array<char, kPage>{}) return;
    HOLDFAST_ASSERT(::pwrite(fd_, bytes.data(), kPage, static_cast<off_t>(number * kPage)) == kPage,
                    "a page can be written");
  }
  void finish(std::uint64_t size, mode_t mode) const {
    HOLDFAST_ASSERT(::ftruncate(fd_, static_cast<off_t>(size)) == 0 && ::fchmod(fd_, mode & 07777U) == 0,
                    "size and mode of a file can be set");
  }

 private:
  int fd_;
  mutable std::uint64_t data_from_ = 0;  // where data was found last
  mutable std::uint64_t data_to_ = 0;
};

/// The pages that may hold more than zeros.
template <class Visit>
void for_each_page(const Pages& one, const Pages& other, Visit visit) {
  const auto end = std::max(one.size(), other.size());
  for (std::uint64_t at = 0; at < end; at = (at / kPage + 1) * kPage) {
    at = std::min(one.data_after(at), other.data_after(at));
    if (at < end) visit(at / kPage);
  }
}

void copy_pages(const fs::path& from, const fs::path& to) {
  const Pages source(from, O_RDONLY);
  const Pages target(to, O_RDWR | O_CREAT | O_EXCL);
  const auto end = source.size();
  for (auto at = source.data_after(0); at < end; at = source.data_after((at / kPage + 1) * kPage)) {
    target.write_page(at / kPage, source.page(at / kPage));
  }
  target.finish(end, source.status().st_mode);
}

/// How much of one file or directory is left.
enum class Left : std::uint8_t { parts, all, nothing };

Left draw_left(sim::Prng& prng, Survival survival) {
  if (survival == Survival::nothing) return Left::nothing;
  const auto draw = prng.below(8);
  return draw == 0 ? Left::all : draw == 1 ? Left::nothing : Left::parts;
}

/// Sector by sector; one that did not change is what it was.
std::array<char, kPage> tear(const std::array<char, kPage>& before, const std::array<char, kPage>& after,
                             sim::Prng& prng, Losses& losses) {
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
  for_each_page(live, durable, [&](std::uint64_t number) {
    const auto before = durable.page(number);
    const auto after = live.page(number);
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
