// parvis-serve: the server alone, for tests of it. Users run `parvis serve`, which calls the same function.
#include <fmt/format.h>

#include <string>
#include <string_view>

#include "tuplespace/server/serve.hpp"

namespace {

void take(parvis::server::ServeOptions& options, std::string_view name, const char* value) {
  if (name == "--data") options.data = value;
  else if (name == "--listen") options.listen.push_back(parvis::wire::Address::parse(value));
  else if (name == "--durability") options.durability = parvis::server::parse_durability(value);
  else if (name == "--idle-exit") options.idle_exit = std::chrono::seconds(std::stoi(value));
  else if (name == "--limit") parvis::server::set_limit(options.limits, value);
  else throw parvis::Error(parvis::ErrorCode::protocol_error, fmt::format("unknown option {}", name));
}

}  // namespace

int main(int argc, char** argv) {
  parvis::server::ServeOptions options;
  try {
    for (int i = 1; i + 1 < argc; i += 2) take(options, argv[i], argv[i + 1]);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 2;
  }
  return parvis::server::serve(options);
}
