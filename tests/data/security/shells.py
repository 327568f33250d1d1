import os
import subprocess
from subprocess import PIPE, Popen


def run(name, options):
    os.system("ls " + name)
    os.popen("ls")
    subprocess.Popen("ls " + name, shell=True)
    subprocess.call("ls", shell=True)
    subprocess.run(["ls", name])
    subprocess.check_output([name, *options], shell=False)
    Popen(
        ["/bin/ls", name],
        stdout=PIPE,
    )
    os.execl("/bin/ls", "ls", name)
    os.spawnlp(os.P_WAIT, "ls", name)
    subprocess.getoutput(f"ls {name}")
    run_shell = subprocess.Popen
    run_shell("ls", shell=True); os.startfile(name)
