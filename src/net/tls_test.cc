#include "net/tls.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <array>
#include <csignal>
#include <memory>

#include "net/http_server.h"
#include "net/link.h"

namespace marea::net {
namespace {

using testing::HasSubstr;

struct Pem {
  std::string certificate;
  std::string key;
};

std::string drained_text(BIO* bio) {
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  std::string out(text, static_cast<std::size_t>(size));
  BIO_free(bio);
  return out;
}

Pem self_signed() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_sign(certificate, key, EVP_sha256());
  BIO* one = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(one, certificate);
  BIO* other = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(other, key, nullptr, nullptr, 0, nullptr, nullptr);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return {.certificate = drained_text(one), .key = drained_text(other)};
}

class TlsTest : public testing::Test {
 protected:
  TlsTest() {
    std::signal(SIGPIPE, SIG_IGN);
    const Pem pem = self_signed();
    server_.use_tls(*TlsIdentity::make(pem.certificate, pem.key));
    context_ = SSL_CTX_new(TLS_client_method());
  }
  ~TlsTest() override {
    SSL_free(session_);
    SSL_CTX_free(context_);
  }
  void connect() {
    auto pair = *make_socket_pair();
    server_.serve(std::move(pair.first));
    client_ = std::move(pair.second);
    ::fcntl(client_.get(), F_SETFL, ::fcntl(client_.get(), F_GETFL) | O_NONBLOCK);
  }
  void handshake() {
    connect();
    session_ = SSL_new(context_);
    SSL_set_fd(session_, client_.get());
    for (int i = 0; i < 100 && SSL_connect(session_) != 1; ++i) turn();
    ASSERT_EQ(SSL_is_init_finished(session_), 1);
  }
  void turn() {
    for (int i = 0; i < 5; ++i) loop_.turn({});
  }
  void say(const std::string& text) {
    std::size_t sent = 0;
    while (sent < text.size()) {
      const int some = SSL_write(session_, text.data() + sent, static_cast<int>(text.size() - sent));
      if (some > 0) sent += static_cast<std::size_t>(some);
      turn();
    }
  }
  std::string hear() {
    std::string out;
    std::array<char, 4096> room{};
    for (int idle = 0; idle < 20; ++idle) {
      const int got = SSL_read(session_, room.data(), room.size());
      if (got > 0) {
        out.append(room.data(), static_cast<std::size_t>(got));
        idle = 0;
      }
      turn();
    }
    return out;
  }

  base::ManualClock clock_;
  Loop loop_{clock_};
  std::string body_;
  bool over_tls_ = false;
  HttpServer server_{loop_, {}, [this](const HttpRequest& head) -> BodyPlan {
                       over_tls_ = head.peer.tls;
                       return WholeBody{
                           .most = 1U << 20, .then = [this](const HttpRequest& request, Responder responder) {
                             body_ = request.body;
                             responder.send({.status = 200, .fields = {}, .body = std::string(300'000, 'a')});
                           }};
                     }};
  SSL_CTX* context_ = nullptr;
  SSL* session_ = nullptr;
  base::Fd client_;
};

TEST_F(TlsTest, requests_and_long_answers_go_through_one_after_another) {
  handshake();
  const std::string sent(100'000, 'b');
  const std::string head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(sent.size()) + "\r\n\r\n";
  for (int i = 0; i < 2; ++i) {
    body_.clear();
    say(head + sent);
    const std::string answer = hear();
    EXPECT_EQ(body_, sent);
    EXPECT_TRUE(over_tls_);
    EXPECT_THAT(answer, testing::StartsWith("HTTP/1.1 200 "));
    EXPECT_GT(answer.size(), 300'000U);
  }
}

TEST_F(TlsTest, two_requests_in_one_record_are_both_answered) {
  handshake();
  say("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string answers = hear();
  EXPECT_GT(answers.size(), 600'000U);
  EXPECT_EQ(SSL_get_shutdown(session_) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN) << "the end is told, not cut";
  turn();
  EXPECT_EQ(server_.connections(), 0U);
}

TEST_F(TlsTest, who_does_not_speak_tls_is_answered_as_before) {
  connect();
  const std::string request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  ASSERT_EQ(::send(client_.get(), request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
  turn();
  std::array<char, 64> room{};
  ASSERT_GT(::recv(client_.get(), room.data(), room.size(), MSG_DONTWAIT), 0);
  EXPECT_THAT(std::string(room.data(), room.size()), HasSubstr("HTTP/1.1 200"));
  EXPECT_FALSE(over_tls_);
}

TEST_F(TlsTest, a_broken_handshake_and_a_silent_client_end) {
  connect();
  const std::string garbage("\x16\x03\x01\x00\x05hello", 10);
  ASSERT_GT(::send(client_.get(), garbage.data(), garbage.size(), MSG_NOSIGNAL), 0);
  turn();
  EXPECT_EQ(server_.connections(), 0U);
  connect();
  ASSERT_EQ(::send(client_.get(), "\x16", 1, MSG_NOSIGNAL), 1);
  turn();
  EXPECT_EQ(server_.connections(), 1U);
  clock_.advance(std::chrono::seconds(11));
  turn();
  EXPECT_EQ(server_.connections(), 0U);
}

TEST(TlsIdentityTest, what_is_no_certificate_is_an_error) {
  EXPECT_FALSE(TlsIdentity::make("", ""));
  const Pem one = self_signed();
  EXPECT_FALSE(TlsIdentity::make(one.certificate, self_signed().key)) << "the key of another one";
}

}  // namespace
}  // namespace marea::net
