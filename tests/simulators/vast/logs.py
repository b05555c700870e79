"""Logs of instances: asked for here, put elsewhere, and not there at once."""

import hashlib

from tests.simulators.vast.instances import no_such_instance
from tests.simulators.vast.wire import Answer, plain, refused, said
from tests.simulators.vast.world import Call, LogFile, World

_DEFAULT_LINES = 1000
_DAEMON = "container C.{id} was started by the daemon\n"


def request_logs(world: World, call: Call) -> Answer:
    """`PUT /api/v0/instances/request_logs/{id}/`"""
    contract = world.contract(call)
    if contract is None:
        return refused(404, "invalid_id", f"Instance {call.number} not found.")
    daemon = call.body.get("daemon_logs") == "true"
    text = _DAEMON.format(id=contract.id) if daemon else world.host.log(contract)
    hit = world.faults.hit("log_not_ready", **world.circumstances(call))
    name = hashlib.sha256(f"{contract.id} {len(world.logs)} {world.settings.seed}".encode()).hexdigest()
    world.logs[name] = LogFile(text=_cut(text, call), misses=1 if hit is None else int(hit.value))
    host = call.request.header("Host") or "localhost"
    url = f"http://{host}/s3/instance_logs/{name}.log"
    return said({"success": True, "result_url": url, "msg": f"Logs are uploaded to {url}"})


def log_file(world: World, call: Call) -> Answer:
    """`GET /s3/instance_logs/{hash}.log`: another service, which finds nothing at first and wants no key of ours."""
    if call.request.key is not None:
        world.keys_leaked += 1
        return plain(400, "<Error><Code>InvalidArgument</Code></Error>", content_type="application/xml")
    file = world.logs.get(call.path[0])
    if file is None:
        return plain(404, "<Error><Code>NoSuchKey</Code></Error>", content_type="application/xml")
    if file.misses > 0:
        file.misses -= 1
        return plain(403, "<Error><Code>AccessDenied</Code></Error>", content_type="application/xml")
    return plain(200, file.text)


def execute(world: World, call: Call) -> Answer:
    """`PUT /api/v0/instances/command/{id}/`: known, and not offered here."""
    if world.contract(call) is None:
        return no_such_instance(call.number)
    return refused(400, "invalid_args", "The command is not allowed.")


def _cut(text: str, call: Call) -> str:
    lines = text.splitlines(keepends=True)
    wanted = call.body.get("filter")
    if wanted:
        lines = [line for line in lines if str(wanted) in line]
    tail = str(call.body.get("tail") or _DEFAULT_LINES)
    return "".join(lines[-int(tail) :] if tail.isdigit() else lines)
