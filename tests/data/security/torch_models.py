import torch

weights = torch.load("model.pt")
weights = torch.load("model.pt", weights_only=True)
model = torch.load(
    "model.pt",
    map_location="cpu",
)
