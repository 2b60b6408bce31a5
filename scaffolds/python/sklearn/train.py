"""Train the classifier on scikit-learn's handwritten digits: algo exec -- python train.py

The 1,797 scans come with scikit-learn, so nothing is downloaded. A quarter of them is held
out: the accuracy printed here, the tests and the golden cases use only those.
"""

import pickle
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

MODEL = Path(__file__).resolve().parent / "models" / "digits_classifier.pkl"


def split():
    """Return scans to train on, scans held out, and the labels of both; the same every time."""
    digits = load_digits()
    return train_test_split(
        digits.data, digits.target, test_size=450, stratify=digits.target, random_state=0
    )


def held_out():
    """Return the held-out images, each 8 rows of 8 numbers, and their labels."""
    _, scans, _, labels = split()
    return scans.reshape(-1, 8, 8).tolist(), labels.tolist()


def train():
    """Return the fitted classifier and its accuracy on the held-out scans."""
    scans, unseen, labels, unseen_labels = split()
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=1000))
    classifier.fit(scans, labels)
    return classifier, classifier.score(unseen, unseen_labels)


if __name__ == "__main__":
    model, accuracy = train()
    MODEL.parent.mkdir(exist_ok=True)
    MODEL.write_bytes(pickle.dumps(model))
    print(f"accuracy {accuracy:.4f} on 450 held-out scans; wrote {MODEL.name}")
