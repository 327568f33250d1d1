import os

def run(name):
    os.system('ls ' + name)



def other(name):
    return ' ', eval(name)
