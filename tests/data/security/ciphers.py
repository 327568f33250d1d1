from Crypto.Cipher import ARC2, ARC4, DES, AES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def seal(key, text, iv):
    one = DES.new(key, DES.MODE_ECB).encrypt(text)
    two = ARC4.new(key).encrypt(text) + ARC2.new(key).encrypt(text)
    three = Cipher(algorithms.Blowfish(key), modes.ECB())
    four = Cipher(algorithms.AES(key), modes.GCM(iv)); five = Cipher(algorithms.IDEA(key), mode=None)
    return one, two, three, four, five, AES.new(key, AES.MODE_GCM)
