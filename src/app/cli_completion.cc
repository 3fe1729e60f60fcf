// completion SHELL prints what makes a shell ask; complete -- WORD… is what it asks. The answer is a line for each
// candidate, a tab before its description; a line ":files" or ":directories" tells the shell to offer paths.
#include "app/cli_complete.h"
#include "app/cli_verbs.h"
#include "app/cli_view.h"
#include "app/cli_view_experiments.h"

namespace marea::app {
namespace {

constexpr int kMostSecondsOfAsking = 2;  // somebody waits at a prompt

// bash breaks words at "=" and ":", and replaces only what is behind the last of them.
constexpr std::string_view kBash = R"(# bash completion for marea: source <(marea completion bash)
_marea_complete() {
  local words=() glue= i word line whole kept candidates=() paths=
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ ${#words[@]} -gt 0 && ( -n $glue || $word == [=:]* ) ]]; then
      words[${#words[@]}-1]+=$word
    else
      words+=("$word")
    fi
    glue=
    [[ $word == [=:]* ]] && glue=1
  done
  whole=${words[${#words[@]}-1]}
  word=${COMP_WORDS[COMP_CWORD]}
  [[ $word == [=:]* ]] && word=
  kept=${whole%"$word"}
  while IFS= read -r line; do
    case $line in
      :files) paths=-f ;;
      :directories) paths=-d ;;
      *) candidates+=("${line%%$'\t'*}") ;;
    esac
  done < <("${COMP_WORDS[0]/#\~/$HOME}" complete -- "${words[@]}" 2>/dev/null)
  COMPREPLY=()
  if [[ -n $paths ]]; then
    compopt -o filenames
    while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen "$paths" -- "$word")
    return
  fi
  for line in "${candidates[@]}"; do COMPREPLY+=("${line#"$kept"}"); done
  [[ ${#COMPREPLY[@]} -gt 0 && ${COMPREPLY[0]} == *[=:/] ]] && compopt -o nospace
  return 0
}
complete -F _marea_complete marea
)";

constexpr std::string_view kZsh = R"(#compdef marea
# zsh completion for marea: source <(marea completion zsh), or a file _marea in a folder of $fpath
_marea() {
  local line text about
  local -a whole open
  while IFS= read -r line; do
    case $line in
      :files) _files; return ;;
      :directories) _files -/; return ;;
    esac
    text=${line%%$'\t'*}
    about=${line#*$'\t'}
    [[ $about == $line ]] && about=
    if [[ $text == *[=:/] ]]; then
      open+=("${text//:/\\:}:$about")
    else
      whole+=("${text//:/\\:}:$about")
    fi
  done < <("${(Q)words[1]/#\~/$HOME}" complete -- "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)
  (( $#whole )) && _describe -V marea whole
  (( $#open )) && _describe -V marea open -S ''
}
if [[ $funcstack[1] == _marea ]]; then
  _marea
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -u }
  compdef _marea marea
fi
)";

constexpr std::string_view kFish =
    R"(# fish completion for marea: marea completion fish > ~/.config/fish/completions/marea.fish
function __marea_complete
    set -l words (commandline -opc)
    set -l typed (commandline -ct)
    for line in ($words[1] complete -- $words[2..-1] "$typed" 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path "$typed"
            case :directories
                __fish_complete_directories "$typed"
            case '*'
                echo $line
        end
    end
end
complete -c marea -e
complete -c marea -f -k -a '(__marea_complete)'
)";

std::string asked_path(Completes what, const TypedLine& line) {
  const std::string service = line.service();
  switch (what) {
    case Completes::revisions:
      return service.empty()
                 ? std::string(kRevisions)
                 : fmt::format("{}?labelSelector={}", kRevisions, escape("serving.knative.dev/service=" + service));
    case Completes::instances:
      return service.empty() ? std::string(kInstances) : fmt::format("{}?service={}", kInstances, escape(service));
    case Completes::releases: return std::string(kReleases);
    case Completes::experiments: return std::string(kExperiments);
    case Completes::policies:
    case Completes::strategies: return std::string(kReleasePolicies);
    case Completes::images: return fmt::format("{}/images", kMarea);
    case Completes::tags: return fmt::format("{}/{}", kServices, escape(service));
    default: return std::string(kServices);
  }
}

std::string about(Completes what, const Json& object) {
  switch (what) {
    case Completes::services: return text_at(object, {"status", "url"});
    case Completes::revisions: return text_at(object, {"metadata", "creationTimestamp"});
    case Completes::instances: return text_at(object, {"state"});
    case Completes::releases:
    case Completes::experiments: return text_at(object, {"status", "phase"});
    default: return {};
  }
}

std::vector<Candidate> tags_of(const Json& service) {
  std::vector<Candidate> out;
  const Json* traffic = find(service, {"spec", "traffic"});
  if (traffic == nullptr || !traffic->is_array()) return out;
  for (const Json& target : *traffic) {
    const std::string tag = text_at(target, {"tag"});
    if (!tag.empty()) out.push_back({.text = tag, .about = text_at(target, {"revisionName"})});
  }
  return out;
}

// Asks the platform that the line itself names, else the one of the environment.
std::vector<Candidate> ask_platform(Verb& verb, Completes what, const TypedLine& line) {
  const auto given = [&](std::string_view name) {
    const auto found = line.options.find(name);
    return found == line.options.end() ? std::string() : found->second;
  };
  const PlaceSettings place{.server = given("--server"), .data = given("--data")};
  const bool elsewhere = !place.server.empty() || !place.data.empty();
  const Outcome<Endpoint> endpoint = elsewhere ? find_endpoint(place, verb.words()) : verb.api.endpoint();
  if (!endpoint) return {};
  ApiClient api(*endpoint, verb.words());
  const Outcome<Answer> answer = api.send({.path = asked_path(what, line), .timeout_seconds = kMostSecondsOfAsking});
  if (!answer) return {};
  const Json found = answer->json();
  if (what == Completes::tags) return tags_of(found);
  std::vector<Candidate> out;
  for (const Json& item : items_of(found)) out.push_back({.text = name_of(item), .about = about(what, item)});
  return out;
}

}  // namespace

Outcome<Exit> print_completion(Verb& verb) {
  const std::string& shell = verb.arguments.positional(0);
  const std::string_view script = shell == "bash" ? kBash : shell == "zsh" ? kZsh : shell == "fish" ? kFish : "";
  if (script.empty()) {
    return give_up(usage_failure(verb.words()(Text::bad_choice, "SHELL", "bash, zsh, fish", shell), {}));
  }
  verb.console.data(script);
  return Exit::ok;
}

Outcome<Exit> print_candidates(Verb& verb) {
  const Completion found =
      complete(verb.arguments.positionals_from(0), verb.words(),
               [&](Completes what, const TypedLine& line) { return ask_platform(verb, what, line); });
  std::string out;
  if (found.paths == Completion::Paths::files) out += ":files\n";
  if (found.paths == Completion::Paths::directories) out += ":directories\n";
  for (const Candidate& one : found.candidates) {
    out += one.text;
    if (!one.about.empty()) out += "\t" + one.about;
    out += '\n';
  }
  verb.console.data(out);
  return Exit::ok;
}

}  // namespace marea::app
