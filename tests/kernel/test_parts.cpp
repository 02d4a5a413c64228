// The small parts of a kernel: bounded output, the journal, the reading of calls, kept answers, the stream buffer.
#include <catch2/catch.hpp>

#include <unistd.h>

#include <filesystem>
#include <thread>

#include "kernel/answers.hpp"
#include "kernel/call.hpp"
#include "kernel/output.hpp"
#include "kernel/shared/journal.hpp"
#include "kernel/shared/names.hpp"
#include "kernel/shared/text.hpp"
#include "kernel/stream.hpp"
#include "tuplespace/model/error.hpp"

using namespace parvis;
using namespace parvis::kernel;

namespace {

Blob call(const char* verb, Map arguments) { return encoded(Tuple{{verb, std::move(arguments)}}); }

struct Folder {
  std::filesystem::path path = std::filesystem::temp_directory_path() / ("parvis-" + random_hex(12));
  Folder() { make_private_folder(path); }
  ~Folder() { std::filesystem::remove_all(path); }
};

}  // namespace

TEST_CASE("bounded text keeps the first and the last part, and says what is missing") {
  BoundedText text(10);
  text.append("abc");
  REQUIRE(text.take() == "abc");
  text.append("abcdefghij");
  REQUIRE(text.take() == "abcdefghij");
  for (int i = 0; i < 1000; ++i) text.append("0123456789");
  REQUIRE(text.take() == "01234\n[... 9990 bytes left out ...]\n56789");
  REQUIRE(text.empty());
}

TEST_CASE("text that is not UTF-8 becomes so") {
  REQUIRE(valid_utf8("plain") == "plain");
  REQUIRE(valid_utf8("gr\xc3\xbc\xc3\x9f") == "gr\xc3\xbc\xc3\x9f");
  REQUIRE(valid_utf8("a\xff"
                     "b") == "a\xef\xbf\xbd"
                             "b");
  REQUIRE(valid_utf8("\xc3") == "\xef\xbf\xbd");
  REQUIRE(valid_utf8("\xed\xa0\x80") == "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");  // a surrogate
  REQUIRE(valid_utf8("\xf0\x9f\x98\x80!") == "\xf0\x9f\x98\x80!");
}

TEST_CASE("output of the process is caught, also from C, and what follows belongs to the next") {
  OutputCapture capture(1 << 20);
  std::string streamed;
  capture.begin([&](OutputCapture::Stream stream, std::string_view bytes) {
    streamed += (stream == OutputCapture::out ? "out:" : "err:") + std::string(bytes);
  });
  std::printf("from C");
  REQUIRE(::write(2, "to stderr", 9) == 9);
  const auto first = capture.end();
  capture.begin();
  REQUIRE(::write(1, "second", 6) == 6);
  const auto second = capture.end();
  REQUIRE(first.out == "from C");
  REQUIRE(first.err == "to stderr");
  REQUIRE(second.out == "second");
  REQUIRE(second.err.empty());
  REQUIRE(streamed.find("out:from C") != std::string::npos);
  REQUIRE(streamed.find("err:to stderr") != std::string::npos);
}

TEST_CASE("more output than a pipe holds does not block its writer") {
  OutputCapture capture(1 << 16);
  capture.begin();
  const std::string block(1 << 16, 'x');
  for (int i = 0; i < 256; ++i) REQUIRE(::write(1, block.data(), block.size()) == static_cast<ssize_t>(block.size()));
  const auto text = capture.end();
  REQUIRE(text.out.size() < (1 << 16) + 100);
  REQUIRE(text.out.find("bytes left out") != std::string::npos);
}

TEST_CASE("the journal tells afterwards what ran and what waited") {
  const Folder folder;
  {
    Journal journal(folder.path / "j");
    const auto a = journal.add("aaaa", Verb::execute);
    const auto b = journal.add("bbbb", Verb::push);
    const auto c = journal.add("cccc", Verb::apply);
    REQUIRE(a != 0);
    journal.running(b);
    journal.remove(c);
    journal.farm("task");
  }
  REQUIRE_FALSE(Journal::was_stopped(folder.path / "j"));
  const auto entries = Journal::read(folder.path / "j");
  REQUIRE(entries.size() == 3);
  REQUIRE(entries[0].farm);
  REQUIRE(entries[0].id == "task");
  REQUIRE(entries[1].id == "aaaa");
  REQUIRE_FALSE(entries[1].running);
  REQUIRE(entries[2].id == "bbbb");
  REQUIRE(entries[2].running);
  REQUIRE(entries[2].verb == Verb::push);
  REQUIRE(Journal::read(folder.path / "none").empty());
  REQUIRE(Journal::was_stopped(folder.path / "none"));
  Journal(folder.path / "s").stopped();
  REQUIRE(Journal::was_stopped(folder.path / "s"));
}

TEST_CASE("the journal's slots are used again, and end") {
  const Folder folder;
  Journal journal(folder.path / "j");
  for (std::size_t i = 1; i < Journal::slots; ++i) REQUIRE(journal.add("x", Verb::pull) != 0);
  REQUIRE(journal.add("x", Verb::pull) == 0);
  journal.remove(4711);
  REQUIRE(journal.add("x", Verb::pull) == 4711);
}

TEST_CASE("a call is read with its arguments") {
  const std::string id(32, 'a');
  const Call execute = read_call(call(
      "execute", Map{{{"block", false}, {"code", "\n  x = 1\ny = 2"}, {"id", id}, {"timeout", 2}, {"user", "me"}}}));
  REQUIRE(execute.queued == Verb::execute);
  REQUIRE(execute.id == id);
  REQUIRE_FALSE(execute.block);
  REQUIRE(execute.request.code == "\n  x = 1\ny = 2");
  REQUIRE(execute.request.summary == "x = 1");
  REQUIRE(execute.request.timeout == 2.0);
  REQUIRE(execute.request.user == "me");
  const Call pull = read_call(call("pull", Map{{{"names", List{{"a", "b"}}}}}));
  REQUIRE(pull.queued == Verb::pull);
  Reader names(pull.request.body.span());
  REQUIRE(names.begin_list() == 2);
  const Call stop = read_call(call("stop", Map{{{"now", true}}}));
  REQUIRE_FALSE(stop.queued);
  REQUIRE(stop.now);
}

TEST_CASE("a call that makes no sense is refused with a reason") {
  const auto reason = [](const Blob& tuple) -> std::string {
    try {
      read_call(tuple);
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  };
  REQUIRE(reason(encoded(Tuple{{1}})).find("verb: str") != std::string::npos);
  REQUIRE(reason(call("execute", Map{})).find("'code'") != std::string::npos);
  REQUIRE(reason(call("execute", Map{{{"code", 7}}})).find("is to be str, not int") != std::string::npos);
  REQUIRE(reason(call("execute", Map{{{"code", "1"}, {"id", "short"}}})).find("32 hexadecimal") != std::string::npos);
  REQUIRE(reason(call("push", Map{})).find("'names'") != std::string::npos);
  REQUIRE(reason(call("pull", Map{{{"names", Map{}}}})).find("is to be list, not map") != std::string::npos);
  REQUIRE(reason(call("execute", Map{{{"code", "1"}, {"timeout", -1.0}}})).find("above 0") != std::string::npos);
  REQUIRE(reason(call("status", Map{{{"colour", "red"}}})).find("knows no argument 'colour'") != std::string::npos);
}

TEST_CASE("answers are kept by id, the last thousand") {
  Answers answers;
  for (std::size_t i = 0; i < Answers::kept + 10; ++i) answers.add(std::to_string(i), std::make_shared<Encoding>());
  REQUIRE_FALSE(answers.find("9"));
  REQUIRE(answers.find("10"));
  REQUIRE(answers.find(std::to_string(Answers::kept + 9)));
}

TEST_CASE("an answer's reply and its tuple for the space carry the same result") {
  const std::string kernel = "k1";
  Encoding result;
  Writer(result).value(Map{{{"id", "a"}, {"value", Blob::take(ByteVector(100'000))}}});
  const CallAnswer answer = make_answer("a", "ok", result, &kernel);
  const Tuple reply = decode_tuple(answer.reply->flatten());
  const Tuple stored = decode_tuple(answer.stored->flatten());
  REQUIRE(reply.items.size() == 2);
  REQUIRE(stored.items.size() == 5);
  REQUIRE(stored.items[2] == Value("k1"));
  REQUIRE(reply.items[1] == stored.items[4]);
}

TEST_CASE("streamed output is joined, and its taker woken once") {
  int woken = 0;
  StreamBuffer buffer([&] { ++woken; });
  buffer.put("a", 0, "one ");
  buffer.put("a", 0, "two");
  buffer.put("a", 1, "err");
  REQUIRE(woken == 1);
  const auto chunks = buffer.take();
  REQUIRE(chunks.size() == 2);
  REQUIRE(chunks[0].bytes == "one two");
  REQUIRE(chunks[1].stream == 1);
  buffer.put("a", 0, "x");
  REQUIRE(woken == 2);
}

TEST_CASE("a full stream buffer makes its writer wait until something was taken") {
  StreamBuffer buffer([] {});
  const std::string block(StreamBuffer::capacity, 'x');
  buffer.put("a", 0, block);
  std::jthread writer([&] { buffer.put("a", 0, "late"); });
  std::string got;
  while (got.find("late") == std::string::npos) {
    for (const auto& chunk : buffer.take()) got += chunk.bytes;
    std::this_thread::yield();
  }
  REQUIRE(got.size() == block.size() + 4);
}
