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
      @rest = String.new(encoding: Encoding::BINARY)
      @owner = Process.pid
    end

    def write(*values)
      texts = values.map { |value| value.to_s.b }
      return texts.sum { |text| @real.syswrite(text) } unless Process.pid == @owner # a child of the worker

      texts.each { |text| @rest << text }
      if (at = @rest.rindex("\n"))
        whole = @rest.slice!(0..at)
        send_lines(whole.chomp)
      end
      finish if @rest.bytesize > LONGEST
      texts.sum(&:bytesize)
    end

    # What has no newline yet: the call that printed it is over.
    def finish
      return if @rest.empty?

      rest = @rest
      @rest = String.new(encoding: Encoding::BINARY)
      send_lines(rest)
    end

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
    def external_encoding = Encoding::UTF_8

    private

    def line(value)
      text = value.to_s
      write(text.end_with?("\n") ? text : "#{text}\n")
    end

    def send_lines(text)
      header = { type: "log", stream: @stream, call: Thread.current.thread_variable_get(:algo_call) }
      until text.bytesize <= LONGEST
        at = text.rindex("\n", LONGEST - 1) || LONGEST
        @frames.write(header, text.byteslice(0, at))
        text = text.byteslice((text.getbyte(at) == 10 ? at + 1 : at)..)
      end
      @frames.write(header, text)
    end
  end
end
