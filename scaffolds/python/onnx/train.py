"""Train a network on scikit-learn's handwritten digits: algo exec -- python train.py

It is written as ONNX, so serving needs onnxruntime and nothing that trained it. A quarter of the
1,797 scans is held out: the accuracy printed here, the tests and the golden cases use only those.
"""

from pathlib import Path

import numpy as np
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

MODEL = Path(__file__).resolve().parent / "models" / "digits.onnx"
PIXELS = 64


def split():
    """Return scans to train on, scans held out, and the labels of both; the same every time."""
    digits = load_digits()
    return train_test_split(
        digits.data.astype(np.float32),
        digits.target,
        test_size=450,
        stratify=digits.target,
        random_state=0,
    )


def held_out():
    """Return the held-out scans, each 8 rows of 8 numbers, and their labels."""
    _, scans, _, labels = split()
    return scans.reshape(-1, 8, 8), labels


def train():
    """Return the fitted network and its accuracy on the held-out scans."""
    scans, unseen, labels, unseen_labels = split()
    network = make_pipeline(StandardScaler(), MLPClassifier((32,), max_iter=400, random_state=0))
    network.fit(scans, labels)
    return network, network.score(unseen, unseen_labels)


def export(network):
    """Return the network as ONNX: `pixels` in, `label` and `probabilities` out."""
    inputs = [("pixels", FloatTensorType([None, PIXELS]))]
    return to_onnx(network, initial_types=inputs, options={"zipmap": False})


if __name__ == "__main__":
    network, accuracy = train()
    MODEL.parent.mkdir(exist_ok=True)
    MODEL.write_bytes(export(network).SerializeToString())
    print(f"accuracy {accuracy:.4f} on 450 held-out scans; wrote {MODEL.name}")
