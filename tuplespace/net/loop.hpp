// Runs a loop so that who asks again at once is answered at once. See loop.cpp.
#pragma once

#include <boost/asio/io_context.hpp>

namespace parvis::net {

// As io.run(). Before it sleeps it looks for more for a moment, where a core is free and looking found something of
// late.
void run(boost::asio::io_context& io);

}  // namespace parvis::net
