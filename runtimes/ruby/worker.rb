# frozen_string_literal: true

# A worker: loads the algorithm and answers calls until it is told to stop.

require_relative "algorithm"
require_relative "capture"
require_relative "faults"
require_relative "frames"
require_relative "values"

module AlgoRunner
  # Answers the frames of the gateway.
  class Worker
    LOOK = 0.02 # how often it looks for calls that were taken back before it begins the next one

    def initialize(frames, hello)
      @frames = frames
      @hello = hello
      @concurrency = [hello["concurrency"].to_i, 1].max
      @algorithm = nil
      @streams = {} # those that run, and whether nobody reads them any more
      @withdrawn = []
      @looked = 0.0
      @lines = [["stdout", $stdout], ["stderr", $stderr]].map { |name, real| Lines.new(frames, name, real) }
      $stdout, $stderr = @lines
    end

    # Answer every frame until the pipe is closed or `shutdown` comes.
    def run
      while (header, body = following)
        break if header["type"] == "shutdown"

        handle(header, body)
      end
      return if header.nil? || @pool.nil? # the gateway is gone, or nothing runs

      @concurrency.times { @work << nil }
      @pool.each(&:join)
    end

    private

    # Return the next frame that was not taken back.
    def following
      while (frame = @frames.read)
        now = Process.clock_gettime(Process::CLOCK_MONOTONIC)
        if now - @looked > LOOK
          @looked = now
          @withdrawn = @frames.look.flat_map { |header, _| header["type"] == "withdraw" ? header["ids"] : [] }
        end
        header = frame[0]
        # A `cancel` of such a call is none.
        return frame unless header["type"] == "call" && @withdrawn.include?(header["id"])

        answer(header, "withdrawn")
      end
    end

    def handle(header, body)
      case header["type"]
      when "call", "batch" then dispatch(header, body)
      when "load" then load_algorithm(header)
      when "cancel" then @streams[header["id"]] = true if @streams.key?(header["id"])
      when "describe" then answer(header, "described", schema: {})
      # What was required stays for good: a new worker has the new code.
      when "reload" then answer(header, "reloaded", rung: "worker", schema: {})
      when "withdraw" then @looked = 0.0 # what it took back was before it, and is begun or gone
      when "commit", "discard", "pause", "resume" then nil
      else raise ProtocolError, "there is no frame of type #{header["type"].inspect}"
      end
    end

    def answer(header, type, body: "", **more)
      @frames.write({ type: type, id: header["id"] || 0, **more }, body)
    end

    def load_algorithm(header)
      began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      begin
        @algorithm = Algorithm.new(@hello)
      rescue Exception => e # rubocop:disable Lint/RescueException -- SyntaxError, exit, and all else
        end_lines
        return answer(header, "load_error", **Faults.report(e, @hello["app"]), hint: Faults.hint(e))
      end
      end_lines
      took = (Process.clock_gettime(Process::CLOCK_MONOTONIC) - began) * 1000
      answer(header, "ready", schema: {}, milliseconds: took.round(1), cancels: false, batch: @algorithm.batch,
                              ahead: @concurrency == 1 && !@algorithm.batch, flow: false, share: false,
                              alone: "workers of Ruby are processes of their own")
    end

    def dispatch(header, body)
      raise ProtocolError, "the first frame of a worker is load" if @algorithm.nil?
      return batch(header, body) if @algorithm.batch
      return call(header, body) if @concurrency == 1

      @work ||= Queue.new
      @pool ||= Array.new(@concurrency) { Thread.new { while (work = @work.pop) do call(*work) end } }
      @work << [header, body]
    end

    def call(header, body)
      Lines.call = header["id"]
      guarded(header) do
        result = @algorithm.call(Values.decode(body, header["content_type"] || ""))
        result.is_a?(Enumerator) ? stream(header, result) : piece(header, "result", result)
      end
      Lines.call = nil
    end

    # Answer what goes wrong in the block as the fault of this call.
    def guarded(header)
      yield
    rescue Gone, ProtocolError
      raise
    rescue Exception => e # rubocop:disable Lint/RescueException -- exit() in a call is an error of it
      failed(header, e)
    end

    def stream(header, pieces)
      id = header["id"]
      @streams[id] = false
      pieces.each do |value|
        piece(header, "chunk", value)
        break if @concurrency == 1 ? cancelled?(id) : @streams[id]
      end
      end_lines
      answer(header, "end")
    ensure
      @streams.delete(id)
    end

    def cancelled?(id)
      @frames.look.any? { |header, _| header["type"] == "cancel" && header["id"] == id }
    end

    def batch(header, body)
      calls = header["calls"] || [header.merge("length" => body.bytesize)]
      raise ProtocolError, "a batch and its body differ" if calls.sum { |one| one["length"] } != body.bytesize

      at = 0
      read = []
      calls.each do |one|
        guarded(one) { read << [one, Values.decode(body.byteslice(at, one["length"]), one["content_type"] || "")] }
        at += one["length"]
      end
      apply(read) unless read.empty?
    end

    # Answer several calls together; where that fails as a whole, each by itself.
    def apply(calls)
      Lines.call = calls.length == 1 ? calls[0][0]["id"] : nil
      results = begin
        checked(@algorithm.call(calls.map(&:last)), calls.length)
      rescue Exception => e # rubocop:disable Lint/RescueException
        return failed(calls[0][0], e) if calls.length == 1

        return calls.each { |one| apply([one]) }
      end
      calls.zip(results) do |(header, _), result|
        guarded(header) { result.is_a?(Exception) ? failed(header, result) : piece(header, "result", result) }
      end
    ensure
      Lines.call = nil
    end

    def checked(results, count)
      raise BadResult.new("batch_mismatch", "the batch returned #{results.class}, not an array") unless results.is_a?(Array)
      return results if results.length == count

      raise BadResult.new("batch_mismatch", "the batch returned #{results.length} results for #{count} inputs")
    end

    def piece(header, type, value)
      kind, body = Values.encode(value)
      end_lines if type == "result"
      @frames.answer(type, header["id"], kind, body)
    end

    def failed(header, error)
      end_lines
      if error.is_a?(Problem)
        fault = error.is_a?(BadInput) ? "input" : "result"
        return answer(header, "error", fault: fault, code: error.code, message: error.message)
      end
      code = Faults.callers_fault(error)
      fault = code ? "caller" : "algorithm"
      told = Faults.report(error, @hello["app"])
      told[:hint] = Faults.hint(error) if error.is_a?(LoadError)
      answer(header, "error", fault: fault, code: code || "exception", **told)
    end

    def end_lines = @lines.each(&:finish)
  end
end
