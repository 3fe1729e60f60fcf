"""api-apply: `kubectl apply` of a new service, whose image the platform has, until kubectl saw it Ready: the command and
`kubectl wait --for=condition=Ready` one after the other, as a script does. Beside it the part that is kubectl alone: the same
two commands for a service that is Ready already and changes nothing."""

import json
import time

import ground
from figure import emit, say
from kubectl import Kubectl, debian_kubectl
from running_platform import manifest

ROUNDS = 9


def timed(kubectl, name, wanted):
    start = time.perf_counter()
    kubectl("apply", "-f", "-", given=json.dumps(wanted))
    kubectl("wait", f"ksvc/{name}", "--for=condition=Ready", "--timeout=30s")
    return time.perf_counter() - start


def measure():
    with ground.folder() as where, ground.platform() as platform:
        platform.cli("images", "import", "backend", ground.backend_image(where))
        platform.cli("deploy", "known", "--image", "backend")
        kubectl = Kubectl(debian_kubectl(), platform)
        try:
            kubectl("get", "ksvc")  # what kubectl learns of the API once and keeps
            ready, known = [], []
            for turn in range(ROUNDS):
                name = f"applied-{turn}"
                wanted = manifest(name, "backend")
                ready.append(timed(kubectl, name, wanted))
                known.append(timed(kubectl, name, wanted))
                say(f"api-apply round {turn + 1}: {ready[-1]:.3f} s; kubectl alone {known[-1]:.3f} s")
        finally:
            kubectl.remove()
    emit("api-apply", "s", ready, {"value": 1.0}, kubectl_alone=sorted(known)[ROUNDS // 2])
