// update, collect: what changes or moves tuples in one step.
#include <array>
#include <charconv>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "client/cli/command.hpp"
#include "client/cli/print.hpp"
#include "client/cli/words.hpp"

namespace parvis::cli {

namespace {

struct Kind {
  const char* option;
  Change::How how;
  const char* help;
};
constexpr std::array changes_known{
    Kind{"--set", Change::How::set, "POSITION=WORD: put the word there; may be repeated, as all of these"},
    Kind{"--add", Change::How::add, "POSITION=NUMBER: add"},
    Kind{"--subtract", Change::How::subtract, "POSITION=NUMBER: subtract"},
    Kind{"--multiply", Change::How::multiply, "POSITION=NUMBER: multiply"},
    Kind{"--min", Change::How::min, "POSITION=NUMBER: the smaller of both"},
    Kind{"--max", Change::How::max, "POSITION=NUMBER: the larger of both"},
};

struct Update : Words {
  std::array<std::vector<std::string>, changes_known.size()> changes;
  bool wait = false;
  std::optional<double> timeout;
};

Change change_of(const Kind& kind, const std::string& text) {
  Change change{.position = 0, .how = kind.how, .operand = {}};
  const auto equals = text.find('=');
  const char* end = text.data() + std::min(equals, text.size());
  const auto [stopped, error] = std::from_chars(text.data(), end, change.position);
  if (equals == std::string::npos || error != std::errc{} || stopped != end)
    throw CLI::ValidationError(kind.option, fmt::format("'{}': write POSITION=WORD, e.g. {} 1=5; fields are counted "
                                                        "from 0",
                                                        text, kind.option));
  change.operand = operand_of_word(text.substr(equals + 1));
  return change;
}

Statement statement_of(const Update& wanted) {
  Action action{.what = Action::What::update};
  for (std::size_t i = 0; i < changes_known.size(); ++i)
    for (const auto& text : wanted.changes[i]) action.changes.push_back(change_of(changes_known[i], text));
  if (action.changes.empty()) throw CLI::RequiredError("one of --set --add --subtract --multiply --min --max");
  Branch branch;
  branch.guard.push_back({Condition::What::in, wanted.space, wanted.single_template()});
  branch.body.push_back(std::move(action));
  Statement statement;
  statement.branches.push_back(std::move(branch));
  statement.wait = wanted.wait || wanted.timeout;
  statement.timeout_us = microseconds(wanted.timeout);
  return statement;
}

void update(Context& context, const Update& wanted) {
  const auto statement = statement_of(wanted);
  const auto session = context.connect();
  const Answer answer = session->call(statement, interruptible());
  const auto& updated = std::get<Ran>(answer).updated;
  if (updated.empty()) context.exit = no_match;
  else if (!print_tuple(decode_tuple(updated.front().tuple.blob()), context.json)) context.exit = failed;
  session->close();
}

void add_update(CLI::App& app, Context& context) {
  auto wanted = std::make_shared<Update>();
  auto* command = add_words(app, "update", "Change fields of the oldest tuple that matches, where it stands; prints it",
                            *wanted, context);
  for (std::size_t i = 0; i < changes_known.size(); ++i)
    command->add_option(changes_known[i].option, wanted->changes[i], changes_known[i].help)->allow_extra_args(false);
  command->add_flag("--wait", wanted->wait, "Wait for a match (without: exit status 1 when there is none)");
  command->add_option("-t,--timeout", wanted->timeout, "Seconds to wait for a match at most (exit status 3)")
      ->check(CLI::NonNegativeNumber);
  add_examples(*command, "  parvis update hits '?int' --add 1=1         count up; nobody else comes between\n"
                         "  parvis update task 7 '?' --set 2=done\n"
                         "Fields are counted from 0. The tuple keeps its place, priority and lease.");
  command->callback([wanted, &context] {
    catch_interrupts();
    update(context, *wanted);
  });
}

struct Moving : Words {
  std::string to;
  bool copy = false;
};

void add_collect(CLI::App& app, Context& context) {
  auto wanted = std::make_shared<Moving>();
  auto* command = add_words(app, "collect", "Move all tuples that match to another space, in one step; prints how many",
                            *wanted, context);
  command->add_option("--to", wanted->to, "Name of the other space")->required();
  command->add_flag("--copy", wanted->copy, "Copy them instead");
  add_examples(*command, "  parvis collect result ... --to archive\n"
                         "  parvis collect sample '?int' ... --to mine --copy    a snapshot to read at leisure");
  command->callback([wanted, &context] {
    catch_interrupts();
    const Collect request{
        .from = wanted->space, .to = wanted->to, .templates = wanted->templates(), .copy = wanted->copy};
    const auto session = context.connect();
    const Answer answer = session->call(request, interruptible());
    if (!print_line(std::to_string(std::get<Done>(answer).number))) context.exit = failed;
    session->close();
  });
}

}  // namespace

void add_change_commands(CLI::App& app, Context& context) {
  add_update(app, context);
  add_collect(app, context);
}

}  // namespace parvis::cli
