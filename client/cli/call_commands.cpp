// exec, push, pull: kernels driven directly.
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <vector>

#include <fmt/format.h>

#include "client/cli/command.hpp"
#include "client/cli/kernels.hpp"
#include "client/cli/print.hpp"
#include "kernel/shared/names.hpp"
#include "tuplespace/model/text.hpp"

namespace parvis::cli {

namespace {

struct Target {
  std::string which = "all", cluster;
};

struct Chosen {
  std::vector<KernelInfo> kernels;
  std::unique_ptr<Calls> calls;
};

Chosen choose(const Context& context, const Target& target) {
  const auto server = context.connect();
  Chosen chosen{select_kernels(find_kernels(*server, target.cluster), target.which), nullptr};
  chosen.calls = std::make_unique<Calls>(context.options(), chosen.kernels);
  server->close();
  return chosen;
}

CLI::App* add_call(CLI::App& app, const char* name, const char* help, Target& target, Context& context) {
  auto* command = add_command(app, name, help, context);
  command->add_option("-k,--kernel", target.which, "all, a number of `parvis kernels list`, or the beginning of an id")
      ->capture_default_str();
  command->add_option("--cluster", target.cluster, "Only kernels of this cluster");
  return command;
}

// What several kernels say is told apart by a prefix; one kernel speaks for itself.
std::string prefix(const Chosen& chosen, std::size_t i) {
  return chosen.kernels.size() == 1 ? "" : fmt::format("[{}] ", i);
}

void report_failure(Context& context, const Chosen& chosen, std::size_t i, const KernelAnswer& answer) {
  std::string text = text_at(answer.result, "traceback");
  if (text.empty()) text = text_at(answer.result, "message");
  if (text.empty()) text = answer.status;
  if (!text.ends_with('\n')) text += '\n';
  if (answer.status == "died") text = "the kernel died: " + text;
  fmt::print(stderr, "{}{}", prefix(chosen, i), text);
  context.exit = failed;
}

void report_json(Context& context, const Chosen& chosen, std::size_t i, const KernelAnswer& answer) {
  const nlohmann::json line{
      {"kernel", chosen.kernels[i].id}, {"status", answer.status}, {"result", to_json(Value(answer.result))}};
  if (!print_line(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace))) context.exit = failed;
  if (answer.status != "ok") context.exit = failed;
}

// Ctrl-C interrupts what runs there, as in a terminal; the second one leaves it alone and goes.
std::function<void()> interrupter(const client::Options& options, const Chosen& chosen,
                                  const std::vector<Map>& arguments) {
  return [&options, &chosen, &arguments, sent = false]() mutable {
    if (!was_interrupted()) return;
    if (sent) throw client::Interrupted{};
    sent = true;
    forget_interrupt();
    fmt::print(stderr, "interrupting; once more leaves it running\n");
    std::vector<Map> ids;
    ids.reserve(arguments.size());
    for (const auto& argument : arguments) ids.push_back(Map{{{"id", *entry_of(argument, "id")}}});
    Calls(options, chosen.kernels).call("interrupt", ids);
    Calls(options, chosen.kernels).call("abort", ids);
  };
}

std::string code_of(const std::string& code) {
  if (code != "-") return code;
  return {std::istreambuf_iterator<char>(std::cin), {}};
}

void execute(Context& context, const Target& target, const std::string& code) {
  const auto chosen = choose(context, target);
  const auto options = context.options();
  const bool stream = !context.json;
  std::vector<Map> arguments;
  for (std::size_t i = 0; i < chosen.kernels.size(); ++i)
    arguments.push_back(Map{{{"code", Value(code)}, {"id", Value(kernel::random_hex(32))}, {"stream", Value(stream)}}});
  const auto on_output = [&](std::size_t i, bool is_error, std::string_view text) {
    std::FILE* file = is_error ? stderr : stdout;
    if (chosen.kernels.size() == 1) std::fwrite(text.data(), 1, text.size(), file);
    else fmt::print(file, "{}{}{}", prefix(chosen, i), text, text.ends_with('\n') ? "" : "\n");
    std::fflush(file);
  };
  const auto answers = chosen.calls->call("execute", arguments, on_output, interrupter(options, chosen, arguments));
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (context.json) {
      report_json(context, chosen, i, answers[i]);
    } else if (answers[i].status != "ok") {
      report_failure(context, chosen, i, answers[i]);
    } else if (const auto repr = text_at(answers[i].result, "repr"); !repr.empty()) {
      if (!print_line(prefix(chosen, i) + repr)) context.exit = failed;
    }
  }
}

void push(Context& context, const Target& target, const std::vector<std::string>& assignments) {
  Map names;
  for (const auto& assignment : assignments) {
    const auto equals = assignment.find('=');
    if (equals == std::string::npos || equals == 0)
      throw CLI::ValidationError("push", fmt::format("'{}' is no assignment; write name=value, e.g. a=5", assignment));
    const std::vector<std::string> word{assignment.substr(equals + 1)};
    names.items.emplace_back(assignment.substr(0, equals), tuple_of_words(word).items.front());
  }
  std::sort(names.items.begin(), names.items.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  const auto chosen = choose(context, target);
  const auto answers =
      chosen.calls->call("push", std::vector<Map>(chosen.kernels.size(), Map{{{"names", Value(names)}}}));
  for (std::size_t i = 0; i < answers.size(); ++i)
    if (answers[i].status != "ok") report_failure(context, chosen, i, answers[i]);
}

void pull(Context& context, const Target& target, const std::vector<std::string>& names) {
  List wanted;
  for (const auto& name : names) wanted.items.emplace_back(name);
  const auto chosen = choose(context, target);
  const auto answers =
      chosen.calls->call("pull", std::vector<Map>(chosen.kernels.size(), Map{{{"names", Value(wanted)}}}));
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i].status != "ok") {
      report_failure(context, chosen, i, answers[i]);
      continue;
    }
    for (const auto& value : entry_of(answers[i].result, "values")->get<List>().items)
      if (!print_line(prefix(chosen, i) + (context.json ? to_json(value).dump() : to_text(value))))
        context.exit = failed;
  }
}

}  // namespace

void add_call_commands(CLI::App& app, Context& context) {
  auto target = std::make_shared<Target>();
  auto code = std::make_shared<std::string>();
  auto* exec =
      add_call(app, "exec", "Run Python code in kernels; prints its output and the value of the last expression",
               *target, context);
  exec->add_option("code", *code, "The code; - reads it from standard input")->required();
  exec->callback([=, &context] {
    catch_interrupts();
    execute(context, *target, code_of(*code));
  });

  auto assignments = std::make_shared<std::vector<std::string>>();
  auto* push_command = add_call(app, "push", "Set names in kernels, e.g. parvis push a=5 'b=[1, 2]'", *target, context);
  push_command->add_option("assignments", *assignments, "name=value ...")->required();
  push_command->callback([=, &context] {
    catch_interrupts();
    push(context, *target, *assignments);
  });

  auto names = std::make_shared<std::vector<std::string>>();
  auto* pull_command = add_call(app, "pull", "Print the values of names in kernels", *target, context);
  pull_command->add_option("names", *names, "Names")->required();
  pull_command->callback([=, &context] {
    catch_interrupts();
    pull(context, *target, *names);
  });
}

}  // namespace parvis::cli
