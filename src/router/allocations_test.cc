// What the sanitizers' allocator hears of the router's own threads while warm requests go through.
#include <execinfo.h>

#include <array>

#include "router/router_world_test.h"

// Every build that has tests has a sanitizer, whose allocator calls these: <sanitizer/allocator_interface.h>.
extern "C" __attribute__((weak)) int __sanitizer_install_malloc_and_free_hooks(void (*)(const volatile void*,
                                                                                        std::size_t),
                                                                               void (*)(const volatile void*));

namespace marea::router {
namespace {

constexpr std::size_t kMostPlaces = 8;  // that are told
constexpr int kDepth = 14;

std::atomic<bool> counting{false};
std::atomic<std::size_t> allocations{0};
std::array<std::array<void*, kDepth>, kMostPlaces> places;
thread_local bool of_the_test = false;  // apps, callers and the main loop, which no warm request needs

void on_allocation(const volatile void* /*where*/, std::size_t /*bytes*/) {
  if (of_the_test || !counting.load(std::memory_order_relaxed)) return;
  const std::size_t number = allocations.fetch_add(1);
  if (number < kMostPlaces) ::backtrace(places.at(number).data(), kDepth);
}

class Allocations : public RouterWorld {
 protected:
  Allocations() {
    of_the_test = true;
    static const bool hooked = [] {
      std::array<void*, kDepth> first;
      ::backtrace(first.data(), kDepth);  // loads what it needs
      return __sanitizer_install_malloc_and_free_hooks != nullptr &&
             __sanitizer_install_malloc_and_free_hooks(on_allocation, [](const volatile void*) {}) != 0;
    }();
    hooked_ = hooked;
  }
  bool hooked_ = false;
  App app{[](Wire& wire) {
    of_the_test = true;
    App::answering([](const std::string&) { return std::string("hello"); })(wire);
  }};

  // How many allocations so many requests on one connection make, after some that nobody counts.
  std::size_t in_requests(int count, const std::string& request) {
    return while_turning([this, count, request] {
      of_the_test = true;
      Wire wire = Wire::to(port);
      const auto ask = [&](int times) {
        for (int i = 0; i < times; ++i) {
          wire.send(request);
          EXPECT_TRUE(wire.response().starts_with("HTTP/1.1 200")) << i;
        }
      };
      ask(50);
      allocations = 0;
      counting = true;
      ask(count);
      counting = false;
      for (std::size_t i = 0; i < std::min(kMostPlaces, allocations.load()); ++i) {
        ::backtrace_symbols_fd(places.at(i).data(), kDepth, STDERR_FILENO);
        ::fsync(STDERR_FILENO);
      }
      return allocations.load();
    });
  }
};

TEST_F(Allocations, a_warm_request_allocates_nothing) {
  if (!hooked_) GTEST_SKIP() << "NOT TESTED: no sanitizer tells of allocations";
  records = false;
  router_.reset();
  start();
  publish(route_to(app.port()));
  open("a");
  ASSERT_TRUE(until([&] { return !ready.empty(); }));
  EXPECT_EQ(in_requests(200, get("/loans?id=7", "User-Agent: a browser with a name of usual length\r\n")), 0U);
}

TEST_F(Allocations, the_record_of_a_request_allocates_only_with_its_batch) {
  if (!hooked_) GTEST_SKIP() << "NOT TESTED: no sanitizer tells of allocations";
  publish(route_to(app.port()));
  open("a");
  ASSERT_TRUE(until([&] { return !ready.empty(); }));
  EXPECT_LT(in_requests(200, get("/loans?id=7")), 40U)
      << "a buffer now and then, and what the thread that writes needs";
}

TEST_F(Allocations, what_is_allocated_is_counted) {
  if (!hooked_) GTEST_SKIP() << "NOT TESTED: no sanitizer tells of allocations";
  allocations = 0;
  counting = true;
  std::thread([] { delete std::make_unique<int>(1).release(); }).join();
  counting = false;
  EXPECT_GT(allocations, 0U);
}

}  // namespace
}  // namespace marea::router
