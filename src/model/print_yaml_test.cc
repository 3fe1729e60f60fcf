#include <gtest/gtest.h>

#include <array>
#include <random>

#include "model/manifest.h"
#include "model/tree.h"

namespace marea::model {
namespace {

// What print_yaml() wrote, read back.
Json again(const Json& document) {
  const std::string text = print_yaml(document);
  const Documents documents = read_documents(text);
  for (const Fault& fault : documents.faults) ADD_FAILURE() << to_string(fault) << "\n" << text;
  return documents.trees.size() == 1 ? documents.trees[0].value : Json("no single document");
}

TEST(PrintYaml, prints_as_gcloud_does) {
  const Json document = Json::parse(R"({"spec": {"containers": [{"image": "oci:./img:v1", "args": ["-v", "x y"],
      "ports": [{"containerPort": 8080, "name": "http1"}], "env": []}], "on": "yes", "min": "1",
      "text": "a\nb\n", "quote": "it's"}, "none": null, "map": {}})");
  EXPECT_EQ(print_yaml(document), R"(spec:
  containers:
  - image: oci:./img:v1
    args:
    - '-v'
    - x y
    ports:
    - containerPort: 8080
      name: http1
    env: []
  'on': 'yes'
  min: '1'
  text: |
    a
    b
  quote: 'it''s'
none: null
map: {}
)");
}

constexpr auto kTrickyTexts = std::to_array<const char*>({"",
                                                          " ",
                                                          "~",
                                                          "null",
                                                          "yes",
                                                          "y",
                                                          "1",
                                                          "1e3",
                                                          "0x1",
                                                          "-",
                                                          "---",
                                                          "...",
                                                          "- a",
                                                          "a: b",
                                                          "a:",
                                                          ":a",
                                                          "a #b",
                                                          "#a",
                                                          "*a",
                                                          "&a",
                                                          "!a",
                                                          "|",
                                                          ">",
                                                          "%a",
                                                          "@a",
                                                          "`a",
                                                          "{",
                                                          "[",
                                                          "'",
                                                          "\"",
                                                          "\\",
                                                          "a\\nb",
                                                          "<<",
                                                          "=",
                                                          "?",
                                                          "? a",
                                                          " a",
                                                          "a ",
                                                          "\n",
                                                          "a\n",
                                                          "\na",
                                                          "a\n\n",
                                                          " a\nb",
                                                          "a \nb",
                                                          "a\n b\n",
                                                          "a\n\nb",
                                                          "a\tb",
                                                          "\t",
                                                          "\r",
                                                          "a\r\nb",
                                                          "ñ",
                                                          "😀",
                                                          "\xC2\x85",
                                                          "\xC2\xA0",
                                                          "\xE2\x80\xA8",
                                                          "\xEF\xBB\xBF",
                                                          "\xEF\xBF\xBF",
                                                          "\x7F",
                                                          "a:b",
                                                          "http://x/",
                                                          "a b",
                                                          "2026-11-23",
                                                          "1_000",
                                                          ".5",
                                                          "+1",
                                                          "#\n#",
                                                          "- a\n- b",
                                                          "---\na",
                                                          "%a\nb",
                                                          "[",
                                                          "\\u0041"});

TEST(PrintYaml, text_that_could_be_something_else_reads_back_as_text) {
  for (const char* text : kTrickyTexts) {
    EXPECT_EQ(again(Json({{"k", text}})), Json({{"k", text}})) << text;
    EXPECT_EQ(again(Json::object({{text, 1}})), Json::object({{text, 1}})) << text;
    EXPECT_EQ(again(Json::array({text})), Json::array({text})) << text;
  }
}

TEST(PrintYaml, numbers_read_back_exactly) {
  for (const char* text : {"0", "-1", "9223372036854775807", "18446744073709551615", "1.5", "1e300", "5e-324", "0.1",
                           "-0.0", "1e16", "123456789012345680.0"}) {
    const Json number = Json::parse(text);
    EXPECT_EQ(again(Json::array({number})), Json::array({number})) << text;
  }
}

TEST(PrintYaml, long_names_read_back) {
  const std::string name(5000, 'n');
  const Json document = {{name, {{"a", 1}, {"b", Json::array({1, Json::array({2})})}}}, {name + "2", 3}};
  EXPECT_EQ(again(document), document);
}

// A random document from pieces that are likely to trip a printer or a reader.
class RandomDocument {
 public:
  explicit RandomDocument(unsigned seed) : random_(seed) {}

  Json value(int depth) {
    const unsigned kind = pick(depth > 0 ? 9 : 6);
    switch (kind) {
      case 0: return nullptr;
      case 1: return pick(2) == 0;
      case 2: return static_cast<std::int64_t>(random_()) - (1LL << 31);
      case 3: return static_cast<double>(random_()) / 1024;
      case 4:
      case 5: return text();
      case 6: return list(depth);
      default: return object(depth);
    }
  }

  Json object(int depth) {
    Json out = Json::object();
    for (unsigned i = pick(5); i > 0; --i) out[text()] = value(depth - 1);
    return out;
  }

 private:
  Json list(int depth) {
    Json out = Json::array();
    for (unsigned i = pick(5); i > 0; --i) out.push_back(value(depth - 1));
    return out;
  }

  std::string text() {
    static constexpr std::array<const char*, 24> kPieces = {"a", "b-c", " ",  "\n", ":", "#", "'",   "\"",
                                                            "-", "0",   "\\", "\t", "{", "}", "[",   ",",
                                                            "*", "&",   "!",  "|",  "%", "ñ", "yes", "\r"};
    std::string out;
    for (unsigned i = pick(6); i > 0; --i) out += kPieces.at(pick(kPieces.size()));
    return out;
  }

  unsigned pick(std::size_t below) { return static_cast<unsigned>(random_() % below); }

  std::mt19937 random_;
};

TEST(PrintYaml, whatever_is_printed_reads_back_equal) {
  for (unsigned seed = 0; seed < 3000; ++seed) {
    const Json document = RandomDocument(seed).object(4);
    ASSERT_EQ(again(document), document) << "seed " << seed << "\n" << print_yaml(document);
  }
}

}  // namespace
}  // namespace marea::model
