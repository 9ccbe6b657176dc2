// The answers of `holdfast apply`, in the order of the lines, while many commands are under way: a window
// that is bounded in commands and in bytes, and a thread that writes each answer as soon as it and all before
// it are there. A caller that waits for an answer before it sends its next line gets it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "cli/output.h"
#include "holdfast/answers.h"

namespace holdfast::cli {

/// One place in the order; filled once, from any thread.
class AnswerSlot {
 public:
  AnswerSlot(class AnswerQueue& queue, std::size_t bytes) : queue_(queue), bytes_(bytes) {}
  void fill(Result<Answer> answer);

 private:
  friend class AnswerQueue;
  class AnswerQueue& queue_;
  std::size_t bytes_;
  std::optional<Result<Answer>> answer_;
};

class AnswerQueue {
 public:
  static constexpr std::size_t kMaxUnderWay = 4'096;
  static constexpr std::size_t kMaxBytes = std::size_t{32} << 20;

  explicit AnswerQueue(Output& out);
  /// Writes what is left.
  ~AnswerQueue();
  AnswerQueue(const AnswerQueue&) = delete;
  AnswerQueue& operator=(const AnswerQueue&) = delete;

  /// Waits until the window has room, and takes the next place. The slot lives until it was written; fill it
  /// for sure.
  /// \param bytes  of the command's line
  AnswerSlot& take_place(std::size_t bytes);
  /// Waits until all places are filled and written.
  void drain();

  /// Nobody reads the answers any more.
  [[nodiscard]] bool closed() const;
  /// Something was rejected or could not be read.
  [[nodiscard]] bool rejected() const;
  /// The first operating error: the ledger will do no more.
  [[nodiscard]] std::optional<Error> broken() const;

 private:
  friend class AnswerSlot;
  void write_answers();
  void note(const Error& error);

  Output& out_;
  mutable std::mutex mutex_;
  std::condition_variable filled_;   // the first place may be filled
  std::condition_variable written_;  // places were given back
  std::deque<AnswerSlot> slots_;     // stable addresses: only its ends change
  std::size_t bytes_ = 0;
  bool stopping_ = false;
  bool closed_ = false;
  bool rejected_ = false;
  std::optional<Error> broken_;
  std::thread writer_;
};

}  // namespace holdfast::cli
