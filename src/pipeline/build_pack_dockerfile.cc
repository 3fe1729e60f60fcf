#include "pipeline/build_pack.h"
#include "pipeline/json_fields.h"

namespace marea::pipeline {
namespace {

using enum PackKind;

constexpr std::string_view kMadeFor = "# Made by `marea up` for a directory without a Dockerfile (";
constexpr std::string_view kUser = "10001:10001";  // needs no entry in /etc/passwd
constexpr std::string_view kCopy = "COPY --chown=10001:10001 ";

// Debian's packages, unless the base image has them.
std::string install(std::string_view there, std::string_view packages) {
  std::string out = "RUN ";
  out += there;
  out += " \\\n || { apt-get update && apt-get install -y --no-install-recommends ";
  out += packages;
  out += " \\\n      && rm -rf /var/lib/apt/lists/*; }\n";
  return out;
}

std::string words(const std::vector<std::string>& list) {
  std::string out;
  for (const std::string& word : list) out += word + " ";
  return out;
}

// JSON in ASCII: no byte of a command can end the line or begin an instruction.
std::string ending(const std::vector<std::string>& command) {
  return "USER " + std::string(kUser) + "\nEXPOSE 8080\nCMD " + Json(command).dump(-1, ' ', true) + "\n";
}

// nginx: it knows HEAD, ranges, types and conditions, starts in milliseconds, and may be told to hide dotfiles.
constexpr std::string_view kNginx = R"(RUN printf '%s\n' \
      'daemon off;' \
      'worker_processes 1;' \
      'pid /tmp/nginx.pid;' \
      'error_log stderr warn;' \
      'events { worker_connections 1024; }' \
      'http {' \
      '  include /etc/nginx/mime.types;' \
      '  default_type application/octet-stream;' \
      '  charset utf-8;' \
      '  access_log /dev/stdout;' \
      '  sendfile on;' \
      '  server_tokens off;' \
      '  absolute_redirect off;' \
      '  client_body_temp_path /tmp/body;' \
      '  proxy_temp_path /tmp/proxy;' \
      '  fastcgi_temp_path /tmp/fastcgi;' \
      '  uwsgi_temp_path /tmp/uwsgi;' \
      '  scgi_temp_path /tmp/scgi;' \
      '  server {' \
      '    include /tmp/listen.conf;' \
      '    root /srv/site;' \
      '    disable_symlinks if_not_owner from=/srv/site;' \
      '    error_page 404 /404.html;' \
      '    location ~ /\. { return 404; }' \
      '    location / { try_files $uri $uri/ =404; }' \
      '  }' \
      '}' > /etc/nginx/site.conf
)";
constexpr std::string_view kStartNginx =
    R"(echo "listen ${PORT:-8080};" > /tmp/listen.conf && exec nginx -c /etc/nginx/site.conf -e stderr)";

std::string static_steps(const BuildPack& pack) {
  std::string out = install("command -v nginx > /dev/null", "nginx-light");
  out += kNginx;
  out += kCopy;
  out += pack.folder.empty() ? "." : pack.folder;
  out += " /srv/site/\n";
  return out + ending({"/bin/sh", "-c", std::string(kStartNginx)});
}

std::string node_steps(const BuildPack& pack) {
  std::string out = pack.needs_npm ? install("{ command -v node && command -v npm; } > /dev/null", "nodejs npm")
                                   : install("command -v node > /dev/null", "nodejs");
  out += "WORKDIR /app\nENV NODE_ENV=production HOME=/tmp PATH=/app/node_modules/.bin:$PATH\n";
  const bool installs = !pack.manifests.empty();
  const bool hides = installs && pack.has_npmrc;
  if (hides) out += "\n# .npmrc, which may have credentials, stays in this stage.\nFROM tools AS build\n";
  if (installs && pack.manifests_alone) out += "COPY " + words(pack.manifests) + "./\n";
  const std::string copy = std::string(kCopy) + ". ./\n";
  if (!installs || !pack.manifests_alone) out += copy;
  if (installs) {
    out += "RUN npm " + std::string(pack.has_lock ? "ci" : "install") +
           (pack.builds ? " --include=dev" : " --omit=dev") +
           " --no-audit --no-fund --cache /tmp/npm && rm -rf /tmp/npm\n";
    if (pack.manifests_alone) out += copy;
  }
  if (pack.builds) out += "RUN npm run build && npm prune --omit=dev --no-audit --no-fund && rm -rf /tmp/.npm\n";
  if (hides) {
    out += "RUN rm .npmrc\n\nFROM tools\nCOPY --from=build --chown=" + std::string(kUser) + " /app /app\n";
  }
  return out + ending(pack.command);
}

std::string python_steps(const BuildPack& pack) {
  std::string out = install("python3 -c 'import ensurepip, venv' 2> /dev/null", "python3 python3-venv");
  out += "RUN python3 -m venv /venv\nENV PATH=/venv/bin:$PATH HOME=/tmp PYTHONUNBUFFERED=1\nWORKDIR /app\n";
  const std::string pip = "pip install --no-cache-dir --disable-pip-version-check ";
  std::string dependencies;
  if (!pack.manifests.empty() && pack.manifests.front() == "requirements.txt") {
    dependencies = "RUN " + pip + "-r requirements.txt\n";
  } else if (!pack.manifests.empty()) {
    dependencies =
        "RUN python -c \"import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb')).get('project', "
        "{}).get('dependencies', []), sep='\\n')\" > /venv/requirements.txt \\\n && " +
        pip + "-r /venv/requirements.txt\n";
  }
  const std::string copy = std::string(kCopy) + ". ./\n";
  if (!dependencies.empty() && pack.manifests_alone) {
    out += "COPY " + words(pack.manifests) + "./\n" + dependencies + copy;
  } else {
    out += copy + dependencies;
  }
  if (pack.is_package) out += "RUN " + pip + "--no-deps .\n";
  return out + ending(pack.command);
}

// The programs that the build made, what the loader would load for each, the loader, and authorities for TLS.
constexpr std::string_view kGather = R"sh( \
 && mkdir -p /image/app /image/tmp && chmod 1777 /image/tmp \
 && find /build -type f -perm -100 ! -path '*/CMakeFiles/*' ! -path '*/_deps/*' ! -name '*.so*' > /programs \
 && while read -r file; do \
      if [ "$(head -c 4 "$file" | tail -c 3)" = ELF ]; then echo "$file"; fi; \
    done < /programs > /found \
)sh";
constexpr std::string_view kOnlyProgram = R"sh( && if [ "$(wc -l < /found)" -ne 1 ]; then \
      echo 'CMake must make one program, or a Procfile must name one (web: ./NAME); it made:'; cat /found; exit 1; \
    fi \
 && cp "$(cat /found)" /image/app/program)sh";
constexpr std::string_view kAllPrograms = R"sh( && while read -r file; do cp "$file" /image/app/; done < /found)sh";
constexpr std::string_view kLibraries = R"sh( \
 && loader=$(ls /lib64/ld-linux-*.so.* /lib/ld-linux-*.so.* 2> /dev/null | head -n 1) \
 && { for file in /image/app/* /image/bin/sh; do \
        if [ -e "$file" ]; then "$loader" --list "$file" || true; fi; \
      done; } > /libraries \
 && while read -r name arrow file address; do \
      if [ "$arrow" = "=>" ]; then \
        case "$file" in \
          /*) cp --parents -L "$file" /image || exit 1 ;; \
          *) echo "the program needs $name, and the loader does not find it"; exit 1 ;; \
        esac; \
      fi; \
    done < /libraries \
 && cp --parents -L "$loader" /image \
 && if [ -e /etc/ssl/certs/ca-certificates.crt ]; then cp --parents -L /etc/ssl/certs/ca-certificates.crt /image; fi
)sh";

// As an extended regular expression; the names are those that detect_pack() lets through.
std::string as_pattern(std::string_view program) {
  std::string out;
  for (const char c : program) out += c == '.' || c == '+' ? std::string{'[', c, ']'} : std::string{c};
  return out;
}

std::string choose_program(const BuildPack& pack) {
  if (pack.source == StartSource::only_program) return std::string(kOnlyProgram);
  if (pack.program.empty()) return std::string(kAllPrograms);
  return " && file=$(grep -m 1 -E '/" + as_pattern(pack.program) +
         "$' /found) \\\n    || { echo 'CMake made no program of the name in the Procfile; it made:'; cat /found; exit "
         "1; } "
         "\\\n && cp \"$file\" /image/app/";
}

std::string cmake_steps(const BuildPack& pack) {
  std::string out = install("{ command -v cmake && command -v make && command -v g++; } > /dev/null", "cmake g++ make");
  out += "COPY . /src\n";
  out += "RUN cmake -S /src -B /build -DCMAKE_BUILD_TYPE=Release && cmake --build /build --parallel 2";
  out += kGather;
  out += choose_program(pack);
  if (pack.needs_shell) out += " \\\n && mkdir -p /image/bin && cp -L /bin/sh /image/bin/sh";
  out += kLibraries;
  out += "\nFROM scratch\nCOPY --from=build /image /\nWORKDIR /app\nENV PATH=/app:/bin HOME=/tmp\n";
  return out + ending(pack.command);
}

std::string steps_of(const BuildPack& pack) {
  switch (pack.kind) {
    case static_site: return static_steps(pack);
    case node: return node_steps(pack);
    case python: return python_steps(pack);
    case cmake: return cmake_steps(pack);
  }
  return {};
}

}  // namespace

std::optional<PackKind> kind_of_kept(std::string_view dockerfile) {
  if (!dockerfile.starts_with(kMadeFor)) return std::nullopt;
  dockerfile.remove_prefix(kMadeFor.size());
  return pack_kind_from(dockerfile.substr(0, dockerfile.find(')')));
}

std::string dockerfile_of(const BuildPack& pack) {
  std::string out = std::string(kMadeFor) + std::string(to_string(pack.kind)) +
                    ").\n# Kept as Dockerfile, it is yours to change: marea up --print-dockerfile > Dockerfile\n"
                    "# As long as the first line stands, what git ignores and .env stay at home.\n";
  const bool hides = pack.kind == node && pack.has_npmrc && !pack.manifests.empty();
  out += "FROM " + pack.base + (pack.kind == cmake ? " AS build\n" : hides ? " AS tools\n" : "\n");
  return out + steps_of(pack);
}

}  // namespace marea::pipeline
