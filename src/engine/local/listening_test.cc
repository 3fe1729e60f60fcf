#include "engine/local/listening.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace marea::engine::local {
namespace {

using model::ListeningSocket;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(Listening, listeners_are_found_and_connections_passed_over) {
  EXPECT_THAT(parse_listening(
                  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
                  "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 3 1\n"
                  "   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4 1\n"
                  "   2: 0100007F:1F90 0108FEA9:C350 01 00000000:00000000 00:00000000 00000000     0        0 5 1\n"),
              ElementsAre(ListeningSocket{"127.0.0.1", 8080}, ListeningSocket{"0.0.0.0", 80}));
}

TEST(Listening, ipv6_addresses_are_read_in_the_kernels_words) {
  EXPECT_THAT(parse_listening("sl\n"
                              " 0: 00000000000000000000000000000000:1F91 00000000000000000000000000000000:0000 0A\n"
                              " 1: 00000000000000000000000001000000:1F92 00000000000000000000000000000000:0000 0A\n"),
              ElementsAre(ListeningSocket{"::", 8081}, ListeningSocket{"::1", 8082}));
}

TEST(Listening, several_sockets_on_one_port_are_one_and_rubbish_is_passed_over) {
  EXPECT_THAT(parse_listening("sl\n 0: 00000000:0050 x 0A\n 1: 00000000:0050 x 0A\n 2: 00:0050 x 0A\n 3: x 0A\n\n"),
              ElementsAre(ListeningSocket{"0.0.0.0", 80}));
  EXPECT_THAT(parse_listening(""), IsEmpty());
}

}  // namespace
}  // namespace marea::engine::local
