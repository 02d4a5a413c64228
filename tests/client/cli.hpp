// The command line as a user meets it: run, and what came of it.
#pragma once

#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "tests/client/server.hpp"

namespace parvis::test {

struct Outcome {
  int status;
  std::string out, err;
};

inline Outcome run(std::vector<std::string> words) {
  words.insert(words.begin(), program("parvis"));
  Process process(words);
  auto out = process.read_all();
  auto err = process.read_errors();
  return {process.wait(), std::move(out), std::move(err)};
}

inline bool has(const std::string& text, const std::string& part) {
  INFO(text);
  CHECK(text.find(part) != std::string::npos);
  return text.find(part) != std::string::npos;
}

}  // namespace parvis::test
