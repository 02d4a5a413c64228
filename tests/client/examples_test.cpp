// Every C++ example prints what it should, with a local server of its own.
#include <catch2/catch.hpp>

#include <signal.h>

#include <fstream>
#include <iterator>

#include "tests/client/server.hpp"

using namespace parvis::test;

namespace {

std::string text_of(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("the C++ examples") {
  for (const std::string example : {"01_hello", "02_rendezvous", "03_task_farm", "04_persistent_results"}) {
    DYNAMIC_SECTION(example) {
      const Home home;
      Process process({program("examples/" + example)}, {"PARVIS_BIN=" + program("parvis")});
      const auto printed = process.read_all();
      CHECK(process.read_errors().empty());
      CHECK(process.wait() == 0);
      CHECK(printed ==
            text_of(std::filesystem::path(PARVIS_SOURCE) / "examples/expected" / ("cpp_" + example + ".txt")));
      const auto log = text_of(home.path() / "server.log");
      if (const auto at = log.find("pid="); at != std::string::npos) {
        ::kill(static_cast<pid_t>(std::stol(log.substr(at + 4))), SIGTERM);  // by itself it would wait for others
      }
    }
  }
}
