#include "pipeline/registry_error.h"

#include <algorithm>
#include <array>

#include "pipeline/layer.h"

namespace marea::pipeline {
namespace {

using base::ErrorCode;

struct Cause {
  std::string_view words;  // in lower case, as they are looked for
  ErrorCode code;
  std::string_view why;  // marea's own, as a registry may say anything
};

constexpr std::string_view kNoTls = "it speaks plain HTTP where TLS was expected";
constexpr std::string_view kNoVoucher = "nobody whom this machine trusts vouches for its certificate";
constexpr std::string_view kLimits = "it limits how often it may be asked (429)";
constexpr std::string_view kManifest = "its manifest has a form that nobody writes any more, or that is unknown";
constexpr std::string_view kDenied = "it does not let these credentials, or none, read that (401 or 403)";
constexpr std::string_view kNotThere = "it has no such repository, tag or digest (404)";
constexpr std::string_view kOther = "it sent something else than the digest says";
constexpr std::string_view kNoHost = "no such host: its name has no address";
constexpr std::string_view kLate = "it did not answer in time";
constexpr std::string_view kCut = "the connection ended before the answer";

// The first that is found wins; skopeo 1.9 to 1.18 and what Docker Hub, Debian's docker-registry and others answer.
constexpr std::array kCauses = {
    Cause{"loading registries configuration", ErrorCode::invalid_argument, "registries.conf cannot be read as one"},
    Cause{"permission denied", ErrorCode::registry_untrusted,
          "a file of its certificates cannot be read by the builder (docs/images.md)"},
    Cause{"http response to https client", ErrorCode::registry_untrusted, kNoTls},
    Cause{"tls: first record", ErrorCode::registry_untrusted, kNoTls},
    Cause{"certificate has expired", ErrorCode::registry_untrusted, "its certificate has expired, or is not valid yet"},
    Cause{"certificate is valid for", ErrorCode::registry_untrusted, "its certificate is for another host"},
    Cause{"certificate is not valid for", ErrorCode::registry_untrusted, "its certificate is for another host"},
    Cause{"doesn't contain any ip sans", ErrorCode::registry_untrusted, "its certificate is for another host"},
    Cause{"x509:", ErrorCode::registry_untrusted, kNoVoucher},
    Cause{"certificate", ErrorCode::registry_untrusted, kNoVoucher},
    Cause{"tls: ", ErrorCode::registry_untrusted, "it and this machine cannot agree on TLS"},
    Cause{"redirects", ErrorCode::registry_failed, "it redirects in a circle"},
    Cause{"exceeded maximum", ErrorCode::image_too_large, "its manifest has more than the 4 MiB that one may have"},
    Cause{"toomanyrequests", ErrorCode::registry_failed, kLimits},
    Cause{"too many requests", ErrorCode::registry_failed, kLimits},
    Cause{"statuscode: 429", ErrorCode::registry_failed, kLimits},
    Cause{"unsupported schema version", ErrorCode::image_invalid, kManifest},
    Cause{"unsupported manifest", ErrorCode::image_invalid, kManifest},
    Cause{"unauthorized", ErrorCode::registry_denied, kDenied},
    Cause{"authentication required", ErrorCode::registry_denied, kDenied},
    Cause{"invalid username/password", ErrorCode::registry_denied, kDenied},
    Cause{"access to the resource is denied", ErrorCode::registry_denied, kDenied},
    Cause{"denied:", ErrorCode::registry_denied, kDenied},
    Cause{"forbidden", ErrorCode::registry_denied, kDenied},
    Cause{"statuscode: 401", ErrorCode::registry_denied, kDenied},
    Cause{"statuscode: 403", ErrorCode::registry_denied, kDenied},
    Cause{"manifest unknown", ErrorCode::image_not_found, kNotThere},
    Cause{"name unknown", ErrorCode::image_not_found, kNotThere},
    Cause{"name_unknown", ErrorCode::image_not_found, kNotThere},
    Cause{"manifest_unknown", ErrorCode::image_not_found, kNotThere},
    Cause{"blob unknown", ErrorCode::image_not_found, kNotThere},
    Cause{"statuscode: 404", ErrorCode::image_not_found, kNotThere},
    Cause{"not found", ErrorCode::image_not_found, kNotThere},
    Cause{"doesn't match", ErrorCode::digest_mismatch, kOther},
    Cause{"digest did not match", ErrorCode::digest_mismatch, kOther},
    Cause{"no such host", ErrorCode::registry_unreachable, kNoHost},
    Cause{"server misbehaving", ErrorCode::registry_unreachable, "the name server does not answer"},
    Cause{"connection refused", ErrorCode::registry_unreachable, "the connection was refused: nothing listens there"},
    Cause{"connection reset", ErrorCode::registry_unreachable, kCut},
    Cause{"unreachable", ErrorCode::registry_unreachable, "there is no way to it"},
    Cause{"no route to host", ErrorCode::registry_unreachable, "there is no way to it"},
    Cause{"timeout", ErrorCode::registry_unreachable, kLate},
    Cause{"deadline exceeded", ErrorCode::registry_unreachable, kLate},
    Cause{"dial tcp", ErrorCode::registry_unreachable, "no connection to it can be made"},
    Cause{": eof", ErrorCode::registry_unreachable, kCut},
};

std::string in_lower_case(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return out;
}

void erase_all(std::string& text, const std::string& part) {
  if (part.empty()) return;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos;) text.erase(at, part.size());
}

// In lower case, without what names the image, since names may be like causes: addresses, the host, the repository.
std::string words_of(const RegistryReference& reference, std::string_view said) {
  std::string out = in_lower_case(said);
  for (const std::string_view scheme : {"http://", "https://", "docker://"}) {
    for (std::size_t at = 0; (at = out.find(scheme, at)) != std::string::npos;) {
      out.erase(at, std::min(out.find_first_of(" \"'\\", at), out.size()) - at);
    }
  }
  erase_all(out, in_lower_case(reference.host + "/" + reference.repository));
  if (!reference.tag.empty()) erase_all(out, "manifest " + in_lower_case(reference.tag) + " in");
  erase_all(out, in_lower_case(reference.host));
  erase_all(out, "/" + in_lower_case(reference.repository));
  return out;
}

// Of what no cause explains: the status is all that is told.
std::string other_cause(const std::string& words) {
  for (const std::string_view before : {"statuscode: ", "http status: ", "status code "}) {
    const std::size_t at = words.find(before);
    if (at == std::string::npos) continue;
    const std::string status = words.substr(at + before.size(), 3);
    if (status.size() == 3 && status.find_first_not_of("0123456789") == std::string::npos) {
      return "it answered with the status " + status;
    }
  }
  return "it gave an answer that cannot be used";
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
    case ErrorCode::registry_unreachable:
      return "Look at the name of the registry and at this machine's way to it: curl -v https://" + reference.host +
             "/v2/; or use a mirror (docs/images.md)";
    case ErrorCode::image_too_large: return "Name another image: no tool writes a manifest of that size";
    case ErrorCode::image_invalid:
      return "Push the image again with a tool that writes OCI or Docker schema 2 manifests";
    case ErrorCode::digest_mismatch: return "Push the image again, or pull it from elsewhere";
    case ErrorCode::invalid_argument: return "Write it as containers-registries.conf(5) says, version 2";
    default:
      return "Try again later; what the registry says: skopeo inspect --raw docker://" + to_string(reference) +
             "; or use a mirror (docs/images.md)";
  }
}

}  // namespace

base::Error registry_error(const RegistryReference& reference, std::string_view said) {
  const std::string words = words_of(reference, said);
  const auto* const found =
      std::ranges::find_if(kCauses, [&](const Cause& one) { return words.find(one.words) != std::string::npos; });
  const bool known = found != kCauses.end();
  const ErrorCode code = known ? found->code : ErrorCode::registry_failed;
  return {.code = code,
          .what = "cannot pull " + printable(to_string(reference)) + " from the registry " + printable(reference.host),
          .why = known ? std::string(found->why) : other_cause(words),
          .remedy = remedy_of(code, reference, words),
          .more = "docs/images.md"};
}

base::Error base_image_error(base::Error error, std::string_view build, std::string_view name) {
  const base::Result<RegistryReference> reference = parse_registry_reference(name);
  const std::string full = reference ? to_string(*reference) : std::string(name);
  error.what = "cannot build " + std::string(build) + ": FROM " + std::string(name) + ": " + error.what;
  const std::string_view code = base::to_string(error.code);
  if (!code.starts_with("E_REGISTRY_") && error.code != ErrorCode::image_not_found) return error;  // room, for example
  error.remedy += error.remedy.empty() ? "Without" : ". Without";
  error.remedy += " that registry, give marea the image under this name: marea images import " + full + " oci:DIR";
  error.more = "docs/images.md";
  return error;
}

}  // namespace marea::pipeline
