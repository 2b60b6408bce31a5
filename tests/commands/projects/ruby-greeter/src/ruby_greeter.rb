NAMES = File.readlines("names.txt", chomp: true)

# API calls will begin at the apply() method, with the request body passed as 'input'
# For more details, see algorithmia.com/developers/algorithm-development/languages
def apply(input)
  raise "give a name" unless input.is_a?(String)
  return input.reverse if input.encoding == Encoding::BINARY

  { "greeting" => "Hello " + input, "known" => NAMES.include?(input) }
end

def load(path)
  raise "nothing calls this"
end
