// Kernels as the command line sees them: found in the space, called one or many at once (docs/kernels.md). One thread,
// but that answers arrive on the sessions' own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "client/session.hpp"
#include "tuplespace/model/value.hpp"

namespace parvis::cli {

struct KernelInfo {
  std::string cluster, id, address, agent, host, python;
  std::int64_t index = 0, pid = 0;
  double started = 0;
};

// The living kernels, in the order of their start; of one cluster when it is named.
std::vector<KernelInfo> find_kernels(client::Session& server, const std::string& cluster);
// "all", a number in that order (negative from the end), or the beginning of an id. Throws Error{not_found} that lists
// what there is.
std::vector<KernelInfo> select_kernels(const std::vector<KernelInfo>& kernels, const std::string& which);

const Value* entry_of(const Map& map, std::string_view key);
std::string text_at(const Map& map, std::string_view key);  // "" when it is not there or no str

struct KernelAnswer {
  std::string status;  // "ok", "error", ... as docs/kernels.md
  Map result;
};

// One call to each kernel at once. Waits for all answers; `on_signal` is called whenever a signal came or 100 ms
// passed. A kernel that is gone answers with status "died".
using OnOutput = std::function<void(std::size_t kernel, bool is_error, std::string_view text)>;
class Calls {
 public:
  Calls(const client::Options& options, const std::vector<KernelInfo>& kernels);
  std::vector<KernelAnswer> call(const std::string& verb, const std::vector<Map>& arguments,
                                 const OnOutput& on_output = {}, const std::function<void()>& meanwhile = {});

 private:
  std::vector<std::shared_ptr<client::Session>> sessions_;
};

// A command to an agent, and its reply.
Map ask_agent(client::Session& server, const std::string& agent, const std::string& verb, Map arguments);

}  // namespace parvis::cli
