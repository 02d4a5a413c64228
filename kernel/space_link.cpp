#include "kernel/space_link.hpp"

#include <utility>

#include "kernel/shared/names.hpp"
#include "kernel/task.hpp"
#include "tuplespace/model/error.hpp"

namespace parvis::kernel {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::milliseconds reconnect_for = std::chrono::hours(24 * 365 * 10);  // a kernel outlives its server
constexpr std::chrono::milliseconds registration_check{1'000};
constexpr std::chrono::milliseconds stop_patience{5'000};

Blob task_template(const std::string& cluster) {
  Template tasks;
  for (const auto& text : {std::string("task"), cluster}) tasks.fields.push_back({Value(text)});
  for (const Type type : {Type::string, Type::string, Type::map, Type::object, Type::object})
    tasks.fields.push_back({Formal{type}});
  return encoded(tasks);
}

// A str of the map; empty when there is none of that name.
std::string text_in(const Map& map, std::string_view key) {
  for (const auto& [name, value] : map.items) {
    if (name == key && value.get_if<std::string>() != nullptr) return value.get<std::string>();
  }
  return {};
}

}  // namespace

SpaceLink::SpaceLink(Options options, WorkQueue& queue, std::function<void()> claimed)
    : options_(std::move(options)), queue_(queue), claimed_(std::move(claimed)) {
  feeder_ = std::jthread([this] { feed(); });
  keeper_ = std::jthread([this] { write_results(); });
}

SpaceLink::~SpaceLink() { stop(); }

bool SpaceLink::pause(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, time, [&] { return stopping_; });
}

std::shared_ptr<client::Session> SpaceLink::session() {
  const std::lock_guard lock(mutex_);
  return session_;
}

std::shared_ptr<client::Session> SpaceLink::connect() {
  std::string said;
  for (auto wait = 100ms; pause(0ms); wait = std::min(wait * 2, std::chrono::milliseconds(2'000))) {
    try {
      client::Options options;
      options.address = options_.address;
      options.name = "kernel " + options_.facts.id;
      options.reconnect_for = reconnect_for;
      return client::Session::connect(options);
    } catch (const Error& error) {
      if (said != error.what()) options_.log(said = error.what());
    }
    if (!pause(wait)) break;
  }
  return nullptr;
}

void SpaceLink::adopt(std::shared_ptr<client::Session> session) {
  {
    const std::lock_guard lock(mutex_);
    session_ = std::move(session);
    registered_ = 0;
  }
  changed_.notify_all();
}

void SpaceLink::feed() {
  while (const auto session = connect()) {
    adopt(session);
    try {
      work(session);
      return;
    } catch (const Error& error) {
      options_.log(std::string("the session with the server has ended: ") + error.what());
    }
    queue_.drop(session);
    adopt(nullptr);
    if (!pause(500ms)) return;
  }
}

// The registration belongs to the session, so a new one needs a new registration.
void SpaceLink::ensure_registered(client::Session& session) {
  const SessionId id = session.id();
  if (id == registered_) return;
  const Facts& facts = options_.facts;
  const Map info{{{"address", Value(options_.kernel_address)},
                  {"pid", Value(facts.pid)},
                  {"host", Value(facts.host)},
                  {"started", Value(facts.started)},
                  {"python", Value(facts.python)},
                  {"agent", Value(facts.agent)}}};
  const Blob tuple = encoded(Tuple{{"kernel", facts.cluster, facts.id, facts.index, info}});
  Out out;
  out.space = kernels_space;
  out.tuples.emplace_back(tuple);
  out.owned = true;
  session.call(out);
  registered_ = id;
}

void SpaceLink::work(const std::shared_ptr<client::Session>& session) {
  for (;;) {
    ensure_registered(*session);
    const auto wanted = queue_.wait_for_appetite(registration_check);
    if (!wanted) return;
    if (*wanted == 0) continue;
    if (options_.farm) {
      claim(session, *wanted);
    } else if (!pause(registration_check)) {
      return;
    }
  }
}

void SpaceLink::claim(const std::shared_ptr<client::Session>& session, std::uint32_t wanted) {
  Get get;
  get.space = farm_space;
  get.templates.emplace_back(task_template(options_.facts.cluster));
  if (!options_.facts.cluster.empty()) get.templates.emplace_back(task_template(""));
  get.max = wanted;
  get.begin = true;
  client::Pending pending = session->start(get);
  bool cancelled = false;
  for (;;) {
    std::optional<Answer> answer;
    try {
      answer = pending.wait({}, registration_check);
    } catch (const Error& error) {
      if (error.code() == ErrorCode::timeout && cancelled) return;
      throw;
    }
    if (answer) return take(session, std::get<Found>(std::move(*answer)));
    ensure_registered(*session);
    // What is handed over while something long runs here would only come back late.
    if (!cancelled && (!pause(0ms) || queue_.blocked())) {
      cancelled = true;
      pending.cancel();
    }
  }
}

void SpaceLink::take(const std::shared_ptr<client::Session>& session, Found&& found) {
  auto claim = std::make_shared<Claim>();
  claim->session = session;
  claim->transaction = found.transaction;
  claim->tasks.reserve(found.items.size());
  for (Item& item : found.items) {
    Task task;
    task.tuple = item.id;
    task.attempts = item.attempts;
    task.bytes = item.tuple.blob();
    task.id = task_id(task.bytes);
    claim->tasks.push_back(std::move(task));
  }
  if (claim->tasks.empty()) return;
  queue_.offer(std::move(claim));
  claimed_();
}

void SpaceLink::finished_one() {
  {
    const std::lock_guard lock(mutex_);
    --in_flight_;
  }
  changed_.notify_all();
}

void SpaceLink::settle(Settlement settlement) {
  {
    const std::lock_guard lock(mutex_);
    ++in_flight_;
  }
  const auto held = std::make_shared<Settlement>(std::move(settlement));
  const auto& claim = held->claim;
  const auto done = [this, held](const Answer& answer) {
    if (const auto* failed = std::get_if<Failed>(&answer)) {
      options_.log("what this kernel did for " + std::to_string(held->consumed.size()) +
                   " tasks is void, they are another's: " + failed->text);
    }
    finished_one();
  };
  try {
    Commit commit;
    commit.transaction = claim->transaction;
    commit.puts = held->puts;
    commit.partial = !held->last || !held->released.empty();
    if (commit.partial) {
      commit.consumed = held->consumed;
      commit.released = held->released;
    }
    claim->session->start(commit, done);
    // Partial, because something goes back, which an abort would count as an attempt; nothing is left, so it ends too.
    if (commit.partial && held->last) {
      claim->session->start(Abort{claim->transaction}, [](const Answer&) {});
    }
  } catch (const Error& error) {
    options_.log(std::string("tasks could not be settled: ") + error.what());
    finished_one();
  }
}

void SpaceLink::keep(CallAnswer answer) {
  {
    const std::lock_guard lock(mutex_);
    results_bytes_ += answer.stored->size();
    results_.push_back(std::move(answer.stored));
    if (results_.size() > waiting_max || (results_bytes_ > waiting_bytes_max && results_.size() > 1)) {
      options_.log("a result could not be kept in the space: too many wait for the server");
      results_bytes_ -= results_.front()->size();
      results_.pop_front();
    }
  }
  changed_.notify_all();
}

void SpaceLink::write_results() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || (session_ && !results_.empty() && in_flight_ < in_flight_max); });
    if (!session_ || results_.empty()) {
      if (stopping_) return;
      continue;
    }
    const auto tuple = results_.front();
    results_.pop_front();
    results_bytes_ -= tuple->size();
    ++in_flight_;
    const auto session = session_;
    lock.unlock();
    Out out;
    out.space = results_space;
    out.tuples.emplace_back(tuple.get());
    out.lease_us = week_us;
    try {
      session->start(out, [this, tuple](const Answer& answer) {
        if (const auto* failed = std::get_if<Failed>(&answer))
          options_.log("a result could not be kept in the space: " + failed->text);
        finished_one();
      });
    } catch (const Error& error) {
      options_.log(std::string("a result could not be kept in the space: ") + error.what());
      finished_one();
    }
    lock.lock();
  }
}

std::string SpaceLink::story(const std::string& task) {
  const auto current = session();
  if (!current) return {};
  const Template deaths{{{Value("death")}, {Any{}}, {Formal{Type::string}}, {Formal{Type::map}}}, false};
  Get get;
  get.space = kernels_space;
  get.templates.emplace_back(encoded(deaths));
  get.take = get.wait = false;
  get.max = 1000;
  std::string story;
  try {
    const Answer answer = current->call(get);
    for (const Item& item : std::get<Found>(answer).items) {
      const Tuple death = decode_tuple(item.tuple.blob());
      const Map& info = death.items[3].get<Map>();
      if (text_in(info, "task") != task) continue;
      story += "kernel " + death.items[2].get<std::string>() + ": " + text_in(info, "message") + "\n" +
               text_in(info, "stack");
    }
  } catch (const Error& error) {
    story += std::string("(the deaths could not be read: ") + error.what() + ")";
  }
  return story;
}

void SpaceLink::stop() {
  {
    std::unique_lock lock(mutex_);
    if (std::exchange(stopping_, true)) return;
    changed_.notify_all();
    // Results and commits that are on their way are worth a moment.
    changed_.wait_for(lock, stop_patience, [&] { return !session_ || (in_flight_ == 0 && results_.empty()); });
  }
  if (const auto current = session()) current->close();
  feeder_.join();
  keeper_.join();
}

}  // namespace parvis::kernel
