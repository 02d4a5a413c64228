// top: the spaces and who waits, again and again. On a terminal the whole screen, else plain text.
#include <cstdio>
#include <optional>

#include <fmt/format.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "client/cli/command.hpp"
#include "client/cli/print.hpp"
#include "client/cli/top.hpp"

namespace parvis::cli {

namespace {

constexpr double fastest = 0.5;  // seconds between two pictures
constexpr std::uint32_t most_waiters = 100;

struct Wanted {
  double interval = 1;
  bool once = false;
};

// The terminal without echo and line editing, on its other screen, for as long as this lives.
class Screen {
 public:
  Screen() {
    if (::tcgetattr(STDIN_FILENO, &before_) == 0) {
      termios raw = before_;
      raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
      keys_ = ::tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
    }
    fmt::print("\x1b[?1049h\x1b[?25l");
  }
  ~Screen() {
    fmt::print("\x1b[?25h\x1b[?1049l");
    std::fflush(stdout);
    if (keys_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  [[nodiscard]] bool keys() const { return keys_; }
  static void paint(const std::string& title, const Picture& picture, const std::map<std::string, double>& rates) {
    winsize size{};
    ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    std::string text = "\x1b[H";
    const auto lines = lines_of(title, picture, rates, size.ws_row, size.ws_col);
    for (std::size_t i = 0; i < lines.size(); ++i) text += (i == 0 ? "" : "\r\n") + lines[i] + "\x1b[K";
    fmt::print("{}\x1b[J", text);
    std::fflush(stdout);
  }

 private:
  termios before_{};
  bool keys_ = false;
};

Picture take_picture(client::Session& session) {
  Picture picture{.time = std::chrono::steady_clock::now(), .spaces = {}, .waiters = {}};
  const Answer answer = session.call(Spaces{}, interruptible());
  picture.spaces = std::get<Listing>(answer).spaces;
  picture.waiters = waiters_of(session, {.space = "", .max = most_waiters});
  return picture;
}

// Until the next picture is due. True: the user has had enough.
bool pause(double seconds, bool keys) {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  const auto milliseconds = static_cast<int>(seconds * 1000);
  const int ready = ::poll(&input, keys ? 1 : 0, milliseconds);
  if (was_interrupted()) return true;
  if (ready <= 0) return false;
  char key = 'q';
  return ::read(STDIN_FILENO, &key, 1) <= 0 || key == 'q' || key == 'Q';
}

bool print_plain(const std::string& title, const Picture& picture, const std::map<std::string, double>& rates,
                 bool json) {
  if (json) return print_line(to_json(picture, rates).dump());
  for (const auto& line : lines_of(title, picture, rates, 0, 0))
    if (!print_line(line)) return false;
  return print_line("");
}

void top(Context& context, const Wanted& wanted) {
  const auto session = context.connect();
  const std::string title = "parvis top - " + session->address();
  Picture picture = take_picture(*session);
  std::optional<Screen> screen;
  if (!wanted.once && !context.json && ::isatty(STDOUT_FILENO) != 0) screen.emplace();
  std::map<std::string, double> change;
  for (;;) {
    if (screen) Screen::paint(title + (screen->keys() ? " - q to quit" : ""), picture, change);
    else if (!print_plain(title, picture, change, context.json)) break;  // its reader has seen enough
    if (wanted.once || pause(wanted.interval, screen && screen->keys())) break;
    Picture next = take_picture(*session);
    change = rates(picture, next);
    picture = std::move(next);
  }
  screen.reset();
  session->close();
}

}  // namespace

void add_top_command(CLI::App& app, Context& context) {
  auto* command = add_command(app, "top", "The spaces and who waits for what, live; q or Ctrl-C ends it", context);
  auto wanted = std::make_shared<Wanted>();
  command->add_option("--interval", wanted->interval, "Seconds between two pictures, at least 0.5")
      ->check(CLI::Range(fastest, 3600.0))
      ->capture_default_str();
  command->add_flag("--once", wanted->once, "One picture");
  command->footer("  parvis top\n"
                  "  parvis top --once --json               for programs\n"
                  "Without a terminal it prints plain text, a picture after the other. TUPLES/S: how many more.");
  command->callback([wanted, &context] {
    catch_interrupts();
    top(context, *wanted);
  });
}

}  // namespace parvis::cli
