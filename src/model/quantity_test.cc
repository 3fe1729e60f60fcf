#include "model/quantity.h"

#include <gtest/gtest.h>

namespace marea::model {
namespace {

TEST(Quantity, cpu_is_read_in_thousandths) {
  EXPECT_EQ(parse_milli_cpu("1"), 1000);
  EXPECT_EQ(parse_milli_cpu("500m"), 500);
  EXPECT_EQ(parse_milli_cpu("0.5"), 500);
  EXPECT_EQ(parse_milli_cpu(".08"), 80);
  EXPECT_EQ(parse_milli_cpu("2."), 2000);
  EXPECT_EQ(parse_milli_cpu("1.001"), 1001);
  EXPECT_EQ(parse_milli_cpu("1000"), kMostMilliCpu);
}

TEST(Quantity, memory_is_exact_in_decimal_and_binary_units) {
  EXPECT_EQ(parse_bytes("512Mi"), 536'870'912);
  EXPECT_EQ(parse_bytes("1G"), 1'000'000'000);
  EXPECT_EQ(parse_bytes("1.5Gi"), 1'610'612'736);
  EXPECT_EQ(parse_bytes("1e9"), 1'000'000'000);
  EXPECT_EQ(parse_bytes("1E-1"), 1);
  EXPECT_EQ(parse_bytes("128974848"), 128'974'848);
  EXPECT_EQ(parse_bytes("+64Mi"), 67'108'864);
}

TEST(Quantity, a_fraction_of_a_byte_rounds_up_as_in_kubernetes) {
  EXPECT_EQ(parse_bytes("0.1Ki"), 103);
  EXPECT_EQ(parse_bytes("512m"), 1);
  EXPECT_EQ(parse_bytes("1n"), 1);
}

TEST(Quantity, what_is_no_quantity_is_told_what_is_allowed) {
  EXPECT_EQ(parse_bytes("512MB").error(),
            "must be a number with an optional unit (m, k, M, G, T, Ki, Mi, Gi, Ti); write M instead of MB; memory is "
            "written as \"512Mi\", \"1G\" or \"1.5Gi\"");
  EXPECT_EQ(parse_milli_cpu("one").error(),
            "must be a number with an optional unit; CPU is written as \"1\", \"0.5\" or \"500m\"");
  EXPECT_NE(parse_bytes("512 Mi").error().find("no space"), std::string::npos);
  for (const char* bad : {"", ".", "-", "1..2", "Mi", "1 ", " 1", "1e", "1e99", "0x10", "1m1", "--1", "1,5"}) {
    EXPECT_FALSE(parse_bytes(bad)) << bad;
    EXPECT_FALSE(parse_milli_cpu(bad)) << bad;
  }
}

TEST(Quantity, bounds_hold_at_both_ends) {
  EXPECT_FALSE(parse_milli_cpu("0"));
  EXPECT_FALSE(parse_milli_cpu("-1"));
  EXPECT_FALSE(parse_milli_cpu("0.0005"));
  EXPECT_FALSE(parse_milli_cpu("1001"));
  EXPECT_FALSE(parse_bytes("0"));
  EXPECT_FALSE(parse_bytes("-1Gi"));
  EXPECT_EQ(parse_bytes("1Pi"), kMostMemoryBytes);
  EXPECT_FALSE(parse_bytes("2Pi"));
  EXPECT_FALSE(parse_bytes("999999999999999Ei"));
  EXPECT_FALSE(parse_milli_cpu("999999999999999Ei"));
  EXPECT_FALSE(parse_bytes(std::string(100, '9')));
  EXPECT_FALSE(parse_bytes("0." + std::string(40, '0') + "1"));
  EXPECT_EQ(parse_bytes("0000000000000000001"), 1);
}

TEST(Quantity, what_is_printed_reads_back) {
  for (const int cpu : {1, 80, 500, 1000, 1500, 8000}) EXPECT_EQ(parse_milli_cpu(print_milli_cpu(cpu)), cpu);
  for (const std::int64_t bytes : {1LL, 1000LL, 1024LL, 512LL << 20, 3LL << 29, 1LL << 40}) {
    EXPECT_EQ(parse_bytes(print_bytes(bytes)), bytes);
  }
  EXPECT_EQ(print_bytes(512LL << 20), "512Mi");
  EXPECT_EQ(print_milli_cpu(500), "500m");
}

}  // namespace
}  // namespace marea::model
