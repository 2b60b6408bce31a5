"""Train the network on scikit-learn's handwritten digits: algo exec -- python train.py

The 1,797 scans come with scikit-learn, so nothing is downloaded. A quarter of them is held
out: the accuracy printed here, the tests and the golden cases use only those.
"""

import sys
from pathlib import Path

import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.nn.functional import cross_entropy

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "src"))

from network import build  # noqa: E402

MODEL = HERE / "models" / "digits_network.pt"
EPOCHS = 25
BATCH = 64


def split():
    """Return scans to train on, scans held out, and the labels of both; the same every time."""
    digits = load_digits()
    return train_test_split(
        digits.images, digits.target, test_size=450, stratify=digits.target, random_state=0
    )


def held_out():
    """Return the held-out images, each 8 rows of 8 numbers, and their labels."""
    _, scans, _, labels = split()
    return scans.tolist(), labels.tolist()


def train(device):
    """Return the trained network, on the CPU, and its accuracy on the held-out scans."""
    torch.manual_seed(0)
    torch.set_num_threads(1)  # the network is so small that threads only wait for each other
    scans, unseen, labels, unseen_labels = (torch.tensor(part).to(device) for part in split())
    scans, unseen = ((part.float() / 16).unsqueeze(1) for part in (scans, unseen))
    network = build().to(device)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.002)
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(scans), device=device).split(BATCH):
            optimizer.zero_grad()
            cross_entropy(network(scans[chosen]), labels[chosen]).backward()
            optimizer.step()
    network.eval()
    with torch.inference_mode():
        right = network(unseen).argmax(dim=1) == unseen_labels
    return network.cpu(), right.float().mean().item()


if __name__ == "__main__":
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network, accuracy = train(device)
    MODEL.parent.mkdir(exist_ok=True)
    torch.save(network.state_dict(), MODEL)
    print(f"accuracy {accuracy:.4f} on 450 held-out scans, trained on {device}; wrote {MODEL.name}")
