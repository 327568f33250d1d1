import hashlib
from hashlib import md5, new

from Crypto.Hash import MD4


def sums(data):
    yield hashlib.md5(data).hexdigest()
    yield hashlib.sha1(data, usedforsecurity=False).hexdigest()
    yield md5(data), hashlib.sha1(data)
    yield hashlib.new("md5", data)
    yield new(
        "sha1",
        data,
    )
    yield hashlib.new(name="sha256", data=data)
    yield MD4.new()
