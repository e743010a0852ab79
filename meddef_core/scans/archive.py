"""Many files at once: a ZIP archive, a folder, uploads. Each is loaded when it is wanted, in memory, and never written.

What an archive says of itself is not believed where that could cost memory: no entry gives more than the limits of a
single file, and a directory of very many entries is refused before it is read.
"""

import io
import os
import re
import stat
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO

from meddef_core.errors import ScanError
from meddef_core.scans.damage import DAMAGE
from meddef_core.scans.files import CD_INDEX, is_ignored, parts_of, read_file
from meddef_core.scans.limits import MAX_BYTES
from meddef_core.text import Text

MAX_ENTRIES = 500
"""Files of one batch that came as an archive or as uploads; a folder on one's own machine may hold any number."""

MAX_UNPACKED = 1024**3
"""Bytes that one archive may unpack to."""

MAX_RATIO = 200
"""Unpacked bytes for one packed byte; a scan has noise, and packs to a tenth at best."""

MAX_NAME = 120
"""Characters of a name that are shown."""

NAMELESS = "(without a name)"
"""Stands for the name of an entry that has none: it is read like any other."""

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The other methods ask for a dictionary of the archive's own choice of size before the first byte is out."""

_ENCRYPTED = 0x1 | 0x40 | 0x2000
"""Flag bits for a password, strong encryption and a masked directory (APPNOTE 4.4.4)."""

_ZIP_MARKS = (b"PK\x03\x04", b"PK\x05\x06")
"""How an archive begins, and an empty one."""

_DIRECTORY_MARK = b"PK\x01\x02"
"""Stands before every entry of an archive's directory."""

_MOST_MARKS = 4 * MAX_ENTRIES
"""Folders have entries too."""

_CHUNK = 1024**2

_DAMAGE: tuple[type[Exception], ...] = (zipfile.BadZipFile, *DAMAGE)

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
"""Control characters, those that turn the direction of what follows, and bytes that are no UTF-8 (which Python holds as
halves of surrogate pairs): a name must look like what it is, and be written to any file."""

_NAMES_ARE_UTF8 = 0x800
"""Flag bit 11 (APPNOTE 4.4.4). Many tools leave it out and write UTF-8 or the code page of their country."""


@dataclass(frozen=True, eq=False)
class ArchiveEntry:
    """One file. `load` gives its bytes (MAX_BYTES + 1 at most), or raises ScanError with the reason why not."""

    name: str
    """Its path inside the batch, to find it again by: printable, at most MAX_NAME characters."""
    truth: str | None
    """The class that its folder is named by, where it is."""
    load: Callable[[], bytes] = field(repr=False)


def is_zip(data: bytes) -> bool:
    """Whether a file that begins so is a ZIP archive."""
    return data.startswith(_ZIP_MARKS)


def zip_entries(stream: BinaryIO, *, classes: Sequence[str], most: int = MAX_BYTES) -> tuple[ArchiveEntry, ...]:
    """The files of a ZIP archive in its own order; `stream` is seekable and stays open while entries are loaded.

    An entry that must not be opened is there and says why when it is loaded: it is protected by a password, its path
    leaves the archive, or it is larger than `most` bytes or packed too tightly. Raises ScanError for what is no ZIP, is
    empty, holds more than MAX_ENTRIES files or unpacks to more than MAX_UNPACKED bytes.
    """
    _check_directory(stream)
    try:
        archive = zipfile.ZipFile(stream)
    except _DAMAGE as error:
        raise ScanError(
            Text("scan.archive-no", "The archive is no ZIP file, or it is damaged; pack the scans into a ZIP again.")
        ) from error
    infos = {info: _name_of(info) for info in archive.infolist() if not info.filename.endswith("/")}
    infos = {info: name for info, name in infos.items() if not is_ignored(name)}
    if sum(info.file_size for info in infos) > MAX_UNPACKED:
        raise ScanError(
            Text(
                "scan.archive-unpacks",
                "The archive unpacks to more than {gb} GB and is not opened; split it.",
                gb=MAX_UNPACKED // 1024**3,
            )
        )
    return _counted(
        [
            ArchiveEntry(_printable(name), _truth(name, classes), partial(_unpacked, archive, info, most))
            for info, name in infos.items()
        ]
    )


def folder_entries(folder: Path, *, classes: Sequence[str]) -> tuple[ArchiveEntry, ...]:
    """The files below a folder, sorted by path; links are not followed. Raises ScanError when there is none."""
    # The folder's own name counts: `meddef batch scans/NORMAL` reads scans known to be normal.
    top = folder.resolve().name
    paths = [Path(parent) / name for parent, _, names in os.walk(folder) for name in names]
    named = {path.relative_to(folder).as_posix(): path for path in sorted(paths) if not path.is_symlink()}
    return _counted(
        [
            ArchiveEntry(_printable(name), _truth(f"{top}/{name}", classes), partial(read_file, path))
            for name, path in named.items()
            if not is_ignored(name)
        ],
        most=None,
    )


def upload_entries(
    files: Iterable[tuple[str, bytes]], *, classes: Sequence[str], most: int = MAX_BYTES
) -> tuple[ArchiveEntry, ...]:
    """Files in memory as (name, bytes): archives among them are opened, the others are entries themselves.

    Raises ScanError like `zip_entries`, whose limits hold for all files together.
    """
    entries: list[ArchiveEntry] = []
    for name, data in files:
        if is_zip(data):
            entries += zip_entries(io.BytesIO(data), classes=classes, most=most)
        elif not is_ignored(name) or name.casefold() == CD_INDEX:  # whoever chose the index is told what to choose
            entries.append(ArchiveEntry(_printable(name), None, partial(bytes, data)))
    return _counted(entries)


def _counted(entries: Sequence[ArchiveEntry], *, most: int | None = MAX_ENTRIES) -> tuple[ArchiveEntry, ...]:
    if not entries:
        raise ScanError(
            Text("scan.there-no", "There is no file to read in it; choose one that holds PNG, JPEG or DICOM files.")
        )
    if most is not None and len(entries) > most:
        raise ScanError(
            Text(
                "scan.there-n",
                "There are {n} files in it and at most {most} are read at once; split it.",
                n=len(entries),
                most=most,
            )
        )
    return tuple(entries)


def _check_directory(stream: BinaryIO) -> None:
    """Refuse a directory of very many entries before Python reads it whole into memory."""
    found, tail = 0, b""
    stream.seek(0)
    while chunk := stream.read(_CHUNK):
        found += (tail + chunk).count(_DIRECTORY_MARK)
        tail = chunk[1 - len(_DIRECTORY_MARK) :]
        if found > _MOST_MARKS:
            raise ScanError(
                Text(
                    "scan.archive-holds",
                    "The archive holds thousands of entries and at most {most} are read; split it.",
                    most=MAX_ENTRIES,
                )
            )
    stream.seek(0)


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    """The bytes of one entry, at most `most` + 1 whatever the directory says; raises ScanError."""
    _check_entry(info, most)
    try:
        with archive.open(info) as stream:
            return stream.read(most + 1)
    except _DAMAGE as error:
        raise ScanError(Text("scan.file-damaged", "The file is damaged in the archive; pack it again.")) from error


def _check_entry(info: zipfile.ZipInfo, most: int) -> None:
    """Raise ScanError for an entry that must not be opened, by what the directory says of it."""
    if info.flag_bits & _ENCRYPTED:
        raise ScanError(Text("scan.file-protected", "The file is protected by a password; pack it again without one."))
    if _leaves(_name_of(info)) or stat.S_ISLNK(info.external_attr >> 16):
        raise ScanError(
            Text("scan.files-path", "The file's path leads out of the archive, so it is not opened; pack it again.")
        )
    if info.compress_type not in _METHODS:
        raise ScanError(
            Text(
                "scan.file-packed",
                "The file is packed in an unusual way that is not read; pack it again as an ordinary ZIP.",
            )
        )
    if info.file_size > most:
        raise ScanError(
            Text(
                "scan.file-mb",
                "The file is {mb:.1f} MB and at most {most} MB are read; export a single image, or a smaller one.",
                mb=info.file_size / 1024**2,
                most=most // 1024**2,
            )
        )
    if info.file_size > MAX_RATIO * max(1, info.compress_size):
        raise ScanError(
            Text(
                "scan.file-packed-far",
                "The file is packed far more tightly than a scan can be, so it is not opened; check it.",
            )
        )


# ---- names -------------------------------------------------------------------------------------------------------


def _name_of(info: zipfile.ZipInfo) -> str:
    """The path of an entry: UTF-8, else GBK, else CP437 where the archive does not say how it is written."""
    if info.flag_bits & _NAMES_ARE_UTF8 or not info.filename:
        return info.filename or NAMELESS
    written = info.orig_filename.encode("cp437")  # as zipfile has decoded it, without loss
    for encoding in ("utf-8", "gbk"):
        try:
            return written.decode(encoding)
        except UnicodeDecodeError:
            continue
    return info.filename


def _leaves(name: str) -> bool:
    parts = parts_of(name)
    return parts[0] == "" or ".." in parts or ":" in parts[0]


def _printable(name: str) -> str:
    """A name as it can be shown: one line, no direction marks; of a long one, its end."""
    plain = _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", "/".join(parts_of(name)))
    return plain if len(plain) <= MAX_NAME else "…" + plain[1 - MAX_NAME :]


def _truth(name: str, classes: Sequence[str]) -> str | None:
    """The class that the innermost folder is named by, in capitals or not; None for a folder of any other name."""
    folders = parts_of(name)[:-1]
    known = {label.casefold(): label for label in classes}
    return known.get(folders[-1].casefold()) if folders else None
