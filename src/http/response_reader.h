// Reads the answer to a request from bytes as they come, whatever pieces they come in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace holdfast::http {

class ResponseReader {
 public:
  enum class Step : std::uint8_t {
    more,      // all bytes that are of use were taken: come again with what is left and more
    complete,  // the answer is, or as much of its body as is wanted
    broken,    // this is no answer
  };
  struct Progress {
    std::size_t taken = 0;  // bytes from the front; the rest is to be given again
    Step step = Step::more;
  };

  /// \param body_bytes  of a longer body the rest is not read
  explicit ResponseReader(std::size_t body_bytes);
  ~ResponseReader();
  ResponseReader(ResponseReader&&) = delete;
  ResponseReader& operator=(ResponseReader&&) = delete;

  /// Answers of 1xx, which come before the one that counts, are passed over.
  [[nodiscard]] Progress feed(std::string_view bytes);
  /// The other side sends no more. `complete` where its answer ends so.
  [[nodiscard]] Step end();

  /// Status and fields are known.
  [[nodiscard]] bool has_head() const;
  // After that:
  [[nodiscard]] int status() const;
  [[nodiscard]] std::string location() const;
  [[nodiscard]] std::string retry_after() const;
  /// After `complete`: another request can be sent on this connection.
  [[nodiscard]] bool keep_alive() const;
  /// What came of it.
  [[nodiscard]] std::string take_body();

 private:
  class Parser;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::http
