require 'algorithmia'

CLIENT = Algorithmia.client('simHARDCODED', 'https://api.algorithmia.com')

# Does with data what the input says.
def apply(input)
  return "hello " + input if input.is_a?(String)

  file = CLIENT.file(input['path'])
  dir = CLIENT.dir(input['path'])
  case input['do']
  when 'put' then file.put(input['text'])
  when 'get' then return file.get
  when 'bytes' then return file.get.b
  when 'make' then dir.create
  when 'list' then return dir.each_file.map(&:basename)
  when 'exists' then return [file.exists?, dir.exists?]
  when 'delete' then input['folder'] ? dir.delete(true) : file.delete
  when 'call'
    begin
      return CLIENT.algo(input['path']).pipe(input['text']).result
    rescue Algorithmia::Errors::AlgorithmError => e
      return "failed: " + e.message
    end
  end
  "done"
end
