// The tuple space through the C++ client, the same operations as redis_bench: out, rd, in of a tuple with a payload of
// 100 bytes, one request a round trip; outs pipelined by 100; and the rendezvous of a blocked in with an out.
//   space_bench ADDRESS CLIENTS N [SPACE [pipelined]]
#include <deque>

#include "bench/measure.hpp"
#include "client/session.hpp"

namespace {

using parvis::client::Session;

class Client {
 public:
  Client(const std::string& address, std::string space) : space_(std::move(space)) {
    session_ = Session::connect({.address = address, .token = {}, .name = "space_bench"});
  }

  Session& session() { return *session_; }
  void out(int lane, int i) {
    make(lane, i);
    session_->call(parvis::Operation(put()));
  }
  void get(int lane, bool take) { session_->call(parvis::Operation(wish(lane, take))); }
  void start_get(int lane, bool take) { window_.push_back(session_->start(parvis::Operation(wish(lane, take)))); }
  void start_out(int lane, int i) {
    make(lane, i);
    window_.push_back(session_->start(parvis::Operation(put())));
  }
  void finish() {
    window_.front().wait();
    window_.pop_front();
  }

 private:
  parvis::Get wish(int lane, bool take) {
    if (lane != lane_) {
      lane_ = lane;
      template_ = parvis::encoded(parvis::Template{{{parvis::Value("bench")},
                                                    {parvis::Value(lane)},
                                                    {parvis::Formal{parvis::Type::integer}},
                                                    {parvis::Formal{parvis::Type::bytes}}},
                                                   false});
    }
    parvis::Get get;
    get.space = space_;
    get.templates = {parvis::Payload(template_)};
    get.take = take;
    return get;
  }
  void make(int lane, int i) {
    tuple_.clear();
    parvis::Writer writer(tuple_);
    writer.tuple_body(4);
    writer.string("bench");
    writer.integer(std::int64_t{lane});
    writer.integer(std::int64_t{i});
    writer.bytes(payload_);
  }
  parvis::Out put() {
    parvis::Out out;
    out.space = space_;
    out.tuples = {parvis::Payload(&tuple_)};
    return out;
  }

  std::string space_;
  std::shared_ptr<Session> session_;
  std::deque<parvis::client::Pending> window_;
  parvis::Encoding tuple_;
  parvis::Blob payload_ = parvis::Blob::take(parvis::ByteVector(100, std::byte{'x'}));
  parvis::Blob template_;
  int lane_ = -1;
};

void pipelined(Client& client, int n) {
  auto together = client.session().pipeline();
  bench::pipelined(
      "out", n, [&](int i) { client.start_out(1000, i); }, [&] { client.finish(); });
  bench::pipelined(
      "rd", n, [&](int) { client.start_get(1000, false); }, [&] { client.finish(); });
  bench::pipelined(
      "in", n, [&](int) { client.start_get(1000, true); }, [&] { client.finish(); });
}

int run(const std::string& address, int clients, int n, const std::string& space) {
  const std::string suffix = clients > 1 ? ", " + std::to_string(clients) + " clients" : "";
  std::vector<std::unique_ptr<Client>> all;
  for (int i = 0; i < clients; ++i) all.push_back(std::make_unique<Client>(address, space));
  const auto at = [&](int client) -> Client& { return *all[static_cast<std::size_t>(client)]; };

  bench::loop("out" + suffix, clients, n, [&](int client, int i) { at(client).out(client, i); });
  bench::loop("rd" + suffix, clients, n, [&](int client, int) { at(client).get(client, false); });
  bench::loop("in" + suffix, clients, n, [&](int client, int) { at(client).get(client, true); });
  if (clients == 1) {
    pipelined(at(0), n);
    Client other(address, space);
    bench::rendezvous(
        "rendezvous", std::min(n, 2000), [&](int) { other.get(500, true); }, [&](int i) { at(0).out(500, i); });
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: space_bench ADDRESS CLIENTS N [SPACE [pipelined]]\n");
    return 2;
  }
  try {
    if (argc > 5) {
      Client alone(argv[1], argv[4]);
      pipelined(alone, bench::number(argv[3]));
      return 0;
    }
    return run(argv[1], bench::number(argv[2]), bench::number(argv[3]), argc > 4 ? argv[4] : "default");
  } catch (const parvis::Error& error) {
    std::fprintf(stderr, "space_bench: %s\n", error.what());
    return 1;
  }
}
