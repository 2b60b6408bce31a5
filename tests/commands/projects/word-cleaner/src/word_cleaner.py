import Algorithmia


# API calls will begin at the apply() method, with the request body passed as 'input'
# For more details, see algorithmia.com/developers/algorithm-development/languages
def apply(input):
    if "text" not in input:
        raise Algorithmia.errors.AlgorithmException("text is missing", error_type="InputError")
    return [word.strip(".,!?").lower() for word in input["text"].split()]
