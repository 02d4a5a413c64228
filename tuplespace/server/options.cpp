#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>

#include "tuplespace/model/error.hpp"
#include "tuplespace/server/serve.hpp"

namespace parvis::server {
namespace {

struct SizeLimit {
  std::string_view name;
  std::size_t Limits::*member;
};
struct TimeLimit {
  std::string_view name;
  std::chrono::milliseconds Limits::*member;
};

constexpr std::array size_limits{
    SizeLimit{"tuple_bytes", &Limits::tuple_bytes},
    SizeLimit{"message_bytes", &Limits::message_bytes},
    SizeLimit{"connections", &Limits::connections},
    SizeLimit{"waiters", &Limits::waiters},
    SizeLimit{"waiters_per_session", &Limits::waiters_per_session},
    SizeLimit{"memory_bytes", &Limits::memory_bytes},
    SizeLimit{"send_queue_bytes", &Limits::send_queue_bytes},
    SizeLimit{"commit_queue_bytes", &Limits::commit_queue_bytes},
    SizeLimit{"write_ahead_bytes", &Limits::write_ahead_bytes},
    SizeLimit{"unconfirmed_per_session", &Limits::unconfirmed_per_session},
    SizeLimit{"transactions_per_session", &Limits::transactions_per_session},
    SizeLimit{"steps_per_operation", &Limits::steps_per_operation},
    SizeLimit{"range_steps", &Limits::range_steps},
    SizeLimit{"reply_tuples", &Limits::reply_tuples},
    SizeLimit{"reply_bytes", &Limits::reply_bytes},
    SizeLimit{"event_count", &Limits::event_count},
    SizeLimit{"event_bytes", &Limits::event_bytes},
};
constexpr std::array time_limits{
    TimeLimit{"heartbeat", &Limits::heartbeat},
    TimeLimit{"grace", &Limits::grace},
    TimeLimit{"hello_timeout", &Limits::hello_timeout},
};

std::string names() {
  std::string all;
  for (const auto& limit : size_limits) all += fmt::format("{}{}", all.empty() ? "" : ", ", limit.name);
  for (const auto& limit : time_limits) all += fmt::format(", {} (ms)", limit.name);
  return all;
}

[[noreturn]] void bad(std::string_view assignment, std::string_view why) {
  throw Error(ErrorCode::protocol_error,
              fmt::format("'{}' is not a limit: {}. Limits are {}", assignment, why, names()));
}

std::uint64_t parse_number(std::string_view assignment, std::string_view text) {
  std::uint64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{}) bad(assignment, "a whole number follows the '='");
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  unsigned shift = 0;
  if (unit == "K") shift = 10;
  else if (unit == "M") shift = 20;
  else if (unit == "G") shift = 30;
  else if (!unit.empty()) bad(assignment, "only K, M or G may follow the number");
  if (n == 0) bad(assignment, "0 would let nothing through");
  if (n > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()) >> shift)
    bad(assignment, "the number is too large");
  return n << shift;
}

}  // namespace

void set_limit(Limits& limits, std::string_view assignment) {
  const auto equals = assignment.find('=');
  if (equals == std::string_view::npos) bad(assignment, "it is written name=value");
  const std::string_view name = assignment.substr(0, equals);
  const std::string_view value = assignment.substr(equals + 1);
  for (const auto& limit : size_limits) {
    if (limit.name == name) {
      limits.*limit.member = parse_number(assignment, value);
      return;
    }
  }
  for (const auto& limit : time_limits) {
    if (limit.name == name) {
      limits.*limit.member = std::chrono::milliseconds(parse_number(assignment, value));
      return;
    }
  }
  bad(assignment, fmt::format("there is no '{}'", name));
}

Durability parse_durability(std::string_view text) {
  if (text == "durable") return Durability::durable;
  if (text == "relaxed") return Durability::relaxed;
  if (text == "volatile") return Durability::volatile_;
  throw Error(ErrorCode::protocol_error,
              fmt::format("'{}' is not a durability: it is durable, relaxed or volatile", text));
}

}  // namespace parvis::server
