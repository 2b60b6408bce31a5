require 'minitest/autorun'
require_relative 'ruby_greeter'

class AlgorithmTest < Minitest::Test
  def test_ruby_greeter
    assert_equal apply('Jane')['greeting'], 'Hello Jane'
  end
end
