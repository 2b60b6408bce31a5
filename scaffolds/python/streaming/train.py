"""Count which word follows which in data/sonnets.txt: algo exec -- python train.py

The counts are the whole model: what follows the last two words, and what follows the last one.
"""

import json
from collections import Counter, defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent
TEXT = ROOT / "data" / "sonnets.txt"
MODEL = ROOT / "models" / "words.json"


def words(text):
    """Return the words of a text, and a line's end as a word of its own."""
    return text.replace("\n\n", "\n").replace("\n", " \n ").split(" ")


def train(text):
    """Return how often words follow one or two others, which are joined by a space."""
    found = [word for word in words(text) if word]
    following = defaultdict(Counter)
    for at, word in enumerate(found):
        for length in (1, 2):
            if at >= length:
                following[" ".join(found[at - length : at])][word] += 1
    return {before: dict(sorted(after.items())) for before, after in sorted(following.items())}


if __name__ == "__main__":
    counts = train(TEXT.read_text(encoding="utf-8"))
    MODEL.parent.mkdir(exist_ok=True)
    MODEL.write_text(json.dumps(counts, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"{len(counts)} beginnings; wrote {MODEL.name}")
