#include "input.h"

#include <algorithm>
#include <charconv>

namespace prestamos {
namespace {

constexpr std::int64_t kMostDocumentBytes = 100 << 20;
constexpr int kMostPage = 100;

std::string listed(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool has_control(const std::string& text) {
  return std::ranges::any_of(text, [](unsigned char sign) { return sign < 0x20 || sign == 0x7f; });
}

// Code points; the text is UTF-8 (the JSON parser has seen to it).
std::size_t length_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](unsigned char sign) { return (sign & 0xc0) != 0x80; }));
}

std::vector<std::string> state_names() {
  std::vector<std::string> names(kLoanStates.size());
  std::ranges::transform(kLoanStates, names.begin(), [](LoanState state) { return std::string(name_of(state)); });
  return names;
}

Refusal bad_body(Both cause, Both remedy) {
  return {400, Fault{.field = "", .code = "bad_body", .cause = std::move(cause), .remedy = std::move(remedy)}};
}

}  // namespace

Fields Fields::of_body(const std::string& body, const std::string& content_type) {
  if (!content_type.starts_with("application/json")) {
    throw Refusal(415, Fault{.field = "Content-Type",
                             .code = "not_json",
                             .cause = both("it is \"{}\"", "es «{}»", {content_type.substr(0, 100)}),
                             .remedy = both("send application/json", "envíe application/json")});
  }
  Json parsed = Json::parse(body, nullptr, false);  // a few KiB: no depth of it is too much for the parser
  if (!parsed.is_object()) {
    throw bad_body(both("the body is not a JSON object", "el cuerpo no es un objeto JSON"),
                   both("send one object: {\"name\": \"value\"}", "envíe un objeto: {\"nombre\": \"valor\"}"));
  }
  return Fields(std::move(parsed), false);
}

Fields Fields::of_query(const Parameters& query) {
  return Fields(Json(query), true);
}

void Fields::wrong(const std::string& name, const char* code, Both cause, Both remedy) {
  faults_.push_back({.field = name, .code = code, .cause = std::move(cause), .remedy = std::move(remedy)});
}

std::string Fields::text(const std::string& name, std::size_t least, std::size_t most) {
  asked_.push_back(name);
  const std::vector<std::string> bounds{std::to_string(least), std::to_string(most)};
  const Both remedy = both("give text of {} to {} characters", "escriba un texto de {} a {} caracteres", bounds);
  const auto found = fields_.find(name);
  if (found == fields_.end() || (found->is_string() && trimmed(found->get<std::string>()).empty())) {
    if (least > 0) wrong(name, "missing", both("it is missing", "falta"), remedy);
    return {};
  }
  if (!found->is_string()) {
    wrong(name, "not_text", both("it is not text", "no es texto"), remedy);
    return {};
  }
  std::string value = trimmed(found->get<std::string>());
  if (has_control(value)) {
    wrong(
        name, "control_sign",
        both("it has a line break or another control character", "tiene un salto de línea u otro carácter de control"),
        both("write it on one line", "escríbalo en una línea"));
  }
  if (const std::size_t length = length_of(value); length < least || length > most) {
    wrong(name, "length", both("it has {} characters", "tiene {} caracteres", {std::to_string(length)}), remedy);
  }
  return value;
}

std::optional<std::int64_t> Fields::number(const std::string& name, const Both& range) {
  const auto found = fields_.find(name);
  if (found == fields_.end()) {
    wrong(name, "missing", both("it is missing", "falta"), range);
    return std::nullopt;
  }
  if (!from_text_ && found->is_number_integer() &&
      !(found->is_number_unsigned() && found->get<std::uint64_t>() > INT64_MAX)) {
    return found->get<std::int64_t>();
  }
  if (from_text_) {
    const auto text = found->get<std::string>();
    std::int64_t value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (!text.empty() && problem == std::errc() && end == text.data() + text.size()) return value;
  }
  wrong(name, "not_whole", both("it is not a whole number", "no es un número entero"), range);
  return std::nullopt;
}

std::int64_t Fields::whole(const std::string& name, std::int64_t least, std::int64_t most) {
  asked_.push_back(name);
  const Both range = both("give a whole number from {} to {}", "escriba un número entero de {} a {}",
                          {std::to_string(least), std::to_string(most)});
  const std::optional<std::int64_t> value = number(name, range);
  if (!value) return least;
  if (*value >= least && *value <= most) return *value;
  wrong(name, "range", both("it is {}", "es {}", {std::to_string(*value)}), range);
  return least;
}

std::int64_t Fields::whole_or(const std::string& name, std::int64_t otherwise, std::int64_t least, std::int64_t most) {
  if (has(name)) return whole(name, least, most);
  asked_.push_back(name);
  return otherwise;
}

Cents Fields::cents(const std::string& name, Cents least, Cents most) {
  asked_.push_back(name);
  const Both range = both("give an amount from {} to {}, in whole cents",
                          "escriba un importe de {} a {}, en céntimos enteros", {money(least), money(most)});
  const std::optional<std::int64_t> value = number(name, range);
  if (!value) return least;
  if (*value >= least && *value <= most) return *value;
  if (*value < 0) {
    wrong(name, "range", both("it is negative", "es negativo"), range);
  } else {
    wrong(name, "range", both("it is {}", "es {}", {money(*value)}), range);
  }
  return least;
}

std::string Fields::one_of(const std::string& name, const std::vector<std::string>& choices) {
  asked_.push_back(name);
  const auto found = fields_.find(name);
  if (found != fields_.end() && found->is_string() && std::ranges::count(choices, found->get<std::string>()) > 0) {
    return found->get<std::string>();
  }
  const bool absent = found == fields_.end();
  wrong(name, absent ? "missing" : "unknown_choice",
        absent ? both("it is missing", "falta") : both("the desk does not know it", "la mesa no lo conoce"),
        both("give one of: {}", "escriba uno de: {}", {listed(choices)}));
  return choices.front();
}

void Fields::finish() {
  for (const auto& [name, value] : fields_.items()) {
    if (std::ranges::count(asked_, name) > 0) continue;
    wrong(name.substr(0, 60), "unknown_field", both("there is no such field here", "aquí no hay tal campo"),
          both("leave it out; these are known: {}", "quítelo; se conocen: {}", {listed(asked_)}));
    if (faults_.size() >= 20) break;
  }
  if (!faults_.empty()) throw Refusal(422, std::move(faults_));
}

Customer read_customer(const std::string& body, const std::string& content_type) {
  Fields fields = Fields::of_body(body, content_type);
  Customer out;
  out.name = fields.text("name", 2, 100);
  out.tax_id = fields.text("tax_id", 4, 20);
  out.email = fields.text("email", 0, 200);
  out.phone = fields.text("phone", 0, 30);
  out.monthly_income = fields.cents("monthly_income_cents", 0, kMostPrincipal);
  if (!out.email.empty() && (out.email.find('@') == std::string::npos || out.email.find(' ') != std::string::npos)) {
    fields.wrong(
        "email", "not_an_address", both("it is not an address", "no es una dirección"),
        both("write it as name@example.org, or leave it empty", "escríbala como nombre@ejemplo.org, o déjela vacía"));
  }
  fields.finish();
  return out;
}

Terms read_terms(Fields& fields) {
  Terms out;
  out.principal = fields.cents("amount_cents", kLeastPrincipal, kMostPrincipal);
  out.annual_rate_bp = static_cast<int>(fields.whole("annual_rate_bp", 0, kMostRateBp));
  out.months = static_cast<int>(fields.whole("months", 1, kMostMonths));
  out.method = method_from(fields.one_of("method", {"french", "constant_principal"})).value_or(Method::french);
  return out;
}

Application read_application(const std::string& body, const std::string& content_type) {
  Fields fields = Fields::of_body(body, content_type);
  Application out;
  out.customer = fields.whole("customer", 1, INT64_MAX);
  out.terms = read_terms(fields);
  out.purpose = fields.text("purpose", 0, 200);
  fields.finish();
  return out;
}

MoveOrder read_move(const std::string& body, const std::string& content_type) {
  Fields fields = Fields::of_body(body, content_type);
  MoveOrder out;
  out.to = state_from(fields.one_of("to", state_names())).value_or(LoanState::draft);
  out.note = fields.text("note", 0, 500);
  fields.finish();
  return out;
}

Cents read_payment(const std::string& body, const std::string& content_type) {
  Fields fields = Fields::of_body(body, content_type);
  const Cents amount = fields.cents("amount_cents", 1, 2 * kMostPrincipal);
  fields.finish();
  return amount;
}

Document read_document(const std::string& body, const std::string& content_type) {
  Fields fields = Fields::of_body(body, content_type);
  Document out;
  out.kind = fields.one_of("kind", {"identity", "payslip", "contract", "other"});
  out.name = fields.text("name", 1, 200);
  out.media_type = fields.text("media_type", 3, 100);
  out.bytes = fields.whole("bytes", 1, kMostDocumentBytes);
  out.sha256 = fields.text("sha256", 64, 64);
  if (out.sha256.find_first_not_of("0123456789abcdef") != std::string::npos) {
    fields.wrong("sha256", "not_hex", both("it has other signs than 0-9 and a-f", "tiene signos que no son 0-9 ni a-f"),
                 both("give the SHA-256 of the file as sha256sum prints it",
                      "escriba el SHA-256 del fichero como lo da sha256sum"));
  }
  fields.finish();
  return out;
}

namespace {

Page read_page(Fields& fields) {
  Page out;
  out.limit = static_cast<int>(fields.whole_or("limit", out.limit, 1, kMostPage));
  if (const std::int64_t before = fields.whole_or("before", 0, 1, INT64_MAX); before > 0) out.before = before;
  return out;
}

}  // namespace

ApplicationQuery read_application_query(const Parameters& query) {
  Fields fields = Fields::of_query(query);
  ApplicationQuery out;
  if (const std::int64_t customer = fields.whole_or("customer", 0, 1, INT64_MAX); customer > 0) out.customer = customer;
  if (!fields.text("state", 0, 20).empty()) {
    out.state = state_from(fields.one_of("state", state_names()));
  }
  out.text = fields.text("q", 0, 100);
  out.page = read_page(fields);
  fields.finish();
  return out;
}

CustomerQuery read_customer_query(const Parameters& query) {
  Fields fields = Fields::of_query(query);
  CustomerQuery out;
  out.text = fields.text("q", 0, 100);
  out.page = read_page(fields);
  fields.finish();
  return out;
}

}  // namespace prestamos
