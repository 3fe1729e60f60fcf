// What the environment says: where to listen, where to keep, which version of the desk to be, and which fault to have.
#pragma once

#include <functional>
#include <string>

namespace prestamos {

// A release can go wrong on purpose, so that what watches over releases can be tried.
enum class FaultKind {
  none,
  constant_principal,  // every answer about a loan of that kind is 500
  slow_tail,           // a few of a hundred queries take 1.5 s
  crash,               // the process aborts some time after its start
};

struct Settings {
  int port = 8080;  // PORT; PRESTAMOS_PORT comes before it, which no platform expects: to see what one says
  std::string store = ":memory:";
  int version = 1;  // 2 has the simulation
  FaultKind fault = FaultKind::none;
  int fault_number = 0;  // slow_tail: of a hundred; crash: seconds
  bool sample = true;    // an empty store begins with a few customers and loans
  int bureau_ms = 50;    // how long the stand-in of a credit bureau takes
  std::string service;   // K_SERVICE
  std::string revision;  // K_REVISION
  std::string project;   // GOOGLE_CLOUD_PROJECT, for the name of a trace
};

// `get` gives a variable's text, empty when it is not set. Throws std::invalid_argument: which variable, why, what is
// right.
Settings read_settings(const std::function<std::string(const char*)>& get);

}  // namespace prestamos
