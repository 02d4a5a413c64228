// The supervisor: starts kernels, reaps them, reports and replaces those that die, takes commands from the space
// (docs/kernels.md). No Python here. `parvis agent` is this function with a command line.
//
// Kernels outlive their supervisor: they are sessions of their own and get no signal when it dies. They then go on
// working, registered with the id of an agent that is gone; nobody replaces them, and the verb `stop` still ends them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace parvis::kernel {

struct AgentOptions {
  std::string id;       // 16 hex digits; made when empty
  std::string cluster;  // name of the cluster its kernels belong to; "": any
  int kernels = 1;
  std::string address;                        // of the server; empty: $PARVIS_ADDRESS, else the local one
  std::filesystem::path home;                 // the data folder; empty: $PARVIS_HOME, else ~/.local/state/parvis
  std::string python;                         // for parvis-kernel --python
  std::string listen;                         // for parvis-kernel --listen
  std::filesystem::path kernel_program;       // empty: parvis-kernel beside this executable
  std::vector<std::string> kernel_arguments;  // more of them
  bool detach = false;  // go into the background: a session of its own, log in home/agents/<id>.log
};

// Runs until all its kernels were stopped, or SIGTERM or SIGINT (which stop them). The exit status of the process: 0,
// or 1 when its kernels could not be started (said in one line on standard error). With `detach` the caller's process
// returns 0 at once and a child goes on. To be called while the process has one thread.
int run_agent(const AgentOptions& options);

}  // namespace parvis::kernel
