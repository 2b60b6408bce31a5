# frozen_string_literal: true

# The runner's process: says hello, then serves until the gateway closes its end.

require_relative "frames"
require_relative "worker"

PROTOCOL = 1
EXIT_PROTOCOL = 76 # EX_PROTOCOL of sysexits.h
REQUESTS = 3
REPLIES = 4

trap("INT", "IGNORE") # Ctrl-C reaches us too; the gateway decides

def serve(frames)
  hello, = frames.read
  return if hello.nil?
  unless hello["type"] == "hello" && hello["protocol"] == PROTOCOL
    raise AlgoRunner::ProtocolError, "the first frame is hello of protocol #{PROTOCOL}"
  end

  frames.write({ type: "hello", protocol: PROTOCOL, language: "ruby #{RUBY_VERSION}", capabilities: ["describe"] })
  AlgoRunner::Worker.new(frames, hello).run
end

begin
  serve(AlgoRunner::Frames.new(REQUESTS, REPLIES))
  exit!(0)
rescue AlgoRunner::ProtocolError => e
  STDERR.write("runner: #{e.message}\n")
  exit!(EXIT_PROTOCOL)
rescue AlgoRunner::Gone
  exit!(0) # the gateway is gone
end
