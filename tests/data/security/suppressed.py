import subprocess

subprocess.call("ls", shell=True)  # nosec
subprocess.call("ls", shell=True)  # nosec B602
subprocess.call("ls", shell=True)  # noqa: S602
subprocess.call("ls", shell=True)  # nosec B607  # noqa: S607
subprocess.call("ls " + __name__, shell=True)
