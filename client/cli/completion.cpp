// completion: the script that lets a shell complete commands and options. Written from the commands themselves, so that
// it knows all of them.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <string>
#include <vector>

#include "client/cli/command.hpp"
#include "client/cli/print.hpp"

namespace parvis::cli {

namespace {

std::vector<std::string> options_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const auto* option : app.get_options()) {
    for (const auto& name : option->get_snames()) names.push_back("-" + name);
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

// One case for the command and each below it: its subcommands and options.
void add_cases(const CLI::App& app, const std::string& path, std::string& script) {
  std::vector<std::string> commands;
  const auto below = app.get_subcommands([](const CLI::App*) { return true; });
  commands.reserve(below.size());
  for (const auto* command : below) commands.push_back(command->get_name());
  script += fmt::format("    '{}') commands='{}' options='{}' ;;\n", path, fmt::join(commands, " "),
                        fmt::join(options_of(app), " "));
  for (const auto* command : below) add_cases(*command, path + "/" + command->get_name(), script);
}

constexpr const char* before = R"bash(# Completion of parvis for bash: eval "$(parvis completion bash)"
_parvis_words() {
  case "$1" in
)bash";
constexpr const char* after = R"bash(    *) commands='' options='' ;;
  esac
}
_parvis() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} path='' commands options word words
  _parvis_words "$path"
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case " $commands " in *" $word "*) path="$path/$word"; _parvis_words "$path" ;; esac
  done
  case "$previous" in
    -s | --space | --to)
      words=$("${COMP_WORDS[0]}" spaces 2>/dev/null | cut -d' ' -f1)
      COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
    --durability) COMPREPLY=($(compgen -W 'durable relaxed volatile' -- "$current")) ;;
    --kind) COMPREPLY=($(compgen -W 'put taken returned expired updated' -- "$current")) ;;
    --data | --token-file | --home | --python) COMPREPLY=($(compgen -f -- "$current")) ;;
    *) case "$current" in
         -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
         *) COMPREPLY=($(compgen -W "$commands" -- "$current")) ;;
       esac ;;
  esac
}
complete -o default -F _parvis parvis
)bash";

}  // namespace

void add_completion_command(CLI::App& app, Context& context) {
  auto* command = app.add_subcommand("completion", "Print the script that lets a shell complete parvis' commands");
  auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "bash")->required()->check(CLI::IsMember(std::vector<std::string>{"bash"}));
  command->footer("  eval \"$(parvis completion bash)\"                                      in this shell\n"
                  "  parvis completion bash > ~/.local/share/bash-completion/completions/parvis     for good");
  command->callback([shell, &app, &context] {
    std::string script = before;
    add_cases(app, "", script);
    if (!print_line(script + after)) context.exit = failed;
  });
}

}  // namespace parvis::cli
