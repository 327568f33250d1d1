import paramiko
from paramiko import client


def remote(host, command):
    link = client.SSHClient()
    link.set_missing_host_key_policy(client.AutoAddPolicy)
    link.set_missing_host_key_policy(paramiko.WarningPolicy())
    link.connect(host)
    link.exec_command("ls " + command)
    link.invoke_shell()
