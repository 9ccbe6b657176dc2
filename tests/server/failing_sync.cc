// Loaded before the program (LD_PRELOAD): a disk whose syncs fail from the moment when the file that
// HOLDFAST_FAILING_SYNC names is there.
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace {

int sync_with(long call, int fd) {
  const char* sign =
      std::getenv("HOLDFAST_FAILING_SYNC");  // NOLINT(concurrency-mt-unsafe): nobody changes it
  if (sign != nullptr && ::access(sign, F_OK) == 0) {
    errno = EIO;
    return -1;
  }
  return static_cast<int>(::syscall(call, fd));
}

}  // namespace

extern "C" {

// NOLINTBEGIN(readability-identifier-naming): the names of the C library
int fdatasync(int fd) {
  return sync_with(SYS_fdatasync, fd);
}
int fsync(int fd) {
  return sync_with(SYS_fsync, fd);
}
// NOLINTEND(readability-identifier-naming)
}
