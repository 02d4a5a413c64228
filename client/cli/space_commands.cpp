// out, in, rd, inp, rdp, count, spaces.
#include <cctype>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "client/cli/command.hpp"
#include "client/cli/print.hpp"
#include "tuplespace/model/text.hpp"

namespace parvis::cli {

namespace {

constexpr double microseconds = 1e6;
std::int64_t to_us(std::optional<double> seconds) {
  return seconds ? static_cast<std::int64_t>(*seconds * microseconds) : -1;
}

struct Words {
  CLI::App* command = nullptr;
  std::string space = "default";

  // What is no option is a word, in its order; -1 and -inf are words, too.
  [[nodiscard]] std::vector<std::string> words() const {
    auto words = command->remaining();
    for (const auto& word : words) {
      const bool number = word.size() > 1 &&
                          (std::isdigit(static_cast<unsigned char>(word[1])) != 0 || word[1] == '.' || word == "-inf");
      if (word.size() > 1 && word[0] == '-' && !number)
        throw CLI::ExtrasError(command->get_name(), {word + " (write '\"" + word + "\"' when it is meant as a str)"});
    }
    return words;
  }
};

void add_words(CLI::App& app, const char* name, const char* help, Words& wanted, Context& context) {
  wanted.command = add_command(app, name, help, context);
  wanted.command->allow_extras();
  wanted.command->add_option("-s,--space", wanted.space, "Name of the space")->capture_default_str();
}

struct Put : Words {
  std::optional<double> lease, delay;
  int priority = 0;
};

void put(const Context& context, const Put& wanted) {
  const Tuple tuple = tuple_of_words(wanted.words());
  const auto session = context.connect();
  Out out{.space = wanted.space, .tuples = {Payload(encoded(tuple))}};
  out.lease_us = to_us(wanted.lease);
  out.delay_us = wanted.delay ? to_us(wanted.delay) : 0;
  out.priority = wanted.priority;
  session->call(out, interruptible());
  session->close();
}

void add_out(CLI::App& app, Context& context) {
  auto wanted = std::make_shared<Put>();
  add_words(app, "out", "Put a tuple, e.g. parvis out task 7 '\"x y\"' 3.5; returns when it is stored", *wanted,
            context);
  auto* command = wanted->command;
  command->add_option("--lease", wanted->lease, "Seconds after which it disappears")->check(CLI::NonNegativeNumber);
  command->add_option("--delay", wanted->delay, "Seconds for which it is hidden")->check(CLI::NonNegativeNumber);
  command->add_option("--priority", wanted->priority, "Higher is handed out first")->capture_default_str();
  command->callback([wanted, &context] {
    catch_interrupts();
    put(context, *wanted);
  });
}

struct Find : Words {
  bool take = true, wait = true;
  std::optional<double> timeout;
};

// A taken tuple is confirmed only after it has been written: what a closed pipe or a full disk did not take goes back.
void find(Context& context, const Find& wanted) {
  const Template pattern = template_of_words(wanted.words());
  const auto session = context.connect();
  const Get get{.space = wanted.space,
                .templates = {Payload(encoded(pattern))},
                .take = wanted.take,
                .wait = wanted.wait,
                .timeout_us = to_us(wanted.timeout)};
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
  add_words(app, name, help, *wanted, context);
  auto* command = wanted->command;
  if (wait)
    command->add_option("-t,--timeout", wanted->timeout, "Seconds to wait at most (exit status 3)")
        ->check(CLI::NonNegativeNumber);
  command->callback([wanted, &context] {
    catch_interrupts();
    find(context, *wanted);
  });
}

void add_count(CLI::App& app, Context& context) {
  auto wanted = std::make_shared<Words>();
  add_words(app, "count", "Count the tuples that match, e.g. parvis count task ...", *wanted, context);
  wanted->command->callback([wanted, &context] {
    catch_interrupts();
    const Template pattern = template_of_words(wanted->words());
    const auto session = context.connect();
    const Count count{.space = wanted->space, .templates = {Payload(encoded(pattern))}};
    const Answer answer = session->call(count, interruptible());
    if (!print_line(std::to_string(std::get<Done>(answer).number))) context.exit = failed;
    session->close();
  });
}

const char* text_of(Durability durability) {
  switch (durability) {
    case Durability::durable:
      return "durable";
    case Durability::relaxed:
      return "relaxed";
    case Durability::volatile_:
      return "volatile";
  }
  return "unknown";
}

bool print_space(const SpaceInfo& info, bool json) {
  if (!json)
    return print_line(fmt::format("{:<32} {:<9} {:>10} tuples {:>14} bytes {:>8} waiting", info.name,
                                  text_of(info.durability), info.tuples, info.bytes, info.waiters));
  return print_line(nlohmann::json{
      {"name", info.name},
      {"durability", text_of(info.durability)},
      {"tuples", info.tuples},
      {"bytes", info.bytes},
      {"waiters",
       info.waiters}}.dump());
}

void add_spaces(CLI::App& app, Context& context) {
  auto* command = add_command(app, "spaces", "List the spaces", context);
  command->callback([&context] {
    catch_interrupts();
    const auto session = context.connect();
    const Answer answer = session->call(Spaces{}, interruptible());
    for (const auto& info : std::get<Listing>(answer).spaces)
      if (!print_space(info, context.json)) context.exit = failed;
    session->close();
  });
}

}  // namespace

void add_space_commands(CLI::App& app, Context& context) {
  add_out(app, context);
  add_get(app, context, "in", true, true,
          "Take the oldest tuple that matches, waiting for one, e.g. parvis in task '?int' '?'");
  add_get(app, context, "rd", false, true, "Read the oldest tuple that matches, waiting for one; it stays");
  add_get(app, context, "inp", true, false, "Take a tuple that matches, if there is one now (exit status 1 otherwise)");
  add_get(app, context, "rdp", false, false,
          "Read a tuple that matches, if there is one now (exit status 1 otherwise)");
  add_count(app, context);
  add_spaces(app, context);
}

}  // namespace parvis::cli
