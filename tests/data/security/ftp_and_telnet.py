import ftplib
import telnetlib
from ftplib import FTP


def fetch(host):
    link = ftplib.FTP(host)
    line = telnetlib.Telnet(host)
    with FTP(host) as again:
        return link, line, again
