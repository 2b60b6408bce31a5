import Algorithmia
from Algorithmia import ADK
from .text import scores

CLEANER = "algo://nlp/Word-Cleaner/0.2.x"


def load(modelData):
    modelData["words"] = scores.read(modelData.get_model("words"))
    return modelData


def apply(input, modelData):
    client = modelData.client
    if isinstance(input, str) and client.file(input).exists():
        input = {"text": client.file(input).getString()}
    words = client.algo(CLEANER).pipe(input).result
    score = sum(modelData["words"].get(word, 0) for word in words)
    collection = client.dir("data://.my/sentiment_log")
    if not collection.exists():
        collection.create()
    collection.file("last.json").putJson({"score": score})
    return {"sentiment": score, "last": collection.file("last.json").getJson()}


if __name__ == "__main__":
    print(apply({"text": "good"}, None))

algorithm = ADK(apply, load)
algorithm.init({"text": "A great day"})
