# frozen_string_literal: true

# The runner's process: says hello, then serves until the gateway closes its end.

require_relative "frames"
require_relative "worker"

trap("INT", "IGNORE") # Ctrl-C reaches us too; the gateway decides
# They end the process, as in every language; by themselves they would raise, in whichever call runs.
%w[TERM HUP].each { |signal| trap(signal, "SYSTEM_DEFAULT") }

module AlgoRunner
  PROTOCOL = 1
  EXIT_PROTOCOL = 76 # EX_PROTOCOL of sysexits.h
  REQUESTS = 3
  REPLIES = 4

  def self.serve(frames)
    hello, = frames.read
    return if hello.nil?
    unless hello["type"] == "hello" && hello["protocol"] == PROTOCOL
      raise ProtocolError, "the first frame is hello of protocol #{PROTOCOL}"
    end

    hello["app"] = File.realpath(hello["app"]) # as require_relative calls the files in it
    frames.write({ type: "hello", protocol: PROTOCOL, language: "ruby #{RUBY_VERSION}", capabilities: ["describe"] })
    Worker.new(frames, hello).run
  end
end

begin
  AlgoRunner.serve(AlgoRunner::Frames.new(AlgoRunner::REQUESTS, AlgoRunner::REPLIES))
  exit!(0)
rescue AlgoRunner::ProtocolError => e
  STDERR.write("runner: #{e.message}\n")
  exit!(AlgoRunner::EXIT_PROTOCOL)
rescue AlgoRunner::Gone
  exit!(0) # the gateway is gone
end
