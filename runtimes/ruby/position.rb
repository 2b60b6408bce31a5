# frozen_string_literal: true

# Where a text stops to be JSON (RFC 8259): the standard parser does not always tell.

require "strscan"

module AlgoRunner
  # Finds the first character that cannot stand where it stands.
  class Position
    PIECE = /[^"\\\u0000-\u001f]++|\\(?:["\\\/bfnrt]|u\h{4})/
    UNCLOSED = /"(?:#{PIECE})*+(?:\\\z)?/
    STRING = /#{UNCLOSED}"/
    SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/
    SPACE = /[ \t\r\n]+/
    CLOSING = { "{" => "}", "[" => "]" }.freeze

    # Return `line L, column C` of the first wrong character of `source`, or of its end.
    def self.of(source)
      told(source.byteslice(0, new(source).wrong))
    end

    # Return `line L, column C` of what comes behind `before`.
    def self.told(before)
      "line #{before.count("\n") + 1}, column #{before.length - (before.rindex("\n") || -1)}"
    end

    def initialize(source)
      @scanner = StringScanner.new(source)
      @open = []
    end

    # Return the byte at which the text goes wrong.
    def wrong
      state = :value
      state = send(state) while state
      @scanner.pos
    end

    private

    def take(pattern)
      @scanner.skip(SPACE)
      @scanner.scan(pattern)
    end

    # Whether a string is next; else go to what it cannot hold. One that does not end is wrong where
    # it begins.
    def string
      return true if take(STRING)

      held = @scanner.check(UNCLOSED)
      @scanner.pos += held.bytesize if held && held.bytesize < @scanner.rest_size
      false
    end

    def value
      if (bracket = take(/[{\[]/))
        @open << bracket
        return after if take(/#{Regexp.escape(CLOSING[bracket])}/) && @open.pop

        return bracket == "{" ? :key : :value
      end
      after if take(SCALAR) || string
    end

    def key
      :value if string && take(/:/)
    end

    def after
      return :separator unless @open.empty?

      @scanner.skip(SPACE) # what follows the value is what is wrong
      nil
    end

    def separator
      return @open.last == "{" ? :key : :value if take(/,/)

      after if take(/#{Regexp.escape(CLOSING[@open.last])}/) && @open.pop
    end
  end
end
