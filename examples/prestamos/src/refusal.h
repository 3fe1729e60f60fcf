// Why a request is refused: for each fault its place, its cause and its remedy, in both languages of the desk.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

namespace prestamos {

enum class Language { english, spanish };

// The first language of Accept-Language that the desk speaks; English otherwise.
Language language_of(std::string_view accept_language);

struct Both {
  std::string english;
  std::string spanish;

  const std::string& in(Language language) const { return language == Language::spanish ? spanish : english; }
};

// Each `{}` becomes the next value, in both.
Both both(std::string_view english, std::string_view spanish, const std::vector<std::string>& values = {});

struct Fault {
  std::string field;  // the place: a field of the body, a parameter, a header; empty for the request itself
  std::string code;
  Both cause;
  Both remedy;
};

class Refusal : public std::exception {
 public:
  Refusal(int status, std::vector<Fault> faults) : status_(status), faults_(std::move(faults)) {}
  Refusal(int status, Fault fault) : Refusal(status, std::vector{std::move(fault)}) {}

  int status() const { return status_; }
  const std::vector<Fault>& faults() const { return faults_; }
  const char* what() const noexcept override { return "refused"; }

 private:
  int status_;
  std::vector<Fault> faults_;
};

// Whole cents as people write them: 1234.50.
std::string money(std::int64_t cents);

}  // namespace prestamos
