"""Backups in a bucket of an S3-compatible service, as `s3://BUCKET/PREFIX`.

The library boto3 is optional. It takes the keys, the region and the address of the service from the
variables and files that the tools of AWS read, so Scry has no settings for them.
"""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import IO, Any, cast
from urllib.parse import urlsplit

from django.conf import settings

from gallery.backup.refused import Refused
from gallery.backup.targets import Stored

_IN_MEMORY = 8 * 1024 * 1024


class BucketTarget:
    """The objects of a bucket below a prefix. An object appears when all of it has arrived."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._bucket, self._prefix = parts.netloc, parts.path.strip("/")
        if not self._bucket:
            raise Refused(f"{address} names no bucket. Try s3://BUCKET/PREFIX.")
        self.name = f"s3://{self._bucket}/{self._prefix}".rstrip("/")
        self._faults, self._client = _connect()

    def is_empty(self) -> bool:
        return next(self._pages("", ""), None) is None

    def size(self, path: str) -> int | None:
        with self._telling(path):
            try:
                head = self._client.head_object(Bucket=self._bucket, Key=self._key(path))
            except self._faults.ClientError as error:
                if _is_absent(error):
                    return None
                raise
        return int(head["ContentLength"])

    def open(self, path: str) -> IO[bytes]:
        """Fetch an object whole, so that a connection that breaks is noticed here and not later."""
        file = _scratch()
        with self._telling(path):
            try:
                self._client.download_fileobj(self._bucket, self._key(path), file)
            except self._faults.ClientError as error:
                file.close()
                if _is_absent(error):
                    raise FileNotFoundError(f"{path} is missing in {self.name}.") from None
                raise
        file.seek(0)
        return file

    @contextmanager
    def create(self, path: str, *, private: bool = False) -> Iterator[IO[bytes]]:
        """Gather what is written, in memory or a file, and send it when the block ends well.

        `private` says nothing more here: who may read is a matter of the bucket.
        """
        with _scratch() as file:
            yield file
            file.seek(0)
            with self._telling(path):
                self._client.upload_fileobj(_Unclosed(file), self._bucket, self._key(path))

    def files(self, folder: str) -> list[Stored]:
        return sorted(
            Stored(PurePosixPath(one["Key"]).name, one["Size"], one["LastModified"].timestamp())
            for page in self._pages(f"{folder}/", "/")
            for one in page.get("Contents", ())
        )

    def folders(self, folder: str) -> list[str]:
        return sorted(
            PurePosixPath(one["Prefix"]).name
            for page in self._pages(f"{folder}/", "/")
            for one in page.get("CommonPrefixes", ())
        )

    def _pages(self, path: str, delimiter: str) -> Iterator[dict[str, Any]]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=self._key(path), Delimiter=delimiter
        )
        with self._telling(path):
            yield from (page for page in pages if page.get("KeyCount"))

    def remove(self, path: str) -> None:
        with self._telling(path):
            self._client.delete_object(Bucket=self._bucket, Key=self._key(path))

    def free_bytes(self) -> int | None:
        return None

    def settle(self) -> None:
        """Do nothing: what was sent is kept once the answer is there."""

    def clear(self) -> None:
        """Do nothing: what was not sent to its end is no object."""

    def _key(self, path: str) -> str:
        return f"{self._prefix}/{path}" if self._prefix else path

    @contextmanager
    def _telling(self, path: str) -> Iterator[None]:
        """Turn the library's errors into an OSError that names the object."""
        try:
            yield
        except (self._faults.ClientError, self._faults.BotoCoreError) as error:
            raise OSError(f"{self.name}/{path}: {error}") from error


def _scratch() -> IO[bytes]:
    """Return a file that goes when it is closed, in memory while it is small."""
    folder = str(settings.UPLOAD_TMP_DIR)
    return cast("IO[bytes]", tempfile.SpooledTemporaryFile(_IN_MEMORY, mode="w+b", dir=folder))


class _Unclosed:
    """A file that the library reads and does not close."""

    def __init__(self, file: IO[bytes]) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell

    def close(self) -> None:
        """Leave it open: whoever made it closes it."""


def _connect() -> tuple[Any, Any]:
    """Return the library's exceptions and a client, with the keys that it finds by itself."""
    try:
        boto3 = importlib.import_module("boto3")
        config = importlib.import_module("botocore.config")
        faults = importlib.import_module("botocore.exceptions")
    except ImportError:
        raise Refused(
            "Backups in a bucket need the library boto3, which is not installed. Run "
            "`.venv/bin/python -m pip install boto3`, and repeat."
        ) from None
    patient = config.Config(retries={"max_attempts": 5, "mode": "standard"}, connect_timeout=10)
    try:
        return faults, boto3.client("s3", config=patient)
    except (faults.BotoCoreError, ValueError) as error:
        raise Refused(f"The bucket cannot be used: {error}") from error


def _is_absent(error: Any) -> bool:
    return error.response["Error"]["Code"] in {"404", "NoSuchKey", "NotFound"}
