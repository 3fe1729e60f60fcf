// The verbs that cli_commands.cc lists, one source file per noun. Each does its work and prints its data; a Failure is
// printed by run() (command_line.h).
#pragma once

#include "app/cli_commands.h"

namespace marea::app {

Outcome<Exit> list_objects(Verb& verb);      // cli_objects.cc: services, revisions, instances, …
Outcome<Exit> describe_object(Verb& verb);   //
Outcome<Exit> delete_object(Verb& verb);     //
Outcome<Exit> list_images(Verb& verb);       // cli_images.cc
Outcome<Exit> import_image(Verb& verb);      //
Outcome<Exit> delete_images(Verb& verb);     // cli_disk.cc
Outcome<Exit> delete_builds(Verb& verb);     //
Outcome<Exit> show_disk(Verb& verb);         //
Outcome<Exit> back_up(Verb& verb);           // cli_backup.cc
Outcome<Exit> restore_backup(Verb& verb);    //
Outcome<Exit> repair_store(Verb& verb);      // cli_repair.cc
Outcome<Exit> apply_manifests(Verb& verb);   // cli_apply.cc
Outcome<Exit> deploy_image(Verb& verb);      // cli_deploy.cc
Outcome<Exit> up_directory(Verb& verb);      // cli_up.cc
Outcome<Exit> print_logs(Verb& verb);        // cli_logs.cc
Outcome<Exit> show_traffic(Verb& verb);      // cli_traffic.cc
Outcome<Exit> describe_release(Verb& verb);  // cli_releases_verbs.cc
Outcome<Exit> watch_release(Verb& verb);     //
Outcome<Exit> move_release(Verb& verb);      //
Outcome<Exit> watch_experiment(Verb& verb);  // cli_experiments.cc
Outcome<Exit> end_experiment(Verb& verb);    //
Outcome<Exit> roll_back(Verb& verb);         // cli_rollback.cc
Outcome<Exit> show_history(Verb& verb);      // cli_history.cc
Outcome<Exit> show_diff(Verb& verb);         //
Outcome<Exit> show_changes(Verb& verb);      // cli_timeline.cc
Outcome<Exit> show_what_ran(Verb& verb);     //
Outcome<Exit> show_top(Verb& verb);          // cli_top.cc
Outcome<Exit> print_usage(Verb& verb);       // cli_usage.cc
Outcome<Exit> give_kubeconfig(Verb& verb);   // cli_kubeconfig.cc
Outcome<Exit> run_doctor(Verb& verb);        // cli_doctor.cc
Outcome<Exit> serve_platform(Verb& verb);    // cli_serve.cc
Outcome<Exit> print_version(Verb& verb);     // cli_help.cc
Outcome<Exit> print_help(Verb& verb);        //
Outcome<Exit> print_commands(Verb& verb);    //
Outcome<Exit> print_manual(Verb& verb);      // cli_man.cc
Outcome<Exit> print_completion(Verb& verb);  // cli_completion.cc
Outcome<Exit> print_candidates(Verb& verb);  //

// E_PRIVILEGE_MISSING, for the verbs that work on a data directory themselves.
base::Error needs_root(const Words& words, std::string_view verb);  // cli_backup.cc

// GET of one service, revision or instance; one that is not there is named with where to look.
Outcome<Json> get_object(Verb& verb, std::string_view noun, const std::string& name);  // cli_objects.cc

}  // namespace marea::app
