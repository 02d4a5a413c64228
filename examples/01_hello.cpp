// A tuple goes in, is read, and is taken again. The local server is started if there is none.
#include <parvis/client.hpp>

#include <iostream>

using namespace parvis;

int main() {
  const Space space = connect({}, {.space = "hello"});
  space.out("greeting", "hello", 7);  // on the disk when it returns
  space.out("greeting", "good evening", 19);

  const auto [text, hour] = space.rd<std::string, int>("greeting", formal, formal);  // of the oldest
  std::cout << "read:  " << text << " " << hour << "\n";
  const auto [late] = space.rd<std::string>("greeting", formal, 19);
  std::cout << "late:  " << late << "\n";
  const auto [taken, at] = space.in<std::string, int>("greeting", formal, between(0, 12));
  std::cout << "taken: " << taken << " " << at << "\n";  // now it is gone
  // inp does not wait
  std::cout << "again: " << (space.inp("greeting", of<std::string>, 7) ? "there" : "gone") << "\n";
  std::cout << "left:  " << space.count("greeting", rest) << "\n";

  space.in("greeting", rest);
  try {
    space.in_for(std::chrono::milliseconds(100), "greeting", rest);  // in waits, here not for ever
  } catch (const Error& error) {
    std::cout << name_of(error.code()) << ": nobody greets us any more\n";
  }
}
