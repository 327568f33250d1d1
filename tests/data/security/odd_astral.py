# 😀
import pickle


def größe(x):
	return '😀é', pickle.loads(x), '𝒳', eval(x)  # 😀
