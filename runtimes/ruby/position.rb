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

    # Return what is wrong with `source`, and where: `expected a value at line L, column C`.
    def self.of(source)
      found = new(source)
      before = source.byteslice(0, found.wrong)
      "#{found.what} at #{told(before)}"
    end

    # Return `line L, column C` of what comes behind `before`.
    def self.told(before)
      "line #{before.count("\n") + 1}, column #{before.length - (before.rindex("\n") || -1)}"
    end

    def initialize(source)
      @scanner = StringScanner.new(source)
      @open = []
    end

    attr_reader :what

    # Return the byte at which the text goes wrong; `what` says then why it does.
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

    # Note what is wrong here, unless something more exact is known of it.
    def expected(what)
      @what ||= @scanner.eos? ? "it ends too early" : what
      nil
    end

    # Whether a string is next; else go to what it cannot hold. One that does not end is wrong where
    # it begins.
    def string
      return true if take(STRING)

      held = @scanner.check(UNCLOSED)
      return false unless held
      return expected("the string does not end") if held.bytesize == @scanner.rest_size

      @scanner.pos += held.bytesize
      expected(held_by(@scanner.rest))
    end

    def held_by(rest)
      return "a control character must be escaped" unless rest.start_with?("\\")

      rest.start_with?("\\u") ? "expected four hexadecimal digits" : "there is no such escape"
    end

    def value
      if (bracket = take(/[{\[]/))
        @open << bracket
        return after if take(/#{Regexp.escape(CLOSING[bracket])}/) && @open.pop

        return bracket == "{" ? :key : :value
      end
      take(SCALAR) || string ? after : expected("expected a value")
    end

    def key
      return expected("expected a name in double quotes") unless string

      take(/:/) ? :value : expected("expected a colon")
    end

    def after
      return :separator unless @open.empty?

      @scanner.skip(SPACE) # what follows the value is what is wrong
      expected("something follows the value")
    end

    def separator
      return @open.last == "{" ? :key : :value if take(/,/)

      closing = CLOSING[@open.last]
      take(/#{Regexp.escape(closing)}/) && @open.pop ? after : expected("expected a comma or #{closing}")
    end
  end
end
