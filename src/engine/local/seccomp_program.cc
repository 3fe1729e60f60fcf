#include "engine/local/seccomp_program.h"

#include <openssl/evp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/fd.h"

namespace marea::engine::local {
namespace {

using Json = nlohmann::json;
using Filter = std::unique_ptr<void, void (*)(scmp_filter_ctx)>;

std::unexpected<base::Error> refused(const std::string& what, int code) {
  errno = -code;  // libseccomp's convention
  return base::fail(
      base::os_error("cannot compile the list of system calls: " + what, base::ErrorCode::kernel_feature));
}

std::uint32_t action_of(const Json& rule) {
  if (rule["action"] == "SCMP_ACT_ALLOW") return SCMP_ACT_ALLOW;
  return SCMP_ACT_ERRNO(rule["errnoRet"].get<std::uint32_t>());
}

std::vector<scmp_arg_cmp> arguments_of(const Json& rule) {
  std::vector<scmp_arg_cmp> out;
  for (const Json& each : rule.value("args", Json::array())) {
    scmp_arg_cmp compared{};
    compared.arg = each["index"].get<unsigned>();
    compared.op = each["op"] == "SCMP_CMP_EQ" ? SCMP_CMP_EQ : SCMP_CMP_MASKED_EQ;
    compared.datum_a = each["value"].get<std::uint64_t>();
    compared.datum_b = each.value("valueTwo", std::uint64_t{0});
    out.push_back(compared);
  }
  return out;
}

base::Result<void> add(const Filter& filter, const Json& rule) {
  const std::uint32_t action = action_of(rule);
  const std::vector<scmp_arg_cmp> arguments = arguments_of(rule);
  for (const Json& name : rule["names"]) {
    const std::string text = name.get<std::string>();
    const int call = ::seccomp_syscall_resolve_name(text.c_str());
    if (call == __NR_SCMP_ERROR) continue;
    const int done = ::seccomp_rule_add_array(filter.get(), action, call, static_cast<unsigned>(arguments.size()),
                                              arguments.empty() ? nullptr : arguments.data());
    if (done != 0) return refused(text, done);
  }
  return {};
}

base::Result<std::string> exported(const Filter& filter) {
  const base::Fd file(::memfd_create("seccomp", MFD_CLOEXEC));
  if (!file) return base::fail(base::os_error("cannot make a memory file"));
  if (const int done = ::seccomp_export_bpf(filter.get(), file.get()); done != 0) return refused("its program", done);
  struct stat state{};
  ::fstat(file.get(), &state);
  std::string out(static_cast<std::size_t>(state.st_size), '\0');
  if (::pread(file.get(), out.data(), out.size(), 0) != state.st_size) {
    return base::fail(base::os_error("cannot read a memory file"));
  }
  return out;
}

std::string base64(const std::string& bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');  // and the zero that OpenSSL writes behind it
  const int length =
      ::EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.resize(static_cast<std::size_t>(length));
  return out;
}

}  // namespace

base::Result<std::string> compile_seccomp(const Json& profile) {
  const Filter filter(::seccomp_init(SCMP_ACT_ERRNO(profile["defaultErrnoRet"].get<std::uint32_t>())),
                      ::seccomp_release);
  if (!filter) return refused("its default action", -EINVAL);
  for (const Json& rule : profile["syscalls"]) {
    if (base::Result<void> added = add(filter, rule); !added) return std::unexpected(std::move(added.error()));
  }
  base::Result<std::string> program = exported(filter);
  if (!program) return program;
  return base64(*program);
}

}  // namespace marea::engine::local
