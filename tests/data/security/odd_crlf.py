import os


def run(name):
	os.system('ls ' + name)
	x = '''
	'''; eval(name)
	return x
