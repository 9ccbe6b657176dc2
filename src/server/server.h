// A ledger's server, from its start to its end: opens the ledger, answers, watches, and closes it in good
// order.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "holdfast/ledger.h"
#include "http/limits.h"
#include "server/log.h"

namespace holdfast::server {

struct ServeOptions {
  std::string ledger_url;                 // of a ledger that is there
  std::string shown_ledger;               // the same for people: without a password
  std::string listen = "127.0.0.1:7420";  // address and port; port 0: any that is free
  std::string tls_certificate;            // PEM; both or none
  std::string tls_key;
  std::filesystem::path state;   // empty: the usual place
  bool insecure_public = false;  // a public address without TLS is meant
  bool metrics_open = false;
  bool go_on_when_broken = false;            // a broken law is told, and commands are taken all the same
  std::chrono::seconds audit_every{86'400};  // 0: never
  std::chrono::seconds audit_first{60};      // after the start
  std::chrono::milliseconds slow{1'000};     // a request that takes longer is logged
  std::chrono::milliseconds drain{30'000};   // for what is under way when it ends
  std::size_t io_threads = 1;
  std::size_t workers = 4;  // threads for questions and long commands
  Level log_level = Level::info;
  Log::Form log_form = Log::Form::json;
  std::string version;
};

/// Where it can be reached, told once it answers.
struct Listening {
  std::string url;                 // `http://127.0.0.1:7420`
  std::optional<std::string> key;  // made for this run, since there is none in the file of keys
  bool no_keys = false;            // nobody may ask anything: there is no key at all
};

/// What is wrong with the options as such, in words of the command line: an address that cannot be read, a
/// public one without TLS, half a certificate. `invalid_command`.
[[nodiscard]] Result<void> check_options(const ServeOptions& options);

/// Serves until SIGTERM or SIGINT, which it takes for the whole process (called before other threads are
/// made), then stops taking, finishes what is under way, and closes the ledger. A second one ends the process
/// at once; SIGHUP has the certificate read again. Errors: of opening, listening, and `storage_failed` where
/// the ledger's storage failed: then a new start opens it again.
[[nodiscard]] Result<void> serve(const ServeOptions& options,
                                 const std::function<void(const Listening&)>& listening);

}  // namespace holdfast::server
