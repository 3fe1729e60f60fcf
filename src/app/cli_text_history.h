// Of the table of cli_text.h: what history, whatran, changes and diff say.
#pragma once

// clang-format off
#define MAREA_TEXTS_HISTORY(X) \
  X(about_whatran, "what ran a request: revision, image, source, split, release, and who deployed it", "qué atendió una petición: revisión, imagen, origen, reparto, lanzamiento y quién lo desplegó") \
  X(about_changes, "what changed since: deploys, releases, splits, settings, and the platform itself", "qué cambió desde entonces: despliegues, lanzamientos, repartos, ajustes y la propia plataforma") \
  X(more_whatran, "The id is the X-Request-Id of the answer. With --around the records of that time are read first, and of an id that callers used twice the one near it is found.", "El identificador es el X-Request-Id de la respuesta. Con --around se leen primero los registros de ese momento, y de un identificador usado dos veces se encuentra el más cercano.") \
  X(more_changes, "The oldest first. Values of variables are not shown: marea diff has them.", "Los más antiguos primero. Los valores de las variables no se muestran: los da marea diff.") \
  X(help_at, "what served at that moment: RFC 3339, or so long ago as 90s, 15m, 2h", "qué servía en ese momento: RFC 3339, o hace 90s, 15m, 2h") \
  X(help_history_since, "every change of what serves since then: RFC 3339, or so long ago as 90s, 15m, 2h", "cada cambio de lo que sirve desde entonces: RFC 3339, o hace 90s, 15m, 2h") \
  X(help_changes_since, "since when (24h): RFC 3339, or so long ago as 90s, 15m, 2h", "desde cuándo (24h): RFC 3339, o hace 90s, 15m, 2h") \
  X(help_request_id, "the X-Request-Id of its answer", "el X-Request-Id de su respuesta") \
  X(help_around, "when it was, about: RFC 3339, or so long ago as 90s, 15m, 2h", "cuándo fue, más o menos: RFC 3339, o hace 90s, 15m, 2h") \
  X(bad_moment, "{} is no moment: '{}'", "{} no es un momento: '{}'") \
  X(bad_moment_remedy, "For example: {} 2026-11-26T13:00:00Z, or {} 15m for that long ago", "Por ejemplo: {} 2026-11-26T13:00:00Z, o {} 15m para hace ese tiempo") \
  X(no_request_id, "--request is missing", "falta --request") \
  X(at_or_since, "either --at or --since", "o --at o --since") \
  X(history_lost, "{} older changes are not kept any more", "{} cambios anteriores ya no se guardan") \
  X(history_none, "nothing changed in that time", "nada cambió en ese tiempo") \
  X(history_uncertain, "router had not confirmed it yet: until then requests may have gone as before", "el router aún no lo había confirmado: hasta entonces las peticiones podían seguir como antes") \
  X(head_cause, "CAUSE", "CAUSA") \
  X(head_split, "SPLIT", "REPARTO") \
  X(head_who, "WHO", "QUIÉN") \
  X(head_why, "WHY", "POR-QUÉ") \
  X(head_event, "EVENT", "SUCESO") \
  X(head_part, "SHARE", "PARTE") \
  X(label_at, "At", "Momento") \
  X(label_cause, "Cause", "Causa") \
  X(label_who, "Who", "Quién") \
  X(label_why, "Why", "Por qué") \
  X(label_split, "Split", "Reparto") \
  X(label_release, "Release", "Lanzamiento") \
  X(label_release_step, "{}, step {}", "{}, paso {}") \
  X(label_proof, "Proof of the step before", "Prueba del paso anterior") \
  X(label_rules, "Rules", "Reglas") \
  X(label_tags, "Tags", "Etiquetas") \
  X(label_request, "Request", "Petición") \
  X(label_answer, "Answer", "Respuesta") \
  X(label_experiment, "Experiment", "Experimento") \
  X(label_arm, "Arm", "Brazo") \
  X(label_rule, "Rule", "Regla") \
  X(label_deployed, "Deployed", "Desplegada") \
  X(label_changed, "Changed", "Cambió") \
  X(label_confirmed, "Confirmed by router", "Confirmado por el router") \
  X(diff_not_found, "service {} has no revision {}", "el servicio {} no tiene ninguna revisión {}") \
  X(diff_ambiguous, "{} may be any of {}", "{} puede ser cualquiera de {}")
// clang-format on
