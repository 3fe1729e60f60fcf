// The texts of experiments: a part of cli_text_table.h.
#pragma once

// clang-format off
#define MAREA_TEXTS_EXPERIMENTS(X) \
  X(about_experiments_list, "experiments, of one service or of all", "los experimentos, de un servicio o de todos") \
  X(about_experiments_describe, "what an experiment shows: a sentence, and the numbers behind it", "lo que muestra un experimento: una frase, y los números que la sostienen") \
  X(about_experiments_watch, "tell what an experiment shows, whenever it changes, until it ends", "cuenta lo que muestra un experimento, cada vez que cambia, hasta que termina") \
  X(about_experiments_end, "end an experiment: all requests go where the service says, or to the arm that is promoted", "termina un experimento: todas las peticiones van adonde dice el servicio, o a la variante que se promueve") \
  X(more_experiments_end, "What it counted is kept until it is deleted.", "Lo que contó se guarda hasta que se borre.") \
  X(help_experiment_promote, "the arm that gets all requests from now on", "la variante que recibe desde ahora todas las peticiones") \
  X(about_experiments_delete, "delete an experiment and its numbers", "borra un experimento y sus números") \
  X(more_experiments, "An experiment is begun with marea apply -f FILE: docs/experiments.md.", "Un experimento empieza con marea apply -f FICHERO: docs/experiments.md.") \
  X(more_experiments_watch, "Exit code 7 when an arm harmed users and a guardrail ended it.", "Código de salida 7 cuando una variante perjudicó a los usuarios y un límite lo terminó.") \
  X(help_experiment_reason, "why; kept with the experiment", "por qué; se guarda con el experimento") \
  X(head_arms, "ARMS", "VARIANTES") \
  X(head_users, "USERS", "USUARIOS") \
  X(head_ends, "ENDS", "TERMINA") \
  X(label_ends, "Ends", "Termina") \
  X(label_ended, "Ended", "Terminado") \
  X(label_summary, "Summary", "Resumen") \
  X(label_sample_ratio, "Sample ratio", "Reparto de usuarios") \
  X(label_not_counted, "Not counted", "Sin contar") \
  X(not_counted, "{} requests and events of users whom router does not know (any more), {} of users who were led to another arm meanwhile", "{} peticiones y eventos de usuarios que el router no conoce (o ya no), {} de usuarios llevados entretanto a otra variante") \
  X(arm_against, "{} against {}", "{} frente a {}") \
  X(rates_differ, "{}: {} of {} users against {} of {}; difference between {} and {} percentage points", "{}: {} de {} usuarios frente a {} de {}; diferencia entre {} y {} puntos porcentuales") \
  X(values_differ, "{}: {} users against {}; difference between {} and {}", "{}: {} usuarios frente a {}; diferencia entre {} y {}") \
  X(verdict_too_early, "too early to say", "demasiado pronto para decirlo") \
  X(verdict_unclear, "unclear", "no está claro") \
  X(verdict_better, "better", "mejor") \
  X(verdict_worse, "worse", "peor") \
  X(experiment_not_sent, "experiment {} was not begun: its service did not become ready", "el experimento {} no ha empezado: su servicio no llegó a estar listo") \
  X(sample_ratio_fine, "as the weights say", "como dicen los pesos") \
  X(sample_ratio_mistrusted, "not as the weights say: the numbers cannot be trusted", "no como dicen los pesos: los números no son de fiar") \
  X(arm_counts, "{} users, {} failed; {}", "{} usuarios, {} con fallos; {}") \
  X(arm_led, "{} users led by rules", "{} usuarios llevados por reglas") \
  X(arm_segment, "{} of segment {}", "{} del segmento {}") \
  X(guardrail_breached, "guardrail broken: {}", "límite superado: {}") \
  X(experiment_ended, "experiment {} has ended: {}", "el experimento {} ha terminado: {}")
