// A fault, injected: a proxy on a loopback port before a PostgreSQL server, which understands where messages
// begin and end, and cuts a connection at a chosen one.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace holdfast::testing {

enum class Cut : std::uint8_t {
  before_commit,  // the COMMIT of a transaction that records an event does not reach the server
  after_commit,   // it does, and its answer does not come back
  at_message,     // after so many messages, of either side
};

class CuttingProxy {
 public:
  /// \param socket  the server's unix socket
  explicit CuttingProxy(std::string socket);
  /// Cuts what is left.
  ~CuttingProxy();
  CuttingProxy(const CuttingProxy&) = delete;
  CuttingProxy& operator=(const CuttingProxy&) = delete;

  /// For Ledger::open and libpq.
  [[nodiscard]] std::string url(std::string_view database) const;

  /// One connection is cut, the first that gets there. \param message  of `at_message`, from 1
  /// \param refuse  from then on nobody is let in until `admit`
  void arm(Cut cut, std::uint64_t message = 0, bool refuse = false);
  /// Nothing is cut. \return whether what was armed has been
  bool disarm();
  /// Returns when what was armed has been cut.
  void wait_for_cut();
  void admit();
  /// Cuts all that are open now.
  void cut_all();

 private:
  struct Link;
  enum class Side : std::uint8_t { client, server };

  void accept_all();
  void forward(Link& link);
  bool pass(Link& link, Side from);
  bool is_cut(Link& link, Side from, std::string_view message);

  const std::string socket_;
  int listener_ = -1;
  int port_ = 0;
  int wake_ = -1;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Link> links_;
  bool armed_ = false;
  bool cut_done_ = false;
  bool refuse_after_ = false;
  bool refusing_ = false;
  bool stopping_ = false;
  Cut cut_ = Cut::before_commit;
  std::uint64_t messages_left_ = 0;
  std::thread accepting_;
};

}  // namespace holdfast::testing
