#include "pipeline/registry_error.h"

#include <algorithm>
#include <array>

namespace marea::pipeline {
namespace {

using base::ErrorCode;

constexpr std::size_t kMostCauseBytes = 400;

struct Cause {
  std::string_view words;  // in lower case, as they are looked for
  ErrorCode code;
};

// The first that is found wins; skopeo 1.9 to 1.18 and what Docker Hub, Debian's docker-registry and others answer.
constexpr std::array kCauses = {
    Cause{"http response to https client", ErrorCode::registry_untrusted},
    Cause{"x509:", ErrorCode::registry_untrusted},
    Cause{"certificate", ErrorCode::registry_untrusted},
    Cause{"tls: ", ErrorCode::registry_untrusted},
    Cause{"redirects", ErrorCode::registry_failed},
    Cause{"exceeded maximum", ErrorCode::image_too_large},
    Cause{"toomanyrequests", ErrorCode::registry_failed},
    Cause{"too many requests", ErrorCode::registry_failed},
    Cause{"statuscode: 429", ErrorCode::registry_failed},
    Cause{"unsupported schema version", ErrorCode::image_invalid},
    Cause{"unsupported manifest", ErrorCode::image_invalid},
    Cause{"unauthorized", ErrorCode::registry_denied},
    Cause{"authentication required", ErrorCode::registry_denied},
    Cause{"invalid username/password", ErrorCode::registry_denied},
    Cause{"access to the resource is denied", ErrorCode::registry_denied},
    Cause{"denied:", ErrorCode::registry_denied},
    Cause{"forbidden", ErrorCode::registry_denied},
    Cause{"statuscode: 401", ErrorCode::registry_denied},
    Cause{"statuscode: 403", ErrorCode::registry_denied},
    Cause{"manifest unknown", ErrorCode::image_not_found},
    Cause{"name unknown", ErrorCode::image_not_found},
    Cause{"name_unknown", ErrorCode::image_not_found},
    Cause{"manifest_unknown", ErrorCode::image_not_found},
    Cause{"blob unknown", ErrorCode::image_not_found},
    Cause{"statuscode: 404", ErrorCode::image_not_found},
    Cause{"not found", ErrorCode::image_not_found},
    Cause{"doesn't match", ErrorCode::digest_mismatch},
    Cause{"digest did not match", ErrorCode::digest_mismatch},
    Cause{"no such host", ErrorCode::registry_unreachable},
    Cause{"server misbehaving", ErrorCode::registry_unreachable},
    Cause{"connection refused", ErrorCode::registry_unreachable},
    Cause{"connection reset", ErrorCode::registry_unreachable},
    Cause{"unreachable", ErrorCode::registry_unreachable},
    Cause{"no route to host", ErrorCode::registry_unreachable},
    Cause{"timeout", ErrorCode::registry_unreachable},
    Cause{"deadline exceeded", ErrorCode::registry_unreachable},
    Cause{"dial tcp", ErrorCode::registry_unreachable},
    Cause{": eof", ErrorCode::registry_unreachable},
};

std::string in_lower_case(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return out;
}

std::string remedy_of(ErrorCode code, const RegistryReference& reference, std::string_view said) {
  switch (code) {
    case ErrorCode::registry_untrusted:
      if (said.find("http response") != std::string_view::npos ||
          said.find("tls: first record") != std::string_view::npos) {
        return "Give the registry TLS; or allow plain HTTP to it: insecure = true for \"" + reference.host +
               "\" in registries.conf (docs/images.md)";
      }
      return "Put the certificate of its authority into registry/certs.d/" + reference.host +
             "/ca.crt of marea's data directory";
    case ErrorCode::registry_denied:
      return "Look at the name; if it is private, put its credentials into the file of marea serve --registry-auth "
             "(skopeo login --authfile FILE " +
             reference.host + ")";
    case ErrorCode::image_not_found:
      return "Look at the name and the tag: skopeo list-tags docker://" + reference.host + "/" + reference.repository;
    default: return {};
  }
}

// Without the frame of skopeo's log: time="…" level=fatal msg="…".
std::string unframed(std::string_view said) {
  constexpr std::string_view kFrame = " msg=\"";
  const std::size_t at = said.find(kFrame);
  if (at != std::string_view::npos && said.starts_with("time=")) {
    said.remove_prefix(at + kFrame.size());
    if (said.ends_with('"')) said.remove_suffix(1);
  }
  std::string out;
  for (std::size_t i = 0; i < said.size(); ++i) {
    if (said[i] == '\\' && i + 1 < said.size()) {
      ++i;
      out += said[i] == 'n' || said[i] == 't' ? ' ' : said[i];
    } else {
      out += said[i];
    }
  }
  return out;
}

}  // namespace

std::string plain_cause(std::string_view said) {
  std::string text = unframed(said);
  if (text.starts_with("Error parsing image name \"")) {  // what skopeo was asked; marea's own words name it
    const std::size_t end = text.find("\": ");
    if (end != std::string::npos) text.erase(0, end + 3);
  }
  const std::size_t status = text.find("StatusCode: ");
  if (const std::size_t comma = text.find(',', status); status != std::string::npos && comma != std::string::npos) {
    text.resize(comma);
  }
  for (std::size_t at = 0; (at = text.find('?', at)) != std::string::npos;) {
    text.erase(at, text.find_first_of(" \"'", at) - at);
  }
  text.resize(std::min(text.size(), kMostCauseBytes));
  std::ranges::replace_if(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
  return text;
}

base::Error registry_error(const RegistryReference& reference, std::string_view said) {
  const std::string words = in_lower_case(said);
  const auto* const found =
      std::ranges::find_if(kCauses, [&](const Cause& one) { return words.find(one.words) != std::string::npos; });
  const ErrorCode code = found == kCauses.end() ? ErrorCode::registry_failed : found->code;
  return {.code = code,
          .what = "cannot pull " + to_string(reference) + " from the registry " + reference.host,
          .why = plain_cause(said),
          .remedy = remedy_of(code, reference, words),
          .more = "docs/images.md"};
}

}  // namespace marea::pipeline
