# What the conformance suite calls; every language has the same (tests/languages/README.md).

class AlgorithmError < StandardError
  attr_reader :code

  def initialize(message, code)
    super(message)
    @code = code
  end
end

def load(models)
  { loads: 1, models: models.transform_values { |path| File.read(path) } }
end

def apply(value, state)
  return value.encoding == Encoding::BINARY ? value.reverse : "text: #{value}" if value.is_a?(String)
  return { got: value } unless value.is_a?(Hash) && value.key?("do")

  case value["do"]
  when "echo" then value["value"]
  when "state" then state
  when "bytes" then (0..255).map(&:chr).join.b * value["times"]
  when "raise" then raise ArgumentError, value["message"]
  when "refuse" then raise AlgorithmError.new(value["message"], value["code"])
  when "nan" then { value: Float::NAN }
  when "print" then (value["to"] == "stderr" ? $stderr : $stdout).puts(value["text"])
  when "sleep" then sleep(value["seconds"]) && value["seconds"]
  when "exit"
    puts "last words #{value["code"]}"
    exit!(value["code"])
  when "stream" then stream(value)
  end
end

def stream(value)
  Enumerator.new do |pieces|
    value["count"].times { |number| pieces << { number: number } }
    raise ArgumentError, "after the last piece" if value["fails"]
  end
end
