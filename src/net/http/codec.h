// HTTP/1.1 without sockets (RFC 9110, RFC 9112): bytes in, values out. The router, the API server and the probes all
// read and write HTTP through this library alone. Nothing here allocates; every view points into the caller's buffer,
// so a head is valid as long as these bytes stay where they are.
//
// Strictness: a message that two readers could understand differently is a Violation, never forwarded. See Violation
// for the list. Everything forwarded is written anew from the parsed values (head_writer.h), so that no odd byte
// passes through.
//
// Cost: one pass over the head, 16 bytes at a time where the text is free; a head is parsed into storage that is never
// cleared. Keep one RequestHead per connection or per thread and parse into it again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace marea::net::http {

inline constexpr std::size_t kMostHeadBytes = 64U << 10;  // request or status line and all fields; beyond: 431
inline constexpr std::size_t kMostFields = 128;
inline constexpr std::size_t kMostTargetBytes = 16U << 10;   // beyond: 414
inline constexpr std::size_t kMostMethodBytes = 32;          // the longest registered one has 17
inline constexpr std::size_t kMostHostBytes = 255;           // of a name in DNS (RFC 1035 §2.3.4)
inline constexpr std::size_t kMostConnectionBytes = 512;     // of all Connection values: compared with every field
inline constexpr std::size_t kMostChunkLineBytes = 256;      // chunk-size line with its extensions, which are dropped
inline constexpr std::size_t kMostTrailerBytes = 16U << 10;  // all trailer fields of one body

// Why a message is refused. to_string gives a sentence for people; status_of gives the answer's status.
enum class Violation : std::uint8_t {
  bad_request_line,
  bad_status_line,
  bad_version,  // well-formed, but neither HTTP/1.0 nor HTTP/1.1: 505
  bad_target,
  target_too_long,  // 414
  bad_field_name,   // not a token, or white space before the colon
  bad_field_value,  // a control character, bare CR, NUL
  obs_fold,
  folded_name,      // an app that reads '_' for '-' would take it for another field
  bare_lf,          // a line that ends without CR
  too_many_fields,  // 431
  head_too_large,   // 431
  missing_host,     // HTTP/1.1 without Host
  several_hosts,
  bad_host,
  host_against_target,  // absolute-form names another host
  several_lengths,      // more than one Content-Length, or a list
  bad_length,
  length_and_transfer_encoding,
  bad_transfer_encoding,      // repeated, or does not end in "chunked", or ends in it twice
  unknown_transfer_encoding,  // "gzip, chunked": delimits the body, but is not understood: 501
  transfer_encoding_in_http10,
  bad_chunk,
  bad_trailer,
  bad_expectation,   // Expect is not exactly one "100-continue": 417
  connect_or_trace,  // methods that are not proxied: 405
};
inline constexpr std::size_t kViolations = static_cast<std::size_t>(Violation::connect_or_trace) + 1;
std::string_view to_string(Violation violation);
int status_of(Violation violation);

enum class Version : std::uint8_t { http10, http11 };

// The fields that proxies treat in a special way; every other name is FieldName::other.
enum class FieldName : std::uint8_t {
  other,
  host,
  connection,
  content_length,
  transfer_encoding,
  upgrade,
  expect,
  te,
  keep_alive,
  proxy_connection,
  proxy,
  http2_settings,
  trailer,
  traceparent,
  tracestate,
  forwarded,
  x_forwarded_for,
  x_forwarded_host,
  x_forwarded_proto,
  x_request_id,
};
FieldName field_name(std::string_view name);

struct Field {
  std::string_view name;   // as received
  std::string_view value;  // without surrounding white space
  FieldName id = FieldName::other;
  // Not to be forwarded (RFC 9110 §7.6.1): is_hop_by_hop(name), or named by a Connection field. Host, Content-Length
  // and Transfer-Encoding cannot be dropped by naming them in Connection.
  bool ends_here = false;
};

// Case-insensitive comparison of field names and tokens (ASCII).
bool same_token(std::string_view a, std::string_view b);

enum class BodyKind : std::uint8_t { none, length, chunked, until_close };

struct Framing {
  BodyKind kind = BodyKind::none;
  std::uint64_t length = 0;  // BodyKind::length only
  // A Content-Length was given. True beside BodyKind::none where a response describes a body that does not follow
  // (HEAD, 304): `length` then holds that number, to be forwarded.
  bool length_given = false;
};
inline bool has_body(const Framing& framing) {
  return framing.kind != BodyKind::none && !(framing.kind == BodyKind::length && framing.length == 0);
}

struct Head {
  Version version = Version::http11;
  bool keep_alive = true;  // the sender wants the connection to persist (RFC 9112 §9.3)
  bool upgrade = false;    // Connection: upgrade with an Upgrade field, in HTTP/1.1
  Framing body;
  std::size_t field_count = 0;
  std::size_t bytes = 0;  // length of the head in the input

  std::span<const Field> fields() const { return {storage.at.data(), field_count}; }
  // The first field of that name, or nothing.
  std::optional<std::string_view> find(std::string_view name) const;
  std::optional<std::string_view> find(FieldName id) const;

  // Left uninitialised on purpose: clearing it would cost more than parsing a head.
  struct Storage {
    union {
      std::array<Field, kMostFields> at;
    };
    Storage() {}  // NOLINT(modernize-use-equals-default): = default would be deleted
  } storage;
};

struct RequestHead : Head {
  std::string_view method;
  std::string_view target;  // origin-form to forward: "/path?query" or "*"; absolute-form is already stripped
  std::string_view host;    // authority of the request: Host, or that of an absolute-form target; may be empty in 1.0
  std::string_view host_name;  // host without its port; an IPv6 address without its brackets
  // Waits for 100 before it sends its body. False without a body and in HTTP/1.0, where it means nothing (RFC 9110
  // §10.1.1).
  bool expect_continue = false;
};

struct ResponseHead : Head {
  int status = 0;
  std::string_view reason;
};

// Reads one head from the start of `input`. `true`: complete, head.bytes says how much of input it took. `false`: more
// bytes are needed; head is then unspecified. `from` skips bytes that earlier calls on the same growing buffer already
// searched for the end: pass 0 first, afterwards the size of the input of the call before. A violation is reported at
// the latest when the head's end or kMostHeadBytes arrives, and does not depend on how the bytes were split.
std::expected<bool, Violation> parse_request(std::string_view input, RequestHead& head, std::size_t from = 0);

// As above; the framing of a response depends on the request's method (RFC 9112 §6.3). 1xx heads have no body.
std::expected<bool, Violation> parse_response(std::string_view input, bool answers_head, ResponseHead& head,
                                              std::size_t from = 0);

// Decodes a chunked body piece by piece; needs no bytes twice, so the caller drops what is consumed. Value type.
class ChunkedDecoder {
 public:
  struct Step {
    std::size_t consumed = 0;  // of the input, framing included
    std::string_view data;     // body bytes inside the consumed input; may be empty
    std::string_view trailer;  // bytes of the trailer section inside it, sound but perhaps not whole lines yet
    bool done = false;         // the last chunk and the trailer section are read
  };
  // Consumes at most one run of data, and always something unless the input is empty or the body is done. Call again
  // with the rest until it is used up or done. Whoever wants the trailer fields gathers `trailer` and reads it with
  // next_trailer() when it is done. After a violation the decoder must not be used again.
  std::expected<Step, Violation> next(std::string_view input);
  bool done() const { return state_ == State::done; }
  // How many bytes of the present chunk are still to come; a hint for splicing.
  std::uint64_t left_in_chunk() const { return state_ == State::data ? left_ : 0; }

 private:
  enum class State : std::uint8_t {
    size_first,
    size,
    extension_first,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_first,
    trailer_name,
    trailer_value,
    trailer_lf,
    last_lf,
    done,
  };
  // The state after one byte of framing.
  std::expected<State, Violation> framing(unsigned char c);
  std::expected<State, Violation> trailer(unsigned char c);

  State state_ = State::size_first;
  std::uint16_t line_bytes_ = 0;
  std::uint32_t trailer_bytes_ = 0;
  std::uint64_t left_ = 0;
};

// "1a2b\r\n" for a chunk of `bytes`; the data and "\r\n" follow.
struct ChunkPrefix {
  std::array<char, 18> text{};
  std::size_t length = 0;
  std::string_view view() const { return {text.data(), length}; }
};
ChunkPrefix chunk_prefix(std::uint64_t bytes);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

// The next field of a trailer section that ChunkedDecoder found sound, taken from its front; nothing at its end.
// ends_here: nobody may merge it into a head, for it frames, routes, authenticates or describes the message (RFC 9110
// §6.5.1), so that it is not forwarded.
std::optional<Field> next_trailer(std::string_view& section);

// Fields that end at a proxy (RFC 9110 §7.6.1): Connection, Keep-Alive, Proxy-Connection, TE, Transfer-Encoding,
// Upgrade. Two more must not reach an app: HTTP2-Settings, half of a change to HTTP/2 (RFC 7540 §3.2.1), and Proxy,
// which CGI turns into HTTP_PROXY (CVE-2016-5385). names_token tells whether the value of a Connection field names
// another field that ends here too.
bool is_hop_by_hop(std::string_view name);
bool names_token(std::string_view connection, std::string_view name);

// The standard reason phrase (RFC 9110 §15), or "Unknown".
std::string_view reason_phrase(int status);

}  // namespace marea::net::http
