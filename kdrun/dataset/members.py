"""The arrays of an .npz file, each read when it is asked for, and none larger than it may be."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import IO, Any

from numpy.lib import format as npy
from numpy.typing import NDArray

from kdrun.security import bounds

Array = NDArray[Any]

SUFFIX = ".npy"


class Members(Mapping[str, Array]):
    """Arrays by name. What nobody asks for is never unpacked.

    Args:
        path: of an .npz file.

    Raises:
        ValueError: it is damaged.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = path
        self._read: dict[str, Array] = {}
        self._taken = 0
        try:
            with zipfile.ZipFile(path) as file:
                names = file.namelist()
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as fault:
            raise ValueError(f"{path} is damaged ({fault}): write it again.") from fault
        self._names = {n.removesuffix(SUFFIX): n for n in names if n.endswith(SUFFIX)}

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: object) -> bool:
        return name in self._names  # Mapping's own would unpack it

    def __getitem__(self, name: str) -> Array:
        """An array.

        Raises:
            KeyError: there is none of this name.
            ValueError: it is damaged, holds Python objects, or is larger than the file may be.
        """
        if name not in self._read:
            self._read[name] = self._load(name, self._names[name])
        return self._read[name]

    def _load(self, name: str, member: str) -> Array:
        try:
            with zipfile.ZipFile(self.path) as file:
                size = file.getinfo(member).file_size
                bounds.check(self.path, self._taken + size, f"its array {name:.40} is unpacked")
                with file.open(member) as opened:
                    self._check_header(name, opened, size)
                with file.open(member) as opened:
                    array: Array = npy.read_array(opened, allow_pickle=False)
        except (
            *(OSError, EOFError, KeyError, RuntimeError, NotImplementedError),
            *(zipfile.BadZipFile, zlib.error, UnicodeError),
        ) as fault:
            raise ValueError(f"{self.path} is damaged ({fault}): write it again.") from fault
        self._taken += size
        return array

    def _check_header(self, name: str, opened: IO[bytes], size: int) -> None:
        """Refuse what is no array of plain values, as many as there are bytes for."""
        try:
            version = npy.read_magic(opened)
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            header: tuple[tuple[int, ...], bool, Any] = read(opened)
            shape, _, dtype = header
        except (OSError, zipfile.BadZipFile, zlib.error):
            raise
        except Exception as fault:  # of any class: numpy evaluates the header as Python's literal
            told = f"{type(fault).__name__} in the header of {name:.40}"
            raise ValueError(f"{self.path} is damaged ({told}): write it again.") from fault
        if dtype.hasobject:
            raise ValueError(
                f"{self.path} holds Python objects, which kdrun does not load: unpickling runs "
                "code. Save arrays of numbers, and names as an array of str, with numpy.savez."
            )
        if opened.tell() + prod(shape, start=dtype.itemsize) != size:
            raise ValueError(
                f"{self.path} is damaged ({name:.40} of shape {shape} is not {size} bytes long): "
                "write it again."
            )
        if 0 in shape[1:] or not dtype.itemsize:
            raise ValueError(f"{self.path}: {name:.40} has the shape {shape}: it holds no values.")
