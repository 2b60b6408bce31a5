# frozen_string_literal: true

# Exceptions of user code as the protocol reports them.

module AlgoRunner
  # Exceptions of user code as the protocol reports them.
  module Faults
    # A header has at most 1 MiB, and nobody reads more than this.
    LONGEST_MESSAGE = 10_000
    LONGEST_TRACE = 100_000
    # Frames told of each end of a stack: recursion without an end has thousands.
    TOLD = 50

    module_function

    # Return type, message, file, line and stack trace, trimmed to the author's frames.
    def report(error, root)
      told(error, root)
    rescue Exception => e # rubocop:disable Lint/RescueException -- an author's method may fail, too
      mute(e, root)
    end

    # Return the report of an error whose own methods fail: what made them.
    def mute(broken, root)
      what = "the error cannot tell what it is"
      found = told(broken, root)
      { **found, message: "#{what}: #{found[:message]}" }
    rescue Exception # rubocop:disable Lint/RescueException -- and so may those of what they raise
      { error: "Exception", message: what, file: "", line: 0, stacktrace: what }
    end

    def told(error, root)
      below = "#{root}/"
      frames = own(error, below)
      place = error.is_a?(SyntaxError) ? error.message.delete_prefix(below) : frames.first.to_s
      file, line = place.match(/\A([^:\n]+):(\d+)/)&.captures
      {
        error: name(error),
        message: message(error, below)[0, LONGEST_MESSAGE],
        file: file || "",
        line: line.to_i,
        stacktrace: trace(error, below)[0, LONGEST_TRACE]
      }
    end

    # Return what to do about a gem that is not there, empty when that is not the fault.
    def hint(error)
      name = error.is_a?(LoadError) ? error.path.to_s[%r{\A\w[\w-]*}] : nil
      name ? "add gem \"#{name}\" to the Gemfile, then: algo lock" : ""
    end

    # Return the code of an AlgorithmError, nil for every other exception.
    def callers_fault(error)
      return nil unless error.class.ancestors.any? { |kind| kind.name.to_s.split("::").last == "AlgorithmError" }

      code = error.respond_to?(:code) ? error.code : nil
      utf8((code || "bad_input").to_s)[0, 200]
    rescue Exception # rubocop:disable Lint/RescueException -- a method of the author's: his fault
      nil
    end

    # Return the author's frames, below the project's folder.
    def own(error, below)
      Array(error.backtrace).grep(String).select { |line| line.start_with?(below) }.map { |line| line.delete_prefix(below) }
    end

    def message(error, below)
      return "the code called exit(#{error.status})" if error.is_a?(SystemExit)

      text = utf8(error.message.to_s).gsub(below, "")
      text.empty? ? name(error) : text
    rescue Exception # rubocop:disable Lint/RescueException -- an author's message may fail, too
      name(error)
    end

    # Return a text as JSON takes it, whatever its bytes are.
    def utf8(text)
      text = text.dup.force_encoding(Encoding::UTF_8) if text.encoding == Encoding::BINARY
      text.scrub.encode(Encoding::UTF_8, invalid: :replace, undef: :replace)
    end

    def name(error) = (error.class.name || "Exception").delete_prefix("AlgoRunner::Project::")

    def trace(error, below)
      frames = own(error, below).map { |line| "  from #{line}" }
      ["#{name(error)}: #{message(error, below)}", *shortened(frames), *causes(error, below)].join("\n")
    end

    def causes(error, below)
      error.cause ? ["Caused by #{trace(error.cause, below)}"] : []
    rescue Exception # rubocop:disable Lint/RescueException -- the error itself is told without them
      []
    end

    # Return the frames of both ends, and between them how many were left out. Those of a recursion stand once.
    def shortened(frames)
      runs = frames.chunk_while { |one, other| one == other }.to_a
      left = runs.length - (2 * TOLD)
      return folded(runs) unless left.positive?

      middle = runs[TOLD, left].sum(&:length)
      [*folded(runs.first(TOLD)), "  ... #{middle} more", *folded(runs.last(TOLD))]
    end

    def folded(runs)
      runs.flat_map { |run| run.length > 2 ? [run.first, "  ... #{run.length - 1} more like it"] : run }
    end
  end
end
