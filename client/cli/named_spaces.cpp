// spaces [make|drop]: the named spaces of a server.
#include "client/cli/named_spaces.hpp"

#include <fmt/format.h>

#include "client/cli/command.hpp"
#include "client/cli/print.hpp"
#include "tuplespace/server/serve.hpp"

namespace parvis::cli {

const char* text_of(Durability durability) {
  switch (durability) {
    case Durability::durable: return "durable";
    case Durability::relaxed: return "relaxed";
    case Durability::volatile_: return "volatile";
  }
  return "unknown";
}

nlohmann::json to_json(const SpaceInfo& info) {
  return {{"name", info.name},
          {"durability", text_of(info.durability)},
          {"tuples", info.tuples},
          {"bytes", info.bytes},
          {"waiters", info.waiters},
          {"held", info.held},
          {"quota_tuples", info.quota_tuples},
          {"quota_bytes", info.quota_bytes}};
}

namespace {

std::string quota_text(const SpaceInfo& info) {
  std::string text;
  if (info.quota_tuples != 0) text += fmt::format("  at most {} tuples", info.quota_tuples);
  if (info.quota_bytes != 0) text += fmt::format("{} {} bytes", text.empty() ? "  at most" : ",", info.quota_bytes);
  return text;
}

bool print_space(const SpaceInfo& info, bool json) {
  if (json) return print_line(to_json(info).dump());
  return print_line(fmt::format("{:<32} {:<9} {:>10} tuples {:>14} bytes {:>8} waiting {:>8} held{}", info.name,
                                text_of(info.durability), info.tuples, info.bytes, info.waiters, info.held,
                                quota_text(info)));
}

void ask(Context& context, const Spaces& request) {
  catch_interrupts();
  const auto session = context.connect();
  const Answer answer = session->call(request, interruptible());
  if (const auto* listing = std::get_if<Listing>(&answer))
    for (const auto& info : listing->spaces)
      if (!print_space(info, context.json)) context.exit = failed;
  session->close();
}

void add_make(CLI::App& app, Context& context) {
  auto* command = add_command(app, "make", "Make a space, or change the quotas of one that is there", context);
  command->footer("  parvis spaces make scratch --durability volatile --quota-tuples 1000000 --quota-bytes 2000000000\n"
                  "Over a quota out fails with LimitExceeded, or waits for room (out --room).");
  auto request = std::make_shared<Spaces>();
  request->what = Spaces::What::make;
  command->add_option("NAME", request->space, "Its name")->required();
  auto durability = std::make_shared<std::string>("durable");
  command->add_option("--durability", *durability, "What an acknowledged out has survived")
      ->check(CLI::IsMember(std::vector<std::string>{"durable", "relaxed", "volatile"}))
      ->capture_default_str();
  command->add_option("--quota-tuples", request->quota_tuples, "At most so many tuples; 0: no quota")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--quota-bytes", request->quota_bytes, "At most so many bytes; 0: no quota")
      ->check(CLI::NonNegativeNumber);
  command->callback([request, durability, &context] {
    request->durability = server::parse_durability(*durability);
    ask(context, *request);
  });
}

void add_drop(CLI::App& app, Context& context) {
  auto* command = add_command(app, "drop", "Drop a space with all its tuples", context);
  auto request = std::make_shared<Spaces>();
  request->what = Spaces::What::drop;
  command->add_option("NAME", request->space, "Its name")->required();
  command->callback([request, &context] { ask(context, *request); });
}

}  // namespace

void add_named_spaces(CLI::App& app, Context& context) {
  auto* command = add_command(app, "spaces", "List the spaces; make or drop one", context);
  command->footer("  parvis spaces                             what there is, how full, how many wait\n"
                  "  parvis spaces make scratch --durability volatile\n"
                  "  parvis spaces drop scratch");
  command->require_subcommand(0, 1);
  add_make(*command, context);
  add_drop(*command, context);
  command->callback([command, &context] {
    if (command->get_subcommands().empty()) ask(context, Spaces{});
  });
}

}  // namespace parvis::cli
