#include "engine/local/listening.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <iterator>

#include "base/fd.h"

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

TEST(Listening, descriptors_are_looked_at_up_to_a_bound_over_all_processes) {
  std::vector<base::Fd> others;
  for (int i = 0; i < 50; ++i) others.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const base::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::listen(socket.get(), 1), 0);
  sockaddr_in at{};
  socklen_t size = sizeof at;
  ASSERT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&at), &size), 0);
  const ListeningSocket ours{"0.0.0.0", ntohs(at.sin_port)};
  const pid_t pid = ::getpid();
  const auto open = static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator()));
  EXPECT_THAT(listening_of(pid, {pid}, open), testing::Contains(ours));
  EXPECT_THAT(listening_of(pid, {pid}, 40), testing::Not(testing::Contains(ours)));
  EXPECT_THAT(listening_of(pid, {::getppid(), pid}, open), testing::Not(testing::Contains(ours)))
      << "what the other has open counts too";
}

}  // namespace
}  // namespace marea::engine::local
