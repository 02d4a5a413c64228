// A child process (storage_writer) with pipes to its standard input and output.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

namespace parvis::storage::test {

class Child {
 public:
  Child(const std::string& folder, const std::string& mode);
  ~Child();  // kills it
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] pid_t pid() const { return pid_; }
  std::string line();               // the next line of its output; empty at its end
  void kill();                      // SIGKILL, and waits
  std::vector<std::string> rest();  // after kill: whole lines that were still in the pipe

 private:
  pid_t pid_ = -1;
  int in_ = -1;
  int out_ = -1;
  std::string buffered_;
};

}  // namespace parvis::storage::test
