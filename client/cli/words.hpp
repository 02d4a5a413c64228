// The words of a command that are no options: a tuple or templates, as text.hpp reads them. One thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "client/cli/command.hpp"
#include "tuplespace/model/operation.hpp"
#include "tuplespace/model/value.hpp"

namespace parvis::cli {

struct Words {
  CLI::App* command = nullptr;
  std::string space = "default";

  [[nodiscard]] Tuple tuple() const;
  // One template, or several with `--or` between them. Throws CLI::ExtrasError for an option that there is not.
  [[nodiscard]] std::vector<Payload> templates() const;
  [[nodiscard]] Payload single_template() const;
};

// A command of which every word that is no option belongs to the tuple or template; with -s, --space.
CLI::App* add_words(CLI::App& app, const char* name, const char* help, Words& wanted, Context& context);

// Examples at the end of its help, before what is said about words.
void add_examples(CLI::App& command, const std::string& text);

// One word as a value, encoded as a tuple or a template of one field.
Payload key_of_word(const std::string& word);
Payload operand_of_word(const std::string& word);

std::int64_t microseconds(std::optional<double> seconds, std::int64_t otherwise = -1);

}  // namespace parvis::cli
