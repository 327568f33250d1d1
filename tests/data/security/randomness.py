import random
import secrets


def token(n):
    letters = [random.choice("abc") for _ in range(n)]
    random.seed(n); number = random.randint(0, 9) + random.random()
    return letters, number, random.SystemRandom().random(), secrets.token_hex(n), random.uniform(0, 1)
