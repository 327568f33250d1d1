import tarfile


def unpack(name, into):
    with tarfile.open(name) as archive:
        archive.extractall(into)
    archive = tarfile.open(name)
    archive.extractall(
        path=into,
    )
    archive.extractall(into, filter="data")
