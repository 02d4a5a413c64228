#include "script.hpp"

#include <algorithm>
#include <sstream>

#include "statement_text.hpp"

namespace parvis::space::test {

namespace {

std::int64_t microseconds(const std::string& text) {
  std::size_t end = 0;
  const double number = std::stod(text, &end);
  const std::string unit = text.substr(end);
  return static_cast<std::int64_t>(number * (unit == "ms" ? 1e3 : unit == "d" ? 86400e6 : 1e6));
}

std::vector<Payload> payloads(const std::string& text, bool templates) {
  std::vector<Payload> result;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(" ; ", at), text.size());
    const std::string part = text.substr(at, end - at);
    result.emplace_back(templates ? pattern(part) : tuple(part));
    at = end + 3;
  }
  return result;
}

}  // namespace

// `a out jobs lease=5s ("task", 1) ; ("task", 2)`: words, options with a =, and the tuples from the first ( on. Or,
// from a colon on, a statement.
struct Script::Words {
  explicit Words(const std::string& line) {
    const std::size_t tuples_at = std::min({line.find('('), line.find(": "), line.size()});
    tuples = line.substr(tuples_at);
    if (tuples.starts_with(": ")) tuples.erase(0, 2);
    std::istringstream in(line.substr(0, tuples_at));
    for (std::string word; in >> word;) {
      const std::size_t equals = word.find('=');
      if (equals == std::string::npos) plain.push_back(word);
      else options[word.substr(0, equals)] = word.substr(equals + 1);
    }
  }
  std::string take() {
    if (plain.empty()) throw std::runtime_error("a word is missing");
    std::string word = plain.front();
    plain.erase(plain.begin());
    return word;
  }
  bool flag(const std::string& name) { return std::erase(plain, name) != 0; }
  std::int64_t duration(const std::string& name, std::int64_t otherwise) {
    return options.contains(name) ? microseconds(options[name]) : otherwise;
  }
  std::pair<std::uint64_t, std::uint64_t> ticket() {
    const std::string text = options.contains("ticket") ? options["ticket"] : "0/0";
    return {std::stoull(text), std::stoull(text.substr(text.find('/') + 1))};
  }
  std::vector<std::string> plain;
  std::map<std::string, std::string> options;
  std::string tuples;
};

std::string Script::play(const std::string& text) {
  std::istringstream in(text);
  std::string out, line;
  while (std::getline(in, line)) {
    out += line + "\n";
    if (line.empty() || line[0] == '#') continue;
    const std::string asked = line;
    if (!std::getline(in, line) || line != "----") throw std::runtime_error("no ---- after " + asked);
    std::string got = "----\n" + command(asked);
    while (std::getline(in, line) && !line.empty()) {
    }
    out += got + "\n";
  }
  return out;
}

std::string Script::command(const std::string& line) {
  Words words(line);
  const std::string first = words.take();
  auto client = clients_.find(first);
  if (client != clients_.end()) {
    client_command(first, client->second, words);
  } else {
    words.plain.insert(words.plain.begin(), first);
    server_command(words);
  }
  harness_.turn();
  harness_.engine->check();
  return replies();
}

void Script::server_command(Words& words) {
  const std::string what = words.take();
  Engine& engine = *harness_.engine;
  if (what == "advance") return harness_.advance(Time(microseconds(words.take())));
  if (what == "crash") return harness_.crash();
  if (what == "hold") {
    harness_.sync = false;
  } else if (what == "sync") {
    harness_.sync = true;
  } else if (what == "full") {
    engine.refuse_puts("the disk is full");
  } else if (what == "room") {
    engine.refuse_puts({});
  } else if (what == "open") {
    Client client;
    client.id = engine.open_session(secret(clients_.size()), harness_.now);
    clients_[words.take()] = client;
  } else {
    const SessionId id = clients_.at(words.take()).id;
    if (what == "detach") return engine.detach(id, harness_.now);
    if (what == "attach") return engine.attach(id, harness_.now);
    if (what == "end") return engine.end_session(id, harness_.now);
    throw std::runtime_error("unknown command " + what);
  }
}

void Script::send(Client& client, Operation operation) {
  client.sent[++client.sequence] = operation;
  harness_.engine->apply(client.id, client.sequence, operation, harness_.now);
}

std::vector<TupleId> Script::tuples_named(const std::string& names) const {
  std::vector<TupleId> ids;
  std::istringstream in(names);
  for (std::string name; std::getline(in, name, ',');) {
    auto found =
        std::find_if(tuples_.begin(), tuples_.end(), [&](auto& t) { return t.first.find(name) != std::string::npos; });
    if (found == tuples_.end()) throw std::runtime_error("no tuple was seen with " + name);
    ids.push_back(found->second);
  }
  return ids;
}

void Script::client_command(const std::string& name, Client& client, Words& words) {
  const std::string what = words.take();
  Engine& engine = *harness_.engine;
  if (what == "cancel") return engine.cancel(client.id, {std::stoull(words.take())}, harness_.now);
  if (what == "refuse") return engine.refuse(client.id, {std::stoull(words.take())}, harness_.now);
  if (what == "confirm") return engine.confirm(client.id, {std::stoull(words.take()), {}}, harness_.now);
  if (what == "again") {
    const Sequence sequence = std::stoull(words.take());
    return engine.apply(client.id, sequence, client.sent.at(sequence), harness_.now);
  }
  if (what == "out") {
    const bool owned = words.flag("owned");
    const int priority = words.options.contains("priority") ? std::stoi(words.options["priority"]) : 0;
    return send(client, Out{words.take(), payloads(words.tuples, false), words.duration("lease", -1), owned, priority,
                            words.duration("delay", 0)});
  }
  if (what == "do" || what == "try") {
    Statement asked = statement(words.tuples, what == "do", words.duration("timeout", -1));
    std::tie(asked.ticket_epoch, asked.ticket) = words.ticket();
    return send(client, asked);
  }
  if (what == "collect") {
    const bool copy = words.flag("copy");
    const std::string from = words.take();
    return send(client, Collect{from, words.take(), payloads(words.tuples, true), copy});
  }
  if (what == "count") return send(client, Count{words.take(), payloads(words.tuples, true)});
  if (what == "begin") return send(client, Begin{words.duration("lease", -1)});
  if (what == "abort") return send(client, Abort{transaction(words.take())});
  if (what == "renew") return send(client, Renew{transaction(words.take()), words.duration("lease", -1)});
  if (what == "list") return send(client, Spaces{Spaces::What::list, {}, {}});
  if (what == "drop") return send(client, Spaces{Spaces::What::drop, words.take(), {}});
  if (what == "make") {
    const bool is_volatile = words.flag("volatile");
    return send(client,
                Spaces{Spaces::What::make, words.take(), is_volatile ? Durability::volatile_ : Durability::durable});
  }
  if (what == "commit") {
    Commit commit;
    commit.partial = words.flag("partial");
    commit.transaction = transaction(words.take());
    commit.consumed = tuples_named(words.options["consumed"]);
    commit.released = tuples_named(words.options["released"]);
    const auto puts = payloads(words.tuples, false);
    for (const Payload& put : puts) commit.puts.push_back({words.options["to"], put});
    return send(client, commit);
  }
  Get get;
  get.take = what == "in" || what == "inp";
  get.wait = what == "in" || what == "rd";
  if (what != "in" && what != "inp" && what != "rd" && what != "rdp")
    throw std::runtime_error(name + ": unknown command " + what);
  get.begin = words.flag("begin");
  get.space = words.take();
  get.templates = payloads(words.tuples, true);
  get.timeout_us = words.duration("timeout", -1);
  get.lease_us = words.duration("lease", -1);
  if (words.options.contains("max")) get.max = static_cast<std::uint32_t>(std::stoul(words.options["max"]));
  if (words.options.contains("tx")) get.transaction = transaction(words.options["tx"]);
  std::tie(get.ticket_epoch, get.ticket) = words.ticket();
  send(client, get);
}

std::string Script::name_of_client(SessionId id) const {
  for (const auto& [name, client] : clients_)
    if (client.id == id) return name;
  return "session " + std::to_string(id);
}

std::string Script::name_of_transaction(TransactionId id) {
  for (const auto& [name, known] : transactions_)
    if (known == id) return name;
  const std::string name = "T" + std::to_string(transactions_.size() + 1);
  transactions_[name] = id;
  return name;
}

std::string Script::show(const std::vector<Item>& items) {
  std::string text;
  for (const Item& item : items) {
    text += (text.empty() ? "" : " ; ") + text_of(item);
    tuples_[text_of(item)] = item.id;
  }
  return text;
}

std::string Script::show(const Reply& reply) {
  if (const auto* waiting = std::get_if<Waiting>(&reply.answer))
    return "waits, ticket " + std::to_string(waiting->epoch) + "/" + std::to_string(waiting->ticket);
  const Answer& answer = std::get<Answer>(reply.answer);
  if (const auto* failed = std::get_if<Failed>(&answer))
    return std::string(name_of(failed->code)) + ": " + failed->text;
  if (const auto* listing = std::get_if<Listing>(&answer)) {
    std::string text = "spaces";
    for (const SpaceInfo& info : listing->spaces)
      text += " " + info.name + ":" + std::to_string(info.tuples) + "/" + std::to_string(info.waiters);
    return text;
  }
  const Operation& asked = clients_.at(name_of_client(reply.session)).sent.at(reply.sequence);
  if (const auto* done = std::get_if<Done>(&answer)) {
    if (std::holds_alternative<Begin>(asked)) return "done " + name_of_transaction(done->number);
    const bool is_number = std::holds_alternative<Count>(asked) || std::holds_alternative<Collect>(asked);
    return is_number ? std::to_string(done->number) : "done";
  }
  if (const auto* ran = std::get_if<Ran>(&answer)) {
    std::string text = "ran " + std::to_string(ran->branch);
    if (ran->branch == std::get<Statement>(asked).branches.size()) text = "none";
    if (!ran->items.empty()) text += " with " + show(ran->items);
    return ran->updated.empty() ? text : text + " updated " + show(ran->updated);
  }
  const Found& found = std::get<Found>(answer);
  const std::string text = found.items.empty() ? "nothing" : show(found.items);
  return found.transaction == 0 ? text : text + " in " + name_of_transaction(found.transaction);
}

std::string Script::replies() {
  std::string text;
  for (const Reply& reply : harness_.released)
    text += name_of_client(reply.session) + "#" + std::to_string(reply.sequence) + " " + show(reply) + "\n";
  for (SessionId id : harness_.ended) text += name_of_client(id) + " has ended\n";
  harness_.released.clear();
  harness_.ended.clear();
  return text;
}

}  // namespace parvis::space::test
