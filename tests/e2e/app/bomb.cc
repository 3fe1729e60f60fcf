// A neighbour from hell, for the whole-binary tests, the soak and the bench `bombs`: a small static web server that
// goes off when it is told to. bomb KIND; the port is $PORT. GET / says what it has done and met so far, such as
// "fork 1022 EAGAIN"; GET /go lights it. It goes on for as long as the instance lives, and serves meanwhile as far as
// its own limits let it.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <thread>
#include <vector>

namespace {

std::atomic<long> made{0};
std::atomic<int> met{0};

void pause_ms(int ms) {
  usleep(static_cast<useconds_t>(ms) * 1000);
}

// Each child does the same; those that the limit stops try again for ever.
void forks() {
  for (;;) {
    const pid_t child = fork();
    if (child > 0) ++made;
    if (child < 0) {
      met = errno;
      pause_ms(1);
    }
    if (child == 0) {
      for (;;) {
        if (fork() < 0) pause_ms(1);
      }
    }
  }
}

// A child eats until the kernel ends it, and then the next one does.
void memory() {
  for (;;) {
    const pid_t child = fork();
    if (child == 0) {
      std::vector<char*> eaten;
      for (;;) {
        eaten.push_back(static_cast<char*>(std::malloc(1U << 20)));
        if (eaten.back() != nullptr) std::memset(eaten.back(), 'x', 1U << 20);
      }
    }
    int status = 0;
    if (child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status)) {
      met = WTERMSIG(status) == SIGKILL ? ENOMEM : 0;
      ++made;
    }
  }
}

void disk() {
  const std::string block(1U << 20, 'x');
  for (;;) {
    const int file = open("/tmp/fill", O_CREAT | O_WRONLY | O_TRUNC, 0600);
    while (write(file, block.data(), block.size()) > 0) ++made;
    met = errno;
    close(file);
  }
}

void inotifies() {
  for (;;) {
    const int watch = inotify_init1(0);
    if (watch >= 0) {
      ++made;
      inotify_add_watch(watch, "/tmp", IN_ALL_EVENTS);
    } else {
      met = errno;
      pause_ms(1);
    }
  }
}

void logs() {
  const std::string line(200, 'x');
  std::string block;
  while (block.size() < 60'000) block += line + "\n";
  for (;;) {
    if (write(STDOUT_FILENO, block.data(), block.size()) > 0) ++made;
  }
}

// In children, as the limit is each process's own.
void descriptors() {
  for (int i = 0; i < 20; ++i) {
    if (fork() != 0) continue;
    while (open("/dev/null", O_RDONLY) >= 0) {
    }
    for (;;) pause();
  }
  while (open("/dev/null", O_RDONLY) >= 0) ++made;
  met = errno;
  for (;;) pause();
}

// Pairs whose buffers are full and that nobody reads.
void sockets() {
  const std::string block(64U << 10, 'x');
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at);
  listen(listener, 1024);
  socklen_t length = sizeof at;
  getsockname(listener, reinterpret_cast<sockaddr*>(&at), &length);
  for (;;) {
    const int pair = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    connect(pair, reinterpret_cast<sockaddr*>(&at), sizeof at);
    const int other = accept(listener, nullptr, nullptr);
    if (pair < 0 || other < 0) {
      met = errno;
      pause_ms(10);
      continue;
    }
    ssize_t sent = 0;
    while ((sent = send(pair, block.data(), block.size(), MSG_NOSIGNAL)) > 0) made += sent;
  }
}

// Connections to nobody, each an entry in the table of those that the machine keeps track of.
void packets() {
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(0xC0000201);  // 192.0.2.1, set aside for documentation
  const int out = socket(AF_INET, SOCK_DGRAM, 0);
  for (std::uint16_t port = 1;; ++port) {
    at.sin_port = htons(port == 0 ? 1 : port);
    if (sendto(out, "x", 1, 0, reinterpret_cast<sockaddr*>(&at), sizeof at) > 0) {
      ++made;
    } else {
      met = errno;
    }
  }
}

void spin() {
  for (int i = 0; i < 64; ++i) {
    std::thread([] {
      for (;;) ++made;
    }).detach();
  }
}

const std::map<std::string, void (*)()> kinds = {
    {"fork", forks},     {"memory", memory},  {"disk", disk},       {"inotify", inotifies}, {"log", logs},
    {"fd", descriptors}, {"socket", sockets}, {"packets", packets}, {"spin", spin},
};

void answer(int connection, const std::string& kind) {
  char head[4096];
  const ssize_t got = read(connection, head, sizeof head - 1);
  if (got <= 0) return;
  head[got] = 0;
  static bool lit = false;
  if (std::strncmp(head, "GET /go ", 8) == 0 && !lit) {
    lit = true;
    std::thread(kinds.at(kind)).detach();
  }
  const std::string said = kind + " " + std::to_string(made) + " " + (met == 0 ? "-" : strerrorname_np(met)) + "\n";
  const std::string whole =
      "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(said.size()) + "\r\n\r\n" + said;
  if (write(connection, whole.data(), whole.size()) < 0) return;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string kind = argc > 1 ? argv[1] : "";
  if (!kinds.contains(kind)) return 2;
  std::signal(SIGTERM, [](int) { std::_Exit(0); });
  std::signal(SIGPIPE, SIG_IGN);
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(static_cast<std::uint16_t>(std::atoi(std::getenv("PORT"))));
  if (bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0 || listen(listener, 1024) != 0) return 1;
  for (;;) {
    const int connection = accept(listener, nullptr, nullptr);
    if (connection < 0) {
      pause_ms(1);
      continue;
    }
    answer(connection, kind);
    close(connection);
  }
}
