#include "cli/answer_queue.h"

#include "json/render.h"

namespace holdfast::cli {

void AnswerSlot::fill(Result<Answer> answer) {
  auto& queue = queue_;
  const std::scoped_lock hold(queue.mutex_);
  answer_ = std::move(answer);
  if (&queue.slots_.front() == this) queue.filled_.notify_one();
}

AnswerQueue::AnswerQueue(Output& out) : out_(out), writer_([this] { write_answers(); }) {}

AnswerQueue::~AnswerQueue() {
  {
    const std::scoped_lock hold(mutex_);
    stopping_ = true;
    filled_.notify_one();
  }
  writer_.join();
}

AnswerSlot& AnswerQueue::take_place(std::size_t bytes) {
  std::unique_lock hold(mutex_);
  // A line that is larger than the whole window goes through alone.
  written_.wait(
      hold, [&] { return slots_.empty() || (slots_.size() < kMaxUnderWay && bytes_ + bytes <= kMaxBytes); });
  bytes_ += bytes;
  return slots_.emplace_back(*this, bytes);
}

void AnswerQueue::drain() {
  std::unique_lock hold(mutex_);
  written_.wait(hold, [&] { return slots_.empty(); });
}

bool AnswerQueue::closed() const {
  const std::scoped_lock hold(mutex_);
  return closed_;
}

bool AnswerQueue::rejected() const {
  const std::scoped_lock hold(mutex_);
  return rejected_;
}

std::optional<Error> AnswerQueue::broken() const {
  const std::scoped_lock hold(mutex_);
  return broken_;
}

void AnswerQueue::note(const Error& error) {
  rejected_ = rejected_ || is_rejection(error.code);
  if (!is_rejection(error.code) && !broken_) broken_ = error;
}

void AnswerQueue::write_answers() {
  std::unique_lock hold(mutex_);
  for (;;) {
    const auto ready = [&] { return !slots_.empty() && slots_.front().answer_.has_value(); };
    if (!ready()) {
      // Whoever waits for these answers before he goes on must not wait for a full buffer.
      hold.unlock();
      out_.flush();
      hold.lock();
      closed_ = out_.closed();
      filled_.wait(hold, [&] { return ready() || (stopping_ && slots_.empty()); });
      if (!ready()) return;
    }
    const auto& slot = slots_.front();
    if (!*slot.answer_) note(slot.answer_->error());
    hold.unlock();  // a filled slot is touched by nobody else until it is taken away below
    out_.line(json::to_json(*slot.answer_));
    hold.lock();
    closed_ = out_.closed();
    bytes_ -= slot.bytes_;
    slots_.pop_front();
    written_.notify_one();
  }
}

}  // namespace holdfast::cli
