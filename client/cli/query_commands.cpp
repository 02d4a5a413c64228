// scan, aggregate, explain, waiters: what is in a space, and who waits for what is not.
#include <algorithm>
#include <limits>
#include <vector>

#include <fmt/format.h>

#include "client/cli/command.hpp"
#include "client/cli/print.hpp"
#include "client/cli/waiters.hpp"
#include "client/cli/words.hpp"
#include "tuplespace/model/text.hpp"

namespace parvis::cli {

namespace {

struct Limited : Words {
  std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
};

void scan(Context& context, const Limited& wanted) {
  const auto session = context.connect();
  Scan scan{.space = wanted.space, .templates = wanted.templates()};
  std::uint64_t left = wanted.max;
  for (bool done = left == 0; !done;) {
    scan.max = static_cast<std::uint32_t>(std::min<std::uint64_t>(left, Scan{}.max));
    const Answer answer = session->call(scan, interruptible());
    const auto& page = std::get<Page>(answer);
    for (const auto& item : page.items)
      if (!print_tuple(decode_tuple(item.tuple.blob()), context.json))
        throw Error(ErrorCode::storage_error, "the tuples could not be written to standard output");
    left -= std::min<std::uint64_t>(left, page.items.size());
    scan.after = page.after;
    scan.until = page.until;
    done = page.done || left == 0;
    if (was_interrupted()) throw client::Interrupted{};
  }
  session->close();
}

void add_scan(CLI::App& app, Context& context) {
  auto wanted = std::make_shared<Limited>();
  auto* command = add_words(app, "scan", "Print all tuples that match, oldest first; they stay", *wanted, context);
  command->add_option("-n,--max", wanted->max, "At most so many");
  add_examples(*command,
               "  parvis scan ...                        everything in the space\n"
               "  parvis scan result '?int' ... --json   for programs: one line of JSON a tuple\n"
               "A snapshot: each at most once; those that are there now and still there when their turn comes.");
  command->callback([wanted, &context] {
    catch_interrupts();
    scan(context, *wanted);
  });
}

struct Summary : Words {
  bool count = false;
  std::vector<std::uint32_t> by, sum, min, max;
};

Aggregate request_of(const Summary& wanted) {
  using Function = Aggregate::Function;
  Aggregate request{.space = wanted.space, .templates = wanted.templates(), .group_by = wanted.by, .terms = {}};
  const bool nothing = wanted.sum.empty() && wanted.min.empty() && wanted.max.empty();
  if (wanted.count || nothing) request.terms.push_back({Function::count, 0});
  for (const auto position : wanted.sum) request.terms.push_back({Function::sum, position});
  for (const auto position : wanted.min) request.terms.push_back({Function::min, position});
  for (const auto position : wanted.max) request.terms.push_back({Function::max, position});
  return request;
}

void add_aggregate(CLI::App& app, Context& context) {
  auto wanted = std::make_shared<Summary>();
  auto* command =
      add_words(app, "aggregate", "Count, sum, min, max of the tuples that match, group by group", *wanted, context);
  command->add_flag("--count", wanted->count, "How many (by default, when nothing else is asked)");
  const auto positions = [command](const char* name, std::vector<std::uint32_t>& into, const char* help) {
    command->add_option(name, into, help)->allow_extra_args(false);
  };
  positions("--by", wanted->by, "One row for each value of this field (counted from 0); may be repeated");
  positions("--sum", wanted->sum, "Sum of this field; may be repeated");
  positions("--min", wanted->min, "Smallest value of this field");
  positions("--max", wanted->max, "Largest value of this field");
  add_examples(*command, "  parvis aggregate cost '?str' '?float' --sum 2 --by 1\n"
                         "A row: the fields of --by, then count, sums, minima, maxima.");
  command->callback([wanted, &context] {
    catch_interrupts();
    const auto request = request_of(*wanted);
    const auto session = context.connect();
    const Answer answer = session->call(request, interruptible());
    for (const auto& row : std::get<Found>(answer).items)
      if (!print_tuple(decode_tuple(row.tuple.blob()), context.json)) context.exit = failed;
    session->close();
  });
}

// (tuple, position of the first field that differs or -1, why, holder or nil, seconds left or nil)
bool print_miss(const Tuple& row, bool json) {
  const auto& tuple = std::get<Tuple>(row.items.at(0).variant());
  if (json)
    return print_line(nlohmann::json{{"tuple", to_json(tuple)},
                                     {"position", to_json(row.items.at(1))},
                                     {"why", to_json(row.items.at(2))},
                                     {"holder", to_json(row.items.at(3))},
                                     {"seconds", to_json(row.items.at(4))}}
                          .dump());
  std::string why = std::get<std::string>(row.items.at(2).variant());
  if (const auto* holder = std::get_if<std::string>(&row.items.at(3).variant())) why += fmt::format("; {}", *holder);
  if (const auto* left = std::get_if<double>(&row.items.at(4).variant())) why += fmt::format(", {:.1f} s left", *left);
  return print_line(to_text(tuple)) && print_line("    " + why);
}

void explain(Context& context, const Limited& wanted) {
  Explain request{.space = wanted.space, .pattern = wanted.single_template()};
  request.max = static_cast<std::uint32_t>(std::min<std::uint64_t>(wanted.max, std::numeric_limits<int>::max()));
  const auto session = context.connect();
  const Answer answer = session->call(request, interruptible());
  const auto& rows = std::get<Found>(answer).items;
  for (const auto& row : rows)
    if (!print_miss(decode_tuple(row.tuple.blob()), context.json)) context.exit = failed;
  if (rows.empty()) {
    fmt::print(stderr, "parvis: nothing in the space '{}' comes near\n", wanted.space);
    context.exit = no_match;
  }
  session->close();
}

void add_explain(CLI::App& app, Context& context) {
  auto wanted = std::make_shared<Limited>();
  wanted->max = Explain{}.max;
  auto* command = add_words(app, "explain", "Why does nothing match? The nearest tuples, and what is wrong with each",
                            *wanted, context);
  command->add_option("-n,--max", wanted->max, "At most so many")->capture_default_str();
  add_examples(*command, "  parvis explain task '?int' '?str'");
  command->callback([wanted, &context] {
    catch_interrupts();
    explain(context, *wanted);
  });
}

void add_waiters(CLI::App& app, Context& context) {
  auto* command =
      add_command(app, "waiters", "Who is blocked, for what, since when; the longest waiting first", context);
  auto request = std::make_shared<ListWaiters>();
  command->add_option("-s,--space", request->space, "Of this space only");
  command->add_option("-n,--max", request->max, "At most so many")->capture_default_str();
  add_examples(*command, "Who waits for each other, in a circle, has the same number of a cycle.");
  command->callback([request, &context] {
    catch_interrupts();
    const auto session = context.connect();
    for (const auto& waiter : waiters_of(*session, *request))
      if (!print_line(context.json ? to_json(waiter).dump() : line_of(waiter))) context.exit = failed;
    session->close();
  });
}

}  // namespace

void add_query_commands(CLI::App& app, Context& context) {
  add_scan(app, context);
  add_aggregate(app, context);
  add_explain(app, context);
  add_waiters(app, context);
}

}  // namespace parvis::cli
