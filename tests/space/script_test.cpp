#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "script.hpp"

namespace {

std::string read(const std::filesystem::path& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

}  // namespace

// With PARVIS_REWRITE set the files are rewritten to what the engine does: look at the difference before you keep it.
TEST_CASE("Every transcript plays as it is written") {
  std::vector<std::filesystem::path> files;
  for (const auto& file : std::filesystem::directory_iterator(PARVIS_SOURCE "/tests/scripts"))
    if (file.path().extension() == ".txt") files.push_back(file.path());
  std::sort(files.begin(), files.end());
  REQUIRE_FALSE(files.empty());
  for (const auto& file : files) {
    CAPTURE(file.filename().string());
    const std::string expected = read(file);
    std::string played;
    REQUIRE_NOTHROW(played = parvis::space::test::Script().play(expected));
    if (std::getenv("PARVIS_REWRITE") != nullptr) std::ofstream(file) << played;
    else CHECK(played == expected);
  }
}
