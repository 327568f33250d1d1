from Crypto.PublicKey import RSA as OldRsa
from cryptography.hazmat.backends import default_backend
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

rsa.generate_private_key(public_exponent=65537, key_size=1024, backend=default_backend())
rsa.generate_private_key(65537,
                         512)
dsa.generate_private_key(key_size=1024)
ec.generate_private_key(curve=ec.SECT163K1, backend=default_backend())
rsa.generate_private_key(public_exponent=65537, key_size=4096)
OldRsa.generate(bits=1024)
