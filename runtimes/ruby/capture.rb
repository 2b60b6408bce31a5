# frozen_string_literal: true

# What user code prints becomes `log` frames, line by line, with the call that printed it.

module AlgoRunner
  # Stands for $stdout or $stderr; whole lines go to the gateway.
  class Lines
    LONGEST = 1 << 16 # the most that one frame carries

    def self.call=(id)
      Thread.current.thread_variable_set(:algo_call, id)
    end

    def initialize(frames, stream, real)
      @frames = frames
      @stream = stream
      @real = real
      @rests = {} # by call: what it printed without a newline behind it
      @owner = Process.pid
    end

    def write(*values)
      texts = values.map { |value| value.to_s.b }
      return texts.sum { |text| @real.syswrite(text) } unless Process.pid == @owner # a child of the worker

      call = current
      rest = (@rests[call] ||= String.new(encoding: Encoding::BINARY))
      texts.each { |text| rest << text }
      if (at = rest.rindex("\n"))
        send_lines(rest.slice!(0..at).chomp, call)
      end
      end_line(call) if rest.bytesize > LONGEST
      texts.sum(&:bytesize)
    end

    # The call of this thread is over: send what it, and what no call, printed without a newline.
    def finish = [current, nil].uniq.each { |call| end_line(call) }

    def <<(value)
      write(value)
      self
    end

    def print(*values) = write(*values) && nil
    def puts(*values) = values.empty? ? write("\n") && nil : values.flatten.each { |one| line(one) } && nil
    def printf(...) = write(format(...)) && nil
    def putc(value) = write(value.is_a?(Integer) ? value.chr : value[0]) && value
    def flush = self
    def fsync = 0
    def sync = true
    def sync=(value); end
    def tty? = false
    alias isatty tty?
    def fileno = @real.fileno
    def to_io = @real
    def external_encoding = Encoding::UTF_8
    # It stays open, whoever has done with it: the next call prints, too. A Logger asks for `close`.
    def close = nil
    def closed? = false
    def reopen(*) = self
    def binmode = self
    def set_encoding(*, **) = self
    def syswrite(value) = write(value)
    def write_nonblock(value, **) = write(value)

    private

    def current = Thread.current.thread_variable_get(:algo_call)

    def end_line(call)
      rest = @rests.delete(call)
      send_lines(rest, call) unless rest.nil? || rest.empty?
    end

    def line(value)
      text = value.to_s
      write(text.end_with?("\n") ? text : "#{text}\n")
    end

    def send_lines(text, call)
      header = { type: "log", stream: @stream, call: call }
      until text.bytesize <= LONGEST
        at = text.rindex("\n", LONGEST - 1) || LONGEST
        @frames.write(header, text.byteslice(0, at))
        text = text.byteslice((text.getbyte(at) == 10 ? at + 1 : at)..)
      end
      @frames.write(header, text)
    end
  end
end
