// beanstalkd over its text protocol, the same operations as space_bench: put, peek-ready, and reserve with the delete
// that makes a take final, of 100 bytes, one request a round trip; pipelined by 100 (put and peek alone: a delete
// needs the answer of its reserve); and the rendezvous of a blocked reserve with a put.
//   beanstalk_bench PATH|HOST:PORT CLIENTS N
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <memory>

#include "bench/measure.hpp"

namespace {

[[noreturn]] void die(const std::string& what) {
  std::fprintf(stderr, "beanstalk_bench: %s\n", what.c_str());
  std::exit(1);
}

int dial(const std::string& address) {
  const auto colon = address.rfind(':');
  const bool local = address.front() == '/';
  sockaddr_un path{.sun_family = AF_UNIX, .sun_path = {}};
  sockaddr_in host{};
  if (local) {
    std::strncpy(path.sun_path, address.c_str(), sizeof path.sun_path - 1);
  } else {
    host.sin_family = AF_INET;
    host.sin_port = htons(static_cast<std::uint16_t>(bench::number(address.c_str() + colon + 1)));
    inet_pton(AF_INET, address.substr(0, colon).c_str(), &host.sin_addr);
  }
  const int fd = socket(local ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto* to = local ? reinterpret_cast<const sockaddr*>(&path) : reinterpret_cast<const sockaddr*>(&host);
  if (connect(fd, to, local ? sizeof path : sizeof host) != 0) die(address + ": " + std::strerror(errno));
  const int on = 1;
  if (!local) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

class Client {
 public:
  Client(const std::string& address, int lane) : fd_(dial(address)) {
    const std::string tube = "lane" + std::to_string(lane);
    ask("use " + tube + "\r\n", "USING");
    ask("watch " + tube + "\r\n", "WATCHING");
    ask("ignore default\r\n", "WATCHING");
    put_ = "put 0 0 60 100\r\n" + std::string(100, 'x') + "\r\n";
  }
  ~Client() { close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void out() { ask(put_, "INSERTED"); }
  void rd() {
    send("peek-ready\r\n");
    body("FOUND");
  }
  void in() {
    send("reserve\r\n");
    ask("delete " + body("RESERVED") + "\r\n", "DELETED");
  }
  void start_out() { send(put_); }
  void finish_out() { expect(line(), "INSERTED"); }
  void start_rd() { send("peek-ready\r\n"); }
  void finish_rd() { body("FOUND"); }

 private:
  void send(const std::string& text) {
    if (::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(text.size())) die("send");
  }
  void fill() {
    char bytes[65536];
    const auto n = recv(fd_, bytes, sizeof bytes, 0);
    if (n <= 0) die("the server closed the connection");
    buffer_.append(bytes, static_cast<std::size_t>(n));
  }
  std::string line() {
    std::size_t end;
    while ((end = buffer_.find("\r\n")) == std::string::npos) fill();
    std::string text = buffer_.substr(0, end);
    buffer_.erase(0, end + 2);
    return text;
  }
  static void expect(const std::string& line, const char* word) {
    if (!line.starts_with(word)) die(line);
  }
  void ask(const std::string& text, const char* word) {
    send(text);
    expect(line(), word);
  }
  // An answer with a job: its id.
  std::string body(const char* word) {
    const std::string head = line();
    expect(head, word);
    const auto first = head.find(' '), second = head.find(' ', first + 1);
    const auto size = static_cast<std::size_t>(bench::number(head.c_str() + second + 1)) + 2;
    while (buffer_.size() < size) fill();
    buffer_.erase(0, size);
    return head.substr(first + 1, second - first - 1);
  }

  int fd_;
  std::string buffer_, put_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) die("usage: beanstalk_bench PATH|HOST:PORT CLIENTS N");
  const int clients = bench::number(argv[2]), n = bench::number(argv[3]);
  const std::string suffix = clients > 1 ? ", " + std::to_string(clients) + " clients" : "";
  std::vector<std::unique_ptr<Client>> all;
  for (int i = 0; i < clients; ++i) all.push_back(std::make_unique<Client>(argv[1], i));
  const auto at = [&](int client) -> Client& { return *all[static_cast<std::size_t>(client)]; };
  bench::loop("out" + suffix, clients, n, [&](int client, int) { at(client).out(); });
  bench::loop("rd" + suffix, clients, n, [&](int client, int) { at(client).rd(); });
  bench::loop("in" + suffix, clients, n, [&](int client, int) { at(client).in(); });
  if (clients > 1) return 0;
  bench::pipelined(
      "out", n, [&](int) { at(0).start_out(); }, [&] { at(0).finish_out(); });
  bench::pipelined(
      "rd", n, [&](int) { at(0).start_rd(); }, [&] { at(0).finish_rd(); });
  Client taker(argv[1], 1000), putter(argv[1], 1000);
  bench::rendezvous(
      "rendezvous", std::min(n, 2000), [&](int) { taker.in(); }, [&](int) { putter.out(); });
  return 0;
}
