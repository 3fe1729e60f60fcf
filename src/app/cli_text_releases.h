// The texts of releases, their policies and rollbacks: a part of cli_text_table.h. The English ones of
// MAREA_TEXTS_RELEASE_WORDS are the platform's own words, by which cli_release_words.h finds the Spanish ones.
#pragma once

// clang-format off
#define MAREA_TEXTS_RELEASE_WORDS(X) \
  X(word_preparing, "preparing", "en preparación") \
  X(word_stepping, "stepping", "subiendo por pasos") \
  X(word_gated, "gated", "espera un permiso") \
  X(word_holding, "holding", "retenido") \
  X(word_paused, "paused", "en pausa") \
  X(word_watching, "watching", "en observación") \
  X(word_comparing, "comparing", "en comparación") \
  X(word_done, "done", "terminado") \
  X(word_rolled_back, "rolled back", "revertido") \
  X(word_aborted, "aborted", "abortado") \
  X(word_superseded, "superseded", "reemplazado") \
  X(word_failed, "failed", "fallido") \
  X(word_unproven, "unproven", "sin demostrar") \
  X(word_cannot_know, "cannot know", "no se puede saber") \
  X(word_split_mistrusted, "split mistrusted", "reparto dudoso") \
  X(word_platform_trouble, "platform trouble", "problemas de la plataforma") \
  X(word_rollback_forbidden, "rollback forbidden", "reversión prohibida") \
  X(word_passed_watch, "passed its watch", "superó su observación") \
  X(word_judged_bad, "judged bad", "juzgado malo") \
  X(word_crashing, "crashing", "se cae") \
  X(word_out_of_memory, "out of memory", "sin memoria") \
  X(word_liveness_failed, "liveness failed", "fallo de vitalidad") \
  X(word_unavailable, "unavailable", "no disponible") \
  X(word_by_person, "by a person", "por una persona") \
  X(word_newer_deploy, "newer deploy", "despliegue más nuevo") \
  X(word_never_ready, "never ready", "nunca lista") \
  X(word_start_failed, "start failed", "no arrancó") \
  X(word_gate_refused, "gate refused", "permiso denegado") \
  X(word_gate_timed_out, "gate timed out", "permiso sin respuesta") \
  X(word_hold_ran_out, "hold ran out", "se acabó la espera") \
  X(word_bad, "bad", "malo") \
  X(word_proven_good, "proven good", "bueno, demostrado") \
  X(word_not_yet, "not yet", "todavía no") \
  X(word_too_little, "too little", "muy poco") \
  X(word_no_stable, "no stable", "sin estable") \
  X(word_mostly_failing, "mostly failing", "falla casi siempre") \
  X(word_sample_ratio, "sample ratio", "proporción de claves") \
  X(word_too_few_keys, "too few keys", "muy pocas claves") \
  X(word_few_busy_users, "few busy users", "pocos usuarios muy activos") \
  X(word_untracked, "untracked keys", "claves sin seguir") \
  X(word_person, "person", "una persona") \
  X(word_unjudged, "unjudged", "sin juzgar") \
  X(word_created, "created", "creado") \
  X(word_advanced, "advanced", "avanzó") \
  X(word_gate_opened, "gate opened", "permiso pedido") \
  X(word_gate_passed, "gate passed", "permiso dado") \
  X(word_resumed, "resumed", "reanudado") \
  X(word_promoted, "promoted", "promovido") \
  X(word_compared, "compared", "comparado") \
  X(word_common_cause, "common cause", "causa común") \
  X(word_retried, "retried", "reintentado") \
  X(word_verdict, "verdict", "veredicto") \
  X(word_refused, "refused", "rechazado") \
  X(word_late, "late", "tarde") \
  X(word_warning, "warning", "advertencia") \
  X(word_failures, "failures", "fallos") \
  X(word_slow, "slow", "lentas") \
  X(word_shape, "shape", "latencia") \
  X(word_lost_counts, "lost counts", "cuentas perdidas") \
  X(word_no_latencies, "no latencies", "sin latencias") \
  X(word_no_seat, "router counts 16 releases at a time; this one waits for a seat", "el enrutador cuenta 16 lanzamientos a la vez; este espera un sitio")

#define MAREA_TEXTS_RELEASES(X) \
  MAREA_TEXTS_RELEASE_WORDS(X) \
  X(about_releases_list, "releases, of one service or of all", "los lanzamientos, de un servicio o de todos") \
  X(about_releases_describe, "one release: its ladder, both arms, evidence, history", "un lanzamiento: su escalera, ambos brazos, pruebas, historia") \
  X(about_releases_watch, "follow a release until it is promoted, done or taken back", "sigue un lanzamiento hasta que se promueve, termina o se revierte") \
  X(about_releases_pause, "stop the ladder; what is bad is rolled back all the same", "detiene la escalera; lo malo se revierte de todos modos") \
  X(about_releases_resume, "go on after a pause", "sigue tras una pausa") \
  X(about_releases_advance, "go to the next step without proof, or pass the open gate", "pasa al siguiente paso sin demostración, o da el permiso pedido") \
  X(about_releases_promote, "give the canary everything but the holdback at once, past all gates", "da al canary todo menos la reserva de una vez, sin más permisos") \
  X(about_releases_abort, "give stable all requests and end the release", "da todas las peticiones a la estable y acaba el lanzamiento") \
  X(about_releases_retry, "begin a release that ended without success anew", "empieza de nuevo un lanzamiento que no acabó bien") \
  X(about_releasepolicies_list, "policies by which releases go", "las políticas por las que van los lanzamientos") \
  X(about_releasepolicies_describe, "one policy, in detail", "una política, con detalle") \
  X(about_releasepolicies_delete, "delete a policy that no service names", "borra una política que ningún servicio nombra") \
  X(about_rollback, "put the last stable revision back, now", "vuelve a la última revisión estable, ya") \
  X(more_releases_name, "NAME is a release, or a service: its newest release.", "NAME es un lanzamiento, o un servicio: su lanzamiento más nuevo.") \
  X(more_releases_watch, "NAME is a release, or a service: its newest release. On a terminal drawn anew, else one line for each change and one every 10 s at most, those of a new step or verdict and of progress with the evidence. Exit code 0 when it is promoted (--until done: when it passed its watch), 7 when it was rolled back by itself, 1 when it ended otherwise.", "NAME es un lanzamiento, o un servicio: su lanzamiento más nuevo. En un terminal se redibuja; si no, una línea por cada cambio y una cada 10 s como mucho. Código de salida 0 cuando se promueve (--until done: cuando supera su observación), 7 si se revirtió solo, 1 si acabó de otro modo.") \
  X(more_releasepolicies, "They are created and changed with marea apply -f.", "Se crean y se cambian con marea apply -f.") \
  X(more_rollback, "Without REVISION the last known stable one. A running release is aborted, one that is done is taken back; otherwise the traffic names the revision until: marea traffic NAME --to-latest. Prints what served before and after, and how long it took.", "Sin REVISION, la última estable conocida. Un lanzamiento en curso se aborta, uno terminado se deshace; si no, el tráfico nombra la revisión hasta: marea traffic NAME --to-latest. Muestra qué servía antes y después, y cuánto tardó.") \
  X(help_reason, "why, for the history", "por qué, para la historia") \
  X(help_pause_for, "how long the pause may last (24h); then it goes on", "cuánto puede durar la pausa (24h); después sigue") \
  X(help_endless, "until somebody resumes it", "hasta que alguien lo reanude") \
  X(help_gate, "pass this gate only", "da solo este permiso") \
  X(help_until, "promoted: it has everything but the holdback; done: it passed its watch (promoted)", "promoted: tiene todo menos la reserva; done: superó su observación (promoted)") \
  X(help_timeout_watch, "how long to watch; then exit code 8", "cuánto seguirlo; después, código de salida 8") \
  X(help_release_policy, "how this service is released: none, canary, blue-green, all-at-once, or a ReleasePolicy", "cómo se lanza este servicio: none, canary, blue-green, all-at-once, o una ReleasePolicy") \
  X(for_or_endless, "either --for or --endless", "o --for o --endless") \
  X(no_release, "service {} has no release", "el servicio {} no tiene ningún lanzamiento") \
  X(no_release_why, "no deploy of it had a policy and a stable revision to compare with", "ningún despliegue suyo tuvo una política y una revisión estable con la que comparar") \
  X(no_release_remedy, "See its revisions: marea history {}; release the next one: marea deploy {} --release-policy canary", "Vea sus revisiones: marea history {}; lance la siguiente: marea deploy {} --release-policy canary") \
  X(release_moved, "{}: releases/{}", "{}: releases/{}") \
  X(moved_pause, "paused", "en pausa") \
  X(moved_resume, "resumed", "reanudado") \
  X(moved_advance, "advanced", "avanzado") \
  X(moved_promote, "promoted", "promovido") \
  X(moved_abort, "aborted", "abortado") \
  X(moved_retry, "retried", "reintentado") \
  X(head_phase, "PHASE", "FASE") \
  X(head_canary, "CANARY", "CANARY") \
  X(head_verdict, "VERDICT", "VEREDICTO") \
  X(head_strategy, "STRATEGY", "ESTRATEGIA") \
  X(head_ladder, "LADDER", "ESCALERA") \
  X(head_gates, "GATES", "PERMISOS") \
  X(head_watch, "WATCH", "OBSERVACIÓN") \
  X(head_arm, "ARM", "BRAZO") \
  X(head_share, "SHARE", "PARTE") \
  X(head_keys, "KEYS", "CLAVES") \
  X(head_failed, "FAILED", "FALLIDAS") \
  X(head_slow, "SLOW", "LENTAS") \
  X(head_test, "TEST", "PRUEBA") \
  X(head_worse, "WORSE", "PEOR") \
  X(head_good, "GOOD", "BUENO") \
  X(arm_stable, "stable", "estable") \
  X(arm_canary, "canary", "canary") \
  X(test_split, "split", "reparto") \
  X(of_limit, "{} of {}", "{} de {}") \
  X(release_title, "{} of {}: {}", "{} de {}: {}") \
  X(release_beside, "{} beside {}", "{} junto a {}") \
  X(release_alone, "{}, with nothing to compare with", "{}, sin nada con que comparar") \
  X(rung_promoted, "promoted", "promovido") \
  X(since_ago, "{} for {}", "{} desde hace {}") \
  X(label_verdict, "Verdict", "Veredicto") \
  X(label_next, "Next", "Después") \
  X(label_change, "To change it", "Para cambiarlo") \
  X(label_since_began, "Changed since it began", "Cambió desde que empezó") \
  X(change_clean, "about {} more keys of the canary without a failure", "unas {} claves más del canary sin ningún fallo") \
  X(change_not_slow, "about {} more keys of the canary without a slow request", "unas {} claves más del canary sin ninguna petición lenta") \
  X(change_alike, "about {} more of it that fail as often as stable's", "unas {} más suyas que fallen tanto como las de la estable") \
  X(change_slow_alike, "about {} more of it with a slow request as often as stable's", "unas {} más suyas con una petición lenta tan a menudo como las de la estable") \
  X(change_or, ", or ", ", o ") \
  X(change_untold, "more keys than can be told", "más claves de las que se pueden decir") \
  X(change_fail, "{} more keys of the canary that fail", "{} claves más del canary que fallen") \
  X(change_slow, "{} more keys of the canary with a slow request", "{} claves más del canary con una petición lenta") \
  X(change_alone, "{}, while none of stable's does", "{}, sin que le pase a ninguna de la estable") \
  X(change_keys_of_stable, "{} more keys of stable, until then only harm can be known", "{} claves más de la estable; hasta entonces solo se puede saber de un daño") \
  X(change_keys_of_canary, "{} more keys of the canary, until then only harm can be known", "{} claves más del canary; hasta entonces solo se puede saber de un daño") \
  X(change_bad, "nothing in this attempt: bad is final", "nada en este intento: lo malo es definitivo") \
  X(change_sample_ratio, "find what sorts users between the arms, then begin a new release", "encontrar qué reparte los usuarios entre los brazos, y empezar otro lanzamiento") \
  X(change_platform, "a minute in which platform fails no more requests than its limit", "un minuto en el que la plataforma no falle más peticiones que su límite") \
  X(change_lost, "a minute in which all counts arrive, and proofs anew since then", "un minuto en el que lleguen todas las cuentas, y pruebas nuevas desde entonces") \
  X(change_untimed, "requests that end well without waiting for a start, and an objective for their latency", "peticiones que acaben bien sin esperar un arranque, y un objetivo para su latencia") \
  X(change_busy, "users who have not failed yet", "usuarios que aún no hayan fallado") \
  X(change_mostly, "users whom the canary serves well", "usuarios a los que el canary atienda bien") \
  X(change_untracked, "more memory for keys, or a shorter release", "más memoria para claves, o un lanzamiento más corto") \
  X(change_seat, "a seat: it comes when another release is promoted or over", "un sitio: llega cuando otro lanzamiento se promueve o acaba") \
  X(label_history, "History", "Historia") \
  X(label_last_stable, "Last known stable", "Última estable conocida") \
  X(risk_ruled_out, "{}; a relative risk beyond {} is ruled out", "{}; se descarta un riesgo relativo mayor que {}") \
  X(risk_open, "{}; no relative risk is ruled out yet", "{}; aún no se descarta ningún riesgo relativo") \
  X(next_preparing, "waits until the canary can take requests, {} more at most; then it fails", "espera a que el canary pueda recibir peticiones, {} más como mucho; después falla") \
  X(next_stepping, "on when proven good, else as its policy says after {} at most", "sigue cuando se demuestre bueno; si no, lo que diga su política tras {} como mucho") \
  X(next_gated, "waits for the gate {}, {} more at most: marea releases advance {}", "espera el permiso {}, {} más como mucho: marea releases advance {}") \
  X(next_holding, "waits for evidence or for a person, {} more at most: marea releases advance {}, or abort", "espera pruebas o a una persona, {} más como mucho: marea releases advance {}, o abort") \
  X(next_paused, "goes on by itself in {}, or now: marea releases resume {}", "sigue solo en {}, o ya: marea releases resume {}") \
  X(next_endless, "paused without end, until: marea releases resume {}", "en pausa sin fin, hasta: marea releases resume {}") \
  X(next_watching, "compared for {} more; then it is the last known stable revision", "en comparación {} más; después será la última revisión estable conocida") \
  X(next_comparing, "stable has a small share again for {} more, to tell whose fault the failures are", "la estable tiene otra vez una parte pequeña {} más, para saber de quién son los fallos") \
  X(line_by, "{} by {}", "{} por {}") \
  X(line_at, "{}, canary {}", "{}, canary {}") \
  X(line_verdict, "verdict: {} (canary {})", "veredicto: {} (canary {})") \
  X(line_progress, "canary {}, {}: stable {}, canary {}{}", "canary {}, {}: estable {}, canary {}{}") \
  X(line_arm, "{} requests, {} of {} keys failed", "{} peticiones, {} de {} claves fallaron") \
  X(line_arm_unknown, "nothing told yet", "sin datos aún") \
  X(line_good, ", good {}", ", bueno {}") \
  X(line_latencies, "; p50/p95/p99 in ms: stable {}, canary {}", "; p50/p95/p99 en ms: estable {}, canary {}") \
  X(line_change, "; to change it: {}", "; para cambiarlo: {}") \
  X(line_left, "; {} more at most", "; {} más como mucho") \
  X(release_began, "{} gets its requests step by step ({}), and all of them only with its promotion", "{} recibe sus peticiones por pasos ({}), y todas solo cuando se promueva") \
  X(release_goes_on, "release {} goes on; watch it: marea releases watch {}", "el lanzamiento {} sigue; obsérvelo: marea releases watch {}") \
  X(release_promoted, "{} is promoted: {} has {}", "{} se promovió: {} tiene {}") \
  X(release_done, "{} is done: {} is the last known stable revision", "{} terminó: {} es la última revisión estable conocida") \
  X(release_rolled_back, "{} was rolled back by itself ({}): {} has all requests", "{} se revirtió solo ({}): {} tiene todas las peticiones") \
  X(release_ended, "{} ended: {} ({}); {} has {} of the requests", "{} acabó: {} ({}); {} tiene {} de las peticiones") \
  X(release_marked_bad, "{} is marked bad: it is not released again", "{} queda marcada como mala: no se lanza otra vez") \
  X(release_see, "What was seen: marea releases describe {}; what differs: marea diff {} {}", "Lo que se vio: marea releases describe {}; qué cambia: marea diff {} {}") \
  X(release_timeout, "release {} is not over after {} s", "el lanzamiento {} no ha acabado tras {} s") \
  X(release_timeout_remedy, "It goes on; look again: marea releases watch {}", "Sigue; mire otra vez: marea releases watch {}") \
  X(split_ends_release, "a split that is set by hand ends the running release {} of {}", "un reparto fijado a mano acaba el lanzamiento en curso {} de {}") \
  X(rollback_before, "Before", "Antes") \
  X(rollback_after, "After", "Después") \
  X(rollback_took, "Took", "Tardó") \
  X(rollback_release, "Release ended", "Lanzamiento acabado") \
  X(rollback_seconds, "{:.2f} s", "{:.2f} s") \
  X(rollback_refused_remedy, "Deploy what mends it: marea deploy {} --image REF; see why: marea releases describe {}", "Despliegue lo que lo arregle: marea deploy {} --image REF; vea por qué: marea releases describe {}") \
  X(rollback_slow, "the router did not have the rollback of {} after {} s", "el enrutador no tenía la reversión de {} tras {} s") \
  X(rollback_slow_remedy, "See who serves: marea traffic {}", "Vea quién sirve: marea traffic {}") \
  X(exit_rolled_back, "a release was rolled back by itself, or a guardrail ended an experiment", "un lanzamiento se revirtió solo, o un límite terminó un experimento")
// clang-format on
