#include "engine/local/network_link.h"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string_view>

namespace marea::engine::local {
namespace {

// One request under construction: header, fixed part, attributes (nested ones by begin and end).
class Request {
 public:
  template <class Fixed>
  Request(std::uint16_t type, std::uint16_t flags, const Fixed& fixed) {
    nlmsghdr header{};
    header.nlmsg_type = type;
    header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
    raw(&header, sizeof header);
    raw(&fixed, sizeof fixed);
  }
  void raw(const void* bytes, std::size_t count) {
    text_.append(static_cast<const char*>(bytes), count);
    text_.resize((text_.size() + NLMSG_ALIGNTO - 1) / NLMSG_ALIGNTO * NLMSG_ALIGNTO, '\0');
  }
  std::size_t begin(unsigned short type) {
    const std::size_t at = text_.size();
    const rtattr attribute{0, type};
    raw(&attribute, sizeof attribute);
    return at;
  }
  void end(std::size_t at) { put_length(at, text_.size() - at); }
  void attribute(unsigned short type, const void* bytes, std::size_t count) {
    const std::size_t at = begin(type);
    raw(bytes, count);
    put_length(at, sizeof(rtattr) + count);
  }
  void attribute(unsigned short type, std::string_view text) {
    attribute(type, std::string(text).c_str(), text.size() + 1);
  }
  template <class Number>
  void number(unsigned short type, Number value) {
    attribute(type, &value, sizeof value);
  }
  const std::string& finish() {
    const auto length = static_cast<std::uint32_t>(text_.size());
    std::memcpy(text_.data(), &length, sizeof length);
    return text_;
  }

 private:
  void put_length(std::size_t at, std::size_t length) {
    const auto number = static_cast<unsigned short>(length);
    std::memcpy(text_.data() + at, &number, sizeof number);
  }
  std::string text_;
};

constexpr std::uint16_t kCreate = NLM_F_CREATE | NLM_F_EXCL;

}  // namespace

std::string to_text(Ipv4 address) {
  std::array<char, INET_ADDRSTRLEN> text{};
  const in_addr raw{htonl(address)};
  ::inet_ntop(AF_INET, &raw, text.data(), text.size());
  return text.data();
}

base::Result<NetworkLink> NetworkLink::open() {
  base::Fd socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket) return base::fail(base::os_error("cannot open a netlink socket"));
  return NetworkLink(std::move(socket));
}

base::Result<void> NetworkLink::ask(const std::string& request, const std::string& what) {
  std::string text = request;
  ++sequence_;
  std::memcpy(text.data() + offsetof(nlmsghdr, nlmsg_seq), &sequence_, sizeof sequence_);
  if (::send(socket_.get(), text.data(), text.size(), 0) < 0) return base::fail(base::os_error(what));
  for (;;) {
    alignas(nlmsghdr) std::array<char, 16384> buffer{};
    const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < static_cast<ssize_t>(sizeof(nlmsghdr))) return base::fail(base::os_error(what));
    nlmsghdr header{};
    std::memcpy(&header, buffer.data(), sizeof header);
    if (header.nlmsg_seq != sequence_ || header.nlmsg_type != NLMSG_ERROR) continue;
    int error = 0;
    std::memcpy(&error, buffer.data() + NLMSG_HDRLEN, sizeof error);
    if (error != 0) return base::fail(base::os_error(what, -error));
    return {};
  }
}

int NetworkLink::index_of(const std::string& device) {
  // Asks the kernel directly, as if_nametoindex does, but in the namespace of this socket.
  ifreq query{};
  device.copy(query.ifr_name, IFNAMSIZ - 1);
  return ::ioctl(socket_.get(), SIOCGIFINDEX, &query) == 0 ? query.ifr_ifindex : 0;
}

base::Result<void> NetworkLink::add_veth(const std::string& name, const std::string& peer, int peer_namespace) {
  Request request(RTM_NEWLINK, kCreate, ifinfomsg{});
  request.attribute(IFLA_IFNAME, name);
  const std::size_t info = request.begin(IFLA_LINKINFO);
  request.attribute(IFLA_INFO_KIND, "veth");
  const std::size_t data = request.begin(IFLA_INFO_DATA);
  const std::size_t other = request.begin(VETH_INFO_PEER);
  const ifinfomsg fixed{};
  request.raw(&fixed, sizeof fixed);
  request.attribute(IFLA_IFNAME, peer);
  request.number(IFLA_NET_NS_FD, peer_namespace);
  request.end(other);
  request.end(data);
  request.end(info);
  return ask(request.finish(), "cannot make the network device " + name);
}

base::Result<void> NetworkLink::add_address(int device, Ipv4 address, unsigned prefix_bits) {
  ifaddrmsg fixed{};
  fixed.ifa_family = AF_INET;
  fixed.ifa_prefixlen = static_cast<std::uint8_t>(prefix_bits);
  fixed.ifa_index = static_cast<unsigned>(device);
  Request request(RTM_NEWADDR, kCreate, fixed);
  request.number(IFA_LOCAL, htonl(address));
  request.number(IFA_ADDRESS, htonl(address));
  return ask(request.finish(), "cannot set the address " + to_text(address));
}

base::Result<void> NetworkLink::set_up(int device) {
  ifinfomsg fixed{};
  fixed.ifi_index = device;
  fixed.ifi_flags = IFF_UP;
  fixed.ifi_change = IFF_UP;
  Request request(RTM_NEWLINK, 0, fixed);
  return ask(request.finish(), "cannot switch a network device on");
}

base::Result<void> NetworkLink::send_single_packets(int device) {
  ifinfomsg fixed{};
  fixed.ifi_index = device;
  Request request(RTM_NEWLINK, 0, fixed);
  request.number(IFLA_GSO_MAX_SEGS, 1);
  return ask(request.finish(), "cannot set what a network device sends at once");
}

base::Result<void> NetworkLink::add_default_route(int device, Ipv4 gateway) {
  rtmsg fixed{};
  fixed.rtm_family = AF_INET;
  fixed.rtm_table = RT_TABLE_MAIN;
  fixed.rtm_protocol = RTPROT_STATIC;
  fixed.rtm_scope = RT_SCOPE_UNIVERSE;
  fixed.rtm_type = RTN_UNICAST;
  Request request(RTM_NEWROUTE, kCreate, fixed);
  request.number(RTA_GATEWAY, htonl(gateway));
  request.number(RTA_OIF, device);
  return ask(request.finish(), "cannot set the default route");
}

base::Result<void> NetworkLink::remove(const std::string& device) {
  Request request(RTM_DELLINK, 0, ifinfomsg{});
  request.attribute(IFLA_IFNAME, device);
  base::Result<void> done = ask(request.finish(), "cannot remove the network device " + device);
  if (!done && done.error().why == std::strerror(ENODEV)) return {};
  return done;
}

}  // namespace marea::engine::local
