# frozen_string_literal: true

# What goes in and comes out: JSON is the natural value, a String is text or, in BINARY, bytes.

require "json"
require "set"
require "time"
require_relative "position"

module AlgoRunner
  # What is told about a call that cannot be read or answered.
  class Problem < StandardError
    attr_reader :code

    def initialize(code, message)
      super(message)
      @code = code
    end
  end

  # The request's body is not what its content type says.
  class BadInput < Problem; end

  # The algorithm's result cannot be sent.
  class BadResult < Problem; end

  # Bodies to values, and values to bodies.
  module Values
    JSON_TYPE = "application/json"
    FORM = "application/x-www-form-urlencoded"
    PARTS = "application/vnd.algo.parts"
    TEXT = "text/plain; charset=utf-8"
    BINARY = "application/octet-stream"
    MOST_DEPTH = 100
    # What no double holds would become Infinity, which is no value of JSON.
    # With an exponent of two digits, a number of fewer fits.
    MAY_BE_INFINITE = /[eE]\+?\d{3}|\d{200}/
    # The parser takes comments, and a backslash before any character.
    MAY_BE_LAX = %r{/[/*]|\\(?:[^"\\/bfnrtu]|u(?!\h{4}))}
    STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/

    module_function

    # Return the value of a request's body. A form, which plain `curl -d` claims to send, counts as
    # JSON. Raises BadInput: it is no valid JSON (with the position), or not UTF-8 (with the byte).
    def decode(body, content_type)
      return parse(body) if content_type == JSON_TYPE

      kind, *parameters = content_type.split(";")
      kind = kind.to_s.strip.downcase
      return parse(body) if kind.empty? || kind == JSON_TYPE || kind == FORM || kind.end_with?("+json")
      return text(body, parameters) if kind.start_with?("text/")

      kind == PARTS ? parts(body) : body
    end

    def text(body, parameters)
      named = parameters.filter_map { |one| one.strip[/\Acharset="?([^"]*)"?\z/i, 1] }.first
      return utf8(body) if named.nil? || named.casecmp?("utf-8")

      body.dup.force_encoding(Encoding.find(named)).encode(Encoding::UTF_8)
    rescue ArgumentError
      raise BadInput.new("unknown_charset", "there is no charset #{named}")
    rescue EncodingError
      raise BadInput.new("not_utf8", "the body is not #{named}")
    end

    def utf8(body)
      found = body.dup.force_encoding(Encoding::UTF_8)
      return found if found.valid_encoding?

      good = found.each_char.take_while(&:valid_encoding?).sum(&:bytesize)
      raise BadInput.new("not_utf8", "the body is not UTF-8 at byte #{good}")
    end

    def parse(body)
      source = utf8(body)
      found = JSON.parse(source, max_nesting: 0, create_additions: false)
      raise JSON::ParserError if source.match?(MAY_BE_LAX) && source.gsub(Position::STRING, "").match?(%r{[/\\]})

      finite_in(source) if source.match?(MAY_BE_INFINITE)
      found
    rescue JSON::ParserError
      raise BadInput.new("malformed_json", "the body is not JSON: #{Position.of(source)}")
    rescue SystemStackError
      raise BadInput.new("malformed_json", "the body is JSON nested too deep")
    end

    # Refuse a number beyond all doubles.
    def finite_in(source)
      source.scan(STRING_OR_NUMBER) do |found|
        next if found.start_with?('"') || !found.match?(/[.eE]/) || found.to_f.finite?

        at = Position.told($~.pre_match)
        raise BadInput.new("malformed_json", "the body is not JSON: the number is too large at #{at}")
      end
    end

    # Return the value that is made of the parts of a form.
    def parts(body)
      root = []
      at = 4 + body.unpack1("V")
      JSON.parse(body.byteslice(4, at - 4).force_encoding(Encoding::UTF_8)).each do |part|
        raise "the body ends within a part" if at + part["length"] > body.bytesize

        put(root, [0, *part["path"]], decode(body.byteslice(at, part["length"]), part["content_type"]))
        at += part["length"]
      end
      root.empty? ? {} : root.first
    rescue BadInput
      raise
    rescue StandardError => e
      raise BadInput.new("malformed_parts", "the parts of the body are malformed: #{e.message}")
    end

    def put(root, path, content)
      raise "a path is too long" if path.length > MOST_DEPTH

      path.zip([*path.drop(1), nil]).reduce(root) do |holder, (key, following)|
        known = holder.is_a?(Array) ? key.is_a?(Integer) && key.between?(0, holder.length) : key.is_a?(String)
        raise "nothing can be put at #{key.inspect}" unless known

        found = holder[key]
        if following.nil? then found = content
        elsif !found.is_a?(Hash) && !found.is_a?(Array) then found = following.is_a?(String) ? {} : []
        end
        holder[key] = found
      end
    end

    # Return the content type and the bytes of a result. Raises BadResult: JSON has no such value.
    def encode(value)
      return [JSON_TYPE, value.to_s] if value.is_a?(Integer)
      return [JSON_TYPE, JSON.generate(natural(value), max_nesting: 0)] unless value.is_a?(String)
      return [BINARY, value] if value.encoding == Encoding::BINARY

      whole = value.encode(Encoding::UTF_8)
      raise BadResult.new("result_not_serialisable", "the result is text that is not UTF-8") unless whole.valid_encoding?

      [TEXT, whole]
    rescue EncodingError, JSON::GeneratorError, SystemStackError => e
      raise BadResult.new("result_not_serialisable", "the result is not JSON: #{e.message}")
    end

    # Return what JSON has for a value; JSON.generate would write anything as its `to_s`.
    def natural(value)
      case value
      when nil, true, false, Integer then value
      when Float then finite(value)
      when String then value.encoding == Encoding::BINARY ? [value].pack("m0") : value
      when Symbol then value.to_s
      when Array, Set then value.map { |one| natural(one) }
      when Hash then value.to_h { |key, one| [key.to_s, natural(one)] }
      when Time, DateTime, Date then value.iso8601
      when Rational then finite(value.to_f)
      else other(value)
      end
    end

    def other(value)
      return natural(value.to_h) if value.is_a?(Struct) || value.class.name == "Data" || value.respond_to?(:to_h)

      raise BadResult.new("result_not_serialisable", "the result is not JSON: #{value.class} has no JSON form")
    end

    def finite(value)
      return value if value.finite?

      raise BadResult.new("result_not_finite", "the result holds NaN or Infinity, which JSON has not")
    end
  end
end
