// Redis through its own C client, the same operations as space_bench: put (LPUSH), take (BRPOP), read (LINDEX), of 100
// bytes, one request a round trip; puts pipelined by 100; and the rendezvous of a blocked BRPOP with an LPUSH.
//   redis_bench PATH|HOST:PORT CLIENTS N
#include <hiredis/hiredis.h>

#include <memory>
#include <utility>

#include "bench/measure.hpp"

namespace {

struct Free {
  void operator()(redisContext* c) const { redisFree(c); }
  void operator()(redisReply* r) const { freeReplyObject(r); }
};
using Context = std::unique_ptr<redisContext, Free>;

// A path, or HOST:PORT.
Context connect(const std::string& address) {
  const auto colon = address.rfind(':');
  Context context(address.front() == '/'
                      ? redisConnectUnix(address.c_str())
                      : redisConnect(address.substr(0, colon).c_str(), bench::number(address.c_str() + colon + 1)));
  if (!context || context->err) {
    std::fprintf(stderr, "redis: %s\n", context ? context->errstr : "no memory");
    std::exit(1);
  }
  return context;
}

void check(void* answer) {
  const std::unique_ptr<redisReply, Free> reply(static_cast<redisReply*>(answer));
  if (!reply || reply->type == REDIS_REPLY_ERROR || reply->type == REDIS_REPLY_NIL) {
    std::fprintf(stderr, "redis: %s\n", reply && reply->str ? reply->str : "no answer");
    std::exit(1);
  }
}

// The command for one operation, appended to what is to be sent.
enum class Op { out, rd, in };
void append(redisContext* c, Op op, const std::string& payload) {
  if (op == Op::out) redisAppendCommand(c, "LPUSH pipe %b", payload.data(), payload.size());
  else if (op == Op::rd) redisAppendCommand(c, "LINDEX pipe -1");
  else redisAppendCommand(c, "BRPOP pipe 0");
}

void pipelined(redisContext* c, const std::string& payload, int n) {
  for (const auto& [name, op] : {std::pair{"out", Op::out}, {"rd", Op::rd}, {"in", Op::in}}) {
    bench::pipelined(
        name, n, [&, o = op](int) { append(c, o, payload); },
        [&] {
          void* reply = nullptr;
          redisGetReply(c, &reply);
          check(reply);
        });
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: redis_bench PATH|HOST:PORT CLIENTS N\n");
    return 2;
  }
  const int clients = bench::number(argv[2]), n = bench::number(argv[3]);
  const std::string payload(100, 'x');
  const std::string suffix = clients > 1 ? ", " + std::to_string(clients) + " clients" : "";
  std::vector<Context> contexts;
  for (int i = 0; i < clients; ++i) contexts.push_back(connect(argv[1]));
  const auto context = [&](int client) { return contexts[static_cast<std::size_t>(client)].get(); };

  bench::loop("out" + suffix, clients, n, [&](int client, int) {
    check(redisCommand(context(client), "LPUSH bench:%d %b", client, payload.data(), payload.size()));
  });
  bench::loop("rd" + suffix, clients, n,
              [&](int client, int) { check(redisCommand(context(client), "LINDEX bench:%d -1", client)); });
  bench::loop("in" + suffix, clients, n,
              [&](int client, int) { check(redisCommand(context(client), "BRPOP bench:%d 0", client)); });
  if (clients == 1) {
    pipelined(context(0), payload, n);
    const auto other = connect(argv[1]);
    bench::rendezvous(
        "rendezvous", std::min(n, 2000), [&](int) { check(redisCommand(other.get(), "BRPOP meet 0")); },
        [&](int) { check(redisCommand(context(0), "LPUSH meet %b", payload.data(), payload.size())); });
  }
  return 0;
}
