"""What happens to a platform under load, one after the other, at random. Each waits until it has come to its end, so that
what it promises is checked: the new revision serves, the broken one does not, the deleted one is gone."""

import threading
import time

import apps
from running_platform import manifest
from waiting import until

BOMBS = ("fork", "memory", "disk", "inotify", "log", "fd", "socket", "packets", "spin")
BURNS = 3  # seconds
DEPLOYED = ("steady", "slow", "work", "bodies", "streams")


def deploy(world, _load, random):
    service = random.choice(DEPLOYED)
    world.wait_serves(service, world.change(service))


def deploy_while_control_dies(world, _load, random):
    """The killed control may or may not have stored it; what it acknowledged holds."""
    service = random.choice(DEPLOYED)
    if "control" not in world.spared:
        world.kill("control")
    world.wait_serves(service, world.change(service))


def broken_deploy(world, _load, random):
    service = random.choice(DEPLOYED)
    before = world.serving[service]
    world.change(service, *random.choice((["--exit", "3"], ["--port", "9"], ["--kill", "11"])))
    world.wait_failed(service)
    if world.answers(service) != before:
        world.faults.append(f"a broken deploy took {service} away: it answers {world.answers(service)}, not {before}")
    world.wait_serves(service, world.change(service))


def superseded_deploy(world, _load, random):
    service = random.choice(DEPLOYED)
    world.change(service, "--delay", "5000")
    world.wait_serves(service, world.change(service))


def delete(world, load, random):
    """A service of its own, under load until it is gone."""
    world.version += 1
    guest = f"guest-{world.version}"
    world.wait_serves(guest, world.change(guest, idle="1s", concurrency=10))
    load.mix(f"{guest} 60 {guest}.localhost GET /?ms={random.choice((0, 20, 200))}")
    time.sleep(random.uniform(0.5, 2))
    world.delete(guest)
    load.mix(f"{guest} 0 {guest}.localhost GET /")
    until(lambda: world.get(guest) is None, f"{guest} is gone")


def wave(world, load, random):
    """Much more of the slow requests, then few: out and in."""
    load.mix(f"slow {random.choice((300, 600))} slow.localhost GET /?ms=200")
    until(lambda: len(world.instances("slow")) >= 3, "slow has scaled out")
    world.events(f"slow has {len(world.instances('slow'))} instances")
    load.mix("slow 2 slow.localhost GET /?ms=200")
    until(lambda: len(world.instances("slow")) <= 2, "slow has scaled in")
    world.events("slow has scaled in")
    load.mix("slow 60 slow.localhost GET /?ms=200")


def new_image(world, _load, random):
    """For which a builder works, that may be killed meanwhile."""
    world.make_image()
    service = random.choice(DEPLOYED)
    world.wait_serves(service, world.change(service))


def new_image_whose_builder_dies(world, _load, random):
    """A builder lives for a fraction of a second, so that the other killer hardly ever meets one."""
    world.make_image()
    service, over = random.choice(DEPLOYED), threading.Event()

    def lie_in_wait():
        while "builder" not in world.spared and not over.wait(0.002) and not world.kill("builder"):
            pass

    killer = threading.Thread(target=lie_in_wait)
    killer.start()
    try:
        world.wait_serves(service, world.change(service))
    finally:
        over.set()
        killer.join()


def delete_an_instance(world, _load, random):
    found = world.instances(random.choice(DEPLOYED))
    if found:
        name = random.choice(found)["metadata"]["name"]
        world.until_acknowledged(f"delete instance {name}",
                                 lambda: world.call(f"/apis/marea.dev/v1/instances/{name}", "DELETE") in (200, 404))


def bomb(world, _load, random):
    """In a sandbox beside all others."""
    world.version += 1
    kind, name = random.choice(BOMBS), f"bomb-{world.version}"
    world.put(manifest(name, apps.bomb_image(world.folder / name), args=[kind], memory="128Mi", max_scale=1), kind)
    until(lambda: world.get(name), f"{name} answers")
    until(lambda: world.get(name, "/go"), f"{name} is lit")
    world.events(f"the {kind} bomb is lit")
    time.sleep(BURNS)
    world.delete(name)


ALL = {one.__name__: one for one in (deploy, deploy_while_control_dies, broken_deploy, superseded_deploy, delete, wave,
                                     new_image, new_image_whose_builder_dies, delete_an_instance, bomb)}
