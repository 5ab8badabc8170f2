"""The text of a file, packed or not, in whatever encoding it was saved."""

from __future__ import annotations

import codecs
from pathlib import Path

from kdrun.security import bounds

BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins as UTF-16's does
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""What some programs put first in a file, and what it says of the rest."""

USUAL = ("utf-8", "utf-8-sig")
"""Encodings that need no word."""

WINDOWS = "cp1252"
"""What is left of Latin-1 in practice: the same letters, with quotes and a euro sign."""

HEAD = 4096
"""Bytes that tell UTF-16 without a mark from others."""


def read_text(path: str | Path, charset: str | None = None) -> tuple[str, str]:
    """The text of a file, and in which encoding it was.

    Args:
        path: of a file, which may end in .gz, .bz2 or .xz.
        charset: its encoding, as Python calls it; None for the one that is found: what a byte order
            mark says, else UTF-8, else UTF-16 where every other byte is zero, else cp1252.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, no text, or in another encoding.
    """
    if not bounds.is_plain(path):
        raise FileNotFoundError(f"there is no file {path}: give one of rows or texts.")
    content = bounds.read(path)
    found = charset or find_charset(content, str(path))
    try:
        text = content.decode(found)
    except LookupError as fault:
        raise ValueError(
            f"charset={found} is no encoding of Python: utf-8, utf-16, cp1252, cp1251, shift_jis."
        ) from fault
    except UnicodeDecodeError as fault:
        line = content.count(b"\n", 0, fault.start) + 1
        raise ValueError(
            f"{path}, line {line} is not {found}: byte 0x{content[fault.start]:02x}; give another "
            "charset (dataset.charset, predict --charset), or save it as UTF-8."
        ) from fault
    text = text.removeprefix("\ufeff").removesuffix("\x1a")  # the end of a file in DOS
    if "\0" in text:
        raise ValueError(f"{path} is no text but binary data: save it as UTF-8 text.")
    return text, found


def find_charset(content: bytes, path: str) -> str:
    """The encoding that the bytes of a file speak for.

    Raises:
        ValueError: none that can be found; or UTF-8, but for a few bytes.
    """
    for mark, name in BOMS:
        if content.startswith(mark):
            return name
    head = content[:HEAD]
    zeros = [head[start::2].count(0) * 2 for start in (0, 1)]
    if max(zeros) > 0.6 * len(head) and min(zeros) == 0:
        return "utf-16-be" if zeros[0] else "utf-16-le"
    try:
        content.decode()
    except UnicodeDecodeError as fault:
        broken = content.decode(errors="surrogateescape")
        lost = sum("\udc80" <= letter <= "\udcff" for letter in broken)
        whole = sum(letter > "\x7f" for letter in broken) - lost
        if whole > lost:
            line = content.count(b"\n", 0, fault.start) + 1
            raise ValueError(
                f"{path} is UTF-8 but for {lost} bytes, the first, 0x{content[fault.start]:02x}, "
                f"in line {line}: mend them, or give a charset (dataset.charset)."
            ) from fault
        return WINDOWS
    return "utf-8"
