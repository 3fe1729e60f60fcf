// The texts of the command table, of the codes of errors and of the exit codes: a part of cli_text_table.h. `code_X` is
// what the code X means, `next_X` what to do when the error itself knows nothing better; `exit_X` is an exit code.
#pragma once

// clang-format off
#define MAREA_TEXTS_CODES(X) \
  X(code_internal, "a fault of marea itself", "un fallo de la propia marea") \
  X(next_internal, "See what it was doing: marea doctor; then report it with the lines above", "Mire qué le pasa: marea doctor; después, comuníquelo con las líneas de arriba") \
  X(code_invalid_argument, "the platform cannot use what it was given", "la plataforma no puede usar lo que recibió") \
  X(next_invalid_argument, "Change what is named above and run it again", "Cambie lo que se nombra arriba y ejecútelo otra vez") \
  X(code_usage, "the command line is wrong", "la línea de órdenes no es correcta") \
  X(next_usage, "See: marea help", "Vea: marea help") \
  X(code_manifest_invalid, "the manifest has faults; each is told with its line", "el manifiesto tiene fallos; cada uno se indica con su línea") \
  X(next_manifest_invalid, "Mend every fault and run it again; docs/manifest.md has the fields", "Corrija cada fallo y ejecútelo otra vez; docs/manifest.md tiene los campos") \
  X(code_not_found, "there is no such object, or no longer", "no existe tal objeto, o ya no") \
  X(next_not_found, "See what there is: marea services list", "Vea lo que hay: marea services list") \
  X(code_already_exists, "there is one of that name already", "ya existe uno con ese nombre") \
  X(next_already_exists, "Choose another name, or change the one that is there", "Elija otro nombre, o cambie el que ya existe") \
  X(code_conflict, "somebody changed it meanwhile", "alguien lo cambió mientras tanto") \
  X(next_conflict, "Run it again", "Ejecútelo otra vez") \
  X(code_not_allowed, "this user may not do that", "este usuario no puede hacerlo") \
  X(next_not_allowed, "Run the same command with sudo", "Ejecute la misma orden con sudo") \
  X(code_privilege_missing, "root, or one of root's capabilities, is missing", "falta root, o una de sus capacidades") \
  X(next_privilege_missing, "Run the same command with sudo", "Ejecute la misma orden con sudo") \
  X(code_kernel_feature, "the kernel of this machine lacks something that marea needs", "al núcleo de esta máquina le falta algo que marea necesita") \
  X(next_kernel_feature, "See what, and what mends it: marea doctor", "Vea qué, y cómo se arregla: marea doctor") \
  X(code_dependency_missing, "a program that marea needs is not installed", "un programa que marea necesita no está instalado") \
  X(next_dependency_missing, "See which, and what mends it: marea doctor", "Vea cuál, y cómo se arregla: marea doctor") \
  X(code_address_in_use, "another program listens there", "otro programa escucha ahí") \
  X(next_address_in_use, "Choose another address (marea help serve), or stop that program", "Elija otra dirección (marea help serve), o pare ese programa") \
  X(code_image_not_found, "there is no such image, layout or tag", "no existe tal imagen, directorio OCI o etiqueta") \
  X(next_image_not_found, "See what there is: marea images list", "Vea lo que hay: marea images list") \
  X(code_image_invalid, "the image is malformed or unsafe to unpack", "la imagen está mal formada o no es seguro desempaquetarla") \
  X(next_image_invalid, "Build the image again", "Construya la imagen otra vez") \
  X(code_digest_mismatch, "the bytes are others than their digest says: damaged on the way or on disk", "los bytes no son los que dice su resumen: se dañaron en el camino o en el disco") \
  X(next_digest_mismatch, "Make the image or the layout again", "Haga otra vez la imagen o el directorio OCI") \
  X(code_image_too_large, "the image is beyond a limit that the message names", "la imagen supera un límite que el mensaje nombra") \
  X(next_image_too_large, "Make the image smaller", "Haga la imagen más pequeña") \
  X(code_image_architecture, "the image is made for other machines than this one", "la imagen está hecha para otras máquinas que esta") \
  X(next_image_architecture, "Build or copy the image for this machine's architecture", "Construya o copie la imagen para la arquitectura de esta máquina") \
  X(code_registry_unreachable, "the registry cannot be reached: its name, address or the way there", "no se puede llegar al registro: su nombre, su dirección o el camino") \
  X(next_registry_unreachable, "Look at the registry's name and at this machine's network, then deploy again", "Mire el nombre del registro y la red de esta máquina, y despliegue otra vez") \
  X(code_registry_untrusted, "the registry speaks no TLS, or shows a certificate that nobody here vouches for", "el registro no habla TLS, o muestra un certificado por el que aquí nadie responde") \
  X(next_registry_untrusted, "Give marea the registry's authority: docs/images.md", "Dé a marea la autoridad del registro: docs/images.md") \
  X(code_registry_denied, "the registry does not give the image with the credentials that marea has for it", "el registro no da la imagen con las credenciales que marea tiene para él") \
  X(next_registry_denied, "Give marea credentials: docs/images.md", "Dé credenciales a marea: docs/images.md") \
  X(code_registry_failed, "the registry answered with an error of its own", "el registro respondió con un error propio") \
  X(next_registry_failed, "Try again later, or ask who runs the registry", "Inténtelo más tarde, o pregunte a quien lleva el registro") \
  X(code_registry_slow, "the registry sends too slowly, or nothing at all", "el registro envía demasiado despacio, o nada") \
  X(next_registry_slow, "Deploy again, use a mirror (docs/images.md), or raise pull-silence and pull-time (docs/limits.md)", "Despliegue otra vez, use un espejo (docs/images.md), o suba pull-silence y pull-time (docs/limits.md)") \
  X(code_build_failed, "the build ended with an error; its last lines say why", "la construcción terminó con un error; sus últimas líneas dicen por qué") \
  X(next_build_failed, "Mend the Dockerfile or the code and run it again", "Corrija el Dockerfile o el código y ejecútelo otra vez") \
  X(code_port_mismatch, "the app listens on another port or address than expected", "la aplicación escucha en otro puerto o dirección que los esperados") \
  X(next_port_mismatch, "Give the port that was found: --port N", "Indique el puerto encontrado: --port N") \
  X(code_never_listened, "the app listened nowhere before the startup deadline", "la aplicación no escuchó en ningún sitio antes del plazo de arranque") \
  X(next_never_listened, "See what it wrote: marea logs NAME; it must listen on the port in $PORT", "Vea lo que escribió: marea logs NOMBRE; debe escuchar en el puerto de $PORT") \
  X(code_app_exited, "the app ended before it was ready", "la aplicación terminó antes de estar lista") \
  X(next_app_exited, "See what it wrote: marea logs NAME", "Vea lo que escribió: marea logs NOMBRE") \
  X(code_out_of_memory, "the app needs more memory than its limit", "la aplicación necesita más memoria que su límite") \
  X(next_out_of_memory, "Give it more: --memory 1Gi", "Dele más: --memory 1Gi") \
  X(code_startup_probe_failed, "the startup probe's address did not answer as it must", "la dirección de la sonda de arranque no respondió como debe") \
  X(next_startup_probe_failed, "See what the app wrote: marea logs NAME; compare the probe's port and path", "Vea lo que escribió: marea logs NOMBRE; compare el puerto y la ruta de la sonda") \
  X(code_readiness_probe_failed, "the app started, and its readiness probe never passed", "la aplicación arrancó, pero su sonda de disponibilidad nunca pasó") \
  X(next_readiness_probe_failed, "See what the app wrote: marea logs NAME; compare readinessProbe with what the app answers", "Vea lo que escribió: marea logs NOMBRE; compare readinessProbe con lo que la aplicación responde") \
  X(code_secret_missing, "a value of the revision is to come from a secret that is not there", "un valor de la revisión debe venir de un secreto que no existe") \
  X(next_secret_missing, "Give the variable a value, put the file into the image, or mark the reference optional: true", "Dé un valor a la variable, ponga el archivo en la imagen, o marque la referencia como optional: true") \
  X(code_config_missing, "a value of the revision is to come from a config map that is not there", "un valor de la revisión debe venir de un config map que no existe") \
  X(next_config_missing, "Give the variable a value, put the file into the image, or mark the reference optional: true", "Dé un valor a la variable, ponga el archivo en la imagen, o marque la referencia como optional: true") \
  X(code_sandbox_failed, "the runtime or the kernel refused to make the sandbox", "el ejecutor o el núcleo se negó a crear el aislamiento") \
  X(next_sandbox_failed, "See what this machine lacks: sudo marea doctor", "Vea qué le falta a esta máquina: sudo marea doctor") \
  X(code_unavailable, "the platform, or a part of it, does not answer", "la plataforma, o una parte de ella, no responde") \
  X(next_unavailable, "See what is wrong: marea doctor", "Vea qué le pasa: marea doctor") \
  X(code_timeout, "it took too long; what was begun may still go on", "tardó demasiado; lo empezado puede seguir adelante") \
  X(next_timeout, "See how far it is: marea services list", "Vea hasta dónde llegó: marea services list") \
  X(code_too_large, "beyond a limit that the message names", "supera un límite que el mensaje nombra") \
  X(next_too_large, "Send less, or raise the limit: docs/limits.md", "Envíe menos, o suba el límite: docs/limits.md") \
  X(code_disk_full, "the data directory's disk has no room, or is beyond the share that marea fills", "el disco del directorio de datos no tiene sitio, o supera la parte que marea llena") \
  X(next_disk_full, "See what could go: marea images delete --unused, marea builds delete", "Vea qué sobra: marea images delete --unused, marea builds delete") \
  X(code_disk_budget, "images have no room left in their share of the disk", "las imágenes no tienen más sitio en su parte del disco") \
  X(next_disk_budget, "See what holds the room: marea disk", "Vea qué ocupa el sitio: marea disk") \
  X(code_store_damaged, "what the platform stored cannot be read", "lo que la plataforma guardó no se puede leer") \
  X(next_store_damaged, "Mend it: sudo marea repair; or make a new directory of a backup: sudo marea restore", "Repárelo: sudo marea repair; o haga un directorio nuevo de una copia: sudo marea restore") \
  X(code_io, "the operating system refused", "el sistema operativo se negó") \
  X(next_io, "Look at the file or place that is named, and at its rights", "Mire el archivo o lugar que se nombra, y sus permisos")

#define MAREA_TEXTS_EXITS(X) \
  X(exit_ok, "done", "hecho") \
  X(exit_failure, "failure; also a deploy that failed when no older revision serves", "fallo; también un despliegue fallido sin ninguna revisión anterior que sirva") \
  X(exit_usage, "the command line is wrong", "la línea de órdenes no es correcta") \
  X(exit_not_found, "not found: an object, an image, a layout, a tag", "no encontrado: un objeto, una imagen, un directorio OCI, una etiqueta") \
  X(exit_not_allowed, "not allowed", "no permitido") \
  X(exit_conflict, "conflict: it was changed meanwhile, or is there already", "conflicto: cambió mientras tanto, o ya existe") \
  X(exit_deploy_failed, "the deploy failed and the older revision keeps serving", "el despliegue falló y la revisión anterior sigue sirviendo") \
  X(exit_timeout, "time is over", "se acabó el tiempo") \
  X(exit_interrupted, "interrupted", "interrumpido")

#define MAREA_TEXTS_DETAILS(X) \
  X(more_serve, "Everything --limit may set is in docs/limits.md. Prints its log.", "Todo lo que --limit puede cambiar está en docs/limits.md. Imprime su registro.") \
  X(more_up, "Builds DIR (the current one) by its Dockerfile, or without one by what is there: package.json, requirements.txt, pyproject.toml, CMakeLists.txt, index.html; a Procfile says how it starts. .containerignore or .dockerignore says what stays out; without a Dockerfile .gitignore does too. Waits until the new revision serves.", "Construye DIR (el actual) según su Dockerfile o, si no lo hay, según lo que haya: package.json, requirements.txt, pyproject.toml, CMakeLists.txt, index.html; un Procfile dice cómo arranca. .containerignore o .dockerignore dicen qué se queda fuera; sin Dockerfile, también .gitignore. Espera a que la nueva revisión sirva.") \
  X(more_deploy, "REF is a registry's or a name in the store; oci:DIR, docker-archive:FILE and oci-archive:FILE are uploaded first. Settings change only what they name. Waits until the new revision serves; with --wait follows its release too, exit code 7 when that is rolled back.", "REF es de un registro o un nombre del almacén; oci:DIR, docker-archive:FILE y oci-archive:FILE se suben antes. Los ajustes solo cambian lo que nombran. Espera a que la nueva revisión sirva; con --wait sigue también su lanzamiento, con código de salida 7 si se revierte.") \
  X(more_apply, "Services, release policies and experiments, also in one file. Checks all documents and their images before anything is sent.", "Servicios, políticas de lanzamiento y experimentos, también en un solo archivo. Comprueba todos los documentos y sus imágenes antes de enviar nada.") \
  X(more_images_import, "Also docker-archive:FILE[:NAME:TAG] and oci-archive:FILE[:TAG]. Sent blob by blob; what is there already is not sent.", "También docker-archive:FILE[:NAME:TAG] y oci-archive:FILE[:TAG]. Se envía blob a blob; lo que ya está no se envía.") \
  X(more_disk, "Images, the cache of builds, logs, the whole disk: bytes, how many there may be, and the command that frees them.", "Imágenes, caché de construcciones, registros, el disco entero: bytes, cuántos puede haber, y la orden que los libera.") \
  X(more_images_delete, "Without NAME say --unused.", "Sin NAME, diga --unused.") \
  X(more_backup, "From the running platform into one new file.", "De la plataforma en marcha a un archivo nuevo.") \
  X(more_restore, "As root; marea must not run on it, and the directory must be empty or absent.", "Como root; marea no debe estar en marcha sobre él, y el directorio debe estar vacío o no existir.") \
  X(more_repair, "Makes a new store of what can be read; the damaged one stays beside it. As root, marea not running.", "Hace un almacén nuevo con lo que se puede leer; el dañado se queda a su lado. Como root, sin marea en marcha.") \
  X(more_logs, "With --requests the records of requests: time, status, method, path, duration, instance; -o json has all of them.", "Con --requests, los registros de las peticiones: hora, estado, método, ruta, duración, instancia; -o json los tiene enteros.") \
  X(more_kubeconfig, "The API's address over HTTPS, its certificate authority and the token, as YAML. Who reads it may do everything: let marea write the file (--file ~/.kube/config), or set umask 077 before you redirect into one. Over the platform's socket only.", "La dirección HTTPS de la API, su autoridad de certificación y el token, en YAML. Quien lo lea puede hacerlo todo: deje que marea lo guarde (--file ~/.kube/config), o ponga umask 077 antes de redirigirlo a un archivo. Solo por el socket de la plataforma.") \
  X(more_usage, "By Cloud Run's rules, per revision, since they began.", "Con las reglas de Cloud Run, por revisión, desde que empezaron.") \
  X(more_doctor, "The platform and its roles, what this machine lacks (all of it as root), ports in use. Exit code 1 when something is wrong.", "La plataforma y sus roles, lo que le falta a esta máquina (todo, como root), puertos ocupados. Código de salida 1 si algo va mal.") \
  X(more_traffic, "Alone it shows; latest may stand for a revision. What the percents (in steps of 0.01) leave of 100 goes to the others that have traffic now, in proportion. Waits until the router has it. Percents end a running release.", "Solo, las muestra; latest vale por una revisión. Lo que los porcentajes (en pasos de 0.01) dejan de 100 va a las demás que tienen tráfico, en proporción. Espera a que el enrutador lo tenga. Los porcentajes acaban un lanzamiento en curso.") \
  X(more_top, "The busiest first; CPU in percent of one. On a terminal drawn anew every 2 s until Ctrl-C, else once.", "Lo más ocupado primero; la CPU, en porcentaje de una. En un terminal se vuelve a dibujar cada 2 s hasta Ctrl-C; si no, una vez.") \
  X(more_history, "The newest first, each with what it changed of the one before. With --at: what served at that moment, with image, source, split, release, who and why; with --since every change of it.", "Las más nuevas primero, cada una con lo que cambió de la anterior. Con --at: qué servía en ese momento, con imagen, origen, reparto, lanzamiento, quién y por qué; con --since, cada cambio de ello.") \
  X(more_diff, "Source, image, environment, limits, labels, annotations and every other field. Of a service and two revisions, these may be how their names begin after the service (00002) or end, or latest. With -f: the service as it is, and as apply would make it.", "Origen, imagen, entorno, límites, etiquetas, anotaciones y todos los demás campos. De un servicio y dos revisiones, estas pueden ser como empiezan sus nombres tras el servicio (00002) o como acaban, o latest. Con -f: el servicio como está, y como lo dejaría apply.") \
  X(more_help, "Also what a code means: marea help E_PORT_MISMATCH.", "También qué significa un código: marea help E_PORT_MISMATCH.") \
  X(more_completion, "For one session: source <(marea completion bash). For good: bash and zsh load it from a file, fish from ~/.config/fish/completions/marea.fish. Services, revisions and instances are asked of the platform.", "Para una sesión: source <(marea completion bash). Para siempre: bash y zsh lo cargan de un archivo, fish de ~/.config/fish/completions/marea.fish. Servicios, revisiones e instancias se preguntan a la plataforma.") \
  X(more_man, "In troff, for: marea man > /usr/local/share/man/man1/marea.1", "En troff, para: marea man > /usr/local/share/man/man1/marea.1") \
  X(more_commands, "The table that help, completion, manual and documentation are made of; -o json has all of it.", "La tabla de la que salen ayuda, autocompletado, manual y documentación; -o json la tiene entera.")

#define MAREA_TEXTS_MANUAL(X) \
  X(man_name, "NAME", "NOMBRE") \
  X(man_what, "runs web services from zero and back", "ejecuta servicios web desde cero y de vuelta") \
  X(man_synopsis, "SYNOPSIS", "SINOPSIS") \
  X(man_command, "COMMAND", "ORDEN") \
  X(man_description, "DESCRIPTION", "DESCRIPCIÓN") \
  X(man_text, "One machine runs services made of container images: requests start instances, silence ends them, every version is a revision that stays as it is. Data goes to standard output, everything else to standard error.", "Una máquina ejecuta servicios hechos de imágenes de contenedor: las peticiones arrancan instancias, el silencio las para, cada versión es una revisión que no cambia. Los datos van a la salida estándar, todo lo demás a la salida de error.") \
  X(man_commands, "COMMANDS", "ÓRDENES") \
  X(man_common, "OPTIONS OF ALL COMMANDS", "OPCIONES DE TODAS LAS ÓRDENES") \
  X(man_exits, "EXIT STATUS", "CÓDIGOS DE SALIDA") \
  X(man_codes, "CODES OF ERRORS", "CÓDIGOS DE ERROR") \
  X(man_codes_text, "An error says what failed, with one of these codes, why, the next command, and where to read more.", "Un error dice qué falló, con uno de estos códigos, por qué, la orden siguiente y dónde leer más.") \
  X(man_environment, "ENVIRONMENT", "ENTORNO") \
  X(man_place, "Where the platform is, when neither --server nor --data says it.", "Dónde está la plataforma, cuando no lo dicen --server ni --data.") \
  X(man_language, "Spanish when the first that is set begins with es, else English.", "Español si la primera que tenga valor empieza por es; si no, inglés.") \
  X(man_colour, "No colour, on a terminal too.", "Sin colores, tampoco en un terminal.")
// clang-format on
