from . import Greeter


def test_Greeter():
    assert Greeter.apply("Jane", Greeter.load()) == "hello Jane"
