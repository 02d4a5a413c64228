// The limits of this machine, to be read beside every other figure of the same minute.
//   raw_bench pingpong N [one-core]   64 bytes there and back over a Unix socket between two processes
//   raw_bench wake N [one-core]       the same one way, the receiver asleep for a millisecond before
//   raw_bench fdatasync N DIR         4 KiB appended and synced
//   raw_bench memcpy BYTES N          touched pages
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "bench/measure.hpp"

namespace {

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

void transfer(int fd, char* buffer, bool sending) {
  for (std::size_t done = 0; done < 64;) {
    const auto n = sending ? write(fd, buffer + done, 64 - done) : read(fd, buffer + done, 64 - done);
    if (n <= 0) die("socket");
    done += static_cast<std::size_t>(n);
  }
}

// The other process answers until its socket closes.
int start_echo(pid_t& child) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) die("socketpair");
  child = fork();
  if (child < 0) die("fork");
  if (child == 0) {
    close(pair[0]);
    char buffer[64];
    for (ssize_t n; (n = read(pair[1], buffer, sizeof buffer)) > 0;) {
      if (write(pair[1], buffer, static_cast<std::size_t>(n)) != n) _exit(1);
    }
    _exit(0);
  }
  close(pair[1]);
  return pair[0];
}

void pingpong(int n, const std::string& metric) {
  pid_t child = 0;
  const int fd = start_echo(child);
  char buffer[64] = {};
  std::vector<double> times;
  for (int i = 0; i < n; ++i) {
    const auto begin = bench::Clock::now();
    transfer(fd, buffer, true);
    transfer(fd, buffer, false);
    times.push_back(bench::microseconds(bench::Clock::now() - begin));
  }
  close(fd);
  waitpid(child, nullptr, 0);
  bench::emit_latencies(metric, std::move(times));
}

void wake(int n, const std::string& metric) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) die("socketpair");
  char in[64], out[64] = {};
  bench::rendezvous(
      metric, n, [&](int) { transfer(pair[1], in, false); }, [&](int) { transfer(pair[0], out, true); });
}

void sync_writes(int n, const char* folder) {
  const std::string path = std::string(folder) + "/fdatasync.tmp";
  const int fd = open(path.c_str(), O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) die(path.c_str());
  unlink(path.c_str());
  const std::vector<char> block(4096, 'x');
  std::vector<double> times;
  for (int i = 0; i < n; ++i) {
    const auto begin = bench::Clock::now();
    if (write(fd, block.data(), block.size()) != static_cast<ssize_t>(block.size())) die("write");
    if (fdatasync(fd) != 0) die("fdatasync");
    times.push_back(bench::microseconds(bench::Clock::now() - begin));
  }
  close(fd);
  bench::emit_latencies("fdatasync", std::move(times));
}

void copies(std::size_t bytes, int n) {
  std::vector<char> from(bytes, 'a'), to(bytes, 'b');
  std::vector<double> rates;
  for (int i = 0; i < n; ++i) {
    from[static_cast<std::size_t>(i) % bytes] = static_cast<char>(i);
    const auto begin = bench::Clock::now();
    std::memcpy(to.data(), from.data(), bytes);
    rates.push_back(static_cast<double>(bytes) / bench::microseconds(bench::Clock::now() - begin) / 1e3);
    if (to[bytes / 2] == 1) return;  // keeps the copy from being optimised away
  }
  bench::emit("memcpy", bench::percentile(rates, 0.5), "GB/s");
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 2 ? argv[1] : "";
  const bool one_core = argc > 3 && std::string(argv[3]) == "one-core";
  if (one_core) bench::pin_to_one_core();
  const std::string suffix = one_core ? ", one core" : "";
  if (what == "pingpong") {
    pingpong(bench::number(argv[2]), "ping-pong" + suffix);
  } else if (what == "wake") {
    wake(bench::number(argv[2]), "wake-up" + suffix);
  } else if (what == "fdatasync" && argc > 3) {
    sync_writes(bench::number(argv[2]), argv[3]);
  } else if (what == "memcpy" && argc > 3) {
    copies(std::strtoull(argv[2], nullptr, 10), bench::number(argv[3]));
  } else {
    std::fprintf(stderr, "usage: raw_bench pingpong|wake|fdatasync|memcpy N ... (see the top of raw_bench.cpp)\n");
    return 2;
  }
  return 0;
}
