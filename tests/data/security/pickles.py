import marshal
import pickle
import shelve

import dill
import jsonpickle
import pandas


def load(stream, data):
    first = pickle.load(stream); second = pickle.loads(data)
    third = pickle.Unpickler(stream).load()
    with shelve.open("cache") as cache:
        fourth = dill.loads(cache["x"])
    return first, second, third, fourth, jsonpickle.decode(data), pandas.read_pickle(stream), marshal.loads(data)
