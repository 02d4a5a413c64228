// check, dump, restore: a space in a file, and a data folder looked through.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "client/cli/command.hpp"
#include "client/cli/dump_file.hpp"
#include "client/cli/print.hpp"
#include "client/cli/words.hpp"
#include "tuplespace/model/codec.hpp"
#include "tuplespace/server/check.hpp"
#include "tuplespace/wire/home.hpp"

namespace parvis::cli {

namespace {

constexpr std::size_t tuples_at_once = 1000;
constexpr std::size_t bytes_at_once = 4U << 20;

void check(Context& context, const std::string& folder) {
  const server::Checked c = server::check(folder);
  const auto line = context.json
                        ? nlohmann::json{{"folder", folder},
                                         {"sound", true},
                                         {"records", c.records},
                                         {"bytes", c.bytes},
                                         {"journal_entries", c.journal_entries},
                                         {"orphans", c.orphans},
                                         {"tuples", c.tuples},
                                         {"tuple_bytes", c.tuple_bytes},
                                         {"sessions", c.sessions},
                                         {"transactions", c.transactions},
                                         {"starts", c.starts}}
                              .dump()
                        : fmt::format("{} is sound: {} records of {} bytes, {} entries of the journal to be applied, "
                                      "{} large bodies to be collected; {} tuples of {} bytes, {} sessions, "
                                      "{} transactions, {} starts",
                                      folder, c.records, c.bytes, c.journal_entries, c.orphans, c.tuples, c.tuple_bytes,
                                      c.sessions, c.transactions, c.starts);
  if (!print_line(line)) context.exit = failed;
}

void add_check(CLI::App& app, Context& context) {
  auto* command =
      app.add_subcommand("check", "Look through a data folder that no server uses, and say whether it is sound");
  auto folder = std::make_shared<std::string>(wire::home_folder().string());
  command->add_option("DIR", *folder, "The data folder (default: the local server's)");
  command->add_flag("--json", context.json, "The answer as JSON");
  command->footer("Reads every record and the journal, compares all checksums and builds the space in memory; changes "
                  "nothing.\nExit status: 0 sound, 4 damaged or in use (the message says what and what to do).");
  command->callback([folder, &context] { check(context, *folder); });
}

struct Backup {
  std::vector<std::string> spaces;
  std::string file;
};

std::uint64_t dump_space(client::Session& session, const SpaceInfo& info, DumpWriter& writer) {
  writer.space(info);
  Scan scan{.space = info.name, .templates = {Payload(encoded(Template{{}, true}))}, .whole = true};
  std::uint64_t tuples = 0;
  for (bool done = false; !done;) {
    const Answer answer = session.call(scan, interruptible());
    const auto& page = std::get<Page>(answer);
    for (const Put& put : page.puts) writer.tuple(put);
    tuples += page.puts.size();
    scan.after = page.after;
    scan.until = page.until;
    done = page.done;
    if (was_interrupted()) throw client::Interrupted{};
  }
  return tuples;
}

std::vector<SpaceInfo> spaces_of(client::Session& session, const std::vector<std::string>& names) {
  const Answer answer = session.call(Spaces{}, interruptible());
  std::vector<SpaceInfo> wanted;
  for (const SpaceInfo& info : std::get<Listing>(answer).spaces) {
    if (names.empty() || std::find(names.begin(), names.end(), info.name) != names.end()) wanted.push_back(info);
  }
  for (const std::string& name : names) {
    const bool there = std::any_of(wanted.begin(), wanted.end(), [&](const auto& info) { return info.name == name; });
    if (!there) throw Error(ErrorCode::not_found, fmt::format("there is no space {}", name));
  }
  return wanted;
}

void dump(Context& context, const Backup& wanted) {
  if (wanted.file.empty() && ::isatty(STDOUT_FILENO) == 1)
    throw Error(ErrorCode::protocol_error, "a dump is not for the eye: name a file with --to, or redirect the output");
  const auto session = context.connect();
  DumpWriter writer(wanted.file);
  std::uint64_t tuples = 0;
  const auto spaces = spaces_of(*session, wanted.spaces);
  for (const SpaceInfo& info : spaces) tuples += dump_space(*session, info, writer);
  writer.finish();
  fmt::print(stderr, "parvis: {} tuples of {} spaces dumped\n", tuples, spaces.size());
  session->close();
}

void add_dump(CLI::App& app, Context& context) {
  auto wanted = std::make_shared<Backup>();
  auto* command = add_command(app, "dump", "Write spaces of a running server to a file", context);
  command->add_option("SPACE", wanted->spaces, "Names of spaces (default: all)");
  command->add_option("--to", wanted->file, "The file, replaced when the dump is complete (default: standard output)");
  command->footer(
      "  parvis dump --to all.dump              every space\n"
      "  parvis dump default results | gzip > two.dump.gz\n"
      "A dump holds the spaces (name, durability, quotas) and their tuples in the order in which they are handed out, "
      "with\npriority, lease, delay and group; those that are claimed by a transaction, too, as they would come back.\n"
      "Not in it: sessions and what belongs to one, events, and how often a tuple was tried. A copy of the data folder "
      "of a\nstopped server holds everything.");
  command->callback([wanted, &context] {
    catch_interrupts();
    dump(context, *wanted);
  });
}

class Restorer final : public DumpVisitor {
 public:
  explicit Restorer(client::Session& session) : session_(session) {}

  void space(const SpaceInfo& info) override {
    flush();
    Spaces make{Spaces::What::make, info.name, info.durability};
    if (info.quota_tuples != 0) make.quota_tuples = static_cast<std::int64_t>(info.quota_tuples);
    if (info.quota_bytes != 0) make.quota_bytes = static_cast<std::int64_t>(info.quota_bytes);
    session_.call(make, interruptible());
    space_ = info.name;
    ++spaces;
  }
  void tuple(Put&& put) override {
    bytes_ += put.tuple.size();
    put.space = space_;
    puts_.push_back(std::move(put));
    ++tuples;
    if (puts_.size() >= tuples_at_once || bytes_ >= bytes_at_once) flush();
  }
  // A commit, since its puts have options of their own.
  void flush() {
    if (!puts_.empty()) {
      const auto transaction = std::get<Done>(session_.call(Begin{}, interruptible())).number;
      session_.call(Commit{.transaction = transaction, .puts = std::exchange(puts_, {})}, interruptible());
    }
    bytes_ = 0;
    if (was_interrupted()) throw client::Interrupted{};
  }

  std::uint64_t tuples = 0, spaces = 0;

 private:
  client::Session& session_;
  std::string space_;
  std::vector<Put> puts_;
  std::size_t bytes_ = 0;
};

void restore(Context& context, const Backup& wanted) {
  DumpVisitor nobody;
  read_dump(wanted.file, nobody);  // all of it is sound before the first tuple is put
  const auto session = context.connect();
  Restorer restorer(*session);
  read_dump(wanted.file, restorer);
  restorer.flush();
  if (!print_line(fmt::format("{} tuples of {} spaces restored", restorer.tuples, restorer.spaces)))
    context.exit = failed;
  session->close();
}

void add_restore(CLI::App& app, Context& context) {
  auto wanted = std::make_shared<Backup>();
  auto* command = add_command(app, "restore", "Put the tuples of a dump into a running server", context);
  command->add_option("FILE", wanted->file, "What `parvis dump` wrote")->required();
  command->footer("Tuples are added to what the spaces hold. The file is checked as a whole before the first is put.\n"
                  "A space that is there already must be of the durability it had.");
  command->callback([wanted, &context] {
    catch_interrupts();
    restore(context, *wanted);
  });
}

}  // namespace

void add_backup_commands(CLI::App& app, Context& context) {
  add_check(app, context);
  add_dump(app, context);
  add_restore(app, context);
}

}  // namespace parvis::cli
