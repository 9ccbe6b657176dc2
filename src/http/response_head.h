// An answer's status line and fields, as bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/message.h"

namespace holdfast::http {

/// What the request says of how its answer is sent.
struct AnswerForm {
  bool http_1_0 = false;
  bool keep_alive = true;  // the connection, after this answer
};

/// How the end of an answer's body is told.
enum class BodyEnd : std::uint8_t {
  none,    // there is no body, and no word of one (204, 304)
  length,  // Content-Length
  chunks,
  close,  // HTTP/1.0 knows no chunks
};

[[nodiscard]] BodyEnd body_end(const Response& response, const AnswerForm& form);

/// \param date  an HTTP date
[[nodiscard]] std::string render_head(const Response& response, const AnswerForm& form, BodyEnd end,
                                      std::string_view request_id, std::string_view date);

/// The words that go with a status, `Not Found`; "Status" where it has none.
[[nodiscard]] std::string_view reason_phrase(int status);

/// `Tue, 24 Nov 2026 16:00:00 GMT`. \param seconds  since 1970
[[nodiscard]] std::string http_date(std::int64_t seconds);

}  // namespace holdfast::http
