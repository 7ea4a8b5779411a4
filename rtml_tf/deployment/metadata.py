"""What an application must know of a file, beside the file."""

import hashlib
import pathlib

METADATA_SUFFIX = ".json"


def size_and_digest(path: pathlib.Path) -> tuple[int, str]:
    """Bytes and SHA-256 of a file, or of all files of a folder with their names."""
    if path.is_file():
        content = path.read_bytes()
        return len(content), hashlib.sha256(content).hexdigest()
    total, digest = 0, hashlib.sha256()
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        content = file.read_bytes()
        total += len(content)
        digest.update(f"{file.relative_to(path)} {len(content)} ".encode())
        digest.update(content)
    return total, digest.hexdigest()


def metadata_path(path: pathlib.Path) -> pathlib.Path:
    """Where the metadata of a file lie: `student.tflite.json` beside `student.tflite`."""
    return path.with_name(path.name + METADATA_SUFFIX)
