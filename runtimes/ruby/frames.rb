# frozen_string_literal: true

# Frames on two pipes: two lengths, a JSON header, a body of bytes (../README.md).

require "json"

module AlgoRunner
  # Something came that is no frame, or not its turn.
  class ProtocolError < StandardError; end

  # Nobody reads what we write: the gateway is gone.
  class Gone < StandardError; end

  # Reads frames as they come and writes frames at once; threads may write at the same time.
  class Frames
    LENGTHS = 12
    MAX_HEADER = 1 << 20
    MAX_BODY = 1 << 34
    PIECE = 1 << 20
    # A call with JSON and nothing else, as nearly all are, need not be parsed.
    PLAIN = /\A{"type":"call","id":(\d+),"content_type":"application\/json"}\z/n
    JSON_TYPE = "application/json"

    def initialize(source, sink)
      @source = IO.for_fd(source, "rb")
      @sink = IO.for_fd(sink, "wb")
      [@source, @sink].each { |pipe| pipe.close_on_exec = true }
      @sink.sync = true
      @held = String.new(encoding: Encoding::BINARY)
      @queue = []
      @writing = Mutex.new
    end

    # Return the next header and its body, nil when the pipe was closed.
    def read
      while @queue.empty?
        begin
          @held << @source.readpartial(PIECE)
        rescue EOFError
          return nil
        end
        split
      end
      @queue.shift
    end

    # Take what the pipe holds now, without waiting; return the frames that wait.
    def look
      loop do
        piece = @source.read_nonblock(PIECE, exception: false)
        break if piece == :wait_readable || piece.nil?

        @held << piece
        break if piece.bytesize < PIECE
      end
      split
      @queue
    end

    # Write a frame; waits while the pipe is full.
    def write(header, body = "")
      send_frame(JSON.generate(header), body)
    end

    # Write a result, or a piece of one; `kind` is a content type of ours, which needs no escapes.
    def answer(type, id, kind, body)
      send_frame(%({"type":"#{type}","id":#{id},"content_type":"#{kind}"}), body)
    end

    private

    def send_frame(text, body)
      @writing.synchronize do
        @sink.write([text.bytesize, body.bytesize].pack("VQ<"), text, body)
      end
    rescue Errno::EPIPE
      raise Gone
    end

    def split
      at = 0
      while @held.bytesize - at >= LENGTHS
        length, size = @held.unpack("VQ<", offset: at)
        if length > MAX_HEADER || size > MAX_BODY
          raise ProtocolError, "a frame of #{length} and #{size} bytes is too large"
        end
        break if @held.bytesize - at < LENGTHS + length + size

        @queue << [header(@held.byteslice(at + LENGTHS, length)), @held.byteslice(at + LENGTHS + length, size)]
        at += LENGTHS + length + size
      end
      @held = @held.byteslice(at..) if at.positive?
    end

    def header(text)
      return { "type" => "call", "id" => $1.to_i, "content_type" => JSON_TYPE } if PLAIN =~ text

      found = JSON.parse(text.force_encoding(Encoding::UTF_8))
      raise ProtocolError, "a header has no type" unless found.is_a?(Hash) && found["type"].is_a?(String)

      found
    rescue JSON::ParserError
      raise ProtocolError, "a header is no JSON"
    end
  end
end
