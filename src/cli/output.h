// Standard output: buffered, and quiet where its reader has gone. The program ignores SIGPIPE; whoever
// produces much asks `closed` and stops.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::cli {

/// Not thread-safe.
class Output {
 public:
  explicit Output(int descriptor) : descriptor_(descriptor) {}
  ~Output() { flush(); }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  void write(std::string_view text);
  void line(std::string_view text);
  void flush();

  /// Nothing that is written arrives any more: the reader has gone, or a write failed.
  [[nodiscard]] bool closed() const { return error_number_ != 0; }
  /// The errno of the write that failed; 0 where none did, EPIPE where the reader has gone.
  [[nodiscard]] int error_number() const { return error_number_; }

 private:
  int descriptor_;
  int error_number_ = 0;
  std::string buffer_;
};

}  // namespace holdfast::cli
