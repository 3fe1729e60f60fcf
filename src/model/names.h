// The rules for names that people choose. Service, revision, container and tag names are DNS-1123 labels, as in
// Kubernetes (RFC 1123): they become host names (NAME.localhost), file names and environment values, so nothing that
// needs quoting in any of these passes. Pure; each rule answers with a sentence that ends a fault ("must …"), or with
// nothing when the name is good.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace marea::model {

inline constexpr std::size_t kMostLabelBytes = 63;        // RFC 1035: a label of a host name
inline constexpr std::size_t kMostHostBytes = 253;        // RFC 1035: a host name in text form
inline constexpr std::size_t kMostAnnotationBytes = 253;  // the prefix of a label or annotation key
inline constexpr std::size_t kMostEnvNameBytes = 32'768;  // Cloud Run's bound
inline constexpr std::size_t kMostPathBytes = 4096;       // PATH_MAX

// DNS-1123 label: 1 to 63 of a-z, 0-9 and '-', first and last no '-'.
std::optional<std::string> label_fault(std::string_view name);

// A host name of one or more labels, any case, without port; no trailing dot.
std::optional<std::string> host_fault(std::string_view host);

// Keys of metadata.labels and metadata.annotations: [prefix/]name (Kubernetes "qualified name").
std::optional<std::string> metadata_key_fault(std::string_view key);

// Values of metadata.labels: empty, or 1 to 63 letters, digits, '-', '_', '.', first and last a letter or digit.
std::optional<std::string> label_value_fault(std::string_view value);

// Name of an environment variable: letters, digits, '_', '-', '.', first no digit; not one that the platform sets.
std::optional<std::string> env_name_fault(std::string_view name);

// Name of a secret or config map, or of a key in one: 1 to 253 letters, digits, '-', '_', '.', first a letter, a digit,
// '_' or '.'. Kubernetes' names and Secret Manager's, versions included.
std::optional<std::string> source_name_fault(std::string_view name);

// ASCII only: host names and enum words, never text for people.
std::string lower_case(std::string_view text);

// A label made from any text ("My App!" becomes "my-app"), for remedies and for names taken from folders; empty when
// the text has no letter or digit.
std::string suggest_label(std::string_view text);

}  // namespace marea::model
