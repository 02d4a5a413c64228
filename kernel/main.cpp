// parvis-kernel: wires the parts. The diagram of the program:
//
//   clients --- Listener -> Control -> WorkQueue -> Worker -> Shell -> Python        (control thread | main thread)
//   server  --- Session  -> SpaceLink ----^             \-> TaskRunner -> Python     (feeder, keeper | main thread)
//   fds 1 2 --- OutputCapture (reader thread) -> StreamBuffer -> Control -> clients
//
// Exit status: 0 stopped as asked; 2 cannot start, with one line that says why; anything else is a death.
#include <fcntl.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "kernel/control.hpp"
#include "kernel/options.hpp"
#include "kernel/output.hpp"
#include "kernel/python.hpp"
#include "kernel/shared/journal.hpp"
#include "kernel/shared/names.hpp"
#include "kernel/shell.hpp"
#include "kernel/signals.hpp"
#include "kernel/space_link.hpp"
#include "kernel/worker.hpp"
#include "tuplespace/model/error.hpp"
#include "tuplespace/wire/home.hpp"

namespace parvis::kernel {
namespace {

constexpr std::chrono::seconds exit_handlers_patience{5};
constexpr std::chrono::milliseconds closing_poll{5};
constexpr std::size_t socket_path_max = 107;

wire::Token token_of(const Options& options) {
  if (const char* text = std::getenv("PARVIS_TOKEN"); text != nullptr && *text != '\0') return wire::parse_token(text);
  if (const auto token = wire::read_token(options.home)) return *token;
  throw Error(ErrorCode::unauthorized,
              "there is no token in " + options.home.string() + ": start the server first, or set PARVIS_TOKEN");
}

wire::Address listen_address(const Options& options) {
  if (!options.listen.empty()) return wire::Address::parse(options.listen);
  wire::Address address;
  address.path = options.file(".sock").string();
  // A socket's path is short by law; loopback does where the data folder lies deep.
  return address.path.size() <= socket_path_max ? address : wire::Address::parse("tcp://127.0.0.1:0");
}

// What `import parvis` inside finds, and what children inherit.
void set_environment(const Options& options) {
  ::setenv("PARVIS_HOME", options.home.c_str(), 1);
  if (!options.address.empty()) ::setenv("PARVIS_ADDRESS", options.address.c_str(), 1);
  ::setenv("PARVIS_KERNEL", options.id.c_str(), 1);
}

int private_file(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) throw Error(ErrorCode::storage_error, "cannot create " + path.string());
  return fd;
}

class Kernel {
 public:
  explicit Kernel(Options options)
      : options_(std::move(options)),
        program_(find_python(options_.python)),
        token_(token_of(options_)),
        facts_{options_.id,       options_.cluster, options_.agent, host_name(), PY_VERSION,
               program_.string(), options_.index,   ::getpid(),     unix_time()} {
    make_private_folder(options_.folder());
    set_environment(options_);
  }

  [[noreturn]] void run() {
    Journal journal(options_.file(".journal"));
    OutputCapture output(options_.output_bytes);
    try {
      serve(journal, output);
    } catch (const std::exception& error) {
      output.flush();
      output.log(error.what());
      end(output, 2);
    }
    output.flush();
    end(output, 0);
  }

 private:
  void serve(Journal& journal, OutputCapture& output) {
    boost::asio::io_context io(1);
    WorkQueue queue(::pthread_self());
    std::unique_ptr<SpaceLink> link;
    Control control(io, queue, journal, facts_,
                    {[&](CallAnswer answer) { link->keep(std::move(answer)); },
                     [&](Settlement part) { link->settle(std::move(part)); },
                     [&] {
                       for (Settlement& part : queue.give_up()) link->settle(std::move(part));
                       link->stop();
                       journal.stopped();
                       end(output, 0, true);
                     }});
    const auto note = [&](std::string_view what, const std::string& who, const std::string& why) {
      output.log(std::string(what) + " " + who + ": " + why);
    };
    net::Listener listener(io, {token_, "parvis-kernel " PARVIS_VERSION, Limits{}, note}, control);
    const wire::Address address = listener.listen(listen_address(options_));
    const auto guard = boost::asio::make_work_guard(io);
    std::jthread control_thread;
    {
      const AllSignalsBlocked blocked;
      stop_on_sigterm(io, [&] { control.stop(true); });
      link = std::make_unique<SpaceLink>(SpaceLink::Options{options_.address, options_.farm, facts_, address.text(),
                                                            [&](const std::string& line) { output.log(line); }},
                                         queue, [&] { control.watch_claims(); });
      control_thread = std::jthread([&io] { io.run(); });
    }
    const StopAtEnd stop_at_end{io};
    work(queue, control, *link, journal, output);
    link->stop();
    boost::asio::steady_timer poll(io);
    boost::asio::post(io, [&] {
      listener.stop_accepting();
      listener.close_all("the kernel has stopped");
      stop_when_closed(io, listener, poll);
    });
    control_thread.join();
  }

  // A thread that runs the io_context ends, also when an error leaves the scope.
  struct StopAtEnd {
    boost::asio::io_context& io;
    ~StopAtEnd() { io.stop(); }
  };

  // Answers that are on their way still leave; the listener bounds how long.
  static void stop_when_closed(boost::asio::io_context& io, net::Listener& listener, boost::asio::steady_timer& poll) {
    if (listener.connections() == 0) return io.stop();
    poll.expires_after(closing_poll);
    poll.async_wait([&](const boost::system::error_code&) { stop_when_closed(io, listener, poll); });
  }

  void work(WorkQueue& queue, Control& control, SpaceLink& link, Journal& journal, OutputCapture& output) {
    const Python python(program_);
    const Gil gil;
    try {
      Shell shell(
          {options_.id, private_file(options_.file(".stack")), private_file(options_.file(".dump")), options_.ipython},
          output);
      journal.ready();  // before anybody can send it work to die of
      control.ready();
      Worker worker(queue, shell, output, journal,
                    {[&](const Request& request) { control.started(request); },
                     [&](std::size_t slot, CallAnswer answer) { control.answered(slot, std::move(answer)); },
                     [&](const std::string& id, OutputCapture::Stream stream, std::string_view bytes) {
                       control.stream(id, stream, bytes);
                     },
                     [&](Settlement part) { link.settle(std::move(part)); },
                     [&](const std::string& task) { return link.story(task); }},
                    options_.id);
      worker.run();
      finish_python(shell, output);
    } catch (pybind11::error_already_set& error) {
      throw Error(ErrorCode::storage_error, "the Python side cannot start: " + Shell::text_of(error));
    }
  }

  // Exit handlers are user code and may never return.
  void finish_python(Shell& shell, OutputCapture& output) {
    const std::jthread watchdog([&](const std::stop_token& token) {
      std::mutex mutex;
      std::condition_variable_any over;
      std::unique_lock lock(mutex);
      over.wait_for(lock, token, exit_handlers_patience, [] { return false; });
      if (!token.stop_requested()) end(output, 0);
    });
    try {
      shell.finish();
    } catch (pybind11::error_already_set& error) {
      output.log(Shell::text_of(error));
    }
  }

  // Never by finalisation: threads of user code may be anywhere. `unfinished`: the journal stays, for the agent to tell
  // who waits for what was running.
  [[noreturn]] void end(OutputCapture& output, int status, bool unfinished = false) {
    output.flush();
    std::vector<const char*> files{".sock", ".dump"};
    if (status == 0) files.push_back(".stack");
    if (status == 0 && !unfinished) files.push_back(".journal");
    std::error_code error;
    for (const char* extension : files) std::filesystem::remove(options_.file(extension), error);
    ::_exit(status);
  }

  const Options options_;
  const std::filesystem::path program_;
  const wire::Token token_;
  const Facts facts_;
};

}  // namespace
}  // namespace parvis::kernel

int main(int argc, char** argv) {
  using namespace parvis::kernel;
  int status = 0;
  try {
    auto options = parse_options(argc, argv, status);
    if (!options) return status;
    std::signal(SIGPIPE, SIG_IGN);
    accept_signals();
    Kernel(std::move(*options)).run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "parvis-kernel: %s\n", error.what());
    return 2;
  }
}
