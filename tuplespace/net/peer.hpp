// Who is at the other end of a socket, and whether that process still lives. Called from the loop's thread.
#pragma once

#include <sys/types.h>

#include <string>

namespace parvis::net {

struct Peer {
  bool same_user = false;  // a Unix socket whose other end runs as our user (SO_PEERCRED)
  pid_t pid = 0;           // of a Unix socket's other end; 0: unknown
  std::string text;        // "unix pid 4711", "127.0.0.1:4711"
};

Peer peer_of(int socket);

struct Process {
  int pidfd = -1;     // becomes readable when the process ends; -1: none. The caller closes it
  bool gone = false;  // it had ended before we could look
};

// Throws Error{limit_exceeded} when the system has no descriptor for it: nobody would notice that process's end.
Process process_of(const Peer& peer);
// Who waits for a pidfd asks before believing: an event may be that of a descriptor which had its number, or its place
// in the reactor, before.
bool has_ended(int pidfd);

}  // namespace parvis::net
