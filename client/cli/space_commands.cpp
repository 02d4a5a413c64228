// out, in, rd, inp, rdp, count.
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "client/cli/command.hpp"
#include "client/cli/print.hpp"
#include "client/cli/words.hpp"

namespace parvis::cli {

namespace {

struct Placing : Words {
  std::optional<double> lease, delay, room;
  std::optional<std::string> group;
  int priority = 0;
};

void put(const Context& context, const Placing& wanted) {
  Out out{.space = wanted.space, .tuples = {Payload(encoded(wanted.tuple()))}};
  out.lease_us = microseconds(wanted.lease);
  out.delay_us = microseconds(wanted.delay, 0);
  out.room_us = microseconds(wanted.room, 0);
  out.priority = wanted.priority;
  if (wanted.group) out.group = key_of_word(*wanted.group);
  const auto session = context.connect();
  session->call(out, interruptible());
  session->close();
}

void add_out(CLI::App& app, Context& context) {
  auto wanted = std::make_shared<Placing>();
  auto* command = add_words(app, "out", "Put a tuple; returns when it is stored", *wanted, context);
  add_examples(*command, "  parvis out task 7 '\"x y\"' 3.5         (\"task\", 7, \"x y\", 3.5)\n"
                         "  parvis out alarm --delay 60 --lease 10  seen from in a minute on, for ten seconds\n"
                         "  parvis out job 1 --group mesh-3        jobs of one group are handed out one at a time");
  command->add_option("--lease", wanted->lease, "Seconds after which it disappears")->check(CLI::NonNegativeNumber);
  command->add_option("--delay", wanted->delay, "Seconds for which it is hidden")->check(CLI::NonNegativeNumber);
  command->add_option("--priority", wanted->priority, "Higher is handed out first")->capture_default_str();
  command->add_option("--group", wanted->group, "A word: tuples of one group are handed out one at a time, in order");
  command->add_option("--room", wanted->room, "Seconds to wait for room when the space is at its quota (default: none)")
      ->check(CLI::NonNegativeNumber);
  command->callback([wanted, &context] {
    catch_interrupts();
    put(context, *wanted);
  });
}

struct Find : Words {
  bool take = true, wait = true;
  std::optional<double> timeout, settle;
};

// A taken tuple is confirmed only after it has been written: what a closed pipe or a full disk did not take goes back.
void find(Context& context, const Find& wanted) {
  const Get get{.space = wanted.space,
                .templates = wanted.templates(),
                .take = wanted.take,
                .wait = wanted.wait,
                .timeout_us = microseconds(wanted.timeout),
                .settle_us = microseconds(wanted.settle, 0)};
  const auto session = context.connect();
  Sequence sequence = 0;
  const Answer answer = session->call(get, interruptible(false), &sequence);
  const auto& items = std::get<Found>(answer).items;
  if (items.empty()) {
    context.exit = no_match;
  } else if (print_tuple(decode_tuple(items.front().tuple.blob()), context.json)) {
    session->confirm(sequence);
  } else {
    if (wanted.take) session->refuse(sequence);
    throw Error(ErrorCode::storage_error,
                wanted.take ? "the tuple could not be written to standard output; it is back in the space"
                            : "the tuple could not be written to standard output");
  }
  session->close();
}

void add_get(CLI::App& app, Context& context, const char* name, bool take, bool wait, const char* help) {
  auto wanted = std::make_shared<Find>();
  wanted->take = take;
  wanted->wait = wait;
  auto* command = add_words(app, name, help, *wanted, context);
  add_examples(*command,
               fmt::format("  parvis {0} task '?int' '?'            three fields: \"task\", any int, anything\n"
                           "  parvis {0} task 3..9 'x*' ...         a range, a prefix, any further fields\n"
                           "  parvis {0} task '?int' --or stop      a match of either",
                           name));
  if (wait)
    command->add_option("-t,--timeout", wanted->timeout, "Seconds to wait at most (exit status 3)")
        ->check(CLI::NonNegativeNumber);
  else
    command->add_option("--settle", wanted->settle, "Seconds to wait while all that matches is held by others")
        ->check(CLI::NonNegativeNumber);
  command->callback([wanted, &context] {
    catch_interrupts();
    find(context, *wanted);
  });
}

void add_count(CLI::App& app, Context& context) {
  auto wanted = std::make_shared<Words>();
  auto* command = add_words(app, "count", "Count the tuples that match", *wanted, context);
  add_examples(*command, "  parvis count task ...                 whatever begins with \"task\"\n"
                         "  parvis count task ... --or job ...    or with \"job\"");
  command->callback([wanted, &context] {
    catch_interrupts();
    const Count count{.space = wanted->space, .templates = wanted->templates()};
    const auto session = context.connect();
    const Answer answer = session->call(count, interruptible());
    if (!print_line(std::to_string(std::get<Done>(answer).number))) context.exit = failed;
    session->close();
  });
}

}  // namespace

void add_space_commands(CLI::App& app, Context& context) {
  add_out(app, context);
  add_get(app, context, "in", true, true, "Take the oldest tuple that matches, waiting for one");
  add_get(app, context, "rd", false, true, "Read the oldest tuple that matches, waiting for one; it stays");
  add_get(app, context, "inp", true, false, "Take a tuple that matches, if there is one now (exit status 1 otherwise)");
  add_get(app, context, "rdp", false, false,
          "Read a tuple that matches, if there is one now (exit status 1 otherwise)");
  add_count(app, context);
}

}  // namespace parvis::cli
