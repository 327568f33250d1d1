import socket

HOSTS = ["127.0.0.1", "0.0.0.0"]


def listen(port):
    server = socket.socket()
    server.bind(("0.0.0.0", port))
    server.bind(("", port))
    return server
