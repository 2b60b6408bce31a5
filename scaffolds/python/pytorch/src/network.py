"""The network, which train.py and the algorithm share."""

from torch import nn


def build():
    """Return it untrained: scans of 1 by 8 by 8, from 0 to 1, in; ten logits out."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(32 * 4 * 4, 10),
    )
