import os
import stat

os.chmod("/etc/hosts", 0o227)
os.chmod("key", 511)
os.chmod("ok", 0o644)
os.chmod("x", mode=stat.S_IRWXU | stat.S_IXOTH)
os.chmod(
    "tool",
    0o777,
)
