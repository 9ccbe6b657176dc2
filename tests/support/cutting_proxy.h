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
  before_commit,   // the COMMIT of a transaction that records an event does not reach the server
  after_commit,    // it does, and its answer does not come back
  at_message,      // after so many messages, of either side
  inside_message,  // the same, and of the last one half gets through
};

/// What comes after the cut.
enum class Then : std::uint8_t {
  go_on,   // whoever connects again is let in
  refuse,  // nobody is let in until `admit`
  stall,   // nothing was cut: as in a network that swallows packets, nothing gets through, on any connection,
           // until `admit`, and then all of it does
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
  void arm(Cut cut, std::uint64_t message = 0, Then then = Then::go_on);
  /// Nothing is cut. \return whether what was armed has been
  bool disarm();
  /// Returns when what was armed has been cut.
  void wait_for_cut();
  void admit();
  /// Returns when so many connections were made since nothing gets through.
  void wait_for_callers(int count);
  /// Cuts all that are open now.
  void cut_all();

 private:
  struct Link;
  enum class Side : std::uint8_t { client, server };

  void accept_all();
  void forward(Link& link);
  bool pass(Link& link, Side from);
  std::string_view part_of(Link& link, Side from, std::string_view message);
  void wait_while_stalled();

  const std::string socket_;
  int listener_ = -1;
  int port_ = 0;
  int wake_ = -1;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::list<Link> links_;
  bool armed_ = false;
  bool cut_done_ = false;
  Then then_ = Then::go_on;
  bool refusing_ = false;
  bool stalled_ = false;
  int callers_ = 0;  // since it is stalled
  bool stopping_ = false;
  Cut cut_ = Cut::before_commit;
  std::uint64_t messages_left_ = 0;
  std::thread accepting_;
};

}  // namespace holdfast::testing
