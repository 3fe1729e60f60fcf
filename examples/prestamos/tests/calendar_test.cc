#include "calendar.h"

#include <gtest/gtest.h>

#include "log.h"
#include "settings.h"

namespace prestamos {

TEST(Calendar, writes_days_and_instants) {
  EXPECT_EQ(instant_text(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(instant_text(951'827'696), "2000-02-29T12:34:56Z");
  EXPECT_EQ(day_text(951'868'799), "2000-02-29");
  EXPECT_EQ(day_text(951'868'800), "2000-03-01");
}

TEST(Calendar, keeps_the_day_or_takes_the_last_of_the_month) {
  EXPECT_EQ(months_later("2027-01-15", 1), "2027-02-15");
  EXPECT_EQ(months_later("2027-01-31", 1), "2027-02-28");
  EXPECT_EQ(months_later("2028-01-31", 1), "2028-02-29");
  EXPECT_EQ(months_later("2027-01-31", 2), "2027-03-31");
  EXPECT_EQ(months_later("2027-12-05", 1), "2028-01-05");
  EXPECT_EQ(months_later("2027-06-30", 480), "2067-06-30");
}

TEST(Trace, is_read_as_the_standard_says) {
  const std::string id = "4bf92f3577b34da6a3ce929d0e0e4736";
  const std::string span = "00f067aa0ba902b7";
  const Trace trace = trace_of("00-" + id + "-" + span + "-01");
  EXPECT_EQ(trace.id, id);
  EXPECT_EQ(trace.span, span);
  EXPECT_TRUE(trace.sampled);
  EXPECT_FALSE(trace_of("00-" + id + "-" + span + "-00").sampled);
  EXPECT_EQ(trace_of("cc-" + id + "-" + span + "-09-more").id, id);  // of a later version
  for (const std::string& bad :
       {std::string(), "00-" + id + "-" + span + "-01-more", "ff-" + id + "-" + span + "-01",
        "00-" + std::string(32, '0') + "-" + span + "-01", "00-" + id + "-" + std::string(16, '0') + "-01",
        "00-" + std::string(32, 'A') + "-" + span + "-01", "00_" + id + "-" + span + "-01"}) {
    EXPECT_EQ(trace_of(bad).id, "") << bad;
  }
}

TEST(Log, has_the_fields_of_cloud_logging) {
  const std::string line = line_of(RequestLine{.method = "GET",
                                               .path = "/api/quote",
                                               .status = 500,
                                               .latency = std::chrono::microseconds(1500),
                                               .event = "",
                                               .problem = "it \"broke\"",
                                               .traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                                               .project = "bank"});
  EXPECT_NE(line.find(R"("severity":"ERROR")"), std::string::npos) << line;
  EXPECT_NE(line.find(R"("latency":"0.001500s")"), std::string::npos) << line;
  EXPECT_NE(line.find(R"("problem":"it \"broke\"")"), std::string::npos) << line;
  EXPECT_NE(line.find(R"("logging.googleapis.com/trace":"projects/bank/traces/4bf92f3577b34da6a3ce929d0e0e4736")"),
            std::string::npos)
      << line;
  EXPECT_EQ(line.find('\n'), std::string::npos);
}

TEST(Settings, name_the_variable_that_is_wrong) {
  const auto with = [](const std::string& name, const std::string& value) {
    return read_settings([&](const char* asked) { return name == asked ? value : std::string(); });
  };
  EXPECT_EQ(with("PORT", "9000").port, 9000);
  EXPECT_EQ(with("PRESTAMOS_PORT", "9090").port, 9090);
  EXPECT_EQ(with("PRESTAMOS_FAULT", "slow-tail").fault_number, 3);
  EXPECT_EQ(with("PRESTAMOS_FAULT", "crash:2").fault_number, 2);
  EXPECT_EQ(with("PRESTAMOS_FAULT", "constant-principal").fault, FaultKind::constant_principal);
  for (const auto& [name, value] : std::map<std::string, std::string>{
           {"PORT", "http"}, {"PRESTAMOS_VERSION", "3"}, {"PRESTAMOS_FAULT", "crush"}, {"PRESTAMOS_BUREAU_MS", "-1"}}) {
    try {
      with(name, value);
      ADD_FAILURE() << name << "=" << value << " was taken";
    } catch (const std::invalid_argument& error) {
      EXPECT_TRUE(std::string(error.what()).starts_with(name)) << error.what();
    }
  }
}

}  // namespace prestamos
