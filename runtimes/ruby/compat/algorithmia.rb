# frozen_string_literal: true

# What code written for Algorithmia uses of the gem of this name, over the API of the gateway.

require "base64"
require "json"
require "net/http"
require "tempfile"
require "uri"

module Algorithmia
  class << self
    def client(api_key = nil, api_address = nil) = Client.new(api_key, api_address)

    def algo(name) = client.algo(name)

    def file(uri) = client.file(uri)

    def dir(uri) = client.dir(uri)
  end

  module Errors
    # Any of them; `response` is what the API said.
    class Error < StandardError
      attr_reader :response

      def initialize(message, response = nil)
        super(message)
        @response = response
      end
    end

    # An algorithm that was called failed.
    class AlgorithmError < Error
      attr_reader :stacktrace

      def initialize(message, response = nil, stacktrace = nil)
        super(message, response)
        @stacktrace = stacktrace
      end
    end

    class ApiKeyEmptyError < Error; end
    class ApiKeyInvalidError < Error; end
    class InternalServerError < Error; end
    class JsonParseError < Error; end
    class NotFoundError < Error; end
    class UnauthorizedError < Error; end
    class ApiError < Error; end
  end

  # A client. The gateway's address and key count before those that stood in the code.
  class Client
    attr_reader :api_key, :api_address

    def initialize(api_key = nil, api_address = nil)
      here = ENV.fetch("ALGORITHMIA_API", nil)
      @api_address = (here || api_address || "https://api.algorithmia.com").chomp("/")
      @api_key = (here && ENV.fetch("ALGORITHMIA_API_KEY", nil)) || api_key
    end

    def algo(name) = Algorithm.new(self, name.sub(%r{\A(algo://|/)}, ""))

    def file(uri) = DataFile.new(self, uri)

    def dir(uri) = DataDirectory.new(self, uri)

    # Return the answer to a request. Raises what the API says is wrong.
    def ask(method, path, body: nil, type: nil, query: {}, timeout: 60)
      address = URI("#{@api_address}#{path.gsub(%r{[^A-Za-z0-9/._~-]}) { |one| URI.encode_www_form_component(one).gsub("+", "%20") }}")
      address.query = URI.encode_www_form(query) unless query.empty?
      request = Net::HTTP.const_get(method).new(address)
      request["Authorization"] = @api_key if @api_key
      request["Content-Type"] = type || "application/octet-stream" if request.request_body_permitted?
      request.body = body || "" if request.request_body_permitted?
      secure = address.scheme == "https"
      answer = Net::HTTP.start(address.host, address.port, use_ssl: secure, read_timeout: timeout) { |one| one.request(request) }
      check(answer)
    end

    private

    KINDS = { 401 => Errors::UnauthorizedError, 404 => Errors::NotFoundError }.freeze
    private_constant :KINDS

    def check(answer)
      code = answer.code.to_i
      return answer if code.between?(200, 299)

      said = answer.body.to_s.start_with?("{") ? JSON.parse(answer.body) : {}
      message = said.dig("error", "message") || answer["x-error-message"] || "status #{code}"
      kind = KINDS.fetch(code) { code >= 500 ? Errors::InternalServerError : Errors::ApiError }
      raise kind.new(message, answer)
    end
  end

  UnauthenticatedClient = Client

  # An algorithm that can be called.
  class Algorithm
    def initialize(client, name)
      @client = client
      @path = "/v1/algo/#{name}"
      @query = {}
    end

    def set(options)
      @query.update(options)
      self
    end

    def pipe(input)
      return call(input.to_json, "application/json") unless input.is_a?(String)

      call(input, input.encoding == Encoding::ASCII_8BIT ? "application/octet-stream" : "text/plain")
    end

    def pipe_json(input) = call(input, "application/json")

    private

    def call(body, type)
      timeout = (@query[:timeout] || 300) + 10
      answer = @client.ask("Post", @path, body: body, type: type, query: @query, timeout: timeout)
      return Response.new(answer.body, "raw") if @query[:output].to_s == "raw"

      said = JSON.parse(answer.body)
      error = said["error"]
      raise Errors::AlgorithmError.new(error["message"], said, error["stacktrace"]) if error

      Response.new(said, @query[:output])
    end
  end

  # The answer of an algorithm.
  class Response
    attr_reader :response

    def initialize(response, output)
      @response = response
      @raw = output == "raw"
    end

    def result
      return @response if @raw

      content_type == "binary" ? Base64.decode64(@response["result"]) : @response["result"]
    end

    def metadata = @raw ? nil : @response["metadata"]

    %w[duration content_type stdout alerts].each do |name|
      define_method(name) { metadata && metadata[name] }
    end
  end

  # A file or a folder at `data://`.
  class DataObject
    attr_reader :data_uri

    def initialize(client, data_uri)
      @client = client
      @data_uri = data_uri
      @url = File.join("/v1/data/", data_uri.sub("data://", "").chomp("/"))
    end

    def basename = File.basename(@url)

    def parent = @client.dir(File.split(@data_uri).first)

    def exists?
      answer = @client.ask("Head", @url)
      (answer["x-data-type"] == "directory") == is_a?(DataDirectory)
    rescue Errors::NotFoundError
      false
    end
  end

  # A file.
  class DataFile < DataObject
    def get = text_of(@client.ask("Get", @url).body)

    def get_file
      file = Tempfile.create(basename)
      file.binmode
      file.write(@client.ask("Get", @url).body)
      file.close
      File.new(file.path)
    end

    def put(data)
      data = data.to_json unless data.is_a?(String)
      @client.ask("Put", @url, body: data)
      true
    end

    alias put_json put

    def put_file(path) = put(File.binread(path))

    def delete
      @client.ask("Delete", @url)
      true
    end

    private

    # Text where it can be such, as code compares it with what stands in it.
    def text_of(bytes)
      text = bytes.dup.force_encoding(Encoding::UTF_8)
      text.valid_encoding? ? text : bytes
    end
  end

  # A folder.
  class DataDirectory < DataObject
    def create
      parent, name = File.split(@url)
      @client.ask("Post", parent, body: { name: name }.to_json, type: "application/json")
      true
    end

    def delete(force = false)
      @client.ask("Delete", @url, query: force ? { force: true } : {})
      true
    end

    def each(&block) = block ? list(true, true, &block) : enum_for(:each)

    def each_file(&block) = block ? list(true, false, &block) : enum_for(:each_file)

    def each_dir(&block) = block ? list(false, true, &block) : enum_for(:each_dir)

    def file(name) = @client.file(File.join(@data_uri, name))

    def put_file(path) = file(File.basename(path)).put_file(path)

    private

    def list(files, folders, &block)
      marker = nil
      loop do
        said = JSON.parse(@client.ask("Get", @url, query: marker ? { marker: marker } : {}).body)
        (said["files"] || []).each { |one| block.call(file(one["filename"])) } if files
        (said["folders"] || []).each { |one| block.call(@client.dir(File.join(@data_uri, one["name"]))) } if folders
        break if (marker = said["marker"]).to_s.empty?
      end
    end
  end
end
