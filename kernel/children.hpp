// The child processes of this process, as the system lists them.
#pragma once

namespace parvis::kernel {

// Sends `signal` to every descendant in this process's own process group (one that made a group of its own wants to be
// left alone). Any thread; needs no lock.
void signal_descendants(int signal);

}  // namespace parvis::kernel
