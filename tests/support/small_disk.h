// A small disk of the test's own, which can be full: a tmpfs in a mount namespace that only this process and
// its children see. Nothing of it is left behind, however the test ends.
#pragma once

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/assert.h"
#include "tests/support/postgres_server.h"

namespace holdfast::testing {

/// One at a time, mounted over /mnt. Needs root, or a kernel that lets a user have namespaces of his own; the
/// first one needs a process of one thread there.
class SmallDisk {
 public:
  explicit SmallDisk(int size_mib) {
    static const bool alone = have_namespace();
    HOLDFAST_ASSERT(alone,
                    "this test mounts a small disk: it runs as root with CAP_SYS_ADMIN, or where users may "
                    "make namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone)");
    const auto options = fmt::format("size={}m,mode=1777", size_mib);
    HOLDFAST_ASSERT(::mount("tmpfs", kPlace, "tmpfs", 0, options.c_str()) == 0, "a tmpfs can be mounted");
  }
  ~SmallDisk() { ::umount2(kPlace, MNT_DETACH); }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  /// A directory on it for whoever the server runs as.
  static std::string directory(const std::string& name) {
    const auto path = std::filesystem::path(kPlace) / name;
    std::filesystem::create_directory(path);
    give_to_server(path);
    return path.string();
  }

  /// Takes all the room that is left.
  static void fill() {
    const int fd = ::open(ballast().c_str(), O_WRONLY | O_CREAT, 0600);
    std::array<char, 4'096> block{};
    while (::write(fd, block.data(), block.size()) > 0) {
    }
    ::close(fd);
  }
  /// From now on nothing can be written. \pre no file on it is open for writing: the kernel refuses
  static void make_read_only() {
    HOLDFAST_ASSERT(::mount(nullptr, kPlace, nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0,
                    "a tmpfs can be mounted again, read-only");
  }
  static void make_writable() {
    HOLDFAST_ASSERT(::mount(nullptr, kPlace, nullptr, MS_REMOUNT, nullptr) == 0,
                    "a tmpfs can be mounted again, writable");
  }
  /// Gives it back.
  static void make_room() { std::filesystem::remove(ballast()); }

 private:
  static constexpr const char* kPlace = "/mnt";
  static std::string ballast() { return std::string(kPlace) + "/ballast"; }

  static bool have_namespace() {
    const auto user = ::geteuid();
    const auto group = ::getegid();
    if (::unshare(user == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER) != 0) return false;
    if (user != 0) {
      std::ofstream("/proc/self/setgroups") << "deny";
      std::ofstream("/proc/self/uid_map") << fmt::format("{0} {0} 1", user);
      std::ofstream("/proc/self/gid_map") << fmt::format("{0} {0} 1", group);
    }
    // In a chroot "/" is no mount of its own, and nothing more private can be asked for from there.
    return ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 || errno == EINVAL;
  }
};

}  // namespace holdfast::testing
