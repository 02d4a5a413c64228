// watch: the events of a space as they happen, one line each.
#include <algorithm>
#include <array>
#include <chrono>
#include <limits>
#include <map>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "client/cli/command.hpp"
#include "client/cli/print.hpp"
#include "client/cli/words.hpp"
#include "tuplespace/model/text.hpp"

namespace parvis::cli {

namespace {

constexpr std::array names{"put", "taken", "returned", "expired", "updated"};  // by Event::Kind

struct Following : Words {
  std::vector<std::string> kinds;
  std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
  std::optional<std::uint64_t> from;
  std::optional<double> timeout;
};

std::uint8_t kinds_of(const std::vector<std::string>& wanted) {
  if (wanted.empty()) return Watch{}.kinds;
  unsigned kinds = 0;
  for (const auto& name : wanted)
    kinds |= 1U << static_cast<unsigned>(std::find(names.begin(), names.end(), name) - names.begin());
  return static_cast<std::uint8_t>(kinds);
}

bool print_event(const Event& event, bool json) {
  const char* kind = names.at(static_cast<std::size_t>(event.kind));
  const Tuple tuple = decode_tuple(event.item.tuple.blob());
  if (!json) return print_line(fmt::format("{:>8} {:<8} {}", event.number, kind, to_text(tuple)));
  return print_line(nlohmann::json{{"seq", event.number}, {"kind", kind}, {"tuple", to_json(tuple)}}.dump());
}

bool print_gap(std::uint64_t next, bool json) {
  if (json) return print_line(nlohmann::json{{"gap", true}, {"next", next}}.dump());
  fmt::print(stderr, "parvis: events before the next one are lost: the space keeps them no longer\n");
  return true;
}

void watch(Context& context, const Following& wanted) {
  Watch request{.space = wanted.space, .templates = wanted.templates(), .kinds = kinds_of(wanted.kinds)};
  const auto session = context.connect();
  request.timeout_us = microseconds(wanted.timeout);
  request.from = wanted.from.value_or(0);
  request.begin = !wanted.from;
  auto last = std::chrono::steady_clock::now();  // when something happened
  for (std::uint64_t left = wanted.max; left > 0;) {
    const Answer answer = session->call(request, interruptible());
    const auto& page = std::get<Events>(answer);
    const auto now = std::chrono::steady_clock::now();
    if (!page.events.empty() || request.begin) last = now;
    if (wanted.timeout && std::chrono::duration<double>(now - last).count() >= *wanted.timeout)
      throw Error(ErrorCode::timeout, fmt::format("nothing happened for {} s", *wanted.timeout));
    bool written = !page.gap || print_gap(page.next, context.json);
    for (const auto& event : page.events) {
      if (left == 0) break;
      written = written && print_event(event, context.json);
      --left;
    }
    if (!written) throw Error(ErrorCode::storage_error, "the events could not be written to standard output");
    if (request.begin && !context.json) fmt::print(stderr, "parvis: watching from {} on\n", page.next);
    request.begin = false;
    request.from = page.next;
  }
  session->close();
}

}  // namespace

void add_watch_command(CLI::App& app, Context& context) {
  auto wanted = std::make_shared<Following>();
  auto* command =
      add_words(app, "watch", "Print what happens to tuples that match, as it happens, until Ctrl-C", *wanted, context);
  command
      ->add_option("--kind", wanted->kinds, "put, taken, returned, expired or updated; may be repeated (default: all)")
      ->allow_extra_args(false)
      ->check(CLI::IsMember(std::vector<std::string>(names.begin(), names.end())));
  command->add_option("-n,--max", wanted->max, "End after so many events");
  command->add_option("--from", wanted->from, "Go on from this number, that of the last event seen and one more");
  command->add_option("-t,--timeout", wanted->timeout, "End when nothing happens for so many seconds (exit status 3)")
      ->check(CLI::NonNegativeNumber);
  add_examples(*command, "  parvis watch ...                       whatever happens in the space\n"
                         "  parvis watch result ... --kind put     results as they come\n"
                         "A line: the event's number, what happened, the tuple.");
  command->callback([wanted, &context] {
    catch_interrupts();
    watch(context, *wanted);
  });
}

}  // namespace parvis::cli
