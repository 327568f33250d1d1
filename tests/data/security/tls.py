import ssl

from OpenSSL import SSL

context = ssl._create_unverified_context()
ssl.wrap_socket(ssl_version=ssl.PROTOCOL_SSLv2)
ssl.wrap_socket()
SSL.Context(method=SSL.SSLv23_METHOD)
ssl.SSLContext(ssl.PROTOCOL_TLSv1); SSL.Context(SSL.TLSv1_METHOD)


def connect(version=ssl.PROTOCOL_SSLv3, method=SSL.SSLv2_METHOD):
    return version, method
