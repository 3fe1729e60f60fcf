// The table of cli_text.h: X(name, English, Spanish), grouped by what says it.
#pragma once

#include "app/cli_text_codes.h"
#include "app/cli_text_experiments.h"
#include "app/cli_text_history.h"
#include "app/cli_text_releases.h"

// clang-format off
#define MAREA_TEXTS(X) \
  MAREA_TEXTS_ERRORS(X) \
  MAREA_TEXTS_USAGE(X) \
  MAREA_TEXTS_HELP(X) \
  MAREA_TEXTS_ABOUT(X) \
  MAREA_TEXTS_VIEWS(X) \
  MAREA_TEXTS_IMAGES(X) \
  MAREA_TEXTS_DEPLOY(X) \
  MAREA_TEXTS_RELEASES(X) \
  MAREA_TEXTS_EXPERIMENTS(X) \
  MAREA_TEXTS_HISTORY(X) \
  MAREA_TEXTS_CODES(X) \
  MAREA_TEXTS_EXITS(X) \
  MAREA_TEXTS_DETAILS(X) \
  MAREA_TEXTS_MANUAL(X)

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
  X(cannot_write, "cannot write to standard output", "no se puede escribir en la salida estándar") \
  X(cannot_write_remedy, "Is the disk full?", "¿Está lleno el disco?") \
  X(read_more, "More: marea help {}, {}", "Más: marea help {}, {}") \
  X(notice, "notice: {}", "aviso: {}")

#define MAREA_TEXTS_USAGE(X) \
  X(bad_empty, "{} needs a value that is not empty", "{} necesita un valor que no esté vacío") \
  X(bad_pair, "{} needs NAME=VALUE, got '{}'", "{} necesita NOMBRE=VALOR, recibió '{}'") \
  X(bad_count, "{} needs a whole number from 0, got '{}'", "{} necesita un número entero desde 0, recibió '{}'") \
  X(bad_port, "{} needs a port from 1 to 65535, got '{}'", "{} necesita un puerto de 1 a 65535, recibió '{}'") \
  X(bad_seconds, "{} needs a time such as 90, 90s, 5m or 1h, got '{}'", "{} necesita un tiempo como 90, 90s, 5m o 1h, recibió '{}'") \
  X(bad_choice, "{} must be one of {}; it is '{}'", "{} debe ser uno de {}; es '{}'") \
  X(bad_usage, "the command line cannot be read: {}", "no se puede leer la línea de órdenes: {}") \
  X(meant, "perhaps you mean '{}'", "quizá quiera decir '{}'") \
  X(unknown_option, "there is no option '{}' here", "aquí no hay ninguna opción '{}'") \
  X(unexpected_word, "one word too many: '{}'", "sobra una palabra: '{}'") \
  X(missing_word, "{} is missing", "falta {}") \
  X(unknown_verb, "there is no command '{}'", "no existe la orden '{}'") \
  X(no_verb, "no command was given", "no se dio ninguna orden") \
  X(see_help, "See: marea help{}", "Vea: marea help{}")

#define MAREA_TEXTS_HELP(X) \
  X(help_first, "marea runs web services from zero and back. Its commands:", "marea ejecuta servicios web desde cero y de vuelta. Sus órdenes:") \
  X(help_last, "More about one: marea help COMMAND. Reference: docs/cli.md", "Más sobre una: marea help ORDEN. Referencia: docs/cli.md") \
  X(code_exits, "exit code {}", "código de salida {}") \
  X(help_options, "options", "opciones") \
  X(help_options_title, "Options", "Opciones") \
  X(help_server, "where the platform is; else MAREA_SERVER", "dónde está la plataforma; si no, MAREA_SERVER") \
  X(help_data, "the platform's data directory; else MAREA_DATA, else /var/lib/marea", "el directorio de datos de la plataforma; si no, MAREA_DATA, si no, /var/lib/marea") \
  X(help_help, "print this help", "muestra esta ayuda") \
  X(help_output, "form of what is printed (table)", "forma de lo que se imprime (table)") \
  X(help_name, "name of the service (the directory's name)", "nombre del servicio (el del directorio)") \
  X(help_wait, "wait until the new revision serves or failed, and follow its release to the promotion", "espera a que la nueva revisión sirva o falle, y sigue su lanzamiento hasta que se promueve") \
  X(help_no_wait, "do not wait for it", "no la espera") \
  X(help_wait_timeout, "how long to wait (10m; for a release as long as it goes on); then exit code 8", "cuánto esperar (10m; por un lanzamiento, lo que dure); después, código de salida 8") \
  X(help_port, "the port on which the app listens (8080)", "el puerto en el que escucha la aplicación (8080)") \
  X(help_env, "set an environment variable; may be repeated", "da valor a una variable de entorno; se puede repetir") \
  X(help_concurrency, "requests that one instance takes at once (80)", "peticiones que una instancia atiende a la vez (80)") \
  X(help_min_scale, "instances kept also without requests (0)", "instancias que se mantienen también sin peticiones (0)") \
  X(help_max_scale, "the most instances (100)", "el máximo de instancias (100)") \
  X(help_cpu, "processor share of an instance: 1, 500m", "procesador de una instancia: 1, 500m") \
  X(help_memory, "memory of an instance: 512Mi, 1Gi", "memoria de una instancia: 512Mi, 1Gi") \
  X(help_timeout, "the longest time for one request (5m)", "el tiempo máximo de una petición (5m)") \
  X(help_idle_timeout, "idle time after which an instance stops (by its pauses)", "tiempo sin peticiones tras el que una instancia para (según sus pausas)") \
  X(help_command, "a word of the command, instead of the image's entry point; may be repeated", "una palabra de la orden, en lugar del punto de entrada de la imagen; se puede repetir") \
  X(help_args, "an argument of the command, instead of the image's; may be repeated", "un argumento de la orden, en lugar de los de la imagen; se puede repetir") \
  X(help_image, "an OCI image layout on this machine, or a name in `marea images`", "un directorio OCI de esta máquina, o un nombre de `marea images`") \
  X(help_dockerfile, "the Dockerfile, relative to the directory (Dockerfile, else Containerfile)", "el Dockerfile, relativo al directorio (Dockerfile; si no, Containerfile)") \
  X(help_kind, "what the directory is, when nothing or several things say it; its Dockerfile is left aside", "qué es el directorio, cuando nada o varias cosas lo dicen; su Dockerfile se deja de lado") \
  X(help_base, "the image to build on, when there is no Dockerfile (docker.io/library/debian:12-slim)", "la imagen sobre la que se construye, cuando no hay Dockerfile (docker.io/library/debian:12-slim)") \
  X(help_print_dockerfile, "print the Dockerfile and do nothing else", "muestra el Dockerfile y no hace nada más") \
  X(help_diff_file, "compare the service with what this manifest would make of it; - is standard input", "compara el servicio con lo que este manifiesto haría de él; - es la entrada estándar") \
  X(diff_two, "diff needs two revisions, a service and two of its revisions, or a service and -f FILE", "diff necesita dos revisiones, un servicio y dos de sus revisiones, o un servicio y -f ARCHIVO") \
  X(diff_not_in_file, "{} has no service {}", "{} no tiene ningún servicio {}") \
  X(help_kubeconfig_file, "write it into this new file, which only its owner may read", "lo guarda en este archivo nuevo, que solo su dueño puede leer") \
  X(help_requests, "the requests to it, instead of what its apps wrote", "las peticiones que recibió, en lugar de lo que escribieron sus aplicaciones") \
  X(help_request_log, "keep a record of each request (on)", "guarda un registro de cada petición (on)") \
  X(help_service, "only those of this service", "solo los de este servicio") \
  X(help_revision, "only those of this revision", "solo los de esta revisión") \
  X(help_instance, "only those of this instance", "solo los de esta instancia") \
  X(help_container, "only those of this container of the instances", "solo los de este contenedor de las instancias") \
  X(help_http, "where services answer (127.0.0.1:8080)", "dónde responden los servicios (127.0.0.1:8080)") \
  X(help_api, "where the API answers beside DATA/api.sock (127.0.0.1:8088)", "dónde responde la API, además de DATA/api.sock (127.0.0.1:8088)") \
  X(help_runtime, "the program that makes sandboxes (auto)", "el programa que crea los aislamientos (auto)") \
  X(help_limit, "another value for a limit of docs/limits.md; may be repeated", "otro valor para un límite de docs/limits.md; se puede repetir") \
  X(bad_limits, "--limit cannot be used", "no se puede usar --limit") \
  X(bad_limits_remedy, "For example: --limit queue-requests=1000 --limit idle-time=30s; all are in docs/limits.md", "Por ejemplo: --limit queue-requests=1000 --limit idle-time=30s; todos están en docs/limits.md") \
  X(help_filename, "the manifest, YAML or JSON, one or more documents, of services, policies and experiments; - is standard input", "el manifiesto, YAML o JSON, uno o más documentos, de servicios, políticas y experimentos; - es la entrada estándar") \
  X(help_follow, "go on with what comes", "sigue con lo que vaya llegando") \
  X(help_delete_logs, "delete them instead of printing them", "los borra en lugar de mostrarlos") \
  X(help_to_latest, "all requests to the newest revision that is ready, now and later", "todas las peticiones a la revisión más nueva que esté lista, ahora y después") \
  X(help_tag, "answer at TAG---NAME.localhost with this revision (or latest); may be repeated", "responde en TAG---NAME.localhost con esta revisión (o latest); se puede repetir") \
  X(help_remove_tag, "take the tag away; may be repeated", "quita la etiqueta; se puede repetir") \
  X(bad_share, "'{}' is no REVISION=PERCENT, of 0 to 100 in steps of 0.01", "'{}' no es REVISIÓN=PORCENTAJE, de 0 a 100 en pasos de 0.01") \
  X(share_or_latest, "either --to-latest or percents", "o --to-latest o porcentajes") \
  X(split_faults, "cannot change the traffic of {}: {} faults", "no se puede cambiar el tráfico de {}: {} fallos") \
  X(share_twice, "{} is named twice", "{} se nombra dos veces") \
  X(share_sum, "the percents sum to {}, and no other revision has traffic to make 100 of it", "los porcentajes suman {}, y ninguna otra revisión tiene tráfico para llegar a 100") \
  X(no_tag, "there is no tag {}", "no existe la etiqueta {}") \
  X(see_traffic, "See what is set: marea traffic {}", "Vea lo que hay: marea traffic {}") \
  X(not_of_service, "revision {} is none of service {}", "la revisión {} no es del servicio {}") \
  X(see_history, "See its revisions: marea history {}", "Vea sus revisiones: marea history {}") \
  X(help_unused, "all that no revision uses", "todas las que ninguna revisión usa") \
  X(help_registry_auth, "credentials of registries, as skopeo login or docker login write them (DIR/registry/auth.json)", "credenciales de registros, como las escriben skopeo login o docker login (DIR/registry/auth.json)") \
  X(help_registries, "mirrors and plain HTTP, in a registries.conf(5) of version 2 (DIR/registry/registries.conf)", "espejos y HTTP sin cifrar, en un registries.conf(5) de versión 2 (DIR/registry/registries.conf)") \
  X(help_disk_limit, "percent of the data directory's disk beyond which nothing new is taken (90)", "porcentaje del disco del directorio de datos a partir del cual no se acepta nada nuevo (90)") \
  X(bad_disk_limit, "--disk-limit must be from 1 to 100, is {}", "--disk-limit debe ir de 1 a 100, es {}") \
  X(help_tail, "begin with the last N lines", "empieza por las últimas N líneas")

#define MAREA_TEXTS_ABOUT(X) \
  X(about_serve, "run the platform, in the foreground", "ejecuta la plataforma, en primer plano") \
  X(about_up, "build a directory and deploy it; print the URL", "construye un directorio y lo despliega; imprime la URL") \
  X(about_deploy, "deploy an image; print the URL", "despliega una imagen; imprime la URL") \
  X(about_apply, "create or change what a manifest says", "crea o cambia lo que dice un manifiesto") \
  X(about_services_list, "all services", "todos los servicios") \
  X(about_services_describe, "one service, in detail", "un servicio, con detalle") \
  X(about_services_delete, "drain a service and delete it with its revisions", "vacía un servicio y lo borra con sus revisiones") \
  X(about_revisions_list, "revisions, of one service or of all", "las revisiones, de un servicio o de todos") \
  X(about_revisions_describe, "one revision, in detail", "una revisión, con detalle") \
  X(about_revisions_delete, "delete a revision without traffic", "borra una revisión sin tráfico") \
  X(about_instances_list, "what runs now", "lo que está en marcha ahora") \
  X(about_instances_describe, "one instance, in detail", "una instancia, con detalle") \
  X(about_instances_delete, "drain an instance and stop it", "vacía una instancia y la para") \
  X(about_images_list, "images in the platform's store", "las imágenes del almacén de la plataforma") \
  X(about_images_import, "store an OCI image layout under a name", "guarda un directorio OCI con un nombre") \
  X(about_top, "CPU, memory and requests of services and instances, now", "CPU, memoria y peticiones de servicios e instancias, ahora") \
  X(about_usage, "what services used: requests, billable time, CPU, memory", "lo que usaron los servicios: peticiones, tiempo facturable, CPU, memoria") \
  X(about_images_delete, "delete an image that no revision uses, or all of them", "borra una imagen que ninguna revisión usa, o todas") \
  X(about_disk, "what takes the room on the data directory's disk", "qué ocupa el disco del directorio de datos") \
  X(disk_used, "images that revisions use", "imágenes que usan las revisiones") \
  X(disk_unused, "other images", "otras imágenes") \
  X(disk_builds, "cache of builds", "caché de construcciones") \
  X(disk_images, "images together (image-disk)", "imágenes en total (image-disk)") \
  X(disk_logs, "logs of services", "registros de servicios") \
  X(disk_whole, "the whole disk", "el disco entero") \
  X(disk_unknown, "not measured", "sin medir") \
  X(head_what, "WHAT", "QUÉ") \
  X(head_most, "MOST", "MÁXIMO") \
  X(head_freed_by, "FREED BY", "SE LIBERA CON") \
  X(about_builds_delete, "empty the cache of builds", "vacía la caché de las construcciones") \
  X(about_backup, "write everything that must not be lost into one file", "guarda en un archivo todo lo que no se debe perder") \
  X(about_restore, "make a data directory of a backup", "hace un directorio de datos a partir de una copia de seguridad") \
  X(about_repair, "mend a store that cannot be read", "repara un almacén que no se puede leer") \
  X(about_logs, "what the apps of a service wrote", "lo que escribieron las aplicaciones de un servicio") \
  X(about_kubeconfig, "what kubectl needs to talk to this platform", "lo que kubectl necesita para hablar con esta plataforma") \
  X(about_doctor, "what is wrong with this machine, and what mends it", "qué le pasa a esta máquina y qué lo arregla") \
  X(about_version, "the version of this program", "la versión de este programa") \
  X(about_help, "this list, the options of one command, or a code of an error", "esta lista, las opciones de una orden, o un código de error") \
  X(about_traffic, "which revisions get the requests of a service, and its tags", "qué revisiones reciben las peticiones de un servicio, y sus etiquetas") \
  X(about_history, "the revisions of a service: when, what changed, how they are; with --at what served at that moment", "las revisiones de un servicio: cuándo, qué cambió, cómo están; con --at, qué servía en ese momento") \
  X(about_diff, "what differs between two revisions, or what a manifest would change", "en qué se diferencian dos revisiones, o qué cambiaría un manifiesto") \
  X(about_completion, "completion for a shell", "el autocompletado para un intérprete de órdenes") \
  X(about_complete, "what may stand next on a command line", "lo que puede seguir en una línea de órdenes") \
  X(about_man, "the manual page", "la página de manual") \
  X(about_commands, "the table of all commands", "la tabla de todas las órdenes")

#define MAREA_TEXTS_VIEWS(X) \
  X(head_name, "NAME", "NOMBRE") \
  X(head_url, "URL", "URL") \
  X(head_revision, "REVISION", "REVISIÓN") \
  X(head_ready, "READY", "LISTO") \
  X(head_reason, "REASON", "MOTIVO") \
  X(head_service, "SERVICE", "SERVICIO") \
  X(head_replicas, "INSTANCES", "INSTANCIAS") \
  X(head_percent, "PERCENT", "PORCENTAJE") \
  X(head_follows, "FOLLOWS", "SIGUE-A") \
  X(head_tag, "TAG", "ETIQUETA") \
  X(head_when, "WHEN", "CUÁNDO") \
  X(head_traffic, "TRAFFIC", "TRÁFICO") \
  X(head_change, "CHANGED", "CAMBIÓ") \
  X(head_instance, "INSTANCE", "INSTANCIA") \
  X(head_cpu, "CPU-%", "CPU-%") \
  X(head_memory, "MEMORY-MIB", "MEMORIA-MIB") \
  X(head_waiting, "WAITING", "EN-ESPERA") \
  X(head_request_rate, "REQUESTS/S", "PETICIONES/S") \
  X(head_source, "SOURCE", "ORIGEN") \
  X(head_now, "NOW", "AHORA") \
  X(head_then, "AFTER-APPLY", "TRAS-APPLY") \
  X(source_modified, "modified", "modificado") \
  X(label_source, "Source", "Origen") \
  X(no_change, "{} would change nothing of {}", "{} no cambiaría nada de {}") \
  X(head_field, "FIELD", "CAMPO") \
  X(first_revision, "first revision", "primera revisión") \
  X(nothing_changed, "nothing", "nada") \
  X(no_difference, "{} and {} are the same but for their names", "{} y {} son iguales salvo por el nombre") \
  X(head_digest, "DIGEST", "RESUMEN") \
  X(head_state, "STATE", "ESTADO") \
  X(head_since, "SINCE", "DESDE") \
  X(head_requests, "REQUESTS", "PETICIONES") \
  X(head_billable, "BILLABLE-S", "FACTURABLE-S") \
  X(head_minimum_idle, "MIN-IDLE-S", "MÍN-OCIOSO-S") \
  X(head_vcpu, "VCPU-S", "VCPU-S") \
  X(head_gib, "GIB-S", "GIB-S") \
  X(head_cpu_used, "CPU-USED-S", "CPU-USADA-S") \
  X(head_in_flight, "IN-FLIGHT", "EN-CURSO") \
  X(head_bytes, "BYTES", "BYTES") \
  X(head_used_by, "USED-BY", "USADA-POR") \
  X(images_unnamed, "(no name)", "(sin nombre)") \
  X(images_rest, "(blobs of no image)", "(blobs de ninguna imagen)") \
  X(images_unused, "nobody", "nadie") \
  X(head_check, "CHECK", "COMPROBACIÓN") \
  X(head_result, "RESULT", "RESULTADO") \
  X(head_remedy, "REMEDY", "REMEDIO") \
  X(label_name, "Name", "Nombre") \
  X(label_image, "Image", "Imagen") \
  X(label_latest_created, "Newest revision", "Última revisión") \
  X(label_latest_ready, "Newest ready", "Última lista") \
  X(label_traffic, "Traffic", "Tráfico") \
  X(label_generation, "Generation", "Generación") \
  X(label_created, "Created", "Creado") \
  X(label_condition, "{}", "{}") \
  X(label_service, "Service", "Servicio") \
  X(label_digest, "Digest", "Resumen") \
  X(label_replicas, "Instances", "Instancias") \
  X(label_desired, "Wanted", "Deseadas") \
  X(label_revision, "Revision", "Revisión") \
  X(label_state, "State", "Estado") \
  X(label_since, "Since", "Desde") \
  X(label_in_flight, "In flight", "En curso") \
  X(label_reason, "Reason", "Motivo") \
  X(label_detail, "Detail", "Detalle") \
  X(label_exit_code, "Exit code", "Código de salida") \
  X(label_signal, "Signal", "Señal") \
  X(label_peak_memory, "Peak memory, bytes", "Memoria máxima, bytes") \
  X(label_listening, "Listening", "Escucha") \
  X(no_such_object, "there is no {}/{}", "no existe {}/{}") \
  X(see_list, "See what there is: marea {} list", "Vea lo que hay: marea {} list") \
  X(deleted, "deleted: {}/{}", "borrado: {}/{}")

#define MAREA_TEXTS_IMAGES(X) \
  X(interrupted, "interrupted; what the platform began goes on\n", "interrumpido; lo que la plataforma empezó sigue adelante\n") \
  X(freed, "freed: {} bytes", "liberado: {} bytes") \
  X(delete_what, "say which image: a name, or --unused", "diga qué imagen: un nombre, o --unused") \
  X(delete_what_remedy, "See what there is: marea images list", "Vea lo que hay: marea images list") \
  X(backup_written, "backup written: {} ({} bytes)", "copia de seguridad guardada: {} ({} bytes)") \
  X(backup_exists, "{} exists already", "{} ya existe") \
  X(backup_exists_remedy, "Choose another name, or remove it first", "Elija otro nombre, o bórrela antes") \
  X(backup_place_remedy, "Name a file in a folder that is there and that you may write", "Indique un archivo en una carpeta que exista y en la que pueda escribir") \
  X(backup_cut, "the backup ended before it was whole", "la copia de seguridad terminó antes de estar completa") \
  X(backup_cut_remedy, "Look at marea's log, then run it again", "Mire el registro de marea y ejecútelo otra vez") \
  X(restored, "restored into {}: {} services, {} revisions, {} blobs; the backup is of {}", "restaurado en {}: {} servicios, {} revisiones, {} blobs; la copia es de {}") \
  X(restored_next, "Start it: sudo marea serve --data {}", "Arránquela: sudo marea serve --data {}") \
  X(restore_no_file, "there is no file {}", "no existe el archivo {}") \
  X(restore_no_file_remedy, "Name a file that marea backup has written", "Indique un archivo que haya escrito marea backup") \
  X(needs_root, "marea {} needs root", "marea {} necesita root") \
  X(needs_root_why, "a data directory belongs to root and to the users of marea's roles", "un directorio de datos pertenece a root y a los usuarios de los roles de marea") \
  X(needs_root_remedy, "Run: sudo marea {}", "Ejecute: sudo marea {}") \
  X(store_sound, "the store {} is sound; nothing was changed", "el almacén {} está sano; no se cambió nada") \
  X(store_repaired, "repaired: {} services, {} revisions, {} images; the damaged file is kept as {}", "reparado: {} servicios, {} revisiones, {} imágenes; el archivo dañado se guarda como {}") \
  X(store_lost, "lost: {}", "perdido: {}") \
  X(uploading, "uploading {} ({} bytes)", "subiendo {} ({} bytes)") \
  X(layout_without_scheme, "'{}' is a directory, not the name of an image", "'{}' es un directorio, no el nombre de una imagen") \
  X(layout_without_scheme_remedy, "Write --image oci:{}", "Escriba --image oci:{}") \
  X(no_layout_reference, "'{}' is no image layout", "'{}' no es un directorio de imagen OCI") \
  X(layout_reference_remedy, "Write oci:DIR or oci:DIR:TAG, where DIR holds an oci-layout file", "Escriba oci:DIR u oci:DIR:ETIQUETA, donde DIR contenga un archivo oci-layout")

#define MAREA_TEXTS_DEPLOY(X) \
  X(created, "created: {}/{}", "creado: {}/{}") \
  X(changed, "changed: {}/{}", "cambiado: {}/{}") \
  X(unchanged, "unchanged: {}/{}", "sin cambios: {}/{}") \
  X(no_image, "service {} does not exist yet, and no image was given", "el servicio {} aún no existe, y no se dio ninguna imagen") \
  X(no_image_remedy, "Run: marea deploy {} --image oci:DIR[:TAG]", "Ejecute: marea deploy {} --image oci:DIR[:ETIQUETA]") \
  X(bad_name, "'{}' is no name for a service", "'{}' no sirve como nombre de servicio") \
  X(bad_name_remedy, "For example: {}", "Por ejemplo: {}") \
  X(deploy_failed, "{} is not ready: {}", "{} no está lista: {}") \
  X(deploy_kept, "{} keeps serving. More: marea services describe {}", "{} sigue sirviendo. Más: marea services describe {}") \
  X(doctor_image_remedy, "Deploy, import or build that image again; until then blobs that may be its own stay", "Despliegue, importe o construya otra vez esa imagen; hasta entonces se quedan los blobs que pueden ser suyos") \
  X(deploy_nothing, "Mend it and deploy again. More: marea services describe {}", "Corríjalo y despliegue otra vez. Más: marea services describe {}") \
  X(written, "written: {}", "guardado: {}") \
  X(kept, "{} keeps serving", "{} sigue sirviendo") \
  X(adopting, "the app listens on port {} alone: adopting it (--port {})", "la aplicación escucha solo en el puerto {}: se adopta (--port {})") \
  X(adopted_no_http, "port {} was adopted, but it does not answer HTTP", "se adoptó el puerto {}, pero no responde HTTP") \
  X(doctor_absent, "not running", "parada") \
  X(wait_timeout, "service {} was not ready after {} s", "el servicio {} no estaba listo tras {} s") \
  X(wait_timeout_remedy, "It goes on; look at it: marea services describe {}", "Sigue en marcha; mírelo: marea services describe {}") \
  X(cannot_read, "cannot read {}", "no se puede leer {}") \
  X(cannot_read_remedy, "-f takes a file, or - for standard input", "-f toma un archivo, o - para la entrada estándar") \
  X(standard_input, "standard input", "la entrada estándar") \
  X(manifest_invalid, "{} has faults: {}", "{} tiene fallos: {}") \
  X(nothing_stored, "nothing was stored", "no se guardó nada") \
  X(manifest_remedy, "Mend every line above and run it again", "Corrija cada línea de arriba y ejecútelo otra vez") \
  X(up_no_name, "the directory {} gives no name for a service", "el directorio {} no da ningún nombre de servicio") \
  X(up_no_name_remedy, "Say one: --name NAME", "Diga uno: --name NOMBRE") \
  X(pack_found, "no Dockerfile; {} is there: building {}, {}", "no hay Dockerfile; está {}: se construye {}, {}") \
  X(pack_static, "a static site", "un sitio estático") \
  X(pack_node, "a Node app", "una aplicación Node") \
  X(pack_python, "a Python app", "una aplicación Python") \
  X(pack_cmake, "a C++ app with CMake", "una aplicación C++ con CMake") \
  X(pack_procfile, "started with `{}` (Procfile: web)", "que arranca con `{}` (Procfile: web)") \
  X(pack_start_script, "started with `{}` (package.json: scripts.start)", "que arranca con `{}` (package.json: scripts.start)") \
  X(pack_main_field, "started with `{}` (package.json: main)", "que arranca con `{}` (package.json: main)") \
  X(pack_file_name, "started with `{}` (by the file's name)", "que arranca con `{}` (por el nombre del archivo)") \
  X(pack_guess, "started with `{}` (a guess by the file's name; a Procfile decides: web: COMMAND)", "que arranca con `{}` (se supone por el nombre del archivo; un Procfile decide: web: ORDEN)") \
  X(pack_only_program, "started with the one program that it makes", "que arranca con el único programa que produce") \
  X(pack_server, "served by nginx from {}", "que nginx sirve desde {}") \
  X(pack_not_started, "not started: {} (of a Procfile only web is)", "no se inicia: {} (de un Procfile, solo web)") \
  X(pack_foreign_lock, "{} is not read: npm takes the newest versions that package.json allows", "{} no se lee: npm toma las versiones más nuevas que package.json permite") \
  X(pack_left, "left at home, as built here: {} (!{} in .dockerignore takes it along)", "se queda aquí, como resultado de compilar: {} (!{} en .dockerignore lo incluye)") \
  X(up_sending, "sending {}", "enviando {}") \
  X(up_building, "building {} from {} ({} entries, {} bytes)", "construyendo {} desde {} ({} entradas, {} bytes)") \
  X(doctor_ok, "ok", "bien") \
  X(doctor_bad, "WRONG", "MAL") \
  X(doctor_limited, "limited", "limitado") \
  X(head_detail, "DETAIL", "DETALLE") \
  X(doctor_role_remedy, "Wait a moment and look again; if it stays: restart marea serve", "Espere un momento y mire otra vez; si sigue así: reinicie marea serve")
// clang-format on
