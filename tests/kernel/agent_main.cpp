// The supervisor alone, for tests of it. Users get it from `parvis kernels start`.
#include <string>
#include <string_view>

#include "kernel/agent/agent.hpp"

int main(int argc, char** argv) {
  parvis::kernel::AgentOptions options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const char* value = argv[i + 1];
    if (name == "--id") options.id = value;
    if (name == "--cluster") options.cluster = value;
    if (name == "--kernels") options.kernels = std::stoi(value);
    if (name == "--address") options.address = value;
    if (name == "--home") options.home = value;
    if (name == "--python") options.python = value;
    if (name == "--detach") options.detach = std::string_view(value) == "1";
  }
  return parvis::kernel::run_agent(options);
}
