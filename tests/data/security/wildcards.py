import os
import subprocess

os.system("/bin/tar xvzf *")
os.system("/bin/chown *")
os.popen("/bin/chmod *")
subprocess.Popen("/bin/chown *", shell=True)
subprocess.Popen(["/bin/chown", "*"])
subprocess.Popen("/usr/bin/rsync -av * there", shell=True)
