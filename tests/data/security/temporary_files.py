import os
import tempfile

LOG = "/tmp/app.log"


def write(data):
    name = tempfile.mktemp()
    with open("/var/tmp/x", "w") as stream, open(f"/tmp/{name}", "w") as other:
        stream.write(data); other.write(data)
    os.tempnam()
    return tempfile.NamedTemporaryFile(), ["/dev/shm/x", "/tmp"]
