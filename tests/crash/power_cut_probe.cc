// Changes files as the test of the layer itself asks, by plain calls.
//
//   power_cut_probe DIRECTORY unsynced   durable files, each changed by a call that is not synced
//   power_cut_probe DIRECTORY synced     the same, and then everything is synced
//   power_cut_probe DIRECTORY sync_all   only that
//   power_cut_probe DIRECTORY CALL       one call that the layer does not model: it ends the process
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

int directory = -1;

void must(bool good, const char* what) {
  if (good) return;
  std::perror(what);
  std::exit(1);
}

int make(const char* name) {
  const int fd = ::openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  must(fd >= 0, name);
  return fd;
}

void write_at(int fd, off_t at, char what, std::size_t size) {
  const std::string bytes(size, what);
  must(::pwrite(fd, bytes.data(), size, at) == static_cast<ssize_t>(size), "pwrite");
}

/// A file that is durable, with this in it.
int make_durable(const char* name, char what, std::size_t size) {
  const int fd = make(name);
  write_at(fd, 0, what, size);
  must(::fdatasync(fd) == 0, "fdatasync");
  must(::fsync(directory) == 0, "fsync");
  return fd;
}

void rename_to(const char* from, const char* to) {
  must(::renameat(directory, from, directory, to) == 0, "renameat");
}

void scene() {
  write_at(make_durable("overwritten", 'a', 8'192), 4'096, 'b', 4'096);
  write_at(make_durable("grown", 'a', 4'096), 4'096, 'b', 4'096);
  must(::ftruncate(make_durable("shrunk", 'a', 8'192), 4'096) == 0, "ftruncate");
  must(::posix_fallocate(make_durable("reserved", 'a', 4'096), 0, 65'536) == 0, "posix_fallocate");
  make_durable("renamed", 'a', 1);
  make_durable("removed", 'a', 1);
  make_durable("replaced", 'a', 1);
  make_durable("replacing", 'b', 1);
  // Bytes are synced, the name is not.
  const int nameless = make("created");
  write_at(nameless, 0, 'a', 4'096);
  must(::fdatasync(nameless) == 0, "fdatasync");
  must(::mkdirat(directory, "directory", 0700) == 0, "mkdirat");
  rename_to("renamed", "renamed.new");
  rename_to("replacing", "replaced");
  must(::unlinkat(directory, "removed", 0) == 0, "unlinkat");
}

void sync_all() {
  for (const auto* name : {"overwritten", "grown", "shrunk", "reserved", "created"}) {
    const int fd = ::openat(directory, name, O_RDWR | O_CLOEXEC);
    must(fd >= 0 && ::fdatasync(fd) == 0, name);
  }
  must(::fsync(directory) == 0, "fsync");
}

void one_call(std::string_view call) {
  const int fd = make("file");
  write_at(fd, 0, 'a', 4'096);
  if (call == "write") (void)!::write(fd, "x", 1);
  if (call == "mmap") (void)::mmap(nullptr, 4'096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (call == "O_TRUNC") (void)::openat(directory, "file", O_RDWR | O_TRUNC);
  if (call == "O_DSYNC") (void)::openat(directory, "file", O_RDWR | O_DSYNC);
  if (call == "rmdir") (void)::unlinkat(directory, "nothing", AT_REMOVEDIR);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  directory = ::open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  must(directory >= 0, argv[1]);
  const std::string_view what = argv[2];
  if (what == "unsynced") {
    scene();
  } else if (what == "synced") {
    scene();
    sync_all();
  } else if (what == "sync_all") {
    sync_all();
  } else {
    one_call(what);
  }
  return 0;
}
