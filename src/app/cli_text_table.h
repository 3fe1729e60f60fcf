// The table of cli_text.h: X(name, English, Spanish), grouped by what says it.
#pragma once

// clang-format off
#define MAREA_TEXTS(X) \
  MAREA_TEXTS_ERRORS(X)

#define MAREA_TEXTS_ERRORS(X) \
  X(no_platform, "cannot reach the platform at {}", "no se puede llegar a la plataforma en {}") \
  X(no_platform_no_socket, "there is no socket: the platform is not running, or its data directory is another", "no hay socket: la plataforma no está en marcha, o su directorio de datos es otro") \
  X(no_platform_refused, "nothing listens there", "nadie escucha ahí") \
  X(no_platform_not_allowed, "this user may not open the socket", "este usuario no puede abrir el socket") \
  X(no_platform_remedy, "Start it: sudo marea serve; or say where it is: --server, --data, MAREA_SERVER or MAREA_DATA", "Arránquela: sudo marea serve; o diga dónde está: --server, --data, MAREA_SERVER o MAREA_DATA") \
  X(no_platform_sudo, "Run the same command with sudo", "Ejecute la misma orden con sudo") \
  X(bad_server, "'{}' names no platform", "'{}' no nombra ninguna plataforma") \
  X(bad_server_why, "it must be unix:PATH or http://HOST:PORT", "debe ser unix:RUTA o http://SERVIDOR:PUERTO") \
  X(bad_server_remedy, "For example: --server unix:/var/lib/marea/api.sock", "Por ejemplo: --server unix:/var/lib/marea/api.sock") \
  X(connection_lost, "the connection to {} ended before the answer did", "la conexión con {} terminó antes que la respuesta") \
  X(platform_timeout, "the platform at {} did not answer in time", "la plataforma en {} no respondió a tiempo") \
  X(platform_timeout_remedy, "Ask what it is doing: marea doctor", "Pregunte qué le pasa: marea doctor") \
  X(bad_answer, "the platform at {} gave an answer that this program does not understand", "la plataforma en {} dio una respuesta que este programa no entiende") \
  X(bad_answer_remedy, "Compare the versions: marea version; is it marea that listens there?", "Compare las versiones: marea version; ¿es marea quien escucha ahí?") \
  X(read_more, "More: {}", "Más: {}") \
  X(notice, "notice: {}", "aviso: {}")
// clang-format on
