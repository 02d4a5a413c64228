#include "statement_text.hpp"

#include <array>
#include <stdexcept>
#include <vector>

#include "harness.hpp"

namespace parvis::space::test {

namespace {

// Splits at a separator that stands between blanks.
std::vector<std::string> split(const std::string& text, const std::string& separator) {
  std::vector<std::string> parts;
  const std::string padded = " " + text + " ", wanted = " " + separator + " ";
  for (std::size_t at = 0; at < padded.size();) {
    const std::size_t end = std::min(padded.find(wanted, at), padded.size());
    parts.push_back(padded.substr(at, end - at));
    at = end + wanted.size() - 1;
  }
  return parts;
}

std::string word(std::string& text) {
  const std::size_t from = std::min(text.find_first_not_of(' '), text.size());
  const std::size_t to = std::min(text.find(' ', from), text.size());
  std::string taken = text.substr(from, to - from);
  text.erase(0, to);
  return taken;
}

// A change begins with a blank and [number] and another blank; a list does not.
std::string up_to_changes(std::string& text) {
  std::size_t at = text.find(" [");
  while (at != std::string::npos && text.find("] ", at) != text.find_first_not_of("0123456789", at + 2))
    at = text.find(" [", at + 1);
  at = std::min(at, text.size());
  std::string before = text.substr(0, at);
  text.erase(0, at);
  return before;
}

// [1] += 2 [3] = ?x:
std::vector<Change> changes(std::string text) {
  static const std::array<std::string, 6> names{"=", "+=", "-=", "*=", "min", "max"};
  std::vector<Change> all;
  while (text.find_first_not_of(' ') != std::string::npos) {
    const std::string position = word(text), how = word(text);
    Change change;
    change.position = static_cast<std::uint32_t>(std::stoul(position.substr(1)));
    const auto known = std::find(names.begin(), names.end(), how);
    if (known == names.end()) throw std::runtime_error("no kind of change: " + how);
    change.how = static_cast<Change::How>(known - names.begin());
    change.operand = pattern("(" + up_to_changes(text) + ",)");
    all.push_back(change);
  }
  return all;
}

Condition condition(std::string text) {
  Condition made;
  const std::string what = word(text);
  if (what != "in" && what != "rd" && what != "absent") throw std::runtime_error("no condition: " + what);
  made.what = what == "in" ? Condition::What::in : what == "rd" ? Condition::What::rd : Condition::What::absent;
  made.space = word(text);
  made.pattern = pattern(text);
  return made;
}

Action action(std::string text) {
  Action made;
  const std::string what = word(text);
  if (what == "update") {
    made.what = Action::What::update;
    made.condition = static_cast<std::uint32_t>(std::stoul(word(text)));
    made.changes = changes(text);
    return made;
  }
  if (what != "out" && what != "move" && what != "copy") throw std::runtime_error("no action: " + what);
  made.what = what == "out" ? Action::What::out : what == "move" ? Action::What::move : Action::What::copy;
  made.space = word(text);
  if (what != "out") made.to = word(text);
  made.form = pattern(what == "out" ? up_to_changes(text) : text);
  if (what == "out") made.changes = changes(text);
  return made;
}

}  // namespace

Statement statement(const std::string& text, bool wait, std::int64_t timeout_us) {
  Statement made;
  made.wait = wait;
  made.timeout_us = timeout_us;
  for (const std::string& branch : split(text, "|")) {
    const std::vector<std::string> halves = split(branch, "=>");
    if (halves.size() != 2) throw std::runtime_error("a branch is guard => body: " + branch);
    Branch& made_branch = made.branches.emplace_back();
    for (const std::string& part : split(halves[0], "&"))
      if (part.find_first_not_of(' ') != std::string::npos) made_branch.guard.push_back(condition(part));
    for (const std::string& part : split(halves[1], "&"))
      if (part.find_first_not_of(' ') != std::string::npos) made_branch.body.push_back(action(part));
  }
  return made;
}

}  // namespace parvis::space::test
