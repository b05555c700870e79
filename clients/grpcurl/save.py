"""Saves the answers of ReadJobOutput, JSON on stdin, to a file: save.py FILE.

Exits with 1 and a word of why unless the message marked `last` has come and size and SHA-256 agree; the file then has
not been touched, and what came lies beside it as `.part`.
"""

import base64
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def messages(text: str) -> Iterator[dict[str, Any]]:
    """Yields JSON objects that follow each other in a text, as buf curl and grpcurl print them."""
    decoder, start = json.JSONDecoder(), 0
    while (start := text.find("{", start)) >= 0:
        try:
            message, start = decoder.raw_decode(text, start)
        except ValueError:
            return  # The stream was cut within a message.
        yield message


def save(text: str, file: Path) -> str:
    """Writes the bytes to the file and returns what was saved; exits if they are not the whole output."""
    digest, size, last = hashlib.sha256(), 0, None
    part = file.with_name(file.name + ".part")
    with part.open("wb") as out:
        for message in messages(text):
            data = base64.b64decode(message.get("data", ""))
            digest.update(data)
            size += out.write(data)
            last = message if message.get("last") else None
    if last is None:
        sys.exit(f"{file}: the stream ended early, after {size} bytes")
    if (size, digest.digest()) != (int(last["sizeBytes"]), base64.b64decode(last["sha256"])):
        sys.exit(f"{file}: size or SHA-256 is not what the server states")
    part.replace(file)
    return f"{digest.hexdigest()}  {file}"


if __name__ == "__main__":
    sys.stdout.write(save(sys.stdin.read(), Path(sys.argv[1])) + "\n")
