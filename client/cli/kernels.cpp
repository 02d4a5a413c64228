#include "client/cli/kernels.hpp"

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>

#include <fmt/format.h>

#include "client/cli/command.hpp"
#include "kernel/shared/names.hpp"

namespace parvis::cli {

namespace {

constexpr std::uint32_t most_kernels = 10'000;
constexpr std::int64_t agent_patience_us = 60'000'000;

Payload pattern(const Template& wanted) { return Payload(encoded(wanted)); }
Pattern formal(Type type) { return {Formal{type}}; }

std::int64_t number_at(const Map& map, std::string_view key) {
  const auto* value = entry_of(map, key);
  const auto* number = value != nullptr ? value->get_if<std::int64_t>() : nullptr;
  return number != nullptr ? *number : 0;
}

KernelInfo kernel_of(const Tuple& tuple) {
  KernelInfo kernel;
  kernel.cluster = tuple.items[1].get<std::string>();
  kernel.id = tuple.items[2].get<std::string>();
  kernel.index = tuple.items[3].get<std::int64_t>();
  const Map& info = tuple.items[4].get<Map>();
  kernel.address = text_at(info, "address");
  kernel.agent = text_at(info, "agent");
  kernel.host = text_at(info, "host");
  kernel.python = text_at(info, "python");
  kernel.pid = number_at(info, "pid");
  if (const auto* started = entry_of(info, "started"); started != nullptr && started->get_if<double>() != nullptr)
    kernel.started = started->get<double>();
  return kernel;
}

std::string listing(const std::vector<KernelInfo>& kernels) {
  if (kernels.empty()) return "no kernel is running; start some with `parvis kernels start -n 2`";
  std::string text = "there are";
  for (std::size_t i = 0; i < kernels.size(); ++i) text += fmt::format(" {}:{}", i, kernels[i].id);
  return text;
}

// Shared with the callbacks, which may still come when the waiting has been given up.
struct Gathering {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::optional<KernelAnswer>> answers;  // guarded by `mutex`
  std::size_t missing = 0;                           // guarded by `mutex`

  void set(std::size_t i, KernelAnswer answer) {
    const std::lock_guard lock(mutex);
    if (answers[i]) return;
    answers[i] = std::move(answer);
    --missing;
    changed.notify_all();
  }
};

// Called on a session's thread: what does not follow docs/kernels.md becomes an answer, too, and no exception.
KernelAnswer answer_of(const std::variant<Blob, Error>& answer) {
  if (const auto* error = std::get_if<Error>(&answer))
    return {"died", Map{{{"message", Value(std::string(error->what()))}}}};
  try {
    const Tuple tuple = decode_tuple(std::get<Blob>(answer));
    if (tuple.items.size() == 2 && tuple.items[0].get_if<std::string>() != nullptr &&
        tuple.items[1].get_if<Map>() != nullptr)
      return {tuple.items[0].get<std::string>(), tuple.items[1].get<Map>()};
  } catch (const Error& error) {
    return {"error", Map{{{"message", Value(std::string(error.what()))}}}};
  }
  return {"error", Map{{{"message", Value("the kernel's answer is no (status, result)")}}}};
}

// (is it stderr, the text); nothing when it is neither.
std::optional<std::pair<bool, std::string>> output_of(const Blob& blob) {
  try {
    const Tuple tuple = decode_tuple(blob);
    const auto* stream = tuple.items.empty() ? nullptr : tuple.items[0].get_if<std::string>();
    const auto* data = tuple.items.size() == 2 ? tuple.items[1].get_if<Blob>() : nullptr;
    if (stream != nullptr && data != nullptr) return std::pair(*stream == "stderr", std::string(as_text(data->span())));
  } catch (const Error& error) {
    return std::pair(true, std::string(error.what()) + "\n");
  }
  return std::nullopt;
}

}  // namespace

const Value* entry_of(const Map& map, std::string_view key) {
  for (const auto& [name, value] : map.items)
    if (name == key) return &value;
  return nullptr;
}

std::string text_at(const Map& map, std::string_view key) {
  const auto* value = entry_of(map, key);
  const auto* text = value != nullptr ? value->get_if<std::string>() : nullptr;
  return text != nullptr ? *text : std::string();
}

std::vector<KernelInfo> find_kernels(client::Session& server, const std::string& cluster) {
  Template wanted{{{Value("kernel")},
                   cluster.empty() ? formal(Type::string) : Pattern{Value(cluster)},
                   formal(Type::string),
                   formal(Type::integer),
                   formal(Type::map)}};
  const Get get{.space = kernel::kernels_space,
                .templates = {pattern(wanted)},
                .take = false,
                .wait = false,
                .max = most_kernels};
  const Answer answer = server.call(get, interruptible());
  std::vector<KernelInfo> kernels;
  for (const auto& item : std::get<Found>(answer).items) kernels.push_back(kernel_of(decode_tuple(item.tuple.blob())));
  std::stable_sort(kernels.begin(), kernels.end(), [](const auto& a, const auto& b) {
    return std::tie(a.started, a.index) < std::tie(b.started, b.index);
  });
  return kernels;
}

std::vector<KernelInfo> select_kernels(const std::vector<KernelInfo>& kernels, const std::string& which) {
  if (which == "all" && !kernels.empty()) return kernels;
  const auto size = static_cast<std::int64_t>(kernels.size());
  std::int64_t index = 0;
  const auto parsed = std::from_chars(which.data(), which.data() + which.size(), index);
  if (parsed.ec == std::errc() && parsed.ptr == which.data() + which.size() && -size <= index && index < size)
    return {kernels[static_cast<std::size_t>(index < 0 ? index + size : index)]};
  std::vector<KernelInfo> found;
  for (const auto& one : kernels)
    if (!which.empty() && one.id.starts_with(which)) found.push_back(one);
  if (found.size() == 1) return found;
  throw Error(ErrorCode::not_found,
              fmt::format("{} kernel '{}': {}", found.empty() ? "no" : "more than one", which, listing(kernels)));
}

Calls::Calls(const client::Options& options, const std::vector<KernelInfo>& kernels) {
  for (const auto& one : kernels) {
    auto wanted = options;
    wanted.address = one.address;
    sessions_.push_back(client::Session::connect(wanted));
  }
}

std::vector<KernelAnswer> Calls::call(const std::string& verb, const std::vector<Map>& arguments,
                                      const OnOutput& on_output, const std::function<void()>& meanwhile) {
  auto gathering = std::make_shared<Gathering>();
  gathering->answers.resize(sessions_.size());
  gathering->missing = sessions_.size();
  for (std::size_t i = 0; i < sessions_.size(); ++i) {
    const Blob request = encoded(Tuple{{Value(verb), Value(arguments[i])}});
    auto done = [gathering, i](const std::variant<Blob, Error>& answer) { gathering->set(i, answer_of(answer)); };
    auto output = [on_output, i](const Blob& blob) {
      const auto piece = output_of(blob);
      if (piece && on_output) on_output(i, piece->first, piece->second);
    };
    sessions_[i]->start_kernel_call(Payload(request), done, output);
  }
  std::unique_lock lock(gathering->mutex);
  while (gathering->missing != 0) {
    gathering->changed.wait_for(lock, std::chrono::milliseconds(100), [&] { return gathering->missing == 0; });
    if (gathering->missing == 0 || !meanwhile) continue;
    lock.unlock();
    meanwhile();
    lock.lock();
  }
  std::vector<KernelAnswer> answers;
  for (auto& answer : gathering->answers) answers.push_back(std::move(*answer));
  return answers;
}

Map ask_agent(client::Session& server, const std::string& agent, const std::string& verb, Map arguments) {
  const std::string command = kernel::random_hex(16);
  const Blob tuple =
      encoded(Tuple{{Value("command"), Value(agent), Value(command), Value(verb), Value(std::move(arguments))}});
  Out out{.space = kernel::kernels_space, .tuples = {Payload(tuple)}};
  out.lease_us = agent_patience_us;
  server.call(out, interruptible());
  const Get get{.space = kernel::kernels_space,
                .templates = {pattern({{{Value("reply")}, {Value(command)}, formal(Type::map)}})},
                .timeout_us = agent_patience_us};
  const Answer answer = server.call(get, interruptible());
  return decode_tuple(std::get<Found>(answer).items.front().tuple.blob()).items[2].get<Map>();
}

}  // namespace parvis::cli
