set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()

option(PARVIS_WERROR "Warnings are errors" OFF)
option(PARVIS_FUZZ "Build the libFuzzer targets, and everything instrumented for them (clang)" OFF)
set(PARVIS_SANITIZE "" CACHE STRING "Sanitizers, comma separated: address,undefined or thread")

# Most of a file's compile time goes into Boost's and the standard library's headers: read once for several files.
option(PARVIS_UNITY "Compile several files at once (off: each alone, for incremental work on one file)" ON)
set(CMAKE_UNITY_BUILD ${PARVIS_UNITY})
set(CMAKE_UNITY_BUILD_BATCH_SIZE 10)
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# A target with the property PARVIS_WHOLE is optimised as a whole when it is linked: the server. Everything else links
# the same objects as they are.
option(PARVIS_LTO "In a release, optimise the server as a whole (off: its links take a second, not twenty)" ON)
if(NOT CMAKE_BUILD_TYPE STREQUAL Release OR NOT CMAKE_CXX_COMPILER_ID STREQUAL GNU OR PARVIS_SANITIZE OR PARVIS_FUZZ)
  set(PARVIS_LTO OFF)
endif()
if(PARVIS_LTO)
  add_compile_options(-flto=auto -ffat-lto-objects)
  add_link_options($<IF:$<BOOL:$<TARGET_PROPERTY:PARVIS_WHOLE>>,-flto=auto,-fno-lto>)
endif()

add_library(parvis_flags INTERFACE)
target_include_directories(parvis_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_definitions(parvis_flags INTERFACE PARVIS_VERSION="${PROJECT_VERSION}")
target_compile_options(parvis_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                       $<$<CXX_COMPILER_ID:GNU>:-Wno-missing-field-initializers>
                       # g++ 12 with optimisation sees overlapping copies in std::string (gcc 105651) and uninitialised
                       # members in moved std::variants (gcc 80635) where there are none; clang's build has such checks
                       $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict -Wno-maybe-uninitialized>)
if(PARVIS_WERROR)
  target_compile_options(parvis_flags INTERFACE -Werror)
endif()
if(PARVIS_SANITIZE)
  add_compile_options(-fsanitize=${PARVIS_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined -O1 -g1)
  add_link_options(-fsanitize=${PARVIS_SANITIZE})
  # Recycled coroutine frames would hide use after free from the sanitizer.
  add_compile_definitions(BOOST_ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING)
  if(PARVIS_SANITIZE MATCHES thread)
    # The thread sanitizer does not understand fences; Asio's handlers are ordered by its mutexes as well.
    add_compile_definitions(BOOST_ASIO_DISABLE_FENCED_BLOCK)
  endif()
endif()
if(PARVIS_FUZZ)
  if(PARVIS_SANITIZE)
    message(FATAL_ERROR "PARVIS_FUZZ brings its own sanitizers: leave PARVIS_SANITIZE empty")
  endif()
  # Everything, libraries included: a fuzzer that sees only its own file finds nothing behind it.
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
                      -fno-omit-frame-pointer -O1 -g1)
  add_link_options(-fsanitize=address,undefined)
  add_compile_definitions(BOOST_ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING)
endif()
