#include "kernel/python.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "tuplespace/model/error.hpp"

namespace parvis::kernel {

namespace {

namespace fs = std::filesystem;

std::string linked_version() { return std::to_string(PY_MAJOR_VERSION) + "." + std::to_string(PY_MINOR_VERSION); }

// "3.11" of "3.11.2"
std::string minor_of(const std::string& version) {
  const auto first = version.find('.');
  const auto second = version.find_first_not_of("0123456789", first == std::string::npos ? first : first + 1);
  return version.substr(0, second);
}

// The version that a venv's pyvenv.cfg states; empty when there is none.
std::string venv_version(const fs::path& program) {
  std::ifstream file(program.parent_path().parent_path() / "pyvenv.cfg");
  for (std::string line; std::getline(file, line);) {
    const auto equals = line.find('=');
    if (equals == std::string::npos || line.rfind("version", 0) != 0) continue;
    const auto value = line.find_first_not_of(" \t", equals + 1);
    if (value != std::string::npos) return minor_of(line.substr(value));
  }
  return {};
}

// Of an interpreter that is no venv's: its file name tells ("python3.11"), else the library beside it. Empty: neither.
std::string interpreter_version(const fs::path& program) {
  std::error_code error;
  const fs::path real = fs::canonical(program, error);
  const std::string name = real.filename().string();
  if (!error && name.rfind("python", 0) == 0 && name.find('.') != std::string::npos) return minor_of(name.substr(6));
  for (const auto& entry : fs::directory_iterator(real.parent_path().parent_path() / "lib", error)) {
    const std::string folder = entry.path().filename().string();
    const bool library = folder.rfind("python3.", 0) == 0 && fs::exists(entry.path() / "os.py", error);
    if (library) return minor_of(folder.substr(6));
  }
  return {};
}

[[noreturn]] void refuse(const std::string& text) { throw Error(ErrorCode::not_found, text); }

void checked(PyConfig& config, const PyStatus& status) {
  if (PyStatus_Exception(status) == 0) return;
  const std::string reason = status.err_msg != nullptr ? status.err_msg : "unknown";
  PyConfig_Clear(&config);
  throw Error(ErrorCode::storage_error, "Python cannot start: " + reason);
}

}  // namespace

fs::path find_python(const std::string& wanted) {
  const char* environment = std::getenv("VIRTUAL_ENV");
  const bool given = !wanted.empty();
  fs::path program = given                    ? fs::path(wanted)
                     : environment != nullptr ? fs::path(environment)
                                              : fs::path(PARVIS_DEFAULT_PYTHON);
  std::error_code error;
  if (fs::is_directory(program, error)) {
    program /= "bin";
    program /= fs::exists(program / "python3", error) ? "python3" : "python";
  }
  program = fs::absolute(program);
  const char* origin = given ? "--python" : environment != nullptr ? "$VIRTUAL_ENV" : "the default";
  if (::access(program.c_str(), X_OK) != 0) {
    refuse("there is no Python at " + program.string() + " (" + origin + "); name an interpreter or a venv folder");
  }
  std::string version = venv_version(program);
  if (version.empty()) version = interpreter_version(program);
  if (version != linked_version()) {
    refuse(program.string() + " (" + origin + ") is Python " + (version.empty() ? "of an unknown version" : version) +
           ", but this kernel embeds " + linked_version() + "; make a venv with python" + linked_version() +
           " -m venv, or build Parvis with -DPARVIS_PYTHON=");
  }
  return program;
}

Python::Python(const fs::path& program) {
  PyConfig config;
  PyConfig_InitPythonConfig(&config);
  config.parse_argv = 0;
  config.install_signal_handlers = 1;  // SIGINT raises KeyboardInterrupt
  config.safe_path = 0;
  checked(config, PyConfig_SetBytesString(&config, &config.program_name, program.c_str()));
  checked(config, PyConfig_SetBytesString(&config, &config.executable, program.c_str()));
  checked(config, PyConfig_SetString(&config, &config.stdio_encoding, L"utf-8"));
  checked(config, PyConfig_SetString(&config, &config.stdio_errors, L"backslashreplace"));
  checked(config, Py_InitializeFromConfig(&config));
  PyConfig_Clear(&config);
  main_ = PyEval_SaveThread();
}

}  // namespace parvis::kernel
