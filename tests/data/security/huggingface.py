from datasets import load_dataset
from transformers import AutoModel, AutoTokenizer


def load(name):
    model = AutoModel.from_pretrained(name)
    tokenizer = AutoTokenizer.from_pretrained(name, revision="main")
    data = load_dataset(name)
    fixed = AutoModel.from_pretrained(name, revision="5d0f2e8a7f1436b550182cbd7bcd9f31076905ff")
    return model, tokenizer, data, fixed
