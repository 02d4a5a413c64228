#include "client/cli/words.hpp"

#include <cctype>
#include <cmath>

#include "tuplespace/model/codec.hpp"
#include "tuplespace/model/text.hpp"

namespace parvis::cli {

namespace {

using Line = std::vector<std::string>;

// -1 and -inf are words, too.
void check(const CLI::App& command, const std::string& word) {
  const bool number =
      word.size() > 1 && (std::isdigit(static_cast<unsigned char>(word[1])) != 0 || word[1] == '.' || word == "-inf");
  if (word.size() > 1 && word[0] == '-' && !number)
    throw CLI::ExtrasError(command.get_name(), {word + " (write '\"" + word + "\"' when it is meant as a str)"});
}

std::vector<Line> lines_of(const CLI::App& command) {
  if (command.remaining().empty())
    throw CLI::ValidationError(
        "which fields? As in `task 7 x`, in a template also `task ?int ...`; `...` alone is any");
  std::vector<Line> lines(1);
  for (const auto& word : command.remaining()) {
    if (word == "--or") {
      lines.emplace_back();
    } else {
      check(command, word);
      lines.back().push_back(word);
    }
  }
  return lines;
}

Line single_line(const CLI::App& command) {
  const auto lines = lines_of(command);
  if (lines.size() > 1) throw CLI::ExtrasError(command.get_name(), {"--or (this command takes one template)"});
  return lines.front();
}

}  // namespace

Tuple Words::tuple() const { return tuple_of_words(single_line(*command)); }

std::vector<Payload> Words::templates() const {
  std::vector<Payload> templates;
  for (const auto& line : lines_of(*command)) templates.emplace_back(encoded(template_of_words(line)));
  return templates;
}

Payload Words::single_template() const { return encoded(template_of_words(single_line(*command))); }

CLI::App* add_words(CLI::App& app, const char* name, const char* help, Words& wanted, Context& context) {
  wanted.command = add_command(app, name, help, context);
  wanted.command->allow_extras();
  wanted.command->add_option("-s,--space", wanted.space, "Name of the space")->capture_default_str();
  return wanted.command;
}

void add_examples(CLI::App& command, const std::string& text) {
  command.footer("Examples:\n" + text + "\n\n" + command.get_footer());
}

Payload key_of_word(const std::string& word) { return encoded(tuple_of_words(std::vector{word})); }

Payload operand_of_word(const std::string& word) {
  Template operand;
  operand.fields.push_back({tuple_of_words(std::vector{word}).items.at(0)});
  return encoded(operand);
}

std::int64_t microseconds(std::optional<double> seconds, std::int64_t otherwise) {
  constexpr double per_second = 1e6;
  return seconds ? std::llround(*seconds * per_second) : otherwise;
}

}  // namespace parvis::cli
