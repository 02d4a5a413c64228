# `cmake --install build/release [--prefix /usr/local]`: programs, Python package, C++ client and pages where a Debian
# system expects them. The kernel stands beside the command, which starts it.
include(GNUInstallDirs)

foreach(program parvis parvis-kernel)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  endif()
endforeach()

set(PARVIS_PYTHON_DESTINATION lib/python3/dist-packages CACHE STRING "Where the Python package is installed")
if(CMAKE_INSTALL_PREFIX MATCHES "^/usr/local/?$")
  set(PARVIS_PYTHON_DESTINATION lib/python${Python_VERSION_MAJOR}.${Python_VERSION_MINOR}/dist-packages)
endif()
install(DIRECTORY python/parvis DESTINATION ${PARVIS_PYTHON_DESTINATION}
        FILES_MATCHING PATTERN "*.py" PATTERN "*.pyi" PATTERN "py.typed" PATTERN "__pycache__" EXCLUDE)
if(TARGET _parvis)
  install(TARGETS _parvis LIBRARY DESTINATION ${PARVIS_PYTHON_DESTINATION}/parvis)
endif()

# The C++ client: g++ -std=c++20 program.cpp $(pkg-config --cflags --libs parvis)
install(DIRECTORY client/include/parvis DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.hpp")
foreach(folder client tuplespace/wire tuplespace/model)
  file(GLOB headers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.hpp)
  install(FILES ${headers} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/parvis/${folder})
endforeach()
foreach(library parvis_client parvis_wire parvis_model)
  if(PARVIS_LTO)  # without what links of the server as a whole read in them: it is for this very compiler
    set(plain ${CMAKE_BINARY_DIR}/installed/lib${library}.a)
    install(CODE "execute_process(COMMAND \"${CMAKE_OBJCOPY}\" -R .gnu.lto_* \"$<TARGET_FILE:${library}>\"
                                  \"${plain}\" COMMAND_ERROR_IS_FATAL ANY)")
    install(FILES ${plain} DESTINATION ${CMAKE_INSTALL_LIBDIR})
  else()
    install(TARGETS ${library} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
  endif()
endforeach()
file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/installed)
file(RELATIVE_PATH PARVIS_PC_TO_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/parvis.pc.in ${CMAKE_BINARY_DIR}/parvis.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/parvis.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs FILES_MATCHING PATTERN "*.md")
install(DIRECTORY examples/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples
        FILES_MATCHING PATTERN "*.py" PATTERN "*.cpp" PATTERN "*.md" PATTERN "__pycache__" EXCLUDE)

# A server as a service: one for a user's session, one that starts with the machine (docs/operating.md).
configure_file(scripts/systemd/parvis.user.service.in ${CMAKE_BINARY_DIR}/systemd/user/parvis.service @ONLY)
configure_file(scripts/systemd/parvis@.service.in ${CMAKE_BINARY_DIR}/systemd/system/parvis@.service @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/systemd/user/parvis.service DESTINATION lib/systemd/user)
install(FILES ${CMAKE_BINARY_DIR}/systemd/system/parvis@.service DESTINATION lib/systemd/system)
