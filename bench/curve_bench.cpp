// What matching costs as the space fills: rdp, in and out beside 10^3 .. MAX stored tuples of three fields, by what the
// template names, and out beside 1 .. 10^5 blocked templates. Measured at the client, medians of N.
//   curve_bench ADDRESS N MAX
#include <functional>
#include <random>

#include "bench/measure.hpp"
#include "client/session.hpp"

namespace {

using namespace parvis;

class Curve {
 public:
  Curve(const std::string& address, int n)
      : session_(client::Session::connect({.address = address, .token = {}, .name = "curve_bench"})), n_(n) {}

  void stored(int max) {
    for (int have = 0, want = 1000; want <= max; want *= 10) {
      fill(have, want);
      have = want;
      measure(have);
    }
    drop();
  }
  void waiting(int max) {
    std::vector<client::Pending> blocked;
    for (int want = 1; want <= max; want *= 10) {
      while (static_cast<int>(blocked.size()) < want)
        blocked.push_back(session_->start(wish({{Value("waited")}, {Value(static_cast<int>(blocked.size()))}}, true)));
      const auto name = " beside " + std::to_string(want) + " waiters";
      median("out that nobody waits for" + name, [&](int) { out(Tuple{{"other", 1}}); });
      // The one that waits for it is asked for again, outside the time that is measured.
      std::vector<double> times;
      for (int i = 0; i < std::min(n_, 500); ++i) {
        const auto lane = static_cast<std::size_t>(random_() % blocked.size());
        const auto begin = bench::Clock::now();
        out(Tuple{{"waited", static_cast<int>(lane)}});
        times.push_back(bench::microseconds(bench::Clock::now() - begin));
        blocked[lane].wait();
        blocked[lane] = session_->start(wish({{Value("waited")}, {Value(static_cast<int>(lane))}}, true));
      }
      bench::emit("out that one waits for" + name, bench::percentile(times, 0.5), "us");
    }
    drop();
  }

 private:
  static Tuple tuple(int i) { return Tuple{{key(i, 'k'), i, key(i, 'z')}}; }
  static std::string key(int i, char letter) {
    std::string digits = std::to_string(10'000'000 + i);
    digits.front() = letter;
    return digits;
  }
  static Out put(std::vector<Payload> tuples) {
    Out out;
    out.space = "curve";
    out.tuples = std::move(tuples);
    return out;
  }
  static Get wish(std::vector<Pattern> fields, bool take, bool wait = true) {
    Get get;
    get.space = "curve";
    get.templates.emplace_back(encoded(Template{std::move(fields), false}));
    get.take = take;
    get.wait = wait;
    return get;
  }
  void out(const Tuple& t) { session_->call(put({Payload(encoded(t))})); }
  void fill(int from, int to) {
    std::vector<Payload> some;
    for (int i = from; i < to; ++i) {
      some.emplace_back(encoded(tuple(i)));
      if (some.size() == 5000 || i + 1 == to) session_->call(put(std::exchange(some, {})));
    }
  }
  void drop() { session_->call(Spaces{Spaces::What::drop, "curve", {}, -1, -1}); }

  void median(const std::string& metric, const std::function<void(int)>& op) {
    std::vector<double> times;
    for (int i = 0; i < n_; ++i) {
      const auto begin = bench::Clock::now();
      op(i);
      times.push_back(bench::microseconds(bench::Clock::now() - begin));
    }
    bench::emit(metric, bench::percentile(times, 0.5), "us");
  }

  void measure(int have) {
    const std::string among = " among " + std::to_string(have);
    const Pattern text{Formal{Type::string}}, number{Formal{Type::integer}};
    const auto some = [&] { return static_cast<int>(random_() % static_cast<unsigned>(have)); };
    const auto look = [&](const std::string& name, const std::function<std::vector<Pattern>()>& fields, bool hit) {
      median("rdp " + name + among, [&](int) {
        const auto answer = session_->call(wish(fields(), false, false));
        if (std::get<Found>(answer).items.empty() == hit)
          throw Error(ErrorCode::protocol_error, name + ": wrong answer");
      });
    };
    look(
        "hit, first field",
        [&] {
          return std::vector<Pattern>{{Value(key(some(), 'k'))}, number, text};
        },
        true);
    look(
        "hit, last field",
        [&] {
          return std::vector<Pattern>{text, number, {Value(key(some(), 'z'))}};
        },
        true);
    look(
        "hit, formals alone",
        [&] {
          return std::vector<Pattern>{text, number, text};
        },
        true);
    look(
        "miss, first field",
        [&] {
          return std::vector<Pattern>{{Value("none")}, number, text};
        },
        false);
    look(
        "miss, last field",
        [&] {
          return std::vector<Pattern>{text, number, {Value("none")}};
        },
        false);
    look(
        "range",
        [&] {
          const int i = some();
          return std::vector<Pattern>{text, {Between{Value(i), Value(i + 10)}}, text};
        },
        true);
    look(
        "prefix",
        [&] {
          return std::vector<Pattern>{text, number, {Prefix{Value(key(some(), 'z'))}}};
        },
        true);
    std::vector<double> takes, puts;
    for (int i = 0; i < n_; ++i) {
      const int lane = some();
      const auto begin = bench::Clock::now();
      session_->call(wish({{Value(key(lane, 'k'))}, number, text}, true));
      const auto middle = bench::Clock::now();
      out(tuple(lane));
      takes.push_back(bench::microseconds(middle - begin));
      puts.push_back(bench::microseconds(bench::Clock::now() - middle));
    }
    bench::emit("in" + among, bench::percentile(takes, 0.5), "us");
    bench::emit("out" + among, bench::percentile(puts, 0.5), "us");
  }

  std::shared_ptr<client::Session> session_;
  const int n_;
  std::mt19937 random_{1};
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: curve_bench ADDRESS N MAX\n");
    return 2;
  }
  try {
    Curve curve(argv[1], bench::number(argv[2]));
    const int max = bench::number(argv[3]);
    curve.stored(max);
    curve.waiting(std::min(max, 100'000));
  } catch (const Error& error) {
    std::fprintf(stderr, "curve_bench: %s\n", error.what());
    return 1;
  }
  return 0;
}
