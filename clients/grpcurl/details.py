"""Shows an error of buf curl, on stdin, with its details in words: grpcurl does so by itself."""

import base64
import json
import sys
from typing import Any

from google.protobuf import json_format
from google.rpc import error_details_pb2


def in_words(detail: dict[str, str]) -> dict[str, Any]:
    """Decodes one detail, which buf curl leaves as base64 without padding."""
    kind = getattr(error_details_pb2, detail["type"].removeprefix("google.rpc."))
    message = kind.FromString(base64.b64decode(detail["value"] + "=="))
    return {"type": detail["type"], **json_format.MessageToDict(message)}


if __name__ == "__main__":
    said = sys.stdin.read()
    try:
        error = json.loads(said)
    except ValueError:
        # No answer of the server but a word of buf's, such as that nobody is there.
        sys.stdout.write(said)
        sys.exit()
    error["details"] = [in_words(detail) for detail in error.get("details", [])]
    sys.stdout.write(json.dumps(error, indent=2, ensure_ascii=False) + "\n")
