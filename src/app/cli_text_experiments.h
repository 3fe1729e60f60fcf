// The texts of experiments: a part of cli_text_table.h.
#pragma once

// clang-format off
#define MAREA_TEXTS_EXPERIMENTS(X) \
  X(about_experiments_list, "experiments, of one service or of all", "los experimentos, de un servicio o de todos") \
  X(about_experiments_describe, "what an experiment shows: a sentence, and the numbers behind it", "lo que muestra un experimento: una frase, y los números que la sostienen") \
  X(about_experiments_watch, "tell what an experiment shows, whenever it changes, until it ends", "cuenta lo que muestra un experimento, cada vez que cambia, hasta que termina") \
  X(about_experiments_end, "end an experiment: all requests go where the service says", "termina un experimento: todas las peticiones van adonde dice el servicio") \
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
  X(sample_ratio_fine, "as the weights say", "como dicen los pesos") \
  X(sample_ratio_mistrusted, "not as the weights say: the numbers cannot be trusted", "no como dicen los pesos: los números no son de fiar") \
  X(arm_counts, "{} users, {} failed; {}", "{} usuarios, {} con fallos; {}") \
  X(arm_led, "{} users led by rules", "{} usuarios llevados por reglas") \
  X(guardrail_breached, "guardrail broken: {}", "límite superado: {}") \
  X(experiment_ended, "experiment {} has ended: {}", "el experimento {} ha terminado: {}")
