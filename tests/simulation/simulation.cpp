#include "simulation.hpp"

#include "client.hpp"
#include "server.hpp"

namespace parvis::simulation {

namespace {

Climate climate_of(World& w) {
  const auto one_of = [&](std::initializer_list<Micros> of) { return *(of.begin() + w.below(of.size())); };
  Climate c;
  c.clients = static_cast<std::size_t>(one_of({3, 8, 30, 120, 500, 1500}));
  c.spaces = static_cast<std::size_t>(std::max<Micros>(2, static_cast<Micros>(c.clients) / one_of({1, 3, 8})));
  c.crowded = static_cast<std::size_t>(one_of({2, 6, 20}));
  c.pipeline = static_cast<std::size_t>(one_of({1, 2, 4, 8}));
  const auto clients = static_cast<Micros>(c.clients);
  c.think = one_of({1'000, 4'000, 20'000}) * (1 + clients / 8);
  c.delay = one_of({20, 200, 3'000});
  c.commit = one_of({50, 500, 5'000});
  // About so many of each in the time that ten thousand operations take, but never so many that nothing moves.
  const Micros span = 10'000 * c.think / clients;
  const auto every = [&](Micros at_least, std::initializer_list<Micros> times) {
    const Micros n = one_of(times);
    return n == 0 ? never / 4 : std::max(1 + span / n, at_least);
  };
  c.between_breaks = every(1 + 200'000 / clients, {0, 20, 100, 400});
  c.between_deaths = every(1 + 300'000 / clients, {0, 5, 30, 100});
  c.between_stops = every(1 + 20'000'000 / clients, {0, 5, 20});
  c.between_crashes = every(600'000, {0, 2, 6, 20});
  c.between_disk_troubles = every(1'500'000, {0, 0, 2, 6});
  c.waits = static_cast<int>(one_of({20, 60, 90}));
  c.takes = static_cast<int>(one_of({50, 65, 85}));
  c.many = static_cast<int>(one_of({10, 40}));
  c.ahead = w.chance(25);
  return c;
}

class Simulation {
 public:
  Simulation(std::uint64_t seed, bool trace) : world_(seed) {
    world_.tracing = trace;
    world_.climate = climate_of(world_);
    server_ = std::make_unique<Server>(
        world_, [this](const ConnectionPtr& c, ToClient f) { down(c, std::move(f)); },
        [this](Serial serial) { books_.doubt(serial); });
    for (std::size_t i = 0; i < world_.climate.clients; ++i) come(i, true);
    every(world_.climate.between_breaks, [this] { break_one(); });
    every(world_.climate.between_deaths, [this] { end_one(); });
    every(world_.climate.between_stops, [this] { stop_one(); });
    every(world_.climate.between_crashes, [this] { crash(); });
    every(world_.climate.between_disk_troubles, [this] { server_->disk_trouble(); });
  }

  void play(std::uint64_t operations) {
    const std::uint64_t steps = 400 * operations + 1'000'000;
    std::uint64_t step = 0;
    while (world_.operations < operations && ++step < steps && world_.step()) {
    }
    if (world_.operations < operations)
      throw Violation(fmt::format("nothing moves any more, after {} operations", world_.operations));
    come_to_rest();
  }
  Outcome outcome;
  [[nodiscard]] const World& world() const { return world_; }

 private:
  template <class What>
  void every(Micros mean, What what) {
    world_.in(world_.about(mean), [this, mean, what] {
      if (world_.calm) return;
      what();
      every(mean, what);
    });
  }
  std::size_t any() { return world_.below(clients_.size()); }

  // A process with a client begins; act and look_after repeat for as long as it lives.
  void come(std::size_t index, bool first) {
    if (clients_.size() <= index) clients_.resize(index + 1);
    clients_[index] = std::make_shared<Client>(index, around_);
    ++outcome.clients;
    const std::weak_ptr<Client> client = clients_[index];
    world_.in(first ? world_.about(world_.climate.think) : 1, [client] {
      if (auto c = client.lock()) c->dial();
    });
    act(client);
    look_after(client);
  }
  void act(const std::weak_ptr<Client>& client) {
    world_.in(world_.about(world_.climate.think), [this, client] {
      const auto c = client.lock();
      if (!c) return;
      if (c->stopped_until() <= world_.now) world_.calm ? c->finish() : c->act();
      act(client);
    });
  }
  void look_after(const std::weak_ptr<Client>& client) {
    world_.in(50'000 + world_.about(std::min(2 * world_.climate.think, heartbeat / 16)), [this, client] {
      const auto c = client.lock();
      if (!c) return;
      if (c->stopped_until() <= world_.now) c->look_after();
      look_after(client);
    });
  }

  ConnectionPtr connect(std::size_t client) {
    auto connection = std::make_shared<Connection>();
    connection->client = client;
    connection->heard = world_.now;
    return connection;
  }
  void up(const ConnectionPtr& c, ToServer frame) {
    c->up = std::max(c->up + 1, world_.now + world_.about(world_.climate.delay));
    if (c->up > c->up_until) return;
    world_.at(c->up, [this, c, frame = std::move(frame)]() mutable {
      if (world_.now <= c->up_until) server_->receive(c, std::move(frame));
    });
  }
  void down(const ConnectionPtr& c, ToClient frame) {
    c->down = std::max(c->down + 1, world_.now + world_.about(world_.climate.delay));
    if (c->down > c->down_until) return;
    world_.at(c->down, [this, c, frame = std::move(frame), to = std::weak_ptr<Client>(clients_[c->client])]() mutable {
      arrive(c, std::move(frame), to);
    });
  }
  void arrive(const ConnectionPtr& c, ToClient&& frame, const std::weak_ptr<Client>& to) {
    const auto client = to.lock();
    if (!client || world_.now > c->down_until) return;
    if (client->stopped_until() <= world_.now) return client->receive(c, std::move(frame));
    world_.at(client->stopped_until(),
              [this, c, frame = std::move(frame), to]() mutable { arrive(c, std::move(frame), to); });
  }

  void break_one() {
    const auto client = clients_[any()];
    const ConnectionPtr c = client->connection();
    if (!c) return;
    ++outcome.breaks;
    if (world_.chance(20)) {
      world_.trace("client {} dials though it is connected", c->client);
      return client->dial();
    }
    world_.trace("the connection of client {} breaks", c->client);
    c->up_until = world_.now + (world_.chance(50) ? 0 : world_.about(2 * world_.climate.delay));
    c->down_until = world_.now + (world_.chance(50) ? 0 : world_.about(2 * world_.climate.delay));
    if (world_.chance(70))
      world_.in(world_.about(20'000), [c, to = std::weak_ptr<Client>(client)] {
        if (const auto one = to.lock()) one->lost(c);
      });
    if (world_.chance(70)) world_.in(world_.about(20'000), [this, c] { server_->closed(c, false); });
  }

  // Says goodbye, or dies: the server learns of it at once, soon, or by the silence. Another takes its place.
  void end_one() {
    const std::size_t index = any();
    const auto client = clients_[index];
    if (client->stopped_until() > world_.now) return;
    ++outcome.deaths;
    const ConnectionPtr c = client->connection();
    if (c && world_.chance(30)) {
      client->leave();
    } else {
      world_.trace("client {} dies", index);
      client->abandon();
      if (c && world_.chance(50)) c->up_until = world_.now;
      if (c && world_.chance(60)) {
        const bool dead = world_.chance(60);
        world_.in(world_.about(20'000), [this, c, dead] { server_->closed(c, dead); });
      }
    }
    come(index, false);
  }

  void stop_one() {
    const std::size_t index = any();
    const Micros time = world_.about(world_.chance(50) ? heartbeat / 4 : 2 * (heartbeat + grace));
    world_.trace("client {} stops for {} us", index, time);
    clients_[index]->stop_until(world_.now + time);
  }

  void crash() {
    if (!server_->is_up()) return;
    ++outcome.restarts;
    server_->crash();
  }

  static bool sound(const Connection& c) {
    return c.up_until == never && c.down_until == never && c.client_has && c.server_has;
  }

  // No more faults: everybody comes back, ends what waits and confirms what it has.
  void come_to_rest() {
    world_.calm = true;
    server_->end_trouble();
    const Micros limit = world_.now + 60'000'000 + 400 * world_.climate.think;
    const auto at_rest = [&] {
      return server_->settled() && std::all_of(clients_.begin(), clients_.end(), [](const auto& c) {
               return c->online() && c->idle() && sound(*c->connection());
             });
    };
    while (world_.now < limit && (world_.below(50) != 0 || !at_rest()))
      if (!world_.step()) break;
    if (!at_rest()) throw Violation("an operation is never answered" + unrest());
    // Everything has arrived; and what was held by sessions nobody will resume comes back when they end.
    const Micros arrived = world_.now + 100 * world_.climate.delay + 10 * world_.climate.commit + 100'000;
    const Micros over = arrived + 2 * (heartbeat + grace);
    while (world_.now < arrived || (world_.now < over && server_->now().sessions.size() > clients_.size()))
      if (!world_.step()) break;
    server_->check_now();
    balance();
  }

  [[nodiscard]] std::string unrest() const {
    std::string who = server_->settled() ? "" : "; the server has not settled";
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      const Client& c = *clients_[i];
      if (!c.online()) who += fmt::format("; client {} is away", i);
      else if (!sound(*c.connection())) who += fmt::format("; client {} has half a connection", i);
      else if (!c.idle()) who += fmt::format("; client {} {}", i, c.unrest());
    }
    return who;
  }

  // Every tuple whose out was acknowledged is in the space or was used by somebody; none is in both places.
  void balance() const {
    const Model& model = server_->now();
    std::set<Serial> there;
    for (const auto& [order, tuple] : model.tuples) there.insert(tuple.fresh.serial);
    for (const auto& [serial, use] : books_.used)
      if (there.contains(serial) && !books_.doubted(serial) && model.sessions.contains(use.session))
        throw Violation(fmt::format("tuple {} was used by session {}, and is in the space", serial, use.session));
    for (Serial serial : books_.put)
      if (!there.contains(serial) && !books_.used.contains(serial) && !books_.doubted(serial))
        throw Violation(fmt::format("tuple {} was acknowledged, and is lost", serial));
  }

  World world_;
  Books books_;
  std::unique_ptr<Server> server_;
  std::vector<std::shared_ptr<Client>> clients_;
  Client::Surroundings around_{
      world_,
      books_,
      [this]() -> const Model& { return server_->now(); },
      [this](Serial serial) { return server_->durable().ever.size() > serial && server_->durable().ever[serial]; },
      [this](std::uint16_t space) { return server_->durability(space) == Durability::durable; },
      [this](std::uint16_t space) { return server_->durability(space); },
      [this](std::size_t client) { return connect(client); },
      [this](const ConnectionPtr& c, ToServer f) { up(c, std::move(f)); }};
};

}  // namespace

Outcome play(std::uint64_t seed, std::uint64_t operations, bool trace) {
  std::unique_ptr<Simulation> simulation;
  std::string violation;
  try {
    simulation = std::make_unique<Simulation>(seed, trace);
    simulation->play(operations);
  } catch (const std::exception& error) {
    violation = error.what();
  }
  Outcome outcome = simulation ? simulation->outcome : Outcome{};
  if (simulation) outcome.operations = simulation->world().operations;
  outcome.violation = std::move(violation);
  return outcome;
}

}  // namespace parvis::simulation
