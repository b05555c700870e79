"""The ids that clients make up so that a call is safe to repeat."""

import uuid


def is_uuid(text: str) -> bool:
    """Tells whether a text is a UUID in the usual form of 36 characters."""
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
